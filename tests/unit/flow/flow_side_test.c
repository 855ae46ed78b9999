// SPDX-License-Identifier: BSD-3-Clause
// What a side's frames look like, as a flow keeps it: any link header comes back as it was, long ones
// are kept once however many flows have them, and where no place is left what was known stays.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <rte_memory.h>

#include "flow.h"
#include "flow_eal.h"

enum { FLOWS = 2000, PLACES = FLOWS / 32 + 16, FRAME_BYTES = FLOW_L2_MAX + 40 + 20 };

static struct flow *flow_of(struct flow_table *t, uint32_t n)
{
	struct flow_key k = {.client_port = 1024, .server_port = 25};

	k.client.b[10] = k.client.b[11] = k.server.b[10] = k.server.b[11] = 0xff;
	memcpy(k.client.b + 12, &n, sizeof(n));
	return flow_add(t, &k);
}

// An IPv4 frame whose link header is `n` bytes of `fill`, as far as flow/ looks.
static struct span frame_of(uint8_t *bytes, struct wire_view *v, uint16_t n, uint32_t fill)
{
	memset(bytes, 0, FRAME_BYTES);
	for (uint16_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(fill >> 8 * (i % 4)) ^ (uint8_t)i;
	bytes[n] = 0x45;
	bytes[n + 1] = 0x48;
	bytes[n + 8] = 61;
	*v = (struct wire_view){
		.proto = WIRE_TCP, .family = 4, .l3_off = n, .l4_off = (uint16_t)(n + 20)};
	return (struct span){.p = bytes, .n = FRAME_BYTES};
}

static bool note(
	struct flow_table *t, struct flow *f, enum stream_side side, uint16_t n, uint32_t fill)
{
	uint8_t bytes[FRAME_BYTES];
	struct wire_view v;
	struct span frame = frame_of(bytes, &v, n, fill);

	return flow_note(t, f, side, frame, &v, 3);
}

static void looks_like(const struct flow_table *t, const struct flow *f, enum stream_side side,
	uint16_t n, uint32_t fill)
{
	uint8_t bytes[FRAME_BYTES];
	struct wire_view v;
	struct span frame = frame_of(bytes, &v, n, fill);
	struct wire_tmpl o;

	flow_template(t, f, side, false, &o);
	assert_int_equal(o.l2_len, n);
	assert_memory_equal(o.l2, frame.p, n);
	assert_int_equal(o.ttl, 61);
	assert_int_equal(o.tos, 0x48);
}

static void any_link_header_comes_back_as_it_was(void **state)
{
	struct flow_table *t = *state;
	struct flow *f = flow_of(t, 1);

	for (uint16_t n = 14; n <= FLOW_L2_MAX; n += 4)
		for (uint16_t m = 14; m <= FLOW_L2_MAX; m += 4) {
			assert_true(note(t, f, STREAM_CLIENT, n, 7));
			assert_true(note(t, f, STREAM_SERVER, m, 8));
			looks_like(t, f, STREAM_CLIENT, n, 7);
			looks_like(t, f, STREAM_SERVER, m, 8);
		}
	assert_false(note(t, f, STREAM_CLIENT, FLOW_L2_MAX + 2, 9)); // never parsed so deep
	looks_like(t, f, STREAM_CLIENT, FLOW_L2_MAX, 7);
}

static void a_side_that_was_never_heard_looks_like_the_other_turned_round(void **state)
{
	struct flow_table *t = *state;
	struct flow *f = flow_of(t, 1);
	struct wire_tmpl client, server;

	assert_true(note(t, f, STREAM_CLIENT, FLOW_L2_MAX, 7));
	flow_template(t, f, STREAM_CLIENT, false, &client);
	flow_template(t, f, STREAM_SERVER, false, &server);
	assert_int_equal(server.l2_len, FLOW_L2_MAX);
	assert_memory_equal(server.l2, client.l2 + 6, 6);
	assert_memory_equal(server.l2 + 6, client.l2, 6);
	assert_memory_equal(server.l2 + 12, client.l2 + 12, FLOW_L2_MAX - 12);
}

static void a_long_header_that_all_have_takes_one_place(void **state)
{
	struct flow_table *t = *state;
	static struct flow *flows[FLOWS];

	for (uint32_t n = 0; n < FLOWS; n++) {
		flows[n] = flow_of(t, n);
		assert_true(note(t, flows[n], STREAM_CLIENT, 30, 1));
		assert_true(note(t, flows[n], STREAM_SERVER, 34, 2));
	}
	for (uint32_t n = 0; n < FLOWS; n++) {
		looks_like(t, flows[n], STREAM_CLIENT, 30, 1);
		looks_like(t, flows[n], STREAM_SERVER, 34, 2);
	}
	for (uint32_t n = 0; n < PLACES - 2; n++)
		assert_true(note(t, flows[n], STREAM_CLIENT, 30, 100 + n));
	assert_false(note(t, flows[PLACES], STREAM_CLIENT, 30, 99));
}

static void without_a_place_what_was_known_stays_until_another_flow_ends(void **state)
{
	struct flow_table *t = *state;
	struct flow *first = flow_of(t, 0), *last = NULL;
	struct flow_side side = {.l2_len = 26, .ttl = 61, .tos = 0x48};

	assert_true(note(t, first, STREAM_CLIENT, 30, 0));
	for (uint32_t n = 1; n < PLACES; n++)
		assert_true(note(t, flow_of(t, n), STREAM_CLIENT, 30, n));
	last = flow_of(t, PLACES);
	assert_true(note(t, last, STREAM_CLIENT, 18, 5));
	assert_false(note(t, last, STREAM_CLIENT, 30, PLACES));
	looks_like(t, last, STREAM_CLIENT, 18, 5);
	assert_false(flow_face_set(t, last, STREAM_SERVER, &side));
	assert_true(note(t, last, STREAM_CLIENT, 30, 3)); // somebody has it already
	flow_remove(t, first);
	assert_true(flow_face_set(t, last, STREAM_SERVER, &side));
	assert_false(note(t, flow_of(t, PLACES + 1), STREAM_CLIENT, 30, PLACES));
}

static int table_make(void **state)
{
	*state = flow_table_new(FLOWS, sizeof(struct flow), SOCKET_ID_ANY);
	return *state == NULL ? -1 : 0;
}

static int table_end(void **state)
{
	flow_table_free(*state);
	return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, table_make, table_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(any_link_header_comes_back_as_it_was),
		CASE(a_side_that_was_never_heard_looks_like_the_other_turned_round),
		CASE(a_long_header_that_all_have_takes_one_place),
		CASE(without_a_place_what_was_known_stays_until_another_flow_ends),
	};

	return cmocka_run_group_tests_name("flow side", tests, eal_start, eal_end);
}
