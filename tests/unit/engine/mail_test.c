// SPDX-License-Identifier: BSD-3-Clause
// A message's ways through: clean, condemned as its profile says, monitored, dropped or passed unread by
// its policy; and that nothing is left behind (world_end looks at flows, slabs, messages, buffers).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "session_talk.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

// ---- the usual

static void clean_mail_reaches_the_server_as_it_was(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, HAM);
	hears(c, SERVER, HAM);
	says(c, SERVER, "250 queued\r\n");
	hears(c, CLIENT, "250 queued\r\n");
	ends_like_friends(c);
	assert_int_equal(counter(MESSAGES_CLEAN), 1);
	assert_int_equal(world.outcomes[ENG_OUTCOME_ACCEPTED], 1);
	pass_ms(60 * 1000); // over for both: it goes without a reset
	assert_int_equal(counter(GAUGE_FLOWS), 0);
	nobody_was_reset(c);
	assert_int_equal(world.records[0].kind, ENG_REC_MESSAGE);
	assert_int_equal(world.records[0].verdict, ENG_VERDICT_CLEAN);
	assert_int_equal(world.records[1].kind, ENG_REC_SESSION);
}

static void clean_mail_by_ipv6_and_with_timestamps(void **)
{
	struct conn *c = dial("fd77::1", 2000);

	c->ts = 1000;
	greets(c);
	begins_mail(c);
	says(c, CLIENT, HAM);
	hears(c, SERVER, HAM);
	says(c, SERVER, "250 queued\r\n");
	ends_like_friends(c);
}

static void spam_is_refused_and_the_server_never_sees_its_end(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	hears(c, SERVER, "");
	assert_true(c->end[SERVER].reset);
	hears_begin(c, CLIENT, "550 5.7.1 Message refused as spam (mw-");
	says(c, CLIENT, "QUIT\r\n");
	hears(c, CLIENT, "221 2.0.0 Bye\r\n");
	assert_true(c->end[CLIENT].fin_got);
	hangs_up(c, CLIENT);
	assert_int_equal(last_seen(c, CLIENT)->ack, c->end[CLIENT].nxt);
	assert_int_equal(counter(ACT_REJECTED), 1);
	assert_int_equal(world.outcomes[ENG_OUTCOME_CONDEMNED], 1);
	assert_int_equal(world.records[0].verdict, ENG_VERDICT_REJECTED);
	assert_int_equal(world.records[0].code, 550);
}

