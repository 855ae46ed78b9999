// SPDX-License-Identifier: BSD-3-Clause
// The half-open table: one cache line of marks and times a bucket, so that a look at a bucket and the
// search for old ones touch no record that they do not want.
// Thread: the worker that owns the table.
#include "flow_half.h"

#include <errno.h>

#include <rte_common.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>

#include "panic.h"

enum {
	BUCKETS_A_LOOK = 64, // of one call of flow_half_old
	CELL_ALIGN = 8,      // bytes
};

struct bucket {
	uint32_t mark[FLOW_HALF_WAYS]; // part of the hash; 0 = free
	uint32_t seen_ms[FLOW_HALF_WAYS];
};

struct flow_half_table {
	struct bucket *buckets;
	uint8_t *cells; // FLOW_HALF_WAYS a bucket
	uint32_t object, mask, count;
	uint32_t look; // bucket looked at next
};

static uint32_t buckets_of(uint32_t count)
{
	return rte_align32pow2((count + FLOW_HALF_WAYS - 1) / FLOW_HALF_WAYS);
}

static uint32_t cell_bytes(uint32_t bytes)
{
	return (bytes + CELL_ALIGN - 1) & ~(uint32_t)(CELL_ALIGN - 1);
}

struct flow_half_table *flow_half_new(uint32_t count, uint32_t bytes, int socket)
{
	struct flow_half_table *t = rte_zmalloc_socket("half-open", sizeof(*t), 64, socket);
	uint32_t buckets = buckets_of(count);

	_Static_assert(sizeof(struct bucket) == 64, "one cache line");
	if (t == NULL)
		goto no_memory;
	t->object = cell_bytes(bytes);
	t->mask = buckets - 1;
	t->buckets = rte_zmalloc_socket(
		"half-open marks", (size_t)buckets * sizeof(*t->buckets), 64, socket);
	if (t->buckets == NULL)
		goto free_table;
	t->cells = rte_zmalloc_socket(
		"half-open cells", (size_t)buckets * FLOW_HALF_WAYS * t->object, 64, socket);
	if (t->cells == NULL)
		goto free_buckets;
	return t;
free_buckets:
	rte_free(t->buckets);
free_table:
	rte_free(t);
no_memory:
	errno = ENOMEM;
	return NULL;
}

void flow_half_free(struct flow_half_table *t)
{
	if (t == NULL)
		return;
	rte_free(t->cells);
	rte_free(t->buckets);
	rte_free(t);
}

uint64_t flow_half_bytes(uint32_t count, uint32_t bytes)
{
	return (uint64_t)buckets_of(count) *
		(sizeof(struct bucket) + FLOW_HALF_WAYS * (uint64_t)cell_bytes(bytes));
}

static struct flow_half *cell(const struct flow_half_table *t, uint32_t i)
{
	return (struct flow_half *)(void *)(t->cells + (size_t)i * t->object);
}

static uint32_t cell_index(const struct flow_half_table *t, const struct flow_half *h)
{
	return (uint32_t)((size_t)((const uint8_t *)h - t->cells) / t->object);
}

// Of its mark a key's bucket has this.
static uint32_t upper(uint64_t mark)
{
	return (uint32_t)(mark >> 32) | 1;
}

static uint32_t place(const struct flow_half_table *t, uint64_t mark)
{
	return (uint32_t)mark & t->mask;
}

void flow_half_prefetch(const struct flow_half_table *t, uint64_t mark)
{
	rte_prefetch0(&t->buckets[place(t, mark)]);
}

void flow_half_follow(const struct flow_half_table *t, uint64_t mark)
{
	const struct bucket *b = &t->buckets[place(t, mark)];
	uint32_t free = FLOW_HALF_WAYS, way = 0;

	for (; way < FLOW_HALF_WAYS && b->mark[way] != upper(mark); way++)
		if (b->mark[way] == 0 && free == FLOW_HALF_WAYS)
			free = way;
	way = way < FLOW_HALF_WAYS ? way : free;
	if (way == FLOW_HALF_WAYS)
		return;
	const uint8_t *p = (const uint8_t *)cell(t, place(t, mark) * FLOW_HALF_WAYS + way);
	for (uint32_t at = 0; at < t->object; at += RTE_CACHE_LINE_SIZE)
		rte_prefetch0(p + at);
	rte_prefetch0(p + t->object - 1); // cells begin anywhere in a line
}

