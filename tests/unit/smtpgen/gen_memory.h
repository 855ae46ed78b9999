// SPDX-License-Identifier: BSD-3-Clause
// The generator's two sides on a wire of memory, with time that only the wire moves. A meddler sees
// each frame under way and may change it, swallow it, or answer it. Thread: one.
#pragma once

#include <stdbool.h>

#include "gen_world.h"

struct memory;
// Before a frame from `side` arrives at the other one. False: it does not arrive.
typedef bool (*meddle_cb)(struct memory *m, unsigned side, uint8_t *frame, uint32_t *len);

struct memory_frame {
	uint64_t at_us;
	uint32_t len;
	uint8_t side;
	uint8_t octets[GEN_FRAME_MAX];
};

enum { MEMORY_FRAMES = 1 << 14, MEMORY_DELAY_US = 100 };

struct memory {
	struct gen_world world;
	struct memory_frame *frame; // a ring
	uint32_t head, tail, full;
	meddle_cb meddle;
	uint64_t now_us, meddled;
	uint8_t meddled_kind;
	bool done; // meddled once
};

// Runs until all sessions are over or `limit_s` seconds of the wire's time have passed; true: over.
bool memory_run(struct memory *m, const struct gen_conf *conf, meddle_cb meddle, unsigned limit_s);
void memory_free(struct memory *m);
// Puts a frame on the wire as if `side` had sent it.
void memory_inject(struct memory *m, unsigned side, const uint8_t *frame, uint32_t len);
