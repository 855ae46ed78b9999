// SPDX-License-Identifier: BSD-3-Clause
// From a client's address and port to the end that has it: open addressing, one array. Thread: one.
#pragma once

#include <stdint.h>

struct gen_index_place {
	uint64_t key; // 0 = free
	uint32_t value;
};

struct gen_index {
	struct gen_index_place *place;
	uint32_t mask;
};

#define GEN_INDEX_NONE UINT32_MAX

// Room for `n` keys. 0 or -ENOMEM.
int gen_index_new(struct gen_index *x, uint32_t n);
void gen_index_free(struct gen_index *x);

// Family, the address's last 32 bits, port: what tells clients apart. Never 0.
static inline uint64_t gen_index_key(unsigned family, uint32_t addr, uint16_t port)
{
	return (uint64_t)family << 48 | (uint64_t)addr << 16 | port;
}

uint32_t gen_index_get(const struct gen_index *x, uint64_t key);       // or GEN_INDEX_NONE
void gen_index_put(struct gen_index *x, uint64_t key, uint32_t value); // key is not in it
void gen_index_drop(struct gen_index *x, uint64_t key);
// Asks the memory for what a get will look at.
static inline uint32_t gen_index_hash(uint64_t key)
{
	return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}
static inline void gen_index_prefetch(const struct gen_index *x, uint64_t key)
{
	__builtin_prefetch(&x->place[gen_index_hash(key) & x->mask]);
}
