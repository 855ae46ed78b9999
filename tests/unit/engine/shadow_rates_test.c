// SPDX-License-Identifier: BSD-3-Clause
// A candidate's own limits of connections, messages and recipients: counted apart, from its begin, by its
// own windows; what the image in force limits, counts and answers is the same with and without it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eng_session.h"
#include "session_world.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FREE "max_errors: 0, error_delay_s: 0, error_delay_step_s: 0, mask_unknown: false"

enum { LIVE = 2, VERSION = 77, MINUTE_MS = 60 * 1000 };

static uint16_t next_port = 3000;

static void config_of(
	char *text, size_t cap, const char *name, const char *session, const char *rest)
{
	(void)snprintf(text, cap,
		"session_profiles: {%s: {%s%s" FREE "}}\ncontent_profiles: {c: {threshold: 5}}\n"
		"policies: [{name: p, action: inspect, session: %s, content: c}]\n%s",
		name, session, session[0] == '\0' ? "" : ", ", name, rest);
}

static const char RULES[] = "1 body 100 l buy-now-cheap\n";

static void in_force(const char *session)
{
	char text[1024];

	config_of(text, sizeof(text), "s", session, "");
	world_use_rules(text, RULES, LIVE);
}

static void candidate(const char *session)
{
	char text[1024];

	config_of(text, sizeof(text), "s", session, "");
	world_shadow(text, RULES, VERSION);
}

static struct conn *opened(const char *source)
{
	struct conn *c = dial(source, next_port++);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER, "250-mx\r\n250 PIPELINING\r\n");
	hears_begin(c, CLIENT, "");
	hears_begin(c, SERVER, "");
	return c;
}

static void answered(struct conn *c, const char *command, const char *reply)
{
	char line[256], back[64];

	(void)snprintf(line, sizeof(line), "%s\r\n", command);
	(void)snprintf(back, sizeof(back), "%s\r\n", reply);
	says(c, CLIENT, line);
	hears(c, SERVER, line);
	says(c, SERVER, back);
	hears(c, CLIENT, back);
}

static void passes(struct conn *c, const char *command)
{
	answered(c, command, "250 ok");
}

static void refused(struct conn *c, const char *command, const char *begin)
{
	char line[256];

	(void)snprintf(line, sizeof(line), "%s\r\n", command);
	says(c, CLIENT, line);
	hears_begin(c, SERVER, "NOOP");
	says(c, SERVER, "250 noop\r\n");
	hears_begin(c, CLIENT, begin);
}

static void content(struct conn *c, const char *text, const char *reply)
{
	answered(c, "DATA", "354 go");
	says(c, CLIENT, "Subject: x\r\n\r\n");
	says(c, CLIENT, text);
	says(c, CLIENT, "\r\n.\r\n");
	if (reply != NULL)
		says(c, SERVER, reply);
	hears_begin(c, CLIENT, reply == NULL ? "550" : reply);
	hears_begin(c, SERVER, "");
}

static void leaves(struct conn *c)
{
	hangs_up(c, CLIENT);
	hangs_up(c, SERVER);
}

// A session with a message to a recipient, which the server takes.
static void one_message(const char *source)
{
	struct conn *c = opened(source);

	passes(c, "MAIL FROM:<a@one.example>");
	passes(c, "RCPT TO:<b@two.example>");
	content(c, "hello", "250 taken\r\n");
	leaves(c);
}

static void told(unsigned n)
{
	if (world.nparted != n)
		fail_msg("%u differences, not %u; not followed %u", world.nparted, n,
			(unsigned)counter(SHADOW_BLIND));
	assert_int_equal(counter(SHADOW_PARTED), n);
}

static const struct eng_parted *last(void)
{
	assert_true(world.nparted > 0);
	return &world.parted[world.nparted - 1];
}

static void renewed(unsigned row)
{
	if (row == 0)
		return;
	(void)world_end(NULL);
	(void)world_new(NULL);
}

