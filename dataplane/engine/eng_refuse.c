// SPDX-License-Identifier: BSD-3-Clause
// Commands that must not reach the server, and the replies to them. In the place of such a command
// the server gets a NOOP of the same length, so it owes a reply as before and replies stay in order,
// one for one; whatever it says to that NOOP, but 421, is replaced by ours. The octets of a chunk whose
// BDAT went so are taken out. At most 5 a session: Exim closes at the 11th NOOP, Postfix under stress
// counts junk early. A recipient beyond them is taken out, line and all, and our reply put in at its turn;
// any other command then ends the session.
// Thread: the worker.
#include "eng_reputation.h"
#include "eng_session.h"

enum { SUBSTITUTES_MAX = 5 };

enum { // replies are awaited as SMTP_VERB_OURS + enum eng_refusal, but for those of reputation
	VERB_BAD = SMTP_VERB_OURS + ENG_REFUSE_BAD_ENDPOINT, // eng_session.refused_as says which
	VERB_BAD_RCPT,                                       // eng_session.standing does
};

// By enum eng_refusal.
static const struct refusal {
	uint16_t code;
	uint16_t reason; // enum eng_reason: what is counted and stands in the record
	const char *text;
	bool recipient; // RCPT: its errors are counted apart
} refusals[] = {
	[ENG_REFUSE_UNAVAILABLE] = {502, ACT_COMMAND_REFUSED, "5.5.1 Command not available"},
	[ENG_REFUSE_TLS] = {502, ACT_TLS_REFUSED, "5.5.1 STARTTLS not available"},
	[ENG_REFUSE_CHUNK] = {502, ACT_CHUNK_REFUSED, "5.5.1 BDAT not offered"},
	[ENG_REFUSE_CHUNK_FAILED] = {503, ACT_CHUNK_REFUSED,
		"5.5.1 A chunk before was refused, RSET first"},
	[ENG_REFUSE_MECHANISM] = {504, ACT_MECHANISM_REFUSED,
		"5.5.4 Authentication mechanism not available"},
	[ENG_REFUSE_NAME] = {501, ACT_NAME_REFUSED, "5.0.0 Invalid domain name"},
	[ENG_REFUSE_PIPELINED] = {503, ACT_PIPELINED_REFUSED,
		"5.5.1 Improper use of command pipelining"},
	[ENG_REFUSE_RECIPIENTS] = {452, ACT_RECIPIENTS_REFUSED, "4.5.3 Too many recipients",
		.recipient = true},
	[ENG_REFUSE_RELAY] = {530, ACT_RELAY_REFUSED, "5.7.0 Authentication required"},
	[ENG_REFUSE_SIZE] = {552, ACT_SIZE_REFUSED, "5.3.4 Message size exceeds limit"},
	[ENG_REFUSE_STATE] = {503, ACT_STATE_REFUSED, "5.5.1 Bad sequence of commands"},
	[ENG_REFUSE_SYNTAX] = {501, ACT_SYNTAX_REFUSED, "5.5.4 Syntax error in arguments"},
	[ENG_REFUSE_ACCESS] = {550, ACT_ACCESS_REJECTED, "5.7.1 Relay access denied.",
		.recipient = true},
	[ENG_REFUSE_ACCESS_LATER] = {451, ACT_ACCESS_TEMPFAILED,
		"4.7.1 Recipient not taken now, try again later", .recipient = true},
	[ENG_REFUSE_ACCESS_SPLIT] = {452, ACT_ACCESS_SPLIT,
		"4.5.3 Recipient needs a message of its own", .recipient = true},
	[ENG_REFUSE_SENDER] = {550, ACT_SENDER_BLOCKED, "5.7.1 Sender is on a blocklist"},
	[ENG_REFUSE_RECIPIENT] = {550, ACT_RECIPIENT_BLOCKED, "5.7.1 Recipient is on a blocklist",
		.recipient = true},
	[ENG_REFUSE_ADDRESS] = {501, ACT_ADDRESS_REFUSED, "5.1.0 Address can't be read or is too long"},
	[ENG_REFUSE_MAIL] = {451, ACT_MAIL_DEFERRED, "4.3.2 Message not taken now, try again later"},
	[ENG_REFUSE_HELO_DOMAIN] = {550, ACT_HELO_DOMAIN, "5.5.0 Invalid EHLO/HELO domain"},
	[ENG_REFUSE_SENDER_DOMAIN] = {550, ACT_SENDER_DOMAIN, "5.1.8 Sender domain takes no mail"},
	[ENG_REFUSE_SENDER_UNKNOWN] = {451, ACT_SENDER_UNKNOWN,
		"4.3.0 Could not resolve sender domain"},
	[ENG_REFUSE_SENDER_EMPTY] = {553, ACT_DOMAIN_EMPTY,
		"5.1.7 Sender address without a domain"},
	[ENG_REFUSE_RCPT_DOMAIN] = {550, ACT_RCPT_DOMAIN, "5.1.2 Recipient domain takes no mail",
		.recipient = true},
	[ENG_REFUSE_RCPT_EMPTY] = {553, ACT_DOMAIN_EMPTY,
		"5.1.3 Recipient address without a domain", .recipient = true},
	[ENG_REFUSE_THREE_WAY] = {550, ACT_THREE_WAY,
		"5.7.1 Sender domain is not that of HELO and recipient", .recipient = true},
	[ENG_REFUSE_RATE + ENG_RATE_CLIENT_MESSAGES] = {450, ACT_CLIENT_MESSAGES,
		"4.7.1 Too many messages of this client of late, try again later"},
	[ENG_REFUSE_RATE + ENG_RATE_CLIENT_RECIPIENTS] = {450, ACT_CLIENT_RECIPIENTS,
		"4.7.1 Too many recipients of this client of late, try again later",
		.recipient = true},
	[ENG_REFUSE_RATE + ENG_RATE_SENDER_MESSAGES] = {450, ACT_SENDER_MESSAGES,
		"4.7.1 Too many messages of this sender of late, try again later"},
	[ENG_REFUSE_RATE + ENG_RATE_SENDER_RECIPIENTS] = {450, ACT_SENDER_RECIPIENTS,
		"4.7.1 Too many recipients of this sender of late, try again later",
		.recipient = true},
	[ENG_REFUSE_BAD_ENDPOINT] = {550, ACT_ENDPOINT_MAIL,
		"5.7.1 Rejected by endpoint reputation"},
	[ENG_REFUSE_BAD_SENDER] = {550, ACT_SENDER_MAIL, "5.7.1 Rejected by sender reputation"},
	[ENG_REFUSE_BAD_SENDER_LATER] = {451, ACT_SENDER_MAIL,
		"4.7.1 Deferred by sender reputation, try again later"},
	[ENG_REFUSE_THROTTLE] = {450, ACT_THROTTLED,
		"4.7.1 Too many messages of this sender in this hour, try again later"},
	[ENG_REFUSE_AUTH] = {454, ACT_AUTH_BLOCKED, "4.7.0 Too many failed logins, try again later"},
	[ENG_REFUSE_RCPT_ENDPOINT] = {550, ACT_ENDPOINT_RCPT,
		"5.7.1 Rejected by endpoint reputation", .recipient = true},
	[ENG_REFUSE_RCPT_SENDER] = {550, ACT_SENDER_RCPT, "5.7.1 Rejected by sender reputation",
		.recipient = true},
	[ENG_REFUSE_RCPT_SENDER_LATER] = {451, ACT_SENDER_RCPT,
		"4.7.1 Deferred by sender reputation, try again later", .recipient = true},
};
_Static_assert(sizeof(refusals) / sizeof(refusals[0]) == ENG_REFUSAL_COUNT, "a reply each");
_Static_assert((int)VERB_BAD_RCPT <= (int)SMTP_VERB_OURS_LAST, "a verb each");

