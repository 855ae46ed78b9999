// SPDX-License-Identifier: BSD-3-Clause
// Sets of IP fragments that wait for one another, a table a worker: found by addresses, id and
// context, with the frames that are held, copied into chunks. All memory is taken at start.
// Two lists, each oldest first: sets that hold frames, and sets of which is known what becomes of
// the rest. Thread: the worker that owns the table.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "wire_frag.h"

enum {
	FLOW_FRAG_SETS = 4096,
	FLOW_FRAG_CHUNKS = 1024,
	FLOW_FRAG_CHUNK_BYTES = 2048,
	FLOW_FRAG_MS = 1000, // how long a set waits
};

struct flow_frag_key {
	struct addr src, dst;
	uint32_t id;
	uint16_t context;
	uint8_t side; // of the box, by which it came: the other side's do not join
	uint8_t family;
};

enum flow_frag_state {
	FLOW_FRAG_OPEN,    // its first fragment has not come: nothing is known, all is held
	FLOW_FRAG_PICKED,  // of a picked-up port: held until it is whole
	FLOW_FRAG_PASS,    // of another one: the rest passes
	FLOW_FRAG_REFUSED, // the rest is dropped
};

struct flow_frag_held { // a frame
	uint32_t chunk; // the first one
	uint16_t bytes, in_port;
	uint16_t l3_len, part_off; // of the IP packet; where its part of the datagram begins
	struct wire_frag place;
};

struct flow_frag {
	struct flow_frag_key key;
	struct wire_frag_set set;                   // picked up, passing: what has come
	struct flow_frag_held held[WIRE_FRAGS_MAX]; // as they came
	uint32_t until_ms;
	uint32_t chain, older, newer; // in the table
	uint16_t reason;              // refused: the engine's
	uint8_t nheld;
	uint8_t state; // enum flow_frag_state
};

struct flow_frags;

// `secret` keeps chains from being built from outside. NULL with errno ENOMEM.
struct flow_frags *flow_frags_new(
	uint32_t sets, uint32_t chunks, const uint8_t secret[16], int socket);
void flow_frags_free(struct flow_frags *t);
uint64_t flow_frags_bytes(uint32_t sets, uint32_t chunks); // memory it will take, about

struct flow_frag *flow_frag_find(struct flow_frags *t, const struct flow_frag_key *key);
// A new open set; NULL where the table is full.
struct flow_frag *flow_frag_add(
	struct flow_frags *t, const struct flow_frag_key *key, uint32_t now_ms);
// What is known of it now. One that held and now only remembers does so for a time of its own.
// What it holds stays.
void flow_frag_state_set(
	struct flow_frags *t, struct flow_frag *f, enum flow_frag_state state, uint32_t now_ms);
// Takes it out, with all that it holds.
void flow_frag_remove(struct flow_frags *t, struct flow_frag *f);
// The set to be given up for another one (never `but`): the oldest of the list that has more than
// half of the sets, or, where chunks are short, of those that hold some. NULL where there is none.
struct flow_frag *flow_frag_victim(struct flow_frags *t, bool chunks, const struct flow_frag *but);
// A set whose time is over, or NULL.
struct flow_frag *flow_frag_due(struct flow_frags *t, uint32_t now_ms);
// Milliseconds until one is, at most `max_ms`.
uint32_t flow_frags_wait_ms(const struct flow_frags *t, uint32_t now_ms, uint32_t max_ms);

// Copies a frame in; *h is filled but for the chunk. 0, or -ENOBUFS: too few chunks, or the set
// holds as many as it may.
int flow_frag_hold(struct flow_frags *t, struct flow_frag *f, struct span frame,
	const struct flow_frag_held *h);
// Gives back all that it holds.
void flow_frag_let_go(struct flow_frags *t, struct flow_frag *f);
// Copies `n` bytes from offset `off` of held frame `i` out.
void flow_frag_copy(const struct flow_frags *t, const struct flow_frag *f, unsigned i, unsigned off,
	unsigned n, uint8_t *out);
// Does held frame `i` carry these bytes of the datagram?
bool flow_frag_has(
	const struct flow_frags *t, const struct flow_frag *f, unsigned i, struct span part);
