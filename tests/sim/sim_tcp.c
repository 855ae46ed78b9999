// SPDX-License-Identifier: BSD-3-Clause
// The model TCP end: what it sends, and its timers. What it hears is sim_tcp_in.c's.
#include "sim_tcp.h"

#include <stdlib.h>
#include <string.h>

enum {
	RTO_FIRST_US = 1000000,
	RTO_MAX_US = 30000000,
	BACKOFFS_MAX = 14,
	PERSIST_US = 300000,
	PERSIST_MAX_US = 5000000,
};

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

void tcp_init(struct tcp_end *e, const struct tcp_conf *conf, struct dice *dice,
	void (*emit)(void *arg, const struct sim_seg *s), void *arg)
{
	*e = (struct tcp_end){.conf = *conf,
		.dice = dice,
		.emit = emit,
		.arg = arg,
		.state = TCP_LISTEN,
		.rto_us = RTO_FIRST_US,
		.rto_at = TCP_NEVER,
		.delack_at = TCP_NEVER,
		.persist_at = TCP_NEVER,
		.alive_at = TCP_NEVER,
		.wait_at = TCP_NEVER};
}

void tcp_fini(struct tcp_end *e)
{
	free(e->out);
	free(e->in);
	free(e->have);
	e->out = e->in = e->have = NULL;
}

void tcp_end_as(struct tcp_end *e, enum tcp_gone gone)
{
	if (e->gone == GONE_NOT)
		e->gone = gone;
	e->state = TCP_DEAD;
	e->rto_at = e->delack_at = e->persist_at = e->alive_at = e->wait_at = TCP_NEVER;
}

void tcp_range_add(struct tcp_range *r, unsigned *n, uint32_t left, uint32_t right)
{
	struct tcp_range add = {left, right};
	unsigned kept = 0;

	for (unsigned i = 0; i < *n; i++) {
		if (r[i].l <= add.r && add.l <= r[i].r) {
			add.l = min32(add.l, r[i].l);
			add.r = add.r > r[i].r ? add.r : r[i].r;
		} else {
			r[kept++] = r[i];
		}
	}
	if (kept == TCP_RANGES)
		kept--; // the oldest is forgotten
	memmove(r + 1, r, kept * sizeof(*r));
	r[0] = add;
	*n = kept + 1;
}

// The window that it offers: never less than it offered before, never a silly little more
// (RFC 9293 3.8.6.2.2).
static uint16_t window_field(struct tcp_end *e, bool syn)
{
	uint32_t unread = e->rnxt == 0 ? 0 : e->rnxt - 1 - min32(e->taken, e->rnxt - 1);
	uint32_t room = e->conf.rcvbuf > unread ? e->conf.rcvbuf - unread : 0;
	uint32_t edge = e->rnxt + room, scale = !syn && e->scale_on ? (uint32_t)e->conf.wscale : 0;
	uint32_t step = min32(e->conf.mss, e->conf.rcvbuf / 2);
	uint32_t field;

	if (e->adv == 0 || edge >= e->adv + step || syn)
		e->adv = edge > e->adv ? edge : e->adv;
	field = (e->adv - e->rnxt) >> scale;
	if (field > 0xffff) {
		field = 0xffff;
	}
	if (field == 0)
		e->zero_windows++;
	return (uint16_t)field;
}

static void fill_sack(const struct tcp_end *e, struct sim_seg *s)
{
	for (unsigned i = 0; i < e->nooo && s->nsack < 3; i++, s->nsack++) {
		s->sack[s->nsack][0] = e->irs + e->ooo[i].l;
		s->sack[s->nsack][1] = e->irs + e->ooo[i].r;
	}
}

