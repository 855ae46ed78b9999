// SPDX-License-Identifier: BSD-3-Clause
// What a hostile subscriber tries, told as stories: no byte that was not judged reaches the server,
// and nobody else is hurt.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "session_world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SPAM "Subject: x\r\n\r\nbuy-now-cheap\r\n.\r\n"
#define HAM "Subject: x\r\n\r\nhello\r\n.\r\n"

enum { DATA = TCP_ACK | TCP_PSH };

static void client_sends(struct conn *c, uint32_t ahead, const char *text)
{
	struct end *e = &c->end[CLIENT];

	segment(c, CLIENT, DATA, e->nxt + ahead, e->rcv, text, strlen(text));
	settle();
}

static bool server_has(const struct conn *c, const char *text)
{
	const struct end *e = &c->end[SERVER];
	uint32_t n = e->rcv - c->end[CLIENT].isn - 1;

	return memmem(e->bytes, n, text, strlen(text)) != NULL;
}

struct line {
	const char *client, *server;
};

static void talk(struct conn *c, const struct line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		says(c, CLIENT, lines[i].client);
		if (lines[i].server != NULL)
			says(c, SERVER, lines[i].server);
	}
}

// ---- a message that is forgotten

static const struct line NESTED[] = {{"MAIL FROM:<a@b>\r\n", "250 ok\r\n"},
	{"MAIL FROM:<e@f>\r\n", "503 nested\r\n"}, {"RCPT TO:<c@d>\r\n", "250 ok\r\n"},
	{"DATA\r\n", "354 go\r\n"}, {SPAM, NULL}};
static const struct line BAD_RSET[] = {{"MAIL FROM:<a@b>\r\n", "250 ok\r\n"},
	{"RCPT TO:<c@d>\r\n", "250 ok\r\n"}, {"RSET please\r\n", "501 syntax\r\n"},
	{"DATA\r\n", "354 go\r\n"}, {SPAM, NULL}};
static const struct line BAD_HELO[] = {{"MAIL FROM:<a@b>\r\n", "250 ok\r\n"},
	{"RCPT TO:<c@d>\r\n", "250 ok\r\n"}, {"HELO\r\n", "501 syntax\r\n"},
	{"DATA\r\n", "354 go\r\n"}, {SPAM, NULL}};
static const struct line PIPELINED[] = {
	{"MAIL FROM:bad\r\nMAIL FROM:<a@b>\r\n", "501 syntax\r\n250 ok\r\n"},
	{"RCPT TO:<c@d>\r\n", "250 ok\r\n"}, {"DATA\r\n", "354 go\r\n"}, {SPAM, NULL}};
static const struct {
	const struct line *lines;
	size_t n;
} FORGOTTEN[] = {{NESTED, COUNT(NESTED)}, {BAD_RSET, COUNT(BAD_RSET)}, {BAD_HELO, COUNT(BAD_HELO)},
	{PIPELINED, COUNT(PIPELINED)}};

static void a_command_that_the_server_refuses_does_not_end_our_reading(void **)
{
	bool leaked = false;

	for (unsigned i = 0; i < COUNT(FORGOTTEN); i++) {
		struct conn *c = dial("10.0.1.1", (uint16_t)(2000 + i));

		greets(c);
		talk(c, FORGOTTEN[i].lines, FORGOTTEN[i].n);
		leaked |= server_has(c, "buy-now-cheap\r\n.\r\n");
	}
	assert_false(leaked);
}

// The server is still in the transaction that got no recipient: it gets none, and the chunk is read.
static void a_mail_refused_while_its_chunk_flows_does_not_end_our_reading(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER, "250-mx\r\n250 CHUNKING\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<x@d>\r\n");
	says(c, SERVER, "250 ok\r\n550 no\r\n");
	says(c, CLIENT, "BDAT 3 LAST\r\nabc");
	says(c, SERVER, "503 no recipient\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 17 LAST\r\n\r\n");
	says(c, SERVER, "503 nested\r\n");
	says(c, SERVER, "250 noop\r\n");
	says(c, CLIENT, "buy-now-cheap\r\n");
	assert_false(server_has(c, "c@d") || server_has(c, "buy-now-cheap"));
	assert_int_equal(counter(ACT_REJECTED), 1);
}

