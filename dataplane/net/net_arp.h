// SPDX-License-Identifier: BSD-3-Clause
// ARP (RFC 826) as an interface speaks it: requests for its addresses answered, answers read,
// questions and announcements written. Thread: any; no state.
#pragma once

#include "net.h"
#include "net_neigh.h"

enum { NET_ARP_FRAME_MAX = NET_L2_MAX + 28 };

enum net_arp {            // what a frame is for us
	NET_ARP_NOTHING,  // not readable, of other networks, or between others
	NET_ARP_ASKS,     // for an address of ours: to be answered
	NET_ARP_TELLS,    // where somebody is
	NET_ARP_CONFLICT, // somebody else says that he has an address of ours (RFC 5227 2.4)
};

// Reads the message behind `off` bytes. But for NOTHING fills *news with what it says of its sender; of a
// CONFLICT `addr` is ours and `mac` the other's. *asked: with ASKS, the address that is asked for.
enum net_arp net_arp_read(struct span frame, size_t off, const struct net_iface *i,
	struct net_news *news, struct addr *asked);

// Write a whole frame into `buf` of NET_ARP_FRAME_MAX bytes; return its length, not padded.
size_t net_arp_answer(uint8_t *buf, const struct net_iface *i, const struct addr *asked,
	const struct net_news *to);
// Where `target` is: to everybody, or to `mac` alone where it is not NULL. `source`: of ours.
size_t net_arp_ask(uint8_t *buf, const struct net_iface *i, const struct addr *source,
	const struct addr *target, const uint8_t *mac);
// `own` is here: a request for itself, which changes no table but where it is already (RFC 5227 3).
size_t net_arp_announce(uint8_t *buf, const struct net_iface *i, const struct addr *own);
