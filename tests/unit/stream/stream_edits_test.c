// SPDX-License-Identifier: BSD-3-Clause
// Edits that change a length: numbers, acknowledgements, SACK edges and windows of both ends.
#define POOL_SLABS 512
#include "stream_fixture.h"
#include <errno.h>

#include "seq.h"

static uint32_t c_at(uint32_t off)
{
	return CLIENT_ISN + 1 + off;
}

// Retains and consumes a segment, not yet released.
static void read_in(struct fixture *f, struct stream_seg *seg)
{
	struct stream_half *h = &f->st.half[seg->side];

	assert_int_equal(stream_input(&f->st, &f->pool, seg), STREAM_IN_OK);
	stream_consume(&f->st, seg->side, h->nxt - h->read);
}

static bool replace(
	struct fixture *f, enum stream_side side, uint32_t seq, uint32_t n, const char *text)
{
	bool ack;

	assert_int_equal(stream_replace(&f->st, &f->pool, side, seq, n, span_str(text), &ack), 0);
	return ack;
}

static struct stream_act leave(struct fixture *f, struct stream_seg *seg)
{
	struct stream_act act;

	stream_release(&f->st, seg->side);
	stream_dispose(&f->st, &f->pool, seg, STREAM_IN_OK, &act);
	return act;
}

static void next_is(struct fixture *f, enum stream_side side, uint32_t seq, const char *text)
{
	struct stream_act act;

	assert_true(stream_next(&f->st, &f->pool, side, false, 0, 1460, f->now_ms, &act));
	assert_int_equal(act.seq, seq);
	assert_bytes(f, &act, text);
}

static void a_shorter_text_takes_the_place_and_what_follows_moves_left(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcdefgh");
	read_in(f, &a);
	(void)replace(f, STREAM_CLIENT, c_at(2), 4, "X");
	struct stream_act act = leave(f, &a);
	assert_int_equal(act.kind, STREAM_REWRITE);
	assert_int_equal(act.seq, c_at(0));
	assert_bytes(f, &act, "abXgh");
	struct stream_seg b = seg_of(f, STREAM_CLIENT, 8, "ij");
	act = pass(f, &b);
	assert_int_equal(act.kind, STREAM_REWRITE);
	assert_int_equal(act.seq, c_at(5));
	assert_bytes(f, &act, "ij");
}

static void a_longer_text_leaves_in_the_frames_room_and_the_rest_behind_it(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd");
	read_in(f, &a);
	(void)replace(f, STREAM_CLIENT, c_at(1), 2, "123456");
	struct stream_act act = leave(f, &a);
	assert_bytes(f, &act, "a123");
	next_is(f, STREAM_CLIENT, c_at(4), "456d");
	struct stream_seg again = seg_of(f, STREAM_CLIENT, 0, "abcd"); // stands for all eight now
	act = pass(f, &again);
	assert_int_equal(act.kind, STREAM_REWRITE);
	assert_bytes(f, &act, "a123");
}

static void acknowledgements_and_sack_edges_come_back_in_the_senders_numbers(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcdefgh");
	read_in(f, &a);
	(void)replace(f, STREAM_CLIENT, c_at(2), 2, "123456"); // ab123456efgh
	(void)leave(f, &a);
	while (stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1460, f->now_ms,
		&(struct stream_act){0})) {}
	static const struct {
		uint32_t out, in;
	} rows[] = {{0, 0}, {1, 1}, {2, 2}, {3, 2}, {7, 2}, {8, 4}, {9, 5}, {12, 8}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(stream_in_seq(&f->st, &f->pool, STREAM_CLIENT, c_at(rows[i].out)),
			c_at(rows[i].in));
	uint32_t left = c_at(8), right = c_at(10);
	assert_true(stream_in_block(&f->st, &f->pool, STREAM_CLIENT, &left, &right));
	assert_int_equal(left, c_at(4));
	assert_int_equal(right, c_at(6));
	left = c_at(4), right = c_at(10); // begins inside the edit
	assert_false(stream_in_block(&f->st, &f->pool, STREAM_CLIENT, &left, &right));
}

