// SPDX-License-Identifier: BSD-3-Clause
// What an edit of another length moves with it: custody, the window that is told, the list's own
// slab; and what a cut does to an end that had not left.
#include "stream_fixture.h"

static void replace(
	struct fixture *f, enum stream_side side, uint32_t seq, uint32_t n, const char *text)
{
	bool ack;
	assert_int_equal(stream_replace(&f->st, &f->pool, side, seq, n, span_str(text), &ack), 0);
}

static void custody_moves_with_the_text(void **state)
{
	static const struct {
		uint32_t at, n;
		const char *text;
		uint32_t owned; // of 10 bytes
	} rows[] = {
		{2, 2, "XXXXX", 13},
		{2, 5, "X", 6},
		{0, 10, "", 0},
		{8, 2, "XXX", 11},
		{0, 0, "XX", 12},
		{9, 1, "", 9},
		{2, 4, "XXXX", 10},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f = *state;
		struct stream_half *c = &f->st.half[STREAM_CLIENT];
		struct stream_act act;
		stream_close(&f->st, &f->pool);
		free(f->slabs);
		fixture_open_at(f, CLIENT_ISN, SERVER_ISN);
		struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "0123456789");
		assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
		assert_true(stream_take(&f->st, &f->pool, STREAM_CLIENT, &act));
		stream_consume(&f->st, STREAM_CLIENT, 10);
		replace(f, STREAM_CLIENT, CLIENT_ISN + 1 + rows[i].at, rows[i].n, rows[i].text);
		assert_int_equal(c->owned - CLIENT_ISN - 1, rows[i].owned);
		stream_ack(&f->st, &f->pool, STREAM_CLIENT, &act);
		assert_int_equal(act.ack, CLIENT_ISN + 1 + 10); // to its sender all is received
	}
}

static void the_window_that_is_told_never_gets_smaller_by_an_edit(void **state)
{
	struct fixture *f = *state;
	struct stream_half *s = &f->st.half[STREAM_SERVER];
	struct stream_seg a = seg_of(f, STREAM_SERVER, 0, "250 ok\r\n");
	struct stream_act act;
	uint32_t allow = s->allow;
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
	stream_consume(&f->st, STREAM_SERVER, 8);
	replace(f, STREAM_SERVER, SERVER_ISN + 1, 8, "550 not at all here\r\n"); // 13 more
	assert_int_equal(s->allow, allow + 13);
	stream_release(&f->st, STREAM_SERVER);
	while (stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 1000, f->now_ms, &act)) {}
	struct stream_seg ack = seg_of(f, STREAM_CLIENT, 0, "");
	ack.window = 100; // less than was told
	act = pass(f, &ack);
	assert_int_equal(act.kind, STREAM_REWRITE);
	assert_int_equal(act.ack, SERVER_ISN + 1 + 8);
	assert_int_equal(act.window, (allow - (SERVER_ISN + 1 + 8)) >> 7);
	assert_true(act.sack);
}

static void the_list_is_forgotten_once_all_is_acknowledged(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcdefgh");
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
	stream_consume(&f->st, STREAM_CLIENT, 8);
	replace(f, STREAM_CLIENT, CLIENT_ISN + 1 + 6, 1, "XY"); // the last one first
	replace(f, STREAM_CLIENT, CLIENT_ISN + 1 + 2, 1, "Z!");
	stream_release(&f->st, STREAM_CLIENT);
	while (stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1000, f->now_ms, &act)) {}
	static const struct {
		uint32_t acked, in_of_10; // what the client calls the byte number 10
		bool list;
	} rows[] = {{3, 8, true}, {4, 8, true}, {8, 8, true}, {9, 8, false}, {10, 8, false}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stream_seg ack = seg_of(f, STREAM_SERVER, 0, "");
		ack.ack = CLIENT_ISN + 1 + rows[i].acked;
		assert_int_equal(stream_input(&f->st, &f->pool, &ack), STREAM_IN_OK);
		assert_int_equal(
			stream_in_seq(&f->st, &f->pool, STREAM_CLIENT, CLIENT_ISN + 1 + 10),
			CLIENT_ISN + 1 + rows[i].in_of_10);
		assert_int_equal(
			f->st.half[STREAM_CLIENT].edits != (uint32_t)STREAM_NO_SLAB, rows[i].list);
	}
	assert_int_equal(f->pool.nfree, POOL);
}

