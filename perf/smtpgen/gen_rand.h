// SPDX-License-Identifier: BSD-3-Clause
// Numbers that look like chance and are the same for the same seed. Thread: any; no state but the
// caller's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GEN_WHOLE 1000000u // shares are counted in millionths

struct gen_rand {
	uint64_t s;
};

static inline uint64_t gen_mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static inline struct gen_rand gen_rand_of(uint64_t seed, uint64_t a, uint64_t b)
{
	return (struct gen_rand){.s = gen_mix(gen_mix(gen_mix(seed) ^ a) ^ b)};
}

static inline uint32_t gen_rand_next(struct gen_rand *r)
{
	r->s = gen_mix(r->s);
	return (uint32_t)(r->s >> 32);
}

// 0 .. n-1; 0 where n is 0.
static inline uint32_t gen_rand_below(struct gen_rand *r, uint32_t n)
{
	return (uint32_t)((uint64_t)gen_rand_next(r) * n >> 32);
}

// True `share` times in a million.
static inline bool gen_rand_hit(struct gen_rand *r, uint32_t share)
{
	return share > 0 && gen_rand_below(r, GEN_WHOLE) < share;
}
