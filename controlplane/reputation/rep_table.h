// SPDX-License-Identifier: BSD-3-Clause
// What both tables have: numbers of entries, found by hash; which list each is on, what is to be told and
// saved, as sets of bits, so that a list of few among millions is found at once; scores, for the highest
// and the least. An entry keeps its number as long as it lives.
// Thread: the owner's.
#pragma once

#include "rep.h"

struct rep_bits {
	uint64_t *word;
	uint32_t n;   // bits
	uint32_t set; // how many are
};

static inline bool rep_bits_has(const struct rep_bits *b, uint32_t i)
{
	return (b->word[i / 64] >> (i % 64) & 1) != 0;
}
bool rep_bits_open(struct rep_bits *b, uint32_t n);                   // false: no memory
void rep_bits_copy(struct rep_bits *to, const struct rep_bits *from); // of as many
void rep_bits_put(struct rep_bits *b, uint32_t i, bool on);
uint32_t rep_bits_next(const struct rep_bits *b, uint32_t from); // REP_NOBODY: no more

struct rep_table {
	uint32_t most, fresh, free; // free: first of a list by `next`
	uint32_t mask, *head, *next;
	struct rep_bits used, auth, pending, dirty;
	struct rep_bits state[REP_STATE_COUNT]; // that of REP_NONE is empty
	uint32_t pinned;                        // entries that may not make room
	uint16_t *score;                        // at most this, of its time
	uint32_t *last;                         // cell that something was last counted in
	uint32_t hand, tick;
	uint64_t evicted, full, blocks[REP_EVT_COUNT];
};

bool rep_table_open(struct rep_table *t, uint32_t most);
void rep_table_close(struct rep_table *t);
uint64_t rep_table_bytes(uint32_t most);

// The first, then each further number that may have this hash.
static inline uint32_t rep_table_first(const struct rep_table *t, uint64_t hash)
{
	return t->head[hash & t->mask];
}
uint32_t rep_table_take(struct rep_table *t, uint64_t hash); // REP_NOBODY: all are taken
void rep_table_drop(struct rep_table *t, uint32_t number, uint64_t hash);
uint32_t rep_table_room(const struct rep_table *t); // numbers that are free, or may go now
uint32_t rep_table_victim(struct rep_table *t); // that says least; REP_NOBODY: none may go

enum rep_state rep_table_state(const struct rep_table *t, uint32_t number);
void rep_table_state_set(struct rep_table *t, uint32_t number, enum rep_state state);
void rep_table_auth_set(struct rep_table *t, uint32_t number, bool on);
void rep_table_tell_all(struct rep_table *t); // those on lists and blocked
uint32_t rep_table_dirty(struct rep_table *t, uint32_t *numbers, uint32_t cap);
void rep_table_dirty_all(struct rep_table *t);
void rep_table_counts(const struct rep_table *t, struct rep_counts *out);
const struct rep_bits *rep_table_set(const struct rep_table *t, const struct rep_filter *f);

// rep_auth.c: is it in range?
bool rep_auth_is_sound(const struct rep_auth_conf *c);

// A heap of the `most` highest. `top_floor`: what a score must be over to come in.
uint32_t rep_top_floor(const struct rep_top *top);
void rep_top_add(struct rep_top *top, uint32_t score, uint32_t number);
void rep_top_sort(struct rep_top *top); // highest first
