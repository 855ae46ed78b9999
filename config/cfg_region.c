// SPDX-License-Identifier: BSD-3-Clause
// Policies as regions of what a connection can be: addresses, ports, tags, ingress. Decides whether
// some policies take all of another one's connections between them: each is cut out of the other's
// region, what is left is a list of regions, and nothing left is a yes. A list that gets long is a no:
// this makes warnings, no errors. Thread: any.
#include "cfg_region.h"

#include <stdlib.h>
#include <string.h>

// A bit of an address, from the left.
static bool bit_of(const struct addr *a, unsigned i)
{
	return (a->b[i / 8] >> (7 - i % 8)) & 1;
}

static bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	return outer->len <= inner->len && prefix_has(outer, &inner->addr);
}

bool cfg_prefixes_meet(const struct prefix *a, const struct prefix *b)
{
	return prefix_covers(a, b) || prefix_covers(b, a);
}

// The half of `p` that `part`, a longer prefix in it, is not in; p becomes the other half.
static struct prefix half_cut(struct prefix *p, const struct prefix *part)
{
	struct prefix other = *p;
	const unsigned i = p->len, mask = 1U << (7 - i % 8);

	if (bit_of(&part->addr, i))
		p->addr.b[i / 8] |= (uint8_t)mask;
	else
		other.addr.b[i / 8] |= (uint8_t)mask;
	p->len++;
	other.len++;
	return other;
}

static bool regions_meet(const struct cfg_region *a, const struct cfg_region *b)
{
	return (a->ingress & b->ingress) != 0 && (a->ports & b->ports) != 0 &&
		a->vlan_lo <= b->vlan_hi && b->vlan_lo <= a->vlan_hi &&
		cfg_prefixes_meet(&a->source, &b->source) &&
		cfg_prefixes_meet(&a->destination, &b->destination);
}

struct rest { // what is left
	struct cfg_region list[CFG_REGIONS_MAX];
	unsigned n;
	bool full;
};

static void rest_add(struct rest *to, const struct cfg_region *r)
{
	if (to->n == CFG_REGIONS_MAX)
		to->full = true;
	else
		to->list[to->n++] = *r;
}

// Adds what `cut` leaves of `r`, which it meets: field after field, what differs is split off.
static void region_cut(struct cfg_region r, const struct cfg_region *cut, struct rest *to)
{
	struct cfg_region part;

	if ((r.ingress & ~cut->ingress) != 0) {
		part = r;
		part.ingress &= ~cut->ingress;
		rest_add(to, &part);
		r.ingress &= cut->ingress;
	}
	if ((r.ports & ~cut->ports) != 0) {
		part = r;
		part.ports &= ~cut->ports;
		rest_add(to, &part);
		r.ports &= cut->ports;
	}
	if (r.vlan_lo < cut->vlan_lo) {
		part = r;
		part.vlan_hi = (uint16_t)(cut->vlan_lo - 1);
		rest_add(to, &part);
		r.vlan_lo = cut->vlan_lo;
	}
	if (r.vlan_hi > cut->vlan_hi) {
		part = r;
		part.vlan_lo = (uint16_t)(cut->vlan_hi + 1);
		rest_add(to, &part);
		r.vlan_hi = cut->vlan_hi;
	}
	while (r.source.len < cut->source.len && !to->full) {
		part = r;
		part.source = half_cut(&r.source, &cut->source);
		rest_add(to, &part);
	}
	while (r.destination.len < cut->destination.len && !to->full) {
		part = r;
		part.destination = half_cut(&r.destination, &cut->destination);
		rest_add(to, &part);
	}
}

// What `by` leaves of `now`, into `next`. False where it meets none of it.
static bool rest_cut(const struct rest *now, const struct cfg_region *by, struct rest *next)
{
	unsigned k = 0;

	while (k < now->n && !regions_meet(&now->list[k], by))
		k++;
	if (k == now->n)
		return false;
	next->n = 0;
	next->full = false;
	for (k = 0; k < now->n; k++) {
		if (regions_meet(&now->list[k], by))
			region_cut(now->list[k], by, next);
		else
			rest_add(next, &now->list[k]);
	}
	return true;
}

bool cfg_region_within(const struct cfg_region *r, const struct cfg_region *by)
{
	return (r->ingress & ~by->ingress) == 0 && (r->ports & ~by->ports) == 0 &&
		by->vlan_lo <= r->vlan_lo && r->vlan_hi <= by->vlan_hi &&
		prefix_covers(&by->source, &r->source) &&
		prefix_covers(&by->destination, &r->destination);
}

// Do those of `by` that `which` names take all of `r`?
static bool is_taken(const struct cfg_region *by, const uint32_t *which, unsigned n,
	const struct cfg_region *r, uint64_t *budget)
{
	struct rest a = {.n = 0}, b, *now = &a, *next = &b;

	rest_add(&a, r);
	for (unsigned i = 0; i < n && now->n > 0; i++) {
		*budget -= *budget > now->n ? now->n : *budget;
		if (!rest_cut(now, &by[which[i]], next))
			continue;
		if (next->full || *budget == 0)
			return false;
		now = next;
		next = now == &a ? &b : &a;
	}
	return now->n == 0;
}

static unsigned longer_by(const struct prefix *a, const struct prefix *b)
{
	return a->len > b->len ? a->len - b->len : 0;
}

// How many pieces of addresses cutting `by` out of `r` leaves.
static unsigned pieces_of(const struct cfg_region *r, const struct cfg_region *by)
{
	return longer_by(&by->source, &r->source) + longer_by(&by->destination, &r->destination);
}

// Those that meet `r`, first those that leave the fewest pieces; these, too, where there are too many.
static unsigned meeting(const struct cfg_region *by, uint32_t n, const struct cfg_region *r,
	uint32_t found[CFG_COVER_MAX])
{
	unsigned count = 0;

	for (uint32_t i = 0; i < n; i++) {
		unsigned at = count;

		if (!regions_meet(&by[i], r))
			continue;
		while (at > 0 && pieces_of(r, &by[found[at - 1]]) > pieces_of(r, &by[i]))
			at--;
		if (at == CFG_COVER_MAX)
			continue;
		if (count < CFG_COVER_MAX)
			count++;
		memmove(&found[at + 1], &found[at], (count - at - 1) * sizeof(*found));
		found[at] = i;
	}
	return count;
}

static int by_index(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

unsigned cfg_region_covered(const struct cfg_region *by, uint32_t n, const struct cfg_region *r,
	uint32_t used[CFG_COVER_MAX], uint64_t *budget)
{
	unsigned count = meeting(by, n, r, used);

	if (!is_taken(by, used, count, r, budget))
		return 0;
	for (unsigned i = count;
		i-- > 0;) { // those that the others do without; those of many pieces go first
		const uint32_t one = used[i];

		memmove(&used[i], &used[i + 1], (count - i - 1) * sizeof(*used));
		if (is_taken(by, used, count - 1, r, budget)) {
			count--;
			continue;
		}
		memmove(&used[i + 1], &used[i], (count - i - 1) * sizeof(*used));
		used[i] = one;
	}
	qsort(used, count, sizeof(*used), by_index);
	return count;
}
