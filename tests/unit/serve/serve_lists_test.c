// SPDX-License-Identifier: BSD-3-Clause
// Files that a configuration names belong to its revision: kept, compared, taken back, carried elsewhere.
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "compile.h"
#include "pol_image.h"
#include "serve_change_int.h"
#include "serve_int.h"
#include "serve_world.h"

enum { BAD_CONFIG = -32003, PARAMS = -32602 };

static const char *text_of(json_t *r, const char *name)
{
	const char *s = json_string_value(json_object_get(r, name));

	return s == NULL ? "" : s;
}

static char *path_of(struct bench *b, const char *name, char path[160])
{
	(void)snprintf(path, 160, "%s/%s", b->dir, name);
	return path;
}

static void list_write(struct bench *b, const char *name, const char *text)
{
	char path[160];

	world_file_write(path_of(b, name, path), text);
}

static void list_remove(struct bench *b, const char *name)
{
	char path[160];

	assert_int_equal(unlink(path_of(b, name, path)), 0);
}

// Two profiles with three files, one of them named twice; the third is told by its whole path.
static char *config_with_lists(struct bench *b)
{
	char *text;

	assert_true(
		asprintf(&text,
			"dataplane: {workers: [1], ports: [{name: access, dev: net_null0},\n"
			" {name: core, dev: net_null1}], pairs: [[access, core]]}\n"
			"contexts: [{name: default, ports: [access, core]}]\n"
			"rules: {file: t.rules}\n"
			"session_profiles:\n"
			"  s: {blocked_senders_file: lists/senders, blocked_servers_file: servers}\n"
			"  t: {safe_senders_file: /tmp/..%s/elsewhere,\n"
			"    blocked_recipients_file: lists/senders}\n"
			"content_profiles: {spam: {threshold: 5}}\n"
			"policies: [{name: one, action: inspect, session: s, content: spam}]\n",
			b->dir) > 0);
	return text;
}

static void lists_write(struct bench *b)
{
	char path[160];

	(void)mkdir(path_of(b, "lists", path), 0700); // it may be there
	list_write(b, "lists/senders", "one@example.com\n# kept\n");
	list_write(b, "servers", "192.0.2.1\n");
	list_write(b, "elsewhere", "safe@example.com\n");
}

static void settled(struct bench *b)
{
	world_service_open(b);
	world_settle(b, "committed", true);
}

// A service with these as revision 1, made from the file.
static void start(struct bench *b)
{
	char *text = config_with_lists(b);

	lists_write(b);
	world_file_write(b->file, text);
	free(text);
	settled(b);
	assert_int_equal(world_revision(b), 1);
}

static void restart(struct bench *b)
{
	world_service_close(b);
	settled(b);
}

static void commit_file(struct bench *b)
{
	json_decref(world_call(b, "config.commit", json_object()));
}

// Does the image in force block this sender?
static bool is_blocked(struct bench *b, const char *sender)
{
	json_t *r = world_call(b, "policy.match",
		json_pack("{s:s,s:s,s:s,s:s}", "source", "10.77.0.9", "destination", "192.0.2.9",
			"sender", sender, "recipient", "b@example.net"));
	bool blocked = strcmp(text_of(json_object_get(r, "access"), "sender_list"), "blocked") == 0;

	json_decref(r);
	return blocked;
}

static json_t *exported(struct bench *b)
{
	json_t *r = world_call(b, "config.export", json_object());
	json_t *files = json_incref(json_object_get(r, "files"));

	json_decref(r);
	return files;
}

static json_t *file_named(json_t *files, const char *name)
{
	json_t *file;
	size_t i;

	json_array_foreach(files, i, file)
	{
		if (strcmp(text_of(file, "name"), name) == 0)
			return file;
	}
	return NULL;
}

static void a_revision_has_each_file_once(void **state)
{
	struct bench *b = *state;
	json_t *files;
	char name[160];

	start(b);
	files = exported(b);
	assert_int_equal(json_array_size(files), 5);
	assert_string_equal(text_of(file_named(files, "lists/lists/senders"), "text"),
		"one@example.com\n# kept\n");
	assert_string_equal(text_of(file_named(files, "lists/servers"), "text"), "192.0.2.1\n");
	(void)snprintf(name, sizeof(name), "lists-root/tmp/%%2e%%2e%s/elsewhere", b->dir);
	assert_string_equal(text_of(file_named(files, name), "text"), "safe@example.com\n");
	json_decref(files);
	assert_true(is_blocked(b, "one@example.com"));
}

