// SPDX-License-Identifier: BSD-3-Clause
// A RADIUS packet as bytes (RFC 2865 3 and 5, RFC 2866 3): its head proved, its attributes walked, an
// answer written. Reads hostile bytes: no allocation, no clock, no log; digests are rad_digest.h's.
// Thread: any; no state but the structs.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

enum {
	RAD_HEAD = 20,         // octets before the attributes
	RAD_AUTH = 16,         // of the authenticator, which lies at octet 4
	RAD_PACKET_MAX = 4096, // RFC 2865 3
	RAD_VALUE_MAX = 253,
};

enum rad_code { // RFC 2865 3, RFC 5997
	RAD_ACCOUNTING_REQUEST = 4,
	RAD_ACCOUNTING_RESPONSE = 5,
	RAD_STATUS_SERVER = 12,
};

enum { // attributes that are always read (RFC 2865, 2866, 2869)
	RAD_VENDOR_SPECIFIC = 26,
	RAD_PROXY_STATE = 33,
	RAD_ACCT_STATUS_TYPE = 40,
	RAD_ACCT_SESSION_ID = 44,
	RAD_MESSAGE_AUTHENTICATOR = 80,
};

enum rad_bad {
	RAD_GOOD,
	RAD_SHORT,     // fewer octets than its Length says, or than a head
	RAD_LONG,      // Length above 4096, or below 20
	RAD_ATTRIBUTE, // one of length below 2, or that ends behind the packet
};

struct rad_packet { // borrows from the datagram
	uint8_t code, id;
	struct span whole; // head and attributes, without padding
	struct span attrs;
};

struct rad_attr {
	uint32_t vendor; // 0 = none: a standard attribute
	uint8_t type;    // of the vendor's own; 0 where its octets are none of RFC 2865 5.26's form
	struct span value;
};

struct rad_walk { // over a packet's attributes
	struct span rest, inner;
	uint32_t vendor;
};

// Proves head and lengths of all attributes. Octets behind Length are padding and left out. *out is
// written where RAD_GOOD is returned.
enum rad_bad rad_packet_read(struct span datagram, struct rad_packet *out);

// The authenticator of a packet that was read.
struct span rad_packet_auth(const struct rad_packet *p);

// Attributes in their order; a Vendor-Specific one of the usual form (RFC 2865 5.26) is told as the vendor's
// attributes in it. false: there is none left.
void rad_walk_begin(struct rad_walk *w, const struct rad_packet *p);
bool rad_walk_next(struct rad_walk *w, struct rad_attr *out);

// The first standard attribute of a type; its p is NULL where there is none.
struct span rad_packet_find(const struct rad_packet *p, uint8_t type);
// A number of four octets (RFC 2865 5), network order. false: it has another length.
bool rad_number(struct span value, uint32_t *out);

// Writes an answer to `p` into `buf` of RAD_PACKET_MAX octets: its id, no attributes but its Proxy-States, in
// their order (RFC 2866 4.2 with RFC 2865 5.33), and where `sealed` a Message-Authenticator of zeros before
// them. The authenticator is the request's: who digests it needs that. Octets written.
size_t rad_answer(const struct rad_packet *p, uint8_t code, bool sealed, uint8_t *buf);
