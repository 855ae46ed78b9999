// SPDX-License-Identifier: BSD-3-Clause
// Checksums against a slow model, and the corners of one's complement: 0x0000 and 0xffff.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire_samples.h"
#include "wire_tcp.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void right_checksums_are_taken_and_any_flipped_bit_is_seen(void **)
{
	for (size_t i = 0; i < SAMPLES_COUNT; i++) {
		struct wire_view v;
		struct sample s;

		if (SAMPLES[i].proto != WIRE_TCP)
			continue;
		sample_make(&SAMPLES[i], &s);
		wire_parse((struct span){s.b, s.n}, &v);
		assert_true(wire_tcp_csum_ok((struct span){s.b, s.n}, &v));
		for (size_t bit = (size_t)v.l4_off * 8; bit < s.n * 8; bit++) {
			s.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(wire_tcp_csum_ok((struct span){s.b, s.n}, &v));
			s.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void a_stored_checksum_is_the_one_of_the_slow_model(void **)
{
	for (size_t i = 0; i < SAMPLES_COUNT; i++) {
		struct wire_view v;
		struct sample s;

		if (SAMPLES[i].proto != WIRE_TCP)
			continue;
		sample_make(&SAMPLES[i], &s);
		for (unsigned extra = 0; extra < 70; extra++) {
			uint16_t want;

			sample_bytes(&s, &(uint8_t){(uint8_t)(extra * 77)}, 1);
			sample_close(&s);
			wire_parse((struct span){s.b, s.n}, &v);
			want = slow_tcp_csum(s.b, &v);
			s.b[v.l4_off + 16] ^= 0x5a; // the old value must not matter
			wire_tcp_csum_set(s.b, s.n, &v);
			assert_int_equal(s.b[v.l4_off + 16] << 8 | s.b[v.l4_off + 17], want);
		}
	}
}

static void a_long_segment_of_ones_does_not_overflow_the_sum(void **)
{
	struct wire_view v;
	struct sample s;
	uint8_t *big = malloc(65535);

	assert_non_null(big);
	sample_eth(&s, 0x0800);
	sample_ip4(&s, 6, 0, 0x4000);
	sample_tcp(&s, TCP_ACK, NULL, 0);
	memset(big, 0xff, 65535);
	memcpy(big, s.b, s.n);
	big[s.ip + 2] = (uint8_t)((65535 - 14) >> 8);
	big[s.ip + 3] = (uint8_t)(65535 - 14);
	wire_parse((struct span){big, 65535}, &v);
	assert_int_equal(v.proto, WIRE_TCP);
	wire_tcp_csum_set(big, 65535, &v);
	assert_int_equal(big[v.l4_off + 16] << 8 | big[v.l4_off + 17], slow_tcp_csum(big, &v));
	assert_true(wire_tcp_csum_ok((struct span){big, 65535}, &v));
	free(big);
}

static void the_ip_header_checksum_covers_its_options_and_spares_ipv6(void **)
{
	for (size_t i = 0; i < SAMPLES_COUNT; i++) {
		struct sample s, before;
		struct wire_view v;

		if (SAMPLES[i].family == 0)
			continue;
		sample_make(&SAMPLES[i], &s);
		before = s;
		wire_parse((struct span){s.b, s.n}, &v);
		if (v.family == 4)
			s.b[v.l3_off + 10] ^= 0x77;
		wire_ip_csum_set(s.b, s.n, &v);
		assert_memory_equal(s.b, before.b, s.n);
	}
}

static void the_example_of_rfc_1624_does_not_give_a_wrong_zero(void **)
{
	// Section 4: HC 0xdd2f, m 0x5555, m' 0x3285 -> 0x0000 (the old equation said 0xffff).
	assert_int_equal(wire_csum_update16(htons(0xdd2f), htons(0x5555), htons(0x3285)), 0x0000);
}

// Words that meet in the corners.
static const uint16_t WORDS[] = {0, 1, 0xff, 0x100, 0x7fff, 0x8000, 0xfffe, 0xffff, 0x1234, 0xedcb};

static void check_change(uint16_t rest, uint16_t from, uint16_t to)
{
	uint8_t data[6] = {
		0x45, 0, (uint8_t)(rest >> 8), (uint8_t)rest, (uint8_t)(from >> 8), (uint8_t)from};
	uint16_t before = (uint16_t)~slow_sum(0, data, sizeof(data)), after, got;

	data[4] = (uint8_t)(to >> 8);
	data[5] = (uint8_t)to;
	after = (uint16_t)~slow_sum(0, data, sizeof(data));
	got = wire_csum_update16(htons(before), htons(from), htons(to));
	assert_int_equal(got, htons(after));
}

static void an_incremental_change_equals_a_new_sum(void **)
{
	for (size_t rest = 0; rest < COUNT(WORDS); rest++) {
		for (size_t from = 0; from < COUNT(WORDS); from++) {
			for (size_t to = 0; to < COUNT(WORDS); to++)
				check_change(WORDS[rest], WORDS[from], WORDS[to]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_checksums_are_taken_and_any_flipped_bit_is_seen),
		cmocka_unit_test(a_stored_checksum_is_the_one_of_the_slow_model),
		cmocka_unit_test(a_long_segment_of_ones_does_not_overflow_the_sum),
		cmocka_unit_test(the_ip_header_checksum_covers_its_options_and_spares_ipv6),
		cmocka_unit_test(the_example_of_rfc_1624_does_not_give_a_wrong_zero),
		cmocka_unit_test(an_incremental_change_equals_a_new_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
