// SPDX-License-Identifier: BSD-3-Clause
// The seed's own dice: every choice of a run comes from here, in the order of simulated time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

static inline uint64_t dice_next(struct dice *d)
{
	uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15); // splitmix64

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

// 0 .. n-1
static inline uint32_t dice_below(struct dice *d, uint32_t n)
{
	return n == 0 ? 0 : (uint32_t)((dice_next(d) >> 32) * n >> 32);
}

// from .. to, both included
static inline uint32_t dice_in(struct dice *d, uint32_t from, uint32_t to)
{
	return from + dice_below(d, to - from + 1);
}

// true in `permille` of a thousand
static inline bool dice_is(struct dice *d, uint32_t permille)
{
	return dice_below(d, 1000) < permille;
}
