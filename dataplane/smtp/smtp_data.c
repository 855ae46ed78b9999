// SPDX-License-Identifier: BSD-3-Clause
// Message bytes: DATA up to its strict end (RFC 5321 4.1.1.4), BDAT chunks by octet count
// (RFC 3030). Bytes are told as they come, stuffed dots taken out of DATA's. Behind a possible
// end they are told line by line, each with the verb that a server which ended the message there
// would read, so that the caller can judge it before it leaves; should such a server answer, the
// session goes on from there.
// Thread: the owner of the session.

#include "smtp_int.h"

enum { SUSPECT_LINE_MAX = 4096 }; // longer ones are no command anywhere

void smtp_data_begin(struct smtp *s)
{
	s->line_state = smtp_eod_start;
	s->possible_ends = 0;
	s->suspect = SMTP_SUSPECT_NO;
	s->guessed = 0;
	s->guess_lost = false;
	s->octets = 0;
	s->scanned[SMTP_CLIENT] = 0;
}

static void text_event(struct smtp *s, size_t off, size_t len, struct span text, struct smtp_out *o)
{
	if (text.n == 0)
		return;
	smtp_out_add(o, SMTP_EV_DATA, SMTP_CLIENT, off, len)->text = text;
	s->octets += text.n;
}

static void possible_end(struct smtp *s, size_t off, struct smtp_out *o)
{
	if (s->possible_ends < UINT8_MAX)
		s->possible_ends++;
	s->suspect = SMTP_SUSPECT_LINE;
	s->scanned[SMTP_CLIENT] = 0;
	smtp_out_add(o, SMTP_EV_POSSIBLE_END, SMTP_CLIENT, off, 0)->count = s->possible_ends;
}

static void strict_end(struct smtp *s, size_t off, struct smtp_out *o)
{
	smtp_out_add(o, SMTP_EV_DATA_END, SMTP_CLIENT, off, 0)->octets = s->octets;
	s->mode = SMTP_MODE_COMMAND;
	s->suspect = SMTP_SUSPECT_NO;
	s->scanned[SMTP_CLIENT] = 0;
	smtp_pending_push(s, SMTP_VERB_MESSAGE);
	s->gate = true;
}

static void end_event(struct smtp *s, enum smtp_end end, size_t off, struct smtp_out *o)
{
	if (end == SMTP_END_POSSIBLE)
		possible_end(s, off, o);
	else if (end == SMTP_END_STRICT)
		strict_end(s, off, o);
}

// Remembers what a line would have been as a command. A server that takes bare CR for a line end
// counts the lines otherwise than one that doesn't: then it can't be told.
static void guess_add(struct smtp *s, enum smtp_verb v, struct span line_end)
{
	bool certain = line_end.p[0] == '\n' || (line_end.n == 2 && line_end.p[1] == '\n');

	if (!certain || s->guessed == SMTP_PAIR_MAX) {
		s->guess_lost = true;
		return;
	}
	s->pending[s->guessed++] = (uint8_t)v;
}

// Bytes of the line end at the start of `in`: CR+ LF? | LF. 0 where more has to come.
static size_t line_end_len(struct span in)
{
	size_t n = 0;

	while (n < in.n && n < SMTP_EOD_RUN_MAX && in.p[n] == '\r')
		n++;
	if (n == SMTP_EOD_RUN_MAX)
		return n;
	if (n == in.n)
		return 0;
	return in.p[n] == '\n' ? n + 1 : n;
}

// Behind a possible end, the part of a line that is too long to be held: its first bytes with
// their verb, what follows as plain data.
static size_t suspect_long(struct smtp *s, struct span piece, struct smtp_out *o)
{
	struct span text = piece;
	struct smtp_event *e;

	if (s->suspect == SMTP_SUSPECT_REST) {
		text_event(s, 0, piece.n, text, o);
	} else {
		if (smtp_eod_is_line_start(s->line_state) && piece.p[0] == '.')
			text = span_from(piece, 1);
		e = smtp_out_add(o, SMTP_EV_DATA_LINE, SMTP_CLIENT, 0, piece.n);
		e->verb = (uint8_t)smtp_command_guess(piece);
		e->flags = smtp_line_of(piece).flags & (uint16_t)~SMTP_LINE_BARE_LF;
		e->text = text;
		s->octets += text.n;
		s->guess_lost = true;
	}
	s->suspect = SMTP_SUSPECT_REST;
	s->scanned[SMTP_CLIENT] = 0;
	(void)smtp_eod_line(&s->line_state, piece); // no line end in it, so no end
	return piece.n;
}

