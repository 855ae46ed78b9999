// SPDX-License-Identifier: BSD-3-Clause
// Rates of messages and recipients, of a client and of a sender's address: N pass, the next is told 450 and
// the server never hears of it; what the server does not take is given back, however its message ends.
// Across workers: tests/unit/table, tests/wire.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "eng_session.h"
#include "session_world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CASE(f) cmocka_unit_test_setup_teardown(f, rates_new, world_end)

#define NO_DELAY "max_errors: 0, error_delay_s: 0, error_delay_step_s: 0"
#define NETWORK(name, net, content)                                                         \
	"- {name: " name ", source: 10.0." net ".0/24, action: inspect, session: " name content \
	"}\n"

static const char RULES[] =
	"content_profiles: {spam: {threshold: 5, action: reject}, put_off: {threshold: 5, action: "
	"tempfail}, quiet: {threshold: 5, action: discard}}\n"
	"session_profiles:\n"
	"  client_m: {client_messages: 3, client_rate_min: 10, " NO_DELAY "}\n"
	"  client_r: {client_recipients: 3, client_rate_min: 10, " NO_DELAY "}\n"
	"  sender_m: {sender_messages: 3, sender_rate_min: 20, " NO_DELAY "}\n"
	"  sender_r: {sender_recipients: 3, sender_rate_min: 20, " NO_DELAY "}\n"
	"  free: {" NO_DELAY "}\n"
	"  all: {client_messages: 9, client_recipients: 9, sender_messages: 9, sender_recipients: "
	"9, max_message_kb: 1, max_noop: 1, " NO_DELAY "}\n"
	"  fours: {client_messages: 4, client_recipients: 4, sender_messages: 3, "
	"sender_recipients: 2, " NO_DELAY "}\n"
	"access:\n"
	"- {name: trap, recipient: trap@example.org, action: discard}\n"
	"- {name: closed, recipient: \"*@closed.example\", action: reject}\n"
	"policies:\n" NETWORK("client_m", "1", "") NETWORK("client_r", "2", "")
		NETWORK("sender_m", "3", "") NETWORK("sender_r", "4", "") NETWORK("free", "5", "")
			NETWORK("all", "6", ", content: spam") NETWORK("fours", "7", "")
	"- {name: put_off, source: 10.0.8.0/24, action: inspect, session: all, content: put_off}\n"
	"- {name: quiet, source: 10.0.9.0/24, action: inspect, session: all, content: quiet}\n"
	"- {name: six, source: \"fd01::/16\", action: inspect, session: client_m}\n";

static const char *const TOLD[ENG_RATE_COUNT] = {
	"450 4.7.1 Too many messages of this client of late, try again later (mw-*)\r\n",
	"450 4.7.1 Too many recipients of this client of late, try again later (mw-*)\r\n",
	"450 4.7.1 Too many messages of this sender of late, try again later (mw-*)\r\n",
	"450 4.7.1 Too many recipients of this sender of late, try again later (mw-*)\r\n",
};
static const enum eng_reason REASONS[ENG_RATE_COUNT] = {ACT_CLIENT_MESSAGES,
	ACT_CLIENT_RECIPIENTS, ACT_SENDER_MESSAGES, ACT_SENDER_RECIPIENTS};

enum { MINUTE_MS = 60 * 1000 };

static int rates_new(void **state)
{
	int rc = world_new(state);

	world_use(RULES, 2);
	return rc;
}

static void pass_over(struct conn *c)
{
	hears_begin(c, CLIENT, "");
	hears_begin(c, SERVER, "");
}

static struct conn *opened(const char *source)
{
	static uint16_t port = 2000;
	struct conn *c = dial(source, port++);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER,
		"250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-STARTTLS\r\n250-SMTPUTF8\r\n"
		"250 AUTH PLAIN\r\n");
	pass_over(c);
	return c;
}

// A command that the server gets, and answers so.
static void answered(struct conn *c, const char *command, const char *reply)
{
	char line[1200], back[200];

	(void)snprintf(line, sizeof(line), "%s\r\n", command);
	(void)snprintf(back, sizeof(back), "%s\r\n", reply);
	says(c, CLIENT, line);
	hears(c, SERVER, line);
	says(c, SERVER, back);
	hears(c, CLIENT, back);
}

static void passes(struct conn *c, const char *command)
{
	answered(c, command, "250 ok");
}

// One that it gets as NOOP.
static void refused(struct conn *c, const char *command, enum eng_rate rate)
{
	const uint64_t before = counter(REASONS[rate]);
	char line[1200];

	world.nrecords = 0;
	(void)snprintf(line, sizeof(line), "%s\r\n", command);
	says(c, CLIENT, line);
	hears_begin(c, SERVER, "NOOP");
	says(c, SERVER, "250 noop\r\n");
	hears(c, CLIENT, TOLD[rate]);
	assert_int_equal(counter(REASONS[rate]), before + 1);
	assert_int_equal(world.nrecords, 1);
	assert_int_equal(world.records[0].kind, ENG_REC_REFUSAL);
	assert_int_equal(world.records[0].code, 450);
	assert_int_equal(world.records[0].reason, REASONS[rate]);
	assert_int_equal(world.records[0].value, world.records[0].limit + 1);
}

