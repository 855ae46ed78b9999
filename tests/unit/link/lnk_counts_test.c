// SPDX-License-Identifier: BSD-3-Clause
// What limits counted: how a control plane sees it in the cells, hands it back to the next data plane, and
// what becomes of one that hands back rubbish, or at the wrong time.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "api_cells.h"
#include "lnk_peer.h"
#include "pol_image.h"
#include "tbl_cells.h"

enum { SLOT = 65536, CELLS = 20000, WINDOW_S = 3600, MANY = 10000, TURNS_MAX = 20 };

static const uint8_t SECRET[16] = {7, 7, 7};

static struct api_count count_of(uint64_t tag, uint16_t now)
{
	return (struct api_count){
		.tag = tag, .start_s = BENCH_BEGIN_S, .window_s = WINDOW_S, .now = now};
}

static struct api_count *room(struct peer *p)
{
	return (void *)(p->mem + p->hello.counts_off);
}

static void hand_back(struct peer *p, uint64_t rows, uint32_t seq)
{
	struct api_command c = {.kind = API_CMD_COUNTS, .seq = seq, .counts = {.rows = rows}};

	memcpy(c.counts.secret, SECRET, sizeof(SECRET));
	peer_send(p, &c);
}

static void image_send(struct peer *p, uint32_t seq, uint64_t version)
{
	const struct pol_head head = {.version = version};

	memcpy(p->mem + p->hello.slot_off[0], &head, sizeof(head));
	peer_send(p,
		&(struct api_command){.kind = API_CMD_IMAGE,
			.seq = seq,
			.image = {.bytes = sizeof(head), .version = version}});
}

static unsigned counted(const struct bench *b)
{
	const struct api_cells *c = (const void *)b->cells.mem;
	struct api_count row;
	unsigned n = 0;

	for (uint32_t i = 0; i < c->buckets; i++)
		for (unsigned k = 0; k < API_CELLS_SLOTS; k++)
			n += api_cells_take(c, i, k, &row);
	return n;
}

static void acknowledged(struct bench *b, struct peer *p, uint32_t seq, int status)
{
	struct api_event e;

	assert_int_equal(peer_event(b, p, &e), 0);
	assert_int_equal(e.kind, API_EVT_ACK);
	assert_int_equal(e.seq, seq);
	assert_int_equal(e.status, status);
}

static void cells_are_handed_over_to_read_only(void **)
{
	struct bench b;
	struct peer p;
	void *mem;

	bench_open_cells(&b, SLOT, CELLS);
	peer_attach(&b, &p);
	assert_int_equal(p.hello.cells_bytes, b.cells.bytes);
	assert_int_equal(p.hello.counts_open, 1);
	assert_true(p.hello.counts_bytes >= CELLS * sizeof(struct api_count));
	assert_int_equal(ftruncate(p.cells_fd, 0), -1);
	mem = mmap(NULL, p.hello.cells_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p.cells_fd, 0);
	assert_ptr_equal(mem, MAP_FAILED);
	mem = mmap(NULL, p.hello.cells_bytes, PROT_READ, MAP_SHARED, p.cells_fd, 0);
	assert_ptr_not_equal(mem, MAP_FAILED);
	// They are the engine's own, with its clock, and outlive the data plane.
	const struct tbl_cell_key key = {.profile = 1};
	uint32_t value;
	struct api_count row;
	unsigned seen = 0;
	assert_int_equal(
		tbl_cells_count((void *)b.cells.mem, &key, 5, WINDOW_S, BENCH_BEGIN_S, &value),
		TBL_CELLS_PASS);
	(void)bench_poll(&b);
	bench_close(&b);
	const struct api_cells *cells = mem;
	assert_int_equal(api_cells_bytes(cells->buckets), p.hello.cells_bytes);
	for (uint32_t i = 0; i < cells->buckets; i++)
		for (unsigned k = 0; k < API_CELLS_SLOTS; k++)
			seen += api_cells_take(cells, i, k, &row);
	assert_int_equal(seen, 1);
	assert_int_equal(row.start_s, BENCH_BEGIN_S);
	assert_int_equal(row.now, 1);
	assert_int_equal(munmap(mem, p.hello.cells_bytes), 0);
	peer_close(&p);
}

static void without_cells_there_is_nothing_to_hand_back(void **)
{
	struct bench b;
	struct peer p;

	bench_open(&b, SLOT);
	peer_attach(&b, &p);
	assert_int_equal(p.hello.cells_bytes, 0);
	assert_int_equal(p.hello.counts_open, 0);
	hand_back(&p, 0, 1);
	acknowledged(&b, &p, 1, -EALREADY);
	peer_close(&p);
	bench_close(&b);
}

