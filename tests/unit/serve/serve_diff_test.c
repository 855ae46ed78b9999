// SPDX-License-Identifier: BSD-3-Clause
// Differences of texts: as `diff -u` prints them, and true ones: what is printed turns the first text
// into the second, and no line more than needed differs.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "serve_diff.h"

static struct serve_text text_of(const char *s)
{
	struct serve_text t = {0};

	if (s != NULL)
		assert_int_equal(serve_text_set(&t, s, strlen(s)), 0);
	return t;
}

static char *diff_of(
	const struct serve_text *a, const struct serve_text *b, struct serve_diff_lines *lines)
{
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);

	assert_non_null(f);
	assert_int_equal(serve_diff(f, "x", a, b, lines), 0);
	assert_int_equal(fclose(f), 0);
	return out;
}

static const struct {
	const char *name, *a, *b, *want; // behind the two head lines; "" = no difference
} cases[] = {
	{"equal", "a\nb\n", "a\nb\n", ""},
	{"both empty", "", "", ""},
	{"nothing and empty", NULL, "", ""},
	{"a line more at the end", "a\n", "a\nb\n", "@@ -1,1 +1,2 @@\n a\n+b\n"},
	{"a line less at the start", "a\nb\n", "b\n", "@@ -1,2 +1,1 @@\n-a\n b\n"},
	{"from nothing", NULL, "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n"},
	{"to nothing", "a\n", "", "@@ -1,1 +0,0 @@\n-a\n"},
	{"a line changed", "a\nb\nc\n", "a\nx\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n"},
	{"three lines of context", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n",
		"@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n"},
	{"six equal lines join two hunks", "x\n1\n2\n3\n4\n5\n6\nx\n", "y\n1\n2\n3\n4\n5\n6\ny\n",
		"@@ -1,8 +1,8 @@\n-x\n+y\n 1\n 2\n 3\n 4\n 5\n 6\n-x\n+y\n"},
	{"seven keep them apart", "x\n1\n2\n3\n4\n5\n6\n7\nx\n", "y\n1\n2\n3\n4\n5\n6\n7\ny\n",
		"@@ -1,4 +1,4 @@\n-x\n+y\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-x\n+y\n"},
	{"no line end at the end", "a\nb", "a\nb\n",
		"@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n"},
};

static void texts_differ_as_diff_says(void **)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct serve_text a = text_of(cases[i].a), b = text_of(cases[i].b);
		char *out = diff_of(&a, &b, NULL), want[512] = "";

		if (*cases[i].want != '\0')
			(void)snprintf(want, sizeof(want), "--- a/x\n+++ b/x\n%s", cases[i].want);
		if (strcmp(out, want) != 0)
			fail_msg("%s:\n%s", cases[i].name, out);
		free(out);
		free(a.p);
		free(b.p);
	}
}

// Applies a diff of whole hunks to `a`; the result in out.
static void apply(const char *a, const char *diff, char *out)
{
	unsigned long at = 1, from, an, bn, to;
	const char *p = diff;

	if (*p != '\0')
		p = strchr(strchr(p, '\n') + 1, '\n') + 1;
	while (*p != '\0') {
		assert_int_equal(sscanf(p, "@@ -%lu,%lu +%lu,%lu @@", &from, &an, &to, &bn), 4);
		for (from += an == 0; at < from; at++) {
			size_t n = strcspn(a, "\n") + 1;
			memcpy(out, a, n);
			out += n;
			a += n;
		}
		for (p = strchr(p, '\n') + 1; *p == ' ' || *p == '-' || *p == '+';
			p = strchr(p, '\n') + 1) {
			size_t n = strcspn(p + 1, "\n") + 1;

			if (*p != '+') {
				assert_memory_equal(a, p + 1, n);
				a += n;
				at++;
			}
			if (*p != '-') {
				memcpy(out, p + 1, n);
				out += n;
			}
		}
	}
	memcpy(out, a, strlen(a) + 1);
}

// The longest common subsequence by the book: how few lines must differ.
static unsigned fewest(const char *a, unsigned n, const char *b, unsigned m)
{
	static unsigned best[64][64];

	for (unsigned i = 0; i <= n; i++) {
		for (unsigned j = 0; j <= m; j++) {
			if (i == 0 || j == 0)
				best[i][j] = 0;
			else if (a[i - 1] == b[j - 1])
				best[i][j] = best[i - 1][j - 1] + 1;
			else
				best[i][j] = best[i - 1][j] > best[i][j - 1] ? best[i - 1][j]
									     : best[i][j - 1];
		}
	}
	return n + m - 2 * best[n][m];
}

static void random_texts_are_turned_into_each_other_by_the_fewest_lines(void **)
{
	uint32_t seed = 1;

	for (unsigned round = 0; round < 3000; round++) {
		char letters[2][64], lines[2][128] = {"", ""}, out[256], *diff;
		unsigned n[2];
		struct serve_text a, b;
		struct serve_diff_lines count = {0};

		for (int s = 0; s < 2; s++) {
			seed = seed * 1103515245 + 12345;
			n[s] = seed >> 16 & 31;
			for (unsigned i = 0; i < n[s]; i++) {
				seed = seed * 1103515245 + 12345;
				letters[s][i] = (char)('a' + (seed >> 16) % (2 + round % 5));
				(void)snprintf(lines[s] + 2 * i, 3, "%c\n", letters[s][i]);
			}
		}
		a = text_of(lines[0]);
		b = text_of(lines[1]);
		diff = diff_of(&a, &b, &count);
		apply(lines[0], diff, out);
		assert_string_equal(out, lines[1]);
		assert_int_equal(
			count.plus + count.minus, fewest(letters[0], n[0], letters[1], n[1]));
		free(diff);
		free(a.p);
		free(b.p);
	}
}

static void texts_that_share_little_get_a_true_diff_in_bounded_time(void **)
{
	enum { LINES = 5000 };
	static char a[LINES * 8], b[LINES * 8], out[LINES * 16];
	struct serve_diff_lines count = {0};
	struct serve_text ta, tb;
	char *diff;

	for (unsigned i = 0; i < LINES; i++) {
		(void)snprintf(a + strlen(a), 8, "%u\n", i);
		(void)snprintf(b + strlen(b), 8, "%u\n", i % 3 == 0 ? i : i + LINES);
	}
	ta = text_of(a);
	tb = text_of(b);
	diff = diff_of(&ta, &tb, &count);
	apply(a, diff, out);
	assert_string_equal(out, b);
	assert_true(count.plus == count.minus && count.plus >= LINES / 3 * 2);
	free(diff);
	free(ta.p);
	free(tb.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_differ_as_diff_says),
		cmocka_unit_test(random_texts_are_turned_into_each_other_by_the_fewest_lines),
		cmocka_unit_test(texts_that_share_little_get_a_true_diff_in_bounded_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
