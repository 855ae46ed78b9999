// SPDX-License-Identifier: BSD-3-Clause
// Retention: bytes packed into slabs, read out of several, edited across them, given back; who gets
// how many when there are few.
#define POOL_SLABS 1024
#include "stream_fixture.h"

enum { D = STREAM_SLAB_DATA, TEXT = 5 * STREAM_SLAB_DATA };

static char text[TEXT + 1]; // no two neighbouring parts of it look alike

static int setup_text(void **state)
{
	uint32_t noise = 7;
	for (int i = 0; i < TEXT; i++) {
		noise = noise * 1664525 + 1013904223;
		text[i] = (char)('a' + (noise >> 24) % 26);
	}
	return setup(state);
}

static enum stream_in put(struct fixture *f, uint32_t off, uint32_t n)
{
	struct stream_seg a = seg_of(f, STREAM_CLIENT, off, "");
	a.payload = (struct span){(const uint8_t *)text + off, n};
	return stream_input(&f->st, &f->pool, &a);
}

static void widen(struct fixture *f, uint32_t window)
{
	struct stream_half *c = &f->st.half[STREAM_CLIENT];
	c->edge = c->allow = c->una + window;
}

static void small_segments_share_a_slab_up_to_its_last_byte(void **state)
{
	struct fixture *f = *state;
	struct stream_half *c = &f->st.half[STREAM_CLIENT];
	for (uint32_t at = 0; at < D; at++) {
		assert_int_equal(put(f, at, 1), STREAM_IN_OK);
		assert_int_equal(c->nslabs, 1);
	}
	assert_int_equal(put(f, D, 1), STREAM_IN_OK);
	assert_int_equal(c->nslabs, 2);
	assert_int_equal(f->pool.nfree, POOL - 2);
}

static void bytes_are_read_and_copied_across_slabs(void **state)
{
	static uint8_t out[TEXT];
	struct fixture *f = *state;
	assert_int_equal(put(f, 0, 2 * D + 10), STREAM_IN_OK);
	for (uint32_t at = 0; at < 2 * D + 10; at += D / 2 - 3) {
		uint32_t n = 2 * D + 10 - at;
		memset(out, 0, sizeof(out));
		stream_copy(&f->st, &f->pool, STREAM_CLIENT, CLIENT_ISN + 1 + at, n, out);
		assert_memory_equal(out, text + at, n);
		assert_int_equal(out[n], 0);
	}
	memset(out, 'z', 8); // what is not retained leaves as zeros, never as other memory
	stream_copy(&f->st, &f->pool, STREAM_CLIENT, CLIENT_ISN + 1 + TEXT, 8, out);
	assert_memory_equal(out, "\0\0\0\0\0\0\0\0", 8);
}

