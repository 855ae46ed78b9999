// SPDX-License-Identifier: BSD-3-Clause
// ICMP and ICMPv6 as a router speaks them: echo answered, errors about packets that cannot go on.
// How often errors may leave is the caller's (RFC 1812 4.3.2.8, RFC 4443 2.4(f)).
// Thread: any; no state.
#pragma once

#include "net.h"

enum { NET_ICMP_FRAME_MAX = NET_L2_MAX + 1280 }; // RFC 4443 2.4(c)

enum net_icmp_why {
	NET_ICMP_TIME,     // TTL or hop limit used up
	NET_ICMP_TOO_BIG,  // for the next link, and not to be cut
	NET_ICMP_NO_ROUTE, // network unreachable
	NET_ICMP_NO_HOST,  // the next hop does not answer
};

// Makes an echo request at `off`, an IP packet to an address of ours, its own answer, link header included.
// false, and nothing changed: it is none that can be answered.
bool net_icmp_echo(uint8_t *frame, size_t n, size_t off);

// May an error be sent about the IP packet at `off`? Not about errors, later fragments, what came to or
// from many (RFC 1122 3.2.2, RFC 4443 2.4(e)).
bool net_icmp_is_due(struct span frame, size_t off);
// Writes the error about the packet of `frame` at `off` to its sender, by the MAC that sent it, into `buf`
// of NET_ICMP_FRAME_MAX bytes. `mtu`: with TOO_BIG, of the next link. Returns its length; 0 where the
// interface has no address of the family.
size_t net_icmp_error(uint8_t *buf, const struct net_iface *i, struct span frame, size_t off,
	enum net_icmp_why why, uint32_t mtu);
