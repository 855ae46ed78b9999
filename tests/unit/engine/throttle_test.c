// SPDX-License-Identifier: BSD-3-Clause
// Senders of a middling score: N messages of a clock hour pass, the next is told 450; N is what the profile
// names or a share of the hour before. Who is over the score and who is not, both are counted.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "reputation_world.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, reputation_new, world_end)

static void so_many(struct conn *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		mails(c, HAM);
}

static void is_over(struct conn *c, uint32_t limit)
{
	refuses(c, "MAIL FROM:<a@b>", THROTTLED, ACT_THROTTLED, limit, limit + 1);
}

static void an_hour_later(uint32_t hour)
{
	pass_ms(HOUR_MS);
	eng_hour_set(world.eng, hour, 0);
}

static void so_many_of_an_hour_pass_and_the_next_is_put_off(void **)
{
	static const char *const CLIENTS[] = {"10.0.6.1", "fd06::1"};
	static const char *const ALSO[] = {"10.0.6.1", "fd06::ffff:0:1"}; // the same client
	static const char *const OTHERS[] = {"10.0.6.2", "fd06:0:0:1::1"};

	for (unsigned i = 0; i < COUNT(CLIENTS); i++) {
		eng_hour_set(world.eng, 1000, 0);
		sender_is(i == 0 ? "10.0.6.0/24" : "fd06::/48", 21, 0, 0);
		struct conn *c = meets(CLIENTS[i]);
		so_many(c, 3);
		is_over(c, 3);
		is_over(c, 3);
		ends_like_friends(c);
		c = meets(ALSO[i]);
		is_over(c, 3);
		mails(meets(OTHERS[i]), HAM);
		eng_hour_set(world.eng, 1001, 0); // at once, to the second
		so_many(c, 3);
		is_over(c, 3);
	}
}

// Till the next clock hour, in whole minutes; not where that would let none pass either.
static void it_says_when_the_next_hour_begins(void **)
{
	const uint32_t now_s = (uint32_t)(world.now_us / 1000000);

	sender_is("10.0.6.0/24", 21, 0, 0);
	eng_hour_set(world.eng, 1000, now_s + 37 * 60);
	struct conn *c = meets("10.0.6.1");
	so_many(c, 3);
	refuses(c, "MAIL FROM:<a@b>", THROTTLED_IN("37 minutes"), ACT_THROTTLED, 3, 4);
	pass_ms(36 * 60 * 1000 + 1000);
	c = meets("10.0.6.1");
	refuses(c, "MAIL FROM:<a@b>", THROTTLED_IN("1 minute"), ACT_THROTTLED, 3, 4);
	pass_ms(60 * 1000); // and nobody has said that it has begun
	is_over(c, 3);
	eng_hour_set(world.eng, 1001, now_s + 97 * 60);
	so_many(c, 3);
}

static void it_promises_nothing_where_the_next_hour_would_let_none_pass(void **)
{
	world_use(
		"session_profiles: {nothing: {sender_reputation: {action: reject, throttle_at: 20, "
		"tempfail_at: 0, reject_at: 0, throttle_messages: 0, throttle_percent: 50}, " NO_DELAY
		"}}\npolicies: [{name: p, action: inspect, session: nothing}]\n",
		3);
	sender_is("10.0.6.1", 20, 0, 0);
	eng_hour_set(world.eng, 1000, (uint32_t)(world.now_us / 1000000) + 600);
	struct conn *c = meets("10.0.6.1");
	mails(c, HAM);
	sender_is("10.0.6.1", 21, 0, 0);
	is_over(c, 0);
	sender_is("10.0.6.1", 20, 0, 0);
	mails(c, HAM);
	sender_is("10.0.6.1", 21, 0, 0);
	refuses(c, "MAIL FROM:<a@b>", THROTTLED_IN("10 minutes"), ACT_THROTTLED, 0, 1);
}

static void at_the_score_nothing_is_throttled_but_counted(void **)
{
	sender_is("10.0.6.1", 20, 0, 0);
	struct conn *c = meets("10.0.6.1");
	so_many(c, 5);
	sender_is("10.0.6.1", 21, 0, 0); // from now on
	is_over(c, 3);
}

