// SPDX-License-Identifier: BSD-3-Clause
// A file that can't be used at the start, that fills the disk, that goes and comes back: in memory meanwhile,
// counted, and all is said again afterwards.
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"
#include "sto_make.h"

static int errors;

static void log_take(enum log_level level, const char *, void *)
{
	errors += level == LOG_LEVEL_ERR;
}

// No file grows beyond that: what a full disk looks like from within.
static void disk_fill(rlim_t octets)
{
	const struct rlimit most = {.rlim_cur = octets, .rlim_max = RLIM_INFINITY};

	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &most), 0);
}

static void era_is(struct sto *s, uint32_t era)
{
	struct pollfd p = {.fd = sto_fd(s), .events = POLLIN};

	for (int i = 0; sto_era(s) != era; i++) {
		assert_true(i < 12000); // a minute
		(void)poll(&p, 1, 5);
		sto_turn(s);
	}
}

static uint64_t put_lost(struct sto *s, uint32_t i)
{
	const struct sto_binding b = made_binding(i);
	uint64_t t = 1;

	assert_int_equal(sto_binding_put(s, &b, &t), -EIO);
	assert_int_equal(t, 0);
	return t;
}

static void without_its_folder_it_goes_on_in_memory_and_comes_back(void **)
{
	struct made_got got;
	char whole[MADE_PATH];
	struct sto_status st;

	memcpy(whole, made_file, sizeof(whole));
	(void)snprintf(made_file, sizeof(made_file), "%.90s/sub/mailweir.db", made_dir);
	struct sto *s = made_started();
	sto_status(s, &st);
	assert_int_equal(st.state, STO_LOST);
	assert_non_null(strstr(st.why, strerror(ENOENT)));
	put_lost(s, 1);
	sto_status(s, &st);
	assert_int_equal(st.unstored, 1);
	assert_int_equal(st.losses, 1);
	assert_int_equal(errors, 1); // however often it is tried
	char sub[MADE_PATH];
	(void)snprintf(sub, sizeof(sub), "%.100s/sub", made_dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	made_state(s, STO_WELL);
	era_is(s, 1);
	const struct sto_binding b = made_binding(1);
	uint64_t t;
	assert_int_equal(sto_binding_put(s, &b, &t), 0);
	made_settled(s, t);
	sto_close(s);
	made_load(&got);
	assert_int_equal(got.has[1], 1);
	assert_int_equal(errors, 1);
	const char *const name[] = {"mailweir.db", "mailweir.db.lock"};
	for (int i = 0; i < 2; i++) {
		char path[2 * MADE_PATH];

		(void)snprintf(path, sizeof(path), "%s/%s", sub, name[i]);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(rmdir(sub), 0);
	memcpy(made_file, whole, sizeof(whole));
}

// Puts until the disk is full; the state says so, all that was acknowledged is on it.
static void a_full_disk_loses_nothing_settled_and_is_written_again_when_there_is_room(void **)
{
	static struct made_got got;
	struct sto *s = made_started();
	uint32_t put = 0, sure = 0;
	struct sto_status st;
	uint64_t t;
	int rc = 0;

	disk_fill(256 << 10);
	while (sto_state(s) == STO_WELL) {
		const struct sto_binding b = made_binding(put);

		rc = sto_binding_put(s, &b, &t);
		if (rc != 0)
			break;
		made_settled(s, t);
		put++;
		if (sto_state(s) == STO_WELL)
			sure = put;
	}
	made_state(s, STO_LOST);
	assert_true(sure > 10 && put < MADE_MAX);
	sto_status(s, &st);
	assert_true(st.unstored >= 1);
	assert_int_equal(errors, 1);
	for (uint32_t i = 0; i < put; i += 2) // removed meanwhile: said by nobody afterwards
		put_lost(s, i);
	disk_fill(RLIM_INFINITY);
	era_is(s, 1);
	assert_int_equal(sto_state(s), STO_WELL);
	for (uint32_t i = 1; i < put + 10; i += 2) {
		const struct sto_binding b = made_binding(i);

		assert_int_equal(sto_binding_put(s, &b, &t), 0);
	}
	assert_int_equal(sto_said(s, STO_BINDINGS, 1), 0);
	sto_close(s);
	made_load(&got);
	for (uint32_t i = 0; i < put + 10; i++)
		assert_int_equal(got.has[i], i % 2);
}

static void a_file_that_comes_late_is_read_then(void **)
{
	static struct made_got got;
	const struct sto_endpoint e = made_endpoint(1);
	const struct sto_sender snd = made_sender(1);
	char away[MADE_PATH + 8];
	struct sto *s = made_store();
	uint64_t t;

	for (uint32_t i = 0; i < 3000; i++) {
		const struct sto_binding b = made_binding(i);

		assert_int_equal(sto_binding_put(s, &b, NULL), 0);
	}
	assert_int_equal(sto_nas_put(s, &(struct sto_nas){.nas = 1, .era = 2}, NULL), 0);
	assert_int_equal(sto_endpoint_put(s, &e, NULL), 0);
	assert_int_equal(sto_sender_put(s, &snd, NULL), 0);
	sto_close(s);
	(void)snprintf(away, sizeof(away), "%s.away", made_file);
	assert_int_equal(rename(made_file, away), 0);
	assert_int_equal(mkdir(made_file, 0700), 0); // what a disk that is not mounted looks like
	s = made_store();
	const struct sto_restore r = made_restore(&got);
	sto_load(s, &r);
	assert_int_equal(sto_state(s), STO_LOST);
	assert_int_equal(got.bindings, 0);
	assert_int_equal(sto_start(s), 0);
	assert_int_equal(sto_era(s), 0);
	assert_int_equal(rmdir(made_file), 0);
	assert_int_equal(rename(away, made_file), 0);
	era_is(s, 1);
	assert_int_equal(got.bindings, 3000);
	assert_int_equal(got.nas, 1);
	assert_int_equal(got.endpoints, 1);
	assert_int_equal(got.senders, 1);
	const struct sto_binding b = made_binding(5);
	assert_int_equal(sto_binding_put(s, &b, &t), 0);
	made_settled(s, t);
	sto_close(s);
}

static void secrets_in_use_go_into_a_file_that_comes_late(void **)
{
	uint8_t a[STO_SECRET], b[STO_SECRET];

	assert_int_equal(mkdir(made_file, 0700), 0);
	struct sto *s = made_store();
	assert_int_equal(sto_secret(s, "endpoint_key", a), 0);
	assert_int_equal(sto_secret(s, "endpoint_key", b), 0); // two parts ask for it
	assert_memory_equal(a, b, sizeof(a));
	sto_load(s, &(struct sto_restore){0});
	assert_int_equal(sto_start(s), 0);
	assert_int_equal(rmdir(made_file), 0);
	era_is(s, 1);
	sto_close(s);
	s = made_store();
	assert_int_equal(sto_secret(s, "endpoint_key", b), 0);
	assert_memory_equal(a, b, sizeof(a));
	sto_close(s);
}

static void what_operators_did_meanwhile_is_written_when_it_is_back(void **)
{
	const struct sto_audit row = {.who = span_str("root")};
	uint32_t kept = 0;
	struct sto_status st;

	assert_int_equal(mkdir(made_file, 0700), 0);
	struct sto *s = made_started();
	while (sto_audit_put(s, &row, NULL) == 0)
		kept++;
	assert_true(kept >= 1000);
	sto_status(s, &st);
	assert_int_equal(st.unstored, 1);
	assert_int_equal(rmdir(made_file), 0);
	era_is(s, 1);
	sto_close(s);
	assert_int_equal(made_query("SELECT count(*) FROM audit"), kept);
}

static void a_word_of_an_era_that_is_over_sweeps_nothing(void **)
{
	struct made_got got;
	const struct sto_binding b = made_binding(1);
	uint64_t t;

	sto_close(made_store());
	struct sto *s = made_started();
	assert_int_equal(sto_binding_put(s, &b, &t), 0);
	assert_int_equal(sto_said(s, STO_BINDINGS, 1), 0);
	sto_close(s);
	made_load(&got);
	assert_int_equal(got.bindings, 1);
}

static int begin(void **state)
{
	errors = 0;
	return made_open(state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, made_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(without_its_folder_it_goes_on_in_memory_and_comes_back),
		CASE(a_full_disk_loses_nothing_settled_and_is_written_again_when_there_is_room),
		CASE(a_file_that_comes_late_is_read_then),
		CASE(secrets_in_use_go_into_a_file_that_comes_late),
		CASE(what_operators_did_meanwhile_is_written_when_it_is_back),
		CASE(a_word_of_an_era_that_is_over_sweeps_nothing),
	};

	log_sink_set(log_take, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
