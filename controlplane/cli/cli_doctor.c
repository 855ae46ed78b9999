// SPDX-License-Identifier: BSD-3-Clause
// `doctor`: each check with what was seen, and what to do where there is something. Exit status 1 where a check
// warns or fails. Thread: the program's only one.
#include <string.h>

#include "cli.h"

static bool is_bad(const char *state)
{
	return strcmp(state, "warning") == 0 || strcmp(state, "error") == 0;
}

void cli_doctor_show(const json_t *result, const json_t *params)
{
	static const char *const columns[] = {"CHECK", "STATE", "SEEN", NULL};
	const json_t *list = json_object_get(result, "checks"), *row;
	struct cli_table *t = cli_table_new(columns);
	size_t i;

	(void)params; // has none
	json_array_foreach(list, i, row)
	{
		cli_table_row(t);
		cli_cell(t, "%s", cli_text(row, "check"));
		cli_cell(t, "%s", cli_text(row, "state"));
		cli_cell(t, "%s", cli_text(row, "seen"));
	}
	cli_table_print(t);
	json_array_foreach(list, i, row) if (json_is_string(json_object_get(row, "todo")))(void)
		printf("\n%s: %s.\n", cli_text(row, "check"), cli_text(row, "todo"));
}

int cli_doctor(struct cli *c, const struct cli_verb *v, json_t *params)
{
	int status;
	json_t *result = cli_call(c, v->method, params, &status);

	if (result == NULL)
		return status;
	if (c->json)
		cli_print_json(result);
	else
		v->show(result, params);
	status = is_bad(cli_text(result, "state")) ? CLI_FAILED : CLI_OK;
	json_decref(result);
	return status;
}
