// SPDX-License-Identifier: BSD-3-Clause
// Edits that change a length: from there on sender and receiver of a half count differently. Each
// edit is kept until its receiver has acknowledged it; a number is mapped through those that lie
// before it, so any number of them may be under way in one window. One number a direction, as in
// conntrack's sequence adjustment, is wrong as soon as two are.
//
// In the sender's numbers an edit covers [in_seq, in_seq + in_len), in the receiver's
// [out_seq, out_seq + out_len). Between edits the difference is constant; behind the last it is
// `delta`. The list is sorted and lies in a slab of the pool, so a flow without edits pays nothing.
// Thread: the owner of the flow.
#include <errno.h>

#include "stream_int.h"

struct edit {
	uint32_t in_seq, in_len, out_seq, out_len;
};

enum { EDITS_MAX = (STREAM_SLAB_DATA - sizeof(uint32_t)) / sizeof(struct edit) };

struct edits { // what lies in the slab
	uint32_t n;
	struct edit e[EDITS_MAX];
};
_Static_assert(sizeof(struct edits) <= STREAM_SLAB_DATA, "the list lies in one slab");
_Static_assert(offsetof(struct stream_slab, data) % _Alignof(struct edits) == 0, "aligned");

static struct edits *list_of(const struct stream_half *h, const struct stream_pool *p)
{
	return h->edits == STREAM_NO_SLAB ? NULL
					  : (struct edits *)(void *)slab_at(p, h->edits)->data;
}

// The difference before an edit.
static uint32_t delta_before(const struct edit *e)
{
	return e->out_seq - e->in_seq;
}

uint32_t edits_out(const struct stream_half *h, const struct stream_pool *p, uint32_t in_seq)
{
	const struct edits *l = list_of(h, p);

	for (uint32_t i = 0; l != NULL && i < l->n; i++) {
		const struct edit *e = &l->e[i];
		if (seq_lt(in_seq, e->in_seq))
			return in_seq + delta_before(e);
		if (seq_lt(in_seq,
			    e->in_seq + e->in_len)) // inside: its begin, that nothing is lost
			return e->out_seq;
	}
	return in_seq + h->delta;
}

// At the very place of bytes taken out, what was taken out counts as received: nobody else can
// acknowledge it.
uint32_t edits_in(
	const struct stream_half *h, const struct stream_pool *p, uint32_t out_seq, bool *inside)
{
	const struct edits *l = list_of(h, p);

	*inside = false;
	for (uint32_t i = 0; l != NULL && i < l->n; i++) {
		const struct edit *e = &l->e[i];
		if (seq_lt(out_seq, e->out_seq))
			return out_seq - delta_before(e);
		if (seq_lt(out_seq, e->out_seq + e->out_len)) {
			*inside = out_seq != e->out_seq;
			return e->in_seq;
		}
	}
	return out_seq - h->delta;
}

void edits_forget(struct stream_half *h, struct stream_pool *p)
{
	struct edits *l = list_of(h, p);
	uint32_t gone = 0;

	if (l == NULL)
		return;
	// Bytes taken out right behind the last acknowledged one stay in the list: the next edit may
	// join them.
	while (gone < l->n && seq_lt(l->e[gone].out_seq, h->una) &&
		seq_le(l->e[gone].out_seq + l->e[gone].out_len, h->una))
		gone++;
	if (gone == 0)
		return;
	l->n -= gone;
	memmove(l->e, l->e + gone, l->n * sizeof(l->e[0]));
	if (l->n == 0)
		edits_free(h, p);
}

void edits_free(struct stream_half *h, struct stream_pool *p)
{
	if (h->edits == STREAM_NO_SLAB)
		return;
	slab_give(p, h->edits);
	h->edits = STREAM_NO_SLAB;
}

// The edit that a new one at `seq` only lengthens: bytes taken out in pieces, as they come.
static struct edit *joins(struct edits *l, uint32_t seq, uint32_t in_seq, uint32_t out_len)
{
	struct edit *last = l->n == 0 ? NULL : &l->e[l->n - 1];

	if (last == NULL || out_len != 0 || last->out_len != 0 || last->out_seq != seq ||
		last->in_seq + last->in_len != in_seq)
		return NULL;
	return last;
}

// Room for one more, before anything is changed.
static struct edits *list_ready(struct stream_half *h, struct stream_pool *p)
{
	if (h->edits == STREAM_NO_SLAB) {
		h->edits = slab_take(p);
		if (h->edits == STREAM_NO_SLAB)
			return NULL;
		list_of(h, p)->n = 0;
	}
	struct edits *l = list_of(h, p);
	return l->n < EDITS_MAX ? l : NULL;
}

