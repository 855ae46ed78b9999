// SPDX-License-Identifier: BSD-3-Clause
// IP fragments of TCP, at the owner of their set (RFC 791 3.2, RFC 8200 4.5). Only the first one
// shows the ports: until it comes the others are held; then they leave as they came, in their order,
// and so does what follows, or they are put together (eng_join.c) and handed on as segments.
//
// No fragment that shows a picked-up port ever leaves, and none that hides it: without it no
// receiver puts anything together, whatever the others hold. So sets of other ports are not judged.
// Held is a copy (flow_frag.c says why), so a held frame that leaves is a copy of what came, too.
// rte_ip_frag is not used: it keeps received buffers, chains them, and knows no context.
//
// An attacker with endless fragments without a first one gets 1,024 chunks for a second; full, the
// oldest set goes, counted. Honest fragments follow one another within a few packets, and sets that
// are known to pass hold nothing and are not pushed out by those that hold.
// Thread: the owner.
#include <errno.h>

#include <rte_malloc.h>
#include <rte_random.h>

#include "eng_frag.h"

enum { SETS_A_TURN = 64 };

struct frag_in { // a fragment under way through this stage
	struct rte_mbuf *m;
	const struct eng_meta *meta;
	struct span frame, part;
	struct wire_frag place;
	uint32_t now_ms;
};

uint64_t eng_frags_bytes(void)
{
	return sizeof(struct eng_frags) + flow_frags_bytes(FLOW_FRAG_SETS, FLOW_FRAG_CHUNKS);
}

struct eng_frags *eng_frags_new(int socket)
{
	struct eng_frags *f = rte_malloc_socket("fragments", sizeof(*f), 64, socket);
	uint64_t secret[2] = {rte_rand(), rte_rand()};

	if (f == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	f->sets = flow_frags_new(FLOW_FRAG_SETS, FLOW_FRAG_CHUNKS, (const uint8_t *)secret, socket);
	if (f->sets == NULL) {
		rte_free(f);
		errno = ENOMEM;
		return NULL;
	}
	return f;
}

void eng_frags_free(struct eng_frags *f)
{
	if (f == NULL)
		return;
	flow_frags_free(f->sets);
	rte_free(f);
}

// ---- what becomes of a set

static void give_up(struct eng_worker *w, struct flow_frag *f, enum eng_reason r)
{
	eng_count_n(w, r, f->nheld);
	flow_frag_remove(w->frags->sets, f);
}

// All of it is dropped, the fragment that came and those that follow, too.
static void refuse_consume(
	struct eng_worker *w, struct flow_frag *f, const struct frag_in *in, enum eng_reason r)
{
	eng_count_n(w, r, f->nheld);
	flow_frag_let_go(w->frags->sets, f);
	f->reason = (uint16_t)r;
	flow_frag_state_set(w->frags->sets, f, FLOW_FRAG_REFUSED, in->now_ms);
	eng_drop(w, in->m, r);
}

static enum eng_reason refusal_of(enum wire_frag_edge edge)
{
	switch (edge) {
	case WIRE_FRAG_LENGTH:
		return DROP_FRAG_LENGTH;
	case WIRE_FRAG_LONG:
		return DROP_FRAG_LONG;
	case WIRE_FRAG_MANY:
		return DROP_FRAG_MANY;
	default: // a repeat with other bytes overlaps
		return DROP_FRAG_OVERLAP;
	}
}

// false: no room, and the set is given up with the fragment.
static bool hold_consume(struct eng_worker *w, struct flow_frag *f, const struct frag_in *in)
{
	const struct wire_view *v = &in->meta->view;
	struct flow_frag_held h = {.bytes = (uint16_t)in->frame.n,
		.in_port = in->meta->in_port,
		.l3_len = v->l3_len,
		.part_off = v->payload_off,
		.place = in->place};

	while (flow_frag_hold(w->frags->sets, f, in->frame, &h) != 0) {
		struct flow_frag *victim = flow_frag_victim(w->frags->sets, true, f);

		if (victim == NULL) {
			refuse_consume(w, f, in, DROP_FRAG_OUT);
			return false;
		}
		give_up(w, victim, DROP_FRAG_OUT);
	}
	rte_pktmbuf_free(in->m);
	return true;
}

// ---- a fragment by the state of its set

static void picked_consume(struct eng_worker *w, struct flow_frag *f, const struct frag_in *in)
{
	unsigned same;
	enum wire_frag_edge edge = wire_frag_add(&f->set, &in->place, &same);

	if (edge == WIRE_FRAG_NEW) {
		if (hold_consume(w, f, in) && wire_frag_is_whole(&f->set))
			eng_frag_join(w, f);
	} else if (edge == WIRE_FRAG_REPEAT && flow_frag_has(w->frags->sets, f, same, in->part)) {
		eng_drop(w, in->m, ACT_FRAG_REPEAT);
	} else {
		refuse_consume(w, f, in, refusal_of(edge));
	}
}

// What is known to pass is followed only to forget the set once it is whole.
static void track(struct eng_worker *w, struct flow_frag *f, const struct wire_frag *place)
{
	unsigned same;

	(void)wire_frag_add(&f->set, place, &same);
	if (wire_frag_is_whole(&f->set))
		flow_frag_remove(w->frags->sets, f);
}

static void forward_consume(struct eng_worker *w, uint16_t in_port, struct rte_mbuf *m)
{
	eng_count(w, FWD_PACKETS);
	eng_forward_tx(w, in_port, m);
}

// A held frame leaves as it came.
static void forward_held(struct eng_worker *w, const struct flow_frag *f, unsigned i)
{
	const struct flow_frag_held *h = &f->held[i];
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->eng->conf.pool);

