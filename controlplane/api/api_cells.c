// SPDX-License-Identifier: BSD-3-Clause
// Reads the data plane's limit cells from outside. A word's number tells that a cell became another
// key's between two looks; counts of one key that go on meanwhile do no harm.
// Thread: any.
#include "api_cells.h"

enum { TRIES = 4, OPEN = 2 };

// Of a cell's word: tickets 24 bits, pins 8, phase 2, number 30.
#define PHASE_SHIFT 32
#define NUMBER_SHIFT 34

_Static_assert(sizeof(struct api_cells) == 64, "buckets begin with a cache line");
_Static_assert(sizeof(struct api_cell_bucket) == 1024, "33 bytes a cell");
_Static_assert(sizeof(struct api_count) == 24, "no padding");

uint64_t api_cells_bytes(uint32_t buckets)
{
	return sizeof(struct api_cells) + buckets * (uint64_t)sizeof(struct api_cell_bucket);
}

static bool is_open(uint64_t word)
{
	return (word >> PHASE_SHIFT & 3) == OPEN;
}

// A second of the workers' clock, of which but 32 bits are told, as one of CLOCK_MONOTONIC.
static int64_t start_of(const struct api_cells *c, uint32_t start_s)
{
	const uint64_t clock_us = atomic_load_explicit(&c->clock_us, memory_order_relaxed);
	const uint64_t at_us = atomic_load_explicit(&c->at_us, memory_order_relaxed);
	const uint32_t age_s = (uint32_t)(clock_us / 1000000) - start_s;

	return (int64_t)(at_us / 1000000) - (int32_t)age_s;
}

bool api_cells_take(const struct api_cells *c, uint32_t bucket, unsigned i, struct api_count *row)
{
	const struct api_cell_bucket *b = &c->bucket[bucket];
	const struct api_cell *cell = &b->cell[i];

	for (unsigned t = 0; t < TRIES; t++) {
		// Acquire: behind an open word stand its tag and its window.
		const uint64_t word = atomic_load_explicit(&cell->word, memory_order_acquire);
		const uint64_t tag = atomic_load_explicit(&b->tag[i], memory_order_relaxed);
		const uint64_t window = atomic_load_explicit(&cell->window, memory_order_relaxed);
		const uint32_t window_s =
			atomic_load_explicit(&cell->window_s, memory_order_relaxed);

		if (!is_open(word) || (window & UINT32_MAX) == 0)
			return false;
		atomic_thread_fence(memory_order_acquire); // what was read was read before this
		if (atomic_load_explicit(&cell->word, memory_order_relaxed) >> NUMBER_SHIFT !=
			word >> NUMBER_SHIFT)
			continue;
		*row = (struct api_count){
			.tag = tag,
			.start_s = start_of(c, (uint32_t)(window >> 32)),
			.window_s = window_s,
			.before = window >> 16 & UINT16_MAX,
			.now = window & UINT16_MAX,
		};
		return true;
	}
	return false;
}

bool api_count_is_sound(const struct api_count *row)
{
	return row->window_s > 0 && row->window_s <= API_COUNT_WINDOW_MAX_S &&
		row->before <= API_COUNT_EVENTS_MAX && row->now <= API_COUNT_EVENTS_MAX;
}

bool api_count_is_over(const struct api_count *row, int64_t now_s)
{
	return row->start_s <= now_s - 2 * (int64_t)row->window_s; // any start: nothing overflows
}
