// SPDX-License-Identifier: BSD-3-Clause
// The name a client gave in HELO or EHLO: needed with each message, for its scan and its record, and so
// kept as long as the connection. Most are short: small blocks from a pool, one for each flow and chained
// where a name is longer, take half the memory that room for all in each cell would. Where none are left
// the rest of a name is not kept, counted.
// Thread: the worker.
#include "eng_session.h"

enum { BLOCK_TEXT = 24, BLOCKS_LEAST = 64 };

struct eng_helo_block {
	uint32_t next;
	char text[BLOCK_TEXT];
};

uint32_t eng_helos_count(uint32_t flows)
{
	return flows + BLOCKS_LEAST;
}

uint64_t eng_helos_bytes(uint32_t flows)
{
	return (uint64_t)eng_helos_count(flows) * sizeof(struct eng_helo_block);
}

static bool is_kept(const struct eng_session *s)
{
	return s->flow.lane != ENG_LANE_ANSWER && s->helo_len > 0;
}

void eng_helo_prefetch(const struct eng_worker *w, const struct eng_session *s)
{
	const struct eng_helos *h = &w->smtp->helos;

	if (s->helo_len > 0 && s->helo < h->count)
		__builtin_prefetch(&h->block[s->helo], 1);
}

void eng_helo_drop(struct eng_worker *w, struct eng_session *s)
{
	struct eng_helos *h = &w->smtp->helos;

	if (!is_kept(s))
		return;
	for (uint32_t i = s->helo, left = s->helo_len; left > 0;) {
		uint32_t next = h->block[i].next;
		h->block[i].next = h->free;
		h->free = i;
		i = next;
		left -= left < BLOCK_TEXT ? left : BLOCK_TEXT;
	}
	s->helo_len = 0;
}

void eng_helo_keep(struct eng_worker *w, struct eng_session *s, struct span name)
{
	struct eng_helos *h = &w->smtp->helos;
	uint32_t *place = &s->helo;

	eng_helo_drop(w, s);
	name = span_sub(name, 0, ENG_HELO_MAX);
	while (name.n > 0) {
		size_t n = name.n < BLOCK_TEXT ? name.n : BLOCK_TEXT;
		uint32_t i = h->free < h->count ? h->free : h->fresh;
		if (i >= h->count) {
			eng_count(w, ACT_HELO_CUT);
			return;
		}
		if (i == h->fresh)
			h->fresh++;
		else
			h->free = h->block[i].next;
		*place = i;
		place = &h->block[i].next;
		memcpy(h->block[i].text, name.p, n);
		s->helo_len = (uint8_t)(s->helo_len + n) & 0x7f;
		name = span_from(name, n);
	}
}

struct span eng_helo_get(const struct eng_worker *w, const struct eng_session *s, char *buf)
{
	const struct eng_helos *h = &w->smtp->helos;
	size_t at = 0, len = is_kept(s) ? s->helo_len : 0;

	for (uint32_t i = s->helo; at < len; i = h->block[i].next) {
		size_t n = len - at < BLOCK_TEXT ? len - at : BLOCK_TEXT;
		memcpy(buf + at, h->block[i].text, n);
		at += n;
	}
	return (struct span){.p = (const uint8_t *)buf, .n = at};
}