// ---- one way

static void a_client_in_a_hurry_does_not_make_a_one_way_connection(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	for (unsigned i = 0; i < 3; i++)
		segment(c, CLIENT, TCP_ACK, client->nxt, 1, NULL, 0);
	segment(c, SERVER, TCP_SYN | TCP_ACK, server->isn, client->nxt, NULL, 0);
	settle();
	segment(c, CLIENT, TCP_ACK, client->nxt, client->rcv, NULL, 0);
	settle();
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER, "250 mx\r\n");
	talk(c, NESTED, 1);
	talk(c, NESTED + 2, 3);
	assert_false(server_has(c, "buy-now-cheap\r\n.\r\n"));
}

static void half_a_handshake_and_three_segments_do_not_fill_the_table(void **)
{
	for (uint16_t i = 0; i < 80; i++) {
		struct conn *c = dial("10.0.1.1", (uint16_t)(2000 + i));

		segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
		for (unsigned k = 0; k < 3; k++)
			segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, 1, NULL, 0);
	}
	settle();
	assert_int_equal(counter(PASS_TABLE_FULL), 0);
}

// ---- a client that speaks for the server

static void a_server_that_comes_from_the_wrong_side_is_not_heard(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *server = &c->end[SERVER];

	greets(c);
	says(c, CLIENT, "STARTTLS\r\n");
	segment_by(c, SERVER, CLIENT,
		&(struct wire_tcp_out){.seq = server->nxt,
			.ack = server->rcv,
			.flags = DATA,
			.window = 60000,
			.payload = span_str("220 go\r\n")});
	settle();
	says(c, SERVER, "502 no\r\n");
	says(c, CLIENT, "\x16\x03\r\n");
	says(c, SERVER, "500 what\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	says(c, SERVER, "250 ok\r\n250 ok\r\n354 go\r\n");
	says(c, CLIENT, SPAM);
	assert_false(server_has(c, "buy-now-cheap\r\n.\r\n"));
}

// ---- ahead of their turn

static void urgent_bytes_do_not_leave_ahead(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	begins_mail(c);
	forget_seen();
	segment(c, CLIENT, DATA | TCP_URG, client->nxt + 2, client->rcv, "\r\n.X\r\nRSET\r\n", 12);
	settle();
	for (unsigned i = 0; i < world.nseen; i++)
		assert_int_equal(world.seen[i].flags & TCP_URG, 0);
}

static void what_was_not_retained_does_not_leave_ahead(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	c->end[SERVER].window = 40;
	greets(c);
	begins_mail(c);
	client_sends(c, 30, "x buy-now-cheap x"); // 10 bytes in the window, 7 behind it
	c->end[SERVER].window = 60000;
	segment(c, SERVER, TCP_ACK, c->end[SERVER].nxt, c->end[SERVER].rcv, NULL, 0);
	settle();
	client_sends(c, 40, "x-ham!!");
	client_sends(c, 0, "Subject: 012345678\r\n\r\n90123456");
	client_sends(c, 47, "\r\n.\r\n");
	assert_false(server_has(c, "buy-now-cheap"));
}

// Sends a text `ahead` bytes early; whether it left.
static bool leaves_ahead(struct conn *c, uint32_t ahead, const char *text)
{
	const uint32_t seq = c->end[CLIENT].nxt + ahead;

	forget_seen();
	client_sends(c, ahead, text);
	for (unsigned i = 0; i < world.nseen; i++) {
		if (world.seen[i].seq == seq && world.seen[i].len == strlen(text))
			return true;
	}
	return false;
}

// A line end that comes early waits where it may stand behind a dot that ends the message.
static void a_line_end_leaves_ahead_where_the_byte_before_it_is_known(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	assert_false(leaves_ahead(c, 10, "\r\nfirst")); // before it anything may lie
	assert_true(leaves_ahead(c, 17, "\r\nsecond"));
	assert_false(leaves_ahead(c, 25, "\r\n."));
	assert_false(leaves_ahead(c, 28, "\r\nthird")); // ends the message
	assert_true(leaves_ahead(c, 35, "\r\nfourth"));
	assert_true(leaves_ahead(c, 43, "\r\n.stuffed"));
	assert_true(leaves_ahead(c, 60, "an island"));
	assert_true(leaves_ahead(c, 56, "x\r\n."));  // before the island
	assert_false(leaves_ahead(c, 80, "x\r\n.")); // behind it anything may lie
	// The line may begin with a dot and NUL.
	assert_false(leaves_ahead(c, 90, "a\r"));
	assert_true(leaves_ahead(c, 100, "a\r\nb\r"));
	assert_false(leaves_ahead(c, 112, "\nc"));
	assert_true(leaves_ahead(c, 110, "b\r")); // its end is known
	assert_false(leaves_ahead(c, 122, "\rc"));
	assert_false(leaves_ahead(c, 120, "b\r"));
}

static void what_left_ahead_behind_a_held_end_is_remembered(void **)
{
	static const char END[] = "\r\n.\r\n";
	static const char MORE[] =
		"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 13 LAST\r\nbuy-now-cheap";
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	client_sends(c, 10, END); // waits
	client_sends(c, 10 + sizeof(END) - 1, MORE);
	client_sends(c, 0, "0123456789");
	assert_false(server_has(c, "buy-now-cheap"));
}

// A CR behind a dot is read with what follows it, but it may have left ahead of the dot.
static void what_left_ahead_may_be_acknowledged_before_it_is_read(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	client_sends(c, 4, "\r");
	client_sends(c, 3, ".");
	client_sends(c, 0, "x\r\n");
	assert_int_equal(counter(ACT_BYPASSED), 0);
	client_sends(c, 5, "\n");
	hears(c, SERVER, "x\r\n.\r\n");
	c->end[CLIENT].nxt += 6;
	says(c, SERVER, "250 stored\r\n");
	hears(c, CLIENT, "250 stored\r\n");
}

// Some servers end a message at CRLF . CR; the line end arrives before the dot.
static void a_line_end_behind_a_hole_waits_for_the_dot_that_may_be_in_it(void **)
{
	static const char *const ends[] = {"\r", "\n", "\r\n"};

	for (uint16_t i = 0; i < 3; i++) {
		struct conn *c = dial("10.0.1.1", (uint16_t)(2000 + i));

		greets(c);
		begins_mail(c);
		client_sends(c, 0, "\r\nbuy-now-cheap\r\n");
		forget_seen();
		client_sends(c, 18, ends[i]);
		assert_int_equal(frames_seen(c, SERVER), 0);
		client_sends(c, 17, ".");
		assert_false(server_has(c, "cheap\r\n.\r") || server_has(c, "cheap\r\n.\n"));
	}
}

// Some servers end a command at a CR, and read on: one reply must not let go what they take for content.
static void commands_behind_a_bare_cr_are_refused(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	client_sends(c, 0, "NOOP\rMAIL FROM:<e@v>\r RCPT TO:<c@d>\rDATA\rx\r\n");
	assert_false(server_has(c, "DATA"));
	hears_begin(c, CLIENT, "500 ");
}

// ---- clocks

static void grace_is_not_born_again_after_25_days(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	says(c, CLIENT, "x");
	world.now_us += 26ull * 24 * 3600 * 1000000;
	forget_seen();
	says(c, CLIENT, "NOOP\r\n");
	assert_true(c->end[SERVER].reset);
}

// ---- timers

// Time passes for a worker that never sleeps; what its timers did.
static uint64_t polls_ms(uint64_t ms)
{
	world.done = 0;
	for (uint64_t i = 0; i < ms * 4; i++) {
		world.now_us += 250;
		world.done += eng_turn(world.w, world.now_us);
		settle();
	}
	return world.done;
}

static void a_client_that_vanished_costs_few_timers(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	c->end[CLIENT].mute = true;
	assert_true(polls_ms(85 * 1000) < 100);
}

static void a_refusal_after_custody_costs_few_timers(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	says(c, CLIENT, "MAIL");
	pass_ms(30);
	c->end[SERVER].mute = true;
	says(c, CLIENT, " FROM:<a@b>\r\n");
	says(c, SERVER, "25x what\r\n"); // desync
	assert_true(polls_ms(15 * 1000) < 100);
}

// ---- slabs

static void tiny_islands_of_a_few_do_not_take_all_slabs(void **)
{
	struct conn *c = NULL, *other = dial("10.0.1.2", 3000);

	for (uint16_t i = 0; i < 20; i++) {
		c = dial("10.0.1.1", (uint16_t)(2000 + i));
		greets(c);
		for (uint32_t k = 1; k < 200; k++)
			segment(c, CLIENT, DATA, c->end[CLIENT].nxt + 2 * k, c->end[CLIENT].rcv,
				"x", 1);
		settle();
	}
	greets(other); // somebody else has enough for a message
	begins_mail(other);
	says(other, CLIENT, HAM);
	hears(other, SERVER, HAM);
	says(other, SERVER, "250 queued\r\n");
}

// ---- grace

static void a_reset_that_the_server_challenges_does_not_end_the_reading(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	greets(c);
	begins_mail(c);
	server->mute = true;
	says(c, CLIENT, "Subject: x\r\n\r\n");
	uint32_t stood = server->rcv;
	client_sends(c, 0, "this never arrives");
	memset(server->have + (stood - client->isn - 1), 0, 18);
	server->rcv = stood; // it died of its TTL
	segment(c, CLIENT, TCP_RST, client->nxt + 18, 0, NULL, 0);
	settle();
	server->mute = false;
	server->owes_ack = true;
	settle();
	if (server->reset)
		return; // well done
	says(c, CLIENT, "buy-now-cheap\r\n.\r\n");
	assert_false(server_has(c, "buy-now-cheap"));
}

static void a_syn_ack_without_its_syn_is_dropped_in_grace(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	segment(c, CLIENT, TCP_RST, client->isn + 5, 0, NULL, 0);
	settle();
	forget_seen();
	segment(c, SERVER, TCP_SYN | TCP_ACK, c->end[SERVER].isn, client->nxt, NULL, 0);
	settle();
	if (frames_seen(c, CLIENT) == 0)
		return;
	segment(c, CLIENT, TCP_ACK, client->nxt, client->rcv, NULL, 0);
	settle();
	says(c, SERVER, "220 mx\r\n");
	talk(c, NESTED, 1);
	talk(c, NESTED + 2, 3);
	assert_false(server_has(c, "buy-now-cheap"));
}

// ---- acknowledgements that acknowledge nothing

static void a_wrong_acknowledgement_does_not_open_a_connection(void **)
{
	for (uint16_t i = 0; i < 80; i++) {
		struct conn *c = dial("10.0.1.1", (uint16_t)(2000 + i));
		struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

		segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
		segment(c, SERVER, TCP_SYN | TCP_ACK, server->isn, client->nxt, NULL, 0);
		segment(c, CLIENT, TCP_ACK, client->nxt, server->isn - 1000, NULL, 0);
	}
	settle();
	assert_int_equal(counter(PASS_TABLE_FULL), 0);
}

static void a_wrong_acknowledgement_gets_no_greeting(void **)
{
	struct conn *c = dial("10.0.3.1", 2000);
	struct end *client = &c->end[CLIENT];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	settle();
	uint32_t isn = last_seen(c, CLIENT)->seq;
	forget_seen();
	segment(c, CLIENT, TCP_ACK, client->nxt, isn - 1000, NULL, 0);
	settle();
	for (unsigned i = 0; i < world.nseen; i++)
		assert_int_equal(world.seen[i].len, 0);
}

static void a_passed_connection_needs_a_server_to_stay(void **)
{
	for (uint16_t i = 0; i < 80; i++) {
		struct conn *c = dial("10.0.5.1", (uint16_t)(2000 + i));

		segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
		segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, 1, NULL, 0);
	}
	settle();
	assert_int_equal(counter(PASS_TABLE_FULL), 0);
}

