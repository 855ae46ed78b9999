// SPDX-License-Identifier: BSD-3-Clause
// What all limits of a session profile add to a packet: the same whole sessions, from SYN to both FINs, each
// with a message of 4 kB, under a profile without limits and under one that has all of them, by turns
// in the same run. 1,024 connections a round, each of another client, of SETS times as many, in groups of 32 that take each step in one
// burst. Of a step the group in the middle counts: another program that has the processor meanwhile is
// in a burst or two only. Writes one JSON object to standard output; perf/sessions runs it.
//   sessions_bench ROUNDS MEMORY_MB huge|pages SETS
//   sessions_bench ROUNDS MEMORY_MB huge|pages shadow   under all limits, without a candidate, beside the same
//                                                       configuration, beside one with other limits
// Thread: one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_rounds.h"
#include "bench_world.h"

enum {
	GROUPS = 32,
	CONNS = GROUPS * ENG_BURST,
	STEPS_MAX = 32, // of a session
	CELLS = 262144, // as many as there are unless told otherwise
	SETS_MAX = 1024,
	ROUNDS_MAX = 1000,
	TEXT_BYTES = 4096,
	LINE_BYTES = 64,
	HEADER_LINES = 20, // as mail has behind two or three servers
	SEGMENT_BYTES = 1460,
	OVER_US = 40 * 1000 * 1000, // by then a connection that was closed is forgotten
};

static char text[TEXT_BYTES + 3]; // and its end
static struct bench_conn conns[CONNS];

static void text_fill(void)
{
	for (size_t i = 0; i < TEXT_BYTES; i++)
		text[i] = i % LINE_BYTES == LINE_BYTES - 2 ? '\r'
			: i % LINE_BYTES == LINE_BYTES - 1 ? '\n'
							   : (char)('a' + i % 23);
	for (size_t i = 0; i < HEADER_LINES; i++)
		memcpy(text + i * LINE_BYTES, "X-Name: ", 8);
	memcpy(text + HEADER_LINES * LINE_BYTES, "\r\n", 2);
	memcpy(text + TEXT_BYTES, ".\r\n", 3);
}

static void say(struct bench *b, struct bench_conn *c, enum bench_side side, uint8_t flags,
	const char *what)
{
	bench_say(b, c, ENG_BURST, side, TCP_ACK | flags, what, (uint16_t)strlen(what));
	if ((flags & TCP_FIN) != 0)
		for (unsigned i = 0; i < ENG_BURST; i++)
			c[i].nxt[side]++;
}

// Whole sessions of so many connections.
static void sessions(struct bench *b, struct bench_conn *c)
{
	uint64_t handshake = 0;

	bench_greet(b, c, ENG_BURST, &handshake);
	bench_mail(b, c, ENG_BURST);
	for (size_t at = 0; at < sizeof(text); at += SEGMENT_BYTES) {
		const size_t n =
			sizeof(text) - at < SEGMENT_BYTES ? sizeof(text) - at : SEGMENT_BYTES;
		bench_say(b, c, ENG_BURST, BENCH_CLIENT, TCP_ACK | TCP_PSH, text + at, (uint16_t)n);
		if (at == SEGMENT_BYTES)
			say(b, c, BENCH_SERVER, 0, "");
	}
	say(b, c, BENCH_SERVER, TCP_PSH, "250 2.0.0 Ok: queued as 4XyZ\r\n");
	say(b, c, BENCH_CLIENT, TCP_PSH, "QUIT\r\n");
	say(b, c, BENCH_SERVER, TCP_PSH | TCP_FIN, "221 2.0.0 Bye\r\n");
	say(b, c, BENCH_CLIENT, TCP_FIN, "");
	say(b, c, BENCH_SERVER, 0, "");
}

// Cycles of a step: of the group in the middle.
static double step_cycles(const uint64_t *each, uint32_t steps, uint32_t step)
{
	double of[GROUPS];

	for (unsigned g = 0; g < GROUPS; g++)
		of[g] = (double)each[g * steps + step];
	return bench_median(of, GROUPS);
}

// ns a packet of CONNS sessions; what is left of them then goes, untimed.
static double round_run(struct bench *b, enum bench_net net, unsigned set)
{
	static uint64_t each[GROUPS * STEPS_MAX];
	double sum = 0;

	b->each = each;
	b->neach = 0;
	for (unsigned i = 0; i < CONNS; i++)
		bench_conn_init(&conns[i], set * CONNS + i, net);
	for (unsigned at = 0; at < CONNS; at += ENG_BURST)
		sessions(b, conns + at);
	b->each = NULL;
	const uint32_t steps = b->neach / GROUPS;
	for (uint32_t step = 0; step < steps; step++)
		sum += step_cycles(each, steps, step);
	b->now_us += OVER_US;
	while (bench_counter(b, GAUGE_FLOWS) > 0)
		(void)eng_turn(b->w, b->now_us += 1000);
	return bench_ns((uint64_t)sum, (uint64_t)steps * ENG_BURST);
}

