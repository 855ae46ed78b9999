// SPDX-License-Identifier: BSD-3-Clause
// An inspected segment: the stream validates and retains it, what is contiguous is read and judged
// (eng_read.c), and then the segment leaves as it came, or with retained bytes, or not yet. A segment
// from one side may open the other side's gate, so both are read until neither goes on. And the
// session's timer: custody, repeats, what one turn could not send.
// Thread: the worker.
#include "eng_session.h"
#include "seq.h"

enum { PUMP_MAX = 128 }; // segments of ours in one go

static const enum eng_reason drop_reasons[STREAM_IN_COUNT] = {
	[STREAM_IN_DROP_WINDOW] = DROP_WINDOW,
	[STREAM_IN_DROP_PAWS] = DROP_PAWS,
	[STREAM_IN_DROP_FLAGS] = DROP_TCP_FLAGS,
	[STREAM_IN_DROP_SLABS] = DROP_NO_SLAB,
	[STREAM_IN_DROP_ACK] = DROP_ACK,
};

static void pump_side(struct eng_worker *w, struct eng_session *s, enum stream_side side,
	bool bounded, uint32_t upto)
{
	struct eng_smtp *p = w->smtp;
	struct stream_act act;

	if (!stream_is_due(&s->flow.stream, side))
		return;
	const uint16_t max = eng_segment_max(s, !side);
	for (unsigned n = 0; n < PUMP_MAX; n++) {
		if (!stream_next(
			    &s->flow.stream, &p->pool, side, bounded, upto, max, p->now_ms, &act))
			return;
		eng_emit_consume(w, s, &act, NULL);
	}
	s->more = true; // the rest at the next turn of the timer
}

void eng_pump(struct eng_worker *w, struct eng_session *s)
{
	pump_side(w, s, STREAM_CLIENT, false, 0);
	pump_side(w, s, STREAM_SERVER, false, 0);
}

static void held_note(struct eng_worker *w, bool was, bool is)
{
	if (was == is)
		return;
	eng_count(w, is ? ACT_HOLDS : ACT_HOLDS_PASSED);
	w->counters[GAUGE_HOLDS] += is ? 1 : UINT64_MAX; // 64 bits: one less
}

static bool is_held(const struct stream_half *h)
{
	return h->nxt != h->rel;
}

void eng_holds_end(struct eng_worker *w, struct eng_session *s)
{
	unsigned n = (unsigned)s->held_client + s->held_server;

	s->held_client = s->held_server = s->tarpit = false;
	s->hold_on = 0;
	s->asking = ENG_ASKING_NOT;
	eng_count_n(w, ACT_HOLDS_DROPPED, n);
	w->counters[GAUGE_HOLDS] -= n;
}

void eng_custody_take(struct eng_worker *w, struct eng_session *s, enum stream_side side)
{
	struct stream_act act;

	if (!stream_take(&s->flow.stream, &w->smtp->pool, side, &act))
		return;
	eng_count(w, ACT_CUSTODY);
	eng_emit_consume(w, s, &act, NULL);
}

// Bytes that are held: when we take custody of them (docs/architecture.md, Gates).
static void holds_update(struct eng_worker *w, struct eng_session *s)
{
	struct eng_smtp *p = w->smtp;
	bool client = is_held(&s->flow.stream.half[STREAM_CLIENT]);
	bool server = is_held(&s->flow.stream.half[STREAM_SERVER]);

	held_note(w, s->held_client, client);
	held_note(w, s->held_server, server);
	s->held_client = client;
	s->held_server = server;
	for (int side = 0; side < STREAM_SIDES; side++) {
		const struct stream_half *h = &s->flow.stream.half[side];
		if (side == STREAM_SERVER && s->tarpit) { // at once: the wait may be long
			if (seq_lt(h->owned, h->nxt))
				eng_custody_take(w, s, STREAM_SERVER);
			continue;
		}
		if (side == STREAM_CLIENT && s->asking == ENG_ASKING_WAITS)
			continue; // for us: nothing is acknowledged
		if (!is_held(h) || seq_le(h->nxt, h->owned)) {
			s->hold_on &= ~(1u << side);
			continue;
		}
		if ((s->hold_on & 1u << side) != 0)
			continue;
		bool gated = side == STREAM_CLIENT && smtp_is_gated(&s->smtp);
		s->hold_on |= 1u << side;
		s->hold_at_ms[side] = p->now_ms + (gated ? ENG_GATED_MS : ENG_PARTIAL_MS);
	}
}

