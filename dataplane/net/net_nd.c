// SPDX-License-Identifier: BSD-3-Clause
// Neighbour discovery. What does not come with hop limit 255 has crossed a router and is nobody's
// neighbour (RFC 4861 7.1.1).
// Thread: any; no state.
#include "net_nd.h"

#include "wire_csum.h"
#include "wire_field.h"

enum {
	SOLICITATION = 135,
	ADVERTISEMENT = 136,
	ND_LEN = 24,    // without options
	OPTION_LEN = 8, // of a link-layer address on Ethernet
	OPT_SOURCE = 1,
	OPT_TARGET = 2,
	HOPS = 255,
	FLAG_SOLICITED = 0x40,
	FLAG_OVERRIDE = 0x20,
	OFF_FLAGS = 4,
	OFF_TARGET = 8,
};

static const struct addr all_nodes = {.b = {0xff, 2, [15] = 1}};

static uint16_t csum_of(const uint8_t *ip, size_t len)
{
	const uint8_t tail[4] = {0, WIRE_IPPROTO_ICMPV6, (uint8_t)(len >> 8), (uint8_t)len};
	uint64_t sum = wire_sum(wire_sum(0, tail, sizeof(tail)), ip + 8, 32);

	return wire_sum_fold(wire_sum(sum, ip + WIRE_IP6_LEN, len));
}

// The link-layer address of an option, NULL where there is none. false: the options are no options.
static bool option_find(struct span options, uint8_t kind, const uint8_t **mac)
{
	*mac = NULL;
	while (options.n > 0) {
		size_t len = options.n < 2 ? 0 : options.p[1] * 8u;

		if (len == 0 || len > options.n)
			return false;
		if (options.p[0] == kind && len == OPTION_LEN && *mac == NULL)
			*mac = options.p + 2;
		options = span_sub(options, len, options.n - len);
	}
	return true;
}

static bool is_unspecified(const struct addr *a)
{
	static const struct addr none;

	return addr_eq(a, &none);
}

static enum net_nd solicitation(const struct net_iface *i, const uint8_t *mac,
	struct net_news *news, const struct addr *asked)
{
	if (net_owns(i, &news->addr)) // whatever it asks for
		return memcmp(news->mac, i->mac, NET_MAC_LEN) == 0 ? NET_ND_NOTHING
								   : NET_ND_CONFLICT;
	if (!net_owns(i, asked))
		return NET_ND_NOTHING;
	if (is_unspecified(&news->addr)) { // looks whether it may take the address (RFC 4862 5.4.3)
		news->addr = *asked;       // so the answer goes to all
		return mac == NULL ? NET_ND_ASKS : NET_ND_NOTHING;
	}
	if (mac != NULL)
		memcpy(news->mac, mac, NET_MAC_LEN);
	news->override = mac != NULL;
	return net_mac_is_group(news->mac) ? NET_ND_NOTHING : NET_ND_ASKS;
}

static enum net_nd advertisement(const struct net_iface *i, const uint8_t *mac, uint8_t flags,
	struct net_news *news, const struct addr *target)
{
	if (mac != NULL)
		memcpy(news->mac, mac, NET_MAC_LEN);
	if (net_mac_is_group(news->mac) || memcmp(news->mac, i->mac, NET_MAC_LEN) == 0)
		return NET_ND_NOTHING;
	news->addr = *target;
	news->solicited = (flags & FLAG_SOLICITED) != 0;
	news->override = (flags & FLAG_OVERRIDE) != 0;
	if (net_owns(i, target))
		return NET_ND_CONFLICT;
	return net_is_on_link(i, target) ? NET_ND_TELLS : NET_ND_NOTHING;
}

enum net_nd net_nd_read(struct span frame, size_t off, const struct net_iface *i,
	struct net_news *news, struct addr *asked)
{
	const uint8_t *ip = frame.p + off, *p = ip + WIRE_IP6_LEN, *mac;
	size_t len;

