// SPDX-License-Identifier: BSD-3-Clause
// policies.*: the list in force, and its changes. A change is made of what is in force when its turn
// comes (serve_change.h), so two that are asked for at once both happen.
// Thread: the loop's.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "serve_int.h"

// Keys of a policy that a change may give, as the configuration has them.
static const char *const KEYS[] = {"comment", "enabled", "source", "destination", "context",
	"ingress", "vlan", "port", "action", "session", "content"};
enum { KEYS_COUNT = sizeof(KEYS) / sizeof(KEYS[0]) };
_Static_assert((int)KEYS_COUNT <= (int)CFG_EDIT_VALUES_MAX, "all at once");

static void on_changed(void *arg, const struct serve_change_result *res)
{
	struct serve_call *call = arg;

	if (res->code != 0)
		serve_call_errors(call, res->code, res->err, res->why);
	else
		serve_call_result(call,
			json_pack("{s:i,s:o,s:b,s:o}", "index", (int)res->index, "revision",
				serve_json_u64(res->revision), "pending", res->pending, "warnings",
				serve_json_lines(res->err, true)));
}

static void submit(struct serve *s, struct serve_call *call, json_t *params,
	const struct cfg_edit *edit, const char *what)
{
	char comment[128];

	(void)snprintf(comment, sizeof(comment), "policy %.64s %s", edit->name, what);
	serve_call_submit(s, call,
		&(struct serve_change_req){.kind = SERVE_CHANGE_POLICY,
			.edit = edit,
			.keep = params,
			.comment = comment},
		on_changed);
}

// A list of texts as one text with commas; NULL where it is no such list, or without memory.
static json_t *joined(const json_t *list)
{
	char text[1024] = "";
	const json_t *v;
	size_t i, n = 0;

	json_array_foreach(list, i, v)
	{
		if (!json_is_string(v) || strchr(json_string_value(v), ',') != NULL)
			return NULL;
		n += (size_t)snprintf(
			text + n, sizeof(text) - n, "%s%s", i > 0 ? "," : "", json_string_value(v));
		if (n >= sizeof(text))
			return NULL;
	}
	return json_string(text);
}

// Numbers, booleans and lists become what a file would say, in params, where the texts stay.
static bool texts_make(struct serve_call *call, json_t *params)
{
	for (unsigned i = 0; i < KEYS_COUNT; i++) {
		const json_t *v = json_object_get(params, KEYS[i]);
		json_t *text = NULL;

		if (v == NULL || json_is_null(v) || json_is_string(v))
			continue;
		if (json_is_boolean(v))
			text = json_string(json_is_true(v) ? "true" : "false");
		else if (json_is_integer(v))
			text = json_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
		else if (json_is_array(v))
			text = joined(v);
		if (text == NULL || json_object_set_new(params, KEYS[i], text) < 0) {
			serve_call_error(call, API_RPC_ERR_PARAMS, NULL,
				"params.%s: neither a string nor what stands for one", KEYS[i]);
			return false;
		}
	}
	return true;
}

// Where to: at most one of the members. False after the call was answered.
struct where {
	const char *before, *after;
	bool up, down, first, last;
};

static bool place_take(
	struct serve_call *call, const struct where *w, bool needed, struct cfg_edit *edit)
{
	const struct {
		bool set;
		enum cfg_edit_place place;
		const char *beside;
	} rows[] = {
		{w->before != NULL, CFG_EDIT_BEFORE, w->before},
		{w->after != NULL, CFG_EDIT_AFTER, w->after},
		{w->up, CFG_EDIT_UP, NULL},
		{w->down, CFG_EDIT_DOWN, NULL},
		{w->first, CFG_EDIT_FIRST, NULL},
		{w->last, CFG_EDIT_LAST, NULL},
	};
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!rows[i].set)
			continue;
		n++;
		edit->place = rows[i].place;
		edit->beside = rows[i].beside;
	}
	if (n == 1 || (n == 0 && !needed))
		return true;
	serve_call_error(call, API_RPC_ERR_PARAMS, NULL, "params: %s",
		edit->kind == CFG_EDIT_ADD
			? "one of before and after is needed"
			: "one of before, after, up, down, first, last is needed");
	return false;
}

// Name and values, for who adds or sets. False after the call was answered.
static bool values_take(
	struct serve_call *call, json_t *params, struct where *w, struct cfg_edit *edit)
{
	struct serve_param table[KEYS_COUNT + 3] = {
		{"name", SERVE_PARAM_TEXT, true, .out = &edit->name},
		{"before", SERVE_PARAM_TEXT, .out = &w->before},
		{"after", SERVE_PARAM_TEXT, .out = &w->after},
	};
	const char *text[KEYS_COUNT] = {NULL};
	const unsigned skip = edit->kind == CFG_EDIT_ADD ? 0 : 2; // a change moves nothing

