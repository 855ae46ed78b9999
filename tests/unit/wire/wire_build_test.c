// SPDX-License-Identifier: BSD-3-Clause
// Segments of our own: built from a template, they parse back to what was asked for.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire_samples.h"
#include "seq.h"
#include "wire_tcp.h"

static const char TEXT[] = "550 5.7.1 Message refused\r\n";

static const struct wire_tcp_out REPLY = {
	.seq = 0xfffffff0,
	.ack = 0x01020304,
	.window = 0x8001,
	.flags = TCP_ACK | TCP_PSH,
	.has_ts = true,
	.ts_val = 0xaabbccdd,
	.ts_ecr = 0x11223344,
	.payload = {(const uint8_t *)TEXT, sizeof(TEXT) - 1},
};

static void check_frame(struct span frame, const struct sample_case *c,
	const struct wire_view *from, const struct sample *s)
{
	struct wire_tcp_opts o;
	struct addr src, dst, src0, dst0;
	struct wire_view v;

	wire_parse(frame, &v);
	assert_int_equal(v.proto, WIRE_TCP);
	assert_int_equal(v.family, c->family);
	assert_int_equal(v.flags, c->flags);
	assert_int_equal(v.ntags, c->ntags);
	assert_int_equal(v.l3_off + v.l3_len, frame.n);
	assert_int_equal(v.sport, from->sport);
	assert_int_equal(v.dport, from->dport);
	assert_int_equal(v.seq, REPLY.seq);
	assert_int_equal(v.ack, REPLY.ack);
	assert_int_equal(v.window, REPLY.window);
	assert_int_equal(v.tcp_flags, REPLY.flags);
	assert_int_equal(v.payload_len, REPLY.payload.n);
	assert_memory_equal(frame.p + v.payload_off, TEXT, v.payload_len);
	assert_true(wire_tcp_csum_ok(frame, &v));
	wire_tcp_options(frame, &v, &o);
	assert_true(o.has_ts && !o.has_mss && !o.malformed && !o.has_other);
	assert_int_equal(o.ts_val, REPLY.ts_val);
	assert_int_equal(o.ts_ecr, REPLY.ts_ecr);
	wire_addrs(frame, &v, &src, &dst);
	wire_addrs((struct span){s->b, s->n}, from, &src0, &dst0);
	assert_true(addr_eq(&src, &src0) && addr_eq(&dst, &dst0));
	// MACs, tags, labels; PPPoE's length is checked by the parser
	assert_memory_equal(frame.p, s->b, s->pppoe != 0 ? s->pppoe : s->ip);
	if (v.family == 4) {
		assert_int_equal(frame.p[v.l3_off + 1], 0x28);
		assert_int_equal(frame.p[v.l3_off + 8], 57);
		assert_int_equal(slow_sum(0, frame.p + v.l3_off, 20), 0xffff);
	} else {
		assert_memory_equal(frame.p + v.l3_off, "\x62\x8a\xbc\xde", 4);
		assert_int_equal(frame.p[v.l3_off + 7], 57);
	}
}

static void a_frame_built_from_any_packet_parses_back(void **)
{
	for (size_t i = 0; i < SAMPLES_COUNT; i++) {
		struct wire_view from;
		struct wire_tmpl t;
		struct sample s;
		uint8_t *buf;
		size_t n;

		if (SAMPLES[i].proto != WIRE_TCP)
			continue;
		sample_make(&SAMPLES[i], &s);
		wire_parse((struct span){s.b, s.n}, &from);
		wire_tmpl_set(&t, (struct span){s.b, s.n}, &from);
		n = (size_t)t.l2_len + (t.family == 4 ? 20 : 40) + 32 + REPLY.payload.n;
		buf = malloc(n);
		assert_non_null(buf);
		for (size_t cap = 0; cap < n; cap++)
			assert_int_equal(wire_tcp_build(buf, cap, &t, &REPLY), 0);
		memset(buf, 0xee, n);
		assert_int_equal(wire_tcp_build(buf, n, &t, &REPLY), n);
		check_frame((struct span){buf, n}, &SAMPLES[i], &from, &s);
		free(buf);
	}
}

