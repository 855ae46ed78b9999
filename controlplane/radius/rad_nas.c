// SPDX-License-Identifier: BSD-3-Clause
// A NAS without cells is in a list, the one heard of last at its end; any that has one is out of it.
// Thread: the owner's.
#include "rad_nas.h"

#include <stdlib.h>

bool rad_nas_open(struct rad_nases *t, uint32_t most, rad_nas_gone_cb gone, void *arg)
{
	*t = (struct rad_nases){.most = most,
		.gone = gone,
		.arg = arg,
		.oldest = RAD_INDEX_NONE,
		.newest = RAD_INDEX_NONE};
	t->cell = calloc(most, sizeof(t->cell[0]));
	t->share = calloc(RAD_SHARES, sizeof(t->share[0]));
	return rad_index_open(&t->index, most) && t->cell != NULL && t->share != NULL;
}

void rad_nas_close(struct rad_nases *t)
{
	rad_index_close(&t->index);
	free(t->share);
	free(t->cell);
}

uint64_t rad_nas_bytes(uint32_t most)
{
	return most * sizeof(struct rad_nas) + rad_index_bytes(most) +
		RAD_SHARES * sizeof(struct rad_share);
}

static void link_last(struct rad_nases *t, uint32_t n)
{
	t->cell[n].prev = t->newest;
	t->cell[n].next = RAD_INDEX_NONE;
	if (t->newest != RAD_INDEX_NONE)
		t->cell[t->newest].next = n;
	else
		t->oldest = n;
	t->newest = n;
}

static void unlink_one(struct rad_nases *t, uint32_t n)
{
	const uint32_t prev = t->cell[n].prev, next = t->cell[n].next;

	if (prev != RAD_INDEX_NONE)
		t->cell[prev].next = next;
	else
		t->oldest = next;
	if (next != RAD_INDEX_NONE)
		t->cell[next].prev = prev;
	else
		t->newest = prev;
}

static uint32_t nas_hash(const void *arg, uint32_t number)
{
	const struct rad_nases *t = arg;

	return (uint32_t)t->cell[number].id; // a keyed hash itself
}

static void forget(struct rad_nases *t, uint32_t n)
{
	rad_nas_belongs(t, n, 0);
	if (t->gone != NULL)
		t->gone(t->arg, &t->cell[n]);
	unlink_one(t, n);
	rad_index_del(&t->index, nas_hash(t, n), n, nas_hash, t);
}

uint32_t rad_nas_find(const struct rad_nases *t, uint64_t id)
{
	uint32_t at = (uint32_t)id, n;

	while ((n = rad_index_next(&t->index, &at)) != RAD_INDEX_NONE)
		if (t->cell[n].id == id)
			break;
	return n;
}

uint32_t rad_nas_take(struct rad_nases *t, uint64_t id)
{
	uint32_t n = rad_nas_find(t, id);

	if (n != RAD_INDEX_NONE) {
		if (t->cell[n].held == 0 && n != t->newest) {
			unlink_one(t, n);
			link_last(t, n);
		}
		return n;
	}
	n = t->fresh;
	if (n < t->most)
		t->fresh++;
	else if ((n = t->oldest) != RAD_INDEX_NONE)
		forget(t, n);
	else
		return n;
	t->cell[n] = (struct rad_nas){.id = id};
	rad_index_add(&t->index, nas_hash(t, n), n);
	link_last(t, n);
	return n;
}

void rad_nas_hold(struct rad_nases *t, uint32_t number)
{
	struct rad_nas *n = &t->cell[number];

	if (n->held++ == 0)
		unlink_one(t, number);
	t->share[n->share].cells++;
}

void rad_nas_drop(struct rad_nases *t, uint32_t number)
{
	struct rad_nas *n = &t->cell[number];

	t->share[n->share].cells--;
	if (--n->held == 0)
		link_last(t, number);
}

// ---- shares: 0 is that of nobody

static void share_put_back(struct rad_nases *t, uint16_t share)
{
	struct rad_share *s = &t->share[share];

	if (share != 0 && s->nas == 0 && !s->wanted)
		s->tag = 0;
}

void rad_nas_belongs(struct rad_nases *t, uint32_t number, uint16_t share)
{
	struct rad_nas *n = &t->cell[number];
	const uint16_t before = n->share;

	if (before == share)
		return;
	t->share[before].cells -= n->held;
	t->share[before].nas -= before != 0;
	n->share = share;
	t->share[share].cells += n->held;
	t->share[share].nas += share != 0;
	share_put_back(t, before);
}

uint16_t rad_share_take(struct rad_nases *t, uint64_t tag)
{
	uint16_t free_one = 0;

	for (uint16_t i = RAD_SHARES - 1; i > 0; i--) {
		if (t->share[i].tag == tag) {
			t->share[i].wanted = true;
			return i;
		}
		free_one = t->share[i].tag == 0 ? i : free_one;
	}
	if (free_one != 0)
		t->share[free_one] = (struct rad_share){.tag = tag, .wanted = true};
	return free_one;
}

void rad_shares_begin(struct rad_nases *t)
{
	for (uint16_t i = 1; i < RAD_SHARES; i++) {
		t->share[i].wanted = false;
		share_put_back(t, i);
	}
}
