// SPDX-License-Identifier: BSD-3-Clause
// What limits counted over restarts: of the data plane, made by hand here, of the control plane, of the host.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core_dp.h"
#include "core_link.h"
#include "serve_bench.h"
#include "serve_counts.h"
#include "serve_counts_file.h"

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW, TURNS_MAX = 60000, BUCKETS = 3, WINDOW_S = 3600 };

static const uint8_t SECRET[16] = {1, 2, 3, 4};

struct world {
	char dir[64], path[96];
	struct dp dp;
	struct core_loop *loop;
	struct core_link *link;
	struct serve_store *store;
	struct serve_counts *counts;
	unsigned attached, detached;
};

static void on_attached(void *arg, const struct api_hello *hello)
{
	struct world *w = arg;

	w->attached++;
	serve_counts_attached(w->counts, hello);
}

static void on_detached(void *arg, const char *)
{
	struct world *w = arg;

	w->detached++;
	serve_counts_detached(w->counts);
}

static void counts_open(struct world *w)
{
	struct err_list err;

	err_init(&err);
	w->store = serve_store_open(w->dir, &err);
	assert_non_null(w->store);
	w->loop = core_loop_new();
	w->counts = serve_counts_new(w->loop, w->store);
	w->link = core_link_new(w->loop,
		&(struct core_link_conf){.path = w->dp.path,
			.ops = {.attached = on_attached, .detached = on_detached},
			.arg = w,
			.retry_ms = 1,
			.drain_ms = 1});
	assert_non_null(w->counts);
	assert_non_null(w->link);
	serve_counts_start(w->counts, w->link);
}

static void counts_close(struct world *w)
{
	core_link_free(w->link);
	serve_counts_free(w->counts);
	serve_store_close(w->store);
	core_loop_free(w->loop);
}

static void world_open(struct world *w)
{
	*w = (struct world){0};
	bench_dir_make(w->dir);
	(void)snprintf(w->path, sizeof(w->path), "%s/limits.counts", w->dir);
	dp_listen(&w->dp);
	counts_open(w);
}

static void world_close(struct world *w)
{
	counts_close(w);
	dp_close(&w->dp);
	bench_dir_remove(w->dir);
}

static void turn(struct world *w)
{
	assert_int_equal(core_loop_turn(w->loop, 1), 0);
}

static int64_t now_s(void)
{
	return (int64_t)(core_now_us() / 1000000);
}

static struct api_count count_of(uint64_t tag, uint16_t now)
{
	return (struct api_count){.tag = tag, .start_s = now_s(), .window_s = WINDOW_S, .now = now};
}

// A data plane that is there from now on; `counting`: with an image in force.
static void dp_start(struct world *w, bool counting)
{
	const unsigned before = w->attached;

	dp_make(&w->dp);
	dp_cells(&w->dp, BUCKETS);
	memcpy(w->dp.cells->secret, SECRET, sizeof(SECRET));
	w->dp.cells->clock_us = w->dp.cells->at_us = core_now_us();
	w->dp.hello.counts_open = !counting;
	for (unsigned i = 0; i < TURNS_MAX && !dp_accept(&w->dp); i++)
		turn(w);
	dp_seal(&w->dp, SEALS, SEALS);
	dp_send(&w->dp, sizeof(w->dp.hello), 3);
	for (unsigned i = 0; i < TURNS_MAX && w->attached == before; i++)
		turn(w);
	assert_int_equal(w->attached, before + 1);
}

static void dp_kill(struct world *w)
{
	const unsigned before = w->detached;

	dp_drop(&w->dp);
	for (unsigned i = 0; i < TURNS_MAX && w->detached == before; i++)
		turn(w);
	assert_int_equal(w->detached, before + 1);
}

static const struct api_count *room(struct world *w)
{
	return (const void *)(w->dp.link + w->dp.hello.counts_off);
}

