// SPDX-License-Identifier: BSD-3-Clause
// A libevent event on a compile job's descriptor. Thread: the loop's.
#include "serve_child.h"

#include <stdlib.h>

#include <event2/event.h>

struct serve_child {
	struct compile_job *job;
	struct event *readable;
	serve_child_cb done;
	void *arg;
	struct err_list err;
};

void serve_child_kill(struct serve_child *c)
{
	if (c == NULL)
		return;
	if (c->readable != NULL)
		event_free(c->readable);
	compile_free(c->job);
	free(c);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct serve_child *c = arg;
	int rc = compile_step(c->job, &c->err);

	(void)fd, (void)what; // the job knows
	if (rc == 0)
		return;
	(void)event_del(c->readable); // cannot fail
	c->done(c->arg, c->job, rc, &c->err);
	serve_child_kill(c);
}

struct serve_child *serve_child_watch(
	struct event_base *base, struct compile_job *job, serve_child_cb done, void *arg)
{
	struct serve_child *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		compile_free(job);
		return NULL;
	}
	c->job = job;
	c->done = done;
	c->arg = arg;
	err_init(&c->err);
	c->readable = event_new(base, compile_fd(job), EV_READ | EV_PERSIST, on_readable, c);
	if (c->readable != NULL && event_add(c->readable, NULL) == 0)
		return c;
	serve_child_kill(c);
	return NULL;
}
