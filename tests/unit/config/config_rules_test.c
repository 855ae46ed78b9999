// SPDX-License-Identifier: BSD-3-Clause
// The rules file: its form, its errors word for word, literals' escapes, and the way back to text.
#include <errno.h>
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

static struct err_list err;

static struct cfg_ruleset *load(const char *text)
{
	err_init(&err);
	return cfg_rules_load_text(text, strlen(text), "r", &err);
}

static void a_rule_has_its_parts(void **)
{
	struct cfg_ruleset *set =
		load("# comment\n\n#: pills\n17 body 3 il buy pills\n"
		     "  4294967295\theader -10000 smu \t^Subject: \\d+ x \r\n18 helo 0 - a");

	assert_non_null(set);
	assert_int_equal(set->n, 3);
	assert_int_equal(set->rules[0].id, 17);
	assert_int_equal(set->rules[0].line, 4);
	assert_string_equal(set->rules[0].file, "r");
	assert_int_equal(set->rules[0].scope, CFG_SCOPE_BODY);
	assert_int_equal(set->rules[0].score, 3);
	assert_true(set->rules[0].caseless && set->rules[0].literal);
	assert_string_equal(set->rules[0].label, "pills");
	assert_string_equal(set->rules[0].text, "buy pills");
	assert_int_equal(set->rules[1].id, 4294967295u);
	assert_int_equal(set->rules[1].score, -10000);
	assert_true(set->rules[1].dotall && set->rules[1].multiline && set->rules[1].utf8);
	assert_false(set->rules[1].literal || set->rules[1].caseless);
	assert_string_equal(set->rules[1].text, "^Subject: \\d+ x "); // the blank at the end counts
	assert_true(span_eq(set->rules[1].bytes, span_str(set->rules[1].text)));
	assert_string_equal(set->rules[1].label, "");
	assert_int_equal(set->rules[2].scope, CFG_SCOPE_HELO);
	cfg_rules_free(set);
}

static void rules_are_of_the_group_that_was_begun_last(void **)
{
	struct cfg_ruleset *set = load("1 body 1 - a\n[x-1]\n2 body 1 - a\n3 body 1 - a\n"
				       "  [y] \n4 body 1 - a\n[]\n5 body 1 - a\n");

	assert_non_null(set);
	assert_string_equal(set->rules[0].group, "");
	assert_string_equal(set->rules[1].group, "x-1");
	assert_string_equal(set->rules[2].group, "x-1");
	assert_string_equal(set->rules[3].group, "y");
	assert_string_equal(set->rules[4].group, "");
	cfg_rules_free(set);
}

static void an_empty_file_is_an_empty_set(void **)
{
	struct cfg_ruleset *set = load("");

	assert_non_null(set);
	assert_int_equal(set->n, 0);
	cfg_rules_free(set);
}

static void a_literal_has_its_bytes(void **)
{
	static const uint8_t want[] = {'\\', 'n', '\n', '\r', '\t', 0, 0xff, 'A', ' ', '#'};
	struct cfg_ruleset *set =
		load("1 body 1 l \\\\n\\n\\r\\t\\x00\\xFf\\x41 #\n2 body 1 - \\x00");

	assert_non_null(set);
	assert_int_equal(set->rules[0].bytes.n, sizeof(want));
	assert_memory_equal(set->rules[0].bytes.p, want, sizeof(want));
	assert_int_equal(set->rules[1].bytes.n, 4); // a regex is left alone
	cfg_rules_free(set);
}

struct row {
	const char *name, *text, *want;
};

