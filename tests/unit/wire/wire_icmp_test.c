// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors: which are, what they quote, and other numbers written into the quote.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire_field.h"
#include "wire_icmp.h"
#include "wire_samples.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { QUOTED = 40 }; // bytes of TCP in the samples below

static void csum_fill(struct sample *s, unsigned family)
{
	uint32_t sum = 0;

	s->b[s->l4 + 2] = s->b[s->l4 + 3] = 0;
	if (family == 6) {
		for (unsigned i = 0; i < 32; i += 2)
			sum += wire_get16(s->b + s->ip + 8 + i);
		sum += (uint32_t)(s->n - s->l4) + WIRE_IPPROTO_ICMPV6;
	}
	wire_put16(s->b + s->l4 + 2, slow_sum(sum, s->b + s->l4, s->n - s->l4) ^ 0xffff);
}

// An error about a segment of `quoted` bytes of TCP; `inner` changes the quote before it is summed.
static struct wire_view error_make(struct sample *s, unsigned family, uint8_t type, uint8_t code,
	uint32_t rest, unsigned quoted, void (*inner)(struct sample *s))
{
	struct sample in;
	struct wire_view v;

	sample_eth(&in, family == 4 ? WIRE_TYPE_IP4 : WIRE_TYPE_IP6);
	if (family == 4)
		sample_ip4(&in, WIRE_IPPROTO_TCP, 4, 0x4000);
	else
		sample_ip6(&in, WIRE_IPPROTO_TCP);
	sample_tcp(&in, TCP_ACK, NULL, 0);
	sample_bytes(&in, "0123456789abcdefghij", 20);
	sample_close(&in);
	if (inner != NULL)
		inner(&in);
	sample_eth(s, family == 4 ? WIRE_TYPE_IP4 : WIRE_TYPE_IP6);
	if (family == 4)
		sample_ip4(s, WIRE_IPPROTO_ICMP, 0, 0);
	else
		sample_ip6(s, WIRE_IPPROTO_ICMPV6);
	uint8_t head[8] = {type, code};
	wire_put32(head + 4, rest);
	sample_bytes(s, head, sizeof(head));
	sample_bytes(s, in.b + 14, in.n - 14 - QUOTED + quoted);
	s->l4 = s->n - (in.n - 14 - QUOTED + quoted) - 8;
	sample_close(s);
	csum_fill(s, family);
	wire_parse((struct span){s->b, s->n}, &v);
	assert_int_equal(v.proto, WIRE_ICMP);
	return v;
}

static void errors_tell_the_segment_that_they_are_about(void **)
{
	static const struct {
		uint8_t family, type, code;
		uint32_t rest;
		bool too_big;
		uint32_t mtu;
	} CASES[] = {
		{4, 3, 1, 0, false, 0},
		{4, 3, 4, 1280, true, 1280},
		{4, 3, 4, 0, true, 0},
		{4, 4, 0, 0, false, 0},
		{4, 11, 0, 0, false, 0},
		{4, 12, 0, 0, false, 0},
		{6, 1, 4, 0, false, 0},
		{6, 2, 0, 1400, true, 1400},
		{6, 3, 0, 0, false, 0},
		{6, 4, 1, 40, false, 0},
	};

	for (size_t i = 0; i < COUNT(CASES); i++) {
		struct wire_quote q;
		struct wire_view v;
		struct sample s;

		v = error_make(&s, CASES[i].family, CASES[i].type, CASES[i].code, CASES[i].rest,
			QUOTED, NULL);
		assert_true(wire_icmp_quote((struct span){s.b, s.n}, &v, &q));
		assert_int_equal(q.sport, 40000);
		assert_int_equal(q.dport, 25);
		assert_int_equal(q.seq, 0x11223344);
		assert_true(q.has_ack);
		assert_int_equal(q.ack, 0x55667788);
		assert_int_equal(q.tcp_len, QUOTED);
		assert_int_equal(q.packet_len, QUOTED + (CASES[i].family == 4 ? 24 : 40));
		assert_int_equal(addr_is_v4(&q.src), CASES[i].family == 4);
		assert_int_equal(q.src.b[15], 1);
		assert_int_equal(q.dst.b[15], 2);
		assert_int_equal(q.too_big, CASES[i].too_big);
		assert_int_equal(q.mtu, CASES[i].mtu);
		assert_true(wire_icmp_csum_ok((struct span){s.b, s.n}, &v));
		s.b[s.n - 1] ^= 1;
		assert_false(wire_icmp_csum_ok((struct span){s.b, s.n}, &v));
	}
}

