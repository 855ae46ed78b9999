// SPDX-License-Identifier: BSD-3-Clause
// The control plane's event loop: timers and signals on libevent. Whoever needs sockets or buffers
// takes the event base and uses libevent itself. SIGPIPE is ignored from core_loop_new on.
// Thread: everything on the thread that runs the loop.
#pragma once

#include <stdint.h>

struct event_base;
struct core_loop;
struct core_timer;
struct core_signal;

typedef void (*core_timer_cb)(void *arg);
typedef void (*core_signal_cb)(int signo, void *arg);

// NULL with errno. Free it last: timers, signals and links of the loop go before it.
struct core_loop *core_loop_new(void);
void core_loop_free(struct core_loop *l);
struct event_base *core_loop_base(struct core_loop *l); // borrowed
// Runs until core_loop_stop. 0 or -errno.
int core_loop_run(struct core_loop *l);
// Handles what is ready now, waiting at most `wait_ms` for something; for tests and orderly ends.
int core_loop_turn(struct core_loop *l, uint32_t wait_ms);
void core_loop_stop(struct core_loop *l);

// Monotonic clock in microseconds.
uint64_t core_now_us(void);

// A timer at rest. NULL with errno.
struct core_timer *core_timer_new(struct core_loop *l, core_timer_cb cb, void *arg);
int core_timer_once(struct core_timer *t, uint32_t ms); // (re)starts it; 0 or -errno
void core_timer_free(struct core_timer *t); // NULL is fine; allowed within its own callback

// Calls `cb` on the loop, not in signal context. NULL with errno.
struct core_signal *core_signal_new(struct core_loop *l, int signo, core_signal_cb cb, void *arg);
void core_signal_free(struct core_signal *s); // NULL is fine
