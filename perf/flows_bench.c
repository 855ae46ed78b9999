// SPDX-License-Identifier: BSD-3-Clause
// What a connection costs that is inspected and idle: memory, its handshake, finding it. Writes one
// JSON object to standard output; perf/flows runs it and says what it means.
//   flows_bench COUNT MEMORY_MB huge|pages
// Thread: one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "bench_world.h"

enum {
	FEW = 1000,
	OPEN_MESSAGES = 1000,
	SLABS = 4096,
	LOOKS = 1 << 20,
	ROUNDS = 5,
	ACKS = 1 << 18
};

struct result {
	double heap, resident; // bytes a flow
	double setup_ns;       // a handshake: three segments
	double dialog_ns;      // a segment of greeting and EHLO
	double hit_ns, miss_ns, ack_ns;
	double hit_runs[ROUNDS], miss_runs[ROUNDS];
};

static uint32_t random_next(uint64_t *state) // xorshift64
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32);
}

// An engine for so many flows: what it takes of the heap, and what was resident before it.
static bool sizes(struct bench *b, uint32_t flows, uint64_t *heap, uint64_t *resident)
{
	uint64_t before = bench_heap();

	*resident = bench_resident();
	if (!bench_open(b, &(struct bench_conf){flows, OPEN_MESSAGES, SLABS}))
		return false;
	*heap = bench_heap() - before;
	return true;
}

static bool hold(struct bench *b, uint32_t count, struct result *r)
{
	struct bench_conn conns[ENG_BURST];
	uint64_t handshake = 0;

	for (uint32_t i = 0; i < count; i += ENG_BURST) {
		uint16_t n = (uint16_t)(count - i < ENG_BURST ? count - i : ENG_BURST);
		for (uint16_t k = 0; k < n; k++)
			bench_conn_init(&conns[k], i + k, false);
		bench_greet(b, conns, n, &handshake);
	}
	r->setup_ns = bench_ns(handshake, count);
	r->dialog_ns = bench_ns(b->cycles - handshake, (uint64_t)count * 4);
	b->now_us += 1000;
	(void)eng_turn(b->w, b->now_us);
	uint32_t open = 0;
	const struct flow_table *flows = b->w->smtp->flows;
	for (uint32_t i = 0; i < flow_cells(flows); i++) {
		struct flow *f = flow_at(flows, i);
		if (f != NULL && f->state == FLOW_OPEN && f->lane == ENG_LANE_INSPECT &&
			eng_session_of(f)->helo_len > 0)
			open++;
	}
	if (open == count && bench_counter(b, GAUGE_SLABS) == 0)
		return true;
	fprintf(stderr, "flows: %u of %u are open and greeted, %llu slabs taken\n", open, count,
		(unsigned long long)bench_counter(b, GAUGE_SLABS));
	return false;
}

// Keys made beforehand, in random order; each look-up is done before the next begins.
static double look(const struct bench *b, uint32_t count, bool there, uint64_t *state)
{
	enum { CHUNK = 4096 };
	static struct flow_key keys[CHUNK];
	const struct flow_table *flows = b->w->smtp->flows;
	uint64_t cycles = 0;
	uint32_t found = 0;

	for (uint32_t done = 0; done < LOOKS; done += CHUNK) {
		for (uint32_t i = 0; i < CHUNK; i++) {
			struct bench_conn c;
			bench_conn_init(
				&c, random_next(state) % count + (there ? 0 : count), false);
			bench_key(&c, &keys[i]);
		}
		uint64_t from = rte_rdtsc_precise();
		for (uint32_t i = 0; i < CHUNK; i++)
			found += flow_lookup(flows, &keys[i]) != NULL;
		cycles += rte_rdtsc_precise() - from;
	}
	if (found != (there ? LOOKS : 0))
		abort();
	return bench_ns(cycles, LOOKS);
}

// An acknowledgement on a random connection, all of the packet's way: what a cold flow costs.
static double acks(struct bench *b, uint32_t count, uint64_t *state)
{
	uint64_t before = b->cycles;
	struct rte_mbuf *pkts[ENG_BURST];

	for (uint32_t done = 0; done < ACKS; done += ENG_BURST) {
		for (uint16_t i = 0; i < ENG_BURST; i++) {
			struct bench_conn c;
			struct flow_key key;
			bench_conn_init(&c, random_next(state) % count, false);
			bench_key(&c, &key);
			const struct flow *f = flow_lookup(b->w->smtp->flows, &key);
			c.nxt[BENCH_CLIENT] = f->stream.half[STREAM_CLIENT].nxt;
			c.nxt[BENCH_SERVER] = f->stream.half[STREAM_SERVER].nxt;
			pkts[i] = bench_segment(b, &c, BENCH_CLIENT, TCP_ACK, "", 0);
		}
		bench_burst(b, BENCH_CLIENT, pkts, ENG_BURST);
	}
	return bench_ns(b->cycles - before, ACKS);
}

static void show(uint32_t count, bool huge, const struct result *r)
{
	printf("{\"flows\": %u, \"pages\": \"%s\", \"cell_bytes\": %zu, \"heap_bytes_a_flow\": %.1f, "
	       "\"resident_bytes_a_flow\": %.1f, \"setup_ns\": %.1f, \"setups_a_second\": %.0f, "
	       "\"dialog_segment_ns\": %.1f, \"lookup_hit_ns\": %.1f, \"lookup_miss_ns\": %.1f, "
	       "\"ack_random_flow_ns\": %.1f",
		count, huge ? "2 MB" : "4 kB", sizeof(struct eng_session), r->heap, r->resident,
		r->setup_ns, 1e9 / r->setup_ns, r->dialog_ns, r->hit_ns, r->miss_ns, r->ack_ns);
	printf(", \"lookup_hit_range_ns\": [%.1f, %.1f], \"lookup_miss_range_ns\": [%.1f, %.1f]}\n",
		r->hit_runs[0], r->hit_runs[ROUNDS - 1], r->miss_runs[0], r->miss_runs[ROUNDS - 1]);
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: flows_bench COUNT MEMORY_MB huge|pages\n");
		return 2;
	}
	uint32_t count = (uint32_t)strtoul(argv[1], NULL, 10);
	bool huge = strcmp(argv[3], "huge") == 0;
	uint64_t heap = 0, resident = 0, state = 0x2545f4914f6cdd1d;
	struct result r = {0};
	struct bench b;

	if (count <= FEW || !bench_start((uint32_t)strtoul(argv[2], NULL, 10), huge))
		return 1;
	if (!sizes(&b, FEW, &heap, &resident))
		return 1;
	bench_close(&b);
	r.heap = -(double)heap;
	if (!sizes(&b, count, &heap, &resident) || !hold(&b, count, &r))
		return 1;
	r.heap = (r.heap + (double)heap) / (count - FEW);
	r.resident = ((double)bench_resident() - (double)resident) / count;
	for (unsigned i = 0; i < ROUNDS; i++) {
		r.hit_runs[i] = look(&b, count, true, &state);
		r.miss_runs[i] = look(&b, count, false, &state);
	}
	r.hit_ns = bench_median(r.hit_runs, ROUNDS);
	r.miss_ns = bench_median(r.miss_runs, ROUNDS);
	r.ack_ns = acks(&b, count, &state);
	show(count, huge, &r);
	bench_close(&b);
	bench_stop();
	return 0;
}
