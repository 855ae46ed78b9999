// SPDX-License-Identifier: BSD-3-Clause
// The event loop: a thin coat over libevent, so that the rest of the control plane has one way to
// start a timer and one clock. Timers run on the monotonic clock.
// Thread: the loop's.
#include "core_loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include <event2/event.h>

#include "panic.h"

struct core_loop {
	struct event_base *base;
	struct event *turn_end; // bounds the wait of core_loop_turn
};

struct core_timer {
	struct event *ev;
	core_timer_cb cb;
	void *arg;
};

struct core_signal {
	struct event *ev;
	core_signal_cb cb;
	void *arg;
	int signo;
};

static void turn_is_over(evutil_socket_t, short, void *)
{
	// Nothing to do: that it fired ends the wait.
}

struct core_loop *core_loop_new(void)
{
	struct core_loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->base = event_base_new();
	l->turn_end = l->base == NULL ? NULL : evtimer_new(l->base, turn_is_over, NULL);
	if (l->turn_end == NULL) {
		core_loop_free(l);
		errno = ENOMEM;
		return NULL;
	}
	// A peer that closes its socket is an error of that write, not the end of the process.
	(void)signal(SIGPIPE, SIG_IGN); // fails only for an invalid number
	return l;
}

void core_loop_free(struct core_loop *l)
{
	if (l == NULL)
		return;
	if (l->turn_end != NULL)
		event_free(l->turn_end);
	if (l->base != NULL)
		event_base_free(l->base);
	free(l);
}

struct event_base *core_loop_base(struct core_loop *l)
{
	return l->base;
}

int core_loop_run(struct core_loop *l)
{
	return event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0 ? -EIO : 0;
}

int core_loop_turn(struct core_loop *l, uint32_t wait_ms)
{
	struct timeval tv = {.tv_sec = wait_ms / 1000, .tv_usec = (wait_ms % 1000) * 1000L};
	int rc;

	if (event_add(l->turn_end, &tv) < 0)
		return -ENOMEM;
	rc = event_base_loop(l->base, EVLOOP_ONCE);
	(void)event_del(l->turn_end); // no failure for an event of ours
	return rc < 0 ? -EIO : 0;
}

void core_loop_stop(struct core_loop *l)
{
	(void)event_base_loopbreak(l->base); // fails only without a base
}

uint64_t core_now_us(void)
{
	struct timespec ts;

	ASSERT(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void timer_fired(evutil_socket_t, short, void *arg)
{
	struct core_timer *t = arg;

	t->cb(t->arg); // may start or free it
}

struct core_timer *core_timer_new(struct core_loop *l, core_timer_cb cb, void *arg)
{
	struct core_timer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	*t = (struct core_timer){.cb = cb, .arg = arg};
	t->ev = evtimer_new(l->base, timer_fired, t);
	if (t->ev == NULL) {
		free(t);
		errno = ENOMEM;
		return NULL;
	}
	return t;
}

int core_timer_once(struct core_timer *t, uint32_t ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000L};

	return event_add(t->ev, &tv) < 0 ? -ENOMEM : 0;
}

void core_timer_free(struct core_timer *t)
{
	if (t == NULL)
		return;
	event_free(t->ev);
	free(t);
}

static void signal_came(evutil_socket_t, short, void *arg)
{
	struct core_signal *s = arg;

	s->cb(s->signo, s->arg);
}

struct core_signal *core_signal_new(struct core_loop *l, int signo, core_signal_cb cb, void *arg)
{
	struct core_signal *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	*s = (struct core_signal){.cb = cb, .arg = arg, .signo = signo};
	s->ev = evsignal_new(l->base, signo, signal_came, s);
	if (s->ev == NULL || event_add(s->ev, NULL) < 0) {
		core_signal_free(s);
		errno = ENOMEM;
		return NULL;
	}
	return s;
}

void core_signal_free(struct core_signal *s)
{
	if (s == NULL)
		return;
	if (s->ev != NULL)
		event_free(s->ev);
	free(s);
}
