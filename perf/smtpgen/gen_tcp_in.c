// SPDX-License-Identifier: BSD-3-Clause
// What a connection makes of a segment: acknowledgements, then data, in the order of RFC 9293 3.10.7.
// Thread: one.
#include <string.h>

#include "gen_world.h"
#include "seq.h"

enum {
	DELAYED_ACK_MS = 40,
	DUPACKS = 3,
	HELD_MAX = 64, // segments out of order that one connection may hold
	RTO_MAX_MS = 60000,
};

static void rtt_take(struct gen_world *w, struct gen_tcp *t) // RFC 6298 2
{
	uint32_t r = (uint32_t)w->now_us - t->rtt_at_us;

	t->rtt_on = false;
	if (t->srtt_us == 0) {
		t->srtt_us = r;
		t->rttvar_us = r / 2;
	} else {
		uint32_t d = r > t->srtt_us ? r - t->srtt_us : t->srtt_us - r;

		t->rttvar_us = t->rttvar_us - t->rttvar_us / 4 + d / 4;
		t->srtt_us = t->srtt_us - t->srtt_us / 8 + r / 8;
	}
	uint32_t ms = (t->srtt_us + 4 * t->rttvar_us) / 1000 + 1;
	t->rto_ms = ms < w->conf->rto_min_ms ? w->conf->rto_min_ms
		: ms > RTO_MAX_MS            ? RTO_MAX_MS
					     : ms;
}

static void pieces_drop(struct gen_tcp *t)
{
	uint32_t upto = seq_min(t->una, t->end);

	while (t->npieces > 0 && seq_le(t->head_seq + t->piece[t->first].len, upto)) {
		t->head_seq += t->piece[t->first].len;
		t->first = (uint8_t)((t->first + 1u) % GEN_PIECES);
		t->npieces--;
	}
}

// New octets were acknowledged: cwnd grows, or recovery goes on (RFC 5681 3.1, RFC 6582 3.2).
static void window_grow(struct gen_world *w, struct gen_end *e, uint32_t acked)
{
	struct gen_tcp *t = &e->tcp;

	if (t->recovering && seq_lt(t->una, t->recover)) {
		t->cwnd = (t->cwnd > acked ? t->cwnd - acked : 0) + t->mss;
		gen_tcp_repeat(w, e);
		return;
	}
	if (t->recovering) {
		t->recovering = false;
		t->cwnd = t->ssthresh;
	} else if (t->cwnd < t->ssthresh) {
		t->cwnd += acked < t->mss ? acked : t->mss;
	} else {
		t->cwnd += (uint32_t)t->mss * t->mss / t->cwnd + 1;
	}
	t->dupacks = 0;
}

static void ack_new(struct gen_world *w, struct gen_end *e, uint32_t ack)
{
	struct gen_tcp *t = &e->tcp;
	uint32_t acked = ack - t->una;

	if (t->rtt_on && seq_lt(t->rtt_seq, ack))
		rtt_take(w, t);
	t->una = ack;
	t->nxt = seq_max(t->nxt, ack);
	t->retries = 0;
	t->heard_at = w->now_ms;
	t->fin_acked = ack == t->end + 1;
	pieces_drop(t);
	t->rto_at = t->una == t->max ? 0 : w->now_ms + t->rto_ms;
	window_grow(w, e, acked);
}

static void ack_repeated(struct gen_world *w, struct gen_end *e)
{
	struct gen_tcp *t = &e->tcp;

	if (t->recovering) {
		t->cwnd += t->mss;
		return;
	}
	if (++t->dupacks < DUPACKS || seq_lt(t->una, t->recover))
		return;
	uint32_t flight = t->max - t->una;
	t->ssthresh = flight / 2 > 2u * t->mss ? flight / 2 : 2u * t->mss;
	t->recover = t->max;
	t->recovering = true;
	w->report.fast++;
	gen_tcp_repeat(w, e);
	t->cwnd = t->ssthresh + DUPACKS * t->mss;
}

static void ack_take(struct gen_world *w, struct gen_end *e, const struct gen_seg *s)
{
	struct gen_tcp *t = &e->tcp;

	if (seq_lt(t->max, s->ack)) {
		t->ack_now = true; // of what was never sent
		return;
	}
	if (seq_lt(t->una, s->ack))
		ack_new(w, e, s->ack);
	else if (s->ack == t->una && s->len == 0 && t->una != t->max && s->window == t->wnd &&
		(s->flags & (GEN_SYN | GEN_FIN)) == 0)
		ack_repeated(w, e);
	if (s->ack == t->una)
		t->wnd = s->window;
}

// Keeps a segment beyond a hole, in the order of its sequence numbers.
static void hold(struct gen_world *w, struct gen_tcp *t, const struct gen_seg *s)
{
	uint32_t *link = &t->held, i = w->free_held;

	w->report.out_of_order++;
	if (i == GEN_HELD_NONE || t->nheld == HELD_MAX || s->len > sizeof(w->held[0].octets) ||
		s->seq + s->len - t->rcv > w->conf->window) {
		w->report.not_held++;
		return;
	}
	while (*link != GEN_HELD_NONE && seq_lt(w->held[*link].seq, s->seq))
		link = &w->held[*link].next;
	if (*link != GEN_HELD_NONE && w->held[*link].seq == s->seq && w->held[*link].len >= s->len)
		return; // it waits already
	w->free_held = w->held[i].next;
	struct gen_held *h = &w->held[i];
	h->seq = s->seq;
	h->len = s->len;
	h->fin = (s->flags & GEN_FIN) != 0;
	memcpy(h->octets, s->payload, s->len);
	h->next = *link;
	*link = i;
	t->nheld++;
}

