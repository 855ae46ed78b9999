// SPDX-License-Identifier: BSD-3-Clause
// Interfaces: their addresses, their frames' link headers.
// Thread: any; no state.
#include "net.h"

#include "wire_field.h"

enum { OFF_TYPE = 12, VID_MASK = 0xfff };

bool net_l2_read(struct span frame, struct net_l2 *l2)
{
	*l2 = (struct net_l2){.off = WIRE_ETH_LEN};
	if (frame.n < WIRE_ETH_LEN)
		return false;
	l2->type = wire_get16(frame.p + OFF_TYPE);
	if (l2->type != WIRE_TYPE_TAG)
		return !wire_is_tag(l2->type);
	if (frame.n < WIRE_ETH_LEN + WIRE_TAG_LEN)
		return false;
	l2->vlan = wire_get16(frame.p + WIRE_ETH_LEN) & VID_MASK;
	l2->type = wire_get16(frame.p + WIRE_ETH_LEN + 2);
	l2->off += WIRE_TAG_LEN;
	return !wire_is_tag(l2->type);
}

size_t net_l2_write(uint8_t *buf, const struct net_iface *i, const uint8_t *to, uint16_t type)
{
	size_t n = OFF_TYPE;

	memcpy(buf, to, NET_MAC_LEN);
	memcpy(buf + NET_MAC_LEN, i->mac, NET_MAC_LEN);
	if (i->vlan != 0) {
		wire_put16(buf + n, WIRE_TYPE_TAG);
		wire_put16(buf + n + 2, i->vlan);
		n += WIRE_TAG_LEN;
	}
	wire_put16(buf + n, type);
	return n + 2;
}

static bool prefix_holds(const struct net_addr *own, const struct addr *a)
{
	const struct prefix link = {.addr = own->addr, .len = own->len};

	return addr_is_v4(&own->addr) == addr_is_v4(a) && prefix_has(&link, a);
}

bool net_owns(const struct net_iface *i, const struct addr *a)
{
	for (unsigned k = 0; k < i->naddrs; k++)
		if (addr_eq(&i->addr[k].addr, a))
			return true;
	return false;
}

bool net_is_on_link(const struct net_iface *i, const struct addr *a)
{
	for (unsigned k = 0; k < i->naddrs; k++)
		if (prefix_holds(&i->addr[k], a))
			return true;
	return false;
}

const struct addr *net_source(const struct net_iface *i, const struct addr *to)
{
	const struct addr *first = NULL;

	for (unsigned k = 0; k < i->naddrs; k++) {
		if (prefix_holds(&i->addr[k], to))
			return &i->addr[k].addr;
		// What is beyond the link is not spoken to by an address of the link alone (RFC 6724 5).
		if (first == NULL && addr_is_v4(&i->addr[k].addr) == addr_is_v4(to) &&
			!addr_is_link_local(&i->addr[k].addr))
			first = &i->addr[k].addr;
	}
	return first;
}

void net_link_local_add(struct net_iface *i)
{
	const uint8_t *m = i->mac;
	struct net_addr own = {.addr.b = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, m[0] ^ 2, m[1], m[2], 0xff,
				       0xfe, m[3], m[4], m[5]},
		.len = 64};
	bool v6 = false;

	for (unsigned k = 0; k < i->naddrs; k++) {
		if (addr_is_link_local(&i->addr[k].addr))
			return;
		v6 = v6 || !addr_is_v4(&i->addr[k].addr);
	}
	if (v6 && i->naddrs < NET_ADDRS_MAX)
		i->addr[i->naddrs++] = own;
}

bool net_is_multicast(const struct addr *a)
{
	if (!addr_is_v4(a))
		return a->b[0] == 0xff;
	return a->b[12] >= 224; // RFC 5771, and class E with 255.255.255.255 (RFC 1812 5.3.7)
}
