// SPDX-License-Identifier: BSD-3-Clause
// Numbers, sets and scores (rep_table.h). Memory is taken zeroed and touched from low numbers on, so what
// is not used costs none. Thread: the owner's.
#include "rep_table.h"

#include <stdlib.h>
#include <string.h>

enum { VICTIMS = 64 }; // looked at for the one that says least

const char *const rep_state_names[REP_STATE_COUNT] = {
	[REP_NONE] = "none",
	[REP_AUTO] = "auto",
	[REP_MANUAL] = "manual",
	[REP_EXEMPT] = "exempt",
};

static size_t words_of(uint32_t n)
{
	return (size_t)n / 64 + 1;
}

bool rep_bits_open(struct rep_bits *b, uint32_t n)
{
	*b = (struct rep_bits){.word = calloc(words_of(n), sizeof(uint64_t)), .n = n};
	return b->word != NULL;
}

void rep_bits_copy(struct rep_bits *to, const struct rep_bits *from)
{
	memcpy(to->word, from->word, words_of(from->n) * sizeof(uint64_t));
	to->set = from->set;
}

void rep_bits_put(struct rep_bits *b, uint32_t i, bool on)
{
	const uint64_t bit = UINT64_C(1) << (i % 64);
	uint64_t *w = &b->word[i / 64];

	if (((*w & bit) != 0) == on)
		return;
	*w ^= bit;
	b->set += on ? 1 : UINT32_MAX;
}

