// SPDX-License-Identifier: BSD-3-Clause
// `senders`: client addresses and prefixes, their scores and lists. Thread: the program's only one.
#include <inttypes.h>

#include "cli.h"

static void row_add(struct cli_table *t, const json_t *row)
{
	char text[CLI_ESCAPED_MAX];

	cli_table_row(t);
	cli_cell(t, "%s", cli_text(row, "sender"));
	cli_cell(t, "%s", cli_text(row, "location"));
	cli_cell(t, "%s", cli_escaped(row, "context", text));
	cli_cell(t, "%" PRId64, cli_int(row, "vlan"));
	cli_cell(t, "%s", cli_text(row, "state"));
	cli_cell(t, "%" PRId64, cli_int(row, "score"));
	cli_cell(t, "%" PRId64, cli_int(row, "good"));
	cli_cell(t, "%.2f", cli_real(row, "bad"));
	cli_cell(t, "%s", cli_text(row, "counted"));
	cli_cell(t, "%s", cli_text(row, "login_until"));
	cli_cell(t, "%" PRId64, cli_int(row, "failed_logins"));
	cli_cell(t, "%s", cli_text(row, "until"));
	cli_cell(t, "%s", cli_escaped(row, "comment", text));
}

static const char *const columns[] = {"SENDER", "LOCATION", "CONTEXT", ">VLAN", "STATE", ">SCORE",
	">GOOD", ">BAD", "COUNTED", "LOGINS BLOCKED UNTIL", ">FAILED LOGINS", "UNTIL", "COMMENT",
	NULL};

void cli_senders_show(const json_t *result, const json_t *params)
{
	struct cli_table *t = cli_table_new(columns);
	const json_t *row;
	size_t i;

	(void)params; // the server minded them
	json_array_foreach(json_object_get(result, "senders"), i, row) row_add(t, row);
	cli_table_print(t);
}

void cli_sender_get_show(const json_t *result, const json_t *params)
{
	const json_t *row, *fall;
	struct cli_table *t;
	char left[32];
	size_t i, k;

	(void)params; // the answer says it all
	if (json_array_size(json_object_get(result, "entries")) == 0) {
		(void)printf("nothing is known of %s\n", cli_text(result, "sender"));
		return;
	}
	t = cli_table_new(columns);
	json_array_foreach(json_object_get(result, "entries"), i, row) row_add(t, row);
	cli_table_print(t);
	json_array_foreach(json_object_get(result, "entries"), i, row)
		json_array_foreach(json_object_get(row, "falls"), k, fall)(void)
			printf("%s: without more of it the score is %" PRId64 " in %s\n",
				cli_text(row, "sender"), cli_int(fall, "score"),
				cli_duration(cli_int(fall, "in_s") * 1000, left));
}

void cli_sender_show(const json_t *result, const json_t *params)
{
	(void)printf("sender %s: %s\n",
		cli_text(json_object_get(result, "sender") != NULL ? result : params, "sender"),
		json_object_get(result, "state") != NULL ? cli_text(result, "state") : "none");
}
