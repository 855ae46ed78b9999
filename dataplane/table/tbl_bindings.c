// SPDX-License-Identifier: BSD-3-Clause
// Bindings as the manager says them. Most prefixes are one endpoint's, whose reference is the value itself. Where
// an address is shared by blocks of ports (RFC 6888) its value is a record of them, copied with each change, for
// workers may be reading it. Each binding holds its endpoint.
// Thread: the manager.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tbl_clients_int.h"

static bool is_all_ports(const struct tbl_binding *b)
{
	return b->port_first == 0 && b->port_last == UINT16_MAX;
}

static void bound_add(struct tbl_clients *c, int n)
{
	const uint32_t bound = atomic_load_explicit(&c->bound, memory_order_relaxed);

	atomic_store_explicit(&c->bound, bound + (uint32_t)n, memory_order_relaxed);
}

static bool is_full(const struct tbl_clients *c)
{
	return atomic_load_explicit(&c->bound, memory_order_relaxed) >= c->bindings.most;
}

// ---- records

uint64_t tbl_blocks_bytes(uint32_t n)
{
	return sizeof(struct tbl_blocks) + n * sizeof(struct tbl_block);
}

// Of `n` blocks, none of them filled, and nobody's elsewhere. NULL: no memory.
static struct tbl_blocks *record_new(struct tbl_clients *c, uint32_t n)
{
	struct tbl_blocks *r = malloc(tbl_blocks_bytes(n));

	if (r == NULL)
		return NULL;
	*r = (struct tbl_blocks){.n = n, .all = {.endpoint = TBL_ENDPOINT_NONE}};
	atomic_fetch_add_explicit(&c->heap, tbl_blocks_bytes(n), memory_order_relaxed);
	return r;
}

void tbl_blocks_free(struct tbl_clients *c, struct tbl_blocks *record)
{
	atomic_fetch_sub_explicit(&c->heap, tbl_blocks_bytes(record->n), memory_order_relaxed);
	free(record);
}

static uint32_t count_of(const struct tbl_blocks *r)
{
	return r->n + (r->all.endpoint != TBL_ENDPOINT_NONE);
}

// The blocks of a record that `b` overlaps: from *first on, as many as are returned.
static uint32_t overlapped(const struct tbl_blocks *r, const struct tbl_binding *b, uint32_t *first)
{
	uint32_t low = 0, high = r->n, end;

	while (low < high) { // the first that does not end before it
		const uint32_t middle = (low + high) / 2;

		if (r->block[middle].last < b->port_first)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < r->n && r->block[end].first <= b->port_last; end++)
		;
	*first = low;
	return end - low;
}

static bool is_block(const struct tbl_block *k, const struct tbl_binding *b)
{
	return k->first == b->port_first && k->last == b->port_last;
}

// The block of these very ports, or all ports; NULL.
static struct tbl_block *record_find(struct tbl_blocks *r, const struct tbl_binding *b)
{
	uint32_t first;

	if (is_all_ports(b))
		return r->all.endpoint == TBL_ENDPOINT_NONE ? NULL : &r->all;
	if (overlapped(r, b, &first) != 1 || !is_block(&r->block[first], b))
		return NULL;
	return &r->block[first];
}

// ---- a prefix that has one value for another

struct place { // of a prefix in the table
	struct tbl_prefix_key key;
	int32_t at; // -ENOENT: not there
	uint64_t value;
};

static struct place place_of(const struct tbl_clients *c, const struct tbl_binding *b)
{
	struct place p = {.key = tbl_prefix_key(&b->prefix, b->context, b->vlan)};

	p.at = tbl_prefixes_find(&c->bindings, &p.key, &p.value);
	return p;
}

static bool is_record(const struct place *p)
{
	return p->at >= 0 && tbl_value_is_record(p->value);
}

