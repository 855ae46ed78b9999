// SPDX-License-Identifier: BSD-3-Clause
// What is known of endpoints (subscribers) and senders (addresses and prefixes): scores from what became of
// their mail, blocks that follow from scores and failed logins, and the operators' lists. Two tables, each
// sized when it is made; a full one lets the entry go that says least, never one that is on a list or
// blocked. What a profile does about a score is decided elsewhere, but for one thing: an endpoint over its
// profile's trigger is blocked here.
// No clock, no socket, no file. `now_s`: seconds of a clock that never goes back, as large as the seconds
// since 1970 where what is saved shall outlive the process.
// Thread: the owner's. Callbacks come from within calls and must not call back.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "span.h"

enum {
	REP_ID_MAX = 253,      // octets of an endpoint's id; longer ones are cut
	REP_COMMENT_MAX = 512, // octets; likewise
	REP_CELLS = 60,        // of an endpoint's window
	REP_SENDER_CELL_S = 1800,
	REP_SENDER_CELLS_MAX = 96, // of the longest window of senders: two days
	REP_LENGTHS_MAX = 4,       // of prefixes of senders, a family; of windows of senders, too
	REP_WINDOWS_MAX = 4,
	REP_SENDER_SCORE_MAX = 100,
	REP_AUTH_CELLS = 8,
	REP_TOP_MAX = 1000,
	REP_PACK_MAX = 1024, // octets
};
#define REP_NOBODY UINT32_MAX // no number of an entry; behind the last page

enum rep_state { // which list it is on
	REP_NONE,
	REP_AUTO,   // blocked until a time; endpoints alone
	REP_MANUAL, // by an operator, for good or until a time
	REP_EXEMPT, // by an operator: never blocked, likewise
	REP_STATE_COUNT
};
extern const char *const rep_state_names[REP_STATE_COUNT]; // "none", "auto", "manual", "exempt"

// ---- failed logins

struct rep_auth_conf {
	uint32_t failures; // that are free in the window, 1..1000: one more begins a block
	uint32_t window_s; // 8..
	uint32_t block_s;  // the first one, not 0
};

struct rep_auth {                // of one endpoint or sender; all zero: nothing
	uint32_t until_s, for_s; // of the block; 0 = none yet
	uint32_t last_s;         // failure
	uint16_t failed;         // since one passed
	uint8_t blocks;          // likewise
	uint8_t spare;
	uint16_t cell[REP_AUTH_CELLS]; // failures of the window since the last block, newest first
};

// `count` failures; true: a block begins now.
bool rep_auth_failed(
	struct rep_auth *a, const struct rep_auth_conf *conf, uint32_t count, uint32_t now_s);
// Seconds left of a block, 0 = not blocked.
uint32_t rep_auth_left(const struct rep_auth *a, uint32_t now_s);
// Nothing that would count any more.
bool rep_auth_is_over(const struct rep_auth *a, const struct rep_auth_conf *conf, uint32_t now_s);
// How long the next block would be, with `failed` failures since one passed and `blocks` blocks before it.
uint32_t rep_auth_block_s(const struct rep_auth_conf *conf, uint32_t failed, uint32_t blocks);

// ---- what is told to the owner

struct rep_fact { // all there is to say of one, for the data plane; all zero but the key: nothing
	uint64_t endpoint; // 0 = a sender
	struct prefix prefix;
	uint32_t context;
	uint16_t vlan;
	uint8_t score; // of a sender
	bool listed, exempt;
	uint32_t blocked_s, auth_s; // from now; 0 = not
};

enum rep_event { REP_EVT_AUTO, REP_EVT_MANUAL, REP_EVT_AUTH, REP_EVT_COUNT }; // what began a block

struct rep_ops { // each may be NULL
	// Something changed. false: it found no room; it is said again by rep_*_tell.
	bool (*tell)(void *arg, const struct rep_fact *f);
	// A block began; one that is prolonged does not begin. `number`: of the entry.
	void (*blocked)(void *arg, enum rep_event event, uint32_t number);
	// The entry is forgotten: now, and not in what rep_*_dirty says.
	void (*gone)(void *arg, uint32_t number);
	void *arg;
};

