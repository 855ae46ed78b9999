// SPDX-License-Identifier: BSD-3-Clause
// Whole sessions through a real engine, told as stories: what each end hears, what becomes of the
// connection, and that nothing is left behind (world_end looks at flows, slabs, messages, buffers).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "session_world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SPAM "Subject: x\r\n\r\nbuy-now-cheap\r\n.\r\n"
#define HAM "Subject: x\r\n\r\nhello\r\n.\r\n"

enum { DATA = TCP_ACK | TCP_PSH };

// A segment `ahead` bytes behind what the client sent last; its number does not move.
static void client_sends(struct conn *c, uint32_t ahead, const char *text)
{
	struct end *e = &c->end[CLIENT];

	segment(c, CLIENT, DATA, e->nxt + ahead, e->rcv, text, strlen(text));
	settle();
}

static void client_went(struct conn *c, const char *text)
{
	c->end[CLIENT].nxt += (uint32_t)strlen(text);
}

// What was said so far is of no interest.
static void forget_words(struct conn *c)
{
	for (enum world_side side = CLIENT; side <= SERVER; side++)
		c->end[side].told = c->end[side].rcv - c->end[!side].isn - 1;
}

static void ends_like_friends(struct conn *c)
{
	forget_words(c);
	says(c, CLIENT, "QUIT\r\n");
	hears(c, SERVER, "QUIT\r\n");
	says(c, SERVER, "221 bye\r\n");
	hears(c, CLIENT, "221 bye\r\n");
	hangs_up(c, SERVER);
	assert_true(c->end[CLIENT].fin_got);
	hangs_up(c, CLIENT);
	assert_true(c->end[SERVER].fin_got);
	assert_false(c->end[CLIENT].reset || c->end[SERVER].reset);
}

static void nobody_was_reset(const struct conn *c)
{
	assert_false(c->end[CLIENT].reset || c->end[CLIENT].rst_odd);
	assert_false(c->end[SERVER].reset || c->end[SERVER].rst_odd);
}

// ---- the usual

static void clean_mail_reaches_the_server_as_it_was(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, HAM);
	hears(c, SERVER, HAM);
	says(c, SERVER, "250 queued\r\n");
	hears(c, CLIENT, "250 queued\r\n");
	ends_like_friends(c);
	assert_int_equal(counter(MESSAGES_CLEAN), 1);
	assert_int_equal(world.outcomes[ENG_OUTCOME_ACCEPTED], 1);
	pass_ms(60 * 1000); // over for both: it goes without a reset
	assert_int_equal(counter(GAUGE_FLOWS), 0);
	nobody_was_reset(c);
	assert_int_equal(world.records[0].kind, ENG_REC_MESSAGE);
	assert_int_equal(world.records[0].verdict, ENG_VERDICT_CLEAN);
	assert_int_equal(world.records[1].kind, ENG_REC_SESSION);
}

static void clean_mail_by_ipv6_and_with_timestamps(void **)
{
	struct conn *c = dial("fd77::1", 2000);

	c->ts = 1000;
	greets(c);
	begins_mail(c);
	says(c, CLIENT, HAM);
	hears(c, SERVER, HAM);
	says(c, SERVER, "250 queued\r\n");
	ends_like_friends(c);
}

static void spam_is_refused_and_the_server_never_sees_its_end(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	hears(c, SERVER, "");
	assert_true(c->end[SERVER].reset);
	hears_begin(c, CLIENT, "550 5.7.1 Message refused as spam (mw-");
	says(c, CLIENT, "QUIT\r\n");
	hears(c, CLIENT, "221 2.0.0 Bye\r\n");
	assert_true(c->end[CLIENT].fin_got);
	hangs_up(c, CLIENT);
	assert_int_equal(last_seen(c, CLIENT)->ack, c->end[CLIENT].nxt);
	assert_int_equal(counter(ACT_REJECTED), 1);
	assert_int_equal(world.outcomes[ENG_OUTCOME_CONDEMNED], 1);
	assert_int_equal(world.records[0].verdict, ENG_VERDICT_REJECTED);
	assert_int_equal(world.records[0].code, 550);
}

// The reply opens the gate for what is condemned: it is the first message's all the same.
static void a_reply_that_was_read_is_told_before_the_refusal_behind_it(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER, "250-mx\r\n250 CHUNKING\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	says(c, SERVER, "250 ok\r\n250 ok\r\n");
	says(c, CLIENT, "BDAT 3 LAST\r\nabc");
	says(c, CLIENT, "BDAT 15 LAST\r\n\r\nbuy-now-cheap");
	c->end[CLIENT].told = c->end[CLIENT].rcv - c->end[SERVER].isn - 1;
	says(c, SERVER, "250 stored\r\n");
	hears_begin(c, CLIENT, "250 stored\r\n550 5.7.1 ");
}

static void a_server_that_missed_the_reset_gets_another(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *server = &c->end[SERVER];

	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	server->reset = false; // it was lost
	forget_seen();
	segment(c, SERVER, TCP_ACK, server->nxt, server->rcv, NULL, 0);
	settle();
	assert_true(server->reset);
	assert_int_equal(counter(DROP_AFTER_CUT), 1);
	assert_int_equal(frames_seen(c, CLIENT), 0);
}

static const struct {
	const char *source, *reply;
	enum eng_reason reason;
	uint16_t code;
	enum eng_verdict verdict;
} ACTIONS[] = {
	{"10.0.7.1", "451 4.7.1 Message deferred", ACT_TEMPFAILED, 451, ENG_VERDICT_TEMPFAILED},
	{"10.0.8.1", "250 2.0.0 Ok\r\n", ACT_DISCARDED, 250, ENG_VERDICT_DISCARDED},
};

static void spam_is_answered_as_its_profile_says(void **)
{
	for (unsigned i = 0; i < COUNT(ACTIONS); i++) {
		struct conn *c = dial(ACTIONS[i].source, 2000);

		world.nrecords = 0;
		greets(c);
		begins_mail(c);
		says(c, CLIENT, SPAM);
		hears_begin(c, CLIENT, ACTIONS[i].reply);
		hears(c, SERVER, "");
		assert_true(c->end[SERVER].reset);
		assert_int_equal(counter(ACTIONS[i].reason), 1);
		assert_int_equal(world.records[0].verdict, ACTIONS[i].verdict);
		assert_int_equal(world.records[0].code, ACTIONS[i].code);
	}
}

