// SPDX-License-Identifier: BSD-3-Clause
// The retained bytes of a half: a chain of slabs sorted by sequence number, without overlap.
// First bytes win: a byte once retained is never overwritten from the wire. Small segments are
// packed into the slab before them. Slabs come from the upper end of a stack, so one used not long ago is used again.
// Thread: the owner of the flow and pool.
#include <errno.h>

#include "stream_int.h"

_Static_assert(sizeof(struct stream_slab) <= STREAM_SLAB_BYTES, "a slab must fit its size");

void stream_pool_init(struct stream_pool *p, struct stream_slab *mem, uint32_t *stack,
	uint32_t count, const uint8_t key[16])
{
	*p = (struct stream_pool){.slabs = mem, .free = stack, .nfree = count, .count = count};
	memcpy(p->key, key, sizeof(p->key));
	for (uint32_t i = 0; i < count; i++)
		stack[i] = count - 1 - i;
	// One half may hold half of the pool, at least 64 slabs (130 kB), at most 32,768 (64 MB).
	p->flow_max = count / 2;
	if (p->flow_max < 64)
		p->flow_max = 64;
	if (p->flow_max > 32768)
		p->flow_max = 32768;
}

void half_init(struct stream_half *h, uint32_t first_byte)
{
	*h = (struct stream_half){
		.una = first_byte,
		.sent = first_byte,
		.rel = first_byte,
		.read = first_byte,
		.nxt = first_byte,
		.edge = first_byte,
		.allow = first_byte,
		.owned = first_byte,
		.edit_end = first_byte,
		.first = STREAM_NO_SLAB,
		.last = STREAM_NO_SLAB,
		.hint = STREAM_NO_SLAB,
		.edits = STREAM_NO_SLAB,
		.index = STREAM_NO_SLAB,
		.mss = 536, // RFC 9293 3.7.1
	};
}

// In the midst of an insertion what it has added lies behind nxt, too.
static bool has_behind(const struct stream_half *h, const struct stream_pool *p)
{
	if (h->last == STREAM_NO_SLAB)
		return false;
	if (h->nslabs == 1 && seq_lt(h->una, h->nxt)) // it holds these, so it goes without a look
		return false;
	return seq_lt(h->nxt, slab_at(p, h->last)->seq);
}

// Mostly without a look at a slab, which is cold.
static bool has_hole(const struct stream_half *h, const struct stream_pool *p)
{
	return h->islands && has_behind(h, p);
}

bool stream_has_hole(const struct stream *st, const struct stream_pool *p, enum stream_side side)
{
	return has_hole(&st->half[side], p);
}

// How many slabs a half may hold now: half of what is free (the less there is, the less one flow
// gets: Choudhury and Hahne 1998), so a third of the pool where it is alone and a fair part where
// many are short; half of that behind a hole. It takes that much: a window of the sender is held
// until its first byte is acknowledged, and a segment that finds no room costs the sender its pace,
// some of it for good (1 % of loss behind us and BBR: 10 Mbit/s instead of 300). What fills the
// hole always finds room while there is any, for all that waits behind it waits for that; the last
// slabs of the pool are kept for it. Behind a hole a slab holds one segment at most, so the number of
// islands is bounded by the window, too, as if each held 512 bytes.
static bool may_grow(const struct stream_half *h, const struct stream_pool *p, bool island)
{
	enum { ISLANDS = 16, ISLAND_BYTES = 512, KEPT_SHARE = 64, FILLER = 16 };
	const uint32_t max = stream_pool_share(p);

	if (!island) {
		return p->nfree > 0 &&
			(has_behind(h, p) ? h->nslabs < p->flow_max + FILLER : h->nslabs < max);
	}
	return p->nfree > p->count / KEPT_SHARE && h->nslabs < max / 2 &&
		h->nslabs < ISLANDS + (h->edge - h->una) / ISLAND_BYTES;
}

// By turns from one of the places below the uppermost: the last one given back is on its way from memory still,
// asked for by slab_give, and a segment that acknowledges it often brings bytes of its own. A read of bytes
// just written to it would wait for it as well.
uint32_t slab_take(struct stream_pool *p)
{
	enum { PLACES = 7 };

	if (p->nfree == 0)
		return STREAM_NO_SLAB;
	const uint32_t top = --p->nfree;
	uint32_t *place = &p->free[top < PLACES ? top : top - 1 - p->turn++ % PLACES];
	const uint32_t i = *place;
	*place = p->free[top];
	return i;
}

