// SPDX-License-Identifier: BSD-3-Clause
// The list of an operator's errors: keeps the first ERR_MAX texts, counts every error.
// When the list is full an error takes the place of the last warning, so that a flood of
// warnings never hides what makes a check fail.
// Thread: one at a time.
#include "err.h"

#include <stdarg.h>
#include <string.h>

#include "text.h"

struct place {
	const char *file; // NULL where unknown
	unsigned line, col;
};

void err_init(struct err_list *e)
{
	memset(e, 0, sizeof(*e));
}

static size_t clamp(int written, size_t cap)
{
	return written < 0 ? 0 : (size_t)written < cap ? (size_t)written : cap - 1;
}

// "file:line:col: " without the parts that are not known.
static size_t place_write(char *out, size_t cap, struct place at)
{
	size_t n = 0;

	if (at.file != NULL)
		n += clamp(snprintf(out, cap, "%s:", at.file), cap);
	if (at.line != 0)
		n += clamp(snprintf(out + n, cap - n, "%u:", at.line), cap - n);
	if (at.line != 0 && at.col != 0)
		n += clamp(snprintf(out + n, cap - n, "%u:", at.col), cap - n);
	if (n != 0)
		n += text_copy(out + n, cap - n, " ");
	return n < cap ? n : cap - 1;
}

// A free slot, or the last one after the last warning was taken out; ERR_MAX if there is none.
static unsigned slot_take(struct err_list *e, bool warning)
{
	unsigned i = ERR_MAX;

	if (e->kept < ERR_MAX)
		return e->kept++;
	if (warning || e->warnings == 0)
		return ERR_MAX;
	while (!e->is_warning[--i])
		;
	for (; i + 1 < ERR_MAX; i++) {
		memcpy(e->text[i], e->text[i + 1], ERR_TEXT_MAX);
		e->is_warning[i] = e->is_warning[i + 1];
	}
	e->warnings--;
	return ERR_MAX - 1;
}

__attribute__((format(printf, 4, 0))) static void text_add(
	struct err_list *e, bool warning, struct place at, const char *fmt, va_list ap)
{
	unsigned slot = slot_take(e, warning);
	size_t n;
	char *out;

	if (!warning)
		e->count++;
	if (slot == ERR_MAX)
		return;
	e->is_warning[slot] = warning;
	e->warnings += warning;
	out = e->text[slot];
	n = place_write(out, ERR_TEXT_MAX, at);
	if (warning)
		n += text_copy(out + n, ERR_TEXT_MAX - n, "warning: ");
	if (n < ERR_TEXT_MAX)
		(void)vsnprintf(out + n, ERR_TEXT_MAX - n, fmt, ap); // cut beyond, by contract
}

void err_at(struct err_list *e, const char *file, unsigned line, unsigned col, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_add(e, false, (struct place){file, line, col}, fmt, ap);
	va_end(ap);
}

void err_add(struct err_list *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_add(e, false, (struct place){0}, fmt, ap);
	va_end(ap);
}

void err_warn_at(
	struct err_list *e, const char *file, unsigned line, unsigned col, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_add(e, true, (struct place){file, line, col}, fmt, ap);
	va_end(ap);
}

void err_append(struct err_list *dst, const struct err_list *src)
{
	unsigned kept = src->kept < ERR_MAX ? src->kept : ERR_MAX, errors = 0;

	for (unsigned i = 0; i < kept; i++) {
		unsigned slot = slot_take(dst, src->is_warning[i]);

		errors += !src->is_warning[i];
		if (slot == ERR_MAX)
			continue;
		dst->is_warning[slot] = src->is_warning[i];
		dst->warnings += src->is_warning[i];
		(void)snprintf(dst->text[slot], ERR_TEXT_MAX, "%.*s", ERR_TEXT_MAX - 1,
			src->text[i]); // of the same size
	}
	dst->count += src->count > errors ? src->count : errors;
}

bool err_any(const struct err_list *e)
{
	return e->count != 0;
}

void err_print(const struct err_list *e, FILE *f)
{
	unsigned shown = e->kept - e->warnings;

	for (unsigned i = 0; i < e->kept; i++)
		(void)fprintf(f, "%s\n", e->text[i]); // nobody to tell if the terminal is gone
	if (e->count > shown)
		(void)fprintf(f, "%u more\n", e->count - shown);
}
