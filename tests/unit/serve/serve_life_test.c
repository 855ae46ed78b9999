// SPDX-License-Identifier: BSD-3-Clause
// The life of a configuration: what is kept and survives damage, going back, commits that have to be
// confirmed, and whole configurations out and in again.
#include <errno.h>
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

enum { NOT_FOUND = -32005, BUSY = -32002, BAD_CONFIG = -32003, PARAMS = -32602 };

static const char *text_of(json_t *r, const char *name)
{
	const char *s = json_string_value(json_object_get(r, name));

	return s == NULL ? "" : s;
}

static void commit(struct bench *b, const char *text)
{
	json_decref(world_call(b, "config.commit", json_pack("{s:s}", "text", text)));
}

// A configuration that differs from others by its comment alone.
static void commit_numbered(struct bench *b, unsigned i)
{
	char text[2048];

	(void)snprintf(text, sizeof(text), "# number %u\n%s", i, config_two);
	commit(b, text);
}

static void start(struct bench *b)
{
	world_service_open(b);
	world_settle(b, "committed", true);
}

static void restart(struct bench *b, const char *state)
{
	world_service_close(b);
	world_service_open(b);
	world_settle(b, state, true);
}

static void path_of(struct bench *b, const char *name, char path[160])
{
	(void)snprintf(path, 160, "%s/%s", b->state, name);
}

// "3 in_force, 2 old, 1 old"
static bool listed(struct bench *b, const char *want)
{
	json_t *r = world_call(b, "config.revisions", json_object()), *row;
	char *have;
	size_t i, n;
	FILE *f = open_memstream(&have, &n);
	bool same;

	assert_non_null(f);
	json_array_foreach(json_object_get(r, "revisions"), i, row)
		(void)fprintf(f, "%s%d %s", i == 0 ? "" : ", ",
			(int)json_integer_value(json_object_get(row, "revision")),
			text_of(row, "state"));
	assert_int_equal(fclose(f), 0);
	json_decref(r);
	same = strcmp(have, want) == 0;
	if (!same)
		print_error("listed: %s, not %s\n", have, want);
	free(have);
	return same;
}

// Name of the first policy in force.
static bool policy_is(struct bench *b, const char *name)
{
	json_t *r = world_call(b, "config.get", json_object());
	char want[64];
	bool is;

	(void)snprintf(want, sizeof(want), "- name: %s\n", name);
	is = strstr(text_of(r, "text"), want) != NULL;
	json_decref(r);
	return is;
}

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

// Going back.

static void a_revert_puts_texts_and_rules_in_force_again(void **state)
{
	struct bench *b = *state;
	json_t *r;

	start(b);
	json_decref(world_call(b, "rules.add", world_rule("TOKEN", true)));
	commit(b, config_two);
	json_decref(world_call(b, "rules.del", json_pack("{s:i}", "id", 1000000)));
	world_file_write(b->rules, "1 body 10 l OTHER\n"); // meanwhile
	r = world_call(b, "config.revert", json_pack("{s:i,s:s}", "revision", 2, "author", "ann"));
	assert_int_equal(json_integer_value(json_object_get(r, "revision")), 5);
	json_decref(r);
	assert_true(policy_is(b, "one"));
	assert_int_equal(world_rules_count(b), 2);
	r = world_call(b, "config.diff", json_pack("{s:i,s:i}", "from", 2, "to", 5));
	assert_string_equal(text_of(r, "diff"), "");
	json_decref(r);
	r = world_call(b, "config.get", json_object());
	assert_int_equal(json_integer_value(json_object_get(r, "from")), 2);
	assert_string_equal(text_of(r, "author"), "ann");
	assert_string_equal(text_of(r, "comment"), "revision 2 again");
	json_decref(r);
	restart(b, "committed"); // and the rules of then stay though the file has others
	assert_int_equal(world_revision(b), 5);
	r = world_call(b, "config.diff", json_pack("{s:i,s:i}", "from", 2, "to", 5));
	assert_string_equal(text_of(r, "diff"), "");
	json_decref(r);
	r = world_call(b, "config.revert", json_object()); // to the one before
	json_decref(r);
	assert_true(policy_is(b, "two"));
	assert_int_equal(
		world_call_error(b, "config.revert", json_pack("{s:i}", "revision", 77), NULL),
		NOT_FOUND);
}

