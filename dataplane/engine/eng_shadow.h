// SPDX-License-Identifier: BSD-3-Clause
// A candidate that runs beside the image in force and changes nothing: what it would decide about real
// connections is found by the same code, from its own image, and compared. The first difference of a
// session is told (ENG_REC_SHADOW), once; behind it nothing of that session is compared, for under the
// candidate its history would have been another one. Up to there both histories are one, so what a
// session has counted (commands, errors, recipients) is right for both.
// What a candidate needs lies in memory of its own, taken when it comes and freed as a whole when it is
// over: sessions hold a bit, messages a number, neither has to be given back.
// Thread: begun, ended and freed by the manager; all else by the worker that owns the session.
#pragma once

#include "eng_session.h"
#include "tbl_cells.h"

enum {
	ENG_SHADOW_SESSIONS_MAX = 16384,  // of a worker: more are not compared, counted
	ENG_SHADOW_CELLS_MAX = 65536,     // of limits, all workers together
	ENG_SHADOW_DROPPED = 1024,        // marks of SYNs, so that a repeat is not told again
	ENG_SHADOW_DROPPED_A_SECOND = 64, // of a worker: more swallowed SYNs are not compared
	// Of a worker: decisions that wait for findings; questions under way; names known, and asked for.
	ENG_SHADOW_WAITS_MAX = 128,
	ENG_SHADOW_QUESTIONS_MAX = 8,
	ENG_SHADOW_NAME_SETS = 64,
};

struct eng_shadow_entry {                                  // a session that is compared
	uint64_t session;                                  // id
	uint32_t next;                                     // in its bucket, or among the free
	uint32_t ticket;                                   // in the candidate's cells
	uint32_t policy, session_profile, content_profile; // indexes of its image, POL_NONE
	uint64_t helo_key;                                 // mark of its name in HELO
	uint8_t helo;     // enum eng_find, of that; NONE: not yet, COUNT: never
	uint8_t waits;    // decisions that wait for findings
	bool over;        // it has parted, or can't be followed
	uint32_t flow;    // its place
	uint32_t idle_ms; // the candidate's idle time, where that is shorter; else 0
};

struct eng_shadow_wait { // a decision of a candidate that waits for findings about domains
	bool used;
	bool mail;         // else of a recipient, or (kind) of HELO alone
	uint8_t kind;      // enum eng_ask_kind
	uint8_t check;     // enum pol_domain, of the second name
	uint8_t found[2];  // enum eng_find, of the name in HELO, of the other one
	uint64_t key[2];   // their marks
	uint32_t until_ms; // by then what is not known is what the DNS can't tell
	uint32_t policy;   // index in its image
	struct eng_who who;
	struct eng_decision live;
};

struct eng_shadow_message {            // what a candidate makes of an open message
	uint32_t next;                 // among the free
	uint32_t size_max, header_max; // octets, 0 = any
	struct eng_scan *scan;         // of its image; NULL: not scanned
	struct eng_access access;
	struct eng_rates rates; // in its cells
	uint64_t from_domain;   // eng_three_way.c
	uint8_t standing;       // enum eng_standing: so its recipients would be refused
};

struct eng_shadow_worker { // of one worker
	struct eng_shadow_message *message;
	uint32_t free_message;
	struct eng_shadow_entry *entry;
	uint32_t *bucket;
	uint32_t count; // of entries; buckets: the power of two at or above it
	uint32_t mask;
	uint32_t free, fresh; // first of the free; from here on never used
	uint64_t dropped[ENG_SHADOW_DROPPED];
	uint32_t dropped_s, dropped_now; // second; compared in it
	// eng_shadow_domain.c
	struct eng_known name[ENG_SHADOW_NAME_SETS][ENG_KNOWN_WAYS]; // found NONE: asked for
	uint64_t question[ENG_SHADOW_QUESTIONS_MAX];                 // marks of names; 0: none
	uint32_t question_until_ms[ENG_SHADOW_QUESTIONS_MAX];
	uint32_t waits, waits_looked_ms;
	// eng_shadow_idle.c
	bool idles;       // an entry has an idle time
	uint32_t idle_at; // entry that is looked at next
	uint64_t idle_us; // ... and was last
	struct eng_shadow_wait wait[ENG_SHADOW_WAITS_MAX];
};

