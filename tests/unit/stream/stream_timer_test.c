// SPDX-License-Identifier: BSD-3-Clause
// The small sender's clock: when it runs, when it repeats what, how it slows down and gives up.
#include <errno.h>

#include "stream_fixture.h"

// The client's bytes in our custody, released.
static void own(struct fixture *f, const char *text)
{
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, text);
	struct stream_act act;
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
	assert_true(stream_take(&f->st, &f->pool, STREAM_CLIENT, &act));
	stream_consume(&f->st, STREAM_CLIENT, (uint32_t)a.payload.n);
	stream_release(&f->st, STREAM_CLIENT);
}

static bool next(struct fixture *f, enum stream_side side, struct stream_act *act)
{
	return stream_next(&f->st, &f->pool, side, false, 0, 1000, f->now_ms, act);
}

static void acked(struct fixture *f, uint32_t off, uint16_t window)
{
	struct stream_seg ack = seg_of(f, STREAM_SERVER, 0, "");
	ack.ack = CLIENT_ISN + 1 + off;
	ack.window = window;
	ack.now_ms = f->now_ms;
	assert_int_equal(stream_input(&f->st, &f->pool, &ack), STREAM_IN_OK);
}

static void bytes_of_others_run_no_timer(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd");
	struct stream_act act;
	uint32_t at_ms;
	bool dead;
	(void)pass(f, &a);
	assert_false(next(f, STREAM_CLIENT, &act));
	assert_false(stream_deadline(&f->st, STREAM_CLIENT, &at_ms));
	assert_false(stream_timer(&f->st, STREAM_CLIENT, f->now_ms + 1000000, &dead));
	assert_false(dead);
}

static void bytes_in_custody_that_leave_with_their_senders_repeat_run_the_timer(void **state)
{
	struct fixture *f = *state;
	struct stream_seg again = seg_of(f, STREAM_CLIENT, 0, "QUIT\r\n");
	struct stream_act act;
	uint32_t at_ms;
	own(f, "QUIT\r\n");
	assert_false(stream_deadline(&f->st, STREAM_CLIENT, &at_ms));
	act = pass(f, &again);
	assert_bytes(f, &act, "QUIT\r\n");
	assert_true(stream_deadline(&f->st, STREAM_CLIENT, &at_ms));
	assert_int_equal(at_ms - f->now_ms, 1000);
}

static void a_repeat_comes_after_one_second_then_after_twice_as_long_up_to_one_minute(void **state)
{
	static const uint32_t gaps_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
	struct fixture *f = *state;
	struct stream_act act;
	uint32_t at_ms;
	bool dead;
	own(f, "QUIT\r\n");
	assert_true(next(f, STREAM_CLIENT, &act));
	assert_false(act.repeat);
	assert_true(act.flags & F_PSH);
	for (size_t i = 0; i < sizeof(gaps_ms) / sizeof(gaps_ms[0]); i++) {
		assert_true(stream_deadline(&f->st, STREAM_CLIENT, &at_ms));
		assert_int_equal(at_ms - f->now_ms, gaps_ms[i]);
		assert_false(stream_timer(&f->st, STREAM_CLIENT, at_ms - 1, &dead));
		f->now_ms = at_ms;
		assert_true(stream_timer(&f->st, STREAM_CLIENT, at_ms, &dead));
		assert_false(dead);
		assert_true(next(f, STREAM_CLIENT, &act));
		assert_true(act.repeat);
		assert_true(act.flags & F_PSH);
		assert_bytes(f, &act, "QUIT\r\n");
		assert_false(next(f, STREAM_CLIENT, &act)); // once each time
	}
	assert_true(stream_deadline(&f->st, STREAM_CLIENT, &at_ms));
	assert_false(stream_timer(&f->st, STREAM_CLIENT, at_ms, &dead));
	assert_true(dead);
}

