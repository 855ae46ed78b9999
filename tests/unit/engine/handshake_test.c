// SPDX-License-Identifier: BSD-3-Clause
// How connections begin and what they leave behind: half-open ones, refusals without state,
// tombstones and remnants, and the odd forms of a TCP connection that are defined, not left to
// chance: simultaneous open, an older connection at the server, ECN, small segments, short TTLs.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "session_world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SPAM "Subject: x\r\n\r\nbuy-now-cheap\r\n.\r\n"

enum { DATA = TCP_ACK | TCP_PSH, PLACES = 1024 };

static void client(struct conn *c, uint8_t flags, const char *text)
{
	const struct end *e = &c->end[CLIENT];

	segment(c, CLIENT, flags, (flags & TCP_SYN) != 0 ? e->isn : e->nxt,
		(flags & TCP_ACK) != 0 ? e->rcv : 0, text, strlen(text));
	settle();
}

static void server(struct conn *c, uint8_t flags, const char *text)
{
	const struct end *e = &c->end[SERVER];

	segment(c, SERVER, flags, (flags & TCP_SYN) != 0 ? e->isn : e->nxt,
		(flags & TCP_ACK) != 0 ? e->rcv : 0, text, strlen(text));
	settle();
}

static void levels_are(unsigned half_open, unsigned flows)
{
	pass_ms(2);
	assert_int_equal(counter(GAUGE_HALF_OPEN), half_open);
	assert_int_equal(counter(GAUGE_FLOWS), flows);
}

// SYNs to be refused, by as many clients, until the half-open table is more than half full.
static void flood(void)
{
	struct conn *c = dial("10.0.3.9", 1);

	for (uint64_t before = counter(ACT_COOKIE); counter(ACT_COOKIE) == before;) {
		c->client_port++;
		client(c, TCP_SYN, "");
		forget_seen();
	}
}

// The client of a refused connection takes the number that our SYN-ACK has.
static void takes_our_number(struct conn *c)
{
	client(c, TCP_SYN, "");
	assert_int_equal(last_seen(c, CLIENT)->flags, TCP_SYN | TCP_ACK);
	c->end[SERVER].isn = last_seen(c, CLIENT)->seq;
	c->end[CLIENT].rcv = c->end[SERVER].isn + 1;
	forget_seen();
}

// A session that was cut; its client's dialogue is over, the server's resets are all repeated.
static struct conn *cut_and_told(uint16_t port)
{
	struct conn *c = dial("10.0.1.1", port);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	says(c, CLIENT, "QUIT\r\n");
	hangs_up(c, CLIENT);
	pass_ms(8000);
	levels_are(0, 0);
	forget_seen();
	c->end[CLIENT].reset = c->end[SERVER].reset = false; // as if it had not come
	return c;
}

// A session that both ends closed, forgotten by us.
static struct conn *closed(void)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	hangs_up(c, CLIENT);
	hangs_up(c, SERVER);
	pass_ms(31 * 1000);
	levels_are(0, 0);
	return c;
}

// ---- half-open

static void a_syn_makes_no_flow_and_the_acknowledgement_does(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	client(c, TCP_SYN, "");
	levels_are(1, 0);
	server(c, TCP_SYN | TCP_ACK, "");
	levels_are(1, 0);
	assert_int_equal(counter(FLOWS_INSPECTED), 0);
	client(c, TCP_ACK, "");
	levels_are(0, 1);
	assert_int_equal(counter(FLOWS_OPENED), 1);
	assert_int_equal(counter(FLOWS_INSPECTED), 1);
}

static void a_passed_connection_is_half_open_too(void **)
{
	struct conn *c = dial("10.0.5.1", 2000);

	client(c, TCP_SYN, "");
	client(c, TCP_ACK, ""); // of nothing: nobody answered
	levels_are(1, 0);
	server(c, TCP_SYN | TCP_ACK, "");
	client(c, TCP_ACK, "");
	levels_are(0, 1);
}

static void a_half_open_connection_is_forgotten_after_30_s_without_a_syn(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	client(c, TCP_SYN, "");
	for (unsigned i = 0; i < 3; i++) {
		pass_ms(25 * 1000);
		client(c, TCP_SYN, "");
	}
	levels_are(1, 0);
	pass_ms(25 * 1000);
	client(c, TCP_ACK, "");
	levels_are(1, 0); // it keeps nothing alive
	pass_ms(6 * 1000);
	levels_are(0, 0);
}