static void the_first_revision_has_none_before(void **state)
{
	struct bench *b = *state;

	start(b);
	assert_int_equal(world_call_error(b, "config.revert", json_object(), NULL), NOT_FOUND);
	assert_int_equal(world_revision(b), 1);
}

// To be confirmed.

static json_t *commit_for(struct bench *b, const char *text, int minutes)
{
	return world_call(
		b, "config.commit", json_pack("{s:s,s:i}", "text", text, "confirm_min", minutes));
}

// The time is over, without waiting for it.
static void expire(struct bench *b)
{
	struct serve_changes *c = b->serve->changes;

	c->deadline_us = 0;
	serve_confirm_expired(c);
}

// The head says so, for a start.
static void head_until(struct bench *b, int64_t until_s)
{
	char path[160], *text;
	json_t *head;

	path_of(b, "revision.json", path);
	head = json_load_file(path, 0, NULL);
	assert_non_null(head);
	assert_int_equal(json_object_set_new(head, "confirm_until_s", json_integer(until_s)), 0);
	text = json_dumps(head, 0);
	world_file_write(path, text);
	free(text);
	json_decref(head);
}

static void without_confirmation_the_one_before_is_in_force_again(void **state)
{
	struct bench *b = *state;
	unsigned before;
	json_t *r;

	start(b);
	json_decref(world_call(b, "rules.add", world_rule("TOKEN", true)));
	r = commit_for(b, config_two, 10);
	assert_int_equal(strlen(text_of(r, "confirm_until")), strlen("2026-01-31T12:34:56Z"));
	json_decref(r);
	assert_true(listed(b, "3 unconfirmed, 2 old, 1 old"));
	assert_true(policy_is(b, "two"));
	before = b->images;
	expire(b);
	world_settle(b, "committed", true);
	assert_true(policy_is(b, "one"));
	assert_int_equal(b->version, 2);
	assert_int_equal(b->images, before + 1);
	assert_int_equal(world_rules_count(b), 2);
	assert_true(listed(b, "3 not_confirmed, 2 in_force, 1 old"));
	r = world_call(b, "system.status", json_object());
	assert_true(json_is_null(json_object_get(json_object_get(r, "config"), "confirm_until")));
	json_decref(r);
	restart(b, "committed");
	assert_true(listed(b, "3 not_confirmed, 2 in_force, 1 old"));
	commit(b, config_two); // and its number is never used again
	assert_true(listed(b, "4 in_force, 3 not_confirmed, 2 old, 1 old"));
}

static void a_confirmed_one_stays(void **state)
{
	struct bench *b = *state;

	start(b);
	json_decref(commit_for(b, config_two, 1));
	assert_int_equal(
		world_call_error(b, "config.confirm", json_pack("{s:i}", "revision", 1), NULL),
		NOT_FOUND);
	json_decref(world_call(b, "config.confirm", json_pack("{s:i}", "revision", 2)));
	assert_int_equal(world_call_error(b, "config.confirm", json_object(), NULL), NOT_FOUND);
	expire(b);
	world_settle(b, "committed", true);
	assert_true(policy_is(b, "two"));
	assert_true(listed(b, "2 in_force, 1 old"));
	assert_true(world_kept(b, "1.revision 2.image 2.revision"));
	restart(b, "committed");
	assert_true(policy_is(b, "two"));
}

static void until_then_only_going_back_is_allowed(void **state)
{
	struct bench *b = *state;
	char text[512];

	start(b);
	json_decref(commit_for(b, config_two, 1));
	assert_int_equal(
		world_call_error(b, "config.commit", json_pack("{s:s}", "text", config_ok), text),
		BUSY);
	assert_non_null(strstr(text, "revision 2 waits to be confirmed"));
	assert_int_equal(world_call_error(b, "rules.add", world_rule("TOKEN", true), NULL), BUSY);
	world_file_write(b->file, config_two);
	serve_reload(b->serve);
	world_settle(b, "committed", true);
	assert_int_equal(world_revision(b), 2);
	json_decref(world_call(b, "config.revert", json_object()));
	assert_true(listed(b, "2 not_confirmed, 1 in_force"));
	assert_int_equal(b->version, 1);
	json_decref(world_call(b, "rules.add", world_rule("TOKEN", true)));
	json_decref(commit_for(b, config_two, 1));
	json_decref(world_call(b, "config.revert", json_pack("{s:i}", "revision", 1)));
	assert_true(listed(b, "5 in_force, 4 not_confirmed, 3 old, 2 not_confirmed, 1 old"));
	assert_int_equal(world_rules_count(b), 1);
	expire(b); // nothing waits any more
	world_settle(b, "committed", true);
	assert_int_equal(world_revision(b), 5);
}

