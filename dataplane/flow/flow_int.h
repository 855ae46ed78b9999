// SPDX-License-Identifier: BSD-3-Clause
// Inside flow/: the layout of a table.
#pragma once

#include <rte_hash.h>

#include "flow.h"

enum { FLOW_WHEEL_SLOTS = 2048, FLOW_TICK_MS = 4, FLOW_NO_SLOT = 0xffff };

struct flow_table {
	struct rte_hash *hash; // position of a key = cell of its flow
	uint8_t *cells;
	uint8_t *used; // one byte a cell
	uint32_t object, count, live;
	uint32_t half_open, half_first, half_last; // list of half-open flows
	uint32_t timers;    // flows with a timer
	uint32_t wheel_ms;  // time of the slot that is looked at next, multiple of FLOW_TICK_MS
	bool wheel_on;
	uint32_t wheel[FLOW_WHEEL_SLOTS]; // first flow of each slot
	uint32_t walk;      // flow within the slot looked at next
};

static inline struct flow *flow_cell(const struct flow_table *t, uint32_t i)
{
	return (struct flow *)(void *)(t->cells + (size_t)i * t->object);
}

static inline uint32_t flow_index(const struct flow_table *t, const struct flow *f)
{
	return (uint32_t)(((const uint8_t *)f - t->cells) / t->object);
}
