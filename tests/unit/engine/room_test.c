// SPDX-License-Identifier: BSD-3-Clause
// Where room or certainty runs out: floods, full tables, what began before us, one way only. What is old is
// kept, and nobody gets round the reading by it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "session_talk.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

// ---- tables and grace

static void a_flood_of_syns_pushes_out_the_oldest_only(void **)
{
	enum { SYNS = 5000 }; // of 1024 places
	struct conn *live = dial("10.0.1.1", 2000), *c = dial("10.0.1.2", 3000);

	greets(live);
	for (uint16_t i = 0; i < SYNS; i++) {
		c->client_port = (uint16_t)(3000 + i);
		segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
		settle();
	}
	assert_int_equal(counter(GAUGE_FLOWS), 1); // they took none
	assert_int_equal(counter(ACT_HALF_OPEN_OUT) + counter(GAUGE_HALF_OPEN), SYNS);
	assert_in_range(counter(GAUGE_HALF_OPEN), 900, 1024);
	assert_int_equal(counter(PASS_TABLE_FULL), 0);
	forget_seen();
	segment(c, SERVER, TCP_SYN | TCP_ACK, c->end[SERVER].isn, c->end[CLIENT].isn + 1, NULL, 0);
	settle();
	assert_int_equal(last_seen(c, CLIENT)->flags, TCP_SYN | TCP_ACK); // the youngest is there
	begins_mail(live);
	says(live, CLIENT, SPAM);
	hears_begin(live, CLIENT, "550 ");
}

static void a_full_table_passes_what_is_new_and_keeps_what_is_old(void **)
{
	struct conn *live = dial("10.0.1.1", 2000), *c;

	greets(live);
	for (uint16_t i = 0; i < 63; i++)
		handshake(dial("10.0.1.2", (uint16_t)(3000 + i)));
	c = dial("10.0.1.3", 4000);
	greets(c);
	assert_int_equal(counter(PASS_TABLE_FULL), 1);
	assert_int_equal(counter(FLOWS_OPENED), 65); // it is one of them
	begins_mail(c);
	says(c, CLIENT, SPAM);
	hears(c, SERVER, SPAM);
	begins_mail(live);
	says(live, CLIENT, SPAM);
	hears_begin(live, CLIENT, "550 ");
}

// A connection that is over stays for repeats as long as there is room, and no longer.
static void connections_that_are_over_do_not_fill_the_table(void **)
{
	for (uint16_t i = 0; i < 200; i++) { // of 64 places
		struct conn *c = dial("10.0.1.2", (uint16_t)(3000 + i));

		greets(c);
		hangs_up(c, CLIENT);
		hangs_up(c, SERVER);
		segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, c->end[SERVER].nxt, NULL, 0);
		settle();
		forget_seen();
		pass_ms(100);
	}
	assert_int_equal(counter(PASS_TABLE_FULL), 0);
	assert_in_range(counter(GAUGE_FLOWS), 32, 50);
}

// A server whose connection was cut hears it again some times, later where there is room; the place of one that was
// cut is needed more, and a server that comes late is told by what is left of it.
static void connections_that_were_cut_do_not_fill_the_table(void **)
{
	struct conn *first = NULL;

	for (uint16_t i = 0; i < 200; i++) { // of 64 places
		struct conn *c = dial("10.0.1.2", (uint16_t)(3000 + i));

		greets(c);
		begins_mail(c);
		says(c, CLIENT, SPAM);
		hears_begin(c, CLIENT, "550 ");
		says(c, CLIENT, "QUIT\r\n");
		hears_begin(c, CLIENT, "221 ");
		hangs_up(c, CLIENT);
		first = first == NULL ? c : first;
		forget_seen();
		pass_ms(50);
	}
	assert_int_equal(counter(PASS_TABLE_FULL), 0);
	assert_true(counter(ACT_REPEATED) >= 190); // each is told once more before it leaves
	pass_ms(10 * 1000);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
	forget_seen();
	segment(first, SERVER, TCP_ACK, first->end[SERVER].nxt, first->end[CLIENT].nxt,
		"250 ok\r\n", 8);
	settle();
	assert_int_equal(frames_seen(first, CLIENT), 0);
	assert_int_equal(last_seen(first, SERVER)->flags & TCP_RST, TCP_RST);
}

static void what_began_before_us_passes_in_grace_and_is_reset_later(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	says(c, CLIENT, "NOOP\r\n");
	hears(c, SERVER, "NOOP\r\n");
	assert_true(counter(PASS_MIDSTREAM) > 0);
	pass_ms(9 * 60 * 1000);
	says(c, SERVER, "250 ok\r\n");
	hears(c, CLIENT, "250 ok\r\n");
	pass_ms(61 * 1000);
	says(c, CLIENT, "NOOP\r\n");
	hears(c, SERVER, "");
	assert_true(c->end[CLIENT].reset && c->end[SERVER].reset);
	assert_true(counter(ACT_MIDSTREAM_RESET) > 0);
}

static void a_syn_ack_without_its_syn_is_dropped_after_grace(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	says(c, CLIENT, "x");
	pass_ms(11 * 60 * 1000);
	forget_seen();
	segment(c, SERVER, TCP_SYN | TCP_ACK, c->end[SERVER].isn, c->end[CLIENT].isn + 1, NULL, 0);
	settle();
	assert_int_equal(frames_seen(c, CLIENT), 0);
	assert_int_equal(counter(DROP_SYNACK_UNKNOWN), 1);
}

