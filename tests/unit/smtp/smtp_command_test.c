// SPDX-License-Identifier: BSD-3-Clause
// Command lines: verbs, arguments, paths, flags, and which of them close the gate.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smtp.h"

// A greeted session whose server offered everything, and where MAIL is accepted.
static struct smtp session_open(bool in_transaction)
{
	static const char *const server[] = {
		"220 mx\r\n",
		("250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n"
		 "250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE 1000\r\n250 BINARYMIME\r\n"),
		"250 ok\r\n", "250 ok\r\n",
	};
	static const char *const client[] = {
		"", "EHLO c\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<a@b>\r\n",
	};
	struct smtp_event ev[32];
	struct smtp s;
	size_t count;

	smtp_init(&s, NULL);
	for (size_t i = 0; i < (in_transaction ? 4 : 2); i++) {
		(void)smtp_feed(&s, SMTP_CLIENT, span_str(client[i]), ev, 32, &count);
		(void)smtp_feed(&s, SMTP_SERVER, span_str(server[i]), ev, 32, &count);
	}
	return s;
}

static struct smtp_event command(struct smtp *s, const char *line)
{
	struct smtp_event ev[4];
	size_t count = 0;

	(void)smtp_feed(s, SMTP_CLIENT, span_str(line), ev, 4, &count);
	if (count == 0 || ev[0].kind != SMTP_EV_COMMAND)
		fail_msg("no command from %s", line);
	return ev[0];
}

