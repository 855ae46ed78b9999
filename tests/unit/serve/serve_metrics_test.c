// SPDX-License-Identifier: BSD-3-Clause
// Metrics: each form to the letter, names that no scraper could read left out, a scrape at any time
// answered whole, clients bounded in number and time. What promtool says of it is tests/wire's.
#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/buffer.h>

#include "compile.h"
#include "core_dp.h"
#include "core_loop.h"
#include "log.h"
#include "serve.h"
#include "serve_bench.h"
#include "serve_expose.h"
#include "serve_http.h"
#include "text.h"

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW, WAIT_S = 60, ANSWER_MAX = 1 << 16 };

// The writer.

static const struct serve_metric counter = {
	SERVE_COUNTER, "port_rx_bytes", "bytes", "a \"b\" \\ \n"};
static const struct serve_metric gauge = {SERVE_GAUGE, "flows", "connections", "in the table"};
static const struct serve_metric info = {SERVE_INFO, "build", "", "version"};

static const char openmetrics_want[] =
	"# TYPE mailweir_port_rx_bytes counter\n"
	"# UNIT mailweir_port_rx_bytes bytes\n"
	"# HELP mailweir_port_rx_bytes a \\\"b\\\" \\\\ ?\n"
	"mailweir_port_rx_bytes_total{port=\"x\\\"\\\\??\"} 18446744073709551615\n"
	"# TYPE mailweir_flows gauge\n"
	"# HELP mailweir_flows in the table\n"
	"mailweir_flows NaN\n"
	"# TYPE mailweir_build info\n"
	"# HELP mailweir_build version\n"
	"mailweir_build_info{version=\"1\"} 1\n"
	"# EOF\n";
static const char text_want[] =
	"# TYPE mailweir_port_rx_bytes_total counter\n"
	"# HELP mailweir_port_rx_bytes_total a \"b\" \\\\ ?\n"
	"mailweir_port_rx_bytes_total{port=\"x\\\"\\\\??\"} 18446744073709551615\n"
	"# TYPE mailweir_flows gauge\n"
	"# HELP mailweir_flows in the table\n"
	"mailweir_flows NaN\n"
	"# TYPE mailweir_build_info gauge\n"
	"# HELP mailweir_build_info version\n"
	"mailweir_build_info{version=\"1\"} 1\n";

static void both_forms_are_as_their_texts_say(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct serve_exposition x = {.out = evbuffer_new(), .openmetrics = i == 1};

		serve_expose_family(&x, &counter);
		serve_expose_u64(&x, &counter, "port", "x\"\\\xff\n", UINT64_MAX);
		serve_expose_family(&x, &gauge);
		serve_expose_real(&x, &gauge, NULL, NULL, NAN);
		serve_expose_family(&x, &info);
		serve_expose_u64(&x, &info, "version", "1", 1);
		serve_expose_end(&x);
		assert_int_equal(evbuffer_add(x.out, "", 1), 0);
		assert_string_equal((char *)evbuffer_pullup(x.out, -1),
			x.openmetrics ? openmetrics_want : text_want);
		assert_false(x.failed);
		evbuffer_free(x.out);
	}
}

