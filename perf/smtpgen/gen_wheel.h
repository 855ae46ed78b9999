// SPDX-License-Identifier: BSD-3-Clause
// When each end of a session is looked at next: a wheel of milliseconds. An end is always in it at
// most once, never later than it must be looked at, often earlier: who is called too early puts
// itself in again. So an answer in time costs nothing here. Thread: one.
#pragma once

#include <stdint.h>

enum { GEN_WHEEL_SLOTS = 4096 }; // milliseconds; what is later is looked at on the way
#define GEN_WHEEL_NONE UINT32_MAX

struct gen_wheel {
	uint32_t *next, *prev, *at; // by id; at: 0 = not in the wheel
	uint32_t slot[GEN_WHEEL_SLOTS];
	uint32_t now; // the last millisecond whose slot was emptied
};

int gen_wheel_new(struct gen_wheel *w, uint32_t ids); // 0 or -ENOMEM
void gen_wheel_free(struct gen_wheel *w);

// Looks at `id` at `ms` (later than now) at the latest.
void gen_wheel_arm(struct gen_wheel *w, uint32_t id, uint32_t ms);
// The next id whose time has come by `ms`, which leaves the wheel; GEN_WHEEL_NONE: no more.
uint32_t gen_wheel_next(struct gen_wheel *w, uint32_t ms);
