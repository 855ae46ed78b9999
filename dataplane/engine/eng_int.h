// SPDX-License-Identifier: BSD-3-Clause
// What the engine's own files share: the whole of it, and the stages of a packet's journey.
// Thread: struct eng belongs to the manager; workers read `conf`, `fdb`, `cells` and `image`.
#pragma once

#include "eng_drain.h"
#include "eng_worker.h"
#include "tbl_clients.h"
#include "tbl_fdb.h"

struct eng_net;  // routed mode: interfaces, routes, next hops (eng_net.h)
struct eng_health; // routed mode: the port that says whether we are well (eng_health.h)
struct eng_kept; // profiles of an image that is not in force any more (eng_bound.c)

enum { ENG_KEPT_MAX = 8 };

struct eng_grace { // has every worker passed a burst boundary since?
	uint64_t turn[ENG_WORKERS_MAX];
};

struct eng_contexts {                    // numbers of contexts in flow keys; the manager's
	uint32_t key[ENG_CONTEXT_NONE];  // of the name; 0 = never used
	uint32_t used[ENG_CONTEXT_NONE]; // an image had it, the how manyeth
	uint32_t images;
};

struct eng {
	struct eng_conf conf;
	struct eng_contexts contexts;
	struct tbl_fdb *fdb;              // learn mode, else NULL
	struct eng_net *net;              // routed mode, else NULL
	struct eng_admin *admin;          // NULL: the host is not reached through the ports
	struct eng_health *health;        // routed mode with a health port, else NULL
	struct tbl_cells *cells;          // of limits, all workers'; NULL: none
	void *own_cells;                  // their memory where it is ours
	struct tbl_clients *clients;      // w: manager, r: workers; NULL: nothing is known of any
	_Atomic uint32_t hour;            // of the clock; w: manager, r: workers
	_Atomic uint32_t hour_next_s;     // when the next one begins; likewise
	struct eng_drain drain;
	_Atomic uint32_t graces; // begun anew so often (eng_grace_renew); w: manager, r: workers
	uint64_t control_us;     // the control plane was heard; 0: none; the manager's, as the next
	bool ports_lost;         // one has no link
	struct eng_worker *worker[ENG_WORKERS_MAX];
	_Atomic(struct eng_image *) image; // w: manager, r: workers at a burst boundary
	struct eng_image **retired;       // swapped out, perhaps still used
	unsigned nretired, retired_max;
	_Atomic(struct eng_shadow *) shadow; // the candidate, NULL: none; w, r: as image
	uint32_t shadow_runs;                // so many came
	struct eng_shadow *shadow_out;       // of those that are over, perhaps still looked at
	_Atomic(struct eng_kept *) kept[ENG_KEPT_MAX]; // w: manager, r: workers
	unsigned kept_next;
	struct eng_kept *kept_out;        // perhaps still looked at
	struct eng_grace grace;           // since the last swap or sink
	struct eng_grace fdb_grace;       // since the last deletions from the forwarding table
	bool fdb_waits;
	struct eng_grace clients_grace;   // since what waits in `clients` was retired
	bool clients_wait;
	struct eng_grace net_grace; // since hops were deleted
	bool net_waits;
};

// eng.c: a grace period begins; is it over? Manager.
void eng_grace_begin(const struct eng *e, struct eng_grace *g);
bool eng_grace_is_over(const struct eng *e, struct eng_grace *g);

// eng_image.c: gives back all memory of an image that no worker uses; whether one does.
void eng_image_free(struct eng_image *img);
bool eng_image_is_used(const struct eng_image *img);

// eng_bound.c, the manager's: keeps the profiles of an image that goes out of force; frees what no worker
// looks at any more (behind a burst boundary of each); frees all.
void eng_kept_add(struct eng *e, const struct eng_image *old);
void eng_kept_reap(struct eng *e);
void eng_kept_free(struct eng *e);

// The stages. Each takes a burst of at most ENG_BURST and consumes it, but for eng_parse.
// Sorts a burst: frames that cannot be of a picked-up port stay in `pkts`, at its front, their
// number is returned; the others go to `look`, parsed.
uint16_t eng_parse(struct eng_worker *w, struct rte_mbuf **pkts, uint16_t n, struct rte_mbuf **look,
	uint16_t *nlook);
void eng_forward(struct eng_worker *w, uint16_t in_port, struct rte_mbuf **pkts, uint16_t n);
void eng_steer(struct eng_worker *w, uint16_t in_port, struct rte_mbuf **pkts, uint16_t n,
	uint64_t now_us);
// One TCP segment that is not in a burst, its view filled. Consumes `m`.
void eng_steer_segment_consume(struct eng_worker *w, uint16_t in_port, struct rte_mbuf *m);
// A fragment of TCP, at the owner of its set (eng_meta: in_port, context, view). Consumes `m`.
void eng_fragment_consume(struct eng_worker *w, struct rte_mbuf *m, uint64_t now_us);
// Gives up a bounded number of sets whose time is over. Returns how many.
uint32_t eng_fragment_tick(struct eng_worker *w, uint64_t now_us);
uint32_t eng_fragment_wait_us(const struct eng_worker *w, uint64_t now_us, uint32_t max_us);
// Memory of fragments, a worker's. NULL with errno.
struct eng_frags *eng_frags_new(int socket);
void eng_frags_free(struct eng_frags *f);
uint64_t eng_frags_bytes(void);
// Learn mode: notes where the sources of a burst lie. Borrows the frames.
void eng_learn(struct eng_worker *w, uint16_t in_port, struct rte_mbuf *const *pkts, uint16_t n,
	uint64_t now_us);

// Queues a picked-up segment for this worker to read; full = dropped. Consumes `m`.
void eng_smtpq_push_consume(struct eng_worker *w, struct rte_mbuf *m);
