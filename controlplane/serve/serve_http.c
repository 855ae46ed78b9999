// SPDX-License-Identifier: BSD-3-Clause
// libevent's HTTP server around serve_metrics.c. It has no bound on connections and none on how long
// one may live: the places here give both. A place is taken when evhttp asks for the connection's
// buffer, and is free again when evhttp has taken its callbacks off that buffer.
// Thread: the loop's.
#include "serve_http.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "serve_expose.h"
#include "serve_int.h"
#include "serve_metrics.h"
#include "serve_sock.h"

enum { SOCKET_MODE = 0666, HEADERS_MAX = 8192, BODY_MAX = 4096, BACKLOG = 64 };

struct place {
	struct bufferevent *bev; // a reference of ours; NULL = free
	uint64_t since_us;
};

struct serve_http {
	struct serve *s;
	struct evhttp *http;
	struct evconnlistener *listener; // evhttp's from the binding on
	struct event *look;              // at the places, once a second while one is taken
	char *path;                      // of the UNIX socket, NULL = loopback
	struct serve_sock sock;
	struct place places[SERVE_HTTP_CLIENTS_MAX];
};

static bool is_over(struct bufferevent *bev)
{
	bufferevent_data_cb readable, writable;
	bufferevent_event_cb event;
	void *arg;

	bufferevent_getcb(bev, &readable, &writable, &event, &arg);
	return readable == NULL && writable == NULL && event == NULL;
}

// Frees the places of connections that are over, ends those that live too long. How many are free.
static unsigned places_look(struct serve_http *h)
{
	uint64_t now = core_now_us();
	unsigned idle = 0;

	for (unsigned i = 0; i < SERVE_HTTP_CLIENTS_MAX; i++) {
		struct place *p = &h->places[i];

		if (p->bev != NULL && is_over(p->bev)) {
			bufferevent_decref(p->bev);
			p->bev = NULL;
		}
		if (p->bev != NULL && now - p->since_us > SERVE_HTTP_LIFE_S * UINT64_C(1000000))
			(void)shutdown(bufferevent_getfd(p->bev), SHUT_RDWR); // evhttp sees its end
		idle += p->bev == NULL;
	}
	return idle;
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval later = {.tv_sec = 1};
	struct serve_http *h = arg;
	unsigned idle = places_look(h);

	(void)fd, (void)what; // a timer has neither
	if (idle > 0)
		(void)evconnlistener_enable(h->listener); // it is already, most of the time
	if (idle < SERVE_HTTP_CLIENTS_MAX)
		(void)event_add(h->look, &later); // a timer
}

// evhttp wants the buffer of a new connection. One that finds no place gets none and is cut by
// evhttp's own timeout; the listener rests from the last place on, so that is rare.
static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
	const struct timeval later = {.tv_sec = 1};
	struct serve_http *h = arg;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
	unsigned idle = places_look(h);

	for (unsigned i = 0; bev != NULL && i < SERVE_HTTP_CLIENTS_MAX; i++) {
		if (h->places[i].bev != NULL)
			continue;
		bufferevent_incref(bev);
		h->places[i] = (struct place){.bev = bev, .since_us = core_now_us()};
		break;
	}
	if (idle <= 1)
		(void)evconnlistener_disable(h->listener); // a full backlog is the clients' affair
	if (!event_pending(h->look, EV_TIMEOUT, NULL))
		(void)event_add(h->look, &later); // a timer
	return bev;
}

static void on_metrics(struct evhttp_request *req, void *arg)
{
	const struct serve_http *h = arg;
	const char *accepts = evhttp_find_header(evhttp_request_get_input_headers(req), "Accept");
	bool openmetrics =
		accepts != NULL && strstr(accepts, "application/openmetrics-text") != NULL;
	struct evbuffer *body = evbuffer_new();

	if (body == NULL || serve_metrics_write(h->s, openmetrics, body) != 0) {
		evhttp_send_error(req, HTTP_INTERNAL, NULL);
	} else {
		(void)evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type",
			serve_expose_type(openmetrics)); // without memory the reply fails, too
		evhttp_send_reply(req, HTTP_OK, "OK", body);
	}
	if (body != NULL)
		evbuffer_free(body);
}