struct eng_shadow {
	struct eng_shadow *next; // among those that are over
	struct eng_image *image;
	uint32_t run;            // its number, never 0: whose state a message has
	struct tbl_cells *cells; // of limits, a key space of its own; NULL: none
	struct eng_shadow_worker *own[ENG_WORKERS_MAX];
};

// The manager's. eng_shadow_swap (eng.c) puts one in the place of the last, which is kept until every
// worker has passed a burst boundary; reap frees those that nobody looks at any more; free_all all.
void eng_shadow_swap(struct eng *e, struct eng_shadow *sh);
void eng_shadow_reap(struct eng *e);
void eng_shadow_free_all(struct eng *e);

struct eng_shadow_asked { // of a command
	struct eng_decision would;
	struct eng_access_judged recipient[2]; // in the message, in the one behind it
	struct eng_rates rates;                // of a MAIL
	uint64_t from_domain;                  // likewise
	uint8_t standing;                      // likewise, as in eng_shadow_message
	bool counted;                          // among its messages or recipients
	bool behind;                           // a message was open
	bool waits;                            // for findings about domains:
	uint8_t check, found[2];               // as in eng_shadow_wait
	uint64_t key[2];
	bool blind; // it can't be known here
};

// What is compared of this session; NULL: nothing, or nothing more. There is a candidate.
struct eng_shadow_entry *eng_shadow_find(struct eng_worker *w, const struct eng_session *s);
// Its session profile, never NULL.
const struct pol_session *eng_shadow_profile(
	const struct eng_worker *w, const struct eng_shadow_entry *entry);
// Compares two decisions; where they part that is told and the entry is over. The two are alike where the
// same is done with the same code.
void eng_shadow_compare(struct eng_worker *w, struct eng_session *s, struct eng_shadow_entry *entry,
	enum eng_stage stage, const struct eng_decision *live, const struct eng_decision *shadow);

// ---- between the files that compare

// An entry for a session, its indexes to be filled; NULL where none is left.
struct eng_shadow_entry *eng_shadow_add(struct eng_worker *w, struct eng_session *s);
// That of a session, also where it is over; NULL: none.
struct eng_shadow_entry *eng_shadow_entry_of(struct eng_worker *w, uint64_t session);
bool eng_shadow_alike(const struct eng_decision *a, const struct eng_decision *b);
// Counts and records a difference; `parted` filled but for the candidate's version.
void eng_shadow_tell(struct eng_worker *w, const struct eng_who *who, struct eng_parted *parted);

struct eng_decision eng_shadow_cut(const struct eng_limit *limit, uint32_t max, uint32_t value);
// The candidate's state of a message, or NULL; a MAIL and a recipient that went under both (false: no room).
struct eng_shadow_message *eng_shadow_state(struct eng_worker *w, const struct eng_message *msg);
bool eng_shadow_mail(struct eng_worker *w, struct eng_session *s,
	const struct eng_shadow_entry *entry, struct span path, const struct eng_shadow_asked *a);
void eng_shadow_rcpt(struct eng_worker *w, const struct eng_session *s, struct span path,
	const struct eng_shadow_asked *a);

// eng_shadow_rates.c: its limits of connections, messages and recipients but for those that the profile in
// force has with the same settings. Is this refusal by one of the latter?
void eng_shadow_own_limits(
	const struct pol_session *live, const struct pol_session *shadow, struct pol_session *own);
bool eng_shadow_is_alike_limited(
	const struct pol_session *live, const struct pol_session *shadow, enum eng_refusal why);
// Do both count messages by the hour alike?
bool eng_shadow_is_alike_throttled(
	const struct pol_session *live, const struct pol_session *shadow);
// A MAIL or RCPT is counted in its cells; why it would be refused, ENG_REFUSAL_COUNT: it would not. a->blind
// where they are full. Then it is not counted after all.
enum eng_refusal eng_shadow_rates_ask(struct eng_worker *w, struct eng_session *s,
	const struct eng_shadow_entry *entry, const struct smtp_event *ev,
	struct eng_shadow_asked *a);
void eng_shadow_rates_undo(struct eng_worker *w, const struct eng_session *s,
	const struct smtp_event *ev, struct eng_shadow_asked *a);
// A message is over; a session has parted.
void eng_shadow_rates_end(
	struct eng_worker *w, const struct eng_message *msg, struct eng_shadow_message *st);
void eng_shadow_rates_part(struct eng_worker *w, struct eng_session *s, enum eng_stage stage,
	const struct eng_decision *live, const struct eng_decision *shadow);