static void monitored_spam_goes_through_and_is_told(void **)
{
	struct conn *c = dial("10.0.9.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	hears(c, SERVER, SPAM);
	says(c, SERVER, "250 queued\r\n");
	ends_like_friends(c);
	assert_int_equal(counter(ACT_MONITORED), 1);
	assert_int_equal(world.records[0].verdict, ENG_VERDICT_MONITORED);
}

static void a_word_of_the_envelope_condemns_too(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	says(c, CLIENT, "MAIL FROM:<a@b>\r\n");
	says(c, SERVER, "250 ok\r\n");
	says(c, CLIENT, "RCPT TO:<trap@d>\r\n");
	says(c, SERVER, "250 ok\r\n");
	says(c, CLIENT, "DATA\r\n");
	says(c, SERVER, "354 go\r\n");
	forget_words(c);
	says(c, CLIENT, HAM);
	hears_begin(c, CLIENT, "550 5.7.1 ");
	assert_true(c->end[SERVER].reset);
}

// ---- cuts of the stream

static void spam_split_at_every_byte_is_found(void **)
{
	static const char spam[] = SPAM;
	const size_t n = strlen(spam);

	for (size_t cut = 1; cut < n; cut++) {
		struct conn *c = dial("10.0.1.1", (uint16_t)(2000 + cut));

		greets(c);
		begins_mail(c);
		segment(c, CLIENT, DATA, c->end[CLIENT].nxt, c->end[CLIENT].rcv, SPAM, cut);
		settle();
		segment(c, CLIENT, DATA, c->end[CLIENT].nxt + (uint32_t)cut, c->end[CLIENT].rcv,
			spam + cut, n - cut);
		client_went(c, SPAM);
		settle();
		hears_begin(c, CLIENT, "550 5.7.1 ");
		assert_true(c->end[SERVER].reset || c->end[SERVER].rst_odd);
		assert_null(strstr(c->end[SERVER].bytes, "\r\n.\r\n"));
		hangs_up(c, CLIENT);
	}
	assert_int_equal(counter(ACT_REJECTED), n - 1);
}

static void commands_typed_byte_by_byte_are_acknowledged_and_arrive_whole(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	const char *line = "EHLO me\r\n";

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	for (const char *p = line; *p != 0; p++) {
		char one[2] = {*p, 0};

		says(c, CLIENT, one);
		pass_ms(30); // Nagle: the next byte waits for the acknowledgement
		assert_int_equal(last_seen(c, CLIENT)->ack, c->end[CLIENT].nxt);
	}
	hears(c, SERVER, "EHLO me\r\n");
	assert_true(counter(ACT_CUSTODY) > 0);
	says(c, SERVER, "250 mx\r\n");
	ends_like_friends(c);
}

static void bytes_in_our_custody_are_repeated_until_they_arrive(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *server = &c->end[SERVER];

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO ");
	pass_ms(30);
	server->mute = true; // as if the line were lost behind us
	says(c, CLIENT, "me\r\n");
	forget_seen();
	pass_ms(8000);
	assert_true(frames_seen(c, SERVER) >= 3);
	assert_true(frames_seen(c, SERVER) <= 5); // with back-off
	assert_true(counter(ACT_REPEATED) >= 3);
	hears(c, SERVER, "EHLO me\r\n");
	server->mute = false;
	pass_ms(10000);
	forget_seen();
	pass_ms(60000);
	assert_int_equal(frames_seen(c, SERVER), 0);
	says(c, SERVER, "250 mx\r\n");
	ends_like_friends(c);
}

static void what_is_in_our_custody_is_acknowledged_as_often_as_it_comes(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO ");
	pass_ms(30);
	for (int i = 0; i < 3; i++) { // our acknowledgement did not get there
		forget_seen();
		segment(c, CLIENT, TCP_ACK, client->nxt - 5, client->rcv, "EHLO ", 5);
		settle();
		assert_int_equal(frames_seen(c, SERVER), 0);
		assert_int_equal(last_seen(c, CLIENT)->ack, client->nxt);
	}
	forget_seen(); // a window of the server's did not get there: the client asks for it
	segment(c, CLIENT, TCP_ACK, client->nxt - 1, client->rcv, NULL, 0);
	settle();
	assert_int_equal(last_seen(c, CLIENT)->ack, client->nxt);
}

// The client believes us that they have arrived, so it is ours to repeat what was lost before them.
static void custody_behind_a_gate_repeats_what_was_lost_in_front_of_it(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	c->end[SERVER].mute = true; // the end of data does not get there
	says(c, CLIENT, "hello\r\n.\r\n");
	says(c, CLIENT, "RSET\r\n"); // waits for the reply
	pass_ms(2500);
	assert_int_equal(last_seen(c, CLIENT)->ack, c->end[CLIENT].nxt);
	forget_seen();
	pass_ms(4000);
	assert_true(frames_seen(c, SERVER) > 0);
	c->end[SERVER].mute = false;
	pass_ms(8000);
	hears(c, SERVER, "hello\r\n.\r\n");
}

static void half_a_line_may_wait_for_the_rest_of_it(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EH");
	pass_ms(30);
	says(c, CLIENT, "LO ");
	pass_ms(10 * 60 * 1000);
	says(c, CLIENT, "me\r\n");
	hears(c, SERVER, "EHLO me\r\n");
	says(c, SERVER, "250 mx\r\n");
	ends_like_friends(c);
}

// The client has seen the later timestamp, and would take what is older for old (RFC 7323 5.3).
static void what_we_repeat_is_no_older_than_what_has_left(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	c->ts = 7;
	handshake(c);
	says(c, SERVER, "220-m");
	pass_ms(30); // taken into custody
	says(c, SERVER, "x\r\n220 m"); // at a number that the client has not acknowledged yet
	pass_ms(30);
	uint32_t seen = last_seen(c, CLIENT)->ts_val;
	says(c, SERVER, "x\r\n");
	hears(c, CLIENT, "220-mx\r\n220 mx\r\n");
	for (unsigned i = 0; i < world.nseen; i++) {
		if (world.seen[i].port != CLIENT || world.seen[i].len == 0)
			continue;
		assert_true(world.seen[i].ts_val >= seen);
		seen = world.seen[i].ts_val;
	}
	ends_like_friends(c);
}

static void a_server_that_never_acknowledges_ends_the_connection(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO ");
	pass_ms(30);
	c->end[SERVER].mute = true;
	says(c, CLIENT, "me\r\n");
	pass_ms(10 * 60 * 1000);
	assert_int_equal(counter(ACT_GAVE_UP), 1);
	assert_true(c->end[CLIENT].reset);
}

static void other_bytes_in_a_repeat_never_leave(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	begins_mail(c);
	c->end[SERVER].mute = true; // nothing is acknowledged, so repeats are allowed
	client_sends(c, 0, "Subject: x\r\n\r\nhello-there ");
	client_sends(c, 14, "buy-now-cheap "); // over "hello-there ", and two more bytes
	client_sends(c, 0, "Subject: x\r\n\r\nbuy-now-cheap");
	client_went(c, "Subject: x\r\n\r\nhello-there  ");
	says(c, CLIENT, "\r\n.\r\n");
	c->end[SERVER].mute = false;
	settle();
	hears_begin(c, SERVER, "Subject: x\r\n\r\nhello-there ");
	assert_null(strstr(c->end[SERVER].bytes, "buy-now"));
	assert_int_equal(client->nxt, c->end[SERVER].rcv);
	says(c, SERVER, "250 queued\r\n");
	ends_like_friends(c);
}

static void first_bytes_win_out_of_order_too(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	client_sends(c, 10, "now-cheap x\r\n.\r\n"); // waits: may end the message
	client_sends(c, 10, "ham-ham-h x\r\n.\r\n");
	client_sends(c, 0, "\r\nx buy-no!!!!!!!");
	client_went(c, "\r\nx buy-nonow-cheap x\r\n.\r\n");
	settle();
	hears(c, SERVER, "\r\nx buy-nonow-cheap x\r\n.\r\n");
}

static void spam_out_of_order_is_read_in_order(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	client_sends(c, 20, "now-cheap\r\n.\r\n");
	client_sends(c, 10, "\r\nxx buy-");
	client_sends(c, 0, "Subject: x");
	client_went(c, "Subject: x\r\nxx buy-");
	client_went(c, "now-cheap\r\n.\r\n");
	settle();
	assert_null(strstr(c->end[SERVER].bytes, ".\r\n"));
}

static void a_repeat_of_the_end_after_the_cut_is_acknowledged_and_stays(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	forget_seen();
	segment(c, CLIENT, DATA, client->nxt - (uint32_t)strlen(SPAM), client->rcv, SPAM,
		strlen(SPAM));
	settle();
	assert_int_equal(frames_seen(c, SERVER), 0);
	assert_int_equal(last_seen(c, CLIENT)->ack, client->nxt);
	hears_begin(c, CLIENT, "550 ");
	assert_int_equal(counter(ACT_REJECTED), 1);
}

static void the_refusal_is_repeated_until_it_arrives(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	c->end[CLIENT].mute = true;
	says(c, CLIENT, SPAM);
	forget_seen();
	pass_ms(3500);
	assert_int_equal(frames_seen(c, CLIENT), 2); // after 1 s and 3 s
	hears_begin(c, CLIENT, "550 ");
}

// ---- answered by us

static void refused_by_policy_a_client_may_only_quit(void **)
{
	struct conn *c = dial("10.0.3.1", 2000);
	struct end *client = &c->end[CLIENT];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	settle();
	assert_int_equal(last_seen(c, CLIENT)->flags, TCP_SYN | TCP_ACK);
	c->end[SERVER].isn = last_seen(c, CLIENT)->seq;
	client->rcv = c->end[SERVER].isn + 1;
	segment(c, CLIENT, TCP_ACK, client->nxt, client->rcv, NULL, 0);
	settle();
	hears_begin(c, CLIENT, "554 5.7.1 Connection refused by policy (mw-");
	says(c, CLIENT, "EHLO me\r\n");
	hears_begin(c, CLIENT, "503 ");
	says(c, CLIENT, "quit\r\n");
	hears_begin(c, CLIENT, "221 ");
	assert_true(client->fin_got);
	hangs_up(c, CLIENT);
	assert_int_equal(frames_seen(c, SERVER), 0);
	pass_ms(5);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
	assert_int_equal(counter(ACT_REFUSED_CONNECT), 1);
	assert_int_equal(world.records[0].kind, ENG_REC_REFUSAL);
}

// Refused at connect, greeting not yet looked at.
static struct conn *refused(const char *source, uint16_t port)
{
	struct conn *c = dial(source, port);
	struct end *client = &c->end[CLIENT];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	settle();
	c->end[SERVER].isn = last_seen(c, CLIENT)->seq;
	client->rcv = c->end[SERVER].isn + 1;
	segment(c, CLIENT, TCP_ACK, client->nxt, client->rcv, NULL, 0);
	settle();
	return c;
}

static void the_tenth_command_ends_the_dialogue(void **)
{
	struct conn *c = refused("10.0.3.1", 2000);

	hears_begin(c, CLIENT, "554 ");
	for (unsigned i = 0; i < 9; i++) {
		assert_false(c->end[CLIENT].fin_got);
		says(c, CLIENT, "NOOP\r\n");
		hears_begin(c, CLIENT, "503 ");
	}
	says(c, CLIENT, "NOOP\r\n");
	hears_begin(c, CLIENT, "421 ");
	assert_true(c->end[CLIENT].fin_got);
}

static void a_silent_client_is_hung_up_on_after_20_s_and_then_reset(void **)
{
	struct conn *c = refused("10.0.3.1", 2000);

	hears_begin(c, CLIENT, "554 ");
	pass_ms(19 * 1000);
	assert_false(c->end[CLIENT].fin_got);
	pass_ms(2 * 1000);
	assert_true(c->end[CLIENT].fin_got);
	pass_ms(31 * 1000);
	assert_true(c->end[CLIENT].reset);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
}

static void a_deferred_client_hears_421_and_a_fin(void **)
{
	struct conn *c = refused("10.0.4.1", 2000);

	hears_begin(c, CLIENT, "421 4.7.1 ");
	assert_true(c->end[CLIENT].fin_got);
	hangs_up(c, CLIENT);
	pass_ms(5);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
}

static void commands_in_one_segment_and_in_pieces_are_answered_alike(void **)
{
	struct conn *c = refused("10.0.3.1", 2000);

	hears_begin(c, CLIENT, "554 ");
	says(c, CLIENT, "EHLO me\r\nMAIL FROM:<>\r\nQU");
	hears(c, CLIENT,
		"503 5.5.1 Connection refused, only QUIT is allowed\r\n"
		"503 5.5.1 Connection refused, only QUIT is allowed\r\n");
	says(c, CLIENT, "IT\r\n");
	hears(c, CLIENT, "221 2.0.0 Bye\r\n");
}

static void a_repeated_syn_gets_the_same_answer_and_a_lost_greeting_another_chance(void **)
{
	struct conn *c = dial("10.0.3.1", 2000);
	struct end *client = &c->end[CLIENT];
	uint32_t isn;

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	settle();
	isn = last_seen(c, CLIENT)->seq;
	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	settle();
	assert_int_equal(last_seen(c, CLIENT)->seq, isn);
	assert_int_equal(counter(ACT_REFUSED_CONNECT), 0); // nobody was told yet
	c->end[SERVER].isn = isn;
	client->rcv = isn + 1;
	client->mute = true;
	segment(c, CLIENT, TCP_ACK, client->nxt, client->rcv, NULL, 0);
	settle();
	assert_int_equal(counter(ACT_REFUSED_CONNECT), 1);
	forget_seen();
	pass_ms(1500);
	assert_int_equal(frames_seen(c, CLIENT), 1);
}

static void nobody_behind_a_refused_syn_costs_nothing_for_long(void **)
{
	struct conn *c = dial("10.0.3.1", 2000);

	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	settle();
	pass_ms(5);
	assert_int_equal(counter(GAUGE_HALF_OPEN), 1);
	pass_ms(31 * 1000);
	assert_int_equal(counter(GAUGE_FLOWS) + counter(GAUGE_HALF_OPEN), 0);
}

// ---- ends of connections

static void a_half_close_lets_the_other_side_finish(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, HAM "QUIT\r\n"); // pipelined behind the end
	hangs_up(c, CLIENT);
	hears(c, SERVER, HAM); // QUIT and FIN wait for the reply
	assert_false(c->end[SERVER].fin_got);
	says(c, SERVER, "250 queued\r\n");
	hears(c, SERVER, "QUIT\r\n");
	assert_true(c->end[SERVER].fin_got);
	says(c, SERVER, "221 bye\r\n");
	hears(c, CLIENT, "250 queued\r\n221 bye\r\n");
	hangs_up(c, SERVER);
	assert_true(c->end[CLIENT].fin_got);
	pass_ms(31 * 1000);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
	nobody_was_reset(c);
}

