// SPDX-License-Identifier: BSD-3-Clause
// TCP options: what is read from them, what the stripping leaves.
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

static void syn_with(struct sample *s, const uint8_t *options, unsigned n, struct wire_view *v)
{
	sample_eth(s, 0x0800);
	sample_ip4(s, 6, 0, 0x4000);
	sample_tcp(s, TCP_SYN, options, n);
	sample_close(s);
	wire_parse((struct span){s->b, s->n}, v);
	assert_int_equal(v->proto, WIRE_TCP);
}

static void the_options_of_a_usual_syn_are_read(void **)
{
	static const uint8_t LINUX[20] = {
		2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7};
	struct wire_tcp_opts o;
	struct wire_view v;
	struct sample s;

	syn_with(&s, LINUX, sizeof(LINUX), &v);
	wire_tcp_options((struct span){s.b, s.n}, &v, &o);
	assert_true(o.has_mss && o.has_wscale && o.sack_ok && o.has_ts);
	assert_false(o.has_md5 || o.has_other || o.malformed);
	assert_int_equal(o.mss, 1460);
	assert_int_equal(o.wscale, 7);
	assert_int_equal(o.ts_val, 0x01020304);
	assert_int_equal(o.ts_ecr, 0x05060708);
	assert_int_equal(wire_tcp_options_strip(s.b, &v), 0);
}

static void up_to_four_sack_blocks_are_read(void **)
{
	uint8_t sack[36] = {1, 1, 5, 34};
	struct wire_tcp_opts o;
	struct wire_view v;
	struct sample s;

	for (unsigned i = 0; i < 8; i++)
		sack[4 + 4 * i + 3] = (uint8_t)(10 + i);
	syn_with(&s, sack, sizeof(sack), &v);
	wire_tcp_options((struct span){s.b, s.n}, &v, &o);
	assert_int_equal(o.nsack, 4);
	assert_int_equal(o.sack[0].left, 10);
	assert_int_equal(o.sack[3].right, 17);
}

static void sack_blocks_are_overwritten_and_what_is_left_is_blanked(void **)
{
	uint8_t sack[32] = {1, 1, 5, 18}, want[32] = {1, 1, 5, 10, 0, 0, 0, 7, 0, 0, 0, 9};
	struct wire_tcp_opts o = {.nsack = 1, .sack = {{7, 9}}};
	struct wire_view v;
	struct sample s;

	sack[20] = 5; // a second option of the kind
	sack[21] = 10;
	memset(want + 12, 1, 18);
	memset(sack + 30, 1, 2);
	memset(want + 30, 1, 2);
	syn_with(&s, sack, sizeof(sack), &v);
	wire_tcp_sack_set(s.b, &v, &o);
	assert_memory_equal(s.b + v.l4_off + 20, want, sizeof(want));
	o.nsack = 4; // more than there is room for
	wire_tcp_sack_set(s.b, &v, &o);
	assert_memory_equal(s.b + v.l4_off + 20, want, sizeof(want));
	o.nsack = 0;
	wire_tcp_sack_set(s.b, &v, &o);
	memset(want, 1, sizeof(want));
	assert_memory_equal(s.b + v.l4_off + 20, want, sizeof(want));
}

static void numbers_and_sack_edges_are_shifted_and_the_checksum_stays_right(void **)
{
	static const uint8_t SACK[12] = {1, 1, 5, 10, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff};
	static const uint32_t shifts[] = {0, 1, 20, 0xffffffffu, 0x80000000u, 0x12345678};
	struct wire_tcp_opts o;
	struct wire_view v;
	struct sample s;

	for (size_t i = 0; i < COUNT(shifts); i++) {
		sample_eth(memset(&s, 0, sizeof(s)), 0x0800);
		sample_ip4(&s, 6, 0, 0x4000);
		sample_tcp(&s, TCP_ACK, SACK, sizeof(SACK));
		sample_bytes(&s, "odd", 3);
		sample_close(&s);
		wire_parse((struct span){s.b, s.n}, &v);
		const uint32_t seq = v.seq, ack = v.ack;
		wire_tcp_shift(s.b, &v, shifts[i], 0 - shifts[i]);
		assert_true(wire_tcp_csum_ok((struct span){s.b, s.n}, &v));
		wire_parse((struct span){s.b, s.n}, &v);
		wire_tcp_options((struct span){s.b, s.n}, &v, &o);
		assert_int_equal(v.seq, seq + shifts[i]);
		assert_int_equal(v.ack, ack - shifts[i]);
		assert_int_equal(o.sack[0].left, 7 - shifts[i]);
		assert_int_equal(o.sack[0].right, 0xffffffffu - shifts[i]);
	}
}

