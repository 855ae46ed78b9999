// SPDX-License-Identifier: BSD-3-Clause
// Rules to databases: flags mean what the rules file says, literals stay literal, bad rules are told
// by line, id and Hyperscan's words.
#include "compile_sample.h"

#include <errno.h>

static int compile(const char *text, uint8_t **bytes, size_t *n, struct err_list *err)
{
	struct cfg cfg = sample_cfg();
	struct cfg_ruleset *set = sample_rules(text, "test.rules");
	const struct cfg_ruleset *sets[] = {set};
	int rc;

	err_init(err);
	rc = compile_image(&(struct compile_input){.cfg = &cfg, .rulesets = sets, .nrulesets = 1},
		bytes, n, err);
	cfg_rules_free(set);
	return rc;
}

static const struct {
	const char *rule, *text;
	size_t n; // of text where it holds a NUL, else 0
	bool matches;
} CASES[] = {
	{"1 body 1 l a.b*c", "xa.b*cx", 0, true},
	{"1 body 1 l a.b*c", "aXbbbc", 0, false},
	{"1 body 1 l (?i)a|b{2}[c]^$\\\\d", "(?i)a|b{2}[c]^$\\d", 0, true},
	{"1 body 1 l (?i)a|b{2}[c]^$\\\\d", "b", 0, false},
	{"1 body 1 l Token", "token", 0, false},
	{"1 body 1 il Token", "TOKEN", 0, true},
	{"1 body 1 l a\\r\\n\\tb", "a\r\n\tb", 0, true},
	{"1 body 1 l a\\x00b", "a\0b", 3, true},
	{"1 body 1 l \\xe9t\\xe9", "\xe9t\xe9", 0, true},
	{"1 body 1 l caf\xc3\xa9", "caf\xc3\xa9", 0, true},
	{"1 body 1 iu CAF\xc3\x89", "caf\xc3\xa9", 0, true}, // both cases of one letter
	{"1 body 1 il CAF\xc3\x89", "caf\xc3\xa9", 0, false},
	{"1 body 1 - a.b", "a\nb", 0, false},
	{"1 body 1 s a.b", "a\nb", 0, true},
	{"1 body 1 - ^b", "a\nb", 0, false},
	{"1 body 1 m ^b", "a\nb", 0, true},
	{"1 body 1 - Ab+", "abb", 0, false},
	{"1 body 1 i Ab+", "aBB", 0, true},
	{"1 body 1 - ^.{3}$", "\xc3\xa9\xc3\xa9\xc3\xa9", 0, false},
	{"1 body 1 u ^.{3}$", "\xc3\xa9\xc3\xa9\xc3\xa9", 0, true},
};

static void each_flag_means_what_the_rules_file_says(void **)
{
	for (size_t i = 0; i < COUNT(CASES); i++) {
		struct span text = {(const uint8_t *)CASES[i].text,
			CASES[i].n != 0 ? CASES[i].n : strlen(CASES[i].text)};
		struct err_list err;
		uint8_t *bytes;
		size_t n;

		if (compile(CASES[i].rule, &bytes, &n, &err) != 0)
			fail_msg("%s: %s", CASES[i].rule, err.text[0]);
		if ((sample_scan(sample_image(bytes, n), POL_SCOPE_BODY, text) == 1) !=
			CASES[i].matches)
			fail_msg("%s on case %zu", CASES[i].rule, i);
		free(bytes);
	}
}

static void a_rule_is_in_the_database_of_its_scope_with_its_index(void **)
{
	static const char RULES[] =
		"#: first\n70 helo 1 l needle\n60 mail 2 l needle\n50 rcpt 3 l needle\n"
		"40 header 4 l needle\n30 body -5 l needle\n20 helo 6 l other\n";
	const struct pol_image *img;
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	assert_int_equal(compile(RULES, &bytes, &n, &err), 0);
	img = sample_image(bytes, n);
	for (unsigned s = 0; s < POL_SCOPE_COUNT; s++) {
		assert_int_equal(sample_scan(img, s, span_str("a needle needle")), 1 << s);
		assert_int_equal(pol_rule_at(img, s)->id, 70 - 10 * s);
		assert_int_equal(pol_rule_at(img, s)->scope, s);
	}
	assert_int_equal(pol_rule_at(img, 4)->score, -5);
	assert_int_equal(sample_scan(img, POL_SCOPE_HELO, span_str("other needle")), 1 << 5 | 1);
	assert_string_equal(pol_string(img, pol_rule_at(img, 0)->name), "first");
	assert_string_equal(pol_string(img, pol_rule_at(img, 1)->name), "");
	free(bytes);
}

// A content profile that names one group, and rules.
static int compile_group(
	const char *group, const char *rules, uint8_t **bytes, size_t *n, struct err_list *err)
{
	struct cfg cfg = sample_cfg();
	struct cfg_content content = cfg.contents[0];
	struct cfg_ruleset *set = sample_rules(rules, "test.rules");
	const struct cfg_ruleset *sets[] = {set};
	const char *groups[] = {group};
	int rc;

	content.groups = groups;
	content.ngroups = 1;
	cfg.contents = &content;
	cfg.ncontents = 1;
	err_init(err);
	rc = compile_image(&(struct compile_input){.cfg = &cfg, .rulesets = sets, .nrulesets = 1},
		bytes, n, err);
	cfg_rules_free(set);
	return rc;
}