static void a_repeat_from_before_an_edit_keeps_its_old_numbers(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcdefgh");
	read_in(f, &a);
	(void)replace(f, STREAM_CLIENT, c_at(4), 2, "");
	(void)leave(f, &a);
	struct stream_seg again = seg_of(f, STREAM_CLIENT, 1, "bcd");
	struct stream_act act = pass(f, &again);
	assert_int_equal(act.seq, c_at(1));
	assert_bytes(f, &act, "bcd");
	struct stream_seg tail = seg_of(f, STREAM_CLIENT, 6, "gh");
	act = pass(f, &tail);
	assert_int_equal(act.seq, c_at(4));
	assert_bytes(f, &act, "gh");
}

static void what_was_taken_out_is_acknowledged_by_us_where_all_before_it_is(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "gone\r\n");
	struct stream_act act;
	read_in(f, &a);
	assert_true(replace(f, STREAM_CLIENT, c_at(0), 6, ""));
	stream_ack(&f->st, &f->pool, STREAM_CLIENT, &act);
	assert_int_equal(act.side, STREAM_SERVER);
	assert_int_equal(act.ack, c_at(6));
	struct stream_seg b = seg_of(f, STREAM_CLIENT, 6, "stays, "),
			  c = seg_of(f, STREAM_CLIENT, 13, "not");
	(void)pass(f, &b);
	read_in(f, &c);
	assert_false(replace(f, STREAM_CLIENT, c_at(7), 3, "")); // the server's own will do
}

static void bytes_taken_out_in_pieces_are_one_edit(void **state)
{
	struct fixture *f = *state;
	for (uint32_t i = 0; i < 1000; i++) {
		struct stream_seg a = seg_of(f, STREAM_CLIENT, 7 * i, "octets ");
		a.window = 500;
		read_in(f, &a);
		assert_true(replace(f, STREAM_CLIENT, c_at(0), 7, ""));
		stream_release(&f->st, STREAM_CLIENT);
	}
	assert_int_equal(stream_in_seq(&f->st, &f->pool, STREAM_CLIENT, c_at(0)), c_at(7000));
	assert_int_equal(f->pool.nfree, POOL - 1); // the list
}

static void lines_taken_out_of_a_group_from_its_end_are_one_edit(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(
				  f, STREAM_CLIENT, 0, "kept\r\none\r\ntwo2\r\nthree\r\nfour\r\n"),
			  b;
	struct stream_act act;

	read_in(f, &a);
	(void)replace(f, STREAM_CLIENT, c_at(17), 7, "");
	(void)replace(f, STREAM_CLIENT, c_at(11), 6, "");
	(void)replace(f, STREAM_CLIENT, c_at(6), 5, "");
	act = leave(f, &a);
	assert_int_equal(act.seq, c_at(0));
	assert_bytes(f, &act, "kept\r\nfour\r\n");
	assert_int_equal(stream_in_seq(&f->st, &f->pool, STREAM_CLIENT, c_at(5)), c_at(5));
	assert_int_equal(stream_in_seq(&f->st, &f->pool, STREAM_CLIENT, c_at(6)), c_at(24));
	assert_int_equal(stream_in_seq(&f->st, &f->pool, STREAM_CLIENT, c_at(12)), c_at(30));
	for (uint32_t off = 6; off <= 24; off++) { // repeated from amid of them
		b = seg_of(f, STREAM_CLIENT, off, (const char *)a.payload.p + off);
		act = pass(f, &b);
		assert_int_equal(act.seq, c_at(6));
		assert_bytes(f, &act, "four\r\n");
	}
	b = seg_of(f, STREAM_CLIENT, 30, "five");
	act = pass(f, &b);
	assert_int_equal(act.seq, c_at(12));
}

static void a_text_right_behind_bytes_taken_out_is_an_edit_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "aaaabbbbcccc");
	read_in(f, &a);
	(void)replace(f, STREAM_CLIENT, c_at(0), 4, "");
	(void)replace(f, STREAM_CLIENT, c_at(0), 4, "xy");
	(void)leave(f, &a);
	uint32_t left = c_at(1), right = c_at(6);
	assert_false(
		stream_in_block(&f->st, &f->pool, STREAM_CLIENT, &left, &right)); // in the text
	left = c_at(2);
	right = c_at(6);
	assert_true(stream_in_block(&f->st, &f->pool, STREAM_CLIENT, &left, &right));
	assert_int_equal(left, c_at(8));
	assert_int_equal(right, c_at(12));
	assert_int_equal(stream_out_seq(&f->st, &f->pool, STREAM_CLIENT, c_at(9)), c_at(3));
}

