// SPDX-License-Identifier: BSD-3-Clause
// Memory of IP fragments. Frames are copied out of their receive buffers: those belong to the wire,
// and who sends fragments that are never whole must not get hold of them. They do not share the
// slabs of retained bytes either: fragments come before any connection is known, so whoever floods
// them would take the memory of sessions. Both are arrays of fixed size; full, the oldest goes, and
// sets that hold and sets that only remember push out their own kind.
// Chains are short: SipHash with a secret key over as many buckets as there are sets.
// Thread: the worker that owns the table.
#include "flow_frag.h"

#include <errno.h>
#include <string.h>

#include <rte_common.h>
#include <rte_malloc.h>

#include "hash.h"
#include "seq.h"

enum { NONE = 0xffffffff, LIST_HOLDS = 0, LIST_KNOWN, LISTS };

struct frag_list {
	uint32_t oldest, newest, n;
};

struct flow_frags {
	struct flow_frag *sets;
	uint32_t *bucket;     // first set of each chain
	uint32_t *chunk_next; // of a frame, or of the free ones
	uint8_t (*chunks)[FLOW_FRAG_CHUNK_BYTES];
	uint32_t nsets, mask, nchunks, free_chunk, free_chunks;
	uint32_t free_set; // by `chain`
	struct frag_list list[LISTS];
	uint8_t secret[16];
};

uint64_t flow_frags_bytes(uint32_t sets, uint32_t chunks)
{
	return sizeof(struct flow_frags) + sets * (uint64_t)sizeof(struct flow_frag) +
		rte_align32pow2(sets) * sizeof(uint32_t) +
		chunks * (uint64_t)(FLOW_FRAG_CHUNK_BYTES + sizeof(uint32_t));
}

struct flow_frags *flow_frags_new(
	uint32_t sets, uint32_t chunks, const uint8_t secret[16], int socket)
{
	const uint32_t buckets = rte_align32pow2(sets);
	struct flow_frags *t = rte_zmalloc_socket("fragments", sizeof(*t), 64, socket);

	if (t == NULL)
		goto no_memory;
	t->sets = rte_zmalloc_socket("fragment sets", sets * sizeof(*t->sets), 64, socket);
	t->bucket = rte_malloc_socket("fragment index", buckets * sizeof(uint32_t), 64, socket);
	t->chunk_next = rte_malloc_socket("fragment chain", chunks * sizeof(uint32_t), 64, socket);
	t->chunks = rte_malloc_socket(
		"fragment chunks", (size_t)chunks * FLOW_FRAG_CHUNK_BYTES, 64, socket);
	if (t->sets == NULL || t->bucket == NULL || t->chunk_next == NULL || t->chunks == NULL)
		goto free_all;
	t->nsets = sets;
	t->mask = buckets - 1;
	t->nchunks = t->free_chunks = chunks;
	memset(t->bucket, 0xff, buckets * sizeof(uint32_t));
	memcpy(t->secret, secret, sizeof(t->secret));
	for (uint32_t i = 0; i < sets; i++)
		t->sets[i].chain = i + 1 < sets ? i + 1 : NONE;
	for (uint32_t i = 0; i < chunks; i++)
		t->chunk_next[i] = i + 1 < chunks ? i + 1 : NONE;
	for (unsigned i = 0; i < LISTS; i++)
		t->list[i] = (struct frag_list){.oldest = NONE, .newest = NONE};
	return t;
free_all:
	flow_frags_free(t);
no_memory:
	errno = ENOMEM;
	return NULL;
}

void flow_frags_free(struct flow_frags *t)
{
	if (t == NULL)
		return;
	rte_free(t->chunks);
	rte_free(t->chunk_next);
	rte_free(t->bucket);
	rte_free(t->sets);
	rte_free(t);
}

static uint32_t index_of(const struct flow_frags *t, const struct flow_frag *f)
{
	return (uint32_t)(f - t->sets);
}

static struct flow_frag *set_at(const struct flow_frags *t, uint32_t i)
{
	return i == NONE ? NULL : &t->sets[i];
}

static uint32_t *bucket_of(const struct flow_frags *t, const struct flow_frag_key *key)
{
	_Static_assert(sizeof(struct flow_frag_key) == 40, "no padding: the whole key is hashed");
	return &t->bucket[hash_siphash(t->secret, key, sizeof(*key)) & t->mask];
}

// ---- lists

static struct frag_list *list_of(struct flow_frags *t, enum flow_frag_state state)
{
	bool holds = state == FLOW_FRAG_OPEN || state == FLOW_FRAG_PICKED;

	return &t->list[holds ? LIST_HOLDS : LIST_KNOWN];
}

static void list_append(struct flow_frags *t, struct flow_frag *f)
{
	struct frag_list *l = list_of(t, f->state);
	uint32_t i = index_of(t, f);

	f->older = l->newest;
	f->newer = NONE;
	if (l->newest == NONE)
		l->oldest = i;
	else
		t->sets[l->newest].newer = i;
	l->newest = i;
	l->n++;
}

static void list_take(struct flow_frags *t, struct flow_frag *f)
{
	struct frag_list *l = list_of(t, f->state);

	if (f->older == NONE)
		l->oldest = f->newer;
	else
		t->sets[f->older].newer = f->newer;
	if (f->newer == NONE)
		l->newest = f->older;
	else
		t->sets[f->newer].older = f->older;
	l->n--;
}

// ---- sets

struct flow_frag *flow_frag_find(struct flow_frags *t, const struct flow_frag_key *key)
{
	for (uint32_t i = *bucket_of(t, key); i != NONE; i = t->sets[i].chain)
		if (memcmp(&t->sets[i].key, key, sizeof(*key)) == 0)
			return &t->sets[i];
	return NULL;
}

