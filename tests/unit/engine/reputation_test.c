// SPDX-License-Identifier: BSD-3-Clause
// What becomes of clients for what is known of them: refused at connect, at MAIL, at RCPT, at AUTH, or only
// told. What they send is refused by us and their servers never hear of it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "reputation_world.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, reputation_new, world_end)

enum { ANN = 71, BOB = 72 }; // endpoints

// ---- at connect

static void an_endpoint_that_is_blocked_is_refused_at_connect_until_it_is_over(void **)
{
	static const char *const CLIENTS[] = {"10.0.1.1", "fd01::1"};

	for (unsigned i = 0; i < COUNT(CLIENTS); i++) {
		bound(CLIENTS[i], 0, ALL_PORTS, ANN, false);
		endpoint_is(ANN, 0, 60, 0);
		turned_away(CLIENTS[i], "554 " BY_ENDPOINT_IN("1 minute"), ACT_ENDPOINT_CONNECT, 0,
			0, ANN);
		pass_ms(58 * 1000);
		turned_away(CLIENTS[i], "554 " BY_ENDPOINT_IN("1 minute"), ACT_ENDPOINT_CONNECT, 0,
			0, ANN);
		pass_ms(3 * 1000);
		ends_like_friends(meets(CLIENTS[i]));
	}
}

static void it_is_refused_under_another_address_and_who_gets_its_old_one_is_not(void **)
{
	bound("10.0.1.1", 0, ALL_PORTS, ANN, false);
	endpoint_is(ANN, 0, 60, 0);
	unbound("10.0.1.1", 0, ALL_PORTS);
	bound("10.0.1.2", 0, ALL_PORTS, ANN, false);
	bound("10.0.1.1", 0, ALL_PORTS, BOB, false);
	turned_away("10.0.1.2", "554 " BY_ENDPOINT_IN("1 minute"), ACT_ENDPOINT_CONNECT, 0, 0, ANN);
	mails(meets("10.0.1.1"), HAM);
}

static void a_prefix_and_a_block_of_ports_are_an_endpoints_too(void **)
{
	bound("10.0.1.64/26", 0, ALL_PORTS, ANN, false);
	bound("10.0.1.1", 1024, 2047, BOB, false);
	endpoint_is(ANN, TBL_LISTED, 0, 0);
	endpoint_is(BOB, TBL_LISTED, 0, 0);
	turned_away("10.0.1.100", "554 " BY_ENDPOINT, ACT_ENDPOINT_CONNECT, 0, 0, ANN);
	ends_like_friends(meets_from("10.0.1.1", 1023));
	ends_like_friends(meets_from("10.0.1.1", 2048));
	struct conn *c = dial("10.0.1.1", 1024);
	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	settle();
	assert_int_equal(last_seen(c, CLIENT)->flags, TCP_SYN | TCP_ACK); // of ours
	assert_int_equal(counter(ENDPOINT_UNKNOWN), 2);
}

static void a_sender_is_refused_over_a_score_and_not_at_it(void **)
{
	static const char *const CLIENTS[] = {"10.0.1.1", "fd01::1"};
	static const char *const PREFIXES[] = {"10.0.1.0/24", "fd01::/64"};

	for (unsigned i = 0; i < COUNT(CLIENTS); i++) {
		sender_is(PREFIXES[i], 50, 0, 0);
		ends_like_friends(meets(CLIENTS[i]));
		sender_is(PREFIXES[i], 51, 0, 0);
		turned_away(CLIENTS[i], "421 " BY_SENDER_LATER, ACT_SENDER_CONNECT, 50, 51, 0);
		sender_is(PREFIXES[i], 80, 0, 0);
		turned_away(CLIENTS[i], "421 " BY_SENDER_LATER, ACT_SENDER_CONNECT, 50, 80, 0);
		sender_is(PREFIXES[i], 81, 0, 0);
		turned_away(CLIENTS[i], "554 " BY_SENDER, ACT_SENDER_CONNECT, 80, 81, 0);
		sender_is(PREFIXES[i], 0, TBL_LISTED, 0);
		turned_away(CLIENTS[i], "554 " BY_SENDER, ACT_SENDER_CONNECT, 0, 0, 0);
		sender_is(PREFIXES[i], 100, TBL_EXEMPT, 0);
		ends_like_friends(meets(CLIENTS[i]));
	}
}

