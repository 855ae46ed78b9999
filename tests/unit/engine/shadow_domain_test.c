// SPDX-License-Identifier: BSD-3-Clause
// Domains that only a candidate has checked: asked for without holding anybody, once, and few at a time;
// compared when the finding comes. What is in force finds out for itself, as without a candidate.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ask_double.h"
#include "eng_shadow.h"
#include "session_world.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, asks_new, world_end)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FREE "max_errors: 0, error_delay_s: 0, error_delay_step_s: 0, mask_unknown: false"

enum { LIVE = 2, VERSION = 77 };

static struct eng_sink sink;
static uint16_t next_port;

static void sink_new(void)
{
	asked_forget();
	next_port = 3000;
	sink = *atomic_load(&world.w->sink);
	sink.ask = take_question;
	sink.finding = give_finding;
	eng_sink_set(world.eng, 0, &sink);
}

static int asks_new(void **state)
{
	int rc = world_new(state);

	sink_new();
	return rc;
}

static void renewed(unsigned row)
{
	if (row == 0)
		return;
	(void)world_end(NULL);
	(void)asks_new(NULL);
}

static void config_of(char *text, size_t cap, const char *session)
{
	(void)snprintf(text, cap,
		"session_profiles: {s: {%s%s" FREE "}}\ncontent_profiles: {c: {threshold: 5}}\n"
		"policies: [{name: p, action: inspect, session: s, content: c}]\n",
		session, session[0] == '\0' ? "" : ", ");
}

static void both(const char *live, const char *shadow)
{
	char text[1024];

	config_of(text, sizeof(text), live);
	world_use(text, LIVE);
	config_of(text, sizeof(text), shadow);
	world_shadow(text, NULL, VERSION);
}

static void answer(unsigned i, enum eng_find what)
{
	assert_true(i < nasked);
	found[nfound++] = (struct eng_finding){.session = asked[i].q.session,
		.key = asked[i].q.key,
		.flow = asked[i].q.flow,
		.ttl_ms = 60000,
		.kind = asked[i].q.kind,
		.found = what};
	pass_ms(5);
}

static void wants(unsigned i, enum eng_ask_kind kind, const char *name, bool aside)
{
	assert_int_equal(nasked, i + 1);
	assert_int_equal(asked[i].q.kind, kind);
	assert_string_equal(asked[i].name, name);
	assert_int_equal(asked[i].q.flow == FLOW_NONE, aside);
}

static struct conn *opened(void)
{
	struct conn *c = dial("10.0.1.1", next_port++);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me.example\r\n");
	hears(c, SERVER, "EHLO me.example\r\n");
	says(c, SERVER, "250 mx\r\n");
	hears_begin(c, CLIENT, "");
	return c;
}

// A command that goes at once.
static void passes(struct conn *c, const char *command)
{
	char line[512];

	(void)snprintf(line, sizeof(line), "%s\r\n", command);
	says(c, CLIENT, line);
	hears(c, SERVER, line);
	says(c, SERVER, "250 ok\r\n");
	hears(c, CLIENT, "250 ok\r\n");
}

static void leaves(struct conn *c)
{
	hangs_up(c, CLIENT);
	hangs_up(c, SERVER);
}

static void told(unsigned n)
{
	if (world.nparted != n)
		fail_msg("%u differences, not %u; not followed %u", world.nparted, n,
			(unsigned)counter(SHADOW_BLIND));
	assert_int_equal(counter(SHADOW_PARTED), n);
}

static void would(uint16_t code, enum eng_reason reason)
{
	told(1);
	assert_int_equal(world.parted[0].stage, ENG_STAGE_COMMAND);
	assert_int_equal(world.parted[0].live.does, ENG_DOES_GO);
	assert_int_equal(world.parted[0].shadow.does, ENG_DOES_REFUSE);
	assert_int_equal(world.parted[0].shadow.code, code);
	assert_int_equal(world.parted[0].shadow.reason, reason);
	assert_int_equal(world.parted[0].candidate, VERSION);
	assert_true(world.parted_who[0].client_port >= 3000);
}

enum { NEVER = ENG_FIND_COUNT };

