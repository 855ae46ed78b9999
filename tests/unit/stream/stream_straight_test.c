// SPDX-License-Identifier: BSD-3-Clause
// The short way of the usual segment (stream_straight) against the long one: two connections get the
// same segments, one by either way, one by the long way alone. What leaves and what is kept of the
// connection must be the same after each, whatever is held, changed, ours, missing or short.
#define POOL_SLABS 96
#include <stdio.h>

#include "stream_fixture.h"
#include "tcp_flags.h"

enum { STEPS = 400, RUNS = 400, TEXT = 2600 };

struct twin {
	struct fixture f;
	char log[4096]; // what left since it was compared
	size_t n;
};

static uint32_t seed;
static uint32_t straight_taken, straight_left, straight_refused;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)seed * below >> 32);
}

static void tell(struct twin *t, const struct stream_act *act, const struct stream_seg *seg)
{
	uint8_t bytes[TEXT + 8];
	uint32_t sum = 0, n = act->len;

	if (act->kind == STREAM_FORWARD) {
		n = (uint32_t)seg->payload.n;
		if (n > 0)
			memcpy(bytes, seg->payload.p, n);
	} else if (act->kind == STREAM_SWALLOW) {
		n = 0;
	} else if (n > 0) {
		stream_copy(&t->f.st, &t->f.pool, act->side, act->seq, n, bytes);
	}
	for (uint32_t i = 0; i < n; i++)
		sum = sum * 31 + bytes[i];
	bool forward = act->kind == STREAM_FORWARD;
	t->n += (size_t)snprintf(t->log + t->n, sizeof(t->log) - t->n,
		"%u%u:%u+%u/%u a%u w%u f%x\n", act->side, act->kind, forward ? seg->seq : act->seq,
		n, sum, forward ? seg->ack : act->ack, forward ? seg->window : act->window,
		forward ? seg->flags : act->flags);
	assert_true(t->n < sizeof(t->log));
}

static void pump(struct twin *t, enum stream_side side, bool bounded, uint32_t upto)
{
	struct stream_act act;

	while (stream_next(&t->f.st, &t->f.pool, side, bounded, upto, 1460, t->f.now_ms, &act))
		tell(t, &act, NULL);
}

struct choice {         // what the reader does, the same for both
	uint32_t leave; // bytes left unread
	bool mask;      // its first byte is written over
	bool replace;   // ... and becomes two
};

static void read_on(struct twin *t, enum stream_side side, const struct choice *c)
{
	struct stream_half *h = &t->f.st.half[side];
	const uint32_t from = h->read, unread = h->nxt - h->read;
	const uint32_t n = c->leave < unread ? unread - c->leave : 0;
	bool ack;

	stream_consume(&t->f.st, side, n);
	if (n > 0 && c->mask)
		stream_edit(&t->f.st, &t->f.pool, side, from, (const uint8_t *)"#", 1);
	if (n > 0 && c->replace)
		(void)stream_replace(&t->f.st, &t->f.pool, side, from, 1, span_str("<>"), &ack);
}

// As the engine does it.
static void takes(struct twin *t, struct stream_seg seg, bool may, const struct choice *c)
{
	struct stream *st = &t->f.st;
	enum stream_in in = STREAM_IN_OK;
	struct stream_act act;

	if (may && stream_straight(st, &t->f.pool, &seg)) {
		straight_taken++;
		assert_true(seg.kept.n == 0 ||
			(seg.kept.n == seg.payload.n &&
				memcmp(seg.kept.p, seg.payload.p, seg.kept.n) == 0));
		read_on(t, (enum stream_side)seg.side, c);
		if (stream_straight_on(st, &seg)) {
			straight_left++;
			act = (struct stream_act){.kind = STREAM_FORWARD, .side = seg.side};
			tell(t, &act, &seg);
			if (stream_digest_due(st, &t->f.pool))
				(void)stream_digest(st, &t->f.pool, &seg);
			return;
		}
	} else {
		straight_refused += may;
		in = stream_input(st, &t->f.pool, &seg);
		if (in != STREAM_IN_OK && in != STREAM_IN_ORDER_WAIT && in != STREAM_IN_OLD) {
			t->n += (size_t)snprintf(
				t->log + t->n, sizeof(t->log) - t->n, "refused %d\n", in);
			return;
		}
		read_on(t, (enum stream_side)seg.side, c);
	}
	stream_release(st, (enum stream_side)seg.side);
	pump(t, (enum stream_side)seg.side, true, seg.at);
	if (stream_is_ours(st, &seg)) {
		stream_ack(st, &t->f.pool, (enum stream_side)seg.side, &act);
		tell(t, &act, NULL);
	}
	stream_dispose(st, &t->f.pool, &seg, in, &act);
	tell(t, &act, &seg);
	if (act.kind == STREAM_FORWARD)
		(void)stream_digest(st, &t->f.pool, &seg);
	pump(t, STREAM_CLIENT, false, 0);
	pump(t, STREAM_SERVER, false, 0);
}

