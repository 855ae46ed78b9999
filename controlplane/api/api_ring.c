// SPDX-License-Identifier: BSD-3-Clause
// The ring of the link. Indexes run freely modulo 2^32, so full and empty differ and no slot is
// lost. Only the other side's index is ever read from shared memory; our own lives in struct
// api_ring, so a peer that overwrites both indexes can spoil the contents but neither move us
// outside the elements nor keep us here: every call is one load, one copy, one store.
// Thread: see api_ring.h.
#include "api_ring.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

_Static_assert(sizeof(struct api_ring_mem) == 128, "two cache lines, then the elements");
_Static_assert(offsetof(struct api_ring_mem, elements) == 128, "elements on a line of their own");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a lock in shared memory could be held by a dead peer");

static bool is_power_of_two(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

uint64_t api_ring_bytes(uint32_t capacity, uint32_t size)
{
	uint64_t n = sizeof(struct api_ring_mem) + (uint64_t)capacity * size;

	return (n + 63) & ~UINT64_C(63);
}

void api_ring_create(struct api_ring_mem *mem)
{
	// Relaxed: the memory is handed over by a system call afterwards, which orders it.
	atomic_store_explicit(&mem->head, 0, memory_order_relaxed);
	atomic_store_explicit(&mem->tail, 0, memory_order_relaxed);
}

int api_ring_open(struct api_ring *r, struct api_ring_mem *mem, uint32_t capacity, uint32_t size)
{
	if (!is_power_of_two(capacity) || size == 0)
		return -EINVAL;
	*r = (struct api_ring){.mem = mem, .mask = capacity - 1, .size = size};
	return 0;
}

static uint8_t *element_at(const struct api_ring *r, uint32_t index)
{
	return r->mem->elements + (size_t)(index & r->mask) * r->size;
}

int api_ring_put(struct api_ring *r, const void *element)
{
	uint32_t used;

	if (r->broken)
		return -EPROTO;
	// Acquire: pairs with the consumer's release of tail in api_ring_take, so that its copy
	// out of the slot is over before we write there.
	used = r->own - atomic_load_explicit(&r->mem->tail, memory_order_acquire);
	if (used > r->mask + 1) {
		r->broken = 1;
		return -EPROTO;
	}
	if (used == r->mask + 1)
		return -EAGAIN;
	memcpy(element_at(r, r->own), element, r->size);
	r->own++;
	// Release: pairs with the consumer's acquire of head, which then sees the element.
	atomic_store_explicit(&r->mem->head, r->own, memory_order_release);
	return 0;
}

int api_ring_take(struct api_ring *r, void *element)
{
	uint32_t waiting;

	if (r->broken)
		return -EPROTO;
	// Acquire: pairs with the producer's release of head in api_ring_put.
	waiting = atomic_load_explicit(&r->mem->head, memory_order_acquire) - r->own;
	if (waiting > r->mask + 1) {
		r->broken = 1;
		return -EPROTO;
	}
	if (waiting == 0)
		return -EAGAIN;
	memcpy(element, element_at(r, r->own), r->size);
	r->own++;
	// Release: pairs with the producer's acquire of tail; the slot is its own again.
	atomic_store_explicit(&r->mem->tail, r->own, memory_order_release);
	return 0;
}

uint32_t api_ring_used(struct api_ring *r)
{
	uint32_t used;

	if (r->broken)
		return r->mask + 1;
	// Relaxed: a level for decisions, no element is touched by what it says.
	used = r->own - atomic_load_explicit(&r->mem->tail, memory_order_relaxed);
	if (used > r->mask + 1) {
		r->broken = 1;
		return r->mask + 1;
	}
	return used;
}
