// SPDX-License-Identifier: BSD-3-Clause
// The ring: order and wholeness between two threads, its edges, and a peer that writes anything it
// likes into the shared part.
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_ring.h"

enum { CAPACITY = 64, GUARD = 4096, TWO_THREAD_ELEMENTS = 1000000 };

struct element {
	uint64_t a, b, c;
};

// Shared memory between two guard zones whose bytes must never change.
struct arena {
	uint8_t *all;
	struct api_ring_mem *mem;
	size_t bytes;
};

static struct arena arena_new(void)
{
	struct arena a = {.bytes = api_ring_bytes(CAPACITY, sizeof(struct element))};

	a.all = aligned_alloc(64, a.bytes + 2 * GUARD);
	assert_non_null(a.all);
	memset(a.all, 0xa5, a.bytes + 2 * GUARD);
	a.mem = (struct api_ring_mem *)(void *)(a.all + GUARD);
	api_ring_create(a.mem);
	return a;
}

static void arena_free(struct arena *a)
{
	for (size_t i = 0; i < GUARD; i++) {
		assert_int_equal(a->all[i], 0xa5);
		assert_int_equal(a->all[GUARD + a->bytes + i], 0xa5);
	}
	free(a->all);
}

static struct element element_of(uint64_t i)
{
	return (struct element){.a = i, .b = ~i, .c = i * UINT64_C(0x9e3779b97f4a7c15)};
}

static void elements_come_out_in_order_and_a_full_ring_says_so(void **state)
{
	struct arena a = arena_new();
	struct api_ring in, out;
	struct element e;

	(void)state;
	assert_int_equal(api_ring_open(&in, a.mem, CAPACITY, sizeof(e)), 0);
	assert_int_equal(api_ring_open(&out, a.mem, CAPACITY, sizeof(e)), 0);
	assert_int_equal(api_ring_take(&out, &e), -EAGAIN);
	for (unsigned lap = 0; lap < 5; lap++) {
		for (unsigned i = 0; i < CAPACITY; i++) {
			assert_int_equal(api_ring_used(&in), i);
			e = element_of(lap * CAPACITY + i);
			assert_int_equal(api_ring_put(&in, &e), 0);
		}
		assert_int_equal(api_ring_used(&in), CAPACITY);
		assert_int_equal(api_ring_put(&in, &e), -EAGAIN);
		for (unsigned i = 0; i < CAPACITY; i++) {
			struct element want = element_of(lap * CAPACITY + i);

			assert_int_equal(api_ring_take(&out, &e), 0);
			assert_memory_equal(&e, &want, sizeof(e));
		}
		assert_int_equal(api_ring_take(&out, &e), -EAGAIN);
	}
	arena_free(&a);
}

static void the_indexes_wrap_round_at_32_bits(void **state)
{
	struct arena a = arena_new();
	struct api_ring in, out;
	struct element e, want;

	(void)state;
	assert_int_equal(api_ring_open(&in, a.mem, CAPACITY, sizeof(e)), 0);
	assert_int_equal(api_ring_open(&out, a.mem, CAPACITY, sizeof(e)), 0);
	in.own = out.own = UINT32_MAX - 10;
	atomic_store(&a.mem->head, in.own);
	atomic_store(&a.mem->tail, out.own);
	for (uint64_t i = 0; i < 200; i++) {
		e = want = element_of(i);
		assert_int_equal(api_ring_put(&in, &e), 0);
		assert_int_equal(api_ring_take(&out, &e), 0);
		assert_memory_equal(&e, &want, sizeof(e));
	}
	arena_free(&a);
}

static void a_capacity_that_is_no_power_of_two_is_refused(void **state)
{
	static const uint32_t bad[] = {0, 3, 63, 65, 4095, UINT32_MAX};
	struct arena a = arena_new();
	struct api_ring r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(api_ring_open(&r, a.mem, bad[i], 8), -EINVAL);
	assert_int_equal(api_ring_open(&r, a.mem, CAPACITY, 0), -EINVAL);
	arena_free(&a);
}

