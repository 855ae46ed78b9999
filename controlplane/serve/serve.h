// SPDX-License-Identifier: BSD-3-Clause
// The control plane's service: JSON-RPC, event log and the policy in force, around the link to the
// data plane. main.c opens it, drops privileges, starts it and runs the loop.
// Thread: the loop's.
#pragma once

#include "cfg.h"
#include "err.h"

struct core_loop;
struct serve;

struct serve_conf {
	struct core_loop *loop;
	const struct cfg *boot;            // what the process started with; borrowed until serve_free
	const char *file;                  // the configuration given at start
	const char *version;               // of the program
};

// Opens what needs privileges: state directory, event log, RPC socket. Nothing answers yet, for the
// loop does not run. Files made here are handed to `control->user_controlplane`.
// NULL with the reason in *err.
struct serve *serve_open(const struct serve_conf *conf, struct err_list *err);
// Sets out: the revision to be in force, the link. 0, or -errno with the reason in *err.
int serve_start(struct serve *s, struct err_list *err);
// Commits the file given at start as it is now and opens the event log anew (SIGHUP).
void serve_reload(struct serve *s);
// Answers who waits, writes what is pending, closes everything; NULL is fine.
void serve_free(struct serve *s);
