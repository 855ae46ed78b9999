// SPDX-License-Identifier: BSD-3-Clause
// Domains that a profile has checked: what waits for a finding, for how long, what comes of it, and that
// nothing behind a command that waits leaves before it.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ask_double.h"
#include "session_world.h"
#include "tcp_flags.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, asks_new, world_end)

static int take_outcome(void *, const struct eng_outcome *)
{
	return 0;
}

static int take_record(void *, const struct eng_record *)
{
	return 0;
}

static unsigned never_full(void *)
{
	return 0;
}

static const struct eng_sink sink = {.outcome = take_outcome,
	.record = take_record,
	.fill = never_full,
	.ask = take_question,
	.finding = give_finding};

static int asks_new(void **state)
{
	int rc = world_new(state);

	asked_forget();
	eng_sink_set(world.eng, 0, &sink);
	return rc;
}

static void wants(unsigned i, enum eng_ask_kind kind, const char *name)
{
	assert_int_equal(nasked, i + 1);
	assert_int_equal(asked[i].q.kind, kind);
	assert_string_equal(asked[i].name, name);
	assert_int_equal(asked[i].q.otherwise, ENG_FIND_UNKNOWN);
}

static void tell(const struct eng_question *q, enum eng_find what, uint32_t ttl_ms)
{
	found[nfound++] = (struct eng_finding){.session = q->session,
		.key = q->key,
		.flow = q->flow,
		.ttl_ms = ttl_ms,
		.kind = q->kind,
		.found = what};
	pass_ms(5);
}

static void is(unsigned i, enum eng_find what)
{
	tell(&asked[i].q, what, 60000);
}

// Banner and EHLO, its domain found.
static struct conn *opened(const char *source)
{
	struct conn *c = dial(source, 2000);

	greets(c);
	if (nasked > 0)
		is(0, ENG_FIND_EXISTS);
	return c;
}

// ... whichever session of it asks; others have their own.
static void a_question_says_which_client_asks(void **)
{
	static const char *const SOURCES[] = {"10.0.22.1", "10.0.22.1", "10.0.22.2"};
	struct conn *c;

	for (unsigned i = 0; i < sizeof(SOURCES) / sizeof(SOURCES[0]); i++) {
		char line[40];

		c = dial(SOURCES[i], (uint16_t)(2000 + i));
		handshake(c);
		says(c, SERVER, "220 mx\r\n");
		(void)snprintf(line, sizeof(line), "EHLO n%u.example\r\n", i);
		says(c, CLIENT, line);
	}
	assert_int_equal(nasked, 3);
	assert_true(asked[0].q.asker == asked[1].q.asker);
	assert_true(asked[0].q.asker != asked[2].q.asker);
}

static void neither_a_command_that_waits_nor_what_is_behind_it_leaves(void **)
{
	struct conn *c = opened("10.0.22.1");

	wants(0, ENG_ASK_HELO, "me");
	forget_seen();
	says(c, CLIENT,
		"MAIL FROM:<a@From.example>\r\nRCPT TO:<b@to.example>\r\nRCPT TO:<c@To.Example.>\r\n"
		"RCPT TO:<d@other.example>\r\nDATA\r\n");
	wants(1, ENG_ASK_SENDER, "from.example");
	pass_ms(1900);
	hears(c, SERVER, "");
	assert_int_equal(frames_seen(c, CLIENT), 0); // not even an acknowledgement
	is(1, ENG_FIND_EXISTS);
	hears(c, SERVER, "MAIL FROM:<a@From.example>\r\n");
	wants(2, ENG_ASK_RECIPIENT, "to.example");
	pass_ms(1900);
	hears(c, SERVER, "");
	is(2, ENG_FIND_EXISTS);
	hears(c, SERVER, "RCPT TO:<b@to.example>\r\nRCPT TO:<c@To.Example.>\r\n"); // known by now
	wants(3, ENG_ASK_RECIPIENT, "other.example");
	is(3, ENG_FIND_EXISTS);
	hears(c, SERVER, "RCPT TO:<d@other.example>\r\nDATA\r\n");
	says(c, SERVER, "250 1\r\n250 2\r\n250 3\r\n250 4\r\n354 go\r\n");
	hears(c, CLIENT, "250 1\r\n250 2\r\n250 3\r\n250 4\r\n354 go\r\n");
	assert_int_equal(counter(ACT_ASKED), 4);
	assert_int_equal(counter(ACT_ASK_KNOWN), 4); // the three that waited, looked at again
	assert_int_equal(counter(ACT_CUSTODY), 0);
}

