// SPDX-License-Identifier: BSD-3-Clause
// The world of tests of rates: profiles that count, and the words of those that are counted.
#pragma once

#include "eng_session.h"
#include "session_talk.h"

#define NO_DELAY "max_errors: 0, error_delay_s: 0, error_delay_step_s: 0"

enum { MINUTE_MS = 60 * 1000 };

// Client networks 10.0.N.0/24 have profiles: 1 client_m, 2 client_r, 3 sender_m, 4 sender_r (three of that),
// 5 free, 6 all (nine of each), 7 fours, 8 and 9 all with other contents, fd01::/16 client_m.
extern const char rates_rules[];
// What a client is told that reached a rate, and under what it is counted.
extern const char *const rates_told[ENG_RATE_COUNT];
extern const enum eng_reason rates_reasons[ENG_RATE_COUNT];

// world_new under these rules.
int rates_new(void **state);
// A session behind its EHLO, on a port of its own.
struct conn *opened(const char *source);
// A command without its line end, that the server gets and answers so.
void answered(struct conn *c, const char *command, const char *reply);
// ... with 250.
void taken(struct conn *c, const char *command);
// ... that it gets as NOOP, since `rate` is reached; told, counted and recorded.
void refused(struct conn *c, const char *command, enum eng_rate rate);
// DATA and a message that the server takes.
void content_passes(struct conn *c);
void both_hang_up(struct conn *c);
// What is counted now, of this client or (not NULL) of this sender's address, behind AUTH or not.
uint32_t counted(
	const char *profile, enum eng_rate rate, const char *source, const char *sender, bool auth);
