// SPDX-License-Identifier: BSD-3-Clause
// Access rules and the lists of session profiles: what the client is told, what the server gets, and what
// is noted, for each action and each list, with the rule there and without it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eng_session.h"
#include "session_world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CASE(f) cmocka_unit_test_setup_teardown(f, rules_new, world_end)

#define NO_DELAY "max_errors: 0, error_delay_s: 0, error_delay_step_s: 0"
#define PROFILES                                                                                                \
	"content_profiles: {spam: {threshold: 5, action: reject}}\n"                                            \
	"session_profiles:\n"                                                                                   \
	"  plain: {" NO_DELAY "}\n"                                                                             \
	"  lists:\n    max_message_kb: 2\n    error_delay_s: 0\n    error_delay_step_s: 0\n    max_errors: 0\n" \
	"    safe_senders: [friend@example.org, good@blocked.example]\n"                                        \
	"    blocked_senders: [\"*@blocked.example\", \"*@*.blocked.example\", \"<>\"]\n"                       \
	"    safe_recipients: [abuse@example.org, good@nobody.example]\n"                                       \
	"    blocked_recipients: \"*@nobody.example\"\n"                                                        \
	"policies:\n"                                                                                           \
	"- {name: plain, source: 10.0.1.0/24, action: inspect, session: plain, content: spam}\n"                \
	"- {name: lists, source: 10.0.2.0/24, action: inspect, session: lists, content: spam}\n"                \
	"- {name: unscanned, source: 10.0.11.0/24, action: inspect, session: plain}\n"

static const char RULES[] = PROFILES
	"access:\n"
	"- {name: partner, sender: \"*@partner.example\", recipient: \"*@closed.example\", action: relay}\n"
	"- {name: closed, recipient: \"*@closed.example\", action: reject}\n"
	"- {name: later, recipient: \"*@later.example\", action: tempfail}\n"
	"- {name: trap, recipient: trap@example.org, action: discard}\n"
	"- {name: vip, recipient: \"*@vip.example\", action: bypass}\n"
	"- {name: private, auth: no, recipient: \"*@private.example\", action: reject}\n"
	"- {name: dialup, helo: \"*.dyn.example\", recipient: \"*@picky.example\", action: reject}\n"
	"- {name: host, client: [10.0.1.9, 10.0.1.16/28], recipient: \"*@picky.example\", action: reject}\n"
	"- {name: bad, sender: bad@example.org, action: reject}\n"
	"- {name: bounce, sender: \"<>\", recipient: \"*@picky.example\", action: reject}\n"
	"- {name: off, enabled: false, recipient: \"*\", action: reject}\n";

static const char DENIED[] = "550 5.7.1 Relay access denied. (mw-*)\r\n";
static const char LATER[] = "451 4.7.1 Recipient not taken now, try again later (mw-*)\r\n";
static const char OWN[] = "452 4.5.3 Recipient needs a message of its own (mw-*)\r\n";
static const char SENDER_BLOCKED[] = "550 5.7.1 Sender is on a blocklist (mw-*)\r\n";
static const char RCPT_BLOCKED[] = "550 5.7.1 Recipient is on a blocklist (mw-*)\r\n";
static const char ODD[] = "501 5.1.0 Address can't be read or is too long (mw-*)\r\n";
static const char BAD_SEQUENCE[] = "503 5.5.1 Bad sequence of commands (mw-*)\r\n";
static const char SPAM[] = "Subject: x\r\n\r\nbuy-now-cheap\r\n.\r\n";
static const char CLEAN[] = "Subject: x\r\n\r\nall is well\r\n.\r\n";

static int rules_new(void **state)
{
	int rc = world_new(state);

	world_use(RULES, 2);
	return rc;
}

// What `side` has got since the last look is of no interest.
static void pass_over(struct conn *c)
{
	c->end[CLIENT].told = c->end[CLIENT].rcv - (c->end[SERVER].isn + 1);
	c->end[SERVER].told = c->end[SERVER].rcv - (c->end[CLIENT].isn + 1);
}

static struct conn *opened(const char *source)
{
	static uint16_t port = 2000;
	struct conn *c = dial(source, port++);

	greets(c);
	pass_over(c);
	return c;
}

