// SPDX-License-Identifier: BSD-3-Clause
// Who is refused at connect: what the client hears from us in the server's place, how often and how long,
// and that the server hears nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "session_talk.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

static void refused_by_policy_a_client_may_only_quit(void **)
{
	struct conn *c = dial("10.0.3.1", 2000);
	struct end *client = &c->end[CLIENT];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	settle();
	assert_int_equal(last_seen(c, CLIENT)->flags, TCP_SYN | TCP_ACK);
	c->end[SERVER].isn = last_seen(c, CLIENT)->seq;
	client->rcv = c->end[SERVER].isn + 1;
	segment(c, CLIENT, TCP_ACK, client->nxt, client->rcv, NULL, 0);
	settle();
	hears_begin(c, CLIENT, "554 5.7.1 Connection refused by policy (mw-");
	says(c, CLIENT, "EHLO me\r\n");
	hears_begin(c, CLIENT, "503 ");
	says(c, CLIENT, "quit\r\n");
	hears_begin(c, CLIENT, "221 ");
	assert_true(client->fin_got);
	hangs_up(c, CLIENT);
	assert_int_equal(frames_seen(c, SERVER), 0);
	pass_ms(5);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
	assert_int_equal(counter(ACT_REFUSED_CONNECT), 1);
	assert_int_equal(world.records[0].kind, ENG_REC_REFUSAL);
}

// Refused at connect, greeting not yet looked at.
static struct conn *refused(const char *source, uint16_t port)
{
	struct conn *c = dial(source, port);
	struct end *client = &c->end[CLIENT];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	settle();
	c->end[SERVER].isn = last_seen(c, CLIENT)->seq;
	client->rcv = c->end[SERVER].isn + 1;
	segment(c, CLIENT, TCP_ACK, client->nxt, client->rcv, NULL, 0);
	settle();
	return c;
}

static void the_tenth_command_ends_the_dialogue(void **)
{
	struct conn *c = refused("10.0.3.1", 2000);

	hears_begin(c, CLIENT, "554 ");
	for (unsigned i = 0; i < 9; i++) {
		assert_false(c->end[CLIENT].fin_got);
		says(c, CLIENT, "NOOP\r\n");
		hears_begin(c, CLIENT, "503 ");
	}
	says(c, CLIENT, "NOOP\r\n");
	hears_begin(c, CLIENT, "421 ");
	assert_true(c->end[CLIENT].fin_got);
}

static void a_silent_client_is_hung_up_on_after_20_s_and_then_reset(void **)
{
	struct conn *c = refused("10.0.3.1", 2000);

	hears_begin(c, CLIENT, "554 ");
	pass_ms(19 * 1000);
	assert_false(c->end[CLIENT].fin_got);
	pass_ms(2 * 1000);
	assert_true(c->end[CLIENT].fin_got);
	pass_ms(31 * 1000);
	assert_true(c->end[CLIENT].reset);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
}

static void a_deferred_client_hears_421_and_a_fin(void **)
{
	struct conn *c = refused("10.0.4.1", 2000);

	hears_begin(c, CLIENT, "421 4.7.1 ");
	assert_true(c->end[CLIENT].fin_got);
	hangs_up(c, CLIENT);
	pass_ms(5);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
}

static void commands_in_one_segment_and_in_pieces_are_answered_alike(void **)
{
	struct conn *c = refused("10.0.3.1", 2000);

	hears_begin(c, CLIENT, "554 ");
	says(c, CLIENT, "EHLO me\r\nMAIL FROM:<>\r\nQU");
	hears(c, CLIENT,
		"503 5.5.1 Connection refused, only QUIT is allowed\r\n"
		"503 5.5.1 Connection refused, only QUIT is allowed\r\n");
	says(c, CLIENT, "IT\r\n");
	hears(c, CLIENT, "221 2.0.0 Bye\r\n");
}

static void a_repeated_syn_gets_the_same_answer_and_a_lost_greeting_another_chance(void **)
{
	struct conn *c = dial("10.0.3.1", 2000);
	struct end *client = &c->end[CLIENT];
	uint32_t isn;

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	settle();
	isn = last_seen(c, CLIENT)->seq;
	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	settle();
	assert_int_equal(last_seen(c, CLIENT)->seq, isn);
	assert_int_equal(counter(ACT_REFUSED_CONNECT), 0); // nobody was told yet
	c->end[SERVER].isn = isn;
	client->rcv = isn + 1;
	client->mute = true;
	segment(c, CLIENT, TCP_ACK, client->nxt, client->rcv, NULL, 0);
	settle();
	assert_int_equal(counter(ACT_REFUSED_CONNECT), 1);
	forget_seen();
	pass_ms(1500);
	assert_int_equal(frames_seen(c, CLIENT), 1);
}

