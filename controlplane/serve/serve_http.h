// SPDX-License-Identifier: BSD-3-Clause
// Metrics by HTTP: GET /metrics on a UNIX socket or on loopback, for whoever reaches it. It tells
// nothing about subscribers, takes nothing, and a client that dawdles is cut.
// Thread: the loop's.
#pragma once

#include "err.h"

struct serve;
struct serve_http;

enum {                               // of clients
	SERVE_HTTP_CLIENTS_MAX = 16, // at once; more wait in the backlog
	SERVE_HTTP_LIFE_S = 5,       // of a connection, whatever it does
};

// `where` is control.metrics: a path, or ADDRESS:PORT of loopback. `s` is borrowed until close.
// NULL with the reason in *err.
struct serve_http *serve_http_open(struct serve *s, const char *where, struct err_list *err);
void serve_http_close(struct serve_http *h); // NULL is fine
