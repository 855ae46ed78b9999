// SPDX-License-Identifier: BSD-3-Clause
// Limit cells, one worker: what passes, what is refused, which cells may be taken for others.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tbl_cells.h"

enum { NOW_S = 1000, MINUTE_S = 60, BUCKET = 31, MANY = 100000 };

static const uint8_t SECRET[16] = {1, 2, 3};

static struct tbl_cells *table_of(uint32_t count)
{
	const size_t n = (tbl_cells_bytes(count) + 63) / 64 * 64;
	void *memory = aligned_alloc(64, n);

	assert_non_null(memory);
	memset(memory, 0xa5, n);
	return tbl_cells_init(memory, count, SECRET);
}

static struct tbl_cell_key key_of(uint32_t client)
{
	struct tbl_cell_key key = {.profile = 7, .context = 1, .kind = 2};

	memcpy(key.client.b + 12, &client, sizeof(client));
	return key;
}

// The cell; TBL_CELL_NONE where it was refused.
static uint32_t take(struct tbl_cells *c, uint32_t client, uint32_t limit, uint32_t value)
{
	const struct tbl_cell_key key = key_of(client);
	uint32_t cell, seen;
	enum tbl_cells_answer a = tbl_cells_take(c, &key, limit, NOW_S, &cell, &seen);

	assert_int_not_equal(a, TBL_CELLS_FULL);
	assert_int_equal(a == TBL_CELLS_PASS, cell != TBL_CELL_NONE);
	assert_int_equal(seen, value);
	return cell;
}

static enum tbl_cells_answer count(struct tbl_cells *c, uint32_t client, uint32_t limit,
	uint32_t window_s, uint32_t now_s, uint32_t *value)
{
	const struct tbl_cell_key key = key_of(client);

	return tbl_cells_count(c, &key, limit, window_s, now_s, value);
}

// How many events pass at once.
static uint32_t passing(
	struct tbl_cells *c, uint32_t client, uint32_t limit, uint32_t window_s, uint32_t now_s)
{
	uint32_t n = 0, value;

	while (count(c, client, limit, window_s, now_s, &value) == TBL_CELLS_PASS)
		n++;
	assert_int_equal(value, limit);
	return n;
}

static void n_tickets_pass_and_the_next_is_refused_until_one_is_given_back(void **)
{
	static const uint32_t LIMITS[] = {1, 2, 17, 1000};
	static uint32_t cell[1000];

	for (size_t i = 0; i < sizeof(LIMITS) / sizeof(LIMITS[0]); i++) {
		struct tbl_cells *c = table_of(64);
		const uint32_t n = LIMITS[i];

		for (uint32_t t = 0; t < n; t++)
			cell[t] = take(c, 5, n, t + 1);
		assert_int_equal(take(c, 5, n, n), TBL_CELL_NONE);
		assert_int_equal(take(c, 5, n, n), TBL_CELL_NONE);
		tbl_cells_give(c, cell[0]);
		cell[0] = take(c, 5, n, n);
		assert_int_not_equal(cell[0], TBL_CELL_NONE);
		assert_int_equal(take(c, 5, n, n), TBL_CELL_NONE);
		for (uint32_t t = 0; t < n; t++)
			tbl_cells_give(c, cell[t]);
		const struct tbl_cell_key key = key_of(5);
		assert_int_equal(tbl_cells_read(c, &key, NOW_S).tickets, 0);
		free(c);
	}
}

static void a_limit_that_has_changed_holds_for_the_next_ticket(void **)
{
	struct tbl_cells *c = table_of(64);

	for (uint32_t t = 0; t < 5; t++)
		(void)take(c, 5, 10, t + 1);
	assert_int_equal(take(c, 5, 3, 5), TBL_CELL_NONE); // lowered: those that are held stay
	assert_int_equal(take(c, 5, 5, 5), TBL_CELL_NONE);
	assert_int_not_equal(take(c, 5, 6, 6), TBL_CELL_NONE);
	free(c);
}

