// SPDX-License-Identifier: BSD-3-Clause
// The engine's content scan beside a bare loop of hs_scan_stream over the same bytes and databases: messages of 4
// kB, a header and a body in pieces as segments bring them. The engine opens, feeds and closes a scan for each
// message; the bare loop has its streams open and resets them behind each message, which reports what only the
// end decides, too. By turns, a group of messages each. JSON, one object a round, to standard output;
// perf/scan runs it.
//   scan_bench CONFIG RULES ROUNDS MEMORY_MB
// Thread: one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "bench_world.h"
#include "eng_image_int.h"

enum {
	MAILS = 512, // different ones: 2 MB
	MAIL_BYTES = 4096,
	HEADER_BYTES = 768,
	SEGMENT = 1460,
	GROUP = 16, // messages of one look at the clock
	ROUNDS_MAX = 100,
};

struct bare {
	hs_stream_t *stream[POL_SCOPE_COUNT]; // of header and body; NULL: no rules
	hs_scratch_t *scratch;
};

static char mail[MAILS][MAIL_BYTES];
static uint64_t matches;

// Text and, in each fourth message, base64 for a body.
static void mails_fill(void)
{
	uint64_t seed = 1;

	for (unsigned m = 0; m < MAILS; m++) {
		bench_text(mail[m], MAIL_BYTES, false, &seed);
		if (m % 4 == 3)
			bench_text(mail[m] + HEADER_BYTES, MAIL_BYTES - HEADER_BYTES, true, &seed);
	}
}

static int match_count(unsigned, unsigned long long, unsigned long long, unsigned, void *)
{
	matches++;
	return 0;
}

// ---- the two ways

static uint64_t engine_run(struct bench *b, unsigned first)
{
	struct eng_scan_result result;
	const uint64_t from = rte_rdtsc_precise();

	for (unsigned i = first; i < first + GROUP; i++) {
		struct eng_scan *s = eng_scan_open(b->w, b->w->image, 0);

		if (s == NULL)
			abort();
		eng_scan_header(s, (struct span){.p = (const uint8_t *)mail[i], .n = HEADER_BYTES});
		for (size_t at = HEADER_BYTES; at < MAIL_BYTES; at += SEGMENT)
			eng_scan_body(s,
				span_sub((struct span){.p = (const uint8_t *)mail[i],
						 .n = MAIL_BYTES},
					at, SEGMENT));
		eng_scan_close(s, &result);
		matches += result.rules_total;
	}
	return rte_rdtsc_precise() - from;
}

static void bare_feed(struct bare *x, enum pol_scope scope, const char *p, size_t n)
{
	if (x->stream[scope] != NULL &&
		hs_scan_stream(x->stream[scope], p, (unsigned)n, 0, x->scratch, match_count,
			NULL) != HS_SUCCESS)
		abort();
}

static void bare_end(struct bare *x, enum pol_scope scope)
{
	if (x->stream[scope] != NULL &&
		hs_reset_stream(x->stream[scope], 0, x->scratch, match_count, NULL) != HS_SUCCESS)
		abort();
}

static uint64_t bare_run(struct bare *x, unsigned first)
{
	const uint64_t from = rte_rdtsc_precise();

	for (unsigned i = first; i < first + GROUP; i++) {
		bare_feed(x, POL_SCOPE_HEADER, mail[i], HEADER_BYTES);
		bare_end(x, POL_SCOPE_HEADER);
		for (size_t at = HEADER_BYTES; at < MAIL_BYTES; at += SEGMENT) {
			const size_t left = MAIL_BYTES - at;

			bare_feed(x, POL_SCOPE_BODY, mail[i] + at, left < SEGMENT ? left : SEGMENT);
		}
		bare_end(x, POL_SCOPE_BODY);
	}
	return rte_rdtsc_precise() - from;
}

