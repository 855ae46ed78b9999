// SPDX-License-Identifier: BSD-3-Clause
// The small sender: custody, repeats by our timer, cut, answers in the server's name.
#include "stream_fixture.h"

static void custody_acknowledges_held_bytes_and_keeps_the_right_edge(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "QU");
	struct stream_act act;
	(void)stream_input(&f->st, &f->pool, &a);
	assert_true(stream_take(&f->st, &f->pool, STREAM_CLIENT, &act));
	assert_int_equal(act.side, STREAM_SERVER);
	assert_int_equal(act.seq, SERVER_ISN + 1);
	assert_int_equal(act.ack, CLIENT_ISN + 3);
	assert_int_equal(act.ack + ((uint32_t)act.window << 7),
		(CLIENT_ISN + 1 + 65160 - act.ack) / 128 * 128 + act.ack);
	assert_false(stream_take(&f->st, &f->pool, STREAM_CLIENT, &act)); // nothing new
}

static void a_cut_leaves_us_to_repeat_what_the_client_has_not_acknowledged(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_SERVER, 0, "250 ok\r\n");
	struct stream_act act;
	uint32_t at_ms;
	bool dead;

	(void)pass(f, &a);
	stream_cut(&f->st, &f->pool);
	assert_false(stream_next(
		&f->st, &f->pool, STREAM_SERVER, false, 0, 1460, f->now_ms, &act)); // it has left
	assert_true(stream_deadline(&f->st, STREAM_SERVER, &at_ms));
	assert_true(stream_timer(&f->st, STREAM_SERVER, at_ms, &dead));
	assert_true(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 1460, at_ms, &act));
	assert_true(act.repeat);
	assert_bytes(f, &act, "250 ok\r\n");
}

// The receiver's window shift is 7: less than 128 bytes of it can't be told.
static void a_window_of_ours_is_lent_where_none_can_be_told_any_more(void **state)
{
	enum { UNIT = 128 };

	(void)state;
	for (uint32_t left = UNIT - 2; left <= UNIT + 1; left++) {
		struct fixture f = {0};
		struct stream_act act;

		fixture_open_at(&f, CLIENT_ISN, SERVER_ISN);
		struct stream_half *h = &f.st.half[STREAM_CLIENT];
		struct stream_seg a = seg_of(&f, STREAM_CLIENT, 0, "QU");
		(void)stream_input(&f.st, &f.pool, &a);
		h->edge = h->allow = h->nxt + left;
		assert_true(stream_take(&f.st, &f.pool, STREAM_CLIENT, &act));
		if (left >= UNIT)
			assert_int_equal(act.window, 1);
		else
			assert_true(act.window > 1);
		assert_int_equal(h->allow == h->edge, left >= UNIT);
		stream_close(&f.st, &f.pool);
		free(f.slabs);
	}
}

static void behind_custody_the_servers_acknowledgements_never_go_back(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "QU");
	struct stream_act act;
	(void)stream_input(&f->st, &f->pool, &a);
	(void)stream_take(&f->st, &f->pool, STREAM_CLIENT, &act);
	struct stream_seg late = seg_of(f, STREAM_SERVER, 0, "220 late\r\n");
	late.ack = CLIENT_ISN + 1;
	act = pass(f, &late);
	assert_int_equal(act.kind, STREAM_REWRITE);
	assert_int_equal(act.ack, CLIENT_ISN + 3);
	assert_bytes(f, &act, "220 late\r\n");
}

