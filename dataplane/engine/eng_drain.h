// SPDX-License-Identifier: BSD-3-Clause
// A drain: new connections are not read any more (passed, or refused with 421), those that need us go on to their
// end; at its deadline what can go on without us does, the rest is reset. And the grace of connections that went
// past us for a while. And the end of the process: what can't go on without us is reset then.
// Thread: struct eng_drain is the manager's; workers read `phase` and `refuse`.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct eng;
struct eng_worker;

enum eng_drain_phase {
	ENG_DRAIN_OFF,
	ENG_DRAIN_WAITS,  // for those that need us
	ENG_DRAIN_LETS,   // its deadline is over: who can go on without us does
	ENG_DRAIN_RESETS, // a second later: the others are reset
	ENG_DRAIN_OVER,   // nobody needs us
};

struct eng_drain {
	_Atomic int phase;           // enum eng_drain_phase; w: manager, r: workers
	_Atomic bool refuse;         // likewise: new connections get 421
	_Atomic uint32_t epoch;      // likewise: the how manyeth, from 1 on
	_Atomic bool stops;          // likewise: the process ends
	uint64_t since_us, until_us; // until_us 0: no deadline
};

// eng_drain.c, the manager's. Begins, or changes one that goes on; `wait_ms` 0: no deadline.
void eng_drain_begin(struct eng *e, bool refuse, uint64_t wait_ms, uint64_t now_us);
// New connections are read again; what began unread meanwhile has its grace. No effect where none is.
void eng_drain_end(struct eng *e);
const struct eng_drain *eng_drain_of(const struct eng *e);
// Connections that need us: read, answered, or with numbers that we map, and not over. false: not known yet.
bool eng_drain_left(const struct eng *e, uint64_t *left);
void eng_drain_manage(struct eng *e, uint64_t now_us);
// The process ends: new connections pass unread, and those are reset, once, that would hang without us: we map
// their numbers, speak in their server's place, have acknowledged bytes that the other end has not, or owe a
// reply of ours. All others are left as they are. Not to be undone.
void eng_drain_stop(struct eng *e, uint64_t now_us);
// Has every worker looked at all of its connections since then? *reset: how many were. Those whose numbers are
// mapped are asked where they are, and reset by their answers, so within a round trip of the frames' leaving.
bool eng_drain_is_stopped(const struct eng *e, uint64_t *reset);
// What went past us for a while is taken for begun before us, for ENG_GRACE_MS.
void eng_grace_renew(struct eng *e);

// The worker's, at each tick: grace, and while there is a drain a bounded slice of sessions. Returns how many were
// let go or reset.
uint32_t eng_drain_tick(struct eng_worker *w);
// While true the worker must not sleep over its next tick.
bool eng_drain_is_on(const struct eng_worker *w);