static void a_fin_on_the_last_bytes_and_its_repeat_arrive(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	segment(c, CLIENT, DATA | TCP_FIN, client->nxt, client->rcv, "QUIT\r\n", 6);
	settle();
	hears(c, SERVER, "QUIT\r\n");
	assert_true(c->end[SERVER].fin_got);
	forget_seen();
	segment(c, CLIENT, DATA | TCP_FIN, client->nxt, client->rcv, "QUIT\r\n", 6);
	settle();
	assert_int_equal(frames_seen(c, SERVER), 1); // it answers that with an acknowledgement
	client->nxt += 7;
	segment(c, CLIENT, TCP_ACK | TCP_FIN, client->nxt - 1, client->rcv, NULL, 0);
	settle();
	assert_int_equal(frames_seen(c, SERVER), 2);
	hangs_up(c, SERVER);
	assert_true(client->fin_got);
	nobody_was_reset(c);
}

static void both_may_close_at_once(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	greets(c);
	segment(c, CLIENT, TCP_ACK | TCP_FIN, client->nxt++, client->rcv, NULL, 0);
	segment(c, SERVER, TCP_ACK | TCP_FIN, server->nxt++, server->rcv, NULL, 0);
	settle();
	assert_true(client->fin_got && server->fin_got);
	pass_ms(31 * 1000);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
	nobody_was_reset(c);
}

