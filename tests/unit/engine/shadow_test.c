// SPDX-License-Identifier: BSD-3-Clause
// A candidate beside the image in force, at connect: it is told where it would have decided otherwise, once a
// session, and nothing of what is done, counted or limited changes by it.
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

// Read, and its message refused as spam: what the image in force says of 10.0.1.0/24.
static void is_read(struct conn *c)
{
	greets(c);
	begins_mail(c);
	says(c, CLIENT, "Subject: x\r\n\r\nbuy-now-cheap\r\n.\r\n");
	hears_begin(c, CLIENT, "550 5.7.1 Message refused as spam");
}

static void what_policies_do_is_compared_and_told_once(void **)
{
	static const char INSPECT[] = "action: inspect, session: s, content: c";
	static const struct {
		const char *source, *profile, *policy;
		enum eng_does did, would;
		uint16_t code, would_code;
		int reason, would_reason;
	} rows[] = {
		{"10.0.1.1", PLAIN, "action: pass", ENG_DOES_INSPECT, ENG_DOES_PASS, 0, 0,
			ENG_REASON_NONE, PASS_POLICY},
		{"10.0.1.1", PLAIN, "source: 10.9.0.0/16, action: inspect", ENG_DOES_INSPECT,
			ENG_DOES_PASS, 0, 0, ENG_REASON_NONE, PASS_NO_POLICY},
		{"10.0.1.1", PLAIN, "action: reject", ENG_DOES_INSPECT, ENG_DOES_REFUSE, 0, 554,
			ENG_REASON_NONE, ACT_REFUSED_CONNECT},
		{"10.0.1.1", PLAIN, "action: tempfail", ENG_DOES_INSPECT, ENG_DOES_REFUSE, 0, 421,
			ENG_REASON_NONE, ACT_REFUSED_CONNECT},
		{"10.0.1.1", PLAIN, "action: drop", ENG_DOES_INSPECT, ENG_DOES_DROP, 0, 0,
			ENG_REASON_NONE, DROP_POLICY},
		{"10.0.1.1", "blocked_servers: [192.0.2.25]", INSPECT, ENG_DOES_INSPECT,
			ENG_DOES_REFUSE, 0, 554, ENG_REASON_NONE, ACT_BLOCKED_SERVER},
		{"10.0.5.1", PLAIN, INSPECT, ENG_DOES_PASS, ENG_DOES_INSPECT, 0, 0, PASS_POLICY,
			ENG_REASON_NONE},
		{"10.0.99.1", PLAIN, INSPECT, ENG_DOES_PASS, ENG_DOES_INSPECT, 0, 0, PASS_NO_POLICY,
			ENG_REASON_NONE},
	};

	for (unsigned i = 0; i < COUNT(rows); i++) {
		shadow_renewed(i);
		shadow_all(rows[i].profile, rows[i].policy);
		struct conn *c = shadow_opens(rows[i].source);
		if (rows[i].did == ENG_DOES_INSPECT)
			is_read(c);
		else
			says(c, SERVER, "220 server\r\n");
		const struct eng_parted *p = parted_once();
		assert_int_equal(p->stage, ENG_STAGE_CONNECT);
		decision_is(&p->live, rows[i].did, rows[i].code, rows[i].reason);
		decision_is(&p->shadow, rows[i].would, rows[i].would_code, rows[i].would_reason);
		assert_int_equal(counter(SHADOW_COMPARED), 1);
		assert_int_equal(world.parted_who[0].image_version, 1);
		assert_int_equal(world.parted_who[0].client_port, c->client_port);
	}
}

// We answer its SYN.
static struct conn *is_answered(const char *source)
{
	struct conn *c = shadow_dials(source);
	struct end *client = &c->end[CLIENT];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	settle();
	c->end[SERVER].isn = last_seen(c, CLIENT)->seq;
	client->rcv = c->end[SERVER].isn + 1;
	segment(c, CLIENT, TCP_ACK, client->nxt, client->rcv, NULL, 0);
	settle();
	return c;
}

static void a_refusal_at_connect_is_compared_with_its_code(void **)
{
	shadow_all(PLAIN, "action: tempfail");
	struct conn *c = is_answered("10.0.3.1");

	hears_begin(c, CLIENT, "554");
	decision_is(&parted_once()->live, ENG_DOES_REFUSE, 554, ACT_REFUSED_CONNECT);
	decision_is(&world.parted[0].shadow, ENG_DOES_REFUSE, 421, ACT_REFUSED_CONNECT);
	c = is_answered("10.0.4.1"); // the same under both
	hears_begin(c, CLIENT, "421");
	(void)parted_once();
	assert_int_equal(counter(SHADOW_COMPARED), 2);
}

static void a_swallowed_syn_is_told_once_however_often_it_comes(void **)
{
	shadow_all(PLAIN, "action: inspect, session: s");
	struct conn *c = shadow_dials("10.0.6.1");

	for (unsigned i = 0; i < 4; i++) {
		segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
		settle();
	}
	assert_int_equal(frames_seen(c, SERVER), 0);
	decision_is(&parted_once()->live, ENG_DOES_DROP, 0, DROP_POLICY);
	decision_is(&world.parted[0].shadow, ENG_DOES_INSPECT, 0, ENG_REASON_NONE);
	assert_int_equal(counter(DROP_POLICY), 4);
}

