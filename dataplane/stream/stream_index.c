// SPDX-License-Identifier: BSD-3-Clause
// Where in a long chain a search begins. A window of several megabytes is thousands of slabs, and who
// sends decides where his segments fall; walking the chain from one end would be his to prolong. So a
// long chain has an index in a slab of its own: the first slab of each 64 kB of sequence numbers. And
// no such block takes more islands than segments of an ordinary size would make.
// Thread: the owner of the flow and pool.
#include "stream_int.h"

enum {
	BLOCKS = 256, // 16 MB; of a larger window what lies last is found at once
	BLOCK_SHIFT = 16,
	BLOCK_MASK = UINT32_MAX >> BLOCK_SHIFT,
	BLOCK_SLABS = 160, // of 410 bytes
	LONG = 32,         // slabs: a chain that is worth it
	SHORT = 16,
	SPARE = 64 // slabs that stay free
};

struct index { // what lies in that slab
	uint32_t first[BLOCKS];
	uint16_t count[BLOCKS];
};
_Static_assert(sizeof(struct index) <= STREAM_SLAB_DATA, "it lies in one slab");
_Static_assert(offsetof(struct stream_slab, data) % _Alignof(struct index) == 0, "aligned");

static struct index *index_of(const struct stream_half *h, const struct stream_pool *p)
{
	return (struct index *)(void *)slab_at(p, h->index)->data;
}

static uint32_t block_of(uint32_t seq)
{
	return seq >> BLOCK_SHIFT;
}

static void index_put(struct index *x, const struct stream_pool *p, uint32_t i)
{
	const uint32_t seq = slab_at(p, i)->seq, at = block_of(seq) % BLOCKS, old = x->first[at];

	x->count[at]++;
	if (old == STREAM_NO_SLAB) {
		x->first[at] = i;
		return;
	}
	const uint32_t old_seq = slab_at(p, old)->seq;
	bool same = block_of(old_seq) == block_of(seq);
	if (same ? seq_lt(seq, old_seq) : seq_lt(old_seq, seq))
		x->first[at] = i;
}

void index_free(struct stream_half *h, struct stream_pool *p)
{
	if (h->index == STREAM_NO_SLAB)
		return;
	slab_give(p, h->index);
	h->index = STREAM_NO_SLAB;
}

static void index_build(struct stream_half *h, struct stream_pool *p)
{
	if (p->nfree < SPARE)
		return;
	h->index = slab_take(p);
	struct index *x = index_of(h, p);
	memset(x->first, 0xff, sizeof(x->first)); // STREAM_NO_SLAB
	memset(x->count, 0, sizeof(x->count));
	for (uint32_t i = h->first; i != STREAM_NO_SLAB; i = slab_at(p, i)->next)
		index_put(x, p, i);
}

void index_add(struct stream_half *h, struct stream_pool *p, uint32_t i)
{
	if (h->index != STREAM_NO_SLAB)
		index_put(index_of(h, p), p, i);
	else if (h->nslabs >= LONG)
		index_build(h, p);
}

void index_remove(struct stream_half *h, struct stream_pool *p, uint32_t i)
{
	if (h->index == STREAM_NO_SLAB)
		return;
	if (h->nslabs < SHORT) {
		index_free(h, p);
		return;
	}
	struct index *x = index_of(h, p);
	const struct stream_slab *s = slab_at(p, i);
	const uint32_t at = block_of(s->seq) % BLOCKS;
	x->count[at]--;
	if (x->first[at] != i)
		return;
	bool more = s->next != STREAM_NO_SLAB &&
		block_of(slab_at(p, s->next)->seq) == block_of(s->seq);
	x->first[at] = more ? s->next : (uint32_t)STREAM_NO_SLAB;
}

bool index_has_room(const struct stream_half *h, const struct stream_pool *p, uint32_t seq)
{
	if (h->index == STREAM_NO_SLAB)
		return h->nslabs < 2 * LONG;
	return index_of(h, p)->count[block_of(seq) % BLOCKS] < BLOCK_SLABS;
}

uint32_t index_near(const struct stream_half *h, const struct stream_pool *p, uint32_t seq)
{
	if (h->index == STREAM_NO_SLAB)
		return STREAM_NO_SLAB;
	const struct index *x = index_of(h, p);
	for (uint32_t k = 0; k < BLOCKS; k++) {
		uint32_t block = (block_of(seq) - k) & BLOCK_MASK, i = x->first[block % BLOCKS];

		if (i != STREAM_NO_SLAB && block_of(slab_at(p, i)->seq) == block &&
			seq_le(slab_at(p, i)->seq, seq))
			return i;
	}
	return STREAM_NO_SLAB;
}
