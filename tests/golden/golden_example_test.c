// SPDX-License-Identifier: BSD-3-Clause
// Every example loads without a warning, prints as recorded, and prints the same again when its
// print is loaded; the rules file that it names is there and good. docs/configuration.md
// and the manual page mailweir.yaml(5) are the schema's own prints.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cfg.h"
#include "cfg_rules.h"

#define EXAMPLES SOURCE_ROOT "/config/examples"
#define PRINTS SOURCE_ROOT "/tests/golden"
#define FOLDER "/etc/mailweir/examples" // where examples are taken to lie: prints have whole paths

enum { EXAMPLES_MAX = 32, TEXT_MAX = 1 << 20 };

static struct err_list err;

static char *file_text(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, TEXT_MAX);

	if (f == NULL)
		fail_msg("%s: cannot be opened", path);
	assert_non_null(text);
	assert_true(fread(text, 1, TEXT_MAX - 1, f) < TEXT_MAX - 1);
	assert_int_equal(fclose(f), 0);
	return text;
}

// The canonical print of a text; fails the test on any error or warning.
static char *print_of(const char *text, const char *name)
{
	struct cfg *c;
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);

	assert_non_null(f);
	err_init(&err);
	c = cfg_load_text(text, strlen(text), name, FOLDER, &err);
	err_print(&err, stderr);
	assert_int_equal(err.kept, 0);
	assert_non_null(c);
	cfg_print(c, f);
	cfg_free(c);
	assert_int_equal(fclose(f), 0);
	return out;
}

static void rewrite(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void example_is_as_recorded(void **state)
{
	const char *name = *state;
	char path[512];
	char *text, *first, *again, *recorded;

	(void)snprintf(path, sizeof(path), "%s/%s", EXAMPLES, name);
	text = file_text(path);
	first = print_of(text, name);
	again = print_of(first, name);
	assert_string_equal(again, first);
	(void)snprintf(path, sizeof(path), "%s/%.*s.print", PRINTS, (int)strcspn(name, "."), name);
	if (getenv("REWRITE") != NULL)
		rewrite(path, first);
	recorded = file_text(path);
	assert_string_equal(first, recorded);
	free(text);
	free(first);
	free(again);
	free(recorded);
}

static void example_names_good_rules(void **state)
{
	const char *name = *state;
	struct cfg_ruleset *set;
	struct cfg *c;
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", EXAMPLES, name);
	err_init(&err);
	c = cfg_load(path, &err);
	assert_non_null(c);
	set = cfg_rules_load(c->rules.file, &err);
	err_print(&err, stderr);
	assert_int_equal(err.kept, 0);
	assert_non_null(set);
	assert_true(set->n >= 300);
	cfg_rules_free(set);
	cfg_free(c);
}

static void page_is_printed(void (*print)(FILE *f), const char *path)
{
	char *out = NULL, *page;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);

	assert_non_null(f);
	print(f);
	assert_int_equal(fclose(f), 0);
	if (getenv("REWRITE") != NULL)
		rewrite(path, out);
	page = file_text(path);
	assert_string_equal(out, page);
	free(page);
	free(out);
}

static void the_reference_is_the_schemas(void **)
{
	page_is_printed(cfg_reference_print, SOURCE_ROOT "/docs/configuration.md");
}

static void the_manual_is_the_schemas(void **)
{
	page_is_printed(cfg_manual_print, SOURCE_ROOT "/docs/mailweir.yaml.5.scd");
}

static int is_yaml(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && strcmp(e->d_name + n - 5, ".yaml") == 0;
}

int main(void)
{
	static struct CMUnitTest prints[EXAMPLES_MAX], rules[EXAMPLES_MAX];
	const struct CMUnitTest pages[] = {cmocka_unit_test(the_reference_is_the_schemas),
		cmocka_unit_test(the_manual_is_the_schemas)};
	static char names[EXAMPLES_MAX][2][300];
	struct dirent **entries;
	int n = scandir(EXAMPLES, &entries, is_yaml, alphasort), failed;

	if (n < 3 || n > EXAMPLES_MAX) {
		fprintf(stderr, "%s: %d examples\n", EXAMPLES, n);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		(void)snprintf(names[i][0], sizeof(names[i][0]), "%s prints as recorded",
			entries[i]->d_name);
		(void)snprintf(names[i][1], sizeof(names[i][1]), "%s names good rules",
			entries[i]->d_name);
		prints[i] = (struct CMUnitTest){.name = names[i][0],
			.test_func = example_is_as_recorded,
			.initial_state = entries[i]->d_name};
		rules[i] = (struct CMUnitTest){.name = names[i][1],
			.test_func = example_names_good_rules,
			.initial_state = entries[i]->d_name};
	}
	failed = _cmocka_run_group_tests("golden prints", prints, (size_t)n, NULL, NULL);
	failed += _cmocka_run_group_tests("golden rules", rules, (size_t)n, NULL, NULL);
	failed += cmocka_run_group_tests_name("golden reference", pages, NULL, NULL);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return failed;
}
