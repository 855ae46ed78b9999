// SPDX-License-Identifier: BSD-3-Clause
// What becomes of a segment on its way out: as it came, rewritten, empty, or nothing; its flags,
// numbers and window in each case, and what our own segments carry.
#include "stream_fixture.h"

enum { F_URG = 32 };

static struct stream_act dispose(struct fixture *f, struct stream_seg *seg)
{
	struct stream_act act;
	enum stream_in in = stream_input(&f->st, &f->pool, seg);
	stream_dispose(&f->st, &f->pool, seg, in, &act);
	return act;
}

static void flags_of_a_whole_segment_leave_with_it(void **state)
{
	static const struct {
		uint8_t in, out;
		uint8_t kind;
	} rows[] = {
		{F_ACK, F_ACK, STREAM_FORWARD},
		{F_ACK | F_PSH, F_ACK | F_PSH, STREAM_FORWARD},
		{F_ACK | F_URG, F_ACK, STREAM_REWRITE}, // urgent data is text like any other
		{F_ACK | F_FIN, F_ACK | F_FIN, STREAM_FORWARD},
		{F_ACK | F_FIN | F_URG | F_PSH, F_ACK | F_FIN | F_PSH, STREAM_REWRITE},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f = *state;
		stream_close(&f->st, &f->pool);
		free(f->slabs);
		fixture_open_at(f, CLIENT_ISN, SERVER_ISN);
		struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd");
		a.flags = rows[i].in;
		struct stream_act act = pass(f, &a);
		assert_int_equal(act.kind, rows[i].kind);
		assert_int_equal(act.flags, rows[i].out);
		assert_int_equal(act.side, STREAM_CLIENT);
		assert_int_equal(act.seq, CLIENT_ISN + 1);
		assert_int_equal(act.ack, a.ack);
		assert_int_equal(act.window, a.window);
		assert_int_equal(act.len, 4);
		assert_int_equal(f->st.half[STREAM_CLIENT].fin_sent, (rows[i].in & F_FIN) != 0);
	}
}

static void an_empty_segment_leaves_as_it_came_but_never_beyond_what_left(void **state)
{
	static const struct {
		uint32_t off;
		uint8_t flags, kind, out;
		uint32_t seq;
	} rows[] = {
		{4, F_ACK, STREAM_FORWARD, F_ACK, 4},
		{2, F_ACK, STREAM_FORWARD, F_ACK, 2},
		{0, F_ACK, STREAM_FORWARD, F_ACK, 0},
		{5, F_ACK, STREAM_REWRITE, F_ACK, 4},
		{4, F_ACK | F_URG, STREAM_REWRITE, F_ACK, 4},
		{4, F_ACK | F_PSH, STREAM_FORWARD, F_ACK, 4},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f = *state;
		stream_close(&f->st, &f->pool);
		free(f->slabs);
		fixture_open_at(f, CLIENT_ISN, SERVER_ISN);
		struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd"),
				  e = seg_of(f, STREAM_CLIENT, rows[i].off, "");
		(void)pass(f, &a);
		e.flags = rows[i].flags;
		struct stream_act act = dispose(f, &e);
		assert_int_equal(act.kind, rows[i].kind);
		assert_int_equal(act.flags, rows[i].out);
		assert_int_equal(act.seq, CLIENT_ISN + 1 + rows[i].seq);
		assert_int_equal(act.len, 0);
	}
}

static void behind_a_fin_an_empty_segment_counts_it(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "QUIT"),
			  e = seg_of(f, STREAM_CLIENT, 5, "");
	a.flags |= F_FIN;
	(void)pass(f, &a);
	struct stream_act act = dispose(f, &e);
	assert_int_equal(act.kind, STREAM_FORWARD);
	assert_int_equal(act.seq, CLIENT_ISN + 1 + 5);
	e.seq++;
	act = dispose(f, &e);
	assert_int_equal(act.kind, STREAM_REWRITE);
	assert_int_equal(act.seq, CLIENT_ISN + 1 + 5);
}

static void a_fin_by_itself_leaves_where_all_before_it_left(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "QUIT"),
			  fin = seg_of(f, STREAM_CLIENT, 4, "");
	fin.flags |= F_FIN | F_URG;
	(void)pass(f, &a);
	struct stream_act act = pass(f, &fin);
	assert_int_equal(act.kind, STREAM_FORWARD);
	assert_int_equal(act.flags, F_ACK | F_FIN);
	assert_int_equal(act.seq, CLIENT_ISN + 1 + 4);
	assert_true(f->st.half[STREAM_CLIENT].fin_sent);
	act = pass(f, &fin); // again, until it is acknowledged
	assert_int_equal(act.kind, STREAM_FORWARD);
	struct stream_seg ack = seg_of(f, STREAM_SERVER, 0, "");
	ack.ack++;
	assert_int_equal(ack.ack, CLIENT_ISN + 1 + 5);
	assert_int_equal(stream_input(&f->st, &f->pool, &ack), STREAM_IN_OK);
	assert_true(f->st.half[STREAM_CLIENT].fin_acked);
}

