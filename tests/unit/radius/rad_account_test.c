// SPDX-License-Identifier: BSD-3-Clause
// What an accounting record says: whose session it is and where, in every form that a NAS has of saying it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rad_account.h"
#include "rad_make.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum {
	NAS_IP = 4,
	FRAMED_IP = 8,
	CALLING = 31,
	NAS_ID = 32,
	DELAY = 41,
	FRAMED_PREFIX = 97,
	DELEGATED = 123,
	FRAMED_V6 = 168,
	VENDOR = 10415,
	PORT_FIRST = 2,
	PORT_LAST = 3,
};

static const uint8_t key[16] = "0123456789abcde";
static const struct rad_form form = {
	.id = {0, CALLING, RAD_KIND_TEXT},
	.address = {{0, FRAMED_IP, RAD_KIND_ADDR_V4}, {0, FRAMED_V6, RAD_KIND_ADDR_V6},
		{0, FRAMED_PREFIX, RAD_KIND_PREFIX}, {0, DELEGATED, RAD_KIND_PREFIX}},
	.port_first = {VENDOR, PORT_FIRST, RAD_KIND_NUMBER},
	.port_last = {VENDOR, PORT_LAST, RAD_KIND_NUMBER},
};

static void begin(struct made *m, uint32_t status)
{
	made_begin(m, RAD_ACCOUNTING_REQUEST, 1);
	made_number(m, RAD_ACCT_STATUS_TYPE, status);
	made_text(m, RAD_ACCT_SESSION_ID, "s1");
	made_text(m, CALLING, "491701234567");
}

static enum rad_lack take(const struct made *m, const struct rad_form *f, struct rad_account *out)
{
	struct rad_packet p;

	made_read(m, &p);
	return rad_account_read(&p, f, key, 1, out);
}

static const char *text_of(const struct prefix *p)
{
	static char buf[PREFIX_TEXT_MAX];

	return prefix_format(p, buf, sizeof(buf));
}

static void a_clock_that_was_never_set_says_nothing(void **)
{
	static const uint32_t stamps[] = {0, 35, 946684800};
	struct rad_account a;
	struct made m;

	for (size_t i = 0; i <= sizeof(stamps) / sizeof(stamps[0]); i++) {
		begin(&m, RAD_START);
		made_v4(&m, FRAMED_IP, "10.77.0.1");
		if (i < sizeof(stamps) / sizeof(stamps[0]))
			made_number(&m, 55, stamps[i]);
		else
			made_add(&m, 55, "long since", 10); // no time at all
		assert_int_equal(take(&m, &form, &a), RAD_TAKEN);
		assert_int_equal(a.event_s, 0);
	}
}

static void a_start_says_whose_address_it_is(void **)
{
	struct rad_account a;
	struct made m;

	begin(&m, RAD_START);
	made_v4(&m, FRAMED_IP, "10.77.0.1");
	made_number(&m, DELAY, 5);
	made_number(&m, 55, 1700000000); // Event-Timestamp
	assert_int_equal(take(&m, &form, &a), RAD_TAKEN);
	assert_int_equal(a.status, RAD_START);
	assert_int_equal(a.delay_s, 5);
	assert_int_equal(a.event_s, 1700000000);
	assert_true(span_eq(a.id, span_str("491701234567")));
	assert_int_equal(a.naddress, 1);
	assert_string_equal(text_of(&a.address[0]), "10.77.0.1/32");
	assert_int_equal(a.port_first, 0);
	assert_int_equal(a.port_last, 65535);
}

static void all_addresses_of_a_session_count(void **)
{
	static const char *const wanted[] = {
		"10.77.0.1/32", "2001:db8::7/128", "2001:db8:0:8::/64", "2001:db8:100::/56"};
	struct rad_account a;
	struct made m;

	begin(&m, RAD_INTERIM);
	made_prefix(&m, DELEGATED, "2001:db8:100::/56");
	made_prefix(&m, FRAMED_PREFIX, "2001:db8:0:8::/64");
	made_v6(&m, FRAMED_V6, "2001:db8::7");
	made_v4(&m, FRAMED_IP, "10.77.0.1");
	assert_int_equal(take(&m, &form, &a), RAD_TAKEN);
	assert_int_equal(a.naddress, COUNT(wanted));
	for (size_t i = 0; i < COUNT(wanted); i++)
		assert_string_equal(text_of(&a.address[i]), wanted[i]);
}

