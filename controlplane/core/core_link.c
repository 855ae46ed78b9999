// SPDX-License-Identifier: BSD-3-Clause
// The life of the attachment: connect, wait for the hello, attach, look at the rings on each bell
// and each tick, detach, connect again. One timer serves all: what its ringing means is the state's
// business.
//
//   AWAY --connected--> HELLO --hello proved--> ATTACHED
//    ^ every retry_ms      |  2 s, or refused      | closed, or nonsense
//    +---------------------+-----------------------+
//
// Thread: the loop's.
#include "core_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core_link_int.h"
#include "log.h"
#include "text.h"

LOG_COMPONENT("link");

enum {
	HELLO_MS = 2000,
	BELLS_A_TURN = 64,
	LAPS_A_TURN = 1,
	ASKED_MS = 2,       // between looks at the rings, while questions come
	ASKED_US = 1000000, // for so long behind one
	// Outcomes are never lost where we can help it: when the data plane goes, what its rings
	// still hold is taken. 8 laps empty the largest ring (4096 / 512), 16 the records.
	LAPS_AT_END = 16,
	BEAT_US = 500000, // a bell at least so often: the data plane may have to know that we live
};

static void timer_rang(void *arg);
static void became_readable(evutil_socket_t fd, short what, void *arg);

static void timer_set(struct core_link *l, uint32_t ms)
{
	if (core_timer_once(l->timer, ms) < 0)
		LOG(ERR, "%s: timer: out of memory", l->path);
}

static void socket_close(struct core_link *l)
{
	if (l->readable != NULL)
		event_free(l->readable);
	l->readable = NULL;
	if (l->fd >= 0)
		(void)close(l->fd); // nothing of ours is buffered in it
	l->fd = -1;
}

// Says why once, not with every attempt.
static void away(struct core_link *l, const char *why)
{
	if (strcmp(l->why, why) != 0)
		LOG(WARNING, "%s: not attached: %s", l->path, why);
	(void)text_copy(l->why, sizeof(l->why), why); // cut is fine
	socket_close(l);
	l->state = CORE_LINK_AWAY;
	timer_set(l, l->conf.retry_ms);
}

static void detach(struct core_link *l, const char *why)
{
	core_link_put_close(l);
	(void)core_link_drain(l, LAPS_AT_END); // what is left beyond is lost with the data plane
	l->state = CORE_LINK_AWAY;
	core_link_abandon(l);
	core_region_close(&l->region);
	l->attached_us = 0;
	l->doomed = NULL;
	away(l, why);
	if (l->conf.ops.detached != NULL)
		l->conf.ops.detached(l->conf.arg, why);
}

static void refuse(struct core_link *l, const char *why)
{
	l->counts.refused++;
	if (l->state == CORE_LINK_ATTACHED)
		detach(l, why);
	else
		away(l, why);
}

static void connect_try(struct core_link *l)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	memcpy(sa.sun_path, l->path, strlen(l->path) + 1); // core_link_new saw that it fits
	l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0 || connect(l->fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0) {
		away(l,
			errno == ENOENT || errno == ECONNREFUSED ? "no data plane there"
								 : strerror(errno));
		return;
	}
	l->readable =
		event_new(core_loop_base(l->loop), l->fd, EV_READ | EV_PERSIST, became_readable, l);
	if (l->readable == NULL || event_add(l->readable, NULL) < 0) {
		away(l, "out of memory");
		return;
	}
	l->state = CORE_LINK_HELLO;
	timer_set(l, HELLO_MS);
}

static void hello_read(struct core_link *l)
{
	struct err_list err;
	int rc;

	err_init(&err);
	rc = core_region_open(&l->region, l->fd, &err);
	if (rc == -EAGAIN)
		return;
	if (rc == -EPROTO) {
		refuse(l, err.text[0]);
		return;
	}
	if (rc < 0) {
		away(l, err.text[0]);
		return;
	}
	l->state = CORE_LINK_ATTACHED;
	l->attached_us = core_now_us();
	l->why[0] = '\0';
	l->counts.attached++;
	timer_set(l, l->conf.drain_ms);
	core_link_put_open(l);
	LOG(NOTICE, "%s: attached: pid %d, %u workers, image %llu", l->path,
		(int)l->region.hello.pid, (unsigned)l->region.hello.workers,
		(unsigned long long)l->region.hello.image_version);
	if (l->conf.ops.attached != NULL)
		l->conf.ops.attached(l->conf.arg, &l->region.hello);
}