static void earliest(bool *any, uint32_t *at, uint32_t candidate)
{
	if (!*any || seq_lt(candidate, *at))
		*at = candidate;
	*any = true;
}

// Mostly nothing but silence is awaited, and a timer that comes early enough for that stands already.
static bool timer_stands(const struct eng_session *s)
{
	const struct flow *f = &s->flow;
	const struct stream *st = &f->stream;

	return f->timed && f->lane == ENG_LANE_INSPECT && s->hold_on == 0 && !s->more &&
		!st->half[STREAM_CLIENT].rto_on && !st->half[STREAM_SERVER].rto_on &&
		!seq_lt(f->seen_ms + eng_quiet_max_ms(s), f->timer_at_ms);
}

void eng_timer_update(struct eng_worker *w, struct eng_session *s)
{
	if (timer_stands(s))
		return;
	struct eng_smtp *p = w->smtp;
	struct flow *f = &s->flow;
	bool answers = f->lane == ENG_LANE_ANSWER, any = true;
	uint32_t at = answers ? s->dialog_at_ms : f->seen_ms + eng_quiet_max_ms(s), when;

	for (int side = 0; side < STREAM_SIDES; side++) {
		if ((s->hold_on & 1u << side) != 0)
			earliest(&any, &at, s->hold_at_ms[side]);
		if (f->lane != ENG_LANE_PASS && f->lane != ENG_LANE_TRANSLATE &&
			f->state != FLOW_CLOSING && (!answers || side == STREAM_SERVER) &&
			stream_deadline(&f->stream, side, &when))
			earliest(&any, &at, when);
	}
	if (s->more)
		earliest(&any, &at, p->now_ms + 1);
	if (answers && s->cut_left > 0)
		earliest(&any, &at, s->cut_at_ms);
	// A timer that fires early is set again; so a far one is not moved with each packet.
	if (!flow_timer_is_set(f) || seq_lt(at, f->timer_at_ms))
		flow_timer_set(p->flows, f, at);
}

// TLS has begun and nothing that we retain is still under way: from here untouched.
static void leave_when_opaque(struct eng_worker *w, struct eng_session *s)
{
	const struct stream_half *c = &s->flow.stream.half[STREAM_CLIENT];
	const struct stream_half *v = &s->flow.stream.half[STREAM_SERVER];

	if (!smtp_is_opaque(&s->smtp) || !s->tls_seen || c->una != c->nxt || v->una != v->nxt ||
		c->first != STREAM_NO_SLAB || v->first != STREAM_NO_SLAB || c->has_fin ||
		v->has_fin || c->edge != c->allow || v->edge != v->allow)
		return;
	if (!eng_translate_begin(s))
		s->flow.lane = ENG_LANE_PASS;
	stream_close(
		&s->flow.stream, &w->smtp->pool); // what the edit list still holds is acknowledged
	eng_idle_set(s, ENG_PASS_IDLE_MS);
}

static void closing_note(struct eng_worker *w, struct eng_session *s)
{
	const struct stream *st = &s->flow.stream;

	if (s->flow.state != FLOW_OPEN || !st->half[STREAM_CLIENT].fin_acked ||
		!st->half[STREAM_SERVER].fin_acked)
		return;
	s->flow.state = FLOW_CLOSING;
	s->flow.brief = eng_is_crowded(w->smtp);
	eng_tickets_give(w, s); // what is left of it is for repeats only
	eng_message_abort(w, s);
}

// A reset as it came, in the other end's numbers.
static void pass_reset_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	const struct stream_seg *seg)
{
	const struct stream *st = &s->flow.stream;

	if (!st->shifted) {
		eng_ttl_raise(s, seg->side, m);
		eng_forward_tx(w, eng_meta_of(m)->in_port, m);
		return;
	}
	struct stream_act act = {
		.kind = STREAM_REWRITE,
		.side = seg->side,
		.flags = seg->flags,
		.window = seg->window,
		.seq = seg->at,
		.ack = stream_in_seq(st, &w->smtp->pool, !seg->side, seg->ack),
	};
	eng_emit_consume(w, s, &act, m);
}

