// SPDX-License-Identifier: BSD-3-Clause
// Short of slabs, the bytes of a segment that has left as it came are not kept: a keyed digest takes
// their place. A repeat of the whole segment shows by its digest that it brings the same bytes and
// leaves as it comes; anything else over the same range does not leave. The ends of segments are where
// receivers acknowledge and senders repeat; a sender that cuts its repeats elsewhere for good is stuck,
// which is told after a few of them.
// Only inside a message, on the client's side: nothing there is ever edited or ours to repeat.
// Thread: the owner of the flow.
#include "hash.h"
#include "stream_int.h"

enum { DIGESTS_MAX = 64 };

struct digests { // what lies in such a slab
	uint64_t hash[DIGESTS_MAX];
	uint16_t len[DIGESTS_MAX];
};
_Static_assert(sizeof(struct digests) <= STREAM_SLAB_DATA, "they lie in one slab");
_Static_assert(offsetof(struct stream_slab, data) % _Alignof(struct digests) == 0, "aligned");

static struct digests *digests_of(struct stream_slab *s)
{
	return (struct digests *)(void *)s->data;
}

bool half_has_digest(const struct stream_half *h, const struct stream_pool *p)
{
	if (!h->digested)
		return false;
	for (uint32_t i = h->first; i != STREAM_NO_SLAB; i = slab_at(p, i)->next) {
		if (slab_at(p, i)->digests > 0)
			return true;
	}
	return false;
}

// The segment is the very end of what is retained, has left, and nothing but its sender will ever
// repeat it.
static bool may_digest(const struct stream *st, const struct stream_half *h,
	const struct stream_pool *p, const struct stream_seg *seg)
{
	return seg->side == STREAM_CLIENT && seg->payload.n > 0 && seg->payload.n <= UINT16_MAX &&
		!st->shifted && !st->answered && !h->has_fin && seg->end == h->nxt &&
		h->nxt == h->sent && h->sent == h->read && h->last != STREAM_NO_SLAB &&
		slab_end(slab_at(p, h->last)) == h->nxt && seq_le(h->una, seg->at) &&
		seq_le(h->edit_end, seg->at) && seq_le(h->owned, seg->at);
}

// The last slab, where it holds digests up to `seq` and has room for one more.
static struct stream_slab *digests_open(
	const struct stream_half *h, const struct stream_pool *p, uint32_t seq, size_t n)
{
	struct stream_slab *s = h->last == STREAM_NO_SLAB ? NULL : slab_at(p, h->last);

	if (s == NULL || s->digests == 0 || s->digests == DIGESTS_MAX || slab_end(s) != seq ||
		s->len + n > UINT16_MAX)
		return NULL;
	return s;
}

bool stream_digest(struct stream *st, struct stream_pool *p, const struct stream_seg *seg)
{
	struct stream_half *h = &st->half[seg->side];
	const uint16_t n = (uint16_t)seg->payload.n;

	if (!stream_digest_due(st, p) || p->nfree == 0 || !may_digest(st, h, p, seg))
		return false;
	slab_cut_from(h, p, seg->at);
	struct stream_slab *s = digests_open(h, p, seg->at, n);
	if (s == NULL)
		s = slab_link_after(h, p, h->last, seg->at);
	struct digests *d = digests_of(s);
	d->hash[s->digests] = hash_siphash(p->key, seg->payload.p, n);
	d->len[s->digests] = n;
	s->digests++;
	s->len = (uint16_t)(s->len + n);
	h->digested = true;
	return true;
}

// One slab's part of a repeat: how far from `at` on it is what left before; `at` itself where nothing
// is. `bytes` lie at `at`, up to `end`.
static uint32_t slab_agrees(const struct stream_pool *p, struct stream_slab *s, uint32_t at,
	uint32_t end, const uint8_t *bytes)
{
	if (s->digests == 0) {
		uint32_t from = at - s->seq, n = seq_min(end, slab_end(s)) - at;
		return memcmp(s->data + from, bytes, n) == 0 ? at + n : at;
	}
	const struct digests *d = digests_of(s);
	uint32_t begin = s->seq;
	for (unsigned i = 0; i < s->digests && seq_lt(at, end); i++) {
		uint32_t next = begin + d->len[i];
		if (begin == at) {
			if (seq_lt(end, next) ||
				hash_siphash(p->key, bytes, d->len[i]) != d->hash[i])
				return at;
			bytes += d->len[i];
			at = next;
		}
		begin = next;
	}
	return at;
}

uint32_t digests_agree(struct stream_half *h, const struct stream_pool *p,
	const struct stream_seg *seg, uint32_t lo, uint32_t hi)
{
	const uint8_t *bytes = seg->payload.p + (lo - seg->at);
	uint32_t at = lo;

	while (seq_lt(at, hi)) {
		struct stream_slab *s = slab_find(h, p, at);
		uint32_t next = s == NULL ? at : slab_agrees(p, s, at, hi, bytes);
		if (next == at)
			break;
		bytes += next - at;
		at = next;
	}
	return at;
}
