// SPDX-License-Identifier: BSD-3-Clause
// Makes the octets that messages are cut from, and the texts that both ends use. Lines of words are
// as they travel: one in a hundred begins with two dots (RFC 5321 4.5.2), some have octets of 8 bits.
// Thread: start and stop.
#include "gen_corpus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gen_rand.h"

enum {
	WORDS_OCTETS = 512 << 10,
	BASE64_OCTETS = GEN_SIZE_MAX + (512 << 10),
	LINE_MAX = 80,
	TEXT_OCTETS = 4096,
	BASE64_LINE = 76,
};

static const char *const WORDS[] = {"the", "of", "and", "to", "in", "is", "that", "for", "it", "as",
	"was", "with", "on", "meeting", "report", "by", "we", "at", "from", "this", "have", "an",
	"please", "are", "not", "week", "Monday", "table", "project", "you", "which", "river", "or",
	"their", "garden", "morning", "would", "send", "has", "been", "more", "letter", "about",
	"copy", "who", "will", "school", "into", "time", "answer", "only", "some", "street", "when",
	"could", "than", "other", "train", "attached", "summer", "its", "window", "regards", "two",
	"gr\xc3\xbc\xc3\x9f", "caf\xc3\xa9"};

static const char *const TEXTS[GEN_TEXTS] = {
	[GEN_T_GREETING] = "220 mx.example.net ESMTP\r\n",
	[GEN_T_EHLO_REPLY] =
		"250-mx.example.net\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250 8BITMIME\r\n",
	[GEN_T_OK_MAIL] = "250 2.1.0 Ok\r\n",
	[GEN_T_OK_RCPT] = "250 2.1.5 Ok\r\n",
	[GEN_T_NO_RCPT] = "550 5.1.1 No such user here\r\n",
	[GEN_T_START] = "354 End data with <CR><LF>.<CR><LF>\r\n",
	[GEN_T_BYE] = "221 2.0.0 Bye\r\n",
	[GEN_T_DATA] = "DATA\r\n",
	[GEN_T_QUIT] = "QUIT\r\n",
	[GEN_T_END] = ".\r\n",
	[GEN_T_PART_TEXT] = "--=_part_7f3a\r\nContent-Type: text/plain; charset=utf-8\r\n"
			    "Content-Transfer-Encoding: 8bit\r\n\r\n",
	[GEN_T_PART_FILE] =
		"\r\n--=_part_7f3a\r\nContent-Type: application/octet-stream; name=\"report.bin\"\r\n"
		"Content-Transfer-Encoding: base64\r\n"
		"Content-Disposition: attachment; filename=\"report.bin\"\r\n\r\n",
	[GEN_T_PARTS_END] = "\r\n--=_part_7f3a--\r\n",
};

static uint32_t word_line(uint8_t *out, struct gen_rand *r)
{
	uint32_t n = 0, want = 50 + gen_rand_below(r, 22);

	if (gen_rand_below(r, 100) == 0) {
		out[n++] = '.';
		out[n++] = '.';
	}
	while (n < want) {
		const char *word = WORDS[gen_rand_below(r, sizeof(WORDS) / sizeof(WORDS[0]))];
		size_t len = strlen(word);

		if (n + len + 3 > LINE_MAX)
			break;
		memcpy(out + n, word, len);
		n += (uint32_t)len;
		out[n++] = ' ';
	}
	out[n - 1] = '\r';
	out[n++] = '\n';
	return n;
}

static uint32_t base64_line(uint8_t *out, struct gen_rand *r)
{
	static const char DIGITS[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (unsigned i = 0; i < BASE64_LINE; i++)
		out[i] = (uint8_t)DIGITS[gen_rand_next(r) & 63];
	out[BASE64_LINE] = '\r';
	out[BASE64_LINE + 1] = '\n';
	return BASE64_LINE + 2;
}

// Fills [off, off + n) with lines; their beginnings go to `at`. Returns their number.
static uint32_t lines_make(uint8_t *octets, uint32_t off, uint32_t n, uint32_t *at,
	uint32_t (*line)(uint8_t *, struct gen_rand *), uint64_t seed)
{
	struct gen_rand r = gen_rand_of(seed, n, 0);
	uint32_t lines = 0, pos = off;

	while (pos + LINE_MAX + 2 <= off + n) {
		at[lines++] = pos;
		pos += line(octets + pos, &r);
	}
	at[lines] = pos;
	return lines;
}

static uint32_t texts_make(struct gen_corpus *c, const struct gen_conf *conf, uint32_t pos)
{
	for (unsigned i = 0; i < GEN_TEXTS; i++) {
		const char *text = i == GEN_T_MARKER ? conf->marker : TEXTS[i];
		size_t n = strlen(text);

		memcpy(c->octets + pos, text, n);
		if (i == GEN_T_MARKER) {
			memcpy(c->octets + pos + n, "\r\n", 2);
			n += 2;
		}
		c->text[i] = (struct gen_piece){.off = pos, .len = (uint32_t)n};
		pos += (uint32_t)n;
	}
	return pos;
}

int gen_corpus_new(struct gen_corpus *c, const struct gen_conf *conf, uint32_t rooms)
{
	const uint32_t texts = WORDS_OCTETS + BASE64_OCTETS;
	const size_t all = (size_t)texts + TEXT_OCTETS + (size_t)rooms * GEN_ROOM;

	*c = (struct gen_corpus){.room = texts + TEXT_OCTETS};
	c->octets = aligned_alloc(64, all);
	c->words_at = calloc(WORDS_OCTETS / 32, sizeof(uint32_t));
	c->base64_at = calloc(BASE64_OCTETS / 64, sizeof(uint32_t));
	if (c->octets == NULL || c->words_at == NULL || c->base64_at == NULL) {
		gen_corpus_free(c);
		return -ENOMEM;
	}
	memset(c->octets, 0, all);
	c->words_lines = lines_make(c->octets, 0, WORDS_OCTETS, c->words_at, word_line, conf->seed);
	c->base64_lines = lines_make(
		c->octets, WORDS_OCTETS, BASE64_OCTETS, c->base64_at, base64_line, conf->seed);
	(void)texts_make(c, conf, texts);
	return 0;
}

void gen_corpus_free(struct gen_corpus *c)
{
	free(c->octets);
	free(c->words_at);
	free(c->base64_at);
	*c = (struct gen_corpus){0};
}

// `lines` lines from one that leaves so many behind it.
static struct gen_piece cut(const uint32_t *at, uint32_t have, uint32_t lines, uint32_t pick)
{
	if (lines == 0)
		lines = 1;
	if (lines > have)
		lines = have;
	uint32_t first = (uint32_t)((uint64_t)pick * (have - lines + 1) >> 32);
	return (struct gen_piece){.off = at[first], .len = at[first + lines] - at[first]};
}

struct gen_piece gen_corpus_words(const struct gen_corpus *c, uint32_t size, uint32_t pick)
{
	const uint32_t mean = (c->words_at[c->words_lines] - c->words_at[0]) / c->words_lines;

	return cut(c->words_at, c->words_lines, size / mean, pick);
}

struct gen_piece gen_corpus_base64(const struct gen_corpus *c, uint32_t size, uint32_t pick)
{
	return cut(c->base64_at, c->base64_lines, size / (BASE64_LINE + 2), pick);
}
