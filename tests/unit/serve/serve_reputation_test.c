// SPDX-License-Identifier: BSD-3-Clause
// Reputation at work: outcomes in, facts, rows and runs of the hook out.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "api_ring.h"
#include "compile.h"
#include "core_loop.h"
#include "log.h"
#include "serve_bench.h"
#include "serve_reputation.h"

enum { WAIT_TURNS = 60000, KEY = 77, HOUR_S = 3600 };

static int64_t set_by_s; // how far somebody has set the wall clock

// In the C library's place.
time_t time(time_t *out)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	now.tv_sec += set_by_s;
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}

static const char text[] =
	"dataplane: {workers: [0], ports: [{name: a, dev: net_null0}, {name: b, dev: net_null1}], pairs: [[a, b]]}\n"
	"session_profiles:\n"
	"  internal: {endpoint_reputation: {action: reject, trigger: 2, duration_min: 10}, auth_reputation: {action: reject}}\n"
	"  external: {sender_reputation: {action: monitor}}\n"
	"  plain: {}\n"
	"policies: [{name: p, action: inspect, session: internal}]\n";

struct world {
	struct core_loop *loop;
	struct serve_names *names;
	struct serve_reputation *r;
	struct cfg *cfg;
	int room; // for facts
	uint32_t waiting; // of them
	struct api_fact facts[1000];
	unsigned nfacts, rows, gone, saved;
	struct rep_endpoint_saved row;
};

static int on_fact(void *arg, const struct api_fact *f)
{
	struct world *w = arg;

	if (w->room == 0)
		return -EAGAIN;
	w->room--;
	assert_true(w->nfacts < 1000);
	w->facts[w->nfacts++] = *f;
	return 0;
}

static uint32_t on_waiting(void *arg)
{
	return ((const struct world *)arg)->waiting;
}

static uint32_t on_id(void *arg, uint64_t key, uint8_t id[REP_ID_MAX])
{
	(void)arg;
	if (key != KEY)
		return 0;
	memcpy(id, "4915\n1", 6);
	return 6;
}

static int on_row(void *arg, const struct rep_endpoint_saved *row, bool gone)
{
	struct world *w = arg;

	w->rows += !gone;
	w->gone += gone;
	w->row = *row;
	return 0;
}

static void on_saved(void *arg)
{
	struct world *w = arg;

	w->saved++;
}

static void quiet(enum log_level level, const char *line, void *arg)
{
	(void)level, (void)line, (void)arg;
	if (getenv("SERVE_TEST_LOG") != NULL)
		(void)fprintf(stderr, "%s\n", line);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const struct pol_image *img;
	struct compile_input in = {.version = 5};
	uint8_t *bytes = NULL;
	struct err_list err;
	size_t n = 0;

	err_init(&err);
	log_sink_set(quiet, NULL);
	w->room = 1000;
	w->loop = core_loop_new();
	w->names = serve_names_new();
	in.cfg = w->cfg = cfg_load_text(text, strlen(text), "t", "/", &err);
	if (w->cfg == NULL || compile_image(&in, &bytes, &n, &err) != 0 ||
		pol_verify((struct span){.p = bytes, .n = n}, &img, &err) != 0)
		fail_msg("%s", err.text[0]);
	serve_names_add(w->names, img);
	free(bytes);
	w->r = serve_reputation_new(&(struct serve_reputation_conf){.loop = w->loop,
		.endpoints = 100,
		.senders = 100,
		.names = w->names,
		.fact = on_fact,
		.waiting = on_waiting,
		.id = on_id,
		.save_endpoint = on_row,
		.saved = on_saved,
		.save_arg = w,
		.arg = w});
	assert_non_null(w->r);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	serve_reputation_free(w->r);
	serve_names_free(w->names);
	core_loop_free(w->loop);
	cfg_free(w->cfg);
	free(w);
	return 0;
}

// Session profiles lie in the order of their names: external, internal, plain.
static uint32_t profile(const struct world *w, const char *name)
{
	for (uint32_t i = 0; i < w->cfg->nsessions; i++)
		if (strcmp(w->cfg->sessions[i].name, name) == 0)
			return i;
	fail();
	return 0;
}