static void unread_bytes_are_those_of_one_slab_or_of_as_many_as_fit(void **state)
{
	static uint8_t buf[TEXT];
	static const struct {
		uint32_t read; // already
		bool whole;
		uint32_t cap, n;
	} rows[] = {
		{0, false, 0, D},
		{5, false, 0, D - 5},
		{D - 1, false, 0, 1},
		{D, false, 0, 10},
		{0, true, TEXT, D + 10},
		{5, true, TEXT, D + 5},
		{D, true, 3, 10},
		{5, true, 100, 100},
		{0, true, D + 10, D + 10},
		{0, true, D + 9, D + 9},
		{D + 10, true, TEXT, 0},
		{D + 10, false, 0, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f = *state;
		stream_close(&f->st, &f->pool);
		free(f->slabs);
		fixture_open_at(f, CLIENT_ISN, SERVER_ISN);
		assert_int_equal(put(f, 0, D + 10), STREAM_IN_OK);
		stream_consume(&f->st, STREAM_CLIENT, rows[i].read);
		struct span s = stream_unread(
			&f->st, &f->pool, STREAM_CLIENT, rows[i].whole, buf, rows[i].cap);
		assert_int_equal(s.n, rows[i].n);
		if (s.n > 0)
			assert_memory_equal(s.p, text + rows[i].read, s.n);
	}
}

static void an_edit_may_lie_across_slabs(void **state)
{
	static uint8_t out[TEXT];
	static char changed[TEXT + 1];
	struct fixture *f = *state;
	assert_int_equal(put(f, 0, 3 * D), STREAM_IN_OK);
	memcpy(changed, text, TEXT);
	memset(changed + D - 3, '#', D + 6);
	changed[D - 3] = '<', changed[2 * D + 2] = '>';
	stream_edit(&f->st, &f->pool, STREAM_CLIENT, CLIENT_ISN + 1 + D - 3,
		(const uint8_t *)changed + D - 3, D + 6);
	stream_copy(&f->st, &f->pool, STREAM_CLIENT, CLIENT_ISN + 1, 3 * D, out);
	assert_memory_equal(out, changed, 3 * D);
}

static void an_edit_changes_what_leaves_from_its_begin_to_its_end(void **state)
{
	static const struct {
		uint32_t off, n;
		bool as_it_came;
	} rows[] = {{0, 4, false}, {3, 4, false}, {5, 3, false}, {6, 3, true}, {8, 4, true}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f = *state;
		stream_close(&f->st, &f->pool);
		free(f->slabs);
		fixture_open_at(f, CLIENT_ISN, SERVER_ISN);
		struct stream_seg a = seg_of(f, STREAM_CLIENT, rows[i].off, "0123");
		a.payload.n = rows[i].n;
		struct stream_act act;
		if (rows[i].off > 0)
			(void)put(f, 0, rows[i].off);
		enum stream_in in = stream_input(&f->st, &f->pool, &a);
		stream_edit(&f->st, &f->pool, STREAM_CLIENT, CLIENT_ISN + 1 + 3,
			(const uint8_t *)"EDT", 3);
		stream_consume(&f->st, STREAM_CLIENT, rows[i].off + rows[i].n);
		stream_release(&f->st, STREAM_CLIENT);
		while (stream_next(
			&f->st, &f->pool, STREAM_CLIENT, true, a.at, 1000, f->now_ms, &act)) {}
		stream_dispose(&f->st, &f->pool, &a, in, &act);
		assert_int_equal(act.kind, rows[i].as_it_came ? STREAM_FORWARD : STREAM_REWRITE);
	}
}

static void a_hole_is_filled_between_islands_however_it_is_cut(void **state)
{
	static uint8_t out[TEXT];
	struct fixture *f = *state;
	struct stream_half *c = &f->st.half[STREAM_CLIENT];
	assert_int_equal(put(f, 30, 10), STREAM_IN_ORDER_WAIT);
	assert_int_equal(put(f, 10, 10), STREAM_IN_ORDER_WAIT);
	assert_int_equal(put(f, 50, 10), STREAM_IN_ORDER_WAIT);
	assert_int_equal(put(f, 5, 30), STREAM_IN_ORDER_WAIT); // over one and into the next
	assert_int_equal(c->nxt, CLIENT_ISN + 1);
	assert_int_equal(put(f, 0, 6), STREAM_IN_OK);
	assert_int_equal(c->nxt, CLIENT_ISN + 1 + 40);
	assert_int_equal(put(f, 35, 30), STREAM_IN_OK);
	assert_int_equal(c->nxt, CLIENT_ISN + 1 + 65);
	stream_copy(&f->st, &f->pool, STREAM_CLIENT, CLIENT_ISN + 1, 65, out);
	assert_memory_equal(out, text, 65);
}

static void acknowledged_slabs_go_back_one_by_one(void **state)
{
	struct fixture *f = *state;
	struct stream_half *c = &f->st.half[STREAM_CLIENT];
	struct stream_act act;
	struct stream_seg ack = seg_of(f, STREAM_SERVER, 0, "");
	static const struct {
		uint32_t acked, left;
	} rows[] = {{D - 1, 3}, {D, 2}, {2 * D - 1, 2}, {2 * D, 1}, {2 * D + 4, 1}, {2 * D + 5, 0}};
	assert_int_equal(put(f, 0, 2 * D + 5), STREAM_IN_OK);
	stream_consume(&f->st, STREAM_CLIENT, 2 * D + 5);
	stream_release(&f->st, STREAM_CLIENT);
	while (stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1000, f->now_ms, &act)) {}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ack.ack = CLIENT_ISN + 1 + rows[i].acked;
		assert_int_equal(stream_input(&f->st, &f->pool, &ack), STREAM_IN_OK);
		assert_int_equal(c->nslabs, rows[i].left);
		assert_int_equal(f->pool.nfree, POOL - rows[i].left);
	}
}

