// SPDX-License-Identifier: BSD-3-Clause
// The learning bridge's table: an rte_hash with lock-free readers whose value is the port number.
// When an entry was last seen lies beside it, by key position, and is the one thing that workers
// write; the store is skipped while the second has not changed, so the line stays shared.
#include "tbl_fdb.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>
#include <rte_ring_elem.h>

enum { REPORTS_MAX = 4096, DEAD_MAX = 1024 };

struct report {
	uint64_t key;
	uint64_t port;
};

struct tbl_fdb {
	struct rte_hash *hash;    // w: manager, r: workers
	struct rte_ring *reports; // in: workers, out: manager
	_Atomic uint32_t *seen_s; // by key position; w: workers and manager
	uint32_t next;            // where ageing goes on
	uint32_t used;
	unsigned ndead;
	int32_t dead[DEAD_MAX]; // positions deleted but not yet free
};

struct tbl_fdb *tbl_fdb_new(const char *name, uint32_t entries, int socket)
{
	const struct rte_hash_parameters par = {
		.name = name,
		.entries = entries,
		.key_len = sizeof(uint64_t),
		.hash_func = rte_hash_crc,
		.socket_id = socket,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
	};
	char ring_name[RTE_RING_NAMESIZE];
	struct tbl_fdb *f = rte_zmalloc_socket("fdb", sizeof(*f), RTE_CACHE_LINE_SIZE, socket);

	if (f == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	f->hash = rte_hash_create(&par);
	if (f->hash == NULL)
		goto free_fdb;
	(void)snprintf(ring_name, sizeof(ring_name), "%s_reports", name);
	f->reports = rte_ring_create_elem(
		ring_name, sizeof(struct report), REPORTS_MAX, socket, RING_F_SC_DEQ);
	if (f->reports == NULL)
		goto free_hash;
	f->seen_s = rte_zmalloc_socket("fdb seen",
		sizeof(*f->seen_s) * ((size_t)rte_hash_max_key_id(f->hash) + 1),
		RTE_CACHE_LINE_SIZE, socket);
	if (f->seen_s == NULL) {
		rte_errno = ENOMEM;
		goto free_ring;
	}
	return f;

free_ring:
	rte_ring_free(f->reports);
free_hash:
	rte_hash_free(f->hash);
free_fdb:
	errno = rte_errno;
	rte_free(f);
	return NULL;
}

void tbl_fdb_free(struct tbl_fdb *f)
{
	if (f == NULL)
		return;
	rte_free(f->seen_s);
	rte_ring_free(f->reports);
	rte_hash_free(f->hash);
	rte_free(f);
}

uint16_t tbl_fdb_lookup(const struct tbl_fdb *f, uint64_t key)
{
	void *port;

	if (rte_hash_lookup_data(f->hash, &key, &port) < 0)
		return TBL_FDB_NONE;
	return (uint16_t)(uintptr_t)port;
}

void tbl_fdb_seen(struct tbl_fdb *f, uint64_t key, uint16_t port, uint32_t now_s)
{
	struct report r = {.key = key, .port = port};
	void *was;
	int32_t pos = rte_hash_lookup_data(f->hash, &key, &was);

	if (pos >= 0 && (uint16_t)(uintptr_t)was == port) {
		if (atomic_load_explicit(&f->seen_s[pos], memory_order_relaxed) != now_s)
			atomic_store_explicit(&f->seen_s[pos], now_s, memory_order_relaxed);
		return;
	}
	(void)rte_ring_mp_enqueue_elem(f->reports, &r, sizeof(r)); // full: reported again later
}

unsigned tbl_fdb_learn(struct tbl_fdb *f, uint32_t now_s, unsigned max)
{
	struct report r;
	unsigned n;

	for (n = 0; n < max && rte_ring_sc_dequeue_elem(f->reports, &r, sizeof(r)) == 0; n++) {
		bool known = rte_hash_lookup(f->hash, &r.key) >= 0;
		int32_t pos;

		if (rte_hash_add_key_data(f->hash, &r.key, (void *)(uintptr_t)r.port) != 0)
			continue; // full: its frames are flooded
		f->used += known ? 0 : 1;
		pos = rte_hash_lookup(f->hash, &r.key);
		if (pos >= 0)
			atomic_store_explicit(&f->seen_s[pos], now_s, memory_order_relaxed);
	}
	return n;
}

unsigned tbl_fdb_age(struct tbl_fdb *f, uint32_t now_s, unsigned slice)
{
	while (slice-- > 0 && f->ndead < DEAD_MAX) {
		const void *key;
		void *data;
		int32_t pos = rte_hash_iterate(f->hash, &key, &data, &f->next);
		uint32_t seen;

		if (pos < 0) {
			f->next = 0;
			break;
		}
		seen = atomic_load_explicit(&f->seen_s[pos], memory_order_relaxed);
		// A worker's clock may be a second ahead of ours: the difference is signed.
		if ((int32_t)(now_s - seen) < TBL_FDB_AGE_S)
			continue;
		pos = rte_hash_del_key(f->hash, key);
		if (pos >= 0) {
			f->dead[f->ndead++] = pos;
			f->used--;
		}
	}
	return f->ndead;
}

void tbl_fdb_reclaim(struct tbl_fdb *f)
{
	while (f->ndead > 0)
		(void)rte_hash_free_key_with_position(f->hash, f->dead[--f->ndead]);
}

uint32_t tbl_fdb_entries(const struct tbl_fdb *f)
{
	return f->used;
}
