// SPDX-License-Identifier: BSD-3-Clause
// The thread takes datagrams by the burst, answers by the burst, and looks at some bindings in between. What
// others ask goes under one lock that the thread takes once a burst; they hold it for as long as a look-up.
// With a store an answer waits behind the last row put before it, whether or not its own record made one: so
// none leaves, to a repeated request neither, before all that it could acknowledge is on disk.
// Thread: as the header says.
#include "rad_server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/udp.h>

#include "rad_nas.h"
#include "rad_store.h"
#include "rad_wait.h"

enum {
	BURST = 64,
	BURSTS_A_SOCKET = 16, // before the next one has its turn
	TICK_MS = 100,
	TURN_MS = 1,          // while conf.turn has more to do
	LOOKS_A_TICK = 20000, // bindings looked at
	LOOKS_A_BURST = 64,
	RECEIVE_BYTES = 8 << 20, // the kernel's buffer, as far as it allows
	DUPLICATES = 1 << 18,    // in each half
	DUPLICATES_S = 15,
	ENDED_S = 60,         // an ended binding is remembered
	REFRESH_S = 300,      // how far behind the times of a stored binding may be
	REFRESH_SHARE = 8,    // and never more than this part (1/8) of idle_s
	WAIT_BYTES = 8 << 20, // of answers
};

struct place { // of a datagram in a burst
	struct sockaddr_storage from;
	struct iovec in;
	uint8_t octets[RAD_PACKET_MAX], answer[RAD_PACKET_MAX];
};

struct rad_server {
	struct rad_server_conf conf;
	int sock[RAD_LISTEN_MAX];
	int wake; // eventfd: the thread is to end
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; // all below
	struct rad_bind *bind;
	struct rad_desk *desk;
	uint32_t late_us;
	uint32_t dropped[RAD_LISTEN_MAX]; // as the kernel tells it: since the socket is open
	uint64_t unheard, unstored, restored, unrestored;
	uint32_t waiting;
	struct rad_store store; // its sto is NULL: none
	// the thread's alone
	struct rad_wait wait;
	struct iovec iov[BURST];
	uint8_t control[CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(uint32_t))];
	alignas(struct cmsghdr) uint8_t segment[BURST][CMSG_SPACE(sizeof(uint16_t))];
	bool segments; // the kernel cuts answers apart
	uint32_t looked_ms;
	struct place place[BURST];
	struct mmsghdr in[BURST], out[BURST];
};

// ---- open

static socklen_t address_put(const struct addr *a, uint16_t port, struct sockaddr_storage *out)
{
	*out = (struct sockaddr_storage){0};
	if (addr_is_v4(a)) {
		struct sockaddr_in *in = (struct sockaddr_in *)out;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, a->b + 12, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, a->b, 16);
	return sizeof(*in6);
}

// 0 or -errno; the socket in *out.
static int socket_open(const struct addr *a, uint16_t port, int *out)
{
	const int on = 1, bytes = RECEIVE_BYTES;
	struct sockaddr_storage ss;
	const socklen_t n = address_put(a, port, &ss);
	const int s = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*out = s;
	if (s < 0)
		return -errno;
	(void)setsockopt(s, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)); // less is less
	if ((ss.ss_family == AF_INET6 &&
		    setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
		setsockopt(s, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
		setsockopt(s, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on)) < 0 ||
		bind(s, (const struct sockaddr *)&ss, n) < 0)
		return -errno;
	return 0;
}

static bool sockets_open(struct rad_server *s, struct err_list *err)
{
	char text[ADDR_TEXT_MAX];

	for (uint32_t i = 0; i < s->conf.nlisten; i++) {
		int rc = socket_open(&s->conf.listen[i], s->conf.port[i], &s->sock[i]);

		if (rc == 0)
			continue;
		err_add(err, "radius.listen: %s port %u: %s",
			addr_format(&s->conf.listen[i], text, sizeof(text)), s->conf.port[i],
			strerror(-rc));
		return false;
	}
	return true;
}

static bool keys_make(struct rad_server *s, struct rad_bind_conf *bc, struct rad_desk_conf *dc)
{
	memcpy(bc->id_key, s->conf.id_key, sizeof(bc->id_key));
	if (getrandom(bc->key, sizeof(bc->key), 0) != sizeof(bc->key))
		return false;
	if (s->conf.store != NULL) // sessions are to be known again
		return sto_secret(s->conf.store, "radius_key", dc->key) == 0;
	return getrandom(dc->key, sizeof(dc->key), 0) == sizeof(dc->key);
}

