// SPDX-License-Identifier: BSD-3-Clause
// `stats get`. Thread: the program's only one.
#include <inttypes.h>

#include "cli.h"

int cli_stats_get(struct cli *c, const struct cli_verb *v, json_t *params)
{
	json_t *result, *asked = json_copy(params);
	int status;

	(void)json_object_del(asked, "all"); // ours alone; it may not be there
	result = cli_call(c, v->method, asked, &status);
	json_decref(asked);
	if (result == NULL)
		return status;
	if (c->json)
		cli_print_json(result);
	else
		v->show(result, params);
	json_decref(result);
	return CLI_OK;
}

// How many, and of each reason how many.
static void refused_cells(struct cli_table *t, const json_t *refused)
{
	char text[256] = "";
	const char *reason;
	json_t *count;
	int64_t sum = 0;
	size_t at = 0;

	json_object_foreach((json_t *)(uintptr_t)refused, reason, count)
	{
		sum += json_integer_value(count);
		if (at < sizeof(text))
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s %" PRId64,
				at == 0 ? "" : ", ", reason, (int64_t)json_integer_value(count));
	}
	cli_cell(t, "%" PRId64, sum);
	cli_cell(t, "%s", text);
}

void cli_stats_show(const json_t *result, const json_t *params)
{
	static const char *const counters[] = {"COUNTER", "KIND", ">VALUE", "MEANING", NULL};
	static const char *const policies[] = {"POLICY", ">CONNECTIONS", ">REFUSED", "FOR", NULL};
	const json_t *list = json_object_get(result, "counters"), *row;
	bool all = cli_bool(params, "all");
	struct cli_table *t = cli_table_new(counters);
	size_t i;

	json_array_foreach(list, i, row)
	{
		if (!all && cli_int(row, "value") == 0)
			continue;
		cli_table_row(t);
		cli_cell(t, "%s", cli_text(row, "name"));
		cli_cell(t, "%s", cli_text(row, "kind"));
		cli_cell(t, "%" PRId64, cli_int(row, "value"));
		cli_cell(t, "%s", cli_text(row, "help"));
	}
	cli_table_print(t);
	list = json_object_get(result, "policies");
	if (json_array_size(list) == 0)
		return;
	(void)putchar('\n');
	t = cli_table_new(policies);
	json_array_foreach(list, i, row)
	{
		cli_table_row(t);
		cli_cell(t, "%s", cli_text(row, "policy"));
		cli_cell(t, "%" PRId64, cli_int(row, "hits"));
		refused_cells(t, json_object_get(row, "refused"));
	}
	cli_table_print(t);
}
