// SPDX-License-Identifier: BSD-3-Clause
// endpoints.*: subscribers by their scores and lists. An endpoint is named by its id or, where that has
// octets that no text has, by its key. Thread: the loop's.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "serve_known.h"
#include "text.h"

enum { ADDRESSES_MAX = 16 };

static const char no_table[] =
	"dataplane.bindings was 0 when the control plane started: no endpoint is known";

static struct rep_endpoints *table_of(struct serve *s, struct serve_call *call)
{
	struct rep_endpoints *e = serve_reputation_endpoints(s->reputation);

	if (e == NULL)
		serve_call_error(call, API_RPC_ERR_NOT_FOUND, NULL, "%s", no_table);
	return e;
}

static json_t *row_of(struct serve *s, const struct rep_endpoint *v)
{
	struct serve_reputation *r = s->reputation;
	const uint32_t now = serve_reputation_now(r);
	const uint32_t left = v->state == REP_AUTO && v->until_s > now ? v->until_s - now : 0;
	uint8_t buf[REP_ID_MAX];
	const struct span id = serve_reputation_id(r, v, buf);

	return json_pack("{s:b,s:o,s:o,s:s,s:I,s:o,s:o,s:o,s:o,s:I}", "blocked",
		v->state == REP_MANUAL || left > 0, "id",
		id.n == 0 ? json_null() : serve_json_bytes((const char *)id.p, id.n), "key",
		json_sprintf("%016" PRIx64, v->key), "state", rep_state_names[v->state], "score",
		(json_int_t)v->score, "until", serve_known_until(r, left), "left_s",
		left == 0 ? json_null() : json_integer(left), "login_until",
		serve_known_until(r, v->auth_s), "login_left_s",
		v->auth_s == 0 ? json_null() : json_integer(v->auth_s), "failed_logins",
		(json_int_t)v->auth_failed);
}

static json_t *show(struct serve *s, uint32_t number)
{
	struct rep_endpoint v;

	rep_endpoint_get(serve_reputation_endpoints(s->reputation), number,
		serve_reputation_now(s->reputation), &v);
	return row_of(s, &v);
}

// ---- looking

void serve_endpoints_list(void *arg, struct serve_call *call, json_t *params)
{
	const char *state = NULL, *id = "", *cursor = NULL;
	int64_t count = KNOWN_PAGE, min = 0, max = 0;
	const struct serve_param table[] = {
		{"state", SERVE_PARAM_TEXT, .out = &state},
		{"id", SERVE_PARAM_TEXT, .out = &id},
		{"min", SERVE_PARAM_INT, .lo = 0, .hi = UINT32_MAX, .out = &min},
		{"max", SERVE_PARAM_INT, .lo = 1, .hi = UINT32_MAX, .out = &max},
		{"count", SERVE_PARAM_INT, .lo = 1, .hi = KNOWN_PAGE_MAX, .out = &count},
		{"cursor", SERVE_PARAM_TEXT, .out = &cursor},
	};
	struct serve *s = arg;
	struct rep_filter f = {0};
	uint32_t numbers[KNOWN_PAGE_MAX], next, n;
	struct rep_endpoints *e;
	json_t *rows;

	if (!serve_params_take(call, params, table, sizeof(table) / sizeof(table[0])) ||
		!serve_known_state(call, state, &f) || !serve_known_scores(call, min, max, &f) ||
		!serve_known_cursor(call, cursor, &next))
		return;
	e = table_of(s, call);
	if (e == NULL)
		return;
	f.id = span_str(id);
	n = rep_endpoints_page(
		e, &f, &next, numbers, (uint32_t)count, serve_reputation_now(s->reputation));
	rows = json_array();
	for (uint32_t i = 0; i < n; i++)
		(void)json_array_append_new(rows, show(s, numbers[i]));
	serve_call_result(call,
		json_pack("{s:o,s:o}", "endpoints", rows, "cursor", serve_known_cursor_json(next)));
}

