// SPDX-License-Identifier: BSD-3-Clause
// The JSON-RPC server against what clients send: each dialogue whole, a byte at a time and cut at
// every place gives the same answers; rubbish gets an error and the connection stays; what is too
// long or never read ends its own connection only.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <jansson.h>

#include "log.h"
#include "serve_bench.h"
#include "serve_rpc.h"
#include "serve_sock.h"

enum { LATER_MAX = 1024 };

struct bench {
	struct event_base *base;
	struct serve_rpc *rpc;
	char dir[64], path[96];
	struct serve_call *later[LATER_MAX];
	unsigned nlater, ran;
	struct serve_client *follower;
	unsigned gone;
};

// The methods of the bench: one answers its params, one an error, one later, one follows.

static void run_echo(void *arg, struct serve_call *call, json_t *params)
{
	((struct bench *)arg)->ran++;
	serve_call_result(call, json_incref(params));
}

static void run_fail(void *arg, struct serve_call *call, json_t *params)
{
	(void)arg, (void)params;
	serve_call_error(call, API_RPC_ERR_NOT_FOUND, json_pack("{s:i}", "n", 7), "no %s", "such");
}

static void run_later(void *arg, struct serve_call *call, json_t *params)
{
	struct bench *b = arg;

	(void)params;
	assert_true(b->nlater < LATER_MAX);
	b->later[b->nlater++] = call;
}

static void on_gone(void *arg)
{
	struct bench *b = arg;

	b->gone++;
	b->follower = NULL;
}

static void run_follow(void *arg, struct serve_call *call, json_t *params)
{
	struct bench *b = arg;

	(void)params;
	b->follower = serve_client_follow(call, on_gone, b);
	serve_call_result(call, json_boolean(b->follower != NULL));
}

static void run_other(void *arg, struct serve_call *call, json_t *params)
{
	(void)arg, (void)params;
	serve_call_result(call, json_null());
}

static const serve_method_cb methods[API_RPC_COUNT] = {
	[API_RPC_SYSTEM_STATUS] = run_echo,
	[API_RPC_STATS_GET] = run_fail,
	[API_RPC_FLOWS_LIST] = run_later,
	[API_RPC_SESSIONS_TAIL] = run_follow,
	[API_RPC_PORTS_LIST] = run_other,
	[API_RPC_POLICY_MATCH] = run_other,
	[API_RPC_CONFIG_CHECK] = run_other,
	[API_RPC_CONFIG_COMMIT] = run_other,
	[API_RPC_CONFIG_GET] = run_other,
	[API_RPC_RULES_CHECK] = run_other,
	[API_RPC_RULES_ADD] = run_other,
	[API_RPC_RULES_DEL] = run_other,
	[API_RPC_RULES_LIST] = run_other,
};

static struct serve_rpc *server_open(struct bench *b, struct err_list *err)
{
	err_init(err);
	return serve_rpc_open(
		&(struct serve_rpc_conf){
			.base = b->base, .path = b->path, .group = "", .run = methods, .arg = b},
		err);
}

static void quiet(enum log_level level, const char *line, void *arg)
{
	(void)level, (void)line, (void)arg;
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct err_list err;

	log_sink_set(quiet, NULL);
	(void)signal(SIGPIPE, SIG_IGN); // as core_loop_new does
	bench_dir_make(b->dir);
	(void)snprintf(b->path, sizeof(b->path), "%s/rpc.sock", b->dir);
	b->base = event_base_new();
	b->rpc = server_open(b, &err);
	*state = b;
	return b->rpc == NULL;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	if (b->rpc != NULL)
		serve_rpc_close(b->rpc);
	for (unsigned i = 0; i < b->nlater; i++)
		serve_call_result(b->later[i], json_null()); // into the void
	event_base_free(b->base);
	bench_dir_remove(b->dir);
	free(b);
	return 0;
}

#define V "\"jsonrpc\":\"2.0\""
#define ERROR(code, text) "{" V ",\"error\":{\"code\":" #code ",\"message\":\"" text "\"},"
#define NULL_ID "\"id\":null}"

