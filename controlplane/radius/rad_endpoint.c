// SPDX-License-Identifier: BSD-3-Clause
// Cells of 56 octets; ids of mobile carriers (MSISDN, IMSI) and most logins lie in them.
// Thread: the owner's.
#include "rad_endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"

enum { REMEMBERED = 65536 }; // at least, where there is room; else as many as are held

bool rad_endpoints_open(struct rad_endpoints *e, uint32_t most, const uint8_t key[16])
{
	*e = (struct rad_endpoints){
		.most = most, .oldest = RAD_INDEX_NONE, .newest = RAD_INDEX_NONE};
	memcpy(e->key, key, sizeof(e->key));
	e->cell = calloc(most, sizeof(e->cell[0]));
	return rad_index_open(&e->index, most) && e->cell != NULL;
}

static char *far_text(const struct rad_endpoint *c)
{
	char *p;

	memcpy(&p, c->text, sizeof(p));
	return p;
}

void rad_endpoints_close(struct rad_endpoints *e)
{
	for (uint32_t i = 0; e->cell != NULL && i < e->fresh; i++)
		if (e->cell[i].len > RAD_ENDPOINT_INLINE)
			free(far_text(&e->cell[i]));
	rad_index_close(&e->index);
	free(e->cell);
	e->cell = NULL;
}

uint64_t rad_endpoints_bytes(uint32_t most)
{
	return (uint64_t)most * sizeof(struct rad_endpoint) + rad_index_bytes(most);
}

struct span rad_endpoint_id(const struct rad_endpoints *e, uint32_t number)
{
	const struct rad_endpoint *c = &e->cell[number];

	return (struct span){
		.p = (const uint8_t *)(c->len > RAD_ENDPOINT_INLINE ? far_text(c) : c->text),
		.n = c->len,
	};
}

static uint32_t hash_of(const struct rad_endpoints *e, struct span id)
{
	return (uint32_t)hash_name(e->key, id.p, id.n);
}

// Held or remembered.
static uint32_t find(const struct rad_endpoints *e, struct span id, uint32_t hash)
{
	uint32_t at = hash, n;

	while ((n = rad_index_next(&e->index, &at)) != RAD_INDEX_NONE)
		if (e->cell[n].hash == hash && span_eq(rad_endpoint_id(e, n), id))
			return n;
	return RAD_INDEX_NONE;
}

uint32_t rad_endpoint_find(const struct rad_endpoints *e, struct span id)
{
	const uint32_t n = find(e, id, hash_of(e, id));

	return n != RAD_INDEX_NONE && e->cell[n].held > 0 ? n : RAD_INDEX_NONE;
}

static uint64_t key_of(const struct rad_endpoints *e, uint32_t number)
{
	const struct span id = rad_endpoint_id(e, number);

	return hash_name(e->key, id.p, id.n);
}

uint32_t rad_endpoint_keyed(const struct rad_endpoints *e, uint64_t key)
{
	uint32_t at = (uint32_t)key, n;

	while ((n = rad_index_next(&e->index, &at)) != RAD_INDEX_NONE)
		if (e->cell[n].hash == (uint32_t)key && key_of(e, n) == key)
			return n;
	return RAD_INDEX_NONE;
}

static bool text_put(struct rad_endpoint *c, struct span id)
{
	char *p = c->text;

	if (id.n > RAD_ENDPOINT_INLINE) {
		p = malloc(id.n);
		if (p == NULL)
			return false;
		memcpy(c->text, &p, sizeof(p));
	}
	memcpy(p, id.p, id.n);
	c->len = (uint8_t)id.n;
	return true;
}

static uint32_t cell_hash(const void *arg, uint32_t number)
{
	const struct rad_endpoints *e = arg;

	return e->cell[number].hash;
}

static void unlink_cell(struct rad_endpoints *e, uint32_t number)
{
	const struct rad_endpoint *c = &e->cell[number];

	*(c->prev == RAD_INDEX_NONE ? &e->oldest : &e->cell[c->prev].next) = c->next;
	*(c->next == RAD_INDEX_NONE ? &e->newest : &e->cell[c->next].prev) = c->prev;
}

// Behind those that were let go before.
static void link_cell(struct rad_endpoints *e, uint32_t number)
{
	struct rad_endpoint *c = &e->cell[number];

	c->next = RAD_INDEX_NONE;
	c->prev = e->newest;
	*(e->newest == RAD_INDEX_NONE ? &e->oldest : &e->cell[e->newest].next) = number;
	e->newest = number;
}

static void forget(struct rad_endpoints *e, uint32_t number)
{
	struct rad_endpoint *c = &e->cell[number];

	if (c->len == 0)
		return;
	rad_index_del(&e->index, c->hash, number, cell_hash, e);
	if (c->len > RAD_ENDPOINT_INLINE)
		free(far_text(c));
	c->len = 0;
}

// A cell of nobody's, in no list; whoever was remembered there is forgotten. RAD_INDEX_NONE: no room.
static uint32_t cell_take(struct rad_endpoints *e)
{
	const uint32_t n = e->oldest, remembered = e->fresh - e->used;

	if (e->fresh < e->most && (remembered < REMEMBERED || remembered < e->used))
		return e->fresh++;
	if (n != RAD_INDEX_NONE) {
		unlink_cell(e, n);
		forget(e, n);
	}
	return n;
}

uint32_t rad_endpoint_hold(struct rad_endpoints *e, struct span id)
{
	const uint32_t hash = hash_of(e, id);
	uint32_t n = find(e, id, hash);

	if (n != RAD_INDEX_NONE) {
		if (e->cell[n].held++ == 0) {
			unlink_cell(e, n);
			e->used++;
		}
		return n;
	}
	n = cell_take(e);
	if (n == RAD_INDEX_NONE)
		return n;
	if (!text_put(&e->cell[n], id)) {
		link_cell(e, n);
		return RAD_INDEX_NONE;
	}
	e->cell[n].hash = hash;
	e->cell[n].held = 1;
	rad_index_add(&e->index, hash, n);
	e->used++;
	return n;
}

void rad_endpoint_drop(struct rad_endpoints *e, uint32_t number)
{
	if (--e->cell[number].held > 0)
		return;
	link_cell(e, number);
	e->used--;
}
