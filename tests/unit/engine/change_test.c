// SPDX-License-Identifier: BSD-3-Clause
// Commands that the server gets as NOOP, replies of ours in the place of its own, octets taken out:
// from there on the two ends count differently, and neither may notice.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "session_world.h"
#include "tcp_flags.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

static const char CLEAN[] = "Subject: hello\r\n\r\nall is well\r\n.\r\n";
static const char SPAM[] = "Subject: hello\r\n\r\nbuy-now-cheap\r\n.\r\n";
static const char UNAVAILABLE[] = "502 5.5.1 Command not available (mw-*)\r\n";

static struct conn *opened(const char *source)
{
	struct conn *c = dial(source, 2000);

	greets(c);
	c->end[CLIENT].told = c->end[CLIENT].rcv - (c->end[SERVER].isn + 1);
	c->end[SERVER].told = c->end[SERVER].rcv - (c->end[CLIENT].isn + 1);
	return c;
}

// A whole message in both ends' numbers as they are by now.
static void mails(struct conn *c, const char *text, const char *answer)
{
	says(c, CLIENT, "MAIL FROM:<a@b>\r\n");
	hears(c, SERVER, "MAIL FROM:<a@b>\r\n");
	says(c, SERVER, "250 ok\r\n");
	says(c, CLIENT, "RCPT TO:<c@d>\r\n");
	says(c, SERVER, "250 ok\r\n");
	says(c, CLIENT, "DATA\r\n");
	hears(c, SERVER, "RCPT TO:<c@d>\r\nDATA\r\n");
	says(c, SERVER, "354 go\r\n");
	hears(c, CLIENT, "250 ok\r\n250 ok\r\n354 go\r\n");
	says(c, CLIENT, text);
	if (answer == NULL)
		return;
	hears(c, SERVER, text);
	says(c, SERVER, answer);
	hears(c, CLIENT, answer);
}

static void refused(struct conn *c, const char *command, const char *as)
{
	says(c, CLIENT, command);
	hears(c, SERVER, as);
	says(c, SERVER, "250 2.0.0 Ok\r\n");
	hears(c, CLIENT, UNAVAILABLE);
}

static void a_command_that_brings_content_unread_becomes_noop_and_is_refused(void **)
{
	struct conn *c = opened("10.0.1.1");

	refused(c, "BURL imap://x/1 LAST\r\n", "NOOP                \r\n");
	mails(c, CLEAN, "250 queued\r\n");
	says(c, CLIENT, "QUIT\r\n");
	hears(c, SERVER, "QUIT\r\n");
	says(c, SERVER, "221 bye\r\n");
	hears(c, CLIENT, "221 bye\r\n");
	hangs_up(c, SERVER);
	hangs_up(c, CLIENT);
	assert_true(c->end[CLIENT].fin_got && c->end[SERVER].fin_got);
	assert_int_equal(counter(ACT_SUBSTITUTED), 1);
	assert_int_equal(counter(ACT_COMMAND_REFUSED), 1);
	assert_int_equal(counter(ACT_REPLY_REPLACED), 1);
}

static void spam_is_refused_where_the_ends_count_differently(void **)
{
	struct conn *c = opened("10.0.1.1");

	refused(c, "XEXCH50 20 2\r\n", "NOOP        \r\n");
	mails(c, SPAM, NULL);
	hears_begin(c, CLIENT, "550 ");
	assert_true(c->end[SERVER].reset);
}

static void every_line_of_a_reply_to_the_noop_is_replaced(void **)
{
	struct conn *c = opened("10.0.1.1");

	says(c, CLIENT, "TURN\r\n");
	hears(c, SERVER, "NOOP\r\n");
	says(c, SERVER, "250-first\r\n");
	says(c, SERVER, "250-second\r\n250 thi");
	hears(c, CLIENT, "");
	says(c, SERVER, "rd\r\n");
	hears(c, CLIENT, UNAVAILABLE);
	mails(c, CLEAN, "250 queued\r\n");
}

static void replies_stay_in_order_behind_pipelined_commands(void **)
{
	struct conn *c = opened("10.0.1.1");

	says(c, CLIENT, "RSET\r\nATRN a.example\r\nMAIL FROM:<a@b>\r\n");
	hears(c, SERVER, "RSET\r\nNOOP          \r\n");
	says(c, SERVER, "250 reset\r\n500 noop\r\n");
	hears(c, CLIENT, "250 reset\r\n502 5.5.1 Command not available (mw-*)\r\n");
	hears(c, SERVER, "MAIL FROM:<a@b>\r\n");
	says(c, SERVER, "250 mail\r\n");
	hears(c, CLIENT, "250 mail\r\n");
}

static void a_server_that_closes_says_so_itself(void **)
{
	struct conn *c = opened("10.0.1.1");

	says(c, CLIENT, "XCLIENT ADDR=10.0.0.1\r\n");
	says(c, SERVER, "421 4.3.2 closing\r\n");
	hears(c, CLIENT, "421 4.3.2 closing\r\n");
	assert_int_equal(counter(ACT_REPLY_REPLACED), 0);
}

static void a_sixth_refused_command_ends_the_session(void **)
{
	struct conn *c = opened("10.0.1.1");

	for (unsigned i = 0; i < 5; i++)
		refused(c, "TURN\r\n", "NOOP\r\n");
	says(c, CLIENT, "TURN\r\n");
	hears_begin(c, CLIENT, "421 4.7.0 ");
	assert_true(c->end[SERVER].reset);
	assert_int_equal(counter(ACT_SUBSTITUTE_LIMIT), 1);
}

