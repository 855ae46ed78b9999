// SPDX-License-Identifier: BSD-3-Clause
// Fragments: where one lies, what a set says to the next one, what a first one shows, and the
// headers that are left of it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire_field.h"
#include "wire_frag.h"
#include "wire_samples.h"
#include "wire_tcp.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct span span_of(const struct sample *s)
{
	return (struct span){.p = s->b, .n = s->n};
}

static struct wire_view parsed(const struct sample *s)
{
	struct wire_view v;

	wire_parse(span_of(s), &v);
	return v;
}

static void an_ipv4_fragment_tells_its_place(void **)
{
	struct sample s;
	struct wire_view v;
	struct wire_frag f;

	sample_eth(&s, WIRE_TYPE_IP4);
	sample_ip4(&s, WIRE_IPPROTO_TCP, 4, 0x2003);
	sample_bytes(&s, "0123456789abcdef", 16);
	sample_close(&s);
	s.b[s.ip + 1] |= 3; // CE
	v = parsed(&s);
	assert_int_equal(v.proto, WIRE_FRAGMENT);
	wire_frag_read(span_of(&s), &v, &f);
	assert_int_equal(f.id, 0xbeef);
	assert_int_equal(f.off, 24);
	assert_int_equal(f.len, 16);
	assert_int_equal(f.room, 65535 - 24);
	assert_true(f.more && f.ce);
	assert_true(wire_frag_is_tcp(&v));
}

static void an_ipv6_fragment_tells_its_place(void **)
{
	struct sample s;
	struct wire_view v;
	struct wire_frag f;

	sample_eth(&s, WIRE_TYPE_IP6);
	sample_ip6(&s, 60);
	sample_ext(&s, 44, 16);
	sample_frag6(&s, 60, 0x0010);
	wire_put32(s.b + s.l4 - 4, 0xfeed0001);
	sample_bytes(&s, "01234", 5);
	sample_close(&s);
	v = parsed(&s);
	wire_frag_read(span_of(&s), &v, &f);
	assert_int_equal(f.id, 0xfeed0001);
	assert_int_equal(f.off, 16);
	assert_int_equal(f.len, 5);
	assert_int_equal(f.room, 65535 - 16);
	assert_false(f.more || f.ce);
	assert_true(wire_frag_is_tcp(&v)); // destination options may precede TCP
	v.ip_proto = WIRE_IPPROTO_UDP;
	assert_false(wire_frag_is_tcp(&v));
}

// ---- sets: "offset+length", '+' behind it where more follow

struct step {
	uint16_t off, len;
	bool more;
	enum wire_frag_edge edge;
};

static const struct set_case {
	const char *name;
	struct step step[10];
	bool whole;
} SETS[] = {
	{"in order", {{0, 16, true}, {16, 8, true}, {24, 3, false}}, true},
	{"the last first", {{24, 3, false}, {16, 8, true}, {0, 16, true}}, true},
	{"a hole", {{0, 16, true}, {24, 3, false}}, false},
	{"no end", {{0, 16, true}, {16, 8, true}}, false},
	{"no begin", {{8, 16, true}, {24, 8, false}}, false},
	{"a repeat", {{0, 16, true}, {0, 16, true, WIRE_FRAG_REPEAT}, {16, 3, false}}, true},
	{"a repeat that ends", {{0, 16, true}, {0, 16, false, WIRE_FRAG_OVERLAP}}, false},
	{"a shorter one at the same place", {{0, 16, true}, {0, 8, true, WIRE_FRAG_OVERLAP}},
		false},
	{"a longer one", {{8, 8, true}, {0, 24, true, WIRE_FRAG_OVERLAP}}, false},
	{"one into the next", {{16, 16, true}, {8, 16, true, WIRE_FRAG_OVERLAP}}, false},
	{"one byte", {{16, 16, true}, {15, 2, false, WIRE_FRAG_OVERLAP}}, false},
	{"empty", {{0, 0, true, WIRE_FRAG_LENGTH}}, false},
	{"empty and last", {{0, 16, true}, {16, 0, false, WIRE_FRAG_LENGTH}}, false},
	{"no whole units", {{0, 12, true, WIRE_FRAG_LENGTH}}, false},
	{"behind the end", {{0, 16, false}, {16, 8, true, WIRE_FRAG_LENGTH}}, true},
	{"a second end", {{16, 8, false}, {0, 8, false, WIRE_FRAG_LENGTH}}, false},
	{"an end before what came", {{16, 8, true}, {8, 8, false, WIRE_FRAG_LENGTH}}, false},
	{"too long", {{65512, 4, false, WIRE_FRAG_LONG}}, false},
	{"as long as can be", {{65512, 3, false}}, false},
	{"nine",
		{{0, 8, true}, {8, 8, true}, {16, 8, true}, {24, 8, true}, {32, 8, true},
			{40, 8, true}, {48, 8, true}, {56, 8, true},
			{64, 8, false, WIRE_FRAG_MANY}},
		false},
	{"eight",
		{{0, 8, true}, {8, 8, true}, {16, 8, true}, {24, 8, true}, {32, 8, true},
			{40, 8, true}, {48, 8, true}, {56, 8, false}},
		true},
};