static void bytes_in_custody_are_repeated_until_acknowledged(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "QUIT\r\n");
	struct stream_act act;
	uint32_t at_ms;
	bool dead;
	(void)stream_input(&f->st, &f->pool, &a);
	(void)stream_take(&f->st, &f->pool, STREAM_CLIENT, &act);
	stream_consume(&f->st, STREAM_CLIENT, 6);
	stream_release(&f->st, STREAM_CLIENT);
	assert_true(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1460, f->now_ms, &act));
	assert_true(stream_deadline(&f->st, STREAM_CLIENT, &at_ms));
	assert_false(stream_timer(&f->st, STREAM_CLIENT, at_ms - 1, &dead));
	assert_true(stream_timer(&f->st, STREAM_CLIENT, at_ms, &dead));
	assert_true(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1460, at_ms, &act));
	assert_true(act.repeat);
	assert_bytes(f, &act, "QUIT\r\n");
	struct stream_seg ack = seg_of(f, STREAM_SERVER, 0, "");
	(void)pass(f, &ack);
	assert_false(stream_deadline(&f->st, STREAM_CLIENT, &at_ms));
}

static void bytes_in_custody_that_are_held_start_no_timer(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "QU"),
			  keep_alive = seg_of(f, STREAM_CLIENT, 1, "U");
	struct stream_act act;
	uint32_t at_ms;
	(void)stream_input(&f->st, &f->pool, &a);
	(void)stream_take(&f->st, &f->pool, STREAM_CLIENT, &act);
	enum stream_in in = stream_input(&f->st, &f->pool, &keep_alive);
	stream_dispose(&f->st, &f->pool, &keep_alive, in, &act);
	assert_false(stream_deadline(&f->st, STREAM_CLIENT, &at_ms));
	stream_consume(&f->st, STREAM_CLIENT, 2);
	stream_release(&f->st, STREAM_CLIENT);
	assert_true(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1460, f->now_ms, &act));
	assert_true(stream_deadline(&f->st, STREAM_CLIENT, &at_ms));
}

static void a_line_longer_than_the_receivers_window_gets_a_window_of_ours(void **state)
{
	struct fixture *f = *state;
	struct stream_half *h = &f->st.half[STREAM_CLIENT];
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "EHLO"),
			  b = seg_of(f, STREAM_CLIENT, 4, " me\r\n");
	struct stream_act act;
	h->edge = h->allow = h->una + 4; // the server takes four bytes
	(void)stream_input(&f->st, &f->pool, &a);
	assert_true(stream_take(&f->st, &f->pool, STREAM_CLIENT, &act));
	assert_int_equal(act.window, (4096 - 0) >> 7); // of ours
	assert_int_equal(stream_input(&f->st, &f->pool, &b), STREAM_IN_OK);
	assert_int_equal(h->nxt, CLIENT_ISN + 1 + 9);
	stream_consume(&f->st, STREAM_CLIENT, 9);
	stream_release(&f->st, STREAM_CLIENT);
	assert_true(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1460, f->now_ms, &act));
	assert_bytes(f, &act, "EHLO"); // the server's window holds
	assert_false(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1460, f->now_ms, &act));
	struct stream_seg ack = seg_of(f, STREAM_SERVER, 0, "");
	ack.window = 4;
	(void)pass(f, &ack);
	assert_true(stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1460, f->now_ms, &act));
	assert_bytes(f, &act, " me\r\n");
	(void)stream_take(&f->st, &f->pool, STREAM_CLIENT, &act);
	assert_true(h->allow - h->edge <= 4096); // not more, however often
}

static void repeats_back_off_and_end(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;
	uint32_t at_ms, last_ms = f->now_ms, gap_ms = 0;
	bool dead = false;
	stream_cut(&f->st, &f->pool);
	assert_int_equal(stream_say(&f->st, &f->pool, span_str("550 no\r\n")), 0);
	assert_true(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 512, f->now_ms, &act));
	unsigned repeats = 0;
	while (!dead) {
		assert_true(stream_deadline(&f->st, STREAM_SERVER, &at_ms));
		assert_true(at_ms - last_ms >= gap_ms);
		gap_ms = at_ms - last_ms;
		last_ms = at_ms;
		if (stream_timer(&f->st, STREAM_SERVER, at_ms, &dead)) {
			assert_true(stream_next(
				&f->st, &f->pool, STREAM_SERVER, false, 0, 512, at_ms, &act));
			repeats++;
		}
		assert_true(repeats < 20);
	}
	assert_int_equal(repeats, 8);
}