static void a_chunk_that_was_not_offered_never_reaches_the_server(void **)
{
	struct conn *c = opened("10.0.1.1"); // its EHLO reply has no CHUNKING

	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	says(c, SERVER, "250 ok\r\n250 ok\r\n");
	hears(c, SERVER, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	hears(c, CLIENT, "250 ok\r\n250 ok\r\n");
	says(c, CLIENT, "BDAT 23 LAST\r\nbuy-now");
	says(c, CLIENT, "-cheap\r\nQUIT\r\n\r\n");
	hears(c, SERVER, "NOOP        \r\n");
	says(c, SERVER, "250 ok\r\n");
	hears(c, CLIENT, "502 5.5.1 BDAT not offered (mw-*)\r\n");
	assert_int_equal(counter(ACT_CHUNK_REFUSED), 1);
	says(c, CLIENT, "RSET\r\n");
	hears(c, SERVER, "RSET\r\n");
	says(c, SERVER, "250 ok\r\n");
	hears(c, CLIENT, "250 ok\r\n");
	mails(c, CLEAN, "250 queued\r\n");
}

static void a_big_chunk_is_swallowed_and_acknowledged_by_us(void **)
{
	static char octets[1401];
	struct conn *c = opened("10.0.1.1");

	memset(octets, 'x', sizeof(octets) - 1);
	says(c, CLIENT, "BDAT 140000 LAST\r\n");
	for (unsigned i = 0; i < 100; i++)
		says(c, CLIENT, octets);
	hears(c, SERVER, "NOOP            \r\n");
	assert_int_equal(last_seen(c, CLIENT)->ack, c->end[CLIENT].nxt);
	says(c, SERVER, "250 ok\r\n");
	hears(c, CLIENT, "502 5.5.1 BDAT not offered (mw-*)\r\n");
	mails(c, CLEAN, "250 queued\r\n");
}

static void our_reply_is_repeated_until_the_client_has_it(void **)
{
	struct conn *c = opened("10.0.1.1");

	says(c, CLIENT, "TURN\r\n");
	hears(c, SERVER, "NOOP\r\n");
	c->end[CLIENT].mute = true;
	says(c, SERVER, "250 ok\r\n");
	hears(c, CLIENT, UNAVAILABLE);
	forget_seen();
	pass_ms(1100);
	assert_true(frames_seen(c, CLIENT) >= 1);
	c->end[CLIENT].mute = false;
	c->end[CLIENT].owes_ack = true;
	settle();
	mails(c, CLEAN, "250 queued\r\n");
	forget_seen();
	pass_ms(5000);
	assert_int_equal(frames_seen(c, CLIENT), 0);
}

static void tls_behind_a_change_goes_on_with_mapped_numbers(void **)
{
	struct conn *c = opened("10.0.1.1");

	refused(c, "BURL imap://x/1 LAST\r\n", "NOOP                \r\n");
	says(c, CLIENT, "STARTTLS\r\n");
	hears(c, SERVER, "STARTTLS\r\n");
	says(c, SERVER, "220 go\r\n");
	hears(c, CLIENT, "220 go\r\n");
	says(c, CLIENT, "\x16\x03\x01 1\x01hello");
	hears(c, SERVER, "\x16\x03\x01 1\x01hello");
	says(c, SERVER, "\x16\x03\x03 1\x02hello");
	hears(c, CLIENT, "\x16\x03\x03 1\x02hello");
	pass_ms(50);
	assert_int_equal(counter(GAUGE_SLABS), 0); // nothing is retained any more
	for (unsigned i = 0; i < 20; i++) {
		says(c, CLIENT, "sealed up");
		hears(c, SERVER, "sealed up");
		says(c, SERVER, "sealed down");
		hears(c, CLIENT, "sealed down");
	}
	assert_true(counter(ACT_TRANSLATED) >= 40);
	pass_ms(60 * 60 * 1000);
	assert_false(c->end[CLIENT].reset || c->end[SERVER].reset);
	hangs_up(c, CLIENT);
	hangs_up(c, SERVER);
	assert_true(c->end[CLIENT].fin_got && c->end[SERVER].fin_got);
}

static int few_slabs(void **)
{
	return world_new_sized(63, 15, 5);
}

static void without_memory_for_a_change_the_session_is_cut(void **)
{
	struct conn *c = opened("10.0.1.1"), *other = dial("10.0.1.2", 2001);

	handshake(other); // their words wait: two of the slabs are gone
	says(other, SERVER, "220 m");
	says(other, CLIENT, "EH");
	says(c, CLIENT, "TURN\r\n");
	hears(c, SERVER, "NOOP\r\n");
	says(c, SERVER, "250 ok\r\n");
	hears_begin(c, CLIENT, "421 4.3.0 ");
	assert_true(c->end[SERVER].reset);
	assert_int_equal(counter(ACT_CHANGE_REFUSED), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_command_that_brings_content_unread_becomes_noop_and_is_refused),
		CASE(spam_is_refused_where_the_ends_count_differently),
		CASE(every_line_of_a_reply_to_the_noop_is_replaced),
		CASE(replies_stay_in_order_behind_pipelined_commands),
		CASE(a_server_that_closes_says_so_itself),
		CASE(a_sixth_refused_command_ends_the_session),
		CASE(a_chunk_that_was_not_offered_never_reaches_the_server),
		CASE(a_big_chunk_is_swallowed_and_acknowledged_by_us),
		CASE(our_reply_is_repeated_until_the_client_has_it),
		CASE(tls_behind_a_change_goes_on_with_mapped_numbers),
		cmocka_unit_test_setup_teardown(
			without_memory_for_a_change_the_session_is_cut, few_slabs, world_end),
	};
	return cmocka_run_group_tests(tests, world_start, world_stop);
}