static void each_part_of_a_key_tells_cells_apart(void **)
{
	struct tbl_cells *c = table_of(1024);
	struct tbl_cell_key keys[6];
	uint32_t cell[6], value;

	for (size_t i = 0; i < 6; i++)
		keys[i] = key_of(5);
	keys[1].client.b[0] = 1;
	keys[2].client.b[15] = 1;
	keys[3].profile = 8;
	keys[4].context = 2;
	keys[5].kind = 3;
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(
			tbl_cells_take(c, &keys[i], 1, NOW_S, &cell[i], &value), TBL_CELLS_PASS);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(cell[i], cell[k]);
	}
	free(c);
}

static void a_ticket_for_two_keys_gives_both_back(void **)
{
	struct tbl_cells *c = table_of(1024);
	const struct tbl_cell_key all = {.kind = 9};
	uint32_t ticket[4], value;

	for (uint32_t i = 0; i < 4; i++) { // of two clients, by turns
		ticket[i] = take(c, i % 2, 3, i / 2 + 1);
		assert_int_equal(
			tbl_cells_take_also(c, &all, 4, NOW_S, &ticket[i], &value), TBL_CELLS_PASS);
		assert_int_equal(value, i + 1);
	}
	uint32_t one = take(c, 0, 3, 3), before = one;
	assert_int_equal(tbl_cells_take_also(c, &all, 4, NOW_S, &one, &value), TBL_CELLS_OVER);
	assert_int_equal(one, before);
	tbl_cells_give(c, one);
	for (uint32_t i = 0; i < 4; i++) {
		tbl_cells_give(c, ticket[i]);
		assert_int_equal(tbl_cells_read(c, &all, NOW_S).tickets, 3 - i);
	}
	one = TBL_CELL_NONE; // without a first one
	assert_int_equal(tbl_cells_take_also(c, &all, 1, NOW_S, &one, &value), TBL_CELLS_PASS);
	tbl_cells_give(c, one);
	tbl_cells_give(c, TBL_CELL_NONE);
	assert_int_equal(tbl_cells_read(c, &all, NOW_S).tickets, 0);
	const struct tbl_cell_key first = key_of(0), second = key_of(1);
	assert_int_equal(tbl_cells_read(c, &first, NOW_S).tickets, 0);
	assert_int_equal(tbl_cells_read(c, &second, NOW_S).tickets, 0);
	free(c);
}

static void a_full_table_says_so_and_takes_nothing(void **)
{
	struct tbl_cells *c = table_of(1);
	struct tbl_cell_key key;
	uint32_t cell = 0, value;

	for (uint32_t i = 0; i < BUCKET; i++)
		(void)take(c, i, 1, 1);
	key = key_of(BUCKET);
	assert_int_equal(tbl_cells_take(c, &key, 1, NOW_S, &cell, &value), TBL_CELLS_FULL);
	assert_int_equal(cell, TBL_CELL_NONE);
	assert_int_equal(tbl_cells_count(c, &key, 1, 60, NOW_S, &value), TBL_CELLS_FULL);
	assert_int_equal(take(c, 3, 1, 1), TBL_CELL_NONE); // who has a cell is limited as before
	free(c);
}

static void a_cell_without_tickets_and_events_is_taken_for_another_key(void **)
{
	struct tbl_cells *c = table_of(1);
	uint32_t cell[BUCKET];

	for (uint32_t i = 0; i < BUCKET; i++)
		cell[i] = take(c, i, 1, 1);
	tbl_cells_give(c, cell[9]);
	assert_int_equal(take(c, 1000, 1, 1), cell[9]);
	assert_int_equal(take(c, 1000, 1, 1), TBL_CELL_NONE);
	// What it held for the first key is not the second's, and the other way round.
	tbl_cells_give(c, cell[9]);
	for (uint32_t i = 0; i < BUCKET; i++)
		if (i != 9)
			tbl_cells_give(c, cell[i]);
	for (uint32_t i = 0; i < BUCKET; i++)
		assert_int_not_equal(take(c, i, 1, 1), TBL_CELL_NONE);
	free(c);
}

