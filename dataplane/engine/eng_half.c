// SPDX-License-Identifier: BSD-3-Clause
// How a connection begins: a SYN takes the first matching policy and with it the lane, once, and makes
// a half-open record; the client's acknowledgement of the server's number makes it a flow. So a flood
// of SYNs takes no flow. A connection of which only the client's half comes by becomes one that passes.
// RFC 9293 3.5, 3.10.7.3, 3.10.7.4.
// Thread: the worker.
#include "eng_half.h"
#include "eng_reputation.h"
#include "eng_shadow.h"

enum { LOOP_MS = 200 };

static void half_end(struct eng_worker *w, struct eng_half *h)
{
	// Without the SYN-ACK, which needs this record, no client goes on.
	if (h->lane == ENG_LANE_INSPECT && h->syn_acked)
		eng_bury_in_grace(w, &h->half.key);
	flow_half_remove(w->smtp->half, &h->half);
}

struct eng_half *eng_half_find(struct eng_worker *w, const struct flow_key *key)
{
	struct eng_smtp *p = w->smtp;
	struct flow_half *h = flow_half_lookup(p->half, key, eng_mark(w, key));

	if (h == NULL)
		return NULL;
	if (flow_half_idle_ms(p->half, h, p->now_ms) < ENG_HALF_OPEN_MS)
		return eng_half_of(h);
	half_end(w, eng_half_of(h));
	return NULL;
}

void eng_half_tick(struct eng_worker *w)
{
	enum { A_TURN = 16 }; // each behind 64 buckets at most
	struct eng_smtp *p = w->smtp;

	p->half_old = true;
	for (unsigned i = 0; i < A_TURN; i++) {
		struct flow_half *h = flow_half_old(p->half, p->now_ms, ENG_HALF_OPEN_MS);
		if (h == NULL) {
			p->half_old = false;
			return;
		}
		half_end(w, eng_half_of(h));
	}
}

// A record for a key that has none; the oldest of its bucket makes room.
static struct eng_half *half_new(struct eng_worker *w, const struct flow_key *key)
{
	struct eng_smtp *p = w->smtp;
	struct flow_half *victim = flow_half_victim(p->half, eng_mark(w, key));

	if (victim != NULL) {
		eng_count(w, ACT_HALF_OPEN_OUT);
		half_end(w, eng_half_of(victim));
	}
	return eng_half_of(flow_half_add(p->half, key, eng_mark(w, key), p->now_ms));
}

static uint8_t ttl_of(struct rte_mbuf *m)
{
	struct wire_look look;

	wire_look_take(&look, eng_frame_of(m), &eng_meta_of(m)->view);
	return look.ttl;
}

static void half_pass(struct eng_worker *w, struct eng_half *h, enum eng_reason r)
{
	h->lane = ENG_LANE_PASS;
	h->reason = (uint16_t)r;
	eng_count(w, r);
}

// The server takes the connection: what was before it on this key is over.
static void half_accepted(struct eng_worker *w, struct eng_half *h)
{
	flow_half_touch(w->smtp->half, &h->half, w->smtp->now_ms);
	flow_grave_forget(w->smtp->graves, eng_mark(w, &h->half.key));
}

static bool drains(const struct eng_worker *w)
{
	return atomic_load_explicit(&w->eng->drain.phase, memory_order_relaxed) != ENG_DRAIN_OFF;
}

// ---- the client's SYN

// What would have been read, while we drain.
static enum pol_action drained_connect(const struct eng_worker *w, struct eng_refused *out)
{
	const bool refuse = atomic_load_explicit(&w->eng->drain.refuse, memory_order_relaxed);
	const enum pol_action action = refuse ? POL_TEMPFAIL : POL_PASS;

	*out = (struct eng_refused){.code = refuse ? eng_refuse_code(action) : 0,
		.reason = refuse ? ACT_REFUSED_DRAINING : PASS_DRAINING};
	return action;
}

