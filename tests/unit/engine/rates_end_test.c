// SPDX-License-Identifier: BSD-3-Clause
// How a message ends and what of it stays counted: what the server may have, and only that, whatever is
// pipelined, refused or broken off; full tables; another image.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rates_world.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, rates_new, world_end)

// ---- how a message ends

enum { STEPS_MAX = 8 };

// "C:" and "S:" say something, "CR" and "SR" reset, "CF" and "SF" hang up, "T" waits for the idle time.
static const struct ending {
	const char *name;
	const char *steps[STEPS_MAX];  // behind MAIL FROM:<a@b> and two recipients
	uint32_t messages, recipients; // that stay counted
	const char *source;            // NULL: 10.0.6.1
} ENDINGS[] = {
	{"taken", {"C:DATA\r\n", "S:354 go\r\n", "C:x\r\n.\r\n", "S:250 ok\r\n"}, 1, 2, NULL},
	{"refused at its end", {"C:DATA\r\n", "S:354 go\r\n", "C:x\r\n.\r\n", "S:550 no\r\n"}, 0, 0,
		NULL},
	{"put off at its end", {"C:DATA\r\n", "S:354 go\r\n", "C:x\r\n.\r\n", "S:451 no\r\n"}, 0, 0,
		NULL},
	{"the server closes at its end",
		{"C:DATA\r\n", "S:354 go\r\n", "C:x\r\n.\r\n", "S:421 bye\r\n", "SF", "CF"}, 0, 0,
		NULL},
	{"RSET", {"C:RSET\r\n", "S:250 ok\r\n"}, 0, 0, NULL},
	{"RSET that is refused", {"C:RSET\r\n", "S:500 no\r\n"}, 1, 2, NULL},
	{"EHLO", {"C:EHLO me\r\n", "S:250 ok\r\n"}, 0, 0, NULL},
	{"DATA refused, then QUIT",
		{"C:DATA\r\n", "S:554 no\r\n", "C:QUIT\r\n", "S:221 bye\r\n", "SF", "CF"}, 0, 0,
		NULL},
	{"DATA refused, then DATA again",
		{"C:DATA\r\n", "S:451 no\r\n", "C:DATA\r\n", "S:354 go\r\n", "C:x\r\n.\r\n",
			"S:250 ok\r\n"},
		1, 2, NULL},
	{"the client is gone before DATA", {"CR"}, 0, 0, NULL},
	{"both hang up before DATA", {"CF", "SF"}, 0, 0, NULL},
	{"the client is gone amid its text", {"C:DATA\r\n", "S:354 go\r\n", "C:x\r\n", "CR"}, 0, 0,
		NULL},
	{"the server is gone amid its text", {"C:DATA\r\n", "S:354 go\r\n", "C:x\r\n", "SR"}, 0, 0,
		NULL},
	{"the client is gone behind its end", {"C:DATA\r\n", "S:354 go\r\n", "C:x\r\n.\r\n", "CR"},
		1, 2, NULL},
	{"the server is gone behind its end", {"C:DATA\r\n", "S:354 go\r\n", "C:x\r\n.\r\n", "SR"},
		1, 2, NULL},
	{"the client is gone behind a possible end",
		{"C:DATA\r\n", "S:354 go\r\n", "C:x\n.\r\n", "CR"}, 1, 2, NULL},
	{"taken at a possible end", {"C:DATA\r\n", "S:354 go\r\n", "C:x\n.\r\n", "S:250 ok\r\n"}, 1,
		2, NULL},
	{"silence", {"T"}, 0, 0, NULL},
	{"TLS", {"C:STARTTLS\r\n", "S:220 go\r\n"}, 0, 0, NULL},
	{"a chunk, then gone", {"C:BDAT 3\r\nx\r\n", "S:250 ok\r\n", "CR"}, 0, 0, NULL},
	{"the last chunk, then gone", {"C:BDAT 3 LAST\r\nx\r\n", "CR"}, 1, 2, NULL},
	{"amid the last chunk gone", {"C:BDAT 5 LAST\r\nx\r\n", "CR"}, 0, 0, NULL},
	{"chunks taken",
		{"C:BDAT 3\r\nx\r\n", "S:250 ok\r\n", "C:BDAT 3 LAST\r\nx\r\n", "S:250 ok\r\n"}, 1,
		2, NULL},
	{"chunks refused", {"C:BDAT 3 LAST\r\nx\r\n", "S:554 no\r\n"}, 0, 0, NULL},
	{"chunks, then RSET", {"C:BDAT 3\r\nx\r\n", "S:250 ok\r\n", "C:RSET\r\n", "S:250 ok\r\n"},
		0, 0, NULL},
	{"a last chunk that had none",
		{"C:RSET\r\n", "S:250 ok\r\n", "C:MAIL FROM:<a@b>\r\n", "S:250 ok\r\n",
			"C:BDAT 3 LAST\r\nx\r\n", "S:503 no\r\n"},
		1, 0, NULL},
	{"... and then a reset",
		{"C:RSET\r\n", "S:250 ok\r\n", "C:MAIL FROM:<a@b>\r\n", "S:250 ok\r\n",
			"C:BDAT 3 LAST\r\nx\r\n", "S:503 no\r\n", "C:RSET\r\n", "S:250 ok\r\n"},
		0, 0, NULL},
	{"another recipient that the server refuses",
		{"C:RCPT TO:<no@d>\r\n", "S:550 no\r\n", "C:DATA\r\n", "S:354 go\r\n",
			"C:x\r\n.\r\n", "S:250 ok\r\n"},
		1, 2, NULL},
	{"another recipient that we refuse",
		{"C:RCPT TO:<x@closed.example>\r\n", "S:250 noop\r\n", "C:DATA\r\n", "S:354 go\r\n",
			"C:x\r\n.\r\n", "S:250 ok\r\n"},
		1, 2, NULL},
	{"a second MAIL that the server refuses",
		{"C:MAIL FROM:<a@b>\r\n", "S:503 no\r\n", "C:RCPT TO:<x@d>\r\n", "S:250 ok\r\n"}, 1,
		3, NULL},
	{"a second MAIL that the server takes for a new one",
		{"C:MAIL FROM:<a@b>\r\n", "S:250 ok\r\n", "C:RCPT TO:<x@d>\r\n", "S:250 ok\r\n"}, 1,
		1, NULL},
	{"spam refused", {"C:DATA\r\n", "S:354 go\r\n", "C:\r\nbuy-now-cheap\r\n.\r\n"}, 0, 0,
		NULL},
	{"spam put off", {"C:DATA\r\n", "S:354 go\r\n", "C:\r\nbuy-now-cheap\r\n.\r\n"}, 0, 0,
		"10.0.8.1"},
	{"spam discarded", {"C:DATA\r\n", "S:354 go\r\n", "C:\r\nbuy-now-cheap\r\n.\r\n"}, 0, 0,
		"10.0.9.1"},
	{"spam behind a possible end that was passed",
		{"C:DATA\r\n", "S:354 go\r\n", "C:x\n.\r\n", "C:\r\nbuy-now-cheap\r\n.\r\n"}, 1, 2,
		NULL},
	{"discarded by a rule",
		{"C:RSET\r\n", "S:250 ok\r\n", "C:MAIL FROM:<a@b>\r\n", "S:250 ok\r\n",
			"C:RCPT TO:<trap@example.org>\r\n", "S:250 ok\r\n", "C:DATA\r\n",
			"S:354 go\r\nC:x\r\n.\r\n"},
		0, 0, NULL},
	{"cut by another limit", {"C:NOOP\r\n", "S:250 ok\r\n", "C:NOOP\r\n"}, 0, 0, NULL},
	{"cut for what the server says", {"S:250 what\r\n"}, 0, 0, NULL},
};