static bool is_right(const struct bench *b, uint64_t rounds)
{
	const uint64_t all = rounds * 2 * CONNS;
	bool right = bench_counter(b, MESSAGES) == all && bench_counter(b, ACT_CELLS_FULL) == 0 &&
		bench_counter(b, ACT_CLIENT_RATE) == 0 && bench_counter(b, ACT_ANSWERED) == 0;

	if (!right)
		fprintf(stderr, "sessions: %llu messages, not %llu; %llu without a cell\n",
			(unsigned long long)bench_counter(b, MESSAGES), (unsigned long long)all,
			(unsigned long long)bench_counter(b, ACT_CELLS_FULL));
	return right;
}

static void show(double *bare, double *limited, double *more, unsigned n, unsigned sets)
{
	printf("{\"clients\": %u", sets * CONNS);
	bench_rounds("free", bare, n);
	bench_rounds("limited", limited, n);
	const double middle = bench_median(more, n); // sorted from here on
	printf(", \"free_ns\": %.1f, \"limited_ns\": %.1f, \"more_ns\": %.1f, "
	       "\"more_quartiles_ns\": [%.1f, %.1f]}\n",
		bench_median(bare, n), bench_median(limited, n), middle, more[n / 4],
		more[n * 3 / 4]);
}

// ---- a candidate

static bool shadows_right(const struct bench *b)
{
	if (bench_counter(b, SHADOW_COMPARED) > 0 && bench_counter(b, SHADOW_PARTED) == 0 &&
		bench_counter(b, SHADOW_BLIND) == 0)
		return true;
	fprintf(stderr, "sessions: %llu compared, %llu differ, %llu not followed\n",
		(unsigned long long)bench_counter(b, SHADOW_COMPARED),
		(unsigned long long)bench_counter(b, SHADOW_PARTED),
		(unsigned long long)bench_counter(b, SHADOW_BLIND));
	return false;
}

// Each of the three by turns, the first round of each untimed: its memory is cold.
static bool shadows(struct bench *b, unsigned n)
{
	static double ns[BENCH_SHADOWS][ROUNDS_MAX], more[BENCH_SHADOWS][ROUNDS_MAX];

	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < BENCH_SHADOWS; k++) {
			const unsigned which = (i + k) % BENCH_SHADOWS;
			if (!bench_shadow(b, (enum bench_shadow)which))
				return false;
			(void)round_run(b, BENCH_LIMITED, 0);
			ns[which][i] = round_run(b, BENCH_LIMITED, 0);
		}
		for (unsigned which = 1; which < BENCH_SHADOWS; which++)
			more[which][i] = ns[which][i] - ns[BENCH_SHADOW_NONE][i];
	}
	for (unsigned which = 1; which < BENCH_SHADOWS; which++)
		(void)bench_median(more[which], n); // sorted from here on
	printf("{\"none_ns\": %.1f, \"same_ns\": %.1f, \"other_ns\": %.1f, "
	       "\"same_more_ns\": [%.1f, %.1f, %.1f], \"other_more_ns\": [%.1f, %.1f, %.1f]}\n",
		bench_median(ns[0], n), bench_median(ns[1], n), bench_median(ns[2], n),
		more[1][n / 4], more[1][n / 2], more[1][n * 3 / 4], more[2][n / 4], more[2][n / 2],
		more[2][n * 3 / 4]);
	return shadows_right(b);
}

int main(int argc, char **argv)
{
	static double bare[ROUNDS_MAX], limited[ROUNDS_MAX], more[ROUNDS_MAX];
	const unsigned n = argc == 5 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	const bool shadow = argc == 5 && strcmp(argv[4], "shadow") == 0;
	const unsigned sets = shadow ? 1 : argc == 5 ? (unsigned)strtoul(argv[4], NULL, 10) : 0;
	struct bench b;

	if (n == 0 || n > ROUNDS_MAX || sets == 0 || sets > SETS_MAX) {
		fprintf(stderr,
			"usage: sessions_bench ROUNDS MEMORY_MB huge|pages SETS|shadow, 1..%d, "
			"1..%d\n",
			ROUNDS_MAX, SETS_MAX);
		return 2;
	}
	if (!bench_start((uint32_t)strtoul(argv[2], NULL, 10), strcmp(argv[3], "huge") == 0) ||
		!bench_open(&b, &(struct bench_conf){8 * CONNS, CONNS, 8 * CONNS, CELLS}))
		return 1;
	b.csum_good = true;
	text_fill();
	if (shadow) {
		const bool right = shadows(&b, n);
		bench_close(&b);
		bench_stop();
		return right ? 0 : 1;
	}
	for (unsigned set = 0; set < sets; set++) { // all have their cells then
		(void)round_run(&b, BENCH_FREE, set);
		(void)round_run(&b, BENCH_LIMITED, set);
	}
	for (unsigned i = 0; i < n; i++) {
		const bool first = i % 2 == 0;

		if (first)
			bare[i] = round_run(&b, BENCH_FREE, i % sets);
		limited[i] = round_run(&b, BENCH_LIMITED, i % sets);
		if (!first)
			bare[i] = round_run(&b, BENCH_FREE, i % sets);
		more[i] = limited[i] - bare[i];
	}
	if (!is_right(&b, n + sets))
		return 1;
	show(bare, limited, more, n, sets);
	bench_close(&b);
	bench_stop();
	return 0;
}
