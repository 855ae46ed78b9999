// SPDX-License-Identifier: BSD-3-Clause
// Routes against a walk over all prefixes, next hops by what may be found when; one at a time and in bursts.
// Needs EAL (--no-huge), no root.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_memory.h>

#include "table_eal.h"
#include "tbl_hops.h"
#include "tbl_routes.h"

enum { ROUTES = 600, ASKED = 20000, HOPS = 100, V4_BITS = 96 };

static uint64_t seed = 11;

static uint32_t random32(void) // xorshift64*
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)(seed * UINT64_C(2685821657736338717) >> 32);
}

static struct addr address(bool v4, uint32_t a, uint32_t b)
{
	struct addr x = {.b = {0x20, 1, 0xd, 0xb8}};

	if (v4)
		x = (struct addr){.b = {[10] = 0xff, [11] = 0xff}};
	else
		memcpy(x.b + 4, &b, sizeof(b));
	memcpy(x.b + 12, &a, sizeof(a));
	return x;
}

// Few values in each octet, so that prefixes lie within one another.
static struct addr near(bool v4)
{
	return address(v4, random32() & 0x03010703, random32() & 0x01030103);
}

static struct prefix cut(struct addr a, uint8_t len)
{
	for (unsigned bit = len; bit < 128; bit++)
		a.b[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
	return (struct prefix){.addr = a, .len = len};
}

static bool holds(const struct prefix *p, const struct addr *a)
{
	struct prefix c = cut(*a, p->len);

	return memcmp(c.addr.b, p->addr.b, sizeof(c.addr.b)) == 0;
}

struct model {
	struct prefix to[ROUTES];
	uint32_t value[ROUTES];
	unsigned n;
};

static uint32_t walk(const struct model *m, const struct addr *a)
{
	uint32_t value = TBL_ROUTE_NONE;
	int best = -1;

	for (unsigned i = 0; i < m->n; i++)
		if (m->to[i].len >= best && holds(&m->to[i], a)) { // the later of two equal ones
			best = m->to[i].len;
			value = m->value[i];
		}
	return value;
}

static void model_add(struct model *m, struct tbl_routes *t, struct prefix to, uint32_t value)
{
	m->to[m->n] = to;
	m->value[m->n++] = value;
	assert_int_equal(tbl_routes_add(t, &to, value), 0);
}

static uint32_t ask_alone(const struct tbl_routes *t, bool v4, const struct addr *a)
{
	return v4 ? tbl_route_v4(t, a->b + 12) : tbl_route_v6(t, a->b);
}

static uint32_t ask_in_burst(const struct tbl_routes *t, bool v4, const struct addr *a, unsigned n)
{
	uint32_t four[TBL_ROUTES_BULK], values[TBL_ROUTES_BULK];
	uint8_t six[TBL_ROUTES_BULK][16];

	for (unsigned i = 0; i < n; i++) { // the one that counts comes last
		struct addr x = i + 1 == n ? *a : near(v4);

		four[i] = (uint32_t)x.b[12] << 24 | (uint32_t)x.b[13] << 16 |
			(uint32_t)x.b[14] << 8 | x.b[15];
		memcpy(six[i], x.b, 16);
	}
	if (v4)
		tbl_routes_v4(t, four, values, n);
	else
		tbl_routes_v6(t, six, values, n);
	return values[n - 1];
}

static void same_as_walk(bool v4, bool with_default)
{
	static struct model m;
	struct tbl_routes *t = tbl_routes_new("routes", SOCKET_ID_ANY);
	const unsigned bits = v4 ? 32 : 128;

	assert_non_null(t);
	m.n = 0;
	if (with_default)
		model_add(&m, t, cut(address(v4, 0, 0), v4 ? V4_BITS : 0), TBL_ROUTE_VALUE_MAX);
	while (m.n < ROUTES)
		model_add(&m, t,
			cut(near(v4), (uint8_t)(128 - bits + 1 + random32() % bits)), m.n);
	for (unsigned i = 0; i < ASKED; i++) {
		struct addr a = near(v4);
		uint32_t want = walk(&m, &a);

		assert_int_equal(ask_alone(t, v4, &a), want);
		assert_int_equal(ask_in_burst(t, v4, &a, 1 + i % TBL_ROUTES_BULK), want);
	}
	tbl_routes_free(t);
}

static void the_longest_prefix_that_holds_the_destination_says_where(void **)
{
	for (unsigned i = 0; i < 4; i++)
		same_as_walk(i % 2 == 0, i / 2 == 0);
}

static void a_route_of_one_family_is_none_of_the_other(void **)
{
	struct tbl_routes *t = tbl_routes_new("families", SOCKET_ID_ANY);
	struct addr four = address(true, 9, 0), six = address(false, 9, 9);
	struct prefix any4 = cut(four, V4_BITS);

	assert_int_equal(tbl_routes_add(t, &any4, 4), 0);
	assert_int_equal(ask_alone(t, true, &four), 4);
	assert_int_equal(ask_alone(t, false, &six), TBL_ROUTE_NONE);
	tbl_routes_free(t);
}

static void a_value_that_a_route_cannot_hold_is_refused(void **)
{
	struct tbl_routes *t = tbl_routes_new("values", SOCKET_ID_ANY);
	struct prefix to = cut(address(true, 9, 0), 128);

	assert_int_equal(tbl_routes_add(t, &to, TBL_ROUTE_VALUE_MAX + 1), -EINVAL);
	tbl_routes_free(t);
}

// ---- next hops

static struct addr hop_of(uint32_t i)
{
	return address(i % 2 == 0, i, i);
}

static void a_hop_is_of_its_interface_and_keeps_its_place(void **)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0x99};
	struct tbl_hops *t = tbl_hops_new("hops", HOPS, SOCKET_ID_ANY);
	struct addr a = hop_of(1);
	int32_t place = tbl_hops_add(t, 1, &a), other = tbl_hops_add(t, 2, &a);

	assert_true(place >= 0 && other >= 0 && place != other);
	assert_true((uint32_t)place < tbl_hops_places(t));
	assert_int_equal(tbl_hops_add(t, 1, &a), place);
	assert_int_equal(tbl_hops_find(t, 1, &a), place);
	assert_int_equal(tbl_hops_find(t, 3, &a), -ENOENT);
	assert_int_equal(atomic_load(&tbl_hops_at(t, (uint32_t)place)->mac), 0);
	tbl_hops_set(t, (uint32_t)place, mac);
	assert_int_equal(atomic_load(&tbl_hops_at(t, (uint32_t)place)->mac),
		TBL_HOP_KNOWN | UINT64_C(0x990000000002));
	tbl_hops_set(t, (uint32_t)place, NULL);
	assert_int_equal(atomic_load(&tbl_hops_at(t, (uint32_t)place)->mac), 0);
	tbl_hops_free(t);
}

