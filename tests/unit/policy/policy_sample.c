// SPDX-License-Identifier: BSD-3-Clause
// The image the tests of policy/ start from.
#include "policy_sample.h"

#include <stdlib.h>

struct prefix sample_prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

struct addr sample_addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void profiles_add(struct pol_build *b)
{
	struct pol_context context = {
		.name = pol_build_string(b, "default"), .ports = 3, .by_vlan = 1};
	struct pol_session session = {
		.name = pol_build_string(b, "internal"),
		.prevent_encryption = 1,
		.idle_ms = 1000,
		.list = {[POL_LIST_BLOCKED_SENDERS] = 1},
		.key = pol_session_key("internal")};
	struct pol_content content = {.name = pol_build_string(b, "spam"),
		.threshold = 5,
		.text = pol_build_string(b, "No spam")};

	assert_int_equal(pol_build_add(b, POL_SEC_CONTEXTS, &context), 0);
	assert_int_equal(pol_build_add(b, POL_SEC_SESSIONS, &session), 0);
	assert_int_equal(pol_build_add(b, POL_SEC_CONTENTS, &content), 0);
}

enum { VERSION = 7, MADE_S = 1700000000 };

static void access_add(struct pol_build *b)
{
	static const char *const PATTERNS[] = {
		"a@example.org", "*@Example.net", "*@*.example.com", "news-*@example.org", "<>"};
	const struct prefix client = sample_prefix("10.77.0.0/24");
	struct pol_access r = {.name = pol_build_string(b, "partners"),
		.nclients = 1,
		.helo = POL_NONE,
		.sender = 0,
		.recipient = 1,
		.enabled = 1};

	assert_int_equal(pol_build_list(b, VERSION, MADE_S, PATTERNS, 5), 0);
	assert_int_equal(pol_build_list(b, VERSION, MADE_S, PATTERNS + 3, 1), 1);
	assert_int_equal(pol_build_add(b, POL_SEC_CLIENTS, &client), 0);
	assert_int_equal(pol_build_add(b, POL_SEC_ACCESS, &r), 0);
}

struct sample sample_new(void)
{
	static const uint16_t PORTS[] = {25, 465, 587};
	struct pol_build *b = pol_build_new();
	struct sample s = {0};

	assert_non_null(b);
	profiles_add(b);
	access_add(b);
	for (uint32_t i = 0; i < 3; i++) {
		struct pol_policy p = {
			.source = sample_prefix(i == 0 ? "10.77.0.0/24" : "fd77::/64"),
			.destination = sample_prefix("any"),
			.action = POL_INSPECT,
			.enabled = 1,
			.context = i == 1 ? POL_ANY : 0,
			.ingress = i,
			.vlan_lo = i == 2 ? 10 : POL_ANY,
			.vlan_hi = i == 2 ? 20 : POL_ANY,
			.port_lo = 25,
			.port_hi = 25,
			.session = i == 1 ? POL_NONE : 0,
			.content = i == 1 ? POL_NONE : 0,
			.name = pol_build_string(b, "internal"),
			.comment = pol_build_string(b, "the carrier's own"),
		};

		assert_int_equal(pol_build_add(b, POL_SEC_POLICIES, &p), i);
	}
	for (uint32_t i = 0; i < COUNT(PORTS); i++) {
		struct pol_pickup p = {.port = PORTS[i]};

		assert_int_equal(pol_build_add(b, POL_SEC_PICKUP, &p), i);
	}
	for (uint32_t i = 0; i < 2; i++) {
		struct pol_rule r = {.id = 100 + i,
			.score = 5,
			.scope = POL_SCOPE_BODY,
			.name = pol_build_string(b, "token")};

		assert_int_equal(pol_build_add(b, POL_SEC_RULES, &r), i);
	}
	pol_build_database(b, POL_SCOPE_BODY, "not looked into", 15);
	assert_int_equal(pol_build_finish(b, VERSION, MADE_S, &s.bytes, &s.n), 0);
	pol_build_free(b);
	return s;
}

void sample_free(struct sample *s)
{
	free(s->bytes);
}

void sample_seal(struct sample *s)
{
	((struct pol_head *)s->bytes)->crc = pol_checksum((struct span){s->bytes, s->n});
}