// ---- short of room

static void a_full_table_does_not_let_in_who_is_refused(void **)
{
	struct conn *c;

	for (uint16_t i = 0; i < 64; i++)
		handshake(dial("10.0.1.2", (uint16_t)(3000 + i)));
	c = dial("10.0.3.1", 2000);
	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	settle();
	assert_int_equal(frames_seen(c, SERVER), 0);
}

static void open_transactions_of_some_do_not_blind_us_for_others(void **)
{
	struct conn *c;

	for (uint16_t i = 0; i < 16; i++) {
		c = dial("10.0.1.2", (uint16_t)(3000 + i));
		greets(c);
		says(c, CLIENT, "MAIL FROM:<a@b>\r\n");
		says(c, SERVER, "250 ok\r\n");
	}
	pass_ms(11 * 1000);
	c = dial("10.0.1.1", 2000);
	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	assert_false(server_has(c, "buy-now-cheap\r\n.\r\n"));
}

// ---- honest ends

static void a_stray_port_does_not_move_a_side(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *server = &c->end[SERVER];

	greets(c);
	begins_mail(c);
	segment_by(c, SERVER, CLIENT,
		&(struct wire_tcp_out){
			.seq = server->nxt + 1000000, .ack = 0, .flags = TCP_ACK, .window = 1});
	settle();
	says(c, CLIENT, SPAM);
	assert_true(server->reset);
}

