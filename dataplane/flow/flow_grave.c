// SPDX-License-Identifier: BSD-3-Clause
// Graves: buckets of four entries, one cache line each. Seconds, not milliseconds: nothing sweeps
// here, and an old entry must not come to life when a clock wraps.
// Thread: the worker that owns the table.
#include "flow_grave.h"

#include <errno.h>

#include <rte_common.h>
#include <rte_malloc.h>

#include "hash.h"

enum { WAYS = 4 };

struct grave {
	uint64_t mark; // keyed hash of the flow key
	uint32_t dug_s;
	uint16_t life_s;
	uint16_t kind; // enum flow_grave
};

struct flow_graves {
	struct grave *graves;
	uint32_t mask; // of buckets
	uint8_t key[16];
};

static uint32_t buckets_of(uint32_t count)
{
	return rte_align32pow2((count + WAYS - 1) / WAYS);
}

struct flow_graves *flow_graves_new(uint32_t count, const uint8_t key[16], int socket)
{
	struct flow_graves *g = rte_zmalloc_socket("graves", sizeof(*g), 64, socket);

	_Static_assert(sizeof(struct grave) == 16, "as the README says");
	if (g == NULL)
		goto no_memory;
	g->mask = buckets_of(count) - 1;
	memcpy(g->key, key, sizeof(g->key));
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

static struct grave *bucket(const struct flow_graves *g, const struct flow_key *key, uint64_t *mark)
{
	*mark = hash_siphash(g->key, key, sizeof(*key));
	return &g->graves[(size_t)((uint32_t)*mark & g->mask) * WAYS];
}

static bool is_over(const struct grave *b, uint32_t now_s)
{
	return now_s - b->dug_s >= b->life_s;
}

void flow_grave_dig(struct flow_graves *g, const struct flow_key *key, enum flow_grave kind,
	uint32_t now_s, uint16_t life_s)
{
	uint64_t mark;
	struct grave *b = bucket(g, key, &mark), *at = b;

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

enum flow_grave flow_grave_find(
	const struct flow_graves *g, const struct flow_key *key, uint32_t now_s)
{
	uint64_t mark;
	const struct grave *b = bucket(g, key, &mark);

	for (unsigned i = 0; i < WAYS; i++) {
		if (b[i].mark == mark && !is_over(&b[i], now_s))
			return b[i].kind;
	}
	return FLOW_GRAVE_NONE;
}

void flow_grave_forget(struct flow_graves *g, const struct flow_key *key)
{
	uint64_t mark;
	struct grave *b = bucket(g, key, &mark);

	for (unsigned i = 0; i < WAYS; i++) {
		if (b[i].mark == mark)
			b[i].life_s = 0;
	}
}
