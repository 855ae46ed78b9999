// SPDX-License-Identifier: BSD-3-Clause
// Short of slabs: digests in the place of bytes, and what becomes of repeats.
#define POOL_SLABS 16
#include "stream_fixture.h"

static uint32_t c_at(uint32_t off)
{
	return CLIENT_ISN + 1 + off;
}

// The pool of a box under pressure: this half has one of the last slabs.
static void shorten(struct fixture *f)
{
	f->pool.count = 16 * 64;
}

static void goes_digested(struct fixture *f, struct stream_seg *seg)
{
	struct stream_act act = pass(f, seg);

	assert_int_equal(act.kind, STREAM_FORWARD);
	assert_true(stream_digest(&f->st, &f->pool, seg));
}

static void a_digest_needs_less_than_the_bytes(void **state)
{
	static char text[1449];
	struct fixture *f = *state;

	memset(text, 'x', 1448);
	shorten(f);
	for (uint32_t i = 0; i < 40; i++) {
		struct stream_seg a = seg_of(f, STREAM_CLIENT, 1448 * i, text);
		goes_digested(f, &a);
	}
	assert_int_equal(f->pool.nfree, POOL - 1);
	struct stream_seg ack = seg_of(f, STREAM_SERVER, 0, "");
	(void)pass(f, &ack);
	assert_int_equal(f->pool.nfree, POOL);
}

// Nobody may ask for them; were it done, memory must not leave that was never sent.
static void what_a_digest_stands_for_is_copied_as_zeros(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcdefgh");
	uint8_t out[8], zeros[8] = {0};

	shorten(f);
	goes_digested(f, &a);
	memset(out, 'x', sizeof(out));
	stream_copy(&f->st, &f->pool, STREAM_CLIENT, c_at(0), sizeof(out), out);
	assert_memory_equal(out, zeros, sizeof(zeros));
	assert_int_equal(stream_byte(&f->st, &f->pool, STREAM_CLIENT, c_at(0)), -1);
}

static void where_slabs_abound_bytes_are_kept(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd");

	(void)pass(f, &a);
	assert_false(stream_digest(&f->st, &f->pool, &a));
}

static void near_its_share_a_lone_half_goes_on_with_digests(void **state)
{
	static char text[1449];
	struct fixture *f = *state;
	unsigned digests = 0;

	memset(text, 'x', 1448);
	for (uint32_t i = 0; i < 40; i++) { // 58 kB; the pool has 32
		struct stream_seg a = seg_of(f, STREAM_CLIENT, 1448 * i, text);
		struct stream_act act = pass(f, &a);
		assert_int_equal(act.kind, STREAM_FORWARD);
		digests += stream_digest(&f->st, &f->pool, &a);
	}
	assert_in_range(digests, 30, 39);
	assert_true(f->pool.nfree > POOL / 2);
}

static void a_digest_is_made_with_the_last_free_slab_and_not_without_one(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd"),
			  b = seg_of(f, STREAM_CLIENT, 4, "efgh");

	shorten(f);
	assert_int_equal(pass(f, &a).kind, STREAM_FORWARD);
	assert_int_equal(pass(f, &b).kind, STREAM_FORWARD); // in the slab of the first
	const uint32_t nfree = f->pool.nfree;
	f->pool.nfree = 0; // others have them
	assert_false(stream_digest(&f->st, &f->pool, &b));
	f->pool.nfree = 1;
	assert_true(stream_digest(&f->st, &f->pool, &b));
	assert_int_equal(f->pool.nfree, 0);
	f->pool.nfree = nfree - 1; // and give them back; the first one is in use
	memmove(f->stack, f->stack + 1, f->pool.nfree * sizeof(f->stack[0]));
}

static void a_whole_repeat_of_the_same_bytes_leaves_as_it_came(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd"),
			  b = seg_of(f, STREAM_CLIENT, 4, "efgh"),
			  both = seg_of(f, STREAM_CLIENT, 0, "abcdefgh");

	shorten(f);
	goes_digested(f, &a);
	goes_digested(f, &b);
	assert_int_equal(pass(f, &a).kind, STREAM_FORWARD);
	assert_int_equal(pass(f, &b).kind, STREAM_FORWARD);
	assert_int_equal(pass(f, &both).kind, STREAM_FORWARD);
	assert_false(stream_is_stuck(&f->st));
}

static void a_whole_repeat_leaves_without_what_it_says_of_an_end_or_urgent_bytes(void **state)
{
	enum { F_URG = 32 };
	static const uint8_t more[] = {F_FIN, F_URG, F_FIN | F_URG};
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd");

	shorten(f);
	goes_digested(f, &a);
	for (size_t i = 0; i < sizeof(more); i++) {
		struct stream_seg again = seg_of(f, STREAM_CLIENT, 0, "abcd");
		struct stream_act act;

		again.flags = (uint8_t)(F_ACK | more[i]);
		act = pass(f, &again);
		assert_int_equal(act.kind, STREAM_REWRITE);
		assert_int_equal(act.flags, F_ACK);
		assert_int_equal(act.len, 4);
	}
}

static void a_repeat_with_other_bytes_does_not_leave(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd"),
			  b = seg_of(f, STREAM_CLIENT, 4, "efgh"),
			  lie = seg_of(f, STREAM_CLIENT, 0, "abXd"),
			  half = seg_of(f, STREAM_CLIENT, 0, "abcdefXh");

	shorten(f);
	goes_digested(f, &a);
	goes_digested(f, &b);
	assert_int_equal(pass(f, &lie).kind, STREAM_SWALLOW);
	half.flags = F_ACK | F_PSH | F_FIN;
	struct stream_act act = pass(f, &half);
	assert_int_equal(act.kind, STREAM_REWRITE); // the part that is proven
	assert_int_equal(act.flags, F_ACK | F_PSH);
	assert_true(act.own);
	assert_int_equal(act.seq, c_at(0));
	assert_int_equal(act.len, 4);
	assert_int_equal(act.skip, 0);
}

