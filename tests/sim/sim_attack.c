// SPDX-License-Identifier: BSD-3-Clause
// What hostile and odd clients send: messages whose end is in dispute, commands behind it, BDAT whose
// sizes lie, STARTTLS and AUTH with something behind them, lines that end in all ways, soup.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "sim_text.h"

struct brew {
	uint8_t b[6000];
	uint32_t n;
};

static void put(struct brew *w, const void *p, uint32_t n)
{
	if (w->n + n > sizeof(w->b))
		return;
	memcpy(w->b + w->n, p, n);
	w->n += n;
}

static void puts_(struct brew *w, const char *text)
{
	put(w, text, (uint32_t)strlen(text));
}

static const char *any(struct dice *d, const char *const *of, uint32_t n)
{
	return of[dice_below(d, n)];
}

static const char *eol(struct dice *d)
{
	static const char *const of[] = {"\n", "\r", "\r\r\n", "\r\n", "\n\r", "\r\n\r\n"};

	return dice_is(d, 700) ? "\r\n" : any(d, of, 6);
}

// A dot between two line ends of any make.
static void put_dot(struct brew *w, struct dice *d)
{
	static const struct {
		const char *p;
		uint8_t n;
	} ends[] = {{"\r\n", 2}, {"\n", 1}, {"\r", 1}, {"\r\r\n", 3}, {"\r\n\0", 3}, {"\0", 1},
		{"\n\r", 2}, {"\r\n\r", 3}, {"\n\0", 2}},
	  behind[] = {{"\r\n", 2}, {"\n", 1}, {"\r", 1}, {"\r\r\n", 3}, {"\0\r\n", 3}, {"\0", 1},
		  {"\0x\r\n", 4}, {"\0\n", 2}, {" \r\n", 3}};
	uint32_t i = dice_below(d, 9), k = dice_below(d, 9);

	put(w, ends[i].p, ends[i].n);
	puts_(w, dice_is(d, 900) ? "." : "..");
	put(w, behind[k].p, behind[k].n);
}

static void put_text(struct brew *w, struct dice *d, bool spam)
{
	static const char *const lines[] = {
		"hello", "X-Y: z", "", "one two three", "..", ".x", "x."};

	for (uint32_t i = dice_below(d, 5); i > 0; i--) {
		puts_(w, any(d, lines, 7));
		puts_(w, eol(d));
	}
	if (spam) {
		puts_(w, TOKEN);
		puts_(w, eol(d));
	}
}

static void put_envelope(struct brew *w, struct dice *d)
{
	const char *end = eol(d);

	puts_(w, "MAIL FROM:<e@v>");
	puts_(w, end);
	puts_(w, "RCPT TO:<r@mx.example>");
	puts_(w, end);
	puts_(w, dice_is(d, 800) ? "DATA" : dice_is(d, 500) ? "BDAT 60 LAST" : "data ");
	puts_(w, end);
}

static int add(struct conn *c, enum item_kind kind, const struct brew *w, bool waits)
{
	int i = client_add(&c->client, kind, w->b, w->n);

	if (i >= 0 && waits)
		c->client.item[i].wait_for = i - 1;
	return i;
}

static int line(struct conn *c, const char *text, bool waits)
{
	struct brew w = {.n = 0};

	puts_(&w, text);
	puts_(&w, "\r\n");
	return add(c, ITEM_COMMAND, &w, waits);
}

static void open_data(struct conn *c, bool waits)
{
	struct brew w = {.n = 0};

	(void)line(c, "MAIL FROM:<a@b>", waits);
	(void)line(c, "RCPT TO:<c@d>", waits);
	puts_(&w, "DATA\r\n");
	(void)add(c, ITEM_DATA, &w, waits);
}

static void smuggle(struct conn *c)
{
	struct dice *d = &c->sim->dice;
	struct brew w = {.n = 0};
	bool cut = dice_is(d, 500);

	open_data(c, dice_is(d, 800));
	put_text(&w, d, dice_is(d, 200));
	for (uint32_t i = dice_in(d, 1, 6); i > 0; i--) {
		put_dot(&w, d);
		if (cut && dice_is(d, 500)) {
			int at = add(c, ITEM_BODY, &w, w.n > 0 && dice_is(d, 700));

			if (at >= 0)
				c->client.item[at].silent = dice_is(d, 500);
			w.n = 0;
		}
		if (dice_is(d, 600))
			put_envelope(&w, d);
		put_text(&w, d, dice_is(d, 500));
	}
	puts_(&w, "\r\n.\r\n");
	(void)add(c, ITEM_BODY, &w, !cut);
}

static void behind_the_end(struct conn *c)
{
	struct dice *d = &c->sim->dice;
	struct brew w = {.n = 0};

	open_data(c, true);
	put_text(&w, d, dice_is(d, 300));
	puts_(&w, "x\r\n.\r\n");
	for (uint32_t i = dice_in(d, 1, 3); i > 0; i--) {
		put_envelope(&w, d);
		put_text(&w, d, dice_is(d, 600));
		puts_(&w, dice_is(d, 700) ? "\r\n.\r\n" : "\r\n.\n");
	}
	(void)add(c, ITEM_BODY, &w, true);
}