static void a_limit_that_only_the_candidate_has_is_reached_by_it_alone(void **)
{
	static const struct {
		const char *shadow;
		enum eng_reason reason;
	} rows[] = {
		{"client_messages: 2", ACT_CLIENT_MESSAGES},
		{"client_recipients: 2", ACT_CLIENT_RECIPIENTS},
		{"sender_messages: 2", ACT_SENDER_MESSAGES},
		{"sender_recipients: 2", ACT_SENDER_RECIPIENTS},
	};

	for (unsigned i = 0; i < COUNT(rows); i++) {
		renewed(i);
		in_force("");
		candidate(rows[i].shadow);
		one_message("10.0.1.1");
		one_message("10.0.1.1");
		one_message("10.0.1.2"); // another client, and its sender's address with it
		told(0);
		one_message("10.0.1.1"); // goes all the same
		told(1);
		assert_int_equal(last()->stage, ENG_STAGE_COMMAND);
		assert_int_equal(last()->live.does, ENG_DOES_GO);
		assert_int_equal(last()->shadow.does, ENG_DOES_REFUSE);
		assert_int_equal(last()->shadow.code, 450);
		assert_int_equal(last()->shadow.reason, rows[i].reason);
		assert_int_equal(last()->shadow.limit, 2);
		assert_int_equal(last()->shadow.value, 3);
		one_message("10.0.1.1"); // what is refused does not count
		told(2);
		assert_int_equal(counter(SHADOW_BLIND), 0);
		assert_int_equal(counter(rows[i].reason), 0);
	}
}

static void its_window_is_its_own(void **)
{
	in_force("client_messages: 3, client_rate_min: 60");
	candidate("client_messages: 1, client_rate_min: 10");
	one_message("10.0.1.1");
	one_message("10.0.1.1");
	told(1);
	pass_ms(20 * MINUTE_MS);
	one_message("10.0.1.1"); // the candidate's first once more; the third of the other
	told(1);
	struct conn *c = opened("10.0.1.1");
	refused(c, "MAIL FROM:<a@one.example>", "450 4.7.1"); // and by both
	told(1);
}

static void a_higher_limit_is_told_until_it_is_reached_too(void **)
{
	in_force("client_messages: 2");
	candidate("client_messages: 4");
	one_message("10.0.1.1");
	one_message("10.0.1.1");
	told(0);
	for (unsigned i = 0; i < 4; i++) {
		struct conn *c = opened("10.0.1.1");
		refused(c, "MAIL FROM:<a@one.example>", "450 4.7.1");
		told(i < 2 ? i + 1 : 2); // counted as taken by the candidate
		leaves(c);
	}
	assert_int_equal(last()->live.does, ENG_DOES_REFUSE);
	assert_int_equal(last()->live.code, 450);
	assert_int_equal(last()->shadow.does, ENG_DOES_GO);
}

// Each begins with a message that no server has taken, so the one behind it is the candidate's first.
static void what_is_not_taken_is_given_back(void **)
{
	for (unsigned i = 0; i < 7; i++) {
		renewed(i);
		in_force("");
		candidate("client_messages: 1, client_recipients: 2");
		struct conn *c = opened("10.0.1.1");
		if (i == 0) { // refused by its server
			answered(c, "MAIL FROM:<a@b>", "550 no");
		} else {
			passes(c, "MAIL FROM:<a@b>");
			answered(c, "RCPT TO:<a@b>", i == 1 ? "550 no" : "250 ok");
			answered(c, "RCPT TO:<a@c>", i == 1 ? "451 no" : "250 ok");
		}
		if (i == 1)
			passes(c, "RCPT TO:<a@d>");
		if (i == 2)
			passes(c, "RSET");
		if (i == 3)
			answered(c, "EHLO me", "250 mx");
		if (i == 4)
			content(c, "hello", "550 no\r\n");
		if (i == 5)
			content(c, "buy-now-cheap", NULL);
		leaves(c);
		one_message("10.0.1.1");
		told(0);
		one_message("10.0.1.1");
		told(1);
		assert_int_equal(counter(SHADOW_BLIND), 0);
	}
}

