// SPDX-License-Identifier: BSD-3-Clause
// Addresses and prefixes: what is read, what is refused and why, what is printed.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "addr.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void addresses_are_read_and_printed_in_canonical_form(void **)
{
	static const struct {
		const char *in, *out;
		bool v4;
	} CASES[] = {
		{"0.0.0.0", "0.0.0.0", true},
		{"10.77.0.1", "10.77.0.1", true},
		{"255.255.255.255", "255.255.255.255", true},
		{"::ffff:10.0.0.1", "10.0.0.1", true},
		{"::", "::", false},
		{"::1", "::1", false},
		{"FD77:0:0:0:0:0:0:1", "fd77::1", false},
		{"2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1", false},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", false},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
	};
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < COUNT(CASES); i++) {
		struct addr a, again;

		assert_int_equal(addr_parse(CASES[i].in, &a), 0);
		assert_string_equal(addr_format(&a, text, sizeof(text)), CASES[i].out);
		assert_int_equal(addr_is_v4(&a), CASES[i].v4);
		assert_int_equal(addr_parse(text, &again), 0);
		assert_true(addr_eq(&a, &again));
	}
}

static void what_is_no_address_is_refused_and_leaves_the_result_alone(void **)
{
	static const char *const CASES[] = {"", " ", "10", "10.1", "10.0.0.256", "10.0.0.1 ",
		"010.0.0.1", "1.2.3.4.5", "fd77", "fd77:::1", "g::", "::1%eth0", "10.0.0.1/8"};

	for (size_t i = 0; i < COUNT(CASES); i++) {
		struct addr a;

		memset(&a, 0xa5, sizeof(a));
		assert_int_equal(addr_parse(CASES[i], &a), -EINVAL);
		assert_int_equal(a.b[0], 0xa5);
		assert_int_equal(a.b[15], 0xa5);
	}
}

static void bytes_of_either_family_land_in_the_common_form(void **)
{
	static const uint8_t V4[4] = {192, 0, 2, 9};
	static const uint8_t V6[16] = {0x20, 1, 0xd, 0xb8, [15] = 7};
	struct addr a = addr_from_v4(V4), b = addr_from_v6(V6);
	char text[ADDR_TEXT_MAX];

	assert_string_equal(addr_format(&a, text, sizeof(text)), "192.0.2.9");
	assert_string_equal(addr_format(&b, text, sizeof(text)), "2001:db8::7");
	assert_false(addr_eq(&a, &b));
	assert_false(addr_is_v4(&b));
}

static void a_short_buffer_cuts_the_text_and_keeps_its_nul(void **)
{
	char text[5] = "xxxx";
	struct prefix p;
	struct addr a;

	assert_int_equal(addr_parse("10.77.0.1", &a), 0);
	assert_string_equal(addr_format(&a, text, sizeof(text)), "10.7");
	assert_int_equal(prefix_parse("10.77.0.0/16", &p), 0);
	assert_string_equal(prefix_format(&p, text, sizeof(text)), "10.7");
}

static void prefixes_are_read_and_printed(void **)
{
	static const struct {
		const char *in, *out;
		unsigned len;
	} CASES[] = {
		{"any", "any", 0},
		{"::/0", "any", 0},
		{"0.0.0.0/0", "0.0.0.0/0", 96},
		{"10.0.0.0/8", "10.0.0.0/8", 104},
		{"10.77.0.1", "10.77.0.1/32", 128},
		{"10.77.0.1/32", "10.77.0.1/32", 128},
		{"fd77::/64", "fd77::/64", 64},
		{"fd77::1", "fd77::1/128", 128},
		{"2001:db8:8000::/33", "2001:db8:8000::/33", 33},
	};
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < COUNT(CASES); i++) {
		struct prefix p;

		assert_int_equal(prefix_parse(CASES[i].in, &p), 0);
		assert_int_equal(p.len, CASES[i].len);
		assert_string_equal(prefix_format(&p, text, sizeof(text)), CASES[i].out);
	}
}

