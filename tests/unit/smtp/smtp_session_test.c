// SPDX-License-Identifier: BSD-3-Clause
// The session's own promises: gate, ring of pending commands, masking, substitution, stopping,
// bounded work. What dialogues say is in tests/transcripts.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smtp.h"

static struct smtp_event ev[64];
static size_t count;

static size_t client(struct smtp *s, const char *text)
{
	return smtp_feed(s, SMTP_CLIENT, span_str(text), ev, 64, &count);
}

static size_t server(struct smtp *s, const char *text)
{
	return smtp_feed(s, SMTP_SERVER, span_str(text), ev, 64, &count);
}

static void session_open(struct smtp *s)
{
	smtp_init(s, NULL);
	assert_true(server(s, "220 mx\r\n") > 0);
	assert_true(client(s, "EHLO c\r\n") > 0);
	assert_true(server(s, "250-mx\r\n250-CHUNKING\r\n250 STARTTLS\r\n") > 0);
	assert_false(smtp_is_gated(s));
}

static void nothing_is_consumed_or_told_from_no_bytes(void **)
{
	struct smtp s;

	session_open(&s);
	for (int side = 0; side < 2; side++) {
		assert_int_equal(smtp_feed(&s, side, (struct span){NULL, 0}, ev, 4, &count), 0);
		assert_int_equal(count, 0);
	}
}

static void a_full_ring_gates_until_one_reply_came(void **)
{
	struct smtp s;

	session_open(&s);
	for (int i = 0; i < SMTP_PAIR_MAX; i++) {
		assert_false(smtp_is_gated(&s));
		assert_int_equal(client(&s, "RSET\r\n"), 6);
	}
	assert_true(smtp_is_gated(&s));
	assert_int_equal(client(&s, "RSET\r\n"), 0);
	assert_int_equal(count, 0);
	assert_int_equal(server(&s, "250 ok\r\n"), 8);
	assert_false(smtp_is_gated(&s));
	assert_int_equal(client(&s, "MAIL FROM:<a@b>\r\n"), 17);
	assert_true(smtp_is_gated(&s));
	for (int i = 1; i < SMTP_PAIR_MAX; i++) {
		assert_int_equal(server(&s, "250 ok\r\n"), 8);
		assert_int_equal(ev[0].verb, SMTP_VERB_RSET);
	}
	assert_int_equal(server(&s, "250 ok\r\n"), 8);
	assert_int_equal(ev[0].verb, SMTP_VERB_MAIL);
	assert_int_equal(server(&s, "250 ok\r\n"), 8);
	assert_int_equal(ev[1].kind, SMTP_EV_DESYNC);
}

static void a_gate_opens_only_when_nothing_is_pending(void **)
{
	struct smtp s;

	session_open(&s);
	assert_int_equal(client(&s, "RSET\r\nRSET\r\nNOOP\r\nRSET\r\n"), 18);
	for (int i = 0; i < 3; i++) {
		assert_true(smtp_is_gated(&s));
		assert_int_equal(client(&s, "RSET\r\n"), 0);
		assert_true(server(&s, "250-a\r\n") > 0);
		assert_true(smtp_is_gated(&s));
		assert_true(server(&s, "250 b\r\n") > 0);
	}
	assert_false(smtp_is_gated(&s));
}

static void room_for_four_events_is_enough_and_changes_nothing(void **)
{
	static const char replies[] = "250-mx\r\n250-A\r\n250-B\r\n250-C\r\n250-D\r\n250 E\r\n";
	struct smtp s;
	size_t at = 0, told = 0, calls = 0;

	session_open(&s);
	assert_true(client(&s, "EHLO c\r\n") > 0);
	while (at < sizeof(replies) - 1) {
		at += smtp_feed(&s, SMTP_SERVER,
			(struct span){(const uint8_t *)replies + at, sizeof(replies) - 1 - at}, ev,
			4, &count);
		assert_true(count <= 4);
		told += count;
		assert_true(++calls < 20);
	}
	assert_int_equal(told, 11); // a line and its keyword, the first line without
	assert_true(calls > 1);
}

