// SPDX-License-Identifier: BSD-3-Clause
// Rows are all that a second process needs: made from them at any moment, its bindings are those of the first,
// and they stay so under whatever comes afterwards.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rad_bind.h"

#define assert_done(fate) assert_int_equal(fate, RAD_DONE)

enum { PLACES = 12, ENDPOINTS = 24, NAS = 4, IDLE_S = 3000, KEEP_S = 200, NOW = 100000 };

struct disk { // what was stored, by the last octet of the address
	struct rad_row row[PLACES];
	bool has[PLACES];
	char id[PLACES][16];
	uint32_t era[NAS];
	unsigned rows;
};

static const struct rad_context here = {.key = 77, .vlan = 5};

static void row_store(void *arg, const struct rad_row *row)
{
	struct disk *d = arg;
	const unsigned i = row->key.prefix.addr.b[15];

	assert_true(i < PLACES);
	d->rows++;
	d->has[i] = row->has != RAD_ROW_GONE;
	d->row[i] = *row;
	assert_int_equal(row->id.n > 0, row->has == RAD_ROW_LIVE);
	if (row->id.n > 0)
		memcpy(d->id[i], row->id.p, row->id.n);
	d->row[i].id.p = (const uint8_t *)d->id[i];
}

static void era_store(void *arg, uint64_t nas, uint32_t era)
{
	struct disk *d = arg;

	assert_true(nas < NAS && era > d->era[nas]);
	d->era[nas] = era;
}

static void change_none(void *, const struct rad_key *, struct rad_bound) {}

static struct rad_bind *bind_make(struct disk *d, uint32_t refresh_s)
{
	const struct rad_bind_conf conf = {.bindings = 64,
		.endpoints = ENDPOINTS,
		.nas = 16,
		.idle_s = IDLE_S,
		.keep_s = KEEP_S,
		.row = d == NULL ? NULL : row_store,
		.nas_era = d == NULL ? NULL : era_store,
		.row_arg = d,
		.refresh_s = refresh_s,
		.key = "0123456789abcde",
		.id_key = "what ids go by"};
	struct rad_bind *b = rad_bind_new(&conf, change_none, NULL);

	assert_non_null(b);
	return b;
}

static struct rad_bind *bind_restored(const struct disk *d, struct disk *to, uint32_t now_s)
{
	struct rad_bind *b = bind_make(to, 0);

	*to = *d;
	for (unsigned i = 0; i < NAS; i++)
		if (d->era[i] > 0)
			assert_true(rad_bind_restore_nas(b, i, d->era[i]));
	for (unsigned i = 0; i < PLACES; i++)
		if (d->has[i])
			assert_true(rad_bind_restore(b, &d->row[i], now_s));
	return b;
}

static struct rad_key key(unsigned place)
{
	const uint8_t v4[4] = {10, 0, 0, (uint8_t)place};

	return (struct rad_key){.prefix = {.addr = addr_from_v4(v4), .len = 128},
		.port_last = UINT16_MAX,
		.context = here.key,
		.vlan = here.vlan};
}

static struct rad_account record(
	uint32_t status, uint64_t nas, uint64_t session, const char *id, unsigned place)
{
	return (struct rad_account){.status = status,
		.nas = nas,
		.session = session,
		.id = span_str(id),
		.naddress = 1,
		.address = {key(place).prefix},
		.port_last = UINT16_MAX};
}

static void same(const struct rad_bind *a, const struct rad_bind *b)
{
	for (unsigned i = 0; i < PLACES; i++) {
		const struct rad_key k = key(i);
		const struct rad_bound x = rad_bind_find(a, &k), y = rad_bind_find(b, &k);

		assert_int_equal(x.key, y.key);
		assert_int_equal(x.shared, y.shared);
		if (x.endpoint != RAD_NONE)
			assert_true(
				span_eq(rad_bind_id(a, x.endpoint), rad_bind_id(b, y.endpoint)));
	}
	assert_int_equal(rad_bind_counts(a).bindings, rad_bind_counts(b).bindings);
}

