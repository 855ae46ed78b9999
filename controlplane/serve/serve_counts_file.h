// SPDX-License-Identifier: BSD-3-Clause
// Counts of limits as a file of the state directory. It is not synced: a host that dies may leave one that
// is a minute older or not whole, and then nothing is taken from it.
// Thread: the loop's.
#pragma once

#include "api_cells.h"
#include "serve_store.h"

struct serve_counts_rows { // counts under one secret
	uint8_t secret[API_CELLS_SECRET];
	struct api_count *row; // malloc's
	size_t n, cap;
};

// Now, as files know it. Zero `boot`: nobody can tell which start of the host this is.
struct serve_counts_time {
	char boot[40];            // of the host: one is like no other
	int64_t mono_s, wall_s; // CLOCK_MONOTONIC, since 1970
};
struct serve_counts_time serve_counts_now(void);

// 0 or -errno.
int serve_counts_save(struct serve_store *st, const struct serve_counts_rows *rows,
	const struct serve_counts_time *now);
// Those that still count at `now`, their times by the clock of this start of the host. 0 with *rows, also
// where there is no file, and of it whatever is no count is left out; -EINVAL: it is not whole; another
// -errno.
int serve_counts_load(struct serve_store *st, struct serve_counts_rows *rows,
	const struct serve_counts_time *now);
