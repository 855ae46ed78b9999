// SPDX-License-Identifier: BSD-3-Clause
// One timer a flow in a hashed wheel of 2048 slots of 4 ms (8 s a turn); later deadlines stay in
// their slot for more turns. Each call looks at a bounded number of flows and slots.
// Thread: the worker that owns the table.
#include "flow_int.h"
#include "seq.h"

enum { FLOW_TIMER_LOOKS = 256 }; // flows and slots looked at in one call

static uint16_t slot_of(uint32_t at_ms)
{
	return (uint16_t)(at_ms / FLOW_TICK_MS % FLOW_WHEEL_SLOTS);
}

bool flow_timer_is_set(const struct flow *f)
{
	return f->timed;
}

void flow_timer_clear(struct flow_table *t, struct flow *f)
{
	if (!f->timed)
		return;
	if (t->walk == flow_number(t, f))
		t->walk = f->timer_next;
	if (f->timer_prev == FLOW_NONE)
		t->wheel[slot_of(f->timer_at_ms)] = f->timer_next;
	else
		flow_cell(t, f->timer_prev)->timer_next = f->timer_next;
	if (f->timer_next != FLOW_NONE)
		flow_cell(t, f->timer_next)->timer_prev = f->timer_prev;
	f->timed = false;
	f->timer_next = f->timer_prev = FLOW_NONE;
	t->timers--;
}

void flow_timer_set(struct flow_table *t, struct flow *f, uint32_t at_ms)
{
	if (f->timed && f->timer_at_ms == at_ms)
		return;
	flow_timer_clear(t, f);
	// The slot of this tick may have been walked already: at the next one.
	if (t->wheel_on && seq_le(at_ms, t->wheel_ms + FLOW_TICK_MS - 1))
		at_ms = t->wheel_ms + FLOW_TICK_MS;
	uint32_t i = flow_number(t, f);
	uint16_t slot = slot_of(at_ms);
	f->timer_at_ms = at_ms;
	f->timed = true;
	f->timer_prev = FLOW_NONE;
	f->timer_next = t->wheel[slot];
	if (f->timer_next != FLOW_NONE)
		flow_cell(t, f->timer_next)->timer_prev = i;
	t->wheel[slot] = i;
	t->timers++;
}

struct flow *flow_timer_due(struct flow_table *t, uint32_t now_ms)
{
	if (!t->wheel_on) {
		t->wheel_ms = now_ms - now_ms % FLOW_TICK_MS;
		t->wheel_on = true;
		t->walk = t->wheel[slot_of(t->wheel_ms)];
	}
	for (unsigned looks = 0; looks < FLOW_TIMER_LOOKS; looks++) {
		while (t->walk != FLOW_NONE && looks++ < FLOW_TIMER_LOOKS) {
			struct flow *f = flow_cell(t, t->walk);
			t->walk = f->timer_next;
			if (!seq_le(f->timer_at_ms, now_ms))
				continue;
			flow_timer_clear(t, f);
			return f;
		}
		if (t->walk != FLOW_NONE)
			return NULL;
		uint32_t next_ms = t->wheel_ms + FLOW_TICK_MS;
		if (!seq_le(next_ms, now_ms)) { // this slot again, for what is due within its tick
			t->walk = t->wheel[slot_of(t->wheel_ms)];
			return NULL;
		}
		if (now_ms - t->wheel_ms > (uint32_t)FLOW_TICK_MS *
				FLOW_WHEEL_SLOTS) // after a long sleep one turn is enough
			next_ms = now_ms - now_ms % FLOW_TICK_MS -
				FLOW_TICK_MS * (FLOW_WHEEL_SLOTS - 1);
		t->wheel_ms = next_ms;
		t->walk = t->wheel[slot_of(next_ms)];
	}
	return NULL;
}

uint32_t flow_timer_wait_ms(const struct flow_table *t, uint32_t now_ms, uint32_t max_ms)
{
	if (t->timers == 0 || !t->wheel_on)
		return t->timers == 0 ? max_ms : 0;
	uint32_t at_ms =
		t->wheel_ms + FLOW_TICK_MS; // what is left in this slot is due within a tick of it
	for (uint32_t waited = 0; waited < max_ms; waited += FLOW_TICK_MS, at_ms += FLOW_TICK_MS) {
		if (t->wheel[slot_of(at_ms)] == FLOW_NONE)
			continue;
		return seq_le(at_ms, now_ms) ? 0 : at_ms - now_ms;
	}
	return max_ms;
}
