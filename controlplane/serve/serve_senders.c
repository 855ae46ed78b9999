// SPDX-License-Identifier: BSD-3-Clause
// senders.*: addresses and prefixes by their scores and lists. A sender is a prefix of a context (the first
// one of the configuration unless another is named) and its VLAN, where it has several.
// Thread: the loop's.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "serve_known.h"
#include "serve_place.h"

enum { FALLS_MAX = 96, VLAN_MAX = 4094 };

static const char no_table[] =
	"dataplane.senders was 0 when the control plane started: no sender is known";

static struct rep_senders *table_of(struct serve *s, struct serve_call *call)
{
	struct rep_senders *t = serve_reputation_senders(s->reputation);

	if (t == NULL)
		serve_call_error(call, API_RPC_ERR_NOT_FOUND, NULL, "%s", no_table);
	return t;
}

// Of a prefix: where its first address is.
static json_t *location_of(const struct serve *s, const struct prefix *p)
{
	char code[SERVE_PLACE_MAX];

	return serve_place_of(s->place, &p->addr, code) ? json_string(code) : json_null();
}

static json_t *row_of(struct serve *s, const struct rep_sender *v)
{
	struct serve_reputation *r = s->reputation;
	const uint32_t now = serve_reputation_now(r);
	const char *context = serve_names_context_key(s->names, v->key.context);
	char prefix[PREFIX_TEXT_MAX];
	json_t *row = json_pack("{s:s,s:o,s:o,s:i,s:s,s:i,s:o,s:o,s:o,s:I,s:o,s:o}", "sender",
		prefix_format(&v->key.prefix, prefix, sizeof(prefix)), "location",
		location_of(s, &v->key.prefix), "context",
		context != NULL ? serve_json_text(context)
				: json_sprintf("%08" PRIx32, v->key.context),
		"vlan", (int)v->key.vlan, "state", rep_state_names[v->state], "score",
		(int)v->score, "counted",
		serve_json_time(v->last_s == 0 ? 0 : v->last_s + serve_reputation_shift(r)),
		"login_until", serve_known_until(r, v->auth_s), "login_left_s",
		v->auth_s == 0 ? json_null() : json_integer(v->auth_s), "failed_logins",
		(json_int_t)v->auth_failed, "good", serve_json_u64(v->good), "bad",
		json_real((double)v->bad_percent / 100));

	serve_known_note(r, row, v->since_s, v->until_s > now ? v->until_s - now : 0, v->comment);
	return row;
}

static json_t *show(struct serve *s, uint32_t number)
{
	struct rep_sender v;

	rep_sender_get(serve_reputation_senders(s->reputation), number,
		serve_reputation_now(s->reputation), &v);
	return row_of(s, &v);
}

static uint32_t page(struct serve *s, const struct rep_filter *f, uint32_t *next, uint32_t *numbers,
	uint32_t cap)
{
	return rep_senders_page(serve_reputation_senders(s->reputation), f, next, numbers, cap,
		serve_reputation_now(s->reputation));
}

static bool top(struct serve *s, const struct rep_filter *f, struct rep_top *t)
{
	return rep_senders_top(
		serve_reputation_senders(s->reputation), f, t, serve_reputation_now(s->reputation));
}

static uint32_t room(struct serve *s)
{
	return rep_senders_room(serve_reputation_senders(s->reputation));
}

