// SPDX-License-Identifier: BSD-3-Clause
// The server of the tests. First label of the name -> what is said to MX, A and AAAA.
#include "dns_server.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum say {
	SAY_NODATA,
	SAY_RECORD,
	SAY_NULL_MX,
	SAY_NULL_AND_MX,
	SAY_ALIAS,
	SAY_SERVFAIL,
	SAY_NXDOMAIN,
	SAY_REFUSED,
	SAY_SILENT,
	SAY_WRONG_ID,
	SAY_OTHER_PORT,
	SAY_TRUNCATED,
	SAY_GARBAGE,
	SAY_OTHER_NAME
};
enum when { NOW, LATE };

static const struct {
	const char *label;
	enum say mx, a, aaaa;
	enum when when;
	uint32_t ttl_s;
} zone[] = {
	{"mx", SAY_RECORD, SAY_NODATA, SAY_NODATA, NOW, 300},
	{"only-a", SAY_NODATA, SAY_RECORD, SAY_NODATA, NOW, 300},
	{"only-aaaa", SAY_NODATA, SAY_NODATA, SAY_RECORD, NOW, 300},
	{"nothing", SAY_NODATA, SAY_NODATA, SAY_NODATA, NOW, 300},
	{"nomail", SAY_NULL_MX, SAY_RECORD, SAY_RECORD, NOW, 300},
	{"nullish", SAY_NULL_AND_MX, SAY_NODATA, SAY_NODATA, NOW, 300},
	{"alias", SAY_ALIAS, SAY_ALIAS, SAY_ALIAS, NOW, 300},
	{"nxdomain", SAY_NXDOMAIN, SAY_NXDOMAIN, SAY_NXDOMAIN, NOW, 300},
	{"servfail", SAY_SERVFAIL, SAY_SERVFAIL, SAY_SERVFAIL, NOW, 300},
	{"refused", SAY_REFUSED, SAY_REFUSED, SAY_REFUSED, NOW, 300},
	{"half", SAY_NODATA, SAY_SERVFAIL, SAY_NODATA, NOW, 300},
	{"half-good", SAY_NODATA, SAY_SERVFAIL, SAY_RECORD, NOW, 300},
	{"silent", SAY_SILENT, SAY_SILENT, SAY_SILENT, NOW, 300},
	{"late", SAY_RECORD, SAY_RECORD, SAY_RECORD, LATE, 300},
	{"wrong-id", SAY_WRONG_ID, SAY_RECORD, SAY_RECORD, NOW, 300},
	{"spoofed", SAY_OTHER_PORT, SAY_RECORD, SAY_RECORD, NOW, 300},
	{"other-name", SAY_OTHER_NAME, SAY_RECORD, SAY_RECORD, NOW, 300},
	{"truncated", SAY_TRUNCATED, SAY_RECORD, SAY_RECORD, NOW, 300},
	{"garbage", SAY_GARBAGE, SAY_GARBAGE, SAY_GARBAGE, NOW, 300},
	{"brief", SAY_RECORD, SAY_NODATA, SAY_NODATA, NOW, 0},
	{"long", SAY_RECORD, SAY_NODATA, SAY_NODATA, NOW, 0x7fffffff},
	{"xn--e1afmkfd", SAY_RECORD, SAY_NODATA, SAY_NODATA, NOW, 300},
};

static int socket_at(int type, uint16_t *port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
		.sin_port = htons(*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	*port = ntohs(sa.sin_port);
	return fd;
}

void server_open(struct server *s)
{
	uint16_t other = 0;

	*s = (struct server){.conn = -1};
	s->udp = socket_at(SOCK_DGRAM, &s->port);
	s->tcp = socket_at(SOCK_STREAM, &s->port);
	s->other = socket_at(SOCK_DGRAM, &other);
	assert_int_equal(listen(s->tcp, 8), 0);
	(void)snprintf(s->servers, sizeof(s->servers), "127.0.0.1:%u", (unsigned)s->port);
}

void server_close(struct server *s)
{
	(void)close(s->udp);
	(void)close(s->tcp);
	(void)close(s->other);
	if (s->conn >= 0)
		(void)close(s->conn);
}

static uint8_t *put16(uint8_t *p, unsigned v)
{
	*p++ = (uint8_t)(v >> 8);
	*p++ = (uint8_t)v;
	return p;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, v >> 16), v & 0xffff);
}

static uint8_t *put_record(uint8_t *p, unsigned type, uint32_t ttl_s, const void *data, unsigned n)
{
	p = put16(p, 0xc00c); // the question's name
	p = put16(p, type);
	p = put16(p, ns_c_in);
	p = put32(p, ttl_s);
	p = put16(p, n);
	memcpy(p, data, n);
	return p + n;
}

