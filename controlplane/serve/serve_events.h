// SPDX-License-Identifier: BSD-3-Clause
// The event log: session and message records as JSON lines to a file, to a ring of the last 1,000
// and to whoever follows. Nothing here waits: what a full disk or a slow reader does not take is
// counted and gone. docs/events.md documents the fields.
// Thread: the loop's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "api_link.h"
#include "err.h"
#include "span.h"

struct event_base;
struct serve_events;
struct serve_call;
struct serve_line;
struct serve_hash;

struct serve_event_names { // words for the numbers of a record; each NULL where unknown
	const char *policy, *context, *reason;
	const char *session, *content;    // profiles
	const char *rules[API_RULES_MAX]; // labels, in the order of the record's rules
	const struct serve_hash *hash;    // of mail addresses; NULL = written as they are
	const struct serve_hash *subject_hash; // likewise of subjects
	const char *access;               // rule
	struct span endpoint;             // id of the subscriber; empty = unknown
	struct {                          // of a shadow's record: as the candidate has it
		const char *policy, *session, *content, *reason, *access;
	} candidate;
};

// One record as a JSON object. `names` may lack what is not known any more.
void serve_event_line(struct serve_line *l, const struct api_record *r,
	const struct serve_event_names *names);

// A file that was moved away or deleted is noticed within a second of the next line, and begun anew.
// `path` "-" = standard output, "" = no log. NULL with the reason in *err.
struct serve_events *serve_events_open(struct event_base *base, const char *path,
	struct err_list *err);
void serve_events_close(struct serve_events *ev); // writes what it can; NULL is fine
// Every line also goes to the syslog daemon at `path` from now on; once. 0 or -ENOMEM.
int serve_events_syslog(struct serve_events *ev, const char *path);
// Opens the file anew under its name (it was rotated). On failure the old one stays. 0 or -errno.
int serve_events_reopen(struct serve_events *ev);
// The file belongs to `uid` from now on (before privileges are dropped). 0 or -errno.
int serve_events_chown(struct serve_events *ev, unsigned uid, unsigned gid);

void serve_events_add(struct serve_events *ev, const struct api_record *r,
	const struct serve_event_names *names);

// A check of the self-check has another result. Texts are ours, none is a peer's.
struct serve_event_check {
	const char *check, *state, *was; // was NULL: the first look
	const char *seen, *todo;         // todo "": nothing
};
void serve_events_check(struct serve_events *ev, const struct serve_event_check *c);

// Path of the log where it is a file, with every line in it that it took; NULL where it is none.
const char *serve_events_file(struct serve_events *ev);
// The last `max` events, oldest first, as a new array.
json_t *serve_events_last(const struct serve_events *ev, uint32_t max);
// The client behind `call` gets every event from now on as a notification. 0 or -EBUSY (it does
// already), -ENOMEM.
int serve_events_follow(struct serve_events *ev, struct serve_call *call);

struct serve_events_state {
	const char *path;
	uint64_t written, lost; // lines
	int error;              // 0, or the errno writing fails with now
	unsigned followers;
	bool syslog;                       // has it
	uint64_t syslog_sent, syslog_lost; // lines
};
void serve_events_state(const struct serve_events *ev, struct serve_events_state *out);
