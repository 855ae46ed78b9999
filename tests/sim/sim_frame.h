// SPDX-License-Identifier: BSD-3-Clause
// Frames of the simulator's own making: Ethernet, IPv4 or IPv6, TCP with options. Written apart from
// dataplane/wire, so that one checks the other.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEG_FIN = 1, SEG_SYN = 2, SEG_RST = 4, SEG_PSH = 8, SEG_ACK = 16, SEG_URG = 32 };
enum { FRAME_MAX = 2048, SACK_MAX = 4 };

struct sim_seg { // one TCP segment
	uint32_t seq, ack;
	uint16_t window, urgent, mss; // mss 0: no option
	uint8_t flags, ttl, nsack;
	int8_t wscale;             // -1: no option
	bool sack_ok, ts, bad_sum; // bad_sum: built with a wrong checksum; read: it was wrong
	bool odd_options;          // MPTCP, Fast Open and a kind that nobody knows
	uint32_t ts_val, ts_ecr;
	uint32_t sack[SACK_MAX][2];
	const uint8_t *text;
	uint32_t n;
};

struct sim_frame {
	uint16_t n;
	uint8_t b[FRAME_MAX];
};

struct sim_path { // of one connection
	bool v6;
	uint16_t client_port;
	uint8_t client_net; // 10.0.N.7, fd00:N::7: names the policy
};

enum sim_side { CLIENT, SERVER };

void sim_frame_build(
	struct sim_frame *f, const struct sim_path *p, enum sim_side from, const struct sim_seg *s);
// Which connection (its client's port) and which segment; false: not a whole TCP frame of ours.
bool sim_frame_read(
	const uint8_t *b, size_t n, enum sim_side *from, uint16_t *client_port, struct sim_seg *s);
