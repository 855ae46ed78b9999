// SPDX-License-Identifier: BSD-3-Clause
// Small TCP ends that send what a test says and receive like a server does: holes wait, first bytes win, an
// RST counts at the exact number only (RFC 5961 3). Their frames go through the engine of session_world.h.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "wire_tcp.h"

enum world_side { CLIENT, SERVER }; // also the port its frames come in by

enum { END_BYTES = 1 << 16, SEEN_MAX = 512, FRAME_ROOM = 10000 };

struct end {               // one TCP end, as its own side sees it
	uint32_t isn, nxt; // of what it sends
	uint32_t rcv;      // next byte it expects
	uint16_t window;
	bool mute; // sends no acknowledgements by itself
	bool owes_ack, fin_got, reset, rst_odd;
	uint32_t told; // bytes received that a test has looked at
	uint8_t have[END_BYTES];
	char bytes[END_BYTES];
};

struct conn {
	struct addr client, server;
	uint16_t client_port;
	uint16_t vlan; // tag of its frames; 0 = none
	uint8_t ttl;
	uint32_t ts;  // clock of the timestamps option; 0 = not used
	uint16_t mss; // of the SYNs of both ends; 0 = none
	struct end end[2];
};

struct seen {         // a frame that came out of the engine
	uint8_t port; // by which it left
	uint8_t flags, ttl;
	uint16_t window, len, client_port;
	uint32_t seq, ack, ts_val;
};

// A connection not yet opened; all are forgotten by world_end.
struct conn *dial(const char *source, uint16_t client_port);
// One segment from `side`, built from numbers; the clock moves on a little. Its frames are
// delivered by settle().
void segment(struct conn *c, enum world_side side, uint8_t flags, uint32_t seq, uint32_t ack,
	const void *bytes, size_t n);
// The same by another port than the side's own, with a TTL, with options (a frame's bytes).
void segment_by(struct conn *c, enum world_side side, uint8_t port, const struct wire_tcp_out *o);
// The frame of such a segment, not sent; returns its length.
size_t segment_frame(struct conn *c, enum world_side side, const struct wire_tcp_out *o,
	uint8_t *buf, size_t cap);
// Any frame, by a port.
void inject_bytes(uint8_t port, const uint8_t *frame, size_t n);
void syn_with(struct conn *c, const uint8_t *options, size_t n, const char *payload);
// The server's answer to it, with options, too.
void syn_ack_with(struct conn *c, const uint8_t *options, size_t n);
// Delivers what came out, lets the ends acknowledge, until nothing moves.
void settle(void);

void handshake(struct conn *c);
// Sends text at the side's next number and settles.
void says(struct conn *c, enum world_side side, const char *text);
void hangs_up(struct conn *c, enum world_side side);
// Forgets the connection at both ends: the next one on the same ports has other numbers.
void reboot(struct conn *c);
// `side` has received exactly this since the last look; "(mw-*)" in it stands for the id of a refusal.
void hears(struct conn *c, enum world_side side, const char *text);
// ... something that begins so.
void hears_begin(struct conn *c, enum world_side side, const char *text);
// Banner and EHLO; a transaction up to 354.
void greets(struct conn *c);
void begins_mail(struct conn *c);

// The last frame that left for `side`, of this connection.
const struct seen *last_seen(const struct conn *c, enum world_side side);
// Frames for `side` since the last call of forget_seen.
unsigned frames_seen(const struct conn *c, enum world_side side);
void forget_seen(void);

// For session_world.c: they send nothing by themselves from now on; all are forgotten.
void ends_mute(void);
void ends_forget(void);
