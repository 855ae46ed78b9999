// SPDX-License-Identifier: BSD-3-Clause
// Two hostile ends and one stream between them, driven as the engine drives it. Whatever bytes
// leave for a sequence number, they are the ones that left first; nothing leaves before it was
// released, save what goes ahead; edits change lengths; the usual segment goes the short way or the long one; and every
// slab comes back. The input is options and a first sequence number, then segments: kind, place, length,
// acknowledgement; their bytes are made up.
#include <errno.h>

#include "fuzz.h"
#include "stream.h"
#include "tcp_flags.h"

enum {
	SLABS = 160,
	SPACE = 1 << 18, // sequence numbers of a side that are watched
	PAYLOAD_MAX = 3000,
	STEPS_MAX = 400,
};

enum { // options; 1 << 7: the shift of windows
	OPT_WSCALE = 1 << 0,
	OPT_ANSWER = 1 << 1, // we are the server
	OPT_SHORT = 1 << 2,  // of slabs from the beginning
	OPT_STRAIGHT = 1 << 3,
	OPT_STAMPS = 1 << 4,
};

struct watch { // what has left in a side's name
	uint32_t base;
	uint8_t byte[SPACE], left[SPACE];
};

static struct stream_slab slabs[SLABS];
static uint32_t stack[SLABS];
static struct watch watches[STREAM_SIDES];
static struct stream_pool pool;
static struct stream st;
static uint32_t now_ms, noise;
static uint8_t options;

static void leave_check(enum stream_side side, uint32_t seq, const uint8_t *bytes, uint32_t n)
{
	struct watch *w = &watches[side];

	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = seq + i - w->base;

		CHECK(at < SPACE);
		CHECK(!w->left[at] || w->byte[at] == bytes[i]);
		w->left[at] = 1;
		w->byte[at] = bytes[i];
	}
}

static void act_check(const struct stream_act *act)
{
	const struct stream_half *h = &st.half[act->side];
	uint8_t *bytes = malloc(act->len + 1u);

	if (bytes == NULL)
		abort();
	CHECK(act->len == 0 || (int32_t)(act->seq + act->len - h->rel) <= 0);
	stream_copy(&st, &pool, act->side, act->seq, act->len, bytes);
	leave_check(act->side, act->seq, bytes, act->len);
	free(bytes);
}

static void pump(enum stream_side side, bool bounded, uint32_t upto)
{
	struct stream_act act;
	unsigned n = 0;

	while (stream_next(&st, &pool, side, bounded, upto, 1000, now_ms, &act)) {
		act_check(&act);
		CHECK(++n < SPACE);
	}
}

static void half_check(const struct stream_half *h)
{
	CHECK((int32_t)(h->rel - h->read) <= 0 && (int32_t)(h->read - h->nxt) <= 0);
	CHECK((int32_t)(h->sent - h->rel) <= 0);
	CHECK((int32_t)(h->una - h->sent - 1) <= 0);
	CHECK((int32_t)(h->edge - h->allow) <= 0);
}

// Where no edit lies, numbers go through the list and back.
static void map_check(enum stream_side side)
{
	const uint32_t marks[] = {st.half[side].nxt, st.half[side].read, st.half[side].allow};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		uint32_t in = stream_in_seq(&st, &pool, side, marks[i]);
		uint32_t out = stream_out_seq(&st, &pool, side, in);

		CHECK((int32_t)(out - marks[i]) <= 0);
		CHECK(i != 0 || out == marks[i]); // nothing is edited behind what was read
		CHECK(stream_in_seq(&st, &pool, side, out) == in);
	}
}

// Another length in the place of the first bytes that were read just now.
static void replace(enum stream_side side, uint32_t seq, uint32_t n, uint8_t much)
{
	const struct span text = {(const uint8_t *)"EDITEDEDI", (size_t)(much >> 6) * 3};
	struct stream_act act;
	bool ack;
	int rc = stream_replace(&st, &pool, side, seq, n < 3 ? n : 3, text, &ack);

	CHECK(rc == 0 || rc == -ENOBUFS || rc == -EBUSY);
	if (rc == 0 && ack)
		stream_ack(&st, &pool, side, &act);
	map_check(side);
}

