// SPDX-License-Identifier: BSD-3-Clause
// An SMTP server at work: see sim_server.h. It reads byte by byte, the plainest way there is.
#include "sim_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim.h"

enum { IDLE_US = 1500000000 };

// What ends a message for one server or another: LINE END, dot, LINE END, as they were found.
static const struct {
	const char *text;
	uint8_t n, dot; // bytes; where what is not stored begins
} forms[SERVER_FORMS] = {
	{"\r\n.\r\n", 5, 2},
	{"\n.\n", 3, 1},
	{"\n.\r\n", 4, 1},
	{"\r\n.\n", 4, 2},
	{"\r.\r", 3, 1},
	{"\r.\n", 3, 1},
	{"\n.\r", 3, 1},
	{"\r.\r\n", 4, 1},
	{"\r\n.\r", 4, 2},
	{"\r\n\0.\r\n", 6, 2},
	{"\r\n.\0\r\n", 6, 2},
	{"\r\n.\r\r\n", 6, 2},
	{"\r\r\n.\r\r\n", 7, 3},
	{"\r\n\r.\r\n", 6, 3},
};

// Bits 0..9 are harmless, 10..19 must be hidden where content is read, 20.. nobody knows.
const char *const server_keywords[SERVER_KEYWORDS] = {"PIPELINING", "SIZE 10240000", "8BITMIME",
	"ENHANCEDSTATUSCODES", "DSN", "SMTPUTF8", "HELP", "AUTH PLAIN LOGIN", "STARTTLS",
	"CHUNKING", "BINARYMIME", "XCLIENT NAME ADDR", "BURL imap", "CHECKPOINT", "XEXCH50",
	"X-EXPS GSSAPI", "X-ANONYMOUSTLS", "AUTH=LOGIN PLAIN", "atrn", "XFORWARD NAME", "XYZZY",
	"FOO=BAR", "X-VENDOR 2", "xxx", "QQ-X", "XONE", "X2=3", "XTHREE four", "five", "SIX", "X7",
	"XEIGHT 9", "zZ", "VRFY", "ETRN", "NO-SOLICITING"};

static void say(struct conn *c, const char *text)
{
	struct server *sv = &c->server;
	uint32_t n = (uint32_t)strlen(text);

	if (sv->nsay + n > sv->say_max) {
		sv->say_max = (sv->nsay + n) * 2;
		sv->say = realloc(sv->say, sv->say_max);
		if (sv->say == NULL)
			abort();
	}
	memcpy(sv->say + sv->nsay, text, n);
	sv->nsay += n;
}

static void said(struct conn *c, int code)
{
	struct server *sv = &c->server;
	struct said *s = &sv->said[sv->nsaid];

	if (sv->nsaid == SERVER_SAID)
		return;
	memcpy(s->line, sv->asked, sizeof(s->line));
	s->code = code;
	s->at = c->sim->now;
	sv->nsaid++;
}

static void reply(struct conn *c, int code, const char *text)
{
	struct server *sv = &c->server;
	struct dice *d = &c->sim->dice;
	char line[200];

	said(c, code);
	if (dice_is(d, 100))
		(void)snprintf(
			line, sizeof(line), "%d-first of two\r\n%d %s\r\n", code, code, text);
	else
		(void)snprintf(line, sizeof(line), "%d %s\r\n", code, text);
	say(c, line);
	if (dice_is(d, sv->conf.wild)) {
		static const char *const others[] = {"250 ok\r\n", "354 go on\r\n", "500 what\r\n",
			"220 again\r\n", "250-half a reply\r\n", "junk\r\n", "421 bye\r\n", "25",
			"\r\n", "334 \r\n", "250 bare\n", "550\r\n"};

		say(c, others[dice_below(d, sizeof(others) / sizeof(others[0]))]);
	}
	sv->busy_until = c->sim->now + sv->conf.delay_us;
}

void server_begin(struct conn *c)
{
	struct server *sv = &c->server;

	sv->busy_until = c->sim->now + sv->conf.greet_us;
	sv->heard_at = sv->busy_until;
}

void server_fini(struct server *sv)
{
	for (unsigned i = 0; i < sv->nstored; i++)
		free(sv->stored[i].text);
	free(sv->data);
	free(sv->say);
}

static void data_put(struct server *sv, uint8_t byte)
{
	if (sv->ndata == sv->data_max) {
		sv->data_max = sv->data_max * 2 + 1024;
		sv->data = realloc(sv->data, sv->data_max);
		if (sv->data == NULL)
			abort();
	}
	sv->data[sv->ndata++] = byte;
}