// A command that the server gets, and answers 250.
static void passes(struct conn *c, const char *command)
{
	char line[1024];

	(void)snprintf(line, sizeof(line), "%s\r\n", command);
	says(c, CLIENT, line);
	hears(c, SERVER, line);
	says(c, SERVER, "250 ok\r\n");
	hears(c, CLIENT, "250 ok\r\n");
}

// One that it gets as NOOP.
static void refused(struct conn *c, const char *command, const char *reply)
{
	char line[1024];

	(void)snprintf(line, sizeof(line), "%s\r\n", command);
	says(c, CLIENT, line);
	hears_begin(c, SERVER, "NOOP");
	says(c, SERVER, "250 noop\r\n");
	hears(c, CLIENT, reply);
}

static const struct eng_record *last_record(enum eng_record_kind kind)
{
	for (unsigned i = world.nrecords; i-- > 0;) {
		if (world.records[i].kind == kind)
			return &world.records[i];
	}
	fail_msg("no record of kind %d", kind);
	return NULL;
}

static void assert_refusal(uint16_t code, enum eng_reason reason, uint32_t rule)
{
	const struct eng_record *r = last_record(ENG_REC_REFUSAL);

	assert_int_equal(r->code, code);
	assert_int_equal(r->reason, reason);
	assert_int_equal(r->access, rule);
	if (rule != 0)
		assert_int_equal(r->access_image, 2);
	assert_true(r->id != 0);
}

static void data(struct conn *c)
{
	says(c, CLIENT, "DATA\r\n");
	hears(c, SERVER, "DATA\r\n");
	says(c, SERVER, "354 go\r\n");
	hears(c, CLIENT, "354 go\r\n");
}

static void is_refused_as_spam(struct conn *c)
{
	data(c);
	says(c, CLIENT, SPAM);
	hears_begin(c, CLIENT, "550 5.7.1 Message refused as spam");
}

static void goes_through_unscanned(struct conn *c, enum eng_reason why, uint32_t rule)
{
	const struct eng_record *r;

	data(c);
	says(c, CLIENT, SPAM);
	hears(c, SERVER, SPAM);
	says(c, SERVER, "250 queued\r\n");
	hears(c, CLIENT, "250 queued\r\n");
	assert_int_equal(counter(why), 1);
	r = last_record(ENG_REC_MESSAGE);
	assert_int_equal(r->verdict, ENG_VERDICT_UNSCANNED);
	assert_int_equal(r->reason, why);
	assert_int_equal(r->access, rule);
}

// ---- each action, and without a rule

static void without_rules_everything_reaches_the_server(void **)
{
	static const char *const SOURCES[] = {"10.0.1.9", "10.0.2.1"};

	world_use(PROFILES, 3);
	for (size_t i = 0; i < COUNT(SOURCES); i++) {
		struct conn *c = opened(SOURCES[i]);

		passes(c, "MAIL FROM:<bad@example.org>");
		passes(c, "RCPT TO:<x@closed.example>");
		passes(c, "RCPT TO:<x@later.example>");
		passes(c, "RCPT TO:<trap@example.org>");
		passes(c, "RCPT TO:<x@vip.example>");
		passes(c, "RCPT TO:<x@private.example>");
		passes(c, "RCPT TO:<x@picky.example>");
		is_refused_as_spam(c);
	}
	assert_int_equal(counter(ACT_ACCESS_REJECTED), 0);
}

static void a_rejected_recipient_gets_550_and_the_others_go_on(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL FROM:<a@example.org>");
	refused(c, "RCPT TO:<x@closed.example>", DENIED);
	assert_refusal(550, ACT_ACCESS_REJECTED, 2);
	passes(c, "RCPT TO:<x@open.example>");
	data(c);
	says(c, CLIENT, CLEAN);
	hears(c, SERVER, CLEAN);
	says(c, SERVER, "250 queued\r\n");
	hears(c, CLIENT, "250 queued\r\n");
	assert_int_equal(last_record(ENG_REC_MESSAGE)->recipients, 1);
	assert_int_equal(last_record(ENG_REC_MESSAGE)->access, 0);
	assert_int_equal(counter(ACT_ACCESS_REJECTED), 1);
}

static void relay_ends_the_search(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL FROM:<a@partner.example>");
	passes(c, "RCPT TO:<x@closed.example>");
	is_refused_as_spam(c); // it is scanned all the same
	assert_int_equal(last_record(ENG_REC_MESSAGE)->access, 1);
}