static void counts_are_taken_over_in_slices_and_what_comes_behind_them_waits(void **)
{
	struct bench b;
	struct peer p;
	struct api_event e;
	const struct api_stats *s;

	bench_open_cells(&b, SLOT, CELLS);
	peer_attach(&b, &p);
	for (unsigned i = 0; i < MANY; i++)
		room(&p)[i] = count_of(i * UINT64_C(0x9e3779b97f4a7c15), (uint16_t)(1 + i % 9));
	room(&p)[17].start_s = BENCH_BEGIN_S - 2 * WINDOW_S; // out of date
	room(&p)[18].start_s = INT64_MIN;
	room(&p)[19].start_s = INT64_MAX; // begins now
	hand_back(&p, MANY, 3);
	image_send(&p, 4, 9);
	(void)bench_poll(&b);
	const unsigned first = counted(&b);
	assert_true(first < MANY / 2); // a bounded slice
	assert_int_equal(b.eng.swaps, 0);
	assert_int_equal(api_ring_take(&p.event, &e), -EAGAIN);
	acknowledged(&b, &p, 3, 0);
	acknowledged(&b, &p, 4, 0);
	assert_int_equal(b.eng.swaps, 1);
	assert_int_equal(counted(&b), MANY - 2);
	assert_memory_equal(b.cells.mem, SECRET, sizeof(SECRET));
	s = bench_stats(&p);
	assert_int_equal(s->counts_taken, MANY - 2);
	assert_int_equal(s->counts_over, 2);
	assert_int_equal(s->counts_full, 0);
	stats_unmap(s);
	assert_int_equal(room(&p)[0].now, 0); // their memory was given back
	peer_close(&p);
	bench_close(&b);
}

static void a_table_too_small_takes_what_it_can(void **)
{
	struct bench b;
	struct peer p;
	const struct api_stats *s;

	bench_open_cells(&b, SLOT, 31); // two buckets
	peer_attach(&b, &p);
	const uint64_t most = p.hello.counts_bytes / sizeof(struct api_count);
	for (unsigned i = 0; i < most; i++)
		room(&p)[i] = count_of(i, 1); // all of one bucket
	hand_back(&p, most, 3);
	acknowledged(&b, &p, 3, 0);
	s = bench_stats(&p);
	assert_int_equal(s->counts_taken, 31);
	assert_int_equal(s->counts_full, most - 31);
	stats_unmap(s);
	peer_close(&p);
	bench_close(&b);
}

static void behind_the_first_image_nothing_is_taken(void **)
{
	struct bench b;
	struct peer p;

	bench_open_cells(&b, SLOT, CELLS);
	peer_attach(&b, &p);
	image_send(&p, 1, 9);
	acknowledged(&b, &p, 1, 0);
	room(&p)[0] = count_of(1, 1);
	hand_back(&p, 1, 2);
	acknowledged(&b, &p, 2, -EALREADY);
	assert_int_equal(counted(&b), 0);
	peer_close(&p);
	(void)bench_poll(&b);
	peer_attach(&b, &p); // nor from the next one
	assert_int_equal(p.hello.counts_open, 0);
	hand_back(&p, 0, 3);
	acknowledged(&b, &p, 3, -EALREADY);
	peer_close(&p);
	bench_close(&b);
}

static void they_are_taken_once(void **)
{
	struct bench b;
	struct peer p;

	bench_open_cells(&b, SLOT, CELLS);
	peer_attach(&b, &p);
	hand_back(&p, 0, 1);
	acknowledged(&b, &p, 1, 0);
	room(&p)[0] = count_of(1, 1);
	hand_back(&p, 1, 2);
	acknowledged(&b, &p, 2, -EALREADY);
	assert_int_equal(counted(&b), 0);
	peer_close(&p);
	bench_close(&b);
}

