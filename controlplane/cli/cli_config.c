// SPDX-License-Identifier: BSD-3-Clause
// `config commit`, `config get`, `config confirm`, `config revert`. Thread: the program's only one.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cfg.h"
#include "cli.h"

int cli_config_text(json_t *params)
{
	const char *path = json_string_value(json_object_get(params, "file"));
	struct err_list err;
	char *text, *whole;
	size_t n;
	int rc;

	err_init(&err);
	text = cfg_input_read(path, CFG_INPUT_WAIT_MS, &n, &err);
	if (text == NULL) {
		err_print(&err, stderr);
		return CLI_BAD_INPUT;
	}
	whole = cfg_input_is_stdin(path) ? NULL : realpath(path, NULL);
	rc = json_object_set_new(params, "text", json_stringn(text, n));
	if (rc < 0)
		(void)fprintf(stderr, "%s: is not UTF-8 text\n", path);
	else // of a pipe the server's own folder counts
		rc = json_object_set_new(params, "file", json_string(whole != NULL ? whole : "-"));
	free(whole);
	free(text);
	return rc < 0 ? CLI_BAD_INPUT : CLI_OK;
}

int cli_config_change(struct cli *c, const struct cli_verb *v, json_t *params)
{
	json_t *minutes = json_object_get(params, "confirm");

	if (minutes != NULL && json_object_set(params, "confirm_min", minutes) < 0) {
		(void)fprintf(stderr, "mailweirctl: out of memory\n");
		return CLI_FAILED;
	}
	(void)json_object_del(params, "confirm"); // it may not be there
	return cli_run(c, v, params);
}

int cli_config_commit(struct cli *c, const struct cli_verb *v, json_t *params)
{
	int rc = CLI_OK;

	if (json_object_get(params, "file") != NULL)
		rc = cli_config_text(params);
	return rc == CLI_OK ? cli_config_change(c, v, params) : rc;
}

void cli_commit_show(const json_t *result, const json_t *params)
{
	(void)params; // the answer says it all
	(void)printf("revision %" PRId64 " %s\n", cli_int(result, "revision"),
		cli_bool(result, "pending") ? "is stored; it takes force when a data plane attaches"
					    : "is in force");
	if (json_is_string(json_object_get(result, "confirm_until")))
		(void)printf("unless `mailweirctl config confirm` comes before %s, the one before "
			     "it is in force again then\n",
			cli_text(result, "confirm_until"));
}

void cli_confirm_show(const json_t *result, const json_t *params)
{
	(void)params; // the answer says it all
	(void)printf("revision %" PRId64 " is confirmed\n", cli_int(result, "revision"));
}

int cli_config_get(struct cli *c, const struct cli_verb *v, json_t *params)
{
	bool written = cli_bool(params, "written");
	json_t *r;
	int rc;

	(void)json_object_del(params, "written"); // it may not be there
	r = cli_call(c, v->method, params, &rc);
	if (r == NULL)
		return rc;
	if (c->json) {
		cli_print_json(r);
		json_decref(r);
		return CLI_OK;
	}
	(void)printf("# revision %" PRId64 " of %s by %s%s%s\n", cli_int(r, "revision"),
		cli_text(r, "at"), cli_text(r, "author"), *cli_text(r, "comment") != '\0' ? ": " : "",
		cli_text(r, "comment"));
	// main looks at the stream's error at the end
	if (!written && json_is_string(json_object_get(r, "text")))
		(void)fputs(cli_text(r, "text"), stdout);
	else if (json_is_string(json_object_get(r, "written")))
		(void)fputs(cli_text(r, "written"), stdout);
	else
		(void)printf("# no usable configuration: everything passes\n");
	json_decref(r);
	return CLI_OK;
}

int cli_config_diff(struct cli *c, const struct cli_verb *v, json_t *params)
{
	int rc = CLI_OK;

	if (json_object_get(params, "file") != NULL)
		rc = cli_config_text(params);
	(void)json_object_del(params, "file"); // it may not be there
	return rc == CLI_OK ? cli_run(c, v, params) : rc;
}

void cli_diff_show(const json_t *result, const json_t *params)
{
	(void)params; // the answer says it all
	(void)fputs(cli_text(result, "diff"), stdout);
}

static const char *state_words(const char *state)
{
	static const struct {
		const char *state, *words;
	} names[] = {
		{"in_force", "in force"},
		{"unconfirmed", "in force, to be confirmed"},
		{"not_confirmed", "not confirmed"},
		{"old", ""},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(state, names[i].state) == 0)
			return names[i].words;
	}
	return state;
}

void cli_revisions_show(const json_t *result, const json_t *params)
{
	static const char *const columns[] = {
		">REVISION", "AT", "AUTHOR", ">ADDED", ">REMOVED", "STATE", "COMMENT", NULL};
	struct cli_table *t = cli_table_new(columns);
	const json_t *row;
	size_t i;

	(void)params; // the server minded them
	json_array_foreach(json_object_get(result, "revisions"), i, row)
	{
		cli_table_row(t);
		cli_cell(t, "%" PRId64, cli_int(row, "revision"));
		cli_cell(t, "%s", cli_text(row, "at"));
		cli_cell(t, "%s", cli_text(row, "author"));
		cli_cell(t, "%" PRId64, cli_int(row, "plus"));
		cli_cell(t, "%" PRId64, cli_int(row, "minus"));
		cli_cell(t, "%s", state_words(cli_text(row, "state")));
		cli_cell(t, "%s", cli_text(row, "comment"));
	}
	cli_table_print(t);
	if (json_is_string(json_object_get(result, "confirm_until")))
		(void)printf("revision %" PRId64 " is in force again at %s unless the one above is "
			     "confirmed\n",
			cli_int(result, "back"), cli_text(result, "confirm_until"));
}