static void a_tempfailed_recipient_gets_451(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL FROM:<a@example.org>");
	refused(c, "RCPT TO:<x@later.example>", LATER);
	assert_refusal(451, ACT_ACCESS_TEMPFAILED, 3);
	assert_int_equal(counter(ACT_ACCESS_TEMPFAILED), 1);
}

static void a_discarded_message_is_taken_by_us_and_the_server_cut(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL FROM:<a@example.org>");
	passes(c, "RCPT TO:<trap@example.org>");
	passes(c, "RCPT TO:<\"TRAP\"@Example.org.>");
	data(c);
	says(c, CLIENT, CLEAN);
	hears_begin(c, CLIENT, "250 2.0.0 ");
	assert_true(c->end[SERVER].reset);
	assert_int_equal(counter(ACT_ACCESS_DISCARDED), 1);
	assert_int_equal(counter(ACT_DISCARDED), 0);
	assert_int_equal(last_record(ENG_REC_MESSAGE)->verdict, ENG_VERDICT_DISCARDED);
	assert_int_equal(last_record(ENG_REC_MESSAGE)->reason, ACT_ACCESS_DISCARDED);
	assert_int_equal(last_record(ENG_REC_MESSAGE)->access, 4);
}

static void a_discarded_message_does_not_pass_at_a_possible_end_either(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL FROM:<a@example.org>");
	passes(c, "RCPT TO:<trap@example.org>");
	data(c);
	says(c, CLIENT, "Subject: x\r\n\r\nhello\n.\r\nmore\r\n");
	assert_true(c->end[SERVER].reset);
	says(c, CLIENT, ".\r\n");
	hears_begin(c, CLIENT, "250 2.0.0 ");
	assert_int_equal(counter(ACT_ACCESS_DISCARDED), 1);
}

static void what_is_discarded_and_what_is_not_need_messages_of_their_own(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL FROM:<a@example.org>");
	passes(c, "RCPT TO:<x@open.example>");
	refused(c, "RCPT TO:<trap@example.org>", OWN);
	assert_refusal(452, ACT_ACCESS_SPLIT, 4);
	data(c);
	says(c, CLIENT, CLEAN);
	hears(c, SERVER, CLEAN);
	says(c, SERVER, "250 queued\r\n");
	hears(c, CLIENT, "250 queued\r\n");
	passes(c, "MAIL FROM:<a@example.org>");
	passes(c, "RCPT TO:<trap@example.org>");
	refused(c, "RCPT TO:<x@open.example>", OWN);
	assert_refusal(452, ACT_ACCESS_SPLIT, 0);
	assert_int_equal(counter(ACT_ACCESS_SPLIT), 2);
}

static void a_message_to_bypassed_recipients_alone_is_not_scanned(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL FROM:<a@example.org>");
	passes(c, "RCPT TO:<x@vip.example>");
	passes(c, "RCPT TO:<y@vip.example>");
	goes_through_unscanned(c, PASS_ACCESS_BYPASS, 5);
	passes(c, "MAIL FROM:<a@example.org>"); // the next one is
	passes(c, "RCPT TO:<x@open.example>");
	is_refused_as_spam(c);
}

static void one_recipient_more_and_it_is_scanned(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL FROM:<a@example.org>");
	passes(c, "RCPT TO:<x@vip.example>");
	passes(c, "RCPT TO:<y@open.example>");
	is_refused_as_spam(c);
	assert_int_equal(counter(PASS_ACCESS_BYPASS), 0);
}

static void where_nothing_is_scanned_nothing_is_bypassed(void **)
{
	struct conn *c = opened("10.0.11.1");

	passes(c, "MAIL FROM:<a@example.org>");
	passes(c, "RCPT TO:<x@vip.example>");
	data(c);
	assert_int_equal(counter(PASS_ACCESS_BYPASS), 0);
	assert_int_equal(counter(PASS_NO_PROFILE), 1);
}

// ---- each condition

static void auth_counts_where_a_rule_asks_for_it(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL FROM:<a@example.org>");
	refused(c, "RCPT TO:<x@private.example>", DENIED);
	assert_refusal(550, ACT_ACCESS_REJECTED, 6);
	passes(c, "RSET");
	says(c, CLIENT, "AUTH PLAIN AGEAYg==\r\n");
	says(c, SERVER, "235 welcome\r\n");
	pass_over(c);
	passes(c, "MAIL FROM:<a@example.org>");
	passes(c, "RCPT TO:<x@private.example>");
}

