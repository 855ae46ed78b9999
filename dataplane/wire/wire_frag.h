// SPDX-License-Identifier: BSD-3-Clause
// IP fragments (RFC 791 3.2, RFC 8200 4.5): where one lies in its datagram, what has come of a
// datagram, what its first fragment shows of TCP, and the headers without the fragmentation.
// The bytes themselves are kept elsewhere. Thread: any; pure.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire_parse.h"

enum { WIRE_FRAGS_MAX = 8 };

struct wire_frag { // the place of a fragment
	uint32_t id;
	uint16_t off, len; // bytes of the datagram's fragmentable part
	uint16_t room;     // bytes that this part may have: IP's 65,535 less what stands before it
	bool more;         // more fragments
	bool ce;           // congestion experienced (RFC 3168 5)
};

struct wire_frag_part {
	uint16_t off, len;
	bool more;
};

struct wire_frag_set { // what has come of a datagram; all zero at its begin
	struct wire_frag_part part[WIRE_FRAGS_MAX]; // as they came
	uint32_t bytes;                             // of all parts
	uint16_t end;                               // of the fragmentable part, with has_end
	uint8_t n;
	bool has_end;
};

enum wire_frag_edge { // what a fragment is to its set
	WIRE_FRAG_NEW,
	WIRE_FRAG_REPEAT,  // of the very place of an earlier one
	WIRE_FRAG_OVERLAP, // of a part of an earlier one's place
	WIRE_FRAG_LENGTH, // empty, not of whole 8-byte units though more follow, behind the end, a second end
	WIRE_FRAG_LONG, // the datagram would have more bytes than IP allows
	WIRE_FRAG_MANY, // more than WIRE_FRAGS_MAX
};

enum wire_frag_upper {    // what a first fragment shows
	WIRE_FRAG_HIDDEN, // neither its ports nor that it is no TCP (RFC 7112 asks for both)
	WIRE_FRAG_TCP,
	WIRE_FRAG_OTHER,
};

struct wire_frag_first {
	uint8_t upper;                 // enum wire_frag_upper
	bool whole;                    // TCP: the whole header is there
	uint16_t sport, dport;         // TCP
	uint16_t tcp_off, payload_off; // in the frame; payload_off with `whole`
};

// May this WIRE_FRAGMENT belong to a TCP segment? Under IPv6 extension headers may come first.
bool wire_frag_is_tcp(const struct wire_view *v);
// Reads the place of a WIRE_FRAGMENT.
void wire_frag_read(struct span frame, const struct wire_view *v, struct wire_frag *f);
// Reads on in a WIRE_FRAGMENT that is the first.
void wire_frag_first(struct span frame, const struct wire_view *v, struct wire_frag_first *f);

// Takes a fragment into its set where it is new; at a repeat *same tells of which part. Whether a
// repeat has the same bytes is the caller's to compare.
enum wire_frag_edge wire_frag_add(
	struct wire_frag_set *s, const struct wire_frag *f, unsigned *same);
// Everything has come: no hole, no overlap.
bool wire_frag_is_whole(const struct wire_frag_set *s);

// The headers of the datagram, up to the TCP payload, from its first fragment: no Fragment header,
// no offset, lengths as of a segment without payload. Returns their number of bytes; 0 where the
// header is not whole or `cap` too small. Checksums are left to be set.
size_t wire_frag_head(uint8_t *buf, size_t cap, struct span frame, const struct wire_view *v,
	const struct wire_frag_first *f);
// Is the checksum of a whole TCP segment right, by the addresses of one of its fragments?
bool wire_frag_csum_ok(struct span frame, const struct wire_view *v, struct span tcp);