static void progress_begins_the_count_anew_and_goes_on_at_once(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;
	uint32_t at_ms;
	bool dead;
	own(f, "0123456789");
	assert_true(next(f, STREAM_CLIENT, &act));
	for (int i = 0; i < 3; i++) {
		assert_true(stream_deadline(&f->st, STREAM_CLIENT, &f->now_ms));
		assert_true(stream_timer(&f->st, STREAM_CLIENT, f->now_ms, &dead));
		assert_true(next(f, STREAM_CLIENT, &act));
	}
	acked(f, 4, 500);
	assert_true(next(f, STREAM_CLIENT, &act)); // what is missing, without a wait
	assert_true(act.repeat);
	assert_bytes(f, &act, "456789");
	assert_true(stream_deadline(&f->st, STREAM_CLIENT, &at_ms));
	assert_int_equal(at_ms - f->now_ms, 1000);
	acked(f, 4, 500); // the same again is no progress
	assert_false(next(f, STREAM_CLIENT, &act));
	acked(f, 7, 500); // and without a loss before it nothing is repeated early
	assert_false(next(f, STREAM_CLIENT, &act));
	acked(f, 10, 500);
	assert_false(stream_deadline(&f->st, STREAM_CLIENT, &at_ms));
	assert_false(next(f, STREAM_CLIENT, &act));
}

static void what_is_sent_once_more_before_the_timer_goes_on_with_the_first_progress(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;
	assert_false(stream_again(&f->st, STREAM_CLIENT)); // nothing is ours
	own(f, "0123456789");
	assert_true(next(f, STREAM_CLIENT, &act));
	assert_true(stream_again(&f->st, STREAM_CLIENT));
	assert_true(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 4, f->now_ms, &act));
	assert_true(act.repeat);
	assert_bytes(f, &act, "0123");
	assert_false(next(f, STREAM_CLIENT, &act));
	acked(f, 4, 500);
	assert_true(next(f, STREAM_CLIENT, &act));
	assert_true(act.repeat);
	assert_bytes(f, &act, "456789");
}

static void an_acknowledgement_puts_the_timer_off(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;
	uint32_t at_ms;
	own(f, "0123456789");
	assert_true(next(f, STREAM_CLIENT, &act));
	f->now_ms += 600;
	acked(f, 0, 500); // nothing new: the timer stays
	assert_true(stream_deadline(&f->st, STREAM_CLIENT, &at_ms));
	assert_int_equal(at_ms - f->now_ms, 400);
	acked(f, 5, 500);
	assert_true(stream_deadline(&f->st, STREAM_CLIENT, &at_ms));
	assert_int_equal(at_ms - f->now_ms, 1000);
}

static void a_closed_window_is_asked_with_one_byte_as_long_as_it_answers(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;
	bool dead;
	uint32_t at_ms;
	struct stream_half *c = &f->st.half[STREAM_CLIENT];
	c->edge = c->allow = c->una;
	c->allow += 100; // told earlier
	own(f, "QUIT\r\n");
	assert_false(next(f, STREAM_CLIENT, &act));
	for (int i = 0; i < 20; i++) {
		assert_true(stream_deadline(&f->st, STREAM_CLIENT, &at_ms));
		f->now_ms = at_ms;
		assert_true(stream_timer(&f->st, STREAM_CLIENT, at_ms, &dead));
		assert_false(dead);
		assert_true(next(f, STREAM_CLIENT, &act));
		assert_int_equal(act.seq, CLIENT_ISN + 1);
		assert_bytes(f, &act, "Q");
		assert_false(next(f, STREAM_CLIENT, &act));
		acked(f, 0, 0); // still closed, but alive
	}
	acked(f, 0, 500);
	assert_true(next(f, STREAM_CLIENT, &act));
	assert_int_equal(act.seq, CLIENT_ISN + 2);
	assert_bytes(f, &act, "UIT\r\n");
}

static void a_closed_window_that_is_silent_ends_the_connection(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;
	bool dead = false;
	unsigned asked = 0;
	struct stream_half *c = &f->st.half[STREAM_CLIENT];
	c->edge = c->una;
	own(f, "QUIT\r\n");
	assert_false(next(f, STREAM_CLIENT, &act));
	while (!dead && asked < 20) {
		assert_true(stream_deadline(&f->st, STREAM_CLIENT, &f->now_ms));
		if (stream_timer(&f->st, STREAM_CLIENT, f->now_ms, &dead))
			asked += next(f, STREAM_CLIENT, &act);
	}
	assert_int_equal(asked, 8);
}

static void a_long_repeat_is_cut_to_what_a_segment_takes(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;
	bool dead;
	own(f, "0123456789");
	assert_true(next(f, STREAM_CLIENT, &act));
	assert_true(stream_deadline(&f->st, STREAM_CLIENT, &f->now_ms));
	assert_true(stream_timer(&f->st, STREAM_CLIENT, f->now_ms, &dead));
	assert_true(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 4, f->now_ms, &act));
	assert_bytes(f, &act, "0123");
	assert_int_equal(act.seq, CLIENT_ISN + 1);
}

