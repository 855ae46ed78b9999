// SPDX-License-Identifier: BSD-3-Clause
// The life of a configuration: what is kept of it, and what survives damage.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "compile.h"
#include "serve_change_int.h"
#include "serve_life.h"

// What is kept.

static void a_revision_says_who_when_why_and_what_changed(void **state)
{
	struct bench *b = *state;
	json_t *r, *row;

	start(b);
	json_decref(world_call(b, "config.commit",
		json_pack("{s:s,s:s,s:s}", "text", config_two, "author", "ann", "comment", "why")));
	json_decref(world_call(b, "rules.add", world_rule("TOKEN", true)));
	r = world_call(b, "config.revisions", json_object());
	row = json_array_get(json_object_get(r, "revisions"), 1);
	assert_string_equal(text_of(row, "author"), "ann");
	assert_string_equal(text_of(row, "comment"), "why");
	assert_int_equal(strlen(text_of(row, "at")), strlen("2026-01-31T12:34:56Z"));
	// One line of config_two is new, four of config_ok are gone, and so are the two rules.
	assert_int_equal(json_integer_value(json_object_get(row, "plus")), 1);
	assert_int_equal(json_integer_value(json_object_get(row, "minus")), 6);
	json_decref(r);
	assert_true(listed(b, "3 in_force, 2 old, 1 old"));
	restart(b, "committed");
	assert_true(listed(b, "3 in_force, 2 old, 1 old"));
	r = world_call(b, "config.revisions", json_pack("{s:i}", "max", 1));
	assert_int_equal(json_array_size(json_object_get(r, "revisions")), 1);
	json_decref(r);
	r = world_call(b, "config.get", json_pack("{s:i}", "revision", 1));
	assert_string_equal(text_of(r, "written"), config_ok);
	assert_non_null(strstr(text_of(r, "text"), "name: one"));
	assert_string_equal(text_of(r, "state"), "old");
	json_decref(r);
	assert_int_equal(world_call_error(b, "config.get", json_pack("{s:i}", "revision", 9), NULL),
		NOT_FOUND);
}

static void differences_are_told_between_any_two_and_from_a_text(void **state)
{
	struct bench *b = *state;
	json_t *r;

	start(b);
	commit(b, config_two);
	json_decref(world_call(b, "rules.add", world_rule("TOKEN", true)));
	r = world_call(b, "config.diff", json_object()); // what the last change did
	assert_int_equal(json_integer_value(json_object_get(r, "from")), 2);
	assert_int_equal(json_integer_value(json_object_get(r, "to")), 3);
	assert_non_null(strstr(text_of(r, "diff"), "--- a/rules.local\n"));
	assert_non_null(strstr(text_of(r, "diff"), "+1000000 body 100 l TOKEN\n"));
	assert_null(strstr(text_of(r, "diff"), "mailweir.yaml"));
	json_decref(r);
	r = world_call(b, "config.diff", json_pack("{s:i,s:i}", "from", 1, "to", 2));
	assert_non_null(strstr(text_of(r, "diff"), "--- a/mailweir.yaml\n"));
	assert_non_null(strstr(text_of(r, "diff"), "\n-pickup: {ports: [25]}\n"));
	assert_non_null(strstr(text_of(r, "diff"), "\n-1 body 10 l BUYNOW\n"));
	json_decref(r);
	r = world_call(b, "config.diff", json_pack("{s:s}", "text", config_two));
	assert_string_equal(text_of(r, "diff"), "");
	json_decref(r);
	r = world_call(b, "config.diff", json_pack("{s:i}", "to", 1)); // against nothing
	assert_true(json_is_null(json_object_get(r, "from")));
	assert_non_null(strstr(text_of(r, "diff"), "\n+pickup: {ports: [25]}\n"));
	json_decref(r);
	assert_int_equal(
		world_call_error(b, "config.diff", json_pack("{s:i}", "from", 9), NULL), NOT_FOUND);
	assert_int_equal(world_call_error(b, "config.diff",
				 json_pack("{s:i,s:s}", "to", 1, "text", "x"), NULL),
		PARAMS);
}

