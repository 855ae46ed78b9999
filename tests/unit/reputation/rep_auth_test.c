// SPDX-License-Identifier: BSD-3-Clause
// Failed logins: what begins a block, how long it is, and what ends the account. Time is a number.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rep.h"

enum { MIN = 60, HOUR = 3600, DAY = 86400, START = 1000000 };

static const struct rep_auth_conf conf = {.failures = 5, .window_s = 30 * MIN, .block_s = 10 * MIN};

static void blocks_double_up_to_what_the_failures_earn(void **)
{
	static const struct {
		uint32_t block_s, failed, blocks, want_s;
	} rows[] = {
		{10 * MIN, 5, 0, 10 * MIN},
		{10 * MIN, 10, 1, 20 * MIN},
		{10 * MIN, 15, 2, 40 * MIN},
		{10 * MIN, 20, 3, 80 * MIN},
		{10 * MIN, 25, 4, 2 * HOUR},
		{10 * MIN, 29, 9, 2 * HOUR},
		{10 * MIN, 30, 5, 320 * MIN},
		{10 * MIN, 35, 6, 640 * MIN},
		{10 * MIN, 40, 7, 12 * HOUR},
		{10 * MIN, 70, 13, 12 * HOUR},
		{10 * MIN, 71, 2, 40 * MIN},
		{10 * MIN, 75, 14, 45 * DAY},
		{10 * MIN, 65535, 255, 45 * DAY},
		{24 * HOUR, 5, 0, 24 * HOUR},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct rep_auth_conf c = {
			.failures = 5, .window_s = 30 * MIN, .block_s = rows[i].block_s};

		assert_int_equal(
			rep_auth_block_s(&c, rows[i].failed, rows[i].blocks), rows[i].want_s);
	}
}

static void one_more_than_is_free_begins_a_block(void **)
{
	struct rep_auth a = {0};

	for (unsigned i = 0; i < 5; i++)
		assert_false(rep_auth_failed(&a, &conf, 1, START + i * 48));
	assert_int_equal(rep_auth_left(&a, START + 240), 0);
	assert_true(rep_auth_failed(&a, &conf, 1, START + 240));
	assert_int_equal(rep_auth_left(&a, START + 240), 10 * MIN);
	assert_int_equal(rep_auth_left(&a, START + 240 + 10 * MIN - 1), 1);
	assert_int_equal(rep_auth_left(&a, START + 240 + 10 * MIN), 0);
}

static void slow_failures_begin_none(void **)
{
	struct rep_auth a = {0};

	for (unsigned i = 0; i < 100; i++)
		assert_false(rep_auth_failed(&a, &conf, 1, START + i * 6 * MIN));
}

// reputation.auth.window_min: what is slow for the one is not for the other.
static void they_begin_one_in_a_longer_window(void **)
{
	static const struct rep_auth_conf longer = {
		.failures = 5, .window_s = 60 * MIN, .block_s = 10 * MIN};
	struct rep_auth a = {0};

	for (unsigned i = 0; i < 5; i++)
		assert_false(rep_auth_failed(&a, &longer, 1, START + i * 6 * MIN));
	assert_true(rep_auth_failed(&a, &longer, 1, START + 5 * 6 * MIN));
}

static void failures_under_a_block_count_towards_the_next_ones_length(void **)
{
	struct rep_auth a = {0};

	assert_true(rep_auth_failed(&a, &conf, 6, START));
	assert_false(
		rep_auth_failed(&a, &conf, 65, START + 1)); // told only: the block is no longer
	assert_int_equal(rep_auth_left(&a, START + 1), 10 * MIN - 1);
	assert_false(rep_auth_failed(&a, &conf, 5, START + 10 * MIN));
	assert_true(rep_auth_failed(&a, &conf, 1, START + 10 * MIN));
	assert_int_equal(rep_auth_left(&a, START + 10 * MIN), 20 * MIN);
	assert_int_equal(a.failed, 77);
}

static void a_day_without_failures_ends_the_account(void **)
{
	struct rep_auth a = {0};
	const uint32_t end = START + 10 * MIN + DAY;

	assert_true(rep_auth_failed(&a, &conf, 6, START));
	assert_false(rep_auth_is_over(&a, &conf, end - 1));
	assert_true(rep_auth_is_over(&a, &conf, end));
	assert_true(rep_auth_failed(&a, &conf, 6, end));
	assert_int_equal(a.failed, 6);
	assert_int_equal(rep_auth_left(&a, end), 10 * MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_double_up_to_what_the_failures_earn),
		cmocka_unit_test(one_more_than_is_free_begins_a_block),
		cmocka_unit_test(slow_failures_begin_none),
		cmocka_unit_test(they_begin_one_in_a_longer_window),
		cmocka_unit_test(failures_under_a_block_count_towards_the_next_ones_length),
		cmocka_unit_test(a_day_without_failures_ends_the_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