// The rows of the next command; UINT64_MAX: there is none.
static uint64_t handed_back(struct world *w, uint32_t *seq)
{
	struct api_command c;

	if (api_ring_take(&w->dp.command, &c) != 0)
		return UINT64_MAX;
	assert_int_equal(c.kind, API_CMD_COUNTS);
	assert_memory_equal(c.counts.secret, SECRET, sizeof(SECRET));
	*seq = c.seq;
	return c.counts.rows;
}

static void answer(struct world *w, uint32_t seq, int status)
{
	const struct api_event e = {.kind = API_EVT_ACK, .seq = seq, .status = status};

	assert_int_equal(api_ring_put(&w->dp.event, &e), 0);
	for (unsigned i = 0; i < 50; i++)
		turn(w);
}

static void kept(struct world *w, uint64_t n)
{
	for (unsigned i = 0; i < TURNS_MAX; i++) {
		const struct serve_counts_state s = serve_counts_state(w->counts);

		if (s.at_s != 0 && s.kept == n)
			return;
		turn(w);
	}
	fail_msg("%u counts are kept", (unsigned)serve_counts_state(w->counts).kept);
}

static void what_a_killed_data_plane_counted_goes_to_the_next(void **)
{
	const struct api_count a = count_of(11, 3), b = count_of(12, 4);
	struct world w;
	uint32_t seq;

	world_open(&w);
	dp_start(&w, true);
	kept(&w, 0);
	assert_int_equal(access(w.path, F_OK), -1); // nothing to write
	dp_count(&w.dp, 0, 0, &a);                  // behind the last look
	dp_count(&w.dp, 2, 30, &b);
	dp_kill(&w);
	dp_start(&w, false);
	kept(&w, 2);
	assert_int_equal(handed_back(&w, &seq), 2);
	assert_memory_equal(&room(&w)[0], &a, sizeof(a));
	assert_memory_equal(&room(&w)[1], &b, sizeof(b));
	answer(&w, seq, 0);
	assert_int_equal(serve_counts_state(w.counts).returned, 2);
	assert_int_equal(handed_back(&w, &seq), UINT64_MAX);
	world_close(&w);
}

static void one_that_dies_before_it_took_them_leaves_them_to_the_next(void **)
{
	const struct api_count a = count_of(11, 3), less = count_of(11, 1);
	struct world w;
	uint32_t seq;

	world_open(&w);
	dp_start(&w, true);
	dp_count(&w.dp, 0, 0, &a);
	dp_kill(&w);
	for (unsigned i = 0; i < 3; i++) {
		dp_start(&w, false);
		assert_int_equal(handed_back(&w, &seq), 1);
		assert_memory_equal(&room(&w)[0], &a, sizeof(a));
		dp_count(&w.dp, 0, 0, &less); // as far as it came
		dp_kill(&w);
	}
	dp_start(&w, false);
	assert_int_equal(handed_back(&w, &seq), 1);
	assert_memory_equal(&room(&w)[0], &a, sizeof(a));
	answer(&w, seq, 0);
	dp_kill(&w); // it had them, though its cells say nothing: so it is now
	dp_start(&w, false);
	assert_int_equal(handed_back(&w, &seq), UINT64_MAX);
	world_close(&w);
}

static void one_that_counts_already_gets_nothing(void **)
{
	const struct api_count a = count_of(11, 3);
	struct world w;
	uint32_t seq;

	world_open(&w);
	dp_start(&w, true);
	dp_count(&w.dp, 0, 0, &a);
	dp_kill(&w);
	dp_start(&w, true); // the control plane missed one that was between
	assert_int_equal(handed_back(&w, &seq), UINT64_MAX);
	dp_kill(&w);
	dp_start(&w, false);
	assert_int_equal(handed_back(&w, &seq), UINT64_MAX); // the last one counted nothing
	world_close(&w);
}