static void acknowledge(struct fixture *f, uint32_t off)
{
	struct stream_seg a = seg_of(f, STREAM_SERVER, 0, "");
	a.ack = CLIENT_ISN + 1 + off;
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
}

// One that is taken before its memory has come is waited for; many of them would not stay in the caches.
static void a_slab_given_back_is_taken_again_soon_and_not_at_once(void **state)
{
	enum { ROUNDS = 1000, FEW = 10 };
	struct fixture *f = *state;
	struct stream_half *c = &f->st.half[STREAM_CLIENT];
	uint32_t before = STREAM_NO_SLAB, used = 0;
	bool was_used[POOL] = {false};

	for (uint32_t n = 0; n < ROUNDS; n++) {
		assert_int_equal(put(f, n, 1), STREAM_IN_OK);
		assert_int_not_equal(c->first, before);
		before = c->first;
		for (uint32_t i = 0; i < f->pool.nfree; i++)
			assert_int_not_equal(f->pool.free[i], before);
		used += !was_used[before];
		was_used[before] = true;
		c->read = c->rel = c->sent = c->nxt;
		acknowledge(f, n + 1);
		assert_int_equal(f->pool.nfree, POOL);
	}
	assert_in_range(used, 2, FEW);
}

static void a_pool_lends_one_half_the_half_within_bounds(void **state)
{
	static const struct {
		uint32_t count, flow_max;
	} rows[] = {{64, 64}, {128, 64}, {129, 64}, {130, 65}, {16000, 8000}, {65535, 32767},
		{65536, 32768}, {65538, 32768}, {100000, 32768}};
	static const uint8_t key[16] = "0123456789abcde";
	static uint32_t stack[100000];
	struct stream_pool pool;
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		stream_pool_init(&pool, NULL, stack, rows[i].count, key);
		assert_int_equal(pool.flow_max, rows[i].flow_max);
		assert_int_equal(pool.nfree, rows[i].count);
		assert_int_equal(pool.count, rows[i].count);
		assert_int_equal(stack[0], rows[i].count - 1);
		assert_int_equal(stack[rows[i].count - 1], 0);
		assert_memory_equal(pool.key, key, 16);
	}
}

// How many slabs a half gets where `nfree` are free; a slab a segment.
static uint32_t share_of(struct fixture *f, uint32_t nfree, uint32_t from)
{
	struct stream_half *c = &f->st.half[STREAM_CLIENT];
	uint32_t saved = f->pool.nfree, got;
	widen(f, 1 << 30);
	f->pool.nfree = nfree;
	for (uint32_t i = 0; i < 300; i++) {
		struct stream_seg a = seg_of(f, STREAM_CLIENT, from + i * D, "");
		a.payload = (struct span){(const uint8_t *)text, D};
		if (stream_input(&f->st, &f->pool, &a) == STREAM_IN_DROP_SLABS)
			break;
	}
	got = c->nslabs;
	const uint32_t index = c->index == STREAM_NO_SLAB ? 0 : 1; // a slab of its own
	assert_int_equal(f->pool.nfree, nfree - got - index);
	f->pool.nfree = saved - got - index;
	stream_close(&f->st, &f->pool);
	free(f->slabs);
	fixture_open_at(f, CLIENT_ISN, SERVER_ISN);
	return got;
}