static void a_share_of_the_hour_before_passes_where_that_is_more(void **)
{
	static const struct {
		unsigned before, now; // 50 percent, at least 3
	} rows[] = {{5, 3}, {7, 3}, {8, 4}, {9, 4}, {10, 5}};

	for (unsigned i = 0; i < COUNT(rows); i++) {
		char client[] = "10.0.6.10";

		(void)snprintf(client, sizeof(client), "10.0.6.1%u", i);
		eng_hour_set(world.eng, 1000 + 3 * i, 0);
		sender_is(client, 20, 0, 0);
		struct conn *c = meets(client);
		so_many(c, rows[i].before);
		sender_is(client, 60, 0, 0); // no more than throttled: the profile has no other step
		eng_hour_set(world.eng, 1001 + 3 * i, 0);
		so_many(c, rows[i].now);
		is_over(c, rows[i].now);
		eng_hour_set(world.eng, 1002 + 3 * i, 0); // of rows[i].now now
		so_many(c, 3);
		is_over(c, 3);
		ends_like_friends(c);
	}
}

// Both hours' counts are exact from their first second to their last.
static void an_hour_counts_to_its_end_and_the_one_before_it_to_the_end_of_that(void **)
{
	sender_is("10.0.6.1", 20, 0, 0);
	struct conn *c = meets("10.0.6.1");
	so_many(c, 4);
	pass_ms(10 * 60 * 1000);
	so_many(c, 4);
	ends_like_friends(c);
	pass_ms(HOUR_MS - 10 * 60 * 1000 - 2000);
	eng_hour_set(world.eng, 1001, 0);
	sender_is("10.0.6.1", 21, 0, 0);
	pass_ms(HOUR_MS - 5000);
	c = meets("10.0.6.1");
	so_many(c, 4);
	is_over(c, 4);
	ends_like_friends(c);
	an_hour_later(1002);
	c = meets("10.0.6.1");
	so_many(c, 3);
	is_over(c, 3);
}

// Somebody sets it, or it is found to be wrong: an hour that comes twice is one hour.
static void a_clock_that_jumps_gives_no_hour_twice(void **)
{
	sender_is("10.0.6.0/24", 21, 0, 0);
	struct conn *c = meets("10.0.6.1");

	so_many(c, 3);
	is_over(c, 3);
	eng_hour_set(world.eng, 1001, 0); // ahead
	so_many(c, 2);
	eng_hour_set(world.eng, 1000, 0); // and back
	is_over(c, 3);
	eng_hour_set(world.eng, 999, 0); // too far back: an hour of its own
	so_many(c, 3);
	is_over(c, 3);
	ends_like_friends(c);
	pass_ms(HOUR_MS / 2);
	c = meets("10.0.6.1");
	eng_hour_set(world.eng, 1001, 0); // what it counted then counts
	so_many(c, 1);
	is_over(c, 3);
	eng_hour_set(world.eng, 1900, 0); // weeks ahead
	so_many(c, 3);
	is_over(c, 3);
	eng_hour_set(world.eng, 1001, 0);
	is_over(c, 3);
}

static void only_what_its_server_takes_counts(void **)
{
	sender_is("10.0.6.1", 21, 0, 0);
	struct conn *c = meets("10.0.6.1");

	so_many(c, 2);
	answers(c, "MAIL FROM:<a@b>", "550 no"); // refused
	takes(c, "MAIL FROM:<a@b>");
	takes(c, "RSET"); // called off
	takes(c, "MAIL FROM:<a@b>");
	takes(c, "RCPT TO:<c@d>");
	answers(c, "DATA", "354 go");
	passes(c, HAM, "554 no\r\n"); // refused at its end
	takes(c, "MAIL FROM:<a@b>");
	takes(c, "RCPT TO:<c@d>");
	answers(c, "DATA", "354 go");
	says(c, CLIENT, SPAM); // condemned
	forget_words(c);
	says(c, CLIENT, "QUIT\r\n");
	hangs_up(c, CLIENT);
	pass_ms(30 * 1000);
	c = meets("10.0.6.1");
	mails(c, HAM);
	is_over(c, 3);
}

static void those_on_their_way_count_however_many_sessions_they_have(void **)
{
	struct conn *c[4];

	sender_is("10.0.6.1", 21, 0, 0);
	for (unsigned i = 0; i < COUNT(c); i++)
		c[i] = meets("10.0.6.1");
	for (unsigned i = 0; i < 3; i++)
		takes(c[i], "MAIL FROM:<a@b>");
	is_over(c[3], 3);
	takes(c[0], "RSET");
	takes(c[3], "MAIL FROM:<a@b>");
	is_over(c[0], 3);
}

static void no_flight_of_mails_gets_past(void **)
{
	sender_is("10.0.6.1", 21, 0, 0);
	struct conn *c = meets("10.0.6.1");

	so_many(c, 2);
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nMAIL FROM:<c@b>\r\nMAIL FROM:<d@b>\r\n");
	hears(c, SERVER, "MAIL FROM:<a@b>\r\nNOOP           \r\nNOOP           \r\n");
	says(c, SERVER, "250 ok\r\n250 noop\r\n250 noop\r\n");
	hears(c, CLIENT, "250 ok\r\n" THROTTLED THROTTLED);
	assert_int_equal(counter(ACT_THROTTLED), 2);
}

