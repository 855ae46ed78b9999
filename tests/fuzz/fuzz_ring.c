// SPDX-License-Identifier: BSD-3-Clause
// The link's ring under a peer that writes what it likes over the shared memory: no access outside
// it, never more elements than it holds, and broken once is broken for good. While nothing is
// scribbled the ring is a queue. The input is capacity and element size, then operations.
#include <errno.h>

#include "api_ring.h"
#include "fuzz.h"

enum { CAPACITY_BITS_MAX = 6, ELEMENT_MAX = 64 };

struct model { // what an honest queue would hold
	uint8_t tag[1 << CAPACITY_BITS_MAX];
	uint32_t first, n;
	bool honest;
};

static void put_check(struct api_ring *r, struct model *m, uint8_t tag)
{
	uint32_t capacity = r->mask + 1, was_broken = r->broken;
	uint8_t element[ELEMENT_MAX];
	int rc;

	memset(element, tag, sizeof(element));
	rc = api_ring_put(r, element);
	CHECK(rc == 0 || rc == -EAGAIN || rc == -EPROTO);
	CHECK(!was_broken || rc == -EPROTO);
	if (!m->honest)
		return;
	CHECK(rc == (m->n == capacity ? -EAGAIN : 0));
	if (rc == 0)
		m->tag[(m->first + m->n++) % capacity] = tag;
}

static void take_check(struct api_ring *r, struct model *m)
{
	uint32_t capacity = r->mask + 1, was_broken = r->broken;
	uint8_t *element = malloc(r->size);
	int rc;

	if (element == NULL)
		abort();
	rc = api_ring_take(r, element);
	CHECK(rc == 0 || rc == -EAGAIN || rc == -EPROTO);
	CHECK(!was_broken || rc == -EPROTO);
	if (m->honest) {
		CHECK(rc == (m->n == 0 ? -EAGAIN : 0));
		if (rc == 0) {
			CHECK(element[0] == m->tag[m->first]);
			CHECK(element[r->size - 1] == m->tag[m->first]);
			m->first = (m->first + 1) % capacity;
			m->n--;
		}
	}
	free(element);
}

static void scribble(struct api_ring_mem *mem, uint64_t n, struct span *in)
{
	uint8_t where = take8(in);
	uint32_t value = take32(in);

	if ((where & 3) == 0)
		atomic_store_explicit(&mem->head, value, memory_order_relaxed);
	else if ((where & 3) == 1)
		atomic_store_explicit(&mem->tail, value, memory_order_relaxed);
	else
		((uint8_t *)mem)[value % n] = where;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {data, size};
	uint32_t capacity = 1u << take8(&in) % (CAPACITY_BITS_MAX + 1);
	uint32_t bytes = 1 + take8(&in) % ELEMENT_MAX;
	uint64_t n = api_ring_bytes(capacity, bytes);
	struct api_ring_mem *mem = aligned_alloc(64, (n + 63) / 64 * 64);
	struct model model = {.honest = true};
	struct api_ring producer, consumer;

	if (mem == NULL)
		abort();
	memset(mem, 0xa5, n);
	api_ring_create(mem);
	CHECK(api_ring_open(&producer, mem, capacity, bytes) == 0);
	CHECK(api_ring_open(&consumer, mem, capacity, bytes) == 0);
	while (in.n != 0) {
		uint8_t op = take8(&in);

		switch (op & 3) {
		case 0:
			put_check(&producer, &model, op);
			break;
		case 1:
			take_check(&consumer, &model);
			break;
		case 2:
			CHECK(api_ring_used(&producer) <= capacity);
			if (model.honest)
				CHECK(api_ring_used(&producer) == model.n);
			break;
		default:
			model.honest = false;
			scribble(mem, n, &in);
		}
	}
	free(mem);
	return 0;
}
