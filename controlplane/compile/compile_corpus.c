// SPDX-License-Identifier: BSD-3-Clause
// Made-up mail: enough of its texture (words, headers, quoted-printable, base64, addresses) that a
// database's cost on it says something about its cost on real mail. Seeded, so two runs compare.
// Thread: one at a time.
#include "compile_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEGMENT = 1460, UNIT_MAX = 8192 };

struct writer {
	char *p;
	size_t n, cap;
	uint64_t state; // xorshift64 (Marsaglia 2003)
};

static uint32_t draw(struct writer *w, uint32_t below)
{
	w->state ^= w->state << 13;
	w->state ^= w->state >> 7;
	w->state ^= w->state << 17;
	return (uint32_t)(w->state >> 33) % below;
}

static void put(struct writer *w, const char *s)
{
	size_t n = strlen(s);

	n = n > w->cap - w->n ? w->cap - w->n : n;
	memcpy(w->p + w->n, s, n);
	w->n += n;
}

// clang-format off: tables
static const char *const WORDS[] = {
	"the",
	"and",
	"you",
	"for",
	"with",
	"that",
	"this",
	"have",
	"from",
	"your",
	"will",
	"can",
	"are",
	"not",
	"our",
	"please",
	"meeting",
	"report",
	"attached",
	"regards",
	"thanks",
	"order",
	"account",
	"update",
	"invoice",
	"offer",
	"free",
	"click",
	"here",
	"today",
	"price",
	"money",
	"delivery",
	"customer",
	"service",
	"team",
	"project",
	"schedule",
	"question",
	"answer",
	"information",
	"password",
	"confirm",
	"address",
	"number",
	"company",
	"product",
	"best",
	"limited",
	"time",
	"only",
	"now",
	"new",
	"first",
	"last",
	"week",
	"month",
	"year",
	"people",
	"software",
	"network",
	"server",
	"message",
	"contact",
	"website",
	"online",
	"payment",
	"bank",
	"transfer",
	"winner",
	"prize",
	"urgent",
	"important",
	"notice",
	"security",
	"verify",
	"link",
	"unsubscribe",
	"list",
	"mailing",
	"newsletter",
	"discount",
	"quality",
	"medicine",
	"health",
	"weight",
	"loss",
	"million",
	"dollars",
	"fund",
	"business",
	"proposal",
	"dear",
	"friend",
};
// clang-format on

static const char *word(struct writer *w)
{
	return WORDS[draw(w, sizeof(WORDS) / sizeof(WORDS[0]))];
}

static void put_address(struct writer *w)
{
	char buf[96];
	unsigned number = draw(w, 1000);
	const char *local = word(w), *host = word(w);

	(void)snprintf(buf, sizeof(buf), "%s.%u@%s.example", local, number, host); // fits
	put(w, buf);
}

static void put_prose(struct writer *w, size_t until)
{
	size_t line = w->n;

	while (w->n < until) {
		put(w, word(w));
		switch (draw(w, 24)) {
		case 0:
			put(w, ". ");
			break;
		case 1:
			put(w, ", ");
			break;
		case 2:
			put(w, "=C3=A9 ");
			break;
		case 3:
			put(w, "! ");
			break;
		default:
			put(w, " ");
		}
		if (w->n - line > 68) {
			put(w, "\r\n");
			line = w->n;
		}
	}
	put(w, "\r\n");
}

