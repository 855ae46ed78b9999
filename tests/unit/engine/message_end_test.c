// SPDX-License-Identifier: BSD-3-Clause
// Where a message ends: at possible ends that servers may take or not, at replies that nobody asked for,
// and not at commands that the server refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "session_talk.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

// ---- possible ends

static void commands_behind_a_possible_end_never_leave(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "x\r\n\n.\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n.\r\n");
	assert_null(strstr(c->end[SERVER].bytes + c->end[SERVER].told, "MAIL"));
	hears_begin(c, CLIENT, "550 5.7.1 ");
	assert_int_equal(counter(ACT_POSSIBLE_END_CUT), 1);
}

static void spam_before_a_possible_end_never_gets_there(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "\r\nbuy-now-cheap\n.\nand more");
	hears(c, SERVER, "");
	assert_true(c->end[SERVER].reset);
	hears(c, CLIENT, ""); // told at the end
	says(c, CLIENT, "\r\n.\r\n");
	hears_begin(c, CLIENT, "550 5.7.1 ");
	assert_int_equal(counter(ACT_REJECTED), 1);
}

static void a_server_that_ends_a_message_on_its_own_is_followed(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "x\r\n\n.\n");
	hears(c, SERVER, "x\r\n\n.\n");
	says(c, SERVER, "250 queued\r\n");
	hears(c, CLIENT, "250 queued\r\n");
	forget_words(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	hears_begin(c, CLIENT, "550 ");
}

static void a_client_that_takes_a_possible_end_for_the_end_is_told_after_a_silence(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "\r\nbuy-now-cheap\n.\n");
	pass_ms(4000);
	hears(c, CLIENT, "");
	says(c, CLIENT, "and more, slowly\n.\n");
	pass_ms(4000);
	hears(c, CLIENT, "");
	pass_ms(1500);
	hears_begin(c, CLIENT, "550 5.7.1 ");
	hears(c, SERVER, "");
}

static void a_message_that_the_server_ends_at_a_possible_end_is_judged_and_counted(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "lines in LF\n.\n");
	hears(c, SERVER, "lines in LF\n.\n");
	says(c, SERVER, "250 taken\r\n");
	hears(c, CLIENT, "250 taken\r\n");
	assert_int_equal(counter(MESSAGES), 1);
	assert_int_equal(counter(MESSAGES_CLEAN), 1);
	assert_int_equal(world.nrecords, 1);
	assert_int_equal(world.records[0].verdict, ENG_VERDICT_CLEAN);
}

// Some servers end a command at a CR, and read on: one reply must not let go what they take for content.
static void commands_behind_a_bare_cr_are_refused(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	client_sends(c, 0, "NOOP\rMAIL FROM:<e@v>\r RCPT TO:<c@d>\rDATA\rx\r\n");
	assert_false(server_has(c, "DATA"));
	hears_begin(c, CLIENT, "500 ");
}

static void content_by_another_way_behind_a_possible_end_is_refused(void **)
{
	static const char *const LINES[] = {"BURL imap://x LAST\r\n", "XEXCH50 10 2\r\n"};

	for (unsigned i = 0; i < 2; i++) {
		struct conn *c = dial("10.0.1.1", (uint16_t)(2000 + i));

		greets(c);
		begins_mail(c);
		says(c, CLIENT, "Subject: x\r\n\r\nhello\n.\n");
		says(c, CLIENT, LINES[i]);
		assert_true(c->end[SERVER].reset);
		assert_int_equal(counter(ACT_POSSIBLE_END_CUT), i + 1);
	}
}

// ---- replies that nobody asked for

static void a_reply_that_came_with_one_too_many_is_told(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "lines in LF\n.\nmore of them\r\n.\r\n");
	says(c, SERVER, "250 taken\r\n500-what\r\n500 more\r\n");
	hears_begin(c, CLIENT, "250 taken\r\n421 ");
	assert_int_equal(counter(ACT_DESYNC), 1);
}

// The first line behind the true reply, where numbers wrap in it, is not taken for a true one.
static void one_reply_too_many_stays_where_numbers_wrap(void **)
{
	static const char replies[] = "250 taken\r\n500 what\r\n";
	struct conn *before = dial("10.0.1.1", 2000), *c = dial("10.0.1.1", 2001);
	struct end *server = &c->end[SERVER];

	greets(before);
	begins_mail(before);
	server->isn = 0u - (before->end[SERVER].nxt - before->end[SERVER].isn) - 15;
	server->nxt = c->end[CLIENT].rcv = server->isn + 1;
	greets(c);
	begins_mail(c);
	says(c, CLIENT, "lines in LF\n.\nmore of them\r\n.\r\n");
	says(c, SERVER, replies);
	hears_begin(c, CLIENT, "250 taken\r\n421 ");
}