static void sizes_are_whole_cache_lines_and_do_not_overflow(void **state)
{
	(void)state;
	assert_int_equal(api_ring_bytes(1, 1), 192);
	assert_int_equal(api_ring_bytes(64, 64), 128 + 4096);
	assert_true(api_ring_bytes(1u << 31, UINT32_MAX) > (UINT64_C(1) << 62));
}

// Values a hostile or broken peer may write over an index, seen from an end whose own index is
// `own` with `used` elements between.
static const struct scribble {
	const char *what;
	uint32_t value;
	bool relative; // to our own index
} scribbles[] = {
	{"all ones", UINT32_MAX, false},
	{"half way round", 0x80000000u, false},
	{"one more than the capacity away", CAPACITY + 1, true},
	{"a pattern", 0xdeadbeef, false},
	{"far away", 1u << 30, true},
};

static void a_consumer_refuses_every_absurd_head_for_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scribbles) / sizeof(scribbles[0]); i++) {
		const struct scribble *s = &scribbles[i];
		struct arena a = arena_new();
		struct api_ring in, out;
		struct element e = element_of(1);

		assert_int_equal(api_ring_open(&in, a.mem, CAPACITY, sizeof(e)), 0);
		assert_int_equal(api_ring_open(&out, a.mem, CAPACITY, sizeof(e)), 0);
		assert_int_equal(api_ring_put(&in, &e), 0);
		atomic_store(&a.mem->head, s->relative ? out.own + s->value : s->value);
		assert_int_equal(api_ring_take(&out, &e), -EPROTO);
		assert_int_equal(out.broken, 1);
		atomic_store(&a.mem->head, out.own + 1); // sane again: too late
		assert_int_equal(api_ring_take(&out, &e), -EPROTO);
		arena_free(&a);
	}
}

static void a_producer_refuses_every_absurd_tail_for_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scribbles) / sizeof(scribbles[0]); i++) {
		const struct scribble *s = &scribbles[i];
		struct arena a = arena_new();
		struct api_ring in;
		struct element e = element_of(1);

		assert_int_equal(api_ring_open(&in, a.mem, CAPACITY, sizeof(e)), 0);
		in.own = 1000; // near 0 an absurd value could pass for a small one
		atomic_store(&a.mem->tail, in.own);
		assert_int_equal(api_ring_put(&in, &e), 0);
		// A tail before or behind ours by more than the capacity is absurd alike.
		atomic_store(&a.mem->tail, s->relative ? in.own - s->value : s->value);
		assert_int_equal(api_ring_put(&in, &e), -EPROTO);
		assert_int_equal(in.broken, 1);
		assert_int_equal(api_ring_used(&in), CAPACITY);
		atomic_store(&a.mem->tail, in.own);
		assert_int_equal(api_ring_put(&in, &e), -EPROTO);
		arena_free(&a);
	}
}

static void used_of_a_scribbled_ring_is_the_capacity_and_breaks_it(void **state)
{
	struct arena a = arena_new();
	struct api_ring in;
	struct element e = element_of(1);

	(void)state;
	assert_int_equal(api_ring_open(&in, a.mem, CAPACITY, sizeof(e)), 0);
	atomic_store(&a.mem->tail, 5); // ahead of the producer
	assert_int_equal(api_ring_used(&in), CAPACITY);
	assert_int_equal(api_ring_put(&in, &e), -EPROTO);
	arena_free(&a);
}

static void a_peer_that_overwrites_our_own_index_changes_nothing_for_us(void **state)
{
	struct arena a = arena_new();
	struct api_ring in, out;
	struct element e, want;

	(void)state;
	assert_int_equal(api_ring_open(&in, a.mem, CAPACITY, sizeof(e)), 0);
	assert_int_equal(api_ring_open(&out, a.mem, CAPACITY, sizeof(e)), 0);
	for (uint64_t i = 0; i < 3 * CAPACITY; i++) {
		e = want = element_of(i);
		atomic_store(&a.mem->head, 0xffff0000u); // what the producer would read, if it did
		assert_int_equal(api_ring_put(&in, &e), 0);
		atomic_store(&a.mem->tail, 0x12345678u); // the same for the consumer
		assert_int_equal(api_ring_take(&out, &e), 0);
		assert_memory_equal(&e, &want, sizeof(e));
	}
	arena_free(&a);
}

