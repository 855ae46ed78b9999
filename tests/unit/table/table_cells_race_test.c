// SPDX-License-Identifier: BSD-3-Clause
// Limit cells, many workers at once. Threads only count what must not be; the test looks at it when they
// are done. The table is one bucket where cells are to be fought for. Worth building with
// -fsanitize=thread, too.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "tbl_cells.h"

enum {
	THREADS = 4,
	ROUNDS = 100000,
	BUCKET = 31,
	KEYS = 100, // of a bucket: three want each of its cells
	NOW_S = 1000,
	WINDOW_S = 60,
	EVENTS = 5000,
};

struct race {
	struct tbl_cells *cells;
	uint32_t limit, keys;
	_Atomic uint32_t held[KEYS]; // never above what the table says is out
	_Atomic uint32_t too_many, refused, full, passed;
	_Atomic uint32_t ready;
};

struct runner {
	struct race *race;
	pthread_t thread;
	uint64_t seed;
};

static struct tbl_cell_key key_of(uint32_t client)
{
	struct tbl_cell_key key = {.profile = 7};

	memcpy(key.client.b + 12, &client, sizeof(client));
	return key;
}

static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33) % below;
}

static void race_init(struct race *r, uint32_t count, uint32_t limit, uint32_t keys)
{
	static const uint8_t SECRET[16] = {3};
	void *memory = aligned_alloc(64, (tbl_cells_bytes(count) + 63) / 64 * 64);

	assert_non_null(memory);
	memset(r, 0, sizeof(*r));
	r->cells = tbl_cells_init(memory, count, SECRET);
	r->limit = limit;
	r->keys = keys;
}

