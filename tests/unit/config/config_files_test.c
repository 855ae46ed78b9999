// SPDX-License-Identifier: BSD-3-Clause
// Which files belong to a configuration: what its lists and profiles name, and no socket, log, key or rule.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cfg.h"

static const char text[] =
	"dataplane: {workers: [1], ports: [{name: a, dev: net_null0}, {name: b, dev: net_null1}],\n"
	" pairs: [[a, b]]}\n"
	"control: {link: /run/l, rpc: /run/r, state_dir: /var/s, event_log: /var/e, event_syslog: /dev/log,\n"
	" event_hash_key: /etc/key, metrics: /run/m}\n"
	"contexts: [{name: c, ports: [a, b]}]\n"
	"rules: {file: own.rules}\n"
	"session_profiles:\n"
	"  one: {safe_senders_file: d, blocked_senders_file: c, safe_recipients_file: /b,\n"
	"    blocked_recipients_file: a, blocked_servers_file: e}\n"
	"  empty: {}\n"
	"  two: {blocked_servers_file: sub/f, safe_senders_file: c, blocked_senders_file: \"\"}\n";

static void all_of_them_once_in_order(void **)
{
	static const char *const want[] = {"/b", "/x/a", "/x/c", "/x/d", "/x/e", "/x/sub/f"};
	struct err_list err;
	struct cfg *cfg;
	const char **paths;
	uint32_t n;

	err_init(&err);
	cfg = cfg_load_text(text, sizeof(text) - 1, "t", "/x", &err);
	if (cfg == NULL)
		fail_msg("%s", err.text[0]);
	assert_int_equal(cfg_files(cfg, &paths, &n), 0);
	assert_int_equal(n, sizeof(want) / sizeof(want[0]));
	for (uint32_t i = 0; i < n; i++)
		assert_string_equal(paths[i], want[i]);
	free(paths);
	cfg_free(cfg);
}

static void each_has_the_place_where_it_is_named(void **)
{
	const struct cfg_session *one;
	struct err_list err;
	struct cfg *cfg;

	err_init(&err);
	cfg = cfg_load_text(text, sizeof(text) - 1, "t", "/x", &err);
	assert_non_null(cfg);
	one = &cfg->sessions[0];
	assert_int_equal(one->lists[CFG_LIST_SAFE_SENDERS].file_at.line, 8);
	assert_int_equal(one->lists[CFG_LIST_SAFE_SENDERS].file_at.col, 28);
	assert_int_equal(one->blocked_file_at.line, 9);
	assert_int_equal(one->blocked_file_at.col, 55);
	assert_string_equal(one->blocked_file_at.file, "t");
	assert_int_equal(cfg->sessions[1].blocked_file_at.line, 0);
	cfg_free(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_them_once_in_order),
		cmocka_unit_test(each_has_the_place_where_it_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
