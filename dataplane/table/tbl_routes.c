// SPDX-License-Identifier: BSD-3-Clause
// Two tables of DPDK behind one door. The default route has a place of its own: neither table takes
// a prefix of no bits.
// Thread: see the header.
#include "tbl_routes.h"

#include <errno.h>
#include <stdio.h>

#include <rte_lpm.h>
#include <rte_lpm6.h>
#include <rte_malloc.h>

#include "wire_field.h"

enum {
	V4_BITS = 32,
	V6_BITS = 128,
	GROUPS4 = 1024,  // of 256 entries, each for prefixes beyond /24 of one /24
	GROUPS6 = 16384, // likewise for each further 8 bits beyond /24
	GROUP_ENTRIES = 256,
	FIRST_ENTRIES = 1 << 24,
};

struct tbl_routes {
	struct rte_lpm *v4;
	struct rte_lpm6 *v6;
	uint32_t default4, default6;
};

uint64_t tbl_routes_bytes(void)
{
	return 4 * (UINT64_C(2) * FIRST_ENTRIES + (GROUPS4 + GROUPS6) * GROUP_ENTRIES);
}

struct tbl_routes *tbl_routes_new(const char *name, int socket)
{
	const struct rte_lpm_config conf4 = {.max_rules = TBL_ROUTES_MAX, .number_tbl8s = GROUPS4};
	struct rte_lpm6_config conf6 = {.max_rules = TBL_ROUTES_MAX, .number_tbl8s = GROUPS6};
	struct tbl_routes *t =
		rte_zmalloc_socket("routes", sizeof(*t), RTE_CACHE_LINE_SIZE, socket);
	char label[RTE_LPM_NAMESIZE];

	if (t == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	t->default4 = t->default6 = TBL_ROUTE_NONE;
	(void)snprintf(label, sizeof(label), "%s_4", name);
	t->v4 = rte_lpm_create(label, socket, &conf4);
	(void)snprintf(label, sizeof(label), "%s_6", name);
	t->v6 = t->v4 == NULL ? NULL : rte_lpm6_create(label, socket, &conf6);
	if (t->v6 == NULL) {
		tbl_routes_free(t);
		errno = ENOMEM;
		return NULL;
	}
	return t;
}

void tbl_routes_free(struct tbl_routes *t)
{
	if (t == NULL)
		return;
	rte_lpm_free(t->v4);
	rte_lpm6_free(t->v6);
	rte_free(t);
}

int tbl_routes_add(struct tbl_routes *t, const struct prefix *to, uint32_t value)
{
	bool v4 = to->len >= V6_BITS - V4_BITS && addr_is_v4(&to->addr);
	uint8_t depth = v4 ? (uint8_t)(to->len - (V6_BITS - V4_BITS)) : to->len;
	uint8_t v6[16];

	if (value > TBL_ROUTE_VALUE_MAX)
		return -EINVAL;
	if (depth == 0) {
		*(v4 ? &t->default4 : &t->default6) = value;
		return 0;
	}
	if (v4)
		return rte_lpm_add(t->v4, wire_get32(to->addr.b + 12), depth, value);
	memcpy(v6, to->addr.b, sizeof(v6)); // its parameter is not const
	return rte_lpm6_add(t->v6, v6, depth, value);
}

uint32_t tbl_route_v4(const struct tbl_routes *t, const uint8_t *v4)
{
	uint32_t value;

	return rte_lpm_lookup(t->v4, wire_get32(v4), &value) == 0 ? value : t->default4;
}

uint32_t tbl_route_v6(const struct tbl_routes *t, const uint8_t *v6)
{
	uint32_t value;

	return rte_lpm6_lookup(t->v6, v6, &value) == 0 ? value : t->default6;
}

void tbl_routes_v4(const struct tbl_routes *t, const uint32_t *v4, uint32_t *values, unsigned n)
{
	(void)rte_lpm_lookup_bulk(t->v4, v4, values, n);
	for (unsigned i = 0; i < n; i++)
		values[i] = (values[i] & RTE_LPM_LOOKUP_SUCCESS) != 0 ? values[i] & TBL_ROUTE_VALUE_MAX
								      : t->default4;
}

void tbl_routes_v6(const struct tbl_routes *t, uint8_t v6[][16], uint32_t *values, unsigned n)
{
	int32_t found[TBL_ROUTES_BULK];

	(void)rte_lpm6_lookup_bulk_func(t->v6, v6, found, n);
	for (unsigned i = 0; i < n; i++)
		values[i] = found[i] >= 0 ? (uint32_t)found[i] : t->default6;
}
