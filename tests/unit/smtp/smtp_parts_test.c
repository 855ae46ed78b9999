// SPDX-License-Identifier: BSD-3-Clause
// The small parts that the machines are made of, each at its edges: where a line breaks and how long
// it may be, what a reply line is, which extension a keyword names, where a verb has its place.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smtp_int.h"

static void a_line_breaks_at_the_first_cr_or_lf_wherever_it_lies(void **)
{
	// Bytes that differ from CR and LF by one bit or by one, in all places of a word.
	static const uint8_t others[] = {
		0x00, 0x01, 0x09, 0x0b, 0x0c, 0x0e, 0x0f, 0x1a, 0x2a, 0x8a, 0x8d, 0x80, 0xff, 'x'};
	enum { N = 40 };
	uint8_t *bytes = malloc(N);

	assert_non_null(bytes);
	for (size_t k = 0; k < sizeof(others); k++) {
		memset(bytes, others[k], N);
		for (size_t n = 0; n <= N; n++)
			for (size_t from = 0; from <= n; from++)
				assert_int_equal(smtp_line_break((struct span){bytes, n}, from), n);
		for (size_t at = 0; at < N; at++) {
			for (size_t from = 0; from <= N; from++) {
				size_t want = from <= at ? at : N;

				bytes[at] = '\r';
				assert_int_equal(smtp_line_break((struct span){bytes, N}, from), want);
				bytes[at] = '\n';
				assert_int_equal(smtp_line_break((struct span){bytes, N}, from), want);
			}
			bytes[at] = others[k];
		}
	}
	free(bytes);
}

