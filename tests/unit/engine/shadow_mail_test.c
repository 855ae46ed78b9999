// SPDX-License-Identifier: BSD-3-Clause
// A candidate beside the image in force, behind the begin of a session: where commands, sizes, content and silence
// would have been decided otherwise, and what becomes of a session whose candidate ends amid a message.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "eng_shadow.h"
#include "shadow_talk.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct both { // what is in force, and the candidate
	const char *live, *live_content,
		*live_access; // of a session profile; of a content profile; rules
	const char *shadow, *shadow_content, *shadow_access;
};

static void config_of(
	char *text, size_t cap, const char *session, const char *content, const char *access)
{
	(void)snprintf(text, cap,
		"session_profiles: {s: {%s%smask_unknown: false}}\ncontent_profiles: {c: {%s}}\n"
		"policies: [{name: p, action: inspect, session: s, content: c}]\n%s%s",
		session, session[0] == '\0' ? "" : ", ",
		content[0] == '\0' ? "threshold: 5" : content,
		access[0] == '\0' ? "" : "access: ", access);
}

#define OR(text, otherwise) ((text) == NULL ? (otherwise) : (text))
#define FREE "max_errors: 0, error_delay_s: 0, error_delay_step_s: 0"

static struct conn *begun(const struct both *b)
{
	static const char RULES[] = "1 body 100 l both-know\n[old]\n2 body 100 l old-only\n"
				    "[new]\n3 body 100 l new-only\n[]\n4 body 3 l a-little\n";
	char text[2048];

	config_of(text, sizeof(text), OR(b->live, FREE), OR(b->live_content, "groups: [old]"),
		OR(b->live_access, ""));
	world_use_rules(text, RULES, 2);
	config_of(text, sizeof(text), OR(b->shadow, FREE), OR(b->shadow_content, "groups: [old]"),
		OR(b->shadow_access, ""));
	world_shadow(text, RULES, VERSION);
	return shadow_opens("10.0.1.1");
}

static void asks(struct conn *c, const char *command, const char *reply)
{
	says(c, CLIENT, command);
	hears(c, SERVER, command);
	says(c, SERVER, reply);
	hears(c, CLIENT, reply);
}

static void ehlo(struct conn *c)
{
	says(c, SERVER, "220 server\r\n");
	hears(c, CLIENT, "220 server\r\n");
	asks(c, "EHLO me.example\r\n",
		"250-server\r\n250-STARTTLS\r\n250-AUTH PLAIN GSSAPI\r\n250-SIZE 10240000\r\n250 HELP\r\n");
}

static void mail(struct conn *c)
{
	ehlo(c);
	asks(c, "MAIL FROM:<a@one.example>\r\n", "250 ok\r\n");
}

static void rcpt(struct conn *c)
{
	mail(c);
	asks(c, "RCPT TO:<b@two.example>\r\n", "250 ok\r\n");
}

static void two_rcpts(struct conn *c)
{
	rcpt(c);
	asks(c, "RCPT TO:<c@two.example>\r\n", "250 ok\r\n");
}

static void two_noops(struct conn *c)
{
	ehlo(c);
	asks(c, "NOOP\r\n", "250 ok\r\n");
	asks(c, "NOOP\r\n", "250 ok\r\n");
}

static void noop_cut(struct conn *c)
{
	ehlo(c);
	asks(c, "NOOP\r\n", "250 ok\r\n");
	says(c, CLIENT, "NOOP\r\n");
	hears_begin(c, CLIENT, "421 4.7.0 Too many NOOP");
}

static void rcpt_refused(struct conn *c)
{
	mail(c);
	says(c, CLIENT, "RCPT TO:<b@two.example>\r\n");
	hears_begin(c, SERVER, "NOOP");
	says(c, SERVER, "250 ok\r\n");
	hears_begin(c, CLIENT, "550 5.7.1 Relay access denied.");
}

