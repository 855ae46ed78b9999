// SPDX-License-Identifier: BSD-3-Clause
// The change under way as its steps see it: serve_change.c keeps the queue, serve_change_make.c goes
// from texts to an image, serve_change_push.c to the data plane and back, serve_change_start.c knows
// what a start finds, serve_change_confirm.c waits for a confirmation. Thread: the loop's.
#pragma once

#include <sys/queue.h>

#include <jansson.h>

#include "serve_change.h"
#include "serve_child.h"

struct core_timer;

enum kind {
	KIND_CONFIG = SERVE_CHANGE_CONFIG,
	KIND_RULE_ADD = SERVE_CHANGE_RULE_ADD,
	KIND_RULE_DEL = SERVE_CHANGE_RULE_DEL,
	KIND_POLICY = SERVE_CHANGE_POLICY,
	KIND_WHOLE = SERVE_CHANGE_WHOLE,
	KIND_BACK = SERVE_CHANGE_BACK,
	KIND_START,  // a configuration, and what to do without it
	KIND_RESYNC, // the revision in force to a data plane that lacks it
};

struct change {
	TAILQ_ENTRY(change) link;
	struct serve_changes *owner;
	enum kind kind;
	bool last_good;                   // START: text of the last good revision
	struct serve_revision *whole;     // all texts are taken from here; NULL = of none
	bool read_rules;                  // but for rules.file and lists, which are read anew
	bool revert, stored;              // stored: the candidate's files are there
	uint32_t confirm_s;
	int store_rc;                     // why the candidate or the head could not be written
	uint64_t file_hash, rules_hash;   // for the head
	struct serve_text text, label;    // configuration; rule text and label
	struct serve_text local;          // rules added at run time once this is in force
	char *name, *dir;
	char author[SERVE_AUTHOR_MAX], comment[SERVE_COMMENT_MAX];
	struct cfg_rule rule;
	struct cfg_edit edit;             // its texts live in `keep`
	json_t *keep;
	uint32_t index;                   // of the policy, once it is known
	struct serve_revision *cand;
	struct serve_child *child;
	struct err_list err;
	serve_change_cb done;
	void *arg;
};

struct serve_changes {
	struct core_loop *loop;
	struct core_link *link;
	struct serve_store *store;
	char *file, *dir;
	const struct cfg *boot;
	void (*taken)(void *arg, const struct serve_revision *r);
	void *arg;
	struct core_timer *next;          // takes the next change outside the last one's stack
	struct core_timer *retry;         // a resync that failed
	struct serve_revision *current;
	struct serve_revision *fallback;  // at start: the next last good revision to try, not compiled
	struct serve_revision *back;      // in force again unless what is now gets confirmed
	enum serve_origin back_origin;
	struct core_timer *confirm;       // then
	uint64_t deadline_us;
	struct serve_head head;           // as stored
	struct serve_history history;
	enum serve_origin origin;
	struct serve_text local;          // rules added at run time
	uint64_t high;                    // highest revision number seen
	uint64_t confirmed;               // last revision this attachment took, 0 = none yet
	bool held, renew;                 // serve_changes_hold; the data plane has not heard of it
	bool pushed_held;                 // the image on its way, or the last one
	struct change *active;
	unsigned queued;
	TAILQ_HEAD(, change) queue;
	struct err_list errors;
};

// Queue.
struct change *serve_change_new(struct serve_changes *c, enum kind kind); // NULL without memory
void serve_change_free(struct change *ch);
void serve_change_queue(struct change *ch); // takes it; START and RESYNC go first
// The ways a change ends; each frees it and goes on with the queue. Fail: nothing has changed.
// Done: the candidate is in force, or stored and pending. End: whatever `res` says.
__attribute__((format(printf, 3, 4))) void serve_change_fail(struct change *ch, int code,
	const char *fmt, ...);
void serve_change_done(struct change *ch, bool pending);
void serve_change_end(struct change *ch, const struct serve_change_result *res);
// Puts a revision in force here (takes it); the one before is freed, or kept to go back to.
void serve_change_take(struct serve_changes *c, struct serve_revision *r, enum serve_origin o,
	bool keep);

// Steps: each ends in another one or in one of the three ends.
void serve_change_config(struct change *ch);
void serve_change_rule(struct change *ch);
void serve_change_policy(struct change *ch);
void serve_change_push(struct change *ch, const struct serve_revision *r);
void serve_change_resync(struct change *ch);
// The data plane has the candidate, but the head can't be written: it gets the old one again.
void serve_change_undo(struct change *ch, int rc);
// Going back, before and behind the data plane.
void serve_change_back(struct change *ch);
void serve_change_back_done(struct change *ch, bool pending);
// Arms the timer for a revision that waits to be confirmed.
void serve_confirm_wait(struct serve_changes *c, uint32_t wait_s);
void serve_confirm_expired(void *arg);
enum { RESYNC_RETRY_MS = 5000 };

// The configuration of a start can't be used.
void serve_change_fallback(struct serve_changes *c);