static void host_order_turns_the_octets_of_ipv4_round(void **)
{
	struct rad_form reversed = form;
	struct rad_account a;
	struct made m;

	reversed.host_order = true;
	begin(&m, RAD_START);
	made_v4(&m, FRAMED_IP, "10.1.168.192");
	made_v6(&m, FRAMED_V6, "2001:db8::7");
	assert_int_equal(take(&m, &reversed, &a), RAD_TAKEN);
	assert_string_equal(text_of(&a.address[0]), "192.168.1.10/32");
	assert_string_equal(text_of(&a.address[1]), "2001:db8::7/128");
}

static void the_id_may_be_a_vendors_attribute(void **)
{
	struct rad_form vendor = form;
	struct rad_account a;
	struct made m;

	vendor.id = (struct rad_ref){VENDOR, 1, RAD_KIND_TEXT};
	begin(&m, RAD_START);
	made_v4(&m, FRAMED_IP, "10.77.0.1");
	assert_int_equal(take(&m, &vendor, &a), RAD_NO_ID);
	made_vendor(&m, VENDOR + 1, 1, "nobody", 6);
	made_vendor(&m, VENDOR, 1, "262011234567890", 15);
	assert_int_equal(take(&m, &vendor, &a), RAD_TAKEN);
	assert_true(span_eq(a.id, span_str("262011234567890")));
}

static void a_port_block_is_taken_where_it_makes_sense(void **)
{
	static const struct {
		uint32_t first, last;
		enum rad_lack lack;
	} rows[] = {
		{1024, 2047, RAD_TAKEN},
		{1024, 1024, RAD_TAKEN},
		{0, 65535, RAD_TAKEN},
		{2048, 2047, RAD_ABSURD},
		{1024, 65536, RAD_ABSURD},
		{70000, 70001, RAD_ABSURD},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const uint8_t first[4] = {(uint8_t)(rows[i].first >> 24),
			(uint8_t)(rows[i].first >> 16), (uint8_t)(rows[i].first >> 8),
			(uint8_t)rows[i].first};
		const uint8_t last[4] = {(uint8_t)(rows[i].last >> 24),
			(uint8_t)(rows[i].last >> 16), (uint8_t)(rows[i].last >> 8),
			(uint8_t)rows[i].last};
		struct rad_account a;
		struct made m;

		begin(&m, RAD_START);
		made_v4(&m, FRAMED_IP, "100.64.0.1");
		made_vendor(&m, VENDOR, PORT_FIRST, first, sizeof(first));
		made_vendor(&m, VENDOR, PORT_LAST, last, sizeof(last));
		assert_int_equal(take(&m, &form, &a), rows[i].lack);
		if (rows[i].lack != RAD_TAKEN)
			continue;
		assert_int_equal(a.port_first, rows[i].first);
		assert_int_equal(a.port_last, rows[i].last);
	}
}

static void what_is_missing_is_said(void **)
{
	struct rad_account a;
	struct made m;

	made_begin(&m, RAD_ACCOUNTING_REQUEST, 1);
	assert_int_equal(take(&m, &form, &a), RAD_NO_STATUS);
	made_text(&m, RAD_ACCT_STATUS_TYPE, "abc");
	assert_int_equal(take(&m, &form, &a), RAD_NO_STATUS);
	made_begin(&m, RAD_ACCOUNTING_REQUEST, 1);
	made_number(&m, RAD_ACCT_STATUS_TYPE, RAD_START);
	assert_int_equal(take(&m, &form, &a), RAD_NO_SESSION);
	made_text(&m, RAD_ACCT_SESSION_ID, "s1");
	assert_int_equal(take(&m, &form, &a), RAD_NO_ID);
	made_text(&m, CALLING, "49170");
	assert_int_equal(take(&m, &form, &a), RAD_NO_ADDRESS);
	made_text(&m, DELAY, "x");
	assert_int_equal(take(&m, &form, &a), RAD_ABSURD);
}

static void an_empty_attribute_is_as_none(void **)
{
	struct rad_account a;
	struct made m;

	made_begin(&m, RAD_ACCOUNTING_REQUEST, 1);
	made_number(&m, RAD_ACCT_STATUS_TYPE, RAD_START);
	made_text(&m, RAD_ACCT_SESSION_ID, "");
	assert_int_equal(take(&m, &form, &a), RAD_NO_SESSION);
	made_begin(&m, RAD_ACCOUNTING_REQUEST, 1);
	made_number(&m, RAD_ACCT_STATUS_TYPE, RAD_START);
	made_text(&m, RAD_ACCT_SESSION_ID, "s1");
	made_text(&m, CALLING, "");
	assert_int_equal(take(&m, &form, &a), RAD_NO_ID);
}

