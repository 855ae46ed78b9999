// SPDX-License-Identifier: BSD-3-Clause
// Random segments against a slow model that shares no code: a sender that cuts, reorders, repeats
// and lies about repeated bytes; a reader that releases as much as it likes; a receiver that puts
// together what leaves. The receiver must get exactly the first bytes that were retained, and
// nothing that was not released.
#define POOL_SLABS 2048 // enough: what is dropped for want of a slab is another test's
#include "stream_fixture.h"

enum { BYTES = 6000, STEPS = 1500, RUNS = 300 };

static uint32_t seed;
static uint32_t rnd(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)seed * below >> 32);
}

struct model {
	int16_t first[BYTES]; // the first byte that came for each place, -1 = none
	int16_t got[BYTES];   // what the receiver was given
	uint32_t released;    // places before this may leave
	uint32_t acked;
};

static void receiver_takes(
	struct model *m, uint32_t off, const uint8_t *bytes, uint32_t n, bool ahead)
{
	for (uint32_t i = 0; i < n; i++) {
		assert_true(off + i < BYTES);
		assert_true(ahead || off + i < m->released);
		assert_int_equal(bytes[i], m->first[off + i]);
		m->got[off + i] = bytes[i];
	}
}

static void take_act(struct fixture *f, struct model *m, uint32_t isn, const struct stream_act *act,
	const struct stream_seg *seg)
{
	uint8_t buf[BYTES];
	if (act->kind == STREAM_REWRITE && act->own) {
		receiver_takes(m, act->seq - isn - 1, seg->payload.p + act->skip, act->len, false);
	} else if (act->kind == STREAM_FORWARD) {
		receiver_takes(
			m, seg->seq - isn - 1, seg->payload.p, (uint32_t)seg->payload.n, false);
	} else if (act->kind != STREAM_SWALLOW && act->len > 0) {
		stream_copy(&f->st, &f->pool, act->side, act->seq, act->len, buf);
		receiver_takes(m, act->seq - isn - 1, buf, act->len, false);
	}
}

static void pump(struct fixture *f, struct model *m, uint32_t isn, bool bounded, uint32_t upto)
{
	struct stream_act act;
	while (stream_next(&f->st, &f->pool, STREAM_CLIENT, bounded, upto, (uint16_t)(1 + rnd(700)),
		f->now_ms, &act))
		take_act(f, m, isn, &act, NULL);
}

static void send_some(struct fixture *f, struct model *m, uint32_t isn)
{
	uint8_t bytes[800];
	uint32_t nxt = f->st.half[STREAM_CLIENT].nxt - isn - 1;
	uint32_t from = nxt > 900 ? nxt - 900 : 0;
	uint32_t off = from + rnd(2200), n = 1 + rnd(sizeof(bytes));
	struct stream_act act;
	if (off >= BYTES)
		off = BYTES - 1;
	if (off + n > BYTES)
		n = BYTES - off;
	for (uint32_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)('a' + rnd(26)); // a repeat lies more often than not
	struct stream_seg seg = {
		.side = STREAM_CLIENT,
		.flags = F_ACK,
		.window = 500,
		.seq = isn + 1 + off,
		.ack = f->st.half[STREAM_SERVER].sent,
		.now_ms = f->now_ms,
		.payload = {.p = bytes, .n = n},
	};
	enum stream_in in = stream_input(&f->st, &f->pool, &seg);
	if (in == STREAM_IN_OK || in == STREAM_IN_ORDER_WAIT) {
		for (uint32_t i = 0; i < n; i++) {
			if (off + i >= m->acked && m->first[off + i] < 0)
				m->first[off + i] = bytes[i];
		}
	}
	if (in == STREAM_IN_ORDER_WAIT && rnd(2) == 0 &&
		stream_ahead(&f->st, &f->pool, &seg, &act)) {
		receiver_takes(m, off, bytes, n, true);
		return;
	}
	struct stream_half *h = &f->st.half[STREAM_CLIENT];
	uint32_t unread = h->nxt - h->read;
	stream_consume(&f->st, STREAM_CLIENT, rnd(3) == 0 ? rnd(unread + 1) : unread);
	stream_release(&f->st, STREAM_CLIENT);
	m->released = h->rel - isn - 1;
	pump(f, m, isn, true, seg.seq);
	stream_dispose(&f->st, &f->pool, &seg, in, &act);
	if (act.kind == STREAM_FORWARD)
		(void)stream_digest(&f->st, &f->pool, &seg);
	take_act(f, m, isn, &act, &seg);
	pump(f, m, isn, false, 0);
}

static void acknowledge_some(struct fixture *f, struct model *m, uint32_t isn)
{
	uint32_t whole = m->acked;
	while (whole < m->released && m->got[whole] >= 0)
		whole++;
	uint32_t ack = m->acked + rnd(whole - m->acked + 1);
	struct stream_seg seg = {.side = STREAM_SERVER,
		.flags = F_ACK,
		.window = 500,
		.seq = f->st.half[STREAM_SERVER].una,
		.ack = isn + 1 + ack,
		.now_ms = f->now_ms};
	assert_int_equal(stream_input(&f->st, &f->pool, &seg), STREAM_IN_OK);
	m->acked = ack;
}

static void run(uint32_t n, uint32_t isn, bool short_of_slabs)
{
	struct fixture f = {0};
	struct model *m = malloc(sizeof(*m));
	seed = n;
	fixture_open_at(&f, isn, SERVER_ISN);
	if (short_of_slabs)
		f.pool.count = POOL * 16;
	for (uint32_t i = 0; i < BYTES; i++)
		m->first[i] = m->got[i] = -1;
	m->released = m->acked = 0;
	for (uint32_t step = 0; step < STEPS; step++) {
		f.now_ms += rnd(20);
		if (rnd(4) == 0)
			acknowledge_some(&f, m, isn);
		else
			send_some(&f, m, isn);
	}
	// Everything that was released has left at least once.
	for (uint32_t i = 0; i < m->released; i++)
		assert_int_equal(m->got[i], m->first[i]);
	stream_close(&f.st, &f.pool);
	assert_int_equal(f.pool.nfree, POOL);
	free(f.slabs);
	free(m);
}

static void the_receiver_gets_the_first_bytes_and_nothing_unreleased(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= RUNS; n++)
		run(n, CLIENT_ISN, false);
}

static void the_same_holds_where_digests_take_the_place_of_bytes(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= RUNS; n++)
		run(n, CLIENT_ISN, true);
}

static void the_same_holds_where_sequence_numbers_wrap(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= RUNS; n++)
		run(n, UINT32_MAX - rnd(BYTES), n % 2 == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_receiver_gets_the_first_bytes_and_nothing_unreleased),
		cmocka_unit_test(the_same_holds_where_digests_take_the_place_of_bytes),
		cmocka_unit_test(the_same_holds_where_sequence_numbers_wrap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
