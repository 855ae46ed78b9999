// SPDX-License-Identifier: BSD-3-Clause
// Long chains: whatever the order in which a large window fills, what is read and what is repeated is
// what was sent, and a sender of tiny pieces can't make a block of them long to search.
#include <string.h>

#define POOL_SLABS 8192
#include "stream_fixture.h"
#include "stream_int.h"

enum { SEGMENT = 1448, WINDOW = 3000000, WSCALE = 7 };

static uint8_t byte_at(uint32_t off)
{
	return (uint8_t)(off * 2654435761u >> 24);
}

static void acknowledge(struct stream *st, struct stream_pool *p, uint32_t off, uint32_t isn)
{
	struct stream_seg ack = {.side = STREAM_SERVER,
		.flags = F_ACK,
		.window = WINDOW >> WSCALE,
		.seq = SERVER_ISN + 1,
		.ack = isn + 1 + off};

	assert_int_equal(stream_input(st, p, &ack), STREAM_IN_OK);
}

static void open_at(struct fixture *f, uint32_t isn)
{
	struct stream_syn syn = {.mss = 1460, .has_wscale = true, .wscale = WSCALE};

	stream_open(&f->st, isn, 64240, &syn);
	assert_true(stream_accept(&f->st, SERVER_ISN, isn + 1, 65160, &syn));
	acknowledge(&f->st, &f->pool, 0, isn);
}

static enum stream_in sends(struct fixture *f, uint32_t isn, uint32_t off, uint32_t n)
{
	uint8_t text[SEGMENT];
	struct stream_seg seg = {.side = STREAM_CLIENT,
		.flags = F_ACK,
		.window = 500,
		.seq = isn + 1 + off,
		.ack = SERVER_ISN + 1,
		.payload = {.p = text, .n = n}};

	for (uint32_t i = 0; i < n; i++)
		text[i] = byte_at(off + i);
	return stream_input(&f->st, &f->pool, &seg);
}

// Reads on from `off`; what was sent must lie there.
static uint32_t reads(struct fixture *f, uint32_t off)
{
	for (;;) {
		struct span in =
			stream_unread(&f->st, &f->pool, STREAM_CLIENT, false, NULL, 0);
		if (in.n == 0)
			break;
		for (size_t i = 0; i < in.n; i++)
			assert_int_equal(in.p[i], byte_at(off + (uint32_t)i));
		stream_consume(&f->st, STREAM_CLIENT, (uint32_t)in.n);
		off += (uint32_t)in.n;
	}
	stream_release(&f->st, STREAM_CLIENT);
	return off;
}

// Everything that is to leave does.
static void leaves(struct fixture *f)
{
	struct stream_act act;

	while (stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, SEGMENT, f->now_ms, &act))
		;
}

static void copies(struct fixture *f, uint32_t isn, uint32_t off, uint32_t n)
{
	uint8_t text[SEGMENT];

	stream_copy(&f->st, &f->pool, STREAM_CLIENT, isn + 1 + off, n, text);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(text[i], byte_at(off + i));
}

