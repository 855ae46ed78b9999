// SPDX-License-Identifier: BSD-3-Clause
// A single-producer, single-consumer ring of fixed-size elements in shared memory, safe against
// the other side: capacity, mask, base and own index are private; the other side's index is read
// once a call and refused if it claims more than the capacity. Elements are copied in and out.
// Thread: one producer thread, one consumer thread; each has its own struct.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

// What lies in shared memory: two indexes on their own cache lines, then the elements.
struct api_ring_mem {
	_Alignas(64) _Atomic uint32_t head; // w: producer, r: consumer
	_Alignas(64) _Atomic uint32_t tail; // w: consumer, r: producer
	_Alignas(64) uint8_t elements[];
};

struct api_ring { // private to one side
	struct api_ring_mem *mem;
	uint32_t mask;    // capacity - 1
	uint32_t size;    // bytes of an element
	uint32_t own;     // our index
	uint32_t broken;  // 1 once the other side's index made no sense; then every call refuses
};

// Bytes of shared memory for `capacity` (a power of two) elements of `size` bytes.
uint64_t api_ring_bytes(uint32_t capacity, uint32_t size);
// Clears both indexes (creator only, before the other side maps it).
void api_ring_create(struct api_ring_mem *mem);
// Our end of the ring at `mem`; `own` starts at 0. 0 or -EINVAL (capacity no power of two).
int api_ring_open(struct api_ring *r, struct api_ring_mem *mem, uint32_t capacity, uint32_t size);

// Puts one element. 0, -EAGAIN (full), -EPROTO (the other side's index is absurd: ring broken).
int api_ring_put(struct api_ring *r, const void *element);
// Takes one element. 0, -EAGAIN (empty), -EPROTO.
int api_ring_take(struct api_ring *r, void *element);
// Elements waiting as the producer sees it; for aggregation. 0..capacity, or capacity where broken.
uint32_t api_ring_used(struct api_ring *r);

enum { // capacities of the link's rings
	API_RING_COMMANDS = 64,
	API_RING_EVENTS = 1024,
	API_RING_OUTCOMES = 4096,
	API_RING_RECORDS = 4096,
	API_RING_ASKS = 512,
	API_RING_ANSWERS = 1024,
	API_RING_BINDINGS = 65536,
	API_RING_FACTS = 8192,
};