static const struct {
	const char *name, *send;
	const char *expect; // lines, or a beginning where it ends in '~'
	unsigned lines;
} dialogues[] = {
	{"a request gets its result and its id", "{" V ",\"id\":1,\"method\":\"system.status\"}\n",
		"{" V ",\"result\":{},\"id\":1}\n", 1},
	{"an id may be a text, params come back",
		"{" V ",\"id\":\"x\",\"method\":\"system.status\","
		"\"params\":{\"a\":[1,2]}}\n",
		"{" V ",\"result\":{\"a\":[1,2]},\"id\":\"x\"}\n", 1},
	{"an id may be null", "{" V ",\"id\":null,\"method\":\"system.status\"}\n",
		"{" V ",\"result\":{},\"id\":null}\n", 1},
	{"an error carries code, message and data", "{" V ",\"id\":2,\"method\":\"stats.get\"}\n",
		"{" V
		",\"error\":{\"code\":-32005,\"message\":\"no such\",\"data\":{\"n\":7}},\"id\":2}\n",
		1},
	{"rubbish is a parse error and the connection stays",
		"rubbish\n{" V ",\"id\":3,\"method\":\"system.status\"}\n",
		ERROR(-32700, "parse error at byte 7: invalid token near 'rubbish'") NULL_ID
		"\n"
		"{" V ",\"result\":{},\"id\":3}\n",
		2},
	{"bytes that are not UTF-8 are a parse error", "\"\xff\xfe\"\n", ERROR(-32700, "~"), 1},
	{"an unknown method is told", "{" V ",\"id\":4,\"method\":\"no.such\"}\n",
		ERROR(-32601, "no such method") "\"id\":4}\n", 1},
	{"params by position are refused",
		"{" V ",\"id\":5,\"method\":\"system.status\",\"params\":[1]}\n",
		ERROR(-32602, "params go by name: an object") "\"id\":5}\n", 1},
	{"params that are a number are no request",
		"{" V ",\"id\":5,\"method\":\"system.status\",\"params\":1}\n",
		ERROR(-32600, "params is neither object nor array") "\"id\":5}\n", 1},
	{"version 1 is no request", "{\"jsonrpc\":\"1.0\",\"id\":6,\"method\":\"system.status\"}\n",
		ERROR(-32600, "jsonrpc is not \\\"2.0\\\"") "\"id\":6}\n", 1},
	{"a bare number is no request", "17\n",
		ERROR(-32600, "a request is an object") NULL_ID "\n", 1},
	{"a method that is no text is no request", "{" V ",\"id\":1,\"method\":1}\n",
		ERROR(-32600, "method is not a string") "\"id\":1}\n", 1},
	{"an id that is an object is not echoed",
		"{" V ",\"id\":{},\"method\":\"system.status\"}\n",
		ERROR(-32600, "id is neither string nor number") NULL_ID "\n", 1},
	{"a member twice is a parse error",
		"{" V ",\"id\":1,\"id\":2,\"method\":\"system.status\"}\n", ERROR(-32700, "~"), 1},
	{"blank lines and CR LF are nobody's request",
		"\r\n\n  \n{" V ",\"id\":7,\"method\":\"system.status\"}\r\n",
		"{" V ",\"result\":{},\"id\":7}\n", 1},
	{"a notification runs and is not answered",
		"{" V ",\"method\":\"system.status\"}\n{" V ",\"id\":8,\"method\":\"stats.get\"}\n",
		"{" V
		",\"error\":{\"code\":-32005,\"message\":\"no such\",\"data\":{\"n\":7}},\"id\":8}\n",
		1},
	{"a notification of an unknown method is not answered",
		"{" V ",\"method\":\"no.such\"}\n{" V ",\"id\":8,\"method\":\"system.status\"}\n",
		"{" V ",\"result\":{},\"id\":8}\n", 1},
	{"a batch gets one array",
		"[{" V ",\"id\":1,\"method\":\"system.status\"},{" V
		",\"method\":\"system.status\"},1,"
		"{" V ",\"id\":2,\"method\":\"no.such\"}]\n",
		"[{" V ",\"result\":{},\"id\":1}," ERROR(-32600, "a request is an object") NULL_ID
		"," ERROR(-32601, "no such method") "\"id\":2}]\n",
		1},
	{"an empty batch is no request", "[]\n", ERROR(-32600, "empty batch") NULL_ID "\n", 1},
	{"a batch of notifications is not answered",
		"[{" V ",\"method\":\"system.status\"}]\n{" V
		",\"id\":9,\"method\":\"system.status\"}\n",
		"{" V ",\"result\":{},\"id\":9}\n", 1},
};