static void a_flood_of_swallowed_syns_fills_no_report(void **)
{
	enum { SYNS = ENG_SHADOW_DROPPED_A_SECOND + 40 };

	shadow_all(PLAIN, "action: inspect, session: s");
	world.deaf = true; // more than the test remembers
	struct conn *c = dial("10.0.6.1", 1);
	const uint64_t begin_us = world.now_us;
	for (unsigned i = 0; i < SYNS; i++) {
		c->client_port++;
		segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	}
	settle();
	assert_true(world.now_us - begin_us < 1000000);
	const uint64_t told = counter(SHADOW_PARTED);
	assert_true(told >= ENG_SHADOW_DROPPED_A_SECOND && told <= 2 * ENG_SHADOW_DROPPED_A_SECOND);
	assert_int_equal(counter(SHADOW_BLIND), SYNS - told);
	assert_int_equal(counter(SHADOW_COMPARED), SYNS);
	assert_int_equal(counter(DROP_POLICY), SYNS);
	pass_ms(1500);
	c->client_port++;
	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	settle();
	assert_int_equal(counter(SHADOW_PARTED), told + 1);
	world.deaf = false;
}

static void where_it_has_no_scan_left_the_message_goes_as_before(void **)
{
	(void)world_end(NULL);
	(void)world_new_sized(256, 128, 1024); // an eighth of what is in force: 16
	shadow_all(PLAIN, "action: inspect, session: s, content: c");
	struct conn *c[20];
	for (unsigned i = 0; i < COUNT(c); i++) {
		c[i] = shadow_opens("10.0.1.1");
		greets(c[i]);
		begins_mail(c[i]);
	}
	assert_int_equal(counter(SHADOW_BLIND), 4);
	assert_int_equal(counter(PASS_NO_SCAN_MEMORY), 0);
	for (unsigned i = 0; i < COUNT(c); i++) {
		says(c[i], CLIENT, "Subject: x\r\n\r\nbuy-now-cheap\r\n.\r\n");
		hears_begin(c[i], CLIENT, "550 5.7.1 Message refused as spam");
	}
	assert_int_equal(world.nparted, 0);
	assert_int_equal(counter(ACT_REJECTED), COUNT(c));
}

static void more_sessions_than_it_has_room_for_are_not_followed(void **)
{
	enum { MORE = 3 };

	(void)world_end(NULL);
	(void)world_new_sized(2 * ENG_SHADOW_SESSIONS_MAX, 64, 1024);
	shadow_all(PLAIN, "action: inspect, session: s, content: c");
	struct conn *c = dial("10.0.1.1", 1000);
	for (unsigned i = 0; i < ENG_SHADOW_SESSIONS_MAX + MORE; i++) {
		c->client_port++;
		reboot(c);
		handshake(c);
	}
	assert_int_equal(counter(PASS_TABLE_FULL), 0);
	assert_int_equal(counter(SHADOW_COMPARED), ENG_SHADOW_SESSIONS_MAX + MORE);
	assert_int_equal(counter(SHADOW_BLIND), MORE);
	is_read(shadow_opens("10.0.1.2")); // as all are
	assert_int_equal(counter(SHADOW_BLIND), MORE + 1);
	assert_int_equal(world.nparted, 0);
}

static void what_is_alike_under_both_is_not_told(void **)
{
	shadow_all(PLAIN, "action: inspect, session: s, content: c");
	is_read(shadow_opens("10.0.1.1"));
	is_read(shadow_opens("10.0.1.2"));
	assert_int_equal(world.nparted, 0);
	assert_int_equal(counter(SHADOW_COMPARED), 2);
	assert_int_equal(counter(SHADOW_PARTED), 0);
	assert_int_equal(counter(SHADOW_BLIND), 0);
}

static void the_candidates_own_ports_and_contexts_count(void **)
{
	// 25 is picked up by what is in force alone.
	world_shadow("pickup: {ports: [26]}\nsession_profiles: {s: {" PLAIN "}}\n"
		     "policies: [{name: p, action: inspect, session: s}]\n",
		NULL, VERSION);
	is_read(shadow_opens("10.0.1.1"));
	decision_is(&parted_once()->shadow, ENG_DOES_PASS, 0, ENG_REASON_NONE);
}

static void without_a_candidate_nothing_is_compared(void **)
{
	is_read(shadow_opens("10.0.1.1"));
	assert_int_equal(counter(SHADOW_COMPARED), 0);
	shadow_all(PLAIN, "action: pass");
	assert_int_equal(eng_shadow_version(world.eng), VERSION);
	eng_shadow_end(world.eng);
	assert_int_equal(eng_shadow_version(world.eng), 0);
	(void)eng_turn(world.w, world.now_us);
	(void)eng_image_reap(world.eng);
	is_read(shadow_opens("10.0.1.1"));
	assert_int_equal(counter(SHADOW_COMPARED), 0);
	assert_int_equal(world.nparted, 0);
}

