// SPDX-License-Identifier: BSD-3-Clause
// A drain: new connections pass or get 421, those that need us go on to their end and are counted, the deadline
// lets go who can go alone and resets the rest; its end begins the grace of what went past us. When the process
// stops, those are reset that would hang without us, and only those.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "eng_session.h"
#include "session_talk.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

enum { LOOK_MS = 200, LONG_MS = 3600 * 1000 };

// The manager's turns, with time between them.
static void managed_ms(uint64_t ms)
{
	for (uint64_t i = 0; i < ms; i += 10) {
		eng_manage(world.eng, world.now_us);
		pass_ms(10);
	}
	eng_manage(world.eng, world.now_us);
}

static int phase(void)
{
	return atomic_load(&eng_drain_of(world.eng)->phase);
}

static uint64_t left(void)
{
	uint64_t n;

	managed_ms(LOOK_MS);
	assert_true(eng_drain_left(world.eng, &n));
	assert_int_equal(counter(GAUGE_BOUND), n);
	world_look();
	return n;
}

static void drain(bool refuse, uint64_t wait_ms)
{
	eng_drain_begin(world.eng, refuse, wait_ms, world.now_us);
}

static void undo(void)
{
	eng_drain_end(world.eng);
	pass_ms(10);
	assert_int_equal(counter(GAUGE_BOUND), 0);
}

static struct conn *mailing(const char *source, uint16_t port)
{
	struct conn *c = dial(source, port);

	greets(c);
	begins_mail(c);
	forget_words(c);
	return c;
}

static void an_open_session_goes_on_to_its_end_and_the_drain_waits_for_it(void **)
{
	struct conn *c = mailing("10.0.1.1", 2000);

	says(c, CLIENT, "Subject: x\r\n\r\nhel");
	drain(false, LONG_MS);
	assert_int_equal(left(), 1);
	assert_int_equal(phase(), ENG_DRAIN_WAITS);
	says(c, CLIENT, "lo\r\n.\r\n");
	hears(c, SERVER, "Subject: x\r\n\r\nhello\r\n.\r\n");
	says(c, SERVER, "250 queued\r\n");
	hears(c, CLIENT, "250 queued\r\n");
	nobody_was_reset(c);
	begins_mail(c);
	forget_words(c);
	says(c, CLIENT, SPAM); // it is read to its end
	hears_begin(c, CLIENT, "550 ");
	undo();
}

static void a_new_connection_passes_unread(void **)
{
	struct conn *c;

	drain(false, 0);
	c = mailing("10.0.1.1", 2001);
	says(c, CLIENT, SPAM);
	hears(c, SERVER, SPAM);
	assert_int_equal(counter(PASS_DRAINING), 1);
	assert_int_equal(counter(FLOWS_INSPECTED), 0);
	assert_int_equal(left(), 0);
	assert_int_equal(phase(), ENG_DRAIN_OVER);
	undo();
	c = mailing("10.0.1.1", 2002);
	says(c, CLIENT, SPAM);
	hears_begin(c, CLIENT, "550 ");
}

static void a_new_connection_is_refused_where_that_is_wanted(void **)
{
	struct conn *c = dial("10.0.1.1", 2003);

	drain(true, 0);
	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	settle();
	c->end[SERVER].isn = last_seen(c, CLIENT)->seq;
	c->end[CLIENT].rcv = last_seen(c, CLIENT)->seq + 1;
	segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, c->end[CLIENT].rcv, "", 0);
	settle();
	hears(c, CLIENT, "421 4.3.2 Service not available, try again later (mw-*)\r\n");
	assert_int_equal(counter(ACT_REFUSED_DRAINING), 1);
	undo();
}

