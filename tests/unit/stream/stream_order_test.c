// SPDX-License-Identifier: BSD-3-Clause
// Order, retention and release: what leaves is what was read first.
#include "stream_fixture.h"

static void released_in_order_segments_leave_as_they_came(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "EHLO a\r\n");
	struct stream_seg b = seg_of(f, STREAM_CLIENT, 8, "QUIT\r\n");
	assert_int_equal(pass(f, &a).kind, STREAM_FORWARD);
	assert_int_equal(pass(f, &b).kind, STREAM_FORWARD);
	assert_int_equal(f->st.half[STREAM_CLIENT].sent, CLIENT_ISN + 1 + 14);
}

static void a_repeat_with_other_bytes_leaves_with_the_first_ones(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "clean text");
	struct stream_seg b = seg_of(f, STREAM_CLIENT, 0, "EVIL bytes");
	(void)pass(f, &a);
	struct stream_act act = pass(f, &b);
	assert_int_equal(act.kind, STREAM_REWRITE);
	assert_bytes(f, &act, "clean text");
}

static void a_repeat_cut_elsewhere_brings_its_new_bytes_only(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd");
	struct stream_seg b = seg_of(f, STREAM_CLIENT, 2, "XXefgh");
	(void)pass(f, &a);
	struct stream_act act = pass(f, &b);
	assert_int_equal(act.kind, STREAM_REWRITE);
	assert_int_equal(act.seq, CLIENT_ISN + 3);
	assert_bytes(f, &act, "cdefgh");
}

static void acknowledged_bytes_are_not_sent_again(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd");
	(void)pass(f, &a);
	struct stream_seg ack = seg_of(f, STREAM_SERVER, 0, "");
	assert_int_equal(pass(f, &ack).kind, STREAM_FORWARD);
	assert_int_equal(f->st.half[STREAM_CLIENT].nslabs, 0);
	struct stream_act act = pass(f, &a);
	assert_int_equal(act.kind, STREAM_REWRITE);
	assert_int_equal(
		act.len, 0); // an empty old segment: the server repeats its acknowledgement
	assert_int_equal(act.seq, CLIENT_ISN + 1);
}

static void held_bytes_do_not_leave_but_their_acknowledgement_does_once(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "MAIL FRO");
	struct stream_act act;
	a.window = 501;
	for (int i = 0; i < 2; i++) {
		enum stream_in in = stream_input(&f->st, &f->pool, &a);
		stream_dispose(&f->st, &f->pool, &a, in, &act);
		assert_int_equal(act.kind, i == 0 ? STREAM_REWRITE : STREAM_SWALLOW);
		assert_int_equal(act.len, 0);
	}
	assert_false(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1460, f->now_ms, &act));
}

static void held_bytes_leave_once_their_line_is_whole(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "QU"),
			  b = seg_of(f, STREAM_CLIENT, 2, "IT\r\n");
	struct stream_act act;
	(void)stream_input(&f->st, &f->pool, &a);
	enum stream_in in = stream_input(&f->st, &f->pool, &b);
	stream_consume(&f->st, STREAM_CLIENT, 6);
	stream_release(&f->st, STREAM_CLIENT);
	assert_true(
		stream_next(&f->st, &f->pool, STREAM_CLIENT, true, b.seq, 1460, f->now_ms, &act));
	assert_bytes(f, &act, "QU");
	stream_dispose(&f->st, &f->pool, &b, in, &act);
	assert_int_equal(act.kind, STREAM_FORWARD);
	assert_false(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1460, f->now_ms, &act));
}

static void a_segment_behind_a_hole_waits_and_leaves_with_what_fills_it(void **state)
{
	struct fixture *f = *state;
	struct stream_seg late = seg_of(f, STREAM_CLIENT, 3, "def"),
			  first = seg_of(f, STREAM_CLIENT, 0, "abc");
	struct stream_act act;
	enum stream_in in = stream_input(&f->st, &f->pool, &late);
	assert_int_equal(in, STREAM_IN_ORDER_WAIT);
	assert_int_equal(stream_unread(&f->st, &f->pool, STREAM_CLIENT, false, NULL, 0).n, 0);
	stream_dispose(&f->st, &f->pool, &late, in, &act);
	assert_int_equal(act.len, 0);
	act = pass(f, &first);
	assert_int_equal(act.kind, STREAM_FORWARD);
	assert_true(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1460, f->now_ms, &act));
	assert_bytes(f, &act, "def");
}

