// SPDX-License-Identifier: BSD-3-Clause
// config.check and rules.check: everything a commit would find out, in a child, changing nothing.
// A few at a time; who comes beyond that is told to try again.
// Thread: the loop's.
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "serve_child.h"
#include "serve_int.h"
#include "text.h"

struct serve_check {
	struct serve *s;
	unsigned slot;
	struct serve_call *call;
	struct serve_child *child;
	struct serve_revision *rev; // config.check
	struct cfg_ruleset *rules;  // rules.check
	struct err_list err;        // of reading; the child's own come with its end
};

static void check_free(struct serve_check *ck)
{
	ck->s->checks[ck->slot] = NULL;
	serve_child_kill(ck->child);
	serve_revision_free(ck->rev);
	if (ck->rules != NULL)
		cfg_rules_free(ck->rules);
	free(ck);
}

// A check with a slot of its own; NULL after the call was answered.
static struct serve_check *check_new(struct serve *s, struct serve_call *call)
{
	struct serve_check *ck;
	unsigned slot = 0;

	while (slot < SERVE_CHECKS_MAX && s->checks[slot] != NULL)
		slot++;
	if (slot == SERVE_CHECKS_MAX) {
		serve_call_error(
			call, API_RPC_ERR_BUSY, NULL, "other checks are under way; try again");
		return NULL;
	}
	ck = calloc(1, sizeof(*ck));
	if (ck == NULL) {
		serve_call_result(call, NULL);
		return NULL;
	}
	ck->s = s;
	ck->call = call;
	ck->slot = slot;
	err_init(&ck->err);
	s->checks[slot] = ck;
	return ck;
}

static void check_fail(struct serve_check *ck, int code, const char *why)
{
	serve_call_errors(ck->call, code, &ck->err, why);
	check_free(ck);
}

static void on_config_end(void *arg, struct compile_job *job, int rc, struct err_list *err)
{
	struct serve_check *ck = arg;

	(void)job;        // nobody wants the image
	ck->child = NULL; // freed behind this callback
	err_append(&ck->err, err);
	if (rc != 1) {
		if (rc == -EINVAL)
			check_fail(ck, API_RPC_ERR_CONFIG, "bad rules or configuration");
		else
			check_fail(ck, API_RPC_ERR_INTERNAL, "the compilation failed");
		return;
	}
	serve_call_result(ck->call,
		json_pack("{s:o,s:o}", "canonical", serve_json_cfg(ck->rev->cfg), "warnings",
			serve_json_lines(&ck->err, true)));
	check_free(ck);
}

struct serve_revision *serve_revision_of(struct serve *s, const char *text, const char *file)
{
	const struct serve_revision *cur = serve_changes_current(s->changes);
	struct serve_revision *r = serve_revision_new();
	int rc = r == NULL ? -ENOMEM : serve_text_set(&r->text, text, strlen(text));

	if (rc == 0 && cur != NULL && cur->local.p != NULL)
		rc = serve_text_set(&r->local, cur->local.p, cur->local.n);
	if (rc == 0) {
		r->name = strdup(file != NULL ? file : "text");
		r->dir = strdup(
			file != NULL && *file == '/' ? file : serve_changes_dir(s->changes));
		rc = r->name == NULL || r->dir == NULL ? -ENOMEM : 0;
	}
	if (rc == 0 && file != NULL && *file == '/')
		(void)text_folder(r->dir);
	if (rc == 0)
		return r;
	serve_revision_free(r);
	return NULL;
}

static void config_compile(struct serve_check *ck)
{
	struct compile_job *job;

	ck->rev->version = 1; // nobody gets to see it
	ck->rev->made_s = time(NULL);
	job = serve_revision_compile(ck->rev, &ck->err);
	if (job != NULL)
		ck->child = serve_child_watch(core_loop_base(ck->s->loop), job, on_config_end, ck);
	if (job == NULL && errno == EINVAL)
		check_fail(ck, API_RPC_ERR_CONFIG, "bad rules or configuration");
	else if (ck->child == NULL)
		check_fail(ck, API_RPC_ERR_INTERNAL, "the compilation cannot start");
}

void serve_check_whole(struct serve *s, struct serve_call *call, struct serve_revision *whole)
{
	struct serve_check *ck = check_new(s, call);

	if (ck == NULL) {
		serve_revision_free(whole);
		return;
	}
	ck->rev = whole;
	if (serve_revision_parse(whole, whole->shipped.p == NULL, &ck->err) != 0 ||
		serve_change_judge(whole->cfg, &ck->err) != 0) {
		check_fail(ck, API_RPC_ERR_CONFIG, "bad configuration or rules");
		return;
	}
	serve_changes_warn_restart(s->changes, whole, &ck->err);
	config_compile(ck);
}