static void sessions_outlive_their_candidate(void **)
{
	shadow_all("client_connections: 9, " PLAIN, "action: inspect, session: s, content: c");
	struct conn *c = shadow_opens("10.0.1.1");

	eng_shadow_end(world.eng);
	(void)eng_turn(world.w, world.now_us);
	(void)eng_image_reap(world.eng);
	greets(c);
	shadow_all("client_connections: 9, " PLAIN, "action: inspect, session: s, content: c");
	begins_mail(c);
	hangs_up(c, CLIENT);
	hangs_up(c, SERVER);
	is_read(shadow_opens("10.0.1.1"));
	assert_int_equal(world.nparted, 0);
}

static void limits_of_connections_are_counted_apart(void **)
{
	shadow_all("client_connections: 1, " PLAIN, "action: inspect, session: s, content: c");
	struct conn *first = shadow_opens("10.0.1.1");

	assert_int_equal(world.nparted, 0);
	is_read(shadow_opens("10.0.1.1")); // all the same
	const struct eng_parted *p = parted_once();
	assert_int_equal(p->stage, ENG_STAGE_CONNECTIONS);
	decision_is(&p->live, ENG_DOES_GO, 0, ENG_REASON_NONE);
	decision_is(&p->shadow, ENG_DOES_CUT, 421, ACT_CLIENT_CONNECTIONS);
	assert_int_equal(p->shadow.limit, 1);
	assert_int_equal(p->shadow.value, 2);
	greets(first);
	hangs_up(first, CLIENT);
	hangs_up(first, SERVER);
	is_read(shadow_opens("10.0.1.1")); // the first one's place is free
	(void)parted_once();
}

static void a_limit_that_only_the_one_in_force_has_is_told(void **)
{
	shadow_all(PLAIN, "action: inspect, session: s");
	(void)shadow_opens("10.0.40.1");
	(void)shadow_opens("10.0.40.1");
	assert_int_equal(world.nparted, 0);
	hears_begin(shadow_opens("10.0.40.1"), CLIENT, "421");
	decision_is(&parted_once()->live, ENG_DOES_CUT, 421, ACT_CLIENT_CONNECTIONS);
	decision_is(&world.parted[0].shadow, ENG_DOES_GO, 0, ENG_REASON_NONE);
}

static void a_limit_of_both_is_reached_by_both(void **)
{
	shadow_all("client_connections: 2, " PLAIN, "action: inspect, session: s");
	for (unsigned i = 0; i < 2; i++)
		(void)shadow_opens("10.0.40.1");
	hears_begin(shadow_opens("10.0.40.1"), CLIENT, "421");
	assert_int_equal(world.nparted, 0);
	assert_int_equal(counter(SHADOW_COMPARED), 3);
}

static void where_its_cells_are_full_the_candidate_says_nothing(void **)
{
	char source[32];

	shadow_all("client_connections: 1, " PLAIN, "action: inspect, session: s");
	for (unsigned i = 0; i < 33; i++) { // a bucket has 31
		(void)snprintf(source, sizeof(source), "10.0.1.%u", i + 1);
		(void)shadow_opens(source);
	}
	assert_int_equal(world.nparted, 0);
	assert_int_equal(counter(SHADOW_BLIND), 2);
	assert_int_equal(counter(ACT_CELLS_FULL), 0);
}

static void who_finds_no_flow_is_not_followed(void **)
{
	shadow_all(PLAIN, "action: inspect, session: s");
	for (unsigned i = 0; counter(PASS_TABLE_FULL) == 0; i++)
		(void)shadow_opens("10.0.1.1");
	assert_int_equal(counter(SHADOW_BLIND), counter(PASS_TABLE_FULL));
}

static void a_difference_that_nobody_takes_is_counted(void **)
{
	shadow_all(PLAIN, "action: pass");
	world.deaf = true;
	(void)shadow_opens("10.0.1.1");
	world.deaf = false;
	assert_int_equal(counter(SHADOW_LOST), 1);
	assert_int_equal(counter(SHADOW_PARTED), 1);
	assert_int_equal(counter(RECORDS_LOST), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(what_policies_do_is_compared_and_told_once),
		CASE(a_refusal_at_connect_is_compared_with_its_code),
		CASE(a_swallowed_syn_is_told_once_however_often_it_comes),
		CASE(a_flood_of_swallowed_syns_fills_no_report),
		CASE(where_it_has_no_scan_left_the_message_goes_as_before),
		CASE(more_sessions_than_it_has_room_for_are_not_followed),
		CASE(what_is_alike_under_both_is_not_told),
		CASE(the_candidates_own_ports_and_contexts_count),
		CASE(without_a_candidate_nothing_is_compared),
		CASE(sessions_outlive_their_candidate),
		CASE(limits_of_connections_are_counted_apart),
		CASE(a_limit_that_only_the_one_in_force_has_is_told),
		CASE(a_limit_of_both_is_reached_by_both),
		CASE(where_its_cells_are_full_the_candidate_says_nothing),
		CASE(who_finds_no_flow_is_not_followed),
		CASE(a_difference_that_nobody_takes_is_counted),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