static void a_grown_reply_waits_for_the_window_and_the_right_edge_stays(void **state)
{
	struct fixture *f = *state;
	struct stream_half *server = &f->st.half[STREAM_SERVER];
	server->edge = server->allow = server->una + 20; // the client takes 20 bytes
	struct stream_seg a = seg_of(f, STREAM_SERVER, 0, "250 ok\r\n");
	struct stream_act act;
	read_in(f, &a);
	(void)replace(f, STREAM_SERVER, SERVER_ISN + 1, 8, "550 0123456789012345678\r\n"); // 25
	(void)leave(f, &a);
	next_is(f, STREAM_SERVER, SERVER_ISN + 9, "456789012345"); // up to the edge
	assert_false(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 1460, f->now_ms, &act));
	// The server was told that it may send up to 20: that stands, in its own numbers.
	struct stream_seg b = seg_of(f, STREAM_SERVER, 8, "250 2222222\n");
	assert_int_equal(stream_input(&f->st, &f->pool, &b), STREAM_IN_OK);
	assert_int_equal(server->nxt, SERVER_ISN + 1 + 25 + 12);
	struct stream_seg ack = seg_of(f, STREAM_CLIENT, 0, "");
	ack.ack = SERVER_ISN + 1 + 20;
	(void)pass(f, &ack);
	next_is(f, STREAM_SERVER, SERVER_ISN + 1 + 20, "678\r\n");
}

static void what_grew_and_does_not_fit_the_window_has_a_bound(void **state)
{
	struct fixture *f = *state;
	struct stream_half *server = &f->st.half[STREAM_SERVER];
	static char big[4000];
	bool ack;
	memset(big, 'x', sizeof(big) - 1);
	server->edge = server->allow = server->una + 20;
	struct stream_seg a = seg_of(f, STREAM_SERVER, 0, "250 ok\r\n");
	read_in(f, &a);
	(void)replace(f, STREAM_SERVER, SERVER_ISN + 1, 8, big);
	(void)replace(f, STREAM_SERVER, SERVER_ISN + 1, 0, big);
	assert_int_equal(stream_replace(&f->st, &f->pool, STREAM_SERVER, SERVER_ISN + 1, 0,
				 span_str(big), &ack),
		-ENOBUFS);
}

// 4 kB of ours, and as much as may be lent.
static void a_reply_may_grow_to_the_bound_and_not_a_byte_further(void **state)
{
	enum { WAITS = 2 * 4096 };
	static char big[8 + WAITS + 2];
	struct fixture *f = *state;
	struct stream_half *server = &f->st.half[STREAM_SERVER];
	struct stream_seg a = seg_of(f, STREAM_SERVER, 0, "250 ok\r\n");
	bool ack;
	memset(big, 'x', sizeof(big) - 1);
	server->edge = server->allow = server->una + 20;
	read_in(f, &a);
	assert_int_equal(stream_replace(&f->st, &f->pool, STREAM_SERVER, SERVER_ISN + 1, 8,
				 span_str(big), &ack),
		-ENOBUFS);
	big[8 + WAITS] = 0;
	assert_int_equal(stream_replace(&f->st, &f->pool, STREAM_SERVER, SERVER_ISN + 1, 8,
				 span_str(big), &ack),
		0);
}

static void a_reply_grows_though_a_window_of_ours_was_lent(void **state)
{
	struct fixture *f = *state;
	struct stream_half *server = &f->st.half[STREAM_SERVER];
	struct stream_act act;
	server->edge = server->allow = server->una + 4; // the client takes four bytes
	struct stream_seg a = seg_of(f, STREAM_SERVER, 0, "250 "),
			  b = seg_of(f, STREAM_SERVER, 4, "ok\r\n");
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
	assert_true(stream_take(&f->st, &f->pool, STREAM_SERVER, &act));
	assert_int_equal(stream_input(&f->st, &f->pool, &b), STREAM_IN_OK);
	stream_consume(&f->st, STREAM_SERVER, 8);
	(void)replace(f, STREAM_SERVER, SERVER_ISN + 1, 8, "502 5.5.1 Command not available\r\n");
	stream_release(&f->st, STREAM_SERVER);
	next_is(f, STREAM_SERVER, SERVER_ISN + 1, "502 ");
}

