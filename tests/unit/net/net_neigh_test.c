// SPDX-License-Identifier: BSD-3-Clause
// A neighbour's life: asked for, found, probed, lost, asked for again, forgotten.
#include "net_neigh.h"
#include "net_world.h"

enum { SECOND = 1000000 };

static struct net_news news(uint8_t last, bool solicited, bool override)
{
	return (struct net_news){
		.mac = {2, 0, 0, 0, 0, last}, .solicited = solicited, .override = override};
}

static struct net_neigh found(uint64_t now_us)
{
	struct net_neigh n = {0};
	struct net_news answer = news(2, true, true);

	assert_int_equal(net_neigh_tick(&n, now_us, true), NET_NEIGH_ASK);
	assert_int_equal(net_neigh_heard(&n, &answer, now_us), NET_NEIGH_FOUND);
	assert_true(net_neigh_is_known(&n));
	return n;
}

static void is_asked_for_three_times_and_then_later_and_later(void **)
{
	struct net_neigh n = {0};
	uint64_t now = 5 * SECOND, lost_at[8];
	unsigned asked = 0, lost = 0;

	while (lost < 8) {
		uint8_t before = n.state;

		asked += net_neigh_tick(&n, now, true) == NET_NEIGH_ASK;
		if (before != NET_NEIGH_LOST && n.state == NET_NEIGH_LOST)
			lost_at[lost++] = now;
		now += SECOND / 10;
	}
	assert_int_equal(asked, 8 * NET_NEIGH_TRIES);
	assert_in_range(lost_at[0], 6 * SECOND, 7 * SECOND);
	for (unsigned i = 1; i < 8; i++) {
		uint64_t pause = lost_at[i] - lost_at[i - 1] - 15 * SECOND / 10;
		uint64_t wanted = (uint64_t)SECOND << (i - 1);

		if (wanted > NET_NEIGH_BACKOFF_MAX_US)
			wanted = NET_NEIGH_BACKOFF_MAX_US;
		assert_in_range(pause, wanted, wanted + SECOND / 2);
	}
}

static void who_answers_stays_known_while_he_goes_on_answering(void **)
{
	struct net_neigh n = found(SECOND);
	struct net_news answer = news(2, true, true);
	uint64_t now = SECOND;

	for (unsigned i = 0; i < 5; i++) {
		now += NET_NEIGH_FRESH_US;
		assert_int_equal(net_neigh_tick(&n, now, true), NET_NEIGH_PROBE);
		assert_true(net_neigh_is_known(&n));
		assert_int_equal(net_neigh_heard(&n, &answer, now), NET_NEIGH_NOTHING);
		assert_int_equal(n.state, NET_NEIGH_REACHABLE);
	}
}

static void who_answers_no_probe_is_lost_within_two_seconds(void **)
{
	struct net_neigh n = found(0);
	uint64_t now = NET_NEIGH_FRESH_US, end = now + 2 * SECOND;
	unsigned probes = 0;
	enum net_neigh_act act;

	while ((act = net_neigh_tick(&n, now, true)) != NET_NEIGH_LOSE) {
		probes += act == NET_NEIGH_PROBE;
		now += SECOND / 10;
		assert_in_range(now, 0, end);
	}
	assert_int_equal(probes, NET_NEIGH_TRIES);
	assert_false(net_neigh_is_known(&n));
}

static void whom_nobody_used_is_forgotten(void **)
{
	struct net_neigh n = found(0);

	assert_int_equal(net_neigh_tick(&n, NET_NEIGH_FRESH_US - 1, false), NET_NEIGH_NOTHING);
	assert_int_equal(net_neigh_tick(&n, NET_NEIGH_FRESH_US, false), NET_NEIGH_FORGET);
}

static void another_mac_is_taken_where_the_message_may_override(void **)
{
	struct net_neigh n = found(0);
	struct net_news shy = news(3, true, false), bold = news(4, false, true);

	assert_int_equal(net_neigh_heard(&n, &shy, 2 * SECOND), NET_NEIGH_NOTHING);
	assert_int_equal(n.mac[5], 2);
	assert_int_equal(net_neigh_heard(&n, &bold, 2 * SECOND), NET_NEIGH_FOUND);
	assert_int_equal(n.mac[5], 4);
}

static void what_is_said_unasked_keeps_nobody_fresh(void **)
{
	struct net_neigh n = found(0);
	struct net_news same = news(2, false, true);
	uint64_t due = n.due_us;

	assert_int_equal(net_neigh_heard(&n, &same, 20 * SECOND), NET_NEIGH_NOTHING);
	assert_int_equal(n.due_us, due);
}

static void a_lost_one_that_speaks_is_found_at_once(void **)
{
	struct net_neigh n = {0};
	struct net_news hello = news(7, false, true);

	for (uint64_t now = 0; n.state != NET_NEIGH_LOST; now += SECOND)
		(void)net_neigh_tick(&n, now, true);
	assert_int_equal(net_neigh_heard(&n, &hello, 60 * SECOND), NET_NEIGH_FOUND);
	assert_int_equal(n.backoff_us, 0);
}

static void a_mac_that_changes_again_within_a_second_is_not_believed(void **)
{
	struct net_neigh n = found(SECOND);
	struct net_news other = news(3, false, true), third = news(4, true, true);

	assert_int_equal(net_neigh_heard(&n, &other, SECOND + SECOND / 2), NET_NEIGH_IGNORE);
	assert_int_equal(n.mac[5], 2);
	assert_int_equal(net_neigh_heard(&n, &other, 2 * SECOND), NET_NEIGH_FOUND);
	assert_int_equal(n.mac[5], 3);
	assert_int_equal(net_neigh_heard(&n, &third, 3 * SECOND - 1), NET_NEIGH_IGNORE);
	assert_int_equal(net_neigh_heard(&n, &third, 3 * SECOND), NET_NEIGH_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_asked_for_three_times_and_then_later_and_later),
		cmocka_unit_test(who_answers_stays_known_while_he_goes_on_answering),
		cmocka_unit_test(who_answers_no_probe_is_lost_within_two_seconds),
		cmocka_unit_test(whom_nobody_used_is_forgotten),
		cmocka_unit_test(another_mac_is_taken_where_the_message_may_override),
		cmocka_unit_test(what_is_said_unasked_keeps_nobody_fresh),
		cmocka_unit_test(a_lost_one_that_speaks_is_found_at_once),
		cmocka_unit_test(a_mac_that_changes_again_within_a_second_is_not_believed),
	};

	return cmocka_run_group_tests_name("net neigh", tests, NULL, NULL);
}