enum pol_action eng_connect(struct eng_worker *w, const struct flow_key *k, uint16_t ingress,
	uint16_t vlan, uint32_t *index, struct eng_refused *out)
{
	const enum pol_action action = eng_policy_match(w, k, ingress, vlan, index);

	*out = (struct eng_refused){.reason = *index == POL_NONE ? PASS_NO_POLICY : PASS_POLICY};
	if (action == POL_REJECT || action == POL_TEMPFAIL)
		*out = (struct eng_refused){.code = eng_refuse_code(action),
			.reason = (uint16_t)eng_image_refused_why(w->image, *index)};
	if (action != POL_INSPECT)
		return action;
	if (drains(w))
		return drained_connect(w, out);
	if (!eng_reputation_connect(w, w->image, k, *index, out))
		return action;
	return out->code == eng_refuse_code(POL_REJECT) ? POL_REJECT : POL_TEMPFAIL;
}

void eng_half_syn_consume(
	struct eng_worker *w, const struct flow_key *key, struct eng_half *old, struct rte_mbuf *m)
{
	struct eng_meta *meta = eng_meta_of(m);
	struct wire_view *v = &meta->view;
	bool was_heard = old != NULL && (old->syn_acked || old->was_heard);
	struct eng_refused why;
	struct eng_syn syn;
	uint32_t index;
	const bool md5 = eng_syn_read(m, v, &syn);
	const uint8_t ttl = ttl_of(m);
	enum pol_action action = eng_connect(w, key, meta->in_port, eng_vlan_of(v), &index, &why);

	eng_sight_syn(w, key, meta, &syn, ttl);
	if (index != POL_NONE && index < w->policies_max)
		w->policy_hits[index]++;
	if (old != NULL)
		half_end(w, old);
	if (action == POL_DROP) {
		if (w->shadow != NULL)
			eng_shadow_dropped(w, key, m, index);
		eng_drop(w, m, DROP_POLICY);
		return;
	}
	bool refuse = action == POL_REJECT || action == POL_TEMPFAIL;
	eng_count(w, FLOWS_OPENED);
	if (refuse && eng_cookies_on(w)) {
		eng_count(w, ACT_COOKIE);
		eng_cookie_syn_ack_consume(w, m, eng_cookie(w, key, v->seq));
		return;
	}
	struct eng_half *h = half_new(w, key);
	h->policy = index;
	h->image_version = w->smtp->image_version;
	h->in_port = meta->in_port;
	h->vlan = eng_vlan_of(v);
	h->client_ttl = ttl;
	h->was_heard = was_heard;
	h->reason = ENG_REASON_NONE;
	h->client = syn;
	h->md5 = md5;
	if (refuse) {
		h->lane = ENG_LANE_ANSWER;
		h->code = why.code;
		h->reason = why.reason;
		h->limit = (uint8_t)why.limit;
		h->value = (uint8_t)why.value;
		h->server.isn = eng_cookie(w, key, v->seq);
		flow_side_note(&h->side, eng_frame_of(m), v, meta->in_port);
		eng_cookie_syn_ack_consume(w, m, h->server.isn);
		eng_unheard_add(w, h);
		return;
	}
	h->lane = ENG_LANE_INSPECT;
	if (action == POL_PASS)
		half_pass(w, h, (enum eng_reason)why.reason);
	else if (!h->md5) // a signed SYN can't be changed: the SYN-ACK decides
		eng_syn_clean(w, m, v);
	w->sight->port[meta->in_port].opened++;
	eng_forward_tx(w, meta->in_port, m);
}

void eng_half_repeat_consume(struct eng_worker *w, struct eng_half *h, struct rte_mbuf *m)
{
	struct eng_meta *meta = eng_meta_of(m);

	// Nobody repeats a SYN so soon (RFC 6298 2.1: a second): a router sent ours back to us.
	if (w->eng->net != NULL &&
		flow_half_idle_ms(w->smtp->half, &h->half, w->smtp->now_ms) < LOOP_MS) {
		eng_drop(w, m, DROP_NET_LOOP);
		return;
	}
	flow_half_touch(w->smtp->half, &h->half, w->smtp->now_ms);
	if (h->lane == ENG_LANE_ANSWER) {
		eng_cookie_syn_ack_consume(w, m, h->server.isn);
		return;
	}
	if (h->lane == ENG_LANE_INSPECT && !h->md5)
		eng_syn_clean(w, m, &meta->view);
	eng_forward_tx(w, meta->in_port, m);
}

