// SPDX-License-Identifier: BSD-3-Clause
// Our end of the link to the data plane. Connects, verifies what it is handed, attaches; connects
// again by itself when the data plane goes. Takes outcomes, records and answers from the rings
// with bounded work a turn and gives them to the owner; sends images and questions.
// The data plane is trusted no further than the other way round: each offset is proved at attach,
// each message copied and its enumerations checked before the owner sees it.
// Thread: the loop's, but for core_link_binding_put and core_link_bindings_waiting. Callbacks come from the loop,
// never from within a call of this header, but for core_link_free, which calls none. A callback must not free
// the link.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api_link.h"
#include "core_cells.h"
#include "core_loop.h"
#include "core_stats.h"

struct core_link;

struct core_link_ops { // each may be NULL
	// The data plane is there, its statistics are mapped: push the last good image now, if
	// hello.image_version is not already the one.
	void (*attached)(void *arg, const struct api_hello *hello);
	// It went, or was refused by us. Commands in flight have been answered -ENOTCONN before.
	void (*detached)(void *arg, const char *why);
	void (*outcome)(void *arg, const struct api_outcome *o);
	void (*record)(void *arg, const struct api_record *r); // texts end, but are raw bytes
	// A question; `worker` is whom core_link_answer tells. Raw bytes in the name.
	void (*ask)(void *arg, uint32_t worker, const struct api_ask *q);
};

struct core_link_conf {
	const char *path;    // of the data plane's socket (control.link); copied
	struct core_link_ops ops;
	void *arg;           // of the ops
	uint32_t retry_ms;   // between attempts to connect; 0 = 200
	uint32_t drain_ms;   // a look at the rings at least this often; 0 = 20
	uint32_t image_ms;   // an image must be answered in this time, else we detach; 0 = 30000
	uint32_t answer_ms;  // other commands: -ETIMEDOUT after this; 0 = 2000
};

// The answer to a command, exactly once for each command that was accepted, unless the link is
// freed first. status 0 or -errno: the data plane's own, -ENOTCONN (went meanwhile), -ETIMEDOUT.
// `text` says why it failed, "" where it did not; borrowed for the call.
typedef void (*core_link_done_cb)(void *arg, int status, const char *text);
typedef void (*core_link_flow_cb)(void *arg, const struct api_flow *row);

// Begins to connect when the loop runs. NULL with errno.
struct core_link *core_link_new(struct core_loop *loop, const struct core_link_conf *conf);
void core_link_free(struct core_link *l); // NULL is fine

bool core_link_is_attached(const struct core_link *l);
// What the data plane said at attach; NULL while detached.
const struct api_hello *core_link_hello(const struct core_link *l);
// The statistics memory; NULL while detached, and not to be kept over a turn of the loop.
const struct core_stats *core_link_stats(const struct core_link *l);
// core_now_us of the attachment, 0 = detached.
uint64_t core_link_attached_us(const struct core_link *l);
const char *core_link_why(const struct core_link *l);      // why not attached, "" where attached

struct core_link_counts { // since core_link_new
	uint64_t attached, refused;  // attachments; peers whose hello or rings made no sense
	uint64_t outcomes, records;  // taken
	uint64_t asks, answers;      // questions taken, answers given
	uint64_t answers_lost;       // not given: the worker did not take them
	uint64_t absurd;             // messages dropped because a field made no sense
	uint64_t facts;              // put; bindings are their thread's to count
};
const struct core_link_counts *core_link_counts(const struct core_link *l);

// Answers a question of this attachment. 0, -ENOTCONN (that data plane is gone), -EAGAIN (its ring
// is full).
int core_link_answer(struct core_link *l, uint32_t worker, const struct api_answer *a);

// Tells the data plane of a binding, or of the begin or end of a walk through all of them (api_link.h); what it may
// hold stands in the hello. It comes into force within 10 ms. 0, -ENOTCONN (detached; or that data plane is gone,
// which the loop says soon), -EAGAIN (the ring is full: it takes some 100,000 a second at least).
// Thread: any, one at a time, between core_link_new and core_link_free; it waits for nobody longer than the loop
// takes to attach or detach. What it puts goes to the attachment of that moment, which may be another one than a
// moment before: `attached` is called in the loop's thread, and a walk begun before then is to be begun again.
int core_link_binding_put(struct core_link *l, const struct api_binding *b);
// The same for what is known of an endpoint or sender; the loop's thread alone.
int core_link_fact_put(struct core_link *l, const struct api_fact *f);
// How many of them the data plane has not taken yet; 0 while detached. Rings keep their order: who tells
// everything puts no more while many wait, or what is new would come late. Threads as for the two above.
uint32_t core_link_bindings_waiting(struct core_link *l);
uint32_t core_link_facts_waiting(struct core_link *l);

// Copies the image into a free slot and asks for it to be put in force. One at a time. 0, or
// -ENOTCONN (detached), -EBUSY (one is under way), -EFBIG (larger than a slot), -EAGAIN (the
// command ring is full); then nothing was sent and `done` is not called.
int core_link_image_push(struct core_link *l, const void *bytes, uint64_t n, uint64_t version,
	core_link_done_cb done, void *arg);
// The same for a candidate that is to run beside the image in force; 0 bytes: none any more. Also one at a
// time, with a slot of its own.
int core_link_shadow_push(struct core_link *l, const void *bytes, uint64_t n, uint64_t version,
	core_link_done_cb done, void *arg);
// Asks for at most `max` flow rows. `row` for each, then `done`. 0, -ENOTCONN, -EBUSY, -EAGAIN.
int core_link_flows_ask(struct core_link *l, uint32_t max, core_link_flow_cb row,
	core_link_done_cb done, void *arg);
// The limit cells of this attachment, the caller's from now on to free: they outlive it. NULL where there
// are none, where they were taken already, and while detached.
struct core_cells *core_link_cells_take(struct core_link *l);
// Rows that the data plane has room for, for the next function; 0 while detached.
uint64_t core_link_counts_room(const struct core_link *l);
// Hands `n` counts back, whose tags are by `secret`; what is sent after them waits until they are taken. 0,
// -ENOTCONN, -EBUSY, -EFBIG, -EAGAIN; `done`: -EALREADY where the data plane counts itself.
int core_link_counts_push(struct core_link *l, const uint8_t secret[API_CELLS_SECRET],
	const struct api_count *rows, uint64_t n, core_link_done_cb done, void *arg);
// Begins a drain, or changes one: new connections are refused (421) or pass unread; wait_s 0: without a deadline.
// Or (on false) ends it. How far it is stands in the statistics. 0, -ENOTCONN, -EBUSY, -EAGAIN.
int core_link_drain_ask(struct core_link *l, bool on, bool refuse, uint32_t wait_s,
	core_link_done_cb done, void *arg);
// Asks for nothing but an answer. 0, -ENOTCONN, -EBUSY, -EAGAIN.
int core_link_ping(struct core_link *l, core_link_done_cb done, void *arg);
