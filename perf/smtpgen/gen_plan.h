// SPDX-License-Identifier: BSD-3-Clause
// What a session does, from the seed and its number alone: both ends work it out for themselves, so
// each knows what the other one must say. Thread: any; pure.
#pragma once

#include "gen_conf.h"
#include "gen_corpus.h"

struct gen_plan { // of a session
	bool pipelining, v6, refused;
	uint8_t mails;
	uint8_t abort_at; // commands after which the client resets; 0 = never
};

enum {
	GEN_BODY_PIECES = 8,
	GEN_LINES = GEN_RCPT_MAX + 2, // MAIL, RCPT..., DATA
	GEN_HELO_MAX = 64,            // octets of an end's room for EHLO, the rest is for a message
	GEN_QUEUED_MAX = 64,          // octets behind it for the reply to a message
	GEN_TALK_AT = GEN_HELO_MAX + GEN_QUEUED_MAX,
};

struct gen_mail { // a message's way through a session
	struct gen_piece line[GEN_LINES];
	struct gen_piece body[GEN_BODY_PIECES]; // with the end of data
	uint8_t nlines, nbody;
	uint8_t unknown; // the recipient that the server does not know, as an index of line; 0 = none
	bool spam;
};

// `sizes` is made once: sizes of messages, the shortest first.
enum { GEN_SIZES = 1024 };
void gen_plan_sizes(const struct gen_conf *conf, uint32_t sizes[GEN_SIZES]);

void gen_plan_session(const struct gen_conf *conf, uint64_t n, struct gen_plan *p);

// Writes EHLO of session n into an end's room. Its length is the same for all n below 2^48.
struct gen_piece gen_plan_ehlo(const struct gen_corpus *c, uint32_t room, uint64_t n);
enum { GEN_EHLO_LEN = 32, GEN_EHLO_DIGITS_AT = 6, GEN_EHLO_DIGITS = 12 };

// Message `m` of session n, its own texts written into the room.
void gen_plan_mail(const struct gen_conf *conf, const struct gen_corpus *c, const uint32_t *sizes,
	uint32_t room, uint64_t n, unsigned m, const struct gen_plan *p, struct gen_mail *mail);

// The server's reply to an accepted message, written into its room.
struct gen_piece gen_plan_queued(const struct gen_corpus *c, uint32_t room, uint64_t n, unsigned m);
