// SPDX-License-Identifier: BSD-3-Clause
// Finds the headers of a frame. Every offset is checked against the end of the layer above it:
// frame, PPPoE length, IP length; what lies behind (Ethernet's padding) belongs to nobody.
// It says what is there and judges nothing: forward, drop or read is the engine's business.
//
// It runs for each packet forwarded: untagged IPv4 with TCP is a straight line through inlined
// functions, all that is rarer branches off.
// Thread: any; no state.
#include "wire_parse.h"

#include "wire_int.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define STRAIGHT inline __attribute__((always_inline))

enum { TYPE_LENGTH_MAX = 1500 }; // an ethertype up to here is an 802.3 length (clause 3.2.6)

enum { // PPP protocol numbers
	PPP_IP4 = 0x0021,
	PPP_IP6 = 0x0057,
	PPP_CONTROL = 0x8000, // from here on network and link control
};

static inline void broken(struct wire_view *v)
{
	v->proto = WIRE_BROKEN;
}

static STRAIGHT void tcp_parse(const uint8_t *p, unsigned off, unsigned end, struct wire_view *v)
{
	const uint8_t *h = p + off;
	unsigned len;

	if (UNLIKELY(end - off < WIRE_TCP_LEN))
		return broken(v);
	len = (unsigned)(h[12] >> 4) * 4;
	if (UNLIKELY(len < WIRE_TCP_LEN || len > end - off))
		return broken(v);
	v->sport = wire_get16(h);
	v->dport = wire_get16(h + 2);
	v->seq = wire_get32(h + 4);
	v->ack = wire_get32(h + 8);
	v->tcp_flags = h[13];
	v->window = wire_get16(h + 14);
	v->payload_off = (uint16_t)(off + len);
	v->payload_len = (uint16_t)(end - off - len);
	v->proto = WIRE_TCP;
}

static void udp_parse(const uint8_t *p, unsigned off, unsigned end, struct wire_view *v)
{
	const uint8_t *h = p + off;
	unsigned len;

	if (end - off < WIRE_UDP_LEN)
		return broken(v);
	len = wire_get16(h + 4);
	if (len < WIRE_UDP_LEN || len > end - off)
		return broken(v);
	v->sport = wire_get16(h);
	v->dport = wire_get16(h + 2);
	v->payload_off = (uint16_t)(off + WIRE_UDP_LEN);
	v->payload_len = (uint16_t)(len - WIRE_UDP_LEN);
	v->proto = WIRE_UDP;
	if (wire_is_tunnel_port(v->dport))
		v->flags |= WIRE_F_TUNNEL;
}

static bool is_tunnel_proto(uint8_t proto)
{
	switch (proto) {
	case WIRE_IPPROTO_IPIP:
	case WIRE_IPPROTO_IPV6:
	case WIRE_IPPROTO_GRE:
	case WIRE_IPPROTO_ESP:
	case WIRE_IPPROTO_AH: // under IPv4 it is not followed
	case WIRE_IPPROTO_ETHERIP:
	case WIRE_IPPROTO_L2TP:
	case WIRE_IPPROTO_MPLS:
		return true;
	default:
		return false;
	}
}

// All but TCP. Where nothing is known of a header, the payload is what IP carries.
static void l4_parse(const uint8_t *p, unsigned off, unsigned end, struct wire_view *v)
{
	unsigned icmp = v->family == 4 ? WIRE_IPPROTO_ICMP : WIRE_IPPROTO_ICMPV6;

	v->payload_off = (uint16_t)off;
	v->payload_len = (uint16_t)(end - off);
	if (v->ip_proto == WIRE_IPPROTO_UDP)
		return udp_parse(p, off, end, v);
	if (v->ip_proto == icmp) {
		if (end - off < WIRE_ICMP_LEN)
			return broken(v);
		v->payload_off = (uint16_t)(off + WIRE_ICMP_LEN);
		v->payload_len = (uint16_t)(end - off - WIRE_ICMP_LEN);
		v->proto = WIRE_ICMP;
	} else if (is_tunnel_proto(v->ip_proto)) {
		v->flags |= WIRE_F_TUNNEL;
	}
}

static void fragment_set(unsigned off, unsigned end, bool first, struct wire_view *v)
{
	v->proto = WIRE_FRAGMENT;
	v->l4_off = (uint16_t)off;
	v->payload_off = (uint16_t)off;
	v->payload_len = (uint16_t)(end - off);
	if (first)
		v->flags |= WIRE_F_FRAG_FIRST;
}

