// SPDX-License-Identifier: BSD-3-Clause
// Files that outlive the process: the state directory is whole at any moment and belongs to one; the
// event log loses nothing it need not, and waits for nobody.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "api_rpc.h"
#include "log.h"
#include "serve_bench.h"
#include "serve_events.h"
#include "serve_line.h"
#include "serve_store.h"
#include "text.h"

struct bench {
	char dir[64], path[96];
	int daemon; // socket of a syslog daemon
	struct event_base *base;
	struct err_list err;
};

static void quiet(enum log_level level, const char *line, void *arg)
{
	(void)level, (void)line, (void)arg;
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	log_sink_set(quiet, NULL);
	(void)signal(SIGPIPE, SIG_IGN); // as core_loop_new does
	bench_dir_make(b->dir);
	(void)snprintf(b->path, sizeof(b->path), "%s/x", b->dir);
	b->base = event_base_new();
	err_init(&b->err);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	event_base_free(b->base);
	bench_dir_remove(b->dir);
	free(b);
	return 0;
}

static char *content(const char *path, size_t *n)
{
	char *text = NULL;

	return serve_file_read(path, &text, n) == 0 ? text : NULL;
}

static bool stored(struct serve_store *st, enum serve_file f, uint64_t revision, const char *want)
{
	char *text;
	size_t n;
	bool same;

	if (serve_store_read(st, f, revision, &text, &n) != 0)
		return want == NULL;
	same = want != NULL && n == strlen(want) && memcmp(text, want, n) == 0;
	free(text);
	return same;
}

static int put(struct serve_store *st, enum serve_file f, uint64_t revision, const char *text)
{
	return serve_store_write(
		st, f, revision, (struct serve_blob[]){{text, 1}, {text + 1, strlen(text + 1)}}, 2);
}

static void touch(struct bench *b, const char *name)
{
	char path[160];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", b->path, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
}

static bool is_there(struct bench *b, const char *name)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s", b->path, name);
	return access(path, F_OK) == 0;
}

// State directory.