// A SYN on a live connection, which the old one survives unless the server accepts it (RFC 9293
// 3.10.7.4: a server that still has the old one answers with an ACK instead). Consumes `m`.
void eng_half_again_consume(struct eng_worker *w, const struct flow_key *key, struct rte_mbuf *m)
{
	struct eng_meta *meta = eng_meta_of(m);
	struct wire_view *v = &meta->view;
	struct eng_half *h = eng_half_find(w, key);
	struct eng_syn syn;

	if (eng_syn_read(m, v, &syn)) { // signed: never ours to follow
		if (h != NULL)
			half_end(w, h);
		eng_forward_tx(w, meta->in_port, m);
		return;
	}
	if (h == NULL)
		h = half_new(w, key);
	flow_half_touch(w->smtp->half, &h->half, w->smtp->now_ms);
	h->client = syn;
	h->in_port = meta->in_port;
	h->vlan = eng_vlan_of(v);
	h->client_ttl = ttl_of(m);
	h->reason = ENG_REASON_NONE;
	h->lane = ENG_LANE_INSPECT;
	h->again = h->was_heard = true;
	eng_syn_clean(w, m, v);
	eng_forward_tx(w, meta->in_port, m);
}

struct eng_half *eng_half_accepted(
	struct eng_worker *w, const struct flow_key *key, const struct wire_view *v)
{
	struct eng_half *h = eng_half_find(w, key);

	return h != NULL && h->again && v->ack == h->client.isn + 1 ? h : NULL;
}

// ---- the handshake is over: a flow

// Under another image than the SYN's what is to be read is matched anew.
static bool policy_holds(struct eng_worker *w, struct eng_half *h)
{
	if (h->lane != ENG_LANE_INSPECT || h->image_version == w->smtp->image_version)
		return true;
	struct eng_refused why;
	enum pol_action action =
		eng_connect(w, &h->half.key, h->in_port, h->vlan, &h->policy, &why);
	h->image_version = w->smtp->image_version;
	if (action == POL_PASS)
		half_pass(w, h, (enum eng_reason)why.reason);
	return action == POL_PASS || action == POL_INSPECT;
}

// Where the sides' frames come by and what they look like, as far as it is known and will be used
// before more is. `m` is the client's segment. Where it is read, a header that no place is left for is
// no reason to let it pass: frames of ours look like the other side's, turned round.
static bool sides_set(
	struct eng_worker *w, struct flow *f, const struct eng_half *h, struct rte_mbuf *m)
{
	const struct eng_meta *meta = eng_meta_of(m);
	struct span frame = eng_frame_of(m);

	f->face[STREAM_CLIENT].in_port = (uint8_t)h->in_port;
	f->face[STREAM_CLIENT].ttl_max = h->client_ttl;
	if (h->lane == ENG_LANE_ANSWER) // ours go to the client, in the name of one never heard
		return flow_note(
			w->smtp->flows, f, STREAM_CLIENT, frame, &meta->view, meta->in_port);
	if (h->side.l2_len > 0)
		(void)flow_face_set(w->smtp->flows, f, STREAM_SERVER, &h->side);
	return true;
}

// How its client is told that it is refused, where it is.
static struct eng_refused half_refused(const struct eng_half *h)
{
	return (struct eng_refused){
		.code = h->code, .reason = h->reason, .limit = h->limit, .value = h->value};
}

// The session of a half-open connection, whose record goes. NULL where no flow is left.
static struct eng_session *session_new(
	struct eng_worker *w, struct eng_half *half, struct rte_mbuf *m)
{
	const struct eng_half h = *half;
	const struct eng_refused refused = half_refused(half);
	struct eng_smtp *p = w->smtp;
	struct flow *f = flow_add(p->flows, &h.half.key);