static void two_errors(struct conn *c)
{
	ehlo(c);
	asks(c, "VRFY x\r\n", "550 no\r\n");
	asks(c, "VRFY y\r\n", "550 no\r\n");
}

static void odd_line(struct conn *c)
{
	ehlo(c);
	asks(c, "NOOP\n", "250 ok\r\n");
}

static void sends(struct conn *c, const char *text, const char *answer)
{
	rcpt(c);
	asks(c, "DATA\r\n", "354 go\r\n");
	says(c, CLIENT, "Subject: x\r\n\r\n");
	says(c, CLIENT, text);
	if (c->end[SERVER].reset) {
		hears_begin(c, SERVER, "");
		says(c, CLIENT, "\r\n.\r\n");
		hears_begin(c, CLIENT, answer);
		return;
	}
	says(c, CLIENT, "\r\n.\r\n");
	if (answer[0] == '2')
		says(c, SERVER, answer);
	hears_begin(c, CLIENT, answer);
}

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"
#define X512 X64 X64 X64 X64 X64 X64 X64 X64
#define LONG X512 X512 X512

static void sends_clean(struct conn *c)
{
	sends(c, "hello", "250 taken\r\n");
}

static void sends_old_spam(struct conn *c)
{
	sends(c, "old-only", "550");
}

static void sends_new_spam(struct conn *c)
{
	sends(c, "new-only", "250 taken\r\n");
}

static void sends_spam_of_both(struct conn *c)
{
	sends(c, "both-know", "550");
}

static void sends_a_little(struct conn *c)
{
	sends(c, "a-little", "250 taken\r\n");
}

#define NEW "groups: [new]"
#define OTHERS_ACCESS "[{name: r, recipient: \"*@two.example\", action: reject}]\n"
#define RCPT_DISCARD "[{name: r, recipient: \"*@two.example\", action: discard}]\n"

