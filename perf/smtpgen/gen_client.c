// SPDX-License-Identifier: BSD-3-Clause
// The client's end of a session: says what its plan says, and knows of each reply what it must be.
// Any other one is counted with the session's number, and the session is reset. Thread: one.
#include <string.h>

#include "gen_world.h"

enum stage { ST_GREETING, ST_EHLO, ST_LINES, ST_BODY, ST_QUIT, ST_OVER };

enum { REPLY_MAX = 256 }; // octets of a line; it is collected behind the end's other texts

static uint8_t *reply_room(struct gen_world *w, const struct gen_end *e)
{
	return w->corpus.octets + e->room + GEN_ROOM - REPLY_MAX;
}

static void wrong(struct gen_world *w, struct gen_end *e, enum gen_wrong kind, const uint8_t *text,
	uint32_t n)
{
	gen_report_wrong(&w->report, kind, e->talk.n, e->talk.m, e->talk.stage, text, n);
	w->report.ended++;
	gen_tcp_abort(w, e);
}

static bool begins(const uint8_t *p, uint32_t n, const char *with)
{
	size_t len = strlen(with);

	return n >= len && memcmp(p, with, len) == 0;
}

static void quit(struct gen_world *w, struct gen_end *e)
{
	e->talk.stage = ST_QUIT;
	gen_tcp_write(w, e, w->corpus.text[GEN_T_QUIT]);
}

static void mail_begin(struct gen_world *w, struct gen_end *e)
{
	struct gen_talk *t = &e->talk;

	gen_plan_mail(w->conf, &w->corpus, w->sizes, e->room, t->n, t->m, &t->plan, &t->mail);
	t->stage = ST_LINES;
	t->at = 0;
	for (unsigned i = 0; i < (t->plan.pipelining ? t->mail.nlines : 1u); i++)
		gen_tcp_write(w, e, t->mail.line[i]);
}

static const char *line_reply(const struct gen_mail *mail, unsigned at)
{
	if (at == 0)
		return "250 2.1.0 ";
	if (at + 1 == mail->nlines)
		return "354 ";
	return at == mail->unknown ? "550 5.1.1 " : "250 2.1.5 ";
}

// The last line of a reply in the stage of lines; false: not the expected one.
static bool line_answered(struct gen_world *w, struct gen_end *e, const uint8_t *p, uint32_t n)
{
	struct gen_talk *t = &e->talk;

	if (!begins(p, n, line_reply(&t->mail, t->at)))
		return false;
	if (++t->at < t->mail.nlines) {
		if (!t->plan.pipelining)
			gen_tcp_write(w, e, t->mail.line[t->at]);
		return true;
	}
	t->stage = ST_BODY;
	for (unsigned i = 0; i < t->mail.nbody; i++)
		gen_tcp_write(w, e, t->mail.body[i]);
	return true;
}

static bool body_answered(struct gen_world *w, struct gen_end *e, const uint8_t *p, uint32_t n)
{
	struct gen_talk *t = &e->talk;

	if (t->mail.spam) {
		if (!begins(p, n, "550 5.7.1 "))
			return false;
		w->report.condemned++;
		quit(w, e);
		return true;
	}
	struct gen_piece want = gen_plan_queued(&w->corpus, e->room, t->n, t->m);
	if (n != want.len || memcmp(p, gen_octets(&w->corpus, want), n) != 0)
		return false;
	if (t->accepted != t->m + 1) {
		wrong(w, e, GEN_W_LOST, p, n);
		return true;
	}
	w->report.accepted++;
	if (++t->m < t->plan.mails)
		mail_begin(w, e);
	else
		quit(w, e);
	return true;
}

static void ended_well(struct gen_world *w, struct gen_end *e)
{
	e->talk.stage = ST_OVER;
	e->talk.over = true;
	w->report.ended++;
	w->report.well++;
	w->report.refused += e->talk.plan.refused;
	gen_report_latency(&w->report, w->now_us - e->talk.start_us);
	gen_tcp_close(w, e);
}