void serve_endpoints_top(void *arg, struct serve_call *call, json_t *params)
{
	const char *state = NULL;
	int64_t count = KNOWN_TOP;
	const struct serve_param table[] = {
		{"count", SERVE_PARAM_INT, .lo = 1, .hi = REP_TOP_MAX, .out = &count},
		{"state", SERVE_PARAM_TEXT, .out = &state},
	};
	struct serve *s = arg;
	struct rep_filter f = {0};

	if (serve_params_take(call, params, table, 2) && serve_known_state(call, state, &f) &&
		table_of(s, call) != NULL)
		serve_known_top(s, call, false, &f, (uint32_t)count, show);
}

// Who is meant: by id or key. False after the call was answered.
static bool key_take(
	struct serve *s, struct serve_call *call, const char *id, const char *hex, uint64_t *key)
{
	char *end;

	if ((id == NULL) == (hex == NULL)) {
		serve_call_error(
			call, API_RPC_ERR_PARAMS, NULL, "params: one of id and key is needed");
		return false;
	}
	if (id != NULL && (*id == '\0' || strlen(id) > REP_ID_MAX)) {
		serve_call_error(call, API_RPC_ERR_PARAMS, NULL,
			"params.id: an id has 1 to %d octets", REP_ID_MAX);
		return false;
	}
	*key = id != NULL ? serve_reputation_key(s->reputation, span_str(id))
			  : strtoull(hex, &end, 16);
	if (id == NULL &&
		(strlen(hex) != 16 || strspn(hex, "0123456789abcdef") != 16 || *key == 0)) {
		serve_call_error(call, API_RPC_ERR_PARAMS, NULL,
			"params.key: not the 16 hexadecimal digits of an endpoint");
		return false;
	}
	return true;
}

// Where it is now, as accounting said; null where nobody knows.
static json_t *addresses_of(struct serve *s, uint64_t key)
{
	struct rad_key keys[ADDRESSES_MAX];
	char text[PREFIX_TEXT_MAX];
	json_t *list;
	uint32_t n;

	if (s->radius == NULL)
		return json_null();
	n = serve_radius_of(s->radius, key, keys, ADDRESSES_MAX);
	if (n == 0)
		return json_null();
	list = json_array();
	for (uint32_t i = 0; i < n && i < ADDRESSES_MAX; i++) {
		(void)prefix_format(&keys[i].prefix, text, sizeof(text)); // it fits
		(void)json_array_append_new(list,
			keys[i].port_first == 0 && keys[i].port_last == UINT16_MAX
				? json_string(text)
				: json_sprintf("%s ports %u-%u", text, keys[i].port_first,
					  keys[i].port_last));
	}
	return list;
}

void serve_endpoints_get(void *arg, struct serve_call *call, json_t *params)
{
	const char *id = NULL, *hex = NULL;
	const struct serve_param table[] = {
		{"id", SERVE_PARAM_TEXT, .out = &id},
		{"key", SERVE_PARAM_TEXT, .out = &hex},
	};
	struct serve *s = arg;
	struct rep_endpoint v = {0};
	struct rep_endpoints *e;
	uint32_t n;
	json_t *row;

	if (!serve_params_take(call, params, table, 2) || !key_take(s, call, id, hex, &v.key))
		return;
	e = table_of(s, call);
	if (e == NULL)
		return;
	n = rep_endpoint_find(e, v.key);
	if (n != REP_NOBODY)
		rep_endpoint_get(e, n, serve_reputation_now(s->reputation), &v);
	else if (id != NULL)
		v.id = span_str(id);
	row = row_of(s, &v);
	if (row != NULL)
		(void)json_object_update_new(row,
			json_pack("{s:o,s:b,s:o,s:o,s:o}", "addresses", addresses_of(s, v.key),
				"known", n != REP_NOBODY, "trigger",
				v.trigger == 0 ? json_null() : json_integer(v.trigger), "block_s",
				v.for_s == 0 ? json_null() : json_integer(v.for_s), "calm_s",
				v.calm_s == 0 ? json_null() : json_integer(v.calm_s)));
	serve_call_result(call, row);
}

// ---- changing

enum what { BLOCK, UNBLOCK, EXEMPT, UNEXEMPT, CLEAR };

