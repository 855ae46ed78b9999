// SPDX-License-Identifier: BSD-3-Clause
// What an in-order segment of a message, its body or its header, costs beyond forwarding a frame of its size: 1,000
// connections in DATA, a segment on each in turn, acknowledged at once so that the slabs stay warm.
// Writes one JSON object a line to standard output; perf/segment runs it.
//   segment_bench ROUNDS MEMORY_MB huge|pages [KIND]
// KIND, a number from 0, is the only one that is run (for a profiler).
// Thread: one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_rounds.h"
#include "bench_world.h"

enum { CONNS = 32 * 32, ROUNDS_MAX = 1000, TEXT_BYTES = 4096, LINE_BYTES = 78 };

struct kind {
	uint16_t bytes; // of payload
	bool scanned, csum_good;
	bool header; // it never ends: lines are looked at one by one
};

struct round { // ns a frame
	double other, data, other_bare, ack;
};

static char text[TEXT_BYTES];

// Lines as a mail has them: words, here and there a full stop.
static void text_fill(void)
{
	static const char words[] =
		"the quick brown fox jumps over a lazy dog. And so on, it says; ";
	size_t at = 0;

	for (size_t i = 0; i + 1 < TEXT_BYTES; i++) {
		text[i] = words[at++ % (sizeof(words) - 1)];
		if (i % LINE_BYTES == LINE_BYTES - 2)
			text[i] = '\r';
		else if (i % LINE_BYTES == LINE_BYTES - 1)
			text[i] = '\n';
	}
}

static double others(struct bench *b, struct bench_conn *conns, uint16_t bytes)
{
	uint64_t before = b->cycles;
	struct rte_mbuf *pkts[ENG_BURST];

	for (unsigned at = 0; at < CONNS; at += ENG_BURST) {
		for (unsigned i = 0; i < ENG_BURST; i++)
			pkts[i] = bench_other(b, &conns[at + i], bytes);
		bench_burst(b, BENCH_CLIENT, pkts, ENG_BURST);
	}
	return bench_ns(b->cycles - before, CONNS);
}

static void round_run(
	struct bench *b, struct bench_conn *conns, const struct kind *k, struct round *r)
{
	uint64_t data = 0, ack = 0;
	struct rte_mbuf *pkts[ENG_BURST];

	r->other = others(b, conns, k->bytes);
	for (unsigned at = 0; at < CONNS; at += ENG_BURST) {
		uint64_t before = b->cycles;
		for (unsigned i = 0; i < ENG_BURST; i++)
			pkts[i] = bench_segment(b, &conns[at + i], BENCH_CLIENT, TCP_ACK,
				text + at % LINE_BYTES, k->bytes);
		bench_burst(b, BENCH_CLIENT, pkts, ENG_BURST);
		data += b->cycles - before;
		before = b->cycles;
		for (unsigned i = 0; i < ENG_BURST; i++)
			pkts[i] = bench_segment(b, &conns[at + i], BENCH_SERVER, TCP_ACK, "", 0);
		bench_burst(b, BENCH_SERVER, pkts, ENG_BURST);
		ack += b->cycles - before;
	}
	r->data = bench_ns(data, CONNS);
	r->other_bare = others(b, conns, 0);
	r->ack = bench_ns(ack, CONNS);
}

static void show(const struct kind *k, const struct round *rounds, unsigned n)
{
	static double other[ROUNDS_MAX], data[ROUNDS_MAX], more[ROUNDS_MAX], ack[ROUNDS_MAX];

	for (unsigned i = 0; i < n; i++) {
		other[i] = rounds[i].other;
		data[i] = rounds[i].data;
		more[i] = rounds[i].data - rounds[i].other;
		ack[i] = rounds[i].ack - rounds[i].other_bare;
	}
	printf("{\"payload_bytes\": %u, \"part\": \"%s\", \"scanned\": %s, \"checksum\": \"%s\"",
		k->bytes, k->header ? "header" : "body", k->scanned ? "true" : "false",
		k->csum_good ? "device" : "ours");
	bench_rounds("segment", data, n);
	bench_rounds("forward", other, n);
	double middle = bench_median(more, n); // sorted from here on
	printf(", \"forward_ns\": %.1f, "
	       "\"segment_ns\": %.1f, \"more_ns\": %.1f, \"more_quartiles_ns\": [%.1f, %.1f], "
	       "\"ack_more_ns\": %.1f}\n",
		bench_median(other, n), bench_median(data, n), middle, more[n / 4], more[n * 3 / 4],
		bench_median(ack, n));
	(void)fflush(stdout);
}

static bool kind_run(const struct kind *k, unsigned n)
{
	static struct bench_conn conns[CONNS];
	static struct round rounds[ROUNDS_MAX];
	uint64_t handshake = 0;
	struct bench b;

	if (!bench_open(&b, &(struct bench_conf){8 * CONNS, CONNS, 8 * CONNS}))
		return false;
	b.csum_good = k->csum_good;
	for (unsigned i = 0; i < CONNS; i++)
		bench_conn_init(&conns[i], i, k->scanned ? BENCH_SCANNED : BENCH_READ);
	for (unsigned at = 0; at < CONNS; at += ENG_BURST) {
		bench_greet(&b, conns + at, ENG_BURST, &handshake);
		bench_mail(&b, conns + at, ENG_BURST);
		if (!k->header)
			bench_header(&b, conns + at, ENG_BURST);
	}
	struct round warm;
	round_run(&b, conns, k, &warm);
	uint64_t forwarded = bench_counter(&b, SMTP_FORWARDED);
	for (unsigned i = 0; i < n; i++)
		round_run(&b, conns, k, &rounds[i]);
	forwarded = bench_counter(&b, SMTP_FORWARDED) - forwarded;
	bool right =
		forwarded == (uint64_t)n * CONNS * 2 && bench_counter(&b, GAUGE_MESSAGES) == CONNS;
	if (!right)
		fprintf(stderr, "segment: %llu segments forwarded, not %llu; %llu messages open\n",
			(unsigned long long)forwarded, (unsigned long long)n * CONNS * 2,
			(unsigned long long)bench_counter(&b, GAUGE_MESSAGES));
	else
		show(k, rounds, n);
	bench_close(&b);
	return right;
}

int main(int argc, char **argv)
{
	static const struct kind kinds[] = {
		{.bytes = 100, .csum_good = true},
		{.bytes = 512, .csum_good = true},
		{.bytes = 1460, .csum_good = true},
		{.bytes = 1460},
		{.bytes = 1460, .csum_good = true, .header = true},
		{.bytes = 512, .csum_good = true, .scanned = true},
		{.bytes = 1460, .csum_good = true, .scanned = true},
	};

	if (argc != 4 && argc != 5) {
		fprintf(stderr, "usage: segment_bench ROUNDS MEMORY_MB huge|pages [KIND]\n");
		return 2;
	}
	unsigned n = (unsigned)strtoul(argv[1], NULL, 10);
	if (n == 0 || n > ROUNDS_MAX ||
		!bench_start((uint32_t)strtoul(argv[2], NULL, 10), strcmp(argv[3], "huge") == 0))
		return 1;
	text_fill();
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (argc == 5 && i != strtoul(argv[4], NULL, 10))
			continue;
		if (!kind_run(&kinds[i], n))
			return 1;
	}
	bench_stop();
	return 0;
}
