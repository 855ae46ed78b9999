// SPDX-License-Identifier: BSD-3-Clause
// `policy match`. Thread: the program's only one.
#include <inttypes.h>
#include <string.h>

#include "cli.h"

static void access_show(const json_t *access)
{
	static const char *const columns[] = {"ACCESS RULE", "TAKES IT", NULL};
	static const char *const lists[][2] = {
		{"sender_list", "sender"}, {"recipient_list", "recipient"}};
	struct cli_table *t = cli_table_new(columns);
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(access, "tried"), i, row)
	{
		cli_table_row(t);
		cli_cell(t, "%s", cli_text(row, "rule"));
		cli_cell(t, "no: %s", cli_text(row, "miss"));
	}
	if (json_is_string(json_object_get(access, "rule"))) {
		cli_table_row(t);
		cli_cell(t, "%s", cli_text(access, "rule"));
		cli_cell(t, "yes: %s", cli_text(access, "action"));
	}
	(void)putchar('\n');
	cli_table_print(t);
	if (!json_is_string(json_object_get(access, "rule")))
		(void)printf("no access rule takes the recipient: permitted\n");
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (json_is_string(json_object_get(access, lists[i][0])))
			(void)printf("the %s is on a %s list of the session profile\n", lists[i][1],
				cli_text(access, lists[i][0]));
}

void cli_match_show(const json_t *result, const json_t *params)
{
	static const char *const columns[] = {"POLICY", "MATCHES", NULL};
	struct cli_table *t = cli_table_new(columns);
	bool found = json_is_string(json_object_get(result, "policy"));
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(result, "tried"), i, row)
	{
		cli_table_row(t);
		cli_cell(t, "%s", cli_text(row, "policy"));
		if (json_is_string(json_object_get(row, "wants")))
			cli_cell(t, "no: %s is %s, not %s", cli_text(row, "miss"),
				cli_text(row, "has"), cli_text(row, "wants"));
		else
			cli_cell(t, "no: %s", cli_text(row, "miss"));
	}
	if (found) {
		cli_table_row(t);
		cli_cell(t, "%s", cli_text(result, "policy"));
		cli_cell(t, "yes");
	}
	cli_table_print(t);
	(void)printf("\n%s to %s, %s, in context %s by port %s, revision %" PRId64 ":\n",
		cli_text(params, "source"), cli_text(params, "destination"),
		cli_text(result, "direction"), cli_text(result, "context"),
		cli_text(result, "ingress"), cli_int(result, "revision"));
	if (!cli_bool(result, "picked_up"))
		(void)printf(
			"not picked up: its TCP port is not in pickup.ports; forwarded as it is\n");
	else if (strcmp(cli_text(result, "pickup"), "proxy") != 0)
		(void)printf("pickup says %s: no policy is asked\n", cli_text(result, "pickup"));
	else if (!found)
		(void)printf("no policy matches: passed, not scanned\n");
	else
		(void)printf("action %s, session profile %s, content profile %s\n",
			cli_text(result, "action"), cli_text(result, "session"),
			cli_text(result, "content"));
	if (cli_bool(result, "server_blocked"))
		(void)printf("the session profile blocks this server: answered 554 in the greeting\n");
	if (json_is_object(json_object_get(result, "access")))
		access_show(json_object_get(result, "access"));
}
