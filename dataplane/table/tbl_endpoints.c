// SPDX-License-Identifier: BSD-3-Clause
// Endpoints by reference, for workers, and by key, for the manager alone. Numbers are given anew in the order in
// which they became free, and there are more than endpoints: so a reference that somebody kept goes on to stand
// for its endpoint, and at last for nobody, but for another one only after 256 rounds through all that are free.
// Giving a number anew: first the generation, then the key, so that who reads the generation before and behind
// the key never takes one endpoint for another.
// Thread: tbl_endpoint_get any worker, all else the manager.
#include <errno.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_malloc.h>

#include "tbl_clients_int.h"

enum {
	CELL_FREE = 0x80,
	FLAGS = TBL_LISTED | TBL_EXEMPT,
	NUMBERS_MIN = 65536, // so that a small table's numbers do not come round at once
	MORE = 8,            // one in so many more than endpoints
};

static uint32_t numbers_of(uint32_t most)
{
	const uint32_t n = RTE_MAX(most + most / MORE, (uint32_t)NUMBERS_MIN);

	return RTE_MIN(n, (uint32_t)TBL_NUMBER_NONE);
}

uint64_t tbl_endpoints_bytes(uint32_t most)
{
	const uint32_t numbers = numbers_of(most);

	return most == 0 ? 0
			 : numbers * sizeof(struct tbl_endpoint_cell) +
			rte_align32pow2(numbers) * sizeof(uint32_t);
}

int tbl_endpoints_parts_new(struct tbl_endpoints *t, uint32_t most, int socket)
{
	*t = (struct tbl_endpoints){.most = most,
		.round = 1,
		.free_first = TBL_NUMBER_NONE,
		.free_last = TBL_NUMBER_NONE};
	if (most == 0)
		return 0;
	t->numbers = numbers_of(most);
	t->heads = rte_align32pow2(t->numbers);
	t->cell = rte_zmalloc_socket(
		"endpoints", t->numbers * sizeof(*t->cell), RTE_CACHE_LINE_SIZE, socket);
	t->head = rte_malloc_socket(
		"endpoint index", t->heads * sizeof(*t->head), RTE_CACHE_LINE_SIZE, socket);
	if (t->cell == NULL || t->head == NULL || getentropy(t->secret, sizeof(t->secret)) != 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->heads; i++)
		t->head[i] = TBL_NUMBER_NONE;
	return 0;
}

void tbl_endpoints_parts_free(struct tbl_endpoints *t)
{
	rte_free(t->cell);
	rte_free(t->head);
}

static uint16_t word_of(const struct tbl_endpoint_cell *e)
{
	return atomic_load_explicit(&e->word, memory_order_relaxed);
}

static void word_set(struct tbl_endpoint_cell *e, unsigned word)
{
	atomic_store_explicit(&e->word, (uint16_t)word, memory_order_relaxed);
}

static uint64_t key_of(const struct tbl_endpoint_cell *e)
{
	return atomic_load_explicit(&e->key, memory_order_relaxed);
}

static uint32_t reference_of(const struct tbl_endpoints *t, uint32_t number)
{
	return (uint32_t)(word_of(&t->cell[number]) >> 8) << TBL_NUMBER_BITS | number;
}

// ---- workers

bool tbl_endpoint_get(const struct tbl_clients *c, uint32_t endpoint, struct tbl_endpoint *out)
{
	const struct tbl_endpoints *t = &c->endpoints;
	const uint32_t number = endpoint & TBL_NUMBER_NONE;

	*out = (struct tbl_endpoint){0};
	if (number >= t->numbers)
		return false;
	const struct tbl_endpoint_cell *e = &t->cell[number];
	// Acquire: the key behind the generation (pairs with number_renew's release fence).
	const uint16_t word = atomic_load_explicit(&e->word, memory_order_acquire);
	const uint64_t key = key_of(e);
	const uint64_t until = atomic_load_explicit(&e->until, memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire); // the key before the generation again: likewise
	if (key == 0 || word >> 8 != endpoint >> TBL_NUMBER_BITS ||
		word_of(e) >> 8 != endpoint >> TBL_NUMBER_BITS)
		return false;
	*out = (struct tbl_endpoint){.key = key,
		.blocked_until_s = (uint32_t)until,
		.auth_until_s = (uint32_t)(until >> 32),
		.flags = word & FLAGS};
	return true;
}

// ---- the index by key

static uint32_t *bucket_of(const struct tbl_endpoints *t, uint64_t key)
{
	const unsigned __int128 m = (unsigned __int128)(key ^ t->secret[0]) * t->secret[1];

	return &t->head[((uint64_t)m ^ (uint64_t)(m >> 64)) & (t->heads - 1)];
}

static uint32_t index_find(const struct tbl_endpoints *t, uint64_t key)
{
	uint32_t number = t->heads == 0 ? TBL_NUMBER_NONE : *bucket_of(t, key);

	while (number != TBL_NUMBER_NONE && key_of(&t->cell[number]) != key)
		number = t->cell[number].chain;
	return number;
}

static void index_add(struct tbl_endpoints *t, uint64_t key, uint32_t number)
{
	uint32_t *head = bucket_of(t, key);

	t->cell[number].chain = *head;
	*head = number;
}

static void index_remove(struct tbl_endpoints *t, uint32_t number)
{
	uint32_t *at = bucket_of(t, key_of(&t->cell[number]));

	while (*at != number)
		at = &t->cell[*at].chain;
	*at = t->cell[number].chain;
}