// The octets from rcv on of a segment that begins at or before it. False: the connection is over.
static bool deliver(struct gen_world *w, struct gen_end *e, uint32_t seq, const uint8_t *p,
	uint32_t n, bool fin)
{
	struct gen_tcp *t = &e->tcp;
	uint32_t skip = t->rcv - seq;

	if (skip < n) {
		t->rcv += n - skip;
		t->heard_at = w->now_ms;
		w->app[e->side]->data(w, e, p + skip, n - skip);
		if (t->state == GEN_CLOSED)
			return false;
	}
	if (fin && !t->fin_got && t->rcv == seq + n) {
		t->rcv++;
		t->fin_got = true;
		t->heard_at = w->now_ms;
		w->app[e->side]->fin(w, e);
	}
	return t->state != GEN_CLOSED;
}

static bool deliver_held(struct gen_world *w, struct gen_end *e)
{
	struct gen_tcp *t = &e->tcp;

	while (t->held != GEN_HELD_NONE && seq_le(w->held[t->held].seq, t->rcv)) {
		uint32_t i = t->held;
		struct gen_held *h = &w->held[i];

		t->held = h->next;
		t->nheld--;
		h->next = w->free_held; // its octets stay as they are until this call is over
		w->free_held = i;
		if (!deliver(w, e, h->seq, h->octets, h->len, h->fin))
			return false;
	}
	return true;
}

// False: the connection is over.
static bool data_take(struct gen_world *w, struct gen_end *e, const struct gen_seg *s)
{
	struct gen_tcp *t = &e->tcp;
	bool fin = (s->flags & GEN_FIN) != 0;

	if (s->len == 0 && !fin) {
		// An empty one that does not lie in the window asks for an answer (RFC 9293 3.10.7.4).
		t->ack_now |= s->seq - t->rcv > w->conf->window;
		return true;
	}
	if (seq_lt(t->rcv, s->seq)) {
		hold(w, t, s);
		t->ack_now = true;
		return true;
	}
	bool whole = t->held != GEN_HELD_NONE || fin; // filled a hole, or ends: say so at once
	if (seq_le(s->seq + s->len + fin, t->rcv)) {
		t->ack_now = true; // seen before
		return true;
	}
	if (!deliver(w, e, s->seq, s->payload, s->len, fin) || !deliver_held(w, e))
		return false;
	if (++t->unacked >= 2 || whole) {
		t->ack_now = true;
	} else if (t->ack_at == 0) {
		t->ack_at = w->now_ms + DELAYED_ACK_MS;
	}
	return true;
}

static void syn_sent_input(struct gen_world *w, struct gen_end *e, const struct gen_seg *s)
{
	struct gen_tcp *t = &e->tcp;

	if ((s->flags & GEN_ACK) == 0 || s->ack != t->nxt)
		return;
	if ((s->flags & GEN_RST) != 0) {
		gen_tcp_over(w, e, GEN_GONE_RESET);
		return;
	}
	if ((s->flags & GEN_SYN) == 0)
		return;
	if (s->mss != 0 && s->mss < t->mss)
		t->mss = s->mss;
	t->rcv = s->seq + 1;
	t->wnd = s->window;
	t->una = s->ack;
	t->rto_at = 0;
	t->retries = 0;
	t->rto_ms = t->rto_ms > 1000 ? t->rto_ms : w->conf->rto_min_ms;
	t->heard_at = w->now_ms;
	t->state = GEN_OPEN;
	t->ack_now = true;
	w->app[e->side]->open(w, e);
}

// A segment without which the handshake is not over. False: nothing more to do with it.
static bool syn_got_input(struct gen_world *w, struct gen_end *e, const struct gen_seg *s)
{
	struct gen_tcp *t = &e->tcp;

	if ((s->flags & GEN_SYN) != 0) {
		if (s->seq + 1 == t->rcv)
			gen_tcp_send_syn(w, e); // ours was lost
		return false;
	}
	if ((s->flags & GEN_ACK) == 0 || s->ack != t->nxt)
		return false;
	t->una = s->ack;
	t->wnd = s->window;
	t->rto_at = 0;
	t->retries = 0;
	t->rto_ms = w->conf->rto_min_ms;
	t->state = GEN_OPEN;
	w->app[e->side]->open(w, e);
	return t->state == GEN_OPEN;
}

void gen_tcp_input(struct gen_world *w, struct gen_end *e, const struct gen_seg *s)
{
	struct gen_tcp *t = &e->tcp;

	if (t->state == GEN_SYN_SENT) {
		syn_sent_input(w, e, s);
		goto answer;
	}
	if ((s->flags & GEN_RST) != 0) {
		if (s->seq - t->rcv <= w->conf->window)
			gen_tcp_over(w, e, GEN_GONE_RESET);
		return;
	}
	if (t->state == GEN_SYN_GOT) {
		if (!syn_got_input(w, e, s))
			return;
	} else if ((s->flags & GEN_SYN) != 0) {
		t->ack_now = true; // the other end did not see our acknowledgement
		goto answer;
	}
	if ((s->flags & GEN_ACK) == 0)
		return;
	ack_take(w, e, s);
	if (!data_take(w, e, s))
		return;
answer:
	if (t->state == GEN_CLOSED)
		return;
	gen_tcp_output(w, e);
	if (t->fin_acked && t->fin_got)
		gen_tcp_over(w, e, GEN_GONE_CLOSED);
	else
		gen_wheel_arm(&w->wheel, e->id, gen_tcp_due(w, e));
}