// Behind a possible end: one whole line.
static size_t suspect_line(struct smtp *s, struct span line, size_t body, struct smtp_out *o)
{
	bool stuffed = smtp_eod_is_line_start(s->line_state) && line.p[0] == '.';
	enum smtp_end end = smtp_eod_line(&s->line_state, line);
	enum smtp_verb verb = smtp_command_guess(line);
	struct span text = span_from(line, stuffed ? 1 : 0);

	if (end != SMTP_END_STRICT && s->suspect == SMTP_SUSPECT_REST) {
		text_event(s, 0, line.n, text, o);
	} else if (end != SMTP_END_STRICT) {
		struct smtp_event *e = smtp_out_add(o, SMTP_EV_DATA_LINE, SMTP_CLIENT, 0, line.n);

		e->verb = (uint8_t)verb;
		e->flags = smtp_line_of(line).flags;
		e->text = text;
		s->octets += text.n;
		guess_add(s, verb, span_from(line, body));
	}
	s->suspect = SMTP_SUSPECT_LINE;
	s->scanned[SMTP_CLIENT] = 0;
	end_event(s, end, line.n, o);
	return line.n;
}

static size_t suspect_step(struct smtp *s, struct span in, struct smtp_out *o)
{
	uint16_t *scanned = &s->scanned[SMTP_CLIENT];
	bool rest = s->suspect == SMTP_SUSPECT_REST;
	struct span window = rest ? in : span_sub(in, 0, SUSPECT_LINE_MAX);
	size_t body = smtp_line_break(window, *scanned <= window.n ? *scanned : 0);

	if (rest && body > 0)
		return suspect_long(s, span_sub(in, 0, body), o);
	if (body == SUSPECT_LINE_MAX)
		return suspect_long(s, window, o);
	*scanned = (uint16_t)body;
	size_t end = line_end_len(span_from(in, body));

	return end == 0 ? 0 : suspect_line(s, span_sub(in, 0, body + end), body, o);
}

size_t smtp_data_step(struct smtp *s, struct span in, struct smtp_out *o)
{
	if (s->suspect != SMTP_SUSPECT_NO)
		return suspect_step(s, in, o);
	struct smtp_eod_piece piece = smtp_eod_read(&s->line_state, in);

	text_event(s, piece.text.n > 0 ? (size_t)(piece.text.p - in.p) : 0, piece.text.n,
		piece.text, o);
	end_event(s, piece.end, piece.used, o);
	return piece.used;
}

bool smtp_data_resume(struct smtp *s)
{
	if (s->suspect != SMTP_SUSPECT_LINE || s->possible_ends != 1 || s->guess_lost)
		return false;
	s->mode = SMTP_MODE_COMMAND;
	s->suspect = SMTP_SUSPECT_NO;
	s->scanned[SMTP_CLIENT] = 0;
	s->pending_head = 0;
	s->pending_count = s->guessed;
	s->gate = s->guessed > 0;
	s->trans &= SMTP_T_SESSION;
	s->sent = s->trans;
	s->utf8 = false;
	return true;
}

// ---- chunks

static void chunk_end(struct smtp *s, size_t off, struct smtp_out *o)
{
	s->mode = SMTP_MODE_COMMAND;
	s->scanned[SMTP_CLIENT] = 0;
	if (s->chunk_skip != SMTP_SKIP_NO)
		return;
	// Exim takes what follows a chunk that it refuses for commands up to RSET, so it waits.
	s->gate = s->pending_count > 0;
	if (s->chunk_last)
		smtp_out_add(o, SMTP_EV_DATA_END, SMTP_CLIENT, off, 0)->octets = s->octets;
}

void smtp_chunk_begin(struct smtp *s, const struct smtp_command *c, size_t len, struct smtp_out *o)
{
	struct smtp_event *e = smtp_out_add(o, SMTP_EV_CHUNK, SMTP_CLIENT, 0, len);

	e->octets = c->octets;
	e->flags = c->last ? SMTP_EV_F_LAST : 0;
	s->mode = SMTP_MODE_CHUNK;
	s->chunk_left = c->octets;
	s->chunk_last = c->last;
	s->chunk_skip = SMTP_SKIP_NO;
	if (s->chunk_left == 0)
		chunk_end(s, len, o);
}

size_t smtp_chunk_step(struct smtp *s, struct span in, struct smtp_out *o)
{
	struct span piece = span_sub(in, 0, in.n < s->chunk_left ? in.n : (size_t)s->chunk_left);

	if (s->chunk_skip == SMTP_SKIP_NO)
		text_event(s, 0, piece.n, piece, o);
	else if (s->chunk_skip == SMTP_SKIP_TOLD)
		(void)smtp_out_add(o, SMTP_EV_SKIP, SMTP_CLIENT, 0, piece.n);
	s->chunk_left -= piece.n;
	if (s->chunk_left == 0)
		chunk_end(s, piece.n, o);
	return piece.n;
}
