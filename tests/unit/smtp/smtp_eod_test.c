// SPDX-License-Identifier: BSD-3-Clause
// The end of data against an independent reading of its definition: every string of up to eight
// bytes over CR, LF, '.', NUL and a letter, whole, cut at every place and byte by byte; then
// longer random ones, cut anywhere. The oracle knows no states: it looks for the expressions
//   strict    (start | CRLF) '.' CRLF
//   possible  (start | CR | LF) NUL* '.' (NUL any*)? (CR+ LF? | LF), any* without CRLF
// at every place of the whole string.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smtp.h"

enum { LONG_MAX_BYTES = 64, WIDE_BYTES = 320, ENDS_MAX = WIDE_BYTES + 1 };

struct reading {
	size_t consumed;
	size_t ends;               // positions in at[]; the strict one, if any, is the last
	size_t at[ENDS_MAX];
	bool strict;
	uint8_t text[WIDE_BYTES];
	size_t text_n;
};

// The oracle -----------------------------------------------------------------------------------

static bool is_line_start(const uint8_t *w, size_t i)
{
	return i == 0 || (i >= 2 && w[i - 2] == '\r' && w[i - 1] == '\n');
}

static bool is_strict_end(const uint8_t *w, size_t e)
{
	return e >= 3 && w[e - 3] == '.' && w[e - 2] == '\r' && w[e - 1] == '\n' &&
	       is_line_start(w, e - 3);
}

// Where the line end (CR+ LF? | LF) begins that ends right before e; e if none does, or if it is
// not known yet how far it goes.
static size_t line_end_begin(const uint8_t *w, size_t n, size_t e)
{
	size_t b = e;

	if (e == 0)
		return e;
	if (w[e - 1] == '\n') {
		b = e - 1;
	} else if (w[e - 1] == '\r') {
		if (e == n || w[e] == '\r' || w[e] == '\n')
			return e;
	} else {
		return e;
	}
	while (b > 0 && w[b - 1] == '\r')
		b--;
	return b;
}

// True where [from, to) reads: NUL* '.' (NUL any*)?, behind the start, a CR or a LF.
static bool is_dot_line(const uint8_t *w, size_t from, size_t to)
{
	size_t i = from;

	if (from > 0 && w[from - 1] != '\r' && w[from - 1] != '\n')
		return false;
	while (i < to && w[i] == '\0')
		i++;
	if (i == to || w[i] != '.')
		return false;
	i++;
	if (i == to)
		return true;
	if (w[i] != '\0')
		return false;
	for (; i + 1 < to; i++)
		if (w[i] == '\r' && w[i + 1] == '\n')
			return false;
	return true;
}

static bool is_possible_end(const uint8_t *w, size_t n, size_t e)
{
	size_t b = line_end_begin(w, n, e);

	if (b == e || is_strict_end(w, e))
		return false;
	for (size_t from = 0; from < b; from++)
		if (is_dot_line(w, from, b))
			return true;
	return false;
}

// What has to stay unread: a run of CRs at the end that may complete an end of data.
static size_t held_from(const uint8_t *w, size_t n)
{
	size_t b = n;

	while (b > 0 && w[b - 1] == '\r')
		b--;
	if (b == n)
		return n;
	for (size_t from = 0; from < b; from++)
		if (is_dot_line(w, from, b))
			return b;
	return n;
}

static void oracle(const uint8_t *w, size_t n, struct reading *r)
{
	r->ends = 0;
	r->strict = false;
	r->text_n = 0;
	for (size_t e = 1; e <= n && !r->strict; e++) {
		r->strict = is_strict_end(w, e);
		if (r->strict || is_possible_end(w, n, e))
			r->at[r->ends++] = e;
	}
	size_t text_end;

	if (r->strict) {
		r->consumed = r->at[r->ends - 1];
		text_end = r->consumed - 3;
	} else if (r->ends > 0) { // line by line from here
		r->consumed = r->at[r->ends - 1];
		for (size_t e = r->consumed + 1; e <= n; e++)
			if (line_end_begin(w, n, e) != e)
				r->consumed = e;
		text_end = r->consumed;
	} else {
		r->consumed = held_from(w, n);
		text_end = r->consumed;
	}
	for (size_t i = 0; i < text_end; i++)
		if (w[i] != '.' || !is_line_start(w, i))
			r->text[r->text_n++] = w[i];
}

// The library ----------------------------------------------------------------------------------

static struct smtp in_data; // a session whose next byte is message data

