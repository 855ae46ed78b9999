// SPDX-License-Identifier: BSD-3-Clause
// Escaping, copying and ids.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void bytes_are_escaped_and_the_cut_is_shown(void **)
{
	static const struct {
		const char *in;
		size_t n, cap;
		const char *out;
	} CASES[] = {
		{"", 0, 64, ""},
		{"MAIL FROM:<a@b>", 15, 64, "MAIL FROM:<a@b>"},
		{"a\r\n\0\x7f\xff\\", 7, 64, "a\\x0d\\x0a\\x00\\x7f\\xff\\\\"},
		{"abcdef", 6, 7, "abcdef"},
		{"abcdefg", 7, 7, "abc..."},
		{"ab\xff\xff", 4, 8, "ab..."}, // never half an escape
		{"a\xff\xff", 3, 9, "a\\xff..."},
		{"abcdef", 6, 4, "..."},
		{"abcdef", 6, 3, ".."},
		{"abcdef", 6, 1, ""},
	};
	char out[64];

	for (size_t i = 0; i < COUNT(CASES); i++) {
		struct span in = {(const uint8_t *)CASES[i].in, CASES[i].n};

		assert_string_equal(text_escape(in, out, CASES[i].cap), CASES[i].out);
	}
}

static void escaping_fills_any_buffer_without_leaving_it(void **)
{
	uint8_t in[64];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 37);
	for (size_t n = 0; n <= sizeof(in); n++) {
		for (size_t cap = 0; cap < 300; cap++) {
			char *out = malloc(cap + 1); // the byte behind is watched too

			assert_non_null(out);
			out[cap] = 0x55;
			(void)text_escape((struct span){in, n}, out, cap);
			assert_int_equal(out[cap], 0x55);
			assert_true(cap == 0 || strlen(out) < cap);
			free(out);
		}
	}
}

static void copying_reports_the_whole_length(void **)
{
	char out[4] = "zzz";

	assert_int_equal(text_copy(out, sizeof(out), "ab"), 2);
	assert_string_equal(out, "ab");
	assert_int_equal(text_copy(out, sizeof(out), "abcdef"), 6);
	assert_string_equal(out, "abc");
	assert_int_equal(text_copy(out, 0, "abcdef"), 6);
	assert_string_equal(out, "abc");
}

static void a_path_is_cut_to_its_folder(void **)
{
	static const struct {
		const char *in, *out;
	} CASES[] = {
		{"/a/b", "/a"},
		{"/b", "/"},
		{"/", "/"},
		{"a/b/c", "a/b"},
		{"b", "."},
		{"file.yaml", "."},
		{"", ""},
	};
	char path[16];

	for (size_t i = 0; i < COUNT(CASES); i++) {
		(void)text_copy(path, sizeof(path), CASES[i].in);
		assert_string_equal(text_folder(path), CASES[i].out);
	}
}

static void ids_are_thirteen_digits(void **)
{
	static const struct {
		uint64_t id;
		const char *text;
	} CASES[] = {
		{0, "0000000000000"},
		{1, "0000000000001"},
		{31, "000000000000v"},
		{32, "0000000000010"},
		{UINT64_MAX, "fvvvvvvvvvvvv"},
		{(uint64_t)1 << 63, "8000000000000"},
	};
	char out[TEXT_ID_LEN + 1];

	for (size_t i = 0; i < COUNT(CASES); i++)
		assert_string_equal(text_id(CASES[i].id, out), CASES[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_escaped_and_the_cut_is_shown),
		cmocka_unit_test(escaping_fills_any_buffer_without_leaving_it),
		cmocka_unit_test(copying_reports_the_whole_length),
		cmocka_unit_test(a_path_is_cut_to_its_folder),
		cmocka_unit_test(ids_are_thirteen_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
