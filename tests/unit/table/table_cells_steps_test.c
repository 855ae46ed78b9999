// SPDX-License-Identifier: BSD-3-Clause
// Limit cells, every order of steps: workers are coroutines that may change place before each atomic
// operation, chosen by a seed. So what two cores do once a week comes up in a second, and a seed that
// fails does so again. tbl_cells.c is taken in whole, with its atomic operations replaced.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <ucontext.h>

static void step(void);

static uint64_t load64(const _Atomic uint64_t *p)
{
	return atomic_load_explicit(p, memory_order_seq_cst);
}

static uint32_t load32(const _Atomic uint32_t *p)
{
	return atomic_load_explicit(p, memory_order_seq_cst);
}

static void store64(_Atomic uint64_t *p, uint64_t v)
{
	atomic_store_explicit(p, v, memory_order_seq_cst);
}

static void store32(_Atomic uint32_t *p, uint32_t v)
{
	atomic_store_explicit(p, v, memory_order_seq_cst);
}

static uint64_t sub64(_Atomic uint64_t *p, uint64_t v)
{
	return atomic_fetch_sub_explicit(p, v, memory_order_seq_cst);
}

static bool swap64(_Atomic uint64_t *p, uint64_t *was, uint64_t v)
{
	return atomic_compare_exchange_strong_explicit(
		p, was, v, memory_order_seq_cst, memory_order_seq_cst);
}

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak_explicit
#define atomic_load_explicit(p, order) \
	(step(), _Generic((p), const _Atomic uint32_t *                                            \
			 : load32, _Atomic uint32_t *                                              \
			 : load32, default                                                         \
			 : load64)(p))
#define atomic_store_explicit(p, v, order) \
	(step(), _Generic((p), _Atomic uint32_t * : store32, default : store64)(p, v))
#define atomic_fetch_sub_explicit(p, v, order) (step(), sub64(p, v))
#define atomic_compare_exchange_strong_explicit(p, was, v, yes, no) (step(), swap64(p, was, v))
#define atomic_compare_exchange_weak_explicit(p, was, v, yes, no) (step(), swap64(p, was, v))

#include "tbl_cells.c" // NOLINT: as the head says

enum {
	WORKERS = 4,
	STACK_BYTES = 64 * 1024,
	KEYS = 4,
	LEFT_MAX = 3, // cells of the bucket that the keys fight for
	DEEDS = 10,   // of a worker
	SEEDS = 4000,
	NOW_S = 1000,
	WINDOW_S = 60,
	EVENTS = 2,
};

struct world {
	struct tbl_cells *cells;
	uint64_t seed;
	uint32_t limit, keys, held[KEYS], events[KEYS], passed, refused, wrong, full;
	uint32_t key[WORKERS]; // whose ticket each wants or holds; KEYS: none
	uint32_t met[WORKERS]; // bit set of those who wanted the same one meanwhile
	void (*deed)(struct world *);
	unsigned at; // who runs
	bool over[WORKERS];
	ucontext_t main, worker[WORKERS];
};

static struct world world;
static char stacks[WORKERS][STACK_BYTES];
static bool stepping;

static uint32_t draw(uint32_t below)
{
	world.seed = world.seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(world.seed >> 33) % below;
}

// Goes on with another worker, now and then: runs of all lengths.
static void step(void)
{
	struct world *o = &world;

	if (!stepping || draw(4) != 0)
		return;
	const unsigned me = o->at, next = draw(WORKERS);
	if (next == me || o->over[next])
		return;
	o->at = next;
	(void)swapcontext(&o->worker[me], &o->worker[next]);
}

static void worker_run(void)
{
	struct world *o = &world;

	for (unsigned i = 0; i < DEEDS; i++)
		o->deed(o);
	o->over[o->at] = true;
	for (unsigned i = 0; i < WORKERS; i++) {
		if (o->over[i])
			continue;
		o->at = i;
		(void)setcontext(&o->worker[i]);
	}
	(void)setcontext(&o->main);
}

static struct tbl_cell_key key_of(uint32_t client)
{
	struct tbl_cell_key key = {.profile = 7};

	memcpy(key.client.b + 12, &client, sizeof(client));
	return key;
}

// A bucket in which all cells but a few are held for good.
static void world_make(uint64_t seed, uint32_t limit, void (*deed)(struct world *))
{
	static const uint8_t SECRET[16] = {3};
	void *memory = aligned_alloc(64, (tbl_cells_bytes(1) + 63) / 64 * 64);
	uint32_t cell, value;

	assert_non_null(memory);
	stepping = false;
	world = (struct world){.cells = tbl_cells_init(memory, 1, SECRET),
		.seed = seed,
		.limit = limit,
		.keys = 2 + seed / LEFT_MAX % (KEYS - 1),
		.deed = deed,
		.key = {KEYS, KEYS, KEYS, KEYS}};
	for (uint32_t i = 0; i < SLOTS - 1 - seed % LEFT_MAX; i++) {
		const struct tbl_cell_key key = key_of(1000 + i);
		assert_int_equal(
			tbl_cells_take(world.cells, &key, 1, NOW_S, &cell, &value), TBL_CELLS_PASS);
	}
}