static void a_handshake_under_way_becomes_one_that_passes(void **)
{
	struct conn *c = dial("10.0.1.1", 2004);

	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	settle();
	drain(true, 0);
	segment(c, SERVER, TCP_SYN | TCP_ACK, c->end[SERVER].isn, c->end[CLIENT].isn + 1, NULL, 0);
	settle();
	segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, c->end[CLIENT].rcv, NULL, 0);
	settle();
	says(c, SERVER, "220 mx\r\n");
	hears(c, CLIENT, "220 mx\r\n");
	assert_int_equal(counter(PASS_DRAINING), 1);
	assert_int_equal(left(), 0);
	undo();
}

static void at_the_deadline_who_can_go_alone_does(void **)
{
	struct conn *c = mailing("10.0.1.1", 2005);

	says(c, CLIENT, "Subject: x\r\n\r\n");
	drain(false, 1000);
	assert_int_equal(left(), 1);
	managed_ms(1500);
	assert_int_equal(counter(PASS_DRAINING), 1);
	assert_int_equal(counter(ACT_DRAIN_RESET), 0);
	assert_int_equal(phase(), ENG_DRAIN_OVER);
	says(c, CLIENT, "buy-now-cheap\r\n.\r\n");
	hears(c, SERVER, "Subject: x\r\n\r\nbuy-now-cheap\r\n.\r\n");
	nobody_was_reset(c);
	undo();
}

static void at_the_deadline_who_has_bytes_with_us_is_reset(void **)
{
	struct conn *c = dial("10.0.1.1", 2006);

	greets(c);
	says(c, CLIENT, "MAIL FROM:<a");
	pass_ms(100); // custody of the partial line
	drain(false, 1000);
	managed_ms(3000);
	assert_int_equal(counter(PASS_DRAINING), 0);
	assert_int_equal(counter(ACT_DRAIN_RESET), 1);
	assert_true(c->end[CLIENT].reset && c->end[SERVER].reset);
	assert_int_equal(phase(), ENG_DRAIN_OVER);
	undo();
}

static void at_the_deadline_an_awaited_reply_that_is_to_be_another_is_no_reason_to_let_go(void **)
{
	struct conn *c = dial("10.0.2.1", 2007); // its STARTTLS becomes NOOP

	greets_with(c, "250-mx\r\n250 STARTTLS\r\n");
	says(c, CLIENT, "STARTTLS\r\n");
	drain(false, 1000);
	managed_ms(3000);
	assert_int_equal(counter(PASS_DRAINING), 0);
	assert_int_equal(counter(ACT_DRAIN_RESET), 1);
	undo();
}

static void what_went_past_us_meanwhile_has_its_grace(void **)
{
	struct conn *c = dial("10.0.1.1", 2008);

	managed_ms(11 * 60 * 1000); // the grace of the start is over
	drain(false, 0);
	managed_ms(1000);
	undo();
	says(c, CLIENT, "MAIL FROM:<a@b>\r\n");
	hears(c, SERVER, "MAIL FROM:<a@b>\r\n");
	nobody_was_reset(c);
	assert_true(counter(PASS_MIDSTREAM) > 0);
}

// How many were reset when the process stopped.
static uint64_t stopped(void)
{
	uint64_t reset;

	eng_drain_stop(world.eng, world.now_us);
	managed_ms(LOOK_MS);
	assert_true(eng_drain_is_stopped(world.eng, &reset));
	managed_ms(LOOK_MS);
	assert_int_equal(counter(ACT_DRAIN_RESET), reset);
	return reset;
}

// From here on its two ends count differently.
static void is_shifted(struct conn *c)
{
	says(c, CLIENT, "TURN\r\n");
	hears(c, SERVER, "NOOP\r\n");
	says(c, SERVER, "250 2.0.0 Ok\r\n");
	hears_begin(c, CLIENT, "502 ");
	forget_words(c);
}

static void a_stop_resets_whose_ends_count_differently(void **)
{
	struct conn *c = dial("10.0.1.1", 2009);

	greets(c);
	forget_words(c);
	is_shifted(c);
	assert_int_equal(stopped(), 1);
	assert_true(c->end[CLIENT].reset && c->end[SERVER].reset);
}