static uint32_t refresh_s(uint32_t idle_s)
{
	return idle_s == 0 || idle_s / REFRESH_SHARE > REFRESH_S ? REFRESH_S
								 : idle_s / REFRESH_SHARE;
}

static bool tables_open(struct rad_server *s)
{
	struct rad_bind_conf bc = {
		.bindings = s->conf.bindings,
		.endpoints = s->conf.endpoints,
		.nas = RAD_NAS_MOST,
		.idle_s = s->conf.idle_s,
		.keep_s = ENDED_S,
		.refresh_s = refresh_s(s->conf.idle_s),
	};
	struct rad_desk_conf dc = {.duplicates = DUPLICATES, .duplicates_s = DUPLICATES_S};

	if (!keys_make(s, &bc, &dc))
		return false;
	if (s->conf.store != NULL) {
		rad_store_open(&s->store, s->conf.store);
		bc.row = rad_store_row;
		bc.nas_era = rad_store_nas;
		bc.row_arg = &s->store;
		if (!rad_wait_open(&s->wait, WAIT_BYTES))
			return false;
	}
	dc.bind = s->store.bind = s->bind = rad_bind_new(&bc, s->conf.changed, s->conf.arg);
	s->desk = s->bind == NULL ? NULL : rad_desk_new(&dc);
	return s->desk != NULL;
}

static void places_lay(struct rad_server *s)
{
	for (unsigned i = 0; i < BURST; i++) {
		struct place *p = &s->place[i];

		p->in = (struct iovec){p->octets, sizeof(p->octets)};
	}
}

struct rad_server *rad_server_new(const struct rad_server_conf *conf, struct err_list *err)
{
	struct rad_server *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_add(err, "radius: out of memory");
		return NULL;
	}
	s->conf = *conf;
	for (unsigned i = 0; i < RAD_LISTEN_MAX; i++)
		s->sock[i] = -1;
	s->segments = true;
	places_lay(s);
	s->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (pthread_mutex_init(&s->lock, NULL) != 0 || s->wake < 0 || !tables_open(s))
		err_add(err, "radius: %s", strerror(errno != 0 ? errno : ENOMEM));
	else if (sockets_open(s, err))
		return s;
	rad_server_free(s);
	return NULL;
}

// ---- the thread

static struct addr addr_of(const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET)
		return addr_from_v4((const uint8_t *)&((const struct sockaddr_in *)ss)->sin_addr);
	return addr_from_v6(((const struct sockaddr_in6 *)ss)->sin6_addr.s6_addr);
}

static uint32_t now_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts); // there is such a clock
	return (uint32_t)ts.tv_sec +
		1000000; // behind anything that happened before the host's start
}

static uint32_t waited_us(const struct timespec *since)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); // the kernel's stamp is of that one
	const int64_t us = (int64_t)(now.tv_sec - since->tv_sec) * 1000000 +
		(now.tv_nsec - since->tv_nsec) / 1000;
	return us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us; // the clock may be set
}

// What the kernel says besides the octets.
static void control_take(struct rad_server *s, unsigned sock, struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SO_RXQ_OVFL)
			memcpy(&s->dropped[sock], CMSG_DATA(c), sizeof(s->dropped[sock]));
		if (c->cmsg_type == SO_TIMESTAMPNS) {
			struct timespec ts;

			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			const uint32_t us = waited_us(&ts);
			s->late_us = us > s->late_us ? us : s->late_us;
		}
	}
}

// What the kernel says besides the octets is wanted of the first one alone.
static void burst_lay(struct rad_server *s)
{
	for (unsigned i = 0; i < BURST; i++) {
		struct place *p = &s->place[i];

		s->in[i].msg_hdr = (struct msghdr){.msg_name = &p->from,
			.msg_namelen = sizeof(p->from),
			.msg_iov = &p->in,
			.msg_iovlen = 1};
	}
	s->in[0].msg_hdr.msg_control = s->control;
	s->in[0].msg_hdr.msg_controllen = sizeof(s->control);
}

