// SPDX-License-Identifier: BSD-3-Clause
// First stage: which frames of a burst can be of a picked-up TCP port at all.
//
// Nearly everything can not, and for it one look at the first cache line is enough: plain IPv4 or
// IPv6 of another protocol, or TCP whose ports are not picked up. Whatever is not that simple
// (tags, labels, PPPoE, options, fragments, extension headers, tunnels, ICMP errors, several buffers) is parsed
// in whole. With no image nothing is picked up; TCP is counted as forwarded unread.
// Thread: the worker.
#include "eng_int.h"

#include <rte_prefetch.h>

#include "wire_field.h"
#include "wire_icmp.h"

enum {
	OFF_TYPE = 12,
	OFF_IP = WIRE_ETH_LEN,
	OFF_V4_FRAG = OFF_IP + 6,
	OFF_V4_PROTO = OFF_IP + 9,
	OFF_V4_PORTS = OFF_IP + WIRE_IP4_LEN,
	OFF_V6_NEXT = OFF_IP + 6,
	OFF_V6_PORTS = OFF_IP + WIRE_IP6_LEN,
	PREFETCH_AHEAD = 8,
};

// May the TCP segment with these ports stay unread?
static inline bool ports_pass(struct eng_worker *w, const uint8_t *p)
{
	if (w->image == NULL) {
		eng_count(w, PASS_NO_IMAGE);
		return true;
	}
	return !eng_picks_up(w, wire_get16(p)) && !eng_picks_up(w, wire_get16(p + 2));
}

// A tunnel is counted, so it is looked at.
static inline bool udp_passes(const uint8_t *p)
{
	return !wire_is_tunnel_port(wire_get16(p)) && !wire_is_tunnel_port(wire_get16(p + 2));
}

static inline bool v4_passes(struct eng_worker *w, const uint8_t *p, uint16_t n)
{
	if (n < OFF_V4_PORTS + 4 || p[OFF_IP] != 0x45)
		return false;
	if (p[OFF_V4_PROTO] == WIRE_IPPROTO_UDP)
		return udp_passes(p + OFF_V4_PORTS);
	if (p[OFF_V4_PROTO] == WIRE_IPPROTO_ICMP) // an error may quote a segment
		return !wire_icmp_is_error(p[OFF_V4_PORTS]);
	if (p[OFF_V4_PROTO] != WIRE_IPPROTO_TCP || (wire_get16(p + OFF_V4_FRAG) & 0x3fff) != 0)
		return false;
	return ports_pass(w, p + OFF_V4_PORTS);
}

static inline bool v6_passes(struct eng_worker *w, const uint8_t *p, uint16_t n)
{
	if (n < OFF_V6_PORTS + 4 || p[OFF_IP] >> 4 != 6)
		return false;
	if (p[OFF_V6_NEXT] == WIRE_IPPROTO_UDP)
		return udp_passes(p + OFF_V6_PORTS);
	if (p[OFF_V6_NEXT] == WIRE_IPPROTO_ICMPV6)
		return !wire_icmp6_is_error(p[OFF_V6_PORTS]);
	return p[OFF_V6_NEXT] == WIRE_IPPROTO_TCP && ports_pass(w, p + OFF_V6_PORTS);
}

static inline bool passes(struct eng_worker *w, const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint16_t type;

	if (m->data_len < OFF_IP)
		return m->nb_segs == 1; // not even an Ethernet header: nothing to read
	type = wire_get16(p + OFF_TYPE);
	if (type == WIRE_TYPE_IP4)
		return v4_passes(w, p, m->data_len);
	if (type == WIRE_TYPE_IP6)
		return v6_passes(w, p, m->data_len);
	return type == WIRE_TYPE_ARP || type < WIRE_TYPE_MIN;
}

// A view reads one buffer. No pool of ours hands out frames in pieces, but a driver may.
static bool view_frame(struct rte_mbuf *m)
{
	struct eng_meta *meta = eng_meta_of(m);
	struct span frame;

	if (m->nb_segs > 1 && rte_pktmbuf_linearize(m) != 0)
		return false;
	frame = eng_frame_of(m);
	wire_parse(frame, &meta->view);
	return true;
}

uint16_t eng_parse(struct eng_worker *w, struct rte_mbuf **pkts, uint16_t n, struct rte_mbuf **look,
	uint16_t *nlook)
{
	uint16_t plain = 0, others = 0;

	for (uint16_t i = 0; i < n && i < PREFETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], const void *));
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (i + PREFETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + PREFETCH_AHEAD], const void *));
		if (passes(w, m))
			pkts[plain++] = m;
		else if (view_frame(m))
			look[others++] = m;
		else
			eng_drop(w, m, DROP_CHAINED);
	}
	*nlook = others;
	return plain;
}