static void where_they_part_is_told_and_mail_goes_as_before(void **)
{
	// clang-format off: a table
	static const struct {
		struct both both;
		void (*script)(struct conn *c);
		enum eng_stage stage;
		enum eng_does did, would;
		uint16_t code, would_code;
		int reason, would_reason;
		uint32_t limit, value; // the candidate's
	} rows[] = {
		{{.shadow = "prevent_encryption: true, " FREE}, ehlo, ENG_STAGE_EHLO, ENG_DOES_GO,
			ENG_DOES_HIDE, 0, 0, ENG_REASON_NONE, ACT_TLS_MASKED, 0, 0},
		{{.shadow = "max_message_kb: 2, " FREE}, ehlo, ENG_STAGE_EHLO, ENG_DOES_GO,
			ENG_DOES_LOWER, 0, 0, ENG_REASON_NONE, ACT_SIZE_LOWERED, 2048, 0},
		{{.shadow = "max_noop: 1, " FREE}, two_noops, ENG_STAGE_COMMAND, ENG_DOES_GO,
			ENG_DOES_CUT, 0, 421, ENG_REASON_NONE, ACT_LIMIT_NOOP, 1, 2},
		{{.live = "max_noop: 1, " FREE}, noop_cut, ENG_STAGE_COMMAND, ENG_DOES_CUT,
			ENG_DOES_GO, 421, 0, ACT_LIMIT_NOOP, ENG_REASON_NONE, 0, 0},
		{{.shadow = "prevent_open_relaying: always, " FREE}, mail, ENG_STAGE_COMMAND,
			ENG_DOES_GO, ENG_DOES_REFUSE, 0, 530, ENG_REASON_NONE, ACT_RELAY_REFUSED, 0,
			0},
		{{.shadow = "strict_lines: refuse, " FREE}, odd_line, ENG_STAGE_COMMAND,
			ENG_DOES_GO, ENG_DOES_CUT, 0, 500, ENG_REASON_NONE, ACT_LINE_REFUSED, 0, 0},
		{{.shadow = "max_recipients: 1, " FREE}, two_rcpts, ENG_STAGE_COMMAND, ENG_DOES_GO,
			ENG_DOES_REFUSE, 0, 452, ENG_REASON_NONE, ACT_RECIPIENTS_REFUSED, 1, 2},
		{{.shadow = "blocked_senders: \"*@one.example\", " FREE}, mail, ENG_STAGE_COMMAND,
			ENG_DOES_GO, ENG_DOES_REFUSE, 0, 550, ENG_REASON_NONE, ACT_SENDER_BLOCKED,
			0, 0},
		{{.shadow = "blocked_recipients: \"*@two.example\", " FREE}, rcpt,
			ENG_STAGE_COMMAND, ENG_DOES_GO, ENG_DOES_REFUSE, 0, 550, ENG_REASON_NONE,
			ACT_RECIPIENT_BLOCKED, 0, 0},
		{{.shadow_access = OTHERS_ACCESS}, rcpt, ENG_STAGE_COMMAND, ENG_DOES_GO,
			ENG_DOES_REFUSE, 0, 550, ENG_REASON_NONE, ACT_ACCESS_REJECTED, 0, 0},
		{{.live_access = OTHERS_ACCESS}, rcpt_refused, ENG_STAGE_COMMAND, ENG_DOES_REFUSE,
			ENG_DOES_GO, 550, 0, ACT_ACCESS_REJECTED, ENG_REASON_NONE, 0, 0},
		{{.shadow = "max_errors: 1, error_delay_s: 0, error_delay_step_s: 0"}, two_errors,
			ENG_STAGE_ERRORS, ENG_DOES_GO, ENG_DOES_CUT, 0, 421, ENG_REASON_NONE,
			ACT_LIMIT_ERRORS, 1, 2},
		{{.shadow = "max_errors: 0, errors_free: 1, error_delay_s: 4"}, two_errors,
			ENG_STAGE_ERRORS, ENG_DOES_GO, ENG_DOES_DELAY, 0, 0, ENG_REASON_NONE,
			ACT_TARPIT, 0, 4000},
		{{.shadow_content = NEW}, sends_old_spam, ENG_STAGE_CONTENT, ENG_DOES_REFUSE,
			ENG_DOES_GO, 550, 0, ACT_REJECTED, ENG_REASON_NONE, 0, 0},
		{{.shadow_content = NEW}, sends_new_spam, ENG_STAGE_CONTENT, ENG_DOES_GO,
			ENG_DOES_REFUSE, 0, 550, ENG_REASON_NONE, ACT_REJECTED, 0, 0},
		{{.shadow_content = "groups: [old], action: tempfail"}, sends_old_spam,
			ENG_STAGE_CONTENT, ENG_DOES_REFUSE, ENG_DOES_REFUSE, 550, 451, ACT_REJECTED,
			ACT_TEMPFAILED, 0, 0},
		{{.shadow_content = "groups: [old], action: monitor"}, sends_spam_of_both,
			ENG_STAGE_CONTENT, ENG_DOES_REFUSE, ENG_DOES_MONITOR, 550, 0, ACT_REJECTED,
			ACT_MONITORED, 0, 0},
		{{.shadow_content = "groups: [old], threshold: 2"}, sends_a_little,
			ENG_STAGE_CONTENT, ENG_DOES_GO, ENG_DOES_REFUSE, 0, 550, ENG_REASON_NONE,
			ACT_REJECTED, 0, 0},
		{{.shadow_access = RCPT_DISCARD}, sends_clean, ENG_STAGE_CONTENT, ENG_DOES_GO,
			ENG_DOES_DISCARD, 0, 250, ENG_REASON_NONE, ACT_ACCESS_DISCARDED, 0, 0},
		{{.shadow = "safe_recipients: \"*@two.example\", " FREE}, sends_old_spam,
			ENG_STAGE_CONTENT, ENG_DOES_REFUSE, ENG_DOES_UNSCANNED, 550, 0,
			ACT_REJECTED, ENG_REASON_NONE, 0, 0},
	};
	// clang-format on

	for (unsigned i = 0; i < COUNT(rows); i++) {
		shadow_renewed(i);
		rows[i].script(begun(&rows[i].both));
		if (world.nparted != 1)
			print_error("row %u\n", i);
		const struct eng_parted *p = parted_once();
		if (p->stage != rows[i].stage || p->shadow.does != rows[i].would)
			print_error("row %u\n", i);
		assert_int_equal(p->stage, rows[i].stage);
		decision_is(&p->live, rows[i].did, rows[i].code, rows[i].reason);
		decision_is(&p->shadow, rows[i].would, rows[i].would_code, rows[i].would_reason);
		assert_int_equal(p->shadow.limit, rows[i].limit);
		assert_int_equal(p->shadow.value, rows[i].value);
		assert_int_equal(counter(SHADOW_BLIND), 0);
	}
}

