// SPDX-License-Identifier: BSD-3-Clause
// Limit cells as the control plane sees them: the data plane's own memory, mapped to read only, so that
// what limits have counted is there when the data plane is not any more, to the last event. And how it is
// handed back to the one that is started next. Words of cells are racy while the data plane lives: a row is
// taken whole or not at all.
// A key is known by its keyed hash alone: nobody can tell from a cell who its client is, or whose limit
// it counts; under the same secret the same client finds it again under the same limit.
// Layout and hash are the data plane's (dataplane/table); a change of either raises API_LINK_VERSION, of
// the hash or of what it is made of API_COUNT_VERSION, too.
// Thread: any.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	API_COUNT_VERSION = 1,
	API_CELLS_SLOTS = 31,
	API_CELLS_SECRET = 16,
	API_COUNT_WINDOW_MAX_S = 7 * 86400,
	API_COUNT_EVENTS_MAX = 60000,
};

struct api_cell {
	_Atomic uint64_t word, window;
	_Atomic uint32_t window_s, second;
};

struct api_cell_bucket {
	_Alignas(64) _Atomic uint64_t turn;
	_Atomic uint64_t tag[API_CELLS_SLOTS];
	struct api_cell cell[API_CELLS_SLOTS];
};

struct api_cells { // head of the memory
	uint8_t secret[API_CELLS_SECRET]; // of the tags
	uint32_t buckets, spare;
	_Atomic uint64_t clock_us, at_us; // what the workers' clock said at that time of CLOCK_MONOTONIC
	struct api_cell_bucket bucket[];
};

struct api_count { // what one cell has counted
	uint64_t tag;
	int64_t start_s;      // of its window: CLOCK_MONOTONIC, below 0 before this start of the host
	uint32_t window_s;
	uint16_t before, now; // events of the window before it, and of it
};

// Bytes that a memory of so many buckets has.
uint64_t api_cells_bytes(uint32_t buckets);
// What cell `i` of `bucket` says. False: nothing, or it is changing too fast. The caller has seen to it
// that the bucket lies in the memory; what is in the row nobody has checked.
bool api_cells_take(const struct api_cells *c, uint32_t bucket, unsigned i, struct api_count *row);
// Is each of its fields in range? Any bytes may be asked about.
bool api_count_is_sound(const struct api_count *row);
// Does it count nothing any more at this second of CLOCK_MONOTONIC?
bool api_count_is_over(const struct api_count *row, int64_t now_s);
