// SPDX-License-Identifier: BSD-3-Clause
// ARP. A message is believed as far as its form goes; whether what it says may change a table is
// the neighbour's to decide (net_neigh.c).
// Thread: any; no state.
#include "net_arp.h"

#include "wire_field.h"

enum {
	ARP_LEN = 28,
	ETHERNET = 1, // hardware type
	REQUEST = 1,
	REPLY = 2,
	OFF_OP = 6,
	OFF_SENDER_MAC = 8,
	OFF_SENDER = 14,
	OFF_TARGET_MAC = 18,
	OFF_TARGET = 24,
	V4_LEN = 4,
};

static bool is_ours(const uint8_t *p, uint16_t *op)
{
	*op = wire_get16(p + OFF_OP);
	return wire_get16(p) == ETHERNET && wire_get16(p + 2) == WIRE_TYPE_IP4 &&
		p[4] == NET_MAC_LEN && p[5] == V4_LEN && (*op == REQUEST || *op == REPLY);
}

enum net_arp net_arp_read(struct span frame, size_t off, const struct net_iface *i,
	struct net_news *news, struct addr *asked)
{
	const uint8_t *p = frame.p + off;
	uint16_t op;

	*news = (struct net_news){0};
	if (frame.n < off + ARP_LEN || !is_ours(p, &op) || net_mac_is_group(p + OFF_SENDER_MAC))
		return NET_ARP_NOTHING;
	memcpy(news->mac, p + OFF_SENDER_MAC, NET_MAC_LEN);
	news->addr = addr_from_v4(p + OFF_SENDER);
	*asked = addr_from_v4(p + OFF_TARGET);
	news->override = true;
	if (memcmp(news->mac, i->mac, NET_MAC_LEN) == 0)
		return NET_ARP_NOTHING; // our own, come back
	if (net_owns(i, &news->addr))
		return NET_ARP_CONFLICT;
	if (op == REQUEST && net_owns(i, asked))
		return NET_ARP_ASKS;
	// A probe has no sender yet (RFC 5227 1.1), and from outside the link nobody is a neighbour.
	if (!net_is_on_link(i, &news->addr))
		return NET_ARP_NOTHING;
	news->solicited = op == REPLY && net_owns(i, asked);
	return NET_ARP_TELLS;
}

static size_t message(uint8_t *buf, const struct net_iface *i, const uint8_t *to, uint16_t op,
	const struct addr *source)
{
	size_t off = net_l2_write(buf, i, to, WIRE_TYPE_ARP);
	uint8_t *p = buf + off;

	memset(p, 0, ARP_LEN);
	wire_put16(p, ETHERNET);
	wire_put16(p + 2, WIRE_TYPE_IP4);
	p[4] = NET_MAC_LEN;
	p[5] = V4_LEN;
	wire_put16(p + OFF_OP, op);
	memcpy(p + OFF_SENDER_MAC, i->mac, NET_MAC_LEN);
	memcpy(p + OFF_SENDER, source->b + 12, V4_LEN);
	return off;
}

size_t net_arp_answer(uint8_t *buf, const struct net_iface *i, const struct addr *asked,
	const struct net_news *to)
{
	size_t off = message(buf, i, to->mac, REPLY, asked);

	memcpy(buf + off + OFF_TARGET_MAC, to->mac, NET_MAC_LEN);
	memcpy(buf + off + OFF_TARGET, to->addr.b + 12, V4_LEN);
	return off + ARP_LEN;
}

size_t net_arp_ask(uint8_t *buf, const struct net_iface *i, const struct addr *source,
	const struct addr *target, const uint8_t *mac)
{
	static const uint8_t everybody[NET_MAC_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	size_t off = message(buf, i, mac != NULL ? mac : everybody, REQUEST, source);

	memcpy(buf + off + OFF_TARGET, target->b + 12, V4_LEN);
	return off + ARP_LEN;
}

size_t net_arp_announce(uint8_t *buf, const struct net_iface *i, const struct addr *own)
{
	return net_arp_ask(buf, i, own, own, NULL);
}