static void a_line_is_found_up_to_its_limit_and_not_behind_it(void **)
{
	static const struct {
		const char *in;
		size_t max;
		enum smtp_found found;
		size_t len, body;
	} rows[] = {
		{"", 4, SMTP_FOUND_PART, 0, 0}, {"a", 4, SMTP_FOUND_PART, 0, 0},
		{"abc", 4, SMTP_FOUND_PART, 0, 0}, {"abcd", 4, SMTP_FOUND_TOO_LONG, 0, 0},
		{"abcde\n", 4, SMTP_FOUND_TOO_LONG, 0, 0}, {"abc\n", 4, SMTP_FOUND_LINE, 4, 3},
		{"ab\r\n", 4, SMTP_FOUND_LINE, 4, 2}, {"abc\r\n", 4, SMTP_FOUND_TOO_LONG, 0, 0},
		{"\n", 4, SMTP_FOUND_LINE, 1, 0}, {"\r\n", 4, SMTP_FOUND_LINE, 2, 0},
		{"a\nb\n", 4, SMTP_FOUND_LINE, 2, 1}, {"\r", 4, SMTP_FOUND_PART, 0, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint16_t scanned = 0;
		struct smtp_line line;

		assert_int_equal(
			smtp_line_find(span_str(rows[i].in), rows[i].max, &scanned, &line),
			rows[i].found);
		if (rows[i].found != SMTP_FOUND_LINE)
			continue;
		assert_int_equal(line.len, rows[i].len);
		assert_int_equal(line.body.n, rows[i].body);
		assert_ptr_equal(line.body.p, rows[i].in);
		assert_int_equal(scanned, 0);
	}
}

static void what_was_searched_is_not_searched_again(void **)
{
	uint16_t scanned = 0;
	struct smtp_line line;

	assert_int_equal(smtp_line_find(span_str("abc"), 10, &scanned, &line), SMTP_FOUND_PART);
	assert_int_equal(scanned, 3);
	assert_int_equal(smtp_line_find(span_str("abcdef"), 10, &scanned, &line), SMTP_FOUND_PART);
	assert_int_equal(scanned, 6);
	assert_int_equal(smtp_line_find(span_str("abcdef\n"), 10, &scanned, &line), SMTP_FOUND_LINE);
	assert_int_equal(line.len, 7);
	assert_int_equal(smtp_line_find(span_str("0123456789ab"), 10, &scanned, &line),
		SMTP_FOUND_TOO_LONG);
	assert_int_equal(scanned, 10);
	scanned = 5; // more than is shown now
	assert_int_equal(smtp_line_find(span_str("a\n"), 10, &scanned, &line), SMTP_FOUND_LINE);
}

#define LINE(text) {(const uint8_t *)(text), sizeof(text) - 1}
static void what_is_odd_about_a_line_is_marked(void **)
{
	static const struct {
		struct span in;
		uint16_t flags;
		bool has_8bit;
	} rows[] = {
		{LINE("a b\r\n"), 0, false}, {LINE("a\n"), SMTP_LINE_BARE_LF, false},
		{LINE("\n"), SMTP_LINE_BARE_LF, false}, {LINE("\r\n"), 0, false},
		{LINE("a\rb\r\n"), SMTP_LINE_BARE_CR, false}, {LINE("\ra\r\n"), SMTP_LINE_BARE_CR, false},
		{LINE("a\r\r\n"), SMTP_LINE_BARE_CR, false}, {LINE("\r\r\n"), SMTP_LINE_BARE_CR, false},
		{LINE("\0\r\n"), SMTP_LINE_NUL, false}, {LINE("a\0\r\n"), SMTP_LINE_NUL, false},
		{LINE(" a\r\n"), SMTP_LINE_BLANKS, false}, {LINE("\ta\r\n"), SMTP_LINE_BLANKS, false},
		{LINE(" \r\n"), SMTP_LINE_BLANKS, false}, {LINE("a \r\n"), 0, false},
		{LINE("\x7f\r\n"), 0, false}, {LINE("\x80\r\n"), 0, true}, {LINE("a\xff\r\n"), 0, true},
		{LINE(" \r\0\xff\n"),
			SMTP_LINE_BLANKS | SMTP_LINE_BARE_CR | SMTP_LINE_NUL | SMTP_LINE_BARE_LF, true},
		{LINE("a"), 0, false}, {LINE(""), 0, false}, {LINE("a\r"), SMTP_LINE_BARE_CR, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smtp_line line = smtp_line_of(rows[i].in);

		assert_int_equal(line.flags, rows[i].flags);
		assert_int_equal(line.has_8bit, rows[i].has_8bit);
		assert_int_equal(line.len, rows[i].in.n);
	}
}

// Eight octets are looked at together where none of them is odd.
static void what_is_odd_is_marked_wherever_it_stands_in_a_line(void **)
{
	static const struct {
		uint8_t octet;
		uint16_t flags;
		bool has_8bit;
	} rows[] = {{'a', 0, false}, {0, SMTP_LINE_NUL, false}, {'\r', SMTP_LINE_BARE_CR, false},
		{0x1f, SMTP_LINE_BLANKS, false}, {' ', 0, false}, {'\t', 0, false},
		{0x7f, 0, false}, {0x80, 0, true}, {0xff, 0, true}};
	enum { N = 30 };

	for (size_t n = 2; n <= N; n++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			for (size_t at = 1; at < n; at++) {
				uint8_t *bytes = malloc(n + 2);

				assert_non_null(bytes);
				memset(bytes, 'x', n);
				memcpy(bytes + n, "\r\n", 2);
				bytes[at] = rows[i].octet;
				const struct smtp_line line =
					smtp_line_of((struct span){bytes, n + 2});
				assert_int_equal(line.flags, rows[i].flags);
				assert_int_equal(line.has_8bit, rows[i].has_8bit);
				free(bytes);
			}
		}
	}
}

static void what_is_odd_is_marked_wherever_it_stands_in_a_path(void **)
{
	static const struct {
		char octet;
		bool odd;
	} rows[] = {{'a', false}, {' ', true}, {'<', true}, {0x7f, true}, {0x01, true},
		{'\\', false}, {'!', false}, {'=', false}, {'~', false}};
	enum { N = 30 };

	for (size_t n = 1; n <= N; n++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			for (size_t at = 0; at < n; at++) {
				char line[64] = "MAIL FROM:<";
				const size_t from = strlen(line);
				struct smtp_command c;

				memset(line + from, 'x', n);
				line[from + n] = '>';
				line[from + at] = rows[i].octet;
				smtp_command_parse(
					(struct span){(const uint8_t *)line, from + n + 1}, &c);
				assert_int_equal(c.path.n, n);
				assert_int_equal(c.flags, rows[i].odd ? SMTP_LINE_SYNTAX : 0);
			}
		}
	}
}

