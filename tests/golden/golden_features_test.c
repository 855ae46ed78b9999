// SPDX-License-Identifier: BSD-3-Clause
// docs/features.md is whole and honest as far as a machine can tell: every requirement row once and
// in order, a known state, a reason beside it; what works names a test, and what is named is there.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE SOURCE_ROOT "/docs/features.md"

enum { LINE_MAX_BYTES = 1024, ROWS_MAX = 250, ID_MAX = 8 };

// The requirement rows: A01..A14, B01..B31, and these runs of C, F, G, H, P and U.
static const struct {
	char letter;
	int first, last, digits;
} runs[] = {
	{'A', 1, 14, 2},
	{'B', 1, 31, 2},
	{'C', 1, 12, 3},
	{'C', 20, 29, 3},
	{'C', 40, 64, 3},
	{'C', 70, 78, 3},
	{'C', 90, 108, 3},
	{'C', 120, 136, 3},
	{'C', 140, 147, 3},
	{'C', 160, 164, 3},
	{'F', 1, 32, 2},
	{'G', 1, 6, 2},
	{'H', 1, 11, 2},
	{'P', 8, 11, 2},
	{'U', 1, 13, 2},
	{'U', 16, 16, 2},
	{'U', 20, 23, 2},
};

struct row {
	char id[ID_MAX], state[32], line[LINE_MAX_BYTES];
};

static struct row rows[ROWS_MAX];
static size_t nrows;

// "| A01 | what | state | why |": false where the line is something else.
static bool row_read(const char *line, struct row *row)
{
	int what = 0, why = 0;

	if (strncmp(line, "| ", 2) != 0 || line[2] == '\0' || strchr("ABCFGHPU", line[2]) == NULL)
		return false;
	if (sscanf(line, "| %7[A-Z0-9] | %*[^|]%n| %31[^|] | %*[^|]%n", row->id, &what, row->state,
		    &why) != 2 ||
		what == 0 || why == 0)
		fail_msg("not a row: %s", line);
	for (size_t n = strlen(row->state); n > 0 && row->state[n - 1] == ' '; n--)
		row->state[n - 1] = '\0';
	(void)snprintf(row->line, sizeof(row->line), "%s", line);
	return true;
}

static int page_read(void **)
{
	FILE *f = fopen(PAGE, "r");
	char line[LINE_MAX_BYTES];

	if (f == NULL)
		return -1;
	while (nrows < ROWS_MAX && fgets(line, sizeof(line), f) != NULL)
		if (row_read(line, &rows[nrows]))
			nrows++;
	return fclose(f);
}

static void every_row_is_there_once_and_in_order(void **)
{
	size_t n = 0;
	char want[ID_MAX];

	for (size_t r = 0; r < sizeof(runs) / sizeof(runs[0]); r++) {
		for (int i = runs[r].first; i <= runs[r].last; i++) {
			(void)snprintf(
				want, sizeof(want), "%c%0*d", runs[r].letter, runs[r].digits, i);
			if (n == nrows)
				fail_msg("%s is missing", want);
			assert_string_equal(rows[n++].id, want);
		}
	}
	assert_int_equal(n, nrows);
}

static void every_state_is_one_of_three(void **)
{
	for (size_t i = 0; i < nrows; i++)
		if (strcmp(rows[i].state, "works") != 0 && strcmp(rows[i].state, "not yet") != 0 &&
			strcmp(rows[i].state, "not applicable") != 0)
			fail_msg("%s: \"%s\"", rows[i].id, rows[i].state);
}

// The files of the tree that a line names in `...`; each must be there. Returns how many tests.
static unsigned files_check(const struct row *row)
{
	unsigned tests = 0;

	for (const char *p = strchr(row->line, '`'); p != NULL; p = strchr(p, '`')) {
		const char *end = strchr(++p, '`');
		char path[512];

		if (end == NULL)
			fail_msg("%s: a ` without its peer", row->id);
		if (strncmp(p, "tests/", 6) == 0 || strncmp(p, "config/", 7) == 0) {
			(void)snprintf(
				path, sizeof(path), "%s/%.*s", SOURCE_ROOT, (int)(end - p), p);
			if (access(path, R_OK) != 0)
				fail_msg("%s: %s is not there", row->id, path);
			tests += strncmp(p, "tests/", 6) == 0;
		}
		p = end + 1;
	}
	return tests;
}

static void what_works_names_a_test_and_what_is_named_is_there(void **)
{
	for (size_t i = 0; i < nrows; i++)
		if (files_check(&rows[i]) == 0 && strcmp(rows[i].state, "works") == 0)
			fail_msg("%s works and names no test", rows[i].id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_there_once_and_in_order),
		cmocka_unit_test(every_state_is_one_of_three),
		cmocka_unit_test(what_works_names_a_test_and_what_is_named_is_there),
	};

	return cmocka_run_group_tests_name("golden features", tests, page_read, NULL);
}
