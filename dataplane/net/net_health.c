// SPDX-License-Identifier: BSD-3-Clause
// Our number is a keyed hash of both ends and the time; what the client acknowledges beyond it tells how much of our
// answer it has. Answers differ in length, so any place up to the longest is taken for ours: one in 2^27 guesses
// over that many places hits, and is worth one answer.
// Thread: any; no state.
#include "net_health.h"

#include "hash.h"
#include "wire_field.h"
#include "wire_tcp.h"

enum {
	AGE_BITS = 5,
	HASH_BITS = 32 - AGE_BITS,
	AGES = 1 << AGE_BITS,
	WINDOW = 2048, // a request is short
	TTL = 64,
	FRAG_MASK = 0x3fff, // more to come, or not the first
	SAID_MAX = 160,
};

struct place { // in the client's packet
	struct addr src, dst;
	uint16_t sport, dport;
	uint32_t age;
};

static uint32_t number(const struct net_health *h, struct place *p, uint32_t age)
{
	_Static_assert(sizeof(*p) == 16 + 16 + 4 + 4, "no padding is hashed");
	p->age = age;
	return age << HASH_BITS | (uint32_t)hash_siphash(h->secret, p, sizeof(*p)) >> AGE_BITS;
}

static void place_set(struct place *p, struct span frame, const struct wire_view *v)
{
	wire_addrs(frame, v, &p->src, &p->dst);
	p->sport = v->sport;
	p->dport = v->dport;
}

// How many octets of ours, SYN and FIN included, the acknowledgement counts; 0: it is none of our numbers.
static uint32_t heard(const struct net_health *h, struct span frame, const struct wire_view *v)
{
	struct place p;

	place_set(&p, frame, v);
	for (uint32_t back = 0; back <= 1; back++) {
		uint32_t n = v->ack - number(h, &p, h->age - back);

		if (n >= 1 && n <= SAID_MAX + 2)
			return n;
	}
	return 0;
}

// Extension headers and options are not followed: no client of such a port has any.
static bool is_for(const struct net_health *h, const uint8_t *ip, size_t n)
{
	if (n >= WIRE_IP4_LEN && ip[0] >> 4 == 4) {
		size_t head = (ip[0] & 15) * 4u;

		return ip[9] == WIRE_IPPROTO_TCP && n >= head + 4 &&
			(wire_get16(ip + 6) & FRAG_MASK) == 0 &&
			wire_get16(ip + head + 2) == h->port;
	}
	return n >= WIRE_IP6_LEN + 4 && ip[0] >> 4 == 6 && ip[6] == WIRE_IPPROTO_TCP &&
		wire_get16(ip + WIRE_IP6_LEN + 2) == h->port;
}

static enum net_health_seen segment_read(
	const struct net_health *h, struct span frame, const struct wire_view *v)
{
	const bool fin = (v->tcp_flags & TCP_FIN) != 0;
	uint32_t n;

	if (v->tcp_flags & TCP_RST) // some close so behind the handshake
		return (v->tcp_flags & TCP_ACK) && heard(h, frame, v) != 0 ? NET_HEALTH_QUIET
									   : NET_HEALTH_OVER;
	if (v->tcp_flags &
		TCP_SYN) // one with FIN is nobody's; a SYN-ACK answers what we never asked
		return v->tcp_flags & TCP_ACK ? NET_HEALTH_STRAY
			: fin                 ? NET_HEALTH_ODD
					      : NET_HEALTH_OPENS;
	if (!(v->tcp_flags & TCP_ACK)) // RFC 9293 3.10.7.4
		return NET_HEALTH_ODD;
	n = heard(h, frame, v);
	if (n == 0)
		return NET_HEALTH_STRAY;
	if (v->payload_len == 0 && !fin)
		return NET_HEALTH_QUIET;
	return n == 1 && v->payload_len > 0 ? NET_HEALTH_ASKS : NET_HEALTH_ENDS;
}

