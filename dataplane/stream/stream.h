// SPDX-License-Identifier: BSD-3-Clause
// One TCP connection between two ends that never know us: for each direction bytes are retained,
// read, released, edited, at the same length or another, or replaced by ours after a cut. Pure:
// segments come in as numbers and a span, what must leave comes out as actions; no packet, no clock,
// no allocation (slabs come from a pool that the caller sized). RFC 9293, 7323, 5961, 2018.
//
// A half is named by the side that sends its bytes. Its numbers are those that its receiver sees; what
// the sender itself counts differs by `delta` once an edit has changed a length. Always:
//     una <= sent <= rel <= read <= nxt          (una may pass `sent` by one for a FIN)
//     una   the receiver has acknowledged everything before
//     sent  has left towards the receiver at least once
//     rel   released by the reader: may leave
//     read  consumed by the reader
//     nxt   retained without a hole; behind it may lie islands that came out of order
//     edge <= allow   what the receiver takes; what the sender was told that it may send
// First bytes win: what is retained is never overwritten by a later copy, and whatever leaves is
// taken from the retained bytes.
// Custody: bytes before `owned` were acknowledged to their sender by us, so we repeat them.
// Thread: the owner of the flow.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "span.h"

enum stream_side { STREAM_CLIENT, STREAM_SERVER, STREAM_SIDES };

enum {
	STREAM_SLAB_BYTES = 2048,
	STREAM_SLAB_DATA = STREAM_SLAB_BYTES - 16,
	STREAM_NO_SLAB = 0xffffffff,
	STREAM_SHORT_SHARE = 8, // of the pool: with less than that free, digests begin
};

struct stream_slab {
	uint32_t next; // by sequence; STREAM_NO_SLAB ends
	uint32_t seq;  // of data[0]
	uint16_t len;
	uint8_t ahead;   // 1 = left ahead of its turn (out of order inside a message)
	uint8_t digests; // != 0: no bytes but so many digests of segments (stream_digest.c)
	uint8_t spare[4];
	uint8_t data[STREAM_SLAB_DATA];
};

// Slabs of one worker: a stack of indexes over one block of memory. What is given back is cold, for it waited for an
// acknowledgement; it is asked for then and taken some turns later.
struct stream_pool {
	struct stream_slab *slabs;
	uint32_t *free; // stack of free indexes
	uint32_t nfree, count;
	uint32_t turn;     // of the upper places of the stack
	uint32_t flow_max; // slabs one half may hold
	uint8_t key[16];   // of digests
};

// `mem` holds `count` slabs, `stack` as many indexes; both stay the caller's. `key`: secret bytes.
void stream_pool_init(struct stream_pool *p, struct stream_slab *mem, uint32_t *stack,
	uint32_t count, const uint8_t key[16]);

// So few are left that what is new should not be read: a sixteenth.
static inline bool stream_pool_is_short(const struct stream_pool *p)
{
	return p->nfree < p->count / 16;
}

// How many slabs a half may hold now.
static inline uint32_t stream_pool_share(const struct stream_pool *p)
{
	const uint32_t half_of_free = p->nfree / 2 + 2;

	return half_of_free < p->flow_max ? half_of_free : p->flow_max;
}

struct stream_half {
	uint32_t una, sent, rel, read, nxt;
	uint32_t edge;        // right edge of what the receiver allows
	uint32_t allow;       // ... of what the sender was told; beyond `edge` where an edit grew
	uint32_t delta;       // receiver's number less the sender's, from `read` on
	uint32_t edits;       // slab of the edits that are not acknowledged yet; STREAM_NO_SLAB
	uint32_t owned;       // custody ends here; <= una where none
	uint32_t edit_end;    // retained bytes before this may differ from what the sender sent
	uint32_t fin;         // sequence number of the FIN, with has_fin
	uint32_t ts_last;     // this side's timestamp that others must not be older than (RFC 7323 4.3)
	uint32_t ts_seen;     // its latest one: what we say in its name is not older
	uint32_t first, last; // slabs
	uint32_t hint;        // slab near `read`, where a search begins
	uint32_t index;       // slab of the index of a long chain; STREAM_NO_SLAB
	uint32_t ack_out;     // last acknowledgement and window sent on in this side's name
	uint32_t rto_at_ms;
	uint16_t win_out;
	uint16_t nslabs;
	uint32_t mss : 14;   // that this side accepts: bytes of payload we may send to it
	uint32_t wscale : 4; // shift of the windows this side announces
	uint32_t tries : 4;  // repeats by our timer without progress
	uint32_t syn : 1, has_fin : 1, fin_rel : 1, fin_sent : 1, fin_acked : 1, rto_on : 1,
		repeat : 1;
	uint32_t digested : 1; // has, or had, digests in the place of bytes
	uint32_t fresh : 1;    // the last segment's bytes met none that were retained before
	uint32_t islands : 1;  // bytes came behind a hole since nothing was retained last
};
enum { STREAM_HALF_BYTES = 88, STREAM_MSS_MAX = (1 << 14) - 1 };
_Static_assert(sizeof(struct stream_half) == STREAM_HALF_BYTES, "an idle flow pays for it twice");

