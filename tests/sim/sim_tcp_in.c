// SPDX-License-Identifier: BSD-3-Clause
// The model TCP end: what it hears. In the order of RFC 9293 3.10.7.4, with RFC 5961 and RFC 7323.
#include "sim_tcp.h"

#include <stdlib.h>
#include <string.h>

enum {
	WAIT_US = 120000000,   // TIME-WAIT
	ORPHAN_US = 300000000, // FIN-WAIT-2 of an application that has gone
	CHALLENGES_MAX = 20,
};

static uint32_t max32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static void reset_to(struct tcp_end *e, const struct sim_seg *s)
{
	struct sim_seg r = {.flags = SEG_RST, .ttl = e->conf.ttl, .wscale = -1, .window = 0};

	if (s->flags & SEG_RST)
		return;
	if (s->flags & SEG_ACK) {
		r.seq = s->ack;
	} else {
		r.flags |= SEG_ACK;
		r.ack = s->seq + s->n + (s->flags & SEG_SYN ? 1 : 0) + (s->flags & SEG_FIN ? 1 : 0);
	}
	e->emit(e->arg, &r);
}

// RFC 5961 7: not for ever.
static void challenge(struct tcp_end *e, uint64_t now)
{
	if (now - e->challenge_at <= 1000000 && e->challenges >= CHALLENGES_MAX)
		return;
	tcp_ack_now(e, now);
	e->challenges++;
}

static void room_for(struct tcp_end *e, uint32_t bytes)
{
	uint32_t more;

	if (bytes <= e->in_max)
		return;
	more = bytes * 2 + 2048;
	e->in = realloc(e->in, more);
	e->have = realloc(e->have, more);
	if (e->in == NULL || e->have == NULL)
		abort();
	memset(e->have + e->in_max, 0, more - e->in_max);
	e->in_max = more;
}

static void on_listen(struct tcp_end *e, uint64_t now, const struct sim_seg *s)
{
	if (s->flags & SEG_RST)
		return;
	if (s->flags & SEG_ACK) {
		reset_to(e, s);
		return;
	}
	if (!(s->flags & SEG_SYN))
		return;
	tcp_rcv_open(e, s);
	e->state = TCP_SYN_RCVD;
	e->nxt = e->high = 1;
	tcp_send(e, now, SEG_SYN | SEG_ACK, 0, 0);
	e->rto_at = now + e->rto_us;
}

static void on_syn_sent(struct tcp_end *e, uint64_t now, const struct sim_seg *s)
{
	bool acks = (s->flags & SEG_ACK) != 0;

	if (acks && s->ack != e->conf.isn + 1) {
		reset_to(e, s);
		return;
	}
	if (s->flags & SEG_RST) {
		if (acks)
			tcp_end_as(e, GONE_RESET);
		return;
	}
	if (!acks || !(s->flags & SEG_SYN))
		return;
	tcp_rcv_open(e, s);
	e->state = TCP_OPEN;
	e->una = 1;
	e->wl1 = 0;
	e->wl2 = 1;
	e->backoffs = 0;
	e->rto_us = 1000000;
	e->rto_at = TCP_NEVER;
	tcp_ack_now(e, now);
	tcp_output(e, now);
}

static void rtt_note(struct tcp_end *e, uint64_t us)
{
	uint64_t diff;

	if (e->srtt_us == 0) {
		e->srtt_us = us;
		e->rttvar_us = us / 2;
	} else { // RFC 6298 2.3
		diff = us > e->srtt_us ? us - e->srtt_us : e->srtt_us - us;
		e->rttvar_us = (3 * e->rttvar_us + diff) / 4;
		e->srtt_us = (7 * e->srtt_us + us) / 8;
	}
	e->rto_us = e->srtt_us + 4 * e->rttvar_us;
	if (e->rto_us < e->conf.rto_min_us)
		e->rto_us = e->conf.rto_min_us;
}

