// SPDX-License-Identifier: BSD-3-Clause
// A command line -> verb, argument, path, what it uses. One table says for each verb how its
// argument reads, in which states it may come, and whether what follows it has to wait for its
// reply (RFC 2920 3.1: only some commands may be followed in a group).
// It judges form, never meaning, and repairs nothing: what does not parse becomes a flag.
// Thread: any; no state.

#include "smtp_int.h"

#include <strings.h>

struct verb {
	char name[10];
	void (*parse)(struct span arg, struct smtp_command *c);
	uint8_t needs; // SMTP_T_* that must have come
	uint8_t bars;  // SMTP_T_* that must not
	uint16_t uses; // SMTP_EXT_*
	bool gates;    // bytes behind it wait for its reply
};

// Postfix and Sendmail take VT and FF for blanks, others any control; who does not refuses the command.
// (CR is looked at by the caller: what is behind it may be a command of its own.)
static bool is_blank(uint8_t c)
{
	return c <= ' ' && c != '\r' && c != '\n';
}

static bool is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool word_is(struct span s, const char *word)
{
	return s.n == strlen(word) && strncasecmp((const char *)s.p, word, s.n) == 0;
}

static struct span trim(struct span s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s = span_from(s, 1);
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

// The first word of *s, which is moved behind it and the blanks that follow.
static struct span word_take(struct span *s)
{
	size_t n = 0;

	while (n < s->n && !is_blank(s->p[n]))
		n++;
	struct span word = span_sub(*s, 0, n);

	*s = trim(span_from(*s, n));
	return word;
}

// ---- arguments

static void arg_any(struct span arg, struct smtp_command *c)
{
	struct span word = {NULL, 0};

	while (arg.n > 0)
		word = word_take(&arg);
	c->utf8 = word_is(word, "SMTPUTF8"); // VRFY, EXPN: RFC 6531 3.7.4.2
}

static void arg_none(struct span arg, struct smtp_command *c)
{
	if (arg.n > 0)
		c->flags |= SMTP_LINE_SYNTAX;
}

static void arg_some(struct span arg, struct smtp_command *c)
{
	if (arg.n == 0)
		c->flags |= SMTP_LINE_SYNTAX;
}

// Nothing of an initial response may be seen outside (RFC 4954 4), so the text is cut to the name
// of a mechanism: 1*20 of letters, digits, '-' and '_' (RFC 4422 3.1).
static void arg_auth(struct span arg, struct smtp_command *c)
{
	struct span word = word_take(&arg);
	size_t n = 0;

	while (n < word.n && (is_alnum(word.p[n]) || word.p[n] == '-' || word.p[n] == '_'))
		n++;
	bool named = n > 0 && n <= 20 && n == word.n;

	c->text = named ? word : (struct span){NULL, 0};
	if (!named)
		c->flags |= SMTP_LINE_SYNTAX;
}

// RFC 3030 2: BDAT SP 1*DIGIT [SP "LAST"]. A size that some server counts otherwise is not known: where
// its counter has 32 bits (Exim's) or a sign, or zeros in front mean octal, the chunk ends earlier, and
// what we take for octets is commands to it.
static void arg_bdat(struct span arg, struct smtp_command *c)
{
	struct span size = word_take(&arg);
	struct span last = word_take(&arg);
	uint64_t octets = 0;

	if (size.n == 0 || arg.n > 0)
		return;
	for (size_t i = 0; i < size.n; i++) {
		if (size.p[i] < '0' || size.p[i] > '9' ||
			__builtin_mul_overflow(octets, (uint64_t)10, &octets) ||
			__builtin_add_overflow(octets, (uint64_t)(size.p[i] - '0'), &octets))
			return;
	}
	if (last.n > 0 && !word_is(last, "LAST"))
		return;
	if (octets > INT32_MAX || (size.n > 1 && size.p[0] == '0'))
		return;
	c->octets = octets;
	c->last = last.n > 0;
	c->chunk_known = true;
}

// Length of the path up to its closing '>', or s.n + 1 where there is none. A '>' in a quoted
// local part is none (RFC 5321 4.1.2 Quoted-string).
static size_t path_len(struct span s)
{
	const uint8_t *end = s.n == 0 ? NULL : memchr(s.p, '>', s.n);
	bool quoted = false;

	if (end == NULL)
		return s.n + 1;
	if (memchr(s.p, '"', (size_t)(end - s.p)) == NULL) // nearly always
		return (size_t)(end - s.p);
	for (size_t i = 0; i < s.n; i++) {
		if (quoted && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == '>' && !quoted)
			return i;
	}
	return s.n + 1;
}

// "@a,@b:user@c" -> "user@c" (RFC 5321 4.1.2 A-d-l; ignored as its appendix C says).
static struct span path_unroute(struct span path, struct smtp_command *c)
{
	bool literal = false; // [IPv6:...] has colons of its own

	if (path.n == 0 || path.p[0] != '@')
		return path;
	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] == '[')
			literal = true;
		else if (path.p[i] == ']')
			literal = false;
		else if (path.p[i] == ':' && !literal)
			return span_from(path, i + 1);
	}
	c->flags |= SMTP_LINE_SYNTAX;
	return path;
}