static enum smtp_verb verb_of(enum eng_refusal why)
{
	if (why < ENG_REFUSE_BAD_ENDPOINT)
		return (enum smtp_verb)(SMTP_VERB_OURS + why);
	return (enum smtp_verb)(why < ENG_REFUSE_RCPT_ENDPOINT ? VERB_BAD : VERB_BAD_RCPT);
}

// What was refused so.
static enum eng_refusal why_of(const struct eng_session *s, uint8_t verb)
{
	if (verb < VERB_BAD)
		return (enum eng_refusal)(verb - SMTP_VERB_OURS);
	if (verb == VERB_BAD)
		return (enum eng_refusal)(ENG_REFUSE_BAD_ENDPOINT +
			(s->refused_as == 0 ? 0 : s->refused_as - 1));
	return (enum eng_refusal)(ENG_REFUSE_RCPT_ENDPOINT +
		(s->standing == ENG_STANDING_GOOD ? 0 : s->standing - ENG_STANDING_ENDPOINT));
}

// Commands that share a verb are told alike as long as one of them waits for its reply: a second MAIL is
// refused as the first one was. Behind AUTH nothing goes before its reply; one that is sent behind such a MAIL
// is out of place (RFC 4954 4).
static enum eng_refusal why_shared(
	struct eng_session *s, const struct smtp_event *ev, enum eng_refusal why)
{
	if (why < ENG_REFUSE_BAD_ENDPOINT || why > ENG_REFUSE_AUTH)
		return why;
	if (s->refused_as != 0 && (ev->flags & SMTP_LINE_PIPELINED) != 0)
		return why == ENG_REFUSE_AUTH ? ENG_REFUSE_STATE : why_of(s, VERB_BAD);
	s->refused_as = (uint8_t)(why - ENG_REFUSE_BAD_ENDPOINT + 1) & 7u;
	return why;
}

