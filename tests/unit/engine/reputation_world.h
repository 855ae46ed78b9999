// SPDX-License-Identifier: BSD-3-Clause
// The world of tests of reputation: profiles that ask for it, and what is known of clients.
#pragma once

#include "eng_session.h"
#include "session_talk.h"

#define NO_DELAY "max_errors: 0, error_delay_s: 0, error_delay_step_s: 0"
#define BY_ENDPOINT "5.7.1 Rejected by endpoint reputation (mw-*)\r\n"
#define BY_ENDPOINT_IN(when) \
	"5.7.1 Rejected by endpoint reputation, try again in " when " (mw-*)\r\n"
#define BY_SENDER "5.7.1 Rejected by sender reputation (mw-*)\r\n"
#define BY_SENDER_LATER "4.7.1 Deferred by sender reputation, try again later (mw-*)\r\n"
#define THROTTLED "450 4.7.1 Too many messages of this sender in this hour, try again later (mw-*)\r\n"
#define THROTTLED_IN(when) \
	"450 4.7.1 Too many messages of this sender in this hour, try again in " when " (mw-*)\r\n"
#define NO_LOGIN_IN(when) "454 4.7.0 Too many failed logins, try again in " when " (mw-*)\r\n"
#define NO_LOGIN "454 4.7.0 Too many failed logins, try again later (mw-*)\r\n"

enum { HOUR_MS = 3600 * 1000, ALL_PORTS = UINT16_MAX };

// Client networks 10.0.N.0/24 have profiles: 1 connect, 2 mail, 3 rcpt refuse there, by all three reputations,
// senders over 20 at 1 message an hour or 10 percent, over 50 for now, over 80 for good; 4 the same as connect,
// but only monitors; 5 off; 6 three an hour or 50 percent over 20; 7 the same, only monitored; fd01::/16
// connect, fd02::/16 mail, fd06::/16 as 6. All scan and reject, but 7 monitors.
extern const char reputation_rules[];

// world_new under these rules, in which clients may be known.
int reputation_new(void **state);

// ---- what is known, from now on

// This prefix (an address without length), and ports, are that endpoint's.
void bound(const char *prefix, uint16_t first, uint16_t last, uint64_t endpoint, bool shared);
void unbound(const char *prefix, uint16_t first, uint16_t last);
// Of an endpoint: flags, blocked and AUTH refused for so many seconds.
void endpoint_is(uint64_t endpoint, uint8_t flags, uint32_t blocked_s, uint32_t auth_s);
// Of a prefix as a sender.
void sender_is(const char *prefix, uint8_t score, uint8_t flags, uint32_t auth_s);

// ---- words

// A session behind its EHLO, on a port of its own, or on this one.
struct conn *meets(const char *source);
struct conn *meets_from(const char *source, uint16_t port);
// A connection whose greeting is this line, its server never greets; it is told, counted, recorded so.
void turned_away(const char *source, const char *line, enum eng_reason why, uint32_t limit,
	uint32_t value, uint64_t endpoint);
// A command without its line end, that the server gets and answers so.
void answers(struct conn *c, const char *command, const char *reply);
// ... with 250.
void takes(struct conn *c, const char *command);
// ... that it gets as NOOP: the client gets `line`; counted and recorded.
void refuses(struct conn *c, const char *command, const char *line, enum eng_reason why,
	uint32_t limit, uint32_t value);
// A whole message, with this text before its end, that the server takes.
void mails(struct conn *c, const char *text);
// The last record told, without a reply, that it would have been refused so; it is one of a session.
void was_told(enum eng_reason why, uint32_t limit, uint32_t value);