static void expect_lines(const struct bench_client *c, const char *expect, const char *name)
{
	size_t n = strlen(expect);
	const char *open = strchr(expect, '~');

	n = open != NULL ? (size_t)(open - expect) : n;
	if (c->in_n < n || memcmp(c->in, expect, n) != 0 || (open == NULL && c->in_n != n))
		fail_msg("%s:\n got: %s\nwant: %s", name, c->in, expect);
}

static void each_dialogue_gets_its_answers_at_every_cut(void **state)
{
	struct bench *b = *state;

	for (size_t d = 0; d < sizeof(dialogues) / sizeof(dialogues[0]); d++) {
		size_t n = strlen(dialogues[d].send);

		for (size_t cut = 0; cut <= n; cut++) {
			struct bench_client c;

			bench_connect(&c, b->path);
			assert_true(bench_send(b->base, &c, dialogues[d].send, cut));
			bench_settle(b->base, &c);
			assert_true(bench_send(b->base, &c, dialogues[d].send + cut, n - cut));
			bench_lines(b->base, &c, dialogues[d].lines);
			expect_lines(&c, dialogues[d].expect, dialogues[d].name);
			assert_false(c.closed);
			bench_disconnect(&c);
		}
	}
}

static void all_dialogues_on_one_connection_a_byte_at_a_time(void **state)
{
	struct bench *b = *state;
	struct bench_client c;
	unsigned lines = 0;

	bench_connect(&c, b->path);
	for (size_t d = 0; d < sizeof(dialogues) / sizeof(dialogues[0]); d++) {
		for (const char *p = dialogues[d].send; *p != '\0'; p++) {
			assert_true(bench_send(b->base, &c, p, 1));
			(void)event_base_loop(b->base, EVLOOP_NONBLOCK);
		}
		lines += dialogues[d].lines;
		bench_lines(b->base, &c, lines);
	}
	assert_false(c.closed);
	assert_null(bench_line(&c, lines));
	bench_disconnect(&c);
}

static void thousands_of_requests_in_one_write_are_all_answered(void **state)
{
	static const char one[] = "{" V ",\"id\":1,\"method\":\"system.status\"}\n";
	enum { MANY = 5000 };
	struct bench *b = *state;
	struct bench_client c;
	char *all = malloc(MANY * (sizeof(one) - 1));

	for (unsigned i = 0; i < MANY; i++)
		memcpy(all + i * (sizeof(one) - 1), one, sizeof(one) - 1);
	bench_connect(&c, b->path);
	assert_true(bench_send(b->base, &c, all, MANY * (sizeof(one) - 1)));
	bench_lines(b->base, &c, MANY);
	assert_int_equal(b->ran, MANY);
	assert_false(c.closed);
	bench_disconnect(&c);
	free(all);
}

static void a_half_closed_client_still_gets_its_answers(void **state)
{
	static const char text[] = "{" V ",\"id\":1,\"method\":\"flows.list\"}\n"
				   "{" V ",\"id\":2,\"method\":\"system.status\"}"; // no newline
	struct bench *b = *state;
	struct bench_client c;

	bench_connect(&c, b->path);
	assert_true(bench_send(b->base, &c, text, sizeof(text) - 1));
	assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
	bench_lines(b->base, &c, 1);
	assert_string_equal(c.in, "{" V ",\"result\":{},\"id\":2}\n");
	assert_false(c.closed);
	serve_call_result(b->later[--b->nlater], json_true());
	bench_lines(b->base, &c, 99);
	assert_true(c.closed);
	assert_string_equal(bench_line(&c, 1), "{" V ",\"result\":true,\"id\":1}\n");
	bench_disconnect(&c);
}

