// SPDX-License-Identifier: BSD-3-Clause
// Cells of bindings, numbered, found by their keys: context, prefix, block of ports. Also which others of the
// same address have some of a block's ports.
// Thread: the owner's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "rad_index.h"

struct rad_key {
	struct prefix prefix;
	uint16_t port_first, port_last;
	uint32_t context; // a hash of its name, as in api_binding
	uint16_t vlan;    // likewise
};

enum rad_state { RAD_CELL_FREE, RAD_CELL_LIVE, RAD_CELL_ENDED };

struct rad_cell { // what is known of a key
	struct addr addr;
	uint64_t session;
	uint32_t before;  // the session that had the address before, its low bits
	uint32_t nas_era; // of its NAS when it was bound
	union {
		uint32_t endpoint; // held while live
		uint32_t next;     // free
	};
	uint32_t at_s;    // when what is known of it happened
	uint32_t seen_s;  // last news
	uint32_t event_s; // the newest by the clock of its NAS; 0 = unknown
	uint32_t context;
	uint16_t nas;        // its place
	uint16_t unstored_s; // its row says that it was last heard of so long before seen_s
	uint16_t port_first, port_last, vlan;
	uint8_t len;
	uint8_t state : 5;    // enum rad_state
	bool row_owed : 1;    // ended without a row: the tick gives it
	bool before_over : 1; // the session before has ended since
	bool shared : 1;
};
_Static_assert(sizeof(struct rad_cell) == 64, "a cache line");

struct rad_cells {
	struct rad_cell *cell;
	uint32_t most;
	uint32_t fresh, free; // cells never used from `fresh` on
	struct rad_index index;
	// Blocks of ports, by their address and what their first port is in: the first cell of a list.
	struct rad_index blocks;
	uint32_t *sibling; // of a block's cell: the next one of that list
	uint32_t nblocks;
	uint8_t key[16];
};

bool rad_cells_open(struct rad_cells *t, uint32_t most, const uint8_t key[16]); // false: memory
void rad_cells_close(struct rad_cells *t);
uint64_t rad_cells_bytes(uint32_t most);

uint32_t rad_key_hash(const struct rad_cells *t, const struct rad_key *k);
struct rad_key rad_cell_key(const struct rad_cell *c);
struct rad_cell *rad_cell_find(const struct rad_cells *t, const struct rad_key *k, uint32_t hash);
// A cell of that key, which has none, nobody's and ended. NULL: no room.
struct rad_cell *rad_cell_make(struct rad_cells *t, const struct rad_key *k, uint32_t hash);
void rad_cell_free(struct rad_cells *t, struct rad_cell *c);

struct rad_overlap { // a walk; begin with all zero
	uint32_t group, next;
	bool begun;
};
// Cells of the same prefix and context that have some of the key's ports, and not all of them alone, in no
// order, ended ones too. NULL: that was the last. None may be freed meanwhile.
struct rad_cell *rad_overlap_next(
	const struct rad_cells *t, const struct rad_key *k, struct rad_overlap *at);