static void a_reply_in_the_middle_of_a_message_is_told_and_ends_the_reading(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "half a mess");
	says(c, SERVER, "552 too much\r\n");
	hears(c, CLIENT, "552 too much\r\n");
	assert_true(c->end[CLIENT].fin_got);
	assert_true(c->end[SERVER].reset);
	assert_int_equal(counter(ACT_DESYNC), 1);
}

struct line {
	const char *client, *server;
};

static void talk(struct conn *c, const struct line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		says(c, CLIENT, lines[i].client);
		if (lines[i].server != NULL)
			says(c, SERVER, lines[i].server);
	}
}

// ---- a message that is forgotten

static const struct line NESTED[] = {{"MAIL FROM:<a@b>\r\n", "250 ok\r\n"},
	{"MAIL FROM:<e@f>\r\n", "503 nested\r\n"}, {"RCPT TO:<c@d>\r\n", "250 ok\r\n"},
	{"DATA\r\n", "354 go\r\n"}, {SPAM, NULL}};
static const struct line BAD_RSET[] = {{"MAIL FROM:<a@b>\r\n", "250 ok\r\n"},
	{"RCPT TO:<c@d>\r\n", "250 ok\r\n"}, {"RSET please\r\n", "501 syntax\r\n"},
	{"DATA\r\n", "354 go\r\n"}, {SPAM, NULL}};
static const struct line BAD_HELO[] = {{"MAIL FROM:<a@b>\r\n", "250 ok\r\n"},
	{"RCPT TO:<c@d>\r\n", "250 ok\r\n"}, {"HELO\r\n", "501 syntax\r\n"},
	{"DATA\r\n", "354 go\r\n"}, {SPAM, NULL}};
static const struct line PIPELINED[] = {
	{"MAIL FROM:bad\r\nMAIL FROM:<a@b>\r\n", "501 syntax\r\n250 ok\r\n"},
	{"RCPT TO:<c@d>\r\n", "250 ok\r\n"}, {"DATA\r\n", "354 go\r\n"}, {SPAM, NULL}};
static const struct {
	const struct line *lines;
	size_t n;
} FORGOTTEN[] = {{NESTED, COUNT(NESTED)}, {BAD_RSET, COUNT(BAD_RSET)}, {BAD_HELO, COUNT(BAD_HELO)},
	{PIPELINED, COUNT(PIPELINED)}};

static void a_command_that_the_server_refuses_does_not_end_our_reading(void **)
{
	bool leaked = false;

	for (unsigned i = 0; i < COUNT(FORGOTTEN); i++) {
		struct conn *c = dial("10.0.1.1", (uint16_t)(2000 + i));

		greets(c);
		talk(c, FORGOTTEN[i].lines, FORGOTTEN[i].n);
		leaked |= server_has(c, "buy-now-cheap\r\n.\r\n");
	}
	assert_false(leaked);
}

// The server is still in the transaction that got no recipient: it gets none, and the chunk is read.
static void a_mail_refused_while_its_chunk_flows_does_not_end_our_reading(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets_with(c, "250-mx\r\n250 CHUNKING\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<x@d>\r\n");
	says(c, SERVER, "250 ok\r\n550 no\r\n");
	says(c, CLIENT, "BDAT 3 LAST\r\nabc");
	says(c, SERVER, "503 no recipient\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 17 LAST\r\n\r\n");
	says(c, SERVER, "503 nested\r\n");
	says(c, SERVER, "250 noop\r\n");
	says(c, CLIENT, "buy-now-cheap\r\n");
	assert_false(server_has(c, "c@d") || server_has(c, "buy-now-cheap"));
	assert_int_equal(counter(ACT_REJECTED), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(commands_behind_a_possible_end_never_leave),
		CASE(spam_before_a_possible_end_never_gets_there),
		CASE(a_server_that_ends_a_message_on_its_own_is_followed),
		CASE(a_client_that_takes_a_possible_end_for_the_end_is_told_after_a_silence),
		CASE(a_message_that_the_server_ends_at_a_possible_end_is_judged_and_counted),
		CASE(commands_behind_a_bare_cr_are_refused),
		CASE(content_by_another_way_behind_a_possible_end_is_refused),
		CASE(a_reply_that_came_with_one_too_many_is_told),
		CASE(one_reply_too_many_stays_where_numbers_wrap),
		CASE(a_reply_in_the_middle_of_a_message_is_told_and_ends_the_reading),
		CASE(a_command_that_the_server_refuses_does_not_end_our_reading),
		CASE(a_mail_refused_while_its_chunk_flows_does_not_end_our_reading),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
