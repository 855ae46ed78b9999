// SPDX-License-Identifier: BSD-3-Clause
// What a session keeps when another image comes into force: its profiles, for ten minutes and until its
// next MAIL, and its groups of rules by their names. Rules are those in force at MAIL.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "session_world.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

// Errors cost nothing and end nothing.
#define PROFILE "max_errors: 0, error_delay_s: 0, error_delay_step_s: 0"

enum { HELD_IMAGES = 8 };

static const char RULES[] = "[pills]\n1 body 10 l cheap-pills\n[money]\n2 body 10 l quick-money\n"
			    "[]\n3 body 10 l of-no-group\n";
// The same groups, the other way round, so that their numbers are other ones.
static const char TURNED[] = "[money]\n2 body 10 l quick-money\n[pills]\n1 body 10 l cheap-pills\n"
			     "[]\n3 body 10 l of-no-group\n";

static void use(const char *session, const char *content, const char *rules, uint64_t version)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		"session_profiles: {s: {%s, " PROFILE "}}\ncontent_profiles: {c: {%s}}\n"
		"policies: [{name: p, action: inspect, session: s, content: c}]\n",
		session, content);
	world_use_rules(text, rules, version);
}

static struct conn *opened(void)
{
	static uint16_t port = 2000;
	struct conn *c = dial("10.0.1.1", port++);

	greets(c);
	return c;
}

// What the client is told about a message of this text.
static void mails(struct conn *c, const char *text, const char *answer)
{
	begins_mail(c);
	says(c, CLIENT, "Subject: x\r\n\r\n");
	says(c, CLIENT, text);
	says(c, CLIENT, "\r\n.\r\n");
	if (answer[0] == '2')
		says(c, SERVER, answer);
	hears_begin(c, CLIENT, answer);
	hears_begin(c, SERVER, "");
}

static void of_the_rules_with_groups_only_those_named_count(void **)
{
	static const struct {
		const char *groups, *text, *answer;
	} rows[] = {
		{"groups: [pills]", "cheap-pills", "550"},
		{"groups: [pills]", "quick-money", "250 ok\r\n"},
		{"groups: [pills]", "of-no-group", "550"},
		{"groups: [money]", "cheap-pills", "250 ok\r\n"},
		{"groups: [money, pills]", "cheap-pills", "550"},
		{"threshold: 5", "cheap-pills", "550"},
		{"threshold: 5", "quick-money", "550"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		use("mask_unknown: false", rows[i].groups, RULES, 10 + i);
		mails(opened(), rows[i].text, rows[i].answer);
	}
}

static void groups_are_kept_by_name_when_other_rules_come(void **)
{
	use("mask_unknown: false", "groups: [pills]", RULES, 10);
	struct conn *a = opened(), *b = opened(), *c = opened();

	use("mask_unknown: false", "groups: [money]", TURNED, 11);
	mails(a, "quick-money", "250 ok\r\n");
	mails(a, "cheap-pills", "550");
	mails(opened(), "quick-money", "550");
	use("mask_unknown: false", "threshold: 5", "3 body 10 l of-no-group\n", 12);
	mails(b, "cheap-pills", "250 ok\r\n"); // no such rule any more
	mails(c, "of-no-group", "550");
}

static void a_profile_stays_with_its_sessions_while_it_is_kept(void **)
{
	use("mask_unknown: false, max_noop: 1", "threshold: 5", RULES, 10);
	struct conn *old = opened();

	says(old, CLIENT, "NOOP\r\n");
	says(old, SERVER, "250 ok\r\n");
	hears(old, CLIENT, "250 ok\r\n");
	use("mask_unknown: false, max_noop: 3", "threshold: 5", RULES, 11);
	says(old, CLIENT, "NOOP\r\n");
	hears_begin(old, CLIENT, "421 4.7.0 Too many NOOP");
	struct conn *new = opened();
	for (unsigned i = 0; i < 3; i++) {
		says(new, CLIENT, "NOOP\r\n");
		says(new, SERVER, "250 ok\r\n");
		hears(new, CLIENT, "250 ok\r\n");
	}
}

static void a_threshold_stays_with_its_sessions(void **)
{
	use("mask_unknown: false", "threshold: 50", RULES, 10);
	struct conn *old = opened();

	use("mask_unknown: false", "threshold: 5", RULES, 11);
	mails(old, "cheap-pills", "250 ok\r\n");
	mails(opened(), "cheap-pills", "550");
}

static void a_worker_says_how_often_and_how_long_it_took_an_image(void **)
{
	uint64_t taken = counter(ACT_IMAGE_TAKEN), ns = counter(ACT_IMAGE_TAKEN_NS);

	use("mask_unknown: false", "threshold: 5", RULES, 10);
	assert_int_equal(counter(ACT_IMAGE_TAKEN), taken + 1);
	assert_true(counter(ACT_IMAGE_TAKEN_NS) > ns);
	ns = counter(ACT_IMAGE_TAKEN_NS);
	(void)eng_turn(world.w, world.now_us);
	eng_worker_offline(world.w); // asleep, and awake again: the same image
	eng_worker_online(world.w, world.now_us);
	assert_int_equal(counter(ACT_IMAGE_TAKEN), taken + 1);
	assert_int_equal(counter(ACT_IMAGE_TAKEN_NS), ns);
	assert_in_range(counter(PEAK_IMAGE_TAKEN_NS), 1, ns);
	eng_worker_offline(world.w);
	use("mask_unknown: false", "threshold: 5", RULES, 11);
	assert_int_equal(counter(ACT_IMAGE_TAKEN), taken + 2);
	assert_true(counter(ACT_IMAGE_TAKEN_NS) > ns);
}

static void more_images_than_are_kept_bind_a_session_anew(void **)
{
	use("mask_unknown: false, max_noop: 1", "threshold: 50", RULES, 10);
	struct conn *c = opened();

	for (unsigned i = 0; i < HELD_IMAGES + 1; i++)
		use("mask_unknown: false, max_noop: 2", "threshold: 5", RULES, 11 + i);
	for (unsigned i = 0; i < 2; i++) {
		says(c, CLIENT, "NOOP\r\n");
		hears_begin(c, SERVER, "");
		says(c, SERVER, "250 ok\r\n");
		hears(c, CLIENT, "250 ok\r\n");
	}
	mails(c, "cheap-pills", "550");
}

static void after_ten_minutes_the_next_mail_binds_anew(void **)
{
	use("mask_unknown: false", "threshold: 50", RULES, 10);
	struct conn *c = opened();

	use("mask_unknown: false", "threshold: 5", RULES, 11);
	mails(c, "cheap-pills", "250 ok\r\n");
	pass_ms(10 * 60 * 1000 + 1000);
	mails(c, "cheap-pills", "550");
}

// Not only what comes behind it: the MAIL with which a session changes over is judged by what it changes to.
static void the_mail_that_binds_anew_is_judged_anew(void **)
{
	static const char *const groups[] = {"MAIL FROM:<a@b>\r\n", "RSET\r\nMAIL FROM:<a@b>\r\n"};

	for (unsigned i = 0; i < 2; i++) {
		use("mask_unknown: false", "threshold: 50", RULES, 10 + 2 * i);
		struct conn *c = opened();

		use("mask_unknown: false, prevent_open_relaying: always", "threshold: 50", RULES,
			11 + 2 * i);
		pass_ms(10 * 60 * 1000 + 1000);
		says(c, CLIENT, groups[i]);
		hears_begin(c, SERVER, i == 0 ? "NOOP" : "RSET\r\nNOOP");
		says(c, SERVER, i == 0 ? "250 ok\r\n" : "250 reset\r\n250 ok\r\n");
		hears_begin(c, CLIENT, i == 0 ? "530 5.7.0" : "250 reset\r\n530 5.7.0");
	}
}

static void use_contexts(const char *contexts, uint64_t version)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		"contexts: [%s]\nsession_profiles: {s: {" PROFILE "}}\n"
		"content_profiles: {c: {threshold: 5}}\n"
		"policies: [{name: p, action: inspect, context: here, session: s, content: c}]\n",
		contexts);
	world_use_rules(text, RULES, version);
}