static void who_was_pushed_out_asks_again_and_gets_through(void **)
{
	struct conn *c = dial("10.0.1.1", 2000), *other = dial("10.0.1.2", 1);

	client(c, TCP_SYN, "");
	server(c, TCP_SYN | TCP_ACK, "");
	for (unsigned i = 0; i < 8 * PLACES; i++) {
		other->client_port = (uint16_t)(10000 + i);
		client(other, TCP_SYN, "");
	}
	assert_true(counter(ACT_HALF_OPEN_OUT) > 0);
	forget_seen();
	server(c, TCP_SYN | TCP_ACK, "");
	assert_int_equal(frames_seen(c, CLIENT), 0);
	assert_int_equal(counter(DROP_SYNACK_UNKNOWN), 1);
	client(c, TCP_ACK | TCP_PSH, "x"); // nor does anything else pass as begun before us
	assert_int_equal(frames_seen(c, SERVER), 1);
	assert_true((last_seen(c, SERVER)->flags & TCP_RST) != 0);
	assert_int_equal(counter(ACT_TOMBSTONE_RESET), 1);
	c->end[CLIENT].reset = c->end[SERVER].reset = false;
	greets(c);
}

static void a_full_table_at_the_acknowledgement_passes_what_is_new(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	for (uint16_t i = 0; i < 64; i++)
		handshake(dial("10.0.1.2", (uint16_t)(3000 + i)));
	greets(c);
	assert_int_equal(counter(PASS_TABLE_FULL), 1);
	levels_are(0, 64);
}

static void a_reset_of_the_server_must_answer_the_syn(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	const struct end *e = &c->end[CLIENT];

	client(c, TCP_SYN, "");
	forget_seen();
	segment(c, SERVER, TCP_RST | TCP_ACK, 0, e->isn + 2, NULL, 0);
	segment(c, SERVER, TCP_RST, e->isn + 1, 0, NULL, 0);
	settle();
	assert_int_equal(frames_seen(c, CLIENT), 0);
	assert_int_equal(counter(DROP_HANDSHAKE), 2);
	segment(c, SERVER, TCP_RST | TCP_ACK, 0, e->isn + 1, NULL, 0);
	settle();
	assert_int_equal(frames_seen(c, CLIENT), 1);
	levels_are(0, 0);
}

static void a_server_with_an_older_connection_is_cleared_by_the_client(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	client(c, TCP_SYN, "");
	forget_seen();
	segment(c, SERVER, TCP_ACK, 777, 555, NULL, 0); // RFC 9293 3.5.1, figure 9
	settle();
	assert_int_equal(last_seen(c, CLIENT)->ack, 555);
	segment(c, CLIENT, TCP_RST, 555, 0, NULL, 0);
	settle();
	assert_true(c->end[SERVER].rst_odd);
	assert_int_equal(frames_seen(c, SERVER), 1);
	greets(c); // the same SYN again
	levels_are(0, 1);
}

static void a_server_that_opens_too_gets_the_client_s_syn_alone(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	client(c, TCP_SYN, "");
	forget_seen();
	server(c, TCP_SYN, ""); // RFC 9293 3.5, figure 7
	assert_int_equal(frames_seen(c, CLIENT), 0);
	assert_int_equal(counter(DROP_HANDSHAKE), 1);
	server(c, TCP_SYN | TCP_ACK, "");
	client(c, TCP_ACK, "");
	says(c, SERVER, "220 mx\r\n");
	hears(c, CLIENT, "220 mx\r\n");
	levels_are(0, 1);
}

static void a_syn_on_a_live_connection_that_nobody_answers_changes_nothing(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn + 5000, 0, NULL, 0);
	settle();
	levels_are(1, 1);
	server(c, TCP_ACK, ""); // it has the old one, and says so
	begins_mail(c);
	says(c, CLIENT, SPAM);
	hears(c, SERVER, "");
	hears_begin(c, CLIENT, "550 ");
	says(c, CLIENT, "QUIT\r\n");
	hangs_up(c, CLIENT);
	pass_ms(31 * 1000);
	levels_are(0, 0);
}

