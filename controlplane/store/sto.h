// SPDX-License-Identifier: BSD-3-Clause
// What has to outlive the process: bindings, what is known of endpoints and senders, what operators did,
// secrets. One SQLite file, written by a thread of its own in groups. Nobody waits for the disk but that
// thread: what is put goes into a bounded queue, and a number ("ticket") tells when it is on disk. Without a
// usable file all goes on in memory; the file is tried again each second, and once it is back, owners say
// everything again (sto_era).
// Times are seconds since 1970 by the wall clock. Contexts are api_binding's: a hash of the name, and a VLAN.
// Texts and blobs are copied by the calls that take them, and borrowed for the call in callbacks.
// Thread: as said at each function. "Loop": the one thread that made it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "span.h"

struct sto;

enum {
	STO_ID_MAX = 253,       // octets of an endpoint's id
	STO_WINDOWS_MAX = 4096, // octets of what its owner counts in its own form
	STO_TEXT_MAX = 512,     // octets of a comment and of other texts; longer ones are cut
	STO_SECRET = 16,
};

struct sto_conf {
	const char *file;     // NULL: none, all in memory by choice
	uint32_t queue_bytes; // 0: 16 MiB. More is not taken (-EAGAIN)
	uint32_t retry_ms;    // 0: 1000. A file that can't be used is tried again after it
};

// Opens the file: makes it where there is none, moves it aside where it is garbled, brings an older one up to
// date. A file that can't be used is no error: the log says it once, and sto_status. NULL: out of memory.
struct sto *sto_open(const struct sto_conf *conf);
// The file is `uid`'s from now on: before privileges are dropped. 0 or -errno.
int sto_chown(struct sto *s, unsigned uid, unsigned gid);
// A secret by its name, the same over restarts: made where there is none. Between sto_open and sto_start.
// 0 or -errno (no randomness).
int sto_secret(struct sto *s, const char *name, uint8_t out[STO_SECRET]);
// Starts the thread: behind sto_load and the drop of privileges. 0 or -errno.
int sto_start(struct sto *s);
// Writes what is queued, if that goes, ends the thread, closes. NULL is fine. Loop.
void sto_close(struct sto *s);

// ---- rows

enum sto_has { // somebody has that address
	STO_HAS_LIVE,
	STO_HAS_ENDED, // had: remembered, so that late news does not revive it
	STO_HAS_GONE,  // forget the row
};

struct sto_binding { // one a prefix, block of ports, context and VLAN
	struct prefix prefix;
	uint16_t port_first, port_last;
	uint32_t context;
	uint16_t vlan;
	uint8_t has; // enum sto_has; of GONE only what is above counts
	bool shared;
	uint64_t session, nas; // hashes
	uint32_t nas_era;      // sto_nas.era when it was bound; another one by now: it is over
	uint32_t before;       // of the session before
	bool before_over;      // that one has ended since
	int64_t at_s;          // what is known of it happened
	int64_t seen_s;        // last news
	uint32_t event_s;      // the newest by the clock of its NAS; 0 = unknown
	struct span id;        // of LIVE: 1..STO_ID_MAX octets
};

struct sto_nas { // went on or off `era` times; 0: forget it
	uint64_t nas;
	uint32_t era;
};

enum sto_list { STO_LIST_NONE, STO_LIST_BLOCK, STO_LIST_EXEMPT };

struct sto_known {       // of an endpoint, of a sender
	uint8_t list;    // enum sto_list: by an operator
	int64_t list_s;  // since
	int64_t until_s; // ... ends then; 0 = never
	struct span comment;
	int64_t block_s;       // blocked automatically: since
	int64_t block_until_s; // 0 = not
	struct span profile;   // whose trigger it was
	int64_t auth_s;        // AUTH refused: since
	int64_t auth_until_s;  // 0 = not
	uint32_t auth_failures;
	struct span windows; // its owner's own form
};

struct sto_endpoint {
	uint64_t key;   // not 0
	struct span id; // may be empty: unknown
	struct sto_known known;
};

struct sto_sender {
	struct prefix prefix;
	uint32_t context;
	uint16_t vlan;
	struct sto_known known;
};

struct sto_audit {
	uint64_t number; // given by the store, counts up; not read by sto_audit_put
	int64_t at_s;
	struct span who, verb, object, comment;
};

