// SPDX-License-Identifier: BSD-3-Clause
// What goes wrong around limits of a session: ends that leave while a reply waits, cuts in the midst of
// replies, recipients taken out by the hundred.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "session_talk.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

#define COUNTED "10.0.12.1"
#define SIZED "10.0.13.1" // two recipients
#define SLOW "10.0.14.1"
#define TIGHT \
	"10.0.19.1" // a recipient, two errors, seven errors without delay, then 30 s; idle after 10

static const char TOO_MANY[] = "452 4.5.3 Too many recipients (mw-*)\r\n";

static struct conn *opened(const char *source)
{
	return opened_with(source, "250-mx\r\n250 PIPELINING\r\n");
}

// A transaction with so many recipients, and the five whose commands become NOOP.
static void fill(struct conn *c, unsigned recipients)
{
	passes(c, "MAIL FROM:<a@b>\r\n", "250 ok\r\n");
	while (recipients-- > 0)
		passes(c, "RCPT TO:<1@d>\r\n", "250 ok\r\n");
	for (unsigned n = 0; n < 5; n++) {
		says(c, CLIENT, "RCPT TO:<x@d>\r\n");
		hears(c, SERVER, "NOOP         \r\n");
		says(c, SERVER, "250 ok\r\n");
		hears(c, CLIENT, TOO_MANY);
	}
}

// ---- replies that wait

static void what_comes_behind_a_waiting_reply_is_acknowledged(void **)
{
	struct conn *c = opened(SLOW);

	passes(c, "VRFY x\r\n", "502 no\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRSET\r\n");
	says(c, SERVER, "550 no\r\n");
	says(c, SERVER, "250 ok\r\n");
	hears(c, CLIENT, "");
	pass_ms(100);
	assert_int_equal(last_seen(c, SERVER)->ack, c->end[SERVER].nxt);
	pass_ms(4000);
	hears(c, CLIENT, "550 no\r\n250 ok\r\n");
}

static void a_session_is_not_idle_while_a_reply_waits(void **)
{
	struct conn *c = opened(TIGHT);

	fill(c, 1);
	passes(c, "VRFY x\r\n", "502 no\r\n");
	passes(c, "VRFY x\r\n", "502 no\r\n");
	says(c, CLIENT, "RCPT TO:<x@d>\r\n");
	pass_ms(29900);
	hears(c, CLIENT, "");
	pass_ms(200);
	hears(c, CLIENT, TOO_MANY);
	pass_ms(9000);
	assert_false(c->end[CLIENT].reset);
	passes(c, "QUIT\r\n", "221 bye\r\n");
	assert_int_equal(counter(GAUGE_HOLDS), 0);
}

static void a_server_that_leaves_has_its_waiting_reply_told_first(void **)
{
	struct conn *c = opened(SLOW);

	passes(c, "VRFY x\r\n", "502 no\r\n");
	says(c, CLIENT, "VRFY x\r\n");
	says(c, SERVER, "502 no\r\n");
	hangs_up(c, SERVER);
	hears(c, CLIENT, "");
	assert_false(c->end[CLIENT].fin_got);
	pass_ms(4100);
	hears(c, CLIENT, "502 no\r\n");
	assert_true(c->end[CLIENT].fin_got);
	assert_int_equal(counter(GAUGE_HOLDS), 0);
}

static void half_a_reply_and_a_fin_do_not_shorten_the_wait(void **)
{
	struct conn *c = opened(SLOW);

	passes(c, "VRFY x\r\n", "502 no\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRSET\r\n");
	says(c, SERVER, "550 no\r\n250 o");
	hangs_up(c, SERVER);
	hears(c, CLIENT, "");
	pass_ms(4100);
	hears(c, CLIENT, "550 no\r\n250 o");
	assert_true(c->end[CLIENT].fin_got);
}

static void an_end_that_resets_while_a_reply_waits_leaves_nothing(void **)
{
	for (unsigned side = CLIENT; side <= SERVER; side++) {
		struct conn *c = opened(SLOW);

		passes(c, "VRFY x\r\n", "502 no\r\n");
		says(c, CLIENT, "VRFY x\r\n");
		says(c, SERVER, "502 no\r\n");
		assert_int_equal(counter(GAUGE_HOLDS), 1);
		segment(c, side, TCP_RST | TCP_ACK, c->end[side].nxt, c->end[side].rcv, NULL, 0);
		settle();
		assert_true(c->end[!side].reset);
		assert_int_equal(counter(GAUGE_HOLDS), 0);
	}
}

