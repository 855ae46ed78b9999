// SPDX-License-Identifier: BSD-3-Clause
// An SMTP client at work: sends its script, reads replies, ends. See sim_client.h.
#include "sim_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim.h"

enum { LONG_WRITES = 500 }; // an item is written by so many writes at most, about

int client_add(struct client *cl, enum item_kind kind, const void *text, uint32_t n)
{
	struct item *it = &cl->item[cl->nitems];

	if (cl->nitems == ITEMS_MAX)
		return -1;
	*it = (struct item){.kind = kind, .n = n, .wait_for = -1, .need = -1, .message = -1};
	it->text = malloc(n + 1);
	if (it->text == NULL)
		abort();
	if (n > 0)
		memcpy(it->text, text, n);
	return cl->nitems++;
}

int client_addf(struct client *cl, enum item_kind kind, const char *format, ...)
{
	char text[600];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return client_add(cl, kind, text, n < (int)sizeof(text) ? (uint32_t)n : sizeof(text) - 1);
}

void client_fini(struct client *cl)
{
	for (int i = 0; i < cl->nitems; i++)
		free(cl->item[i].text);
	for (unsigned i = 0; i < cl->nmessages; i++)
		free(cl->message[i].text);
}

void client_begin(struct conn *c)
{
	struct client *cl = &c->client;
	int greeting = client_add(cl, ITEM_GREETING, "", 0);

	cl->item[greeting].sent = true;
	cl->expect[cl->nexpect++] = greeting;
	cl->next = 1;
	cl->heard_at = c->sim->now;
	if (c->kind == KIND_ATTACK || c->kind == KIND_ODD) {
		attack_build(c);
		cl->built = true;
		return;
	}
	int ehlo = client_addf(
		cl, ITEM_EHLO, "EHLO client.example%s", c->kind == KIND_BARE_LF ? "\n" : "\r\n");
	cl->item[ehlo].wait_for = greeting;
	cl->item[ehlo].need = greeting;
	cl->item[ehlo].need_code = 2;
}

enum client_phase client_phase(const struct client *cl)
{
	if (cl->item[0].code == 0)
		return PHASE_GREETING;
	if (cl->next < cl->nitems && cl->off > 0 && cl->item[cl->next].kind == ITEM_BODY)
		return PHASE_BODY;
	for (int i = 0; i < cl->nexpect; i++) {
		if (cl->item[cl->expect[i]].kind == ITEM_BODY)
			return PHASE_END;
		if (cl->item[cl->expect[i]].kind == ITEM_DATA)
			return PHASE_DATA;
	}
	return PHASE_COMMAND;
}

// ---- replies

static void keyword_note(struct client *cl, const char *word)
{
	cl->offers_chunking |= strcasecmp(word, "CHUNKING") == 0;
	cl->offers_tls |= strcasecmp(word, "STARTTLS") == 0;
	cl->offers_auth |= strncasecmp(word, "AUTH ", 5) == 0;
	cl->offers_pipelining |= strcasecmp(word, "PIPELINING") == 0;
}

