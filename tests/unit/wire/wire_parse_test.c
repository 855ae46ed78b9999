// SPDX-License-Identifier: BSD-3-Clause
// The parser: every kind of frame, every truncation of each, and lengths that lie.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire_parse.h"
#include "wire_samples.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct sample_case *sample_named(const char *name)
{
	for (size_t i = 0; i < SAMPLES_COUNT; i++) {
		if (strcmp(SAMPLES[i].name, name) == 0)
			return &SAMPLES[i];
	}
	fail_msg("no sample %s", name);
	return NULL;
}

static void every_kind_of_frame_is_known_for_what_it_is(void **)
{
	for (size_t i = 0; i < SAMPLES_COUNT; i++) {
		const struct sample_case *c = &SAMPLES[i];
		struct wire_view v;
		struct sample s;

		sample_make(c, &s);
		wire_parse((struct span){s.b, s.n}, &v);
		if (v.proto != c->proto || v.flags != c->flags || v.family != c->family ||
			v.ip_proto != c->ip_proto || v.ntags != c->ntags)
			fail_msg("%s: proto %u flags %u family %u ip_proto %u ntags %u", c->name,
				v.proto, v.flags, v.family, v.ip_proto, v.ntags);
		if (c->family != 0) {
			assert_int_equal(v.l3_off, s.ip);
			assert_int_equal(v.l3_len, s.n - s.ip);
			assert_int_equal(v.payload_off + v.payload_len, s.n);
		}
		if (c->proto == WIRE_TCP || c->proto == WIRE_UDP || c->proto == WIRE_FRAGMENT)
			assert_int_equal(v.l4_off, s.l4);
	}
}

static void the_fields_of_tcp_are_in_host_order(void **)
{
	struct addr src, dst;
	struct wire_view v;
	struct sample s;
	char text[ADDR_TEXT_MAX];

	sample_make(sample_named("TCP in IPv4"), &s);
	wire_parse((struct span){s.b, s.n}, &v);
	assert_int_equal(v.ethertype, 0x0800);
	assert_int_equal(v.sport, 40000);
	assert_int_equal(v.dport, 25);
	assert_int_equal(v.seq, 0x11223344);
	assert_int_equal(v.ack, 0x55667788);
	assert_int_equal(v.window, 0xfaf0);
	assert_int_equal(v.tcp_flags, TCP_ACK | TCP_PSH);
	assert_int_equal(v.payload_off, 14 + 20 + 32);
	assert_memory_equal(s.b + v.payload_off, "HELO ", 5);
	wire_addrs((struct span){s.b, s.n}, &v, &src, &dst);
	assert_string_equal(addr_format(&src, text, sizeof(text)), "10.77.0.1");
	assert_string_equal(addr_format(&dst, text, sizeof(text)), "10.77.0.2");
	sample_make(sample_named("TCP in IPv6"), &s);
	wire_parse((struct span){s.b, s.n}, &v);
	wire_addrs((struct span){s.b, s.n}, &v, &src, &dst);
	assert_string_equal(addr_format(&src, text, sizeof(text)), "fd77::1");
	assert_string_equal(addr_format(&dst, text, sizeof(text)), "fd77::2");
}

static void tags_are_given_outermost_first_with_their_priority(void **)
{
	struct wire_view v;
	struct sample s;

	sample_make(sample_named("three tags"), &s);
	wire_parse((struct span){s.b, s.n}, &v);
	assert_int_equal(v.tci[0], 100);
	assert_int_equal(v.tci[1], 200);
	assert_int_equal(v.tci[2], 300);
	assert_int_equal(v.ethertype, 0x86dd);
	sample_make(sample_named("one tag"), &s);
	wire_parse((struct span){s.b, s.n}, &v);
	assert_int_equal(v.tci[0], 0x6064);
}

static void nothing_is_read_past_a_truncated_frame(void **)
{
	for (size_t i = 0; i < SAMPLES_COUNT; i++) {
		struct sample s;

		sample_make(&SAMPLES[i], &s);
		for (size_t n = 0; n < s.n; n++) {
			uint8_t *p = sample_copy(&s, n);
			struct wire_view v;

			wire_parse((struct span){p, n}, &v);
			if (v.proto == WIRE_TCP || v.proto == WIRE_UDP || v.proto == WIRE_ICMP ||
				v.proto == WIRE_FRAGMENT)
				fail_msg("%s cut to %zu of %zu: proto %u", SAMPLES[i].name, n, s.n,
					v.proto);
			assert_true(v.l3_off + v.l3_len <= n || v.l3_len == 0);
			assert_true((size_t)v.payload_off + v.payload_len <= n);
			free(p);
		}
	}
}

static void padding_behind_the_ip_packet_is_not_payload(void **)
{
	for (size_t i = 0; i < SAMPLES_COUNT; i++) {
		struct wire_view bare, padded;
		struct sample s;
		size_t n;

		sample_make(&SAMPLES[i], &s);
		if (SAMPLES[i].family == 0)
			continue;
		wire_parse((struct span){s.b, s.n}, &bare);
		n = s.n;
		sample_bytes(&s, "\xff\xff\xff\xff\xff\xff", 6);
		wire_parse((struct span){s.b, s.n}, &padded);
		assert_memory_equal(&bare, &padded, sizeof(bare));
		assert_true((size_t)padded.payload_off + padded.payload_len <= n);
	}
}

static const char IP4[] = "TCP in IPv4", IP6[] = "TCP in IPv6", ACK[] = "a bare ACK";
static const char EXT[] = "IPv6, five extension headers", PPPOE[] = "PPPoE, IPv4";
enum { BAD = WIRE_BROKEN };

