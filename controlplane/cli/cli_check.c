// SPDX-License-Identifier: BSD-3-Clause
// `config check` and `rules check`: here, without a control plane, by the same code that it uses.
// What only a running Mailweir knows, rules added at run time and the ports in use, is not looked
// at.
// Thread: the program's only one.
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cfg.h"
#include "cfg_rules.h"
#include "cli.h"
#include "compile.h"
#include "rad_conf.h"
#include "text.h"

// Errors and warnings to standard error; the exit status. `rc` is what the compiler said, if it
// came to that: what is not the fault of the file is no bad input.
static int errors_print(const struct err_list *err, int rc)
{
	err_print(err, stderr);
	if (rc != 0 && rc != -EINVAL)
		return CLI_FAILED;
	return err_any(err) ? CLI_BAD_INPUT : CLI_OK;
}

// The folder that relative paths in `path` start from; free it. NULL without memory.
static char *folder_of(const char *path)
{
	char *whole = cfg_input_is_stdin(path) ? NULL : realpath(path, NULL);

	return whole == NULL ? realpath(".", NULL) : text_folder(whole); // a pipe has none
}

static struct cfg *config_load(const char *path, struct err_list *err)
{
	struct cfg *cfg = NULL;
	size_t n;
	char *text = cfg_input_read(path, CFG_INPUT_WAIT_MS, &n, err), *dir;

	if (text == NULL)
		return NULL;
	dir = folder_of(path);
	if (dir != NULL)
		cfg = cfg_load_text(text, n, path, dir, err);
	else
		err_at(err, path, 0, 0, "%s", strerror(errno));
	free(dir);
	free(text);
	return cfg;
}

static void canonical_print(const struct cli *c, const struct cfg *cfg)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	json_t *j;

	if (f == NULL)
		return;
	cfg_print(cfg, f);
	if (fclose(f) == 0 && c->json) {
		j = json_pack("{s:s%}", "canonical", text, n);
		cli_print_json(j);
		json_decref(j);
	} else if (text != NULL) {
		(void)fputs(text, stdout); // main looks at the stream's error at the end
	}
	free(text);
}

int cli_config_check(struct cli *c, const struct cli_verb *v, json_t *params)
{
	struct err_list err;
	struct cfg *cfg;
	int rc = 0;

	(void)v; // no call is made
	err_init(&err);
	cfg = config_load(cli_text(params, "file"), &err);
	if (cfg != NULL)
		rc = compile_check(cfg, &err);
	if (rc == 0 && cfg != NULL)
		rc = rad_conf_check(cfg, &err);
	rc = errors_print(&err, rc);
	if (rc == CLI_OK && !cli_bool(params, "quiet"))
		canonical_print(c, cfg);
	if (cfg != NULL)
		cfg_free(cfg);
	return rc;
}

static json_t *real(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

// The same form as the method's result.
static json_t *cost_json(const struct compile_cost *cost)
{
	json_t *scopes = json_array(), *costs = json_array();

	for (unsigned i = 0; i < CFG_SCOPE_COUNT; i++) {
		const struct compile_cost_scope *s = &cost->scope[i];

		if (s->rules == 0)
			continue;
		(void)json_array_append_new(scopes,
			json_pack("{s:s,s:i,s:I,s:I,s:o,s:o,s:i}", "scope", cfg_scope_name(i),
				"rules", (int)s->rules, "database_bytes",
				(json_int_t)s->database_bytes, "stream_bytes",
				(json_int_t)s->stream_bytes, "ns_per_byte", real(s->ns_per_byte),
				"gbit_s", real(s->gbit_s), "compile_ms",
				(int)s->compile_ms)); // without memory: one less
	}
	for (uint32_t i = 0; i < cost->nrules; i++) {
		const struct compile_cost_rule *r = &cost->rules[i];

		(void)json_array_append_new(costs,
			json_pack("{s:I,s:s,s:o,s:o}", "id", (json_int_t)r->id, "scope",
				cfg_scope_name((enum cfg_rule_scope)r->scope), "ns_per_byte",
				r->measured ? real(r->ns_per_byte) : json_null(), "stream_bytes",
				r->measured ? json_integer((json_int_t)r->stream_bytes)
					    : json_null())); // without memory: one less
	}
	return json_pack(
		"{s:i,s:o,s:o}", "rules", (int)cost->nrules, "scopes", scopes, "costs", costs);
}

int cli_rules_check(struct cli *c, const struct cli_verb *v, json_t *params)
{
	const char *path = cli_text(params, "file");
	const struct cfg_ruleset *set = NULL;
	struct cfg_ruleset *rules = NULL;
	struct compile_cost *cost = NULL;
	struct err_list err;
	json_t *j;
	char *text;
	size_t n;
	int rc = 0;

	err_init(&err);
	text = cfg_input_read(path, CFG_INPUT_WAIT_MS, &n, &err);
	if (text == NULL)
		return errors_print(&err, 0);
	set = rules = cfg_rules_load_text(text, n, path, &err);
	free(text);
	if (rules != NULL)
		rc = compile_cost(&set, 1, &cost, &err);
	if (rc == -ENOMEM)
		err_add(&err, "out of memory");
	rc = errors_print(&err, rc);
	if (rc == CLI_OK) {
		j = cost_json(cost);
		if (c->json)
			cli_print_json(j);
		else
			v->show(j, params);
		json_decref(j);
	}
	free(cost);
	if (rules != NULL)
		cfg_rules_free(rules);
	return rc;
}