// A reset that ends the connection: the other end gets it at the number it expects; a held end of
// data is never released after it.
static void on_reset_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	const struct stream_seg *seg)
{
	if (seg->at == s->flow.stream.half[seg->side].sent)
		pass_reset_consume(w, s, m, seg);
	else
		rte_pktmbuf_free(m);
	eng_reset_side(w, s, !seg->side);
	eng_session_remnant(w, s);
}

static bool holds_payload(const struct eng_session *s, const struct stream_seg *seg)
{
	return seg->payload.n > 0 && seq_lt(s->flow.stream.half[seg->side].rel, seg->end);
}

static bool breaks_line(int c)
{
	return c == '\n' || c == '\r' || c == 0;
}

// Lone dots and line ends that a server might take for the end of a message. `before` and `behind` are the
// bytes next to the text, -1 where they are not known: anything may lie there.
static bool may_end_message(struct span text, int before, int behind)
{
	// The dot may be the last byte before it, still on its way: then it would end the message for a
	// server that takes such a line end, as soon as the dot is let go.
	if (text.n > 0 && breaks_line(text.p[0]) &&
		(before <= 0 || before == '.')) // .NUL ends, too
		return true;
	for (size_t i = 0; i < text.n; i++) {
		const uint8_t *dot = memchr(text.p + i, '.', text.n - i);
		if (dot == NULL)
			return false;
		i = (size_t)(dot - text.p);
		int left = i == 0 ? before : text.p[i - 1];
		int right = i + 1 == text.n ? behind : text.p[i + 1];
		if ((left < 0 || breaks_line(left)) && (right < 0 || breaks_line(right)))
			return true;
	}
	return false;
}

// To a reader of C strings a line is a lone dot where NUL follows the dot, whatever comes then. Its
// CR is read only with what follows it, so it must not be with the server before that. A CRLF within
// the text has ended such a line.
static bool may_end_c_string(struct span text, int behind)
{
	return text.n > 0 && text.p[text.n - 1] == '\r' && (behind < 0 || behind == '\r') &&
		memmem(text.p, text.n, "\r\n", 2) == NULL;
}

// Nothing in it can end the message, wherever the hole before it is filled from. The octets of a chunk
// are counted; what may reach past its end waits, its last one may go: it says nothing alone.
static bool is_inside_message(
	struct eng_worker *w, struct eng_session *s, const struct stream_seg *seg)
{
	struct stream *st = &s->flow.stream;
	const struct stream_pool *p = &w->smtp->pool;
	const enum stream_side side = (enum stream_side)seg->side;
	uint64_t rest;

	if (!smtp_in_message(&s->smtp) || smtp_is_gated(&s->smtp))
		return false;
	if (smtp_in_chunk(&s->smtp, &rest))
		return seg->end - st->half[side].read <= rest;
	if (s->smtp.suspect)
		return false;
	const int before = stream_byte(st, p, side, seg->at - 1);
	const int behind = stream_byte(st, p, side, seg->end);
	return !may_end_message(seg->payload, before, behind) &&
		!may_end_c_string(seg->payload, behind);
}

// Inside a message a segment that came early may leave at once, so that the receiver's duplicate
// acknowledgements keep fast retransmit alive; it can't be delivered before the hole is filled.
static bool goes_ahead(struct eng_worker *w, struct eng_session *s, const struct stream_seg *seg)
{
	const struct stream_half *h = &s->flow.stream.half[seg->side];

	return seg->side == STREAM_CLIENT && h->fresh && seg->payload.n > 0 &&
		!(seg->flags & (TCP_FIN | TCP_URG)) && h->nxt == h->rel &&
		is_inside_message(w, s, seg);
}

// A FIN behind a line that nothing can complete any more. The server's part of a reply may go: it
// means nothing to anybody but the client. The client's part of a command is never released unread.
static bool fin_partial(struct eng_session *s, enum stream_side side)
{
	const struct stream_half *h = &s->flow.stream.half[side];

	return h->has_fin && h->nxt == h->fin && h->read != h->nxt &&
		(side == STREAM_SERVER ||
			(!smtp_is_gated(&s->smtp) && s->asking == ENG_ASKING_NOT));
}