static void groups_become_bits_in_the_order_of_the_rules(void **)
{
	static const char RULES[] =
		"1 body 1 l a\n[x]\n2 body 1 l b\n[y]\n3 body 1 l c\n[x]\n4 body 1 l d\n";
	static const uint8_t groups[] = {0, 1, 2, 1};
	const struct pol_image *img;
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	assert_int_equal(compile_group("y", RULES, &bytes, &n, &err), 0);
	img = sample_image(bytes, n);
	assert_int_equal(pol_count(img, POL_SEC_GROUPS), 2);
	assert_string_equal(pol_string(img, pol_group_at(img, 1)->name), "y");
	assert_int_equal(pol_content_at(img, 0)->groups, 1u << 1);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(pol_rule_at(img, i)->group, groups[i]);
	free(bytes);
}

static void a_group_that_no_rule_has_is_told_with_the_nearest(void **)
{
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	assert_int_equal(
		compile_group("pils", "[pills]\n1 body 1 l a\n", &bytes, &n, &err), -EINVAL);
	assert_non_null(strstr(err.text[0],
		"content profile \"spam\": no rule is of a group \"pils\"; the nearest is "
		"\"pills\""));
}

static void more_groups_than_bits_are_refused(void **)
{
	char rules[4096];
	size_t at = 0, n;
	struct err_list err;
	uint8_t *bytes;

	for (unsigned i = 0; i <= POL_GROUPS_MAX; i++)
		at += (size_t)snprintf(
			rules + at, sizeof(rules) - at, "[g%u]\n%u body 1 l a%u\n", i, i + 1, i);
	assert_int_equal(compile(rules, &bytes, &n, &err), -EINVAL);
	assert_non_null(strstr(err.text[0], "rule 33: group \"g32\" is one too many; at most 32"));
}

static void every_bad_rule_is_told_with_line_id_and_hyperscans_words(void **)
{
	static const char RULES[] = "1 body 1 - good\n2 body 1 - (unclosed\n3 header 1 - good\n\n"
				    "4 header 1 - a(?=b)\n5 body 1 - [z-a]\n6 helo 1 - a*\n";
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	assert_int_equal(compile(RULES, &bytes, &n, &err), -EINVAL);
	assert_int_equal(err.count, 4);
	assert_true(sample_has(
		&err, "test.rules:2:12: rule 2 does not compile; Missing close parenthesis"));
	assert_true(sample_has(
		&err, "test.rules:5:14: rule 4 does not compile; Zero-width assertions"));
	assert_true(
		sample_has(&err, "test.rules:6:15: rule 5 does not compile; Range out of order"));
	assert_true(sample_has(
		&err, "test.rules:7:12: rule 6 does not compile; Pattern matches empty"));
}

static void at_most_twenty_bad_rules_are_told(void **)
{
	char rules[64 * 32], *at = rules;
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	for (unsigned i = 1; i <= 64; i++)
		at += snprintf(at, 32, "%u body 1 - (\n", i);
	assert_int_equal(compile(rules, &bytes, &n, &err), -EINVAL);
	assert_int_equal(err.kept, ERR_MAX);
}

static void an_id_in_two_files_is_told_with_both_places(void **)
{
	struct cfg_ruleset *a = sample_rules("1 body 1 l one\n7 body 1 l seven\n", "shipped.rules");
	struct cfg_ruleset *b = sample_rules("\n7 header 1 l other\n", "added.rules");
	const struct cfg_ruleset *sets[] = {a, b};
	struct cfg cfg = sample_cfg();
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	err_init(&err);
	assert_int_equal(
		compile_image(
			&(struct compile_input){.cfg = &cfg, .rulesets = sets, .nrulesets = 2},
			&bytes, &n, &err),
		-EINVAL);
	assert_int_equal(err.count, 1);
	assert_true(sample_has(&err, "rule 7: id is used twice"));
	assert_true(sample_has(&err, "shipped.rules:2"));
	assert_true(sample_has(&err, "added.rules:2"));
	cfg_rules_free(a);
	cfg_rules_free(b);
}

static void rules_of_several_files_keep_their_order(void **)
{
	struct cfg_ruleset *a = sample_rules("1 body 1 l one\n7 body 1 l seven\n", "shipped.rules");
	struct cfg_ruleset *b = sample_rules("5 body 1 l five\n", "added.rules");
	const struct cfg_ruleset *sets[] = {a, b};
	struct cfg cfg = sample_cfg();
	const struct pol_image *img;
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	err_init(&err);
	assert_int_equal(
		compile_image(
			&(struct compile_input){.cfg = &cfg, .rulesets = sets, .nrulesets = 2},
			&bytes, &n, &err),
		0);
	img = sample_image(bytes, n);
	assert_int_equal(pol_rule_at(img, 2)->id, 5);
	assert_int_equal(sample_scan(img, POL_SCOPE_BODY, span_str("five one")), 1 << 2 | 1);
	free(bytes);
	cfg_rules_free(a);
	cfg_rules_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_flag_means_what_the_rules_file_says),
		cmocka_unit_test(a_rule_is_in_the_database_of_its_scope_with_its_index),
		cmocka_unit_test(groups_become_bits_in_the_order_of_the_rules),
		cmocka_unit_test(a_group_that_no_rule_has_is_told_with_the_nearest),
		cmocka_unit_test(more_groups_than_bits_are_refused),
		cmocka_unit_test(every_bad_rule_is_told_with_line_id_and_hyperscans_words),
		cmocka_unit_test(at_most_twenty_bad_rules_are_told),
		cmocka_unit_test(an_id_in_two_files_is_told_with_both_places),
		cmocka_unit_test(rules_of_several_files_keep_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