static void put_base64(struct writer *w, size_t until)
{
	static const char SET[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char c[2] = "";

	for (unsigned i = 1; w->n < until; i++) {
		c[0] = SET[draw(w, 64)];
		put(w, c);
		if (i % 76 == 0)
			put(w, "\r\n");
	}
	put(w, "\r\n");
}

static void put_html(struct writer *w, size_t until)
{
	while (w->n < until) {
		put(w, "<p style=\"font-size:12px\"><a href=\"http://www.");
		put(w, word(w));
		put(w, ".example/");
		put(w, word(w));
		put(w, "?id=1\">");
		put_prose(w, w->n + 60);
		put(w, "</a></p>\r\n");
	}
}

static void put_headers(struct writer *w)
{
	put(w, "Received: from mail.");
	put(w, word(w));
	put(w, ".example ([192.0.2.7])\r\n\tby mx.example.net with ESMTP id 4Q2kPz0x\r\nFrom: \"");
	put(w, word(w));
	put(w, "\" <");
	put_address(w);
	put(w, ">\r\nTo: ");
	put_address(w);
	put(w, "\r\nSubject: ");
	put(w, word(w));
	put(w, " ");
	put(w, word(w));
	put(w, " ");
	put(w, word(w));
	put(w, "\r\nDate: Tue, 14 May 2024 09:12:44 +0200\r\nMessage-ID: <");
	put_address(w);
	put(w,
		">\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
		"X-Mailer: Example Mailer 7.1\r\n\r\n");
}

static void put_unit(struct writer *w, enum pol_scope scope)
{
	size_t size;

	switch (scope) {
	case POL_SCOPE_HELO:
		put(w, "mail.");
		put(w, word(w));
		put(w, ".example");
		return;
	case POL_SCOPE_MAIL:
	case POL_SCOPE_RCPT:
		put_address(w);
		return;
	case POL_SCOPE_HEADER:
		put_headers(w);
		return;
	default:
		size = 500 + draw(w, 6000);
	}
	switch (draw(w, 4)) {
	case 0:
		put_base64(w, w->n + size);
		break;
	case 1:
		put_html(w, w->n + size);
		break;
	default:
		put_prose(w, w->n + size);
	}
}

int compile_corpus_init(struct compile_corpus *c, enum pol_scope scope, size_t bytes)
{
	struct writer w = {.cap = bytes + UNIT_MAX, .state = UINT64_C(0x9e3779b97f4a7c15) + scope};
	uint32_t room = 0;

	*c = (struct compile_corpus){0};
	w.p = malloc(w.cap);
	while (w.p != NULL && w.n < bytes) {
		if (c->n == room) {
			uint32_t *ends;

			room = room == 0 ? 64 : room * 2;
			ends = realloc(c->ends, room * sizeof(*ends));
			if (ends == NULL)
				break;
			c->ends = ends;
		}
		put_unit(&w, scope);
		c->ends[c->n++] = (uint32_t)w.n;
	}
	c->bytes = (uint8_t *)w.p;
	if (w.p == NULL || w.n < bytes) {
		compile_corpus_fini(c);
		return -ENOMEM;
	}
	return 0;
}

void compile_corpus_fini(struct compile_corpus *c)
{
	free(c->bytes);
	free(c->ends);
	*c = (struct compile_corpus){0};
}

struct span compile_corpus_unit(const struct compile_corpus *c, uint32_t i)
{
	uint32_t from = i == 0 ? 0 : c->ends[i - 1];

	return (struct span){.p = c->bytes + from, .n = c->ends[i] - from};
}

static int count_match(unsigned, unsigned long long, unsigned long long, unsigned, void *arg)
{
	++*(int *)arg;
	return 0;
}

int compile_scan(const hs_database_t *db, hs_scratch_t *scratch, struct span unit)
{
	hs_stream_t *stream = NULL;
	int matches = 0;

	if (hs_open_stream(db, 0, &stream) != HS_SUCCESS)
		return -EIO;
	for (size_t at = 0; at < unit.n; at += SEGMENT) {
		struct span seg = span_sub(unit, at, SEGMENT);

		if (hs_scan_stream(stream, (const char *)seg.p, (unsigned)seg.n, 0, scratch,
			    count_match, &matches) != HS_SUCCESS) {
			(void)hs_close_stream(stream, NULL, NULL, NULL); // it failed already
			return -EIO;
		}
	}
	if (hs_close_stream(stream, scratch, count_match, &matches) != HS_SUCCESS)
		return -EIO;
	return matches;
}