static void a_reset_at_the_right_number_ends_both(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "half a message");
	segment(c, CLIENT, TCP_RST, c->end[CLIENT].nxt, 0, NULL, 0);
	settle();
	assert_true(c->end[SERVER].reset);
	pass_ms(5);
	assert_int_equal(counter(GAUGE_SLABS), 0);
	assert_int_equal(world.records[0].verdict, ENG_VERDICT_ABORTED);
}

static void a_reset_takes_a_held_end_of_data_with_it(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "x\r\n.\r");
	segment(c, CLIENT, TCP_RST, c->end[CLIENT].nxt, 0, NULL, 0);
	settle();
	hears_begin(c, SERVER, "x\r\n");
	assert_true(c->end[SERVER].reset);
}

static void a_reset_outside_the_window_is_dropped_and_one_within_kept_the_flow(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	segment(c, CLIENT, TCP_RST, client->nxt - 1, 0, NULL, 0);
	segment(c, CLIENT, TCP_RST, client->nxt + 70000, 0, NULL, 0);
	settle();
	assert_int_equal(counter(DROP_WINDOW), 2);
	segment(c, CLIENT, TCP_RST, client->nxt + 1, 0, NULL, 0);
	settle();
	assert_int_equal(counter(DROP_WINDOW), 2);
	assert_false(c->end[SERVER].reset);
	ends_like_friends(c);
}

static void a_server_may_refuse_a_connection(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	segment(c, SERVER, TCP_RST | TCP_ACK, 0, c->end[CLIENT].isn + 1, NULL, 0);
	settle();
	assert_true((last_seen(c, CLIENT)->flags & TCP_RST) != 0);
	pass_ms(5);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
}

static void the_same_port_may_be_used_again_after_a_close(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	ends_like_friends(c);
	c = dial("10.0.1.1", 2000);
	c->end[CLIENT].isn += 100000;
	c->end[CLIENT].nxt = c->end[SERVER].rcv = c->end[CLIENT].isn + 1;
	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	hears_begin(c, CLIENT, "550 ");
}

static void an_idle_session_is_reset_at_both_ends(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	pass_ms(14 * 60 * 1000);
	nobody_was_reset(c);
	pass_ms(61 * 1000);
	assert_true(c->end[CLIENT].reset && c->end[SERVER].reset);
	assert_int_equal(counter(ACT_IDLE_RESET), 1);
	pass_ms(31 * 1000);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
}