static void a_set_takes_what_is_new_and_names_what_is_wrong(void **)
{
	for (size_t i = 0; i < COUNT(SETS); i++) {
		struct wire_frag_set set = {.n = 0};

		for (const struct step *t = SETS[i].step; t < SETS[i].step + 10; t++) {
			struct wire_frag f = {
				.off = t->off, .len = t->len, .more = t->more, .room = 65515};
			unsigned same = 99;

			if (t->off == 0 && t->len == 0 && t->edge == WIRE_FRAG_NEW)
				break;
			if (wire_frag_add(&set, &f, &same) != t->edge)
				fail_msg("%s: %u+%u", SETS[i].name, t->off, t->len);
			if (t->edge == WIRE_FRAG_REPEAT)
				assert_int_equal(same, 0);
		}
		if (wire_frag_is_whole(&set) != SETS[i].whole)
			fail_msg("%s: whole or not", SETS[i].name);
	}
}

// ---- what a first fragment shows

static void first_v6(struct sample *s, const uint8_t *chain, unsigned n, unsigned cut)
{
	sample_eth(s, WIRE_TYPE_IP6);
	sample_ip6(s, 44);
	sample_frag6(s, chain[0], 1);
	for (unsigned i = 0; i + 1 < n; i++)
		sample_ext(s, chain[i + 1], 8);
	sample_tcp(s, TCP_ACK, NULL, 0);
	sample_bytes(s, "hello world, hello", 18);
	s->n -= cut;
	sample_close(s);
}

static void what_a_first_fragment_shows_of_tcp(void **)
{
	static const struct {
		uint8_t chain[12], n;
		unsigned cut;
		enum wire_frag_upper upper;
		bool whole;
	} CASES[] = {
		{{6}, 1, 0, WIRE_FRAG_TCP, true},
		{{6}, 1, 18, WIRE_FRAG_TCP, true},
		{{6}, 1, 19, WIRE_FRAG_TCP, false},
		{{6}, 1, 30, WIRE_FRAG_TCP, false},
		{{6}, 1, 35, WIRE_FRAG_HIDDEN, false}, // not even the ports
		{{60, 6}, 2, 0, WIRE_FRAG_TCP, true},
		{{60, 43, 51, 6}, 4, 0, WIRE_FRAG_TCP, true},
		{{60, 6}, 2, 40, WIRE_FRAG_HIDDEN, false}, // within the options
		{{60, 44, 6}, 3, 0, WIRE_FRAG_HIDDEN, false},
		{{60, 17}, 2, 0, WIRE_FRAG_OTHER, false},
		{{60, 60, 60, 60, 60, 60, 60, 60, 6}, 9, 0, WIRE_FRAG_TCP, true},
		{{60, 60, 60, 60, 60, 60, 60, 60, 60, 6}, 10, 0, WIRE_FRAG_HIDDEN, false},
	};

	for (size_t i = 0; i < COUNT(CASES); i++) {
		struct wire_frag_first first;
		struct wire_view v;
		struct sample s;

		first_v6(&s, CASES[i].chain, CASES[i].n, CASES[i].cut);
		v = parsed(&s);
		assert_int_equal(v.proto, WIRE_FRAGMENT);
		wire_frag_first(span_of(&s), &v, &first);
		if (first.upper != CASES[i].upper || first.whole != CASES[i].whole)
			fail_msg("case %zu: %u, %d", i, first.upper, first.whole);
	}
}

// A data offset that lies is no whole header.
static void a_header_length_that_lies_is_not_whole(void **)
{
	static const uint8_t OFFSETS[] = {0x00, 0x40, 0xf0};

	for (size_t i = 0; i < COUNT(OFFSETS); i++) {
		struct wire_frag_first first;
		struct wire_view v;
		struct sample s;

		first_v6(&s, (const uint8_t[]){6}, 1, 0);
		s.b[s.l4 + 12] = OFFSETS[i];
		v = parsed(&s);
		wire_frag_first(span_of(&s), &v, &first);
		assert_int_equal(first.upper, WIRE_FRAG_TCP);
		assert_false(first.whole);
		assert_int_equal(
			wire_frag_head((uint8_t[2048]){0}, 2048, span_of(&s), &v, &first), 0);
	}
}

// ---- the headers without the fragmentation

static void v4_head(struct sample *s)
{
	sample_eth(s, WIRE_TYPE_TAG);
	sample_tag(s, 7, WIRE_TYPE_IP4);
	sample_ip4(s, WIRE_IPPROTO_TCP, 8, 0x6000);
	sample_tcp(s, TCP_ACK | TCP_PSH, "\1\1\1\1", 4);
}