	*news = (struct net_news){0};
	if (frame.n < off + WIRE_IP6_LEN + ND_LEN)
		return NET_ND_NOTHING;
	len = wire_get16(ip + 4);
	if (ip[6] != WIRE_IPPROTO_ICMPV6 || ip[7] != HOPS || len < ND_LEN ||
		len > frame.n - off - WIRE_IP6_LEN || p[1] != 0 || csum_of(ip, len) != 0xffff)
		return NET_ND_NOTHING;
	*asked = addr_from_v6(p + OFF_TARGET);
	news->addr = addr_from_v6(ip + 8);
	memcpy(news->mac, frame.p + NET_MAC_LEN, NET_MAC_LEN);
	if (net_is_multicast(asked) || net_is_multicast(&news->addr) ||
		!option_find((struct span){.p = p + ND_LEN, .n = len - ND_LEN},
			p[0] == SOLICITATION ? OPT_SOURCE : OPT_TARGET, &mac))
		return NET_ND_NOTHING;
	if (p[0] == SOLICITATION)
		return solicitation(i, mac, news, asked);
	if (p[0] != ADVERTISEMENT || (ip[24] == 0xff && (p[OFF_FLAGS] & FLAG_SOLICITED) != 0))
		return NET_ND_NOTHING;
	return advertisement(i, mac, p[OFF_FLAGS], news, asked);
}

struct message {
	const uint8_t *mac; // to
	const struct addr *source, *to, *target;
	uint8_t type, flags, option;
};

static size_t message_write(uint8_t *buf, const struct net_iface *i, const struct message *m)
{
	const size_t len = ND_LEN + OPTION_LEN;
	size_t off = net_l2_write(buf, i, m->mac, WIRE_TYPE_IP6);
	uint8_t *ip = buf + off, *p = ip + WIRE_IP6_LEN;
	uint16_t csum;

	memset(ip, 0, WIRE_IP6_LEN + len);
	ip[0] = 0x60;
	wire_put16(ip + 4, (unsigned)len);
	ip[6] = WIRE_IPPROTO_ICMPV6;
	ip[7] = HOPS;
	memcpy(ip + 8, m->source->b, 16);
	memcpy(ip + 24, m->to->b, 16);
	p[0] = m->type;
	p[OFF_FLAGS] = m->flags;
	memcpy(p + OFF_TARGET, m->target->b, 16);
	p[ND_LEN] = m->option;
	p[ND_LEN + 1] = 1; // in units of 8 bytes
	memcpy(p + ND_LEN + 2, i->mac, NET_MAC_LEN);
	csum = (uint16_t)~csum_of(ip, len);
	memcpy(p + 2, &csum, sizeof(csum));
	return off + WIRE_IP6_LEN + len;
}

// The MAC of an IPv6 group (RFC 2464 7).
static void group_mac(const struct addr *group, uint8_t mac[NET_MAC_LEN])
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, group->b + 12, 4);
}

size_t net_nd_answer(uint8_t *buf, const struct net_iface *i, const struct addr *asked,
	const struct net_news *to)
{
	// Whoever only looks whether the address is free has none to be answered at.
	bool taken = addr_eq(asked, &to->addr);
	uint8_t all[NET_MAC_LEN];

	group_mac(&all_nodes, all);
	return message_write(buf, i,
		&(struct message){.mac = taken ? all : to->mac,
			.source = asked,
			.to = taken ? &all_nodes : &to->addr,
			.target = asked,
			.type = ADVERTISEMENT,
			.flags = (uint8_t)(FLAG_OVERRIDE | (taken ? 0 : FLAG_SOLICITED)),
			.option = OPT_TARGET});
}

size_t net_nd_ask(uint8_t *buf, const struct net_iface *i, const struct addr *source,
	const struct addr *target, const uint8_t *mac)
{
	struct addr group = {.b = {0xff, 2, [11] = 1, [12] = 0xff}};
	uint8_t all[NET_MAC_LEN];

	memcpy(group.b + 13, target->b + 13, 3);
	group_mac(&group, all);
	return message_write(buf, i,
		&(struct message){.mac = mac != NULL ? mac : all,
			.source = source,
			.to = mac != NULL ? target : &group,
			.target = target,
			.type = SOLICITATION,
			.option = OPT_SOURCE});
}

size_t net_nd_announce(uint8_t *buf, const struct net_iface *i, const struct addr *own)
{
	const struct net_news nobody = {.addr = *own};

	return net_nd_answer(buf, i, own, &nobody);
}