static void keep_alives_do_not_keep_what_waits_for_more(void **)
{
	struct conn *c = dial("10.0.1.1", 2000), *hole = dial("10.0.1.1", 2001);

	greets(c);
	greets(hole);
	says(c, CLIENT, "MAI"); // a line that never ends
	segment(hole, CLIENT, DATA, hole->end[CLIENT].nxt + 5, hole->end[CLIENT].rcv, "x", 1);
	assert_int_equal(counter(GAUGE_HOLDS), 1);
	for (unsigned i = 0; i < 16; i++) {
		segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt - 1, c->end[CLIENT].rcv, NULL, 0);
		segment(hole, CLIENT, DATA, hole->end[CLIENT].nxt + 7 + i, hole->end[CLIENT].rcv,
			"y", 1);
		pass_ms(60 * 1000);
	}
	assert_true(c->end[CLIENT].reset && c->end[SERVER].reset);
	assert_true(hole->end[CLIENT].reset && hole->end[SERVER].reset);
	assert_int_equal(counter(ACT_HOLDS_TIMEOUT), 1);
	assert_int_equal(counter(ACT_HOLDS_DROPPED), 1);
	assert_int_equal(counter(GAUGE_HOLDS), 0);
}

static void what_was_held_and_released_is_counted(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	uint64_t passed = counter(ACT_HOLDS_PASSED);
	says(c, CLIENT, "NOO");
	assert_int_equal(counter(GAUGE_HOLDS), 1);
	says(c, CLIENT, "P\r\n");
	assert_int_equal(counter(GAUGE_HOLDS), 0);
	assert_int_equal(counter(ACT_HOLDS_PASSED), passed + 1);
	assert_int_equal(counter(ACT_HOLDS), passed + 1);
}

static void keep_alives_keep_a_session(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	for (unsigned i = 0; i < 4; i++) { // without and with a byte of garbage
		pass_ms(10 * 60 * 1000);
		forget_seen();
		segment(c, CLIENT, TCP_ACK, client->nxt - 1, client->rcv, "", i % 2);
		settle();
		assert_int_equal(frames_seen(c, SERVER), 1);
		assert_int_equal(frames_seen(c, CLIENT), 1);
	}
	ends_like_friends(c);
}

static void a_closed_window_is_waited_for_and_its_probes_are_passed_on(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	server->window = 20;
	greets(c);
	begins_mail(c);
	server->window = 0; // it takes 20 bytes and no more
	says(c, CLIENT, "Subject: 01234567890");
	assert_int_equal(last_seen(c, CLIENT)->window, 0);
	for (unsigned i = 0; i < 3; i++) { // one byte at the edge, or none before it
		forget_seen();
		segment(c, CLIENT, TCP_ACK, client->nxt - (i == 2), client->rcv, "1", i != 2);
		settle();
		assert_int_equal(frames_seen(c, SERVER), 1);
		assert_int_equal(last_seen(c, CLIENT)->window, 0);
		pass_ms(60 * 1000);
	}
	server->window = 60000;
	segment(c, SERVER, TCP_ACK, server->nxt, server->rcv, NULL, 0);
	settle();
	assert_int_equal(last_seen(c, CLIENT)->window, 60000);
	says(c, CLIENT, "12\r\n.\r\n");
	hears(c, SERVER, "Subject: 0123456789012\r\n.\r\n");
	says(c, SERVER, "250 queued\r\n");
	ends_like_friends(c);
}

// ---- tables and grace

static void a_flood_of_syns_pushes_out_the_oldest_only(void **)
{
	enum { SYNS = 5000 }; // of 1024 places
	struct conn *live = dial("10.0.1.1", 2000), *c = dial("10.0.1.2", 3000);

	greets(live);
	for (uint16_t i = 0; i < SYNS; i++) {
		c->client_port = (uint16_t)(3000 + i);
		segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
		settle();
	}
	assert_int_equal(counter(GAUGE_FLOWS), 1); // they took none
	assert_int_equal(counter(ACT_HALF_OPEN_OUT) + counter(GAUGE_HALF_OPEN), SYNS);
	assert_in_range(counter(GAUGE_HALF_OPEN), 900, 1024);
	assert_int_equal(counter(PASS_TABLE_FULL), 0);
	forget_seen();
	segment(c, SERVER, TCP_SYN | TCP_ACK, c->end[SERVER].isn, c->end[CLIENT].isn + 1, NULL, 0);
	settle();
	assert_int_equal(last_seen(c, CLIENT)->flags, TCP_SYN | TCP_ACK); // the youngest is there
	begins_mail(live);
	says(live, CLIENT, SPAM);
	hears_begin(live, CLIENT, "550 ");
}

static void a_full_table_passes_what_is_new_and_keeps_what_is_old(void **)
{
	struct conn *live = dial("10.0.1.1", 2000), *c;

	greets(live);
	for (uint16_t i = 0; i < 63; i++)
		handshake(dial("10.0.1.2", (uint16_t)(3000 + i)));
	c = dial("10.0.1.3", 4000);
	greets(c);
	assert_int_equal(counter(PASS_TABLE_FULL), 1);
	assert_int_equal(counter(FLOWS_OPENED), 65); // it is one of them
	begins_mail(c);
	says(c, CLIENT, SPAM);
	hears(c, SERVER, SPAM);
	begins_mail(live);
	says(live, CLIENT, SPAM);
	hears_begin(live, CLIENT, "550 ");
}

static void what_began_before_us_passes_in_grace_and_is_reset_later(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	says(c, CLIENT, "NOOP\r\n");
	hears(c, SERVER, "NOOP\r\n");
	assert_true(counter(PASS_MIDSTREAM) > 0);
	pass_ms(9 * 60 * 1000);
	says(c, SERVER, "250 ok\r\n");
	hears(c, CLIENT, "250 ok\r\n");
	pass_ms(61 * 1000);
	says(c, CLIENT, "NOOP\r\n");
	hears(c, SERVER, "");
	assert_true(c->end[CLIENT].reset && c->end[SERVER].reset);
	assert_true(counter(ACT_MIDSTREAM_RESET) > 0);
}

static void a_syn_ack_without_its_syn_is_dropped_after_grace(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	says(c, CLIENT, "x");
	pass_ms(11 * 60 * 1000);
	forget_seen();
	segment(c, SERVER, TCP_SYN | TCP_ACK, c->end[SERVER].isn, c->end[CLIENT].isn + 1, NULL, 0);
	settle();
	assert_int_equal(frames_seen(c, CLIENT), 0);
	assert_int_equal(counter(DROP_SYNACK_UNKNOWN), 1);
}

// ---- what a policy says

