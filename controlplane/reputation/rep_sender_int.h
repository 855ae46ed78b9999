// SPDX-License-Identifier: BSD-3-Clause
// What the files of senders share. Thread: the owner's.
#pragma once

#include "rep_note.h"
#include "rep_table.h"

struct sender {
	struct rep_sender_key key;
	struct rep_auth auth;
	uint8_t told; // score in the last fact
};

struct half_hour {
	uint32_t good, bad; // messages; percent of one
};

enum { LENGTHS = 129 }; // of prefixes, of the 16 octets

struct lengths {                             // of a family
	uint8_t counted[REP_LENGTHS_MAX], n; // configured ones, the longest first
	uint32_t used[LENGTHS];              // entries, those of operators, too
};

struct shape {                                       // of what is counted
	struct lengths lengths[2];                   // IPv6, IPv4
	uint32_t windows[REP_WINDOWS_MAX], nwindows; // in cells, ascending
	uint32_t cells;                              // of the longest
};

bool rep_shape_take(
	struct shape *h, const struct rep_senders_conf *conf); // false: it makes no sense
uint64_t rep_shape_bytes(const struct shape *h, uint32_t most);
struct lengths *rep_shape_lengths(struct shape *h, const struct prefix *p); // of its family
bool rep_shape_has(const struct shape *h, const struct prefix *p);
bool rep_shape_fits(const struct shape *h, const struct prefix *p); // one more, or it is there

struct rep_senders {
	struct rep_table t;
	struct sender *entry;
	struct half_hour *cell; // shape.cells of each entry, by the number of their time, modulo
	struct shape shape;
	struct rep_weights weights;
	struct rep_auth_conf auth;
	struct rep_ops ops;
	uint8_t secret[16];
	struct rep_notes notes; // of those on operators' lists
	// Those that are not yet of this shape. Where `before` is not NULL they have their cells there, so many each.
	struct rep_bits stale;
	struct half_hour *before;
	uint32_t before_cells;
	struct rep_senders_conf wanted; // `waits`: as soon as none is stale
	bool waits;
};

// Entry `n` takes the shape that there is now.
void rep_sender_freshen(struct rep_senders *s, uint32_t n);
// It is of no shape any more: it goes, or has got cells of its own.
void rep_sender_fresh(struct rep_senders *s, uint32_t n);
// A shape that waits, once it can begin.
void rep_senders_change_on(struct rep_senders *s);
// Forgets what was counted.
void rep_sender_zero(struct rep_senders *s, uint32_t n);
uint32_t rep_sender_cells(const struct rep_senders *s, uint32_t n); // that it has

// What is over goes.
void rep_sender_settle(struct rep_senders *s, uint32_t n, uint32_t now_s);
unsigned rep_sender_score(struct rep_senders *s, uint32_t n, uint32_t now_s);
// The score of entry `n` when the cell `now` has begun, nothing more having come.
unsigned rep_sender_score_at(const struct rep_senders *s, uint32_t n, uint32_t now);
uint32_t rep_sender_make(struct rep_senders *s, const struct rep_sender_key *key);
struct half_hour *rep_sender_cell(const struct rep_senders *s, uint32_t n, uint32_t at);
