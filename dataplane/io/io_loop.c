// SPDX-License-Identifier: BSD-3-Clause
// The worker's loop: a burst from each of its queues through the engine and out, then the engine's
// waiting work, then out again. What a device does not take after a few tries is dropped and
// counted: waiting for one port must not stop the others.
// Thread: one worker each; nothing here logs, locks or allocates.
#include "io_int.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_pause.h>

enum {
	TX_TRIES = 4,
	SPIN_TURNS = 64, // empty turns before the first pause or sleep
	SLEEP_MIN_US = 20,
	SLEEP_MAX_US = 500,
	SLEEP_WORTH_US = 10,
	PAUSES = 32,
	SLACK_NS = 2000, // timer slack: the default of 50 us is more than the shortest sleep
};

static void give_up(struct io_worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n)
{
	rte_pktmbuf_free_bulk(pkts, n);
	eng_tx_full(w->eng, n);
	(void)atomic_fetch_add_explicit(&w->io->port[port].tx_full, n, memory_order_relaxed);
}

static void send_burst(struct io_worker *w, uint16_t port, uint16_t id, uint16_t queue,
	struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t sent = rte_eth_tx_burst(id, queue, pkts, n);

	for (unsigned i = 1; sent < n && i < TX_TRIES; i++)
		sent += rte_eth_tx_burst(id, queue, pkts + sent, (uint16_t)(n - sent));
	if (unlikely(sent < n))
		give_up(w, port, pkts + sent, (uint16_t)(n - sent));
}

static void flush_port(struct io_worker *w, uint16_t port, struct eng_out *out)
{
	struct io_tx *tx = &w->tx[port];
	uint16_t n = out->n;

	out->n = 0;
	if (tx->ring == NULL) {
		send_burst(w, port, tx->id, tx->queue, out->pkts, n);
	} else {
		unsigned sent = rte_ring_mp_enqueue_burst(tx->ring, (void **)out->pkts, n, NULL);

		if (sent < n)
			give_up(w, port, out->pkts + sent, (uint16_t)(n - sent));
	}
}

static void flush(struct io_worker *w)
{
	for (uint16_t p = 0; p < w->nports; p++) {
		struct eng_out *out = eng_out_of(w->eng, p);

		if (out->n > 0)
			flush_port(w, p, out);
	}
}

static void flush_one(void *arg, uint16_t port)
{
	struct io_worker *w = arg;

	flush_port(w, port, eng_out_of(w->eng, port));
}

static uint32_t receive(struct io_worker *w, uint64_t now_us)
{
	uint32_t got = 0;

	for (uint16_t i = 0; i < w->nrx; i++) {
		struct rte_mbuf *pkts[ENG_BURST];
		uint16_t n = rte_eth_rx_burst(w->rx[i].id, w->rx[i].queue, pkts, ENG_BURST);

		if (n == 0)
			continue;
		got += n;
		eng_rx(w->eng, w->rx[i].port, pkts, n, now_us);
		flush(w);
	}
	return got;
}

static uint32_t drain(struct io_worker *w)
{
	uint32_t got = 0;

	for (uint16_t i = 0; i < w->ndrain; i++) {
		struct rte_mbuf *pkts[ENG_BURST];
		unsigned n =
			rte_ring_sc_dequeue_burst(w->drain[i].ring, (void **)pkts, ENG_BURST, NULL);

		if (n == 0)
			continue;
		got += n;
		send_burst(
			w, w->drain[i].port, w->drain[i].id, w->drain[i].queue, pkts, (uint16_t)n);
	}
	return got;
}

// Sleeps longer the longer nothing came; the engine's timers cut it short. Returns the next length.
static uint32_t nap(struct io_worker *w, uint32_t us)
{
	uint64_t now_us = io_now_us(w->io, rte_rdtsc());
	uint32_t most = eng_wait_us(w->eng, now_us);
	struct timespec ts = {.tv_nsec = (long)RTE_MIN(us, most) * 1000};

	if (most < SLEEP_WORTH_US)
		return us;
	eng_worker_offline(w->eng);
	(void)nanosleep(&ts, NULL);
	eng_worker_online(w->eng, io_now_us(w->io, rte_rdtsc()));
	return RTE_MIN(us * 2, (uint32_t)SLEEP_MAX_US);
}

static void pause_some(void)
{
	for (unsigned i = 0; i < PAUSES; i++)
		rte_pause();
}

int io_loop(void *arg)
{
	struct io_worker *w = arg;
	const enum io_idle idle = w->io->conf.idle;
	uint32_t empty = 0, sleep_us = SLEEP_MIN_US, done = 0;
	uint64_t beat = 0, began = 0;
	clockid_t cpu;

	(void)prctl(PR_SET_TIMERSLACK, SLACK_NS);
	if (pthread_getcpuclockid(pthread_self(), &cpu) == 0)
		atomic_store_explicit(&w->cpu_clock, cpu, memory_order_relaxed);
	eng_flush_set(w->eng, flush_one, w);
	eng_worker_online(w->eng, io_now_us(w->io, rte_rdtsc()));
	while (!atomic_load_explicit(&w->io->stop, memory_order_relaxed)) {
		const uint64_t tsc = rte_rdtsc();
		const uint64_t now_us = io_now_us(w->io, tsc);

		if (done > 0) // the turn before this one
			eng_busy(w->eng, io_cycles_ns(w->io, tsc - began));
		began = tsc;
		done = receive(w, now_us);
		if (w->ndrain > 0)
			done += drain(w);
		done += eng_turn(w->eng, now_us);
		flush(w);
		atomic_store_explicit(&w->beat, ++beat, memory_order_relaxed);
		if (done > 0) {
			empty = 0;
			sleep_us = SLEEP_MIN_US;
		} else if (idle == IO_IDLE_POLL || ++empty < SPIN_TURNS) {
			continue;
		} else if (idle == IO_IDLE_PAUSE) {
			pause_some();
		} else {
			sleep_us = nap(w, sleep_us);
		}
	}
	eng_worker_offline(w->eng);
	return 0;
}