static void what_is_passed_is_not_read(void **)
{
	static const char *const SOURCES[] = {"10.0.5.1", "172.16.0.1"};

	for (unsigned i = 0; i < COUNT(SOURCES); i++) {
		struct conn *c = dial(SOURCES[i], 2000);

		greets(c);
		begins_mail(c);
		says(c, CLIENT, SPAM);
		hears(c, SERVER, SPAM);
		hangs_up(c, CLIENT);
		hangs_up(c, SERVER);
	}
	assert_int_equal(counter(PASS_POLICY), 1);
	assert_int_equal(counter(PASS_NO_POLICY), 1);
	pass_ms(60 * 1000);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
}

static void what_is_dropped_is_dropped(void **)
{
	struct conn *c = dial("10.0.6.1", 2000);

	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	settle();
	assert_int_equal(frames_seen(c, SERVER) + frames_seen(c, CLIENT), 0);
	assert_int_equal(counter(DROP_POLICY), 1);
}

static void a_syn_loses_what_would_lead_past_us(void **)
{
	static const uint8_t OPTIONS[] = {2, 4, 5, 0xb4, 34, 6, 1, 2, 3, 4, 30, 4, 0, 0, 1, 1};
	struct conn *c = dial("10.0.1.1", 2000);

	syn_with(c, OPTIONS, sizeof(OPTIONS), "EHLO early\r\n");
	settle();
	assert_int_equal(last_seen(c, SERVER)->len, 0);
	assert_int_equal(counter(ACT_OPTIONS), 1);
	assert_int_equal(counter(ACT_SYN_PAYLOAD), 1);
}

static void odd_line_ends_are_refused_where_the_profile_is_strict(void **)
{
	struct conn *c = dial("10.0.10.1", 2000);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	hears(c, CLIENT, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\n");
	hears(c, SERVER, "");
	hears_begin(c, CLIENT, "500 5.5.2 ");
	assert_true(c->end[CLIENT].fin_got && c->end[SERVER].reset);
	assert_int_equal(counter(ACT_LINE_REFUSED), 1);
}

// ---- ends of messages

static void commands_behind_a_possible_end_never_leave(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "x\r\n\n.\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n.\r\n");
	assert_null(strstr(c->end[SERVER].bytes + c->end[SERVER].told, "MAIL"));
	hears_begin(c, CLIENT, "550 5.7.1 ");
	assert_int_equal(counter(ACT_POSSIBLE_END_CUT), 1);
}

static void spam_before_a_possible_end_never_gets_there(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "\r\nbuy-now-cheap\n.\nand more");
	hears(c, SERVER, "");
	assert_true(c->end[SERVER].reset);
	hears(c, CLIENT, ""); // told at the end
	says(c, CLIENT, "\r\n.\r\n");
	hears_begin(c, CLIENT, "550 5.7.1 ");
	assert_int_equal(counter(ACT_REJECTED), 1);
}

static void a_server_that_ends_a_message_on_its_own_is_followed(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "x\r\n\n.\n");
	hears(c, SERVER, "x\r\n\n.\n");
	says(c, SERVER, "250 queued\r\n");
	hears(c, CLIENT, "250 queued\r\n");
	forget_words(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	hears_begin(c, CLIENT, "550 ");
}

static void a_client_that_takes_a_possible_end_for_the_end_is_told_after_a_silence(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "\r\nbuy-now-cheap\n.\n");
	pass_ms(4000);
	hears(c, CLIENT, "");
	says(c, CLIENT, "and more, slowly\n.\n");
	pass_ms(4000);
	hears(c, CLIENT, "");
	pass_ms(1500);
	hears_begin(c, CLIENT, "550 5.7.1 ");
	hears(c, SERVER, "");
}

static void a_message_that_the_server_ends_at_a_possible_end_is_judged_and_counted(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "lines in LF\n.\n");
	hears(c, SERVER, "lines in LF\n.\n");
	says(c, SERVER, "250 taken\r\n");
	hears(c, CLIENT, "250 taken\r\n");
	assert_int_equal(counter(MESSAGES), 1);
	assert_int_equal(counter(MESSAGES_CLEAN), 1);
	assert_int_equal(world.nrecords, 1);
	assert_int_equal(world.records[0].verdict, ENG_VERDICT_CLEAN);
}

static void a_reply_that_came_with_one_too_many_is_told(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "lines in LF\n.\nmore of them\r\n.\r\n");
	says(c, SERVER, "250 taken\r\n500-what\r\n500 more\r\n");
	hears_begin(c, CLIENT, "250 taken\r\n421 ");
	assert_int_equal(counter(ACT_DESYNC), 1);
}

// The first line behind the true reply, where numbers wrap in it, is not taken for a true one.
static void one_reply_too_many_stays_where_numbers_wrap(void **)
{
	static const char replies[] = "250 taken\r\n500 what\r\n";
	struct conn *before = dial("10.0.1.1", 2000), *c = dial("10.0.1.1", 2001);
	struct end *server = &c->end[SERVER];

	greets(before);
	begins_mail(before);
	server->isn = 0u - (before->end[SERVER].nxt - before->end[SERVER].isn) - 15;
	server->nxt = c->end[CLIENT].rcv = server->isn + 1;
	greets(c);
	begins_mail(c);
	says(c, CLIENT, "lines in LF\n.\nmore of them\r\n.\r\n");
	says(c, SERVER, replies);
	hears_begin(c, CLIENT, "250 taken\r\n421 ");
}

static void a_reply_in_the_middle_of_a_message_is_told_and_ends_the_reading(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, "half a mess");
	says(c, SERVER, "552 too much\r\n");
	hears(c, CLIENT, "552 too much\r\n");
	assert_true(c->end[CLIENT].fin_got);
	assert_true(c->end[SERVER].reset);
	assert_int_equal(counter(ACT_DESYNC), 1);
}

static void a_segment_that_came_early_inside_a_message_leaves_at_once(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	forget_seen();
	client_sends(c, 12, "the second part ");
	assert_int_equal(frames_seen(c, SERVER), 1);
	assert_int_equal(counter(ACT_AHEAD), 1);
	client_sends(c, 0, "first part, ");
	client_went(c, "first part, the second part ");
	says(c, CLIENT, "\r\n.\r\n");
	hears(c, SERVER, "first part, the second part \r\n.\r\n");
	says(c, SERVER, "250 queued\r\n");
	ends_like_friends(c);
}

