// SPDX-License-Identifier: BSD-3-Clause
// Words and methods: every one is there, none twice, and a number from the other side is safe.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api_link.h"
#include "api_names.h"
#include "api_rpc.h"
#include "api_stats.h"

static const struct {
	const char *(*name)(uint32_t);
	uint32_t count;
	const char *first;
} tables[] = {
	{api_lane_name, API_LANE_COUNT, "pass"},
	{api_flow_state_name, API_FLOW_STATE_COUNT, "half_open"},
	{api_record_name, API_REC_COUNT, "none"},
	{api_verdict_name, API_VERDICT_COUNT, "clean"},
	{api_stat_kind_name, API_STAT_KIND_COUNT, "traffic"},
};

static void every_member_has_a_word_of_its_own_and_others_are_unknown(void **state)
{
	(void)state;
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		assert_string_equal(tables[t].name(0), tables[t].first);
		for (uint32_t i = 0; i < tables[t].count; i++) {
			assert_string_not_equal(tables[t].name(i), "unknown");
			for (uint32_t j = 0; j < i; j++)
				assert_string_not_equal(tables[t].name(i), tables[t].name(j));
		}
		assert_string_equal(tables[t].name(tables[t].count), "unknown");
		assert_string_equal(tables[t].name(UINT32_MAX), "unknown");
	}
}

static void every_method_is_noun_dot_verb_with_help_and_is_found_by_name(void **state)
{
	(void)state;
	for (unsigned i = 0; i < API_RPC_COUNT; i++) {
		const struct api_rpc_method *m = &api_rpc_methods[i];

		assert_non_null(m->name);
		assert_non_null(strchr(m->name, '.'));
		assert_true(strlen(m->help) > 10 && strlen(m->help) < 80);
		assert_int_equal(api_rpc_find(m->name), i);
	}
	assert_int_equal(api_rpc_find("system.statu"), API_RPC_COUNT);
	assert_int_equal(api_rpc_find(""), API_RPC_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_has_a_word_of_its_own_and_others_are_unknown),
		cmocka_unit_test(every_method_is_noun_dot_verb_with_help_and_is_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
