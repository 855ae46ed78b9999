// SPDX-License-Identifier: BSD-3-Clause
// Both sides of a session, in any cutting. Three readers get the same two streams: one in the
// input's chunks with those of a side that follow each other joined, one cut at random, and one byte
// by byte, which is the reference: what they tell must not differ. And what is told makes sense as a
// whole: message bytes between their beginning and their end, sizes that add up, no AUTH payload.
// The input is one byte of options, then chunks: a byte with the side (bit 0) and its length (the
// rest), and the bytes.
#include "fuzz.h"
#include "smtp.h"

_Static_assert((int)SMTP_EV_COUNT == 15,
	"each kind of event is known to message_check or told nothing of here");

enum {
	UNREAD_MAX = 1 << 16, // bytes a side may leave unread before we stop sending
	EVENTS_MAX = 8,
	RUN_MAX = 1 << 14, // of chunks of one side
};

enum cutting { CUT_NONE, CUT_RANDOM, CUT_BYTES, CUT_COUNT };

enum { // options
	OPT_SMALL_LIMITS = 1 << 0,
	OPT_MASK_CHUNKING = 1 << 1,
	OPT_SUBSTITUTE = 1 << 2, // each third command becomes NOOP
	OPT_FEW_EVENTS = 1 << 3, // room for four a call
	OPT_WITHDRAW = 1 << 4,   // each fourth command never reaches the server
	OPT_ONE_AT_A_TIME = 1 << 5,
	OPT_REFUSE_CHUNK = 1 << 6,                   // one that would stop the reader
	OPT_DIFFERS = OPT_SUBSTITUTE | OPT_WITHDRAW, // which commands, hangs on the cutting
};

struct reader {
	struct smtp s;
	uint8_t *unread[2];
	size_t n[2];
	uint8_t options;
	enum cutting cutting;
	uint32_t noise;
	bool desync, tls;
	bool in_message; // between DATA_BEGIN and what ends it
	unsigned commands;
	uint64_t octets; // message bytes since DATA_BEGIN
	uint64_t
		told; // digest of all events, data and what is taken out as streams without their cuts
};

static void digest(struct reader *r, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		r->told = (r->told ^ b[i]) * 0x100000001b3; // FNV-1a
}

static void event_digest(struct reader *r, const struct smtp_event *e)
{
	// How much was sent ahead, only the caller's chunks tell.
	uint16_t flags = e->flags & (uint16_t)~SMTP_LINE_PIPELINED;
	const uint8_t head[] = {e->kind, e->side, e->verb, e->why, (uint8_t)e->code,
		(uint8_t)(e->code >> 8), (uint8_t)flags, (uint8_t)(flags >> 8)};

	for (uint32_t i = 0; e->kind == SMTP_EV_SKIP && i < e->len; i++)
		digest(r, head, 1);
	if (e->kind != SMTP_EV_DATA && e->kind != SMTP_EV_SKIP) {
		digest(r, head, sizeof(head));
		digest(r, &e->octets, sizeof(e->octets));
	}
	digest(r, e->text.p, e->text.n);
	digest(r, e->path.p, e->path.n);
}

// Message bytes have a beginning and an end, and their sum is the size that the end tells.
static void message_check(struct reader *r, const struct smtp_event *e)
{
	switch ((enum smtp_ev)e->kind) {
	case SMTP_EV_DATA_BEGIN:
		r->in_message = true;
		r->octets = 0;
		break;
	case SMTP_EV_DATA:
	case SMTP_EV_DATA_LINE:
		CHECK(r->in_message);
		r->octets += e->text.n;
		break;
	case SMTP_EV_POSSIBLE_END:
		CHECK(r->in_message && e->count > 0);
		break;
	case SMTP_EV_DATA_END:
		CHECK(r->in_message && e->octets == r->octets);
		r->in_message = false;
		break;
	case SMTP_EV_REPLY:
		if (e->verb == SMTP_VERB_MESSAGE)
			r->in_message = false;
		break;
	default:
		break;
	}
}

static void secret_check(const struct smtp_event *e)
{
	if (e->kind == SMTP_EV_AUTH_LINE || e->code == 334 ||
		(e->kind == SMTP_EV_COMMAND && e->verb == SMTP_VERB_UNKNOWN))
		CHECK(e->text.n == 0 && e->path.n == 0);
	if (e->kind == SMTP_EV_COMMAND && e->verb == SMTP_VERB_AUTH)
		CHECK(e->text.n <= 20); // the mechanism's name
}