// Edits of one call come from the last to the first, so this one may belong before others. Those lie
// behind it: what moves with the text moves in the list, too.
static void list_add(struct edits *l, uint32_t seq, uint32_t in_seq, uint32_t n, uint32_t out_len)
{
	uint32_t at = l->n;

	while (at > 0 && seq_le(in_seq, l->e[at - 1].in_seq) &&
		seq_le(seq + n, l->e[at - 1].out_seq)) {
		at--;
		l->e[at].out_seq += out_len - n;
	}
	struct edit *next = at == l->n ? NULL : &l->e[at];
	if (next != NULL && out_len == 0 && next->out_len == 0 && next->out_seq == seq &&
		next->in_seq == in_seq + n) { // lines taken out of one group
		next->in_seq = in_seq;
		next->in_len += n;
		return;
	}
	memmove(l->e + at + 1, l->e + at, (l->n - at) * sizeof(l->e[0]));
	l->e[at] = (struct edit){.in_seq = in_seq, .in_len = n, .out_seq = seq, .out_len = out_len};
	l->n++;
}

// What was lent of window is no growth.
static bool window_has_room(const struct stream *st, enum stream_side side, uint32_t grown)
{
	const struct stream_half *h = &st->half[side];
	const uint32_t waits_max = STREAM_GROWN_MAX + window_lent_max(st, side);

	return (int32_t)(h->allow + grown - h->edge - waits_max) <= 0;
}

bool stream_may_grow(
	const struct stream *st, const struct stream_pool *p, enum stream_side side, uint32_t n)
{
	const struct edits *l = list_of(&st->half[side], p);

	return (l == NULL || l->n < EDITS_MAX) && window_has_room(st, side, n);
}

int stream_replace(struct stream *st, struct stream_pool *p, enum stream_side side, uint32_t seq,
	uint32_t n, struct span text, bool *ack)
{
	struct stream_half *h = &st->half[side];
	const uint32_t out_len = (uint32_t)text.n, grown = out_len - n;
	bool inside;

	*ack = false;
	if ((int32_t)grown > 0 && !window_has_room(st, side, grown))
		return -ENOBUFS;
	if (out_len > 0 && half_has_digest(h, p)) // it could not be ours to repeat
		return -EBUSY;
	struct edits *l = list_ready(h, p);
	if (l == NULL)
		return -ENOBUFS;
	// Where bytes were taken out just here, the sender's number lies behind them.
	const uint32_t in_seq = edits_in(h, p, seq, &inside);
	int rc = slab_replace(h, p, seq, n, text);
	if (rc != 0) {
		if (l->n == 0)
			edits_free(h, p);
		return rc;
	}
	struct edit *last = joins(l, seq, in_seq, out_len);
	if (last != NULL)
		last->in_len += n;
	else
		list_add(l, seq, in_seq, n, out_len);
	st->shifted = true;
	h->delta += grown;
	h->read += grown;
	h->nxt += grown;
	h->fin += grown;
	h->edit_end = seq_max(h->edit_end, seq + out_len);
	if (seq_lt(seq, h->owned))
		h->owned = seq_le(seq + n, h->owned) ? h->owned + grown : seq + out_len;
	// Its sender's repeats need not cover it: the original may have come in several segments.
	if (out_len > 0)
		h->owned = seq_max(h->owned, seq + out_len);
	h->allow = seq_max(h->edge, h->allow + grown);
	*ack = out_len == 0 && seq_le(seq, seq_max(h->una, h->owned));
	return 0;
}

uint32_t stream_in_seq(
	const struct stream *st, const struct stream_pool *p, enum stream_side side, uint32_t seq)
{
	bool inside;

	return edits_in(&st->half[side], p, seq, &inside);
}

uint32_t stream_out_seq(
	const struct stream *st, const struct stream_pool *p, enum stream_side side, uint32_t seq)
{
	return edits_out(&st->half[side], p, seq);
}

bool stream_in_block(const struct stream *st, const struct stream_pool *p, enum stream_side side,
	uint32_t *left, uint32_t *right)
{
	const struct stream_half *h = &st->half[side];
	bool inside_left, inside_right;

	*left = edits_in(h, p, *left, &inside_left);
	*right = edits_in(h, p, *right, &inside_right);
	return !inside_left && !inside_right && seq_lt(*left, *right);
}
