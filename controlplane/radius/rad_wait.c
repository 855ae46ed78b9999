// SPDX-License-Identifier: BSD-3-Clause
// They lie in one piece; what has left makes room when the end is reached.
// Thread: the owner's.
#include "rad_wait.h"

#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "panic.h"

enum { ALIGN = 8 };

struct waiting {
	uint64_t ticket;
	uint32_t bytes; // this and the answer behind it
	uint16_t sock, n;
	socklen_t to_n;
	union {
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} to;
};

enum { WAITING_MOST = sizeof(struct waiting) + RAD_PACKET_MAX + ALIGN };

bool rad_wait_open(struct rad_wait *w, size_t size)
{
	*w = (struct rad_wait){.octets = malloc(size), .size = size};
	return w->octets != NULL;
}

void rad_wait_close(struct rad_wait *w)
{
	free(w->octets);
	*w = (struct rad_wait){0};
}

bool rad_wait_has_room(const struct rad_wait *w, unsigned answers)
{
	return w->size - (w->end - w->first) >= (size_t)answers * WAITING_MOST;
}

void rad_wait_put(struct rad_wait *w, uint64_t ticket, unsigned sock, const struct msghdr *to,
	struct span answer)
{
	const size_t n = (sizeof(struct waiting) + answer.n + ALIGN - 1) / ALIGN * ALIGN;
	struct waiting put = {.ticket = ticket,
		.bytes = (uint32_t)n,
		.sock = (uint16_t)sock,
		.n = (uint16_t)answer.n,
		.to_n = to->msg_namelen};

	if (w->size - w->end < n) {
		memmove(w->octets, w->octets + w->first, w->end - w->first);
		w->end -= w->first;
		w->first = 0;
	}
	ASSERT(w->size - w->end >= n && to->msg_namelen <= sizeof(put.to));
	memcpy(&put.to, to->msg_name, to->msg_namelen);
	memcpy(w->octets + w->end, &put, sizeof(put));
	memcpy(w->octets + w->end + sizeof(put), answer.p, answer.n);
	w->end += n;
}

unsigned rad_wait_take(struct rad_wait *w, uint64_t settled, struct mmsghdr *out, struct iovec *iov,
	unsigned max, unsigned *sock)
{
	unsigned n = 0;

	while (n < max && w->first < w->end) {
		struct waiting *a = (struct waiting *)(w->octets + w->first); // NOLINT: aligned

		if (a->ticket > settled || (n > 0 && a->sock != *sock))
			break;
		*sock = a->sock;
		iov[n] = (struct iovec){a + 1, a->n};
		out[n].msg_hdr = (struct msghdr){.msg_name = &a->to,
			.msg_namelen = a->to_n,
			.msg_iov = &iov[n],
			.msg_iovlen = 1};
		n++;
		w->first += a->bytes;
	}
	if (w->first == w->end && n == 0)
		w->first = w->end = 0; // nothing is borrowed
	return n;
}
