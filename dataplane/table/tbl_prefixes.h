// SPDX-License-Identifier: BSD-3-Clause
// What bindings and senders have in common: prefixes of a context, each with a value of 8 bytes, found by the
// addresses in them without a lock. What a value means is its owner's business; so is the place of a prefix that
// went, which stays taken until its owner knows that no worker looks at it any more.
// Thread: tbl_prefixes_look any worker, all else the manager.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_hash.h>

#include "tbl_clients.h"

enum { TBL_PREFIX_LENGTHS = 129, TBL_PREFIX_SECRETS = 4 };

struct tbl_prefix_key { // three words, no byte of it undefined
	struct addr addr;
	uint32_t context;
	uint16_t vlan;
	uint8_t len;
	uint8_t spare;
};
_Static_assert(sizeof(struct tbl_prefix_key) == 24, "with its value half a cache line");

struct tbl_prefixes {
	struct rte_hash *hash; // NULL: no room for any
	uint64_t secret[TBL_PREFIX_SECRETS];
	_Atomic uint64_t lengths[2]; // IPv6, IPv4: a length + 1 a byte, the longest lowest, 0 = end
	_Atomic uint32_t used;       // w: manager, r: any
	uint32_t most;
	uint32_t count[2][TBL_PREFIX_LENGTHS]; // prefixes of a family and length
	uint32_t places;                       // of entries, from 0 on
	uint16_t *mark;                        // of a place: the round that said it last; 0 = nobody's
	uint16_t round;
	uint32_t hand; // the sweep's: the next place
};

// Takes the memory that one of at most `most` prefixes, and `spare` that went and wait, has parts of. 0 or -ENOMEM.
// most 0: none, and 0.
int tbl_prefixes_parts_new(
	struct tbl_prefixes *p, const char *name, uint32_t most, uint32_t spare, int socket);
void tbl_prefixes_parts_free(struct tbl_prefixes *p); // of zeroes: nothing
uint64_t tbl_prefixes_bytes(uint32_t most, uint32_t spare);

// The lengths that there are now, for all looks of a search: read again between two of them, one that went would
// make the next longest take its place, and be passed over.
struct tbl_prefix_lengths {
	uint64_t of[2]; // as tbl_prefixes.lengths; what is left of them, from the longest on
};
struct tbl_prefix_lengths tbl_prefix_lengths(const struct tbl_prefixes *p);
static inline bool tbl_prefix_lengths_any(const struct tbl_prefix_lengths *l)
{
	return (l->of[0] | l->of[1]) != 0;
}
// Looks for those of the keys whose bit is set, by the longest of their family's lengths, which is taken off.
// Returns the bits of those found, with their values.
uint32_t tbl_prefixes_look(const struct tbl_prefixes *p, struct tbl_prefix_lengths *l,
	const struct tbl_client_key *keys, uint32_t which, uint64_t values[TBL_CLIENTS_BULK]);

struct tbl_prefix_key tbl_prefix_key(const struct prefix *p, uint32_t context, uint16_t vlan);
// Its place, its value in *value. -ENOENT.
int32_t tbl_prefixes_find(
	const struct tbl_prefixes *p, const struct tbl_prefix_key *key, uint64_t *value);
// Its key, of a place that is somebody's.
const struct tbl_prefix_key *tbl_prefixes_at(const struct tbl_prefixes *p, uint32_t place);
// One that is not there yet; marked. Its place, -ENOSPC.
int32_t tbl_prefixes_add(
	struct tbl_prefixes *p, const struct tbl_prefix_key *key, uint64_t value);
// Another value of one that is there.
void tbl_prefixes_replace(
	struct tbl_prefixes *p, const struct tbl_prefix_key *key, uint64_t value);
// It is not found any more. Its place, which is the caller's to give back when no worker looks at it.
int32_t tbl_prefixes_remove(struct tbl_prefixes *p, const struct tbl_prefix_key *key);
void tbl_prefixes_place_free(struct tbl_prefixes *p, int32_t place);

// A round of saying everything again.
void tbl_prefixes_begin(struct tbl_prefixes *p);
