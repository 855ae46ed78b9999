// SPDX-License-Identifier: BSD-3-Clause
// The memory of one attachment: made anew for each control plane, so that nothing one of them left
// behind, or still has mapped, can touch the next. Sealed against a change of size, for memory that
// shrinks under us would kill us.
// Thread: manager.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lnk_int.h"

enum { PAGE_BYTES = 4096 };

// The next `n` bytes, on cache lines of their own.
static uint64_t reserve(uint64_t *end, uint64_t n)
{
	uint64_t off = *end;

	*end = (off + n + 63) & ~UINT64_C(63);
	return off;
}

static void layout(struct api_hello *h, uint16_t workers, uint64_t image_max, uint64_t counts_bytes)
{
	uint64_t end = 0;

	*h = (struct api_hello){
		.magic = API_LINK_MAGIC,
		.version = API_LINK_VERSION,
		.workers = workers,
		.slot_bytes = image_max,
	};
	h->command_off =
		reserve(&end, api_ring_bytes(API_RING_COMMANDS, sizeof(struct api_command)));
	h->event_off = reserve(&end, api_ring_bytes(API_RING_EVENTS, sizeof(struct api_event)));
	h->binding_off =
		reserve(&end, api_ring_bytes(API_RING_BINDINGS, sizeof(struct api_binding)));
	h->fact_off = reserve(&end, api_ring_bytes(API_RING_FACTS, sizeof(struct api_fact)));
	for (uint16_t w = 0; w < workers; w++) {
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
		h->slot_off[i] = reserve(&end, image_max);
	end = (end + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1); // can be given back alone
	h->counts_off = reserve(&end, counts_bytes);
	h->counts_bytes = counts_bytes;
	h->link_bytes = end;
}

static void ring_make(
	struct lnk_region *r, struct api_ring *ring, uint64_t off, uint32_t capacity, uint32_t size)
{
	struct api_ring_mem *mem = (struct api_ring_mem *)(void *)(r->mem + off);

	api_ring_create(mem);
	(void)api_ring_open(ring, mem, capacity, size); // capacities are constant powers of two
}

static void rings_make(struct lnk_region *r)
{
	const struct api_hello *h = &r->hello;

	ring_make(r, &r->command, h->command_off, API_RING_COMMANDS, sizeof(struct api_command));
	ring_make(r, &r->event, h->event_off, API_RING_EVENTS, sizeof(struct api_event));
	ring_make(r, &r->binding, h->binding_off, API_RING_BINDINGS, sizeof(struct api_binding));
	ring_make(r, &r->fact, h->fact_off, API_RING_FACTS, sizeof(struct api_fact));
	for (uint16_t w = 0; w < h->workers; w++) {
		ring_make(r, &r->tap[w].outcome, h->outcome_off[w], API_RING_OUTCOMES,
			sizeof(struct api_outcome));
		ring_make(r, &r->tap[w].record, h->record_off[w], API_RING_RECORDS,
			sizeof(struct api_record));
		ring_make(r, &r->tap[w].ask, h->ask_off[w], API_RING_ASKS, sizeof(struct api_ask));
		ring_make(r, &r->tap[w].answer, h->answer_off[w], API_RING_ANSWERS,
			sizeof(struct api_answer));
		lnk_tap_init(&r->tap[w], w);
	}
}

// What the workers write to is taken now, so that they never meet the end of memory; what is behind it
// only when an image or counts come.
static int memory_make(struct lnk_region *r, int fd)
{
	void *mem;

	if (ftruncate(fd, (off_t)r->bytes) < 0 ||
		fallocate(fd, 0, 0, (off_t)r->hello.slot_off[0]) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	mem = mmap(NULL, r->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	r->mem = mem;
	return 0;
}

struct lnk_region *lnk_region_new(
	uint16_t workers, uint64_t image_max, uint64_t counts_bytes, int *fd)
{
	size_t bytes = sizeof(struct lnk_region) + workers * sizeof(struct lnk_tap);
	struct lnk_region *r = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
	int rc;

	if (r == NULL)
		return NULL;
	memset(r, 0, bytes);
	layout(&r->hello, workers, image_max, counts_bytes);
	r->bytes = r->hello.link_bytes;
	*fd = memfd_create("mailweir-link", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	rc = *fd < 0 ? -errno : memory_make(r, *fd);
	if (rc < 0) {
		if (*fd >= 0)
			(void)close(*fd); // memory, nothing to flush
		lnk_region_free(r);
		errno = -rc;
		return NULL;
	}
	rings_make(r);
	return r;
}

void lnk_region_free(struct lnk_region *r)
{
	if (r == NULL)
		return;
	if (r->mem != NULL)
		(void)munmap(r->mem, r->bytes); // fails only for a wrong range
	free(r);
}

int lnk_region_send(
	const struct lnk_region *r, int peer_fd, int region_fd, int stats_fd, int cells_fd)
{
	const int fds[3] = {region_fd, stats_fd, cells_fd};
	const size_t bytes = cells_fd < 0 ? sizeof(fds) - sizeof(fds[0]) : sizeof(fds);
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fds))] = {0};
	struct api_hello hello = r->hello;
	struct iovec iov = {.iov_base = &hello, .iov_len = sizeof(hello)};
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(bytes),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(bytes);
	memcpy(CMSG_DATA(c), fds, bytes);
	if (sendmsg(peer_fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}