static void answers_may_come_later_and_in_any_order(void **state)
{
	static const char text[] = "[{" V ",\"id\":1,\"method\":\"flows.list\"},"
				   "{" V ",\"id\":2,\"method\":\"flows.list\"}]\n"
				   "{" V ",\"id\":3,\"method\":\"system.status\"}\n";
	struct bench *b = *state;
	struct bench_client c;

	bench_connect(&c, b->path);
	assert_true(bench_send(b->base, &c, text, sizeof(text) - 1));
	bench_lines(b->base, &c, 1);
	assert_int_equal(b->nlater, 2);
	serve_call_result(b->later[1], json_true());
	bench_settle(b->base, &c);
	assert_null(bench_line(&c, 1)); // a batch is answered as a whole
	serve_call_error(b->later[0], -1, NULL, "no");
	b->nlater = 0;
	bench_lines(b->base, &c, 2);
	assert_string_equal(bench_line(&c, 1),
		"[{" V ",\"result\":true,\"id\":2},"
		"{" V ",\"error\":{\"code\":-1,\"message\":\"no\"},\"id\":1}]\n");
	bench_disconnect(&c);
}

static void an_answer_to_a_client_that_left_goes_nowhere(void **state)
{
	static const char text[] = "{" V ",\"id\":1,\"method\":\"flows.list\"}\n";
	struct bench *b = *state;
	struct bench_client c;

	bench_connect(&c, b->path);
	assert_true(bench_send(b->base, &c, text, sizeof(text) - 1));
	bench_settle(b->base, &c);
	assert_int_equal(b->nlater, 1);
	bench_disconnect(&c);
	for (unsigned i = 0; i < 3; i++)
		(void)event_base_loop(b->base, EVLOOP_NONBLOCK);
	serve_call_result(b->later[--b->nlater], json_true());
	for (unsigned i = 0; i < 3; i++)
		(void)event_base_loop(b->base, EVLOOP_NONBLOCK);
	assert_int_equal(serve_rpc_clients(b->rpc), 0);
}

static void too_many_unanswered_requests_are_told_so(void **state)
{
	static const char text[] = "{" V ",\"id\":1,\"method\":\"flows.list\"}\n";
	struct bench *b = *state;
	struct bench_client c;

	bench_connect(&c, b->path);
	for (unsigned i = 0; i <= SERVE_CALLS_MAX; i++)
		assert_true(bench_send(b->base, &c, text, sizeof(text) - 1));
	bench_lines(b->base, &c, 1);
	assert_int_equal(b->nlater, SERVE_CALLS_MAX);
	assert_non_null(strstr(c.in, "-32002"));
	bench_disconnect(&c);
}

// Sends `n` times 'x' as one line and looks at what comes of it.
static void long_line(struct bench *b, size_t n, bool closes)
{
	char *text = malloc(n + 1);
	struct bench_client c;

	memset(text, ' ', n); // blanks are JSON, too
	text[n] = '\n';
	text[n - 1] = 'x';
	bench_connect(&c, b->path);
	(void)bench_send(b->base, &c, text, n + 1); // the server may close amid it
	bench_lines(b->base, &c, 1);
	assert_non_null(strstr(c.in, "-32700"));
	bench_settle(b->base, &c);
	bench_settle(b->base, &c);
	assert_int_equal(c.closed, closes);
	bench_disconnect(&c);
	free(text);
}

static void a_line_of_8_mib_less_one_is_read(void **state)
{
	long_line(*state, API_RPC_REQUEST_MAX - 1, false);
}