static void another_process_goes_on_as_the_first_would_have(void **)
{
	enum { RUNS = 300, RECORDS = 120, SEED = 7 };
	static struct disk first, second;

	srandom(SEED);
	for (unsigned run = 0; run < RUNS; run++) {
		const unsigned killed = (unsigned)random() % RECORDS;
		uint32_t now_s = NOW;
		struct rad_bind *other = NULL;

		first = (struct disk){0};
		struct rad_bind *b = bind_make(&first, 0);
		for (unsigned i = 0; i < RECORDS; i++) {
			static const uint32_t status[] = {RAD_START, RAD_START, RAD_STOP,
				RAD_INTERIM, RAD_INTERIM, RAD_START, RAD_STOP, RAD_INTERIM};
			const unsigned r = (unsigned)random();
			const uint64_t nas = r % 3 + 1, session = nas * 100 + r / 3 % 9;
			char id[16];
			struct rad_account a;

			(void)snprintf(id, sizeof(id), "id%llu", (unsigned long long)session % 5);
			a = record(r / 64 % 40 == 0 ? RAD_ON : status[r / 4096 % 8], nas, session,
				id, r / 32768 % PLACES);
			a.delay_s = r % 7 == 0 ? r / 128 % 400 : 0;
			if (a.status == RAD_ON)
				a.naddress = 0;
			if (i == killed)
				other = bind_restored(&first, &second, now_s);
			(void)rad_bind_take(b, &a, here, now_s);
			rad_bind_tick(b, now_s, 64);
			if (other != NULL) {
				(void)rad_bind_take(other, &a, here, now_s);
				rad_bind_tick(other, now_s, 64);
				same(b, other);
			}
			now_s += (uint32_t)random() % 60;
		}
		rad_bind_free(b);
		rad_bind_free(other);
	}
}

// Behind a restart its late Interim, sent again by a proxy, must not make the binding that of two.
static void that_the_session_before_has_ended_outlives_the_process(void **)
{
	static struct disk d, e;
	struct rad_account before = record(RAD_START, 1, 1, "alice", 1),
			   a = record(RAD_START, 1, 2, "bob", 1);
	const struct rad_key k = key(1);

	for (int has_shared = 0; has_shared < 2; has_shared++) {
		d = e = (struct disk){0};
		struct rad_bind *b = bind_make(&d, 0);

		before.status = RAD_START;
		assert_done(rad_bind_take(b, &before, here, NOW));
		assert_done(rad_bind_take(b, &a, here, NOW + 1));
		before.status = RAD_INTERIM;
		if (has_shared)
			assert_done(rad_bind_take(b, &before, here, NOW + 2));
		assert_int_equal(rad_bind_find(b, &k).shared, has_shared);
		before.status = RAD_STOP;
		assert_done(rad_bind_take(b, &before, here, NOW + 3));
		const unsigned rows = d.rows;
		assert_done(rad_bind_take(b, &before, here, NOW + 4)); // again: nothing new
		assert_int_equal(d.rows, rows);
		struct rad_bind *other = bind_restored(&d, &e, NOW + 5);
		before.status = RAD_INTERIM;
		assert_done(rad_bind_take(other, &before, here, NOW + 6));
		assert_false(rad_bind_find(other, &k).shared);
		assert_true(span_eq(
			rad_bind_id(other, rad_bind_find(other, &k).endpoint), span_str("bob")));
		rad_bind_free(b);
		rad_bind_free(other);
	}
}

static void what_is_known_is_not_replaced(void **)
{
	static struct disk d, e;
	struct rad_account a = record(RAD_START, 1, 1, "alice", 1),
			   c = record(RAD_START, 1, 2, "bob", 1);
	const struct rad_key k = key(1);

	d = e = (struct disk){0};
	struct rad_bind *b = bind_make(&d, 0), *late = bind_make(&e, 0);
	assert_done(rad_bind_take(b, &a, here, NOW));
	assert_done(rad_bind_take(late, &c, here, NOW - 50));
	assert_true(rad_bind_restore(late, &d.row[1], NOW));
	assert_true(span_eq(rad_bind_id(late, rad_bind_find(late, &k).endpoint), span_str("bob")));
	rad_bind_free(b);
	rad_bind_free(late);
}