static bool text_is(struct span s, const char *text)
{
	if (text == NULL)
		return s.p == NULL;
	return s.p != NULL && s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static void every_verb_is_known_in_any_case_and_gates_as_rfc_2920_says(void **)
{
	static const struct { const char *line; enum smtp_verb verb; bool gates; } cases[] = {
		{"HELO c\r\n", SMTP_VERB_HELO, true},       {"eHLo c\r\n", SMTP_VERB_EHLO, true},
		{"mail from:<>\r\n", SMTP_VERB_MAIL, false}, {"RCPT TO:<a>\r\n", SMTP_VERB_RCPT, false},
		{"data\r\n", SMTP_VERB_DATA, true},         {"RSET\r\n", SMTP_VERB_RSET, false},
		{"Noop\r\n", SMTP_VERB_NOOP, true},         {"QUIT\r\n", SMTP_VERB_QUIT, false},
		{"VRFY a\r\n", SMTP_VERB_VRFY, true},       {"EXPN a\r\n", SMTP_VERB_EXPN, true},
		{"HELP\r\n", SMTP_VERB_HELP, true},         {"ETRN a\r\n", SMTP_VERB_ETRN, true},
		{"AUTH PLAIN\r\n", SMTP_VERB_AUTH, true},   {"starttls\r\n", SMTP_VERB_STARTTLS, true},
		{"BURL x\r\n", SMTP_VERB_BURL, true},       {"XCLIENT a=b\r\n", SMTP_VERB_XCLIENT, true},
		{"XFORWARD a=b\r\n", SMTP_VERB_XFORWARD, true}, {"XEXCH50 1 2\r\n", SMTP_VERB_XEXCH50, true},
		{"TURN\r\n", SMTP_VERB_TURN, true},         {"ATRN a\r\n", SMTP_VERB_ATRN, true},
		{"SEND FROM:<a>\r\n", SMTP_VERB_SEND, false}, {"SOML FROM:<a>\r\n", SMTP_VERB_SOML, false},
		{"SAML FROM:<a>\r\n", SMTP_VERB_SAML, false}, {"BDAT 0\r\n", SMTP_VERB_BDAT, true},
		{"BDAT 0 LAST\r\n", SMTP_VERB_BDAT, true},  {"LHLO c\r\n", SMTP_VERB_UNKNOWN, true},
		{"\r\n", SMTP_VERB_UNKNOWN, true},          {"MESSAGE\r\n", SMTP_VERB_UNKNOWN, true},
		{"NONE\r\n", SMTP_VERB_UNKNOWN, true},      {"MAI\r\n", SMTP_VERB_UNKNOWN, true},
		{"MAILS FROM:<a>\r\n", SMTP_VERB_UNKNOWN, true}, {"DATA:\r\n", SMTP_VERB_UNKNOWN, true},
		// odd lines gate whatever they are
		{"RSET\n", SMTP_VERB_RSET, true},           {" RSET\r\n", SMTP_VERB_RSET, true},
		{"RSET \r\r\n", SMTP_VERB_RSET, true},
		// what some server takes for a blank is one: Postfix VT and FF, others any control
		{"MAIL\vFROM:<a>\r\n", SMTP_VERB_MAIL, true}, {"RCPT\fTO:<a>\r\n", SMTP_VERB_RCPT, true},
		{"\vRSET\r\n", SMTP_VERB_RSET, true},       {"STARTTLS\f\r\n", SMTP_VERB_STARTTLS, true},
		{"\x01RSET\r\n", SMTP_VERB_RSET, true},     {"RSET\x1f\r\n", SMTP_VERB_RSET, true},
		{"EHLO\vc\r\n", SMTP_VERB_EHLO, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp s = session_open(true);
		struct smtp_event e = command(&s, cases[i].line);

		if (e.verb != cases[i].verb || smtp_is_gated(&s) != cases[i].gates)
			fail_msg("%s: verb %s, gated %d", cases[i].line, smtp_verb_name(e.verb),
				smtp_is_gated(&s));
	}
}

static void arguments_and_paths_are_taken_apart(void **)
{
	static const struct { const char *line, *text, *path; unsigned flags; } cases[] = {
		{"EHLO  c.example \r\n", "c.example", NULL, 0},
		{"EHLO\r\n", "", NULL, SMTP_LINE_SYNTAX},
		{"MAIL FROM:<a@b>\r\n", "FROM:<a@b>", "a@b", 0},
		{"MAIL FROM:<>\r\n", "FROM:<>", "", 0},
		{"MAIL FROM:<a@b> SIZE=1 BODY=8BITMIME\r\n", "FROM:<a@b> SIZE=1 BODY=8BITMIME", "a@b", 0},
		{"MAIL FROM:<a@b> \r\n", "FROM:<a@b>", "a@b", 0},
		{"MAIL FROM:<\"x y\"@b>\r\n", "FROM:<\"x y\"@b>", "\"x y\"@b", 0},
		{"MAIL FROM:<\"\\\">\"@b>\r\n", "FROM:<\"\\\">\"@b>", "\"\\\">\"@b", 0},
		{"MAIL FROM:<x y@b>\r\n", "FROM:<x y@b>", "x y@b", SMTP_LINE_SYNTAX},
		{"MAIL FROM:<a\tb@c>\r\n", "FROM:<a\tb@c>", "a\tb@c", SMTP_LINE_SYNTAX},
		{"MAIL FROM:<<a@b>>\r\n", "FROM:<<a@b>>", "<a@b", SMTP_LINE_SYNTAX},
		{"MAIL FROM:<a@b\r\n", "FROM:<a@b", NULL, SMTP_LINE_SYNTAX},
		{"MAIL FROM:<\"a@b>\r\n", "FROM:<\"a@b>", NULL, SMTP_LINE_SYNTAX},
		{"MAIL FROM:<\"a\\\tb\"@c>\r\n", "FROM:<\"a\\\tb\"@c>", "\"a\\\tb\"@c", SMTP_LINE_SYNTAX},
		{"MAIL FROM:<@r:a@b>\r\n", "FROM:<@r:a@b>", "a@b", 0},
		{"MAIL FROM:<@[IPv6:::1],@r:a@b>\r\n", "FROM:<@[IPv6:::1],@r:a@b>", "a@b", 0},
		{"MAIL FROM:<@r>\r\n", "FROM:<@r>", "@r", SMTP_LINE_SYNTAX},
		{"MAIL FROM:\r\n", "FROM:", NULL, SMTP_LINE_SYNTAX},
		{"MAIL FROM\r\n", "FROM", NULL, SMTP_LINE_SYNTAX},
		{"MAIL FROM a@b\r\n", "FROM a@b", NULL, SMTP_LINE_SYNTAX},
		{"MAIL FROM:a@b\r\n", "FROM:a@b", "a@b", SMTP_LINE_SYNTAX},
		{"MAIL FROM:a@b SIZE=1\r\n", "FROM:a@b SIZE=1", "a@b", SMTP_LINE_SYNTAX},
		{"RCPT TO:a@b ORCPT=rfc822;c@d\r\n", "TO:a@b ORCPT=rfc822;c@d", "a@b", SMTP_LINE_SYNTAX},
		{"RCPT TO:a@b X=<c@d>\r\n", "TO:a@b X=<c@d>", NULL, SMTP_LINE_SYNTAX}, // qmail: c@d
		{"RCPT TO:<a@b> X=<c@d>\r\n", "TO:<a@b> X=<c@d>", "a@b", 0},
		// Exim reads c@d, c@d, a@d
		{"MAIL FROM:a <c@d>\r\n", "FROM:a <c@d>", NULL, SMTP_LINE_SYNTAX},
		{"MAIL FROM:\"a@b\" <c@d> SIZE=1\r\n", "FROM:\"a@b\" <c@d> SIZE=1", NULL, SMTP_LINE_SYNTAX},
		{"MAIL FROM:a @d\r\n", "FROM:a @d", NULL, SMTP_LINE_SYNTAX},
		{"MAIL\vFROM\f:\v<a@b>\fSIZE=1\r\n", "FROM\f:\v<a@b>\fSIZE=1", "a@b", 0},
		{"MAIL <a@b>\r\n", "<a@b>", NULL, SMTP_LINE_SYNTAX},
		{"MAIL FROM:<a@b> SIZE=\r\n", "FROM:<a@b> SIZE=", "a@b", SMTP_LINE_SYNTAX},
		{"MAIL FROM:<a@b> -X=1\r\n", "FROM:<a@b> -X=1", "a@b", SMTP_LINE_SYNTAX},
		{"MAIL FROM:<a@b> X-Y=1 Z\r\n", "FROM:<a@b> X-Y=1 Z", "a@b", 0},
		{"MAIL FROM:<a@b>X\r\n", "FROM:<a@b>X", "a@b", SMTP_LINE_SYNTAX},
		{"RCPT TO:<a@b> NOTIFY=NEVER\r\n", "TO:<a@b> NOTIFY=NEVER", "a@b", 0},
		{"RCPT TO:<postmaster>\r\n", "TO:<postmaster>", "postmaster", 0},
		{"RCPT TO:<>\r\n", "TO:<>", "", SMTP_LINE_SYNTAX},
		{"RCPT FROM:<a@b>\r\n", "FROM:<a@b>", NULL, SMTP_LINE_SYNTAX},
		{"RCPT\r\n", "", NULL, SMTP_LINE_SYNTAX},
		{"AUTH PLAIN c2VjcmV0\r\n", "PLAIN", NULL, 0},
		{"AUTH X-Y_9 =\r\n", "X-Y_9", NULL, 0},
		{"AUTH c2V+jcmV0\r\n", NULL, NULL, SMTP_LINE_SYNTAX},
		{"AUTH abcdefghijklmnopqrstu\r\n", NULL, NULL, SMTP_LINE_SYNTAX},
		{"AUTH\r\n", NULL, NULL, SMTP_LINE_SYNTAX},
		{"c2VjcmV0\r\n", NULL, NULL, 0},
		{"RSET\r\n", "", NULL, 0},
		{"RSET x\r\n", "x", NULL, SMTP_LINE_SYNTAX},
		{"BDAT 2147483647 LAST\r\n", "2147483647 LAST", NULL, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp s = session_open(true);
		struct smtp_event e = command(&s, cases[i].line);

		if (!text_is(e.text, cases[i].text) || !text_is(e.path, cases[i].path) ||
		    (e.flags & SMTP_LINE_SYNTAX) != cases[i].flags)
			fail_msg("%s: text %.*s path %.*s flags %x", cases[i].line, (int)e.text.n,
				(const char *)e.text.p, (int)e.path.n, (const char *)e.path.p, e.flags);
	}
}

static void what_the_server_did_not_offer_is_marked(void **)
{
	static const struct { const char *line; uint16_t ext; } cases[] = {
		{"STARTTLS\r\n", SMTP_EXT_STARTTLS},
		{"AUTH PLAIN\r\n", SMTP_EXT_AUTH},
		{"MAIL FROM:<> SIZE=1\r\n", SMTP_EXT_SIZE},
		{"MAIL FROM:<> body=8bitmime\r\n", SMTP_EXT_8BITMIME},
		{"MAIL FROM:<> BODY=BINARYMIME\r\n", SMTP_EXT_BINARYMIME},
		{"MAIL FROM:<> SMTPUTF8\r\n", SMTP_EXT_SMTPUTF8},
		{"BDAT 1\r\n", SMTP_EXT_CHUNKING},
		{"MAIL FROM:<> BODY=7BIT RET=FULL\r\n", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp s = session_open(false);

		assert_false(command(&s, cases[i].line).flags & SMTP_LINE_UNOFFERED);
		s = session_open(false);
		smtp_mask(&s, (uint16_t)~cases[i].ext);
		assert_false(command(&s, cases[i].line).flags & SMTP_LINE_UNOFFERED);
		s = session_open(false);
		smtp_mask(&s, cases[i].ext);
		assert_int_equal((command(&s, cases[i].line).flags & SMTP_LINE_UNOFFERED) != 0,
			cases[i].ext != 0);
	}
}

static void one_parameter_that_was_not_offered_is_enough_wherever_it_stands(void **)
{
	static const struct {
		const char *word;
		uint16_t ext;
	} words[] = {
		{"SIZE=1", SMTP_EXT_SIZE},
		{"SMTPUTF8", SMTP_EXT_SMTPUTF8},
		{"BODY=8BITMIME", SMTP_EXT_8BITMIME},
		{"BODY=BINARYMIME", SMTP_EXT_BINARYMIME},
	};
	enum { WORDS = sizeof(words) / sizeof(words[0]) };

	for (size_t i = 0; i < WORDS * WORDS; i++) {
		const size_t a = i / WORDS, b = i % WORDS;
		char line[64];

		(void)snprintf(
			line, sizeof(line), "MAIL FROM:<> %s %s\r\n", words[a].word, words[b].word);
		for (size_t k = 0; k < WORDS; k++) {
			struct smtp s = session_open(false);

			smtp_mask(&s, words[k].ext);
			assert_int_equal((command(&s, line).flags & SMTP_LINE_UNOFFERED) != 0,
				k == a || k == b);
		}
	}
}

static void anomalies_of_a_line_are_marked(void **)
{
	static const struct { const char *line; size_t n; unsigned flags; } cases[] = {
#define CASE(s, flags) {s, sizeof(s) - 1, flags}
		CASE("NOOP\r\n", 0),
		CASE("NOOP\n", SMTP_LINE_BARE_LF),
		CASE("NOOP \r \r\n", SMTP_LINE_BARE_CR),
		CASE("NOOP\r\r\n", SMTP_LINE_BARE_CR),
		CASE("NOOP \r \n", SMTP_LINE_BARE_CR | SMTP_LINE_BARE_LF),
		CASE("NOOP \0\r\n", SMTP_LINE_NUL),
		CASE("\tNOOP\r\n", SMTP_LINE_BLANKS),
		CASE("NOOP \x80\r\n", SMTP_LINE_8BIT),
		CASE("NOOP \x7f\r\n", 0),
#undef CASE
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp s = session_open(false);
		struct smtp_event ev[4];
		struct span in = {(const uint8_t *)cases[i].line, cases[i].n};
		size_t count = 0;

		assert_int_equal(smtp_feed(&s, SMTP_CLIENT, in, ev, 4, &count), in.n);
		assert_int_equal(count, 1);
		assert_int_equal(ev[0].len, in.n);
		if (ev[0].flags != cases[i].flags)
			fail_msg("case %zu: flags %x", i, ev[0].flags);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verb_is_known_in_any_case_and_gates_as_rfc_2920_says),
		cmocka_unit_test(arguments_and_paths_are_taken_apart),
		cmocka_unit_test(what_the_server_did_not_offer_is_marked),
		cmocka_unit_test(one_parameter_that_was_not_offered_is_enough_wherever_it_stands),
		cmocka_unit_test(anomalies_of_a_line_are_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