static void the_more_of_number_and_share_passes_even_none_at_all(void **)
{
	enum { BEFORE = 4 }; // messages in the hour before
	static const struct {
		const char *settings;
		uint32_t limit;
	} rows[] = {
		{"throttle_messages: 0, throttle_percent: 0", 0},
		{"throttle_messages: 2, throttle_percent: 0", 2},
		{"throttle_messages: 2, throttle_percent: 74", 2},
		{"throttle_messages: 2, throttle_percent: 75", 3},
		{"throttle_messages: 0, throttle_percent: 200", 8},
	};
	char text[512];

	for (unsigned i = 0; i < COUNT(rows); i++) {
		eng_hour_set(world.eng, 1000 + 2 * i, 0);
		(void)snprintf(text, sizeof(text),
			"session_profiles: {s: {sender_reputation: {action: reject, %s}, " NO_DELAY
			"}}\npolicies: [{name: p, action: inspect, session: s}]\n",
			rows[i].settings);
		world_use(text, 3 + i);
		sender_is("10.0.6.1", 15, 0, 0);
		struct conn *c = meets("10.0.6.1");
		so_many(c, BEFORE);
		sender_is("10.0.6.1", 16, 0, 0);
		eng_hour_set(world.eng, 1001 + 2 * i, 0);
		so_many(c, rows[i].limit);
		is_over(c, rows[i].limit);
		ends_like_friends(c);
	}
}

static void monitored_it_is_told_and_passes(void **)
{
	sender_is("10.0.7.1", 21, 0, 0);
	struct conn *c = meets("10.0.7.1");

	so_many(c, 3);
	assert_int_equal(counter(ACT_SENDER_MONITORED), 0);
	takes(c, "MAIL FROM:<a@b>");
	was_told(ACT_SENDER_MONITORED, 3, 4);
	takes(c, "RSET");
	so_many(c, 2);
	assert_int_equal(counter(ACT_SENDER_MONITORED), 1);
}

static void without_a_cell_nobody_is_throttled(void **)
{
	enum { BUCKET = 31 };

	for (unsigned i = 0; i < BUCKET; i++) {
		char client[] = "10.0.6.100";

		(void)snprintf(client, sizeof(client), "10.0.6.%u", 100 + i);
		mails(meets(client), HAM);
	}
	sender_is("10.0.6.1", 21, 0, 0);
	so_many(meets("10.0.6.1"), 5);
	assert_int_equal(counter(ACT_CELLS_FULL), 5);
}

static void a_candidate_throttles_alike_or_is_not_followed(void **)
{
	sender_is("10.0.6.1", 21, 0, 0);
	world_shadow(reputation_rules, NULL, 50);
	struct conn *c = meets("10.0.6.1");
	so_many(c, 3);
	is_over(c, 3);
	assert_int_equal(world.nparted, 0);
	assert_int_equal(counter(SHADOW_BLIND), 0);
	world_shadow("session_profiles: {threes: {" NO_DELAY "}}\n"
		     "content_profiles: {spam: {threshold: 5, action: reject}}\n"
		     "policies: [{name: p, action: inspect, session: threes, content: spam}]\n",
		NULL, 51);
	is_over(meets("10.0.6.1"), 3);
	assert_int_equal(world.nparted, 0);
	assert_int_equal(counter(SHADOW_BLIND), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(so_many_of_an_hour_pass_and_the_next_is_put_off),
		CASE(it_says_when_the_next_hour_begins),
		CASE(it_promises_nothing_where_the_next_hour_would_let_none_pass),
		CASE(at_the_score_nothing_is_throttled_but_counted),
		CASE(a_share_of_the_hour_before_passes_where_that_is_more),
		CASE(an_hour_counts_to_its_end_and_the_one_before_it_to_the_end_of_that),
		CASE(a_clock_that_jumps_gives_no_hour_twice),
		CASE(only_what_its_server_takes_counts),
		CASE(those_on_their_way_count_however_many_sessions_they_have),
		CASE(no_flight_of_mails_gets_past),
		CASE(the_more_of_number_and_share_passes_even_none_at_all),
		CASE(monitored_it_is_told_and_passes),
		CASE(without_a_cell_nobody_is_throttled),
		CASE(a_candidate_throttles_alike_or_is_not_followed),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
