// SPDX-License-Identifier: BSD-3-Clause
// Half-open connections: a table of their own, of fixed size, so that a flood of SYNs pushes out its
// own kind and neither a flow nor the memory of one. Buckets of eight by the mark of the key (flow_mark); where a
// bucket is full its oldest makes room. No timer: old ones are found by a look at a few buckets a turn.
// Thread: the worker that owns the table.
#pragma once

#include "flow.h"

enum { FLOW_HALF_WAYS = 8 };

struct flow_half { // what the engine knows about one lies behind it in the same object
	struct flow_key key;
	uint32_t born_ms;
	uint32_t spare;
};

struct flow_half_table;

// A table for about `count` of them, `bytes` each (struct flow_half first). NULL with errno ENOMEM. A key has
// the same `mark` in all calls.
struct flow_half_table *flow_half_new(uint32_t count, uint32_t bytes, int socket);
void flow_half_free(struct flow_half_table *t);
uint64_t flow_half_bytes(uint32_t count, uint32_t bytes); // memory it will take, about

// Asks for a key's bucket; some time later for the record that it has there, or would be given. They change
// nothing, and what is asked for may be another's by then.
void flow_half_prefetch(const struct flow_half_table *t, uint64_t mark);
void flow_half_follow(const struct flow_half_table *t, uint64_t mark);
struct flow_half *flow_half_lookup(
	const struct flow_half_table *t, const struct flow_key *key, uint64_t mark);
// Who has to make room before a key of this mark can be added: the oldest of its bucket, or NULL.
struct flow_half *flow_half_victim(const struct flow_half_table *t, uint64_t mark);
// A new one, zeroed but for key and time; there must be room, and none of this key.
struct flow_half *flow_half_add(
	struct flow_half_table *t, const struct flow_key *key, uint64_t mark, uint32_t now_ms);
// Something came for it: it is young again.
void flow_half_touch(struct flow_half_table *t, const struct flow_half *h, uint32_t now_ms);
uint32_t flow_half_idle_ms(
	const struct flow_half_table *t, const struct flow_half *h, uint32_t now_ms);
void flow_half_remove(struct flow_half_table *t, struct flow_half *h);
// The next one that was idle for `max_ms`, for the caller to remove; NULL where a bounded look, which
// goes on at each call, found none.
struct flow_half *flow_half_old(struct flow_half_table *t, uint32_t now_ms, uint32_t max_ms);
uint32_t flow_half_count(const struct flow_half_table *t);
// Walk: the one in cell `i` (0 .. flow_half_cells - 1), or NULL.
uint32_t flow_half_cells(const struct flow_half_table *t);
uint32_t flow_half_cell(const struct flow_half_table *t, const struct flow_half *h); // its `i`
struct flow_half *flow_half_at(const struct flow_half_table *t, uint32_t i);
