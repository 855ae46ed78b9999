// SPDX-License-Identifier: BSD-3-Clause
// Limits of a session profile on connections: so many pass, the next is told 421 by us and its server
// never hears of it; what is over makes room. Across workers: tests/unit/table, tests/wire.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "eng_session.h"
#include "session_world.h"

#define AT_A_TIME "421 4.7.0 Too many connections at a time, try again later (mw-*)\r\n"
#define OF_LATE "421 4.7.0 Too many connections of late, try again later (mw-*)\r\n"
#define HERE "421 4.3.2 Too many connections here, try again later (mw-*)\r\n"

enum { MINUTE_MS = 60 * 1000, BUCKET = 31 };

static uint16_t next_port = 2000;

static struct conn *opens(const char *source)
{
	struct conn *c = dial(source, next_port++);

	handshake(c);
	return c;
}

// It is through: the server's greeting comes.
static struct conn *passes(const char *source)
{
	struct conn *c = opens(source);

	says(c, SERVER, "220 server ESMTP\r\n");
	hears(c, CLIENT, "220 server ESMTP\r\n");
	assert_false(c->end[SERVER].reset);
	return c;
}

static void is_refused(const char *source, const char *text, enum eng_reason r, uint32_t limit)
{
	const uint64_t before = counter(r);

	world.nrecords = 0;
	struct conn *c = opens(source);

	hears(c, CLIENT, text);
	assert_true(c->end[CLIENT].fin_got);
	assert_true(c->end[SERVER].reset);
	assert_int_equal(c->end[SERVER].told, 0);
	assert_int_equal(counter(r), before + 1);
	assert_true(world.nrecords > 0);
	const struct eng_record *seen = &world.records[0];
	assert_int_equal(seen->kind, ENG_REC_REFUSAL);
	assert_int_equal(seen->code, 421);
	assert_int_equal(seen->reason, r);
	assert_int_equal(seen->limit, limit);
	assert_int_equal(seen->value, limit + 1);
	hangs_up(c, CLIENT);
}

static void both_hang_up(struct conn *c)
{
	hangs_up(c, CLIENT);
	hangs_up(c, SERVER);
}

static void two_of_a_client_pass_and_the_third_is_refused_until_one_is_over(void **)
{
	struct conn *c = passes("10.0.40.1");

	(void)passes("10.0.40.1");
	is_refused("10.0.40.1", AT_A_TIME, ACT_CLIENT_CONNECTIONS, 2);
	is_refused("10.0.40.1", AT_A_TIME, ACT_CLIENT_CONNECTIONS, 2);
	both_hang_up(c);
	(void)passes("10.0.40.1"); // at once, though repeats of the last one's end may still come
	is_refused("10.0.40.1", AT_A_TIME, ACT_CLIENT_CONNECTIONS, 2);
}

static void clients_are_counted_apart(void **)
{
	for (unsigned i = 0; i < 2; i++) {
		(void)passes("10.0.40.1");
		(void)passes("10.0.40.2");
	}
	is_refused("10.0.40.1", AT_A_TIME, ACT_CLIENT_CONNECTIONS, 2);
	is_refused("10.0.40.2", AT_A_TIME, ACT_CLIENT_CONNECTIONS, 2);
	(void)passes("10.0.40.3");
}

static void an_ipv6_client_is_its_network(void **)
{
	(void)passes("fd78:0:0:1::1");
	(void)passes("fd78:0:0:1:ffff::2");
	is_refused("fd78:0:0:1::3", AT_A_TIME, ACT_CLIENT_CONNECTIONS, 2);
	(void)passes("fd78:0:0:2::1");
}

static void without_the_setting_nobody_is_refused(void **)
{
	for (unsigned i = 0; i < 20; i++)
		(void)passes("10.0.1.1");
	assert_int_equal(counter(ACT_CLIENT_CONNECTIONS), 0);
	assert_int_equal(counter(ACT_CLIENT_RATE), 0);
	assert_int_equal(counter(ACT_TOTAL_CONNECTIONS), 0);
}

static void three_in_ten_minutes_pass_and_the_fourth_is_refused(void **)
{
	for (unsigned i = 0; i < 3; i++)
		both_hang_up(passes("10.0.41.1"));
	is_refused("10.0.41.1", OF_LATE, ACT_CLIENT_RATE, 3);
	(void)passes("10.0.41.2");
	pass_ms(9 * MINUTE_MS);
	is_refused("10.0.41.1", OF_LATE, ACT_CLIENT_RATE, 3);
	pass_ms(11 * MINUTE_MS); // 20 in all: the three are forgotten
	for (unsigned i = 0; i < 3; i++)
		(void)passes("10.0.41.1");
	is_refused("10.0.41.1", OF_LATE, ACT_CLIENT_RATE, 3);
}

