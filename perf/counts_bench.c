// SPDX-License-Identifier: BSD-3-Clause
// What it costs to keep what limits have counted, for a table of CELLS cells: to look through it from outside
// when it is empty and when it is as full as it gets, to write and read the file, to put all of it
// into the next table. A line of JSON.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "core_cells.h"
#include "serve_counts_file.h"
#include "tbl_cells.h"

enum { NOW_S = 100000, WINDOW_S = 3600, SLICE = 512, PUT_SLICE = 4096 };

static double now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void row_add(void *arg, const struct api_count *row)
{
	struct serve_counts_rows *r = arg;

	if (r->n < r->cap)
		r->row[r->n++] = *row;
}

// All of it; *slice_ms: the longest slice.
static double look(const struct core_cells *c, struct serve_counts_rows *rows, double *slice_ms)
{
	const double begin = now_ms();
	uint32_t bucket = 0;
	bool more = true;

	rows->n = 0;
	*slice_ms = 0;
	while (more) {
		const double at = now_ms();

		more = core_cells_walk(c, &bucket, SLICE, NOW_S, row_add, rows);
		*slice_ms = now_ms() - at > *slice_ms ? now_ms() - at : *slice_ms;
	}
	return now_ms() - begin;
}

static double put(struct tbl_cells *c, const struct serve_counts_rows *rows, double *slice_ms)
{
	const double begin = now_ms();

	*slice_ms = 0;
	for (size_t i = 0; i < rows->n;) {
		const double at = now_ms();

		for (size_t end = i + PUT_SLICE; i < rows->n && i < end; i++) {
			const struct api_count *r = &rows->row[i];

			(void)tbl_cells_put(c,
				&(struct tbl_cells_row){.tag = r->tag,
					.start_s = (uint32_t)r->start_s,
					.window_s = r->window_s,
					.before = r->before,
					.now = r->now},
				NOW_S);
		}
		*slice_ms = now_ms() - at > *slice_ms ? now_ms() - at : *slice_ms;
	}
	return now_ms() - begin;
}

static void fill(struct tbl_cells *c, uint32_t cells)
{
	tbl_cells_clock(c, NOW_S * UINT64_C(1000000), NOW_S * UINT64_C(1000000));
	for (uint32_t i = 0; i < 2 * cells; i++) {
		struct tbl_cell_key key = {.profile = 7};
		uint32_t value;

		memcpy(key.client.b + 12, &i, sizeof(i));
		(void)tbl_cells_count(c, &key, 10, WINDOW_S, NOW_S, &value);
	}
}

int main(int argc, char **argv)
{
	static const uint8_t SECRET[16] = {1};
	const uint32_t cells = argc == 3 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	const uint64_t bytes = cells == 0 ? 0 : tbl_cells_bytes(cells);
	const int fd = memfd_create("counts-bench", MFD_ALLOW_SEALING);
	struct serve_counts_rows rows = {.cap = 2 * (size_t)cells}, back;
	struct serve_counts_time now = {"bench", NOW_S, 1};
	struct err_list err;
	double empty_slice, slice, put_slice;

	err_init(&err);
	if (cells == 0 || ftruncate(fd, (off_t)bytes) < 0) {
		(void)fprintf(stderr, "usage: counts_bench CELLS DIRECTORY\n");
		return 2;
	}
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	void *next = aligned_alloc(64, (bytes + 63) / 64 * 64);
	struct serve_store *st = serve_store_open(argv[2], &err);
	rows.row = malloc(rows.cap * sizeof(rows.row[0]));
	if (mem == MAP_FAILED || next == NULL || st == NULL || rows.row == NULL)
		return 1;
	struct tbl_cells *c = tbl_cells_init(mem, cells, SECRET);
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
	struct core_cells *seen = core_cells_new(fd, bytes, &err);
	if (seen == NULL)
		return 1;
	(void)look(seen, &rows, &empty_slice); // maps it
	const double empty_ms = look(seen, &rows, &empty_slice);
	fill(c, cells);
	const double full_ms = look(seen, &rows, &slice);
	double at = now_ms();
	const int saved = serve_counts_save(st, &rows, &now);
	const double save_ms = now_ms() - at;
	at = now_ms();
	const int loaded = serve_counts_load(st, &back, &now);
	const double load_ms = now_ms() - at;
	const double put_ms = put(tbl_cells_init(next, cells, SECRET), &rows, &put_slice);
	(void)printf(
		"{\"cells\": %u, \"counts\": %zu, \"look_empty_ms\": %.2f, \"look_full_ms\": %.2f, "
		"\"look_slice_ms\": %.2f, \"save_ms\": %.2f, \"load_ms\": %.2f, \"put_ms\": %.2f, "
		"\"put_slice_ms\": %.2f}\n",
		cells, rows.n, empty_ms, full_ms, slice, save_ms, load_ms, put_ms, put_slice);
	return saved == 0 && loaded == 0 && back.n == rows.n ? 0 : 1;
}