// 0 or what is wrong.
static const char *change(
	struct serve *s, struct rep_endpoints *e, uint64_t key, struct span id, enum what what)
{
	static const enum rep_state to[] = {[BLOCK] = REP_MANUAL,
		[UNBLOCK] = REP_NONE,
		[EXEMPT] = REP_EXEMPT,
		[UNEXEMPT] = REP_NONE};
	const uint32_t now = serve_reputation_now(s->reputation), n = rep_endpoint_find(e, key);
	struct rep_endpoint v = {0};

	if (n != REP_NOBODY)
		rep_endpoint_get(e, n, now, &v);
	if (what == CLEAR)
		return rep_endpoint_clear(e, key, now) == 0 ? NULL : "nothing is known of it";
	if (what == UNBLOCK && v.state == REP_EXEMPT)
		return "it is exempt, not blocked";
	if (what == UNBLOCK && v.state == REP_NONE && v.auth_s == 0)
		return "it is not blocked";
	if (what == UNEXEMPT && v.state != REP_EXEMPT)
		return "it is not exempt";
	return rep_endpoint_set(e, key, id, to[what], 0, now) == 0
		? NULL
		: "no room: every entry is on a list or blocked (dataplane.bindings)";
}

static void change_run(
	struct serve *s, struct serve_call *call, json_t *params, enum what what, const char *verb)
{
	const char *id = NULL, *hex = NULL, *comment = "", *wrong;
	bool off = false;
	const struct serve_param table[] = {
		{"id", SERVE_PARAM_TEXT, .out = &id},
		{"key", SERVE_PARAM_TEXT, .out = &hex},
		{"comment", SERVE_PARAM_TEXT, .out = &comment},
		{"off", SERVE_PARAM_BOOL, .out = &off},
	};
	struct rep_endpoints *e;
	uint64_t key;

	if (!serve_params_take(call, params, table, what == EXEMPT ? 4 : 3) ||
		!key_take(s, call, id, hex, &key))
		return;
	e = table_of(s, call);
	if (e == NULL)
		return;
	wrong = change(
		s, e, key, id != NULL ? span_str(id) : (struct span){0}, off ? UNEXEMPT : what);
	serve_reputation_done(s->reputation);
	if (wrong != NULL) {
		serve_call_error(
			call, API_RPC_ERR_NOT_FOUND, NULL, "%s: %s", id != NULL ? id : hex, wrong);
		return;
	}
	serve_known_audit(
		s, call, off ? "endpoints.exempt off" : verb, id != NULL ? id : hex, comment);
	serve_call_result(call,
		rep_endpoint_find(e, key) == REP_NOBODY ? json_object()
							: show(s, rep_endpoint_find(e, key)));
}

void serve_endpoints_block(void *arg, struct serve_call *call, json_t *params)
{
	change_run(arg, call, params, BLOCK, "endpoints.block");
}

void serve_endpoints_unblock(void *arg, struct serve_call *call, json_t *params)
{
	change_run(arg, call, params, UNBLOCK, "endpoints.unblock");
}

void serve_endpoints_exempt(void *arg, struct serve_call *call, json_t *params)
{
	change_run(arg, call, params, EXEMPT, "endpoints.exempt");
}

void serve_endpoints_clear(void *arg, struct serve_call *call, json_t *params)
{
	change_run(arg, call, params, CLEAR, "endpoints.clear");
}

// ---- whole lists

