// SPDX-License-Identifier: BSD-3-Clause
// Life of a connection: begin, write, close, abort, timers. What comes in is gen_tcp_in.c's, what goes
// out gen_tcp_out.c's. Thread: one.
#include <string.h>

#include "gen_world.h"
#include "seq.h"

enum {
	RTO_FIRST_MS = 1000, // RFC 6298 2.1
	RTO_MAX_MS = 60000,
	RETRIES_MAX = 10,
	CWND_FIRST = 10, // segments, RFC 6928
	V6_LESS = 20,    // an IPv6 header is longer
};

static void begin(struct gen_world *w, struct gen_end *e, uint32_t iss, enum gen_tcp_state state)
{
	struct gen_tcp *t = &e->tcp;

	memset(t, 0, offsetof(struct gen_tcp, piece));
	t->una = t->nxt = t->max = iss;
	t->end = t->head_seq = iss + 1;
	t->mss = w->conf->mss - (e->head.family == 6 ? V6_LESS : 0);
	t->cwnd = CWND_FIRST * t->mss;
	t->ssthresh = UINT32_MAX / 2;
	t->rto_ms = RTO_FIRST_MS;
	t->heard_at = w->now_ms;
	t->ip_id = (uint16_t)iss;
	t->state = (uint8_t)state;
}

void gen_tcp_connect(struct gen_world *w, struct gen_end *e)
{
	begin(w, e, gen_rand_next(&e->fault), GEN_SYN_SENT);
	gen_tcp_send_syn(w, e);
}

void gen_tcp_accept(struct gen_world *w, struct gen_end *e, const struct gen_seg *syn)
{
	struct gen_tcp *t = &e->tcp;

	begin(w, e, gen_rand_next(&e->fault), GEN_SYN_GOT);
	t->rcv = syn->seq + 1;
	t->wnd = syn->window;
	if (syn->mss != 0 && syn->mss < t->mss)
		t->mss = syn->mss;
	gen_tcp_send_syn(w, e);
}

void gen_tcp_write(struct gen_world *, struct gen_end *e, struct gen_piece p)
{
	struct gen_tcp *t = &e->tcp;
	struct gen_piece *last = &t->piece[(t->first + t->npieces - 1u) % GEN_PIECES];

	t->end += p.len;
	if (t->npieces > 0 && last->off + last->len == p.off) {
		last->len += p.len;
		return;
	}
	if (t->npieces == GEN_PIECES)
		__builtin_trap(); // a session never has so many under way
	t->piece[(t->first + t->npieces++) % GEN_PIECES] = p;
}

void gen_tcp_close(struct gen_world *, struct gen_end *e)
{
	e->tcp.closing = true;
}

void gen_tcp_forget(struct gen_world *w, struct gen_tcp *t)
{
	while (t->held != GEN_HELD_NONE) {
		uint32_t i = t->held;

		t->held = w->held[i].next;
		w->held[i].next = w->free_held;
		w->free_held = i;
	}
	t->nheld = 0;
}

void gen_tcp_over(struct gen_world *w, struct gen_end *e, enum gen_gone how)
{
	gen_tcp_forget(w, &e->tcp);
	e->tcp.state = GEN_CLOSED;
	w->app[e->side]->gone(w, e, how);
	gen_world_give_back(w, e);
}

static uint32_t sooner(uint32_t a, uint32_t b)
{
	return b != 0 && seq_lt(b, a) ? b : a;
}

uint32_t gen_tcp_due(struct gen_world *w, const struct gen_end *e)
{
	const struct gen_tcp *t = &e->tcp;

	return sooner(sooner(t->heard_at + w->conf->patience_ms + 1, t->rto_at), t->ack_at);
}

static void rto_expire(struct gen_world *w, struct gen_end *e)
{
	struct gen_tcp *t = &e->tcp;

	t->rto_at = 0;
	t->rtt_on = false; // Karn
	if (++t->retries > RETRIES_MAX) {
		gen_tcp_over(w, e, GEN_GONE_TIMEOUT);
		return;
	}
	t->rto_ms = t->rto_ms * 2 > RTO_MAX_MS ? RTO_MAX_MS : t->rto_ms * 2;
	if (t->state != GEN_OPEN) {
		w->report.by_timer++;
		w->report.retransmitted++;
		gen_tcp_send_syn(w, e);
		return;
	}
	if (t->una == t->max) {
		gen_tcp_probe(w, e);
		return;
	}
	uint32_t flight = t->max - t->una;
	t->ssthresh = flight / 2 > 2u * t->mss ? flight / 2 : 2u * t->mss;
	t->cwnd = t->mss;
	t->nxt = t->una;
	t->recover = t->max;
	t->dupacks = 0;
	t->recovering = false;
	w->report.by_timer++;
	gen_tcp_output(w, e);
}

void gen_tcp_timer(struct gen_world *w, struct gen_end *e)
{
	struct gen_tcp *t = &e->tcp;

	if (t->state == GEN_CLOSED)
		return;
	if (seq_lt(t->heard_at + w->conf->patience_ms, w->now_ms)) {
		gen_tcp_over(w, e, GEN_GONE_TIMEOUT);
		return;
	}
	if (t->ack_at != 0 && seq_le(t->ack_at, w->now_ms)) {
		t->ack_now = true;
		gen_tcp_output(w, e);
	}
	if (t->rto_at != 0 && seq_le(t->rto_at, w->now_ms))
		rto_expire(w, e);
	if (t->state != GEN_CLOSED)
		gen_wheel_arm(&w->wheel, e->id, gen_tcp_due(w, e));
}

void gen_tcp_abort(struct gen_world *w, struct gen_end *e)
{
	uint8_t *frame = w->out.take(w->out.arg, e->side);

	if (frame != NULL) {
		struct gen_out_seg s = {.seq = e->tcp.nxt,
			.ack = e->tcp.rcv,
			.id = e->tcp.ip_id,
			.flags = GEN_RST | GEN_ACK};
		size_t len = gen_frame_make(frame, &e->head, &s);

		w->report.sent[e->side]++;
		w->report.sent_octets[e->side] += len;
		w->report.resets_sent++;
		w->out.send(w->out.arg, e->side, (uint32_t)len);
	}
	gen_tcp_forget(w, &e->tcp);
	e->tcp.state = GEN_CLOSED;
	gen_world_give_back(w, e);
}
