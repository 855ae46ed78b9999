// SPDX-License-Identifier: BSD-3-Clause
// config.shadow: a candidate's life from texts to the data plane and back, and the report. What it
// compares is the engine's (tests/unit/engine/shadow_test.c); here a data plane made by hand tells.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "compile.h"
#include "serve_int.h"
#include "serve_shadow_int.h"
#include "serve_world.h"

enum {
	NOT_FOUND = -32005,
	BUSY = -32002,
	BAD_CONFIG = -32003,
	PARAMS = -32602,
	REFUSED = -32004,
	DETACHED = -32001
};

static json_t *report(struct bench *b)
{
	return world_call(b, "config.shadow", json_object());
}

static int64_t number(const json_t *r, const char *name)
{
	return json_integer_value(json_object_get(r, name));
}

static bool says(struct bench *b, const char *name, const char *want)
{
	json_t *r = report(b);
	const char *have = json_string_value(json_object_get(r, name));
	bool same = want == NULL ? have == NULL : have != NULL && strcmp(have, want) == 0;

	if (!same)
		print_error("%s: %s\n", name, have == NULL ? "null" : have);
	json_decref(r);
	return same;
}

static json_t *of(const char *text)
{
	return json_pack("{s:s}", "text", text);
}

static void begins(struct bench *b)
{
	json_t *r = world_call(b, "config.shadow", of(config_two));

	assert_true(number(r, "candidate") > 0);
	assert_true((uint64_t)number(r, "candidate") == b->candidate);
	json_decref(r);
}

static void start(struct bench *b)
{
	world_service_open(b);
	world_settle(b, "committed", true);
}

static struct api_record parted(struct bench *b, uint64_t session, uint16_t code)
{
	struct api_record r = {.kind = API_REC_SHADOW,
		.policy = 0,
		.image_version = b->version,
		.session = session,
		.client_port = 4000};

	r.shadow.candidate = b->candidate;
	r.shadow.stage = API_STAGE_CONNECT;
	r.shadow.live = (struct api_decision){.does = API_DOES_INSPECT, .reason = 0xffff};
	r.shadow.shadow = (struct api_decision){
		.does = API_DOES_REFUSE, .code = code, .reason = COUNTER_REJECTED};
	return r;
}

static void a_candidate_runs_and_changes_nothing(void **state)
{
	struct bench *b = *state;

	start(b);
	assert_true(says(b, "state", "none"));
	begins(b);
	assert_true(says(b, "state", "running"));
	assert_int_equal(world_revision(b), 1);
	assert_int_equal(b->version, 1);
	assert_true(world_kept(b, "1.image 1.revision"));
	json_t *r = world_call(b, "system.status", json_object());
	assert_int_equal(number(json_object_get(r, "dataplane"), "shadow_version"), b->candidate);
	json_decref(r);
	json_decref(world_call(b, "config.commit", of(config_two)));
	assert_int_equal(world_revision(b), 2); // candidates take no numbers
}

