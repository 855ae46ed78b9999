// SPDX-License-Identifier: BSD-3-Clause
// What the files of the clients' table share: its parts, and what waits until no worker looks at it.
// Thread: the manager's, but for what the workers' functions of tbl_clients.h read.
#pragma once

#include "tbl_clients.h"
#include "tbl_prefixes.h"

enum {
	TBL_WAIT_BYTES = 64 << 20, // of records that wait at a time
};

// ---- bindings: the value of a prefix is either an endpoint for all of its ports, or a record

struct tbl_block {          // of ports
	uint16_t first, last;
	uint32_t endpoint;  // reference
	uint16_t mark;      // the round that said it last; manager's own
	uint8_t shared;
	uint8_t spare;
};

struct tbl_blocks {         // immutable once published, but for the marks
	uint32_t n;
	struct tbl_block all;    // for ports of no block; TBL_ENDPOINT_NONE: nobody
	struct tbl_block block[]; // they lie apart, the lowest first
};

static inline bool tbl_value_is_record(uint64_t value)
{
	return (value & 1) == 0;
}

static inline struct tbl_blocks *tbl_value_record(uint64_t value)
{
	return (struct tbl_blocks *)(uintptr_t)value;
}

static inline uint64_t tbl_value_of(uint32_t endpoint, bool shared)
{
	return (uint64_t)endpoint << 32 | (uint64_t)shared << 1 | 1;
}

static inline uint32_t tbl_value_endpoint(uint64_t value)
{
	return (uint32_t)(value >> 32);
}

static inline bool tbl_value_shared(uint64_t value)
{
	return (value & 2) != 0;
}

// ---- senders: a value is what is known

static inline uint64_t tbl_sender_value(uint8_t score, uint8_t flags, uint32_t auth_until_s)
{
	return (uint64_t)auth_until_s << 32 | (uint64_t)flags << 8 | score;
}

// ---- endpoints

// A number of 24 bits and how often it was given anew, 8 bits, make a reference. A number that nobody has keeps
// its key until it is given anew, the longest unused first.
struct tbl_endpoint_cell {
	_Atomic uint64_t key;   // w: manager, r: workers, so the next two; 0: never given
	_Atomic uint64_t until; // auth_until_s << 32 | blocked_until_s
	_Atomic uint16_t word;  // generation << 8 | TBL_LISTED, TBL_EXEMPT, CELL_FREE
	uint16_t mark;          // the round that said what is known; 0: nothing is
	uint32_t chain;         // next of the index's bucket; number or TBL_NUMBER_NONE
	uint32_t next;          // free: the one freed after it
	uint32_t bindings;      // free: the one freed before it
};
_Static_assert(sizeof(struct tbl_endpoint_cell) == 32, "two a cache line");

enum { TBL_NUMBER_NONE = 0xffffff, TBL_NUMBER_BITS = 24 };

struct tbl_endpoints {
	struct tbl_endpoint_cell *cell;
	uint32_t *head; // the index by key: a power of two of them
	uint32_t heads;
	uint64_t secret[2];   // of the index: nobody makes chains long
	uint32_t numbers;     // there are
	uint32_t fresh;       // the first never given
	uint32_t free_first, free_last;
	uint32_t most;
	_Atomic uint32_t used; // w: manager, r: any
	uint16_t round;        // of facts
	uint32_t hand;         // the sweep's: the next number
};

struct tbl_waiting {
	enum { TBL_WAIT_BINDING, TBL_WAIT_SENDER, TBL_WAIT_RECORD } what;
	int32_t place;
	struct tbl_blocks *record;
};

struct tbl_clients {
	struct tbl_prefixes bindings, senders;
	struct tbl_endpoints endpoints;
	_Atomic uint32_t bound;    // bindings: prefixes and blocks; w: manager, r: any, so the next two
	_Atomic uint64_t full;
	_Atomic uint64_t heap;     // bytes of records
	uint64_t bytes;
	uint32_t nwaiting, nretired; // those retired come first
	uint64_t waiting_bytes;
	struct tbl_waiting waiting[TBL_WAIT_MAX];
};

// Counts what found no room; returns -ENOSPC.
int tbl_clients_full(struct tbl_clients *c);
// Is there room for so many more that wait?
bool tbl_wait_has_room(const struct tbl_clients *c, unsigned n);
void tbl_wait_place(struct tbl_clients *c, bool is_sender, int32_t place);
void tbl_wait_record(struct tbl_clients *c, struct tbl_blocks *record);
uint64_t tbl_blocks_bytes(uint32_t n);
void tbl_blocks_free(struct tbl_clients *c, struct tbl_blocks *record);

// tbl_endpoints.c
int tbl_endpoints_parts_new(struct tbl_endpoints *t, uint32_t most, int socket);
void tbl_endpoints_parts_free(struct tbl_endpoints *t);
uint64_t tbl_endpoints_bytes(uint32_t most);
// One binding more of that endpoint: its reference; TBL_ENDPOINT_NONE: no room.
uint32_t tbl_endpoint_hold(struct tbl_endpoints *t, uint64_t key);
// One less.
void tbl_endpoint_drop(struct tbl_endpoints *t, uint32_t endpoint);
// All that is known is to be said again. Sweeps at most *slice, and takes off what it looked at.
void tbl_endpoints_begin(struct tbl_endpoints *t);
bool tbl_endpoints_sweep(struct tbl_endpoints *t, uint32_t *slice);