static void a_wild_acknowledgement_is_dropped(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	segment(c, CLIENT, TCP_ACK, client->nxt, client->rcv + 0x30000000, NULL, 0);
	settle();
	assert_false(c->end[SERVER].reset || client->reset);
}

static void data_with_an_ancient_acknowledgement_is_dropped(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	segment(c, CLIENT, DATA, client->nxt, client->rcv - 0x30000000, "QUIT\r\n", 6);
	settle();
	hears(c, SERVER, "");
}

static void an_old_segment_does_not_move_the_timestamp(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	c->ts = 1000;
	greets(c);
	c->ts = 0x60000000;
	segment(c, CLIENT, DATA, client->nxt - 9, client->rcv, "EHLO me\r\n", 8);
	settle();
	c->ts = 1000;
	says(c, CLIENT, "NOOP\r\n");
	hears(c, SERVER, "NOOP\r\n");
}

static void a_server_that_chose_another_number_is_followed_while_half_open(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	segment(c, SERVER, TCP_SYN | TCP_ACK, server->isn - 64000, client->nxt, NULL,
		0); // lost behind us
	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	settle();
	forget_seen();
	segment(c, SERVER, TCP_SYN | TCP_ACK, server->isn, client->nxt, NULL, 0);
	settle();
	assert_int_equal(frames_seen(c, CLIENT), 1);
}

