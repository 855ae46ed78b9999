// SPDX-License-Identifier: BSD-3-Clause
// The server on loopback: its thread takes datagrams of both families, answers, tells of changes, ends.
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "rad_make.h"
#include "rad_server.h"

enum { FRAMED_IP = 8, CALLING = 31, WAIT_MS = 60000 };

static int told; // eventfd: changes

static void change_tell(void *, const struct rad_key *, struct rad_bound)
{
	const uint64_t one = 1;

	assert_int_equal(write(told, &one, sizeof(one)), sizeof(one));
}

// A port that nobody has now.
static uint16_t port_free(int family)
{
	struct sockaddr_in6 a = {.sin6_family = (sa_family_t)family};
	socklen_t n = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(a);
	const int s = socket(family, SOCK_DGRAM, 0);

	assert_true(s >= 0);
	assert_int_equal(bind(s, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&a, &n), 0);
	assert_int_equal(close(s), 0);
	return ntohs(a.sin6_port); // at the same place in both
}

static struct rad_server *server_make(uint16_t v4, uint16_t v6, struct err_list *err)
{
	struct rad_server_conf conf = {.nlisten = 2,
		.port = {v4, v6},
		.bindings = 1000,
		.endpoints = 1000,
		.changed = change_tell};

	assert_int_equal(addr_parse("127.0.0.1", &conf.listen[0]), 0);
	assert_int_equal(addr_parse("::1", &conf.listen[1]), 0);
	err_init(err);
	return rad_server_new(&conf, err);
}

static struct rad_client client(const char *prefix)
{
	struct rad_client c = {
		.form = {.id = {0, CALLING, RAD_KIND_TEXT},
			.address = {{0, FRAMED_IP, RAD_KIND_ADDR_V4}}},
		.secret = {.n = 1, .octets = "x"},
		.respond = true,
	};

	(void)snprintf(c.name, sizeof(c.name), "%s", prefix);
	assert_int_equal(prefix_parse(prefix, &c.prefix), 0);
	return c;
}

static int client_open(int family, uint16_t port)
{
	struct sockaddr_in a4 = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const int s = socket(family, SOCK_DGRAM, 0);

	assert_true(s >= 0);
	if (family == AF_INET)
		assert_int_equal(connect(s, (struct sockaddr *)&a4, sizeof(a4)), 0);
	else
		assert_int_equal(connect(s, (struct sockaddr *)&a6, sizeof(a6)), 0);
	return s;
}

static void readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
}

static void talk(int s, uint8_t id, uint32_t status, const char *who, const char *where)
{
	uint8_t buf[RAD_PACKET_MAX];
	struct made m;

	made_begin(&m, RAD_ACCOUNTING_REQUEST, id);
	made_number(&m, RAD_ACCT_STATUS_TYPE, status);
	made_text(&m, RAD_ACCT_SESSION_ID, where);
	made_text(&m, CALLING, who);
	made_v4(&m, FRAMED_IP, where);
	assert_int_equal(send(s, m.b, m.n, 0), m.n);
	readable(s);
	assert_int_equal(recv(s, buf, sizeof(buf), 0), RAD_HEAD);
	assert_int_equal(buf[1], id);
}

static void who_is(struct rad_server *s, const char *id, const char *where)
{
	struct rad_key k = {.port_last = UINT16_MAX};
	char got[RAD_ID_MAX];
	bool shared;

	assert_int_equal(prefix_parse(where, &k.prefix), 0);
	const size_t n = rad_server_who(s, &k, got, &shared);
	assert_int_equal(n, strlen(id));
	assert_memory_equal(got, id, n);
	assert_false(shared);
}

