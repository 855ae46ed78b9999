// SPDX-License-Identifier: BSD-3-Clause
// Comma-separated values: whatever is read is a text that fits its field, written it is read again as the same
// record, and nothing is written that a spreadsheet would calculate. The input is the file.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "serve_csv.h"

static void put_again(FILE *out, const struct serve_csv *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		CHECK(strlen(c->field[i]) < SERVE_CSV_FIELD_MAX);
		serve_csv_put(out, c->field[i], i == 0);
	}
	(void)fputc('\n', out);
}

// As a spreadsheet sees the begin of each field.
static void no_formula(const char *text)
{
	bool quoted = false;

	for (const char *p = text, *begin = text; *p != '\0'; p++) {
		if (p == begin)
			CHECK(strchr("=+-@\t\r", *p == '"' ? p[1] : *p) == NULL || p[1] == '\0');
		quoted ^= *p == '"';
		if (!quoted && (*p == ',' || *p == '\n'))
			begin = p + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = (char *)copy_of((struct span){data, size}, 0), *again = NULL;
	static struct serve_csv c, d;
	unsigned records = 0, line = 0;
	size_t n = 0;
	FILE *out = open_memstream(&again, &n);
	int rc;

	CHECK(out != NULL);
	(void)fputs("head\n", out); // as an export: what stands in front of all may be a byte order mark
	serve_csv_begin(&c, text, size);
	while ((rc = serve_csv_next(&c)) == 1) {
		CHECK(c.n >= 1 && c.n <= SERVE_CSV_FIELDS && c.line > line);
		line = c.line;
		records += c.n > 1 || c.field[0][0] != '\0'; // an empty line is no record
		put_again(out, &c);
	}
	CHECK(rc == 0 || c.why[0] != '\0');
	CHECK(fclose(out) == 0);
	no_formula(again);
	// The same again, each in its turn; what was wrong with the input is no longer there.
	serve_csv_begin(&c, text, size);
	serve_csv_begin(&d, again, n);
	CHECK(serve_csv_next(&d) == 1);
	for (unsigned i = 0; i < records; i++) {
		do {
			CHECK(serve_csv_next(&c) == 1);
		} while (c.n == 1 && c.field[0][0] == '\0');
		CHECK(serve_csv_next(&d) == 1 && c.n == d.n);
		for (unsigned k = 0; k < c.n; k++)
			CHECK(strcmp(c.field[k], d.field[k]) == 0);
	}
	CHECK(serve_csv_next(&d) == 0);
	free(again);
	free(text);
	return 0;
}
