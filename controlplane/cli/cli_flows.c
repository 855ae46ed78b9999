// SPDX-License-Identifier: BSD-3-Clause
// `flows list`. Thread: the program's only one.
#include <inttypes.h>
#include <string.h>

#include "cli.h"

// "10.0.0.1:25", "[fd77::1]:25".
static void cell_end(struct cli_table *t, const char *addr, int64_t port)
{
	cli_cell(t, strchr(addr, ':') != NULL ? "[%s]:%" PRId64 : "%s:%" PRId64, addr, port);
}

void cli_flows_show(const json_t *result, const json_t *params)
{
	static const char *const columns[] = {"CLIENT", "SERVER", ">VLAN", "CONTEXT", "LANE",
		"STATE", "POLICY", ">AGE", ">IDLE", ">CLIENT BYTES", ">SERVER BYTES", "SESSION",
		">WORKER", NULL};
	struct cli_table *t = cli_table_new(columns);
	const json_t *row;
	char text[32];
	size_t i;

	(void)params; // the server minded it
	json_array_foreach(json_object_get(result, "flows"), i, row)
	{
		cli_table_row(t);
		cell_end(t, cli_text(row, "client"), cli_int(row, "client_port"));
		cell_end(t, cli_text(row, "server"), cli_int(row, "server_port"));
		cli_cell(t, "%" PRId64, cli_int(row, "vlan"));
		cli_cell(t, "%s", cli_text(row, "context"));
		cli_cell(t, "%s", cli_text(row, "lane"));
		cli_cell(t, "%s", cli_text(row, "state"));
		cli_cell(t, "%s", cli_text(row, "policy"));
		cli_cell(t, "%s", cli_duration(cli_int(row, "age_ms"), text));
		cli_cell(t, "%s", cli_duration(cli_int(row, "idle_ms"), text));
		cli_cell(t, "%" PRId64, cli_int(row, "client_bytes"));
		cli_cell(t, "%" PRId64, cli_int(row, "server_bytes"));
		cli_cell(t, "%s", cli_text(row, "session"));
		cli_cell(t, "%" PRId64, cli_int(row, "worker"));
	}
	cli_table_print(t);
	if (cli_bool(result, "more"))
		(void)fprintf(stderr, "there are more: --max N\n");
}