// A file that came late: the NAS went on in this process, which its older rows don't know.
static void a_nas_that_went_meanwhile_takes_older_rows_with_it(void **)
{
	static struct disk d, e;
	struct rad_account a = record(RAD_START, 1, 1, "alice", 1),
			   on = record(RAD_ON, 1, 0, "", 1);
	const struct rad_key k = key(1);

	on.naddress = 0;
	for (int went = 0; went < 2; went++) {
		d = e = (struct disk){0};
		struct rad_bind *b = bind_make(&d, 0), *late = bind_make(&e, 0);

		assert_done(rad_bind_take(b, &on, here, NOW));
		assert_done(rad_bind_take(b, &a, here, NOW));
		if (went)
			assert_done(rad_bind_take(late, &on, here, NOW));
		else
			(void)rad_bind_take(late,
				&(struct rad_account){.status = RAD_STOP, .nas = 1}, here,
				NOW); // it is known, no more
		assert_true(rad_bind_restore_nas(late, 1, d.era[1]));
		assert_true(rad_bind_restore(late, &d.row[1], NOW));
		assert_int_equal(rad_bind_find(late, &k).endpoint == RAD_NONE, went);
		rad_bind_free(b);
		rad_bind_free(late);
	}
}

static void news_that_changes_nothing_makes_a_row_seldom(void **)
{
	static struct disk d;
	struct rad_account a = record(RAD_START, 1, 1, "alice", 1);

	d = (struct disk){0};
	struct rad_bind *b = bind_make(&d, 300);
	assert_done(rad_bind_take(b, &a, here, NOW));
	a.status = RAD_INTERIM;
	for (uint32_t i = 1; i <= 600; i++)
		assert_done(rad_bind_take(b, &a, here, NOW + i));
	assert_int_equal(d.rows, 3);
	assert_int_equal(d.row[1].seen_s, NOW + 600);
	rad_bind_free(b);
}

static void all_is_said_in_slices(void **)
{
	static struct disk d, again;
	struct rad_account on = record(RAD_ON, 2, 0, "", 1);
	struct rad_account stop = record(RAD_STOP, 1, 3, "", 3);
	uint32_t at = 0;

	d = (struct disk){0};
	struct rad_bind *b = bind_make(&d, 0);
	on.naddress = 0;
	assert_done(rad_bind_take(b, &on, here, NOW));
	for (unsigned i = 0; i < 5; i++) {
		struct rad_account a = record(RAD_START, 1, i, "alice", i);

		assert_done(rad_bind_take(b, &a, here, NOW));
	}
	assert_done(rad_bind_take(b, &stop, here, NOW + 1));
	again = d;
	d = (struct disk){0};
	for (unsigned i = 0; !rad_bind_say(b, &at, 2); i++)
		assert_true(i < 3);
	assert_memory_equal(d.has, again.has, sizeof(d.has));
	assert_memory_equal(d.era, again.era, sizeof(d.era));
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(d.row[i].has, again.row[i].has);
		assert_int_equal(d.row[i].session, again.row[i].session);
	}
	rad_bind_free(b);
}

// A wall clock that was set back leaves rows of the future: they count as of now.
static void a_time_that_is_not_yet_is_now(void **)
{
	static struct disk d, e;
	struct rad_account a = record(RAD_START, 1, 1, "alice", 1);
	const struct rad_key k = key(1);

	d = e = (struct disk){0};
	struct rad_bind *b = bind_make(&d, 0), *other = bind_make(&e, 0);
	assert_done(rad_bind_take(b, &a, here, NOW + 100000));
	assert_true(rad_bind_restore(other, &d.row[1], NOW));
	rad_bind_tick(other, NOW + IDLE_S, 64);
	assert_int_not_equal(rad_bind_find(other, &k).endpoint, RAD_NONE);
	rad_bind_tick(other, NOW + IDLE_S + 1, 64);
	assert_int_equal(rad_bind_find(other, &k).endpoint, RAD_NONE);
	rad_bind_free(b);
	rad_bind_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_process_goes_on_as_the_first_would_have),
		cmocka_unit_test(that_the_session_before_has_ended_outlives_the_process),
		cmocka_unit_test(what_is_known_is_not_replaced),
		cmocka_unit_test(a_nas_that_went_meanwhile_takes_older_rows_with_it),
		cmocka_unit_test(news_that_changes_nothing_makes_a_row_seldom),
		cmocka_unit_test(all_is_said_in_slices),
		cmocka_unit_test(a_time_that_is_not_yet_is_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
