// SPDX-License-Identifier: BSD-3-Clause
// Bindings and facts on their way out: where there is nobody, where the ring is full, when a bell rings, and by a
// thread of its own while data planes come and go.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "core_dp.h"
#include "core_link.h"
#include "log.h"

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW, TURNS_MAX = 60000, CYCLES = 60 };

struct bench {
	struct dp dp;
	struct core_loop *loop;
	struct core_link *link;
	unsigned attached, detached;
};

static void on_attached(void *arg, const struct api_hello *)
{
	((struct bench *)arg)->attached++;
}

static void on_detached(void *arg, const char *)
{
	((struct bench *)arg)->detached++;
}

static void bench_open(struct bench *b)
{
	struct core_link_conf conf = {
		.arg = b, .retry_ms = 1, .drain_ms = 1, .ops = {on_attached, on_detached}};

	*b = (struct bench){0};
	dp_listen(&b->dp);
	conf.path = b->dp.path;
	b->loop = core_loop_new();
	assert_non_null(b->loop);
	b->link = core_link_new(b->loop, &conf);
	assert_non_null(b->link);
}

static void bench_close(struct bench *b)
{
	core_link_free(b->link);
	core_loop_free(b->loop);
	dp_close(&b->dp);
}

static void turns_until(struct bench *b, const unsigned *count, unsigned want)
{
	for (unsigned i = 0; i < TURNS_MAX && *count < want; i++)
		assert_int_equal(core_loop_turn(b->loop, 1), 0);
	assert_int_equal(*count, want);
}

static void attach(struct bench *b)
{
	unsigned turns = 0;

	while (!dp_accept(&b->dp) && turns++ < TURNS_MAX)
		assert_int_equal(core_loop_turn(b->loop, 1), 0);
	dp_make(&b->dp);
	dp_seal(&b->dp, SEALS, SEALS);
	dp_send(&b->dp, sizeof(b->dp.hello), 2);
	turns_until(b, &b->attached, b->attached + 1);
}

static void drop(struct bench *b)
{
	dp_drop(&b->dp);
	turns_until(b, &b->detached, b->detached + 1);
}

static unsigned bells(struct bench *b)
{
	char bell[8];
	unsigned n = 0;

	while (recv(b->dp.peer, bell, sizeof(bell), MSG_DONTWAIT) == 1)
		n++;
	return n;
}

static void where_nobody_is_attached_nothing_can_be_put(void **)
{
	const struct api_binding m = {.kind = API_BIND_BEGIN};
	const struct api_fact f = {.kind = API_FACT_BEGIN};
	struct bench b;

	bench_open(&b);
	assert_int_equal(core_link_binding_put(b.link, &m), -ENOTCONN);
	assert_int_equal(core_link_fact_put(b.link, &f), -ENOTCONN);
	attach(&b);
	assert_int_equal(core_link_binding_put(b.link, &m), 0);
	assert_int_equal(core_link_fact_put(b.link, &f), 0);
	drop(&b);
	assert_int_equal(core_link_binding_put(b.link, &m), -ENOTCONN);
	assert_int_equal(core_link_fact_put(b.link, &f), -ENOTCONN);
	bench_close(&b);
}

static void what_is_put_comes_out_in_order_and_rings_where_the_ring_was_empty(void **)
{
	struct api_binding m = {.kind = API_BIND_SET};
	struct api_fact f = {.kind = API_FACT_ENDPOINT};
	struct bench b;

	bench_open(&b);
	attach(&b);
	for (uint64_t i = 1; i <= 5; i++) {
		m.endpoint = f.endpoint = i;
		assert_int_equal(core_link_binding_put(b.link, &m), 0);
		assert_int_equal(core_link_fact_put(b.link, &f), 0);
	}
	assert_int_equal(bells(&b), 2);
	assert_int_equal(core_link_counts(b.link)->facts, 5);
	for (uint64_t i = 1; i <= 5; i++) {
		assert_int_equal(api_ring_take(&b.dp.binding, &m), 0);
		assert_int_equal(m.endpoint, i);
		assert_int_equal(api_ring_take(&b.dp.fact, &f), 0);
		assert_int_equal(f.endpoint, i);
	}
	assert_int_equal(core_link_binding_put(b.link, &m), 0);
	assert_int_equal(bells(&b), 1);
	bench_close(&b);
}

