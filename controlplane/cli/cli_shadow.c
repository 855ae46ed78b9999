// SPDX-License-Identifier: BSD-3-Clause
// `config shadow`: starts a candidate, ends it, shows what it would have decided differently. Thread: the
// program's only one.
#include <inttypes.h>
#include <string.h>

#include "cli.h"

int cli_config_shadow(struct cli *c, const struct cli_verb *v, json_t *params)
{
	int rc = CLI_OK;

	if (json_object_get(params, "file") != NULL)
		rc = cli_config_text(params);
	return rc == CLI_OK ? cli_run(c, v, params) : rc;
}

// "refuse 550 (access_rejected)"; `prefix` of the members.
static void decision_cell(
	struct cli_table *t, const json_t *e, const char *did, const char *code, const char *reason)
{
	char number[16] = "";

	if (json_is_integer(json_object_get(e, code)))
		(void)snprintf(number, sizeof(number), " %d", (int)cli_int(e, code)); // it fits
	if (json_is_string(json_object_get(e, reason)))
		cli_cell(t, "%s%s (%s)", cli_text(e, did), number, cli_text(e, reason));
	else
		cli_cell(t, "%s%s", cli_text(e, did), number);
}

static void state_print(const json_t *r)
{
	const char *state = cli_text(r, "state");

	if (cli_bool(r, "starting"))
		(void)printf("a candidate is on its way\n");
	if (strcmp(state, "none") == 0) {
		(void)printf("no candidate has run: mailweirctl config shadow FILE starts one\n");
		return;
	}
	(void)printf("candidate %" PRId64, cli_int(r, "candidate"));
	if (json_is_integer(json_object_get(r, "revision")))
		(void)printf(" (revision %" PRId64 ")", cli_int(r, "revision"));
	(void)printf(" of %s by %s, since %s", cli_text(r, "file"), cli_text(r, "author"),
		cli_text(r, "since"));
	if (strcmp(state, "running") == 0)
		(void)printf(", until %s\n", cli_text(r, "until"));
	else
		(void)printf("; over since %s: %s\n", cli_text(r, "over"), cli_text(r, "why"));
	(void)printf("%" PRId64 " sessions compared: %" PRId64 " decided alike, %" PRId64
		     " differently",
		cli_int(r, "compared"), cli_int(r, "same"), cli_int(r, "different"));
	if (cli_int(r, "not_followed") > 0)
		(void)printf(", %" PRId64 " NOT FOLLOWED", cli_int(r, "not_followed"));
	if (cli_int(r, "not_told") > 0)
		(void)printf("; %" PRId64 " of those that differ are NOT IN THE TABLE",
			cli_int(r, "not_told"));
	(void)putchar('\n');
}

static void kinds_print(const json_t *r)
{
	static const char *const columns[] = {">SESSIONS", "STAGE", "DONE", "CANDIDATE", NULL};
	struct cli_table *t = cli_table_new(columns);
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(r, "differences"), i, row)
	{
		cli_table_row(t);
		cli_cell(t, "%" PRId64, cli_int(row, "count"));
		cli_cell(t, "%s", cli_text(row, "stage"));
		decision_cell(t, row, "did", "", "reason");
		decision_cell(t, row, "would", "", "would_reason");
	}
	(void)putchar('\n');
	cli_table_print(t);
}

static void sessions_print(const json_t *r)
{
	static const char *const columns[] = {"AT", "SESSION", "CLIENT", "SERVER", "STAGE",
		"POLICY", "DONE", "ITS POLICY", "CANDIDATE", NULL};
	struct cli_table *t = cli_table_new(columns);
	const json_t *e;
	size_t i;

	json_array_foreach(json_object_get(r, "sessions"), i, e)
	{
		cli_table_row(t);
		cli_cell(t, "%s", cli_text(e, "time"));
		cli_cell(t, "%s", cli_text(e, "session"));
		cli_cell(t, "%s", cli_text(e, "client"));
		cli_cell(t, "%s", cli_text(e, "server"));
		cli_cell(t, "%s", cli_text(e, "stage"));
		cli_cell(t, "%s", cli_text(e, "policy"));
		decision_cell(t, e, "did", "code", "reason");
		cli_cell(t, "%s", cli_text(e, "candidate_policy"));
		decision_cell(t, e, "would", "would_code", "would_reason");
	}
	(void)printf("\nThe latest:\n");
	cli_table_print(t);
}

void cli_shadow_show(const json_t *r, const json_t *params)
{
	const json_t *line;
	size_t i;

	(void)params; // the answer says it all
	state_print(r);
	if (json_array_size(json_object_get(r, "differences")) > 0)
		kinds_print(r);
	if (json_array_size(json_object_get(r, "sessions")) > 0)
		sessions_print(r);
	if (strcmp(cli_text(r, "state"), "none") == 0)
		return;
	(void)printf("\nNot compared:\n");
	json_array_foreach(json_object_get(r, "not_compared"), i, line)(void)
		printf("  %s\n", json_string_value(line));
}
