// SPDX-License-Identifier: BSD-3-Clause
// The engine as a whole: workers made and freed, a worker's turn, the image in force and who may
// still be reading an old one, lists of flows.
//
// Grace periods: a worker raises `turn` at each burst boundary (eng_turn) with a sequentially
// consistent store and only then reads `image`; the manager stores the new image and only then
// reads `turn`. So one of the two sees the other, and a turn that has moved on (or 0: offline)
// proves that the worker does not hold what was there before.
#include "eng_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>
#include <rte_ring_elem.h>

#include "eng_admin.h"
#include "eng_half.h"
#include "eng_health.h"
#include "eng_net.h"
#include "eng_shadow.h"
#include "eng_smtp.h"
#include "panic.h"
#include "tbl_cells.h"
#include "tbl_clients.h"

enum {
	INBOX_MAX = 4096,
	SMTP_A_TURN = 64,     // segments read a turn at most,
	SMTP_US_A_TURN = 100, // and no more once this has gone by,
	SMTP_A_LOOK = 4,      // at the clock after so many
	SMTP_AHEAD = 2,       // so many before its turn a segment's memory is asked for
	TICK_US = 250,        // timers are looked at no more often
	WAIT_MAX_US = 1000000,
	FDB_ENTRIES = 65536,
	FDB_REPORTS_A_TURN = 256,
	FDB_AGED_A_TURN = 64,
	LISTING_ROWS = 64, // power of two
	FDB_BYTES = 96,
};

enum listing_state { LISTING_IDLE, LISTING_OPEN, LISTING_TOLD };

struct eng_listing {           // of flows, for flows.list
	_Atomic int state;     // w: manager IDLE -> OPEN, worker OPEN -> TOLD, manager -> IDLE
	uint32_t max, cursor;  // max: w: manager while IDLE; both: worker while OPEN
	struct rte_ring *rows; // struct eng_flow_row, worker -> manager
};