// 0, -ENOSPC. The value of before, where it was a record, waits.
static int place_put(struct tbl_clients *c, const struct place *p, uint64_t value)
{
	if (p->at < 0)
		return tbl_prefixes_add(&c->bindings, &p->key, value) < 0 ? -ENOSPC : 0;
	tbl_prefixes_replace(&c->bindings, &p->key, value);
	c->bindings.mark[p->at] = c->bindings.round;
	if (is_record(p))
		tbl_wait_record(c, tbl_value_record(p->value));
	return 0;
}

static void place_clear(struct tbl_clients *c, const struct place *p)
{
	tbl_wait_place(c, false, tbl_prefixes_remove(&c->bindings, &p->key));
	if (is_record(p))
		tbl_wait_record(c, tbl_value_record(p->value));
}

// ---- put there

static struct tbl_block block_of(
	const struct tbl_clients *c, const struct tbl_binding *b, uint32_t endpoint)
{
	return (struct tbl_block){.first = b->port_first,
		.last = b->port_last,
		.endpoint = endpoint,
		.mark = c->bindings.round,
		.shared = b->shared};
}

// All ports of a prefix that has no blocks. 0, -ENOSPC.
static int whole_set(struct tbl_clients *c, const struct place *p, const struct tbl_binding *b,
	uint32_t endpoint)
{
	const uint64_t value = tbl_value_of(endpoint, b->shared);

	if (p->at < 0)
		return place_put(c, p, value);
	if (value == p->value)
		c->bindings.mark[p->at] = c->bindings.round;
	else
		(void)place_put(c, p, value); // there already
	tbl_endpoint_drop(&c->endpoints, tbl_value_endpoint(p->value));
	return 0;
}

// The record that comes of that one (or of one endpoint's prefix, or of nothing) with `b`. NULL: no room.
static struct tbl_blocks *record_with(struct tbl_clients *c, const struct place *p,
	const struct tbl_binding *b, uint32_t endpoint)
{
	const struct tbl_blocks *old = is_record(p) ? tbl_value_record(p->value) : NULL;
	const uint32_t n = old == NULL ? 0 : old->n;
	const bool all = is_all_ports(b);
	uint32_t first = 0, gone = 0;
	struct tbl_blocks *r;

	if (old != NULL && !all)
		gone = overlapped(old, b, &first);
	if (n - gone + !all > TBL_BLOCKS_MAX)
		return NULL;
	r = record_new(c, n - gone + !all);
	if (r == NULL)
		return NULL;
	if (old != NULL) {
		r->all = old->all;
		memcpy(r->block, old->block, first * sizeof(*r->block));
		memcpy(r->block + first + !all, old->block + first + gone,
			(n - first - gone) * sizeof(*r->block));
	} else if (p->at >= 0) {
		r->all = (struct tbl_block){.last = UINT16_MAX,
			.endpoint = tbl_value_endpoint(p->value),
			.mark = c->bindings.mark[p->at],
			.shared = tbl_value_shared(p->value)};
	}
	*(all ? &r->all : &r->block[first]) = block_of(c, b, endpoint);
	return r;
}

// Those whose place `b` took. Returns how many.
static int overlapped_drop(
	struct tbl_clients *c, const struct tbl_blocks *old, const struct tbl_binding *b)
{
	uint32_t first, n;

	if (is_all_ports(b)) {
		if (old->all.endpoint == TBL_ENDPOINT_NONE)
			return 0;
		tbl_endpoint_drop(&c->endpoints, old->all.endpoint);
		return 1;
	}
	n = overlapped(old, b, &first);
	for (uint32_t i = 0; i < n; i++)
		tbl_endpoint_drop(&c->endpoints, old->block[first + i].endpoint);
	return (int)n;
}

// 0, -ENOSPC.
static int record_set(struct tbl_clients *c, const struct place *p, const struct tbl_binding *b,
	uint32_t endpoint)
{
	struct tbl_block *same = is_record(p) ? record_find(tbl_value_record(p->value), b) : NULL;
	struct tbl_blocks *r;
	int gone;

	if (same != NULL && same->endpoint == endpoint && same->shared == b->shared) {
		same->mark = c->bindings.round;
		tbl_endpoint_drop(&c->endpoints, endpoint);
		return 0;
	}
	r = record_with(c, p, b, endpoint);
	if (r == NULL)
		return -ENOSPC;
	gone = is_record(p) ? overlapped_drop(c, tbl_value_record(p->value), b) : 0;
	if (place_put(c, p, (uint64_t)(uintptr_t)r) < 0) {
		tbl_blocks_free(c, r);
		return -ENOSPC;
	}
	bound_add(c, 1 - gone);
	return 0;
}

