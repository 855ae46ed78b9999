// SPDX-License-Identifier: BSD-3-Clause
// Runs the operator's program once a block: without a shell, without arguments, with the facts in its
// environment. At most so many a minute and at once; what is left out, fails or takes too long is counted and
// logged. Thread: the loop's.
#pragma once

#include <stdint.h>

struct core_loop;
struct serve_hook;

enum {
	SERVE_HOOK_ENV_MAX = 16,
	SERVE_HOOK_TEXT_MAX = 1100, // bytes of one NAME=value, NUL included; longer ones are cut
	SERVE_HOOK_RUN_MS = 10000,  // then it is killed, and what it started with it
};

struct serve_hook_counts {
	uint64_t runs, failed; // begun; not begun, killed, or with another status than 0
	uint64_t left_out;     // for the limits
	uint32_t running;
};

struct serve_hook *serve_hook_new(struct core_loop *loop); // NULL without memory
void serve_hook_free(struct serve_hook *h); // what runs goes on by itself; NULL is fine
// From now on. command "" = none.
void serve_hook_conf(struct serve_hook *h, const char *command, uint32_t per_min, uint32_t at_once);
// Runs it with these "NAME=value" (NULL at the end) and PATH.
void serve_hook_run(struct serve_hook *h, const char *const *env, uint32_t run_ms);
const struct serve_hook_counts *serve_hook_counts(const struct serve_hook *h);