static void what_parts_counts_as_the_candidate_decides(void **)
{
	static const char ONE[] = "client_messages: 1";
	char text[1024];

	// It condemns what the other takes: not counted.
	in_force("");
	config_of(text, sizeof(text), "s", ONE, "");
	world_shadow(text, "1 body 100 l hello-there\n", VERSION);
	struct conn *c = opened("10.0.1.1");
	passes(c, "MAIL FROM:<a@b>");
	passes(c, "RCPT TO:<a@b>");
	content(c, "hello-there", "250 taken\r\n");
	told(1);
	assert_int_equal(last()->stage, ENG_STAGE_CONTENT);
	one_message("10.0.1.1");
	told(1);
	one_message("10.0.1.1");
	told(2);
	// It takes what the other condemns: counted.
	renewed(1);
	in_force("");
	world_shadow(text, "1 body 100 l hello-there\n", VERSION);
	c = opened("10.0.1.1");
	passes(c, "MAIL FROM:<a@b>");
	passes(c, "RCPT TO:<a@b>");
	content(c, "buy-now-cheap", NULL);
	told(1);
	one_message("10.0.1.1");
	told(2);
	assert_int_equal(last()->stage, ENG_STAGE_COMMAND);
}

static void the_same_limit_is_reached_by_both_though_one_began_earlier(void **)
{
	static const char ALL[] = "client_messages: 3, client_recipients: 9, sender_messages: 9, "
				  "client_connections: 3, client_rate: 9, total_connections: 9";

	in_force(ALL);
	one_message("10.0.1.1");
	one_message("10.0.1.1");
	struct conn *first = opened("10.0.2.2"), *second = opened("10.0.2.2");
	candidate(ALL);
	one_message("10.0.1.1");
	struct conn *c = opened("10.0.1.1");
	refused(c, "MAIL FROM:<a@b>", "450 4.7.1");
	struct conn *third = opened("10.0.2.2");
	c = dial("10.0.2.2", next_port++);
	handshake(c);
	hears_begin(c, CLIENT, "421");
	told(0);
	assert_int_equal(counter(SHADOW_BLIND), 0);
	leaves(first);
	leaves(second);
	leaves(third);
}

static void a_profile_of_another_name_has_other_counts(void **)
{
	char text[1024];

	in_force("client_messages: 1");
	one_message("10.0.1.1");
	config_of(text, sizeof(text), "t", "client_messages: 1", "");
	world_shadow(text, RULES, VERSION);
	struct conn *c = opened("10.0.1.1");
	refused(c, "MAIL FROM:<a@b>", "450 4.7.1");
	told(1);
	assert_int_equal(last()->shadow.does, ENG_DOES_GO);
}

static void whom_the_candidate_turns_away_holds_no_place(void **)
{
	in_force("");
	candidate("client_connections: 2, client_rate: 1, client_rate_min: 1");
	struct conn *first = opened("10.0.1.1");
	struct conn *second = opened("10.0.1.1"); // one too many in a minute
	told(1);
	assert_int_equal(last()->shadow.reason, ACT_CLIENT_RATE);
	pass_ms(2 * MINUTE_MS);
	struct conn *third = opened("10.0.1.1"); // two at a time: `second` is not there
	told(1);
	leaves(first);
	leaves(second);
	leaves(third);
}

static void where_its_cells_are_full_nothing_is_said(void **)
{
	char source[32];

	in_force("");
	candidate("client_messages: 1");
	for (unsigned i = 0; i < 33; i++) { // a bucket has 31
		(void)snprintf(source, sizeof(source), "10.0.1.%u", i + 1);
		one_message(source);
	}
	told(0);
	assert_int_equal(counter(SHADOW_BLIND), 2);
	assert_int_equal(counter(ACT_CELLS_FULL), 0);
	one_message("10.0.1.1"); // who has a cell is compared on
	told(1);
}