static void what_left_early_leaves_again_when_it_is_repeated(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	client_sends(c, 12, "the second part ");
	forget_seen();
	client_sends(c, 12, "THE SECOND PART ");
	client_sends(c, 16, "SECOND");
	assert_int_equal(frames_seen(c, SERVER), 2); // the server may have lost the first
	client_sends(c, 16, "SECOND PART and more");
	assert_int_equal(frames_seen(c, SERVER), 2);
	client_sends(c, 0, "first part, ");
	client_went(c, "first part, the second part ");
	hears(c, SERVER, "first part, the second part and more");
}

// A transaction up to the line of a chunk.
static void begins_chunk(struct conn *c, const char *line)
{
	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER, "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	says(c, SERVER, "250 ok\r\n250 ok\r\n");
	says(c, CLIENT, line);
	forget_words(c);
	forget_seen();
}

static void a_segment_that_came_early_inside_a_chunk_leaves_at_once(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	begins_chunk(c, "BDAT 24 LAST\r\n");
	client_sends(c, 8, "ab.\r\n.\r\n"); // means nothing here
	client_sends(c, 16, "the last"); // up to the chunk's end
	assert_int_equal(frames_seen(c, SERVER), 2);
	assert_int_equal(counter(ACT_AHEAD), 2);
	client_sends(c, 0, "the hole");
	client_went(c, "the holeab.\r\n.\r\nthe last");
	hears(c, SERVER, "the holeab.\r\n.\r\nthe last");
	says(c, SERVER, "250 queued\r\n");
	ends_like_friends(c);
}

static void what_may_reach_past_a_chunk_waits(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	begins_chunk(c, "BDAT 24\r\n");
	client_sends(c, 16, "the lastB"); // one octet of the next command
	client_sends(c, 25, "DAT 3\r\nx");
	assert_int_equal(frames_seen(c, SERVER), 0);
	client_sends(c, 8, "ab.\r\n.\r\n");
	assert_int_equal(frames_seen(c, SERVER), 1);
	client_sends(c, 0, "the hole");
	hears(c, SERVER, "the holeab.\r\n.\r\nthe last");
	says(c, SERVER, "250 ok\r\n");
	hears(c, SERVER, "BDAT 3\r\nx");
}

static void a_condemned_chunk_is_not_completed_by_what_fills_its_hole(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	begins_chunk(c, "BDAT 26 LAST\r\n");
	client_sends(c, 6, "now-cheap and the end");
	assert_int_equal(frames_seen(c, SERVER), 0); // an octet too many
	client_sends(c, 6, "now-cheap and the en");
	assert_int_equal(counter(ACT_AHEAD), 0); // held already, as it came first
	client_sends(c, 0, "\r\nbuy-");
	hears(c, SERVER, "");
	assert_int_equal(counter(ACT_REJECTED), 1);
}

