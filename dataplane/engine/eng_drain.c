// SPDX-License-Identifier: BSD-3-Clause
// The phases of a drain, and what its deadline, or the end of the process, does to each session.
// Thread: as the header says.
#include "eng_drain.h"

#include "eng_answer.h"
#include "eng_half.h"

enum {
	LETS_US = 1000000,
	CELLS_A_TICK = 256, // of the flow table: a million is looked through in a second
	CELLS_A_TICK_STOP =
		8192, // half a millisecond: nothing is as urgent, ten million take a third of a second
};

static void phase_set(struct eng *e, enum eng_drain_phase phase)
{
	atomic_store_explicit(&e->drain.phase, (int)phase, memory_order_relaxed);
}

const struct eng_drain *eng_drain_of(const struct eng *e)
{
	return &e->drain;
}

void eng_grace_renew(struct eng *e)
{
	(void)atomic_fetch_add_explicit(&e->graces, 1, memory_order_release);
}

void eng_drain_begin(struct eng *e, bool refuse, uint64_t wait_ms, uint64_t now_us)
{
	struct eng_drain *d = &e->drain;

	if (atomic_load_explicit(&d->phase, memory_order_relaxed) == ENG_DRAIN_OFF)
		d->since_us = now_us;
	d->until_us = wait_ms == 0 ? 0 : now_us + wait_ms * UINT64_C(1000);
	atomic_store_explicit(&d->refuse, refuse, memory_order_relaxed);
	// Release: pairs with eng_drain_tick, which sees by then whether the process ends.
	(void)atomic_fetch_add_explicit(&d->epoch, 1, memory_order_release);
	phase_set(e, ENG_DRAIN_WAITS);
}

void eng_drain_end(struct eng *e)
{
	if (atomic_load_explicit(&e->drain.phase, memory_order_relaxed) == ENG_DRAIN_OFF)
		return;
	eng_grace_renew(e);
	e->drain.since_us = e->drain.until_us = 0;
	phase_set(e, ENG_DRAIN_OFF);
}

bool eng_drain_left(const struct eng *e, uint64_t *left)
{
	const uint32_t epoch = atomic_load_explicit(&e->drain.epoch, memory_order_relaxed);

	*left = 0;
	for (uint16_t i = 0; i < e->conf.workers; i++) {
		const uint64_t bound =
			atomic_load_explicit(&e->worker[i]->bound, memory_order_relaxed);

		if (bound >> 32 != epoch)
			return false;
		*left += (uint32_t)bound;
	}
	return true;
}

void eng_drain_stop(struct eng *e, uint64_t now_us)
{
	atomic_store_explicit(&e->drain.stops, true, memory_order_relaxed);
	eng_drain_begin(e, false, 0, now_us);
}

bool eng_drain_is_stopped(const struct eng *e, uint64_t *reset)
{
	return eng_drain_left(e, reset);
}

void eng_drain_manage(struct eng *e, uint64_t now_us)
{
	struct eng_drain *d = &e->drain;
	const int phase = atomic_load_explicit(&d->phase, memory_order_relaxed);
	uint64_t left;

	if (phase == ENG_DRAIN_OFF || phase == ENG_DRAIN_OVER ||
		atomic_load_explicit(&d->stops, memory_order_relaxed))
		return;
	if (eng_drain_left(e, &left) && left == 0) // and nobody comes who needs us
		phase_set(e, ENG_DRAIN_OVER);
	else if (phase == ENG_DRAIN_WAITS && d->until_us != 0 && now_us >= d->until_us)
		phase_set(e, ENG_DRAIN_LETS);
	else if (phase == ENG_DRAIN_LETS && now_us >= d->until_us + LETS_US)
		phase_set(e, ENG_DRAIN_RESETS);
}

// ---- the worker's

static int phase_of(const struct eng_worker *w)
{
	return atomic_load_explicit(&w->eng->drain.phase, memory_order_relaxed);
}

static bool stops(const struct eng_worker *w)
{
	return atomic_load_explicit(&w->eng->drain.stops, memory_order_relaxed);
}

// Has this worker said how many it reset?
static bool stop_is_told(const struct eng_worker *w)
{
	const uint32_t epoch = atomic_load_explicit(&w->eng->drain.epoch, memory_order_relaxed);

	return atomic_load_explicit(&w->bound, memory_order_relaxed) >> 32 == epoch;
}

bool eng_drain_is_on(const struct eng_worker *w)
{
	const int phase = phase_of(w);

	if (stops(w))
		return !stop_is_told(w);
	return phase != ENG_DRAIN_OFF && phase != ENG_DRAIN_OVER;
}

// Nothing of it is with us: all bytes have been acknowledged as they were sent, and no reply of the
// server's is to be another.
static bool goes_on_alone(const struct eng_session *s)
{
	const struct stream *st = &s->flow.stream;

	for (int side = 0; side < STREAM_SIDES; side++) {
		const struct stream_half *h = &st->half[side];

		if (h->una != h->nxt || h->sent != h->nxt || h->first != STREAM_NO_SLAB ||
			h->has_fin || h->edge != h->allow)
			return false;
	}
	return s->flow.lane == ENG_LANE_INSPECT && s->flow.state == FLOW_OPEN && !st->shifted &&
		!s->tarpit && s->hold_on == 0 && smtp_is_settled(&s->smtp);
}

// Its ends may go on as if we had never been: they agree on their numbers, each has what was acknowledged
// to the other, and the reply that is awaited is the client's own command's.
static bool outlives_us(const struct eng_session *s)
{
	const struct stream *st = &s->flow.stream;

	if (s->flow.lane == ENG_LANE_PASS || s->flow.state != FLOW_OPEN)
		return true;
	if (s->flow.lane != ENG_LANE_INSPECT || st->shifted)
		return false;
	for (int side = 0; side < STREAM_SIDES; side++)
		if ((int32_t)(st->half[side].owned - st->half[side].una) > 0)
			return false;
	return s->substitutes == 0 || smtp_is_settled(&s->smtp);
}