static void a_changed_file_is_a_difference(void **state)
{
	struct bench *b = *state;
	json_t *r;

	start(b);
	list_write(b, "lists/senders", "two@example.com\n# kept\n");
	assert_true(is_blocked(b, "one@example.com")); // until it is committed
	commit_file(b);
	assert_false(is_blocked(b, "one@example.com"));
	assert_true(is_blocked(b, "two@example.com"));
	r = world_call(b, "config.diff", json_object());
	assert_string_equal(text_of(r, "diff"),
		"--- a/lists/lists/senders\n+++ b/lists/lists/senders\n@@ -1,2 +1,2 @@\n"
		"-one@example.com\n+two@example.com\n # kept\n");
	assert_int_equal(json_integer_value(json_object_get(r, "plus")), 1);
	assert_int_equal(json_integer_value(json_object_get(r, "minus")), 1);
	json_decref(r);
	json_decref(world_call(b, "config.commit", json_pack("{s:s}", "text", config_two)));
	r = world_call(b, "config.diff", json_object());
	assert_non_null(strstr(
		text_of(r, "diff"), "--- a/lists/servers\n+++ b/lists/servers\n@@ -1,1 +0,0 @@\n"));
	json_decref(r);
}

static void a_revert_brings_them_back_whatever_became_of_the_files(void **state)
{
	struct bench *b = *state;
	json_t *r;

	start(b);
	json_decref(world_call(b, "config.commit", json_pack("{s:s}", "text", config_two)));
	list_write(b, "lists/senders", "two@example.com\n");
	list_remove(b, "servers");
	list_remove(b, "elsewhere");
	json_decref(world_call(b, "config.revert", json_pack("{s:i}", "revision", 1)));
	assert_int_equal(world_revision(b), 3);
	assert_true(is_blocked(b, "one@example.com"));
	assert_false(is_blocked(b, "two@example.com"));
	r = world_call(b, "config.diff", json_pack("{s:i,s:i}", "from", 1, "to", 3));
	assert_string_equal(text_of(r, "diff"), "");
	json_decref(r);
	restart(b);
	assert_int_equal(world_revision(b), 3);
	assert_true(is_blocked(b, "one@example.com"));
}

static void a_change_of_something_else_leaves_them_as_they_are(void **state)
{
	struct bench *b = *state;

	start(b);
	list_write(b, "lists/senders", "two@example.com\n");
	list_remove(b, "servers");
	json_decref(world_call(b, "rules.add", world_rule("TOKEN", true)));
	assert_true(is_blocked(b, "one@example.com"));
	json_decref(world_call(b, "policies.add",
		json_pack("{s:s,s:s,s:s}", "name", "last", "action", "pass", "source",
			"10.0.0.0/8")));
	assert_int_equal(world_revision(b), 3);
	assert_true(is_blocked(b, "one@example.com"));
}

static void a_start_reads_anew_what_has_changed(void **state)
{
	struct bench *b = *state;

	start(b);
	restart(b);
	assert_int_equal(world_revision(b), 1);
	world_service_close(b);
	list_write(b, "lists/senders", "two@example.com\n");
	settled(b);
	assert_int_equal(world_revision(b), 2);
	assert_true(is_blocked(b, "two@example.com"));
	assert_false(is_blocked(b, "one@example.com"));
}

static void a_start_without_the_files_has_the_last_good_ones(void **state)
{
	struct bench *b = *state;

	start(b);
	world_service_close(b);
	list_remove(b, "lists/senders");
	world_service_open(b);
	world_settle(b, "last_good", true);
	assert_int_equal(world_revision(b), 1);
	assert_true(is_blocked(b, "one@example.com"));
}

static void an_export_comes_in_where_the_files_are_not(void **state)
{
	struct bench *b = *state;
	json_t *files, *again;

	start(b);
	list_write(b, "lists/senders", "# caf\xe9, no UTF-8\none@example.com\n");
	commit_file(b);
	files = exported(b);
	assert_non_null(json_object_get(file_named(files, "lists/lists/senders"), "hex"));
	world_service_close(b);
	bench_dir_remove(b->state);
	world_file_write(b->file, config_two);
	list_remove(b, "lists/senders");
	list_remove(b, "servers");
	list_remove(b, "elsewhere");
	settled(b);
	json_decref(
		world_call(b, "config.import", json_pack("{s:O,s:b}", "files", files, "check", 1)));
	assert_int_equal(world_revision(b), 1);
	json_decref(world_call(b, "config.import", json_pack("{s:O}", "files", files)));
	assert_true(is_blocked(b, "one@example.com"));
	again = exported(b);
	assert_true(json_equal(files, again));
	json_decref(files);
	json_decref(again);
}

