// SPDX-License-Identifier: BSD-3-Clause
// What is printed of a configuration is that configuration: the image made of the print is the image
// made of the file, bit for bit. Each example, and each example with every policy switched over, so
// that what stands as a default in one is written in the other.
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
#include "compile.h"

#define EXAMPLES SOURCE_ROOT "/config/examples"

struct image { uint8_t *bytes; size_t n; };

static struct cfg *loaded(const char *text, size_t n)
{
	struct err_list err;
	struct cfg *c;

	err_init(&err);
	c = cfg_load_text(text, n, "text", EXAMPLES, &err);
	if (c == NULL)
		fail_msg("%s", err.text[0]);
	return c;
}

static struct image image_of(const struct cfg *c)
{
	struct compile_input in = {.cfg = c, .version = 1, .made_s = 1};
	struct err_list err;
	struct image i;

	err_init(&err);
	if (compile_image(&in, &i.bytes, &i.n, &err) != 0)
		fail_msg("%s", err.text[0]);
	return i;
}

// Frees `c`.
static void print_is_the_same(struct cfg *c, const char *name)
{
	struct image first = image_of(c), again;
	char *print = NULL;
	struct cfg *other;
	size_t n = 0;
	FILE *f = open_memstream(&print, &n);

	assert_non_null(f);
	cfg_print(c, f);
	assert_int_equal(fclose(f), 0);
	other = loaded(print, n);
	again = image_of(other);
	if (first.n != again.n || memcmp(first.bytes, again.bytes, first.n) != 0)
		fail_msg("%s: the print is another configuration:\n%s", name, print);
	free(first.bytes);
	free(again.bytes);
	free(print);
	cfg_free(other);
	cfg_free(c);
}

static int is_yaml(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && strcmp(e->d_name + n - 5, ".yaml") == 0;
}

static void examples_walk(void (*each)(struct cfg *c))
{
	struct dirent **entries;
	int n = scandir(EXAMPLES, &entries, is_yaml, alphasort);

	assert_true(n >= 3);
	for (int i = 0; i < n; i++) {
		struct err_list err;
		char path[512];
		struct cfg *c;

		(void)snprintf(path, sizeof(path), "%s/%s", EXAMPLES, entries[i]->d_name);
		err_init(&err);
		c = cfg_load(path, &err);
		assert_non_null(c);
		if (each != NULL)
			each(c);
		print_is_the_same(c, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

static void the_print_of_each_example_makes_its_image(void **)
{
	examples_walk(NULL);
}

static void policies_switch(struct cfg *c)
{
	for (uint32_t i = 0; i < c->npolicies; i++)
		c->policies[i].enabled = !c->policies[i].enabled;
}

static void so_does_that_of_each_with_its_policies_switched_over(void **)
{
	examples_walk(policies_switch);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_print_of_each_example_makes_its_image),
		cmocka_unit_test(so_does_that_of_each_with_its_policies_switched_over),
	};
	int rc = compile_child(argc, argv);

	return rc >= 0 ? rc : cmocka_run_group_tests_name("golden same", tests, NULL, NULL);
}