static void a_text_of_ours_is_repeated_by_our_timer(void **state)
{
	struct fixture *f = *state;
	struct stream_act act;
	uint32_t at_ms;
	bool dead;
	assert_false(replace(f, STREAM_SERVER, SERVER_ISN + 1, 0, "452 no\r\n"));
	stream_release(&f->st, STREAM_SERVER);
	next_is(f, STREAM_SERVER, SERVER_ISN + 1, "452 no\r\n");
	assert_true(stream_deadline(&f->st, STREAM_SERVER, &at_ms));
	assert_true(stream_timer(&f->st, STREAM_SERVER, at_ms, &dead));
	assert_true(stream_next(&f->st, &f->pool, STREAM_SERVER, false, 0, 1460, at_ms, &act));
	assert_true(act.repeat);
	assert_bytes(f, &act, "452 no\r\n");
	struct stream_seg ack = seg_of(f, STREAM_CLIENT, 0, "");
	act = pass(f, &ack);
	assert_int_equal(act.ack, SERVER_ISN + 1); // the server never sent it
	assert_false(stream_deadline(&f->st, STREAM_SERVER, &at_ms));
}

static void nothing_moves_under_bytes_that_left_ahead(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "line\r\n"),
			  b = seg_of(f, STREAM_CLIENT, 8, "ahead");
	struct stream_act act;
	bool ack;
	read_in(f, &a);
	assert_int_equal(stream_input(&f->st, &f->pool, &b), STREAM_IN_ORDER_WAIT);
	assert_true(stream_ahead(&f->st, &f->pool, &b, &act));
	const uint32_t nfree = f->pool.nfree;
	assert_int_equal(
		stream_replace(&f->st, &f->pool, STREAM_CLIENT, c_at(0), 6, span_str(""), &ack),
		-EBUSY);
	assert_int_equal(f->pool.nfree, nfree); // no list is kept for an edit that was not made
}

static void a_fin_keeps_its_place_behind_the_text(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "QUIT now\r\n");
	a.flags |= F_FIN;
	read_in(f, &a);
	(void)replace(f, STREAM_CLIENT, c_at(4), 4, "");
	struct stream_act act = leave(f, &a);
	assert_bytes(f, &act, "QUIT\r\n");
	assert_true(act.flags & F_FIN);
	assert_int_equal(f->st.half[STREAM_CLIENT].fin, c_at(6));
	struct stream_seg ack = seg_of(f, STREAM_SERVER, 0, "");
	ack.ack = c_at(7);
	act = pass(f, &ack);
	assert_int_equal(act.ack, c_at(11));
}

// ---- a random sender, editor and receiver, and what the text must become

enum { RUNS = 400, LINES = 60, TEXT_MAX = 16384 };

static uint32_t seed;
static uint32_t rnd(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)seed * below >> 32);
}

struct model {
	uint32_t isn;
	char in[TEXT_MAX], out[TEXT_MAX]; // what is sent; what must arrive
	uint32_t in_n, out_n;
	uint32_t line[LINES + 1]; // where each line begins
	uint8_t what[LINES];      // its edit
	uint32_t edited;          // lines that were read
	uint32_t sent, acked;     // the sender's view
	char got[TEXT_MAX];
	bool have[TEXT_MAX];
	uint32_t whole; // the receiver's: bytes without a hole
	uint32_t window;
};

enum { KEEP, DELETE, SHRINK, GROW, INSERT, EDIT_KINDS };

static const char *text_of(uint8_t what)
{
	static const char *const texts[] = {[DELETE] = "",
		[SHRINK] = "no\n",
		[GROW] = "this line is longer than any that was sent\n"};
	return texts[what];
}

static void model_make(struct model *m, uint32_t isn)
{
	*m = (struct model){.isn = isn, .window = 4000};
	for (uint32_t i = 0; i < LINES; i++) {
		uint32_t n = 4 + rnd(30);
		m->line[i] = m->in_n;
		for (uint32_t k = 0; k + 1 < n; k++)
			m->in[m->in_n++] = (char)('a' + rnd(26));
		m->in[m->in_n++] = '\n';
		m->what[i] = rnd(3) == 0 ? KEEP : (uint8_t)rnd(EDIT_KINDS);
		const char *inserted = m->what[i] == INSERT ? text_of(GROW) : "";
		const char *line =
			m->what[i] == KEEP || m->what[i] == INSERT ? NULL : text_of(m->what[i]);
		for (; *inserted != 0; inserted++)
			m->out[m->out_n++] = *inserted;
		for (uint32_t k = 0; line == NULL && k < n; k++)
			m->out[m->out_n++] = m->in[m->line[i] + k];
		for (; line != NULL && *line != 0; line++)
			m->out[m->out_n++] = *line;
	}
	m->line[LINES] = m->in_n;
}

