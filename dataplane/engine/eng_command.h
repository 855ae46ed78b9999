// SPDX-License-Identifier: BSD-3-Clause
// Inside the engine: what is said of a client's command, of a keyword and of a limit that was passed, and how
// a command is kept from the server. What messages add (access, rates) is in eng_message.h.
// Thread: the worker that owns the session.
#pragma once

#include "eng_answer.h"
#include "eng_int.h"
#include "pol_image.h"
#include "pol_word.h"
#include "smtp.h"

struct eng_session;
struct eng_worker;
struct eng_message;

enum eng_rate { // what is counted in some minutes (eng_rates.c)
	ENG_RATE_CLIENT_MESSAGES,
	ENG_RATE_CLIENT_RECIPIENTS,
	ENG_RATE_SENDER_MESSAGES,
	ENG_RATE_SENDER_RECIPIENTS,
	ENG_RATE_COUNT
};

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
	// By reputation: of MAIL and AUTH, in the order of enum eng_standing; of recipients, likewise.
	ENG_REFUSE_BAD_ENDPOINT,
	ENG_REFUSE_BAD_SENDER,
	ENG_REFUSE_BAD_SENDER_LATER,
	ENG_REFUSE_THROTTLE,
	ENG_REFUSE_AUTH,
	ENG_REFUSE_RCPT_ENDPOINT,
	ENG_REFUSE_RCPT_SENDER,
	ENG_REFUSE_RCPT_SENDER_LATER,
	ENG_REFUSAL_COUNT
};

struct eng_refused { // what its client was told
	uint64_t id;
	uint16_t code, reason;
	uint32_t limit, value; // that decided; both 0: none
	uint32_t retry_s;      // it is over by then; 0: nobody knows
	uint32_t access;       // 1 + index of the access rule that decided, 0 = none
	uint64_t access_image; // version of the image that has it
};

enum eng_counted { // commands of which there may be so many (eng_command.c)
	ENG_COUNTED_HELO,
	ENG_COUNTED_MAIL,
	ENG_COUNTED_NOOP,
	ENG_COUNTED_RSET,
	ENG_COUNTED // so many kinds; also: of none
};

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

// MAIL, or one of those that RFC 5321 appendix F.6 knows beside it.
static inline bool eng_begins_mail(uint8_t verb)
{
	return verb == SMTP_VERB_MAIL || verb == SMTP_VERB_SEND || verb == SMTP_VERB_SOML ||
		verb == SMTP_VERB_SAML;
}

// eng_events.c: is this command line, in `in`, one that ends the session for how it ends?
bool eng_line_is_refused(
	const struct smtp_event *ev, struct span in, const struct pol_session *profile);

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
// By any profile: the domain that a MAIL or RCPT is judged by, in *word. false: none, and *why it is refused
// already.
bool eng_ask_name(const struct smtp_event *ev, const struct pol_session *profile,
	struct pol_word *word, struct span *name, enum eng_refusal *why);
// What a finding means to a MAIL, or to a RCPT, under such a check (enum pol_domain).
enum eng_refusal eng_ask_refuses(bool mail, uint8_t check, enum eng_find found);
// The name in a HELO's text. What is known of a name, and its mark (0: it is none to look up); NONE: nothing.
struct span eng_ask_helo_name(struct span text);
enum eng_find eng_ask_known(const struct eng_smtp *p, struct span *name, uint64_t *key);
// Asks for a candidate, for whom no session waits: its finding is of no place. false: it can't be asked.
bool eng_ask_aside(struct eng_worker *w, const struct eng_session *s, enum eng_ask_kind kind,
	uint64_t key, struct span name);