static void the_report_counts_kinds_and_tells_the_latest(void **state)
{
	struct bench *b = *state;
	struct api_record one, other;

	start(b);
	world_count(b, COUNTER_COMPARED, 1000); // of a candidate before
	world_count(b, COUNTER_DIFFERENT, 500);
	begins(b);
	world_count(b, COUNTER_COMPARED, 1010);
	world_count(b, COUNTER_DIFFERENT, 504);
	world_count(b, COUNTER_NOT_FOLLOWED, 1);
	one = parted(b, 77, 554);
	other = parted(b, 78, 421);
	world_record(b, &one);
	world_record(b, &one);
	world_record(b, &other);
	one.shadow.candidate--; // nobody's
	world_record(b, &one);
	json_t *r = report(b), *row, *e;
	while (json_array_size(json_object_get(r, "sessions")) < 3) {
		json_decref(r);
		world_turn(b);
		r = report(b);
	}
	assert_int_equal(number(r, "compared"), 10);
	assert_int_equal(number(r, "different"), 4);
	assert_int_equal(number(r, "not_followed"), 1);
	assert_int_equal(number(r, "same"), 5);
	assert_int_equal(number(r, "not_told"), 1);
	assert_int_equal(json_array_size(json_object_get(r, "differences")), 2);
	row = json_array_get(json_object_get(r, "differences"), 0);
	assert_int_equal(number(row, "count"), 2);
	assert_string_equal(json_string_value(json_object_get(row, "stage")), "connect");
	assert_string_equal(json_string_value(json_object_get(row, "did")), "inspect");
	assert_string_equal(json_string_value(json_object_get(row, "would")), "refuse 554");
	assert_string_equal(
		json_string_value(json_object_get(row, "would_reason")), "access_rejected");
	e = json_array_get(json_object_get(r, "sessions"), 0); // the newest first
	assert_int_equal(number(e, "would_code"), 421);
	assert_string_equal(json_string_value(json_object_get(e, "type")), "shadow");
	assert_string_equal(json_string_value(json_object_get(e, "policy")), "one");
	assert_string_equal(json_string_value(json_object_get(e, "candidate_policy")), "two");
	assert_string_equal(json_string_value(json_object_get(e, "classifier")), "access");
	assert_true(json_array_size(json_object_get(r, "not_compared")) > 0);
	json_decref(r);
}

static void stopping_ends_it_and_the_report_stays(void **state)
{
	struct bench *b = *state;

	start(b);
	assert_int_equal(world_call_error(b, "config.shadow", json_pack("{s:b}", "stop", 1), NULL),
		NOT_FOUND);
	begins(b);
	world_count(b, COUNTER_COMPARED, 3);
	json_t *r = world_call(b, "config.shadow", json_pack("{s:b}", "stop", 1));
	assert_string_equal(json_string_value(json_object_get(r, "state")), "over");
	assert_string_equal(json_string_value(json_object_get(r, "why")), "stopped");
	assert_int_equal(number(r, "compared"), 3);
	json_decref(r);
	assert_int_equal(b->candidate, 0);
	begins(b);
	assert_true(says(b, "state", "running"));
}

static void a_second_one_has_to_wait(void **state)
{
	struct bench *b = *state;
	uint64_t first;

	start(b);
	begins(b);
	first = b->candidate;
	assert_int_equal(world_call_error(b, "config.shadow", of(config_two), NULL), BUSY);
	assert_true(b->candidate == first);
}

static void a_commit_ends_it(void **state)
{
	struct bench *b = *state;

	start(b);
	begins(b);
	json_decref(world_call(b, "config.commit", of(config_two)));
	assert_true(says(b, "why", "another revision came into force"));
	begins(b);
	json_decref(world_call(b, "rules.add", world_rule("MORE", true)));
	assert_true(says(b, "state", "over"));
}

static void its_time_ends_it(void **state)
{
	struct bench *b = *state;

	start(b);
	begins(b);
	b->serve->shadow->deadline_us = 0;
	assert_int_equal(core_timer_once(b->serve->shadow->timer, 1), 0);
	while (b->candidate != 0)
		world_turn(b);
	assert_true(says(b, "why", "its time is over"));
}

static void a_data_plane_that_goes_takes_it_along(void **state)
{
	struct bench *b = *state;

	start(b);
	begins(b);
	dp_drop(&b->dp);
	while (b->candidate != 0) // until it is back, without one
		world_turn(b);
	assert_true(says(b, "why", "the data plane went"));
}

static void a_data_plane_that_ended_it_is_believed(void **state)
{
	struct bench *b = *state;

	start(b);
	begins(b);
	b->dp.head->shadow_version = 0;
	assert_true(says(b, "state", "over"));
	begins(b);
}

