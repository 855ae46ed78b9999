// SPDX-License-Identifier: BSD-3-Clause
// config.commit and config.get. Thread: the loop's.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve_int.h"
#include "text.h"

static json_t *warnings_of(const struct serve_change_result *res)
{
	return serve_json_lines(res->err, true);
}

static void on_committed(void *arg, const struct serve_change_result *res)
{
	struct serve_call *call = arg;

	if (res->code != 0)
		serve_call_errors(call, res->code, res->err, res->why);
	else
		serve_call_result(call,
			json_pack("{s:o,s:b,s:o}", "revision", serve_json_u64(res->revision),
				"pending", res->pending, "warnings", warnings_of(res)));
}

// The folder that relative paths of a text called `file` start from: of the file itself where its
// name is absolute, else that of the configuration given at start.
static char *dir_of(const char *file)
{
	char *dir = file != NULL && *file == '/' ? strdup(file) : NULL;

	return dir == NULL ? NULL : text_folder(dir);
}

void serve_config_commit(void *arg, struct serve_call *call, json_t *params)
{
	const char *text = NULL, *file = NULL, *author = NULL, *comment = "";
	const struct serve_param table[] = {
		{"text", SERVE_PARAM_TEXT, .out = &text},
		{"file", SERVE_PARAM_TEXT, .out = &file},
		{"author", SERVE_PARAM_TEXT, .out = &author},
		{"comment", SERVE_PARAM_TEXT, .out = &comment},
	};
	struct serve *s = arg;
	char who[32], *dir;
	int rc;

	if (!serve_params_take(call, params, table, sizeof(table) / sizeof(table[0])))
		return;
	if (file != NULL && text == NULL) {
		serve_call_error(call, API_RPC_ERR_PARAMS, NULL,
			"params.file: names a text that is not there");
		return;
	}
	(void)snprintf(who, sizeof(who), "uid %u", (unsigned)serve_call_uid(call));
	dir = dir_of(file);
	rc = serve_changes_submit(s->changes,
		&(struct serve_change_req){
			.kind = SERVE_CHANGE_CONFIG,
			.text = text,
			.n = text == NULL ? 0 : strlen(text),
			.name = file,
			.dir = dir,
			.author = author != NULL ? author : who,
			.comment = comment,
		},
		on_committed, call);
	free(dir);
	if (rc == -EBUSY)
		serve_call_error(call, API_RPC_ERR_BUSY, NULL, "too many changes wait; try again");
	else if (rc != 0)
		serve_call_result(call, NULL);
}

void serve_config_get(void *arg, struct serve_call *call, json_t *params)
{
	struct serve *s = arg;
	const struct serve_revision *r = serve_changes_current(s->changes);

	if (!serve_params_take(call, params, NULL, 0))
		return;
	if (r == NULL) {
		serve_call_error(
			call, API_RPC_ERR_NOT_FOUND, NULL, "no configuration is in force yet");
		return;
	}
	serve_call_result(call,
		json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:s}", "revision", serve_json_u64(r->version),
			"file", serve_json_text(r->name), "text",
			r->cfg == NULL ? json_null() : serve_json_cfg(r->cfg), "author",
			serve_json_text(r->author), "comment", serve_json_text(r->comment), "at",
			serve_json_time(r->made_s), "state",
			serve_origin_name(serve_changes_origin(s->changes))));
}