static void a_hundred_revisions_are_kept_and_the_oldest_goes(void **state)
{
	struct bench *b = *state;
	json_t *r, *rows;

	b->attach = false; // faster
	world_service_open(b);
	world_settle(b, "committed", false);
	for (unsigned i = 2; i <= 103; i++)
		commit_numbered(b, i);
	for (unsigned again = 0; again < 2; again++) {
		r = world_call(b, "config.revisions", json_object());
		rows = json_object_get(r, "revisions");
		assert_int_equal(json_array_size(rows), 100);
		assert_int_equal(
			json_integer_value(json_object_get(json_array_get(rows, 99), "revision")),
			4);
		json_decref(r);
		world_service_close(b);
		world_service_open(b);
		world_settle(b, "committed", false);
	}
}

static void a_long_comment_is_cut_between_characters(void **state)
{
	struct bench *b = *state;
	char comment[400];
	json_t *r;

	memset(comment, 'x', 254);
	(void)snprintf(
		comment + 254, sizeof(comment) - 254, "\xc3\xa4\xc3\xa4"); // one byte too long
	start(b);
	json_decref(world_call(b, "config.commit",
		json_pack("{s:s,s:s}", "text", config_two, "comment", comment)));
	r = world_call(b, "config.get", json_object());
	assert_int_equal(strlen(text_of(r, "comment")), 254);
	json_decref(r);
}

// Damage.

static const struct {
	const char *name, *file; // what becomes of it:
	const char *bytes;       // NULL = cut to half
	const char *left;        // listed afterwards
	int64_t in_force;
} damages[] = {
	{"an old revision is cut", "revisions/0000000002.revision", NULL, "3 in_force, 1 old", 3},
	{"an old revision is empty", "revisions/0000000001.revision", "", "3 in_force, 2 old", 3},
	{"an old revision is of somebody else", "revisions/0000000002.revision",
		"mailweir-revision 1 0123456789abcdef\n{}\n", "3 in_force, 1 old", 3},
	{"the image is cut", "revisions/0000000003.image", NULL, "4 in_force, 3 old, 2 old, 1 old",
		4},
	{"a file is there that is none of ours", "revisions/notes.txt", "x",
		"3 in_force, 2 old, 1 old", 3},
	{"a revision that never took force", "revisions/0000000004.revision", "x",
		"3 in_force, 2 old, 1 old", 3},
};

static void damage(struct bench *b, const char *file, const char *bytes)
{
	char path[160], *text;

	path_of(b, file, path);
	if (bytes != NULL) {
		world_file_write(path, bytes);
		return;
	}
	text = world_file_text(path);
	assert_non_null(text);
	assert_int_equal(truncate(path, (off_t)strlen(text) / 2 + 1), 0);
	free(text);
}

static void damage_to_a_file_costs_that_file_alone(void **state)
{
	struct bench *b = *state;
	char path[160];

	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		start(b);
		commit(b, config_two);
		json_decref(world_call(b, "rules.add", world_rule("TOKEN", true)));
		world_service_close(b);
		damage(b, damages[i].file, damages[i].bytes);
		b->version = 0; // nobody else has it
		world_service_open(b);
		world_settle(b, "committed", true);
		if (!listed(b, damages[i].left) || world_revision(b) != damages[i].in_force ||
			!policy_is(b, "two") || world_rules_count(b) != 1)
			fail_msg("%s", damages[i].name);
		world_service_close(b);
		(void)snprintf(path, sizeof(path), "%s", b->state);
		bench_dir_remove(path);
		b->version = 0;
	}
}

static void a_torn_revision_in_force_leaves_the_one_before_or_the_file(void **state)
{
	struct bench *b = *state;

	start(b);
	commit(b, config_two);
	commit_numbered(b, 3);
	world_service_close(b);
	damage(b, "revisions/0000000003.revision", NULL);
	world_file_write(b->file, config_bad);
	world_service_open(b);
	world_settle(b, "last_good", true);
	assert_true(policy_is(b, "two"));
	world_service_close(b);
	world_file_write(b->file, config_ok);
	world_service_open(b);
	world_settle(b, "committed", true);
	assert_true(policy_is(b, "one"));
}

static const char *const heads[] = {"", "{", "{\"revision\": 7}", "[]", "rubbish\n"};