// RFC 791 3.1. `end` is where the frame or the layer above ends.
static STRAIGHT void ip4_parse(const uint8_t *p, unsigned off, unsigned end, struct wire_view *v)
{
	const uint8_t *h = p + off;
	unsigned head, total, frag;

	v->l3_off = (uint16_t)off;
	if (UNLIKELY(end - off < WIRE_IP4_LEN || h[0] >> 4 != 4))
		return broken(v);
	v->family = 4;
	v->ip_proto = h[9];
	head = (unsigned)(h[0] & 15) * 4;
	total = wire_get16(h + 2);
	if (UNLIKELY(head < WIRE_IP4_LEN || total < head || total > end - off))
		return broken(v);
	v->l3_len = (uint16_t)total;
	end = off + total;
	off += head;
	v->l4_off = (uint16_t)off;
	frag = wire_get16(h + 6) & 0x3fff; // more fragments, offset
	if (UNLIKELY(frag != 0))
		return fragment_set(off, end, (frag & 0x1fff) == 0, v);
	if (LIKELY(h[9] == WIRE_IPPROTO_TCP))
		return tcp_parse(p, off, end, v);
	l4_parse(p, off, end, v);
}

enum walk { WALK_UPPER, WALK_ENDED };

// Follows extension headers (RFC 8200 4, RFC 4302 2.2) from *off; ends at the upper layer, with
// *off there, or earlier with the view's proto set.
static enum walk extensions_walk(const uint8_t *p, unsigned *off, unsigned end, struct wire_view *v)
{
	for (unsigned i = 0; wire_is_extension(v->ip_proto); i++) {
		const uint8_t *h = p + *off;
		unsigned len, frag;

		if (i == WIRE_EXT_MAX) {
			v->flags |= WIRE_F_DEEP;
			v->payload_off = (uint16_t)*off;
			v->payload_len = (uint16_t)(end - *off);
			return WALK_ENDED;
		}
		if (end - *off < 8) {
			broken(v);
			return WALK_ENDED;
		}
		len = wire_extension_len(v->ip_proto, h);
		if (len > end - *off) {
			broken(v);
			return WALK_ENDED;
		}
		frag = v->ip_proto == WIRE_IPPROTO_FRAGMENT ? wire_get16(h + 2) & 0xfff9 : 0;
		v->ip_proto = h[0];
		*off += len;
		v->l4_off = (uint16_t)*off;
		if (frag != 0) { // an atomic fragment is a whole packet (RFC 6946)
			fragment_set(*off, end, (frag & 0xfff8) == 0, v);
			return WALK_ENDED;
		}
	}
	return WALK_UPPER;
}

// RFC 8200 3. A jumbogram's payload length is 0: no port of ours can carry one, so it is broken.
static void ip6_parse(const uint8_t *p, unsigned off, unsigned end, struct wire_view *v)
{
	const uint8_t *h = p + off;
	unsigned len;

	v->l3_off = (uint16_t)off;
	if (UNLIKELY(end - off < WIRE_IP6_LEN || h[0] >> 4 != 6))
		return broken(v);
	v->family = 6;
	v->ip_proto = h[6];
	len = WIRE_IP6_LEN + wire_get16(h + 4);
	if (UNLIKELY(len > end - off))
		return broken(v);
	v->l3_len = (uint16_t)len;
	end = off + len;
	off += WIRE_IP6_LEN;
	v->l4_off = (uint16_t)off;
	if (UNLIKELY(wire_is_extension(v->ip_proto)) && extensions_walk(p, &off, end, v) == WALK_ENDED)
		return;
	if (LIKELY(v->ip_proto == WIRE_IPPROTO_TCP))
		return tcp_parse(p, off, end, v);
	l4_parse(p, off, end, v);
}

// RFC 3032. Nothing says what lies under the labels: the first nibble is taken for the IP version,
// as routers do (RFC 4928 1); another one may be a pseudowire with Ethernet inside.
static void mpls_parse(const uint8_t *p, unsigned off, unsigned end, struct wire_view *v)
{
	bool bottom = false;

	v->flags |= WIRE_F_MPLS;
	for (unsigned i = 0; i < WIRE_LABELS_MAX && !bottom; i++) {
		if (end - off < WIRE_LABEL_LEN)
			return;
		bottom = (p[off + 2] & 1) != 0;
		off += WIRE_LABEL_LEN;
	}
	if (!bottom)
		v->flags |= WIRE_F_DEEP;
	else if (end > off && p[off] >> 4 == 4)
		ip4_parse(p, off, end, v);
	else if (end > off && p[off] >> 4 == 6)
		ip6_parse(p, off, end, v);
	else
		v->flags |= WIRE_F_TUNNEL;
}

