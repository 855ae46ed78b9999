// SPDX-License-Identifier: BSD-3-Clause
// The few symbols of DPDK that the engine and its libraries call, made of malloc(): no EAL, no
// hugepages, no other thread, and AddressSanitizer sees each object and each packet. Randomness and
// the clock of ids follow the seed, so that a seed replays to the byte.
// Symbols of the program go before those of the shared libraries, so these are the ones taken.
// One thread.
#include "sim_noeal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_hash.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_random.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

static uint64_t random_state;
static unsigned pieces;

void sim_noeal_seed(uint64_t seed)
{
	random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

unsigned sim_memory_pieces(void)
{
	return pieces;
}

uint64_t rte_rand(void)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15); // splitmix64

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

// A budget in cycles never runs out: how fast this machine is must not change what happens.
uint64_t rte_get_tsc_hz(void)
{
	return UINT64_C(1) << 60;
}

time_t time(time_t *out)
{
	const time_t now = 1700000000;

	if (out != NULL)
		*out = now;
	return now;
}

// ---- memory

void *rte_malloc_socket(const char *, size_t size, unsigned align, int)
{
	void *p = NULL;

	if (posix_memalign(&p, align < 64 ? 64 : align, size == 0 ? 1 : size) != 0)
		return NULL;
	pieces++;
	return p;
}

void *rte_zmalloc_socket(const char *type, size_t size, unsigned align, int socket)
{
	void *p = rte_malloc_socket(type, size, align, socket);

	if (p != NULL)
		memset(p, 0, size);
	return p;
}

void *rte_malloc(const char *type, size_t size, unsigned align)
{
	return rte_malloc_socket(type, size, align, 0);
}

void *rte_zmalloc(const char *type, size_t size, unsigned align)
{
	return rte_zmalloc_socket(type, size, align, 0);
}

void *rte_calloc_socket(const char *type, size_t n, size_t size, unsigned align, int socket)
{
	return rte_zmalloc_socket(type, n * size, align, socket);
}

void rte_free(void *p)
{
	if (p != NULL)
		pieces--;
	free(p);
}

// ---- rings

struct rte_ring *rte_ring_create_elem(
	const char *name, unsigned size, unsigned count, int socket, unsigned flags)
{
	ssize_t bytes = rte_ring_get_memsize_elem(size, count);
	struct rte_ring *r = rte_zmalloc_socket(name, (size_t)bytes, 64, socket);

	if (r != NULL && rte_ring_init(r, name, count, flags) != 0) {
		rte_free(r);
		r = NULL;
	}
	return r;
}

struct rte_ring *rte_ring_create(const char *name, unsigned count, int socket, unsigned flags)
{
	return rte_ring_create_elem(name, sizeof(void *), count, socket, flags);
}

void rte_ring_free(struct rte_ring *r)
{
	rte_free(r);
}

// ---- a hash whose positions number an array: chains, and a stack of free positions

struct rte_hash {
	struct rte_hash_parameters par;
	uint32_t buckets, nfree;
	int32_t *bucket, *next; // first of a bucket, next in its chain; -1 ends it
	uint32_t *free, *sig;
	uint8_t *keys;
};

struct rte_hash *rte_hash_create(const struct rte_hash_parameters *par)
{
	struct rte_hash *h = rte_zmalloc("hash", sizeof(*h), 0);

	h->par = *par;
	for (h->buckets = 16; h->buckets < par->entries;)
		h->buckets *= 2;
	h->bucket = rte_malloc("hash", h->buckets * sizeof(*h->bucket), 0);
	memset(h->bucket, 0xff, h->buckets * sizeof(*h->bucket));
	h->next = rte_malloc("hash", par->entries * sizeof(*h->next), 0);
	h->sig = rte_malloc("hash", par->entries * sizeof(*h->sig), 0);
	h->free = rte_malloc("hash", par->entries * sizeof(*h->free), 0);
	h->keys = rte_malloc("hash", (size_t)par->entries * par->key_len, 0);
	while (h->nfree < par->entries) {
		h->free[h->nfree] = par->entries - 1 - h->nfree;
		h->nfree++;
	}
	return h;
}

void rte_hash_free(struct rte_hash *h)
{
	if (h == NULL)
		return;
	rte_free(h->bucket);
	rte_free(h->next);
	rte_free(h->sig);
	rte_free(h->free);
	rte_free(h->keys);
	rte_free(h);
}

hash_sig_t rte_hash_hash(const struct rte_hash *h, const void *key)
{
	return h->par.hash_func(key, h->par.key_len, h->par.hash_func_init_val);
}

// Where the chain points at the key; at its end where it has none.
static int32_t *place_of(const struct rte_hash *h, const void *key, hash_sig_t sig)
{
	int32_t *at = &h->bucket[sig & (h->buckets - 1)];

	while (*at >= 0 &&
		(h->sig[*at] != sig ||
			memcmp(h->keys + (size_t)*at * h->par.key_len, key, h->par.key_len) != 0))
		at = &h->next[*at];
	return at;
}