static void compare(struct twin *a, struct twin *b)
{
	assert_string_equal(a->log, b->log);
	assert_int_equal(a->f.pool.nfree, b->f.pool.nfree);
	for (int side = 0; side < STREAM_SIDES; side++) {
		struct stream_half x = a->f.st.half[side], y = b->f.st.half[side];

		x.hint = y.hint = 0; // where a search begins
		if (!x.rto_on)
			x.rto_at_ms = y.rto_at_ms = 0;
		assert_memory_equal(&x, &y, sizeof(x));
	}
	assert_int_equal(a->f.st.shifted, b->f.st.shifted);
	a->n = b->n = 0;
	a->log[0] = b->log[0] = 0;
}

static uint32_t near_number(uint32_t n)
{
	return rnd(12) == 0 ? n + rnd(3000) - 1500 : n;
}

static uint8_t odd_flags(void)
{
	static const uint8_t odd[] = {TCP_ACK | TCP_FIN, TCP_ACK | TCP_URG, TCP_ACK | TCP_ECE,
		TCP_ACK | TCP_CWR | TCP_PSH, TCP_ACK | TCP_SYN, 0, TCP_ACK | TCP_PSH};

	return odd[rnd(sizeof(odd))];
}

static struct stream_seg segment(const struct fixture *f, bool wild, const uint8_t *text)
{
	const uint8_t side = (uint8_t)rnd(2);
	const struct stream_half *h = &f->st.half[side], *o = &f->st.half[!side];
	const uint32_t outstanding = o->sent - o->una;
	struct stream_seg seg = {.side = side,
		.flags = TCP_ACK,
		.window = (uint16_t)(rnd(16) == 0 ? rnd(12) : 500),
		.seq = stream_in_seq(&f->st, &f->pool, (enum stream_side)side, h->nxt),
		.now_ms = f->now_ms,
		.has_ts = f->st.ts_on && rnd(20) != 0,
		.ts_val = f->now_ms - (rnd(20) == 0 ? 3000 : rnd(3)),
		.payload = {.p = text + rnd(40), .n = rnd(3) == 0 ? 0 : 1 + rnd(1460)}};

	seg.ack = stream_in_seq(&f->st, &f->pool, (enum stream_side) !side,
		rnd(3) == 0 ? o->sent : o->una + (outstanding == 0 ? 0 : rnd(outstanding + 1)));
	if (rnd(60) == 0)
		seg.payload.n = 2000 + rnd(TEXT - 2100);
	if (wild) {
		seg.seq = near_number(seg.seq);
		seg.ack = rnd(20) == 0 ? near_number(seg.ack) : seg.ack;
		seg.flags = rnd(16) == 0 ? odd_flags() : seg.flags;
		// A FIN ends what can be tried; let few runs have it early.
		if ((seg.flags & TCP_FIN) != 0 && rnd(8) != 0)
			seg.flags = TCP_ACK;
	}
	return seg;
}

// What else happens to a connection, to both of them alike.
static void event(struct twin *t, unsigned kind)
{
	struct stream_act act;
	bool dead = false;

	switch (kind) {
	case 0:
	case 1: // custody of what one side has sent
		if (stream_take(&t->f.st, &t->f.pool, (enum stream_side)kind, &act))
			tell(t, &act, NULL);
		break;
	case 2: // the repeat timer
		for (int side = 0; side < STREAM_SIDES; side++) {
			(void)stream_timer(
				&t->f.st, (enum stream_side)side, t->f.now_ms + 1500, &dead);
			pump(t, (enum stream_side)side, false, 0);
		}
		break;
	case 3: // what was left unread is read
	case 4:
		read_on(t, (enum stream_side)(kind - 3), &(struct choice){0});
		stream_release(&t->f.st, (enum stream_side)(kind - 3));
		pump(t, (enum stream_side)(kind - 3), false, 0);
		break;
	default: // another flow takes slabs, or gives them back
		break;
	}
}

struct world {
	bool wild, stamps, edits, shortage;
	uint32_t client_isn;
};

static void twin_open(struct twin *t, const struct world *w)
{
	t->n = 0;
	t->log[0] = 0;
	fixture_open_at(&t->f, w->client_isn, SERVER_ISN);
	t->f.st.ts_on = w->stamps;
	stream_stamp(&t->f.st, STREAM_CLIENT, t->f.now_ms - 10);
	stream_stamp(&t->f.st, STREAM_SERVER, t->f.now_ms - 10);
	if (w->shortage)
		t->f.pool.count = POOL * 16; // digests at once
}

static void twin_close(struct twin *t)
{
	stream_close(&t->f.st, &t->f.pool);
	assert_int_equal(t->f.pool.nfree, POOL);
	free(t->f.slabs);
}

