// SPDX-License-Identifier: BSD-3-Clause
// The memory of limit cells, made so that it can be handed over to read only: whoever maps it still has
// what was counted when we have died. And the way back: what a data plane before this one counted, brought
// by the control plane before its first image, so before any worker counts; copied a piece at a time, each
// row verified, then put into the table.
// Hugepages are numbered, and a control plane that hangs keeps those of the data plane before us. So DPDK
// takes its own first; of what is left the cells get theirs, or else ordinary pages.
// Thread: manager.
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/memfd.h>

#include "api_cells.h"
#include "lnk_int.h"
#include "log.h"
#include "tbl_cells.h"
#include "tbl_cells_layout.h"

LOG_COMPONENT("link");

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 // linux/fcntl.h, since Linux 5.1
#endif

#define SAME_PLACE(ours, theirs, field)                                                \
	_Static_assert(offsetof(struct ours, field) == offsetof(struct theirs, field), \
		"where the table has it and where the link says")
SAME_PLACE(tbl_cells, api_cells, secret);
SAME_PLACE(tbl_cells, api_cells, buckets);
SAME_PLACE(tbl_cells, api_cells, clock_us);
SAME_PLACE(tbl_cells, api_cells, at_us);
SAME_PLACE(tbl_cells, api_cells, bucket);
SAME_PLACE(tbl_bucket, api_cell_bucket, tag);
SAME_PLACE(tbl_bucket, api_cell_bucket, cell);
SAME_PLACE(tbl_cell, api_cell, word);
SAME_PLACE(tbl_cell, api_cell, window);
SAME_PLACE(tbl_cell, api_cell, window_s);
_Static_assert(sizeof(struct tbl_cell) == sizeof(struct api_cell), "likewise");
_Static_assert(sizeof(struct tbl_bucket) == sizeof(struct api_cell_bucket), "likewise");
LNK_SAME(TBL_CELLS_SLOTS, API_CELLS_SLOTS);
LNK_SAME(TBL_CELLS_WINDOW_MAX_S, API_COUNT_WINDOW_MAX_S);
LNK_SAME(TBL_CELLS_EVENTS_MAX, API_COUNT_EVENTS_MAX);

enum { HUGE_BYTES = 2 << 20 };

static int memory_make(struct lnk_cells *c, unsigned huge)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
	void *mem;

	c->fd = memfd_create("mailweir-cells", MFD_CLOEXEC | MFD_ALLOW_SEALING | huge);
	if (c->fd < 0 || ftruncate(c->fd, (off_t)c->bytes) < 0)
		return -errno;
	mem = mmap(NULL, c->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	c->mem = mem;
	// Taken now, and kept from the swap where we may: a worker that counts waits for no memory.
	if (fallocate(c->fd, 0, 0, (off_t)c->bytes) < 0)
		return -errno;
	(void)mlock(c->mem, c->bytes);
	return fcntl(c->fd, F_ADD_SEALS, seals) < 0 ? -errno : 0;
}

int lnk_cells_open(struct lnk_cells *c, uint32_t count, bool hugepages, struct err_list *err)
{
	const uint64_t bytes = tbl_cells_bytes(count);
	int rc = -ENOMEM;

	*c = (struct lnk_cells){.fd = -1};
	if (hugepages) {
		c->bytes = (bytes + HUGE_BYTES - 1) & ~(uint64_t)(HUGE_BYTES - 1);
		c->hugepages = true;
		rc = memory_make(c, MFD_HUGETLB | MFD_HUGE_2MB);
	}
	if (rc == 0)
		return 0;
	lnk_cells_close(c);
	c->bytes = bytes;
	rc = memory_make(c, 0);
	if (rc == 0)
		return 0;
	err_add(err, "%u limit cells: shared memory: %s", count, strerror(-rc));
	lnk_cells_close(c);
	return rc;
}

void lnk_cells_close(struct lnk_cells *c)
{
	if (c->mem != NULL)
		(void)munmap(c->mem, c->bytes); // fails only for a wrong range
	if (c->fd >= 0)
		(void)close(c->fd); // memory, nothing to flush
	*c = (struct lnk_cells){.fd = -1};
}

