// SPDX-License-Identifier: BSD-3-Clause
// Places by a hash: an open-addressed table of 32-bit numbers, linear probing, no tombstones. Whoever owns the
// numbered things compares them; this only says where to look.
// Thread: the owner's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { RAD_INDEX_NONE = UINT32_MAX };

struct rad_index {
	uint32_t mask;
	uint32_t *place; // a number + 1; 0 = empty
};

typedef uint32_t (*rad_hash_fn)(const void *arg, uint32_t number); // of the thing of that number

bool rad_index_open(struct rad_index *x, uint32_t most); // false: out of memory
void rad_index_close(struct rad_index *x);
uint64_t rad_index_bytes(uint32_t most);

// Numbers that may have this hash, one after the other: begin with *at = the hash.
static inline uint32_t rad_index_next(const struct rad_index *x, uint32_t *at)
{
	const uint32_t n = x->place[*at & x->mask];

	*at = (*at & x->mask) + 1;
	return n == 0 ? RAD_INDEX_NONE : n - 1;
}

void rad_index_add(struct rad_index *x, uint32_t hash, uint32_t number);
// `number` is in it. Those behind it move up, by their hashes.
void rad_index_del(
	struct rad_index *x, uint32_t hash, uint32_t number, rad_hash_fn hash_of, const void *arg);