struct flow_half *flow_half_lookup(
	const struct flow_half_table *t, const struct flow_key *key, uint64_t mark)
{
	const uint32_t at = place(t, mark);

	for (uint32_t way = 0; way < FLOW_HALF_WAYS; way++) {
		struct flow_half *h = cell(t, at * FLOW_HALF_WAYS + way);
		if (t->buckets[at].mark[way] == upper(mark) &&
			memcmp(&h->key, key, sizeof(*key)) == 0)
			return h;
	}
	return NULL;
}

struct flow_half *flow_half_victim(const struct flow_half_table *t, uint64_t mark)
{
	uint32_t at = place(t, mark), oldest = 0;
	const struct bucket *b = &t->buckets[at];

	for (uint32_t way = 0; way < FLOW_HALF_WAYS; way++) {
		if (b->mark[way] == 0)
			return NULL;
		if ((int32_t)(b->seen_ms[way] - b->seen_ms[oldest]) < 0)
			oldest = way;
	}
	return cell(t, at * FLOW_HALF_WAYS + oldest);
}

struct flow_half *flow_half_add(
	struct flow_half_table *t, const struct flow_key *key, uint64_t mark, uint32_t now_ms)
{
	uint32_t at = place(t, mark), way = 0;
	struct bucket *b = &t->buckets[at];

	while (way < FLOW_HALF_WAYS - 1 && b->mark[way] != 0)
		way++;
	HOT_ASSERT(b->mark[way] == 0);
	b->mark[way] = upper(mark);
	b->seen_ms[way] = now_ms;
	t->count++;
	struct flow_half *h = cell(t, at * FLOW_HALF_WAYS + way);
	memset(h, 0, t->object);
	h->key = *key;
	h->born_ms = now_ms;
	return h;
}

void flow_half_touch(struct flow_half_table *t, const struct flow_half *h, uint32_t now_ms)
{
	uint32_t i = cell_index(t, h);

	t->buckets[i / FLOW_HALF_WAYS].seen_ms[i % FLOW_HALF_WAYS] = now_ms;
}

uint32_t flow_half_idle_ms(
	const struct flow_half_table *t, const struct flow_half *h, uint32_t now_ms)
{
	uint32_t i = cell_index(t, h);

	return now_ms - t->buckets[i / FLOW_HALF_WAYS].seen_ms[i % FLOW_HALF_WAYS];
}

void flow_half_remove(struct flow_half_table *t, struct flow_half *h)
{
	uint32_t i = cell_index(t, h);

	t->buckets[i / FLOW_HALF_WAYS].mark[i % FLOW_HALF_WAYS] = 0;
	t->count--;
}

struct flow_half *flow_half_old(struct flow_half_table *t, uint32_t now_ms, uint32_t max_ms)
{
	if (t->count == 0)
		return NULL;
	for (unsigned n = 0; n < BUCKETS_A_LOOK; n++, t->look = (t->look + 1) & t->mask) {
		const struct bucket *b = &t->buckets[t->look];
		for (uint32_t way = 0; way < FLOW_HALF_WAYS; way++) {
			if (b->mark[way] != 0 && now_ms - b->seen_ms[way] >= max_ms)
				return cell(t, t->look * FLOW_HALF_WAYS + way);
		}
	}
	return NULL;
}

uint32_t flow_half_count(const struct flow_half_table *t)
{
	return t->count;
}

uint32_t flow_half_cells(const struct flow_half_table *t)
{
	return (t->mask + 1) * FLOW_HALF_WAYS;
}

uint32_t flow_half_cell(const struct flow_half_table *t, const struct flow_half *h)
{
	return cell_index(t, h);
}

struct flow_half *flow_half_at(const struct flow_half_table *t, uint32_t i)
{
	return t->buckets[i / FLOW_HALF_WAYS].mark[i % FLOW_HALF_WAYS] != 0 ? cell(t, i) : NULL;
}
