// SPDX-License-Identifier: BSD-3-Clause
// The server's end of a session. EHLO's name tells it the session, and so every octet that must come;
// what it reads is compared with that as it comes. Other octets, and the end of a message that should
// have been stopped, are counted as wrong. Thread: one.
#include <string.h>

#include "gen_world.h"

enum stage { ST_EHLO, ST_LINES, ST_BODY, ST_BYE };

static void wrong(struct gen_world *w, struct gen_end *e, enum gen_wrong kind, const uint8_t *text,
	uint32_t n)
{
	gen_report_wrong(&w->report, kind, e->talk.n, e->talk.m, e->talk.stage, text, n);
}

static void wrong_octets(struct gen_world *w, struct gen_end *e, const uint8_t *p, uint32_t n)
{
	wrong(w, e, GEN_W_OCTETS, p, n);
	gen_tcp_abort(w, e);
}

static void server_open(struct gen_world *w, struct gen_end *e)
{
	gen_tcp_write(w, e, w->corpus.text[GEN_T_GREETING]);
}

static void mail_begin(struct gen_world *w, struct gen_end *e)
{
	struct gen_talk *t = &e->talk;

	t->stage = ST_LINES;
	t->at = 0;
	t->pos = 0;
	// Behind the last message only QUIT comes.
	if (t->m < t->plan.mails)
		gen_plan_mail(
			w->conf, &w->corpus, w->sizes, e->room, t->n, t->m, &t->plan, &t->mail);
	else
		t->mail.nlines = 0;
}

// "EHLO c<number>.example.com": the number, or UINT64_MAX.
static uint64_t number_read(const uint8_t *p)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < GEN_EHLO_DIGITS; i++) {
		const uint8_t c = p[GEN_EHLO_DIGITS_AT + i];

		if (c >= '0' && c <= '9')
			n = n << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			n = n << 4 | (uint64_t)(c - 'a' + 10);
		else
			return UINT64_MAX;
	}
	return n;
}

// Octets of EHLO. Returns how many were taken; 0: the end is closed.
static uint32_t ehlo_take(struct gen_world *w, struct gen_end *e, const uint8_t *p, uint32_t n)
{
	struct gen_talk *t = &e->talk;
	uint8_t *room = w->corpus.octets + e->room, came[GEN_EHLO_LEN];
	uint32_t k = GEN_EHLO_LEN - t->pos < n ? GEN_EHLO_LEN - t->pos : n;

	memcpy(room + t->pos, p, k);
	t->pos += k;
	if (t->pos < GEN_EHLO_LEN)
		return k;
	memcpy(came, room, sizeof(came));
	t->n = number_read(came);
	(void)gen_plan_ehlo(&w->corpus, e->room, t->n);
	if (t->n >= w->next_n || memcmp(came, room, sizeof(came)) != 0) {
		wrong_octets(w, e, came, sizeof(came));
		return 0;
	}
	gen_plan_session(w->conf, t->n, &t->plan);
	t->known = true;
	gen_tcp_write(w, e, w->corpus.text[GEN_T_EHLO_REPLY]);
	mail_begin(w, e);
	return k;
}

// Compares with the octets that must come next; returns how many of them came, 0: others.
static uint32_t match(const struct gen_world *w, const struct gen_talk *t, struct gen_piece want,
	const uint8_t *p, uint32_t n)
{
	uint32_t k = want.len - t->pos < n ? want.len - t->pos : n;

	return memcmp(gen_octets(&w->corpus, want) + t->pos, p, k) == 0 ? k : 0;
}

static void line_reply(struct gen_world *w, struct gen_end *e)
{
	struct gen_talk *t = &e->talk;
	enum gen_text text = GEN_T_OK_RCPT;

	if (t->at == 0)
		text = GEN_T_OK_MAIL;
	else if (t->at + 1 == t->mail.nlines)
		text = GEN_T_START;
	else if (t->at == t->mail.unknown)
		text = GEN_T_NO_RCPT;
	gen_tcp_write(w, e, w->corpus.text[text]);
	t->pos = 0;
	if (++t->at == t->mail.nlines) {
		t->stage = ST_BODY;
		t->at = 0;
	}
}

static uint32_t line_take(struct gen_world *w, struct gen_end *e, const uint8_t *p, uint32_t n)
{
	struct gen_talk *t = &e->talk;
	bool quits = t->mail.nlines == 0;
	struct gen_piece want = quits ? w->corpus.text[GEN_T_QUIT] : t->mail.line[t->at];
	uint32_t k = match(w, t, want, p, n);

	if (k == 0) {
		wrong_octets(w, e, p, n);
		return 0;
	}
	t->pos += k;
	if (t->pos < want.len)
		return k;
	if (!quits) {
		line_reply(w, e);
		return k;
	}
	t->stage = ST_BYE;
	t->over = true;
	gen_tcp_write(w, e, w->corpus.text[GEN_T_BYE]);
	gen_tcp_close(w, e);
	return k;
}

// The end of data came.
static void message_take(struct gen_world *w, struct gen_end *e)
{
	struct gen_talk *t = &e->talk;
	struct gen_end *client = gen_world_client(w, t->n);

	if (t->mail.spam)
		wrong(w, e, GEN_W_SPAM_ACCEPTED, NULL, 0);
	if (client != NULL && client->talk.accepted != t->m)
		wrong(w, e, GEN_W_TWICE, NULL, 0);
	if (client != NULL)
		client->talk.accepted++;
	gen_tcp_write(w, e, gen_plan_queued(&w->corpus, e->room, t->n, t->m));
	t->m++;
	mail_begin(w, e);
}

static uint32_t body_take(struct gen_world *w, struct gen_end *e, const uint8_t *p, uint32_t n)
{
	struct gen_talk *t = &e->talk;
	struct gen_piece want = t->mail.body[t->at];
	uint32_t k = match(w, t, want, p, n);

	if (k == 0) {
		wrong_octets(w, e, p, n);
		return 0;
	}
	t->pos += k;
	if (t->pos < want.len)
		return k;
	t->pos = 0;
	if (++t->at == t->mail.nbody)
		message_take(w, e);
	return k;
}

static void server_data(struct gen_world *w, struct gen_end *e, const uint8_t *p, uint32_t n)
{
	while (n > 0) {
		uint32_t k = 0;

		switch (e->talk.stage) {
		case ST_EHLO:
			k = ehlo_take(w, e, p, n);
			break;
		case ST_LINES:
			k = line_take(w, e, p, n);
			break;
		case ST_BODY:
			k = body_take(w, e, p, n);
			break;
		default:
			wrong_octets(w, e, p, n);
			break;
		}
		if (k == 0)
			return;
		p += k;
		n -= k;
	}
}

static void server_fin(struct gen_world *w, struct gen_end *e)
{
	gen_tcp_close(w, e);
}

static void server_gone(struct gen_world *w, struct gen_end *e, enum gen_gone)
{
	w->report.servers_left += !e->talk.over;
}

const struct gen_app gen_server_app = {
	.open = server_open, .data = server_data, .fin = server_fin, .gone = server_gone};

void gen_server_begin(struct gen_world *, struct gen_end *e)
{
	e->talk = (struct gen_talk){.stage = ST_EHLO};
}
