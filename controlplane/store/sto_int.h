// SPDX-License-Identifier: BSD-3-Clause
// What the files of this folder share: the queue of rows, the open file, and the store that has both.
// Thread: as said at each struct.
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include <sqlite3.h>

#include "sto.h"

enum {
	STO_QUEUE_BYTES = 16 << 20,
	STO_RETRY_MS = 1000,
	STO_SECRETS_MAX = 8,
	STO_SECRET_NAME = 32,
	STO_AUDIT_KEPT = 1000,    // while there is no file
	STO_AUDIT_ROWS = 1000000, // in the file
	STO_KEY = 27,             // octets of a binding's key
	STO_KEY_SENDER = 23,
};

// ---- rows on their way: a header, the row's struct, its texts

enum sto_what {
	STO_PUT_BINDING,
	STO_PUT_NAS,
	STO_PUT_ENDPOINT,
	STO_DEL_ENDPOINT,
	STO_PUT_SENDER,
	STO_DEL_SENDER,
	STO_PUT_AUDIT,
	STO_PUT_SAID,
};

struct sto_said {
	enum sto_kind kind;
	uint32_t era;
};

struct sto_item { // its spans lie behind it
	uint32_t bytes;
	enum sto_what what;
	union {
		struct sto_binding binding;
		struct sto_nas nas;
		struct sto_endpoint endpoint;
		struct sto_sender sender;
		struct sto_audit audit;
		struct sto_said said;
	};
};

struct sto_queue {
	uint8_t *octets;
	size_t size, used, read;
	uint32_t rows;
	uint64_t since_us; // the first row was put
};

int sto_queue_open(struct sto_queue *q, size_t size); // 0 or -ENOMEM
void sto_queue_close(struct sto_queue *q);
void sto_queue_clear(struct sto_queue *q);
// Takes a row if it fits: `row` is the struct of its kind.
bool sto_queue_put(struct sto_queue *q, enum sto_what what, const void *row);
// One row after the other; NULL: that was the last. Borrowed until the queue is cleared.
struct sto_item *sto_queue_next(struct sto_queue *q);
size_t sto_queue_most(enum sto_what what); // octets that a row takes at most

// ---- the file. Thread: the loop's before sto_start, then the store's.

enum sto_sql {
	STO_SQL_BEGIN,
	STO_SQL_COMMIT,
	STO_SQL_NEWS0,
	STO_SQL_NEWS1,
	STO_SQL_FOLD0,
	STO_SQL_FOLD1,
	STO_SQL_GONE,
	STO_SQL_CLEAR0,
	STO_SQL_CLEAR1,
	STO_SQL_NAS,
	STO_SQL_NAS_DEL,
	STO_SQL_ENDPOINT,
	STO_SQL_ENDPOINT_DEL,
	STO_SQL_SENDER,
	STO_SQL_SENDER_DEL,
	STO_SQL_AUDIT,
	STO_SQL_COUNT,
};

// Bindings come in any order and many at once; where each went to its page in a tree of a million, a page
// would be written for each. So they are appended to one of two tables of news, and a whole table of news is
// folded into the tree in the order of keys, a slice with each group, while the other one fills.
struct sto_fresh { // of a row of news
	uint64_t n; // of it
	uint8_t key[STO_KEY];
	uint8_t has;
};

struct sto_news {
	struct sto_fresh *row;
	uint32_t n, room;
};

struct sto_fold {
	struct sto_news news[2];
	unsigned filling; // the other one is folded, if it has rows
	bool sorted;      // that one
	uint32_t next;    // row of it
	uint64_t n;       // rows of news since the file was opened: more than 2^32 in some days
};

struct sto_file {
	sqlite3 *db;
	sqlite3_stmt *sql[STO_SQL_COUNT];
	uint32_t era; // of this opening, in the file
	struct sto_fold fold;
};

extern const int sto_schema_version;
int sto_schema_make(
	sqlite3 *db, int version); // brings it up to date within a transaction; an SQLite code
int sto_schema_prepare(struct sto_file *f); // an SQLite code

