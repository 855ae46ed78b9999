// SPDX-License-Identifier: BSD-3-Clause
// The seam between connections (serve_rpc.c) and what their lines mean (serve_call.c); used by
// these two only. Thread: the loop's.
#pragma once

#include "serve_rpc.h"

// Takes one line: parses it, runs what it asks, answers errors.
void serve_call_text(struct serve_client *client, const char *line, size_t n);
// The answer to what is no request: an error without an id, no newline. free() it; NULL without
// memory.
char *serve_error_text(int code, const char *why);

// The method behind an id with its argument.
serve_method_cb serve_client_method(const struct serve_client *client, enum api_rpc_id id,
	void **arg);
uid_t serve_client_uid(const struct serve_client *client);
// A call keeps its client's memory; false where the client has too many calls open.
bool serve_client_hold(struct serve_client *client);
void serve_client_put(struct serve_client *client);
// Sets or clears (NULL) who hears that the client left; false where it has left already.
bool serve_client_gone_set(struct serve_client *client, serve_gone_cb gone, void *arg);