static bool is_ours(uint8_t verb)
{
	return verb >= SMTP_VERB_OURS && verb <= SMTP_VERB_OURS_LAST;
}

// NOOP, and blanks up to the line's end.
static void line_blank(struct eng_worker *w, struct eng_session *s, uint32_t seq, struct span line)
{
	static const uint8_t noop[] = "NOOP                            ";
	size_t end = line.n, at = 0;

	while (end > 0 && (line.p[end - 1] == '\n' || line.p[end - 1] == '\r'))
		end--;
	while (at < end) {
		size_t from = at == 0 ? 0 : 4, take = sizeof(noop) - 1 - from;
		take = end - at < take ? end - at : take;
		stream_edit(&s->flow.stream, &w->smtp->pool, STREAM_CLIENT, seq + (uint32_t)at,
			noop + from, (uint32_t)take);
		at += take;
	}
}

static bool limit_cut(struct eng_worker *w, struct eng_session *s)
{
	eng_cut(w, s, 421, ENG_TEXT_LIMIT, 0, false, ACT_SUBSTITUTE_LIMIT);
	return false;
}

bool eng_refuse_command(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	uint32_t base, struct span in, enum eng_refusal why)
{
	why = why_shared(s, ev, why);
	const enum smtp_verb as = verb_of(why);

	if (s->substitutes < SUBSTITUTES_MAX) {
		s->substitutes++;
		eng_count(w, ACT_SUBSTITUTED);
		line_blank(w, s, base + ev->off, span_sub(in, ev->off, ev->len));
		smtp_substitute(&s->smtp, ev, as);
		w->smtp->chunk_refused = ev->verb == SMTP_VERB_BDAT;
	} else if (ev->verb == SMTP_VERB_RCPT) {
		eng_count(w, ACT_WITHDRAWN);
		eng_change_note(w->smtp, base + ev->off, ev->len, (struct span){0});
		smtp_withdraw(&s->smtp, ev, as);
	} else {
		return limit_cut(w, s);
	}
	eng_count(w, (enum eng_reason)refusals[why].reason);
	return true;
}

