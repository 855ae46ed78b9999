// SPDX-License-Identifier: BSD-3-Clause
// `config commit`, `config get`. Thread: the program's only one.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cfg.h"
#include "cli.h"

// Replaces the name of a file by its text and its whole name, as the method wants it.
static int file_to_text(json_t *params)
{
	const char *path = json_string_value(json_object_get(params, "file"));
	struct err_list err;
	char *text, *whole;
	size_t n;
	int rc;

	err_init(&err);
	text = cfg_file_read(path, &n, &err);
	if (text == NULL) {
		err_print(&err, stderr);
		return CLI_BAD_INPUT;
	}
	whole = realpath(path, NULL);
	rc = json_object_set_new(params, "text", json_stringn(text, n));
	if (rc < 0)
		(void)fprintf(stderr, "%s: is not UTF-8 text\n", path);
	else if (whole != NULL) // else standard input: the server's own folder counts
		rc = json_object_set_new(params, "file", json_string(whole));
	free(whole);
	free(text);
	return rc < 0 ? CLI_BAD_INPUT : CLI_OK;
}

int cli_config_commit(struct cli *c, const struct cli_verb *v, json_t *params)
{
	int rc = CLI_OK;

	if (json_object_get(params, "file") != NULL)
		rc = file_to_text(params);
	return rc == CLI_OK ? cli_run(c, v, params) : rc;
}

void cli_commit_show(const json_t *result, const json_t *params)
{
	(void)params; // the answer says it all
	(void)printf("revision %" PRId64 " %s\n", cli_int(result, "revision"),
		cli_bool(result, "pending") ? "is stored; it takes force when a data plane attaches"
					    : "is in force");
}

void cli_config_show(const json_t *result, const json_t *params)
{
	(void)params; // has none
	(void)printf("# revision %" PRId64 " of %s by %s%s%s\n", cli_int(result, "revision"),
		cli_text(result, "at"), cli_text(result, "author"),
		*cli_text(result, "comment") != '\0' ? ": " : "", cli_text(result, "comment"));
	if (json_is_string(json_object_get(result, "text")))
		(void)fputs(cli_text(result, "text"),
			stdout); // main looks at the stream's error at the end
	else
		(void)printf("# no usable configuration: everything passes\n");
}