static void bytes_sent_ahead_are_not_sent_twice(void **state)
{
	struct fixture *f = *state;
	struct stream_seg late = seg_of(f, STREAM_CLIENT, 3, "def"),
			  first = seg_of(f, STREAM_CLIENT, 0, "abc");
	struct stream_seg more = seg_of(f, STREAM_CLIENT, 6, "ghi");
	struct stream_act act;
	(void)stream_input(&f->st, &f->pool, &late);
	assert_true(stream_ahead(&f->st, &f->pool, &late, &act));
	assert_true(stream_is_ahead(&f->st, &f->pool, STREAM_CLIENT, first.seq));
	assert_int_equal(pass(f, &first).kind, STREAM_FORWARD);
	assert_false(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1460, f->now_ms, &act));
	assert_false(
		stream_is_ahead(&f->st, &f->pool, STREAM_CLIENT, f->st.half[STREAM_CLIENT].nxt));
	assert_int_equal(pass(f, &more).kind, STREAM_FORWARD);
}

static void a_segment_cut_at_a_fin_never_counts_as_wholly_retained(void **state)
{
	struct fixture *f = *state;
	struct stream_seg fin = seg_of(f, STREAM_CLIENT, 8, ""),
			  late = seg_of(f, STREAM_CLIENT, 4, "abcdXX");
	fin.flags |= F_FIN;
	(void)stream_input(&f->st, &f->pool, &fin);
	assert_int_equal(stream_input(&f->st, &f->pool, &late), STREAM_IN_ORDER_WAIT);
	assert_false(f->st.half[STREAM_CLIENT].fresh); // so it may not leave ahead as it came
}

static void a_segment_cut_at_the_window_never_counts_as_wholly_retained(void **state)
{
	struct fixture *f = *state;
	struct stream_seg late = seg_of(f, STREAM_CLIENT, 4, "abcdXX");
	f->st.half[STREAM_CLIENT].edge = f->st.half[STREAM_CLIENT].allow = CLIENT_ISN + 1 + 8;
	assert_int_equal(stream_input(&f->st, &f->pool, &late), STREAM_IN_ORDER_WAIT);
	assert_false(f->st.half[STREAM_CLIENT].fresh);
}

static void an_edit_leaves_with_every_repeat(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_SERVER, 0, "250 STARTTLS\r\n");
	enum stream_in in = stream_input(&f->st, &f->pool, &a);
	struct stream_act act;
	stream_edit(&f->st, &f->pool, STREAM_SERVER, a.seq + 11, (const uint8_t *)"X", 1);
	stream_consume(&f->st, STREAM_SERVER, 14);
	stream_release(&f->st, STREAM_SERVER);
	for (int i = 0; i < 2; i++) {
		stream_dispose(&f->st, &f->pool, &a, in, &act);
		assert_int_equal(act.kind, STREAM_REWRITE);
		assert_bytes(f, &act, "250 STARTTLX\r\n");
		in = stream_input(&f->st, &f->pool, &a);
	}
}

static void islands_of_two_segments_leave_ahead_one_by_one(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 3, "def"),
			  b = seg_of(f, STREAM_CLIENT, 6, "ghi");
	struct stream_act act;
	(void)stream_input(&f->st, &f->pool, &a); // held back: it might end the message
	(void)stream_input(&f->st, &f->pool, &b);
	assert_true(stream_ahead(&f->st, &f->pool, &b, &act));
	assert_true(stream_is_ahead(&f->st, &f->pool, STREAM_CLIENT, a.seq));
}

static void tiny_islands_take_no_more_slabs_than_the_window_is_worth(void **state)
{
	struct fixture *f = *state;
	f->st.half[STREAM_CLIENT].edge = f->st.half[STREAM_CLIENT].allow = CLIENT_ISN + 1 + 2048;
	for (uint32_t off = 1; off < 2000; off += 2) {
		struct stream_seg a = seg_of(f, STREAM_CLIENT, off, "x");
		(void)stream_input(&f->st, &f->pool, &a);
	}
	assert_true(f->st.half[STREAM_CLIENT].nslabs <= 16 + 2048 / 512);
}

static void what_fills_a_hole_finds_room_when_islands_have_taken_all(void **state)
{
	struct fixture *f = *state;
	char text[STREAM_SLAB_DATA + 1];
	memset(text, 'a', STREAM_SLAB_DATA);
	text[STREAM_SLAB_DATA] = 0;
	for (uint32_t i = 1; i < 30; i++) {
		struct stream_seg island = seg_of(f, STREAM_CLIENT, i * STREAM_SLAB_DATA, text);
		(void)stream_input(&f->st, &f->pool, &island);
	}
	struct stream_seg filler = seg_of(f, STREAM_CLIENT, 0, text);
	assert_int_equal(stream_input(&f->st, &f->pool, &filler), STREAM_IN_OK);
}

