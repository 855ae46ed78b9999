// SPDX-License-Identifier: BSD-3-Clause
#include "net_world.h"

#define IFACE(last, a4, a6, vid)                                                                \
	{                                                                                       \
		.mac = {2, 0, 0, 0, 0, last}, .vlan = vid, .mtu = 1500, .naddrs = 2, .addr = {  \
			{.addr = {.b = {[10] = 0xff, [11] = 0xff, 192, 0, 2, a4}}, .len = 120}, \
			{.addr = {.b = {0xfd, [15] = a6}}, .len = 64}                           \
		}                                                                               \
	}

const struct net_iface own_iface = IFACE(1, 1, 1, 0);
const struct net_iface far_iface = IFACE(2, 2, 2, 0);
const struct net_iface tag_iface = IFACE(1, 1, 1, 7);

struct addr at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

size_t off_of(const uint8_t *p, size_t n)
{
	struct net_l2 l2;

	assert_true(net_l2_read(frame_of(p, n), &l2));
	return l2.off;
}
