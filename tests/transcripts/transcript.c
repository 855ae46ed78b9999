// SPDX-License-Identifier: BSD-3-Clause
// The text form of SMTP dialogues -> steps and expected events. Decides only the syntax.
// Thread: one.

#include "transcript.h"

#include <stdlib.h>
#include <string.h>

enum { RUN_MIN = 20 }; // so many of one byte are written as \{c*N}

void die(const char *where, unsigned line_no, const char *what)
{
	(void)fprintf(stderr, "%s:%u: %s\n", where, line_no, what);
	exit(1);
}

// Bytes ----------------------------------------------------------------------------------------

void bytes_add(struct bytes *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	if (b->n + n > b->cap) {
		b->cap = 2 * (b->n + n);
		b->p = realloc(b->p, b->cap);
		if (b->p == NULL)
			die("realloc", 0, "out of memory");
	}
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void bytes_cut(struct bytes *b, size_t n)
{
	if (n == 0)
		return;
	b->n -= n;
	memmove(b->p, b->p + n, b->n);
}

void bytes_free(struct bytes *b)
{
	free(b->p);
	*b = (struct bytes){0};
}

static size_t escape_byte(uint8_t c, char out[8])
{
	static const char named[] = "\rr\nn\tt\\\\";

	for (size_t i = 0; i < 8; i += 2)
		if (c == (uint8_t)named[i])
			return (size_t)snprintf(out, 8, "\\%c", named[i + 1]);
	if (c == 0)
		return (size_t)snprintf(out, 8, "\\0");
	if (c < ' ' || c > '~')
		return (size_t)snprintf(out, 8, "\\x%02x", c);
	return (size_t)snprintf(out, 8, "%c", c);
}

void bytes_add_escaped(struct bytes *b, struct span in)
{
	size_t run;

	for (size_t i = 0; i < in.n; i += run) {
		char one[8], many[40];
		size_t n = escape_byte(in.p[i], one);

		for (run = 1; i + run < in.n && in.p[i + run] == in.p[i]; run++)
			;
		if (run < RUN_MIN) {
			run = 1;
			bytes_add(b, one, n);
		} else {
			n = (size_t)snprintf(many, sizeof(many), "\\{%s*%zu}", one, run);
			bytes_add(b, many, n);
		}
	}
}

void bytes_print(const struct bytes *b, const char *prefix)
{
	const uint8_t *p = b->p, *end = b->p + b->n;

	while (p < end) {
		const uint8_t *lf = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((lf != NULL ? lf : end) - p);

		printf("%s%.*s\n", prefix, (int)n, (const char *)p);
		p += n + 1;
	}
}

// Escapes --------------------------------------------------------------------------------------

__attribute__((noreturn)) static void bad(const struct transcript *t, const char *what)
{
	die(t->path, t->line_no, what);
}

static void unescape(const struct transcript *t, const char *text, size_t n, struct bytes *out);

// \{text*count}: returns the bytes of it, the backslash not counted.
static size_t unescape_repeat(const struct transcript *t, const char *text, size_t n,
	struct bytes *out)
{
	const char *close = memchr(text, '}', n);
	const char *star = close != NULL ? memrchr(text, '*', (size_t)(close - text)) : NULL;
	struct bytes one = {0};

	if (star == NULL)
		bad(t, "a repeat is \\{text*count}");
	unescape(t, text + 1, (size_t)(star - text) - 1, &one);
	for (unsigned long count = strtoul(star + 1, NULL, 10); count > 0; count--)
		bytes_add(out, one.p, one.n);
	bytes_free(&one);
	return (size_t)(close - text) + 1;
}

static size_t unescape_one(const struct transcript *t, const char *text, size_t n,
	struct bytes *out)
{
	static const char named[] = "r\rn\nt\t\\\\";
	char hex[3] = {0};
	char c;

	if (n == 0)
		bad(t, "a backslash ends the line");
	for (size_t i = 0; i < 8; i += 2)
		if (text[0] == named[i]) {
			bytes_add(out, &named[i + 1], 1);
			return 1;
		}
	switch (text[0]) {
	case '0':
		bytes_add(out, "", 1);
		return 1;
	case 'x':
		if (n < 3)
			bad(t, "two hex digits behind \\x");
		memcpy(hex, text + 1, 2);
		c = (char)strtoul(hex, NULL, 16);
		bytes_add(out, &c, 1);
		return 3;
	case '{':
		return unescape_repeat(t, text, n, out);
	default:
		bad(t, "an unknown escape");
	}
}

static void unescape(const struct transcript *t, const char *text, size_t n, struct bytes *out)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\\')
			i += unescape_one(t, text + i + 1, n - i - 1, out);
		else
			bytes_add(out, text + i, 1);
	}
}

// Lines ----------------------------------------------------------------------------------------