void slab_give(struct stream_pool *p, uint32_t i)
{
	__builtin_prefetch(slab_at(p, i), 1);
	__builtin_prefetch(slab_at(p, i)->data + 48, 1); // the line behind
	p->free[p->nfree++] = i;
}

struct stream_slab *slab_link_after(
	struct stream_half *h, struct stream_pool *p, uint32_t prev, uint32_t seq)
{
	uint32_t i = slab_take(p);
	struct stream_slab *s = slab_at(p, i);
	s->seq = seq;
	s->len = 0;
	s->ahead = 0;
	s->digests = 0;
	if (prev == STREAM_NO_SLAB) {
		s->next = h->first;
		h->first = i;
	} else {
		s->next = slab_at(p, prev)->next;
		slab_at(p, prev)->next = i;
	}
	if (s->next == STREAM_NO_SLAB)
		h->last = i;
	h->nslabs++;
	index_add(h, p, i);
	return s;
}

static struct stream_slab *slab_new_after(
	struct stream_half *h, struct stream_pool *p, uint32_t prev, uint32_t seq, bool island)
{
	if (!may_grow(h, p, island) || (island && !index_has_room(h, p, seq)))
		return NULL;
	return slab_link_after(h, p, prev, seq);
}

// The last slab that begins at or before `seq`; STREAM_NO_SLAB where none does.
static uint32_t slab_before(const struct stream_half *h, const struct stream_pool *p, uint32_t seq)
{
	if (h->last != STREAM_NO_SLAB && seq_le(slab_at(p, h->last)->seq, seq))
		return h->last;
	uint32_t i = h->first, prev = STREAM_NO_SLAB;
	if (h->hint != STREAM_NO_SLAB && seq_le(slab_at(p, h->hint)->seq, seq))
		i = h->hint;
	uint32_t near = index_near(h, p, seq);
	if (near != STREAM_NO_SLAB && seq_lt(slab_at(p, i)->seq, slab_at(p, near)->seq))
		i = near;
	while (i != STREAM_NO_SLAB && seq_le(slab_at(p, i)->seq, seq)) {
		prev = i;
		i = slab_at(p, i)->next;
	}
	return prev;
}

int slab_insert(struct stream_half *h, struct stream_pool *p, uint32_t seq, const uint8_t *bytes,
	uint32_t n)
{
	const uint32_t end = seq + n;
	uint32_t at = seq;
	uint32_t prev = slab_before(h, p, seq);
	const bool island = seq_lt(h->nxt, seq); // has slabs of its own, so that it can leave ahead
	bool own = false;                        // the slab before is of this call

	h->islands |= island;
	while (seq_lt(at, end)) {
		struct stream_slab *s = prev == STREAM_NO_SLAB ? NULL : slab_at(p, prev);
		if (s != NULL && seq_lt(at, slab_end(s))) { // held already: the first bytes stay
			h->fresh = false;
			at = seq_min(end, slab_end(s));
			own = false;
			continue;
		}
		uint32_t next = s == NULL ? h->first : s->next;
		if (next != STREAM_NO_SLAB && slab_at(p, next)->seq == at) {
			prev = next;
			own = false;
			continue;
		}
		uint32_t limit = end;
		if (next != STREAM_NO_SLAB)
			limit = seq_min(end, slab_at(p, next)->seq);
		bool joins = s != NULL && (own || !island) && !s->ahead && s->digests == 0 &&
			slab_end(s) == at && s->len < STREAM_SLAB_DATA;
		if (!joins) {
			s = slab_new_after(h, p, prev, at, island);
			if (s == NULL)
				return -ENOBUFS;
			prev = prev == STREAM_NO_SLAB ? h->first : slab_at(p, prev)->next;
			own = true;
		}
		uint32_t room = STREAM_SLAB_DATA - s->len;
		uint32_t take = limit - at < room ? limit - at : room;
		memcpy(s->data + s->len, bytes + (at - seq), take);
		s->len = (uint16_t)(s->len + take);
		at += take;
	}
	return 0;
}

static void slab_put(struct stream_half *h, struct stream_pool *p, uint32_t i)
{
	if (h->hint == i)
		h->hint = STREAM_NO_SLAB;
	h->nslabs--;
	index_remove(h, p, i);
	slab_give(p, i);
}

