// SPDX-License-Identifier: BSD-3-Clause
// What session profiles ask of a session: how many commands and errors there may be, what a refused
// command waits for, how large a message is, who may send before AUTH, what may be sent in groups.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "session_talk.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

#define PLAIN "10.0.1.1" // no limits
#define COUNTED "10.0.12.1"
#define SIZED "10.0.13.1"
#define SLOW "10.0.14.1"
#define CHECKED "10.0.15.1"
#define GROUP "10.0.16.1"
#define SINGLE "10.0.17.1"
#define LOOSE "10.0.18.1"

// The server gets a NOOP, the client our words.
static void refused(struct conn *c, const char *command, const char *ours)
{
	char noop[200];

	(void)snprintf(noop, sizeof(noop), "NOOP%*s\r\n", (int)strlen(command) - 6, "");
	says(c, CLIENT, command);
	hears(c, SERVER, noop);
	says(c, SERVER, "250 ok\r\n");
	hears(c, CLIENT, ours);
}

static const struct eng_record *last_refusal(void)
{
	for (unsigned i = world.nrecords; i > 0; i--) {
		if (world.records[i - 1].kind == ENG_REC_REFUSAL)
			return &world.records[i - 1];
	}
	fail_msg("%s", "no refusal was recorded");
	return NULL;
}

// ---- so many of a kind

static const struct kind {
	const char *command, *reply, *cut;
	unsigned done; // by opened_with()
	enum eng_reason reason;
} KINDS[] = {
	{"EHLO me\r\n", "250 mx\r\n", "421 4.7.0 Too many HELO commands (mw-*)\r\n", 1,
		ACT_LIMIT_HELO},
	{"MAIL FROM:<a@b>\r\n", "250 ok\r\n", "421 4.7.0 Too many messages in a session (mw-*)\r\n",
		0, ACT_LIMIT_MAIL},
	{"NOOP\r\n", "250 ok\r\n", "421 4.7.0 Too many NOOP commands (mw-*)\r\n", 0,
		ACT_LIMIT_NOOP},
	{"RSET\r\n", "250 ok\r\n", "421 4.7.0 Too many RSET commands (mw-*)\r\n", 0,
		ACT_LIMIT_RSET},
};

static void a_command_more_than_a_session_may_have_of_a_kind_ends_it(void **)
{
	for (unsigned i = 0; i < COUNT(KINDS); i++) {
		const struct kind *k = &KINDS[i];
		struct conn *c = opened_with(COUNTED, "250 mx\r\n");

		for (unsigned n = k->done; n < 2; n++)
			passes(c, k->command, k->reply);
		says(c, CLIENT, k->command);
		hears(c, SERVER, "");
		hears(c, CLIENT, k->cut);
		assert_true(c->end[SERVER].reset);
		assert_int_equal(counter(k->reason), 1);
		assert_int_equal(last_refusal()->reason, k->reason);
		assert_int_equal(last_refusal()->limit, 2);
		assert_int_equal(last_refusal()->value, 3);
		assert_int_equal(last_refusal()->code, 421);
	}
}

static void without_limits_there_may_be_any_number_of_a_kind(void **)
{
	for (unsigned i = 0; i < COUNT(KINDS); i++) {
		struct conn *c = opened_with(PLAIN, "250 mx\r\n");

		for (unsigned n = 0; n < 300; n++) {
			passes(c, KINDS[i].command, KINDS[i].reply);
			world.nseen = 0; // there is no room for so many
		}
	}
}

// ---- errors

static void a_refused_command_too_many_ends_the_session(void **)
{
	struct conn *c = opened_with(COUNTED, "250 mx\r\n");

	for (unsigned n = 0; n < 3; n++)
		passes(c, "VRFY x\r\n", "502 no\r\n");
	says(c, CLIENT, "VRFY x\r\n");
	hears(c, SERVER, "VRFY x\r\n");
	says(c, SERVER, "502 no\r\n");
	hears(c, CLIENT, "421 4.7.0 Too many errors (mw-*)\r\n");
	assert_true(c->end[SERVER].reset);
	assert_int_equal(counter(ACT_LIMIT_ERRORS), 1);
	assert_int_equal(last_refusal()->limit, 3);
	assert_int_equal(last_refusal()->value, 4);
}

