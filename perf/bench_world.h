// SPDX-License-Identifier: BSD-3-Clause
// What the benches share: a real engine with one worker in pair mode, many TCP connections as
// numbers, frames built from them, and the cycles that the engine takes for a burst. No device:
// what the engine sends is dropped, outside of what is timed.
// Thread: one, which is manager and worker.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "eng_session.h"
#include "wire_tcp.h"

enum bench_side { BENCH_CLIENT, BENCH_SERVER, BENCH_SIDES }; // also the port it is behind

enum bench_net { // of a client, which has its policy by it
	BENCH_READ,
	BENCH_SCANNED,
	BENCH_FREE,    // a session profile without any limit
	BENCH_LIMITED, // one with each there is, and none that is reached
	BENCH_REFUSED, // at connect
	BENCH_NETS
};

struct bench_conn { // one connection: each side's next sequence number
	uint32_t index;
	uint32_t nxt[BENCH_SIDES];
	enum bench_net net;
};

struct bench_conf {
	uint32_t flows, messages, slabs, cells;
	bool touch; // all memory is there before anything is timed
	uint16_t workers; // 0: one
};

struct bench {
	struct eng *eng;
	struct eng_worker *w;
	uint64_t now_us;
	bool csum_good;  // frames are marked as verified by the device
	uint64_t cycles; // in eng_rx and eng_turn, summed up
	uint64_t frames; // that went in
	uint64_t *each;  // cycles of each burst, one behind the other, where the caller gives room; or NULL
	uint32_t neach;
	void (*seen)(void *arg,
		struct rte_mbuf *m); // each frame that the engine sends, before it goes; or NULL
	void *seen_arg;
	void (*behind)(void *arg); // called after each burst, untimed; or NULL
	void *behind_arg;
};

// EAL with `mem_mb` of ordinary memory or hugepages, the pool, the image. false: said why.
bool bench_start(uint32_t mem_mb, bool huge);
void bench_stop(void);
// An image of two files, for eng_image_new; free() it. false: said why.
bool bench_image(
	const char *config, const char *rules, uint64_t version, uint8_t **bytes, size_t *n);
// The engine, with the image in force. NULL: said why.
bool bench_open(struct bench *b, const struct bench_conf *conf);
void bench_close(struct bench *b);
// Another worker of the same engine, with frames, clock and cycles of its own; the engine stays that of `of`.
void bench_worker(const struct bench *of, uint16_t id, struct bench *b);
// A candidate beside it: the same configuration, or one whose limits of connections, messages and recipients
// have other numbers; or none any more. false: said why.
enum bench_shadow { BENCH_SHADOW_NONE, BENCH_SHADOW_SAME, BENCH_SHADOW_OTHER, BENCH_SHADOWS };
bool bench_shadow(struct bench *b, enum bench_shadow which);

void bench_conn_init(struct bench_conn *c, uint32_t index, enum bench_net net);
void bench_key(const struct bench_conn *c, struct flow_key *key);
// A segment of a connection: TCP flags, payload behind the side's next number, which moves on.
struct rte_mbuf *bench_segment(struct bench *b, struct bench_conn *c, enum bench_side side,
	uint8_t flags, const void *payload, uint16_t n);
// A frame of the same size whose port is not picked up.
struct rte_mbuf *bench_other(struct bench *b, const struct bench_conn *c, uint16_t n);
// Takes a burst in and lets the engine read it; its cycles are added to b->cycles.
void bench_burst(struct bench *b, enum bench_side side, struct rte_mbuf **pkts, uint16_t n);
// What is timed of that: `n` frames in, turns until all are read. Its name is for callgrind.
void bench_timed(struct bench *b, enum bench_side side, struct rte_mbuf **pkts, uint16_t n);
// What the engine sent is dropped.
void bench_out_drop(struct bench *b);
// A segment with this text on each of `n` connections (ENG_BURST at most), in one burst.
void bench_say(struct bench *b, struct bench_conn *c, uint16_t n, enum bench_side side,
	uint8_t flags, const void *text, uint16_t bytes);
// `n` connections (ENG_BURST at most) through handshake, greeting and EHLO. The cycles of the
// handshake alone are in *handshake.
void bench_greet(struct bench *b, struct bench_conn *c, uint16_t n, uint64_t *handshake);
// A fresh connection's numbers as they are behind that.
void bench_conn_greeted(struct bench_conn *c);
// A transaction up to the 354.
void bench_mail(struct bench *b, struct bench_conn *c, uint16_t n);
// Behind it a message's header, acknowledged.
void bench_header(struct bench *b, struct bench_conn *c, uint16_t n);

// Connections `from` and on, so many, in the state of one that is open and idle, without a packet: only their
// keys differ. false: no room.
bool bench_clones(struct bench *b, const struct bench_conn *of, uint32_t from, uint32_t n);

// Lines as mail has them, of words drawn, or of base64. The end of the last one may be missing.
void bench_text(char *text, size_t n, bool base64, uint64_t *seed);

uint64_t bench_counter(const struct bench *b, enum eng_reason r);
double bench_ns(uint64_t cycles, uint64_t things);
uint64_t bench_heap(void);                       // bytes taken of EAL's heap
uint64_t bench_resident(void);                   // of the process, hugepages not counted
double bench_median(double *values, unsigned n); // sorts them