static void three_domains_are_compared_by_the_candidate_itself(void **)
{
	in_force("");
	candidate("check_three_way: true");
	struct conn *c = opened("10.0.1.1");
	passes(c, "MAIL FROM:<a@one.example>");
	passes(c, "RCPT TO:<a@two.example>");
	told(0);
	passes(c, "RCPT TO:<a@me>");
	told(1);
	assert_int_equal(last()->shadow.reason, ACT_THREE_WAY);
	c = opened("10.0.1.2");
	passes(c, "MAIL FROM:<a@me>");
	passes(c, "RCPT TO:<a@me>");
	told(1);
	assert_int_equal(counter(SHADOW_BLIND), 0);
}

static void the_first_objection_is_told(void **)
{
	static const struct {
		const char *profile, *rest;
		enum eng_reason reason;
	} rows[] = {
		{"client_messages: 1, blocked_senders: \"*@one.example\"", "", ACT_CLIENT_MESSAGES},
		{"client_recipients: 1, check_three_way: true",
			"access: [{name: r, recipient: \"*@me\", action: reject}]\n",
			ACT_THREE_WAY},
		{"client_recipients: 1",
			"access: [{name: r, recipient: \"*@me\", action: reject}]\n",
			ACT_CLIENT_RECIPIENTS},
	};

	for (unsigned i = 0; i < COUNT(rows); i++) {
		char text[1024];
		renewed(i);
		in_force("");
		config_of(text, sizeof(text), "s", rows[i].profile, rows[i].rest);
		world_shadow(text, RULES, VERSION);
		struct conn *c = opened("10.0.1.1");
		passes(c, "MAIL FROM:<a@two.example>");
		passes(c, "RCPT TO:<a@two.example>");
		if (i == 0) {
			content(c, "hello", "250 taken\r\n");
			passes(c, "MAIL FROM:<a@one.example>");
		} else {
			passes(c, "RCPT TO:<a@me>");
		}
		told(1);
		assert_int_equal(last()->shadow.reason, rows[i].reason);
	}
}

static void what_an_access_rule_refuses_does_not_count(void **)
{
	char text[1024];

	in_force("");
	config_of(text, sizeof(text), "s", "client_recipients: 1",
		"access: [{name: r, recipient: \"*@shut\", action: reject}]\n");
	world_shadow(text, RULES, VERSION);
	struct conn *c = opened("10.0.1.1");
	passes(c, "MAIL FROM:<a@b>");
	passes(c, "RCPT TO:<a@shut>");
	told(1);
	passes(c, "RSET");
	leaves(c);
	one_message("10.0.1.1");
	told(1);
}

// ---- with and without

#define LIMITED                                                                                \
	"client_messages: 2, client_recipients: 3, sender_messages: 2, sender_recipients: 5, " \
	"client_rate: 6, client_connections: 4, max_recipients: 2, check_three_way: true"

// Ids of refusals are never the same twice.
static void ids_blank(char *text)
{
	for (char *p = text; (p = strstr(p, "(mw-")) != NULL;)
		for (p += 4; *p != ')' && *p != '\0'; p++)
			*p = '*';
}