struct rep_counts {
	uint32_t entries, most;
	uint32_t state[REP_STATE_COUNT]; // entries by list; 0 for none
	uint32_t auth;                   // whose logins are blocked
	uint32_t pending, dirty;         // to be told, to be saved
	uint64_t blocks[REP_EVT_COUNT];  // that began
	uint64_t evicted, full;          // entries that made room; what found none
	uint64_t bytes;                  // of memory, at most
};

struct rep_filter { // all of it must hold
	bool by_state, by_auth;
	enum rep_state state;          // where by_state
	uint32_t score_min, score_max; // score_max 0 = any
	struct span id;                // of endpoints: how the id begins
	struct prefix within;          // of senders: len 0 = any
	uint32_t context;              // of senders; 0 = any
};

struct rep_top {          // begin: zero but `most`
	uint32_t most, n; // 1..REP_TOP_MAX
	uint32_t next;    // to be looked at
	struct {
		uint32_t score, number;
	} row[REP_TOP_MAX];
};

// ---- endpoints

struct rep_endpoints;

struct rep_endpoints_conf {
	uint32_t most;       // not 0
	uint32_t window_min; // 15..1440
	struct rep_auth_conf auth;
	struct rep_ops ops;
};

// NULL with errno (EINVAL, ENOMEM).
struct rep_endpoints *rep_endpoints_new(const struct rep_endpoints_conf *conf);
void rep_endpoints_free(struct rep_endpoints *e); // NULL is fine
uint64_t rep_endpoints_bytes(uint32_t most);      // that a table of so many takes when it is full
// From now on: of `conf` the window and the logins. Another window takes the scores over: of each when it is next
// looked at, or by ticks; the window of a second change before all of them are waits for that.
// 0, -EINVAL.
int rep_endpoints_change(
	struct rep_endpoints *e, const struct rep_endpoints_conf *conf, uint32_t now_s);
void rep_endpoints_counts(const struct rep_endpoints *e, struct rep_counts *out);

// `count` messages were spam. Strictly over `trigger` in the window: blocked for
// `duration_s` from now; 0 = counted alone. `id` may be empty where nobody knows it.
struct rep_trigger {
	uint32_t trigger, duration_s;
};
void rep_endpoint_condemned(struct rep_endpoints *e, uint64_t key, struct span id, uint32_t count,
	const struct rep_trigger *t, uint32_t now_s);
void rep_endpoint_login(struct rep_endpoints *e, uint64_t key, struct span id, bool passed,
	uint32_t count, uint32_t now_s);

struct rep_listing {
	enum rep_state state;
	uint32_t until_s;    // it ends by itself; 0 = never. Of REP_AUTO needed, of REP_NONE unused
	struct span comment; // of an operator's lists; copied
};
// Puts it on an operator's list or (REP_NONE) takes it off each, its automatic block included. The score
// stays. 0, -ENOSPC, -ENOMEM (as it was).
int rep_endpoint_set(struct rep_endpoints *e, uint64_t key, struct span id,
	const struct rep_listing *to, uint32_t now_s);
// Forgets score, automatic block and failed logins; what an operator said stays. 0, -ENOENT.
int rep_endpoint_clear(struct rep_endpoints *e, uint64_t key, uint32_t now_s);
// New entries that find room if nothing else comes: what the data plane is still owed can't make any. Looks at
// the whole table.
uint32_t rep_endpoints_room(const struct rep_endpoints *e);

uint32_t rep_endpoint_find(const struct rep_endpoints *e, uint64_t key); // number, or REP_NOBODY

struct rep_endpoint {
	uint64_t key;
	struct span id; // borrowed until the table changes; may be empty
	enum rep_state state;
	uint32_t score;
	uint32_t until_s;    // of REP_AUTO, of an operator's list; 0 = for good
	uint32_t since_s;    // of an operator's list; 0 = unknown
	struct span comment; // likewise; borrowed as the id
	uint32_t for_s;   // likewise: how long that block is in all
	uint32_t trigger; // that its last message was judged by; 0 = none
	uint32_t
		calm_s; // until the score is no longer over `trigger` without more of it; 0 = it is not
	uint32_t auth_s; // left of the block of logins
	uint32_t auth_failed;
};
void rep_endpoint_get(
	struct rep_endpoints *e, uint32_t number, uint32_t now_s, struct rep_endpoint *out);

