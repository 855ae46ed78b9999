// SPDX-License-Identifier: BSD-3-Clause
// Inside the engine: a picked-up connection, what a worker has for all of them, and what the files that
// handle it (README.md lists them) offer one another: here, and in the headers of the stories that have
// one of their own.
// Thread: the worker that owns the flow.
#pragma once

#include "eng_answer.h"
#include "eng_command.h"
#include "eng_emit.h"
#include "eng_int.h"
#include "eng_message.h"
#include "eng_record.h"
#include "eng_smtp.h"
#include "flow.h"
#include "smtp.h"
#include "stream.h"
#include "tbl_cells.h"
#include "tbl_clients.h"

enum {
	ENG_LINE_BUF = 16384, // a line joined from several slabs: over every limit of smtp/
	ENG_EVENTS = 16,      // SMTP events taken in one call
	ENG_CHANGES_MAX = ENG_EVENTS + 1,
	ENG_HELO_MAX = 64,
	ENG_SUMS_MAX = 1024, // clients whose outcomes add up while they can't be handed over
	ENG_TIMERS_A_TURN = 64,
	ENG_CELLS_A_TURN = 1024, // flow cells looked at by flows.list in a turn
};

// Times, in milliseconds
enum {
	ENG_HALF_OPEN_MS = 30 * 1000,
	ENG_IDLE_MS = 15 * 60 * 1000,
	ENG_PASS_IDLE_MS =
		3 * 60 * 60 * 1000, // a flow that is not read: longer than TCP keep-alive's 2 h
	ENG_CLOSING_MS = 30 * 1000,
	ENG_CLOSING_SHORT_MS = 1000,    // of a table that fills: new ones need its place more
	ENG_PARTIAL_MS = 20,            // custody of a partial line
	ENG_GATED_MS = 2000,            // custody of bytes behind the reply gate
	ENG_DIALOG_MS = 20 * 1000,      // of a dialogue of ours
	ENG_CUT_REPEAT_MS = 300,        // the server's reset is repeated after this, and 4 and 16 times this
	ENG_BODY_MS = 5 * 60 * 1000,    // the rest of a condemned message is swallowed for so long
	ENG_END_QUIET_MS = 5 * 1000,    // ... behind a possible end: one who is silent takes it for the end
	ENG_ONE_WAY_MS = 3000,          // the server's answer to a SYN is awaited so long
	ENG_STALLED_MS = 10 * 1000,     // a message without a byte for so long may lose its scan
	ENG_GRACE_MS = 10 * 60 * 1000,  // flows that began before us
	ENG_REBIND_MS = 10 * 60 * 1000, // an image's policies hold for open sessions
};

// What a segment needs lies in `flow` and `smtp`, the first seven cache lines; the rest is looked at
// where a command, a message or an end comes. Every idle connection pays for each byte.
struct eng_session {
	struct flow flow; // first: the flow table hands out this object
	uint32_t client_isn;
	struct smtp smtp;
	union {
		struct {                             // while it is read or passes
			struct eng_message *message; // of the transaction that the server is in
			uint32_t hold_at_ms[STREAM_SIDES]; // custody is due
			uint32_t helo;                     // eng_helo.c
			uint32_t ticket; // of limit cells; TBL_CELL_NONE
			uint8_t helo_len : 7;
			uint8_t shared : 1; // its endpoint's address is that of others, too
			uint8_t commands[ENG_COUNTED]; // so many of each; no more than it can hold
			uint8_t errors, recipient_errors;
			// eng_reputation.c, eng_refuse.c:
			uint8_t refused_as : 3; // one of those that share a verb; 0: none since replies were due
			uint8_t standing : 2;   // enum eng_standing: so its recipients are refused
			uint8_t told : 3;       // bits of what was only told
		};
		struct {                     // ENG_LANE_ANSWER (eng_answer.c)
			uint64_t reply_id;   // what the client is told; 0: none is shown
			uint16_t reply_code; // perhaps told only at its message's end
			uint8_t reply_text;  // enum eng_text
			uint8_t dialog_commands;
			uint8_t cut_left; // repeats of the server's reset still to come
			uint32_t cut_seq[2], cut_at_ms; // its numbers, and when it is repeated
			uint32_t dialog_at_ms;          // our dialogue ends
		};
	};
	uint64_t id;
	uint32_t image; // lower half of the version of the image that its policy is of
	uint32_t seg_client : 14, seg_server : 14; // largest payload seen: the path takes that much
	uint32_t dialog : 3;                       // enum eng_dialog
	uint32_t own_text : 1; // the content profile's own text goes before the reply's
	uint32_t vlan : 12;
	uint32_t substitutes : 3; // commands that became NOOP
	uint32_t last_in_group : 1; // what follows the last command has to wait (RFC 2920)
	uint32_t tarpit : 1;        // the server's bytes wait for hold_at_ms
	uint32_t hold_on : 2;     // a bit a side: custody waits
	uint32_t tls : 1, tls_seen : 1, auth : 1, recorded : 1;
	uint32_t client_sent : 1;                          // pass lane: payload
	uint32_t more : 1;                                 // more is to be sent than one turn may
	uint32_t held_client : 1, held_server : 1;         // bytes of that side wait for a gate
	uint32_t asking : 2;      // enum eng_asking
	uint32_t helo_domain : 2; // enum eng_helo_domain
	uint32_t shadow : 1;      // a candidate has, or had, an entry for it
	uint32_t endpoint;   // reference (tbl_clients.h) of the one that its client was at its begin
	uint16_t policy;     // index, ENG_INDEX_NONE
	uint16_t idle_units; // of ENG_IDLE_UNIT_MS
	uint16_t messages;   // no more than it can hold
	uint8_t refused;     // likewise
	uint8_t reason; // why it is not read or how it ended; ENG_WHY_NONE
};