static void a_fin_whose_bytes_are_held_is_held_too(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "QUIT"),
			  fin = seg_of(f, STREAM_CLIENT, 4, "");
	struct stream_act act;
	fin.flags |= F_FIN;
	(void)dispose(f, &a); // not released
	stream_consume(&f->st, STREAM_CLIENT, 4);
	act = dispose(f, &fin);
	assert_false(act.flags & F_FIN);
	assert_false(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1000, 0, &act));
	stream_release(&f->st, STREAM_CLIENT);
	assert_false(
		stream_next(&f->st, &f->pool, STREAM_CLIENT, true, CLIENT_ISN + 1, 1000, 0, &act));
	assert_true(
		stream_next(&f->st, &f->pool, STREAM_CLIENT, true, CLIENT_ISN + 3, 1000, 0, &act));
	assert_bytes(f, &act, "QU");
	assert_false(act.flags & F_FIN);
	assert_true(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1000, 0, &act));
	assert_bytes(f, &act, "IT");
	assert_true(act.flags & F_FIN);
	assert_false(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1000, 0, &act));
}

// What an edit made longer than the receiver's window waits there, and the end behind it.
static void a_fin_by_itself_waits_for_a_text_that_the_window_holds_back(void **state)
{
	struct fixture *f = *state;
	struct stream_half *server = &f->st.half[STREAM_SERVER];
	struct stream_seg a = seg_of(f, STREAM_SERVER, 0, "221 bye\r\n"),
			  fin = seg_of(f, STREAM_SERVER, 9, "");
	struct stream_act act;
	bool ack;
	fin.flags |= F_FIN;
	server->edge = server->allow = server->una + 9;
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
	stream_consume(&f->st, STREAM_SERVER, 9);
	assert_int_equal(stream_replace(&f->st, &f->pool, STREAM_SERVER, SERVER_ISN + 1, 9,
				 span_str("421 not now\r\n"), &ack),
		0);
	stream_release(&f->st, STREAM_SERVER);
	assert_true(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 1000, 0, &act));
	assert_bytes(f, &act, "421 not n");
	act = pass(f, &fin);
	assert_false(act.flags & F_FIN);
	struct stream_seg more = seg_of(f, STREAM_CLIENT, 0, "");
	(void)pass(f, &more);
	assert_true(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 1000, 0, &act));
	assert_bytes(f, &act, "ow\r\n");
	assert_true(act.flags & F_FIN);
}

static void a_fin_alone_is_sent_unbounded_only(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;
	stream_cut(&f->st, &f->pool);
	stream_hang_up(&f->st);
	assert_false(
		stream_next(&f->st, &f->pool, STREAM_SERVER, true, SERVER_ISN + 1, 1000, 0, &act));
	assert_true(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 1000, 0, &act));
	assert_int_equal(act.kind, STREAM_SEND);
	assert_int_equal(act.flags, F_ACK | F_FIN);
	assert_int_equal(act.len, 0);
	assert_int_equal(act.seq, SERVER_ISN + 1);
}

static void an_acknowledgement_of_held_bytes_goes_on_where_it_is_new(void **state)
{
	static const struct {
		int ack, window; // differ from the last by this much
		uint8_t kind;
	} rows[] = {{0, 0, STREAM_SWALLOW}, {-1, 0, STREAM_REWRITE}, {0, 1, STREAM_REWRITE}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f = *state;
		stream_close(&f->st, &f->pool);
		free(f->slabs);
		fixture_open_at(f, CLIENT_ISN, SERVER_ISN);
		struct stream_seg banner = seg_of(f, STREAM_SERVER, 0, "220 hello\r\n");
		(void)pass(f, &banner);
		struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "MAIL"),
				  more = seg_of(f, STREAM_CLIENT, 4, " FRO");
		a.flags |= F_PSH | F_URG;
		struct stream_act act = dispose(f, &a);
		assert_int_equal(act.kind, STREAM_REWRITE);
		assert_int_equal(act.flags, F_ACK);
		assert_int_equal(act.ack, SERVER_ISN + 1 + 11);
		assert_int_equal(act.seq, CLIENT_ISN + 1);
		more.ack += (uint32_t)rows[i].ack;
		more.window = (uint16_t)(more.window + rows[i].window);
		act = dispose(f, &more);
		assert_int_equal(act.kind, rows[i].kind);
		assert_int_equal(act.len, 0);
	}
}

