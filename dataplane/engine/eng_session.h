// SPDX-License-Identifier: BSD-3-Clause
// Inside the engine: a picked-up connection, its open message, and what the files
// that handle it (README.md lists them) offer one another.
// Thread: the worker that owns the flow.
#pragma once

#include "eng_header.h"
#include "eng_int.h"
#include "eng_scan.h"
#include "eng_smtp.h"
#include "flow.h"
#include "pol_access.h"
#include "smtp.h"
#include "tbl_cells.h"

enum {
	ENG_LINE_BUF = 16384, // a line joined from several slabs: over every limit of smtp/
	ENG_EVENTS = 16,      // SMTP events taken in one call
	ENG_CHANGES_MAX = ENG_EVENTS + 1,
	ENG_HELO_MAX = 64,
	ENG_PATH_MAX = 96,
	ENG_REFUSED_MAX = 32, // refused recipients whose rule is remembered until their reply
	ENG_REPLY_MAX = 400, // bytes of a reply of ours
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

enum eng_dialog { // what the client has to be told
	ENG_DIALOG_NONE,
	ENG_DIALOG_BODY,    // condemned early: the reply waits for the message's end
	ENG_DIALOG_CUT,     // after a verdict: the next command is answered, then FIN
	ENG_DIALOG_REFUSED, // after a 554 greeting: 503 to all but QUIT
	ENG_DIALOG_OVER,    // everything is said
};

enum eng_rate { // what is counted in some minutes (eng_rates.c)
	ENG_RATE_CLIENT_MESSAGES,
	ENG_RATE_CLIENT_RECIPIENTS,
	ENG_RATE_SENDER_MESSAGES,
	ENG_RATE_SENDER_RECIPIENTS,
	ENG_RATE_COUNT
};

struct eng_rates { // what a message holds of them
	uint64_t profile, sender; // whose they are; sender 0: nobody's
	struct tbl_cells_held held[ENG_RATE_COUNT];
	bool sent; // its server may have it: what is held stays counted
};

// What access rules and lists say of a message (eng_access.c).
struct eng_access {
	const struct pol_image *img; // whose; NULL: nothing is said
	struct pol_access_bits bits; // rules that its client, HELO and sender leave
	uint32_t profile;            // index in that image, POL_NONE
	uint16_t rule;               // 1 + index of the rule that took its last recipient, 0 = none
	bool safe_sender, to_discard, to_deliver, to_scan, scan_dropped;
};

// Exists only while a message is open.
struct eng_message {
	struct eng_message *next; // in the pool
	struct eng_message *following; // of a MAIL sent before the reply that decides about it
	struct eng_session *session;
	struct eng_message *older, *newer; // in its line (eng_message.c)
	struct eng_scan *scan;             // NULL: not scanned
	uint32_t seen_ms;                  // last byte
	uint32_t mails;                    // MAIL commands whose reply is to come
	struct eng_scan_result result;
	uint64_t octets, id;
	uint32_t recipients;
	uint8_t from_len, to_len;
	uint8_t verdict; // enum eng_verdict, once judged
	uint8_t at_end;  // the same of its last possible end; UNSCANNED: there was none
	uint64_t size_now;             // octets of it so far
	uint32_t size_max, header_max; // 0: any
	uint32_t header_now;
	uint32_t asked; // recipients accepted or waiting for their reply
	bool judged, data, bdat, ended;
	bool accepted; // its MAIL got a 2xx
	char from[ENG_PATH_MAX], to[ENG_PATH_MAX];
	struct eng_header header;
	// eng_access.c
	struct eng_image *image; // whose rules and lists judge its recipients; NULL: none do
	struct eng_access access;
	uint16_t why;            // enum eng_reason: why it was not scanned, or discarded
	uint16_t refused[ENG_REFUSED_MAX]; // ... that refused one whose reply is to come
	uint16_t lost;                     // of those, the ones that found no place
	uint8_t refused_at, nrefused;
	bool left; // a RSET was sent behind it
	bool chunks_taken, chunks_refused; // by its server
	bool plain; // nobody looks at each piece of its content (eng_limits.c)
	uint32_t shadow_run, shadow; // a candidate's number and its state of this message; 0: none
	bool stale; // its last chunk was refused: who had no recipients may still be in the transaction
	uint64_t from_domain; // eng_three_way.c
	struct eng_rates rates;
};

enum eng_asking { // the client's next command waits for a finding, until hold_at_ms[STREAM_CLIENT]
	ENG_ASKING_NOT,
	ENG_ASKING_WAITS,
	ENG_ASKING_LATE, // that is over: the command is judged without
};

enum eng_helo_domain { ENG_HELO_GOOD, ENG_HELO_ASKED, ENG_HELO_ABSENT };

enum { ENG_KNOWN_SETS = 256, ENG_KNOWN_WAYS = 4 };

struct eng_known { // of a domain
	uint64_t key;
	uint32_t until_ms;
	uint8_t found; // enum eng_find
};

enum eng_text { // behind the code of a reply of ours (eng_answer.c)
	ENG_TEXT_NONE,
	ENG_TEXT_SPAM,
	ENG_TEXT_LATER,
	ENG_TEXT_END,
	ENG_TEXT_DESYNC,
	ENG_TEXT_STALLED,
	ENG_TEXT_LIMIT,
	ENG_TEXT_MEMORY,
	ENG_TEXT_LINE_END,
	ENG_TEXT_DISCARDED,
	ENG_TEXT_REFUSED,
	ENG_TEXT_UNAVAILABLE,
	ENG_TEXT_ERRORS,
	ENG_TEXT_HELOS,
	ENG_TEXT_MAILS,
	ENG_TEXT_NOOPS,
	ENG_TEXT_RSETS,
	ENG_TEXT_SIZE,
	ENG_TEXT_HEADER,
	ENG_TEXT_CLIENT_CONNECTIONS,
	ENG_TEXT_CLIENT_RATE,
	ENG_TEXT_TOTAL_CONNECTIONS,
	ENG_TEXT_COUNT
};

enum eng_counted { // commands of which there may be so many (eng_command.c)
	ENG_COUNTED_HELO,
	ENG_COUNTED_MAIL,
	ENG_COUNTED_NOOP,
	ENG_COUNTED_RSET,
	ENG_COUNTED // so many kinds; also: of none
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
			uint8_t helo_len;
			uint8_t commands[ENG_COUNTED]; // so many of each; no more than it can hold
			uint8_t errors, recipient_errors;
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
	uint32_t image; // lower half of the version of the image that the indexes below are of
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
	uint16_t policy, session_profile, content_profile; // indexes, ENG_INDEX_NONE
	uint16_t idle_units;                               // of ENG_IDLE_UNIT_MS
	uint16_t messages;                                 // no more than it can hold
	uint8_t refused;                                   // likewise
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

enum eng_refusal { // of a command that must not reach the server (eng_refuse.c)
	ENG_REFUSE_UNAVAILABLE,
	ENG_REFUSE_TLS,
	ENG_REFUSE_CHUNK,
	ENG_REFUSE_CHUNK_FAILED,
	ENG_REFUSE_MECHANISM,
	ENG_REFUSE_NAME,
	ENG_REFUSE_PIPELINED,
	ENG_REFUSE_RECIPIENTS,
	ENG_REFUSE_RELAY,
	ENG_REFUSE_SIZE,
	ENG_REFUSE_STATE,
	ENG_REFUSE_SYNTAX,
	ENG_REFUSE_ACCESS,
	ENG_REFUSE_ACCESS_LATER,
	ENG_REFUSE_ACCESS_SPLIT,
	ENG_REFUSE_SENDER,
	ENG_REFUSE_RECIPIENT,
	ENG_REFUSE_ADDRESS,
	ENG_REFUSE_MAIL,
	ENG_REFUSE_HELO_DOMAIN,
	ENG_REFUSE_SENDER_DOMAIN,
	ENG_REFUSE_SENDER_UNKNOWN,
	ENG_REFUSE_SENDER_EMPTY,
	ENG_REFUSE_RCPT_DOMAIN,
	ENG_REFUSE_RCPT_EMPTY,
	ENG_REFUSE_THREE_WAY,
	ENG_REFUSE_RATE, // to ENG_REFUSE_RATE_LAST, by enum eng_rate
	ENG_REFUSE_RATE_LAST = ENG_REFUSE_RATE + ENG_RATE_COUNT - 1,
	ENG_REFUSAL_COUNT
};

struct eng_refused { // what its client was told
	uint64_t id;
	uint16_t code, reason;
	uint32_t limit, value; // that decided; both 0: none
	uint32_t access;       // 1 + index of the access rule that decided, 0 = none
	uint64_t access_image; // version of the image that has it
};

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

struct eng_line { // of messages, by the last byte that each saw
	struct eng_message *oldest, *newest;
};

struct eng_smtp {
	struct flow_table *flows;
	struct flow_half_table *half;
	struct flow_graves *graves;
	struct stream_pool pool;
	struct eng_message *messages, *free_message;
	struct eng_helos helos;
	struct rte_mempool *mbufs;
	uint64_t now_us;
	uint32_t now_ms;
	uint32_t gauge_ms; // when the packet buffers were counted
	uint64_t grace_until_us, full_until_us, image_since_us;
	uint64_t cookies_until_us; // numbers of ours may come back so long
	bool cookies_on;
	bool half_old; // more half-open ones are too old than a turn may end
	uint8_t secret[16]; // of those numbers
	struct eng_line scanned, unscanned; // open messages that have a scan, and those without
	uint64_t image_version;      // the one that image_since_us speaks of
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
	char refusal[ENG_REPLY_MAX]; // of the call that is being judged
	uint8_t line[ENG_LINE_BUF];
};

// eng_read.c: reads what both sides have retained, judges it and releases what was judged. false: the
// session was cut, and what was not released never leaves.
bool eng_read(struct eng_worker *w, struct eng_session *s);
// The same for the usual segment (stream_straight): nothing else is unread. Releases nothing.
bool eng_read_straight(struct eng_worker *w, struct eng_session *s, const struct stream_seg *seg);

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

// eng_events.c: judges one event. false: the session was cut; nothing more is to be read or
// released.
// `base` is the sequence number of the call's first input byte, `in` the input.
bool eng_event(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	uint32_t base, struct span in);

// Is this command line, in `in`, one that ends the session for how it ends?
bool eng_line_is_refused(
	const struct smtp_event *ev, struct span in, const struct pol_session *profile);

// eng_verdict.c: what becomes of a message at its end: by access rules, by content. `result` NULL: it was not
// scanned.
void eng_verdict(const struct eng_access *access, const struct pol_content *content,
	const struct eng_scan_result *result, struct eng_decision *out);
// The end of data; what some servers take for it; a line behind that. false: the session was cut.
bool eng_verdict_end(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev);
bool eng_verdict_possible_end(
	struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev);
bool eng_verdict_line(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev);
// The server's reply to the open message.
void eng_verdict_reply(struct eng_worker *w, struct eng_session *s, uint16_t code);

// eng_bound.c: the session profile, never NULL, and the content profile, NULL where there is none; both as
// bound. Valid for the call. May bind the session anew. Not for every segment: it looks them up.
const struct pol_session *eng_profile(struct eng_worker *w, struct eng_session *s);
const struct pol_content *eng_content(struct eng_worker *w, struct eng_session *s);
// That of a session whose policy names none.
extern const struct pol_session eng_profile_none;
// Why a connection that this policy of that image takes is refused at connect.
enum eng_reason eng_refused_why(struct eng_worker *w, uint32_t index, uint64_t version);
enum eng_reason eng_image_refused_why(const struct eng_image *image, uint32_t index);
// The groups of rules that count for it, as bits of the image in force.
uint32_t eng_groups(struct eng_worker *w, struct eng_session *s);

// eng_command.c: what a session profile says of a command that comes next; changes nothing. Then it is
// counted among those that came.
enum eng_judged { ENG_JUDGED_GOES, ENG_JUDGED_REFUSED, ENG_JUDGED_CUT };
struct eng_ruling {
	enum eng_judged does;
	enum eng_refusal why;          // REFUSED; else ENG_REFUSAL_COUNT
	const struct eng_limit *limit; // CUT: by this one,
	uint32_t max;                  // which allows so many
	uint32_t rule;                 // access rule that refuses, POL_NONE
};
struct eng_ruling eng_command_rule(const struct eng_session *s, const struct smtp_event *ev,
	const struct pol_session *profile);
void eng_command_count(struct eng_session *s, const struct smtp_event *ev);
// The next word of `text` from *at on, empty at its end; is it this one, in capitals?
struct span eng_word(struct span text, size_t *at);
bool eng_word_is(struct span word, const char *name);
// A whole number; one beyond 64 bits is a very large one. false: it is none.
bool eng_number(struct span digits, uint64_t *n);
// Does this AUTH mechanism bring a security layer?
bool eng_mechanism_encrypts(struct span mechanism);

// eng_keyword.c: a line of an EHLO reply.
void eng_keyword(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	uint32_t base, struct span in);
// What a profile does with it.
void eng_keyword_rule(const struct smtp_event *ev, const struct pol_session *profile,
	struct eng_decision *out);
// How the profile wants commands sent in groups, by what the server offers: at the begin and behind EHLO.
void eng_grouping(struct eng_worker *w, struct eng_session *s);

// eng_limits.c
struct eng_limit { // what is said where one is passed
	uint16_t code;
	enum eng_text text;
	enum eng_reason reason;
};
// The limit `max` was passed, by `value`: told, recorded and cut.
void eng_limit_cut(struct eng_worker *w, struct eng_session *s, const struct eng_limit *limit,
	uint32_t max, uint32_t value, bool in_body);
// What a profile says of one error more, which is counted already: cut by `limit`, or its reply waits.
struct eng_error {
	const struct eng_limit *limit; // NULL: not cut
	uint32_t max, value;
	uint32_t delay_ms;
};
struct eng_error eng_error_rule(
	const struct eng_session *s, const struct pol_session *p, bool recipient);
// Which limit of sizes, in octets and 0 where there is none, an open message has passed; NULL: none.
const struct eng_limit *eng_size_rule(
	const struct eng_message *msg, uint32_t size_max, uint32_t header_max);
// What an offered SIZE is lowered to; 0: it stays.
uint64_t eng_size_rule_offer(const struct pol_session *profile, struct span digits);
// A command, or a recipient, is being refused: its reply may have to wait. false: one too many, the session
// was cut.
bool eng_error_note(struct eng_worker *w, struct eng_session *s, bool recipient);
// The time of replies that wait is over: they were released. false: not yet, or none does.
bool eng_tarpit_due(struct eng_worker *w, struct eng_session *s);
// A message begins; more of it, `head` octets of its header first (false: too much, the session was cut).
void eng_limits_message(struct eng_worker *w, struct eng_session *s, struct eng_message *msg);
bool eng_limits_data(struct eng_worker *w, struct eng_session *s, struct span text, size_t head);
// The value of an EHLO reply's SIZE, at `seq`: no more than the profile's limit.
void eng_size_lower(struct eng_worker *w, struct eng_session *s, struct span digits, uint32_t seq);
// eng_read.c: the server's whole replies that were judged, but for the one that is being judged, are
// released though they were held.
void eng_settle(struct eng_worker *w, struct eng_session *s);

// eng_refuse.c; `ev`, `base` and `in` as above. A command does not reach the server, its reply is ours.
// false: the session was cut.
bool eng_refuse_command(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	uint32_t base, struct span in, enum eng_refusal why);
// The same for a BDAT that was not offered or comes behind a refused one; `ev` is its DESYNC. false:
// the session was cut, or is to be.
bool eng_refuse_chunk(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	uint32_t base, struct span in);
// What the reply to such a command says.
uint16_t eng_refusal_code(enum eng_refusal why);
enum eng_reason eng_refusal_reason(enum eng_refusal why);
// Is a reply to be replaced by ours, and was it a recipient that we refused?
bool eng_is_ours(uint8_t verb, bool *recipient);
// A line of the reply to such a NOOP: true, it goes, or ours comes in its place. false: it is none.
bool eng_reply_ours(
	struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev, uint32_t base);
// Puts in the replies whose turn it is to commands that were taken out. After each smtp_feed, its changes
// made. false: the session was cut.
bool eng_replies_due(struct eng_worker *w, struct eng_session *s);

// eng_ask.c: before the client's bytes `in` are read: true, they may be, as far as *in now goes; false: their
// first command waits for a finding about a domain.
bool eng_ask_line(struct eng_worker *w, struct eng_session *s, struct span *in);
// A name was given in HELO or EHLO.
void eng_ask_helo(struct eng_worker *w, struct eng_session *s, struct span name);
// What was found wrong with the command that is now read; ENG_REFUSAL_COUNT: nothing.
enum eng_refusal eng_ask_judged(struct eng_worker *w, struct eng_session *s);
// Its time is over: true once, and it is to be read on.
bool eng_ask_late(struct eng_worker *w, struct eng_session *s);
// Findings that have come.
void eng_asks_turn(struct eng_worker *w);

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

// eng_message.c: a MAIL command; a recipient; the begin of content; content; what the server said.
// The MAIL's message, NULL where none was left.
struct eng_message *eng_message_mail(
	struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev);
void eng_message_rcpt(struct eng_session *s, struct span path);
void eng_message_rcpt_reply(struct eng_session *s, uint16_t code);
// Recipients of the transaction that were accepted or still may be; 0 where none is open.
uint32_t eng_message_asked(const struct eng_session *s);
bool eng_message_begin(struct eng_worker *w, struct eng_session *s, bool bdat);
// More of the open message; false: the session was cut.
bool eng_message_data(struct eng_worker *w, struct eng_session *s, struct span text);
void eng_message_mail_reply(struct eng_worker *w, struct eng_session *s, uint16_t code);
void eng_message_reset_reply(struct eng_worker *w, struct eng_session *s);
// The scan is over, its memory given back; the same without a result.
void eng_message_scan_drop(struct eng_worker *w, struct eng_message *msg);
void eng_message_scan_close(struct eng_worker *w, struct eng_message *msg);
// The message is told, with this code, and done; but a transaction in which the server, having refused it, may
// still be keeps it until a MAIL or a reset has succeeded.
void eng_message_done(struct eng_worker *w, struct eng_session *s, uint16_t code);
bool eng_message_is_stale(const struct eng_session *s);
// Gives back all messages of a session; one whose content went by without a reply is recorded.
void eng_message_abort(struct eng_worker *w, struct eng_session *s);

// eng_access.c: what an image and its session profile say of a sender (ENG_REFUSAL_COUNT: nothing against it)
// and note of a message; then of each recipient, and that it is permitted. Of any image; nothing is changed
// but *out, *j and *a.
struct eng_access_judged {
	enum eng_refusal why; // ENG_REFUSAL_COUNT: permitted
	uint32_t rule;        // that decided, POL_NONE
	bool discard, unscanned;
};
enum eng_refusal eng_access_sender(
	const struct pol_image *img, uint32_t profile, struct span path);
void eng_access_note(struct eng_worker *w, const struct eng_session *s, const struct pol_image *img,
	uint32_t profile, struct span sender, struct eng_access *out);
void eng_access_judge(const struct eng_access *a, bool auth, struct span path,
	struct eng_access_judged *j);
int eng_access_weight(enum eng_refusal why); // the heavier of two refusals is told
void eng_access_permit(struct eng_access *a, const struct eng_access_judged *j);
// Why such a message is not scanned; ENG_REASON_COUNT: it is.
enum eng_reason eng_access_unscanned(const struct eng_access *a);
// A MAIL opens its message, a recipient is judged. false: it is to be refused, *why says
// how.
bool eng_access_mail(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	enum eng_refusal *why);
bool eng_access_rcpt(struct eng_session *s, const struct smtp_event *ev, enum eng_refusal *why,
	uint32_t *rule); // ... *rule which access rule, POL_NONE: none
// Fills in the rule that a refusal told now is of. Once for each, in their order.
void eng_access_told(struct eng_session *s, uint8_t verb, struct eng_refused *told);
// A RSET was sent that no server refuses; it was refused nevertheless.
void eng_access_reset(struct eng_session *s, bool sent);
// Content begins: it is not scanned where nothing wants it to be.
void eng_access_begin(struct eng_worker *w, struct eng_session *s);
// Content ends, perhaps: a message that a rule discards goes no further. false: the session was cut.
bool eng_access_end(struct eng_worker *w, struct eng_session *s, bool in_body);
// Version of the image that the message's rules are of; 0 where there are none.
uint64_t eng_access_version(const struct eng_message *msg);
void eng_access_release(struct eng_worker *w, struct eng_message *msg);

// eng_rates.c: a MAIL, a recipient, counted before it goes. false: one too many, or no place to note the
// sender; *why says which, and nothing is held.
bool eng_rates_mail(struct eng_worker *w, struct eng_session *s, struct span path,
	struct eng_rates *rates, enum eng_refusal *why);
bool eng_rates_rcpt(struct eng_worker *w, struct eng_session *s, enum eng_refusal *why);
// That recipient does not go after all; a server's reply to one.
void eng_rates_rcpt_back(struct eng_worker *w, struct eng_session *s);
void eng_rates_rcpt_reply(struct eng_worker *w, struct eng_session *s, uint16_t code);
// A message is over: what it holds is given back, but where its server may have it.
void eng_rates_end(struct eng_worker *w, struct eng_rates *rates);
// The limit that such a refusal is about; 0: it is about none of these.
uint32_t eng_rates_limit(const struct pol_session *profile, enum eng_refusal why);
// The same by any profile, in any cells: a recipient of those `open`.
struct eng_rates_by {
	struct tbl_cells *cells; // NULL: there are no limits
	const struct pol_session *profile;
	uint32_t now_s;
	uint32_t full; // times that no cell was left, and so no limit
};
bool eng_rates_any(const struct pol_session *profile); // has it one of these limits?
bool eng_rates_mail_by(struct eng_rates_by *by, const struct eng_session *s, struct span path,
	struct eng_rates *rates, enum eng_refusal *why);
bool eng_rates_rcpt_by(struct eng_rates_by *by, const struct eng_session *s,
	struct eng_rates *open[], unsigned n, enum eng_refusal *why);
void eng_rates_rcpt_back_by(struct tbl_cells *cells, struct eng_rates *r);
void eng_rates_end_by(struct tbl_cells *cells, struct eng_rates *rates);

// eng_three_way.c: notes the domain of a sender that recipients are compared with; why a recipient
// is to be refused, ENG_REFUSAL_COUNT: it is not.
void eng_three_way_mail(struct eng_worker *w, struct eng_session *s, struct eng_message *msg,
	struct span path);
enum eng_refusal eng_three_way_rcpt(struct eng_worker *w, struct eng_session *s, struct span path);
// By any profile: what is noted of a sender, 0 for nothing; may it go to that recipient?
uint64_t eng_three_way_of(const struct eng_worker *w, const struct eng_session *s,
	const struct pol_session *profile, struct span path);
enum eng_refusal eng_three_way_may(const struct eng_worker *w, const struct eng_session *s,
	const struct pol_session *profile, struct span path, const uint64_t from[], unsigned n);

// eng_answer.c
// The client of a connection that is to be refused acknowledged our SYN-ACK, numbered `isn`.
void eng_answer_refuse_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	struct stream_seg *seg, uint32_t isn, uint16_t code);
// A reply's line, written to `line` (ENG_REPLY_MAX bytes): `text` may begin with an enhanced code; id 0:
// none is shown.
struct span eng_reply_line(uint16_t code, const char *text, uint64_t id, char *line);
// A greeting that refuses, likewise.
struct span eng_greeting(uint16_t code, uint64_t id, char *line);
// A segment of that lane; `m` and `seg` NULL: the session has just been cut, by what was read. Consumes
// `m`; the session may be gone behind it.
void eng_answer_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	struct stream_seg *seg);
void eng_answer_timer(struct eng_worker *w, struct eng_session *s);
// Cuts the server off: it gets resets, the client a dialogue. `text` is the reply behind the code,
// sent at once, or (in_body) at the end of the message that is still coming; id 0: none is shown. 421
// and 500 hang up behind the text, code 0 without any.
void eng_cut(struct eng_worker *w, struct eng_session *s, uint16_t code, enum eng_text text,
	uint64_t id, bool in_body, enum eng_reason r);

