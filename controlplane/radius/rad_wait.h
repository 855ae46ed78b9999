// SPDX-License-Identifier: BSD-3-Clause
// Answers that wait until what they acknowledge is on disk: one after the other in bounded memory, for
// tickets only grow.
// Thread: the owner's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "rad_packet.h"
#include "span.h"

struct rad_wait {
	uint8_t *octets;
	size_t size, first, end; // what waits lies between
};

bool rad_wait_open(struct rad_wait *w, size_t size); // false: out of memory
void rad_wait_close(struct rad_wait *w);
// Is there room for so many answers of any length?
bool rad_wait_has_room(const struct rad_wait *w, unsigned answers);
// There has to be room.
void rad_wait_put(struct rad_wait *w, uint64_t ticket, unsigned sock, const struct msghdr *to,
	struct span answer);
// Lays out answers whose tickets are up to `settled`, at most `max` and all of one socket: how many. They are
// borrowed until the next rad_wait_put.
unsigned rad_wait_take(struct rad_wait *w, uint64_t settled, struct mmsghdr *out, struct iovec *iov,
	unsigned max, unsigned *sock);
