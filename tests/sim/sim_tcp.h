// SPDX-License-Identifier: BSD-3-Clause
// A model TCP end, written for the simulator: RFC 9293 with NewReno (RFC 6582) and SACK, timestamps,
// PAWS (RFC 7323), RFC 5961, Nagle, delayed ACKs, window scaling, probes of a closed window,
// keep-alives. Simple and right before all else; what varies between real ones is in tcp_conf.
// Places in a stream are "positions": 0 is the SYN, 1 the first byte, n + 1 the FIN.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim_frame.h"
#include "sim_rand.h"

struct tcp_conf {
	uint32_t isn, rcvbuf, ts_offset;
	uint32_t delack_us, alive_us, rto_min_us; // alive_us 0: no keep-alives
	uint16_t mss;
	int8_t wscale; // -1: not used
	uint8_t ttl;
	bool ts, sack, nagle;
	bool recut;       // retransmissions are cut anew
	bool probe_byte;  // a closed window is probed by a byte, else by an old number
	bool strict_ts;   // segments without timestamps are dropped (RFC 7323 3.2)
	bool last_wins;   // of bytes that wait behind a hole the last ones count
	bool blind;       // takes wrong checksums and old timestamps for good
	bool odd_options; // its SYN carries what must not reach the other end
};

enum tcp_state { TCP_IDLE, TCP_LISTEN, TCP_SYN_SENT, TCP_SYN_RCVD, TCP_OPEN, TCP_WAIT, TCP_DEAD };
enum tcp_gone { GONE_NOT, GONE_CLOSED, GONE_RESET, GONE_TIMEOUT, GONE_ABORTED };

struct tcp_range {
	uint32_t l, r;
};

enum { TCP_RANGES = 32 };
#define TCP_NEVER UINT64_MAX

struct tcp_end {
	struct tcp_conf conf;
	struct dice *dice;
	void (*emit)(void *arg, const struct sim_seg *s);
	void *arg;
	enum tcp_state state;
	enum tcp_gone gone;
	bool ts_on, sack_on, scale_on;
	uint8_t snd_scale;
	uint16_t mss; // of what it sends, options off
	// what it sends
	uint8_t *out;
	uint32_t out_n, out_max;
	bool fin_wanted;
	uint32_t una, nxt, high; // acknowledged, to send next, never sent before
	uint32_t wnd, wnd_max, wl1, wl2;
	uint32_t cwnd, ssthresh, dupacks, recover, hint;
	bool recovering;
	struct tcp_range sacked[TCP_RANGES];
	unsigned nsacked;
	uint64_t rto_us, srtt_us, rttvar_us, timed_at;
	uint32_t timed;
	unsigned backoffs, probes;
	// what it receives
	uint32_t irs, rnxt, adv, fin_at; // adv: right edge as told; fin_at 0: no FIN seen
	uint8_t *in, *have;
	uint32_t in_max, taken; // bytes that the application has taken
	bool fin_got;
	uint32_t ts_recent;
	unsigned ack_owed, challenges;
	uint64_t challenge_at;
	struct tcp_range ooo[TCP_RANGES]; // newest first
	unsigned nooo;
	// when
	uint64_t rto_at, delack_at, persist_at, alive_at, wait_at, heard_at;
	// for the table of events
	unsigned rexmits, recuts, zero_windows;
};

void tcp_init(struct tcp_end *e, const struct tcp_conf *conf, struct dice *dice,
	void (*emit)(void *arg, const struct sim_seg *s), void *arg);
void tcp_fini(struct tcp_end *e);
void tcp_connect(struct tcp_end *e, uint64_t now);
void tcp_write(struct tcp_end *e, uint64_t now, const void *p, uint32_t n);
void tcp_close(struct tcp_end *e, uint64_t now);
void tcp_abort(struct tcp_end *e, uint64_t now);
// Bytes in order that the application has not taken; taking some may open the window.
uint32_t tcp_readable(const struct tcp_end *e, const uint8_t **p);
void tcp_take(struct tcp_end *e, uint64_t now, uint32_t n);
void tcp_input(struct tcp_end *e, uint64_t now, const struct sim_seg *s);
void tcp_timer(struct tcp_end *e, uint64_t now);
uint64_t tcp_deadline(const struct tcp_end *e);
// Everything written has been acknowledged.
bool tcp_drained(const struct tcp_end *e);

// Between sim_tcp.c and sim_tcp_in.c
void tcp_output(struct tcp_end *e, uint64_t now);
void tcp_send(struct tcp_end *e, uint64_t now, uint8_t flags, uint32_t pos, uint32_t n);
void tcp_ack_now(struct tcp_end *e, uint64_t now);
void tcp_rexmit_hole(struct tcp_end *e, uint64_t now);
void tcp_end_as(struct tcp_end *e, enum tcp_gone gone);
void tcp_range_add(struct tcp_range *r, unsigned *n, uint32_t left, uint32_t right);
void tcp_rcv_open(struct tcp_end *e, const struct sim_seg *s);