// Is it one more, not one in another's place?
static bool is_new(const struct place *p, const struct tbl_binding *b)
{
	uint32_t first;

	if (p->at < 0)
		return true;
	if (!is_record(p))
		return !is_all_ports(b);
	if (is_all_ports(b))
		return tbl_value_record(p->value)->all.endpoint == TBL_ENDPOINT_NONE;
	return overlapped(tbl_value_record(p->value), b, &first) == 0;
}

// 0, -ENOSPC: then all is as it was.
static int place_set(struct tbl_clients *c, const struct place *p, const struct tbl_binding *b)
{
	const uint32_t endpoint = tbl_endpoint_hold(&c->endpoints, b->endpoint);
	const bool whole = is_all_ports(b) && !is_record(p);
	int rc;

	if (endpoint == TBL_ENDPOINT_NONE)
		return -ENOSPC;
	rc = whole ? whole_set(c, p, b, endpoint) : record_set(c, p, b, endpoint);
	if (rc < 0)
		tbl_endpoint_drop(&c->endpoints, endpoint);
	else if (whole && p->at < 0)
		bound_add(c, 1);
	return rc;
}

// ---- taken back

// Another value for what is left of a record: nothing, one endpoint, or a record of `kept` blocks, which it
// takes over.
static void record_shrink(struct tbl_clients *c, const struct place *p, struct tbl_blocks *kept)
{
	if (kept->n > 0) {
		(void)place_put(c, p, (uint64_t)(uintptr_t)kept); // there already
		return;
	}
	if (kept->all.endpoint == TBL_ENDPOINT_NONE) {
		place_clear(c, p);
	} else {
		(void)place_put(
			c, p, tbl_value_of(kept->all.endpoint, kept->all.shared)); // likewise
		c->bindings.mark[p->at] = kept->all.mark;
	}
	tbl_blocks_free(c, kept); // no worker has seen it
}

// What is left of `old` where those that `goes` tells of go. NULL: no memory; then none goes.
static struct tbl_blocks *record_without(struct tbl_clients *c, const struct tbl_blocks *old,
	bool (*goes)(const void *arg, const struct tbl_block *k), const void *arg)
{
	struct tbl_blocks *kept;
	uint32_t n = 0;

	for (uint32_t i = 0; i < old->n; i++)
		n += !goes(arg, &old->block[i]);
	kept = record_new(c, n);
	if (kept == NULL)
		return NULL;
	n = 0;
	for (uint32_t i = 0; i < old->n; i++)
		if (!goes(arg, &old->block[i]))
			kept->block[n++] = old->block[i];
	if (old->all.endpoint != TBL_ENDPOINT_NONE && !goes(arg, &old->all))
		kept->all = old->all;
	return kept;
}

// Takes those out of a record that `goes` tells of. 0, -EAGAIN (no memory for the rest).
static int record_cut(struct tbl_clients *c, const struct place *p,
	bool (*goes)(const void *arg, const struct tbl_block *k), const void *arg)
{
	const struct tbl_blocks *old = tbl_value_record(p->value);
	struct tbl_blocks *kept = record_without(c, old, goes, arg);

	if (kept == NULL)
		return -EAGAIN;
	bound_add(c, (int)count_of(kept) - (int)count_of(old));
	for (uint32_t i = 0; i < old->n; i++)
		if (goes(arg, &old->block[i]))
			tbl_endpoint_drop(&c->endpoints, old->block[i].endpoint);
	if (old->all.endpoint != TBL_ENDPOINT_NONE && goes(arg, &old->all))
		tbl_endpoint_drop(&c->endpoints, old->all.endpoint);
	record_shrink(c, p, kept); // the old one waits from here on
	return 0;
}