// Blanks and controls, '"', '<', '\\' and DEL: none of them among eight bytes?
static bool eight_are_plain(const uint8_t *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
	static const uint8_t odd[] = {'"', '<', '\\', 0x7f};
	uint64_t word, found;

	memcpy(&word, p, sizeof(word));
	found = (word - ones * (' ' + 1)) & ~word; // below that
	for (size_t i = 0; i < sizeof(odd); i++) {
		const uint64_t x = word ^ (ones * odd[i]);

		found |= (x - ones) & ~x;
	}
	return (found & high) == 0;
}

static bool path_is_plain(struct span path)
{
	enum { STEP = sizeof(uint64_t) };

	if (path.n < STEP)
		return false;
	for (size_t i = 0; path.n - i > STEP; i += STEP) {
		if (!eight_are_plain(path.p + i))
			return false;
	}
	return eight_are_plain(path.p + path.n - STEP); // some of them once more
}

// A control may not even be quoted (RFC 5321 4.1.2 quoted-pairSMTP).
static void path_check(struct span path, struct smtp_command *c)
{
	bool quoted = false, escaped = false;

	if (path_is_plain(path)) // nothing of what is asked below
		return;
	for (size_t i = 0; i < path.n; i++) {
		uint8_t ch = path.p[i];

		if (ch < ' ' || ch == 0x7f || (!quoted && (ch == ' ' || ch == '<')))
			c->flags |= SMTP_LINE_SYNTAX;
		if (ch == '"' && !escaped)
			quoted = !quoted;
		escaped = quoted && !escaped && ch == '\\';
	}
}

// RFC 5321 4.1.2 esmtp-param: keyword ["=" value]. false: it is none.
static bool param_check(struct span param, struct smtp_command *c)
{
	size_t n = 0;

	while (n < param.n && (is_alnum(param.p[n]) || (n > 0 && param.p[n] == '-')))
		n++;
	struct span key = span_sub(param, 0, n);
	struct span value = span_from(param, n < param.n ? n + 1 : n);

	bool good = n > 0 && (n == param.n || (param.p[n] == '=' && value.n > 0));
	for (size_t i = 0; i < value.n; i++)
		good = good && value.p[i] > ' ' && value.p[i] != '=' && value.p[i] != 0x7f;
	if (!good)
		c->flags |= SMTP_LINE_SYNTAX;
	if (c->verb == SMTP_VERB_RCPT)
		return good;
	if (word_is(key, "SMTPUTF8")) {
		c->utf8 = true;
		c->uses |= SMTP_EXT_SMTPUTF8;
	} else if (word_is(key, "SIZE")) {
		c->uses |= SMTP_EXT_SIZE;
	} else if (word_is(key, "BODY") && word_is(value, "8BITMIME")) {
		c->uses |= SMTP_EXT_8BITMIME;
	} else if (word_is(key, "BODY") && word_is(value, "BINARYMIME")) {
		c->uses |= SMTP_EXT_BINARYMIME;
	}
	return good;
}