// Each takes a row in place of the one that has its key; *ticket (may be NULL) gets its number, higher than
// any before. 0; -EAGAIN: the queue is full, nothing is taken; -EIO: no file now, the row is counted as
// unstored and said again by its owner later (sto_era). Any thread; rows of one key come from one thread.
// Endpoints, senders and audit have no more than the half of the queue, so that bindings always find theirs.
int sto_binding_put(struct sto *s, const struct sto_binding *row, uint64_t *ticket);
int sto_nas_put(struct sto *s, const struct sto_nas *row, uint64_t *ticket);
int sto_endpoint_put(struct sto *s, const struct sto_endpoint *row, uint64_t *ticket);
int sto_endpoint_del(struct sto *s, uint64_t key, uint64_t *ticket);
int sto_sender_put(struct sto *s, const struct sto_sender *row, uint64_t *ticket);
int sto_sender_del(struct sto *s, const struct sto_sender *row, uint64_t *ticket); // its key alone
// Without a file 1,000 are kept and written when it is back: 0 then, too.
int sto_audit_put(struct sto *s, const struct sto_audit *row, uint64_t *ticket);

// Rows (bindings of any length) that surely find room now. Any thread; only bindings make it less than a
// quarter of all.
uint32_t sto_room(struct sto *s);

// ---- what is on disk

// Tickets up to this one are settled: on disk, or lost (sto_status). Any thread.
uint64_t sto_settled(const struct sto *s);
// Readable (an eventfd) after each settlement; for one waiting thread, which reads it. The store's.
int sto_settled_fd(const struct sto *s);

enum sto_state {
	STO_NONE, // none is configured
	STO_WELL,
	STO_LOST, // in memory only; tried again by itself
};

enum { STO_WHY_MAX = 200 };

struct sto_status {
	enum sto_state state;
	char why[STO_WHY_MAX]; // it is lost
	int64_t since_s;       // of this state
	uint64_t rows;         // on disk since the start
	uint64_t commits;
	uint64_t unstored; // rows that found no file, since the start
	uint64_t losses;   // times that it was lost
	uint64_t queued;   // octets waiting
	uint64_t bytes;    // of the file and its log
	uint32_t wait_ms;  // the longest from put to settled, of this minute and the one before
};
enum sto_state sto_state(const struct sto *s);          // any thread
void sto_status(struct sto *s, struct sto_status *out); // any thread

// ---- what was there before, and everything again

struct sto_restore {                                       // NULL: that kind is not wanted
	void (*nas)(void *arg, const struct sto_nas *row); // all of them before the first binding
	void (*binding)(void *arg, const struct sto_binding *row);
	void (*endpoint)(void *arg, const struct sto_endpoint *row);
	void (*sender)(void *arg, const struct sto_sender *row);
	void *arg;
};

// Calls for each row; before sto_start. Where there was no usable file and one comes later, or reading broke
// off (rows may come twice then), the calls come in sto_turn: they must not replace what is known by then.
// The era does not go up before all rows have been told. Loop.
void sto_load(struct sto *s, const struct sto_restore *r);

// Goes up when a file has come back: owners then put all their rows again, as the queue has room, and end
// with sto_said; rows of that kind which were not said since then are removed. 0 at first. Any thread.
uint32_t sto_era(const struct sto *s);

enum sto_kind { STO_BINDINGS, STO_ENDPOINTS, STO_SENDERS, STO_KINDS }; // NAS belong to bindings
// All rows of a kind have been put since the era went up to `era`. 0, -EAGAIN (again later), -EIO (lost).
int sto_said(struct sto *s, enum sto_kind kind, uint32_t era);

// ---- the loop's side

// Readable (an eventfd) when sto_turn has something to do, and when the state is another one.
int sto_fd(const struct sto *s);
void sto_turn(struct sto *s);

typedef void (*sto_audit_cb)(void *arg, const struct sto_audit *row); // NULL row: that was the last
// What operators did, newest first, at most `max` (1..1000) with numbers below `before` (0: from the
// newest). Called back in sto_turn; nothing after sto_close. 0, -EAGAIN (too many under way), -EIO. Loop.
int sto_audit_read(struct sto *s, uint64_t before, uint32_t max, sto_audit_cb each, void *arg);