void slab_free_before(struct stream_half *h, struct stream_pool *p, uint32_t seq)
{
	while (h->first != STREAM_NO_SLAB && seq_le(slab_end(slab_at(p, h->first)), seq)) {
		uint32_t i = h->first;
		h->first = slab_at(p, i)->next;
		slab_put(h, p, i);
	}
	if (h->first == STREAM_NO_SLAB) {
		h->last = STREAM_NO_SLAB;
		h->islands = false;
	}
}

void slab_free_acknowledged(struct stream_half *h, struct stream_pool *p, uint32_t seq)
{
	// They were in the caches when they were written, long ago. The only one, or the first of two, holds bytes
	// before `seq`, so it is no island and goes without a look.
	if (seq != h->nxt || h->index != STREAM_NO_SLAB || h->nslabs - 1u > 1 ||
		(h->nslabs == 2 && has_hole(h, p))) {
		slab_free_before(h, p, seq);
		return;
	}
	if (h->nslabs == 2)
		slab_give(p, h->last);
	slab_give(p, h->first);
	h->first = h->last = h->hint = STREAM_NO_SLAB;
	h->nslabs = 0;
	h->islands = false;
}

void slab_cut_from(struct stream_half *h, struct stream_pool *p, uint32_t seq)
{
	uint32_t keep = slab_before(h, p, seq - 1), i = h->first;

	if (keep != STREAM_NO_SLAB) {
		struct stream_slab *s = slab_at(p, keep);
		if (seq_lt(seq, slab_end(s)))
			s->len = (uint16_t)(seq - s->seq);
		i = s->next;
	}
	while (i != STREAM_NO_SLAB) {
		uint32_t next = slab_at(p, i)->next;
		slab_put(h, p, i);
		i = next;
	}
	if (keep == STREAM_NO_SLAB)
		h->first = STREAM_NO_SLAB;
	else
		slab_at(p, keep)->next = STREAM_NO_SLAB;
	h->last = keep;
}

// Makes a slab begin at `seq`, if one holds it. The slab before it, or STREAM_NO_SLAB.
static uint32_t slab_split(struct stream_half *h, struct stream_pool *p, uint32_t seq)
{
	uint32_t prev = STREAM_NO_SLAB, i = h->first;

	while (i != STREAM_NO_SLAB && seq_lt(slab_at(p, i)->seq, seq)) {
		prev = i;
		i = slab_at(p, i)->next;
	}
	if (prev == STREAM_NO_SLAB || seq_le(slab_end(slab_at(p, prev)), seq))
		return prev;
	struct stream_slab *s = slab_at(p, prev);
	struct stream_slab *tail = slab_link_after(h, p, prev, seq);
	uint32_t keep = seq - s->seq;
	tail->len = (uint16_t)(s->len - keep);
	tail->ahead = s->ahead;
	memcpy(tail->data, s->data + keep, tail->len);
	s->len = (uint16_t)keep;
	return prev;
}

bool half_is_ahead(const struct stream_half *h, const struct stream_pool *p, uint32_t seq)
{
	for (uint32_t i = h->first; i != STREAM_NO_SLAB; i = slab_at(p, i)->next) {
		if (slab_at(p, i)->ahead && seq_lt(seq, slab_end(slab_at(p, i))))
			return true;
	}
	return false;
}

int slab_replace(
	struct stream_half *h, struct stream_pool *p, uint32_t seq, uint32_t n, struct span text)
{
	const uint32_t need = 2 + ((uint32_t)text.n + STREAM_SLAB_DATA - 1) / STREAM_SLAB_DATA;

