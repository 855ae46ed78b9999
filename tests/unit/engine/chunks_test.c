// SPDX-License-Identifier: BSD-3-Clause
// BDAT between a client and a server that read it differently, and replies that come two at a time: no byte
// that was not judged reaches the server.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "session_talk.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

#define HIDDEN_MAIL "RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 13 LAST\r\nbuy-now-cheap"

static struct conn *chunking(uint16_t port)
{
	struct conn *c = dial("10.0.1.1", port);

	greets_with(c, "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	says(c, SERVER, "250 ok\r\n250 ok\r\n");
	c->end[CLIENT].told = c->end[CLIENT].rcv - (c->end[SERVER].isn + 1);
	c->end[SERVER].told = c->end[SERVER].rcv - (c->end[CLIENT].isn + 1);
	return c;
}

// ---- chunks whose size the server reads otherwise

// A counter of 32 bits takes the first for 5, one with a sign the second for less than nothing, who
// reads octal the third for 8.
static void a_chunk_whose_size_is_read_in_several_ways_does_not_reach_the_server(void **)
{
	static const char *const SIZES[] = {"4294967301", "2147483653", "010"};

	for (unsigned i = 0; i < COUNT(SIZES); i++) {
		struct conn *c = chunking((uint16_t)(2000 + i));
		char text[200];

		snprintf(text, sizeof(text), "BDAT %s\r\nhello" HIDDEN_MAIL, SIZES[i]);
		says(c, CLIENT, text);
		assert_false(server_has(c, "BDAT"));
		hears_begin(c, CLIENT, "421 ");
	}
}

// ---- chunks that the server does not read away

// Exim says 504 to an empty chunk in the midst of others and from there on takes all for commands up to
// RSET.
static void nothing_is_sent_behind_a_chunk_before_its_reply(void **)
{
	struct conn *c = chunking(2000);

	says(c, CLIENT, "BDAT 5\r\nhelloBDAT 0\r\nBDAT 100000 LAST\r\n" HIDDEN_MAIL);
	hears(c, SERVER, "BDAT 5\r\nhello");
	says(c, SERVER, "250 5 byte chunk\r\n");
	hears(c, SERVER, "BDAT 0\r\n");
	says(c, SERVER, "504 zero size\r\n");
	assert_false(server_has(c, "RSET"));
	assert_false(server_has(c, "buy-now-cheap"));
}

// Exim reads no chunk away behind a command that it refused between chunks.
static void a_chunk_behind_a_refused_command_does_not_reach_the_server(void **)
{
	struct conn *c = chunking(2000);

	says(c, CLIENT, "BDAT 5\r\nhello");
	says(c, SERVER, "250 5 byte chunk\r\n");
	says(c, CLIENT, "HELP\r\n");
	says(c, SERVER, "503 only BDAT\r\n");
	says(c, CLIENT, "BDAT 100000 LAST\r\n" HIDDEN_MAIL);
	assert_false(server_has(c, "RSET"));
	assert_false(server_has(c, "buy-now-cheap"));
}

// Exim 4.96 takes a message that is all header where its chunks are followed by QUIT, or by the error that
// is one too many: an end that nobody has judged.
static void between_chunks_nothing_comes_that_may_end_the_message(void **)
{
	static const char *const ENDS[] = {"QUIT\r\n", "HELP\r\n", "MAIL FROM:<x@y>\r\n",
		"what\r\n", "EHLO you\r\n", "RSET x\r\n", "DATA\r\n"};

	for (unsigned i = 0; i < COUNT(ENDS); i++) {
		struct conn *c = chunking((uint16_t)(2000 + i));

		says(c, CLIENT, "BDAT 24\r\nSubject: buy-now-cheap\r\n");
		says(c, SERVER, "250 24 byte chunk\r\n");
		says(c, CLIENT, ENDS[i]);
		assert_false(server_has(c, ENDS[i]));
		assert_true(c->end[SERVER].reset);
		hears(c, CLIENT,
			"250 24 byte chunk\r\n421 4.7.1 Closing connection: protocol error\r\n");
	}
}

// What was refused in front of the chunks, in one group with them, says nothing of them.
static void a_recipient_refused_in_front_of_chunks_ends_nothing(void **)
{
	struct conn *c = chunking(2000);

	says(c, CLIENT, "RCPT TO:<no@two.example>\r\nBDAT 12\r\nSubject: x\r\n");
	says(c, SERVER, "550 no such user\r\n250 12 byte chunk\r\n");
	hears(c, CLIENT, "550 no such user\r\n250 12 byte chunk\r\n");
	says(c, CLIENT, "BDAT 3 LAST\r\n\r\nx");
	assert_true(server_has(c, "BDAT 3 LAST\r\n\r\nx"));
	says(c, SERVER, "250 taken\r\n");
	hears(c, CLIENT, "250 taken\r\n");
}

// To a server that refused one of them each further command is an error.
static void behind_a_refused_chunk_of_several_a_reset_alone_goes(void **)
{
	static const char *const NEXT[] = {"NOOP\r\n", "BDAT 3\r\nx\r\n", "RSET\r\n"};

	for (unsigned i = 0; i < COUNT(NEXT); i++) {
		struct conn *c = chunking((uint16_t)(2000 + i));

		says(c, CLIENT, "BDAT 12\r\nSubject: x\r\n");
		says(c, SERVER, "250 12 byte chunk\r\n");
		says(c, CLIENT, "NOOP\r\n");
		says(c, SERVER, "250 ok\r\n");
		says(c, CLIENT, "BDAT 0\r\n");
		says(c, SERVER, "504 zero size\r\n");
		c->end[SERVER].told = c->end[SERVER].rcv - (c->end[CLIENT].isn + 1);
		says(c, CLIENT, NEXT[i]);
		hears(c, SERVER, i == 2 ? NEXT[i] : "");
		assert_int_equal(c->end[SERVER].reset, i < 2);
	}
}

// An honest client that had sent the next chunk before it heard of the refusal.
static void a_chunk_behind_a_refused_one_is_refused_by_us(void **)
{
	struct conn *c = chunking(2000);

	says(c, CLIENT, "BDAT 5\r\nhelloBDAT 5 LAST\r\nworld");
	hears(c, SERVER, "BDAT 5\r\nhello");
	says(c, SERVER, "552 too big\r\n");
	hears(c, CLIENT, "552 too big\r\n");
	hears(c, SERVER, "NOOP       \r\n");
	says(c, SERVER, "250 ok\r\n");
	hears(c, CLIENT, "503 5.5.1 A chunk before was refused, RSET first (mw-*)\r\n");
	says(c, CLIENT, "RSET\r\nMAIL FROM:<a@b>\r\n");
	hears(c, SERVER, "RSET\r\n");
	says(c, SERVER, "250 ok\r\n");
	hears(c, SERVER, "MAIL FROM:<a@b>\r\n");
}

// ---- chunks that a session profile refuses

// The octets that came with their BDAT, and those that come later, are nobody's commands.
static void octets_of_a_chunk_refused_by_its_place_reach_nobody(void **)
{
	static const char *const TEXTS[] = {"BDAT 6 LAST\r\nVRFY\r\n", "BDAT 6\r\nVRFY\r\n",
		"BDAT 12 LAST\r\nVRFY\r\nVRFY\r\n"};
	static const struct {
		const char *source, *begin;
	} CASES[] = {{"10.0.15.1", ""}, {"10.0.16.1", "NOOP\r\n"}};

	for (unsigned i = 0; i < COUNT(TEXTS) * COUNT(CASES); i++) {
		struct conn *c = dial(CASES[i / COUNT(TEXTS)].source, (uint16_t)(2000 + i));
		char text[100];

		handshake(c);
		says(c, SERVER, "220 mx\r\n");
		says(c, CLIENT, "EHLO me\r\n");
		says(c, SERVER, "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
		snprintf(text, sizeof(text), "%s%s", CASES[i / COUNT(TEXTS)].begin,
			TEXTS[i % COUNT(TEXTS)]);
		says(c, CLIENT, text);
		says(c, SERVER, "250 ok\r\n");
		says(c, SERVER, "250 ok\r\n");
		assert_false(server_has(c, "VRFY"));
		assert_non_null(memmem(c->end[CLIENT].bytes, END_BYTES, "503 5.5.1 ", 10));
	}
}

// ---- replies that come two at a time

static void two_replies_to_a_command_of_ours_leave_no_reply_unchanged(void **)
{
	static const char LONG[] =
		"250 this is a reply that is longer than the one that takes its place, "
		"to which another comes\r\n250 what\r\n";
	struct conn *c = chunking(2000);

	says(c, CLIENT, "XFORWARD NAME=x\r\n");
	says(c, SERVER, LONG);
	says(c, CLIENT, "QUIT\r\n");
	assert_null(memmem(c->end[CLIENT].bytes, END_BYTES, "this is", 7));
}

static void two_replies_within_a_chunk_of_ours_leave_no_reply_unchanged(void **)
{
	static const char LONG[] =
		"250 this is a reply that is longer than the one that takes its place, "
		"to which another comes\r\n250 what\r\n";
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c); // without CHUNKING
	says(c, CLIENT, "BDAT 20 LAST\r\nhalf of");
	says(c, SERVER, LONG);
	assert_null(memmem(c->end[CLIENT].bytes, END_BYTES, "this is", 7));
	assert_non_null(memmem(c->end[CLIENT].bytes, END_BYTES, "502 5.5.1 BDAT", 14));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_chunk_whose_size_is_read_in_several_ways_does_not_reach_the_server),
		CASE(nothing_is_sent_behind_a_chunk_before_its_reply),
		CASE(a_chunk_behind_a_refused_command_does_not_reach_the_server),
		CASE(between_chunks_nothing_comes_that_may_end_the_message),
		CASE(a_recipient_refused_in_front_of_chunks_ends_nothing),
		CASE(behind_a_refused_chunk_of_several_a_reset_alone_goes),
		CASE(a_chunk_behind_a_refused_one_is_refused_by_us),
		CASE(octets_of_a_chunk_refused_by_its_place_reach_nobody),
		CASE(two_replies_to_a_command_of_ours_leave_no_reply_unchanged),
		CASE(two_replies_within_a_chunk_of_ours_leave_no_reply_unchanged),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
