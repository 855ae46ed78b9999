// SPDX-License-Identifier: BSD-3-Clause
// How a picked-up connection begins: a SYN takes the first matching policy and with it the lane, once;
// options that would let the ends talk past us go; the handshake is followed until the client has
// acknowledged the server's number. Also the connections that pass: unread for good, or until the
// other half of a one-way connection turns up.
// Thread: the worker.
#include "eng_session.h"

// Takes what the session needs from its policy: it keeps it when the image goes.
static void bind_policy(struct eng_session *s, const struct pol_image *img, uint32_t index)
{
	s->policy = index;
	s->image_version = pol_head(img)->version;
	s->profile = 0;
	s->session_profile = s->content_profile = POL_NONE;
	s->idle_ms = ENG_IDLE_MS;
	if (index == POL_NONE)
		return;
	const struct pol_policy *policy = pol_policy_at(img, index);
	s->session_profile = policy->session;
	if (policy->session != POL_NONE) {
		const struct pol_session *profile = pol_session_at(img, policy->session);
		s->profile |= profile->prevent_encryption ? ENG_PROFILE_NO_TLS : 0;
		s->profile |= profile->mask_chunking ? ENG_PROFILE_NO_CHUNKING : 0;
		s->profile |= profile->mask_unknown ? ENG_PROFILE_MASK_UNKNOWN : 0;
		s->profile |= profile->strict_lines ? ENG_PROFILE_STRICT_LINES : 0;
		s->profile |= profile->refuse_possible_end ? ENG_PROFILE_STRICT_END : 0;
		if (profile->idle_ms != 0)
			s->idle_ms = profile->idle_ms;
	} else {
		// What is read must not be led past us by a keyword that we don't know.
		s->profile |= ENG_PROFILE_MASK_UNKNOWN;
	}
	if (policy->content != POL_NONE) {
		const struct pol_content *content = pol_content_at(img, policy->content);
		s->content_profile = policy->content;
		s->profile |= ENG_PROFILE_SCAN;
		s->threshold = content->threshold;
		s->content_action = content->action;
	}
}

static uint32_t match_policy(
	const struct eng_worker *w, const struct flow_key *k, uint16_t ingress, uint16_t vlan)
{
	struct pol_key key = {
		.source = k->client,
		.destination = k->server,
		.context = eng_context_index(k->context),
		.ingress = ingress,
		.vlan = vlan,
		.port = k->server_port,
	};

	return pol_match(eng_image_policy(w->image), &key);
}

void eng_rebind(struct eng_worker *w, struct eng_session *s)
{
	struct eng_smtp *p = w->smtp;

	if (w->image == NULL || s->image_version == p->image_version ||
		p->now_us < p->image_since_us + ENG_REBIND_MS * UINT64_C(1000))
		return;
	uint32_t index =
		match_policy(w, &s->flow.key, s->flow.side[STREAM_CLIENT].in_port, s->vlan);
	if (index != POL_NONE &&
		pol_policy_at(eng_image_policy(w->image), index)->action == POL_INSPECT)
		bind_policy(s, eng_image_policy(w->image), index);
}

static void pass_lane(struct eng_worker *w, struct eng_session *s, enum eng_reason r)
{
	s->flow.lane = ENG_LANE_PASS;
	s->reason = (uint16_t)r;
	s->idle_ms = ENG_PASS_IDLE_MS;
	eng_count(w, r);
}

static struct stream_syn syn_options(
	struct rte_mbuf *m, const struct wire_view *v, struct wire_tcp_opts *o)
{
	struct span frame = {.p = rte_pktmbuf_mtod(m, uint8_t *), .n = m->data_len};

	wire_tcp_options(frame, v, o);
	return (struct stream_syn){
		.mss = o->has_mss ? o->mss : 0,
		.has_wscale = o->has_wscale,
		.has_ts = o->has_ts,
		.sack_ok = o->sack_ok,
		.wscale = o->wscale,
	};
}