// eng_tickets.c: what the limits of connections of a profile say of a session that opens.
struct eng_tickets_asked {
	const struct eng_limit *limited; // by this one; NULL: by none
	uint32_t limit, value;           // of that
	uint32_t ticket;                 // taken, also where it is limited; TBL_CELL_NONE
	uint32_t full;                   // times that no cell was left, and so no limit
};
void eng_tickets_ask(struct tbl_cells *cells, const struct pol_session *profile,
	const struct eng_session *s, uint32_t now_s, struct eng_tickets_asked *out);
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
uint32_t eng_helos_count(uint32_t flows);
uint64_t eng_helos_bytes(uint32_t flows);

// eng_record.c: the version of the image that a session's indexes are of.
uint64_t eng_image_of(const struct eng_worker *w, const struct eng_session *s);

// eng_emit.c: does what the stream said. `m` is the segment that came, consumed; NULL where `act` is
// of none.
void eng_emit_consume(struct eng_worker *w, struct eng_session *s, const struct stream_act *act,
	struct rte_mbuf *m);
// Resets for the end `towards`, in the other's name. Counts nothing.
void eng_reset_side(struct eng_worker *w, struct eng_session *s, enum stream_side towards);
// ... for both, for a reason, which is counted and becomes the session's.
void eng_reset_both(struct eng_worker *w, struct eng_session *s, enum eng_reason r);
// Bytes of payload that a segment of ours may have, by its MSS and by what came from the other end.
uint16_t eng_segment_max(const struct eng_session *s, enum stream_side towards);
// Resets both ends of a connection that nothing is known of, by its segment. Consumes `m`.
void eng_reset_stray_consume(struct eng_worker *w, struct rte_mbuf *m, enum eng_reason r);
// A segment of ours back to where this one came from. Borrows `m`.
void eng_send_back(struct eng_worker *w, struct rte_mbuf *m, const struct wire_tcp_out *o);
// A segment of ours built from numbers, in the name of `side`.
void eng_send(struct eng_worker *w, struct eng_session *s, enum stream_side side,
	const struct wire_tcp_out *o, bool for_reset);

