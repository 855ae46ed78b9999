// SPDX-License-Identifier: BSD-3-Clause
// Between bindings and the store (sto.h): rows there and back, and everything again where a file has come
// back. Bindings count seconds of a clock that only grows, the store those of the wall.
// Thread: the owner's.
#pragma once

#include "rad_bind.h"
#include "sto.h"

struct rad_store {
	struct sto *sto;
	struct rad_bind *bind; // set before the first turn
	int64_t wall_s;        // the wall's seconds less the clock's
	int64_t rows_s;        // likewise, by which the rows say when, to within half a minute; 0 = not yet
	uint64_t ticket;       // of the last row put
	uint32_t era, at;      // said up to `at` of that one
	bool saying, sweeps; // sweeps: behind it what was not said goes
	uint64_t lost; // rows that found no place, though there was one
};

enum {
	RAD_STORE_ROWS = 9
}; // that one datagram makes at most: an end and a beginning for each address, a NAS

void rad_store_open(struct rad_store *s, struct sto *sto);
void rad_store_clock(struct rad_store *s, uint32_t now_s); // at the begin of each turn
// For rad_bind_conf, `arg` is the struct.
void rad_store_row(void *arg, const struct rad_row *row);
void rad_store_nas(void *arg, uint64_t nas, uint32_t era);
bool rad_store_restore(struct rad_store *s, const struct sto_binding *row, uint32_t now_s);
// Says some of all again, if that is asked for and there is room. true: more is to be said.
bool rad_store_turn(struct rad_store *s);
