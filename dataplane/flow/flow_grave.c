// SPDX-License-Identifier: BSD-3-Clause
// Graves: buckets of four entries, one cache line each. Seconds, not milliseconds: nothing sweeps
// here, and an old entry must not come to life when a clock wraps.
// Thread: the worker that owns the table.
#include "flow_grave.h"

#include <errno.h>

#include <rte_common.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>

enum { WAYS = 4 };

struct grave {
	uint64_t mark;
	uint32_t dug_s;
	uint16_t life_s;
	uint16_t kind; // enum flow_grave
};

struct flow_graves {
	struct grave *graves;
	uint32_t mask; // of buckets
};

static uint32_t buckets_of(uint32_t count)
{
	return rte_align32pow2((count + WAYS - 1) / WAYS);
}

struct flow_graves *flow_graves_new(uint32_t count, int socket)
{
	struct flow_graves *g = rte_zmalloc_socket("graves", sizeof(*g), 64, socket);

	_Static_assert(sizeof(struct grave) == 16, "as the README says");
	if (g == NULL)
		goto no_memory;
	g->mask = buckets_of(count) - 1;
	g->graves = rte_zmalloc_socket("graves of flows", flow_graves_bytes(count), 64, socket);
	if (g->graves == NULL)
		goto free_table;
	return g;
free_table:
	rte_free(g);
no_memory:
	errno = ENOMEM;
	return NULL;
}

void flow_graves_free(struct flow_graves *g)
{
	if (g == NULL)
		return;
	rte_free(g->graves);
	rte_free(g);
}

uint64_t flow_graves_bytes(uint32_t count)
{
	return (uint64_t)buckets_of(count) * WAYS * sizeof(struct grave);
}

static struct grave *bucket(const struct flow_graves *g, uint64_t mark)
{
	return &g->graves[(size_t)((uint32_t)mark & g->mask) * WAYS];
}

void flow_grave_prefetch(const struct flow_graves *g, uint64_t mark)
{
	rte_prefetch0(bucket(g, mark));
}

static bool is_over(const struct grave *b, uint32_t now_s)
{
	return now_s - b->dug_s >= b->life_s;
}

void flow_grave_dig(
	struct flow_graves *g, uint64_t mark, enum flow_grave kind, uint32_t now_s, uint16_t life_s)
{
	struct grave *b = bucket(g, mark), *at = b;

	for (unsigned i = 0; i < WAYS; i++) {
		if (b[i].mark == mark) {
			at = &b[i];
			break;
		}
		if (!is_over(at, now_s) && (is_over(&b[i], now_s) || b[i].dug_s < at->dug_s))
			at = &b[i];
	}
	*at = (struct grave){.mark = mark, .dug_s = now_s, .life_s = life_s, .kind = kind};
}

enum flow_grave flow_grave_find(const struct flow_graves *g, uint64_t mark, uint32_t now_s)
{
	const struct grave *b = bucket(g, mark);

	for (unsigned i = 0; i < WAYS; i++) {
		if (b[i].mark == mark && !is_over(&b[i], now_s))
			return b[i].kind;
	}
	return FLOW_GRAVE_NONE;
}

void flow_grave_forget(struct flow_graves *g, uint64_t mark)
{
	struct grave *b = bucket(g, mark);

	for (unsigned i = 0; i < WAYS; i++) {
		if (b[i].mark == mark)
			b[i].life_s = 0;
	}
}