static void on_reply_line(struct conn *c)
{
	struct client *cl = &c->client;
	int code, i;

	cl->line[cl->nline] = '\0';
	while (cl->nline > 0 &&
		(cl->line[cl->nline - 1] == '\r' || cl->line[cl->nline - 1] == '\n'))
		cl->line[--cl->nline] = '\0';
	bool own = strstr(cl->line, "mw-") != NULL || strstr(cl->line, "5.5.2 Line end") != NULL ||
		strstr(cl->line, " 4.7.") != NULL || strstr(cl->line, "2.0.0 Bye") != NULL;
	if (own) {
		cl->own_reply = true;
		(void)snprintf(cl->own_text, sizeof(cl->own_text), "%.100s", cl->line);
	}
	if (cl->nexpect > 0 && cl->item[cl->expect[0]].kind == ITEM_EHLO && cl->nline > 4)
		keyword_note(cl, cl->line + 4);
	if (cl->nline < 3 || cl->line[3] == '-')
		return;
	code = (cl->line[0] - '0') * 100 + (cl->line[1] - '0') * 10 + (cl->line[2] - '0');
	cl->replies++;
	sim_note(c->sim, "%u client hears %.60s", c->index, cl->line);
	if (code == 421) {
		cl->got_421 = true;
		cl->closing = true;
	}
	if (cl->nexpect == 0) {
		cl->unsolicited++;
		return;
	}
	i = cl->expect[0];
	memmove(cl->expect, cl->expect + 1, (size_t)--cl->nexpect * sizeof(cl->expect[0]));
	cl->item[i].code = code;
	cl->item[i].own = own;
	cl->item[i].heard_at = c->sim->now;
	if (cl->item[i].kind == ITEM_QUIT)
		cl->closing = true;
	if (cl->item[i].kind == ITEM_EHLO && !cl->built) {
		script_build(c);
		cl->built = true;
	}
	if (cl->item[i].kind == ITEM_GREETING && code >= 400 && !cl->built) {
		cl->built = true;
		cl->item[client_addf(cl, ITEM_QUIT, "QUIT\r\n")].wait_for = 0;
	}
}

static void hear(struct conn *c)
{
	struct client *cl = &c->client;
	struct tcp_end *e = &c->end[CLIENT];
	const uint8_t *p;
	uint32_t n = tcp_readable(e, &p);

	if (n == 0 || c->sim->now < cl->stop_until)
		return;
	if (dice_is(&c->sim->dice, cl->conf.stop)) {
		cl->stop_until = c->sim->now + cl->conf.stop_us;
		return;
	}
	cl->heard_at = c->sim->now;
	if (cl->tls_on)
		cl->tls_got += n;
	for (uint32_t i = 0; i < n && !cl->tls_on; i++) {
		if (cl->nline < REPLY_LINE - 1)
			cl->line[cl->nline++] = (char)p[i];
		if (p[i] == '\n') {
			on_reply_line(c);
			cl->nline = 0;
		}
	}
	tcp_take(e, c->sim->now, n);
}

// ---- what it sends

// 1: may be written, 0: waits, -1: is left out.
static int item_ready(const struct client *cl, const struct item *it)
{
	if (it->wait_for >= 0 && cl->item[it->wait_for].code == 0 &&
		!cl->item[it->wait_for].skipped)
		return 0;
	if (it->need < 0)
		return 1;
	const struct item *n = &cl->item[it->need];
	if (n->skipped)
		return -1;
	if (n->code == 0)
		return 0;
	return (it->need_code < 10 ? n->code / 100 : n->code) == it->need_code ? 1 : -1;
}

static void end_note(struct conn *c, const struct item *it)
{
	struct client *cl = &c->client;

	if (it->kind != ITEM_BODY || it->message < 0)
		return;
	struct sent_message *m = &cl->message[it->message];
	uint32_t tail = c->kind == KIND_BARE_LF ? 3 : 5;
	if (it->n >= tail) {
		m->end_at = c->end[CLIENT].out_n + it->n - tail;
		m->end_known = true;
	}
}

static void leave(struct conn *c)
{
	struct client *cl = &c->client;
	struct tcp_end *e = &c->end[CLIENT];

	sim_note(c->sim, "%u client leaves", c->index);
	sim_row(c->sim, (enum sim_row)(ROW_GONE_GREETING + client_phase(cl)));
	cl->left = cl->done = true;
	if (cl->conf.leaves_silently)
		tcp_end_as(e, GONE_ABORTED);
	else if (dice_is(&c->sim->dice, 500))
		tcp_abort(e, c->sim->now);
	else
		tcp_close(e, c->sim->now);
}

