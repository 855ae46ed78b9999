// SPDX-License-Identifier: BSD-3-Clause
// A packet's cost with so many connections held, each packet on one drawn at random: NOOP, its reply, its
// acknowledgement. And what a miss costs: chains of dependent loads through as much memory as the connections take,
// one alone, and as many at once as a burst has packets.
// Under callgrind it counts from behind the set-up on (what the engine does, by the name bench_timed), and times
// nothing of use. One JSON object to standard output; perf/held runs it.
//   held_bench FLOWS BURSTS WARM MEMORY_MB huge|pages [chase]
// Thread: one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#ifdef HAVE_CALLGRIND
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_ZERO_STATS
#endif

#include "bench_world.h"

enum {
	TABLE = 1100000, // room for so many, however many are held
	STEPS = 3,
	BURSTS_MAX = 8192,
	LINE = 64,
	INDEX_BYTES = 8, // of a flow
	HOPS = 1 << 14,
	CHASES = 64,
};

static const char *const says[STEPS] = {"NOOP\r\n", "250 2.0.0 Ok\r\n", ""};
static const enum bench_side sides[STEPS] = {BENCH_CLIENT, BENCH_SERVER, BENCH_CLIENT};

static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((*state >> 32) * below >> 32);
}

// A NOOP and its reply on 32 connections, none twice: cycles of each step.
static void noops(
	struct bench *b, struct bench_conn *conns, uint32_t n, uint64_t *seed, double *cycles)
{
	struct bench_conn *of[ENG_BURST];
	struct rte_mbuf *pkts[ENG_BURST];
	const uint32_t part = n / ENG_BURST;

	for (uint32_t i = 0; i < ENG_BURST; i++)
		of[i] = &conns[i * part + draw(seed, part)];
	for (unsigned step = 0; step < STEPS; step++) {
		const uint64_t before = b->cycles;

		for (uint32_t i = 0; i < ENG_BURST; i++)
			pkts[i] = bench_segment(b, of[i], sides[step], TCP_ACK, says[step],
				(uint16_t)strlen(says[step]));
		bench_burst(b, sides[step], pkts, ENG_BURST);
		cycles[step] = (double)(b->cycles - before);
	}
}

// Nanoseconds of a load where `chains` of them are under way at once, each the next one of its own chain.
static double hop(const uint8_t *all, uint32_t *at, unsigned chains)
{
	double each[CHASES];

	for (unsigned c = 0; c < CHASES; c++) {
		const uint64_t from = rte_rdtsc_precise();

		for (unsigned i = 0; i < HOPS; i += chains)
			for (unsigned k = 0; k < chains; k++)
				at[k] = *(const volatile uint32_t *)(const void *)(all +
					(size_t)at[k] * LINE);
		each[c] = bench_ns(rte_rdtsc_precise() - from, HOPS);
	}
	return bench_median(each, CHASES);
}

// All over so many bytes in random order: a load that the next one waits for, and one of a burst's.
static bool chase(uint64_t bytes, uint64_t *seed, double *alone, double *of_burst)
{
	const uint32_t lines = (uint32_t)(bytes / LINE);
	uint32_t at[ENG_BURST];
	uint8_t *all = rte_malloc(NULL, (size_t)lines * LINE, LINE);

	if (all == NULL)
		return false;
	for (uint32_t i = 0; i < lines; i++)
		*(uint32_t *)(void *)(all + (size_t)i * LINE) = i;
	for (uint32_t i = lines - 1; i > 0; i--) { // one circle through all of them (Sattolo)
		uint32_t *x = (uint32_t *)(void *)(all + (size_t)i * LINE);
		uint32_t *y = (uint32_t *)(void *)(all + (size_t)draw(seed, i) * LINE);
		const uint32_t was = *x;

		*x = *y;
		*y = was;
	}
	for (unsigned k = 0; k < ENG_BURST; k++)
		at[k] = draw(seed, lines);
	*alone = hop(all, at, 1);
	*of_burst = hop(all, at, ENG_BURST);
	rte_free(all);
	return true;
}

static struct bench_conn *hold(struct bench *b, uint32_t n)
{
	struct bench_conn *conns = calloc(n, sizeof(*conns));
	uint64_t handshake = 0;

	if (conns == NULL)
		return NULL;
	for (uint32_t i = 0; i < n; i++)
		bench_conn_init(&conns[i], i, BENCH_READ);
	bench_greet(b, conns, 1, &handshake);
	for (uint32_t i = 1; i < n; i++)
		memcpy(conns[i].nxt, conns[0].nxt, sizeof(conns[i].nxt));
	if (bench_clones(b, conns, 1, n - 1))
		return conns;
	free(conns);
	return NULL;
}

int main(int argc, char **argv)
{
	static double cycles[STEPS][BURSTS_MAX];
	const bool chases = argc == 7 && strcmp(argv[6], "chase") == 0;
	uint64_t seed = 1;
	double one[STEPS], ns = 0, alone = 0, of_burst = 0;
	struct bench b;

	const uint32_t n = argc < 6 ? 0 : (uint32_t)strtoul(argv[1], NULL, 10);
	const uint32_t bursts = argc < 6 ? 0 : (uint32_t)strtoul(argv[2], NULL, 10);
	if (n < ENG_BURST || n > TABLE || bursts == 0 || bursts > BURSTS_MAX) {
		fprintf(stderr,
			"usage: held_bench FLOWS BURSTS WARM MEMORY_MB huge|pages [chase]\n");
		return 2;
	}
	if (!bench_start((uint32_t)strtoul(argv[4], NULL, 10), strcmp(argv[5], "huge") == 0) ||
		!bench_open(&b, &(struct bench_conf){TABLE, 64, 4096}))
		return 1;
	b.csum_good = true;
	struct bench_conn *conns = hold(&b, n);
	if (conns == NULL)
		return 1;
	CALLGRIND_START_INSTRUMENTATION;
	for (unsigned long i = strtoul(argv[3], NULL, 10); i > 0; i--)
		noops(&b, conns, n, &seed, one);
	const uint64_t forwarded = bench_counter(&b, SMTP_FORWARDED);
	CALLGRIND_ZERO_STATS;
	for (uint32_t i = 0; i < bursts; i++) {
		noops(&b, conns, n, &seed, one);
		for (unsigned step = 0; step < STEPS; step++)
			cycles[step][i] = one[step];
	}
	const uint64_t packets = (uint64_t)bursts * STEPS * ENG_BURST;
	if (bench_counter(&b, SMTP_FORWARDED) - forwarded != packets) {
		fprintf(stderr, "held: not every packet went the usual way\n");
		return 1;
	}
	for (unsigned step = 0; step < STEPS; step++)
		ns += bench_ns((uint64_t)bench_median(cycles[step], bursts), ENG_BURST) / STEPS;
	const uint64_t bytes = (uint64_t)n * (sizeof(struct eng_session) + INDEX_BYTES);
	free(conns);
	bench_close(&b);
	if (chases && !chase(bytes, &seed, &alone, &of_burst)) {
		fprintf(stderr, "held: no memory for the chase\n");
		return 1;
	}
	printf("{\"flows\": %u, \"packets\": %llu, \"ns\": %.1f, \"footprint_bytes\": %llu, \"chase_ns\": %.2f, "
	       "\"burst_ns\": %.2f}\n",
		n, (unsigned long long)packets, ns, (unsigned long long)bytes, alone, of_burst);
	bench_stop();
	return 0;
}