static void reading_stops_right_behind_a_possible_end(void **)
{
	struct smtp s;

	session_open(&s);
	assert_true(client(&s, "DATA\r\n") > 0);
	assert_true(server(&s, "354 go\r\n") > 0);
	assert_true(smtp_in_message(&s));
	assert_int_equal(client(&s, "a\n.\nMAIL FROM:<x>\r\n"), 4);
	assert_int_equal(count, 2);
	assert_int_equal(ev[1].kind, SMTP_EV_POSSIBLE_END);
	assert_int_equal(ev[1].off, 4);
}

static void possible_ends_are_counted_up_to_255(void **)
{
	struct smtp s;
	size_t told = 0;

	session_open(&s);
	assert_true(client(&s, "DATA\r\n") > 0);
	assert_true(server(&s, "354 go\r\n") > 0);
	for (unsigned i = 1; i <= 600; i++) {
		for (const char *text = "a\n.\n"; *text != '\0';) {
			size_t used = client(&s, text);

			assert_true(used > 0);
			text += used;
			for (size_t k = 0; k < count; k++) {
				if (ev[k].kind != SMTP_EV_POSSIBLE_END)
					continue;
				told++;
				assert_int_equal(ev[k].count, told < 255 ? told : 255);
			}
		}
	}
	assert_int_equal(told, 600);
}

static void every_code_from_200_to_299_accepts_and_no_other(void **)
{
	for (unsigned code = 200; code < 600; code++) {
		char reply[16];
		struct smtp s;

		if (code >= 300 && code < 400) // goes on, where it may
			continue;
		session_open(&s);
		(void)snprintf(reply, sizeof(reply), "%u x\r\n", code);
		assert_true(client(&s, "MAIL FROM:<a@b>\r\n") > 0);
		assert_int_equal(server(&s, reply), 7);
		assert_int_equal(count, 1);
		assert_true(client(&s, "RCPT TO:<c@d>\r\n") > 0);
		assert_int_equal((ev[0].flags & SMTP_LINE_STATE) == 0, code < 300);
	}
}

static void nothing_is_consumed_after_a_desync(void **)
{
	struct smtp s;

	session_open(&s);
	assert_int_equal(server(&s, "250 what\r\n250 more\r\n"), 10);
	assert_int_equal(count, 2);
	assert_int_equal(ev[1].kind, SMTP_EV_DESYNC);
	assert_int_equal(ev[1].why, SMTP_DESYNC_REPLY_UNEXPECTED);
	assert_int_equal(server(&s, "250 more\r\n"), 0);
	assert_int_equal(count, 0);
	assert_int_equal(client(&s, "QUIT\r\n"), 0);
	assert_int_equal(count, 0);
	assert_false(smtp_is_opaque(&s));
}

static void masking_lasts_over_later_ehlo_replies(void **)
{
	struct smtp s;

	session_open(&s);
	smtp_mask(&s, SMTP_EXT_STARTTLS);
	for (int i = 0; i < 2; i++) {
		assert_true(client(&s, "STARTTLS\r\n") > 0);
		assert_true((ev[0].flags & SMTP_LINE_UNOFFERED) != 0);
		assert_true(server(&s, "502 no\r\n") > 0);
		assert_true(client(&s, "EHLO c\r\n") > 0);
		assert_true(server(&s, "250-mx\r\n250 STARTTLS\r\n") > 0);
	}
}

static void a_substituted_command_is_answered_as_its_substitute(void **)
{
	struct smtp s;

	session_open(&s);
	assert_true(client(&s, "DATA\r\n") > 0);
	smtp_substitute(&s, &ev[0], SMTP_VERB_NOOP);
	assert_true(server(&s, "250 ok\r\n") > 0);
	assert_int_equal(count, 1); // no DESYNC, though 250 to DATA is one
	assert_int_equal(ev[0].verb, SMTP_VERB_NOOP);
	assert_false(smtp_in_message(&s));
	assert_int_equal(client(&s, "QUIT\r\n"), 6);
}