static void model_receives(struct fixture *f, struct model *m, const struct stream_act *act)
{
	uint8_t buf[4096];
	if (act->kind == STREAM_SWALLOW || act->len == 0 || act->side != STREAM_CLIENT)
		return;
	if (rnd(4) == 0) // lost behind us
		return;
	stream_copy(&f->st, &f->pool, STREAM_CLIENT, act->seq, act->len, buf);
	uint32_t off = act->seq - m->isn - 1;
	for (uint32_t i = 0; i < act->len; i++) {
		assert_true(off + i < m->out_n);
		assert_int_equal(buf[i], m->out[off + i]);
		m->have[off + i] = true;
	}
	while (m->whole < m->out_n && m->have[m->whole])
		m->whole++;
}

// The sender hears an acknowledgement: never of what it did not send, never behind an earlier one
// that it believed.
static void model_acked(struct model *m, uint32_t ack)
{
	uint32_t off = ack - m->isn - 1;
	assert_true((int32_t)(off - m->sent) <= 0);
	if ((int32_t)(off - m->acked) > 0)
		m->acked = off;
}

static void model_reads(struct fixture *f, struct model *m)
{
	struct stream_half *h = &f->st.half[STREAM_CLIENT];
	uint32_t first = m->edited, base = h->read;
	struct {
		uint32_t seq, n;
		const char *text;
	} changes[LINES];
	unsigned n = 0;
	while (m->edited < LINES) {
		uint32_t len = m->line[m->edited + 1] - m->line[m->edited];
		uint32_t at = base + (m->line[m->edited] - m->line[first]);
		if (seq_lt(h->nxt, at + len))
			break;
		stream_consume(&f->st, STREAM_CLIENT, len);
		uint8_t what = m->what[m->edited++];
		if (what == INSERT)
			changes[n].seq = at, changes[n].n = 0, changes[n++].text = text_of(GROW);
		else if (what != KEEP)
			changes[n].seq = at, changes[n].n = len, changes[n++].text = text_of(what);
		if (rnd(5) == 0)
			break;
	}
	while (n-- > 0) {
		struct stream_act act;
		if (replace(f, STREAM_CLIENT, changes[n].seq, changes[n].n, changes[n].text)) {
			stream_ack(&f->st, &f->pool, STREAM_CLIENT, &act);
			model_acked(m, act.ack);
		}
	}
	stream_release(&f->st, STREAM_CLIENT);
}

static void model_sends(struct fixture *f, struct model *m)
{
	uint32_t from = m->acked + rnd(m->sent - m->acked + 1), n = 1 + rnd(90);
	struct stream_act act;
	if (rnd(3) == 0)
		from = m->acked;
	if (from + n > m->in_n)
		n = m->in_n - from;
	if (n == 0)
		return;
	if (m->sent < from + n)
		m->sent = from + n;
	if (rnd(5) == 0) // lost before us
		return;
	struct stream_seg seg = {.side = STREAM_CLIENT,
		.flags = F_ACK,
		.window = 500,
		.seq = m->isn + 1 + from,
		.ack = f->st.half[STREAM_SERVER].sent,
		.now_ms = f->now_ms,
		.payload = {.p = (const uint8_t *)m->in + from, .n = n}};
	enum stream_in in = stream_input(&f->st, &f->pool, &seg);
	assert_true(in == STREAM_IN_OK || in == STREAM_IN_ORDER_WAIT || in == STREAM_IN_OLD ||
		in == STREAM_IN_DROP_SLABS);
	model_reads(f, m);
	while (stream_next(&f->st, &f->pool, STREAM_CLIENT, true, seg.at, 60, f->now_ms, &act))
		model_receives(f, m, &act);
	stream_dispose(&f->st, &f->pool, &seg, in, &act);
	model_receives(f, m, &act);
	while (stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 60, f->now_ms, &act))
		model_receives(f, m, &act);
}

static void model_acknowledges(struct fixture *f, struct model *m)
{
	struct stream_act act;
	uint32_t ack = rnd(6) == 0 ? rnd(m->whole + 1) : m->whole; // an old one now and then
	struct stream_seg seg = {.side = STREAM_SERVER,
		.flags = F_ACK,
		.window = (uint16_t)(4000 >> 7),
		.seq = f->st.half[STREAM_SERVER].una,
		.ack = m->isn + 1 + ack,
		.now_ms = f->now_ms};
	enum stream_in in = stream_input(&f->st, &f->pool, &seg);
	assert_true(in == STREAM_IN_OK || in == STREAM_IN_DROP_ACK);
	if (in != STREAM_IN_OK)
		return;
	stream_dispose(&f->st, &f->pool, &seg, in, &act);
	if (act.kind != STREAM_SWALLOW && rnd(4) != 0)
		model_acked(m, act.ack);
	while (stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 60, f->now_ms, &act))
		model_receives(f, m, &act);
}