static void store(struct conn *c, const uint8_t *text, uint32_t n, int form)
{
	struct server *sv = &c->server;

	if (dice_is(&c->sim->dice, sv->conf.refuse)) {
		sv->nrefused++;
		reply(c, dice_is(&c->sim->dice, 500) ? 451 : 554, "not this message");
		return;
	}
	if (sv->nstored < SERVER_STORED) {
		struct stored *st = &sv->stored[sv->nstored++];

		st->text = malloc(n + 1);
		if (st->text == NULL)
			abort();
		memcpy(st->text, text, n);
		st->n = n;
		st->bdat = form < 0;
		st->form = form;
	}
	sim_note(c->sim, "%u server stores %u bytes, end form %d", c->index, n, form);
	reply(c, 250, "2.0.0 queued");
}

// Does the message end here for this server? The line end before its first byte counts.
static bool data_ends(const struct server *sv, int *form, uint32_t *keep)
{
	for (int f = 0; f < SERVER_FORMS; f++) {
		uint32_t n = forms[f].n, pre = forms[f].dot;
		bool start = sv->ndata == n - pre; // all but the first line end lies in the data

		if (!(sv->conf.ends >> f & 1))
			continue;
		if (sv->ndata >= n && memcmp(sv->data + sv->ndata - n, forms[f].text, n) == 0) {
			*keep = sv->ndata - n + pre;
			*form = f;
			return true;
		}
		if (start && memcmp(sv->data, forms[f].text + pre, n - pre) == 0 &&
			(pre == 2 || pre == 1)) {
			*keep = 0;
			*form = f;
			return true;
		}
	}
	return false;
}

static void ehlo(struct conn *c)
{
	struct server *sv = &c->server;
	char line[100];
	uint32_t from = c->end[SERVER].out_n + sv->nsay - sv->say_at;
	int last = -1;

	said(c, 250);
	for (int k = 0; k < SERVER_KEYWORDS; k++)
		if (sv->conf.keywords >> k & 1)
			last = k;
	say(c, last < 0 ? "250 mx.example\r\n" : "250-mx.example\r\n");
	for (int k = 0; k <= last; k++) {
		if (!(sv->conf.keywords >> k & 1))
			continue;
		(void)snprintf(line, sizeof(line), "250%c%s\r\n", k == last ? ' ' : '-',
			server_keywords[k]);
		say(c, line);
	}
	if (sv->nehlos < SERVER_EHLOS) {
		sv->ehlo[sv->nehlos].from = from;
		sv->ehlo[sv->nehlos++].to = c->end[SERVER].out_n + sv->nsay - sv->say_at;
	}
	sv->busy_until = c->sim->now + sv->conf.delay_us;
}

static void bdat(struct conn *c, const char *args)
{
	struct server *sv = &c->server;
	char *end;

	sv->chunk_left = strtoull(args, &end, 10);
	sv->last_chunk = strcasestr(end, "LAST") != NULL;
	sv->chunk_bad = !sv->mail || sv->rcpts == 0 || end == args;
	if (end == args) {
		reply(c, 501, "size");
		return;
	}
	if (!sv->chunked)
		sv->ndata = 0;
	sv->chunked = true;
	sv->at = AT_CHUNK;
}

static bool is_verb(const char *line, const char *verb)
{
	size_t n = strlen(verb);

	return strncasecmp(line, verb, n) == 0 &&
		(line[n] == '\0' || line[n] == ' ' || line[n] == ':');
}

static void transaction_ends(struct server *sv)
{
	sv->mail = sv->chunked = false;
	sv->rcpts = 0;
}

static void leave(struct conn *c)
{
	struct server *sv = &c->server;
	struct dice *d = &c->sim->dice;

	sim_note(c->sim, "%u server leaves", c->index);
	sim_row(c->sim, (enum sim_row)(ROW_GONE_GREETING + client_phase(&c->client)));
	sv->left = sv->closing = true;
	if (dice_is(d, 300))
		tcp_abort(&c->end[SERVER], c->sim->now);
	else if (dice_is(d, 500))
		say(c, "421 4.3.2 shutting down\r\n");
}