static void the_same_syn_on_a_live_connection_never_restarts_it(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	client(c, TCP_SYN, "");
	server(c, TCP_SYN | TCP_ACK, "");
	levels_are(0, 1);
	assert_int_equal(counter(FLOWS_INSPECTED), 1);
	assert_int_equal(counter(DROP_HANDSHAKE), 1);
}

static void a_client_whose_server_was_heard_is_not_one_way(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	client(c, TCP_SYN, "");
	server(c, TCP_SYN | TCP_ACK, "");
	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn - 9, 0, NULL, 0); // it dies on its way
	pass_ms(4000);
	forget_seen();
	for (unsigned i = 0; i < 4; i++)
		segment(c, CLIENT, DATA, c->end[CLIENT].isn - 8, 1, "x", 1);
	settle();
	assert_int_equal(frames_seen(c, SERVER), 0);
	assert_int_equal(counter(PASS_ONE_WAY), 0);
}

// ---- refused

static void a_refused_connection_is_told_without_state_in_a_flood(void **)
{
	struct conn *c = dial("10.0.3.1", 2000);

	flood();
	pass_ms(2);
	uint64_t before = counter(GAUGE_HALF_OPEN), records = world.nrecords;
	assert_in_range(before, PLACES / 2 + 1, PLACES / 2 + 2);
	takes_our_number(c);
	assert_int_equal(counter(ACT_COOKIE), 2);
	pass_ms(2);
	assert_int_equal(counter(GAUGE_HALF_OPEN), before);
	client(c, TCP_ACK, "");
	hears_begin(c, CLIENT, "554 5.7.1 Connection refused by policy (mw-");
	assert_true(c->end[CLIENT].fin_got && !c->end[CLIENT].reset);
	assert_int_equal(frames_seen(c, CLIENT), 1);
	assert_int_equal(counter(ACT_REFUSED_STATELESS), 1);
	assert_int_equal(counter(ACT_REFUSED_CONNECT), 1);
	assert_int_equal(world.nrecords, records + 1);
	assert_true(addr_eq(&world.records[records].who.client, &c->client));
	assert_int_equal(counter(DROP_AFTER_CUT), 1); // the FIN's acknowledgement, quietly
	says(c, CLIENT, "QUIT\r\n");
	assert_true(c->end[CLIENT].reset);
	assert_int_equal(frames_seen(c, SERVER), 0);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
}

static void a_deferred_connection_is_told_421_without_state(void **)
{
	struct conn *c = dial("10.0.4.1", 2000);

	flood();
	takes_our_number(c);
	client(c, DATA, "EHLO early\r\n");
	hears_begin(c, CLIENT, "421 4.7.1 Service not available");
	assert_int_equal(last_seen(c, CLIENT)->ack, c->end[CLIENT].nxt + 12);
}

static void a_number_of_ours_counts_for_two_minutes_and_for_one_client(void **)
{
	struct conn *c = dial("10.0.3.1", 2000), *thief = dial("10.0.3.2", 2000);

	pass_ms(11 * 60 * 1000); // what is unknown is reset now
	flood();
	takes_our_number(c);
	thief->end[CLIENT].rcv = c->end[CLIENT].rcv;
	client(thief, TCP_ACK, "");
	assert_int_equal(counter(ACT_MIDSTREAM_RESET), 1);
	c->end[CLIENT].rcv++; // a wrong number
	client(c, TCP_ACK, "");
	assert_int_equal(counter(ACT_MIDSTREAM_RESET), 2);
	c->end[CLIENT].rcv--;
	c->end[CLIENT].reset = false;
	for (unsigned i = 0; i < 13; i++) {
		pass_ms(10 * 1000);
		flood(); // others are still told such numbers
	}
	client(c, TCP_ACK, "");
	assert_int_equal(counter(ACT_MIDSTREAM_RESET), 3);
	assert_int_equal(counter(ACT_REFUSED_CONNECT), 0);
}

