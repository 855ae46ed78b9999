// SPDX-License-Identifier: BSD-3-Clause
// RADIUS packets as bytes: what is no packet, which attributes are found, what an answer is made of.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rad_make.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void a_packet_shorter_than_it_says_is_refused_at_every_length(void **)
{
	struct rad_packet p;
	struct made m;

	made_begin(&m, RAD_ACCOUNTING_REQUEST, 1);
	made_number(&m, RAD_ACCT_STATUS_TYPE, 1);
	made_text(&m, RAD_ACCT_SESSION_ID, "17");
	for (size_t n = 0; n < m.n; n++)
		assert_int_equal(rad_packet_read(span_sub(made_span(&m), 0, n), &p), RAD_SHORT);
	assert_int_equal(rad_packet_read(made_span(&m), &p), RAD_GOOD);
	assert_int_equal(p.code, RAD_ACCOUNTING_REQUEST);
	assert_int_equal(p.id, 1);
	assert_int_equal(p.whole.n, m.n);
	assert_int_equal(p.attrs.n, 10);
}

static void octets_behind_its_length_are_padding(void **)
{
	struct rad_packet p;
	struct made m;

	made_begin(&m, RAD_ACCOUNTING_REQUEST, 1);
	made_number(&m, RAD_ACCT_STATUS_TYPE, 1);
	memset(m.b + m.n, 0xff, 100);
	assert_int_equal(rad_packet_read((struct span){m.b, m.n + 100}, &p), RAD_GOOD);
	assert_int_equal(p.whole.n, m.n);
}

static void a_length_outside_of_20_to_4096_is_refused(void **)
{
	static const struct {
		unsigned length;
		enum rad_bad bad;
	} rows[] = {{0, RAD_LONG}, {19, RAD_LONG}, {20, RAD_GOOD}, {4096, RAD_GOOD},
		{4097, RAD_LONG}, {65535, RAD_LONG}};
	uint8_t b[RAD_PACKET_MAX + 100];
	struct rad_packet p;

	for (size_t i = 0; i < COUNT(rows); i++) {
		memset(b, 2, sizeof(b)); // attributes of two octets, without a value
		b[2] = (uint8_t)(rows[i].length >> 8);
		b[3] = (uint8_t)rows[i].length;
		assert_int_equal(rad_packet_read((struct span){b, sizeof(b)}, &p), rows[i].bad);
	}
}

static void attributes_that_do_not_fill_the_packet_are_refused(void **)
{
	static const struct {
		const char *attrs;
		size_t n;
	} rows[] = {
		{"\x01", 1},
		{"\x01\x00", 2},
		{"\x01\x01", 2},
		{"\x01\x03", 2},
		{"\x01\x03x\x02", 4},
		{"\x01\x02\x01\x05xx", 6},
		{"\x01\xff", 2},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rad_packet p;
		struct made m;

		made_begin(&m, RAD_ACCOUNTING_REQUEST, 1);
		memcpy(m.b + m.n, rows[i].attrs, rows[i].n);
		m.n += rows[i].n;
		m.b[3] = (uint8_t)m.n;
		assert_int_equal(rad_packet_read(made_span(&m), &p), RAD_ATTRIBUTE);
	}
}

static void a_walk_tells_standard_attributes_and_those_of_vendors_in_their_order(void **)
{
	static const struct {
		uint32_t vendor;
		uint8_t type;
		size_t n;
	} wanted[] = {
		{0, 1, 3},     // as it is
		{10415, 1, 2}, // two of a vendor in one
		{10415, 20, 0},
		{9, 0, 3},  // of another form
		{9, 0, 0},  // empty
		{0, 26, 3}, // too short for a vendor
		{0, 44, 1},
	};
	struct rad_packet p;
	struct rad_walk w;
	struct rad_attr a;
	struct made m;
	size_t i = 0;

	made_begin(&m, RAD_ACCOUNTING_REQUEST, 1);
	made_text(&m, 1, "bob");
	made_add(&m, RAD_VENDOR_SPECIFIC, "\0\0\x28\xaf\x01\x04xy\x14\x02", 10);
	made_add(&m, RAD_VENDOR_SPECIFIC, "\0\0\0\x09\x01\x09x", 7);
	made_add(&m, RAD_VENDOR_SPECIFIC, "\0\0\0\x09", 4);
	made_add(&m, RAD_VENDOR_SPECIFIC, "\0\0\0", 3);
	made_text(&m, RAD_ACCT_SESSION_ID, "1");
	made_read(&m, &p);
	for (rad_walk_begin(&w, &p); rad_walk_next(&w, &a); i++) {
		assert_true(i < COUNT(wanted));
		assert_int_equal(a.vendor, wanted[i].vendor);
		assert_int_equal(a.type, wanted[i].type);
		assert_int_equal(a.value.n, wanted[i].n);
	}
	assert_int_equal(i, COUNT(wanted));
}

