// SPDX-License-Identifier: BSD-3-Clause
// Actions of the stream become frames: the one that came, the one that came with retained bytes and
// other numbers, or one of ours, with the MACs, tags and TTL of its side's last packet.
// Thread: the worker.
#include <rte_byteorder.h>

#include "eng_session.h"
#include "wire_field.h"

enum {
	BACK_TTL = 64, // in the name of a side of which nothing is known
	SEGMENT_MAX = 9216, // bytes of payload
	SAFE_V4_BYTES =
		512, // payload of the small sender that nearly every path takes (RFC 791 3.1)
	SAFE_V6_BYTES = 1200, // ... of IPv6: below its least MTU (RFC 8200 5)
	TS_OPTION_BYTES = 12, // with its padding (RFC 7323 A)
	MSS_LEAST_BYTES = 64, // what an MSS must leave for payload beside that
};

void eng_trim_payload(struct rte_mbuf *m, struct wire_view *v, uint16_t len)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t *ip = frame + v->l3_off;
	uint16_t l3_len = (uint16_t)(v->payload_off - v->l3_off + len);

	if (v->family == 4)
		wire_put16(ip + 2, l3_len);
	else
		wire_put16(ip + 4, (unsigned)(l3_len - WIRE_IP6_LEN));
	if (v->flags & WIRE_F_PPPOE)
		wire_put16(ip - 4, (uint16_t)(l3_len + 2)); // RFC 2516 4: the PPP protocol counts
	v->payload_len = len;
	v->l3_len = l3_len;
	m->data_len = (uint16_t)(v->payload_off + len);
	m->pkt_len = m->data_len;
	wire_ip_csum_set(frame, m->data_len, v);
	wire_tcp_csum_set(frame, m->data_len, v);
}

// SACK blocks that speak of the other side's bytes, in that side's numbers.
static void sack_shift(struct eng_worker *w, struct eng_session *s, const struct stream_act *act,
	uint8_t *frame, size_t n, const struct wire_view *v)
{
	struct wire_tcp_opts opts;
	uint8_t kept = 0;

	wire_tcp_options((struct span){.p = frame, .n = n}, v, &opts);
	if (opts.nsack == 0)
		return;
	for (uint8_t i = 0; i < opts.nsack; i++) {
		uint32_t left = opts.sack[i].left, right = opts.sack[i].right;

		if (!stream_in_block(&s->flow.stream, &w->smtp->pool, !act->side, &left, &right))
			continue;
		opts.sack[kept].left = left;
		opts.sack[kept++].right = right;
	}
	opts.nsack = kept;
	wire_tcp_sack_set(frame, v, &opts);
}

void eng_ttl_raise(const struct eng_session *s, enum stream_side side, struct rte_mbuf *m)
{
	const struct wire_view *v = &eng_meta_of(m)->view;

	if (v->tcp_flags & (TCP_FIN | TCP_RST))
		wire_ttl_raise(rte_pktmbuf_mtod(m, uint8_t *), v, s->flow.face[side].ttl_max);
}

static void rewrite_consume(struct eng_worker *w, struct eng_session *s,
	const struct stream_act *act, struct rte_mbuf *m)
{
	struct wire_view *v = &eng_meta_of(m)->view;
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t *tcp = frame + v->l4_off;

	if (act->own)
		memmove(frame + v->payload_off, frame + v->payload_off + act->skip, act->len);
	else
		stream_copy(&s->flow.stream, &w->smtp->pool, act->side, act->seq, act->len,
			frame + v->payload_off);
	if (act->sack)
		sack_shift(w, s, act, frame, v->payload_off, v);
	wire_put32(tcp + 4, act->seq);
	wire_put32(tcp + 8, act->ack);
	tcp[13] = act->flags;
	wire_put16(tcp + 14, act->window);
	wire_put16(tcp + 18, 0); // urgent pointer
	v->seq = act->seq;
	v->ack = act->ack;
	v->tcp_flags = act->flags;
	v->window = act->window;
	eng_ttl_raise(s, act->side, m);
	eng_trim_payload(m, v, act->len);
	eng_count(w, ACT_REWRITTEN);
	flow_bytes_add(&s->flow, act->side, act->len);
	eng_forward_tx(w, eng_meta_of(m)->in_port, m);
}

// A frame of ours, or NULL, counted, where there is no buffer for it.
static struct rte_mbuf *frame_build(
	struct eng_worker *w, const struct wire_tmpl *t, const struct wire_tcp_out *o)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->smtp->mbufs);

	if (m == NULL) {
		eng_count(w, DROP_NO_MBUF);
		return NULL;
	}
	size_t n = wire_tcp_build(rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_tailroom(m), t, o);
	if (n == 0) {
		eng_drop(w, m, DROP_NO_MBUF);
		return NULL;
	}
	m->data_len = (uint16_t)n;
	m->pkt_len = (uint32_t)n;
	eng_count(w, SMTP_BUILT);
	return m;
}

