// SPDX-License-Identifier: BSD-3-Clause
// Attributes by name: our own, an operator's, and what a file may not say.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rad_names.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char path[] = "/tmp/mw-dictionary-XXXXXX";

static struct rad_names *load(const char *text, struct err_list *err)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	err_init(err);
	return rad_names_load(path, err);
}

static void the_attributes_of_accounting_are_known(void **)
{
	static const struct {
		const char *name;
		struct rad_ref ref;
	} rows[] = {
		{"Calling-Station-Id", {0, 31, RAD_KIND_TEXT}},
		{"User-Name", {0, 1, RAD_KIND_TEXT}},
		{"Framed-IP-Address", {0, 8, RAD_KIND_ADDR_V4}},
		{"framed-ip-address", {0, 8, RAD_KIND_ADDR_V4}},
		{"Login-IP-Host", {0, 14, RAD_KIND_ADDR_V4}},
		{"NAS-IP-Address", {0, 4, RAD_KIND_ADDR_V4}},
		{"NAS-IPv6-Address", {0, 95, RAD_KIND_ADDR_V6}},
		{"Login-IPv6-Host", {0, 98, RAD_KIND_ADDR_V6}},
		{"Framed-IPv6-Address", {0, 168, RAD_KIND_ADDR_V6}},
		{"Framed-IPv6-Prefix", {0, 97, RAD_KIND_PREFIX}},
		{"Delegated-IPv6-Prefix", {0, 123, RAD_KIND_PREFIX}},
		{"3GPP-IMSI", {10415, 1, RAD_KIND_TEXT}},
	};
	struct err_list err;

	err_init(&err);
	struct rad_names *n = rad_names_load("", &err);
	assert_non_null(n);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rad_ref ref;

		assert_true(rad_names_find(n, rows[i].name, &ref));
		assert_int_equal(ref.vendor, rows[i].ref.vendor);
		assert_int_equal(ref.type, rows[i].ref.type);
		assert_int_equal(ref.kind, rows[i].ref.kind);
	}
	struct rad_ref ref;
	assert_false(rad_names_find(n, "Calling-Station", &ref));
	rad_names_free(n);
}

static void an_operators_file_adds_to_them(void **)
{
	struct rad_ref ref;
	struct err_list err;
	struct rad_names *n = load("# a vendor's\n\nVENDOR Big 65535\n"
				   "ATTRIBUTE Big-Line 255 string Big\n"
				   "ATTRIBUTE Big-Port 7 integer Big\nVALUE Big-Port Last 9\n"
				   "ATTRIBUTE Ours 200 string\n",
		&err);

	assert_non_null(n);
	assert_true(rad_names_find(n, "Big-Line", &ref));
	assert_true(ref.vendor == 65535 && ref.type == 255 && ref.kind == RAD_KIND_TEXT);
	assert_true(rad_names_find(n, "Big-Port", &ref));
	assert_true(ref.vendor == 65535 && ref.type == 7 && ref.kind == RAD_KIND_NUMBER);
	assert_true(rad_names_find(n, "Ours", &ref));
	assert_true(ref.vendor == 0 && ref.type == 200);
	assert_true(rad_names_find(n, "Calling-Station-Id", &ref));
	rad_names_free(n);
}

static void a_line_that_means_nothing_here_is_refused_by_its_number(void **)
{
	static const char *const lines[] = {
		"ATTRIBUTE X\n",
		"ATTRIBUTE X 9 string Nobody\n",
		"ATTRIBUTE X 9 octets\n",
		"BEGIN-VENDOR 3GPP\n", // radcli takes it, and its attributes for standard ones
		"$INCLUDE /etc/radcli/dictionary.sip\n",
		"VENDOR Huge 65536\n", // radcli cuts it
		"VENDOR None 0\n",
		"nonsense\n",
	};

	for (size_t i = 0; i < COUNT(lines); i++) {
		char text[256], place[64];
		struct err_list err;

		(void)snprintf(text, sizeof(text),
			"ATTRIBUTE Y 8 string\n%sATTRIBUTE Z 10 string\n", lines[i]);
		assert_null(load(text, &err));
		assert_int_equal(err.count, 1);
		(void)snprintf(place, sizeof(place), "%s:2:1: ", path);
		if (strncmp(err.text[0], place, strlen(place)) != 0)
			fail_msg("%s", err.text[0]);
	}
}

static void a_number_that_no_packet_can_have_is_no_attribute(void **)
{
	struct rad_ref ref;
	struct err_list err;
	struct rad_names *n = load("ATTRIBUTE Far 300 string\nATTRIBUTE Zero 0 string\n", &err);

	assert_non_null(n);
	assert_false(rad_names_find(n, "Far", &ref));
	assert_false(rad_names_find(n, "Zero", &ref));
	rad_names_free(n);
}

static void a_file_that_is_not_there_is_an_error(void **)
{
	struct err_list err;

	err_init(&err);
	assert_null(rad_names_load("/nonexistent/dictionary", &err));
	assert_int_equal(err.count, 1);
	assert_non_null(strstr(err.text[0], "No such file"));
}

static int file_make(void **)
{
	int fd = mkstemp(path);

	return fd < 0 ? -1 : close(fd);
}

static int file_remove(void **)
{
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_attributes_of_accounting_are_known),
		cmocka_unit_test(an_operators_file_adds_to_them),
		cmocka_unit_test(a_line_that_means_nothing_here_is_refused_by_its_number),
		cmocka_unit_test(a_number_that_no_packet_can_have_is_no_attribute),
		cmocka_unit_test(a_file_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, file_make, file_remove);
}
