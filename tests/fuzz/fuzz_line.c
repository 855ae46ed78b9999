// SPDX-License-Identifier: BSD-3-Clause
// Lines and ends of data, in any cutting, against a slow model that looks at the whole text at once
// (the two expressions at the head of smtp_line.c, taken literally). The input is a byte that says
// how to cut and how long lines may be, then the text.
#include "fuzz.h"
#include "smtp_int.h"

enum { TEXT_MAX = 4096 };

struct story { // what a reading of the text told
	uint8_t text[TEXT_MAX];
	size_t n, used;
	uint8_t end[TEXT_MAX + 1]; // enum smtp_end behind so many bytes
};

static uint32_t noise;

static size_t noise_below(size_t n)
{
	noise = noise * 1664525 + 1013904223;
	return (noise >> 8) % n;
}

// ---- lines

static uint16_t flags_model(struct span body, bool crlf)
{
	uint16_t flags = crlf ? 0 : SMTP_LINE_BARE_LF;

	for (size_t i = 0; i < body.n; i++) {
		flags |= body.p[i] == '\r' ? SMTP_LINE_BARE_CR : 0;
		flags |= body.p[i] == 0 ? SMTP_LINE_NUL : 0;
		flags |= memchr("\0\t\r", body.p[i], 3) == NULL && body.p[i] < ' '
			? SMTP_LINE_BLANKS
			: 0;
	}
	if (body.n > 0 && (body.p[0] == ' ' || body.p[0] == '\t'))
		flags |= SMTP_LINE_BLANKS;
	return flags;
}

static void line_check(struct span text, const struct smtp_line *line, size_t max)
{
	const uint8_t *lf = memchr(text.p, '\n', text.n);
	bool crlf = lf != NULL && lf > text.p && lf[-1] == '\r';
	bool has_8bit = false;

	CHECK(lf != NULL && line->len == (size_t)(lf - text.p) + 1 && line->len <= max);
	CHECK(line->body.p == text.p && line->body.n == line->len - (crlf ? 2 : 1));
	CHECK(line->flags == flags_model(line->body, crlf));
	for (size_t i = 0; i < line->body.n; i++)
		has_8bit |= line->body.p[i] >= 0x80;
	CHECK(line->has_8bit == has_8bit);
}

// The text comes in pieces; a line is told as soon as it is there, and never later or twice.
static void lines_check(struct span text, size_t max)
{
	uint16_t scanned = 0;
	size_t shown = 0;

	while (text.n > 0) {
		struct span in = span_sub(text, 0, shown);
		uint8_t *copy = copy_of(in, 0); // behind it is nothing
		struct smtp_line line;
		enum smtp_found found =
			smtp_line_find((struct span){copy, in.n}, max, &scanned, &line);
		const uint8_t *lf = in.n == 0 ? NULL : memchr(in.p, '\n', in.n < max ? in.n : max);

		CHECK((found == SMTP_FOUND_LINE) == (lf != NULL));
		CHECK((found == SMTP_FOUND_TOO_LONG) == (lf == NULL && in.n >= max));
		if (found == SMTP_FOUND_LINE)
			line_check((struct span){copy, in.n}, &line, max);
		free(copy);
		if (found == SMTP_FOUND_TOO_LONG)
			return;
		if (found == SMTP_FOUND_LINE) {
			text = span_from(text, line.len);
			shown = shown > line.len ? shown - line.len : 0;
			continue;
		}
		if (shown == text.n)
			return;
		shown += 1 + noise_below(text.n - shown);
	}
}

// ---- ends of data

static void story_add(struct story *s, const struct smtp_eod_piece *piece)
{
	CHECK(s->n + piece->text.n <= TEXT_MAX);
	if (piece->text.n > 0)
		memcpy(s->text + s->n, piece->text.p, piece->text.n);
	s->n += piece->text.n;
	s->used += piece->used;
	if (piece->end != SMTP_END_NONE)
		s->end[s->used] = (uint8_t)piece->end;
}

// `step` bytes more at a time, 0 for any number.
static void story_read(struct span text, size_t step, struct story *s)
{
	uint8_t state = smtp_eod_start;
	size_t shown = 0;

	*s = (struct story){0};
	while (shown < text.n) {
		size_t more = step == 0 ? 1 + noise_below(text.n - shown) : step;
		struct smtp_eod_piece piece;

		shown = shown + more < text.n ? shown + more : text.n;
		do {
			struct span in = span_sub(text, s->used, shown - s->used);
			struct span exact = {copy_of(in, 0), in.n};

			piece = smtp_eod_read(&state, exact);
			CHECK(piece.used <= in.n && span_is_inside(piece.text, exact));
			CHECK(piece.text.n <= piece.used);
			story_add(s, &piece);
			free((void *)(uintptr_t)exact.p);
			if (piece.end == SMTP_END_STRICT)
				return;
		} while (piece.used > 0);
	}
	CHECK(text.n - s->used <= SMTP_EOD_RUN_MAX);
	for (size_t i = s->used; i < text.n; i++)
		CHECK(text.p[i] == '\r'); // all that is ever held back
}

