// SPDX-License-Identifier: BSD-3-Clause
// Numbers that go round: TCP's sequence space (RFC 9293 3.4) and clocks of 32 bits in milliseconds.
// `a` is before `b` where less than half the circle leads from it to `b`. Thread: any.
#pragma once

#include <stdbool.h>
#include <stdint.h>

static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_le(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? b : a;
}

static inline uint32_t seq_min(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? a : b;
}
