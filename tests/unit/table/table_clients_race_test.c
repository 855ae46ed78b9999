// SPDX-License-Identifier: BSD-3-Clause
// Clients, looked for by workers while the manager writes. Whatever a worker finds was said at some time of this
// very client and port, whole; what was taken back is reclaimed behind the workers' boundaries only. Threads
// only count what must not be; the test looks at it when they are done.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "table_eal.h"
#include "tbl_clients.h"

enum {
	WORKERS = 2,
	CHANGES = 200000,
	ADDRESSES = 512,
	BLOCKED = 16, // of them have blocks of ports
	BLOCKS = 8,
	BULK = 8,
	CONTEXT = 3,
	TIMES = 64, // endpoints that a client is, one after the other
	ROOM = 600, // fewer than there are: numbers go round
	MANY = 100,
};

struct worker {
	pthread_t thread;
	const struct tbl_clients *clients;
	_Atomic uint64_t turn;
	_Atomic bool *end;
	uint64_t seed;
	uint32_t found, wrong, torn, gone;
};

static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33) % below;
}

static struct addr address_of(uint32_t i)
{
	return addr_from_v4((const uint8_t[4]){10, 0, (uint8_t)(i >> 8), (uint8_t)i});
}

static uint64_t endpoint_of(uint32_t address, uint32_t block, uint32_t time)
{
	return (uint64_t)(address + 1) << 32 | (uint64_t)block << 16 | time;
}

static uint32_t block_of(uint32_t address, uint16_t port)
{
	return address < BLOCKED ? port / (65536 / BLOCKS) : 0;
}

static void check(struct worker *me, uint32_t address, uint16_t port, const struct tbl_client *f)
{
	struct tbl_endpoint e;

	if (f->score != f->auth_until_s || (f->score != 0) != (f->flags != 0))
		me->torn++;
	if (f->endpoint == TBL_ENDPOINT_NONE)
		return;
	me->found++;
	if (!tbl_endpoint_get(me->clients, f->endpoint, &e)) {
		me->gone++; // its number was given anew in between
		return;
	}
	if (e.key >> 16 != endpoint_of(address, block_of(address, port), 0) >> 16 ||
		(e.key & 1) != f->shared)
		me->wrong++;
}

static void *work(void *arg)
{
	struct worker *me = arg;

	while (!atomic_load(me->end)) {
		struct tbl_client_key keys[BULK];
		struct tbl_client found[BULK];
		uint32_t address[BULK];

		atomic_fetch_add(&me->turn, 1); // a boundary
		for (unsigned i = 0; i < BULK; i++) {
			address[i] = draw(&me->seed, draw(&me->seed, 2) == 0 ? BLOCKED : ADDRESSES);
			keys[i] = (struct tbl_client_key){.addr = address_of(address[i]),
				.context = CONTEXT,
				.port = (uint16_t)draw(&me->seed, 65536)};
		}
		tbl_clients_find_bulk(me->clients, keys, BULK, found);
		for (unsigned i = 0; i < BULK; i++)
			check(me, address[i], keys[i].port, &found[i]);
	}
	return NULL;
}

// Behind the boundaries of all.
static void reclaim(struct tbl_clients *c, struct worker *workers)
{
	uint64_t turn[WORKERS];

	tbl_clients_retire(c);
	for (unsigned i = 0; i < WORKERS; i++)
		turn[i] = atomic_load(&workers[i].turn);
	for (unsigned i = 0; i < WORKERS; i++)
		while (atomic_load(&workers[i].turn) == turn[i])
			(void)sched_yield();
	tbl_clients_reclaim(c);
}

static void change(struct tbl_clients *c, uint64_t *seed)
{
	const uint32_t address = draw(seed, draw(seed, 2) == 0 ? BLOCKED : ADDRESSES);
	const uint32_t block = address < BLOCKED ? draw(seed, BLOCKS) : 0, time = draw(seed, TIMES);
	struct tbl_binding b = {.prefix = {address_of(address), 128},
		.context = CONTEXT,
		.port_last = UINT16_MAX,
		.shared = time & 1,
		.endpoint = endpoint_of(address, block, time)};
	struct tbl_sender s = {.prefix = b.prefix, .context = CONTEXT, .score = (uint8_t)time};

	if (address < BLOCKED) {
		b.port_first = (uint16_t)(block * (65536 / BLOCKS));
		b.port_last = (uint16_t)(b.port_first + 65536 / BLOCKS - 1);
	}
	s.auth_until_s = s.score;
	s.flags = s.score == 0 ? 0 : TBL_LISTED;
	if (draw(seed, 3) > 0)
		(void)tbl_binding_set(c, &b); // no room for its endpoint is as good
	else
		(void)tbl_binding_clear(c, &b);
	(void)tbl_sender_set(c, &s);
}