// Empties the socket of bells. 0, -ECONNRESET (the other end is closed), -EPROTO (no bell).
static int bells_read(const struct core_link *l)
{
	char bell[2];

	for (unsigned i = 0; i < BELLS_A_TURN; i++) {
		ssize_t n = recv(l->fd, bell, sizeof(bell), MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n != 1)
			return n > 1 ? -EPROTO : -ECONNRESET;
	}
	return 0;
}

// Somebody waits behind a question, and it rings no bell.
static uint32_t drain_ms(const struct core_link *l)
{
	bool asked = l->asked_us != 0 && core_now_us() - l->asked_us < ASKED_US;

	return asked && l->conf.drain_ms > ASKED_MS ? ASKED_MS : l->conf.drain_ms;
}

static void beat(struct core_link *l, uint64_t now_us)
{
	if (now_us - l->beat_us < BEAT_US)
		return;
	l->beat_us = now_us;
	(void)send(l->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL); // full: bells enough in it
}

// One turn of an attachment. A callback may have doomed it before.
static void attached_turn(struct core_link *l)
{
	bool more = core_link_drain(l, LAPS_A_TURN);

	core_link_expire(l, core_now_us());
	beat(l, core_now_us());
	if (atomic_load_explicit(&l->put_broken, memory_order_relaxed) && l->doomed == NULL)
		l->doomed = "the data plane's ring makes no sense";
	if (l->doomed != NULL)
		refuse(l, l->doomed);
	else
		timer_set(l, more ? 0 : drain_ms(l));
}

static void became_readable(evutil_socket_t, short, void *arg)
{
	struct core_link *l = arg;

	if (l->state == CORE_LINK_HELLO) {
		hello_read(l);
		return;
	}
	switch (bells_read(l)) {
	case 0:
		attached_turn(l);
		break;
	case -EPROTO:
		refuse(l, "a datagram that is no bell");
		break;
	default:
		detach(l, "the data plane went");
		break;
	}
}

static void timer_rang(void *arg)
{
	struct core_link *l = arg;

	switch (l->state) {
	case CORE_LINK_AWAY:
		connect_try(l);
		break;
	case CORE_LINK_HELLO:
		away(l, "the data plane says nothing");
		break;
	case CORE_LINK_ATTACHED:
		attached_turn(l);
		break;
	}
}

static uint32_t or_default(uint32_t ms, uint32_t otherwise)
{
	return ms == 0 ? otherwise : ms;
}

struct core_link *core_link_new(struct core_loop *loop, const struct core_link_conf *conf)
{
	struct core_link *l;

	if (strlen(conf->path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	l->loop = loop;
	l->conf = *conf;
	l->conf.retry_ms = or_default(conf->retry_ms, 200);
	l->conf.drain_ms = or_default(conf->drain_ms, 20);
	l->conf.image_ms = or_default(conf->image_ms, 30000);
	l->conf.answer_ms = or_default(conf->answer_ms, 2000);
	l->fd = -1;
	(void)pthread_mutex_init(&l->put_lock, NULL); // no attributes: no failure
	l->path = strdup(conf->path);
	l->timer = core_timer_new(loop, timer_rang, l);
	if (l->path == NULL || l->timer == NULL || core_timer_once(l->timer, 0) < 0) {
		core_link_free(l);
		errno = ENOMEM;
		return NULL;
	}
	(void)text_copy(l->why, sizeof(l->why), "not yet connected"); // fits
	return l;
}

void core_link_free(struct core_link *l)
{
	if (l == NULL)
		return;
	core_link_put_close(l);
	socket_close(l);
	core_region_close(&l->region);
	core_timer_free(l->timer);
	(void)pthread_mutex_destroy(&l->put_lock); // nobody puts any more
	free(l->path);
	free(l);
}

bool core_link_is_attached(const struct core_link *l)
{
	return l->state == CORE_LINK_ATTACHED;
}

const struct api_hello *core_link_hello(const struct core_link *l)
{
	return l->state == CORE_LINK_ATTACHED ? &l->region.hello : NULL;
}

const struct core_stats *core_link_stats(const struct core_link *l)
{
	return l->state == CORE_LINK_ATTACHED ? l->region.stats : NULL;
}

struct core_cells *core_link_cells_take(struct core_link *l)
{
	struct core_cells *cells = l->region.cells;

	l->region.cells = NULL; // an empty region has none
	return cells;
}

uint64_t core_link_counts_room(const struct core_link *l)
{
	return l->state == CORE_LINK_ATTACHED
		? l->region.hello.counts_bytes / sizeof(struct api_count)
		: 0;
}

uint64_t core_link_attached_us(const struct core_link *l)
{
	return l->attached_us;
}

const char *core_link_why(const struct core_link *l)
{
	return l->why;
}

const struct core_link_counts *core_link_counts(const struct core_link *l)
{
	return &l->counts;
}