static void a_rebooted_pair_may_use_the_same_port_at_once(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	c = dial("10.0.1.1", 2000); // both forgot the old one
	c->end[CLIENT].isn += 100000;
	c->end[CLIENT].nxt = c->end[SERVER].rcv = c->end[CLIENT].isn + 1;
	c->end[SERVER].isn += 100000;
	c->end[SERVER].nxt = c->end[CLIENT].rcv = c->end[SERVER].isn + 1;
	greets(c);
}

static void a_long_body_behind_an_early_verdict_is_told_at_its_end(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "\r\nbuy-now-cheap\n.\nand more\r\n");
	for (unsigned i = 0; i < 60; i++) {
		pass_ms(1000);
		says(c, CLIENT, "more and more\r\n");
	}
	says(c, CLIENT, ".\r\n");
	assert_non_null(strstr(c->end[CLIENT].bytes, "550 5.7.1"));
}

static void a_window_that_stays_closed_but_answers_is_no_reason_to_reset(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *server = &c->end[SERVER];

	server->window = 20;
	greets(c);
	begins_mail(c);
	server->window = 0;
	says(c, CLIENT, "01234567890123456.\r\n");
	server->window = 4;
	segment(c, SERVER, TCP_ACK, server->nxt, server->rcv, NULL, 0);
	settle();
	server->window = 0;
	says(c, CLIENT, ".\r"); // held: custody
	pass_ms(10 * 60 * 1000);
	assert_false(c->end[CLIENT].reset);
}