static void a_cut_resets_the_server_at_both_numbers(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd");
	struct stream_act act[2];
	assert_int_equal(stream_reset(&f->st, &f->pool, STREAM_CLIENT, act), 1);
	(void)pass(f, &a); // left, not acknowledged
	assert_int_equal(stream_reset(&f->st, &f->pool, STREAM_CLIENT, act), 2);
	assert_int_equal(act[0].seq, CLIENT_ISN + 5);
	assert_int_equal(act[1].seq, CLIENT_ISN + 1);
	assert_true(act[0].flags & F_RST);
}

static void after_a_cut_our_reply_takes_the_servers_place(void **state)
{
	struct fixture *f = *state;
	struct stream_seg sent = seg_of(f, STREAM_SERVER, 0, "354 go\r\n"),
			  held = seg_of(f, STREAM_SERVER, 8, "25");
	struct stream_seg body = seg_of(f, STREAM_CLIENT, 0, "spam\r\n.\r\n");
	struct stream_act act;
	(void)pass(f, &sent);
	(void)stream_input(&f->st, &f->pool, &held); // never released: forgotten
	(void)stream_input(&f->st, &f->pool, &body);
	stream_cut(&f->st, &f->pool);
	assert_int_equal(stream_say(&f->st, &f->pool, span_str("550 no\r\n")), 0);
	assert_true(stream_take(&f->st, &f->pool, STREAM_CLIENT, &act));
	assert_int_equal(act.ack, body.seq + 9);
	assert_true(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 512, f->now_ms, &act));
	assert_int_equal(act.seq, SERVER_ISN + 1 + 8);
	assert_int_equal(act.ack, body.seq + 9);
	assert_bytes(f, &act, "550 no\r\n");
}

static void server_bytes_under_way_at_a_cut_are_ours_to_repeat(void **state)
{
	struct fixture *f = *state;
	struct stream_seg sent = seg_of(f, STREAM_SERVER, 0, "354 go\r\n");
	struct stream_act act;
	bool dead;
	(void)pass(f, &sent);
	stream_cut(&f->st, &f->pool);
	assert_int_equal(stream_say(&f->st, &f->pool, span_str("550 no\r\n")), 0);
	assert_true(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 512, f->now_ms, &act));
	assert_true(stream_timer(&f->st, STREAM_SERVER, f->now_ms + 1000, &dead));
	assert_true(stream_next(
		&f->st, &f->pool, STREAM_SERVER, false, 0, 512, f->now_ms + 1000, &act));
	assert_int_equal(act.seq, SERVER_ISN + 1);
	assert_bytes(f, &act, "354 go\r\n550 no\r\n");
}

static void our_fin_is_repeated_until_acknowledged(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;
	bool dead;
	stream_cut(&f->st, &f->pool);
	assert_int_equal(stream_say(&f->st, &f->pool, span_str("221 bye\r\n")), 0);
	stream_hang_up(&f->st);
	assert_true(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 512, f->now_ms, &act));
	assert_true(act.flags & F_FIN);
	struct stream_seg part = seg_of(f, STREAM_CLIENT, 0, "");
	part.ack = SERVER_ISN + 1 + 9; // all but the FIN
	part.now_ms = f->now_ms + 10;
	assert_int_equal(stream_input(&f->st, &f->pool, &part), STREAM_IN_OK);
	assert_false(stream_is_drained(&f->st));
	assert_true(stream_timer(&f->st, STREAM_SERVER, f->now_ms + 2000, &dead));
	assert_true(stream_next(
		&f->st, &f->pool, STREAM_SERVER, false, 0, 512, f->now_ms + 2000, &act));
	assert_true(act.flags & F_FIN);
	assert_int_equal(act.len, 0);
	part.ack++;
	assert_int_equal(stream_input(&f->st, &f->pool, &part), STREAM_IN_OK);
	assert_true(stream_is_drained(&f->st));
}

