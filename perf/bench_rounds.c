// SPDX-License-Identifier: BSD-3-Clause
// Arrays of JSON from numbers; rounds of many small values become fewer by their middle ones, since a mean
// would have another program's turn in it.
#include "bench_rounds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP_MAX = 1 << 15 };

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double middle_of(const double *values, unsigned n)
{
	static double sorted[GROUP_MAX];

	n = n < GROUP_MAX ? n : GROUP_MAX;
	memcpy(sorted, values, n * sizeof(values[0]));
	qsort(sorted, n, sizeof(sorted[0]), by_size);
	return sorted[n / 2];
}

unsigned bench_rounds_of(const double *values, unsigned n, double *out, unsigned rounds)
{
	const unsigned each = n > rounds ? n / rounds : 1;
	unsigned round = 0;

	for (unsigned at = 0; at < n && round < rounds; at += each, round++)
		out[round] = middle_of(values + at, round + 1 == rounds ? n - at : each);
	return round;
}

void bench_rounds(const char *name, const double *values, unsigned n)
{
	(void)printf(", \"%s_rounds\": [", name);
	for (unsigned i = 0; i < n; i++)
		(void)printf("%s%.2f", i > 0 ? ", " : "", values[i]);
	(void)printf("]");
}
