// SPDX-License-Identifier: BSD-3-Clause
// The client's side of JSON-RPC: connect, one line out, lines in. Errors become a line on standard
// error and an exit status. A control plane that is stopped takes connections and says nothing: nothing
// here waits for ever, and long only for one that has just answered. Thread: the program's only one.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli.h"
#include "text.h"

enum { READ_STEP = 64 << 10 };

// Methods that compile, or search the log's old files.
static const bool is_slow[API_RPC_COUNT] = {[API_RPC_CONFIG_CHECK] = true,
	[API_RPC_CONFIG_COMMIT] = true,
	[API_RPC_CONFIG_CONFIRM] = true,
	[API_RPC_CONFIG_REVERT] = true,
	[API_RPC_CONFIG_IMPORT] = true,
	[API_RPC_CONFIG_SHADOW] = true,
	[API_RPC_RULES_CHECK] = true,
	[API_RPC_RULES_ADD] = true,
	[API_RPC_RULES_DEL] = true,
	[API_RPC_POLICIES_ADD] = true,
	[API_RPC_POLICIES_INSERT] = true,
	[API_RPC_POLICIES_SET] = true,
	[API_RPC_POLICIES_DEL] = true,
	[API_RPC_POLICIES_ENABLE] = true,
	[API_RPC_POLICIES_DISABLE] = true,
	[API_RPC_POLICIES_MOVE] = true,
	[API_RPC_EXPLAIN_GET] = true};

static int failed(const struct cli *c, const char *what)
{
	(void)fprintf(stderr, "mailweirctl: %s: %s\n", c->socket, what);
	return CLI_FAILED;
}

static void wait_set(const struct cli *c, unsigned ms)
{
	const struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000L};

	(void)setsockopt(
		c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)); // else it waits longer
	(void)setsockopt(
		c->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)); // as above; connect(), too
}

static int silent(const struct cli *c, unsigned ms)
{
	(void)fprintf(stderr, "mailweirctl: %s: the control plane does not answer; waited %u s\n",
		c->socket, (ms + 999) / 1000);
	return CLI_FAILED;
}

static int cli_connect(struct cli *c)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int rc;

	if (c->fd >= 0)
		return CLI_OK;
	if (text_copy(name.sun_path, sizeof(name.sun_path), c->socket) >= sizeof(name.sun_path))
		return failed(c, "name too long for a socket");
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return failed(c, strerror(errno));
	wait_set(c, c->quick_ms);
	rc = connect(c->fd, (struct sockaddr *)&name, sizeof(name)) == 0 ? 0 : errno;
	if (rc == 0)
		return CLI_OK;
	cli_close(c);
	if (rc == EAGAIN) // so many wait already
		return silent(c, c->quick_ms);
	if (rc == ENOENT || rc == ECONNREFUSED)
		return failed(c,
			"the control plane does not run (mailweir-controlplane), or has "
			"another socket: -s PATH");
	return failed(c, strerror(rc));
}

void cli_close(struct cli *c)
{
	if (c->fd >= 0)
		(void)close(c->fd); // nothing was left to write
	c->fd = -1;
	free(c->in);
	c->in = NULL;
	c->in_n = c->in_cap = 0;
}

