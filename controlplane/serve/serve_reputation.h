// SPDX-License-Identifier: BSD-3-Clause
// Reputation at work: outcomes go in, facts for the data plane, rows for the store and runs of the hook come
// out. Tables are sized when it is made; how they count is the configuration's, which may change.
// Thread: the loop's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api_link.h"
#include "cfg.h"
#include "rep.h"
#include "serve_hook.h"
#include "serve_names.h"
#include "span.h"

struct core_loop;
struct serve_reputation;

struct serve_reputation_conf {
	struct core_loop *loop;
	uint32_t endpoints, senders; // entries; 0 = none of that kind
	uint8_t secret[16];          // of endpoints' keys: the same over restarts
	const struct serve_names *names;
	// Tells the data plane: 0, -EAGAIN (no room now), -ENOTCONN. NULL: nobody is told.
	int (*fact)(void *arg, const struct api_fact *f);
	uint32_t (*waiting)(void *arg); // how many of them it has not taken yet; NULL: none ever
	// The id that a key stands for into `id`, its octets returned; 0 = nobody knows. May be NULL.
	uint32_t (*id)(void *arg, uint64_t key, uint8_t id[REP_ID_MAX]);
	// A row for the store: 0, -EAGAIN (no room now). `gone`: it is to be forgotten. May be NULL.
	int (*save_endpoint)(void *arg, const struct rep_endpoint_saved *row, bool gone);
	int (*save_sender)(void *arg, const struct rep_sender_saved *row, bool gone);
	void (*saved)(void *arg); // nothing waits to be saved now; each second. May be NULL
	void *save_arg;           // of these three
	void *arg;
};

// NULL with errno (ENOMEM).
struct serve_reputation *serve_reputation_new(const struct serve_reputation_conf *conf);
void serve_reputation_free(struct serve_reputation *r); // NULL is fine

// What a store had: before the first configuration, whose windows take it over.
void serve_reputation_restore_endpoint(
	struct serve_reputation *r, const struct rep_endpoint_saved *row);
void serve_reputation_restore_sender(
	struct serve_reputation *r, const struct rep_sender_saved *row);
// Everything is to be saved again, beginning now.
void serve_reputation_save_all(struct serve_reputation *r);

// The configuration in force.
void serve_reputation_change(struct serve_reputation *r, const struct cfg_reputation *conf);
void serve_reputation_outcome(struct serve_reputation *r, const struct api_outcome *o);
// Everything is told to a data plane that has come.
void serve_reputation_attached(struct serve_reputation *r);
void serve_reputation_detached(struct serve_reputation *r);

// For methods. The tables are NULL where there is none of the kind. What a call of rep.h that changes them
// began (a block) goes to the hook with serve_reputation_done.
struct rep_endpoints *serve_reputation_endpoints(struct serve_reputation *r);
struct rep_senders *serve_reputation_senders(struct serve_reputation *r);
uint32_t serve_reputation_now(const struct serve_reputation *r); // rep.h's seconds
int64_t serve_reputation_shift(
	const struct serve_reputation *r); // that the wall clock is ahead of them
uint64_t serve_reputation_key(const struct serve_reputation *r, struct span id);
// The id of an entry as known by now; its octets.
struct span serve_reputation_id(
	struct serve_reputation *r, const struct rep_endpoint *e, uint8_t buf[REP_ID_MAX]);
void serve_reputation_done(struct serve_reputation *r);
// All zero where there is no table of the kind.
void serve_reputation_counts(
	const struct serve_reputation *r, struct rep_counts *endpoints, struct rep_counts *senders);
const struct serve_hook_counts *serve_reputation_hook(const struct serve_reputation *r);