static void a_cell_stays_while_its_window_says_something(void **)
{
	struct tbl_cells *c = table_of(1);
	uint32_t value;

	for (uint32_t i = 0; i < BUCKET; i++)
		assert_int_equal(count(c, i, 9, MINUTE_S, NOW_S, &value), TBL_CELLS_PASS);
	assert_int_equal(count(c, 99, 9, MINUTE_S, NOW_S, &value), TBL_CELLS_FULL);
	assert_int_equal(
		count(c, 99, 9, MINUTE_S, NOW_S + 2 * MINUTE_S - 1, &value), TBL_CELLS_FULL);
	// Nothing of it counts for the new key, though that has a longer window.
	assert_int_equal(
		count(c, 99, 9, 60 * MINUTE_S, NOW_S + 2 * MINUTE_S, &value), TBL_CELLS_PASS);
	assert_int_equal(value, 1);
	free(c);
}

static void n_events_pass_in_a_window_and_the_next_is_refused(void **)
{
	static const uint32_t LIMITS[] = {1, 2, 30, 60000};

	for (size_t i = 0; i < sizeof(LIMITS) / sizeof(LIMITS[0]); i++) {
		struct tbl_cells *c = table_of(64);
		const uint32_t n = LIMITS[i];
		uint32_t value;

		assert_int_equal(passing(c, 5, n, MINUTE_S, NOW_S), n);
		for (uint32_t s = 0; s < MINUTE_S; s++)
			assert_int_equal(
				count(c, 5, n, MINUTE_S, NOW_S + s, &value), TBL_CELLS_OVER);
		free(c);
	}
}

static void events_run_out_as_the_window_moves_on(void **)
{
	enum { LIMIT = 30 };
	static const struct {
		uint32_t after_s, pass; // since the first event; how many pass then at once
	} rows[] = {
		{0, 30}, {59, 0}, {60, 0},  // the window before counts whole
		{61, 0},                    // a second of it has run out: half an event, rounded up
		{62, 1}, {64, 1}, {90, 13}, // 30 * 30 / 60 count, and the 2 of before
		{119, 14},                  // 15 of this one and, rounded up, 1
		{120, 1},                   // 29 passed in it: they count whole
		{180, 29},                  // the one does
		{300, 30},                  // nobody in the one before
	};
	struct tbl_cells *c = table_of(64);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint32_t n = passing(c, 5, LIMIT, MINUTE_S, NOW_S + rows[i].after_s);
		if (n != rows[i].pass)
			fail_msg("row %zu: %u pass, not %u", i, n, rows[i].pass);
	}
	free(c);
}

static void any_span_of_a_window_lets_at_most_twice_the_limit_pass(void **)
{
	enum { LIMIT = 20, SPAN_S = 1000 };
	struct tbl_cells *c = table_of(64);
	uint32_t passed[SPAN_S] = {0};

	for (uint32_t s = 0; s < SPAN_S; s++) {
		passed[s] = passing(c, 5, LIMIT, MINUTE_S, NOW_S + s);
		uint32_t sum = 0;
		for (uint32_t k = s < MINUTE_S ? 0 : s - MINUTE_S + 1; k <= s; k++)
			sum += passed[k];
		assert_true(sum <= 2 * LIMIT);
	}
	uint32_t all = 0;
	for (uint32_t s = 0; s < SPAN_S; s++)
		all += passed[s];
	assert_true(all <= LIMIT * (SPAN_S / MINUTE_S + 2));
	assert_true(all >= LIMIT * (SPAN_S / MINUTE_S - 1)); // who always knocks gets his share
	free(c);
}

static void a_clock_that_is_a_second_behind_changes_nothing(void **)
{
	struct tbl_cells *c = table_of(64);
	uint32_t value;

	assert_int_equal(count(c, 5, 2, MINUTE_S, NOW_S, &value), TBL_CELLS_PASS);
	assert_int_equal(count(c, 5, 2, MINUTE_S, NOW_S - 1, &value), TBL_CELLS_PASS);
	assert_int_equal(count(c, 5, 2, MINUTE_S, NOW_S - 1, &value), TBL_CELLS_OVER);
	assert_int_equal(count(c, 5, 2, MINUTE_S, NOW_S, &value), TBL_CELLS_OVER);
	free(c);
}

