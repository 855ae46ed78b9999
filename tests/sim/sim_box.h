// SPDX-License-Identifier: BSD-3-Clause
// The real engine, fed frame by frame, in simulated time: one worker, two ports, pair mode.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim_frame.h"

struct sim;
struct conn;
struct eng;
struct eng_worker;
struct rte_mempool;

struct box {
	struct eng *eng;
	struct eng_worker *w;
	struct rte_mempool *pool;
	uint64_t wake_at;
	uint64_t *counters;      // of this engine
	uint64_t *total;         // of all engines of the run
	uint64_t in, out, turns; // frames
	uint64_t version;
	struct conn *fed; // whose frame came last
	bool alive;
};

// Images: made once a process.
bool box_images_make(void);
void box_images_free(void);

bool box_start(struct sim *s);
void box_stop(struct sim *s); // at once, as if it were killed
void box_restart(struct sim *s);
void box_swap(struct sim *s);
void box_fini(struct sim *s);
void box_rx(struct sim *s, struct conn *c, enum sim_side port, const struct sim_frame *f);
void box_turn(struct sim *s);
// How often the reason was counted in the whole run (enum eng_reason).
uint64_t box_count(const struct sim *s, unsigned reason);