static void a_client_that_leaves_while_its_reply_waits_hears_it(void **)
{
	struct conn *c = opened(SLOW);

	passes(c, "VRFY x\r\n", "502 no\r\n");
	says(c, CLIENT, "VRFY x\r\n");
	says(c, SERVER, "502 no\r\n");
	hangs_up(c, CLIENT);
	assert_true(c->end[SERVER].fin_got);
	hangs_up(c, SERVER);
	pass_ms(4100);
	hears(c, CLIENT, "502 no\r\n");
	assert_true(c->end[CLIENT].fin_got);
	assert_int_equal(counter(GAUGE_HOLDS), 0);
}

static void spam_behind_a_waiting_reply_is_refused_behind_it(void **)
{
	struct conn *c = opened(SLOW);

	passes(c, "VRFY x\r\n", "502 no\r\n");
	passes(c, "MAIL FROM:<a@b>\r\n", "250 ok\r\n");
	says(c, CLIENT, "RCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\nDATA\r\n");
	says(c, SERVER, "550 no\r\n250 ok\r\n354 go\r\n");
	says(c, CLIENT, "A: b\r\n\r\nbuy-now-cheap\r\n.\r\n");
	hears(c, CLIENT,
		"550 no\r\n250 ok\r\n354 go\r\n550 5.7.1 Message refused as spam (mw-*)\r\n");
	assert_true(c->end[SERVER].reset);
}

// ---- cuts

static void a_cut_behind_a_waiting_reply_of_ours_tells_it(void **)
{
	struct conn *c = opened(TIGHT);

	fill(c, 1);
	passes(c, "VRFY x\r\n", "502 no\r\n");
	passes(c, "VRFY x\r\n", "502 no\r\n");
	says(c, CLIENT, "RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\nVRFY x\r\n");
	hears(c, SERVER, "RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nVRFY x\r\n");
	says(c, SERVER, "250 reset\r\n250 mail\r\n250 one\r\n502 no\r\n");
	hears(c, CLIENT,
		"250 reset\r\n250 mail\r\n250 one\r\n452 4.5.3 Too many recipients (mw-*)\r\n"
		"421 4.7.0 Too many errors (mw-*)\r\n");
}

static void an_error_too_many_whose_reply_has_begun_is_told_whole(void **)
{
	struct conn *c = opened(COUNTED);

	for (unsigned n = 0; n < 3; n++)
		passes(c, "VRFY x\r\n", "502 no\r\n");
	says(c, CLIENT, "VRFY x\r\n");
	says(c, SERVER, "502-not\r\n");
	hears(c, CLIENT, "502-not\r\n");
	says(c, SERVER, "502 here\r\n");
	hears(c, CLIENT, "502 here\r\n421 4.7.0 Too many errors (mw-*)\r\n");
	assert_true(c->end[SERVER].reset);
}

static void a_cut_behind_a_long_reply_that_ours_replaced_tells_ours(void **)
{
	char text[400] = "";
	struct conn *c = opened(SIZED);

	passes(c, "MAIL FROM:<a@b>\r\n", "250 ok\r\n");
	passes(c, "RCPT TO:<1@d>\r\n", "250 ok\r\n");
	passes(c, "RCPT TO:<1@d>\r\n", "250 ok\r\n");
	says(c, CLIENT, "RCPT TO:<x@d>\r\n");
	for (unsigned n = 0; n < 12; n++) // as many lines as are judged in one call
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "250-line\r\n");
	(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "250 ok\r\n250 two\r\n");
	says(c, SERVER, text);
	hears(c, CLIENT,
		"452 4.5.3 Too many recipients (mw-*)\r\n"
		"421 4.7.1 Closing connection: protocol error\r\n");
	assert_true(c->end[SERVER].reset);
}