static void the_first_attribute_of_a_type_is_found_but_no_vendors(void **)
{
	struct rad_packet p;
	struct made m;

	made_begin(&m, RAD_ACCOUNTING_REQUEST, 1);
	made_vendor(&m, 10415, RAD_ACCT_SESSION_ID, "vendor", 6);
	made_text(&m, RAD_ACCT_SESSION_ID, "one");
	made_text(&m, RAD_ACCT_SESSION_ID, "two");
	made_read(&m, &p);
	assert_true(span_eq(rad_packet_find(&p, RAD_ACCT_SESSION_ID), span_str("one")));
	assert_null(rad_packet_find(&p, 1).p);
}

static void a_number_has_four_octets(void **)
{
	uint32_t n;

	assert_true(rad_number((struct span){(const uint8_t *)"\x01\x02\x03\xff", 4}, &n));
	assert_int_equal(n, 0x010203ff);
	assert_false(rad_number((struct span){(const uint8_t *)"\x01\x02\x03", 3}, &n));
	assert_false(rad_number((struct span){(const uint8_t *)"\x01\x02\x03\x04\x05", 5}, &n));
	assert_false(rad_number((struct span){0}, &n));
}

static void an_answer_has_the_id_and_every_proxy_state_in_order(void **)
{
	uint8_t buf[RAD_PACKET_MAX];
	struct rad_packet p, answer;
	struct rad_walk w;
	struct rad_attr a;
	struct made m;

	made_begin(&m, RAD_ACCOUNTING_REQUEST, 200);
	memset(m.b + 4, 0x5a, RAD_AUTH);
	made_text(&m, RAD_PROXY_STATE, "first");
	made_number(&m, RAD_ACCT_STATUS_TYPE, 1);
	made_text(&m, RAD_PROXY_STATE, "second");
	made_read(&m, &p);
	size_t n = rad_answer(&p, RAD_ACCOUNTING_RESPONSE, true, buf);
	assert_int_equal(rad_packet_read((struct span){buf, n}, &answer), RAD_GOOD);
	assert_int_equal(answer.whole.n, n);
	assert_int_equal(answer.code, RAD_ACCOUNTING_RESPONSE);
	assert_int_equal(answer.id, 200);
	assert_true(span_eq(rad_packet_auth(&answer), rad_packet_auth(&p)));
	rad_walk_begin(&w, &answer);
	assert_true(
		rad_walk_next(&w, &a) && a.type == RAD_MESSAGE_AUTHENTICATOR && a.value.n == 16);
	assert_true(rad_walk_next(&w, &a) && span_eq(a.value, span_str("first")));
	assert_true(rad_walk_next(&w, &a) && span_eq(a.value, span_str("second")));
	assert_false(rad_walk_next(&w, &a));
}

static void a_packet_of_nothing_but_proxy_states_is_answered_within_bounds(void **)
{
	uint8_t buf[RAD_PACKET_MAX];
	struct rad_packet p, answer;
	struct made m;
	char value[254];

	memset(value, 'x', sizeof(value));
	made_begin(&m, RAD_ACCOUNTING_REQUEST, 200);
	while (m.n + 255 <= RAD_PACKET_MAX)
		made_add(&m, RAD_PROXY_STATE, value, 253);
	made_read(&m, &p);
	size_t n = rad_answer(&p, RAD_ACCOUNTING_RESPONSE, true, buf);
	assert_true(n <= RAD_PACKET_MAX);
	assert_int_equal(rad_packet_read((struct span){buf, n}, &answer), RAD_GOOD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_shorter_than_it_says_is_refused_at_every_length),
		cmocka_unit_test(octets_behind_its_length_are_padding),
		cmocka_unit_test(a_length_outside_of_20_to_4096_is_refused),
		cmocka_unit_test(attributes_that_do_not_fill_the_packet_are_refused),
		cmocka_unit_test(
			a_walk_tells_standard_attributes_and_those_of_vendors_in_their_order),
		cmocka_unit_test(the_first_attribute_of_a_type_is_found_but_no_vendors),
		cmocka_unit_test(a_number_has_four_octets),
		cmocka_unit_test(an_answer_has_the_id_and_every_proxy_state_in_order),
		cmocka_unit_test(a_packet_of_nothing_but_proxy_states_is_answered_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