// Options that would let the two ends talk past us become NOP; a SYN's payload goes.
static void syn_clean(struct eng_worker *w, struct rte_mbuf *m, struct wire_view *v)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

	if (wire_tcp_options_strip(frame, v) > 0)
		eng_count(w, ACT_OPTIONS);
	if (v->payload_len == 0)
		return;
	eng_count(w, ACT_SYN_PAYLOAD);
	eng_trim_payload(m, v, 0);
}

static struct eng_session *session_new(
	struct eng_worker *w, const struct flow_key *key, const struct eng_meta *meta)
{
	struct eng_smtp *p = w->smtp;
	struct flow *victim;
	struct flow *f = flow_add(p->flows, key, &victim);

	if (victim != NULL) {
		eng_count(w, ACT_HALF_OPEN_OUT);
		eng_session_end(w, eng_session_of(victim));
	}
	if (f == NULL)
		return NULL;
	struct eng_session *s = eng_session_of(f);
	s->id = eng_id_next(w);
	s->born_us = p->now_us;
	s->reason = ENG_REASON_NONE;
	s->vlan = meta->view.ntags > 0 ? meta->view.tci[0] & 0xfff : 0;
	f->born_ms = f->seen_ms = p->now_ms;
	// Until something comes from a side its port is where the other's frames leave.
	f->side[STREAM_SERVER].in_port = ENG_NO_PORT;
	smtp_init(&s->smtp, NULL);
	eng_count(w, FLOWS_OPENED);
	return s;
}

// The first segment of a connection: decides its lane. Consumes `m`.
void eng_open_syn_consume(struct eng_worker *w, const struct flow_key *key, struct rte_mbuf *m)
{
	struct eng_smtp *p = w->smtp;
	struct eng_meta *meta = eng_meta_of(m);
	struct wire_view *v = &meta->view;
	const struct pol_image *img = eng_image_policy(w->image);
	uint32_t index = match_policy(w, key, meta->in_port, v->ntags > 0 ? v->tci[0] & 0xfff : 0);
	enum pol_action action = index == POL_NONE ? POL_PASS : pol_policy_at(img, index)->action;

	if (index != POL_NONE && index < w->policies_max)
		w->policy_hits[index]++;
	if (action == POL_DROP) {
		eng_drop(w, m, DROP_POLICY);
		return;
	}
	struct eng_session *s = session_new(w, key, meta);
	if (s == NULL && (action == POL_REJECT || action == POL_TEMPFAIL)) {
		eng_drop(w, m, DROP_NO_FLOW);
		return;
	}
	if (s == NULL) {
		p->full_until_us = p->now_us + ENG_GRACE_MS * UINT64_C(1000);
		eng_count(w, FLOWS_OPENED);
		eng_count(w, PASS_TABLE_FULL);
		eng_forward_tx(w, meta->in_port, m);
		return;
	}
	struct wire_tcp_opts opts;
	struct stream_syn syn = syn_options(m, v, &opts);
	struct span frame = {.p = rte_pktmbuf_mtod(m, uint8_t *), .n = m->data_len};
	bind_policy(s, img, index);
	s->client_isn = v->seq;
	flow_side_note(&s->flow.side[STREAM_CLIENT], frame, v, meta->in_port);
	stream_open(&s->flow.stream, v->seq, v->window, &syn);
	if (opts.has_ts)
		stream_stamp(&s->flow.stream, STREAM_CLIENT, opts.ts_val);
	if (action == POL_REJECT || action == POL_TEMPFAIL) {
		s->flow.lane = ENG_LANE_ANSWER;
		eng_answer_syn_consume(w, s, m, action);
		return;
	}
	if (action == POL_PASS) {
		pass_lane(w, s, index == POL_NONE ? PASS_NO_POLICY : PASS_POLICY);
	} else if (
		opts.has_md5) { // its options are signed: nothing may be changed; the SYN-ACK decides
		s->flow.lane = ENG_LANE_INSPECT;
		s->md5 = true;
	} else {
		s->flow.lane = ENG_LANE_INSPECT;
		eng_count(w, FLOWS_INSPECTED);
		syn_clean(w, m, v);
	}
	eng_timer_update(w, s);
	eng_forward_tx(w, meta->in_port, m);
}