// eng_record.c: a number for a session or message, never used before.
uint64_t eng_id_next(struct eng_worker *w);
// What became of the open message (`code`: the reply that its client got), of a session, of a
// connection that was refused without one, of a refusal within a session.
void eng_record_message(struct eng_worker *w, struct eng_session *s, uint16_t code);
void eng_record_session(struct eng_worker *w, struct eng_session *s);
void eng_record_refusal(
	struct eng_worker *w, const struct eng_who *who, const struct eng_refused *refused);
void eng_record_refused(
	struct eng_worker *w, struct eng_session *s, const struct eng_refused *refused);
// Where a candidate would have decided otherwise.
void eng_record_parted(
	struct eng_worker *w, const struct eng_who *who, const struct eng_parted *parted);
// Tells what an address did, at once or added up until somebody takes it; takes up to a turn's share of
// those that wait.
void eng_outcome(struct eng_worker *w, struct eng_session *s, enum eng_outcome_kind kind);
void eng_outcomes_flush(struct eng_worker *w);
// Who it is about.
void eng_who(const struct eng_worker *w, const struct eng_session *s, struct eng_who *who);
void eng_who_key(const struct flow_key *k, struct eng_who *who); // its addresses, ports, context

// A FIN or RST that came from `side` leaves with the largest TTL of that side: one that dies on its way
// would leave the two ends, and us, of different minds. Borrows `m`.
void eng_ttl_raise(const struct eng_session *s, enum stream_side side, struct rte_mbuf *m);
// Shortens a frame's payload to `len` bytes: IP lengths, view and checksums follow.
void eng_trim_payload(struct rte_mbuf *m, struct wire_view *v, uint16_t len);

