// SPDX-License-Identifier: BSD-3-Clause
// What a connection sends: new segments as far as both windows allow, repeats, acknowledgements,
// resets. A frame that the run is to lose before it leaves is made and not sent. Thread: one.
#include <string.h>

#include "gen_world.h"
#include "seq.h"

// The octets [seq, seq + n) of what is queued.
static void gather(
	const struct gen_world *w, const struct gen_tcp *t, uint32_t seq, uint32_t n, uint8_t *to)
{
	uint32_t skip = seq - t->head_seq;

	for (unsigned i = 0; n > 0; i++) {
		struct gen_piece p = t->piece[(t->first + i) % GEN_PIECES];

		if (skip >= p.len) {
			skip -= p.len;
			continue;
		}
		uint32_t k = p.len - skip < n ? p.len - skip : n;
		memcpy(to, w->corpus.octets + p.off + skip, k);
		to += k;
		n -= k;
		skip = 0;
	}
}

static void hand_out(struct gen_world *w, struct gen_end *e, size_t len)
{
	if (gen_rand_hit(&e->fault, w->conf->loss_sent)) {
		w->report.lost_sent++;
		return;
	}
	w->report.sent[e->side]++;
	w->report.sent_octets[e->side] += len;
	w->out.send(w->out.arg, e->side, (uint32_t)len);
}

static void send_segment(
	struct gen_world *w, struct gen_end *e, uint32_t seq, uint32_t n, uint8_t flags)
{
	struct gen_tcp *t = &e->tcp;
	uint8_t *frame = w->out.take(w->out.arg, e->side);

	if (frame == NULL) {
		w->report.no_room++; // as if it had been lost
		return;
	}
	if (n > 0)
		gather(w, t, seq, n, frame + gen_frame_payload(&e->head, false));
	struct gen_out_seg s = {.seq = seq,
		.ack = t->rcv,
		.window = w->conf->window,
		.id = t->ip_id++,
		.flags = flags | GEN_ACK,
		.len = n};
	size_t len = gen_frame_make(frame, &e->head, &s);
	t->ack_now = false;
	t->ack_at = 0;
	t->unacked = 0;
	hand_out(w, e, len);
}

void gen_tcp_send_syn(struct gen_world *w, struct gen_end *e)
{
	struct gen_tcp *t = &e->tcp;
	uint8_t *frame = w->out.take(w->out.arg, e->side);

	t->nxt = t->max = t->una + 1;
	t->rto_at = w->now_ms + t->rto_ms;
	gen_wheel_arm(&w->wheel, e->id, gen_tcp_due(w, e));
	if (frame == NULL) {
		w->report.no_room++;
		return;
	}
	bool answer = t->state == GEN_SYN_GOT;
	struct gen_out_seg s = {.seq = t->una,
		.ack = answer ? t->rcv : 0,
		.window = w->conf->window,
		.mss = t->mss,
		.id = t->ip_id++,
		.flags = GEN_SYN | (answer ? GEN_ACK : 0)};
	size_t len = gen_frame_make(frame, &e->head, &s);
	t->ack_now = false;
	hand_out(w, e, len);
}

static void rto_arm(struct gen_world *w, struct gen_end *e)
{
	e->tcp.rto_at = w->now_ms + e->tcp.rto_ms;
	gen_wheel_arm(&w->wheel, e->id, e->tcp.rto_at);
}

// Sends from nxt what both windows allow; returns whether it sent one that carries an acknowledgement.
static bool send_next(struct gen_world *w, struct gen_end *e)
{
	struct gen_tcp *t = &e->tcp;
	uint32_t window = t->wnd < t->cwnd ? t->wnd : t->cwnd, flight = t->nxt - t->una;
	uint32_t room = window > flight ? window - flight : 0;
	uint32_t left = seq_lt(t->nxt, t->end) ? t->end - t->nxt : 0;
	uint32_t n = left < t->mss ? left : t->mss;

	if (n > room) {
		if (flight > 0 || room == 0)
			return false; // rather a whole segment later (RFC 9293 3.8.6.2.1)
		n = room;
	}
	bool fin = t->closing && n == left && seq_le(t->nxt, t->end);
	if (n == 0 && !fin)
		return false;
	if (seq_lt(t->nxt, t->max)) {
		w->report.retransmitted++;
	} else if (!t->rtt_on) {
		t->rtt_on = true;
		t->rtt_seq = t->nxt;
		t->rtt_at_us = (uint32_t)w->now_us;
	}
	send_segment(w, e, t->nxt, n, (fin ? GEN_FIN : 0) | (n == left && n > 0 ? GEN_PSH : 0));
	t->nxt += n + fin;
	t->max = seq_max(t->max, t->nxt);
	return true;
}

void gen_tcp_output(struct gen_world *w, struct gen_end *e)
{
	struct gen_tcp *t = &e->tcp;

	if (t->state != GEN_OPEN)
		return;
	while (send_next(w, e))
		continue;
	if (t->ack_now)
		send_segment(w, e, t->nxt, 0, 0);
	// The timer runs while something is under way, or waits for a window that is closed.
	if (t->rto_at == 0 && (t->una != t->max || seq_lt(t->nxt, t->end)))
		rto_arm(w, e);
}

void gen_tcp_repeat(struct gen_world *w, struct gen_end *e)
{
	struct gen_tcp *t = &e->tcp;
	uint32_t last = seq_min(t->end, t->max);
	uint32_t n = seq_lt(t->una, last) ? last - t->una : 0;

	if (n > t->mss)
		n = t->mss;
	bool fin = t->una + n == t->end && t->max == t->end + 1;
	if (n == 0 && !fin)
		return;
	t->rtt_on = false;
	w->report.retransmitted++;
	send_segment(w, e, t->una, n, (fin ? GEN_FIN : 0) | (n > 0 ? GEN_PSH : 0));
	rto_arm(w, e);
}

void gen_tcp_probe(struct gen_world *w, struct gen_end *e)
{
	struct gen_tcp *t = &e->tcp;

	if (seq_lt(t->nxt, t->end)) {
		w->report.probes++;
		send_segment(w, e, t->nxt, 1, 0);
		t->nxt++;
		t->max = seq_max(t->max, t->nxt);
	}
	rto_arm(w, e);
}

void gen_tcp_reset(struct gen_world *w, const struct gen_seg *s, unsigned side)
{
	uint8_t *frame = w->out.take(w->out.arg, side);
	struct gen_head head;

	if (frame == NULL)
		return;
	gen_head_answer(&head, s);
	bool acked = (s->flags & GEN_ACK) != 0;
	uint32_t after = s->len + ((s->flags & GEN_SYN) != 0) + ((s->flags & GEN_FIN) != 0);
	struct gen_out_seg o = {.seq = acked ? s->ack : 0,
		.ack = acked ? 0 : s->seq + after,
		.flags = GEN_RST | (acked ? 0 : GEN_ACK)};
	size_t len = gen_frame_make(frame, &head, &o);
	w->report.resets_sent++;
	w->report.sent[side]++;
	w->report.sent_octets[side] += len;
	w->out.send(w->out.arg, side, (uint32_t)len);
}
