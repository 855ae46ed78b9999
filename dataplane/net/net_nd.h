// SPDX-License-Identifier: BSD-3-Clause
// Neighbour discovery (RFC 4861) as an interface speaks it: solicitations for its addresses
// answered, advertisements read, both written. Routers' advertisements and redirects are not
// listened to: routes are the configuration's. Thread: any; no state.
#pragma once

#include "net.h"
#include "net_neigh.h"

enum { NET_ND_FRAME_MAX = NET_L2_MAX + 40 + 32 };

enum net_nd {
	NET_ND_NOTHING, // not readable, not valid (RFC 4861 7.1), or between others
	NET_ND_ASKS, // for an address of ours: to be answered; news->addr is ours, too, where the sender has
		     // no address yet and looks whether he may take it (RFC 4862 5.4.3)
	NET_ND_TELLS, // where somebody is
	NET_ND_CONFLICT, // somebody else says that he has an address of ours (RFC 4862 5.4.4), or asks from it
};

// Is this ICMPv6 type one of neighbour discovery (133 to 137)?
static inline bool net_nd_is(uint8_t type)
{
	return type >= 133 && type <= 137;
}

// Reads the ICMPv6 message of an IPv6 packet without extension headers at `off`. But for NOTHING fills *news
// with what it says of its sender (the MAC is that of the frame where the message has none); of a CONFLICT
// `addr` is ours. *asked: with ASKS, the address that is asked for.
enum net_nd net_nd_read(struct span frame, size_t off, const struct net_iface *i,
	struct net_news *news, struct addr *asked);

// Write a whole frame into `buf` of NET_ND_FRAME_MAX bytes; return its length.
size_t net_nd_answer(uint8_t *buf, const struct net_iface *i, const struct addr *asked,
	const struct net_news *to);
// Where `target` is: to its group (RFC 4291 2.7.1), or to `mac` alone where it is not NULL.
size_t net_nd_ask(uint8_t *buf, const struct net_iface *i, const struct addr *source,
	const struct addr *target, const uint8_t *mac);
// `own` is here, to all (RFC 4861 7.2.6).
size_t net_nd_announce(uint8_t *buf, const struct net_iface *i, const struct addr *own);
