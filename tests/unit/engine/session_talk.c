// SPDX-License-Identifier: BSD-3-Clause
// What the stories of several files share: see session_talk.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "session_talk.h"

void client_sends(struct conn *c, uint32_t ahead, const char *text)
{
	struct end *e = &c->end[CLIENT];

	segment(c, CLIENT, DATA, e->nxt + ahead, e->rcv, text, strlen(text));
	settle();
}

void client_went(struct conn *c, const char *text)
{
	c->end[CLIENT].nxt += (uint32_t)strlen(text);
}

void forget_words(struct conn *c)
{
	hears_begin(c, CLIENT, "");
	hears_begin(c, SERVER, "");
}

void greets_with(struct conn *c, const char *ehlo_reply)
{
	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER, ehlo_reply);
}

struct conn *opened_with(const char *source, const char *ehlo_reply)
{
	static uint16_t port = 2000;
	struct conn *c = dial(source, port++);

	greets_with(c, ehlo_reply);
	hears(c, SERVER, "EHLO me\r\n");
	hears_begin(c, CLIENT, "220 mx\r\n250");
	return c;
}

void passes(struct conn *c, const char *command, const char *reply)
{
	says(c, CLIENT, command);
	hears(c, SERVER, command);
	says(c, SERVER, reply);
	hears(c, CLIENT, reply);
}

void ends_like_friends(struct conn *c)
{
	forget_words(c);
	passes(c, "QUIT\r\n", "221 bye\r\n");
	hangs_up(c, SERVER);
	assert_true(c->end[CLIENT].fin_got);
	hangs_up(c, CLIENT);
	assert_true(c->end[SERVER].fin_got);
	assert_false(c->end[CLIENT].reset || c->end[SERVER].reset);
}

bool server_has(const struct conn *c, const char *text)
{
	const struct end *e = &c->end[SERVER];
	uint32_t n = e->rcv - c->end[CLIENT].isn - 1;

	return memmem(e->bytes, n, text, strlen(text)) != NULL;
}

void nobody_was_reset(const struct conn *c)
{
	assert_false(c->end[CLIENT].reset || c->end[CLIENT].rst_odd);
	assert_false(c->end[SERVER].reset || c->end[SERVER].rst_odd);
}