// Answers of one length to one port in a row leave in one call: the kernel cuts them apart (UDP_SEGMENT).
// How many of s->out from `from` on, before `n`, do.
static unsigned run_lay(struct rad_server *s, unsigned from, unsigned n, struct mmsghdr *run)
{
	const struct msghdr *first = &s->out[from].msg_hdr;
	const uint16_t octets = (uint16_t)first->msg_iov->iov_len;
	unsigned k = from + 1;

	while (k < n && s->segments && s->out[k].msg_hdr.msg_iov->iov_len == octets &&
		s->out[k].msg_hdr.msg_namelen == first->msg_namelen &&
		(k + 1 - from) * octets < UINT16_MAX - RAD_PACKET_MAX &&
		memcmp(s->out[k].msg_hdr.msg_name, first->msg_name, first->msg_namelen) == 0)
		k++;
	run->msg_hdr = *first;
	run->msg_hdr.msg_iovlen = k - from;
	if (k - from > 1) {
		struct cmsghdr *c = (struct cmsghdr *)s->segment[from]; // NOLINT: aligned

		*c = (struct cmsghdr){.cmsg_level = IPPROTO_UDP,
			.cmsg_type = UDP_SEGMENT,
			.cmsg_len = CMSG_LEN(sizeof(octets))};
		memcpy(CMSG_DATA(c), &octets, sizeof(octets));
		run->msg_hdr.msg_control = c;
		run->msg_hdr.msg_controllen = CMSG_SPACE(sizeof(octets));
	}
	return k - from;
}

// Sends `n` of s->out, whose octets lie in a row in s->iov. A full send buffer loses them: their senders ask
// again.
static void answers_send(struct rad_server *s, int sock, unsigned n)
{
	struct mmsghdr run[BURST];
	unsigned first[BURST], runs;

	for (unsigned from = 0; from < n;) {
		runs = 0;
		for (unsigned at = from; at < n; runs++) {
			first[runs] = at;
			at += run_lay(s, at, n, &run[runs]);
		}
		from = n;
		for (unsigned sent = 0; sent < runs && from == n;) {
			const int k = sendmmsg(sock, run + sent, runs - sent, MSG_DONTWAIT);

			if (k > 0) {
				sent += (unsigned)k;
			} else if (run[sent].msg_hdr.msg_iovlen > 1 &&
				(errno == EIO || errno == EINVAL || errno == EOPNOTSUPP)) {
				s->segments =
					false; // a device that can't: one by one, from here on
				from = first[sent];
			} else if (errno != EINTR) {
				sent++; // this one has no way: an address that is gone, a full buffer
			}
		}
	}
}

// Answers whose wait is over.
static void answers_release(struct rad_server *s)
{
	const uint64_t settled = s->conf.store == NULL ? 0 : sto_settled(s->conf.store);
	uint32_t sent = 0, n;
	unsigned sock;

	if (s->conf.store == NULL)
		return;
	const bool lost = sto_state(s->conf.store) == STO_LOST;
	while ((n = rad_wait_take(&s->wait, settled, s->out, s->iov, BURST, &sock)) > 0) {
		answers_send(s, s->sock[sock], n);
		sent += n;
	}
	if (sent == 0)
		return;
	(void)pthread_mutex_lock(&s->lock); // no error: it is not recursive
	s->waiting -= sent;
	s->unstored += lost ? sent : 0;
	(void)pthread_mutex_unlock(&s->lock);
}

// Room for all that a burst can make. `looks` becomes how many bindings may be looked at.
static bool has_room(struct rad_server *s, unsigned burst, uint32_t *looks)
{
	const uint32_t rows = burst * RAD_STORE_ROWS;

	if (s->conf.store == NULL)
		return true;
	const uint32_t room = sto_room(s->conf.store);
	if (room < rows || !rad_wait_has_room(&s->wait, burst))
		return false;
	if (*looks > room - rows)
		*looks = room - rows;
	return true;
}

// Takes the datagram at place `i`. How many answers there are to be sent now.
static unsigned datagram_take(
	struct rad_server *s, unsigned sock, unsigned i, uint32_t now, unsigned answers)
{
	struct place *p = &s->place[i];
	const struct addr from = addr_of(&p->from);
	const struct span octets = {p->octets, s->in[i].msg_len};
	const size_t n = rad_desk_take(s->desk, &from, octets, now, p->answer);

