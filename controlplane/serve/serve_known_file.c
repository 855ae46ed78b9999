// SPDX-License-Identifier: BSD-3-Clause
// Lists of endpoints and of senders as files: *.export and *.import (serve_known.h). An import is read twice: a
// file with an error anywhere changes nothing. Thread: the loop's.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "serve_known.h"

// ---- export

struct export { // which list, and where in it
	enum rep_state state; // REP_STATE_COUNT = done
	uint32_t next;
};

static bool export_take(struct serve_call *call, const char *cursor, struct export *x)
{
	char word[16];
	const char *dot = cursor == NULL ? NULL : strchr(cursor, '.');

	*x = (struct export){.state = REP_AUTO};
	if (cursor == NULL || *cursor == '\0')
		return true;
	if (dot != NULL && dot - cursor < (ptrdiff_t)sizeof(word)) {
		memcpy(word, cursor, (size_t)(dot - cursor));
		word[dot - cursor] = '\0';
		if (serve_known_word(word, &x->state) && x->state != REP_NONE &&
			serve_known_number(dot + 1, &x->next))
			return true;
	}
	serve_call_error(call, API_RPC_ERR_PARAMS, NULL, "params.cursor: not one of this export");
	return false;
}

static json_t *export_json(const struct export *x)
{
	return x->state == REP_STATE_COUNT
		? json_null()
		: json_sprintf("%s.%" PRIu32, rep_state_names[x->state], x->next);
}

void serve_known_put(FILE *f, const json_t *row, const char *name, bool first)
{
	const char *text = json_string_value(json_object_get(row, name));

	serve_csv_put(f, text == NULL ? "" : text, first);
}

static void rows_put(struct serve *s, const struct serve_known_kind *k, struct export *x,
	int64_t count, FILE *f)
{
	static uint32_t numbers[KNOWN_EXPORT_MAX]; // the loop's thread alone is here

	while (count > 0 && x->state < REP_STATE_COUNT) {
		const struct rep_filter filter = {.by_state = true, .state = x->state};
		const uint32_t n = k->page(s, &filter, &x->next, numbers, (uint32_t)count);

		for (uint32_t i = 0; i < n; i++) {
			json_t *row = k->show(s, numbers[i]);

			k->put(s, f, row);
			json_decref(row);
		}
		count -= n;
		if (x->next == REP_NOBODY)
			*x = (struct export){.state = x->state + 1};
		else if (n == 0)
			break;
	}
}

void serve_known_export(struct serve *s, struct serve_call *call, json_t *params,
	const struct serve_known_kind *k)
{
	const char *cursor = NULL;
	int64_t count = KNOWN_EXPORT_MAX;
	const struct serve_param table[] = {
		{"cursor", SERVE_PARAM_TEXT, .out = &cursor},
		{"count", SERVE_PARAM_INT, .lo = 1, .hi = KNOWN_EXPORT_MAX, .out = &count},
	};
	struct export x;
	char *text = NULL;
	size_t n = 0;
	FILE *f;

	if (!serve_params_take(call, params, table, 2) || !export_take(call, cursor, &x))
		return;
	f = open_memstream(&text, &n);
	if (f == NULL) {
		serve_call_result(call, NULL);
		return;
	}
	if (cursor == NULL || *cursor == '\0')
		(void)fputs(k->head, f); // the stream remembers an error
	rows_put(s, k, &x, count, f);
	serve_call_result(call,
		fclose(f) != 0 ? NULL
			       : json_pack("{s:o,s:o}", "csv", json_stringn(text, n), "cursor",
					 export_json(&x)));
	free(text);
}

// ---- import

