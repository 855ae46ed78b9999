// SPDX-License-Identifier: BSD-3-Clause
// check_three_way: a recipient of the domain that HELO or EHLO named, and a sender of another one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "session_world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CASE(f) cmocka_unit_test_setup_teardown(f, three_new, world_end)
#define NO_DELAY "max_errors: 0, error_delay_s: 0, error_delay_step_s: 0"
#define LONG "l234567890123456789012345678901234567890123456789012345678901234567890.example"

static const char CONFIG[] =
	"session_profiles: {three: {check_three_way: true, " NO_DELAY "}, free: {" NO_DELAY "}}\n"
	"policies:\n"
	"- {name: free, source: 10.0.2.0/24, action: inspect, session: free}\n"
	"- {name: three, source: any, action: inspect, session: three}\n";

static int three_new(void **state)
{
	int rc = world_new(state);

	world_use(CONFIG, 2);
	return rc;
}

static void talks(struct conn *c, const char *command, const char *reply)
{
	char line[800], back[80];

	(void)snprintf(line, sizeof(line), "%s\r\n", command);
	(void)snprintf(back, sizeof(back), "%s\r\n", reply);
	says(c, CLIENT, line);
	says(c, SERVER, back);
}

static struct conn *said(const char *source, const char *helo, const char *sender)
{
	static uint16_t port = 2000;
	struct conn *c = dial(source, port++);
	char line[600];

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	(void)snprintf(line, sizeof(line), "EHLO %s", helo);
	talks(c, line, "250 AUTH PLAIN");
	(void)snprintf(line, sizeof(line), "MAIL FROM:%s", sender);
	talks(c, line, "250 ok");
	hears_begin(c, CLIENT, "");
	hears_begin(c, SERVER, "");
	return c;
}

// What its recipient is told.
static void recipient(struct conn *c, const char *path, bool refused)
{
	char line[600];

	(void)snprintf(line, sizeof(line), "RCPT TO:%s", path);
	talks(c, line, "250 server");
	hears_begin(c, SERVER, refused ? "NOOP" : "RCPT TO:");
	hears(c, CLIENT,
		refused ? "550 5.7.1 Sender domain is not that of HELO and recipient (mw-*)\r\n"
			: "250 server\r\n");
}

static const struct row {
	const char *helo, *sender, *recipient;
	bool refused;
} ROWS[] = {
	{"bank.example", "<a@other.example>", "<b@bank.example>", true},
	{"bank.example", "<a@bank.example>", "<b@bank.example>", false},
	{"bank.example", "<a@other.example>", "<b@third.example>", false},
	{"mx.bank.example", "<a@other.example>", "<b@bank.example>", false}, // a host of it
	{"bank.example", "<a@other.example>", "<b@bank.example.net>", false},
	{"bank.example", "<a@mx.bank.example>", "<b@bank.example>", true},
	{"bank.example", "<>", "<b@bank.example>", false},
	{"bank.example", "<root>", "<b@bank.example>", true},
	{"bank.example", "<a(b)@bank.example>", "<b@bank.example>", true}, // not to be read
	{"bank.example", "<a@other.example>", "<postmaster>", false},
	// Spellings
	{"BANK.example", "<a@other.example>", "<b@bank.EXAMPLE>", true},
	{"bank.example.", "<a@other.example>", "<b@bank.example>", true},
	{"bank.example", "<a@other.example>", "<b@bank.example.>", true},
	{"bank.example and more", "<a@other.example>", "<b@bank.example>", true},
	{"bank.example", "<a@other.example>", "<@x.example:b@bank.example>", true},
	{"bank.example", "<a@other.example>", "<\"b@x.example\"@bank.example>", true},
	{"bank.example", "<\"x@bank.example\"@other.example>", "<b@bank.example>", true},
	{"bank.example", "a@other.example", "b@bank.example", true},
	{"Bank.Example.", "<a@BANK.example>", "<b@bank.example>", false},
	{"[192.0.2.1]", "<a@other.example>", "<b@[192.0.2.1]>", true},
	// Of a long name 64 bytes are kept.
	{LONG, "<a@other.example>", "<b@" LONG ">", true},
	{LONG, "<a@" LONG ">", "<b@" LONG ">", false},
};

