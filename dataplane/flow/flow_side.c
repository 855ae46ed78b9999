// SPDX-License-Identifier: BSD-3-Clause
// What a side's segments look like outside of TCP: kept from its last packet, so that segments of
// ours carry the same MACs, tags, TTL, TOS and flow label. A flow keeps it small (flow_face): link
// headers of up to two tags in its cell, longer ones in a place that flows share (flow_deep.c).
// Thread: the worker that owns the flow.
#include "flow_int.h"

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

static uint32_t deep_of(const struct flow_face *face)
{
	uint32_t i;

	memcpy(&i, face->l2, sizeof(i));
	return i;
}

static struct span l2_of(const struct flow_table *t, const struct flow_face *face)
{
	bool deep = face->l2_len > FLOW_L2_INLINE;

	return (struct span){
		.p = deep ? t->deeps.deep[deep_of(face)].l2 : face->l2, .n = face->l2_len};
}

// Keeps a link header; false where it is long and no place is left: then the old one stays.
static bool l2_keep(struct flow_table *t, struct flow_face *face, struct span l2)
{
	uint32_t deep = FLOW_NONE;

	if (l2.n > FLOW_L2_INLINE && (deep = flow_deep_take(&t->deeps, l2)) == FLOW_NONE)
		return false;
	flow_face_forget(t, face);
	if (deep != FLOW_NONE)
		memcpy(face->l2, &deep, sizeof(deep));
	else
		memcpy(face->l2, l2.p, l2.n);
	face->l2_len = (uint8_t)l2.n;
	return true;
}

void flow_face_forget(struct flow_table *t, struct flow_face *face)
{
	if (face->l2_len > FLOW_L2_INLINE)
		flow_deep_put(&t->deeps, deep_of(face));
	face->l2_len = 0;
}

static void label_keep(struct flow_face *face, uint32_t label)
{
	face->label[0] = (uint8_t)(label >> 16);
	face->label[1] = (uint8_t)(label >> 8);
	face->label[2] = (uint8_t)label;
}

// The usual link header, as it is known: two loads of eight bytes instead of a call.
static inline bool is_plain_l2(
	const struct flow_face *face, struct span frame, const struct wire_view *v)
{
	uint64_t a[2], b[2];

	if (face->l2_len != ETH_BYTES || v->l3_off != ETH_BYTES)
		return false;
	memcpy(&a[0], frame.p, 8);
	memcpy(&a[1], frame.p + ETH_BYTES - 8, 8);
	memcpy(&b[0], face->l2, 8);
	memcpy(&b[1], face->l2 + ETH_BYTES - 8, 8);
	return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0;
}

static bool l2_note(struct flow_table *t, struct flow_face *face, struct span l2)
{
	struct span known = l2_of(t, face);

	if (l2.n > FLOW_L2_MAX)
		return false;
	return (l2.n == known.n && memcmp(l2.p, known.p, l2.n) == 0) || l2_keep(t, face, l2);
}

bool flow_note(struct flow_table *t, struct flow *f, enum stream_side side, struct span frame,
	const struct wire_view *v, uint16_t in_port)
{
	struct flow_face *face = &f->face[side];
	struct wire_look look;

	if (!is_plain_l2(face, frame, v) && !l2_note(t, face, span_sub(frame, 0, v->l3_off)))
		return false;
	wire_look_take(&look, frame, v);
	face->in_port = (uint8_t)in_port;
	face->tos = look.tos;
	face->ttl = look.ttl;
	if (v->family == 6)
		label_keep(face, look.flow_label);
	if (face->ttl > face->ttl_max)
		face->ttl_max = face->ttl;
	return true;
}

bool flow_face_set(
	struct flow_table *t, struct flow *f, enum stream_side side, const struct flow_side *s)
{
	struct flow_face *face = &f->face[side];

	bool kept = l2_keep(t, face, (struct span){.p = s->l2, .n = s->l2_len});
	face->in_port = (uint8_t)s->in_port;
	face->tos = s->tos;
	face->ttl = s->ttl;
	face->ttl_max = s->ttl_max;
	label_keep(face, s->flow_label);
	return kept;
}

void flow_template(const struct flow_table *t, const struct flow *f, enum stream_side side,
	bool for_reset, struct wire_tmpl *o)
{
	const struct flow_face *s = &f->face[side];
	struct span l2 = l2_of(t, s), other = l2_of(t, &f->face[!side]);
	bool client = side == STREAM_CLIENT;

	*o = (struct wire_tmpl){
		.l2_len = (uint8_t)l2.n,
		.family = addr_is_v4(&f->key.client) ? 4 : 6,
		.ttl = for_reset ? s->ttl_max : s->ttl,
		.tos = s->tos,
		.flow_label =
			(uint32_t)s->label[0] << 16 | (uint32_t)s->label[1] << 8 | s->label[2],
		.src = client ? f->key.client : f->key.server,
		.dst = client ? f->key.server : f->key.client,
		.sport = client ? f->key.client_port : f->key.server_port,
		.dport = client ? f->key.server_port : f->key.client_port,
	};
	memcpy(o->l2, l2.p, l2.n);
	if (l2.n == 0 && other.n >= ETH_BYTES) { // never heard of: the other's, turned round
		memcpy(o->l2, other.p, other.n);
		memcpy(o->l2, other.p + 6, 6);
		memcpy(o->l2 + 6, other.p, 6);
		o->l2_len = (uint8_t)other.n;
		o->ttl = TTL_USUAL;
	}
}
