// SPDX-License-Identifier: BSD-3-Clause
// The life of the data plane's end: one control plane at a time, each with memory of its own.
//
//   AWAY --a permitted user connects--> ATTACHED --closed, or nonsense--> LEAVING
//    ^                                                                       |
//    +--------- every worker has passed a burst boundary: memory freed ------+
//
// Workers are never waited for: LEAVING is looked at in later turns. Newcomers wait in the backlog
// meanwhile; while one is attached they are refused.
// Thread: manager.
#include "lnk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lnk_int.h"
#include "log.h"
#include "tbl_clients.h"

LOG_COMPONENT("link");

enum {
	ACCEPTS_A_TURN = 8,
	BELLS_A_TURN = 64,
	LEAVING_MS = 1,
	PORTS_US = 500000,
	REAP_US = 100000,
	LOG_US = 1000000, // between two lines about refused peers
};

// Refusals are counted one by one and logged at most once a second.
static void refusal_note(struct lnk *l, uint64_t now_us, const char *why, uint32_t uid)
{
	lnk_stats_count(&l->stats.head->link_refused);
	if (now_us < l->log_due_us) {
		l->log_held++;
		return;
	}
	LOG(WARNING, "%s: control plane of user %d: refused: %s (%u more since the last line)",
		l->listener.path, (int)uid, why, l->log_held);
	l->log_due_us = now_us + LOG_US;
	l->log_held = 0;
}

static int watch(const struct lnk *l, int fd, uint32_t what, int op)
{
	struct epoll_event ev = {.events = what, .data.fd = fd};

	return epoll_ctl(l->epoll_fd, op, fd, &ev) < 0 ? -errno : 0;
}

static void sinks_clear(struct lnk *l)
{
	for (uint16_t w = 0; w < l->conf.workers; w++)
		eng_sink_set(l->conf.eng, w, NULL);
}

static void detach(struct lnk *l)
{
	lnk_shadow_end(l, "the control plane that asked for it went");
	sinks_clear(l);
	eng_control_heard(l->conf.eng, 0);
	(void)close(l->peer_fd); // what it still holds are bells; epoll forgets it too
	l->peer_fd = -1;
	l->flows.deaf = true;
	l->counts.active = false; // its successor may begin anew
	l->fault = NULL;
	l->ring_bell = false;
	l->state = LNK_LEAVING;
	// A newcomer waits; its waiting must not wake us all the time.
	(void)watch(l, l->listener.fd, 0, EPOLL_CTL_MOD); // it is registered: no failure
}

static void leaving_turn(struct lnk *l)
{
	if (!eng_quiesced(l->conf.eng))
		return;
	lnk_region_free(l->region);
	l->region = NULL;
	l->state = LNK_AWAY;
	(void)watch(l, l->listener.fd, EPOLLIN, EPOLL_CTL_MOD); // it is registered: no failure
}

static void clients_tell(struct lnk *l, struct api_hello *h)
{
	struct tbl_clients_counts n = {0};

	if (eng_clients(l->conf.eng) != NULL)
		tbl_clients_counts(eng_clients(l->conf.eng), &n);
	h->bindings = n.bindings_max;
	h->endpoints = n.endpoints_max;
	h->senders = n.senders_max;
}

static int hello_send(struct lnk *l, int fd)
{
	struct api_hello *h;
	int region_fd, rc;

	l->region =
		lnk_region_new(l->conf.workers, l->conf.image_max, lnk_counts_bytes(l), &region_fd);
	if (l->region == NULL)
		return -errno;
	h = &l->region->hello;
	h->boot = l->boot;
	h->epoch = ++l->epoch;
	h->stats_bytes = l->stats.bytes;
	h->image_version = eng_image_version(l->conf.eng);
	h->pid = getpid();
	h->counts_open = l->counts.open;
	clients_tell(l, h);
	h->cells_bytes = l->conf.cells == NULL ? 0 : l->conf.cells->bytes;
	rc = lnk_region_send(l->region, fd, region_fd, l->stats.fd,
		l->conf.cells == NULL ? -1 : l->conf.cells->fd);
	(void)close(region_fd); // mapped here, sent there
	if (rc == 0)
		rc = watch(l, fd, EPOLLIN, EPOLL_CTL_ADD);
	if (rc < 0) {
		lnk_region_free(l->region); // no worker has seen it
		l->region = NULL;
	}
	return rc;
}