	if (n == 0)
		return answers;
	if (s->conf.store != NULL) {
		rad_wait_put(&s->wait, s->store.ticket, sock, &s->in[i].msg_hdr,
			(struct span){p->answer, n});
		s->waiting++;
		return answers;
	}
	s->iov[answers] = (struct iovec){p->answer, n};
	s->out[answers].msg_hdr = (struct msghdr){.msg_name = &p->from,
		.msg_namelen = s->in[i].msg_hdr.msg_namelen,
		.msg_iov = &s->iov[answers],
		.msg_iovlen = 1};
	return answers + 1;
}

// Takes at most a burst of a socket. How many there were.
static unsigned burst_take(struct rad_server *s, unsigned sock)
{
	uint32_t looks = LOOKS_A_BURST;
	unsigned answers = 0;

	burst_lay(s);
	const int n = recvmmsg(s->sock[sock], s->in, BURST, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return 0;
	(void)pthread_mutex_lock(&s->lock);       // as above
	control_take(s, sock, &s->in[0].msg_hdr); // who waited longest of them
	const uint32_t now = now_s();
	if (has_room(s, (unsigned)n, &looks)) {
		if (s->conf.store != NULL)
			rad_store_clock(&s->store, now);
		for (unsigned i = 0; i < (unsigned)n; i++)
			answers = datagram_take(s, sock, i, now, answers);
		rad_bind_tick(s->bind, now, looks);
	} else {
		s->unheard += (unsigned)n;
	}
	(void)pthread_mutex_unlock(&s->lock); // as above
	answers_send(s, s->sock[sock], answers);
	answers_release(s);
	return (unsigned)n;
}

static uint32_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts); // there is such a clock
	return (uint32_t)ts.tv_sec * 1000 + (uint32_t)(ts.tv_nsec / 1000000);
}

// Returns whether the next turn is to come soon.
static bool tick(struct rad_server *s)
{
	const uint32_t ms = now_ms(), now = now_s();
	uint32_t looks = LOOKS_A_TICK;
	bool more = false;

	(void)pthread_mutex_lock(&s->lock); // as above
	if (s->conf.store != NULL) {
		rad_store_clock(&s->store, now);
		more = rad_store_turn(&s->store);
	}
	if (ms - s->looked_ms >= TICK_MS && has_room(s, 1, &looks)) {
		rad_bind_tick(s->bind, now, looks);
		s->looked_ms = ms;
	}
	if (s->conf.turn != NULL && s->conf.turn(s->conf.arg, s->bind))
		more = true;
	(void)pthread_mutex_unlock(&s->lock);
	answers_release(s);
	return more;
}

static void *serve(void *arg)
{
	struct rad_server *s = arg;
	struct pollfd p[RAD_LISTEN_MAX + 2];
	const uint32_t n = s->conf.nlisten;
	uint64_t rung;

	for (uint32_t i = 0; i < n; i++)
		p[i] = (struct pollfd){.fd = s->sock[i], .events = POLLIN};
	p[n] = (struct pollfd){.fd = s->wake, .events = POLLIN};
	p[n + 1] = (struct pollfd){
		.fd = s->conf.store == NULL ? -1 : sto_settled_fd(s->conf.store), .events = POLLIN};
	bool more = false;
	while ((p[n].revents & POLLIN) == 0) {
		(void)poll(p, n + 2, more ? TURN_MS : TICK_MS); // interrupted: nothing is ready
		if ((p[n + 1].revents & POLLIN) != 0)
			(void)!read(p[n + 1].fd, &rung, sizeof(rung)); // looked at below
		for (uint32_t i = 0; i < n; i++)
			for (unsigned k = 0; k < BURSTS_A_SOCKET && burst_take(s, i) == BURST; k++)
				;
		more = tick(s);
	}
	return NULL;
}

int rad_server_start(struct rad_server *s)
{
	sigset_t all, before;

	(void)sigfillset(&all); // signals are the loop's
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	const int rc = pthread_create(&s->thread, NULL, serve, s);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->running = rc == 0;
	return -rc;
}

