// SPDX-License-Identifier: BSD-3-Clause
// An rte_hash with lock-free readers gives each key its place; what is known of it lies beside the
// hash, by place.
// Thread: see the header.
#include "tbl_hops.h"

#include <errno.h>

#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>

enum { DEAD_MAX = 64, ENTRY_BYTES = 96 };

struct tbl_hops {
	struct rte_hash *hash; // w: manager, r: workers
	struct tbl_hop *hop;   // by place
	uint32_t places;
	unsigned ndead;
	int32_t dead[DEAD_MAX]; // deleted, but not yet free
};

uint64_t tbl_hops_bytes(uint32_t hops)
{
	return (uint64_t)hops * ENTRY_BYTES + sizeof(struct tbl_hops);
}

struct tbl_hops *tbl_hops_new(const char *name, uint32_t hops, int socket)
{
	const struct rte_hash_parameters par = {
		.name = name,
		.entries = hops,
		.key_len = sizeof(struct tbl_hop_key),
		.hash_func = rte_hash_crc,
		.socket_id = socket,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
	};
	struct tbl_hops *t = rte_zmalloc_socket("hops", sizeof(*t), RTE_CACHE_LINE_SIZE, socket);

	if (t == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	t->hash = rte_hash_create(&par);
	if (t->hash == NULL) {
		int why = rte_errno;

		rte_free(t);
		errno = why;
		return NULL;
	}
	t->places = (uint32_t)rte_hash_max_key_id(t->hash) + 1;
	t->hop = rte_zmalloc_socket(
		"hops' MACs", sizeof(*t->hop) * t->places, RTE_CACHE_LINE_SIZE, socket);
	if (t->hop == NULL) {
		tbl_hops_free(t);
		errno = ENOMEM;
		return NULL;
	}
	return t;
}

void tbl_hops_free(struct tbl_hops *t)
{
	if (t == NULL)
		return;
	rte_free(t->hop);
	rte_hash_free(t->hash);
	rte_free(t);
}

static struct tbl_hop_key key_of(uint16_t iface, const struct addr *a)
{
	return (struct tbl_hop_key){.addr = *a, .iface = iface};
}

int32_t tbl_hops_find(const struct tbl_hops *t, uint16_t iface, const struct addr *a)
{
	struct tbl_hop_key key = key_of(iface, a);

	return rte_hash_lookup(t->hash, &key);
}

void tbl_hops_find_bulk(
	const struct tbl_hops *t, const struct tbl_hop_key *key, int32_t *places, unsigned n)
{
	const void *keys[TBL_HOPS_BULK];

	for (unsigned i = 0; i < n; i++)
		keys[i] = &key[i];
	if (n > 0)
		(void)rte_hash_lookup_bulk(t->hash, keys, n, places);
}

struct tbl_hop *tbl_hops_at(const struct tbl_hops *t, uint32_t place)
{
	return &t->hop[place];
}

uint32_t tbl_hops_places(const struct tbl_hops *t)
{
	return t->places;
}

int32_t tbl_hops_add(struct tbl_hops *t, uint16_t iface, const struct addr *a)
{
	struct tbl_hop_key key = key_of(iface, a);
	int32_t place = rte_hash_lookup(t->hash, &key);

	if (place >= 0)
		return place;
	place = rte_hash_add_key(t->hash, &key);
	if (place < 0)
		return place;
	// A worker may have found it by now: it sees no MAC (tbl_hops_reclaim) and knows the interface itself.
	t->hop[place].iface = iface;
	t->hop[place].addr = *a;
	atomic_store_explicit(&t->hop[place].used, 0, memory_order_relaxed);
	return place;
}

void tbl_hops_set(struct tbl_hops *t, uint32_t place, const uint8_t *mac)
{
	uint64_t value = TBL_HOP_KNOWN;

	for (unsigned i = 0; mac != NULL && i < 6; i++)
		value |= (uint64_t)mac[i] << 8 * i;
	// Alone: a worker reads nothing else that this would have to stand behind.
	atomic_store_explicit(&t->hop[place].mac, mac == NULL ? 0 : value, memory_order_relaxed);
}

int tbl_hops_del(struct tbl_hops *t, uint16_t iface, const struct addr *a)
{
	struct tbl_hop_key key = key_of(iface, a);
	int32_t place;

	if (t->ndead == DEAD_MAX)
		return -EBUSY;
	place = rte_hash_del_key(t->hash, &key);
	if (place < 0)
		return place;
	t->dead[t->ndead++] = place;
	return 0;
}

unsigned tbl_hops_waiting(const struct tbl_hops *t)
{
	return t->ndead;
}

void tbl_hops_reclaim(struct tbl_hops *t)
{
	while (t->ndead > 0) {
		int32_t place = t->dead[--t->ndead];

		atomic_store_explicit(&t->hop[place].mac, 0, memory_order_relaxed);
		(void)rte_hash_free_key_with_position(t->hash, place);
	}
}
