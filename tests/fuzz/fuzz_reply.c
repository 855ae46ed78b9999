// SPDX-License-Identifier: BSD-3-Clause
// A server that says anything to commands that were sent: a reply line reads back as what it is,
// and each final reply settles one command at most, the oldest, and never more than was asked.
// The input is a byte of options, a count and that many commands by number, then the server's bytes.
#include <stdio.h>

#include "fuzz.h"
#include "smtp_int.h"

enum { // options
	OPT_SMALL_LIMITS = 1 << 0,
	OPT_MASK = 1 << 1,
	OPT_NOT_GREETED = 1 << 2,
};

enum { EVENTS_MAX = 8, MASKED = SMTP_EXT_CHUNKING | SMTP_EXT_STARTTLS };

static const char *const commands[] = {"EHLO c\r\n", "HELO c\r\n", "MAIL FROM:<a@b>\r\n",
	"RCPT TO:<c@d>\r\n", "DATA\r\n", "BDAT 3\r\nabc", "BDAT 3 LAST\r\nabc", "BDAT 9\r\nab",
	"RSET\r\n", "NOOP\r\n", "QUIT\r\n", "AUTH LOGIN\r\n", "STARTTLS\r\n", "XCLIENT a=b\r\n",
	"what\r\n", "RSET\n"};

// ---- a line by itself

static void digits_check(struct span body, const struct smtp_reply *r)
{
	char again[8];

	CHECK(r->code >= 200 && r->code <= 599);
	CHECK(snprintf(again, sizeof(again), "%03u", (unsigned)r->code) == 3);
	CHECK(memcmp(again, body.p, 3) == 0);
	CHECK(body.n == 3 || body.p[3] == ' ' || body.p[3] == '\t' || body.p[3] == '-');
	CHECK(r->last == (body.n == 3 || body.p[3] != '-'));
	CHECK(r->text.n == (body.n > 4 ? body.n - 4 : 0) && span_is_inside(r->text, body));
}

// A keyword counts with any case and any argument, and with nothing else behind it.
static void extension_check(struct span text)
{
	uint16_t ext = smtp_reply_extension(text);
	uint8_t *p = malloc(text.n + 2);

	if (p == NULL)
		abort();
	CHECK((ext & (ext - 1)) == 0);
	for (size_t i = 0; i < text.n; i++)
		p[i] = (uint8_t)(text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] | 0x20
								      : text.p[i]);
	p[text.n] = ' ';
	p[text.n + 1] = '1';
	CHECK(smtp_reply_extension((struct span){p, text.n}) == ext);
	CHECK(smtp_reply_extension((struct span){p, text.n + 2}) == ext);
	p[text.n] = 'x';
	if (ext != 0 && memchr(text.p, ' ', text.n) == NULL &&
		memchr(text.p, '\t', text.n) == NULL && memchr(text.p, '=', text.n) == NULL)
		CHECK(smtp_reply_extension((struct span){p, text.n + 1}) == 0);
	free(p);
}

static void line_check(struct span body)
{
	struct span exact = {copy_of(body, 0), body.n};
	struct smtp_reply r;

	if (smtp_reply_parse(exact, &r)) {
		digits_check(exact, &r);
		extension_check(r.text);
	}
	free((void *)(uintptr_t)exact.p);
}

// ---- in a session

struct told { // of the reply that is open
	bool open;
	uint16_t code;
	uint8_t verb;
	unsigned lines;
};

static void reply_check(struct told *t, const struct smtp *was, const struct smtp_event *e)
{
	if (!t->open) {
		*t = (struct told){.open = true, .code = e->code, .verb = e->verb};
		if (e->verb != SMTP_VERB_NONE && was->mode != SMTP_MODE_DATA)
			CHECK(was->pending_count > 0 && was->pending[was->pending_head] == e->verb);
	}
	CHECK(e->code == t->code && e->verb == t->verb);
	CHECK(++t->lines <= was->limits.reply_lines);
	CHECK(e->code != 334 || e->text.n == 0);
	t->open = e->kind == SMTP_EV_REPLY_LINE;
}