static int column_of(const struct serve_known_import *im, const char *name)
{
	static const char *const names[COLUMN_COUNT] = {[COLUMN_CONTEXT] = "context",
		[COLUMN_VLAN] = "vlan",
		[COLUMN_LIST] = "list",
		[COLUMN_UNTIL] = "until",
		[COLUMN_COMMENT] = "comment",
		[COLUMN_KEY] = "key"};

	if (strcmp(name, im->id) == 0)
		return COLUMN_ID;
	for (int i = COLUMN_CONTEXT; i < COLUMN_COUNT; i++) {
		const bool of_senders = i == COLUMN_CONTEXT || i == COLUMN_VLAN;

		if ((im->senders ? i != COLUMN_KEY : !of_senders) && strcmp(name, names[i]) == 0)
			return i;
	}
	// An export has these, too.
	return strcmp(name, "score") == 0 || (im->senders && strcmp(name, "location") == 0)
		? COLUMN_COUNT
		: -1;
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

// Where there is none it is for good; a block of auto has one.
static bool until_take(const struct serve_known_import *im, struct serve_known_row *row,
	struct err_list *err)
{
	const int64_t shift = serve_reputation_shift(im->s->reputation),
		      now = serve_reputation_now(im->s->reputation);
	const char *text = row->text[COLUMN_UNTIL];
	int64_t until = 0;

	if (row->to.state == REP_NONE || (*text == '\0' && row->to.state != REP_AUTO))
		return true;
	if (!time_of(text, &until)) {
		err_at(err, im->file, row->line, 0,
			"until is \"%.64s\"; %s like 2026-01-31T12:00:00Z", text,
			row->to.state == REP_AUTO ? "a block of auto ends at a time"
						  : "it is empty or a time");
		return false;
	}
	until -= shift;
	if (until > UINT32_MAX) {
		err_at(err, im->file, row->line, 0, "until is too far away");
		return false;
	}
	row->over = until <= now;
	row->to.until_s = row->over ? 0 : (uint32_t)until;
	return true;
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
	row->to.comment = span_str(row->text[COLUMN_COMMENT]);
	if (!serve_known_word(row->text[COLUMN_LIST], &row->to.state) ||
		(row->to.state == REP_AUTO && im->senders))
		err_at(err, im->file, c->line, 0,
			"%.64s: no such list; manual, exempt%s and none are",
			row->text[COLUMN_LIST], im->senders ? "" : ", auto");
	else if (row->to.comment.n > REP_COMMENT_MAX)
		err_at(err, im->file, c->line, 0, "a comment has at most %d octets",
			REP_COMMENT_MAX);
	else
		return until_take(im, row, err);
	return false;
}

static void rows_take(struct serve_known_import *im, struct err_list *err)
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
			im->each(im, &row, err);
			im->rows++;
		}
	}
	if (rc < 0)
		err_at(err, im->file, c->line, 0, "%s", c->why);
	else if (columns == 0)
		err_at(err, im->file, 1, 0, "empty; the first line names the columns");
	free(c);
}

void serve_known_lost(struct serve_known_import *im, const struct serve_known_row *row, int rc,
	struct err_list *err)
{
	im->lost++;
	if (rc == -ENOSPC) // there was, or nothing would have been begun
		err_at(err, im->file, row->line, 0,
			"%.64s: no room: what the data plane has not been told yet can't make any; "
			"import it again (%s)",
			row->text[COLUMN_ID], im->kind->sized_by);
	else
		err_at(err, im->file, row->line, 0, "%.64s: %s", row->text[COLUMN_ID],
			strerror(-rc));
}

void serve_known_import(struct serve *s, struct serve_call *call, json_t *params,
	struct serve_known_import *im)
{
	const char *text = NULL, *file = "stdin", *comment = "";
	const struct serve_param table[] = {
		{"text", SERVE_PARAM_TEXT, .required = true, .out = &text},
		{"file", SERVE_PARAM_TEXT, .out = &file},
		{"comment", SERVE_PARAM_TEXT, .out = &comment},
	};
	struct err_list err;
	char object[64], verb[64];

	err_init(&err);
	if (!serve_params_take(call, params, table, 3))
		return;
	im->s = s;
	im->text = text;
	im->file = file;
	rows_take(im, &err);
	if (!err_any(&err) && im->made > im->kind->room(s))
		err_add(&err, "%s: %u entries; there is room for %u (%s)", file, im->made,
			im->kind->room(s), im->kind->sized_by);
	if (err_any(&err)) {
		serve_call_errors(call, API_RPC_ERR_CONFIG, &err, "nothing was taken");
		return;
	}
	im->apply = true;
	rows_take(im, &err);
	serve_reputation_done(s->reputation);
	if (im->lost > 0) // it fits, here and below
		(void)snprintf(
			object, sizeof(object), "%u of %u rows", im->rows - im->lost, im->rows);
	else
		(void)snprintf(object, sizeof(object), "%u rows", im->rows);
	(void)snprintf(verb, sizeof(verb), "%s.import", im->kind->noun); // likewise
	serve_known_audit(s, call, verb, object, comment);
	if (im->lost > 0) {
		(void)snprintf(
			object, sizeof(object), "%u of %u rows were not taken", im->lost, im->rows);
		serve_call_errors(call, API_RPC_ERR_CONFIG, &err, object);
	} else if (err_any(&err)) { // without memory
		serve_call_errors(call, API_RPC_ERR_CONFIG, &err, "not all rows were taken");
	} else {
		serve_call_result(call, json_pack("{s:I}", "rows", (json_int_t)im->rows));
	}
}