static void model_waits(struct fixture *f, struct model *m)
{
	struct stream_act act;
	bool dead;
	f->now_ms += 200;
	if (stream_timer(&f->st, STREAM_CLIENT, f->now_ms, &dead))
		while (stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 60, f->now_ms, &act))
			model_receives(f, m, &act);
	assert_false(dead);
}

static void run(uint32_t n, uint32_t isn)
{
	struct fixture f = {0};
	struct model *m = malloc(sizeof(*m));
	seed = n;
	model_make(m, isn);
	fixture_open_at(&f, isn, SERVER_ISN);
	for (uint32_t step = 0; step < 40000 && (m->whole < m->out_n || m->acked < m->in_n);
		step++) {
		switch (rnd(4)) {
		case 0:
			model_acknowledges(&f, m);
			break;
		case 1:
			model_waits(&f, m);
			break;
		default:
			model_sends(&f, m);
		}
	}
	assert_int_equal(m->whole, m->out_n);
	assert_int_equal(m->acked, m->in_n);
	stream_close(&f.st, &f.pool);
	assert_int_equal(f.pool.nfree, POOL);
	free(f.slabs);
	free(m);
}

static void twenty_edits_and_more_in_one_window_arrive_right_under_loss(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= RUNS; n++)
		run(n, n % 2 == 0 ? CLIENT_ISN : UINT32_MAX - n);
}

// A sender repeats its first segment, and that alone, until something of it is acknowledged.
static void a_shorter_text_gets_through_though_its_original_came_in_two_segments(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcdefgh"),
			  b = seg_of(f, STREAM_CLIENT, 8, "ijkl\r\n");
	struct stream_act act;
	uint32_t at_ms;
	bool dead, came = false;

	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
	stream_dispose(&f->st, &f->pool, &a, STREAM_IN_OK, &act);
	read_in(f, &b);
	(void)replace(f, STREAM_CLIENT, c_at(0), 14, "no\r\n");
	act = leave(f, &b);
	(void)stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1460, f->now_ms, &act);
	assert_int_equal(f->st.half[STREAM_CLIENT].sent, c_at(4)); // and is lost
	act = pass(f, &a);
	came = act.kind == STREAM_REWRITE && act.len == 4;
	if (stream_deadline(&f->st, STREAM_CLIENT, &at_ms)) {
		(void)stream_timer(&f->st, STREAM_CLIENT, at_ms, &dead);
		came |= stream_next(&f->st, &f->pool, STREAM_CLIENT, false, 0, 1460, at_ms, &act) &&
			act.seq == c_at(0) && act.len == 4;
	}
	assert_true(came);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(a_shorter_text_takes_the_place_and_what_follows_moves_left),
		T(a_longer_text_leaves_in_the_frames_room_and_the_rest_behind_it),
		T(acknowledgements_and_sack_edges_come_back_in_the_senders_numbers),
		T(a_repeat_from_before_an_edit_keeps_its_old_numbers),
		T(what_was_taken_out_is_acknowledged_by_us_where_all_before_it_is),
		T(bytes_taken_out_in_pieces_are_one_edit),
		T(lines_taken_out_of_a_group_from_its_end_are_one_edit),
		T(a_text_right_behind_bytes_taken_out_is_an_edit_of_its_own),
		T(a_grown_reply_waits_for_the_window_and_the_right_edge_stays),
		T(what_grew_and_does_not_fit_the_window_has_a_bound),
		T(a_reply_may_grow_to_the_bound_and_not_a_byte_further),
		T(a_reply_grows_though_a_window_of_ours_was_lent),
		T(a_text_of_ours_is_repeated_by_our_timer),
		T(nothing_moves_under_bytes_that_left_ahead),
		T(a_fin_keeps_its_place_behind_the_text),
		cmocka_unit_test(twenty_edits_and_more_in_one_window_arrive_right_under_loss),
		T(a_shorter_text_gets_through_though_its_original_came_in_two_segments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