struct flow_frag *flow_frag_add(
	struct flow_frags *t, const struct flow_frag_key *key, uint32_t now_ms)
{
	struct flow_frag *f = set_at(t, t->free_set);
	uint32_t *bucket;

	if (f == NULL)
		return NULL;
	t->free_set = f->chain;
	bucket = bucket_of(t, key);
	*f = (struct flow_frag){.key = *key, .chain = *bucket, .until_ms = now_ms + FLOW_FRAG_MS};
	*bucket = index_of(t, f);
	list_append(t, f);
	return f;
}

void flow_frag_state_set(
	struct flow_frags *t, struct flow_frag *f, enum flow_frag_state state, uint32_t now_ms)
{
	if (list_of(t, f->state) == list_of(t, state)) {
		f->state = (uint8_t)state;
		return;
	}
	list_take(t, f);
	f->state = (uint8_t)state;
	f->until_ms = now_ms + FLOW_FRAG_MS; // each list stays sorted by it
	list_append(t, f);
}

void flow_frag_remove(struct flow_frags *t, struct flow_frag *f)
{
	uint32_t *at = bucket_of(t, &f->key);

	flow_frag_let_go(t, f);
	list_take(t, f);
	while (*at != index_of(t, f))
		at = &t->sets[*at].chain;
	*at = f->chain;
	f->chain = t->free_set;
	t->free_set = index_of(t, f);
}

struct flow_frag *flow_frag_victim(struct flow_frags *t, bool chunks, const struct flow_frag *but)
{
	bool holds = chunks || t->list[LIST_HOLDS].n > t->nsets / 2;
	struct flow_frag *f = set_at(t, t->list[holds ? LIST_HOLDS : LIST_KNOWN].oldest);

	return f != NULL && f == but ? set_at(t, f->newer) : f;
}

struct flow_frag *flow_frag_due(struct flow_frags *t, uint32_t now_ms)
{
	for (unsigned i = 0; i < LISTS; i++) {
		struct flow_frag *f = set_at(t, t->list[i].oldest);

		if (f != NULL && !seq_lt(now_ms, f->until_ms))
			return f;
	}
	return NULL;
}

uint32_t flow_frags_wait_ms(const struct flow_frags *t, uint32_t now_ms, uint32_t max_ms)
{
	for (unsigned i = 0; i < LISTS; i++) {
		const struct flow_frag *f = set_at(t, t->list[i].oldest);

		if (f == NULL)
			continue;
		if (!seq_lt(now_ms, f->until_ms))
			return 0;
		max_ms = RTE_MIN(max_ms, f->until_ms - now_ms);
	}
	return max_ms;
}

// ---- what they hold

int flow_frag_hold(struct flow_frags *t, struct flow_frag *f, struct span frame,
	const struct flow_frag_held *h)
{
	uint32_t need = (uint32_t)((frame.n + FLOW_FRAG_CHUNK_BYTES - 1) / FLOW_FRAG_CHUNK_BYTES);
	uint32_t *link;

	if (f->nheld == WIRE_FRAGS_MAX || need > t->free_chunks || need == 0)
		return -ENOBUFS;
	f->held[f->nheld] = *h;
	link = &f->held[f->nheld++].chunk;
	t->free_chunks -= need;
	for (size_t off = 0; off < frame.n; off += FLOW_FRAG_CHUNK_BYTES) {
		struct span part = span_sub(frame, off, FLOW_FRAG_CHUNK_BYTES);
		uint32_t i = t->free_chunk;

		t->free_chunk = t->chunk_next[i];
		memcpy(t->chunks[i], part.p, part.n);
		t->chunk_next[i] = NONE;
		*link = i;
		link = &t->chunk_next[i];
	}
	return 0;
}

void flow_frag_let_go(struct flow_frags *t, struct flow_frag *f)
{
	while (f->nheld > 0) {
		uint32_t i = f->held[--f->nheld].chunk;

		while (i != NONE) {
			uint32_t next = t->chunk_next[i];

			t->chunk_next[i] = t->free_chunk;
			t->free_chunk = i;
			t->free_chunks++;
			i = next;
		}
	}
}

void flow_frag_copy(const struct flow_frags *t, const struct flow_frag *f, unsigned i, unsigned off,
	unsigned n, uint8_t *out)
{
	uint32_t c = f->held[i].chunk;

	for (; off >= FLOW_FRAG_CHUNK_BYTES; off -= FLOW_FRAG_CHUNK_BYTES)
		c = t->chunk_next[c];
	while (n > 0) {
		unsigned take = RTE_MIN(n, FLOW_FRAG_CHUNK_BYTES - off);

		memcpy(out, t->chunks[c] + off, take);
		out += take;
		n -= take;
		off = 0;
		c = t->chunk_next[c];
	}
}

bool flow_frag_has(
	const struct flow_frags *t, const struct flow_frag *f, unsigned i, struct span part)
{
	const struct flow_frag_held *h = &f->held[i];
	unsigned off = h->part_off;
	uint32_t c = h->chunk;

	if (part.n != h->place.len)
		return false;
	for (; off >= FLOW_FRAG_CHUNK_BYTES; off -= FLOW_FRAG_CHUNK_BYTES)
		c = t->chunk_next[c];
	for (; part.n > 0; off = 0, c = t->chunk_next[c]) {
		struct span here = span_sub(part, 0, FLOW_FRAG_CHUNK_BYTES - off);

		if (memcmp(t->chunks[c] + off, here.p, here.n) != 0)
			return false;
		part = span_from(part, here.n);
	}
	return true;
}
