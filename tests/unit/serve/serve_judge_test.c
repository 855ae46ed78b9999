// SPDX-License-Identifier: BSD-3-Clause
// From figures to verdicts: each check both ways, and what it tells to do.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#include "serve_judge.h"

static struct serve_figures f;
static struct serve_check_row rows[SERVE_CHECKS];

static struct addr at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static int set_up(void **)
{
	f = (struct serve_figures){
		.window_s = 300,
		.attached = true,
		.why = "",
		.heartbeat_ms = 20,
		.revision = 7,
		.image_version = 7,
		.routed = true,
		.nports = 2,
		.port = {{.name = "before",
				 .up = true,
				 .mtu = 1500,
				 .d = {.client_segments = 400, .opened = 20, .answered = 20}},
			{.name = "behind", .up = true, .mtu = 1500, .d = {.server_segments = 300}}},
		.net = {.hops = 4, .known = 4},
		.rx_frames = 1000,
		.smtp_segments = 700,
		.flows = 10,
		.flows_max = 100,
		.clock_s = 1800000000,
		.clock_synced = true,
	};
	return 0;
}

static const struct serve_check_row *judged(enum serve_check_id check, enum serve_state state)
{
	(void)serve_judge(&f, rows);
	assert_true(rows[check].there);
	assert_string_equal(serve_state_names[rows[check].state], serve_state_names[state]);
	return &rows[check];
}