// ---- numbers

static void used_add(struct tbl_endpoints *t, int n)
{
	const uint32_t used = atomic_load_explicit(&t->used, memory_order_relaxed);

	atomic_store_explicit(&t->used, used + (uint32_t)n, memory_order_relaxed);
}

static void free_push(struct tbl_endpoints *t, uint32_t number)
{
	struct tbl_endpoint_cell *e = &t->cell[number];

	word_set(e, word_of(e) | CELL_FREE);
	e->next = TBL_NUMBER_NONE;
	e->bindings = t->free_last;
	if (t->free_last == TBL_NUMBER_NONE)
		t->free_first = number;
	else
		t->cell[t->free_last].next = number;
	t->free_last = number;
	used_add(t, -1);
}

static void free_pull(struct tbl_endpoints *t, uint32_t number)
{
	struct tbl_endpoint_cell *e = &t->cell[number];
	const uint32_t before = e->bindings, after = e->next;

	if (before == TBL_NUMBER_NONE)
		t->free_first = after;
	else
		t->cell[before].next = after;
	if (after == TBL_NUMBER_NONE)
		t->free_last = before;
	else
		t->cell[after].bindings = before;
	word_set(e, word_of(e) & ~CELL_FREE);
	e->bindings = 0;
	used_add(t, 1);
}

// Another endpoint has this number from now on: who asks by a reference of before finds nobody.
static void number_renew(struct tbl_endpoints *t, uint32_t number, uint64_t key)
{
	struct tbl_endpoint_cell *e = &t->cell[number];

	index_remove(t, number);
	word_set(e, (word_of(e) & ~0xff) + 0x100);
	atomic_thread_fence(memory_order_release); // pairs with tbl_endpoint_get
	atomic_store_explicit(&e->key, key, memory_order_relaxed);
	index_add(t, key, number);
}

// The number of that endpoint, which is in use then; TBL_NUMBER_NONE: no room. Either has a binding or
// something known of it soon.
static uint32_t number_take(struct tbl_endpoints *t, uint64_t key)
{
	uint32_t number = index_find(t, key);

	if (number != TBL_NUMBER_NONE && (word_of(&t->cell[number]) & CELL_FREE) == 0)
		return number;
	if (atomic_load_explicit(&t->used, memory_order_relaxed) >= t->most)
		return TBL_NUMBER_NONE;
	if (number != TBL_NUMBER_NONE) {
		free_pull(t, number);
	} else if (t->fresh < t->numbers) {
		number = t->fresh++;
		used_add(t, 1);
		atomic_store_explicit(&t->cell[number].key, key, memory_order_relaxed);
		index_add(t, key, number);
	} else {
		number = t->free_first; // more numbers than endpoints: one is free
		free_pull(t, number);
		number_renew(t, number, key);
	}
	return number;
}

static void number_release(struct tbl_endpoints *t, uint32_t number)
{
	const struct tbl_endpoint_cell *e = &t->cell[number];

	if (e->bindings == 0 && e->mark == 0)
		free_push(t, number);
}

uint32_t tbl_endpoint_hold(struct tbl_endpoints *t, uint64_t key)
{
	const uint32_t number = number_take(t, key);

	if (number == TBL_NUMBER_NONE)
		return TBL_ENDPOINT_NONE;
	t->cell[number].bindings++;
	return reference_of(t, number);
}

void tbl_endpoint_drop(struct tbl_endpoints *t, uint32_t endpoint)
{
	const uint32_t number = endpoint & TBL_NUMBER_NONE;

	t->cell[number].bindings--;
	number_release(t, number);
}

// ---- what is known

static void facts_put(struct tbl_endpoint_cell *e, uint64_t until, unsigned flags)
{
	atomic_store_explicit(&e->until, until, memory_order_relaxed);
	word_set(e, (word_of(e) & ~FLAGS) | flags);
}

static void facts_forget(struct tbl_endpoints *t, uint32_t number)
{
	struct tbl_endpoint_cell *e = &t->cell[number];

	facts_put(e, 0, 0);
	e->mark = 0;
	number_release(t, number);
}

int tbl_endpoint_set(struct tbl_clients *c, const struct tbl_endpoint *f)
{
	struct tbl_endpoints *t = &c->endpoints;
	const uint64_t until = (uint64_t)f->auth_until_s << 32 | f->blocked_until_s;
	uint32_t number;

	if (f->key == 0 || (f->flags & ~FLAGS) != 0)
		return -EINVAL;
	if (until == 0 && f->flags == 0) {
		number = index_find(t, f->key);
		if (number != TBL_NUMBER_NONE && t->cell[number].mark != 0)
			facts_forget(t, number);
		return 0;
	}
	number = number_take(t, f->key);
	if (number == TBL_NUMBER_NONE)
		return tbl_clients_full(c);
	t->cell[number].mark = t->round;
	facts_put(&t->cell[number], until, f->flags);
	return 0;
}

void tbl_endpoints_begin(struct tbl_endpoints *t)
{
	t->round = t->round == UINT16_MAX ? 1 : t->round + 1;
	t->hand = 0;
}

bool tbl_endpoints_sweep(struct tbl_endpoints *t, uint32_t *slice)
{
	for (; t->hand<t->fresh && * slice> 0; t->hand++, --*slice) {
		const uint16_t mark = t->cell[t->hand].mark;

		if (mark != 0 && mark != t->round)
			facts_forget(t, t->hand);
	}
	return t->hand < t->fresh;
}
