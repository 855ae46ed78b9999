// SPDX-License-Identifier: BSD-3-Clause
// The usual way of a verb: call, print. Thread: the program's only one.
#include "cli.h"

int cli_run(struct cli *c, const struct cli_verb *v, json_t *params)
{
	int status;
	json_t *result = cli_call(c, v->method, params, &status);

	if (result == NULL)
		return status;
	cli_lines(json_object_get(result, "warnings"));
	if (c->json)
		cli_print_json(result);
	else
		v->show(result, params);
	json_decref(result);
	return CLI_OK;
}
