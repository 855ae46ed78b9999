// SPDX-License-Identifier: BSD-3-Clause
// Link headers that do not fit a flow's cell (tags and PPPoE, label stacks): each kept once, however
// many flows have it, in a fixed number of places.
// Thread: the worker that owns the table.
#include <rte_malloc.h>
#include <rte_random.h>

#include "flow_int.h"
#include "hash.h"

enum { FLOWS_A_PLACE = 32, PLACES_LEAST = 16 };

static uint32_t places_of(uint32_t count)
{
	return count / FLOWS_A_PLACE + PLACES_LEAST;
}

uint64_t flow_deeps_bytes(uint32_t count)
{
	return places_of(count) * (sizeof(struct flow_deep) + sizeof(uint32_t));
}

bool flow_deeps_new(struct flow_deeps *d, uint32_t count, int socket)
{
	d->count = places_of(count);
	d->deep = rte_zmalloc_socket("flow deep", d->count * sizeof(*d->deep), 64, socket);
	d->first = rte_zmalloc_socket("flow deep first", d->count * sizeof(uint32_t), 64, socket);
	if (d->deep == NULL || d->first == NULL) {
		flow_deeps_free(d);
		return false;
	}
	for (uint32_t i = 0; i < d->count; i++) {
		d->first[i] = FLOW_NONE;
		d->deep[i].next = i + 1 < d->count ? i + 1 : FLOW_NONE;
	}
	d->free = 0;
	for (unsigned i = 0; i < sizeof(d->key); i++)
		d->key[i] = (uint8_t)rte_rand();
	return true;
}

void flow_deeps_free(struct flow_deeps *d)
{
	rte_free(d->deep);
	rte_free(d->first);
	d->deep = NULL;
	d->first = NULL;
}

static uint32_t *chain_of(struct flow_deeps *d, struct span l2)
{
	return &d->first[hash_siphash(d->key, l2.p, l2.n) % d->count];
}

uint32_t flow_deep_take(struct flow_deeps *d, struct span l2)
{
	uint32_t *first = chain_of(d, l2), i = *first;

	while (i != FLOW_NONE && (d->deep[i].len != l2.n || memcmp(d->deep[i].l2, l2.p, l2.n) != 0))
		i = d->deep[i].next;
	if (i == FLOW_NONE) {
		i = d->free;
		if (i == FLOW_NONE)
			return FLOW_NONE;
		d->free = d->deep[i].next;
		d->deep[i] = (struct flow_deep){.next = *first, .len = (uint8_t)l2.n};
		memcpy(d->deep[i].l2, l2.p, l2.n);
		*first = i;
	}
	d->deep[i].users++;
	return i;
}

void flow_deep_put(struct flow_deeps *d, uint32_t i)
{
	struct flow_deep *deep = &d->deep[i];
	uint32_t *at;

	if (--deep->users > 0)
		return;
	at = chain_of(d, (struct span){.p = deep->l2, .n = deep->len});
	while (*at != i)
		at = &d->deep[*at].next;
	*at = deep->next;
	deep->next = d->free;
	d->free = i;
}