static void a_control_plane_that_restarts_knows_none(void **state)
{
	struct bench *b = *state;

	start(b);
	begins(b);
	world_service_close(b);
	start(b);
	assert_true(says(b, "state", "none"));
	assert_int_equal(b->candidate, 0);
}

static void what_can_not_run_changes_nothing(void **state)
{
	struct bench *b = *state;
	char text[512];

	start(b);
	begins(b);
	json_decref(world_call(b, "config.shadow", json_pack("{s:b}", "stop", 1)));
	assert_int_equal(world_call_error(b, "config.shadow", of(config_bad), text), BAD_CONFIG);
	assert_non_null(strstr(text, ":"));
	assert_int_equal(world_call_error(b, "config.shadow", of(config_ports), text), BAD_CONFIG);
	assert_int_equal(
		world_call_error(b, "config.shadow", json_pack("{s:i}", "revision", 99), NULL),
		NOT_FOUND);
	assert_int_equal(world_call_error(b, "config.shadow",
				 json_pack("{s:s,s:i}", "text", config_two, "minutes", 0), NULL),
		PARAMS);
	assert_int_equal(world_call_error(b, "config.shadow",
				 json_pack("{s:s,s:b}", "text", config_two, "stop", 1), NULL),
		PARAMS);
	b->refuse_candidate = -ENOMEM;
	assert_int_equal(world_call_error(b, "config.shadow", of(config_two), text), REFUSED);
	assert_non_null(strstr(text, "no room"));
	assert_true(says(b, "why", "stopped")); // the last report
	b->refuse_candidate = 0;
	b->attach = false;
	dp_drop(&b->dp);
	world_settle(b, "committed", false);
	assert_int_equal(world_call_error(b, "config.shadow", of(config_two), NULL), DETACHED);
}

static void a_revision_that_is_kept_can_be_a_candidate(void **state)
{
	struct bench *b = *state;

	start(b);
	json_decref(world_call(b, "config.commit", of(config_two)));
	json_t *r = world_call(b, "config.shadow", json_pack("{s:i}", "revision", 1));
	assert_int_equal(number(r, "revision"), 1);
	assert_true((uint64_t)number(r, "candidate") == b->candidate);
	json_decref(r);
}

static void kinds_beyond_the_table_are_not_lost_silently(void **state)
{
	struct bench *b = *state;
	struct api_record r;
	json_t *rep;

	start(b);
	begins(b);
	for (unsigned i = 0; i < SHADOW_ROWS_MAX + 5; i++) {
		r = parted(b, i + 1, (uint16_t)(500 + i));
		world_record(b, &r);
		world_turn(b);
	}
	world_count(b, COUNTER_DIFFERENT, SHADOW_ROWS_MAX + 5);
	while (b->serve->shadow->run->told < SHADOW_ROWS_MAX + 5)
		world_turn(b);
	rep = report(b);
	assert_int_equal(json_array_size(json_object_get(rep, "differences")), SHADOW_ROWS_MAX);
	assert_int_equal(number(rep, "not_told"), 5);
	assert_int_equal(json_array_size(json_object_get(rep, "sessions")), SHADOW_LAST_MAX);
	json_decref(rep);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
		T(a_candidate_runs_and_changes_nothing),
		T(the_report_counts_kinds_and_tells_the_latest),
		T(stopping_ends_it_and_the_report_stays),
		T(a_second_one_has_to_wait),
		T(a_commit_ends_it),
		T(its_time_ends_it),
		T(a_data_plane_that_goes_takes_it_along),
		T(a_data_plane_that_ended_it_is_believed),
		T(a_control_plane_that_restarts_knows_none),
		T(what_can_not_run_changes_nothing),
		T(a_revision_that_is_kept_can_be_a_candidate),
		T(kinds_beyond_the_table_are_not_lost_silently),
#undef T
	};
	int rc = compile_child(argc, argv);

	return rc >= 0 ? rc : cmocka_run_group_tests(tests, NULL, NULL);
}
