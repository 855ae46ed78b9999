// SPDX-License-Identifier: BSD-3-Clause
// What a session profile says of a client's command before it may go: how many of a kind there may be,
// whether it may come now (RFC 2920 3.1), whether it is well said (RFC 5321 4.1), who may send mail
// before AUTH, which mechanisms and sizes. The first objection decides.
// Thread: the worker.
#include <string.h>

#include "eng_session.h"

struct asking { // a command and what judges it
	const struct eng_session *s;
	const struct smtp_event *ev;
	const struct pol_session *profile;
};

static bool is_helo(uint8_t verb)
{
	return verb == SMTP_VERB_HELO || verb == SMTP_VERB_EHLO;
}

// RFC 2920 3.1, RFC 4954 4, RFC 3207 4: what follows waits for its reply.
static bool is_last_in_group(uint8_t verb)
{
	switch (verb) {
	case SMTP_VERB_HELO:
	case SMTP_VERB_EHLO:
	case SMTP_VERB_DATA:
	case SMTP_VERB_VRFY:
	case SMTP_VERB_EXPN:
	case SMTP_VERB_TURN:
	case SMTP_VERB_QUIT:
	case SMTP_VERB_NOOP:
	case SMTP_VERB_AUTH:
	case SMTP_VERB_STARTTLS:
		return true;
	default:
		return false;
	}
}

// ---- limits of a session: one more ends it

static enum eng_counted counted_of(uint8_t verb)
{
	if (is_helo(verb))
		return ENG_COUNTED_HELO;
	if (eng_begins_mail(verb))
		return ENG_COUNTED_MAIL;
	if (verb == SMTP_VERB_NOOP)
		return ENG_COUNTED_NOOP;
	return verb == SMTP_VERB_RSET ? ENG_COUNTED_RSET : ENG_COUNTED;
}

// One more than there may be, with this one.
static bool is_one_too_many(const struct asking *a, struct eng_ruling *r)
{
	static const struct eng_limit limits[ENG_COUNTED] = {
		[ENG_COUNTED_HELO] = {421, ENG_TEXT_HELOS, ACT_LIMIT_HELO},
		[ENG_COUNTED_MAIL] = {421, ENG_TEXT_MAILS, ACT_LIMIT_MAIL},
		[ENG_COUNTED_NOOP] = {421, ENG_TEXT_NOOPS, ACT_LIMIT_NOOP},
		[ENG_COUNTED_RSET] = {421, ENG_TEXT_RSETS, ACT_LIMIT_RSET},
	};
	const struct pol_session *p = a->profile;
	const enum eng_counted kind = counted_of(a->ev->verb);
	const uint8_t max[ENG_COUNTED] = {[ENG_COUNTED_HELO] = p->max_helo,
		[ENG_COUNTED_MAIL] = p->max_mail,
		[ENG_COUNTED_NOOP] = p->max_noop,
		[ENG_COUNTED_RSET] = p->max_rset};

	if (kind == ENG_COUNTED || max[kind] == 0 || a->s->commands[kind] < max[kind])
		return false;
	*r = (struct eng_ruling){.does = ENG_JUDGED_CUT, .limit = &limits[kind], .max = max[kind]};
	return true;
}

// ---- objections to a command: it is refused, the session goes on

static bool is_improper(const struct asking *a)
{
	return a->profile->pipelining == POL_PIPELINING_STRICT &&
		(a->ev->flags & SMTP_LINE_PIPELINED) != 0 &&
		(a->s->last_in_group || (a->s->smtp.offered & SMTP_EXT_PIPELINING) == 0);
}

// Letters, digits and []._-#: alone.
static bool is_odd_name(struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = name.p[i];
		bool alnum = (c >= '0' && c <= '9') || (uint8_t)((c | 0x20) - 'a') < 26;
		if (!alnum && (c == 0 || strchr("[]._-#:", c) == NULL))
			return true;
	}
	return false;
}

static bool needs_auth(const struct asking *a)
{
	if (a->s->auth || !eng_begins_mail(a->ev->verb))
		return false;
	return a->profile->relaying == POL_RELAYING_ALWAYS ||
		(a->profile->relaying == POL_RELAYING_IF_OFFERED &&
			(a->s->smtp.offered & SMTP_EXT_AUTH) != 0);
}

// The SIZE parameter of MAIL (RFC 1870 6).
static bool size_param(struct span args, uint64_t *octets)
{
	static const size_t PREFIX = sizeof("SIZE=") - 1;
	struct span word;
	bool any = false;
	size_t at = 0;
	uint64_t n;

	while ((word = eng_word(args, &at)).n > 0) {
		if (word.n <= PREFIX || !eng_word_is(span_sub(word, 0, PREFIX), "SIZE=") ||
			!eng_number(span_from(word, PREFIX), &n))
			continue;
		*octets = any && *octets > n ? *octets : n; // given twice: the larger one
		any = true;
	}
	return any;
}

static bool is_too_large(const struct asking *a)
{
	uint64_t octets;

	return a->profile->max_message_kb != 0 && eng_begins_mail(a->ev->verb) &&
		size_param(a->ev->text, &octets) &&
		octets > (uint64_t)a->profile->max_message_kb * 1024;
}

