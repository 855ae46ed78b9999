// SPDX-License-Identifier: BSD-3-Clause
// The life of a configuration: whole ones, out and in again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "compile.h"
#include "pol_image.h"
#include "serve_change_int.h"
#include "serve_int.h"
#include "serve_life.h"

static json_t *file_named(json_t *files, const char *name)
{
	json_t *file;
	size_t i;

	json_array_foreach(files, i, file)
	{
		if (strcmp(text_of(file, "name"), name) == 0)
			return file;
	}
	return NULL;
}

static void what_is_exported_comes_in_as_it_was(void **state)
{
	struct bench *b = *state;
	json_t *r, *files;

	world_file_write(b->rules, "#: 8-bit\n1 body 10 l caf\xe9\n");
	start(b);
	json_decref(world_call(b, "rules.add", world_rule("TOKEN", true)));
	r = world_call(b, "config.export", json_object());
	files = json_incref(json_object_get(r, "files"));
	json_decref(r);
	assert_int_equal(json_array_size(files), 3);
	assert_string_equal(text_of(file_named(files, "mailweir.yaml"), "text"), config_ok);
	assert_non_null(json_object_get(file_named(files, "rules.file"), "hex"));
	commit(b, config_two);
	world_file_write(b->rules, "1 body 10 l OTHER\n");
	r = world_call(b, "config.import", json_pack("{s:O,s:b}", "files", files, "check", 1));
	assert_non_null(json_object_get(r, "canonical"));
	json_decref(r);
	assert_int_equal(world_revision(b), 3);
	json_decref(world_call(b, "config.import", json_pack("{s:o}", "files", files)));
	r = world_call(b, "config.diff", json_pack("{s:i,s:i}", "from", 2, "to", 4));
	assert_string_equal(text_of(r, "diff"), "");
	json_decref(r);
	restart(b, "committed");
	r = world_call(b, "config.diff", json_pack("{s:i,s:i}", "from", 2, "to", 4));
	assert_string_equal(text_of(r, "diff"), "");
	json_decref(r);
	assert_int_equal(world_revision(b), 4);
}

static const struct {
	const char *name, *files; // JSON
	int code;
	const char *why;
} imports[] = {
	{"none", "[]", PARAMS, "mailweir.yaml: is missing"},
	{"no list", "{}", PARAMS, "not an array"},
	{"not an object", "[1]", PARAMS, "a file without a name"},
	{"a strange name", "[{\"name\": \"../x\", \"text\": \"\"}]", PARAMS, "not one of"},
	{"no text", "[{\"name\": \"mailweir.yaml\"}]", PARAMS, "needs one of"},
	{"text and hex", "[{\"name\": \"mailweir.yaml\", \"text\": \"\", \"hex\": \"\"}]", PARAMS,
		"needs one of"},
	{"odd hex", "[{\"name\": \"mailweir.yaml\", \"hex\": \"0\"}]", PARAMS, "odd number"},
	{"no hex", "[{\"name\": \"mailweir.yaml\", \"hex\": \"0g\"}]", PARAMS, "not hexadecimal"},
	{"twice",
		"[{\"name\": \"rules.local\", \"text\": \"\"},"
		" {\"name\": \"rules.local\", \"text\": \"\"}]",
		PARAMS, "given twice"},
	{"rules alone", "[{\"name\": \"rules.local\", \"text\": \"\"}]", PARAMS, "is missing"},
	{"a bad configuration", "[{\"name\": \"mailweir.yaml\", \"text\": \"polices: []\"}]",
		BAD_CONFIG, "mailweir.yaml:1:1"},
};

static void a_bad_import_says_why_and_changes_nothing(void **state)
{
	struct bench *b = *state;
	char text[512];

	start(b);
	for (size_t i = 0; i < 2 * sizeof(imports) / sizeof(imports[0]); i++) {
		json_t *files = json_loads(imports[i / 2].files, 0, NULL);
		int code = world_call_error(b, "config.import",
			json_pack("{s:o,s:b}", "files", files, "check", i % 2), text);

		if (code != imports[i / 2].code || strstr(text, imports[i / 2].why) == NULL)
			fail_msg("%s: %d %s", imports[i / 2].name, code, text);
	}
	assert_int_equal(b->images, 1);
	assert_true(listed(b, "1 in_force"));
	assert_true(world_kept(b, "1.image 1.revision"));
}

static void bad_rules_in_an_import_are_named_by_their_file(void **state)
{
	struct bench *b = *state;
	char text[512];

	start(b);
	assert_int_equal(world_call_error(b, "config.import",
				 json_pack("{s:[{s:s,s:s},{s:s,s:s},{s:s,s:s}]}", "files", "name",
					 "mailweir.yaml", "text", config_ok, "name", "rules.file",
					 "text", "1 body 10 l BUYNOW\n", "name", "rules.local",
					 "text", "\nnonsense\n"),
				 text),
		BAD_CONFIG);
	assert_non_null(strstr(text, "rules.local:2"));
	assert_int_equal(world_call_error(b, "config.import",
				 json_pack("{s:[{s:s,s:s},{s:s,s:s}]}", "files", "name",
					 "mailweir.yaml", "text", config_two, "name", "rules.file",
					 "text", "1 body 10 l BUYNOW\n"),
				 text),
		BAD_CONFIG);
	assert_non_null(strstr(text, "rules.file: left out"));
}

static void the_printed_configuration_commits_to_the_same(void **state)
{
	struct bench *b = *state;
	const struct serve_revision *cur;
	uint8_t *image;
	size_t n;
	json_t *r, *again;

	start(b);
	r = world_call(b, "config.get", json_object());
	cur = serve_changes_current(b->serve->changes);
	n = cur->image_bytes;
	image = malloc(n);
	memcpy(image, cur->image, n);
	commit(b, text_of(r, "text"));
	again = world_call(b, "config.get", json_object());
	assert_string_equal(text_of(again, "text"), text_of(r, "text"));
	assert_string_equal(text_of(again, "written"), text_of(r, "text"));
	// Version and time stand in the head of an image; all behind it is the configuration.
	cur = serve_changes_current(b->serve->changes);
	assert_int_equal(cur->image_bytes, n);
	assert_memory_equal(cur->image + sizeof(struct pol_head), image + sizeof(struct pol_head),
		n - sizeof(struct pol_head));
	free(image);
	json_decref(r);
	json_decref(again);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
		T(what_is_exported_comes_in_as_it_was),
		T(a_bad_import_says_why_and_changes_nothing),
		T(bad_rules_in_an_import_are_named_by_their_file),
		T(the_printed_configuration_commits_to_the_same),
#undef T
	};
	int rc = compile_child(argc, argv);

	return rc >= 0 ? rc : cmocka_run_group_tests(tests, NULL, NULL);
}