// "FROM:<path> params". Blanks around the colon are let pass: too many send them. Without brackets most
// servers take the word; but Exim takes "word <path>" for a name and its address, and blanks beside a dot
// or an at-sign for none, and qmail what is in the first brackets: where anything but parameters follows,
// or brackets do, the address is not known.
static void arg_path(struct span arg, struct smtp_command *c, const char *keyword)
{
	size_t n = strlen(keyword);

	if (!word_is(span_sub(arg, 0, n), keyword)) {
		c->flags |= SMTP_LINE_SYNTAX;
		return;
	}
	arg = trim(span_from(arg, n));
	if (arg.n == 0 || arg.p[0] != ':') {
		c->flags |= SMTP_LINE_SYNTAX;
		return;
	}
	arg = trim(span_from(arg, 1));
	const bool bare = arg.n == 0 || arg.p[0] != '<';
	if (!bare) {
		struct span inner = span_from(arg, 1);

		n = path_len(inner);
		if (n > inner.n) {
			c->flags |= SMTP_LINE_SYNTAX;
			return;
		}
		c->path = path_unroute(span_sub(inner, 0, n), c);
		arg = span_from(inner, n + 1);
		if (arg.n > 0 && !is_blank(arg.p[0]))
			c->flags |= SMTP_LINE_SYNTAX;
		arg = trim(arg);
	} else {
		c->flags |= SMTP_LINE_SYNTAX;
		if (arg.n > 0)
			c->path = word_take(&arg);
	}
	path_check(c->path, c);
	while (arg.n > 0) {
		const struct span param = word_take(&arg);
		const bool good = param_check(param, c);
		if (bare && (!good || memchr(param.p, '<', param.n) != NULL))
			c->path = (struct span){0};
	}
}

static void arg_from(struct span arg, struct smtp_command *c)
{
	arg_path(arg, c, "FROM");
}

static void arg_to(struct span arg, struct smtp_command *c)
{
	arg_path(arg, c, "TO");
	if (c->path.n == 0)
		c->flags |= SMTP_LINE_SYNTAX;
}

// ---- verbs

#define NEEDS_RCPT (SMTP_T_MAIL | SMTP_T_RCPT)
#define CHUNKS (SMTP_T_BDAT | SMTP_T_FAILED)

// name, argument, needs, bars, uses, gates
static const struct verb verbs[] = {
	[SMTP_VERB_NONE] = {"", arg_any, 0, 0, 0, true},
	[SMTP_VERB_HELO] = {"HELO", arg_some, 0, 0, 0, true},
	[SMTP_VERB_EHLO] = {"EHLO", arg_some, 0, 0, 0, true},
	[SMTP_VERB_MAIL] = {"MAIL", arg_from, SMTP_T_HELO, SMTP_T_MAIL, 0, false},
	[SMTP_VERB_RCPT] = {"RCPT", arg_to, SMTP_T_MAIL, CHUNKS, 0, false},
	[SMTP_VERB_DATA] = {"DATA", arg_none, NEEDS_RCPT, CHUNKS, 0, true},
	[SMTP_VERB_BDAT] = {"BDAT", arg_bdat, NEEDS_RCPT, SMTP_T_DATA | SMTP_T_FAILED,
		SMTP_EXT_CHUNKING, false}, // its octets follow; the LAST one's end gates
	[SMTP_VERB_RSET] = {"RSET", arg_none, 0, 0, 0, false},
	[SMTP_VERB_NOOP] = {"NOOP", arg_any, 0, 0, 0, true},
	[SMTP_VERB_QUIT] = {"QUIT", arg_none, 0, 0, 0, false},
	[SMTP_VERB_VRFY] = {"VRFY", arg_any, 0, 0, 0, true},
	[SMTP_VERB_EXPN] = {"EXPN", arg_any, 0, 0, 0, true},
	[SMTP_VERB_HELP] = {"HELP", arg_any, 0, 0, 0, true},
	[SMTP_VERB_ETRN] = {"ETRN", arg_some, SMTP_T_HELO, SMTP_T_MAIL, 0, true},
	[SMTP_VERB_AUTH] = {"AUTH", arg_auth, SMTP_T_HELO, SMTP_T_AUTH | SMTP_T_MAIL, SMTP_EXT_AUTH,
		true},
	[SMTP_VERB_STARTTLS] = {"STARTTLS", arg_none, SMTP_T_HELO, SMTP_T_MAIL, SMTP_EXT_STARTTLS,
		true},
	[SMTP_VERB_BURL] = {"BURL", arg_some, NEEDS_RCPT, SMTP_T_DATA | SMTP_T_FAILED, 0, true},
	[SMTP_VERB_XCLIENT] = {"XCLIENT", arg_some, 0, SMTP_T_MAIL, 0, true},
	[SMTP_VERB_XFORWARD] = {"XFORWARD", arg_some, 0, SMTP_T_MAIL, 0, true},
	[SMTP_VERB_XEXCH50] = {"XEXCH50", arg_some, SMTP_T_HELO, 0, 0, true},
	[SMTP_VERB_TURN] = {"TURN", arg_none, SMTP_T_HELO, SMTP_T_MAIL, 0, true},
	[SMTP_VERB_ATRN] = {"ATRN", arg_any, SMTP_T_HELO, SMTP_T_MAIL, 0, true},
	[SMTP_VERB_SEND] = {"SEND", arg_from, SMTP_T_HELO, SMTP_T_MAIL, 0, false},
	[SMTP_VERB_SOML] = {"SOML", arg_from, SMTP_T_HELO, SMTP_T_MAIL, 0, false},
	[SMTP_VERB_SAML] = {"SAML", arg_from, SMTP_T_HELO, SMTP_T_MAIL, 0, false},
	[SMTP_VERB_MESSAGE] = {"", arg_any, 0, 0, 0, true},
	[SMTP_VERB_UNKNOWN] = {"", arg_any, 0, 0, 0, true},
	[SMTP_VERB_OURS... SMTP_VERB_OURS_LAST] = {"", arg_any, 0, 0, 0, true},
};
_Static_assert(sizeof(verbs) / sizeof(verbs[0]) == SMTP_VERB_COUNT, "a verb has no row");