static void a_restart_goes_on_waiting_and_goes_back_when_the_time_is_over(void **state)
{
	struct bench *b = *state;

	start(b);
	json_decref(commit_for(b, config_two, 10));
	world_file_write(b->file, config_ok);
	restart(b, "committed");
	assert_true(listed(b, "2 unconfirmed, 1 old"));
	assert_true(policy_is(b, "two"));
	expire(b); // after the restart
	world_settle(b, "committed", true);
	assert_true(listed(b, "2 not_confirmed, 1 in_force"));
	assert_int_equal(b->version, 1);
	json_decref(commit_for(b, config_two, 10));
	world_service_close(b);
	head_until(b, 1000); // long ago
	world_service_open(b);
	world_settle(b, "committed", true);
	assert_true(listed(b, "3 not_confirmed, 2 not_confirmed, 1 in_force"));
	assert_true(policy_is(b, "one"));
	assert_int_equal(b->version, 1);
}

static void a_file_that_was_committed_but_not_confirmed_does_not_come_back(void **state)
{
	struct bench *b = *state;

	start(b);
	world_file_write(b->file, config_two);
	json_decref(world_call(b, "config.commit", json_pack("{s:i}", "confirm_min", 1)));
	expire(b);
	world_settle(b, "committed", true);
	restart(b, "committed");
	assert_true(policy_is(b, "one"));
	assert_true(listed(b, "2 not_confirmed, 1 in_force"));
	json_decref(world_call(b, "config.commit", json_pack("{s:i}", "confirm_min", 1)));
	world_service_close(b);
	head_until(b, 1000);
	world_service_open(b);
	world_settle(b, "committed", true);
	assert_true(policy_is(b, "one"));
	restart(b, "committed");
	assert_true(policy_is(b, "one"));
}

static void going_back_needs_no_data_plane_and_no_consent(void **state)
{
	struct bench *b = *state;

	start(b);
	json_decref(commit_for(b, config_two, 1));
	b->refuse = -ENOMEM;
	expire(b);
	while (!policy_is(b, "one")) // ours counts at once
		world_turn(b);
	assert_int_equal(b->version, 2);
	assert_true(listed(b, "2 not_confirmed, 1 in_force"));
	b->refuse = 0;
	dp_drop(&b->dp); // and theirs follows as soon as it can
	world_settle(b, "committed", true);
	assert_int_equal(b->version, 1);
}

static void going_back_without_the_image_compiles_it_again(void **state)
{
	struct bench *b = *state;
	char path[160];

	start(b);
	json_decref(commit_for(b, config_two, 1));
	world_service_close(b);
	path_of(b, "revisions/0000000001.image", path);
	assert_int_equal(unlink(path), 0);
	world_service_open(b);
	world_settle(b, "committed", true);
	expire(b);
	world_settle(b, "committed", true);
	assert_true(policy_is(b, "one"));
	assert_true(listed(b, "3 in_force, 2 not_confirmed, 1 old"));
}

// The directory has no place for a new head: the last step of all.
static void head_block(struct bench *b, bool block)
{
	char path[160];

	path_of(b, "revision.json.new", path);
	assert_int_equal(block ? mkdir(path, 0700) : rmdir(path), 0);
}

