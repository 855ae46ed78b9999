// SPDX-License-Identifier: BSD-3-Clause
// The flow table of a worker: an rte_hash whose positions number the cells of one array, so a flow
// costs no pointer. Half-open flows are kept in a list, so that a SYN flood pushes out its own
// kind.
// Thread: the worker that owns the table.
#include <errno.h>

#include <rte_jhash.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "flow_int.h"

enum { HASH_ENTRY_BYTES = 74 }; // what rte_hash takes for a key of 40 bytes

// Each cell begins a cache line.
static uint32_t cell_bytes(uint32_t flow_bytes)
{
	return (flow_bytes + RTE_CACHE_LINE_SIZE - 1) & ~(uint32_t)(RTE_CACHE_LINE_SIZE - 1);
}

static uint32_t key_hash(const void *key, uint32_t len, uint32_t init)
{
	return rte_jhash(key, len, init);
}

struct flow_table *flow_table_new(const char *name, uint32_t count, uint32_t flow_bytes, int socket)
{
	struct flow_table *t = rte_zmalloc_socket("flow table", sizeof(*t), 64, socket);

	if (t == NULL)
		goto no_memory;
	t->object = cell_bytes(flow_bytes);
	t->count = count;
	t->half_first = t->half_last = FLOW_NONE;
	t->walk = FLOW_NONE;
	for (unsigned i = 0; i < FLOW_WHEEL_SLOTS; i++)
		t->wheel[i] = FLOW_NONE;
	// A secret start value: chains can't be built from outside.
	struct rte_hash_parameters par = {
		.name = name,
		.entries = count,
		.key_len = sizeof(struct flow_key),
		.hash_func = key_hash,
		.hash_func_init_val = (uint32_t)rte_rand(),
		.socket_id = socket,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};
	t->hash = rte_hash_create(&par);
	if (t->hash == NULL)
		goto free_table;
	t->cells = rte_zmalloc_socket("flows", (size_t)(count + 1) * t->object, 64, socket);
	if (t->cells == NULL)
		goto free_hash;
	t->used = rte_zmalloc_socket("flows used", count + 1, 64, socket);
	if (t->used == NULL)
		goto free_cells;
	return t;
free_cells:
	rte_free(t->cells);
free_hash:
	rte_hash_free(t->hash);
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
	rte_hash_free(t->hash);
	rte_free(t);
}

uint64_t flow_table_bytes(uint32_t count, uint32_t flow_bytes)
{
	return (uint64_t)count * (cell_bytes(flow_bytes) + 1 + HASH_ENTRY_BYTES);
}

struct flow *flow_lookup(const struct flow_table *t, const struct flow_key *key)
{
	int32_t i = rte_hash_lookup(t->hash, key);

	return i < 0 ? NULL : flow_cell(t, (uint32_t)i);
}

static void half_open_unlink(struct flow_table *t, struct flow *f)
{
	if (f->half_prev == FLOW_NONE)
		t->half_first = f->half_next;
	else
		flow_cell(t, f->half_prev)->half_next = f->half_next;
	if (f->half_next == FLOW_NONE)
		t->half_last = f->half_prev;
	else
		flow_cell(t, f->half_next)->half_prev = f->half_prev;
	t->half_open--;
}

struct flow *flow_add(struct flow_table *t, const struct flow_key *key, struct flow **victim)
{
	*victim = NULL;
	if (t->live >= t->count)
		return NULL;
	int32_t pos = rte_hash_add_key(t->hash, key);
	if (pos < 0)
		return NULL;
	uint32_t i = (uint32_t)pos;
	struct flow *f = flow_cell(t, i);
	memset(f, 0, t->object);
	f->key = *key;
	f->timer_slot = FLOW_NO_SLOT;
	f->timer_next = f->timer_prev = FLOW_NONE;
	f->half_prev = t->half_last;
	f->half_next = FLOW_NONE;
	if (t->half_last == FLOW_NONE)
		t->half_first = i;
	else
		flow_cell(t, t->half_last)->half_next = i;
	t->half_last = i;
	t->used[i] = 1;
	t->live++;
	t->half_open++;
	if (t->half_open > t->count / 4 + 1)
		*victim = flow_cell(t, t->half_first);
	return f;
}

void flow_set_open(struct flow_table *t, struct flow *f)
{
	if (f->state != FLOW_HALF_OPEN)
		return;
	half_open_unlink(t, f);
	f->state = FLOW_OPEN;
}

void flow_remove(struct flow_table *t, struct flow *f)
{
	flow_timer_clear(t, f);
	if (f->state == FLOW_HALF_OPEN)
		half_open_unlink(t, f);
	t->used[flow_index(t, f)] = 0;
	t->live--;
	(void)rte_hash_del_key(t->hash, &f->key); // present: it was added with this key
}

uint32_t flow_count(const struct flow_table *t)
{
	return t->live;
}

uint32_t flow_cells(const struct flow_table *t)
{
	return t->count + 1;
}

struct flow *flow_at(const struct flow_table *t, uint32_t i)
{
	return t->used[i] ? flow_cell(t, i) : NULL;
}
