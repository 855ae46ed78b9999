// SPDX-License-Identifier: BSD-3-Clause
// The Subject of a message as its record has it, read in two pieces with the cut at every octet, and octet
// by octet.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "eng_subject.h"

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
	{"two are none either", "\r\r\nSubject: a\r\n\r\n", 0, "a"},
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

static void judge(size_t row, const struct eng_subject *s, size_t cut)
{
	const size_t head = 9; // of the text of octets: its wanted part has a NUL as well
	struct span got = eng_subject_get(s), wanted;

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
			struct eng_subject s = {0};

			eng_subject_read(&s, span_sub(all, 0, cut));
			eng_subject_read(&s, span_from(all, cut));
			judge(row, &s, cut);
		}
		struct eng_subject s = {0};
		for (size_t i = 0; i < all.n; i++)
			eng_subject_read(&s, span_sub(all, i, 1));
		judge(row, &s, all.n);
	}
}

// What costs most: a field that goes on for ever, and never says anything.
static void a_megabyte_of_folding_is_given_up(void **state)
{
	enum { TIMES = 350000 };
	struct eng_subject s = {0};

	(void)state;
	eng_subject_read(&s, span_str("Subject:"));
	for (int i = 0; i < TIMES; i++)
		eng_subject_read(&s, span_str("\r\n "));
	eng_subject_read(&s, span_str("late\r\n\r\n"));
	assert_non_null(eng_subject_get(&s).p);
	assert_int_equal(eng_subject_get(&s).n, 0);
	assert_int_equal(s.looked, ENG_SUBJECT_LOOK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_subject_is_found_wherever_the_message_is_cut),
		cmocka_unit_test(a_megabyte_of_folding_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