static void content_passes(struct conn *c)
{
	static const char text[] = "Subject: x\r\n\r\nall is well\r\n.\r\n";

	answered(c, "DATA", "354 go");
	says(c, CLIENT, text);
	hears(c, SERVER, text);
	says(c, SERVER, "250 taken\r\n");
	hears(c, CLIENT, "250 taken\r\n");
}

static void both_hang_up(struct conn *c)
{
	hangs_up(c, CLIENT);
	hangs_up(c, SERVER);
}

// What is counted now, of this client or of this sender's address.
static uint32_t counted(const char *profile, enum eng_rate rate, const char *source,
	const char *sender, bool auth)
{
	struct tbl_cell_key key = {.profile = pol_session_key(profile), .kind = (uint16_t)(16 + rate)};
	struct addr client;
	uint8_t name[64];

	assert_int_equal(addr_parse(source, &client), 0);
	if (sender == NULL) {
		key.client = client;
	} else {
		memset(name, 0, sizeof(client));
		if (!auth)
			memcpy(name, &client, sizeof(client));
		memcpy(name + sizeof(client), sender, strlen(sender));
		const uint64_t hash = tbl_cells_name(
			world.eng->cells, name, sizeof(client) + strlen(sender));
		memcpy(key.client.b, &hash, sizeof(hash));
	}
	return tbl_cells_read(world.eng->cells, &key, (uint32_t)(world.now_us / 1000000)).events;
}

// ---- N pass

static void so_many_messages_of_a_client_pass_and_the_next_is_refused(void **)
{
	struct conn *c = opened("10.0.1.1");
	char mail[64];

	for (unsigned i = 0; i < 3; i++) { // senders are no matter, nor how many recipients
		(void)snprintf(mail, sizeof(mail), "MAIL FROM:<a%u@b>", i);
		passes(c, mail);
		passes(c, "RCPT TO:<c@d>");
		passes(c, "RCPT TO:<e@d>");
		content_passes(c);
	}
	refused(c, "MAIL FROM:<a@b>", ENG_RATE_CLIENT_MESSAGES);
	assert_int_equal(world.records[0].limit, 3);
	refused(c, "MAIL FROM:<>", ENG_RATE_CLIENT_MESSAGES);
	both_hang_up(c);
	c = opened("10.0.1.1"); // another session of it
	refused(c, "MAIL FROM:<a@b>", ENG_RATE_CLIENT_MESSAGES);
	c = opened("10.0.1.2"); // another client
	passes(c, "MAIL FROM:<a@b>");
	pass_ms(20 * MINUTE_MS);
	c = opened("10.0.1.1");
	passes(c, "MAIL FROM:<a@b>");
}

static void so_many_recipients_of_a_client_pass_and_the_next_is_refused(void **)
{
	struct conn *c = opened("10.0.2.1");

	passes(c, "MAIL FROM:<a@b>");
	passes(c, "RCPT TO:<1@d>");
	passes(c, "RCPT TO:<2@d>");
	content_passes(c);
	passes(c, "MAIL FROM:<b@b>");
	passes(c, "RCPT TO:<3@d>");
	refused(c, "RCPT TO:<4@d>", ENG_RATE_CLIENT_RECIPIENTS);
	assert_int_equal(world.records[0].limit, 3);
	content_passes(c); // to the third
	passes(c, "MAIL FROM:<a@b>");
	refused(c, "RCPT TO:<4@d>", ENG_RATE_CLIENT_RECIPIENTS);
	pass_ms(10 * MINUTE_MS - 2000);
	refused(c, "RCPT TO:<4@d>", ENG_RATE_CLIENT_RECIPIENTS);
	pass_ms(10 * MINUTE_MS + 2000);
	c = opened("10.0.2.1");
	passes(c, "MAIL FROM:<a@b>");
	passes(c, "RCPT TO:<4@d>");
}

static void so_many_messages_of_a_sender_pass_and_the_next_is_refused(void **)
{
	struct conn *c = opened("10.0.3.1");

	for (unsigned i = 0; i < 3; i++) {
		passes(c, "MAIL FROM:<a@b.example>");
		passes(c, "RCPT TO:<c@d>");
		content_passes(c);
	}
	refused(c, "MAIL FROM:<a@b.example>", ENG_RATE_SENDER_MESSAGES);
	assert_int_equal(world.records[0].limit, 3);
	passes(c, "MAIL FROM:<other@b.example>");
	passes(c, "RSET");
	refused(c, "MAIL FROM:<a@b.example>", ENG_RATE_SENDER_MESSAGES);
	pass_ms(40 * MINUTE_MS);
	c = opened("10.0.3.1");
	passes(c, "MAIL FROM:<a@b.example>");
}