static void who_is_exempt_is_never_refused(void **)
{
	bound("10.0.1.1", 0, ALL_PORTS, ANN, false);
	endpoint_is(ANN, TBL_EXEMPT, 600, 600);
	sender_is("10.0.1.1", 100, TBL_EXEMPT, 600);
	struct conn *c = meets("10.0.1.1");
	answers(c, "AUTH PLAIN AGEAYg==", "235 ok");
	mails(c, HAM);
}

static void a_profile_that_does_not_ask_refuses_nobody(void **)
{
	bound("10.0.5.1", 0, ALL_PORTS, ANN, false);
	endpoint_is(ANN, TBL_LISTED, 600, 600);
	sender_is("10.0.5.1", 100, TBL_LISTED, 600);
	struct conn *c = meets("10.0.5.1");
	answers(c, "AUTH PLAIN AGEAYg==", "235 ok");
	mails(c, HAM);
	assert_int_equal(world.records[world.nrecords - 1].who.endpoint, ANN); // but it is named
}

// SYNs to be refused, by as many clients, until the half-open table is more than half full.
static void flood(void)
{
	struct conn *c = dial("10.0.8.9", 1);

	for (uint64_t before = counter(ACT_COOKIE); counter(ACT_COOKIE) == before;) {
		c->client_port++;
		segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
		settle();
		forget_seen();
	}
}

static void it_is_refused_without_state_in_a_flood_and_decided_anew_at_its_ack(void **)
{
	bound("10.0.1.1", 0, ALL_PORTS, ANN, false);
	endpoint_is(ANN, TBL_LISTED, 0, 0);
	sender_is("10.0.1.2", 60, 0, 0);
	bound("10.0.1.3", 0, ALL_PORTS, BOB, false);
	endpoint_is(BOB, 0, 90, 0);
	flood();
	turned_away("10.0.1.1", "554 " BY_ENDPOINT, ACT_ENDPOINT_CONNECT, 0, 0, ANN);
	turned_away("10.0.1.2", "421 " BY_SENDER_LATER, ACT_SENDER_CONNECT, 50, 60, 0);
	turned_away(
		"10.0.1.3", "554 " BY_ENDPOINT_IN("2 minutes"), ACT_ENDPOINT_CONNECT, 0, 0, BOB);
	assert_int_equal(counter(ACT_REFUSED_STATELESS), 3);
	struct conn *c = dial("10.0.1.1", 19999);
	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	settle();
	c->end[SERVER].isn = last_seen(c, CLIENT)->seq;
	endpoint_is(ANN, 0, 0, 0);
	segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, c->end[SERVER].isn + 1, NULL, 0);
	settle();
	assert_int_equal(counter(ACT_REFUSED_STATELESS), 3); // its next SYN is decided afresh
}

static void what_was_decided_at_the_syn_holds_at_its_ack_where_state_is_kept(void **)
{
	sender_is("10.0.1.1", 60, 0, 0);
	struct conn *c = dial("10.0.1.1", 2999);
	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	settle();
	c->end[SERVER].isn = last_seen(c, CLIENT)->seq;
	c->end[CLIENT].rcv = c->end[SERVER].isn + 1;
	sender_is("10.0.1.1", 0, 0, 0);
	world.nrecords = 0;
	segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, c->end[CLIENT].rcv, NULL, 0);
	settle();
	hears(c, CLIENT, "421 " BY_SENDER_LATER);
	assert_int_equal(world.records[0].limit, 50);
	assert_int_equal(world.records[0].value, 60);
}

static void another_profile_between_syn_and_ack_decides_afresh(void **)
{
	struct conn *c = dial("10.0.1.1", 2998);

	sender_is("10.0.1.1", 90, TBL_EXEMPT, 0);
	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	segment(c, SERVER, TCP_SYN | TCP_ACK, c->end[SERVER].isn, c->end[SERVER].rcv, NULL, 0);
	settle();
	world_use(reputation_rules, 3);
	sender_is("10.0.1.1", 90, 0, 0);
	segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, c->end[CLIENT].rcv, NULL, 0);
	settle();
	assert_int_equal(counter(FLOWS_INSPECTED), 0);
	assert_int_equal(counter(DROP_HANDSHAKE), 1);
}

// ---- at MAIL