void tcp_send(struct tcp_end *e, uint64_t now, uint8_t flags, uint32_t pos, uint32_t n)
{
	struct sim_seg s = {.seq = e->conf.isn + pos,
		.flags = flags,
		.ttl = e->conf.ttl,
		.wscale = -1,
		.text = n > 0 ? e->out + pos - 1 : NULL,
		.n = n};
	bool syn = (flags & SEG_SYN) != 0;

	s.window = window_field(e, syn);
	if (flags & SEG_ACK)
		s.ack = e->irs + e->rnxt;
	if (syn) {
		bool answer = (flags & SEG_ACK) != 0;

		s.mss = e->conf.mss;
		s.wscale = answer && !e->scale_on ? -1 : e->conf.wscale;
		s.sack_ok = answer ? e->sack_on : e->conf.sack;
		s.odd_options = e->conf.odd_options;
	} else if (e->sack_on) {
		fill_sack(e, &s);
	}
	s.ts = syn && !(flags & SEG_ACK) ? e->conf.ts : e->ts_on;
	if (s.ts) {
		s.ts_val = e->conf.ts_offset + (uint32_t)(now / 1000);
		s.ts_ecr = flags & SEG_ACK ? e->ts_recent : 0;
	}
	if (flags & SEG_ACK) {
		e->ack_owed = 0;
		e->delack_at = TCP_NEVER;
	}
	e->emit(e->arg, &s);
}

void tcp_ack_now(struct tcp_end *e, uint64_t now)
{
	if (now - e->challenge_at > 1000000) {
		e->challenge_at = now;
		e->challenges = 0;
	}
	tcp_send(e, now, SEG_ACK, e->nxt, 0);
}

void tcp_connect(struct tcp_end *e, uint64_t now)
{
	e->state = TCP_SYN_SENT;
	e->nxt = e->high = 1;
	tcp_send(e, now, SEG_SYN, 0, 0);
	e->rto_at = now + e->rto_us;
}

void tcp_write(struct tcp_end *e, uint64_t now, const void *p, uint32_t n)
{
	if (e->fin_wanted || e->state >= TCP_WAIT)
		return;
	if (e->out_n + n > e->out_max) {
		e->out_max = (e->out_n + n) * 2 + 512;
		e->out = realloc(e->out, e->out_max);
		if (e->out == NULL)
			abort();
	}
	memcpy(e->out + e->out_n, p, n);
	e->out_n += n;
	tcp_output(e, now);
}

void tcp_close(struct tcp_end *e, uint64_t now)
{
	if (e->state == TCP_LISTEN || e->state == TCP_IDLE) {
		tcp_end_as(e, GONE_CLOSED);
		return;
	}
	e->fin_wanted = true;
	tcp_output(e, now);
}

void tcp_abort(struct tcp_end *e, uint64_t now)
{
	if (e->state == TCP_OPEN || e->state == TCP_SYN_RCVD)
		tcp_send(e, now, SEG_RST | SEG_ACK, e->nxt, 0);
	tcp_end_as(e, GONE_ABORTED);
}

uint32_t tcp_readable(const struct tcp_end *e, const uint8_t **p)
{
	uint32_t end = e->rnxt == 0 ? 0 : e->rnxt - 1 - (e->fin_got ? 1 : 0);

	*p = e->in == NULL ? NULL : e->in + e->taken;
	return end > e->taken ? end - e->taken : 0;
}

void tcp_take(struct tcp_end *e, uint64_t now, uint32_t n)
{
	uint32_t was = e->adv - e->rnxt;

	e->taken += n;
	if (n > 0 && e->state == TCP_OPEN && was < e->conf.mss && e->conf.rcvbuf / 2 > was)
		tcp_send(e, now, SEG_ACK, e->nxt, 0); // the window opens
}

bool tcp_drained(const struct tcp_end *e)
{
	return e->una >= 1 + e->out_n;
}

static bool is_sacked(const struct tcp_end *e, uint32_t pos, uint32_t *to)
{
	for (unsigned i = 0; i < e->nsacked; i++) {
		if (pos >= e->sacked[i].l && pos < e->sacked[i].r) {
			*to = e->sacked[i].r;
			return true;
		}
	}
	return false;
}