// false: the session is gone.
static bool leave_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	const struct stream_seg *seg, enum stream_in in)
{
	struct stream_act act;

	pump_side(w, s, seg->side, true, seg->at);
	if (s->more) { // earlier bytes are still to leave, this segment's behind them; they are retained
		eng_count(w, ACT_HELD);
		rte_pktmbuf_free(m);
		return true;
	}
	if (stream_is_ours(&s->flow.stream, seg)) {
		stream_ack(&s->flow.stream, &w->smtp->pool, seg->side, &act);
		eng_emit_consume(w, s, &act, NULL);
	}
	stream_dispose(&s->flow.stream, &w->smtp->pool, seg, in, &act);
	if (stream_is_stuck(&s->flow.stream)) {
		eng_reset_both(w, s, ACT_DIGEST_STUCK);
		eng_session_remnant(w, s);
		rte_pktmbuf_free(m);
		return false;
	}
	if (act.own)
		eng_count(w, ACT_DIGEST_REPEAT);
	else if (act.kind == STREAM_FORWARD && smtp_in_message(&s->smtp) &&
		stream_digest(&s->flow.stream, &w->smtp->pool, seg))
		eng_count(w, ACT_DIGESTED);
	if (holds_payload(s, seg))
		eng_count(w, s->flow.stream.half[seg->side].fresh ? ACT_HELD : ACT_HELD_REPEAT);
	eng_emit_consume(w, s, &act, m);
	eng_pump(w, s);
	return true;
}

// What the stream did not take for bytes of the connection.
static void refused_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	const struct stream_seg *seg, enum stream_in in)
{
	switch (in) {
	case STREAM_IN_RST:
		on_reset_consume(w, s, m, seg);
		return;
	case STREAM_IN_RST_ODD:
		pass_reset_consume(w, s, m, seg);
		return;
	case STREAM_IN_BYPASSED:
		eng_reset_both(w, s, ACT_BYPASSED);
		eng_session_remnant(w, s);
		rte_pktmbuf_free(m);
		return;
	default:
		eng_drop(w, m, drop_reasons[in]);
		return;
	}
}

// What was read cut the session.
static void cut_tell(struct eng_worker *w, struct eng_session *s)
{
	if (s->dialog == ENG_DIALOG_OVER && s->flow.lane == ENG_LANE_INSPECT)
		eng_session_remnant(w, s);
	else
		eng_answer_consume(w, s, NULL, NULL);
}

// ... and nothing of the segment leaves.
static void cut_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m)
{
	eng_count(w, ACT_ANSWERED);
	rte_pktmbuf_free(m);
	cut_tell(w, s);
}

// Bytes wait for more of their sender or for a reply: only progress keeps such a connection, not
// keep-alives or what lies behind a hole.
static bool is_waiting(const struct eng_worker *w, const struct eng_session *s)
{
	const struct stream *st = &s->flow.stream;

	return s->held_client || s->held_server ||
		stream_has_hole(st, &w->smtp->pool, STREAM_CLIENT) ||
		stream_has_hole(st, &w->smtp->pool, STREAM_SERVER);
}

// Changes with bytes that come in order and with acknowledgements.
static uint32_t progress(const struct eng_session *s)
{
	const struct stream_half *c = &s->flow.stream.half[STREAM_CLIENT];
	const struct stream_half *v = &s->flow.stream.half[STREAM_SERVER];

	return c->nxt + c->una + c->has_fin + v->nxt + v->una + v->has_fin;
}

static bool is_taken(enum stream_in in)
{
	return in == STREAM_IN_OK || in == STREAM_IN_ORDER_WAIT || in == STREAM_IN_OLD;
}

static void look_note(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	const struct stream_seg *seg)
{
	if (seg->payload.n > eng_seg_max(s, seg->side))
		eng_seg_max_set(s, seg->side, (uint32_t)seg->payload.n);
	(void)flow_note(w->smtp->flows, &s->flow, seg->side, // else it looks as before
		eng_frame_of(m), &eng_meta_of(m)->view, eng_meta_of(m)->in_port);
}

// What was retained of a segment is read, and it leaves, or not yet.
static void read_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	const struct stream_seg *seg, enum stream_in in)
{
	if (!eng_read(w, s)) {
		cut_consume(w, s, m);
		return;
	}
	if (fin_partial(s, STREAM_CLIENT)) {
		eng_reset_both(w, s, ACT_FIN_PARTIAL);
		eng_session_remnant(w, s);
		rte_pktmbuf_free(m);
		return;
	}
	if (fin_partial(s, STREAM_SERVER)) {
		const struct stream_half *h = &s->flow.stream.half[STREAM_SERVER];
		stream_consume(&s->flow.stream, STREAM_SERVER, h->nxt - h->read);
		if (!s->tarpit)
			stream_release(&s->flow.stream, STREAM_SERVER);
	}
	if (!leave_consume(w, s, m, seg, in))
		return;
	closing_note(w, s);
	leave_when_opaque(w, s);
	holds_update(w, s);
	eng_timer_update(w, s);
}

