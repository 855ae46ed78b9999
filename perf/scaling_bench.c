// SPDX-License-Identifier: BSD-3-Clause
// What one worker and two workers of one data plane get through in busy time: whole sessions at random points
// of their course (bench_mix.h), as many for each worker. A frame comes to any worker, as a device's own hash
// spreads them, so of two workers each hands over half of what it gets. Where one waits for the other it goes on
// turning, and what it takes from its inbox then counts as well. Bursts in which the
// machine stopped the worker are left out. Writes one JSON object; perf/scaling runs it.
//   scaling_bench WORKERS CPU SESSIONS ROUNDS MEMORY_MB huge|pages
// The first worker is on CPU, the second on the next one.
// Thread: one a worker.
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_lcore.h>

#include "bench_mix.h"
#include "bench_rounds.h"

enum {
	WORKERS_MAX = 2,
	BURSTS = 1000, // of a worker in a round
	ROUNDS_MAX = 100,
	WAITING_MAX = 1024, // frames in the other's inbox
	STOP_US = 50, // ten times what a burst takes
};

struct lane { // a worker and the traffic that comes to it
	struct bench b;
	struct bench_mix *mix;
	unsigned id, cpu, sessions, rounds;
	pthread_t thread;
	struct lane *other;    // NULL: alone
	_Atomic uint32_t met;  // how often; w: the lane, r: the other
	uint64_t between;      // cycles of turns between bursts that found work
	double mpps[ROUNDS_MAX];
};

static uint64_t stop_cycles;


// A turn between bursts, in which the other worker's frames are read.
static void turn(struct lane *l)
{
	const uint64_t from = rte_rdtsc_precise();
	const bool worked = eng_turn(l->b.w, l->b.now_us) > 0;
	const uint64_t cycles = rte_rdtsc_precise() - from;

	if (worked && cycles < stop_cycles)
		l->between += cycles;
	bench_out_drop(&l->b);
}

// Behind each burst: not on while the other's inbox fills up, else the machine's stops would lose frames.
static void pace(void *arg)
{
	struct lane *l = arg;

	while (rte_ring_count(l->other->b.w->inbox) > WAITING_MAX)
		turn(l);
}

// Both come here before either goes on; meanwhile frames are read.
static void meet(struct lane *l)
{
	if (l->other == NULL)
		return;
	const uint32_t mine = 1 + atomic_fetch_add_explicit(&l->met, 1, memory_order_release);
	// Pairs with the other's release: what it wrote before is there.
	while (atomic_load_explicit(&l->other->met, memory_order_acquire) < mine)
		turn(l);
}

static void round_run(struct lane *l, unsigned round)
{
	uint64_t each[BURSTS], cycles = 0, bursts = 0;

	meet(l);
	l->between = 0;
	l->b.each = each;
	l->b.neach = 0;
	while (l->b.neach < BURSTS)
		bench_mix_run(l->mix, 1, ENG_BURST);
	l->b.each = NULL;
	meet(l);
	for (unsigned i = 0; i < BURSTS; i++)
		if (each[i] < stop_cycles) {
			cycles += each[i];
			bursts++;
		}
	l->mpps[round] = (double)(bursts * ENG_BURST) /
		((double)(cycles + l->between) / (double)rte_get_tsc_hz()) / 1e6;
}

static void *lane_run(void *arg)
{
	struct lane *l = arg;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(l->cpu, &one);
	const bool placed = pthread_setaffinity_np(pthread_self(), sizeof(one), &one) == 0 &&
		(rte_lcore_id() != LCORE_ID_ANY || rte_thread_register() == 0);
	meet(l);
	if (placed)
		l->mix = bench_mix_new_at(
			&l->b, l->id * l->sessions, l->sessions, BENCH_READ);
	meet(l);
	const bool both = l->mix != NULL && (l->other == NULL || l->other->mix != NULL);
	for (unsigned i = 0; both && i < l->rounds; i++)
		round_run(l, i);
	return NULL;
}

static int show(struct lane *lane, unsigned workers, unsigned rounds)
{
	double sum[ROUNDS_MAX] = {0};
	uint64_t lost = 0, handed = 0, smtp = 0, ended = 0, messages = 0;

	for (unsigned w = 0; w < workers; w++) {
		for (unsigned i = 0; i < rounds; i++)
			sum[i] += lane[w].mpps[i];
		lost += bench_counter(&lane[w].b, DROP_INBOX_FULL);
		handed += bench_counter(&lane[w].b, SMTP_HANDED);
		smtp += bench_counter(&lane[w].b, SMTP_PACKETS);
		ended += bench_mix_ended(lane[w].mix);
		messages += bench_counter(&lane[w].b, MESSAGES);
	}
	printf("{\"workers\": %u, \"handed_over\": %.3f, \"ended\": %" PRIu64
	       ", \"messages\": %" PRIu64 ", \"packets\": %u",
		workers, (double)handed / (double)smtp, ended, messages, bench_mix_packets());
	bench_rounds("mpps", sum, rounds);
	printf("}\n");
	if (lost == 0 && messages >= ended)
		return 0;
	fprintf(stderr, "scaling: %" PRIu64 " lost in full inboxes; %" PRIu64 " sessions, %" PRIu64 " messages\n",
		lost, ended, messages);
	return 1;
}

int main(int argc, char **argv)
{
	static struct lane lane[WORKERS_MAX];
	const unsigned workers = argc == 7 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	const unsigned rounds = argc == 7 ? (unsigned)strtoul(argv[4], NULL, 10) : 0;

	if (workers == 0 || workers > WORKERS_MAX || rounds == 0 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: scaling_bench WORKERS CPU SESSIONS ROUNDS MEMORY_MB huge|pages, 1..%d workers\n",
			WORKERS_MAX);
		return 2;
	}
	const uint32_t sessions = (uint32_t)strtoul(argv[3], NULL, 10), held = workers * sessions;
	const struct bench_conf conf = {.flows = 4 * held, .messages = held, .slabs = 2 * held,
		.touch = true, .workers = (uint16_t)workers};

	if (!bench_start((uint32_t)strtoul(argv[5], NULL, 10), strcmp(argv[6], "huge") == 0) ||
		!bench_open(&lane[0].b, &conf))
		return 1;
	stop_cycles = rte_get_tsc_hz() / 1000000 * STOP_US;
	for (unsigned w = 0; w < workers; w++) {
		struct lane *l = &lane[w];

		if (w > 0)
			bench_worker(&lane[0].b, (uint16_t)w, &l->b);
		l->b.csum_good = true;
		l->id = w;
		l->cpu = (unsigned)strtoul(argv[2], NULL, 10) + w;
		l->sessions = sessions;
		l->rounds = rounds;
		l->other = workers > 1 ? &lane[!w] : NULL;
		l->b.behind = workers > 1 ? pace : NULL;
		l->b.behind_arg = l;
	}
	for (unsigned w = 1; w < workers; w++)
		if (pthread_create(&lane[w].thread, NULL, lane_run, &lane[w]) != 0)
			return 1;
	(void)lane_run(&lane[0]); // nothing comes of it
	for (unsigned w = 1; w < workers; w++)
		(void)pthread_join(lane[w].thread, NULL); // ours, not joined before
	for (unsigned w = 0; w < workers; w++)
		if (lane[w].mix == NULL)
			return 1;
	const int rc = show(lane, workers, rounds);
	for (unsigned w = 0; w < workers; w++)
		bench_mix_free(lane[w].mix);
	bench_close(&lane[0].b);
	bench_stop();
	return rc;
}
