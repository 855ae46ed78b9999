// SPDX-License-Identifier: BSD-3-Clause
// A file whose reading breaks off half-way: what was not read is read later, and nothing of it is swept away.
// SQLite's own way to the disk is wrapped: its reads fail from a given one on, a given number of times.
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "sto_make.h"

enum { ROWS = 4000, SENDERS = 200, GOOD_READS = 30 }; // ROWS lie on some 100 pages

static sqlite3_vfs faulty;
static const sqlite3_vfs *plain;
static const sqlite3_io_methods *plain_methods;
static sqlite3_io_methods faulty_methods;
static _Atomic int faults;     // still to come
static _Atomic int good_reads; // until the next one

static int faulty_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	if (faults > 0 && good_reads-- <= 0) {
		faults--;
		good_reads = GOOD_READS;
		return SQLITE_IOERR_READ;
	}
	return plain_methods->xRead(f, to, n, at);
}

static int faulty_open(sqlite3_vfs *, sqlite3_filename name, sqlite3_file *f, int flags, int *out)
{
	const int rc = plain->xOpen((sqlite3_vfs *)(uintptr_t)plain, name, f, flags, out);

	if (rc != SQLITE_OK || (flags & SQLITE_OPEN_MAIN_DB) == 0)
		return rc;
	plain_methods = f->pMethods;
	faulty_methods = *plain_methods;
	faulty_methods.xRead = faulty_read;
	f->pMethods = &faulty_methods;
	return rc;
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

// What an owner does when the file is back: all it was told is put, then it says that this was all.
static void all_said(struct sto *s, const struct made_got *got)
{
	for (uint32_t i = 0; i < MADE_MAX; i++) {
		const struct sto_binding b = made_binding(i);
		const struct sto_sender snd = made_sender(i);

		if (got->has[i] != 0)
			assert_int_equal(sto_binding_put(s, &b, NULL), 0);
		if (got->sender[i])
			assert_int_equal(sto_sender_put(s, &snd, NULL), 0);
	}
	assert_int_equal(sto_said(s, STO_BINDINGS, sto_era(s)), 0);
	assert_int_equal(sto_said(s, STO_ENDPOINTS, sto_era(s)), 0);
	assert_int_equal(sto_said(s, STO_SENDERS, sto_era(s)), 0);
}

static void is_all_there(int times)
{
	static struct made_got got;
	struct sto *s = made_store();

	for (uint32_t i = 0; i < ROWS; i++) {
		const struct sto_binding b = made_binding(i);

		assert_int_equal(sto_binding_put(s, &b, NULL), 0);
	}
	for (uint32_t i = 0; i < SENDERS; i++) {
		const struct sto_sender snd = made_sender(i);

		assert_int_equal(sto_sender_put(s, &snd, NULL), 0);
	}
	sto_close(s);
	sto_close(made_store()); // folds what was put: nothing of it is in memory the next time
	s = made_store();
	const struct sto_restore r = made_restore(&got);
	good_reads = GOOD_READS;
	faults = times;
	sto_load(s, &r);
	assert_int_equal(sto_state(s), STO_LOST);
	assert_true(got.bindings < ROWS);
	assert_int_equal(sto_start(s), 0);
	era_is(s, 1);
	assert_int_equal(faults, 0);
	all_said(s, &got);
	sto_close(s);
	made_load(&got);
	assert_int_equal(got.bindings, ROWS);
	assert_int_equal(got.senders, SENDERS);
}

static void a_read_that_breaks_off_at_the_start_is_done_when_the_file_is_back(void **)
{
	is_all_there(1);
}

static void and_one_that_breaks_off_again_then_is_done_the_next_time(void **)
{
	is_all_there(4);
}

static int wrap(void **)
{
	plain = sqlite3_vfs_find(NULL);
	faulty = *plain;
	faulty.zName = "faulty";
	faulty.xOpen = faulty_open;
	return sqlite3_vfs_register(&faulty, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, made_open, made_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_read_that_breaks_off_at_the_start_is_done_when_the_file_is_back),
		CASE(and_one_that_breaks_off_again_then_is_done_the_next_time),
	};

	return cmocka_run_group_tests(tests, wrap, NULL);
}
