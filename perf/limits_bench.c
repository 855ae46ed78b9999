// SPDX-License-Identifier: BSD-3-Clause
// What the limits of a session cost in the table of cells: a ticket of the client and one of the
// profile taken, an event counted, both tickets given back; by one worker and by several at once,
// with so many clients, each other than the one before. Writes one JSON object a line to standard
// output; perf/limits runs it. limits_bench ROUNDS WORKERS
// Thread: as many as it is told, which share the table.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_rounds.h"
#include "tbl_cells.h"

enum {
	CELLS = 1 << 18,
	SESSIONS = 1 << 14, // of a worker in a round
	ROUNDS_MAX = 1000,
	WORKERS_MAX = 16,
	WINDOW_S = 1800,
	LIMIT = 50000,
};

struct worker {
	pthread_t thread;
	struct tbl_cells *cells;
	uint32_t clients, failed;
	uint64_t seed;
	double session_ns, ticket_ns;
	pthread_barrier_t *start;
};

static double now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); // it exists
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33) % below;
}

static struct tbl_cell_key key_of(uint32_t client)
{
	struct tbl_cell_key key = {.profile = 1, .kind = 1};

	memcpy(key.client.b + 12, &client, sizeof(client));
	return key;
}

static void sessions(struct worker *me, uint32_t now_s)
{
	const struct tbl_cell_key all = {.profile = 1, .kind = 2};
	uint32_t client, total, value;

	for (uint32_t i = 0; i < SESSIONS; i++) {
		const struct tbl_cell_key key = key_of(draw(&me->seed, me->clients));

		if (tbl_cells_take(me->cells, &key, LIMIT, now_s, &client, &value) !=
				TBL_CELLS_PASS ||
			tbl_cells_take(me->cells, &all, LIMIT, now_s, &total, &value) !=
				TBL_CELLS_PASS ||
			tbl_cells_count(me->cells, &key, LIMIT, WINDOW_S, now_s, &value) ==
				TBL_CELLS_FULL)
			me->failed++;
		tbl_cells_give(me->cells, client);
		tbl_cells_give(me->cells, total);
	}
}

static void tickets(struct worker *me, uint32_t now_s)
{
	uint32_t cell, value;

	for (uint32_t i = 0; i < SESSIONS; i++) {
		const struct tbl_cell_key key = key_of(draw(&me->seed, me->clients));

		if (tbl_cells_take(me->cells, &key, LIMIT, now_s, &cell, &value) != TBL_CELLS_PASS)
			me->failed++;
		tbl_cells_give(me->cells, cell);
	}
}

static void *work(void *arg)
{
	struct worker *me = arg;

	sessions(me, 1); // claims the cells, warms the caches
	(void)pthread_barrier_wait(me->start);
	double at = now_ns();
	sessions(me, 1);
	me->session_ns = (now_ns() - at) / SESSIONS;
	at = now_ns();
	tickets(me, 1);
	me->ticket_ns = (now_ns() - at) / SESSIONS;
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

// false: no memory, no thread, or a cell was not to be had.
static bool round_run(
	void *memory, uint32_t clients, unsigned workers, double *session, double *ticket)
{
	static const uint8_t SECRET[16] = {1};
	struct worker worker[WORKERS_MAX];
	struct tbl_cells *cells = tbl_cells_init(memory, CELLS, SECRET);
	pthread_barrier_t start;
	bool good = pthread_barrier_init(&start, NULL, workers) == 0;

	for (unsigned i = 0; good && i < workers; i++) {
		worker[i] = (struct worker){
			.cells = cells, .clients = clients, .seed = i + 1, .start = &start};
		good = pthread_create(&worker[i].thread, NULL, work, &worker[i]) == 0;
	}
	*session = *ticket = 0;
	for (unsigned i = 0; good && i < workers; i++) {
		good = pthread_join(worker[i].thread, NULL) == 0 && worker[i].failed == 0;
		*session += worker[i].session_ns / workers;
		*ticket += worker[i].ticket_ns / workers;
	}
	return good;
}

int main(int argc, char **argv)
{
	static const uint32_t CLIENTS[] = {1, 1000, 100000};
	static double session[ROUNDS_MAX], ticket[ROUNDS_MAX];
	unsigned rounds = argc == 3 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	unsigned workers = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	void *memory = aligned_alloc(64, (tbl_cells_bytes(CELLS) + 63) / 64 * 64);

	if (rounds == 0 || rounds > ROUNDS_MAX || workers == 0 || workers > WORKERS_MAX ||
		memory == NULL) {
		(void)fprintf(stderr, "usage: limits_bench ROUNDS WORKERS, 1..%d, 1..%d\n",
			ROUNDS_MAX, WORKERS_MAX);
		return 2;
	}
	for (size_t c = 0; c < sizeof(CLIENTS) / sizeof(CLIENTS[0]); c++) {
		for (unsigned r = 0; r < rounds; r++)
			if (!round_run(memory, CLIENTS[c], workers, &session[r], &ticket[r]))
				return 1;
		(void)printf("{\"clients\": %u, \"workers\": %u", CLIENTS[c], workers);
		bench_rounds("session", session, rounds);
		qsort(session, rounds, sizeof(*session), compare);
		qsort(ticket, rounds, sizeof(*ticket), compare);
		(void)printf(", \"session_ns\": %.1f, "
			     "\"session_quartiles_ns\": [%.1f, %.1f], \"ticket_ns\": %.1f}\n",
			session[rounds / 2], session[rounds / 4], session[rounds * 3 / 4],
			ticket[rounds / 2]);
		(void)fflush(stdout);
	}
	free(memory);
	return 0;
}
