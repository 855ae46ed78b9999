// SPDX-License-Identifier: BSD-3-Clause
// What the methods of endpoints and of senders share (serve_known.h). Thread: the loop's.
#include "serve_known.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char login[] = "login", any[] = "any";

static bool state_of(const char *word, enum rep_state *out)
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
	f->by_state = !f->by_auth && state_of(word, &f->state);
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

static bool number_of(const char *text, uint32_t *out)
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

bool serve_known_cursor(struct serve_call *call, const char *text, uint32_t *next)
{
	*next = 0;
	if (text == NULL || *text == '\0' || number_of(text, next))
		return true;
	serve_call_error(call, API_RPC_ERR_PARAMS, NULL, "params.cursor: not one of this list");
	return false;
}

json_t *serve_known_cursor_json(uint32_t next)
{
	return next == REP_NOBODY ? json_null() : json_sprintf("%" PRIu32, next);
}

json_t *serve_known_until(const struct serve_reputation *r, uint32_t left_s)
{
	return serve_json_time(
		left_s == 0 ? 0 : serve_reputation_now(r) + serve_reputation_shift(r) + left_s);
}

// ---- export

bool serve_known_export_take(
	struct serve_call *call, const char *cursor, struct serve_known_export *x)
{
	char word[16];
	const char *dot = cursor == NULL ? NULL : strchr(cursor, '.');

	*x = (struct serve_known_export){.state = REP_AUTO};
	if (cursor == NULL || *cursor == '\0')
		return true;
	if (dot != NULL && dot - cursor < (ptrdiff_t)sizeof(word)) {
		memcpy(word, cursor, (size_t)(dot - cursor));
		word[dot - cursor] = '\0';
		if (state_of(word, &x->state) && x->state != REP_NONE &&
			number_of(dot + 1, &x->next))
			return true;
	}
	serve_call_error(call, API_RPC_ERR_PARAMS, NULL, "params.cursor: not one of this export");
	return false;
}

json_t *serve_known_export_json(const struct serve_known_export *x)
{
	return x->state == REP_STATE_COUNT
		? json_null()
		: json_sprintf("%s.%" PRIu32, rep_state_names[x->state], x->next);
}

// ---- import

static int column_of(const struct serve_known_import *im, const char *name)
{
	static const char *const names[COLUMN_COUNT] = {[COLUMN_CONTEXT] = "context",
		[COLUMN_VLAN] = "vlan",
		[COLUMN_LIST] = "list",
		[COLUMN_UNTIL] = "until"};

	if (strcmp(name, im->id) == 0)
		return COLUMN_ID;
	for (int i = COLUMN_CONTEXT; i < COLUMN_COUNT; i++) {
		const bool of_senders = i == COLUMN_CONTEXT || i == COLUMN_VLAN;

		if ((i == COLUMN_LIST || of_senders == im->senders) && strcmp(name, names[i]) == 0)
			return i;
	}
	return strcmp(name, "score") == 0 ? COLUMN_COUNT : -1; // an export has it
}

// Which field each column is; false with an error where the head is none.
static bool head_take(const struct serve_known_import *im, const struct serve_csv *c,
	int place[COLUMN_COUNT], struct err_list *err)
{
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		place[i] = -1;
	for (unsigned i = 0; i < c->n; i++) {
		const int column = column_of(im, c->field[i]);

		if (column < 0)
			err_at(err, im->file, c->line, 0, "%.64s: no such column", c->field[i]);
		else if (column < COLUMN_COUNT)
			place[column] = (int)i;
	}
	if (place[COLUMN_ID] < 0 || place[COLUMN_LIST] < 0)
		err_at(err, im->file, c->line, 0,
			"the first line names the columns; %s and list are needed", im->id);
	return !err_any(err);
}

// RFC 3339 in UTC, whole seconds: as an export has it.
static bool time_of(const char *text, int64_t *out)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

	*out = end == NULL || *end != '\0' ? -1 : (int64_t)timegm(&tm);
	return *out > 0;
}

static bool row_take(const struct serve_known_import *im, const struct serve_csv *c,
	const int place[COLUMN_COUNT], unsigned columns, struct serve_known_row *row,
	struct err_list *err)
{
	*row = (struct serve_known_row){.line = c->line};
	if (c->n != columns) {
		err_at(err, im->file, c->line, 0, "%u fields; the first line has %u", c->n,
			columns);
		return false;
	}
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		row->text[i] = place[i] < 0 ? "" : c->field[place[i]];
	if (!state_of(row->text[COLUMN_LIST], &row->list) || (row->list == REP_AUTO && im->senders))
		err_at(err, im->file, c->line, 0,
			"%.64s: no such list; manual, exempt%s and none are",
			row->text[COLUMN_LIST], im->senders ? "" : ", auto");
	else if (row->list == REP_AUTO && !time_of(row->text[COLUMN_UNTIL], &row->until_s))
		err_at(err, im->file, c->line, 0,
			"until is \"%.64s\"; a block of auto ends at a time like "
			"2026-01-31T12:00:00Z",
			row->text[COLUMN_UNTIL]);
	else
		return true;
	return false;
}

void serve_known_import(struct serve_known_import *im, struct err_list *err)
{
	struct serve_csv *c = malloc(sizeof(*c));
	int place[COLUMN_COUNT], rc;
	unsigned columns = 0;
	struct serve_known_row row;

	im->rows = 0;
	if (c == NULL) {
		err_add(err, "out of memory");
		return;
	}
	serve_csv_begin(c, im->text, strlen(im->text));
	while ((rc = serve_csv_next(c)) == 1) {
		if (columns == 0) {
			columns = c->n;
			if (!head_take(im, c, place, err))
				break;
		} else if (row_take(im, c, place, columns, &row, err)) {
			im->each(im->arg, &row, err);
			im->rows++;
		}
	}
	if (rc < 0)
		err_at(err, im->file, c->line, 0, "%s", c->why);
	else if (columns == 0)
		err_at(err, im->file, 1, 0, "empty; the first line names the columns");
	free(c);
}

// ---- the highest

struct serve_top {
	struct serve *s;
	struct serve_call *call;
	bool senders;
	struct rep_filter f;
	serve_known_show_cb show;
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
	struct serve_reputation *r = t->s->reputation;
	const uint32_t now = serve_reputation_now(r);
	json_t *rows;

	if (t->senders ? rep_senders_top(serve_reputation_senders(r), &t->f, &t->top, now)
		       : rep_endpoints_top(serve_reputation_endpoints(r), &t->f, &t->top, now)) {
		if (core_timer_once(t->timer, 0) == 0)
			return;
		serve_call_result(t->call, NULL);
		top_end(t);
		return;
	}
	rows = json_array();
	for (uint32_t i = 0; i < t->top.n; i++)
		(void)json_array_append_new(rows, t->show(t->s, t->top.row[i].number));
	serve_call_result(t->call, json_pack("{s:o}", t->senders ? "senders" : "endpoints", rows));
	top_end(t);
}

void serve_known_top(struct serve *s, struct serve_call *call, bool senders,
	const struct rep_filter *f, uint32_t most, serve_known_show_cb show)
{
	struct serve_top *t;
	unsigned i = 0;

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
		.senders = senders,
		.f = *f,
		.show = show,
		.top = {.most = most},
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