// RFC 2516 4: version and type 1, code 0; the length counts from the PPP protocol on. Compressed
// protocol fields, compressed and multilink PPP are not followed, only pointed out.
static void pppoe_parse(const uint8_t *p, unsigned off, unsigned end, struct wire_view *v)
{
	const uint8_t *h = p + off;
	unsigned len, ppp;

	v->flags |= WIRE_F_PPPOE;
	if (end - off < WIRE_PPPOE_LEN || h[0] != 0x11 || h[1] != 0)
		return;
	len = wire_get16(h + 4);
	if (len < 2 || len > end - off - 6)
		return broken(v);
	end = off + 6 + len;
	off += WIRE_PPPOE_LEN;
	ppp = wire_get16(h + 6);
	if (ppp == PPP_IP4)
		ip4_parse(p, off, end, v);
	else if (ppp == PPP_IP6)
		ip6_parse(p, off, end, v);
	else if (ppp < PPP_CONTROL)
		v->flags |= WIRE_F_TUNNEL;
}

// LLC with a SNAP header that names IP (RFC 1042): nobody sends it, some stacks may take it.
static bool is_snap_ip(const uint8_t *p, unsigned off, unsigned end)
{
	static const uint8_t SNAP[6] = {0xaa, 0xaa, 0x03};
	unsigned type;

	if (end - off < 8 || memcmp(p + off, SNAP, sizeof(SNAP)) != 0)
		return false;
	type = wire_get16(p + off + 6);
	return type == WIRE_TYPE_IP4 || type == WIRE_TYPE_IP6;
}

// By the ethertype already read, `off` behind it.
static void typed_parse(const uint8_t *p, unsigned off, unsigned end, struct wire_view *v)
{
	switch (v->ethertype) {
	case WIRE_TYPE_IP4:
		return ip4_parse(p, off, end, v);
	case WIRE_TYPE_IP6:
		return ip6_parse(p, off, end, v);
	case WIRE_TYPE_MPLS:
	case WIRE_TYPE_MPLS_UP:
		return mpls_parse(p, off, end, v);
	case WIRE_TYPE_PPPOE:
		return pppoe_parse(p, off, end, v);
	default:
		if (v->ethertype <= TYPE_LENGTH_MAX && is_snap_ip(p, off, end))
			v->flags |= WIRE_F_TUNNEL;
	}
}

// Reads the tags, if any, then goes on by the ethertype behind them.
static void tagged_parse(const uint8_t *p, unsigned end, struct wire_view *v)
{
	unsigned off = WIRE_ETH_LEN;

	while (wire_is_tag(v->ethertype)) {
		if (v->ntags == WIRE_TAGS_MAX) {
			v->flags |= WIRE_F_DEEP;
			return;
		}
		if (end - off < WIRE_TAG_LEN)
			return;
		v->tci[v->ntags++] = wire_get16(p + off);
		v->ethertype = wire_get16(p + off + 2);
		off += WIRE_TAG_LEN;
	}
	typed_parse(p, off, end, v);
}

void wire_parse(struct span frame, struct wire_view *v)
{
	unsigned end = frame.n > UINT16_MAX ? UINT16_MAX : (unsigned)frame.n; // offsets are 16 bits

	*v = (struct wire_view){0};
	if (UNLIKELY(end < WIRE_ETH_LEN))
		return;
	v->ethertype = wire_get16(frame.p + 12);
	if (LIKELY(v->ethertype == WIRE_TYPE_IP4))
		ip4_parse(frame.p, WIRE_ETH_LEN, end, v);
	else
		tagged_parse(frame.p, end, v);
}

void wire_addrs(struct span frame, const struct wire_view *v, struct addr *src, struct addr *dst)
{
	const uint8_t *h = frame.p + v->l3_off;

	if (v->family == 4) {
		*src = addr_from_v4(h + 12);
		*dst = addr_from_v4(h + 16);
	} else {
		*src = addr_from_v6(h + 8);
		*dst = addr_from_v6(h + 24);
	}
}
