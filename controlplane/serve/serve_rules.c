// SPDX-License-Identifier: BSD-3-Clause
// rules.add, rules.del, rules.list: the rules added at run time, and all in force.
// Thread: the loop's.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "serve_int.h"

static void on_changed(void *arg, const struct serve_change_result *res)
{
	struct serve_call *call = arg;

	if (res->code != 0)
		serve_call_errors(call, res->code, res->err, res->why);
	else
		serve_call_result(call,
			json_pack("{s:o,s:o,s:b,s:o}", "id", serve_json_u64(res->rule), "revision",
				serve_json_u64(res->revision), "pending", res->pending, "warnings",
				serve_json_lines(res->err, true)));
}

static void rule_submit(struct serve *s, struct serve_call *call, enum serve_change_kind kind,
	const struct cfg_rule *rule)
{
	char comment[48];

	(void)snprintf(comment, sizeof(comment),
		kind == SERVE_CHANGE_RULE_ADD ? "rule added" : "rule %" PRIu32 " deleted",
		rule->id);
	serve_call_submit(s, call,
		&(struct serve_change_req){.kind = kind, .rule = rule, .comment = comment},
		on_changed);
}

// False after the call was answered.
static bool scope_take(struct serve_call *call, const char *text, enum cfg_rule_scope *scope)
{
	if (cfg_scope_parse(text, scope) == 0)
		return true;
	serve_call_error(call, API_RPC_ERR_PARAMS, NULL,
		"params.scope: not one of helo, mail, rcpt, header, body");
	return false;
}

void serve_rules_add(void *arg, struct serve_call *call, json_t *params)
{
	const char *scope = NULL;
	int64_t score = 0, id = 0;
	enum cfg_rule_scope where;
	struct cfg_rule rule = {0};
	const struct serve_param table[] = {
		{"scope", SERVE_PARAM_TEXT, true, .out = &scope},
		{"score", SERVE_PARAM_INT, true, .lo = -10000, .hi = 10000, .out = &score},
		{"text", SERVE_PARAM_TEXT, true, .out = &rule.text},
		{"id", SERVE_PARAM_INT, .lo = 1, .hi = UINT32_MAX, .out = &id},
		{"label", SERVE_PARAM_TEXT, .out = &rule.label},
		{"literal", SERVE_PARAM_BOOL, .out = &rule.literal},
		{"caseless", SERVE_PARAM_BOOL, .out = &rule.caseless},
		{"dotall", SERVE_PARAM_BOOL, .out = &rule.dotall},
		{"multiline", SERVE_PARAM_BOOL, .out = &rule.multiline},
		{"utf8", SERVE_PARAM_BOOL, .out = &rule.utf8},
	};

	if (!serve_params_take(call, params, table, sizeof(table) / sizeof(table[0])) ||
		!scope_take(call, scope, &where))
		return;
	rule.scope = (uint8_t)where;
	rule.score = (int32_t)score;
	rule.id = (uint32_t)id;
	rule_submit(arg, call, SERVE_CHANGE_RULE_ADD, &rule);
}

void serve_rules_del(void *arg, struct serve_call *call, json_t *params)
{
	int64_t id = 0;
	const struct serve_param table[] = {
		{"id", SERVE_PARAM_INT, true, .lo = 1, .hi = UINT32_MAX, .out = &id},
	};

	if (serve_params_take(call, params, table, 1))
		rule_submit(
			arg, call, SERVE_CHANGE_RULE_DEL, &(struct cfg_rule){.id = (uint32_t)id});
}

static json_t *rule_row(const struct cfg_rule *r, bool added)
{
	const struct {
		bool set;
		char letter;
	} letters[] = {
		{r->caseless, 'i'},
		{r->literal, 'l'},
		{r->dotall, 's'},
		{r->multiline, 'm'},
		{r->utf8, 'u'},
	};
	char flags[8] = "-";
	size_t n = 0;

	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		if (letters[i].set)
			flags[n++] = letters[i].letter;
	}
	return json_pack("{s:o,s:s,s:i,s:s,s:o,s:o,s:s,s:b}", "id", serve_json_u64(r->id), "scope",
		cfg_scope_name(r->scope), "score", (int)r->score, "flags", flags, "text",
		serve_json_text(r->text), "label", serve_json_text(r->label), "group",
		r->group == NULL ? "" : r->group, "added", added);
}

static void rows_add(json_t *list, const struct cfg_ruleset *set, bool added, const char *scope)
{
	for (uint32_t i = 0; set != NULL && i < set->n; i++) {
		if (scope == NULL || strcmp(scope, cfg_scope_name(set->rules[i].scope)) == 0)
			(void)json_array_append_new(
				list, rule_row(&set->rules[i], added)); // else one less
	}
}

void serve_rules_list(void *arg, struct serve_call *call, json_t *params)
{
	struct serve *s = arg;
	const struct serve_revision *r = serve_changes_current(s->changes);
	const char *scope = NULL;
	bool added = false;
	const struct serve_param table[] = {
		{"scope", SERVE_PARAM_TEXT, .out = &scope},
		{"added", SERVE_PARAM_BOOL, .out = &added},
	};
	enum cfg_rule_scope where;
	json_t *list;

	if (!serve_params_take(call, params, table, 2) ||
		(scope != NULL && !scope_take(call, scope, &where)))
		return;
	list = json_array();
	if (r != NULL && !added)
		rows_add(list, r->shipped_rules, false, scope);
	if (r != NULL)
		rows_add(list, r->local_rules, true, scope);
	serve_call_result(call, json_pack("{s:o}", "rules", list));
}
