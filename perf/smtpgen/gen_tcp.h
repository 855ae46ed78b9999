// SPDX-License-Identifier: BSD-3-Clause
// One end of a TCP connection (RFC 9293): handshake, order, acknowledgements delayed as RFC 1122 has
// it, windows, retransmission by timer (RFC 6298) and by three repeats (RFC 6582), slow start (RFC
// 5681), FIN and RST. No SACK, no timestamps, no window scale. What it sends is a queue of pieces of
// the corpus, so a repeat needs no copy. Fixed size; segments out of order wait in a pool of the world.
// Thread: one.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen_corpus.h"
#include "gen_frame.h"

struct gen_world;
struct gen_end;

enum gen_tcp_state { GEN_CLOSED, GEN_SYN_SENT, GEN_SYN_GOT, GEN_OPEN };

enum gen_gone {           // why a connection is over
	GEN_GONE_CLOSED,  // FIN both ways, acknowledged
	GEN_GONE_RESET,   // by the other end
	GEN_GONE_TIMEOUT, // repeated in vain
};

enum { GEN_PIECES = 16, GEN_HELD_NONE = 0 };

struct gen_tcp {
	uint32_t una, nxt, max,
		end;       // first not acknowledged, next, behind the last sent, behind all
	uint32_t head_seq; // of the first octet of piece[first]
	uint32_t rcv;      // next expected
	uint32_t wnd, cwnd, ssthresh, recover;
	uint32_t rtt_seq, rtt_at_us, srtt_us, rttvar_us, rto_ms;
	uint32_t rto_at, ack_at, heard_at; // ms; 0 = not armed; heard_at: the last progress
	uint32_t held;                     // first of the segments that wait
	uint16_t mss, ip_id;
	uint8_t state, dupacks, retries, first, npieces, unacked, nheld;
	bool ack_now, closing, fin_acked, fin_got, rtt_on, recovering;
	struct gen_piece piece[GEN_PIECES];
};

struct gen_held { // a segment that waits for those before it
	uint32_t next, seq, len;
	bool fin;
	uint8_t octets[1460];
};

// What the session above is told. It may write, close or abort in each.
struct gen_app {
	void (*open)(struct gen_world *w, struct gen_end *e);
	void (*data)(struct gen_world *w, struct gen_end *e, const uint8_t *p, uint32_t n);
	void (*fin)(struct gen_world *w, struct gen_end *e);
	// The last call: the end is given back behind it.
	void (*gone)(struct gen_world *w, struct gen_end *e, enum gen_gone how);
};

void gen_tcp_connect(struct gen_world *w, struct gen_end *e);
void gen_tcp_accept(struct gen_world *w, struct gen_end *e, const struct gen_seg *syn);
void gen_tcp_write(struct gen_world *w, struct gen_end *e, struct gen_piece p);
void gen_tcp_close(struct gen_world *w, struct gen_end *e); // FIN behind what is queued
// RST to the other end; nothing is told to the session, the end is closed.
void gen_tcp_abort(struct gen_world *w, struct gen_end *e);

// gen_tcp_in.c: a segment that came. The end may be closed behind it.
void gen_tcp_input(struct gen_world *w, struct gen_end *e, const struct gen_seg *s);

// gen_tcp_out.c: sends what may be sent, an acknowledgement where one is due.
void gen_tcp_output(struct gen_world *w, struct gen_end *e);
void gen_tcp_send_syn(struct gen_world *w, struct gen_end *e);
void gen_tcp_repeat(
	struct gen_world *w, struct gen_end *e); // the first segment that is not acknowledged
void gen_tcp_probe(struct gen_world *w, struct gen_end *e); // one octet into a closed window
void gen_tcp_reset(
	struct gen_world *w, const struct gen_seg *s, unsigned side); // for no connection

// gen_tcp.c: timers. The time (ms) to look again.
uint32_t gen_tcp_due(struct gen_world *w, const struct gen_end *e);
void gen_tcp_timer(struct gen_world *w, struct gen_end *e);
void gen_tcp_over(struct gen_world *w, struct gen_end *e, enum gen_gone how); // tells the session
void gen_tcp_forget(struct gen_world *w, struct gen_tcp *t); // what waits goes back to the pool