static void at_mail_each_is_told_why_and_the_session_goes_on(void **)
{
	static const char *const CLIENTS[] = {"10.0.2.1", "fd02::1"};

	for (unsigned i = 0; i < COUNT(CLIENTS); i++) {
		bound(CLIENTS[i], 0, ALL_PORTS, ANN, false);
		endpoint_is(ANN, TBL_LISTED, 0, 0);
		struct conn *c = meets(CLIENTS[i]);
		refuses(c, "MAIL FROM:<a@b>", "550 " BY_ENDPOINT, ACT_ENDPOINT_MAIL, 0, 0);
		assert_int_equal(world.records[world.nrecords - 1].who.endpoint, ANN);
		endpoint_is(ANN, 0, 0, 0);
		sender_is(CLIENTS[i], 81, 0, 0);
		refuses(c, "MAIL FROM:<a@b>", "550 " BY_SENDER, ACT_SENDER_MAIL, 80, 81);
		sender_is(CLIENTS[i], 80, 0, 0);
		refuses(c, "MAIL FROM:<a@b>", "451 " BY_SENDER_LATER, ACT_SENDER_MAIL, 50, 80);
		sender_is(CLIENTS[i], 20, 0, 0);
		mails(c, HAM);
		ends_like_friends(c);
	}
}

static void a_session_that_was_open_learns_of_it_at_its_next_mail(void **)
{
	bound("10.0.1.1", 0, ALL_PORTS, ANN, false);
	struct conn *c = meets("10.0.1.1");
	mails(c, HAM);
	takes(c, "MAIL FROM:<a@b>");
	endpoint_is(ANN, 0, 600, 0);
	takes(c, "RCPT TO:<c@d>"); // of the one before it
	answers(c, "DATA", "354 go");
	passes(c, HAM, "250 taken\r\n");
	refuses(c, "MAIL FROM:<a@b>", "550 " BY_ENDPOINT_IN("10 minutes"), ACT_ENDPOINT_MAIL, 0, 0);
	takes(c, "RSET");
	refuses(c, "MAIL FROM:<a@b>", "550 " BY_ENDPOINT_IN("10 minutes"), ACT_ENDPOINT_MAIL, 0, 0);
	passes(c, "EHLO me\r\n", "250-mx\r\n250 CHUNKING\r\n");
	refuses(c, "SAML FROM:<a@b>", "550 " BY_ENDPOINT_IN("10 minutes"), ACT_ENDPOINT_MAIL, 0, 0);
	answers(c, "BDAT 0 LAST", "503 no transaction");
	refuses(c, "MAIL FROM:<>", "550 " BY_ENDPOINT_IN("10 minutes"), ACT_ENDPOINT_MAIL, 0, 0);
}

// Its binding may have gone, or its address be another's by now.
static void a_session_keeps_the_endpoint_that_it_began_with(void **)
{
	bound("10.0.1.1", 0, ALL_PORTS, ANN, false);
	struct conn *c = meets("10.0.1.1");
	unbound("10.0.1.1", 0, ALL_PORTS);
	bound("10.0.1.1", 0, ALL_PORTS, BOB, false);
	endpoint_is(BOB, TBL_LISTED, 0, 0);
	mails(c, HAM);
	assert_int_equal(world.outcome.endpoint, ANN);
	endpoint_is(ANN, 0, 600, 0);
	refuses(c, "MAIL FROM:<a@b>", "550 " BY_ENDPOINT_IN("10 minutes"), ACT_ENDPOINT_MAIL, 0, 0);
}

// Who connects ahead of his binding would else be nobody for as long as his session lasts.
static void a_session_ahead_of_its_binding_is_its_endpoints_from_its_next_mail(void **)
{
	struct conn *c = meets("10.0.1.1");
	mails(c, HAM);
	assert_int_equal(world.records[world.nrecords - 1].who.endpoint, 0);
	bound("10.0.1.1", 0, ALL_PORTS, ANN, false);
	mails(c, HAM);
	assert_int_equal(world.records[world.nrecords - 1].who.endpoint, ANN);
	bound("10.0.1.1", 0, ALL_PORTS, BOB, false); // kept from here on
	endpoint_is(BOB, TBL_LISTED, 0, 0);
	mails(c, HAM);
	endpoint_is(ANN, TBL_LISTED, 0, 0);
	refuses(c, "MAIL FROM:<a@b>", "550 " BY_ENDPOINT, ACT_ENDPOINT_MAIL, 0, 0);
	assert_int_equal(world.records[world.nrecords - 1].who.endpoint, ANN);
}

