// SPDX-License-Identifier: BSD-3-Clause
// What finding a client costs among so many: its binding, in bulk and alone, there and not there, with what is
// known of its endpoint and of senders; beside it, in the same round, an rte_hash of the same keys that knows
// nothing else. And what saying a binding costs the manager. Writes one JSON object to standard output;
// perf/lookup runs it and says what it means.
//   lookup_bench COUNT SENDERS MEMORY_MB huge|pages [once]
// once: no binding is said again.
// Thread: one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include "bench_rounds.h"
#include "tbl_clients.h"

enum {
	CHUNK = 4096, // look-ups timed together
	CHUNKS = 256,
	ROUNDS = 51, // printed of them
	BULK = 8,
	CONTEXT = 0x5eed1,
	FIRST = 10 << 24,    // address of the first
	ABSENT = 0x80000000, // added to one that is not there
	SETTLE = 4096,
};

struct spread {                   // nanoseconds: other work on the machine shows in the upper part
	double low, middle, high; // quartiles
};

struct bare_key { // what the table's own key has
	struct addr addr;
	uint32_t context;
	uint16_t vlan, len;
};
_Static_assert(sizeof(struct bare_key) == 24, "as the table's");

struct bench {
	struct tbl_clients *clients;
	struct rte_hash *bare;
	uint32_t count, senders;
	uint64_t seed, sum; // of what was found, so that it is looked for
	double set_ns, again_ns;
	struct tbl_client_key keys[CHUNK];
	struct bare_key bare_keys[CHUNK];
};

typedef void (*chunk_cb)(struct bench *b);

static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((*state >> 32) * below >> 32);
}

static struct addr address_of(uint32_t i)
{
	const uint32_t v4 = FIRST + i;

	return addr_from_v4((const uint8_t[4]){(uint8_t)(v4 >> 24), (uint8_t)(v4 >> 16),
		(uint8_t)(v4 >> 8), (uint8_t)v4});
}