struct stream {
	struct stream_half half[STREAM_SIDES];
	bool ts_on : 1; // timestamps negotiated
	bool sack_on : 1;
	bool scale_on : 1; // window scaling negotiated
	bool answered : 1; // the server is cut off or was never there: we speak in its name
	bool shifted : 1;  // an edit has changed a length: the two ends count differently
};

// The timestamp of a side's SYN.
static inline void stream_stamp(struct stream *st, unsigned side, uint32_t ts_val)
{
	st->half[side].ts_last = st->half[side].ts_seen = ts_val;
}

struct stream_seg {    // one TCP segment, host byte order
	uint8_t side;  // who sent it
	uint8_t flags; // TCP_*
	uint16_t window;
	uint32_t seq, ack;
	uint32_t now_ms;
	bool has_ts;
	uint32_t ts_val, ts_ecr;
	struct span payload;
	uint32_t at, end; // set by stream_input, stream_straight: its range as the receiver counts
	struct span
		kept; // by stream_straight: its bytes, as retained; the copy may be on its way to memory still
};

// Asks for the memory of what a half has retained, where the next segment looks. The stream may be anything, as
// that of a cell that is free by now: nothing is read but itself.
static inline void stream_prefetch(const struct stream *st, const struct stream_pool *p)
{
	for (int side = 0; side < STREAM_SIDES; side++) {
		const struct stream_half *h = &st->half[side];

		if (h->last < p->count)
			__builtin_prefetch(&p->slabs[h->last]);
		if (h->nslabs > 2 && h->first < p->count)
			__builtin_prefetch(&p->slabs[h->first]);
	}
}

struct stream_syn {   // options of a SYN or SYN-ACK
	uint16_t mss; // 0 = none: 536 (RFC 9293 3.7.1)
	bool has_wscale, has_ts, sack_ok;
	uint8_t wscale;
};

enum stream_in {              // what became of a segment
	STREAM_IN_OK,         // valid; bytes retained where new
	STREAM_IN_ORDER_WAIT, // valid, out of order: retained behind a hole
	STREAM_IN_OLD, // nothing in it that the receiver has not acknowledged (repeat, keep-alive)
	STREAM_IN_RST, // a reset that ends the connection
	STREAM_IN_RST_ODD, // a reset inside the window but not at the right place: pass it, keep the flow
	STREAM_IN_DROP_WINDOW, // outside the window
	STREAM_IN_DROP_PAWS,   // timestamp older than the last (RFC 7323 5.3)
	STREAM_IN_DROP_FLAGS,  // no ACK flag, or SYN in the midst
	STREAM_IN_DROP_SLABS,  // no memory to retain it; the sender will repeat
	STREAM_IN_BYPASSED, // acknowledges bytes of the window that we never sent on: they went round us
	STREAM_IN_DROP_ACK, // acknowledges what nobody sent, or long ago (RFC 5961 5)
	STREAM_IN_COUNT
};

enum stream_act_kind {
	STREAM_FORWARD, // the segment as it came
	STREAM_REWRITE, // its headers and options with these numbers and `len` retained bytes from `seq`
	STREAM_SEND,    // a segment of our own making in the name of `side`
	STREAM_SWALLOW, // nothing of it leaves
};

struct stream_act {
	uint8_t kind;  // enum stream_act_kind
	uint8_t side;  // in whose name: sequence space and receiver follow from it
	uint8_t flags; // TCP_*
	bool repeat;   // repeated by our timer
	bool own;      // REWRITE: not retained bytes but the segment's own, behind its first `skip`
	bool sack;     // SACK blocks in the segment have to go through stream_in_block
	uint16_t window, len, skip;
	uint32_t seq, ack;
};

// A new connection: the client's SYN.
void stream_open(
	struct stream *st, uint32_t client_isn, uint16_t window, const struct stream_syn *syn);
// The server's SYN-ACK. false where it does not answer the SYN, or comes with another number than the
// one before it or behind bytes of the server's; a repeat changes nothing.
bool stream_accept(struct stream *st, uint32_t server_isn, uint32_t ack, uint16_t window,
	const struct stream_syn *syn);
