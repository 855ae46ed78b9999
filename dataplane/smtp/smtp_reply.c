// SPDX-License-Identifier: BSD-3-Clause
// The server's side: reply lines, EHLO keywords, and what a final reply does to the session
// (RFC 5321 4.2, 4.1.1.1): which command it answers, and which mode and transaction follow.
// Replies come in the order of the commands, one for one; anything else is a DESYNC.
// Thread: the owner of the session.

#include "smtp_int.h"

#include <strings.h>

bool smtp_reply_parse(struct span body, struct smtp_reply *r)
{
	uint16_t code = 0;

	if (body.n < 3)
		return false;
	for (size_t i = 0; i < 3; i++) {
		if (body.p[i] < '0' || body.p[i] > '9')
			return false;
		code = (uint16_t)(code * 10 + (body.p[i] - '0'));
	}
	if (code < 200 || code > 599)
		return false;
	uint8_t sep = body.n > 3 ? body.p[3] : ' ';

	if (sep != ' ' && sep != '\t' && sep != '-')
		return false;
	*r = (struct smtp_reply){.code = code, .last = sep != '-', .text = span_from(body, 4)};
	return true;
}

#define EXTENSION(name, ext)                \
	{                                   \
		name, sizeof(name) - 1, ext \
	}
static const struct {
	char name[12];
	uint8_t len;
	uint8_t ext;
} extensions[] = {
	EXTENSION("PIPELINING", SMTP_EXT_PIPELINING),
	EXTENSION("CHUNKING", SMTP_EXT_CHUNKING),
	EXTENSION("STARTTLS", SMTP_EXT_STARTTLS),
	EXTENSION("AUTH", SMTP_EXT_AUTH),
	EXTENSION("8BITMIME", SMTP_EXT_8BITMIME),
	EXTENSION("SMTPUTF8", SMTP_EXT_SMTPUTF8),
	EXTENSION("SIZE", SMTP_EXT_SIZE),
	EXTENSION("BINARYMIME", SMTP_EXT_BINARYMIME),
};

uint16_t smtp_reply_extension(struct span text)
{
	size_t n = 0;

	// "AUTH=LOGIN" is the form of old servers and for old clients.
	while (n < text.n && text.p[n] != ' ' && text.p[n] != '\t' && text.p[n] != '=')
		n++;
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		if (n == extensions[i].len &&
			strncasecmp((const char *)text.p, extensions[i].name, n) == 0)
			return extensions[i].ext;
	return 0;
}

static bool is_positive(uint16_t code)
{
	return code / 100 == 2;
}

// What an accepted or refused command means for the transaction.
static void transaction_update(struct smtp *s, enum smtp_verb v, uint16_t code)
{
	bool ok = is_positive(code);

	if (!ok && (s->trans & SMTP_T_BDAT) != 0) // between chunks whatever is refused ends them
		s->trans |= SMTP_T_FAILED;
	switch (v) {
	case SMTP_VERB_HELO:
	case SMTP_VERB_EHLO:
		if (ok)
			s->trans = (s->trans & SMTP_T_AUTH) | SMTP_T_HELO;
		break;
	case SMTP_VERB_MAIL:
	case SMTP_VERB_SEND:
	case SMTP_VERB_SOML:
	case SMTP_VERB_SAML:
		if (ok)
			s->trans = (s->trans & SMTP_T_SESSION) | SMTP_T_MAIL;
		break;
	case SMTP_VERB_RCPT:
		if (ok)
			s->trans |= SMTP_T_RCPT;
		break;
	case SMTP_VERB_DATA:
		s->trans |= SMTP_T_DATA;
		break;
	case SMTP_VERB_BDAT:
		s->trans |= ok ? SMTP_T_BDAT : SMTP_T_BDAT | SMTP_T_FAILED;
		break;
	case SMTP_VERB_RSET:
		if (ok)
			s->trans &= SMTP_T_SESSION;
		break;
	case SMTP_VERB_MESSAGE:
		s->trans &= SMTP_T_SESSION;
		break;
	case SMTP_VERB_AUTH:
		if (ok)
			s->trans |= SMTP_T_AUTH;
		break;
	case SMTP_VERB_XCLIENT:
		if (ok) {
			s->trans = 0;
			s->offered = 0;
		}
		break;
	default:
		break;
	}
}

// The oldest pending command has its reply.
static void pending_pop(struct smtp *s, enum smtp_verb v, uint16_t code)
{
	transaction_update(s, v, code);
	smtp_pending_drop(s);
}

// 354 to DATA and 334 to AUTH go on; no other command has such an answer.
static enum smtp_desync reply_go_on(
	struct smtp *s, enum smtp_verb v, size_t len, struct smtp_out *o)
{
	if (v == SMTP_VERB_DATA && s->reply_code == 354) {
		pending_pop(s, v, 354);
		smtp_data_begin(s);
		s->mode = SMTP_MODE_DATA;
		(void)smtp_out_add(o, SMTP_EV_DATA_BEGIN, SMTP_SERVER, 0, len);
		return SMTP_DESYNC_NONE;
	}
	if (v == SMTP_VERB_AUTH && s->reply_code == 334) {
		s->mode = SMTP_MODE_AUTH;
		s->gate = false;
		return SMTP_DESYNC_NONE;
	}
	return SMTP_DESYNC_DATA_REPLY;
}

// A reply while a chunk's octets flow and its BDAT is the only one that can be meant. A refusal
// is usual (Exim says 503 at once and reads the chunk away); acceptance of what is not there yet
// is not.
static enum smtp_desync reply_in_chunk(struct smtp *s, enum smtp_verb v)
{
	if (s->mode != SMTP_MODE_CHUNK || s->pending_count != 1 ||
		(v != SMTP_VERB_BDAT && v != SMTP_VERB_MESSAGE))
		return SMTP_DESYNC_NONE;
	if (is_positive(s->reply_code))
		return SMTP_DESYNC_REPLY_IN_DATA;
	if (v == SMTP_VERB_MESSAGE)
		s->chunk_skip = SMTP_SKIP_SILENT;
	return SMTP_DESYNC_NONE;
}