static void has(const char *whole, const char *part)
{
	if (strstr(whole, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", whole, part);
}

static void all_is_well(void **)
{
	assert_int_equal(serve_judge(&f, rows), SERVE_STATE_OK);
	for (unsigned i = 0; i < SERVE_CHECKS; i++) {
		assert_true(rows[i].there == (i != SERVE_CHECK_PROBES && i != SERVE_CHECK_RADIUS));
		assert_true((rows[i].seen[0] != '\0') == rows[i].there);
		assert_string_equal(rows[i].todo, "");
		assert_non_null(serve_check_names[i]);
	}
}

static void nothing_is_known_without_a_data_plane(void **)
{
	f.attached = false;
	f.why = "no such file";
	f.nports = 0;
	assert_int_equal(serve_judge(&f, rows), SERVE_STATE_ERROR);
	has(rows[SERVE_CHECK_DATA_PLANE].seen, "no such file");
	(void)judged(SERVE_CHECK_POLICY, SERVE_STATE_UNKNOWN);
	(void)judged(SERVE_CHECK_DIRECTIONS, SERVE_STATE_UNKNOWN);
	assert_false(rows[SERVE_CHECK_LINKS].there);
	assert_false(rows[SERVE_CHECK_LOOPS].there);
}

static void a_manager_that_stands_is_an_error(void **)
{
	f.heartbeat_ms = 2000;
	(void)judged(SERVE_CHECK_DATA_PLANE, SERVE_STATE_OK);
	f.heartbeat_ms = 2001;
	(void)judged(SERVE_CHECK_DATA_PLANE, SERVE_STATE_ERROR);
}

static void policies_that_differ_are_told(void **)
{
	f.image_version = 6;
	(void)judged(SERVE_CHECK_POLICY, SERVE_STATE_WARNING);
	f.image_version = 0;
	(void)judged(SERVE_CHECK_POLICY, SERVE_STATE_ERROR);
	f.fallback = true;
	f.image_version = 7;
	(void)judged(SERVE_CHECK_POLICY, SERVE_STATE_ERROR);
	f.fallback = false;
	f.revision = f.image_version = 0;
	(void)judged(SERVE_CHECK_POLICY, SERVE_STATE_UNKNOWN);
}

static void a_servers_half_that_is_missing_names_its_rule(void **)
{
	const struct serve_check_row *r;

	f.port[0].d.answered = 95;
	f.port[0].d.one_way = 5; // 5 of 100: not over it
	(void)judged(SERVE_CHECK_DIRECTIONS, SERVE_STATE_OK);
	assert_true(fabs(serve_one_way_share(&f) - 0.05) < 1e-9);
	f.port[0].d.one_way = 6;
	f.one_way = (struct api_sight_ends){.turn = 2,
		.client = at("10.0.0.1"),
		.server = at("192.0.2.25"),
		.server_port = 25,
		.in_port = 0,
		.vlan = 7};
	r = judged(SERVE_CHECK_DIRECTIONS, SERVE_STATE_ERROR);
	has(r->seen, "in 6 (6 %)");
	has(r->seen, "by port before");
	has(r->seen, "10.0.0.1 to 192.0.2.25 port 25");
	has(r->seen, "VLAN 7");
	has(r->todo, "TCP source port 25 that comes from the side of 192.0.2.25");
	f.routed = false;
	has(judged(SERVE_CHECK_DIRECTIONS, SERVE_STATE_ERROR)->todo, "another line");
}

static void a_clients_half_that_is_missing_names_its_rule(void **)
{
	const struct serve_check_row *r;

	f.port[1].d.alone = 2;
	(void)judged(SERVE_CHECK_DIRECTIONS, SERVE_STATE_OK);
	f.port[1].d.alone = 3;
	f.alone = (struct api_sight_ends){.turn = 2,
		.client = at("10.0.0.1"),
		.server = at("192.0.2.25"),
		.server_port = 25,
		.in_port = 1};
	r = judged(SERVE_CHECK_DIRECTIONS, SERVE_STATE_ERROR);
	has(r->seen, "by port behind");
	has(r->todo, "TCP destination port 25 that comes from the side of 10.0.0.1");
	f.port[0].d.answered = 1000; // of those three are nothing
	(void)judged(SERVE_CHECK_DIRECTIONS, SERVE_STATE_OK);
}

static void no_answer_at_all_is_told_and_no_mail_is_not_known(void **)
{
	f.port[0].d.answered = 0;
	f.port[0].d.opened = 9;
	(void)judged(SERVE_CHECK_DIRECTIONS, SERVE_STATE_OK);
	f.port[0].d.opened = 10;
	(void)judged(SERVE_CHECK_DIRECTIONS, SERVE_STATE_WARNING);
	f.port[0].d = f.port[1].d = (struct api_sight_port){0};
	(void)judged(SERVE_CHECK_DIRECTIONS, SERVE_STATE_UNKNOWN);
	assert_true(isnan(serve_one_way_share(&f)));
}

static void several_hosts_behind_an_address_are_nat(void **)
{
	const struct serve_check_row *r;

	f.nhosts = 2;
	f.hosts[0] = (struct api_sight_ends){.turn = 2, .client = at("10.0.0.1"), .value = 3};
	f.hosts[1] = (struct api_sight_ends){.turn = 2, .client = at("fd77::1"), .value = 2};
	r = judged(SERVE_CHECK_NAT, SERVE_STATE_WARNING);
	has(r->seen, "10.0.0.1 3 or more, fd77::1 2");
	has(r->todo, "no NAT between subscribers and us");
}

static void a_probe_that_changes_its_address_is_nat(void **)
{
	f.nprobes = 1;
	f.probe[0] = (struct serve_probe_figures){.server = at("192.0.2.25"),
		.port = 25,
		.end = SERVE_PROBE_SEEN,
		.own = at("10.0.0.1"),
		.client = at("10.0.0.1")};
	(void)judged(SERVE_CHECK_NAT, SERVE_STATE_OK);
	f.probe[0].client = at("203.0.113.9");
	has(judged(SERVE_CHECK_NAT, SERVE_STATE_WARNING)->seen,
		"left as 10.0.0.1 and came by us as 203.0.113.9");
	(void)judged(SERVE_CHECK_PROBES, SERVE_STATE_OK);
}

static void probes_tell_the_worst_of_them(void **)
{
	static const struct {
		enum serve_probe_end end;
		enum serve_state state;
		const char *says;
	} cases[] = {
		{SERVE_PROBE_SEEN, SERVE_STATE_OK, "192.0.2.25 port 25: came by us"},
		{SERVE_PROBE_NONE, SERVE_STATE_UNKNOWN, "not asked yet"},
		{SERVE_PROBE_SILENT, SERVE_STATE_UNKNOWN, "came by us, nobody answered"},
		{SERVE_PROBE_LOST, SERVE_STATE_UNKNOWN, "nobody answered"},
		{SERVE_PROBE_FAILED, SERVE_STATE_UNKNOWN, "can't be sent (Network is unreachable)"},
		{SERVE_PROBE_PAST, SERVE_STATE_WARNING, "did NOT come by us"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f.nprobes = 2;
		f.probe[0] = (struct serve_probe_figures){.server = at("192.0.2.25"),
			.port = 25,
			.end = cases[i].end,
			.error = ENETUNREACH};
		f.probe[1] = (struct serve_probe_figures){
			.server = at("fd00::25"), .port = 25, .end = SERVE_PROBE_SEEN};
		has(judged(SERVE_CHECK_PROBES, cases[i].state)->seen, cases[i].says);
		has(rows[SERVE_CHECK_PROBES].seen, "; fd00::25 port 25: came by us");
		assert_true((rows[SERVE_CHECK_PROBES].todo[0] != '\0') ==
			(cases[i].state == SERVE_STATE_WARNING));
	}
}

static void what_is_wrong_beside_a_router_is_told(void **)
{
	const struct serve_check_row *r;

	f.net.known = 3;
	f.net.lost = (struct api_sight_ends){.turn = 2, .client = at("198.51.100.1"), .in_port = 1};
	has(judged(SERVE_CHECK_NEXT_HOPS, SERVE_STATE_ERROR)->seen,
		"1 of 4 do not answer: 198.51.100.1 by port behind");
	f.conflicts = 2;
	f.net.conflict = (struct api_sight_ends){
		.turn = 2, .client = at("192.0.2.2"), .mac = {2, 0, 0, 0, 0, 0x99}};
	r = judged(SERVE_CHECK_CONFLICTS, SERVE_STATE_ERROR);
	has(r->seen, "somebody else has 192.0.2.2: 02:00:00:00:00:99 at port before");
	f.came_back = 1;
	(void)judged(SERVE_CHECK_LOOPS, SERVE_STATE_ERROR);
	f.came_back = 0;
	f.loops = 1;
	(void)judged(SERVE_CHECK_LOOPS, SERVE_STATE_ERROR);
	f.routed = false;
	(void)serve_judge(&f, rows);
	assert_false(rows[SERVE_CHECK_NEXT_HOPS].there);
	assert_false(rows[SERVE_CHECK_CONFLICTS].there);
	assert_false(rows[SERVE_CHECK_LOOPS].there);
}

static void links_and_lengths_are_told_by_port(void **)
{
	f.port[1].up = false;
	has(judged(SERVE_CHECK_LINKS, SERVE_STATE_ERROR)->seen, "down: behind");
	f.port[1].mtu = 9000;
	has(judged(SERVE_CHECK_MTU, SERVE_STATE_WARNING)->seen, "before 1500, behind 9000");
}

static void shares_are_told_over_their_bounds(void **)
{
	f.encap = 10;
	(void)judged(SERVE_CHECK_ENCAPSULATION, SERVE_STATE_OK);
	f.encap = 11;
	(void)judged(SERVE_CHECK_ENCAPSULATION, SERVE_STATE_WARNING);
	f.bad_sums = 7;
	(void)judged(SERVE_CHECK_CHECKSUMS, SERVE_STATE_OK);
	f.bad_sums = 8;
	(void)judged(SERVE_CHECK_CHECKSUMS, SERVE_STATE_WARNING);
	f.flows = 90;
	(void)judged(SERVE_CHECK_FLOW_TABLE, SERVE_STATE_OK);
	f.flows = 91;
	has(judged(SERVE_CHECK_FLOW_TABLE, SERVE_STATE_WARNING)->seen, "91 of 100 flows (91 %)");
}

static void accounting_that_is_silent_is_told(void **)
{
	f.radius = true;
	has(judged(SERVE_CHECK_RADIUS, SERVE_STATE_WARNING)->seen, "no NAS was ever heard");
	f.radius_ever = true;
	(void)judged(SERVE_CHECK_RADIUS, SERVE_STATE_UNKNOWN);
	f.radius_heard = 3;
	(void)judged(SERVE_CHECK_RADIUS, SERVE_STATE_OK);
}

static void a_clock_that_jumps_or_was_never_set_is_told(void **)
{
	f.clock_synced = false;
	(void)judged(SERVE_CHECK_CLOCK, SERVE_STATE_UNKNOWN);
	f.clock_moved_s = -31;
	has(judged(SERVE_CHECK_CLOCK, SERVE_STATE_WARNING)->seen, "-31 s");
	f.clock_s = 1000;
	(void)judged(SERVE_CHECK_CLOCK, SERVE_STATE_ERROR);
}

int main(void)
{
#define CASE(t) cmocka_unit_test_setup(t, set_up)
	const struct CMUnitTest tests[] = {
		CASE(all_is_well),
		CASE(nothing_is_known_without_a_data_plane),
		CASE(a_manager_that_stands_is_an_error),
		CASE(policies_that_differ_are_told),
		CASE(a_servers_half_that_is_missing_names_its_rule),
		CASE(a_clients_half_that_is_missing_names_its_rule),
		CASE(no_answer_at_all_is_told_and_no_mail_is_not_known),
		CASE(several_hosts_behind_an_address_are_nat),
		CASE(a_probe_that_changes_its_address_is_nat),
		CASE(probes_tell_the_worst_of_them),
		CASE(what_is_wrong_beside_a_router_is_told),
		CASE(links_and_lengths_are_told_by_port),
		CASE(shares_are_told_over_their_bounds),
		CASE(accounting_that_is_silent_is_told),
		CASE(a_clock_that_jumps_or_was_never_set_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
