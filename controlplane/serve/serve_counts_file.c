// SPDX-License-Identifier: BSD-3-Clause
// The file: a head, then struct api_count. Times in it are those of CLOCK_MONOTONIC; after a start of the
// host, where that clock begins anew, the wall clock says how much time has gone by. One that was set back
// meanwhile says that none has.
// Thread: the loop's.
#include "serve_counts_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core_loop.h"
#include "hash.h"

struct head {
	char magic[8];
	uint32_t version, row_bytes;
	uint8_t secret[API_CELLS_SECRET];
	struct serve_counts_time at;
	uint64_t rows;
	uint32_t rows_crc, head_crc; // of this head up to here
};

_Static_assert(sizeof(struct head) == 104, "no padding");

static const char MAGIC[8] = {'M', 'W', 'C', 'O', 'U', 'N', 'T', 'S'};

struct serve_counts_time serve_counts_now(void)
{
	struct serve_counts_time t = {
		.mono_s = (int64_t)(core_now_us() / 1000000), .wall_s = time(NULL)};
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (f == NULL)
		return t;
	if (fgets(t.boot, sizeof(t.boot), f) == NULL)
		t.boot[0] = '\0';
	(void)fclose(f); // it was read
	return t;
}

static uint32_t head_crc(const struct head *h)
{
	return hash_crc32c(0, h, offsetof(struct head, head_crc));
}

int serve_counts_save(struct serve_store *st, const struct serve_counts_rows *rows,
	const struct serve_counts_time *now)
{
	struct head h = {.version = API_COUNT_VERSION,
		.row_bytes = sizeof(struct api_count),
		.at = *now,
		.rows = rows->n,
		.rows_crc = hash_crc32c(0, rows->row, rows->n * sizeof(rows->row[0]))};

	memcpy(h.magic, MAGIC, sizeof(h.magic));
	memcpy(h.secret, rows->secret, sizeof(h.secret));
	h.head_crc = head_crc(&h);
	return serve_store_put(st, SERVE_FILE_COUNTS,
		(const struct serve_blob[]){
			{&h, sizeof(h)}, {rows->row, rows->n * sizeof(rows->row[0])}},
		2);
}

static bool is_whole(const char *bytes, size_t n, struct head *h)
{
	if (n < sizeof(*h))
		return false;
	memcpy(h, bytes, sizeof(*h));
	n -= sizeof(*h);
	return memcmp(h->magic, MAGIC, sizeof(MAGIC)) == 0 && h->version == API_COUNT_VERSION &&
		h->row_bytes == sizeof(struct api_count) && h->head_crc == head_crc(h) &&
		n % sizeof(struct api_count) == 0 && h->rows == n / sizeof(struct api_count) &&
		h->rows_crc == hash_crc32c(0, bytes + sizeof(*h), n);
}

// What is to be added to a time of the file.
static int64_t shift_s(const struct serve_counts_time *at, const struct serve_counts_time *now)
{
	const int64_t gone_s = now->wall_s > at->wall_s ? now->wall_s - at->wall_s : 0;

	if (at->boot[0] != '\0' && memcmp(at->boot, now->boot, sizeof(at->boot)) == 0)
		return 0;
	return now->mono_s - at->mono_s - gone_s;
}

static int rows_take(struct serve_counts_rows *rows, const char *bytes, const struct head *h,
	const struct serve_counts_time *now)
{
	const int64_t shift = shift_s(&h->at, now);

	rows->row = malloc(h->rows * sizeof(rows->row[0]));
	if (rows->row == NULL && h->rows > 0)
		return -ENOMEM;
	memcpy(rows->secret, h->secret, sizeof(rows->secret));
	rows->cap = h->rows;
	for (uint64_t i = 0; i < h->rows; i++) {
		struct api_count row;

		memcpy(&row, bytes + i * sizeof(row), sizeof(row));
		row.start_s += shift;
		if (api_count_is_sound(&row) && !api_count_is_over(&row, now->mono_s))
			rows->row[rows->n++] = row;
	}
	return 0;
}

int serve_counts_load(
	struct serve_store *st, struct serve_counts_rows *rows, const struct serve_counts_time *now)
{
	struct head h;
	char *bytes;
	size_t n;
	int rc = serve_store_read(st, SERVE_FILE_COUNTS, 0, &bytes, &n);

	*rows = (struct serve_counts_rows){0};
	if (rc != 0)
		return rc == -ENOENT ? 0 : rc;
	rc = is_whole(bytes, n, &h) ? rows_take(rows, bytes + sizeof(h), &h, now) : -EINVAL;
	free(bytes);
	return rc;
}