// What stands behind a refused MAIL in one flight gets what the server says of it, and each MAIL its refusal.
static void no_mail_of_a_flight_gets_past(void **)
{
	bound("10.0.2.1", 0, ALL_PORTS, ANN, false);
	endpoint_is(ANN, TBL_LISTED, 0, 0);
	struct conn *c = meets("10.0.2.1");

	says(c, CLIENT,
		"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nMAIL FROM:<e@b>\r\nRCPT TO:<f@d>\r\nRSET\r\nMAIL "
		"FROM:<g@b>\r\nBDAT 5 LAST\r\nhello");
	hears(c, SERVER, "NOOP           \r\nRCPT TO:<c@d>\r\nNOOP           \r\nRCPT "
			 "TO:<f@d>\r\nRSET\r\nNOOP           \r\nBDAT 5 LAST\r\nhello");
	says(c, SERVER, "250 noop\r\n503 no\r\n250 noop\r\n503 no\r\n250 reset\r\n250 noop\r\n503 no\r\n");
	hears(c, CLIENT, "550 " BY_ENDPOINT "503 no\r\n550 " BY_ENDPOINT
			 "503 no\r\n250 reset\r\n550 " BY_ENDPOINT "503 no\r\n");
	assert_int_equal(world.outcomes[ENG_OUTCOME_RCPT_REFUSED], 0); // nobody asked for them
	assert_int_equal(counter(ACT_ENDPOINT_MAIL), 3);
}

// ---- at RCPT

static void at_rcpt_the_log_has_the_envelope(void **)
{
	bound("10.0.3.1", 0, ALL_PORTS, ANN, false);
	endpoint_is(ANN, TBL_LISTED, 0, 0);
	struct conn *c = meets("10.0.3.1");
	takes(c, "MAIL FROM:<a@b>");
	refuses(c, "RCPT TO:<c@d>", "550 " BY_ENDPOINT, ACT_ENDPOINT_RCPT, 0, 0);
	refuses(c, "RCPT TO:<e@d>", "550 " BY_ENDPOINT, ACT_ENDPOINT_RCPT, 0, 0);
	answers(c, "DATA", "554 no recipients");
	takes(c, "RSET");
	endpoint_is(ANN, 0, 0, 0);
	sender_is("10.0.3.1", 81, 0, 0);
	takes(c, "MAIL FROM:<a@b>");
	refuses(c, "RCPT TO:<c@d>", "550 " BY_SENDER, ACT_SENDER_RCPT, 80, 81);
	takes(c, "RSET");
	sender_is("10.0.3.1", 51, 0, 0);
	takes(c, "MAIL FROM:<a@b>");
	refuses(c, "RCPT TO:<c@d>", "451 " BY_SENDER_LATER, ACT_SENDER_RCPT, 50, 51);
	takes(c, "RSET");
	sender_is("10.0.3.1", 50, 0, 0);
	mails(c, HAM);
	assert_int_equal(counter(ACT_ENDPOINT_CONNECT) + counter(ACT_ENDPOINT_MAIL) +
			counter(ACT_SENDER_CONNECT) + counter(ACT_SENDER_MAIL),
		0);
}

static void at_rcpt_more_than_are_substituted_are_taken_out_and_told_in_turn(void **)
{
	struct conn *c = meets("10.0.3.1");
	sender_is("10.0.3.1", 81, 0, 0);
	takes(c, "MAIL FROM:<a@b>");
	for (unsigned i = 0; i < 5; i++)
		refuses(c, "RCPT TO:<c@d>", "550 " BY_SENDER, ACT_SENDER_RCPT, 80, 81);
	says(c, CLIENT, "RCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\nRCPT TO:<3@d>\r\nNOOP\r\n");
	hears(c, SERVER, "NOOP\r\n");
	says(c, SERVER, "250 noop\r\n");
	hears(c, CLIENT, "550 " BY_SENDER "550 " BY_SENDER "550 " BY_SENDER "250 noop\r\n");
	assert_int_equal(counter(ACT_SENDER_RCPT), 8);
}

