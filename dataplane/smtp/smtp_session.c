// SPDX-License-Identifier: BSD-3-Clause
// The session: which machine reads the next byte, which commands owe a reply, and where the
// client's bytes have to wait (RFC 5321 4.1.4, RFC 2920 3.1). Commands are paired with replies
// through a ring of verbs; the gate is shut while bytes behind it could mean one thing or another
// depending on a reply that has not come.
// Leaves to others: what a line or a reply means (smtp_command, smtp_reply), message bytes
// (smtp_data), every judgement.
// Thread: the owner of the session.

#include "smtp_int.h"

struct smtp_event *smtp_out_add(
	struct smtp_out *o, enum smtp_ev kind, enum smtp_side side, size_t off, size_t len)
{
	struct smtp_event *e = &o->ev[o->count++];

	*e = (struct smtp_event){
		.kind = (uint8_t)kind,
		.side = (uint8_t)side,
		.off = (uint32_t)(o->base + off),
		.len = (uint32_t)len,
	};
	return e;
}

void smtp_out_desync(
	struct smtp_out *o, struct smtp *s, enum smtp_side side, enum smtp_desync why, size_t len)
{
	smtp_out_add(o, SMTP_EV_DESYNC, side, 0, len)->why = (uint8_t)why;
	s->mode = SMTP_MODE_STOPPED;
}

void smtp_pending_push(struct smtp *s, enum smtp_verb v)
{
	s->pending[(s->pending_head + s->pending_count) % SMTP_PAIR_MAX] = (uint8_t)v;
	s->pending_count++;
}

void smtp_pending_drop(struct smtp *s)
{
	s->pending_head = (s->pending_head + 1u) % SMTP_PAIR_MAX;
	s->pending_count--;
	if (s->pending_count > 0)
		return;
	s->gate = false;
	s->sent = s->trans;
	if ((s->sent & SMTP_T_MAIL) == 0)
		s->utf8 = false;
}

bool smtp_pending_is_withdrawn(const struct smtp *s)
{
	return s->pending_count > 0 && (s->pending[s->pending_head] & SMTP_PENDING_WITHDRAWN) != 0;
}

bool smtp_is_ours_due(const struct smtp *s)
{
	return s->greeted && !s->reply_open && smtp_pending_is_withdrawn(s);
}

static uint16_t limit_or(uint16_t limit, uint16_t dflt)
{
	return limit != 0 ? limit : dflt;
}

void smtp_init(struct smtp *s, const struct smtp_limits *limits)
{
	static const struct smtp_limits none = {0};

	if (limits == NULL)
		limits = &none;
	*s = (struct smtp){
		.limits =
			{
				.command_max = limit_or(limits->command_max, 4096),
				.auth_max = limit_or(limits->auth_max, 12288),
				.reply_max = limit_or(limits->reply_max, 2048),
				.reply_lines = limit_or(limits->reply_lines, 256),
			},
		.mode = SMTP_MODE_COMMAND,
	};
}

// What the line's bytes, its argument and its place say together.
static uint16_t command_flags(
	const struct smtp *s, const struct smtp_line *line, const struct smtp_command *c)
{
	uint16_t flags = line->flags | c->flags;

	if (line->has_8bit && !s->utf8 && !c->utf8)
		flags |= SMTP_LINE_8BIT;
	if (!smtp_verb_fits(c->verb, s->sent))
		flags |= SMTP_LINE_STATE;
	if ((c->uses & ~s->offered) != 0)
		flags |= SMTP_LINE_UNOFFERED;
	if (s->pending_count > 0 || !s->greeted || s->early > 0)
		flags |= SMTP_LINE_PIPELINED;
	return flags;
}

// Where the server may read a command otherwise than we do, so that bytes behind it could change
// sides between message and commands.
static enum smtp_desync command_doubt(
	const struct smtp *s, const struct smtp_command *c, uint16_t flags)
{
	if (c->verb == SMTP_VERB_DATA && (s->sent & SMTP_T_BDAT) != 0)
		return SMTP_DESYNC_BDAT_SEQUENCE;
	if (c->verb != SMTP_VERB_BDAT)
		return SMTP_DESYNC_NONE;
	if ((flags & SMTP_LINE_UNOFFERED) != 0)
		return SMTP_DESYNC_BDAT_UNOFFERED;
	if (!c->chunk_known || (flags & SMTP_LINE_ODD) != 0)
		return SMTP_DESYNC_BDAT_SYNTAX;
	if ((s->sent & SMTP_T_DATA) != 0)
		return SMTP_DESYNC_BDAT_SEQUENCE;
	return (s->sent & SMTP_T_FAILED) != 0 ? SMTP_DESYNC_BDAT_FAILED : SMTP_DESYNC_NONE;
}