static void one_that_refuses_them_costs_them_and_is_told_so(void **)
{
	const struct api_count a = count_of(11, 3);
	struct world w;
	uint32_t seq;

	world_open(&w);
	dp_start(&w, true);
	dp_count(&w.dp, 0, 0, &a);
	dp_kill(&w);
	dp_start(&w, false);
	assert_int_equal(handed_back(&w, &seq), 1);
	answer(&w, seq, -EALREADY);
	assert_int_equal(serve_counts_state(w.counts).returned, 0);
	assert_int_equal(serve_counts_state(w.counts).lost, 1);
	world_close(&w);
}

static void one_with_less_room_gets_as_many_as_it_has_room_for(void **)
{
	struct world w;
	uint32_t seq;

	world_open(&w);
	dp_start(&w, true);
	for (unsigned i = 0; i < 60; i++) {
		const struct api_count a = count_of(i, 3);
		dp_count(&w.dp, i / 31, i % 31, &a);
	}
	dp_kill(&w);
	dp_make(&w.dp);
	dp_cells(&w.dp, 1);
	w.dp.hello.counts_bytes = 31 * sizeof(struct api_count);
	for (unsigned i = 0; i < TURNS_MAX && !dp_accept(&w.dp); i++)
		turn(&w);
	dp_seal(&w.dp, SEALS, SEALS);
	dp_send(&w.dp, sizeof(w.dp.hello), 3);
	for (unsigned i = 0; i < TURNS_MAX && w.attached == 1; i++)
		turn(&w);
	assert_int_equal(handed_back(&w, &seq), 31);
	assert_int_equal(serve_counts_state(w.counts).lost, 29);
	world_close(&w);
}