static void state_is_kept_again_once_the_flood_is_over(void **)
{
	struct conn *c = dial("10.0.3.1", 2000);

	flood();
	pass_ms(31 * 1000);
	forget_seen(); // our SYN-ACKs once more
	levels_are(0, 0);
	takes_our_number(c);
	assert_int_equal(counter(ACT_COOKIE), 1);
	client(c, TCP_ACK, "");
	hears_begin(c, CLIENT, "554 ");
	says(c, CLIENT, "EHLO me\r\n");
	hears_begin(c, CLIENT, "503 ");
	assert_int_equal(counter(ACT_REFUSED_STATELESS), 0);
}

static void a_connection_is_refused_all_the_same_while_the_table_is_full(void **)
{
	struct conn *c = dial("10.0.3.1", 2000);

	for (uint16_t i = 0; i < 64; i++)
		handshake(dial("10.0.1.2", (uint16_t)(3000 + i)));
	takes_our_number(c);
	client(c, TCP_ACK, "");
	hears_begin(c, CLIENT, "554 ");
	assert_true(c->end[CLIENT].fin_got);
	assert_int_equal(frames_seen(c, SERVER), 0);
	assert_int_equal(counter(ACT_REFUSED_STATELESS), 1);
	levels_are(0, 64);
}

static void an_answer_keeps_to_the_client_s_segment_size(void **)
{
	static const uint8_t SMALL[] = {2, 4, 0, 68};
	struct conn *c = dial("10.0.3.1", 2000);

	syn_with(c, SMALL, sizeof(SMALL), "");
	settle();
	c->end[SERVER].isn = last_seen(c, CLIENT)->seq;
	c->end[CLIENT].rcv = c->end[SERVER].isn + 1;
	client(c, TCP_ACK, "");
	for (unsigned i = 0; i < 4; i++)
		client(c, DATA, "EHLO me\r\n"), c->end[CLIENT].nxt += 9;
	for (unsigned i = 0; i < world.nseen; i++)
		assert_in_range(world.seen[i].len, 0, 68);
	hears_begin(c, CLIENT, "554 5.7.1 Connection refused by policy (mw-");
}

static int world_of_one_slab(void **)
{
	return world_new_sized(63, 15, 0);
}

static void the_greeting_finds_the_client_though_its_first_segment_finds_no_memory(void **)
{
	struct conn *c = dial("10.0.3.1", 2000);

	takes_our_number(c);
	client(c, DATA, "EHLO early\r\n");
	assert_int_equal(counter(DROP_NO_SLAB), 1);
	pass_ms(5000);
	assert_int_equal(frames_seen(c, SERVER), 0);
	hears_begin(c, CLIENT, "554 ");
}

// ---- what is left behind

static void nothing_of_an_inspected_connection_passes_after_its_end_in_grace(void **)
{
	struct conn *c = closed();

	says(c, CLIENT, "MAIL FROM:<a@b>\r\n");
	assert_int_equal(counter(ACT_TOMBSTONE_RESET), 1);
	assert_int_equal(counter(PASS_MIDSTREAM), 0);
	assert_true(c->end[SERVER].reset && c->end[CLIENT].reset);
	hears(c, SERVER, "");
}

static void a_tombstone_does_not_stand_in_the_way_of_a_new_connection(void **)
{
	struct conn *c = closed();

	reboot(c);
	greets(c);
	assert_int_equal(counter(ACT_TOMBSTONE_RESET), 0);
	for (uint16_t i = 0; i < 64; i++) // and of one that passes, with no flow, either
		handshake(dial("10.0.1.2", (uint16_t)(3000 + i)));
	hangs_up(c, CLIENT);
	hangs_up(c, SERVER);
	reboot(c);
	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	hears(c, CLIENT, "220 mx\r\n");
}

static void what_is_left_of_a_cut_connection_is_small_and_resets_both_ends(void **)
{
	struct conn *c = cut_and_told(2000);

	uint64_t before = counter(DROP_AFTER_CUT);
	server(c, DATA, "250 what\r\n");
	assert_true(c->end[SERVER].reset);
	client(c, DATA, "MAIL FROM:<a@b>\r\n");
	assert_true(c->end[CLIENT].reset);
	segment(c, SERVER, TCP_RST, 1, 0, NULL, 0); // nothing is said to a reset
	settle();
	assert_int_equal(counter(DROP_AFTER_CUT), before + 3);
	assert_int_equal(frames_seen(c, CLIENT) + frames_seen(c, SERVER), 2);
	levels_are(0, 0);
}