static void outcome(struct world *w, const char *of, enum api_outcome_kind kind, uint32_t count)
{
	struct api_outcome o = {.kind = kind,
		.count = count,
		.session_profile = profile(w, of),
		.image_version = 5,
		.endpoint = KEY,
		.context_key = 3};

	assert_int_equal(addr_parse("192.0.2.1", &o.client), 0);
	serve_reputation_outcome(w->r, &o);
}

static void begin(struct world *w)
{
	serve_reputation_attached(w->r);
	assert_int_equal(w->nfacts, 0); // without a configuration there are no scores yet
	serve_reputation_change(w->r, &w->cfg->reputation);
	assert_int_equal(w->nfacts, 2);
	assert_int_equal(w->facts[0].kind, API_FACT_BEGIN);
	assert_int_equal(w->facts[1].kind, API_FACT_SWEEP);
	assert_int_equal(w->facts[0].epoch, w->facts[1].epoch);
	w->nfacts = 0;
}

static void spam_over_the_profiles_trigger_blocks_the_endpoint(void **state)
{
	struct world *w = *state;

	begin(w);
	outcome(w, "internal", API_OUT_CONDEMNED, 2);
	outcome(w, "plain", API_OUT_CONDEMNED, 5); // under a profile without it nothing counts
	outcome(w, "external", API_OUT_ACCEPTED, 5);
	assert_int_equal(w->nfacts, 0);
	outcome(w, "internal", API_OUT_CONDEMNED, 1);
	assert_int_equal(w->nfacts, 1);
	assert_int_equal(w->facts[0].kind, API_FACT_ENDPOINT);
	assert_int_equal(w->facts[0].endpoint, KEY);
	assert_int_equal(w->facts[0].blocked_s, 600);
}

static void a_new_block_does_not_wait_behind_what_is_told_to_a_data_plane_that_has_come(
	void **state)
{
	enum { LISTED = 50 };
	struct world *w = *state;
	struct rep_endpoints *e = serve_reputation_endpoints(w->r);

	serve_reputation_change(w->r, &w->cfg->reputation);
	for (uint64_t key = 1000; key < 1000 + LISTED; key++)
		assert_int_equal(rep_endpoint_set(e, key, (struct span){0},
					 &(struct rep_listing){.state = REP_MANUAL},
					 serve_reputation_now(w->r)),
			0);
	w->waiting = API_RING_FACTS / 2 - 10;
	serve_reputation_attached(w->r);
	assert_int_equal(w->nfacts, 11); // with BEGIN
	w->waiting = API_RING_FACTS / 2;
	assert_int_equal(core_loop_turn(w->loop, 1), 0);
	outcome(w, "internal", API_OUT_CONDEMNED, 3);
	assert_int_equal(w->nfacts, 12);
	assert_int_equal(w->facts[11].endpoint, KEY);
	w->waiting = 0;
	for (unsigned i = 0; i < WAIT_TURNS && w->nfacts < LISTED + 3; i++)
		assert_int_equal(core_loop_turn(w->loop, 1), 0);
	assert_int_equal(w->nfacts, LISTED + 3);
	assert_int_equal(w->facts[LISTED + 2].kind, API_FACT_SWEEP);
}

static void a_sender_is_scored_under_profiles_that_want_it(void **state)
{
	struct world *w = *state;

	begin(w);
	outcome(w, "external", API_OUT_CONDEMNED, 4);
	assert_int_equal(w->nfacts, 1);
	assert_int_equal(w->facts[0].kind, API_FACT_SENDER);
	assert_int_equal(w->facts[0].score, 50);
	assert_int_equal(w->facts[0].len, 128);
	assert_int_equal(w->facts[0].context, 3);
	outcome(w, "internal", API_OUT_AUTH_FAILED, 6);
	assert_int_equal(w->nfacts, 3); // endpoint and sender
	assert_int_equal(w->facts[1].auth_s, 600);
	assert_int_equal(w->facts[2].auth_s, 600);
	assert_int_equal(w->facts[2].score, 50);
}

