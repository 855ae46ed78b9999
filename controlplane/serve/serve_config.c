// SPDX-License-Identifier: BSD-3-Clause
// config.commit and config.get. Thread: the loop's.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve_int.h"
#include "text.h"

// Answers a call whose change has ended.
static void on_committed(void *arg, const struct serve_change_result *res)
{
	struct serve_call *call = arg;

	if (res->code != 0)
		serve_call_errors(call, res->code, res->err, res->why);
	else
		serve_call_result(call,
			json_pack("{s:o,s:b,s:o,s:o}", "revision", serve_json_u64(res->revision),
				"pending", res->pending, "confirm_until",
				serve_json_time(res->until_s), "warnings",
				serve_json_lines(res->err, true)));
}

void serve_call_submit(struct serve *s, struct serve_call *call, struct serve_change_req *req,
	serve_change_cb done)
{
	char who[32];
	int rc;

	(void)snprintf(who, sizeof(who), "uid %u", (unsigned)serve_call_uid(call)); // it fits
	if (req->author == NULL)
		req->author = who;
	rc = serve_changes_submit(s->changes, req, done, call);
	if (rc == -EBUSY)
		serve_call_error(call, API_RPC_ERR_BUSY, NULL, "too many changes wait; try again");
	else if (rc != 0)
		serve_call_result(call, NULL);
}

void serve_config_submit(struct serve *s, struct serve_call *call, struct serve_change_req *req)
{
	serve_call_submit(s, call, req, on_committed);
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
	int64_t confirm_min = 0;
	const struct serve_param table[] = {
		{"text", SERVE_PARAM_TEXT, .out = &text},
		{"file", SERVE_PARAM_TEXT, .out = &file},
		{"author", SERVE_PARAM_TEXT, .out = &author},
		{"comment", SERVE_PARAM_TEXT, .out = &comment},
		{"confirm_min", SERVE_PARAM_INT, .lo = 1, .hi = SERVE_CONFIRM_MAX_S / 60,
			.out = &confirm_min},
	};
	char *dir;

	if (!serve_params_take(call, params, table, sizeof(table) / sizeof(table[0])))
		return;
	if (file != NULL && text == NULL) {
		serve_call_error(call, API_RPC_ERR_PARAMS, NULL,
			"params.file: names a text that is not there");
		return;
	}
	dir = dir_of(file);
	serve_config_submit(arg, call,
		&(struct serve_change_req){
			.kind = SERVE_CHANGE_CONFIG,
			.text = text,
			.n = text == NULL ? 0 : strlen(text),
			.name = file,
			.dir = dir,
			.author = author,
			.comment = comment,
			.confirm_s = (uint32_t)confirm_min * 60,
		});
	free(dir);
}

struct serve_revision *serve_config_load(
	struct serve *s, struct serve_call *call, int64_t number, struct err_list *err)
{
	const char *why;
	struct serve_revision *r = serve_changes_load(s->changes, (uint64_t)number, err, &why);

	if (r == NULL && number == 0)
		serve_call_error(call, API_RPC_ERR_NOT_FOUND, NULL, "no revision is in force yet");
	else if (r == NULL)
		serve_call_error(call, API_RPC_ERR_NOT_FOUND, NULL, "revision %lld: %s",
			(long long)number, why);
	return r;
}

// To the one that waited for the revision in force to be confirmed.
static void back_submit(
	struct serve *s, struct serve_call *call, const char *author, const char *comment)
{
	serve_config_submit(s, call,
		&(struct serve_change_req){
			.kind = SERVE_CHANGE_BACK, .author = author, .comment = comment});
}

void serve_config_revert(void *arg, struct serve_call *call, json_t *params)
{
	const char *author = NULL, *comment = NULL;
	int64_t revision = 0, confirm_min = 0;
	const struct serve_param table[] = {
		{"revision", SERVE_PARAM_INT, .lo = 1, .hi = INT64_MAX, .out = &revision},
		{"author", SERVE_PARAM_TEXT, .out = &author},
		{"comment", SERVE_PARAM_TEXT, .out = &comment},
		{"confirm_min", SERVE_PARAM_INT, .lo = 1, .hi = SERVE_CONFIRM_MAX_S / 60,
			.out = &confirm_min},
	};
	struct serve *s = arg;
	const struct serve_head *head = serve_changes_head(s->changes);
	const struct serve_history_row *before;
	struct serve_revision *r;
	struct err_list err;
	char said[64];

	if (!serve_params_take(call, params, table, sizeof(table) / sizeof(table[0])))
		return;
	if (head->back != 0 && (revision == 0 || (uint64_t)revision == head->back)) {
		back_submit(s, call, author, comment != NULL ? comment : "");
		return;
	}
	before = serve_history_before(serve_changes_history(s->changes), head->revision);
	if (revision == 0 && before == NULL) {
		serve_call_error(call, API_RPC_ERR_NOT_FOUND, NULL,
			"there is no revision before the one in force");
		return;
	}
	err_init(&err);
	r = serve_config_load(
		s, call, revision != 0 ? revision : (int64_t)before->revision, &err);
	if (r == NULL)
		return;
	(void)snprintf(said, sizeof(said), "revision %lld again", (long long)r->version);
	serve_config_submit(s, call,
		&(struct serve_change_req){.kind = SERVE_CHANGE_WHOLE,
			.whole = r,
			.revert = true,
			.author = author,
			.comment = comment != NULL ? comment : said,
			.confirm_s = (uint32_t)confirm_min * 60});
}

void serve_config_confirm(void *arg, struct serve_call *call, json_t *params)
{
	int64_t revision = 0;
	const struct serve_param table[] = {
		{"revision", SERVE_PARAM_INT, .lo = 1, .hi = INT64_MAX, .out = &revision},
	};
	struct serve *s = arg;
	int rc;

	if (!serve_params_take(call, params, table, 1))
		return;
	rc = serve_changes_confirm(s->changes, (uint64_t)revision);
	if (rc == 0)
		serve_call_result(call,
			json_pack("{s:o}", "revision",
				serve_json_u64(serve_changes_head(s->changes)->revision)));
	else if (rc == -ENOENT)
		serve_call_error(call, API_RPC_ERR_NOT_FOUND, NULL,
			revision == 0 ? "no revision waits to be confirmed"
				      : "that revision does not wait to be confirmed");
	else if (rc == -EBUSY)
		serve_call_error(call, API_RPC_ERR_BUSY, NULL, "going back has begun");
	else
		serve_call_error(call, API_RPC_ERR_INTERNAL, NULL,
			"control.state_dir: cannot store: %s", strerror(-rc));
}