int32_t rte_hash_lookup_with_hash(const struct rte_hash *h, const void *key, hash_sig_t sig)
{
	int32_t i = *place_of(h, key, sig);

	return i < 0 ? -ENOENT : i;
}

int32_t rte_hash_lookup(const struct rte_hash *h, const void *key)
{
	return rte_hash_lookup_with_hash(h, key, rte_hash_hash(h, key));
}

int32_t rte_hash_add_key_with_hash(const struct rte_hash *hash, const void *key, hash_sig_t sig)
{
	struct rte_hash *h = (struct rte_hash *)(uintptr_t)hash;
	int32_t *at = place_of(h, key, sig);

	if (*at >= 0)
		return *at;
	if (h->nfree == 0)
		return -ENOSPC;
	*at = (int32_t)h->free[--h->nfree];
	h->next[*at] = -1;
	h->sig[*at] = sig;
	memcpy(h->keys + (size_t)*at * h->par.key_len, key, h->par.key_len);
	return *at;
}

int32_t rte_hash_add_key(const struct rte_hash *h, const void *key)
{
	return rte_hash_add_key_with_hash(h, key, rte_hash_hash(h, key));
}

int32_t rte_hash_del_key_with_hash(const struct rte_hash *hash, const void *key, hash_sig_t sig)
{
	struct rte_hash *h = (struct rte_hash *)(uintptr_t)hash;
	int32_t *at = place_of(h, key, sig), i = *at;

	if (i < 0)
		return -ENOENT;
	*at = h->next[i];
	h->free[h->nfree++] = (uint32_t)i;
	return i;
}

int32_t rte_hash_del_key(const struct rte_hash *h, const void *key)
{
	return rte_hash_del_key_with_hash(h, key, rte_hash_hash(h, key));
}

// ---- packet buffers

enum { HEAD_BYTES = 64 }; // before the buffer, as in a pool of DPDK's

struct pool {
	struct rte_mempool mp;
	struct rte_pktmbuf_pool_private priv;
	unsigned used, limit;
};

static int buffers_get(struct rte_mempool *mp, void **objs, unsigned n)
{
	struct pool *pool = (struct pool *)mp;

	if (pool->used + n > pool->limit)
		return -ENOBUFS;
	for (unsigned i = 0; i < n; i++) {
		uint8_t *raw = NULL;

		if (posix_memalign((void **)&raw, 64, HEAD_BYTES + mp->elt_size) != 0)
			abort();
		memset(raw, 0, HEAD_BYTES + sizeof(struct rte_mbuf));
		objs[i] = raw + HEAD_BYTES;
		rte_pktmbuf_init(mp, NULL, objs[i], i);
		pool->used++;
	}
	return 0;
}

static int buffers_put(struct rte_mempool *mp, void *const *objs, unsigned n)
{
	struct pool *pool = (struct pool *)mp;

	for (unsigned i = 0; i < n; i++)
		free((uint8_t *)objs[i] - HEAD_BYTES);
	pool->used -= n;
	return 0;
}

static unsigned buffers_left(const struct rte_mempool *mp)
{
	const struct pool *pool = (const struct pool *)mp;

	return pool->limit - pool->used;
}

static int pool_alloc(struct rte_mempool *)
{
	return 0;
}

struct rte_mempool *sim_pool_new(uint16_t priv, uint16_t room)
{
	static const struct rte_mempool_ops ops = {.name = "malloc",
		.alloc = pool_alloc,
		.enqueue = buffers_put,
		.dequeue = buffers_get,
		.get_count = buffers_left};
	static int ops_index = -1;
	struct pool *pool = NULL;

	if (ops_index < 0)
		ops_index = rte_mempool_register_ops(&ops);
	if (ops_index < 0 || posix_memalign((void **)&pool, 64, sizeof(*pool)) != 0)
		return NULL;
	memset(pool, 0, sizeof(*pool));
	pool->limit = 1u << 20;
	pool->priv.mbuf_data_room_size = room;
	pool->priv.mbuf_priv_size = priv;
	pool->mp.ops_index = ops_index;
	pool->mp.header_size = HEAD_BYTES;
	pool->mp.elt_size = (uint32_t)sizeof(struct rte_mbuf) + priv + room;
	pool->mp.private_data_size = sizeof(pool->priv);
	pool->mp.size = pool->limit;
	_Static_assert(offsetof(struct pool, priv) == sizeof(struct rte_mempool),
		"the private data lies behind a pool without caches");
	return &pool->mp;
}

void sim_pool_free(struct rte_mempool *mp)
{
	free(mp);
}

unsigned sim_pool_used(const struct rte_mempool *mp)
{
	return ((const struct pool *)mp)->used;
}

void sim_pool_limit(struct rte_mempool *mp, unsigned limit)
{
	((struct pool *)mp)->limit = limit;
}