static void bytes_taken_out_join_only_where_they_touch(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "0123456789");
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
	stream_consume(&f->st, STREAM_CLIENT, 10);
	replace(f, STREAM_CLIENT, CLIENT_ISN + 1 + 2, 2, "");   // 01456789
	replace(f, STREAM_CLIENT, CLIENT_ISN + 1 + 5, 2, "");   // 014569
	replace(f, STREAM_CLIENT, CLIENT_ISN + 1 + 5, 1, "XX"); // 01456XX
	static const uint32_t in[] = {0, 1, 4, 5, 6, 9, 9, 10};
	for (uint32_t out = 0; out < sizeof(in) / sizeof(in[0]); out++)
		assert_int_equal(
			stream_in_seq(&f->st, &f->pool, STREAM_CLIENT, CLIENT_ISN + 1 + out),
			CLIENT_ISN + 1 + in[out]);
}

static void an_empty_block_is_blanked(void **state)
{
	struct fixture *f = *state;
	uint32_t left = CLIENT_ISN + 5, right = CLIENT_ISN + 5;
	assert_false(stream_in_block(&f->st, &f->pool, STREAM_CLIENT, &left, &right));
	right++;
	assert_true(stream_in_block(&f->st, &f->pool, STREAM_CLIENT, &left, &right));
}

static void an_end_that_has_not_left_is_forgotten_in_a_cut(void **state)
{
	for (int sent = 0; sent < 2; sent++) {
		struct fixture *f = *state;
		struct stream_act act;
		stream_close(&f->st, &f->pool);
		free(f->slabs);
		fixture_open_at(f, CLIENT_ISN, SERVER_ISN);
		struct stream_seg fin = seg_of(f, STREAM_SERVER, 0, "221 bye\r\n");
		fin.flags |= F_FIN;
		if (sent)
			(void)pass(f, &fin);
		else
			assert_int_equal(stream_input(&f->st, &f->pool, &fin), STREAM_IN_OK);
		stream_cut(&f->st, &f->pool);
		assert_int_equal(f->st.half[STREAM_SERVER].has_fin, sent);
		assert_int_equal(f->st.half[STREAM_SERVER].fin_rel, sent);
		// Behind an end that has left nothing can be said any more.
		assert_int_equal(stream_say(&f->st, &f->pool, span_str("421 no\r\n")) == 0, !sent);
		assert_int_equal(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 1000,
					 f->now_ms, &act),
			!sent);
	}
}

static void progress_after_a_single_repeat_goes_on_at_once(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;
	bool dead;
	stream_cut(&f->st, &f->pool);
	assert_int_equal(stream_say(&f->st, &f->pool, span_str("0123456789")), 0);
	assert_true(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 1000, f->now_ms, &act));
	assert_true(stream_deadline(&f->st, STREAM_SERVER, &f->now_ms));
	assert_true(stream_timer(&f->st, STREAM_SERVER, f->now_ms, &dead));
	assert_true(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 1000, f->now_ms, &act));
	struct stream_seg ack = seg_of(f, STREAM_CLIENT, 0, "");
	ack.ack = SERVER_ISN + 1 + 4;
	assert_int_equal(stream_input(&f->st, &f->pool, &ack), STREAM_IN_OK);
	assert_true(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 1000, f->now_ms, &act));
	assert_true(act.repeat);
	assert_bytes(f, &act, "456789");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(custody_moves_with_the_text),
		CASE(the_window_that_is_told_never_gets_smaller_by_an_edit),
		CASE(the_list_is_forgotten_once_all_is_acknowledged),
		CASE(bytes_taken_out_join_only_where_they_touch),
		CASE(an_empty_block_is_blanked),
		CASE(an_end_that_has_not_left_is_forgotten_in_a_cut),
		CASE(progress_after_a_single_repeat_goes_on_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