static void a_wrong_prefix_says_what_is_wrong(void **)
{
	static const struct {
		const char *in;
		int rc;
	} CASES[] = {
		{"", -EINVAL},
		{"all", -EINVAL},
		{"/8", -EINVAL},
		{"10.0.0.0/", -EINVAL},
		{"10.0.0.0/8x", -EINVAL},
		{"10.0.0.0/-1", -EINVAL},
		{"10.0.0.0/ 8", -EINVAL},
		{"10.0.0.0/8/8", -EINVAL},
		{"10.0.0.0/08", -EINVAL},
		{"10.0.0.0/00000024", -EINVAL},
		{"10.0.0.0/00", -EINVAL},
		{"10.0.0.0/33", -ERANGE},
		{"fd77::/129", -ERANGE},
		{"10.0.0.0/99999999999999999999", -ERANGE},
		{"10.0.0.1/8", -EDOM},
		{"10.77.0.0/15", -EDOM},
		{"fd77::1/64", -EDOM},
		{"0.0.0.1/0", -EDOM},
		{"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", -EINVAL},
	};

	for (size_t i = 0; i < COUNT(CASES); i++) {
		struct prefix p = {.len = 77};

		assert_int_equal(prefix_parse(CASES[i].in, &p), CASES[i].rc);
		assert_int_equal(p.len, 77);
	}
}

static void a_prefix_holds_its_own_addresses_only(void **)
{
	static const struct {
		const char *prefix, *addr;
		bool in;
	} CASES[] = {
		{"any", "10.0.0.1", true},
		{"any", "fd77::1", true},
		{"0.0.0.0/0", "10.0.0.1", true},
		{"0.0.0.0/0", "fd77::1", false},
		{"10.77.0.0/24", "10.77.0.0", true},
		{"10.77.0.0/24", "10.77.0.255", true},
		{"10.77.0.0/24", "10.77.1.0", false},
		{"10.76.0.0/15", "10.77.3.4", true},
		{"10.76.0.0/15", "10.78.0.0", false},
		{"10.77.0.1", "10.77.0.1", true},
		{"10.77.0.1", "10.77.0.2", false},
		{"fd77::/64", "fd77::1:2:3:4", true},
		{"fd77::/64", "fd77:0:0:1::", false},
		{"8000::/1", "ffff::", true},
		{"8000::/1", "7fff::", false},
	};

	for (size_t i = 0; i < COUNT(CASES); i++) {
		struct prefix p;
		struct addr a;

		assert_int_equal(prefix_parse(CASES[i].prefix, &p), 0);
		assert_int_equal(addr_parse(CASES[i].addr, &a), 0);
		assert_int_equal(prefix_has(&p, &a), CASES[i].in);
	}
}

static void a_link_has_a_name_and_in_ipv4_an_address_of_all(void **)
{
	static const struct {
		const char *text;
		uint8_t len;
		bool edge;
	} CASES[] = {{"192.0.2.0", 120, true}, {"192.0.2.255", 120, true},
		{"192.0.2.1", 120, false}, {"192.0.2.254", 120, false}, {"192.0.2.7", 125, true},
		{"192.0.2.255", 119, false}, {"fd00::", 64, true}, {"fd00::1", 64, false},
		{"fd00::ffff:ffff:ffff:ffff", 64, false}};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct addr a;

		assert_int_equal(addr_parse(CASES[i].text, &a), 0);
		assert_int_equal(addr_is_edge(&a, CASES[i].len), CASES[i].edge);
	}
}

static void unspecified_and_loopback_are_nobodys(void **)
{
	static const char *const nobodys[] = {"0.0.0.0", "0.1.2.3", "127.0.0.1", "::", "::1"};
	static const char *const somebodys[] = {"10.0.0.0", "128.0.0.1", "::2", "fd00::1"};
	struct addr a;

	for (size_t i = 0; i < sizeof(nobodys) / sizeof(nobodys[0]); i++) {
		assert_int_equal(addr_parse(nobodys[i], &a), 0);
		assert_true(addr_is_nobodys(&a));
	}
	for (size_t i = 0; i < sizeof(somebodys) / sizeof(somebodys[0]); i++) {
		assert_int_equal(addr_parse(somebodys[i], &a), 0);
		assert_false(addr_is_nobodys(&a));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_has_a_name_and_in_ipv4_an_address_of_all),
		cmocka_unit_test(unspecified_and_loopback_are_nobodys),
		cmocka_unit_test(addresses_are_read_and_printed_in_canonical_form),
		cmocka_unit_test(what_is_no_address_is_refused_and_leaves_the_result_alone),
		cmocka_unit_test(bytes_of_either_family_land_in_the_common_form),
		cmocka_unit_test(a_short_buffer_cuts_the_text_and_keeps_its_nul),
		cmocka_unit_test(prefixes_are_read_and_printed),
		cmocka_unit_test(a_wrong_prefix_says_what_is_wrong),
		cmocka_unit_test(a_prefix_holds_its_own_addresses_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
