// SPDX-License-Identifier: BSD-3-Clause
// The engine as io/ and link/ see it: workers, what goes in, what comes out, the image in force.
// Thread: eng_new, eng_image_*, eng_free by the manager; eng_rx and eng_turn by the worker itself.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "eng_report.h"
#include "err.h"

enum {
	ENG_PORTS_MAX = 32,
	ENG_WORKERS_MAX = 64,
	ENG_BURST = 32,
	ENG_OUT_MAX = 256,
	ENG_NO_PORT = 0xffff,
	ENG_HOST_PORT = 0xfffe, // by which came what the host's kernel sends (eng_admin.h)
};

enum eng_mode { ENG_MODE_PAIR, ENG_MODE_LEARN, ENG_MODE_ROUTED };

struct eng_port {
	uint16_t peer; // pair mode: where frames leave; ENG_NO_PORT where none
	uint8_t side;  // pair mode: 0 = named first in its pair, 1 = second
	uint8_t mac[6]; // of the device; routed mode speaks by it
	uint32_t mtu;   // bytes of an IP packet
};

struct eng_routing; // eng_routing.h
struct eng_admin_conf; // eng_admin.h

struct eng_conf {
	enum eng_mode mode;
	uint16_t workers, ports;
	struct eng_port
		port[ENG_PORTS_MAX];     // by data-plane port number = order in the configuration
	uint32_t flows, messages, slabs; // all workers together
	uint32_t limit_cells;            // likewise; 0: no limits
	uint32_t bindings, endpoints, senders; // that are known at most (tbl_clients.h); 0: none of them
	void *cells;                     // memory for them (tbl_cells_bytes); NULL: DPDK's
	struct rte_mempool *pool;        // packets we build; data room for the largest MTU
	const struct eng_routing *routing; // routed mode, borrowed for eng_new; else NULL
	const struct eng_admin_conf
		*admin; // likewise; NULL: the host is not reached through the ports
	int socket;                      // NUMA
};

// Frames a worker has for a port; io/ sends and empties it after each burst and each turn.
struct eng_out {
	uint16_t n;
	struct rte_mbuf *pkts[ENG_OUT_MAX];
};

struct tbl_clients;
struct eng;        // everything
struct eng_worker; // of one core; layout in eng_worker.h
struct eng_image;  // policy and databases in force, prepared for this data plane

// What eng_new takes of DPDK's memory, about; sizes of *conf alone count.
uint64_t eng_memory_bytes(const struct eng_conf *conf);
// Takes all memory. NULL with errno and *err.
struct eng *eng_new(const struct eng_conf *conf, struct err_list *err);
void eng_free(struct eng *e);
struct eng_worker *eng_worker_at(struct eng *e, uint16_t id);
struct eng_out *eng_out_of(struct eng_worker *w, uint16_t port);
// Called by the worker when its list for a port is full in the middle of a turn: sends and empties
// it.
void eng_flush_set(struct eng_worker *w, void (*flush)(void *arg, uint16_t port), void *arg);
// The port did not take `n` frames, which io/ has freed.
void eng_tx_full(struct eng_worker *w, uint32_t n);
// A turn of the worker's loop, devices included, that found something to do took so many nanoseconds.
void eng_busy(struct eng_worker *w, uint64_t ns);
// The manager's share, a bounded slice a call: learns and ages the forwarding table, takes
// back memory of clients that went.
void eng_manage(struct eng *e, uint64_t now_us);
// The clock hour, any count of hours that goes on by one at each: throttles count by it; the next one begins at
// second `next_s` of the clock of turns. The manager.
void eng_hour_set(struct eng *e, uint32_t hour, uint32_t next_s);
// The control plane is attached and was heard now; 0: it went. All ports have a link, or not. The manager.
void eng_control_heard(struct eng *e, uint64_t now_us);
void eng_ports_set(struct eng *e, bool all_up);
// Of the port that says whether we are well (eng_health.h).
enum eng_health_state { ENG_HEALTH_NONE, ENG_HEALTH_DOWN, ENG_HEALTH_UP };
enum eng_health_state eng_health_state(const struct eng *e);
// What is known of clients, for the manager to write; NULL where nothing may be.
struct tbl_clients *eng_clients(struct eng *e);

