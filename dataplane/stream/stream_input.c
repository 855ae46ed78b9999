// SPDX-License-Identifier: BSD-3-Clause
// What comes in: the handshake, validity of a segment (RFC 9293 3.10.7.4, RFC 7323 5.3, RFC 5961 3
// and 5), acknowledgement of the other half, retention. Decides nothing about release.
// Thread: the owner of the flow.
#include <errno.h>

#include "stream_int.h"

static uint32_t u32_max(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static void half_syn(struct stream_half *h, uint16_t window, const struct stream_syn *syn)
{
	h->syn = true;
	h->win_out = window;
	h->wscale = syn->has_wscale
		? (syn->wscale > STREAM_WSCALE_MAX ? STREAM_WSCALE_MAX : syn->wscale)
		: 0;
	if (syn->mss != 0)
		h->mss = syn->mss < STREAM_MSS_MIN  ? STREAM_MSS_MIN
			: syn->mss > STREAM_MSS_MAX ? STREAM_MSS_MAX
						    : syn->mss & STREAM_MSS_MAX;
}

void stream_open(
	struct stream *st, uint32_t client_isn, uint16_t window, const struct stream_syn *syn)
{
	*st = (struct stream){
		.ts_on = syn->has_ts, .sack_on = syn->sack_ok, .scale_on = syn->has_wscale};
	half_init(&st->half[STREAM_CLIENT], client_isn + 1);
	half_init(&st->half[STREAM_SERVER], 0);
	half_syn(&st->half[STREAM_CLIENT], window, syn);
}

bool stream_accept(struct stream *st, uint32_t server_isn, uint32_t ack, uint16_t window,
	const struct stream_syn *syn)
{
	struct stream_half *client = &st->half[STREAM_CLIENT], *server = &st->half[STREAM_SERVER];

	if (ack != client->una)
		return false;
	if (server->syn) // its repeat; another number is another connection
		return server_isn + 1 == server->una && server->nxt == server->una;
	half_init(server, server_isn + 1);
	half_syn(server, window, syn);
	st->ts_on = st->ts_on && syn->has_ts;
	st->sack_on = st->sack_on && syn->sack_ok;
	st->scale_on = st->scale_on && syn->has_wscale;
	if (!st->scale_on)
		client->wscale = server->wscale = 0;
	// The windows of SYN and SYN-ACK are never scaled (RFC 7323 2.2).
	client->edge = client->allow = client->una + window;
	server->edge = server->allow = server->una + client->win_out;
	server->ack_out = ack;
	return true;
}

void stream_answer(struct stream *st, uint32_t our_isn, uint16_t mss)
{
	struct stream_half *client = &st->half[STREAM_CLIENT], *server = &st->half[STREAM_SERVER];

	half_init(server, our_isn + 1);
	server->syn = true;
	server->mss = mss & STREAM_MSS_MAX;
	server->edge = server->allow = server->una + client->win_out;
	client->wscale = 0; // our SYN-ACK offers MSS only, so no scaling, no timestamps
	client->edge = client->allow = client->una + STREAM_ANSWER_WINDOW;
	st->ts_on = st->sack_on = st->scale_on = false;
	st->answered = true;
}

static enum stream_in input_rst(const struct stream_half *h, const struct stream_seg *seg)
{
	if (seq_le(h->una, seg->at) && seq_le(seg->at, h->nxt + (h->has_fin ? 1 : 0)))
		return STREAM_IN_RST;
	if (seq_le(h->una, seg->at) && seq_lt(seg->at, h->allow))
		return STREAM_IN_RST_ODD;
	return STREAM_IN_DROP_WINDOW;
}

// What `seg` acknowledges of the other half.
// Did all up to `ack` leave ahead of its turn, before it was read?
static bool left_ahead_up_to(struct stream_half *h, const struct stream_pool *p, uint32_t ack)
{
	for (uint32_t at = h->sent; seq_lt(at, ack);) {
		const struct stream_slab *s = slab_find(h, p, at);
		if (s == NULL || !s->ahead)
			return false;
		at = slab_end(s);
	}
	return true;
}

static enum stream_in input_ack(
	struct stream *st, struct stream_pool *p, const struct stream_seg *seg)
{
	struct stream_half *o = &st->half[!seg->side];
	uint32_t behind = u32_max(o->edge - o->una, STREAM_WINDOW_FIELD_MAX);

	uint32_t ack = seg->ack;
	if (seq_lt(o->sent + (o->fin_sent ? 1 : 0), ack)) {
		if (o->fin_sent || !left_ahead_up_to(o, p, ack)) // bytes of its window went round us
			return seq_le(ack, o->edge + 1) ? STREAM_IN_BYPASSED : STREAM_IN_DROP_ACK;
		ack = o->sent; // the rest is acknowledged again once it is read
	}
	if (seq_lt(ack, o->una - behind)) // RFC 5961 5
		return STREAM_IN_DROP_ACK;
	if (seq_lt(ack, o->una)) // an old one says nothing, not even about the window
		return STREAM_IN_OK;
	bool recovering = o->tries > 0;
	if (ack != o->una) {
		half_acknowledge(o, ack);
		if (o->fin_sent && ack == o->fin + 1)
			o->fin_acked = true;
		slab_free_acknowledged(o, p, ack);
		edits_forget(o, p);
		o->tries = 0;
		o->rto_on = false;
		half_timer_arm(st, o, seg->now_ms);
		// After a loss one repeat a round trip would take for ever: go on from the new
		// edge.
		o->repeat = recovering && seq_lt(o->una, o->sent) && half_outstanding(st, o);
	} else if (o->edge == o->una) {
		o->tries = 0; // a closed window that is answered stays open (RFC 9293 3.8.6.1)
	}
	uint32_t edge = seg->ack + ((uint32_t)seg->window << st->half[seg->side].wscale);
	o->edge = seq_max(o->edge, edge); // the right edge never moves left for us
	o->allow = seq_max(o->allow, o->edge);
	return STREAM_IN_OK;
}

static enum stream_in input_data(
	struct stream *st, struct stream_pool *p, const struct stream_seg *seg)
{
	struct stream_half *h = &st->half[seg->side];
	uint32_t from = seg->at, end = seg->end;
	bool fin = (seg->flags & TCP_FIN) != 0;

	h->fresh = true;
	if (seg->payload.n > 0 && seq_le(end, h->una))
		return STREAM_IN_OLD;
	if (seg->payload.n == 0 && !fin)
		return seq_lt(from, h->una) ? STREAM_IN_OLD : STREAM_IN_OK;
	if (seg->payload.n > 0 && !seq_lt(from, h->allow))
		return from == h->allow ? STREAM_IN_OLD
					: STREAM_IN_DROP_WINDOW; // a probe of a closed window
	if (seq_lt(from, h->nxt)) {                              // held already, as it first came
		from = seq_min(h->nxt, end);
		h->fresh = false;
	}
	if (seq_lt(h->allow, end)) { // what lies beyond the window waits for its repeat
		end = seq_max(from, h->allow);
		fin = false;
	}
	if (h->has_fin && seq_lt(h->fin, end)) // nothing comes behind a FIN
		end = seq_max(from, h->fin);
	const uint32_t old_nxt = h->nxt;
	// No edit lies behind nxt, so from - delta is the sender's number.
	if (seq_lt(from, end) &&
		slab_insert(h, p, from, seg->payload.p + (from - h->delta - seg->seq),
			end - from) != 0) {
		h->nxt = slab_run_end(h, p, h->nxt);
		if (h->nxt == old_nxt && !seq_lt(seg->at, old_nxt))
			return STREAM_IN_DROP_SLABS;
		h->fresh = false; // what found room, or is a repeat, goes on and makes room by that
		return STREAM_IN_OK;
	}
	h->nxt = slab_run_end(h, p, h->nxt);
	if (end != seg->end) // cut: not all of it is retained
		h->fresh = false;
	if (fin && !h->has_fin && seq_le(h->nxt, end)) {
		h->has_fin = true;
		h->fin = end;
	}
	return seq_lt(old_nxt, from) ? STREAM_IN_ORDER_WAIT : STREAM_IN_OK;
}

enum stream_in stream_input(struct stream *st, struct stream_pool *p, struct stream_seg *seg)
{
	struct stream_half *h = &st->half[seg->side];

	seg->at = edits_out(h, p, seg->seq);
	seg->end = edits_out(h, p, seg->seq + (uint32_t)seg->payload.n);
	if (seg->flags & TCP_RST)
		return input_rst(h, seg);
	if ((seg->flags & (TCP_SYN | TCP_ACK)) != TCP_ACK)
		return STREAM_IN_DROP_FLAGS;
	uint32_t behind = u32_max(h->allow - h->una, STREAM_WINDOW_FIELD_MAX);
	if (seq_lt(seg->at, h->una - behind) || seq_lt(h->allow + 1, seg->at))
		return STREAM_IN_DROP_WINDOW;
	if (st->ts_on && seg->has_ts && seq_lt(seg->ts_val, h->ts_last))
		return STREAM_IN_DROP_PAWS;
	enum stream_in in = input_ack(st, p, seg);
	if (in != STREAM_IN_OK)
		return in;
	// RFC 7323 4.3: the latest that is neither early nor old.
	if (st->ts_on && seg->has_ts && seq_le(seg->at, h->una) && seq_le(h->una, seg->end))
		h->ts_last = seg->ts_val;
	// What leaves may be behind what is acknowledged, and the receiver has seen its timestamp.
	if (st->ts_on && seg->has_ts && seq_lt(h->ts_seen, seg->ts_val))
		h->ts_seen = seg->ts_val;
	return input_data(st, p, seg);
}

void stream_consume(struct stream *st, enum stream_side side, uint32_t n)
{
	st->half[side].read += n;
}

void stream_release(struct stream *st, enum stream_side side)
{
	struct stream_half *h = &st->half[side];

	h->rel = h->read;
	if (h->has_fin && h->rel == h->fin)
		h->fin_rel = true;
}
