// SPDX-License-Identifier: BSD-3-Clause
// The data plane made by hand.
#include "core_dp.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

void dp_listen(struct dp *d)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	*d = (struct dp){
		.listener = -1, .peer = -1, .link_fd = -1, .stats_fd = -1, .cells_fd = -1};
	(void)snprintf(d->dir, sizeof(d->dir), "/tmp/core-test-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	(void)snprintf(d->path, sizeof(d->path), "%s/link", d->dir);
	memcpy(sa.sun_path, d->path, strlen(d->path) + 1);
	d->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(d->listener, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(d->listener, 4), 0);
}

static uint64_t reserve(uint64_t *end, uint64_t n)
{
	uint64_t off = *end;

	*end = (off + n + 63) & ~UINT64_C(63);
	return off;
}

static void link_layout(struct api_hello *h)
{
	uint64_t end = 0;

	*h = (struct api_hello){.magic = API_LINK_MAGIC,
		.version = API_LINK_VERSION,
		.workers = DP_WORKERS,
		.boot = 1,
		.epoch = 1,
		.slot_bytes = DP_SLOT,
		.pid = 1};
	h->command_off =
		reserve(&end, api_ring_bytes(API_RING_COMMANDS, sizeof(struct api_command)));
	h->event_off = reserve(&end, api_ring_bytes(API_RING_EVENTS, sizeof(struct api_event)));
	h->binding_off =
		reserve(&end, api_ring_bytes(API_RING_BINDINGS, sizeof(struct api_binding)));
	h->fact_off = reserve(&end, api_ring_bytes(API_RING_FACTS, sizeof(struct api_fact)));
	for (unsigned w = 0; w < DP_WORKERS; w++) {
		h->outcome_off[w] = reserve(
			&end, api_ring_bytes(API_RING_OUTCOMES, sizeof(struct api_outcome)));
		h->record_off[w] =
			reserve(&end, api_ring_bytes(API_RING_RECORDS, sizeof(struct api_record)));
		h->ask_off[w] =
			reserve(&end, api_ring_bytes(API_RING_ASKS, sizeof(struct api_ask)));
		h->answer_off[w] =
			reserve(&end, api_ring_bytes(API_RING_ANSWERS, sizeof(struct api_answer)));
	}
	for (unsigned i = 0; i < API_SLOTS; i++)
		h->slot_off[i] = reserve(&end, DP_SLOT);
	h->counts_bytes = DP_COUNTS * sizeof(struct api_count);
	h->counts_off = reserve(&end, h->counts_bytes);
	h->link_bytes = end;
}

static struct api_stats stats_layout(void)
{
	struct api_stats s = {.magic = API_STATS_MAGIC,
		.version = API_STATS_VERSION,
		.workers = DP_WORKERS,
		.names = DP_NAMES,
		.ports = DP_PORTS};
	uint64_t end = sizeof(s);

	s.names_off = reserve(&end, DP_NAMES * sizeof(struct api_stat_name));
	s.ports_off = reserve(&end, DP_PORTS * sizeof(struct api_port_stats));
	s.worker_stride = 64;
	s.workers_off = reserve(&end, DP_WORKERS * s.worker_stride);
	s.policy_hits_off = reserve(&end, DP_WORKERS * API_STATS_POLICIES_MAX * UINT64_C(8));
	s.sight_stride = sizeof(struct api_sight);
	s.sights_off = reserve(&end, DP_WORKERS * sizeof(struct api_sight));
	s.sight_net_off = reserve(&end, sizeof(struct api_sight_net));
	s.bytes = end;
	return s;
}