static void what_is_left_is_forgotten_after_30_s(void **)
{
	struct conn *c;

	pass_ms(11 * 60 * 1000);
	c = cut_and_told(2000);
	pass_ms(31 * 1000);
	uint64_t before = counter(DROP_AFTER_CUT);
	server(c, TCP_ACK, "");
	assert_int_equal(counter(DROP_AFTER_CUT), before);
	assert_int_equal(counter(ACT_MIDSTREAM_RESET), 1);
}

static void a_cut_connection_is_not_forgotten_in_grace(void **)
{
	struct conn *c = cut_and_told(2000);

	pass_ms(60 * 1000);
	server(c, DATA, "250 what\r\n");
	assert_int_equal(counter(PASS_MIDSTREAM), 0);
	assert_true(c->end[SERVER].reset);
}

static void a_new_connection_begins_where_one_was_cut(void **)
{
	struct conn *c = cut_and_told(2000);

	reboot(c);
	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	hears_begin(c, CLIENT, "550 ");
}

static void a_syn_that_the_server_never_sees_does_not_lift_a_cut(void **)
{
	struct conn *c = cut_and_told(2000);
	const struct end *e = &c->end[CLIENT];

	segment(c, CLIENT, TCP_SYN, e->nxt - 1, 0, NULL, 0);
	pass_ms(4000);
	forget_seen();
	for (unsigned i = 0; i < 4; i++)
		segment(c, CLIENT, DATA, e->nxt, e->rcv, ".\r\n", 3);
	settle();
	assert_int_equal(frames_seen(c, SERVER), 0);
	assert_int_equal(counter(PASS_ONE_WAY), 0);
}

static void resets_repeated_to_the_server_outlive_the_client_s_dialogue(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	says(c, CLIENT, "QUIT\r\n");
	hangs_up(c, CLIENT);
	for (unsigned i = 0; i < 3; i++) { // after 0.3, 1.5 and 6.3 s
		static const unsigned WAIT_MS[] = {400, 1200, 4800};

		c->end[SERVER].reset = false;
		pass_ms(WAIT_MS[i]);
		assert_true(c->end[SERVER].reset);
	}
	levels_are(0, 0);
}

// ---- time to live

static void a_short_lived_reset_reaches_the_other_end(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	forget_seen();
	c->ttl = 2;
	client(c, TCP_RST, "");
	assert_true(frames_seen(c, SERVER) > 0);
	for (unsigned i = 0; i < world.nseen; i++)
		assert_int_equal(world.seen[i].ttl, 61);
	assert_true(c->end[SERVER].reset);
}

static void a_short_lived_fin_reaches_the_other_end(void **)
{
	static const char *const CLIENTS[] = {"10.0.1.1", "fd77::1"};

	for (unsigned i = 0; i < COUNT(CLIENTS); i++) {
		struct conn *c = dial(CLIENTS[i], 2000);

		greets(c);
		c->ttl = 2;
		forget_seen();
		hangs_up(c, CLIENT);
		assert_int_equal(last_seen(c, SERVER)->ttl, 61);
		assert_true(c->end[SERVER].fin_got);
		says(c, SERVER, "421 bye\r\n"); // other segments leave as they came
		assert_int_equal(last_seen(c, CLIENT)->ttl, 2);
	}
}

static void a_reset_inside_the_window_leaves_with_the_largest_ttl(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	forget_seen();
	c->ttl = 2;
	segment(c, CLIENT, TCP_RST, c->end[CLIENT].nxt + 10, 0, NULL, 0);
	settle();
	assert_int_equal(last_seen(c, SERVER)->ttl, 61);
	c->ttl = 61;
	says(c, CLIENT, "NOOP\r\n"); // the flow is kept
	hears(c, SERVER, "NOOP\r\n");
}

static void a_short_lived_reset_in_the_handshake_reaches_the_server(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	client(c, TCP_SYN, "");
	server(c, TCP_SYN | TCP_ACK, "");
	c->ttl = 2;
	forget_seen();
	client(c, TCP_RST, "");
	assert_int_equal(last_seen(c, SERVER)->ttl, 61);
	levels_are(0, 0);
	client(c, TCP_ACK, ""); // in grace: it is not one that began before us
	assert_int_equal(counter(PASS_MIDSTREAM), 0);
}