static void on_command(struct conn *c, const char *line)
{
	struct server *sv = &c->server;
	struct dice *d = &c->sim->dice;

	sim_note(c->sim, "%u server reads %.60s", c->index, line);
	sv->commands++;
	(void)snprintf(sv->asked, sizeof(sv->asked), "%.39s", line);
	if (dice_is(d, sv->conf.leave)) {
		leave(c);
		return;
	}
	bool refuse = dice_is(d, sv->conf.refuse);
	int bad = dice_is(d, 500) ? 451 : 550;

	if (is_verb(line, "QUIT")) {
		said(c, 221);
		say(c, "221 2.0.0 bye now\r\n");
		sv->closing = true;
	} else if (is_verb(line, "EHLO")) {
		transaction_ends(sv);
		ehlo(c);
	} else if (is_verb(line, "HELO")) {
		transaction_ends(sv);
		reply(c, 250, "mx.example");
	} else if (is_verb(line, "MAIL")) {
		bool ok = !sv->mail && !refuse;

		sv->mail |= ok;
		reply(c, ok ? 250 : sv->mail ? 503 : bad, "mail");
	} else if (is_verb(line, "RCPT")) {
		bool ok = sv->mail && !refuse;

		sv->rcpts += ok;
		reply(c, ok ? 250 : sv->mail ? bad : 503, "rcpt");
	} else if (is_verb(line, "DATA")) {
		bool ok = sv->mail && sv->rcpts > 0 && !refuse && !sv->chunked;

		if (ok) {
			sv->at = AT_DATA;
			sv->ndata = 0;
		}
		reply(c, ok ? 354 : sv->rcpts > 0 ? bad : 503, "data");
	} else if (is_verb(line, "BDAT") && (sv->conf.keywords >> 9 & 1)) {
		bdat(c, line + 4);
	} else if (is_verb(line, "RSET")) {
		refuse = refuse && c->kind >= KIND_ODD; // RFC 5321 4.3.2: an honest one says 250
		if (!refuse)
			transaction_ends(sv);
		reply(c, refuse ? bad : 250, "reset");
	} else if (is_verb(line, "STARTTLS") && (sv->conf.keywords >> 8 & 1)) {
		reply(c, refuse ? 454 : 220, "go ahead");
		if (!refuse)
			sv->at = AT_TLS;
	} else if (is_verb(line, "AUTH") && (sv->conf.keywords >> 7 & 1)) {
		bool whole =
			strchr(line + 4, ' ') != NULL && strchr(strchr(line + 4, ' ') + 1, ' ');

		reply(c, whole ? (refuse ? 535 : 235) : 334, "");
		if (!whole)
			sv->at = AT_AUTH;
	} else if (is_verb(line, "NOOP") || is_verb(line, "HELP") || is_verb(line, "VRFY")) {
		reply(c, 250, "fine");
	} else {
		reply(c, sv->conf.junk_ok ? 250 : 500, "unknown");
	}
}

static void on_line(struct conn *c)
{
	struct server *sv = &c->server;
	char *line = sv->line;

	sv->line[sv->nline] = '\0';
	sv->nline = 0;
	if (sv->conf.skips_blanks)
		while (*line == ' ' || *line == '\t')
			line++;
	if (sv->at == AT_AUTH) {
		sv->at = AT_COMMAND;
		(void)snprintf(sv->asked, sizeof(sv->asked), "%.39s", line);
		reply(c, line[0] == '*' ? 501 : 235, "auth");
	} else {
		on_command(c, line);
	}
}

static void line_byte(struct conn *c, uint8_t byte)
{
	struct server *sv = &c->server;
	bool rest = sv->after_cr && byte == '\n';

	sv->after_cr = false;
	if (rest)
		return;
	if (byte == '\n' && (sv->cr_last || sv->conf.lf_ends)) {
		bool doubled = sv->cr_last && sv->conf.cr_ends;

		sv->cr_last = false;
		if (!doubled)
			on_line(c);
		return;
	}
	if (sv->cr_last && !sv->conf.cr_ends && sv->nline < SERVER_LINE - 1)
		sv->line[sv->nline++] = '\r';
	sv->cr_last = byte == '\r';
	if (sv->cr_last) {
		if (sv->conf.cr_ends)
			on_line(c);
		return;
	}
	if (byte == '\0' && sv->conf.drops_nul)
		return;
	if (sv->nline < SERVER_LINE - 1)
		sv->line[sv->nline++] = (char)byte;
}

static void chunk_byte(struct conn *c, uint8_t byte, bool has)
{
	struct server *sv = &c->server;

	if (has) {
		data_put(sv, byte);
		sv->chunk_left--;
	}
	if (sv->chunk_left > 0)
		return;
	sv->at = AT_COMMAND;
	if (sv->chunk_bad) {
		sv->ndata = 0;
		reply(c, 503, "no transaction");
		return;
	}
	if (!sv->last_chunk) {
		reply(c, 250, "chunk");
		return;
	}
	store(c, sv->data, sv->ndata, -1);
	transaction_ends(sv);
}