static void sizes_part_where_the_one_is_passed_and_the_other_not(void **)
{
	// EHLO without SIZE: else it parts there.
	static const struct both lower = {.shadow = "max_message_kb: 1, " FREE},
				 higher = {.live = "max_message_kb: 1, " FREE};
	const struct both *const both[] = {&lower, &higher};

	for (unsigned i = 0; i < COUNT(both); i++) {
		shadow_renewed(i);
		struct conn *c = begun(both[i]);
		says(c, SERVER, "220 server\r\n");
		hears(c, CLIENT, "220 server\r\n");
		asks(c, "HELO me.example\r\n", "250 server\r\n");
		asks(c, "MAIL FROM:<a@one.example>\r\n", "250 ok\r\n");
		asks(c, "RCPT TO:<b@two.example>\r\n", "250 ok\r\n");
		asks(c, "DATA\r\n", "354 go\r\n");
		says(c, CLIENT, "Subject: x\r\n\r\n" LONG);
		says(c, CLIENT, ".\r\n");
		if (i == 0)
			says(c, SERVER, "250 taken\r\n");
		hears_begin(c, CLIENT, i == 0 ? "250 taken" : "552");
		const struct eng_parted *p = parted_once();
		assert_int_equal(p->stage, ENG_STAGE_SIZE);
		decision_is(i == 0 ? &p->live : &p->shadow, ENG_DOES_GO, 0, ENG_REASON_NONE);
		decision_is(i == 0 ? &p->shadow : &p->live, ENG_DOES_CUT, 552, ACT_LIMIT_SIZE);
		assert_int_equal((i == 0 ? &p->shadow : &p->live)->limit, 1024);
	}
}

static void a_header_is_counted_for_the_candidate_alone(void **)
{
	const struct both b = {.shadow = "max_header_kb: 1, " FREE};
	struct conn *c = begun(&b);

	rcpt(c);
	asks(c, "DATA\r\n", "354 go\r\n");
	for (unsigned i = 0; i < 20; i++)
		says(c, CLIENT, "X-Y: " X64);
	says(c, CLIENT, "\r\nhello\r\n.\r\n");
	says(c, SERVER, "250 taken\r\n");
	hears_begin(c, CLIENT, "250 taken");
	decision_is(&parted_once()->shadow, ENG_DOES_CUT, 552, ACT_LIMIT_HEADER);
}