static void let_go(struct eng_worker *w, struct eng_session *s)
{
	eng_message_abort(w, s);
	eng_holds_end(w, s);
	eng_tickets_give(w, s);
	eng_count(w, PASS_DRAINING);
	s->reason = PASS_DRAINING;
	s->flow.lane = ENG_LANE_PASS;
	stream_close(&s->flow.stream, &w->smtp->pool);
	eng_idle_set(s, ENG_PASS_IDLE_MS);
	eng_timer_update(w, s);
}

// An old number in the other end's name, as a keep-alive has it: whoever it comes to answers with his own (RFC
// 9293 3.10.7.4), also where the timestamp is too old (RFC 7323 5.3).
static void where_ask(struct eng_worker *w, struct eng_session *s, enum stream_side towards)
{
	const struct stream *st = &s->flow.stream;
	const struct stream_half *theirs = &st->half[towards], *others = &st->half[!towards];
	const struct wire_tcp_out o = {
		.seq = others->una - 1,
		.ack = theirs->una - theirs->delta,
		.window = others->win_out,
		.flags = TCP_ACK,
		.has_ts = st->ts_on,
		.ts_val = others->ts_seen,
		.ts_ecr = theirs->ts_last,
	};

	eng_send(w, s, !towards, &o, false);
}

static void reset(struct eng_worker *w, struct eng_session *s)
{
	if (s->flow.lane != ENG_LANE_TRANSLATE) {
		eng_reset_both(w, s, ACT_DRAIN_RESET);
		eng_session_remnant(w, s);
		return;
	}
	// How far its ends are is not followed any more: each is told when it speaks next, and made to.
	const struct flow_key key = s->flow.key;

	where_ask(w, s, STREAM_CLIENT);
	where_ask(w, s, STREAM_SERVER);

	eng_count(w, ACT_DRAIN_RESET);
	s->reason = ACT_DRAIN_RESET;
	eng_session_end(w, s);
	eng_bury(w, &key, FLOW_GRAVE_TOMBSTONE);
}

// false: it does not need us, or not any more.
static bool needs_us(struct eng_worker *w, struct eng_session *s, int phase)
{
	if (s->flow.lane == ENG_LANE_PASS || s->flow.state != FLOW_OPEN)
		return false;
	if (phase == ENG_DRAIN_WAITS)
		return true;
	if (goes_on_alone(s))
		let_go(w, s);
	else if (phase == ENG_DRAIN_RESETS)
		reset(w, s);
	else
		return true;
	return false;
}

static void grace_look(struct eng_worker *w)
{
	struct eng_smtp *p = w->smtp;
	// Acquire: pairs with eng_grace_renew.
	const uint32_t graces = atomic_load_explicit(&w->eng->graces, memory_order_acquire);

	if (graces == p->graces)
		return;
	p->graces = graces;
	p->grace_until_us = p->now_us + ENG_GRACE_MS * UINT64_C(1000);
}

static void bound_tell(struct eng_worker *w, uint32_t epoch)
{
	struct eng_smtp *p = w->smtp;

	w->counters[GAUGE_BOUND] = p->drain_left;
	atomic_store_explicit(
		&w->bound, (uint64_t)epoch << 32 | p->drain_left, memory_order_relaxed);
	p->drain_at = p->drain_left = 0;
}

// Once through all of them; how many were reset is what is told.
static void stop_look(struct eng_worker *w, uint32_t epoch)
{
	struct eng_smtp *p = w->smtp;
	const uint32_t cells = flow_cells(p->flows);

	for (uint32_t i = 0; i < CELLS_A_TICK_STOP && p->drain_at < cells; i++, p->drain_at++) {
		struct flow *f = flow_at(p->flows, p->drain_at);

		if (f == NULL || outlives_us(eng_session_of(f)))
			continue;
		reset(w, eng_session_of(f));
		p->drain_left++;
	}
	if (p->drain_at == cells)
		bound_tell(w, epoch);
}

static void drain_look(struct eng_worker *w, uint32_t epoch, int phase)
{
	struct eng_smtp *p = w->smtp;
	const uint32_t cells = flow_cells(p->flows);

	for (uint32_t i = 0; i < CELLS_A_TICK && p->drain_at < cells; i++, p->drain_at++) {
		struct flow *f = flow_at(p->flows, p->drain_at);

		p->drain_left += f != NULL && needs_us(w, eng_session_of(f), phase);
	}
	if (p->drain_at == cells)
		bound_tell(w, epoch);
}

uint32_t eng_drain_tick(struct eng_worker *w)
{
	struct eng_smtp *p = w->smtp;
	// Acquire: pairs with eng_drain_begin.
	const uint32_t epoch = atomic_load_explicit(&w->eng->drain.epoch, memory_order_acquire);
	const int phase = phase_of(w);
	const uint32_t before =
		(uint32_t)(w->counters[ACT_DRAIN_RESET] + w->counters[PASS_DRAINING]);

	grace_look(w);
	if (!eng_drain_is_on(w)) {
		w->counters[GAUGE_BOUND] = 0;
		return 0;
	}
	if (p->drain_epoch != epoch) {
		p->drain_epoch = epoch;
		p->drain_at = p->drain_left = 0;
	}
	if (stops(w))
		stop_look(w, epoch);
	else
		drain_look(w, epoch, phase);
	return (uint32_t)(w->counters[ACT_DRAIN_RESET] + w->counters[PASS_DRAINING]) - before;
}