static void our_fin_is_repeated_with_the_bytes_before_it(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;
	bool dead;
	stream_cut(&f->st, &f->pool);
	assert_int_equal(stream_say(&f->st, &f->pool, span_str("221 bye\r\n")), 0);
	stream_hang_up(&f->st);
	stream_hang_up(&f->st); // once is enough
	assert_int_equal(f->st.half[STREAM_SERVER].fin, SERVER_ISN + 1 + 9);
	assert_int_equal(stream_say(&f->st, &f->pool, span_str("late")), -ENOBUFS);
	assert_true(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 4, f->now_ms, &act));
	assert_false(act.flags & F_FIN);
	assert_true(next(f, STREAM_SERVER, &act));
	assert_true(act.flags & F_FIN);
	assert_int_equal(act.len, 5);
	assert_false(next(f, STREAM_SERVER, &act));
	assert_true(stream_deadline(&f->st, STREAM_SERVER, &f->now_ms));
	assert_true(stream_timer(&f->st, STREAM_SERVER, f->now_ms, &dead));
	assert_true(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 4, f->now_ms, &act));
	assert_false(act.flags & F_FIN); // a part only
	assert_true(stream_deadline(&f->st, STREAM_SERVER, &f->now_ms));
	assert_true(stream_timer(&f->st, STREAM_SERVER, f->now_ms, &dead));
	assert_true(next(f, STREAM_SERVER, &act));
	assert_true(act.flags & F_FIN);
	assert_bytes(f, &act, "221 bye\r\n");
	assert_false(stream_is_drained(&f->st));
	struct stream_seg ack = seg_of(f, STREAM_CLIENT, 0, "");
	ack.ack = SERVER_ISN + 1 + 10;
	assert_int_equal(stream_input(&f->st, &f->pool, &ack), STREAM_IN_OK);
	assert_true(stream_is_drained(&f->st));
	assert_false(stream_deadline(&f->st, STREAM_SERVER, &f->now_ms));
}

static void a_fin_that_alone_is_missing_waits_for_the_timer(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;
	uint32_t at_ms;
	bool dead;

	stream_cut(&f->st, &f->pool);
	assert_int_equal(stream_say(&f->st, &f->pool, span_str("221 bye\r\n")), 0);
	stream_hang_up(&f->st);
	assert_true(next(f, STREAM_SERVER, &act));
	assert_true(stream_deadline(&f->st, STREAM_SERVER, &f->now_ms));
	assert_true(stream_timer(&f->st, STREAM_SERVER, f->now_ms, &dead));
	assert_true(next(f, STREAM_SERVER, &act));
	struct stream_seg ack = seg_of(f, STREAM_CLIENT, 0, "");
	ack.ack = SERVER_ISN + 1 + 9; // all but the FIN
	assert_int_equal(stream_input(&f->st, &f->pool, &ack), STREAM_IN_OK);
	assert_false(next(f, STREAM_SERVER, &act)); // it may be on its way
	assert_true(stream_deadline(&f->st, STREAM_SERVER, &at_ms));
	assert_true(stream_timer(&f->st, STREAM_SERVER, at_ms, &dead));
	assert_true(next(f, STREAM_SERVER, &act));
	assert_true(act.flags & F_FIN);
	assert_int_equal(act.len, 0);
}

static void an_end_that_is_waited_for_runs_the_timer_on_our_side_only(void **state)
{
	struct fixture *f = *state;
	struct stream_seg fin = seg_of(f, STREAM_SERVER, 0, "");
	uint32_t at_ms;
	fin.flags |= F_FIN;
	(void)pass(f, &fin); // the server's own FIN: it repeats it itself
	assert_false(stream_deadline(&f->st, STREAM_SERVER, &at_ms));
}

static void without_a_fin_what_was_said_is_drained_once_it_is_acknowledged(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;
	stream_cut(&f->st, &f->pool);
	assert_true(stream_is_drained(&f->st));
	assert_int_equal(stream_say(&f->st, &f->pool, span_str("421 no\r\n")), 0);
	assert_false(stream_is_drained(&f->st));
	assert_true(next(f, STREAM_SERVER, &act));
	assert_false(stream_is_drained(&f->st));
	struct stream_seg ack = seg_of(f, STREAM_CLIENT, 0, "");
	ack.ack = SERVER_ISN + 1 + 7;
	assert_int_equal(stream_input(&f->st, &f->pool, &ack), STREAM_IN_OK);
	assert_false(stream_is_drained(&f->st));
	ack.ack++;
	assert_int_equal(stream_input(&f->st, &f->pool, &ack), STREAM_IN_OK);
	assert_true(stream_is_drained(&f->st));
}