// The records of a reply; *n of them go to the answer section, *soa to the authority.
static uint8_t *records(
	uint8_t *p, enum say say, unsigned type, uint32_t ttl_s, unsigned *n, bool *soa)
{
	static const uint8_t mx[] = {0, 10, 0xc0, 0x0c}, null_mx[] = {0, 0, 0};
	static const uint8_t address[16] = {192, 0, 2, 1};
	static const uint8_t start[22] = {0, 0, [21] = 60}; // two roots, five numbers: minimum 60 s

	*n = 0;
	*soa = false;
	switch (say) {
	case SAY_NODATA:
	case SAY_NXDOMAIN:
		*soa = true;
		return put_record(p, ns_t_soa, ttl_s, start, sizeof(start));
	case SAY_NULL_MX:
		*n = 1;
		return put_record(p, ns_t_mx, ttl_s, null_mx, sizeof(null_mx));
	case SAY_NULL_AND_MX:
		*n = 2;
		p = put_record(p, ns_t_mx, ttl_s, null_mx, sizeof(null_mx));
		return put_record(p, ns_t_mx, ttl_s, mx, sizeof(mx));
	case SAY_ALIAS:
		*n = 1;
		return put_record(p, ns_t_cname, ttl_s, null_mx, 1);
	case SAY_SERVFAIL:
	case SAY_REFUSED:
	case SAY_SILENT:
		return p;
	default:
		*n = 1;
		if (type == ns_t_mx)
			return put_record(p, type, ttl_s, mx, sizeof(mx));
		return put_record(p, type, ttl_s, address, type == ns_t_a ? 4 : 16);
	}
}

static size_t find(const uint8_t *query, int n)
{
	for (size_t i = 0; i < sizeof(zone) / sizeof(zone[0]); i++) {
		size_t len = strlen(zone[i].label);

		if (n > 13 + (int)len && query[12] == len &&
			strncasecmp((const char *)query + 13, zone[i].label, len) == 0)
			return i;
	}
	fail_msg("a query for a name that no test has");
	return 0;
}

static enum say what_of(size_t z, unsigned type)
{
	return type == ns_t_mx ? zone[z].mx : type == ns_t_a ? zone[z].a : zone[z].aaaa;
}

// The reply to a query; its length.
static int reply_make(const uint8_t *query, int n, bool tcp, enum say say, size_t z, uint8_t *out)
{
	int name = 12;
	unsigned type, count;
	uint8_t *p;
	bool soa;

	while (query[name] != 0)
		name += query[name] + 1;
	assert_true(name + 5 <= n);
	type = (unsigned)query[name + 1] << 8 | query[name + 2];
	memcpy(out, query, (size_t)name + 5);
	p = records(out + name + 5, say, type, zone[z].ttl_s, &count, &soa);
	out[2] = 0x81; // a reply, recursion desired
	out[3] = (uint8_t)(0x80 |
		(say == SAY_NXDOMAIN                  ? 3
				: say == SAY_SERVFAIL ? 2
				: say == SAY_REFUSED  ? 5
						      : 0));
	(void)put16(out + 4, 1);
	(void)put16(out + 6, count);
	(void)put16(out + 8, soa);
	(void)put16(out + 10, 0);
	if (say == SAY_WRONG_ID)
		out[0] ^= 0x55;
	if (say == SAY_OTHER_NAME)
		out[14] ^= 1;
	if (say == SAY_TRUNCATED && !tcp) {
		out[2] |= 2;
		(void)put16(out + 6, 0);
		return name + 5;
	}
	if (say == SAY_GARBAGE) {
		(void)put16(out + 6, 9); // more records than there are
		return (int)(p - out) - 3;
	}
	return (int)(p - out);
}

static void udp_serve(struct server *s)
{
	uint8_t query[512], reply[1024];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n;

	while ((n = recvfrom(s->udp, query, sizeof(query), 0, (struct sockaddr *)&from, &len)) >
		17) {
		int name = 12;
		size_t z = find(query, (int)n);

		while (query[name] != 0)
			name += query[name] + 1;
		enum say say = what_of(z, (unsigned)query[name + 2]);
		int m = reply_make(query, (int)n, false, say, z, reply);

		s->asked++;
		if (say == SAY_SILENT || s->dead)
			continue;
		if (zone[z].when == LATE) {
			assert_true(s->nkept < SERVER_KEPT_MAX);
			memcpy(s->kept[s->nkept].bytes, reply, (size_t)m);
			s->kept[s->nkept].n = m;
			s->kept[s->nkept].address = from.sin_addr.s_addr;
			s->kept[s->nkept++].port = from.sin_port;
			continue;
		}
		(void)sendto(say == SAY_OTHER_PORT ? s->other : s->udp, reply, (size_t)m, 0,
			(const struct sockaddr *)&from, len);
	}
}

// One connection at a time; its query is small and comes whole.
static void tcp_serve(struct server *s)
{
	uint8_t query[514], reply[1024];
	ssize_t n;

	if (s->conn < 0)
		s->conn = accept4(s->tcp, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	n = s->conn < 0 ? -1 : recv(s->conn, query, sizeof(query), 0);
	if (n < 0)
		return;
	if (n > 19) {
		size_t z = find(query + 2, (int)n - 2);
		int m = reply_make(query + 2, (int)n - 2, true, what_of(z, ns_t_mx), z, reply + 2);

		s->by_tcp++;
		(void)put16(reply, (unsigned)m);
		(void)send(s->conn, reply, (size_t)m + 2, MSG_NOSIGNAL);
		return;
	}
	(void)close(s->conn);
	s->conn = -1;
}

void server_serve(struct server *s)
{
	udp_serve(s);
	tcp_serve(s);
}

void server_let_go(struct server *s)
{
	for (unsigned i = 0; i < s->nkept; i++) {
		struct sockaddr_in to = {.sin_family = AF_INET,
			.sin_port = (in_port_t)s->kept[i].port,
			.sin_addr.s_addr = s->kept[i].address};

		(void)sendto(s->udp, s->kept[i].bytes, (size_t)s->kept[i].n, 0,
			(const struct sockaddr *)&to, sizeof(to));
	}
	s->nkept = 0;
}