static void refused_recipients_are_counted_apart(void **)
{
	struct conn *c = opened_with(COUNTED, "250 mx\r\n");

	passes(c, "MAIL FROM:<a@b>\r\n", "250 ok\r\n");
	for (unsigned n = 0; n < 8; n++)
		passes(c, "RCPT TO:<c@d>\r\n", "550 no such user\r\n");
	passes(c, "VRFY x\r\n", "502 no\r\n");
	says(c, CLIENT, "RCPT TO:<c@d>\r\n");
	says(c, SERVER, "550 no such user\r\n");
	hears(c, CLIENT, "421 4.7.0 Too many errors (mw-*)\r\n");
	assert_int_equal(counter(ACT_LIMIT_RECIPIENT_ERRORS), 1);
}

static void good_replies_before_the_error_too_many_are_told(void **)
{
	struct conn *c = opened_with(COUNTED, "250-mx\r\n250 PIPELINING\r\n");

	for (unsigned n = 0; n < 3; n++)
		passes(c, "VRFY x\r\n", "502 no\r\n");
	says(c, CLIENT, "RSET\r\nMAIL FROM:<a@b>\r\n");
	says(c, SERVER, "250 reset\r\n552 no\r\n");
	hears(c, CLIENT, "250 reset\r\n421 4.7.0 Too many errors (mw-*)\r\n");
}

static void temporary_refusals_and_messages_are_no_errors(void **)
{
	struct conn *c = opened_with(COUNTED, "250 mx\r\n");

	for (unsigned n = 0; n < 2; n++) {
		passes(c, "MAIL FROM:<a@b>\r\n", "451 later\r\n");
		passes(c, "VRFY x\r\n", "252 perhaps\r\n");
	}
	for (unsigned n = 0; n < 3; n++)
		passes(c, "VRFY x\r\n", "502 no\r\n");
	passes(c, "QUIT\r\n", "221 bye\r\n");
}

static void the_reply_to_an_error_waits_longer_each_time(void **)
{
	static const unsigned DELAYS_S[] = {0, 4, 7};
	struct conn *c = opened_with(SLOW, "250 mx\r\n");

	for (unsigned n = 0; n < COUNT(DELAYS_S); n++) {
		says(c, CLIENT, "VRFY x\r\n");
		says(c, SERVER, "502 no\r\n");
		if (DELAYS_S[n] > 0) {
			hears(c, CLIENT, "");
			assert_int_equal(last_seen(c, SERVER)->ack, c->end[SERVER].nxt); // custody
			pass_ms(DELAYS_S[n] * 1000 - 100);
			hears(c, CLIENT, "");
			pass_ms(200);
		}
		hears(c, CLIENT, "502 no\r\n");
	}
	assert_int_equal(counter(ACT_TARPIT), 2);
}

