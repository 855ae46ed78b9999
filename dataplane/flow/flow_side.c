// SPDX-License-Identifier: BSD-3-Clause
// What a side's segments look like outside of TCP: kept from its last packet, so that segments of
// ours carry the same MACs, tags, TTL, TOS and flow label.
// Thread: the worker that owns the flow.
#include "flow.h"

enum { ETH_BYTES = 14, TTL_USUAL = 64 }; // of a side that was never heard

void flow_side_note(
	struct flow_side *s, struct span frame, const struct wire_view *v, uint16_t in_port)
{
	struct wire_look look;

	if (v->l3_off > FLOW_L2_MAX)
		return;
	wire_look_take(&look, frame, v);
	memcpy(s->l2, frame.p, v->l3_off);
	s->l2_len = (uint8_t)v->l3_off;
	s->in_port = in_port;
	s->tos = look.tos;
	s->ttl = look.ttl;
	s->flow_label = look.flow_label;
	if (s->ttl > s->ttl_max)
		s->ttl_max = s->ttl;
}

void flow_template(const struct flow *f, enum stream_side side, bool for_reset, struct wire_tmpl *t)
{
	const struct flow_side *s = &f->side[side];
	bool client = side == STREAM_CLIENT;

	*t = (struct wire_tmpl){
		.l2_len = s->l2_len,
		.family = addr_is_v4(&f->key.client) ? 4 : 6,
		.ttl = for_reset ? s->ttl_max : s->ttl,
		.tos = s->tos,
		.flow_label = s->flow_label,
		.src = client ? f->key.client : f->key.server,
		.dst = client ? f->key.server : f->key.client,
		.sport = client ? f->key.client_port : f->key.server_port,
		.dport = client ? f->key.server_port : f->key.client_port,
	};
	memcpy(t->l2, s->l2, s->l2_len);
	if (s->l2_len == 0 &&
		f->side[!side].l2_len >= ETH_BYTES) { // never heard of: the other's, turned round
		const struct flow_side *o = &f->side[!side];
		memcpy(t->l2, o->l2, o->l2_len);
		memcpy(t->l2, o->l2 + 6, 6);
		memcpy(t->l2 + 6, o->l2, 6);
		t->l2_len = o->l2_len;
		t->ttl = TTL_USUAL;
	}
}