static void attach(struct lnk *l, int fd, uint32_t uid)
{
	int rc = hello_send(l, fd);

	if (rc < 0) {
		LOG(WARNING, "%s: control plane of user %d: not attached: %s", l->listener.path,
			(int)uid, strerror(-rc));
		(void)close(fd); // it sees the end and tries again
		return;
	}
	l->peer_fd = fd;
	l->peer_uid = uid;
	lnk_clients_reset(l);
	eng_control_heard(l->conf.eng, l->now_us);
	l->state = LNK_ATTACHED;
	for (uint16_t w = 0; w < l->conf.workers; w++)
		eng_sink_set(l->conf.eng, w, &l->region->tap[w].sink);
	lnk_stats_count(&l->stats.head->link_attached);
	LOG(NOTICE, "%s: control plane of user %d: attached", l->listener.path, (int)uid);
}

static void accept_turn(struct lnk *l, uint64_t now_us)
{
	for (unsigned i = 0; i < ACCEPTS_A_TURN && l->state != LNK_LEAVING; i++) {
		uint32_t uid;
		int fd = lnk_listener_accept(&l->listener, l->conf.uid, &uid);

		if (fd == -EPERM) {
			refusal_note(l, now_us, "not a permitted user", uid);
		} else if (fd < 0) {
			return;
		} else if (l->state == LNK_ATTACHED) {
			refusal_note(l, now_us, "another one is attached", uid);
			(void)close(fd); // the end is the answer
		} else {
			attach(l, fd, uid);
		}
	}
}

// 0, -ECONNRESET (closed), -EPROTO (no bell).
static int bells_read(struct lnk *l)
{
	char bell[2];

	for (unsigned i = 0; i < BELLS_A_TURN; i++) {
		// Descriptors that come along find no room and are closed by the kernel.
		ssize_t n = recv(l->peer_fd, bell, sizeof(bell), MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n != 1)
			return n > 1 ? -EPROTO : -ECONNRESET;
		l->heard = true;
	}
	return 0;
}

static bool a_tap_is_broken(const struct lnk *l)
{
	for (uint16_t w = 0; w < l->conf.workers; w++)
		// Relaxed: a flag that only ever goes up; nothing is read behind it.
		if (atomic_load_explicit(&l->region->tap[w].broken, memory_order_relaxed))
			return true;
	return false;
}