static void run(uint32_t n, const struct world *w)
{
	static struct twin a, b;
	uint8_t text[TEXT + 64];

	seed = n;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)('a' + rnd(26));
	twin_open(&a, w);
	twin_open(&b, w);
	for (unsigned step = 0; step < STEPS; step++) {
		a.f.now_ms = b.f.now_ms += rnd(30);
		text[rnd(sizeof(text))] = (uint8_t)rnd(256);
		if (w->wild && rnd(12) == 0) {
			unsigned kind = rnd(6);

			event(&a, kind);
			event(&b, kind);
		} else {
			struct stream_seg seg = segment(&a.f, w->wild, text);
			struct choice c = {.leave = w->wild && rnd(10) == 0 ? 1 + rnd(30) : 0,
				.mask = w->edits && rnd(20) == 0,
				.replace = w->edits && rnd(60) == 0};

			takes(&a, seg, true, &c);
			takes(&b, seg, false, &c);
		}
		compare(&a, &b);
	}
	twin_close(&a);
	twin_close(&b);
}

static void the_short_way_comes_to_what_the_long_one_does(void **state)
{
	static const struct world worlds[] = {
		{.client_isn = CLIENT_ISN},
		{.stamps = true, .client_isn = CLIENT_ISN},
		{.wild = true, .client_isn = CLIENT_ISN},
		{.wild = true, .stamps = true, .client_isn = UINT32_MAX - 90000},
		{.wild = true, .edits = true, .client_isn = CLIENT_ISN},
		{.wild = true, .shortage = true, .client_isn = UINT32_MAX - 3000},
	};

	(void)state;
	for (uint32_t n = 1; n <= RUNS; n++) {
		for (size_t i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++)
			run(n, &worlds[i]);
	}
	assert_true(straight_left > 100000); // it was tried
	assert_true(straight_taken > straight_left + 1000);
	assert_true(straight_refused > 20000);
}

// The short way must be taken where it is meant, or the test above says nothing.
static void a_segment_in_order_goes_straight(void **state)
{
	struct fixture *f = *state;
	struct stream_seg seg = seg_of(f, STREAM_CLIENT, 0, "MAIL FROM:<a@example.org>\r\n");

	seg.flags = F_ACK | F_PSH;
	assert_true(stream_straight(&f->st, &f->pool, &seg));
	assert_int_equal(seg.kept.n, seg.payload.n);
	stream_consume(&f->st, STREAM_CLIENT, (uint32_t)seg.payload.n);
	assert_true(stream_straight_on(&f->st, &seg));
	seg = seg_of(f, STREAM_SERVER, 0, "");
	assert_true(stream_straight(&f->st, &f->pool, &seg)); // its acknowledgement
	assert_true(stream_straight_on(&f->st, &seg));
	assert_int_equal(f->pool.nfree, POOL);
	seg = seg_of(f, STREAM_SERVER, 0, "");
	assert_false(stream_straight(&f->st, &f->pool, &seg)); // once more says nothing new
}

static void a_segment_that_is_not_read_whole_does_not_go_straight_on(void **state)
{
	struct fixture *f = *state;
	struct stream_seg seg = seg_of(f, STREAM_CLIENT, 0, "MAIL FROM:");

	assert_true(stream_straight(&f->st, &f->pool, &seg));
	assert_false(stream_straight_on(&f->st, &seg));
	assert_int_equal(f->st.half[STREAM_CLIENT].sent, CLIENT_ISN + 1);
	seg = seg_of(f, STREAM_CLIENT, 10, "<a@example.org>\r\n");
	assert_false(stream_straight(&f->st, &f->pool, &seg)); // bytes before it have not left
	assert_int_equal(f->st.half[STREAM_CLIENT].nxt, CLIENT_ISN + 11);
}

static void a_segment_that_was_changed_does_not_go_straight_on(void **state)
{
	struct fixture *f = *state;
	struct stream_seg seg = seg_of(f, STREAM_SERVER, 0, "250-STARTTLS\r\n");

	assert_true(stream_straight(&f->st, &f->pool, &seg));
	stream_consume(&f->st, STREAM_SERVER, (uint32_t)seg.payload.n);
	stream_edit(&f->st, &f->pool, STREAM_SERVER, SERVER_ISN + 12, (const uint8_t *)"X", 1);
	assert_false(stream_straight_on(&f->st, &seg));
}

static void without_a_free_slab_nothing_goes_straight(void **state)
{
	struct fixture *f = *state;
	struct stream_seg seg = seg_of(f, STREAM_CLIENT, 0, "MAIL FROM:<a@example.org>\r\n");
	const uint32_t nfree = f->pool.nfree;

	f->pool.nfree = 0; // others have them all
	assert_false(stream_straight(&f->st, &f->pool, &seg));
	assert_int_equal(stream_input(&f->st, &f->pool, &seg), STREAM_IN_DROP_SLABS);
	f->pool.nfree = nfree;
	assert_true(stream_straight(&f->st, &f->pool, &seg));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_segment_in_order_goes_straight, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_segment_that_is_not_read_whole_does_not_go_straight_on, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_segment_that_was_changed_does_not_go_straight_on, setup, teardown),
		cmocka_unit_test_setup_teardown(
			without_a_free_slab_nothing_goes_straight, setup, teardown),
		cmocka_unit_test(the_short_way_comes_to_what_the_long_one_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