// Everything that is told to any end, and that counters say, of a mix of sessions.
static void mixed(char *out, size_t cap)
{
	size_t n = 0;

	for (unsigned i = 0; i < 12; i++) {
		struct conn *c = dial(i % 3 == 0 ? "10.0.1.1" : "10.0.1.2", (uint16_t)(5000 + i));
		handshake(c);
		says(c, SERVER, "220 mx\r\n");
		says(c, CLIENT, "EHLO me\r\n");
		says(c, SERVER, "250-mx\r\n250-SIZE 9\r\n250 PIPELINING\r\n");
		says(c, CLIENT,
			"MAIL FROM:<a@one.example>\r\nRCPT TO:<b@two.example>\r\n"
			"RCPT TO:<b@me>\r\nRCPT TO:<d@two.example>\r\nDATA\r\n");
		says(c, SERVER, "250 1\r\n250 2\r\n250 3\r\n");
		says(c, SERVER, i % 2 == 0 ? "550 4\r\n" : "250 4\r\n");
		says(c, SERVER, "354 5\r\n");
		says(c, CLIENT, "Subject: x\r\n\r\n");
		says(c, CLIENT, i % 4 == 0 ? "buy-now-cheap\r\n.\r\n" : "hello\r\n.\r\n");
		says(c, SERVER, i % 5 == 0 ? "550 6\r\n" : "250 6\r\n");
		says(c, CLIENT, "NOOP\r\nNOOP\r\nRSET\r\nQUIT\r\n");
		for (unsigned side = 0; side < 2; side++) {
			c->end[side].bytes[c->end[side].rcv - c->end[!side].isn - 1] = '\0';
			n += (size_t)snprintf(out + n, cap - n, "%u: %s%s\n", side,
				c->end[side].bytes, c->end[side].reset ? "reset" : "");
		}
		if (i % 2 == 0)
			leaves(c);
	}
	assert_true(n < cap);
	ids_blank(out);
}

static void what_is_in_force_does_the_same_with_and_without_a_candidate(void **)
{
	static char before[1 << 17], after[1 << 17];
	static uint64_t counts[ENG_REASON_COUNT];
	static const char *const shadows[] = {LIMITED, "",
		("client_messages: 1, client_recipients: 1, sender_messages: 1, sender_recipients: 1, "
		 "client_connections: 1, total_connections: 2, client_rate: 1, max_noop: 1")};

	in_force(LIMITED);
	mixed(before, sizeof(before));
	for (unsigned r = 0; r < ENG_REASON_COUNT; r++)
		counts[r] = counter((enum eng_reason)r);
	assert_true(counts[ACT_CLIENT_MESSAGES] > 0 && counts[ACT_CLIENT_RECIPIENTS] > 0 &&
		counts[ACT_CLIENT_RATE] + counts[ACT_CLIENT_CONNECTIONS] > 0);
	for (unsigned i = 0; i < COUNT(shadows); i++) {
		renewed(i + 1);
		in_force(LIMITED);
		candidate(shadows[i]);
		mixed(after, sizeof(after));
		assert_string_equal(before, after);
		for (unsigned r = 0; r < ENG_REASON_COUNT; r++) {
			const char *name = eng_stat_names[r].name;
			if (strncmp(name, "shadow", 6) != 0 && strstr(name, "nanosec") == NULL &&
				counter((enum eng_reason)r) != counts[r])
				fail_msg("%s: %llu with, %llu without", name,
					(unsigned long long)counter((enum eng_reason)r),
					(unsigned long long)counts[r]);
		}
		assert_int_equal(world.nparted > 0, i > 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(a_limit_that_only_the_candidate_has_is_reached_by_it_alone),
		CASE(its_window_is_its_own),
		CASE(a_higher_limit_is_told_until_it_is_reached_too),
		CASE(what_is_not_taken_is_given_back),
		CASE(what_parts_counts_as_the_candidate_decides),
		CASE(the_same_limit_is_reached_by_both_though_one_began_earlier),
		CASE(a_profile_of_another_name_has_other_counts),
		CASE(whom_the_candidate_turns_away_holds_no_place),
		CASE(where_its_cells_are_full_nothing_is_said),
		CASE(three_domains_are_compared_by_the_candidate_itself),
		CASE(the_first_objection_is_told),
		CASE(what_an_access_rule_refuses_does_not_count),
		CASE(what_is_in_force_does_the_same_with_and_without_a_candidate),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
