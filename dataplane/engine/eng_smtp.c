// SPDX-License-Identifier: BSD-3-Clause
// Picked-up connections of a worker: a segment finds its flow, a SYN decides the lane by the first
// matching policy, once; segments of connections that began before us pass in grace and are reset
// later. What an inspected segment means is eng_inspect.c's, our own dialogue eng_answer.c's.
// Thread: the worker.
#include <errno.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "eng_session.h"

struct eng_smtp *eng_smtp_new(
	struct eng_worker *w, const struct eng_conf *conf, struct err_list *err)
{
	uint32_t flows = conf->flows / conf->workers + 1, slabs = conf->slabs / conf->workers + 1;
	uint32_t messages = conf->messages / conf->workers + 1;
	char name[32];
	struct eng_smtp *s = rte_zmalloc_socket("smtp", sizeof(*s), 64, conf->socket);

	if (s == NULL)
		goto no_memory;
	snprintf(name, sizeof(name), "flows%u", w->id);
	s->flows = flow_table_new(name, flows, sizeof(struct eng_session), conf->socket);
	if (s->flows == NULL)
		goto free_smtp;
	struct stream_slab *mem =
		rte_malloc_socket("slabs", (size_t)slabs * sizeof(*mem), 64, conf->socket);
	uint32_t *stack =
		rte_malloc_socket("slab stack", (size_t)slabs * sizeof(*stack), 64, conf->socket);
	if (mem == NULL || stack == NULL)
		goto free_slabs;
	stream_pool_init(&s->pool, mem, stack, slabs);
	s->messages = rte_zmalloc_socket(
		"messages", (size_t)messages * sizeof(*s->messages), 64, conf->socket);
	if (s->messages == NULL)
		goto free_slabs;
	for (uint32_t i = 0; i < messages; i++) {
		s->messages[i].next = s->free_message;
		s->free_message = &s->messages[i];
	}
	s->mbufs = conf->pool;
	s->id_epoch = (uint64_t)time(NULL);
	return s;
free_slabs:
	rte_free(stack);
	rte_free(mem);
	flow_table_free(s->flows);
free_smtp:
	rte_free(s);
no_memory:
	err_add(err, "worker %u: %u flows, %u slabs, %u messages; because out of memory", w->id,
		flows, slabs, messages);
	errno = ENOMEM;
	return NULL;
}

void eng_smtp_free(struct eng_smtp *s)
{
	if (s == NULL)
		return;
	rte_free(s->messages);
	rte_free(s->pool.free);
	rte_free(s->pool.slabs);
	flow_table_free(s->flows);
	rte_free(s);
}

static void clock_note(struct eng_worker *w, uint64_t now_us)
{
	struct eng_smtp *p = w->smtp;
	uint64_t version = w->image == NULL ? 0 : pol_head(eng_image_policy(w->image))->version;

	p->now_us = now_us;
	p->now_ms = (uint32_t)(now_us / 1000);
	if (version != p->image_version) {
		if (p->image_version ==
			0) // flows that began before us or the first image are not to blame
			p->grace_until_us = now_us + ENG_GRACE_MS * UINT64_C(1000);
		p->image_version = version;
		p->image_since_us = now_us;
	}
}

void eng_session_end(struct eng_worker *w, struct eng_session *s)
{
	struct eng_smtp *p = w->smtp;

	eng_message_abort(w, s);
	if (!s->recorded)
		eng_record_session(w, s);
	stream_close(&s->flow.stream, &p->pool);
	flow_remove(p->flows, &s->flow);
}

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
static void on_syn_consume(struct eng_worker *w, const struct flow_key *key, struct rte_mbuf *m)
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
		s->flow.stream.half[STREAM_CLIENT].ts_last = opts.ts_val;
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

static void note_side(struct eng_session *s, enum stream_side side, struct rte_mbuf *m)
{
	const struct eng_meta *meta = eng_meta_of(m);
	struct span frame = {.p = rte_pktmbuf_mtod(m, uint8_t *), .n = m->data_len};

	flow_side_note(&s->flow.side[side], frame, &meta->view, meta->in_port);
}

// A SYN on a live connection, which the old one survives unless the server accepts it (RFC 9293
// 3.10.7.4: a server that still has the old one answers with an ACK instead). Consumes `m`.
static void on_syn_again_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m)
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
static struct eng_session *session_restart(struct eng_worker *w, struct eng_session *old)
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
	s->flow.stream.half[STREAM_CLIENT].ts_last = was.again.ts_val;
	if (action == POL_INSPECT)
		eng_count(w, FLOWS_INSPECTED);
	eng_timer_update(w, s);
	return s;
}

