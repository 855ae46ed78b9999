// SPDX-License-Identifier: BSD-3-Clause
// Inside flow/: the layout of a table.
#pragma once

#include <string.h>

#include "flow.h"

enum { FLOW_BUCKET_WAYS = 12, FLOW_KEY_WORDS = sizeof(struct flow_key) / sizeof(uint32_t) };

struct flow_bucket {
	uint8_t tag[FLOW_BUCKET_WAYS]; // eight bits of the key's hash; 0 = free
	uint16_t over;                 // keys that found this bucket full and went on
	uint16_t spare;
	uint32_t cell[FLOW_BUCKET_WAYS];
};

struct flow_index { // flow_index.c
	struct flow_bucket *bucket;
	uint32_t buckets;
	uint64_t secret[FLOW_KEY_WORDS + 1]; // of the hash
};

struct flow_deep { // a long link header
	uint32_t next, users; // flows' sides that have it
	uint8_t l2[FLOW_L2_MAX];
	uint8_t len;
};

struct flow_deeps { // flow_deep.c
	struct flow_deep *deep;
	uint32_t *first; // chains by hash
	uint32_t count, free;
	uint8_t key[16]; // of the hash, secret
};

enum { FLOW_WHEEL_SLOTS = 2048, FLOW_TICK_MS = 4 };

struct flow_table {
	struct flow_index index;
	struct flow_deeps deeps;
	uint8_t *cells;
	uint8_t *used; // a bit a cell
	uint32_t object, count, live;
	uint32_t fresh; // cells from here on were never used
	uint32_t free;  // first of those that were, linked by timer_next
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

static inline uint32_t flow_number(const struct flow_table *t, const struct flow *f)
{
	return (uint32_t)(((const uint8_t *)f - t->cells) / t->object);
}

static inline uint64_t flow_word(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

// memcmp of 40 bytes would be a call.
static inline bool flow_key_is(const struct flow_key *a, const struct flow_key *b)
{
	uint64_t differs = (flow_word(a->client.b) ^ flow_word(b->client.b)) |
		(flow_word(a->client.b + 8) ^ flow_word(b->client.b + 8)) |
		(flow_word(a->server.b) ^ flow_word(b->server.b)) |
		(flow_word(a->server.b + 8) ^ flow_word(b->server.b + 8));

	return differs == 0 && a->client_port == b->client_port &&
		a->server_port == b->server_port && a->context == b->context && a->zero == b->zero;
}

// flow_index.c: the cell of a key, FLOW_NONE where it has none. add: false where there is no room; the
// key is not there yet. del: the key is there, with this cell.
bool flow_index_new(struct flow_index *ix, uint32_t count, int socket);
void flow_index_free(struct flow_index *ix);
uint64_t flow_index_bytes(uint32_t count);
uint32_t flow_index_find(const struct flow_index *ix, const struct flow_table *t,
	const struct flow_key *key, uint64_t hash);
// The hash of a key. Prefetching: its bucket; the cells that it may be in.
uint64_t flow_index_hash(const struct flow_index *ix, const struct flow_key *key);
void flow_index_prefetch(const struct flow_index *ix, uint64_t hash);
uint32_t flow_index_prefetch_cell( // the first of them, or FLOW_NONE
	const struct flow_index *ix, const struct flow_table *t, uint64_t hash);
bool flow_index_add(struct flow_index *ix, const struct flow_key *key, uint32_t cell);
void flow_index_del(struct flow_index *ix, const struct flow_key *key, uint32_t cell);

// flow_deep.c: the number of a link header's place, FLOW_NONE where none is left; given back.
bool flow_deeps_new(struct flow_deeps *d, uint32_t count, int socket);
void flow_deeps_free(struct flow_deeps *d);
uint64_t flow_deeps_bytes(uint32_t count);
uint32_t flow_deep_take(struct flow_deeps *d, struct span l2);
void flow_deep_put(struct flow_deeps *d, uint32_t i);
// flow_side.c: gives back what a side's link header takes.
void flow_face_forget(struct flow_table *t, struct flow_face *face);