static uint8_t *memory(int *fd, uint64_t bytes)
{
	void *mem;

	*fd = memfd_create("core-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(*fd >= 0);
	assert_int_equal(ftruncate(*fd, (off_t)bytes), 0);
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	assert_true(mem != MAP_FAILED);
	return mem;
}

static void ring(struct dp *d, struct api_ring *r, uint64_t off, uint32_t n, uint32_t size)
{
	void *mem = d->link + off;

	assert_int_equal(api_ring_open(r, mem, n, size), 0);
}

void dp_make(struct dp *d)
{
	const struct api_stats head = stats_layout();
	struct api_hello *h = &d->hello;

	link_layout(h);
	h->stats_bytes = head.bytes;
	d->link = memory(&d->link_fd, h->link_bytes);
	d->stats = memory(&d->stats_fd, head.bytes);
	d->head = (void *)d->stats;
	*d->head = head;
	for (unsigned i = 0; i < DP_NAMES; i++) {
		struct api_stat_name *n = (void *)(d->stats + head.names_off + i * sizeof(*n));

		(void)snprintf(n->name, sizeof(n->name), "counter_%u", i);
	}
	ring(d, &d->command, h->command_off, API_RING_COMMANDS, sizeof(struct api_command));
	ring(d, &d->event, h->event_off, API_RING_EVENTS, sizeof(struct api_event));
	ring(d, &d->binding, h->binding_off, API_RING_BINDINGS, sizeof(struct api_binding));
	ring(d, &d->fact, h->fact_off, API_RING_FACTS, sizeof(struct api_fact));
	for (unsigned w = 0; w < DP_WORKERS; w++) {
		ring(d, &d->outcome[w], h->outcome_off[w], API_RING_OUTCOMES,
			sizeof(struct api_outcome));
		ring(d, &d->record[w], h->record_off[w], API_RING_RECORDS,
			sizeof(struct api_record));
		ring(d, &d->ask[w], h->ask_off[w], API_RING_ASKS, sizeof(struct api_ask));
		ring(d, &d->answer[w], h->answer_off[w], API_RING_ANSWERS,
			sizeof(struct api_answer));
	}
}

static void cells_unmap(struct dp *d)
{
	if (d->cells != NULL)
		(void)munmap(d->cells, api_cells_bytes(d->cells->buckets));
	d->cells = NULL;
}

void dp_cells(struct dp *d, uint32_t buckets)
{
	cells_unmap(d);
	d->hello.counts_open = 1;
	d->hello.cells_bytes = api_cells_bytes(buckets);
	d->cells = (void *)memory(&d->cells_fd, d->hello.cells_bytes);
	d->cells->buckets = buckets;
	assert_int_equal(fcntl(d->cells_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
}

void dp_count(struct dp *d, uint32_t bucket, unsigned i, const struct api_count *row)
{
	struct api_cell_bucket *b = &d->cells->bucket[bucket];
	const uint32_t ago_s = (uint32_t)((int64_t)(d->cells->at_us / 1000000) - row->start_s);
	const uint32_t start_s = (uint32_t)(d->cells->clock_us / 1000000) - ago_s;

	b->tag[i] = row->tag;
	b->cell[i].window = (uint64_t)start_s << 32 | (uint32_t)row->before << 16 | row->now;
	b->cell[i].window_s = row->window_s;
	b->cell[i].word = UINT64_C(2) << 32;
}

void dp_seal(struct dp *d, int link_seals, int stats_seals)
{
	assert_int_equal(fcntl(d->link_fd, F_ADD_SEALS, link_seals), 0);
	assert_int_equal(fcntl(d->stats_fd, F_ADD_SEALS, stats_seals), 0);
}

bool dp_accept(struct dp *d)
{
	d->peer = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return d->peer >= 0;
}

void dp_send(struct dp *d, size_t bytes, unsigned fds)
{
	const int third = d->cells_fd >= 0 ? d->cells_fd : d->link_fd;
	const int all[4] = {d->link_fd, d->stats_fd, third, d->stats_fd};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(all))] = {0};
	uint8_t buf[2 * sizeof(d->hello)] = {0};
	struct iovec iov = {.iov_base = buf, .iov_len = bytes};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	memcpy(buf, &d->hello, sizeof(d->hello));
	if (fds > 0) {
		struct cmsghdr *c;

		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fds * sizeof(int));
		memcpy(CMSG_DATA(c), all, fds * sizeof(int));
	}
	assert_int_equal(sendmsg(d->peer, &m, MSG_NOSIGNAL), bytes);
}

void dp_drop(struct dp *d)
{
	if (d->peer >= 0)
		(void)close(d->peer);
	if (d->link != NULL)
		(void)munmap(d->link, d->hello.link_bytes);
	if (d->stats != NULL)
		(void)munmap(d->stats, d->hello.stats_bytes);
	if (d->link_fd >= 0)
		(void)close(d->link_fd);
	if (d->stats_fd >= 0)
		(void)close(d->stats_fd);
	if (d->cells_fd >= 0)
		(void)close(d->cells_fd);
	d->peer = d->link_fd = d->stats_fd = d->cells_fd = -1;
	d->link = d->stats = NULL;
}

void dp_close(struct dp *d)
{
	dp_drop(d);
	cells_unmap(d);
	(void)close(d->listener);
	(void)unlink(d->path);
	(void)rmdir(d->dir);
}