static void the_name_in_helo_counts(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "EHLO a.b.Dyn.Example");
	passes(c, "MAIL FROM:<a@example.org>");
	refused(c, "RCPT TO:<x@picky.example>", DENIED);
	assert_refusal(550, ACT_ACCESS_REJECTED, 7);
	passes(c, "HELO fixed.example");
	passes(c, "MAIL FROM:<a@example.org>");
	passes(c, "RCPT TO:<x@picky.example>");
}

static void the_clients_address_counts(void **)
{
	static const struct {
		const char *source;
		bool refused;
	} SOURCES[] = {{"10.0.1.9", true}, {"10.0.1.31", true}, {"10.0.1.32", false}};

	for (size_t i = 0; i < COUNT(SOURCES); i++) {
		struct conn *c = opened(SOURCES[i].source);

		passes(c, "MAIL FROM:<a@example.org>");
		if (SOURCES[i].refused)
			refused(c, "RCPT TO:<x@picky.example>", DENIED);
		else
			passes(c, "RCPT TO:<x@picky.example>");
	}
}

static void the_null_sender_has_a_pattern_of_its_own(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL FROM:<>");
	refused(c, "RCPT TO:<x@picky.example>", DENIED);
	assert_refusal(550, ACT_ACCESS_REJECTED, 10);
	passes(c, "RCPT TO:<x@open.example>");
}

// ---- who tries to get round a rule

static const char *const SPELLINGS[] = {
	"MAIL FROM:<bad@example.org>",
	"MAIL FROM:<BAD@EXAMPLE.ORG>",
	"MAIL FROM:<bad@example.org.>",
	"MAIL FROM:<\"bad\"@example.org>",
	"MAIL FROM:<\"b\\ad\"@example.org>",
	"MAIL FROM: <bad@example.org>",
	"MAIL FROM:< bad@example.org >",
	"mail from:bad@example.org",
	"MAIL FROM:<@a.example,@b.example:bad@example.org>",
	"MAIL FROM:<bad@example.org> SIZE=100",
	"SOML FROM:<bad@example.org>",
};

static void no_spelling_of_an_address_gets_round_a_rule(void **)
{
	for (size_t i = 0; i < COUNT(SPELLINGS); i++) {
		struct conn *c = opened("10.0.1.1");

		passes(c, SPELLINGS[i]);
		refused(c, "RCPT TO:<x@open.example>", DENIED);
		assert_refusal(550, ACT_ACCESS_REJECTED, 9);
	}
}

// Postfix takes VT and FF for blanks, other servers other controls.
static void a_command_whose_blanks_are_controls_is_judged(void **)
{
	static const char *const COMMANDS[] = {"RCPT\vTO:<x@closed.example>", "RCPT\fTO:<x@closed.example>",
		"\vRCPT TO:<x@closed.example>", "RCPT TO:\v<x@closed.example>\f",
		"\x01RCPT\x1fTO:<x@closed.example>"};
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL\vFROM:<a@example.org>");
	for (size_t i = 0; i < COUNT(COMMANDS); i++)
		refused(c, COMMANDS[i], DENIED);
	assert_refusal(550, ACT_ACCESS_REJECTED, 2);
}

// Postfix reads x@closed.example in the first three, Exim in the others.
static void an_address_in_which_a_server_reads_another_is_refused(void **)
{
	static const char *const COMMANDS[] = {"RCPT TO:<x@closed.example@>",
		"RCPT TO:<@[a:x@closed.example>", "RCPT TO:<x@closed.example@@>",
		"RCPT TO:friend <x@closed.example>", "RCPT TO:\"friend\" <x@closed.example>",
		"RCPT TO:x @closed.example"};

	for (size_t i = 0; i < COUNT(COMMANDS); i++) {
		struct conn *c = opened("10.0.1.1");

		passes(c, "MAIL FROM:<a@example.org>");
		refused(c, COMMANDS[i], ODD);
	}
	assert_refusal(501, ACT_ADDRESS_REFUSED, 0);
}