static const struct row rows[] = {
	{"an id that is no number", "x body 1 - a\n",
		"r:1:1: id \"x\"; it must be 1..4294967295\n"},
	{"id 0", "0 body 1 - a\n", "r:1:1: id \"0\"; it must be 1..4294967295\n"},
	{"an id beyond 32 bits", "4294967296 body 1 - a\n",
		"r:1:1: id \"4294967296\"; it must be 1..4294967295\n"},
	{"a negative id", "-1 body 1 - a\n", "r:1:1: id \"-1\"; it must be 1..4294967295\n"},
	{"a very long id", "11111111111111111111111111111111111111111111 body 1 - a\n",
		"r:1:1: id \"1111111111111111111111111111...\"; it must be 1..4294967295\n"},
	{"an unknown scope", "7 subject 1 - a\n",
		"r:1:3: rule 7: scope \"subject\"; it is one of: helo, mail, rcpt, header, body\n"},
	{"a score that is no number", "7 body high - a\n",
		"r:1:8: rule 7: score \"high\"; it must be -10000..10000\n"},
	{"a score out of range", "7 body 10001 - a\n8 body -10001 - a\n",
		"r:1:8: rule 7: score \"10001\"; it must be -10000..10000\n"
		"r:2:8: rule 8: score \"-10001\"; it must be -10000..10000\n"},
	{"an unknown flag", "7 body 1 ix a\n",
		"r:1:10: rule 7: flags \"ix\"; only - or letters of i l s m u are known\n"},
	{"a flag twice", "7 body 1 ii a\n", "r:1:10: rule 7: flags \"ii\"; 'i' is there twice\n"},
	{"a flag that means nothing for a literal", "7 body 1 ls a\n",
		"r:1:10: rule 7: flags \"ls\"; a literal takes only i\n"},
	{"a line that ends early", "7 body 1\n8 body 1 -\n9\n",
		"r:1:9: rule 7: flags and text are missing; a rule is ID SCOPE SCORE FLAGS TEXT\n"
		"r:2:11: rule 8: the text is missing; a rule is ID SCOPE SCORE FLAGS TEXT\n"
		"r:3:2: rule 9: scope \"\"; it is one of: helo, mail, rcpt, header, body\n"},
	{"an escape that is none", "7 body 1 l a\\q\n8 body 1 l a\\x4\n9 body 1 l a\\\n",
		"r:1:13: rule 7: byte 2 of the literal begins no escape; \\\\ \\n \\r \\t \\xNN are "
		"known\n"
		"r:2:13: rule 8: byte 2 of the literal begins no escape; \\\\ \\n \\r \\t \\xNN are "
		"known\n"
		"r:3:13: rule 9: byte 2 of the literal begins no escape; \\\\ \\n \\r \\t \\xNN are "
		"known\n"},
	{"a carriage return inside a line", "7 body 1 - a\rb\r\n",
		"r:1: holds a carriage return; write \\r\n"},
	{"an id twice names the first line", "7 body 1 - a\n8 body 1 - b\n7 body 1 - c\n",
		"r:3: rule 7: the id is there twice; line 1 has it already\n"},
	{"a label that can't be printed", "#: a\001b\n7 body 1 - a\n",
		"r:1: label \"a\\x01b\"; only printable ASCII is taken\n"},
	{"a group that is no name", "[a b]\n7 body 1 - a\n",
		"r:1: group \"[a b]\"; it is [NAME] of 1..31 letters, digits, _ . -, or [] for none\n"},
	{"a group without its bracket", "[a\n7 body 1 - a\n",
		"r:1: group \"[a\"; it is [NAME] of 1..31 letters, digits, _ . -, or [] for none\n"},
	{"labels that name nothing are warnings", "#: a\n#: b\n7 body 1 - a\n#: c\n",
		"r:1: warning: the label names no rule; another one follows\n"
		"r:4: warning: the label names no rule; the file ends\n"},
};

static void row_is_as_wanted(void **state)
{
	const struct row *row = *state;
	struct cfg_ruleset *set = load(row->text);
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);

	assert_non_null(f);
	err_print(&err, f);
	assert_int_equal(fclose(f), 0);
	assert_string_equal(out, row->want);
	assert_int_equal(set == NULL, err_any(&err));
	cfg_rules_free(set);
	free(out);
}

static void a_nul_is_refused_with_its_line(void **)
{
	static const char text[] = "7 body 1 - a\n8 body 1 - a\0b\n";

	err_init(&err);
	assert_null(cfg_rules_load_text(text, sizeof(text) - 1, "r", &err));
	assert_string_equal(err.text[0], "r:2: holds a NUL; write \\x00 in a literal");
}

static void a_text_over_its_limit_is_refused(void **)
{
	enum { CAP = 5000 };
	char text[CAP];
	size_t n = (size_t)snprintf(text, CAP, "7 body 1 l ");

	memset(text + n, 'a', 4097);
	err_init(&err);
	assert_null(cfg_rules_load_text(text, n + 4097, "r", &err));
	assert_string_equal(
		err.text[0], "r:1:12: rule 7: the text has 4097 bytes; the limit is 4096");
	err_init(&err);
	cfg_rules_free(cfg_rules_load_text(text, n + 4096, "r", &err));
	assert_false(err_any(&err));
}

static void a_rule_goes_back_to_its_line(void **)
{
	static const char *const lines[] = {"7 body -3 il buy \\x20now",
		"4294967295 helo 10000 - ^a b$", "1 header 0 ismu a", "2 rcpt 1 l \\\\",
		"3 mail 1 i x "};
	char line[64];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct cfg_ruleset *set = load(lines[i]);

		assert_non_null(set);
		assert_int_equal(cfg_rule_format(&set->rules[0], line, sizeof(line)), 0);
		assert_string_equal(line, lines[i]);
		assert_int_equal(cfg_rule_format(&set->rules[0], line, strlen(lines[i]) + 1), 0);
		assert_int_equal(cfg_rule_format(&set->rules[0], line, strlen(lines[i])), -ENOSPC);
		cfg_rules_free(set);
	}
}

