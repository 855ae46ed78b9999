// SPDX-License-Identifier: BSD-3-Clause
// What it costs to find the policy of a connection among 10, 1,000 and 10,000, by the kind of list;
// beside it a walk over the list, and one look-up in a hash table of as many addresses. Connections
// are drawn among the list's, each other than the one before, so a look-up waits for the one before
// in nothing but the caches. Writes one JSON object a line to standard output; perf/match runs it.
//   match_bench ROUNDS
// Thread: one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_rounds.h"
#include "hash.h"
#include "pol_build.h"
#include "pol_index.h"
#include "policy_shapes.h"

enum { KEYS = 1 << 14, ROUNDS_MAX = 1000, WALKS = 512, SLOTS = 1 << 15 };

struct bench {
	const struct pol_image *img;
	uint8_t *bytes;
	struct pol_key keys[KEYS];
	struct {
		struct addr addr;
		uint32_t value;
	} slot[SLOTS]; // value 0 = empty
	uint32_t sum;  // of what was found, so that nothing is left out
};

struct times { // ns of one look-up
	double match, walk, hash;
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

static uint32_t slot_of(const struct bench *b, const struct addr *a)
{
	uint32_t i = hash_crc32c(0, a->b, sizeof(a->b)) % SLOTS;

	while (b->slot[i].value != 0 && !addr_eq(&b->slot[i].addr, a))
		i = (i + 1) % SLOTS;
	return i;
}

static bool bench_fill(struct bench *b, enum shape shape, uint32_t n)
{
	struct pol_build *build = pol_build_new();
	struct err_list err;
	uint64_t seed = 1;
	size_t bytes;
	int rc;

	memset(b, 0, sizeof(*b));
	err_init(&err);
	for (uint32_t i = 0; build != NULL && i < 4; i++)
		(void)pol_build_add(
			build, POL_SEC_CONTEXTS, &(struct pol_context){.ports = 1u << i});
	for (uint32_t i = 0; build != NULL && i < n; i++) {
		struct pol_policy p = shape_policy(shape, i, n, &seed);

		(void)pol_build_add(build, POL_SEC_POLICIES, &p); // index i
	}
	rc = build == NULL ? -1 : pol_build_finish(build, 1, 0, &b->bytes, &bytes);
	pol_build_free(build);
	if (rc != 0 || pol_verify((struct span){b->bytes, bytes}, &b->img, &err) != 0) {
		err_print(&err, stderr);
		return false;
	}
	for (uint32_t i = 0; i < KEYS; i++)
		b->keys[i] = shape_key(pol_policy_at(b->img, draw(&seed, n)), &seed);
	for (uint32_t i = 0; i < n; i++) { // some may be the same
		uint32_t at = slot_of(b, &b->keys[i].source);

		b->slot[at].addr = b->keys[i].source;
		b->slot[at].value = i + 1;
	}
	return true;
}

// The first policy of the list that takes a connection, by looking at one after the other.
static uint32_t walk(const struct bench *b, const struct pol_key *k)
{
	const uint32_t n = pol_list_count(b->img);
	const struct pol_policy *p = pol_policy_at(b->img, 0);
	const unsigned __int128 source = pol_value_of(&k->source);
	const unsigned __int128 destination = pol_value_of(&k->destination);

	for (uint32_t i = 0; i < n; i++, p++) {
		const unsigned __int128 s =
			p->source.len == 0 ? 0 : POL_VALUE_MAX << (128 - p->source.len);
		const unsigned __int128 d =
			p->destination.len == 0 ? 0 : POL_VALUE_MAX << (128 - p->destination.len);

		if (((source ^ pol_value_of(&p->source.addr)) & s) == 0 &&
			((destination ^ pol_value_of(&p->destination.addr)) & d) == 0 &&
			p->enabled && (p->context == POL_ANY || p->context == k->context) &&
			(p->ingress == 0 ||
				(k->ingress < POL_PORTS_MAX && (p->ingress >> k->ingress & 1))) &&
			(p->vlan_lo == POL_ANY ||
				(k->vlan >= p->vlan_lo && k->vlan <= p->vlan_hi)) &&
			k->port >= p->port_lo && k->port <= p->port_hi)
			return i;
	}
	return POL_NONE;
}

static struct times round_run(struct bench *b, unsigned round)
{
	struct times t;
	double at = now_ns();

	for (uint32_t i = 0; i < KEYS; i++)
		b->sum += pol_match(b->img, &b->keys[i]);
	t.match = (now_ns() - at) / KEYS;
	at = now_ns();
	for (uint32_t i = 0; i < WALKS; i++)
		b->sum += walk(b, &b->keys[(round * WALKS + i) % KEYS]);
	t.walk = (now_ns() - at) / WALKS;
	at = now_ns();
	for (uint32_t i = 0; i < KEYS; i++)
		b->sum += b->slot[slot_of(b, &b->keys[i].source)].value;
	t.hash = (now_ns() - at) / KEYS;
	return t;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void show(
	const struct bench *b, enum shape shape, uint32_t n, struct times *t, unsigned rounds)
{
	static double match[ROUNDS_MAX], walked[ROUNDS_MAX], hash[ROUNDS_MAX];

	for (unsigned i = 0; i < rounds; i++) {
		match[i] = t[i].match;
		walked[i] = t[i].walk;
		hash[i] = t[i].hash;
	}
	(void)printf("{\"list\": \"%s\", \"policies\": %u", shape_name(shape), n);
	bench_rounds("match", match, rounds);
	bench_rounds("hash", hash, rounds);
	qsort(match, rounds, sizeof(*match), compare);
	qsort(walked, rounds, sizeof(*walked), compare);
	qsort(hash, rounds, sizeof(*hash), compare);
	(void)printf(", \"match_ns\": %.1f, "
		     "\"match_quartiles_ns\": [%.1f, %.1f], \"walk_ns\": %.1f, \"hash_ns\": %.1f, "
		     "\"index_bytes\": %zu, \"sum\": %u}\n",
		match[rounds / 2], match[rounds / 4], match[rounds * 3 / 4], walked[rounds / 2],
		hash[rounds / 2], pol_section(b->img, POL_SEC_INDEX).n, b->sum);
	(void)fflush(stdout);
}

int main(int argc, char **argv)
{
	static const uint32_t LENGTHS[] = {10, 1000, POL_POLICIES_MAX};
	static struct bench b;
	static struct times t[ROUNDS_MAX];
	unsigned rounds = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;

	if (rounds == 0 || rounds > ROUNDS_MAX) {
		(void)fprintf(stderr, "usage: match_bench ROUNDS, 1..%d\n", ROUNDS_MAX);
		return 2;
	}
	for (enum shape s = 0; s < SHAPE_COUNT; s++) {
		for (size_t i = 0; i < sizeof(LENGTHS) / sizeof(LENGTHS[0]); i++) {
			if (!bench_fill(&b, s, LENGTHS[i]))
				return 1;
			(void)round_run(&b, 0); // warms the caches
			for (unsigned r = 0; r < rounds; r++)
				t[r] = round_run(&b, r);
			show(&b, s, LENGTHS[i], t, rounds);
			free(b.bytes);
		}
	}
	return 0;
}
