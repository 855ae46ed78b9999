// SPDX-License-Identifier: BSD-3-Clause
// The file: rights, secrets, versions, garbled ones, other programs', rows that make no sense.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"
#include "sto_make.h"

static int errors;
static char error[512];

static void log_take(enum log_level level, const char *line, void *)
{
	if (level != LOG_LEVEL_ERR)
		return;
	errors++;
	(void)snprintf(error, sizeof(error), "%s", line);
}

static unsigned mode(const char *suffix)
{
	char name[MADE_PATH + 16];
	struct stat st;

	(void)snprintf(name, sizeof(name), "%s%s", made_file, suffix);
	assert_int_equal(stat(name, &st), 0);
	return st.st_mode & 07777;
}

static void nobody_else_may_read_it(void **)
{
	const mode_t before = umask(0);
	struct sto *s = made_started();
	const struct sto_binding b = made_binding(1);
	uint64_t t;

	assert_int_equal(sto_binding_put(s, &b, &t), 0);
	made_settled(s, t);
	assert_int_equal(mode(""), 0600);
	assert_int_equal(mode("-wal"), 0600);
	assert_int_equal(mode("-shm"), 0600);
	assert_int_equal(sto_chown(s, geteuid(), getegid()), 0);
	sto_close(s);
	assert_int_equal(chmod(made_file, 0644), 0); // by a copy, say
	sto_close(made_store());
	assert_int_equal(mode(""), 0600);
	(void)umask(before);
}

// Whoever looks takes nothing from who looks next.
static void the_longest_wait_is_the_same_to_two_who_look(void **)
{
	struct sto *s = made_started();
	const struct sto_endpoint row = made_endpoint(1);
	struct sto_status one = {0}, two;
	uint64_t t;

	for (unsigned i = 0; i < 1000 && one.wait_ms == 0; i++) { // a disk may be that fast
		assert_int_equal(sto_endpoint_put(s, &row, &t), 0);
		made_settled(s, t);
		sto_status(s, &one);
	}
	sto_status(s, &two);
	assert_true(two.wait_ms >= one.wait_ms);
	sto_close(s);
}