static void eight_bytes_of_tcp_are_enough_and_seven_are_not(void **)
{
	for (unsigned family = 4; family <= 6; family += 2) {
		for (unsigned n = 0; n <= QUOTED; n++) {
			struct wire_quote q;
			struct wire_view v;
			struct sample s;

			v = error_make(&s, family, 3, 0, 0, n, NULL);
			assert_int_equal(wire_icmp_quote((struct span){s.b, s.n}, &v, &q), n >= 8);
			if (n >= 8)
				assert_int_equal(q.has_ack, n >= 12);
		}
	}
}

static void as_udp(struct sample *s)
{
	s->b[s->ip + (s->family == 4 ? 9 : 6)] = WIRE_IPPROTO_UDP;
}

static void as_later_fragment(struct sample *s)
{
	s->b[s->ip + 7] |= 1;
}

static void as_other_version(struct sample *s)
{
	s->b[s->ip] = 0x25;
}

static void as_short_header(struct sample *s)
{
	s->b[s->ip] = 0x44;
}

static void what_is_no_error_or_quotes_no_tcp_is_told(void **)
{
	static const struct {
		unsigned family;
		uint8_t type;
		void (*inner)(struct sample *s);
	} CASES[] = {
		{4, 0, NULL},
		{4, 8, NULL},
		{4, 5, NULL},
		{4, 13, NULL},
		{6, 128, NULL},
		{6, 129, NULL},
		{6, 0, NULL},
		{6, 5, NULL},
		{6, 135, NULL},
		{4, 3, as_udp},
		{6, 1, as_udp},
		{4, 3, as_later_fragment},
		{4, 3, as_other_version},
		{6, 1, as_other_version},
		{4, 3, as_short_header},
	};

	for (size_t i = 0; i < COUNT(CASES); i++) {
		struct wire_quote q;
		struct wire_view v;
		struct sample s;

		v = error_make(&s, CASES[i].family, CASES[i].type, 0, 0, QUOTED, CASES[i].inner);
		if (wire_icmp_quote((struct span){s.b, s.n}, &v, &q))
			fail_msg("case %zu", i);
	}
}

// Extension headers of the quoted packet are followed; a first fragment quotes TCP, a later one not.
static void quoted_extension_headers_are_followed(void **)
{
	for (unsigned offset = 0; offset <= 8; offset += 8) {
		struct wire_quote q;
		struct wire_view v;
		struct sample in, s;

		sample_eth(&in, WIRE_TYPE_IP6);
		sample_ip6(&in, 60);
		sample_ext(&in, 44, 16);
		sample_frag6(&in, 51, (uint16_t)(offset | 1));
		sample_ext(&in, 6, 24);
		sample_tcp(&in, TCP_ACK, NULL, 0);
		sample_close(&in);
		sample_eth(&s, WIRE_TYPE_IP6);
		sample_ip6(&s, WIRE_IPPROTO_ICMPV6);
		sample_bytes(&s, "\1\0\0\0\0\0\0\0", 8);
		sample_bytes(&s, in.b + 14, in.n - 14);
		sample_close(&s);
		wire_parse((struct span){s.b, s.n}, &v);
		assert_int_equal(wire_icmp_quote((struct span){s.b, s.n}, &v, &q), offset == 0);
		if (offset == 0)
			assert_int_equal(q.seq, 0x11223344);
	}
}

static void other_numbers_leave_every_checksum_as_right_as_it_was(void **)
{
	for (unsigned family = 4; family <= 6; family += 2) {
		for (unsigned n = 8; n <= QUOTED; n++) {
			struct wire_quote q, again;
			struct wire_view v, quoted;
			struct sample s;

			v = error_make(&s, family, 3, 4, 1280, n, NULL);
			struct span frame = {s.b, s.n};
			assert_true(wire_icmp_quote(frame, &v, &q));
			wire_icmp_quote_set(s.b, &v, &q, 0xfffefdfc, 7);
			assert_true(wire_icmp_csum_ok(frame, &v));
			assert_true(wire_icmp_quote(frame, &v, &again));
			assert_int_equal(again.seq, 0xfffefdfc);
			assert_int_equal(again.ack, n >= 12 ? 7 : 0);
			if (n < QUOTED)
				continue;
			// The quoted packet is whole: it is a right one again.
			quoted = (struct wire_view){.family = (uint8_t)family,
				.l3_off = v.payload_off,
				.l3_len = v.payload_len,
				.l4_off = q.tcp_off};
			assert_int_equal(
				wire_get16(s.b + q.tcp_off + 16), slow_tcp_csum(s.b, &quoted));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_tell_the_segment_that_they_are_about),
		cmocka_unit_test(eight_bytes_of_tcp_are_enough_and_seven_are_not),
		cmocka_unit_test(what_is_no_error_or_quotes_no_tcp_is_told),
		cmocka_unit_test(quoted_extension_headers_are_followed),
		cmocka_unit_test(other_numbers_leave_every_checksum_as_right_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