static void a_full_ring_takes_no_more_until_there_is_room(void **)
{
	const struct api_binding m = {.kind = API_BIND_SET, .endpoint = 1};
	const struct api_fact f = {.kind = API_FACT_ENDPOINT, .endpoint = 1};
	struct api_binding taken;
	struct bench b;

	bench_open(&b);
	attach(&b);
	assert_int_equal(core_link_bindings_waiting(b.link), 0);
	assert_int_equal(core_link_facts_waiting(b.link), 0);
	for (unsigned i = 0; i < API_RING_BINDINGS; i++)
		assert_int_equal(core_link_binding_put(b.link, &m), 0);
	assert_int_equal(core_link_binding_put(b.link, &m), -EAGAIN);
	for (unsigned i = 0; i < API_RING_FACTS; i++)
		assert_int_equal(core_link_fact_put(b.link, &f), 0);
	assert_int_equal(core_link_fact_put(b.link, &f), -EAGAIN);
	assert_int_equal(core_link_facts_waiting(b.link), API_RING_FACTS);
	assert_int_equal(api_ring_take(&b.dp.binding, &taken), 0);
	assert_int_equal(core_link_bindings_waiting(b.link), API_RING_BINDINGS - 1);
	assert_int_equal(core_link_binding_put(b.link, &m), 0);
	drop(&b);
	assert_int_equal(core_link_bindings_waiting(b.link), 0);
	assert_int_equal(core_link_facts_waiting(b.link), 0);
	bench_close(&b);
}

static void a_ring_that_makes_no_sense_ends_the_attachment(void **)
{
	const struct api_binding m = {.kind = API_BIND_BEGIN};
	const struct api_fact f = {.kind = API_FACT_BEGIN};

	for (unsigned i = 0; i < 2; i++) {
		struct bench b;

		bench_open(&b);
		attach(&b);
		const uint64_t off = i == 0 ? b.dp.hello.binding_off : b.dp.hello.fact_off;
		atomic_store(&((struct api_ring_mem *)(void *)(b.dp.link + off))->tail, 7);
		assert_int_equal(i == 0 ? core_link_binding_put(b.link, &m)
					: core_link_fact_put(b.link, &f),
			-ENOTCONN);
		turns_until(&b, &b.detached, 1);
		assert_int_equal(core_link_counts(b.link)->refused, 1);
		dp_drop(&b.dp);
		attach(&b);
		assert_int_equal(core_link_binding_put(b.link, &m), 0);
		bench_close(&b);
	}
}

struct putter {
	struct core_link *link;
	_Atomic bool end;
	_Atomic uint64_t put, refused;
};

static void *put_all(void *arg)
{
	struct putter *p = arg;
	struct api_binding m = {.kind = API_BIND_SET};

	while (!atomic_load(&p->end)) {
		m.endpoint++;
		if (core_link_binding_put(p->link, &m) == 0)
			atomic_fetch_add(&p->put, 1);
		else
			atomic_fetch_add(&p->refused, 1);
	}
	return NULL;
}

static void another_thread_puts_while_data_planes_come_and_go(void **)
{
	static struct putter putter;
	pthread_t thread;
	struct bench b;

	bench_open(&b);
	putter.link = b.link;
	assert_int_equal(pthread_create(&thread, NULL, put_all, &putter), 0);
	for (unsigned i = 0; i < CYCLES; i++) {
		struct api_binding m;
		uint64_t last = 0;
		unsigned taken = 0;

		attach(&b);
		while (taken < 100) { // it goes on putting
			if (api_ring_take(&b.dp.binding, &m) != 0)
				continue;
			assert_int_equal(m.kind, API_BIND_SET);
			assert_true(m.endpoint > last);
			last = m.endpoint;
			taken++;
		}
		drop(&b);
	}
	atomic_store(&putter.end, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(atomic_load(&putter.put) >= CYCLES * 100);
	bench_close(&b);
}

static void quiet(enum log_level, const char *, void *)
{
	// Attachments and refusals are expected here.
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_nobody_is_attached_nothing_can_be_put),
		cmocka_unit_test(what_is_put_comes_out_in_order_and_rings_where_the_ring_was_empty),
		cmocka_unit_test(a_full_ring_takes_no_more_until_there_is_room),
		cmocka_unit_test(a_ring_that_makes_no_sense_ends_the_attachment),
		cmocka_unit_test(another_thread_puts_while_data_planes_come_and_go),
	};

	log_sink_set(quiet, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
