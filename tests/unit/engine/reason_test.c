// SPDX-License-Identifier: BSD-3-Clause
// Rows of reasons.def that no story of a session brings about by itself: segments that are dropped,
// connections that are passed or reset for want of something, and what a full ring loses. And the
// list of flows, which must not hold up the worker.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "session_world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HAM "Subject: x\r\n\r\nhello\r\n.\r\n"

enum { DATA = WIRE_ACK | WIRE_PSH };

// ---- the list of flows

static int wide_world(void **)
{
	return world_new_sized(4095, 15, 2047);
}

static void a_list_of_flows_looks_at_a_bounded_number_of_cells_a_turn(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct eng_flow_row row;
	unsigned turns = 0, rows = 0;
	int rc = -EAGAIN;

	greets(c);
	assert_int_equal(eng_flows_ask(world.eng, 0, 100), 0);
	assert_in_range(eng_wait_us(world.w, world.now_us), 0, 250);
	for (; rc != -ENOENT && turns < 1000; turns++) {
		world.now_us += 1000;
		(void)eng_turn(world.w, world.now_us);
		while ((rc = eng_flows_take(world.eng, 0, &row)) == 0)
			rows++;
	}
	assert_in_range(turns, 4, 5); // 4096 cells and one, 1024 a turn
	assert_int_equal(rows, 1);
	assert_true(addr_eq(&row.who.client, &c->client));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_list_of_flows_looks_at_a_bounded_number_of_cells_a_turn, wide_world,
			world_end),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