static void an_acknowledgement_that_left_with_bytes_does_not_leave_again(void **state)
{
	struct fixture *f = *state;
	struct stream_seg reply = seg_of(f, STREAM_SERVER, 0, "250-part"),
			  a = seg_of(f, STREAM_CLIENT, 0, "QU"),
			  b = seg_of(f, STREAM_CLIENT, 2, "IT");
	struct stream_act act;
	(void)dispose(f, &a);
	assert_int_equal(stream_input(&f->st, &f->pool, &reply), STREAM_IN_OK);
	assert_true(stream_take(&f->st, &f->pool, STREAM_SERVER, &act));
	stream_consume(&f->st, STREAM_CLIENT, 2);
	stream_release(&f->st, STREAM_CLIENT);
	assert_true(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1000, 0, &act));
	assert_bytes(f, &act, "QU");
	assert_int_equal(act.ack, SERVER_ISN + 1 + 8);
	act = dispose(f, &b); // held, and what it acknowledges is known
	assert_int_equal(act.kind, STREAM_SWALLOW);
}

static void an_old_segment_leaves_empty_before_the_window(void **state)
{
	static const struct {
		int64_t off, seq;
		const char *text;
	} rows[] = {{0, 0, "abcd"}, {2, 2, "c"}, {3, 3, ""}, {3, 3, "d"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f = *state;
		stream_close(&f->st, &f->pool);
		free(f->slabs);
		fixture_open_at(f, CLIENT_ISN, SERVER_ISN);
		struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd");
		(void)pass(f, &a);
		struct stream_seg ack = seg_of(f, STREAM_SERVER, 0, "");
		(void)pass(f, &ack);
		struct stream_seg old =
			seg_of(f, STREAM_CLIENT, (uint32_t)rows[i].off, rows[i].text);
		old.flags |= F_PSH;
		struct stream_act act = dispose(f, &old);
		assert_int_equal(act.kind, STREAM_REWRITE);
		assert_int_equal(act.flags, F_ACK);
		assert_int_equal(act.len, 0);
		assert_int_equal(act.seq, CLIENT_ISN + 1 + rows[i].seq);
	}
}

static void what_is_dropped_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd");
	struct stream_act act;
	for (int in = 0; in < STREAM_IN_COUNT; in++) {
		if (in == STREAM_IN_OK || in == STREAM_IN_OLD || in == STREAM_IN_ORDER_WAIT)
			continue;
		act.kind = STREAM_FORWARD;
		stream_dispose(&f->st, &f->pool, &a, (enum stream_in)in, &act);
		assert_int_equal(act.kind, STREAM_SWALLOW);
	}
}

static void our_segments_are_cut_and_carry_what_the_side_would_say(void **state)
{
	struct fixture *f = *state;
	struct stream_seg banner = seg_of(f, STREAM_SERVER, 0, "220 hello\r\n");
	struct stream_act act;
	(void)pass(f, &banner);
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "0123456789");
	a.window = 300;
	(void)stream_input(&f->st, &f->pool, &a);
	stream_consume(&f->st, STREAM_CLIENT, 8);
	stream_release(&f->st, STREAM_CLIENT);
	static const char *const pieces[] = {"012", "345", "67"};
	for (size_t i = 0; i < 3; i++) {
		assert_true(
			stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 3, f->now_ms, &act));
		assert_int_equal(act.kind, STREAM_SEND);
		assert_int_equal(act.side, STREAM_CLIENT);
		assert_int_equal(act.flags, F_ACK | F_PSH);
		assert_int_equal(act.seq, CLIENT_ISN + 1 + 3 * i);
		assert_int_equal(act.ack, SERVER_ISN + 1 + 11);
		assert_bytes(f, &act, pieces[i]);
		assert_false(act.repeat);
	}
	assert_false(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 3, f->now_ms, &act));
}

static void our_window_is_what_the_receiver_gave_the_sender(void **state)
{
	static const struct {
		uint32_t allowed;
		uint16_t window;
	} rows[] = {{0, 0}, {127, 0}, {128, 1}, {255, 1}, {65160, 509}, {65535 * 128, 65535},
		{65536 * 128, 65535}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f = *state;
		struct stream_half *s = &f->st.half[STREAM_SERVER];
		struct stream_act act[2];
		s->edge = s->allow = s->una + rows[i].allowed;
		stream_ack(&f->st, &f->pool, STREAM_SERVER, &act[0]);
		assert_int_equal(act[0].window, rows[i].window);
		assert_int_equal(act[0].side, STREAM_CLIENT);
		assert_int_equal(act[0].ack, SERVER_ISN + 1);
		assert_int_equal(act[0].seq, CLIENT_ISN + 1);
	}
}

