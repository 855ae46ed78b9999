// SPDX-License-Identifier: BSD-3-Clause
// What a line means in JSON-RPC 2.0 (jsonrpc.org/specification, sections 4 to 6): requests,
// notifications and batches, and how an answer is put together when methods answer later and out
// of order. An answer to a batch leaves when its last call is answered.
// Thread: the loop's.
#include "serve_call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "panic.h"
#include "text.h"

enum { MESSAGE_MAX = 512 };

struct batch {
	json_t *answers;  // array
	unsigned pending; // calls not answered, plus one while the batch is read
	struct serve_client *client;
};

struct serve_call {
	struct serve_client *client; // held
	struct batch *batch;         // NULL = a request of its own
	json_t *id;                  // NULL = a notification: no answer leaves
};

char *serve_error_text(int code, const char *why)
{
	json_t *answer = json_pack("{s:s,s:{s:i,s:s},s:n}", "jsonrpc", "2.0", "error", "code", code,
		"message", why, "id");
	char *text = answer == NULL ? NULL : json_dumps(answer, JSON_COMPACT);

	json_decref(answer);
	return text;
}

static void answer_send(struct serve_client *client, json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT);

	json_decref(answer);
	if (text == NULL) // out of memory: the client hears nothing and may ask again
		return;
	serve_client_line(client, text, strlen(text));
	free(text);
}

static void batch_put(struct batch *b)
{
	if (--b->pending > 0)
		return;
	if (json_array_size(b->answers) > 0)
		answer_send(b->client, b->answers);
	else // only notifications: section 6 forbids an empty answer
		json_decref(b->answers);
	free(b);
}

static void answer_give(struct serve_client *client, struct batch *b, json_t *answer)
{
	if (b == NULL)
		answer_send(client, answer);
	else // fails without memory only: then this answer is missing
		(void)json_array_append_new(b->answers, answer);
}

// A text for JSON whatever its bytes are.
static json_t *text_json(const char *text)
{
	char escaped[MESSAGE_MAX];
	json_t *j = json_string(text);

	return j != NULL ? j : json_string(text_escape(span_str(text), escaped, sizeof(escaped)));
}

static json_t *error_make(json_t *id, int code, json_t *data, const char *text)
{
	json_t *error = json_pack("{s:i,s:o}", "code", code, "message", text_json(text));

	if (data != NULL)
		(void)json_object_set_new(
			error, "data", data); // without memory: an error without data
	return json_pack("{s:s,s:o,s:o}", "jsonrpc", "2.0", "error", error, "id",
		id != NULL ? json_incref(id) : json_null());
}

// Hands an answer to where it belongs and ends the call.
static void call_end(struct serve_call *call, json_t *answer)
{
	struct serve_client *client = call->client;
	struct batch *b = call->batch;

	if (call->id != NULL && answer != NULL)
		answer_give(client, b, answer);
	else
		json_decref(answer);
	json_decref(call->id);
	free(call);
	if (b != NULL)
		batch_put(b);
	serve_client_put(client);
}

void serve_call_result(struct serve_call *call, json_t *result)
{
	if (result == NULL) {
		serve_call_error(call, API_RPC_ERR_INTERNAL, NULL, "out of memory");
		return;
	}
	json_t *answer =
		json_pack("{s:s,s:o,s:O*}", "jsonrpc", "2.0", "result", result, "id", call->id);
	call_end(call, answer);
}

void serve_call_error(struct serve_call *call, int code, json_t *data, const char *fmt, ...)
{
	char text[MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); // cut where longer
	va_end(ap);
	call_end(call, error_make(call->id, code, data, text));
}

uid_t serve_call_uid(const struct serve_call *call)
{
	return serve_client_uid(call->client);
}

struct serve_client *serve_client_follow(struct serve_call *call, serve_gone_cb gone, void *arg)
{
	ASSERT(gone != NULL);
	return serve_client_gone_set(call->client, gone, arg) ? call->client : NULL;
}

void serve_client_unfollow(struct serve_client *client)
{
	(void)serve_client_gone_set(client, NULL, NULL); // one that left follows nothing already
}

static void error_give(
	struct serve_client *client, struct batch *b, json_t *id, int code, const char *text)
{
	answer_give(client, b, error_make(id, code, NULL, text));
}

