// SPDX-License-Identifier: BSD-3-Clause
// Complete refusals at connect, of which a server hears nothing: SYN and our answer, the client's ACK and our 554,
// QUIT and our 221 with a FIN, the client's FIN and our last acknowledgement. 1,024 connections a round, in groups
// of 32 that take each step in one burst; of a step the group in the middle counts. JSON, one object a round, to
// standard output; perf/refusals runs it.
//   refusals_bench ROUNDS MEMORY_MB huge|pages
// Thread: one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_world.h"

enum {
	GROUPS = 32,
	CONNS = GROUPS * ENG_BURST,
	STEPS = 4,
	ROUNDS_MAX = 1000,
	OVER_US = 40 * 1000 * 1000, // by then nothing of a connection that was refused is left
};

struct told {                    // what the engine said in the server's place
	struct bench_conn *conn; // of the group
	uint32_t syn_acks, greetings, byes, acks;
};

static struct bench_conn conns[CONNS];

static bool begins(struct span s, const char *text)
{
	return s.n >= strlen(text) && memcmp(s.p, text, strlen(text)) == 0;
}

static void told_take(void *arg, struct rte_mbuf *m)
{
	struct told *t = arg;
	struct wire_view v;
	struct span frame = eng_frame_of(m);
	struct addr src, dst;

	wire_parse(frame, &v);
	if (v.proto != WIRE_TCP)
		abort();
	wire_addrs(frame, &v, &src, &dst);
	for (unsigned i = 0; i < ENG_BURST; i++) {
		struct flow_key key;

		bench_key(&t->conn[i], &key);
		if (!addr_eq(&key.client, &dst) || key.client_port != v.dport)
			continue;
		const struct span text = span_sub(frame, v.payload_off, v.payload_len);
		const uint32_t next = v.seq + v.payload_len + ((v.tcp_flags & TCP_SYN) != 0) +
			((v.tcp_flags & TCP_FIN) != 0);

		t->conn[i].nxt[BENCH_SERVER] = next;
		t->syn_acks += (v.tcp_flags & TCP_SYN) != 0;
		t->greetings += begins(text, "554 ");
		t->byes += begins(text, "221 ") && (v.tcp_flags & TCP_FIN) != 0;
		t->acks += v.payload_len == 0 && v.tcp_flags == TCP_ACK;
		return;
	}
	abort(); // nobody's
}

static void refuse(struct bench *b, struct bench_conn *c, struct told *t)
{
	t->conn = c;
	bench_say(b, c, ENG_BURST, BENCH_CLIENT, TCP_SYN, "", 0);
	bench_say(b, c, ENG_BURST, BENCH_CLIENT, TCP_ACK, "", 0);
	bench_say(b, c, ENG_BURST, BENCH_CLIENT, TCP_ACK | TCP_PSH, "QUIT\r\n", 6);
	bench_say(b, c, ENG_BURST, BENCH_CLIENT, TCP_ACK | TCP_FIN, "", 0);
}

// Refusals a second, the median of groups for each step; what is left of them then goes, untimed.
static bool round_run(struct bench *b, unsigned round, double *steps_ns)
{
	static uint64_t each[GROUPS * STEPS];
	struct told t = {0};

	b->each = each;
	b->neach = 0;
	b->seen = told_take;
	b->seen_arg = &t;
	for (unsigned i = 0; i < CONNS; i++)
		bench_conn_init(&conns[i], (round * CONNS + i) & 0x3fffff, BENCH_REFUSED);
	for (unsigned at = 0; at < CONNS; at += ENG_BURST)
		refuse(b, conns + at, &t);
	b->each = NULL;
	b->seen = NULL;
	for (unsigned step = 0; step < STEPS; step++) {
		double of[GROUPS];

		for (unsigned g = 0; g < GROUPS; g++)
			of[g] = bench_ns(each[g * STEPS + step], ENG_BURST);
		steps_ns[step] = bench_median(of, GROUPS);
	}
	b->now_us += OVER_US;
	for (unsigned i = 0; i < CONNS || bench_counter(b, GAUGE_FLOWS) > 0; i++)
		(void)eng_turn(b->w, b->now_us += 1000);
	if (t.syn_acks == CONNS && t.greetings == CONNS && t.byes == CONNS && t.acks == CONNS)
		return true;
	fprintf(stderr,
		"refusals: of %d: %u SYN-ACKs, %u times 554, %u times 221, %u last acknowledgements\n",
		CONNS, t.syn_acks, t.greetings, t.byes, t.acks);
	return false;
}

int main(int argc, char **argv)
{
	const unsigned n = argc == 4 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	double steps[STEPS];
	struct bench b;

	if (n == 0 || n > ROUNDS_MAX) {
		fprintf(stderr, "usage: refusals_bench ROUNDS MEMORY_MB huge|pages, 1..%d rounds\n",
			ROUNDS_MAX);
		return 2;
	}
	if (!bench_start((uint32_t)strtoul(argv[2], NULL, 10), strcmp(argv[3], "huge") == 0) ||
		!bench_open(&b, &(struct bench_conf){1 << 17, CONNS, 8 * CONNS, .touch = true}))
		return 1;
	b.csum_good = true;
	if (!round_run(&b, 0, steps))
		return 1;
	for (unsigned i = 0; i < n; i++) {
		if (!round_run(&b, 1 + i, steps))
			return 1;
		const double ns = steps[0] + steps[1] + steps[2] + steps[3];
		printf("{\"what\": \"round\", \"refusals_a_second\": %.0f, \"ns\": %.0f, \"syn_ns\": %.0f, "
		       "\"ack_ns\": %.0f, \"quit_ns\": %.0f, \"fin_ns\": %.0f}\n",
			1e9 / ns, ns, steps[0], steps[1], steps[2], steps[3]);
	}
	bench_close(&b);
	bench_stop();
	return 0;
}