static void event_check(
	const struct reader *r, const struct smtp_event *e, enum smtp_side side, struct span in)
{
	CHECK(e->kind < SMTP_EV_COUNT && e->verb < SMTP_VERB_COUNT && e->why < SMTP_DESYNC_COUNT);
	CHECK(e->side == side);
	CHECK((size_t)e->off + e->len <= in.n);
	CHECK(span_is_inside(e->text, in) && span_is_inside(e->path, in));
	CHECK((e->kind == SMTP_EV_DESYNC) == (e->why != SMTP_DESYNC_NONE));
	CHECK(!r->desync && !r->tls);
	CHECK(smtp_ev_name(e->kind)[0] != 0 && smtp_verb_name(e->verb)[0] != 0);
}

// What was told before, of the client's next bytes, is what comes of them.
static void peek_check(const struct smtp_event *peeked, const struct smtp_event *e)
{
	CHECK(peeked->kind == SMTP_EV_COMMAND && e->kind == SMTP_EV_COMMAND);
	CHECK(peeked->verb == e->verb && peeked->off == e->off && peeked->len == e->len);
	CHECK(peeked->text.p == e->text.p && peeked->text.n == e->text.n);
	CHECK(peeked->path.p == e->path.p && peeked->path.n == e->path.n);
}

// The caller's part: at most one command a call is another one for the server, or none.
static void command_change(struct reader *r, const struct smtp_event *ev, size_t count)
{
	enum { SUBSTITUTED = 3, WITHDRAWN = 4, WORDS = SMTP_VERB_OURS_LAST - SMTP_VERB_OURS + 1 };

	for (size_t i = 0; i < count; i++) {
		if (ev[i].kind != SMTP_EV_COMMAND)
			continue;
		r->commands++;
		if ((r->options & OPT_SUBSTITUTE) != 0 && r->commands % SUBSTITUTED == 0) {
			smtp_substitute(&r->s, &ev[i], SMTP_VERB_NOOP);
			break;
		}
		if ((r->options & OPT_WITHDRAW) != 0 && r->commands % WITHDRAWN == 0 &&
			ev[i].verb != SMTP_VERB_BDAT) {
			smtp_withdraw(&r->s, &ev[i],
				(enum smtp_verb)(SMTP_VERB_OURS + r->commands % WORDS));
			break;
		}
	}
	for (unsigned due = 0;; due++) {
		enum smtp_verb as = SMTP_VERB_NONE;

		if (!smtp_ours_due(&r->s, &as))
			break;
		CHECK((r->options & OPT_WITHDRAW) != 0 && due < SMTP_PAIR_MAX);
		CHECK(as >= SMTP_VERB_OURS && as <= SMTP_VERB_OURS_LAST);
	}
}

// The chunk of a BDAT that stopped the reader is taken out of the stream; bytes of its line, 0: it stays stopped.
static size_t chunk_refuse(struct reader *r, const struct smtp_event *last, struct span rest)
{
	if ((r->options & OPT_REFUSE_CHUNK) == 0 || last->kind != SMTP_EV_DESYNC ||
		(last->why != SMTP_DESYNC_BDAT_UNOFFERED && last->why != SMTP_DESYNC_BDAT_FAILED))
		return 0;
	size_t n = smtp_refuse_chunk(&r->s, rest, SMTP_VERB_NOOP);

	CHECK(n <= rest.n && (n == 0 || rest.p[n - 1] == '\n'));
	r->desync = n == 0;
	return n;
}

// One call on what a side left unread; true where it got on.
static bool feed_once(struct reader *r, enum smtp_side side)
{
	struct span in = {copy_of((struct span){r->unread[side], r->n[side]}, 0), r->n[side]};
	size_t max = (r->options & OPT_FEW_EVENTS) != 0 ? 4 : EVENTS_MAX, count = 0, used;
	bool gated = smtp_is_gated(&r->s), peeks;
	struct smtp_event ev[EVENTS_MAX], peeked = {0};
	uint64_t rest;

	peeks = side == SMTP_CLIENT && smtp_peek(&r->s, in, &peeked);
	used = smtp_feed(&r->s, side, in, ev, max, &count);
	CHECK(used <= in.n && count <= max);
	CHECK(!(gated && side == SMTP_CLIENT && used + count != 0));
	for (size_t i = 0; i < count; i++) {
		event_check(r, &ev[i], side, in);
		event_digest(r, &ev[i]);
		message_check(r, &ev[i]);
		secret_check(&ev[i]);
		r->desync |= ev[i].kind == SMTP_EV_DESYNC;
		r->tls |= ev[i].kind == SMTP_EV_TLS;
	}
	if (peeks) {
		CHECK(count > 0);
		peek_check(&peeked, &ev[0]);
	}
	command_change(r, ev, count);
	if (count > 0)
		used += chunk_refuse(r, &ev[count - 1], span_from(in, used));
	CHECK(!smtp_in_chunk(&r->s, &rest) || smtp_in_message(&r->s));
	r->n[side] -= used;
	memmove(r->unread[side], r->unread[side] + used, r->n[side]);
	free((void *)(uintptr_t)in.p);
	return (used != 0 || count == max) && !smtp_is_opaque(&r->s);
}