static void secrets_are_the_same_over_restarts(void **)
{
	uint8_t a[STO_SECRET], b[STO_SECRET], again[STO_SECRET];
	struct sto *s = made_store();

	assert_int_equal(sto_secret(s, "endpoint_key", a), 0);
	assert_int_equal(sto_secret(s, "radius_key", b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	sto_close(s);
	s = made_store();
	assert_int_equal(sto_secret(s, "radius_key", again), 0);
	assert_memory_equal(again, b, sizeof(b));
	assert_int_equal(sto_secret(s, "endpoint_key", again), 0);
	assert_memory_equal(again, a, sizeof(a));
	sto_close(s);
}

// As the first version made it: without news.
static const char version_1[] =
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
	"INSERT INTO meta VALUES ('era', 41);"
	"CREATE TABLE bindings (key BLOB PRIMARY KEY,"
	" has INTEGER NOT NULL, shared INTEGER NOT NULL, session INTEGER NOT NULL,"
	" nas INTEGER NOT NULL, nas_era INTEGER NOT NULL, before INTEGER NOT NULL,"
	" at_s INTEGER NOT NULL, seen_s INTEGER NOT NULL, id BLOB NOT NULL, era INTEGER NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE nas (nas INTEGER PRIMARY KEY, nas_era INTEGER NOT NULL, era INTEGER NOT NULL);"
	"CREATE TABLE endpoints (key INTEGER PRIMARY KEY, id BLOB NOT NULL,"
	" list INTEGER NOT NULL, list_s INTEGER NOT NULL, until_s INTEGER NOT NULL,"
	" comment TEXT NOT NULL, block_s INTEGER NOT NULL, block_until_s INTEGER NOT NULL,"
	" profile TEXT NOT NULL, auth_s INTEGER NOT NULL, auth_until_s INTEGER NOT NULL,"
	" auth_failures INTEGER NOT NULL, windows BLOB NOT NULL, era INTEGER NOT NULL);"
	"CREATE TABLE senders (key BLOB PRIMARY KEY,"
	" list INTEGER NOT NULL, list_s INTEGER NOT NULL, until_s INTEGER NOT NULL,"
	" comment TEXT NOT NULL, block_s INTEGER NOT NULL, block_until_s INTEGER NOT NULL,"
	" profile TEXT NOT NULL, auth_s INTEGER NOT NULL, auth_until_s INTEGER NOT NULL,"
	" auth_failures INTEGER NOT NULL, windows BLOB NOT NULL, era INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE audit (number INTEGER PRIMARY KEY AUTOINCREMENT, at_s INTEGER NOT NULL,"
	" who TEXT NOT NULL, verb TEXT NOT NULL, object TEXT NOT NULL, comment TEXT NOT NULL);"
	"PRAGMA user_version = 1; PRAGMA application_id = 0x4d574652;"
	"INSERT INTO bindings VALUES (x'00000005"
	"0009"
	"00000000000000000000ffff0a000007"
	"80"
	"0000"
	"ffff', 0, 0, 7, 1, 3, 4, 1000000, 1000001, 'id7', 41);"
	"INSERT INTO nas VALUES (1, 3, 41);"
	"INSERT INTO endpoints VALUES (-3, 'alice', 1, 11, 12, 'spam', 13, 14, 'internal', 15, 16,"
	" 17, 'abc', 41);";

static void a_file_of_the_first_version_is_brought_up_to_date(void **)
{
	struct made_got got;

	made_run(version_1);
	made_load(&got);
	assert_int_equal(got.bindings, 1);
	assert_string_equal(got.last_id, "id7");
	assert_false(got.last.before_over);
	assert_int_equal(got.nas, 1);
	assert_int_equal(got.endpoints, 1);
	assert_true(got.endpoint[2]);
	assert_int_equal(made_query("PRAGMA user_version"), 4);
	struct sto_binding b = made_binding(8);
	b.before_over = true;
	struct sto *s = made_store();
	assert_int_equal(sto_binding_put(s, &b, NULL), 0);
	sto_close(s);
	made_load(&got);
	assert_int_equal(got.bindings, 2);
	assert_true(got.last.before_over);
}

// Size and sum of its octets.
static uint64_t octets_of(const char *name)
{
	FILE *f = fopen(name, "re");
	uint64_t sum = 0;
	int c;

	assert_non_null(f);
	while ((c = getc(f)) != EOF)
		sum = sum * 31 + (uint64_t)c + 1;
	assert_int_equal(fclose(f), 0);
	return sum;
}

static void is_refused_untouched(const char *why)
{
	const uint64_t before = octets_of(made_file);
	struct sto_status st;
	struct sto *s = made_started();
	const struct sto_binding b = made_binding(1);

	sto_status(s, &st);
	assert_int_equal(st.state, STO_LOST);
	assert_non_null(strstr(st.why, why));
	assert_int_equal(errors, 1);
	assert_non_null(strstr(error, why));
	assert_true(sto_binding_put(s, &b, NULL) < 0);
	sto_close(s);
	assert_int_equal(octets_of(made_file), before);
}

static void a_newer_file_is_left_alone(void **)
{
	sto_close(made_store());
	made_run("PRAGMA user_version = 5");
	is_refused_untouched("a newer version wrote it: schema 5, this one knows 4");
}

static void another_programs_file_is_left_alone(void **)
{
	made_run("CREATE TABLE mail (x); INSERT INTO mail VALUES (1)");
	is_refused_untouched("it is another program's");
}

static void a_file_in_use_is_left_to_who_has_it(void **)
{
	struct sto *first = made_started();
	struct sto_status st;
	struct sto *second = made_store();

	sto_status(second, &st);
	assert_int_equal(st.state, STO_LOST);
	assert_string_equal(st.why, "another process has it");
	assert_int_equal(sto_start(second), 0);
	sto_close(first);
	made_state(second, STO_WELL); // its turn has come
	sto_close(second);
}

// The folder is the service's, which lost its rights; who opens the file may still be root.
static void a_link_in_its_place_leads_nowhere(void **)
{
	static const char *const suffixes[] = {"", ".lock"};
	char name[MADE_PATH + 16], target[MADE_PATH + 16];
	struct sto_status st;
	struct stat is;

	(void)snprintf(target, sizeof(target), "%s/elsewhere", made_dir);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", made_file, suffixes[i]);
		(void)unlink(name); // by the one before, perhaps
		assert_int_equal(symlink(target, name), 0);
		struct sto *s = made_store();
		sto_status(s, &st);
		assert_int_equal(st.state, STO_LOST);
		sto_close(s);
		assert_int_not_equal(stat(target, &is), 0);
		assert_int_equal(unlink(name), 0);
	}
}

static unsigned aside_count(void)
{
	DIR *d = opendir(made_dir);
	struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d)) != NULL)
		n += strncmp(e->d_name, "mailweir.db.garbled-", 20) == 0 &&
			strchr(e->d_name + 20, '-') == NULL;
	(void)closedir(d);
	return n;
}

