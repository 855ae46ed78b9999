// SPDX-License-Identifier: BSD-3-Clause
// What an Accounting-Request says that matters here (RFC 2866 5): which session of which NAS begins, goes on
// or ends, whose it is, and which addresses it has. How a NAS says it is configuration (struct rad_form).
// Reads hostile bytes: no allocation, no clock, no log.
// Thread: any; no state but the structs.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "rad_names.h"
#include "rad_packet.h"

enum {
	RAD_ADDRESSES_MAX = 4, // of a session
	RAD_ID_MAX = 253,      // octets of a subscriber's id
};

enum rad_status { // RFC 2866 5.1
	RAD_START = 1,
	RAD_STOP = 2,
	RAD_INTERIM = 3,
	RAD_ON = 7,
	RAD_OFF = 8,
};

struct rad_form {                                  // how a NAS says it
	struct rad_ref id;                         // the subscriber
	struct rad_ref address[RAD_ADDRESSES_MAX]; // each that is there counts; type 0: no more
	struct rad_ref port_first, port_last;      // of a port block (CGNAT); type 0: it has none
	bool host_order;                           // IPv4 addresses come with their octets reversed
};

struct rad_account {
	uint32_t status; // enum rad_status
	uint32_t
		delay_s; // since it happened, by the NAS (Acct-Delay-Time, RFC 2866 5.2); 0 = unknown
	uint32_t
		event_s; // when it happened by the NAS's clock, since 1970 (Event-Timestamp, RFC 2869 5.3); 0 = unknown
	uint64_t nas;     // which one: a hash of what names it, and of who sent the packet
	uint64_t session; // a hash of its Acct-Session-Id and `nas`
	struct span id;   // borrows from the packet; empty: not told (ON, OFF, some a STOP)
	uint8_t naddress;
	struct prefix address[RAD_ADDRESSES_MAX];
	uint16_t port_first, port_last; // 0..65535: all
};

enum rad_lack {
	RAD_TAKEN,
	RAD_IGNORED,    // a status that says nothing of addresses (tunnels, links, failures)
	RAD_NO_STATUS,  // none, or not a number
	RAD_NO_SESSION, // without Acct-Session-Id
	RAD_NO_ID,      // without the subscriber's attribute, or it is empty
	RAD_NO_ADDRESS, // without any of the attributes of addresses
	RAD_ABSURD, // an id with control octets; an address of another length, or that no host can have;
		    // a port block that ends before it begins
};

// `key` is secret, and the same as long as sessions are to be known again; `client` tells senders apart. *out is written where RAD_TAKEN is
// returned.
enum rad_lack rad_account_read(const struct rad_packet *p, const struct rad_form *form,
	const uint8_t key[16], uint64_t client, struct rad_account *out);