static const char *request_fault(const json_t *req, const json_t *id, const json_t *params)
{
	const char *version = json_string_value(json_object_get(req, "jsonrpc"));

	if (!json_is_object(req))
		return "a request is an object";
	if (version == NULL || strcmp(version, "2.0") != 0)
		return "jsonrpc is not \"2.0\"";
	if (id != NULL && !json_is_string(id) && !json_is_number(id) && !json_is_null(id))
		return "id is neither string nor number";
	if (!json_is_string(json_object_get(req, "method")))
		return "method is not a string";
	if (params != NULL && !json_is_object(params) && !json_is_array(params))
		return "params is neither object nor array";
	return NULL;
}

// Runs a well-formed request.
static void request_run(struct serve_client *client, struct batch *b, enum api_rpc_id method,
	json_t *id, json_t *params)
{
	struct serve_call *call;
	json_t *none = NULL;
	void *arg;

	call = calloc(1, sizeof(*call));
	if (call == NULL || !serve_client_hold(client)) {
		free(call);
		if (id != NULL)
			error_give(client, b, id, API_RPC_ERR_BUSY,
				"too many requests not answered yet");
		return;
	}
	call->client = client;
	call->batch = b;
	call->id = json_incref(id);
	if (b != NULL)
		b->pending++;
	serve_method_cb run = serve_client_method(client, method, &arg);
	if (params == NULL)
		params = none = json_object();
	if (params == NULL)
		serve_call_error(call, API_RPC_ERR_INTERNAL, NULL, "out of memory");
	else
		run(arg, call, params);
	json_decref(none);
}

static void request_take(struct serve_client *client, struct batch *b, json_t *req)
{
	json_t *id = json_object_get(req, "id"), *params = json_object_get(req, "params");
	const char *fault = request_fault(req, id, params), *name;
	bool id_ok = json_is_string(id) || json_is_number(id);
	enum api_rpc_id method;

	if (fault != NULL) { // section 5: null where the id could not be told
		error_give(client, b, id_ok ? id : NULL, API_RPC_ERR_REQUEST, fault);
		return;
	}
	name = json_string_value(json_object_get(req, "method"));
	method = api_rpc_find(name);
	if (method == API_RPC_COUNT || json_is_array(params)) {
		if (id == NULL)
			return;
		if (method == API_RPC_COUNT)
			error_give(client, b, id, API_RPC_ERR_METHOD, "no such method");
		else
			error_give(
				client, b, id, API_RPC_ERR_PARAMS, "params go by name: an object");
		return;
	}
	request_run(client, b, method, id, params);
}

static void batch_take(struct serve_client *client, json_t *list)
{
	struct batch *b;
	json_t *req;
	size_t i, n = json_array_size(list);
	char text[MESSAGE_MAX];

	if (n == 0 || n > SERVE_BATCH_MAX) {
		(void)snprintf(
			text, sizeof(text), "more than %d requests in a batch", SERVE_BATCH_MAX);
		error_give(client, NULL, NULL, API_RPC_ERR_REQUEST, n == 0 ? "empty batch" : text);
		return;
	}
	b = calloc(1, sizeof(*b));
	if (b != NULL)
		b->answers = json_array();
	if (b == NULL || b->answers == NULL) {
		free(b);
		error_give(client, NULL, NULL, API_RPC_ERR_INTERNAL, "out of memory");
		return;
	}
	b->client = client;
	b->pending = 1;
	json_array_foreach(list, i, req) request_take(client, b, req);
	batch_put(b);
}

static bool line_blank(const char *line, size_t n)
{
	size_t i = 0;

	while (i < n && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r'))
		i++;
	return i == n;
}

void serve_call_text(struct serve_client *client, const char *line, size_t n)
{
	char text[MESSAGE_MAX];
	json_error_t why;
	json_t *j;

	if (line_blank(line, n)) // nobody's request
		return;
	j = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (j == NULL) {
		(void)snprintf(
			text, sizeof(text), "parse error at byte %d: %s", why.position, why.text);
		error_give(client, NULL, NULL, API_RPC_ERR_PARSE, text);
	} else if (json_is_array(j)) {
		batch_take(client, j);
	} else {
		request_take(client, NULL, j);
	}
	json_decref(j);
}