static void a_command_whose_domain_is_absent_is_refused_in_its_place(void **)
{
	static const struct {
		const char *source, *command;
		enum eng_find found;
		enum eng_reason reason;
		const char *reply; // NULL: it goes on
	} cases[] = {
		{"10.0.22.1", "MAIL FROM:<a@x.example>\r\n", ENG_FIND_ABSENT, ACT_SENDER_DOMAIN,
			"550 5.1.8 Sender domain takes no mail (mw-*)\r\n"},
		{"10.0.22.1", "MAIL FROM:<a@x.example>\r\n", ENG_FIND_NO_MAIL, ACT_SENDER_DOMAIN,
			"550 5.1.8 Sender domain takes no mail (mw-*)\r\n"},
		{"10.0.22.1", "MAIL FROM:<a@x.example>\r\n", ENG_FIND_UNKNOWN, 0, NULL},
		{"10.0.23.1", "MAIL FROM:<a@x.example>\r\n", ENG_FIND_UNKNOWN, ACT_SENDER_UNKNOWN,
			"451 4.3.0 Could not resolve sender domain (mw-*)\r\n"},
		{"10.0.23.1", "MAIL FROM:<a@x.example>\r\n", ENG_FIND_EXISTS, 0, NULL},
		{"10.0.22.1", "RCPT TO:<a@x.example>\r\n", ENG_FIND_ABSENT, ACT_RCPT_DOMAIN,
			"550 5.1.2 Recipient domain takes no mail (mw-*)\r\n"},
		{"10.0.22.1", "RCPT TO:<a@x.example>\r\n", ENG_FIND_UNKNOWN, 0, NULL},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (i > 0) // the first one's is the suite's, as the last one's end
			(void)asks_new(NULL);
		struct conn *c = opened(cases[i].source);
		const unsigned n = nasked;

		says(c, CLIENT, cases[i].command);
		assert_int_equal(nasked, n + 1);
		is(n, cases[i].found);
		if (cases[i].reply == NULL) {
			hears(c, SERVER, cases[i].command);
		} else {
			hears_begin(c, SERVER, "NOOP  ");
			says(c, SERVER, "250 noop\r\n");
			hears(c, CLIENT, cases[i].reply);
			assert_int_equal(counter(cases[i].reason), 1);
		}
		if (i + 1 < sizeof(cases) / sizeof(cases[0]))
			(void)world_end(NULL);
	}
}

static void helo_is_told_at_mail_and_never_held(void **)
{
	struct conn *c = dial("10.0.22.1", 2000);

	greets(c); // both went through at once
	wants(0, ENG_ASK_HELO, "me");
	says(c, CLIENT, "MAIL FROM:<a@[192.0.2.1]>\r\nRSET\r\n"); // waits for the one of HELO alone
	hears(c, SERVER, "");
	is(0, ENG_FIND_ABSENT);
	hears(c, SERVER, "NOOP                     \r\n");
	says(c, SERVER, "250 noop\r\n");
	hears(c, CLIENT, "550 5.5.0 Invalid EHLO/HELO domain (mw-*)\r\n");
	hears(c, SERVER, "RSET\r\n");
	says(c, SERVER, "250 reset\r\n");
	says(c, CLIENT, "EHLO [10.0.12.1]\r\n"); // an address is one
	says(c, SERVER, "250 mx\r\n");
	says(c, CLIENT, "MAIL FROM:<>\r\n");
	hears(c, SERVER, "EHLO [10.0.12.1]\r\nMAIL FROM:<>\r\n");
	assert_int_equal(nasked, 1);
	assert_int_equal(counter(ACT_HELO_DOMAIN), 1);
}