static void hops_are_found_in_bursts_as_alone(void **)
{
	struct tbl_hops *t = tbl_hops_new("bursts", HOPS, SOCKET_ID_ANY);

	for (uint32_t i = 0; i < HOPS; i += 2) {
		struct addr a = hop_of(i);

		assert_true(tbl_hops_add(t, (uint16_t)(i % 3), &a) >= 0);
	}
	for (unsigned n = 0; n <= TBL_HOPS_BULK; n++) {
		struct tbl_hop_key key[TBL_HOPS_BULK];
		int32_t places[TBL_HOPS_BULK];

		for (unsigned i = 0; i < n; i++)
			key[i] = (struct tbl_hop_key){
				.addr = hop_of(i + n), .iface = (uint16_t)((i + n) % 3)};
		tbl_hops_find_bulk(t, key, places, n);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(
				places[i], tbl_hops_find(t, key[i].iface, &key[i].addr));
	}
	tbl_hops_free(t);
}

static void the_place_of_a_deleted_hop_is_nobodys_until_workers_have_passed(void **)
{
	static const uint8_t mac[6] = {2};
	struct tbl_hops *t = tbl_hops_new("deleted", HOPS, SOCKET_ID_ANY);
	struct addr a = hop_of(1);
	int32_t place = tbl_hops_add(t, 1, &a), again;

	tbl_hops_set(t, (uint32_t)place, mac);
	assert_int_equal(tbl_hops_del(t, 1, &a), 0);
	assert_int_equal(tbl_hops_del(t, 1, &a), -ENOENT);
	assert_int_equal(tbl_hops_find(t, 1, &a), -ENOENT);
	assert_int_equal(tbl_hops_waiting(t), 1);
	again = tbl_hops_add(t, 1, &a);
	assert_true(again >= 0 && again != place); // a worker may still send by the old one
	assert_int_not_equal(atomic_load(&tbl_hops_at(t, (uint32_t)place)->mac), 0);
	tbl_hops_reclaim(t);
	assert_int_equal(tbl_hops_waiting(t), 0);
	assert_int_equal(tbl_hops_find(t, 1, &a), again);
	assert_int_equal(atomic_load(&tbl_hops_at(t, (uint32_t)place)->mac), 0);
	tbl_hops_free(t);
}

static void what_waits_is_bounded_and_a_full_table_has_room_again_behind_it(void **)
{
	struct tbl_hops *t = tbl_hops_new("full", HOPS, SOCKET_ID_ANY);
	uint32_t n = 0, gone = 0;
	int ret;

	for (;; n++) {
		struct addr a = hop_of(n);

		ret = tbl_hops_add(t, 1, &a);
		if (ret < 0)
			break;
	}
	assert_int_equal(ret, -ENOSPC);
	assert_true(n >= HOPS && n <= tbl_hops_places(t));
	for (;; gone++) {
		struct addr a = hop_of(gone);

		ret = tbl_hops_del(t, 1, &a);
		if (ret < 0)
			break;
	}
	assert_int_equal(ret, -EBUSY);
	assert_int_equal(tbl_hops_waiting(t), gone);
	tbl_hops_reclaim(t);
	for (uint32_t i = 0; i < gone; i++) {
		struct addr a = hop_of(i);

		assert_true(tbl_hops_add(t, 1, &a) >= 0);
	}
	tbl_hops_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix_that_holds_the_destination_says_where),
		cmocka_unit_test(a_route_of_one_family_is_none_of_the_other),
		cmocka_unit_test(a_value_that_a_route_cannot_hold_is_refused),
		cmocka_unit_test(a_hop_is_of_its_interface_and_keeps_its_place),
		cmocka_unit_test(hops_are_found_in_bursts_as_alone),
		cmocka_unit_test(the_place_of_a_deleted_hop_is_nobodys_until_workers_have_passed),
		cmocka_unit_test(what_waits_is_bounded_and_a_full_table_has_room_again_behind_it),
	};

	return cmocka_run_group_tests(tests, eal_start, eal_end);
}
