// SPDX-License-Identifier: BSD-3-Clause
// The command line by its table: what words become, what is refused and with which words. The table
// itself: each verb is a method with a blank, each argument a member of its params.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli.h"

enum { WORDS_MAX = 16 };

static const struct {
	const char *name,
		*line;      // words are separated by one blank, "\t" stands for a blank within one
	const char *params; // JSON, or NULL where refused
	const char *why;    // a part of the refusal
} lines[] = {
	{"a verb without arguments", "ports list", "{}", NULL},
	{"status alone is system status", "status", "{}", NULL},
	{"options with a blank", "rules add --scope body --score 100 --literal TEXT",
		"{\"scope\":\"body\",\"score\":100,\"literal\":\"TEXT\"}", NULL},
	{"options with an equals sign", "rules add --scope=body --score=-5 --regex=a=b",
		"{\"scope\":\"body\",\"score\":-5,\"regex\":\"a=b\"}", NULL},
	{"a negative number as its own word", "rules add --scope body --score -5 --literal x",
		"{\"scope\":\"body\",\"score\":-5,\"literal\":\"x\"}", NULL},
	{"a value that looks like an option", "rules add --scope body --score 1 --literal --json",
		"{\"scope\":\"body\",\"score\":1,\"literal\":\"--json\"}", NULL},
	{"a value with a blank", "rules add --scope body --score 1 --literal a\tb",
		"{\"scope\":\"body\",\"score\":1,\"literal\":\"a b\"}", NULL},
	{"an empty value", "config commit --comment=", "{\"comment\":\"\"}", NULL},
	{"a flag", "rules list --added", "{\"added\":true}", NULL},
	{"bare words in order", "policy match 10.0.0.1 10.0.0.2 --port 26",
		"{\"source\":\"10.0.0.1\",\"destination\":\"10.0.0.2\",\"port\":26}", NULL},
	{"a recipient in question", "policy match ::1 ::2 --recipient a@b --auth",
		"{\"source\":\"::1\",\"destination\":\"::2\",\"recipient\":\"a@b\",\"auth\":true}",
		NULL},
	{"bare words by name", "policy match --destination ::1 ::2",
		"{\"destination\":\"::1\",\"source\":\"::2\"}", NULL},
	{"options between bare words", "policy match 10.0.0.1 --vlan 5 10.0.0.2",
		"{\"source\":\"10.0.0.1\",\"vlan\":5,\"destination\":\"10.0.0.2\"}", NULL},
	{"two dashes end options", "config check -- --odd", "{\"file\":\"--odd\"}", NULL},
	{"a dash is a bare word", "config check -", "{\"file\":\"-\"}", NULL},
	{"a bare number", "rules del 1000000", "{\"id\":1000000}", NULL},
	{"a missing option", "rules add --scope body --literal x", NULL, "--score is missing"},
	{"a missing bare word", "rules del", NULL, "ID is missing"},
	{"a missing value", "rules add --scope", NULL, "--scope: the value is missing"},
	{"an unknown option", "ports list --all", NULL, "--all: no such option"},
	{"an abbreviated option", "rules list --add", NULL, "--add: no such option"},
	{"an unknown letter", "ports list -x", NULL, "-x: no such option"},
	{"one word too many", "ports list now", NULL, "now: one word too many"},
	{"an option twice", "rules list --scope a --scope b", NULL, "--scope: given twice"},
	{"an option and its bare word", "rules del 1 --id 2", NULL, "--id: given twice"},
	{"no number", "rules del seven", NULL, "not a whole number"},
	{"a number with a tail", "rules del 7x", NULL, "not a whole number"},
	{"a number too large", "rules del 99999999999999999999", NULL, "not a whole number"},
	{"a time", "endpoints block 7 --for 12h", "{\"id\":\"7\",\"for_s\":43200}"},
	{"a time of other units", "senders exempt 10.0.0.1 --for=90s --comment a",
		"{\"sender\":\"10.0.0.1\",\"for_s\":90,\"comment\":\"a\"}"},
	{"a time without a unit", "endpoints block 7 --for 12", NULL, "--for: 12: not a time like"},
	{"a time of nothing", "endpoints block 7 --for 0d", NULL, "--for: 0d: not a time like"},
	{"a time of no unit there is", "endpoints block 7 --for 1y", NULL, "not a time like"},
	{"a time below none", "endpoints block 7 --for -1h", NULL, "not a time like"},
	{"a time twice", "endpoints block 7 --for 1h --for 2h", NULL, "--for: given twice"},
	{"a flag with a value", "rules list --added=no", NULL, "--added: takes no value"},
	{"bytes that are not UTF-8", "rules add --scope body --score 1 --literal \xff", NULL,
		"not UTF-8"},
};

struct words {
	char *w[WORDS_MAX];
	int n;
	char text[256];
};

