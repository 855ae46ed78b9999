// SPDX-License-Identifier: BSD-3-Clause
// Flows of picked-up connections: one table and one timer wheel a worker. A flow is found by
// context and 5-tuple; what a session adds lies behind struct flow in the same object, whose size
// the engine gives. All memory is taken at start.
// Thread: the worker that owns the table.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "stream.h"
#include "wire_tcp.h"

struct flow_key {
	struct addr client, server;
	uint16_t client_port, server_port; // host order
	uint16_t context;
	uint16_t zero; // 0; in a cell that was given back 1, so that no key is found there
};

enum flow_state { FLOW_OPEN, FLOW_CLOSING };

enum { FLOW_NONE = 0xffffffff, FLOW_L2_MAX = WIRE_L2_MAX, FLOW_L2_INLINE = 14 + 2 * 4, FLOW_NO_PORT = 0xff };

// What a side's segments look like outside of TCP, from its last packet.
struct flow_side {
	uint8_t l2[FLOW_L2_MAX];
	uint8_t l2_len;
	uint8_t ttl, ttl_max, tos; // ttl_max: the largest seen, for resets
	uint16_t in_port;          // data-plane port its frames come in by
	uint32_t flow_label;
};

// The same, as a flow keeps it.
struct flow_face {
	uint8_t l2[FLOW_L2_INLINE]; // a longer one lies elsewhere (flow_side.c)
	uint8_t l2_len;             // 0 = never heard
	uint8_t ttl, ttl_max, tos;
	uint8_t in_port;  // FLOW_NO_PORT
	uint8_t label[3]; // IPv6, 20 bits
};

// Every idle connection pays for each byte here. Cells follow one another without gaps, so no field has
// a cache line of its own; what a segment needs stands first, what only ours, timers and reports need
// behind it.
struct flow {
	struct flow_key key;
	uint32_t seen_ms; // now_ms of the last packet
	uint32_t timer_at_ms;
	uint8_t state; // enum flow_state
	uint8_t lane;  // the engine's
	bool timed;    // in the wheel
	bool brief;    // closing, and to be forgotten soon; the engine's
	struct stream stream;
	uint32_t timer_next, timer_prev;
	uint32_t born_ms;                   // now_ms of the first packet
	uint32_t bytes_low[STREAM_SIDES];   // payload that left, by sender: 48 bits (flow_bytes)
	uint16_t bytes_high[STREAM_SIDES];
	struct flow_face face[STREAM_SIDES];
};

static inline uint64_t flow_bytes(const struct flow *f, enum stream_side side)
{
	return (uint64_t)f->bytes_high[side] << 32 | f->bytes_low[side];
}

static inline void flow_bytes_add(struct flow *f, enum stream_side side, uint32_t n)
{
	f->bytes_low[side] += n;
	f->bytes_high[side] = (uint16_t)(f->bytes_high[side] + (f->bytes_low[side] < n));
}

struct flow_table;

// A table for `count` flows of `flow_bytes` each (struct flow first), in memory of a NUMA socket
// (SOCKET_ID_ANY is one). NULL with errno ENOMEM.
struct flow_table *flow_table_new(uint32_t count, uint32_t flow_bytes, int socket);
void flow_table_free(struct flow_table *t);
uint64_t flow_table_bytes(uint32_t count, uint32_t flow_bytes); // memory it will take, about

struct flow *flow_lookup(const struct flow_table *t, const struct flow_key *key);
// The same in three steps, so that memory is there when it is looked at: the hash of a key, which asks
// for the line of the index; then, some time later, its flow is asked for, and the cell where it probably
// is is told (FLOW_NONE: none, or not asked); then it is looked up, there first.
uint64_t flow_hash(const struct flow_table *t, const struct flow_key *key);
uint32_t flow_prefetch(const struct flow_table *t, uint64_t hash);
struct flow *flow_lookup_hashed(
	const struct flow_table *t, const struct flow_key *key, uint64_t hash, uint32_t cell);
// What is in that cell, perhaps another flow or one that is over: for who asks ahead for what it points to.
const struct flow *flow_guess(const struct flow_table *t, uint32_t cell);
// A hash of a key with 16 secret bytes, for tables whose keys are chosen by who sends SYNs and sees what becomes of
// them: SipHash, which cannot be aimed. Of a segment it is taken once.
uint64_t flow_mark(const uint8_t secret[16], const struct flow_key *key);
// A new flow, zeroed but for its key; NULL where the table is full.
struct flow *flow_add(struct flow_table *t, const struct flow_key *key);
// Takes it out; the object may be used again at once.
void flow_remove(struct flow_table *t, struct flow *f);
uint32_t flow_count(const struct flow_table *t);
// Walk: flow in cell `i` (0 .. flow_cells - 1), or NULL.
uint32_t flow_cells(const struct flow_table *t);
struct flow *flow_at(const struct flow_table *t, uint32_t i);
// The cell of a flow.
uint32_t flow_place(const struct flow_table *t, const struct flow *f);

// One timer a flow: the earliest of what it waits for. Set again replaces. at_ms lies less than
// 2^31 ms from now; a time that is past is due at the next tick of 4 ms.
void flow_timer_set(struct flow_table *t, struct flow *f, uint32_t at_ms);
bool flow_timer_is_set(const struct flow *f);
void flow_timer_clear(struct flow_table *t, struct flow *f);
// The next flow whose timer is due at now_ms (its timer is cleared), or NULL. Looks at a bounded
// number.
struct flow *flow_timer_due(struct flow_table *t, uint32_t now_ms);
// Milliseconds until a timer may be due, at most `max_ms`.
uint32_t flow_timer_wait_ms(const struct flow_table *t, uint32_t now_ms, uint32_t max_ms);

// Notes what a side's packets look like, from one of them.
void flow_side_note(
	struct flow_side *s, struct span frame, const struct wire_view *v, uint16_t in_port);
// The same for a flow; call with each valid packet. false where the link header is a long one and no
// place for it is left: what was known stays.
bool flow_note(struct flow_table *t, struct flow *f, enum stream_side side, struct span frame,
	const struct wire_view *v, uint16_t in_port);
// What was noted before there was a flow. false as above: all but the link header is set.
bool flow_face_set(
	struct flow_table *t, struct flow *f, enum stream_side side, const struct flow_side *s);
// A template for segments in the name of `side`; for_reset: with the largest TTL seen.
void flow_template(const struct flow_table *t, const struct flow *f, enum stream_side side,
	bool for_reset, struct wire_tmpl *o);
