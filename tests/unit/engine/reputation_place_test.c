// SPDX-License-Identifier: BSD-3-Clause
// Where a client is and whose it is then: VLANs of a context, the edges of blocks of ports, bindings that change
// amid a session, and an endpoint whose number another one got.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "reputation_world.h"
#include "tbl_clients.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, reputation_new, world_end)

enum { ANN = 101, BOB = 102, CAT = 103 };

static void bound_in(uint16_t vlan, const char *prefix, uint64_t endpoint)
{
	struct tbl_binding b = {.context = eng_context_key(world.w, 0),
		.vlan = vlan,
		.port_last = ALL_PORTS,
		.endpoint = endpoint};

	assert_int_equal(prefix_parse(prefix, &b.prefix), 0);
	assert_int_equal(tbl_binding_set(eng_clients(world.eng), &b), 0);
}

static void is_mail_of(struct conn *c, uint64_t endpoint)
{
	mails(c, HAM);
	assert_int_equal(world.records[world.nrecords - 1].who.endpoint, endpoint);
}

static void by_vlan_a_binding_is_of_its_vlan_alone(void **)
{
	static const struct {
		uint16_t vlan;
		uint64_t endpoint;
	} cases[] = {{5, ANN}, {6, BOB}, {7, 0}, {0, CAT}, {4095, 0}};
	char rules[8000];

	(void)snprintf(rules, sizeof(rules),
		"%scontexts: [{name: mobile, ports: [access, core], by_vlan: true}]\n",
		reputation_rules);
	world_use(rules, 3);
	bound_in(5, "10.0.1.1", ANN);
	bound_in(6, "10.0.1.1", BOB);
	bound_in(0, "10.0.1.1", CAT);
	for (size_t i = 0; i < COUNT(cases); i++) {
		world.vlan = cases[i].vlan;
		is_mail_of(meets("10.0.1.1"), cases[i].endpoint);
	}
	endpoint_is(BOB, TBL_LISTED, 0, 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		world.vlan = cases[i].vlan;
		if (cases[i].endpoint == BOB)
			turned_away(
				"10.0.1.1", "554 " BY_ENDPOINT, ACT_ENDPOINT_CONNECT, 0, 0, BOB);
		else
			is_mail_of(meets("10.0.1.1"), cases[i].endpoint);
	}
}

static void without_by_vlan_the_tag_does_not_matter(void **)
{
	bound_in(0, "10.0.1.1", ANN);
	bound_in(5, "10.0.1.1", BOB); // no such client
	world.vlan = 5;
	is_mail_of(meets("10.0.1.1"), ANN);
}

static void a_block_of_ports_has_its_first_and_its_last(void **)
{
	static const struct {
		uint16_t first, last;
		uint64_t endpoint;
	} blocks[] = {{1024, 2047, ANN}, {2048, 2048, BOB}, {65000, 65535, CAT}};
	static const struct {
		uint16_t port;
		uint64_t endpoint;
	} cases[] = {{1023, 0}, {1024, ANN}, {2047, ANN}, {2048, BOB}, {2049, 0}, {64999, 0},
		{65000, CAT}, {65535, CAT}};

	for (size_t i = 0; i < COUNT(blocks); i++)
		bound("10.0.1.1", blocks[i].first, blocks[i].last, blocks[i].endpoint, false);
	for (size_t i = 0; i < COUNT(cases); i++)
		is_mail_of(meets_from("10.0.1.1", cases[i].port), cases[i].endpoint);
}

static void what_a_session_shared_at_its_begin_it_shares_to_its_end(void **)
{
	bound("10.0.2.1", 0, ALL_PORTS, ANN, true);
	bound("10.0.2.2", 0, ALL_PORTS, BOB, false);
	struct conn *shared = meets("10.0.2.1"), *alone = meets("10.0.2.2");
	bound("10.0.2.1", 0, ALL_PORTS, ANN, false);
	bound("10.0.2.2", 0, ALL_PORTS, BOB, true);
	endpoint_is(ANN, TBL_LISTED, 0, 0);
	endpoint_is(BOB, TBL_LISTED, 0, 0);
	takes(shared, "MAIL FROM:<a@b>");
	assert_int_equal(counter(ACT_ENDPOINT_MONITORED), 1);
	refuses(alone, "MAIL FROM:<a@b>", "550 " BY_ENDPOINT, ACT_ENDPOINT_MAIL, 0, 0);
	struct conn *later = meets("10.0.2.1");
	refuses(later, "MAIL FROM:<a@b>", "550 " BY_ENDPOINT, ACT_ENDPOINT_MAIL, 0, 0);
}

// Its number goes round: all that are free are given to others in between.
static void a_session_whose_endpoint_is_known_no_more_is_never_another_ones(void **)
{
	enum { ROUND = 70000 }; // more than a small table has numbers
	bound("10.0.2.1", 0, ALL_PORTS, ANN, false);
	struct conn *c = meets("10.0.2.1");

	is_mail_of(c, ANN);
	unbound("10.0.2.1", 0, ALL_PORTS);
	is_mail_of(c, ANN); // its records are still hers
	for (uint64_t i = 0; i < ROUND; i++)
		bound("10.0.2.9", 0, ALL_PORTS, 1000 + i, false);
	endpoint_is(1000 + ROUND - 1, TBL_LISTED, 0, 0);
	is_mail_of(c, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(by_vlan_a_binding_is_of_its_vlan_alone),
		CASE(without_by_vlan_the_tag_does_not_matter),
		CASE(a_block_of_ports_has_its_first_and_its_last),
		CASE(what_a_session_shared_at_its_begin_it_shares_to_its_end),
		CASE(a_session_whose_endpoint_is_known_no_more_is_never_another_ones),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
