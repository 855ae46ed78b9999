// SPDX-License-Identifier: BSD-3-Clause
// From a key to the cell of its flow: buckets of one cache line, twelve cells each with eight bits of
// the hash, so that a look at a flow that is not there ends in one line, and one at a flow that is
// there needs the line and the cell. A full bucket's keys go to the next ones; it counts them, so a
// look goes no further than it must, and a key that leaves takes nothing with it.
// The hash is multilinear with secret numbers (Lemire and Kaser 2014, MULTILINEAR-HM), its upper half
// strongly universal: who chooses addresses and ports does not choose the bucket. SipHash would take
// several times as long.
// A flow pays 8 bytes for it (rte_hash with keys of 40 bytes of its own: 74) and one cache miss less.
// Thread: the worker that owns the table.
#include <rte_malloc.h>
#include <rte_prefetch.h>
#include <rte_random.h>

#include "flow_int.h"
#include "panic.h"

enum {
	USUAL_KEYS = 8,   // a bucket, where the table is full: about one in sixteen overflows
	BUCKETS_MAX = 32, // looked at for one key; a key that fits in none of them is refused
};

_Static_assert(sizeof(struct flow_bucket) == 64, "one cache line");
_Static_assert(FLOW_KEY_WORDS == 10, "the hash and the comparison name all of them");

struct place { // of a key
	uint32_t bucket;
	uint8_t tag;
};

static inline uint64_t product(const uint64_t secret[2], uint64_t words)
{
	return (secret[0] + (uint32_t)words) * (secret[1] + (words >> 32));
}

// Of the fields as they were written a moment ago: wider loads would have to wait for them.
uint64_t flow_index_hash(const struct flow_index *ix, const struct flow_key *key)
{
	const uint64_t ports = (uint64_t)key->client_port | (uint64_t)key->server_port << 16 |
		(uint64_t)key->context << 32;

	return ix->secret[FLOW_KEY_WORDS] + product(&ix->secret[0], flow_word(key->client.b)) +
		product(&ix->secret[2], flow_word(key->client.b + 8)) +
		product(&ix->secret[4], flow_word(key->server.b)) +
		product(&ix->secret[6], flow_word(key->server.b + 8)) +
		product(&ix->secret[8], ports);
}

static inline struct place place_of(const struct flow_index *ix, uint64_t hash)
{
	uint8_t tag = (uint8_t)(hash >> 32);

	return (struct place){
		.bucket = (uint32_t)((hash >> 32) * ix->buckets >> 32),
		.tag = tag != 0 ? tag : 1,
	};
}

static uint32_t next_bucket(const struct flow_index *ix, uint32_t i)
{
	return i + 1 == ix->buckets ? 0 : i + 1;
}

// Ways that have this tag, all twelve looked at at once: way w is bit w / 8 of byte w % 8. Tag 0 is a free
// way.
static inline uint64_t ways_with(const struct flow_bucket *b, uint8_t tag)
{
	const uint64_t low = 0x7f7f7f7f7f7f7f7f;
	uint64_t word[2], found = 0;

	memcpy(&word[0], b->tag, sizeof(uint64_t));
	memcpy(&word[1], b->tag + 8, sizeof(uint64_t));
	for (unsigned i = 0; i < 2; i++) {
		uint64_t x = word[i] ^ (0x0101010101010101u * tag);
		x = ~(((x & low) + low) | x | low); // 0x80 in each byte that was 0
		found |= x >> 7 << i;
	}
	return found & 0x0101010103030303u; // the second word has four tags
}

static unsigned first_way(uint64_t ways)
{
	unsigned bit = (unsigned)__builtin_ctzll(ways);

	return (bit & 1) * 8 + bit / 8;
}

uint64_t flow_index_bytes(uint32_t count)
{
	return ((uint64_t)count / USUAL_KEYS + 1) * sizeof(struct flow_bucket);
}