uint64_t lnk_counts_bytes(const struct lnk *l)
{
	if (l->conf.cells == NULL)
		return 0;
	return l->conf.cells->bytes / sizeof(struct api_cell_bucket) * API_CELLS_SLOTS *
		sizeof(struct api_count);
}

uint64_t lnk_clock_us(const struct lnk *l)
{
	return l->conf.clock == NULL ? l->now_us : l->conf.clock(l->conf.arg);
}

void lnk_cells_turn(struct lnk *l, uint64_t now_us)
{
	l->now_us = now_us;
	if (l->conf.cells != NULL)
		tbl_cells_clock((void *)l->conf.cells->mem, lnk_clock_us(l), now_us);
}

int lnk_counts_begin(struct lnk *l, const struct api_command *c)
{
	if (c->counts.rows > lnk_counts_bytes(l) / sizeof(struct api_count)) {
		l->fault = "counts out of range";
		return 0;
	}
	if (!l->counts.open)
		return -EALREADY;
	tbl_cells_secret((void *)l->conf.cells->mem, c->counts.secret);
	l->counts.active = true;
	l->counts.seq = c->seq;
	l->counts.rows = c->counts.rows;
	l->counts.at = l->counts.taken = l->counts.over = l->counts.full = 0;
	return 0;
}

// Of a row's two clocks to that of the workers.
static void row_put(struct lnk *l, const struct api_count *row)
{
	struct lnk_counts *n = &l->counts;
	const int64_t now_s = (int64_t)(l->now_us / 1000000);
	const uint32_t clock_s = (uint32_t)(lnk_clock_us(l) / 1000000);

	if (api_count_is_over(row, now_s)) {
		n->over++;
		return;
	}
	const struct tbl_cells_row put = {
		.tag = row->tag,
		// Less than two windows ago; in times to come: begins now.
		.start_s = clock_s - (row->start_s > now_s ? 0 : (uint32_t)(now_s - row->start_s)),
		.window_s = row->window_s,
		.before = row->before,
		.now = row->now,
	};
	const enum tbl_cells_answer a = tbl_cells_put((void *)l->conf.cells->mem, &put, clock_s);

	n->taken += a == TBL_CELLS_PASS;
	n->over += a == TBL_CELLS_OVER;
	n->full += a == TBL_CELLS_FULL;
}

void lnk_counts_close(struct lnk *l)
{
	l->counts.open = l->counts.active = false;
}

static void counts_end(struct lnk *l)
{
	struct lnk_counts *n = &l->counts;
	const struct api_hello *h = &l->region->hello;

	lnk_counts_close(l);
	// Nobody needs those rows any more; where it fails they stay until the detach.
	(void)madvise(l->region->mem + h->counts_off, h->counts_bytes, MADV_REMOVE);
	lnk_stats_set(&l->stats.head->counts_taken, n->taken);
	lnk_stats_set(&l->stats.head->counts_over, n->over);
	lnk_stats_set(&l->stats.head->counts_full, n->full);
	LOG(NOTICE, "limits: %llu counts taken over, %llu out of date, %llu without a cell",
		(unsigned long long)n->taken, (unsigned long long)n->over,
		(unsigned long long)n->full);
}

bool lnk_counts_turn(struct lnk *l)
{
	struct lnk_counts *n = &l->counts;
	const uint64_t left = n->rows - n->at;
	const size_t some = left < LNK_COUNTS_A_TURN ? (size_t)left : LNK_COUNTS_A_TURN;
	const uint8_t *from = l->region->mem + l->region->hello.counts_off;

	memcpy(n->copy, from + n->at * sizeof(n->copy[0]), some * sizeof(n->copy[0]));
	for (size_t i = 0; i < some; i++) {
		if (!api_count_is_sound(&n->copy[i])) {
			l->fault = "a count out of range";
			return false;
		}
		row_put(l, &n->copy[i]);
	}
	n->at += some;
	if (n->at == n->rows)
		counts_end(l);
	return !n->active;
}