// In line modes an unread line is bounded: a longer one is consumed or told as DESYNC.
static void bound_check(const struct reader *r)
{
	const struct smtp_limits *l = &r->s.limits;

	if (r->desync || smtp_is_opaque(&r->s))
		return;
	CHECK(r->n[SMTP_SERVER] <= l->reply_max);
	if (!smtp_is_gated(&r->s) && !smtp_in_message(&r->s))
		CHECK(r->n[SMTP_CLIENT] <= l->command_max + l->auth_max);
}

static void drain(struct reader *r, enum smtp_side side)
{
	while (feed_once(r, side))
		;
}

static size_t step_of(struct reader *r, size_t left)
{
	if (r->cutting == CUT_NONE)
		return left;
	if (r->cutting == CUT_BYTES)
		return 1;
	r->noise = r->noise * 1664525 + 1013904223;
	size_t step = 1 + (r->noise >> 8) % 9;

	return step < left ? step : left;
}

static void bytes_give(struct reader *r, enum smtp_side side, struct span bytes)
{
	if (bytes.n > UNREAD_MAX - r->n[side])
		return;
	for (size_t at = 0, step; at < bytes.n; at += step) {
		step = step_of(r, bytes.n - at);
		memcpy(r->unread[side] + r->n[side], bytes.p + at, step);
		r->n[side] += step;
		if (!smtp_is_opaque(&r->s))
			drain(r, side);
	}
	for (int turn = 0; turn < 2 && !smtp_is_opaque(&r->s); turn++)
		drain(r, turn == 0 ? 1 - side : side);
	bound_check(r);
}

static void reader_init(struct reader *r, uint8_t options, enum cutting cutting)
{
	static const struct smtp_limits SMALL = {
		.command_max = 64, .auth_max = 80, .reply_max = 64, .reply_lines = 4};

	*r = (struct reader){.options = options,
		.cutting = cutting,
		.noise = options,
		.told = 0xcbf29ce484222325,
		.unread = {malloc(UNREAD_MAX), malloc(UNREAD_MAX)}};
	if (r->unread[0] == NULL || r->unread[1] == NULL)
		abort();
	smtp_init(&r->s, (options & OPT_SMALL_LIMITS) != 0 ? &SMALL : NULL);
	if ((options & OPT_MASK_CHUNKING) != 0)
		smtp_mask(&r->s, SMTP_EXT_CHUNKING);
	if ((options & OPT_ONE_AT_A_TIME) != 0)
		smtp_one_at_a_time(&r->s, true);
}

static void reader_fini(struct reader *r)
{
	free(r->unread[0]);
	free(r->unread[1]);
}

// The next chunks of one side, joined.
static struct span run_take(struct span *in, enum smtp_side *side)
{
	static uint8_t run[RUN_MAX];
	size_t n = 0;

	*side = in->p[0] & 1;
	while (in->n > 0 && (in->p[0] & 1) == *side && n < RUN_MAX - UINT8_MAX) {
		struct span part = take(in, 1 + (in->p[0] >> 1));

		if (part.n > 1)
			memcpy(run + n, part.p + 1, part.n - 1);
		n += part.n - 1;
	}
	return (struct span){run, n};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {data, size};
	uint8_t options = take8(&in);
	struct reader readers[CUT_COUNT];
	const struct reader *reference = &readers[CUT_BYTES];

	for (int i = 0; i < CUT_COUNT; i++)
		reader_init(&readers[i], options, (enum cutting)i);
	while (in.n != 0) {
		enum smtp_side side;
		struct span run = run_take(&in, &side);

		for (int i = 0; i < CUT_COUNT; i++)
			bytes_give(&readers[i], side, run);
		// What is put in a command's place depends on how many came in one call.
		for (int i = 0; i < CUT_COUNT && (options & OPT_DIFFERS) == 0; i++) {
			CHECK(readers[i].told == reference->told);
			CHECK(memcmp(readers[i].n, reference->n, sizeof(reference->n)) == 0 ||
				reference->tls);
		}
	}
	for (int i = 0; i < CUT_COUNT; i++)
		reader_fini(&readers[i]);
	return 0;
}