static void on_new_ack(struct tcp_end *e, uint64_t now, uint32_t pos)
{
	uint32_t acked = pos - e->una;

	e->backoffs = e->probes = e->dupacks = 0;
	if (e->timed_at != 0 && pos > e->timed) {
		rtt_note(e, now - e->timed_at);
		e->timed_at = 0;
	} else if (e->srtt_us > 0) {
		rtt_note(e, e->srtt_us); // the timer is no longer backed off
	}
	e->una = pos;
	if (e->nxt < e->una)
		e->nxt = e->una;
	unsigned kept = 0;
	for (unsigned i = 0; i < e->nsacked; i++)
		if (e->sacked[i].r > e->una)
			e->sacked[kept++] = e->sacked[i];
	e->nsacked = kept;
	if (e->recovering && e->una >= e->recover) {
		e->recovering = false;
		e->cwnd = e->ssthresh;
	} else if (e->recovering) { // RFC 6582 3.2, a partial one
		e->cwnd = max32(e->cwnd > acked ? e->cwnd - acked : 0, e->mss) + e->mss;
		tcp_rexmit_hole(e, now);
	} else if (e->cwnd < e->ssthresh) {
		e->cwnd += acked < e->mss ? acked : e->mss;
	} else {
		e->cwnd += max32(1, (uint32_t)e->mss * e->mss / e->cwnd);
	}
	e->rto_at = e->una < e->high ? now + e->rto_us : TCP_NEVER;
	if (e->una >= e->high)
		e->persist_at = TCP_NEVER;
}

static void on_dup_ack(struct tcp_end *e, uint64_t now)
{
	e->dupacks++;
	if (e->recovering) {
		e->cwnd += e->mss;
		tcp_rexmit_hole(e, now);
	} else if (e->dupacks == 3) {
		uint32_t flight = e->high - e->una;

		e->ssthresh = max32(flight / 2, 2u * e->mss);
		e->cwnd = e->ssthresh + 3u * e->mss;
		e->recovering = true;
		e->recover = e->high;
		e->hint = e->una;
		e->timed_at = 0;
		tcp_rexmit_hole(e, now);
	}
}

static void on_ack(struct tcp_end *e, uint64_t now, const struct sim_seg *s, uint32_t rpos)
{
	uint32_t pos = s->ack - e->conf.isn, wnd = (uint32_t)s->window << e->snd_scale;
	bool moved = wnd != e->wnd;

	for (unsigned i = 0; e->sack_on && i < s->nsack; i++) {
		uint32_t l = s->sack[i][0] - e->conf.isn, r = s->sack[i][1] - e->conf.isn;

		if (l < r && r <= e->high && l > pos)
			tcp_range_add(e->sacked, &e->nsacked, l, r);
	}
	if ((int32_t)(rpos - e->wl1) > 0 || (rpos == e->wl1 && (int32_t)(pos - e->wl2) >= 0)) {
		e->wnd = wnd;
		e->wl1 = rpos;
		e->wl2 = pos;
		if (wnd > e->wnd_max)
			e->wnd_max = wnd;
	}
	if (pos > e->una)
		on_new_ack(e, now, pos);
	else if (pos == e->una && s->n == 0 && !(s->flags & SEG_FIN) && !moved && e->una < e->high)
		on_dup_ack(e, now);
	if (e->wnd > 0 && e->persist_at != TCP_NEVER)
		e->persist_at = TCP_NEVER;
	tcp_output(e, now);
}

static void merge_ooo(struct tcp_end *e)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < e->nooo; i++)
		if (e->ooo[i].r > e->rnxt)
			e->ooo[kept++] = e->ooo[i];
	e->nooo = kept;
}

static void on_data(struct tcp_end *e, uint64_t now, const struct sim_seg *s, uint32_t rpos)
{
	uint32_t end = rpos + s->n, was = e->rnxt;
	uint32_t from = (int32_t)(rpos - e->rnxt) < 0 ? e->rnxt : rpos;
	uint32_t to = (int32_t)(end - e->adv) > 0 ? e->adv : end;
	bool fin = (s->flags & SEG_FIN) != 0 && end == to && e->fin_at == 0;
	bool old = s->n > 0 && (int32_t)(end - e->rnxt) <= 0;

	if ((int32_t)(to - from) > 0) {
		room_for(e, to);
		for (uint32_t i = from; i < to; i++) {
			if (!e->have[i - 1] || e->conf.last_wins)
				e->in[i - 1] = s->text[i - rpos];
			e->have[i - 1] = 1;
		}
		if (from > e->rnxt)
			tcp_range_add(e->ooo, &e->nooo, from, to);
	}
	if (fin)
		e->fin_at = end;
	while (!e->fin_got && e->rnxt - 1 < e->in_max && e->have[e->rnxt - 1] &&
		e->rnxt != e->fin_at)
		e->rnxt++;
	if (e->fin_at != 0 && e->rnxt == e->fin_at && !e->fin_got) {
		e->fin_got = true;
		e->rnxt++;
	}
	merge_ooo(e);
	if (s->n == 0 && !(s->flags & SEG_FIN))
		return;
	if (e->rnxt == was || old || e->nooo > 0 || e->fin_got || ++e->ack_owed >= 2 ||
		e->conf.delack_us == 0)
		tcp_ack_now(e, now);
	else if (e->delack_at == TCP_NEVER)
		e->delack_at = now + e->conf.delack_us;
}