static void outcomes_of_unknown_images_count_for_nothing(void **state)
{
	struct world *w = *state;
	struct api_outcome o = {
		.kind = API_OUT_CONDEMNED, .count = 100, .image_version = 4, .endpoint = KEY};

	begin(w);
	serve_reputation_outcome(w->r, &o);
	o.image_version = 5;
	o.session_profile = UINT32_MAX;
	serve_reputation_outcome(w->r, &o);
	assert_int_equal(w->nfacts, 0);
}

static void a_data_plane_that_comes_is_told_everything(void **state)
{
	struct world *w = *state;

	begin(w);
	for (uint64_t key = 1; key <= 50; key++)
		assert_int_equal(rep_endpoint_set(serve_reputation_endpoints(w->r), key,
					 span_str("x"), &(struct rep_listing){.state = REP_EXEMPT},
					 serve_reputation_now(w->r)),
			0);
	outcome(w, "external", API_OUT_CONDEMNED, 4);
	serve_reputation_detached(w->r);
	assert_int_equal(
		rep_endpoint_set(serve_reputation_endpoints(w->r), 51, span_str("y"),
			&(struct rep_listing){.state = REP_MANUAL}, serve_reputation_now(w->r)),
		0); // to nobody
	w->nfacts = 0;
	w->room = 20;
	serve_reputation_attached(w->r);
	for (unsigned i = 0; i < WAIT_TURNS && w->nfacts < 54; i++) {
		w->room += w->room == 0 ? 7 : 0;
		assert_int_equal(core_loop_turn(w->loop, 10), 0);
	}
	assert_int_equal(w->nfacts, 54); // of 51 endpoints and a sender
	assert_int_equal(w->facts[0].kind, API_FACT_BEGIN);
	assert_int_equal(w->facts[53].kind, API_FACT_SWEEP);
	assert_int_equal(w->facts[53].epoch, 2);
}

static void what_changed_is_saved_and_comes_back(void **state)
{
	struct world *w = *state;
	struct rep_endpoint_saved row;
	struct rep_endpoint v;
	uint32_t n;

	begin(w);
	outcome(w, "internal", API_OUT_CONDEMNED, 3);
	for (unsigned i = 0; i < WAIT_TURNS && w->saved < 1; i++)
		assert_int_equal(core_loop_turn(w->loop, 100), 0);
	assert_int_equal(w->rows, 1);
	assert_int_equal(w->row.key, KEY);
	assert_memory_equal(w->row.id, "4915\n1", 6); // asked for by its key
	row = w->row;
	assert_int_equal(rep_endpoint_clear(
				 serve_reputation_endpoints(w->r), KEY, serve_reputation_now(w->r)),
		0);
	row.key = KEY + 1;
	serve_reputation_restore_endpoint(w->r, &row);
	n = rep_endpoint_find(serve_reputation_endpoints(w->r), KEY + 1);
	assert_int_not_equal(n, REP_NOBODY);
	rep_endpoint_get(serve_reputation_endpoints(w->r), n, serve_reputation_now(w->r), &v);
	assert_int_equal(v.state, REP_AUTO);
	assert_int_equal(v.score, 3);
	row.key = KEY; // that one is known by now: a store that comes late is not believed
	serve_reputation_restore_endpoint(w->r, &row);
	n = rep_endpoint_find(serve_reputation_endpoints(w->r), KEY);
	rep_endpoint_get(serve_reputation_endpoints(w->r), n, serve_reputation_now(w->r), &v);
	assert_int_equal(v.score, 0);
}

// Else a restart within the block would take it for over, or for one that has yet to begin.
static void what_is_saved_follows_a_clock_that_is_set(void **state)
{
	static const int64_t steps_s[] = {3 * HOUR_S, -48 * HOUR_S};
	struct world *w = *state;

	begin(w);
	outcome(w, "internal", API_OUT_CONDEMNED, 3);
	for (unsigned i = 0; i < WAIT_TURNS && w->saved < 1; i++)
		assert_int_equal(core_loop_turn(w->loop, 100), 0);
	for (size_t k = 0; k < sizeof(steps_s) / sizeof(steps_s[0]); k++) {
		const struct rep_endpoint_saved before = w->row;
		const unsigned saved = w->saved;

		set_by_s += steps_s[k];
		for (unsigned i = 0; i < WAIT_TURNS && w->saved < saved + 2; i++)
			assert_int_equal(core_loop_turn(w->loop, 100), 0);
		const int64_t moved = (int64_t)w->row.until_s - before.until_s;
		assert_in_range(moved - steps_s[k] + 2, 0, 4);
		assert_int_equal(w->row.for_s, before.for_s);
		assert_int_equal(w->rows, 2 + k);
	}
	set_by_s = 0;
}

