// SPDX-License-Identifier: BSD-3-Clause
// The search of the event log: what belongs to a session is found wherever rotation has put it, in
// the order of time, and nothing else is.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <zlib.h>

#include "serve_bench.h"
#include "serve_search.h"

#define MINE "0c5k2m7qv3x1a"
#define OTHER "0c5k2m7qv3x1b"
#define REFUSAL "0000000000009"

struct bench {
	char dir[64], path[96];
	struct serve_search_result res;
	char *text; // what the search wrote
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	bench_dir_make(b->dir);
	(void)snprintf(b->path, sizeof(b->path), "%s/events.json", b->dir);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	bench_dir_remove(b->dir);
	free(b->text);
	free(b);
	return 0;
}

static char *line_of(char *buf, size_t cap, const char *session, const char *id, const char *mark)
{
	(void)snprintf(buf, cap,
		"{\"type\":\"message\",\"session\":\"%s\",\"from\":\"%s\",\"id\":%s%s%s}\n",
		session, mark, id == NULL ? "" : "\"", id == NULL ? "null" : id,
		id == NULL ? "" : "\"");
	return buf;
}

// A file of lines, its time `age` seconds ago.
static void file_make(
	struct bench *b, const char *suffix, bool packed, unsigned age, const char *text)
{
	char path[160];
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000000 - (time_t)age}};
	gzFile gz;

	(void)snprintf(path, sizeof(path), "%s%s", b->path, suffix);
	gz = gzopen(path, packed ? "wb" : "wbT"); // T: as it is
	assert_non_null(gz);
	assert_true(gzputs(gz, text) >= 0);
	assert_int_equal(gzclose(gz), Z_OK);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void search(struct bench *b, const char *id)
{
	size_t n;
	FILE *out = open_memstream(&b->text, &n);

	assert_int_equal(serve_search(b->path, id, out, &b->res), 0);
	assert_int_equal(fclose(out), 0);
}

static void a_session_is_found_in_rotated_and_packed_files(void **state)
{
	struct bench *b = *state;
	char one[256], two[256], three[256], other[256], all[1024];

	(void)line_of(one, sizeof(one), MINE, NULL, "first");
	(void)line_of(two, sizeof(two), MINE, REFUSAL, "second");
	(void)line_of(three, sizeof(three), MINE, NULL, "third");
	(void)line_of(other, sizeof(other), OTHER, NULL, "not mine");
	(void)snprintf(all, sizeof(all), "%s%s", other, one);
	file_make(b, "-20260101.gz", true, 300, all);
	(void)snprintf(all, sizeof(all), "%s%s", two, other);
	file_make(b, ".1", false, 200, all);
	file_make(b, "", false, 100, three);
	file_make(b, "l", false, 50, three); // another log
	(void)snprintf(all, sizeof(all), "%s%s%s", one, two, three);
	search(b, MINE);
	assert_string_equal(b->text, all);
	assert_int_equal(b->res.files, 3);
	assert_int_equal(b->res.unreadable, 0);
	assert_false(b->res.more);
	free(b->text);
	search(b, REFUSAL); // the whole session of the refusal
	assert_string_equal(b->text, all);
	assert_string_equal(b->res.session, MINE);
}

static void an_id_that_is_not_there_finds_nothing(void **state)
{
	struct bench *b = *state;
	char line[256];

	file_make(b, "", false, 0, line_of(line, sizeof(line), OTHER, NULL, "x"));
	search(b, MINE);
	assert_string_equal(b->text, "");
	assert_string_equal(b->res.session, "");
	assert_int_equal(b->res.events, 0);
}

static void what_a_peer_wrote_is_no_id(void **state)
{
	struct bench *b = *state;
	char line[256];

	file_make(b, "", false, 0,
		line_of(line, sizeof(line), OTHER, NULL, "\\\"session\\\":\\\"" MINE "\\\""));
	search(b, MINE);
	assert_int_equal(b->res.events, 0);
}

static void there_is_an_end_to_what_is_given(void **state)
{
	enum { LINES = SERVE_SEARCH_EVENTS_MAX + 1 };
	struct bench *b = *state;
	char line[256], *all = calloc(LINES, sizeof(line));
	size_t n = 0;

	assert_non_null(all);
	for (unsigned i = 0; i < LINES; i++) {
		(void)line_of(line, sizeof(line), MINE, NULL, "x");
		memcpy(all + n, line, strlen(line));
		n += strlen(line);
	}
	file_make(b, "", false, 0, all);
	search(b, MINE);
	assert_int_equal(b->res.events, SERVE_SEARCH_EVENTS_MAX);
	assert_true(b->res.more);
	free(all);
}

static void a_broken_file_is_counted_and_the_rest_searched(void **state)
{
	struct bench *b = *state;
	char line[256], path[160];
	FILE *f;

	file_make(b, ".1.gz", true, 100, line_of(line, sizeof(line), OTHER, NULL, "x"));
	(void)snprintf(path, sizeof(path), "%s.1.gz", b->path);
	f = fopen(path, "r+");
	assert_non_null(f);
	assert_int_equal(fseek(f, 12, SEEK_SET), 0);
	assert_int_equal(fputs("\xff\xff\xff\xff", f) >= 0, 1);
	assert_int_equal(fclose(f), 0);
	file_make(b, "", false, 0, line_of(line, sizeof(line), MINE, NULL, "x"));
	search(b, MINE);
	assert_string_equal(b->text, line);
	assert_int_equal(b->res.unreadable, 1);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
	struct bench *b = *state;
	FILE *out = fopen("/dev/null", "w");

	assert_int_equal(serve_search("/none/such/events.json", MINE, out, &b->res), -ENOENT);
	assert_int_equal(fclose(out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_session_is_found_in_rotated_and_packed_files),
		T(an_id_that_is_not_there_finds_nothing),
		T(what_a_peer_wrote_is_no_id),
		T(there_is_an_end_to_what_is_given),
		T(a_broken_file_is_counted_and_the_rest_searched),
		T(a_folder_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