// A search for any slab begins at the first of its block, so no further away than a block is long.
static void searches_begin_in_their_block(const struct fixture *f)
{
	const struct stream_half *h = &f->st.half[STREAM_CLIENT];
	const struct stream_pool *p = &f->pool;
	uint32_t first = STREAM_NO_SLAB;

	if (h->index == STREAM_NO_SLAB)
		return;
	for (uint32_t i = h->first; i != STREAM_NO_SLAB; i = slab_at(p, i)->next) {
		const uint32_t seq = slab_at(p, i)->seq;

		if (first == STREAM_NO_SLAB || slab_at(p, first)->seq >> 16 != seq >> 16)
			first = i;
		assert_int_equal(index_near(h, p, seq), first);
	}
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void a_window_filled_in_any_order_reads_as_it_was_sent(void **state)
{
	static const uint32_t isns[] = {1000, UINT32_MAX - 1000000, UINT32_MAX - 2 * SEGMENT};
	enum { PIECES = 1200 };
	struct fixture *f = *state;

	for (unsigned c = 0; c < sizeof(isns) / sizeof(isns[0]); c++) {
		uint32_t order[PIECES], dice = 7 + c, acked = 0, isn = isns[c];

		stream_close(&f->st, &f->pool);
		open_at(f, isn);
		for (uint32_t i = 0; i < PIECES; i++)
			order[i] = i;
		for (uint32_t i = PIECES - 1; i > 0; i--) {
			uint32_t j = next_random(&dice) % (i + 1), was = order[i];
			order[i] = order[j];
			order[j] = was;
		}
		for (uint32_t i = 0; i < PIECES; i++) {
			enum stream_in in = sends(f, isn, order[i] * SEGMENT, SEGMENT);
			assert_true(in == STREAM_IN_OK || in == STREAM_IN_ORDER_WAIT);
			if (i % 100 == 99)
				searches_begin_in_their_block(f);
		}
		assert_int_equal(reads(f, 0), PIECES * SEGMENT);
		leaves(f);
		for (uint32_t i = 0; i < PIECES; i++) {
			if (order[i] * SEGMENT >= acked)
				copies(f, isn, order[i] * SEGMENT, SEGMENT);
			if (i % 100 == 99) {
				acked += 100 * SEGMENT;
				acknowledge(&f->st, &f->pool, acked, isn);
				searches_begin_in_their_block(f);
			}
		}
		assert_int_equal(f->pool.nfree, POOL);
	}
}

// The slab that a long chain began with is another connection's now, at numbers of the same block.
static void a_slab_that_went_to_another_connection_is_found_no_more(void **state)
{
	enum { PIECES = 100, ISLAND = 30000, LOOK = 40000 };
	const uint32_t isn = 1000;
	struct fixture *f = *state;
	struct stream other;
	char text[] = "another connection's bytes";

	open_at(f, isn);
	for (uint32_t i = 0; i < PIECES; i++)
		assert_int_equal(sends(f, isn, i * SEGMENT, SEGMENT), STREAM_IN_OK);
	(void)reads(f, 0);
	leaves(f);
	acknowledge(&f->st, &f->pool, STREAM_SLAB_DATA, isn); // its first slab goes
	struct stream_syn syn = {.mss = 1460, .has_wscale = true, .wscale = WSCALE};
	stream_open(&other, isn, 64240, &syn);
	assert_true(stream_accept(&other, SERVER_ISN, isn + 1, 65160, &syn));
	struct stream_seg seg = {.side = STREAM_CLIENT,
		.flags = F_ACK,
		.window = 500,
		.seq = isn + 1 + ISLAND,
		.ack = SERVER_ISN + 1,
		.payload = span_str(text)};
	assert_int_equal(stream_input(&other, &f->pool, &seg), STREAM_IN_ORDER_WAIT);
	copies(f, isn, LOOK, SEGMENT);
	stream_close(&other, &f->pool);
}

static void islands_of_one_byte_fill_no_block(void **state)
{
	enum { BLOCK = 65536, FAR = 4 * BLOCK };
	struct fixture *f = *state;
	uint32_t taken = 0, isn = UINT32_MAX; // offsets are numbers

	open_at(f, isn);
	for (uint32_t off = FAR; off < FAR + 20 * BLOCK; off += SEGMENT) // a long chain
		(void)sends(f, isn, off, SEGMENT);
	for (uint32_t off = 2 * BLOCK - 2; off >= BLOCK; off -= 2)
		taken += sends(f, isn, off, 1) == STREAM_IN_ORDER_WAIT;
	assert_in_range(taken, BLOCK / 1000, BLOCK / 400);
	assert_int_equal(sends(f, isn, 2 * BLOCK, 1), STREAM_IN_ORDER_WAIT); // the next one has room
	for (uint32_t off = 0; off < FAR; off += SEGMENT) // and what fills the hole always
		assert_true(sends(f, isn, off, SEGMENT) <= STREAM_IN_ORDER_WAIT);
	assert_true(reads(f, 0) >= FAR + 19 * BLOCK);
}

// Those count, too, that came before the chain was long.
static void a_connection_of_nothing_but_islands_fills_no_block(void **state)
{
	enum { BLOCK = 65536 };
	struct fixture *f = *state;
	uint32_t taken = 0, isn = UINT32_MAX;

	open_at(f, isn);
	for (uint32_t off = BLOCK; off < 2 * BLOCK; off += 2)
		taken += sends(f, isn, off, 1) == STREAM_IN_ORDER_WAIT;
	assert_in_range(taken, BLOCK / 1000, BLOCK / 400);
	assert_int_equal(sends(f, isn, 2 * BLOCK, 1), STREAM_IN_ORDER_WAIT);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_window_filled_in_any_order_reads_as_it_was_sent),
		CASE(a_slab_that_went_to_another_connection_is_found_no_more),
		CASE(islands_of_one_byte_fill_no_block),
		CASE(a_connection_of_nothing_but_islands_fills_no_block),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
