// SPDX-License-Identifier: BSD-3-Clause
// IP addresses and prefixes of both families in one form: 16 bytes, IPv4 as
// ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2), so every table has one key type.
// Thread: any; no state.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct addr {
	uint8_t b[16]; // network order
};

// `len` counts bits of the 16 bytes: an IPv4 /24 has len 120.
struct prefix {
	struct addr addr; // host bits are zero
	uint8_t len;      // 0..128
};

#define ADDR_TEXT_MAX 46   // bytes, NUL included
#define PREFIX_TEXT_MAX 50 // bytes, NUL included

// Two stores of eight bytes, for whoever hashes it next loads it so.
static inline struct addr addr_from_v4(const uint8_t v4[4])
{
	const uint8_t lead[8] = {0}, tail[8] = {0, 0, 0xff, 0xff, v4[0], v4[1], v4[2], v4[3]};
	struct addr a;

	memcpy(a.b, lead, sizeof(lead));
	memcpy(a.b + sizeof(lead), tail, sizeof(tail));
	return a;
}

static inline struct addr addr_from_v6(const uint8_t v6[16])
{
	struct addr a;

	memcpy(a.b, v6, sizeof(a.b));
	return a;
}
bool addr_is_v4(const struct addr *a);
bool addr_is_link_local(const struct addr *a); // fe80::/10 (RFC 4291 2.5.6)
bool addr_eq(const struct addr *a, const struct addr *b);

// Text to address ("10.0.0.1", "fd77::1"). 0 or -EINVAL; *out untouched on error.
int addr_parse(const char *text, struct addr *out);

// Writes the canonical text (RFC 5952) with a NUL, cut to `cap`; returns `buf`.
char *addr_format(const struct addr *a, char *buf, size_t cap);

// "10.0.0.0/8", "fd77::/64", a bare address (full length) or "any" (len 0, both families).
// 0, or -EINVAL (not a prefix), or -ERANGE (length too long), or -EDOM (host bits set).
int prefix_parse(const char *text, struct prefix *out);
char *prefix_format(const struct prefix *p, char *buf, size_t cap);
// Host bits of `p` are not looked at: an interface's address with the length of its link will do.
bool prefix_has(const struct prefix *p, const struct addr *a);
// Are all bits of `a` behind the first `len` 0, or in IPv4 all 1: its link's name, or all of it (RFC 1122
// 3.2.1.3, RFC 4291 2.6.1)? A link of one or two addresses has neither; the caller knows.
bool addr_is_edge(const struct addr *a, uint8_t len);
// No address of one machine on a network: unspecified, or loopback (RFC 1122 3.2.1.3, RFC 4291 2.5.2, 2.5.3).
bool addr_is_nobodys(const struct addr *a);
