// SPDX-License-Identifier: BSD-3-Clause
// Frames of TCP over IPv4 and IPv6, read and made; by its own arithmetic, not the product's, so that a
// mistake in one does not hide behind the same mistake in the other. Thread: any; pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { // of the TCP header
	GEN_FIN = 1,
	GEN_SYN = 2,
	GEN_RST = 4,
	GEN_PSH = 8,
	GEN_ACK = 16,
};

enum {
	GEN_ETH = 14,
	GEN_IP4 = 20,
	GEN_IP6 = 40,
	GEN_TCP_LEN = 20,
	GEN_HEAD_MAX = GEN_ETH + GEN_IP6 + GEN_TCP_LEN,
	GEN_MSS_LEN = 4, // the only option that we send
	GEN_FRAME_MAX = 1518,
};

struct gen_addr { // both families: IPv4 in the last 4 octets
	uint8_t b[16];
};

struct gen_seg {        // a segment that came
	uint8_t family; // 4, 6
	uint8_t flags;
	uint16_t sport, dport, window, mss; // mss: 0 = said nothing
	uint32_t src, dst;                  // last 32 bits of the addresses, host order
	uint32_t seq, ack;
	const uint8_t *payload;
	uint32_t len;
	const uint8_t *frame; // where it begins
};

enum gen_read { GEN_READ_TCP, GEN_READ_OTHER, GEN_READ_BROKEN, GEN_READ_CHECKSUM };

// Reads a frame; `verify`: also its checksums, otherwise only its lengths.
enum gen_read gen_frame_read(const uint8_t *frame, size_t n, bool verify, struct gen_seg *seg);

struct gen_head { // what all frames of an end have in common
	uint8_t octets[80];
	uint8_t family, len; // len: with the TCP header
	uint32_t sum;        // of addresses, protocol and ports
	uint32_t ip_sum;     // IPv4: of what does not change
};

void gen_head_make(struct gen_head *h, unsigned family, const uint8_t own_mac[6],
	const uint8_t far_mac[6], const struct gen_addr *src, const struct gen_addr *dst,
	uint16_t sport, uint16_t dport);
// The head of an answer to a segment: everything turned round.
void gen_head_answer(struct gen_head *h, const struct gen_seg *seg);

struct gen_out_seg {
	uint32_t seq, ack;
	uint16_t window, mss; // mss: 0 = no option
	uint16_t id;          // of the IPv4 packet
	uint8_t flags;
	uint32_t len; // octets of payload, which stand in the frame at gen_frame_payload already
};

// Writes the headers in front of the payload. Returns the frame's length.
size_t gen_frame_make(uint8_t *frame, const struct gen_head *h, const struct gen_out_seg *s);
static inline uint32_t gen_frame_payload(const struct gen_head *h, bool mss)
{
	return h->len + (mss ? (uint32_t)GEN_MSS_LEN : 0);
}
// Computes the checksum of a whole frame anew (for who changed it); it must be readable.
void gen_frame_mend(uint8_t *frame, size_t n);
