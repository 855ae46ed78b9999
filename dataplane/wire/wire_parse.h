// SPDX-License-Identifier: BSD-3-Clause
// Where the headers of a frame lie: Ethernet, up to 3 tags, 4 MPLS labels, PPPoE, IPv4/IPv6 with
// up to 8 extension headers, TCP, UDP, ICMP. Reads hostile bytes; never past the span; no state.
// Everything is offsets into the frame, so a view stays right when the frame is edited in place.
// Thread: any.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "span.h"
#include "tcp_flags.h"

enum {
	WIRE_TAGS_MAX = 3,
	WIRE_LABELS_MAX = 4,
	WIRE_EXT_MAX = 8,
};

enum wire_proto { // what the innermost understood header is
	WIRE_OTHER,     // not IP, or an IP payload that is none of these
	WIRE_TCP,       // whole TCP header present, offsets valid
	WIRE_UDP,
	WIRE_ICMP,      // ICMP or ICMPv6
	WIRE_FRAGMENT,  // a fragment of an IP packet, first or later; l4_off and ip_proto valid
	WIRE_BROKEN,    // an IP packet whose lengths lie (cut short, longer than the frame)
	WIRE_PROTO_COUNT
};

enum { // wire_view.flags
	WIRE_F_MPLS = 1 << 0,
	WIRE_F_PPPOE = 1 << 1,
	WIRE_F_DEEP = 1 << 2,       // more tags, labels or extension headers than we follow
	WIRE_F_FRAG_FIRST = 1 << 3, // with WIRE_FRAGMENT: offset 0
	WIRE_F_TUNNEL = 1 << 4,     // IP in IP, GRE or the like: something may hide inside
};

struct wire_view {
	uint8_t proto;      // enum wire_proto
	uint8_t flags;      // WIRE_F_*
	uint8_t family;     // 4, 6, or 0 where not IP
	uint8_t ip_proto;   // innermost next header
	uint8_t ntags;      // VLAN tags seen, outermost first
	uint8_t tcp_flags;  // TCP_SYN...
	uint16_t ethertype; // host order; behind the tags (MPLS's or PPPoE's own)
	uint16_t tci[WIRE_TAGS_MAX]; // host order, PCP and DEI included
	uint16_t l3_off;    // bytes from the frame's start
	uint16_t l4_off;
	uint16_t payload_off; // TCP, UDP, ICMP payload (8 bytes in); what IP carries for all others
	uint16_t payload_len; // bytes by the IP length, never beyond the frame
	uint16_t l3_len;      // bytes of the IP packet by its own length
	uint16_t sport, dport; // host order; 0 unless TCP or UDP
	uint16_t window;       // unscaled
	uint32_t seq, ack;     // host order
};

// Parses one frame. Always fills *v; a frame that is not understood is WIRE_OTHER or WIRE_BROKEN.
void wire_parse(struct span frame, struct wire_view *v);

// The addresses of a parsed IP packet (family 4 or 6).
void wire_addrs(struct span frame, const struct wire_view *v, struct addr *src, struct addr *dst);

// UDP ports of tunnels that carry IP or Ethernet: L2TP, GTP-U, Teredo, VXLAN, Geneve.
static inline bool wire_is_tunnel_port(uint16_t port)
{
	return port == 2152 || port == 4789 || port == 6081 || port == 1701 || port == 3544;
}