static void an_address_that_cannot_be_judged_is_refused(void **)
{
	struct conn *c = opened("10.0.1.1");
	char line[512];
	int n = snprintf(line, sizeof(line), "MAIL FROM:<%0320d@example.org>", 0);

	assert_in_range(n, 320, 400);
	refused(c, line, ODD);
	assert_refusal(501, ACT_ADDRESS_REFUSED, 0);
	refused(c, "MAIL <bad@example.org>", ODD);
	passes(c, "MAIL FROM:<a@example.org>");
	line[0] = 'R', line[1] = 'C', line[2] = 'P', line[3] = 'T';
	memcpy(line + 5, "TO:<00", 6);
	refused(c, line, ODD);
	refused(c, "RCPT x@closed.example", ODD);
	says(c, CLIENT, "RCPT TO:<x(y)@closed.example>\r\nRCPT TO:<,x@closed.example>\r\n");
	says(c, SERVER, "250 noop\r\n");
	pass_over(c);
	assert_int_equal(counter(ACT_ADDRESS_REFUSED), 6);
	passes(c, "RCPT TO:<x@open.example>");
}

static void a_long_address_is_judged_whole(void **)
{
	struct conn *c = opened("10.0.1.1");
	char line[512];

	passes(c, "MAIL FROM:<a@example.org>");
	(void)snprintf(line, sizeof(line), "RCPT TO:<%0300d@closed.example>", 0);
	refused(c, line, DENIED);
	(void)snprintf(line, sizeof(line), "RCPT TO:<%0300d@open.example>", 0);
	passes(c, line);
}

// The server may be in either transaction: what is refused in one is refused.
static void a_second_mail_does_not_change_whose_message_it_is(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL FROM:<bad@example.org>");
	says(c, CLIENT, "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@open.example>\r\n");
	hears_begin(c, SERVER, "MAIL FROM:<a@example.org>\r\nNOOP");
	says(c, SERVER, "503 nested\r\n250 noop\r\n");
	hears(c, CLIENT, "503 nested\r\n550 5.7.1 Relay access denied. (mw-*)\r\n");
	refused(c, "RCPT TO:<y@open.example>", DENIED);
}

static void the_first_sender_refused_by_the_server_the_second_counts(void **)
{
	struct conn *c = opened("10.0.1.1");

	says(c, CLIENT, "MAIL FROM:<bad@example.org>\r\nMAIL FROM:<a@example.org>\r\n");
	hears(c, SERVER, "MAIL FROM:<bad@example.org>\r\nMAIL FROM:<a@example.org>\r\n");
	says(c, SERVER, "550 no\r\n250 ok\r\n");
	hears(c, CLIENT, "550 no\r\n250 ok\r\n");
	passes(c, "RCPT TO:<x@open.example>");
}

static void a_third_mail_without_a_reply_is_put_off(void **)
{
	struct conn *c = opened("10.0.1.1");

	says(c, CLIENT,
		"MAIL FROM:<bad@example.org>\r\nMAIL FROM:<a@example.org>\r\nMAIL "
		"FROM:<c@example.org>\r\n");
	says(c, SERVER, "555 no\r\n250 ok\r\n250 noop\r\n");
	hears(c, CLIENT,
		"555 no\r\n250 ok\r\n451 4.3.2 Message not taken now, try again later (mw-*)\r\n");
	assert_int_equal(counter(ACT_MAIL_DEFERRED), 1);
}

static void behind_a_reset_the_next_sender_counts(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL FROM:<bad@example.org>");
	says(c, CLIENT, "RSET\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<x@open.example>\r\n");
	hears(c, SERVER, "RSET\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<x@open.example>\r\n");
	says(c, SERVER, "250 ok\r\n250 ok\r\n250 ok\r\n");
	hears(c, CLIENT, "250 ok\r\n250 ok\r\n250 ok\r\n");
}

static void a_reset_that_the_server_refuses_does_not_help(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL FROM:<bad@example.org>");
	says(c, CLIENT, "RSET now\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<x@open.example>\r\n");
	hears_begin(c, SERVER, "RSET now\r\nMAIL FROM:<a@example.org>\r\nNOOP");
	says(c, SERVER, "501 no\r\n503 nested\r\n250 noop\r\n");
	hears(c, CLIENT, "501 no\r\n503 nested\r\n550 5.7.1 Relay access denied. (mw-*)\r\n");
	says(c, CLIENT, "RSET\r\n");
	says(c, SERVER, "500 no\r\n");
	pass_over(c);
	refused(c, "RCPT TO:<x@open.example>", DENIED);
}

