// SPDX-License-Identifier: BSD-3-Clause
// The same addresses and ports once more: a new connection is read, whatever became of the one before.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "session_talk.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

static void the_same_port_may_be_used_again_after_a_close(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	ends_like_friends(c);
	c = dial("10.0.1.1", 2000);
	c->end[CLIENT].isn += 100000;
	c->end[CLIENT].nxt = c->end[SERVER].rcv = c->end[CLIENT].isn + 1;
	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	hears_begin(c, CLIENT, "550 ");
}

static void a_rebooted_pair_may_use_the_same_port_at_once(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	c = dial("10.0.1.1", 2000); // both forgot the old one
	c->end[CLIENT].isn += 100000;
	c->end[CLIENT].nxt = c->end[SERVER].rcv = c->end[CLIENT].isn + 1;
	c->end[SERVER].isn += 100000;
	c->end[SERVER].nxt = c->end[CLIENT].rcv = c->end[SERVER].isn + 1;
	greets(c);
}

static void a_reused_port_of_a_tls_connection_is_read_again(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets_with(c, "250-mx\r\n250 STARTTLS\r\n");
	says(c, CLIENT, "STARTTLS\r\n");
	says(c, SERVER, "220 go\r\n");
	says(c, CLIENT, "\x16\x03\x01 a\x01hello");
	says(c, SERVER, "\x16\x03\x01 a\x02hello");
	hangs_up(c, SERVER); // and forgets, when nobody answers it
	c = dial("10.0.1.1", 2000);
	c->end[CLIENT].isn += 100000;
	c->end[CLIENT].nxt = c->end[SERVER].rcv = c->end[CLIENT].isn + 1;
	c->end[SERVER].isn += 100000;
	c->end[SERVER].nxt = c->end[CLIENT].rcv = c->end[SERVER].isn + 1;
	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	assert_false(server_has(c, "buy-now-cheap"));
}

static void a_one_way_client_that_meets_its_server_is_read(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	pass_ms(4000);
	for (unsigned i = 0; i < 6; i++)
		segment(c, CLIENT, TCP_ACK, client->nxt, 1, NULL, 0);
	settle();
	assert_int_equal(counter(PASS_ONE_WAY), 1);
	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
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
	assert_false(server_has(c, "buy-now-cheap"));
}

static void a_reused_port_of_a_passed_connection_is_passed_again(void **)
{
	struct conn *c = dial("10.0.5.1", 2000);

	greets(c);
	c = dial("10.0.5.1", 2000); // both forgot the old one
	c->end[CLIENT].isn += 100000;
	c->end[CLIENT].nxt = c->end[SERVER].rcv = c->end[CLIENT].isn + 1;
	c->end[SERVER].isn += 100000;
	c->end[SERVER].nxt = c->end[CLIENT].rcv = c->end[SERVER].isn + 1;
	greets(c);
	assert_int_equal(counter(FLOWS_INSPECTED), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_same_port_may_be_used_again_after_a_close),
		CASE(a_rebooted_pair_may_use_the_same_port_at_once),
		CASE(a_reused_port_of_a_tls_connection_is_read_again),
		CASE(a_one_way_client_that_meets_its_server_is_read),
		CASE(a_reused_port_of_a_passed_connection_is_passed_again),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