static void a_whole_session_alike_is_not_told(void **)
{
	static const struct {
		struct both both;
		void (*script)(struct conn *c);
	} rows[] = {
		{{0}, sends_clean},
		{{0}, sends_old_spam},
		{{.live = "max_noop: 1, " FREE, .shadow = "max_noop: 1, " FREE}, noop_cut},
		{{.live_access = OTHERS_ACCESS, .shadow_access = OTHERS_ACCESS}, rcpt_refused},
		{{.shadow_content = NEW}, sends_spam_of_both},
		{{.shadow = "max_noop: 5, max_recipients: 3, " FREE, .shadow_content = NEW},
			sends_clean},
	};

	for (unsigned i = 0; i < COUNT(rows); i++) {
		shadow_renewed(i);
		rows[i].script(begun(&rows[i].both));
		assert_int_equal(world.nparted, 0);
		assert_int_equal(counter(SHADOW_BLIND), 0);
		assert_int_equal(counter(SHADOW_COMPARED), 1);
	}
}

static void rules_and_scores_of_both_are_told(void **)
{
	const struct both b = {.shadow_content = NEW};

	sends_new_spam(begun(&b));
	const struct eng_parted *p = parted_once();
	assert_int_equal(p->live.score, 0);
	assert_int_equal(p->live.threshold, 5);
	assert_int_equal(p->shadow.score, 100);
	assert_int_equal(p->shadow.rules[0], 3);
	assert_int_equal(p->shadow.rules[1], 0);
}

static void the_access_rule_is_told(void **)
{
	const struct both b = {.shadow_access = OTHERS_ACCESS};

	rcpt(begun(&b));
	assert_int_equal(parted_once()->shadow.access, 1);
	assert_int_equal(world.parted[0].live.access, 0);
}

static void where_it_can_ask_nobody_the_session_is_not_followed(void **)
{
	const struct both b = {.shadow = "check_sender_domain: exists, " FREE};

	sends_clean(begun(&b));
	assert_int_equal(world.nparted, 0);
	assert_int_equal(counter(SHADOW_BLIND), 1);
	assert_int_equal(counter(ACT_ASKED), 0);
}

static void second_rcpt_refused(struct conn *c)
{
	rcpt(c);
	says(c, CLIENT, "RCPT TO:<c@two.example>\r\n");
	hears_begin(c, SERVER, "NOOP");
	says(c, SERVER, "250 ok\r\n");
	hears_begin(c, CLIENT, "450 4.7.1");
}

static void three_domains_refused(struct conn *c)
{
	mail(c);
	says(c, CLIENT, "RCPT TO:<b@me.example>\r\n");
	hears_begin(c, SERVER, "NOOP");
	says(c, SERVER, "250 ok\r\n");
	hears_begin(c, CLIENT, "550 5.7.1");
}

static void limits_that_only_the_one_in_force_has_are_told(void **)
{
	static const struct {
		struct both both;
		void (*script)(struct conn *c);
		uint16_t code;
	} rows[] = {
		{{.live = "check_three_way: true, " FREE}, three_domains_refused, 550},
		{{.live = "client_recipients: 1, " FREE}, second_rcpt_refused, 450},
	};

	for (unsigned i = 0; i < COUNT(rows); i++) {
		shadow_renewed(i);
		rows[i].script(begun(&rows[i].both));
		assert_int_equal(counter(SHADOW_BLIND), 0);
		assert_int_equal(parted_once()->stage, ENG_STAGE_COMMAND);
		decision_is(&world.parted[0].shadow, ENG_DOES_GO, 0, ENG_REASON_NONE);
		assert_int_equal(world.parted[0].live.code, rows[i].code);
	}
}

enum { SECOND_MS = 1000 };

