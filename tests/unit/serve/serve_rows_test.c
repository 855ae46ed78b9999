// SPDX-License-Identifier: BSD-3-Clause
// The store within the service: told by status; lost, with either choice of store.on_loss; back.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cfg.h"
#include "compile.h"
#include "serve_life.h"

enum { WAIT_S = 60 };

static bool store_is(struct bench *b, const char *state, bool pickup_stopped)
{
	json_t *r = world_call(b, "system.status", json_object());
	const json_t *store = json_object_get(r, "store");
	const bool is = strcmp(json_string_value(json_object_get(store, "state")), state) == 0 &&
		json_is_true(json_object_get(store, "pickup_stopped")) == pickup_stopped;

	json_decref(r);
	return is;
}

static void store_gets(struct bench *b, const char *state, bool pickup_stopped)
{
	const time_t until = time(NULL) + WAIT_S;

	while (!store_is(b, state, pickup_stopped))
		assert_true(time(NULL) < until);
}

static void version_gets(struct bench *b, uint64_t version)
{
	const time_t until = time(NULL) + WAIT_S;

	while (b->version != version) {
		assert_true(time(NULL) < until);
		world_turn(b);
	}
}

// The service has heard of it, too: the image may be there a turn before.
static void revision_gets(struct bench *b, int64_t revision)
{
	const time_t until = time(NULL) + WAIT_S;
	int64_t seen = 0;

	while (seen != revision) {
		json_t *answer;

		assert_true(time(NULL) < until);
		world_ask(b, "config.get", json_object());
		answer = world_take(b);
		seen = json_integer_value(
			json_object_get(json_object_get(answer, "result"), "revision"));
		json_decref(answer);
	}
}

static void a_file_in_the_state_directory_is_nobody_elses(void **state)
{
	struct bench *b = *state;
	struct stat st;
	char path[160];

	start(b);
	assert_true(store_is(b, "well", false));
	path_of(b, "mailweir.db", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void memory_is_a_choice(void **state)
{
	struct bench *b = *state;
	struct stat st;
	char path[160];

	b->boot->store.file = CFG_STORE_MEMORY;
	start(b);
	assert_true(store_is(b, "memory", false));
	path_of(b, "mailweir.db", path);
	assert_int_not_equal(stat(path, &st), 0);
}

// What a disk that is not there looks like.
static void disk_take(struct bench *b, char path[160])
{
	path_of(b, "mailweir.db", path);
	assert_true(mkdir(b->state, 0700) == 0 || errno == EEXIST);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void a_lost_store_stops_nothing_unless_told_to(void **state)
{
	struct bench *b = *state;
	char path[160];

	disk_take(b, path);
	start(b);
	assert_true(store_is(b, "lost", false));
	assert_int_equal(b->version, 1);
	assert_int_equal(rmdir(path), 0);
	store_gets(b, "well", false);
	assert_int_equal(b->version, 1);
}

static void stop_pickup_forwards_unread_until_the_store_is_back(void **state)
{
	struct bench *b = *state;
	char path[160];

	disk_take(b, path);
	b->boot->store.on_loss = CFG_LOSS_STOP_PICKUP;
	world_service_open(b);
	version_gets(b, 2); // not the revision's: that of an image that passes everything
	assert_true(store_is(b, "lost", true));
	revision_gets(b, 1);
	commit(b, config_two); // goes on as ever, and is not in the data plane either
	const int64_t revision = world_revision(b);
	assert_int_equal(revision, 3);
	version_gets(b, 4);
	assert_int_equal(rmdir(path), 0);
	store_gets(b, "well", false);
	version_gets(b, (uint64_t)revision);
	assert_true(policy_is(b, "two"));
	commit(b, config_ok);
	version_gets(b, 5);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(int argc, char **argv)
{
	const int child = compile_child(argc, argv); // the service compiles in a child

	if (child >= 0)
		return child;
	const struct CMUnitTest tests[] = {
		CASE(a_file_in_the_state_directory_is_nobody_elses),
		CASE(memory_is_a_choice),
		CASE(a_lost_store_stops_nothing_unless_told_to),
		CASE(stop_pickup_forwards_unread_until_the_store_is_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
