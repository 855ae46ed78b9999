// SPDX-License-Identifier: BSD-3-Clause
// sim FROM TO [trace]: runs the seeds of a range; a line for each that failed, a line "row N NAME" for
// each row of events.def, last "N passed, N failed". scripts/sim runs several of these.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static const char *const row_names[] = {
#define EVENT(symbol, what) what,
#include "events.def"
#undef EVENT
};

int main(int argc, char **argv)
{
	static struct sim sim;
	uint64_t rows[ROW_COUNT] = {0}, seeds[ROW_COUNT] = {0}, from, to, failed = 0, passed = 0;
	bool trace = argc == 4 && strcmp(argv[3], "trace") == 0;

	if (argc < 3) {
		fprintf(stderr, "usage: sim FROM TO [trace]\n");
		return 2;
	}
	from = strtoull(argv[1], NULL, 10);
	to = strtoull(argv[2], NULL, 10);
	if (!box_images_make())
		return 1;
	setvbuf(stdout, NULL, trace ? _IOFBF : _IOLBF, 1 << 16);
	for (uint64_t seed = from; seed <= to; seed++) {
		if (sim_run(&sim, seed, trace)) {
			passed++;
		} else {
			failed++;
			printf("seed %lu: %s\n", seed, sim.why);
		}
		for (unsigned i = 0; i < ROW_COUNT; i++) {
			rows[i] += sim.rows[i];
			seeds[i] += sim.rows[i] > 0;
		}
	}
	for (unsigned i = 0; i < ROW_COUNT; i++)
		printf("row %lu %lu %s\n", rows[i], seeds[i], row_names[i]);
	printf("%lu passed, %lu failed\n", passed, failed);
	box_images_free();
	return failed == 0 ? 0 : 1;
}
