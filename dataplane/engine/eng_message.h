// SPDX-License-Identifier: BSD-3-Clause
// Inside the engine: an open message, what holds it back, and what becomes of it.
// Thread: the worker that owns the session.
#pragma once

#include "eng_command.h"
#include "eng_header.h"
#include "eng_report.h"
#include "eng_scan.h"
#include "pol_access.h"
#include "tbl_cells.h"

enum {
	ENG_PATH_MAX = 96,    // octets of an address that its record tells
	ENG_REFUSED_MAX = 32, // refused recipients whose rule is remembered until their reply
};

struct eng_session;
struct eng_worker;
struct eng_image;

struct eng_rates { // what a message holds of its client's and its sender's (eng_rates.c)
	uint64_t profile, sender; // whose they are; sender 0: nobody's
	bool sent; // its server may have it: what is held stays counted
	struct tbl_cells_held hour; // eng_throttle.c
	struct tbl_cells_held held[ENG_RATE_COUNT];
};

// What access rules and lists say of a message (eng_access.c).
struct eng_access {
	const struct pol_image *img; // whose; NULL: nothing is said
	uint32_t profile;            // index in that image, POL_NONE
	uint16_t rule;               // 1 + index of the rule that took its last recipient, 0 = none
	bool safe_sender, to_discard, to_deliver, to_scan, scan_dropped;
	struct pol_access_bits bits; // rules that its client, HELO and sender leave
};

// Exists only while a message is open.
struct eng_message {
	// One cache line: what is looked at with each piece of its content.
	_Alignas(64) struct eng_message *older; // in its queue (eng_message.c)
	struct eng_message *newer;
	struct eng_scan *scan;         // NULL: not scanned
	uint64_t size_now;             // octets of it so far
	uint32_t size_max, header_max; // 0: any
	uint32_t seen_ms;              // last byte, or one of the second before it
	uint32_t shadow_run;           // a candidate's number; 0: none
	bool plain;                    // nobody asks for sizes any more (eng_limits.c)
	bool judged, data, bdat, ended;
	bool accepted; // its MAIL got a 2xx
	bool left : 1; // a RSET was sent behind it
	bool stale : 1; // its last chunk was refused: who had no recipients may still be in the transaction
	bool chunks_taken : 1, chunks_refused : 1; // by its server
	uint8_t verdict;                           // enum eng_verdict, once judged
	struct eng_header header; // what is asked of it lies first

	// One more: what commands and replies look at.
	struct eng_session *session;
	struct eng_message *following; // of a MAIL sent before the reply that decides about it
	struct eng_image
		*image; // whose rules and lists judge its recipients; NULL: none do (eng_access.c)
	uint64_t octets, id;
	uint32_t mails; // MAIL commands whose reply is to come
	uint32_t recipients;
	uint32_t asked; // recipients accepted or waiting for their reply
	uint32_t header_now;
	uint8_t from_len, to_len;
	uint8_t at_end;     // the verdict of its last possible end; UNSCANNED: there was none
	uint8_t refused_at; // with those below
	uint16_t why;       // enum eng_reason: why it was not scanned, or discarded
	uint16_t lost;      // of `refused`, the ones that found no place

	// What its end looks at.
	struct eng_scan_result result;
	uint32_t shadow; // the candidate's state of this message
	uint8_t nrefused;
	struct eng_message *next; // in the pool
	struct eng_access access; // eng_access.c
	uint64_t from_domain;     // eng_three_way.c
	struct eng_rates rates;

	// Not zeroed with the rest: lengths and numbers above say what of it is set.
	uint16_t refused[ENG_REFUSED_MAX]; // rules that refused one whose reply is to come
	char from[ENG_PATH_MAX], to[ENG_PATH_MAX];
};
_Static_assert(
	offsetof(struct eng_message, header.subject) == 64, "what is before it: a cache line");
_Static_assert(
	offsetof(struct eng_message, session) == 192 && offsetof(struct eng_message, result) == 256,
	"a cache line");

// Asks for what a segment's reading looks at; `ends`: the reply to it, and its record.
static inline void eng_message_prefetch(const struct eng_message *msg, bool ends)
{
	const uint8_t *p = (const uint8_t *)msg;

	__builtin_prefetch(msg);
	__builtin_prefetch(&msg->session);
	if (!ends)
		return;
	__builtin_prefetch(&msg->result);
	__builtin_prefetch(&msg->access);
	__builtin_prefetch(&msg->rates);
	for (size_t at = offsetof(struct eng_message, from); at < sizeof(*msg);
		at += RTE_CACHE_LINE_SIZE)
		__builtin_prefetch(p + at);
}

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
void eng_access_told(
	struct eng_session *s, enum eng_refusal why, struct eng_refused *told);
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
	uint32_t context; // eng_context_key
	uint32_t full; // times that no cell was left, and so no limit
};
bool eng_rates_any(const struct pol_session *profile); // does it count messages?
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