// The server's answer to a SYN under inspection. Consumes `m`.
static void on_syn_ack_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m)
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
		s->flow.stream.half[STREAM_SERVER].ts_last = opts.ts_val;
	note_side(s, STREAM_SERVER, m);
	syn_clean(w, m, v);
	eng_timer_update(w, s);
	eng_forward_tx(w, eng_meta_of(m)->in_port, m);
}

// A segment of a half-open inspected flow that is not its SYN or SYN-ACK. false: go on as usual.
static bool on_half_open(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
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
static bool one_way_ends(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m)
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

static void on_pass_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
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

// A picked-up segment without a flow that is no SYN. Consumes `m`.
static void on_stray_consume(struct eng_worker *w, struct rte_mbuf *m)
{
	struct eng_smtp *p = w->smtp;
	const struct eng_meta *meta = eng_meta_of(m);
	const struct wire_view *v = &meta->view;
	bool full = p->now_us < p->full_until_us;
	bool opening = (v->tcp_flags & TCP_SYN) != 0;

	if (v->tcp_flags & TCP_RST) {
		eng_forward_tx(w, meta->in_port, m);
		return;
	}
	// A SYN-ACK needs the SYN that we saw: its client repeats that one.
	if (full || (p->now_us < p->grace_until_us && !opening)) {
		eng_count(w, PASS_MIDSTREAM);
		eng_forward_tx(w, meta->in_port, m);
		return;
	}
	if (opening) {
		eng_drop(w, m, DROP_SYNACK_UNKNOWN);
		return;
	}
	eng_reset_stray_consume(w, m, ACT_MIDSTREAM_RESET);
}

static struct eng_session *session_find(struct eng_worker *w, const struct rte_mbuf *m,
	struct flow_key *key, enum stream_side *side)
{
	const struct eng_meta *meta = eng_meta_of((struct rte_mbuf *)(uintptr_t)m);
	const struct wire_view *v = &meta->view;
	struct span frame = {.p = rte_pktmbuf_mtod(m, const uint8_t *), .n = m->data_len};
	struct addr src, dst;

	wire_addrs(frame, v, &src, &dst);
	struct flow_key forth = {.client = src,
		.server = dst,
		.client_port = v->sport,
		.server_port = v->dport,
		.context = meta->context};
	struct flow_key back = {.client = dst,
		.server = src,
		.client_port = v->dport,
		.server_port = v->sport,
		.context = meta->context};
	*side = meta->to_client ? STREAM_SERVER : STREAM_CLIENT;
	*key = meta->to_client ? back : forth;
	struct flow *f = flow_lookup(w->smtp->flows, key);
	if (f == NULL && !meta->to_client && eng_image_picks_up(w->image, v->sport)) {
		f = flow_lookup(w->smtp->flows,
			&back); // both ports are picked up: who asked first is the client
		if (f != NULL) {
			*side = STREAM_SERVER;
			*key = back;
		}
	}
	return f == NULL ? NULL : eng_session_of(f);
}

static bool checksum_ok(struct rte_mbuf *m, const struct wire_view *v)
{
	uint64_t state = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

	if (state == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	if (state == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		return false;
	// By DPDK's definition the bytes are right and the field is not: its sender on this host
	// left that to a device (virtio, vhost).
	if (state == RTE_MBUF_F_RX_L4_CKSUM_NONE) {
		wire_tcp_csum_set(frame, m->data_len, v);
		return true;
	}
	return wire_tcp_csum_ok((struct span){.p = frame, .n = m->data_len}, v);
}

static void fill_seg(
	const struct eng_smtp *p, struct rte_mbuf *m, enum stream_side side, struct stream_seg *seg)
{
	const struct wire_view *v = &eng_meta_of(m)->view;
	struct span frame = {.p = rte_pktmbuf_mtod(m, uint8_t *), .n = m->data_len};

	*seg = (struct stream_seg){
		.side = (uint8_t)side,
		.flags = v->tcp_flags,
		.window = v->window,
		.seq = v->seq,
		.ack = v->ack,
		.now_ms = p->now_ms,
		.payload = span_sub(frame, v->payload_off, v->payload_len),
	};
}

// A side is known by its port, too: nobody speaks in the server's name from the client's wire.
// Pairs that bundle one link share the two sides, so a connection may use several of them.
static bool port_fits(const struct eng_worker *w, const struct eng_session *s,
	enum stream_side side, uint16_t in_port)
{
	uint16_t client_port = s->flow.side[STREAM_CLIENT].in_port;
	const struct eng_conf *conf = &w->eng->conf;
	bool same = conf->mode == ENG_MODE_PAIR
		? conf->port[in_port].side == conf->port[client_port].side
		: in_port == client_port;

	return same == (side == STREAM_CLIENT);
}

static void read_timestamps(
	const struct rte_mbuf *m, const struct wire_view *v, struct stream_seg *seg)
{
	struct wire_tcp_opts opts;

	wire_tcp_options((struct span){.p = rte_pktmbuf_mtod(m, const uint8_t *), .n = m->data_len},
		v, &opts);
	seg->has_ts = opts.has_ts;
	seg->ts_val = opts.ts_val;
	seg->ts_ecr = opts.ts_ecr;
}

static void dispatch_consume(
	struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m, enum stream_side side)
{
	struct eng_smtp *p = w->smtp;
	const struct wire_view *v = &eng_meta_of(m)->view;
	struct stream_seg seg;
	bool syn_ack = side == STREAM_SERVER &&
		(v->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK);

	if (!port_fits(w, s, side, eng_meta_of(m)->in_port)) {
		eng_drop(w, m, DROP_WRONG_PORT);
		return;
	}
	if (syn_ack && s->again.on && v->ack == s->again.isn + 1 &&
		s->flow.lane != ENG_LANE_ANSWER) {
		s = session_restart(w, s);
		if (s == NULL) {
			eng_drop(w, m, DROP_HANDSHAKE);
			return;
		}
	}
	fill_seg(p, m, side, &seg);
	s->flow.seen_ms = p->now_ms;
	if (s->flow.lane == ENG_LANE_PASS && s->reason == PASS_ONE_WAY && side == STREAM_SERVER &&
		one_way_ends(w, s, m))
		return;
	if (s->flow.lane == ENG_LANE_PASS) {
		on_pass_consume(w, s, m, &seg);
		return;
	}
	if (s->flow.stream.ts_on)
		read_timestamps(m, v, &seg);
	if (s->flow.lane == ENG_LANE_ANSWER)
		eng_answer_consume(w, s, m, &seg);
	else if (syn_ack)
		on_syn_ack_consume(w, s, m);
	else if (s->flow.state != FLOW_HALF_OPEN || !on_half_open(w, s, m, &seg))
		eng_inspect_consume(w, s, m, &seg);
}

// What a client's SYN means for the connection of its key.
enum syn_edge {
	SYN_NEW,    // the first one, or the old connection is over or never came to be
	SYN_REPEAT, // of the one that we know
	SYN_AGAIN,  // another one on a live connection
	SYN_ANSWER, // we speak in the server's place
	SYN_WRONG_PORT,
};

static enum syn_edge syn_edge(
	const struct eng_worker *w, const struct eng_session *s, uint32_t isn, uint16_t in_port)
{
	if (s == NULL)
		return SYN_NEW;
	if (s->flow.state == FLOW_CLOSING ||
		(s->flow.state == FLOW_HALF_OPEN && s->client_isn != isn))
		return SYN_NEW;
	if (!port_fits(w, s, STREAM_CLIENT, in_port))
		return SYN_WRONG_PORT;
	if (s->flow.lane == ENG_LANE_ANSWER)
		return SYN_ANSWER;
	return s->client_isn == isn ? SYN_REPEAT : SYN_AGAIN;
}

static void client_syn_consume(
	struct eng_worker *w, struct eng_session *s, const struct flow_key *key, struct rte_mbuf *m)
{
	struct eng_meta *meta = eng_meta_of(m);

	switch (syn_edge(w, s, meta->view.seq, meta->in_port)) {
	case SYN_NEW:
		if (s != NULL)
			eng_session_end(w, s);
		on_syn_consume(w, key, m);
		return;
	case SYN_WRONG_PORT:
		eng_drop(w, m, DROP_WRONG_PORT);
		return;
	case SYN_ANSWER:
		s->flow.seen_ms = w->smtp->now_ms;
		eng_answer_syn_consume(w, s, m, POL_ACTION_COUNT);
		return;
	case SYN_AGAIN:
		on_syn_again_consume(w, s, m);
		return;
	case SYN_REPEAT:
		if (s->flow.lane == ENG_LANE_INSPECT && !s->md5)
			syn_clean(w, m, &meta->view);
		eng_forward_tx(w, meta->in_port, m);
		return;
	}
}

void eng_smtp_packet_consume(struct eng_worker *w, struct rte_mbuf *m, uint64_t now_us)
{
	struct eng_meta *meta = eng_meta_of(m);
	struct wire_view *v = &meta->view;
	struct flow_key key;
	enum stream_side side;

	clock_note(w, now_us);
	if (w->image == NULL) { // handed over by a worker that saw the image first
		eng_count(w, PASS_NO_IMAGE);
		eng_forward_tx(w, meta->in_port, m);
		return;
	}
	if (!checksum_ok(m, v)) {
		eng_drop(w, m, DROP_TCP_CHECKSUM);
		return;
	}
	struct eng_session *s = session_find(w, m, &key, &side);
	bool syn = (v->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
	if (syn && side == STREAM_CLIENT)
		client_syn_consume(w, s, &key, m);
	else if (s == NULL)
		on_stray_consume(w, m);
	else
		dispatch_consume(w, s, m, side);
}

static void on_timer(struct eng_worker *w, struct eng_session *s)
{
	struct eng_smtp *p = w->smtp;
	uint32_t quiet_ms = p->now_ms - s->flow.seen_ms;

	if (s->flow.lane != ENG_LANE_ANSWER && quiet_ms >= eng_quiet_max_ms(s)) {
		if (s->flow.state == FLOW_OPEN &&
			s->flow.lane == ENG_LANE_INSPECT) { // never forgotten silently
			eng_count(w, ACT_IDLE_RESET);
			s->reason = ACT_IDLE_RESET;
			eng_reset_side(w, s, STREAM_CLIENT);
			eng_reset_side(w, s, STREAM_SERVER);
			eng_session_remnant(w, s);
			return;
		}
		eng_session_end(w, s);
		return;
	}
	if (s->flow.lane == ENG_LANE_ANSWER)
		eng_answer_timer(w, s);
	else if (s->flow.lane == ENG_LANE_INSPECT)
		eng_inspect_timer(w, s);
	else
		eng_timer_update(w, s);
}

uint32_t eng_smtp_tick(struct eng_worker *w, uint64_t now_us)
{
	struct eng_smtp *p = w->smtp;
	uint32_t done = 0;

	clock_note(w, now_us);
	while (done < ENG_TIMERS_A_TURN) {
		struct flow *f = flow_timer_due(p->flows, p->now_ms);
		if (f == NULL)
			break;
		on_timer(w, eng_session_of(f));
		done++;
	}
	if (p->sums > 0)
		eng_outcomes_flush(w);
	w->counters[GAUGE_FLOWS] = flow_count(p->flows);
	w->counters[GAUGE_SLABS] = p->pool.count - p->pool.nfree;
	return done;
}

uint32_t eng_smtp_wait_us(const struct eng_worker *w, uint64_t now_us, uint32_t max_us)
{
	uint32_t ms = flow_timer_wait_ms(w->smtp->flows, (uint32_t)(now_us / 1000), max_us / 1000);

	return ms * 1000 < max_us ? ms * 1000 : max_us;
}

uint32_t eng_smtp_rows(struct eng_worker *w, uint32_t *cursor, struct eng_flow_row *rows,
	uint32_t max, uint64_t now_us)
{
	struct eng_smtp *p = w->smtp;
	uint32_t n = 0, looked = 0, cells = flow_cells(p->flows);
	uint32_t now_ms = (uint32_t)(now_us / 1000);

	for (; *cursor < cells && n < max && looked < ENG_CELLS_A_TURN; (*cursor)++, looked++) {
		struct flow *f = flow_at(p->flows, *cursor);
		if (f == NULL)
			continue;
		struct eng_flow_row *row = &rows[n++];
		eng_who(eng_session_of(f), &row->who);
		row->lane = f->lane;
		row->state = f->state == FLOW_HALF_OPEN ? ENG_FLOW_HALF_OPEN
			: f->state == FLOW_OPEN         ? ENG_FLOW_OPEN
							: ENG_FLOW_CLOSING;
		row->age_ms = now_ms - f->born_ms;
		row->idle_ms = now_ms - f->seen_ms;
		row->client_bytes = f->bytes[STREAM_CLIENT];
		row->server_bytes = f->bytes[STREAM_SERVER];
	}
	if (*cursor >= cells)
		*cursor = ENG_ROWS_END;
	return n;
}
