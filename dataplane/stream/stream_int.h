// SPDX-License-Identifier: BSD-3-Clause
// Inside stream/: the slab chain of a half. See stream.h for the invariants.
#pragma once

#include "seq.h"
#include "stream.h"
#include "tcp_flags.h"

enum {
	STREAM_ANSWER_WINDOW = 65535,
	STREAM_WINDOW_FIELD_MAX = 65535, // bytes, unscaled
	STREAM_WSCALE_MAX = 14,          // RFC 7323 2.3
	STREAM_MSS_MIN = 64,             // bytes; less is taken for this
	STREAM_RTO_MS = 1000,
	STREAM_RTO_MAX_MS = 60000,
	STREAM_TRIES_MAX = 8,
	STREAM_GROWN_MAX = 4096 // bytes of ours that may wait for the receiver's window
};

static inline struct stream_slab *slab_at(const struct stream_pool *p, uint32_t i)
{
	return &p->slabs[i];
}

static inline uint32_t slab_end(const struct stream_slab *s)
{
	return s->seq + s->len;
}

// What a sender may be told beyond the receiver's window for bytes in our custody: at least the unit in
// which it is told.
static inline uint32_t window_lent_max(const struct stream *st, enum stream_side side)
{
	const uint32_t unit = (uint32_t)1 << st->half[!side].wscale;

	return unit > STREAM_GROWN_MAX ? unit : STREAM_GROWN_MAX;
}

// The receiver has acknowledged everything before `ack`. Ends of custody and of edits that lie far
// behind follow it: numbers compare over half of their range, so they would come to lie ahead. No
// acknowledgement that counts is older than a window (RFC 7323 2.3: less than 2^30).
static inline void half_acknowledge(struct stream_half *h, uint32_t ack)
{
	const uint32_t far = ack - ((uint32_t)1 << 30);

	h->una = ack;
	h->owned = seq_max(h->owned, far);
	h->edit_end = seq_max(h->edit_end, far);
}

void half_init(struct stream_half *h, uint32_t first_byte);
// Retains what is new of `n` bytes at `seq`; clears h->fresh where some was held. 0 or -ENOBUFS (a part
// may be retained).
int slab_insert(struct stream_half *h, struct stream_pool *p, uint32_t seq, const uint8_t *bytes,
	uint32_t n);
// Frees slabs that lie wholly before `seq`.
void slab_free_before(struct stream_half *h, struct stream_pool *p, uint32_t seq);
// The same where bytes before `seq` were acknowledged just now that had not been before.
void slab_free_acknowledged(struct stream_half *h, struct stream_pool *p, uint32_t seq);
// Forgets everything at and behind `seq`.
void slab_cut_from(struct stream_half *h, struct stream_pool *p, uint32_t seq);
// End of the run without a hole that begins at `seq`.
uint32_t slab_run_end(const struct stream_half *h, const struct stream_pool *p, uint32_t seq);
// The slab that holds `seq`, or NULL; the next search begins there.
struct stream_slab *slab_find(struct stream_half *h, const struct stream_pool *p, uint32_t seq);
// Did bytes at or behind `seq` leave ahead of their turn?
bool half_is_ahead(const struct stream_half *h, const struct stream_pool *p, uint32_t seq);

// Puts `text` in the place of [seq, seq + n) and moves what lies behind. 0, -ENOBUFS, -EBUSY.
int slab_replace(
	struct stream_half *h, struct stream_pool *p, uint32_t seq, uint32_t n, struct span text);
// A slab outside of the chain, and back; STREAM_NO_SLAB where there is none.
uint32_t slab_take(struct stream_pool *p);
void slab_give(struct stream_pool *p, uint32_t i);
// A new slab in the chain behind `prev`; the caller has seen to it that there is one.
struct stream_slab *slab_link_after(
	struct stream_half *h, struct stream_pool *p, uint32_t prev, uint32_t seq);
// Digests in the place of bytes (stream_digest.c): are there any; how far from `lo` up to `hi` the
// segment brings what left before.
bool half_has_digest(const struct stream_half *h, const struct stream_pool *p);
uint32_t digests_agree(struct stream_half *h, const struct stream_pool *p,
	const struct stream_seg *seg, uint32_t lo, uint32_t hi);

// Where a search in a long chain begins (stream_index.c). A slab has come into the chain; is about to
// be given back, still linked to its next; may an island come to `seq`; a slab at or before `seq`, not
// far from it, or STREAM_NO_SLAB.
void index_add(struct stream_half *h, struct stream_pool *p, uint32_t i);
void index_remove(struct stream_half *h, struct stream_pool *p, uint32_t i);
bool index_has_room(const struct stream_half *h, const struct stream_pool *p, uint32_t seq);
uint32_t index_near(const struct stream_half *h, const struct stream_pool *p, uint32_t seq);
// Numbers of the chain are about to change, or it ends.
void index_free(struct stream_half *h, struct stream_pool *p);

// Edits that have changed a length (stream_edits.c): the sender's number as the receiver's and back.
uint32_t edits_out(const struct stream_half *h, const struct stream_pool *p, uint32_t in_seq);
uint32_t edits_in(
	const struct stream_half *h, const struct stream_pool *p, uint32_t out_seq, bool *inside);
// Forgets what the receiver has acknowledged.
void edits_forget(struct stream_half *h, struct stream_pool *p);
void edits_free(struct stream_half *h, struct stream_pool *p);

// What our segments in `side`'s name acknowledge, in `side`'s own numbers (stream_in_seq makes it the
// other side's), and the window they announce.
uint32_t half_ack_out(const struct stream *st, enum stream_side side);
uint16_t half_window_out(const struct stream *st, enum stream_side side, uint32_t ack);
// Arms or stops the timer of a half by what is outstanding in our custody.
void half_timer_arm(const struct stream *st, struct stream_half *h, uint32_t now_ms);
bool half_outstanding(const struct stream *st, const struct stream_half *h);