static void speak(struct conn *c)
{
	struct client *cl = &c->client;
	struct tcp_end *e = &c->end[CLIENT];
	static uint8_t buf[1 << 18];
	uint32_t max = cl->conf.chunk == 0 ? sizeof(buf) : cl->conf.chunk, n = 0;
	bool leaves = false;

	if (cl->closing || e->state != TCP_OPEN || c->sim->now < cl->write_at)
		return;
	if (client_phase(cl) == PHASE_GREETING && dice_is(&c->sim->dice, cl->conf.leave / 4)) {
		leave(c);
		return;
	}
	while (cl->next < cl->nitems && n < max) {
		struct item *it = &cl->item[cl->next];
		int ready = item_ready(cl, it);
		uint32_t some;

		if (ready == 0)
			break;
		if (ready < 0) {
			it->skipped = true;
			cl->next++;
			continue;
		}
		if (cl->off == 0 && n == 0)
			end_note(c, it);
		else if (cl->off == 0 && it->kind == ITEM_BODY)
			break;                   // a write of its own, so that its place is known
		if (cl->off == 0 && !it->silent) // a chunk may be refused before it is sent
			cl->expect[cl->nexpect++] = cl->next;
		if (cl->conf.chunk > 0 && max < it->n / LONG_WRITES)
			max = it->n / LONG_WRITES;
		some = it->n - cl->off < max - n ? it->n - cl->off : max - n;
		leaves = it->kind == ITEM_BODY && dice_is(&c->sim->dice, cl->conf.leave);
		if (leaves)
			some = dice_below(&c->sim->dice, some);
		memcpy(buf + n, it->text + cl->off, some);
		n += some;
		cl->off += some;
		if (cl->off < it->n || leaves)
			break;
		it->sent = true;
		cl->tls_on |= it->kind == ITEM_TLS;
		cl->off = 0;
		cl->next++;
	}
	if (n > 0)
		tcp_write(e, c->sim->now, buf, n);
	if (n > 0)
		cl->write_at = c->sim->now + cl->conf.gap_us;
	if (leaves || (n > 0 && dice_is(&c->sim->dice, cl->conf.leave)))
		leave(c);
}

static bool all_said(const struct client *cl)
{
	return cl->built && cl->next == cl->nitems && cl->nexpect == 0;
}

void client_poll(struct conn *c)
{
	struct client *cl = &c->client;
	struct tcp_end *e = &c->end[CLIENT];
	const uint8_t *p;

	if (e->gone != GONE_NOT) {
		cl->done = true;
		return;
	}
	if (e->state != TCP_OPEN && e->state != TCP_SYN_SENT)
		return;
	hear(c);
	if (cl->done)
		return;
	for (unsigned i = 0; i < 4; i++)
		speak(c);
	if (cl->done)
		return;
	bool finished = cl->closing || all_said(cl) || (e->fin_got && tcp_readable(e, &p) == 0) ||
		(cl->tls_on && cl->tls_got >= SERVER_TLS_BYTES);
	if (!finished && c->sim->now - cl->heard_at > cl->conf.patience_us) {
		cl->gave_up = true;
		finished = true;
	}
	if (finished) {
		sim_note(c->sim, "%u client closes%s", c->index,
			cl->gave_up ? ", out of patience" : "");
		cl->done = true;
		if (cl->gave_up)
			tcp_abort(e, c->sim->now);
		else
			tcp_close(e, c->sim->now);
	}
}

uint64_t client_deadline(const struct conn *c)
{
	const struct client *cl = &c->client;
	uint64_t at = cl->heard_at + cl->conf.patience_us + 1;
	const uint8_t *p;

	if (cl->stop_until > c->sim->now && tcp_readable(&c->end[CLIENT], &p) > 0)
		at = at < cl->stop_until ? at : cl->stop_until;
	if (cl->done)
		return cl->stop_until > c->sim->now ? cl->stop_until : TCP_NEVER;
	if (cl->write_at > c->sim->now && cl->write_at < at && cl->next < cl->nitems)
		at = cl->write_at;
	return at;
}
