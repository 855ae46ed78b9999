// SPDX-License-Identifier: BSD-3-Clause
// The shipped rules: Hyperscan takes every one in streaming mode, and they judge the sample mails
// as they should, whole and cut into small pieces: clean ones at most 5 points, spam over 5.
// Header and body are scanned as the workers do: one database a scope, the header ends at the first
// empty line, each rule counts once.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hs/hs.h>

#include "cfg_rules.h"

#define RULES SOURCE_ROOT "/config/rules/shipped.rules"
#define MAIL SOURCE_ROOT "/tests/golden/mail"

enum { THRESHOLD = 5, MAILS_MAX = 64, MAIL_BYTES_MAX = 1 << 16 };

static struct cfg_ruleset *set;
static hs_database_t *dbs[CFG_SCOPE_COUNT]; // NULL where a scope has no rule
static hs_scratch_t *scratch;

static unsigned flags_of(const struct cfg_rule *r)
{
	return HS_FLAG_SINGLEMATCH | (r->caseless ? HS_FLAG_CASELESS : 0) |
		(r->dotall ? HS_FLAG_DOTALL : 0) | (r->multiline ? HS_FLAG_MULTILINE : 0) |
		(r->utf8 ? HS_FLAG_UTF8 : 0);
}

// A rule as a regex; a literal byte by byte. free() it.
static char *expression_of(const struct cfg_rule *r)
{
	char *text = r->literal ? malloc(r->bytes.n * 4 + 1) : strdup(r->text);

	assert_non_null(text);
	for (size_t i = 0; r->literal && i < r->bytes.n; i++)
		(void)snprintf(text + i * 4, 5, "\\x%02x", r->bytes.p[i]);
	return text;
}

static void scope_compile(enum cfg_rule_scope scope)
{
	char **texts = calloc(set->n, sizeof(*texts));
	unsigned *flags = calloc(set->n, sizeof(*flags)), *ids = calloc(set->n, sizeof(*ids));
	hs_compile_error_t *error = NULL;
	unsigned n = 0;

	assert_true(texts != NULL && flags != NULL && ids != NULL);
	for (uint32_t i = 0; i < set->n; i++) {
		if (set->rules[i].scope != scope)
			continue;
		texts[n] = expression_of(&set->rules[i]);
		flags[n] = flags_of(&set->rules[i]);
		ids[n++] = i;
	}
	if (n > 0 &&
		hs_compile_multi((const char *const *)texts, flags, ids, n, HS_MODE_STREAM, NULL,
			&dbs[scope], &error) != HS_SUCCESS)
		fail_msg("rule %u: %s",
			error->expression < 0 ? 0 : set->rules[ids[error->expression]].id,
			error->message);
	if (n > 0)
		assert_int_equal(hs_alloc_scratch(dbs[scope], &scratch), HS_SUCCESS);
	for (unsigned i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
	free(flags);
	free(ids);
}

static int rules_open(void **)
{
	struct err_list err;

	err_init(&err);
	set = cfg_rules_load(RULES, &err);
	err_print(&err, stderr);
	return set != NULL && err.kept == 0 ? 0 : -1;
}

static int rules_close(void **)
{
	for (unsigned i = 0; i < CFG_SCOPE_COUNT; i++)
		hs_free_database(dbs[i]);
	hs_free_scratch(scratch);
	cfg_rules_free(set);
	return 0;
}

struct tally {
	int score;
	char rules[256];
};

static int rule_matched(unsigned id, unsigned long long, unsigned long long, unsigned, void *arg)
{
	struct tally *t = arg;
	size_t n = strlen(t->rules);

	t->score += set->rules[id].score;
	(void)snprintf(t->rules + n, sizeof(t->rules) - n, " %u", set->rules[id].id);
	return 0;
}

static void scan(enum cfg_rule_scope scope, const char *p, size_t n, size_t piece, struct tally *t)
{
	hs_stream_t *stream;

	if (dbs[scope] == NULL)
		return;
	assert_int_equal(hs_open_stream(dbs[scope], 0, &stream), HS_SUCCESS);
	for (size_t i = 0; i < n; i += piece)
		assert_int_equal(
			hs_scan_stream(stream, p + i, (unsigned)(n - i < piece ? n - i : piece), 0,
				scratch, rule_matched, t),
			HS_SUCCESS);
	assert_int_equal(hs_close_stream(stream, scratch, rule_matched, t), HS_SUCCESS);
}

// A mail's text with CR LF line ends, as it crosses the wire.
static size_t mail_read(const char *path, char *out)
{
	FILE *f = fopen(path, "r");
	size_t n = 0;
	int c;

	assert_non_null(f);
	while ((c = fgetc(f)) != EOF && n < MAIL_BYTES_MAX - 2) {
		if (c == '\n')
			out[n++] = '\r';
		out[n++] = (char)c;
	}
	assert_true(feof(f));
	assert_int_equal(fclose(f), 0);
	out[n] = '\0';
	return n;
}

static struct tally mail_judge(const char *path, size_t piece)
{
	static char text[MAIL_BYTES_MAX];
	size_t n = mail_read(path, text), head;
	const char *end = strstr(text, "\r\n\r\n");
	struct tally t = {0};

	assert_non_null(end);
	head = (size_t)(end - text) + 4;
	scan(CFG_SCOPE_HEADER, text, head, piece, &t);
	scan(CFG_SCOPE_BODY, text + head, n - head, piece, &t);
	return t;
}

static void every_rule_compiles_for_streams(void **)
{
	for (unsigned scope = 0; scope < CFG_SCOPE_COUNT; scope++)
		scope_compile(scope);
}

static void there_are_three_hundred_rules_led_by_literals(void **)
{
	unsigned literals = 0;

	for (uint32_t i = 0; i < set->n; i++) {
		literals += set->rules[i].literal;
		assert_true(set->rules[i].label[0] != '\0');
		// One phrase alone must not condemn; the first rule is the test string that does.
		assert_true(set->rules[i].score <= (set->rules[i].id == 1001 ? 100 : 4));
	}
	assert_true(set->n >= 300);
	assert_true(literals >= 9 * (set->n - literals));
}

static void mails_score(const char *kind, bool spam)
{
	char folder[256], path[600];
	struct dirent **entries;
	int n, mails = 0;

	(void)snprintf(folder, sizeof(folder), "%s/%s", MAIL, kind);
	n = scandir(folder, &entries, NULL, alphasort);
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		struct tally whole, cut;

		if (entries[i]->d_name[0] != '.') {
			(void)snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
			whole = mail_judge(path, MAIL_BYTES_MAX);
			cut = mail_judge(path, 3);
			print_message("%s/%s: %d points, rules%s\n", kind, entries[i]->d_name,
				whole.score, whole.rules);
			assert_int_equal(cut.score, whole.score);
			assert_int_equal(whole.score > THRESHOLD, spam);
			mails++;
		}
		free(entries[i]);
	}
	free(entries);
	assert_true(mails >= 10 && mails <= MAILS_MAX);
}

static void clean_mail_stays_under_the_threshold(void **)
{
	mails_score("clean", false);
}

static void spam_is_over_the_threshold(void **)
{
	mails_score("spam", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			every_rule_compiles_for_streams), // the others scan with what it made
		cmocka_unit_test(there_are_three_hundred_rules_led_by_literals),
		cmocka_unit_test(clean_mail_stays_under_the_threshold),
		cmocka_unit_test(spam_is_over_the_threshold),
	};

	return cmocka_run_group_tests_name("golden mail", tests, rules_open, rules_close);
}
