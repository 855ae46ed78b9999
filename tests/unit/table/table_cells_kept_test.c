// SPDX-License-Identifier: BSD-3-Clause
// Limit cells over the death of their process: what a reader outside finds in their memory, and what a
// table made later makes of it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "api_cells.h"
#include "tbl_cells.h"

enum {
	NOW_S = 100000, // of the workers' clock
	MONO_S = 7000,  // of CLOCK_MONOTONIC, at the same time
	WINDOW_S = 600,
	LIMIT = 10,
	BUCKET = 31,
	ROWS_MAX = 4096,
};

static const uint8_t SECRET[16] = {1, 2, 3};

static struct tbl_cells *table_of(uint32_t count, const uint8_t secret[16])
{
	void *memory = aligned_alloc(64, (tbl_cells_bytes(count) + 63) / 64 * 64);

	assert_non_null(memory);
	struct tbl_cells *c = tbl_cells_init(memory, count, secret);
	tbl_cells_clock(c, NOW_S * UINT64_C(1000000), MONO_S * UINT64_C(1000000));
	return c;
}

static struct tbl_cell_key key_of(uint32_t client)
{
	struct tbl_cell_key key = {.profile = 7, .context = 1, .kind = 2};

	memcpy(key.client.b + 12, &client, sizeof(client));
	return key;
}

static enum tbl_cells_answer count_at(struct tbl_cells *c, uint32_t client, uint32_t now_s)
{
	const struct tbl_cell_key key = key_of(client);
	uint32_t value;

	return tbl_cells_count(c, &key, LIMIT, WINDOW_S, now_s, &value);
}

static struct tbl_cell_state state_of(const struct tbl_cells *c, uint32_t client, uint32_t now_s)
{
	const struct tbl_cell_key key = key_of(client);

	return tbl_cells_read(c, &key, now_s);
}

// All that a reader outside finds.
static unsigned rows_of(const struct tbl_cells *c, struct api_count rows[ROWS_MAX])
{
	const struct api_cells *seen = (const void *)c;
	unsigned n = 0;

	for (uint32_t b = 0; b < seen->buckets; b++)
		for (unsigned i = 0; i < API_CELLS_SLOTS; i++)
			n += n < ROWS_MAX && api_cells_take(seen, b, i, &rows[n]);
	return n;
}

// As the link does it; now_s is that of the new table's workers, and of CLOCK_MONOTONIC.
static enum tbl_cells_answer row_put(struct tbl_cells *c, const struct api_count *r, uint32_t now_s)
{
	const struct tbl_cells_row put = {.tag = r->tag,
		.start_s = (uint32_t)r->start_s,
		.window_s = r->window_s,
		.before = r->before,
		.now = r->now};

	assert_true(tbl_cells_row_is_sound(&put));
	return tbl_cells_put(c, &put, now_s);
}

static void what_was_counted_counts_on_in_another_table(void **)
{
	static struct api_count rows[ROWS_MAX];
	struct tbl_cells *old = table_of(5000, SECRET), *fresh = table_of(70, (uint8_t[16]){9});
	uint32_t ticket, value;

	for (uint32_t client = 0; client < 20; client++)
		for (uint32_t n = 0; n < client % (LIMIT + 1); n++)
			assert_int_equal(count_at(old, client, NOW_S - 40), TBL_CELLS_PASS);
	const struct tbl_cell_key held = key_of(1000);
	assert_int_equal(tbl_cells_take(old, &held, 1, NOW_S, &ticket, &value), TBL_CELLS_PASS);
	const unsigned n = rows_of(old, rows);
	assert_int_equal(n, 18); // not of the two that counted nothing, not of the ticket

	tbl_cells_secret(fresh, SECRET);
	for (unsigned i = 0; i < n; i++) {
		assert_true(api_count_is_sound(&rows[i]));
		assert_int_equal(rows[i].start_s, MONO_S - 40);
		assert_int_equal(row_put(fresh, &rows[i], MONO_S), TBL_CELLS_PASS);
	}
	for (uint32_t client = 0; client < 20; client++) {
		assert_int_equal(state_of(fresh, client, MONO_S).events, client % (LIMIT + 1));
		assert_int_equal(state_of(fresh, client, MONO_S).tickets, 0);
		for (uint32_t k = client % (LIMIT + 1); k < LIMIT; k++)
			assert_int_equal(count_at(fresh, client, MONO_S), TBL_CELLS_PASS);
		assert_int_equal(count_at(fresh, client, MONO_S), TBL_CELLS_OVER);
	}
	assert_int_equal(state_of(fresh, 1000, MONO_S).tickets, 0);
	// The window ends when it would have: what counts then is the part that is not over.
	assert_int_equal(
		state_of(fresh, 10, MONO_S - 40 + WINDOW_S + WINDOW_S / 2).events, LIMIT / 2);
	assert_int_equal(state_of(fresh, 10, MONO_S - 40 + 2 * WINDOW_S).events, 0);
	free(fresh);
	free(old);
}