static void silence_is_told_where_only_the_candidate_would_close(void **)
{
	const struct both b = {.live = "idle_s: 120, " FREE, .shadow = "idle_s: 60, " FREE};
	struct conn *c = begun(&b), *other = shadow_opens("10.0.1.2");

	ehlo(c);
	ehlo(other);
	pass_ms(59 * SECOND_MS);
	asks(other, "NOOP\r\n", "250 ok\r\n");
	assert_int_equal(world.nparted, 0);
	pass_ms(3 * SECOND_MS);
	const struct eng_parted *p = parted_once();
	assert_int_equal(p->stage, ENG_STAGE_IDLE);
	decision_is(&p->live, ENG_DOES_GO, 0, ENG_REASON_NONE);
	decision_is(&p->shadow, ENG_DOES_CUT, 0, ACT_IDLE_RESET);
	assert_int_equal(p->shadow.limit, 60);
	assert_true(p->shadow.value >= 60 && p->shadow.value <= 62);
	assert_int_equal(world.parted_who[0].client_port, c->client_port);
	asks(c, "NOOP\r\n", "250 ok\r\n"); // it is open still
	hangs_up(c, CLIENT);
	hangs_up(c, SERVER);
	(void)parted_once();
}

static void silence_is_told_where_only_the_one_in_force_closes(void **)
{
	const struct both b = {.live = "idle_s: 60, " FREE, .shadow = "idle_s: 120, " FREE};

	ehlo(begun(&b));
	pass_ms(70 * SECOND_MS);
	const struct eng_parted *p = parted_once();
	assert_int_equal(p->stage, ENG_STAGE_IDLE);
	decision_is(&p->live, ENG_DOES_CUT, 0, ACT_IDLE_RESET);
	decision_is(&p->shadow, ENG_DOES_GO, 0, ENG_REASON_NONE);
	assert_int_equal(p->live.limit, 60);
	assert_int_equal(counter(ACT_IDLE_RESET), 1);
}

static void the_same_silence_under_both_is_not_told(void **)
{
	const struct both b = {.live = "idle_s: 60, " FREE, .shadow = "idle_s: 60, " FREE};

	ehlo(begun(&b));
	pass_ms(70 * SECOND_MS);
	assert_int_equal(counter(ACT_IDLE_RESET), 1);
	assert_int_equal(world.nparted, 0);
}

static void a_candidate_that_ends_amid_a_message_leaves_it_whole(void **)
{
	const struct both b = {.shadow_content = NEW};
	struct conn *c = begun(&b);

	rcpt(c);
	asks(c, "DATA\r\n", "354 go\r\n");
	says(c, CLIENT, "Subject: x\r\n\r\nhello ");
	eng_shadow_end(world.eng);
	(void)eng_turn(world.w, world.now_us);
	(void)eng_image_reap(world.eng);
	says(c, CLIENT, "old-only\r\n.\r\n");
	hears_begin(c, CLIENT, "550");
	assert_int_equal(world.nparted, 0);
}

static void a_candidate_replaced_amid_a_message_begins_anew(void **)
{
	const struct both b = {.shadow_content = NEW};
	struct conn *c = begun(&b);

	rcpt(c);
	asks(c, "DATA\r\n", "354 go\r\n");
	says(c, CLIENT, "Subject: x\r\n\r\nnew-");
	shadow_all(PLAIN, "action: pass");
	(void)eng_image_reap(world.eng);
	says(c, CLIENT, "only\r\n.\r\n");
	says(c, SERVER, "250 taken\r\n");
	hears_begin(c, CLIENT, "250 taken");
	assert_int_equal(world.nparted, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(where_they_part_is_told_and_mail_goes_as_before),
		CASE(sizes_part_where_the_one_is_passed_and_the_other_not),
		CASE(a_header_is_counted_for_the_candidate_alone),
		CASE(a_whole_session_alike_is_not_told),
		CASE(rules_and_scores_of_both_are_told),
		CASE(the_access_rule_is_told),
		CASE(where_it_can_ask_nobody_the_session_is_not_followed),
		CASE(limits_that_only_the_one_in_force_has_are_told),
		CASE(silence_is_told_where_only_the_candidate_would_close),
		CASE(silence_is_told_where_only_the_one_in_force_closes),
		CASE(the_same_silence_under_both_is_not_told),
		CASE(a_candidate_that_ends_amid_a_message_leaves_it_whole),
		CASE(a_candidate_replaced_amid_a_message_begins_anew),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
