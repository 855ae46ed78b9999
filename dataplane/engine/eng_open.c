// SPDX-License-Identifier: BSD-3-Clause
// What belongs to the begin of a connection beside its half-open record: options that would let the ends
// talk past us, repeats of the handshake. And connections that pass: unread for good, or until the other
// half of a one-way connection turns up.
// Thread: the worker.
#include "eng_half.h"

bool eng_syn_read(struct rte_mbuf *m, const struct wire_view *v, struct eng_syn *syn)
{
	struct span frame = eng_frame_of(m);
	struct wire_tcp_opts o;

	wire_tcp_options(frame, v, &o);
	*syn = (struct eng_syn){
		.isn = v->seq,
		.ts_val = o.has_ts ? o.ts_val : 0,
		.options = {.mss = o.has_mss ? o.mss : 0,
			.has_wscale = o.has_wscale,
			.has_ts = o.has_ts,
			.sack_ok = o.sack_ok,
			.wscale = o.wscale},
		.window = v->window,
	};
	return o.has_md5;
}

void eng_syn_clean(struct eng_worker *w, struct rte_mbuf *m, struct wire_view *v)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

	if (wire_tcp_options_strip(frame, v) > 0)
		eng_count(w, ACT_OPTIONS);
	if (v->payload_len == 0)
		return;
	eng_count(w, ACT_SYN_PAYLOAD);
	eng_trim_payload(m, v, 0);
}

// A SYN that we know already. Consumes `m`.
void eng_open_repeat_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m)
{
	struct eng_meta *meta = eng_meta_of(m);

	// A one-way connection may still be read, once its server is heard.
	if (s->flow.lane == ENG_LANE_INSPECT || s->reason == PASS_ONE_WAY)
		eng_syn_clean(w, m, &meta->view);
	eng_forward_tx(w, meta->in_port, m);
}

// The server's SYN-ACK once more: the client's acknowledgement was lost behind us. Consumes `m`.
void eng_open_syn_ack_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m)
{
	struct eng_meta *meta = eng_meta_of(m);
	struct wire_view *v = &meta->view;
	struct eng_syn syn;

	(void)eng_syn_read(m, v, &syn); // unsigned: it is being read
	if (!stream_accept(&s->flow.stream, v->seq, v->ack, v->window, &syn.options)) {
		eng_drop(w, m, DROP_HANDSHAKE);
		return;
	}
	eng_syn_clean(w, m, v);
	eng_forward_tx(w, meta->in_port, m);
}

// The server's half of a one-way connection turned up behind bytes that nobody read. Consumes `m`.
void eng_open_one_way_end_consume(
	struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m)
{
	s->reason = ACT_ONE_WAY_RESET;
	eng_reset_stray_consume(w, m, ACT_ONE_WAY_RESET);
	eng_session_remnant(w, s);
}

void eng_open_pass_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	const struct stream_seg *seg)
{
	struct flow *f = &s->flow;

	flow_bytes_add(f, seg->side, (uint32_t)seg->payload.n);
	if (seg->side == STREAM_CLIENT && seg->payload.n > 0)
		s->client_sent = true;
	if (seg->flags & TCP_FIN)
		f->stream.half[seg->side].has_fin = true;
	bool over = (seg->flags & TCP_RST) != 0 ||
		(f->stream.half[STREAM_CLIENT].has_fin && f->stream.half[STREAM_SERVER].has_fin);
	if (over)
		f->state = FLOW_CLOSING;
	// Of what is not read the server's word counts: it does not believe each reset of its client's, who
	// would get a ticket back for a connection that goes on.
	if (seg->side == STREAM_SERVER && (seg->flags & (TCP_FIN | TCP_RST)) != 0)
		eng_tickets_give(w, s);
	eng_forward_tx(w, eng_meta_of(m)->in_port, m);
	if (over)
		eng_timer_update(w, s);
}