static void under_another_secret_nobody_is_found(void **)
{
	static struct api_count rows[ROWS_MAX];
	struct tbl_cells *old = table_of(100, SECRET), *fresh = table_of(100, (uint8_t[16]){9});

	for (uint32_t client = 0; client < 10; client++)
		assert_int_equal(count_at(old, client, NOW_S), TBL_CELLS_PASS);
	const unsigned n = rows_of(old, rows);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(row_put(fresh, &rows[i], MONO_S), TBL_CELLS_PASS);
	for (uint32_t client = 0; client < 10; client++)
		assert_int_equal(state_of(fresh, client, MONO_S).events, 0);
	free(fresh);
	free(old);
}

static void a_row_is_taken_as_far_as_its_time_goes(void **)
{
	static const struct {
		const char *what;
		struct tbl_cells_row row;
		enum tbl_cells_answer answer;
		uint32_t events; // that count at once
	} cases[] = {
		{"now", {5, NOW_S, WINDOW_S, 0, 7}, TBL_CELLS_PASS, 7},
		{"half of the window before", {5, NOW_S - WINDOW_S / 2, WINDOW_S, 8, 1},
			TBL_CELLS_PASS, 5},
		{"that before is over", {5, NOW_S - WINDOW_S, WINDOW_S, 9, 4}, TBL_CELLS_PASS, 4},
		{"a second is left", {5, NOW_S - 2 * WINDOW_S + 1, WINDOW_S, 0, 600},
			TBL_CELLS_PASS, 1},
		{"over", {5, NOW_S - 2 * WINDOW_S, WINDOW_S, 9, 9}, TBL_CELLS_OVER, 0},
		{"long over", {5, NOW_S - INT32_MAX, WINDOW_S, 9, 9}, TBL_CELLS_OVER, 0},
		{"nothing", {5, NOW_S, WINDOW_S, 0, 0}, TBL_CELLS_OVER, 0},
		{"in times to come: it begins now", {5, NOW_S + 500000, WINDOW_S, 2, 3},
			TBL_CELLS_PASS, 5},
		{"in the farthest", {5, NOW_S - 1 - INT32_MAX, WINDOW_S, 0, 3}, TBL_CELLS_PASS, 3},
		{"all it can",
			{UINT64_MAX, NOW_S, TBL_CELLS_WINDOW_MAX_S, TBL_CELLS_EVENTS_MAX,
				TBL_CELLS_EVENTS_MAX},
			TBL_CELLS_PASS, 2 * TBL_CELLS_EVENTS_MAX},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static struct api_count rows[ROWS_MAX];
		struct tbl_cells *c = table_of(100, SECRET);

		assert_true(tbl_cells_row_is_sound(&cases[i].row));
		if (tbl_cells_put(c, &cases[i].row, NOW_S) != cases[i].answer)
			fail_msg("%s: another answer", cases[i].what);
		const unsigned n = rows_of(c, rows);
		assert_int_equal(n, cases[i].answer == TBL_CELLS_PASS);
		if (n == 0) {
			free(c);
			continue;
		}
		assert_int_equal(rows[0].tag, cases[i].row.tag);
		const int64_t rest_s = rows[0].window_s - (MONO_S - rows[0].start_s);
		assert_true(rest_s > 0 && rest_s <= rows[0].window_s);
		const uint32_t events = rows[0].now +
			(uint32_t)((rows[0].before * rest_s + rows[0].window_s - 1) /
				rows[0].window_s);
		if (events != cases[i].events)
			fail_msg("%s: %u events", cases[i].what, events);
		free(c);
	}
}

static void rows_out_of_range_are_not_sound(void **)
{
	static const struct tbl_cells_row bad[] = {
		{5, NOW_S, 0, 1, 1},
		{5, NOW_S, TBL_CELLS_WINDOW_MAX_S + 1, 1, 1},
		{5, NOW_S, UINT32_MAX, 1, 1},
		{5, NOW_S, 60, TBL_CELLS_EVENTS_MAX + 1, 1},
		{5, NOW_S, 60, 1, UINT16_MAX},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct api_count same = {.tag = bad[i].tag,
			.window_s = bad[i].window_s,
			.before = bad[i].before,
			.now = bad[i].now};

		assert_false(tbl_cells_row_is_sound(&bad[i]));
		assert_false(api_count_is_sound(&same));
	}
	// No start overflows.
	for (int64_t start = INT64_MIN; start != INT64_MAX; start = start < 0 ? 0 : INT64_MAX)
		(void)api_count_is_over(
			&(struct api_count){.start_s = start, .window_s = 60}, MONO_S);
	assert_true(api_count_is_over(
		&(struct api_count){.start_s = INT64_MIN, .window_s = 60}, MONO_S));
	assert_false(api_count_is_over(
		&(struct api_count){.start_s = INT64_MAX, .window_s = 60}, MONO_S));
}