const struct eng_stat_name eng_stat_names[] = {
#define REASON(symbol, stat, counted, metric, meaning) \
	[symbol] = {.name = metric, .unit = counted, .help = meaning, .kind = ENG_STAT_##stat},
#include "reasons.def"
#undef REASON
};
const unsigned eng_stat_count = ENG_REASON_COUNT;

static struct tbl_clients_conf clients_conf(const struct eng_conf *conf)
{
	return (struct tbl_clients_conf){.name = "clients",
		.bindings = conf->bindings,
		.endpoints = conf->endpoints,
		.senders = conf->senders,
		.socket = conf->socket};
}

uint64_t eng_memory_bytes(const struct eng_conf *conf)
{
	const struct tbl_clients_conf clients = clients_conf(conf);
	uint32_t flows = conf->flows / conf->workers + 1;

	return flow_table_bytes(conf->flows, sizeof(struct eng_session)) +
		conf->workers *
		(flow_half_bytes(eng_half_max(flows), sizeof(struct eng_half)) +
			eng_unheard_bytes(flows) + flow_graves_bytes(eng_graves_max(flows)) +
			eng_helos_bytes(flows)) +
		conf->slabs * (sizeof(struct stream_slab) + sizeof(uint32_t)) +
		conf->messages * sizeof(struct eng_message) +
		conf->workers *
		(sizeof(struct eng_worker) + INBOX_MAX * sizeof(void *) + eng_frags_bytes() +
			eng_sight_bytes()) +
		(conf->limit_cells > 0 && conf->cells == NULL ? tbl_cells_bytes(conf->limit_cells)
							      : 0) +
		((conf->bindings | conf->endpoints | conf->senders) != 0
				? tbl_clients_bytes(&clients)
				: 0) +
		(conf->mode == ENG_MODE_LEARN ? FDB_ENTRIES * (uint64_t)FDB_BYTES : 0) +
		(conf->mode == ENG_MODE_ROUTED ? eng_net_bytes() + eng_health_bytes(conf->workers)
					       : 0) +
		(conf->admin != NULL ? eng_admin_bytes() : 0);
}

static void worker_free(struct eng_worker *w)
{
	if (w == NULL)
		return;
	if (w->smtp != NULL)
		eng_smtp_free(w->smtp);
	eng_frags_free(w->frags);
	if (w->listing != NULL)
		rte_ring_free(w->listing->rows);
	rte_free(w->listing);
	rte_ring_free(w->inbox);
	rte_free(w->own_counters);
	eng_sight_free(w);
	rte_free(w);
}

static struct eng_worker *worker_new(struct eng *e, uint16_t id, struct err_list *err)
{
	const struct eng_conf *conf = &e->conf;
	char name[RTE_RING_NAMESIZE];
	struct eng_worker *w =
		rte_zmalloc_socket("worker", sizeof(*w), RTE_CACHE_LINE_SIZE, conf->socket);

	if (w == NULL)
		goto no_memory;
	w->eng = e;
	w->id = id;
	w->workers = conf->workers;
	w->own_counters = rte_zmalloc_socket(
		"counters", ENG_REASON_COUNT * sizeof(uint64_t), RTE_CACHE_LINE_SIZE, conf->socket);
	w->counters = w->own_counters;
	w->listing = rte_zmalloc_socket(
		"listing", sizeof(*w->listing), RTE_CACHE_LINE_SIZE, conf->socket);
	(void)snprintf(name, sizeof(name), "inbox_%u", id);
	w->inbox = rte_ring_create(name, INBOX_MAX, conf->socket, RING_F_SC_DEQ);
	if (w->own_counters == NULL || w->listing == NULL || w->inbox == NULL ||
		!eng_sight_new(w, conf->socket))
		goto no_memory;
	(void)snprintf(name, sizeof(name), "rows_%u", id);
	w->listing->rows = rte_ring_create_elem(name, sizeof(struct eng_flow_row), LISTING_ROWS,
		conf->socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	w->frags = eng_frags_new(conf->socket);
	if (w->listing->rows == NULL || w->frags == NULL)
		goto no_memory;
	w->smtp = eng_smtp_new(w, conf, err);
	if (w->smtp == NULL) {
		worker_free(w);
		errno = ENOMEM;
		return NULL;
	}
	return w;

no_memory:
	err_add(err, "worker %u: no memory", id);
	worker_free(w);
	errno = ENOMEM;
	return NULL;
}

static int cells_new(struct eng *e, struct err_list *err)
{
	const uint32_t n = e->conf.limit_cells;
	uint8_t secret[16];

	if (n == 0)
		return 0;
	void *memory = e->conf.cells;
	if (memory == NULL)
		memory = e->own_cells = rte_malloc_socket(
			"limit cells", tbl_cells_bytes(n), RTE_CACHE_LINE_SIZE, e->conf.socket);
	if (memory == NULL || getentropy(secret, sizeof(secret)) != 0) {
		err_add(err, "%u limit cells: no memory", n);
		return -ENOMEM;
	}
	e->cells = tbl_cells_init(memory, n, secret);
	return 0;
}

static int clients_new(struct eng *e, struct err_list *err)
{
	const struct tbl_clients_conf conf = clients_conf(&e->conf);

	if ((conf.bindings | conf.endpoints | conf.senders) == 0)
		return 0;
	e->clients = tbl_clients_new(&conf);
	if (e->clients != NULL)
		return 0;
	err_add(err, "%u bindings, %u endpoints, %u senders: no memory", conf.bindings,
		conf.endpoints, conf.senders);
	return -ENOMEM;
}

static int routed_new(struct eng *e, struct err_list *err)
{
	e->net = eng_net_new(&e->conf, err);
	if (e->net == NULL)
		return -ENOMEM;
	e->health = eng_health_new(&e->conf.routing->health, e->conf.workers, e->conf.socket, err);
	return e->health == NULL ? -errno : 0;
}

struct eng *eng_new(const struct eng_conf *conf, struct err_list *err)
{
	struct eng *e;

	_Static_assert(sizeof(struct eng_flow_row) % 4 == 0, "elements of a ring are words");
	if (conf->workers == 0 || conf->workers > ENG_WORKERS_MAX || conf->ports > ENG_PORTS_MAX) {
		err_add(err, "%u workers, %u ports: at most %d and %d, at least one worker",
			conf->workers, conf->ports, ENG_WORKERS_MAX, ENG_PORTS_MAX);
		errno = EINVAL;
		return NULL;
	}
	e = rte_zmalloc_socket("engine", sizeof(*e), RTE_CACHE_LINE_SIZE, conf->socket);
	if (e == NULL) {
		err_add(err, "engine: no memory");
		errno = ENOMEM;
		return NULL;
	}
	e->conf = *conf;
	if (conf->mode == ENG_MODE_LEARN) {
		e->fdb = tbl_fdb_new("fdb", FDB_ENTRIES, conf->socket);
		if (e->fdb == NULL) {
			err_add(err, "forwarding table of %d entries: no memory", FDB_ENTRIES);
			eng_free(e);
			errno = ENOMEM;
			return NULL;
		}
	}
	if (conf->mode == ENG_MODE_ROUTED && routed_new(e, err) != 0) {
		eng_free(e);
		errno = ENOMEM;
		return NULL;
	}
	if (conf->admin != NULL) {
		e->admin = eng_admin_new(
			conf, e->net != NULL ? e->net->admin_from : conf->admin->from, err);
		if (e->admin == NULL) {
			eng_free(e);
			errno = ENOMEM;
			return NULL;
		}
	}
	e->conf.routing = NULL; // they were borrowed
	e->conf.admin = NULL;
	if (cells_new(e, err) != 0 || clients_new(e, err) != 0) {
		eng_free(e);
		errno = ENOMEM;
		return NULL;
	}
	for (uint16_t i = 0; i < conf->workers; i++) {
		e->worker[i] = worker_new(e, i, err);
		if (e->worker[i] == NULL) {
			int why = errno;

			eng_free(e);
			errno = why;
			return NULL;
		}
	}
	return e;
}

void eng_free(struct eng *e)
{
	struct eng_image *img;

	if (e == NULL)
		return;
	for (unsigned i = 0; i < ENG_WORKERS_MAX; i++)
		worker_free(e->worker[i]);
	eng_shadow_free_all(e);
	img = atomic_load_explicit(&e->image, memory_order_relaxed);
	if (img != NULL)
		eng_image_free(img);
	for (unsigned i = 0; i < e->nretired; i++)
		eng_image_free(e->retired[i]);
	free(e->retired);
	eng_kept_free(e);
	tbl_fdb_free(e->fdb);
	eng_health_free(e->health);
	eng_net_free(e->net);
	eng_admin_free(e->admin);
	tbl_clients_free(e->clients);
	rte_free(e->own_cells);
	rte_free(e);
}

struct eng_worker *eng_worker_at(struct eng *e, uint16_t id)
{
	return id < e->conf.workers ? e->worker[id] : NULL;
}

void eng_stats_bind(
	struct eng_worker *w, uint64_t *counters, uint64_t *policy_hits, uint32_t policies_max)
{
	w->counters = counters;
	w->policy_hits = policy_hits;
	w->policies_max = policies_max;
}

// ---- a worker's turn

void eng_rx(
	struct eng_worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n, uint64_t now_us)
{
	struct rte_mbuf *look[ENG_BURST];
	uint16_t nlook = 0;

	HOT_ASSERT(n <= ENG_BURST);
	eng_count_n(w, RX_PACKETS, n);
	if (w->eng->fdb != NULL)
		eng_learn(w, port, pkts, n, now_us);
	if (w->eng->net != NULL)
		n = eng_local(w, port, pkts, n, now_us);
	else if (w->eng->admin != NULL)
		n = eng_admin_frames(w, port, pkts, n, now_us);
	n = eng_parse(w, pkts, n, look, &nlook);
	if (n > 0)
		eng_forward(w, port, pkts, n);
	if (nlook > 0)
		eng_steer(w, port, look, nlook, now_us);
}

static uint32_t take_inbox(struct eng_worker *w, uint64_t now_us)
{
	struct rte_mbuf *pkts[ENG_BURST];
	unsigned n = rte_ring_sc_dequeue_burst(w->inbox, (void **)pkts, ENG_BURST, NULL);

	for (unsigned i = 0; i < n; i++) {
		if (eng_meta_of(pkts[i])->view.proto == WIRE_FRAGMENT)
			eng_fragment_consume(w, pkts[i], now_us);
		else
			eng_smtpq_push_consume(w, pkts[i]);
	}
	return n;
}

// Asks for the memory of the segment that is read behind so many others.
static inline void smtp_prefetch(const struct eng_worker *w, uint32_t behind)
{
	struct rte_mbuf *m = w->smtpq[(w->smtpq_head + behind) & (ENG_SMTPQ_MAX - 1)];

	rte_prefetch0(rte_pktmbuf_mtod(m, const void *));
	rte_prefetch0(rte_pktmbuf_mtod_offset(m, const void *, RTE_CACHE_LINE_SIZE));
	eng_smtp_segment_prefetch(w, m);
}

// Reads segments that wait, under a budget: the wire comes first.
static uint32_t read_smtp(struct eng_worker *w, uint64_t now_us)
{
	const uint64_t until = rte_rdtsc() + rte_get_tsc_hz() / 1000000 * SMTP_US_A_TURN;
	const uint32_t waiting = w->smtpq_tail - w->smtpq_head;
	uint32_t n = 0;

	eng_smtp_clock(w, now_us);
	for (uint32_t i = 0; i < waiting && i < SMTP_AHEAD; i++)
		smtp_prefetch(w, i);
	while (n < waiting && n < SMTP_A_TURN) {
		if (n + SMTP_AHEAD < waiting)
			smtp_prefetch(w, SMTP_AHEAD);
		if (n + 1 < waiting)
			eng_smtp_segment_follow(
				w, w->smtpq[(w->smtpq_head + 1) & (ENG_SMTPQ_MAX - 1)]);
		eng_smtp_packet_consume(w, w->smtpq[w->smtpq_head++ & (ENG_SMTPQ_MAX - 1)]);
		if (++n % SMTP_A_LOOK == 0 && rte_rdtsc() > until)
			break;
	}
	return n;
}

static void list_flows(struct eng_worker *w, uint64_t now_us)
{
	struct eng_listing *listing = w->listing;
	struct eng_flow_row rows[8];
	uint32_t room = rte_ring_free_count(listing->rows);
	uint32_t want, n;

	want = RTE_MIN(RTE_MIN(room, listing->max), (uint32_t)RTE_DIM(rows));
	if (want == 0 && listing->max > 0)
		return;
	n = want == 0 ? 0 : eng_smtp_rows(w, &listing->cursor, rows, want, now_us);
	if (n > 0)
		(void)rte_ring_sp_enqueue_burst_elem(listing->rows, rows, sizeof(rows[0]), n, NULL);
	listing->max -= n;
	if (listing->max == 0 ||
		listing->cursor ==
			ENG_ROWS_END) // pairs with the acquire in eng_flows_take: rows first, then the end
		atomic_store_explicit(&listing->state, LISTING_TOLD, memory_order_release);
}

// All that another image asks of a worker. Packets wait so long, so it is measured. A worker that wakes
// finds the one that it knows, most of the time.
static void image_take(struct eng_worker *w, struct eng_image *img, uint64_t now_us)
{
	const uint64_t from = rte_rdtsc();

	w->image = img;
	w->pick = img == NULL ? NULL : eng_image_pick(img);
	if (img == NULL || w->pick->version == w->smtp->image_version)
		return;
	eng_smtp_image_taken(w, now_us);

	uint64_t ns = (rte_rdtsc() - from) * UINT64_C(1000000000) / rte_get_tsc_hz();
	eng_count(w, ACT_IMAGE_TAKEN);
	eng_count_n(w, ACT_IMAGE_TAKEN_NS, ns);
	if (ns > w->counters[PEAK_IMAGE_TAKEN_NS])
		w->counters[PEAK_IMAGE_TAKEN_NS] = ns;
}

// A burst boundary (see the head of this file).
static void boundary(struct eng_worker *w, uint64_t now_us)
{
	struct eng_image *img;

	atomic_store_explicit(&w->turn, ++w->turns, memory_order_seq_cst);
	img = atomic_load_explicit(&w->eng->image, memory_order_seq_cst);
	if (unlikely(img != w->image))
		image_take(w, img, now_us);
	w->shadow = atomic_load_explicit(&w->eng->shadow, memory_order_seq_cst);
}

uint32_t eng_turn(struct eng_worker *w, uint64_t now_us)
{
	uint32_t done = 0;

	boundary(w, now_us);
	if (w->workers > 1)
		done += take_inbox(w, now_us);
	if (w->eng->net != NULL && w->id == 0)
		done += eng_route_ready(w, now_us);
	if (w->eng->admin != NULL && w->id == 0)
		done += eng_admin_ready(w, now_us);
	if (w->smtpq_head != w->smtpq_tail)
		done += read_smtp(w, now_us);
	if (now_us >= w->tick_at_us) {
		done += eng_smtp_tick(w, now_us);
		done += eng_fragment_tick(w, now_us);
		w->tick_at_us = now_us + TICK_US;
		if (atomic_load_explicit(&w->listing->state, memory_order_acquire) == LISTING_OPEN)
			list_flows(w, now_us);
	}
	return done;
}

uint32_t eng_wait_us(struct eng_worker *w, uint64_t now_us)
{
	if (w->smtpq_head != w->smtpq_tail || !rte_ring_empty(w->inbox) ||
		(w->eng->net != NULL && w->id == 0 && !rte_ring_empty(w->eng->net->ready)) ||
		(w->eng->admin != NULL && w->id == 0 && !rte_ring_empty(w->eng->admin->out)))
		return 0;
	// A list of flows that is being told, and a drain, go on at the next tick.
	bool asked =
		atomic_load_explicit(&w->listing->state, memory_order_relaxed) == LISTING_OPEN ||
		eng_drain_is_on(w);
	uint32_t wait_us = eng_fragment_wait_us(w, now_us, WAIT_MAX_US);

	wait_us = eng_smtp_wait_us(w, now_us, wait_us);

	return asked ? RTE_MIN(wait_us, (uint32_t)TICK_US) : wait_us;
}

void eng_worker_offline(struct eng_worker *w)
{
	w->image = NULL;
	w->pick = NULL;
	w->shadow = NULL;
	// Release: whatever the worker read is behind it (pairs with eng_grace_is_over).
	atomic_store_explicit(&w->turn, 0, memory_order_release);
}

void eng_worker_online(struct eng_worker *w, uint64_t now_us)
{
	boundary(w, now_us);
}

// ---- what the manager does

void eng_grace_begin(const struct eng *e, struct eng_grace *g)
{
	atomic_thread_fence(
		memory_order_seq_cst); // what was published stands before the turns read
	for (unsigned i = 0; i < e->conf.workers; i++)
		g->turn[i] = atomic_load_explicit(&e->worker[i]->turn, memory_order_seq_cst);
}

bool eng_grace_is_over(const struct eng *e, struct eng_grace *g)
{
	bool over = true;

	for (unsigned i = 0; i < e->conf.workers; i++) {
		uint64_t now = atomic_load_explicit(&e->worker[i]->turn, memory_order_acquire);

		if (g->turn[i] == 0)
			continue;
		if (now != g->turn[i])
			g->turn[i] = 0;
		else
			over = false;
	}
	return over;
}

void eng_image_swap(struct eng *e, struct eng_image *img)
{
	struct eng_image *old = atomic_load_explicit(&e->image, memory_order_relaxed);

	// Before: its sessions look for their profiles as soon as it is out of force.
	if (old != NULL)
		eng_kept_add(e, old);
	atomic_store_explicit(&e->image, img, memory_order_seq_cst);
	eng_grace_begin(e, &e->grace);
	if (old == NULL)
		return;
	if (e->nretired == e->retired_max) {
		unsigned max = e->retired_max + 64;
		struct eng_image **more = realloc(e->retired, max * sizeof(*more));

		if (more == NULL)
			PANIC("no memory to retire a policy image");
		e->retired = more;
		e->retired_max = max;
	}
	e->retired[e->nretired++] = old;
}

unsigned eng_image_reap(struct eng *e)
{
	unsigned kept = 0;

	if ((e->nretired == 0 && e->shadow_out == NULL) || !eng_grace_is_over(e, &e->grace))
		return e->nretired;
	eng_kept_reap(e);
	eng_shadow_reap(e);
	for (unsigned i = 0; i < e->nretired; i++) {
		if (eng_image_is_used(e->retired[i]))
			e->retired[kept++] = e->retired[i];
		else
			eng_image_free(e->retired[i]);
	}
	e->nretired = kept;
	return kept;
}

uint64_t eng_image_version(const struct eng *e)
{
	const struct eng_image *img = atomic_load_explicit(&e->image, memory_order_relaxed);

	return img == NULL ? 0 : pol_head(eng_image_policy(img))->version;
}

void eng_shadow_swap(struct eng *e, struct eng_shadow *sh)
{
	struct eng_shadow *old = atomic_load_explicit(&e->shadow, memory_order_relaxed);

	atomic_store_explicit(&e->shadow, sh, memory_order_seq_cst);
	eng_grace_begin(e, &e->grace);
	if (old == NULL)
		return;
	old->next = e->shadow_out;
	e->shadow_out = old;
}

void eng_sink_set(struct eng *e, uint16_t worker, const struct eng_sink *sink)
{
	ASSERT(worker < e->conf.workers);
	// Release: the sink's fields before the pointer (pairs with the worker's acquire).
	atomic_store_explicit(&e->worker[worker]->sink, sink, memory_order_release);
	eng_grace_begin(e, &e->grace);
}

bool eng_quiesced(struct eng *e)
{
	return eng_grace_is_over(e, &e->grace);
}

int eng_flows_ask(struct eng *e, uint16_t worker, uint32_t max)
{
	struct eng_listing *listing;

	ASSERT(worker < e->conf.workers);
	listing = e->worker[worker]->listing;
	if (atomic_load_explicit(&listing->state, memory_order_relaxed) != LISTING_IDLE)
		return -EBUSY;
	listing->max = max;
	listing->cursor = 0;
	// Release: max and cursor before the question (pairs with eng_turn).
	atomic_store_explicit(&listing->state, LISTING_OPEN, memory_order_release);
	return 0;
}

int eng_flows_take(struct eng *e, uint16_t worker, struct eng_flow_row *row)
{
	struct eng_listing *listing;
	int state;

	ASSERT(worker < e->conf.workers);
	listing = e->worker[worker]->listing;
	state = atomic_load_explicit(&listing->state, memory_order_acquire);
	if (rte_ring_sc_dequeue_elem(listing->rows, row, sizeof(*row)) == 0)
		return 0;
	if (state == LISTING_OPEN)
		return -EAGAIN;
	atomic_store_explicit(&listing->state, LISTING_IDLE, memory_order_relaxed);
	return -ENOENT;
}

void eng_hour_set(struct eng *e, uint32_t hour, uint32_t next_s)
{
	atomic_store_explicit(&e->hour, hour, memory_order_relaxed); // a number alone
	atomic_store_explicit(&e->hour_next_s, next_s, memory_order_relaxed); // likewise
}

struct tbl_clients *eng_clients(struct eng *e)
{
	return e->clients;
}

static void fdb_manage(struct eng *e, uint32_t now_s)
{
	(void)tbl_fdb_learn(e->fdb, now_s, FDB_REPORTS_A_TURN);
	if (!e->fdb_waits && tbl_fdb_age(e->fdb, now_s, FDB_AGED_A_TURN) > 0) {
		eng_grace_begin(e, &e->fdb_grace);
		e->fdb_waits = true;
	}
	if (e->fdb_waits && eng_grace_is_over(e, &e->fdb_grace)) {
		tbl_fdb_reclaim(e->fdb);
		e->fdb_waits = false;
	}
}

static void clients_manage(struct eng *e)
{
	if (!e->clients_wait && tbl_clients_waiting(e->clients) > 0) {
		tbl_clients_retire(e->clients);
		eng_grace_begin(e, &e->clients_grace);
		e->clients_wait = true;
	}
	if (e->clients_wait && eng_grace_is_over(e, &e->clients_grace)) {
		tbl_clients_reclaim(e->clients);
		e->clients_wait = false;
	}
}

void eng_manage(struct eng *e, uint64_t now_us)
{
	if (e->fdb != NULL)
		fdb_manage(e, (uint32_t)(now_us / 1000000));
	if (e->net != NULL)
		eng_neigh_manage(e, now_us);
	if (e->clients != NULL)
		clients_manage(e);
	eng_drain_manage(e, now_us);
	eng_health_manage(e, now_us);
}