// The client's view runs ahead of the replies: what it sent is taken for accepted. Commands that
// gate need nothing here: the replies bring the views together before the next one is read.
static void command_track(struct smtp *s, const struct smtp_command *c)
{
	switch (c->verb) {
	case SMTP_VERB_MAIL:
	case SMTP_VERB_SEND:
	case SMTP_VERB_SOML:
	case SMTP_VERB_SAML:
		if ((s->sent & SMTP_T_MAIL) == 0)
			s->utf8 = c->utf8;
		s->sent |= SMTP_T_MAIL;
		break;
	case SMTP_VERB_RCPT:
		s->sent |= SMTP_T_RCPT;
		break;
	case SMTP_VERB_RSET:
		s->sent &= SMTP_T_SESSION;
		s->utf8 = false;
		break;
	default:
		break;
	}
}

static void command_chunk(
	struct smtp *s, const struct smtp_command *c, size_t len, struct smtp_out *o)
{
	if ((s->sent & SMTP_T_BDAT) == 0) {
		smtp_data_begin(s);
		(void)smtp_out_add(o, SMTP_EV_DATA_BEGIN, SMTP_CLIENT, 0, len);
	}
	s->sent |= SMTP_T_BDAT;
	smtp_chunk_begin(s, c, len, o);
}

// Of less than the smaller limit either says the same.
static size_t command_max(const struct smtp *s, struct span in)
{
	return in.n < s->limits.command_max ? s->limits.command_max
					    : smtp_command_max(&s->limits, in);
}

static size_t command_step(struct smtp *s, struct span in, struct smtp_out *o)
{
	size_t max = command_max(s, in);
	struct smtp_line line;
	struct smtp_command c;

	switch (smtp_line_find(in, max, &s->scanned[SMTP_CLIENT], &line)) {
	case SMTP_FOUND_PART:
		return 0;
	case SMTP_FOUND_TOO_LONG:
		smtp_out_desync(o, s, SMTP_CLIENT, SMTP_DESYNC_LINE_TOO_LONG, max);
		return 0;
	case SMTP_FOUND_LINE:
		break;
	}
	smtp_command_parse(line.body, &c);
	struct smtp_event *e = smtp_out_add(o, SMTP_EV_COMMAND, SMTP_CLIENT, 0, line.len);

	e->verb = (uint8_t)c.verb;
	e->flags = command_flags(s, &line, &c);
	e->text = c.text;
	e->path = c.path;
	e->count = (s->pending_head + s->pending_count) % SMTP_PAIR_MAX;
	enum smtp_desync why = command_doubt(s, &c, e->flags);

	if (why != SMTP_DESYNC_NONE) {
		smtp_out_desync(o, s, SMTP_CLIENT, why, line.len);
		return 0;
	}
	bool chunks = (s->sent & SMTP_T_BDAT) != 0;

	command_track(s, &c);
	if (c.verb == SMTP_VERB_BDAT) { // the LAST one's reply is the message's
		smtp_pending_push(s, c.last ? SMTP_VERB_MESSAGE : SMTP_VERB_BDAT);
		command_chunk(s, &c, line.len, o);
		return line.len;
	}
	smtp_pending_push(s, c.verb);
	if (smtp_verb_gates(c.verb) || (e->flags & SMTP_LINE_ODD) != 0 || chunks ||
		s->one_at_a_time)
		s->gate = true;
	return line.len;
}

static size_t auth_step(struct smtp *s, struct span in, struct smtp_out *o)
{
	struct smtp_line line;

	switch (smtp_line_find(in, s->limits.auth_max, &s->scanned[SMTP_CLIENT], &line)) {
	case SMTP_FOUND_PART:
		return 0;
	case SMTP_FOUND_TOO_LONG:
		smtp_out_desync(o, s, SMTP_CLIENT, SMTP_DESYNC_LINE_TOO_LONG, s->limits.auth_max);
		return 0;
	case SMTP_FOUND_LINE:
		break;
	}
	struct smtp_event *e = smtp_out_add(o, SMTP_EV_AUTH_LINE, SMTP_CLIENT, 0, line.len);

	e->verb = SMTP_VERB_AUTH;
	e->flags = line.flags | (s->early > 0 ? SMTP_LINE_PIPELINED : 0);
	s->gate = true;
	return line.len;
}

static size_t client_step(struct smtp *s, struct span in, struct smtp_out *o)
{
	switch ((enum smtp_mode)s->mode) {
	case SMTP_MODE_COMMAND:
		return command_step(s, in, o);
	case SMTP_MODE_AUTH:
		return auth_step(s, in, o);
	case SMTP_MODE_DATA:
		return smtp_data_step(s, in, o);
	case SMTP_MODE_CHUNK:
		return smtp_chunk_step(s, in, o);
	case SMTP_MODE_OPAQUE:
	case SMTP_MODE_STOPPED:
		break;
	}
	return 0;
}

static size_t client_feed(struct smtp *s, struct span in, struct smtp_out *o)
{
	size_t off = 0;

	while (off < in.n && o->max - o->count >= SMTP_STEP_EVENTS && !smtp_is_gated(s)) {
		size_t first = o->count;

		o->base = off;
		size_t n = client_step(s, span_from(in, off), o);

		if (n == 0)
			break;
		off += n;
		s->early -= n < s->early ? (uint32_t)n : s->early;
		if (o->count > first && o->ev[o->count - 1].kind == SMTP_EV_POSSIBLE_END)
			break;
	}
	if (smtp_is_gated(s) && in.n - off > s->early)
		s->early = (uint32_t)(in.n - off);
	return off;
}