// The Start said it.
static void a_stop_need_not_say_whose_it_is(void **)
{
	struct rad_account a;
	struct made m;

	made_begin(&m, RAD_ACCOUNTING_REQUEST, 1);
	made_number(&m, RAD_ACCT_STATUS_TYPE, RAD_STOP);
	made_text(&m, RAD_ACCT_SESSION_ID, "s1");
	made_v4(&m, FRAMED_IP, "10.77.0.1");
	assert_int_equal(take(&m, &form, &a), RAD_TAKEN);
	assert_int_equal(a.id.n, 0);
}

static void an_address_that_no_host_has_is_absurd(void **)
{
	static const char *const v4[] = {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1",
		"240.0.0.1", "255.255.255.254", "255.255.255.255"};
	static const char *const v6[] = {"::", "::1", "ff02::1", "fe80::1", "::ffff:10.0.0.1"};
	static const char *const prefixes[] = {
		"::/0", "2001::/8", "ff00::/16", "fe80::/64", "2001:db8::/15",
		"2001:db8::/31", "2a00::/16", "::8000:0:0/81", "::ffc0:0:0/90", "::1:0:0/96"};
	struct rad_account a;
	struct made m;

	for (size_t i = 0; i < COUNT(v4); i++) {
		begin(&m, RAD_START);
		made_v4(&m, FRAMED_IP, v4[i]);
		assert_int_equal(take(&m, &form, &a), RAD_ABSURD);
	}
	for (size_t i = 0; i < COUNT(v6); i++) {
		begin(&m, RAD_START);
		made_v6(&m, FRAMED_V6, v6[i]);
		assert_int_equal(take(&m, &form, &a), RAD_ABSURD);
	}
	for (size_t i = 0; i < COUNT(prefixes); i++) {
		begin(&m, RAD_START);
		made_prefix(&m, DELEGATED, prefixes[i]);
		assert_int_equal(take(&m, &form, &a), RAD_ABSURD);
	}
}

static void a_value_of_another_length_is_absurd(void **)
{
	static const struct {
		uint8_t type;
		size_t n;
	} rows[] = {{FRAMED_IP, 0}, {FRAMED_IP, 3}, {FRAMED_IP, 5}, {FRAMED_IP, 16},
		{FRAMED_V6, 15}, {FRAMED_V6, 17}, {FRAMED_V6, 4}, {DELEGATED, 0}, {DELEGATED, 1},
		{DELEGATED, 19}};
	static const uint8_t octets[32] = {0, 64, 0x20, 1, 0xd, 0xb8};
	struct rad_account a;
	struct made m;

	for (size_t i = 0; i < COUNT(rows); i++) {
		begin(&m, RAD_START);
		made_add(&m, rows[i].type, octets, rows[i].n);
		assert_int_equal(take(&m, &form, &a), RAD_ABSURD);
	}
}

static void a_prefix_has_as_many_octets_as_its_length_needs_or_more(void **)
{
	static const uint8_t short56[] = {0, 56, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0},
			     cut[] = {0, 56, 0x20, 0x01, 0x0d, 0xb8, 0, 0},
			     bits[] = {0, 60, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0xff},
			     beyond[] = {0, 129, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0,
				     0, 0, 0};
	struct rad_account a;
	struct made m;

	begin(&m, RAD_START);
	made_add(&m, DELEGATED, short56, sizeof(short56));
	assert_int_equal(take(&m, &form, &a), RAD_TAKEN);
	assert_string_equal(text_of(&a.address[0]), "2001:db8::/56");
	begin(&m, RAD_START);
	made_add(&m, DELEGATED, cut, sizeof(cut));
	assert_int_equal(take(&m, &form, &a), RAD_ABSURD);
	begin(&m, RAD_START);
	made_add(&m, DELEGATED, beyond, sizeof(beyond));
	assert_int_equal(take(&m, &form, &a), RAD_ABSURD);
	begin(&m, RAD_START); // host bits are not meant
	made_add(&m, DELEGATED, bits, sizeof(bits));
	assert_int_equal(take(&m, &form, &a), RAD_TAKEN);
	assert_string_equal(text_of(&a.address[0]), "2001:db8:0:f0::/60");
}

