// SPDX-License-Identifier: BSD-3-Clause
// What `endpoints` and `senders` share: lists page by page, exports and imports, and `audit list`.
// Thread: the program's only one.
#include <inttypes.h>
#include <string.h>

#include "cfg.h"
#include "cli.h"
#include "text.h"

enum { ROWS = 100, PAGE = 1000, ROWS_MAX = 100000 };

const char *cli_escaped(const json_t *e, const char *name, char buf[CLI_ESCAPED_MAX])
{
	return text_escape(span_str(cli_text(e, name)), buf, CLI_ESCAPED_MAX);
}

// Rows of the next page behind those there are. CLI_OK, with the new cursor in params.
static int page_add(
	struct cli *c, const struct cli_verb *v, json_t *params, json_t *rows, int64_t left)
{
	json_t *result, *cursor;
	int status;

	(void)json_object_set_new(params, "count", json_integer(left < PAGE ? left : PAGE));
	result = cli_call(c, v->method, params, &status);
	if (result == NULL)
		return status;
	(void)json_array_extend(rows, json_object_get(result, v->noun));
	cursor = json_object_get(result, "cursor");
	(void)json_object_set(params, "cursor", cursor);
	json_decref(result);
	return CLI_OK;
}

// The control plane looks at so much at a time: a page may be empty and not the last one.
int cli_known_list(struct cli *c, const struct cli_verb *v, json_t *params)
{
	const json_t *count = json_object_get(params, "count");
	const int64_t most = count == NULL ? ROWS : json_integer_value(count);
	json_t *rows = json_array(), *result;
	int rc = CLI_OK;

	if (most < 1 || most > ROWS_MAX) {
		(void)fprintf(stderr, "mailweirctl: --count: not in 1..%d\n", ROWS_MAX);
		json_decref(rows);
		return CLI_BAD_INPUT;
	}
	do {
		rc = page_add(c, v, params, rows, most - (int64_t)json_array_size(rows));
	} while (rc == CLI_OK && json_is_string(json_object_get(params, "cursor")) &&
		(int64_t)json_array_size(rows) < most);
	result =
		json_pack("{s:o,s:O*}", v->noun, rows, "cursor", json_object_get(params, "cursor"));
	if (rc == CLI_OK && c->json)
		cli_print_json(result);
	else if (rc == CLI_OK)
		v->show(result, params);
	if (rc == CLI_OK && !c->json && json_is_string(json_object_get(params, "cursor")))
		(void)fprintf(stderr, "there are more: --cursor %s\n", cli_text(params, "cursor"));
	json_decref(result);
	return rc;
}

int cli_known_export(struct cli *c, const struct cli_verb *v, json_t *params)
{
	const char *path = json_string_value(json_object_get(params, "output"));
	FILE *f = path == NULL ? stdout : fopen(path, "we");
	json_t *asked = json_object();
	int rc = CLI_OK;

	if (f == NULL) {
		perror(path);
		json_decref(asked);
		return CLI_FAILED;
	}
	do {
		json_t *result = cli_call(c, v->method, asked, &rc);

		if (result == NULL)
			break;
		(void)fputs(cli_text(result, "csv"), f); // main, or fclose, looks at the error
		(void)json_object_set(asked, "cursor", json_object_get(result, "cursor"));
		json_decref(result);
	} while (json_is_string(json_object_get(asked, "cursor")) && !ferror(f));
	json_decref(asked);
	if (f != stdout && (fclose(f) != 0 || rc != CLI_OK)) {
		if (rc == CLI_OK)
			perror(path);
		rc = rc == CLI_OK ? CLI_FAILED : rc;
		(void)remove(path); // half a list is none
	}
	return rc;
}

int cli_known_import(struct cli *c, const struct cli_verb *v, json_t *params)
{
	const int rc = cli_config_text(params);

	return rc == CLI_OK ? cli_run(c, v, params) : rc;
}

void cli_import_rows_show(const json_t *result, const json_t *params)
{
	(void)params;
	(void)printf("%" PRId64 " rows taken\n", cli_int(result, "rows"));
}

void cli_audit_show(const json_t *result, const json_t *params)
{
	static const char *const columns[] = {
		">NUMBER", "TIME", "WHO", "VERB", "OBJECT", "COMMENT", NULL};
	struct cli_table *t = cli_table_new(columns);
	char text[CLI_ESCAPED_MAX];
	const json_t *row;
	size_t i;

	(void)params; // the server minded them
	json_array_foreach(json_object_get(result, "audit"), i, row)
	{
		cli_table_row(t);
		cli_cell(t, "%" PRId64, cli_int(row, "number"));
		cli_cell(t, "%s", cli_text(row, "time"));
		cli_cell(t, "%s", cli_escaped(row, "who", text));
		cli_cell(t, "%s", cli_escaped(row, "verb", text));
		cli_cell(t, "%s", cli_escaped(row, "object", text));
		cli_cell(t, "%s", cli_escaped(row, "comment", text));
	}
	cli_table_print(t);
	if (json_is_integer(json_object_get(result, "before")))
		(void)fprintf(stderr, "there are more: --before %" PRId64 "\n",
			cli_int(result, "before"));
}
