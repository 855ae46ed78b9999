// SPDX-License-Identifier: BSD-3-Clause
// What is read as a file, and what a command line may name instead: pipes that nobody writes to hold
// nobody up, and what has no end is cut.
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

#include "cfg.h"
#include "cfg_rules.h"

enum { SHORT_MS = 20, LONG_MS = 20000 };

static char folder[] = "/tmp/config-input-XXXXXX", pipe_path[64], file_path[64];

static int paths_make(void **)
{
	FILE *f;

	assert_non_null(mkdtemp(folder));
	(void)snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", folder);
	(void)snprintf(file_path, sizeof(file_path), "%s/file", folder);
	assert_int_equal(mkfifo(pipe_path, 0600), 0);
	f = fopen(file_path, "w");
	assert_non_null(f);
	assert_true(fputs("text", f) >= 0);
	return fclose(f);
}

static int paths_remove(void **)
{
	(void)unlink(pipe_path);
	(void)unlink(file_path);
	return rmdir(folder);
}

static void only_a_file_is_one_that_a_configuration_may_name(void **)
{
	static const struct {
		const char *path, *why; // NULL: it can be read
	} cases[] = {
		{file_path, NULL},
		{pipe_path, "is a pipe"},
		{folder, "is a folder"},
		{"/dev/zero", "is a device"},
		{"/dev/null", "is a device"},
		{"/nowhere/at/all", "cannot be opened; No such file"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err_list err;
		size_t n;
		char *text;

		err_init(&err);
		text = cfg_file_read(cases[i].path, &n, &err);
		if ((text != NULL) != (cases[i].why == NULL) ||
			(text == NULL && strstr(err.text[0], cases[i].why) == NULL))
			fail_msg("%s: %s", cases[i].path, text != NULL ? "read" : err.text[0]);
		free(text);
	}
}

static void what_stands_in_a_configuration_is_no_pipe_either(void **)
{
	static const char form[] =
		"dataplane: {workers: [1], ports: [{name: a, dev: net_null0}, {name: b, dev: "
		"net_null1}], pairs: [[a, b]]}\nrules: {file: %s}\n";
	char text[512];
	struct err_list err;
	struct cfg *cfg;

	(void)snprintf(text, sizeof(text), form, pipe_path);
	err_init(&err);
	cfg = cfg_load_text(text, strlen(text), "t", "/", &err);
	assert_non_null(cfg);
	err_init(&err); // what it warned of is not looked at
	assert_null(cfg_rules_of(cfg, &err));
	assert_non_null(strstr(err.text[0], "is a pipe"));
	cfg_free(cfg);
}

static void a_pipe_without_a_writer_is_an_error_in_time(void **)
{
	struct err_list err;
	size_t n;

	err_init(&err);
	assert_null(cfg_input_read(pipe_path, SHORT_MS, &n, &err));
	assert_non_null(strstr(err.text[0], "nobody has written to it"));
}

static void a_writer_that_falls_silent_is_one_too(void **)
{
	struct err_list err;
	char path[32];
	int ends[2];
	size_t n;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "half", 4), 4);
	(void)snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	err_init(&err);
	assert_null(cfg_input_read(path, SHORT_MS, &n, &err));
	assert_non_null(strstr(err.text[0], "nobody has written to it"));
	(void)close(ends[0]);
	(void)close(ends[1]);
}

// As the shell's <(command) is one.
static void a_pipe_with_a_text_is_read_to_its_end(void **)
{
	struct err_list err;
	char path[32], *text;
	int ends[2];
	size_t n;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "whole", 5), 5);
	(void)close(ends[1]);
	(void)snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	err_init(&err);
	text = cfg_input_read(path, LONG_MS, &n, &err);
	assert_non_null(text);
	assert_int_equal(n, 5);
	assert_memory_equal(text, "whole", 5);
	free(text);
	(void)close(ends[0]);
}

static void what_has_no_end_is_cut_behind_the_limit(void **)
{
	struct err_list err;
	size_t n;
	char *text;

	err_init(&err);
	text = cfg_input_read("/dev/zero", LONG_MS, &n, &err);
	assert_non_null(text);
	assert_true(n > CFG_FILE_MAX && n < CFG_FILE_MAX + (1 << 20));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_file_is_one_that_a_configuration_may_name),
		cmocka_unit_test(what_stands_in_a_configuration_is_no_pipe_either),
		cmocka_unit_test(a_pipe_without_a_writer_is_an_error_in_time),
		cmocka_unit_test(a_writer_that_falls_silent_is_one_too),
		cmocka_unit_test(a_pipe_with_a_text_is_read_to_its_end),
		cmocka_unit_test(what_has_no_end_is_cut_behind_the_limit),
	};

	return cmocka_run_group_tests(tests, paths_make, paths_remove);
}