enum net_health_seen net_health_read(const struct net_health *h, struct span frame, size_t off,
	bool proved, struct wire_view *v, struct addr *src)
{
	struct addr dst;

	if (frame.n <= off || !is_for(h, frame.p + off, frame.n - off))
		return NET_HEALTH_NOTHING;
	wire_parse(frame, v);
	*src = (struct addr){0};
	if (v->proto != WIRE_TCP || v->l3_off != off)
		return NET_HEALTH_ODD;
	wire_addrs(frame, v, src, &dst);
	if (net_mac_is_group(frame.p) || net_mac_is_group(frame.p + NET_MAC_LEN) || v->sport == 0 ||
		(v->family == 4 && v->l4_off != off + WIRE_IP4_LEN) ||
		(!proved && !wire_tcp_csum_ok(frame, v)))
		return NET_HEALTH_ODD;
	return segment_read(h, frame, v);
}

static bool begins(struct span s, const char *word)
{
	size_t n = strlen(word);

	return s.n >= n && memcmp(s.p, word, n) == 0;
}

static struct span said(struct span request, enum net_health_says says)
{
	static const char *const get[] = {
		"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nup\n",
		"HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
		"Connection: close\r\n\r\ndown\n"};
	static const char *const head[] = {"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n",
		"HTTP/1.0 503 Service Unavailable\r\nConnection: close\r\n\r\n"};
	static const char *const line[] = {"up\r\n", "down\r\n"};

	return span_str(begins(request, "GET ")    ? get[says]
			: begins(request, "HEAD ") ? head[says]
						   : line[says]);
}

// RFC 9293 3.10.7.1
static void reset_set(struct wire_tcp_out *o, const struct wire_view *v)
{
	o->window = 0;
	if (v->tcp_flags & TCP_ACK) {
		o->flags = TCP_RST;
		o->seq = v->ack;
		o->ack = 0;
	} else {
		o->flags = TCP_RST | TCP_ACK;
		o->seq = 0;
	}
}

size_t net_health_answer(uint8_t *buf, const struct net_health *h, struct span frame,
	const struct wire_view *v, enum net_health_seen seen, enum net_health_says says)
{
	const uint32_t taken = (uint32_t)v->payload_len + ((v->tcp_flags & TCP_FIN) != 0) +
		((v->tcp_flags & TCP_SYN) != 0);
	struct wire_tcp_out o = {
		.seq = v->ack, .ack = v->seq + taken, .window = WINDOW, .flags = TCP_ACK};
	struct wire_tmpl forth, back;
	struct place p;

	if (seen == NET_HEALTH_STRAY || (seen == NET_HEALTH_OPENS && says == NET_HEALTH_NO)) {
		reset_set(&o, v);
	} else if (seen == NET_HEALTH_OPENS) {
		place_set(&p, frame, v);
		o.seq = number(h, &p, h->age);
		o.ack = v->seq + 1; // no octets with it: they come again
		o.flags |= TCP_SYN;
	} else if (seen == NET_HEALTH_ASKS) {
		o.flags |= TCP_PSH | TCP_FIN;
		o.payload = said(span_sub(frame, v->payload_off, v->payload_len), says);
	} else if (v->payload_len == 0 && heard(h, frame, v) == 1) { // closed without asking
		o.flags |= TCP_FIN;
	}
	wire_tmpl_set(&forth, frame, v);
	back = forth;
	memcpy(back.l2, forth.l2 + NET_MAC_LEN, NET_MAC_LEN);
	memcpy(back.l2 + NET_MAC_LEN, forth.l2, NET_MAC_LEN);
	back.src = forth.dst;
	back.dst = forth.src;
	back.sport = forth.dport;
	back.dport = forth.sport;
	back.ttl = TTL;
	back.tos = 0;
	return wire_tcp_build(buf, NET_HEALTH_FRAME_MAX, &back, &o);
}

// Does `a` mean a link of ours, or all who are on it?
static bool is_link(const struct net_addr *own, const struct addr *a)
{
	const struct prefix link = {.addr = own->addr, .len = own->len};

	return addr_is_v4(a) && addr_is_v4(&own->addr) && own->len <= 126 && prefix_has(&link, a) &&
		addr_is_edge(a, own->len);
}

bool net_health_is_somebody(const struct net_iface *ifaces, size_t n, const struct addr *src)
{
	if (net_is_multicast(src) || addr_is_nobodys(src))
		return false;
	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < ifaces[i].naddrs; k++) {
			const struct net_addr *own = &ifaces[i].addr[k];

			if (addr_eq(&own->addr, src) || is_link(own, src))
				return false;
		}
	return true;
}
