// SPDX-License-Identifier: BSD-3-Clause
// What operators did to lists and scores: noted in the store and the log; audit.list reads it.
// Thread: the loop's.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "serve_known.h"
#include "text.h"

LOG_COMPONENT("audit");

enum { COUNT = 20, COUNT_MAX = 1000 };

void serve_known_audit(struct serve *s, struct serve_call *call, const char *verb,
	const char *object, const char *comment)
{
	char who[32], thing[300], why[300];
	struct sto_audit row = {.at_s = time(NULL),
		.verb = span_str(verb),
		.object = span_str(object),
		.comment = span_str(comment)};
	int rc;

	(void)snprintf(who, sizeof(who), "uid %u", (unsigned)serve_call_uid(call)); // it fits
	row.who = span_str(who);
	rc = sto_audit_put(s->sto, &row, NULL);
	LOG(INFO, "%s: %s: %s%s%s%s", who, verb,
		text_escape(span_str(object), thing, sizeof(thing)), *comment != '\0' ? ": " : "",
		text_escape(span_str(comment), why, sizeof(why)),
		rc == 0 ? "" : " (not in the store)");
}

struct serve_audit_read {
	struct serve *s;
	struct serve_call *call;
	json_t *rows;
	uint64_t least; // number of the last one
	int64_t count;
};

static json_t *text_of(struct span s)
{
	return serve_json_bytes((const char *)s.p, s.n);
}

static void on_audit(void *arg, const struct sto_audit *row)
{
	struct serve_audit_read *read = arg;
	const bool more = (int64_t)json_array_size(read->rows) == read->count;

	if (row != NULL) {
		read->least = row->number;
		(void)json_array_append_new(read->rows,
			json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "number",
				serve_json_u64(row->number), "time", serve_json_time(row->at_s),
				"who", text_of(row->who), "verb", text_of(row->verb), "object",
				text_of(row->object), "comment", text_of(row->comment)));
		return;
	}
	for (unsigned i = 0; i < SERVE_AUDITS_MAX; i++)
		if (read->s->audits[i] == read)
			read->s->audits[i] = NULL;
	serve_call_result(read->call,
		json_pack("{s:o,s:o}", "audit", read->rows, "before",
			more ? serve_json_u64(read->least) : json_null()));
	free(read);
}

void serve_audit_list(void *arg, struct serve_call *call, json_t *params)
{
	int64_t count = COUNT, before = 0;
	const struct serve_param table[] = {
		{"count", SERVE_PARAM_INT, .lo = 1, .hi = COUNT_MAX, .out = &count},
		{"before", SERVE_PARAM_INT, .lo = 1, .hi = INT64_MAX, .out = &before},
	};
	struct serve *s = arg;
	struct serve_audit_read *read;
	unsigned i = 0;
	int rc = -EAGAIN;

	if (!serve_params_take(call, params, table, 2))
		return;
	if (sto_state(s->sto) == STO_NONE) {
		serve_call_error(call, API_RPC_ERR_NOT_FOUND, NULL,
			"there is no store (store.file): the log alone has it");
		return;
	}
	read = calloc(1, sizeof(*read));
	if (read == NULL) {
		serve_call_result(call, NULL);
		return;
	}
	*read = (struct serve_audit_read){
		.s = s, .call = call, .rows = json_array(), .count = count};
	while (i < SERVE_AUDITS_MAX && s->audits[i] != NULL)
		i++;
	if (i < SERVE_AUDITS_MAX)
		rc = sto_audit_read(s->sto, (uint64_t)before, (uint32_t)count, on_audit, read);
	if (rc == 0) {
		s->audits[i] = read;
		return;
	}
	json_decref(read->rows);
	free(read);
	if (rc == -EAGAIN)
		serve_call_error(call, API_RPC_ERR_BUSY, NULL, "others are under way; try again");
	else
		serve_call_error(call, API_RPC_ERR_NOT_FOUND, NULL,
			"the store cannot be read now; the log has it, too");
}

void serve_audit_stop(struct serve *s)
{
	for (unsigned i = 0; i < SERVE_AUDITS_MAX; i++) {
		struct serve_audit_read *read = s->audits[i];

		if (read == NULL)
			continue;
		s->audits[i] = NULL;
		serve_call_error(read->call, API_RPC_ERR_NOT_FOUND, NULL, "the control plane ends");
		json_decref(read->rows);
		free(read);
	}
}
