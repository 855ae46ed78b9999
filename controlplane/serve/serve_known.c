// SPDX-License-Identifier: BSD-3-Clause
// What the methods of endpoints and of senders share (serve_known.h). Thread: the loop's.
#include "serve_known.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEEP_LOOKS = 20000 }; // a page of a filter that costs a look-up each

static const char login[] = "login", any[] = "any";

bool serve_known_word(const char *word, enum rep_state *out)
{
	for (unsigned i = 0; i < REP_STATE_COUNT; i++) {
		if (strcmp(word, rep_state_names[i]) != 0)
			continue;
		*out = (enum rep_state)i;
		return true;
	}
	return false;
}

bool serve_known_state(struct serve_call *call, const char *word, struct rep_filter *f)
{
	if (word == NULL || strcmp(word, any) == 0)
		return true;
	f->by_auth = strcmp(word, login) == 0;
	f->by_state = !f->by_auth && serve_known_word(word, &f->state);
	if (f->by_auth || f->by_state)
		return true;
	serve_call_error(call, API_RPC_ERR_PARAMS, NULL,
		"params.state: neither any, none, auto, manual, exempt nor login");
	return false;
}

bool serve_known_scores(struct serve_call *call, int64_t min, int64_t max, struct rep_filter *f)
{
	f->score_min = (uint32_t)min;
	f->score_max = (uint32_t)max;
	if (max == 0 || min <= max)
		return true;
	serve_call_error(call, API_RPC_ERR_PARAMS, NULL,
		"params.min: %" PRId64 " is more than max, %" PRId64, min, max);
	return false;
}

bool serve_known_number(const char *text, uint32_t *out)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || v >= REP_NOBODY)
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool cursor_take(struct serve_call *call, const char *text, uint32_t *next)
{
	*next = 0;
	if (text == NULL || *text == '\0' || serve_known_number(text, next))
		return true;
	serve_call_error(call, API_RPC_ERR_PARAMS, NULL, "params.cursor: not one of this list");
	return false;
}

static json_t *cursor_json(uint32_t next)
{
	return next == REP_NOBODY ? json_null() : json_sprintf("%" PRIu32, next);
}

void serve_known_page(struct serve *s, struct serve_call *call, const struct serve_known_kind *k,
	const struct rep_filter *f, const char *cursor, int64_t count,
	bool (*keep)(struct serve *s, uint32_t number, const void *arg), const void *arg)
{
	uint32_t numbers[KNOWN_PAGE_MAX], next, n, looks = 0;
	json_t *rows;

	if (!cursor_take(call, cursor, &next))
		return;
	rows = json_array();
	do {
		n = k->page(s, f, &next, numbers, (uint32_t)count);
		for (uint32_t i = 0; i < n; i++)
			if (keep == NULL || keep(s, numbers[i], arg)) {
				(void)json_array_append_new(rows, k->show(s, numbers[i]));
				count--;
			}
		looks += n;
	} while (keep != NULL && n > 0 && count > 0 && next != REP_NOBODY && looks < KEEP_LOOKS);
	serve_call_result(call, json_pack("{s:o,s:o}", k->noun, rows, "cursor", cursor_json(next)));
}

json_t *serve_known_until(const struct serve_reputation *r, uint32_t left_s)
{
	return serve_json_time(
		left_s == 0 ? 0 : serve_reputation_now(r) + serve_reputation_shift(r) + left_s);
}

// ---- an operator's word

bool serve_known_listing(struct serve_call *call, const struct serve_reputation *r,
	const char *comment, int64_t for_s, struct rep_listing *to)
{
	to->comment = span_str(comment);
	to->until_s = for_s == 0 ? 0 : serve_reputation_now(r) + (uint32_t)for_s;
	if (to->comment.n <= REP_COMMENT_MAX)
		return true;
	serve_call_error(call, API_RPC_ERR_PARAMS, NULL,
		"params.comment: %zu octets; %d are the most", to->comment.n, REP_COMMENT_MAX);
	return false;
}

void serve_known_note(const struct serve_reputation *r, json_t *row, uint32_t since_s,
	uint32_t left_s, struct span comment)
{
	if (row == NULL)
		return;
	(void)json_object_update_new(row, // without memory the row lacks them
		json_pack("{s:o,s:o,s:o,s:o}", "since",
			serve_json_time(since_s == 0 ? 0 : since_s + serve_reputation_shift(r)),
			"until", serve_known_until(r, left_s), "left_s",
			left_s == 0 ? json_null() : json_integer(left_s), "comment",
			comment.n == 0 ? json_null()
				       : serve_json_bytes((const char *)comment.p, comment.n)));
}

// ---- the highest

struct serve_top {
	struct serve *s;
	struct serve_call *call;
	const struct serve_known_kind *kind;
	struct rep_filter f;
	struct core_timer *timer;
	struct rep_top top;
};

static void top_end(struct serve_top *t)
{
	for (unsigned i = 0; i < SERVE_TOPS_MAX; i++)
		if (t->s->tops[i] == t)
			t->s->tops[i] = NULL;
	core_timer_free(t->timer);
	free(t);
}

static void on_top(void *arg)
{
	struct serve_top *t = arg;
	json_t *rows;

	if (t->kind->top(t->s, &t->f, &t->top)) {
		if (core_timer_once(t->timer, 0) == 0)
			return;
		serve_call_result(t->call, NULL);
		top_end(t);
		return;
	}
	rows = json_array();
	for (uint32_t i = 0; i < t->top.n; i++)
		(void)json_array_append_new(rows, t->kind->show(t->s, t->top.row[i].number));
	serve_call_result(t->call, json_pack("{s:o}", t->kind->noun, rows));
	top_end(t);
}

void serve_known_top(
	struct serve *s, struct serve_call *call, json_t *params, const struct serve_known_kind *k)
{
	const char *state = NULL;
	int64_t count = KNOWN_TOP;
	const struct serve_param table[] = {
		{"count", SERVE_PARAM_INT, .lo = 1, .hi = REP_TOP_MAX, .out = &count},
		{"state", SERVE_PARAM_TEXT, .out = &state},
	};
	struct rep_filter f = {0};
	struct serve_top *t;
	unsigned i = 0;

	if (!serve_params_take(call, params, table, 2) || !serve_known_state(call, state, &f))
		return;
	while (i < SERVE_TOPS_MAX && s->tops[i] != NULL)
		i++;
	if (i == SERVE_TOPS_MAX) {
		serve_call_error(call, API_RPC_ERR_BUSY, NULL, "others are under way; try again");
		return;
	}
	t = calloc(1, sizeof(*t));
	if (t == NULL) {
		serve_call_result(call, NULL);
		return;
	}
	*t = (struct serve_top){.s = s,
		.call = call,
		.kind = k,
		.f = f,
		.top = {.most = (uint32_t)count},
		.timer = core_timer_new(s->loop, on_top, t)};
	s->tops[i] = t;
	if (t->timer != NULL && core_timer_once(t->timer, 0) == 0)
		return;
	serve_call_result(call, NULL);
	top_end(t);
}

void serve_known_stop(struct serve *s)
{
	for (unsigned i = 0; i < SERVE_TOPS_MAX; i++) {
		if (s->tops[i] == NULL)
			continue;
		serve_call_result(s->tops[i]->call, NULL);
		top_end(s->tops[i]);
	}
}
