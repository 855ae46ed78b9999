// SPDX-License-Identifier: BSD-3-Clause
// The mapping of limit cells: memory that lies is refused before it is read, counts that make no sense are
// passed over; what they say is still there when the data plane is not.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "core_cells.h"
#include "core_dp.h"

enum {
	BUCKETS = 5,
	NOW_S = 50000,
	CLOCK_S = 1234567,
	MAX = 4096,
	SEALS = F_SEAL_SHRINK | F_SEAL_GROW
};

struct seen {
	unsigned n;
	struct api_count row[200];
};

static void on_row(void *arg, const struct api_count *row)
{
	struct seen *s = arg;

	assert_true(s->n < sizeof(s->row) / sizeof(s->row[0]));
	s->row[s->n++] = *row;
}

static void memory_that_lies_is_refused(void **)
{
	static const struct {
		const char *what;
		int seals;
		uint64_t bytes, says; // of the memory, of the hello
		uint32_t buckets;
	} cases[] = {
		{"not sealed", 0, 64 + 1024, 64 + 1024, 1},
		{"can shrink", F_SEAL_GROW, 64 + 1024, 64 + 1024, 1},
		{"less than it says", SEALS, 64 + 1024, 64 + 2048, 2},
		{"more than it says", SEALS, 64 + 2048, 64 + 1024, 1},
		{"no room for a head", SEALS, 32, 32, 0},
		{"more buckets than bytes", SEALS, 64 + 2048, 64 + 2048, 3},
		{"2^32 - 1 buckets", SEALS, 64 + 2048, 64 + 2048, UINT32_MAX},
		{"2^64 - 1 bytes", SEALS, 64 + 1024, UINT64_MAX, 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const int fd = memfd_create("core-test", MFD_ALLOW_SEALING);
		struct err_list err;

		err_init(&err);
		assert_int_equal(ftruncate(fd, (off_t)cases[i].bytes), 0);
		if (cases[i].bytes >= sizeof(struct api_cells))
			assert_int_equal(pwrite(fd, &cases[i].buckets, 4,
						 offsetof(struct api_cells, buckets)),
				4);
		assert_int_equal(fcntl(fd, F_ADD_SEALS, cases[i].seals), 0);
		if (core_cells_new(fd, cases[i].says, &err) != NULL)
			fail_msg("%s: mapped", cases[i].what);
		assert_true(err_any(&err));
		(void)close(fd);
	}
}

static void counts_are_told_in_slices_when_the_data_plane_is_gone(void **)
{
	static const struct {
		struct api_count row;
		bool told;
	} cases[] = {
		{{1, NOW_S, 60, 0, 1}, true},
		{{2, NOW_S - 119, 60, 1, 0}, true},
		{{3, NOW_S - 120, 60, 1, 9}, false}, // over
		{{4, NOW_S + 30, 60, 0, 1}, true},   // a worker is a little ahead
		{{5, NOW_S, 0, 0, 1}, false},
		{{6, NOW_S, UINT32_MAX, 0, 1}, false},
		{{7, NOW_S, 60, UINT16_MAX, 1}, false},
		{{8, NOW_S, 60, 0, UINT16_MAX}, false},
		{{9, NOW_S, 60, 0, 0}, false}, // counts nothing
		{{10, NOW_S - 700000, API_COUNT_WINDOW_MAX_S, 60000, 60000}, true},
	};
	struct seen seen = {0};
	struct core_cells *c;
	struct err_list err;
	uint32_t bucket = 0;
	unsigned turns = 0, told = 0;
	struct dp d;

	err_init(&err);
	dp_listen(&d);
	dp_make(&d);
	dp_cells(&d, BUCKETS);
	d.cells->clock_us = CLOCK_S * UINT64_C(1000000);
	d.cells->at_us = NOW_S * UINT64_C(1000000);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		dp_count(&d, i % BUCKETS, 7 * i % API_CELLS_SLOTS, &cases[i].row);
	c = core_cells_new(d.cells_fd, d.hello.cells_bytes, &err);
	assert_non_null(c);
	dp_close(&d);
	do
		turns++;
	while (core_cells_walk(c, &bucket, 2, NOW_S, on_row, &seen));
	assert_int_equal(turns, (BUCKETS + 1) / 2);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned found = 0;

		for (unsigned k = 0; k < seen.n; k++)
			found += memcmp(&seen.row[k], &cases[i].row, sizeof(cases[i].row)) == 0;
		if (found != cases[i].told)
			fail_msg("count %u: told %u times", i + 1, found);
		told += cases[i].told;
	}
	assert_int_equal(seen.n, told);
	core_cells_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_that_lies_is_refused),
		cmocka_unit_test(counts_are_told_in_slices_when_the_data_plane_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
