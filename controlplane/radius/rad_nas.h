// SPDX-License-Identifier: BSD-3-Clause
// Who sends, or has its records sent on: NAS by what they call themselves, each with its restarts and its
// clock, as long as it has bindings, and then while no other needs its place. And shares: what NAS of one entry
// of the configuration have together.
// Thread: the owner's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rad_clock.h"
#include "rad_index.h"

enum {
	RAD_NAS_MOST = 65536, // a cell has 16 bits for its number
	RAD_SHARES = 4096,
};

struct rad_nas {
	uint64_t id;           // a keyed hash
	uint32_t era;          // one more each time it went on or off
	uint32_t restored;     // its era by what outlived another process
	bool went;             // on or off, in this process
	uint16_t share;        // 0 = nobody's
	uint32_t went_event_s; // when it last went, by its own clock; 0 = it does not say
	uint32_t held;         // by so many cells
	uint32_t next, prev;   // of those that no cell holds
	struct rad_clock clock;
};

struct rad_share {
	uint64_t tag;   // of the entry's name; 0 = free
	uint32_t cells; // that its NAS hold
	uint32_t nas;   // that belong to it
	bool wanted;    // the configuration has it
};

typedef void (*rad_nas_gone_cb)(void *arg, const struct rad_nas *n);

struct rad_nases {
	struct rad_nas *cell;
	struct rad_index index;
	uint32_t most, fresh;
	uint32_t oldest, newest; // that no cell holds, by when they were last heard of
	rad_nas_gone_cb gone;    // one is forgotten; may be NULL
	void *arg;
	struct rad_share *share;
};

bool rad_nas_open(struct rad_nases *t, uint32_t most, rad_nas_gone_cb gone, void *arg);
void rad_nas_close(struct rad_nases *t);
uint64_t rad_nas_bytes(uint32_t most);

uint32_t rad_nas_find(const struct rad_nases *t, uint64_t id); // RAD_INDEX_NONE: unknown
// Finds or makes it; where there is no room the one that was not heard of for longest among those without cells
// is forgotten. RAD_INDEX_NONE: each has some.
uint32_t rad_nas_take(struct rad_nases *t, uint64_t id);
void rad_nas_hold(struct rad_nases *t, uint32_t number); // one cell more
void rad_nas_drop(struct rad_nases *t, uint32_t number);
// It belongs to that share from now on, its cells too.
void rad_nas_belongs(struct rad_nases *t, uint32_t number, uint16_t share);

// The share of that tag (not 0), made where there is none; 0 = no room, then nothing is counted.
uint16_t rad_share_take(struct rad_nases *t, uint64_t tag);
// The configuration changes: shares that are not taken behind this go with their last NAS.
void rad_shares_begin(struct rad_nases *t);
