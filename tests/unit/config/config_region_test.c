// SPDX-License-Identifier: BSD-3-Clause
// Whether policies take all of another one's connections between them, against looking at every
// connection of a small world: addresses of three bits, two TCP ports, two ports, four tags.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cfg_region.h"

enum { BITS = 3, HOSTS = 1 << BITS, VLANS = 4, REGIONS = 6, ROUNDS = 20000 };

static uint32_t seed = 1;

static uint32_t any(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 16) % n;
}

static struct prefix prefix_any(void)
{
	const unsigned len = any(2) == 0 ? 0 : any(BITS + 1);
	struct prefix p = {.len = (uint8_t)(128 - BITS + len)};

	p.addr.b[15] = (uint8_t)(any(HOSTS) >> (BITS - len) << (BITS - len));
	return p;
}

static struct cfg_region region_any(void)
{
	struct cfg_region r = {.source = prefix_any(),
		.destination = prefix_any(),
		.ports = any(2) == 0 ? 3 : any(4),
		.ingress = any(2) == 0 ? 3 : any(4),
		.vlan_lo = (uint16_t)(any(2) == 0 ? 0 : any(VLANS))};

	r.vlan_hi = (uint16_t)(r.vlan_lo + any((uint32_t)(VLANS - r.vlan_lo)));
	return r;
}

struct point {
	struct addr source, destination;
	unsigned port, ingress, vlan;
};

static bool region_has(const struct cfg_region *r, const struct point *p)
{
	return prefix_has(&r->source, &p->source) && prefix_has(&r->destination, &p->destination) &&
		(r->ports >> p->port & 1) != 0 && (r->ingress >> p->ingress & 1) != 0 &&
		r->vlan_lo <= p->vlan && p->vlan <= r->vlan_hi;
}

static struct point point_of(unsigned i)
{
	struct point p = {.port = i & 1, .ingress = i >> 1 & 1, .vlan = i >> 2 & 3};

	p.source.b[15] = (uint8_t)(i >> 4 & (HOSTS - 1));
	p.destination.b[15] = (uint8_t)(i >> (4 + BITS) & (HOSTS - 1));
	return p;
}

static bool all_taken(
	const struct cfg_region *by, const uint32_t *which, unsigned n, const struct cfg_region *r)
{
	for (unsigned i = 0; i < 1U << (4 + 2 * BITS); i++) {
		const struct point p = point_of(i);
		bool taken = !region_has(r, &p);

		for (unsigned k = 0; k < n && !taken; k++)
			taken = region_has(&by[which[k]], &p);
		if (!taken)
			return false;
	}
	return true;
}

static bool is_empty(const struct cfg_region *r)
{
	return r->ports == 0 || r->ingress == 0;
}

static void as_looking_at_every_connection_says(void **)
{
	static const uint32_t all[REGIONS] = {0, 1, 2, 3, 4, 5};
	unsigned covered = 0, several = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct cfg_region by[REGIONS], r = region_any();
		uint32_t used[CFG_COVER_MAX];
		uint64_t budget = UINT32_MAX;
		unsigned n;
		bool want;

		for (unsigned i = 0; i < REGIONS; i++)
			by[i] = region_any();
		if (is_empty(&r))
			continue;
		want = all_taken(by, all, REGIONS, &r);
		n = cfg_region_covered(by, REGIONS, &r, used, &budget);
		if ((n > 0) != want)
			fail_msg("round %u: %u", round, n);
		covered += n > 0;
		several += n > 1;
		if (n > 0)
			assert_true(all_taken(by, used, n, &r));
		for (unsigned i = 0; i < n; i++) { // each is needed
			uint32_t others[CFG_COVER_MAX];
			unsigned m = 0;

			for (unsigned k = 0; k < n; k++)
				if (k != i)
					others[m++] = used[k];
			assert_false(all_taken(by, others, m, &r));
		}
		for (unsigned i = 0; i < REGIONS; i++)
			assert_int_equal(
				cfg_region_within(&r, &by[i]), all_taken(by, &all[i], 1, &r));
	}
	assert_true(covered > 500 && several > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_looking_at_every_connection_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