static bool is_cleared(const void *arg, const struct tbl_block *k)
{
	return is_block(k, arg);
}

static void whole_clear(struct tbl_clients *c, const struct place *p)
{
	place_clear(c, p);
	tbl_endpoint_drop(&c->endpoints, tbl_value_endpoint(p->value));
	bound_add(c, -1);
}

int tbl_binding_clear(struct tbl_clients *c, const struct tbl_binding *b)
{
	struct place p;

	if (!tbl_wait_has_room(c, 2))
		return -EAGAIN;
	p = place_of(c, b);
	if (is_record(&p)) {
		if (record_find(tbl_value_record(p.value), b) != NULL)
			return record_cut(c, &p, is_cleared, b);
	} else if (p.at >= 0 && is_all_ports(b)) {
		whole_clear(c, &p);
	}
	return 0;
}

// ---- said

static bool is_overlapped(const void *arg, const struct tbl_block *k)
{
	const struct tbl_binding *b = arg;
	const bool all = k->first == 0 && k->last == UINT16_MAX;

	if (is_all_ports(b))
		return all;
	return !all && k->first <= b->port_last && k->last >= b->port_first;
}

// Whoever has what is `b`'s now has it no more. 0, -EAGAIN.
static int overlapped_clear(
	struct tbl_clients *c, const struct place *p, const struct tbl_binding *b)
{
	if (is_record(p))
		return record_cut(c, p, is_overlapped, b);
	whole_clear(c, p);
	return 0;
}

int tbl_binding_set(struct tbl_clients *c, const struct tbl_binding *b)
{
	struct place p;
	int rc;

	if (!tbl_prefix_is_canonical(&b->prefix) || b->port_first > b->port_last ||
		b->endpoint == 0)
		return -EINVAL;
	if (!tbl_wait_has_room(c, 3)) // two for what goes, one for what takes its place
		return -EAGAIN;
	p = place_of(c, b);
	if (is_new(&p, b))
		return is_full(c) || place_set(c, &p, b) < 0 ? tbl_clients_full(c) : 0;
	if (place_set(c, &p, b) == 0)
		return 0;
	// What goes may make room; and where it does not nobody is to answer for whoever is there now.
	rc = overlapped_clear(c, &p, b);
	if (rc < 0)
		return rc;
	p = place_of(c, b);
	return place_set(c, &p, b) < 0 ? tbl_clients_full(c) : 0;
}

// ---- said again, or not

void tbl_bindings_begin(struct tbl_clients *c)
{
	tbl_prefixes_begin(&c->bindings);
}

static bool is_stale(const void *arg, const struct tbl_block *k)
{
	const struct tbl_prefixes *t = arg;

	return k->mark != t->round;
}

// 0, -EAGAIN.
static int place_sweep(struct tbl_clients *c, uint32_t at)
{
	struct tbl_prefixes *t = &c->bindings;
	struct place p = {.key = *tbl_prefixes_at(t, at)};
	struct tbl_blocks *r;
	bool stale;

	p.at = tbl_prefixes_find(t, &p.key, &p.value);
	if (!is_record(&p)) {
		if (t->mark[at] != t->round)
			whole_clear(c, &p);
		return 0;
	}
	r = tbl_value_record(p.value);
	stale = r->all.endpoint != TBL_ENDPOINT_NONE && is_stale(t, &r->all);
	for (uint32_t i = 0; i < r->n && !stale; i++)
		stale = is_stale(t, &r->block[i]);
	return stale ? record_cut(c, &p, is_stale, t) : 0;
}

bool tbl_bindings_sweep(struct tbl_clients *c, uint32_t slice)
{
	struct tbl_prefixes *t = &c->bindings;

	for (; t->hand < t->places && slice > 0; t->hand++, slice--) {
		if (t->mark[t->hand] == 0)
			continue;
		if (!tbl_wait_has_room(c, 2) || place_sweep(c, t->hand) < 0)
			return true;
	}
	return t->hand < t->places;
}