static void datagrams_of_both_families_are_taken_and_answered(void **)
{
	const uint16_t v4 = port_free(AF_INET), v6 = port_free(AF_INET6);
	const struct rad_client clients[] = {client("127.0.0.1/32"), client("::1/128")};
	struct rad_server_counts counts;
	struct rad_client_counts c;
	struct err_list err;
	struct rad_server *s = server_make(v4, v6, &err);

	assert_non_null(s);
	assert_int_equal(rad_server_clients(s, clients, 2), 0);
	assert_int_equal(rad_server_start(s), 0);
	const int s4 = client_open(AF_INET, v4), s6 = client_open(AF_INET6, v6);
	talk(s4, 1, RAD_START, "alice", "10.0.0.1");
	readable(told); // before the answer
	talk(s6, 2, RAD_START, "bob", "10.0.0.2");
	who_is(s, "alice", "10.0.0.1");
	who_is(s, "bob", "10.0.0.2");
	talk(s4, 3, RAD_STOP, "alice", "10.0.0.1");
	who_is(s, "", "10.0.0.1");
	rad_server_counts(s, &counts);
	assert_int_equal(counts.bind.begun, 2);
	assert_int_equal(counts.bind.ended, 1);
	assert_int_equal(counts.dropped, 0);
	assert_true(counts.late_us > 0);
	rad_server_counts(s, &counts);
	assert_int_equal(counts.late_us, 0);
	assert_true(rad_server_client(s, 1, &c));
	assert_string_equal(c.name, "::1/128");
	assert_int_equal(c.n[RAD_COUNT_START], 1);
	assert_false(rad_server_client(s, 2, &c));
	assert_int_equal(close(s4), 0);
	assert_int_equal(close(s6), 0);
	rad_server_free(s);
}

static void a_burst_is_taken_to_its_last_datagram(void **)
{
	enum { MANY = 150 };
	const uint16_t v4 = port_free(AF_INET);
	const struct rad_client clients[] = {client("127.0.0.1/32")};
	uint8_t buf[RAD_PACKET_MAX];
	bool seen[MANY] = {0};
	struct err_list err;
	struct rad_server *s = server_make(v4, port_free(AF_INET6), &err);

	assert_non_null(s);
	assert_int_equal(rad_server_clients(s, clients, 1), 0);
	const int s4 = client_open(AF_INET, v4);
	for (unsigned i = 0; i < MANY; i++) { // they wait until there is a thread
		struct made m;
		char where[16];

		(void)snprintf(where, sizeof(where), "10.0.0.%u", i + 1);
		made_begin(&m, RAD_ACCOUNTING_REQUEST, (uint8_t)i);
		made_number(&m, RAD_ACCT_STATUS_TYPE, RAD_START);
		made_text(&m, RAD_ACCT_SESSION_ID, where);
		made_text(&m, CALLING, where);
		made_v4(&m, FRAMED_IP, where);
		if (i % 7 < 2) // answers of other lengths among them
			made_text(&m, RAD_PROXY_STATE, where);
		assert_int_equal(send(s4, m.b, m.n, 0), m.n);
	}
	assert_int_equal(rad_server_start(s), 0);
	for (unsigned i = 0; i < MANY; i++) {
		readable(s4);
		const ssize_t n = recv(s4, buf, sizeof(buf), 0);
		assert_true(n >= RAD_HEAD);
		assert_int_equal(n, buf[2] << 8 | buf[3]);
		assert_true(buf[1] < MANY && !seen[buf[1]]);
		assert_int_equal(n > RAD_HEAD, buf[1] % 7 < 2);
		seen[buf[1]] = true;
	}
	assert_int_equal(close(s4), 0);
	rad_server_free(s);
}

static void a_port_in_use_is_an_error_that_names_it(void **)
{
	const uint16_t v4 = port_free(AF_INET);
	struct err_list err;
	char text[64];
	struct rad_server *first = server_make(v4, port_free(AF_INET6), &err);

	assert_non_null(first);
	assert_null(server_make(v4, port_free(AF_INET6), &err));
	(void)snprintf(text, sizeof(text), "radius.listen: 127.0.0.1 port %u: %s", v4,
		strerror(EADDRINUSE));
	assert_int_equal(err.count, 1);
	assert_string_equal(err.text[0], text);
	rad_server_free(first); // never started
}

static int told_open(void **)
{
	told = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return told < 0;
}

static int told_close(void **)
{
	return close(told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_of_both_families_are_taken_and_answered),
		cmocka_unit_test(a_burst_is_taken_to_its_last_datagram),
		cmocka_unit_test(a_port_in_use_is_an_error_that_names_it),
	};

	return cmocka_run_group_tests(tests, told_open, told_close);
}
