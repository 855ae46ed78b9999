// SPDX-License-Identifier: BSD-3-Clause
// The half-open table and the graves: who makes room, what is found, how long it is remembered.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <rte_memory.h>

#include "flow_eal.h"
#include "flow_grave.h"
#include "flow_half.h"

enum { PLACES = 1024, BYTES = sizeof(struct flow_half) + 20, LIFE_S = 30 };

static const uint8_t SECRET[16] = {7, 1, 9};

static struct flow_key key_of(uint32_t n)
{
	struct flow_key k = {.client_port = (uint16_t)n, .server_port = 25};

	memcpy(k.client.b + 12, &n, sizeof(n));
	return k;
}

static uint64_t mark_of(const struct flow_key *k)
{
	return flow_mark(SECRET, k);
}

// As the engine does: who is in the way goes.
static struct flow_half *put(struct flow_half_table *t, uint32_t n, uint32_t now_ms)
{
	struct flow_key k = key_of(n);
	struct flow_half *victim = flow_half_victim(t, mark_of(&k));

	if (victim != NULL)
		flow_half_remove(t, victim);
	return flow_half_add(t, &k, mark_of(&k), now_ms);
}

static struct flow_half *look(const struct flow_half_table *t, uint32_t n)
{
	struct flow_key k = key_of(n);

	return flow_half_lookup(t, &k, mark_of(&k));
}

static int half_make(void **state)
{
	*state = flow_half_new(PLACES, BYTES, SOCKET_ID_ANY);
	return *state == NULL ? -1 : 0;
}

static int half_end(void **state)
{
	flow_half_free(*state);
	return 0;
}

static void what_is_half_open_is_found_and_clean(void **state)
{
	struct flow_half *h = put(*state, 1, 1000);

	memset(h + 1, 0xff, BYTES - sizeof(*h));
	assert_ptr_equal(look(*state, 1), h);
	assert_null(look(*state, 2));
	assert_int_equal(h->born_ms, 1000);
	flow_half_remove(*state, h);
	assert_null(look(*state, 1));
	assert_int_equal(flow_half_count(*state), 0);
	h = put(*state, 1, 2000);
	for (unsigned i = sizeof(*h); i < BYTES; i++)
		assert_int_equal(((const uint8_t *)h)[i], 0);
}

static void the_youngest_stay_whatever_comes(void **state)
{
	unsigned kept = 0;

	for (uint32_t n = 0; n < 20 * PLACES; n++)
		(void)put(*state, n, n);
	assert_int_equal(flow_half_count(*state), PLACES);
	assert_int_equal(flow_half_cells(*state), PLACES);
	for (uint32_t n = 19 * PLACES; n < 20 * PLACES; n++)
		kept += look(*state, n) != NULL;
	assert_in_range(kept, PLACES * 3 / 4, PLACES); // buckets are not filled alike
	for (uint32_t n = 0; n < 10 * PLACES; n++)
		assert_null(look(*state, n));
}

static void who_is_touched_outlives_who_is_not_across_a_wrap_of_the_clock(void **state)
{
	const uint32_t begin_ms = UINT32_MAX - 10 * PLACES;

	(void)put(*state, 1, begin_ms);
	for (uint32_t n = 2; n < 20 * PLACES; n++) {
		flow_half_touch(*state, look(*state, 1), begin_ms + n);
		(void)put(*state, n, begin_ms + n);
		assert_non_null(look(*state, 1));
	}
	assert_int_equal(flow_half_idle_ms(*state, look(*state, 1), begin_ms + 20 * PLACES), 1);
}

static void old_ones_are_found_by_looks_that_are_bounded(void **state)
{
	unsigned found = 0, in_vain = 0;

	for (uint32_t n = 0; n < 100; n++)
		(void)put(*state, n, n < 50 ? 0 : 20000);
	assert_null(flow_half_old(*state, 29999, 30000));
	while (found < 50 && in_vain < 100) {
		struct flow_half *h = flow_half_old(*state, 30000, 30000);
		if (h == NULL) {
			in_vain++;
			continue;
		}
		assert_int_equal(h->born_ms, 0);
		flow_half_remove(*state, h);
		found++;
	}
	assert_int_equal(found, 50);
	assert_int_equal(flow_half_count(*state), 50);
	for (unsigned i = 0; i < 50; i++)
		flow_half_remove(*state, look(*state, 50 + i));
	(void)put(*state, 1, 0);
	for (in_vain = 0; flow_half_old(*state, 30000, 30000) == NULL; in_vain++)
		assert_true(in_vain < 2); // 64 of 128 buckets in each look
}

static int graves_make(void **state)
{
	*state = flow_graves_new(PLACES, SOCKET_ID_ANY);
	return *state == NULL ? -1 : 0;
}

static int graves_end(void **state)
{
	flow_graves_free(*state);
	return 0;
}

static void a_grave_is_known_for_its_time_and_until_its_key_lives_again(void **state)
{
	const struct flow_key key_a = key_of(1), key_b = key_of(2);
	const uint64_t a = mark_of(&key_a), b = mark_of(&key_b);

	flow_grave_dig(*state, a, FLOW_GRAVE_REMNANT, 100, LIFE_S);
	assert_int_equal(flow_grave_find(*state, a, 100), FLOW_GRAVE_REMNANT);
	assert_int_equal(flow_grave_find(*state, a, 129), FLOW_GRAVE_REMNANT);
	assert_int_equal(flow_grave_find(*state, a, 130), FLOW_GRAVE_NONE);
	assert_int_equal(flow_grave_find(*state, b, 100), FLOW_GRAVE_NONE);
	flow_grave_dig(*state, a, FLOW_GRAVE_TOMBSTONE, 120, LIFE_S);
	assert_int_equal(flow_grave_find(*state, a, 140), FLOW_GRAVE_TOMBSTONE);
	flow_grave_forget(*state, a);
	assert_int_equal(flow_grave_find(*state, a, 140), FLOW_GRAVE_NONE);
}

static void the_oldest_graves_make_room(void **state)
{
	unsigned kept = 0;

	for (uint32_t n = 0; n < 20 * PLACES; n++) {
		const struct flow_key k = key_of(n);
		flow_grave_dig(*state, mark_of(&k), FLOW_GRAVE_REMNANT, 1000 + n, UINT16_MAX);
		assert_int_equal(
			flow_grave_find(*state, mark_of(&k), 1000 + n), FLOW_GRAVE_REMNANT);
	}
	for (uint32_t n = 0; n < 20 * PLACES; n++) {
		const struct flow_key k = key_of(n);
		bool found =
			flow_grave_find(*state, mark_of(&k), 1000 + 20 * PLACES) != FLOW_GRAVE_NONE;
		kept += found && n >= 19 * PLACES;
		if (n < 5 * PLACES)
			assert_false(found);
	}
	assert_in_range(kept, PLACES / 2, PLACES);
}

#define HALF(f) cmocka_unit_test_setup_teardown(f, half_make, half_end)
#define GRAVE(f) cmocka_unit_test_setup_teardown(f, graves_make, graves_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HALF(what_is_half_open_is_found_and_clean),
		HALF(the_youngest_stay_whatever_comes),
		HALF(who_is_touched_outlives_who_is_not_across_a_wrap_of_the_clock),
		HALF(old_ones_are_found_by_looks_that_are_bounded),
		GRAVE(a_grave_is_known_for_its_time_and_until_its_key_lives_again),
		GRAVE(the_oldest_graves_make_room),
	};

	return cmocka_run_group_tests_name("half-open", tests, eal_start, eal_end);
}
