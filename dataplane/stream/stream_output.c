// SPDX-License-Identifier: BSD-3-Clause
// What leaves: the segment as it came, the segment with retained bytes, or segments of our own,
// and the one small sender (repeat timer with back-off) behind custody, cut and answers.
// Whatever leaves a second time is taken from the retained bytes, however the sender cuts it.
// Thread: the owner of the flow.
#include "stream_int.h"

uint32_t half_ack_out(const struct stream *st, enum stream_side side)
{
	const struct stream_half *o = &st->half[!side];
	uint32_t ack = seq_max(o->una, o->owned);

	if (st->answered && side == STREAM_SERVER && o->has_fin && o->nxt == o->fin)
		ack = o->fin + 1; // we are the receiver
	return ack;
}

uint16_t half_window_out(const struct stream *st, enum stream_side side, uint32_t ack)
{
	const struct stream_half *o = &st->half[!side];

	if (!seq_lt(ack, o->allow))
		return 0;
	uint32_t window = (o->allow - ack) >> st->half[side].wscale;
	return window > STREAM_WINDOW_FIELD_MAX ? STREAM_WINDOW_FIELD_MAX : (uint16_t)window;
}

bool half_outstanding(const struct stream *st, const struct stream_half *h)
{
	if (seq_lt(h->una, seq_min(h->owned, h->rel))) // what is still held needs no repeat
		return true;
	return st->answered && h == &st->half[STREAM_SERVER] && h->fin_rel && !h->fin_acked;
}

void half_timer_arm(const struct stream *st, struct stream_half *h, uint32_t now_ms)
{
	if (!half_outstanding(st, h)) {
		h->rto_on = false;
		h->repeat = false;
		return;
	}
	if (h->rto_on)
		return;
	uint32_t rto_ms = (uint32_t)STREAM_RTO_MS << h->tries;
	h->rto_at_ms = now_ms + (rto_ms > STREAM_RTO_MAX_MS ? STREAM_RTO_MAX_MS : rto_ms);
	h->rto_on = true;
}

static void act_fill(const struct stream *st, const struct stream_pool *p, enum stream_side side,
	struct stream_act *act)
{
	const uint32_t ack = half_ack_out(st, side);

	*act = (struct stream_act){.kind = STREAM_SEND, .side = (uint8_t)side, .flags = TCP_ACK};
	act->window = half_window_out(st, side, ack);
	act->ack = stream_in_seq(st, p, !side, ack);
}

// Where the segment is written for the numbers of its receiver: the acknowledgement that it brings.
static void act_shift(const struct stream *st, const struct stream_pool *p, struct stream_act *act)
{
	act->window = half_window_out(st, act->side, act->ack);
	act->ack = stream_in_seq(st, p, !act->side, act->ack);
	act->sack = true;
}

// A repeat over bytes of which only digests are left: what is not proven to be what left before stays.
static void dispose_digested(struct stream_half *h, const struct stream_pool *p,
	const struct stream_seg *seg, bool patched, uint32_t lo, uint32_t hi,
	struct stream_act *act)
{
	uint32_t agreed = digests_agree(h, p, seg, lo, hi);

	if (agreed == lo) {
		if (h->tries <= STREAM_TRIES_MAX)
			h->tries++;
		act->kind = STREAM_SWALLOW;
		return;
	}
	bool whole = lo == seg->at && agreed == seg->end;
	act->kind = whole && !patched && (seg->flags & (TCP_FIN | TCP_URG)) == 0 ? STREAM_FORWARD
										 : STREAM_REWRITE;
	act->own = true;
	act->skip = (uint16_t)(lo - seg->at);
	act->seq = lo;
	act->len = (uint16_t)(agreed - lo);
	act->flags = (uint8_t)(seg->flags & ~(TCP_FIN | TCP_URG));
}

bool stream_is_stuck(const struct stream *st)
{
	return st->half[STREAM_CLIENT].digested && st->half[STREAM_CLIENT].tries > STREAM_TRIES_MAX;
}