void eng_open_repeat_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m)
{
	struct eng_meta *meta = eng_meta_of(m);

	if (s->flow.lane == ENG_LANE_INSPECT && !s->md5)
		syn_clean(w, m, &meta->view);
	eng_forward_tx(w, meta->in_port, m);
}

static void note_side(struct eng_session *s, enum stream_side side, struct rte_mbuf *m)
{
	const struct eng_meta *meta = eng_meta_of(m);
	struct span frame = {.p = rte_pktmbuf_mtod(m, uint8_t *), .n = m->data_len};

	flow_side_note(&s->flow.side[side], frame, &meta->view, meta->in_port);
}

// A SYN on a live connection, which the old one survives unless the server accepts it (RFC 9293
// 3.10.7.4: a server that still has the old one answers with an ACK instead). Consumes `m`.
void eng_open_again_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m)
{
	struct wire_view *v = &eng_meta_of(m)->view;
	struct wire_tcp_opts opts;

	s->again.syn = syn_options(m, v, &opts);
	s->again.isn = v->seq;
	s->again.window = v->window;
	s->again.ts_val = opts.ts_val;
	s->again.on = !opts.has_md5;
	if (s->again.on)
		syn_clean(w, m, v);
	eng_forward_tx(w, eng_meta_of(m)->in_port, m);
}

// The server accepted a SYN on what we held for a live connection: that one is over.
struct eng_session *eng_open_restart(struct eng_worker *w, struct eng_session *old)
{
	const struct eng_session was = *old;
	struct eng_meta meta = {.view.ntags = 0};

	eng_session_end(w, old);
	struct eng_session *s = session_new(w, &was.flow.key, &meta);
	if (s == NULL)
		return NULL;
	s->vlan = was.vlan;
	s->client_isn = was.again.isn;
	s->flow.side[STREAM_CLIENT] = was.flow.side[STREAM_CLIENT];
	s->flow.side[STREAM_SERVER] = was.flow.side[STREAM_SERVER];
	const struct pol_image *img = eng_image_policy(w->image);
	uint32_t index =
		match_policy(w, &was.flow.key, was.flow.side[STREAM_CLIENT].in_port, was.vlan);
	enum pol_action action = index == POL_NONE ? POL_PASS : pol_policy_at(img, index)->action;
	bind_policy(s, img, index);
	if (action != POL_PASS && action != POL_INSPECT) { // its next SYN is decided afresh
		eng_session_end(w, s);
		return NULL;
	}
	if (action == POL_PASS)
		pass_lane(w, s, index == POL_NONE ? PASS_NO_POLICY : PASS_POLICY);
	else
		s->flow.lane = ENG_LANE_INSPECT;
	stream_open(&s->flow.stream, was.again.isn, was.again.window, &was.again.syn);
	stream_stamp(&s->flow.stream, STREAM_CLIENT, was.again.ts_val);
	if (action == POL_INSPECT)
		eng_count(w, FLOWS_INSPECTED);
	eng_timer_update(w, s);
	return s;
}

