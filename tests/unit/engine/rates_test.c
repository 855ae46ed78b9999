// SPDX-License-Identifier: BSD-3-Clause
// Rates of messages and recipients, of a client and of a sender's address: N pass, the next is told 450 and
// the server never hears of it; and whose sender an address is, however it is written or forged.
// Across workers: tests/unit/table, tests/wire.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rates_world.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, rates_new, world_end)

// ---- N pass

static void so_many_messages_of_a_client_pass_and_the_next_is_refused(void **)
{
	struct conn *c = opened("10.0.1.1");
	char mail[64];

	for (unsigned i = 0; i < 3; i++) { // senders are no matter, nor how many recipients
		(void)snprintf(mail, sizeof(mail), "MAIL FROM:<a%u@b>", i);
		taken(c, mail);
		taken(c, "RCPT TO:<c@d>");
		taken(c, "RCPT TO:<e@d>");
		content_passes(c);
	}
	refused(c, "MAIL FROM:<a@b>", ENG_RATE_CLIENT_MESSAGES);
	assert_int_equal(world.records[0].limit, 3);
	refused(c, "MAIL FROM:<>", ENG_RATE_CLIENT_MESSAGES);
	both_hang_up(c);
	c = opened("10.0.1.1"); // another session of it
	refused(c, "MAIL FROM:<a@b>", ENG_RATE_CLIENT_MESSAGES);
	c = opened("10.0.1.2"); // another client
	taken(c, "MAIL FROM:<a@b>");
	pass_ms(20 * MINUTE_MS);
	c = opened("10.0.1.1");
	taken(c, "MAIL FROM:<a@b>");
}

static void so_many_recipients_of_a_client_pass_and_the_next_is_refused(void **)
{
	struct conn *c = opened("10.0.2.1");

	taken(c, "MAIL FROM:<a@b>");
	taken(c, "RCPT TO:<1@d>");
	taken(c, "RCPT TO:<2@d>");
	content_passes(c);
	taken(c, "MAIL FROM:<b@b>");
	taken(c, "RCPT TO:<3@d>");
	refused(c, "RCPT TO:<4@d>", ENG_RATE_CLIENT_RECIPIENTS);
	assert_int_equal(world.records[0].limit, 3);
	content_passes(c); // to the third
	taken(c, "MAIL FROM:<a@b>");
	refused(c, "RCPT TO:<4@d>", ENG_RATE_CLIENT_RECIPIENTS);
	pass_ms(10 * MINUTE_MS - 2000);
	refused(c, "RCPT TO:<4@d>", ENG_RATE_CLIENT_RECIPIENTS);
	pass_ms(10 * MINUTE_MS + 2000);
	c = opened("10.0.2.1");
	taken(c, "MAIL FROM:<a@b>");
	taken(c, "RCPT TO:<4@d>");
}

static void so_many_messages_of_a_sender_pass_and_the_next_is_refused(void **)
{
	struct conn *c = opened("10.0.3.1");

	for (unsigned i = 0; i < 3; i++) {
		taken(c, "MAIL FROM:<a@b.example>");
		taken(c, "RCPT TO:<c@d>");
		content_passes(c);
	}
	refused(c, "MAIL FROM:<a@b.example>", ENG_RATE_SENDER_MESSAGES);
	assert_int_equal(world.records[0].limit, 3);
	taken(c, "MAIL FROM:<other@b.example>");
	taken(c, "RSET");
	refused(c, "MAIL FROM:<a@b.example>", ENG_RATE_SENDER_MESSAGES);
	pass_ms(40 * MINUTE_MS);
	c = opened("10.0.3.1");
	taken(c, "MAIL FROM:<a@b.example>");
}

static void so_many_recipients_of_a_sender_pass_and_the_next_is_refused(void **)
{
	struct conn *c = opened("10.0.4.1");

	taken(c, "MAIL FROM:<a@b>");
	for (unsigned i = 0; i < 3; i++)
		taken(c, "RCPT TO:<c@d>");
	refused(c, "RCPT TO:<c@d>", ENG_RATE_SENDER_RECIPIENTS);
	content_passes(c);
	taken(c, "MAIL FROM:<a@b>");
	refused(c, "RCPT TO:<c@d>", ENG_RATE_SENDER_RECIPIENTS);
	taken(c, "RSET");
	taken(c, "MAIL FROM:<c@b>");
	taken(c, "RCPT TO:<c@d>");
}

static void the_null_sender_is_nobody(void **)
{
	struct conn *c = opened("10.0.3.1"), *many = opened("10.0.4.1");

	for (unsigned i = 0; i < 10; i++) {
		taken(c, "MAIL FROM:<>");
		taken(c, "RCPT TO:<c@d>");
		content_passes(c);
	}
	taken(many, "MAIL FROM:<>");
	for (unsigned i = 0; i < 10; i++)
		taken(many, "RCPT TO:<c@d>");
}