static void a_fin_behind_half_a_line_ends_the_connection(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	says(c, CLIENT, "QUI");
	hangs_up(c, CLIENT);
	pass_ms(60 * 1000);
	assert_true(c->end[SERVER].fin_got || c->end[SERVER].reset);
}

static void held_segments_are_counted_as_held(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, c->end[CLIENT].rcv, NULL, 0);
	says(c, CLIENT, "QUI");
	assert_int_equal(counter(ACT_HELD), 1);
	assert_int_equal(counter(ACT_HELD_REPEAT), 0);
}

// ---- connections that come again

static void a_reused_port_of_a_tls_connection_is_read_again(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER, "250-mx\r\n250 STARTTLS\r\n");
	says(c, CLIENT, "STARTTLS\r\n");
	says(c, SERVER, "220 go\r\n");
	says(c, CLIENT, "\x16\x03\x01 a\x01hello");
	says(c, SERVER, "\x16\x03\x01 a\x02hello");
	hangs_up(c, SERVER); // and forgets, when nobody answers it
	c = dial("10.0.1.1", 2000);
	c->end[CLIENT].isn += 100000;
	c->end[CLIENT].nxt = c->end[SERVER].rcv = c->end[CLIENT].isn + 1;
	c->end[SERVER].isn += 100000;
	c->end[SERVER].nxt = c->end[CLIENT].rcv = c->end[SERVER].isn + 1;
	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	assert_false(server_has(c, "buy-now-cheap"));
}

static void a_one_way_client_that_meets_its_server_is_read(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	pass_ms(4000);
	for (unsigned i = 0; i < 6; i++)
		segment(c, CLIENT, TCP_ACK, client->nxt, 1, NULL, 0);
	settle();
	assert_int_equal(counter(PASS_ONE_WAY), 1);
	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	segment(c, SERVER, TCP_SYN | TCP_ACK, server->isn, client->nxt, NULL, 0);
	settle();
	segment(c, CLIENT, TCP_ACK, client->nxt, client->rcv, NULL, 0);
	settle();
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER, "250 mx\r\n");
	talk(c, NESTED, 1);
	talk(c, NESTED + 2, 3);
	assert_false(server_has(c, "buy-now-cheap"));
}

static void another_ones_words_do_not_hide_spam(void **)
{
	static const char BODY[] = "Subject: x\r\n\r\nbuy-now-cheap";
	static char batch[6000];
	struct conn *c, *v = NULL;

	for (uint16_t i = 0; i < 16;
		i++) { // all messages in use; the oldest has unread bytes of its own
		c = dial("10.0.1.2", (uint16_t)(3000 + i));
		handshake(c);
		says(c, SERVER, "220 mx\r\n");
		says(c, CLIENT, "EHLO me\r\n");
		says(c, SERVER, "250-mx\r\n250 CHUNKING\r\n");
		says(c, CLIENT, "MAIL FROM:<a@b>\r\n");
		says(c, SERVER, "250 ok\r\n");
		v = v == NULL ? c : v;
	}
	memset(batch, 'v', 4000);
	for (unsigned i = 0; i < 3; i++)
		client_sends(v, i * 1300, "");
	segment(v, CLIENT, DATA, v->end[CLIENT].nxt, v->end[CLIENT].rcv, batch,
		3000); // half a line
	settle();
	c = dial("10.0.1.1", 2000);
	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER, "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
	pass_ms(12000);
	// One batch, joined from several slabs since its first line is long and came in pieces.
	size_t n = 0;
	n += (size_t)snprintf(batch, sizeof(batch), "MAIL FROM:<%02000d@b>", 1);
	segment(c, CLIENT, DATA, c->end[CLIENT].nxt, c->end[CLIENT].rcv, batch, n);
	c->end[CLIENT].nxt += (uint32_t)n;
	settle();
	n = (size_t)snprintf(batch, sizeof(batch), "\r\nRCPT TO:<c@d>\r\nBDAT %zu LAST\r\n%s",
		strlen(BODY), BODY);
	segment(c, CLIENT, DATA, c->end[CLIENT].nxt, c->end[CLIENT].rcv, batch, n);
	c->end[CLIENT].nxt += (uint32_t)n;
	settle();
	assert_false(server_has(c, "buy-now-cheap"));
}