static bool is_recipient_too_many(const struct asking *a)
{
	return a->ev->verb == SMTP_VERB_RCPT && a->profile->max_recipients != 0 &&
		eng_message_asked(a->s) >= a->profile->max_recipients;
}

// Its transaction is over, but perhaps not for the server.
static bool is_recipient_of_stale(const struct asking *a)
{
	return a->ev->verb == SMTP_VERB_RCPT && (a->ev->flags & SMTP_LINE_STATE) != 0 &&
		eng_message_is_stale(a->s);
}

// Commands that bring content by a way that is not read, turn the two ends round, or change who the client
// is: their keywords are hidden.
static bool is_turn(uint8_t verb)
{
	return verb == SMTP_VERB_BURL || verb == SMTP_VERB_XEXCH50 || verb == SMTP_VERB_TURN ||
		verb == SMTP_VERB_ATRN || verb == SMTP_VERB_XCLIENT || verb == SMTP_VERB_XFORWARD;
}

static bool is_tls_refused(const struct asking *a)
{
	return a->ev->verb == SMTP_VERB_STARTTLS && a->profile->prevent_encryption;
}

static bool is_mechanism_refused(const struct asking *a)
{
	return a->ev->verb == SMTP_VERB_AUTH && a->profile->prevent_encryption &&
		eng_mechanism_encrypts(a->ev->text);
}

static enum eng_refusal objection(const struct asking *a)
{
	const struct smtp_event *ev = a->ev;

	if (is_improper(a))
		return ENG_REFUSE_PIPELINED;
	if (is_turn(ev->verb))
		return ENG_REFUSE_UNAVAILABLE;
	if (is_tls_refused(a))
		return ENG_REFUSE_TLS;
	if (is_mechanism_refused(a))
		return ENG_REFUSE_MECHANISM;
	if (a->profile->syntax_check && (ev->flags & SMTP_LINE_SYNTAX) != 0)
		return ENG_REFUSE_SYNTAX;
	if (is_recipient_of_stale(a) ||
		(a->profile->syntax_check && (ev->flags & SMTP_LINE_STATE) != 0))
		return ENG_REFUSE_STATE;
	if (a->profile->helo_characters && is_helo(ev->verb) && is_odd_name(ev->text))
		return ENG_REFUSE_NAME;
	if (needs_auth(a))
		return ENG_REFUSE_RELAY;
	if (is_too_large(a))
		return ENG_REFUSE_SIZE;
	if (is_recipient_too_many(a))
		return ENG_REFUSE_RECIPIENTS;
	return ENG_REFUSAL_COUNT;
}

struct eng_ruling eng_command_rule(
	const struct eng_session *s, const struct smtp_event *ev, const struct pol_session *profile)
{
	const struct asking a = {.s = s, .ev = ev, .profile = profile};
	struct eng_ruling r = {.does = ENG_JUDGED_GOES, .why = ENG_REFUSAL_COUNT, .rule = POL_NONE};

	if (is_one_too_many(&a, &r))
		return r;
	r.why = objection(&a);
	r.does = r.why == ENG_REFUSAL_COUNT ? ENG_JUDGED_GOES : ENG_JUDGED_REFUSED;
	return r;
}

void eng_command_count(struct eng_session *s, const struct smtp_event *ev)
{
	const enum eng_counted kind = counted_of(ev->verb);

	s->last_in_group = is_last_in_group(ev->verb);
	if (kind != ENG_COUNTED)
		s->commands[kind] += s->commands[kind] < UINT8_MAX;
}

// ---- words in commands and keywords

// A word of `text` from *at on, blanks before it passed over; empty at the end. Controls are blanks, as in
// smtp/.
struct span eng_word(struct span text, size_t *at)
{
	while (*at < text.n && text.p[*at] <= ' ')
		(*at)++;
	size_t from = *at;
	while (*at < text.n && text.p[*at] > ' ')
		(*at)++;
	return span_sub(text, from, *at - from);
}

bool eng_word_is(struct span word, const char *name)
{
	size_t n = strlen(name);

	if (word.n != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = word.p[i];
		if ((c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) != (uint8_t)name[i])
			return false;
	}
	return true;
}

bool eng_mechanism_encrypts(struct span mechanism)
{
	// Negotiate a security layer behind which nothing could be read (RFC 4422 3.7).
	static const char *const names[] = {
		"DIGEST-MD5", "GSSAPI", "GSS-SPNEGO", "KERBEROS_V4", "KERBEROS_V5", "SRP"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (eng_word_is(mechanism, names[i]))
			return true;
	}
	return false;
}

bool eng_number(struct span digits, uint64_t *n)
{
	*n = 0;
	for (size_t i = 0; i < digits.n; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return false;
		if (*n > (UINT64_MAX - 9) / 10) // larger than anything that it is compared with
			*n = UINT64_MAX / 10;
		*n = *n * 10 + (digits.p[i] - '0');
	}
	return digits.n > 0;
}