// A burst from the port's queue; the engine consumes every mbuf. now_us: monotonic microseconds.
void eng_rx(
	struct eng_worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n, uint64_t now_us);
// Work that waits: SMTP segments under a budget, packets handed over by other workers, timers,
// a bounded slice of ageing. Returns 0 where there was nothing to do.
uint32_t eng_turn(struct eng_worker *w, uint64_t now_us);
// When the worker next needs a turn though no packet comes, microseconds from now (at most
// 1000000).
uint32_t eng_wait_us(struct eng_worker *w, uint64_t now_us);

// Statistics memory (api_stats.h layout is link's business): names and a worker's counters.
enum eng_stat_kind {
	ENG_STAT_TRAFFIC,
	ENG_STAT_PASS,
	ENG_STAT_DROP,
	ENG_STAT_ACTION,
	ENG_STAT_GAUGE,
	ENG_STAT_PEAK // the highest that was seen
};
struct eng_stat_name {
	const char *name, *help, *unit; // unit: what one count is one of, "connections"
	enum eng_stat_kind kind;
};
extern const struct eng_stat_name eng_stat_names[];
extern const unsigned eng_stat_count;
// Points a worker's counters at statistics memory (before it runs): uint64_t[eng_stat_count], and
// hits a policy.
void eng_stats_bind(
	struct eng_worker *w, uint64_t *counters, uint64_t *policy_hits, uint32_t policies_max);

// Image: `bytes` is copied, verified, its databases deserialised and checked, scratch and stream
// memory made for every worker. NULL with the reason in *err. Manager only.
struct eng_image *eng_image_new(struct eng *e, const void *bytes, uint64_t n, struct err_list *err);
// Puts it in force (release store); workers see it at their next burst. The old one is retired.
void eng_image_swap(struct eng *e, struct eng_image *img);
// Frees retired images that no worker and no message uses any more; call now and then. Returns how
// many are left.
unsigned eng_image_reap(struct eng *e);
uint64_t eng_image_version(const struct eng *e); // 0 = none

// A candidate beside the image in force: from its next burst on a worker compares what the candidate would
// decide, and does nothing by it. Takes the place of the one before. `bytes` as for eng_image_new.
// 0, -EINVAL or -ENOMEM with the reason in *err; then the one before goes on. Manager only.
int eng_shadow_begin(struct eng *e, const void *bytes, uint64_t n, struct err_list *err);
// There is none any more; its memory goes with eng_image_reap. No effect where there is none.
void eng_shadow_end(struct eng *e);
uint64_t eng_shadow_version(const struct eng *e); // of the candidate's image, 0 = none

// Where workers put outcomes and records: set by link/ at attach, NULL at detach. The callbacks run
// on the worker, must not wait, and return 0 or -EAGAIN (full). `fill` tells how full the outcome
// ring is, 0..100; from 50 on the engine adds up outcomes a client before it hands them over.
struct eng_sink {
	int (*outcome)(void *arg, const struct eng_outcome *o);
	int (*record)(void *arg, const struct eng_record *r);
	unsigned (*fill)(void *arg);
	int (*ask)(void *arg, const struct eng_question *q); // NULL: nobody answers
	int (*finding)(void *arg, struct eng_finding *f);    // the next one; -EAGAIN: none
	void *arg;
};
// Memory stays the caller's, to be kept until eng_quiesced after the next set. sink NULL =
// detached.
void eng_sink_set(struct eng *e, uint16_t worker, const struct eng_sink *sink);
// True once every worker has passed a burst boundary since the last eng_sink_set or eng_image_swap.
bool eng_quiesced(struct eng *e);
// A worker that sleeps counts as quiesced: io/ brackets its sleep with these.
void eng_worker_offline(struct eng_worker *w);
void eng_worker_online(struct eng_worker *w, uint64_t now_us);

// Rows for flows.list: asks a worker; it answers at its next turns. Manager only.
int eng_flows_ask(struct eng *e, uint16_t worker,
	uint32_t max); // 0 or -EBUSY (last one not taken to its end)
int eng_flows_take(struct eng *e, uint16_t worker,
	struct eng_flow_row *row); // 0, -EAGAIN (not yet), -ENOENT (end)