static void world_run(void)
{
	struct world *o = &world;

	for (unsigned i = 0; i < WORKERS; i++) {
		(void)getcontext(&o->worker[i]);
		o->worker[i].uc_stack.ss_sp = stacks[i];
		o->worker[i].uc_stack.ss_size = STACK_BYTES;
		makecontext(&o->worker[i], worker_run, 0);
	}
	stepping = true;
	(void)swapcontext(&o->main, &o->worker[0]);
	stepping = false;
}

static void key_want(struct world *o, uint32_t k)
{
	const unsigned me = o->at;

	o->key[me] = k;
	o->met[me] = 0;
	for (unsigned i = 0; i < WORKERS; i++) {
		if (i == me || o->key[i] != k)
			continue;
		o->met[me] |= 1u << i;
		o->met[i] |= 1u << me;
	}
}

static void deed_ticket(struct world *o)
{
	const uint32_t k = draw(o->keys);
	const struct tbl_cell_key key = key_of(k);
	uint32_t cell, value;

	key_want(o, k);
	enum tbl_cells_answer a = tbl_cells_take(o->cells, &key, o->limit, NOW_S, &cell, &value);
	o->refused += a == TBL_CELLS_OVER;
	if (a == TBL_CELLS_OVER && (uint32_t)__builtin_popcount(o->met[o->at]) < o->limit)
		o->wrong++; // there can't have been so many
	o->full += a == TBL_CELLS_FULL;
	if (a == TBL_CELLS_PASS) {
		o->passed++;
		if (++o->held[k] > o->limit)
			o->wrong++;
		step();
		o->held[k]--;
		tbl_cells_give(o->cells, cell);
	}
	o->key[o->at] = KEYS;
}

// An event of a key, or a ticket.
static void deed_event(struct world *o)
{
	const uint32_t k = draw(o->keys);
	const struct tbl_cell_key key = key_of(k);
	uint32_t value;

	if (draw(3) != 0) {
		deed_ticket(o);
		return;
	}
	switch (tbl_cells_count(o->cells, &key, EVENTS, WINDOW_S, NOW_S, &value)) {
	case TBL_CELLS_PASS:
		o->events[k]++;
		break;
	case TBL_CELLS_OVER:
		o->wrong += value != EVENTS;
		break;
	default:
		o->full++;
	}
}

// Nothing is out, and of each key as many as before pass.
static bool nothing_is_left(struct world *o)
{
	uint32_t cell, value;

	for (uint32_t k = 0; k < KEYS; k++) {
		const struct tbl_cell_key key = key_of(k);

		if (tbl_cells_read(o->cells, &key, NOW_S).tickets != 0 ||
			tbl_cells_take(o->cells, &key, 1, NOW_S, &cell, &value) != TBL_CELLS_PASS ||
			value != 1)
			return false;
		tbl_cells_give(o->cells, cell);
	}
	return true;
}

static void in_no_order_a_ticket_is_lost_or_doubled(void **)
{
	uint32_t passed = 0, refused = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		world_make(seed, 1 + seed % WORKERS, deed_ticket);
		world_run();
		passed += world.passed;
		refused += world.refused;
		if (world.wrong > 0 || (world.limit == WORKERS && world.refused > 0) ||
			!nothing_is_left(&world))
			fail_msg("seed %lu", (unsigned long)seed);
		free(world.cells);
	}
	assert_true(passed > SEEDS * DEEDS / 2 && refused > SEEDS / 10);
}

static void in_no_order_an_event_is_lost_or_doubled(void **)
{
	uint32_t passed = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		world_make(seed, 1 + seed % WORKERS, deed_event);
		world_run();
		for (uint32_t k = 0; k < KEYS; k++) {
			const struct tbl_cell_key key = key_of(k);

			passed += world.events[k];
			if (world.wrong > 0 || world.events[k] > EVENTS ||
				tbl_cells_read(world.cells, &key, NOW_S).events != world.events[k])
				fail_msg("seed %lu", (unsigned long)seed);
		}
		free(world.cells);
	}
	assert_true(passed > SEEDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_no_order_a_ticket_is_lost_or_doubled),
		cmocka_unit_test(in_no_order_an_event_is_lost_or_doubled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
