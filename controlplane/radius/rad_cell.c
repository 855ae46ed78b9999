// SPDX-License-Identifier: BSD-3-Clause
// Blocks of an address lie in lists by their first port, 4,096 ports a list: with blocks of 512 to 1,024
// ports, as carriers give them (RFC 7422), that is 4 to 8 to a list. Who overlaps a block begins in a list up to
// that of its last port.
// Thread: the owner's.
#include "rad_cell.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"

enum { GROUP_PORTS = 4096, PLACE_OCTETS = 23 };

bool rad_cells_open(struct rad_cells *t, uint32_t most, const uint8_t key[16])
{
	*t = (struct rad_cells){.most = most, .free = RAD_INDEX_NONE};
	memcpy(t->key, key, sizeof(t->key));
	t->cell = calloc(most, sizeof(t->cell[0]));
	t->sibling = calloc(most, sizeof(t->sibling[0]));
	return rad_index_open(&t->index, most) && rad_index_open(&t->blocks, most) &&
		t->cell != NULL && t->sibling != NULL;
}

void rad_cells_close(struct rad_cells *t)
{
	rad_index_close(&t->blocks);
	rad_index_close(&t->index);
	free(t->sibling);
	free(t->cell);
}

uint64_t rad_cells_bytes(uint32_t most)
{
	return (uint64_t)most * (sizeof(struct rad_cell) + sizeof(uint32_t)) +
		2 * rad_index_bytes(most);
}

// ---- keys

static void place_put(const struct rad_key *k, uint8_t to[PLACE_OCTETS])
{
	memcpy(to, &k->prefix.addr, sizeof(k->prefix.addr));
	to[16] = k->prefix.len;
	memcpy(to + 17, &k->context, 4);
	memcpy(to + 21, &k->vlan, 2);
}

uint32_t rad_key_hash(const struct rad_cells *t, const struct rad_key *k)
{
	uint8_t octets[PLACE_OCTETS + 4];

	place_put(k, octets);
	memcpy(octets + PLACE_OCTETS, &k->port_first, 2);
	memcpy(octets + PLACE_OCTETS + 2, &k->port_last, 2);
	return (uint32_t)hash_siphash(t->key, octets, sizeof(octets));
}

struct rad_key rad_cell_key(const struct rad_cell *c)
{
	return (struct rad_key){
		.prefix = {.addr = c->addr, .len = c->len},
		.port_first = c->port_first,
		.port_last = c->port_last,
		.context = c->context,
		.vlan = c->vlan,
	};
}

static bool is_place(const struct rad_cell *c, const struct rad_key *k)
{
	return addr_eq(&c->addr, &k->prefix.addr) && c->len == k->prefix.len &&
		c->context == k->context && c->vlan == k->vlan;
}

static bool is_key(const struct rad_cell *c, const struct rad_key *k)
{
	return is_place(c, k) && c->port_first == k->port_first && c->port_last == k->port_last;
}

static bool is_block(uint16_t port_first, uint16_t port_last)
{
	return port_first != 0 || port_last != UINT16_MAX;
}

static uint32_t cell_hash(const void *arg, uint32_t number)
{
	const struct rad_cells *t = arg;
	const struct rad_key k = rad_cell_key(&t->cell[number]);

	return rad_key_hash(t, &k);
}

struct rad_cell *rad_cell_find(const struct rad_cells *t, const struct rad_key *k, uint32_t hash)
{
	uint32_t at = hash, n;

	while ((n = rad_index_next(&t->index, &at)) != RAD_INDEX_NONE)
		if (is_key(&t->cell[n], k))
			return &t->cell[n];
	return NULL;
}

// ---- blocks of an address

static uint32_t group_hash(const struct rad_cells *t, const struct rad_key *k, uint32_t group)
{
	uint8_t octets[PLACE_OCTETS + 1];

	place_put(k, octets);
	octets[PLACE_OCTETS] = (uint8_t)group;
	return (uint32_t)hash_siphash(t->key, octets, sizeof(octets));
}

static uint32_t head_hash(const void *arg, uint32_t number)
{
	const struct rad_cells *t = arg;
	const struct rad_key k = rad_cell_key(&t->cell[number]);

	return group_hash(t, &k, k.port_first / GROUP_PORTS);
}