// eng_bound.c: an image's time is over; the session takes the policy in force. At a MAIL, before it is read
// (eng_ask_line), so that it is the first to be judged by it.
bool eng_rebind_is_due(struct eng_worker *w, const struct eng_session *s);
void eng_rebind(struct eng_worker *w, struct eng_session *s);
// A repeat of the client's SYN; of the server's SYN-ACK under inspection.
void eng_open_repeat_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m);
void eng_open_syn_ack_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m);
// The server's half of a one-way connection turned up too late. Ends the session.
void eng_open_one_way_end_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m);
// A segment of a connection that passes unread.
void eng_open_pass_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	const struct stream_seg *seg);
// eng_icmp.c: an ICMP error that quotes a segment of a picked-up port. Consumes `m`.
void eng_icmp_consume(struct eng_worker *w, struct rte_mbuf *m);
// eng_smtp.c: do frames of `side` come by this port, where the client's come by that one?
bool eng_port_fits(
	const struct eng_worker *w, uint16_t client_port, enum stream_side side, uint16_t in_port);
// Ends a session: record, memory, table, and what has to be remembered of it.
void eng_session_end(struct eng_worker *w, struct eng_session *s);
// eng_answer.c: the connection is over for us, perhaps not for its ends, which may have missed the
// reset: for a while whatever comes is answered with one, and nothing passes. The session is gone, or
// it goes once the server's reset has been repeated.
void eng_session_remnant(struct eng_worker *w, struct eng_session *s);
// eng_stray.c: an end doesn't know yet that it is over: a reset at the number it expects.
void eng_reset_again_consume(struct eng_worker *w, struct rte_mbuf *m);

// MAIL, or one of those that RFC 5321 appendix F.6 knows beside it.
static inline bool eng_begins_mail(uint8_t verb)
{
	return verb == SMTP_VERB_MAIL || verb == SMTP_VERB_SEND || verb == SMTP_VERB_SOML ||
		verb == SMTP_VERB_SAML;
}

static inline struct eng_session *eng_session_of(struct flow *f)
{
	return (struct eng_session *)(void *)f;
}

// For how long nothing may come before a session is given up. While a reply waits its client does, too.
static inline uint32_t eng_quiet_max_ms(const struct eng_session *s)
{
	if (s->flow.state == FLOW_CLOSING)
		return ENG_CLOSING_MS;
	return (uint32_t)s->idle_units * ENG_IDLE_UNIT_MS +
		(s->tarpit ? (uint32_t)POL_DELAY_MAX_S * 1000 : 0);
}