static void both_planes_may_be_started_anew(void **)
{
	const struct api_count a = count_of(11, 3);
	struct world w;
	uint32_t seq;

	world_open(&w);
	dp_start(&w, true);
	dp_count(&w.dp, 0, 0, &a);
	counts_close(&w); // in good order: it looks once more
	struct stat st;
	assert_int_equal(stat(w.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	dp_drop(&w.dp);
	counts_open(&w);
	dp_start(&w, false);
	assert_int_equal(handed_back(&w, &seq), 1);
	assert_memory_equal(&room(&w)[0], &a, sizeof(a));
	world_close(&w);
}

static void a_look_that_finds_nothing_forgets_what_was_written(void **)
{
	const struct api_count a = count_of(11, 3);
	struct world w;
	uint32_t seq;

	world_open(&w);
	dp_start(&w, true);
	dp_count(&w.dp, 0, 0, &a);
	dp_kill(&w);
	kept(&w, 1);
	dp_start(&w, true);
	kept(&w, 0);
	counts_close(&w);
	dp_drop(&w.dp);
	counts_open(&w);
	dp_start(&w, false);
	assert_int_equal(handed_back(&w, &seq), UINT64_MAX);
	world_close(&w);
}

// ---- the file

static const struct serve_counts_time AT = {"boot-a", 10000, 1700000000};

static struct serve_store *store_open(char dir[64])
{
	struct err_list err;

	err_init(&err);
	bench_dir_make(dir);
	return serve_store_open(dir, &err);
}

static void times_go_by_over_a_start_of_the_host(void **)
{
	static const struct {
		const char *what;
		struct serve_counts_time now;
		int64_t start_s; // of one that began 100 s before it was written; 0: out of date
	} cases[] = {
		{"the same start", {"boot-a", 10500, 1700000500}, 9900},
		{"the same start, the wall clock was set", {"boot-a", 10500, 1000000000}, 9900},
		{"another start, five minutes later", {"boot-b", 20, 1700000300}, 20 - 300 - 100},
		{"another start, the wall clock was set back", {"boot-b", 20, 1699999000},
			20 - 100},
		{"another start, long after", {"boot-b", 20, 1700000000 + 2 * WINDOW_S}, 0},
		{"nobody knows which start", {"", 10500, 1700000500}, 9900},
		{"the same, and far ahead", {"boot-a", 10000 + 2 * WINDOW_S, 1700000000}, 0},
	};
	char dir[64];
	struct serve_store *st = store_open(dir);
	struct api_count row = {
		.tag = 5, .start_s = AT.mono_s - 100, .window_s = WINDOW_S, .now = 2};
	struct serve_counts_rows rows = {.row = &row, .n = 1}, back;

	memcpy(rows.secret, SECRET, sizeof(SECRET));
	assert_int_equal(serve_counts_save(st, &rows, &AT), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(serve_counts_load(st, &back, &cases[i].now), 0);
		assert_int_equal(back.n, cases[i].start_s != 0);
		if (back.n == 1 && back.row[0].start_s != cases[i].start_s)
			fail_msg("%s: %d", cases[i].what, (int)back.row[0].start_s);
		if (back.n == 1)
			assert_memory_equal(back.secret, SECRET, sizeof(SECRET));
		free(back.row);
	}
	serve_store_close(st);
	bench_dir_remove(dir);
}

static void a_file_that_is_not_whole_gives_nothing(void **)
{
	char dir[64], path[96], *bytes;
	struct serve_store *st = store_open(dir);
	struct api_count row[2] = {
		{.tag = 5, .start_s = AT.mono_s, .window_s = WINDOW_S, .now = 2},
		{.tag = 6, .start_s = AT.mono_s, .window_s = WINDOW_S, .now = 2},
	};
	struct serve_counts_rows rows = {.row = row, .n = 2}, back;
	size_t n;

	assert_int_equal(serve_counts_load(st, &back, &AT), 0); // there is none
	assert_int_equal(back.n, 0);
	assert_int_equal(serve_counts_save(st, &rows, &AT), 0);
	assert_int_equal(serve_store_read(st, SERVE_FILE_COUNTS, 0, &bytes, &n), 0);
	(void)snprintf(path, sizeof(path), "%s/limits.counts", dir);
	for (size_t i = 0; i < n; i++) { // cut, or one byte another
		FILE *f = fopen(path, "w");

		assert_int_equal(fwrite(bytes, 1, i, f), i);
		assert_int_equal(fclose(f), 0);
		assert_int_equal(serve_counts_load(st, &back, &AT), -EINVAL);
		assert_null(back.row);
		bytes[i] = (char)(bytes[i] ^ 0x40);
		f = fopen(path, "w");
		assert_int_equal(fwrite(bytes, 1, n, f), n);
		assert_int_equal(fclose(f), 0);
		assert_int_equal(serve_counts_load(st, &back, &AT), -EINVAL);
		assert_null(back.row);
		bytes[i] = (char)(bytes[i] ^ 0x40);
	}
	free(bytes);
	// Rows that make no sense in a file that is whole are left out.
	row[1].window_s = UINT32_MAX;
	assert_int_equal(serve_counts_save(st, &rows, &AT), 0);
	assert_int_equal(serve_counts_load(st, &back, &AT), 0);
	assert_int_equal(back.n, 1);
	assert_int_equal(back.row[0].tag, 5);
	free(back.row);
	serve_store_close(st);
	bench_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_killed_data_plane_counted_goes_to_the_next),
		cmocka_unit_test(one_that_dies_before_it_took_them_leaves_them_to_the_next),
		cmocka_unit_test(one_that_counts_already_gets_nothing),
		cmocka_unit_test(one_that_refuses_them_costs_them_and_is_told_so),
		cmocka_unit_test(one_with_less_room_gets_as_many_as_it_has_room_for),
		cmocka_unit_test(both_planes_may_be_started_anew),
		cmocka_unit_test(a_look_that_finds_nothing_forgets_what_was_written),
		cmocka_unit_test(times_go_by_over_a_start_of_the_host),
		cmocka_unit_test(a_file_that_is_not_whole_gives_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