uint32_t rep_bits_next(const struct rep_bits *b, uint32_t from)
{
	const size_t words = words_of(b->n);
	size_t i = from / 64;
	uint64_t w;

	if (from >= b->n || b->set == 0)
		return REP_NOBODY;
	w = b->word[i] >> (from % 64) << (from % 64);
	while (w == 0 && ++i < words)
		w = b->word[i];
	return w == 0 ? REP_NOBODY : (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(w);
}

static uint32_t heads_of(uint32_t most)
{
	uint32_t n = 16;

	while (n < most && n < UINT32_C(1) << 31)
		n *= 2;
	return n;
}

bool rep_table_open(struct rep_table *t, uint32_t most)
{
	const uint32_t heads = heads_of(most);
	bool ok;

	*t = (struct rep_table){.most = most, .free = REP_NOBODY, .mask = heads - 1};
	t->head = malloc((size_t)heads * sizeof(uint32_t));
	t->next = calloc(most, sizeof(uint32_t));
	t->score = calloc(most, sizeof(uint16_t));
	t->last = calloc(most, sizeof(uint32_t));
	ok = t->head != NULL && t->next != NULL && t->score != NULL && t->last != NULL &&
		rep_bits_open(&t->used, most) && rep_bits_open(&t->auth, most) &&
		rep_bits_open(&t->pending, most) && rep_bits_open(&t->dirty, most);
	for (unsigned i = 0; ok && i < REP_STATE_COUNT; i++)
		ok = rep_bits_open(&t->state[i], most);
	if (ok)
		memset(t->head, 0xff, (size_t)heads * sizeof(uint32_t)); // REP_NOBODY
	return ok;
}

void rep_table_close(struct rep_table *t)
{
	for (unsigned i = 0; i < REP_STATE_COUNT; i++)
		free(t->state[i].word);
	free(t->used.word);
	free(t->auth.word);
	free(t->pending.word);
	free(t->dirty.word);
	free(t->head);
	free(t->next);
	free(t->score);
	free(t->last);
}

uint64_t rep_table_bytes(uint32_t most)
{
	return (uint64_t)heads_of(most) * sizeof(uint32_t) +
		(uint64_t)most * (2 * sizeof(uint32_t) + sizeof(uint16_t)) +
		(4 + REP_STATE_COUNT) * sizeof(uint64_t) * (uint64_t)words_of(most);
}

uint32_t rep_table_take(struct rep_table *t, uint64_t hash)
{
	uint32_t n = t->free, *head = &t->head[hash & t->mask];

	if (n != REP_NOBODY)
		t->free = t->next[n];
	else if (t->fresh < t->most)
		n = t->fresh++;
	else
		return REP_NOBODY;
	t->next[n] = *head;
	*head = n;
	t->score[n] = 0;
	t->last[n] = 0;
	rep_bits_put(&t->used, n, true);
	return n;
}

void rep_table_drop(struct rep_table *t, uint32_t number, uint64_t hash)
{
	uint32_t *at = &t->head[hash & t->mask];

	while (*at != number)
		at = &t->next[*at];
	*at = t->next[number];
	t->next[number] = t->free;
	t->free = number;
	rep_table_state_set(t, number, REP_NONE);
	rep_table_auth_set(t, number, false);
	rep_bits_put(&t->pending, number, false);
	rep_bits_put(&t->dirty, number, false);
	rep_bits_put(&t->used, number, false);
}

static bool is_pinned(const struct rep_table *t, uint32_t n)
{
	return rep_table_state(t, n) != REP_NONE || rep_bits_has(&t->auth, n);
}

// Those of a word that may go: on no list, not blocked, and nothing of them is still to be told.
static uint64_t loose_word(const struct rep_table *t, size_t i)
{
	uint64_t w = t->used.word[i] & ~t->auth.word[i] & ~t->pending.word[i];

	for (unsigned k = REP_AUTO; k < REP_STATE_COUNT; k++)
		w &= ~t->state[k].word[i];
	return w;
}

uint32_t rep_table_room(const struct rep_table *t)
{
	uint32_t n = t->most - t->used.set;

	for (size_t i = 0; i < words_of(t->most); i++)
		n += (uint32_t)__builtin_popcountll(loose_word(t, i));
	return n;
}

// The next one from `from` on that may go, whole words of others passed at once.
static uint32_t loose_next(const struct rep_table *t, uint32_t from)
{
	const size_t words = words_of(t->most);
	uint64_t w = ~UINT64_C(0) << (from % 64);

	for (size_t i = from / 64; i < words; i++, w = ~UINT64_C(0)) {
		w &= loose_word(t, i);
		if (w != 0)
			return (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(w);
	}
	return REP_NOBODY;
}

uint32_t rep_table_victim(struct rep_table *t)
{
	uint32_t best = REP_NOBODY, n = t->hand;
	bool wrapped = false;

	if (t->pinned == t->used.set)
		return REP_NOBODY;
	for (unsigned looked = 0; looked < VICTIMS; looked++) {
		n = n < t->most ? loose_next(t, n) : REP_NOBODY;
		if (n == REP_NOBODY && !wrapped) {
			wrapped = true;
			n = loose_next(t, 0);
		}
		if (n == REP_NOBODY)
			break;
		if (best == REP_NOBODY || t->score[n] < t->score[best] ||
			(t->score[n] == t->score[best] && t->last[n] < t->last[best]))
			best = n;
		n++;
	}
	t->hand = n == REP_NOBODY ? 0 : n;
	return best;
}

enum rep_state rep_table_state(const struct rep_table *t, uint32_t number)
{
	for (unsigned i = REP_AUTO; i < REP_STATE_COUNT; i++)
		if (rep_bits_has(&t->state[i], number))
			return (enum rep_state)i;
	return REP_NONE;
}

static void pin(struct rep_table *t, uint32_t number, bool before)
{
	const bool now = is_pinned(t, number);

	if (now != before)
		t->pinned += now ? 1 : UINT32_MAX;
}

void rep_table_state_set(struct rep_table *t, uint32_t number, enum rep_state state)
{
	const bool before = is_pinned(t, number);

	for (unsigned i = REP_AUTO; i < REP_STATE_COUNT; i++)
		rep_bits_put(&t->state[i], number, i == (unsigned)state);
	pin(t, number, before);
}

void rep_table_auth_set(struct rep_table *t, uint32_t number, bool on)
{
	const bool before = is_pinned(t, number);

	rep_bits_put(&t->auth, number, on);
	pin(t, number, before);
}

void rep_table_tell_all(struct rep_table *t)
{
	uint32_t set = 0;

	for (size_t i = 0; i < words_of(t->most); i++) {
		uint64_t w = t->pending.word[i] | t->auth.word[i];

		for (unsigned k = REP_AUTO; k < REP_STATE_COUNT; k++)
			w |= t->state[k].word[i];
		t->pending.word[i] = w;
		set += (uint32_t)__builtin_popcountll(w);
	}
	t->pending.set = set;
}

uint32_t rep_table_dirty(struct rep_table *t, uint32_t *numbers, uint32_t cap)
{
	uint32_t n = 0, at = 0;

	while (n < cap && (at = rep_bits_next(&t->dirty, at)) != REP_NOBODY) {
		rep_bits_put(&t->dirty, at, false);
		numbers[n++] = at;
	}
	return n;
}

void rep_table_dirty_all(struct rep_table *t)
{
	memcpy(t->dirty.word, t->used.word, words_of(t->most) * sizeof(uint64_t));
	t->dirty.set = t->used.set;
}

void rep_table_counts(const struct rep_table *t, struct rep_counts *out)
{
	*out = (struct rep_counts){.entries = t->used.set,
		.most = t->most,
		.auth = t->auth.set,
		.pending = t->pending.set,
		.dirty = t->dirty.set,
		.evicted = t->evicted,
		.full = t->full};
	for (unsigned i = REP_AUTO; i < REP_STATE_COUNT; i++)
		out->state[i] = t->state[i].set;
	memcpy(out->blocks, t->blocks, sizeof(out->blocks));
}

const struct rep_bits *rep_table_set(const struct rep_table *t, const struct rep_filter *f)
{
	if (f->by_state && f->state != REP_NONE)
		return &t->state[f->state];
	return f->by_auth ? &t->auth : &t->used;
}

// ---- the highest: a heap whose first is the least of them

uint32_t rep_top_floor(const struct rep_top *top)
{
	return top->n < top->most ? 0 : top->row[0].score;
}

static void top_swap(struct rep_top *top, uint32_t i, uint32_t k)
{
	const uint32_t score = top->row[i].score, number = top->row[i].number;

	top->row[i] = top->row[k];
	top->row[k].score = score;
	top->row[k].number = number;
}

static void top_sink(struct rep_top *top, uint32_t n)
{
	for (uint32_t i = 0, k; (k = 2 * i + 1) < n; i = k) {
		if (k + 1 < n && top->row[k + 1].score < top->row[k].score)
			k++;
		if (top->row[i].score <= top->row[k].score)
			return;
		top_swap(top, i, k);
	}
}

void rep_top_add(struct rep_top *top, uint32_t score, uint32_t number)
{
	uint32_t i = top->n;

	if (score <= rep_top_floor(top))
		return;
	if (i == top->most) {
		top->row[0].score = score;
		top->row[0].number = number;
		top_sink(top, top->n);
		return;
	}
	top->row[i].score = score;
	top->row[i].number = number;
	top->n++;
	for (; i > 0 && top->row[i].score < top->row[(i - 1) / 2].score; i = (i - 1) / 2)
		top_swap(top, i, (i - 1) / 2);
}

void rep_top_sort(struct rep_top *top)
{
	for (uint32_t n = top->n; n > 1;) {
		top_swap(top, 0, --n);
		top_sink(top, n);
	}
}
