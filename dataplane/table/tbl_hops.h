// SPDX-License-Identifier: BSD-3-Clause
// Next hops: (interface, address) -> MAC. Workers look up without a lock and note that they used one; the
// manager alone adds, deletes and says what the MAC is. A hop keeps its place as long as it is there.
// Thread: each function says whose it is.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "addr.h"

struct tbl_hop {
	_Atomic uint64_t
		mac; // w: manager, r: workers; TBL_HOP_KNOWN and 6 bytes, the first in the lowest
	_Atomic uint32_t used; // w: workers 1, manager 0
	uint16_t
		iface; // w: manager; workers read it, and addr, of hops that were there before they ran
	struct addr addr;
};

#define TBL_HOP_KNOWN (UINT64_C(1) << 63)

struct tbl_hops;

// Bytes of DPDK's memory for so many, about.
uint64_t tbl_hops_bytes(uint32_t hops);
// NULL with errno. `name` is unique in the process. Manager.
struct tbl_hops *tbl_hops_new(const char *name, uint32_t hops, int socket);
void tbl_hops_free(struct tbl_hops *t); // NULL is fine

// The place of a hop, or -ENOENT. Worker or manager.
int32_t tbl_hops_find(const struct tbl_hops *t, uint16_t iface, const struct addr *a);
// The same for up to TBL_HOPS_BULK, whose waits for memory overlap.
enum { TBL_HOPS_BULK = 32 };
struct tbl_hop_key {
	struct addr addr;
	uint16_t iface;
	uint16_t zero;
};
void tbl_hops_find_bulk(
	const struct tbl_hops *t, const struct tbl_hop_key *key, int32_t *places, unsigned n);
// Any place that tbl_hops_find or _add gave. Worker (behind it, until its next burst boundary) or manager.
struct tbl_hop *tbl_hops_at(const struct tbl_hops *t, uint32_t place);
uint32_t tbl_hops_places(const struct tbl_hops *t); // places are below it

// Manager: a hop whose MAC is not known, or the place that it has already; -ENOSPC.
int32_t tbl_hops_add(struct tbl_hops *t, uint16_t iface, const struct addr *a);
// Manager: what the MAC is; NULL: not known any more.
void tbl_hops_set(struct tbl_hops *t, uint32_t place, const uint8_t *mac);
// Manager: nobody finds it any more; its place is taken back by tbl_hops_reclaim. -ENOENT, or -EBUSY where
// too many wait for that.
int tbl_hops_del(struct tbl_hops *t, uint16_t iface, const struct addr *a);
unsigned tbl_hops_waiting(const struct tbl_hops *t);
// Manager: every worker has passed a burst boundary since the last tbl_hops_del.
void tbl_hops_reclaim(struct tbl_hops *t);