static void tickets_and_events_of_a_key_share_its_cell(void **)
{
	struct tbl_cells *c = table_of(64);
	const struct tbl_cell_key key = key_of(5);
	uint32_t value, cell = take(c, 5, 2, 1);

	assert_int_equal(count(c, 5, 2, MINUTE_S, NOW_S, &value), TBL_CELLS_PASS);
	assert_int_equal(tbl_cells_read(c, &key, NOW_S).tickets, 1);
	assert_int_equal(tbl_cells_read(c, &key, NOW_S).events, 1);
	tbl_cells_give(c, cell);
	assert_int_equal(take(c, 5, 2, 1), cell);
	assert_int_equal(tbl_cells_read(c, &key, NOW_S).events, 1);
	assert_int_equal(tbl_cells_read(c, &key, NOW_S + 2 * MINUTE_S).events, 0);
	free(c);
}

// ---- events that are given back

static bool holds(struct tbl_cells *c, uint32_t client, uint32_t limit, uint32_t now_s,
	struct tbl_cells_held *held, uint32_t value)
{
	const struct tbl_cell_key key = key_of(client);
	uint32_t seen;
	enum tbl_cells_answer a = tbl_cells_hold(c, &key, limit, MINUTE_S, now_s, held, &seen);

	assert_int_not_equal(a, TBL_CELLS_FULL);
	assert_int_equal(seen, value);
	return a == TBL_CELLS_PASS;
}

static void n_that_are_held_pass_and_another_once_one_is_given_back(void **)
{
	static const uint32_t LIMITS[] = {1, 2, 17, 1000};

	for (size_t i = 0; i < sizeof(LIMITS) / sizeof(LIMITS[0]); i++) {
		struct tbl_cells *c = table_of(64);
		struct tbl_cells_held held = {0}, other = {0};
		const uint32_t n = LIMITS[i];

		for (uint32_t e = 1; e <= n; e++)
			assert_true(holds(c, 5, n, NOW_S, &held, e));
		assert_false(holds(c, 5, n, NOW_S + 1, &other, n));
		tbl_cells_release(c, &other, 1); // it has none
		assert_false(holds(c, 5, n, NOW_S + 1, &other, n));
		tbl_cells_release(c, &held, 1);
		assert_true(holds(c, 5, n, NOW_S + 1, &other, n));
		assert_false(holds(c, 5, n, NOW_S + 1, &other, n));
		tbl_cells_release(c, &held, UINT32_MAX);
		tbl_cells_release(c, &held, UINT32_MAX); // once
		tbl_cells_release(c, &other, UINT32_MAX);
		assert_int_equal(passing(c, 5, n, MINUTE_S, NOW_S + 2), n);
		free(c);
	}
}

static void what_is_forgotten_stays_counted(void **)
{
	struct tbl_cells *c = table_of(64);
	struct tbl_cells_held held = {0};

	assert_true(holds(c, 5, 3, NOW_S, &held, 1));
	held = (struct tbl_cells_held){0};
	assert_true(holds(c, 5, 3, NOW_S, &held, 2));
	tbl_cells_release(c, &held, UINT32_MAX);
	assert_int_equal(passing(c, 5, 3, MINUTE_S, NOW_S), 2);
	free(c);
}

static void held_events_are_given_back_to_the_window_that_they_were_counted_in(void **)
{
	enum { LIMIT = 10 };
	static const struct {
		uint32_t second_s, back_s; // since the first five: five more, all given back
		uint32_t pass;             // how many then pass at once
	} rows[] = {
		{0, 0, 10},
		{59, 59, 10},
		{0, 119, 10}, // of one window
		{61, 61, 10},
		{61, 119, 10}, // of two
		{61, 121, 10},
		{61, 200, 10}, // the first five are over
		{130, 130, 10},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tbl_cells *c = table_of(64);
		struct tbl_cells_held held = {0};
		const struct tbl_cell_key key = key_of(5);

		for (uint32_t e = 0; e < 5; e++)
			assert_true(holds(c, 5, LIMIT, NOW_S, &held, e + 1));
		for (uint32_t e = 0, value; e < 5; e++)
			assert_int_equal(tbl_cells_hold(c, &key, LIMIT, MINUTE_S,
						 NOW_S + rows[i].second_s, &held, &value),
				TBL_CELLS_PASS);
		tbl_cells_release(c, &held, UINT32_MAX);
		assert_int_equal(tbl_cells_read(c, &key, NOW_S + rows[i].back_s).events, 0);
		const uint32_t n = passing(c, 5, LIMIT, MINUTE_S, NOW_S + rows[i].back_s);
		if (n != rows[i].pass)
			fail_msg("row %zu: %u pass, not %u", i, n, rows[i].pass);
		free(c);
	}
}

