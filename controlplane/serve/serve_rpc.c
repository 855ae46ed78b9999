// SPDX-License-Identifier: BSD-3-Clause
// The JSON-RPC server's connections: lines in, answers out, limits on both. What a line means is
// serve_call.c's. A connection is torn down outside its own callbacks' stack (`busy`), so that no
// method can pull it away under the reader.
// Thread: the loop's.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "log.h"
#include "serve_call.h"
#include "serve_rpc.h"
#include "serve_sock.h"

LOG_COMPONENT("rpc");

enum {
	LINES_A_TURN = 64,  // then other clients get their turn
	WRITE_STALL_S = 60, // a client that takes no byte for so long is gone
	REFUSAL_S = 1,      // a full server looks again at its listener after so long
};

struct serve_client {
	TAILQ_ENTRY(serve_client) link;
	struct serve_rpc *rpc;
	struct bufferevent *bev; // NULL = torn down, memory waits for busy and calls
	uid_t uid;
	size_t scanned;       // bytes of input known to hold no newline
	unsigned busy, calls; // stack frames using it, requests not answered
	bool closing;         // takes nothing more; ends when output and calls are done
	serve_gone_cb gone;
	void *gone_arg;
};

struct serve_rpc {
	struct serve_rpc_conf conf;
	char *path;
	struct serve_sock sock;
	struct evconnlistener *listener;
	struct event *again; // listener paused: too many clients or descriptors
	unsigned nclients;
	TAILQ_HEAD(, serve_client) clients;
};

// Frees the memory once nothing points here any more.
static void client_reap(struct serve_client *cl)
{
	if (cl->bev == NULL && cl->busy == 0 && cl->calls == 0)
		free(cl);
}

// Ends the connection now. The caller holds `busy` or touches `cl` no more.
static void client_drop(struct serve_client *cl)
{
	serve_gone_cb gone = cl->gone;

	if (cl->bev == NULL)
		return;
	TAILQ_REMOVE(&cl->rpc->clients, cl, link);
	cl->rpc->nclients--;
	bufferevent_free(cl->bev);
	cl->bev = NULL;
	cl->gone = NULL;
	if (gone != NULL)
		gone(cl->gone_arg);
	client_reap(cl);
}

static size_t client_unsent(const struct serve_client *cl)
{
	return evbuffer_get_length(bufferevent_get_output(cl->bev));
}

static void client_settle(struct serve_client *cl)
{
	if (cl->bev != NULL && cl->closing && cl->calls == 0 && client_unsent(cl) == 0)
		client_drop(cl);
	else
		client_reap(cl);
}

static void client_stop_reading(struct serve_client *cl)
{
	cl->closing = true;
	(void)bufferevent_disable(cl->bev, EV_READ); // cannot fail on a socket
}

// From here on a client over its limit is dropped by the next callback, never within this one:
// the caller may be in the middle of a list of followers.
static void client_send(struct serve_client *cl, const char *text, size_t n)
{
	struct evbuffer *out;

	if (cl->bev == NULL)
		return;
	out = bufferevent_get_output(cl->bev);
	if (evbuffer_get_length(out) + n >= API_RPC_ANSWER_MAX) {
		if (cl->closing)
			return;
		LOG(WARNING, "client uid %u: dropped: it does not read", (unsigned)cl->uid);
		client_stop_reading(cl);
		bufferevent_trigger_event(cl->bev, BEV_EVENT_ERROR, BEV_TRIG_DEFER_CALLBACKS);
		return;
	}
	if (evbuffer_add(out, text, n) < 0 || evbuffer_add(out, "\n", 1) < 0) {
		client_stop_reading(cl);
		bufferevent_trigger_event(cl->bev, BEV_EVENT_ERROR, BEV_TRIG_DEFER_CALLBACKS);
	}
}

void serve_client_line(struct serve_client *cl, const char *line, size_t n)
{
	client_send(cl, line, n);
}

// Length of the next line without its newline in *n; false where there is none yet.
static bool line_find(struct serve_client *cl, struct evbuffer *in, size_t *n)
{
	struct evbuffer_ptr at;
	size_t have = evbuffer_get_length(in);

	if (have == cl->scanned || evbuffer_ptr_set(in, &at, cl->scanned, EVBUFFER_PTR_SET) < 0)
		return false;
	at = evbuffer_search(in, "\n", 1, &at);
	cl->scanned = at.pos < 0 ? have : 0;
	*n = (size_t)at.pos;
	return at.pos >= 0;
}