static void session_to_data(void)
{
	static const struct { enum smtp_side side; const char *text; } steps[] = {
		{SMTP_SERVER, "220 mx\r\n"}, {SMTP_CLIENT, "DATA\r\n"}, {SMTP_SERVER, "354 go\r\n"},
	};
	struct smtp_event ev[8];
	size_t count;

	smtp_init(&in_data, NULL);
	for (size_t i = 0; i < 3; i++) {
		struct span in = span_str(steps[i].text);

		assert_int_equal(smtp_feed(&in_data, steps[i].side, in, ev, 8, &count), in.n);
	}
	assert_true(smtp_in_message(&in_data));
}

static void take_events(struct reading *r, const struct smtp_event *ev, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		switch (ev[i].kind) {
		case SMTP_EV_DATA:
		case SMTP_EV_DATA_LINE:
			memcpy(r->text + r->text_n, ev[i].text.p, ev[i].text.n);
			r->text_n += ev[i].text.n;
			break;
		case SMTP_EV_DATA_END:
			r->strict = true;
			r->at[r->ends++] = r->consumed + ev[i].off;
			assert_int_equal(ev[i].octets, r->text_n);
			break;
		case SMTP_EV_POSSIBLE_END:
			r->at[r->ends++] = r->consumed + ev[i].off;
			assert_int_equal(ev[i].count, r->ends);
			break;
		default:
			fail_msg("event %s in data", smtp_ev_name(ev[i].kind));
		}
	}
}

// Shows the first `n` bytes of w, of which r->consumed have been read.
static void show(struct smtp *s, const uint8_t *w, size_t n, struct reading *r)
{
	struct smtp_event ev[4];
	size_t used, count;

	do {
		struct span in = {w + r->consumed, n - r->consumed};

		used = smtp_feed(s, SMTP_CLIENT, in, ev, 4, &count);
		take_events(r, ev, count);
		r->consumed += used;
	} while (used > 0 && r->consumed < n);
}

// `cuts`: bit i = the bytes behind i come later; behind the 63rd none is cut.
static void read_cut(const uint8_t *w, size_t n, uint64_t cuts, struct reading *r)
{
	struct smtp s = in_data;

	r->consumed = r->ends = r->text_n = 0;
	r->strict = false;
	for (size_t i = 1; i < n && i < 64; i++)
		if ((cuts >> i & 1) != 0)
			show(&s, w, i, r);
	show(&s, w, n, r);
}

static bool same(const struct reading *a, const struct reading *b)
{
	return a->consumed == b->consumed && a->ends == b->ends && a->strict == b->strict &&
	       a->text_n == b->text_n && memcmp(a->text, b->text, a->text_n) == 0 &&
	       memcmp(a->at, b->at, a->ends * sizeof(a->at[0])) == 0;
}