static void keep_line(char ***list, size_t *n, char *line)
{
	*list = realloc(*list, (*n + 1) * sizeof(**list));
	if (*list == NULL)
		die("realloc", 0, "out of memory");
	(*list)[(*n)++] = line;
}

static char *line_next(struct transcript *t)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n = getline(&line, &cap, t->f);

	if (n < 0) {
		free(line);
		return NULL;
	}
	t->line_no++;
	if (n > 0 && line[n - 1] == '\n')
		line[n - 1] = '\0';
	return line;
}

static const struct { const char *name; uint16_t ext; } extension_names[] = {
	{"PIPELINING", SMTP_EXT_PIPELINING}, {"CHUNKING", SMTP_EXT_CHUNKING},
	{"STARTTLS", SMTP_EXT_STARTTLS},     {"AUTH", SMTP_EXT_AUTH},
	{"8BITMIME", SMTP_EXT_8BITMIME},     {"SMTPUTF8", SMTP_EXT_SMTPUTF8},
	{"SIZE", SMTP_EXT_SIZE},             {"BINARYMIME", SMTP_EXT_BINARYMIME},
};

static uint16_t parse_extension(const struct transcript *t, const char *name)
{
	for (size_t i = 0; i < sizeof(extension_names) / sizeof(extension_names[0]); i++)
		if (strcmp(extension_names[i].name, name) == 0)
			return extension_names[i].ext;
	bad(t, "an unknown extension");
}

static void parse_limit(const struct transcript *t, const char *text, struct smtp_limits *limits)
{
	struct { const char *name; uint16_t *value; } names[] = {
		{"command_max=", &limits->command_max}, {"auth_max=", &limits->auth_max},
		{"reply_max=", &limits->reply_max},     {"reply_lines=", &limits->reply_lines},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(text, names[i].name, strlen(names[i].name)) == 0) {
			*names[i].value = (uint16_t)strtoul(text + strlen(names[i].name), NULL, 10);
			return;
		}
	bad(t, "an unknown limit");
}

static struct step *step_new(struct dialogue *d, enum step_kind kind)
{
	if (d->steps_n > d->before_n)
		bytes_add(&d->expected, STEP_MARK, strlen(STEP_MARK));
	d->steps = realloc(d->steps, (d->steps_n + 1) * sizeof(*d->steps));
	if (d->steps == NULL)
		die("realloc", 0, "out of memory");
	d->steps[d->steps_n] = (struct step){.kind = kind};
	return &d->steps[d->steps_n++];
}

// Lines of one side in a row, with neither events nor -- between, are one delivery.
static void parse_run(struct transcript *t, struct dialogue *d, enum step_kind kind,
	const char *text, bool *joins)
{
	struct step *step = *joins && d->steps_n > d->before_n ? &d->steps[d->steps_n - 1] : NULL;

	if (step == NULL || step->kind != kind)
		step = step_new(d, kind);
	unescape(t, text, strlen(text), &step->bytes);
	step->source_end = d->source_n + 1;
	*joins = true;
}

// How most dialogues begin; each goes on from the one before it.
static const struct {
	const char *name;
	struct { enum step_kind kind; const char *text; } steps[6];
} beginnings[] = {
	{"greeted", {{STEP_SERVER, "220 mx.example ESMTP\r\n"}}},
	{"helo", {{STEP_CLIENT, "HELO client.example\r\n"}, {STEP_SERVER, "250 mx.example\r\n"}}},
	{"ehlo", {{STEP_CLIENT, "EHLO client.example\r\n"},
		{STEP_SERVER, "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n"
			      "250-STARTTLS\r\n250-AUTH PLAIN LOGIN CRAM-MD5\r\n250-8BITMIME\r\n"
			      "250-SMTPUTF8\r\n250-BINARYMIME\r\n250 CHUNKING\r\n"}}},
	{"rcpt", {{STEP_CLIENT, "MAIL FROM:<a@x.example>\r\n"}, {STEP_SERVER, "250 ok\r\n"},
		{STEP_CLIENT, "RCPT TO:<b@y.example>\r\n"}, {STEP_SERVER, "250 ok\r\n"}}},
	{"data", {{STEP_CLIENT, "DATA\r\n"}, {STEP_SERVER, "354 go on\r\n"}}},
};
enum { BEGINNINGS = sizeof(beginnings) / sizeof(beginnings[0]) };

static void parse_beginning(struct transcript *t, struct dialogue *d, const char *name)
{
	size_t last = 0;

	while (last < BEGINNINGS && strcmp(beginnings[last].name, name) != 0)
		last++;
	if (last == BEGINNINGS || d->steps_n > 0)
		bad(t, "one of greeted, helo, ehlo, rcpt, data, and nothing before it");
	for (size_t i = 0; i <= last; i++) {
		for (size_t k = 0; k < 6 && beginnings[i].steps[k].text != NULL; k++) {
			const char *text = beginnings[i].steps[k].text;
			struct step *step = step_new(d, beginnings[i].steps[k].kind);

			bytes_add(&step->bytes, text, strlen(text));
			d->before_n = d->steps_n;
		}
	}
}

