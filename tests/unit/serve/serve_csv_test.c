// SPDX-License-Identifier: BSD-3-Clause
// Comma-separated values: what is read, what is refused and where, and that what was written is read again.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "serve_csv.h"

static struct serve_csv csv;

// Records as "[a|b]3[c]" with their lines, an error as "line: why".
static void read_all(const char *text, char out[512])
{
	size_t n = 0;
	int rc;

	out[0] = '\0';
	serve_csv_begin(&csv, text, strlen(text));
	while ((rc = serve_csv_next(&csv)) == 1) {
		for (unsigned i = 0; i < csv.n; i++)
			n += (size_t)snprintf(
				out + n, 512 - n, "%s%s", i == 0 ? "[" : "|", csv.field[i]);
		n += (size_t)snprintf(out + n, 512 - n, "]%u", csv.line);
	}
	if (rc < 0)
		(void)snprintf(out + n, 512 - n, "%u: %s", csv.line, csv.why);
}

static void records_are_read_as_rfc_4180_has_them(void **)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"", ""},
		{"\n\r\n", ""},
		{"a", "[a]1"},
		{"a,b\nc,d\n", "[a|b]1[c|d]2"},
		{"a,b\r\n\r\nc,d\r\n", "[a|b]1[c|d]3"},
		{"a,,\n,\n", "[a||]1[|]2"},
		{"\"a,b\",\"c\"\"d\"\n", "[a,b|c\"d]1"},
		{"\"a\nb\",c\nd\n", "[a\nb|c]1[d]3"},
		{"\"\",x\n", "[|x]1"},
		{"a\rb\n", "[a\rb]1"},
		{"\xef\xbb\xbfid,list\n", "[id|list]1"},
		{"'=1,'+1,'-1,'@x,'\tx,\"'\rx\"\n", "[=1|+1|-1|@x|\tx|\rx]1"},
		{"''=1,'x,',''\n", "['=1|'x|'|'']1"},
		{"a\n\"b\n\nc", "[a]12: a quote that does not end"},
		{"a\"b\n", "1: a quote within a field that has none around it"},
		{"x\n\n\"a\"b\n", "[x]13: something behind a quoted field"},
		{"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "1: too many fields"},
	};
	char out[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		read_all(rows[i].text, out);
		assert_string_equal(out, rows[i].want);
	}
}

static void a_field_has_a_greatest_length(void **)
{
	char text[SERVE_CSV_FIELD_MAX + 8], out[512];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	read_all(text, out);
	assert_string_equal(out, "1: a field is too long");
}

static void what_was_written_is_read_again(void **)
{
	static const char *const fields[] = {"", "plain", "with,comma", "with \"quotes\"", "\"",
		"two\nlines", "\r\n", " blanks ", "\xc3\xa4", "+4915112345", "=cmd|' /C calc'!A0",
		"'=1", "-"};
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		serve_csv_put(f, fields[i], i == 0);
	assert_int_equal(fclose(f), 0);
	serve_csv_begin(&csv, text, n);
	assert_int_equal(serve_csv_next(&csv), 1);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		assert_string_equal(csv.field[i], fields[i]);
	assert_int_equal(serve_csv_next(&csv), 0);
	free(text);
}

static void no_field_begins_as_a_formula(void **)
{
	static const char *const fields[] = {
		"=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "=\"a,b\""};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		char *text = NULL;
		size_t n = 0;
		FILE *f = open_memstream(&text, &n);

		serve_csv_put(f, fields[i], true);
		assert_int_equal(fclose(f), 0);
		assert_int_equal(text[text[0] == '"' ? 1 : 0], '\'');
		serve_csv_begin(&csv, text, n);
		assert_int_equal(serve_csv_next(&csv), 1);
		assert_string_equal(csv.field[0], fields[i]);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_read_as_rfc_4180_has_them),
		cmocka_unit_test(a_field_has_a_greatest_length),
		cmocka_unit_test(what_was_written_is_read_again),
		cmocka_unit_test(no_field_begins_as_a_formula),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