static void so_many_recipients_of_a_sender_pass_and_the_next_is_refused(void **)
{
	struct conn *c = opened("10.0.4.1");

	passes(c, "MAIL FROM:<a@b>");
	for (unsigned i = 0; i < 3; i++)
		passes(c, "RCPT TO:<c@d>");
	refused(c, "RCPT TO:<c@d>", ENG_RATE_SENDER_RECIPIENTS);
	content_passes(c);
	passes(c, "MAIL FROM:<a@b>");
	refused(c, "RCPT TO:<c@d>", ENG_RATE_SENDER_RECIPIENTS);
	passes(c, "RSET");
	passes(c, "MAIL FROM:<c@b>");
	passes(c, "RCPT TO:<c@d>");
}

static void the_null_sender_is_nobody(void **)
{
	struct conn *c = opened("10.0.3.1"), *many = opened("10.0.4.1");

	for (unsigned i = 0; i < 10; i++) {
		passes(c, "MAIL FROM:<>");
		passes(c, "RCPT TO:<c@d>");
		content_passes(c);
	}
	passes(many, "MAIL FROM:<>");
	for (unsigned i = 0; i < 10; i++)
		passes(many, "RCPT TO:<c@d>");
}

static void without_the_setting_any_number_passes(void **)
{
	struct conn *c = opened("10.0.5.1");

	for (unsigned i = 0; i < 20; i++) {
		passes(c, "MAIL FROM:<a@b>");
		passes(c, "RCPT TO:<c@d>");
		content_passes(c);
	}
	for (unsigned rate = 0; rate < ENG_RATE_COUNT; rate++)
		assert_int_equal(counter(REASONS[rate]), 0);
}

static void an_ipv6_client_is_its_network(void **)
{
	struct conn *c = opened("fd01::1");

	for (unsigned i = 0; i < 3; i++) {
		passes(c, "MAIL FROM:<a@b>");
		passes(c, "RCPT TO:<c@d>");
		content_passes(c);
	}
	refused(opened("fd01::ffff:0:2"), "MAIL FROM:<a@b>", ENG_RATE_CLIENT_MESSAGES);
	passes(opened("fd01:0:0:1::1"), "MAIL FROM:<a@b>");
}

static void what_another_limit_refuses_counts_for_none(void **)
{
	struct conn *c = opened("10.0.7.1"); // of a client 4 and 4, of a sender 3 and 2

	passes(c, "MAIL FROM:<a@b>");
	passes(c, "RCPT TO:<1@d>");
	passes(c, "RCPT TO:<2@d>");
	refused(c, "RCPT TO:<3@d>", ENG_RATE_SENDER_RECIPIENTS);
	says(c, CLIENT, "RCPT TO:<x@closed.example>\r\n"); // and by an access rule
	says(c, SERVER, "250 noop\r\n");
	pass_over(c);
	assert_int_equal(counted("fours", ENG_RATE_CLIENT_RECIPIENTS, "10.0.7.1", NULL, false), 2);
	assert_int_equal(counted("fours", ENG_RATE_SENDER_RECIPIENTS, "10.0.7.1", "a@b", false), 2);
	content_passes(c);
	for (unsigned i = 0; i < 2; i++) {
		passes(c, "MAIL FROM:<c@b>");
		passes(c, "RCPT TO:<1@d>");
		content_passes(c);
	}
	assert_int_equal(counted("fours", ENG_RATE_CLIENT_MESSAGES, "10.0.7.1", NULL, false), 3);
	passes(c, "MAIL FROM:<c@b>");
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
		"<a.b+1@c.example>", "<a.b>", "<a.b@c.example.net>", "<\xc3\xa9@c.example> SMTPUTF8"};
	char command[200];

	for (unsigned i = 0; i < COUNT(ALIKE); i++) {
		char source[] = "10.0.3.10";
		struct conn *c;

		(void)snprintf(source, sizeof(source), "10.0.3.%u", 10 + i);
		c = opened(source);
		for (unsigned n = 0; n < 3; n++) {
			passes(c, "MAIL FROM:<a.b@c.example>");
			passes(c, "RCPT TO:<c@d>");
			content_passes(c);
		}
		(void)snprintf(command, sizeof(command), "MAIL FROM:%s", ALIKE[i]);
		refused(c, command, ENG_RATE_SENDER_MESSAGES);
		for (unsigned o = 0; i == 0 && o < COUNT(OTHERS); o++) {
			(void)snprintf(command, sizeof(command), "MAIL FROM:%s", OTHERS[o]);
			passes(c, command);
			passes(c, "RSET");
		}
		both_hang_up(c);
		pass_ms(45 * MINUTE_MS); // the table is small
	}
}