static void a_syn_ack_carries_its_mss(void **)
{
	const struct wire_tcp_out out = {
		.seq = 7, .ack = 8, .flags = TCP_SYN | TCP_ACK, .mss = 1460};
	struct wire_tcp_opts o;
	struct wire_view v;
	struct wire_tmpl t;
	struct sample s;
	uint8_t buf[128];
	size_t n;

	sample_make(&SAMPLES[0], &s);
	wire_parse((struct span){s.b, s.n}, &v);
	wire_tmpl_set(&t, (struct span){s.b, s.n}, &v);
	n = wire_tcp_build(buf, sizeof(buf), &t, &out);
	assert_int_equal(n, 14 + 20 + 24);
	wire_parse((struct span){buf, n}, &v);
	wire_tcp_options((struct span){buf, n}, &v, &o);
	assert_true(o.has_mss && !o.has_ts);
	assert_int_equal(o.mss, 1460);
	assert_int_equal(v.payload_len, 0);
	assert_true(wire_tcp_csum_ok((struct span){buf, n}, &v));
}

static void a_payload_that_fits_no_ip_packet_is_refused(void **)
{
	struct wire_tcp_out out = {.flags = TCP_ACK};
	uint8_t *payload = calloc(1, 70000), *buf = malloc(80000);
	struct wire_view v;
	struct wire_tmpl t;
	struct sample s;
	size_t n;

	assert_true(payload != NULL && buf != NULL);
	sample_make(&SAMPLES[0], &s);
	wire_parse((struct span){s.b, s.n}, &v);
	wire_tmpl_set(&t, (struct span){s.b, s.n}, &v);
	out.payload = (struct span){payload, 70000};
	assert_int_equal(wire_tcp_build(buf, 80000, &t, &out), 0);
	out.payload.n = SIZE_MAX;
	assert_int_equal(wire_tcp_build(buf, 80000, &t, &out), 0);
	out.payload.n = 65535 - 54;
	n = wire_tcp_build(buf, 80000, &t, &out);
	assert_int_equal(n, 65535);
	wire_parse((struct span){buf, n}, &v);
	assert_int_equal(v.payload_len, out.payload.n);
	free(payload);
	free(buf);
}

static void bytes_that_look_like_pppoe_in_a_mac_are_left_alone(void **)
{
	struct wire_view v;
	struct wire_tmpl t;
	struct sample s;
	uint8_t buf[256];
	size_t n;

	sample_make(&SAMPLES[0], &s);
	memcpy(s.b + 4, "\x88\x64", 2);
	wire_parse((struct span){s.b, s.n}, &v);
	wire_tmpl_set(&t, (struct span){s.b, s.n}, &v);
	n = wire_tcp_build(buf, sizeof(buf), &t, &REPLY);
	assert_true(n != 0);
	assert_memory_equal(buf, s.b, 14);
}

// RFC 3168 6.1.5: what we send does not speak in the name of an ECN-capable transport.
static void congestion_marks_are_not_copied(void **)
{
	unsigned seen = 0;

	for (size_t i = 0; i < SAMPLES_COUNT; i++) {
		struct wire_view v;
		struct wire_tmpl t;
		struct sample s;

		if (SAMPLES[i].proto != WIRE_TCP)
			continue;
		sample_make(&SAMPLES[i], &s);
		wire_parse((struct span){s.b, s.n}, &v);
		s.b[v.l3_off + 1] |= v.family == 4 ? 0x03 : 0x30; // CE
		wire_tmpl_set(&t, (struct span){s.b, s.n}, &v);
		assert_int_equal(t.tos, 0x28);
		seen |= v.family;
	}
	assert_int_equal(seen, 4 | 6);
}

static void sequence_numbers_are_compared_around_their_end(void **)
{
	assert_true(seq_lt(0xfffffff0, 5));
	assert_false(seq_lt(5, 0xfffffff0));
	assert_false(seq_lt(5, 5));
	assert_true(seq_le(5, 5));
	assert_true(seq_le(0xffffffff, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_built_from_any_packet_parses_back),
		cmocka_unit_test(a_syn_ack_carries_its_mss),
		cmocka_unit_test(a_payload_that_fits_no_ip_packet_is_refused),
		cmocka_unit_test(bytes_that_look_like_pppoe_in_a_mac_are_left_alone),
		cmocka_unit_test(congestion_marks_are_not_copied),
		cmocka_unit_test(sequence_numbers_are_compared_around_their_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