static void a_finding_that_does_not_come_is_waited_for_2_s_a_command(void **)
{
	struct conn *c = opened("10.0.22.1");

	says(c, CLIENT, "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n");
	pass_ms(1990);
	hears(c, SERVER, "");
	pass_ms(30);
	hears(c, SERVER, "MAIL FROM:<a@b.example>\r\n");
	pass_ms(1900);
	hears(c, SERVER, "");
	pass_ms(110);
	hears(c, SERVER, "RCPT TO:<c@d.example>\r\n");
	assert_int_equal(counter(ACT_ASK_LATE), 2);
	assert_int_equal(counter(ACT_CUSTODY), 0);
	is(1, ENG_FIND_ABSENT); // too late for this one
	says(c, SERVER, "250 1\r\n250 2\r\n");
	says(c, CLIENT, "RSET\r\n");
	says(c, SERVER, "250 3\r\n");
	hears(c, CLIENT, "250 1\r\n250 2\r\n250 3\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b.example>\r\n"); // but remembered
	says(c, SERVER, "250 noop\r\n");
	hears_begin(c, CLIENT, "550 5.1.8 ");
}

static void without_anybody_to_ask_nobody_waits(void **)
{
	struct conn *c = opened("10.0.22.1");

	full = true;
	says(c, CLIENT, "MAIL FROM:<a@b.example>\r\n");
	hears(c, SERVER, "MAIL FROM:<a@b.example>\r\n");
	assert_int_equal(counter(ACT_ASK_NOBODY), 1);
	eng_sink_set(world.eng, 0, NULL);
	says(c, CLIENT, "RCPT TO:<c@d.example>\r\n");
	hears(c, SERVER, "RCPT TO:<c@d.example>\r\n");
	assert_int_equal(counter(ACT_ASK_NOBODY), 2);
}

static void a_control_plane_that_goes_costs_the_deadline_at_most(void **)
{
	struct conn *c = opened("10.0.23.1");

	says(c, CLIENT, "MAIL FROM:<a@b.example>\r\n");
	eng_sink_set(world.eng, 0, NULL);
	pass_ms(2010);
	hears(c, SERVER, "NOOP                   \r\n");
	says(c, SERVER, "250 noop\r\n");
	hears_begin(c, CLIENT, "451 4.3.0 ");
}

static void one_that_never_answers_is_not_waited_for_again_and_again(void **)
{
	struct conn *c = opened("10.0.22.1");
	char line[64];

	for (unsigned i = 0; i < 4; i++) {
		(void)snprintf(line, sizeof(line), "RCPT TO:<c@d%u.example>\r\n", i);
		says(c, CLIENT, line);
		hears(c, SERVER, "");
		pass_ms(2010);
		hears(c, SERVER, line);
	}
	says(c, CLIENT, "RCPT TO:<c@e.example>\r\n");
	hears(c, SERVER, "RCPT TO:<c@e.example>\r\n");
	assert_string_equal(asked[nasked - 1].name, "e.example"); // asked all the same
	assert_int_equal(counter(ACT_ASK_NOBODY), 1);
	is(nasked - 1, ENG_FIND_EXISTS); // somebody is there again
	says(c, CLIENT, "RCPT TO:<c@f.example>\r\n");
	hears(c, SERVER, "");
	is(nasked - 1, ENG_FIND_EXISTS);
	hears(c, SERVER, "RCPT TO:<c@f.example>\r\n");
}

