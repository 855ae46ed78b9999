// SPDX-License-Identifier: BSD-3-Clause
// Bytes that come in pieces, twice or out of order: what is read is what leaves, the first bytes win, and
// what we acknowledged ourselves is ours to repeat.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "session_talk.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

// ---- cuts of the stream

static void spam_split_at_every_byte_is_found(void **)
{
	static const char spam[] = SPAM;
	const size_t n = strlen(spam);

	for (size_t cut = 1; cut < n; cut++) {
		struct conn *c = dial("10.0.1.1", (uint16_t)(2000 + cut));

		greets(c);
		begins_mail(c);
		segment(c, CLIENT, DATA, c->end[CLIENT].nxt, c->end[CLIENT].rcv, SPAM, cut);
		settle();
		segment(c, CLIENT, DATA, c->end[CLIENT].nxt + (uint32_t)cut, c->end[CLIENT].rcv,
			spam + cut, n - cut);
		client_went(c, SPAM);
		settle();
		hears_begin(c, CLIENT, "550 5.7.1 ");
		assert_true(c->end[SERVER].reset || c->end[SERVER].rst_odd);
		assert_null(strstr(c->end[SERVER].bytes, "\r\n.\r\n"));
		hangs_up(c, CLIENT);
	}
	assert_int_equal(counter(ACT_REJECTED), n - 1);
}

static void commands_typed_byte_by_byte_are_acknowledged_and_arrive_whole(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	const char *line = "EHLO me\r\n";

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	for (const char *p = line; *p != 0; p++) {
		char one[2] = {*p, 0};

		says(c, CLIENT, one);
		pass_ms(30); // Nagle: the next byte waits for the acknowledgement
		assert_int_equal(last_seen(c, CLIENT)->ack, c->end[CLIENT].nxt);
	}
	hears(c, SERVER, "EHLO me\r\n");
	assert_true(counter(ACT_CUSTODY) > 0);
	says(c, SERVER, "250 mx\r\n");
	ends_like_friends(c);
}

static void bytes_in_our_custody_are_repeated_until_they_arrive(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *server = &c->end[SERVER];

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO ");
	pass_ms(30);
	server->mute = true; // as if the line were lost behind us
	says(c, CLIENT, "me\r\n");
	forget_seen();
	pass_ms(8000);
	assert_true(frames_seen(c, SERVER) >= 3);
	assert_true(frames_seen(c, SERVER) <= 5); // with back-off
	assert_true(counter(ACT_REPEATED) >= 3);
	hears(c, SERVER, "EHLO me\r\n");
	server->mute = false;
	pass_ms(10000);
	forget_seen();
	pass_ms(60000);
	assert_int_equal(frames_seen(c, SERVER), 0);
	says(c, SERVER, "250 mx\r\n");
	ends_like_friends(c);
}

static void what_is_in_our_custody_is_acknowledged_as_often_as_it_comes(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO ");
	pass_ms(30);
	for (int i = 0; i < 3; i++) { // our acknowledgement did not get there
		forget_seen();
		segment(c, CLIENT, TCP_ACK, client->nxt - 5, client->rcv, "EHLO ", 5);
		settle();
		assert_int_equal(frames_seen(c, SERVER), 0);
		assert_int_equal(last_seen(c, CLIENT)->ack, client->nxt);
	}
	forget_seen(); // a window of the server's did not get there: the client asks for it
	segment(c, CLIENT, TCP_ACK, client->nxt - 1, client->rcv, NULL, 0);
	settle();
	assert_int_equal(last_seen(c, CLIENT)->ack, client->nxt);
}

// The client believes us that they have arrived, so it is ours to repeat what was lost before them.
static void custody_behind_a_gate_repeats_what_was_lost_in_front_of_it(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	c->end[SERVER].mute = true; // the end of data does not get there
	says(c, CLIENT, "hello\r\n.\r\n");
	says(c, CLIENT, "RSET\r\n"); // waits for the reply
	pass_ms(2500);
	assert_int_equal(last_seen(c, CLIENT)->ack, c->end[CLIENT].nxt);
	forget_seen();
	pass_ms(4000);
	assert_true(frames_seen(c, SERVER) > 0);
	c->end[SERVER].mute = false;
	pass_ms(8000);
	hears(c, SERVER, "hello\r\n.\r\n");
}

static void half_a_line_may_wait_for_the_rest_of_it(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EH");
	pass_ms(30);
	says(c, CLIENT, "LO ");
	pass_ms(10 * 60 * 1000);
	says(c, CLIENT, "me\r\n");
	hears(c, SERVER, "EHLO me\r\n");
	says(c, SERVER, "250 mx\r\n");
	ends_like_friends(c);
}

// The client has seen the later timestamp, and would take what is older for old (RFC 7323 5.3).
static void what_we_repeat_is_no_older_than_what_has_left(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	c->ts = 7;
	handshake(c);
	says(c, SERVER, "220-m");
	pass_ms(30);                   // taken into custody
	says(c, SERVER, "x\r\n220 m"); // at a number that the client has not acknowledged yet
	pass_ms(30);
	uint32_t seen = last_seen(c, CLIENT)->ts_val;
	says(c, SERVER, "x\r\n");
	hears(c, CLIENT, "220-mx\r\n220 mx\r\n");
	for (unsigned i = 0; i < world.nseen; i++) {
		if (world.seen[i].port != CLIENT || world.seen[i].len == 0)
			continue;
		assert_true(world.seen[i].ts_val >= seen);
		seen = world.seen[i].ts_val;
	}
	ends_like_friends(c);
}