static void a_reset_of_ours_says_nothing_of_a_window(void **state)
{
	struct fixture *f = *state;
	struct stream_act act[2];
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd");
	a.flags |= F_FIN;
	(void)pass(f, &a);
	assert_int_equal(stream_reset(&f->st, &f->pool, STREAM_CLIENT, act), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(act[i].kind, STREAM_SEND);
		assert_int_equal(act[i].side, STREAM_CLIENT);
		assert_int_equal(act[i].flags, F_RST | F_ACK);
		assert_int_equal(act[i].window, 0);
		assert_int_equal(act[i].ack, SERVER_ISN + 1);
	}
	assert_int_equal(act[0].seq, CLIENT_ISN + 1 + 5); // behind the FIN
	assert_int_equal(act[1].seq, CLIENT_ISN + 1);
}

static void in_custody_a_number_and_window_agree(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "0123456789");
	struct stream_act act;
	(void)stream_input(&f->st, &f->pool, &a);
	assert_true(stream_take(&f->st, &f->pool, STREAM_CLIENT, &act));
	static const struct {
		uint32_t ack, out;
		uint8_t kind;
	} rows[] = {{0, 10, STREAM_REWRITE}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stream_seg b = seg_of(f, STREAM_SERVER, 0, "");
		b.ack = CLIENT_ISN + 1 + rows[i].ack;
		act = dispose(f, &b);
		assert_int_equal(act.kind, rows[i].kind);
		assert_int_equal(act.ack, CLIENT_ISN + 1 + rows[i].out);
		assert_int_equal(act.window, (f->st.half[STREAM_CLIENT].allow - act.ack) >> 7);
	}
	// What the server has, it may say itself.
	stream_consume(&f->st, STREAM_CLIENT, 10);
	stream_release(&f->st, STREAM_CLIENT);
	assert_true(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1000, 0, &act));
	struct stream_seg b = seg_of(f, STREAM_SERVER, 0, "");
	act = dispose(f, &b);
	assert_int_equal(act.kind, STREAM_FORWARD);
	assert_int_equal(act.ack, CLIENT_ISN + 1 + 10);
}

static void only_what_is_retained_as_it_came_leaves_ahead(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 4, "efgh"),
			  over = seg_of(f, STREAM_CLIENT, 2, "cdEF"),
			  again = seg_of(f, STREAM_CLIENT, 4, "efgh");
	struct stream_act act;
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_ORDER_WAIT);
	assert_true(stream_ahead(&f->st, &f->pool, &a, &act));
	assert_int_equal(act.kind, STREAM_FORWARD);
	assert_int_equal(act.side, STREAM_CLIENT);
	assert_int_equal(act.flags, F_ACK);
	assert_int_equal(act.seq, CLIENT_ISN + 1 + 4);
	assert_int_equal(act.len, 4);
	assert_int_equal(act.ack, a.ack);
	assert_int_equal(act.window, a.window);
	(void)stream_input(&f->st, &f->pool, &over);
	assert_false(stream_ahead(&f->st, &f->pool, &over, &act));
	(void)stream_input(&f->st, &f->pool, &again);
	assert_false(stream_ahead(&f->st, &f->pool, &again, &act));
}

static void what_left_ahead_leaves_again_when_its_sender_repeats_it(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 4, "e"),
			  b = seg_of(f, STREAM_CLIENT, 6, "g"),
			  none = seg_of(f, STREAM_CLIENT, 4, "");
	struct stream_act act;

	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_ORDER_WAIT);
	assert_true(stream_ahead(&f->st, &f->pool, &a, &act));
	assert_int_equal(stream_input(&f->st, &f->pool, &b), STREAM_IN_ORDER_WAIT); // is held
	(void)stream_input(&f->st, &f->pool, &a);
	assert_true(stream_ahead_again(&f->st, &f->pool, &a, &act));
	assert_int_equal(act.kind, STREAM_REWRITE);
	assert_int_equal(act.seq, CLIENT_ISN + 1 + 4);
	assert_bytes(f, &act, "e");
	(void)stream_input(&f->st, &f->pool, &b);
	assert_false(stream_ahead_again(&f->st, &f->pool, &b, &act));
	(void)stream_input(&f->st, &f->pool, &none);
	assert_false(stream_ahead_again(&f->st, &f->pool, &none, &act));
}

