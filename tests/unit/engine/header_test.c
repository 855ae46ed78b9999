// SPDX-License-Identifier: BSD-3-Clause
// A message's header, its end and its Subject, read in two pieces with the cut at every octet, and octet by
// octet.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eng_header.h"

#define X16 "xxxxxxxxxxxxxxxx"
#define X128 X16 X16 X16 X16 X16 X16 X16 X16

static const struct {
	const char *name, *text;
	size_t n;           // of text, where it has a NUL; else 0
	const char *wanted; // NULL: no Subject
} rows[] = {
	{"a Subject", "Subject: hello\r\n\r\nx", 0, "hello"},
	{"a Subject behind others", "From: a@b\r\nX-Subject: no\r\nsubject: hello\r\n\r\n", 0,
		"hello"},
	{"in capitals", "SUBJECT: Hello\r\n\r\n", 0, "Hello"},
	{"none", "From: a\r\nTo: b\r\n\r\nx\r\n", 0, NULL},
	{"an empty one", "Subject:\r\nTo: b\r\n\r\n", 0, ""},
	{"one of spaces", "Subject: \t \r\nTo: b\r\n\r\n", 0, ""},
	{"without space behind the colon", "Subject:hello\r\n\r\n", 0, "hello"},
	{"with space before the colon", "Subject \t: hello\r\n\r\n", 0, "hello"},
	{"space around it is none of it", "Subject: \t hello \t\r\n\r\n", 0, "hello"},
	{"the first one counts", "Subject: one\r\nSubject: two\r\n\r\n", 0, "one"},
	{"even where it is empty", "Subject:\r\nSubject: two\r\n\r\n", 0, ""},
	{"folded lines are one", "Subject: one\r\n two\r\n\tthree\r\nTo: b\r\n\r\n", 0,
		"one two\tthree"},
	{"folded before its first word", "Subject:\r\n one\r\n\r\n", 0, "one"},
	{"a line of spaces is folded, too", "Subject: one\r\n \r\n two\r\n\r\n", 0, "one  two"},
	{"in another field's folded line it is none", "X: y\r\n Subject: no\r\n\r\n", 0, NULL},
	{"a longer name is another field", "Subjects: no\r\nSubject-X: no\r\n\r\n", 0, NULL},
	{"a shorter name is another field", "Subj: no\r\nSub\r\nSubject\r\nSubject: yes\r\n\r\n", 0,
		"yes"},
	{"in the body it is none", "To: b\r\n\r\nSubject: no\r\n", 0, NULL},
	{"without a header there is none", "\r\nSubject: no\r\n", 0, NULL},
	{"a bare LF ends a line", "To: b\nSubject: hello\n more\nX: y\n\n", 0, "hello more"},
	{"and the header", "To: b\n\nSubject: no\n", 0, NULL},
	{"a bare CR does not", "To: b\rSubject: no\r\nSubject: a\rb\r\n\r\n", 0, "a\rb"},
	{"of two CRs one ends the line", "Subject: a\r\r\nX: y\r\n\r\n", 0, "a\r"},
	{"a CR at a line's begin is no end of the header", "\rX: y\r\nSubject: a\r\n\r\n", 0, "a"},
	{"two and LF are one", "\r\r\nSubject: no\r\n\r\n", 0, NULL},
	{"octets stay as they are", "Subject: a\0b\x1b[2J\xff\x80 =?utf-8?q?=41?=\r\n\r\n", 38,
		"a\0b\x1b[2J\xff\x80 =?utf-8?q?=41?="},
	{"128 octets stay", "Subject: " X128 "\r\nX: y\r\n\r\n", 0, X128},
	{"a longer one is cut", "Subject: " X128 "y\r\nSubject: z\r\n\r\n", 0, X128},
	{"cut in a folded line", "Subject: " X16 "\r\n " X128 "\r\n\r\n", 0,
		X16 " " X16 X16 X16 X16 X16 X16 "xxxxxxxxxxxxxxx"},
	{"a message that ends in it", "Subject: hel", 0, "hel"},
	{"a message that ends at its CR", "Subject: hel\r", 0, "hel"},
	{"a message that ends in its name", "Subj", 0, NULL},
};