static void events_of_others_stay_when_the_window_has_moved_on(void **)
{
	struct tbl_cells *c = table_of(64);
	struct tbl_cells_held mine = {0}, others = {0};
	const struct tbl_cell_key key = key_of(5);

	assert_true(holds(c, 5, 9, NOW_S, &mine, 1));
	assert_true(holds(c, 5, 9, NOW_S, &others, 2));
	assert_true(holds(c, 5, 9, NOW_S, &others, 3));
	assert_true(holds(c, 5, 9, NOW_S + MINUTE_S, &others, 4)); // the three are those before
	tbl_cells_release(c, &mine, 1);
	assert_int_equal(tbl_cells_read(c, &key, NOW_S + MINUTE_S).events, 3);
	tbl_cells_release(c, &others, 3);
	assert_int_equal(tbl_cells_read(c, &key, NOW_S + MINUTE_S).events, 0);
	free(c);
}

static void the_last_ones_are_given_back_first(void **)
{
	struct tbl_cells *c = table_of(64);
	struct tbl_cells_held held = {0};
	const struct tbl_cell_key key = key_of(5);
	const uint32_t later_s = NOW_S + MINUTE_S + 30;

	assert_true(holds(c, 5, 9, NOW_S, &held, 1));
	assert_true(holds(c, 5, 9, NOW_S, &held, 2));
	assert_true(holds(c, 5, 9, later_s, &held, 2)); // two of before count as one
	assert_true(holds(c, 5, 9, later_s, &held, 3));
	tbl_cells_release(c, &held, 2);
	assert_int_equal(tbl_cells_read(c, &key, later_s).events, 1);
	tbl_cells_release(c, &held, 1);
	assert_int_equal(tbl_cells_read(c, &key, later_s + 25).events, 1);
	tbl_cells_release(c, &held, 1);
	assert_int_equal(tbl_cells_read(c, &key, later_s).events, 0);
	free(c);
}

static void a_late_return_takes_nothing_of_a_cell_that_is_anothers_by_then(void **)
{
	for (uint32_t after_s = MINUTE_S; after_s < 5 * MINUTE_S; after_s++) {
		struct tbl_cells *c = table_of(1);
		struct tbl_cells_held held = {0}, filler = {0};
		uint32_t value;

		assert_true(holds(c, 5, 9, NOW_S, &held, 1));
		for (uint32_t i = 100; i < 100 + BUCKET - 1; i++)
			assert_true(holds(c, i, 9, NOW_S, &filler, 1));
		for (uint32_t i = 200; i < 200 + BUCKET; i++) {
			const struct tbl_cell_key key = key_of(i);
			struct tbl_cells_held mine = {0};
			const enum tbl_cells_answer a =
				tbl_cells_hold(c, &key, 9, 7, NOW_S + after_s, &mine, &value);

			assert_int_equal(
				a, after_s < 2 * MINUTE_S ? TBL_CELLS_FULL : TBL_CELLS_PASS);
		}
		tbl_cells_release(c, &held, 1);
		for (uint32_t i = 200; after_s >= 2 * MINUTE_S && i < 200 + BUCKET; i++) {
			const struct tbl_cell_key key = key_of(i);
			assert_int_equal(tbl_cells_read(c, &key, NOW_S + after_s).events, 1);
		}
		free(c);
	}
}

