// SPDX-License-Identifier: BSD-3-Clause
// Watching a compilation in a child process from the loop. Thread: the loop's.
#pragma once

#include "compile.h"

struct event_base;
struct serve_child;

// The job has ended: rc as compile_step's (never 0), *err with its errors. The job is still there to
// take from; it is freed, the child watcher with it, when the callback returns.
typedef void (*serve_child_cb)(void *arg, struct compile_job *job, int rc, struct err_list *err);

// Watches `job`, which belongs to the watcher from here on, also on failure. NULL without memory.
struct serve_child *serve_child_watch(struct event_base *base, struct compile_job *job,
	serve_child_cb done, void *arg);
// Kills and frees it without a callback; NULL is fine.
void serve_child_kill(struct serve_child *c);
