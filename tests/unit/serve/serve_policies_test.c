// SPDX-License-Identifier: BSD-3-Clause
// The list of policies by JSON-RPC: what is asked for is in force when it is answered, in the order in
// which it was asked for; what is wrong changes nothing.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "compile.h"
#include "serve_world.h"

enum { NOT_FOUND = -32005, BUSY = -32002, BAD_CONFIG = -32003, PARAMS = -32602, REFUSED = -32004 };

static void start(struct bench *b)
{
	world_service_open(b);
	world_settle(b, "committed", true);
}

// The names of the list in force, those switched off in brackets.
static const char *names(struct bench *b, char out[256])
{
	json_t *r = world_call(b, "policies.list", json_object());
	const json_t *row;
	size_t i, n = 0;

	out[0] = '\0';
	json_array_foreach(json_object_get(r, "policies"), i, row)
	{
		bool on = json_is_true(json_object_get(row, "enabled"));

		assert_int_equal(json_integer_value(json_object_get(row, "index")), i);
		n += (size_t)snprintf(out + n, 256 - n, on ? "%s%s" : "%s[%s]", i > 0 ? " " : "",
			json_string_value(json_object_get(row, "name")));
	}
	json_decref(r);
	return out;
}

// Does it, and looks at where the policy is.
static void does(struct bench *b, const char *method, json_t *params, int64_t index)
{
	json_t *r = world_call(b, method, params);

	assert_int_equal(json_integer_value(json_object_get(r, "index")), index);
	assert_int_equal(json_integer_value(json_object_get(r, "revision")), world_revision(b));
	assert_true(json_is_false(json_object_get(r, "pending")));
	json_decref(r);
}

static void each_change_is_in_force_when_it_is_answered(void **state)
{
	struct bench *b = *state;
	char list[256];

	start(b);
	does(b, "policies.add", json_pack("{s:s,s:s}", "name", "last", "action", "pass"), 1);
	assert_string_equal(names(b, list), "one last");
	does(b, "policies.insert",
		json_pack("{s:s,s:s,s:s,s:i,s:b,s:[s,s]}", "name", "mid", "action", "drop",
			"before", "last", "vlan", 7, "enabled", 0, "ingress", "access", "core"),
		1);
	assert_string_equal(names(b, list), "one [mid] last");
	does(b, "policies.enable", json_pack("{s:s}", "name", "mid"), 1);
	does(b, "policies.disable", json_pack("{s:s}", "name", "one"), 0);
	assert_string_equal(names(b, list), "[one] mid last");
	does(b, "policies.move", json_pack("{s:s,s:b}", "name", "mid", "last", 1), 2);
	does(b, "policies.move", json_pack("{s:s,s:b}", "name", "last", "up", 1), 0);
	does(b, "policies.move", json_pack("{s:s,s:s}", "name", "last", "after", "one"), 1);
	assert_string_equal(names(b, list), "[one] last mid");
	does(b, "policies.set",
		json_pack(
			"{s:s,s:s,s:s}", "name", "last", "source", "10.9.0.0/16", "comment", "so"),
		1);
	does(b, "policies.del", json_pack("{s:s}", "name", "one"), 0);
	assert_string_equal(names(b, list), "last mid");
	assert_int_equal(b->version, world_revision(b)); // the data plane has it
}

static void the_list_shows_every_value_as_the_file_would(void **state)
{
	struct bench *b = *state;
	json_t *r, *row;

	start(b);
	does(b, "policies.insert",
		json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "name", "new", "action", "inspect", "after",
			"one", "vlan", "10-20", "ingress", "core", "content", "spam"),
		1);
	r = world_call(b, "policies.list", json_object());
	row = json_array_get(json_object_get(r, "policies"), 1);
	assert_int_equal(json_object_size(row), 13);
	assert_string_equal(json_string_value(json_object_get(row, "vlan")), "10-20");
	assert_string_equal(json_string_value(json_object_get(row, "ingress")), "core");
	assert_string_equal(json_string_value(json_object_get(row, "source")), "any");
	assert_string_equal(json_string_value(json_object_get(row, "content")), "spam");
	assert_string_equal(json_string_value(json_object_get(row, "session")), "none");
	assert_string_equal(json_string_value(json_object_get(row, "comment")), "");
	json_decref(r);
}

static void changes_asked_for_at_once_all_happen(void **state)
{
	static const char *const NEW[] = {"p1", "p2", "p3", "p4"};
	struct bench *b = *state;
	char list[256];

	start(b);
	for (size_t i = 0; i < 4; i++)
		world_ask(b, "policies.add",
			json_pack("{s:s,s:s,s:i}", "name", NEW[i], "action", "pass", "port",
				25 + (int)i));
	for (size_t i = 0; i < 4; i++)
		json_decref(world_take(b));
	assert_string_equal(names(b, list), "one p1 p2 p3 p4");
}

