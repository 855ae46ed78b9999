// SPDX-License-Identifier: BSD-3-Clause
// One worker's state as the stages see it. Everything here belongs to the worker's core; fields
// that another thread reads or writes say so (w: writer, r: reader).
#pragma once

#include "eng.h"
#include "eng_image.h"
#include "eng_meta.h"
#include "eng_reason.h"
#include "eng_sight.h"

struct eng_smtp; // sessions of a worker: flows, slabs, timers (eng_smtp.h)
struct eng_frags; // IP fragments that wait for one another (stage_fragment.c)
struct eng_shadow; // a candidate beside the image in force (eng_shadow.h)
struct tbl_fdb;

enum { ENG_SMTPQ_MAX = 4096 }; // SMTP segments that wait to be read; power of two

struct eng_worker {
	// hot: every burst
	struct eng *eng;
	uint16_t id;
	uint16_t workers;
	uint32_t smtpq_head, smtpq_tail; // free-running; used = tail - head
	struct eng_image *image;         // in force, read once a burst from eng->image
	const struct eng_pick *pick;     // of that image; NULL with it
	struct eng_shadow *shadow;       // likewise read once a burst; NULL: no candidate runs
	uint64_t *counters; // in statistics memory, indexed by enum eng_reason; w: worker, r: any
	uint64_t *policy_hits; // w: worker, r: any
	uint32_t policies_max;
	struct eng_smtp *smtp;
	struct eng_frags *frags;
	struct rte_ring *inbox; // picked-up segments from other workers (MP in, SC out)
	void (*flush)(void *arg, uint16_t port); // io/: empties a full list in the middle of a turn
	void *flush_arg;
	uint64_t tick_at_us;    // when eng_smtp_tick is due
	uint64_t icmp_at_us;    // routed mode: when icmp_left was last filled
	uint32_t icmp_left;     // ICMP errors that may still leave
	uint32_t news_left;     // likewise of neighbours' news that the manager is told
	uint64_t news_at_us;
	uint64_t admin_at_us;   // when admin_left was last filled
	uint32_t admin_left;    // packets that the host still takes in this second
	uint64_t now_us;        // routed mode, and for the host: of the last burst or turn
	uint64_t turns;         // burst boundaries so far: what `turn` goes on from after a sleep
	struct eng_listing *listing; // of flows (eng.c)
	struct eng_sight *sight;     // in statistics memory; w: worker, r: any
	struct eng_sight *own_sight; // what `sight` points at until statistics memory is bound
	struct eng_watch *watch;
	uint64_t *own_counters; // what `counters` points at until statistics memory is bound
	struct eng_out out[ENG_PORTS_MAX];
	struct rte_mbuf *smtpq[ENG_SMTPQ_MAX];
	_Alignas(64) _Atomic uint64_t
		turn; // w: worker at each burst boundary, r: manager; 0 = offline
	_Alignas(64) _Atomic(const struct eng_sink *) sink; // w: manager, r: worker
	_Atomic uint64_t
		bound; // of a drain: its epoch, and in the lower half those that need us; w: worker, r: manager
};

// The context as the classifier wants it (pol_key.context), in the image in force. There is one.
static inline uint16_t eng_context_index(const struct eng_worker *w, uint16_t context)
{
	return w->pick->at.index[context & ENG_CONTEXT_NONE];
}

// The same in an image of before; POL_ANY where that is not known any more.
uint16_t eng_context_index_of(const struct eng_worker *w, uint64_t version, uint16_t context);

// The context as limits know it: by its name, which says the same in every image, and its VLAN. There is
// an image.
static inline uint32_t eng_context_key(const struct eng_worker *w, uint16_t context)
{
	return w->pick->context_key[context & ENG_CONTEXT_NONE];
}

static inline uint16_t eng_context_vlan(uint16_t context)
{
	return context >> ENG_CONTEXT_BITS;
}

// Is this TCP port picked up: one bit test, for every TCP packet. There is an image.
static inline bool eng_picks_up(const struct eng_worker *w, uint16_t port)
{
	return eng_pick_has(w->pick, port);
}

static inline void eng_count(struct eng_worker *w, enum eng_reason r)
{
	w->counters[r]++;
}

static inline void eng_count_n(struct eng_worker *w, enum eng_reason r, uint64_t n)
{
	w->counters[r] += n;
}

static inline struct eng_meta *eng_meta_of(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}

static inline const struct eng_meta *eng_meta_of_const(const struct rte_mbuf *m)
{
	return (const struct eng_meta *)(const void *)(m + 1);
}

// The bytes of a frame, which is one buffer.
static inline struct span eng_frame_of(const struct rte_mbuf *m)
{
	return (struct span){.p = rte_pktmbuf_mtod(m, const uint8_t *), .n = m->data_len};
}

// The outer VID; 0 where there is no tag.
static inline uint16_t eng_vlan_of(const struct wire_view *v)
{
	return v->ntags > 0 ? v->tci[0] & 0xfff : 0;
}

// Puts a frame on a port's way out; a full out list drops it with the reason. Consumes `m`.
void eng_out_tx(struct eng_worker *w, uint16_t port, struct rte_mbuf *m);
// Drops a frame for a reason. Consumes `m`.
void eng_drop(struct eng_worker *w, struct rte_mbuf *m, enum eng_reason r);
// Sends an unchanged or edited frame the way its mode says: to the peer of `in_port`, or by the
// forwarding table, or by the route to its destination. Consumes `m`.
void eng_forward_tx(struct eng_worker *w, uint16_t in_port, struct rte_mbuf *m);
// Sends a frame of ours to a port behind which who it is for was seen, or, in routed mode, by the route.
// Consumes `m`.
void eng_own_tx(struct eng_worker *w, uint16_t port, struct rte_mbuf *m);
