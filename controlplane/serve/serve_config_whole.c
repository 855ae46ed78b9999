// SPDX-License-Identifier: BSD-3-Clause
// config.export and config.import: a configuration with its rules and the files it names, as a list of named files that
// mailweirctl packs into an archive. An import is a commit of them, or only a check: it comes to
// nothing unless all of it is good.
// Thread: the loop's.
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve_int.h"

static const char *const file_names[] = {API_EXPORT_CONFIG, API_EXPORT_RULES, API_EXPORT_LOCAL};

enum { FILES = sizeof(file_names) / sizeof(file_names[0]) };

static void texts_of(struct serve_revision *r, struct serve_text *out[FILES])
{
	out[0] = &r->text;
	out[1] = &r->shipped;
	out[2] = &r->local;
}

// Bytes that are no UTF-8 go as hexadecimal digits.
static json_t *file_make(const char *name, const struct serve_text *t)
{
	json_t *text = json_stringn(t->p, t->n);
	char *hex;

	if (text != NULL)
		return json_pack("{s:s,s:o}", "name", name, "text", text);
	hex = malloc(2 * t->n + 1);
	if (hex == NULL)
		return NULL;
	for (size_t i = 0; i < t->n; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", (unsigned char)t->p[i]); // fits by its size
	text = json_pack("{s:s,s:s%}", "name", name, "hex", hex, 2 * t->n);
	free(hex);
	return text;
}

static json_t *files_make(struct serve_revision *r)
{
	struct serve_text *texts[FILES];
	json_t *files = json_array();
	int rc = files == NULL ? -1 : 0;

	texts_of(r, texts);
	for (unsigned i = 0; rc == 0 && i < FILES; i++) {
		if (texts[i]->p != NULL)
			rc = json_array_append_new(files, file_make(file_names[i], texts[i]));
	}
	for (uint32_t i = 0; rc == 0 && i < r->lists.n; i++) {
		const struct serve_list *list = &r->lists.list[i];

		if (list->text.p != NULL)
			rc = json_array_append_new(files, file_make(list->name, &list->text));
	}
	if (rc == 0)
		return files;
	json_decref(files);
	return NULL;
}

void serve_config_export(void *arg, struct serve_call *call, json_t *params)
{
	int64_t revision = 0;
	const struct serve_param table[] = {
		{"revision", SERVE_PARAM_INT, .lo = 1, .hi = INT64_MAX, .out = &revision},
	};
	struct serve_revision *r;
	struct err_list err;
	json_t *files;

	if (!serve_params_take(call, params, table, 1))
		return;
	err_init(&err);
	r = serve_config_load(arg, call, revision, &err);
	if (r == NULL)
		return;
	files = files_make(r);
	serve_call_result(call,
		files == NULL
			? NULL
			: json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "revision",
				  serve_json_u64(r->version), "at", serve_json_time(r->made_s),
				  "author", serve_json_text(r->author), "comment",
				  serve_json_text(r->comment), "file", serve_json_text(r->name),
				  "files", files));
	serve_revision_free(r);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Why it is no text; NULL where *t has it.
static const char *hex_take(const char *hex, struct serve_text *t)
{
	size_t n = strlen(hex) / 2;

	if (strlen(hex) % 2 != 0)
		return "an odd number of digits";
	if (serve_text_set(t, hex, n) != 0)
		return "out of memory";
	for (size_t i = 0; i < n; i++) {
		int hi = hex_value(hex[2 * i]), lo = hex_value(hex[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return "not hexadecimal";
		t->p[i] = (char)(hi << 4 | lo);
	}
	return NULL;
}

static const char *list_take(
	struct serve_revision *r, const char *name, const char *text, const char *hex)
{
	struct serve_text t = {0};
	const char *why = hex == NULL ? NULL : hex_take(hex, &t);
	int rc = 0;

	if (why == NULL)
		rc = hex == NULL ? serve_lists_add(&r->lists, name, text, strlen(text))
				 : serve_lists_add(&r->lists, name, t.p, t.n);
	free(t.p);
	return why != NULL ? why : rc == -EEXIST ? "given twice" : rc != 0 ? "out of memory" : NULL;
}

// Takes one of `files`. Why it can't be taken; NULL where it was.
static const char *file_take(struct serve_revision *r, const json_t *file)
{
	const char *name = json_string_value(json_object_get(file, "name"));
	const char *text = json_string_value(json_object_get(file, "text"));
	const char *hex = json_string_value(json_object_get(file, "hex"));
	struct serve_text *texts[FILES];
	unsigned i = 0;

	while (name != NULL && i < FILES && strcmp(name, file_names[i]) != 0)
		i++;
	if (name == NULL || (i == FILES && !serve_list_is_name(name)))
		return "not one of " API_EXPORT_CONFIG ", " API_EXPORT_RULES ", " API_EXPORT_LOCAL
		       ", " API_EXPORT_LISTS "*, " API_EXPORT_ROOT "/*";
	if ((text == NULL) == (hex == NULL))
		return "needs one of text and hex";
	if (i == FILES)
		return list_take(r, name, text, hex);
	texts_of(r, texts);
	if (texts[i]->p != NULL)
		return "given twice";
	if (hex != NULL)
		return hex_take(hex, texts[i]);
	return serve_text_set(texts[i], text, strlen(text)) != 0 ? "out of memory" : NULL;
}

// The files as a whole configuration; NULL after the call was answered.
static struct serve_revision *files_take(
	struct serve *s, struct serve_call *call, const json_t *files)
{
	struct serve_revision *r = serve_revision_new();
	const char *why = "out of memory", *name = NULL;
	const json_t *file;
	size_t i;

	if (r != NULL) {
		r->name = strdup(API_EXPORT_CONFIG);
		r->dir = strdup(serve_changes_dir(s->changes));
		why = r->name == NULL || r->dir == NULL ? "out of memory" : NULL;
	}
	json_array_foreach(files, i, file)
	{
		if (why == NULL) {
			why = file_take(r, file);
			name = json_string_value(json_object_get(file, "name"));
		}
	}
	if (why == NULL && r->text.p == NULL) {
		name = API_EXPORT_CONFIG;
		why = "is missing";
	}
	if (why == NULL)
		return r;
	serve_call_error(call, API_RPC_ERR_PARAMS, NULL, "params.files: %s: %s",
		name != NULL ? name : "a file without a name", why);
	serve_revision_free(r);
	return NULL;
}

void serve_config_import(void *arg, struct serve_call *call, json_t *params)
{
	const char *author = NULL, *comment = "imported";
	int64_t confirm_min = 0;
	json_t *files = NULL;
	bool check = false;
	const struct serve_param table[] = {
		{"files", SERVE_PARAM_LIST, true, .out = &files},
		{"check", SERVE_PARAM_BOOL, .out = &check},
		{"author", SERVE_PARAM_TEXT, .out = &author},
		{"comment", SERVE_PARAM_TEXT, .out = &comment},
		{"confirm_min", SERVE_PARAM_INT, .lo = 1, .hi = SERVE_CONFIRM_MAX_S / 60,
			.out = &confirm_min},
	};
	struct serve_revision *whole;

	if (!serve_params_take(call, params, table, sizeof(table) / sizeof(table[0])))
		return;
	whole = files_take(arg, call, files);
	if (whole == NULL)
		return;
	if (check)
		serve_check_whole(arg, call, whole);
	else
		serve_config_submit(arg, call,
			&(struct serve_change_req){.kind = SERVE_CHANGE_WHOLE,
				.whole = whole,
				.author = author,
				.comment = comment,
				.confirm_s = (uint32_t)confirm_min * 60});
}