static void what_is_found_is_compared_and_nobody_waits(void **)
{
	static const struct {
		const char *shadow, *command, *name;
		enum eng_ask_kind kind;
		unsigned found;
		uint16_t code; // 0: alike
		enum eng_reason reason;
	} rows[] = {
		{"check_sender_domain: exists", "MAIL FROM:<a@x.example>", "x.example",
			ENG_ASK_SENDER, ENG_FIND_ABSENT, 550, ACT_SENDER_DOMAIN},
		{"check_sender_domain: exists", "MAIL FROM:<a@x.example>", "x.example",
			ENG_ASK_SENDER, ENG_FIND_NO_MAIL, 550, ACT_SENDER_DOMAIN},
		{"check_sender_domain: exists", "MAIL FROM:<a@x.example>", "x.example",
			ENG_ASK_SENDER, ENG_FIND_EXISTS, 0, 0},
		{"check_sender_domain: exists", "MAIL FROM:<a@x.example>", "x.example",
			ENG_ASK_SENDER, ENG_FIND_UNKNOWN, 0, 0},
		{"check_sender_domain: exists", "MAIL FROM:<a@x.example>", "x.example",
			ENG_ASK_SENDER, NEVER, 0, 0},
		{"check_sender_domain: resolved", "MAIL FROM:<a@x.example>", "x.example",
			ENG_ASK_SENDER, ENG_FIND_UNKNOWN, 451, ACT_SENDER_UNKNOWN},
		{"check_sender_domain: resolved", "MAIL FROM:<a@x.example>", "x.example",
			ENG_ASK_SENDER, NEVER, 451, ACT_SENDER_UNKNOWN},
		{"check_recipient_domain: true", "RCPT TO:<a@x.example>", "x.example",
			ENG_ASK_RECIPIENT, ENG_FIND_ABSENT, 550, ACT_RCPT_DOMAIN},
		{"check_recipient_domain: true", "RCPT TO:<a@x.example>", "x.example",
			ENG_ASK_RECIPIENT, ENG_FIND_EXISTS, 0, 0},
		{"check_helo_domain: true", "MAIL FROM:<a@x.example>", "me.example", ENG_ASK_HELO,
			ENG_FIND_ABSENT, 550, ACT_HELO_DOMAIN},
		{"check_helo_domain: true", "MAIL FROM:<a@x.example>", "me.example", ENG_ASK_HELO,
			ENG_FIND_UNKNOWN, 0, 0},
		{"check_helo_domain: true", "MAIL FROM:<a@x.example>", "me.example", ENG_ASK_HELO,
			NEVER, 0, 0},
	};

	for (unsigned i = 0; i < 2 * COUNT(rows); i++) { // with the session, and when it is over
		const unsigned r = i / 2;
		renewed(i);
		both("", rows[r].shadow);
		struct conn *c = opened();
		passes(c, "NOOP");
		if (rows[r].kind == ENG_ASK_RECIPIENT)
			passes(c, "MAIL FROM:<a@b.example>");
		passes(c, rows[r].command);
		wants(0, rows[r].kind, rows[r].name, true);
		told(0);
		if (i % 2 == 1)
			leaves(c);
		if (rows[r].found != NEVER)
			answer(0, (enum eng_find)rows[r].found);
		else
			pass_ms(2500);
		if (rows[r].code != 0)
			would(rows[r].code, rows[r].reason);
		told(rows[r].code != 0);
		assert_int_equal(counter(SHADOW_BLIND), 0);
		assert_int_equal(counter(SHADOW_ASKED), 1);
		assert_int_equal(counter(ACT_ASKED) + counter(ACT_ASK_KNOWN), 0);
	}
}

static void an_address_without_a_domain_needs_no_question(void **)
{
	both("", "reject_empty_domain: true");
	passes(opened(), "MAIL FROM:<a>");
	would(553, ACT_DOMAIN_EMPTY);
	assert_int_equal(nasked, 0);
}

static void helo_and_sender_are_judged_together(void **)
{
	for (unsigned i = 0; i < 4; i++) {
		renewed(i);
		both("", "check_helo_domain: true, check_sender_domain: exists");
		struct conn *c = opened();
		wants(0, ENG_ASK_HELO, "me.example", true);
		passes(c, "MAIL FROM:<a@x.example>");
		wants(1, ENG_ASK_SENDER, "x.example", true);
		answer(1, i & 1 ? ENG_FIND_ABSENT : ENG_FIND_EXISTS);
		told(0); // HELO comes first
		answer(0, i & 2 ? ENG_FIND_ABSENT : ENG_FIND_EXISTS);
		if (i > 0)
			would(550, i & 2 ? ACT_HELO_DOMAIN : ACT_SENDER_DOMAIN);
		told(i > 0);
	}
}