void eng_inspect_resume(struct eng_worker *w, struct eng_session *s)
{
	if (!eng_read(w, s)) {
		cut_tell(w, s);
		return;
	}
	if (fin_partial(s, STREAM_CLIENT)) {
		eng_reset_both(w, s, ACT_FIN_PARTIAL);
		eng_session_remnant(w, s);
		return;
	}
	eng_pump(w, s);
	closing_note(w, s);
	leave_when_opaque(w, s);
	holds_update(w, s);
	eng_timer_update(w, s);
}

// The usual segment (stream_straight). Where its reading shows that it is none, it goes on as any other.
static void straight_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	const struct stream_seg *seg)
{
	struct stream *st = &s->flow.stream;

	s->flow.seen_ms = w->smtp->now_ms;
	look_note(w, s, m, seg);
	if (seg->payload.n > 0 && !eng_read_straight(w, s, seg)) {
		cut_consume(w, s, m);
		return;
	}
	if (s->more || s->tarpit || smtp_is_opaque(&s->smtp) || !stream_straight_on(st, seg)) {
		read_consume(w, s, m, seg, STREAM_IN_OK);
		return;
	}
	if (stream_digest_due(st, &w->smtp->pool) && smtp_in_message(&s->smtp) &&
		stream_digest(st, &w->smtp->pool, seg))
		eng_count(w, ACT_DIGESTED);
	eng_count(w, SMTP_FORWARDED);
	flow_bytes_add(&s->flow, seg->side, (uint32_t)seg->payload.n);
	eng_forward_tx(w, eng_meta_of(m)->in_port, m);
	eng_timer_update(w, s);
}

static bool nothing_waits(const struct eng_session *s)
{
	return !s->held_client && !s->held_server && s->hold_on == 0 && !s->more;
}

void eng_inspect_consume(
	struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m, struct stream_seg *seg)
{
	struct eng_smtp *p = w->smtp;
	struct stream_act ahead;

	if (nothing_waits(s) && stream_straight(&s->flow.stream, &p->pool, seg)) {
		straight_consume(w, s, m, seg);
		return;
	}
	if (!is_waiting(w, s))
		s->flow.seen_ms = p->now_ms;
	const uint32_t before = progress(s);
	enum stream_in in = stream_input(&s->flow.stream, &p->pool, seg);

	if (progress(s) != before)
		s->flow.seen_ms = p->now_ms;
	if (!is_taken(in)) {
		refused_consume(w, s, m, seg, in);
		return;
	}
	look_note(w, s, m, seg);
	if (in == STREAM_IN_ORDER_WAIT &&
		((goes_ahead(w, s, seg) && stream_ahead(&s->flow.stream, &p->pool, seg, &ahead)) ||
			stream_ahead_again(&s->flow.stream, &p->pool, seg, &ahead))) {
		eng_count(w, ACT_AHEAD);
		eng_emit_consume(w, s, &ahead, m);
		eng_timer_update(w, s);
		return;
	}
	read_consume(w, s, m, seg, in);
}

static void give_up(struct eng_worker *w, struct eng_session *s)
{
	eng_reset_both(w, s, ACT_GAVE_UP);
	eng_session_remnant(w, s);
}

void eng_inspect_timer(struct eng_worker *w, struct eng_session *s)
{
	struct eng_smtp *p = w->smtp;
	bool dead;

	s->more = false;
	(void)eng_tarpit_due(w, s);
	if (eng_ask_late(w, s)) {
		eng_inspect_resume(w, s);
		return;
	}
	for (int side = 0; side < STREAM_SIDES; side++) {
		if ((s->hold_on & 1u << side) != 0 && !seq_lt(p->now_ms, s->hold_at_ms[side])) {
			s->hold_on &= ~(1u << side);
			eng_custody_take(w, s, (enum stream_side)side);
		}
		(void)stream_timer(&s->flow.stream, side, p->now_ms, &dead);
		if (dead) {
			give_up(w, s);
			return;
		}
	}
	eng_pump(w, s);
	holds_update(w, s);
	eng_timer_update(w, s);
}