static void a_server_that_never_acknowledges_ends_the_connection(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO ");
	pass_ms(30);
	c->end[SERVER].mute = true;
	says(c, CLIENT, "me\r\n");
	pass_ms(10 * 60 * 1000);
	assert_int_equal(counter(ACT_GAVE_UP), 1);
	assert_true(c->end[CLIENT].reset);
}

static void other_bytes_in_a_repeat_never_leave(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	begins_mail(c);
	c->end[SERVER].mute = true; // nothing is acknowledged, so repeats are allowed
	client_sends(c, 0, "Subject: x\r\n\r\nhello-there ");
	client_sends(c, 14, "buy-now-cheap "); // over "hello-there ", and two more bytes
	client_sends(c, 0, "Subject: x\r\n\r\nbuy-now-cheap");
	client_went(c, "Subject: x\r\n\r\nhello-there  ");
	says(c, CLIENT, "\r\n.\r\n");
	c->end[SERVER].mute = false;
	settle();
	hears_begin(c, SERVER, "Subject: x\r\n\r\nhello-there ");
	assert_null(strstr(c->end[SERVER].bytes, "buy-now"));
	assert_int_equal(client->nxt, c->end[SERVER].rcv);
	says(c, SERVER, "250 queued\r\n");
	ends_like_friends(c);
}

static void first_bytes_win_out_of_order_too(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	client_sends(c, 10, "now-cheap x\r\n.\r\n"); // waits: may end the message
	client_sends(c, 10, "ham-ham-h x\r\n.\r\n");
	client_sends(c, 0, "\r\nx buy-no!!!!!!!");
	client_went(c, "\r\nx buy-nonow-cheap x\r\n.\r\n");
	settle();
	hears(c, SERVER, "\r\nx buy-nonow-cheap x\r\n.\r\n");
}

static void spam_out_of_order_is_read_in_order(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	client_sends(c, 20, "now-cheap\r\n.\r\n");
	client_sends(c, 10, "\r\nxx buy-");
	client_sends(c, 0, "Subject: x");
	client_went(c, "Subject: x\r\nxx buy-");
	client_went(c, "now-cheap\r\n.\r\n");
	settle();
	assert_null(strstr(c->end[SERVER].bytes, ".\r\n"));
}

static void a_repeat_of_the_end_after_the_cut_is_acknowledged_and_stays(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	forget_seen();
	segment(c, CLIENT, DATA, client->nxt - (uint32_t)strlen(SPAM), client->rcv, SPAM,
		strlen(SPAM));
	settle();
	assert_int_equal(frames_seen(c, SERVER), 0);
	assert_int_equal(last_seen(c, CLIENT)->ack, client->nxt);
	hears_begin(c, CLIENT, "550 ");
	assert_int_equal(counter(ACT_REJECTED), 1);
}

static void the_refusal_is_repeated_until_it_arrives(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	c->end[CLIENT].mute = true;
	says(c, CLIENT, SPAM);
	forget_seen();
	pass_ms(3500);
	assert_int_equal(frames_seen(c, CLIENT), 2); // after 1 s and 3 s
	hears_begin(c, CLIENT, "550 ");
}

static void a_fin_behind_half_a_line_ends_the_connection(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	says(c, CLIENT, "QUI");
	hangs_up(c, CLIENT);
	pass_ms(60 * 1000);
	assert_true(c->end[SERVER].fin_got || c->end[SERVER].reset);
}

static void held_segments_are_counted_as_held(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, c->end[CLIENT].rcv, NULL, 0);
	says(c, CLIENT, "QUI");
	assert_int_equal(counter(ACT_HELD), 1);
	assert_int_equal(counter(ACT_HELD_REPEAT), 0);
}

// ---- timers

// Time passes for a worker that never sleeps; what its timers did.
static uint64_t polls_ms(uint64_t ms)
{
	world.done = 0;
	for (uint64_t i = 0; i < ms * 4; i++) {
		world.now_us += 250;
		world.done += eng_turn(world.w, world.now_us);
		settle();
	}
	return world.done;
}

static void a_client_that_vanished_costs_few_timers(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	c->end[CLIENT].mute = true;
	assert_true(polls_ms(85 * 1000) < 100);
}

static void a_refusal_after_custody_costs_few_timers(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	says(c, CLIENT, "MAIL");
	pass_ms(30);
	c->end[SERVER].mute = true;
	says(c, CLIENT, " FROM:<a@b>\r\n");
	says(c, SERVER, "25x what\r\n"); // desync
	assert_true(polls_ms(15 * 1000) < 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(spam_split_at_every_byte_is_found),
		CASE(commands_typed_byte_by_byte_are_acknowledged_and_arrive_whole),
		CASE(bytes_in_our_custody_are_repeated_until_they_arrive),
		CASE(what_is_in_our_custody_is_acknowledged_as_often_as_it_comes),
		CASE(custody_behind_a_gate_repeats_what_was_lost_in_front_of_it),
		CASE(half_a_line_may_wait_for_the_rest_of_it),
		CASE(what_we_repeat_is_no_older_than_what_has_left),
		CASE(a_server_that_never_acknowledges_ends_the_connection),
		CASE(other_bytes_in_a_repeat_never_leave),
		CASE(first_bytes_win_out_of_order_too),
		CASE(spam_out_of_order_is_read_in_order),
		CASE(a_repeat_of_the_end_after_the_cut_is_acknowledged_and_stays),
		CASE(the_refusal_is_repeated_until_it_arrives),
		CASE(a_fin_behind_half_a_line_ends_the_connection),
		CASE(held_segments_are_counted_as_held),
		CASE(a_client_that_vanished_costs_few_timers),
		CASE(a_refusal_after_custody_costs_few_timers),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