static void our_bytes_respect_the_clients_window(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;
	stream_cut(&f->st, &f->pool);
	f->st.half[STREAM_SERVER].edge = SERVER_ISN + 1 + 5;
	assert_int_equal(stream_say(&f->st, &f->pool, span_str("550 no\r\n")), 0);
	assert_true(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 512, f->now_ms, &act));
	assert_int_equal(act.len, 5);
	assert_false(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 512, f->now_ms, &act));
}

static void refused_at_connect_nothing_is_negotiated(void **state)
{
	struct fixture *f = *state;
	struct stream_syn syn = {
		.mss = 1400, .has_wscale = true, .wscale = 9, .has_ts = true, .sack_ok = true};
	struct stream_act act;
	stream_open(&f->st, 77, 64240, &syn);
	stream_answer(&f->st, 500, 1460);
	assert_false(f->st.ts_on || f->st.scale_on || f->st.sack_on);
	assert_int_equal(stream_say(&f->st, &f->pool, span_str("554 no\r\n")), 0);
	assert_true(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 512, f->now_ms, &act));
	assert_int_equal(act.seq, 501);
	assert_int_equal(act.ack, 78);
}

// Numbers compare over half of their range: an end of custody that stayed behind would come to lie
// ahead.
static void custody_ends_though_numbers_wrap_behind_it(void **state)
{
	enum { BYTES = 60000, SEGMENTS = INT32_MAX / BYTES + 2 };
	static uint8_t text[BYTES];
	struct fixture *f = *state;
	struct stream_half *h = &f->st.half[STREAM_CLIENT];
	struct stream_act act;

	for (unsigned i = 0; i < SEGMENTS; i++) {
		struct stream_seg data = seg_of(f, STREAM_CLIENT, h->nxt - CLIENT_ISN - 1, "");
		data.payload = (struct span){.p = text, .n = BYTES};
		act = pass(f, &data);
		assert_int_equal(act.kind, STREAM_FORWARD);
		struct stream_seg ack = seg_of(f, STREAM_SERVER, 0, "");
		act = pass(f, &ack);
		assert_int_equal(act.kind, STREAM_FORWARD);
		assert_int_equal(act.ack, h->nxt);
		assert_false(h->rto_on);
	}
	struct stream_seg seg = seg_of(f, STREAM_CLIENT, h->nxt - CLIENT_ISN - 1, "QUIT\r\n");
	assert_true(stream_straight(&f->st, &f->pool, &seg));
	stream_consume(&f->st, STREAM_CLIENT, (uint32_t)seg.payload.n);
	assert_true(stream_straight_on(&f->st, &seg));
	assert_false(stream_is_ours(&f->st, &seg));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(custody_acknowledges_held_bytes_and_keeps_the_right_edge),
		cmocka_unit_test_setup_teardown(
			a_cut_leaves_us_to_repeat_what_the_client_has_not_acknowledged, setup,
			teardown),
		cmocka_unit_test(a_window_of_ours_is_lent_where_none_can_be_told_any_more),
		CASE(behind_custody_the_servers_acknowledgements_never_go_back),
		CASE(bytes_in_custody_are_repeated_until_acknowledged),
		CASE(bytes_in_custody_that_are_held_start_no_timer),
		CASE(a_line_longer_than_the_receivers_window_gets_a_window_of_ours),
		CASE(repeats_back_off_and_end),
		CASE(a_cut_resets_the_server_at_both_numbers),
		CASE(after_a_cut_our_reply_takes_the_servers_place),
		CASE(server_bytes_under_way_at_a_cut_are_ours_to_repeat),
		CASE(our_fin_is_repeated_until_acknowledged),
		CASE(our_bytes_respect_the_clients_window),
		CASE(refused_at_connect_nothing_is_negotiated),
		CASE(custody_ends_though_numbers_wrap_behind_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