// Exim says so to a chunk without recipients, and stays in the transaction.
static void a_chunk_without_recipients_does_not_end_what_the_sender_is_held_to(void **)
{
	struct conn *c = dial("10.0.1.1", 1999);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER, "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
	pass_over(c);
	passes(c, "MAIL FROM:<bad@example.org>");
	says(c, CLIENT, "BDAT 0 LAST\r\n");
	hears(c, SERVER, "BDAT 0 LAST\r\n");
	says(c, SERVER, "503 Valid RCPT command must precede BDAT\r\n");
	pass_over(c);
	refused(c, "RCPT TO:<x@open.example>", BAD_SEQUENCE);
	says(c, CLIENT, "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@open.example>\r\n");
	hears(c, SERVER, "MAIL FROM:<a@example.org>\r\n");
	says(c, SERVER, "503 sender already given\r\n");
	hears_begin(c, SERVER, "NOOP");
	says(c, SERVER, "250 ok\r\n");
	hears(c, CLIENT, "503 sender already given\r\n503 5.5.1 Bad sequence of commands (mw-*)\r\n");
}

// Who takes another MAIL is in its transaction; then they may come in groups again.
static void behind_a_chunk_without_recipients_the_next_mail_counts(void **)
{
	struct conn *c = dial("10.0.1.1", 1998);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER, "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
	pass_over(c);
	says(c, CLIENT, "MAIL FROM:<bad@example.org>\r\nRCPT TO:<x@open.example>\r\nBDAT 3 LAST\r\nx\r\n");
	hears_begin(c, SERVER, "MAIL FROM:<bad@example.org>\r\nNOOP");
	says(c, SERVER, "250 ok\r\n250 noop\r\n");
	says(c, SERVER, "554 no valid recipients\r\n");
	pass_over(c);
	says(c, CLIENT, "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@open.example>\r\nBDAT 29 LAST\r\n");
	hears(c, SERVER, "MAIL FROM:<a@example.org>\r\n");
	says(c, SERVER, "250 ok\r\n");
	hears(c, SERVER, "RCPT TO:<x@open.example>\r\nBDAT 29 LAST\r\n");
	says(c, SERVER, "250 ok\r\n");
	says(c, CLIENT, "Subject: x\r\n\r\nbuy-now-cheap\r\n");
	hears(c, CLIENT, "250 ok\r\n250 ok\r\n550 5.7.1 Message refused as spam (mw-*)\r\n");
}

static void pipelined_recipients_are_told_in_their_order_each_with_its_rule(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL FROM:<a@example.org>");
	says(c, CLIENT,
		"RCPT TO:<x@later.example>\r\nRCPT TO:<a@open.example>\r\nRCPT "
		"TO:<x@closed.example>\r\nRCPT TO:<y@later.example>\r\nDATA\r\n");
	pass_over(c);
	says(c, SERVER, "250 noop\r\n");
	assert_refusal(451, ACT_ACCESS_TEMPFAILED, 3);
	says(c, SERVER, "250 a\r\n");
	says(c, SERVER, "250 noop\r\n");
	assert_refusal(550, ACT_ACCESS_REJECTED, 2);
	says(c, SERVER, "250 noop\r\n");
	assert_refusal(451, ACT_ACCESS_TEMPFAILED, 3);
	says(c, SERVER, "354 go\r\n");
	hears(c, CLIENT,
		"451 4.7.1 Recipient not taken now, try again later (mw-*)\r\n250 a\r\n550 5.7.1 "
		"Relay access denied. (mw-*)\r\n451 4.7.1 Recipient not taken now, try again later "
		"(mw-*)\r\n354 go\r\n");
}

// More than are replaced by NOOP: the others are taken out.
static void many_refused_recipients_do_not_end_the_session(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL FROM:<a@example.org>");
	for (unsigned i = 0; i < 12; i++) {
		char line[64];

		(void)snprintf(line, sizeof(line), "RCPT TO:<x%u@closed.example>\r\n", i);
		says(c, CLIENT, line);
		if (i < 5)
			says(c, SERVER, "250 noop\r\n");
		hears(c, CLIENT, DENIED);
		assert_refusal(550, ACT_ACCESS_REJECTED, 2);
	}
	pass_over(c);
	passes(c, "RCPT TO:<x@open.example>");
	assert_int_equal(counter(ACT_ACCESS_REJECTED), 12);
	assert_int_equal(counter(ACT_WITHDRAWN), 7);
}