static void bdat(struct conn *c)
{
	static const char *const sizes[] = {"0", "1", "17", "60", "18446744073709551616",
		"18446744073709551617", "4294967297", "-1", "+5", "0x10", " 5", "5 5", "", "99999",
		"007"};
	struct dice *d = &c->sim->dice;
	char head[80];

	(void)line(c, "MAIL FROM:<a@b>", true);
	(void)line(c, "RCPT TO:<c@d>", true);
	for (uint32_t i = dice_in(d, 1, 5); i > 0; i--) {
		struct brew w = {.n = 0}, text = {.n = 0};

		put_text(&text, d, dice_is(d, 500));
		if (dice_is(d, 300))
			put_dot(&text, d);
		if (dice_is(d, 300))
			put_envelope(&text, d);
		if (dice_is(d, 500))
			(void)snprintf(head, sizeof(head), "BDAT %u%s", text.n + dice_below(d, 3),
				dice_is(d, 500) ? " LAST" : "");
		else
			(void)snprintf(head, sizeof(head), "%s %s%s",
				dice_is(d, 800) ? "BDAT" : "bdat\t", any(d, sizes, 15),
				dice_is(d, 400)           ? " LAST"
					: dice_is(d, 100) ? " last x"
							  : "");
		puts_(&w, head);
		puts_(&w, eol(d));
		put(&w, text.b, text.n);
		(void)add(c, ITEM_CHUNK, &w, dice_is(d, 500));
		if (dice_is(d, 200))
			(void)line(c, dice_is(d, 500) ? "RSET" : "DATA", dice_is(d, 500));
	}
}

static void odd_lines(struct conn *c)
{
	static const char *const verbs[] = {"NOOP", " NOOP", "\tMAIL FROM:<a@b>", "MAIL FROM:<a@b>",
		"RCPT TO:<c@d>", "DATA", "DATA x", " DATA", "DA\rTA", "RSET", "VRFY x", "HELP",
		"XEXCH50 30 2", "BURL imap://x LAST", "XCLIENT ADDR=1.2.3.4", "SEND FROM:<a@b>",
		"ETRN x", "TURN", "mail from:<a@b>", "ehlo again", "HELO", "EHLO", "DATA\r", "",
		"\r", ".", "AUTH LOGIN", "AUTH PLAIN AGEAYg==", "*", "QUIT x", "MAIL", "RCPT",
		"EXPN y", "STARTTLS"};
	struct dice *d = &c->sim->dice;
	bool waits = dice_is(d, 500);

	for (uint32_t i = dice_in(d, 3, 25); i > 0; i--) {
		struct brew w = {.n = 0};

		puts_(&w, any(d, verbs, sizeof(verbs) / sizeof(verbs[0])));
		if (dice_is(d, 100))
			put(&w, "\0", 1);
		if (dice_is(d, 30))
			while (w.n < 3000)
				puts_(&w, "longer ");
		puts_(&w, eol(d));
		if (dice_is(d, 300))
			put_text(&w, d, dice_is(d, 300));
		if (dice_is(d, 150))
			put_dot(&w, d);
		(void)add(c, ITEM_COMMAND, &w, waits);
	}
}

static void tls_games(struct conn *c)
{
	struct dice *d = &c->sim->dice;
	struct brew w = {.n = 0};

	puts_(&w, "STARTTLS\r\n");
	if (dice_is(d, 500)) // RFC 3207 5: what is sent with it must be thrown away
		put_envelope(&w, d);
	(void)add(c, ITEM_COMMAND, &w, true);
	w.n = 0;
	put_envelope(&w, d);
	put_text(&w, d, true);
	puts_(&w, "\r\n.\r\n");
	(void)add(c, ITEM_BODY, &w, dice_is(d, 800));
	open_data(c, dice_is(d, 500));
	(void)add(c, ITEM_BODY, &w, true);
}

static void soup(struct conn *c)
{
	static const char *const of[] = {"\r\n", "\r\n", "\n", "\r", ".", "\r\n.\r\n", "a", TOKEN,
		"MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n", "DATA\r\n", "BDAT 9\r\n", "RSET\r\n",
		"QUIT\r\n", " ", "EHLO x\r\n", "BDAT 20 LAST\r\n", "."};
	struct dice *d = &c->sim->dice;

	open_data(c, true);
	for (uint32_t k = dice_in(d, 1, 8); k > 0; k--) {
		struct brew w = {.n = 0};

		for (uint32_t i = dice_in(d, 1, 40); i > 0; i--) {
			if (dice_is(d, 50))
				put(&w, "\0", 1);
			else
				puts_(&w, any(d, of, sizeof(of) / sizeof(of[0])));
		}
		int at = add(c, ITEM_BODY, &w, dice_is(d, 300));
		if (at >= 0)
			c->client.item[at].silent = dice_is(d, 500);
	}
}

void attack_build(struct conn *c)
{
	static void (*const games[])(struct conn * c) = {
		smuggle, smuggle, behind_the_end, bdat, odd_lines, tls_games, soup};
	struct dice *d = &c->sim->dice;
	struct client *cl = &c->client;
	bool polite = dice_is(d, 900);

	sim_row(c->sim, ROW_SMUGGLED);
	(void)line(c, dice_is(d, 900) ? "EHLO evil.example" : "HELO evil.example", polite);
	for (uint32_t i = dice_in(d, 1, 3); i > 0 && cl->nitems < ITEMS_MAX - 60; i--)
		games[dice_below(d, sizeof(games) / sizeof(games[0]))](c);
	(void)line(c, "QUIT", true);
}