static void addresses_that_cannot_be_read_are_one_sender_of_their_client(void **)
{
	static const char *const ODD[] = {"MAIL FROM:<a(b)@c>", "MAIL FROM:<\"a@b>", "MAIL FROM:<a,b@c>"};
	char longest[600] = "MAIL FROM:<";

	// Rules and lists would refuse them (501).
	world_use("session_profiles: {sender_m: {sender_messages: 3, " NO_DELAY "}}\n"
		  "policies: [{name: p, action: inspect, session: sender_m}]\n",
		3);
	struct conn *c = opened("10.0.3.1");
	for (unsigned i = 0; i < 3; i++) {
		passes(c, ODD[i]);
		passes(c, "RCPT TO:<c@d>");
		content_passes(c);
	}
	refused(c, "MAIL FROM:<d,e@f>", ENG_RATE_SENDER_MESSAGES);
	memset(longest + strlen(longest), 'a', 400);
	memcpy(longest + 411, "@b>", 4);
	refused(c, longest, ENG_RATE_SENDER_MESSAGES);
	passes(opened("10.0.3.2"), "MAIL FROM:<d,e@f>");
	for (unsigned i = 3; i < 8; i++) { // behind AUTH, too
		char source[] = "10.0.3.3";

		(void)snprintf(source, sizeof(source), "10.0.3.%u", i);
		c = opened(source);
		answered(c, "AUTH PLAIN AGEAYg==", "235 ok");
		passes(c, "MAIL FROM:<d,e@f>");
	}
}

// ---- whom a forged address takes something from

static void a_forged_sender_takes_nothing_from_others(void **)
{
	struct conn *forger = opened("10.0.3.1");

	for (unsigned i = 0; i < 3; i++) {
		passes(forger, "MAIL FROM:<boss@b>");
		passes(forger, "RCPT TO:<c@d>");
		content_passes(forger);
	}
	refused(forger, "MAIL FROM:<boss@b>", ENG_RATE_SENDER_MESSAGES);
	passes(opened("10.0.3.2"), "MAIL FROM:<boss@b>");
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
		passes(c, "MAIL FROM:<boss@b>");
		passes(c, "RCPT TO:<c@d>");
		content_passes(c);
	}
	struct conn *c = opened("10.0.3.4");
	passes(c, "MAIL FROM:<boss@b>"); // without AUTH it is another's
	passes(c, "RSET");
	authenticates(c);
	refused(c, "MAIL FROM:<boss@b>", ENG_RATE_SENDER_MESSAGES);
}

// ---- how a message ends

enum { STEPS_MAX = 8 };

