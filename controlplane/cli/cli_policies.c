// SPDX-License-Identifier: BSD-3-Clause
// `policies list` and its changes. Places are counted from 1 for people. Thread: the program's only one.
#include <inttypes.h>

#include "cli.h"

void cli_policies_show(const json_t *result, const json_t *params)
{
	static const char *const columns[] = {">#", "NAME", "ON", "CONTEXT", "INGRESS", "VLAN",
		"SOURCE", "DESTINATION", "PORT", "ACTION", "SESSION", "CONTENT", "COMMENT", NULL};
	static const char *const texts[] = {"context", "ingress", "vlan", "source", "destination",
		"port", "action", "session", "content", "comment"};
	struct cli_table *t = cli_table_new(columns);
	const json_t *row;
	size_t i;

	(void)params; // has none
	json_array_foreach(json_object_get(result, "policies"), i, row)
	{
		cli_table_row(t);
		cli_cell(t, "%" PRId64, cli_int(row, "index") + 1);
		cli_cell(t, "%s", cli_text(row, "name"));
		cli_cell(t, "%s", cli_bool(row, "enabled") ? "yes" : "no");
		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
			cli_cell(t, "%s", cli_text(row, texts[k]));
	}
	cli_table_print(t);
}

void cli_policy_show(const json_t *result, const json_t *params)
{
	(void)printf("policy %s, number %" PRId64 ": revision %" PRId64 " %s\n",
		cli_text(params, "name"), cli_int(result, "index") + 1, cli_int(result, "revision"),
		cli_bool(result, "pending") ? "is stored; it takes force when a data plane attaches"
					    : "is in force");
}
