// SPDX-License-Identifier: BSD-3-Clause
// Who is where: bindings of addresses, prefixes and port blocks to subscribers ("endpoints"), as accounting
// tells of them (RFC 2866). A binding belongs to a session; one by the same key takes its place, an end of
// another session leaves it. Bounded at the start; nothing here waits, logs or knows a clock.
// Thread: one.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rad_account.h"
#include "rad_cell.h"

struct rad_bind;
struct rad_row;

// What has to outlive the process is this now. Called from within the calls below, which they may not call.
typedef void (*rad_row_cb)(void *arg, const struct rad_row *row);
typedef void (*rad_nas_cb)(void *arg, uint64_t nas, uint32_t era); // 0: it is forgotten

enum { RAD_NONE = UINT32_MAX }; // no endpoint, no binding

struct rad_bind_conf {
	uint32_t bindings;  // at most; 16 to 100 million
	uint32_t endpoints; // likewise
	uint32_t nas;       // 16 to RAD_NAS_MOST: those that send, or that a proxy sends for
	uint32_t idle_s;    // a binding without news for so long ends; 0 = never
	uint32_t
		keep_s; // an ended one is remembered, so that late news of its session do not revive it
	rad_row_cb row; // NULL: nothing outlives it; called with `arg` of its own
	rad_nas_cb nas_era;
	void *row_arg;
	uint32_t
		refresh_s; // news that changes nothing but times makes a row once in so long; to 65,535
	uint8_t key[16];    // secret, of the bindings' hashes
	uint8_t id_key[16]; // secret, of rad_bound.key: what endpoints are known by elsewhere
};

struct rad_bound {         // who is there
	uint32_t endpoint; // RAD_NONE: nobody
	uint64_t key;      // of its id (hash_name); 0: nobody
	bool shared;       // several sessions say that they are
};

enum rad_row_has { RAD_ROW_LIVE, RAD_ROW_ENDED, RAD_ROW_GONE }; // GONE: its key alone counts

struct rad_row { // a binding whole
	struct rad_key key;
	enum rad_row_has has;
	bool shared;
	uint64_t session, nas;
	uint32_t nas_era;      // the NAS went on or off so many times before it was bound
	uint32_t before;       // low bits of the session before
	bool before_over;      // that one has ended since
	uint32_t at_s, seen_s; // what is known of it happened; last news
	uint32_t event_s;      // the newest by the clock of its NAS; 0 = unknown
	struct span id;        // of LIVE
};

// A binding is this now. Called from within the calls below, which it may not call.
typedef void (*rad_change_cb)(void *arg, const struct rad_key *key, struct rad_bound now);

struct rad_bind_counts {
	uint64_t begun, moved,
		kept; // bindings that are new, that went from one endpoint to another, that
		      // go on
	uint64_t ended, idle, cleared; // by a Stop, by silence, by a NAS that went on or off
	uint64_t stale;  // records older than what is known, or of a session that is over
	uint64_t old;    // of them, by the clock of their NAS: sent before, it seems, and again now
	uint64_t others; // Stops of a session that has the address no more
	uint64_t shared; // bindings found to be of several sessions at once
	uint64_t displaced; // blocks of ports, some of whose ports another block or address has now
	uint64_t full;      // bindings and NAS that found no room
	uint64_t share;     // bindings beyond their NAS's share
	uint64_t nas_forgotten;            // to make room for others
	uint32_t bindings, endpoints, nas; // now
};

// NULL: out of memory.
struct rad_bind *rad_bind_new(const struct rad_bind_conf *conf, rad_change_cb changed, void *arg);
void rad_bind_free(struct rad_bind *b); // NULL is fine

struct rad_context {  // that addresses belong to
	uint32_t key; // rad_key.context
	uint16_t vlan;
	uint16_t share; // rad_bind_share; 0 = none
	uint32_t
		most; // bindings of that share, those that ended a while ago too; 0 = all there is room for
};

// What NAS of one entry of a configuration have together is counted by its tag (not 0): its number. Shares of
// before are kept where rad_bind_shares_begin is called, and then this for each.
void rad_bind_shares_begin(struct rad_bind *b);
uint16_t rad_bind_share(struct rad_bind *b, uint64_t tag);
uint32_t rad_bind_share_used(const struct rad_bind *b, uint16_t share);

enum rad_fate {         // of a record
	RAD_DONE,       // what it says is so, or newer is known
	RAD_OLD,        // nothing is done: by the clock of its NAS it is of before
	RAD_FULL,       // no room for all of it
	RAD_SHARE_FULL, // likewise, of those of its share
};

// Takes a record that came at `now_s` of a clock that only grows, of this context.
enum rad_fate rad_bind_take(struct rad_bind *b, const struct rad_account *a,
	struct rad_context context, uint32_t now_s);
// Looks at `budget` bindings: ends those without news, forgets those that ended long ago.
void rad_bind_tick(struct rad_bind *b, uint32_t now_s, uint32_t budget);

struct rad_bound rad_bind_find(const struct rad_bind *b, const struct rad_key *key);
// An endpoint's id; borrowed until the next call that changes.
struct span rad_bind_id(const struct rad_bind *b, uint32_t endpoint);
// By its id; RAD_NONE where it has no binding.
uint32_t rad_bind_endpoint(const struct rad_bind *b, struct span id);
// An id by its key, also of who had a binding not long ago; borrowed likewise, empty: unknown.
struct span rad_bind_id_keyed(const struct rad_bind *b, uint64_t key);
// Bindings in force, in no order: looks at `budget` places from *at on, which begins with 0. Whatever comes
// into force behind *at is told by the change. `each` false: stop, and begin with this one next time.
// true: that was the last.
typedef bool (*rad_walk_cb)(void *arg, const struct rad_key *key, struct rad_bound now);
bool rad_bind_walk(
	const struct rad_bind *b, uint32_t *at, uint32_t budget, rad_walk_cb each, void *arg);
// Bindings in force of an endpoint (not RAD_NONE), at most `cap` of them, among `budget` places from *at on, as
// above. *n of them are in `out` before, and behind. true: there are no more, or no room for one.
bool rad_bind_of(const struct rad_bind *b, uint32_t endpoint, uint32_t *at, uint32_t budget,
	struct rad_key *out, uint32_t cap, uint32_t *n);
// Takes what outlived another process, NAS first; what is known by now is not replaced. Times not behind
// `now_s`. false: no room.
bool rad_bind_restore_nas(struct rad_bind *b, uint64_t nas, uint32_t era);
bool rad_bind_restore(struct rad_bind *b, const struct rad_row *row, uint32_t now_s);
// Gives all that is to outlive the process to conf.row and conf.nas_era, in slices as rad_bind_walk does.
// true: that was the last.
bool rad_bind_say(struct rad_bind *b, uint32_t *at, uint32_t budget);

struct rad_bind_counts rad_bind_counts(const struct rad_bind *b);
// What the tables take, in octets, for `bindings` and `endpoints`.
uint64_t rad_bind_bytes(const struct rad_bind_conf *conf);