// ---- congestion marks

static void congestion_marks_go_through_changed_segments_too(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *e = &c->end[CLIENT];

	segment(c, CLIENT, TCP_SYN | TCP_ECE | TCP_CWR, e->isn, 0, NULL, 0);
	settle();
	assert_int_equal(last_seen(c, SERVER)->flags, TCP_SYN | TCP_ECE | TCP_CWR);
	segment(c, SERVER, TCP_SYN | TCP_ACK | TCP_ECE, c->end[SERVER].isn, e->isn + 1, NULL, 0);
	settle();
	assert_int_equal(last_seen(c, CLIENT)->flags, TCP_SYN | TCP_ACK | TCP_ECE);
	client(c, TCP_ACK, "");
	says(c, SERVER, "220 mx\r\n");
	forget_seen();
	c->end[SERVER].mute = true;
	segment(c, CLIENT, DATA | TCP_CWR, e->nxt, e->rcv, "EHLO me\r\n", 9);
	settle();
	assert_int_equal(last_seen(c, SERVER)->flags, DATA | TCP_CWR);
	segment(c, CLIENT, DATA | TCP_ECE, e->nxt, e->rcv, "EHLO me\r\n", 9); // rewritten
	settle();
	assert_int_equal(last_seen(c, SERVER)->flags, DATA | TCP_ECE);
	segment(c, SERVER, TCP_ACK, c->end[SERVER].nxt, e->nxt + 9, NULL, 0);
	segment(c, CLIENT, DATA | TCP_ECE, e->nxt, e->rcv, "EHLO me\r\n", 9); // old
	settle();
	assert_int_equal(last_seen(c, SERVER)->flags, TCP_ACK | TCP_ECE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_syn_makes_no_flow_and_the_acknowledgement_does),
		CASE(a_passed_connection_is_half_open_too),
		CASE(a_half_open_connection_is_forgotten_after_30_s_without_a_syn),
		CASE(who_was_pushed_out_asks_again_and_gets_through),
		CASE(a_full_table_at_the_acknowledgement_passes_what_is_new),
		CASE(a_reset_of_the_server_must_answer_the_syn),
		CASE(a_server_with_an_older_connection_is_cleared_by_the_client),
		CASE(a_server_that_opens_too_gets_the_client_s_syn_alone),
		CASE(a_syn_on_a_live_connection_that_nobody_answers_changes_nothing),
		CASE(the_same_syn_on_a_live_connection_never_restarts_it),
		CASE(a_client_whose_server_was_heard_is_not_one_way),
		CASE(a_refused_connection_is_told_without_state_in_a_flood),
		CASE(a_deferred_connection_is_told_421_without_state),
		CASE(a_number_of_ours_counts_for_two_minutes_and_for_one_client),
		CASE(state_is_kept_again_once_the_flood_is_over),
		CASE(a_connection_is_refused_all_the_same_while_the_table_is_full),
		CASE(an_answer_keeps_to_the_client_s_segment_size),
		cmocka_unit_test_setup_teardown(
			the_greeting_finds_the_client_though_its_first_segment_finds_no_memory,
			world_of_one_slab, world_end),
		CASE(nothing_of_an_inspected_connection_passes_after_its_end_in_grace),
		CASE(a_tombstone_does_not_stand_in_the_way_of_a_new_connection),
		CASE(what_is_left_of_a_cut_connection_is_small_and_resets_both_ends),
		CASE(what_is_left_is_forgotten_after_30_s),
		CASE(a_cut_connection_is_not_forgotten_in_grace),
		CASE(a_new_connection_begins_where_one_was_cut),
		CASE(a_syn_that_the_server_never_sees_does_not_lift_a_cut),
		CASE(resets_repeated_to_the_server_outlive_the_client_s_dialogue),
		CASE(a_short_lived_reset_reaches_the_other_end),
		CASE(a_short_lived_fin_reaches_the_other_end),
		CASE(a_reset_inside_the_window_leaves_with_the_largest_ttl),
		CASE(a_short_lived_reset_in_the_handshake_reaches_the_server),
		CASE(congestion_marks_go_through_changed_segments_too),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