static void split(struct words *ws, const char *line)
{
	char *save, *word;

	ws->n = 0;
	(void)snprintf(ws->text, sizeof(ws->text), "%s", line);
	for (word = strtok_r(ws->text, " ", &save); word != NULL;
		word = strtok_r(NULL, " ", &save)) {
		for (char *p = word; *p != '\0'; p++)
			*p = *p == '\t' ? ' ' : *p;
		ws->w[ws->n++] = word;
	}
}

static void words_become_params_or_a_refusal(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		json_t *params = json_object(), *want;
		const struct cli_verb *v;
		struct cli c = {.fd = -1};
		bool help = false;
		char why[256] = "";
		struct words ws;
		int used, rc;

		split(&ws, lines[i].line);
		v = cli_verb_find(ws.n, ws.w, &used);
		assert_non_null(v);
		rc = cli_args_take(&c, v, ws.n - used, ws.w + used, params, &help, why);
		if ((rc == CLI_OK) != (lines[i].params != NULL))
			fail_msg("%s: %d %s", lines[i].name, rc, why);
		if (rc != CLI_OK) {
			assert_int_equal(rc, CLI_BAD_INPUT);
			if (strstr(why, lines[i].why) == NULL)
				fail_msg("%s: %s", lines[i].name, why);
		} else {
			want = json_loads(lines[i].params, 0, NULL);
			if (!json_equal(params, want))
				fail_msg("%s: %s", lines[i].name, json_dumps(params, 0));
			json_decref(want);
		}
		json_decref(params);
	}
}

// The verb of a line and what its words did to `c`; true where they were taken.
static bool taken(struct words *ws, const char *line, struct cli *c, json_t *params, bool *help)
{
	const struct cli_verb *v;
	char why[256];
	int used;

	split(ws, line);
	v = cli_verb_find(ws->n, ws->w, &used);
	*help = false;
	return v != NULL &&
		cli_args_take(c, v, ws->n - used, ws->w + used, params, help, why) == CLI_OK;
}

static void common_options_may_stand_anywhere(void **state)
{
	struct cli c = {.socket = CLI_SOCKET, .fd = -1};
	json_t *params = json_object();
	struct words ws;
	bool help;

	(void)state;
	assert_true(taken(&ws, "rules del --json 1 --help", &c, params, &help));
	assert_true(c.json);
	assert_true(help);
	assert_int_equal(cli_int(params, "id"), 1);
	assert_string_equal(c.socket, CLI_SOCKET);
	(void)json_object_clear(params);
	assert_true(taken(&ws, "rules del --socket=/b 2", &c, params, &help));
	assert_string_equal(c.socket, "/b");
	assert_int_equal(cli_int(params, "id"), 2);
	(void)json_object_clear(params);
	assert_true(taken(&ws, "rules del 3 -s /c", &c, params, &help));
	assert_string_equal(c.socket, "/c");
	assert_int_equal(cli_int(params, "id"), 3);
	json_decref(params);
}

static void help_is_given_without_the_required_words(void **state)
{
	struct cli c = {.fd = -1};
	json_t *params = json_object();
	struct words ws;
	bool help;

	(void)state;
	assert_true(taken(&ws, "rules add --help", &c, params, &help));
	assert_true(help);
	json_decref(params);
}

static void what_is_no_verb_is_not_found(void **state)
{
	static const char *const no[] = {
		"", "config", "config --json", "rules bake", "rule add", "systemstatus"};
	struct words ws;
	int used;

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		split(&ws, no[i]);
		assert_null(cli_verb_find(ws.n, ws.w, &used));
	}
}

static void a_noun_alone_means_the_verb_that_only_looks(void **state)
{
	static const char *const rows[][2] = {{"stats", "get"}, {"stats --all", "get"},
		{"ports", "list"}, {"flows --max 3", "list"}, {"sessions", "tail"},
		{"rules", "list"}, {"policies", "list"}, {"system", "status"}, {"status", "status"},
		{"explain mw-1", "get"}, {"explain", "get"}};
	struct words ws;
	int used;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct cli_verb *v;

		split(&ws, rows[i][0]);
		v = cli_verb_find(ws.n, ws.w, &used);
		assert_non_null(v);
		assert_string_equal(v->verb, rows[i][1]);
		assert_int_equal(used, 1);
	}
}

static void help_tells_of_all_of_a_noun_or_of_a_verb(void **state)
{
	static const struct {
		const char *line;
		int rc;
		const char *says; // on the output, or why not
	} rows[] = {
		{"", CLI_OK, "usage: mailweirctl"},
		{"config", CLI_OK, "  config   revert"},
		{"rules add", CLI_OK, "mailweirctl rules add --scope"},
		{"status", CLI_OK, "mailweirctl system status"},
		{"rules bake", CLI_BAD_INPUT, "rules bake: no such verb"},
	};
	char why[256], *text;
	struct words ws;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		FILE *f = open_memstream(&text, &n);

		split(&ws, rows[i].line);
		assert_int_equal(cli_help(ws.n, ws.w, f, why), rows[i].rc);
		assert_int_equal(fclose(f), 0);
		if (strstr(rows[i].rc == CLI_OK ? text : why, rows[i].says) == NULL)
			fail_msg("help %s: %s", rows[i].line, rows[i].rc == CLI_OK ? text : why);
		free(text);
	}
}