static size_t server_feed(struct smtp *s, struct span in, struct smtp_out *o)
{
	size_t off = 0;

	while (off < in.n && o->max - o->count >= SMTP_STEP_EVENTS && s->mode != SMTP_MODE_OPAQUE &&
		s->mode != SMTP_MODE_STOPPED && !smtp_is_ours_due(s)) {
		o->base = off;
		size_t n = smtp_reply_step(s, span_from(in, off), o);

		if (n == 0)
			break;
		off += n;
	}
	return off;
}

size_t smtp_feed(struct smtp *s, enum smtp_side side, struct span in, struct smtp_event *ev,
	size_t max, size_t *count)
{
	struct smtp_out o = {.ev = ev, .max = max};

	in = span_sub(in, 0, INT32_MAX); // offsets in events have 32 bits
	size_t used = side == SMTP_CLIENT ? client_feed(s, in, &o) : server_feed(s, in, &o);

	*count = o.count;
	return used;
}

bool smtp_peek(const struct smtp *s, struct span in, struct smtp_event *ev)
{
	uint16_t scanned = s->scanned[SMTP_CLIENT];
	struct smtp_line line;
	struct smtp_command c;

	if (s->mode != SMTP_MODE_COMMAND || smtp_is_gated(s) ||
		smtp_line_find(in, command_max(s, in), &scanned, &line) != SMTP_FOUND_LINE)
		return false;
	smtp_command_parse(line.body, &c);
	*ev = (struct smtp_event){
		.kind = SMTP_EV_COMMAND,
		.side = SMTP_CLIENT,
		.verb = (uint8_t)c.verb,
		.len = (uint32_t)line.len,
		.text = c.text,
		.path = c.path,
	};
	return true;
}

bool smtp_is_gated(const struct smtp *s)
{
	if (s->mode != SMTP_MODE_COMMAND && s->mode != SMTP_MODE_AUTH)
		return false;
	return (s->gate && s->pending_count > 0) || s->pending_count == SMTP_PAIR_MAX;
}

bool smtp_is_opaque(const struct smtp *s)
{
	return s->mode == SMTP_MODE_OPAQUE;
}

bool smtp_is_settled(const struct smtp *s)
{
	return s->pending_count == 0 && !s->reply_open && !s->gate;
}

bool smtp_in_message(const struct smtp *s)
{
	return s->mode == SMTP_MODE_DATA || s->mode == SMTP_MODE_CHUNK;
}

bool smtp_in_chunk(const struct smtp *s, uint64_t *rest)
{
	*rest = s->chunk_skip == SMTP_SKIP_TOLD ? 0 : s->chunk_left;
	return s->mode == SMTP_MODE_CHUNK;
}

void smtp_mask(struct smtp *s, uint16_t ext)
{
	s->masked |= ext;
	s->offered &= (uint16_t)~ext;
}

void smtp_substitute(struct smtp *s, const struct smtp_event *command, enum smtp_verb as)
{
	uint8_t *slot = &s->pending[command->count % SMTP_PAIR_MAX];

	if (*slot == SMTP_VERB_BDAT || *slot == SMTP_VERB_MESSAGE)
		s->chunk_skip = SMTP_SKIP_TOLD;
	*slot = (uint8_t)as;
	s->gate = true;
}

void smtp_one_at_a_time(struct smtp *s, bool on)
{
	s->one_at_a_time = on;
}

void smtp_withdraw(struct smtp *s, const struct smtp_event *command, enum smtp_verb as)
{
	s->pending[command->count % SMTP_PAIR_MAX] = (uint8_t)as | SMTP_PENDING_WITHDRAWN;
}

bool smtp_ours_due(struct smtp *s, enum smtp_verb *as)
{
	if (!smtp_is_ours_due(s))
		return false;
	*as = s->pending[s->pending_head] & ~SMTP_PENDING_WITHDRAWN;
	smtp_pending_drop(s);
	return true;
}

size_t smtp_refuse_chunk(struct smtp *s, struct span in, enum smtp_verb as)
{
	enum { SKIP_MAX = 1 << 30 }; // numbers of before and behind it stay comparable
	struct smtp_line line;
	struct smtp_command c;
	uint16_t scanned = 0;

	if (s->mode != SMTP_MODE_STOPPED || s->pending_count == SMTP_PAIR_MAX ||
		smtp_line_find(in, s->limits.command_max, &scanned, &line) != SMTP_FOUND_LINE)
		return 0;
	smtp_command_parse(line.body, &c);
	if (c.verb != SMTP_VERB_BDAT || !c.chunk_known || c.octets > SKIP_MAX ||
		(line.flags & SMTP_LINE_ODD) != 0)
		return 0;
	smtp_pending_push(s, as);
	s->gate = true;
	s->scanned[SMTP_CLIENT] = 0;
	s->mode = c.octets > 0 ? SMTP_MODE_CHUNK : SMTP_MODE_COMMAND;
	s->chunk_left = c.octets;
	s->chunk_last = false;
	s->chunk_skip = SMTP_SKIP_TOLD;
	return line.len;
}