	if (m == NULL || rte_pktmbuf_tailroom(m) < h->bytes) {
		rte_pktmbuf_free(m);
		eng_count(w, DROP_NO_MBUF);
		return;
	}
	flow_frag_copy(w->frags->sets, f, i, 0, h->bytes, rte_pktmbuf_mtod(m, uint8_t *));
	m->data_len = h->bytes;
	m->pkt_len = h->bytes;
	forward_consume(w, h->in_port, m);
}

static void pass_consume(struct eng_worker *w, struct flow_frag *f, const struct frag_in *in)
{
	for (unsigned i = 0; i < f->nheld; i++) {
		unsigned same;

		forward_held(w, f, i);
		(void)wire_frag_add(&f->set, &f->held[i].place, &same);
	}
	flow_frag_let_go(w->frags->sets, f);
	flow_frag_state_set(w->frags->sets, f, FLOW_FRAG_PASS, in->now_ms);
	forward_consume(w, in->meta->in_port, in->m);
	track(w, f, &in->place);
}

static bool picks_up(const struct eng_worker *w, const struct wire_frag_first *first)
{
	return first->upper == WIRE_FRAG_HIDDEN ||
		(first->upper == WIRE_FRAG_TCP &&
			(eng_picks_up(w, first->sport) || eng_picks_up(w, first->dport)));
}

// The first fragment: what becomes of the set is known.
static void first_consume(struct eng_worker *w, struct flow_frag *f, const struct frag_in *in)
{
	struct wire_frag_first first;

	wire_frag_first(in->frame, &in->meta->view, &first);
	if (!picks_up(w, &first)) {
		pass_consume(w, f, in);
		return;
	}
	if (!first.whole) {
		refuse_consume(w, f, in, DROP_FRAG_HEADER);
		return;
	}
	for (unsigned i = 0; i < f->nheld; i++) {
		unsigned same;
		enum wire_frag_edge edge = wire_frag_add(&f->set, &f->held[i].place, &same);

		if (edge != WIRE_FRAG_NEW) {
			refuse_consume(w, f, in, refusal_of(edge));
			return;
		}
	}
	flow_frag_state_set(w->frags->sets, f, FLOW_FRAG_PICKED, in->now_ms);
	picked_consume(w, f, in);
}