static void a_torn_head_leaves_the_newest_revision_or_the_file(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		world_file_write(b->file, config_ok);
		start(b);
		json_decref(world_call(b, "rules.add", world_rule("TOKEN", true)));
		commit(b, config_two);
		world_service_close(b);
		damage(b, "revision.json", heads[i]);
		world_file_write(b->file, config_bad);
		world_service_open(b);
		world_settle(b, "last_good", true);
		assert_true(policy_is(b, "two"));
		assert_int_equal(world_rules_count(b), 1);
		world_service_close(b);
		damage(b, "revision.json", heads[i]);
		world_file_write(b->file, config_ok); // good again: nobody knows that it is old
		world_service_open(b);
		world_settle(b, "committed", true);
		assert_true(policy_is(b, "one"));
		assert_int_equal(world_rules_count(b), 2);
		world_service_close(b);
		bench_dir_remove(b->state);
		b->version = 0;
	}
}

static void a_changed_byte_or_a_cut_is_noticed_wherever_it_is(void **state)
{
	struct bench *b = *state;
	struct serve_store *st;
	struct serve_blob blob;
	struct serve_revision *r;
	struct err_list err;
	const char *why;
	char *bytes;
	size_t n;

	start(b);
	json_decref(world_call(b, "rules.add", world_rule("TOKEN", true)));
	world_service_close(b);
	err_init(&err);
	st = serve_store_open(b->state, &err);
	assert_int_equal(serve_store_read(st, SERVE_FILE_REVISION, 2, &bytes, &n), 0);
	blob = (struct serve_blob){bytes, n};
	for (size_t i = 0; i < 2 * n; i++) {
		if (i < n)
			bytes[i] ^= 1;
		else
			blob.n = i - n;
		assert_int_equal(serve_store_write(st, SERVE_FILE_REVISION, 2, &blob, 1), 0);
		assert_null(serve_revision_load(2, st, &why));
		assert_non_null(why);
		if (i < n)
			bytes[i] ^= 1;
	}
	blob.n = n;
	assert_int_equal(serve_store_write(st, SERVE_FILE_REVISION, 2, &blob, 1), 0);
	r = serve_revision_load(2, st, &why);
	assert_non_null(r);
	serve_revision_free(r);
	assert_int_equal(serve_store_write(st, SERVE_FILE_REVISION, 3, &blob, 1), 0);
	assert_null(serve_revision_load(3, st, &why)); // under another's name
	free(bytes);
	serve_store_close(st);
	world_service_open(b);
}

// A text that this version can't use any more, stored as if it had been good.
static void unusable_store(struct bench *b, uint64_t version, uint8_t *image, size_t n)
{
	struct serve_revision r = {.version = version, .made_s = 1, .author = "ann"};
	struct err_list err;
	struct serve_store *st;

	err_init(&err);
	r.name = strdup("old.yaml");
	r.dir = strdup("/");
	r.image = image;
	r.image_bytes = n;
	assert_int_equal(serve_text_set(&r.text, config_bad, strlen(config_bad)), 0);
	st = serve_store_open(b->state, &err);
	assert_non_null(st);
	assert_int_equal(serve_revision_store(&r, st), 0);
	serve_store_close(st);
	free(r.name);
	free(r.dir);
	free(r.text.p);
}

static void unusable_revisions_are_passed_over_to_an_older_one(void **state)
{
	static uint8_t none[1];
	struct bench *b = *state;
	char path[160];

	start(b);
	world_service_close(b);
	unusable_store(b, 2, none, 1);
	unusable_store(b, 3, none, 1);
	damage(b, "revision.json", "torn");
	path_of(b, "revisions/0000000001.image", path);
	assert_int_equal(unlink(path), 0);
	world_file_write(b->file, config_bad);
	b->version = 0;
	world_service_open(b);
	world_settle(b, "last_good", true);
	assert_true(policy_is(b, "one"));
	assert_true(listed(b, "4 in_force, 3 old, 2 old, 1 old"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
		T(a_revision_says_who_when_why_and_what_changed),
		T(differences_are_told_between_any_two_and_from_a_text),
		T(a_hundred_revisions_are_kept_and_the_oldest_goes),
		T(a_long_comment_is_cut_between_characters),
		T(damage_to_a_file_costs_that_file_alone),
		T(a_changed_byte_or_a_cut_is_noticed_wherever_it_is),
		T(a_torn_revision_in_force_leaves_the_one_before_or_the_file),
		T(a_torn_head_leaves_the_newest_revision_or_the_file),
		T(unusable_revisions_are_passed_over_to_an_older_one),
#undef T
	};
	int rc = compile_child(argc, argv);

	return rc >= 0 ? rc : cmocka_run_group_tests(tests, NULL, NULL);
}
