// SPDX-License-Identifier: BSD-3-Clause
// What reputation's tables cost when they are full: an outcome, the longest page of each kind of list, the
// highest scores, a look at everything, and bytes of memory. Most entries have one message, one in a thousand is
// blocked. Writes JSON objects, one a line; perf/lists runs it. lists_bench ENDPOINTS
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "rep.h"

enum { NOW = 1800000000, PAGE = 1000, BLOCKED_OF = 1000 };

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); // it exists
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static uint64_t key_of(uint64_t i)
{
	return i * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

static void fill(struct rep_endpoints *e, uint32_t n)
{
	static const struct rep_trigger t = {.trigger = 5, .duration_s = 86400};
	const double begin = now_ms();
	char id[24];

	for (uint32_t i = 0; i < n; i++) {
		(void)snprintf(id, sizeof(id), "49%010u", i);
		rep_endpoint_condemned(e, key_of(i), span_str(id),
			i % BLOCKED_OF == 0 ? 6 : 1 + i % 3, &t, NOW + i % 600);
	}
	(void)printf("{\"name\": \"outcome\", \"entries\": %u, \"ns\": %.0f}\n", n,
		(now_ms() - begin) * 1e6 / n);
}

static void pages(struct rep_endpoints *e, const char *name, const struct rep_filter *f)
{
	static uint32_t numbers[PAGE];
	struct rep_endpoint row;
	double longest = 0, all = 0;
	uint32_t next = 0, found = 0, count = 0;

	while (next != REP_NOBODY) {
		const double begin = now_ms();
		const uint32_t n = rep_endpoints_page(e, f, &next, numbers, PAGE, NOW + 600);
		double ms;

		for (uint32_t i = 0; i < n; i++)
			rep_endpoint_get(e, numbers[i], NOW + 600, &row);
		ms = now_ms() - begin;
		longest = ms > longest ? ms : longest;
		all += ms;
		found += n;
		count++;
	}
	(void)printf("{\"name\": \"page\", \"list\": \"%s\", \"rows\": %u, \"pages\": %u, "
		     "\"longest_ms\": %.3f, \"all_ms\": %.1f}\n",
		name, found, count, longest, all);
}

static void top(struct rep_endpoints *e, uint32_t now_s, const char *name)
{
	static struct rep_top top;
	const struct rep_filter any = {0};
	double longest = 0, all = 0;
	bool more = true;

	top = (struct rep_top){.most = 100};
	while (more) {
		const double begin = now_ms();
		double ms;

		more = rep_endpoints_top(e, &any, &top, now_s);
		ms = now_ms() - begin;
		longest = ms > longest ? ms : longest;
		all += ms;
	}
	(void)printf("{\"name\": \"top\", \"when\": \"%s\", \"rows\": %u, \"longest_ms\": %.3f, "
		     "\"all_ms\": %.1f}\n",
		name, top.n, longest, all);
}

int main(int argc, char **argv)
{
	const uint32_t n = argc == 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	const struct rep_endpoints_conf conf = {.most = n,
		.window_min = 60,
		.auth = {.failures = 5, .window_s = 1800, .block_s = 600}};
	struct rep_endpoints *e = n == 0 ? NULL : rep_endpoints_new(&conf);
	struct rusage use;
	double begin;

	if (e == NULL) {
		(void)fprintf(stderr, "usage: lists_bench ENDPOINTS\n");
		return 2;
	}
	fill(e, n);
	pages(e, "all", &(struct rep_filter){0});
	pages(e, "auto", &(struct rep_filter){.by_state = true, .state = REP_AUTO});
	pages(e, "exempt", &(struct rep_filter){.by_state = true, .state = REP_EXEMPT});
	pages(e, "id", &(struct rep_filter){.id = span_str("49000999999")});
	pages(e, "score", &(struct rep_filter){.score_min = 6});
	top(e, NOW + 600, "fresh");
	top(e, NOW + 3900, "most out of the window");
	begin = now_ms();
	rep_endpoints_tick(e, n + 1, NOW + 4000);
	(void)printf("{\"name\": \"look\", \"ns\": %.1f}\n", (now_ms() - begin) * 1e6 / n);
	(void)getrusage(RUSAGE_SELF, &use); // it exists
	(void)printf("{\"name\": \"memory\", \"bytes_each\": %.0f, \"resident_each\": %.0f}\n",
		(double)rep_endpoints_bytes(n) / n, (double)use.ru_maxrss * 1024 / n);
	rep_endpoints_free(e);
	return 0;
}
