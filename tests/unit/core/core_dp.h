// SPDX-License-Identifier: BSD-3-Clause
// A data plane's end of the link made by hand: valid as it is made, then spoilt by a test.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api_cells.h"
#include "api_link.h"
#include "api_ring.h"
#include "api_stats.h"

enum { DP_WORKERS = 2, DP_NAMES = 5, DP_PORTS = 1, DP_SLOT = 8192, DP_COUNTS = 100 };

struct dp {
	char dir[64], path[96];
	int listener, peer;       // -1 = none
	int link_fd, stats_fd, cells_fd;
	struct api_hello hello;
	uint8_t *link, *stats;    // writable mappings
	struct api_stats *head;
	struct api_cells *cells;  // NULL = none
	struct api_ring command, event, binding, fact, outcome[DP_WORKERS], record[DP_WORKERS];
	struct api_ring ask[DP_WORKERS], answer[DP_WORKERS];
};

void dp_listen(struct dp *d);              // socket only
void dp_make(struct dp *d);                // fresh memory of an attachment, unsealed
// Limit cells, empty and sealed, and counts may be handed back: behind dp_make. They stay mapped here behind
// dp_drop, until the next or dp_close.
void dp_cells(struct dp *d, uint32_t buckets);
// Puts a count of one cell there.
void dp_count(struct dp *d, uint32_t bucket, unsigned i, const struct api_count *row);
void dp_seal(struct dp *d, int link_seals, int stats_seals);
bool dp_accept(struct dp *d);              // false where nobody waits
void dp_send(struct dp *d, size_t bytes, unsigned fds); // that much of the hello, that many descriptors
void dp_drop(struct dp *d);                // closes the attachment, frees its memory
void dp_close(struct dp *d);
