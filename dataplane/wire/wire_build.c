// SPDX-License-Identifier: BSD-3-Clause
// Whole TCP segments of our own, in the clothes of a direction's last packet: same MACs, tags,
// labels, PPPoE session, TTL, TOS, flow label. IPv6 extension headers are not copied.
// IPv4 packets go with DF and identification 0 (RFC 6864 4.1): the sender keeps them small.
// Thread: any; no state.
#include "panic.h"
#include "wire_int.h"
#include "wire_tcp.h"

enum {
	MSS_OPT_LEN = 4,
	TS_OPT_LEN = 12, // two NOPs in front, as everybody sends it (RFC 7323 appendix A)
	IP4_DF = 0x4000,
};

void wire_look_take(struct wire_look *l, struct span frame, const struct wire_view *v)
{
	enum { ECN = 0x03, LABEL = 0xfffff };
	const uint8_t *ip = frame.p + v->l3_off;
	bool v4 = v->family == 4;

	*l = (struct wire_look){
		.ttl = v4 ? ip[8] : ip[7],
		.tos = (uint8_t)((v4 ? ip[1] : wire_get16(ip) >> 4) & ~ECN),
		.flow_label = v4 ? 0 : wire_get32(ip) & LABEL,
	};
}

void wire_tmpl_set(struct wire_tmpl *t, struct span frame, const struct wire_view *v)
{
	struct wire_look look;

	HOT_ASSERT(v->l3_off <= WIRE_L2_MAX && v->family != 0);
	*t = (struct wire_tmpl){
		.l2_len = (uint8_t)v->l3_off,
		.family = v->family,
		.sport = v->sport,
		.dport = v->dport,
	};
	memcpy(t->l2, frame.p, v->l3_off);
	wire_addrs(frame, v, &t->src, &t->dst);
	wire_look_take(&look, frame, v);
	t->tos = look.tos;
	t->ttl = look.ttl;
	t->flow_label = look.flow_label;
}

// Where the PPPoE header begins in a template's l2 part; 0: it has none. Found from the front: seen
// from the back a MAC or a label may look like it.
static unsigned pppoe_find(const struct wire_tmpl *t)
{
	unsigned off = WIRE_ETH_LEN;

	while (off + WIRE_TAG_LEN <= t->l2_len && wire_is_tag(wire_get16(t->l2 + off - 2)))
		off += WIRE_TAG_LEN;
	if (t->l2_len != off + WIRE_PPPOE_LEN || wire_get16(t->l2 + off - 2) != WIRE_TYPE_PPPOE)
		return 0;
	return off;
}

static void ip4_write(uint8_t *h, const struct wire_tmpl *t, unsigned total)
{
	memset(h, 0, WIRE_IP4_LEN);
	h[0] = 0x45;
	h[1] = t->tos;
	wire_put16(h + 2, total);
	wire_put16(h + 6, IP4_DF);
	h[8] = t->ttl;
	h[9] = WIRE_IPPROTO_TCP;
	memcpy(h + 12, t->src.b + 12, 4);
	memcpy(h + 16, t->dst.b + 12, 4);
}

static void ip6_write(uint8_t *h, const struct wire_tmpl *t, unsigned total)
{
	wire_put32(h, 6u << 28 | (uint32_t)t->tos << 20 | (t->flow_label & 0xfffff));
	wire_put16(h + 4, total - WIRE_IP6_LEN);
	h[6] = WIRE_IPPROTO_TCP;
	h[7] = t->ttl;
	memcpy(h + 8, t->src.b, 16);
	memcpy(h + 24, t->dst.b, 16);
}

static void tcp_write(
	uint8_t *h, unsigned len, const struct wire_tmpl *t, const struct wire_tcp_out *o)
{
	uint8_t *opt = h + WIRE_TCP_LEN;

	wire_put16(h, t->sport);
	wire_put16(h + 2, t->dport);
	wire_put32(h + 4, o->seq);
	wire_put32(h + 8, o->ack);
	h[12] = (uint8_t)(len / 4 << 4);
	h[13] = o->flags;
	wire_put16(h + 14, o->window);
	wire_put32(h + 16, 0); // checksum, urgent pointer
	if (o->mss != 0) {
		wire_put16(opt, 2 << 8 | MSS_OPT_LEN);
		wire_put16(opt + 2, o->mss);
		opt += MSS_OPT_LEN;
	}
	if (o->has_ts) {
		wire_put32(opt, 1 << 24 | 1 << 16 | 8 << 8 | 10);
		wire_put32(opt + 4, o->ts_val);
		wire_put32(opt + 8, o->ts_ecr);
	}
}

size_t wire_tcp_build(
	uint8_t *buf, size_t cap, const struct wire_tmpl *t, const struct wire_tcp_out *o)
{
	unsigned ip_len = t->family == 4 ? WIRE_IP4_LEN : WIRE_IP6_LEN;
	unsigned tcp_len =
		WIRE_TCP_LEN + (o->mss != 0 ? MSS_OPT_LEN : 0) + (o->has_ts ? TS_OPT_LEN : 0);
	// Offsets of a view are 16 bits, and so are the length fields.
	size_t room = cap < UINT16_MAX ? cap : UINT16_MAX;
	size_t head = (size_t)t->l2_len + ip_len + tcp_len;
	unsigned pppoe = pppoe_find(t);
	struct wire_view v;

	if (head > room || o->payload.n > room - head)
		return 0;
	v = (struct wire_view){
		.proto = WIRE_TCP,
		.family = t->family,
		.l3_off = t->l2_len,
		.l3_len = (uint16_t)(ip_len + tcp_len + o->payload.n),
		.l4_off = (uint16_t)(t->l2_len + ip_len),
	};
	memcpy(buf, t->l2, t->l2_len);
	if (pppoe != 0) // its length counts from the PPP protocol on
		wire_put16(buf + pppoe + 4, 2u + v.l3_len);
	if (t->family == 4)
		ip4_write(buf + v.l3_off, t, v.l3_len);
	else
		ip6_write(buf + v.l3_off, t, v.l3_len);
	tcp_write(buf + v.l4_off, tcp_len, t, o);
	if (o->payload.n != 0)
		memcpy(buf + head, o->payload.p, o->payload.n);
	wire_ip_csum_set(buf, head + o->payload.n, &v);
	wire_tcp_csum_set(buf, head + o->payload.n, &v);
	return head + o->payload.n;
}