static bool in_window(const struct tcp_end *e, uint32_t rpos, uint32_t len)
{
	uint32_t wnd = e->adv - e->rnxt;

	if (len == 0)
		return wnd == 0 ? rpos == e->rnxt : rpos - e->rnxt < wnd;
	return wnd > 0 && (rpos - e->rnxt < wnd || rpos + len - 1 - e->rnxt < wnd);
}

static bool ts_is_old(const struct tcp_end *e, const struct sim_seg *s)
{
	if (!e->ts_on || (s->flags & SEG_RST) || e->conf.blind)
		return false;
	if (!s->ts)
		return e->conf.strict_ts;
	return (int32_t)(s->ts_val - e->ts_recent) < 0;
}

static bool handshake_done(struct tcp_end *e, const struct sim_seg *s)
{
	uint32_t pos = s->ack - e->conf.isn;

	if (pos != 1) {
		reset_to(e, s);
		return false;
	}
	e->state = TCP_OPEN;
	e->una = 1;
	e->wnd = e->wnd_max = (uint32_t)s->window << e->snd_scale;
	e->wl1 = s->seq - e->irs;
	e->wl2 = pos;
	e->backoffs = 0;
	e->rto_us = 1000000;
	e->rto_at = TCP_NEVER;
	return true;
}

static void on_open(struct tcp_end *e, uint64_t now, const struct sim_seg *s)
{
	uint32_t rpos = s->seq - e->irs, apos = s->ack - e->conf.isn;
	uint32_t len = s->n + (s->flags & SEG_FIN ? 1 : 0) + (s->flags & SEG_SYN ? 1 : 0);

	if (ts_is_old(e, s)) {
		if (s->ts)
			challenge(e, now);
		return;
	}
	if (!in_window(e, rpos, len)) {
		if (s->flags & SEG_RST)
			return;
		if (e->state == TCP_SYN_RCVD && rpos == 0 && (s->flags & SEG_SYN))
			tcp_send(e, now, SEG_SYN | SEG_ACK, 0, 0);
		else if (e->state == TCP_OPEN || e->state == TCP_WAIT) {
			// It may be a window update or an old ACK at an old number: RFC 9293 3.10.7.4
			// drops it, but what it acknowledges is true.
			challenge(e, now);
		}
		return;
	}
	if (s->flags & SEG_RST) {
		if (rpos == e->rnxt)
			tcp_end_as(e, GONE_RESET);
		else
			challenge(e, now);
		return;
	}
	if (s->flags & SEG_SYN) {
		challenge(e, now);
		return;
	}
	if (!(s->flags & SEG_ACK))
		return;
	if (e->state == TCP_SYN_RCVD && !handshake_done(e, s))
		return;
	if ((int32_t)(apos - e->high) > 0 || (int32_t)(apos - e->una) < -(int32_t)e->wnd_max) {
		challenge(e, now); // RFC 5961 5.2
		return;
	}
	if (s->ts && (int32_t)(rpos - e->rnxt) <= 0 && e->ts_on)
		e->ts_recent = s->ts_val;
	e->heard_at = now;
	if ((int32_t)(apos - e->una) >= 0)
		on_ack(e, now, s, rpos);
	on_data(e, now, s, rpos);
	if (e->state == TCP_OPEN && e->fin_wanted && e->una > 1 + e->out_n)
		e->wait_at = now + ORPHAN_US;
	if (e->state == TCP_OPEN && e->fin_got && e->fin_wanted && e->una > 1 + e->out_n) {
		e->state = TCP_WAIT;
		e->gone = GONE_CLOSED;
		e->rto_at = e->persist_at = e->alive_at = TCP_NEVER;
		e->wait_at = now + WAIT_US;
	}
}

void tcp_input(struct tcp_end *e, uint64_t now, const struct sim_seg *s)
{
	if (s->bad_sum && !e->conf.blind)
		return;
	switch (e->state) {
	case TCP_IDLE:
	case TCP_DEAD:
		reset_to(e, s);
		return;
	case TCP_LISTEN:
		on_listen(e, now, s);
		return;
	case TCP_SYN_SENT:
		on_syn_sent(e, now, s);
		return;
	default:
		on_open(e, now, s);
	}
}