struct sto_secret_row {
	char name[STO_SECRET_NAME];
	uint8_t octets[STO_SECRET];
};

// All of these: an SQLite code, SQLITE_OK where all is well.
int sto_run(sqlite3 *db, const char *sql);
int sto_step(sqlite3_stmt *q); // of one that gives no rows; resets it
int sto_file_open(struct sto *s);
void sto_file_close(struct sto_file *f);
int sto_secret_read(sqlite3 *db, const char *name, uint8_t out[STO_SECRET]); // SQLITE_NOTFOUND
int sto_secret_write(sqlite3 *db, const struct sto_secret_row *row);
int sto_rows_write(struct sto_file *f, const struct sto_item *i); // news and said aside
int sto_rows_sweep(struct sto_file *f, enum sto_kind kind);
// Reads all rows of these kinds; what makes no sense is left out and counted in *odd. `more` false: it stops.
struct sto_read {
	const struct sto_restore *to;
	bool (*more)(void *arg);
	void *arg;
	uint64_t rows, odd;
};
int sto_rows_read(sqlite3 *db, struct sto_read *r);
int sto_rows_audit(sqlite3 *db, uint64_t before, uint32_t max, struct sto_queue *out);
void sto_key_binding(const struct sto_binding *b, uint8_t key[STO_KEY]);

int sto_fold_news(struct sto_file *f, const struct sto_binding *b);
int sto_fold_some(struct sto_file *f, uint32_t rows); // of what is to be folded
int sto_fold_all(struct sto_file *f);                 // of a file that was just opened
int sto_fold_rest(struct sto_file *f);                // of one in use
bool sto_fold_is_due(const struct sto_file *f);
void sto_fold_fini(struct sto_file *f);

// ---- the store

enum { STO_READS_MAX = 4 };

enum sto_read_is { STO_READ_FREE, STO_READ_ASKED, STO_READ_DONE };

struct sto_audit_ask {
	enum sto_read_is is;
	uint64_t before;
	uint32_t max;
	sto_audit_cb each;
	void *arg;
	struct sto_queue rows;
};

struct sto {
	struct sto_conf conf;
	char *path; // conf.file, ours; NULL: none
	int lock;   // of the file beside it
	int settled_fd, turn_fd;
	pthread_t thread;
	bool running;
	struct sto_restore restore;

	atomic_uint state; // enum sto_state. w: store, r: any
	atomic_uint era;   // likewise
	atomic_ulong settled;
	atomic_ulong unstored;

	pthread_mutex_t mutex; // all down to the next blank line
	pthread_cond_t woken;  // the store's thread: something is to be done
	pthread_cond_t taken;  // it waits until the loop has taken `hand`
	struct sto_queue filling;
	struct sto_queue kept; // audit without a file
	uint64_t ticket;       // the last one given
	bool stop, hand_full;
	struct sto_audit_ask ask[STO_READS_MAX];
	struct sto_status status;
	uint64_t wait_minute; // of the clock; the longest wait of it and of the one before
	uint32_t wait_ms[2];

	// the store's thread alone, the loop's before it runs
	struct sto_file file;
	struct sto_queue writing;
	struct sto_queue hand; // rows restored late: the loop's while hand_full
	struct sto_secret_row secret[STO_SECRETS_MAX];
	uint32_t nsecret;
	bool load_owed;             // not all that is in the file has been told to owners
	bool garbled;               // it is to be moved aside
	uint64_t back_us, retry_us; // when it came back; when it is tried again
	uint32_t retry_ms, stat_s;
	char why[STO_WHY_MAX];
};

uint64_t sto_now_us(void);
void sto_ring(int fd);
void sto_lose(struct sto *s, const char *why); // closes the file
void sto_failed(struct sto *s, int rc); // likewise, for an SQLite code; says whether it is garbled
void sto_hand_load(struct sto *s);             // what a file that came late has, to the loop
void sto_hand_reads(struct sto *s);            // answers what was asked
void sto_hand_fini(struct sto *s);