static void an_id_of_control_octets_is_absurd(void **)
{
	static const char *const ids[] = {"a\nb", "\x1b[2J", "a\x7f", "\t"};
	struct rad_account a;
	struct made m;

	for (size_t i = 0; i < COUNT(ids); i++) {
		made_begin(&m, RAD_ACCOUNTING_REQUEST, 1);
		made_number(&m, RAD_ACCT_STATUS_TYPE, RAD_START);
		made_text(&m, RAD_ACCT_SESSION_ID, "s1");
		made_text(&m, CALLING, ids[i]);
		made_v4(&m, FRAMED_IP, "10.77.0.1");
		assert_int_equal(take(&m, &form, &a), RAD_ABSURD);
	}
}

static void a_whole_nas_goes_on_and_off_without_a_session(void **)
{
	static const uint32_t status[] = {RAD_ON, RAD_OFF};
	struct rad_account a;
	struct made m;

	for (size_t i = 0; i < COUNT(status); i++) {
		made_begin(&m, RAD_ACCOUNTING_REQUEST, 1);
		made_number(&m, RAD_ACCT_STATUS_TYPE, status[i]);
		assert_int_equal(take(&m, &form, &a), RAD_TAKEN);
		assert_int_equal(a.status, status[i]);
		assert_int_equal(a.naddress, 0);
	}
}

static void tunnels_and_failures_are_ignored(void **)
{
	static const uint32_t status[] = {0, 4, 6, 9, 14, 15, 0x80000001};
	struct rad_account a;
	struct made m;

	for (size_t i = 0; i < COUNT(status); i++) {
		begin(&m, status[i]);
		made_v4(&m, FRAMED_IP, "10.77.0.1");
		assert_int_equal(take(&m, &form, &a), RAD_IGNORED);
	}
}

// A proxy sends the records of many; their sessions may have the same ids.
static void a_nas_is_told_by_all_its_names_and_its_sender(void **)
{
	static const struct {
		uint32_t client;
		const char *address, *name, *session;
	} rows[] = {
		{1, "192.0.2.1", NULL, "s1"},
		{1, "192.0.2.2", NULL, "s1"},
		{1, NULL, "bras1", "s1"},
		{1, "192.0.2.1", "bras1", "s1"},
		{2, "192.0.2.1", "bras1", "s1"},
		{1, NULL, NULL, "s1"},
	};
	struct rad_account a[COUNT(rows)], again;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rad_packet p;
		struct made m;

		begin(&m, RAD_START);
		made_v4(&m, FRAMED_IP, "10.77.0.1");
		if (rows[i].address != NULL)
			made_v4(&m, NAS_IP, rows[i].address);
		if (rows[i].name != NULL)
			made_text(&m, NAS_ID, rows[i].name);
		made_read(&m, &p);
		assert_int_equal(
			rad_account_read(&p, &form, key, rows[i].client, &a[i]), RAD_TAKEN);
		assert_int_equal(
			rad_account_read(&p, &form, key, rows[i].client, &again), RAD_TAKEN);
		assert_true(again.nas == a[i].nas && again.session == a[i].session);
		for (size_t j = 0; j < i; j++)
			assert_true(a[i].nas != a[j].nas && a[i].session != a[j].session);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_start_says_whose_address_it_is),
		cmocka_unit_test(a_clock_that_was_never_set_says_nothing),
		cmocka_unit_test(all_addresses_of_a_session_count),
		cmocka_unit_test(host_order_turns_the_octets_of_ipv4_round),
		cmocka_unit_test(the_id_may_be_a_vendors_attribute),
		cmocka_unit_test(a_port_block_is_taken_where_it_makes_sense),
		cmocka_unit_test(what_is_missing_is_said),
		cmocka_unit_test(an_empty_attribute_is_as_none),
		cmocka_unit_test(a_stop_need_not_say_whose_it_is),
		cmocka_unit_test(an_address_that_no_host_has_is_absurd),
		cmocka_unit_test(a_value_of_another_length_is_absurd),
		cmocka_unit_test(a_prefix_has_as_many_octets_as_its_length_needs_or_more),
		cmocka_unit_test(an_id_of_control_octets_is_absurd),
		cmocka_unit_test(a_whole_nas_goes_on_and_off_without_a_session),
		cmocka_unit_test(tunnels_and_failures_are_ignored),
		cmocka_unit_test(a_nas_is_told_by_all_its_names_and_its_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
