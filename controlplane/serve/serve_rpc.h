// SPDX-License-Identifier: BSD-3-Clause
// JSON-RPC 2.0 on a UNIX stream socket, one JSON text a line: framing, batches, notifications,
// limits and who may connect. It knows no method: a table says what to run, and a method answers
// now or later. Nothing a client sends or leaves undone ends the server or makes it wait.
// Thread: the loop's; everything here is called there.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "api_rpc.h"
#include "err.h"

struct event_base;
struct serve_rpc;    // the listening socket and its clients
struct serve_call;   // one request, until it is answered
struct serve_client; // one connection

enum {
	SERVE_CLIENTS_MAX = 256,
	SERVE_CALLS_MAX = 256, // requests of one client not answered yet
	SERVE_BATCH_MAX = 1000,
};

// Runs a method. `params` is an object (empty where the request had none), borrowed for the call.
// The method answers `call` exactly once, now or later, by serve_call_result or serve_call_error.
typedef void (*serve_method_cb)(void *arg, struct serve_call *call, json_t *params);

struct serve_rpc_conf {
	struct event_base *base;
	const char *path;           // of the socket; a stale one is replaced, a live one refused
	const char *group; // whose members may connect besides uid 0 and our own; "" = none
	const serve_method_cb *run; // by enum api_rpc_id, API_RPC_COUNT of them
	void *arg;
};

// Opens the socket, mode 0660. NULL with the reason in *err.
struct serve_rpc *serve_rpc_open(const struct serve_rpc_conf *conf, struct err_list *err);
// Closes every client and removes the socket. Calls still open are answered into the void later.
void serve_rpc_close(struct serve_rpc *rpc);
unsigned serve_rpc_clients(const struct serve_rpc *rpc);

// Answers with a result (the reference is taken; NULL = out of memory, an internal error).
void serve_call_result(struct serve_call *call, json_t *result);
// Answers with an error; `data` is taken and may be NULL.
__attribute__((format(printf, 4, 5))) void serve_call_error(struct serve_call *call, int code,
	json_t *data, const char *fmt, ...);
// Who asks: the peer's user id.
uid_t serve_call_uid(const struct serve_call *call);

// Notifications to the client behind a call. The client is told once through `gone` when it leaves.
typedef void (*serve_gone_cb)(void *arg);
// NULL where the client has already left or follows something.
struct serve_client *serve_client_follow(struct serve_call *call, serve_gone_cb gone, void *arg);
// Queues one line (no newline in it). A client that reads too slowly is dropped, after the call.
void serve_client_line(struct serve_client *client, const char *line, size_t n);
void serve_client_unfollow(struct serve_client *client);
