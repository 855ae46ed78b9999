// SPDX-License-Identifier: BSD-3-Clause
// What is remembered of a connection that is over: 16 bytes in a fixed table, by the mark of its flow
// key (flow_mark); the oldest of a bucket of four makes room. What a kind means is the engine's.
// Thread: the worker that owns the table.
#pragma once

#include "flow.h"

enum flow_grave {
	FLOW_GRAVE_NONE,
	FLOW_GRAVE_TOMBSTONE, // it was inspected: nothing of it may pass as if it had begun before us
	FLOW_GRAVE_REMNANT,   // it was cut or reset: an end may not know yet
	FLOW_GRAVE_REFUSED,   // refused without state: its client got all that there is to say
};

struct flow_graves;

// A table for about `count`. NULL with errno ENOMEM.
struct flow_graves *flow_graves_new(uint32_t count, int socket);
void flow_graves_free(struct flow_graves *g);
uint64_t flow_graves_bytes(uint32_t count); // memory it will take, about

// Asks for the memory of what the others look at.
void flow_grave_prefetch(const struct flow_graves *g, uint64_t mark);
// Remembers it for `life_s`; what was remembered of the same mark is replaced.
void flow_grave_dig(struct flow_graves *g, uint64_t mark, enum flow_grave kind, uint32_t now_s,
	uint16_t life_s);
enum flow_grave flow_grave_find(const struct flow_graves *g, uint64_t mark, uint32_t now_s);
// The key lives again.
void flow_grave_forget(struct flow_graves *g, uint64_t mark);