static int sooner(int a_ms, int b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

// Milliseconds until there is more to do, LNK_REST_MS where nothing is.
static int attached_turn(struct lnk *l, uint64_t now_us)
{
	int rc = bells_read(l), clients_ms = LNK_REST_MS;
	bool more = false;

	if (l->heard)
		eng_control_heard(l->conf.eng, now_us);
	l->heard = false;

	if (rc == -ECONNRESET) {
		LOG(NOTICE, "%s: control plane: detached", l->listener.path);
		detach(l);
		return LNK_REST_MS;
	}
	if (rc == -EPROTO)
		l->fault = "a datagram that is no bell";
	else if (a_tap_is_broken(l))
		l->fault = "its end of a worker's ring makes no sense";
	else
		more = lnk_commands(l);
	if (l->fault == NULL && l->flows.active)
		more |= lnk_flows_turn(l);
	if (l->fault == NULL)
		clients_ms = lnk_clients_turn(l);
	if (l->fault != NULL) {
		refusal_note(l, now_us, l->fault, l->peer_uid);
		detach(l);
		return LNK_REST_MS;
	}
	if (l->ring_bell) // a full socket has bells enough in it
		(void)send(l->peer_fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	l->ring_bell = false;
	return more ? 0 : clients_ms;
}

static void timed_turn(struct lnk *l, uint64_t now_us)
{
	lnk_stats_set(&l->stats.head->heartbeat_us, now_us);
	lnk_drain_tell(l);
	if (now_us >= l->ports_due_us) {
		l->ports_due_us = now_us + PORTS_US;
		lnk_stats_ports(&l->stats, &l->conf);
	}
	if (now_us >= l->reap_due_us) {
		l->reap_due_us = now_us + REAP_US;
		(void)eng_image_reap(l->conf.eng); // how many are left matters when one comes
	}
}

int lnk_poll(struct lnk *l, uint64_t now_us)
{
	int rest_ms = LNK_REST_MS;

	timed_turn(l, now_us);
	lnk_cells_turn(l, now_us);
	if (l->state == LNK_ATTACHED)
		rest_ms = attached_turn(l, now_us);
	if (l->state != LNK_ATTACHED && l->flows.active && lnk_flows_turn(l))
		rest_ms = 0;
	rest_ms = sooner(rest_ms, lnk_clients_sweep(l));
	if (l->state == LNK_LEAVING)
		leaving_turn(l);
	accept_turn(l, now_us);
	return l->state == LNK_LEAVING || l->flows.active ? sooner(rest_ms, LEAVING_MS) : rest_ms;
}

int lnk_fd(const struct lnk *l)
{
	return l->epoll_fd;
}

bool lnk_is_attached(const struct lnk *l)
{
	return l->state == LNK_ATTACHED;
}

static int conf_check(const struct lnk_conf *conf, struct err_list *err)
{
	if (conf->workers > 0 && conf->workers <= API_WORKERS_MAX &&
		conf->ports <= API_STATS_PORTS_MAX && (conf->ports == 0 || conf->port != NULL) &&
		conf->image_max > 0 && conf->image_max <= (UINT64_C(1) << 40))
		return 0;
	err_add(err, "link: %u workers, %u ports, slots of %llu bytes: out of range",
		(unsigned)conf->workers, (unsigned)conf->ports,
		(unsigned long long)conf->image_max);
	return -EINVAL;
}

struct lnk *lnk_new(const struct lnk_conf *conf, struct err_list *err)
{
	struct timespec now = {0};
	struct lnk *l;
	int rc = conf_check(conf, err);

	if (rc < 0) {
		errno = -rc;
		return NULL;
	}
	l = calloc(1, sizeof(*l));
	if (l == NULL) {
		err_add(err, "link: out of memory");
		return NULL;
	}
	(void)clock_gettime(CLOCK_REALTIME, &now); // this clock always is
	l->conf = *conf;
	l->boot = (uint64_t)now.tv_sec;
	l->counts.open = conf->cells != NULL;
	l->peer_fd = l->listener.fd = l->stats.fd = -1;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	rc = l->epoll_fd < 0 ? -errno : 0;
	if (rc < 0)
		err_add(err, "link: epoll: %s", strerror(-rc));
	if (rc == 0)
		rc = lnk_listener_open(&l->listener, conf->path, conf->gid, err);
	if (rc == 0)
		rc = lnk_stats_open(&l->stats, conf, l->boot, err);
	if (rc == 0)
		rc = watch(l, l->listener.fd, EPOLLIN, EPOLL_CTL_ADD);
	if (rc < 0) {
		lnk_free(l);
		errno = -rc;
		return NULL;
	}
	l->conf.path = l->listener.path;
	return l;
}

void lnk_free(struct lnk *l)
{
	if (l == NULL)
		return;
	if (l->state == LNK_ATTACHED)
		detach(l);
	lnk_region_free(l->region); // the workers have stopped
	lnk_stats_close(&l->stats);
	lnk_listener_close(&l->listener);
	if (l->epoll_fd >= 0)
		(void)close(l->epoll_fd); // no data in it
	free(l);
}
