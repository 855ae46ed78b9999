// SPDX-License-Identifier: BSD-3-Clause
// Changes of the list of policies: what the list is afterwards, or the lines that say why not. Every
// text that comes out loads again.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cfg_edit.h"

static const char base[] =
	"dataplane: {workers: [1], ports: [{name: a, dev: net_tap0}, {name: b, dev: net_tap1}], "
	"pairs: [[a, b]]}\n"
	"session_profiles: {s: {}}\n"
	"content_profiles: {c: {}}\n"
	"policies: [{name: one, source: 10.0.0.0/8, action: pass}, {name: two, source: 11.0.0.0/8, "
	"action: drop, comment: 'a \"word\"'}, {name: three, source: 12.0.0.0/8, action: reject}]\n";

static struct cfg *load(const char *text)
{
	struct err_list err;
	struct cfg *c;

	err_init(&err);
	c = cfg_load_text(text, strlen(text), "f", "/", &err);
	if (c == NULL)
		err_print(&err, stderr);
	assert_non_null(c);
	return c;
}

static void put(void *arg, const char *key, const char *text)
{
	FILE *f = arg;

	if (strcmp(key, "name") != 0)
		(void)fprintf(f, " %s=%s", key, text);
}

struct row {
	const char *name;
	struct cfg_edit edit;
	const char *list; // names afterwards; NULL = refused
	uint32_t index;
	const char *want; // values of the policy, or the error's lines
	int rc;
};

static const struct row rows[] = {
	{"a new policy goes to the end",
		{CFG_EDIT_ADD, .name = "new", .value = {{"action", "inspect"}}, .nvalues = 1},
		"one two three new", 3,
		" comment= enabled=true source=any destination=any context=any ingress=any vlan=any "
		"port=any action=inspect session=none content=none",
		0},
	{"every value of a new policy arrives",
		{CFG_EDIT_ADD, CFG_EDIT_BEFORE, "new", "two",
			{{"action", "tempfail"}, {"comment", "why: \"so\""}, {"enabled", "false"},
				{"source", "10.1.0.0/16"}, {"destination", "fd00::1"},
				{"context", "default"}, {"ingress", "a , b"}, {"vlan", "10-20"},
				{"port", "25"}, {"session", "s"}, {"content", "c"}},
			11},
		"one new two three", 1,
		" comment=why: \"so\" enabled=false source=10.1.0.0/16 destination=fd00::1/128 "
		"context=default ingress=a, b vlan=10-20 port=25 action=tempfail session=s content=c",
		0},
	{"a new policy behind another",
		{CFG_EDIT_ADD, CFG_EDIT_AFTER, "new", "two", {{"action", "pass"}}, 1},
		"one two new three", 2, NULL, 0},
	{"a new policy in front of all",
		{CFG_EDIT_ADD, CFG_EDIT_FIRST, "new", NULL, {{"action", "pass"}}, 1},
		"new one two three", 0, NULL, 0},
	{"a value of a policy, the others stay",
		{CFG_EDIT_SET, .name = "two", .value = {{"vlan", "untagged"}}, .nvalues = 1},
		"one two three", 1,
		" comment=a \"word\" enabled=true source=11.0.0.0/8 destination=any context=any "
		"ingress=any vlan=untagged port=any action=drop session=none content=none",
		0},
	{"a policy goes", {CFG_EDIT_DEL, .name = "one"}, "two three", 0, NULL, 0},
	{"before another, upwards", {CFG_EDIT_MOVE, CFG_EDIT_BEFORE, "three", "one"},
		"three one two", 0, NULL, 0},
	{"before another, downwards", {CFG_EDIT_MOVE, CFG_EDIT_BEFORE, "one", "three"},
		"two one three", 1, NULL, 0},
	{"after another, upwards", {CFG_EDIT_MOVE, CFG_EDIT_AFTER, "three", "one"}, "one three two",
		1, NULL, 0},
	{"after another, downwards", {CFG_EDIT_MOVE, CFG_EDIT_AFTER, "one", "three"},
		"two three one", 2, NULL, 0},
	{"before a number, upwards", {CFG_EDIT_MOVE, CFG_EDIT_BEFORE, "three", "1"},
		"three one two", 0, NULL, 0},
	{"before a number of the list as it was", {CFG_EDIT_MOVE, CFG_EDIT_BEFORE, "one", "3"},
		"two one three", 1, NULL, 0},
	{"after the last number", {CFG_EDIT_MOVE, CFG_EDIT_AFTER, "one", "3"}, "two three one", 2,
		NULL, 0},
	{"a new policy behind a number",
		{CFG_EDIT_ADD, CFG_EDIT_AFTER, "new", "2", {{"action", "pass"}}, 1},
		"one two new three", 2, NULL, 0},
	{"a number that no policy has", {CFG_EDIT_MOVE, CFG_EDIT_AFTER, "one", "4"}, NULL, 0,
		"there is no policy number 4; there are 3\n", -ENOENT},
	{"nor is nought one", {CFG_EDIT_MOVE, CFG_EDIT_BEFORE, "one", "0"}, NULL, 0,
		"there is no policy number 0; there are 3\n", -ENOENT},
	{"its own number", {CFG_EDIT_MOVE, CFG_EDIT_BEFORE, "one", "1"}, NULL, 0,
		"policy \"one\" cannot stand beside itself\n", -EINVAL},
	{"one up", {CFG_EDIT_MOVE, CFG_EDIT_UP, "three"}, "one three two", 1, NULL, 0},
	{"one down", {CFG_EDIT_MOVE, CFG_EDIT_DOWN, "one"}, "two one three", 1, NULL, 0},
	{"the first goes no further up", {CFG_EDIT_MOVE, CFG_EDIT_UP, "one"}, "one two three", 0,
		NULL, 0},
	{"the last goes no further down", {CFG_EDIT_MOVE, CFG_EDIT_DOWN, "three"}, "one two three",
		2, NULL, 0},
	{"to the front", {CFG_EDIT_MOVE, CFG_EDIT_FIRST, "three"}, "three one two", 0, NULL, 0},
	{"to the end", {CFG_EDIT_MOVE, CFG_EDIT_LAST, "one"}, "two three one", 2, NULL, 0},

	{"a policy that is not there names the nearest", {CFG_EDIT_DEL, .name = "tow"}, NULL, 0,
		"there is no policy \"tow\"; the nearest is \"two\"\n", -ENOENT},
	{"nor is the one beside", {CFG_EDIT_MOVE, CFG_EDIT_AFTER, "one", "thre"}, NULL, 0,
		"there is no policy \"thre\"; the nearest is \"three\"\n", -ENOENT},
	{"beside itself", {CFG_EDIT_MOVE, CFG_EDIT_AFTER, "one", "one"}, NULL, 0,
		"policy \"one\" cannot stand beside itself\n", -EINVAL},
	{"a name that is there already, and no action", {CFG_EDIT_ADD, .name = "two"}, NULL, 0,
		"policy \"two\" is there already; it is number 2\n"
		"action: is missing; it has no default\n",
		-EINVAL},
	{"a name that is none",
		{CFG_EDIT_ADD, .name = "a b", .value = {{"action", "pass"}}, .nvalues = 1}, NULL, 0,
		"name: \"a b\" is no name; 1..63 letters, digits, _ . - are, but not any and none\n",
		-EINVAL},
	{"every wrong value is named",
		{CFG_EDIT_SET, .name = "one",
			.value = {{"source", "10.0.0.1/8"}, {"vlan", "5000"}, {"portt", "25"},
				{"enabled", "2"}, {"ingress", "a,,b"}},
			.nvalues = 5},
		NULL, 0,
		"source: \"10.0.0.1/8\" has host bits set; behind the prefix all bits must be 0\n"
		"vlan: 5000 is out of range; 1..4094, the smaller one first, is allowed\n"
		"portt: is no key of a policy; the nearest is \"port\"\n"
		"enabled: must be true or false; \"2\" is neither\n"
		"ingress: has no value\n",
		-EINVAL},
	{"references that lead nowhere",
		{CFG_EDIT_SET, .name = "one",
			.value = {{"session", "x"}, {"content", "cc"}, {"context", "defalt"},
				{"ingress", "a, z"}},
			.nvalues = 4},
		NULL, 0,
		"context: there is no context \"defalt\"; the nearest is \"default\"\n"
		"ingress: there is no port \"z\"; the nearest is \"a\"\n"
		"session: there is no session profile \"x\"; the nearest is \"s\"\n"
		"content: there is no content profile \"cc\"; the nearest is \"c\"\n",
		-EINVAL},
};