static void one_half_gets_half_of_what_is_free_and_two(void **state)
{
	static const struct {
		uint32_t nfree, from, got; // from 0: in order, 1: behind a hole
	} rows[] = {
		// The n-th is given while n < free / 2 + 2, free being what is left then.
		{256, 0, 86}, // one more holds the index
		{64, 0, 23},
		{8, 0, 4},
		{1, 0, 1},
		{0, 0, 0},
		// Behind a hole half of that, and none of the last of the pool (1024 / 64).
		{256, 1, 52},
		{64, 1, 13},
		{17, 1, 1},
		{16, 1, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t got = share_of(*state, rows[i].nfree, rows[i].from);
		if (got != rows[i].got)
			fail_msg("row %zu: %u", i, got);
	}
}

static void the_last_sixty_fourth_of_a_pool_of_any_size_is_kept_for_what_fills_a_hole(void **state)
{
	static const struct {
		uint32_t count, kept;
	} rows[] = {{1024, 16}, {1023, 15}, {1008, 15}, {128, 2}, {127, 1}, {64, 1}, {63, 0}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (uint32_t more = 0; more < 2; more++) {
			struct fixture *f = *state;
			f->pool.count = rows[i].count;
			assert_int_equal(share_of(f, rows[i].kept + more, 1), more);
		}
	}
}

static void a_half_never_gets_more_than_the_pool_lends_it(void **state)
{
	struct fixture *f = *state;
	f->pool.flow_max = 10;
	assert_int_equal(share_of(f, 256, 0), 10);
}

static void what_fills_a_hole_may_go_beyond_what_is_lent_by_sixteen(void **state)
{
	struct fixture *f = *state;
	struct stream_half *c = &f->st.half[STREAM_CLIENT];
	uint32_t n = 0;
	widen(f, 1 << 30);
	f->pool.flow_max = 10;
	assert_int_equal(put(f, 4 * D, 10), STREAM_IN_ORDER_WAIT);
	// Slabs of one byte each, as if they were full.
	while (n < 100) {
		struct stream_slab *last;
		struct stream_seg a = seg_of(f, STREAM_CLIENT, n, "x");
		if (stream_input(&f->st, &f->pool, &a) == STREAM_IN_DROP_SLABS)
			break;
		last = &f->pool.slabs[c->first];
		while (last->next != c->last)
			last = &f->pool.slabs[last->next];
		last->ahead = 1; // nothing joins it any more
		n++;
	}
	assert_int_equal(c->nslabs, 10 + 16);
}

static void islands_are_limited_by_the_window_that_they_lie_in(void **state)
{
	static const struct {
		uint32_t window, islands;
	} rows[] = {{1024, 18}, {2047, 19}, {2048, 20}, {4096, 24}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f = *state;
		widen(f, rows[i].window);
		for (uint32_t off = 1; off < 200; off += 2)
			(void)put(f, off, 1);
		assert_int_equal(f->st.half[STREAM_CLIENT].nslabs, rows[i].islands);
		stream_close(&f->st, &f->pool);
		free(f->slabs);
		fixture_open_at(f, CLIENT_ISN, SERVER_ISN);
	}
}

static void a_cut_keeps_what_left_and_gives_the_rest_back(void **state)
{
	static uint8_t out[TEXT];
	struct fixture *f = *state;
	struct stream_half *s = &f->st.half[STREAM_SERVER];
	struct stream_act act;
	struct stream_seg a = seg_of(f, STREAM_SERVER, 0, "");
	a.payload = (struct span){(const uint8_t *)text, 3 * D};
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
	stream_consume(&f->st, STREAM_SERVER, D + 5);
	stream_release(&f->st, STREAM_SERVER);
	while (stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 1000, f->now_ms, &act)) {}
	stream_cut(&f->st, &f->pool);
	assert_int_equal(f->pool.nfree, POOL - 2);
	assert_int_equal(s->nslabs, 2);
	assert_int_equal(s->nxt, SERVER_ISN + 1 + D + 5);
	assert_int_equal(stream_say(&f->st, &f->pool, span_str("550 no\r\n")), 0);
	stream_copy(&f->st, &f->pool, STREAM_SERVER, SERVER_ISN + 1, D + 13, out);
	assert_memory_equal(out, text, D + 5);
	assert_memory_equal(out + D + 5, "550 no\r\n", 8);
}

static void a_reply_that_finds_no_room_leaves_nothing_of_itself(void **state)
{
	struct fixture *f = *state;
	static char big[3 * D + 1];
	uint32_t saved = f->pool.nfree;
	memset(big, 'x', sizeof(big) - 1);
	stream_cut(&f->st, &f->pool);
	f->pool.nfree = 2;
	assert_true(stream_say(&f->st, &f->pool, span_str(big)) != 0);
	assert_int_equal(f->pool.nfree, 2);
	assert_int_equal(f->st.half[STREAM_SERVER].nxt, SERVER_ISN + 1);
	assert_int_equal(f->st.half[STREAM_SERVER].nslabs, 0);
	f->pool.nfree = saved;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup_text, teardown)
