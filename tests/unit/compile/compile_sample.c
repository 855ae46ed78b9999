// SPDX-License-Identifier: BSD-3-Clause
// Material for the tests of compile/.
#include "compile_sample.h"

#include <hs/hs.h>

struct cfg_ruleset *sample_rules(const char *text, const char *name)
{
	struct cfg_ruleset *set;
	struct err_list err;

	err_init(&err);
	set = cfg_rules_load_text(text, strlen(text), name, &err);
	sample_print(&err);
	assert_non_null(set);
	return set;
}

struct cfg sample_cfg(void)
{
	static struct cfg_port ports[] = {{.name = "access"}, {.name = "core"}};
	static const char *both[] = {"access", "core"}, *core[] = {"core"};
	static struct cfg_context contexts[] = {{.name = "default", .ports = both, .nports = 2}};
	static struct cfg_session sessions[] = {{.name = "internal",
		.prevent_encryption = true,
		.idle_s = 60,
		.client_connections = 3,
		.client_rate = 4,
		.client_rate_min = 5,
		.client_messages = 6,
		.client_recipients = 7,
		.sender_messages = 8,
		.sender_recipients = 9,
		.sender_rate_min = 10,
		.check_three_way = true,
		.total_connections = 100000,
		.endpoint_reputation = {.action = CFG_REPUTATION_REJECT, .trigger = 11, .duration_min = 12},
		.sender_reputation = {.action = CFG_REPUTATION_MONITOR,
			.throttle_at = 13,
			.tempfail_at = 14,
			.reject_at = 15,
			.throttle_messages = 16,
			.throttle_percent = 17},
		.auth_reputation = {.action = CFG_REPUTATION_REJECT},
		.refuse_at = CFG_REFUSE_RCPT}};
	static struct cfg_content contents[] = {
		{.name = "spam", .threshold = 5, .text = "No spam please"}};
	static uint16_t pickup[] = {587, 25, 25};
	static struct cfg_policy policies[2];

	policies[0] = (struct cfg_policy){.name = "inside",
		.comment = "ours",
		.enabled = true,
		.action = POL_INSPECT,
		.context = "default",
		.ingress = core,
		.ningress = 1,
		.vlan_lo = 10,
		.vlan_hi = 20,
		.port_hi = 65535,
		.session = "internal",
		.content = "spam"};
	assert_int_equal(prefix_parse("10.77.0.0/24", &policies[0].source), 0);
	policies[1] = (struct cfg_policy){
		.name = "off", .action = POL_DROP, .vlan_lo = 0xffff, .port_lo = 25, .port_hi = 25};
	return (struct cfg){
		.file = "test.yaml",
		.dataplane = {.ports = ports, .nports = COUNT(ports)},
		.pickup = {.ports = pickup, .nports = COUNT(pickup)},
		.contexts = contexts,
		.ncontexts = COUNT(contexts),
		.sessions = sessions,
		.nsessions = COUNT(sessions),
		.contents = contents,
		.ncontents = COUNT(contents),
		.policies = policies,
		.npolicies = COUNT(policies),
	};
}

const struct pol_image *sample_image(const uint8_t *bytes, size_t n)
{
	const struct pol_image *img = NULL;
	struct err_list err;

	err_init(&err);
	assert_int_equal(pol_verify((struct span){bytes, n}, &img, &err), 0);
	return img;
}

static int note(unsigned id, unsigned long long, unsigned long long, unsigned, void *arg)
{
	uint64_t *found = arg;

	assert_true(id < 64);
	assert_int_equal(*found >> id & 1, 0); // once a rule
	*found |= UINT64_C(1) << id;
	return 0;
}

uint64_t sample_scan(const struct pol_image *img, enum pol_scope scope, struct span text)
{
	struct span b = pol_section(img, POL_SEC_DB_HELO + (int)scope);
	hs_scratch_t *scratch = NULL;
	hs_database_t *db = NULL;
	hs_stream_t *stream;
	uint64_t found = 0;

	if (b.n == 0)
		return 0;
	assert_int_equal(hs_deserialize_database((const char *)b.p, b.n, &db), HS_SUCCESS);
	assert_int_equal(hs_alloc_scratch(db, &scratch), HS_SUCCESS);
	assert_int_equal(hs_open_stream(db, 0, &stream), HS_SUCCESS);
	assert_int_equal(hs_scan_stream(stream, (const char *)text.p, (unsigned)text.n, 0, scratch,
				 note, &found),
		HS_SUCCESS);
	assert_int_equal(hs_close_stream(stream, scratch, note, &found), HS_SUCCESS);
	assert_int_equal(hs_free_scratch(scratch), HS_SUCCESS);
	assert_int_equal(hs_free_database(db), HS_SUCCESS);
	return found;
}

void sample_print(const struct err_list *err)
{
	if (err_any(err))
		err_print(err, stderr);
}

bool sample_has(const struct err_list *err, const char *words)
{
	for (unsigned i = 0; i < err->kept; i++) {
		if (strstr(err->text[i], words) != NULL)
			return true;
	}
	return false;
}
