// SPDX-License-Identifier: BSD-3-Clause
// An engine that does what a test says, behind the functions of eng.h that link/ calls.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "clients_double.h"
#include "eng.h"
#include "eng_drain.h"

enum { DOUBLE_WORKERS = 3 };

struct eng {
	const struct eng_sink *sink[DOUBLE_WORKERS];
	uint64_t *counters[DOUBLE_WORKERS], *hits[DOUBLE_WORKERS];
	struct eng_sight *sight[DOUBLE_WORKERS];
	struct eng_sight_net *sight_net;
	bool busy;            // workers have not passed a burst boundary
	uint64_t version;
	uint64_t candidate;   // that runs, 0 = none
	unsigned swaps, retired;
	const char *refuse;   // what eng_image_new answers, NULL = takes it
	unsigned rows[DOUBLE_WORKERS];  // flows a worker has
	bool asleep[DOUBLE_WORKERS];    // answers later
	bool asked[DOUBLE_WORKERS];
	unsigned given[DOUBLE_WORKERS];
	struct eng_drain drain;
	uint64_t drain_wait_ms, drain_left;
	bool drain_unknown;  // how many are left
	uint64_t control_us; // last heard
	enum eng_health_state health;
	struct tbl_clients clients;
	bool unknowing;       // has no table of clients
};

void eng_double_init(struct eng *e);
// The flow row number `i` of a worker.
struct eng_flow_row eng_double_row(uint16_t worker, unsigned i);