// A MAIL that comes behind replies still to come makes nothing good: its recipients may be the first one's.
static void a_mail_amid_a_flight_makes_nothing_good(void **)
{
	struct conn *c = meets("10.0.3.1");

	sender_is("10.0.3.1", 81, 0, 0);
	says(c, CLIENT, "MAIL FROM:<a@b>\r\n");
	hears(c, SERVER, "MAIL FROM:<a@b>\r\n");
	sender_is("10.0.3.1", 0, 0, 0);
	says(c, CLIENT, "MAIL FROM:<c@b>\r\nRCPT TO:<c@d>\r\n");
	hears(c, SERVER, "MAIL FROM:<c@b>\r\nNOOP         \r\n");
	says(c, SERVER, "250 ok\r\n503 nested\r\n250 noop\r\n");
	hears(c, CLIENT, "250 ok\r\n503 nested\r\n550 " BY_SENDER);
	takes(c, "RSET");
	mails(c, HAM);
}

// ---- AUTH

static void auth_is_refused_while_too_many_failed(void **)
{
	static const char *const CLIENTS[] = {"10.0.1.1", "fd02::1"};

	for (unsigned i = 0; i < COUNT(CLIENTS); i++) {
		bound(CLIENTS[i], 0, ALL_PORTS, ANN, false);
		sender_is(CLIENTS[i], 0, 0, 30);
		struct conn *c = meets(CLIENTS[i]);
		refuses(c, "AUTH PLAIN AGEAYg==", NO_LOGIN_IN("1 minute"), ACT_AUTH_BLOCKED, 0, 0);
		assert_false(server_has(c, "AGEAYg"));
		refuses(c, "auth login", NO_LOGIN_IN("1 minute"), ACT_AUTH_BLOCKED, 0, 0);
		mails(c, HAM); // that is no matter of AUTH
		pass_ms(31 * 1000);
		endpoint_is(ANN, 0, 0, 30);
		refuses(c, "AUTH PLAIN AGEAYg==", NO_LOGIN_IN("1 minute"), ACT_AUTH_BLOCKED, 0, 0);
		pass_ms(31 * 1000);
		answers(c, "AUTH PLAIN AGEAYg==", "235 ok");
		ends_like_friends(c);
	}
	assert_int_equal(world.outcomes[ENG_OUTCOME_AUTH_FAILED], 0);
}

static void auth_is_a_setting_of_its_own(void **)
{
	static const struct {
		const char *settings;
		bool refused, told;
	} rows[] = {
		{"auth_reputation: {action: off}", false, false},
		{"auth_reputation: {action: monitor}", false, true},
		{"auth_reputation: {action: reject}", true, false},
	};
	char text[512];

	for (unsigned i = 0; i < COUNT(rows); i++) {
		const uint64_t before = counter(ACT_AUTH_MONITORED);

		(void)snprintf(text, sizeof(text),
			"session_profiles: {s: {%s, " NO_DELAY
			"}}\npolicies: [{name: p, action: inspect, session: s}]\n",
			rows[i].settings);
		world_use(text, 3 + i);
		sender_is("10.0.2.1", 100, 0, 600);
		struct conn *c = meets("10.0.2.1");
		if (rows[i].refused)
			refuses(c, "AUTH PLAIN AGEAYg==", NO_LOGIN_IN("10 minutes"),
				ACT_AUTH_BLOCKED, 0, 0);
		else
			answers(c, "AUTH PLAIN AGEAYg==", "235 ok");
		assert_int_equal(counter(ACT_AUTH_MONITORED) - before, rows[i].told);
		mails(c, HAM); // of a sender of any score
		ends_like_friends(c);
	}
}

// What waits for its reply is told alike: nobody remembers which was which. Behind a MAIL there is no AUTH.
static void auth_behind_a_refused_mail_is_out_of_place(void **)
{
	sender_is("10.0.2.1", 81, 0, 600);
	struct conn *c = meets("10.0.2.1");

	says(c, CLIENT, "MAIL FROM:<a@b>\r\nAUTH PLAIN AGEAYg==\r\n");
	hears_begin(c, SERVER, "NOOP           \r\nNOOP");
	says(c, SERVER, "250 noop\r\n250 noop\r\n");
	hears(c, CLIENT, "550 " BY_SENDER "503 5.5.1 Bad sequence of commands (mw-*)\r\n");
	refuses(c, "AUTH PLAIN AGEAYg==", NO_LOGIN_IN("10 minutes"), ACT_AUTH_BLOCKED, 0, 0);
	sender_is("10.0.2.1", 60, 0, 600);
	refuses(c, "MAIL FROM:<a@b>", "451 " BY_SENDER_LATER, ACT_SENDER_MAIL, 50, 60);
}

