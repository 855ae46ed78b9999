// SPDX-License-Identifier: BSD-3-Clause
// Files of servers: what is one, and where the others are wrong.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cfg_servers.h"

static void addresses_and_prefixes_are_read_and_comments_passed_over(void **state)
{
	static const char text[] = "# servers\n192.0.2.25\r\n\n  198.51.100.0/24 \t\n"
				   "\t# more\n2001:db8::/32";
	struct cfg_servers s;
	struct err_list err;

	(void)state;
	err_init(&err);
	assert_int_equal(cfg_servers_load_text(text, sizeof(text) - 1, "f", &s, &err), 0);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.list[0].len, 128);
	assert_int_equal(s.list[1].len, 120);
	assert_int_equal(s.list[2].len, 32);
	cfg_servers_fini(&s);
	assert_int_equal(cfg_servers_load_text("", 0, "f", &s, &err), 0);
	assert_int_equal(s.n, 0);
	cfg_servers_fini(&s);
}

#define BYTES(t) t, sizeof(t) - 1

static void each_wrong_line_is_told_with_its_place(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		const char *want;
	} cases[] = {
		{BYTES("192.0.2.1\n mx.example\n"),
			"f:2:2: \"mx.example\" is no address or prefix"},
		{BYTES("192.0.2.1/24\n"),
			"f:1:1: \"192.0.2.1/24\" has host bits set; behind the "
			"prefix all bits must be 0"},
		{BYTES("192.0.2.0/33"), "f:1:1: \"192.0.2.0/33\" has too long a prefix"},
		{BYTES("any\n"),
			"f:1:1: \"any\" takes every server; a policy that rejects does that"},
		{BYTES("192.0.2.1\0\n"), "f:1:1: \"192.0.2.1\\x00\" is no address or prefix"},
		{BYTES("192.0.2.1 192.0.2.2\n"),
			"f:1:1: \"192.0.2.1 192.0.2.2\" is no address or prefix"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cfg_servers s;
		struct err_list err;

		err_init(&err);
		assert_int_equal(
			cfg_servers_load_text(cases[i].text, cases[i].n, "f", &s, &err), -EINVAL);
		assert_int_equal(err.count, 1);
		assert_string_equal(err.text[0], cases[i].want);
		assert_null(s.list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_and_prefixes_are_read_and_comments_passed_over),
		cmocka_unit_test(each_wrong_line_is_told_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