static void random_indexes_never_lead_outside_the_elements(void **state)
{
	struct arena a = arena_new();
	uint64_t x = 88172645463325252u;
	unsigned broken = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct api_ring in, out;
		struct element e = element_of(i);

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		assert_int_equal(api_ring_open(&in, a.mem, CAPACITY, sizeof(e)), 0);
		assert_int_equal(api_ring_open(&out, a.mem, CAPACITY, sizeof(e)), 0);
		in.own = out.own = (uint32_t)(x >> 20);
		// Half of them near our own index, where refusing is a matter of one.
		atomic_store(&a.mem->tail, x & 1 ? (uint32_t)x : in.own - (uint32_t)(x % 70));
		(void)api_ring_put(&in, &e);
		atomic_store(
			&a.mem->head, x & 2 ? (uint32_t)(x >> 32) : out.own + (uint32_t)(x % 70));
		(void)api_ring_take(&out, &e);
		broken += in.broken + out.broken;
	}
	assert_true(broken > 10000);
	arena_free(&a);
}

struct party {
	struct api_ring ring;
	uint64_t wrong;
};

static void *produce(void *arg)
{
	struct party *p = arg;

	for (uint64_t i = 0; i < TWO_THREAD_ELEMENTS;) {
		struct element e = element_of(i);

		if (api_ring_put(&p->ring, &e) == 0)
			i++;
		else
			sched_yield();
	}
	return NULL;
}

static void *consume(void *arg)
{
	struct party *p = arg;

	for (uint64_t i = 0; i < TWO_THREAD_ELEMENTS;) {
		struct element e, want = element_of(i);

		if (api_ring_take(&p->ring, &e) != 0) {
			sched_yield();
			continue;
		}
		p->wrong += memcmp(&e, &want, sizeof(e)) != 0;
		i++;
	}
	return NULL;
}

static void a_million_elements_cross_two_threads_whole_and_in_order(void **state)
{
	struct arena a = arena_new();
	struct party producer = {0}, consumer = {0};
	pthread_t t[2];

	(void)state;
	assert_int_equal(api_ring_open(&producer.ring, a.mem, CAPACITY, sizeof(struct element)), 0);
	assert_int_equal(api_ring_open(&consumer.ring, a.mem, CAPACITY, sizeof(struct element)), 0);
	assert_int_equal(pthread_create(&t[0], NULL, produce, &producer), 0);
	assert_int_equal(pthread_create(&t[1], NULL, consume, &consumer), 0);
	assert_int_equal(pthread_join(t[0], NULL), 0);
	assert_int_equal(pthread_join(t[1], NULL), 0);
	assert_int_equal(consumer.wrong, 0);
	assert_int_equal(producer.ring.broken + consumer.ring.broken, 0);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_come_out_in_order_and_a_full_ring_says_so),
		cmocka_unit_test(the_indexes_wrap_round_at_32_bits),
		cmocka_unit_test(a_capacity_that_is_no_power_of_two_is_refused),
		cmocka_unit_test(sizes_are_whole_cache_lines_and_do_not_overflow),
		cmocka_unit_test(a_consumer_refuses_every_absurd_head_for_good),
		cmocka_unit_test(a_producer_refuses_every_absurd_tail_for_good),
		cmocka_unit_test(used_of_a_scribbled_ring_is_the_capacity_and_breaks_it),
		cmocka_unit_test(a_peer_that_overwrites_our_own_index_changes_nothing_for_us),
		cmocka_unit_test(random_indexes_never_lead_outside_the_elements),
		cmocka_unit_test(a_million_elements_cross_two_threads_whole_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