bool flow_index_new(struct flow_index *ix, uint32_t count, int socket)
{
	ix->buckets = count / USUAL_KEYS + 1;
	for (unsigned i = 0; i <= FLOW_KEY_WORDS; i++)
		ix->secret[i] = rte_rand();
	ix->bucket = rte_zmalloc_socket(
		"flow index", (size_t)ix->buckets * sizeof(*ix->bucket), 64, socket);
	return ix->bucket != NULL;
}

void flow_index_free(struct flow_index *ix)
{
	rte_free(ix->bucket);
}

// A packet will look at nearly all of its flow: better that its lines come together.
static inline void cell_prefetch(const struct flow_table *t, uint32_t cell)
{
	enum { LINES = 8 };
	const uint8_t *from = (const uint8_t *)flow_cell(t, cell);

#pragma GCC unroll 8
	for (unsigned i = 0; i < LINES; i++)
		rte_prefetch0(from + (size_t)i * RTE_CACHE_LINE_SIZE);
}

void flow_index_prefetch(const struct flow_index *ix, uint64_t hash)
{
	rte_prefetch0(&ix->bucket[place_of(ix, hash).bucket]);
}

uint32_t flow_index_prefetch_cell(
	const struct flow_index *ix, const struct flow_table *t, uint64_t hash)
{
	const struct place at = place_of(ix, hash);
	const struct flow_bucket *b = &ix->bucket[at.bucket];
	uint64_t ways = ways_with(b, at.tag);
	const uint32_t first = ways == 0 ? (uint32_t)FLOW_NONE : b->cell[first_way(ways)];

	for (; ways != 0; ways &= ways - 1)
		cell_prefetch(t, b->cell[first_way(ways)]);
	return first;
}

uint32_t flow_index_find(const struct flow_index *ix, const struct flow_table *t,
	const struct flow_key *key, uint64_t hash)
{
	struct place at = place_of(ix, hash);

	for (unsigned n = 0; n < BUCKETS_MAX; n++) {
		const struct flow_bucket *b = &ix->bucket[at.bucket];
		for (uint64_t ways = ways_with(b, at.tag); ways != 0; ways &= ways - 1) {
			uint32_t cell = b->cell[first_way(ways)];
			if (flow_key_is(&flow_cell(t, cell)->key, key))
				return cell;
		}
		if (b->over == 0)
			break;
		at.bucket = next_bucket(ix, at.bucket);
	}
	return FLOW_NONE;
}

// Counts a key that went `steps` buckets further, or (by -1) no longer does.
static void over_count(struct flow_index *ix, uint32_t bucket, unsigned steps, int by)
{
	for (; steps > 0; steps--, bucket = next_bucket(ix, bucket)) {
		struct flow_bucket *b = &ix->bucket[bucket];
		if (b->over != UINT16_MAX) // once so many it is never believed to be few
			b->over = (uint16_t)(b->over + by);
	}
}

bool flow_index_add(struct flow_index *ix, const struct flow_key *key, uint32_t cell)
{
	const struct place home = place_of(ix, flow_index_hash(ix, key));
	uint32_t i = home.bucket;

	for (unsigned n = 0; n < BUCKETS_MAX; n++, i = next_bucket(ix, i)) {
		struct flow_bucket *b = &ix->bucket[i];
		uint64_t ways = ways_with(b, 0);
		if (ways == 0)
			continue;
		b->tag[first_way(ways)] = home.tag;
		b->cell[first_way(ways)] = cell;
		over_count(ix, home.bucket, n, 1);
		return true;
	}
	return false;
}

void flow_index_del(struct flow_index *ix, const struct flow_key *key, uint32_t cell)
{
	const struct place home = place_of(ix, flow_index_hash(ix, key));
	uint32_t i = home.bucket;

	for (unsigned n = 0; n < BUCKETS_MAX; n++, i = next_bucket(ix, i)) {
		struct flow_bucket *b = &ix->bucket[i];
		for (uint64_t ways = ways_with(b, home.tag); ways != 0; ways &= ways - 1) {
			if (b->cell[first_way(ways)] != cell)
				continue;
			b->tag[first_way(ways)] = 0;
			over_count(ix, home.bucket, n, -1);
			return;
		}
	}
	HOT_ASSERT(false); // it was added with this key
}