// What no honest one would send costs the attachment, and its successor is served.
static void rubbish_costs_the_link_and_no_more(void **)
{
	static const struct {
		const char *what;
		uint64_t rows; // 0: as many as there is room for, and one
		struct api_count row;
	} cases[] = {
		{"one more than there is room for", 0, {0}},
		{"2^32 rows", UINT64_C(1) << 32, {0}},
		{"2^64 - 1 rows", UINT64_MAX, {0}},
		{"rows whose bytes overflow to few", UINT64_MAX / sizeof(struct api_count) + 2,
			{0}},
		{"no window", 5000, {.tag = 1, .start_s = 1, .now = 1}},
		{"a window of 2^32 - 1 s", 5000,
			{.tag = 1, .start_s = 1, .window_s = UINT32_MAX, .now = 1}},
		{"65,535 events", 5000,
			{.tag = 1, .start_s = 1, .window_s = 60, .now = UINT16_MAX}},
		{"65,535 events before", 5000,
			{.tag = 1, .start_s = 1, .window_s = 60, .before = UINT16_MAX}},
		{"0xff all over", 5000, {UINT64_MAX, -1, UINT32_MAX, UINT16_MAX, UINT16_MAX}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;
		struct peer p;
		const struct api_stats *s;

		bench_open_cells(&b, SLOT, CELLS);
		peer_attach(&b, &p);
		const uint64_t most = p.hello.counts_bytes / sizeof(struct api_count);
		for (unsigned k = 0; k < 5000; k++)
			room(&p)[k] = count_of(k * UINT64_C(0x9e3779b97f4a7c15), 1);
		room(&p)[4999] = cases[i].row;
		hand_back(&p, cases[i].rows == 0 ? most + 1 : cases[i].rows, 1);
		for (unsigned k = 0; k < TURNS_MAX && !peer_is_closed(&p); k++)
			(void)bench_poll(&b);
		if (!peer_is_closed(&p))
			fail_msg("%s: goes on", cases[i].what);
		peer_close(&p);
		(void)bench_poll(&b);
		peer_attach(&b, &p); // an honest one, which has them whole
		assert_int_equal(p.hello.counts_open, 1);
		for (unsigned k = 0; k < 5000; k++)
			room(&p)[k] = count_of(k * UINT64_C(0x9e3779b97f4a7c15), 2);
		hand_back(&p, 5000, 2);
		acknowledged(&b, &p, 2, 0);
		assert_int_equal(counted(&b), 5000);
		s = bench_stats(&p);
		assert_int_equal(s->link_refused, 1);
		assert_int_equal(s->counts_taken, 5000);
		stats_unmap(s);
		peer_close(&p);
		bench_close(&b);
	}
}

static void one_that_dies_in_the_middle_is_followed_by_one_that_begins_anew(void **)
{
	struct bench b;
	struct peer p;

	bench_open_cells(&b, SLOT, CELLS);
	peer_attach(&b, &p);
	for (unsigned i = 0; i < MANY; i++)
		room(&p)[i] = count_of(i * UINT64_C(0x9e3779b97f4a7c15), 3);
	hand_back(&p, MANY, 1);
	(void)bench_poll(&b);
	peer_close(&p);
	(void)bench_poll(&b);
	(void)bench_poll(&b);
	assert_true(counted(&b) < MANY);
	peer_attach(&b, &p);
	assert_int_equal(p.hello.counts_open, 1);
	for (unsigned i = 0; i < MANY; i++)
		room(&p)[i] = count_of(i * UINT64_C(0x9e3779b97f4a7c15), 3);
	hand_back(&p, MANY, 2);
	acknowledged(&b, &p, 2, 0);
	assert_int_equal(counted(&b), MANY);
	peer_close(&p);
	bench_close(&b);
}

// Rows that change while they are read: each is copied before it is judged.
static void rows_that_change_meanwhile_are_judged_as_they_are_taken(void **)
{
	struct bench b;
	struct peer p;

	bench_open_cells(&b, SLOT, CELLS);
	peer_attach(&b, &p);
	for (unsigned i = 0; i < MANY; i++)
		room(&p)[i] = count_of(i * UINT64_C(0x9e3779b97f4a7c15), 1);
	hand_back(&p, MANY, 1);
	(void)bench_poll(&b); // a first slice
	memset(room(&p), 0xff, MANY * sizeof(struct api_count));
	for (unsigned k = 0; k < TURNS_MAX && !peer_is_closed(&p); k++)
		(void)bench_poll(&b);
	assert_true(peer_is_closed(&p));
	peer_close(&p);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_are_handed_over_to_read_only),
		cmocka_unit_test(without_cells_there_is_nothing_to_hand_back),
		cmocka_unit_test(counts_are_taken_over_in_slices_and_what_comes_behind_them_waits),
		cmocka_unit_test(a_table_too_small_takes_what_it_can),
		cmocka_unit_test(behind_the_first_image_nothing_is_taken),
		cmocka_unit_test(they_are_taken_once),
		cmocka_unit_test(rubbish_costs_the_link_and_no_more),
		cmocka_unit_test(one_that_dies_in_the_middle_is_followed_by_one_that_begins_anew),
		cmocka_unit_test(rows_that_change_meanwhile_are_judged_as_they_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
