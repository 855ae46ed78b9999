// SPDX-License-Identifier: BSD-3-Clause
// What a connection costs that is inspected and idle: memory, its handshake, finding it. Writes one
// JSON object to standard output; perf/flows runs it and says what it means.
//   flows_bench COUNT MEMORY_MB huge|pages
// Thread: one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "bench_rounds.h"
#include "bench_world.h"

enum {
	FEW = 1000,
	OPEN_MESSAGES = 1000,
	SLABS = 4096,
	CHUNK = 4096, // look-ups timed together
	CHUNKS = 512,
	ACK_BURSTS = 8192,
	BURSTS_MAX = 1 << 20,
};

struct spread {                   // nanoseconds: other work on the machine shows in the upper part
	double low, middle, high; // quartiles
	double rounds[BENCH_ROUNDS_MAX];
	unsigned n; // of them
};

struct result {
	double heap, resident; // bytes a flow
	struct spread setup;   // a handshake: three segments
	struct spread dialog;  // a segment of greeting and EHLO
	struct spread hit, miss, ack;
};

static double values[BURSTS_MAX];

static struct spread spread_of(unsigned n)
{
	struct spread s;

	s.n = bench_rounds_of(values, n, s.rounds, BENCH_ROUNDS_MAX);
	s.middle = bench_median(values, n); // sorts
	s.low = values[n / 4];
	s.high = values[n * 3 / 4];
	return s;
}

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
	static double dialog[BURSTS_MAX];
	struct bench_conn conns[ENG_BURST];
	unsigned bursts = 0;

	for (uint32_t i = 0; i < count; i += ENG_BURST) {
		uint16_t n = (uint16_t)(count - i < ENG_BURST ? count - i : ENG_BURST);
		uint64_t handshake = 0, before = b->cycles;
		for (uint16_t k = 0; k < n; k++)
			bench_conn_init(&conns[k], i + k, BENCH_READ);
		bench_greet(b, conns, n, &handshake);
		if (bursts == BURSTS_MAX)
			continue;
		values[bursts] = bench_ns(handshake, n);
		dialog[bursts++] = bench_ns(b->cycles - before - handshake, (uint64_t)n * 4);
	}
	r->setup = spread_of(bursts);
	memcpy(values, dialog, bursts * sizeof(values[0]));
	r->dialog = spread_of(bursts);
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

// Keys made beforehand, in random order.
static struct spread look(const struct bench *b, uint32_t count, bool there, uint64_t *state)
{
	static struct flow_key keys[CHUNK];
	const struct flow_table *flows = b->w->smtp->flows;
	uint32_t found = 0;

	for (unsigned chunk = 0; chunk < CHUNKS; chunk++) {
		for (uint32_t i = 0; i < CHUNK; i++) {
			struct bench_conn c;
			bench_conn_init(
				&c, random_next(state) % count + (there ? 0 : count), BENCH_READ);
			bench_key(&c, &keys[i]);
		}
		uint64_t from = rte_rdtsc_precise();
		for (uint32_t i = 0; i < CHUNK; i++)
			found += flow_lookup(flows, &keys[i]) != NULL;
		values[chunk] = bench_ns(rte_rdtsc_precise() - from, CHUNK);
	}
	if (found != (there ? CHUNK * CHUNKS : 0))
		abort();
	return spread_of(CHUNKS);
}

// An acknowledgement on a random connection, all of the packet's way: what a cold flow costs.
static struct spread acks(struct bench *b, uint32_t count, uint64_t *state)
{
	struct rte_mbuf *pkts[ENG_BURST];

	for (uint32_t burst = 0; burst < ACK_BURSTS; burst++) {
		for (uint16_t i = 0; i < ENG_BURST; i++) {
			struct bench_conn c;
			bench_conn_init(&c, random_next(state) % count, BENCH_READ);
			bench_conn_greeted(&c);
			pkts[i] = bench_segment(b, &c, BENCH_CLIENT, TCP_ACK, "", 0);
		}
		uint64_t before = b->cycles;
		bench_burst(b, BENCH_CLIENT, pkts, ENG_BURST);
		values[burst] = bench_ns(b->cycles - before, ENG_BURST);
	}
	return spread_of(ACK_BURSTS);
}

static void show_spread(const char *name, const struct spread *s)
{
	printf(", \"%s_ns\": %.1f, \"%s_quartiles_ns\": [%.1f, %.1f]", name, s->middle, name,
		s->low, s->high);
	bench_rounds(name, s->rounds, s->n);
}

static void show(uint32_t count, bool huge, const struct result *r)
{
	printf("{\"flows\": %u, \"pages\": \"%s\", \"cell_bytes\": %zu, \"heap_bytes_a_flow\": %.1f, "
	       "\"resident_bytes_a_flow\": %.1f, \"setups_a_second\": %.0f",
		count, huge ? "2 MB" : "4 kB", sizeof(struct eng_session), r->heap, r->resident,
		1e9 / r->setup.middle);
	show_spread("setup", &r->setup);
	show_spread("dialog_segment", &r->dialog);
	show_spread("lookup_hit", &r->hit);
	show_spread("lookup_miss", &r->miss);
	show_spread("ack_random_flow", &r->ack);
	printf("}\n");
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
	r.hit = look(&b, count, true, &state);
	r.miss = look(&b, count, false, &state);
	r.ack = acks(&b, count, &state);
	show(count, huge, &r);
	bench_close(&b);
	bench_stop();
	return 0;
}