static void a_substituted_command_closes_the_gate(void **)
{
	struct smtp s;

	session_open(&s);
	assert_true(client(&s, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n") > 0);
	assert_false(smtp_is_gated(&s));
	smtp_substitute(&s, &ev[1], SMTP_VERB_NOOP);
	assert_true(smtp_is_gated(&s));
	assert_true(server(&s, "250 ok\r\n250 ok\r\n") > 0);
	assert_int_equal(ev[0].verb, SMTP_VERB_MAIL);
	assert_int_equal(ev[1].verb, SMTP_VERB_NOOP);
	assert_false(smtp_is_gated(&s));
	assert_true(client(&s, "DATA\r\n") > 0);
	assert_true((ev[0].flags & SMTP_LINE_STATE) != 0); // the server has no recipient
}

static void the_octets_of_a_substituted_chunk_are_passed_over(void **)
{
	struct smtp s;

	session_open(&s);
	assert_int_equal(client(&s, "BDAT 5 LAST\r\n"), 13);
	smtp_substitute(&s, &ev[0], SMTP_VERB_NOOP);
	assert_int_equal(client(&s, "he"), 2);
	assert_int_equal(count, 1);
	assert_int_equal(ev[0].kind, SMTP_EV_SKIP);
	assert_int_equal(ev[0].len, 2);
	assert_true(server(&s, "250 ok\r\n") > 0);
	assert_int_equal(count, 1);
	assert_int_equal(client(&s, "lloQUIT\r\n"), 9);
	assert_int_equal(count, 2);
	assert_int_equal(ev[0].kind, SMTP_EV_SKIP);
	assert_int_equal(ev[0].len, 3);
	assert_int_equal(ev[1].verb, SMTP_VERB_QUIT);
}

// What is looked at and then read is the same command, and looking changes nothing.
static void a_command_can_be_looked_at_before_it_is_read(void **)
{
	static const char LINES[] = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nX\r\n";
	const struct span in = span_str(LINES);
	struct smtp_event first;
	struct smtp s, before;
	size_t at = 0;

	session_open(&s);
	assert_false(smtp_peek(&s, span_sub(in, 0, 12), &first)); // no line yet
	for (unsigned i = 0; i < 3; i++) {
		before = s;
		assert_true(smtp_peek(&s, span_from(in, at), &first));
		assert_memory_equal(&s, &before, sizeof(s));
		assert_int_equal(smtp_feed(&s, SMTP_CLIENT, span_sub(in, at, first.len), ev, 4, &count),
			first.len);
		assert_int_equal(count, 1);
		assert_int_equal(ev[0].verb, first.verb);
		assert_int_equal(ev[0].len, first.len);
		assert_ptr_equal(ev[0].path.p, first.path.p);
		assert_int_equal(ev[0].path.n, first.path.n);
		at += first.len;
	}
	assert_false(smtp_peek(&s, span_from(in, at), &first)); // behind DATA nothing is one
	assert_true(server(&s, "250 ok\r\n250 ok\r\n354 go\r\n") > 0);
	assert_false(smtp_peek(&s, span_from(in, at), &first)); // content
}

static void a_chunk_that_was_not_offered_is_refused_and_the_session_goes_on(void **)
{
	static const char LINE[] = "BDAT 5 LAST\r\n";
	struct smtp s;

	session_open(&s);
	s.offered = 0;
	assert_int_equal(client(&s, LINE), 0);
	assert_int_equal(ev[count - 1].why, SMTP_DESYNC_BDAT_UNOFFERED);
	assert_int_equal(smtp_refuse_chunk(&s, span_str(LINE), SMTP_VERB_OURS + 2), 13);
	assert_false(smtp_is_gated(&s)); // its octets come first
	assert_int_equal(client(&s, "helloNOOP\r\n"), 5);
	assert_int_equal(ev[0].kind, SMTP_EV_SKIP);
	assert_true(smtp_is_gated(&s));
	assert_true(server(&s, "250 ok\r\n") > 0);
	assert_int_equal(count, 1);
	assert_int_equal(ev[0].verb, SMTP_VERB_OURS + 2);
	assert_int_equal(client(&s, "NOOP\r\n"), 6);
	assert_false(smtp_in_message(&s));
}

static void a_chunk_of_any_size_up_to_1_gib_is_refused_and_passed_over(void **)
{
	enum { PIECE = 1 << 20 };
	static const char *const lines[] = {"BDAT 0\r\n", "BDAT 1 LAST\r\n", "BDAT 1073741824\r\n"};
	static const uint64_t sizes[] = {0, 1, 1 << 30};
	uint8_t *piece = calloc(1, PIECE);

	assert_non_null(piece);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct smtp s;

		session_open(&s);
		s.offered = 0;
		assert_int_equal(client(&s, lines[i]), 0);
		assert_int_equal(smtp_refuse_chunk(&s, span_str(lines[i]), SMTP_VERB_OURS),
			strlen(lines[i]));
		for (uint64_t left = sizes[i]; left > 0;) {
			size_t n = left < PIECE ? (size_t)left : PIECE;

			assert_int_equal(
				smtp_feed(&s, SMTP_CLIENT, (struct span){piece, n}, ev, 64, &count),
				n);
			assert_int_equal(count, 1);
			assert_int_equal(ev[0].kind, SMTP_EV_SKIP);
			left -= n;
		}
		assert_true(server(&s, "250 ok\r\n") > 0);
		assert_int_equal(client(&s, "QUIT\r\n"), 6);
		assert_int_equal(ev[0].verb, SMTP_VERB_QUIT);
	}
	free(piece);
}

static void an_empty_line_right_behind_a_chunk_is_a_line_of_its_own(void **)
{
	static const struct {
		const char *line, *octets;
		bool offered;
	} rows[] = {
		{"BDAT 2\r\n", "ab", true},
		{"BDAT 0\r\n", "", true},
		{"BDAT 2 LAST\r\n", "ab", true},
		{"BDAT 2\r\n", "ab", false},
		{"BDAT 0\r\n", "", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smtp s;

		session_open(&s);
		if (!rows[i].offered)
			s.offered = 0;
		size_t used = client(&s, rows[i].line);

		if (!rows[i].offered)
			used = smtp_refuse_chunk(&s, span_str(rows[i].line), SMTP_VERB_OURS);
		assert_int_equal(used, strlen(rows[i].line));
		assert_int_equal(client(&s, rows[i].octets), strlen(rows[i].octets));
		assert_true(server(&s, "250 ok\r\n") > 0);
		assert_int_equal(client(&s, "\nQUIT\r\n"), 1);
		assert_int_equal(ev[0].verb, SMTP_VERB_UNKNOWN);
		assert_int_equal(ev[0].len, 1);
	}
}

static void an_unsure_chunk_that_was_not_offered_stays_refused(void **)
{
	static const char *const lines[] = {"BDAT\r\n", "BDAT 5\n", " BDAT 5\r\n",
		"BDAT 5 FIRST\r\n", "BDAT 18446744073709551616\r\n", "BDAT -1\r\n",
		"BDAT 4294967301\r\n", "BDAT 1073741825\r\n"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct smtp s;

		session_open(&s);
		s.offered = 0;
		assert_int_equal(client(&s, lines[i]), 0);
		assert_int_equal(smtp_refuse_chunk(&s, span_str(lines[i]), SMTP_VERB_OURS), 0);
		assert_int_equal(client(&s, "NOOP\r\n"), 0);
	}
}

static void the_biggest_chunk_is_counted_to_its_last_octet(void **)
{
	enum { PIECE = 1 << 20 };
	uint64_t left = INT32_MAX;
	uint8_t *piece = calloc(1, PIECE);
	struct smtp s;

	assert_non_null(piece);
	session_open(&s);
	assert_true(client(&s, "BDAT 2147483647 LAST\r\n") > 0);
	while (left > 0) {
		size_t n = left < PIECE ? (size_t)left : PIECE;

		assert_true(smtp_in_message(&s));
		assert_int_equal(
			smtp_feed(&s, SMTP_CLIENT, (struct span){piece, n}, ev, 64, &count), n);
		left -= n;
	}
	assert_int_equal(count, 2);
	assert_int_equal(ev[1].kind, SMTP_EV_DATA_END);
	assert_true(ev[1].octets == INT32_MAX);
	assert_true(smtp_is_gated(&s));
	free(piece);
}

static void a_caller_that_shows_less_than_before_is_still_read(void **)
{
	struct smtp s;

	session_open(&s);
	assert_int_equal(client(&s, "NOOP with words"), 0);
	assert_int_equal(client(&s, "NOOP\r\n"), 6);
	assert_int_equal(count, 1);
}

static void limits_of_zero_take_the_defaults(void **)
{
	static const struct smtp_limits some = {.reply_max = 77};
	struct smtp s;

	smtp_init(&s, &some);
	assert_int_equal(s.limits.command_max, 4096);
	assert_int_equal(s.limits.auth_max, 12288);
	assert_int_equal(s.limits.reply_max, 77);
	assert_int_equal(s.limits.reply_lines, 256);
}

static void names_are_never_null(void **)
{
	for (int i = -1; i <= 300; i++) {
		assert_non_null(smtp_verb_name(i));
		assert_non_null(smtp_ev_name(i));
		assert_non_null(smtp_desync_name(i));
	}
	assert_string_equal(smtp_verb_name(SMTP_VERB_MAIL), "MAIL");
	assert_string_equal(smtp_ev_name(SMTP_EV_DATA_END), "DATA_END");
	assert_string_equal(smtp_desync_name(SMTP_DESYNC_LINE_TOO_LONG), "LINE_TOO_LONG");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_consumed_or_told_from_no_bytes),
		cmocka_unit_test(a_command_can_be_looked_at_before_it_is_read),
		cmocka_unit_test(a_full_ring_gates_until_one_reply_came),
		cmocka_unit_test(a_gate_opens_only_when_nothing_is_pending),
		cmocka_unit_test(room_for_four_events_is_enough_and_changes_nothing),
		cmocka_unit_test(reading_stops_right_behind_a_possible_end),
		cmocka_unit_test(possible_ends_are_counted_up_to_255),
		cmocka_unit_test(every_code_from_200_to_299_accepts_and_no_other),
		cmocka_unit_test(nothing_is_consumed_after_a_desync),
		cmocka_unit_test(masking_lasts_over_later_ehlo_replies),
		cmocka_unit_test(a_substituted_command_is_answered_as_its_substitute),
		cmocka_unit_test(a_substituted_command_closes_the_gate),
		cmocka_unit_test(the_octets_of_a_substituted_chunk_are_passed_over),
		cmocka_unit_test(a_chunk_that_was_not_offered_is_refused_and_the_session_goes_on),
		cmocka_unit_test(a_chunk_of_any_size_up_to_1_gib_is_refused_and_passed_over),
		cmocka_unit_test(an_empty_line_right_behind_a_chunk_is_a_line_of_its_own),
		cmocka_unit_test(an_unsure_chunk_that_was_not_offered_stays_refused),
		cmocka_unit_test(the_biggest_chunk_is_counted_to_its_last_octet),
		cmocka_unit_test(a_caller_that_shows_less_than_before_is_still_read),
		cmocka_unit_test(limits_of_zero_take_the_defaults),
		cmocka_unit_test(names_are_never_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