// ---- until when

// Whole minutes, rounded up; an operator's list ends when he says so, and of a score nobody here knows.
static void a_refusal_says_when_it_is_over_where_that_is_known(void **)
{
	static const struct {
		uint8_t flags;
		uint32_t blocked_s;
		const char *words;
	} rows[] = {
		{0, 1, BY_ENDPOINT_IN("1 minute")},
		{0, 60, BY_ENDPOINT_IN("1 minute")},
		{0, 61, BY_ENDPOINT_IN("2 minutes")},
		{0, 37 * 60, BY_ENDPOINT_IN("37 minutes")},
		{0, 45 * 86400, BY_ENDPOINT_IN("64800 minutes")},
		{TBL_LISTED, 600, BY_ENDPOINT},
	};
	char reply[200];

	bound("10.0.1.1", 0, ALL_PORTS, ANN, false);
	bound("10.0.2.1", 0, ALL_PORTS, ANN, false);
	bound("10.0.3.1", 0, ALL_PORTS, ANN, false);
	for (unsigned i = 0; i < COUNT(rows); i++) {
		endpoint_is(ANN, 0, 0, 0);
		struct conn *mail = meets("10.0.2.1"), *rcpt = meets("10.0.3.1");
		endpoint_is(ANN, rows[i].flags, rows[i].blocked_s, 0);
		(void)snprintf(reply, sizeof(reply), "554 %s", rows[i].words);
		turned_away("10.0.1.1", reply, ACT_ENDPOINT_CONNECT, 0, 0, ANN);
		(void)snprintf(reply, sizeof(reply), "550 %s", rows[i].words);
		refuses(mail, "MAIL FROM:<a@b>", reply, ACT_ENDPOINT_MAIL, 0, 0);
		takes(rcpt, "MAIL FROM:<a@b>");
		refuses(rcpt, "RCPT TO:<c@d>", reply, ACT_ENDPOINT_RCPT, 0, 0);
		ends_like_friends(mail);
		ends_like_friends(rcpt);
	}
}

// Of what was told when it began to be refused: a block that is over by its reply says no time.
static void the_time_is_that_of_the_reply(void **)
{
	bound("10.0.2.1", 0, ALL_PORTS, ANN, false);
	endpoint_is(ANN, 0, 61, 0);
	struct conn *c = meets("10.0.2.1");
	refuses(c, "MAIL FROM:<a@b>", "550 " BY_ENDPOINT_IN("2 minutes"), ACT_ENDPOINT_MAIL, 0, 0);
	pass_ms(2000);
	says(c, CLIENT, "MAIL FROM:<a@b>\r\n");
	hears(c, SERVER, "NOOP           \r\n");
	endpoint_is(ANN, 0, 0, 0);
	says(c, SERVER, "250 noop\r\n");
	hears(c, CLIENT, "550 " BY_ENDPOINT);
}

static void of_two_blocks_of_logins_the_longer_one_is_told(void **)
{
	bound("10.0.2.1", 0, ALL_PORTS, ANN, false);
	sender_is("10.0.2.1", 0, 0, 60);
	endpoint_is(ANN, 0, 0, 600);
	struct conn *c = meets("10.0.2.1");
	refuses(c, "AUTH PLAIN AGEAYg==", NO_LOGIN_IN("10 minutes"), ACT_AUTH_BLOCKED, 0, 0);
	endpoint_is(ANN, TBL_EXEMPT, 0, 600);
	refuses(c, "AUTH PLAIN AGEAYg==", NO_LOGIN_IN("1 minute"), ACT_AUTH_BLOCKED, 0, 0);
	sender_is("10.0.2.1", 0, 0, 660);
	refuses(c, "AUTH PLAIN AGEAYg==", NO_LOGIN_IN("11 minutes"), ACT_AUTH_BLOCKED, 0, 0);
}

// ---- what is only told

