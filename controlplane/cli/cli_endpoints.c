// SPDX-License-Identifier: BSD-3-Clause
// `endpoints`: subscribers, their scores and lists. Ids come from accounting: they are printed escaped.
// Thread: the program's only one.
#include <inttypes.h>
#include <string.h>

#include "cli.h"

static const char *name_of(const json_t *row, char buf[CLI_ESCAPED_MAX])
{
	return json_is_string(json_object_get(row, "id")) ? cli_escaped(row, "id", buf)
							  : cli_text(row, "key");
}

void cli_endpoints_show(const json_t *result, const json_t *params)
{
	static const char *const columns[] = {"ENDPOINT", "STATE", ">SCORE", "UNTIL", ">LEFT",
		"LOGINS BLOCKED UNTIL", ">FAILED LOGINS", "COMMENT", NULL};
	struct cli_table *t = cli_table_new(columns);
	char text[CLI_ESCAPED_MAX], left[32];
	const json_t *row;
	size_t i;

	(void)params; // the server minded them
	json_array_foreach(json_object_get(result, "endpoints"), i, row)
	{
		cli_table_row(t);
		cli_cell(t, "%s", name_of(row, text));
		cli_cell(t, "%s", cli_text(row, "state"));
		cli_cell(t, "%" PRId64, cli_int(row, "score"));
		cli_cell(t, "%s", cli_text(row, "until"));
		cli_cell(t, "%s",
			cli_int(row, "left_s") == 0
				? "-"
				: cli_duration(cli_int(row, "left_s") * 1000, left));
		cli_cell(t, "%s", cli_text(row, "login_until"));
		cli_cell(t, "%" PRId64, cli_int(row, "failed_logins"));
		cli_cell(t, "%s", cli_escaped(row, "comment", text));
	}
	cli_table_print(t);
}

static void addresses_show(const json_t *result)
{
	const json_t *addresses = json_object_get(result, "addresses"), *a;
	size_t i;

	json_array_foreach(addresses, i, a)(void)
		printf(i == 0 ? "  now at: %s" : ", %s", json_string_value(a));
	if (i > 0)
		(void)putchar('\n');
}

// What an operator said of it.
static void list_show(const json_t *result, const char *what, const char *release)
{
	char text[CLI_ESCAPED_MAX], left[32];

	(void)printf("  %s since %s ", what, cli_text(result, "since"));
	if (cli_int(result, "left_s") > 0)
		(void)printf("until %s, for %s more; or", cli_text(result, "until"),
			cli_duration(cli_int(result, "left_s") * 1000, left));
	else
		(void)printf("until");
	(void)printf(": %s\n", release);
	if (json_is_string(json_object_get(result, "comment")))
		(void)printf("  comment: %s\n", cli_escaped(result, "comment", text));
}

void cli_endpoint_get_show(const json_t *result, const json_t *params)
{
	const char *state = cli_text(result, "state");
	char text[CLI_ESCAPED_MAX], left[32];

	(void)params; // the answer says it all
	(void)printf("endpoint %s (key %s): %s, score %" PRId64 "\n", name_of(result, text),
		cli_text(result, "key"), cli_bool(result, "known") ? state : "nothing is known",
		cli_int(result, "score"));
	addresses_show(result);
	if (strcmp(state, "auto") == 0)
		(void)printf("  blocked until %s, for %s more; or: mailweirctl endpoints unblock\n",
			cli_text(result, "until"),
			cli_duration(cli_int(result, "left_s") * 1000, left));
	if (strcmp(state, "manual") == 0)
		list_show(result, "blocked by an operator", "mailweirctl endpoints unblock");
	if (strcmp(state, "exempt") == 0)
		list_show(result, "never blocked", "mailweirctl endpoints exempt --off");
	if (cli_int(result, "calm_s") > 0)
		(void)printf("  the score is over the trigger of %" PRId64
			     " for %s more, without more of it\n",
			cli_int(result, "trigger"),
			cli_duration(cli_int(result, "calm_s") * 1000, left));
	if (cli_int(result, "login_left_s") > 0)
		(void)printf("  logins are refused until %s, for %s more: %" PRId64 " failed\n",
			cli_text(result, "login_until"),
			cli_duration(cli_int(result, "login_left_s") * 1000, left),
			cli_int(result, "failed_logins"));
}

void cli_endpoint_show(const json_t *result, const json_t *params)
{
	char text[CLI_ESCAPED_MAX];

	(void)printf("endpoint %s: %s\n",
		name_of(json_object_get(result, "key") != NULL ? result : params, text),
		json_object_get(result, "state") != NULL ? cli_text(result, "state") : "none");
}