static void a_text_that_would_not_come_back_is_not_written(void **)
{
	static const char *const texts[] = {"", " a", "\ta", "a\nb", "a\r"};
	char line[64];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct cfg_rule rule = {.id = 1, .text = texts[i]};

		assert_int_equal(cfg_rule_format(&rule, line, sizeof(line)), -EINVAL);
	}
}

static void any_bytes_can_be_a_literal(void **)
{
	uint8_t bytes[258];
	char text[1200], line[1300];
	struct cfg_ruleset *set;

	bytes[0] = ' ';
	for (int i = 0; i < 256; i++)
		bytes[1 + i] = (uint8_t)i;
	bytes[257] = ' ';
	assert_int_equal(
		cfg_literal_write((struct span){bytes, sizeof(bytes)}, text, sizeof(text)), 0);
	(void)snprintf(line, sizeof(line), "1 body 1 l %s", text);
	set = load(line);
	assert_non_null(set);
	assert_int_equal(set->rules[0].bytes.n, sizeof(bytes));
	assert_memory_equal(set->rules[0].bytes.p, bytes, sizeof(bytes));
	cfg_rules_free(set);
	assert_int_equal(cfg_literal_write(span_str("a b"), text, 4), 0);
	assert_string_equal(text, "a b");
	assert_int_equal(cfg_literal_write(span_str("a b"), text, 3), -ENOSPC);
	assert_int_equal(cfg_literal_write(span_str(""), text, sizeof(text)), -EINVAL);
}

static void more_rules_than_a_policy_image_holds_are_refused(void **)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	for (int i = 1; i <= CFG_RULES_MAX + 1; i++)
		(void)fprintf(f, "%d body 1 l a\n", i);
	assert_int_equal(fclose(f), 0);
	assert_null(load(text));
	assert_int_equal(err.count, 1);
	assert_string_equal(err.text[0], "r:100001: too many rules; the limit is 100000");
	free(text);
}

static void a_rules_file_that_cannot_be_read_names_the_line_that_wants_it(void **)
{
	struct cfg c = {.rules = {.at = {"f.yaml", 7, 9}, .file = ""}};

	err_init(&err);
	assert_null(cfg_rules_of(&c, &err));
	assert_int_equal(err.kept, 0);
	c.rules.file = "/nonexistent/r";
	assert_null(cfg_rules_of(&c, &err));
	assert_string_equal(err.text[0],
		"f.yaml:7:9: rules.file: /nonexistent/r: cannot be opened; No such file or "
		"directory");
	c.rules.file = "-";
	assert_null(cfg_rules_of(&c, &err));
	assert_string_equal(err.text[1],
		"f.yaml:7:9: rules.file: -: standard input cannot be read again; name a file");
}

static void scopes_have_names(void **)
{
	enum cfg_rule_scope scope;

	for (unsigned i = 0; i < CFG_SCOPE_COUNT; i++) {
		assert_int_equal(cfg_scope_parse(cfg_scope_name(i), &scope), 0);
		assert_int_equal(scope, i);
	}
	assert_int_equal(cfg_scope_parse("Body", &scope), -EINVAL);
}

int main(void)
{
	enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
	static struct CMUnitTest table[ROWS];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_has_its_parts),
		cmocka_unit_test(rules_are_of_the_group_that_was_begun_last),
		cmocka_unit_test(an_empty_file_is_an_empty_set),
		cmocka_unit_test(a_literal_has_its_bytes),
		cmocka_unit_test(a_nul_is_refused_with_its_line),
		cmocka_unit_test(a_text_over_its_limit_is_refused),
		cmocka_unit_test(a_rule_goes_back_to_its_line),
		cmocka_unit_test(a_text_that_would_not_come_back_is_not_written),
		cmocka_unit_test(any_bytes_can_be_a_literal),
		cmocka_unit_test(more_rules_than_a_policy_image_holds_are_refused),
		cmocka_unit_test(a_rules_file_that_cannot_be_read_names_the_line_that_wants_it),
		cmocka_unit_test(scopes_have_names),
	};
	int failed;

	for (size_t i = 0; i < ROWS; i++)
		table[i] = (struct CMUnitTest){.name = rows[i].name,
			.test_func = row_is_as_wanted,
			.initial_state = (void *)(uintptr_t)&rows[i]};
	failed = cmocka_run_group_tests_name("config rules: errors", table, NULL, NULL);
	return failed + cmocka_run_group_tests_name("config rules", tests, NULL, NULL);
}