// "C:" and "S:" say something, "CR" and "SR" reset, "CF" and "SF" hang up, "T" waits for the idle time.
static const struct ending {
	const char *name;
	const char *steps[STEPS_MAX]; // behind MAIL FROM:<a@b> and two recipients
	uint32_t messages, recipients; // that stay counted
	const char *source;            // NULL: 10.0.6.1
} ENDINGS[] = {
	{"taken", {"C:DATA\r\n", "S:354 go\r\n", "C:x\r\n.\r\n", "S:250 ok\r\n"}, 1, 2, NULL},
	{"refused at its end", {"C:DATA\r\n", "S:354 go\r\n", "C:x\r\n.\r\n", "S:550 no\r\n"}, 0, 0,
		NULL},
	{"put off at its end", {"C:DATA\r\n", "S:354 go\r\n", "C:x\r\n.\r\n", "S:451 no\r\n"}, 0, 0,
		NULL},
	{"the server closes at its end",
		{"C:DATA\r\n", "S:354 go\r\n", "C:x\r\n.\r\n", "S:421 bye\r\n", "SF", "CF"}, 0, 0,
		NULL},
	{"RSET", {"C:RSET\r\n", "S:250 ok\r\n"}, 0, 0, NULL},
	{"RSET that is refused", {"C:RSET\r\n", "S:500 no\r\n"}, 1, 2, NULL},
	{"EHLO", {"C:EHLO me\r\n", "S:250 ok\r\n"}, 0, 0, NULL},
	{"DATA refused, then QUIT",
		{"C:DATA\r\n", "S:554 no\r\n", "C:QUIT\r\n", "S:221 bye\r\n", "SF", "CF"}, 0, 0,
		NULL},
	{"DATA refused, then DATA again",
		{"C:DATA\r\n", "S:451 no\r\n", "C:DATA\r\n", "S:354 go\r\n", "C:x\r\n.\r\n",
			"S:250 ok\r\n"},
		1, 2, NULL},
	{"the client is gone before DATA", {"CR"}, 0, 0, NULL},
	{"both hang up before DATA", {"CF", "SF"}, 0, 0, NULL},
	{"the client is gone amid its text", {"C:DATA\r\n", "S:354 go\r\n", "C:x\r\n", "CR"}, 0, 0,
		NULL},
	{"the server is gone amid its text", {"C:DATA\r\n", "S:354 go\r\n", "C:x\r\n", "SR"}, 0, 0,
		NULL},
	{"the client is gone behind its end",
		{"C:DATA\r\n", "S:354 go\r\n", "C:x\r\n.\r\n", "CR"}, 1, 2, NULL},
	{"the server is gone behind its end",
		{"C:DATA\r\n", "S:354 go\r\n", "C:x\r\n.\r\n", "SR"}, 1, 2, NULL},
	{"the client is gone behind a possible end",
		{"C:DATA\r\n", "S:354 go\r\n", "C:x\n.\r\n", "CR"}, 1, 2, NULL},
	{"taken at a possible end",
		{"C:DATA\r\n", "S:354 go\r\n", "C:x\n.\r\n", "S:250 ok\r\n"}, 1, 2, NULL},
	{"silence", {"T"}, 0, 0, NULL},
	{"TLS", {"C:STARTTLS\r\n", "S:220 go\r\n"}, 0, 0, NULL},
	{"a chunk, then gone", {"C:BDAT 3\r\nx\r\n", "S:250 ok\r\n", "CR"}, 0, 0, NULL},
	{"the last chunk, then gone", {"C:BDAT 3 LAST\r\nx\r\n", "CR"}, 1, 2, NULL},
	{"amid the last chunk gone", {"C:BDAT 5 LAST\r\nx\r\n", "CR"}, 0, 0, NULL},
	{"chunks taken",
		{"C:BDAT 3\r\nx\r\n", "S:250 ok\r\n", "C:BDAT 3 LAST\r\nx\r\n", "S:250 ok\r\n"}, 1,
		2, NULL},
	{"chunks refused", {"C:BDAT 3 LAST\r\nx\r\n", "S:554 no\r\n"}, 0, 0, NULL},
	{"chunks, then RSET", {"C:BDAT 3\r\nx\r\n", "S:250 ok\r\n", "C:RSET\r\n", "S:250 ok\r\n"}, 0,
		0, NULL},
	{"a last chunk that had none",
		{"C:RSET\r\n", "S:250 ok\r\n", "C:MAIL FROM:<a@b>\r\n", "S:250 ok\r\n",
			"C:BDAT 3 LAST\r\nx\r\n", "S:503 no\r\n"},
		1, 0, NULL},
	{"... and then a reset",
		{"C:RSET\r\n", "S:250 ok\r\n", "C:MAIL FROM:<a@b>\r\n", "S:250 ok\r\n",
			"C:BDAT 3 LAST\r\nx\r\n", "S:503 no\r\n", "C:RSET\r\n",
			"S:250 ok\r\n"},
		0, 0, NULL},
	{"another recipient that the server refuses",
		{"C:RCPT TO:<no@d>\r\n", "S:550 no\r\n", "C:DATA\r\n", "S:354 go\r\n",
			"C:x\r\n.\r\n", "S:250 ok\r\n"},
		1, 2, NULL},
	{"another recipient that we refuse",
		{"C:RCPT TO:<x@closed.example>\r\n", "S:250 noop\r\n", "C:DATA\r\n", "S:354 go\r\n",
			"C:x\r\n.\r\n", "S:250 ok\r\n"},
		1, 2, NULL},
	{"a second MAIL that the server refuses",
		{"C:MAIL FROM:<a@b>\r\n", "S:503 no\r\n", "C:RCPT TO:<x@d>\r\n", "S:250 ok\r\n"}, 1,
		3, NULL},
	{"a second MAIL that the server takes for a new one",
		{"C:MAIL FROM:<a@b>\r\n", "S:250 ok\r\n", "C:RCPT TO:<x@d>\r\n", "S:250 ok\r\n"}, 1,
		1, NULL},
	{"spam refused", {"C:DATA\r\n", "S:354 go\r\n", "C:\r\nbuy-now-cheap\r\n.\r\n"}, 0, 0, NULL},
	{"spam put off", {"C:DATA\r\n", "S:354 go\r\n", "C:\r\nbuy-now-cheap\r\n.\r\n"}, 0, 0,
		"10.0.8.1"},
	{"spam discarded", {"C:DATA\r\n", "S:354 go\r\n", "C:\r\nbuy-now-cheap\r\n.\r\n"}, 0, 0,
		"10.0.9.1"},
	{"spam behind a possible end that was passed",
		{"C:DATA\r\n", "S:354 go\r\n", "C:x\n.\r\n", "C:\r\nbuy-now-cheap\r\n.\r\n"}, 1, 2, NULL},
	{"discarded by a rule",
		{"C:RSET\r\n", "S:250 ok\r\n", "C:MAIL FROM:<a@b>\r\n", "S:250 ok\r\n",
			"C:RCPT TO:<trap@example.org>\r\n", "S:250 ok\r\n", "C:DATA\r\n",
			"S:354 go\r\nC:x\r\n.\r\n"},
		0, 0, NULL},
	{"cut by another limit", {"C:NOOP\r\n", "S:250 ok\r\n", "C:NOOP\r\n"}, 0, 0, NULL},
	{"cut for what the server says", {"S:250 what\r\n"}, 0, 0, NULL},
};