static void a_helo_found_before_its_mail_counts(void **)
{
	both("", "check_helo_domain: true");
	struct conn *c = opened();

	answer(0, ENG_FIND_ABSENT);
	told(0);
	passes(c, "MAIL FROM:<a@x.example>");
	would(550, ACT_HELO_DOMAIN);
}

static void a_session_is_told_once_whatever_is_found(void **)
{
	both("", "check_recipient_domain: true, max_noop: 1");
	struct conn *c = opened();

	passes(c, "MAIL FROM:<a@x.example>");
	passes(c, "RCPT TO:<a@x.example>");
	passes(c, "RCPT TO:<a@y.example>");
	answer(1, ENG_FIND_ABSENT);
	told(1);
	answer(0, ENG_FIND_ABSENT);
	passes(c, "NOOP");
	passes(c, "NOOP");
	told(1);
	// Parted before the findings, and gone: neither tells it again.
	c = opened();
	passes(c, "MAIL FROM:<a@x.example>");
	passes(c, "RCPT TO:<a@z.example>");
	passes(c, "NOOP");
	passes(c, "NOOP");
	told(2);
	leaves(c);
	answer(2, ENG_FIND_ABSENT);
	told(2);
	// Gone with two that wait: one is told.
	c = opened();
	passes(c, "MAIL FROM:<a@x.example>");
	passes(c, "RCPT TO:<a@1.example>");
	passes(c, "RCPT TO:<a@2.example>");
	leaves(c);
	answer(3, ENG_FIND_ABSENT);
	answer(4, ENG_FIND_ABSENT);
	told(3);
}

static void what_is_known_or_asked_for_is_not_asked_again(void **)
{
	both("", "check_sender_domain: exists");
	struct conn *c = opened();

	passes(c, "MAIL FROM:<a@x.example>");
	passes(opened(), "MAIL FROM:<b@X.example.>");
	assert_int_equal(nasked, 1);
	answer(0, ENG_FIND_ABSENT);
	told(2);
	passes(opened(), "MAIL FROM:<c@x.example>"); // known by now
	assert_int_equal(nasked, 1);
	told(3);
}

static void what_sessions_ask_for_themselves_is_the_candidates_too(void **)
{
	both("check_helo_domain: true, check_sender_domain: exists",
		"check_helo_domain: true, check_sender_domain: resolved, check_recipient_domain: true");
	struct conn *c = opened();
	wants(0, ENG_ASK_HELO, "me.example", false);
	answer(0, ENG_FIND_EXISTS);
	says(c, CLIENT, "MAIL FROM:<a@x.example>\r\n");
	wants(1, ENG_ASK_SENDER, "x.example", false);
	answer(1, ENG_FIND_EXISTS);
	hears(c, SERVER, "MAIL FROM:<a@x.example>\r\n");
	says(c, SERVER, "250 ok\r\n");
	hears(c, CLIENT, "250 ok\r\n");
	passes(c, "RCPT TO:<a@x.example>");
	assert_int_equal(nasked, 2);
	told(0);
	// Nobody answers: in force that means nothing, to the candidate 451.
	c = opened();
	says(c, CLIENT, "MAIL FROM:<a@y.example>\r\n");
	wants(2, ENG_ASK_SENDER, "y.example", false);
	pass_ms(2100);
	hears(c, SERVER, "MAIL FROM:<a@y.example>\r\n");
	would(451, ACT_SENDER_UNKNOWN);
	assert_int_equal(nasked, 3);
	assert_int_equal(counter(SHADOW_ASKED), 0);
}

static void what_the_candidate_found_is_not_known_to_sessions(void **)
{
	both("check_recipient_domain: true", "check_sender_domain: exists");
	struct conn *c = opened();

	passes(c, "MAIL FROM:<a@x.example>");
	answer(0, ENG_FIND_EXISTS);
	says(c, CLIENT, "RCPT TO:<a@x.example>\r\n");
	hears(c, SERVER, ""); // it waits, as without a candidate
	wants(1, ENG_ASK_RECIPIENT, "x.example", false);
	answer(1, ENG_FIND_EXISTS);
	hears(c, SERVER, "RCPT TO:<a@x.example>\r\n");
	assert_int_equal(counter(ACT_ASKED), 1);
	told(0);
}