static void findings_for_sessions_that_are_gone_or_never_were_are_nobodys(void **)
{
	struct conn *c = opened("10.0.22.1"), *other;
	struct eng_question q;

	says(c, CLIENT, "MAIL FROM:<a@b.example>\r\n");
	q = asked[1].q;
	segment(c, CLIENT, TCP_RST, c->end[CLIENT].nxt, 0, NULL, 0);
	settle();
	tell(&q, ENG_FIND_ABSENT, 0); // not remembered
	other = dial("10.0.22.2", 2001);
	handshake(other); // in the same place
	says(other, SERVER, "220 mx\r\n");
	hears(other, CLIENT, "220 mx\r\n");
	says(other, CLIENT, "EHLO me\r\n"); // known
	says(other, SERVER, "250 mx\r\n");
	hears(other, CLIENT, "250 mx\r\n");
	hears(other, SERVER, "EHLO me\r\n");
	says(other, CLIENT, "MAIL FROM:<a@b.example>\r\n");
	assert_int_equal(nasked, 3);
	assert_int_equal(asked[2].q.flow, q.flow);
	q.key++;
	tell(&q, ENG_FIND_EXISTS, 60000); // the old one's
	q.flow = UINT32_MAX;
	tell(&q, ENG_FIND_EXISTS, 60000);
	q.session = asked[2].q.session;
	tell(&q, ENG_FIND_EXISTS, UINT32_MAX);
	q.flow = asked[2].q.flow;
	tell(&q, ENG_FIND_EXISTS, 60000); // of another name: it looks, and waits on
	hears(other, SERVER, "");
	is(2, ENG_FIND_EXISTS);
	hears(other, SERVER, "MAIL FROM:<a@b.example>\r\n");
}

static void who_has_proven_who_he_is_is_not_asked_about(void **)
{
	struct conn *c = dial("10.0.22.1", 2000);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER, "250-mx\r\n250 AUTH PLAIN\r\n");
	says(c, CLIENT, "AUTH PLAIN AGEAYg==\r\n");
	says(c, SERVER, "235 ok\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b.example>\r\nRCPT TO:<nodomain>\r\n");
	hears(c, SERVER,
		"EHLO me\r\nAUTH PLAIN AGEAYg==\r\nMAIL FROM:<a@b.example>\r\n"
		"RCPT TO:<nodomain>\r\n");
	assert_int_equal(nasked, 1); // HELO came before
}

static void addresses_without_a_domain_are_refused_but_those_that_need_none(void **)
{
	struct conn *c = opened("10.0.22.1");

	says(c, CLIENT, "MAIL FROM:<root>\r\n");
	hears_begin(c, SERVER, "NOOP");
	says(c, SERVER, "250 noop\r\n");
	hears(c, CLIENT, "553 5.1.7 Sender address without a domain (mw-*)\r\n");
	says(c, CLIENT, "MAIL FROM:<>\r\n");
	says(c, SERVER, "250 ok\r\n");
	says(c, CLIENT, "RCPT TO:<Postmaster>\r\n");
	says(c, SERVER, "250 ok\r\n");
	hears(c, SERVER, "MAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\n");
	hears(c, CLIENT, "250 ok\r\n250 ok\r\n");
	says(c, CLIENT, "RCPT TO:<somebody@.>\r\n");
	hears_begin(c, SERVER, "NOOP");
	says(c, SERVER, "250 noop\r\n");
	hears(c, CLIENT, "553 5.1.3 Recipient address without a domain (mw-*)\r\n");
	says(c, CLIENT, "RCPT TO:<a@[IPv6:2001:db8::1]>\r\n");
	hears(c, SERVER, "RCPT TO:<a@[IPv6:2001:db8::1]>\r\n");
	assert_int_equal(nasked, 1);
	assert_int_equal(counter(ACT_DOMAIN_EMPTY), 2);
}