static void a_head_that_cannot_be_written_takes_the_data_plane_back(void **state)
{
	struct bench *b = *state;

	start(b);
	head_block(b, true);
	assert_int_equal(
		world_call_error(b, "config.commit", json_pack("{s:s}", "text", config_two), NULL),
		-32603);
	assert_int_equal(b->images, 3); // the first, the new one, the first again
	assert_int_equal(b->version, 1);
	assert_true(policy_is(b, "one"));
	assert_true(world_kept(b, "1.image 1.revision"));
	// A data plane that refuses to go back gets the old one when it attaches again.
	b->refuse_from = b->images + 2;
	assert_int_equal(
		world_call_error(b, "config.commit", json_pack("{s:s}", "text", config_two), NULL),
		-32603);
	assert_int_equal(b->version, 3);
	b->refuse_from = 0;
	dp_drop(&b->dp);
	head_block(b, false);
	world_settle(b, "committed", true);
	assert_int_equal(b->version, 1);
	commit(b, config_two);
	assert_true(listed(b, "4 in_force, 1 old"));
}

static void nothing_to_go_back_to_is_said(void **state)
{
	struct bench *b = *state;

	world_file_write(b->file, config_bad);
	world_service_open(b);
	world_settle(b, "pass_everything", true);
	assert_int_equal(
		world_call_error(b, "config.commit",
			json_pack("{s:s,s:i}", "text", config_two, "confirm_min", 1), NULL),
		NOT_FOUND);
	assert_int_equal(
		world_call_error(b, "config.commit",
			json_pack("{s:s,s:i}", "text", config_two, "confirm_min", 1441), NULL),
		PARAMS);
}

// Out and in.

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

static void what_is_exported_comes_in_as_it_was(void **state)
{
	struct bench *b = *state;
	json_t *r, *files;

	world_file_write(b->rules, "#: 8-bit\n1 body 10 l caf\xe9\n");
	start(b);
	json_decref(world_call(b, "rules.add", world_rule("TOKEN", true)));
	r = world_call(b, "config.export", json_object());
	files = json_incref(json_object_get(r, "files"));
	json_decref(r);
	assert_int_equal(json_array_size(files), 3);
	assert_string_equal(text_of(file_named(files, "mailweir.yaml"), "text"), config_ok);
	assert_non_null(json_object_get(file_named(files, "rules.file"), "hex"));
	commit(b, config_two);
	world_file_write(b->rules, "1 body 10 l OTHER\n");
	r = world_call(b, "config.import", json_pack("{s:O,s:b}", "files", files, "check", 1));
	assert_non_null(json_object_get(r, "canonical"));
	json_decref(r);
	assert_int_equal(world_revision(b), 3);
	json_decref(world_call(b, "config.import", json_pack("{s:o}", "files", files)));
	r = world_call(b, "config.diff", json_pack("{s:i,s:i}", "from", 2, "to", 4));
	assert_string_equal(text_of(r, "diff"), "");
	json_decref(r);
	restart(b, "committed");
	r = world_call(b, "config.diff", json_pack("{s:i,s:i}", "from", 2, "to", 4));
	assert_string_equal(text_of(r, "diff"), "");
	json_decref(r);
	assert_int_equal(world_revision(b), 4);
}

static const struct {
	const char *name, *files; // JSON
	int code;
	const char *why;
} imports[] = {
	{"none", "[]", PARAMS, "mailweir.yaml: is missing"},
	{"no list", "{}", PARAMS, "not an array"},
	{"not an object", "[1]", PARAMS, "a file without a name"},
	{"a strange name", "[{\"name\": \"../x\", \"text\": \"\"}]", PARAMS, "not one of"},
	{"no text", "[{\"name\": \"mailweir.yaml\"}]", PARAMS, "needs one of"},
	{"text and hex", "[{\"name\": \"mailweir.yaml\", \"text\": \"\", \"hex\": \"\"}]", PARAMS,
		"needs one of"},
	{"odd hex", "[{\"name\": \"mailweir.yaml\", \"hex\": \"0\"}]", PARAMS, "odd number"},
	{"no hex", "[{\"name\": \"mailweir.yaml\", \"hex\": \"0g\"}]", PARAMS, "not hexadecimal"},
	{"twice",
		"[{\"name\": \"rules.local\", \"text\": \"\"},"
		" {\"name\": \"rules.local\", \"text\": \"\"}]",
		PARAMS, "given twice"},
	{"rules alone", "[{\"name\": \"rules.local\", \"text\": \"\"}]", PARAMS, "is missing"},
	{"a bad configuration", "[{\"name\": \"mailweir.yaml\", \"text\": \"polices: []\"}]",
		BAD_CONFIG, "mailweir.yaml:1:1"},
};