bool eng_refuse_chunk(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	uint32_t base, struct span in)
{
	enum eng_refusal why =
		ev->why == SMTP_DESYNC_BDAT_FAILED ? ENG_REFUSE_CHUNK_FAILED : ENG_REFUSE_CHUNK;
	struct span line = span_from(in, ev->off);
	size_t n = smtp_refuse_chunk(&s->smtp, line, verb_of(why));

	if (n == 0)
		return false;
	if (s->substitutes == SUBSTITUTES_MAX)
		return limit_cut(w, s);
	s->substitutes++;
	eng_count(w, ACT_SUBSTITUTED);
	eng_count(w, (enum eng_reason)refusals[why].reason);
	line_blank(w, s, base + ev->off, span_sub(line, 0, n));
	stream_consume(&s->flow.stream, STREAM_CLIENT, (uint32_t)n);
	return true;
}

// Our reply, from now on told; in memory that lasts until the changes of the call are made, as the one that is
// noted next.
static struct span refusal_tell(struct eng_worker *w, struct eng_session *s, uint8_t verb)
{
	const enum eng_refusal why = why_of(s, verb);
	const struct refusal *r = &refusals[why];
	struct eng_refused told = {
		.id = eng_id_next(w),
		.code = r->code,
		.reason = r->reason,
	};

	if (why == ENG_REFUSE_RECIPIENTS) {
		told.limit = eng_profile(w, s)->max_recipients;
		told.value = told.limit + 1;
	} else if (why == ENG_REFUSE_SIZE) {
		told.limit = eng_profile(w, s)->max_message_kb * 1024u;
	} else {
		told.limit = eng_rates_limit(eng_profile(w, s), why);
		told.value = told.limit == 0 ? 0 : told.limit + 1;
	}
	eng_reputation_told(w, s, why, &told);
	eng_access_told(s, why, &told);
	eng_record_refused(w, s, &told);
	return eng_reply_line(r->code, r->text, told.retry_s, told.id,
		w->smtp->refusal[w->smtp->nchanges % ENG_CHANGES_MAX]);
}

uint16_t eng_refusal_code(enum eng_refusal why)
{
	return refusals[why].code;
}

enum eng_reason eng_refusal_reason(enum eng_refusal why)
{
	return (enum eng_reason)refusals[why].reason;
}

bool eng_is_ours(uint8_t verb, bool *recipient)
{
	*recipient = is_ours(verb) &&
		(verb == VERB_BAD_RCPT ||
			(verb < VERB_BAD && refusals[verb - SMTP_VERB_OURS].recipient));
	return is_ours(verb);
}

bool eng_reply_ours(
	struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev, uint32_t base)
{
	if (!is_ours(ev->verb))
		return false;
	if (ev->code == 421) // the server closes: that is news
		return true;
	if (ev->kind != SMTP_EV_REPLY) {
		eng_change_note(w->smtp, base + ev->off, ev->len, (struct span){0});
		return true;
	}
	eng_change_note(w->smtp, base + ev->off, ev->len, refusal_tell(w, s, ev->verb));
	eng_count(w, ACT_REPLY_REPLACED);
	return true;
}

bool eng_replies_due(struct eng_worker *w, struct eng_session *s)
{
	struct stream *st = &s->flow.stream;
	const struct stream_half *h = &st->half[STREAM_SERVER];
	enum smtp_verb as;

	// Those that find no room wait for their client to take others, and what it says behind a full ring
	// waits with them.
	while ((h->una == h->read ||
		       stream_may_grow(st, &w->smtp->pool, STREAM_SERVER, ENG_REPLY_MAX)) &&
		smtp_ours_due(&s->smtp, &as)) {
		if (h->fin_rel) // nothing can be said behind its end
			continue;
		if (!eng_error_note(w, s, true)) // none but recipients are taken out
			return false;
		eng_change_note(w->smtp, h->read, 0, refusal_tell(w, s, (uint8_t)as));
		if (!eng_changes_make(w, s, STREAM_SERVER))
			return false;
		if (!s->tarpit)
			stream_release(st, STREAM_SERVER);
	}
	return true;
}