	if (p->nfree < need)
		return -ENOBUFS;
	if (half_is_ahead(h, p, seq))
		return -EBUSY;
	(void)slab_split(h, p, seq + n);
	uint32_t prev = slab_split(h, p, seq);
	uint32_t i = prev == STREAM_NO_SLAB ? h->first : slab_at(p, prev)->next;
	while (i != STREAM_NO_SLAB && seq_lt(slab_at(p, i)->seq, seq + n)) {
		uint32_t next = slab_at(p, i)->next;
		slab_put(h, p, i);
		i = next;
	}
	if (prev == STREAM_NO_SLAB)
		h->first = i;
	else
		slab_at(p, prev)->next = i;
	if (i == STREAM_NO_SLAB)
		h->last = prev;
	index_free(h, p);
	for (; i != STREAM_NO_SLAB; i = slab_at(p, i)->next)
		slab_at(p, i)->seq += (uint32_t)text.n - n;
	h->hint = STREAM_NO_SLAB;
	for (size_t at = 0; at < text.n;) {
		struct stream_slab *s = slab_link_after(h, p, prev, seq + (uint32_t)at);
		size_t take = text.n - at < STREAM_SLAB_DATA ? text.n - at : STREAM_SLAB_DATA;
		memcpy(s->data, text.p + at, take);
		s->len = (uint16_t)take;
		prev = prev == STREAM_NO_SLAB ? h->first : slab_at(p, prev)->next;
		at += take;
	}
	return 0;
}

struct stream_slab *slab_find(struct stream_half *h, const struct stream_pool *p, uint32_t seq)
{
	uint32_t i = slab_before(h, p, seq);

	if (i == STREAM_NO_SLAB || !seq_lt(seq, slab_end(slab_at(p, i))))
		return NULL;
	h->hint = i;
	return slab_at(p, i);
}

uint32_t slab_run_end(const struct stream_half *h, const struct stream_pool *p, uint32_t seq)
{
	uint32_t i = slab_before(h, p, seq);

	if (i == STREAM_NO_SLAB)
		return seq;
	while (i != STREAM_NO_SLAB && seq_le(slab_at(p, i)->seq, seq)) {
		seq = seq_max(seq, slab_end(slab_at(p, i)));
		i = slab_at(p, i)->next;
	}
	return seq;
}

void stream_copy(struct stream *st, const struct stream_pool *p, enum stream_side side,
	uint32_t seq, uint32_t n, uint8_t *out)
{
	struct stream_half *h = &st->half[side];

	while (n > 0) {
		const struct stream_slab *s = slab_find(h, p, seq);
		// Never for a range whose bytes are there; unread memory must not leave all the same.
		if (s == NULL || s->digests > 0) {
			memset(out, 0, n);
			return;
		}
		uint32_t from = seq - s->seq;
		uint32_t take = s->len - from < n ? s->len - from : n;
		memcpy(out, s->data + from, take);
		out += take;
		seq += take;
		n -= take;
	}
}

int stream_byte(struct stream *st, const struct stream_pool *p, enum stream_side side, uint32_t seq)
{
	const struct stream_slab *s = slab_find(&st->half[side], p, seq);

	return s == NULL || s->digests > 0 ? -1 : s->data[seq - s->seq];
}

void stream_edit(struct stream *st, struct stream_pool *p, enum stream_side side, uint32_t seq,
	const uint8_t *bytes, uint32_t n)
{
	struct stream_half *h = &st->half[side];

	h->edit_end = seq_max(h->edit_end, seq + n);
	while (n > 0) {
		struct stream_slab *s = slab_find(h, p, seq);
		if (s == NULL)
			return;
		uint32_t from = seq - s->seq;
		uint32_t take = s->len - from < n ? s->len - from : n;
		memcpy(s->data + from, bytes, take);
		bytes += take;
		seq += take;
		n -= take;
	}
}

struct span stream_unread(struct stream *st, const struct stream_pool *p, enum stream_side side,
	bool whole, uint8_t *buf, uint32_t cap)
{
	struct stream_half *h = &st->half[side];
	uint32_t n = h->nxt - h->read;

	if (n == 0)
		return (struct span){0};
	struct stream_slab *s = slab_find(h, p, h->read);
	if (s == NULL)
		return (struct span){0};
	uint32_t from = h->read - s->seq;
	uint32_t here = s->len - from < n ? s->len - from : n;
	if (!whole || here == n)
		return (struct span){.p = s->data + from, .n = here};
	if (n > cap)
		n = cap;
	stream_copy(st, p, side, h->read, n, buf);
	return (struct span){.p = buf, .n = n};
}

void stream_close(struct stream *st, struct stream_pool *p)
{
	for (int side = 0; side < STREAM_SIDES; side++) {
		struct stream_half *h = &st->half[side];
		if (h->first != STREAM_NO_SLAB)
			slab_cut_from(h, p, slab_at(p, h->first)->seq);
		edits_free(h, p);
	}
}