static void after_a_cut_the_clients_own_bytes_are_nobodys(void **state)
{
	struct fixture *f = *state;
	struct stream_seg body = seg_of(f, STREAM_CLIENT, 9, "spam\r\n.\r\n");
	struct stream_act act;
	uint32_t at_ms;
	own(f, "in custod");
	assert_true(next(f, STREAM_CLIENT, &act));
	stream_cut(&f->st, &f->pool);
	assert_int_equal(stream_input(&f->st, &f->pool, &body), STREAM_IN_OK);
	stream_consume(&f->st, STREAM_CLIENT, 9);
	assert_true(stream_take(&f->st, &f->pool, STREAM_CLIENT, &act));
	assert_int_equal(act.ack, CLIENT_ISN + 1 + 18);
	stream_discard(&f->st, &f->pool);
	assert_false(stream_deadline(&f->st, STREAM_CLIENT, &at_ms));
	assert_int_equal(f->pool.nfree, POOL);
	assert_int_equal(f->st.half[STREAM_CLIENT].una, CLIENT_ISN + 1 + 18);
	assert_int_equal(f->st.half[STREAM_CLIENT].sent, CLIENT_ISN + 1 + 18);
	assert_int_equal(f->st.half[STREAM_CLIENT].rel, CLIENT_ISN + 1 + 18);
	assert_false(next(f, STREAM_CLIENT, &act));
}

static void after_a_cut_the_client_may_send_the_rest(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;
	struct stream_half *c = &f->st.half[STREAM_CLIENT];
	struct stream_seg body = seg_of(f, STREAM_CLIENT, 0, "spam");
	(void)pass(f, &body);
	stream_cut(&f->st, &f->pool);
	c->edge = c->allow = c->nxt;
	(void)stream_take(&f->st, &f->pool, STREAM_CLIENT, &act);
	assert_int_equal(c->edge, c->nxt + 65535);
	assert_int_equal(c->allow, c->nxt + 65535);
	assert_int_equal(act.window, 65535 >> 7);
}

static void the_clients_fin_is_acknowledged_by_who_takes_the_servers_place(void **state)
{
	struct fixture *f = *state;
	struct stream_seg fin = seg_of(f, STREAM_CLIENT, 0, "QUIT\r\n");
	struct stream_act act;
	fin.flags |= F_FIN;
	assert_int_equal(stream_input(&f->st, &f->pool, &fin), STREAM_IN_OK);
	assert_true(stream_take(&f->st, &f->pool, STREAM_CLIENT, &act));
	assert_int_equal(act.ack, CLIENT_ISN + 1 + 6); // the server would have to say more
	stream_cut(&f->st, &f->pool);
	(void)stream_take(&f->st, &f->pool, STREAM_CLIENT, &act);
	assert_int_equal(act.ack, CLIENT_ISN + 1 + 7);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(bytes_of_others_run_no_timer),
		CASE(bytes_in_custody_that_leave_with_their_senders_repeat_run_the_timer),
		CASE(a_repeat_comes_after_one_second_then_after_twice_as_long_up_to_one_minute),
		CASE(progress_begins_the_count_anew_and_goes_on_at_once),
		CASE(what_is_sent_once_more_before_the_timer_goes_on_with_the_first_progress),
		CASE(an_acknowledgement_puts_the_timer_off),
		CASE(a_closed_window_is_asked_with_one_byte_as_long_as_it_answers),
		CASE(a_closed_window_that_is_silent_ends_the_connection),
		CASE(a_long_repeat_is_cut_to_what_a_segment_takes),
		CASE(our_fin_is_repeated_with_the_bytes_before_it),
		CASE(a_fin_that_alone_is_missing_waits_for_the_timer),
		CASE(an_end_that_is_waited_for_runs_the_timer_on_our_side_only),
		CASE(without_a_fin_what_was_said_is_drained_once_it_is_acknowledged),
		CASE(after_a_cut_the_clients_own_bytes_are_nobodys),
		CASE(after_a_cut_the_client_may_send_the_rest),
		CASE(the_clients_fin_is_acknowledged_by_who_takes_the_servers_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
