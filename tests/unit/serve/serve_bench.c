// SPDX-License-Identifier: BSD-3-Clause
// The client of the benches. Thread: one.
#include "serve_bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "text.h"

enum { WAIT_S = 60, STEP = 256 << 10 };

void bench_dir_make(char dir[64])
{
	(void)snprintf(dir, 64, "/tmp/mailweir-serve-XXXXXX");
	assert_non_null(mkdtemp(dir));
}

void bench_dir_remove(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char path[512];

	while (d != NULL && (e = readdir(d)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlink(path) < 0)
			bench_dir_remove(path);
	}
	if (d != NULL)
		closedir(d);
	(void)rmdir(dir);
}

void bench_connect(struct bench_client *c, const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	*c = (struct bench_client){0};
	(void)text_copy(name.sun_path, sizeof(name.sun_path), path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(c->fd >= 0);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
	c->in_cap = STEP;
	c->in = calloc(1, c->in_cap + 1);
	assert_non_null(c->in);
}

void bench_disconnect(struct bench_client *c)
{
	(void)close(c->fd);
	free(c->in);
}

// Bytes read now, 0 where there were none.
static size_t take(struct bench_client *c)
{
	ssize_t k;

	if (c->in_cap - c->in_n < STEP) {
		c->in_cap *= 2;
		c->in = realloc(c->in, c->in_cap + 1);
		assert_non_null(c->in);
	}
	k = recv(c->fd, c->in + c->in_n, c->in_cap - c->in_n, 0);
	if (k == 0 || (k < 0 && errno != EAGAIN))
		c->closed = true;
	if (k <= 0)
		return 0;
	c->in_n += (size_t)k;
	c->in[c->in_n] = '\0';
	return (size_t)k;
}

bool bench_send(struct event_base *base, struct bench_client *c, const char *p, size_t n)
{
	time_t end = time(NULL) + WAIT_S;

	while (n > 0) {
		ssize_t k = send(c->fd, p, n, MSG_NOSIGNAL);

		if (k < 0 && errno != EAGAIN)
			return false;
		if (k < 0)
			(void)event_base_loop(base, EVLOOP_NONBLOCK);
		else {
			p += k;
			n -= (size_t)k;
		}
		assert_true(time(NULL) <= end);
	}
	return true;
}

static unsigned lines_in(const struct bench_client *c)
{
	unsigned n = 0;

	for (size_t i = 0; i < c->in_n; i++)
		n += c->in[i] == '\n';
	return n;
}

void bench_lines(struct event_base *base, struct bench_client *c, unsigned lines)
{
	time_t end = time(NULL) + WAIT_S;

	while (!c->closed && lines_in(c) < lines) {
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
		(void)take(c);
		assert_true(time(NULL) <= end);
	}
}

void bench_settle(struct event_base *base, struct bench_client *c)
{
	for (unsigned quiet = 0; quiet < 3; quiet++) {
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
		if (!c->closed && take(c) > 0)
			quiet = 0;
	}
}

char *bench_line(const struct bench_client *c, unsigned i)
{
	char *p = c->in;

	for (; i > 0 && p != NULL; i--) {
		p = strchr(p, '\n');
		p = p == NULL ? NULL : p + 1;
	}
	return p != NULL && *p != '\0' ? p : NULL;
}
