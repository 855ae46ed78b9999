// SPDX-License-Identifier: BSD-3-Clause
// A connected datagram socket. A daemon that was started anew has another socket under the name:
// the next line finds that out, and once a second it is tried again.
// Thread: the loop's.
#include "serve_syslog.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "core_loop.h"
#include "log.h"
#include "text.h"

LOG_COMPONENT("syslog");

static const uint64_t RETRY_US = 1000000;

struct serve_syslog {
	struct sockaddr_un name;
	int fd;           // -1 = not connected
	bool told;        // that it is away
	uint64_t next_us; // not tried before
	uint64_t sent, lost;
};

struct serve_syslog *serve_syslog_new(const char *path)
{
	struct serve_syslog *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->fd = -1;
	s->name.sun_family = AF_UNIX;
	(void)text_copy(s->name.sun_path, sizeof(s->name.sun_path), path); // the schema bounds it
	return s;
}

static void disconnect(struct serve_syslog *s)
{
	if (s->fd >= 0)
		(void)close(s->fd); // datagrams are gone or lost
	s->fd = -1;
}

void serve_syslog_free(struct serve_syslog *s)
{
	if (s == NULL)
		return;
	disconnect(s);
	free(s);
}

static int connected(struct serve_syslog *s)
{
	uint64_t now = core_now_us();
	int rc = 0;

	if (s->fd >= 0)
		return 0;
	if (now < s->next_us)
		return -ENOTCONN;
	s->next_us = now + RETRY_US;
	s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&s->name, sizeof(s->name)) < 0)
		rc = -errno;
	if (rc != 0)
		disconnect(s);
	if (rc != 0 && !s->told)
		LOG(WARNING, "%s: %s; lines are lost until it is there", s->name.sun_path,
			strerror(-rc));
	else if (rc == 0 && s->told)
		LOG(NOTICE, "%s: connected, %llu lines lost so far", s->name.sun_path,
			(unsigned long long)s->lost);
	s->told = rc != 0;
	return rc;
}

// No time in front: who receives it stamps it, and the line has its own (RFC 3164 section 4.3).
static int put(struct serve_syslog *s, const char *line, size_t n)
{
	char head[64];
	struct iovec part[2] = {{head, 0}, {(char *)(uintptr_t)line, n}};
	struct msghdr msg = {.msg_iov = part, .msg_iovlen = 2};

	part[0].iov_len = (size_t)snprintf(head, sizeof(head),
		"<%d>mailweir-controlplane[%d]: ", LOG_MAIL | LOG_INFO, (int)getpid());
	return sendmsg(s->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

void serve_syslog_send(struct serve_syslog *s, const char *line, size_t n)
{
	int rc = connected(s);

	if (rc == 0)
		rc = put(s, line, n);
	if (rc == -ECONNREFUSED || rc == -ENOTCONN || rc == -EPIPE || rc == -ECONNRESET) {
		disconnect(s);
		rc = connected(s);
		if (rc == 0)
			rc = put(s, line, n);
	}
	s->sent += rc == 0;
	s->lost += rc != 0;
}

uint64_t serve_syslog_sent(const struct serve_syslog *s)
{
	return s->sent;
}

uint64_t serve_syslog_lost(const struct serve_syslog *s)
{
	return s->lost;
}
