// SPDX-License-Identifier: BSD-3-Clause
// The life of a configuration: going back, and commits that have to be confirmed.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "compile.h"
#include "serve_change_int.h"
#include "serve_int.h"
#include "serve_life.h"

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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
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
#undef T
	};
	int rc = compile_child(argc, argv);

	return rc >= 0 ? rc : cmocka_run_group_tests(tests, NULL, NULL);
}