// A page: at most `cap` numbers; *next is where to begin (first 0), then where to go on, or REP_NOBODY.
// Looks at a bounded number of entries: a page may be empty and not the last one.
uint32_t rep_endpoints_page(struct rep_endpoints *e, const struct rep_filter *f, uint32_t *next,
	uint32_t *numbers, uint32_t cap, uint32_t now_s);
// The highest scores, highest first at the end. False: done; true: call it again.
bool rep_endpoints_top(
	struct rep_endpoints *e, const struct rep_filter *f, struct rep_top *top, uint32_t now_s);

// What ops.tell had no room for, at most so many; how many are left.
uint32_t rep_endpoints_tell(struct rep_endpoints *e, uint32_t most, uint32_t now_s);
void rep_endpoints_tell_all(
	struct rep_endpoints *e); // everything that is to be told, by the function above
// Looks at `most` entries: blocks that are over, what says nothing any more.
void rep_endpoints_tick(struct rep_endpoints *e, uint32_t most, uint32_t now_s);

// Entries that changed since they were last taken by this; how many.
uint32_t rep_endpoints_dirty(struct rep_endpoints *e, uint32_t *numbers, uint32_t cap);
void rep_endpoint_dirty(struct rep_endpoints *e, uint32_t number); // it could not be saved
void rep_endpoints_dirty_all(struct rep_endpoints *e);

struct rep_saved_note { // of an operator's list
	uint32_t since_s, until_s;
	struct span
		comment; // borrowed: of the table until it changes; of the caller when it is loaded
};

struct rep_endpoint_saved {
	uint64_t key;
	uint8_t id_len, state;
	uint16_t trigger;
	uint32_t until_s, for_s;
	struct rep_auth auth;
	uint32_t window_s;        // the cells of this window
	uint32_t newest_s;        // when the first of them began
	uint16_t cell[REP_CELLS]; // newest first
	uint8_t id[REP_ID_MAX];
	struct rep_saved_note note;
};
// `shift_s` is added to every time: what the wall clock is ahead of now_s.
void rep_endpoint_save(const struct rep_endpoints *e, uint32_t number, int64_t shift_s,
	struct rep_endpoint_saved *out);
// In place of what is known of that key. A time that lies ahead by more than it can is cut. Nothing is told,
// no block begins. 0, -ENOSPC, -EINVAL (makes no sense).
int rep_endpoint_load(struct rep_endpoints *e, const struct rep_endpoint_saved *s, uint32_t now_s);

// ---- senders

struct rep_senders;

enum rep_mail { REP_CLEAN, REP_SPAM, REP_RECIPIENT, REP_LOGIN, REP_MAIL_COUNT };

struct rep_weights {
	uint16_t percent
		[REP_MAIL_COUNT]; // that one of them is bad; of REP_CLEAN: unused, it is good
	uint16_t k;
};

struct rep_senders_conf {
	uint32_t most;                                                // not 0
	uint8_t lengths4[REP_LENGTHS_MAX], lengths6[REP_LENGTHS_MAX]; // 1..32, 1..128; 0 = end
	uint32_t windows_min[REP_WINDOWS_MAX];                        // multiples of 30; 0 = end
	struct rep_weights weights;
	struct rep_auth_conf auth;
	uint8_t secret[16]; // that nobody can find who shares a place in the table
	struct rep_ops ops;
};

struct rep_client {
	struct addr addr;
	uint32_t context;
	uint16_t vlan;
};

struct rep_sender_key {
	struct prefix prefix; // canonical
	uint32_t context;
	uint16_t vlan;
};

// round(100 * B / (B + G + k)), B = bad_percent / 100; 0 where nothing is known.
unsigned rep_score(uint64_t good, uint64_t bad_percent, uint32_t k);

struct rep_senders *rep_senders_new(const struct rep_senders_conf *conf); // NULL with errno
void rep_senders_free(struct rep_senders *s);                             // NULL is fine
uint64_t rep_senders_bytes(uint32_t most, const uint32_t windows_min[REP_WINDOWS_MAX]);
// From now on: all of `conf` but its size, secret and callbacks. Other windows take over what was counted;
// what was counted for a length that is no longer configured is forgotten: of each when it is next looked at, or
// by ticks. Windows and lengths of a second change before all of them are wait for that, the last ones alone.
// Meanwhile the table takes the memory of both windows. 0, -EINVAL, -ENOMEM: all is as it was.
int rep_senders_change(struct rep_senders *s, const struct rep_senders_conf *conf);
void rep_senders_counts(const struct rep_senders *s, struct rep_counts *out);

