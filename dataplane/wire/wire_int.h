// SPDX-License-Identifier: BSD-3-Clause
// IPv6 extension headers, the pseudo header's sum. Internal to wire/. Thread: any.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "wire_csum.h"
#include "wire_field.h"

static inline bool wire_is_extension(uint8_t proto)
{
	return proto == WIRE_IPPROTO_HOPOPTS || proto == WIRE_IPPROTO_ROUTING ||
		proto == WIRE_IPPROTO_FRAGMENT || proto == WIRE_IPPROTO_AH ||
		proto == WIRE_IPPROTO_DSTOPTS;
}

// Bytes of an extension header (RFC 8200 4, RFC 4302 2.2) of which 2 are there.
static inline unsigned wire_extension_len(uint8_t proto, const uint8_t *h)
{
	if (proto == WIRE_IPPROTO_FRAGMENT)
		return 8;
	return proto == WIRE_IPPROTO_AH ? (h[1] + 2u) * 4 : (h[1] + 1u) * 8;
}

enum { // offsets inside the TCP header
	WIRE_TCP_CSUM = 16,
};

// The sum of the pseudo header: addresses, protocol, TCP length (RFC 9293 3.1, RFC 8200 8.1).
struct wire_view;
uint64_t wire_sum_pseudo(const uint8_t *frame, const struct wire_view *v);