static void few_questions_are_under_way_at_a_time(void **)
{
	char line[64];

	both("", "check_sender_domain: exists");
	for (unsigned i = 0; i < ENG_SHADOW_QUESTIONS_MAX + 2; i++) {
		(void)snprintf(line, sizeof(line), "MAIL FROM:<a@%u.example>", i);
		passes(opened(), line);
	}
	assert_int_equal(nasked, ENG_SHADOW_QUESTIONS_MAX);
	assert_int_equal(counter(SHADOW_BLIND), 2);
	answer(0, ENG_FIND_ABSENT);
	told(1);
	passes(opened(), "MAIL FROM:<a@another.example>");
	assert_int_equal(nasked, ENG_SHADOW_QUESTIONS_MAX + 1);
	pass_ms(5000); // the others are given up
	passes(opened(), "MAIL FROM:<a@more.example>");
	assert_int_equal(nasked, ENG_SHADOW_QUESTIONS_MAX + 2);
	assert_int_equal(counter(SHADOW_BLIND), 2);
}

static void where_no_decision_more_can_wait_the_session_is_not_followed(void **)
{
	(void)world_end(NULL);
	(void)world_new_sized(512, 256, 1024);
	sink_new();
	both("", "check_sender_domain: exists");
	for (unsigned i = 0; i < ENG_SHADOW_WAITS_MAX + 3; i++) {
		struct conn *c = opened();
		passes(c, "MAIL FROM:<a@x.example>");
		leaves(c);
	}
	assert_int_equal(nasked, 1);
	assert_int_equal(counter(SHADOW_BLIND), 3);
	world.nparted = 0;
	world.deaf = true; // more than the test remembers
	answer(0, ENG_FIND_ABSENT);
	assert_int_equal(counter(SHADOW_PARTED), ENG_SHADOW_WAITS_MAX);
	world.deaf = false;
}

static void a_full_ring_is_not_waited_for(void **)
{
	both("", "check_sender_domain: exists");
	full = true;
	passes(opened(), "MAIL FROM:<a@x.example>");
	assert_int_equal(counter(SHADOW_BLIND), 1);
	assert_int_equal(counter(ACT_ASK_NOBODY), 0);
}

static void a_finding_that_comes_too_late_for_its_candidate_is_nobodys(void **)
{
	both("", "check_sender_domain: exists");
	passes(opened(), "MAIL FROM:<a@x.example>");
	eng_shadow_end(world.eng);
	(void)eng_turn(world.w, world.now_us);
	(void)eng_image_reap(world.eng);
	answer(0, ENG_FIND_ABSENT);
	both("", "check_sender_domain: exists");
	answer(0, ENG_FIND_ABSENT);
	told(0);
}

static void who_has_authenticated_is_not_asked_about(void **)
{
	both("", "check_sender_domain: exists");
	struct conn *c = opened();

	says(c, CLIENT, "AUTH PLAIN AGEAYg==\r\n");
	hears(c, SERVER, "AUTH PLAIN AGEAYg==\r\n");
	says(c, SERVER, "235 ok\r\n");
	hears(c, CLIENT, "235 ok\r\n");
	passes(c, "MAIL FROM:<a@x.example>");
	assert_int_equal(nasked, 0);
	assert_int_equal(counter(SHADOW_BLIND), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(what_is_found_is_compared_and_nobody_waits),
		CASE(an_address_without_a_domain_needs_no_question),
		CASE(helo_and_sender_are_judged_together),
		CASE(a_helo_found_before_its_mail_counts),
		CASE(a_session_is_told_once_whatever_is_found),
		CASE(what_is_known_or_asked_for_is_not_asked_again),
		CASE(what_sessions_ask_for_themselves_is_the_candidates_too),
		CASE(what_the_candidate_found_is_not_known_to_sessions),
		CASE(few_questions_are_under_way_at_a_time),
		CASE(where_no_decision_more_can_wait_the_session_is_not_followed),
		CASE(a_full_ring_is_not_waited_for),
		CASE(a_finding_that_comes_too_late_for_its_candidate_is_nobodys),
		CASE(who_has_authenticated_is_not_asked_about),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
