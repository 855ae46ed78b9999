// SPDX-License-Identifier: BSD-3-Clause
// Where packets go next: the longest prefix that holds an address, of both families, in DPDK's
// tables (rte_lpm, rte_lpm6: 64 MB each, one or two memory accesses a look-up). Filled before workers run,
// only read behind that. Thread: made and filled by the manager; looked up by any.
#pragma once

#include <stdint.h>

#include "addr.h"

enum {
	TBL_ROUTES_MAX = 4096, // a family
	TBL_ROUTE_VALUE_MAX =
		(1 << 20) - 1, // what a route can say: of rte_lpm6's 21 bits the lower 20
	TBL_ROUTE_NONE = 1 << 20,
};

struct tbl_routes;

// Bytes of DPDK's memory that tbl_routes_new takes, about.
uint64_t tbl_routes_bytes(void);
// NULL with errno. `name` is unique in the process.
struct tbl_routes *tbl_routes_new(const char *name, int socket);
void tbl_routes_free(struct tbl_routes *t); // NULL is fine
// `value` up to TBL_ROUTE_VALUE_MAX. A prefix that is there already gets the new value. 0 or -ENOSPC, -EINVAL.
int tbl_routes_add(struct tbl_routes *t, const struct prefix *to, uint32_t value);

// The value, or TBL_ROUTE_NONE. v4: network order, 4 bytes; v6: 16 bytes.
uint32_t tbl_route_v4(const struct tbl_routes *t, const uint8_t *v4);
uint32_t tbl_route_v6(const struct tbl_routes *t, const uint8_t *v6);
// The same for up to TBL_ROUTES_BULK addresses, whose waits for memory overlap. v4 in host order.
enum { TBL_ROUTES_BULK = 32 };
void tbl_routes_v4(const struct tbl_routes *t, const uint32_t *v4, uint32_t *values, unsigned n);
void tbl_routes_v6(const struct tbl_routes *t, uint8_t v6[][16], uint32_t *values, unsigned n);