static void an_end_that_comes_late_is_not_released_before_what_left_already(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	client_sends(c, 6, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 3 LAST\r\nxyz");
	client_sends(c, 0, "x\r\n.\r\n");
	assert_null(strstr(c->end[SERVER].bytes, ".\r\n"));
	hears(c, SERVER, "");
	assert_int_equal(counter(ACT_AHEAD_CUT), 1);
	assert_true(c->end[SERVER].reset || c->end[SERVER].rst_odd);
	hears_begin(c, CLIENT, "451 ");
}

// ---- encryption

static void masks_hide_starttls_and_survive_a_repeat(void **)
{
	static const char REPLY[] = "250-mx\r\n250-STARTTLS\r\n250-XEXCH50\r\n250 SIZE 1000\r\n";
	struct conn *c = dial("10.0.2.1", 2000);
	struct end *server = &c->end[SERVER];

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	hears(c, CLIENT, "220 mx\r\n");
	c->end[CLIENT].mute = true;
	says(c, SERVER, REPLY);
	hears(c, CLIENT, "250-mx\r\n250-STARTTLX\r\n250-XEXCH5X\r\n250 SIZE 1000\r\n");
	memset(c->end[CLIENT].have, 0,
		sizeof(c->end[CLIENT].have)); // the client forgets, the server repeats
	c->end[CLIENT].rcv -= (uint32_t)strlen(REPLY);
	c->end[CLIENT].told -= (uint32_t)strlen(REPLY);
	for (size_t cut = 1; cut < strlen(REPLY); cut += 7) {
		segment(c, SERVER, DATA, server->nxt - (uint32_t)strlen(REPLY), server->rcv, REPLY,
			cut);
		segment(c, SERVER, DATA, server->nxt - (uint32_t)(strlen(REPLY) - cut), server->rcv,
			REPLY + cut, strlen(REPLY) - cut);
	}
	c->end[CLIENT].mute = false;
	settle();
	hears(c, CLIENT, "250-mx\r\n250-STARTTLX\r\n250-XEXCH5X\r\n250 SIZE 1000\r\n");
	assert_int_equal(counter(ACT_TLS_MASKED), 1);
	says(c, CLIENT, "StartTLS\r\n");
	hears_begin(c, SERVER, "EHLO me\r\nNOOP    \r\n");
	says(c, SERVER, "250 what\r\n");
	hears(c, CLIENT, "502 5.5.1 STARTTLS not available (mw-*)\r\n");
	forget_words(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	hears_begin(c, CLIENT, "550 ");
}

static struct conn *starts_tls(void)
{
	struct conn *c = dial("10.0.1.1", 2000);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER, "250-mx\r\n250 STARTTLS\r\n");
	says(c, CLIENT, "STARTTLS\r\n");
	says(c, SERVER, "220 go\r\n");
	hears(c, CLIENT, "220 mx\r\n250-mx\r\n250 STARTTLS\r\n220 go\r\n");
	hears(c, SERVER, "EHLO me\r\nSTARTTLS\r\n");
	return c;
}

static void tls_behind_starttls_passes(void **)
{
	struct conn *c = starts_tls();

	says(c, CLIENT, "\x16\x03\x01 1\x01hello"); // a record with a ClientHello
	hears(c, SERVER, "\x16\x03\x01 1\x01hello");
	says(c, SERVER, "\x16\x03\x03 1\x02hello");
	says(c, CLIENT, SPAM);
	hears(c, SERVER, SPAM);
	assert_int_equal(counter(PASS_TLS), 1);
	pass_ms(5);
	assert_int_equal(counter(GAUGE_SLABS), 0);
	pass_ms(60 * 60 * 1000);
	nobody_was_reset(c);
	hangs_up(c, CLIENT);
	hangs_up(c, SERVER);
}

static void plain_text_behind_starttls_ends_the_connection(void **)
{
	struct conn *c = starts_tls();

	says(c, CLIENT, "MAIL FROM:<a@b>\r\n");
	hears(c, SERVER, "");
	assert_true(c->end[CLIENT].reset && c->end[SERVER].reset);
	assert_int_equal(counter(ACT_TLS_NOT_TLS), 1);
}

// ---- odd segments

static void bytes_that_went_round_us_end_the_connection(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *server = &c->end[SERVER];

	greets(c);
	says(c, CLIENT, "NO"); // held
	segment(c, SERVER, TCP_ACK, server->nxt, server->rcv + 1, NULL, 0);
	settle();
	assert_true(c->end[CLIENT].reset);
	assert_int_equal(counter(ACT_BYPASSED), 1);
}

static void segments_that_no_receiver_takes_are_dropped(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	forget_seen();
	segment(c, CLIENT, TCP_PSH, client->nxt, client->rcv, "x", 1);
	segment(c, CLIENT, DATA | TCP_SYN, client->nxt, client->rcv, "x", 1);
	segment(c, CLIENT, DATA, client->nxt + 70000, client->rcv, "x", 1);
	settle();
	assert_int_equal(frames_seen(c, SERVER), 0);
	assert_int_equal(counter(DROP_TCP_FLAGS), 2);
	assert_int_equal(counter(DROP_WINDOW), 1);
	ends_like_friends(c);
}

static void urgent_data_is_ordinary_data(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	segment(c, CLIENT, DATA | TCP_URG, client->nxt, client->rcv, "NOOP\r\n", 6);
	settle();
	assert_int_equal(last_seen(c, SERVER)->flags & TCP_URG, 0);
	hears(c, SERVER, "NOOP\r\n");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(clean_mail_reaches_the_server_as_it_was),
		CASE(clean_mail_by_ipv6_and_with_timestamps),
		CASE(spam_is_refused_and_the_server_never_sees_its_end),
		CASE(a_reply_that_was_read_is_told_before_the_refusal_behind_it),
		CASE(a_server_that_missed_the_reset_gets_another),
		CASE(spam_is_answered_as_its_profile_says),
		CASE(monitored_spam_goes_through_and_is_told),
		CASE(a_word_of_the_envelope_condemns_too),
		CASE(spam_split_at_every_byte_is_found),
		CASE(commands_typed_byte_by_byte_are_acknowledged_and_arrive_whole),
		CASE(bytes_in_our_custody_are_repeated_until_they_arrive),
		CASE(what_is_in_our_custody_is_acknowledged_as_often_as_it_comes),
		CASE(custody_behind_a_gate_repeats_what_was_lost_in_front_of_it),
		CASE(half_a_line_may_wait_for_the_rest_of_it),
		CASE(what_we_repeat_is_no_older_than_what_has_left),
		CASE(a_server_that_never_acknowledges_ends_the_connection),
		CASE(other_bytes_in_a_repeat_never_leave),
		CASE(first_bytes_win_out_of_order_too),
		CASE(spam_out_of_order_is_read_in_order),
		CASE(a_repeat_of_the_end_after_the_cut_is_acknowledged_and_stays),
		CASE(the_refusal_is_repeated_until_it_arrives),
		CASE(refused_by_policy_a_client_may_only_quit),
		CASE(the_tenth_command_ends_the_dialogue),
		CASE(a_silent_client_is_hung_up_on_after_20_s_and_then_reset),
		CASE(a_deferred_client_hears_421_and_a_fin),
		CASE(commands_in_one_segment_and_in_pieces_are_answered_alike),
		CASE(a_repeated_syn_gets_the_same_answer_and_a_lost_greeting_another_chance),
		CASE(nobody_behind_a_refused_syn_costs_nothing_for_long),
		CASE(a_half_close_lets_the_other_side_finish),
		CASE(a_fin_on_the_last_bytes_and_its_repeat_arrive),
		CASE(both_may_close_at_once),
		CASE(a_reset_at_the_right_number_ends_both),
		CASE(a_reset_takes_a_held_end_of_data_with_it),
		CASE(a_reset_outside_the_window_is_dropped_and_one_within_kept_the_flow),
		CASE(a_server_may_refuse_a_connection),
		CASE(the_same_port_may_be_used_again_after_a_close),
		CASE(an_idle_session_is_reset_at_both_ends),
		CASE(keep_alives_keep_a_session),
		CASE(keep_alives_do_not_keep_what_waits_for_more),
		CASE(what_was_held_and_released_is_counted),
		CASE(a_closed_window_is_waited_for_and_its_probes_are_passed_on),
		CASE(a_flood_of_syns_pushes_out_the_oldest_only),
		CASE(a_full_table_passes_what_is_new_and_keeps_what_is_old),
		CASE(what_began_before_us_passes_in_grace_and_is_reset_later),
		CASE(a_syn_ack_without_its_syn_is_dropped_after_grace),
		CASE(what_is_passed_is_not_read),
		CASE(what_is_dropped_is_dropped),
		CASE(a_syn_loses_what_would_lead_past_us),
		CASE(odd_line_ends_are_refused_where_the_profile_is_strict),
		CASE(commands_behind_a_possible_end_never_leave),
		CASE(spam_before_a_possible_end_never_gets_there),
		CASE(a_client_that_takes_a_possible_end_for_the_end_is_told_after_a_silence),
		CASE(a_message_that_the_server_ends_at_a_possible_end_is_judged_and_counted),
		CASE(a_reply_that_came_with_one_too_many_is_told),
		CASE(one_reply_too_many_stays_where_numbers_wrap),
		CASE(a_server_that_ends_a_message_on_its_own_is_followed),
		CASE(a_reply_in_the_middle_of_a_message_is_told_and_ends_the_reading),
		CASE(a_segment_that_came_early_inside_a_message_leaves_at_once),
		CASE(what_left_early_leaves_again_when_it_is_repeated),
		CASE(a_segment_that_came_early_inside_a_chunk_leaves_at_once),
		CASE(what_may_reach_past_a_chunk_waits),
		CASE(a_condemned_chunk_is_not_completed_by_what_fills_its_hole),
		CASE(an_end_that_comes_late_is_not_released_before_what_left_already),
		CASE(masks_hide_starttls_and_survive_a_repeat),
		CASE(tls_behind_starttls_passes),
		CASE(plain_text_behind_starttls_ends_the_connection),
		CASE(bytes_that_went_round_us_end_the_connection),
		CASE(segments_that_no_receiver_takes_are_dropped),
		CASE(urgent_data_is_ordinary_data),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