void eng_send(struct eng_worker *w, struct eng_session *s, enum stream_side side,
	const struct wire_tcp_out *o, bool for_reset)
{
	// It leaves by the port behind which the other side is.
	const struct flow_face *other = &s->flow.face[!side], *own = &s->flow.face[side];
	struct wire_tmpl tmpl;

	flow_template(w->smtp->flows, &s->flow, side, for_reset, &tmpl);
	if (tmpl.l2_len == 0) {
		eng_count(w, DROP_NO_HEADER);
		return;
	}
	struct rte_mbuf *m = frame_build(w, &tmpl, o);
	if (m == NULL)
		return;
	if (other->l2_len != 0)
		eng_own_tx(w, other->in_port, m);
	else
		eng_forward_tx(w, own->in_port, m);
}

static void send_act(
	struct eng_worker *w, struct eng_session *s, const struct stream_act *act, bool for_reset)
{
	struct stream *st = &s->flow.stream;
	uint8_t payload[SEGMENT_MAX]; // eng_segment_max keeps below it

	stream_copy(st, &w->smtp->pool, act->side, act->seq, act->len, payload);
	struct wire_tcp_out o = {
		.seq = act->seq,
		.ack = act->ack,
		.window = act->window,
		.flags = act->flags,
		.has_ts = st->ts_on,
		.ts_val = st->half[act->side].ts_seen,
		.ts_ecr = st->half[!act->side].ts_last,
		.payload = {.p = payload, .n = act->len},
	};
	if (act->repeat)
		eng_count(w, ACT_REPEATED);
	else
		flow_bytes_add(&s->flow, act->side, act->len);
	eng_send(w, s, act->side, &o, for_reset);
}

void eng_emit_consume(struct eng_worker *w, struct eng_session *s, const struct stream_act *act,
	struct rte_mbuf *m)
{
	switch (act->kind) {
	case STREAM_FORWARD:
		eng_count(w, SMTP_FORWARDED);
		flow_bytes_add(&s->flow, act->side, eng_meta_of(m)->view.payload_len);
		eng_ttl_raise(s, act->side, m);
		eng_forward_tx(w, eng_meta_of(m)->in_port, m);
		return;
	case STREAM_REWRITE:
		rewrite_consume(w, s, act, m);
		return;
	case STREAM_SEND:
		send_act(w, s, act, (act->flags & TCP_RST) != 0);
		return;
	default:
		rte_pktmbuf_free(m);
		return;
	}
}

void eng_reset_side(struct eng_worker *w, struct eng_session *s, enum stream_side towards)
{
	struct stream_act act[2];

	if (!s->flow.stream.half[!towards].syn)
		return; // nobody there yet
	unsigned n = stream_reset(&s->flow.stream, &w->smtp->pool, !towards, act);
	for (unsigned i = 0; i < n; i++)
		send_act(w, s, &act[i], true);
}

void eng_reset_both(struct eng_worker *w, struct eng_session *s, enum eng_reason r)
{
	eng_count(w, r);
	s->reason = (uint8_t)r;
	eng_reset_side(w, s, STREAM_CLIENT);
	eng_reset_side(w, s, STREAM_SERVER);
}

uint16_t eng_segment_max(const struct eng_session *s, enum stream_side towards)
{
	uint32_t safe = addr_is_v4(&s->flow.key.client) ? SAFE_V4_BYTES : SAFE_V6_BYTES;
	uint32_t seen = eng_seg_max(s, !towards), max = seen > safe ? seen : safe;
	uint32_t mss = s->flow.stream.half[towards].mss;

	if (s->flow.stream.ts_on && mss > MSS_LEAST_BYTES + TS_OPTION_BYTES)
		mss -= TS_OPTION_BYTES;
	max = max < mss ? max : mss;
	return (uint16_t)(max < SEGMENT_MAX ? max : SEGMENT_MAX);
}

void eng_send_turned(struct eng_worker *w, uint16_t port, const struct wire_tmpl *forth,
	const struct wire_tcp_out *o)
{
	struct wire_tmpl back = *forth;

	memcpy(back.l2, forth->l2 + 6, 6);
	memcpy(back.l2 + 6, forth->l2, 6);
	back.src = forth->dst;
	back.dst = forth->src;
	back.sport = forth->dport;
	back.dport = forth->sport;
	back.ttl = BACK_TTL;
	back.tos = 0;
	struct rte_mbuf *own = frame_build(w, &back, o);
	if (own != NULL)
		eng_own_tx(w, port, own);
}

void eng_send_back(struct eng_worker *w, struct rte_mbuf *m, const struct wire_tcp_out *o)
{
	const struct eng_meta *meta = eng_meta_of(m);
	struct wire_tmpl forth;

	wire_tmpl_set(&forth, eng_frame_of(m), &meta->view);
	eng_send_turned(w, meta->in_port, &forth, o);
}

void eng_reset_stray_consume(struct eng_worker *w, struct rte_mbuf *m, enum eng_reason r)
{
	const struct eng_meta *meta = eng_meta_of(m);
	const struct wire_view *v = &meta->view;
	struct wire_tcp_out o = {.seq = v->seq, .ack = v->ack, .flags = TCP_RST | TCP_ACK};
	struct wire_tmpl tmpl;

	wire_tmpl_set(&tmpl, eng_frame_of(m), v);
	struct rte_mbuf *own = frame_build(w, &tmpl, &o);
	if (own != NULL)
		eng_forward_tx(w, meta->in_port, own);
	o.seq = v->ack;
	o.ack = v->seq + v->payload_len;
	eng_send_back(w, m, &o);
	eng_drop(w, m, r);
}
