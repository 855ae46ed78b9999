// SPDX-License-Identifier: BSD-3-Clause
// The forwarding table of a learning bridge: (VLAN, MAC) -> port, aged after 300 s (IEEE 802.1Q
// 8.8.3). Workers look up without a lock and report what they saw by a ring; the manager alone
// adds, moves and deletes. A full table learns nothing more: its frames are flooded.
// Thread: each function says whose it is.
#pragma once

#include <stdint.h>

enum { TBL_FDB_AGE_S = 300, TBL_FDB_NONE = 0xffff };

struct tbl_fdb;

// All memory at once; NULL with errno. `name` is unique in the process. Manager, before workers
// run.
struct tbl_fdb *tbl_fdb_new(const char *name, uint32_t entries, int socket);
void tbl_fdb_free(struct tbl_fdb *f);

// The table's key; `vid` is the outer VLAN id, 0 = untagged; `mac` 6 bytes in wire order.
static inline uint64_t tbl_fdb_key(uint16_t vid, const uint8_t *mac)
{
	return (uint64_t)vid << 48 | (uint64_t)mac[0] << 40 | (uint64_t)mac[1] << 32 |
	       (uint64_t)mac[2] << 24 | (uint64_t)mac[3] << 16 | (uint64_t)mac[4] << 8 | mac[5];
}

// Worker: the port behind which the address lies, or TBL_FDB_NONE.
uint16_t tbl_fdb_lookup(const struct tbl_fdb *f, uint64_t key);
// Worker: a frame from `key` came in by `port`. Keeps the entry young; a new or moved address is
// reported to the manager (lost where its ring is full: the next frame reports it again).
void tbl_fdb_seen(struct tbl_fdb *f, uint64_t key, uint16_t port, uint32_t now_s);

// Manager: takes at most `max` reports; returns how many it took.
unsigned tbl_fdb_learn(struct tbl_fdb *f, uint32_t now_s, unsigned max);
// Manager: looks at no more than `slice` entries and deletes the old ones. Their slots are taken
// back by tbl_fdb_reclaim once no worker can be reading them. Returns the slots that wait for that.
unsigned tbl_fdb_age(struct tbl_fdb *f, uint32_t now_s, unsigned slice);
// Manager: every worker has passed a burst boundary since the last tbl_fdb_age.
void tbl_fdb_reclaim(struct tbl_fdb *f);
// Manager: entries in use.
uint32_t tbl_fdb_entries(const struct tbl_fdb *f);