// `count` of a kind, of every prefix of the client (a failed login is bad mail, too).
// rep_sender_login: against its longest configured prefix alone, what blocks AUTH.
void rep_sender_mail(struct rep_senders *s, const struct rep_client *c, enum rep_mail what,
	uint32_t count, uint32_t now_s);
void rep_sender_login(struct rep_senders *s, const struct rep_client *c, bool passed,
	uint32_t count, uint32_t now_s);

// As those of endpoints. -ERANGE: a prefix length more than REP_LENGTHS_MAX of the family;
// -EINVAL: not canonical, or REP_AUTO.
int rep_sender_set(struct rep_senders *s, const struct rep_sender_key *key,
	const struct rep_listing *to, uint32_t now_s);
int rep_sender_clear(struct rep_senders *s, const struct rep_sender_key *key, uint32_t now_s);
uint32_t rep_senders_room(const struct rep_senders *s);
// Lengths of prefixes (of the 16 octets) of a family that are in use, configured or not: at most REP_LENGTHS_MAX
// are, unless the configuration came later.
void rep_sender_lengths(const struct rep_senders *s, bool v4, bool used[129]);
uint32_t rep_sender_find(const struct rep_senders *s, const struct rep_sender_key *key);
// Entries that have the client, longest prefix first; at most 2 * REP_LENGTHS_MAX of them.
uint32_t rep_sender_of(const struct rep_senders *s, const struct rep_client *c,
	uint32_t numbers[2 * REP_LENGTHS_MAX]);

struct rep_sender {
	struct rep_sender_key key;
	enum rep_state state;
	unsigned score;
	uint32_t last_s; // about when something was last counted; 0 = nothing is
	uint32_t auth_s, auth_failed;
	uint64_t good, bad_percent; // of the longest window
	uint32_t since_s, until_s;  // as of endpoints
	struct span comment;
};
void rep_sender_get(struct rep_senders *s, uint32_t number, uint32_t now_s, struct rep_sender *out);
// How the score falls by itself: steps with the seconds until each; at most `cap`.
struct rep_fall {
	uint32_t in_s;
	unsigned score;
};
uint32_t rep_sender_falls(
	struct rep_senders *s, uint32_t number, uint32_t now_s, struct rep_fall *out, uint32_t cap);

uint32_t rep_senders_page(struct rep_senders *s, const struct rep_filter *f, uint32_t *next,
	uint32_t *numbers, uint32_t cap, uint32_t now_s);
bool rep_senders_top(
	struct rep_senders *s, const struct rep_filter *f, struct rep_top *top, uint32_t now_s);
uint32_t rep_senders_tell(struct rep_senders *s, uint32_t most, uint32_t now_s);
void rep_senders_tell_all(struct rep_senders *s);
void rep_senders_tick(
	struct rep_senders *s, uint32_t most, uint32_t now_s); // scores that fell, too
uint32_t rep_senders_dirty(struct rep_senders *s, uint32_t *numbers, uint32_t cap);
void rep_sender_dirty(struct rep_senders *s, uint32_t number);
void rep_senders_dirty_all(struct rep_senders *s);

struct rep_sender_saved {
	struct rep_sender_key key;
	uint8_t state;
	struct rep_auth auth;
	uint32_t newest_s; // when the first of the cells began
	uint32_t cells;    // that follow
	struct {
		uint32_t good, bad;
	} cell[REP_SENDER_CELLS_MAX]; // newest first; bad in percent
	struct rep_saved_note note;
};
void rep_sender_save(const struct rep_senders *s, uint32_t number, int64_t shift_s,
	struct rep_sender_saved *out);
int rep_sender_load(struct rep_senders *s, const struct rep_sender_saved *v, uint32_t now_s);

// ---- as octets for a store: all but key, id, state and note, which have places of their own there. Octets
// written; unpack: 0 or -EINVAL (no such form).
uint32_t rep_endpoint_pack(const struct rep_endpoint_saved *v, uint8_t out[REP_PACK_MAX]);
int rep_endpoint_unpack(struct span in, struct rep_endpoint_saved *out);
uint32_t rep_sender_pack(const struct rep_sender_saved *v, uint8_t out[REP_PACK_MAX]);
int rep_sender_unpack(struct span in, struct rep_sender_saved *out);