// The server's answer to a SYN under inspection. Consumes `m`.
void eng_open_syn_ack_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m)
{
	struct wire_view *v = &eng_meta_of(m)->view;
	struct wire_tcp_opts opts;
	struct stream_syn syn = syn_options(m, v, &opts);

	if (s->md5) {
		if (opts.has_md5) {
			flow_set_open(w->smtp->flows, &s->flow);
			pass_lane(w, s, PASS_TCP_MD5);
			eng_forward_tx(w, eng_meta_of(m)->in_port, m);
			return;
		}
		s->md5 = false; // the server does not sign, so the client will refuse or go on bare
	}
	if (!stream_accept(&s->flow.stream, &w->smtp->pool, s->flow.state == FLOW_HALF_OPEN, v->seq,
		    v->ack, v->window, &syn)) {
		eng_drop(w, m, DROP_HANDSHAKE);
		return;
	}
	if (opts.has_ts)
		stream_stamp(&s->flow.stream, STREAM_SERVER, opts.ts_val);
	note_side(s, STREAM_SERVER, m);
	syn_clean(w, m, v);
	eng_timer_update(w, s);
	eng_forward_tx(w, eng_meta_of(m)->in_port, m);
}

// A segment of a half-open inspected flow that is not its SYN or SYN-ACK. false: go on as usual.
bool eng_open_half(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	const struct stream_seg *seg)
{
	struct eng_smtp *p = w->smtp;
	const struct stream *st = &s->flow.stream;
	uint16_t in_port = eng_meta_of(m)->in_port;
	bool of_client = seg->side == STREAM_CLIENT &&
		(seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_ACK;

	if (st->half[STREAM_SERVER].syn) {
		if (!of_client)
			return false;
		if (seg->ack != st->half[STREAM_SERVER].una) { // RFC 9293 3.10.7.4
			eng_drop(w, m, DROP_ACK);
			return true;
		}
		flow_set_open(p->flows, &s->flow);
		return false;
	}
	if (seg->flags & TCP_RST) { // refused by the server, or given up by the client
		eng_forward_tx(w, in_port, m);
		eng_session_end(w, s);
		return true;
	}
	// The server answers by another way: that shows only after a while, by a client that goes
	// on.
	bool fits = of_client && seg->seq == s->client_isn + 1 &&
		p->now_ms - s->flow.born_ms >= ENG_ONE_WAY_MS;
	if (!fits || ++s->one_way < 3) {
		eng_drop(w, m, DROP_HANDSHAKE);
		return true;
	}
	pass_lane(w, s, PASS_ONE_WAY);
	s->client_sent = seg->payload.n > 0;
	eng_forward_tx(w, in_port, m);
	return true;
}

// The server's half of a one-way connection turned up after all. true: `m` is consumed.
bool eng_open_one_way_ends(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m)
{
	const struct wire_view *v = &eng_meta_of(m)->view;

	if ((v->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) && !s->client_sent) {
		s->flow.lane = ENG_LANE_INSPECT;
		s->idle_ms = ENG_IDLE_MS;
		s->reason = ENG_REASON_NONE;
		return false;
	}
	s->reason = ACT_ONE_WAY_RESET;
	eng_reset_stray_consume(w, m, ACT_ONE_WAY_RESET);
	eng_session_remnant(w, s);
	return true;
}

void eng_open_pass_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	const struct stream_seg *seg)
{
	struct flow *f = &s->flow;

	f->bytes[seg->side] += seg->payload.n;
	if (seg->side == STREAM_SERVER)
		s->server_seen = true;
	else if (seg->payload.n > 0)
		s->client_sent = true;
	bool established = s->server_seen && seg->side == STREAM_CLIENT &&
		(seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_ACK;
	if (f->state == FLOW_HALF_OPEN && (established || s->reason == PASS_ONE_WAY))
		flow_set_open(w->smtp->flows, f);
	if (seg->flags & TCP_FIN)
		f->stream.half[seg->side].has_fin = true;
	bool over = (seg->flags & TCP_RST) != 0 ||
		(f->stream.half[STREAM_CLIENT].has_fin && f->stream.half[STREAM_SERVER].has_fin);
	if (over && f->state != FLOW_HALF_OPEN)
		f->state = FLOW_CLOSING;
	eng_forward_tx(w, eng_meta_of(m)->in_port, m);
	if (over)
		eng_timer_update(w, s);
}