static void dispose_bytes(struct stream_half *h, const struct stream_seg *seg, bool patched,
	uint32_t lo, uint32_t hi, struct stream_act *act)
{
	bool fin = h->fin_rel && h->fin == hi;
	bool had_fin = (seg->flags & TCP_FIN) != 0;
	bool edited = seq_lt(lo, h->edit_end);
	bool as_is = lo == seg->at && hi == seg->end && h->fresh && !edited && !patched &&
		fin == had_fin && (seg->flags & TCP_URG) == 0;

	act->kind = as_is ? STREAM_FORWARD : STREAM_REWRITE;
	act->seq = lo;
	act->len = (uint16_t)(hi - lo);
	act->flags = (uint8_t)((seg->flags & ~(TCP_FIN | TCP_URG)) | (fin ? TCP_FIN : 0));
	if (fin)
		h->fin_sent = true;
	h->sent = seq_max(h->sent, hi);
}

static void dispose_bare(
	struct stream_half *h, const struct stream_seg *seg, bool patched, struct stream_act *act)
{
	uint32_t next = h->sent + (h->fin_sent ? 1 : 0);

	act->len = 0;
	act->flags = (uint8_t)(seg->flags & ~(TCP_FIN | TCP_URG | TCP_PSH));
	if (seg->payload.n == 0 && (seg->flags & TCP_FIN) && h->fin_rel && seg->at == h->fin &&
		h->sent == h->fin) {
		act->kind = patched ? STREAM_REWRITE : STREAM_FORWARD;
		act->seq = h->fin;
		act->flags = (uint8_t)(seg->flags & ~TCP_URG);
		h->fin_sent = true;
		return;
	}
	if (seg->payload.n == 0 && !(seg->flags & TCP_FIN)) {
		bool plain = !patched && seq_le(seg->at, next) && !(seg->flags & TCP_URG);
		act->kind = plain ? STREAM_FORWARD : STREAM_REWRITE;
		act->seq = seq_min(seg->at, next);
		return;
	}
	// Held bytes: their acknowledgement and window go on, once.
	act->kind = act->ack != h->ack_out || act->window != h->win_out ? STREAM_REWRITE
									: STREAM_SWALLOW;
	act->seq = next;
}

void stream_dispose(struct stream *st, const struct stream_pool *p, const struct stream_seg *seg,
	enum stream_in in, struct stream_act *act)
{
	struct stream_half *h = &st->half[seg->side];
	const struct stream_half *o = &st->half[!seg->side];

	*act = (struct stream_act){
		.kind = STREAM_SWALLOW, .side = seg->side, .ack = seg->ack, .window = seg->window};
	if (in != STREAM_IN_OK && in != STREAM_IN_OLD && in != STREAM_IN_ORDER_WAIT)
		return;
	bool patched = seq_lt(seg->ack, o->owned); // custody: what we acknowledged stays so
	if (patched) {
		act->ack = o->owned;
		act->window = half_window_out(st, seg->side, act->ack);
	}
	if (st->shifted) {
		act_shift(st, p, act);
		patched = true;
	}
	if (in == STREAM_IN_OLD) {
		// The receiver answers an empty segment before its window with an acknowledgement:
		// that serves keep-alives, probes of a closed window and repeats of what it has.
		act->kind = STREAM_REWRITE;
		act->flags = (uint8_t)(TCP_ACK | (seg->flags & (TCP_ECE | TCP_CWR)));
		act->seq = seq_lt(seg->at, h->una) ? seg->at : h->una - 1;
		return;
	}
	uint32_t lo = seq_max(seg->at, h->una), hi = seq_min(seg->end, h->rel);
	if (st->shifted) // no more than its frame has room for; the rest is pumped
		hi = seq_min(hi, lo + (uint32_t)seg->payload.n);
	if (seg->payload.n > 0 && seq_lt(lo, seq_min(hi, h->sent)) && !h->fresh &&
		half_has_digest(h, p))
		dispose_digested(h, p, seg, patched, lo, seq_min(hi, h->sent), act);
	else if (seg->payload.n > 0 && seq_lt(lo, hi))
		dispose_bytes(h, seg, patched, lo, hi, act);
	else
		dispose_bare(h, seg, patched, act);
	if (act->kind != STREAM_SWALLOW) {
		h->ack_out = act->ack;
		h->win_out = act->window;
	}
	half_timer_arm(st, h, seg->now_ms);
}

