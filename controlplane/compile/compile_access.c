// SPDX-License-Identifier: BSD-3-Clause
// Access rules and the lists of session profiles: patterns written in the configuration and those of
// the files it names become lists of an image.
// Thread: one at a time.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cfg_list.h"
#include "compile_int.h"

SAME(CFG_ACCESS_RELAY, POL_ACCESS_RELAY);
SAME(CFG_ACCESS_REJECT, POL_ACCESS_REJECT);
SAME(CFG_ACCESS_TEMPFAIL, POL_ACCESS_TEMPFAIL);
SAME(CFG_ACCESS_DISCARD, POL_ACCESS_DISCARD);
SAME(CFG_ACCESS_BYPASS, POL_ACCESS_BYPASS);
SAME(CFG_ACCESS_COUNT, POL_ACCESS_COUNT);
SAME(CFG_AUTH_YES, POL_AUTH_YES);
SAME(CFG_AUTH_NO, POL_AUTH_NO);
SAME(CFG_AUTH_COUNT, POL_AUTH_COUNT);
SAME(CFG_DIRECTION_IN, POL_DIRECTION_IN);
SAME(CFG_DIRECTION_OUT, POL_DIRECTION_OUT);
SAME(CFG_DIRECTION_COUNT, POL_DIRECTION_COUNT);
SAME(CFG_LIST_SAFE_SENDERS, POL_LIST_SAFE_SENDERS);
SAME(CFG_LIST_BLOCKED_SENDERS, POL_LIST_BLOCKED_SENDERS);
SAME(CFG_LIST_SAFE_RECIPIENTS, POL_LIST_SAFE_RECIPIENTS);
SAME(CFG_LIST_BLOCKED_RECIPIENTS, POL_LIST_BLOCKED_RECIPIENTS);
SAME(CFG_LIST_USES, POL_LIST_USES);
SAME(CFG_ACCESS_MAX, POL_ACCESS_MAX);
SAME(CFG_LISTS_GLOBS_MAX, POL_GLOBS_MAX);

struct lists { // one compilation
	struct pol_build *b;
	const struct compile_input *in;
	struct err_list *err;
	int rc;
};

#define WRONG(n, at, ...)                                                         \
	do {                                                                      \
		err_at((n)->err, (at)->file, (at)->line, (at)->col, __VA_ARGS__); \
		(n)->rc = -EINVAL;                                                \
	} while (0)

static const char *const USES[] = {
	[CFG_LIST_SAFE_SENDERS] = "safe_senders",
	[CFG_LIST_BLOCKED_SENDERS] = "blocked_senders",
	[CFG_LIST_SAFE_RECIPIENTS] = "safe_recipients",
	[CFG_LIST_BLOCKED_RECIPIENTS] = "blocked_recipients",
};

// The list of some patterns, none = POL_NONE.
static uint32_t list_add(struct lists *n, const struct cfg_place *at, const char *what,
	const char *const *patterns, uint32_t count)
{
	const uint32_t globs = pol_build_count(n->b, POL_SEC_GLOBS);
	uint32_t index, all;

	if (count == 0)
		return POL_NONE;
	if (count > CFG_PATTERNS_MAX) {
		WRONG(n, at, "%s has %u patterns; the limit is %d", what, count, CFG_PATTERNS_MAX);
		return POL_NONE;
	}
	index = pol_build_list(n->b, n->in->version, n->in->made_s, patterns, count);
	all = pol_build_count(n->b, POL_SEC_GLOBS);
	if (index == POL_NONE && n->rc == 0)
		n->rc = -ENOMEM;
	if (all - globs > CFG_GLOBS_MAX)
		WRONG(n, at,
			"%s has %u patterns with wildcards other than *@domain and *@*.domain; "
			"they are tried one after the other, at most %d",
			what, all - globs, CFG_GLOBS_MAX);
	else if (all > CFG_LISTS_GLOBS_MAX && globs <= CFG_LISTS_GLOBS_MAX)
		WRONG(n, at,
			"%s is one too many; all lists may have %d patterns with wildcards other "
			"than *@domain and *@*.domain",
			what, CFG_LISTS_GLOBS_MAX);
	return index;
}

// A profile's list: what is written in the configuration, then its file.
static uint32_t profile_list(struct lists *n, const struct cfg_session *s, enum cfg_list_use use)
{
	const struct cfg_list *l = &s->lists[use];
	struct cfg_patterns *file = NULL;
	const char **all, *text = NULL;
	char *own = NULL;
	size_t bytes = 0;
	const unsigned before = n->err->count;
	uint32_t index = POL_NONE;

	if (l->file != NULL && l->file[0] != '\0')
		text = compile_file_text(n->in, l->file, &bytes, &own, n->err);
	if (text != NULL)
		file = cfg_patterns_load_text(text, bytes, l->file, n->err);
	free(own);
	if (n->err->count > before) {
		WRONG(n, &l->file_at, "session profile \"%s\": %s_file cannot be used", s->name,
			USES[use]);
		return POL_NONE;
	}
	all = calloc(l->n + (file == NULL ? 0 : file->n) + 1, sizeof(*all));
	if (all == NULL) {
		n->rc = -ENOMEM;
	} else {
		if (l->n > 0)
			memcpy(all, l->patterns, l->n * sizeof(*all));
		if (file != NULL && file->n > 0)
			memcpy(all + l->n, file->list, file->n * sizeof(*all));
		index = list_add(n, &s->at, USES[use], all, l->n + (file == NULL ? 0 : file->n));
	}
	free(all);
	cfg_patterns_free(file);
	return index;
}

int compile_profile_lists(struct pol_build *b, const struct compile_input *in,
	const struct cfg_session *s, uint32_t list[POL_LIST_USES], struct err_list *err)
{
	struct lists n = {.b = b, .in = in, .err = err};

	for (unsigned use = 0; use < POL_LIST_USES; use++) {
		uint32_t index = profile_list(&n, s, use);

		list[use] = index == POL_NONE ? 0 : index + 1;
	}
	return n.rc;
}

int compile_access(struct pol_build *b, const struct compile_input *in, struct err_list *err)
{
	struct lists n = {.b = b, .in = in, .err = err};

	for (uint32_t i = 0; i < in->cfg->naccess; i++) {
		const struct cfg_access *a = &in->cfg->access[i];
		struct pol_access r = {
			.name = pol_build_string(b, a->name),
			.clients = pol_build_count(b, POL_SEC_CLIENTS),
			.nclients = a->nclients,
			.helo = list_add(&n, &a->at, "helo", a->helo, a->nhelo),
			.sender = list_add(&n, &a->at, "sender", a->senders, a->nsenders),
			.recipient =
				list_add(&n, &a->at, "recipient", a->recipients, a->nrecipients),
			.direction = a->direction,
			.auth = a->auth,
			.action = a->action,
			.enabled = a->enabled,
		};

		for (uint32_t k = 0; k < a->nclients; k++)
			(void)pol_build_add(b, POL_SEC_CLIENTS, &a->clients[k]); // behind .clients
		(void)pol_build_add(b, POL_SEC_ACCESS, &r);                      // index = order
	}
	return n.rc;
}
