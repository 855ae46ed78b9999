// SPDX-License-Identifier: BSD-3-Clause
// The network on both sides of the box: it loses, doubles, delays and reorders frames and falls
// silent for a while, and it delivers in the end. Frames with too small a TTL die behind the box.
// Also the queue of what happens next: earliest first, equal times in the order of their making.
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void net_push(struct sim *s, const struct sim_event *e)
{
	unsigned i = s->nheap++;

	if (s->nheap > s->heap_max) {
		s->heap_max = s->heap_max * 2 + 64;
		s->heap = realloc(s->heap, s->heap_max * sizeof(*s->heap));
		if (s->heap == NULL)
			abort();
	}
	s->heap[i] = *e;
	s->heap[i].order = s->order++;
	for (; i > 0 && before(&s->heap[i], &s->heap[(i - 1) / 2]); i = (i - 1) / 2) {
		struct sim_event swap = s->heap[i];

		s->heap[i] = s->heap[(i - 1) / 2];
		s->heap[(i - 1) / 2] = swap;
	}
}

static void pop(struct sim *s, struct sim_event *e)
{
	*e = s->heap[0];
	s->heap[0] = s->heap[--s->nheap];
	for (unsigned i = 0, least = 0;; i = least) {
		for (unsigned k = 2 * i + 1; k <= 2 * i + 2 && k < s->nheap; k++)
			if (before(&s->heap[k], &s->heap[least]))
				least = k;
		if (least == i)
			return;
		struct sim_event swap = s->heap[i];
		s->heap[i] = s->heap[least];
		s->heap[least] = swap;
	}
}

uint64_t net_next(const struct sim *s)
{
	return s->nheap == 0 ? UINT64_MAX : s->heap[0].at;
}

void net_fini(struct sim *s)
{
	for (unsigned i = 0; i < s->nheap; i++)
		free(s->heap[i].frame);
	free(s->heap);
	s->heap = NULL;
	s->nheap = s->heap_max = 0;
}

static void put(struct sim *s, const struct sim_event *e, const struct sim_frame *f, uint64_t at)
{
	struct sim_event copy = *e;

	copy.at = at;
	copy.frame = malloc(offsetof(struct sim_frame, b) + f->n);
	if (copy.frame == NULL)
		abort();
	memcpy(copy.frame, f, offsetof(struct sim_frame, b) + f->n);
	net_push(s, &copy);
}

// One frame on one of the four links: perhaps it arrives, perhaps twice.
static void carry(struct sim *s, enum sim_side side, unsigned from_box, struct sim_event *e,
	const struct sim_frame *f)
{
	const struct link_conf *l = &s->link[side][from_box];
	struct dice *d = &s->dice;
	uint64_t at = s->now + l->delay_us + dice_below(d, l->jitter_us + 1);

	e->side = side;
	if (dice_is(d, l->gap))
		s->silent_until[side][from_box] = s->now + l->gap_us;
	if (s->now < s->silent_until[side][from_box] || dice_is(d, l->loss)) {
		sim_note(s, "%u lost %s", e->conn, from_box ? "behind the box" : "before the box");
		return;
	}
	if (dice_is(d, l->late))
		at += dice_below(d, l->late_us);
	if (dice_is(d, l->dup))
		put(s, e, f, at + dice_below(d, l->late_us + 100));
	put(s, e, f, at);
}

void net_to_box(struct conn *c, enum sim_side from, const struct sim_seg *seg)
{
	struct sim_event e = {.kind = TO_BOX, .conn = c->index};
	struct sim_frame f;

	sim_frame_build(&f, &c->path, from, seg);
	carry(c->sim, from, 0, &e, &f);
}

void net_from_box(struct conn *c, enum sim_side to, const struct sim_frame *f)
{
	struct sim_event e = {.kind = TO_END, .conn = c->index};

	carry(c->sim, to, 1, &e, f);
}

bool net_due(struct sim *s, uint64_t now, struct sim_event *e)
{
	if (s->nheap == 0 || s->heap[0].at > now)
		return false;
	pop(s, e);
	return true;
}
