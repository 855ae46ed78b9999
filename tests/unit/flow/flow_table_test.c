// SPDX-License-Identifier: BSD-3-Clause
// The flow table: what is added is found, nothing else is, however full it was and whoever left.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_memory.h>

#include "flow.h"
#include "flow_eal.h"

enum { KEYS = 20000, COUNT = 8192, STEPS = 400000 };

static struct flow_key key_of(uint32_t n)
{
	struct flow_key k = {.client_port = (uint16_t)(1024 + n % 50000), .server_port = 25};

	memcpy(k.client.b + 12, &n, sizeof(n));
	k.server.b[15] = 7;
	return k;
}

static struct flow *add(struct flow_table *t, uint32_t n)
{
	struct flow_key k = key_of(n);

	return flow_add(t, &k);
}

static struct flow *look(const struct flow_table *t, uint32_t n)
{
	struct flow_key k = key_of(n);

	return flow_lookup(t, &k);
}

static int table_make(void **state)
{
	*state = flow_table_new(COUNT, sizeof(struct flow) + 10, SOCKET_ID_ANY);
	return *state == NULL ? -1 : 0;
}

static int table_end(void **state)
{
	flow_table_free(*state);
	return 0;
}

static void all_that_it_has_room_for_are_found(void **state)
{
	struct flow_table *t = *state;
	static struct flow *flows[COUNT];

	for (uint32_t n = 0; n < COUNT; n++) {
		flows[n] = add(t, n);
		assert_non_null(flows[n]);
	}
	assert_int_equal(flow_count(t), COUNT);
	assert_null(add(t, COUNT));
	for (uint32_t n = 0; n < COUNT; n++)
		assert_ptr_equal(look(t, n), flows[n]);
	for (uint32_t n = COUNT; n < KEYS; n++)
		assert_null(look(t, n));
	for (uint32_t n = 0; n < COUNT; n++)
		flow_remove(t, flows[n]);
	for (uint32_t n = 0; n < KEYS; n++)
		assert_null(look(t, n));
	assert_int_equal(flow_count(t), 0);
}

static void comes_and_goes_agree_with_a_list(void **state)
{
	struct flow_table *t = *state;
	static struct flow *flows[KEYS];
	uint32_t live = 0, seed = 1;

	memset(flows, 0, sizeof(flows));
	for (uint32_t step = 0; step < STEPS; step++) {
		seed = seed * 1664525u + 1013904223u;
		uint32_t n = (seed >> 8) % KEYS;
		assert_ptr_equal(look(t, n), flows[n]);
		if (flows[n] != NULL) {
			flow_remove(t, flows[n]);
			flows[n] = NULL;
			live--;
		} else {
			flows[n] = add(t, n);
			assert_true((flows[n] != NULL) == (live < COUNT));
			live += flows[n] != NULL;
		}
		assert_int_equal(flow_count(t), live);
	}
	uint32_t walked = 0;
	for (uint32_t i = 0; i < flow_cells(t); i++)
		walked += flow_at(t, i) != NULL;
	assert_int_equal(walked, live);
}

static void a_key_that_differs_in_one_byte_is_another(void **state)
{
	struct flow_table *t = *state;
	struct flow_key k = key_of(5);

	assert_non_null(add(t, 5));
	for (size_t i = 0; i < sizeof(k); i++) {
		uint8_t *byte = (uint8_t *)&k + i;
		*byte ^= 1;
		assert_null(flow_lookup(t, &k));
		*byte ^= 1;
	}
	assert_non_null(flow_lookup(t, &k));
}

static void the_cell_that_was_freed_last_is_used_first_and_is_clean(void **state)
{
	struct flow_table *t = *state;
	struct flow *f = add(t, 1);

	assert_non_null(add(t, 2));
	f->lane = 3;
	flow_bytes_add(f, STREAM_CLIENT, 77);
	flow_remove(t, f);
	struct flow *again = add(t, 3);
	assert_ptr_equal(again, f);
	assert_int_equal(again->lane, 0);
	assert_int_equal(flow_bytes(again, STREAM_CLIENT), 0);
	assert_false(flow_timer_is_set(again));
}

// Between the two looks at a flow others may come and go: the remembered cell is no more than a hint.
static void a_remembered_cell_leads_to_no_other_flow(void **state)
{
	struct flow_table *t = *state;
	const struct flow_key k = key_of(1);
	const uint64_t hash = flow_hash(t, &k);
	const uint32_t none = flow_prefetch(t, hash);
	struct flow *f = add(t, 1);
	const uint32_t cell = flow_prefetch(t, hash);

	assert_int_equal(none, FLOW_NONE);
	assert_ptr_equal(flow_lookup_hashed(t, &k, hash, none), f); // it came
	assert_ptr_equal(flow_lookup_hashed(t, &k, hash, cell), f);
	flow_remove(t, f);
	assert_null(flow_lookup_hashed(t, &k, hash, cell)); // it went
	struct flow *other = add(t, 2);
	assert_ptr_equal(other, f); // another one has its cell
	assert_null(flow_lookup_hashed(t, &k, hash, cell));
	f = add(t, 1);
	assert_ptr_equal(flow_lookup_hashed(t, &k, hash, cell), f); // it came again, elsewhere
	flow_remove(t, f);
	flow_remove(t, other);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, table_make, table_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(all_that_it_has_room_for_are_found),
		CASE(comes_and_goes_agree_with_a_list),
		CASE(a_key_that_differs_in_one_byte_is_another),
		CASE(the_cell_that_was_freed_last_is_used_first_and_is_clean),
		CASE(a_remembered_cell_leads_to_no_other_flow),
	};

	return cmocka_run_group_tests_name("flow table", tests, eal_start, eal_end);
}