// Option bytes -> what is said of them, and what the stripping leaves.
static const struct option_case {
	const char *name;
	uint8_t in[12], out[12];
	unsigned n, blanked;
	bool md5, other, malformed;
} OPTIONS[] = {
	{"Fast Open", {34, 6, 1, 2, 3, 4, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1}, 8, 6, false, true,
		false},
	{"MPTCP before MSS", {30, 4, 0, 0, 2, 4, 5, 0xb4}, {1, 1, 1, 1, 2, 4, 5, 0xb4}, 8, 4, false,
		true, false},
	{"an odd length at an odd offset", {1, 253, 5, 9, 8, 7, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1}, 8,
		5, false, true, false},
	{"MD5 of two bytes", {19, 2, 1, 1}, {1, 1, 1, 1}, 4, 2, true, false, false},
	{"AO", {29, 4, 1, 1}, {1, 1, 1, 1}, 4, 4, true, false, false},
	{"length 0", {2, 0, 4, 2}, {1, 1, 1, 1}, 4, 4, false, false, true},
	{"length 1", {1, 99, 1, 2}, {1, 1, 1, 1}, 4, 3, false, false, true},
	{"length beyond the header", {4, 2, 8, 10}, {4, 2, 1, 1}, 4, 2, false, false, true},
	{"a kind without a length", {1, 1, 1, 8}, {1, 1, 1, 1}, 4, 1, false, false, true},
	{"MSS of length 3", {2, 3, 5, 1}, {1, 1, 1, 1}, 4, 3, false, true, false},
	{"SACK of length 4", {5, 4, 0, 0}, {1, 1, 1, 1}, 4, 4, false, true, false},
	{"SACK without a block", {5, 2, 1, 1}, {1, 1, 1, 1}, 4, 2, false, true, false},
	{"what is behind the end", {0, 34, 2, 7}, {0, 34, 2, 7}, 4, 0, false, false, false},
};

static void odd_options_are_named_and_blanked(void **)
{
	for (size_t i = 0; i < COUNT(OPTIONS); i++) {
		const struct option_case *c = &OPTIONS[i];
		struct wire_tcp_opts o;
		struct wire_view v;
		struct sample s;
		uint8_t *p;

		syn_with(&s, c->in, c->n, &v);
		p = sample_copy(&s, s.n);
		wire_tcp_options((struct span){p, s.n}, &v, &o);
		if (o.has_md5 != c->md5 || o.has_other != c->other || o.malformed != c->malformed)
			fail_msg("%s: md5 %d other %d malformed %d", c->name, o.has_md5,
				o.has_other, o.malformed);
		if (wire_tcp_options_strip(p, &v) != c->blanked ||
			memcmp(p + v.l4_off + 20, c->out, c->n) != 0)
			fail_msg("%s: not stripped as told", c->name);
		assert_true(wire_tcp_csum_ok((struct span){p, s.n}, &v));
		assert_int_equal(wire_tcp_options_strip(p, &v), 0);
		free(p);
	}
}

static void window_scales_over_14_are_14(void **)
{
	static const uint8_t WSCALE[4] = {3, 3, 200, 1};
	struct wire_tcp_opts o;
	struct wire_view v;
	struct sample s;

	syn_with(&s, WSCALE, sizeof(WSCALE), &v);
	wire_tcp_options((struct span){s.b, s.n}, &v, &o);
	assert_int_equal(o.wscale, 14);
}

static void any_option_bytes_are_read_and_stripped_inside_the_header(void **)
{
	uint32_t seed = 1;

	for (unsigned round = 0; round < 20000; round++) {
		uint8_t options[40], *p;
		unsigned n = round % 11 * 4;
		struct wire_tcp_opts o;
		struct wire_view v;
		struct sample s;

		for (unsigned i = 0; i < n; i++) {
			seed = seed * 1664525 + 1013904223;
			// mostly small numbers, which are kinds and lengths
			options[i] = (uint8_t)(seed >> 30 ? seed >> 16 & 15 : seed >> 16);
		}
		syn_with(&s, options, n, &v);
		p = sample_copy(&s, s.n);
		wire_tcp_options((struct span){p, s.n}, &v, &o);
		(void)wire_tcp_options_strip(p, &v);
		assert_true(wire_tcp_csum_ok((struct span){p, s.n}, &v));
		assert_memory_equal(p, s.b, v.l4_off + 16);
		wire_tcp_options((struct span){p, s.n}, &v, &o);
		assert_false(o.malformed || o.has_other || o.has_md5);
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_options_of_a_usual_syn_are_read),
		cmocka_unit_test(up_to_four_sack_blocks_are_read),
		cmocka_unit_test(sack_blocks_are_overwritten_and_what_is_left_is_blanked),
		cmocka_unit_test(numbers_and_sack_edges_are_shifted_and_the_checksum_stays_right),
		cmocka_unit_test(odd_options_are_named_and_blanked),
		cmocka_unit_test(window_scales_over_14_are_14),
		cmocka_unit_test(any_option_bytes_are_read_and_stripped_inside_the_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
