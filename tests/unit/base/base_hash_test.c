// SPDX-License-Identifier: BSD-3-Clause
// CRC-32C and SipHash against published vectors. hash.c is taken in whole, so that the CRC's table
// path is tested on machines that have the instruction too.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hash.c" // NOLINT: for its statics

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void crc32c_gives_the_vectors_of_rfc_3720(void **)
{
	uint8_t zeros[32] = {0}, ones[32], up[32], down[32];

	memset(ones, 0xff, sizeof(ones));
	for (unsigned i = 0; i < 32; i++) {
		up[i] = (uint8_t)i;
		down[i] = (uint8_t)(31 - i);
	}
	assert_int_equal(hash_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(hash_crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(hash_crc32c(0, ones, 32), 0x62a8ab43);
	assert_int_equal(hash_crc32c(0, up, 32), 0x46dd794e);
	assert_int_equal(hash_crc32c(0, down, 32), 0x113fdb5c);
	assert_int_equal(hash_crc32c(0, "", 0), 0);
}

static void both_crc_paths_agree_at_every_length_and_offset(void **)
{
	uint8_t data[96];

	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 151 + 7);
	for (size_t off = 0; off < 9; off++) {
		for (size_t n = 0; off + n <= sizeof(data); n++) {
			uint32_t table = ~crc32c_table(~0u, data + off, n);

			assert_int_equal(hash_crc32c(0, data + off, n), table);
			// in two parts
			assert_int_equal(hash_crc32c(hash_crc32c(0, data + off, n / 3),
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
		assert_true(hash_siphash(key, data, CASES[i].n) == CASES[i].hash);
}

static void a_name_has_its_hash_under_a_secret(void **)
{
	const uint8_t a[16] = {1}, b[16] = {2};

	assert_true(hash_name(a, "49151", 5) == hash_siphash(a, "49151", 5));
	assert_true(hash_name(a, "49151", 5) != hash_name(b, "49151", 5));
	assert_true(hash_name(a, "49151", 5) != hash_name(a, "49152", 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc32c_gives_the_vectors_of_rfc_3720),
		cmocka_unit_test(both_crc_paths_agree_at_every_length_and_offset),
		cmocka_unit_test(siphash_gives_its_authors_vectors),
		cmocka_unit_test(a_name_has_its_hash_under_a_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