static void syn_acks_of_many_numbers_leak_nothing(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	for (uint32_t i = 0; i < 50; i++) {
		segment(c, SERVER, TCP_SYN | TCP_ACK, server->isn + i * 100, client->nxt, NULL, 0);
		segment(c, SERVER, DATA, server->isn + i * 100 + 10, client->nxt, "island", 6);
	}
	settle();
}

static void a_syn_ack_in_mid_session_changes_nothing(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	greets(c);
	segment(c, SERVER, TCP_SYN | TCP_ACK, server->nxt + 5000, client->nxt, NULL, 0);
	settle();
	says(c, CLIENT, "NOOP\r\n");
	hears(c, SERVER, "NOOP\r\n");
	says(c, SERVER, "250 ok\r\n");
	hears(c, CLIENT, "250 ok\r\n");
}

static void bytes_that_went_round_us_from_ahead_end_the_connection(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *server = &c->end[SERVER];

	greets(c);
	segment(c, SERVER, TCP_ACK, server->nxt, server->rcv + 6, NULL,
		0); // "NOOP\r\n" by another way
	settle();
	assert_true(c->end[CLIENT].reset);
	assert_int_equal(counter(ACT_BYPASSED), 1);
}

static void a_reused_port_of_a_passed_connection_is_passed_again(void **)
{
	struct conn *c = dial("10.0.5.1", 2000);

	greets(c);
	c = dial("10.0.5.1", 2000); // both forgot the old one
	c->end[CLIENT].isn += 100000;
	c->end[CLIENT].nxt = c->end[SERVER].rcv = c->end[CLIENT].isn + 1;
	c->end[SERVER].isn += 100000;
	c->end[SERVER].nxt = c->end[CLIENT].rcv = c->end[SERVER].isn + 1;
	greets(c);
	assert_int_equal(counter(FLOWS_INSPECTED), 0);
}

static void a_lot_at_once_arrives_whole_and_in_order(void **)
{
	enum { LINES = 400 };
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];
	const char *line =
		"0123456789012345678901234567890123456789012345678901234567890123456789\r\n.x\r\n";
	uint32_t n = (uint32_t)strlen(line);

	greets(c);
	begins_mail(c);
	for (uint32_t i = 1; i < LINES; i++) // what may end a message waits
		segment(c, CLIENT, DATA, client->nxt + i * n, client->rcv, line, n);
	settle();
	segment(c, CLIENT, DATA, client->nxt, client->rcv, line, n);
	client->nxt += LINES * n;
	pass_ms(100);
	// What found no room behind the hole comes again, as any sender would send it.
	for (int round = 0; round < 8; round++) {
		for (uint32_t at = c->end[SERVER].rcv; at < client->nxt; at += n)
			segment(c, CLIENT, DATA, at, client->rcv, line, n);
		settle();
		pass_ms(100);
	}
	says(c, CLIENT, ".\r\n");
	pass_ms(100);
	assert_int_equal(c->end[SERVER].rcv, client->nxt);
}