// Of two times a second apart that are told of the same block one is wrong.
static void when_a_block_ends_is_told_the_same_all_through_a_second(void **state)
{
	struct world *w = *state;
	struct timespec t;
	time_t end;

	begin(w);
	end = time(NULL) + 2; // a whole one at least
	do {
		assert_int_equal(serve_reputation_shift(w->r), 0);
		assert_int_equal(clock_gettime(CLOCK_REALTIME, &t), 0);
	} while (t.tv_sec < end);
	set_by_s = 100;
	assert_in_range(serve_reputation_shift(w->r), 99, 101);
	set_by_s = 0;
}

// ---- the hook

static char *file_text(const char *path)
{
	static char buf[4096];
	FILE *f = fopen(path, "r");
	size_t n = f == NULL ? 0 : fread(buf, 1, sizeof(buf) - 1, f);

	if (f != NULL)
		(void)fclose(f);
	buf[n] = '\0';
	return buf;
}

static void script(struct world *w, const char *dir, const char *body, uint16_t per_min)
{
	static char path[96];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/hook", dir);
	(void)unlink(path); // it may run
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fprintf(f, "#!/bin/sh\n%s\n", body);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0700), 0);
	w->cfg->reputation.hook.command = path;
	w->cfg->reputation.hook.per_min = per_min;
	w->cfg->reputation.hook.at_once = 1;
}

static void hook_wait(struct world *w)
{
	for (unsigned i = 0; i < WAIT_TURNS && serve_reputation_hook(w->r)->running > 0; i++)
		assert_int_equal(core_loop_turn(w->loop, 10), 0);
	assert_int_equal(serve_reputation_hook(w->r)->running, 0);
}

static void the_hook_runs_once_a_block_with_the_facts(void **state)
{
	struct world *w = *state;
	char dir[64], body[400], path[96];

	bench_dir_make(dir);
	(void)snprintf(path, sizeof(path), "%s/out", dir);
	(void)snprintf(body, sizeof(body),
		"cat; ls /proc/self/fd | wc -l >> %s; env | grep MAILWEIR_ | sort >> %s", path,
		path);
	script(w, dir, body, 10);
	begin(w);
	outcome(w, "internal", API_OUT_CONDEMNED, 3);
	outcome(w, "internal", API_OUT_CONDEMNED, 3); // the same block
	hook_wait(w);
	assert_int_equal(serve_reputation_hook(w->r)->runs, 1);
	assert_int_equal(serve_reputation_hook(w->r)->failed, 0);
	assert_non_null(strstr(file_text(path), "MAILWEIR_EVENT=endpoint_auto\n"));
	assert_non_null(strstr(file_text(path), "MAILWEIR_ENDPOINT=4915\\x0a1\n")); // printable
	assert_non_null(strstr(file_text(path), "MAILWEIR_SCORE=3\n"));
	assert_non_null(strstr(file_text(path), "MAILWEIR_TRIGGER=2\n"));
	assert_non_null(strstr(file_text(path), "MAILWEIR_KEY=000000000000004d\n"));
	assert_true(file_text(path)[0] == '4'); // 0, 1, 2 and that of ls
	bench_dir_remove(dir);
}