// Postfix reads the sender a@absent.example in the first three, Exim in the fourth; what is asked about would
// be another domain, or none.
static void an_address_in_which_a_server_reads_another_domain_is_refused(void **state)
{
	static const char *const COMMANDS[] = {"MAIL FROM:<a@absent.example@>",
		"MAIL FROM:<@[b:a@absent.example>", "MAIL FROM:<a@absent.example(@good.example>",
		"MAIL FROM:friend <a@absent.example>", "MAIL FROM:<a@absent.example"};

	for (unsigned i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++) {
		struct conn *c = opened("10.0.22.1");
		char line[80];

		(void)snprintf(line, sizeof(line), "%s\r\n", COMMANDS[i]);
		says(c, CLIENT, line);
		hears_begin(c, SERVER, "NOOP");
		says(c, SERVER, "250 noop\r\n");
		hears(c, CLIENT, "501 5.1.0 Address can't be read or is too long (mw-*)\r\n");
		assert_int_equal(counter(ACT_ADDRESS_REFUSED), 1);
		assert_int_equal(world_end(state), 0);
		assert_int_equal(asks_new(state), 0);
	}
}

static void what_is_no_address_though_it_begins_like_one_is_asked_about(void **)
{
	struct conn *c = opened("10.0.22.1");

	says(c, CLIENT, "MAIL FROM:<a@[absent.example>\r\n");
	wants(nasked - 1, ENG_ASK_SENDER, "[absent.example");
}

static void a_command_typed_byte_by_byte_waits_for_its_finding_too(void **)
{
	static const char line[] = "MAIL FROM:<a@b.example>\r\n";
	struct conn *c = opened("10.0.22.1");
	char byte[2] = {0};

	for (size_t i = 0; line[i] != '\0'; i++) {
		byte[0] = line[i];
		says(c, CLIENT, byte);
		pass_ms(30); // custody is taken of what is no line yet
	}
	wants(1, ENG_ASK_SENDER, "b.example");
	pass_ms(1800);
	hears(c, SERVER, "");
	pass_ms(300);
	hears(c, SERVER, line);
	assert_int_equal(counter(ACT_ASK_LATE), 1);
}

// The octets of a chunk that was refused already come together with the next command.
static void a_command_that_comes_with_a_chunks_last_octets_waits_too(void **)
{
	struct conn *c = opened("10.0.22.1"); // without CHUNKING

	says(c, CLIENT, "BDAT 10 LAST\r\n12345");
	says(c, SERVER, "250 noop\r\n");
	hears_begin(c, CLIENT, "502 5.5.1 BDAT ");
	hears_begin(c, SERVER, "NOOP");
	says(c, CLIENT, "67890MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n");
	hears(c, SERVER, "");
	wants(1, ENG_ASK_SENDER, "b.example");
	is(1, ENG_FIND_EXISTS);
	hears(c, SERVER, "MAIL FROM:<a@b.example>\r\n");
	wants(2, ENG_ASK_RECIPIENT, "d.example");
}