static void without_the_setting_any_number_passes(void **)
{
	struct conn *c = opened("10.0.5.1");

	for (unsigned i = 0; i < 20; i++) {
		taken(c, "MAIL FROM:<a@b>");
		taken(c, "RCPT TO:<c@d>");
		content_passes(c);
	}
	for (unsigned rate = 0; rate < ENG_RATE_COUNT; rate++)
		assert_int_equal(counter(rates_reasons[rate]), 0);
}

static void an_ipv6_client_is_its_network(void **)
{
	struct conn *c = opened("fd01::1");

	for (unsigned i = 0; i < 3; i++) {
		taken(c, "MAIL FROM:<a@b>");
		taken(c, "RCPT TO:<c@d>");
		content_passes(c);
	}
	refused(opened("fd01::ffff:0:2"), "MAIL FROM:<a@b>", ENG_RATE_CLIENT_MESSAGES);
	taken(opened("fd01:0:0:1::1"), "MAIL FROM:<a@b>");
}

static void what_another_limit_refuses_counts_for_none(void **)
{
	struct conn *c = opened("10.0.7.1"); // of a client 4 and 4, of a sender 3 and 2

	taken(c, "MAIL FROM:<a@b>");
	taken(c, "RCPT TO:<1@d>");
	taken(c, "RCPT TO:<2@d>");
	refused(c, "RCPT TO:<3@d>", ENG_RATE_SENDER_RECIPIENTS);
	says(c, CLIENT, "RCPT TO:<x@closed.example>\r\n"); // and by an access rule
	says(c, SERVER, "250 noop\r\n");
	forget_words(c);
	assert_int_equal(counted("fours", ENG_RATE_CLIENT_RECIPIENTS, "10.0.7.1", NULL, false), 2);
	assert_int_equal(counted("fours", ENG_RATE_SENDER_RECIPIENTS, "10.0.7.1", "a@b", false), 2);
	content_passes(c);
	for (unsigned i = 0; i < 2; i++) {
		taken(c, "MAIL FROM:<c@b>");
		taken(c, "RCPT TO:<1@d>");
		content_passes(c);
	}
	assert_int_equal(counted("fours", ENG_RATE_CLIENT_MESSAGES, "10.0.7.1", NULL, false), 3);
	taken(c, "MAIL FROM:<c@b>");
	refused(c, "RCPT TO:<5@d>", ENG_RATE_CLIENT_RECIPIENTS);
	assert_int_equal(counted("fours", ENG_RATE_SENDER_RECIPIENTS, "10.0.7.1", "c@b", false), 2);
}

// ---- spellings of an address

static void spellings_of_one_address_are_one_sender(void **)
{
	static const char *const ALIKE[] = {"a.b@c.example", "<A.B@c.example>", "<a.b@C.EXAMPLE>",
		"<\"a.b\"@c.example>", "<\"a\\.b\"@c.example>", "<@x.example:a.b@c.example>",
		"<@x,@y:a.b@c.example>", "<a.b@c.example.>", "< a.b@c.example >",
		"<a.b@c.example> SIZE=100", "<a.b@c.example> SMTPUTF8 BODY=8BITMIME"};
	static const char *const OTHERS[] = {"<a.b@d.example>", "<ab@c.example>",
		"<a.b+1@c.example>", "<a.b>", "<a.b@c.example.net>",
		"<\xc3\xa9@c.example> SMTPUTF8"};
	char command[200];

	for (unsigned i = 0; i < COUNT(ALIKE); i++) {
		char source[] = "10.0.3.10";
		struct conn *c;

		(void)snprintf(source, sizeof(source), "10.0.3.%u", 10 + i);
		c = opened(source);
		for (unsigned n = 0; n < 3; n++) {
			taken(c, "MAIL FROM:<a.b@c.example>");
			taken(c, "RCPT TO:<c@d>");
			content_passes(c);
		}
		(void)snprintf(command, sizeof(command), "MAIL FROM:%s", ALIKE[i]);
		refused(c, command, ENG_RATE_SENDER_MESSAGES);
		for (unsigned o = 0; i == 0 && o < COUNT(OTHERS); o++) {
			(void)snprintf(command, sizeof(command), "MAIL FROM:%s", OTHERS[o]);
			taken(c, command);
			taken(c, "RSET");
		}
		both_hang_up(c);
		pass_ms(45 * MINUTE_MS); // the table is small
	}
}