static void monitored_it_is_told_once_a_session_and_nothing_is_refused(void **)
{
	bound("10.0.4.1", 0, ALL_PORTS, ANN, false);
	endpoint_is(ANN, TBL_LISTED, 0, 600);
	struct conn *c = meets("10.0.4.1");
	was_told(ACT_ENDPOINT_MONITORED, 0, 0);
	mails(c, HAM);
	sender_is("10.0.4.1", 81, 0, 600);
	mails(c, HAM);
	mails(c, HAM);
	answers(c, "AUTH PLAIN AGEAYg==", "535 no");
	was_told(ACT_AUTH_MONITORED, 0, 0);
	answers(c, "AUTH PLAIN AGEAYg==", "235 ok");
	assert_int_equal(counter(ACT_ENDPOINT_MONITORED), 1);
	assert_int_equal(counter(ACT_SENDER_MONITORED), 1);
	assert_int_equal(counter(ACT_AUTH_MONITORED), 1);
	ends_like_friends(c);
	(void)meets("10.0.4.1"); // another session
	assert_int_equal(counter(ACT_ENDPOINT_MONITORED), 2);
	was_told(ACT_SENDER_MONITORED, 80, 81);
}

static void what_several_share_is_only_told(void **)
{
	bound("10.0.1.1", 0, ALL_PORTS, ANN, true);
	endpoint_is(ANN, TBL_LISTED, 0, 600);
	struct conn *c = meets("10.0.1.1");
	was_told(ACT_ENDPOINT_MONITORED, 0, 0);
	assert_int_equal(world.records[world.nrecords - 1].who.endpoint, ANN);
	answers(c, "AUTH PLAIN AGEAYg==", "235 ok");
	was_told(ACT_AUTH_MONITORED, 0, 0);
	mails(c, HAM);
	assert_int_equal(world.outcomes[ENG_OUTCOME_ACCEPTED], 1);
	assert_int_equal(world.outcome.endpoint, 0); // whose doing was it?
	assert_int_equal(counter(ENDPOINT_SHARED), 1);
	sender_is("10.0.1.1", 81, 0, 0); // an address is what it is
	refuses(c, "MAIL FROM:<a@b>", "550 " BY_SENDER, ACT_SENDER_MAIL, 80, 81);
}

// ---- texts, other images

// RFC 5321 has no word for it, but who reads it must not take it for a matter of relaying.
static void no_refusal_speaks_of_relay_access(void **)
{
	static const char *const TEXTS[] = {BY_ENDPOINT, BY_ENDPOINT_IN("1 minute"), BY_SENDER,
		BY_SENDER_LATER, THROTTLED, THROTTLED_IN("2 minutes"), NO_LOGIN,
		NO_LOGIN_IN("2 minutes")};

	for (unsigned i = 0; i < COUNT(TEXTS); i++) {
		assert_null(strcasestr(TEXTS[i], "relay"));
		assert_null(strcasestr(TEXTS[i], "access"));
	}
}

static void a_profile_of_an_image_that_went_is_asked_for_ten_minutes(void **)
{
	struct conn *c = meets("10.0.2.1");

	world_use("session_profiles: {free: {" NO_DELAY "}}\n"
		  "policies: [{name: p, action: inspect, session: free}]\n",
		3);
	sender_is("10.0.2.1", 81, 0, 0);
	refuses(c, "MAIL FROM:<a@b>", "550 " BY_SENDER, ACT_SENDER_MAIL, 80, 81);
	pass_ms(11 * 60 * 1000);
	mails(c, HAM);
}

// ---- a candidate