static void a_repeat_whose_beginning_is_acknowledged_leaves_from_there(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd"),
			  b = seg_of(f, STREAM_CLIENT, 4, "efgh"),
			  both = seg_of(f, STREAM_CLIENT, 0, "abcdefgh"),
			  ack = seg_of(f, STREAM_SERVER, 0, "");

	shorten(f);
	goes_digested(f, &a);
	goes_digested(f, &b);
	ack.ack = c_at(4);
	(void)pass(f, &ack);
	struct stream_act act = pass(f, &both);
	assert_int_equal(act.kind, STREAM_REWRITE);
	assert_int_equal(act.seq, c_at(4));
	assert_int_equal(act.len, 4);
	assert_int_equal(act.skip, 4);
}

static void repeats_cut_elsewhere_for_good_are_stuck(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd"),
			  part = seg_of(f, STREAM_CLIENT, 0, "ab");

	shorten(f);
	goes_digested(f, &a);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(pass(f, &part).kind, STREAM_SWALLOW);
		assert_false(stream_is_stuck(&f->st));
	}
	for (unsigned i = 0; i < 300; i++) { // and stay so
		(void)pass(f, &part);
		assert_true(stream_is_stuck(&f->st));
	}
	struct stream_seg ack = seg_of(f, STREAM_SERVER, 0, "");
	(void)pass(f, &ack); // progress all the same
	assert_false(stream_is_stuck(&f->st));
}

static void there_is_no_custody_over_bytes_that_are_gone(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd"),
			  part = seg_of(f, STREAM_CLIENT, 4, "QU"),
			  ack = seg_of(f, STREAM_SERVER, 0, "");
	struct stream_act act;

	shorten(f);
	goes_digested(f, &a);
	(void)stream_input(&f->st, &f->pool, &part);
	assert_false(stream_take(&f->st, &f->pool, STREAM_CLIENT, &act));
	ack.ack = c_at(4);
	(void)pass(f, &ack);
	assert_true(stream_take(&f->st, &f->pool, STREAM_CLIENT, &act));
	assert_int_equal(act.ack, c_at(6));
}

static void bytes_behind_a_digest_are_bytes_again(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd"),
			  b = seg_of(f, STREAM_CLIENT, 4, "efgh"),
			  lie = seg_of(f, STREAM_CLIENT, 4, "eXgh"),
			  both = seg_of(f, STREAM_CLIENT, 0, "abcdefgh");

	shorten(f);
	goes_digested(f, &a);
	(void)pass(f, &b);
	assert_int_equal(pass(f, &lie).kind, STREAM_SWALLOW);
	assert_int_equal(pass(f, &both).kind, STREAM_FORWARD);
}

// A lone CR was acknowledged by us; what came behind it is kept as a digest, and its sender repeats it.
static void what_we_repeat_ends_where_the_bytes_are_gone(void **state)
{
	struct fixture *f = *state;
	struct stream_seg cr = seg_of(f, STREAM_CLIENT, 0, "a\r"),
			  more = seg_of(f, STREAM_CLIENT, 2, "\nbcd");
	struct stream_act act;
	uint32_t at_ms;
	bool dead;

	(void)stream_input(&f->st, &f->pool, &cr);
	assert_true(stream_take(&f->st, &f->pool, STREAM_CLIENT, &act));
	shorten(f);
	(void)stream_input(&f->st, &f->pool, &more);
	stream_consume(&f->st, STREAM_CLIENT, 6);
	stream_release(&f->st, STREAM_CLIENT);
	assert_true(
		stream_next(&f->st, &f->pool, STREAM_CLIENT, true, more.at, 1460, f->now_ms, &act));
	assert_bytes(f, &act, "a\r");
	stream_dispose(&f->st, &f->pool, &more, STREAM_IN_OK, &act);
	act.kind = STREAM_FORWARD;
	assert_true(stream_digest(&f->st, &f->pool, &more));
	assert_true(stream_deadline(&f->st, STREAM_CLIENT, &at_ms));
	assert_true(stream_timer(&f->st, STREAM_CLIENT, at_ms, &dead));
	assert_true(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1460, at_ms, &act));
	assert_int_equal(act.seq, c_at(0));
	assert_bytes(f, &act, "a\r");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(a_digest_needs_less_than_the_bytes),
		T(what_a_digest_stands_for_is_copied_as_zeros),
		T(where_slabs_abound_bytes_are_kept),
		T(near_its_share_a_lone_half_goes_on_with_digests),
		T(a_digest_is_made_with_the_last_free_slab_and_not_without_one),
		T(a_whole_repeat_of_the_same_bytes_leaves_as_it_came),
		T(a_whole_repeat_leaves_without_what_it_says_of_an_end_or_urgent_bytes),
		T(a_repeat_with_other_bytes_does_not_leave),
		T(a_repeat_whose_beginning_is_acknowledged_leaves_from_there),
		T(repeats_cut_elsewhere_for_good_are_stuck),
		T(there_is_no_custody_over_bytes_that_are_gone),
		T(bytes_behind_a_digest_are_bytes_again),
		T(what_we_repeat_ends_where_the_bytes_are_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