static bool is_held(const struct eng_worker *w, const struct flow_frag *f, const struct frag_in *in)
{
	for (unsigned i = 0; i < f->nheld; i++) {
		const struct wire_frag *p = &f->held[i].place;

		if (p->off == in->place.off && p->more == in->place.more &&
			flow_frag_has(w->frags->sets, f, i, in->part))
			return true;
	}
	return false;
}

// Nothing is known of the set: its fragments are held, and judged when that is their lot.
static void open_consume(struct eng_worker *w, struct flow_frag *f, const struct frag_in *in)
{
	if (in->place.off == 0)
		first_consume(w, f, in);
	else if (is_held(w, f, in))
		eng_drop(w, in->m, ACT_FRAG_REPEAT);
	else if (f->nheld == WIRE_FRAGS_MAX)
		refuse_consume(w, f, in, DROP_FRAG_MANY);
	else
		(void)hold_consume(w, f, in);
}

// A second first fragment must not show what the first one did not.
static void passing_consume(struct eng_worker *w, struct flow_frag *f, const struct frag_in *in)
{
	struct wire_frag_first first;

	if (in->place.off == 0) {
		wire_frag_first(in->frame, &in->meta->view, &first);
		if (picks_up(w, &first)) {
			refuse_consume(w, f, in, DROP_FRAG_OVERLAP);
			return;
		}
	}
	forward_consume(w, in->meta->in_port, in->m);
	track(w, f, &in->place);
}

static struct flow_frag *set_of(struct eng_worker *w, const struct frag_in *in)
{
	const struct eng_meta *meta = in->meta;
	const struct eng_conf *conf = &w->eng->conf;
	struct flow_frag_key key = {.id = in->place.id,
		.context = meta->context,
		.side = conf->mode == ENG_MODE_PAIR ? conf->port[meta->in_port].side
						    : (uint8_t)meta->in_port,
		.family = meta->view.family};
	struct flow_frag *f;

	wire_addrs(in->frame, &meta->view, &key.src, &key.dst);
	f = flow_frag_find(w->frags->sets, &key);
	if (f != NULL)
		return f;
	f = flow_frag_add(w->frags->sets, &key, in->now_ms);
	if (f != NULL)
		return f;
	give_up(w, flow_frag_victim(w->frags->sets, false, NULL), DROP_FRAG_OUT);
	return flow_frag_add(w->frags->sets, &key, in->now_ms);
}

void eng_fragment_consume(struct eng_worker *w, struct rte_mbuf *m, uint64_t now_us)
{
	struct frag_in in = {.m = m,
		.meta = eng_meta_of(m),
		.frame = eng_frame_of(m),
		.now_ms = (uint32_t)(now_us / 1000)};
	struct flow_frag *f;

	if (w->image == NULL) { // handed over by a worker that saw the image first
		eng_count(w, PASS_NO_IMAGE);
		forward_consume(w, in.meta->in_port, m);
		return;
	}
	in.part = span_sub(in.frame, in.meta->view.payload_off, in.meta->view.payload_len);
	wire_frag_read(in.frame, &in.meta->view, &in.place);
	f = set_of(w, &in);
	if (f->state == FLOW_FRAG_OPEN)
		open_consume(w, f, &in);
	else if (f->state == FLOW_FRAG_PICKED)
		picked_consume(w, f, &in);
	else if (f->state == FLOW_FRAG_PASS)
		passing_consume(w, f, &in);
	else
		eng_drop(w, m, (enum eng_reason)f->reason);
}

uint32_t eng_fragment_tick(struct eng_worker *w, uint64_t now_us)
{
	uint32_t done = 0;

	for (; done < SETS_A_TURN; done++) {
		struct flow_frag *f = flow_frag_due(w->frags->sets, (uint32_t)(now_us / 1000));

		if (f == NULL)
			break;
		give_up(w, f, DROP_FRAG_LATE);
	}
	return done;
}

uint32_t eng_fragment_wait_us(const struct eng_worker *w, uint64_t now_us, uint32_t max_us)
{
	uint32_t ms = flow_frags_wait_ms(w->frags->sets, (uint32_t)(now_us / 1000), max_us / 1000);

	return RTE_MIN(ms * 1000, max_us);
}