static void a_retained_byte_is_told_and_no_other(void **state)
{
	struct fixture *f = *state;
	struct stream_seg seg = seg_of(f, STREAM_CLIENT, 0, "ab");

	(void)stream_input(&f->st, &f->pool, &seg);
	seg = seg_of(f, STREAM_CLIENT, 5, "\xff");
	(void)stream_input(&f->st, &f->pool, &seg);
	const int expected[] = {-1, 'a', 'b', -1, -1, -1, 0xff, -1};
	for (uint32_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(
			stream_byte(&f->st, &f->pool, STREAM_CLIENT, CLIENT_ISN + i), expected[i]);
	assert_int_equal(stream_byte(&f->st, &f->pool, STREAM_SERVER, CLIENT_ISN + 1), -1);
}

static void the_only_slab_goes_with_its_last_byte_and_no_island_with_it(void **state)
{
	struct fixture *f = *state;
	struct stream_half *c = &f->st.half[STREAM_CLIENT];
	assert_int_equal(put(f, 0, 100), STREAM_IN_OK);
	c->read = c->rel = c->sent = c->nxt;
	acknowledge(f, 99);
	assert_int_equal(c->nslabs, 1);
	assert_int_equal(put(f, 200, 50), STREAM_IN_ORDER_WAIT); // behind a hole
	acknowledge(f, 100);
	assert_int_equal(c->nslabs, 1);
	assert_int_equal(
		stream_byte(&f->st, &f->pool, STREAM_CLIENT, CLIENT_ISN + 1 + 200), text[200]);
	assert_int_equal(put(f, 100, 100), STREAM_IN_OK);
	c->read = c->rel = c->sent = c->nxt;
	acknowledge(f, 250);
	assert_int_equal(c->nslabs, 0);
	assert_int_equal(c->first, STREAM_NO_SLAB);
	assert_int_equal(c->last, STREAM_NO_SLAB);
	assert_int_equal(put(f, 250, D + 10), STREAM_IN_OK);
	c->read = c->rel = c->sent = c->nxt;
	assert_int_equal(c->nslabs, 2);
	assert_int_equal(put(f, 250 + D + 20, 10), STREAM_IN_ORDER_WAIT);
	acknowledge(f, 250 + D + 10);
	assert_int_equal(c->nslabs, 1); // the island
	assert_int_equal(put(f, 250 + D + 10, 10), STREAM_IN_OK);
	c->read = c->rel = c->sent = c->nxt;
	assert_int_equal(c->nslabs, 2);
	acknowledge(f, 250 + D + 30);
	assert_int_equal(c->nslabs, 0);
	assert_int_equal(c->last, STREAM_NO_SLAB);
	assert_int_equal(f->pool.nfree, POOL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_retained_byte_is_told_and_no_other, setup, teardown),
		CASE(small_segments_share_a_slab_up_to_its_last_byte),
		CASE(bytes_are_read_and_copied_across_slabs),
		CASE(unread_bytes_are_those_of_one_slab_or_of_as_many_as_fit),
		CASE(an_edit_may_lie_across_slabs),
		CASE(an_edit_changes_what_leaves_from_its_begin_to_its_end),
		CASE(a_hole_is_filled_between_islands_however_it_is_cut),
		CASE(acknowledged_slabs_go_back_one_by_one),
		CASE(the_only_slab_goes_with_its_last_byte_and_no_island_with_it),
		CASE(a_slab_given_back_is_taken_again_soon_and_not_at_once),
		CASE(a_pool_lends_one_half_the_half_within_bounds),
		CASE(one_half_gets_half_of_what_is_free_and_two),
		CASE(the_last_sixty_fourth_of_a_pool_of_any_size_is_kept_for_what_fills_a_hole),
		CASE(a_half_never_gets_more_than_the_pool_lends_it),
		CASE(what_fills_a_hole_may_go_beyond_what_is_lent_by_sixteen),
		CASE(islands_are_limited_by_the_window_that_they_lie_in),
		CASE(a_cut_keeps_what_left_and_gives_the_rest_back),
		CASE(a_reply_that_finds_no_room_leaves_nothing_of_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