static void a_message_that_its_server_has_is_answered_before_the_cut(void **)
{
	struct conn *c = dial(COUNTED, 5999);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	hears(c, CLIENT, "220 mx\r\n");
	passes(c, "EHLO me\r\n", "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
	passes(c, "MAIL FROM:<a@b>\r\n", "250 ok\r\n");
	passes(c, "RCPT TO:<1@d>\r\n", "250 ok\r\n");
	for (unsigned n = 0; n < 8; n++)
		passes(c, "RCPT TO:<x@d>\r\n", "550 no\r\n");
	says(c, CLIENT, "RCPT TO:<x@d>\r\nBDAT 6 LAST\r\nA: b\r\n");
	hears(c, SERVER, "RCPT TO:<x@d>\r\nBDAT 6 LAST\r\nA: b\r\n");
	says(c, SERVER, "550 no\r\n");
	says(c, SERVER, "250 queued\r\n");
	hears(c, CLIENT, "550 no\r\n250 queued\r\n");
	passes(c, "MAIL FROM:<a@b>\r\n", "250 ok\r\n");
	says(c, CLIENT, "RCPT TO:<x@d>\r\n");
	says(c, SERVER, "550 no\r\n");
	hears(c, CLIENT, "421 4.7.0 Too many errors (mw-*)\r\n");
}

// ---- recipients

static void a_mail_out_of_place_brings_no_further_recipients(void **)
{
	struct conn *c = opened(SIZED);

	passes(c, "MAIL FROM:<a@b>\r\n", "250 ok\r\n");
	passes(c, "RCPT TO:<1@d>\r\n", "250 ok\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<2@d>\r\nRCPT TO:<3@d>\r\n");
	hears(c, SERVER, "MAIL FROM:<a@b>\r\nRCPT TO:<2@d>\r\nNOOP         \r\n");
	says(c, SERVER, "503 nested\r\n250 ok\r\n250 ok\r\n");
	hears(c, CLIENT, "503 nested\r\n250 ok\r\n452 4.5.3 Too many recipients (mw-*)\r\n");
}

// Nor does one behind a reset that the server refuses.
static void a_reset_with_an_argument_brings_no_further_recipients(void **)
{
	struct conn *c = opened(SIZED);

	passes(c, "MAIL FROM:<a@b>\r\n", "250 ok\r\n");
	passes(c, "RCPT TO:<1@d>\r\n", "250 ok\r\n");
	says(c, CLIENT, "RSET x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<2@d>\r\nRCPT TO:<3@d>\r\n");
	hears(c, SERVER, "RSET x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<2@d>\r\nNOOP         \r\n");
	says(c, SERVER, "501 syntax\r\n503 nested\r\n250 ok\r\n250 ok\r\n");
	hears(c, CLIENT,
		"501 syntax\r\n503 nested\r\n250 ok\r\n452 4.5.3 Too many recipients (mw-*)\r\n");
	says(c, CLIENT, "RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<4@d>\r\nRCPT TO:<5@d>\r\n");
	hears(c, SERVER, "RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<4@d>\r\nRCPT TO:<5@d>\r\n");
}

// Nor do those that the server refuses because they came before their MAIL.
static void recipients_in_front_of_a_mail_bring_no_further_recipients(void **)
{
	struct conn *c = opened(SIZED);

	says(c, CLIENT, "RCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\nMAIL FROM:<a@b>\r\nRCPT TO:<3@d>\r\nRCPT TO:<4@d>\r\n");
	says(c, SERVER, "503 MAIL first\r\n503 MAIL first\r\n250 ok\r\n250 ok\r\n250 ok\r\n");
	says(c, CLIENT, "RCPT TO:<5@d>\r\n");
	says(c, SERVER, "250 noop\r\n");
	hears(c, SERVER,
		"RCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\nMAIL FROM:<a@b>\r\nRCPT TO:<3@d>\r\n"
		"RCPT TO:<4@d>\r\nNOOP         \r\n");
	hears(c, CLIENT,
		"503 MAIL first\r\n503 MAIL first\r\n250 ok\r\n250 ok\r\n250 ok\r\n"
		"452 4.5.3 Too many recipients (mw-*)\r\n");
}

// ---- recipients taken out

static void nothing_is_said_behind_the_servers_end(void **)
{
	struct conn *c = opened(SIZED);

	fill(c, 2);
	hangs_up(c, SERVER);
	assert_true(c->end[CLIENT].fin_got);
	const uint32_t rcv = c->end[CLIENT].rcv;
	forget_seen();
	says(c, CLIENT, "RCPT TO:<4@d>\r\n");
	hears(c, CLIENT, "");
	for (unsigned i = 0; i < world.nseen; i++) {
		if (world.seen[i].port == CLIENT) {
			assert_int_equal(world.seen[i].len, 0);
			assert_int_equal(world.seen[i].seq, rcv);
		}
	}
	hangs_up(c, CLIENT);
	assert_true(c->end[SERVER].fin_got);
	hears(c, SERVER, "");
}

static void recipients_taken_out_by_the_hundred_are_all_answered(void **)
{
	static const uint16_t WINDOWS[] = {60000, 2000, 300};
	enum { RECIPIENTS = 400, A_SEGMENT = 80 };

	for (unsigned i = 0; i < COUNT(WINDOWS); i++) {
		static char text[A_SEGMENT * 32], want[RECIPIENTS * 64];
		struct conn *c = dial(SIZED, (uint16_t)(6000 + i));
		size_t n = 0;

		c->end[CLIENT].window = WINDOWS[i];
		greets_with(c, "250-mx\r\n250 PIPELINING\r\n");
		forget_words(c);
		fill(c, 2);
		for (unsigned k = 0; k < A_SEGMENT; k++)
			n += (size_t)snprintf(
				text + n, sizeof(text) - n, "RCPT TO:<%u@d>\r\n", k + 100);
		for (unsigned k = 0; k < RECIPIENTS / A_SEGMENT; k++) { // one flight
			struct end *e = &c->end[CLIENT];
			segment(c, CLIENT, TCP_ACK, e->nxt, e->rcv, text, n);
			e->nxt += (uint32_t)n;
		}
		says(c, CLIENT, "DATA\r\n");
		hears(c, SERVER, "DATA\r\n");
		says(c, SERVER, "354 go\r\n");
		size_t at = 0;
		for (unsigned k = 0; k < RECIPIENTS; k++)
			at += (size_t)snprintf(want + at, sizeof(want) - at, "%s", TOO_MANY);
		(void)snprintf(want + at, sizeof(want) - at, "354 go\r\n");
		hears(c, CLIENT, want);
		assert_false(c->end[CLIENT].reset);
		assert_int_equal(counter(ACT_CHANGE_REFUSED), 0);
	}
}

static void recipients_taken_out_while_replies_wait_are_all_answered(void **)
{
	enum { RECIPIENTS = 250 };
	static char text[RECIPIENTS * 32], want[RECIPIENTS * 64];
	struct conn *c = opened(TIGHT);
	size_t n = 0, at = 0;

	fill(c, 1);
	for (unsigned k = 0; k < RECIPIENTS; k++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "RCPT TO:<%u@d>\r\n", k + 100);
		at += (size_t)snprintf(want + at, sizeof(want) - at, "%s", TOO_MANY);
	}
	says(c, CLIENT, text);
	pass_ms(2 * 30100);
	hears(c, CLIENT, want);
	assert_int_equal(counter(GAUGE_HOLDS), 0);
	passes(c, "DATA\r\n", "354 go\r\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(what_comes_behind_a_waiting_reply_is_acknowledged),
		CASE(a_session_is_not_idle_while_a_reply_waits),
		CASE(a_server_that_leaves_has_its_waiting_reply_told_first),
		CASE(half_a_reply_and_a_fin_do_not_shorten_the_wait),
		CASE(an_end_that_resets_while_a_reply_waits_leaves_nothing),
		CASE(a_client_that_leaves_while_its_reply_waits_hears_it),
		CASE(spam_behind_a_waiting_reply_is_refused_behind_it),
		CASE(a_cut_behind_a_waiting_reply_of_ours_tells_it),
		CASE(an_error_too_many_whose_reply_has_begun_is_told_whole),
		CASE(a_cut_behind_a_long_reply_that_ours_replaced_tells_ours),
		CASE(a_message_that_its_server_has_is_answered_before_the_cut),
		CASE(a_mail_out_of_place_brings_no_further_recipients),
		CASE(a_reset_with_an_argument_brings_no_further_recipients),
		CASE(recipients_in_front_of_a_mail_bring_no_further_recipients),
		CASE(nothing_is_said_behind_the_servers_end),
		CASE(recipients_taken_out_by_the_hundred_are_all_answered),
		CASE(recipients_taken_out_while_replies_wait_are_all_answered),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
