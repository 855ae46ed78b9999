// SPDX-License-Identifier: BSD-3-Clause
// Segments that no connection claims: begun before us they pass in grace and are reset later; what is
// left of a connection that is over decides first. A tombstone marks an inspected one that ended in
// grace: nothing of it passes. A remnant marks one that was cut or reset: an end that missed it is
// told again, at the number it expects, and nothing passes.
// Thread: the worker.
#include "eng_half.h"

enum { US_A_S = 1000000 };

static uint32_t now_s(const struct eng_worker *w)
{
	return (uint32_t)(w->smtp->now_us / US_A_S);
}

static bool in_grace(const struct eng_smtp *p)
{
	return p->now_us < p->grace_until_us || p->now_us < p->full_until_us;
}

void eng_bury(struct eng_worker *w, const struct flow_key *key, enum flow_grave kind)
{
	// In grace what is forgotten would pass as begun before us.
	uint32_t life_ms = in_grace(w->smtp) ? ENG_GRACE_MS : ENG_CLOSING_MS;

	flow_grave_dig(
		w->smtp->graves, eng_mark(w, key), kind, now_s(w), (uint16_t)(life_ms / 1000));
}

void eng_bury_in_grace(struct eng_worker *w, const struct flow_key *key)
{
	if (in_grace(w->smtp))
		eng_bury(w, key, FLOW_GRAVE_TOMBSTONE);
}

bool eng_has_grave(const struct eng_worker *w, const struct flow_key *key)
{
	return flow_grave_find(w->smtp->graves, eng_mark(w, key), now_s(w)) != FLOW_GRAVE_NONE;
}

// One end doesn't know yet that it is over, or our reset was lost: another, at the number it
// expects.
void eng_reset_again_consume(struct eng_worker *w, struct rte_mbuf *m)
{
	const struct wire_view *v = &eng_meta_of(m)->view;

	if ((v->tcp_flags & (TCP_RST | TCP_ACK)) == TCP_ACK) {
		struct wire_tcp_out o = {.seq = v->ack, .flags = TCP_RST};
		eng_send_back(w, m, &o);
	}
	eng_drop(w, m, DROP_AFTER_CUT);
}

// What a grave says about a segment without SYN. true: it is consumed.
static bool on_grave_consume(struct eng_worker *w, const struct flow_key *key, struct rte_mbuf *m)
{
	const struct wire_view *v = &eng_meta_of(m)->view;

	switch (flow_grave_find(w->smtp->graves, eng_mark(w, key), now_s(w))) {
	case FLOW_GRAVE_REMNANT:
		eng_reset_again_consume(w, m);
		return true;
	case FLOW_GRAVE_REFUSED:
		// The acknowledgement of what was said is none to be reset: some stacks throw away
		// what they have not read yet.
		if (v->payload_len == 0 && !(v->tcp_flags & TCP_FIN))
			eng_drop(w, m, DROP_AFTER_CUT);
		else
			eng_reset_again_consume(w, m);
		return true;
	case FLOW_GRAVE_TOMBSTONE:
		if (v->tcp_flags & TCP_RST)
			return false;
		eng_reset_stray_consume(w, m, ACT_TOMBSTONE_RESET);
		return true;
	default:
		return false;
	}
}

void eng_stray_consume(
	struct eng_worker *w, const struct flow_key *key, enum stream_side side, struct rte_mbuf *m)
{
	struct eng_smtp *p = w->smtp;
	const struct eng_meta *meta = eng_meta_of(m);
	const struct wire_view *v = &meta->view;
	bool opening = (v->tcp_flags & TCP_SYN) != 0;

	if (side == STREAM_CLIENT && eng_cookie_take(w, key, m))
		return;
	if (!opening && on_grave_consume(w, key, m))
		return;
	if (v->tcp_flags & TCP_RST) {
		eng_forward_tx(w, meta->in_port, m);
		return;
	}
	// A SYN-ACK needs the SYN that we saw: its client repeats that one.
	if (p->now_us < p->full_until_us || (p->now_us < p->grace_until_us && !opening)) {
		eng_count(w, PASS_MIDSTREAM);
		eng_forward_tx(w, meta->in_port, m);
		return;
	}
	if (opening) {
		eng_sight_alone(w, key, meta);
		eng_drop(w, m, DROP_SYNACK_UNKNOWN);
		return;
	}
	eng_reset_stray_consume(w, m, ACT_MIDSTREAM_RESET);
}
