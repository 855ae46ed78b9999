// SPDX-License-Identifier: BSD-3-Clause
// Picked-up connections of a worker: a segment finds its flow, or what is half-open, and goes to whom
// its lane names; timers and the list of flows. How a connection begins is eng_half.c's, what is
// nobody's eng_stray.c's, what an inspected segment means eng_inspect.c's, our own dialogue
// eng_answer.c's.
// Thread: the worker.
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include <rte_malloc.h>
#include <rte_random.h>

#include "eng_half.h"
#include "eng_shadow.h"

// The half-open table, the graves, names. Who sends SYNs must know none of the keys.
static int tables_new(struct eng_smtp *s, uint32_t flows, int socket)
{
	if (getentropy(s->mark_secret, sizeof(s->mark_secret)) != 0 ||
		getentropy(s->secret, sizeof(s->secret)) != 0)
		return -errno;
	s->mark_key.zero = 1; // no key has that
	s->half = flow_half_new(eng_half_max(flows), sizeof(struct eng_half), socket);
	if (s->half == NULL)
		return -ENOMEM;
	s->unheard = eng_unheard_new(flows, socket);
	if (s->unheard == NULL)
		goto free_half;
	s->graves = flow_graves_new(eng_graves_max(flows), socket);
	if (s->graves == NULL)
		goto free_unheard;
	s->helos = (struct eng_helos){.count = eng_helos_count(flows), .free = FLOW_NONE};
	s->helos.block = rte_zmalloc_socket("helos", eng_helos_bytes(flows), 64, socket);
	if (s->helos.block != NULL)
		return 0;
	flow_graves_free(s->graves);
free_unheard:
	rte_free(s->unheard);
free_half:
	flow_half_free(s->half);
	return -ENOMEM;
}

enum { HALF_LOOK_MS = 100 }; // while something is half-open the worker sleeps no longer

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
	if (tables_new(s, flows, conf->socket) != 0)
		goto free_flows;
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
	s->ask_why = ENG_REFUSAL_COUNT;
	s->mbufs = conf->pool;
	s->id_epoch = (uint64_t)time(NULL);
	return s;
free_slabs:
	rte_free(stack);
	rte_free(mem);
	rte_free(s->helos.block);
	flow_graves_free(s->graves);
	rte_free(s->unheard);
	flow_half_free(s->half);
free_flows:
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
	rte_free(s->helos.block);
	flow_graves_free(s->graves);
	rte_free(s->unheard);
	flow_half_free(s->half);
	flow_table_free(s->flows);
	rte_free(s);
}

void eng_smtp_clock(struct eng_worker *w, uint64_t now_us)
{
	struct eng_smtp *p = w->smtp;

	p->now_us = now_us;
	p->now_ms = (uint32_t)(now_us / 1000);
}

void eng_smtp_image_taken(struct eng_worker *w, uint64_t now_us)
{
	struct eng_smtp *p = w->smtp;

	if (p->image_version == 0) // flows that began before us or the first image are not to blame
		p->grace_until_us = now_us + ENG_GRACE_MS * UINT64_C(1000);
	p->image_version = w->pick->version;
	p->image_since_us = now_us;
}

void eng_session_end(struct eng_worker *w, struct eng_session *s)
{
	struct eng_smtp *p = w->smtp;

	eng_message_abort(w, s);
	eng_holds_end(w, s);
	eng_helo_drop(w, s);
	if (s->flow.lane != ENG_LANE_ANSWER)
		eng_tickets_give(w, s);
	if (s->shadow && w->shadow != NULL)
		eng_shadow_ended(w, s);
	if (!s->recorded)
		eng_record_session(w, s);
	stream_close(&s->flow.stream, &p->pool);
	if (s->flow.lane == ENG_LANE_ANSWER)
		eng_bury(w, &s->flow.key, FLOW_GRAVE_REMNANT);
	else if (s->flow.lane != ENG_LANE_PASS)
		eng_bury_in_grace(w, &s->flow.key);
	flow_remove(p->flows, &s->flow);
}

