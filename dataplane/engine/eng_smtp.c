// SPDX-License-Identifier: BSD-3-Clause
// Picked-up connections of a worker: a segment finds its flow and goes to whom its lane names; segments
// of connections that began before us pass in grace and are reset later; timers and the list of flows.
// How a connection begins is eng_open.c's, what an inspected segment means eng_inspect.c's, our own
// dialogue eng_answer.c's.
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
	struct eng_smtp *s = rte_zmalloc_socket("smtp", sizeof(*s), 64, conf->socket);

	if (s == NULL)
		goto no_memory;
	s->flows = flow_table_new(flows, sizeof(struct eng_session), conf->socket);
	if (s->flows == NULL)
		goto free_smtp;
	struct stream_slab *mem =
		rte_malloc_socket("slabs", (size_t)slabs * sizeof(*mem), 64, conf->socket);
	uint32_t *stack =
		rte_malloc_socket("slab stack", (size_t)slabs * sizeof(*stack), 64, conf->socket);
	if (mem == NULL || stack == NULL)
		goto free_slabs;
	const uint64_t key[2] = {rte_rand(), rte_rand()};
	stream_pool_init(&s->pool, mem, stack, slabs, (const uint8_t *)key);
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
	eng_holds_end(w, s);
	if (!s->recorded)
		eng_record_session(w, s);
	stream_close(&s->flow.stream, &p->pool);
	flow_remove(p->flows, &s->flow);
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
bool eng_port_fits(const struct eng_worker *w, const struct eng_session *s, enum stream_side side,
	uint16_t in_port)
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

	if (!eng_port_fits(w, s, side, eng_meta_of(m)->in_port)) {
		eng_drop(w, m, DROP_WRONG_PORT);
		return;
	}
	if (syn_ack && s->again.on && v->ack == s->again.isn + 1 &&
		s->flow.lane != ENG_LANE_ANSWER) {
		s = eng_open_restart(w, s);
		if (s == NULL) {
			eng_drop(w, m, DROP_HANDSHAKE);
			return;
		}
	}
	fill_seg(p, m, side, &seg);
	if (s->flow.lane != ENG_LANE_INSPECT || !eng_is_waiting(w, s))
		s->flow.seen_ms = p->now_ms;
	if (s->flow.lane == ENG_LANE_PASS && s->reason == PASS_ONE_WAY && side == STREAM_SERVER &&
		eng_open_one_way_ends(w, s, m))
		return;
	if (s->flow.lane == ENG_LANE_PASS) {
		eng_open_pass_consume(w, s, m, &seg);
		return;
	}
	if (s->flow.lane == ENG_LANE_TRANSLATE) {
		eng_translate_consume(w, s, m, &seg);
		return;
	}
	if (s->flow.stream.ts_on)
		read_timestamps(m, v, &seg);
	if (s->flow.lane == ENG_LANE_ANSWER)
		eng_answer_consume(w, s, m, &seg);
	else if (syn_ack)
		eng_open_syn_ack_consume(w, s, m);
	else if (s->flow.state != FLOW_HALF_OPEN || !eng_open_half(w, s, m, &seg))
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
	if (!eng_port_fits(w, s, STREAM_CLIENT, in_port))
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
		eng_open_syn_consume(w, key, m);
		return;
	case SYN_WRONG_PORT:
		eng_drop(w, m, DROP_WRONG_PORT);
		return;
	case SYN_ANSWER:
		s->flow.seen_ms = w->smtp->now_ms;
		eng_answer_syn_consume(w, s, m, POL_ACTION_COUNT);
		return;
	case SYN_AGAIN:
		eng_open_again_consume(w, s, m);
		return;
	case SYN_REPEAT:
		eng_open_repeat_consume(w, s, m);
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
	if (v->proto == WIRE_ICMP) {
		eng_icmp_consume(w, m);
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
			eng_count_n(w, ACT_HOLDS_TIMEOUT, (unsigned)s->held_client + s->held_server);
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