static void step_do(struct conn *c, const char *step)
{
	const enum world_side side = step[0] == 'S' ? SERVER : CLIENT;
	const char *more;
	char first[64];

	if (step[0] == 'T') {
		pass_ms(16 * MINUTE_MS);
	} else if (step[1] == 'R') {
		segment(c, side, TCP_RST, c->end[side].nxt, 0, NULL, 0);
		settle();
	} else if (step[1] == 'F') {
		hangs_up(c, side);
	} else if ((more = strstr(step, "\nC:")) != NULL) { // two steps in one place
		(void)snprintf(first, sizeof(first), "%.*s", (int)(more - step - 1), step + 2);
		says(c, side, first);
		step_do(c, more + 1);
	} else {
		says(c, side, step + 2);
	}
}

static void a_message_counts_when_its_server_may_have_it_and_only_then(void **state)
{
	for (unsigned i = 0; i < COUNT(ENDINGS); i++) {
		const struct ending *e = &ENDINGS[i];
		const char *source = e->source == NULL ? "10.0.6.1" : e->source;
		struct conn *c;

		if (i > 0) {
			assert_int_equal(world_end(state), 0);
			assert_int_equal(rates_new(state), 0);
		}
		c = opened(source);
		passes(c, "MAIL FROM:<a@b>");
		passes(c, "RCPT TO:<1@d>");
		passes(c, "RCPT TO:<2@d>");
		assert_int_equal(
			counted("all", ENG_RATE_CLIENT_RECIPIENTS, source, NULL, false), 2);
		for (unsigned s = 0; s < STEPS_MAX && e->steps[s] != NULL; s++)
			step_do(c, e->steps[s]);
		const uint32_t seen[ENG_RATE_COUNT] = {
			counted("all", ENG_RATE_CLIENT_MESSAGES, source, NULL, false),
			counted("all", ENG_RATE_CLIENT_RECIPIENTS, source, NULL, false),
			counted("all", ENG_RATE_SENDER_MESSAGES, source, "a@b", false),
			counted("all", ENG_RATE_SENDER_RECIPIENTS, source, "a@b", false)};
		for (unsigned r = 0; r < ENG_RATE_COUNT; r++) {
			const uint32_t right = r % 2 == 0 ? e->messages : e->recipients;
			if (seen[r] != right)
				fail_msg("%s: rate %u counts %u, not %u", e->name, r, seen[r],
					right);
		}
	}
}

static void a_message_of_which_nothing_is_known_any_more_stays_counted(void **state)
{
	struct conn *c;

	assert_int_equal(world_end(state), 0);
	assert_int_equal(world_new_sized(63, 3, 2047), 0);
	world_use(RULES, 2);
	for (unsigned i = 0; i < 4; i++)
		passes(opened("10.0.5.1"), "MAIL FROM:<a@b>"); // they have all that there are
	c = opened("10.0.3.1");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\n"); // with rules and no message it is put off
	says(c, SERVER, "250 noop\r\n");
	hears_begin(c, CLIENT, "451 ");
	assert_int_equal(counted("sender_m", ENG_RATE_SENDER_MESSAGES, "10.0.3.1", "a@b", false), 0);
	world_use("session_profiles: {client_m: {client_messages: 3, " NO_DELAY "}}\n"
		  "policies: [{name: p, action: inspect, session: client_m}]\n",
		3);
	pass_over(c);
	c = opened("10.0.1.1");
	passes(c, "MAIL FROM:<a@b>"); // without rules it passes, unscanned
	passes(c, "RSET");
	assert_int_equal(counted("client_m", ENG_RATE_CLIENT_MESSAGES, "10.0.1.1", NULL, false), 1);
}

// ---- more than N

