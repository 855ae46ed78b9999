// SPDX-License-Identifier: BSD-3-Clause
// One run: connections between model clients and servers, the network on both sides of the box, the
// box itself. Everything happens in simulated time and by the seed's dice. One thread.
//
//   client (sim_client.c) - TCP end -- net --> box (engine) -- net --> TCP end - server (sim_server.c)
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim_box.h"
#include "sim_client.h"
#include "sim_rand.h"
#include "sim_server.h"
#include "sim_tcp.h"

enum sim_row {
#define EVENT(symbol, what) ROW_##symbol,
#include "events.def"
#undef EVENT
	ROW_COUNT
};

enum { CONNS_MAX = 6, LINKS = 4, FAIL_TEXT = 400 };

// What a client does; the oracle asks more of the first ones.
enum sim_kind {
	KIND_HONEST,  // a client by the book: all must arrive, all must end
	KIND_BARE_LF, // ... that knows no CR, against a server that takes it
	KIND_ODD,     // legal or not, nobody can be sure: only safety is asked
	KIND_ATTACK,
	KIND_COUNT
};

enum { // third octets of the clients' networks (sim_box.c) that limit their sessions
	POLICY_FEW = 10, // two recipients a message, groups where they are offered
	POLICY_SLOW,     // ... six errors, twelve of recipients; the reply to all but the first waits
	POLICY_SINGLE,   // two errors, two RSET, no groups
};

struct link_conf { // one direction of one side
	uint32_t delay_us, jitter_us;
	uint16_t loss, dup, late, gap; // of 1000 frames; gap: a silence begins
	uint32_t late_us, gap_us;
};

struct sim_track { // what went into the box and what came out of it, a byte of a stream each
	struct track_cell {
		uint8_t in[4], nin, out, is_out;
	} * cell;
	uint32_t max, base;  // base: number of the first byte
	uint32_t contiguous; // bytes that entered without a hole
	uint32_t nin_max;
	bool on;
	uint32_t edge; // right edge that the box has told this side's sender
};

struct conn {
	struct sim *sim;
	unsigned index;
	enum sim_kind kind;
	struct sim_path path;
	struct tcp_end end[2];
	struct client client;
	struct server server;
	struct sim_track track[2]; // by sender
	uint64_t begins_at;
	uint16_t evil[2]; // of 1000 segments of a side that get company (sim_evil.c)
	uint8_t evil_tile;
	uint8_t ttl_hops; // a frame of the client with a smaller TTL dies behind the box
	bool begun, over, box_cut, accepted;
	uint64_t over_at;
	unsigned verdicts[8]; // the engine's records of messages, by verdict
	unsigned refusals;
};

struct sim_event {
	uint64_t at, order;
	enum sim_arrival { TO_BOX, TO_END } kind;
	unsigned conn;
	enum sim_side side;
	struct sim_frame *frame;
};

struct plan { // what this seed is about
	uint16_t nconns;
	uint8_t policy; // third octet of the clients' network
	uint32_t flows, messages, slabs;
	uint64_t restart_at, swap_at; // UINT64_MAX: never
	bool swap_in_body;
	bool lazy;         // the worker's turn does not follow at once
	bool excused;      // may pass unread: restart
	uint64_t limit_us; // an honest session is over by then
};

struct sim {
	uint64_t seed, now, order, steps;
	struct dice dice;
	struct plan plan;
	struct conn conn[CONNS_MAX];
	unsigned nconns;
	struct link_conf link[2][2]; // side, 0 towards the box, 1 from it
	uint64_t silent_until[2][2];
	struct sim_event *heap;
	unsigned nheap, heap_max;
	struct box box;
	uint64_t rows[ROW_COUNT];
	uint64_t cuts[16]; // as last counted
	bool trace;
	bool failed;
	char why[FAIL_TEXT];
};

// sim_run.c: one seed from its begin to its end; false: see s->why.
bool sim_run(struct sim *s, uint64_t seed, bool trace);
// The first failure counts.
void sim_fail(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_note(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Has the box just cut off this connection's server?
void sim_cuts_note(struct conn *c);
static inline void sim_row(struct sim *s, enum sim_row row)
{
	s->rows[row]++;
}

// sim_plan.c: what a seed is about.
void sim_plan(struct sim *s);
void sim_plan_conn(struct sim *s, struct conn *c);

// sim_net.c
void net_push(struct sim *s, const struct sim_event *e);
bool net_due(struct sim *s, uint64_t now, struct sim_event *e);
uint64_t net_next(const struct sim *s);
void net_fini(struct sim *s);
// An end's segment on its way to the box; the engine's frame on its way to an end.
void net_to_box(struct conn *c, enum sim_side from, const struct sim_seg *seg);
void net_from_box(struct conn *c, enum sim_side to, const struct sim_frame *f);

// sim_limits.c: did client and server hear what the limits of their profile say?
void limits_look(struct conn *c);

// sim_evil.c: sends an end's segment, and at times some company of an attacker's making.
void evil_send(struct conn *c, enum sim_side from, const struct sim_seg *seg);

// sim_oracle.c
void oracle_begin(struct conn *c);
void oracle_fini(struct conn *c);
void oracle_in(struct conn *c, enum sim_side from, const struct sim_seg *seg);
void oracle_out(struct conn *c, enum sim_side from, const struct sim_seg *seg);
void oracle_end(struct sim *s);