static uint32_t next_sacked(const struct tcp_end *e, uint32_t pos)
{
	uint32_t least = UINT32_MAX;

	for (unsigned i = 0; i < e->nsacked; i++)
		if (e->sacked[i].l > pos)
			least = min32(least, e->sacked[i].l);
	return least;
}

// Sends bytes and perhaps the FIN from `pos`; returns the position behind.
static uint32_t send_from(struct tcp_end *e, uint64_t now, uint32_t pos, uint32_t n)
{
	uint32_t end = 1 + e->out_n, from = pos, back;
	uint8_t flags = SEG_ACK;

	if (pos < e->high) {
		e->rexmits++;
		if (e->conf.recut && pos > 1 && pos < end && dice_is(e->dice, 700)) {
			back = dice_below(e->dice, min32(pos - 1, e->mss / 2) + 1);
			from = pos - back;
			n = min32(dice_in(e->dice, back + 1, e->mss), end - from);
			n = min32(n, e->una + e->wnd > pos ? e->una + e->wnd - from : back + 1);
			n = n < back + 1 ? back + 1 : n;
			e->recuts++;
		}
	} else if (e->timed_at == 0) {
		e->timed_at = now;
		e->timed = pos;
	}
	if (n > 0 && from + n == end)
		flags |= SEG_PSH;
	if (e->fin_wanted && from + n == end)
		flags |= SEG_FIN;
	tcp_send(e, now, flags, from, n);
	pos = from + n + (flags & SEG_FIN ? 1 : 0);
	if (pos > e->high)
		e->high = pos;
	if (e->rto_at == TCP_NEVER)
		e->rto_at = now + e->rto_us;
	e->persist_at = TCP_NEVER;
	return pos;
}

void tcp_rexmit_hole(struct tcp_end *e, uint64_t now)
{
	uint32_t pos = e->hint > e->una ? e->hint : e->una, to, n, end = 1 + e->out_n;

	while (is_sacked(e, pos, &to))
		pos = to;
	if (pos >= e->recover || (pos != e->una && next_sacked(e, pos) == UINT32_MAX))
		return;
	n = pos < end ? min32(e->mss, end - pos) : 0;
	if (next_sacked(e, pos) != UINT32_MAX)
		n = min32(n, next_sacked(e, pos) - pos);
	e->hint = send_from(e, now, pos, n);
}

void tcp_output(struct tcp_end *e, uint64_t now)
{
	uint32_t end, limit, n, to;

	if (e->state != TCP_OPEN)
		return;
	for (unsigned i = 0; i < 64; i++) {
		end = 1 + e->out_n;
		if (e->nxt < e->high && is_sacked(e, e->nxt, &to)) {
			e->nxt = to;
			continue;
		}
		limit = e->una + min32(e->wnd, e->cwnd);
		n = e->nxt < end && e->nxt < limit
			? min32(min32(e->mss, end - e->nxt), limit - e->nxt)
			: 0;
		bool fin = e->fin_wanted && e->nxt + n == end &&
			(n > 0 || e->nxt < limit || e->una == e->nxt);
		bool fresh = e->nxt >= e->high;

		if (e->nxt > end || (n == 0 && !fin))
			break;
		if (fresh && !fin && n < e->mss && e->nxt > e->una) { // RFC 9293 3.8.6.2.1, 3.7.4
			bool all = e->nxt + n == end;

			if ((all && e->conf.nagle) || (!all && n < e->wnd_max / 2))
				break;
		}
		e->nxt = send_from(e, now, e->nxt, n);
		if (e->nxt > e->high)
			e->high = e->nxt;
	}
	if (e->nxt == e->una && e->una < 1 + e->out_n + (e->fin_wanted ? 1 : 0) &&
		e->persist_at == TCP_NEVER && e->rto_at == TCP_NEVER)
		e->persist_at = now + PERSIST_US;
}

