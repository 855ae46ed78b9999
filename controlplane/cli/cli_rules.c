// SPDX-License-Identifier: BSD-3-Clause
// `rules add`, `rules del`, `rules list`, and what rules cost. Thread: the program's only one.
#include <inttypes.h>
#include <string.h>

#include "cli.h"

enum { DEAREST = 20 };

int cli_rules_add(struct cli *c, const struct cli_verb *v, json_t *params)
{
	json_t *literal = json_object_get(params, "literal"),
	       *regex = json_object_get(params, "regex");

	if ((literal == NULL) == (regex == NULL)) {
		(void)fprintf(stderr,
			"mailweirctl: rules add: one of --literal TEXT and --regex REGEX\n");
		return CLI_BAD_INPUT;
	}
	if (json_object_set(params, "text", literal != NULL ? literal : regex) < 0 ||
		json_object_set_new(params, "literal", json_boolean(literal != NULL)) < 0) {
		(void)fprintf(stderr, "mailweirctl: out of memory\n");
		return CLI_FAILED;
	}
	(void)json_object_del(params, "regex"); // it may not be there
	return cli_run(c, v, params);
}

void cli_rule_show(const json_t *result, const json_t *params)
{
	(void)printf("rule %" PRId64 " %s: revision %" PRId64 " %s\n", cli_int(result, "id"),
		json_object_get(params, "text") != NULL ? "added" : "deleted",
		cli_int(result, "revision"),
		cli_bool(result, "pending") ? "is stored; it takes force when a data plane attaches"
					    : "is in force");
}

void cli_rules_show(const json_t *result, const json_t *params)
{
	static const char *const columns[] = {
		">ID", "SCOPE", ">SCORE", "FLAGS", "FROM", "GROUP", "LABEL", "TEXT", NULL};
	struct cli_table *t = cli_table_new(columns);
	const json_t *row;
	size_t i;

	(void)params; // the server minded them
	json_array_foreach(json_object_get(result, "rules"), i, row)
	{
		cli_table_row(t);
		cli_cell(t, "%" PRId64, cli_int(row, "id"));
		cli_cell(t, "%s", cli_text(row, "scope"));
		cli_cell(t, "%" PRId64, cli_int(row, "score"));
		cli_cell(t, "%s", cli_text(row, "flags"));
		cli_cell(t, "%s", cli_bool(row, "added") ? "added" : "file");
		cli_cell(t, "%s", cli_text(row, "group"));
		cli_cell(t, "%s", cli_text(row, "label"));
		cli_cell(t, "%s", cli_text(row, "text"));
	}
	cli_table_print(t);
}

static void scopes_show(const json_t *result)
{
	static const char *const columns[] = {"SCOPE", ">RULES", ">NS/BYTE", ">GBIT/S A CORE",
		">DATABASE BYTES", ">STREAM BYTES", ">COMPILE MS", NULL};
	struct cli_table *t = cli_table_new(columns);
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(result, "scopes"), i, row)
	{
		cli_table_row(t);
		cli_cell(t, "%s", cli_text(row, "scope"));
		cli_cell(t, "%" PRId64, cli_int(row, "rules"));
		cli_cell(t, "%.3f", cli_real(row, "ns_per_byte"));
		cli_cell(t, "%.2f", cli_real(row, "gbit_s"));
		cli_cell(t, "%" PRId64, cli_int(row, "database_bytes"));
		cli_cell(t, "%" PRId64, cli_int(row, "stream_bytes"));
		cli_cell(t, "%" PRId64, cli_int(row, "compile_ms"));
	}
	cli_table_print(t);
}

void cli_cost_show(const json_t *result, const json_t *params)
{
	static const char *const columns[] = {
		">RULE", "SCOPE", ">NS/BYTE ALONE", ">STREAM BYTES", NULL};
	const json_t *costs = json_object_get(result, "costs"), *row;
	bool all = cli_bool(params, "all");
	struct cli_table *t;
	size_t i;

	(void)printf("%" PRId64 " rules; each scope as its rules run together:\n",
		cli_int(result, "rules"));
	scopes_show(result);
	(void)printf("\neach rule alone, dearest first:\n");
	t = cli_table_new(columns);
	json_array_foreach(costs, i, row)
	{
		if (!all && i == DEAREST)
			break;
		cli_table_row(t);
		cli_cell(t, "%" PRId64, cli_int(row, "id"));
		cli_cell(t, "%s", cli_text(row, "scope"));
		if (json_is_null(json_object_get(row, "ns_per_byte")))
			cli_cell(t, "not measured");
		else
			cli_cell(t, "%.3f", cli_real(row, "ns_per_byte"));
		cli_cell(t, "%" PRId64, cli_int(row, "stream_bytes"));
	}
	cli_table_print(t);
	if (!all && json_array_size(costs) > DEAREST)
		(void)printf("and %zu more: --all\n", json_array_size(costs) - DEAREST);
}
