// SPDX-License-Identifier: BSD-3-Clause
// The listening socket's file and who may use it. Thread: the loop's.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

// Takes an advisory lock on `path` (made where it is not there). Returns the descriptor, to be kept
// open as long as the lock is wanted, or -errno: -EBUSY where another process has it.
int serve_lock(const char *path);

struct serve_sock {
	int fd, lock_fd;
	gid_t gid; // whose members may connect; -1 = no group
};

// Listens on `path` with mode 0660 and `group` ("" = unchanged) under the lock "path.lock". What a
// killed process left there is replaced. 0, or -errno with the reason in *err.
int serve_sock_listen(struct serve_sock *sock, const char *path, const char *group,
	struct err_list *err);
// Closes it, removes its file and gives the lock back.
void serve_sock_close(struct serve_sock *sock, const char *path);

// True for uid 0, our own uid, and processes that have `gid` (-1 = no group) as their own or as a
// supplementary group. The kernel says so at connect: a later change of groups doesn't count.
bool serve_sock_peer(int fd, gid_t gid, uid_t *uid);