// We are the server: our initial sequence number; the SYN-ACK itself is built by the caller.
void stream_answer(struct stream *st, uint32_t our_isn, uint16_t mss);

// Takes a segment behind the handshake: validity, acknowledgement, retention of its new bytes.
enum stream_in stream_input(struct stream *st, struct stream_pool *p, struct stream_seg *seg);

// The segment's bytes, or the old number of a probe or keep-alive, are in our custody, not yet with
// the receiver: its sender has missed our acknowledgement or a window (stream_ack), which nobody else
// repeats.
static inline bool stream_is_ours(const struct stream *st, const struct stream_seg *seg)
{
	const struct stream_half *h = &st->half[seg->side];

	uint32_t end = seg->payload.n > 0 ? seg->end : seg->at + 1;

	return (int32_t)(end - h->una) > 0 && (int32_t)(h->owned - end) >= 0;
}

// The contiguous unread bytes of a half, at most what lies in one slab; `whole` joins as many as
// fit into `buf` (`cap` bytes). Valid until the next call that changes the half.
struct span stream_unread(struct stream *st, const struct stream_pool *p, enum stream_side side,
	bool whole, uint8_t *buf, uint32_t cap);
// The reader took `n` bytes.
void stream_consume(struct stream *st, enum stream_side side, uint32_t n);
// Everything consumed may leave. A FIN right behind it, too.
void stream_release(struct stream *st, enum stream_side side);
// Overwrites retained bytes that have not left yet: `n` bytes from `seq`.
void stream_edit(struct stream *st, struct stream_pool *p, enum stream_side side, uint32_t seq,
	const uint8_t *bytes, uint32_t n);
// Puts `text` (perhaps nothing) in the place of `n` consumed bytes (perhaps none) from `seq` that
// were not released: from here on the two ends count differently. What lies behind moves, so edits
// of one call go from the last to the first. The text is ours to repeat; *ack is set where bytes
// taken out want an acknowledgement of ours now (stream_ack). 0; -ENOBUFS where memory, or what may
// wait for the receiver's window (4 kB, and what was lent), is used up; -EBUSY where bytes behind have left ahead of
// their turn. Nothing is changed then.
int stream_replace(struct stream *st, struct stream_pool *p, enum stream_side side, uint32_t seq,
	uint32_t n, struct span text, bool *ack);
// May as many bytes more come into `side`'s? Until the receiver has taken some: what may wait for its
// window and acknowledgement is bounded.
bool stream_may_grow(
	const struct stream *st, const struct stream_pool *p, enum stream_side side, uint32_t n);
// An acknowledgement to `side`, in the other's name, of what that one and we have taken.
void stream_ack(const struct stream *st, const struct stream_pool *p, enum stream_side side,
	struct stream_act *act);
// The number that `side` itself uses for what its receiver knows as `seq`; of a number inside an
// edit its begin.
uint32_t stream_in_seq(
	const struct stream *st, const struct stream_pool *p, enum stream_side side, uint32_t seq);
// The reverse: what the receiver of `side`'s bytes calls `seq`.
uint32_t stream_out_seq(
	const struct stream *st, const struct stream_pool *p, enum stream_side side, uint32_t seq);
// Maps the edges of a SACK block (RFC 2018 3) about `side`'s bytes; false where one falls inside an
// edit: the block must be blanked.
bool stream_in_block(const struct stream *st, const struct stream_pool *p, enum stream_side side,
	uint32_t *left, uint32_t *right);

// Copies retained bytes out. The range must be retained.
void stream_copy(struct stream *st, const struct stream_pool *p, enum stream_side side,
	uint32_t seq, uint32_t n, uint8_t *out);

// A segment that came out of order inside a message and holds nothing that could end it may leave
// ahead of its turn: marks its bytes as gone. false where they are not all retained as they came,
// in slabs of their own: then it must wait.
// *act: what leaves.
bool stream_ahead(struct stream *st, struct stream_pool *p, const struct stream_seg *seg,
	struct stream_act *act);

// Its repeat, perhaps cut otherwise, while the hole is still there: the receiver may have lost it.
// true where all of its bytes left ahead of their turn; *act: they leave again as they were.
bool stream_ahead_again(struct stream *st, const struct stream_pool *p,
	const struct stream_seg *seg, struct stream_act *act);

// The byte that is retained at `seq`; -1 where none is, or only its digest.
int stream_byte(
	struct stream *st, const struct stream_pool *p, enum stream_side side, uint32_t seq);