static double ns(uint64_t cycles, uint64_t n)
{
	return (double)cycles * 1e9 / (double)rte_get_tsc_hz() / (double)n;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool eal_open(const char *megabytes, bool huge)
{
	char name[] = "lookup_bench", l[] = "-l", core[] = "0", m[] = "-m", pci[] = "--no-pci",
	     alone[] = "--no-shconf", telemetry[] = "--no-telemetry", quiet[] = "--log-level=error",
	     kind[16], size[16];
	char *args[] = {name, l, core, m, size, pci, alone, telemetry, quiet, kind};

	(void)snprintf(size, sizeof(size), "%s", megabytes);
	(void)snprintf(kind, sizeof(kind), "%s", huge ? "--huge-unlink" : "--no-huge");
	return rte_eal_init(sizeof(args) / sizeof(args[0]), args) >= 0;
}

static bool tables_open(struct bench *b)
{
	const struct tbl_clients_conf conf = {"bench", b->count, b->count, b->senders, SOCKET_ID_ANY};
	const struct rte_hash_parameters par = {
		.name = "bare",
		.entries = b->count,
		.key_len = sizeof(struct bare_key),
		.hash_func = rte_hash_crc,
		.socket_id = SOCKET_ID_ANY,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF |
			RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};

	b->clients = tbl_clients_new(&conf);
	b->bare = rte_hash_create(&par);
	return b->clients != NULL && b->bare != NULL;
}

static int bind(struct bench *b, uint32_t i)
{
	const struct tbl_binding said = {.prefix = {address_of(i), 128},
		.context = CONTEXT,
		.port_last = UINT16_MAX,
		.endpoint = (i + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15)};

	return tbl_binding_set(b->clients, &said);
}

// Each again, as a walk does it.
static bool walk(struct bench *b)
{
	const uint64_t from = rte_rdtsc_precise();

	tbl_bindings_begin(b->clients);
	for (uint32_t i = 0; i < b->count; i++)
		if (bind(b, i) != 0)
			return false;
	while (tbl_bindings_sweep(b->clients, SETTLE))
		;
	b->again_ns = ns(rte_rdtsc_precise() - from, b->count);
	return true;
}

static bool fill(struct bench *b, bool once)
{
	uint64_t from = rte_rdtsc_precise();

	for (uint32_t i = 0; i < b->count; i++)
		if (bind(b, i) != 0)
			return false;
	b->set_ns = ns(rte_rdtsc_precise() - from, b->count);
	for (uint32_t i = 0; i < b->senders; i++) { // spread among those who have a binding
		const struct tbl_sender said = {
			.prefix = {address_of((uint32_t)((uint64_t)i * b->count / b->senders)), 128},
			.context = CONTEXT,
			.score = 1 + i % 100};

		if (tbl_sender_set(b->clients, &said) != 0)
			return false;
	}
	for (uint32_t i = 0; i < b->count; i++) {
		const struct bare_key key = {address_of(i), CONTEXT, 0, 128};

		if (rte_hash_add_key_data(b->bare, &key, (void *)(uintptr_t)(i + 1)) != 0)
			return false;
	}
	return once || walk(b);
}

// ---- what is timed

static void find_bulks(struct bench *b)
{
	struct tbl_client found[BULK];

	for (unsigned i = 0; i < CHUNK; i += BULK) {
		tbl_clients_find_bulk(b->clients, &b->keys[i], BULK, found);
		for (unsigned k = 0; k < BULK; k++)
			b->sum += found[k].endpoint;
	}
}

static void find_known(struct bench *b) // and what is known of each
{
	struct tbl_client found[BULK];
	struct tbl_endpoint e;

	for (unsigned i = 0; i < CHUNK; i += BULK) {
		tbl_clients_find_bulk(b->clients, &b->keys[i], BULK, found);
		for (unsigned k = 0; k < BULK; k++) {
			(void)tbl_endpoint_get(b->clients, found[k].endpoint, &e); // nobody: zero
			b->sum += e.key;
		}
	}
}

static void find_each(struct bench *b)
{
	struct tbl_client found;

	for (unsigned i = 0; i < CHUNK; i++) {
		tbl_clients_find(b->clients, &b->keys[i], &found);
		b->sum += found.endpoint;
	}
}

static void bare_bulks(struct bench *b)
{
	const void *keys[BULK];
	void *data[BULK];
	uint64_t hits;

	for (unsigned i = 0; i < CHUNK; i += BULK) {
		for (unsigned k = 0; k < BULK; k++)
			keys[k] = &b->bare_keys[i + k];
		(void)rte_hash_lookup_bulk_data(b->bare, keys, BULK, &hits, data);
		for (; hits != 0; hits &= hits - 1)
			b->sum += (uintptr_t)data[__builtin_ctzll(hits)];
	}
}

static void keys_draw(struct bench *b, bool there)
{
	for (unsigned i = 0; i < CHUNK; i++) {
		const struct addr a =
			address_of(draw(&b->seed, b->count) + (there ? 0 : (uint32_t)ABSENT));

		b->keys[i] = (struct tbl_client_key){.addr = a,
			.context = CONTEXT,
			.port = (uint16_t)draw(&b->seed, UINT16_MAX)};
		b->bare_keys[i] = (struct bare_key){a, CONTEXT, 0, 128};
	}
}

// Sorts them.
static struct spread spread_of(double values[CHUNKS])
{
	qsort(values, CHUNKS, sizeof(values[0]), compare);
	return (struct spread){values[CHUNKS / 4], values[CHUNKS / 2], values[CHUNKS * 3 / 4]};
}

// By turns, so that a slow phase of the machine is everybody's.
static void measure(
	struct bench *b, bool there, const chunk_cb *what, unsigned n, double values[][CHUNKS])
{
	for (unsigned chunk = 0; chunk < CHUNKS; chunk++)
		for (unsigned i = 0; i < n; i++) {
			keys_draw(b, there);
			const uint64_t from = rte_rdtsc_precise();
			what[i](b);
			values[i][chunk] = ns(rte_rdtsc_precise() - from, CHUNK);
		}
}

static void show_values(const char *name, double values[CHUNKS])
{
	double rounds[ROUNDS];

	bench_rounds(name, rounds, bench_rounds_of(values, CHUNKS, rounds, ROUNDS));
	const struct spread s = spread_of(values);
	printf(", \"%s_ns\": %.1f, \"%s_quartiles_ns\": [%.1f, %.1f]", name, s.middle, name, s.low,
		s.high);
}

static void show(struct bench *b, bool huge)
{
	static const chunk_cb hits[] = {find_bulks, bare_bulks, find_known, find_each};
	static const chunk_cb misses[] = {find_bulks, bare_bulks, find_each};
	const struct tbl_clients_conf conf = {"", b->count, b->count, 0, 0};
	struct tbl_clients_counts n;
	static double hit[4][CHUNKS], miss[3][CHUNKS];

	measure(b, true, hits, 4, hit);
	measure(b, false, misses, 3, miss);
	tbl_clients_counts(b->clients, &n);
	printf("{\"bindings\": %u, \"endpoints\": %u, \"senders\": %u, \"pages\": \"%s\", "
	       "\"bytes_a_binding\": %.1f, \"set_ns\": %.0f, \"again_ns\": %.0f",
		n.bindings, n.endpoints, n.senders, huge ? "2 MB" : "4 kB",
		(double)tbl_clients_bytes(&conf) / b->count, b->set_ns, b->again_ns);
	show_values("hit_bulk", hit[0]);
	show_values("bare_hit_bulk", hit[1]);
	show_values("hit_known_bulk", hit[2]);
	show_values("hit_single", hit[3]);
	show_values("miss_bulk", miss[0]);
	show_values("bare_miss_bulk", miss[1]);
	show_values("miss_single", miss[2]);
	printf("}\n");
}

int main(int argc, char **argv)
{
	static struct bench b = {.seed = 1};

	const bool once = argc == 6 && strcmp(argv[5], "once") == 0;

	if (argc != 5 && !once) {
		fprintf(stderr, "usage: lookup_bench COUNT SENDERS MEMORY_MB huge|pages [once]\n");
		return 2;
	}
	const bool huge = strcmp(argv[4], "huge") == 0;
	b.count = (uint32_t)strtoul(argv[1], NULL, 10);
	b.senders = (uint32_t)strtoul(argv[2], NULL, 10);
	if (b.count == 0 || !eal_open(argv[3], huge))
		return 1;
	if (!tables_open(&b) || !fill(&b, once)) {
		fprintf(stderr, "lookup_bench: no room for %u: more memory?\n", b.count);
		return 1;
	}
	show(&b, huge);
	tbl_clients_free(b.clients);
	rte_hash_free(b.bare);
	(void)rte_eal_cleanup();
	return 0;
}
