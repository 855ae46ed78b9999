// SPDX-License-Identifier: BSD-3-Clause
// The octets of all messages: lines of words, lines of base64, fixed texts, and room for what each
// session says, in one piece of memory, so that any run of octets is an offset and a length.
// Made once at start. Thread: read by any, the room for sessions by its owner.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "gen_conf.h"

struct gen_piece { // octets of the corpus
	uint32_t off, len;
};

enum gen_text { // fixed texts
	GEN_T_GREETING,
	GEN_T_EHLO_REPLY,
	GEN_T_OK_MAIL,
	GEN_T_OK_RCPT,
	GEN_T_NO_RCPT,
	GEN_T_START,
	GEN_T_BYE,
	GEN_T_DATA,
	GEN_T_QUIT,
	GEN_T_END,
	GEN_T_MARKER,
	GEN_T_PART_TEXT,
	GEN_T_PART_FILE,
	GEN_T_PARTS_END,
	GEN_TEXTS
};

enum { GEN_ROOM = 1024 }; // octets of each end's own texts

struct gen_corpus {
	uint8_t *octets;
	uint32_t words_lines, base64_lines;
	uint32_t *words_at, *base64_at; // where each line begins, and behind the last one its end
	struct gen_piece text[GEN_TEXTS];
	uint32_t room; // where the rooms begin
};

// `rooms`: ends of sessions. 0 or -ENOMEM.
int gen_corpus_new(struct gen_corpus *c, const struct gen_conf *conf, uint32_t rooms);
void gen_corpus_free(struct gen_corpus *c);

static inline const uint8_t *gen_octets(const struct gen_corpus *c, struct gen_piece p)
{
	return c->octets + p.off;
}

// About `size` octets of whole lines, at least one; `pick` says where they begin.
struct gen_piece gen_corpus_words(const struct gen_corpus *c, uint32_t size, uint32_t pick);
struct gen_piece gen_corpus_base64(const struct gen_corpus *c, uint32_t size, uint32_t pick);
