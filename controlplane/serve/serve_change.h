// SPDX-License-Identifier: BSD-3-Clause
// Changing what is in force: a new configuration, a policy more, less or otherwise, a rule more or
// less; and keeping the data plane at it. One change at a time, in the order they came:
//
//   text -> parse -> compile (child) -> verify -> store -> data plane -> head file
//
// Whatever fails on the way leaves everything as it was: what was stored is removed, and a data plane
// that has taken the image gets the old one again. Without a data plane the change is stored and is
// put in force when one attaches ("pending").
// A change may have to be confirmed: unless that happens in time the revision before it is in force
// again, under its own number, also if the process was restarted meanwhile. Until then no other
// change is taken but one that goes back.
// At start: the file, else the last good revision, else the one before it and so on, else an image
// that passes everything.
// Thread: the loop's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api_rpc.h"
#include "cfg_edit.h"
#include "cfg_rules.h"
#include "err.h"
#include "serve_head.h"
#include "serve_history.h"
#include "serve_revision.h"

struct api_hello;
struct core_link;
struct core_loop;
struct serve_changes;

enum { SERVE_QUEUE_MAX = 64 }; // changes that wait

enum serve_change_kind {
	SERVE_CHANGE_CONFIG,
	SERVE_CHANGE_RULE_ADD,
	SERVE_CHANGE_RULE_DEL,
	SERVE_CHANGE_WHOLE, // a configuration with all its rules: a revert, an import
	SERVE_CHANGE_POLICY, // the list of policies otherwise
	SERVE_CHANGE_BACK,  // to the revision before the one that waits to be confirmed
};

enum { SERVE_CONFIRM_MAX_S = 24 * 60 * 60 };

struct serve_change_req { // everything borrowed for the call
	enum serve_change_kind kind;
	const char *text;     // CONFIG: NULL = the file given at start
	size_t n;
	const char *name, *dir; // CONFIG: NULL = of the file given at start
	const char *author, *comment;
	const struct cfg_rule *rule; // ADD: text raw, id 0 = chosen; DEL: the id
	const struct cfg_edit *edit; // POLICY: made of what is in force when its turn comes
	struct json_t *keep;         // POLICY: has the texts of `edit`; a reference is taken
	struct serve_revision *whole; // WHOLE: texts, name and dir; version = where it is from, or 0.
				      // Taken, also on failure
	bool revert;          // WHOLE: allowed while a revision waits to be confirmed
	uint32_t confirm_s;   // CONFIG, WHOLE: goes back after this time unless confirmed; 0 = stays
};

struct serve_change_result { // borrowed for the call
	int code;             // 0 or an API_RPC_ERR_
	const char *why;      // one line where code is not 0
	const struct err_list *err; // errors or warnings
	uint64_t revision;
	uint32_t rule;        // id
	uint32_t index;       // of the policy
	bool pending;         // stored, no data plane there
	int64_t until_s;      // to be confirmed before, seconds since 1970; 0 = nothing waits
};
typedef void (*serve_change_cb)(void *arg, const struct serve_change_result *res);

struct serve_changes_conf {
	struct core_loop *loop;
	struct serve_store *store; // borrowed
	const char *file;          // the configuration given at start; copied
	const struct cfg *boot;    // what it said then; borrowed
	void (*taken)(
		void *arg, const struct serve_revision *r); // a new one is in force; may be NULL
	void *arg;
};

// NULL without memory.
struct serve_changes *serve_changes_new(const struct serve_changes_conf *conf);
// Ends what is under way with an error to who waits; NULL is fine.
void serve_changes_free(struct serve_changes *c);

// Reads file and state directory and sets out for a revision. `link` is borrowed until free.
// 0, or -errno with the reason in *err where the state directory can't be read.
int serve_changes_start(struct serve_changes *c, struct core_link *link, struct err_list *err);
// The data plane is there: it gets the revision in force unless it has it.
void serve_changes_attached(struct serve_changes *c, const struct api_hello *hello);

// While held the data plane has an image that passes everything, under a number of its own, in place of the
// revision in force; changes go on as ever. Afterwards it gets that revision again.
void serve_changes_hold(struct serve_changes *c, bool held);

// Queues a change; `done` is called once, later or within the call. 0, -EBUSY (queue full), -ENOMEM.
int serve_changes_submit(struct serve_changes *c, const struct serve_change_req *req,
	serve_change_cb done, void *arg);

enum serve_origin { // what is in force
	SERVE_ORIGIN_NONE,      // nothing yet: the first compilation is under way
	SERVE_ORIGIN_COMMITTED, // what was asked for
	SERVE_ORIGIN_LAST_GOOD, // the file given at start is unusable
	SERVE_ORIGIN_PASS_ALL,  // and so is the last good revision
};
const char *serve_origin_name(enum serve_origin o);
enum serve_origin serve_changes_origin(const struct serve_changes *c);
// In force; NULL with SERVE_ORIGIN_NONE. Valid until the loop turns.
const struct serve_revision *serve_changes_current(const struct serve_changes *c);
// Adds a warning for each key of a configuration that no commit changes and that differs from what
// the processes were started with.
void serve_changes_warn_restart(
	const struct serve_changes *c, const struct serve_revision *r, struct err_list *err);
// Can the files be used that radius: and reputation: name? 0, or -errno with each that cannot, and where it is
// named, in *err.
int serve_change_judge(const struct cfg *c, struct err_list *err);
// A policy image names ports by number: has the running data plane the same ones? false, with the reason in
// *err, where not; true where none is there to ask.
bool serve_changes_ports_fit(
	const struct serve_changes *c, const struct serve_revision *r, struct err_list *err);
bool serve_changes_busy(const struct serve_changes *c);
// Why the file was not usable at start, or why the data plane did not take the image.
const struct err_list *serve_changes_errors(const struct serve_changes *c);
// Path of the configuration given at start, and its folder.
const char *serve_changes_file(const struct serve_changes *c);
const char *serve_changes_dir(const struct serve_changes *c);
// What is kept, and which of it is in force. Valid until the loop turns.
const struct serve_history *serve_changes_history(const struct serve_changes *c);
const struct serve_head *serve_changes_head(const struct serve_changes *c);
// A revision that is kept, 0 = the one in force; free it. Parsed where it still can be, with errors
// in *err where not. NULL with the reason in *why (constant).
struct serve_revision *serve_changes_load(struct serve_changes *c, uint64_t revision,
	struct err_list *err, const char **why);
// The revision in force stays. 0, -ENOENT where none waits to be confirmed, or another one than
// `revision` (0 = whichever); -EBUSY where going back has begun; -errno where that can't be stored.
int serve_changes_confirm(struct serve_changes *c, uint64_t revision);
