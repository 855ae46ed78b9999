// SPDX-License-Identifier: BSD-3-Clause
// A client of the JSON-RPC socket in the same thread as the server: turns the loop while it waits.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct event_base;

struct bench_client {
	int fd;
	char *in;          // everything read, NUL-terminated
	size_t in_n, in_cap;
	bool closed;       // by the server
};

// A fresh directory below /tmp into `dir` (64 bytes), and its removal with what is in it.
void bench_dir_make(char dir[64]);
void bench_dir_remove(const char *dir);

void bench_connect(struct bench_client *c, const char *path);
void bench_disconnect(struct bench_client *c);
// Sends all of it, turning the loop where the socket is full; false where the server closed.
bool bench_send(struct event_base *base, struct bench_client *c, const char *p, size_t n);
// Turns the loop until `lines` lines have come or the server closed; fails the test after 20 s.
void bench_lines(struct event_base *base, struct bench_client *c, unsigned lines);
// Turns the loop until nothing is ready any more.
void bench_settle(struct event_base *base, struct bench_client *c);
// The i-th line read; valid until the next read. NULL where there is none.
char *bench_line(const struct bench_client *c, unsigned i);