static enum smtp_desync reply_to_command(struct smtp *s, size_t len, struct smtp_out *o)
{
	enum smtp_verb v = s->reply_verb;

	if (s->reply_code / 100 == 3)
		return reply_go_on(s, v, len, o);
	if (v == SMTP_VERB_DATA && is_positive(s->reply_code))
		return SMTP_DESYNC_DATA_REPLY;
	enum smtp_desync why = reply_in_chunk(s, v);

	if (why != SMTP_DESYNC_NONE)
		return why;
	pending_pop(s, v, s->reply_code);
	if (v == SMTP_VERB_AUTH) {
		s->mode = SMTP_MODE_COMMAND;
		struct smtp_event *e = smtp_out_add(o, SMTP_EV_AUTH, SMTP_SERVER, 0, len);

		e->verb = SMTP_VERB_AUTH;
		e->code = s->reply_code;
	} else if (v == SMTP_VERB_STARTTLS && is_positive(s->reply_code)) {
		s->mode = SMTP_MODE_OPAQUE;
		s->offered = 0;
		(void)smtp_out_add(o, SMTP_EV_TLS, SMTP_SERVER, 0, len);
	}
	return SMTP_DESYNC_NONE;
}

// The last line of a reply was read: what does it answer?
static enum smtp_desync reply_finish(struct smtp *s, size_t len, struct smtp_out *o)
{
	s->reply_open = false;
	if (!s->greeted) {
		s->greeted = true;
		return s->reply_code / 100 == 3 ? SMTP_DESYNC_REPLY_UNEXPECTED : SMTP_DESYNC_NONE;
	}
	if (s->reply_in_data) {
		if (s->reply_code == 421)
			return SMTP_DESYNC_NONE;
		if (s->reply_code / 100 == 3 || !smtp_data_resume(s))
			return SMTP_DESYNC_REPLY_IN_DATA;
		return SMTP_DESYNC_NONE;
	}
	if (s->reply_verb != SMTP_VERB_NONE)
		return reply_to_command(s, len, o);
	if (s->reply_code == 421) // the server may say so at any time (RFC 5321 3.8)
		return SMTP_DESYNC_NONE;
	return s->mode == SMTP_MODE_CHUNK ? SMTP_DESYNC_REPLY_IN_DATA
					  : SMTP_DESYNC_REPLY_UNEXPECTED;
}

// The first line of a reply settles what it answers: commands sent while its later lines are
// still on their way can't be meant.
static void reply_begin(struct smtp *s, uint16_t code)
{
	s->reply_open = true;
	s->reply_code = code;
	s->reply_count = 0;
	s->reply_verb = SMTP_VERB_NONE;
	s->reply_in_data = s->greeted && s->mode == SMTP_MODE_DATA;
	if (s->reply_in_data)
		s->reply_verb = code == 421 ? SMTP_VERB_NONE : SMTP_VERB_MESSAGE;
	else if (s->greeted && s->pending_count > 0 && !smtp_pending_is_withdrawn(s))
		s->reply_verb = s->pending[s->pending_head];
	if ((s->reply_verb == SMTP_VERB_EHLO || s->reply_verb == SMTP_VERB_HELO) &&
		is_positive(code))
		s->offered = 0;
}

static void reply_event(struct smtp *s, enum smtp_ev kind, const struct smtp_line *line,
	const struct smtp_reply *r, struct smtp_out *o)
{
	struct smtp_event *e = smtp_out_add(o, kind, SMTP_SERVER, 0, line->len);

	e->code = r->code;
	e->verb = s->reply_verb;
	e->flags = line->flags;
	if (r->code != 334) // an AUTH challenge is as secret as its response
		e->text = r->text;
}

size_t smtp_reply_step(struct smtp *s, struct span in, struct smtp_out *o)
{
	struct smtp_line line;
	struct smtp_reply r;

	switch (smtp_line_find(in, s->limits.reply_max, &s->scanned[SMTP_SERVER], &line)) {
	case SMTP_FOUND_PART:
		return 0;
	case SMTP_FOUND_TOO_LONG:
		smtp_out_desync(o, s, SMTP_SERVER, SMTP_DESYNC_LINE_TOO_LONG, s->limits.reply_max);
		return 0;
	case SMTP_FOUND_LINE:
		break;
	}
	if (!smtp_reply_parse(line.body, &r) || (s->reply_open && r.code != s->reply_code) ||
		(s->reply_open && s->reply_count >= s->limits.reply_lines)) {
		smtp_out_desync(o, s, SMTP_SERVER, SMTP_DESYNC_REPLY_SYNTAX, line.len);
		return 0;
	}
	if (!s->reply_open)
		reply_begin(s, r.code);
	s->reply_count++;
	if (s->reply_verb == SMTP_VERB_EHLO && is_positive(r.code) && s->reply_count > 1) {
		s->offered |= smtp_reply_extension(r.text) & (uint16_t)~s->masked;
		reply_event(s, SMTP_EV_KEYWORD, &line, &r, o);
	}
	reply_event(s, r.last ? SMTP_EV_REPLY : SMTP_EV_REPLY_LINE, &line, &r, o);
	if (r.last) {
		enum smtp_desync why = reply_finish(s, line.len, o);

		if (why != SMTP_DESYNC_NONE)
			smtp_out_desync(o, s, SMTP_SERVER, why, line.len);
	}
	return line.len;
}