static uint32_t head_find(
	const struct rad_cells *t, const struct rad_key *k, uint32_t group, uint32_t hash)
{
	uint32_t at = hash, n;

	while ((n = rad_index_next(&t->blocks, &at)) != RAD_INDEX_NONE)
		if (t->cell[n].port_first / GROUP_PORTS == group && is_place(&t->cell[n], k))
			return n;
	return RAD_INDEX_NONE;
}

// The head of a list stays where it is, so that the index need not change.
static void block_link(struct rad_cells *t, uint32_t number)
{
	const struct rad_key k = rad_cell_key(&t->cell[number]);
	const uint32_t group = k.port_first / GROUP_PORTS, hash = group_hash(t, &k, group),
		       head = head_find(t, &k, group, hash);

	t->nblocks++;
	t->sibling[number] = RAD_INDEX_NONE;
	if (head == RAD_INDEX_NONE) {
		rad_index_add(&t->blocks, hash, number);
		return;
	}
	t->sibling[number] = t->sibling[head];
	t->sibling[head] = number;
}

static void block_unlink(struct rad_cells *t, uint32_t number)
{
	const struct rad_key k = rad_cell_key(&t->cell[number]);
	const uint32_t group = k.port_first / GROUP_PORTS, hash = group_hash(t, &k, group);
	uint32_t at = head_find(t, &k, group, hash);

	t->nblocks--;
	if (at == number) {
		rad_index_del(&t->blocks, hash, number, head_hash, t);
		if (t->sibling[number] != RAD_INDEX_NONE)
			rad_index_add(&t->blocks, hash, t->sibling[number]);
		return;
	}
	while (t->sibling[at] != number)
		at = t->sibling[at];
	t->sibling[at] = t->sibling[number];
}

static bool overlaps(const struct rad_cell *c, const struct rad_key *k)
{
	return c->port_first <= k->port_last && k->port_first <= c->port_last && !is_key(c, k);
}

// The cell of all ports, where `k` is a block.
static struct rad_cell *whole_find(const struct rad_cells *t, const struct rad_key *k)
{
	struct rad_key whole = *k;

	if (!is_block(k->port_first, k->port_last))
		return NULL;
	whole.port_first = 0;
	whole.port_last = UINT16_MAX;
	return rad_cell_find(t, &whole, rad_key_hash(t, &whole));
}

struct rad_cell *rad_overlap_next(
	const struct rad_cells *t, const struct rad_key *k, struct rad_overlap *at)
{
	if (!at->begun) {
		struct rad_cell *whole = whole_find(t, k);

		at->begun = true;
		at->next = RAD_INDEX_NONE;
		if (whole != NULL)
			return whole;
	}
	while (t->nblocks > 0) {
		while (at->next != RAD_INDEX_NONE) {
			struct rad_cell *c = &t->cell[at->next];

			at->next = t->sibling[at->next];
			if (overlaps(c, k))
				return c;
		}
		if (at->group > k->port_last / GROUP_PORTS)
			break;
		at->next = head_find(t, k, at->group, group_hash(t, k, at->group));
		at->group++;
	}
	return NULL;
}

// ---- cells

struct rad_cell *rad_cell_make(struct rad_cells *t, const struct rad_key *k, uint32_t hash)
{
	const uint32_t n = t->free != RAD_INDEX_NONE ? t->free : t->fresh;

	if (n == t->most)
		return NULL;
	if (n == t->free)
		t->free = t->cell[n].next;
	else
		t->fresh++;
	t->cell[n] = (struct rad_cell){
		.addr = k->prefix.addr,
		.len = k->prefix.len,
		.context = k->context,
		.vlan = k->vlan,
		.port_first = k->port_first,
		.port_last = k->port_last,
		.endpoint = RAD_INDEX_NONE,
		.state = RAD_CELL_ENDED,
	};
	rad_index_add(&t->index, hash, n);
	if (is_block(k->port_first, k->port_last))
		block_link(t, n);
	return &t->cell[n];
}

void rad_cell_free(struct rad_cells *t, struct rad_cell *c)
{
	const uint32_t n = (uint32_t)(c - t->cell);

	if (is_block(c->port_first, c->port_last))
		block_unlink(t, n);
	rad_index_del(&t->index, cell_hash(t, n), n, cell_hash, t);
	c->state = RAD_CELL_FREE;
	c->next = t->free;
	t->free = n;
}