// Exim refuses a chunk at once and reads it away.
static void the_same_where_the_server_refused_the_chunk(void **)
{
	struct conn *c = dial("10.0.22.1", 2000);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO [10.0.22.1]\r\n");
	says(c, SERVER, "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
	says(c, CLIENT, "BDAT 10\r\n12345");
	says(c, SERVER, "503 no recipients\r\n");
	hears(c, SERVER, "EHLO [10.0.22.1]\r\nBDAT 10\r\n12345");
	says(c, CLIENT, "67890MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n");
	hears(c, SERVER, "67890");
	wants(0, ENG_ASK_SENDER, "b.example");
}

// What was found of a command that never came to be judged is not the next one's.
static void a_session_that_is_cut_leaves_its_finding_to_nobody(void **)
{
	struct conn *c = opened("10.0.22.1"), *d = dial("10.0.22.2", 2001);

	says(c, CLIENT, "BDAT 10 LAST\r\n12345");
	says(c, SERVER, "250 noop\r\n");
	handshake(d);
	says(d, SERVER, "220 mx\r\n");
	says(d, CLIENT, "EHLO [10.0.22.2]\r\n");
	says(d, SERVER, "250 mx\r\n");
	says(d, CLIENT, "MAIL FROM:<root>\rQUIT\r\n"); // without a domain, and an odd line
	assert_true(d->end[SERVER].reset);
	hears_begin(c, SERVER, "NOOP");
	says(c, CLIENT, "67890RSET\r\n");
	hears(c, SERVER, "RSET\r\n");
}

static void a_client_that_hangs_up_behind_it_is_still_heard(void **)
{
	struct conn *c = opened("10.0.22.1");

	says(c, CLIENT, "MAIL FROM:<a@b.example>\r\nQUIT\r\n");
	hangs_up(c, CLIENT);
	hears(c, SERVER, "");
	assert_false(c->end[SERVER].fin_got || c->end[SERVER].reset);
	is(1, ENG_FIND_EXISTS);
	hears(c, SERVER, "MAIL FROM:<a@b.example>\r\nQUIT\r\n");
	assert_true(c->end[SERVER].fin_got);
	says(c, SERVER, "250 ok\r\n221 bye\r\n");
	hears(c, CLIENT, "250 ok\r\n221 bye\r\n");
	hangs_up(c, SERVER);
}

static void a_server_that_is_blocked_is_answered_for_with_554(void **)
{
	static const char *const sources[] = {"10.0.24.1", "10.0.23.1"};

	for (unsigned i = 0; i < 2; i++) {
		struct conn *c = dial(sources[i], (uint16_t)(2000 + i));
		struct end *client = &c->end[CLIENT];

		if (i == 1) { // another profile blocks nothing
			greets(c);
			continue;
		}
		segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
		settle();
		assert_int_equal(last_seen(c, CLIENT)->flags, TCP_SYN | TCP_ACK);
		c->end[SERVER].isn = last_seen(c, CLIENT)->seq;
		client->rcv = c->end[SERVER].isn + 1;
		segment(c, CLIENT, TCP_ACK, client->nxt, client->rcv, NULL, 0);
		settle();
		hears_begin(c, CLIENT, "554 5.7.1 ");
		assert_int_equal(frames_seen(c, SERVER), 0);
		assert_int_equal(counter(ACT_BLOCKED_SERVER), 1);
		assert_int_equal(counter(ACT_REFUSED_CONNECT), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_question_says_which_client_asks),
		CASE(neither_a_command_that_waits_nor_what_is_behind_it_leaves),
		CASE(a_command_whose_domain_is_absent_is_refused_in_its_place),
		CASE(helo_is_told_at_mail_and_never_held),
		CASE(a_finding_that_does_not_come_is_waited_for_2_s_a_command),
		CASE(without_anybody_to_ask_nobody_waits),
		CASE(a_control_plane_that_goes_costs_the_deadline_at_most),
		CASE(one_that_never_answers_is_not_waited_for_again_and_again),
		CASE(findings_for_sessions_that_are_gone_or_never_were_are_nobodys),
		CASE(who_has_proven_who_he_is_is_not_asked_about),
		CASE(addresses_without_a_domain_are_refused_but_those_that_need_none),
		CASE(an_address_in_which_a_server_reads_another_domain_is_refused),
		CASE(what_is_no_address_though_it_begins_like_one_is_asked_about),
		CASE(a_command_typed_byte_by_byte_waits_for_its_finding_too),
		CASE(a_command_that_comes_with_a_chunks_last_octets_waits_too),
		CASE(the_same_where_the_server_refused_the_chunk),
		CASE(a_session_that_is_cut_leaves_its_finding_to_nobody),
		CASE(a_client_that_hangs_up_behind_it_is_still_heard),
		CASE(a_server_that_is_blocked_is_answered_for_with_554),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