// ---- lists

static void a_blocked_sender_is_refused_at_mail(void **)
{
	static const char *const SENDERS[] = {
		"MAIL FROM:<a@blocked.example>", "MAIL FROM:<a@x.Blocked.example>", "MAIL FROM:<>"};
	struct conn *c = opened("10.0.2.1");

	for (size_t i = 0; i < COUNT(SENDERS); i++) {
		refused(c, SENDERS[i], SENDER_BLOCKED);
		assert_refusal(550, ACT_SENDER_BLOCKED, 0);
	}
	passes(c, "MAIL FROM:<a@example.org>");
	passes(c, "RCPT TO:<x@open.example>");
	is_refused_as_spam(c);
	assert_int_equal(counter(ACT_SENDER_BLOCKED), 3);
	c = opened("10.0.1.1"); // another profile
	passes(c, SENDERS[0]);
}

static void a_blocked_recipient_is_refused_at_rcpt(void **)
{
	struct conn *c = opened("10.0.2.1");

	passes(c, "MAIL FROM:<a@example.org>");
	refused(c, "RCPT TO:<x@nobody.example>", RCPT_BLOCKED);
	assert_refusal(550, ACT_RECIPIENT_BLOCKED, 0);
	passes(c, "RCPT TO:<good@nobody.example>"); // safe, too
	assert_int_equal(counter(ACT_RECIPIENT_BLOCKED), 1);
	c = opened("10.0.1.1");
	passes(c, "MAIL FROM:<a@example.org>");
	passes(c, "RCPT TO:<x@nobody.example>");
}

static void a_safe_senders_message_is_not_scanned(void **)
{
	struct conn *c = opened("10.0.2.1");

	passes(c, "MAIL FROM:<Friend@example.org>");
	passes(c, "RCPT TO:<x@open.example>");
	goes_through_unscanned(c, PASS_SAFE_LIST, 0);
	passes(c, "MAIL FROM:<good@blocked.example>"); // safe beats blocked
	c = opened("10.0.1.1");
	passes(c, "MAIL FROM:<Friend@example.org>");
	passes(c, "RCPT TO:<x@open.example>");
	is_refused_as_spam(c);
}

static void a_message_to_safe_recipients_alone_is_not_scanned(void **)
{
	struct conn *c = opened("10.0.2.1");

	passes(c, "MAIL FROM:<a@example.org>");
	passes(c, "RCPT TO:<abuse@example.org>");
	goes_through_unscanned(c, PASS_SAFE_LIST, 0);
	passes(c, "MAIL FROM:<a@example.org>");
	passes(c, "RCPT TO:<abuse@example.org>");
	passes(c, "RCPT TO:<x@open.example>");
	is_refused_as_spam(c);
}

static void what_becomes_of_an_unscanned_message_later_is_its_reason(void **)
{
	char text[3000];
	struct conn *c = opened("10.0.2.1");

	passes(c, "MAIL FROM:<friend@example.org>");
	passes(c, "RCPT TO:<x@open.example>");
	data(c);
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 70; i < sizeof(text); i += 70)
		memcpy(text + i - 2, "\r\n", 2);
	says(c, CLIENT, text);
	assert_int_equal(counter(PASS_SAFE_LIST), 1);
	assert_int_equal(last_record(ENG_REC_MESSAGE)->verdict, ENG_VERDICT_REJECTED);
	assert_int_equal(last_record(ENG_REC_MESSAGE)->reason, ACT_LIMIT_SIZE);
}

static void a_safe_sender_may_still_be_rejected_by_a_rule(void **)
{
	struct conn *c = opened("10.0.2.1");

	passes(c, "MAIL FROM:<friend@example.org>");
	refused(c, "RCPT TO:<abuse@closed.example>", DENIED);
}

// ---- another image comes into force