static void a_candidates_reputation_is_compared_at_connect_mail_rcpt_and_auth(void **)
{
	static const char *const AT[] = {"connect", "mail", "rcpt"};
	char text[1024];

	bound("10.0.5.1", 0, ALL_PORTS, ANN, false);
	endpoint_is(ANN, TBL_LISTED, 0, 600);
	for (unsigned i = 0; i < COUNT(AT); i++) {
		(void)snprintf(text, sizeof(text),
			"session_profiles: {free: {endpoint_reputation: {action: reject}, "
			"auth_reputation: {action: reject}, refuse_at: %s, " NO_DELAY "}}\n"
			"content_profiles: {spam: {threshold: 5, action: reject}}\n"
			"policies: [{name: p, action: inspect, session: free, content: spam}]\n",
			AT[i]);
		world_shadow(text, NULL, 50 + i);
		world.nparted = 0;
		struct conn *c = meets("10.0.5.1");
		mails(c, HAM);
		assert_int_equal(world.nparted, 1);
		assert_int_equal(world.parted[0].shadow.code, i == 0 ? 554 : 550);
		assert_int_equal(world.parted[0].shadow.reason,
			i == 0           ? ACT_ENDPOINT_CONNECT
				: i == 1 ? ACT_ENDPOINT_MAIL
					 : ACT_ENDPOINT_RCPT);
		ends_like_friends(c);
		if (i == 0)
			continue;
		c = meets("10.0.5.1");
		answers(c, "AUTH PLAIN AGEAYg==", "235 ok");
		assert_int_equal(world.nparted, 2);
		assert_int_equal(world.parted[1].shadow.reason, ACT_AUTH_BLOCKED);
		ends_like_friends(c);
	}
}

static void a_candidate_with_the_same_reputation_parts_nowhere(void **)
{
	world_shadow(reputation_rules, NULL, 50);
	sender_is("10.0.1.1", 81, 0, 0);
	turned_away("10.0.1.1", "554 " BY_SENDER, ACT_SENDER_CONNECT, 80, 81, 0);
	sender_is("10.0.2.1", 81, 0, 0);
	refuses(meets("10.0.2.1"), "MAIL FROM:<a@b>", "550 " BY_SENDER, ACT_SENDER_MAIL, 80, 81);
	sender_is("10.0.3.1", 51, 0, 30);
	struct conn *c = meets("10.0.3.1");
	refuses(c, "AUTH PLAIN AGEAYg==", NO_LOGIN_IN("1 minute"), ACT_AUTH_BLOCKED, 0, 0);
	takes(c, "MAIL FROM:<a@b>");
	refuses(c, "RCPT TO:<c@d>", "451 " BY_SENDER_LATER, ACT_SENDER_RCPT, 50, 51);
	assert_int_equal(world.nparted, 0);
	assert_int_equal(counter(SHADOW_COMPARED), 3);
	assert_int_equal(counter(SHADOW_BLIND), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_endpoint_that_is_blocked_is_refused_at_connect_until_it_is_over),
		CASE(it_is_refused_under_another_address_and_who_gets_its_old_one_is_not),
		CASE(a_prefix_and_a_block_of_ports_are_an_endpoints_too),
		CASE(a_sender_is_refused_over_a_score_and_not_at_it),
		CASE(who_is_exempt_is_never_refused),
		CASE(a_profile_that_does_not_ask_refuses_nobody),
		CASE(it_is_refused_without_state_in_a_flood_and_decided_anew_at_its_ack),
		CASE(what_was_decided_at_the_syn_holds_at_its_ack_where_state_is_kept),
		CASE(another_profile_between_syn_and_ack_decides_afresh),
		CASE(at_mail_each_is_told_why_and_the_session_goes_on),
		CASE(a_session_that_was_open_learns_of_it_at_its_next_mail),
		CASE(a_session_keeps_the_endpoint_that_it_began_with),
		CASE(a_session_ahead_of_its_binding_is_its_endpoints_from_its_next_mail),
		CASE(no_mail_of_a_flight_gets_past),
		CASE(at_rcpt_the_log_has_the_envelope),
		CASE(at_rcpt_more_than_are_substituted_are_taken_out_and_told_in_turn),
		CASE(a_mail_amid_a_flight_makes_nothing_good),
		CASE(auth_is_refused_while_too_many_failed),
		CASE(auth_is_a_setting_of_its_own),
		CASE(auth_behind_a_refused_mail_is_out_of_place),
		CASE(a_refusal_says_when_it_is_over_where_that_is_known),
		CASE(the_time_is_that_of_the_reply),
		CASE(of_two_blocks_of_logins_the_longer_one_is_told),
		CASE(monitored_it_is_told_once_a_session_and_nothing_is_refused),
		CASE(what_several_share_is_only_told),
		CASE(no_refusal_speaks_of_relay_access),
		CASE(a_profile_of_an_image_that_went_is_asked_for_ten_minutes),
		CASE(a_candidates_reputation_is_compared_at_connect_mail_rcpt_and_auth),
		CASE(a_candidate_with_the_same_reputation_parts_nowhere),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