enum {
	ENG_SESSION_BYTES =
		464, // with index, half-open share, graves and names less than 512 (perf/flows)
	ENG_INDEX_NONE = UINT16_MAX,
	ENG_WHY_NONE = UINT8_MAX,
	ENG_IDLE_UNIT_MS = 2000,
	ENG_SEG_MAX = (1 << 14) - 1,
};
_Static_assert(sizeof(struct eng_session) <= ENG_SESSION_BYTES, "an idle connection pays for it");
_Static_assert((int)ENG_REASON_COUNT < (int)ENG_WHY_NONE, "a reason fits");
_Static_assert((int)POL_POLICIES_MAX < (int)ENG_INDEX_NONE, "an index fits");
_Static_assert((int)ENG_HELO_MAX < 1 << 7, "it fits its bits");
_Static_assert((int)POL_PROFILES_MAX < (int)ENG_INDEX_NONE, "an index fits");
_Static_assert((int)POL_IDLE_MAX_MS / (int)ENG_IDLE_UNIT_MS <= UINT16_MAX, "it fits");

// Indexes and reasons as the rest of the engine has them.
static inline uint32_t eng_index(uint16_t index)
{
	return index == ENG_INDEX_NONE ? POL_NONE : index;
}

static inline uint16_t eng_why(const struct eng_session *s)
{
	return s->reason == ENG_WHY_NONE ? (uint16_t)ENG_REASON_NONE : s->reason;
}

static inline void eng_idle_set(struct eng_session *s, uint32_t idle_ms)
{
	s->idle_units = (uint16_t)((idle_ms + ENG_IDLE_UNIT_MS - 1) / ENG_IDLE_UNIT_MS);
}

static inline uint16_t eng_seg_max(const struct eng_session *s, enum stream_side from)
{
	return from == STREAM_CLIENT ? s->seg_client : s->seg_server;
}

static inline void eng_seg_max_set(struct eng_session *s, enum stream_side from, uint32_t n)
{
	n = n < ENG_SEG_MAX ? n : ENG_SEG_MAX;
	if (from == STREAM_CLIENT)
		s->seg_client = n & ENG_SEG_MAX;
	else
		s->seg_server = n & ENG_SEG_MAX;
}

struct eng_change { // of length, to be made when the events of a call are judged
	uint32_t seq, n;
	struct span text; // borrowed until then
};

struct eng_sum { // outcomes that wait to be handed over
	bool used;
	struct eng_outcome outcome;
};

struct eng_helos { // names that clients gave
	struct eng_helo_block *block;
	uint32_t count;
	uint32_t free;  // first of a chain
	uint32_t fresh; // from here on never used
};

struct eng_queue { // of messages, by the last byte that each saw
	struct eng_message *oldest, *newest;
};