	flow_half_remove(p->half, &half->half);
	if (f == NULL)
		return NULL;
	if (!sides_set(w, f, &h, m)) {
		flow_remove(p->flows, f); // its frames are such that no more of their kind fit
		return NULL;
	}
	struct eng_session *s = eng_session_of(f);
	s->id = eng_id_next(w);
	s->reason = h.reason == ENG_REASON_NONE ? ENG_WHY_NONE : (uint8_t)h.reason;
	s->vlan = h.vlan;
	s->client_isn = h.client.isn;
	s->policy = (uint16_t)h.policy; // POL_NONE becomes ENG_INDEX_NONE
	s->image = (uint32_t)h.image_version;
	s->endpoint = TBL_ENDPOINT_NONE;
	s->ticket = TBL_CELL_NONE;
	eng_idle_set(s, h.lane == ENG_LANE_PASS ? ENG_PASS_IDLE_MS : ENG_IDLE_MS);
	smtp_init(&s->smtp, NULL);
	f->lane = h.lane;
	f->born_ms = h.half.born_ms;
	f->seen_ms = p->now_ms;
	stream_open(&f->stream, h.client.isn, h.client.window, &h.client.options);
	if (h.client.options.has_ts)
		stream_stamp(&f->stream, STREAM_CLIENT, h.client.ts_val);
	if (h.lane == ENG_LANE_INSPECT) {
		eng_count(w, FLOWS_INSPECTED);
		eng_policy_bind(w, s, h.policy);
		eng_grouping(w, s);
		(void)stream_accept(&f->stream, h.server.isn, h.client.isn + 1, h.server.window,
			&h.server.options); // its numbers were looked at
		if (h.server.options.has_ts)
			stream_stamp(&f->stream, STREAM_SERVER, h.server.ts_val);
	}
	eng_reputation_begin(w, s, h.lane == ENG_LANE_INSPECT);
	if (w->shadow != NULL)
		eng_shadow_opened(w, s, &refused);
	return s;
}

// No flow is left: what is new passes, what is there keeps its lane.
static void pass_full_consume(struct eng_worker *w, struct rte_mbuf *m)
{
	struct eng_smtp *p = w->smtp;

	p->full_until_us = p->now_us + ENG_GRACE_MS * UINT64_C(1000);
	eng_count(w, PASS_TABLE_FULL);
	if (w->shadow != NULL)
		eng_count(w, SHADOW_BLIND);
	eng_forward_tx(w, eng_meta_of(m)->in_port, m);
}

static void open_pass_consume(
	struct eng_worker *w, struct eng_half *h, struct rte_mbuf *m, struct stream_seg *seg)
{
	struct eng_session *s = session_new(w, h, m);

	if (s == NULL) {
		pass_full_consume(w, m);
		return;
	}
	eng_open_pass_consume(w, s, m, seg);
	eng_timer_update(w, s);
}

static void open_inspect_consume(
	struct eng_worker *w, struct eng_half *h, struct rte_mbuf *m, struct stream_seg *seg)
{
	if (!policy_holds(w, h)) { // its next SYN is decided afresh
		half_end(w, h);
		eng_drop(w, m, DROP_HANDSHAKE);
		return;
	}
	if (h->lane == ENG_LANE_INSPECT && stream_pool_is_short(&w->smtp->pool))
		half_pass(w, h, PASS_SLABS_SHORT); // those that are read need what is left
	if (h->lane == ENG_LANE_INSPECT && drains(w)) // none becomes one that a drain waits for
		half_pass(w, h, PASS_DRAINING);
	if (h->lane == ENG_LANE_PASS) {
		open_pass_consume(w, h, m, seg);
		return;
	}
	struct eng_session *s = session_new(w, h, m);
	if (s == NULL) {
		pass_full_consume(w, m);
		return;
	}
	if (!eng_tickets_take(w, s)) {
		eng_answer_consume(w, s, m, seg);
		return;
	}
	eng_timer_update(w, s);
	eng_inspect_consume(w, s, m, seg);
}

// ---- segments between the SYN and that

static void server_heard(struct eng_worker *w, struct eng_half *h)
{
	if (!h->server_seen)
		w->sight->port[h->in_port].answered++;
	h->server_seen = true;
}

