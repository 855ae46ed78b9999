// SPDX-License-Identifier: BSD-3-Clause
// Inside the engine: what is known of a client and of the endpoint that it was at the begin of its session, and
// what a session profile makes of that: at connect, at MAIL and RCPT, at AUTH.
// Thread: the worker that owns the session.
#pragma once

#include "eng_command.h"
#include "eng_message.h"
#include "flow.h"
#include "tbl_clients.h"

enum eng_standing { // why a client is refused
	ENG_STANDING_GOOD,
	ENG_STANDING_ENDPOINT, // its endpoint is blocked
	ENG_STANDING_SENDER,   // its score, or an operator
	ENG_STANDING_LATER,    // its score, for now
	ENG_STANDING_COUNT
};

enum { // bits of what is only told, once a session
	ENG_TOLD_ENDPOINT = 1,
	ENG_TOLD_SENDER = 2,
	ENG_TOLD_AUTH = 4
};

struct eng_facts { // of a client, as they are now
	struct tbl_client sender;
	struct tbl_endpoint endpoint; // zero: none, or nothing is known of it
	bool shared;                  // others are there, too: it is only told
};

struct eng_reputation { // what a profile makes of them
	enum eng_standing refused;
	uint8_t told;         // bits: it would be
	bool throttled;       // so many messages an hour, no more
	uint8_t limit, value; // a sender's score that was passed, and what it is; both 0: by an operator
};

// Pure: `now_s` by the clock of the table's manager. AUTH: true, it is refused; *told: it would be.
void eng_reputation_rule(const struct pol_session *profile, const struct eng_facts *facts,
	uint32_t now_s, struct eng_reputation *out);
bool eng_reputation_rule_auth(const struct pol_session *profile, const struct eng_facts *facts,
	uint32_t now_s, bool *told);

// What is known now of a session's client.
void eng_facts_of(
	const struct eng_worker *w, const struct eng_session *s, struct eng_facts *facts);
// The key of a session's endpoint, of that which a client is now; 0: unknown.
uint64_t eng_endpoint_key(const struct eng_worker *w, const struct eng_session *s);
uint64_t eng_endpoint_now(const struct eng_worker *w, const struct flow_key *key);

// Is a connection that `policy` of that image inspects to be refused for its client? Then *out says how.
bool eng_reputation_connect(const struct eng_worker *w, const struct eng_image *image,
	const struct flow_key *key, uint32_t policy, struct eng_refused *out);
// A session begins: it keeps its endpoint. `inspected`: what is only told, is.
void eng_reputation_begin(struct eng_worker *w, struct eng_session *s, bool inspected);
// A MAIL: ENG_REFUSAL_COUNT: it goes. *out: what its profile says.
enum eng_refusal eng_reputation_mail(struct eng_worker *w, struct eng_session *s,
	const struct smtp_event *ev, struct eng_reputation *out);
// A recipient of it; an AUTH.
enum eng_refusal eng_reputation_rcpt(const struct eng_session *s);
enum eng_refusal eng_reputation_auth(struct eng_worker *w, struct eng_session *s);
// What a profile says of a standing at MAIL or, `rcpt`, at RCPT.
enum eng_refusal eng_reputation_refusal(
	const struct pol_session *profile, enum eng_standing standing, bool rcpt);
// Seconds until a client that is refused at connect for `why` is no longer; 0: nobody knows.
uint32_t eng_reputation_retry(
	const struct eng_worker *w, const struct flow_key *key, enum eng_reason why);
// The limit that such a refusal, told now, is about, what passed it, and for how long.
void eng_reputation_told(
	struct eng_worker *w, struct eng_session *s, enum eng_refusal why, struct eng_refused *told);

// eng_throttle.c: does a profile count messages by the hour? A MAIL that is to be counted, in rates->hour.
// false: it is one too many, *why says so.
bool eng_throttle_counts(const struct pol_session *profile);
bool eng_throttle_mail(struct eng_worker *w, struct eng_session *s,
	const struct eng_reputation *rep, struct eng_rates *rates, enum eng_refusal *why);
// So many messages of this client may be taken this hour, were it throttled; *retry_s: until some may in the next
// one, 0 where none would.
uint32_t eng_throttle_limit(struct eng_worker *w, struct eng_session *s, uint32_t *retry_s);
// eng_reputation.c: tells, once a session, what is not done; `bit` of enum above.
void eng_reputation_tell(struct eng_worker *w, struct eng_session *s, uint8_t bit, uint32_t limit,
	uint32_t value);
