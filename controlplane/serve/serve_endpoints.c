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
	const uint32_t left = v->until_s > now ? v->until_s - now : 0;
	uint8_t buf[REP_ID_MAX];
	const struct span id = serve_reputation_id(r, v, buf);
	json_t *row = json_pack("{s:b,s:o,s:o,s:s,s:I,s:o,s:o,s:I}", "blocked",
		v->state == REP_MANUAL || (v->state == REP_AUTO && left > 0), "id",
		id.n == 0 ? json_null() : serve_json_bytes((const char *)id.p, id.n), "key",
		json_sprintf("%016" PRIx64, v->key), "state", rep_state_names[v->state], "score",
		(json_int_t)v->score, "login_until", serve_known_until(r, v->auth_s),
		"login_left_s", v->auth_s == 0 ? json_null() : json_integer(v->auth_s),
		"failed_logins", (json_int_t)v->auth_failed);

	serve_known_note(r, row, v->since_s, left, v->comment);
	return row;
}

static json_t *show(struct serve *s, uint32_t number)
{
	struct rep_endpoint v;

	rep_endpoint_get(serve_reputation_endpoints(s->reputation), number,
		serve_reputation_now(s->reputation), &v);
	return row_of(s, &v);
}

static uint32_t page(struct serve *s, const struct rep_filter *f, uint32_t *next, uint32_t *numbers,
	uint32_t cap)
{
	return rep_endpoints_page(serve_reputation_endpoints(s->reputation), f, next, numbers, cap,
		serve_reputation_now(s->reputation));
}

static bool top(struct serve *s, const struct rep_filter *f, struct rep_top *t)
{
	return rep_endpoints_top(serve_reputation_endpoints(s->reputation), f, t,
		serve_reputation_now(s->reputation));
}

static uint32_t room(struct serve *s)
{
	return rep_endpoints_room(serve_reputation_endpoints(s->reputation));
}

// An id that nobody knows or that is no text is told by its key, which means the same here alone.
static void put(struct serve *s, FILE *f, const json_t *row)
{
	const char *id = json_string_value(json_object_get(row, "id"));
	const char *key = json_string_value(json_object_get(row, "key"));
	const bool named = id != NULL && key != NULL &&
		serve_reputation_key(s->reputation, span_str(id)) == strtoull(key, NULL, 16);

	serve_known_put(f, named ? row : NULL, "id", true);
	serve_known_put(f, row, "state", false);
	serve_known_put(f, row, "until", false);
	(void)fprintf(
		f, ",%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(row, "score")));
	serve_known_put(f, row, "comment", false);
	serve_known_put(f, named ? NULL : row, "key", false);
	(void)fputc('\n', f);
}

static const struct serve_known_kind kind = {.noun = "endpoints",
	.head = "id,list,until,score,comment,key\n",
	.page = page,
	.top = top,
	.show = show,
	.put = put,
	.room = room,
	.sized_by = "dataplane.bindings"};

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

	if (!serve_params_take(call, params, table, sizeof(table) / sizeof(table[0])) ||
		!serve_known_state(call, state, &f) || !serve_known_scores(call, min, max, &f))
		return;
	f.id = span_str(id);
	if (table_of(s, call) != NULL)
		serve_known_page(s, call, &kind, &f, cursor, count, NULL, NULL);
}

void serve_endpoints_top(void *arg, struct serve_call *call, json_t *params)
{
	if (table_of(arg, call) != NULL)
		serve_known_top(arg, call, params, &kind);
}

static bool hex_take(const char *hex, uint64_t *key)
{
	*key = strtoull(hex, NULL, 16);
	return strlen(hex) == 16 && strspn(hex, "0123456789abcdef") == 16 && *key != 0;
}

// Who is meant: by id or key. False after the call was answered.
static bool key_take(
	struct serve *s, struct serve_call *call, const char *id, const char *hex, uint64_t *key)
{
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
	if (id == NULL && !hex_take(hex, key)) {
		serve_call_error(call, API_RPC_ERR_PARAMS, NULL,
			"params.key: not the 16 hexadecimal digits of an endpoint");
		return false;
	}
	if (id != NULL)
		*key = serve_reputation_key(s->reputation, span_str(id));
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
static const char *change(struct serve *s, struct rep_endpoints *e, uint64_t key, struct span id,
	enum what what, struct rep_listing *to)
{
	static const enum rep_state states[] = {[BLOCK] = REP_MANUAL,
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
	to->state = states[what];
	switch (rep_endpoint_set(e, key, id, to, now)) {
	case 0:
		return NULL;
	case -ENOMEM:
		return "out of memory";
	default:
		return "no room: every entry is on a list or blocked (dataplane.bindings)";
	}
}

static void change_run(
	struct serve *s, struct serve_call *call, json_t *params, enum what what, const char *verb)
{
	const char *id = NULL, *hex = NULL, *comment = "", *wrong;
	int64_t for_s = 0;
	bool off = false;
	const struct serve_param table[] = {
		{"id", SERVE_PARAM_TEXT, .out = &id},
		{"key", SERVE_PARAM_TEXT, .out = &hex},
		{"comment", SERVE_PARAM_TEXT, .out = &comment},
		{"for_s", SERVE_PARAM_INT, .lo = 1, .hi = KNOWN_FOR_MAX, .out = &for_s},
		{"off", SERVE_PARAM_BOOL, .out = &off},
	};
	struct rep_listing to = {0};
	struct rep_endpoints *e;
	uint64_t key;

	if (!serve_params_take(call, params, table,
		    what == EXEMPT          ? 5
			    : what == BLOCK ? 4
					    : 3) ||
		!key_take(s, call, id, hex, &key) ||
		!serve_known_listing(call, s->reputation, comment, off ? 0 : for_s, &to))
		return;
	e = table_of(s, call);
	if (e == NULL)
		return;
	wrong = change(s, e, key, id != NULL ? span_str(id) : (struct span){0},
		off ? UNEXEMPT : what, &to);
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
	if (table_of(arg, call) != NULL)
		serve_known_export(arg, call, params, &kind);
}

static void on_import(
	struct serve_known_import *im, const struct serve_known_row *row, struct err_list *err)
{
	struct serve_reputation *r = im->s->reputation;
	const char *hex = row->text[COLUMN_KEY];
	const struct span id = span_str(row->text[COLUMN_ID]);
	uint64_t key = 0;
	int rc = 0;

	if (id.n > 0)
		key = serve_reputation_key(r, id);
	if (id.n > REP_ID_MAX || (id.n == 0 && *hex == '\0'))
		err_at(err, im->file, row->line, 0, "an id has 1 to %d octets", REP_ID_MAX);
	else if (id.n == 0 && !hex_take(hex, &key))
		err_at(err, im->file, row->line, 0, "%.64s: not the 16 hexadecimal digits of a key",
			hex);
	else if (!im->apply)
		im->made += row->to.state != REP_NONE;
	else if (!row->over)
		rc = rep_endpoint_set(
			serve_reputation_endpoints(r), key, id, &row->to, serve_reputation_now(r));
	if (rc != 0)
		serve_known_lost(im, row, rc, err);
}

void serve_endpoints_import(void *arg, struct serve_call *call, json_t *params)
{
	struct serve_known_import im = {.kind = &kind, .id = "id", .each = on_import};

	if (table_of(arg, call) != NULL)
		serve_known_import(arg, call, params, &im);
}