static void line_too_long(struct serve_client *cl)
{
	char *answer = serve_error_text(
		API_RPC_ERR_PARSE, "line too long; the connection ends here");

	if (answer != NULL) // else it just ends
		client_send(cl, answer, strlen(answer));
	free(answer);
	client_stop_reading(cl);
}

// One line of `n` bytes and `tail` more to throw away. False where memory is short.
static bool line_run(struct serve_client *cl, struct evbuffer *in, size_t n, size_t tail)
{
	const unsigned char *line =
		n == 0 ? (const unsigned char *)"" : evbuffer_pullup(in, (ev_ssize_t)n);

	if (line == NULL)
		return false;
	serve_call_text(cl, (const char *)line, n);
	if (cl->bev != NULL)
		(void)evbuffer_drain(in, n + tail); // there is that much
	return true;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct serve_client *cl = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	unsigned lines = 0;
	size_t n = 0;

	cl->busy++;
	while (cl->bev != NULL && !cl->closing && lines < LINES_A_TURN && line_find(cl, in, &n)) {
		if (n >= API_RPC_REQUEST_MAX) {
			line_too_long(cl);
			break;
		}
		if (!line_run(cl, in, n, 1)) {
			client_drop(cl);
			break;
		}
		lines++;
	}
	if (cl->bev != NULL && !cl->closing) {
		if (lines == LINES_A_TURN)
			bufferevent_trigger(bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
		else if (evbuffer_get_length(in) >= API_RPC_REQUEST_MAX)
			line_too_long(cl);
	}
	cl->busy--;
	client_settle(cl);
}

static void on_write(struct bufferevent *bev, void *arg)
{
	(void)bev; // the client knows
	client_settle(arg);
}

// A client that only shuts its sending side still gets its answers; a last line need not have a
// newline.
static void client_eof(struct serve_client *cl)
{
	struct evbuffer *in = bufferevent_get_input(cl->bev);
	size_t n = 0;

	cl->busy++;
	while (cl->bev != NULL && !cl->closing && line_find(cl, in, &n)) {
		if (!line_run(cl, in, n, 1))
			client_drop(cl);
	}
	if (cl->bev != NULL && !cl->closing && evbuffer_get_length(in) > 0) {
		if (!line_run(cl, in, evbuffer_get_length(in), 0))
			client_drop(cl);
	}
	if (cl->bev != NULL)
		client_stop_reading(cl);
	cl->busy--;
	client_settle(cl);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct serve_client *cl = arg;

	(void)bev; // the client knows
	if ((what & BEV_EVENT_EOF) != 0 && !cl->closing && cl->gone == NULL)
		client_eof(cl);
	else
		client_drop(cl);
}

static void listener_pause(struct serve_rpc *rpc)
{
	struct timeval later = {.tv_sec = REFUSAL_S};

	(void)evconnlistener_disable(rpc->listener); // cannot fail while it is enabled
	(void)event_add(rpc->again, &later);         // a timer
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct serve_rpc *rpc = arg;

	(void)fd, (void)what; // a timer has neither
	if (rpc->nclients < SERVE_CLIENTS_MAX)
		(void)evconnlistener_enable(rpc->listener); // on_error comes where it fails
	else
		listener_pause(rpc);
}

static void on_error(struct evconnlistener *listener, void *arg)
{
	(void)listener; // the server knows
	LOG(WARNING, "accept: %s", strerror(errno));
	listener_pause(arg);
}

static void peer_refuse(int fd, uid_t uid)
{
	char *answer = serve_error_text(API_RPC_ERR_REQUEST,
		"permission denied: not root, not the control plane's user, not in control.group");
	struct iovec parts[] = {{answer, answer == NULL ? 0 : strlen(answer)}, {(char[]){'\n'}, 1}};
	struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 2};

	LOG(WARNING, "client uid %u: refused: not in the group", (unsigned)uid);
	(void)sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL); // courtesy only
	free(answer);
	(void)close(fd); // nothing is lost with it
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa,
	int salen, void *arg)
{
	struct timeval stall = {.tv_sec = WRITE_STALL_S};
	struct serve_rpc *rpc = arg;
	struct serve_client *cl;
	uid_t uid = (uid_t)-1;

	(void)listener, (void)sa, (void)salen; // a UNIX peer has no name
	if (!serve_sock_peer(fd, rpc->sock.gid, &uid)) {
		peer_refuse(fd, uid);
		return;
	}
	cl = calloc(1, sizeof(*cl));
	if (cl != NULL)
		cl->bev = bufferevent_socket_new(rpc->conf.base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (cl == NULL || cl->bev == NULL) {
		free(cl);
		(void)close(fd); // nothing is lost with it
		return;
	}
	cl->rpc = rpc;
	cl->uid = uid;
	TAILQ_INSERT_TAIL(&rpc->clients, cl, link);
	rpc->nclients++;
	bufferevent_setcb(cl->bev, on_read, on_write, on_event, cl);
	bufferevent_setwatermark(cl->bev, EV_READ, 0, API_RPC_REQUEST_MAX + 1);
	(void)bufferevent_set_timeouts(cl->bev, NULL, &stall); // fails only without memory
	(void)bufferevent_enable(cl->bev, EV_READ | EV_WRITE); // then the client just times out
	if (rpc->nclients >= SERVE_CLIENTS_MAX)
		listener_pause(rpc);
}

struct serve_rpc *serve_rpc_open(const struct serve_rpc_conf *conf, struct err_list *err)
{
	struct serve_rpc *rpc = calloc(1, sizeof(*rpc));

	if (rpc == NULL) {
		err_add(err, "%s: out of memory", conf->path);
		return NULL;
	}
	rpc->conf = *conf;
	TAILQ_INIT(&rpc->clients);
	rpc->path = strdup(conf->path);
	if (rpc->path == NULL)
		goto free_rpc;
	if (serve_sock_listen(&rpc->sock, conf->path, conf->group, err) != 0)
		goto free_path;
	rpc->listener = evconnlistener_new(
		conf->base, on_accept, rpc, LEV_OPT_CLOSE_ON_EXEC, 0, rpc->sock.fd);
	rpc->again = evtimer_new(conf->base, on_again, rpc);
	if (rpc->listener == NULL || rpc->again == NULL)
		goto close_sock;
	evconnlistener_set_error_cb(rpc->listener, on_error);
	return rpc;

close_sock:
	err_add(err, "%s: out of memory", conf->path);
	if (rpc->again != NULL)
		event_free(rpc->again);
	if (rpc->listener != NULL)
		evconnlistener_free(rpc->listener);
	serve_sock_close(&rpc->sock, conf->path);
free_path:
	free(rpc->path);
free_rpc:
	free(rpc);
	return NULL;
}

// What is answered already goes out as far as the socket takes it without waiting.
static void client_flush(struct serve_client *cl)
{
	struct evbuffer *out = bufferevent_get_output(cl->bev);

	(void)evbuffer_unfreeze(out, 1); // a bufferevent keeps it frozen between its own writes
	(void)evbuffer_write(out, bufferevent_getfd(cl->bev));
	(void)evbuffer_freeze(out, 1);
}

void serve_rpc_close(struct serve_rpc *rpc)
{
	struct serve_client *cl;

	while ((cl = TAILQ_FIRST(&rpc->clients)) != NULL) {
		client_flush(cl);
		client_drop(cl);
	}
	evconnlistener_free(rpc->listener);
	event_free(rpc->again);
	serve_sock_close(&rpc->sock, rpc->path);
	free(rpc->path);
	free(rpc);
}

unsigned serve_rpc_clients(const struct serve_rpc *rpc)
{
	return rpc->nclients;
}

// The seam to serve_call.c.

serve_method_cb serve_client_method(const struct serve_client *cl, enum api_rpc_id id, void **arg)
{
	*arg = cl->rpc->conf.arg;
	return cl->rpc->conf.run[id];
}

uid_t serve_client_uid(const struct serve_client *cl)
{
	return cl->uid;
}

bool serve_client_hold(struct serve_client *cl)
{
	if (cl->calls >= SERVE_CALLS_MAX)
		return false;
	cl->calls++;
	return true;
}

void serve_client_put(struct serve_client *cl)
{
	cl->calls--;
	if (cl->busy == 0)
		client_settle(cl);
}

bool serve_client_gone_set(struct serve_client *cl, serve_gone_cb gone, void *arg)
{
	if (cl->bev == NULL || (gone != NULL && cl->gone != NULL))
		return false;
	cl->gone = gone;
	cl->gone_arg = arg;
	return true;
}