static void only_a_recipient_of_the_domain_in_helo_with_a_sender_of_another_is_refused(
	void **state)
{
	for (unsigned i = 0; i < COUNT(ROWS); i++) {
		struct conn *c = said("10.0.1.1", ROWS[i].helo, ROWS[i].sender);

		recipient(c, ROWS[i].recipient, ROWS[i].refused);
		recipient(c, "<c@unrelated.example>", false); // the session goes on
		assert_int_equal(counter(ACT_THREE_WAY), ROWS[i].refused);
		assert_int_equal(world_end(state), 0);
		assert_int_equal(three_new(state), 0);
	}
}

// Postfix reads b@bank.example in the first, Exim in the second.
static void a_recipient_in_which_a_server_reads_another_is_refused(void **)
{
	struct conn *c = said("10.0.1.1", "bank.example", "<a@other.example>");

	says(c, CLIENT, "RCPT TO:<b@bank.example@>\r\n");
	says(c, SERVER, "250 server\r\n");
	says(c, CLIENT, "RCPT TO:b <b@bank.example>\r\n");
	says(c, SERVER, "250 server\r\n");
	hears(c, CLIENT,
		"501 5.1.0 Address can't be read or is too long (mw-*)\r\n"
		"501 5.1.0 Address can't be read or is too long (mw-*)\r\n");
}

static void the_refusal_has_a_record(void **)
{
	recipient(said("10.0.1.1", "bank.example", "<a@b.example>"), "<b@bank.example>", true);
	assert_int_equal(world.nrecords, 1);
	assert_int_equal(world.records[0].kind, ENG_REC_REFUSAL);
	assert_int_equal(world.records[0].code, 550);
	assert_int_equal(world.records[0].reason, ACT_THREE_WAY);
	assert_true(world.records[0].id != 0);
}

static void without_the_setting_nobody_is_refused(void **)
{
	recipient(said("10.0.2.1", "bank.example", "<a@b.example>"), "<b@bank.example>", false);
}

static void who_has_authenticated_is_not_asked(void **)
{
	struct conn *c = said("10.0.1.1", "bank.example", "<a@b.example>");

	talks(c, "RSET", "250 ok");
	talks(c, "AUTH PLAIN AGEAYg==", "235 ok");
	talks(c, "MAIL FROM:<a@b.example>", "250 ok");
	hears_begin(c, CLIENT, "");
	hears_begin(c, SERVER, "");
	recipient(c, "<b@bank.example>", false);
}

static void the_last_name_counts_and_the_sender_that_the_server_took(void **)
{
	struct conn *c = said("10.0.1.1", "other.example", "<a@b.example>");

	talks(c, "EHLO bank.example", "250 ok");
	talks(c, "MAIL FROM:<a@bank.example>", "250 ok");
	talks(c, "MAIL FROM:<a@b.example>", "503 no");
	hears_begin(c, CLIENT, "");
	hears_begin(c, SERVER, "");
	recipient(c, "<b@bank.example>", false);
	talks(c, "RSET", "250 ok");
	talks(c, "MAIL FROM:<a@b.example>", "250 ok");
	hears_begin(c, CLIENT, "");
	hears_begin(c, SERVER, "");
	recipient(c, "<b@bank.example>", true);
}

static void a_sender_that_was_reset_is_not_asked_about(void **)
{
	struct conn *c = said("10.0.1.1", "bank.example", "<a@b.example>");

	says(c, CLIENT, "RSET\r\n");
	says(c, CLIENT, "MAIL FROM:<a@bank.example>\r\nRCPT TO:<b@bank.example>\r\n");
	hears(c, SERVER, "RSET\r\nMAIL FROM:<a@bank.example>\r\nRCPT TO:<b@bank.example>\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(only_a_recipient_of_the_domain_in_helo_with_a_sender_of_another_is_refused),
		CASE(a_recipient_in_which_a_server_reads_another_is_refused),
		CASE(the_refusal_has_a_record),
		CASE(without_the_setting_nobody_is_refused),
		CASE(who_has_authenticated_is_not_asked),
		CASE(a_sender_that_was_reset_is_not_asked_about),
		CASE(the_last_name_counts_and_the_sender_that_the_server_took),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