static const struct {
	const char *name, *files; // JSON, behind the configuration
	int code;
	const char *why;
} imports[] = {
	{"twice",
		"{\"name\": \"lists/servers\", \"text\": \"\"}, {\"name\": \"lists/servers\", \"hex\": \"\"}",
		PARAMS, "lists/servers: given twice"},
	{"not named", "{\"name\": \"lists/other\", \"text\": \"\"}", BAD_CONFIG,
		"lists/other: comes along; but no key names it"},
	{"no folder of ours", "{\"name\": \"listed/other\", \"text\": \"\"}", PARAMS, "not one of"},
	{"a bad line", "{\"name\": \"lists/servers\", \"text\": \"\\n10.0.0.1/8\\n\"}", BAD_CONFIG,
		"/servers:2:1: \"10.0.0.1/8\" has host bits set"},
	{"a bad pattern", "{\"name\": \"lists/lists/senders\", \"text\": \"@example.com\\n\"}",
		BAD_CONFIG, "/lists/senders:1:1: pattern"},
};

static void a_bad_import_says_why_and_changes_nothing(void **state)
{
	struct bench *b = *state;
	char text[512], *config;

	start(b);
	config = config_with_lists(b);
	for (size_t i = 0; i < sizeof(imports) / sizeof(imports[0]); i++) {
		char *list;
		json_t *files;
		int code;

		assert_true(asprintf(&list, "[%s]", imports[i].files) > 0);
		files = json_loads(list, 0, NULL);
		assert_non_null(files);
		free(list);
		(void)json_array_insert_new(
			files, 0, json_pack("{s:s,s:s}", "name", "mailweir.yaml", "text", config));
		code = world_call_error(
			b, "config.import", json_pack("{s:o}", "files", files), text);
		if (code != imports[i].code || strstr(text, imports[i].why) == NULL)
			fail_msg("%s: %d %s", imports[i].name, code, text);
	}
	free(config);
	assert_true(world_kept(b, "1.image 1.revision"));
}

static void a_file_that_is_not_there_is_told_with_its_key(void **state)
{
	struct bench *b = *state;
	char text[512];

	start(b);
	list_remove(b, "servers");
	assert_int_equal(world_call_error(b, "config.commit", json_object(), text), BAD_CONFIG);
	assert_non_null(strstr(text, "/servers: cannot be opened; No such file or directory"));
	assert_true(is_blocked(b, "one@example.com"));
	assert_true(world_kept(b, "1.image 1.revision"));
}

// A revision as it was written before lists belonged to it: what it names is read.
static void an_older_revision_reads_them(void **state)
{
	static const char field[] = ",\"lists\":[";
	struct bench *b = *state;
	char path[160], first[64], *bytes, *from, *to;
	size_t n, head;
	FILE *f;

	start(b);
	world_service_close(b);
	(void)path_of(b, "state/revisions/0000000001.revision", path);
	assert_int_equal(serve_file_read(path, &bytes, &n), 0);
	from = memmem(bytes, n, field, sizeof(field) - 1);
	assert_non_null(from);
	to = strstr(from, "]}\n") + 1;
	// Without the field, and without the texts at the end that it tells of.
	n -= strlen("one@example.com\n# kept\n") + strlen("192.0.2.1\n") +
		strlen("safe@example.com\n");
	memmove(from, to, n - (size_t)(to - bytes));
	n -= (size_t)(to - from);
	head = (size_t)(strchr(bytes, '\n') + 1 - bytes);
	(void)snprintf(first, sizeof(first), "mailweir-revision 1 %016" PRIx64 "\n",
		serve_text_hash(bytes + head, n - head));
	assert_int_equal(strlen(first), head);
	f = fopen(path, "w");
	assert_int_equal(fwrite(first, 1, head, f), head);
	assert_int_equal(fwrite(bytes + head, 1, n - head, f), n - head);
	assert_int_equal(fclose(f), 0);
	free(bytes);
	settled(b);
	assert_int_equal(world_revision(b), 1);
	json_decref(world_call(b, "rules.add", world_rule("TOKEN", true)));
	assert_true(is_blocked(b, "one@example.com"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
		T(a_revision_has_each_file_once),
		T(a_changed_file_is_a_difference),
		T(a_revert_brings_them_back_whatever_became_of_the_files),
		T(a_change_of_something_else_leaves_them_as_they_are),
		T(a_start_reads_anew_what_has_changed),
		T(a_start_without_the_files_has_the_last_good_ones),
		T(an_export_comes_in_where_the_files_are_not),
		T(a_bad_import_says_why_and_changes_nothing),
		T(a_file_that_is_not_there_is_told_with_its_key),
		T(an_older_revision_reads_them),
#undef T
	};
	int rc = compile_child(argc, argv);

	return rc >= 0 ? rc : cmocka_run_group_tests(tests, NULL, NULL);
}
