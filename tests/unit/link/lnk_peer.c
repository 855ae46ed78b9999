// SPDX-License-Identifier: BSD-3-Clause
// The bench and the control plane made by hand.
#include "lnk_peer.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tbl_cells.h"

static void port_row(void *arg, uint16_t port, struct api_port_stats *row)
{
	(void)arg;
	(void)snprintf(row->name, sizeof(row->name), "port%u", (unsigned)port);
	row->rx_packets++;
	row->mtu = 1500;
}

static const uint8_t SECRET[16] = {0xd0};

void bench_open(struct bench *b, uint64_t image_max)
{
	bench_open_cells(b, image_max, 0);
}

void bench_open_cells(struct bench *b, uint64_t image_max, uint32_t cells)
{
	struct err_list err;
	struct lnk_conf conf = {.path = b->path,
		.eng = &b->eng,
		.workers = DOUBLE_WORKERS,
		.ports = 2,
		.image_max = image_max,
		.uid = LNK_ID_NONE,
		.gid = LNK_ID_NONE,
		.port = port_row};

	*b = (struct bench){.now_us = BENCH_BEGIN_S * UINT64_C(1000000), .cells = {.fd = -1}};
	(void)snprintf(b->dir, sizeof(b->dir), "/tmp/lnk-test-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	(void)snprintf(b->path, sizeof(b->path), "%s/control.link", b->dir);
	eng_double_init(&b->eng);
	err_init(&err);
	if (cells > 0) {
		assert_int_equal(lnk_cells_open(&b->cells, cells, false, &err), 0);
		(void)tbl_cells_init(b->cells.mem, cells, SECRET);
		conf.cells = &b->cells;
	}
	b->lnk = lnk_new(&conf, &err);
	if (b->lnk == NULL)
		fail_msg("%s", err.text[0]);
}

void bench_close(struct bench *b)
{
	struct stat st;

	lnk_free(b->lnk);
	lnk_cells_close(&b->cells);
	assert_int_equal(lstat(b->path, &st), -1); // its socket file is gone
	assert_int_equal(rmdir(b->dir), 0);
}

int bench_poll(struct bench *b)
{
	b->now_us += 1000;
	return lnk_poll(b->lnk, b->now_us);
}

const struct api_stats *bench_stats(const struct peer *p)
{
	void *mem = mmap(NULL, p->hello.stats_bytes, PROT_READ, MAP_SHARED, p->stats_fd, 0);

	assert_true(mem != MAP_FAILED);
	return mem;
}

void stats_unmap(const struct api_stats *s)
{
	assert_int_equal(munmap((void *)(uintptr_t)s, s->bytes), 0);
}

void peer_connect(struct peer *p, const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	*p = (struct peer){.fd = -1, .link_fd = -1, .stats_fd = -1, .cells_fd = -1};
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	p->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(p->fd >= 0);
	assert_int_equal(connect(p->fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
}

static void ring_open(struct peer *p, struct api_ring *r, uint64_t off, uint32_t n, uint32_t size)
{
	void *mem = p->mem + off;

	(void)api_ring_open(r, mem, n, size);
}

int peer_hello(struct peer *p)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(3 * sizeof(int))];
	struct iovec iov = {.iov_base = &p->hello, .iov_len = sizeof(p->hello)};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(p->fd, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;
	int fds[3] = {-1, -1, -1};
	size_t bytes = sizeof(fds);
	void *mem;

	if (n <= 0)
		return n == 0 ? -ECONNRESET : -errno;
	if (n != (ssize_t)sizeof(p->hello))
		return -EPROTO;
	if (p->hello.cells_bytes == 0)
		bytes -= sizeof(fds[2]);
	c = CMSG_FIRSTHDR(&m);
	if (c == NULL || c->cmsg_len != CMSG_LEN(bytes))
		return -EPROTO;
	memcpy(fds, CMSG_DATA(c), bytes);
	p->link_fd = fds[0];
	p->stats_fd = fds[1];
	p->cells_fd = fds[2];
	mem = mmap(NULL, p->hello.link_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p->link_fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	p->mem = mem;
	ring_open(p, &p->command, p->hello.command_off, API_RING_COMMANDS,
		sizeof(struct api_command));
	ring_open(p, &p->event, p->hello.event_off, API_RING_EVENTS, sizeof(struct api_event));
	ring_open(p, &p->binding, p->hello.binding_off, API_RING_BINDINGS,
		sizeof(struct api_binding));
	ring_open(p, &p->fact, p->hello.fact_off, API_RING_FACTS, sizeof(struct api_fact));
	for (unsigned w = 0; w < DOUBLE_WORKERS; w++) {
		ring_open(p, &p->outcome[w], p->hello.outcome_off[w], API_RING_OUTCOMES,
			sizeof(struct api_outcome));
		ring_open(p, &p->record[w], p->hello.record_off[w], API_RING_RECORDS,
			sizeof(struct api_record));
		ring_open(
			p, &p->ask[w], p->hello.ask_off[w], API_RING_ASKS, sizeof(struct api_ask));
		ring_open(p, &p->answer[w], p->hello.answer_off[w], API_RING_ANSWERS,
			sizeof(struct api_answer));
	}
	return 0;
}

void peer_attach(struct bench *b, struct peer *p)
{
	peer_connect(p, b->path);
	(void)bench_poll(b);
	assert_int_equal(peer_hello(p), 0);
	assert_true(lnk_is_attached(b->lnk));
}

void peer_send(struct peer *p, const struct api_command *c)
{
	assert_int_equal(api_ring_put(&p->command, c), 0);
	assert_int_equal(send(p->fd, "", 1, MSG_NOSIGNAL), 1);
}

static int ring_of(struct peer *p, int put)
{
	(void)send(p->fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT); // a full socket has bells enough
	return put;
}

int peer_bind(struct peer *p, const struct api_binding *m)
{
	return ring_of(p, api_ring_put(&p->binding, m));
}

int peer_tell(struct peer *p, const struct api_fact *f)
{
	return ring_of(p, api_ring_put(&p->fact, f));
}

int peer_event(struct bench *b, struct peer *p, struct api_event *e)
{
	for (unsigned i = 0; i < 8; i++) {
		if (api_ring_take(&p->event, e) == 0)
			return 0;
		(void)bench_poll(b);
	}
	return -EAGAIN;
}

bool peer_is_closed(struct peer *p)
{
	char bell[16];
	ssize_t n;

	do
		n = recv(p->fd, bell, sizeof(bell), MSG_DONTWAIT);
	while (n > 0);
	return n == 0 || errno == ECONNRESET || errno == EPIPE;
}

void peer_close(struct peer *p)
{
	if (p->mem != NULL)
		(void)munmap(p->mem, p->hello.link_bytes);
	if (p->fd >= 0)
		(void)close(p->fd);
	if (p->link_fd >= 0)
		(void)close(p->link_fd);
	if (p->stats_fd >= 0)
		(void)close(p->stats_fd);
	if (p->cells_fd >= 0)
		(void)close(p->cells_fd);
	*p = (struct peer){.fd = -1, .link_fd = -1, .stats_fd = -1, .cells_fd = -1};
}

unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

unsigned count_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, "memfd:") != NULL;
	(void)fclose(f);
	return n;
}