static void step_do(struct conn *c, const char *step)
{
	const enum world_side side = step[0] == 'S' ? SERVER : CLIENT;
	const char *more;
	char first[64];

	if (step[0] == 'T') {
		pass_ms(16 * MINUTE_MS);
	} else if (step[1] == 'R') {
		segment(c, side, TCP_RST, c->end[side].nxt, 0, NULL, 0);
		settle();
	} else if (step[1] == 'F') {
		hangs_up(c, side);
	} else if ((more = strstr(step, "\nC:")) != NULL) { // two steps in one place
		(void)snprintf(first, sizeof(first), "%.*s", (int)(more - step - 1), step + 2);
		says(c, side, first);
		step_do(c, more + 1);
	} else {
		says(c, side, step + 2);
	}
}

static void a_message_counts_when_its_server_may_have_it_and_only_then(void **state)
{
	for (unsigned i = 0; i < COUNT(ENDINGS); i++) {
		const struct ending *e = &ENDINGS[i];
		const char *source = e->source == NULL ? "10.0.6.1" : e->source;
		struct conn *c;

		if (i > 0) {
			assert_int_equal(world_end(state), 0);
			assert_int_equal(rates_new(state), 0);
		}
		c = opened(source);
		taken(c, "MAIL FROM:<a@b>");
		taken(c, "RCPT TO:<1@d>");
		taken(c, "RCPT TO:<2@d>");
		assert_int_equal(
			counted("all", ENG_RATE_CLIENT_RECIPIENTS, source, NULL, false), 2);
		for (unsigned s = 0; s < STEPS_MAX && e->steps[s] != NULL; s++)
			step_do(c, e->steps[s]);
		const uint32_t seen[ENG_RATE_COUNT] = {
			counted("all", ENG_RATE_CLIENT_MESSAGES, source, NULL, false),
			counted("all", ENG_RATE_CLIENT_RECIPIENTS, source, NULL, false),
			counted("all", ENG_RATE_SENDER_MESSAGES, source, "a@b", false),
			counted("all", ENG_RATE_SENDER_RECIPIENTS, source, "a@b", false)};
		for (unsigned r = 0; r < ENG_RATE_COUNT; r++) {
			const uint32_t right = r % 2 == 0 ? e->messages : e->recipients;
			if (seen[r] != right)
				fail_msg("%s: rate %u counts %u, not %u", e->name, r, seen[r],
					right);
		}
	}
}

