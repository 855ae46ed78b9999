// SPDX-License-Identifier: BSD-3-Clause
// How a connection ends: by FIN from either side, by resets that are believed and resets that are not, by
// silence; and what keeps one alive.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "session_talk.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

// ---- hanging up

static void a_half_close_lets_the_other_side_finish(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, HAM "QUIT\r\n"); // pipelined behind the end
	hangs_up(c, CLIENT);
	hears(c, SERVER, HAM); // QUIT and FIN wait for the reply
	assert_false(c->end[SERVER].fin_got);
	says(c, SERVER, "250 queued\r\n");
	hears(c, SERVER, "QUIT\r\n");
	assert_true(c->end[SERVER].fin_got);
	says(c, SERVER, "221 bye\r\n");
	hears(c, CLIENT, "250 queued\r\n221 bye\r\n");
	hangs_up(c, SERVER);
	assert_true(c->end[CLIENT].fin_got);
	pass_ms(31 * 1000);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
	nobody_was_reset(c);
}

static void a_fin_on_the_last_bytes_and_its_repeat_arrive(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	segment(c, CLIENT, DATA | TCP_FIN, client->nxt, client->rcv, "QUIT\r\n", 6);
	settle();
	hears(c, SERVER, "QUIT\r\n");
	assert_true(c->end[SERVER].fin_got);
	forget_seen();
	segment(c, CLIENT, DATA | TCP_FIN, client->nxt, client->rcv, "QUIT\r\n", 6);
	settle();
	assert_int_equal(frames_seen(c, SERVER), 1); // it answers that with an acknowledgement
	client->nxt += 7;
	segment(c, CLIENT, TCP_ACK | TCP_FIN, client->nxt - 1, client->rcv, NULL, 0);
	settle();
	assert_int_equal(frames_seen(c, SERVER), 2);
	hangs_up(c, SERVER);
	assert_true(client->fin_got);
	nobody_was_reset(c);
}

static void both_may_close_at_once(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	greets(c);
	segment(c, CLIENT, TCP_ACK | TCP_FIN, client->nxt++, client->rcv, NULL, 0);
	segment(c, SERVER, TCP_ACK | TCP_FIN, server->nxt++, server->rcv, NULL, 0);
	settle();
	assert_true(client->fin_got && server->fin_got);
	pass_ms(31 * 1000);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
	nobody_was_reset(c);
}

// ---- resets

static void a_reset_at_the_right_number_ends_both(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "half a message");
	segment(c, CLIENT, TCP_RST, c->end[CLIENT].nxt, 0, NULL, 0);
	settle();
	assert_true(c->end[SERVER].reset);
	pass_ms(5);
	assert_int_equal(counter(GAUGE_SLABS), 0);
	assert_int_equal(world.records[0].verdict, ENG_VERDICT_ABORTED);
}

static void a_reset_takes_a_held_end_of_data_with_it(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "x\r\n.\r");
	segment(c, CLIENT, TCP_RST, c->end[CLIENT].nxt, 0, NULL, 0);
	settle();
	hears_begin(c, SERVER, "x\r\n");
	assert_true(c->end[SERVER].reset);
}

static void a_reset_outside_the_window_is_dropped_and_one_within_kept_the_flow(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	segment(c, CLIENT, TCP_RST, client->nxt - 1, 0, NULL, 0);
	segment(c, CLIENT, TCP_RST, client->nxt + 70000, 0, NULL, 0);
	settle();
	assert_int_equal(counter(DROP_WINDOW), 2);
	segment(c, CLIENT, TCP_RST, client->nxt + 1, 0, NULL, 0);
	settle();
	assert_int_equal(counter(DROP_WINDOW), 2);
	assert_false(c->end[SERVER].reset);
	ends_like_friends(c);
}

static void a_server_may_refuse_a_connection(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	segment(c, SERVER, TCP_RST | TCP_ACK, 0, c->end[CLIENT].isn + 1, NULL, 0);
	settle();
	assert_true((last_seen(c, CLIENT)->flags & TCP_RST) != 0);
	pass_ms(5);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
}

static void a_reset_that_the_server_challenges_does_not_end_the_reading(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	greets(c);
	begins_mail(c);
	server->mute = true;
	says(c, CLIENT, "Subject: x\r\n\r\n");
	uint32_t stood = server->rcv;
	client_sends(c, 0, "this never arrives");
	memset(server->have + (stood - client->isn - 1), 0, 18);
	server->rcv = stood; // it died of its TTL
	segment(c, CLIENT, TCP_RST, client->nxt + 18, 0, NULL, 0);
	settle();
	server->mute = false;
	server->owes_ack = true;
	settle();
	if (server->reset)
		return; // well done
	says(c, CLIENT, "buy-now-cheap\r\n.\r\n");
	assert_false(server_has(c, "buy-now-cheap"));
}

static void a_lost_reset_is_repeated_to_a_silent_server(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	assert_true(c->end[SERVER].reset);
	c->end[SERVER].reset = false; // as if it had not come
	forget_seen();
	pass_ms(400);
	assert_true(c->end[SERVER].reset);
	pass_ms(60000);
	assert_true(frames_seen(c, SERVER) <= 6); // a few times, then never more
}

// ---- silence