static void on_pass_consume(
	struct eng_worker *w, struct eng_half *h, struct rte_mbuf *m, struct stream_seg *seg)
{
	if (seg->side == STREAM_SERVER) {
		server_heard(w, h);
		if ((seg->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
			half_accepted(w, h);
	} else if (h->server_seen && (seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_ACK) {
		open_pass_consume(w, h, m, seg);
		return;
	} else if ((seg->flags & (TCP_SYN | TCP_RST)) == 0 && h->one_way < 3 && ++h->one_way == 3) {
		eng_sight_one_way(w, &h->half.key, h->in_port, h->vlan);
	}
	eng_forward_tx(w, eng_meta_of(m)->in_port, m);
}

static void on_answer_consume(
	struct eng_worker *w, struct eng_half *h, struct rte_mbuf *m, struct stream_seg *seg)
{
	const struct flow_key key = h->half.key;
	const struct eng_refused why = half_refused(h);
	uint32_t ours = h->server.isn;

	if (seg->side == STREAM_SERVER) {
		eng_reset_again_consume(w, m);
		return;
	}
	if (seg->seq != h->client.isn + 1) {
		eng_drop(w, m, DROP_WINDOW);
		return;
	}
	if (seg->flags & TCP_RST) {
		half_end(w, h);
		eng_count(w, ACT_ANSWERED);
		rte_pktmbuf_free(m);
		return;
	}
	if ((seg->flags & (TCP_SYN | TCP_ACK)) != TCP_ACK) {
		eng_drop(w, m, DROP_TCP_FLAGS);
		return;
	}
	if (seg->ack != ours + 1) { // RFC 9293 3.10.7.4: only our own number opens
		eng_drop(w, m, DROP_ACK);
		return;
	}
	struct eng_session *s = session_new(w, h, m);
	if (s == NULL)
		eng_cookie_refuse_consume(w, &key, m, &why);
	else
		eng_answer_refuse_consume(w, s, m, seg, ours, &why);
}

// The server's answer to a SYN under inspection.
static void on_syn_ack_consume(struct eng_worker *w, struct eng_half *h, struct rte_mbuf *m)
{
	struct eng_meta *meta = eng_meta_of(m);
	struct wire_view *v = &meta->view;
	struct eng_syn syn;

	if (v->ack != h->client.isn + 1) {
		eng_drop(w, m, DROP_HANDSHAKE);
		return;
	}
	if (h->again) { // it was nobody's until now
		h->again = false;
		h->image_version = 0;
		eng_count(w, FLOWS_OPENED);
	}
	if (!policy_holds(w, h)) {
		half_end(w, h);
		eng_drop(w, m, DROP_HANDSHAKE);
		return;
	}
	bool is_signed = eng_syn_read(m, v, &syn);
	if (h->md5 && is_signed)
		half_pass(w, h, PASS_TCP_MD5);
	h->md5 = false; // where the server does not sign, the client will refuse or go on bare
	server_heard(w, h);
	half_accepted(w, h);
	if (h->lane == ENG_LANE_INSPECT) {
		h->server = syn;
		h->syn_acked = true;
		flow_side_note(&h->side, eng_frame_of(m), v, meta->in_port);
		eng_syn_clean(w, m, v);
	}
	eng_forward_tx(w, meta->in_port, m);
}

static void on_server_consume(
	struct eng_worker *w, struct eng_half *h, struct rte_mbuf *m, struct stream_seg *seg)
{
	uint16_t in_port = eng_meta_of(m)->in_port;

	if ((seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK)) {
		on_syn_ack_consume(w, h, m);
		return;
	}
	if (seg->flags & TCP_RST) { // RFC 9293 3.10.7.3: it must answer the SYN
		bool valid = h->syn_acked ? seg->seq == h->server.isn + 1
					  : (seg->flags & TCP_ACK) && seg->ack == h->client.isn + 1;
		if (!valid) {
			eng_drop(w, m, DROP_HANDSHAKE);
			return;
		}
		half_end(w, h);
		eng_forward_tx(w, in_port, m);
		return;
	}
	// A server that still has the connection before this one says so; its client then resets that
	// one and asks again (RFC 9293 3.5.1, figure 9).
	if (!h->syn_acked && seg->flags == TCP_ACK && seg->payload.n == 0) {
		h->challenged = true;
		h->challenge = seg->ack;
		eng_forward_tx(w, in_port, m);
		return;
	}
	// A SYN, too: one who opens from his side gets the client's, and answers that.
	eng_drop(w, m, DROP_HANDSHAKE);
}

static void on_client_reset_consume(
	struct eng_worker *w, struct eng_half *h, struct rte_mbuf *m, struct stream_seg *seg)
{
	bool older = h->challenged && seg->seq == h->challenge;

	if (!older && seg->seq != h->client.isn + 1) {
		eng_drop(w, m, DROP_HANDSHAKE);
		return;
	}
	wire_ttl_raise(rte_pktmbuf_mtod(m, uint8_t *), &eng_meta_of(m)->view, h->client_ttl);
	if (!older)
		half_end(w, h);
	eng_forward_tx(w, eng_meta_of(m)->in_port, m);
}

static void on_client_consume(
	struct eng_worker *w, struct eng_half *h, struct rte_mbuf *m, struct stream_seg *seg)
{
	if (seg->flags & TCP_RST) {
		on_client_reset_consume(w, h, m, seg);
		return;
	}
	bool plain = (seg->flags & (TCP_SYN | TCP_ACK)) == TCP_ACK;
	if (plain && h->syn_acked) {
		if (seg->ack == h->server.isn + 1) // RFC 9293 3.10.7.4
			open_inspect_consume(w, h, m, seg);
		else
			eng_drop(w, m, DROP_ACK);
		return;
	}
	// The server answers by another way: that shows only after a while, by a client that goes
	// on. Where a server was heard it is no such connection.
	bool fits = plain && !h->again && !h->was_heard && seg->seq == h->client.isn + 1 &&
		w->smtp->now_ms - h->half.born_ms >= ENG_ONE_WAY_MS &&
		!eng_has_grave(w, &h->half.key);
	if (!fits || ++h->one_way < 3) {
		eng_drop(w, m, DROP_HANDSHAKE);
		return;
	}
	half_pass(w, h, PASS_ONE_WAY);
	eng_sight_one_way(w, &h->half.key, h->in_port, h->vlan);
	open_pass_consume(w, h, m, seg);
}

void eng_half_consume(
	struct eng_worker *w, struct eng_half *h, struct rte_mbuf *m, struct stream_seg *seg)
{
	if (h->lane == ENG_LANE_PASS)
		on_pass_consume(w, h, m, seg);
	else if (h->lane == ENG_LANE_ANSWER)
		on_answer_consume(w, h, m, seg);
	else if (seg->side == STREAM_SERVER)
		on_server_consume(w, h, m, seg);
	else
		on_client_consume(w, h, m, seg);
}

struct eng_half *eng_half_back(struct eng_worker *w, struct eng_session *s)
{
	const struct stream *st = &s->flow.stream;
	const struct stream_half *client = &st->half[STREAM_CLIENT];
	struct eng_half *h = eng_half_find(w, &s->flow.key);

	if (h != NULL)
		half_end(w, h);
	h = half_new(w, &s->flow.key);
	h->half.born_ms = s->flow.born_ms;
	h->client = (struct eng_syn){
		.isn = s->client_isn,
		.ts_val = client->ts_last,
		.options = {.mss = client->mss,
			.has_wscale = st->scale_on,
			.has_ts = st->ts_on,
			.sack_ok = st->sack_on,
			.wscale = client->wscale},
		.window = client->win_out,
	};
	h->policy = eng_index(s->policy);
	h->image_version = eng_image_of(w, s);
	h->in_port = s->flow.face[STREAM_CLIENT].in_port;
	h->client_ttl = s->flow.face[STREAM_CLIENT].ttl_max;
	h->vlan = s->vlan;
	h->reason = ENG_REASON_NONE;
	h->lane = ENG_LANE_INSPECT;
	s->recorded = true; // it goes on
	eng_session_end(w, s);
	return h;
}
