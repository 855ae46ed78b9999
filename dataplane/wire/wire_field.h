// SPDX-License-Identifier: BSD-3-Clause
// Fields of frames: sizes of the headers, ethertypes, protocol numbers, loads and stores in network
// order. Thread: any.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { // bytes
	WIRE_ETH_LEN = 14,
	WIRE_TAG_LEN = 4,
	WIRE_LABEL_LEN = 4,
	WIRE_PPPOE_LEN = 8, // with the PPP protocol field
	WIRE_IP4_LEN = 20,
	WIRE_IP6_LEN = 40,
	WIRE_TCP_LEN = 20,
	WIRE_UDP_LEN = 8,
	WIRE_ICMP_LEN = 8,
};

enum { // ethertypes
	WIRE_TYPE_MIN = 0x0600, // below it a length: 802.2, STP and the like (IEEE 802.3 3.2.6)
	WIRE_TYPE_IP4 = 0x0800,
	WIRE_TYPE_ARP = 0x0806,
	WIRE_TYPE_TAG = 0x8100,
	WIRE_TYPE_IP6 = 0x86dd,
	WIRE_TYPE_MPLS = 0x8847,
	WIRE_TYPE_MPLS_UP = 0x8848,
	WIRE_TYPE_PPPOE = 0x8864,
	WIRE_TYPE_STAG = 0x88a8,
	WIRE_TYPE_OLD_STAG = 0x9100,
};

enum { // IP protocol numbers used here
	WIRE_IPPROTO_HOPOPTS = 0,
	WIRE_IPPROTO_ICMP = 1,
	WIRE_IPPROTO_IPIP = 4,
	WIRE_IPPROTO_TCP = 6,
	WIRE_IPPROTO_UDP = 17,
	WIRE_IPPROTO_IPV6 = 41,
	WIRE_IPPROTO_ROUTING = 43,
	WIRE_IPPROTO_FRAGMENT = 44,
	WIRE_IPPROTO_GRE = 47,
	WIRE_IPPROTO_ESP = 50,
	WIRE_IPPROTO_AH = 51,
	WIRE_IPPROTO_ICMPV6 = 58,
	WIRE_IPPROTO_DSTOPTS = 60,
	WIRE_IPPROTO_ETHERIP = 97,
	WIRE_IPPROTO_L2TP = 115,
	WIRE_IPPROTO_MPLS = 137,
};

static inline bool wire_is_tag(unsigned type)
{
	return type == WIRE_TYPE_TAG || type == WIRE_TYPE_STAG || type == WIRE_TYPE_OLD_STAG;
}

static inline uint16_t wire_get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap16(v);
#endif
	return v;
}

static inline uint32_t wire_get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap32(v);
#endif
	return v;
}

static inline void wire_put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void wire_put32(uint8_t *p, uint32_t v)
{
	wire_put16(p, v >> 16);
	wire_put16(p + 2, v & 0xffff);
}
