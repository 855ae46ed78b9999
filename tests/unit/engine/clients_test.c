// SPDX-License-Identifier: BSD-3-Clause
// The table of clients inside the engine: its memory, what waits in it until every worker has passed a burst
// boundary, its levels among the counters.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "session_world.h"

enum { ROOM = 3, CONTEXT = 7, GAUGES_MS = 250 };

static int knowing(void **)
{
	return world_new_knowing(ROOM);
}

static int bind(uint8_t host, uint64_t endpoint)
{
	const struct tbl_binding b = {
		.prefix = {addr_from_v4((const uint8_t[4]){10, 0, 0, host}), 128},
		.context = CONTEXT,
		.port_last = UINT16_MAX,
		.endpoint = endpoint};
	struct tbl_clients *c = eng_clients(world.eng);

	return endpoint == 0 ? tbl_binding_clear(c, &b) : tbl_binding_set(c, &b);
}

static void levels_of_what_is_known_are_counted(void **)
{
	const struct tbl_sender s = {.context = CONTEXT,
		.prefix = {addr_from_v4((const uint8_t[4]){10, 0, 0, 1}), 128},
		.score = 9};

	for (uint8_t i = 1; i <= ROOM + 2; i++)
		(void)bind(i, 1 + i % 2);
	assert_int_equal(tbl_sender_set(eng_clients(world.eng), &s), 0);
	pass_ms(GAUGES_MS);
	assert_int_equal(counter(GAUGE_BINDINGS), ROOM);
	assert_int_equal(counter(GAUGE_ENDPOINTS), 2);
	assert_int_equal(counter(GAUGE_SENDERS), 1);
	assert_int_equal(counter(ACT_CLIENTS_FULL), 2);
}

static void what_went_is_taken_back_behind_the_workers_next_boundary(void **)
{
	struct tbl_clients *c = eng_clients(world.eng);

	assert_int_equal(bind(1, 1), 0);
	assert_int_equal(bind(1, 0), 0);
	eng_manage(world.eng, world.now_us);
	eng_manage(world.eng, world.now_us);
	assert_int_equal(tbl_clients_waiting(c), 1); // the worker may be looking at it
	(void)eng_turn(world.w, world.now_us);
	eng_manage(world.eng, world.now_us);
	assert_int_equal(tbl_clients_waiting(c), 0);
	assert_int_equal(bind(1, 1), 0);
	assert_int_equal(bind(1, 0), 0);
	eng_worker_offline(world.w); // a sleeper looks at nothing
	eng_manage(world.eng, world.now_us);
	assert_int_equal(tbl_clients_waiting(c), 0);
	eng_worker_online(world.w, world.now_us);
}

static void memory_of_clients_is_told_beforehand_and_none_is_taken_for_none(void **)
{
	struct eng_conf conf = world.eng->conf;
	const uint64_t with = eng_memory_bytes(&conf);

	conf.bindings = conf.endpoints = conf.senders = 0;
	assert_int_equal(with - eng_memory_bytes(&conf),
		tbl_clients_bytes(&(struct tbl_clients_conf){"", ROOM, ROOM, ROOM, 0}));
}

static void an_engine_without_room_for_clients_has_no_table(void **)
{
	assert_null(eng_clients(world.eng));
	pass_ms(GAUGES_MS);
	eng_manage(world.eng, world.now_us);
	assert_int_equal(counter(GAUGE_BINDINGS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			levels_of_what_is_known_are_counted, knowing, world_end),
		cmocka_unit_test_setup_teardown(
			what_went_is_taken_back_behind_the_workers_next_boundary, knowing, world_end),
		cmocka_unit_test_setup_teardown(
			memory_of_clients_is_told_beforehand_and_none_is_taken_for_none, knowing,
			world_end),
		cmocka_unit_test_setup_teardown(
			an_engine_without_room_for_clients_has_no_table, world_new, world_end),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
