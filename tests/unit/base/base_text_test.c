// SPDX-License-Identifier: BSD-3-Clause
// Escaping, ids, CRC-32C and SipHash against published vectors. text.c is taken in whole, so
// that the CRC's table path is tested on machines that have the instruction too.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "text.c" // NOLINT: for its statics

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

static void ids_are_thirteen_digits_there_and_back(void **)
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
	uint64_t id;

	for (size_t i = 0; i < COUNT(CASES); i++) {
		assert_string_equal(text_id(CASES[i].id, out), CASES[i].text);
		assert_int_equal(text_id_parse(CASES[i].text, &id), 0);
		assert_true(id == CASES[i].id);
	}
}

static void what_is_no_id_is_refused(void **)
{
	static const char *const CASES[] = {"", "0", "000000000000", "00000000000000",
		"g000000000000", "000000000000w", "000000000000A", "00000000 0000"};
	uint64_t id = 77;

	for (size_t i = 0; i < COUNT(CASES); i++) {
		assert_int_equal(text_id_parse(CASES[i], &id), -EINVAL);
		assert_true(id == 77);
	}
}

static void crc32c_gives_the_vectors_of_rfc_3720(void **)
{
	uint8_t zeros[32] = {0}, ones[32], up[32], down[32];

	memset(ones, 0xff, sizeof(ones));
	for (unsigned i = 0; i < 32; i++) {
		up[i] = (uint8_t)i;
		down[i] = (uint8_t)(31 - i);
	}
	assert_int_equal(text_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(text_crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(text_crc32c(0, ones, 32), 0x62a8ab43);
	assert_int_equal(text_crc32c(0, up, 32), 0x46dd794e);
	assert_int_equal(text_crc32c(0, down, 32), 0x113fdb5c);
	assert_int_equal(text_crc32c(0, "", 0), 0);
}

static void both_crc_paths_agree_at_every_length_and_offset(void **)
{
	uint8_t data[96];

	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 151 + 7);
	for (size_t off = 0; off < 9; off++) {
		for (size_t n = 0; off + n <= sizeof(data); n++) {
			uint32_t table = ~crc32c_table(~0u, data + off, n);

			assert_int_equal(text_crc32c(0, data + off, n), table);
			// in two parts
			assert_int_equal(text_crc32c(text_crc32c(0, data + off, n / 3),
						 data + off + n / 3, n - n / 3),
				table);
		}
	}
}

static void siphash_gives_its_authors_vectors(void **)
{
	// Key 00..0f over the message 00 01 02 ... of the given length; from the reference code.
	static const struct {
		size_t n;
		uint64_t hash;
	} CASES[] = {
		{0, 0x726fdb47dd0e0e31},
		{1, 0x74f839c593dc67fd},
		{7, 0xab0200f58b01d137},
		{8, 0x93f5f5799a932462},
		{15, 0xa129ca6149be45e5},
		{63, 0x958a324ceb064572},
	};
	uint8_t key[16], data[64];

	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	memcpy(key, data, sizeof(key));
	for (size_t i = 0; i < COUNT(CASES); i++)
		assert_true(text_siphash(key, data, CASES[i].n) == CASES[i].hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_escaped_and_the_cut_is_shown),
		cmocka_unit_test(escaping_fills_any_buffer_without_leaving_it),
		cmocka_unit_test(copying_reports_the_whole_length),
		cmocka_unit_test(ids_are_thirteen_digits_there_and_back),
		cmocka_unit_test(what_is_no_id_is_refused),
		cmocka_unit_test(crc32c_gives_the_vectors_of_rfc_3720),
		cmocka_unit_test(both_crc_paths_agree_at_every_length_and_offset),
		cmocka_unit_test(siphash_gives_its_authors_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