// The client waits for a greeting, and so do we for its acknowledgement: one of us must speak.
static void a_lost_acknowledgement_is_asked_for_again(void **)
{
	static const char *const CLIENTS[] = {"10.0.3.1", "10.0.4.1"};

	for (unsigned i = 0; i < 2; i++) {
		struct conn *c = dial(CLIENTS[i], 2000);
		struct end *client = &c->end[CLIENT];

		segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
		settle();
		uint32_t isn = last_seen(c, CLIENT)->seq;
		forget_seen();
		pass_ms(950);
		assert_int_equal(frames_seen(c, CLIENT), 0);
		pass_ms(200);
		assert_int_equal(frames_seen(c, CLIENT), 1);
		assert_int_equal(last_seen(c, CLIENT)->flags, TCP_SYN | TCP_ACK);
		assert_int_equal(last_seen(c, CLIENT)->seq, isn);
		assert_int_equal(last_seen(c, CLIENT)->ack, client->isn + 1);
		c->end[SERVER].isn = isn;
		client->rcv = isn + 1;
		segment(c, CLIENT, TCP_ACK, client->nxt, client->rcv, NULL, 0);
		settle();
		hears_begin(c, CLIENT, i == 0 ? "554 " : "421 ");
		hangs_up(c, CLIENT);
		forget_seen();
		pass_ms(10 * 1000);
		assert_int_equal(frames_seen(c, SERVER), 0);
	}
}

static void who_never_acknowledges_is_asked_three_times(void **)
{
	struct conn *c = dial("10.0.3.1", 2000);

	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	settle();
	forget_seen();
	pass_ms(8 * 1000);
	assert_int_equal(frames_seen(c, CLIENT), 3);
	pass_ms(120 * 1000);
	assert_int_equal(frames_seen(c, CLIENT), 3);
	assert_int_equal(counter(ACT_REFUSED_CONNECT), 0);
}

static void nobody_behind_a_refused_syn_costs_nothing_for_long(void **)
{
	struct conn *c = dial("10.0.3.1", 2000);

	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	settle();
	pass_ms(5);
	assert_int_equal(counter(GAUGE_HALF_OPEN), 1);
	pass_ms(31 * 1000);
	assert_int_equal(counter(GAUGE_FLOWS) + counter(GAUGE_HALF_OPEN), 0);
}

static void a_wrong_acknowledgement_gets_no_greeting(void **)
{
	struct conn *c = dial("10.0.3.1", 2000);
	struct end *client = &c->end[CLIENT];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	settle();
	uint32_t isn = last_seen(c, CLIENT)->seq;
	forget_seen();
	segment(c, CLIENT, TCP_ACK, client->nxt, isn - 1000, NULL, 0);
	settle();
	for (unsigned i = 0; i < world.nseen; i++)
		assert_int_equal(world.seen[i].len, 0);
}

static void a_full_table_does_not_let_in_who_is_refused(void **)
{
	struct conn *c;

	for (uint16_t i = 0; i < 64; i++)
		handshake(dial("10.0.1.2", (uint16_t)(3000 + i)));
	c = dial("10.0.3.1", 2000);
	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	settle();
	assert_int_equal(frames_seen(c, SERVER), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(refused_by_policy_a_client_may_only_quit),
		CASE(the_tenth_command_ends_the_dialogue),
		CASE(a_silent_client_is_hung_up_on_after_20_s_and_then_reset),
		CASE(a_deferred_client_hears_421_and_a_fin),
		CASE(commands_in_one_segment_and_in_pieces_are_answered_alike),
		CASE(a_repeated_syn_gets_the_same_answer_and_a_lost_greeting_another_chance),
		CASE(a_lost_acknowledgement_is_asked_for_again),
		CASE(who_never_acknowledges_is_asked_three_times),
		CASE(nobody_behind_a_refused_syn_costs_nothing_for_long),
		CASE(a_wrong_acknowledgement_gets_no_greeting),
		CASE(a_full_table_does_not_let_in_who_is_refused),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