// One line at most a step, so that each event can be held against the state before it.
static void step_check(const struct smtp *was, const struct smtp *is, const struct smtp_event *ev,
	size_t count, struct told *t)
{
	bool final = false, resumed;

	for (size_t i = 0; i < count; i++) {
		CHECK(ev[i].side == SMTP_SERVER);
		CHECK(ev[i].kind != SMTP_EV_DESYNC || i == count - 1);
		if (ev[i].kind == SMTP_EV_KEYWORD)
			CHECK(was->reply_verb == SMTP_VERB_EHLO && ev[i].code / 100 == 2);
		if (ev[i].kind == SMTP_EV_REPLY || ev[i].kind == SMTP_EV_REPLY_LINE)
			reply_check(t, was, &ev[i]);
		final |= ev[i].kind == SMTP_EV_REPLY;
	}
	resumed = was->mode == SMTP_MODE_DATA && is->mode == SMTP_MODE_COMMAND;
	if (!resumed) {
		CHECK(is->pending_count <= was->pending_count);
		CHECK(was->pending_count - is->pending_count <= (final ? 1 : 0));
	}
	CHECK((is->offered & is->masked) == 0);
	CHECK(is->mode != SMTP_MODE_DATA || was->mode == SMTP_MODE_DATA || t->code == 354);
	CHECK(is->mode != SMTP_MODE_OPAQUE || was->mode == SMTP_MODE_OPAQUE || t->code / 100 == 2);
	if (final)
		CHECK(is->greeted && !is->reply_open);
}

static void server_says(struct smtp *s, struct span in)
{
	struct told t = {0};

	while (in.n > 0) {
		const uint8_t *lf = memchr(in.p, '\n', in.n);
		size_t n = lf == NULL ? in.n : (size_t)(lf - in.p) + 1;
		struct span line = {copy_of(span_sub(in, 0, n), 0), n};
		struct smtp was = *s;
		struct smtp_event ev[EVENTS_MAX];
		size_t count = 0, used = smtp_feed(s, SMTP_SERVER, line, ev, EVENTS_MAX, &count);

		CHECK(used == 0 || used == n);
		step_check(&was, s, ev, count, &t);
		if (used == 0 && count > 0)
			CHECK(count == 1 && ev[0].kind == SMTP_EV_DESYNC);
		free((void *)(uintptr_t)line.p);
		if (s->mode == SMTP_MODE_STOPPED || s->mode == SMTP_MODE_OPAQUE || used == 0)
			return;
		in = span_from(in, n);
	}
}

static void client_says(struct smtp *s, const char *text)
{
	struct smtp_event ev[EVENTS_MAX];
	struct span in = span_str(text);
	size_t count, used;

	do {
		used = smtp_feed(s, SMTP_CLIENT, in, ev, EVENTS_MAX, &count);
		in = span_from(in, used);
	} while (used > 0);
}

static void session_begin(struct smtp *s, uint8_t options)
{
	static const struct smtp_limits SMALL = {.reply_max = 64, .reply_lines = 4};
	static const char *const hello = "220 mx\r\n250-mx\r\n250-CHUNKING\r\n250-AUTH LOGIN\r\n"
					 "250 STARTTLS\r\n";
	struct smtp_event ev[16];
	size_t count;

	smtp_init(s, (options & OPT_SMALL_LIMITS) != 0 ? &SMALL : NULL);
	if ((options & OPT_NOT_GREETED) != 0)
		return;
	client_says(s, "EHLO c\r\n");
	CHECK(smtp_feed(s, SMTP_SERVER, span_str(hello), ev, 16, &count) == strlen(hello));
	CHECK(s->pending_count == 0 && s->greeted);
	CHECK(s->offered == (SMTP_EXT_CHUNKING | SMTP_EXT_AUTH | SMTP_EXT_STARTTLS));
	if ((options & OPT_MASK) != 0)
		smtp_mask(s, MASKED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {data, size}, rest;
	uint8_t options = take8(&in), n = take8(&in) % 40;
	struct smtp s;

	session_begin(&s, options);
	for (unsigned i = 0; i < n; i++)
		client_says(&s, commands[take8(&in) % (sizeof(commands) / sizeof(commands[0]))]);
	for (rest = in; rest.n > 0;) {
		size_t body = smtp_line_break(rest, 0);

		line_check(span_sub(rest, 0, body));
		rest = span_from(rest, body + 1);
	}
	if (s.mode != SMTP_MODE_STOPPED)
		server_says(&s, in);
	return 0;
}