static void a_stop_finds_out_where_the_ends_are_of_a_connection_that_is_not_followed(void **)
{
	struct conn *c = opened_with("10.0.1.1", "250-mx\r\n250 STARTTLS\r\n");

	forget_words(c);
	is_shifted(c);
	passes(c, "STARTTLS\r\n", "220 go\r\n");
	passes(c, "\x16\x03\x01 1\x01hello", "\x16\x03\x03 1\x02hello");
	for (unsigned i = 0; i < 5; i++)
		passes(c, "sealed up", "sealed down");
	assert_true(counter(ACT_TRANSLATED) > 0);
	assert_int_equal(stopped(), 1);
	assert_true(c->end[CLIENT].reset && c->end[SERVER].reset);
}

static void a_stop_resets_who_has_bytes_with_us(void **)
{
	struct conn *c = dial("10.0.1.1", 2010);

	greets(c);
	says(c, CLIENT, "MAIL FROM:<a");
	pass_ms(100); // custody of the partial line
	assert_int_equal(stopped(), 1);
	assert_true(c->end[CLIENT].reset && c->end[SERVER].reset);
}

static void a_stop_resets_who_awaits_a_reply_of_ours(void **)
{
	struct conn *c = dial("10.0.1.1", 2011);

	greets(c);
	says(c, CLIENT, "TURN\r\n");
	assert_int_equal(stopped(), 1);
	assert_true(c->end[CLIENT].reset && c->end[SERVER].reset);
}

static void a_stop_resets_whom_we_answer(void **)
{
	struct conn *c = mailing("10.0.1.1", 2012);

	says(c, CLIENT, SPAM);
	hears_begin(c, CLIENT, "550 ");
	assert_int_equal(stopped(), 1);
	assert_true(c->end[CLIENT].reset && c->end[SERVER].reset);
}

static void a_stop_leaves_all_others_as_they_are(void **)
{
	struct conn *idle = dial("10.0.1.1", 2013), *busy = mailing("10.0.1.2", 2014), *unread;

	greets(idle);
	says(busy, CLIENT, "Subject: x\r\n\r\nhel");
	drain(false, 0);
	unread = mailing("10.0.1.3", 2015);
	assert_int_equal(stopped(), 0);
	nobody_was_reset(idle);
	nobody_was_reset(busy);
	nobody_was_reset(unread);
}

static void while_it_stops_a_new_connection_passes_unread(void **)
{
	struct conn *c;

	assert_int_equal(stopped(), 0);
	c = mailing("10.0.1.1", 2016);
	says(c, CLIENT, SPAM);
	hears(c, SERVER, SPAM);
	assert_int_equal(counter(PASS_DRAINING), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_open_session_goes_on_to_its_end_and_the_drain_waits_for_it),
		CASE(a_new_connection_passes_unread),
		CASE(a_new_connection_is_refused_where_that_is_wanted),
		CASE(a_handshake_under_way_becomes_one_that_passes),
		CASE(at_the_deadline_who_can_go_alone_does),
		CASE(at_the_deadline_who_has_bytes_with_us_is_reset),
		CASE(at_the_deadline_an_awaited_reply_that_is_to_be_another_is_no_reason_to_let_go),
		CASE(what_went_past_us_meanwhile_has_its_grace),
		CASE(a_stop_resets_whose_ends_count_differently),
		CASE(a_stop_finds_out_where_the_ends_are_of_a_connection_that_is_not_followed),
		CASE(a_stop_resets_who_has_bytes_with_us),
		CASE(a_stop_resets_who_awaits_a_reply_of_ours),
		CASE(a_stop_resets_whom_we_answer),
		CASE(a_stop_leaves_all_others_as_they_are),
		CASE(while_it_stops_a_new_connection_passes_unread),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
