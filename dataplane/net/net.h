// SPDX-License-Identifier: BSD-3-Clause
// An interface of our own: a port, perhaps one of its VLANs, with a MAC and addresses. What its
// messages share: link headers, who owns an address, which of ours speaks.
// Thread: any; no state. Read-only once workers run.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "span.h"

enum {
	NET_IFACES_MAX = 64,
	NET_ADDRS_MAX = 8, // of an interface, its link-local one included
	NET_MAC_LEN = 6,
	NET_L2_MAX = 14 + 4,
	NET_NO_IFACE = 0xffff,
};

struct net_addr {
	struct addr addr;
	uint8_t len; // of its prefix, in bits of the 16 bytes: an IPv4 /24 has 120
};

struct net_iface {
	uint8_t mac[NET_MAC_LEN];
	uint16_t port; // of the data plane
	uint16_t vlan; // VID, 0 = untagged
	uint32_t mtu;  // bytes of an IP packet
	uint8_t naddrs;
	struct net_addr addr[NET_ADDRS_MAX];
};

// A frame's link header, untagged or with one C-tag (IEEE 802.1Q 9.5).
struct net_l2 {
	uint16_t vlan; // VID; 0: no tag, or one that gives a priority alone
	uint16_t type; // ethertype behind the tag, host order
	uint16_t off;  // bytes before what the ethertype names
};

// false where the frame is too short for its header, or has a further tag.
bool net_l2_read(struct span frame, struct net_l2 *l2);
// Writes the header of a frame that leaves by the interface, NET_L2_MAX bytes at most. Returns its length.
size_t net_l2_write(uint8_t *buf, const struct net_iface *i, const uint8_t *to, uint16_t type);

// Is it one of the interface's addresses?
bool net_owns(const struct net_iface *i, const struct addr *a);
// Does it lie in a prefix of the interface, so that it is asked for there?
bool net_is_on_link(const struct net_iface *i, const struct addr *a);
// Which of the interface's addresses speaks to `to`: one of the same prefix, else the first of the
// same family; NULL where there is none.
const struct addr *net_source(const struct net_iface *i, const struct addr *to);
// Adds the link-local address that the MAC makes (RFC 4291 appendix A) where the interface has an IPv6
// address and none such. No effect where all places are taken.
void net_link_local_add(struct net_iface *i);

bool net_is_multicast(const struct addr *a); // of either family; IPv4's broadcast, too
static inline bool net_mac_is_group(const uint8_t *mac)
{
	return (mac[0] & 1) != 0;
}
