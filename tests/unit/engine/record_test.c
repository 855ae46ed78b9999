// SPDX-License-Identifier: BSD-3-Clause
// Records of messages have the Subject, however the message came: cut anywhere, with dots stuffed, in chunks.
// Those of refusals have the ids that clients read.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eng_report.h"
#include "session_world.h"
#include "text.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

static void judge(const char *how, size_t cut, const char *wanted)
{
	if (world.has_subject != (wanted != NULL))
		fail_msg(
			"%s, cut at %zu: it has %s Subject", how, cut, wanted == NULL ? "a" : "no");
	if (wanted != NULL &&
		(world.subject_n != strlen(wanted) ||
			memcmp(world.subject, wanted, world.subject_n) != 0))
		fail_msg("%s, cut at %zu: %.*s", how, cut, (int)world.subject_n, world.subject);
}

// Octets of the client's in two segments; what the server hears of them is not looked at.
static void says_cut(struct conn *c, const char *text, size_t cut)
{
	char first[512];

	assert_true(cut < sizeof(first));
	memcpy(first, text, cut);
	first[cut] = '\0';
	if (cut > 0)
		says(c, CLIENT, first);
	says(c, CLIENT, text + cut);
}

static void is_done(struct conn *c)
{
	says(c, SERVER, "250 taken\r\n");
	c->end[SERVER].told = c->end[SERVER].rcv - (c->end[CLIENT].isn + 1);
	hears_begin(c, CLIENT, "250");
	c->end[CLIENT].told = c->end[CLIENT].rcv - (c->end[SERVER].isn + 1);
}

static const struct {
	const char *name, *text, *wanted;
} messages[] = {
	{"folded", "X: y\r\nSubject: one\r\n two\r\nTo: c\r\n\r\nhello\r\n.\r\n", "one two"},
	{"dots stuffed", "..X: y\r\n.Subject: dotted\r\n\r\n..\r\n.\r\n", "dotted"},
	{"only in the body", "X: y\r\n\r\nSubject: no\r\n.\r\n", NULL},
	{"of nothing", ".\r\n", NULL},
};

static void a_message_by_data_has_its_subject(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		for (size_t cut = 0; cut < strlen(messages[i].text); cut++) {
			begins_mail(c);
			says_cut(c, messages[i].text, cut);
			is_done(c);
			judge(messages[i].name, cut, messages[i].wanted);
		}
	}
}

static void a_message_in_chunks_has_its_subject(void **)
{
	static const char text[] = "X: y\r\nSubject: one\r\n two\r\n\r\nhello\r\n";
	struct conn *c = dial("10.0.1.1", 2001);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER, "250-mx\r\n250 CHUNKING\r\n");
	for (size_t cut = 0; cut < sizeof(text); cut++) {
		char chunks[512];
		int n = snprintf(chunks, sizeof(chunks), "BDAT %zu\r\n%.*sBDAT %zu LAST\r\n%s", cut,
			(int)cut, text, sizeof(text) - 1 - cut, text + cut);

		says(c, CLIENT, "MAIL FROM:<a@b>\r\n");
		says(c, SERVER, "250 ok\r\n");
		says(c, CLIENT, "RCPT TO:<c@d>\r\n");
		says(c, SERVER, "250 ok\r\n");
		says_cut(c, chunks, (size_t)n / 2);
		says(c, SERVER, "250 a chunk\r\n");
		c->end[CLIENT].told = c->end[CLIENT].rcv - (c->end[SERVER].isn + 1);
		is_done(c);
		judge("in chunks", cut, "one two");
	}
}

// The server answers what it got in their place in one segment.
static void refusals_of_one_flight_are_told_each_in_its_own_words(void **)
{
	static const char *const TOLD[] = {"503 5.5.1 Bad sequence of commands (mw-%s)\r\n",
		"530 5.7.0 Authentication required (mw-%s)\r\n",
		"503 5.5.1 Bad sequence of commands (mw-%s)\r\n"};
	char text[512], line[128], id[TEXT_ID_LEN + 1];
	size_t n = 0;
	struct conn *c = dial("10.0.15.1", 2002);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER, "250-mx\r\n250 PIPELINING\r\n");
	hears_begin(c, CLIENT, "220 mx\r\n250");
	says(c, CLIENT, "RCPT TO:<c@d>\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\n");
	says(c, SERVER, "250 noop\r\n250 noop\r\n250 noop\r\n");
	assert_int_equal(world.nrecords, 3);
	for (unsigned i = 0; i < 3; i++) {
		(void)snprintf(line, sizeof(line), TOLD[i], text_id(world.records[i].id, id));
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", line);
	}
	hears(c, CLIENT, text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(a_message_by_data_has_its_subject),
		CASE(a_message_in_chunks_has_its_subject),
		CASE(refusals_of_one_flight_are_told_each_in_its_own_words),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