static void commands_behind_a_delayed_reply_go_on_and_their_replies_keep_order(void **)
{
	struct conn *c = opened_with(SLOW, "250-mx\r\n250 PIPELINING\r\n");

	passes(c, "VRFY x\r\n", "502 no\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	says(c, SERVER, "550 no mail\r\n503 no rcpt\r\n");
	hears(c, CLIENT, "");
	pass_ms(9000);
	hears(c, CLIENT, "550 no mail\r\n503 no rcpt\r\n");
}

static void a_cut_tells_what_was_delayed_before_it(void **)
{
	struct conn *c = opened_with(SLOW, "250-mx\r\n250 PIPELINING\r\n");

	for (unsigned n = 0; n < 2; n++) {
		says(c, CLIENT, "VRFY x\r\n");
		says(c, SERVER, "502 no\r\n");
		pass_ms(8000);
		hears(c, CLIENT, "502 no\r\n");
	}
	says(c, CLIENT, "VRFY x\r\nVRFY y\r\n");
	says(c, SERVER, "502 no\r\n");
	says(c, SERVER, "502 no\r\n");
	hears(c, CLIENT, "502 no\r\n421 4.7.0 Too many errors (mw-*)\r\n");
}

// ---- sizes

static void a_message_larger_than_its_limit_is_refused_at_its_end(void **)
{
	static char line[101] = "";
	struct conn *c = opened_with(SIZED, "250 mx\r\n");

	memset(line, 'x', 98);
	memcpy(line + 98, "\r\n", 3);
	begins_mail(c);
	says(c, CLIENT, "Subject: x\r\n\r\n");
	for (unsigned n = 0; n < 20; n++)
		says(c, CLIENT, line);
	assert_false(c->end[SERVER].reset);
	says(c, CLIENT, line);
	assert_true(c->end[SERVER].reset);
	says(c, CLIENT, ".\r\n");
	hears(c, CLIENT, "552 5.3.4 Message size exceeds limit (mw-*)\r\n");
	assert_int_equal(counter(ACT_LIMIT_SIZE), 1);
	assert_int_equal(last_refusal()->limit, 2048);
}

static void a_message_as_large_as_its_limit_goes(void **)
{
	static char text[2048 + 4] = "";
	struct conn *c = opened_with(SIZED, "250 mx\r\n");

	memset(text, 'x', 2046);
	memcpy(text, "A: b\r\n\r\n", 8);
	memcpy(text + 2046, "\r\n.\r\n", 6);
	begins_mail(c);
	says(c, CLIENT, text);
	says(c, SERVER, "250 queued\r\n");
	hears(c, CLIENT, "250 queued\r\n");
}

static void a_header_larger_than_its_limit_is_refused(void **)
{
	char line[64] = "X-Header: a line of some length, of which there are many\r\n";
	struct conn *c = opened_with(SIZED, "250 mx\r\n");

	begins_mail(c);
	for (unsigned n = 0; n < 1024 / strlen(line); n++)
		says(c, CLIENT, line);
	assert_false(c->end[SERVER].reset);
	says(c, CLIENT, line);
	says(c, CLIENT, "\r\nbody\r\n.\r\n");
	hears(c, CLIENT, "552 5.3.4 Message header size exceeds limit (mw-*)\r\n");
	assert_int_equal(counter(ACT_LIMIT_HEADER), 1);
}

static void a_header_ends_at_its_first_empty_line_however_it_is_made_and_cut(void **)
{
	static const struct {
		const char *empty; // behind 900 bytes of header, before 900 of text
		bool over;
	} rows[] = {{"\r\n", false}, {"\n", false}, {"\r\r\n", false}, {" \r\n", true},
		{"\r \r\n", true}, {".x\r\n", true}};
	static const size_t cuts[] = {2000, 61, 60, 59, 1};
	char text[2048], piece[2048];
	unsigned over = 0;

	for (unsigned i = 0; i < COUNT(rows) * COUNT(cuts); i++) {
		const char *empty = rows[i / COUNT(cuts)].empty;
		const size_t cut = cuts[i % COUNT(cuts)];
		struct conn *c = opened_with(SIZED, "250 mx\r\n");
		size_t n = 0;

		for (unsigned line = 0; line < 30; line++) {
			if (line == 15)
				n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", empty);
			n += (size_t)snprintf(text + n, sizeof(text) - n, "X: %055u\r\n", line);
		}
		begins_mail(c);
		for (size_t at = 0; at < n; at += cut) {
			(void)snprintf(piece, sizeof(piece), "%.*s", (int)cut, text + at);
			says(c, CLIENT, piece);
		}
		assert_int_equal(c->end[SERVER].reset, rows[i / COUNT(cuts)].over);
		assert_int_equal(counter(ACT_LIMIT_HEADER), over += rows[i / COUNT(cuts)].over);
		segment(c, CLIENT, TCP_RST, c->end[CLIENT].nxt, 0, NULL, 0);
		settle();
		pass_ms(60000);
		forget_seen();
	}
}

static void a_size_told_with_mail_is_refused_before_the_message_comes(void **)
{
	struct conn *c = opened_with(SIZED, "250-mx\r\n250 SIZE 90000\r\n");

	refused(c, "MAIL FROM:<a@b> size=2049\r\n",
		"552 5.3.4 Message size exceeds limit (mw-*)\r\n");
	refused(c, "MAIL FROM:<a@b> SIZE=99999999999999999999999\r\n",
		"552 5.3.4 Message size exceeds limit (mw-*)\r\n");
	passes(c, "MAIL FROM:<a@b> SIZE=2048\r\n", "250 ok\r\n");
	assert_int_equal(counter(ACT_SIZE_REFUSED), 2);
	assert_int_equal(last_refusal()->limit, 2048);
}

static void a_size_in_the_ehlo_reply_is_lowered_and_keeps_its_digits(void **)
{
	static const char *const SAID[][2] = {
		{"250-mx\r\n250 SIZE 90000\r\n", "250-mx\r\n250 SIZE 02048\r\n"},
		{"250-mx\r\n250 size 2049\r\n", "250-mx\r\n250 size 2048\r\n"},
		{"250-mx\r\n250 SIZE 2048\r\n", "250-mx\r\n250 SIZE 2048\r\n"},
		{"250-mx\r\n250 SIZE 100\r\n", "250-mx\r\n250 SIZE 100\r\n"},
		{"250-mx\r\n250 SIZE 0\r\n", "250-mx\r\n250 SIZE 0\r\n"},
		{"250-mx\r\n250 SIZE\r\n", "250-mx\r\n250 SIZE\r\n"},
	};

	for (unsigned i = 0; i < COUNT(SAID); i++) {
		struct conn *c = dial(SIZED, (uint16_t)(4000 + i));

		handshake(c);
		says(c, SERVER, "220 mx\r\n");
		says(c, CLIENT, "EHLO me\r\n");
		hears(c, CLIENT, "220 mx\r\n");
		says(c, SERVER, SAID[i][0]);
		hears(c, CLIENT, SAID[i][1]);
	}
	assert_int_equal(counter(ACT_SIZE_LOWERED), 2);
}

// ---- recipients

static const char TOO_MANY[] = "452 4.5.3 Too many recipients (mw-*)\r\n";

static void a_recipient_more_than_a_message_may_have_is_deferred(void **)
{
	struct conn *c = opened_with(SIZED, "250 mx\r\n");

	passes(c, "MAIL FROM:<a@b>\r\n", "250 ok\r\n");
	passes(c, "RCPT TO:<1@d>\r\n", "250 ok\r\n");
	passes(c, "RCPT TO:<x@d>\r\n", "550 no\r\n"); // counts for nothing
	passes(c, "RCPT TO:<2@d>\r\n", "250 ok\r\n");
	refused(c, "RCPT TO:<3@d>\r\n", TOO_MANY);
	passes(c, "RSET\r\n", "250 ok\r\n");
	passes(c, "MAIL FROM:<a@b>\r\n", "250 ok\r\n");
	passes(c, "RCPT TO:<1@d>\r\n", "250 ok\r\n");
	assert_int_equal(counter(ACT_RECIPIENTS_REFUSED), 1);
	assert_int_equal(last_refusal()->limit, 2);
	assert_int_equal(last_refusal()->value, 3);
}

static void recipients_beyond_the_fifth_refused_one_are_taken_out(void **)
{
	struct conn *c = opened_with(SIZED, "250-mx\r\n250 PIPELINING\r\n");

	passes(c, "MAIL FROM:<a@b>\r\n", "250 ok\r\n");
	passes(c, "RCPT TO:<1@d>\r\n", "250 ok\r\n");
	passes(c, "RCPT TO:<2@d>\r\n", "250 ok\r\n");
	for (unsigned n = 0; n < 5; n++)
		refused(c, "RCPT TO:<3@d>\r\n", TOO_MANY);
	for (unsigned n = 0; n < 20; n++) {
		says(c, CLIENT, "RCPT TO:<4@d>\r\n");
		hears(c, SERVER, "");
		hears(c, CLIENT, TOO_MANY);
	}
	passes(c, "DATA\r\n", "354 go\r\n");
	says(c, CLIENT, "A: b\r\n\r\nclean\r\n.\r\n");
	hears(c, SERVER, "A: b\r\n\r\nclean\r\n.\r\n");
	says(c, SERVER, "250 queued\r\n");
	hears(c, CLIENT, "250 queued\r\n");
	assert_int_equal(counter(ACT_WITHDRAWN), 20);
	assert_int_equal(counter(ACT_SUBSTITUTED), 5);
}

static void what_is_taken_out_of_a_group_is_answered_at_its_turn(void **)
{
	struct conn *c = opened_with(SIZED, "250-mx\r\n250 PIPELINING\r\n");

	passes(c, "MAIL FROM:<a@b>\r\n", "250 ok\r\n");
	passes(c, "RCPT TO:<1@d>\r\n", "250 ok\r\n");
	passes(c, "RCPT TO:<2@d>\r\n", "250 ok\r\n");
	for (unsigned n = 0; n < 5; n++)
		refused(c, "RCPT TO:<3@d>\r\n", TOO_MANY);
	says(c, CLIENT,
		"RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\n"
		"RCPT TO:<3@d>\r\nRCPT TO:<4@d>\r\nDATA\r\n");
	hears(c, SERVER, "RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\nDATA\r\n");
	says(c, SERVER, "250 reset\r\n250 mail\r\n250 one\r\n");
	hears(c, CLIENT, "250 reset\r\n250 mail\r\n250 one\r\n");
	says(c, SERVER, "250 two\r\n354 go\r\n");
	hears(c, CLIENT,
		"250 two\r\n452 4.5.3 Too many recipients (mw-*)\r\n"
		"452 4.5.3 Too many recipients (mw-*)\r\n354 go\r\n");
	says(c, CLIENT, "A: b\r\n\r\nbuy-now-cheap\r\n.\r\n");
	hears_begin(c, CLIENT, "550 5.7.1 ");
	assert_true(c->end[SERVER].reset);
}

static void a_reply_of_ours_comes_behind_an_unfinished_one(void **)
{
	struct conn *c = opened_with(SIZED, "250-mx\r\n250 PIPELINING\r\n");

	passes(c, "MAIL FROM:<a@b>\r\n", "250 ok\r\n");
	passes(c, "RCPT TO:<1@d>\r\n", "250 ok\r\n");
	passes(c, "RCPT TO:<2@d>\r\n", "250 ok\r\n");
	for (unsigned n = 0; n < 5; n++)
		refused(c, "RCPT TO:<3@d>\r\n", TOO_MANY);
	says(c, SERVER, "421-closing\r\n"); // a server may say so at any time
	says(c, CLIENT, "RCPT TO:<4@d>\r\n");
	hears(c, CLIENT, "421-closing\r\n");
	says(c, SERVER, "421 bye\r\n");
	hears(c, CLIENT, "421 bye\r\n452 4.5.3 Too many recipients (mw-*)\r\n");
}

// ---- before AUTH, words and names

static void mail_before_auth_is_refused_and_goes_behind_it(void **)
{
	struct conn *c = opened_with(CHECKED, "250-mx\r\n250 AUTH PLAIN\r\n");

	refused(c, "MAIL FROM:<a@b>\r\n", "530 5.7.0 Authentication required (mw-*)\r\n");
	passes(c, "AUTH PLAIN AGEAYg==\r\n", "535 no\r\n");
	refused(c, "MAIL FROM:<a@b>\r\n", "530 5.7.0 Authentication required (mw-*)\r\n");
	passes(c, "AUTH PLAIN AGEAYg==\r\n", "235 ok\r\n");
	passes(c, "MAIL FROM:<a@b>\r\n", "250 ok\r\n");
	assert_int_equal(counter(ACT_RELAY_REFUSED), 2);
}

static void where_auth_is_not_offered_the_weaker_choice_lets_mail_go(void **)
{
	struct conn *c = opened_with(GROUP, "250 mx\r\n");

	passes(c, "MAIL FROM:<a@b>\r\n", "250 ok\r\n");
	c = opened_with(GROUP, "250-mx\r\n250 AUTH PLAIN\r\n");
	refused(c, "MAIL FROM:<a@b>\r\n", "530 5.7.0 Authentication required (mw-*)\r\n");
	c = opened_with(CHECKED, "250 mx\r\n");
	refused(c, "MAIL FROM:<a@b>\r\n", "530 5.7.0 Authentication required (mw-*)\r\n");
}

static void mechanisms_with_a_security_layer_are_hidden_and_refused(void **)
{
	struct conn *c = dial(CHECKED, 3000);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	hears(c, CLIENT, "220 mx\r\n");
	says(c, SERVER, "250-mx\r\n250 AUTH GSSAPI PLAIN DIGEST-MD5 LOGIN\r\n");
	hears(c, CLIENT, "250-mx\r\n250 AUTH GSSAPX PLAIN DIGEST-MDX LOGIN\r\n");
	forget_words(c);
	refused(c, "AUTH digest-md5\r\n",
		"504 5.5.4 Authentication mechanism not available (mw-*)\r\n");
	passes(c, "AUTH PLAIN AGEAYg==\r\n", "235 ok\r\n");
	assert_int_equal(counter(ACT_MECHANISM_MASKED), 2);
	assert_int_equal(counter(ACT_MECHANISM_REFUSED), 1);
	c = opened_with(PLAIN, "250-mx\r\n250 AUTH DIGEST-MD5\r\n");
	passes(c, "AUTH DIGEST-MD5\r\n", "535 no\r\n");
}

static void commands_that_are_wrong_or_out_of_place_are_refused(void **)
{
	struct conn *c = opened_with(CHECKED, "250-mx\r\n250 AUTH PLAIN\r\n");

	refused(c, "RCPT TO:<c@d>\r\n", "503 5.5.1 Bad sequence of commands (mw-*)\r\n");
	refused(c, "MAIL FROM a@b\r\n", "501 5.5.4 Syntax error in arguments (mw-*)\r\n");
	assert_int_equal(counter(ACT_STATE_REFUSED), 1);
	assert_int_equal(counter(ACT_SYNTAX_REFUSED), 1);
	c = opened_with(PLAIN, "250 mx\r\n");
	passes(c, "RCPT TO:<c@d>\r\n", "503 first mail\r\n");
	passes(c, "MAIL FROM a@b\r\n", "501 syntax\r\n");
}

static void a_name_with_odd_characters_is_refused(void **)
{
	struct conn *c = opened_with(CHECKED, "250 mx\r\n");

	passes(c, "EHLO [10.0.0.1]\r\n", "250 mx\r\n");
	passes(c, "HELO a_b-c.example:25#x\r\n", "250 mx\r\n");
	refused(c, "EHLO a!b\r\n", "501 5.0.0 Invalid domain name (mw-*)\r\n");
	refused(c, "HELO a b\r\n", "501 5.0.0 Invalid domain name (mw-*)\r\n");
	assert_int_equal(counter(ACT_NAME_REFUSED), 2);
	c = opened_with(PLAIN, "250 mx\r\n");
	passes(c, "EHLO a!b\r\n", "250 mx\r\n");
}

// ---- commands in groups

static void strict_grouping_refuses_what_must_not_be_grouped(void **)
{
	struct conn *c = opened_with(GROUP, "250-mx\r\n250 PIPELINING\r\n");

	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nNOOP\r\n"); // as RFC 2920 has it
	says(c, SERVER, "250 mail\r\n250 rcpt\r\n250 noop\r\n");
	hears(c, CLIENT, "250 mail\r\n250 rcpt\r\n250 noop\r\n");
	forget_words(c);
	says(c, CLIENT, "NOOP\r\nRSET\r\n");
	hears(c, SERVER, "NOOP\r\n");
	says(c, SERVER, "250 noop\r\n");
	hears(c, SERVER, "NOOP\r\n");
	says(c, SERVER, "250 ours\r\n");
	hears(c, CLIENT, "250 noop\r\n503 5.5.1 Improper use of command pipelining (mw-*)\r\n");
	assert_int_equal(counter(ACT_PIPELINED_REFUSED), 1);
	c = opened_with(GROUP, "250 mx\r\n"); // not offered
	says(c, CLIENT, "RSET\r\nRSET\r\n");
	hears(c, SERVER, "RSET\r\nNOOP\r\n");
}

static void without_pipelining_commands_go_one_at_a_time(void **)
{
	static const char *const SOURCES[] = {SINGLE, LOOSE};

	for (unsigned i = 0; i < COUNT(SOURCES); i++) {
		struct conn *c = opened_with(SOURCES[i], "250 mx\r\n");

		says(c, CLIENT, "RSET\r\nMAIL FROM:<a@b>\r\n");
		hears(c, SERVER, "RSET\r\n");
		says(c, SERVER, "250 reset\r\n");
		hears(c, SERVER, "MAIL FROM:<a@b>\r\n");
	}
	struct conn *c = opened_with(PLAIN, "250 mx\r\n");
	says(c, CLIENT, "RSET\r\nMAIL FROM:<a@b>\r\n");
	hears(c, SERVER, "RSET\r\nMAIL FROM:<a@b>\r\n");
}

static void pipelining_is_hidden_by_no_and_kept_by_loose(void **)
{
	struct conn *c = dial(SINGLE, 3000);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	hears(c, CLIENT, "220 mx\r\n");
	says(c, SERVER, "250-mx\r\n250 PIPELINING\r\n");
	hears(c, CLIENT, "250-mx\r\n250 PIPELININX\r\n");
	forget_words(c);
	says(c, CLIENT, "RSET\r\nRSET\r\n");
	hears(c, SERVER, "RSET\r\n");
	c = opened_with(LOOSE, "250-mx\r\n250 PIPELINING\r\n");
	says(c, CLIENT, "RSET\r\nRSET\r\n");
	hears(c, SERVER, "RSET\r\nRSET\r\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(a_command_more_than_a_session_may_have_of_a_kind_ends_it),
		CASE(without_limits_there_may_be_any_number_of_a_kind),
		CASE(a_refused_command_too_many_ends_the_session),
		CASE(refused_recipients_are_counted_apart),
		CASE(good_replies_before_the_error_too_many_are_told),
		CASE(temporary_refusals_and_messages_are_no_errors),
		CASE(the_reply_to_an_error_waits_longer_each_time),
		CASE(commands_behind_a_delayed_reply_go_on_and_their_replies_keep_order),
		CASE(a_cut_tells_what_was_delayed_before_it),
		CASE(a_message_larger_than_its_limit_is_refused_at_its_end),
		CASE(a_message_as_large_as_its_limit_goes),
		CASE(a_header_larger_than_its_limit_is_refused),
		CASE(a_header_ends_at_its_first_empty_line_however_it_is_made_and_cut),
		CASE(a_size_told_with_mail_is_refused_before_the_message_comes),
		CASE(a_size_in_the_ehlo_reply_is_lowered_and_keeps_its_digits),
		CASE(a_recipient_more_than_a_message_may_have_is_deferred),
		CASE(recipients_beyond_the_fifth_refused_one_are_taken_out),
		CASE(what_is_taken_out_of_a_group_is_answered_at_its_turn),
		CASE(a_reply_of_ours_comes_behind_an_unfinished_one),
		CASE(mail_before_auth_is_refused_and_goes_behind_it),
		CASE(where_auth_is_not_offered_the_weaker_choice_lets_mail_go),
		CASE(mechanisms_with_a_security_layer_are_hidden_and_refused),
		CASE(commands_that_are_wrong_or_out_of_place_are_refused),
		CASE(a_name_with_odd_characters_is_refused),
		CASE(strict_grouping_refuses_what_must_not_be_grouped),
		CASE(without_pipelining_commands_go_one_at_a_time),
		CASE(pipelining_is_hidden_by_no_and_kept_by_loose),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