void serve_config_check(void *arg, struct serve_call *call, json_t *params)
{
	const char *text = NULL, *file = NULL;
	const struct serve_param table[] = {
		{"text", SERVE_PARAM_TEXT, true, .out = &text},
		{"file", SERVE_PARAM_TEXT, .out = &file},
	};
	struct serve_revision *r;

	if (!serve_params_take(call, params, table, 2))
		return;
	r = serve_revision_of(arg, text, file);
	if (r == NULL)
		serve_call_result(call, NULL);
	else
		serve_check_whole(arg, call, r);
}

static json_t *real(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *scope_rows(const struct compile_cost *cost)
{
	json_t *list = json_array();

	for (int i = 0; i < POL_SCOPE_COUNT; i++) {
		const struct compile_cost_scope *sc = &cost->scope[i];

		if (sc->rules == 0)
			continue;
		(void)json_array_append_new(list,
			json_pack("{s:s,s:i,s:o,s:o,s:o,s:o,s:i}", "scope",
				cfg_scope_name((enum cfg_rule_scope)i), "rules", (int)sc->rules,
				"database_bytes", serve_json_u64(sc->database_bytes),
				"stream_bytes", serve_json_u64(sc->stream_bytes), "ns_per_byte",
				real(sc->ns_per_byte), "gbit_s", real(sc->gbit_s), "compile_ms",
				(int)sc->compile_ms)); // else one less
	}
	return list;
}

static json_t *rule_rows(const struct compile_cost *cost)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < cost->nrules; i++) {
		const struct compile_cost_rule *r = &cost->rules[i];

		(void)json_array_append_new(list,
			json_pack("{s:o,s:s,s:o,s:o}", "id", serve_json_u64(r->id), "scope",
				cfg_scope_name((enum cfg_rule_scope)r->scope), "ns_per_byte",
				r->measured ? real(r->ns_per_byte) : json_null(), "stream_bytes",
				r->measured ? serve_json_u64(r->stream_bytes)
					    : json_null())); // else one less
	}
	return list;
}

static void on_rules_end(void *arg, struct compile_job *job, int rc, struct err_list *err)
{
	struct serve_check *ck = arg;
	struct compile_cost *cost;

	ck->child = NULL; // freed behind this callback
	err_append(&ck->err, err);
	if (rc != 1 || compile_cost_take(job, &cost) != 0) {
		if (rc == -EINVAL)
			check_fail(ck, API_RPC_ERR_CONFIG, "bad rules");
		else
			check_fail(ck, API_RPC_ERR_INTERNAL, "the check failed");
		return;
	}
	serve_call_result(ck->call,
		json_pack("{s:i,s:o,s:o,s:o}", "rules", (int)cost->nrules, "scopes",
			scope_rows(cost), "costs", rule_rows(cost), "warnings",
			serve_json_lines(&ck->err, true)));
	free(cost);
	check_free(ck);
}

void serve_rules_check(void *arg, struct serve_call *call, json_t *params)
{
	const char *text = NULL, *file = "text";
	const struct serve_param table[] = {
		{"text", SERVE_PARAM_TEXT, true, .out = &text},
		{"file", SERVE_PARAM_TEXT, .out = &file},
	};
	struct serve *s = arg;
	const struct cfg_ruleset *set;
	struct compile_job *job;
	struct serve_check *ck;

	if (!serve_params_take(call, params, table, 2))
		return;
	ck = check_new(s, call);
	if (ck == NULL)
		return;
	set = ck->rules = cfg_rules_load_text(text, strlen(text), file, &ck->err);
	if (set == NULL) {
		check_fail(ck, API_RPC_ERR_CONFIG, "bad rules");
		return;
	}
	job = compile_cost_start(&set, 1, &ck->err);
	if (job != NULL)
		ck->child = serve_child_watch(core_loop_base(s->loop), job, on_rules_end, ck);
	if (ck->child == NULL)
		check_fail(ck, API_RPC_ERR_INTERNAL, "the check cannot start");
}

void serve_checks_stop(struct serve *s)
{
	for (unsigned i = 0; i < SERVE_CHECKS_MAX; i++) {
		if (s->checks[i] == NULL)
			continue;
		serve_call_error(
			s->checks[i]->call, API_RPC_ERR_INTERNAL, NULL, "the control plane stops");
		check_free(s->checks[i]);
	}
}