static void acknowledging_what_nobody_sent_is_dropped(void **state)
{
	struct fixture *f = *state;
	struct stream_seg ack = seg_of(f, STREAM_SERVER, 0, "");
	ack.ack = CLIENT_ISN + 100000;
	assert_int_equal(stream_input(&f->st, &f->pool, &ack), STREAM_IN_DROP_ACK);
	ack.ack = CLIENT_ISN - 1000000;
	assert_int_equal(stream_input(&f->st, &f->pool, &ack), STREAM_IN_DROP_ACK);
}

static void acknowledging_what_never_left_is_a_bypass(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "held");
	(void)stream_input(&f->st, &f->pool, &a);
	struct stream_seg ack = seg_of(f, STREAM_SERVER, 0, "");
	ack.ack = CLIENT_ISN + 5;
	assert_int_equal(stream_input(&f->st, &f->pool, &ack), STREAM_IN_BYPASSED);
}

static void segments_outside_the_window_are_dropped(void **state)
{
	struct fixture *f = *state;
	struct stream_seg beyond = seg_of(f, STREAM_CLIENT, 70000, "x"),
			  before = seg_of(f, STREAM_CLIENT, 0, "x");
	before.seq -= 200000;
	assert_int_equal(stream_input(&f->st, &f->pool, &beyond), STREAM_IN_DROP_WINDOW);
	assert_int_equal(stream_input(&f->st, &f->pool, &before), STREAM_IN_DROP_WINDOW);
}

static void what_lies_beyond_the_window_is_cut_off(void **state)
{
	struct fixture *f = *state;
	struct stream_half *h = &f->st.half[STREAM_CLIENT];
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcdef");
	h->edge = h->allow = h->una + 4;
	struct stream_act act = pass(f, &a);
	assert_int_equal(act.kind, STREAM_REWRITE);
	assert_bytes(f, &act, "abcd");
}

static void a_probe_of_a_closed_window_makes_the_receiver_speak(void **state)
{
	struct fixture *f = *state;
	struct stream_half *h = &f->st.half[STREAM_CLIENT];
	struct stream_seg probe = seg_of(f, STREAM_CLIENT, 0, "a");
	h->edge = h->allow = h->una;
	struct stream_act act = pass(f, &probe);
	assert_int_equal(act.kind, STREAM_REWRITE);
	assert_int_equal(act.len, 0);
	assert_int_equal(act.seq, h->una - 1);
}

static void a_keep_alive_byte_never_reaches_the_receiver(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd"),
			  alive = seg_of(f, STREAM_CLIENT, 3, "Z");
	(void)pass(f, &a);
	struct stream_seg ack = seg_of(f, STREAM_SERVER, 0, "");
	(void)pass(f, &ack);
	struct stream_act act = pass(f, &alive);
	assert_int_equal(act.kind, STREAM_REWRITE);
	assert_int_equal(act.len, 0);
	assert_int_equal(act.seq, CLIENT_ISN + 4);
}

static void old_timestamps_are_dropped(void **state)
{
	struct fixture *f = *state;
	f->st.ts_on = true;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "ab"),
			  b = seg_of(f, STREAM_CLIENT, 2, "cd");
	a.has_ts = b.has_ts = true;
	a.ts_val = 100;
	b.ts_val = 99;
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
	assert_int_equal(stream_input(&f->st, &f->pool, &b), STREAM_IN_DROP_PAWS);
}

static void a_reset_counts_only_between_last_ack_and_next_byte(void **state)
{
	struct fixture *f = *state;
	struct stream_seg r = seg_of(f, STREAM_CLIENT, 0, "");
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd");
	(void)pass(f, &a);
	r.flags = F_RST;
	assert_int_equal(stream_input(&f->st, &f->pool, &r), STREAM_IN_RST);
	r.seq += 4;
	assert_int_equal(stream_input(&f->st, &f->pool, &r), STREAM_IN_RST);
	r.seq += 1;
	assert_int_equal(stream_input(&f->st, &f->pool, &r), STREAM_IN_RST_ODD);
	r.seq += 100000;
	assert_int_equal(stream_input(&f->st, &f->pool, &r), STREAM_IN_DROP_WINDOW);
}

