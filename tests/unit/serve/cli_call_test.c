// SPDX-License-Identifier: BSD-3-Clause
// mailweirctl and a control plane that is not well: not there, stopped, gone amid an answer. Each ends in
// time, with a line that says what it is, and exit status 1.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli.h"

enum { QUICK_MS = 30, SLOW_MS = 60, PATIENT_MS = 20000, SAID_MAX = 512 };

struct far {
	char path[64];
	int fd;           // it listens
	unsigned answers; // then it says no more
	bool closes;
	const char *answer; // NULL = an empty result
	pthread_t thread;
};

static void far_listen(struct far *f, int backlog)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	(void)snprintf(f->path, sizeof(f->path), "/tmp/cli-call-%d.sock", (int)getpid());
	(void)unlink(f->path); // of a test before
	(void)strncpy(name.sun_path, f->path, sizeof(name.sun_path) - 1);
	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(f->fd >= 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(f->fd, backlog), 0);
}

static void *far_run(void *arg)
{
	static const char answer[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n";
	struct far *f = arg;
	int fd = accept(f->fd, NULL, NULL);
	char c = 0;

	for (unsigned i = 0; i < f->answers; i++) {
		while (read(fd, &c, 1) == 1 && c != '\n')
			;
		(void)!write(fd, f->answer != NULL ? f->answer : answer,
			f->answer != NULL ? strlen(f->answer) : sizeof(answer) - 1);
	}
	while (!f->closes && read(fd, &c, 1) == 1)
		;
	(void)close(fd);
	return NULL;
}

// Calls the method; its exit status, and what it said on standard error.
static int called(struct cli *c, enum api_rpc_id method, char said[SAID_MAX])
{
	int status = CLI_OK, err = dup(STDERR_FILENO), ends[2];
	json_t *params = json_object(), *result;
	ssize_t n;

	assert_int_equal(pipe(ends), 0);
	(void)fflush(stderr);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	result = cli_call(c, method, params, &status);
	(void)fflush(stderr);
	assert_true(dup2(err, STDERR_FILENO) >= 0);
	(void)close(ends[1]);
	n = read(ends[0], said, SAID_MAX - 1);
	said[n > 0 ? n : 0] = '\0';
	(void)close(ends[0]);
	(void)close(err);
	assert_true((result == NULL) == (status != CLI_OK));
	json_decref(result);
	json_decref(params);
	cli_close(c);
	return status;
}

static void without_a_control_plane_it_says_so(void **)
{
	struct cli c = {
		.socket = "/tmp/no/such.sock", .fd = -1, .quick_ms = QUICK_MS, .slow_ms = SLOW_MS};
	char said[SAID_MAX];

	assert_int_equal(called(&c, API_RPC_SYSTEM_STATUS, said), CLI_FAILED);
	assert_non_null(strstr(said, "the control plane does not run"));
}

static void one_that_is_stopped_is_waited_for_a_while(void **)
{
	static const enum api_rpc_id methods[] = {API_RPC_SYSTEM_STATUS, API_RPC_CONFIG_COMMIT};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct far f = {0};
		// A commit that may take long is not waited for where nobody is there.
		struct cli c = {
			.socket = f.path, .fd = -1, .quick_ms = QUICK_MS, .slow_ms = UINT32_MAX};
		char said[SAID_MAX];

		far_listen(&f, 5);
		assert_int_equal(called(&c, methods[i], said), CLI_FAILED);
		assert_non_null(strstr(said, "does not answer"));
		(void)close(f.fd);
		(void)unlink(f.path);
	}
}

static void so_is_one_that_takes_no_connection(void **)
{
	struct far f = {0};
	struct cli c = {.socket = f.path, .fd = -1, .quick_ms = QUICK_MS, .slow_ms = SLOW_MS};
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	char said[SAID_MAX];
	int waits = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	far_listen(&f, 0); // room for one
	(void)strncpy(name.sun_path, f.path, sizeof(name.sun_path) - 1);
	assert_int_equal(connect(waits, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(called(&c, API_RPC_SYSTEM_STATUS, said), CLI_FAILED);
	assert_non_null(strstr(said, "does not answer"));
	(void)close(waits);
	(void)close(f.fd);
	(void)unlink(f.path);
}

static void what_takes_long_is_waited_for_longer(void **)
{
	static const struct {
		const char *name;
		enum api_rpc_id method;
		unsigned answers, quick_ms, slow_ms;
		bool closes;
		int status;
		const char *said;
	} cases[] = {
		{"answered", API_RPC_CONFIG_COMMIT, 2, PATIENT_MS, PATIENT_MS, true, CLI_OK, ""},
		{"a quick one is asked once", API_RPC_PORTS_LIST, 1, PATIENT_MS, QUICK_MS, true,
			CLI_OK, ""},
		{"there, and then silent", API_RPC_CONFIG_COMMIT, 1, PATIENT_MS, SLOW_MS, false,
			CLI_FAILED, "does not answer"},
		{"there, and then gone", API_RPC_CONFIG_COMMIT, 1, PATIENT_MS, PATIENT_MS, true,
			CLI_FAILED, "closed the connection"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct far f = {.answers = cases[i].answers, .closes = cases[i].closes};
		struct cli c = {.socket = f.path,
			.fd = -1,
			.quick_ms = cases[i].quick_ms,
			.slow_ms = cases[i].slow_ms};
		char said[SAID_MAX];
		int status;

		far_listen(&f, 5);
		assert_int_equal(pthread_create(&f.thread, NULL, far_run, &f), 0);
		status = called(&c, cases[i].method, said);
		if (status != cases[i].status || strstr(said, cases[i].said) == NULL)
			fail_msg("%s: %d %s", cases[i].name, status, said);
		assert_int_equal(pthread_join(f.thread, NULL), 0);
		(void)close(f.fd);
		(void)unlink(f.path);
	}
}

// A file that somebody sent is quoted in errors: its words are shown, not obeyed.
static void what_a_terminal_would_obey_is_shown(void **)
{
	static const struct {
		const char *answer, *want;
	} rows[] = {
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32003,\"message\":\"no\",\"data\":"
		 "{\"errors\":[\"f:2: \\u001b[2J\\n\\u009b1m\\u00e4\\t\\u007f\"]}}}\n",
			"f:2: \\x1b[2J\\x0a\\xc2\\x9b1m\xc3\xa4\t\\x7f\n"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":\"\\u001b[2J: odd\"}}\n",
			"mailweirctl: \\x1b[2J: odd\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct far f = {.answers = 1, .closes = true, .answer = rows[i].answer};
		struct cli c = {
			.socket = f.path, .fd = -1, .quick_ms = PATIENT_MS, .slow_ms = PATIENT_MS};
		char said[SAID_MAX];

		far_listen(&f, 5);
		assert_int_equal(pthread_create(&f.thread, NULL, far_run, &f), 0);
		assert_int_equal(called(&c, API_RPC_PORTS_LIST, said), CLI_BAD_INPUT);
		assert_string_equal(said, rows[i].want);
		assert_int_equal(pthread_join(f.thread, NULL), 0);
		(void)close(f.fd);
		(void)unlink(f.path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_control_plane_it_says_so),
		cmocka_unit_test(one_that_is_stopped_is_waited_for_a_while),
		cmocka_unit_test(so_is_one_that_takes_no_connection),
		cmocka_unit_test(what_takes_long_is_waited_for_longer),
		cmocka_unit_test(what_a_terminal_would_obey_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
