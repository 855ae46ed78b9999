// SPDX-License-Identifier: BSD-3-Clause
// config.revisions, config.get, config.diff: what was and is in force. Thread: the loop's.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve_diff.h"
#include "serve_int.h"

static const char *state_of(const struct serve *s, uint64_t revision)
{
	const struct serve_head *head = serve_changes_head(s->changes);

	if (revision == head->revision)
		return head->back != 0 ? "unconfirmed" : "in_force";
	return serve_head_was_unconfirmed(head, revision) ? "not_confirmed" : "old";
}

static json_t *number_or_null(uint64_t n)
{
	return n == 0 ? json_null() : serve_json_u64(n);
}

static json_t *row_make(const struct serve *s, const struct serve_history_row *row)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:s,s:o,s:i,s:i}", "revision",
		serve_json_u64(row->revision), "at", serve_json_time(row->made_s), "author",
		serve_json_text(row->author), "comment", serve_json_text(row->comment), "state",
		state_of(s, row->revision), "from", number_or_null(row->from), "plus",
		(int)row->plus, "minus", (int)row->minus);
}

void serve_config_revisions(void *arg, struct serve_call *call, json_t *params)
{
	int64_t max = SERVE_HISTORY_MAX;
	const struct serve_param table[] = {
		{"max", SERVE_PARAM_INT, .lo = 1, .hi = SERVE_HISTORY_MAX, .out = &max},
	};
	struct serve *s = arg;
	const struct serve_history *h = serve_changes_history(s->changes);
	const struct serve_head *head = serve_changes_head(s->changes);
	json_t *list;

	if (!serve_params_take(call, params, table, 1))
		return;
	list = json_array();
	for (unsigned i = h->n; i > 0 && max > 0; i--, max--)
		(void)json_array_append_new(list, row_make(s, &h->row[i - 1])); // else one less
	serve_call_result(call,
		json_pack("{s:o,s:o,s:o}", "revisions", list, "confirm_until",
			serve_json_time(head->until_s), "back", number_or_null(head->back)));
}

static json_t *texts_make(const struct serve_revision *r, const char *state)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:s}", "revision",
		serve_json_u64(r->version), "file", serve_json_text(r->name), "text",
		r->cfg == NULL ? json_null() : serve_json_cfg(r->cfg), "written",
		r->text.p == NULL ? json_null() : serve_json_bytes(r->text.p, r->text.n), "author",
		serve_json_text(r->author), "comment", serve_json_text(r->comment), "from",
		number_or_null(r->from), "at", serve_json_time(r->made_s), "state", state);
}

static void old_get(struct serve *s, struct serve_call *call, int64_t revision)
{
	struct serve_revision *r;
	struct err_list err;

	err_init(&err);
	r = serve_config_load(s, call, revision, &err);
	if (r != NULL)
		serve_call_result(call, texts_make(r, state_of(s, r->version)));
	serve_revision_free(r);
}

void serve_config_get(void *arg, struct serve_call *call, json_t *params)
{
	int64_t revision = 0;
	const struct serve_param table[] = {
		{"revision", SERVE_PARAM_INT, .lo = 1, .hi = INT64_MAX, .out = &revision},
	};
	struct serve *s = arg;
	const struct serve_revision *r = serve_changes_current(s->changes);

	if (!serve_params_take(call, params, table, 1))
		return;
	if (revision != 0 && (r == NULL || (uint64_t)revision != r->version))
		old_get(s, call, revision);
	else if (r == NULL)
		serve_call_error(
			call, API_RPC_ERR_NOT_FOUND, NULL, "no configuration is in force yet");
	else
		serve_call_result(
			call, texts_make(r, serve_origin_name(serve_changes_origin(s->changes))));
}

static json_t *diff_make(const struct serve_revision *from, const struct serve_revision *to)
{
	struct serve_diff_lines lines = {0};
	json_t *diff = NULL;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	int rc;

	if (f == NULL)
		return NULL;
	rc = serve_diff_revisions(f, from, to, &lines);
	if (fclose(f) == 0 && rc == 0)
		diff = serve_json_bytes(text, n);
	free(text);
	return diff == NULL ? NULL
			    : json_pack("{s:o,s:o,s:o,s:i,s:i}", "from",
				      number_or_null(from == NULL ? 0 : from->version), "to",
				      number_or_null(to->version), "diff", diff, "plus",
				      (int)lines.plus, "minus", (int)lines.minus);
}

// The right side: a revision, or the one on the left with another text.
static struct serve_revision *right_load(
	struct serve *s, struct serve_call *call, int64_t to, int64_t from, const char *text)
{
	struct serve_revision *r;
	struct err_list err;

	err_init(&err);
	r = serve_config_load(s, call, text != NULL ? from : to, &err);
	if (r == NULL || text == NULL)
		return r;
	r->version = 0;
	if (serve_text_set(&r->text, text, strlen(text)) == 0)
		return r;
	serve_call_result(call, NULL);
	serve_revision_free(r);
	return NULL;
}

// What `from` is where it was not said: the revision before, or for a text the one in force. 0 where
// there is none.
static int64_t from_default(const struct serve *s, int64_t to, const char *text)
{
	const struct serve_head *head = serve_changes_head(s->changes);
	const struct serve_history_row *before;

	if (text != NULL)
		return (int64_t)head->revision;
	before = serve_history_before(
		serve_changes_history(s->changes), to != 0 ? (uint64_t)to : head->revision);
	return before == NULL ? 0 : (int64_t)before->revision;
}

void serve_config_diff(void *arg, struct serve_call *call, json_t *params)
{
	int64_t from = 0, to = 0;
	const char *text = NULL;
	const struct serve_param table[] = {
		{"from", SERVE_PARAM_INT, .lo = 1, .hi = INT64_MAX, .out = &from},
		{"to", SERVE_PARAM_INT, .lo = 1, .hi = INT64_MAX, .out = &to},
		{"text", SERVE_PARAM_TEXT, .out = &text},
	};
	struct serve_revision *left = NULL, *right;
	struct serve *s = arg;
	struct err_list err;

	if (!serve_params_take(call, params, table, 3))
		return;
	if (text != NULL && to != 0) {
		serve_call_error(
			call, API_RPC_ERR_PARAMS, NULL, "params.to: not together with text");
		return;
	}
	err_init(&err);
	if (from == 0)
		from = from_default(s, to, text);
	right = right_load(s, call, to, from, text);
	if (right == NULL)
		return;
	if (from != 0)
		left = serve_config_load(s, call, from, &err);
	if (from == 0 || left != NULL)
		serve_call_result(call, diff_make(left, right));
	serve_revision_free(left);
	serve_revision_free(right);
}