static void a_fin_waits_for_the_bytes_before_it(void **state)
{
	struct fixture *f = *state;
	struct stream_seg fin = seg_of(f, STREAM_CLIENT, 4, ""),
			  data = seg_of(f, STREAM_CLIENT, 0, "QUIT");
	struct stream_act act;
	fin.flags |= F_FIN;
	enum stream_in in = stream_input(&f->st, &f->pool, &fin);
	stream_release(&f->st, STREAM_CLIENT);
	stream_dispose(&f->st, &f->pool, &fin, in, &act);
	assert_false(act.kind == STREAM_FORWARD || (act.flags & F_FIN));
	act = pass(f, &data);
	assert_int_equal(act.kind, STREAM_REWRITE); // the FIN leaves with the bytes it waited for
	assert_bytes(f, &act, "QUIT");
	assert_true(act.flags & F_FIN);
	assert_false(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1460, f->now_ms, &act));
}

static void bytes_behind_a_fin_are_refused(void **state)
{
	struct fixture *f = *state;
	struct stream_seg fin = seg_of(f, STREAM_CLIENT, 0, "QUIT"),
			  more = seg_of(f, STREAM_CLIENT, 4, "MAIL");
	fin.flags |= F_FIN;
	(void)pass(f, &fin);
	struct stream_act act = pass(f, &more);
	assert_int_equal(act.len, 0);
	assert_int_equal(f->st.half[STREAM_CLIENT].nxt, CLIENT_ISN + 5);
}

static void without_slabs_a_segment_is_dropped_whole(void **state)
{
	struct fixture *f = *state;
	char text[STREAM_SLAB_DATA + 1];
	uint32_t saved = f->pool.nfree;
	memset(text, 'a', STREAM_SLAB_DATA);
	text[STREAM_SLAB_DATA] = 0;
	f->pool.nfree = 0;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, text);
	assert_int_equal(pass(f, &a).kind, STREAM_SWALLOW);
	f->pool.nfree = saved; // now there is one
	assert_int_equal(pass(f, &a).len, STREAM_SLAB_DATA);
}

static void a_syn_ack_with_another_number_is_not_accepted(void **state)
{
	struct fixture *f = *state;
	struct stream_syn syn = {.mss = 1460};
	assert_true(stream_accept(&f->st, SERVER_ISN, CLIENT_ISN + 1, 100, &syn)); // its repeat
	assert_false(stream_accept(&f->st, SERVER_ISN, CLIENT_ISN + 2, 100, &syn));
	struct stream_seg a = seg_of(f, STREAM_SERVER, 0, "220 here\r\n");
	(void)pass(f, &a);
	assert_false(stream_accept(&f->st, SERVER_ISN + 1, CLIENT_ISN + 1, 100, &syn));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(released_in_order_segments_leave_as_they_came),
		CASE(a_repeat_with_other_bytes_leaves_with_the_first_ones),
		CASE(a_repeat_cut_elsewhere_brings_its_new_bytes_only),
		CASE(acknowledged_bytes_are_not_sent_again),
		CASE(held_bytes_do_not_leave_but_their_acknowledgement_does_once),
		CASE(held_bytes_leave_once_their_line_is_whole),
		CASE(a_segment_behind_a_hole_waits_and_leaves_with_what_fills_it),
		CASE(bytes_sent_ahead_are_not_sent_twice),
		CASE(a_segment_cut_at_a_fin_never_counts_as_wholly_retained),
		CASE(a_segment_cut_at_the_window_never_counts_as_wholly_retained),
		CASE(an_edit_leaves_with_every_repeat),
		CASE(islands_of_two_segments_leave_ahead_one_by_one),
		CASE(tiny_islands_take_no_more_slabs_than_the_window_is_worth),
		CASE(what_fills_a_hole_finds_room_when_islands_have_taken_all),
		CASE(acknowledging_what_nobody_sent_is_dropped),
		CASE(acknowledging_what_never_left_is_a_bypass),
		CASE(segments_outside_the_window_are_dropped),
		CASE(what_lies_beyond_the_window_is_cut_off),
		CASE(a_probe_of_a_closed_window_makes_the_receiver_speak),
		CASE(a_keep_alive_byte_never_reaches_the_receiver),
		CASE(old_timestamps_are_dropped),
		CASE(a_reset_counts_only_between_last_ack_and_next_byte),
		CASE(a_fin_waits_for_the_bytes_before_it),
		CASE(bytes_behind_a_fin_are_refused),
		CASE(without_slabs_a_segment_is_dropped_whole),
		CASE(a_syn_ack_with_another_number_is_not_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
