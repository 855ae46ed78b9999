// SPDX-License-Identifier: BSD-3-Clause
// A command line: what is told lies inside the line, does not depend on case or on blanks around
// it, and says nothing that the verb has no argument for; a BDAT size is read as a wide number says.
// The input is the line without its end.
#include <strings.h>

#include "fuzz.h"
#include "smtp_int.h"

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_blank(uint8_t c)
{
	return c <= ' ' && c != '\r' && c != '\n';
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

// How the same line reads with other letters or blanks around it: `shift` is by how much it moved.
static void same_check(const struct smtp_command *a, struct span in_a, const struct smtp_command *b,
	struct span in_b, size_t shift)
{
	CHECK(a->verb == b->verb && a->flags == b->flags && a->uses == b->uses);
	CHECK(a->utf8 == b->utf8 && a->last == b->last && a->chunk_known == b->chunk_known);
	CHECK(a->octets == b->octets);
	CHECK(a->text.n == b->text.n && a->path.n == b->path.n);
	CHECK((a->path.p == NULL) == (b->path.p == NULL));
	if (a->text.n > 0)
		CHECK(a->text.p - in_a.p + (ptrdiff_t)shift == b->text.p - in_b.p);
	if (a->path.n > 0)
		CHECK(a->path.p - in_a.p + (ptrdiff_t)shift == b->path.p - in_b.p);
}

static void other_case_check(struct span body, const struct smtp_command *c)
{
	uint8_t *p = copy_of(body, 0);
	struct span other = {p, body.n};
	struct smtp_command d;

	for (size_t i = 0; i < body.n; i++)
		if (is_letter(p[i]))
			p[i] ^= 0x20;
	smtp_command_parse(other, &d);
	same_check(c, body, &d, other, 0);
	CHECK(smtp_command_guess(body) == smtp_command_guess(other));
	free(p);
}

static void blanks_check(struct span body, const struct smtp_command *c)
{
	uint8_t *p = malloc(body.n + 4);
	struct span wide = {p, body.n + 4};
	struct smtp_command d;

	if (p == NULL)
		abort();
	memcpy(p, " \t", 2);
	if (body.n > 0)
		memcpy(p + 2, body.p, body.n);
	memcpy(p + 2 + body.n, "\t ", 2);
	smtp_command_parse(wide, &d);
	same_check(c, body, &d, wide, 2);
	free(p);
}

static struct span word_of(struct span *s)
{
	size_t n = 0;

	while (s->n > 0 && is_blank(s->p[0]))
		*s = span_from(*s, 1);
	while (n < s->n && !is_blank(s->p[n]))
		n++;
	return take(s, n);
}

// BDAT SP 1*DIGIT [SP LAST] with a number of 128 bits.
static void bdat_check(struct span text, const struct smtp_command *c)
{
	struct span size = word_of(&text), last = word_of(&text), rest = word_of(&text);
	bool is_last = last.n == 4 && strncasecmp((const char *)last.p, "LAST", 4) == 0;
	unsigned __int128 n = 0;
	bool known = size.n > 0 && rest.n == 0 && (last.n == 0 || is_last);

	for (size_t i = 0; i < size.n && known; i++) {
		known = is_digit(size.p[i]);
		n = n * 10 + (size.p[i] & 15u);
		known = known && n <= UINT64_MAX;
	}
	if (n > INT32_MAX || (size.n > 1 && size.p[0] == '0')) // not the same to all servers
		known = false;
	CHECK(c->chunk_known == known);
	CHECK(c->octets == (known ? (uint64_t)n : 0) && c->last == (known && is_last));
	CHECK((c->flags & SMTP_LINE_SYNTAX) == 0);
}

static void text_check(const struct smtp_command *c)
{
	if (c->text.n > 0)
		CHECK(!is_blank(c->text.p[0]) && !is_blank(c->text.p[c->text.n - 1]));
	switch (c->verb) {
	case SMTP_VERB_UNKNOWN: // it may be a stray AUTH payload
		CHECK(c->text.n == 0 && c->path.n == 0 && c->flags == 0 && c->uses == 0);
		break;
	case SMTP_VERB_AUTH: // RFC 4422 3.1
		CHECK(c->text.n <= 20);
		for (size_t i = 0; i < c->text.n; i++)
			CHECK(is_letter(c->text.p[i]) || is_digit(c->text.p[i]) ||
				c->text.p[i] == '-' || c->text.p[i] == '_');
		CHECK((c->text.n == 0) == ((c->flags & SMTP_LINE_SYNTAX) != 0));
		break;
	case SMTP_VERB_BDAT:
		bdat_check(c->text, c);
		break;
	default:
		CHECK(!c->chunk_known && !c->last && c->octets == 0);
	}
}

static void path_check(const struct smtp_command *c)
{
	bool takes_path = c->verb == SMTP_VERB_MAIL || c->verb == SMTP_VERB_RCPT ||
		c->verb == SMTP_VERB_SEND || c->verb == SMTP_VERB_SOML || c->verb == SMTP_VERB_SAML;

	CHECK(takes_path || c->path.p == NULL);
	CHECK(span_is_inside(c->path, c->text));
	if ((c->flags & SMTP_LINE_SYNTAX) != 0 || !takes_path)
		return;
	CHECK(c->path.p != NULL && (c->path.n > 0 || c->verb != SMTP_VERB_RCPT));
	CHECK(c->path.p[-1] == '<' || c->path.p[-1] == ':'); // behind a source route
	CHECK(c->path.p[c->path.n] == '>');
	for (size_t i = 0; i < c->path.n; i++)
		CHECK(c->path.p[i] >= ' ' && c->path.p[i] != 0x7f);
}

static void limits_check(struct span body)
{
	static const struct smtp_limits MORE = {.command_max = 64, .auth_max = 80};
	static const struct smtp_limits LESS = {.command_max = 64, .auth_max = 50};
	bool is_auth = smtp_command_guess(span_sub(body, 0, 16)) == SMTP_VERB_AUTH;

	CHECK(smtp_command_max(&MORE, body) == (is_auth ? 80 : 64));
	CHECK(smtp_command_max(&LESS, body) == 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span body = {copy_of((struct span){data, size}, 0), size};
	struct smtp_command c;
	size_t i = 0;

	smtp_command_parse(body, &c);
	CHECK(c.verb > SMTP_VERB_NONE && c.verb < SMTP_VERB_COUNT && c.verb != SMTP_VERB_MESSAGE);
	CHECK((c.flags & ~SMTP_LINE_SYNTAX) == 0);
	CHECK(span_is_inside(c.text, body));
	while (i < body.n && is_blank(body.p[i]))
		i++;
	if (i < body.n && body.p[i] > ' ') // else more than blanks is passed over in a guess
		CHECK(smtp_command_guess(body) == c.verb);
	text_check(&c);
	path_check(&c);
	other_case_check(body, &c);
	blanks_check(body, &c);
	limits_check(body);
	for (unsigned state = 0; state < 256; state++) // what is barred is not what is needed
		if (smtp_verb_fits(c.verb, (uint8_t)state))
			CHECK(smtp_verb_fits(c.verb, (uint8_t)(state | SMTP_T_HELO)));
	free((void *)(uintptr_t)body.p);
	return 0;
}