static void take_byte(struct conn *c, uint8_t byte)
{
	struct server *sv = &c->server;
	uint32_t keep;
	int form;

	switch (sv->at) {
	case AT_TLS:
		if (sv->tls_got++ == 511) {
			for (unsigned i = 0; i < SERVER_TLS_BYTES / 7; i++)
				say(c, "\1\2.\r\nxy");
			sv->closing = true;
		}
		return;
	case AT_DATA:
		data_put(sv, byte);
		if (data_ends(sv, &form, &keep)) {
			sv->at = AT_COMMAND;
			sv->cr_last = false;
			sv->after_cr = byte == '\r'; // whose LF belongs to it
			(void)snprintf(sv->asked, sizeof(sv->asked), ".");
			store(c, sv->data, keep, form);
			transaction_ends(sv);
		}
		return;
	case AT_CHUNK:
		if (!sv->cr_last || byte != '\n') // that LF ended the command
			chunk_byte(c, byte, true);
		sv->cr_last = false;
		return;
	default:
		line_byte(c, byte);
	}
	if (sv->at == AT_CHUNK && sv->chunk_left == 0) // BDAT 0
		chunk_byte(c, 0, false);
}

static void greet(struct conn *c)
{
	struct server *sv = &c->server;
	char line[80];

	for (unsigned i = 1; i < sv->conf.banner_lines; i++) {
		(void)snprintf(
			line, sizeof(line), "%u-mx.example line %u\r\n", sv->conf.greeting, i);
		say(c, line);
	}
	(void)snprintf(line, sizeof(line), "%u mx.example ESMTP\r\n", sv->conf.greeting);
	say(c, line);
	sv->at = AT_COMMAND;
	if (sv->conf.greeting == 421)
		sv->closing = true;
}

static void speak(struct conn *c)
{
	struct server *sv = &c->server;
	uint32_t n = sv->nsay - sv->say_at;

	if (n == 0 || c->sim->now < sv->write_at || c->sim->now < sv->busy_until)
		return;
	if (sv->conf.chunk > 0 && n > sv->conf.chunk)
		n = sv->conf.chunk;
	tcp_write(&c->end[SERVER], c->sim->now, sv->say + sv->say_at, n);
	sv->say_at += n;
	if (sv->say_at == sv->nsay)
		sv->say_at = sv->nsay = 0;
	sv->write_at = c->sim->now + sv->conf.gap_us;
}

void server_poll(struct conn *c)
{
	struct server *sv = &c->server;
	struct tcp_end *e = &c->end[SERVER];
	const uint8_t *p;
	uint32_t n, i;

	if (e->state != TCP_OPEN || e->gone != GONE_NOT)
		return;
	if (sv->at == AT_GREETING && c->sim->now >= sv->busy_until)
		greet(c);
	speak(c);
	if (sv->closing) {
		if (sv->nsay == 0 && !e->fin_wanted)
			tcp_close(e, c->sim->now);
		n = tcp_readable(e, &p);
		tcp_take(e, c->sim->now, n);
		return;
	}
	n = tcp_readable(e, &p);
	if (n > 0)
		sv->heard_at = c->sim->now;
	if (sv->at != AT_GREETING && c->sim->now - sv->heard_at >= IDLE_US && !sv->closing) {
		sim_note(c->sim, "%u server closes: nothing comes", c->index);
		sv->closing = true;
		tcp_close(e, c->sim->now);
		return;
	}
	if (n > 0 && c->sim->now >= sv->stop_until && dice_is(&c->sim->dice, sv->conf.stop))
		sv->stop_until = c->sim->now + sv->conf.stop_us;
	if (sv->at == AT_GREETING || c->sim->now < sv->stop_until)
		return;
	for (i = 0; i < n && !sv->closing && c->sim->now >= sv->busy_until; i++) {
		if (sv->at == AT_DATA && sv->conf.leave > 0 && dice_is(&c->sim->dice, 2))
			leave(c);
		else
			take_byte(c, p[i]);
	}
	if (e->gone != GONE_NOT)
		return;
	tcp_take(e, c->sim->now, i);
	speak(c);
	if (e->fin_got && tcp_readable(e, &p) == 0 && !sv->closing) {
		sv->closing = true;
		if (sv->nsay == 0)
			tcp_close(e, c->sim->now);
	}
}

uint64_t server_deadline(const struct conn *c)
{
	const struct server *sv = &c->server;
	uint64_t now = c->sim->now, at = TCP_NEVER;
	const uint8_t *p;
	bool unread = tcp_readable(&c->end[SERVER], &p) > 0;

	if (c->end[SERVER].state != TCP_OPEN)
		return at;
	if (sv->busy_until > now && (sv->at == AT_GREETING || unread || sv->nsay > 0))
		at = sv->busy_until;
	if (sv->write_at > now && sv->nsay > 0 && sv->write_at < at)
		at = sv->write_at;
	if (sv->stop_until > now && unread && sv->stop_until < at)
		at = sv->stop_until;
	if (sv->at != AT_GREETING && !sv->closing && sv->heard_at + IDLE_US < at)
		at = sv->heard_at + IDLE_US;
	return at;
}
