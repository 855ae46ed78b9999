// SPDX-License-Identifier: BSD-3-Clause
// ICMP and ICMPv6 errors (RFC 792, RFC 4443) that quote a TCP segment: read, checked, and the quote
// edited in place. Thread: any; pure.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire_parse.h"

struct wire_quote { // of the segment that the error is about
	struct addr src, dst;
	uint16_t sport, dport; // host order
	uint16_t tcp_off;      // in the frame
	uint16_t tcp_len;      // bytes of TCP that are quoted: at least 8
	uint32_t seq, ack;
	uint32_t packet_len; // bytes of the IP packet that was quoted, by its own length
	uint32_t mtu;        // with too_big: of the next hop, 0 where not said (RFC 1191 5)
	bool has_ack;        // the acknowledgement number is quoted, too
	bool too_big;
};

enum { // types of errors
	WIRE_ICMP_UNREACHABLE = 3,
	WIRE_ICMP_QUENCH = 4,
	WIRE_ICMP_TIME = 11,
	WIRE_ICMP_PARAMETER = 12,
	WIRE_ICMP6_UNREACHABLE = 1,
	WIRE_ICMP6_TOO_BIG = 2,
	WIRE_ICMP6_TIME = 3,
	WIRE_ICMP6_PARAMETER = 4,
};

// Is this type of ICMP an error about a packet? For every ICMP packet.
static inline bool wire_icmp_is_error(uint8_t type)
{
	return type == WIRE_ICMP_UNREACHABLE || type == WIRE_ICMP_QUENCH ||
		type == WIRE_ICMP_TIME || type == WIRE_ICMP_PARAMETER;
}

static inline bool wire_icmp6_is_error(uint8_t type)
{
	return type >= WIRE_ICMP6_UNREACHABLE && type <= WIRE_ICMP6_PARAMETER;
}

// Reads what a frame of WIRE_ICMP quotes. false where it is no error or does not quote the ports and
// the sequence number of TCP.
bool wire_icmp_quote(struct span frame, const struct wire_view *v, struct wire_quote *q);
// The checksum of ICMP or ICMPv6: true if right.
bool wire_icmp_csum_ok(struct span frame, const struct wire_view *v);
// Writes other numbers into the quote; checksums that cover them are mended incrementally, the one
// of the quoted segment, where it is quoted, too (RFC 1624).
void wire_icmp_quote_set(uint8_t *frame, const struct wire_view *v, const struct wire_quote *q,
	uint32_t seq, uint32_t ack);