static void pipelined_mails_pass_no_more_than_n(void **)
{
	struct conn *c[4];
	unsigned i;

	for (i = 0; i < 4; i++)
		c[i] = opened("10.0.1.1");
	for (i = 0; i < 3; i++) // on their way at once, none answered
		says(c[i], CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	says(c[3], CLIENT, "MAIL FROM:<a@b>\r\n");
	hears_begin(c[3], SERVER, "NOOP");
	says(c[3], SERVER, "250 noop\r\n");
	hears(c[3], CLIENT, TOLD[ENG_RATE_CLIENT_MESSAGES]);
	says(c[0], SERVER, "550 no\r\n"); // one is not taken: another may
	passes(c[3], "MAIL FROM:<a@b>");
}

static void a_second_mail_behind_an_open_one_counts_too(void **)
{
	struct conn *c = opened("10.0.1.1");

	passes(c, "MAIL FROM:<a@b>");
	passes(c, "RCPT TO:<c@d>");
	answered(c, "DATA", "354 go");
	says(c, CLIENT, "x\r\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	says(c, SERVER, "250 ok\r\n");
	assert_int_equal(counted("client_m", ENG_RATE_CLIENT_MESSAGES, "10.0.1.1", NULL, false), 2);
	says(c, SERVER, "250 ok\r\n250 ok\r\n");
	pass_over(c);
	content_passes(c);
	passes(c, "MAIL FROM:<a@b>");
	refused(opened("10.0.1.1"), "MAIL FROM:<a@b>", ENG_RATE_CLIENT_MESSAGES);
}

static void a_third_transaction_at_once_is_put_off(void **)
{
	// Rules would put it off, too.
	world_use("session_profiles: {sender_m: {sender_messages: 3, " NO_DELAY "}}\n"
		  "policies: [{name: p, action: inspect, session: sender_m}]\n",
		3);
	struct conn *c = opened("10.0.3.1");

	says(c, CLIENT,
		"MAIL FROM:<a@b>\r\nMAIL FROM:<b@b>\r\nRSET\r\nMAIL FROM:<a@b>\r\n");
	says(c, SERVER, "250 ok\r\n503 no\r\n250 ok\r\n250 noop\r\n");
	hears(c, CLIENT,
		"250 ok\r\n503 no\r\n250 ok\r\n451 4.3.2 Message not taken now, try again later "
		"(mw-*)\r\n");
	assert_int_equal(counter(ACT_MAIL_DEFERRED), 1);
	assert_int_equal(counted("sender_m", ENG_RATE_SENDER_MESSAGES, "10.0.3.1", "a@b", false), 0);
	assert_int_equal(counted("sender_m", ENG_RATE_SENDER_MESSAGES, "10.0.3.1", "b@b", false), 0);
}

static void recipients_refused_before_a_mail_give_nothing_of_it_back(void **)
{
	struct conn *c = opened("10.0.2.1");

	says(c, CLIENT,
		"RCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\nMAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nRCPT "
		"TO:<2@d>\r\nRCPT TO:<3@d>\r\n");
	says(c, SERVER, "503 no\r\n503 no\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n");
	pass_over(c);
	refused(c, "RCPT TO:<4@d>", ENG_RATE_CLIENT_RECIPIENTS);
}

static void recipients_refused_before_a_reset_give_nothing_of_the_next_back(void **)
{
	struct conn *c = opened("10.0.2.1");

	says(c, CLIENT,
		"MAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nRSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\n");
	says(c, SERVER, "250 ok\r\n550 no\r\n250 ok\r\n250 ok\r\n250 ok\r\n");
	pass_over(c);
	assert_int_equal(counted("client_r", ENG_RATE_CLIENT_RECIPIENTS, "10.0.2.1", NULL, false), 1);
	passes(c, "RCPT TO:<2@d>");
	passes(c, "RCPT TO:<3@d>");
	refused(c, "RCPT TO:<4@d>", ENG_RATE_CLIENT_RECIPIENTS);
}

static void a_recipient_of_two_open_transactions_counts_in_the_one_that_lives(void **)
{
	struct conn *c = opened("10.0.6.1");

	says(c, CLIENT, "MAIL FROM:<a@b>\r\nMAIL FROM:<b@b>\r\nRCPT TO:<1@d>\r\n");
	says(c, SERVER, "250 ok\r\n503 no\r\n250 ok\r\n");
	assert_int_equal(counted("all", ENG_RATE_CLIENT_RECIPIENTS, "10.0.6.1", NULL, false), 1);
	assert_int_equal(counted("all", ENG_RATE_SENDER_RECIPIENTS, "10.0.6.1", "a@b", false), 1);
	assert_int_equal(counted("all", ENG_RATE_SENDER_RECIPIENTS, "10.0.6.1", "b@b", false), 0);
	assert_int_equal(counted("all", ENG_RATE_CLIENT_MESSAGES, "10.0.6.1", NULL, false), 1);
	says(c, CLIENT, "RSET\r\n");
	says(c, SERVER, "250 ok\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nMAIL FROM:<b@b>\r\nRCPT TO:<1@d>\r\n");
	says(c, SERVER, "550 no\r\n250 ok\r\n250 ok\r\n");
	assert_int_equal(counted("all", ENG_RATE_SENDER_RECIPIENTS, "10.0.6.1", "a@b", false), 0);
	assert_int_equal(counted("all", ENG_RATE_SENDER_RECIPIENTS, "10.0.6.1", "b@b", false), 1);
	assert_int_equal(counted("all", ENG_RATE_CLIENT_MESSAGES, "10.0.6.1", NULL, false), 1);
}

static void a_recipient_that_one_of_two_refuses_counts_in_neither(void **)
{
	struct conn *c = opened("10.0.4.1");

	passes(c, "MAIL FROM:<much@b>");
	for (unsigned i = 0; i < 3; i++)
		passes(c, "RCPT TO:<c@d>");
	content_passes(c);
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nMAIL FROM:<much@b>\r\nRCPT TO:<c@d>\r\n");
	assert_int_equal(counter(ACT_SENDER_RECIPIENTS), 1);
	assert_int_equal(counted("sender_r", ENG_RATE_SENDER_RECIPIENTS, "10.0.4.1", "a@b", false), 0);
}

static void recipients_behind_a_reset_are_not_of_what_it_ends(void **)
{
	struct conn *c = opened("10.0.2.1"); // three at most

	passes(c, "MAIL FROM:<a@b>");
	passes(c, "RCPT TO:<1@d>");
	says(c, CLIENT, "RSET\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\n");
	hears(c, SERVER,
		"RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\n");
	assert_int_equal(counted("client_r", ENG_RATE_CLIENT_RECIPIENTS, "10.0.2.1", NULL, false), 3);
	says(c, SERVER, "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n");
	assert_int_equal(counted("client_r", ENG_RATE_CLIENT_RECIPIENTS, "10.0.2.1", NULL, false), 2);
}

static void a_full_table_limits_nobody_and_is_counted(void **)
{
	enum { BUCKET = 31 };

	for (unsigned i = 0; i < BUCKET; i++) {
		char source[32];
		struct conn *c;

		(void)snprintf(source, sizeof(source), "10.0.1.%u", i + 1);
		c = opened(source);
		passes(c, "MAIL FROM:<a@b>");
		passes(c, "RCPT TO:<c@d>");
		content_passes(c);
		both_hang_up(c);
	}
	assert_int_equal(counter(ACT_CELLS_FULL), 0);
	struct conn *c = opened("10.0.1.99");
	for (unsigned i = 0; i < 5; i++) {
		passes(c, "MAIL FROM:<a@b>");
		passes(c, "RCPT TO:<c@d>");
		content_passes(c);
	}
	assert_int_equal(counter(ACT_CELLS_FULL), 5);
}

static void messages_that_are_not_taken_fill_no_table(void **)
{
	struct conn *c = opened("10.0.3.1");
	char mail[64];

	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(mail, sizeof(mail), "MAIL FROM:<a%u@b>", i);
		passes(c, mail);
		passes(c, "RSET");
	}
	assert_int_equal(counter(ACT_CELLS_FULL), 0);
}

static void a_profile_counts_on_under_its_name_in_another_image(void **)
{
	struct conn *c = opened("10.0.1.1");

	for (unsigned i = 0; i < 2; i++) {
		passes(c, "MAIL FROM:<a@b>");
		passes(c, "RCPT TO:<c@d>");
		content_passes(c);
	}
	world_use("session_profiles: {another_name_first: {}, client_m: {client_messages: 3, "
		  "client_rate_min: 10, " NO_DELAY "}}\n"
		  "policies: [{name: p, action: inspect, session: client_m}]\n",
		3);
	passes(c, "MAIL FROM:<a@b>"); // still bound to the image before
	refused(opened("10.0.1.1"), "MAIL FROM:<a@b>", ENG_RATE_CLIENT_MESSAGES);
	passes(c, "RSET");
	passes(opened("10.0.1.1"), "MAIL FROM:<a@b>");
	refused(c, "MAIL FROM:<a@b>", ENG_RATE_CLIENT_MESSAGES);
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
		CASE(a_message_counts_when_its_server_may_have_it_and_only_then),
		CASE(a_message_of_which_nothing_is_known_any_more_stays_counted),
		CASE(pipelined_mails_pass_no_more_than_n),
		CASE(a_second_mail_behind_an_open_one_counts_too),
		CASE(a_third_transaction_at_once_is_put_off),
		CASE(recipients_refused_before_a_mail_give_nothing_of_it_back),
		CASE(recipients_refused_before_a_reset_give_nothing_of_the_next_back),
		CASE(a_recipient_of_two_open_transactions_counts_in_the_one_that_lives),
		CASE(a_recipient_that_one_of_two_refuses_counts_in_neither),
		CASE(recipients_behind_a_reset_are_not_of_what_it_ends),
		CASE(a_full_table_limits_nobody_and_is_counted),
		CASE(messages_that_are_not_taken_fill_no_table),
		CASE(a_profile_counts_on_under_its_name_in_another_image),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