static void a_message_of_which_nothing_is_known_any_more_stays_counted(void **state)
{
	struct conn *c;

	assert_int_equal(world_end(state), 0);
	assert_int_equal(world_new_sized(63, 3, 2047), 0);
	world_use(rates_rules, 2);
	for (unsigned i = 0; i < 4; i++)
		taken(opened("10.0.5.1"), "MAIL FROM:<a@b>"); // they have all that there are
	c = opened("10.0.3.1");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\n"); // with rules and no message it is put off
	says(c, SERVER, "250 noop\r\n");
	hears_begin(c, CLIENT, "451 ");
	assert_int_equal(
		counted("sender_m", ENG_RATE_SENDER_MESSAGES, "10.0.3.1", "a@b", false), 0);
	world_use("session_profiles: {client_m: {client_messages: 3, " NO_DELAY "}}\n"
		  "policies: [{name: p, action: inspect, session: client_m}]\n",
		3);
	forget_words(c);
	c = opened("10.0.1.1");
	taken(c, "MAIL FROM:<a@b>"); // without rules it passes, unscanned
	taken(c, "RSET");
	assert_int_equal(counted("client_m", ENG_RATE_CLIENT_MESSAGES, "10.0.1.1", NULL, false), 1);
}

// ---- more than N

static void pipelined_mails_pass_no_more_than_n(void **)
{
	struct conn *c[4];
	unsigned i;

	for (i = 0; i < 4; i++)
		c[i] = opened("10.0.1.1");
	for (i = 0; i < 3; i++) // on their way at once, none answered
		says(c[i], CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	says(c[3], CLIENT, "MAIL FROM:<a@b>\r\n");
	hears_begin(c[3], SERVER, "NOOP");
	says(c[3], SERVER, "250 noop\r\n");
	hears(c[3], CLIENT, rates_told[ENG_RATE_CLIENT_MESSAGES]);
	says(c[0], SERVER, "550 no\r\n"); // one is not taken: another may
	taken(c[3], "MAIL FROM:<a@b>");
}

static void a_second_mail_behind_an_open_one_counts_too(void **)
{
	struct conn *c = opened("10.0.1.1");

	taken(c, "MAIL FROM:<a@b>");
	taken(c, "RCPT TO:<c@d>");
	answered(c, "DATA", "354 go");
	says(c, CLIENT, "x\r\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	says(c, SERVER, "250 ok\r\n");
	assert_int_equal(counted("client_m", ENG_RATE_CLIENT_MESSAGES, "10.0.1.1", NULL, false), 2);
	says(c, SERVER, "250 ok\r\n250 ok\r\n");
	forget_words(c);
	content_passes(c);
	taken(c, "MAIL FROM:<a@b>");
	refused(opened("10.0.1.1"), "MAIL FROM:<a@b>", ENG_RATE_CLIENT_MESSAGES);
}

static void a_third_transaction_at_once_is_put_off(void **)
{
	// Rules would put it off, too.
	world_use("session_profiles: {sender_m: {sender_messages: 3, " NO_DELAY "}}\n"
		  "policies: [{name: p, action: inspect, session: sender_m}]\n",
		3);
	struct conn *c = opened("10.0.3.1");

	says(c, CLIENT, "MAIL FROM:<a@b>\r\nMAIL FROM:<b@b>\r\nRSET\r\nMAIL FROM:<a@b>\r\n");
	says(c, SERVER, "250 ok\r\n503 no\r\n250 ok\r\n250 noop\r\n");
	hears(c, CLIENT,
		"250 ok\r\n503 no\r\n250 ok\r\n451 4.3.2 Message not taken now, try again later "
		"(mw-*)\r\n");
	assert_int_equal(counter(ACT_MAIL_DEFERRED), 1);
	assert_int_equal(
		counted("sender_m", ENG_RATE_SENDER_MESSAGES, "10.0.3.1", "a@b", false), 0);
	assert_int_equal(
		counted("sender_m", ENG_RATE_SENDER_MESSAGES, "10.0.3.1", "b@b", false), 0);
}

static void recipients_refused_before_a_mail_give_nothing_of_it_back(void **)
{
	struct conn *c = opened("10.0.2.1");

	says(c, CLIENT,
		"RCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\nMAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nRCPT "
		"TO:<2@d>\r\nRCPT TO:<3@d>\r\n");
	says(c, SERVER, "503 no\r\n503 no\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n");
	forget_words(c);
	refused(c, "RCPT TO:<4@d>", ENG_RATE_CLIENT_RECIPIENTS);
}

static void recipients_refused_before_a_reset_give_nothing_of_the_next_back(void **)
{
	struct conn *c = opened("10.0.2.1");

	says(c, CLIENT,
		"MAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nRSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\n");
	says(c, SERVER, "250 ok\r\n550 no\r\n250 ok\r\n250 ok\r\n250 ok\r\n");
	forget_words(c);
	assert_int_equal(
		counted("client_r", ENG_RATE_CLIENT_RECIPIENTS, "10.0.2.1", NULL, false), 1);
	taken(c, "RCPT TO:<2@d>");
	taken(c, "RCPT TO:<3@d>");
	refused(c, "RCPT TO:<4@d>", ENG_RATE_CLIENT_RECIPIENTS);
}

static void a_recipient_of_two_open_transactions_counts_in_the_one_that_lives(void **)
{
	struct conn *c = opened("10.0.6.1");

	says(c, CLIENT, "MAIL FROM:<a@b>\r\nMAIL FROM:<b@b>\r\nRCPT TO:<1@d>\r\n");
	says(c, SERVER, "250 ok\r\n503 no\r\n250 ok\r\n");
	assert_int_equal(counted("all", ENG_RATE_CLIENT_RECIPIENTS, "10.0.6.1", NULL, false), 1);
	assert_int_equal(counted("all", ENG_RATE_SENDER_RECIPIENTS, "10.0.6.1", "a@b", false), 1);
	assert_int_equal(counted("all", ENG_RATE_SENDER_RECIPIENTS, "10.0.6.1", "b@b", false), 0);
	assert_int_equal(counted("all", ENG_RATE_CLIENT_MESSAGES, "10.0.6.1", NULL, false), 1);
	says(c, CLIENT, "RSET\r\n");
	says(c, SERVER, "250 ok\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nMAIL FROM:<b@b>\r\nRCPT TO:<1@d>\r\n");
	says(c, SERVER, "550 no\r\n250 ok\r\n250 ok\r\n");
	assert_int_equal(counted("all", ENG_RATE_SENDER_RECIPIENTS, "10.0.6.1", "a@b", false), 0);
	assert_int_equal(counted("all", ENG_RATE_SENDER_RECIPIENTS, "10.0.6.1", "b@b", false), 1);
	assert_int_equal(counted("all", ENG_RATE_CLIENT_MESSAGES, "10.0.6.1", NULL, false), 1);
}

static void a_recipient_that_one_of_two_refuses_counts_in_neither(void **)
{
	struct conn *c = opened("10.0.4.1");

	taken(c, "MAIL FROM:<much@b>");
	for (unsigned i = 0; i < 3; i++)
		taken(c, "RCPT TO:<c@d>");
	content_passes(c);
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nMAIL FROM:<much@b>\r\nRCPT TO:<c@d>\r\n");
	assert_int_equal(counter(ACT_SENDER_RECIPIENTS), 1);
	assert_int_equal(
		counted("sender_r", ENG_RATE_SENDER_RECIPIENTS, "10.0.4.1", "a@b", false), 0);
}

static void recipients_behind_a_reset_are_not_of_what_it_ends(void **)
{
	struct conn *c = opened("10.0.2.1"); // three at most

	taken(c, "MAIL FROM:<a@b>");
	taken(c, "RCPT TO:<1@d>");
	says(c, CLIENT, "RSET\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\n");
	hears(c, SERVER, "RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\n");
	assert_int_equal(
		counted("client_r", ENG_RATE_CLIENT_RECIPIENTS, "10.0.2.1", NULL, false), 3);
	says(c, SERVER, "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n");
	assert_int_equal(
		counted("client_r", ENG_RATE_CLIENT_RECIPIENTS, "10.0.2.1", NULL, false), 2);
}

static void a_full_table_limits_nobody_and_is_counted(void **)
{
	enum { BUCKET = 31 };

	for (unsigned i = 0; i < BUCKET; i++) {
		char source[32];
		struct conn *c;

		(void)snprintf(source, sizeof(source), "10.0.1.%u", i + 1);
		c = opened(source);
		taken(c, "MAIL FROM:<a@b>");
		taken(c, "RCPT TO:<c@d>");
		content_passes(c);
		both_hang_up(c);
	}
	assert_int_equal(counter(ACT_CELLS_FULL), 0);
	struct conn *c = opened("10.0.1.99");
	for (unsigned i = 0; i < 5; i++) {
		taken(c, "MAIL FROM:<a@b>");
		taken(c, "RCPT TO:<c@d>");
		content_passes(c);
	}
	assert_int_equal(counter(ACT_CELLS_FULL), 5);
}

static void messages_that_are_not_taken_fill_no_table(void **)
{
	struct conn *c = opened("10.0.3.1");
	char mail[64];

	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(mail, sizeof(mail), "MAIL FROM:<a%u@b>", i);
		taken(c, mail);
		taken(c, "RSET");
	}
	assert_int_equal(counter(ACT_CELLS_FULL), 0);
}

static void a_profile_counts_on_under_its_name_in_another_image(void **)
{
	struct conn *c = opened("10.0.1.1");

	for (unsigned i = 0; i < 2; i++) {
		taken(c, "MAIL FROM:<a@b>");
		taken(c, "RCPT TO:<c@d>");
		content_passes(c);
	}
	world_use("session_profiles: {another_name_first: {}, client_m: {client_messages: 3, "
		  "client_rate_min: 10, " NO_DELAY "}}\n"
		  "policies: [{name: p, action: inspect, session: client_m}]\n",
		3);
	taken(c, "MAIL FROM:<a@b>"); // still bound to the image before
	refused(opened("10.0.1.1"), "MAIL FROM:<a@b>", ENG_RATE_CLIENT_MESSAGES);
	taken(c, "RSET");
	taken(opened("10.0.1.1"), "MAIL FROM:<a@b>");
	refused(c, "MAIL FROM:<a@b>", ENG_RATE_CLIENT_MESSAGES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_message_counts_when_its_server_may_have_it_and_only_then),
		CASE(a_message_of_which_nothing_is_known_any_more_stays_counted),
		CASE(pipelined_mails_pass_no_more_than_n),
		CASE(a_second_mail_behind_an_open_one_counts_too),
		CASE(a_third_transaction_at_once_is_put_off),
		CASE(recipients_refused_before_a_mail_give_nothing_of_it_back),
		CASE(recipients_refused_before_a_reset_give_nothing_of_the_next_back),
		CASE(a_recipient_of_two_open_transactions_counts_in_the_one_that_lives),
		CASE(a_recipient_that_one_of_two_refuses_counts_in_neither),
		CASE(recipients_behind_a_reset_are_not_of_what_it_ends),
		CASE(a_full_table_limits_nobody_and_is_counted),
		CASE(messages_that_are_not_taken_fill_no_table),
		CASE(a_profile_counts_on_under_its_name_in_another_image),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