static void on_rto(struct tcp_end *e, uint64_t now)
{
	if (++e->backoffs > BACKOFFS_MAX) {
		tcp_end_as(e, GONE_TIMEOUT);
		return;
	}
	e->rto_us = e->rto_us * 2 > RTO_MAX_US ? RTO_MAX_US : e->rto_us * 2;
	e->rto_at = now + e->rto_us;
	e->timed_at = 0;
	if (e->state == TCP_SYN_SENT) {
		tcp_send(e, now, SEG_SYN, 0, 0);
		return;
	}
	if (e->state == TCP_SYN_RCVD) {
		tcp_send(e, now, SEG_SYN | SEG_ACK, 0, 0);
		return;
	}
	uint32_t flight = e->high - e->una;
	e->ssthresh = flight / 2 > 2u * e->mss ? flight / 2 : 2u * e->mss;
	e->cwnd = e->mss;
	e->recovering = false;
	e->dupacks = 0;
	e->nsacked = 0;
	e->nxt = e->una;
	if (e->wnd == 0 || e->una + e->wnd < e->high) // what was sent is outside the window by now
		e->nxt = send_from(e, now, e->una, e->una <= e->out_n ? 1 : 0);
	else
		tcp_output(e, now);
}

static void on_persist(struct tcp_end *e, uint64_t now)
{
	uint64_t wait = (uint64_t)PERSIST_US << (e->probes < 5 ? e->probes : 5);

	e->probes++;
	e->persist_at = TCP_NEVER;
	if (e->wnd > 0)
		e->nxt = send_from(e, now, e->nxt,
			e->nxt <= e->out_n ? min32(min32(e->wnd, e->mss), 1 + e->out_n - e->nxt)
					   : 0);
	else if (e->conf.probe_byte && e->nxt <= e->out_n)
		e->nxt = send_from(e, now, e->nxt, 1);
	else
		tcp_send(e, now, SEG_ACK, e->una - 1, 0);
	if (e->rto_at == TCP_NEVER)
		e->persist_at = now + (wait > PERSIST_MAX_US ? PERSIST_MAX_US : wait);
}

void tcp_timer(struct tcp_end *e, uint64_t now)
{
	if (e->wait_at <= now) {
		tcp_end_as(e, GONE_CLOSED);
		return;
	}
	if (e->rto_at <= now)
		on_rto(e, now);
	if (e->delack_at <= now)
		tcp_ack_now(e, now);
	if (e->persist_at <= now)
		on_persist(e, now);
	if (e->alive_at <= now) {
		e->alive_at = now + e->conf.alive_us;
		if (e->state == TCP_OPEN && e->nxt == e->una && e->una > 1 &&
			now - e->heard_at >= e->conf.alive_us)
			tcp_send(e, now, SEG_ACK, e->nxt - 1,
				dice_is(e->dice, 500) && e->nxt - 1 <= e->out_n ? 1 : 0);
	}
}

uint64_t tcp_deadline(const struct tcp_end *e)
{
	const uint64_t at[] = {e->rto_at, e->delack_at, e->persist_at, e->alive_at, e->wait_at};
	uint64_t least = TCP_NEVER;

	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		least = at[i] < least ? at[i] : least;
	return least;
}

void tcp_rcv_open(struct tcp_end *e, const struct sim_seg *s)
{
	uint32_t mss = s->mss != 0 ? s->mss : 536;

	e->irs = s->seq;
	e->rnxt = 1;
	e->ts_on = e->conf.ts && s->ts;
	e->sack_on = e->conf.sack && s->sack_ok;
	e->scale_on = e->conf.wscale >= 0 && s->wscale >= 0;
	e->snd_scale = e->scale_on ? (uint8_t)s->wscale : 0;
	e->ts_recent = s->ts ? s->ts_val : 0;
	e->mss = (uint16_t)(min32(mss, e->conf.mss) - (e->ts_on ? 12 : 0));
	e->wnd = e->wnd_max = s->window;
	e->cwnd = 10u * e->mss;
	e->ssthresh = 1u << 30;
	if (e->conf.alive_us > 0)
		e->alive_at = e->conf.alive_us;
}