static void a_reset_at_a_wrong_number_does_not_make_a_connection_one_begun_before_us(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	segment(c, CLIENT, TCP_RST, client->isn + 5, 0, NULL, 0);
	settle();
	forget_seen();
	segment(c, SERVER, TCP_SYN | TCP_ACK, c->end[SERVER].isn, client->nxt, NULL, 0);
	settle();
	assert_int_equal(frames_seen(c, CLIENT), 1);
	segment(c, CLIENT, TCP_ACK, client->nxt, client->rcv, NULL, 0);
	settle();
	says(c, SERVER, "220 mx\r\n");
	forget_words(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	assert_false(server_has(c, "buy-now-cheap"));
}

static void grace_is_not_born_again_after_25_days(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	says(c, CLIENT, "x");
	world.now_us += 26ull * 24 * 3600 * 1000000;
	forget_seen();
	says(c, CLIENT, "NOOP\r\n");
	assert_true(c->end[SERVER].reset);
}

// ---- one way

static void a_client_in_a_hurry_does_not_make_a_one_way_connection(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	for (unsigned i = 0; i < 3; i++)
		segment(c, CLIENT, TCP_ACK, client->nxt, 1, NULL, 0);
	segment(c, SERVER, TCP_SYN | TCP_ACK, server->isn, client->nxt, NULL, 0);
	settle();
	segment(c, CLIENT, TCP_ACK, client->nxt, client->rcv, NULL, 0);
	settle();
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER, "250 mx\r\n");
	forget_words(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	assert_false(server_has(c, "buy-now-cheap\r\n.\r\n"));
}

static void half_a_handshake_and_three_segments_do_not_fill_the_table(void **)
{
	for (uint16_t i = 0; i < 80; i++) {
		struct conn *c = dial("10.0.1.1", (uint16_t)(2000 + i));

		segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
		for (unsigned k = 0; k < 3; k++)
			segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, 1, NULL, 0);
	}
	settle();
	assert_int_equal(counter(PASS_TABLE_FULL), 0);
}

static void a_passed_connection_needs_a_server_to_stay(void **)
{
	for (uint16_t i = 0; i < 80; i++) {
		struct conn *c = dial("10.0.5.1", (uint16_t)(2000 + i));

		segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
		segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, 1, NULL, 0);
	}
	settle();
	assert_int_equal(counter(PASS_TABLE_FULL), 0);
}

// ---- short of room

static void tiny_islands_of_a_few_do_not_take_all_slabs(void **)
{
	struct conn *c = NULL, *other = dial("10.0.1.2", 3000);

	for (uint16_t i = 0; i < 20; i++) {
		c = dial("10.0.1.1", (uint16_t)(2000 + i));
		greets(c);
		for (uint32_t k = 1; k < 200; k++)
			segment(c, CLIENT, DATA, c->end[CLIENT].nxt + 2 * k, c->end[CLIENT].rcv,
				"x", 1);
		settle();
	}
	greets(other); // somebody else has enough for a message
	begins_mail(other);
	says(other, CLIENT, HAM);
	hears(other, SERVER, HAM);
	says(other, SERVER, "250 queued\r\n");
}

static void open_transactions_of_some_do_not_blind_us_for_others(void **)
{
	struct conn *c;

	for (uint16_t i = 0; i < 16; i++) {
		c = dial("10.0.1.2", (uint16_t)(3000 + i));
		greets(c);
		says(c, CLIENT, "MAIL FROM:<a@b>\r\n");
		says(c, SERVER, "250 ok\r\n");
	}
	pass_ms(11 * 1000);
	c = dial("10.0.1.1", 2000);
	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	assert_false(server_has(c, "buy-now-cheap\r\n.\r\n"));
}

static void syn_acks_of_many_numbers_leak_nothing(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	for (uint32_t i = 0; i < 50; i++) {
		segment(c, SERVER, TCP_SYN | TCP_ACK, server->isn + i * 100, client->nxt, NULL, 0);
		segment(c, SERVER, DATA, server->isn + i * 100 + 10, client->nxt, "island", 6);
	}
	settle();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_flood_of_syns_pushes_out_the_oldest_only),
		CASE(connections_that_are_over_do_not_fill_the_table),
		CASE(connections_that_were_cut_do_not_fill_the_table),
		CASE(a_full_table_passes_what_is_new_and_keeps_what_is_old),
		CASE(what_began_before_us_passes_in_grace_and_is_reset_later),
		CASE(a_syn_ack_without_its_syn_is_dropped_after_grace),
		CASE(a_reset_at_a_wrong_number_does_not_make_a_connection_one_begun_before_us),
		CASE(grace_is_not_born_again_after_25_days),
		CASE(a_client_in_a_hurry_does_not_make_a_one_way_connection),
		CASE(half_a_handshake_and_three_segments_do_not_fill_the_table),
		CASE(a_passed_connection_needs_a_server_to_stay),
		CASE(tiny_islands_of_a_few_do_not_take_all_slabs),
		CASE(open_transactions_of_some_do_not_blind_us_for_others),
		CASE(syn_acks_of_many_numbers_leak_nothing),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