static void a_reply_line_is_three_digits_and_what_may_stand_behind_them(void **)
{
	static const struct {
		const char *body;
		uint16_t code; // 0 = no reply line
		bool last;
		const char *text;
	} rows[] = {
		{"250 ok", 250, true, "ok"}, {"250-ok", 250, false, "ok"}, {"250\tok", 250, true, "ok"},
		{"250", 250, true, ""}, {"250 ", 250, true, ""}, {"250-", 250, false, ""},
		{"200 a", 200, true, "a"}, {"199 a", 0, false, ""}, {"599 a", 599, true, "a"},
		{"600 a", 0, false, ""}, {"000 a", 0, false, ""}, {"999 a", 0, false, ""},
		{"354 a-b", 354, true, "a-b"}, {"25", 0, false, ""}, {"", 0, false, ""},
		{"2 50", 0, false, ""}, {"25x", 0, false, ""}, {"x50", 0, false, ""},
		{"2x0", 0, false, ""}, {"2:0", 0, false, ""}, {"2/0", 0, false, ""},
		{":50", 0, false, ""}, {"25:", 0, false, ""}, {"25/", 0, false, ""},
		{"2500", 0, false, ""}, {"250ok", 0, false, ""}, {"250.ok", 0, false, ""},
		{"250\vok", 0, false, ""}, {" 250 ok", 0, false, ""}, {"290 x", 290, true, "x"},
		{"209 x", 209, true, "x"}, {"250 -x", 250, true, "-x"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smtp_reply r;
		bool is = smtp_reply_parse(span_str(rows[i].body), &r);

		if (is != (rows[i].code != 0))
			fail_msg("%s", rows[i].body);
		if (!is)
			continue;
		assert_int_equal(r.code, rows[i].code);
		assert_int_equal(r.last, rows[i].last);
		assert_true(span_eq(r.text, span_str(rows[i].text)));
	}
}

static void a_keyword_names_its_extension_in_any_case_and_with_any_argument(void **)
{
	static const struct {
		const char *word;
		uint16_t ext;
	} rows[] = {
		{"PIPELINING", SMTP_EXT_PIPELINING}, {"CHUNKING", SMTP_EXT_CHUNKING},
		{"STARTTLS", SMTP_EXT_STARTTLS}, {"AUTH", SMTP_EXT_AUTH},
		{"8BITMIME", SMTP_EXT_8BITMIME}, {"SMTPUTF8", SMTP_EXT_SMTPUTF8},
		{"SIZE", SMTP_EXT_SIZE}, {"BINARYMIME", SMTP_EXT_BINARYMIME},
		{"", 0}, {"SIZ", 0}, {"SIZES", 0}, {"DSN", 0}, {"STARTTLX", 0}, {"BINARYMIM", 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static const char *const behind[] = {"", " ", "\t", "=", " x", "=LOGIN", "\tx y"};

		for (size_t k = 0; k < sizeof(behind) / sizeof(behind[0]); k++) {
			char text[64];

			(void)snprintf(text, sizeof(text), "%s%s", rows[i].word, behind[k]);
			assert_int_equal(smtp_reply_extension(span_str(text)), rows[i].ext);
			for (char *p = text; *p != 0; p++)
				*p = (char)(*p >= 'A' && *p <= 'Z' ? *p | 0x20 : *p);
			assert_int_equal(smtp_reply_extension(span_str(text)), rows[i].ext);
		}
	}
	assert_int_equal(smtp_reply_extension(span_str(" SIZE")), 0);
	assert_int_equal(smtp_reply_extension(span_str("SIZE,1")), 0);
}

// States by what has come: h HELO, a AUTH, m MAIL, r RCPT, d DATA, b a chunk, f one refused.
static uint8_t state_of(const char *text)
{
	static const char letters[] = "hamrdbf";
	uint8_t state = 0;

	for (; *text != 0; text++)
		state |= (uint8_t)(1u << (strchr(letters, *text) - letters));
	return state;
}

static void a_verb_has_its_place(void **)
{
	static const struct {
		enum smtp_verb verb;
		const char *fits, *fits_not; // states, words
	} rows[] = {
		{SMTP_VERB_HELO, "- h hm hmr hmrb", ""}, {SMTP_VERB_EHLO, "- h hm hmr hmrb", ""},
		{SMTP_VERB_MAIL, "h ha", "- a m hm hmr"}, {SMTP_VERB_SEND, "h ha", "- a m hm hmr"},
		{SMTP_VERB_SOML, "h ha", "- a m hm hmr"}, {SMTP_VERB_SAML, "h ha", "- a m hm hmr"},
		{SMTP_VERB_RCPT, "m hm hmr hamr", "- h hmrb hmrf hmrbf"},
		{SMTP_VERB_DATA, "mr hmr hamr", "- h hm r hmrb hmrf hmrbf"},
		{SMTP_VERB_BDAT, "hmr hamr hmrb", "- h hm r hmrd hmrf hmrbf"},
		{SMTP_VERB_BURL, "hmr hamr hmrb", "- h hm r hmrd hmrf"},
		{SMTP_VERB_RSET, "- h hm hmr hmrb hmrbf", ""}, {SMTP_VERB_NOOP, "- h hm hmr hmrb", ""},
		{SMTP_VERB_QUIT, "- h hm hmr hmrb", ""}, {SMTP_VERB_VRFY, "- h hm hmr", ""},
		{SMTP_VERB_EXPN, "- h hm hmr", ""}, {SMTP_VERB_HELP, "- h hm hmr", ""},
		{SMTP_VERB_ETRN, "h ha", "- hm hmr"}, {SMTP_VERB_AUTH, "h", "- ha hm ham hmr"},
		{SMTP_VERB_STARTTLS, "h ha", "- hm hmr"}, {SMTP_VERB_XCLIENT, "- h ha", "m hm hmr"},
		{SMTP_VERB_XFORWARD, "- h ha", "m hm hmr"}, {SMTP_VERB_XEXCH50, "h hm hmr", "- m"},
		{SMTP_VERB_TURN, "h ha", "- hm"}, {SMTP_VERB_ATRN, "h ha", "- hm"},
		{SMTP_VERB_UNKNOWN, "- h hm hmr hmrb", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int fits = 0; fits < 2; fits++) {
			char words[64], *word, *rest = words;

			(void)snprintf(words, sizeof(words), "%s",
				fits ? rows[i].fits : rows[i].fits_not);
			while ((word = strsep(&rest, " ")) != NULL) {
				if (*word == 0)
					continue;
				if (*word == '-')
					word++;
				if (smtp_verb_fits(rows[i].verb, state_of(word)) != fits)
					fail_msg("%s in %s", smtp_verb_name(rows[i].verb), word);
			}
		}
	}
}

static void an_auth_line_has_a_limit_of_its_own_where_that_is_more(void **)
{
	static const struct smtp_limits more = {.command_max = 100, .auth_max = 101};
	static const struct smtp_limits less = {.command_max = 100, .auth_max = 99};
	static const struct {
		const char *in;
		size_t max;
	} rows[] = {
		{"AUTH PLAIN x", 101}, {"auth", 101}, {" AUTH x", 101}, {"\tauth x", 101},
		{"AUTH\r\n", 101}, {"AUT", 100}, {"AUTHX", 100}, {"MAIL", 100}, {"", 100},
		{"            AUTH", 101}, {"             AUTH", 100},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(smtp_command_max(&more, span_str(rows[i].in)), rows[i].max);
		assert_int_equal(smtp_command_max(&less, span_str(rows[i].in)), 100);
	}
}

static void parameters_say_what_they_use(void **)
{
	static const struct {
		const char *line;
		uint16_t uses;
		bool utf8, wrong;
	} rows[] = {
		{"MAIL FROM:<a>", 0, false, false}, {"MAIL FROM:<a> SIZE=1", SMTP_EXT_SIZE, false, false},
		{"MAIL FROM:<a> size=1 X", SMTP_EXT_SIZE, false, false},
		{"MAIL FROM:<a> BODY=8BITMIME", SMTP_EXT_8BITMIME, false, false},
		{"MAIL FROM:<a> BODY=binarymime", SMTP_EXT_BINARYMIME, false, false},
		{"MAIL FROM:<a> BODY=7BIT", 0, false, false}, {"MAIL FROM:<a> BODY", 0, false, false},
		{"MAIL FROM:<a> X=8BITMIME", 0, false, false},
		{"MAIL FROM:<a> X=BINARYMIME", 0, false, false},
		{"MAIL FROM:<a> SMTPUTF8", SMTP_EXT_SMTPUTF8, true, false},
		{"MAIL FROM:<a> SIZE=2 SMTPUTF8 BODY=8BITMIME",
			SMTP_EXT_SIZE | SMTP_EXT_SMTPUTF8 | SMTP_EXT_8BITMIME, true, false},
		{"SOML FROM:<a> SMTPUTF8", SMTP_EXT_SMTPUTF8, true, false},
		{"RCPT TO:<a> SMTPUTF8", 0, false, false}, {"RCPT TO:<a> SIZE=1", 0, false, false},
		{"VRFY a SMTPUTF8", 0, true, false}, {"EXPN a", 0, false, false},
		{"VRFY SMTPUTF8 a", 0, false, false}, {"MAIL FROM:<a> =", 0, false, true},
		{"MAIL FROM:<a> =1", 0, false, true}, {"MAIL FROM:<a> X=", 0, false, true},
		{"MAIL FROM:<a> -X", 0, false, true}, {"MAIL FROM:<a> X-", 0, false, false},
		{"MAIL FROM:<a> X-Y=1", 0, false, false}, {"MAIL FROM:<a> X_Y=1", 0, false, true},
		{"MAIL FROM:<a> X=1=2", 0, false, true}, {"MAIL FROM:<a> X=\x01", 0, false, true},
		{"MAIL FROM:<a> X=\x7f", 0, false, true}, {"MAIL FROM:<a> X=!", 0, false, false},
		{"MAIL FROM:<a> 9=a", 0, false, false}, {"MAIL FROM:<a> z=a", 0, false, false},
		{"MAIL FROM:<a> Z=a", 0, false, false}, {"MAIL FROM:<a> a=a", 0, false, false},
		{"MAIL FROM:<a> 0=a", 0, false, false}, {"MAIL FROM:<a> A=a", 0, false, false},
		{"MAIL FROM:<a> @=a", 0, false, true}, {"MAIL FROM:<a> [=a", 0, false, true},
		{"MAIL FROM:<a> `=a", 0, false, true}, {"MAIL FROM:<a> {=a", 0, false, true},
		{"MAIL FROM:<a> /=a", 0, false, true}, {"MAIL FROM:<a> :=a", 0, false, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smtp_command c;

		smtp_command_parse(span_str(rows[i].line), &c);
		if (c.uses != rows[i].uses || c.utf8 != rows[i].utf8 ||
			((c.flags & SMTP_LINE_SYNTAX) != 0) != rows[i].wrong)
			fail_msg("%s: %x %d %x", rows[i].line, c.uses, c.utf8, c.flags);
	}
}

static void a_path_is_what_stands_in_its_brackets(void **)
{
	static const struct {
		const char *line, *path; // NULL = none
		bool wrong;
	} rows[] = {
		{"MAIL FROM:<>", "", false},
		{"MAIL FROM:<a@b>", "a@b", false},
		{"MAIL FROM : <a@b> X", "a@b", false},
		{"MAIL FROM\t:\t<a@b>", "a@b", false},
		{"MAIL FROM:<a@b>\tX=1", "a@b", false},
		{"MAIL FROM:<a@b>X", "a@b", true},
		{"MAIL FROM:a@b", "a@b", true},
		{"MAIL FROM:a@b X=1", "a@b", true},
		{"MAIL FROM:", NULL, true},
		{"MAIL FROM: ", NULL, true},
		{"MAIL FROM", NULL, true},
		{"MAIL FROMX:<a>", NULL, true},
		{"MAIL FRO:<a>", NULL, true},
		{"MAIL", NULL, true},
		{"MAIL FROM:<a", NULL, true},
		{"MAIL FROM:<", NULL, true},
		{"MAIL FROM:<\">\">", "\">\"", false},
		{"MAIL FROM:<\"\\\"\">", "\"\\\"\"", false},
		{"MAIL FROM:<\"\\", NULL, true},
		{"MAIL FROM:<\"\\>", NULL, true},
		{"MAIL FROM:<a\\>b>", "a\\", true},
		{"MAIL FROM:<\"a<b\"@c>", "\"a<b\"@c", false},
		{"MAIL FROM:<a<b>", "a<b", true},
		{"MAIL FROM:<a b>", "a b", true},
		{"MAIL FROM:<\"a b\">", "\"a b\"", false},
		{"MAIL FROM:<\"\\a b\" c>", "\"\\a b\" c", true},
		{"MAIL FROM:<a\x1f>", "a\x1f", true},
		{"MAIL FROM:<a\x7f>", "a\x7f", true},
		{"MAIL FROM:<a!~>", "a!~", false},
		{"MAIL FROM:<@a:b@c>", "b@c", false},
		{"MAIL FROM:<@a,@b:c@d>", "c@d", false},
		{"MAIL FROM:<@[::1]:c@d>", "c@d", false},
		{"MAIL FROM:<@[::1>", "@[::1", true},
		{"MAIL FROM:<@a>", "@a", true},
		{"MAIL FROM:<@>", "@", true},
		{"MAIL FROM:<@a:>", "", false},
		{"RCPT TO:<a@b>", "a@b", false},
		{"RCPT TO:<>", "", true},
		{"RCPT TO:a", "a", true},
		{"RCPT TO:<@a:>", "", true},
		{"RCPT FROM:<a>", NULL, true},
		{"RSET", NULL, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smtp_command c;

		smtp_command_parse(span_str(rows[i].line), &c);
		if ((c.path.p == NULL) != (rows[i].path == NULL) ||
			(rows[i].path != NULL && !span_eq(c.path, span_str(rows[i].path))) ||
			((c.flags & SMTP_LINE_SYNTAX) != 0) != rows[i].wrong)
			fail_msg("%s: %.*s %x", rows[i].line, (int)c.path.n, (const char *)c.path.p,
				c.flags);
	}
}

static void a_chunks_size_is_known_where_all_servers_read_the_same(void **)
{
	static const struct {
		const char *line;
		bool known, last, odd;
		uint64_t octets;
	} rows[] = {
		{"BDAT 0", true, false, false, 0}, {"BDAT 0 LAST", true, true, false, 0},
		{"BDAT 00", false, false, false, 0}, {"BDAT 01", false, false, false, 0},
		{"BDAT 10", true, false, false, 10}, {"BDAT 9 last", true, true, false, 9},
		{"BDAT 2147483647", true, false, false, INT32_MAX},
		{"BDAT 2147483648", false, false, false, 0}, {"BDAT 4294967301", false, false, false, 0},
		{"BDAT 18446744073709551615", false, false, false, 0},
		{"BDAT 18446744073709551616", false, false, false, 0},
		{"BDAT 18446744073709551620", false, false, false, 0},
		{"BDAT 99999999999999999999", false, false, false, 0}, {"BDAT", false, false, false, 0},
		{"BDAT x", false, false, false, 0}, {"BDAT 1x", false, false, false, 0},
		{"BDAT /", false, false, false, 0}, {"BDAT :", false, false, false, 0},
		{"BDAT -1", false, false, false, 0}, {"BDAT +1", false, false, false, 0},
		{"BDAT 1 LASTX", false, false, false, 0}, {"BDAT 1 LAS", false, false, false, 0},
		{"BDAT 1 LAST x", false, false, false, 0}, {"BDAT LAST", false, false, false, 0},
		{"BDAT  1  LAST ", true, true, false, 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smtp_command c;

		smtp_command_parse(span_str(rows[i].line), &c);
		assert_int_equal(c.verb, SMTP_VERB_BDAT);
		assert_int_equal(c.uses, SMTP_EXT_CHUNKING);
		if (c.chunk_known != rows[i].known || c.last != rows[i].last ||
			c.octets != rows[i].octets ||
			((c.flags & SMTP_LINE_SYNTAX) != 0) != rows[i].odd)
			fail_msg("%s", rows[i].line);
	}
}

static void of_an_auth_line_the_mechanism_is_told_and_nothing_else(void **)
{
	static const struct {
		const char *line, *text; // NULL = nothing
	} rows[] = {
		{"AUTH PLAIN", "PLAIN"}, {"AUTH PLAIN AGEAYg==", "PLAIN"}, {"AUTH a-Z_9 x", "a-Z_9"},
		{"AUTH abcdefghijklmnopqrst", "abcdefghijklmnopqrst"},
		{"AUTH abcdefghijklmnopqrstu", NULL}, {"AUTH", NULL}, {"AUTH =", NULL},
		{"AUTH a+b", NULL}, {"AUTH AGEAYg== PLAIN", NULL}, {"AUTH X", "X"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smtp_command c;

		smtp_command_parse(span_str(rows[i].line), &c);
		assert_int_equal(c.verb, SMTP_VERB_AUTH);
		assert_int_equal((c.flags & SMTP_LINE_SYNTAX) != 0, rows[i].text == NULL);
		assert_int_equal(c.text.p == NULL, rows[i].text == NULL);
		if (rows[i].text != NULL)
			assert_true(span_eq(c.text, span_str(rows[i].text)));
	}
}

static void a_verb_ends_where_any_reader_would_end_it(void **)
{
	static const struct {
		struct span in;
		enum smtp_verb parsed, guessed;
	} rows[] = {
		{LINE("RSET"), SMTP_VERB_RSET, SMTP_VERB_RSET},
		{LINE("RSET\0x"), SMTP_VERB_RSET, SMTP_VERB_RSET},
		{LINE("RSET\rx"), SMTP_VERB_RSET, SMTP_VERB_RSET},
		{LINE("RSET\nx"), SMTP_VERB_RSET, SMTP_VERB_RSET},
		{LINE("RSET\tx"), SMTP_VERB_RSET, SMTP_VERB_RSET},
		{LINE("RSETx"), SMTP_VERB_UNKNOWN, SMTP_VERB_UNKNOWN},
		{LINE(" \tRSET"), SMTP_VERB_RSET, SMTP_VERB_RSET},
		{LINE("RSET\vx"), SMTP_VERB_RSET, SMTP_VERB_RSET},
		{LINE("RSET\x01x"), SMTP_VERB_RSET, SMTP_VERB_RSET},
		{LINE("\0RSET"), SMTP_VERB_RSET, SMTP_VERB_RSET},
		{LINE("\f\x1fRSET"), SMTP_VERB_RSET, SMTP_VERB_RSET},
		{LINE("\x1f\r\nRSET"), SMTP_VERB_UNKNOWN, SMTP_VERB_RSET}, // a guess passes over more
		{LINE("!RSET"), SMTP_VERB_UNKNOWN, SMTP_VERB_UNKNOWN},
		{LINE("STARTTLS"), SMTP_VERB_STARTTLS, SMTP_VERB_STARTTLS},
		{LINE("STARTTLSX"), SMTP_VERB_UNKNOWN, SMTP_VERB_UNKNOWN},
		{LINE("STARTTLSXX"), SMTP_VERB_UNKNOWN, SMTP_VERB_UNKNOWN},
		{LINE("STARTTLSXXX"), SMTP_VERB_UNKNOWN, SMTP_VERB_UNKNOWN},
		{LINE("RSE"), SMTP_VERB_UNKNOWN, SMTP_VERB_UNKNOWN},
		{LINE(""), SMTP_VERB_UNKNOWN, SMTP_VERB_UNKNOWN},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smtp_command c;

		smtp_command_parse(rows[i].in, &c);
		assert_int_equal(c.verb, rows[i].parsed);
		assert_int_equal(smtp_command_guess(rows[i].in), rows[i].guessed);
	}
}

// Bytes behind a line's end are nobody's: the memory ends there.
static void a_command_is_read_up_to_its_end_and_no_further(void **)
{
	static const char *const lines[] = {"MAIL FROM:<a@b> SIZE=1", "MAIL FROM:a@b",
		"MAIL FROM:<a@b>", "RCPT TO:<a@b", "AUTH PLAIN", "AUTH PLAIN AGEAYg", "BDAT 10",
		"BDAT 10 LAST", "EHLO x", "NOOP", "STARTTLS", "SITE", "A"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const size_t n = strlen(lines[i]);

		for (size_t k = 1; k <= n; k++) {
			uint8_t *exact = malloc(k);
			struct smtp_command c, same;

			memcpy(exact, lines[i], k);
			smtp_command_parse((struct span){.p = exact, .n = k}, &c);
			smtp_command_parse(span_sub(span_str(lines[i]), 0, k), &same);
			assert_int_equal(c.verb, same.verb);
			assert_int_equal(c.text.n, same.text.n);
			assert_int_equal(c.path.n, same.path.n);
			assert_int_equal(c.flags, same.flags);
			free(exact);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_breaks_at_the_first_cr_or_lf_wherever_it_lies),
		cmocka_unit_test(a_line_is_found_up_to_its_limit_and_not_behind_it),
		cmocka_unit_test(what_was_searched_is_not_searched_again),
		cmocka_unit_test(what_is_odd_about_a_line_is_marked),
		cmocka_unit_test(what_is_odd_is_marked_wherever_it_stands_in_a_line),
		cmocka_unit_test(what_is_odd_is_marked_wherever_it_stands_in_a_path),
		cmocka_unit_test(a_reply_line_is_three_digits_and_what_may_stand_behind_them),
		cmocka_unit_test(a_keyword_names_its_extension_in_any_case_and_with_any_argument),
		cmocka_unit_test(a_verb_has_its_place),
		cmocka_unit_test(an_auth_line_has_a_limit_of_its_own_where_that_is_more),
		cmocka_unit_test(parameters_say_what_they_use),
		cmocka_unit_test(a_path_is_what_stands_in_its_brackets),
		cmocka_unit_test(a_chunks_size_is_known_where_all_servers_read_the_same),
		cmocka_unit_test(of_an_auth_line_the_mechanism_is_told_and_nothing_else),
		cmocka_unit_test(a_verb_ends_where_any_reader_would_end_it),
		cmocka_unit_test(a_command_is_read_up_to_its_end_and_no_further),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
