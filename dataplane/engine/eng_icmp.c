// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors that quote a segment of a picked-up port. Of a connection that is read they are believed
// only where the quoted number is under way (RFC 5927 4), and they reach its sender with the numbers
// that the sender knows. Where the segment is ours to repeat (custody, the answer lane) its sender
// has been told that it arrived, or never sent it: such an error is ours alone.
//
// A packet that was too big makes our own segments smaller for the rest of the connection, but never
// smaller than every path takes (RFC 5927 7.2); what it was about is repeated at once, and only where
// that made a difference, so that an error is answered by one segment at most.
// Thread: the worker.
#include "eng_half.h"
#include "seq.h"
#include "wire_field.h"
#include "wire_icmp.h"

enum {
	LEAST_V4_BYTES = 512, // of payload
	LEAST_V6_BYTES = 1220,
};

struct quoted { // an error under way through this file
	struct wire_quote q;
	enum stream_side side; // that sent the quoted segment, or in whose name we did
	const struct eng_half *half; // what it is about, where that is no session
};

static struct eng_session *quoted_session(
	struct eng_worker *w, const struct eng_meta *meta, struct quoted *e)
{
	const struct wire_quote *q = &e->q;
	const struct flow_key forth = {.client = q->src,
		.server = q->dst,
		.client_port = q->sport,
		.server_port = q->dport,
		.context = meta->context};
	const struct flow_key back = {.client = q->dst,
		.server = q->src,
		.client_port = q->dport,
		.server_port = q->sport,
		.context = meta->context};
	struct flow *f = flow_lookup(w->smtp->flows, meta->to_client ? &back : &forth);

	e->side = meta->to_client ? STREAM_SERVER : STREAM_CLIENT;
	if (f == NULL && eng_picks_up(w, q->sport)) { // both ports are picked up
		f = flow_lookup(w->smtp->flows, &back);
		e->side = STREAM_SERVER;
	}
	if (f != NULL)
		return eng_session_of(f);
	e->half = eng_half_find(w, &back);
	e->side = STREAM_SERVER;
	if (e->half == NULL && !meta->to_client) {
		e->half = eng_half_find(w, &forth);
		e->side = STREAM_CLIENT;
	}
	return NULL;
}

// What left ahead of its turn counts, too.
static bool is_under_way(struct eng_worker *w, const struct eng_session *s, const struct quoted *e)
{
	const struct stream *st = &s->flow.stream;
	const struct stream_half *h = &st->half[e->side];
	uint32_t seq = e->q.seq;

	if (!h->syn || seq_lt(seq, h->una))
		return false;
	return seq_le(seq, h->sent + (h->fin_sent ? 1 : 0)) ||
		stream_is_ahead(st, &w->smtp->pool, e->side, seq);
}

static bool is_ours(const struct eng_session *s, const struct quoted *e)
{
	const struct stream_half *h = &s->flow.stream.half[e->side];

	return s->flow.lane == ENG_LANE_ANSWER ||
		(seq_le(h->una, e->q.seq) && seq_lt(e->q.seq, h->owned));
}

// true: our segments in the name of that side have become smaller.
static bool lower(struct eng_worker *w, struct eng_session *s, const struct quoted *e)
{
	bool v4 = addr_is_v4(&s->flow.key.client);
	uint32_t head = (v4 ? WIRE_IP4_LEN : WIRE_IP6_LEN) + WIRE_TCP_LEN;
	uint32_t least = v4 ? LEAST_V4_BYTES : LEAST_V6_BYTES;
	uint32_t max = e->q.mtu > head + least ? e->q.mtu - head : least;
	uint16_t before = eng_segment_max(s, !e->side);

	// What fitted was not too big, whatever the error says.
	if (!e->q.too_big || e->q.mtu >= e->q.packet_len)
		return false;
	if (eng_seg_max(s, e->side) > max)
		eng_seg_max_set(s, e->side, max);
	if (s->flow.stream.half[!e->side].mss > max)
		s->flow.stream.half[!e->side].mss = max & STREAM_MSS_MAX;
	if (eng_segment_max(s, !e->side) >= before)
		return false;
	eng_count(w, ACT_PATH_MTU);
	return true;
}