static void fail_reading(const uint8_t *w, size_t n, uint64_t cuts, const struct reading *want,
	const struct reading *got)
{
	char hex[2 * WIDE_BYTES + 1] = "";

	for (size_t i = 0; i < n; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", w[i]);
	fail_msg("%s cuts %llx: ends %zu/%zu strict %d/%d consumed %zu/%zu text %zu/%zu", hex,
		(unsigned long long)cuts, want->ends, got->ends, want->strict, got->strict,
		want->consumed, got->consumed, want->text_n, got->text_n);
}

static void check_cut(const uint8_t *w, size_t n, uint64_t cuts, const struct reading *want)
{
	struct reading got;

	read_cut(w, n, cuts, &got);
	if (!same(want, &got))
		fail_reading(w, n, cuts, want, &got);
}

// Tests ----------------------------------------------------------------------------------------

static const uint8_t alphabet[5] = {'\r', '\n', '.', '\0', 'a'};

static void every_short_string_ends_where_the_definition_says(void **)
{
	size_t strings = 1;

	session_to_data();
	for (size_t n = 1; n <= 8; n++) {
		strings *= 5;
		for (size_t k = 0; k < strings; k++) {
			uint8_t w[8];
			struct reading want;

			for (size_t i = 0, rest = k; i < n; i++, rest /= 5)
				w[i] = alphabet[rest % 5];
			oracle(w, n, &want);
			check_cut(w, n, 0, &want);
			for (size_t cut = 1; cut < n; cut++)
				check_cut(w, n, (uint64_t)1 << cut, &want);
			check_cut(w, n, UINT64_MAX, &want);
		}
	}
}

static uint64_t random_next(uint64_t *state) // xorshift64 (Marsaglia 2003)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void longer_strings_cut_anywhere_end_where_the_definition_says(void **)
{
	uint64_t seed = 0x9e3779b97f4a7c15u;

	session_to_data();
	for (int k = 0; k < 200000; k++) {
		uint8_t w[40];
		struct reading want;
		size_t n = 9 + random_next(&seed) % 32;

		for (size_t i = 0; i < n; i++)
			w[i] = alphabet[random_next(&seed) % 5];
		oracle(w, n, &want);
		check_cut(w, n, random_next(&seed), &want);
		check_cut(w, n, random_next(&seed) & random_next(&seed) & random_next(&seed), &want);
	}
}

// The strings of the smuggling studies, each with the number of possible ends before the strict
// end that follows them.
// Texts are looked through 64 bytes at a time: an end is found wherever it lies in them.
static void an_end_is_found_at_every_place_of_a_long_text(void **)
{
	static const uint8_t breaks[] = {'\r', '\n', '\0'}, ends[] = {'\n', '\r'};
	uint8_t w[WIDE_BYTES];
	struct reading want;

	for (size_t b = 0; b < sizeof(breaks) * sizeof(ends); b++) {
		for (size_t d = 2; d + 2 < sizeof(w); d++) {
			memset(w, 'x', sizeof(w));
			w[d - 2] = breaks[b % sizeof(breaks)] == 0 ? '\n' : 'x';
			w[d - 1] = breaks[b % sizeof(breaks)];
			w[d] = '.';
			w[d + 1] = ends[b / sizeof(breaks)];
			oracle(w, sizeof(w), &want);
			assert_int_equal(want.ends, 1);
			check_cut(w, sizeof(w), 0, &want);
		}
	}
}

static void known_smuggling_strings_are_possible_ends(void **)
{
	static const struct { const char *bytes; size_t n, possible; bool strict; } cases[] = {
#define CASE(s, possible, strict) {s, sizeof(s) - 1, possible, strict}
		CASE("a\n.\nb", 1, false),        CASE("a\n.\rb", 1, false),
		CASE("a\r.\nb", 1, false),        CASE("a\r.\rb", 1, false),
		CASE("a\n.\r\nb", 1, false),      CASE("a\r.\r\nb", 1, false),
		CASE("a\r\n.\nb", 1, false),      CASE("a\r\n.\rb", 1, false),
		CASE("a\r\n\0.\r\nb", 1, false),  CASE("a\r\n.\0\r\nb", 1, false),
		CASE("a\r\n.\r\r\nb", 1, false),  CASE("a\r\r\n.\r\r\nb", 1, false),
		CASE("a\r\n\r.\r\nb", 1, false),  CASE("a\r\n.\0x\ny\r\nb", 2, false),
		CASE(".\r\n", 0, true),           CASE("\r\n.\r\n", 0, true),
		CASE("\n.\r\n", 1, false),        CASE("a\r\n..\r\n", 0, false),
		CASE("a.\r\nb", 0, false),        CASE("a\r\n.a\r\n.\r\n", 0, true),
		CASE("a\n.\n\r\n.\r\n", 1, true), CASE("\0\0.\n", 1, false),
		CASE(".\nb", 1, false),           CASE("a\r\n. \r\nb", 0, false),
#undef CASE
	};

	session_to_data();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reading r;

		read_cut((const uint8_t *)cases[i].bytes, cases[i].n, 0, &r);
		if (r.strict != cases[i].strict || r.ends != cases[i].possible + cases[i].strict)
			fail_msg("case %zu: %zu ends, strict %d", i, r.ends, r.strict);
	}
}

static void a_long_run_of_crs_behind_a_dot_is_not_held_for_ever(void **)
{
	uint8_t w[1000];
	struct smtp s;
	size_t done[2] = {0, 0}, ends[2] = {0, 0};

	session_to_data();
	memset(w, '\r', sizeof(w));
	w[0] = '.';
	for (int bytewise = 0; bytewise < 2; bytewise++) {
		s = in_data;
		for (size_t n = bytewise ? 1 : sizeof(w); n <= sizeof(w); n++) {
			size_t used, count;
			struct smtp_event ev[4];

			do {
				used = smtp_feed(&s, SMTP_CLIENT,
					(struct span){w + done[bytewise], n - done[bytewise]}, ev, 4, &count);
				done[bytewise] += used;
				for (size_t i = 0; i < count; i++)
					ends[bytewise] += ev[i].kind == SMTP_EV_POSSIBLE_END;
			} while (used > 0);
			assert_true(n - done[bytewise] <= 65);
		}
		assert_int_equal(ends[bytewise], 1);
	}
	assert_int_equal(done[0], done[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_short_string_ends_where_the_definition_says),
		cmocka_unit_test(longer_strings_cut_anywhere_end_where_the_definition_says),
		cmocka_unit_test(an_end_is_found_at_every_place_of_a_long_text),
		cmocka_unit_test(known_smuggling_strings_are_possible_ends),
		cmocka_unit_test(a_long_run_of_crs_behind_a_dot_is_not_held_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