// eng_shadow_domain.c: what it says of the domain of a MAIL or RCPT: ENG_REFUSAL_COUNT: nothing, or a->waits,
// or a->blind. Then the command was judged; HELO was; the session is over.
enum eng_refusal eng_shadow_domain_ask(struct eng_worker *w, struct eng_session *s,
	const struct eng_shadow_entry *entry, const struct smtp_event *ev,
	struct eng_shadow_asked *a);
void eng_shadow_domain_wait(struct eng_worker *w, struct eng_session *s,
	struct eng_shadow_entry *entry, const struct smtp_event *ev,
	const struct eng_shadow_asked *a, const struct eng_decision *live);
void eng_shadow_helo(struct eng_worker *w, struct eng_session *s, struct eng_shadow_entry *entry,
	struct span text);
void eng_shadow_domain_end(struct eng_worker *w, const struct eng_shadow_entry *entry);
// eng_shadow_idle.c: an entry is made; a tick.
void eng_shadow_idle_begin(
	struct eng_worker *w, const struct eng_session *s, struct eng_shadow_entry *entry);
void eng_shadow_idle_tick(struct eng_worker *w);
struct eng_decision eng_shadow_refuse(
	const struct pol_session *profile, enum eng_refusal why, uint32_t rule);

// ---- what the rest of the engine calls; each only where w->shadow is set

// A session was made; how it is refused, where it is.
void eng_shadow_opened(
	struct eng_worker *w, struct eng_session *s, const struct eng_refused *why);
// A connection was refused without a session; a SYN was swallowed by policy `index`.
void eng_shadow_refused(struct eng_worker *w, const struct flow_key *key, uint16_t in_port,
	const struct eng_who *who, const struct eng_refused *why);
void eng_shadow_dropped(
	struct eng_worker *w, const struct flow_key *key, struct rte_mbuf *m, uint32_t index);
// The limits of connections were asked.
void eng_shadow_connections(
	struct eng_worker *w, struct eng_session *s, const struct eng_tickets_asked *live);
// It holds no ticket any more; it is over.
void eng_shadow_give(struct eng_worker *w, struct eng_session *s);
void eng_shadow_ended(struct eng_worker *w, struct eng_session *s);
// The rest of this session can't be compared. Also where there is no candidate.
void eng_shadow_unfollowed(struct eng_worker *w, const struct eng_session *s);
// A line of an EHLO reply; an error, judged by the profile in force.
void eng_shadow_keyword(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev);
void eng_shadow_error(
	struct eng_worker *w, struct eng_session *s, bool recipient, const struct eng_error *e);
// A command before anything has changed by it; and what became of it.
void eng_shadow_ask(struct eng_worker *w, struct eng_session *s,
	const struct eng_shadow_entry *entry, const struct smtp_event *ev, struct span in,
	struct eng_shadow_asked *a);
void eng_shadow_command(struct eng_worker *w, struct eng_session *s, struct eng_shadow_entry *entry,
	const struct smtp_event *ev, struct eng_shadow_asked *a, const struct eng_ruling *r);
// A name was asked for by a session; a finding has come, whoever asked; a tick of the worker.
void eng_shadow_name_asked(struct eng_worker *w, uint64_t key);
void eng_shadow_name_found(struct eng_worker *w, const struct eng_finding *f);
void eng_shadow_tick(struct eng_worker *w);
// It is closed after so long a silence, by the profile in force.
void eng_shadow_idle_over(struct eng_worker *w, struct eng_session *s, uint32_t quiet_ms);
// The server's reply to a recipient.
void eng_shadow_rcpt_reply(struct eng_worker *w, const struct eng_session *s, uint16_t code);
// A message's content begins; a piece of it, `head` octets of its header first, `limit` is the one in force
// that it passed; its end: what
// would be decided, NULL: nothing is compared. Its message goes, also where there is no candidate.
void eng_shadow_content(struct eng_worker *w, struct eng_session *s, struct eng_message *msg);
void eng_shadow_data(struct eng_worker *w, struct eng_session *s, struct eng_message *msg,
	struct span text, size_t head, const struct eng_limit *limit);
struct eng_shadow_entry *eng_shadow_judge(
	struct eng_worker *w, struct eng_session *s, struct eng_decision *would);
void eng_shadow_message_end(struct eng_worker *w, struct eng_message *msg);