static void edited_is_as_wanted(const struct row *row, const char *text, uint32_t index)
{
	struct cfg *c = load(text);
	char names[256] = "", *values = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&values, &n);

	for (uint32_t i = 0; i < c->npolicies; i++) {
		size_t at = strlen(names);

		(void)snprintf(names + at, sizeof(names) - at, "%s%s", i > 0 ? " " : "",
			c->policies[i].name);
	}
	assert_string_equal(names, row->list);
	assert_int_equal(index, row->index);
	if (row->edit.kind != CFG_EDIT_DEL)
		assert_string_equal(c->policies[index].name, row->edit.name);
	assert_true(cfg_policy_print(c, index, put, f));
	assert_int_equal(fclose(f), 0);
	if (row->want != NULL)
		assert_string_equal(values, row->want);
	free(values);
	cfg_free(c);
}

static void row_is_as_wanted(void **state)
{
	const struct row *row = *state;
	struct cfg *c = load(base);
	struct err_list err;
	char *text = NULL, *out = NULL;
	uint32_t index = 99;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);

	err_init(&err);
	assert_int_equal(cfg_edit_policies(c, &row->edit, &text, &index, &err), row->rc);
	err_print(&err, f);
	assert_int_equal(fclose(f), 0);
	assert_string_equal(out, row->rc == 0 ? "" : row->want);
	if (row->rc == 0)
		edited_is_as_wanted(row, text, index);
	assert_int_equal(c->npolicies, 3); // what is in force is left alone
	free(text);
	free(out);
	cfg_free(c);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0])];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
			.test_func = row_is_as_wanted,
			.initial_state = (void *)(uintptr_t)&rows[i]};
	return _cmocka_run_group_tests(
		"config edit", tests, sizeof(tests) / sizeof(tests[0]), NULL, NULL);
}