static void judge(size_t row, const struct eng_header *h, size_t cut)
{
	const size_t head = 9; // of the text of octets: its wanted part has a NUL as well
	struct span got = eng_header_subject(h), wanted;

	if (rows[row].wanted == NULL) {
		if (got.p != NULL)
			fail_msg("%s, cut at %zu: there is none", rows[row].name, cut);
		return;
	}
	wanted = rows[row].n == 0
		? span_str(rows[row].wanted)
		: (struct span){(const uint8_t *)rows[row].wanted, rows[row].n - head - 4};
	if (got.p == NULL || !span_eq(got, wanted))
		fail_msg("%s, cut at %zu: %.*s", rows[row].name, cut, (int)got.n,
			(const char *)got.p);
}

static struct span text_of(size_t row)
{
	struct span all = {(const uint8_t *)rows[row].text, rows[row].n};

	return rows[row].n == 0 ? span_str(rows[row].text) : all;
}

static void a_subject_is_found_wherever_the_message_is_cut(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		struct span all = text_of(row);

		for (size_t cut = 0; cut <= all.n; cut++) {
			struct eng_header h = {0};

			eng_header_read(&h, span_sub(all, 0, cut));
			eng_header_read(&h, span_from(all, cut));
			judge(row, &h, cut);
		}
		struct eng_header h = {0};
		for (size_t i = 0; i < all.n; i++)
			eng_header_read(&h, span_sub(all, i, 1));
		judge(row, &h, all.n);
	}
}

static void a_header_ends_at_its_first_empty_line_wherever_the_message_is_cut(void **state)
{
	static const struct {
		const char *header, *body;
		bool over;
	} ends[] = {
		{"", "", false},
		{"\r\n", "x\r\n\r\n", true},
		{"\n", "\n", true},
		{"\r", "", false},
		{"From: a\r\n\r\n", "Subject: no\r\n\r\n", true},
		{"From: a\n\n", "\r\n", true},
		{"From: a\r\r\n\r\r\n", "text", true},
		{"From: a\r\n\rx\r\n \r\n\t\n.\r\n\n", "text", true},
		{"Subject: a\r\n\r\n", "text", true},
		{"Subject: a\n\r\n", "text", true},
		{"Subject: a\r\n b\r\n\n", "\n", true},
		{"Subject: a\r\r\n\r\n", "text", true},
		{"Subject: a\rb\r\n\r\n", "text", true},
		{"Subject\n\n", "text", true},
		{"Sub\r\n\r\n", "text", true},
		{"Subject: " X128 X16 "\r\n " X16 "\r\nSubject: b\r\n\r\n", "text", true},
		{"Subject: a", "", false},
		{"From: a\r\n", "", false},
	};
	char text[512];

	(void)state;
	for (size_t row = 0; row < sizeof(ends) / sizeof(ends[0]); row++) {
		(void)snprintf(text, sizeof(text), "%s%s", ends[row].header, ends[row].body);
		struct span all = span_str(text);

		for (size_t cut = 0; cut <= all.n; cut++) {
			struct eng_header h = {0};
			size_t n = eng_header_read(&h, span_sub(all, 0, cut));

			assert_true(cut < strlen(ends[row].header) ? n == cut && !h.over
								   : h.over == ends[row].over);
			n += eng_header_read(&h, span_from(all, cut));
			if (n != strlen(ends[row].header) || h.over != ends[row].over)
				fail_msg("row %zu, cut at %zu: %zu octets", row, cut, n);
		}
	}
}

// What costs most: a field that goes on for ever, and never says anything.
static void a_megabyte_of_folding_is_given_up(void **state)
{
	enum { TIMES = 350000 };
	struct eng_header h = {0};

	(void)state;
	eng_header_read(&h, span_str("Subject:"));
	for (int i = 0; i < TIMES; i++)
		eng_header_read(&h, span_str("\r\n "));
	eng_header_read(&h, span_str("late\r\n\r\n"));
	assert_non_null(eng_header_subject(&h).p);
	assert_int_equal(eng_header_subject(&h).n, 0);
	assert_int_equal(h.looked, ENG_SUBJECT_LOOK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_subject_is_found_wherever_the_message_is_cut),
		cmocka_unit_test(a_header_ends_at_its_first_empty_line_wherever_the_message_is_cut),
		cmocka_unit_test(a_megabyte_of_folding_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