static void a_file_is_the_old_one_or_the_new_one_whole(void **state)
{
	struct bench *b = *state;
	struct serve_store *st = serve_store_open(b->path, &b->err);
	char path[160];

	assert_non_null(st);
	assert_int_equal(put(st, SERVE_FILE_HEAD, 0, "head"), 0);
	assert_int_equal(put(st, SERVE_FILE_REVISION, 7, "text"), 0);
	assert_true(stored(st, SERVE_FILE_HEAD, 0, "head"));
	assert_true(stored(st, SERVE_FILE_REVISION, 7, "text"));
	assert_true(stored(st, SERVE_FILE_IMAGE, 7, NULL));
	assert_int_equal(put(st, SERVE_FILE_HEAD, 0, "newer"), 0);
	assert_true(stored(st, SERVE_FILE_HEAD, 0, "newer"));
	// No place for the new one: the old one stays.
	(void)snprintf(path, sizeof(path), "%s/revision.json.new", b->path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(put(st, SERVE_FILE_HEAD, 0, "newest"), -EISDIR);
	assert_true(stored(st, SERVE_FILE_HEAD, 0, "newer"));
	assert_int_equal(serve_store_remove(st, SERVE_FILE_REVISION, 7), 0);
	assert_int_equal(serve_store_remove(st, SERVE_FILE_REVISION, 7), 0);
	assert_true(stored(st, SERVE_FILE_REVISION, 7, NULL));
	serve_store_close(st);
}

static void what_a_killed_process_was_writing_is_removed(void **state)
{
	struct bench *b = *state;
	struct serve_store *st = serve_store_open(b->path, &b->err);

	assert_int_equal(put(st, SERVE_FILE_REVISION, 1, "kept"), 0);
	serve_store_close(st);
	touch(b, "revision.json.new");
	touch(b, "revisions/0000000002.revision.new");
	st = serve_store_open(b->path, &b->err);
	assert_false(is_there(b, "revision.json.new"));
	assert_false(is_there(b, "revisions/0000000002.revision.new"));
	assert_true(stored(st, SERVE_FILE_REVISION, 1, "kept"));
	serve_store_close(st);
}

static void count_odd(void *arg, const char *name)
{
	(void)name;
	++*(unsigned *)arg;
}

static void revisions_are_listed_in_order_and_odd_names_told(void **state)
{
	static const uint64_t want[] = {2, 9, 10, 12345678901};
	struct bench *b = *state;
	struct serve_store *st = serve_store_open(b->path, &b->err);
	uint64_t *numbers;
	unsigned odd = 0;
	size_t n;

	for (int i = 3; i >= 0; i--)
		assert_int_equal(put(st, SERVE_FILE_REVISION, want[i], "x"), 0);
	assert_int_equal(put(st, SERVE_FILE_IMAGE, 10, "x"), 0);
	touch(b, "revisions/10.revision"); // none of our names
	touch(b, "revisions/0000000010.revision~");
	touch(b, "revisions/README");
	assert_int_equal(
		serve_store_list(st, SERVE_FILE_REVISION, &numbers, &n, count_odd, &odd), 0);
	assert_int_equal(n, 4);
	assert_memory_equal(numbers, want, sizeof(want));
	assert_int_equal(odd, 3);
	free(numbers);
	assert_int_equal(serve_store_list(st, SERVE_FILE_IMAGE, &numbers, &n, NULL, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(numbers[0], 10);
	free(numbers);
	serve_store_close(st);
}

static void a_state_directory_has_one_owner_and_outlives_its_death(void **state)
{
	struct bench *b = *state;
	struct serve_store *st = serve_store_open(b->path, &b->err);
	int status, pid = fork();

	if (pid == 0)
		_exit(serve_store_open(b->path, &b->err) == NULL &&
					strstr(b->err.text[0], "another control plane") != NULL
				? 0
				: 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	serve_store_close(st);
	pid = fork();
	if (pid == 0)
		_exit(serve_store_open(b->path, &b->err) != NULL ? 0 : 1); // dies with the lock
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	st = serve_store_open(b->path, &b->err);
	assert_non_null(st);
	serve_store_close(st);
}

static void a_directory_that_cannot_be_is_named(void **state)
{
	struct bench *b = *state;

	assert_null(serve_store_open("/proc/none/such", &b->err));
	assert_non_null(strstr(b->err.text[0], "/proc/none/such"));
}

// Event log.

static void add(struct serve_events *ev, uint64_t session)
{
	struct api_record r = {.kind = API_REC_SESSION, .session = session};

	serve_events_add(ev, &r, &(struct serve_event_names){0});
}

static size_t lines_in(const char *path)
{
	size_t n, lines = 0;
	char *text = content(path, &n);

	for (size_t i = 0; text != NULL && i < n; i++)
		lines += text[i] == '\n';
	free(text);
	return lines;
}

static void turn(struct bench *b)
{
	(void)event_base_loop(b->base, EVLOOP_NONBLOCK);
}

static void lines_are_appended_and_a_torn_one_is_ended(void **state)
{
	struct bench *b = *state;
	struct serve_events *ev;
	size_t n;
	char *text;
	FILE *f = fopen(b->path, "w");

	assert_true(fputs("whole\ntor", f) >= 0); // a crash amid a line
	assert_int_equal(fclose(f), 0);
	ev = serve_events_open(b->base, b->path, &b->err);
	assert_non_null(ev);
	add(ev, 1);
	turn(b);
	assert_int_equal(lines_in(b->path), 3);
	text = content(b->path, &n);
	assert_int_equal(strncmp(text, "whole\ntor\n{\"time\"", 17), 0);
	free(text);
	add(ev, 2);
	serve_events_close(ev); // writes what waits
	assert_int_equal(lines_in(b->path), 4);
}

static void a_rotated_file_is_left_and_a_new_one_begun(void **state)
{
	struct bench *b = *state;
	struct serve_events *ev = serve_events_open(b->base, b->path, &b->err);
	char old[128];

	(void)snprintf(old, sizeof(old), "%s.1", b->path);
	add(ev, 1);
	turn(b);
	assert_int_equal(rename(b->path, old), 0);
	add(ev, 2);
	turn(b);
	assert_int_equal(serve_events_reopen(ev), 0);
	add(ev, 3);
	turn(b);
	assert_int_equal(lines_in(old), 2);
	assert_int_equal(lines_in(b->path), 1);
	assert_int_equal(unlink(b->path), 0);
	assert_int_equal(mkdir(b->path, 0700), 0);
	assert_int_not_equal(serve_events_reopen(ev), 0); // the old one goes on
	add(ev, 4);
	serve_events_close(ev);
	assert_int_equal(rmdir(b->path), 0);
}

static void nothing(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

// Adds a line now and then until one of them came to where it belongs.
static void add_until(struct bench *b, struct serve_events *ev, bool (*came)(struct bench *b))
{
	const struct timeval step = {.tv_usec = 50000};

	for (unsigned i = 0; i < 1200; i++) { // a minute
		add(ev, 9);
		turn(b);
		if (came(b))
			return;
		assert_int_equal(event_base_once(b->base, -1, EV_TIMEOUT, nothing, NULL, &step), 0);
		(void)event_base_loop(b->base, EVLOOP_ONCE);
	}
	fail_msg("no line came");
}

static bool file_is_there(struct bench *b)
{
	return lines_in(b->path) > 0;
}

static void a_file_moved_away_is_begun_anew_by_itself(void **state)
{
	struct bench *b = *state;
	struct serve_events *ev = serve_events_open(b->base, b->path, &b->err);
	char old[128];

	(void)snprintf(old, sizeof(old), "%s.1", b->path);
	add(ev, 1);
	turn(b);
	assert_int_equal(rename(b->path, old), 0);
	add_until(b, ev, file_is_there);
	assert_int_equal(unlink(b->path), 0); // or deleted
	add_until(b, ev, file_is_there);
	serve_events_close(ev);
}

// A daemon's socket.
static int syslog_bind(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)text_copy(name.sun_path, sizeof(name.sun_path), path);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	return fd;
}

static bool daemon_heard(struct bench *b)
{
	char byte;

	return recv(b->daemon, &byte, 1, 0) > 0;
}

static void syslog_gets_each_line_and_holds_nothing_up(void **state)
{
	struct bench *b = *state;
	struct serve_events *ev = serve_events_open(b->base, "", &b->err);
	struct serve_events_state st;
	char line[SERVE_EVENT_MAX];
	ssize_t n;

	b->daemon = syslog_bind(b->path);
	assert_int_equal(serve_events_syslog(ev, b->path), 0);
	add(ev, 1);
	n = recv(b->daemon, line, sizeof(line) - 1, 0);
	assert_true(n > 0);
	line[n] = '\0';
	assert_int_equal(strncmp(line, "<22>mailweir-controlplane[", 26), 0); // mail, info
	assert_non_null(strstr(line, "]: {\"time\":"));
	assert_int_equal(line[n - 1], '}');
	for (unsigned i = 0; i < 10000; i++) // more than a socket holds
		add(ev, 2);
	serve_events_state(ev, &st);
	assert_true(st.syslog_lost > 0);
	assert_int_equal(st.syslog_sent + st.syslog_lost, 10001);
	(void)close(b->daemon); // it is started anew
	assert_int_equal(unlink(b->path), 0);
	b->daemon = syslog_bind(b->path);
	add_until(b, ev, daemon_heard);
	(void)close(b->daemon);
	serve_events_close(ev);
}

static void a_full_disk_is_counted_and_the_ring_goes_on(void **state)
{
	struct bench *b = *state;
	struct serve_events *ev = serve_events_open(b->base, "/dev/full", &b->err);
	struct serve_events_state st;
	json_t *last;

	assert_non_null(ev);
	for (unsigned i = 1; i <= 20000; i++) {
		add(ev, i);
		if (i % 100 == 0)
			turn(b);
	}
	serve_events_state(ev, &st);
	assert_int_equal(st.written, 0);
	assert_int_equal(st.error, ENOSPC);
	assert_true(st.lost > 15000); // a MiB of some 400 bytes a line waits, the rest is lost
	last = serve_events_last(ev, API_RPC_TAIL_MAX);
	assert_int_equal(json_array_size(last), API_RPC_TAIL_MAX);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(last, 999), "session")),
		"0000000000jh0"); // 20000
	json_decref(last);
	last = serve_events_last(ev, 2);
	assert_int_equal(json_array_size(last), 2);
	json_decref(last);
	serve_events_close(ev);
}

static void a_pipe_that_nobody_reads_holds_nothing_up(void **state)
{
	struct bench *b = *state;
	struct serve_events *ev;
	struct serve_events_state st;
	char buf[4096];
	size_t got = 0;
	ssize_t k;
	int fd;

	assert_int_equal(mkfifo(b->path, 0600), 0);
	fd = open(b->path, O_RDONLY | O_NONBLOCK);
	ev = serve_events_open(b->base, b->path, &b->err);
	assert_non_null(ev);
	for (unsigned i = 1; i <= 10000; i++) {
		add(ev, i);
		if (i % 100 == 0)
			turn(b);
	}
	serve_events_state(ev, &st);
	assert_true(st.lost > 0);
	assert_int_equal(st.error, 0); // slow, not broken
	while ((k = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < k; i++)
			got += buf[i] == '\n';
	}
	assert_true(got > 0 && got == st.written);
	serve_events_close(ev);
	(void)close(fd);
}

static void a_log_that_cannot_be_opened_is_named(void **state)
{
	struct bench *b = *state;

	assert_null(serve_events_open(b->base, "/proc/none/such.log", &b->err));
	assert_non_null(strstr(b->err.text[0], "/proc/none/such.log"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_file_is_the_old_one_or_the_new_one_whole),
		T(what_a_killed_process_was_writing_is_removed),
		T(revisions_are_listed_in_order_and_odd_names_told),
		T(a_state_directory_has_one_owner_and_outlives_its_death),
		T(a_directory_that_cannot_be_is_named),
		T(lines_are_appended_and_a_torn_one_is_ended),
		T(a_rotated_file_is_left_and_a_new_one_begun),
		T(a_file_moved_away_is_begun_anew_by_itself),
		T(syslog_gets_each_line_and_holds_nothing_up),
		T(a_full_disk_is_counted_and_the_ring_goes_on),
		T(a_pipe_that_nobody_reads_holds_nothing_up),
		T(a_log_that_cannot_be_opened_is_named),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