static void the_hooks_limits_and_failures_are_counted(void **state)
{
	struct world *w = *state;
	struct rep_endpoints *e = serve_reputation_endpoints(w->r);
	char dir[64];

	bench_dir_make(dir);
	script(w, dir, "exit 3", 2);
	begin(w);
	for (uint64_t key = 1; key <= 4; key++) {
		assert_int_equal(rep_endpoint_set(e, key, span_str("x"),
					 &(struct rep_listing){.state = REP_MANUAL},
					 serve_reputation_now(w->r)),
			0);
		serve_reputation_done(w->r); // two at once: one is left out
		if (key == 2)
			hook_wait(w);
	}
	hook_wait(w);
	assert_int_equal(serve_reputation_hook(w->r)->runs, 2);
	assert_int_equal(serve_reputation_hook(w->r)->left_out, 2);
	assert_int_equal(serve_reputation_hook(w->r)->failed, 2);
	w->cfg->reputation.hook.command = "/nonexistent/hook";
	w->cfg->reputation.hook.per_min = 100;
	serve_reputation_change(w->r, &w->cfg->reputation);
	assert_int_equal(
		rep_endpoint_set(e, 9, span_str("x"), &(struct rep_listing){.state = REP_MANUAL},
			serve_reputation_now(w->r)),
		0);
	serve_reputation_done(w->r);
	assert_int_equal(serve_reputation_hook(w->r)->failed, 3);
	bench_dir_remove(dir);
}

static const struct {
	uint16_t per_min, at_once;
	unsigned asked, runs; // the others are left out
} hook_limits[] = {
	{.per_min = 2, .at_once = 9, .asked = 4, .runs = 2},
	{.per_min = 3, .at_once = 9, .asked = 4, .runs = 3},
	{.per_min = 9, .at_once = 1, .asked = 4, .runs = 1},
	{.per_min = 9, .at_once = 2, .asked = 4, .runs = 2},
};

static void either_limit_leaves_runs_out(void **state)
{
	struct world *w = *state;
	const char *const env[] = {NULL};
	char dir[64];

	bench_dir_make(dir);
	script(w, dir, "exit 0", 10);
	for (size_t i = 0; i < sizeof(hook_limits) / sizeof(hook_limits[0]); i++) {
		struct serve_hook *h = serve_hook_new(w->loop);

		serve_hook_conf(h, w->cfg->reputation.hook.command, hook_limits[i].per_min,
			hook_limits[i].at_once);
		for (unsigned k = 0; k < hook_limits[i].asked; k++)
			serve_hook_run(h, env, 10000);
		assert_int_equal(serve_hook_counts(h)->runs, hook_limits[i].runs);
		assert_int_equal(
			serve_hook_counts(h)->left_out, hook_limits[i].asked - hook_limits[i].runs);
		for (unsigned k = 0; k < WAIT_TURNS && serve_hook_counts(h)->running > 0; k++)
			assert_int_equal(core_loop_turn(w->loop, 10), 0);
		assert_int_equal(serve_hook_counts(h)->running, 0);
		serve_hook_free(h);
	}
	bench_dir_remove(dir);
}

static void a_hook_that_takes_too_long_is_killed(void **state)
{
	struct world *w = *state;
	struct serve_hook *h = serve_hook_new(w->loop);
	const char *const env[] = {NULL};
	char dir[64];

	bench_dir_make(dir);
	script(w, dir, "sleep 1000 & wait", 10);
	serve_hook_conf(h, w->cfg->reputation.hook.command, 10, 1);
	serve_hook_run(h, env, 50);
	assert_int_equal(serve_hook_counts(h)->running, 1);
	for (unsigned i = 0; i < WAIT_TURNS && serve_hook_counts(h)->running > 0; i++)
		assert_int_equal(core_loop_turn(w->loop, 10), 0);
	assert_int_equal(serve_hook_counts(h)->running, 0);
	assert_int_equal(serve_hook_counts(h)->failed, 1);
	serve_hook_free(h);
	bench_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			when_a_block_ends_is_told_the_same_all_through_a_second, setup, teardown),
		cmocka_unit_test_setup_teardown(
			spam_over_the_profiles_trigger_blocks_the_endpoint, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_new_block_does_not_wait_behind_what_is_told_to_a_data_plane_that_has_come,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_sender_is_scored_under_profiles_that_want_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			outcomes_of_unknown_images_count_for_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_data_plane_that_comes_is_told_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_changed_is_saved_and_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_saved_follows_a_clock_that_is_set, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_hook_runs_once_a_block_with_the_facts, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_hooks_limits_and_failures_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(either_limit_leaves_runs_out, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_hook_that_takes_too_long_is_killed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
