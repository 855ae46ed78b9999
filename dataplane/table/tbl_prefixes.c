// SPDX-License-Identifier: BSD-3-Clause
// Prefixes in an rte_hash whose key is the prefix, its length included, and its context: a look takes one
// look-up for each length that there is. Chained buckets, so that as many fit as were asked for. The hash is
// keyed by ourselves: whoever can choose addresses cannot choose buckets. Marks lie beside the entries, by
// place, for an entry's bucket may change while a sweep goes on, its place not.
// Thread: see the header.
#include "tbl_prefixes.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_malloc.h>

enum {
	BUCKET = 8,        // entries of a bucket (rte_hash)
	BUCKET_BYTES = 64, // both of rte_hash's own
	SLOT_BYTES = 32,   // key and value
	V4_LEAD = 96,      // bits of an IPv4 prefix's form before its own
	LENGTH_BITS = 8,
};

// ---- keys

static inline uint64_t load64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

// ::ffff:0:0/96
static inline bool is_v4(const struct addr *a)
{
	static const uint8_t lead[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return memcmp(a->b, lead, sizeof(lead)) == 0;
}

static inline unsigned family_of(const struct addr *a, unsigned len)
{
	return len >= V4_LEAD && is_v4(a);
}

// Multiplied and folded: each bit of the product depends on a secret word.
static inline uint64_t fold(uint64_t a, uint64_t b)
{
	const unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline hash_sig_t hash_of(const struct tbl_prefixes *p, const struct tbl_prefix_key *key)
{
	const uint8_t *at = (const uint8_t *)key;
	const uint64_t *s = p->secret;
	const uint64_t h = fold(load64(at) ^ s[0], load64(at + 8) ^ s[1]);

	return (hash_sig_t)(fold(h ^ s[2], load64(at + 16) ^ s[3]) >> 16);
}

static inline uint64_t mask64(unsigned bits) // of the upper ones, 0..64
{
	const uint64_t m = bits == 0 ? 0 : ~UINT64_C(0) << (64 - bits);

	return rte_cpu_to_be_64(m);
}

static inline struct addr addr_mask(const struct addr *a, unsigned len)
{
	const uint64_t part[2] = {load64(a->b) & mask64(len < 64 ? len : 64),
		load64(a->b + 8) & mask64(len < 64 ? 0 : len - 64)};
	struct addr out;

	memcpy(out.b, part, sizeof(out.b));
	return out;
}

bool tbl_prefix_is_canonical(const struct prefix *p)
{
	if (p->len > 128)
		return false;
	const struct addr a = addr_mask(&p->addr, p->len);

	return memcmp(a.b, p->addr.b, sizeof(a.b)) == 0;
}

struct tbl_prefix_key tbl_prefix_key(const struct prefix *p, uint32_t context, uint16_t vlan)
{
	return (struct tbl_prefix_key){
		.addr = p->addr, .context = context, .vlan = vlan, .len = p->len};
}

// ---- memory

static uint32_t buckets_of(uint32_t entries)
{
	return rte_align32pow2(entries) / BUCKET;
}

// What rte_hash_create takes for that, and the marks.
uint64_t tbl_prefixes_bytes(uint32_t most, uint32_t spare)
{
	const uint64_t entries = (uint64_t)most + spare;
	const uint64_t buckets = buckets_of((uint32_t)entries);

	if (most == 0)
		return 0;
	return 2 * buckets * BUCKET_BYTES + (entries + 1) * SLOT_BYTES +
		sizeof(uint32_t) * rte_align32pow2((uint32_t)entries + 1) +
		sizeof(uint32_t) * rte_align32pow2((uint32_t)buckets + 1) +
		sizeof(uint32_t) * (entries + 1) + sizeof(uint16_t) * entries;
}

int tbl_prefixes_parts_new(
	struct tbl_prefixes *p, const char *name, uint32_t most, uint32_t spare, int socket)
{
	const struct rte_hash_parameters par = {
		.name = name,
		.entries = most + spare,
		.key_len = sizeof(struct tbl_prefix_key),
		.socket_id = socket,
		.extra_flag =
			RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF | RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};

	p->round = 1;
	p->most = most;
	if (most == 0)
		return 0;
	if (getentropy(p->secret, sizeof(p->secret)) != 0)
		return -ENOMEM;
	p->hash = rte_hash_create(&par);
	if (p->hash == NULL)
		return -ENOMEM;
	p->places = (uint32_t)rte_hash_max_key_id(p->hash) + 1;
	p->mark = rte_zmalloc_socket(
		"prefix marks", p->places * sizeof(*p->mark), RTE_CACHE_LINE_SIZE, socket);
	return p->mark == NULL ? -ENOMEM : 0;
}

void tbl_prefixes_parts_free(struct tbl_prefixes *p)
{
	rte_free(p->mark);
	rte_hash_free(p->hash);
}

// ---- workers

struct batch { // of keys that are looked for at once
	struct tbl_prefix_key key[TBL_CLIENTS_BULK];
	const void *at[TBL_CLIENTS_BULK];
	hash_sig_t hash[TBL_CLIENTS_BULK];
	void *value[TBL_CLIENTS_BULK];
	uint8_t of[TBL_CLIENTS_BULK]; // which of the caller's
	uint32_t n;
};

static inline void batch_add(struct batch *b, const struct tbl_prefixes *p,
	const struct tbl_client_key *k, unsigned len, unsigned of)
{
	struct tbl_prefix_key *key = &b->key[b->n];

	*key = (struct tbl_prefix_key){.addr = len == 128 ? k->addr : addr_mask(&k->addr, len),
		.context = k->context,
		.vlan = k->vlan,
		.len = (uint8_t)len};
	b->at[b->n] = key;
	b->hash[b->n] = hash_of(p, key);
	b->of[b->n++] = (uint8_t)of;
}

struct tbl_prefix_lengths tbl_prefix_lengths(const struct tbl_prefixes *p)
{
	// Relaxed: a length that comes now is of a prefix that comes now.
	return (struct tbl_prefix_lengths){
		{atomic_load_explicit(&p->lengths[0], memory_order_relaxed),
			atomic_load_explicit(&p->lengths[1], memory_order_relaxed)}};
}

uint32_t tbl_prefixes_look(const struct tbl_prefixes *p, struct tbl_prefix_lengths *lengths,
	const struct tbl_client_key *keys, uint32_t which, uint64_t values[TBL_CLIENTS_BULK])
{
	const uint8_t len[2] = {(uint8_t)lengths->of[0], (uint8_t)lengths->of[1]};
	uint32_t found = 0;
	uint64_t hits = 0;
	struct batch b;

	b.n = 0;
	lengths->of[0] >>= LENGTH_BITS;
	lengths->of[1] >>= LENGTH_BITS;
	for (uint32_t left = which; left != 0; left &= left - 1) {
		const unsigned i = (unsigned)__builtin_ctz(left);
		const unsigned l = len[is_v4(&keys[i].addr)];

		if (l != 0)
			batch_add(&b, p, &keys[i], l - 1, i);
	}
	if (b.n == 0)
		return 0;
	// Fails for wrong arguments alone.
	(void)rte_hash_lookup_with_hash_bulk_data(p->hash, b.at, b.hash, b.n, &hits, b.value);
	for (; hits != 0; hits &= hits - 1) {
		const unsigned i = (unsigned)__builtin_ctzll(hits);

		found |= UINT32_C(1) << b.of[i];
		values[b.of[i]] = (uint64_t)(uintptr_t)b.value[i];
	}
	return found;
}

// ---- the manager

static void *as_value(uint64_t value)
{
	return (void *)(uintptr_t)value;
}

int32_t tbl_prefixes_find(
	const struct tbl_prefixes *p, const struct tbl_prefix_key *key, uint64_t *value)
{
	void *data = NULL;
	int32_t place = p->hash == NULL
		? -ENOENT
		: rte_hash_lookup_with_hash_data(p->hash, key, hash_of(p, key), &data);

	*value = (uint64_t)(uintptr_t)data;
	return place < 0 ? -ENOENT : place;
}

const struct tbl_prefix_key *tbl_prefixes_at(const struct tbl_prefixes *p, uint32_t place)
{
	void *key = NULL;

	(void)rte_hash_get_key_with_position(p->hash, (int32_t)place, &key); // it is one
	return key;
}

// The lengths that a family has now, the longest first.
static void lengths_publish(struct tbl_prefixes *p, unsigned family)
{
	uint64_t lengths = 0;
	unsigned n = 0;

	for (unsigned len = TBL_PREFIX_LENGTHS; len-- > 0 && n < TBL_LENGTHS_MAX;)
		if (p->count[family][len] > 0)
			lengths |= (uint64_t)(len + 1) << LENGTH_BITS * n++;
	atomic_store_explicit(&p->lengths[family], lengths, memory_order_relaxed);
}

static bool length_fits(const struct tbl_prefixes *p, unsigned family, unsigned len)
{
	const uint64_t lengths = atomic_load_explicit(&p->lengths[family], memory_order_relaxed);

	_Static_assert(TBL_LENGTHS_MAX * LENGTH_BITS == 64, "a word of lengths");
	return p->count[family][len] > 0 || lengths >> (64 - LENGTH_BITS) == 0;
}

static void used_add(struct tbl_prefixes *p, int n)
{
	const uint32_t used = atomic_load_explicit(&p->used, memory_order_relaxed);

	atomic_store_explicit(&p->used, used + (uint32_t)n, memory_order_relaxed);
}

int32_t tbl_prefixes_add(struct tbl_prefixes *p, const struct tbl_prefix_key *key, uint64_t value)
{
	const unsigned family = family_of(&key->addr, key->len);
	const hash_sig_t hash = hash_of(p, key);
	int32_t place;

	if (atomic_load_explicit(&p->used, memory_order_relaxed) >= p->most ||
		!length_fits(p, family, key->len) ||
		rte_hash_add_key_with_hash_data(p->hash, key, hash, as_value(value)) != 0)
		return -ENOSPC;
	place = rte_hash_lookup_with_hash(p->hash, key, hash);
	p->mark[place] = p->round;
	used_add(p, 1);
	if (p->count[family][key->len]++ == 0)
		lengths_publish(p, family);
	return place;
}

void tbl_prefixes_replace(struct tbl_prefixes *p, const struct tbl_prefix_key *key, uint64_t value)
{
	// It is there: nothing that could fail.
	(void)rte_hash_add_key_with_hash_data(p->hash, key, hash_of(p, key), as_value(value));
}

int32_t tbl_prefixes_remove(struct tbl_prefixes *p, const struct tbl_prefix_key *key)
{
	const unsigned family = family_of(&key->addr, key->len);
	const int32_t place = rte_hash_del_key_with_hash(p->hash, key, hash_of(p, key));

	p->mark[place] = 0;
	used_add(p, -1);
	if (--p->count[family][key->len] == 0)
		lengths_publish(p, family);
	return place;
}

void tbl_prefixes_place_free(struct tbl_prefixes *p, int32_t place)
{
	(void)rte_hash_free_key_with_position(p->hash, place); // it was removed: a place
}

void tbl_prefixes_begin(struct tbl_prefixes *p)
{
	p->round = p->round == UINT16_MAX ? 1 : p->round + 1;
	p->hand = 0;
}