// The reply opens the gate for what is condemned: it is the first message's all the same.
static void a_reply_that_was_read_is_told_before_the_refusal_behind_it(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets_with(c, "250-mx\r\n250 CHUNKING\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	says(c, SERVER, "250 ok\r\n250 ok\r\n");
	says(c, CLIENT, "BDAT 3 LAST\r\nabc");
	says(c, CLIENT, "BDAT 15 LAST\r\n\r\nbuy-now-cheap");
	c->end[CLIENT].told = c->end[CLIENT].rcv - c->end[SERVER].isn - 1;
	says(c, SERVER, "250 stored\r\n");
	hears_begin(c, CLIENT, "250 stored\r\n550 5.7.1 ");
}

static void a_server_that_missed_the_reset_gets_another(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *server = &c->end[SERVER];

	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	server->reset = false; // it was lost
	forget_seen();
	segment(c, SERVER, TCP_ACK, server->nxt, server->rcv, NULL, 0);
	settle();
	assert_true(server->reset);
	assert_int_equal(counter(DROP_AFTER_CUT), 1);
	assert_int_equal(frames_seen(c, CLIENT), 0);
}

static const struct {
	const char *source, *reply;
	enum eng_reason reason;
	uint16_t code;
	enum eng_verdict verdict;
} ACTIONS[] = {
	{"10.0.7.1", "451 4.7.1 Message deferred", ACT_TEMPFAILED, 451, ENG_VERDICT_TEMPFAILED},
	{"10.0.8.1", "250 2.0.0 Ok\r\n", ACT_DISCARDED, 250, ENG_VERDICT_DISCARDED},
};

static void spam_is_answered_as_its_profile_says(void **)
{
	for (unsigned i = 0; i < COUNT(ACTIONS); i++) {
		struct conn *c = dial(ACTIONS[i].source, 2000);

		world.nrecords = 0;
		greets(c);
		begins_mail(c);
		says(c, CLIENT, SPAM);
		hears_begin(c, CLIENT, ACTIONS[i].reply);
		hears(c, SERVER, "");
		assert_true(c->end[SERVER].reset);
		assert_int_equal(counter(ACTIONS[i].reason), 1);
		assert_int_equal(world.records[0].verdict, ACTIONS[i].verdict);
		assert_int_equal(world.records[0].code, ACTIONS[i].code);
	}
}

static void monitored_spam_goes_through_and_is_told(void **)
{
	struct conn *c = dial("10.0.9.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	hears(c, SERVER, SPAM);
	says(c, SERVER, "250 queued\r\n");
	ends_like_friends(c);
	assert_int_equal(counter(ACT_MONITORED), 1);
	assert_int_equal(world.records[0].verdict, ENG_VERDICT_MONITORED);
}

static void a_word_of_the_envelope_condemns_too(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	says(c, CLIENT, "MAIL FROM:<a@b>\r\n");
	says(c, SERVER, "250 ok\r\n");
	says(c, CLIENT, "RCPT TO:<trap@d>\r\n");
	says(c, SERVER, "250 ok\r\n");
	says(c, CLIENT, "DATA\r\n");
	says(c, SERVER, "354 go\r\n");
	forget_words(c);
	says(c, CLIENT, HAM);
	hears_begin(c, CLIENT, "550 5.7.1 ");
	assert_true(c->end[SERVER].reset);
}

static void a_long_body_behind_an_early_verdict_is_told_at_its_end(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "\r\nbuy-now-cheap\n.\nand more\r\n");
	for (unsigned i = 0; i < 60; i++) {
		pass_ms(1000);
		says(c, CLIENT, "more and more\r\n");
	}
	says(c, CLIENT, ".\r\n");
	assert_non_null(strstr(c->end[CLIENT].bytes, "550 5.7.1"));
}

static void another_ones_words_do_not_hide_spam(void **)
{
	static const char BODY[] = "Subject: x\r\n\r\nbuy-now-cheap";
	static char batch[6000];
	struct conn *c, *v = NULL;

	for (uint16_t i = 0; i < 16;
		i++) { // all messages in use; the oldest has unread bytes of its own
		c = dial("10.0.1.2", (uint16_t)(3000 + i));
		greets_with(c, "250-mx\r\n250 CHUNKING\r\n");
		says(c, CLIENT, "MAIL FROM:<a@b>\r\n");
		says(c, SERVER, "250 ok\r\n");
		v = v == NULL ? c : v;
	}
	memset(batch, 'v', 4000);
	for (unsigned i = 0; i < 3; i++)
		client_sends(v, i * 1300, "");
	segment(v, CLIENT, DATA, v->end[CLIENT].nxt, v->end[CLIENT].rcv, batch,
		3000); // half a line
	settle();
	c = dial("10.0.1.1", 2000);
	greets_with(c, "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
	pass_ms(12000);
	// One batch, joined from several slabs since its first line is long and came in pieces.
	size_t n = 0;
	n += (size_t)snprintf(batch, sizeof(batch), "MAIL FROM:<%02000d@b>", 1);
	segment(c, CLIENT, DATA, c->end[CLIENT].nxt, c->end[CLIENT].rcv, batch, n);
	c->end[CLIENT].nxt += (uint32_t)n;
	settle();
	n = (size_t)snprintf(batch, sizeof(batch), "\r\nRCPT TO:<c@d>\r\nBDAT %zu LAST\r\n%s",
		strlen(BODY), BODY);
	segment(c, CLIENT, DATA, c->end[CLIENT].nxt, c->end[CLIENT].rcv, batch, n);
	c->end[CLIENT].nxt += (uint32_t)n;
	settle();
	assert_false(server_has(c, "buy-now-cheap"));
}

static void a_lot_at_once_arrives_whole_and_in_order(void **)
{
	enum { LINES = 400 };
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];
	const char *line =
		"0123456789012345678901234567890123456789012345678901234567890123456789\r\n.x\r\n";
	uint32_t n = (uint32_t)strlen(line);

	greets(c);
	begins_mail(c);
	for (uint32_t i = 1; i < LINES; i++) // what may end a message waits
		segment(c, CLIENT, DATA, client->nxt + i * n, client->rcv, line, n);
	settle();
	segment(c, CLIENT, DATA, client->nxt, client->rcv, line, n);
	client->nxt += LINES * n;
	pass_ms(100);
	// What found no room behind the hole comes again, as any sender would send it.
	for (int round = 0; round < 8; round++) {
		for (uint32_t at = c->end[SERVER].rcv; at < client->nxt; at += n)
			segment(c, CLIENT, DATA, at, client->rcv, line, n);
		settle();
		pass_ms(100);
	}
	says(c, CLIENT, ".\r\n");
	pass_ms(100);
	assert_int_equal(c->end[SERVER].rcv, client->nxt);
}

// ---- what a policy says

static void what_is_passed_is_not_read(void **)
{
	static const char *const SOURCES[] = {"10.0.5.1", "172.16.0.1"};

	for (unsigned i = 0; i < COUNT(SOURCES); i++) {
		struct conn *c = dial(SOURCES[i], 2000);

		greets(c);
		begins_mail(c);
		says(c, CLIENT, SPAM);
		hears(c, SERVER, SPAM);
		hangs_up(c, CLIENT);
		hangs_up(c, SERVER);
	}
	assert_int_equal(counter(PASS_POLICY), 1);
	assert_int_equal(counter(PASS_NO_POLICY), 1);
	pass_ms(60 * 1000);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
}

static void what_is_dropped_is_dropped(void **)
{
	struct conn *c = dial("10.0.6.1", 2000);

	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	settle();
	assert_int_equal(frames_seen(c, SERVER) + frames_seen(c, CLIENT), 0);
	assert_int_equal(counter(DROP_POLICY), 1);
}

static void a_syn_loses_what_would_lead_past_us(void **)
{
	static const uint8_t OPTIONS[] = {2, 4, 5, 0xb4, 34, 6, 1, 2, 3, 4, 30, 4, 0, 0, 1, 1};
	struct conn *c = dial("10.0.1.1", 2000);

	syn_with(c, OPTIONS, sizeof(OPTIONS), "EHLO early\r\n");
	settle();
	assert_int_equal(last_seen(c, SERVER)->len, 0);
	assert_int_equal(counter(ACT_OPTIONS), 1);
	assert_int_equal(counter(ACT_SYN_PAYLOAD), 1);
}

static void odd_line_ends_are_refused_where_the_profile_is_strict(void **)
{
	struct conn *c = dial("10.0.10.1", 2000);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	hears(c, CLIENT, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\n");
	hears(c, SERVER, "");
	hears_begin(c, CLIENT, "500 5.5.2 Line end refused (mw-");
	assert_true(c->end[CLIENT].fin_got && c->end[SERVER].reset);
	assert_int_equal(counter(ACT_LINE_REFUSED), 1);
}

// To a server that takes any of these for blanks RCPT and TO: are a command, though to us it has no verb.
static void a_bare_cr_hides_no_command_with_whatever_blank_behind_it(void **)
{
	static const char *const LINES[] = {"RCPT\rTO:<a@b>\r\n", "RCPT\r\vTO:<a@b>\r\n",
		"MAIL\r\fFROM:<a@b>\r\n", "EHLO\r\v\f me\r\n", "\r\x01RSET\r\n",
		"EHLO\r[192.0.2.1]\r\n", "RCPT TO:<a@b>\r \v,<c@d>\r\n"};

	for (unsigned i = 0; i < COUNT(LINES); i++) {
		struct conn *c = opened_with("10.0.1.1", "250 mx\r\n");

		forget_words(c);
		says(c, CLIENT, LINES[i]);
		hears(c, SERVER, "");
		hears_begin(c, CLIENT, "500 5.5.2 Line end refused (mw-");
		assert_int_equal(counter(ACT_LINE_REFUSED), i + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(clean_mail_reaches_the_server_as_it_was),
		CASE(clean_mail_by_ipv6_and_with_timestamps),
		CASE(spam_is_refused_and_the_server_never_sees_its_end),
		CASE(a_reply_that_was_read_is_told_before_the_refusal_behind_it),
		CASE(a_server_that_missed_the_reset_gets_another),
		CASE(spam_is_answered_as_its_profile_says),
		CASE(monitored_spam_goes_through_and_is_told),
		CASE(a_word_of_the_envelope_condemns_too),
		CASE(a_long_body_behind_an_early_verdict_is_told_at_its_end),
		CASE(another_ones_words_do_not_hide_spam),
		CASE(a_lot_at_once_arrives_whole_and_in_order),
		CASE(what_is_passed_is_not_read),
		CASE(what_is_dropped_is_dropped),
		CASE(a_syn_loses_what_would_lead_past_us),
		CASE(odd_line_ends_are_refused_where_the_profile_is_strict),
		CASE(a_bare_cr_hides_no_command_with_whatever_blank_behind_it),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
