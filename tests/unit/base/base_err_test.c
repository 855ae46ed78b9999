// SPDX-License-Identifier: BSD-3-Clause
// The list of an operator's errors: its shape, its bounds, what is kept when it is full.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"

static struct err_list list;

static int list_clear(void **)
{
	err_init(&list);
	return 0;
}

static void a_place_is_written_as_far_as_it_is_known(void **)
{
	err_at(&list, "a.yaml", 3, 7, "no such %s; nearest is %s", "key", "ports");
	err_at(&list, "a.yaml", 3, 0, "b");
	err_at(&list, "a.yaml", 0, 0, "c");
	err_at(&list, NULL, 3, 7, "d");
	err_add(&list, "e");
	assert_string_equal(list.text[0], "a.yaml:3:7: no such key; nearest is ports");
	assert_string_equal(list.text[1], "a.yaml:3: b");
	assert_string_equal(list.text[2], "a.yaml: c");
	assert_string_equal(list.text[3], "3:7: d");
	assert_string_equal(list.text[4], "e");
}

static void warnings_alone_do_not_fail_a_check(void **)
{
	assert_false(err_any(&list));
	err_warn_at(&list, "a.yaml", 1, 2, "old key");
	assert_false(err_any(&list));
	assert_string_equal(list.text[0], "a.yaml:1:2: warning: old key");
	err_add(&list, "bad");
	assert_true(err_any(&list));
	assert_int_equal(list.warnings, 1);
	assert_int_equal(list.kept, 2);
}

static void beyond_the_maximum_errors_are_counted_and_said(void **)
{
	char *out = NULL;
	size_t n = 0;
	FILE *f;

	for (int i = 0; i < ERR_MAX + 3; i++)
		err_add(&list, "e%d", i);
	assert_int_equal(list.kept, ERR_MAX);
	assert_int_equal(list.count, ERR_MAX + 3);
	f = open_memstream(&out, &n);
	assert_non_null(f);
	err_print(&list, f);
	assert_int_equal(fclose(f), 0);
	assert_ptr_equal(strstr(out, "e0\ne1\n"), out);
	assert_non_null(strstr(out, "\ne19\n3 more\n"));
	assert_null(strstr(out, "e20"));
	free(out);
}

static void an_error_takes_the_place_of_a_warning_when_the_list_is_full(void **)
{
	err_add(&list, "first");
	for (int i = 0; i < ERR_MAX + 5; i++)
		err_warn_at(&list, NULL, 0, 0, "w%d", i);
	err_add(&list, "last");
	assert_int_equal(list.kept, ERR_MAX);
	assert_int_equal(list.warnings, ERR_MAX - 2);
	assert_string_equal(list.text[0], "first");
	assert_string_equal(list.text[1], "warning: w0");
	assert_string_equal(list.text[ERR_MAX - 2], "warning: w17");
	assert_string_equal(list.text[ERR_MAX - 1], "last");
	for (int i = 0; i < ERR_MAX; i++)
		err_add(&list, "more %d", i);
	assert_int_equal(list.warnings, 0);
	assert_string_equal(list.text[1], "last");
	assert_int_equal(list.count, ERR_MAX + 2);
}

static void a_long_message_is_cut_at_every_part(void **)
{
	char big[2 * ERR_TEXT_MAX];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_at(&list, big, 4294967295u, 4294967295u, "%s", big);
	err_at(&list, "f", 1, 1, "%s", big);
	big[ERR_TEXT_MAX - 4] = '\0';
	err_warn_at(&list, big, 1, 1, "%s", big);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(strlen(list.text[i]), ERR_TEXT_MAX - 1);
}

static void a_list_behind_a_list_keeps_warnings_as_warnings(void **)
{
	static struct err_list more;

	err_init(&more);
	err_warn_at(&more, "f", 1, 2, "odd");
	err_add(&more, "bad");
	err_add(&list, "first");
	err_append(&list, &more);
	assert_int_equal(list.kept, 3);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.warnings, 1);
	assert_true(list.is_warning[1]);
	assert_string_equal(list.text[1], "f:1:2: warning: odd");
	assert_false(list.is_warning[2]);
	assert_string_equal(list.text[2], "bad");
}

static void a_list_behind_a_full_list_is_counted_and_errors_displace_warnings(void **)
{
	static struct err_list more;

	err_init(&more);
	for (int i = 0; i < ERR_MAX + 4; i++)
		err_add(&more, "more %d", i);
	err_add(&list, "first");
	for (int i = 1; i < ERR_MAX; i++)
		err_warn_at(&list, NULL, 0, 0, "w%d", i);
	err_append(&list, &more);
	assert_int_equal(list.kept, ERR_MAX);
	assert_int_equal(list.warnings, 0);
	assert_int_equal(list.count, ERR_MAX + 5);
	assert_string_equal(list.text[ERR_MAX - 1], "more 18");
	err_init(&more);
	for (int i = 0; i < ERR_MAX; i++)
		err_warn_at(&more, NULL, 0, 0, "late %d", i);
	err_append(&list, &more);
	assert_int_equal(list.warnings, 0);
	err_add(&list, "last"); // no warning is there to make room
	assert_int_equal(list.kept, ERR_MAX);
	assert_int_equal(list.count, ERR_MAX + 6);
}

static void a_list_with_absurd_numbers_is_bounded(void **)
{
	static struct err_list more;

	memset(&more, 'x', sizeof(more)); // no NUL in any text
	memset(more.is_warning, 0, sizeof(more.is_warning));
	err_append(&list, &more);
	assert_int_equal(list.kept, ERR_MAX);
	assert_int_equal(strlen(list.text[0]), ERR_TEXT_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_place_is_written_as_far_as_it_is_known, list_clear),
		cmocka_unit_test_setup(warnings_alone_do_not_fail_a_check, list_clear),
		cmocka_unit_test_setup(beyond_the_maximum_errors_are_counted_and_said, list_clear),
		cmocka_unit_test_setup(
			an_error_takes_the_place_of_a_warning_when_the_list_is_full, list_clear),
		cmocka_unit_test_setup(
			a_list_behind_a_list_keeps_warnings_as_warnings, list_clear),
		cmocka_unit_test_setup(
			a_list_behind_a_full_list_is_counted_and_errors_displace_warnings,
			list_clear),
		cmocka_unit_test_setup(a_list_with_absurd_numbers_is_bounded, list_clear),
		cmocka_unit_test_setup(a_long_message_is_cut_at_every_part, list_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
