// SPDX-License-Identifier: BSD-3-Clause
// What reputation hears of a session, each once: messages taken and condemned, recipients that a server refuses,
// logins; whose it was.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "reputation_world.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, reputation_new, world_end)

enum { ANN = 71 };

static void told(uint32_t accepted, uint32_t condemned, uint32_t rcpt_refused, uint32_t auth_failed,
	uint32_t auth_passed)
{
	assert_int_equal(world.outcomes[ENG_OUTCOME_ACCEPTED], accepted);
	assert_int_equal(world.outcomes[ENG_OUTCOME_CONDEMNED], condemned);
	assert_int_equal(world.outcomes[ENG_OUTCOME_RCPT_REFUSED], rcpt_refused);
	assert_int_equal(world.outcomes[ENG_OUTCOME_AUTH_FAILED], auth_failed);
	assert_int_equal(world.outcomes[ENG_OUTCOME_AUTH_PASSED], auth_passed);
}

static void it_says_whose_it_was(void **)
{
	bound("10.0.5.1", 0, ALL_PORTS, ANN, false);
	mails(meets("10.0.5.1"), HAM);
	assert_int_equal(world.outcome.endpoint, ANN);
	assert_int_equal(world.outcome.context_key, eng_context_key(world.w, 0));
	assert_int_equal(world.outcome.vlan, 0);
	assert_int_equal(world.outcome.image_version, 2);
	assert_int_equal(world.outcome.session_profile, 4);
	mails(meets("10.0.5.2"), HAM);
	assert_int_equal(world.outcome.endpoint, 0);
	told(2, 0, 0, 0, 0);
}

// The profile that the session is bound to, though its image is in force no more.
static void it_names_the_profile_of_the_sessions_own_image(void **)
{
	struct conn *c = meets("10.0.5.1");

	world_use("session_profiles: {free: {" NO_DELAY "}}\n"
		  "policies: [{name: p, action: inspect, session: free}]\n",
		3);
	mails(c, HAM);
	assert_int_equal(world.outcome.image_version, 2);
	assert_int_equal(world.outcome.session_profile, 4);
}

static void a_message_is_taken_or_condemned(void **)
{
	struct conn *c = meets("10.0.5.1");

	mails(c, HAM);
	told(1, 0, 0, 0, 0);
	takes(c, "MAIL FROM:<a@b>");
	takes(c, "RCPT TO:<c@d>");
	answers(c, "DATA", "354 go");
	passes(c, HAM, "554 no\r\n");
	told(1, 0, 0, 0, 0);
	takes(c, "MAIL FROM:<a@b>");
	takes(c, "RCPT TO:<c@d>");
	answers(c, "DATA", "354 go");
	says(c, CLIENT, SPAM);
	told(1, 1, 0, 0, 0); // and cut
	c = meets("10.0.7.1"); // its profile monitors
	mails(c, SPAM);
	told(1, 2, 0, 0, 0);
	takes(c, "MAIL FROM:<a@b>");
	takes(c, "RCPT TO:<c@d>");
	answers(c, "DATA", "354 go");
	passes(c, SPAM, "554 no\r\n"); // it was spam all the same
	told(1, 3, 0, 0, 0);
	mails(c, HAM);
	told(2, 3, 0, 0, 0);
}

static void in_chunks_it_is_one_message(void **)
{
	struct conn *c = meets("10.0.7.1");

	takes(c, "MAIL FROM:<a@b>");
	takes(c, "RCPT TO:<c@d>");
	passes(c, "BDAT 14\r\nSubject: x\r\n\r\n", "250 ok\r\n");
	told(0, 0, 0, 0, 0);
	passes(c, "BDAT 13 LAST\r\nbuy-now-cheap", "250 ok\r\n");
	told(0, 1, 0, 0, 0);
	takes(c, "MAIL FROM:<a@b>");
	takes(c, "RCPT TO:<c@d>");
	passes(c, "BDAT 5\r\nhello", "250 ok\r\n");
	passes(c, "BDAT 0 LAST\r\n", "250 ok\r\n");
	told(1, 1, 0, 0, 0);
}