// Is there anything behind a hole?
bool stream_has_hole(
	const struct stream *st, const struct stream_pool *p, enum stream_side side);

// Did bytes at or behind `seq` leave ahead of their turn?
bool stream_is_ahead(
	const struct stream *st, const struct stream_pool *p, enum stream_side side, uint32_t seq);

// The usual segment, for which this is all that stream_input does: in order, with nothing held, ours to
// repeat, changed or ended in either direction. false: it is not that plain, nothing was changed.
bool stream_straight(struct stream *st, struct stream_pool *p, struct stream_seg *seg);
// After reading: all of it was read and nothing changed, so it is released and leaves as it came; this is
// then all that stream_release and stream_dispose do. false: nothing was changed, they are to be called.
bool stream_straight_on(struct stream *st, const struct stream_seg *seg);

// What becomes of the segment after reading and release. Call stream_next with upto = seg->at
// before it (earlier bytes first) and without bound after it.
void stream_dispose(struct stream *st, const struct stream_pool *p, const struct stream_seg *seg,
	enum stream_in in, struct stream_act *act);
// Between stream_dispose and the departure of a segment that leaves as it came, inside a message:
// where slabs are short its bytes are forgotten but for a digest. true: so it was.
bool stream_digest(struct stream *st, struct stream_pool *p, const struct stream_seg *seg);
// false where it would not be done, whatever the segment is.
static inline bool stream_digest_due(const struct stream *st, const struct stream_pool *p)
{
	const struct stream_half *h = &st->half[STREAM_CLIENT];

	// The pool runs dry, or this half comes near its own share.
	return p->nfree < p->count / STREAM_SHORT_SHARE || h->nslabs > stream_pool_share(p) / 4 * 3;
}
// The client repeats what can't be told from other bytes, again and again: nothing goes on.
bool stream_is_stuck(const struct stream *st);
// The next segment of ours that must leave in the name of `side`, `max` payload bytes at most.
// false where there is none. `upto`: no byte at or behind it when bounded.
bool stream_next(struct stream *st, const struct stream_pool *p, enum stream_side side,
	bool bounded, uint32_t upto, uint16_t max, uint32_t now_ms, struct stream_act *act);

// false where stream_next has nothing to do for that side: nothing to send, no timer to start.
static inline bool stream_is_due(const struct stream *st, enum stream_side side)
{
	const struct stream_half *h = &st->half[side];

	return h->sent != h->rel || h->repeat || (h->fin_rel && !h->fin_acked) ||
		(!h->rto_on && (int32_t)(h->owned - h->una) > 0);
}

// Takes custody of everything retained contiguously from `side`: gives the acknowledgement to send
// to it.
// false where there is nothing new to acknowledge, or bytes that we no longer have would be ours to
// repeat.
bool stream_take(struct stream *st, const struct stream_pool *p, enum stream_side side,
	struct stream_act *act);
// What we repeat in the name of `side` did not get through: once more, from its begin, before our
// timer says so. false where nothing is ours to repeat; else stream_next gives it.
bool stream_again(struct stream *st, enum stream_side side);
// Our timer: true where a repeat is due; stream_next then gives it. *dead is set after the last
// try.
bool stream_timer(struct stream *st, enum stream_side side, uint32_t now_ms, bool *dead);
// When the timer of a half is due; false where it is off.
bool stream_deadline(const struct stream *st, enum stream_side side, uint32_t *at_ms);

// A reset towards the receiver of `side`'s bytes, in `side`'s name: 1 or 2 actions (at our next
// sequence number, and at the receiver's last acknowledgement where that differs).
unsigned stream_reset(const struct stream *st, const struct stream_pool *p, enum stream_side side,
	struct stream_act act[2]);
// Cuts the server off: from now on we speak in its name. Unsent server bytes are forgotten, sent
// ones are ours to repeat. The client's half is as it was: the caller reads on with stream_unread
// and stream_consume, acknowledges with stream_take, and then frees what it consumed with
// stream_discard.
void stream_cut(struct stream *st, struct stream_pool *p);
// Appends bytes of ours in the server's name (after stream_cut or stream_answer). 0 or -ENOBUFS.
int stream_say(struct stream *st, struct stream_pool *p, struct span text);
// After a cut: what the client sent and the reader consumed is nobody's any more; frees it.
void stream_discard(struct stream *st, struct stream_pool *p);
// A FIN of ours behind what was said.
void stream_hang_up(struct stream *st);
// Everything said, and the FIN, is acknowledged.
bool stream_is_drained(const struct stream *st);

// Gives all slabs back.
void stream_close(struct stream *st, struct stream_pool *p);