static void race_run(struct race *r, void *(*run)(void *))
{
	struct runner runner[THREADS];

	for (uint64_t i = 0; i < THREADS; i++) {
		runner[i] = (struct runner){.race = r, .seed = i + 1};
		assert_int_equal(pthread_create(&runner[i].thread, NULL, run, &runner[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(runner[i].thread, NULL), 0);
}

// A ticket of a key for a moment.
static void hold_once(struct race *r, uint32_t k)
{
	const struct tbl_cell_key key = key_of(k);
	uint32_t cell, value;

	switch (tbl_cells_take(r->cells, &key, r->limit, NOW_S, &cell, &value)) {
	case TBL_CELLS_OVER:
		r->refused++;
		return;
	case TBL_CELLS_FULL:
		r->full++;
		return;
	default:
		break;
	}
	r->passed++;
	if (atomic_fetch_add(&r->held[k], 1) >= r->limit)
		r->too_many++;
	atomic_fetch_sub(&r->held[k], 1);
	tbl_cells_give(r->cells, cell);
}

static void *hold_all(void *arg)
{
	struct runner *me = arg;

	for (unsigned i = 0; i < ROUNDS; i++)
		hold_once(me->race, draw(&me->seed, me->race->keys));
	return NULL;
}

// Two at a time, of any keys: what one claims another frees.
static void *hold_pairs(void *arg)
{
	struct runner *me = arg;
	struct race *r = me->race;

	for (unsigned i = 0; i < ROUNDS; i++) {
		const uint32_t k = draw(&me->seed, r->keys);
		const struct tbl_cell_key key = key_of(k);
		uint32_t cell, value;

		if (tbl_cells_take(r->cells, &key, r->limit, NOW_S, &cell, &value) !=
			TBL_CELLS_PASS) {
			r->refused++;
			continue;
		}
		if (atomic_fetch_add(&r->held[k], 1) >= r->limit)
			r->too_many++;
		hold_once(r, draw(&me->seed, r->keys));
		atomic_fetch_sub(&r->held[k], 1);
		tbl_cells_give(r->cells, cell);
	}
	return NULL;
}

// Tickets of any keys, each with one of a key for all.
static void *hold_both(void *arg)
{
	struct runner *me = arg;
	struct race *r = me->race;

	for (unsigned i = 0; i < ROUNDS; i++) {
		const struct tbl_cell_key key = key_of(draw(&me->seed, r->keys - 1)),
					  all = key_of(r->keys - 1);
		uint32_t ticket, value;

		if (tbl_cells_take(r->cells, &key, THREADS, NOW_S, &ticket, &value) !=
			TBL_CELLS_PASS)
			r->full++;
		if (tbl_cells_take_also(r->cells, &all, r->limit, NOW_S, &ticket, &value) ==
			TBL_CELLS_PASS) {
			if (atomic_fetch_add(&r->held[0], 1) >= r->limit)
				r->too_many++;
			atomic_fetch_sub(&r->held[0], 1);
		}
		tbl_cells_give(r->cells, ticket);
	}
	return NULL;
}

static void *count_all(void *arg)
{
	struct runner *me = arg;
	struct race *r = me->race;

	for (unsigned i = 0; i < 2 * EVENTS; i++) {
		const struct tbl_cell_key key = key_of(0);
		uint32_t value;
		enum tbl_cells_answer a =
			tbl_cells_count(r->cells, &key, EVENTS, WINDOW_S, NOW_S, &value);

		r->passed += a == TBL_CELLS_PASS;
		r->full += a == TBL_CELLS_FULL;
		if (a == TBL_CELLS_OVER)
			r->too_many += value != EVENTS;
	}
	return NULL;
}

// Events of one key between tickets of many that want its cell.
static void *count_amid(void *arg)
{
	struct runner *me = arg;
	struct race *r = me->race;

	for (unsigned i = 0; i < 2 * EVENTS; i++) {
		const struct tbl_cell_key key = key_of(KEYS);
		uint32_t value;
		enum tbl_cells_answer a =
			tbl_cells_count(r->cells, &key, EVENTS, WINDOW_S, NOW_S, &value);

		r->refused += a == TBL_CELLS_PASS;
		r->too_many += a == TBL_CELLS_FULL;
		for (unsigned k = 0; k < 4; k++) {
			const struct tbl_cell_key other = key_of(draw(&me->seed, KEYS));
			uint32_t cell;

			if (tbl_cells_take(r->cells, &other, 9, NOW_S, &cell, &value) ==
				TBL_CELLS_PASS)
				tbl_cells_give(r->cells, cell);
		}
	}
	return NULL;
}

// Events that are held for a moment, between tickets of many that want their cells.
static void *hold_events(void *arg)
{
	struct runner *me = arg;
	struct race *r = me->race;

	for (unsigned i = 0; i < ROUNDS; i++) {
		const uint32_t k = draw(&me->seed, r->keys);
		const struct tbl_cell_key key = key_of(k), other = key_of(KEYS + k);
		struct tbl_cells_held held = {0};
		uint32_t value, cell;

		switch (tbl_cells_hold(r->cells, &key, r->limit, WINDOW_S, NOW_S, &held, &value)) {
		case TBL_CELLS_PASS:
			if (atomic_fetch_add(&r->held[k], 1) >= r->limit)
				r->too_many++;
			if (tbl_cells_take(r->cells, &other, 1, NOW_S, &cell, &value) ==
				TBL_CELLS_PASS)
				tbl_cells_give(r->cells, cell);
			atomic_fetch_sub(&r->held[k], 1);
			tbl_cells_release(r->cells, &held, 1);
			r->passed++;
			break;
		case TBL_CELLS_OVER:
			r->refused++;
			break;
		default:
			r->full++;
			break;
		}
	}
	return NULL;
}

// Nothing is out any more, and of each key exactly `limit` pass.
static void nothing_is_left(struct race *r)
{
	for (uint32_t k = 0; k < r->keys; k++) {
		const struct tbl_cell_key key = key_of(k);
		uint32_t cell[THREADS], none, value;

		assert_int_equal(tbl_cells_read(r->cells, &key, NOW_S).tickets, 0);
		for (uint32_t i = 0; i < r->limit; i++) {
			assert_int_equal(
				tbl_cells_take(r->cells, &key, r->limit, NOW_S, &cell[i], &value),
				TBL_CELLS_PASS);
			assert_int_equal(value, i + 1);
		}
		assert_int_equal(tbl_cells_take(r->cells, &key, r->limit, NOW_S, &none, &value),
			TBL_CELLS_OVER);
		for (uint32_t i = 0; i < r->limit; i++)
			tbl_cells_give(r->cells, cell[i]);
	}
}

static void never_more_tickets_are_out_than_the_limit(void **)
{
	static struct race r;

	for (uint32_t limit = 1; limit < THREADS; limit++) {
		race_init(&r, BUCKET - 1, limit, 1);
		race_run(&r, hold_all);
		assert_int_equal(r.too_many, 0);
		assert_int_equal(r.full, 0);
		assert_int_equal(r.passed + r.refused, THREADS * ROUNDS);
		nothing_is_left(&r);
		free(r.cells);
	}
}

static void as_many_tickets_as_holders_refuse_nobody(void **)
{
	static struct race r;

	race_init(&r, BUCKET - 1, THREADS, 1);
	race_run(&r, hold_all);
	assert_int_equal(r.passed, THREADS * ROUNDS);
	nothing_is_left(&r);
	free(r.cells);
}

static void cells_that_change_their_key_lose_and_double_no_ticket(void **)
{
	static struct race r;

	race_init(&r, BUCKET - 1, 1, KEYS);
	race_run(&r, hold_all);
	assert_int_equal(r.too_many, 0);
	assert_true(r.passed > ROUNDS);
	nothing_is_left(&r);
	free(r.cells);
}

static void cells_that_change_their_key_refuse_nobody_within_the_limit(void **)
{
	static struct race r;

	race_init(&r, BUCKET - 1, THREADS, KEYS);
	race_run(&r, hold_all);
	assert_int_equal(r.too_many, 0);
	assert_int_equal(r.refused, 0);
	assert_int_equal(r.full, 0); // four are held at most
	nothing_is_left(&r);
	free(r.cells);
}

static void pairs_of_tickets_are_kept_apart(void **)
{
	static struct race r;

	race_init(&r, BUCKET - 1, 2, KEYS);
	race_run(&r, hold_pairs);
	assert_int_equal(r.too_many, 0);
	assert_int_equal(r.full, 0);
	nothing_is_left(&r);
	free(r.cells);
}

static void tickets_of_two_keys_come_back_together(void **)
{
	static struct race r;

	race_init(&r, BUCKET - 1, THREADS - 1, KEYS);
	race_run(&r, hold_both);
	assert_int_equal(r.too_many, 0);
	assert_int_equal(r.full, 0);
	nothing_is_left(&r);
	free(r.cells);
}

static void exactly_n_events_pass_across_workers(void **)
{
	static struct race r;

	race_init(&r, BUCKET - 1, 1, 1);
	race_run(&r, count_all);
	assert_int_equal(r.passed, EVENTS);
	assert_int_equal(r.too_many, 0);
	assert_int_equal(r.full, 0);
	free(r.cells);
}

static void a_window_survives_those_who_want_its_cell(void **)
{
	static struct race r;

	race_init(&r, BUCKET - 1, 1, KEYS);
	race_run(&r, count_amid);
	assert_int_equal(r.refused, EVENTS); // those that passed
	assert_int_equal(r.too_many, 0);
	free(r.cells);
}

// Nothing that was held is left: of each key exactly `limit` pass.
static void held_events_race(uint32_t limit, uint32_t keys)
{
	static struct race r;

	race_init(&r, BUCKET - 1, limit, keys);
	race_run(&r, hold_events);
	assert_int_equal(r.too_many, 0);
	assert_int_equal(r.full, 0); // eight cells at most are in use
	assert_int_equal(r.passed + r.refused, THREADS * ROUNDS);
	if (limit >= THREADS)
		assert_int_equal(r.refused, 0);
	for (uint32_t k = 0; k < keys; k++) {
		const struct tbl_cell_key key = key_of(k);
		struct tbl_cells_held held = {0};
		uint32_t value;

		for (uint32_t i = 0; i < limit; i++)
			assert_int_equal(tbl_cells_hold(r.cells, &key, limit, WINDOW_S, NOW_S,
						 &held, &value),
				TBL_CELLS_PASS);
		assert_int_equal(tbl_cells_count(r.cells, &key, limit, WINDOW_S, NOW_S, &value),
			TBL_CELLS_OVER);
		tbl_cells_release(r.cells, &held, limit);
	}
	free(r.cells);
}

static void never_more_events_are_held_than_the_limit_and_all_come_back(void **)
{
	held_events_race(1, 1);
	held_events_race(THREADS - 1, 1);
	held_events_race(THREADS, 1);
	held_events_race(1, KEYS);
	held_events_race(THREADS, KEYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_more_tickets_are_out_than_the_limit),
		cmocka_unit_test(as_many_tickets_as_holders_refuse_nobody),
		cmocka_unit_test(cells_that_change_their_key_lose_and_double_no_ticket),
		cmocka_unit_test(cells_that_change_their_key_refuse_nobody_within_the_limit),
		cmocka_unit_test(pairs_of_tickets_are_kept_apart),
		cmocka_unit_test(tickets_of_two_keys_come_back_together),
		cmocka_unit_test(exactly_n_events_pass_across_workers),
		cmocka_unit_test(a_window_survives_those_who_want_its_cell),
		cmocka_unit_test(never_more_events_are_held_than_the_limit_and_all_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
