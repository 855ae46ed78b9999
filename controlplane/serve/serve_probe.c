// SPDX-License-Identifier: BSD-3-Clause
// The data plane notes a marked SYN in the place of its mark; a probe came by where that was written since it
// began, with its server. Thread: the loop's.
#include "serve_probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

enum { WAIT_S = 3 };

struct probe {
	struct addr server, source;
	bool bound;
	struct serve_probe_figures told;
};

struct serve_probes {
	struct core_link *link;
	struct core_timer *again;
	struct event_base *base;
	struct event *socket; // NULL: none is under way
	int fd;
	uint16_t mark;
	uint64_t turn[API_WORKERS_MAX]; // of its place, before
	uint32_t n, at, every_s;        // at: the one under way
	struct probe probe[SERVE_PROBES_MAX];
};

static void next(struct serve_probes *p);

static void on_again(void *arg)
{
	serve_probes_go(arg);
}

struct serve_probes *serve_probes_new(struct core_loop *loop)
{
	struct serve_probes *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->fd = -1;
	p->base = core_loop_base(loop);
	p->again = core_timer_new(loop, on_again, p);
	if (p->again == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

static void stop(struct serve_probes *p)
{
	if (p->socket != NULL)
		event_free(p->socket);
	p->socket = NULL;
	if (p->fd >= 0)
		(void)close(p->fd); // nothing was said
	p->fd = -1;
}

void serve_probes_free(struct serve_probes *p)
{
	if (p == NULL)
		return;
	stop(p);
	core_timer_free(p->again);
	free(p);
}

void serve_probes_link(struct serve_probes *p, struct core_link *link)
{
	p->link = link;
	if (link == NULL)
		stop(p);
}

// ---- one probe

static socklen_t sockaddr_make(const struct addr *a, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;

	memset(out, 0, sizeof(*out));
	if (addr_is_v4(a)) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, a->b + 12, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, a->b, 16);
	return sizeof(*v6);
}

static struct addr own_of(int fd)
{
	struct sockaddr_storage at = {0};
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&at;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&at;
	socklen_t n = sizeof(at);

	if (getsockname(fd, (struct sockaddr *)(void *)&at, &n) < 0)
		return (struct addr){0};
	return at.ss_family == AF_INET ? addr_from_v4((const uint8_t *)&v4->sin_addr)
				       : addr_from_v6(v6->sin6_addr.s6_addr);
}

static struct api_sight_ends place_of(const struct core_stats *s, uint32_t worker, uint16_t mark)
{
	struct api_sight_ends e = {0};