static void map_numbers(struct eng_worker *w, const struct eng_session *s, const struct quoted *e,
	struct rte_mbuf *m)
{
	const struct stream *st = &s->flow.stream;
	const struct stream_pool *p = &w->smtp->pool;

	wire_icmp_quote_set(rte_pktmbuf_mtod(m, uint8_t *), &eng_meta_of(m)->view, &e->q,
		stream_in_seq(st, p, e->side, e->q.seq), stream_out_seq(st, p, !e->side, e->q.ack));
	eng_count(w, ACT_ICMP_MAPPED);
}

static void forward_consume(struct eng_worker *w, struct rte_mbuf *m)
{
	eng_count(w, FWD_PACKETS);
	eng_forward_tx(w, eng_meta_of(m)->in_port, m);
}

// Of a connection that is read or answered.
static void read_consume(
	struct eng_worker *w, struct eng_session *s, const struct quoted *e, struct rte_mbuf *m)
{
	struct span frame = eng_frame_of(m);
	const struct eng_meta *meta = eng_meta_of(m);
	bool smaller;

	uint16_t client_port = s->flow.face[STREAM_CLIENT].in_port;
	if (!wire_icmp_csum_ok(frame, &meta->view) ||
		!eng_port_fits(w, client_port, !e->side, meta->in_port) ||
		!is_under_way(w, s, e)) {
		eng_drop(w, m, DROP_ICMP);
		return;
	}
	smaller = lower(w, s, e);
	if (is_ours(s, e)) {
		eng_drop(w, m, ACT_ICMP_OURS);
		if (smaller && stream_again(&s->flow.stream, e->side)) {
			eng_pump(w, s);
			eng_timer_update(w, s);
		}
		return;
	}
	if (s->flow.stream.shifted)
		map_numbers(w, s, e, m);
	forward_consume(w, m);
}

// Of a half-open connection: the SYN counts, the SYN-ACK, and the client's first numbers.
static void half_consume(struct eng_worker *w, const struct quoted *e, struct rte_mbuf *m)
{
	struct span frame = eng_frame_of(m);
	const struct eng_meta *meta = eng_meta_of(m);
	const struct eng_half *h = e->half;
	bool ours = h->lane == ENG_LANE_ANSWER && e->side == STREAM_SERVER;
	bool known = e->side == STREAM_CLIENT
		? e->q.seq == h->client.isn || e->q.seq == h->client.isn + 1
		: (ours || h->syn_acked) && e->q.seq == h->server.isn;

	if (!wire_icmp_csum_ok(frame, &meta->view) ||
		!eng_port_fits(w, h->in_port, !e->side, meta->in_port) || !known)
		eng_drop(w, m, DROP_ICMP);
	else if (ours)
		eng_drop(w, m, ACT_ICMP_OURS);
	else
		forward_consume(w, m);
}

void eng_icmp_consume(struct eng_worker *w, struct rte_mbuf *m)
{
	struct span frame = eng_frame_of(m);
	const struct eng_meta *meta = eng_meta_of(m);
	struct eng_session *s = NULL;
	struct quoted e = {.half = NULL};

	if (wire_icmp_quote(frame, &meta->view, &e.q))
		s = quoted_session(w, meta, &e);
	if (s != NULL && (s->flow.lane == ENG_LANE_INSPECT || s->flow.lane == ENG_LANE_ANSWER)) {
		read_consume(w, s, &e, m);
		return;
	}
	if (s == NULL && e.half != NULL && e.half->lane != ENG_LANE_PASS) {
		half_consume(w, &e, m);
		return;
	}
	if (s != NULL && s->flow.lane == ENG_LANE_TRANSLATE)
		map_numbers(w, s, &e, m);
	forward_consume(w, m);
}