// Bytes of CR+ LF? | LF at `at`, 0 where there is none or where the text ends too early to tell.
static size_t end_len(struct span text, size_t at)
{
	size_t n = 0;

	while (at + n < text.n && text.p[at + n] == '\r')
		n++;
	if (at + n == text.n)
		return 0;
	return text.p[at + n] == '\n' ? n + 1 : n;
}

static bool follows_crlf(struct span text, size_t at)
{
	return at == 0 || (at >= 2 && text.p[at - 2] == '\r' && text.p[at - 1] == '\n');
}

static bool follows_line_end(struct span text, size_t at)
{
	while (at > 0 && text.p[at - 1] == 0)
		at--;
	return at == 0 || text.p[at - 1] == '\r' || text.p[at - 1] == '\n';
}

// The ends that the dot at `at` makes; true where it is the strict one.
static bool model_dot(struct span text, size_t at, struct story *s)
{
	size_t n = end_len(text, at + 1);

	if (n == 2 && text.p[at + 2] == '\n' && follows_crlf(text, at)) {
		s->end[at + 3] = SMTP_END_STRICT;
		return true;
	}
	if (!follows_line_end(text, at))
		return false;
	if (n > 0)
		s->end[at + 1 + n] = SMTP_END_POSSIBLE;
	if (at + 1 == text.n || text.p[at + 1] != 0)
		return false;
	for (size_t i = at + 2; i<text.n; i += n> 0 ? n : 1) {
		n = end_len(text, i);
		if (n == 0)
			continue;
		s->end[i + n] = SMTP_END_POSSIBLE;
		if (n > 1 && text.p[i + n - 1] == '\n')
			break; // the first CRLF ends the line for everybody
	}
	return false;
}

static bool model_read(struct span text, struct story *s)
{
	size_t run = 0;

	*s = (struct story){0};
	for (size_t i = 0; i < text.n; i++) {
		run = text.p[i] == '\r' ? run + 1 : 0;
		if (run >= SMTP_EOD_RUN_MAX)
			return false; // where so many are cut is not the model's
	}
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '.') {
			if (model_dot(text, i, s)) {
				s->used = i + 3;
				return true;
			}
			if (follows_crlf(text, i))
				continue; // stuffed
		}
		s->text[s->n++] = text.p[i];
	}
	s->used = text.n;
	return true;
}

// What the lines tell one by one, as behind a possible end; only the ends are told there.
static void story_lines(struct span text, struct story *s)
{
	uint8_t state = smtp_eod_start;

	*s = (struct story){0};
	while (s->used < text.n) {
		size_t body = smtp_line_break(text, s->used) - s->used;
		size_t n = end_len(text, s->used + body);
		enum smtp_end end;

		if (n == 0)
			return;
		end = smtp_eod_line(&state, span_sub(text, s->used, body + n));
		s->used += body + n;
		s->end[s->used] = (uint8_t)end;
		if (end == SMTP_END_STRICT)
			return;
	}
}

static void ends_check(struct span text)
{
	static struct story whole, bytes, cut, model, lines;

	story_read(text, TEXT_MAX, &whole);
	story_read(text, 1, &bytes);
	story_read(text, 0, &cut);
	CHECK(memcmp(&whole, &bytes, sizeof(whole)) == 0);
	CHECK(memcmp(&whole, &cut, sizeof(whole)) == 0);
	if (!model_read(text, &model))
		return;
	CHECK(memcmp(whole.end, model.end, sizeof(model.end)) == 0);
	CHECK(whole.used <= model.used && whole.n == model.n - (model.used - whole.used));
	CHECK(memcmp(whole.text, model.text, whole.n) == 0);
	story_lines(text, &lines);
	CHECK(memcmp(whole.end, lines.end, lines.used + 1) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {data, size < TEXT_MAX ? size : TEXT_MAX};
	uint8_t options = take8(&text);

	noise = options;
	for (size_t i = 0; i <= text.n; i++) {
		size_t at = smtp_line_break(text, i);

		CHECK(at >= i && at <= text.n);
		CHECK(at == text.n || text.p[at] == '\r' || text.p[at] == '\n');
		CHECK(memchr(text.p + i, '\n', at - i) == NULL);
		CHECK(memchr(text.p + i, '\r', at - i) == NULL);
	}
	lines_check(text, (options & 1) != 0 ? 16 : 1000);
	ends_check(text);
	return 0;
}