static void workers_find_what_was_said_whole_while_the_manager_writes(void **)
{
	const struct tbl_clients_conf conf = {"race", 2 * ADDRESSES, ROOM, ADDRESSES, 0};
	struct tbl_clients *c = tbl_clients_new(&conf);
	static struct worker workers[WORKERS];
	static _Atomic bool end;
	uint64_t seed = 1;

	assert_non_null(c);
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.clients = c, .end = &end, .seed = i + 2};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < CHANGES; i++) {
		change(c, &seed);
		if (tbl_clients_waiting(c) > 256)
			reclaim(c, workers);
		if (i % 20000 == 0) {
			tbl_bindings_begin(c);
			while (tbl_bindings_sweep(c, 64))
				if (tbl_clients_waiting(c) > 256)
					reclaim(c, workers);
		}
	}
	atomic_store(&end, true);
	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		assert_int_equal(workers[i].wrong, 0);
		assert_int_equal(workers[i].torn, 0);
		assert_true(workers[i].found > workers[i].gone);
	}
	tbl_clients_free(c);
}

// ---- lengths that come and go

static void *steady_look(void *arg)
{
	struct worker *me = arg;
	struct tbl_client_key keys[TBL_CLIENTS_BULK];
	struct tbl_client found[TBL_CLIENTS_BULK];

	for (unsigned i = 0; i < TBL_CLIENTS_BULK; i++)
		keys[i] = (struct tbl_client_key){.addr = address_of(i), .context = CONTEXT};
	while (!atomic_load(me->end)) {
		atomic_fetch_add(&me->turn, 1); // a boundary
		tbl_clients_find_bulk(me->clients, keys, TBL_CLIENTS_BULK, found);
		for (unsigned i = 0; i < TBL_CLIENTS_BULK; i++) {
			struct tbl_endpoint e;

			me->found++;
			(void)tbl_endpoint_get(me->clients, found[i].endpoint, &e); // else 0
			me->wrong += e.key != 24;
		}
	}
	return NULL;
}

static void a_longer_length_that_comes_and_goes_hides_no_shorter_one(void **)
{
	enum { ROUNDS = 100000 };
	struct tbl_clients *c =
		tbl_clients_new(&(struct tbl_clients_conf){"lengths", MANY, MANY, 0, 0});
	static struct worker workers[WORKERS];
	static _Atomic bool end;
	struct tbl_binding b = {.prefix = {address_of(0), 120}, // 10.0.0.0/24
		.context = CONTEXT,
		.port_last = UINT16_MAX,
		.endpoint = 24};

	assert_non_null(c);
	assert_int_equal(tbl_binding_set(c, &b), 0);
	b.prefix.len = 112; // 10.0.0.0/16
	b.endpoint = 16;
	assert_int_equal(tbl_binding_set(c, &b), 0);
	b.prefix = (struct prefix){address_of(300), 128}; // 10.0.1.44/32
	b.endpoint = 32;
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.clients = c, .end = &end};
		assert_int_equal(
			pthread_create(&workers[i].thread, NULL, steady_look, &workers[i]), 0);
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_int_equal(tbl_binding_set(c, &b), 0);
		assert_int_equal(tbl_binding_clear(c, &b), 0);
		if (tbl_clients_waiting(c) > 256)
			reclaim(c, workers);
	}
	atomic_store(&end, true);
	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		assert_true(workers[i].found > 0);
		assert_int_equal(workers[i].wrong, 0);
	}
	tbl_clients_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_longer_length_that_comes_and_goes_hides_no_shorter_one),
		cmocka_unit_test(workers_find_what_was_said_whole_while_the_manager_writes),
	};

	return cmocka_run_group_tests(tests, eal_start, eal_end);
}