static void what_shares_a_slab_with_bytes_that_are_held_never_leaves_ahead(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abc"),
			  b = seg_of(f, STREAM_CLIENT, 3, "def");
	struct stream_act act;
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
	assert_int_equal(stream_input(&f->st, &f->pool, &b), STREAM_IN_OK);
	assert_false(stream_ahead(&f->st, &f->pool, &b, &act));
	stream_consume(&f->st, STREAM_CLIENT, 6);
	stream_release(&f->st, STREAM_CLIENT);
	assert_true(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1000, 0, &act));
	assert_bytes(f, &act, "abcdef");
}

static void what_left_ahead_is_skipped_to_its_end(void **state)
{
	struct fixture *f = *state;
	struct stream_seg b = seg_of(f, STREAM_CLIENT, 3, "def"),
			  d = seg_of(f, STREAM_CLIENT, 8, "ij"),
			  rest = seg_of(f, STREAM_CLIENT, 0, "abcXXXgh");
	struct stream_act act;
	(void)stream_input(&f->st, &f->pool, &b);
	assert_true(stream_ahead(&f->st, &f->pool, &b, &act));
	(void)stream_input(&f->st, &f->pool, &d);
	assert_true(stream_ahead(&f->st, &f->pool, &d, &act));
	assert_int_equal(stream_input(&f->st, &f->pool, &rest), STREAM_IN_OK);
	assert_true(stream_is_ahead(&f->st, &f->pool, STREAM_CLIENT, CLIENT_ISN + 1 + 9));
	assert_false(stream_is_ahead(&f->st, &f->pool, STREAM_CLIENT, CLIENT_ISN + 1 + 10));
	stream_consume(&f->st, STREAM_CLIENT, 10);
	stream_release(&f->st, STREAM_CLIENT);
	assert_true(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1000, 0, &act));
	assert_int_equal(act.seq, CLIENT_ISN + 1);
	assert_bytes(f, &act, "abc");
	assert_true(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1000, 0, &act));
	assert_int_equal(act.seq, CLIENT_ISN + 1 + 6);
	assert_bytes(f, &act, "gh");
	assert_false(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1000, 0, &act));
	assert_int_equal(f->st.half[STREAM_CLIENT].sent, CLIENT_ISN + 1 + 10);
}

static void custody_holds_for_what_leaves_ahead_too(void **state)
{
	struct fixture *f = *state;
	struct stream_seg s = seg_of(f, STREAM_SERVER, 0, "250-part"),
			  a = seg_of(f, STREAM_CLIENT, 4, "efgh");
	struct stream_act act;
	(void)stream_input(&f->st, &f->pool, &s);
	assert_true(stream_take(&f->st, &f->pool, STREAM_SERVER, &act));
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_ORDER_WAIT);
	assert_true(stream_ahead(&f->st, &f->pool, &a, &act));
	assert_int_equal(act.kind, STREAM_REWRITE);
	assert_int_equal(act.ack, SERVER_ISN + 1 + 8);
	assert_int_equal(act.window, (f->st.half[STREAM_SERVER].allow - act.ack) >> 7);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(flags_of_a_whole_segment_leave_with_it),
		CASE(an_empty_segment_leaves_as_it_came_but_never_beyond_what_left),
		CASE(behind_a_fin_an_empty_segment_counts_it),
		CASE(a_fin_by_itself_leaves_where_all_before_it_left),
		CASE(a_fin_whose_bytes_are_held_is_held_too),
		CASE(a_fin_by_itself_waits_for_a_text_that_the_window_holds_back),
		CASE(a_fin_alone_is_sent_unbounded_only),
		CASE(an_acknowledgement_of_held_bytes_goes_on_where_it_is_new),
		CASE(an_acknowledgement_that_left_with_bytes_does_not_leave_again),
		CASE(an_old_segment_leaves_empty_before_the_window),
		CASE(what_is_dropped_leaves_nothing),
		CASE(our_segments_are_cut_and_carry_what_the_side_would_say),
		CASE(our_window_is_what_the_receiver_gave_the_sender),
		CASE(a_reset_of_ours_says_nothing_of_a_window),
		CASE(in_custody_a_number_and_window_agree),
		CASE(only_what_is_retained_as_it_came_leaves_ahead),
		CASE(what_left_ahead_leaves_again_when_its_sender_repeats_it),
		CASE(what_shares_a_slab_with_bytes_that_are_held_never_leaves_ahead),
		CASE(what_left_ahead_is_skipped_to_its_end),
		CASE(custody_holds_for_what_leaves_ahead_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