static void on_other(struct evhttp_request *req, void *arg)
{
	(void)arg;
	evhttp_send_error(req, HTTP_NOTFOUND, NULL);
}

static int loopback_listen(
	struct serve_http *h, const struct addr *a, uint16_t port, struct err_list *err)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool is_v4 = addr_is_v4(a);

	memcpy(&v4.sin_addr, a->b + 12, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, a->b, sizeof(v6.sin6_addr));
	h->listener = evconnlistener_new_bind(core_loop_base(h->s->loop), NULL, NULL,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, BACKLOG,
		is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
		is_v4 ? sizeof(v4) : sizeof(v6));
	if (h->listener != NULL)
		return 0;
	err_add(err, "control.metrics: %s; cannot listen: %s", h->s->control->metrics,
		strerror(errno));
	return -EADDRNOTAVAIL;
}

static int path_listen(struct serve_http *h, const char *path, struct err_list *err)
{
	h->path = strdup(path);
	if (h->path == NULL) {
		err_add(err, "control.metrics: out of memory");
		return -ENOMEM;
	}
	if (serve_sock_listen(&h->sock, path, "", err) != 0) {
		free(h->path);
		h->path = NULL; // nothing to close
		return -EADDRNOTAVAIL;
	}
	// As on loopback: who reaches it may read; the folder says who does.
	h->listener = chmod(path, SOCKET_MODE) < 0
		? NULL
		: evconnlistener_new(core_loop_base(h->s->loop), NULL, NULL, LEV_OPT_CLOSE_ON_EXEC,
			  0, h->sock.fd);
	if (h->listener != NULL)
		return 0;
	err_add(err, "control.metrics: %s: %s", path, strerror(errno));
	return -EADDRNOTAVAIL;
}

static int server_new(struct serve_http *h, struct err_list *err)
{
	struct event_base *base = core_loop_base(h->s->loop);

	h->look = evtimer_new(base, on_look, h);
	h->http = evhttp_new(base);
	if (h->look == NULL || h->http == NULL ||
		evhttp_set_cb(h->http, "/metrics", on_metrics, h) != 0 ||
		evhttp_bind_listener(h->http, h->listener) == NULL) {
		err_add(err, "control.metrics: out of memory");
		return -ENOMEM;
	}
	evhttp_set_gencb(h->http, on_other, NULL);
	evhttp_set_bevcb(h->http, on_connection, h);
	evhttp_set_allowed_methods(h->http, EVHTTP_REQ_GET);
	evhttp_set_max_headers_size(h->http, HEADERS_MAX);
	evhttp_set_max_body_size(h->http, BODY_MAX);
	evhttp_set_timeout(h->http, SERVE_HTTP_LIFE_S);
	return 0;
}

struct serve_http *serve_http_open(struct serve *s, const char *where, struct err_list *err)
{
	struct serve_http *h = calloc(1, sizeof(*h));
	struct addr address;
	uint16_t port;
	int rc;

	if (h == NULL) {
		err_add(err, "control.metrics: out of memory");
		return NULL;
	}
	h->s = s;
	rc = cfg_listen_split(where, &address, &port) ? loopback_listen(h, &address, port, err)
						      : path_listen(h, where, err);
	if (rc == 0 && server_new(h, err) == 0)
		return h;
	serve_http_close(h);
	return NULL;
}

void serve_http_close(struct serve_http *h)
{
	if (h == NULL)
		return;
	if (h->http != NULL)
		evhttp_free(h->http); // the listener and all connections with it
	else if (h->listener != NULL)
		evconnlistener_free(h->listener);
	for (unsigned i = 0; i < SERVE_HTTP_CLIENTS_MAX; i++) {
		if (h->places[i].bev != NULL)
			bufferevent_decref(h->places[i].bev);
	}
	if (h->look != NULL)
		event_free(h->look);
	if (h->path != NULL)
		serve_sock_close(&h->sock, h->path);
	free(h->path);
	free(h);
}
