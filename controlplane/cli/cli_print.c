// SPDX-License-Identifier: BSD-3-Clause
// Printing: tables, JSON, durations, and reading members that may be missing. What came from mail
// is escaped before a terminal sees it; libsmartcols does so for its cells.
// Thread: the program's only one.
#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>

#include <libsmartcols.h>

#include "cli.h"

struct cli_table {
	struct libscols_table *t;
	struct libscols_line *row;
	unsigned cell;
	const char *const *columns;
};

static void no_memory(void)
{
	(void)fputs("mailweirctl: out of memory\n", stderr);
	exit(CLI_FAILED);
}

struct cli_table *cli_table_new(const char *const *columns)
{
	struct cli_table *t = calloc(1, sizeof(*t));

	if (t == NULL || (t->t = scols_new_table()) == NULL)
		no_memory();
	t->columns = columns;
	for (; *columns != NULL; columns++) {
		bool right = **columns == '>';

		if (scols_table_new_column(t->t, *columns + right, 0, right ? SCOLS_FL_RIGHT : 0) ==
			NULL)
			no_memory();
	}
	return t;
}

void cli_table_row(struct cli_table *t)
{
	t->row = scols_table_new_line(t->t, NULL);
	t->cell = 0;
	if (t->row == NULL)
		no_memory();
}

void cli_cell(struct cli_table *t, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0 || scols_line_refer_data(t->row, t->cell++, text) != 0)
		no_memory();
	va_end(ap);
}

// An empty table prints nothing of its own, and a program looks for the columns' names.
static void names_print(const char *const *columns)
{
	for (const char *space = ""; *columns != NULL; columns++, space = " ")
		(void)printf("%s%s", space, *columns + (**columns == '>'));
	(void)putchar('\n');
}

void cli_table_print(struct cli_table *t)
{
	if (scols_table_get_nlines(t->t) == 0)
		names_print(t->columns);
	(void)scols_print_table(t->t); // standard output says at its end whether it took all
	scols_unref_table(t->t);
	free(t);
}

void cli_print_json(const json_t *j)
{
	(void)json_dumpf(j, stdout, JSON_COMPACT | JSON_ENCODE_ANY); // as above
	(void)putchar('\n');
}

const char *cli_text(const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s != NULL ? s : "-";
}

int64_t cli_int(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

double cli_real(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

bool cli_bool(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

void cli_line(const char *text)
{
	for (const uint8_t *p = (const uint8_t *)text; *p != '\0'; p++) {
		const bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0; // controls of UTF-8

		if (c1)
			(void)fprintf(stderr, "\\x%02x", *p++);
		if (c1 || (*p < 0x20 && *p != '\t') || *p == 0x7f)
			(void)fprintf(stderr, "\\x%02x", *p);
		else
			(void)fputc(*p, stderr);
	}
	(void)fputc('\n', stderr);
}

void cli_lines(const json_t *lines)
{
	const json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		if (json_is_string(line))
			cli_line(json_string_value(line));
	}
}

char *cli_duration(int64_t ms, char buf[32])
{
	int64_t s = ms / 1000;

	if (ms < 1000)
		(void)snprintf(buf, 32, "%" PRId64 " ms", ms);
	else if (s < 120)
		(void)snprintf(buf, 32, "%" PRId64 " s", s);
	else if (s < 7200)
		(void)snprintf(buf, 32, "%" PRId64 " min", s / 60);
	else if (s < 172800)
		(void)snprintf(buf, 32, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
	else
		(void)snprintf(buf, 32, "%" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
	return buf;
}