// Its place in the list says nothing: another commit may have another one there.
static void a_context_counts_under_its_name(void **)
{
#define ONLY(name)                                                       \
	"contexts: [{name: " name ", ports: [access, core]}]\n"          \
	"session_profiles: {s: {client_rate: 2, client_rate_min: 60}}\n" \
	"policies: [{name: p, action: inspect, session: s}]\n"
	world_use(ONLY("north"), 101);
	both_hang_up(passes("10.0.41.9"));
	both_hang_up(passes("10.0.41.9"));
	is_refused("10.0.41.9", OF_LATE, ACT_CLIENT_RATE, 2);
	world_use(ONLY("south"), 102);
	both_hang_up(passes("10.0.41.9"));
	world_use(ONLY("north"), 103);
	is_refused("10.0.41.9", OF_LATE, ACT_CLIENT_RATE, 2);
	world_use(ONLY("south"), 104);
	both_hang_up(passes("10.0.41.9"));
	is_refused("10.0.41.9", OF_LATE, ACT_CLIENT_RATE, 2);
#undef ONLY
}

static void three_of_all_clients_pass_and_the_fourth_is_refused(void **)
{
	struct conn *c = passes("10.0.42.1");

	(void)passes("10.0.42.2");
	(void)passes("10.0.42.3");
	is_refused("10.0.42.4", HERE, ACT_TOTAL_CONNECTIONS, 3);
	both_hang_up(c);
	(void)passes("10.0.42.4");
	is_refused("10.0.42.1", HERE, ACT_TOTAL_CONNECTIONS, 3);
}

static void limits_together_hold_each_and_a_refusal_takes_nothing(void **)
{
	struct conn *c = passes("10.0.43.1");

	(void)passes("10.0.43.1");
	for (unsigned i = 0; i < 5; i++) // neither of the total nor of the rate
		is_refused("10.0.43.1", AT_A_TIME, ACT_CLIENT_CONNECTIONS, 2);
	struct conn *other = passes("10.0.43.2");
	is_refused("10.0.43.3", HERE, ACT_TOTAL_CONNECTIONS, 3);
	both_hang_up(c);
	both_hang_up(passes("10.0.43.1"));
	both_hang_up(passes("10.0.43.1"));
	is_refused("10.0.43.1", OF_LATE, ACT_CLIENT_RATE, 4);
	both_hang_up(other);
	(void)passes(
		"10.0.43.3"); // those refused for their rate hold nothing: one is out, of three
	(void)passes("10.0.43.3");
	is_refused("10.0.43.4", HERE, ACT_TOTAL_CONNECTIONS, 3);
}

// Every way a session may go gives back what it held.
static void reset_by_client(struct conn *c)
{
	segment(c, CLIENT, TCP_RST, c->end[CLIENT].nxt, 0, NULL, 0);
	settle();
}

static void reset_by_server(struct conn *c)
{
	segment(c, SERVER, TCP_RST | TCP_ACK, c->end[SERVER].nxt, c->end[SERVER].rcv, NULL, 0);
	settle();
}

static void silent(struct conn *c)
{
	c->end[CLIENT].mute = c->end[SERVER].mute = true;
	pass_ms(16 * MINUTE_MS);
}

static void cut(struct conn *c)
{
	says(c, CLIENT, "EHLO client\r\n");
	says(c, SERVER, "250-server\r\n250 CHUNKING\r\n");
	says(c, SERVER, "250 again\r\n"); // to nothing
	assert_true(c->end[SERVER].reset);
}

static void begin_tls(struct conn *c)
{
	says(c, CLIENT, "EHLO client\r\n");
	says(c, SERVER, "250-server\r\n250 STARTTLS\r\n");
	says(c, CLIENT, "STARTTLS\r\n");
	says(c, SERVER, "220 go ahead\r\n");
	says(c, CLIENT, "\x16\x03\x01 a\x01hello");
	says(c, SERVER, "\x16\x03\x01 a\x02hello");
}

static void in_tls(struct conn *c)
{
	begin_tls(c);
	assert_int_equal(counter(PASS_TLS), 1);
	is_refused("10.0.40.1", AT_A_TIME, ACT_CLIENT_CONNECTIONS, 2); // it holds its ticket
	both_hang_up(c);
}

