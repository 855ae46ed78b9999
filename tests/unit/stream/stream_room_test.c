// SPDX-License-Identifier: BSD-3-Clause
// How much of the pool a connection may hold: what one sender needs for a large window over a long
// way, and what is left for others.
#include <string.h>

#define POOL_SLABS 1200
#include "stream_fixture.h"

enum { SEGMENT = 1448, HUGE_WINDOW = 60000 }; // scaled by 128: over 7 MB

static const uint8_t text[SEGMENT];

// The client's segment number `i`. true: it was taken.
static bool client_sends(struct stream *st, struct stream_pool *p, uint32_t i)
{
	struct stream_seg seg = {
		.side = STREAM_CLIENT,
		.flags = F_ACK,
		.window = 500,
		.seq = CLIENT_ISN + 1 + i * SEGMENT,
		.ack = SERVER_ISN + 1,
		.payload = {.p = text, .n = SEGMENT},
	};
	struct stream_act act;
	enum stream_in in = stream_input(st, p, &seg);

	stream_consume(
		st, STREAM_CLIENT, st->half[STREAM_CLIENT].nxt - st->half[STREAM_CLIENT].read);
	stream_release(st, STREAM_CLIENT);
	stream_dispose(st, p, &seg, in, &act);
	return in == STREAM_IN_OK || in == STREAM_IN_ORDER_WAIT;
}

static void open_wide(struct stream *st, struct stream_pool *p)
{
	struct stream_syn syn = {.mss = 1460, .has_wscale = true, .wscale = 7};
	struct stream_seg ack = {.side = STREAM_SERVER,
		.flags = F_ACK,
		.window = HUGE_WINDOW,
		.seq = SERVER_ISN + 1,
		.ack = CLIENT_ISN + 1};

	stream_open(st, CLIENT_ISN, 64240, &syn);
	assert_true(stream_accept(st, SERVER_ISN, CLIENT_ISN + 1, 65160, &syn));
	assert_int_equal(stream_input(st, p, &ack), STREAM_IN_OK);
}

// Sends from segment `first` on until one is not taken; how many slabs that filled.
static uint32_t fill(struct stream *st, struct stream_pool *p, uint32_t first)
{
	const uint32_t before = p->nfree;

	while (client_sends(st, p, first))
		first++;
	return before - p->nfree;
}

static void a_connection_alone_may_hold_a_third_of_the_pool(void **state)
{
	struct fixture *f = *state;

	open_wide(&f->st, &f->pool);
	assert_in_range(fill(&f->st, &f->pool, 0), POOL / 3, POOL / 3 + 8);
}

static void behind_a_hole_it_may_hold_a_fifth(void **state)
{
	struct fixture *f = *state;

	open_wide(&f->st, &f->pool);
	assert_in_range(fill(&f->st, &f->pool, 1), POOL / 5, POOL / 5 + 8);
	assert_true(client_sends(&f->st, &f->pool, 0)); // what fills the hole
}

// `n` bytes of the client's from `at` on.
static enum stream_in client_bytes(
	struct stream *st, struct stream_pool *p, uint32_t at, size_t n, struct stream_act *act)
{
	struct stream_seg seg = {.side = STREAM_CLIENT,
		.flags = F_ACK,
		.window = 500,
		.seq = CLIENT_ISN + 1 + at,
		.ack = SERVER_ISN + 1,
		.payload = {.p = text, .n = n}};
	enum stream_in in = stream_input(st, p, &seg);

	stream_consume(
		st, STREAM_CLIENT, st->half[STREAM_CLIENT].nxt - st->half[STREAM_CLIENT].read);
	stream_release(st, STREAM_CLIENT);
	if (in != STREAM_IN_ORDER_WAIT || !stream_ahead(st, p, &seg, act))
		stream_dispose(st, p, &seg, in, act);
	return in;
}

// What left ahead of the holes frees its slabs only when they are filled.
static void what_found_room_of_a_segment_goes_on(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;

	open_wide(&f->st, &f->pool);
	for (uint32_t at = 1; at < 6; at += 2)
		assert_int_equal(client_bytes(&f->st, &f->pool, at, 1, &act), STREAM_IN_ORDER_WAIT);
	uint32_t kept = f->pool.nfree;
	f->pool.nfree = 1;
	assert_int_equal(client_bytes(&f->st, &f->pool, 0, 6, &act), STREAM_IN_OK);
	assert_int_equal(act.kind, STREAM_REWRITE);
	assert_int_equal(act.len, 2);
	assert_int_equal(client_bytes(&f->st, &f->pool, 2, 4, &act), STREAM_IN_DROP_SLABS);
	f->pool.nfree = kept - 1;
	assert_int_equal(client_bytes(&f->st, &f->pool, 2, 4, &act), STREAM_IN_OK);
	assert_int_equal(act.len, 4);
}

static void those_who_come_later_get_their_part(void **state)
{
	enum { OTHERS = 10 };
	struct fixture *f = *state;
	struct stream other[OTHERS];

	open_wide(&f->st, &f->pool);
	(void)fill(&f->st, &f->pool, 0);
	for (int i = 0; i < OTHERS; i++) {
		open_wide(&other[i], &f->pool);
		const uint32_t got = fill(&other[i], &f->pool, 0);
		assert_in_range(got, f->pool.nfree / 2, f->pool.nfree / 2 + 8);
	}
	assert_true(f->pool.nfree > 0);
	for (int i = 0; i < OTHERS; i++)
		stream_close(&other[i], &f->pool);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
// Else nobody would ever acknowledge what is under way, and the pool would stay full.
static void a_repeat_leaves_though_the_new_bytes_behind_it_find_no_room(void **state)
{
	static const uint8_t bytes[4096];
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd"),
			  b = seg_of(f, STREAM_CLIENT, 0, "");
	const uint32_t nfree = f->pool.nfree;
	struct stream_act act;

	(void)pass(f, &a);
	f->pool.nfree = 0; // others hold all there is
	b.payload = (struct span){.p = bytes, .n = sizeof(bytes)};
	act = pass(f, &b);
	assert_int_equal(act.kind, STREAM_REWRITE);
	assert_int_equal(act.seq, CLIENT_ISN + 1);
	assert_memory_equal(f->pool.slabs[f->st.half[STREAM_CLIENT].first].data, "abcd", 4);
	f->pool.nfree = nfree - 1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_connection_alone_may_hold_a_third_of_the_pool),
		CASE(behind_a_hole_it_may_hold_a_fifth),
		CASE(what_found_room_of_a_segment_goes_on),
		CASE(those_who_come_later_get_their_part),
		cmocka_unit_test_setup_teardown(
			a_repeat_leaves_though_the_new_bytes_behind_it_find_no_room, setup,
			teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