static void a_recipient_counts_where_its_server_speaks_of_it(void **)
{
	static const struct {
		const char *reply;
		unsigned n;
	} rows[] = {{"550 no such user", 1}, {"553 no", 1}, {"554 relaying denied", 1},
		{"521 takes no mail", 1}, {"450 later", 0}, {"452 too many", 0},
		{"500 what?", 0}, {"501 what?", 0}, {"503 need MAIL", 0}, {"530 log in first", 0},
		{"250 ok", 0}};
	uint32_t n = 0;
	struct conn *c = meets("10.0.5.1");

	takes(c, "MAIL FROM:<a@b>");
	for (unsigned i = 0; i < COUNT(rows); i++) {
		answers(c, "RCPT TO:<c@d>", rows[i].reply);
		n += rows[i].n;
		told(0, 0, n, 0, 0);
	}
	says(c, CLIENT, "RCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\n");
	says(c, SERVER, "550 no\r\n550 no\r\n");
	told(0, 0, n + 2, 0, 0);
}

static void recipients_that_we_refuse_do_not_count(void **)
{
	struct conn *c = meets("10.0.3.1");

	takes(c, "MAIL FROM:<a@b>");
	refuses(c, "RCPT TO:<x@closed.example>", "550 5.7.1 Relay access denied. (mw-*)\r\n",
		ACT_ACCESS_REJECTED, 0, 0);
	takes(c, "RSET");
	sender_is("10.0.3.1", 81, 0, 0);
	takes(c, "MAIL FROM:<a@b>");
	refuses(c, "RCPT TO:<c@d>", "550 " BY_SENDER, ACT_SENDER_RCPT, 80, 81);
	says(c, SERVER, "421 bye\r\n");
	told(0, 0, 0, 0, 0);
}

static void a_login_counts_where_it_was_tried(void **)
{
	static const struct {
		const char *reply;
		unsigned failed, passed;
	} rows[] = {{"535 5.7.8 wrong", 1, 0}, {"550 no", 1, 0}, {"554 no", 1, 0},
		{"525 disabled", 1, 0}, {"454 not now", 0, 0}, {"432 change it", 0, 0},
		{"500 what?", 0, 0}, {"501 cancelled", 0, 0}, {"502 what?", 0, 0},
		{"503 already", 0, 0}, {"504 not this one", 0, 0}, {"530 TLS first", 0, 0},
		{"534 too weak", 0, 0}, {"538 TLS first", 0, 0}, {"235 ok", 0, 1}};
	uint32_t failed = 0, passed = 0;
	struct conn *c = meets("10.0.5.1");

	for (unsigned i = 0; i < COUNT(rows); i++) {
		answers(c, "AUTH PLAIN AGEAYg==", rows[i].reply);
		failed += rows[i].failed;
		passed += rows[i].passed;
		told(0, 0, 0, failed, passed);
	}
}

static void an_exchange_of_several_steps_is_one_login(void **)
{
	struct conn *c = meets("10.0.5.1");

	answers(c, "AUTH LOGIN", "334 VXNlcm5hbWU6");
	answers(c, "YQ==", "334 UGFzc3dvcmQ6");
	told(0, 0, 0, 0, 0);
	answers(c, "Yg==", "535 wrong");
	told(0, 0, 0, 1, 0);
	answers(c, "AUTH LOGIN", "334 VXNlcm5hbWU6");
	answers(c, "*", "501 called off");
	told(0, 0, 0, 1, 0);
	answers(c, "AUTH PLAIN", "334 ");
	answers(c, "AGEAYg==", "235 welcome");
	told(0, 0, 0, 1, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(it_says_whose_it_was),
		CASE(it_names_the_profile_of_the_sessions_own_image),
		CASE(a_message_is_taken_or_condemned),
		CASE(in_chunks_it_is_one_message),
		CASE(a_recipient_counts_where_its_server_speaks_of_it),
		CASE(recipients_that_we_refuse_do_not_count),
		CASE(a_login_counts_where_it_was_tried),
		CASE(an_exchange_of_several_steps_is_one_login),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
