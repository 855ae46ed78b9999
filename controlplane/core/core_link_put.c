// SPDX-License-Identifier: BSD-3-Clause
// What the control plane says of clients on its way out: bindings, by whatever thread serves accounting, and
// facts. The attachment belongs to the loop; the one thing that both threads touch is what `put_lock` guards, and
// the loop takes it away before it unmaps the ring and closes the socket.
// Thread: core_link_binding_put and core_link_bindings_waiting one other thread at a time, all else the loop's.
#include <errno.h>
#include <sys/socket.h>

#include "core_link_int.h"

void core_link_put_open(struct core_link *l)
{
	(void)pthread_mutex_lock(&l->put_lock);
	l->put_ring = l->region.binding;
	l->put_fd = l->fd;
	l->put_open = true;
	atomic_store_explicit(&l->put_broken, false, memory_order_relaxed);
	(void)pthread_mutex_unlock(&l->put_lock);
}

void core_link_put_close(struct core_link *l)
{
	(void)pthread_mutex_lock(&l->put_lock);
	l->put_open = false;
	(void)pthread_mutex_unlock(&l->put_lock);
}

// Puts it, and rings where the other side may have found the ring empty. It looks by itself each 10 ms, so one
// that looks away just now misses nothing.
static int put(struct api_ring *ring, int fd, const void *element)
{
	int rc = api_ring_put(ring, element);

	if (rc == 0 && api_ring_used(ring) == 1)
		(void)send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL); // full: bells enough in it
	return rc;
}

int core_link_binding_put(struct core_link *l, const struct api_binding *b)
{
	int rc = -ENOTCONN;

	(void)pthread_mutex_lock(&l->put_lock);
	if (l->put_open)
		rc = put(&l->put_ring, l->put_fd, b);
	if (rc == -EPROTO) {
		// Relaxed: a flag alone; the loop looks at each of its turns.
		atomic_store_explicit(&l->put_broken, true, memory_order_relaxed);
		l->put_open = false;
		rc = -ENOTCONN;
	}
	(void)pthread_mutex_unlock(&l->put_lock);
	return rc;
}

uint32_t core_link_bindings_waiting(struct core_link *l)
{
	uint32_t n = 0;

	(void)pthread_mutex_lock(&l->put_lock);
	if (l->put_open)
		n = api_ring_used(&l->put_ring);
	(void)pthread_mutex_unlock(&l->put_lock);
	return n;
}

int core_link_fact_put(struct core_link *l, const struct api_fact *f)
{
	int rc;

	if (l->state != CORE_LINK_ATTACHED || l->doomed != NULL)
		return -ENOTCONN;
	rc = put(&l->region.fact, l->fd, f);
	if (rc == -EPROTO) {
		l->doomed = "the data plane's ring makes no sense";
		return -ENOTCONN;
	}
	l->counts.facts += rc == 0;
	return rc;
}

uint32_t core_link_facts_waiting(struct core_link *l)
{
	return l->state == CORE_LINK_ATTACHED ? api_ring_used(&l->region.fact) : 0;
}
