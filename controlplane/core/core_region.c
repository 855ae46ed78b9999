// SPDX-License-Identifier: BSD-3-Clause
// The hello and the memory it announces: received, proved, mapped, given back. After this no offset
// of the other side is believed any more; what may lead outside has been refused here.
// Overlapping rings are not looked for: they spoil messages, which are checked one by one.
// Thread: the loop's.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core_link_int.h"

enum { FDS = 3, FDS_ROOM = 8 }; // room for more, so that they can be closed

struct parcel { // a datagram and its descriptors
	ssize_t n;
	unsigned fds;
	int fd[FDS_ROOM];
	bool cut; // more data or descriptors than there was room for
};

static int parcel_take(int fd, void *buf, size_t cap, struct parcel *p)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * FDS_ROOM)];
	struct iovec iov = {.iov_base = buf, .iov_len = cap};
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	*p = (struct parcel){0};
	p->n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (p->n < 0)
		return -errno;
	p->cut = (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n && p->fds < FDS_ROOM; i++)
			memcpy(&p->fd[p->fds++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
	return 0;
}

// True if a ring of `capacity` elements of `size` bytes at `off` lies inside the link memory.
static bool ring_is_inside(
	const struct api_hello *h, uint64_t off, uint32_t capacity, uint32_t size)
{
	uint64_t need = api_ring_bytes(capacity, size);

	return off % 64 == 0 && off <= h->link_bytes && need <= h->link_bytes - off;
}

static const char *hello_fault(const struct api_hello *h)
{
	if (h->magic != API_LINK_MAGIC)
		return "wrong magic";
	if (h->version != API_LINK_VERSION)
		return "another version of the link: both planes have to be of one release";
	if (h->workers == 0 || h->workers > API_WORKERS_MAX)
		return "number of workers out of range";
	if (!ring_is_inside(h, h->command_off, API_RING_COMMANDS, sizeof(struct api_command)) ||
		!ring_is_inside(h, h->event_off, API_RING_EVENTS, sizeof(struct api_event)))
		return "a ring lies outside the memory";
	if (!ring_is_inside(
		    h, h->binding_off, API_RING_BINDINGS, sizeof(struct api_binding)) ||
		!ring_is_inside(h, h->fact_off, API_RING_FACTS, sizeof(struct api_fact)))
		return "a ring of clients lies outside the memory";
	for (uint32_t w = 0; w < h->workers; w++)
		if (!ring_is_inside(
			    h, h->outcome_off[w], API_RING_OUTCOMES, sizeof(struct api_outcome)) ||
			!ring_is_inside(
				h, h->record_off[w], API_RING_RECORDS, sizeof(struct api_record)) ||
			!ring_is_inside(h, h->ask_off[w], API_RING_ASKS, sizeof(struct api_ask)) ||
			!ring_is_inside(
				h, h->answer_off[w], API_RING_ANSWERS, sizeof(struct api_answer)))
			return "a worker's ring lies outside the memory";
	for (unsigned i = 0; i < API_SLOTS; i++)
		if (h->slot_off[i] % 64 != 0 || h->slot_off[i] > h->link_bytes ||
			h->slot_bytes > h->link_bytes - h->slot_off[i])
			return "an image slot lies outside the memory";
	if (h->counts_off % 64 != 0 || h->counts_off > h->link_bytes ||
		h->counts_bytes > h->link_bytes - h->counts_off)
		return "the room for counts lies outside the memory";
	return NULL;
}

static const char *memory_fault(int fd, uint64_t bytes)
{
	const int needed = F_SEAL_SHRINK | F_SEAL_GROW;
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & needed) != needed)
		return "its memory is not sealed to a fixed size";
	if (fstat(fd, &st) < 0 || st.st_size <= 0 || (uint64_t)st.st_size != bytes)
		return "its memory has not the size that it says";
	return NULL;
}

static void rings_open(struct core_region *r)
{
	const struct api_hello *h = &r->hello;

#define RING(off) ((struct api_ring_mem *)(void *)(r->mem + (off)))
	// None fails: the capacities are constant powers of two.
	(void)api_ring_open(
		&r->command, RING(h->command_off), API_RING_COMMANDS, sizeof(struct api_command));
	(void)api_ring_open(
		&r->event, RING(h->event_off), API_RING_EVENTS, sizeof(struct api_event));
	(void)api_ring_open(&r->binding, RING(h->binding_off), API_RING_BINDINGS,
		sizeof(struct api_binding));
	(void)api_ring_open(&r->fact, RING(h->fact_off), API_RING_FACTS, sizeof(struct api_fact));
	for (uint32_t w = 0; w < h->workers; w++) {
		(void)api_ring_open(&r->outcome[w], RING(h->outcome_off[w]), API_RING_OUTCOMES,
			sizeof(struct api_outcome));
		(void)api_ring_open(&r->record[w], RING(h->record_off[w]), API_RING_RECORDS,
			sizeof(struct api_record));
		(void)api_ring_open(
			&r->ask[w], RING(h->ask_off[w]), API_RING_ASKS, sizeof(struct api_ask));
		(void)api_ring_open(&r->answer[w], RING(h->answer_off[w]), API_RING_ANSWERS,
			sizeof(struct api_answer));
	}
#undef RING
}

static int region_map(struct core_region *r, const struct parcel *p, struct err_list *err)
{
	const char *fault = NULL;
	void *mem;

	if (p->n == 0) {
		err_add(err, "the data plane refuses us");
		return -ECONNREFUSED;
	}
	if (p->n != (ssize_t)sizeof(r->hello) || p->cut ||
		p->fds != (r->hello.cells_bytes == 0 ? FDS - 1 : FDS))
		fault = "no hello";
	if (fault == NULL)
		fault = hello_fault(&r->hello);
	if (fault == NULL)
		fault = memory_fault(p->fd[0], r->hello.link_bytes);
	if (fault != NULL) {
		err_add(err, "hello: %s", fault);
		return -EPROTO;
	}
	r->stats = core_stats_new(p->fd[1], err);
	if (r->stats == NULL)
		return -EPROTO;
	if (core_stats_workers(r->stats) != r->hello.workers) {
		err_add(err, "hello: its statistics are of another number of workers");
		return -EPROTO;
	}
	if (r->hello.cells_bytes != 0) {
		r->cells = core_cells_new(p->fd[2], r->hello.cells_bytes, err);
		if (r->cells == NULL)
			return -EPROTO;
	}
	mem = mmap(NULL, r->hello.link_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd[0], 0);
	if (mem == MAP_FAILED) {
		err_add(err, "link memory: map: %s", strerror(errno));
		return -ENOMEM;
	}
	r->mem = mem;
	return 0;
}

int core_region_open(struct core_region *r, int fd, struct err_list *err)
{
	struct parcel p;
	int rc;

	*r = (struct core_region){0};
	rc = parcel_take(fd, &r->hello, sizeof(r->hello), &p);
	if (rc == -EAGAIN || rc == -EINTR)
		return -EAGAIN;
	if (rc < 0) {
		err_add(err, "hello: %s", strerror(-rc));
		return rc;
	}
	rc = region_map(r, &p, err);
	for (unsigned i = 0; i < p.fds; i++)
		(void)close(p.fd[i]); // read and write nothing through them
	if (rc < 0) {
		core_region_close(r);
		return rc;
	}
	rings_open(r);
	return 0;
}

void core_region_close(struct core_region *r)
{
	if (r->mem != NULL)
		(void)munmap(r->mem, r->hello.link_bytes); // fails only for a wrong range
	core_stats_free(r->stats);
	core_cells_free(r->cells);
	*r = (struct core_region){0};
}