static void read_some(enum stream_side side, uint8_t much)
{
	static uint8_t line[8192];

	for (int turn = 0; turn < 64; turn++) {
		struct span in =
			stream_unread(&st, &pool, side, (much & 1) != 0, line, sizeof(line));
		uint32_t n = (uint32_t)in.n, before = st.half[side].read;
		bool ahead = stream_is_ahead(&st, &pool, side, before);

		CHECK(n <= st.half[side].nxt - before);
		if (n == 0)
			break;
		if ((much & 2) == 0 && turn > 0) // a part only: the rest waits
			n = n * (much >> 4) / 16;
		stream_consume(&st, side, n);
		if ((much & 4) != 0 && n > 0 && !ahead)
			stream_edit(&st, &pool, side, before, (const uint8_t *)"X", 1);
		if ((much & 0x20) != 0 && n > 0 && !st.answered)
			replace(side, before, n, much);
		if (n == 0)
			break;
	}
	if ((much & 8) == 0)
		stream_release(&st, side);
}

static void forward(const struct stream_seg *seg)
{
	(void)stream_digest(&st, &pool, seg);
	leave_check(seg->side, seg->at, seg->payload.p, (uint32_t)seg->payload.n);
}

// What the engine does with a segment that the stream took. `ahead`: it is inside a message.
static void segment_leave(const struct stream_seg *seg, enum stream_in in, bool ahead)
{
	const struct stream_half *h = &st.half[seg->side];
	struct stream_act act;

	if (ahead && in == STREAM_IN_ORDER_WAIT && h->fresh && seg->payload.n > 0 &&
		(seg->flags & TCP_FIN) == 0 && h->nxt == h->rel) {
		if (stream_ahead(&st, &pool, seg, &act))
			leave_check(seg->side, act.seq, seg->payload.p, act.len);
		return;
	}
	pump(seg->side, true, seg->at);
	stream_dispose(&st, &pool, seg, in, &act);
	if (act.kind == STREAM_FORWARD)
		forward(seg);
	else if (act.kind == STREAM_REWRITE && act.own)
		leave_check(seg->side, act.seq, seg->payload.p + act.skip, act.len);
	else if (act.kind == STREAM_REWRITE)
		act_check(&act);
	pump(seg->side, false, 0);
	pump(!seg->side, false, 0);
}

// The usual segment, as the engine has it: the short way where that is open. false: it is not.
static bool straight(struct stream_seg *seg, uint8_t how)
{
	enum { KEEP = 8 }; // read_some then releases nothing

	if ((options & OPT_STRAIGHT) == 0 || !stream_straight(&st, &pool, seg))
		return false;
	read_some((enum stream_side)seg->side, how | KEEP);
	if (stream_straight_on(&st, seg)) {
		forward(seg);
		return true;
	}
	if ((how & KEEP) == 0)
		stream_release(&st, (enum stream_side)seg->side);
	segment_leave(seg, STREAM_IN_OK, false);
	return true;
}

// One that came before its turn once more, while what is before it is still missing.
static bool ahead_again(const struct stream_seg *seg)
{
	static uint8_t bytes[PAYLOAD_MAX];
	struct stream_act act;

	if (!stream_ahead_again(&st, &pool, seg, &act))
		return false;
	CHECK(act.kind == STREAM_REWRITE && !act.own && act.len <= sizeof(bytes));
	stream_copy(&st, &pool, act.side, act.seq, act.len, bytes);
	leave_check(act.side, act.seq, bytes, act.len);
	return true;
}

