// SPDX-License-Identifier: BSD-3-Clause
// system.drain between a client and a data plane made by hand: what it asks of the data plane, what it refuses
// itself, and what it says of each state that the data plane tells.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "api_rpc.h"
#include "compile.h"
#include "serve_world.h"

enum { CONFIGURED_S = 600 }; // control.drain_wait_s, unless told otherwise

static void begin(struct bench *b)
{
	world_service_open(b);
	world_settle(b, "committed", true);
}

static json_t *drain(struct bench *b, const char *params)
{
	return world_call(b, "system.drain", json_loads(params, 0, NULL));
}

// One answer: "state new left connections", where new and numbers may be "null".
static void says(json_t *result, const char *want)
{
	char seen[128], *left, *connections;
	const json_t *fresh = json_object_get(result, "new");

	left = json_dumps(json_object_get(result, "left_s"), JSON_ENCODE_ANY);
	connections = json_dumps(json_object_get(result, "connections"), JSON_ENCODE_ANY);
	(void)snprintf(seen, sizeof(seen), "%s %s %s %s",
		json_string_value(json_object_get(result, "state")),
		json_is_null(fresh) ? "null" : json_string_value(fresh), left, connections);
	assert_string_equal(seen, want);
	assert_int_equal(json_object_size(result), 5);
	assert_true(
		json_is_null(json_object_get(result, "for_s")) == (strncmp(want, "off ", 4) == 0));
	free(left);
	free(connections);
	json_decref(result);
}

static void asked(const struct bench *b, uint32_t on, uint32_t refuse, uint64_t wait_ms)
{
	assert_int_equal(b->drain.drain.on, on);
	assert_int_equal(b->drain.drain.refuse, refuse);
	assert_int_equal(b->drain.drain.wait_ms, wait_ms);
}

static void what_is_not_said_is_the_configurations(void **state)
{
	struct bench *b = *state;

	begin(b);
	json_decref(drain(b, "{}"));
	asked(b, 1, 0, CONFIGURED_S * 1000);
	json_decref(drain(b, "{\"action\":\"begin\",\"new\":\"refuse\",\"wait_s\":7}"));
	asked(b, 1, 1, 7000);
	says(drain(b, "{\"new\":\"pass\",\"wait_s\":0}"), "waiting pass null null");
	asked(b, 1, 0, 0);
	assert_int_equal(b->drains, 3);
}

static void an_end_asks_for_nothing_else(void **state)
{
	struct bench *b = *state;

	begin(b);
	json_decref(drain(b, "{\"new\":\"refuse\"}"));
	says(drain(b, "{\"action\":\"end\",\"new\":\"refuse\",\"wait_s\":9}"),
		"off null null null");
	asked(b, 0, 0, 0);
	says(drain(b, "{\"action\":\"end\"}"), "off null null null"); // where none is
	assert_int_equal(b->drains, 3);
}

static void a_look_asks_the_data_plane_for_nothing(void **state)
{
	struct bench *b = *state;

	begin(b);
	says(drain(b, "{\"action\":\"show\"}"), "off null null null");
	assert_int_equal(b->drains, 0);
}

static void each_state_has_its_word(void **state)
{
	static const struct {
		uint64_t phase, left;
		const char *want;
	} table[] = {
		{API_DRAIN_WAITS, UINT64_MAX, "waiting refuse null null"},
		{API_DRAIN_WAITS, 12, "waiting refuse null 12"},
		{API_DRAIN_LETS, 3, "deadline refuse null 3"},
		{API_DRAIN_RESETS, 1, "deadline refuse null 1"},
		{API_DRAIN_OVER, 0, "drained refuse null 0"},
		{API_DRAIN_OFF, 0, "off null null null"},
		{API_DRAIN_COUNT, 5, "off null null null"}, // nonsense
	};
	struct bench *b = *state;

	begin(b);
	json_decref(drain(b, "{\"new\":\"refuse\",\"wait_s\":0}"));
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *status, *shown;

		b->dp.head->drain_phase = table[i].phase;
		b->dp.head->drain_left = table[i].left;
		shown = drain(b, "{\"action\":\"show\"}");
		status = world_call(b, "system.status", json_object());
		assert_true(json_equal(
			json_object_get(json_object_get(status, "dataplane"), "drain"), shown));
		json_decref(status);
		says(shown, table[i].want);
	}
}

static void the_time_left_is_that_until_the_deadline(void **state)
{
	struct bench *b = *state;
	json_t *shown;

	begin(b);
	json_decref(drain(b, "{\"wait_s\":1000}"));
	b->dp.head->drain_since_us -= 5000000;
	shown = drain(b, "{\"action\":\"show\"}");
	assert_in_range(json_integer_value(json_object_get(shown, "for_s")), 5, 30);
	assert_in_range(json_integer_value(json_object_get(shown, "left_s")), 970, 1000);
	json_decref(shown);
	b->dp.head->drain_until_us = b->dp.head->drain_since_us; // over
	says(drain(b, "{\"action\":\"show\"}"), "waiting pass 0 null");
}

static void bad_params_reach_nobody(void **state)
{
	static const char *const bad[] = {"{\"action\":\"stop\"}", "{\"action\":\"\"}",
		"{\"action\":1}", "{\"new\":\"later\"}", "{\"new\":true}", "{\"wait_s\":-1}",
		"{\"wait_s\":604801}", "{\"wait_s\":\"10m\"}", "{\"wait_s\":1.5}",
		"{\"undo\":true}"};
	struct bench *b = *state;

	begin(b);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			world_call_error(b, "system.drain", json_loads(bad[i], 0, NULL), NULL),
			-32602);
	assert_int_equal(b->drains, 0);
	json_decref(drain(b, "{\"wait_s\":604800}"));
	asked(b, 1, 0, UINT64_C(604800000));
}

static void what_the_data_plane_refuses_is_told(void **state)
{
	struct bench *b = *state;
	char text[512];

	begin(b);
	b->refuse_drain = -EINVAL;
	assert_int_equal(
		world_call_error(b, "system.drain", json_object(), text), API_RPC_ERR_REFUSED);
	assert_non_null(strstr(text, "the data plane: not now"));
	b->refuse_drain = 0;
	json_decref(drain(b, "{}"));
}

static void a_data_plane_that_goes_ends_the_question(void **state)
{
	struct bench *b = *state;
	json_t *answer;

	begin(b);
	b->mute_drain = true;
	world_ask(b, "system.drain", json_object());
	while (b->drains == 0)
		world_turn(b);
	b->attach = false;
	dp_drop(&b->dp);
	answer = world_take(b);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(answer, "error"), "code")),
		API_RPC_ERR_DETACHED);
	json_decref(answer);
	for (int i = 0; i < 3; i++) {
		static const char *const each[] = {"begin", "end", "show"};

		assert_int_equal(world_call_error(b, "system.drain",
					 json_pack("{s:s}", "action", each[i]), NULL),
			API_RPC_ERR_DETACHED);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
		T(what_is_not_said_is_the_configurations),
		T(an_end_asks_for_nothing_else),
		T(a_look_asks_the_data_plane_for_nothing),
		T(each_state_has_its_word),
		T(the_time_left_is_that_until_the_deadline),
		T(bad_params_reach_nobody),
		T(what_the_data_plane_refuses_is_told),
		T(a_data_plane_that_goes_ends_the_question),
#undef T
	};
	int rc = compile_child(argc, argv);

	return rc >= 0 ? rc : cmocka_run_group_tests(tests, NULL, NULL);
}