static void v4_pppoe_head(struct sample *s)
{
	sample_eth(s, WIRE_TYPE_PPPOE);
	sample_pppoe(s, 0x0021);
	sample_ip4(s, WIRE_IPPROTO_TCP, 0, 0x2000);
	sample_tcp(s, TCP_ACK, NULL, 0);
}

static void v6_head(struct sample *s)
{
	sample_eth(s, WIRE_TYPE_IP6);
	sample_ip6(s, 44);
	sample_frag6(s, 6, 1);
	sample_tcp(s, TCP_ACK, "\1\1\1\1", 4);
}

static void v6_head_between_extensions(struct sample *s)
{
	sample_eth(s, WIRE_TYPE_IP6);
	sample_ip6(s, 0);
	sample_ext(s, 43, 8);
	sample_ext(s, 44, 24);
	sample_frag6(s, 60, 1);
	sample_ext(s, 6, 16);
	sample_tcp(s, TCP_ACK, NULL, 0);
}

static void the_headers_parse_as_a_segment_without_payload(void **)
{
	void (*const MAKE[])(struct sample *) = {
		v4_head, v4_pppoe_head, v6_head, v6_head_between_extensions};

	for (size_t i = 0; i < COUNT(MAKE); i++) {
		struct wire_frag_first first;
		struct wire_view v, head;
		struct addr a[4];
		struct sample s;
		uint8_t buf[2048];
		size_t n;

		MAKE[i](&s);
		sample_bytes(&s, "0123456789", 10);
		sample_close(&s);
		v = parsed(&s);
		assert_int_equal(v.proto, WIRE_FRAGMENT);
		wire_frag_first(span_of(&s), &v, &first);
		assert_true(first.whole);
		n = wire_frag_head(buf, sizeof(buf), span_of(&s), &v, &first);
		assert_int_equal(n, s.n - 10 - (v.family == 6 ? 8 : 0));
		wire_parse((struct span){.p = buf, .n = n}, &head);
		assert_int_equal(head.proto, WIRE_TCP);
		assert_int_equal(head.payload_off, n);
		assert_int_equal(head.payload_len, 0);
		assert_int_equal(head.sport, first.sport);
		assert_int_equal(head.dport, first.dport);
		wire_addrs(span_of(&s), &v, &a[0], &a[1]);
		wire_addrs((struct span){.p = buf, .n = n}, &head, &a[2], &a[3]);
		assert_true(addr_eq(&a[0], &a[2]) && addr_eq(&a[1], &a[3]));
		assert_int_equal(
			wire_frag_head(buf, first.payload_off - 1u, span_of(&s), &v, &first), 0);
	}
}

static void dont_fragment_stays_as_it_was(void **)
{
	struct wire_frag_first first;
	struct wire_view v;
	struct sample s;
	uint8_t buf[2048];

	for (unsigned df = 0; df <= 0x4000; df += 0x4000) {
		sample_eth(&s, WIRE_TYPE_IP4);
		sample_ip4(&s, WIRE_IPPROTO_TCP, 0, (uint16_t)(0x2000 | df));
		sample_tcp(&s, TCP_ACK, NULL, 0);
		sample_close(&s);
		v = parsed(&s);
		wire_frag_first(span_of(&s), &v, &first);
		assert_true(wire_frag_head(buf, sizeof(buf), span_of(&s), &v, &first) > 0);
		assert_int_equal(wire_get16(buf + s.ip + 6), df);
	}
}

static void the_checksum_is_that_of_the_whole(void **)
{
	struct wire_view v;
	struct sample s;

	sample_eth(&s, WIRE_TYPE_IP6);
	sample_ip6(&s, 6);
	sample_tcp(&s, TCP_ACK, NULL, 0);
	sample_bytes(&s, "0123456789abcde", 15);
	sample_close(&s);
	v = parsed(&s);
	struct span tcp = span_from(span_of(&s), v.l4_off);
	assert_true(wire_frag_csum_ok(span_of(&s), &v, tcp));
	s.b[s.n - 1] ^= 1;
	assert_false(wire_frag_csum_ok(span_of(&s), &v, tcp));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv4_fragment_tells_its_place),
		cmocka_unit_test(an_ipv6_fragment_tells_its_place),
		cmocka_unit_test(a_set_takes_what_is_new_and_names_what_is_wrong),
		cmocka_unit_test(what_a_first_fragment_shows_of_tcp),
		cmocka_unit_test(a_header_length_that_lies_is_not_whole),
		cmocka_unit_test(the_headers_parse_as_a_segment_without_payload),
		cmocka_unit_test(dont_fragment_stays_as_it_was),
		cmocka_unit_test(the_checksum_is_that_of_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