void serve_endpoints_export(void *arg, struct serve_call *call, json_t *params)
{
	const char *cursor = NULL;
	int64_t count = KNOWN_EXPORT_MAX;
	const struct serve_param table[] = {
		{"cursor", SERVE_PARAM_TEXT, .out = &cursor},
		{"count", SERVE_PARAM_INT, .lo = 1, .hi = KNOWN_EXPORT_MAX, .out = &count},
	};
	struct serve *s = arg;
	static uint32_t numbers[KNOWN_EXPORT_MAX]; // the loop's thread alone is here
	struct serve_known_export x;
	struct rep_endpoints *e;
	char *text = NULL;
	size_t n = 0;
	FILE *f;

	if (!serve_params_take(call, params, table, 2) ||
		!serve_known_export_take(call, cursor, &x))
		return;
	e = table_of(s, call);
	f = e == NULL ? NULL : open_memstream(&text, &n);
	if (e == NULL)
		return;
	if (f != NULL && (cursor == NULL || *cursor == '\0'))
		(void)fputs("id,list,until,score\n", f); // the stream remembers an error
	for (int64_t left = count; f != NULL && left > 0 && x.state < REP_STATE_COUNT;) {
		const struct rep_filter filter = {.by_state = true, .state = x.state};
		const uint32_t k = rep_endpoints_page(e, &filter, &x.next, numbers, (uint32_t)left,
			serve_reputation_now(s->reputation));

		for (uint32_t i = 0; i < k; i++) {
			json_t *row = show(s, numbers[i]);
			const char *until = json_string_value(json_object_get(row, "until"));
			const char *id = json_string_value(json_object_get(row, "id"));

			serve_csv_put(f, id != NULL ? id : "", true);
			serve_csv_put(f, rep_state_names[x.state], false);
			serve_csv_put(f, until != NULL ? until : "", false);
			(void)fprintf(f, ",%" JSON_INTEGER_FORMAT "\n",
				json_integer_value(json_object_get(row, "score")));
			json_decref(row);
		}
		left -= k;
		if (x.next == REP_NOBODY)
			x = (struct serve_known_export){.state = x.state + 1};
		else if (k == 0)
			break;
	}
	if (f != NULL && fclose(f) == 0)
		serve_call_result(call,
			json_pack("{s:o,s:o}", "csv", json_stringn(text, n), "cursor",
				serve_known_export_json(&x)));
	else
		serve_call_result(call, NULL);
	free(text);
}

struct import {
	struct serve *s;
	struct rep_endpoints *e;
	const char *file;
	bool apply;
	uint32_t made; // entries that there are not yet, at most
};

static void on_import(void *arg, const struct serve_known_row *row, struct err_list *err)
{
	struct import *im = arg;
	const char *id = row->text[COLUMN_ID];
	const uint64_t key = serve_reputation_key(im->s->reputation, span_str(id));
	const uint32_t now = serve_reputation_now(im->s->reputation);
	const int64_t until = row->until_s - serve_reputation_shift(im->s->reputation);

	if (*id == '\0' || strlen(id) > REP_ID_MAX)
		err_at(err, im->file, row->line, 0, "an id has 1 to %d octets", REP_ID_MAX);
	else if (row->list == REP_AUTO && (until < 0 || until > UINT32_MAX))
		err_at(err, im->file, row->line, 0, "until is too far away");
	else if (!im->apply)
		im->made += row->list != REP_NONE;
	else if (row->list != REP_AUTO || until > now) // else it is over
		(void)rep_endpoint_set(
			im->e, key, span_str(id), row->list, (uint32_t)until, now); // there is room
}

void serve_endpoints_import(void *arg, struct serve_call *call, json_t *params)
{
	const char *text = NULL, *file = "stdin", *comment = "";
	const struct serve_param table[] = {
		{"text", SERVE_PARAM_TEXT, .required = true, .out = &text},
		{"file", SERVE_PARAM_TEXT, .out = &file},
		{"comment", SERVE_PARAM_TEXT, .out = &comment},
	};
	struct serve *s = arg;
	struct import im = {.s = s};
	struct serve_known_import in = {.id = "id", .each = on_import, .arg = &im};
	struct err_list err;
	char object[64];

	err_init(&err);
	if (!serve_params_take(call, params, table, 3))
		return;
	im.e = table_of(s, call);
	if (im.e == NULL)
		return;
	in.text = text;
	im.file = in.file = file;
	serve_known_import(&in, &err);
	if (!err_any(&err) && im.made > rep_endpoints_room(im.e))
		err_add(&err, "%s: %u entries; there is room for %u (dataplane.bindings)", file,
			im.made, rep_endpoints_room(im.e));
	if (err_any(&err)) {
		serve_call_errors(call, API_RPC_ERR_CONFIG, &err, "nothing was taken");
		return;
	}
	im.apply = true;
	serve_known_import(&in, &err);
	serve_reputation_done(s->reputation);
	(void)snprintf(object, sizeof(object), "%u rows", in.rows); // it fits
	serve_known_audit(s, call, "endpoints.import", object, comment);
	serve_call_result(call, json_pack("{s:I}", "rows", (json_int_t)in.rows));
}
