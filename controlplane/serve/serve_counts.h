// SPDX-License-Identifier: BSD-3-Clause
// What the limits of session profiles have counted, over a restart of the data plane, or of both planes.
// While one is attached its limit cells are looked through each minute and what they say is written to the
// state directory. When it goes they are looked through once more, for they outlive it; the next one gets
// that back before its first image, or what the directory has, whichever is newer.
// Nothing of it says who a client is (api_cells.h). Connections that are counted at a time are not kept: they
// are gone.
// Thread: the loop's. A look takes a bounded slice a turn, but for what is left of it when the next data
// plane is there first.
#pragma once

#include <stdint.h>

#include "core_link.h"
#include "core_loop.h"
#include "serve_store.h"

struct serve_counts;

enum { SERVE_COUNTS_MAX = 1 << 24 }; // that are kept; beyond: lost, counted

// NULL without memory. Both stay the caller's.
struct serve_counts *serve_counts_new(struct core_loop *loop, struct serve_store *store);
// Finds what the state directory has; before the link attaches.
void serve_counts_start(struct serve_counts *c, struct core_link *link);
void serve_counts_attached(struct serve_counts *c, const struct api_hello *hello);
void serve_counts_detached(struct serve_counts *c);
// Looks and writes once more. NULL is fine.
void serve_counts_free(struct serve_counts *c);

struct serve_counts_state {
	uint64_t kept;      // counts at the last look
	int64_t at_s;       // since 1970: the last look, 0 = none
	uint64_t returned;  // handed back since we run
	uint64_t lost;      // not kept, or not handed back: no room, no memory, or too late
	int error;          // of the last write, 0 or errno
};
struct serve_counts_state serve_counts_state(const struct serve_counts *c);