static void put(struct serve *s, FILE *f, const json_t *row)
{
	(void)s;
	serve_known_put(f, row, "sender", true);
	serve_known_put(f, row, "context", false);
	(void)fprintf(
		f, ",%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(row, "vlan")));
	serve_known_put(f, row, "state", false);
	serve_known_put(f, row, "until", false);
	(void)fprintf(
		f, ",%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(row, "score")));
	serve_known_put(f, row, "comment", false);
	serve_known_put(f, row, "location", false);
	(void)fputc('\n', f);
}

static const struct serve_known_kind kind = {.noun = "senders",
	.head = "sender,context,vlan,list,until,score,comment,location\n",
	.page = page,
	.top = top,
	.show = show,
	.put = put,
	.room = room,
	.sized_by = "dataplane.senders"};

// ---- params

// Key of a context by its name; NULL = the first of the configuration. False after the call was answered.
static bool context_take(struct serve *s, struct serve_call *call, const char *name, uint32_t *out)
{
	const struct serve_revision *r = serve_changes_current(s->changes);
	const struct pol_image *img = r == NULL ? NULL : r->pol;
	const uint32_t n = img == NULL ? 0 : pol_count(img, POL_SEC_CONTEXTS);

	for (uint32_t i = 0; i < n; i++) {
		const char *text = pol_string(img, pol_context_at(img, i)->name);

		if (name != NULL && strcmp(name, text) != 0)
			continue;
		*out = (uint32_t)pol_session_key(text) | 1;
		return true;
	}
	if (name == NULL)
		serve_call_error(
			call, API_RPC_ERR_NOT_FOUND, NULL, "no configuration is in force yet");
	else
		serve_call_error(call, API_RPC_ERR_NOT_FOUND, NULL, "%.64s: no such context", name);
	return false;
}

// Everybody is no sender, nor is everybody of a family: of IPv4 that is ::ffff:0:0/96 here.
static bool is_sender(const struct prefix *p)
{
	return p->len > (addr_is_v4(&p->addr) ? 96 : 0);
}

static bool prefix_take(struct serve_call *call, const char *text, struct prefix *out)
{
	const int rc = prefix_parse(text, out);

	if (rc == 0 && out->len > 0)
		return true;
	serve_call_error(call, API_RPC_ERR_PARAMS, NULL, "%.64s: %s", text,
		rc == -EDOM             ? "bits are set behind the prefix"
			: rc == -ERANGE ? "the length is longer than the address"
			: rc == -EINVAL ? "neither an address nor a prefix"
					: "everybody is no sender");
	return false;
}

static bool sender_take(struct serve_call *call, const char *text, struct prefix *out)
{
	if (!prefix_take(call, text, out))
		return false;
	if (is_sender(out))
		return true;
	serve_call_error(call, API_RPC_ERR_PARAMS, NULL, "%s: everybody is no sender", text);
	return false;
}

// ---- looking

static bool is_in(struct serve *s, uint32_t number, const void *arg)
{
	const char *want = arg;
	char code[SERVE_PLACE_MAX];
	struct rep_sender v;

	rep_sender_get(serve_reputation_senders(s->reputation), number,
		serve_reputation_now(s->reputation), &v);
	return serve_place_of(s->place, &v.key.prefix.addr, code) && strcasecmp(code, want) == 0;
}

// False after the call was answered.
static bool location_take(const struct serve *s, struct serve_call *call, const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	if (text == NULL)
		return true;
	if (strlen(text) != 2 || strspn(text, letters) != 2) {
		serve_call_error(call, API_RPC_ERR_PARAMS, NULL,
			"params.location: not the two letters of a country, as DE");
		return false;
	}
	if (s->place == NULL)
		serve_call_error(call, API_RPC_ERR_NOT_FOUND, NULL,
			"no country is known: reputation.geoip_database names no file that can be used");
	return s->place != NULL;
}

void serve_senders_list(void *arg, struct serve_call *call, json_t *params)
{
	const char *state = NULL, *within = NULL, *context = NULL, *cursor = NULL, *location = NULL;
	int64_t count = KNOWN_PAGE, min = 0, max = 0;
	const struct serve_param table[] = {
		{"state", SERVE_PARAM_TEXT, .out = &state},
		{"within", SERVE_PARAM_TEXT, .out = &within},
		{"context", SERVE_PARAM_TEXT, .out = &context},
		{"location", SERVE_PARAM_TEXT, .out = &location},
		{"min", SERVE_PARAM_INT, .lo = 0, .hi = REP_SENDER_SCORE_MAX, .out = &min},
		{"max", SERVE_PARAM_INT, .lo = 1, .hi = REP_SENDER_SCORE_MAX, .out = &max},
		{"count", SERVE_PARAM_INT, .lo = 1, .hi = KNOWN_PAGE_MAX, .out = &count},
		{"cursor", SERVE_PARAM_TEXT, .out = &cursor},
	};
	struct serve *s = arg;
	struct rep_filter f = {0};

	if (!serve_params_take(call, params, table, sizeof(table) / sizeof(table[0])) ||
		!serve_known_state(call, state, &f) || !serve_known_scores(call, min, max, &f) ||
		(within != NULL && !prefix_take(call, within, &f.within)) ||
		(context != NULL && !context_take(s, call, context, &f.context)) ||
		!location_take(s, call, location))
		return;
	if (table_of(s, call) != NULL)
		serve_known_page(s, call, &kind, &f, cursor, count, location == NULL ? NULL : is_in,
			location);
}

void serve_senders_top(void *arg, struct serve_call *call, json_t *params)
{
	if (table_of(arg, call) != NULL)
		serve_known_top(arg, call, params, &kind);
}

static json_t *falls_of(struct serve *s, struct rep_senders *t, uint32_t number)
{
	struct rep_fall falls[FALLS_MAX];
	const uint32_t n =
		rep_sender_falls(t, number, serve_reputation_now(s->reputation), falls, FALLS_MAX);
	json_t *list = json_array();

	for (uint32_t i = 0; i < n; i++)
		(void)json_array_append_new(list,
			json_pack("{s:I,s:i}", "in_s", (json_int_t)falls[i].in_s, "score",
				(int)falls[i].score));
	return list;
}

// Every entry that has an address, or the one of a prefix.
void serve_senders_get(void *arg, struct serve_call *call, json_t *params)
{
	const char *text = NULL, *context = NULL;
	int64_t vlan = 0, worst = 0;
	const struct serve_param table[] = {
		{"sender", SERVE_PARAM_TEXT, .required = true, .out = &text},
		{"context", SERVE_PARAM_TEXT, .out = &context},
		{"vlan", SERVE_PARAM_INT, .lo = 0, .hi = VLAN_MAX, .out = &vlan},
	};
	struct serve *s = arg;
	struct rep_sender_key key = {0};
	uint32_t numbers[2 * REP_LENGTHS_MAX], n = 1;
	struct rep_senders *t;
	json_t *rows;

	if (!serve_params_take(call, params, table, 3) || !sender_take(call, text, &key.prefix) ||
		!context_take(s, call, context, &key.context))
		return;
	t = table_of(s, call);
	if (t == NULL)
		return;
	key.vlan = (uint16_t)vlan;
	if (key.prefix.len == 128)
		n = rep_sender_of(t,
			&(struct rep_client){
				.addr = key.prefix.addr, .context = key.context, .vlan = key.vlan},
			numbers);
	else
		numbers[0] = rep_sender_find(t, &key);
	rows = json_array();
	for (uint32_t i = 0; i < n && numbers[i] != REP_NOBODY; i++) {
		json_t *row = show(s, numbers[i]);
		const int64_t score = json_integer_value(json_object_get(row, "score"));

		worst = score > worst ? score : worst;
		if (row != NULL)
			(void)json_object_set_new(row, "falls", falls_of(s, t, numbers[i]));
		(void)json_array_append_new(rows, row);
	}
	serve_call_result(call,
		json_pack("{s:s,s:I,s:o}", "sender", text, "score", (json_int_t)worst, "entries",
			rows));
}

// ---- changing

static const char too_many[] = "at most 4 prefix lengths a family have entries; all are in use";

enum what { BLOCK, UNBLOCK, EXEMPT, UNEXEMPT, CLEAR };

static const char *change(struct serve *s, struct rep_senders *t, const struct rep_sender_key *key,
	enum what what, struct rep_listing *to)
{
	static const enum rep_state states[] = {[BLOCK] = REP_MANUAL,
		[UNBLOCK] = REP_NONE,
		[EXEMPT] = REP_EXEMPT,
		[UNEXEMPT] = REP_NONE};
	const uint32_t now = serve_reputation_now(s->reputation), n = rep_sender_find(t, key);
	struct rep_sender v = {0};

	if (n != REP_NOBODY)
		rep_sender_get(t, n, now, &v);
	if (what == UNBLOCK && v.state == REP_EXEMPT)
		return "it is exempt, not blocked";
	if (what == UNBLOCK && v.state == REP_NONE && v.auth_s == 0)
		return "it is not blocked";
	if (what == UNEXEMPT && v.state != REP_EXEMPT)
		return "it is not exempt";
	to->state = states[what];
	switch (rep_sender_set(t, key, to, now)) {
	case 0:
		return NULL;
	case -ERANGE:
		return too_many;
	case -ENOMEM:
		return "out of memory";
	default:
		return "no room: every entry is on a list or blocked (dataplane.senders)";
	}
}

// Of an address: every entry that counts for it. How many.
static uint32_t clear(struct serve *s, struct rep_senders *t, const struct rep_sender_key *key)
{
	const uint32_t now = serve_reputation_now(s->reputation);
	uint32_t numbers[2 * REP_LENGTHS_MAX], n = 0;
	struct rep_sender v;

	if (key->prefix.len < 128)
		return rep_sender_clear(t, key, now) == 0;
	n = rep_sender_of(t,
		&(struct rep_client){
			.addr = key->prefix.addr, .context = key->context, .vlan = key->vlan},
		numbers);
	for (uint32_t i = 0; i < n; i++) {
		rep_sender_get(t, numbers[i], now, &v);
		(void)rep_sender_clear(t, &v.key, now); // it is there
	}
	return n;
}

static void change_run(
	struct serve *s, struct serve_call *call, json_t *params, enum what what, const char *verb)
{
	const char *text = NULL, *context = NULL, *comment = "", *wrong = NULL;
	int64_t vlan = 0, for_s = 0;
	bool off = false;
	const struct serve_param table[] = {
		{"sender", SERVE_PARAM_TEXT, .required = true, .out = &text},
		{"context", SERVE_PARAM_TEXT, .out = &context},
		{"vlan", SERVE_PARAM_INT, .lo = 0, .hi = VLAN_MAX, .out = &vlan},
		{"comment", SERVE_PARAM_TEXT, .out = &comment},
		{"for_s", SERVE_PARAM_INT, .lo = 1, .hi = KNOWN_FOR_MAX, .out = &for_s},
		{"off", SERVE_PARAM_BOOL, .out = &off},
	};
	struct rep_sender_key key = {0};
	struct rep_listing to = {0};
	struct rep_senders *t;
	uint32_t n;

	if (!serve_params_take(call, params, table,
		    what == EXEMPT          ? 6
			    : what == BLOCK ? 5
					    : 4) ||
		!serve_known_listing(call, s->reputation, comment, off ? 0 : for_s, &to) ||
		!sender_take(call, text, &key.prefix) ||
		!context_take(s, call, context, &key.context))
		return;
	t = table_of(s, call);
	if (t == NULL)
		return;
	key.vlan = (uint16_t)vlan;
	if (what == CLEAR)
		wrong = clear(s, t, &key) > 0 ? NULL : "nothing is known of it";
	else
		wrong = change(s, t, &key, off ? UNEXEMPT : what, &to);
	serve_reputation_done(s->reputation);
	if (wrong != NULL) {
		serve_call_error(call, API_RPC_ERR_NOT_FOUND, NULL, "%s: %s", text, wrong);
		return;
	}
	serve_known_audit(s, call, off ? "senders.exempt off" : verb, text, comment);
	n = rep_sender_find(t, &key);
	serve_call_result(call, n == REP_NOBODY ? json_object() : show(s, n));
}

void serve_senders_block(void *arg, struct serve_call *call, json_t *params)
{
	change_run(arg, call, params, BLOCK, "senders.block");
}

void serve_senders_unblock(void *arg, struct serve_call *call, json_t *params)
{
	change_run(arg, call, params, UNBLOCK, "senders.unblock");
}

void serve_senders_exempt(void *arg, struct serve_call *call, json_t *params)
{
	change_run(arg, call, params, EXEMPT, "senders.exempt");
}

void serve_senders_clear(void *arg, struct serve_call *call, json_t *params)
{
	change_run(arg, call, params, CLEAR, "senders.clear");
}

// ---- whole lists

void serve_senders_export(void *arg, struct serve_call *call, json_t *params)
{
	if (table_of(arg, call) != NULL)
		serve_known_export(arg, call, params, &kind);
}

typedef bool used_lengths[2][129]; // IPv6, IPv4

static bool key_take(const struct serve_known_import *im, const struct serve_known_row *row,
	struct rep_sender_key *key, struct err_list *err)
{
	const struct serve_revision *r = serve_changes_current(im->s->changes);
	const uint32_t n = r == NULL || r->pol == NULL ? 0 : pol_count(r->pol, POL_SEC_CONTEXTS);
	const char *context = row->text[COLUMN_CONTEXT], *vlan = row->text[COLUMN_VLAN];
	char *end;
	unsigned long v = strtoul(*vlan == '\0' ? "0" : vlan, &end, 10);

	*key = (struct rep_sender_key){.vlan = (uint16_t)v};
	for (uint32_t i = 0; i < n && key->context == 0; i++) {
		const char *name = pol_string(r->pol, pol_context_at(r->pol, i)->name);

		if (*context == '\0' || strcmp(context, name) == 0)
			key->context = (uint32_t)pol_session_key(name) | 1;
	}
	if (prefix_parse(row->text[COLUMN_ID], &key->prefix) != 0 || !is_sender(&key->prefix))
		err_at(err, im->file, row->line, 0, "%.64s: neither an address nor a prefix",
			row->text[COLUMN_ID]);
	else if (key->context == 0)
		err_at(err, im->file, row->line, 0, "%.64s: no such context", context);
	else if (*end != '\0' || v > VLAN_MAX || (*vlan != '\0' && strspn(vlan, "0123456789") == 0))
		err_at(err, im->file, row->line, 0, "%.64s: no VLAN", vlan);
	else
		return true;
	return false;
}

// One more of the few lengths that a family may have.
static bool length_take(used_lengths *lengths, const struct prefix *p)
{
	bool *used = (*lengths)[addr_is_v4(&p->addr) && p->len >= 96];
	unsigned n = 0;

	for (unsigned i = 0; i <= 128; i++)
		n += used[i];
	if (!used[p->len] && n >= REP_LENGTHS_MAX)
		return false;
	used[p->len] = true;
	return true;
}

static void on_import(
	struct serve_known_import *im, const struct serve_known_row *row, struct err_list *err)
{
	struct serve_reputation *r = im->s->reputation;
	struct rep_sender_key key;

	if (!key_take(im, row, &key, err))
		return;
	if (!im->apply && row->to.state != REP_NONE && !length_take(im->arg, &key.prefix))
		err_at(err, im->file, row->line, 0, "%.64s: %s", row->text[COLUMN_ID], too_many);
	im->made += row->to.state != REP_NONE;
	if (!im->apply || row->over)
		return;
	const int rc = rep_sender_set(
		serve_reputation_senders(r), &key, &row->to, serve_reputation_now(r));
	if (rc != 0)
		serve_known_lost(im, row, rc, err);
}

void serve_senders_import(void *arg, struct serve_call *call, json_t *params)
{
	used_lengths lengths;
	struct serve_known_import im = {
		.kind = &kind, .id = "sender", .senders = true, .each = on_import, .arg = &lengths};
	struct rep_senders *t = table_of(arg, call);

	if (t == NULL)
		return;
	rep_sender_lengths(t, false, lengths[0]);
	rep_sender_lengths(t, true, lengths[1]);
	serve_known_import(arg, call, params, &im);
}
