// SPDX-License-Identifier: BSD-3-Clause
// Costs of rules: every rule and every scope in use has its figures, dear rules come first, and the
// child measures the same things. No test asks how fast anything is.
#include "compile_sample.h"

#include <errno.h>
#include <poll.h>

#include "compile_int.h"

static const char RULES[] =
	"1 body 1 l token-one\n2 body 1 is w.{0,40}e.{0,40}[aeiou]{1,9}.{3,60}s\n"
	"3 header 1 im ^subject: .*cheap\n4 rcpt 1 l trap@\n";

static void figures_check(const struct compile_cost *c)
{
	assert_int_equal(c->nrules, 4);
	for (uint32_t i = 0; i < c->nrules; i++) {
		assert_in_range(c->rules[i].id, 1, 4);
		assert_true(c->rules[i].measured);
		assert_true(c->rules[i].ns_per_byte > 0);
		assert_true(c->rules[i].stream_bytes > 0);
		assert_true(i == 0 || c->rules[i - 1].scope != c->rules[i].scope ||
			c->rules[i - 1].ns_per_byte >= c->rules[i].ns_per_byte);
	}
	assert_int_equal(c->scope[POL_SCOPE_BODY].rules, 2);
	assert_int_equal(c->scope[POL_SCOPE_HEADER].rules, 1);
	assert_int_equal(c->scope[POL_SCOPE_RCPT].rules, 1);
	assert_int_equal(c->scope[POL_SCOPE_HELO].rules, 0);
	assert_true(c->scope[POL_SCOPE_BODY].database_bytes > 0);
	assert_true(c->scope[POL_SCOPE_BODY].gbit_s > 0);
	assert_true(c->scope[POL_SCOPE_BODY].stream_bytes > 0);
	assert_true(c->scope[POL_SCOPE_HELO].database_bytes == 0);
}

static void every_rule_and_scope_has_its_figures(void **)
{
	struct cfg_ruleset *set = sample_rules(RULES, "test.rules");
	const struct cfg_ruleset *sets[] = {set};
	struct compile_cost *cost;
	struct err_list err;

	err_init(&err);
	assert_int_equal(compile_cost(sets, 1, &cost, &err), 0);
	figures_check(cost);
	free(cost);
	cfg_rules_free(set);
}

static void a_child_measures_the_same_things(void **)
{
	struct cfg_ruleset *set = sample_rules(RULES, "test.rules");
	const struct cfg_ruleset *sets[] = {set};
	struct compile_cost *cost;
	struct compile_job *job;
	struct err_list err;
	uint8_t *bytes;
	size_t n;
	int rc;

	err_init(&err);
	job = compile_cost_start(sets, 1, &err);
	assert_non_null(job);
	assert_int_equal(compile_cost_take(job, &cost), -EAGAIN);
	do {
		struct pollfd p = {.fd = compile_fd(job), .events = POLLIN};

		assert_int_equal(poll(&p, 1, 60000), 1);
		rc = compile_step(job, &err);
	} while (rc == 0);
	assert_int_equal(rc, 1);
	assert_int_equal(compile_take(job, &bytes, &n), -EAGAIN); // it is no image
	assert_int_equal(compile_cost_take(job, &cost), 0);
	figures_check(cost);
	compile_free(job);
	free(cost);
	cfg_rules_free(set);
}

static void bad_rules_are_told_instead(void **)
{
	struct cfg_ruleset *set =
		sample_rules("1 body 1 l a\n2 body 1 - (\n3 helo 1 - [\n", "test.rules");
	const struct cfg_ruleset *sets[] = {set};
	struct compile_cost *cost;
	struct err_list err;

	err_init(&err);
	assert_int_equal(compile_cost(sets, 1, &cost, &err), -EINVAL);
	assert_int_equal(err.count, 2);
	assert_true(sample_has(&err, "test.rules:3:12: rule 3 does not compile"));
	cfg_rules_free(set);
}

static void the_corpus_is_the_same_each_time(void **)
{
	for (unsigned s = 0; s < POL_SCOPE_COUNT; s++) {
		struct compile_corpus a, b;

		assert_int_equal(compile_corpus_init(&a, s, 10000), 0);
		assert_int_equal(compile_corpus_init(&b, s, 10000), 0);
		assert_int_equal(a.n, b.n);
		assert_true(a.ends[a.n - 1] >= 10000);
		assert_memory_equal(a.bytes, b.bytes, a.ends[a.n - 1]);
		for (uint32_t i = 0; i < a.n; i++)
			assert_true(compile_corpus_unit(&a, i).n > 0);
		compile_corpus_fini(&a);
		compile_corpus_fini(&b);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_and_scope_has_its_figures),
		cmocka_unit_test(a_child_measures_the_same_things),
		cmocka_unit_test(bad_rules_are_told_instead),
		cmocka_unit_test(the_corpus_is_the_same_each_time),
	};
	int rc = compile_child(argc, argv);

	return rc >= 0 ? rc : cmocka_run_group_tests(tests, NULL, NULL);
}