// A segment that leaves ahead of its turn, or again, with what it acknowledges.
static void ahead_act(const struct stream *st, const struct stream_pool *p,
	const struct stream_seg *seg, bool again, struct stream_act *act)
{
	const struct stream_half *o = &st->half[!seg->side];

	*act = (struct stream_act){
		.kind = again ? STREAM_REWRITE : STREAM_FORWARD,
		.side = seg->side,
		.flags = (uint8_t)(seg->flags & ~(TCP_FIN | TCP_URG)),
		.ack = seg->ack,
		.window = seg->window,
		.seq = seg->at,
		.len = (uint16_t)(seg->end - seg->at),
	};
	if (st->shifted || seq_lt(seg->ack, o->owned)) { // custody: what we acknowledged stays so
		act->kind = STREAM_REWRITE;
		act->ack = seq_max(seg->ack, o->owned);
		act->window = half_window_out(st, seg->side, act->ack);
	}
	if (st->shifted)
		act_shift(st, p, act);
}

bool stream_ahead(struct stream *st, struct stream_pool *p, const struct stream_seg *seg,
	struct stream_act *act)
{
	struct stream_half *h = &st->half[seg->side];
	const uint32_t end = seg->end;

	if (!h->fresh)
		return false;
	for (uint32_t at = seg->at; seq_lt(at, end);) {
		const struct stream_slab *s = slab_find(h, p, at);
		if (s == NULL || s->seq != at || seq_lt(end, slab_end(s)))
			return false;
		at = slab_end(s);
	}
	for (uint32_t at = seg->at; seq_lt(at, end);) {
		struct stream_slab *s = slab_find(h, p, at);
		s->ahead = 1;
		at = slab_end(s);
	}
	ahead_act(st, p, seg, false, act);
	return true;
}

bool stream_ahead_again(struct stream *st, const struct stream_pool *p,
	const struct stream_seg *seg, struct stream_act *act)
{
	struct stream_half *h = &st->half[seg->side];

	if (seg->payload.n == 0 || seg->end - seg->at != seg->payload.n)
		return false;
	for (uint32_t at = seg->at; seq_lt(at, seg->end);) {
		const struct stream_slab *s = slab_find(h, p, at);
		if (s == NULL || !s->ahead)
			return false;
		at = slab_end(s);
	}
	ahead_act(st, p, seg, true, act);
	return true;
}

bool stream_is_ahead(
	const struct stream *st, const struct stream_pool *p, enum stream_side side, uint32_t seq)
{
	return half_is_ahead(&st->half[side], p, seq);
}

// Moves `sent` over bytes that left ahead of their turn; returns how many may be sent in one piece.
static uint32_t next_run(struct stream_half *h, const struct stream_pool *p, uint32_t limit)
{
	while (seq_lt(h->sent, limit)) {
		const struct stream_slab *s = slab_find(h, p, h->sent);
		if (s == NULL)
			return 0;
		if (!s->ahead)
			break;
		h->sent = seq_min(slab_end(s), limit);
	}
	uint32_t end = h->sent;
	while (seq_lt(end, limit) && end - h->sent < UINT16_MAX) {
		const struct stream_slab *s = slab_find(h, p, end);
		if (s == NULL || s->ahead)
			break;
		end = slab_end(s);
	}
	return seq_min(end, limit) - h->sent;
}

// What is in our custody, and no more: bytes behind it are their sender's to repeat, and may be kept as
// digests only.
static bool next_repeat(struct stream_half *h, uint16_t max, struct stream_act *act)
{
	h->repeat = false;
	uint32_t end = seq_min(h->sent, h->owned);
	uint32_t n = seq_lt(h->una, end) ? end - h->una : 0;
	if (h->una == h->sent && seq_lt(h->sent, h->rel)) { // RFC 9293 3.8.6.1: one byte asks
		n = 1;
		h->sent++;
	}
	act->repeat = true;
	act->seq = h->una;
	act->len = (uint16_t)(n < max ? n : max);
	act->flags |= n > 0 ? TCP_PSH : 0;
	bool fin = h->fin_sent && !h->fin_acked && h->una + act->len == h->fin;
	if (fin)
		act->flags |= TCP_FIN;
	return act->len > 0 || fin;
}

