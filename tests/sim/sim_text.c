// SPDX-License-Identifier: BSD-3-Clause
// Texts of messages: headers, lines of words, of dots, of nothing, long ones. See sim_text.h.
#include "sim_text.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 70000 };

bool text_has_token(const uint8_t *p, uint32_t n)
{
	return n >= strlen(TOKEN) && memmem(p, n, TOKEN, strlen(TOKEN)) != NULL;
}

static uint32_t put(uint8_t *to, uint32_t at, const char *text)
{
	size_t n = strlen(text);

	memcpy(to + at, text, n);
	return at + (uint32_t)n;
}

static uint32_t line(uint8_t *to, uint32_t at, struct dice *d, const char *eol)
{
	static const char *const odd[] = {"", ".", "..", "...", ".x", "x.", "DATA", "QUIT",
		"MAIL FROM:<x@y>", "250 ok", ". ", "From here", ".\t", "RSET", "BDAT 5 LAST"};
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz ,-=ABCD.\"";

	if (dice_is(d, 150)) {
		const char *text = odd[dice_below(d, sizeof(odd) / sizeof(odd[0]))];

		if (text[0] == '.')
			to[at++] = '.'; // stuffed
		at = put(to, at, text);
	} else {
		uint32_t n = dice_is(d, 20) ? dice_in(d, 900, 3000) : dice_in(d, 1, 76);

		for (uint32_t i = 0; i < n; i++) {
			uint8_t b = dice_is(d, 5)
				? (uint8_t)(128 + dice_below(d, 128))
				: (uint8_t)letters[dice_below(d, sizeof(letters) - 1)];

			if (i == 0 && b == '.')
				to[at++] = '.';
			to[at++] = b;
		}
	}
	return put(to, at, eol);
}

void text_make(struct sent_message *m, struct dice *d, bool lf)
{
	const char *eol = lf ? "\n" : "\r\n";
	uint32_t want = dice_is(d, 40) ? dice_in(d, 10000, 60000)
		: dice_is(d, 250)      ? dice_in(d, 1000, 8000)
				       : dice_in(d, 0, 700);
	uint8_t *t = malloc(TEXT_MAX + 8192);
	uint32_t n = 0;

	if (t == NULL)
		abort();
	m->spam = dice_is(d, 250);
	if (dice_is(d, 900)) {
		n = put(t, n, "From: a@client.example");
		n = put(t, n, eol);
		if (m->spam && dice_is(d, 200)) {
			n = put(t, n, "Subject: " TOKEN);
			n = put(t, n, eol);
		}
		n = put(t, n, eol);
	}
	while (n < want)
		n = line(t, n, d, eol);
	if (m->spam && !text_has_token(t, n)) {
		for (uint32_t i = dice_below(d, 12); i > 0; i--)
			t[n++] = 'x';
		n = put(t, n, "x" TOKEN);
		n = put(t, n, eol);
		if (dice_is(d, 500))
			n = line(t, n, d, eol);
	}
	m->text = t;
	m->n = n;
}
