// SPDX-License-Identifier: BSD-3-Clause
// TCP headers: options read, edited in place at the same length, checksums verified and mended,
// whole segments built. Pure. Thread: any.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "span.h"
#include "wire_parse.h"

enum { WIRE_SACK_MAX = 4 };

struct wire_tcp_opts { // RFC 9293 3.2, RFC 7323, RFC 2018
	bool has_mss, has_wscale, sack_ok, has_ts;
	bool has_md5;   // MD5 (RFC 2385, kind 19) or TCP-AO (RFC 5925, kind 29)
	bool has_other; // any kind not named here: MPTCP, Fast Open, unknown
	bool malformed; // a length of 0 or 1, or beyond the header; parsing stopped there
	uint8_t wscale; // 0..14, larger values are given as 14 (RFC 7323 2.3)
	uint8_t nsack;
	uint16_t mss;
	uint32_t ts_val, ts_ecr;
	struct {
		uint32_t left, right;
	} sack[WIRE_SACK_MAX];
};

// Reads the options of a WIRE_TCP frame.
void wire_tcp_options(struct span frame, const struct wire_view *v, struct wire_tcp_opts *o);
// The timestamps alone (RFC 7323 3.2); false, and zeros, where there are none.
bool wire_tcp_timestamps(
	struct span frame, const struct wire_view *v, uint32_t *val, uint32_t *ecr);

// Overwrites with NOP every option but MSS, window scale, SACK-permitted, SACK and timestamps, and
// all from a malformed one on.
// Returns the number of bytes overwritten; the checksum is mended incrementally (RFC 1624).
unsigned wire_tcp_options_strip(uint8_t *frame, const struct wire_view *v);

// Overwrites the blocks of the SACK option with those of *o (at most as many as there were) and what
// is left of it, and any further SACK option, with NOP. The checksum is the caller's to set.
void wire_tcp_sack_set(uint8_t *frame, const struct wire_view *v, const struct wire_tcp_opts *o);

// Adds dseq to the sequence number, dack to the acknowledgement number and to every SACK edge; the
// checksum is mended incrementally (RFC 1624).
void wire_tcp_shift(uint8_t *frame, const struct wire_view *v, uint32_t dseq, uint32_t dack);

// Checksum of TCP header and payload with its pseudo header: true if right.
bool wire_tcp_csum_ok(struct span frame, const struct wire_view *v);
// Computes and stores it (frame of WIRE_TCP).
void wire_tcp_csum_set(uint8_t *frame, size_t n, const struct wire_view *v);
// IPv4 header checksum at v->l3_off: computes and stores; no effect for IPv6.
void wire_ip_csum_set(uint8_t *frame, size_t n, const struct wire_view *v);
// Raises the TTL or hop limit of a frame with an IP header to `ttl` where it is less.
void wire_ttl_raise(uint8_t *frame, const struct wire_view *v, uint8_t ttl);
// One's complement sum: an incremental update (RFC 1624 eqn. 3).
uint16_t wire_csum_update16(uint16_t csum_be, uint16_t old_be, uint16_t new_be);

// What a direction's segments look like outside of TCP: copied from its last packet.
enum { WIRE_L2_MAX = 14 + 4 * 3 + 4 * 4 + 8 };
struct wire_tmpl {
	uint8_t l2[WIRE_L2_MAX]; // everything before the IP header, MACs and tags included
	uint8_t l2_len;
	uint8_t family;      // 4 or 6
	uint8_t ttl;         // TTL or hop limit to use
	uint8_t tos;         // DSCP and ECN byte
	uint32_t flow_label; // IPv6, host order, 20 bits
	struct addr src, dst;
	uint16_t sport, dport; // host order
};

struct wire_look {           // of an IP header: what segments of ours in the same direction carry
	uint8_t ttl, tos;    // tos without ECN: ours are not capable of it (RFC 3168 6.1.5)
	uint32_t flow_label; // IPv6, else 0
};

// Reads it from a frame with an IP header.
void wire_look_take(struct wire_look *l, struct span frame, const struct wire_view *v);
// Fills a template from a frame of WIRE_TCP.
void wire_tmpl_set(struct wire_tmpl *t, struct span frame, const struct wire_view *v);

struct wire_tcp_out {
	uint32_t seq, ack;
	uint16_t window; // as on the wire, unscaled
	uint8_t flags;   // TCP_ACK...
	bool has_ts;
	uint32_t ts_val, ts_ecr;
	uint16_t mss; // != 0: an MSS option is added (SYN only)
	struct span payload;
};

// Builds a whole frame with right lengths (PPPoE's too, RFC 2516 4) and checksums into `buf`,
// which the payload must not overlap. Frames shorter than 60 bytes are not padded. Returns its
// length, or 0 where `cap` is too small.
size_t wire_tcp_build(
	uint8_t *buf, size_t cap, const struct wire_tmpl *t, const struct wire_tcp_out *o);
