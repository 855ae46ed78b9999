// SPDX-License-Identifier: BSD-3-Clause
// The log front end: the sink gets whole lines of the levels asked for, errno survives.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"

LOG_COMPONENT("flow");

struct capture {
	unsigned lines;
	enum log_level level;
	char text[4096];
};

static void capture_sink(enum log_level level, const char *line, void *arg)
{
	struct capture *c = arg;

	c->lines++;
	c->level = level;
	strncpy(c->text, line, sizeof(c->text) - 1);
	errno = EIO;
}

static void a_line_names_its_component_and_keeps_errno(void **)
{
	struct capture c = {0};

	log_sink_set(capture_sink, &c);
	errno = ENOENT;
	LOG(WARNING, "port %s: link down: %m", "access");
	assert_int_equal(errno, ENOENT);
	assert_int_equal(c.level, LOG_LEVEL_WARNING);
	assert_string_equal(c.text, "flow: port access: link down: No such file or directory");
	log_sink_set(NULL, NULL);
}

static void levels_above_the_set_one_are_silent(void **)
{
	struct capture c = {0};

	log_sink_set(capture_sink, &c);
	LOG(INFO, "off by default");
	assert_int_equal(c.lines, 0);
	log_level_set(LOG_LEVEL_ERR);
	LOG(WARNING, "off now");
	assert_int_equal(c.lines, 0);
	LOG(ERR, "always");
	assert_int_equal(c.lines, 1);
	log_level_set(LOG_LEVEL_NOTICE);
	log_sink_set(NULL, NULL);
}

static void level_names_are_read_and_others_refused(void **)
{
	static const char *const NAMES[] = {"err", "warning", "notice", "info", "debug"};
	enum log_level level;

	for (unsigned i = 0; i < 5; i++) {
		assert_true(log_level_parse(NAMES[i], &level));
		assert_int_equal(level, i);
	}
	assert_false(log_level_parse("loud", &level));
	assert_false(log_level_parse("", &level));
}

static void the_default_sink_writes_one_line_to_stderr_and_cuts_a_long_one(void **)
{
	char big[3000], got[4096];
	int pipe_fd[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(pipe_fd), 0);
	assert_true(saved >= 0 && dup2(pipe_fd[1], STDERR_FILENO) >= 0);
	log_ident_set("mailweir-test");
	LOG(NOTICE, "ready");
	n = read(pipe_fd[0], got, sizeof(got) - 1);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	LOG(NOTICE, "%s", big);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	assert_int_equal(n, (ssize_t)strlen("mailweir-test: notice: flow: ready\n"));
	assert_memory_equal(got, "mailweir-test: notice: flow: ready\n", (size_t)n);
	n = read(pipe_fd[0], got, sizeof(got));
	assert_in_range(n, 1000, 1100);
	assert_int_equal(got[n - 1], '\n');
	assert_ptr_equal(memchr(got, '\n', (size_t)n), got + n - 1);
	(void)close(pipe_fd[0]);
	(void)close(pipe_fd[1]);
	(void)close(saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_names_its_component_and_keeps_errno),
		cmocka_unit_test(levels_above_the_set_one_are_silent),
		cmocka_unit_test(level_names_are_read_and_others_refused),
		cmocka_unit_test(the_default_sink_writes_one_line_to_stderr_and_cuts_a_long_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