	for (unsigned i = 0; i < KEYS_COUNT; i++)
		table[3 + i] = (struct serve_param){KEYS[i], SERVE_PARAM_TEXT, .out = &text[i]};
	table[skip] = table[0];
	if (!texts_make(call, params) ||
		!serve_params_take(call, params, table + skip, KEYS_COUNT + 3 - skip))
		return false;
	for (unsigned i = 0; i < KEYS_COUNT; i++) {
		if (text[i] != NULL)
			edit->value[edit->nvalues++] = (struct cfg_edit_value){KEYS[i], text[i]};
	}
	return true;
}

void serve_policies_add(void *arg, struct serve_call *call, json_t *params)
{
	struct cfg_edit edit = {.kind = CFG_EDIT_ADD};
	struct where w = {0};

	if (!values_take(call, params, &w, &edit))
		return;
	if (w.before != NULL || w.after != NULL)
		serve_call_error(call, API_RPC_ERR_PARAMS, NULL,
			"params: a place is for policies.insert; policies.add appends");
	else
		submit(arg, call, params, &edit, "added");
}

void serve_policies_insert(void *arg, struct serve_call *call, json_t *params)
{
	struct cfg_edit edit = {.kind = CFG_EDIT_ADD};
	struct where w = {0};

	if (values_take(call, params, &w, &edit) && place_take(call, &w, true, &edit))
		submit(arg, call, params, &edit, "inserted");
}

void serve_policies_set(void *arg, struct serve_call *call, json_t *params)
{
	struct cfg_edit edit = {.kind = CFG_EDIT_SET};
	struct where w = {0};

	if (!values_take(call, params, &w, &edit))
		return;
	if (edit.nvalues == 0)
		serve_call_error(call, API_RPC_ERR_PARAMS, NULL, "params: no value to change");
	else
		submit(arg, call, params, &edit, "changed");
}

void serve_policies_move(void *arg, struct serve_call *call, json_t *params)
{
	struct cfg_edit edit = {.kind = CFG_EDIT_MOVE};
	struct where w = {0};
	const struct serve_param table[] = {
		{"name", SERVE_PARAM_TEXT, true, .out = &edit.name},
		{"before", SERVE_PARAM_TEXT, .out = &w.before},
		{"after", SERVE_PARAM_TEXT, .out = &w.after},
		{"up", SERVE_PARAM_BOOL, .out = &w.up},
		{"down", SERVE_PARAM_BOOL, .out = &w.down},
		{"first", SERVE_PARAM_BOOL, .out = &w.first},
		{"last", SERVE_PARAM_BOOL, .out = &w.last},
	};

	if (serve_params_take(call, params, table, sizeof(table) / sizeof(table[0])) &&
		place_take(call, &w, true, &edit))
		submit(arg, call, params, &edit, "moved");
}

static void named(
	void *arg, struct serve_call *call, json_t *params, struct cfg_edit *edit, const char *what)
{
	const struct serve_param table[] = {
		{"name", SERVE_PARAM_TEXT, true, .out = &edit->name},
	};

	if (serve_params_take(call, params, table, 1))
		submit(arg, call, params, edit, what);
}

void serve_policies_del(void *arg, struct serve_call *call, json_t *params)
{
	named(arg, call, params, &(struct cfg_edit){.kind = CFG_EDIT_DEL}, "deleted");
}

void serve_policies_enable(void *arg, struct serve_call *call, json_t *params)
{
	named(arg, call, params,
		&(struct cfg_edit){
			.kind = CFG_EDIT_SET, .value = {{"enabled", "true"}}, .nvalues = 1},
		"enabled");
}

void serve_policies_disable(void *arg, struct serve_call *call, json_t *params)
{
	named(arg, call, params,
		&(struct cfg_edit){
			.kind = CFG_EDIT_SET, .value = {{"enabled", "false"}}, .nvalues = 1},
		"disabled");
}

static void value_put(void *arg, const char *key, const char *text)
{
	json_t *row = arg, *v;

	if (strcmp(key, "enabled") == 0)
		v = json_boolean(strcmp(text, "true") == 0);
	else
		v = serve_json_text(text);
	(void)json_object_set_new(row, key, v); // without memory one less
}

void serve_policies_list(void *arg, struct serve_call *call, json_t *params)
{
	struct serve *s = arg;
	const struct serve_revision *r = serve_changes_current(s->changes);
	json_t *rows;

	if (!serve_params_take(call, params, NULL, 0))
		return;
	rows = json_array();
	for (uint32_t i = 0; r != NULL && r->cfg != NULL && i < r->cfg->npolicies; i++) {
		json_t *row = json_pack("{s:i}", "index", (int)i);

		if (row == NULL || !cfg_policy_print(r->cfg, i, value_put, row)) {
			json_decref(row);
			json_decref(rows);
			serve_call_result(call, NULL);
			return;
		}
		(void)json_array_append_new(rows, row); // without memory one less
	}
	serve_call_result(call,
		json_pack("{s:o,s:o}", "revision",
			r == NULL ? json_null() : serve_json_u64(r->version), "policies", rows));
}