static void what_is_wrong_is_named_and_changes_nothing(void **state)
{
	static const struct {
		const char *method, *params;
		int code;
		const char *words;
	} ROWS[] = {
		{"policies.del", "{\"name\": \"onn\"}", NOT_FOUND, "the nearest is \"one\""},
		{"policies.move", "{\"name\": \"one\", \"after\": \"x\"}", NOT_FOUND,
			"policy \"x\""},
		{"policies.move", "{\"name\": \"one\"}", PARAMS, "one of before, after, up"},
		{"policies.move", "{\"name\": \"one\", \"up\": true, \"first\": true}", PARAMS,
			"one of before, after, up"},
		{"policies.add", "{\"name\": \"n\"}", BAD_CONFIG, "action: is missing"},
		{"policies.add", "{\"name\": \"one\", \"action\": \"pass\"}", BAD_CONFIG,
			"there already"},
		{"policies.add", "{\"name\": \"n\", \"action\": \"pass\", \"before\": \"one\"}",
			PARAMS, "policies.insert"},
		{"policies.insert", "{\"name\": \"n\", \"action\": \"pass\"}", PARAMS,
			"one of before and after"},
		{"policies.insert",
			"{\"name\": \"n\", \"action\": \"pass\", \"after\": \"one\", \"before\": \"one\"}",
			PARAMS, "one of before and after"},
		{"policies.set", "{\"name\": \"one\"}", PARAMS, "no value"},
		{"policies.set", "{\"name\": \"one\", \"after\": \"one\"}", PARAMS, "after"},
		{"policies.set", "{\"name\": \"one\", \"actoin\": \"pass\"}", PARAMS, "actoin"},
		{"policies.set", "{\"name\": \"one\", \"vlan\": {}}", PARAMS, "params.vlan"},
		{"policies.set", "{\"name\": \"one\", \"ingress\": [1]}", PARAMS, "params.ingress"},
		{"policies.set", "{\"name\": \"one\", \"source\": \"10.0.0.1/8\"}", BAD_CONFIG,
			"host bits"},
		{"policies.set", "{\"name\": \"one\", \"content\": \"ham\"}", BAD_CONFIG,
			"no content profile \"ham\""},
		{"policies.enable", "{}", PARAMS, "name"},
	};
	struct bench *b = *state;
	char text[512], list[256];

	start(b);
	for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
		json_t *params = json_loads(ROWS[i].params, 0, NULL);

		assert_non_null(params);
		if (world_call_error(b, ROWS[i].method, params, text) != ROWS[i].code ||
			strstr(text, ROWS[i].words) == NULL)
			fail_msg("%s %s: %s", ROWS[i].method, ROWS[i].params, text);
	}
	b->refuse = -ENOMEM;
	assert_int_equal(
		world_call_error(b, "policies.del", json_pack("{s:s}", "name", "one"), NULL),
		REFUSED);
	b->refuse = 0;
	assert_string_equal(names(b, list), "one");
	assert_int_equal(world_revision(b), 1);
}

static void a_policy_that_can_never_match_is_warned_of(void **state)
{
	struct bench *b = *state;
	const char *line;
	json_t *r;

	start(b);
	r = world_call(b, "policies.insert",
		json_pack("{s:s,s:s,s:s}", "name", "all", "action", "pass", "before", "one"));
	line = json_string_value(json_array_get(json_object_get(r, "warnings"), 0));
	assert_non_null(line);
	assert_non_null(strstr(line, "policy \"one\" can never match; policy \"all\""));
	json_decref(r);
}

static void changes_survive_a_restart_and_leave_the_file_alone(void **state)
{
	struct bench *b = *state;
	char list[256], *text;

	start(b);
	does(b, "policies.add", json_pack("{s:s,s:s}", "name", "kept", "action", "pass"), 1);
	text = world_file_text(b->file);
	assert_string_equal(text, config_ok);
	free(text);
	world_service_close(b);
	world_service_open(b);
	world_settle(b, "committed", true);
	assert_string_equal(names(b, list), "one kept");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
		T(each_change_is_in_force_when_it_is_answered),
		T(the_list_shows_every_value_as_the_file_would),
		T(changes_asked_for_at_once_all_happen),
		T(what_is_wrong_is_named_and_changes_nothing),
		T(a_policy_that_can_never_match_is_warned_of),
		T(changes_survive_a_restart_and_leave_the_file_alone),
#undef T
	};
	int rc = compile_child(argc, argv);

	return rc >= 0 ? rc : cmocka_run_group_tests(tests, NULL, NULL);
}