bool stream_next(struct stream *st, const struct stream_pool *p, enum stream_side side,
	bool bounded, uint32_t upto, uint16_t max, uint32_t now_ms, struct stream_act *act)
{
	struct stream_half *h = &st->half[side];

	act_fill(st, p, side, act);
	if (h->repeat && next_repeat(h, max, act))
		return true;
	uint32_t limit = seq_min(h->rel, h->edge);
	if (bounded)
		limit = seq_min(limit, upto);
	uint32_t n = seq_lt(h->sent, limit) ? next_run(h, p, limit) : 0;
	act->seq = h->sent;
	if (n == 0) {
		bool fin = h->fin_rel && !h->fin_sent && h->sent == h->fin && !bounded;
		if (!fin) {
			// Ours may be under way, or wait for the receiver's window.
			half_timer_arm(st, h, now_ms);
			return false;
		}
	}
	act->len = (uint16_t)(n < max ? n : max);
	h->sent += act->len;
	if (act->len > 0)
		act->flags |= TCP_PSH;
	if (h->fin_rel && !h->fin_sent && h->sent == h->fin) {
		act->flags |= TCP_FIN;
		h->fin_sent = true;
	}
	h->ack_out = act->ack;
	h->win_out = act->window;
	half_timer_arm(st, h, now_ms);
	return true;
}

bool stream_timer(struct stream *st, enum stream_side side, uint32_t now_ms, bool *dead)
{
	struct stream_half *h = &st->half[side];

	*dead = false;
	if (!h->rto_on || seq_lt(now_ms, h->rto_at_ms))
		return false;
	h->rto_on = false;
	if (!half_outstanding(st, h))
		return false;
	if (++h->tries > STREAM_TRIES_MAX) {
		*dead = true;
		return false;
	}
	half_timer_arm(st, h, now_ms);
	h->repeat = true;
	return true;
}

bool stream_again(struct stream *st, enum stream_side side)
{
	struct stream_half *h = &st->half[side];

	if (!half_outstanding(st, h))
		return false;
	h->repeat = true;
	if (h->tries == 0) // as after a loss: what follows is repeated as this is acknowledged
		h->tries = 1;
	return true;
}

bool stream_deadline(const struct stream *st, enum stream_side side, uint32_t *at_ms)
{
	*at_ms = st->half[side].rto_at_ms;
	return st->half[side].rto_on;
}

// A line may be longer than the receiver's whole window: what is in our custody need not fit it, so
// where that window is used up the sender gets one of ours, within a bound.
static void window_lend(struct stream *st, enum stream_side side)
{
	struct stream_half *h = &st->half[side];
	const uint32_t unit = (uint32_t)1 << st->half[!side].wscale;

	if (seq_lt(h->nxt + unit, h->allow + 1)) // there is some left to announce
		return;
	h->allow = seq_max(h->allow, h->edge + window_lent_max(st, side));
}

void stream_ack(const struct stream *st, const struct stream_pool *p, enum stream_side side,
	struct stream_act *act)
{
	const struct stream_half *o = &st->half[!side];

	act_fill(st, p, !side, act);
	act->seq = o->sent + (o->fin_sent ? 1 : 0);
}

bool stream_take(struct stream *st, const struct stream_pool *p, enum stream_side side,
	struct stream_act *act)
{
	struct stream_half *h = &st->half[side];
	uint32_t before = half_ack_out(st, !side);

	if (!st->answered && half_has_digest(h, p))
		return false;
	if (seq_lt(h->owned, h->nxt))
		h->owned = h->nxt;
	if (!st->answered)
		window_lend(st, side);
	if (st->answered && side == STREAM_CLIENT) {
		// The rest of a condemned message is swallowed: a window that lets it come.
		uint32_t unit = (uint32_t)1 << st->half[!side].wscale;
		h->edge = seq_max(h->edge,
			h->nxt + (unit > STREAM_ANSWER_WINDOW ? unit : STREAM_ANSWER_WINDOW));
		h->allow = seq_max(h->allow, h->edge);
	}
	stream_ack(st, p, side, act);
	return seq_lt(before, half_ack_out(st, !side));
}

unsigned stream_reset(const struct stream *st, const struct stream_pool *p, enum stream_side side,
	struct stream_act act[2])
{
	const struct stream_half *h = &st->half[side];
	uint32_t next = h->sent + (h->fin_sent ? 1 : 0);

	for (int i = 0; i < 2; i++) {
		act_fill(st, p, side, &act[i]);
		act[i].flags = TCP_RST | TCP_ACK;
		act[i].window = 0;
	}
	act[0].seq = next;
	act[1].seq = h->una;
	return next == h->una ? 1 : 2;
}