static void every_end_gives_a_ticket_back(void **)
{
	static void (*const ends[])(struct conn *) = {
		both_hang_up, reset_by_client, reset_by_server, silent, cut, in_tls};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct conn *c = passes("10.0.40.1"), *other = passes("10.0.40.1");

		is_refused("10.0.40.1", AT_A_TIME, ACT_CLIENT_CONNECTIONS, 2);
		ends[i](c);
		struct conn *third = passes("10.0.40.1");
		if (ends[i] != silent) { // in silence the other one went, too
			is_refused("10.0.40.1", AT_A_TIME, ACT_CLIENT_CONNECTIONS, 2);
			both_hang_up(other);
		}
		both_hang_up(third);
	}
}

// One of a wrong number, or one that dies on its way.
static void a_reset_that_its_server_does_not_believe_gives_no_ticket_back(void **)
{
	struct conn *c = passes("10.0.40.1");

	(void)passes("10.0.40.1");
	begin_tls(c);
	for (unsigned i = 0; i < 3; i++) {
		segment(c, CLIENT, TCP_RST, c->end[CLIENT].nxt + 1000, 0, NULL, 0);
		settle();
		is_refused("10.0.40.1", AT_A_TIME, ACT_CLIENT_CONNECTIONS, 2);
		pass_ms(20000);
		says(c, CLIENT, "more");
	}
	pass_ms(31000); // silence is an end
	(void)passes("10.0.40.1");
}

// Its client may have vanished.
static void a_server_that_hangs_up_in_tls_gives_the_ticket_back(void **)
{
	struct conn *c = passes("10.0.40.1");

	(void)passes("10.0.40.1");
	begin_tls(c);
	hangs_up(c, SERVER);
	(void)passes("10.0.40.1");
	is_refused("10.0.40.1", AT_A_TIME, ACT_CLIENT_CONNECTIONS, 2);
	hangs_up(c, CLIENT);
	is_refused("10.0.40.1", AT_A_TIME, ACT_CLIENT_CONNECTIONS, 2);
}

static void a_flood_of_syns_takes_no_ticket(void **)
{
	for (unsigned i = 0; i < 40; i++) {
		struct conn *c = dial("10.0.40.1", next_port++);

		segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
		settle();
		segment(c, SERVER, TCP_SYN | TCP_ACK, c->end[SERVER].isn, c->end[CLIENT].isn + 1,
			NULL, 0);
		settle();
	}
	(void)passes("10.0.40.1");
	(void)passes("10.0.40.1");
	is_refused("10.0.40.1", AT_A_TIME, ACT_CLIENT_CONNECTIONS, 2);
}

static void where_no_cell_is_free_there_is_no_limit(void **)
{
	char source[sizeof("10.0.40.255")];

	for (unsigned i = 0; i < BUCKET; i++) {
		(void)snprintf(source, sizeof(source), "10.0.40.%u", 100 + i);
		(void)passes(source);
	}
	assert_int_equal(counter(ACT_CELLS_FULL), 0);
	for (unsigned i = 0; i < 4; i++)
		(void)passes("10.0.40.1");
	assert_int_equal(counter(ACT_CELLS_FULL), 4);
	(void)passes("10.0.40.100");
	is_refused("10.0.40.100", AT_A_TIME, ACT_CLIENT_CONNECTIONS, 2); // whom a cell knows
}

static void what_a_refused_client_sent_with_its_acknowledgement_is_not_read(void **)
{
	struct conn *c = NULL;

	(void)passes("10.0.40.1");
	(void)passes("10.0.40.1");
	c = dial("10.0.40.1", next_port++);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];
	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	settle();
	segment(c, SERVER, TCP_SYN | TCP_ACK, server->isn, client->isn + 1, NULL, 0);
	settle();
	says(c, CLIENT, "EHLO early\r\n");
	hears(c, CLIENT, AT_A_TIME);
	assert_true(server->reset);
	assert_true(client->fin_got);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(two_of_a_client_pass_and_the_third_is_refused_until_one_is_over),
		CASE(clients_are_counted_apart),
		CASE(an_ipv6_client_is_its_network),
		CASE(without_the_setting_nobody_is_refused),
		CASE(three_in_ten_minutes_pass_and_the_fourth_is_refused),
		CASE(a_context_counts_under_its_name),
		CASE(three_of_all_clients_pass_and_the_fourth_is_refused),
		CASE(limits_together_hold_each_and_a_refusal_takes_nothing),
		CASE(every_end_gives_a_ticket_back),
		CASE(a_reset_that_its_server_does_not_believe_gives_no_ticket_back),
		CASE(a_server_that_hangs_up_in_tls_gives_the_ticket_back),
		CASE(a_flood_of_syns_takes_no_ticket),
		CASE(where_no_cell_is_free_there_is_no_limit),
		CASE(what_a_refused_client_sent_with_its_acknowledgement_is_not_read),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