void rad_server_free(struct rad_server *s)
{
	const uint64_t one = 1;

	if (s == NULL)
		return;
	if (s->running && write(s->wake, &one, sizeof(one)) == sizeof(one))
		(void)pthread_join(s->thread, NULL); // ours, not joined before
	for (unsigned i = 0; i < RAD_LISTEN_MAX; i++)
		if (s->sock[i] >= 0)
			(void)close(s->sock[i]); // nothing is lost
	if (s->wake >= 0)
		(void)close(s->wake); // likewise
	rad_wait_close(&s->wait);
	rad_desk_free(s->desk);
	rad_bind_free(s->bind);
	(void)pthread_mutex_destroy(&s->lock); // nobody has it
	free(s);
}

// ---- asked by others

int rad_server_clients(struct rad_server *s, const struct rad_client *clients, uint32_t n)
{
	(void)pthread_mutex_lock(&s->lock); // as above
	const bool ok = rad_desk_clients(s->desk, clients, n);
	(void)pthread_mutex_unlock(&s->lock);
	return ok ? 0 : -ENOMEM;
}

bool rad_server_restore_nas(struct rad_server *s, const struct sto_nas *row)
{
	(void)pthread_mutex_lock(&s->lock); // as above
	const bool ok = rad_bind_restore_nas(s->bind, row->nas, row->era);
	(void)pthread_mutex_unlock(&s->lock);
	return ok;
}

bool rad_server_restore(struct rad_server *s, const struct sto_binding *row)
{
	const uint32_t now = now_s();

	(void)pthread_mutex_lock(&s->lock); // as above
	rad_store_clock(&s->store, now);
	const bool ok = rad_store_restore(&s->store, row, now);
	s->restored += ok;
	s->unrestored += !ok;
	(void)pthread_mutex_unlock(&s->lock);
	return ok;
}

void rad_server_counts(struct rad_server *s, struct rad_server_counts *out)
{
	(void)pthread_mutex_lock(&s->lock); // as above
	*out = (struct rad_server_counts){
		.bind = rad_bind_counts(s->bind),
		.strangers = rad_desk_strangers(s->desk),
		.late_us = s->late_us,
		.unheard = s->unheard,
		.unstored = s->unstored,
		.restored = s->restored,
		.unrestored = s->unrestored,
		.waiting = s->waiting,
	};
	s->late_us = 0;
	for (uint32_t i = 0; i < s->conf.nlisten; i++)
		out->dropped += s->dropped[i];
	(void)pthread_mutex_unlock(&s->lock);
}

bool rad_server_client(struct rad_server *s, uint32_t place, struct rad_client_counts *out)
{
	(void)pthread_mutex_lock(&s->lock); // as above
	const bool is = rad_desk_counts(s->desk, place, out);
	(void)pthread_mutex_unlock(&s->lock);
	return is;
}

size_t rad_server_id(struct rad_server *s, uint64_t key, char id[RAD_ID_MAX])
{
	(void)pthread_mutex_lock(&s->lock); // as above
	const struct span text = rad_bind_id_keyed(s->bind, key);

	if (text.n > 0)
		memcpy(id, text.p, text.n);
	(void)pthread_mutex_unlock(&s->lock);
	return text.n;
}

uint32_t rad_server_of(struct rad_server *s, uint64_t key, struct rad_key *out, uint32_t cap)
{
	enum { SLICE = 8192 }; // places looked at while the thread may wait
	uint32_t at = 0, n = 0;
	bool last = false;

	while (!last) {
		(void)pthread_mutex_lock(&s->lock); // as above
		const struct span id = rad_bind_id_keyed(s->bind, key);
		const uint32_t endpoint = id.n == 0 ? RAD_NONE : rad_bind_endpoint(s->bind, id);

		last = endpoint == RAD_NONE ||
			rad_bind_of(s->bind, endpoint, &at, SLICE, out, cap, &n);
		(void)pthread_mutex_unlock(&s->lock);
	}
	return n;
}

size_t rad_server_who(
	struct rad_server *s, const struct rad_key *key, char id[RAD_ID_MAX], bool *shared)
{
	size_t n = 0;

	(void)pthread_mutex_lock(&s->lock); // as above
	const struct rad_bound who = rad_bind_find(s->bind, key);
	if (who.endpoint != RAD_NONE) {
		const struct span text = rad_bind_id(s->bind, who.endpoint);

		n = text.n;
		memcpy(id, text.p, n);
	}
	*shared = who.shared;
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}
