// SPDX-License-Identifier: BSD-3-Clause
// What an honest client sends: its transactions, by what the EHLO reply offers, and their texts. Dots
// are stuffed (RFC 5321 4.5.2), commands are grouped as RFC 2920 allows.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "sim_text.h"

static int command(struct conn *c, const char *text, int wait_for)
{
	const char *eol = c->kind == KIND_BARE_LF ? "\n" : "\r\n";
	int i = client_addf(&c->client, ITEM_COMMAND, "%s%s", text, eol);

	c->client.item[i].wait_for = wait_for;
	return i;
}

static int last_item(const struct client *cl)
{
	return cl->nitems - 1;
}

// What the next item waits for: with PIPELINING mostly nothing.
static int after(struct conn *c, bool pipelines)
{
	return pipelines ? -1 : last_item(&c->client);
}

static void chunks(struct conn *c, unsigned message, int rcpt)
{
	struct client *cl = &c->client;
	struct dice *d = &c->sim->dice;
	const struct sent_message *m = &cl->message[message];
	bool pipelines = cl->conf.pipelines && cl->offers_pipelining;
	uint32_t at = 0;

	while (at < m->n || at == 0) {
		uint32_t some = dice_is(d, 500) ? m->n - at : dice_in(d, 0, m->n - at);
		bool last = at + some == m->n && dice_is(d, 800);
		char head[60];
		uint8_t *text;
		int i, n;

		if (cl->nitems > ITEMS_MAX - 40) {
			some = m->n - at;
			last = true;
		}
		n = snprintf(head, sizeof(head), "BDAT %u%s\r\n", some, last ? " LAST" : "");
		text = malloc((size_t)n + some + 1);
		memcpy(text, head, (size_t)n);
		memcpy(text + n, m->text + at, some);
		i = client_add(cl, ITEM_CHUNK, text, (uint32_t)n + some);
		free(text);
		cl->item[i].wait_for = pipelines ? -1 : i - 1;
		cl->item[i].need = pipelines ? -1 : rcpt;
		cl->item[i].need_code = 2;
		cl->item[i].message = (int)message;
		at += some;
		if (last) {
			cl->message[message].last = i;
			return;
		}
		if (at == m->n) {
			i = client_addf(cl, ITEM_CHUNK, "BDAT 0 LAST\r\n");
			cl->item[i].wait_for = i - 1;
			cl->item[i].need = rcpt;
			cl->item[i].need_code = 2;
			cl->message[message].last = i;
			return;
		}
	}
}

static void data(struct conn *c, unsigned message)
{
	struct client *cl = &c->client;
	const struct sent_message *m = &cl->message[message];
	bool lf = c->kind == KIND_BARE_LF, pipelines = cl->conf.pipelines && cl->offers_pipelining;
	int i = client_addf(cl, ITEM_DATA, "DATA%s", lf ? "\n" : "\r\n"), body;
	uint8_t *text = malloc(m->n + 4);

	cl->item[i].wait_for = pipelines ? -1 : i - 1;
	memcpy(text, m->text, m->n);
	memcpy(text + m->n, lf ? ".\n" : ".\r\n", lf ? 2 : 3);
	body = client_add(cl, ITEM_BODY, text, m->n + (lf ? 2 : 3));
	free(text);
	cl->item[body].wait_for = i;
	cl->item[body].need = i;
	cl->item[body].need_code = 354;
	cl->item[body].message = (int)message;
	cl->message[message].last = body;
}

static void transaction(struct conn *c, unsigned message)
{
	struct client *cl = &c->client;
	struct dice *d = &c->sim->dice;
	bool pipelines = cl->conf.pipelines && cl->offers_pipelining;
	bool bdat = cl->conf.wants_chunks && cl->offers_chunking && c->kind == KIND_HONEST;
	char line[100];
	unsigned rcpts = cl->conf.many_recipients && cl->nitems < ITEMS_MAX / 3 ? dice_in(d, 3, 20)
									       : dice_in(d, 1, 3);
	int rcpt = -1;

	if (message > 0 && (cl->conf.resets || bdat)) // RFC 3030 4.2
		(void)command(c, "RSET", after(c, pipelines));
	(void)snprintf(line, sizeof(line), "MAIL FROM:<a%u@client.example>", message);
	(void)command(c, line, after(c, pipelines && message > 0));
	for (unsigned i = rcpts; i > 0; i--) {
		(void)snprintf(line, sizeof(line), "RCPT TO:<r%u@mx.example>", i);
		int item = command(c, line, after(c, pipelines));
		if (rcpt < 0 || !cl->conf.many_recipients) // of many the last ones may be too many
			rcpt = item;
	}
	text_make(&cl->message[message], d, c->kind == KIND_BARE_LF);
	cl->nmessages = message + 1;
	if (bdat)
		chunks(c, message, rcpt);
	else
		data(c, message);
}

static void begin_tls(struct conn *c)
{
	struct client *cl = &c->client;
	uint8_t hello[512] = {22, 3, 1, 1, 250, 1};
	int i = command(c, "STARTTLS", last_item(cl)), tls;

	for (unsigned k = 6; k < sizeof(hello); k++)
		hello[k] = (uint8_t)dice_next(&c->sim->dice);
	tls = client_add(cl, ITEM_TLS, hello, sizeof(hello));
	cl->item[tls].wait_for = i;
	cl->item[tls].need = i;
	cl->item[tls].need_code = 2;
	cl->item[tls].silent = true;
}

void script_build(struct conn *c)
{
	struct client *cl = &c->client;
	int quit;

	if (cl->conf.tls && cl->offers_tls) {
		begin_tls(c);
		return;
	}
	if (cl->conf.auth && cl->offers_auth) {
		int i = command(c,
			dice_is(&c->sim->dice, 500) ? "AUTH PLAIN AGEAYg==" : "AUTH LOGIN",
			last_item(cl));
		int answer = command(c, "AGEAYg==", i);

		cl->item[answer].need = i;
		cl->item[answer].need_code = 334;
	}
	for (unsigned m = 0; m < cl->conf.messages; m++)
		transaction(c, m);
	quit = client_addf(cl, ITEM_QUIT, "QUIT%s", c->kind == KIND_BARE_LF ? "\n" : "\r\n");
	cl->item[quit].wait_for =
		cl->conf.pipelines && cl->offers_pipelining && cl->conf.resets ? -1 : quit - 1;
}