static void addresses_that_cannot_be_read_are_one_sender_of_their_client(void **)
{
	static const char *const ODD[] = {
		"MAIL FROM:<a(b)@c>", "MAIL FROM:<\"a@b>", "MAIL FROM:<a,b@c>"};
	char longest[600] = "MAIL FROM:<";

	// Rules and lists would refuse them (501).
	world_use("session_profiles: {sender_m: {sender_messages: 3, " NO_DELAY "}}\n"
		  "policies: [{name: p, action: inspect, session: sender_m}]\n",
		3);
	struct conn *c = opened("10.0.3.1");
	for (unsigned i = 0; i < 3; i++) {
		taken(c, ODD[i]);
		taken(c, "RCPT TO:<c@d>");
		content_passes(c);
	}
	refused(c, "MAIL FROM:<d,e@f>", ENG_RATE_SENDER_MESSAGES);
	memset(longest + strlen(longest), 'a', 400);
	memcpy(longest + 411, "@b>", 4);
	refused(c, longest, ENG_RATE_SENDER_MESSAGES);
	taken(opened("10.0.3.2"), "MAIL FROM:<d,e@f>");
	for (unsigned i = 3; i < 8; i++) { // behind AUTH, too
		char source[] = "10.0.3.3";

		(void)snprintf(source, sizeof(source), "10.0.3.%u", i);
		c = opened(source);
		answered(c, "AUTH PLAIN AGEAYg==", "235 ok");
		taken(c, "MAIL FROM:<d,e@f>");
	}
}

// ---- whom a forged address takes something from

static void a_forged_sender_takes_nothing_from_others(void **)
{
	struct conn *forger = opened("10.0.3.1");

	for (unsigned i = 0; i < 3; i++) {
		taken(forger, "MAIL FROM:<boss@b>");
		taken(forger, "RCPT TO:<c@d>");
		content_passes(forger);
	}
	refused(forger, "MAIL FROM:<boss@b>", ENG_RATE_SENDER_MESSAGES);
	taken(opened("10.0.3.2"), "MAIL FROM:<boss@b>");
}

static void authenticates(struct conn *c)
{
	answered(c, "AUTH PLAIN AGEAYg==", "235 ok");
}

static void behind_auth_a_sender_is_one_over_all_clients(void **)
{
	for (unsigned i = 0; i < 3; i++) {
		char source[] = "10.0.3.1";
		struct conn *c;

		(void)snprintf(source, sizeof(source), "10.0.3.%u", i + 1);
		c = opened(source);
		authenticates(c);
		taken(c, "MAIL FROM:<boss@b>");
		taken(c, "RCPT TO:<c@d>");
		content_passes(c);
	}
	struct conn *c = opened("10.0.3.4");
	taken(c, "MAIL FROM:<boss@b>"); // without AUTH it is another's
	taken(c, "RSET");
	authenticates(c);
	refused(c, "MAIL FROM:<boss@b>", ENG_RATE_SENDER_MESSAGES);
}

// Who says that they have may be the forger's own.
static void a_server_of_the_forgers_own_takes_nothing_from_others(void **)
{
	for (unsigned i = 0; i < 3; i++) {
		struct conn *c = dial("10.0.3.1", (uint16_t)(1500 + i));

		assert_int_equal(addr_parse("198.51.100.1", &c->server), 0);
		greets_with(c, "250-mx\r\n250 AUTH PLAIN\r\n");
		hears(c, SERVER, "EHLO me\r\n");
		hears_begin(c, CLIENT, "220 mx\r\n250");
		authenticates(c);
		taken(c, "MAIL FROM:<boss@b>");
		taken(c, "RCPT TO:<c@d>");
		content_passes(c);
	}
	struct conn *c = opened("10.0.3.4");
	authenticates(c);
	taken(c, "MAIL FROM:<boss@b>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(so_many_messages_of_a_client_pass_and_the_next_is_refused),
		CASE(so_many_recipients_of_a_client_pass_and_the_next_is_refused),
		CASE(so_many_messages_of_a_sender_pass_and_the_next_is_refused),
		CASE(so_many_recipients_of_a_sender_pass_and_the_next_is_refused),
		CASE(the_null_sender_is_nobody),
		CASE(without_the_setting_any_number_passes),
		CASE(an_ipv6_client_is_its_network),
		CASE(what_another_limit_refuses_counts_for_none),
		CASE(spellings_of_one_address_are_one_sender),
		CASE(addresses_that_cannot_be_read_are_one_sender_of_their_client),
		CASE(a_forged_sender_takes_nothing_from_others),
		CASE(behind_auth_a_sender_is_one_over_all_clients),
		CASE(a_server_of_the_forgers_own_takes_nothing_from_others),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