// The last line of a reply; false: not the expected one.
static bool answered(struct gen_world *w, struct gen_end *e, const uint8_t *p, uint32_t n)
{
	struct gen_talk *t = &e->talk;

	switch (t->stage) {
	case ST_GREETING:
		if (!begins(p, n, t->plan.refused ? "554 " : "220 "))
			return false;
		if (t->plan.refused) {
			quit(w, e);
			return true;
		}
		t->stage = ST_EHLO;
		gen_tcp_write(w, e, gen_plan_ehlo(&w->corpus, e->room, t->n));
		return true;
	case ST_EHLO:
		if (!begins(p, n, "250 "))
			return false;
		mail_begin(w, e);
		return true;
	case ST_LINES:
		return line_answered(w, e, p, n);
	case ST_BODY:
		return body_answered(w, e, p, n);
	default:
		if (!begins(p, n, "221 "))
			return false;
		ended_well(w, e);
		return true;
	}
}

// One whole line. False: the end is closed.
static bool line_take(struct gen_world *w, struct gen_end *e, const uint8_t *p, uint32_t n)
{
	struct gen_talk *t = &e->talk;

	if (t->over) {
		gen_report_wrong(&w->report, GEN_W_EXTRA, t->n, t->m, t->stage, p, n);
		gen_tcp_abort(w, e);
		return false;
	}
	// Only EHLO's reply has several lines.
	if (t->stage == ST_EHLO && begins(p, n, "250-"))
		return true;
	if (n < 2 || p[n - 2] != '\r' || !answered(w, e, p, n)) {
		wrong(w, e, GEN_W_REPLY, p, n);
		return false;
	}
	if (e->tcp.state == GEN_CLOSED)
		return false;
	if (t->plan.abort_at != 0 && !t->over && ++t->replies == t->plan.abort_at) {
		w->report.aborted++;
		w->report.ended++;
		gen_tcp_abort(w, e);
		return false;
	}
	return true;
}

static void client_data(struct gen_world *w, struct gen_end *e, const uint8_t *p, uint32_t n)
{
	uint8_t *room = reply_room(w, e);

	while (n > 0) {
		const uint8_t *lf = memchr(p, '\n', n);
		uint32_t k = lf == NULL ? n : (uint32_t)(lf - p) + 1, have = e->talk.pos;

		if (have + k > REPLY_MAX) {
			wrong(w, e, GEN_W_REPLY, p, n);
			return;
		}
		if (lf == NULL || have > 0) {
			memcpy(room + have, p, k);
			e->talk.pos = have + k;
		}
		if (lf != NULL) {
			e->talk.pos = 0;
			if (!line_take(w, e, have > 0 ? room : p, have + k))
				return;
		}
		p += k;
		n -= k;
	}
}

static void client_open(struct gen_world *, struct gen_end *) {}

static void client_fin(struct gen_world *w, struct gen_end *e)
{
	if (!e->talk.over)
		wrong(w, e, GEN_W_CLOSED, NULL, 0);
}

static void client_gone(struct gen_world *w, struct gen_end *e, enum gen_gone how)
{
	struct gen_talk *t = &e->talk;

	if (t->over) {
		w->report.late_resets += how == GEN_GONE_RESET;
		return;
	}
	w->report.ended++;
	gen_report_wrong(&w->report, how == GEN_GONE_RESET ? GEN_W_RESET : GEN_W_NO_ANSWER, t->n,
		t->m, t->stage, NULL, 0);
}

const struct gen_app gen_client_app = {
	.open = client_open, .data = client_data, .fin = client_fin, .gone = client_gone};

void gen_client_begin(struct gen_world *w, struct gen_end *e, uint64_t n)
{
	struct gen_talk *t = &e->talk;
	struct gen_plan plan = t->plan;

	*t = (struct gen_talk){.n = n, .start_us = w->now_us, .plan = plan};
	w->report.begun++;
	gen_tcp_connect(w, e);
}
