// SPDX-License-Identifier: BSD-3-Clause
// The server and its store in a child that is killed with SIGKILL between receiving, writing, syncing and
// acknowledging, under as many records as it takes; after each, whatever was acknowledged is on disk, in its
// last state.
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "rad_make.h"
#include "rad_server.h"
#include "sto_dying.h"
#include "sto_make.h"

enum { FRAMED_IP = 8, CALLING = 31, PLACES = 1000, IDS = 200, WAIT_MS = 20000 };

// In place of libc's, for this program: where a server can be killed.
int recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags, struct timespec *t)
{
	const int got = (int)syscall(SYS_recvmmsg, fd, v, n, flags, t);

	if (got > 0)
		dying_at(DYING_BEHIND_RECEIVE);
	return got;
}

int sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags)
{
	dying_at(DYING_BEFORE_SEND);
	const int sent = (int)syscall(SYS_sendmmsg, fd, v, n, flags);
	dying_at(DYING_BEHIND_SEND);
	return sent;
}

static void change_none(void *, const struct rad_key *, struct rad_bound) {}

static struct rad_server *server;

static void nas_restore(void *, const struct sto_nas *row)
{
	(void)rad_server_restore_nas(server, row); // room for all
}

static void binding_restore(void *, const struct sto_binding *row)
{
	(void)rad_server_restore(server, row); // likewise
}

__attribute__((noreturn)) static void child_run(
	uint16_t port, int ready, enum dying_where where, long calls)
{
	struct rad_server_conf conf = {.nlisten = 1,
		.port = {port},
		.bindings = 2 * PLACES,
		.endpoints = 2 * PLACES,
		.changed = change_none};
	struct rad_client c = {
		.name = "nas",
		.form = {.id = {0, CALLING, RAD_KIND_TEXT},
			.address = {{0, FRAMED_IP, RAD_KIND_ADDR_V4}}},
		.secret = {.n = 1, .octets = "x"},
		.respond = true,
	};
	struct sto *sto = made_store();
	struct err_list err;

	err_init(&err);
	conf.store = sto;
	if (addr_parse("127.0.0.1", &conf.listen[0]) != 0 ||
		prefix_parse("127.0.0.0/8", &c.prefix) != 0)
		_exit(1);
	server = rad_server_new(&conf, &err);
	if (server == NULL || rad_server_clients(server, &c, 1) != 0)
		_exit(2);
	sto_load(sto, &(struct sto_restore){.nas = nas_restore, .binding = binding_restore});
	if (sto_start(sto) != 0 || rad_server_start(server) != 0)
		_exit(3);
	dying_arm(where, calls);
	if (write(ready, "r", 1) != 1)
		_exit(4);
	for (;;)
		(void)pause();
}

struct place {          // an address, as the NAS sees it
	uint32_t sent;  // last session sent, by number; odd: its Start, even: its Stop
	uint32_t known; // the last one acknowledged
};

static struct place place[PLACES];
static uint32_t asked_at[256], acknowledged; // place of each id under way

static void ask(int nas, uint8_t id, uint32_t at)
{
	char session[24], where[24];
	struct made m;
	const uint32_t n = ++place[at].sent;

	(void)snprintf(session, sizeof(session), "%u-%u", at, (n + 1) / 2);
	(void)snprintf(where, sizeof(where), "10.0.%u.%u", at / 256, at % 256);
	made_begin(&m, RAD_ACCOUNTING_REQUEST, id);
	made_number(&m, RAD_ACCT_STATUS_TYPE, n % 2 == 1 ? RAD_START : RAD_STOP);
	made_text(&m, RAD_ACCT_SESSION_ID, session);
	made_text(&m, CALLING, session);
	made_v4(&m, FRAMED_IP, where);
	asked_at[id] = at;
	(void)!send(nas, m.b, m.n, 0); // refused: the child is dead
}

// One record of each of IDS ids is under way; each answer sends the next. Ends with the child.
static void load(int nas, pid_t child, uint32_t *next)
{
	uint8_t buf[RAD_PACKET_MAX];
	struct pollfd p = {.fd = nas, .events = POLLIN};

	for (unsigned id = 0; id < IDS; id++)
		ask(nas, (uint8_t)id, (*next)++ % PLACES);
	for (;;) {
		const ssize_t n = recv(nas, buf, sizeof(buf), MSG_DONTWAIT);

		if (n == RAD_HEAD) {
			struct place *at = &place[asked_at[buf[1]]];

			at->known = at->sent;
			acknowledged++;
			ask(nas, buf[1], (*next)++ % PLACES);
		} else if (poll(&p, 1, 2) <= 0 || n < 0) {
			if (waitpid(child, NULL, WNOHANG) != 0)
				break;
		}
	}
	while (recv(nas, buf, sizeof(buf), MSG_DONTWAIT) == RAD_HEAD) { // sent before it died
		struct place *at = &place[asked_at[buf[1]]];

		at->known = at->sent;
		acknowledged++;
	}
}

// What is on disk is the acknowledged state of each address, or a later one that was sent.
static void check(void)
{
	static struct made_got got;
	const uint32_t n = PLACES;

	made_load(&got);
	for (uint32_t i = 0; i < n; i++) {
		const bool live = got.has[i] == 1 + STO_HAS_LIVE;
		const bool may_be_live =
			(place[i].known % 2 == 1) || place[i].sent > place[i].known;
		const bool has_to = place[i].known % 2 == 1 && place[i].sent == place[i].known;

		if ((has_to && !live) || (live && !may_be_live))
			fail_msg("address %u: acknowledged %u, sent %u, stored %u", i,
				place[i].known, place[i].sent, got.has[i]);
		assert_true(place[i].sent - place[i].known <= 1);
		// What was not taken is sent again.
		place[i].sent -= place[i].sent % 2 != live;
		place[i].known = place[i].sent;
	}
}

static uint16_t port_free(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(a);
	const int s = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(bind(s, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&a, &n), 0);
	assert_int_equal(close(s), 0);
	return ntohs(a.sin_port);
}

static void killed_at(enum dying_where where, long calls, uint32_t *next)
{
	const uint16_t port = port_free();
	const struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	int ready[2];
	char c;

	assert_int_equal(pipe(ready), 0);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		child_run(port, ready[1], where, calls);
	assert_int_equal(close(ready[1]), 0);
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(close(ready[0]), 0);
	const int nas = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(connect(nas, (const struct sockaddr *)&to, sizeof(to)), 0);
	load(nas, child, next);
	assert_int_equal(close(nas), 0);
	check();
}

static void no_acknowledged_binding_is_missing_wherever_it_was_killed(void **)
{
	static const long calls[] = {1, 2, 5, 40, 150};
	struct timespec from, to;
	uint32_t next = 0;

	dying_put();
	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	for (int where = 0; where < DYING_COUNT; where++)
		for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
			killed_at((enum dying_where)where, calls[i], &next);
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	const double s =
		(double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	print_message("%u acknowledged in %.1f s, %u kills\n", acknowledged, s,
		(unsigned)(DYING_COUNT * sizeof(calls) / sizeof(calls[0])));
	assert_true(acknowledged > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			no_acknowledged_binding_is_missing_wherever_it_was_killed, made_open,
			made_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