struct found { // whom a segment belongs to
	const struct flow_key *key; // in its eng_meta
	enum stream_side side;
	struct eng_session *session;
	struct eng_half *half; // only where there is no session
};

_Static_assert(sizeof(struct flow_key) == ENG_META_KEY_BYTES, "a segment's key fits its place");

static struct flow_key *key_of(struct eng_meta *meta)
{
	return (struct flow_key *)(void *)meta->key;
}

// As if the segment came from `side`.
static void key_set(const struct rte_mbuf *m, enum stream_side side, struct flow_key *key)
{
	const struct eng_meta *meta = eng_meta_of_const(m);
	const struct wire_view *v = &meta->view;
	bool client = side == STREAM_CLIENT;

	wire_addrs(eng_frame_of(m), v, client ? &key->client : &key->server,
		client ? &key->server : &key->client);
	key->client_port = client ? v->sport : v->dport;
	key->server_port = client ? v->dport : v->sport;
	key->context = meta->context;
	key->zero = 0;
}

void eng_smtp_segment_prepare(const struct eng_worker *w, struct rte_mbuf *m)
{
	struct eng_meta *meta = eng_meta_of(m);

	key_set(m, meta->to_client ? STREAM_SERVER : STREAM_CLIENT, key_of(meta));
	meta->hash = flow_hash(w->smtp->flows, key_of(meta));
	meta->cell = FLOW_NONE;
	meta->marked = false;
}

// It has no flow yet, or begins another connection: the half-open table and the graves will be looked at.
static void mark_prefetch(const struct eng_smtp *p, struct eng_meta *meta)
{
	if (!meta->marked)
		meta->mark = flow_mark(p->mark_secret, key_of(meta));
	meta->marked = true;
	flow_half_prefetch(p->half, meta->mark);
	if (meta->view.tcp_flags & TCP_SYN)
		flow_grave_prefetch(p->graves, meta->mark);
}

void eng_smtp_segment_prefetch(const struct eng_worker *w, struct rte_mbuf *m)
{
	struct eng_meta *meta = eng_meta_of(m);

	if (meta->view.proto != WIRE_TCP)
		return;
	meta->cell = flow_prefetch(w->smtp->flows, meta->hash);
	if (meta->cell == FLOW_NONE || (meta->view.tcp_flags & TCP_SYN))
		mark_prefetch(w->smtp, meta);
}

void eng_smtp_segment_follow(const struct eng_worker *w, const struct rte_mbuf *m)
{
	const struct eng_meta *meta = eng_meta_of_const(m);

	if (meta->view.proto != WIRE_TCP)
		return;
	if (meta->marked)
		flow_half_follow(w->smtp->half, meta->mark);
	if (meta->cell == FLOW_NONE)
		return;
	// A guess: it may be another's cell, or free, so nothing that it points to is read.
	const struct flow *f = flow_guess(w->smtp->flows, meta->cell);
	const struct eng_session *s = (const struct eng_session *)(const void *)f;
	if (f->lane != ENG_LANE_INSPECT)
		return;
	stream_prefetch(&f->stream, &w->smtp->pool);
	if (meta->marked) // a SYN in the place of one that is over
		eng_helo_prefetch(w, s);
	if (s->message != NULL)
		eng_message_prefetch(
			s->message, meta->to_client && smtp_owes(&s->smtp) == SMTP_VERB_MESSAGE);
}

static bool find_key(
	struct eng_worker *w, struct eng_meta *meta, enum stream_side side, struct found *f)
{
	const struct flow_key *key = key_of(meta);
	struct flow *flow = flow_lookup_hashed(w->smtp->flows, key, meta->hash, meta->cell);

	f->key = key;
	f->side = side;
	f->session = flow == NULL ? NULL : eng_session_of(flow);
	f->half = flow == NULL ? eng_half_find(w, key) : NULL;
	return f->session != NULL || f->half != NULL;
}

uint64_t eng_mark(const struct eng_worker *w, const struct flow_key *key)
{
	struct eng_smtp *p = w->smtp;

	if (memcmp(&p->mark_key, key, sizeof(*key)) != 0) {
		p->mark = flow_mark(p->mark_secret, key);
		p->mark_key = *key;
	}
	return p->mark;
}