static void an_idle_session_is_reset_at_both_ends(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	pass_ms(14 * 60 * 1000);
	nobody_was_reset(c);
	pass_ms(61 * 1000);
	assert_true(c->end[CLIENT].reset && c->end[SERVER].reset);
	assert_int_equal(counter(ACT_IDLE_RESET), 1);
	pass_ms(31 * 1000);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
}

static void keep_alives_do_not_keep_what_waits_for_more(void **)
{
	struct conn *c = dial("10.0.1.1", 2000), *hole = dial("10.0.1.1", 2001);

	greets(c);
	greets(hole);
	says(c, CLIENT, "MAI"); // a line that never ends
	segment(hole, CLIENT, DATA, hole->end[CLIENT].nxt + 5, hole->end[CLIENT].rcv, "x", 1);
	assert_int_equal(counter(GAUGE_HOLDS), 1);
	for (unsigned i = 0; i < 16; i++) {
		segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt - 1, c->end[CLIENT].rcv, NULL, 0);
		segment(hole, CLIENT, DATA, hole->end[CLIENT].nxt + 7 + i, hole->end[CLIENT].rcv,
			"y", 1);
		pass_ms(60 * 1000);
	}
	assert_true(c->end[CLIENT].reset && c->end[SERVER].reset);
	assert_true(hole->end[CLIENT].reset && hole->end[SERVER].reset);
	assert_int_equal(counter(ACT_HOLDS_TIMEOUT), 1);
	assert_int_equal(counter(ACT_HOLDS_DROPPED), 1);
	assert_int_equal(counter(GAUGE_HOLDS), 0);
}

static void what_was_held_and_released_is_counted(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	uint64_t passed = counter(ACT_HOLDS_PASSED);
	says(c, CLIENT, "NOO");
	assert_int_equal(counter(GAUGE_HOLDS), 1);
	says(c, CLIENT, "P\r\n");
	assert_int_equal(counter(GAUGE_HOLDS), 0);
	assert_int_equal(counter(ACT_HOLDS_PASSED), passed + 1);
	assert_int_equal(counter(ACT_HOLDS), passed + 1);
}

static void keep_alives_keep_a_session(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	for (unsigned i = 0; i < 4; i++) { // without and with a byte of garbage
		pass_ms(10 * 60 * 1000);
		forget_seen();
		segment(c, CLIENT, TCP_ACK, client->nxt - 1, client->rcv, "", i % 2);
		settle();
		assert_int_equal(frames_seen(c, SERVER), 1);
		assert_int_equal(frames_seen(c, CLIENT), 1);
	}
	ends_like_friends(c);
}

static void a_closed_window_is_waited_for_and_its_probes_are_passed_on(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	server->window = 20;
	greets(c);
	begins_mail(c);
	server->window = 0; // it takes 20 bytes and no more
	says(c, CLIENT, "Subject: 01234567890");
	assert_int_equal(last_seen(c, CLIENT)->window, 0);
	for (unsigned i = 0; i < 3; i++) { // one byte at the edge, or none before it
		forget_seen();
		segment(c, CLIENT, TCP_ACK, client->nxt - (i == 2), client->rcv, "1", i != 2);
		settle();
		assert_int_equal(frames_seen(c, SERVER), 1);
		assert_int_equal(last_seen(c, CLIENT)->window, 0);
		pass_ms(60 * 1000);
	}
	server->window = 60000;
	segment(c, SERVER, TCP_ACK, server->nxt, server->rcv, NULL, 0);
	settle();
	assert_int_equal(last_seen(c, CLIENT)->window, 60000);
	says(c, CLIENT, "12\r\n.\r\n");
	hears(c, SERVER, "Subject: 0123456789012\r\n.\r\n");
	says(c, SERVER, "250 queued\r\n");
	ends_like_friends(c);
}

static void a_window_that_stays_closed_but_answers_is_no_reason_to_reset(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *server = &c->end[SERVER];

	server->window = 20;
	greets(c);
	begins_mail(c);
	server->window = 0;
	says(c, CLIENT, "01234567890123456.\r\n");
	server->window = 4;
	segment(c, SERVER, TCP_ACK, server->nxt, server->rcv, NULL, 0);
	settle();
	server->window = 0;
	says(c, CLIENT, ".\r"); // held: custody
	pass_ms(10 * 60 * 1000);
	assert_false(c->end[CLIENT].reset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_half_close_lets_the_other_side_finish),
		CASE(a_fin_on_the_last_bytes_and_its_repeat_arrive),
		CASE(both_may_close_at_once),
		CASE(a_reset_at_the_right_number_ends_both),
		CASE(a_reset_takes_a_held_end_of_data_with_it),
		CASE(a_reset_outside_the_window_is_dropped_and_one_within_kept_the_flow),
		CASE(a_server_may_refuse_a_connection),
		CASE(a_reset_that_the_server_challenges_does_not_end_the_reading),
		CASE(a_lost_reset_is_repeated_to_a_silent_server),
		CASE(an_idle_session_is_reset_at_both_ends),
		CASE(keep_alives_do_not_keep_what_waits_for_more),
		CASE(what_was_held_and_released_is_counted),
		CASE(keep_alives_keep_a_session),
		CASE(a_closed_window_is_waited_for_and_its_probes_are_passed_on),
		CASE(a_window_that_stays_closed_but_answers_is_no_reason_to_reset),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
