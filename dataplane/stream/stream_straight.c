// SPDX-License-Identifier: BSD-3-Clause
// The usual segment: in order, while nothing of either direction is held, was changed, is ours to
// repeat, ends or is missing. It comes to what stream_input and stream_dispose come to, by a short way;
// whatever is not that plain takes the long one. The simulator goes either way and expects the same.
// Thread: the owner of the flow.
#include "stream_int.h"

// All that was retained without a hole has left, nothing is ours to repeat, no FIN.
static inline bool half_is_idle(const struct stream_half *h)
{
	return h->sent == h->nxt && h->tries == 0 && h->has_fin == 0 && h->fin_rel == 0 &&
		h->fin_sent == 0 && h->rto_on == 0 && h->repeat == 0 && seq_le(h->owned, h->una);
}

static inline bool is_timely(
	const struct stream *st, const struct stream_half *h, const struct stream_seg *seg)
{
	return !st->ts_on || !seg->has_ts || seq_le(h->ts_last, seg->ts_val);
}

// Room at the end of what is retained: in the last slab, or in a new one that may be had.
static inline bool has_room(const struct stream_half *h, const struct stream_pool *p, size_t n)
{
	if (n == 0)
		return true;
	if (n > STREAM_SLAB_DATA || p->nfree == 0 || h->nslabs >= stream_pool_share(p))
		return false;
	return h->last == STREAM_NO_SLAB || slab_end(slab_at(p, h->last)) == h->nxt; // no island
}

static inline void ack_take(struct stream *st, struct stream_pool *p, const struct stream_seg *seg)
{
	struct stream_half *o = &st->half[!seg->side];
	const uint32_t edge = seg->ack + ((uint32_t)seg->window << st->half[seg->side].wscale);

	if (seg->ack != o->una) {
		half_acknowledge(o, seg->ack);
		slab_free_acknowledged(o, p, seg->ack);
	}
	o->edge = seq_max(o->edge, edge);
	o->allow = seq_max(o->allow, o->edge);
}

// What is to be read is the segment itself, not the copy: a look at that would wait until a cold slab is there.
static inline void bytes_take(struct stream_half *h, struct stream_pool *p, struct stream_seg *seg)
{
	const uint32_t n = (uint32_t)seg->payload.n;
	struct stream_slab *s = h->last == STREAM_NO_SLAB ? NULL : slab_at(p, h->last);

	h->nxt = seg->end;
	seg->kept = seg->payload;
	if (s == NULL) {
		s = slab_link_after(h, p, STREAM_NO_SLAB, seg->at);
	} else if (s->digests != 0 || s->ahead || s->len + n > STREAM_SLAB_DATA) {
		(void)slab_insert(h, p, seg->at, seg->payload.p, n); // has_room: there is one slab
		return;
	}
	memcpy(s->data + s->len, seg->payload.p, n);
	s->len = (uint16_t)(s->len + n);
}

bool stream_straight(struct stream *st, struct stream_pool *p, struct stream_seg *seg)
{
	struct stream_half *h = &st->half[seg->side];
	const struct stream_half *o = &st->half[!seg->side];
	const uint32_t end = seg->seq + (uint32_t)seg->payload.n;

	if ((seg->flags & ~(TCP_PSH | TCP_ECE | TCP_CWR)) != TCP_ACK || st->shifted ||
		st->answered || seg->seq != h->nxt || !half_is_idle(h) || !half_is_idle(o))
		return false;
	if (seq_lt(h->allow, end) || seq_lt(seg->ack, o->una) || seq_lt(o->sent, seg->ack) ||
		(end == seg->seq && seg->ack == o->una) || !is_timely(st, h, seg) ||
		!has_room(h, p, seg->payload.n))
		return false;
	seg->at = seg->seq;
	seg->end = end;
	ack_take(st, p, seg);
	if (st->ts_on && seg->has_ts) {
		h->ts_last = seq_le(seg->at, h->una) ? seg->ts_val : h->ts_last;
		h->ts_seen = seq_max(h->ts_seen, seg->ts_val);
	}
	h->fresh = true;
	if (seg->payload.n > 0)
		bytes_take(h, p, seg);
	return true;
}

bool stream_straight_on(struct stream *st, const struct stream_seg *seg)
{
	struct stream_half *h = &st->half[seg->side];

	if (h->read != seg->end || h->nxt != seg->end || st->shifted ||
		seq_lt(seg->at, h->edit_end))
		return false;
	h->rel = h->sent = seg->end;
	h->ack_out = seg->ack;
	h->win_out = seg->window;
	return true;
}
