// SPDX-License-Identifier: BSD-3-Clause
// The flow table of a worker: one array of cells, which an index (flow_index.c) and the timers name by
// number, so a flow costs no pointer. A cell that was freed last is used first.
// Thread: the worker that owns the table.
#include <errno.h>

#include <rte_malloc.h>

#include "flow_int.h"
#include "hash.h"

static uint32_t cell_bytes(uint32_t flow_bytes)
{
	enum { ALIGN = 8 };

	return (flow_bytes + ALIGN - 1) & ~(uint32_t)(ALIGN - 1);
}

struct flow_table *flow_table_new(uint32_t count, uint32_t flow_bytes, int socket)
{
	struct flow_table *t = rte_zmalloc_socket("flow table", sizeof(*t), 64, socket);

	if (t == NULL)
		goto no_memory;
	t->object = cell_bytes(flow_bytes);
	t->count = count;
	t->walk = t->free = FLOW_NONE;
	for (unsigned i = 0; i < FLOW_WHEEL_SLOTS; i++)
		t->wheel[i] = FLOW_NONE;
	if (!flow_index_new(&t->index, count, socket))
		goto free_table;
	if (!flow_deeps_new(&t->deeps, count, socket))
		goto free_index;
	t->cells = rte_zmalloc_socket("flows", (size_t)count * t->object, 64, socket);
	if (t->cells == NULL)
		goto free_deeps;
	t->used = rte_zmalloc_socket("flows used", count / 8 + 1, 64, socket);
	if (t->used == NULL)
		goto free_cells;
	return t;
free_cells:
	rte_free(t->cells);
free_deeps:
	flow_deeps_free(&t->deeps);
free_index:
	flow_index_free(&t->index);
free_table:
	rte_free(t);
no_memory:
	errno = ENOMEM;
	return NULL;
}

void flow_table_free(struct flow_table *t)
{
	if (t == NULL)
		return;
	rte_free(t->used);
	rte_free(t->cells);
	flow_deeps_free(&t->deeps);
	flow_index_free(&t->index);
	rte_free(t);
}

uint64_t flow_table_bytes(uint32_t count, uint32_t flow_bytes)
{
	return (uint64_t)count * cell_bytes(flow_bytes) + count / 8 + flow_index_bytes(count) +
		flow_deeps_bytes(count);
}

uint64_t flow_hash(const struct flow_table *t, const struct flow_key *key)
{
	uint64_t hash = flow_index_hash(&t->index, key);

	flow_index_prefetch(&t->index, hash);
	return hash;
}

uint32_t flow_prefetch(const struct flow_table *t, uint64_t hash)
{
	return flow_index_prefetch_cell(&t->index, t, hash);
}

struct flow *flow_lookup_hashed(
	const struct flow_table *t, const struct flow_key *key, uint64_t hash, uint32_t cell)
{
	if (cell != FLOW_NONE && flow_key_is(&flow_cell(t, cell)->key, key))
		return flow_cell(t, cell);
	cell = flow_index_find(&t->index, t, key, hash);
	return cell == FLOW_NONE ? NULL : flow_cell(t, cell);
}

const struct flow *flow_guess(const struct flow_table *t, uint32_t cell)
{
	return flow_cell(t, cell);
}

uint64_t flow_mark(const uint8_t secret[16], const struct flow_key *key)
{
	return hash_siphash(secret, key, sizeof(*key));
}

struct flow *flow_lookup(const struct flow_table *t, const struct flow_key *key)
{
	return flow_lookup_hashed(t, key, flow_index_hash(&t->index, key), FLOW_NONE);
}

struct flow *flow_add(struct flow_table *t, const struct flow_key *key)
{
	if (t->live >= t->count)
		return NULL;
	uint32_t i = t->free != FLOW_NONE ? t->free : t->fresh;
	struct flow *f = flow_cell(t, i);
	if (!flow_index_add(&t->index, key, i))
		return NULL;
	if (i == t->free)
		t->free = f->timer_next;
	else
		t->fresh++;
	memset(f, 0, t->object);
	f->key = *key;
	f->timer_next = f->timer_prev = FLOW_NONE;
	f->face[STREAM_CLIENT].in_port = f->face[STREAM_SERVER].in_port = FLOW_NO_PORT;
	t->used[i / 8] |= (uint8_t)(1 << i % 8);
	t->live++;
	return f;
}

void flow_remove(struct flow_table *t, struct flow *f)
{
	flow_timer_clear(t, f);
	uint32_t i = flow_number(t, f);
	flow_index_del(&t->index, &f->key, i);
	flow_face_forget(t, &f->face[STREAM_CLIENT]);
	flow_face_forget(t, &f->face[STREAM_SERVER]);
	t->used[i / 8] &= (uint8_t)~(1 << i % 8);
	f->key.zero = 1;
	t->live--;
	f->timer_next = t->free;
	t->free = i;
}

uint32_t flow_count(const struct flow_table *t)
{
	return t->live;
}

uint32_t flow_cells(const struct flow_table *t)
{
	return t->count;
}

struct flow *flow_at(const struct flow_table *t, uint32_t i)
{
	return (t->used[i / 8] & 1 << i % 8) != 0 ? flow_cell(t, i) : NULL;
}

uint32_t flow_place(const struct flow_table *t, const struct flow *f)
{
	return flow_number(t, f);
}