struct eng_smtp {
	struct flow_table *flows;
	struct flow_half_table *half;
	struct eng_unheard *unheard;
	struct flow_graves *graves;
	struct stream_pool pool;
	struct eng_message *messages, *free_message;
	struct eng_helos helos;
	struct rte_mempool *mbufs;
	uint64_t now_us;
	uint32_t now_ms;
	uint32_t gauge_ms; // when the packet buffers were counted
	uint64_t grace_until_us, full_until_us, image_since_us;
	uint32_t graces; // of eng.graces, seen
	uint32_t drain_epoch, drain_at,
		drain_left;        // seen; where the look through the flows is; found so far
	uint64_t cookies_until_us; // numbers of ours may come back so long
	bool cookies_on;
	bool half_old; // more half-open ones are too old than a turn may end
	uint8_t secret[16]; // of those numbers
	uint8_t mark_secret[16];
	struct flow_key mark_key; // whose mark was taken last (eng_mark)
	uint64_t mark;
	struct eng_queue scanned, unscanned; // open messages that have a scan, and those without
	uint64_t image_version;      // the one that image_since_us speaks of
	struct eng_bound {           // what a policy of an image names, found last (eng_bound.c)
		const struct eng_image *image; // NULL: nothing was found yet
		uint32_t version;              // lower half
		uint16_t policy;
		const struct pol_session *session; // NULL: none
		const struct pol_content *content; // likewise
	} bound;
	uint32_t asked_ms;           // last question
	uint8_t asks_silent;         // questions in a row that nobody answered in time
	bool asking;                 // findings may come
	uint8_t ask_why;             // enum eng_refusal, of the command that is read next
	bool chunk_refused;          // in this call: its octets are nobody's
	struct eng_known known[ENG_KNOWN_SETS][ENG_KNOWN_WAYS];
	uint64_t id_epoch, id_count; // of ids that are never used twice
	uint32_t sums, sum_at;       // waiting; where the next flush looks
	struct eng_sum sum[ENG_SUMS_MAX];
	const struct eng_session *judging; // whose server's replies are being judged
	uint32_t settled;                  // ... and where those before the present one end
	unsigned nchanges;
	struct eng_change change[ENG_CHANGES_MAX];
	char refusal[ENG_CHANGES_MAX][ENG_REPLY_MAX]; // what the changes of a call say, likewise
	uint8_t line[ENG_LINE_BUF];
};

// eng_read.c: reads what both sides have retained, judges it and releases what was judged. false: the
// session was cut, and what was not released never leaves.
bool eng_read(struct eng_worker *w, struct eng_session *s);
// The same for the usual segment (stream_straight): nothing else is unread. Releases nothing.
bool eng_read_straight(struct eng_worker *w, struct eng_session *s, const struct stream_seg *seg);
// The server's whole replies that were judged, but for the one that is being judged, are
// released though they were held.
void eng_settle(struct eng_worker *w, struct eng_session *s);

// eng_events.c: judges one event. false: the session was cut; nothing more is to be read or
// released.
// `base` is the sequence number of the call's first input byte, `in` the input.
bool eng_event(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	uint32_t base, struct span in);

// eng_change.c: `n` bytes from `seq` are to become `text`, which lasts until the changes are made.
void eng_change_note(struct eng_smtp *p, uint32_t seq, uint32_t n, struct span text);
// Notes octets that are not for the server.
void eng_skip(struct eng_worker *w, const struct smtp_event *ev, uint32_t base);
// Makes the changes that were noted. false: the session was cut.
bool eng_changes_make(struct eng_worker *w, struct eng_session *s, enum stream_side side);
// Nothing is read any more and nothing retained: true where the lane must go on mapping numbers.
bool eng_translate_begin(struct eng_session *s);
// A segment of that lane. Consumes `m`.
void eng_translate_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	const struct stream_seg *seg);

// eng_inspect.c: a segment of an inspected connection, `seg` filled but for `at` and `end`; the session
// may be gone behind it. Consumes `m`.
void eng_inspect_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	struct stream_seg *seg);
// Its timer is due: custody is taken, repeats leave. The session may be gone behind it.
void eng_inspect_timer(struct eng_worker *w, struct eng_session *s);
// What waited for a finding is read on. The session may be gone behind it.
void eng_inspect_resume(struct eng_worker *w, struct eng_session *s);
// The session reads no more: what it held is dropped.
void eng_holds_end(struct eng_worker *w, struct eng_session *s);
// What is retained of a side becomes ours: its sender need not repeat it.
void eng_custody_take(struct eng_worker *w, struct eng_session *s, enum stream_side side);
// Sends what is due in both directions.
void eng_pump(struct eng_worker *w, struct eng_session *s);
// Sets the flow's timer to the earliest thing it waits for.
void eng_timer_update(struct eng_worker *w, struct eng_session *s);