static void a_line_of_8_mib_gets_an_error_and_the_end(void **state)
{
	long_line(*state, API_RPC_REQUEST_MAX, true);
	long_line(*state, API_RPC_REQUEST_MAX * 2, true);
}

static void a_client_that_does_not_read_is_dropped(void **state)
{
	static const char text[] = "{" V ",\"id\":1,\"method\":\"sessions.tail\"}\n";
	struct bench *b = *state;
	struct bench_client c;
	char *line = malloc(1 << 20);

	memset(line, 'x', 1 << 20);
	bench_connect(&c, b->path);
	assert_true(bench_send(b->base, &c, text, sizeof(text) - 1));
	bench_lines(b->base, &c, 1);
	assert_non_null(b->follower);
	for (unsigned i = 0; i < 40 && b->follower != NULL; i++) {
		serve_client_line(b->follower, line, 1 << 20);
		(void)event_base_loop(b->base, EVLOOP_NONBLOCK);
	}
	assert_null(b->follower);
	assert_int_equal(b->gone, 1);
	assert_int_equal(serve_rpc_clients(b->rpc), 0);
	bench_disconnect(&c);
	free(line);
}

static void a_follower_that_leaves_is_told_once(void **state)
{
	static const char text[] = "{" V ",\"id\":1,\"method\":\"sessions.tail\"}\n";
	struct bench *b = *state;
	struct bench_client c;

	bench_connect(&c, b->path);
	assert_true(bench_send(b->base, &c, text, sizeof(text) - 1));
	assert_true(bench_send(b->base, &c, text, sizeof(text) - 1));
	bench_lines(b->base, &c, 2);
	assert_non_null(strstr(bench_line(&c, 0), "true"));
	assert_non_null(strstr(bench_line(&c, 1), "false")); // follows already
	bench_disconnect(&c);
	for (unsigned i = 0; i < 3; i++)
		(void)event_base_loop(b->base, EVLOOP_NONBLOCK);
	assert_int_equal(b->gone, 1);
}

static void a_stale_socket_is_replaced_and_a_live_one_refused(void **state)
{
	struct bench *b = *state;
	struct err_list err;
	struct stat st;
	int status, pid = fork();

	// The lock of this process does not stop itself: only another process can tell.
	if (pid == 0) {
		struct serve_rpc *second = server_open(b, &err);

		_exit(second == NULL && strstr(err.text[0], "another control plane") != NULL ? 0
											     : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	serve_rpc_close(b->rpc);
	assert_int_not_equal(stat(b->path, &st), 0);
	pid = fork();
	if (pid == 0) {
		(void)server_open(b, &err); // dies without closing: the file stays
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(stat(b->path, &st), 0);
	b->rpc = server_open(b, &err);
	assert_non_null(b->rpc);
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
}

static void another_kind_of_file_is_not_removed(void **state)
{
	struct bench *b = *state;
	struct err_list err;
	FILE *f;

	serve_rpc_close(b->rpc);
	f = fopen(b->path, "w");
	assert_non_null(f);
	(void)fclose(f);
	b->rpc = server_open(b, &err);
	assert_null(b->rpc);
	assert_int_equal(access(b->path, F_OK), 0);
	assert_non_null(strstr(err.text[0], b->path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(each_dialogue_gets_its_answers_at_every_cut),
		T(all_dialogues_on_one_connection_a_byte_at_a_time),
		T(thousands_of_requests_in_one_write_are_all_answered),
		T(a_half_closed_client_still_gets_its_answers),
		T(answers_may_come_later_and_in_any_order),
		T(an_answer_to_a_client_that_left_goes_nowhere),
		T(too_many_unanswered_requests_are_told_so),
		T(a_line_of_8_mib_less_one_is_read),
		T(a_line_of_8_mib_gets_an_error_and_the_end),
		T(a_client_that_does_not_read_is_dropped),
		T(a_follower_that_leaves_is_told_once),
		T(a_stale_socket_is_replaced_and_a_live_one_refused),
		T(another_kind_of_file_is_not_removed),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