static int send_all(struct cli *c, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(c->fd, p, n, MSG_NOSIGNAL);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

// More bytes into c->in. 0, -ENODATA at the end, -errno.
static int read_more(struct cli *c)
{
	ssize_t k;

	if (c->in_n + READ_STEP > c->in_cap) {
		char *more;

		if (c->in_cap >= 2 * (size_t)API_RPC_ANSWER_MAX)
			return -EMSGSIZE;
		more = realloc(c->in, c->in_cap * 2 + READ_STEP);
		if (more == NULL)
			return -ENOMEM;
		c->in = more;
		c->in_cap = c->in_cap * 2 + READ_STEP;
	}
	do
		k = recv(c->fd, c->in + c->in_n, c->in_cap - c->in_n, 0);
	while (k < 0 && errno == EINTR);
	if (k <= 0)
		return k == 0 ? -ENODATA : errno == EAGAIN ? -ETIMEDOUT : -errno;
	c->in_n += (size_t)k;
	return 0;
}

// The next line as JSON. NULL with *rc: -ENODATA at the end, -EPROTO for rubbish, -errno.
static json_t *line_read(struct cli *c, int *rc)
{
	size_t seen = 0;
	char *end;
	json_t *j;

	*rc = 0;
	while (c->in_n == 0 || (end = memchr(c->in + seen, '\n', c->in_n - seen)) == NULL) {
		seen = c->in_n;
		*rc = read_more(c);
		if (*rc != 0)
			return NULL;
	}
	j = json_loadb(c->in, (size_t)(end - c->in), 0, NULL);
	c->in_n -= (size_t)(end + 1 - c->in);
	memmove(c->in, end + 1, c->in_n);
	if (j == NULL)
		*rc = -EPROTO;
	return j;
}

static int broken(const struct cli *c, int rc, unsigned waited_ms)
{
	if (rc == -ETIMEDOUT)
		return silent(c, waited_ms);
	if (rc == -ENODATA || rc == -ECONNRESET || rc == -EPIPE)
		return failed(c, "the control plane closed the connection");
	return failed(c, strerror(-rc));
}

// What an error of the server means for the exit status.
static int error_print(const struct cli *c, const json_t *error)
{
	json_int_t code = json_integer_value(json_object_get(error, "code"));
	const json_t *lines = json_object_get(json_object_get(error, "data"), "errors");

	if (c->json)
		cli_print_json(error);
	cli_lines(lines);
	if (json_array_size(lines) == 0) {
		(void)fputs("mailweirctl: ", stderr);
		cli_line(cli_text(error, "message"));
	}
	return code == API_RPC_ERR_CONFIG || code == API_RPC_ERR_PARAMS ? CLI_BAD_INPUT
									: CLI_FAILED;
}

static int request_send(struct cli *c, enum api_rpc_id method, json_t *params)
{
	json_t *req = json_pack("{s:s,s:i,s:s,s:O}", "jsonrpc", "2.0", "id", 1, "method",
		api_rpc_methods[method].name, "params", params);
	char *text = req == NULL ? NULL : json_dumps(req, JSON_COMPACT);
	int rc = text == NULL ? -ENOMEM : send_all(c, text, strlen(text));

	if (rc == 0)
		rc = send_all(c, "\n", 1);
	free(text);
	json_decref(req);
	return rc;
}

// One question, one answer, each step within `ms`. NULL after the error was printed.
static json_t *ask(struct cli *c, enum api_rpc_id method, json_t *params, unsigned ms, int *status)
{
	json_t *answer;
	int rc;

	wait_set(c, ms);
	rc = request_send(c, method, params);
	// A server that refuses us says so before it closes: what it wrote can still be read.
	answer = rc == 0 || rc == -EPIPE || rc == -ECONNRESET ? line_read(c, &rc) : NULL;
	if (answer == NULL)
		*status = broken(c, rc, ms);
	return answer;
}

// Whether anybody is there who listens to us, before something is asked for that takes long.
static bool is_there(struct cli *c, int *status)
{
	json_t *none = json_object();
	json_t *answer = ask(c, API_RPC_SYSTEM_STATUS, none, c->quick_ms, status);
	json_t *error = json_object_get(answer, "error");

	if (error != NULL)
		*status = error_print(c, error);
	json_decref(none);
	json_decref(answer);
	return answer != NULL && error == NULL;
}

json_t *cli_call(struct cli *c, enum api_rpc_id method, json_t *params, int *status)
{
	json_t *answer, *result, *error;

	*status = cli_connect(c);
	if (*status != CLI_OK || (is_slow[method] && !is_there(c, status)))
		return NULL;
	answer = ask(c, method, params, is_slow[method] ? c->slow_ms : c->quick_ms, status);
	if (answer == NULL)
		return NULL;
	error = json_object_get(answer, "error");
	result = json_incref(json_object_get(answer, "result"));
	if (error != NULL)
		*status = error_print(c, error);
	else if (result == NULL)
		*status = failed(c, "an answer with neither result nor error");
	json_decref(answer);
	return result;
}

json_t *cli_next(struct cli *c)
{
	json_t *note, *params;
	int rc;

	wait_set(c, 0); // for ever
	note = line_read(c, &rc);
	if (note == NULL) {
		(void)broken(c, rc, 0);
		return NULL;
	}
	params = json_incref(json_object_get(note, "params"));
	json_decref(note);
	return params;
}