static void a_message_ends_under_the_rules_it_began_with(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL FROM:<a@example.org>");
	world_use(PROFILES, 3);
	refused(c, "RCPT TO:<x@closed.example>", DENIED);
	assert_refusal(550, ACT_ACCESS_REJECTED, 2);
	passes(c, "RSET");
	passes(c, "MAIL FROM:<a@example.org>");
	passes(c, "RCPT TO:<x@closed.example>");
	world_use(RULES, 4);
	passes(c, "RCPT TO:<y@closed.example>");
	passes(c, "RSET");
	passes(c, "MAIL FROM:<a@example.org>");
	refused(c, "RCPT TO:<x@closed.example>", DENIED);
	assert_int_equal(last_record(ENG_REC_REFUSAL)->access_image, 4);
}

static void lists_are_those_of_the_image_in_force_at_mail(void **)
{
	struct conn *c = opened("10.0.2.1"), *d = opened("10.0.1.1");

	world_use("content_profiles: {spam: {threshold: 5, action: reject}}\n"
		  "session_profiles: {other: {blocked_senders: \"*@new.example\"}}\n"
		  "policies:\n"
		  "- {name: all, source: 10.0.2.0/24, action: inspect, session: other}\n"
		  "- {name: rest, source: any, action: pass}\n",
		3);
	passes(c, "MAIL FROM:<a@blocked.example>");
	passes(c, "RSET");
	refused(c, "MAIL FROM:<a@new.example>", SENDER_BLOCKED);
	passes(d, "MAIL FROM:<a@new.example>"); // nobody would read it now
}

static void no_message_without_a_place_for_it(void **)
{
	struct conn *c[16];

	(void)world_end(NULL);
	(void)world_new_sized(63, 3, 2047);
	world_use(RULES, 2);
	for (unsigned i = 0; i < 4; i++) {
		c[i] = opened("10.0.1.1");
		passes(c[i], "MAIL FROM:<a@example.org>");
	}
	c[4] = opened("10.0.1.1");
	refused(c[4], "MAIL FROM:<bad@example.org>",
		"451 4.3.2 Message not taken now, try again later (mw-*)\r\n");
	assert_refusal(451, ACT_MAIL_DEFERRED, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(without_rules_everything_reaches_the_server),
		CASE(a_rejected_recipient_gets_550_and_the_others_go_on),
		CASE(relay_ends_the_search),
		CASE(a_tempfailed_recipient_gets_451),
		CASE(a_discarded_message_is_taken_by_us_and_the_server_cut),
		CASE(a_discarded_message_does_not_pass_at_a_possible_end_either),
		CASE(what_is_discarded_and_what_is_not_need_messages_of_their_own),
		CASE(a_message_to_bypassed_recipients_alone_is_not_scanned),
		CASE(one_recipient_more_and_it_is_scanned),
		CASE(where_nothing_is_scanned_nothing_is_bypassed),
		CASE(auth_counts_where_a_rule_asks_for_it),
		CASE(the_name_in_helo_counts),
		CASE(the_clients_address_counts),
		CASE(the_null_sender_has_a_pattern_of_its_own),
		CASE(no_spelling_of_an_address_gets_round_a_rule),
		CASE(a_command_whose_blanks_are_controls_is_judged),
		CASE(an_address_in_which_a_server_reads_another_is_refused),
		CASE(an_address_that_cannot_be_judged_is_refused),
		CASE(a_long_address_is_judged_whole),
		CASE(a_second_mail_does_not_change_whose_message_it_is),
		CASE(the_first_sender_refused_by_the_server_the_second_counts),
		CASE(a_third_mail_without_a_reply_is_put_off),
		CASE(behind_a_reset_the_next_sender_counts),
		CASE(a_reset_that_the_server_refuses_does_not_help),
		CASE(a_chunk_without_recipients_does_not_end_what_the_sender_is_held_to),
		CASE(behind_a_chunk_without_recipients_the_next_mail_counts),
		CASE(pipelined_recipients_are_told_in_their_order_each_with_its_rule),
		CASE(many_refused_recipients_do_not_end_the_session),
		CASE(a_blocked_sender_is_refused_at_mail),
		CASE(a_blocked_recipient_is_refused_at_rcpt),
		CASE(a_safe_senders_message_is_not_scanned),
		CASE(a_message_to_safe_recipients_alone_is_not_scanned),
		CASE(what_becomes_of_an_unscanned_message_later_is_its_reason),
		CASE(a_safe_sender_may_still_be_rejected_by_a_rule),
		CASE(a_message_ends_under_the_rules_it_began_with),
		CASE(lists_are_those_of_the_image_in_force_at_mail),
		CASE(no_message_without_a_place_for_it),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