static void events_of_another_key_or_span_are_not_given_back(void **)
{
	struct tbl_cells *c = table_of(64);
	struct tbl_cells_held held = {0}, others = {0};
	const struct tbl_cell_key key = key_of(5), second = key_of(6);
	uint32_t value;

	assert_true(holds(c, 6, 9, NOW_S, &others, 1));
	assert_true(holds(c, 5, 9, NOW_S, &held, 1));
	assert_true(holds(c, 6, 9, NOW_S, &held, 2));
	tbl_cells_release(c, &held, UINT32_MAX);
	assert_int_equal(tbl_cells_read(c, &second, NOW_S).events, 1);
	assert_int_equal(tbl_cells_read(c, &key, NOW_S).events, 1);
	// A commit made the span longer: what counted by the shorter one counts on.
	assert_true(holds(c, 5, 9, NOW_S, &held, 2));
	assert_int_equal(
		tbl_cells_hold(c, &key, 9, 2 * MINUTE_S, NOW_S, &held, &value), TBL_CELLS_PASS);
	tbl_cells_release(c, &held, UINT32_MAX);
	assert_int_equal(tbl_cells_read(c, &key, NOW_S).events, 2);
	free(c);
}

static void a_name_is_another_number_under_another_secret(void **)
{
	static const uint8_t OTHER[16] = {1, 2, 4};
	struct tbl_cells *c = table_of(64);
	const uint64_t a = tbl_cells_name(c, "a@example.com", 13),
		       b = tbl_cells_name(c, "b@example.com", 13);

	assert_true(a != b);
	assert_true(a == tbl_cells_name(c, "a@example.com", 13));
	assert_true(tbl_cells_name(tbl_cells_init(c, 64, OTHER), "a@example.com", 13) != a);
	free(c);
}

static void a_table_of_many_cells_holds_half_as_many_keys_without_loss(void **)
{
	struct tbl_cells *c = table_of(MANY);
	uint32_t full = 0, value, cell;

	for (uint32_t i = 0; i < MANY / 2; i++) {
		const struct tbl_cell_key key = key_of(i);
		full += tbl_cells_take(c, &key, 1, NOW_S, &cell, &value) == TBL_CELLS_FULL;
	}
	assert_true(full < MANY / 1000);
	for (uint32_t i = 0; i < MANY / 2; i++) {
		const struct tbl_cell_key key = key_of(i);
		full -= tbl_cells_take(c, &key, 1, NOW_S, &cell, &value) == TBL_CELLS_FULL;
	}
	assert_int_equal(full, 0);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(n_tickets_pass_and_the_next_is_refused_until_one_is_given_back),
		cmocka_unit_test(a_limit_that_has_changed_holds_for_the_next_ticket),
		cmocka_unit_test(each_part_of_a_key_tells_cells_apart),
		cmocka_unit_test(a_ticket_for_two_keys_gives_both_back),
		cmocka_unit_test(a_full_table_says_so_and_takes_nothing),
		cmocka_unit_test(a_cell_without_tickets_and_events_is_taken_for_another_key),
		cmocka_unit_test(a_cell_stays_while_its_window_says_something),
		cmocka_unit_test(n_events_pass_in_a_window_and_the_next_is_refused),
		cmocka_unit_test(events_run_out_as_the_window_moves_on),
		cmocka_unit_test(any_span_of_a_window_lets_at_most_twice_the_limit_pass),
		cmocka_unit_test(a_clock_that_is_a_second_behind_changes_nothing),
		cmocka_unit_test(tickets_and_events_of_a_key_share_its_cell),
		cmocka_unit_test(n_that_are_held_pass_and_another_once_one_is_given_back),
		cmocka_unit_test(what_is_forgotten_stays_counted),
		cmocka_unit_test(
			held_events_are_given_back_to_the_window_that_they_were_counted_in),
		cmocka_unit_test(events_of_others_stay_when_the_window_has_moved_on),
		cmocka_unit_test(the_last_ones_are_given_back_first),
		cmocka_unit_test(a_late_return_takes_nothing_of_a_cell_that_is_anothers_by_then),
		cmocka_unit_test(events_of_another_key_or_span_are_not_given_back),
		cmocka_unit_test(a_name_is_another_number_under_another_secret),
		cmocka_unit_test(a_table_of_many_cells_holds_half_as_many_keys_without_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