static void parse_expected(struct transcript *t, struct dialogue *d, const char *text)
{
	struct bytes raw = {0};

	unescape(t, text, strlen(text), &raw);
	bytes_add_escaped(&d->expected, (struct span){raw.p, raw.n});
	bytes_add(&d->expected, "\n", 1);
	bytes_free(&raw);
}

// One line of a dialogue; true where it is to be printed again as it stands.
static bool parse_line(struct transcript *t, struct dialogue *d, const char *line, bool *joins,
	char **end_state)
{
	struct step *step;

	if (line[0] == '#' || line[0] == '\0')
		return true;
	if (strcmp(line, "--") == 0) {
		*joins = false;
		return true;
	}
	if (line[1] != ':' || line[2] != ' ')
		bad(t, "a line begins with I: C: S: E: M: L: Z: # or ==");
	switch (line[0]) {
	case 'I':
		parse_beginning(t, d, line + 3);
		return true;
	case 'C':
		parse_run(t, d, STEP_CLIENT, line + 3, joins);
		return true;
	case 'S':
		parse_run(t, d, STEP_SERVER, line + 3, joins);
		return true;
	case 'M':
		step = step_new(d, STEP_MASK);
		step->mask = parse_extension(t, line + 3);
		step->source_end = d->source_n + 1;
		*joins = false;
		return true;
	case 'L':
		parse_limit(t, line + 3, &d->limits);
		return true;
	case 'E':
		if (d->steps_n == d->before_n)
			bad(t, "an event before any byte");
		parse_expected(t, d, line + 3);
		*joins = false;
		return false;
	case 'Z':
		free(*end_state);
		*end_state = strdup(line + 3);
		return false;
	default:
		bad(t, "an unknown kind of line");
	}
}

void transcript_open(struct transcript *t, const char *path)
{
	*t = (struct transcript){.path = path, .f = fopen(path, "r")};
	if (t->f == NULL)
		die(path, 0, "cannot be read");
	while ((t->ahead = line_next(t)) != NULL && strncmp(t->ahead, "== ", 3) != 0) {
		if (t->ahead[0] != '#' && t->ahead[0] != '\0')
			bad(t, "a dialogue begins with ==");
		keep_line(&t->head, &t->head_n, t->ahead);
	}
}

bool transcript_next(struct transcript *t, struct dialogue *d)
{
	char *line, *end_state = NULL;
	bool joins = false;

	if (t->ahead == NULL)
		return false;
	*d = (struct dialogue){.name = strdup(t->ahead + 3)};
	d->source = t->head;
	d->source_n = t->head_n;
	t->head = NULL;
	t->head_n = 0;
	keep_line(&d->source, &d->source_n, t->ahead);
	while ((line = line_next(t)) != NULL && strncmp(line, "== ", 3) != 0) {
		if (parse_line(t, d, line, &joins, &end_state))
			keep_line(&d->source, &d->source_n, line);
		else
			free(line);
	}
	t->ahead = line;
	if (d->steps_n == d->before_n)
		bad(t, "a dialogue without a byte");
	// Blank lines and comments before the next name stay behind the end state.
	while (d->source_n > d->steps[d->steps_n - 1].source_end) {
		keep_line(&t->head, &t->head_n, d->source[--d->source_n]);
	}
	for (size_t i = 0; i < t->head_n / 2; i++) {
		char *other = t->head[t->head_n - 1 - i];

		t->head[t->head_n - 1 - i] = t->head[i];
		t->head[i] = other;
	}
	bytes_add(&d->expected, STEP_MARK, strlen(STEP_MARK));
	const char *end = end_state != NULL ? end_state : "open client=0 server=0";

	bytes_add(&d->expected, end, strlen(end));
	bytes_add(&d->expected, "\n", 1);
	free(end_state);
	return true;
}

void transcript_tail(struct transcript *t)
{
	for (size_t i = 0; i < t->head_n; i++)
		printf("%s\n", t->head[i]);
}

void transcript_close(struct transcript *t)
{
	for (size_t i = 0; i < t->head_n; i++)
		free(t->head[i]);
	free(t->head);
	free(t->ahead);
	(void)fclose(t->f); // only read
}

void dialogue_free(struct dialogue *d)
{
	for (size_t i = 0; i < d->steps_n; i++)
		bytes_free(&d->steps[i].bytes);
	for (size_t i = 0; i < d->source_n; i++)
		free(d->source[i]);
	free(d->steps);
	free(d->source);
	free(d->name);
	bytes_free(&d->expected);
}
