// SPDX-License-Identifier: BSD-3-Clause
// Refusals by policy and reason (serve_refused.h). Thread: the loop's.
#include "serve_refused.h"

#include <stdlib.h>

#include "cfg.h"

// As many as two revisions have: names that nobody uses any more stay, for a counter never goes away.
enum { POLICIES_KEPT = 2 * CFG_POLICIES_MAX };

struct serve_refused {
	json_t *all;
};

struct serve_refused *serve_refused_new(void)
{
	struct serve_refused *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->all = json_object();
	if (t->all != NULL)
		return t;
	free(t);
	return NULL;
}

void serve_refused_free(struct serve_refused *t)
{
	if (t == NULL)
		return;
	json_decref(t->all);
	free(t);
}

// What the record was refused for, NULL where it was not.
static const char *reason_of(const struct api_record *r, const struct serve_event_names *names)
{
	static const char *const verdicts[API_VERDICT_COUNT] = {
		[API_VERDICT_REJECTED] = "messages_rejected",
		[API_VERDICT_TEMPFAILED] = "messages_tempfailed",
		[API_VERDICT_DISCARDED] = "messages_discarded",
	};

	if (r->kind == API_REC_REFUSAL && r->refusal.code == 0) // monitored
		return NULL;
	if (r->kind == API_REC_REFUSAL)
		return names->reason == NULL ? "-" : names->reason;
	if (r->kind != API_REC_MESSAGE || r->message.verdict >= API_VERDICT_COUNT ||
		verdicts[r->message.verdict] == NULL)
		return NULL;
	return names->reason != NULL ? names->reason : verdicts[r->message.verdict];
}

void serve_refused_note(struct serve_refused *t, const struct api_record *r,
	const struct serve_event_names *names)
{
	const char *reason = reason_of(r, names);
	const char *policy = names->policy == NULL ? "-" : names->policy;
	json_t *row, *count;

	if (reason == NULL)
		return;
	row = json_object_get(t->all, policy);
	if (row == NULL && json_object_size(t->all) < POLICIES_KEPT) {
		row = json_object();
		if (json_object_set_new(t->all, policy, row) != 0) // a name that is no text either
			row = NULL;
	}
	count = json_object_get(row, reason);
	if (count != NULL)
		(void)json_integer_set(count, json_integer_value(count) + 1); // it is one
	else if (row != NULL)
		(void)json_object_set_new(row, reason, json_integer(1)); // else it is not counted
}

const json_t *serve_refused_all(const struct serve_refused *t)
{
	return t->all;
}

json_t *serve_refused_of(const struct serve_refused *t, const char *policy)
{
	json_t *row = json_object_get(t->all, policy);

	return row == NULL ? json_object() : json_deep_copy(row);
}