static void scribble(long at, int c, size_t n)
{
	FILE *f = fopen(made_file, "r+e");

	assert_non_null(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	while (n-- > 0)
		assert_int_equal(putc(c, f), c);
	assert_int_equal(fclose(f), 0);
}

static void a_garbled_file_is_moved_aside_and_a_new_one_begun(void **)
{
	struct made_got got;
	const struct sto_binding b = made_binding(1);

	sto_close(made_store());
	scribble(0, 'x', 100);
	struct sto *s = made_started();
	assert_int_equal(sto_state(s), STO_WELL);
	assert_int_equal(errors, 1);
	assert_non_null(strstr(error, "it is garbled: moved to"));
	assert_int_equal(aside_count(), 1);
	assert_int_equal(sto_binding_put(s, &b, NULL), 0);
	sto_close(s);
	made_load(&got);
	assert_int_equal(got.bindings, 1);
}

// Pages inside it: found when they are read. What was read before stays, and goes into the next file.
static void a_file_garbled_within_is_read_as_far_as_it_goes(void **)
{
	static struct made_got got;
	const struct sto_restore r = made_restore(&got);
	struct sto *s = made_store();
	uint64_t t;

	for (uint32_t i = 0; i < 3000; i++) {
		const struct sto_binding b = made_binding(i);

		assert_int_equal(sto_binding_put(s, &b, NULL), 0);
	}
	sto_close(s);
	sto_close(made_store()); // folds
	const int64_t pages = made_query("PRAGMA page_count");
	scribble(4096 * (pages - 6), 0xee, 4096 * 2);
	s = made_store();
	sto_load(s, &r);
	assert_int_equal(sto_state(s), STO_LOST);
	assert_true(got.bindings < 3000);
	assert_int_equal(sto_start(s), 0);
	made_state(s, STO_WELL);
	assert_int_equal(aside_count(), 1);
	const struct sto_binding b = made_binding(1);
	assert_int_equal(sto_binding_put(s, &b, &t), 0);
	made_settled(s, t);
	while (sto_era(s) != 1)
		sto_turn(s);
	sto_close(s);
}

static void rows_that_make_no_sense_are_left_out(void **)
{
	static const char *const odd[] = {
		"UPDATE bindings SET key = x'0102'",
		"UPDATE bindings SET id = ''",
		"UPDATE bindings SET has = 9",
		"UPDATE bindings SET id = zeroblob(300)",
		"UPDATE bindings SET key = x'0000000500090000000000000000000"
		"0ffff0a00000181"
		"0000ffff'", // a prefix of 129
		"UPDATE bindings SET key = x'0000000500090000000000000000000"
		"0ffff0a00000170"
		"0000ffff'", // host bits
		"UPDATE bindings SET key = x'0000000500090000000000000000000"
		"0ffff0a00000180"
		"00020001'", // ports
		"UPDATE endpoints SET key = 0",
		"UPDATE endpoints SET windows = zeroblob(5000)",
		"UPDATE senders SET list = 7",
		"UPDATE senders SET key = ''",
	};
	const struct sto_binding b = made_binding(1);
	const struct sto_endpoint e = made_endpoint(1);
	const struct sto_sender snd = made_sender(1);
	struct made_got got;

	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct sto *s = made_store();

		assert_int_equal(sto_binding_put(s, &b, NULL), 0);
		assert_int_equal(sto_endpoint_put(s, &e, NULL), 0);
		assert_int_equal(sto_sender_put(s, &snd, NULL), 0);
		sto_close(s);
		sto_close(made_store()); // folds
		made_run(odd[i]);
		made_load(&got);
		assert_int_equal(got.bindings + got.endpoints + got.senders, 2);
		made_run("DELETE FROM bindings; DELETE FROM endpoints; DELETE FROM senders");
	}
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
		CASE(nobody_else_may_read_it),
		CASE(the_longest_wait_is_the_same_to_two_who_look),
		CASE(secrets_are_the_same_over_restarts),
		CASE(a_file_of_the_first_version_is_brought_up_to_date),
		CASE(a_newer_file_is_left_alone),
		CASE(another_programs_file_is_left_alone),
		CASE(a_file_in_use_is_left_to_who_has_it),
		CASE(a_link_in_its_place_leads_nowhere),
		CASE(a_garbled_file_is_moved_aside_and_a_new_one_begun),
		CASE(a_file_garbled_within_is_read_as_far_as_it_goes),
		CASE(rows_that_make_no_sense_are_left_out),
	};

	log_sink_set(log_take, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