// eng_bound.c: the session profile, never NULL, and the content profile, NULL where there is none; both as
// bound. Valid for the call. May bind the session anew. Not for every segment: it looks them up.
const struct pol_session *eng_profile(struct eng_worker *w, struct eng_session *s);
const struct pol_content *eng_content(struct eng_worker *w, struct eng_session *s);
// That of a session whose policy names none.
extern const struct pol_session eng_profile_none;
// The index of its session profile in the image that it is bound to (eng_image_of); POL_NONE: none, or nobody
// knows any more.
uint32_t eng_profile_index(struct eng_worker *w, const struct eng_session *s);
// Why a connection that this policy of that image takes is refused at connect.
enum eng_reason eng_refused_why(struct eng_worker *w, uint32_t index, uint64_t version);
enum eng_reason eng_image_refused_why(const struct eng_image *image, uint32_t index);
// The groups of rules that count for it, as bits of the image in force.
uint32_t eng_groups(struct eng_worker *w, struct eng_session *s);
// An image's time is over; the session takes the policy in force. At a MAIL, before it is read
// (eng_ask_line), so that it is the first to be judged by it.
bool eng_rebind_is_due(struct eng_worker *w, const struct eng_session *s);
void eng_rebind(struct eng_worker *w, struct eng_session *s);

// eng_tickets.c: what the limits of connections of a profile say of a session that opens.
struct eng_tickets_asked {
	const struct eng_limit *limited; // by this one; NULL: by none
	uint32_t limit, value;           // of that
	uint32_t ticket;                 // taken, also where it is limited; TBL_CELL_NONE
	uint32_t full;                   // times that no cell was left, and so no limit
};
void eng_tickets_ask(const struct eng_worker *w, struct tbl_cells *cells,
	const struct pol_session *profile, const struct eng_session *s,
	struct eng_tickets_asked *out);
// Is a connection that has just opened within the limits of its profile? It then holds
// what they count until eng_tickets_give. false: it was told and cut.
bool eng_tickets_take(struct eng_worker *w, struct eng_session *s);
// The client that limits are about: an IPv6 one is its /64.
struct addr eng_tickets_client(const struct addr *a);
// Gives it back, once: both ends have closed, the session ends, or we speak in the server's place. Not in
// ENG_LANE_ANSWER, which has no place for it.
void eng_tickets_give(struct eng_worker *w, struct eng_session *s);

// eng_helo.c: keeps at most ENG_HELO_MAX bytes of a client's name, in the place of an earlier one; gives
// it back, or copies it to buf[ENG_HELO_MAX].
void eng_helo_keep(struct eng_worker *w, struct eng_session *s, struct span name);
void eng_helo_drop(struct eng_worker *w, struct eng_session *s);
struct span eng_helo_get(const struct eng_worker *w, const struct eng_session *s, char *buf);
// Asks for the memory of what eng_helo_drop looks at; of a session that may be any other's.
void eng_helo_prefetch(const struct eng_worker *w, const struct eng_session *s);
uint32_t eng_helos_count(uint32_t flows);
uint64_t eng_helos_bytes(uint32_t flows);

// eng_smtp.c: do frames of `side` come by this port, where the client's come by that one?
bool eng_port_fits(
	const struct eng_worker *w, uint16_t client_port, enum stream_side side, uint16_t in_port);
// Ends a session: record, memory, table, and what has to be remembered of it.
void eng_session_end(struct eng_worker *w, struct eng_session *s);

static inline struct eng_session *eng_session_of(struct flow *f)
{
	return (struct eng_session *)(void *)f;
}

// What is over leaves early, since new ones need its place more. From half on: what was over before that stays for its
// 30 s, while new ones go on coming in the short second of those that follow.
static inline bool eng_is_crowded(const struct eng_smtp *p)
{
	return flow_count(p->flows) > flow_cells(p->flows) / 2;
}

// For how long nothing may come before a session is given up. While a reply waits its client does, too.
static inline uint32_t eng_quiet_max_ms(const struct eng_session *s)
{
	if (s->flow.state == FLOW_CLOSING)
		return s->flow.brief ? ENG_CLOSING_SHORT_MS : ENG_CLOSING_MS;
	return (uint32_t)s->idle_units * ENG_IDLE_UNIT_MS +
		(s->tarpit ? (uint32_t)POL_DELAY_MAX_S * 1000 : 0);
}
