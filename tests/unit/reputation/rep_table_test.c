// SPDX-License-Identifier: BSD-3-Clause
// Numbers, sets and the heap of the highest, against slow and obvious ones.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rep_table.h"

enum { MOST = 200, ROUNDS = 20000 };

static uint32_t seed = 1;

static uint32_t chance(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void numbers_and_sets_agree_with_a_plain_model(void **)
{
	struct rep_table t;
	uint64_t key[MOST] = {0}; // 0 = free
	uint8_t state[MOST] = {0}, auth[MOST] = {0};
	uint32_t used = 0;

	assert_true(rep_table_open(&t, MOST));
	for (unsigned i = 0; i < ROUNDS; i++) {
		const uint32_t n = chance(MOST);
		uint32_t made, pinned = 0;

		switch (chance(4)) {
		case 0:
			made = rep_table_take(&t, i + 1);
			assert_int_equal(made == REP_NOBODY, used == MOST);
			if (made == REP_NOBODY)
				break;
			assert_int_equal(key[made], 0);
			key[made] = i + 1;
			used++;
			break;
		case 1:
			if (key[n] == 0)
				break;
			rep_table_drop(&t, n, key[n]);
			key[n] = state[n] = auth[n] = 0;
			used--;
			break;
		case 2:
			if (key[n] == 0)
				break;
			state[n] = (uint8_t)chance(REP_STATE_COUNT);
			rep_table_state_set(&t, n, (enum rep_state)state[n]);
			break;
		default:
			if (key[n] == 0)
				break;
			auth[n] = (uint8_t)chance(2);
			rep_table_auth_set(&t, n, auth[n] != 0);
		}
		assert_int_equal(t.used.set, used);
		for (uint32_t k = 0; k < MOST; k++) {
			uint32_t at = key[k] == 0 ? k : rep_table_first(&t, key[k]);

			while (at != k && at != REP_NOBODY)
				at = t.next[at];
			assert_int_equal(at, k);
			assert_int_equal(rep_table_state(&t, k), state[k]);
			assert_int_equal(rep_bits_has(&t.auth, k), auth[k]);
			pinned += state[k] != REP_NONE || auth[k] != 0;
		}
		assert_int_equal(t.pinned, pinned);
		made = rep_table_victim(&t);
		assert_int_equal(made == REP_NOBODY, pinned == used);
		assert_true(made == REP_NOBODY ||
			(key[made] != 0 && state[made] == REP_NONE && auth[made] == 0));
	}
	rep_table_close(&t);
}

static void the_next_of_a_set_is_found_over_gaps(void **)
{
	static const uint32_t in[] = {0, 1, 63, 64, 127, 128, 190, 199};
	struct rep_table t;
	size_t k = 0;

	assert_true(rep_table_open(&t, MOST));
	assert_int_equal(rep_bits_next(&t.dirty, 0), REP_NOBODY);
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
		rep_bits_put(&t.dirty, in[i], true);
	for (uint32_t n = rep_bits_next(&t.dirty, 0); n != REP_NOBODY;
		n = rep_bits_next(&t.dirty, n + 1))
		assert_int_equal(n, in[k++]);
	assert_int_equal(k, sizeof(in) / sizeof(in[0]));
	assert_int_equal(rep_bits_next(&t.dirty, MOST), REP_NOBODY);
	rep_table_close(&t);
}

static void the_heap_keeps_the_highest_in_order(void **)
{
	static struct rep_top top;

	for (unsigned most = 1; most < 50; most++) {
		uint8_t there[1000] = {0};
		uint32_t want = 999;

		top = (struct rep_top){.most = most};
		for (unsigned i = 0; i < 400; i++) {
			const uint32_t score = 1 + chance(999);

			if (there[score]++ == 0)
				rep_top_add(&top, score, i);
		}
		rep_top_sort(&top);
		for (uint32_t i = 0; i < top.n; i++, want--) {
			while (there[want] == 0)
				want--;
			assert_int_equal(top.row[i].score, want);
		}
		assert_int_equal(top.n, most);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_sets_agree_with_a_plain_model),
		cmocka_unit_test(the_next_of_a_set_is_found_over_gaps),
		cmocka_unit_test(the_heap_keeps_the_highest_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