static void find(struct eng_worker *w, struct rte_mbuf *m, struct found *f)
{
	struct eng_meta *meta = eng_meta_of(m);

	if (meta->marked) {
		w->smtp->mark = meta->mark;
		w->smtp->mark_key = *key_of(meta);
	}
	if (meta->to_client) {
		(void)find_key(w, meta, STREAM_SERVER, f);
		return;
	}
	if (find_key(w, meta, STREAM_CLIENT, f) || !eng_picks_up(w, meta->view.sport))
		return;
	// Both ports are picked up: who asked first is the client.
	const struct flow_key forth = *key_of(meta);
	key_set(m, STREAM_SERVER, key_of(meta));
	meta->hash = flow_hash(w->smtp->flows, key_of(meta));
	meta->cell = FLOW_NONE;
	if (!find_key(w, meta, STREAM_SERVER, f)) {
		*key_of(meta) = forth;
		f->side = STREAM_CLIENT;
	}
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
	struct span frame = eng_frame_of(m);

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
bool eng_port_fits(
	const struct eng_worker *w, uint16_t client_port, enum stream_side side, uint16_t in_port)
{
	const struct eng_conf *conf = &w->eng->conf;

	// A router chooses by which of its interfaces it sends, and may have only one to us.
	if (conf->mode == ENG_MODE_ROUTED)
		return true;

	bool same = conf->mode == ENG_MODE_PAIR
		? conf->port[in_port].side == conf->port[client_port].side
		: in_port == client_port;

	return same == (side == STREAM_CLIENT);
}

static bool port_fits(
	const struct eng_worker *w, const struct found *f, enum stream_side side, uint16_t in_port)
{
	uint16_t client_port = f->half != NULL ? f->half->in_port
					       : f->session->flow.face[STREAM_CLIENT].in_port;

	return eng_port_fits(w, client_port, side, in_port);
}

static void read_timestamps(
	const struct rte_mbuf *m, const struct wire_view *v, struct stream_seg *seg)
{
	seg->has_ts = wire_tcp_timestamps(eng_frame_of(m), v, &seg->ts_val, &seg->ts_ecr);
}

static bool is_syn_ack(const struct found *f, const struct wire_view *v)
{
	return f->side == STREAM_SERVER &&
		(v->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK);
}

static void half_consume(struct eng_worker *w, const struct found *f, struct rte_mbuf *m)
{
	struct stream_seg seg;

	fill_seg(w->smtp, m, f->side, &seg);
	read_timestamps(m, &eng_meta_of(m)->view, &seg);
	eng_half_consume(w, f->half, m, &seg);
}

static void pass_consume(
	struct eng_worker *w, struct found *f, struct rte_mbuf *m, const struct stream_seg *seg)
{
	struct eng_session *s = f->session;

	if (s->reason != PASS_ONE_WAY || f->side == STREAM_CLIENT) {
		eng_open_pass_consume(w, s, m, seg);
		return;
	}
	if (!is_syn_ack(f, &eng_meta_of(m)->view) || s->client_sent) {
		eng_open_one_way_end_consume(w, s, m);
		return;
	}
	f->half = eng_half_back(w, s);
	half_consume(w, f, m);
}

static void session_consume(struct eng_worker *w, struct found *f, struct rte_mbuf *m)
{
	struct eng_smtp *p = w->smtp;
	const struct wire_view *v = &eng_meta_of(m)->view;
	struct eng_session *s = f->session;
	struct stream_seg seg;
	bool syn_ack = is_syn_ack(f, v);

	if (syn_ack && s->flow.lane != ENG_LANE_ANSWER) {
		f->half = eng_half_accepted(w, f->key, v);
		if (f->half != NULL) { // the server took another SYN: this one is over
			eng_session_end(w, s);
			half_consume(w, f, m);
			return;
		}
	}
	fill_seg(p, m, f->side, &seg);
	if (s->flow.lane != ENG_LANE_INSPECT) // there not all is a sign of life
		s->flow.seen_ms = p->now_ms;
	if (s->flow.lane == ENG_LANE_PASS) {
		pass_consume(w, f, m, &seg);
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
	else
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
	const struct eng_worker *w, const struct found *f, uint32_t isn, uint16_t in_port)
{
	const struct eng_session *s = f->session;

	if (s == NULL && (f->half == NULL || f->half->again || f->half->client.isn != isn))
		return SYN_NEW;
	if (s != NULL && s->flow.state == FLOW_CLOSING)
		return SYN_NEW;
	if (!port_fits(w, f, STREAM_CLIENT, in_port))
		return SYN_WRONG_PORT;
	if (s == NULL)
		return SYN_REPEAT;
	if (s->flow.lane == ENG_LANE_ANSWER)
		return SYN_ANSWER;
	return s->client_isn == isn ? SYN_REPEAT : SYN_AGAIN;
}

static void client_syn_consume(struct eng_worker *w, const struct found *f, struct rte_mbuf *m)
{
	struct eng_meta *meta = eng_meta_of(m);

	switch (syn_edge(w, f, meta->view.seq, meta->in_port)) {
	case SYN_NEW:
		if (f->session != NULL)
			eng_session_end(w, f->session);
		eng_half_syn_consume(
			w, f->key, f->session != NULL ? eng_half_find(w, f->key) : f->half, m);
		return;
	case SYN_WRONG_PORT:
		eng_drop(w, m, DROP_WRONG_PORT);
		return;
	case SYN_ANSWER: // of the one that we answer, late; another one is told by our dialogue's end
		eng_count(w, ACT_ANSWERED);
		rte_pktmbuf_free(m);
		return;
	case SYN_AGAIN:
		eng_half_again_consume(w, f->key, m);
		return;
	case SYN_REPEAT:
		if (f->session != NULL)
			eng_open_repeat_consume(w, f->session, m);
		else
			eng_half_repeat_consume(w, f->half, m);
		return;
	}
}

void eng_smtp_packet_consume(struct eng_worker *w, struct rte_mbuf *m)
{
	struct eng_meta *meta = eng_meta_of(m);
	struct wire_view *v = &meta->view;
	struct found f;

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
	find(w, m, &f);
	bool syn = (v->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
	if (syn && f.side == STREAM_CLIENT)
		client_syn_consume(w, &f, m);
	else if (f.session == NULL && f.half == NULL)
		eng_stray_consume(w, f.key, f.side, m);
	else if (!port_fits(w, &f, f.side, meta->in_port))
		eng_drop(w, m, DROP_WRONG_PORT);
	else if (f.session != NULL)
		session_consume(w, &f, m);
	else
		half_consume(w, &f, m);
}

static void on_timer(struct eng_worker *w, struct eng_session *s)
{
	struct eng_smtp *p = w->smtp;
	uint32_t quiet_ms = p->now_ms - s->flow.seen_ms;

	if (s->flow.lane != ENG_LANE_ANSWER && quiet_ms >= eng_quiet_max_ms(s)) {
		if (s->flow.state == FLOW_OPEN &&
			s->flow.lane == ENG_LANE_INSPECT) { // never forgotten silently
			if (w->shadow != NULL)
				eng_shadow_idle_over(w, s, quiet_ms);
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

static void gauge_clients(struct eng_worker *w)
{
	struct tbl_clients_counts n;

	tbl_clients_counts(w->eng->clients, &n);
	w->counters[GAUGE_BINDINGS] = n.bindings;
	w->counters[GAUGE_ENDPOINTS] = n.endpoints;
	w->counters[GAUGE_SENDERS] = n.senders;
	w->counters[ACT_CLIENTS_FULL] = n.full;
}

// What is everybody's: one worker tells. Adding up the pool's caches costs some microseconds.
static void gauge_shared(struct eng_worker *w)
{
	enum { EVERY_MS = 200 };
	struct eng_smtp *p = w->smtp;

	if (w->id != 0 || p->now_ms - p->gauge_ms < EVERY_MS)
		return;
	p->gauge_ms = p->now_ms;
	w->counters[GAUGE_MBUFS] = rte_mempool_in_use_count(p->mbufs);
	if (w->eng->clients != NULL)
		gauge_clients(w);
}

uint32_t eng_smtp_tick(struct eng_worker *w, uint64_t now_us)
{
	struct eng_smtp *p = w->smtp;
	uint32_t done = 0;

	eng_smtp_clock(w, now_us);
	while (done < ENG_TIMERS_A_TURN) {
		struct flow *f = flow_timer_due(p->flows, p->now_ms);
		if (f == NULL)
			break;
		on_timer(w, eng_session_of(f));
		done++;
	}
	done += eng_drain_tick(w);
	eng_half_tick(w);
	eng_unheard_tick(w);
	if (p->asking)
		eng_asks_turn(w);
	if (w->shadow != NULL)
		eng_shadow_tick(w);
	if (p->sums > 0)
		eng_outcomes_flush(w);
	w->counters[GAUGE_FLOWS] = flow_count(p->flows);
	w->counters[GAUGE_HALF_OPEN] = flow_half_count(p->half);
	gauge_shared(w);
	w->counters[GAUGE_SLABS] = p->pool.count - p->pool.nfree;
	return done;
}

uint32_t eng_smtp_wait_us(const struct eng_worker *w, uint64_t now_us, uint32_t max_us)
{
	const struct eng_smtp *p = w->smtp;
	uint32_t max_ms = max_us / 1000;

	if (p->half_old || p->asking)
		max_ms = 1;
	else if (flow_half_count(p->half) > 0 && max_ms > HALF_LOOK_MS)
		max_ms = HALF_LOOK_MS;
	uint32_t ms = flow_timer_wait_ms(p->flows, (uint32_t)(now_us / 1000), max_ms);
	return ms * 1000 < max_us ? ms * 1000 : max_us;
}

static void half_row(const struct eng_worker *w, const struct eng_half *h, uint32_t now_ms,
	struct eng_flow_row *row)
{
	*row = (struct eng_flow_row){
		.who = {.vlan = h->vlan, .policy = h->policy, .image_version = h->image_version},
		.lane = h->lane,
		.state = ENG_FLOW_HALF_OPEN,
		.age_ms = now_ms - h->half.born_ms,
	};
	eng_who_key(w, &h->half.key, &row->who);
}

static void flow_row(const struct eng_worker *w, const struct eng_session *s, uint32_t now_ms,
	struct eng_flow_row *row)
{
	const struct flow *f = &s->flow;

	*row = (struct eng_flow_row){
		.lane = f->lane,
		.state = f->state == FLOW_OPEN ? ENG_FLOW_OPEN : ENG_FLOW_CLOSING,
		.age_ms = now_ms - f->born_ms,
		.idle_ms = now_ms - f->seen_ms,
		.client_bytes = flow_bytes(f, STREAM_CLIENT),
		.server_bytes = flow_bytes(f, STREAM_SERVER),
	};
	eng_who(w, s, &row->who);
}

uint32_t eng_smtp_rows(struct eng_worker *w, uint32_t *cursor, struct eng_flow_row *rows,
	uint32_t max, uint64_t now_us)
{
	struct eng_smtp *p = w->smtp;
	uint32_t n = 0, looked = 0, flows = flow_cells(p->flows);
	uint32_t cells = flows + flow_half_cells(p->half);
	uint32_t now_ms = (uint32_t)(now_us / 1000);

	for (; *cursor < cells && n < max && looked < ENG_CELLS_A_TURN; (*cursor)++, looked++) {
		struct flow *f = *cursor < flows ? flow_at(p->flows, *cursor) : NULL;
		struct flow_half *h =
			*cursor < flows ? NULL : flow_half_at(p->half, *cursor - flows);
		if (f != NULL)
			flow_row(w, eng_session_of(f), now_ms, &rows[n++]);
		else if (h != NULL && !eng_half_of(h)->again)
			half_row(w, eng_half_of(h), now_ms, &rows[n++]);
	}
	if (*cursor >= cells)
		*cursor = ENG_ROWS_END;
	return n;
}