	// 0 where there is no such worker.
	(void)core_stats_sight_ends(s, worker, CORE_SIGHT_PROBE, mark % API_SIGHT_PROBES, &e);
	return e;
}

// Did it come by, and as whom?
static bool came_by(const struct serve_probes *p, const struct probe *x, struct addr *client)
{
	const struct core_stats *s = core_link_stats(p->link);

	for (uint32_t w = 0; s != NULL && w < core_stats_workers(s); w++) {
		const struct api_sight_ends e = place_of(s, w, p->mark);

		if (e.turn == p->turn[w] || e.value != p->mark ||
			e.server_port != x->told.port || !addr_eq(&e.server, &x->server))
			continue;
		*client = e.client;
		return true;
	}
	return false;
}

static void end(struct serve_probes *p, bool answered, int error)
{
	struct probe *x = &p->probe[p->at];

	x->told.error = error;
	x->told.own = own_of(p->fd);
	if (core_link_stats(p->link) == NULL) // it went meanwhile
		x->told.end = SERVE_PROBE_NONE;
	else if (came_by(p, x, &x->told.client))
		x->told.end = answered ? SERVE_PROBE_SEEN : SERVE_PROBE_SILENT;
	else if (error != 0)
		x->told.end = SERVE_PROBE_FAILED;
	else
		x->told.end = answered ? SERVE_PROBE_PAST : SERVE_PROBE_LOST;
	stop(p);
	p->at++;
	next(p);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct serve_probes *p = arg;
	int error = 0;
	socklen_t n = sizeof(error);

	if (what & EV_TIMEOUT) {
		end(p, false, 0);
		return;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		error = errno;
	// Who refuses answers, too.
	if (error == 0 || error == ECONNREFUSED || error == ECONNRESET)
		end(p, true, 0);
	else
		end(p, false, error == ETIMEDOUT ? 0 : error);
}

static int begin(struct serve_probes *p, const struct probe *x)
{
	const struct core_stats *s = core_link_stats(p->link);
	struct sockaddr_storage to, from;
	socklen_t to_n = sockaddr_make(&x->server, x->told.port, &to), from_n;
	uint16_t dice = 0;
	int mss;

	if (getrandom(&dice, sizeof(dice), 0) != sizeof(dice))
		return -EIO;
	p->mark = (uint16_t)(API_PROBE_MSS_MIN + dice % (API_PROBE_MSS_MAX - API_PROBE_MSS_MIN + 1));
	for (uint32_t w = 0; w < core_stats_workers(s); w++)
		p->turn[w] = place_of(s, w, p->mark).turn;
	mss = p->mark;
	p->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || setsockopt(p->fd, IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof(mss)) < 0)
		return -errno;
	from_n = sockaddr_make(&x->source, 0, &from);
	if (x->bound && bind(p->fd, (const struct sockaddr *)(const void *)&from, from_n) < 0)
		return -errno;
	if (connect(p->fd, (const struct sockaddr *)(const void *)&to, to_n) < 0 &&
		errno != EINPROGRESS)
		return -errno;
	p->socket = event_new(p->base, p->fd, EV_WRITE, on_socket, p);
	return p->socket == NULL ? -ENOMEM : 0;
}

static void next(struct serve_probes *p)
{
	const struct timeval wait = {.tv_sec = WAIT_S};

	for (; p->at < p->n; p->at++) {
		struct probe *x = &p->probe[p->at];
		int rc;

		if (p->link == NULL || core_link_stats(p->link) == NULL)
			return;
		rc = begin(p, x);
		if (rc == 0 && event_add(p->socket, &wait) == 0)
			return;
		x->told.own = (struct addr){0};
		x->told.error = rc == 0 ? ENOMEM : -rc;
		x->told.end = SERVE_PROBE_FAILED;
		stop(p);
	}
}

// ---- all of them

void serve_probes_go(struct serve_probes *p)
{
	struct api_stats head;

	if (p->n == 0)
		return;
	(void)core_timer_once(p->again, p->every_s * 1000); // else the next attachment begins it
	if (p->socket != NULL || p->link == NULL || core_link_stats(p->link) == NULL)
		return;
	core_stats_head(core_link_stats(p->link), &head);
	if (head.image_version == 0) // nothing is picked up yet
		return;
	p->at = 0;
	next(p);
}

void serve_probes_change(struct serve_probes *p, const struct cfg_doctor *conf)
{
	struct probe was[SERVE_PROBES_MAX];
	uint32_t nwas = p->n;

	stop(p);
	memcpy(was, p->probe, sizeof(was));
	p->n = 0;
	p->every_s = conf->every_s;
	for (uint32_t i = 0; i < conf->nprobes && p->n < SERVE_PROBES_MAX; i++) {
		const struct cfg_probe *c = &conf->probes[i];
		struct probe *x = &p->probe[p->n++];

		*x = (struct probe){.server = c->server.addr,
			.told = {.server = c->server.addr, .port = c->port}};
		x->bound = addr_parse(c->source, &x->source) == 0;
		for (uint32_t k = 0; k < nwas; k++) // what came of one that stays is known
			if (addr_eq(&was[k].server, &x->server) && was[k].told.port == c->port &&
				was[k].bound == x->bound && addr_eq(&was[k].source, &x->source))
				x->told = was[k].told;
	}
	serve_probes_go(p);
}

uint32_t serve_probes_told(const struct serve_probes *p, struct serve_probe_figures *out)
{
	for (uint32_t i = 0; i < p->n; i++)
		out[i] = p->probe[i].told;
	return p->n;
}