static bool segment(struct span *in, uint8_t op)
{
	static uint8_t payload[PAYLOAD_MAX];
	enum stream_side side = op >> 2 & 1;
	const struct stream_half *h = &st.half[side], *o = &st.half[!side];
	uint8_t place = take8(in), length = take8(in), back = take8(in), more = take8(in);
	const uint32_t from[4] = {h->nxt, h->una, h->edge, h->rel};
	struct stream_seg seg = {
		.side = (uint8_t)side,
		.flags = TCP_ACK | (uint8_t)((more & 1) * TCP_FIN) |
			(uint8_t)((more >> 1 & 1) * TCP_URG),
		.window = (uint16_t)(2048 * (more >> 3)),
		.seq = stream_in_seq(&st, &pool, side,
			from[place & 3] + (uint32_t)((int8_t)(place & 0xfc) * 16)),
		.ack = o->sent + (o->fin_sent ? 1 : 0) - (back & 0x3f) * (back >> 6) * 8,
		.now_ms = now_ms,
		.has_ts = st.ts_on,
		.ts_val = now_ms - (back >> 7) * 5000u, // some are older than the last
		.payload = {payload, length * 11u},
	};
	enum stream_in got;

	if (st.answered && side == STREAM_SERVER)
		return true; // what a server that was cut off still says is not the stream's
	for (size_t i = 0; i < seg.payload.n; i++) {
		noise = noise * 1664525 + 1013904223;
		payload[i] = (uint8_t)(noise >> 24);
	}
	if ((more & 4) != 0 && back == 0xff)
		seg.flags = TCP_RST;
	if (straight(&seg, (uint8_t)(op >> 4 << 4 | (op & 3))))
		return true;
	got = stream_input(&st, &pool, &seg);
	CHECK(got < STREAM_IN_COUNT);
	if (got == STREAM_IN_RST || got == STREAM_IN_BYPASSED)
		return false;
	if (got != STREAM_IN_OK && got != STREAM_IN_ORDER_WAIT && got != STREAM_IN_OLD)
		return true;
	if (st.answered) {
		struct stream_act act;

		read_some(STREAM_CLIENT, 2);
		(void)stream_take(&st, &pool, STREAM_CLIENT, &act);
		stream_discard(&st, &pool);
		pump(STREAM_SERVER, false, 0);
		return true;
	}
	if (got == STREAM_IN_ORDER_WAIT && ahead_again(&seg))
		return true;
	if (!((op & 8) != 0 && got == STREAM_IN_ORDER_WAIT))
		read_some(side, op >> 4 << 4 | (op & 3));
	segment_leave(&seg, got, (op & 8) != 0 && side == STREAM_CLIENT);
	return !stream_is_stuck(&st); // the engine resets both ends then
}

static bool timers(void)
{
	for (int side = 0; side < STREAM_SIDES; side++) {
		bool dead;

		(void)stream_timer(&st, (enum stream_side)side, now_ms, &dead);
		if (dead)
			return false;
		if (!st.answered || side == STREAM_SERVER)
			pump((enum stream_side)side, false, 0);
	}
	return true;
}

static bool step(struct span *in)
{
	uint8_t op = take8(in), much = take8(in);
	struct stream_act act, reset[2];

	switch (op & 3) {
	case 0:
	case 1:
		return segment(in, op);
	case 2:
		now_ms += (uint32_t)much * 64;
		if ((op & 0x80) != 0)
			(void)stream_again(&st, op >> 2 & 1);
		if ((op & 8) != 0 && !st.answered && stream_take(&st, &pool, op >> 2 & 1, &act))
			act_check(&act);
		return timers();
	default:
		break;
	}
	if (st.answered) {
		if ((op & 8) != 0)
			stream_hang_up(&st);
		else
			(void)stream_say(
				&st, &pool, (struct span){(const uint8_t *)"250 said\r\n", 10});
		pump(STREAM_SERVER, false, 0);
		(void)stream_is_drained(&st);
	} else if ((op & 0xf0) == 0xf0) {
		read_some(STREAM_CLIENT, 2);
		stream_cut(&st, &pool);
		stream_discard(&st, &pool);
	} else {
		read_some(op >> 2 & 1, much);
		pump(op >> 2 & 1, false, 0);
	}
	CHECK(stream_reset(&st, &pool, op >> 2 & 1, reset) <= 2);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {data, size};
	options = take8(&in);
	uint32_t client_isn = take32(&in), server_isn = ~client_isn * 3;
	struct stream_syn syn = {.mss = 1460,
		.has_wscale = (options & OPT_WSCALE) != 0,
		.has_ts = (options & OPT_STAMPS) != 0,
		.wscale = options >> 7};

	now_ms = 1000;
	noise = 1;
	memset(watches, 0, sizeof(watches));
	watches[STREAM_CLIENT].base = client_isn - SPACE / 2;
	watches[STREAM_SERVER].base = server_isn - SPACE / 2;
	stream_pool_init(&pool, slabs, stack, SLABS, (const uint8_t *)"a key of the fuzz");
	stream_open(&st, client_isn, 60000, &syn);
	if ((options & OPT_SHORT) != 0)
		pool.count = SLABS * 16;
	if ((options & OPT_ANSWER) != 0)
		stream_answer(&st, server_isn, 1460);
	else
		CHECK(stream_accept(&st, server_isn, client_isn + 1, 60000, &syn));
	for (int i = 0; i < STEPS_MAX && in.n != 0 && step(&in); i++) {
		for (int side = 0; side < STREAM_SIDES; side++) {
			if (st.half[side].nxt - watches[side].base > SPACE - 70000)
				goto close; // enough sent
			half_check(&st.half[side]);
		}
	}
close:
	stream_close(&st, &pool);
	CHECK(pool.nfree == SLABS);
	return 0;
}
