// SPDX-License-Identifier: BSD-3-Clause
// Limit cells: what a client, or all connections of a profile together, hold and did of late. One
// table for all workers, sized at start, without a lock, and without memory of its own. A cell is
// claimed by the worker that first needs it, and taken for another key once it says nothing any
// more: no ticket is out and its window is empty. Where no cell is left there is no limit; whoever
// asked counts that.
//
// A ticket is one of at most N that are held at a time: N pass, N + 1 is refused, whichever workers
// ask. An event is one of at most N in a window. The window begins with the first event; events of
// the window before it count by the part of it that still lies within the last `window_s` seconds,
// rounded up, as if they had come evenly. So the first window lets exactly N pass, and the one
// behind it no more at once than have run out. An event that is refused does not count.
//
// Events may be given back, as long as it is not known whether they will have been: who counts one so
// holds it. It counts from the first moment, so N pass here, too, whatever becomes of them.
//
// Keys are compared by a 64-bit keyed hash. Among a million keys two are the same with a chance of
// one in thirty million; such a pair shares its limits. A name that stands in a key by its own keyed
// hash (tbl_cells_name) is as good: two of a million are one with the same chance, and then share a
// limit, too; who does not know the secret cannot look for such a pair.
//
// The memory may be one that outlives the process (tbl_cells_layout.h): then somebody else can read what
// windows say, and a table made later takes it over. Tickets are not taken over: their holders are gone.
//
// Why this is right under races is said at the head of tbl_cells.c.
// Thread: any worker, everything but tbl_cells_init and what is said to be the manager's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"

enum {
	TBL_CELL_NONE = UINT32_MAX,
	TBL_CELLS_MAX = 100000000,
	TBL_CELLS_TICKETS_MAX = 16000000, // of one cell
	TBL_CELLS_EVENTS_MAX = 60000,     // of one window
	TBL_CELLS_WINDOW_MAX_S = 7 * 86400,
};

struct tbl_cell_key {
	struct addr client;     // zero: all clients
	uint64_t profile;       // a hash of its name: the same in every configuration
	uint32_t context;       // likewise; 0: none
	uint16_t vlan, kind;    // of it, where that has several; what is counted
};
_Static_assert(sizeof(struct tbl_cell_key) == 32, "it is hashed as it lies: no padding");

enum tbl_cells_answer {
	TBL_CELLS_PASS,
	TBL_CELLS_OVER, // the limit is reached: nothing was taken
	TBL_CELLS_FULL, // no cell is left: nothing was taken, and there is no limit
};

struct tbl_cells;

// Bytes of memory for at least `count` cells, 1..TBL_CELLS_MAX.
uint64_t tbl_cells_bytes(uint32_t count);
// Makes a table of that memory, which stays the caller's, aligned to 64; it need not be zero.
// `secret` is copied: who knows it can make keys that share a cell. Before any worker runs.
struct tbl_cells *tbl_cells_init(void *memory, uint32_t count, const uint8_t secret[16]);

// Takes one of `limit` (1..TBL_CELLS_TICKETS_MAX) tickets of a key. PASS: *ticket is it; else
// TBL_CELL_NONE. *value: tickets out, this one included. now_s: seconds of a clock that all callers
// share and that does not go back; a worker may be a second behind another.
enum tbl_cells_answer tbl_cells_take(struct tbl_cells *c, const struct tbl_cell_key *key,
	uint32_t limit, uint32_t now_s, uint32_t *ticket, uint32_t *value);
// The same of a second key, for who may hold a ticket of a first one: PASS: *ticket stands for both;
// else it is as it was. The second key is a function of the first: all who hold tickets of one and
// the same first key name the same second.
enum tbl_cells_answer tbl_cells_take_also(struct tbl_cells *c, const struct tbl_cell_key *key,
	uint32_t limit, uint32_t now_s, uint32_t *ticket, uint32_t *value);
// Gives back, once, what a ticket stands for; any worker may. TBL_CELL_NONE: nothing.
void tbl_cells_give(struct tbl_cells *c, uint32_t ticket);

// Counts one of `limit` (1..TBL_CELLS_EVENTS_MAX) events in `window_s` (1..TBL_CELLS_WINDOW_MAX_S)
// seconds. *value: those that count now, this one included where it passed.
enum tbl_cells_answer tbl_cells_count(struct tbl_cells *c, const struct tbl_cell_key *key,
	uint32_t limit, uint32_t window_s, uint32_t now_s, uint32_t *value);

struct tbl_cells_held { // events that may be given back; zero: none
	uint32_t cell;
	uint32_t start_s, window_s; // of the window that the last of them was counted in
	uint16_t now, before;       // in that window, in the one before it
};

// The same, and adds it to those that *held has of this key; those of another key, or of windows that
// are over, are its no more: they stay counted, or count for nothing.
enum tbl_cells_answer tbl_cells_hold(struct tbl_cells *c, const struct tbl_cell_key *key,
	uint32_t limit, uint32_t window_s, uint32_t now_s, struct tbl_cells_held *held,
	uint32_t *value);
// Gives back the last `n` of them, or all where there are fewer; any worker may. What is not given back
// stays counted: to keep all, forget *held.
void tbl_cells_release(struct tbl_cells *c, struct tbl_cells_held *held, uint32_t n);

// What a name is in a key, by the table's secret.
uint64_t tbl_cells_name(const struct tbl_cells *c, const void *name, size_t n);

struct tbl_cell_state {
	uint32_t tickets; // out
	uint32_t events;  // that count now
};
// What a key's cell says; zero where it has none.
struct tbl_cell_state tbl_cells_read(
	const struct tbl_cells *c, const struct tbl_cell_key *key, uint32_t now_s);

// What a cell counted in a table that was before this one, under the same secret.
struct tbl_cells_row {
	uint64_t tag; // of its key, by the secret
	uint32_t
		start_s; // of its window, by the clock of now_s below; later than that: it begins then
	uint32_t window_s; // 1..TBL_CELLS_WINDOW_MAX_S
	uint16_t before,
		now; // events of the window before it, and of it: up to TBL_CELLS_EVENTS_MAX
};

// Is each of its fields in range? Any bytes may be asked about.
bool tbl_cells_row_is_sound(const struct tbl_cells_row *row);
// Takes another secret; what was counted before is never found again. The manager, before any worker
// counts.
void tbl_cells_secret(struct tbl_cells *c, const uint8_t secret[16]);
// Puts a sound row into the cell of its tag, in place of what is there. PASS; OVER: its time is over,
// nothing was put; FULL: no cell is left. The manager, before any worker counts.
enum tbl_cells_answer tbl_cells_put(
	struct tbl_cells *c, const struct tbl_cells_row *row, uint32_t now_s);
// Tells who reads from outside what the workers' clock says (now_us, of which now_s is the seconds), and
// when: at_us of CLOCK_MONOTONIC. The manager, each turn.
void tbl_cells_clock(struct tbl_cells *c, uint64_t now_us, uint64_t at_us);