static void a_bad_import_says_why_and_changes_nothing(void **state)
{
	struct bench *b = *state;
	char text[512];

	start(b);
	for (size_t i = 0; i < 2 * sizeof(imports) / sizeof(imports[0]); i++) {
		json_t *files = json_loads(imports[i / 2].files, 0, NULL);
		int code = world_call_error(b, "config.import",
			json_pack("{s:o,s:b}", "files", files, "check", i % 2), text);

		if (code != imports[i / 2].code || strstr(text, imports[i / 2].why) == NULL)
			fail_msg("%s: %d %s", imports[i / 2].name, code, text);
	}
	assert_int_equal(b->images, 1);
	assert_true(listed(b, "1 in_force"));
	assert_true(world_kept(b, "1.image 1.revision"));
}

static void bad_rules_in_an_import_are_named_by_their_file(void **state)
{
	struct bench *b = *state;
	char text[512];

	start(b);
	assert_int_equal(world_call_error(b, "config.import",
				 json_pack("{s:[{s:s,s:s},{s:s,s:s},{s:s,s:s}]}", "files", "name",
					 "mailweir.yaml", "text", config_ok, "name", "rules.file",
					 "text", "1 body 10 l BUYNOW\n", "name", "rules.local",
					 "text", "\nnonsense\n"),
				 text),
		BAD_CONFIG);
	assert_non_null(strstr(text, "rules.local:2"));
	assert_int_equal(world_call_error(b, "config.import",
				 json_pack("{s:[{s:s,s:s},{s:s,s:s}]}", "files", "name",
					 "mailweir.yaml", "text", config_two, "name", "rules.file",
					 "text", "1 body 10 l BUYNOW\n"),
				 text),
		BAD_CONFIG);
	assert_non_null(strstr(text, "rules.file: left out"));
}

static void the_printed_configuration_commits_to_the_same(void **state)
{
	struct bench *b = *state;
	const struct serve_revision *cur;
	uint8_t *image;
	size_t n;
	json_t *r, *again;

	start(b);
	r = world_call(b, "config.get", json_object());
	cur = serve_changes_current(b->serve->changes);
	n = cur->image_bytes;
	image = malloc(n);
	memcpy(image, cur->image, n);
	commit(b, text_of(r, "text"));
	again = world_call(b, "config.get", json_object());
	assert_string_equal(text_of(again, "text"), text_of(r, "text"));
	assert_string_equal(text_of(again, "written"), text_of(r, "text"));
	// Version and time stand in the head of an image; all behind it is the configuration.
	cur = serve_changes_current(b->serve->changes);
	assert_int_equal(cur->image_bytes, n);
	assert_memory_equal(cur->image + sizeof(struct pol_head), image + sizeof(struct pol_head),
		n - sizeof(struct pol_head));
	free(image);
	json_decref(r);
	json_decref(again);
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
		T(a_revert_puts_texts_and_rules_in_force_again),
		T(the_first_revision_has_none_before),
		T(without_confirmation_the_one_before_is_in_force_again),
		T(a_confirmed_one_stays),
		T(until_then_only_going_back_is_allowed),
		T(a_restart_goes_on_waiting_and_goes_back_when_the_time_is_over),
		T(a_file_that_was_committed_but_not_confirmed_does_not_come_back),
		T(going_back_needs_no_data_plane_and_no_consent),
		T(going_back_without_the_image_compiles_it_again),
		T(a_head_that_cannot_be_written_takes_the_data_plane_back),
		T(nothing_to_go_back_to_is_said),
		T(what_is_exported_comes_in_as_it_was),
		T(a_bad_import_says_why_and_changes_nothing),
		T(bad_rules_in_an_import_are_named_by_their_file),
		T(the_printed_configuration_commits_to_the_same),
#undef T
	};
	int rc = compile_child(argc, argv);

	return rc >= 0 ? rc : cmocka_run_group_tests(tests, NULL, NULL);
}