bool smtp_verb_gates(enum smtp_verb v)
{
	return verbs[v].gates;
}

bool smtp_verb_fits(enum smtp_verb v, uint8_t state)
{
	return (state & verbs[v].needs) == verbs[v].needs && (state & verbs[v].bars) == 0;
}

// Length of the word that would be the verb. NUL and CR end it as well: what a reader of C
// strings or of bare CRs would take for the verb is then what we take, and such a line gates.
static size_t verb_len(struct span s)
{
	size_t n = 0;

	while (n < s.n && !is_blank(s.p[n]) && s.p[n] != '\0' && s.p[n] != '\r' && s.p[n] != '\n')
		n++;
	return n;
}

static uint32_t four(const void *p)
{
	uint32_t letters;

	memcpy(&letters, p, sizeof(letters));
	return letters;
}

// Each verb begins with four letters, and they alone are looked at first: without the bit by which a small letter
// differs nothing but a letter is the capital one.
static enum smtp_verb verb_of(struct span word)
{
	const uint32_t small = 0x20202020;

	if (word.n < sizeof(small) || word.n >= sizeof(verbs[0].name))
		return SMTP_VERB_UNKNOWN;
	const uint32_t begin = four(word.p) & ~small;
	for (enum smtp_verb v = SMTP_VERB_HELO; v < SMTP_VERB_MESSAGE; v++)
		if (begin == four(verbs[v].name) && word_is(word, verbs[v].name))
			return v;
	return SMTP_VERB_UNKNOWN;
}

void smtp_command_parse(struct span body, struct smtp_command *c)
{
	struct span line = trim(body);
	size_t n = verb_len(line);

	*c = (struct smtp_command){.verb = verb_of(span_sub(line, 0, n))};
	if (c->verb == SMTP_VERB_UNKNOWN)
		return;
	c->text = trim(span_from(line, n));
	c->uses = verbs[c->verb].uses;
	verbs[c->verb].parse(c->text, c);
}

enum smtp_verb smtp_command_guess(struct span line)
{
	size_t i = 0;

	while (i < line.n && line.p[i] <= ' ')
		i++;
	line = span_from(line, i);
	return verb_of(span_sub(line, 0, verb_len(line)));
}

size_t smtp_command_max(const struct smtp_limits *limits, struct span in)
{
	if (smtp_command_guess(span_sub(in, 0, 16)) == SMTP_VERB_AUTH &&
		limits->auth_max > limits->command_max)
		return limits->auth_max;
	return limits->command_max;
}