static bool bare_open(struct bench *b, struct bare *x)
{
	static const enum pol_scope scopes[] = {POL_SCOPE_HEADER, POL_SCOPE_BODY};

	*x = (struct bare){0};
	(void)hs_set_stream_allocator(
		malloc, free); // the engine's, opened later, are its own again
	for (unsigned i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		hs_database_t *db = b->w->image->db[scopes[i]];

		if (db != NULL &&
			(hs_alloc_scratch(db, &x->scratch) != HS_SUCCESS ||
				hs_open_stream(db, 0, &x->stream[scopes[i]]) != HS_SUCCESS))
			return false;
	}
	(void)hs_set_stream_allocator(eng_scan_block_get, eng_scan_block_put);
	return true;
}

// Their memory is malloc's, so the allocator is, too.
static void bare_close(struct bare *x)
{
	(void)hs_set_stream_allocator(malloc, free);
	for (unsigned i = 0; i < POL_SCOPE_COUNT; i++)
		if (x->stream[i] != NULL)
			(void)hs_close_stream(x->stream[i], x->scratch, NULL, NULL);
	(void)hs_set_stream_allocator(eng_scan_block_get, eng_scan_block_put);
	(void)hs_free_scratch(x->scratch);
}

// ---- rounds

static double bytes_a_second(double *cycles)
{
	return (double)GROUP * MAIL_BYTES * (double)rte_get_tsc_hz() /
		bench_median(cycles, MAILS / GROUP);
}

static void round_run(struct bench *b, struct bare *x, unsigned round)
{
	double ours[MAILS / GROUP], theirs[MAILS / GROUP];
	uint64_t found[2] = {0};

	for (unsigned g = 0; g < MAILS / GROUP; g++) {
		for (unsigned turn = 0; turn < 2; turn++) { // who goes first changes
			const uint64_t before = matches;
			const unsigned which = (g + round + turn) % 2;

			if (which == 0)
				ours[g] = (double)engine_run(b, g * GROUP);
			else
				theirs[g] = (double)bare_run(x, g * GROUP);
			found[which] += matches - before;
		}
	}
	printf("{\"what\": \"round\", \"engine_bytes_a_second\": %.0f, \"bare_bytes_a_second\": %.0f, "
	       "\"engine_matches\": %llu, \"bare_matches\": %llu}\n",
		bytes_a_second(ours), bytes_a_second(theirs), (unsigned long long)found[0],
		(unsigned long long)found[1]);
	(void)fflush(stdout);
}

static bool image_use(struct bench *b, char **files)
{
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	err_init(&err);
	if (!bench_image(files[0], files[1], 2, &bytes, &n))
		return false;
	struct eng_image *img = eng_image_new(b->eng, bytes, n, &err);
	free(bytes);
	if (img == NULL) {
		err_print(&err, stderr);
		return false;
	}
	eng_image_swap(b->eng, img);
	(void)eng_turn(b->w, b->now_us);
	(void)eng_image_reap(b->eng);
	return true;
}

int main(int argc, char **argv)
{
	const unsigned rounds = argc == 5 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
	struct bench b;
	struct bare x;

	if (rounds == 0 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: scan_bench CONFIG RULES ROUNDS MEMORY_MB, 1..%d rounds\n",
			ROUNDS_MAX);
		return 2;
	}
	if (!bench_start((uint32_t)strtoul(argv[4], NULL, 10), false) ||
		!bench_open(&b, &(struct bench_conf){1024, 64, 64}) || !image_use(&b, argv + 1) ||
		!bare_open(&b, &x))
		return 1;
	mails_fill();
	for (unsigned g = 0; g < MAILS / GROUP; g++) { // warms the caches
		(void)engine_run(&b, g * GROUP);
		(void)bare_run(&x, g * GROUP);
	}
	for (unsigned i = 0; i < rounds; i++)
		round_run(&b, &x, i);
	bare_close(&x);
	bench_close(&b);
	bench_stop();
	return 0;
}
