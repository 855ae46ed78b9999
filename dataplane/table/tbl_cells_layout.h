// SPDX-License-Identifier: BSD-3-Clause
// How limit cells lie in memory. Their memory may be shared with a reader outside of this process, who
// then finds what was counted even when the process has died amid a step; link/ asserts that it knows them
// by the same layout. What a word means, and why it is right under races: tbl_cells.c.
// Thread: every field as tbl_cells.c has it.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum {
	TBL_CELLS_SLOTS = 31,        // of a bucket; with the turn the tags fill four cache lines
	TBL_CELLS_OPEN = 2,          // phase of a cell that is its tag's
	TBL_CELLS_PHASE_SHIFT = 32,  // in a cell's word: 2 bits
	TBL_CELLS_NUMBER_SHIFT = 34, // the rest: other than before where the cell is another tag's
};

struct tbl_cell {
	_Atomic uint64_t word;
	_Atomic uint64_t
		window; // its begin 32 bits, events of the one before it 16, of this one 16; 0: none
	_Atomic uint32_t window_s; // its length
	_Atomic uint32_t second;   // cell of the ticket that is given back with one of this
};

struct tbl_bucket {
	_Alignas(64) _Atomic uint64_t turn;
	_Atomic uint64_t tag[TBL_CELLS_SLOTS];
	struct tbl_cell cell[TBL_CELLS_SLOTS];
};

struct tbl_cells {
	uint8_t secret[16];
	uint32_t buckets, spare;
	_Atomic uint64_t clock_us, at_us; // w: tbl_cells_clock
	struct tbl_bucket bucket[];
};

_Static_assert(sizeof(struct tbl_bucket) == 1024, "33 bytes a cell");
_Static_assert(sizeof(struct tbl_cells) == 64, "buckets begin with a cache line");