static void names_that_a_form_gives_a_meaning_are_no_names(void **state)
{
	static const char *const good[] = {"a", "pass_tls", "total", "rx_9", "summit"};
	static const char *const bad[] = {"", "9a", "_a", "A", "a-b", "a b", "a\n", "a_total",
		"a_created", "a_count", "a_sum", "a_bucket", "a_info", "\xc3\xa4"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(serve_expose_is_name(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(serve_expose_is_name(bad[i]));
}

// The service.

struct bench {
	struct core_loop *loop;
	struct serve *serve;
	struct dp dp;
	bool attach;
	char dir[64], rpc[96], state[96], metrics[96];
	struct cfg *boot;
};

static const char config[] =
	"dataplane: {workers: [1], ports: [{name: access, dev: net_null0}, {name: core, dev: net_null1}],\n"
	" pairs: [[access, core]]}\n"
	"policies: [{name: one, source: 10.77.0.0/24, action: pass}]\n";

static void quiet(enum log_level level, const char *line, void *arg)
{
	(void)level, (void)line, (void)arg;
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct err_list err;

	log_sink_set(quiet, NULL);
	err_init(&err);
	bench_dir_make(b->dir);
	(void)snprintf(b->state, sizeof(b->state), "%s/state", b->dir);
	(void)snprintf(b->rpc, sizeof(b->rpc), "%s/rpc.sock", b->dir);
	(void)snprintf(b->metrics, sizeof(b->metrics), "%s/metrics.sock", b->dir);
	dp_listen(&b->dp);
	b->boot = cfg_load_text(config, strlen(config), "t.yaml", b->dir, &err);
	assert_non_null(b->boot);
	b->boot->control.link = b->dp.path;
	b->boot->control.rpc = b->rpc;
	b->boot->control.state_dir = b->state;
	b->boot->control.event_log = "";
	b->boot->control.metrics = b->metrics;
	b->loop = core_loop_new();
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	serve_free(b->serve);
	core_loop_free(b->loop);
	dp_close(&b->dp);
	cfg_free(b->boot);
	bench_dir_remove(b->dir);
	free(b);
	return 0;
}

static void service_open(struct bench *b)
{
	struct err_list err;
	char file[96];
	FILE *f;

	(void)snprintf(file, sizeof(file), "%s/t.yaml", b->dir);
	f = fopen(file, "w");
	assert_non_null(f);
	assert_true(fputs(config, f) >= 0);
	assert_int_equal(fclose(f), 0);
	err_init(&err);
	b->serve = serve_open(
		&(struct serve_conf){
			.loop = b->loop, .boot = b->boot, .file = file, .version = "test"},
		&err);
	if (b->serve == NULL || serve_start(b->serve, &err) != 0)
		fail_msg("%s", err.text[0]);
}

static void name_set(
	struct bench *b, unsigned i, const char *name, enum api_stat_kind kind, const char *unit)
{
	struct api_stat_name *n = (void *)(b->dp.stats + b->dp.head->names_off + i * sizeof(*n));

	(void)snprintf(n->name, sizeof(n->name), "%s", name);
	(void)snprintf(n->help, sizeof(n->help), "help of %s", name);
	(void)snprintf(n->unit, sizeof(n->unit), "%s", unit);
	n->kind = (uint8_t)kind;
}

static void value_set(struct bench *b, unsigned worker, unsigned i, uint64_t v)
{
	*(uint64_t *)(void *)(b->dp.stats + b->dp.head->workers_off +
		worker * b->dp.head->worker_stride + i * sizeof(v)) = v;
}

static void turn(struct bench *b)
{
	char byte;

	assert_int_equal(core_loop_turn(b->loop, 1), 0);
	// A connection that waited too long for its hello was given up, and another comes.
	if (b->dp.peer >= 0 && recv(b->dp.peer, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		dp_drop(&b->dp);
	if (!b->attach || b->dp.peer >= 0 || !dp_accept(&b->dp))
		return;
	dp_make(&b->dp);
	name_set(b, 0, "connections", API_STAT_TRAFFIC, "connections");
	name_set(b, 1, "pass_tls", API_STAT_PASS, "connections");
	name_set(b, 2, "flows", API_STAT_GAUGE, "connections");
	name_set(b, 3, "link_attached", API_STAT_GAUGE, "frames"); // ours
	name_set(b, 4, "longest_nanoseconds", API_STAT_PEAK, "nanoseconds");
	value_set(b, 0, 0, 30);
	value_set(b, 1, 0, 10);
	value_set(b, 1, 1, 10);
	value_set(b, 0, 2, 7);
	value_set(b, 1, 4, 2500);
	dp_seal(&b->dp, SEALS, SEALS);
	dp_send(&b->dp, sizeof(b->dp.hello), 2);
}

static int client(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)text_copy(name.sun_path, sizeof(name.sun_path), path);
	assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	return fd;
}

// Everything that the server says until it closes.
static void take(struct bench *b, int fd, char answer[ANSWER_MAX])
{
	time_t end = time(NULL) + WAIT_S;
	size_t n = 0;
	ssize_t k;

	for (;;) {
		k = recv(fd, answer + n, ANSWER_MAX - 1 - n, 0);
		if (k == 0)
			break;
		n += k > 0 ? (size_t)k : 0;
		assert_true(n < ANSWER_MAX - 1);
		turn(b);
		assert_true(time(NULL) <= end);
	}
	answer[n] = '\0';
	(void)close(fd);
}

static void ask(struct bench *b, const char *request, char answer[ANSWER_MAX])
{
	int fd = client(b->metrics);

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	take(b, fd, answer);
}

static void attached_wait(struct bench *b, bool wanted, char answer[ANSWER_MAX])
{
	const char *want = wanted ? "\nmailweir_link_attached 1\n" : "\nmailweir_link_attached 0\n";
	time_t end = time(NULL) + WAIT_S;

	do {
		turn(b);
		ask(b, "GET /metrics HTTP/1.0\r\n\r\n", answer);
		assert_non_null(strstr(answer, " 200 OK\r\n"));
		assert_true(time(NULL) <= end);
	} while (strstr(answer, want) == NULL);
}

#define OPENMETRICS_ASK \
	"GET /metrics HTTP/1.0\r\nAccept: application/openmetrics-text;version=1.0.0,*/*\r\n\r\n"

static void a_scrape_is_whole_with_and_without_a_data_plane(void **state)
{
	static char answer[ANSWER_MAX];
	struct bench *b = *state;

	service_open(b);
	attached_wait(b, false, answer);
	assert_null(strstr(answer, "mailweir_connections_total"));
	assert_non_null(strstr(answer, "\nmailweir_build_info{version=\"test\"} 1\n"));
	b->attach = true;
	attached_wait(b, true, answer);
	assert_non_null(strstr(answer, "\r\nContent-Type: text/plain; version=0.0.4"));
	assert_non_null(strstr(answer,
		"# TYPE mailweir_connections_total counter\n"
		"# HELP mailweir_connections_total help of connections\n"
		"mailweir_connections_total{worker=\"0\"} 30\n"
		"mailweir_connections_total{worker=\"1\"} 10\n"));
	assert_non_null(strstr(answer, "\nmailweir_flows{worker=\"0\"} 7\n"));
	assert_non_null(strstr(answer, "# TYPE mailweir_longest_seconds gauge\n"));
	assert_non_null(strstr(answer, "\nmailweir_longest_seconds{worker=\"1\"} 2.5e-06\n"));
	assert_non_null(strstr(answer, "\nmailweir_connections_not_scanned_ratio 0.25\n"));
	assert_non_null(strstr(answer, "\nmailweir_not_scanned_ratio{reason=\"pass_tls\"} 0.25\n"));
	assert_null(strstr(answer, "mailweir_link_attached{")); // the data plane's of that name
	ask(b, OPENMETRICS_ASK, answer);
	assert_non_null(
		strstr(answer, "\r\nContent-Type: application/openmetrics-text; version=1.0.0"));
	assert_string_equal(answer + strlen(answer) - 7, "\n# EOF\n");
	b->attach = false;
	dp_drop(&b->dp);
	attached_wait(b, false, answer);
	assert_null(strstr(answer, "mailweir_connections_total"));
	b->attach = true;
	attached_wait(b, true, answer);
}

static void what_is_no_scrape_is_refused(void **state)
{
	static const struct {
		const char *name, *request, *want;
	} rows[] = {
		{"another path", "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 404 "},
		{"another method", "POST /metrics HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
			"HTTP/1.1 501 "},
		{"no HTTP", "quit\r\n\r\n", ""},
		{"a head alone", "HEAD /metrics HTTP/1.0\r\n\r\n", "HTTP/1.1 501 "},
	};
	static char answer[ANSWER_MAX];
	struct bench *b = *state;

	service_open(b);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ask(b, rows[i].request, answer);
		if (strncmp(answer, rows[i].want, strlen(rows[i].want)) != 0 ||
			strstr(answer, "mailweir_build") != NULL)
			fail_msg("%s: %.80s", rows[i].name, answer);
	}
}

// Trickles a byte now and then, so that no timeout of silence would end it.
static void clients_that_dawdle_are_cut_and_others_then_served(void **state)
{
	enum { CLIENTS = SERVE_HTTP_CLIENTS_MAX + 4 };
	static char answer[ANSWER_MAX];
	struct bench *b = *state;
	time_t end = time(NULL) + WAIT_S, next = 0;
	unsigned open = CLIENTS;
	int fd[CLIENTS];
	char byte;

	service_open(b);
	for (unsigned i = 0; i < CLIENTS; i++) {
		fd[i] = client(b->metrics);
		assert_int_equal(send(fd[i], "GET /", 5, MSG_NOSIGNAL), 5);
	}
	while (open > 4 && time(NULL) <= end) {
		turn(b);
		for (unsigned i = 0; i < CLIENTS; i++) {
			if (fd[i] < 0)
				continue;
			if (time(NULL) >= next)
				(void)send(fd[i], "m", 1, MSG_NOSIGNAL); // it may be cut by now
			if (recv(fd[i], &byte, 1, 0) == 0) {
				(void)close(fd[i]);
				fd[i] = -1;
				open--;
			}
		}
		next = time(NULL) >= next ? time(NULL) + 1 : next;
	}
	assert_true(open <= 4);
	for (unsigned i = 0; i < CLIENTS; i++) {
		if (fd[i] >= 0)
			(void)close(fd[i]);
	}
	attached_wait(b, false, answer);
}

static void loopback_serves_as_well(void **state)
{
	static char answer[ANSWER_MAX];
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(to);
	struct bench *b = *state;
	char where[32];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&to, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &n), 0);
	(void)close(fd); // its number is free now, and hardly anybody takes it so soon
	(void)snprintf(where, sizeof(where), "127.0.0.1:%u", ntohs(to.sin_port));
	b->boot->control.metrics = where;
	service_open(b);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, n), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(send(fd, OPENMETRICS_ASK, strlen(OPENMETRICS_ASK), MSG_NOSIGNAL),
		strlen(OPENMETRICS_ASK));
	take(b, fd, answer);
	assert_non_null(strstr(answer, "\n# EOF\n"));
	serve_free(b->serve);
	b->serve = NULL;
}

static void a_socket_that_cannot_be_is_named(void **state)
{
	struct bench *b = *state;
	struct err_list err;

	err_init(&err);
	b->boot->control.metrics = "/proc/none/metrics.sock";
	b->serve = serve_open(
		&(struct serve_conf){
			.loop = b->loop, .boot = b->boot, .file = "/none", .version = "test"},
		&err);
	assert_null(b->serve);
	assert_non_null(strstr(err.text[0], "/proc/none/metrics.sock"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		cmocka_unit_test(both_forms_are_as_their_texts_say),
		cmocka_unit_test(names_that_a_form_gives_a_meaning_are_no_names),
		T(a_scrape_is_whole_with_and_without_a_data_plane),
		T(what_is_no_scrape_is_refused),
		T(clients_that_dawdle_are_cut_and_others_then_served),
		T(loopback_serves_as_well),
		T(a_socket_that_cannot_be_is_named),
	};
	int rc = compile_child(argc, argv); // a compilation starts this program anew

	return rc >= 0 ? rc : cmocka_run_group_tests(tests, NULL, NULL);
}