static void lengths_that_lie_make_a_broken_packet(void **)
{
	static const struct {
		const char *sample, *what;
		enum { AT_IP, AT_L4, AT_PPPOE } where;
		unsigned off;
		uint8_t bytes[2];
		unsigned n;
		uint8_t proto;
	} CASES[] = {
		{IP4, "version 5", AT_IP, 0, {0x55}, 1, BAD},
		{IP4, "header of 16 bytes", AT_IP, 0, {0x44}, 1, BAD},
		{ACK, "header longer than the packet", AT_IP, 0, {0x4f}, 1, BAD},
		{IP4, "total length 0", AT_IP, 2, {0, 0}, 2, BAD},
		{IP4, "total length below the header", AT_IP, 2, {0, 19}, 2, BAD},
		{IP4, "total length of the header", AT_IP, 2, {0, 20}, 2, BAD},
		{IP4, "total length without TCP", AT_IP, 2, {0, 39}, 2, BAD},
		{IP4, "total length inside TCP's options", AT_IP, 2, {0, 51}, 2, BAD},
		{IP4, "total length to the header's end", AT_IP, 2, {0, 52}, 2, WIRE_TCP},
		{IP4, "total length beyond the frame", AT_IP, 2, {0xff, 0xff}, 2, BAD},
		{IP4, "data offset 4", AT_L4, 12, {0x40}, 1, BAD},
		{IP4, "data offset 0", AT_L4, 12, {0}, 1, BAD},
		{IP4, "data offset to the last word", AT_L4, 12, {0xe0}, 1, WIRE_TCP},
		{ACK, "data offset beyond the packet", AT_L4, 12, {0x60}, 1, BAD},
		{IP6, "version 4", AT_IP, 0, {0x40}, 1, BAD},
		{IP6, "payload length 0", AT_IP, 4, {0, 0}, 2, BAD},
		{IP6, "payload length 1 too long", AT_IP, 4, {0, 58}, 2, BAD},
		{EXT, "length beyond", AT_IP, 41, {0xff}, 1, BAD},
		{"DNS", "UDP length 7", AT_L4, 4, {0, 7}, 2, BAD},
		{"DNS", "UDP length beyond", AT_L4, 4, {0, 21}, 2, BAD},
		{"DNS", "UDP length shorter than the packet", AT_L4, 4, {0, 8}, 2, WIRE_UDP},
		{PPPOE, "PPPoE length 1 too long", AT_PPPOE, 4, {0, 80}, 2, BAD},
		{PPPOE, "PPPoE length cuts the packet", AT_PPPOE, 4, {0, 60}, 2, BAD},
		{PPPOE, "PPPoE length 0", AT_PPPOE, 4, {0, 0}, 2, BAD},
		{PPPOE, "PPPoE code of discovery", AT_PPPOE, 1, {9}, 1, WIRE_OTHER},
	};

	for (size_t i = 0; i < COUNT(CASES); i++) {
		const char *name = CASES[i].sample;
		struct wire_view v;
		struct sample s;
		size_t base;
		uint8_t *p;

		sample_make(sample_named(name), &s);
		base = CASES[i].where == AT_IP ? s.ip : CASES[i].where == AT_L4 ? s.l4 : s.pppoe;
		memcpy(s.b + base + CASES[i].off, CASES[i].bytes, CASES[i].n);
		p = sample_copy(&s, s.n);
		wire_parse((struct span){p, s.n}, &v);
		if (v.proto != CASES[i].proto)
			fail_msg("%s, %s: proto %u", name, CASES[i].what, v.proto);
		free(p);
	}
}

static void any_single_changed_byte_keeps_the_view_inside_the_frame(void **)
{
	for (size_t i = 0; i < SAMPLES_COUNT; i++) {
		struct sample s;

		sample_make(&SAMPLES[i], &s);
		for (size_t at = 12; at < s.n; at++) {
			uint8_t *p = sample_copy(&s, s.n);

			for (unsigned value = 0; value < 256; value++) {
				struct addr src, dst;
				struct wire_view v;

				p[at] = (uint8_t)value;
				wire_parse((struct span){p, s.n}, &v);
				assert_true(v.proto < WIRE_PROTO_COUNT);
				assert_true((size_t)v.payload_off + v.payload_len <= s.n);
				assert_true((size_t)v.l3_off + v.l3_len <= s.n);
				if (v.family != 0)
					wire_addrs((struct span){p, s.n}, &v, &src, &dst);
			}
			free(p);
		}
	}
}

static void a_frame_longer_than_any_port_carries_is_read_up_to_64_kilobytes(void **)
{
	struct wire_view v;
	struct sample s;
	uint8_t *big = calloc(1, 70000);

	assert_non_null(big);
	sample_make(sample_named("TCP in IPv4"), &s);
	memcpy(big, s.b, s.n);
	wire_parse((struct span){big, 70000}, &v);
	assert_int_equal(v.proto, WIRE_TCP);
	big[s.ip + 2] = big[s.ip + 3] = 0xff; // 14 + 65535 is beyond 16 bits
	wire_parse((struct span){big, 70000}, &v);
	assert_int_equal(v.proto, WIRE_BROKEN);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_frame_is_known_for_what_it_is),
		cmocka_unit_test(the_fields_of_tcp_are_in_host_order),
		cmocka_unit_test(tags_are_given_outermost_first_with_their_priority),
		cmocka_unit_test(nothing_is_read_past_a_truncated_frame),
		cmocka_unit_test(padding_behind_the_ip_packet_is_not_payload),
		cmocka_unit_test(lengths_that_lie_make_a_broken_packet),
		cmocka_unit_test(any_single_changed_byte_keeps_the_view_inside_the_frame),
		cmocka_unit_test(a_frame_longer_than_any_port_carries_is_read_up_to_64_kilobytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