#define HERE "{name: here, ports: [access, core]}"
#define THERE "{name: there, ports: [other, more]}"
#define RENAMED "{name: renamed, ports: [other, more]}"

// Wherever that stands in the configuration.
static void a_session_stays_in_its_context(void **)
{
	static const char *const orders[] = {THERE ", " HERE, HERE ", " RENAMED, RENAMED ", " HERE,
		HERE ", " THERE, THERE ", " HERE};
	struct conn *c;

	use_contexts(HERE ", " THERE, 2);
	c = opened();
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		use_contexts(orders[i], 3 + i);
		says(c, CLIENT, "NOOP\r\n");
		hears(c, SERVER, "NOOP\r\n");
		says(c, SERVER, "250 ok\r\n");
		hears(c, CLIENT, "250 ok\r\n");
		assert_int_equal(counter(PASS_MIDSTREAM) + counter(ACT_MIDSTREAM_RESET), 0);
	}
	// Another name of the same ports is the same context.
	world_use_rules(
		"contexts: [{name: new, ports: [other, more]}, {name: other, ports: [access, core]}]\n"
		"session_profiles: {s: {" PROFILE "}}\ncontent_profiles: {c: {threshold: 5}}\n"
		"policies: [{name: p, action: inspect, context: other, session: s, content: c}]\n",
		RULES, 8);
	mails(c, "cheap-pills", "550 ");
	assert_int_equal(world.records[0].who.image_version, 2); // its profiles are kept
	assert_int_equal(world.records[0].who.context, 0);
	assert_int_equal(world.outcome.context, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(a_session_stays_in_its_context),
		CASE(of_the_rules_with_groups_only_those_named_count),
		CASE(groups_are_kept_by_name_when_other_rules_come),
		CASE(a_profile_stays_with_its_sessions_while_it_is_kept),
		CASE(a_threshold_stays_with_its_sessions),
		CASE(a_worker_says_how_often_and_how_long_it_took_an_image),
		CASE(more_images_than_are_kept_bind_a_session_anew),
		CASE(after_ten_minutes_the_next_mail_binds_anew),
		CASE(the_mail_that_binds_anew_is_judged_anew),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