static void a_row_that_comes_twice_counts_once(void **)
{
	struct tbl_cells *c = table_of(100, SECRET);
	struct tbl_cells_row row = {.tag = 5, .start_s = NOW_S, .window_s = 60, .now = 9};
	static struct api_count rows[ROWS_MAX];

	assert_int_equal(tbl_cells_put(c, &row, NOW_S), TBL_CELLS_PASS);
	row.now = 4;
	assert_int_equal(tbl_cells_put(c, &row, NOW_S), TBL_CELLS_PASS);
	assert_int_equal(rows_of(c, rows), 1);
	assert_int_equal(rows[0].now, 4);
	free(c);
}

static void tags_of_one_bucket_fill_that_and_no_more(void **)
{
	struct tbl_cells *c = table_of(10 * BUCKET, SECRET);
	static struct api_count rows[ROWS_MAX];
	unsigned full = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		const struct tbl_cells_row row = {
			.tag = i, .start_s = NOW_S, .window_s = 60, .now = 1};

		full += tbl_cells_put(c, &row, NOW_S) == TBL_CELLS_FULL;
	}
	assert_int_equal(full, 1000 - BUCKET);
	assert_int_equal(rows_of(c, rows), BUCKET);
	// Their time goes by, and the cells with it.
	for (uint32_t client = 0; client < 100; client++)
		assert_int_equal(count_at(c, client, NOW_S + 120), TBL_CELLS_PASS);
	free(c);
}

static void a_cell_that_was_being_claimed_says_nothing(void **)
{
	static struct api_count rows[ROWS_MAX];
	struct tbl_cells *c = table_of(1, SECRET);
	struct api_cells *mem = (void *)c;

	assert_int_equal(count_at(c, 1, NOW_S), TBL_CELLS_PASS);
	assert_int_equal(rows_of(c, rows), 1);
	for (unsigned i = 0; i < API_CELLS_SLOTS; i++) {
		struct api_cell *cell = &mem->bucket[0].cell[i];
		uint64_t word = atomic_load(&cell->word);

		if (word != 0) // killed between claim and turn
			atomic_store(
				&cell->word, (word & ~(UINT64_C(3) << 32)) | UINT64_C(1) << 32);
	}
	assert_int_equal(rows_of(c, rows), 0);
	free(c);
}

// ---- a reader beside a worker that claims one cell for one key after the other

enum { KEYS = 500000, STEP_S = 200 }; // more than two windows: the next key has the cell

struct race {
	struct tbl_cells *cells;
	_Atomic bool over;
};

static void *race_work(void *arg)
{
	struct race *r = arg;

	for (uint32_t k = 0; k < KEYS; k++) {
		const struct tbl_cell_key key = key_of(k);
		uint32_t value;

		for (uint32_t n = 0; n <= k % 7; n++)
			(void)tbl_cells_count(
				r->cells, &key, LIMIT, 60, NOW_S + k * STEP_S, &value);
	}
	atomic_store(&r->over, true);
	return NULL;
}

static void a_reader_never_sees_one_key_with_counts_of_another(void **)
{
	struct race r = {.cells = table_of(1, SECRET)};
	struct tbl_cells *probe = table_of(1, SECRET);
	static uint64_t tag[KEYS];
	static struct api_count rows[ROWS_MAX];
	struct api_count row;
	pthread_t thread;
	unsigned seen = 0;

	for (uint32_t k = 0; k < KEYS; k++) { // what is whose
		const struct tbl_cell_key key = key_of(k);
		uint32_t value;

		probe = tbl_cells_init(probe, 1, SECRET);
		(void)tbl_cells_count(probe, &key, LIMIT, 60, NOW_S, &value);
		assert_int_equal(rows_of(probe, rows), 1);
		tag[k] = rows[0].tag;
	}
	assert_int_equal(pthread_create(&thread, NULL, race_work, &r), 0);
	while (!atomic_load(&r.over)) {
		if (api_cells_take((const void *)r.cells, 0, 0, &row)) {
			const uint32_t k = (uint32_t)(row.start_s - MONO_S) / STEP_S; // by its time

			assert_true(k < KEYS);
			assert_true(row.tag == tag[k]);
			assert_true(row.now >= 1 && row.now <= k % 7 + 1);
			seen++;
		}
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(seen > 0);
	free(probe);
	free(r.cells);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_counted_counts_on_in_another_table),
		cmocka_unit_test(under_another_secret_nobody_is_found),
		cmocka_unit_test(a_row_is_taken_as_far_as_its_time_goes),
		cmocka_unit_test(rows_out_of_range_are_not_sound),
		cmocka_unit_test(a_row_that_comes_twice_counts_once),
		cmocka_unit_test(tags_of_one_bucket_fill_that_and_no_more),
		cmocka_unit_test(a_cell_that_was_being_claimed_says_nothing),
		cmocka_unit_test(a_reader_never_sees_one_key_with_counts_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
