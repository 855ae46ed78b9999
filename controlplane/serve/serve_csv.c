// SPDX-License-Identifier: BSD-3-Clause
// Comma-separated values (serve_csv.h). Thread: any.
#include "serve_csv.h"

#include <errno.h>
#include <string.h>

void serve_csv_begin(struct serve_csv *c, const char *text, size_t n)
{
	// Spreadsheets begin UTF-8 with a byte order mark.
	c->p = text + (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
	c->end = text + n;
	c->line = 0;
	c->next_line = 1;
	c->n = 0;
	c->why[0] = '\0';
}

static int bad(struct serve_csv *c, const char *why)
{
	(void)snprintf(c->why, sizeof(c->why), "%s", why); // it fits
	return -EINVAL;
}

static bool at_line_end(const struct serve_csv *c)
{
	return c->p == c->end || *c->p == '\n' ||
		(*c->p == '\r' && c->p + 1 < c->end && c->p[1] == '\n');
}

static void line_end(struct serve_csv *c)
{
	if (c->p < c->end && *c->p == '\r')
		c->p++;
	if (c->p < c->end)
		c->p++;
	c->next_line++;
}

// One octet of a field.
static int put(struct serve_csv *c, size_t *n)
{
	char *field = c->field[c->n];

	if (*c->p == '\0')
		return bad(c, "a NUL");
	if (*n + 1 >= SERVE_CSV_FIELD_MAX)
		return bad(c, "a field is too long");
	c->next_line += *c->p == '\n';
	field[(*n)++] = *c->p++;
	return 0;
}

static int quoted(struct serve_csv *c, size_t *n)
{
	int rc = 0;

	for (c->p++; rc == 0; rc = put(c, n)) {
		if (c->p == c->end)
			return bad(c, "a quote that does not end");
		if (*c->p != '"')
			continue;
		if (++c->p == c->end || *c->p != '"')
			break;
	}
	if (rc == 0 && !at_line_end(c) && *c->p != ',')
		return bad(c, "something behind a quoted field");
	return rc;
}

static int plain(struct serve_csv *c, size_t *n)
{
	int rc = 0;

	while (rc == 0 && !at_line_end(c) && *c->p != ',') {
		if (*c->p == '"')
			return bad(c, "a quote within a field that has none around it");
		rc = put(c, n);
	}
	return rc;
}

// Behind any apostrophes: would a spreadsheet calculate it?
static bool is_formula(const char *text)
{
	text += strspn(text, "'");
	return *text != '\0' && strchr("=+-@\t\r\n", *text) != NULL;
}

int serve_csv_next(struct serve_csv *c)
{
	while (c->p < c->end && at_line_end(c))
		line_end(c);
	if (c->p == c->end)
		return 0;
	c->line = c->next_line;
	for (c->n = 0;;) {
		size_t n = 0;
		int rc;

		if (c->n == SERVE_CSV_FIELDS)
			return bad(c, "too many fields");
		rc = c->p < c->end && *c->p == '"' ? quoted(c, &n) : plain(c, &n);
		if (rc != 0)
			return rc;
		c->field[c->n][n] = '\0';
		if (c->field[c->n][0] == '\'' && is_formula(c->field[c->n]))
			memmove(c->field[c->n], c->field[c->n] + 1, n);
		c->n++;
		if (at_line_end(c))
			break;
		c->p++; // the comma
	}
	line_end(c);
	return 1;
}

void serve_csv_put(FILE *f, const char *text, bool first)
{
	const char *guard = is_formula(text) ? "'" : "";

	if (!first)
		(void)fputc(',', f);
	if (strpbrk(text, ",\"\r\n") == NULL) {
		(void)fprintf(f, "%s%s", guard, text);
		return;
	}
	(void)fprintf(f, "\"%s", guard);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			(void)fputc('"', f);
		(void)fputc(*text, f);
	}
	(void)fputc('"', f);
}