static void an_unknown_verb_names_the_nearest(void **state)
{
	static const struct {
		const char *line, *why;
	} rows[] = {
		{"rules ad", "rules ad: no such verb; the nearest is \"rules add\""},
		{"rule list --added", "rule list: no such verb; the nearest is \"rules list\""},
		{"stat get", "stat get: no such verb; the nearest is \"stats get\""},
		{"config", "config: no such verb; the nearest is \"config get\""},
	};
	char why[256];
	struct words ws;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		split(&ws, rows[i].line);
		cli_verb_unknown(ws.n, ws.w, why);
		if (strncmp(why, rows[i].why, strlen(rows[i].why)) != 0)
			fail_msg("%s: %s", rows[i].line, why);
		assert_null(strchr(why, '\n'));
	}
}

// The verbs that say the same as another one.
static bool is_second_name(const char *name)
{
	return strcmp(name, "config.list") == 0 || strcmp(name, "config.show") == 0;
}

static void each_method_has_its_verb_and_each_verb_its_usage(void **state)
{
	bool seen[API_RPC_COUNT] = {false};
	char name[64], *text;
	size_t n;

	(void)state;
	for (unsigned i = 0; i < cli_verb_count; i++) {
		const struct cli_verb *v = &cli_verbs[i];
		FILE *f = open_memstream(&text, &n);

		(void)snprintf(name, sizeof(name), "%s.%s", v->noun, v->verb);
		if (!is_second_name(name)) {
			assert_string_equal(name, api_rpc_methods[v->method].name);
			assert_false(seen[v->method]);
			seen[v->method] = true;
		}
		assert_true(v->run != NULL || v->show != NULL);
		cli_verb_usage(v, f);
		assert_int_equal(fclose(f), 0);
		for (unsigned a = 0; a < v->nargs; a++) {
			assert_non_null(strstr(text, v->args[a].name));
			assert_true((v->args[a].meta == NULL) == (v->args[a].type == CLI_FLAG));
			assert_non_null(v->args[a].help);
		}
		free(text);
	}
	for (unsigned m = 0; m < API_RPC_COUNT; m++)
		assert_true(seen[m]);
}

static char *page_text(void)
{
	enum { PAGE_MAX = 1 << 18 };
	FILE *f = fopen(SOURCE_ROOT "/docs/mailweirctl.1.scd", "r");
	char *text = calloc(1, PAGE_MAX);

	assert_non_null(f);
	assert_non_null(text);
	assert_true(fread(text, 1, PAGE_MAX - 1, f) < PAGE_MAX - 1);
	assert_int_equal(fclose(f), 0);
	return text;
}

// The line among the page's verbs that has "*noun verb*", perhaps behind its short form.
static const char *verb_line(const char *page, const struct cli_verb *v, char line[512])
{
	char name[64];

	(void)snprintf(name, sizeof(name), "*%s %s*", v->noun, v->verb);
	for (const char *p = strstr(page, "\n# VERBS\n"); p != NULL;
		p = strchr(p, '\n'), p = p == NULL ? NULL : p + 1) {
		size_t n = strcspn(p, "\n");

		if (*p != '*' || n >= 512)
			continue;
		memcpy(line, p, n);
		line[n] = '\0';
		if (strstr(line, name) != NULL)
			return line;
	}
	return NULL;
}

static void the_manual_has_each_verb_with_each_argument(void **state)
{
	char *page = page_text(), line[512], word[64];

	(void)state;
	for (unsigned i = 0; i < cli_verb_count; i++) {
		const struct cli_verb *v = &cli_verbs[i];

		if (verb_line(page, v, line) == NULL)
			fail_msg("%s %s is missing", v->noun, v->verb);
		for (unsigned a = 0; a < v->nargs; a++) {
			if (v->args[a].bare)
				(void)snprintf(word, sizeof(word), "_%s_", v->args[a].meta);
			else
				(void)snprintf(word, sizeof(word), "*--%s*", v->args[a].name);
			if (strstr(line, word) == NULL)
				fail_msg("%s %s: %s is missing", v->noun, v->verb, word);
		}
	}
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_become_params_or_a_refusal),
		cmocka_unit_test(common_options_may_stand_anywhere),
		cmocka_unit_test(help_is_given_without_the_required_words),
		cmocka_unit_test(what_is_no_verb_is_not_found),
		cmocka_unit_test(a_noun_alone_means_the_verb_that_only_looks),
		cmocka_unit_test(help_tells_of_all_of_a_noun_or_of_a_verb),
		cmocka_unit_test(an_unknown_verb_names_the_nearest),
		cmocka_unit_test(each_method_has_its_verb_and_each_verb_its_usage),
		cmocka_unit_test(the_manual_has_each_verb_with_each_argument),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