static void content_by_another_way_behind_a_possible_end_is_refused(void **)
{
	static const char *const LINES[] = {"BURL imap://x LAST\r\n", "XEXCH50 10 2\r\n"};

	for (unsigned i = 0; i < 2; i++) {
		struct conn *c = dial("10.0.1.1", (uint16_t)(2000 + i));

		greets(c);
		begins_mail(c);
		says(c, CLIENT, "Subject: x\r\n\r\nhello\n.\n");
		says(c, CLIENT, LINES[i]);
		assert_true(c->end[SERVER].reset);
		assert_int_equal(counter(ACT_POSSIBLE_END_CUT), i + 1);
	}
}

static void a_lost_reset_is_repeated_to_a_silent_server(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	assert_true(c->end[SERVER].reset);
	c->end[SERVER].reset = false; // as if it had not come
	forget_seen();
	pass_ms(400);
	assert_true(c->end[SERVER].reset);
	pass_ms(60000);
	assert_true(frames_seen(c, SERVER) <= 6); // a few times, then never more
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_command_that_the_server_refuses_does_not_end_our_reading),
		CASE(a_mail_refused_while_its_chunk_flows_does_not_end_our_reading),
		CASE(a_client_in_a_hurry_does_not_make_a_one_way_connection),
		CASE(half_a_handshake_and_three_segments_do_not_fill_the_table),
		CASE(a_server_that_comes_from_the_wrong_side_is_not_heard),
		CASE(urgent_bytes_do_not_leave_ahead),
		CASE(what_was_not_retained_does_not_leave_ahead),
		CASE(a_line_end_leaves_ahead_where_the_byte_before_it_is_known),
		CASE(what_left_ahead_behind_a_held_end_is_remembered),
		CASE(what_left_ahead_may_be_acknowledged_before_it_is_read),
		CASE(a_line_end_behind_a_hole_waits_for_the_dot_that_may_be_in_it),
		CASE(commands_behind_a_bare_cr_are_refused),
		CASE(grace_is_not_born_again_after_25_days),
		CASE(a_client_that_vanished_costs_few_timers),
		CASE(a_refusal_after_custody_costs_few_timers),
		CASE(tiny_islands_of_a_few_do_not_take_all_slabs),
		CASE(a_reset_that_the_server_challenges_does_not_end_the_reading),
		CASE(a_syn_ack_without_its_syn_is_dropped_in_grace),
		CASE(a_wrong_acknowledgement_does_not_open_a_connection),
		CASE(a_wrong_acknowledgement_gets_no_greeting),
		CASE(a_passed_connection_needs_a_server_to_stay),
		CASE(a_full_table_does_not_let_in_who_is_refused),
		CASE(open_transactions_of_some_do_not_blind_us_for_others),
		CASE(a_stray_port_does_not_move_a_side),
		CASE(a_wild_acknowledgement_is_dropped),
		CASE(data_with_an_ancient_acknowledgement_is_dropped),
		CASE(an_old_segment_does_not_move_the_timestamp),
		CASE(a_server_that_chose_another_number_is_followed_while_half_open),
		CASE(a_rebooted_pair_may_use_the_same_port_at_once),
		CASE(a_long_body_behind_an_early_verdict_is_told_at_its_end),
		CASE(a_window_that_stays_closed_but_answers_is_no_reason_to_reset),
		CASE(a_fin_behind_half_a_line_ends_the_connection),
		CASE(held_segments_are_counted_as_held),
		CASE(a_reused_port_of_a_tls_connection_is_read_again),
		CASE(a_one_way_client_that_meets_its_server_is_read),
		CASE(another_ones_words_do_not_hide_spam),
		CASE(syn_acks_of_many_numbers_leak_nothing),
		CASE(a_syn_ack_in_mid_session_changes_nothing),
		CASE(bytes_that_went_round_us_from_ahead_end_the_connection),
		CASE(a_reused_port_of_a_passed_connection_is_passed_again),
		CASE(a_lot_at_once_arrives_whole_and_in_order),
		CASE(a_lost_reset_is_repeated_to_a_silent_server),
		CASE(content_by_another_way_behind_a_possible_end_is_refused),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
