// SPDX-License-Identifier: BSD-3-Clause
// The limit cells of a data plane, mapped to read only. The mapping is good for as long as it is kept,
// also when the data plane has died: then it says what was counted up to that moment.
// Thread: the loop's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api_cells.h"
#include "err.h"

struct core_cells;

// Maps `bytes` behind a descriptor, which stays the caller's, and proves them. NULL with the reason in
// *err.
struct core_cells *core_cells_new(int fd, uint64_t bytes, struct err_list *err);
void core_cells_free(struct core_cells *c); // NULL is fine

// Of the tags, now.
void core_cells_secret(const struct core_cells *c, uint8_t secret[API_CELLS_SECRET]);
// Looks at up to `max` buckets from *bucket on, which begins with 0, and gives every sound count that is
// not over at now_s (CLOCK_MONOTONIC) to `each`. False: that was the last bucket.
bool core_cells_walk(const struct core_cells *c, uint32_t *bucket, uint32_t max, int64_t now_s,
	void (*each)(void *arg, const struct api_count *row), void *arg);
