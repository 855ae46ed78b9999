// SPDX-License-Identifier: BSD-3-Clause
// Configuration to image: names become indexes, ports numbers, what an image cannot hold is refused
// with its place.
#include "compile_sample.h"

#include <errno.h>
#include <unistd.h>

#include "cfg_list.h"
#include "pol_access.h"

static void names_become_indexes_and_ports_numbers(void **)
{
	struct cfg cfg = sample_cfg();
	const struct pol_policy *p;
	const struct pol_image *img;
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	err_init(&err);
	assert_int_equal(
		compile_image(&(struct compile_input){.cfg = &cfg, .version = 42, .made_s = 99},
			&bytes, &n, &err),
		0);
	assert_int_equal(err.count, 0);
	img = sample_image(bytes, n);
	assert_int_equal(pol_head(img)->version, 42);
	assert_int_equal(pol_head(img)->made_s, 99);
	assert_int_equal(pol_count(img, POL_SEC_POLICIES), 2);
	p = pol_policy_at(img, 0);
	assert_string_equal(pol_string(img, p->name), "inside");
	assert_string_equal(pol_string(img, p->comment), "ours");
	assert_int_equal(p->action, POL_INSPECT);
	assert_int_equal(p->ingress, 1 << 1);
	assert_int_equal(p->context, 0);
	assert_int_equal(p->session, 0);
	assert_int_equal(p->content, 0);
	assert_int_equal(p->vlan_lo, 10);
	assert_int_equal(p->source.len, 120);
	p = pol_policy_at(img, 1);
	assert_int_equal(p->enabled, 0);
	assert_int_equal(p->context, POL_ANY);
	assert_int_equal(p->ingress, 0);
	assert_int_equal(p->session, POL_NONE);
	assert_int_equal(p->content, POL_NONE);
	assert_string_equal(pol_string(img, p->comment), "");
	assert_int_equal(pol_context_at(img, 0)->ports, 3);
	assert_int_equal(pol_session_at(img, 0)->idle_ms, 60000);
	assert_int_equal(pol_session_at(img, 0)->prevent_encryption, 1);
	assert_int_equal(pol_session_at(img, 0)->client_connections, 3);
	assert_int_equal(pol_session_at(img, 0)->client_rate, 4);
	assert_int_equal(pol_session_at(img, 0)->client_rate_min, 5);
	assert_int_equal(pol_session_at(img, 0)->client_messages, 6);
	assert_int_equal(pol_session_at(img, 0)->client_recipients, 7);
	assert_int_equal(pol_session_at(img, 0)->sender_messages, 8);
	assert_int_equal(pol_session_at(img, 0)->sender_recipients, 9);
	assert_int_equal(pol_session_at(img, 0)->sender_rate_min, 10);
	assert_int_equal(pol_session_at(img, 0)->check_three_way, 1);
	assert_int_equal(pol_session_at(img, 0)->total_connections, 100000);
	assert_int_equal(pol_session_at(img, 0)->endpoint_reputation, POL_REPUTATION_REJECT);
	assert_int_equal(pol_session_at(img, 0)->endpoint_trigger, 11);
	assert_int_equal(pol_session_at(img, 0)->endpoint_duration_min, 12);
	assert_int_equal(pol_session_at(img, 0)->sender_reputation, POL_REPUTATION_MONITOR);
	assert_int_equal(pol_session_at(img, 0)->throttle_at, 13);
	assert_int_equal(pol_session_at(img, 0)->tempfail_at, 14);
	assert_int_equal(pol_session_at(img, 0)->reject_at, 15);
	assert_int_equal(pol_session_at(img, 0)->throttle_messages, 16);
	assert_int_equal(pol_session_at(img, 0)->throttle_percent, 17);
	assert_int_equal(pol_session_at(img, 0)->auth_reputation, POL_REPUTATION_REJECT);
	assert_int_equal(pol_session_at(img, 0)->refuse_at, POL_REFUSE_RCPT);
	assert_int_equal(pol_content_at(img, 0)->threshold, 5);
	assert_string_equal(pol_string(img, pol_content_at(img, 0)->text), "No spam please");
	assert_true(pol_picks_up(img, 25) && pol_picks_up(img, 587) && !pol_picks_up(img, 26));
	assert_int_equal(pol_count(img, POL_SEC_PICKUP), 2);
	free(bytes);
}

static void the_image_decides_as_the_configuration_says(void **)
{
	struct cfg cfg = sample_cfg();
	struct pol_key key = {.context = 0, .ingress = 1, .vlan = 15, .port = 25};
	const struct pol_image *img;
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	err_init(&err);
	assert_int_equal(compile_image(&(struct compile_input){.cfg = &cfg}, &bytes, &n, &err), 0);
	img = sample_image(bytes, n);
	assert_int_equal(addr_parse("10.77.0.9", &key.source), 0);
	assert_int_equal(pol_match(img, &key), 0);
	key.ingress = 0;
	assert_int_equal(pol_match(img, &key), POL_NONE);
	assert_int_equal(pol_explain(img, &key, 0), POL_MISS_INGRESS);
	assert_int_equal(pol_explain(img, &key, 1), POL_MISS_DISABLED);
	free(bytes);
}

static void the_empty_image_picks_up_nothing(void **)
{
	const struct pol_image *img;
	uint8_t *bytes;
	size_t n;

	assert_int_equal(compile_empty(3, 4, &bytes, &n), 0);
	img = sample_image(bytes, n);
	assert_int_equal(pol_head(img)->version, 3);
	for (uint32_t port = 0; port <= UINT16_MAX; port++)
		assert_false(pol_picks_up(img, (uint16_t)port));
	assert_int_equal(pol_count(img, POL_SEC_POLICIES), 0);
	free(bytes);
}

static void pick_up_can_pass_or_drop_everything(void **)
{
	static const enum cfg_pick PICKS[] = {CFG_PICK_PROXY, CFG_PICK_PASS, CFG_PICK_DROP};
	struct pol_key key = {.port = 25};

	for (size_t i = 0; i < COUNT(PICKS); i++) {
		struct cfg cfg = sample_cfg();
		const struct pol_image *img;
		struct err_list err;
		uint8_t *bytes;
		size_t n;

		cfg.pickup.incoming = cfg.pickup.outgoing = PICKS[i];
		err_init(&err);
		assert_int_equal(
			compile_image(&(struct compile_input){.cfg = &cfg}, &bytes, &n, &err), 0);
		assert_int_equal(err.count, 0);
		img = sample_image(bytes, n);
		assert_int_equal(pol_picks_up(img, 25), PICKS[i] != CFG_PICK_PASS);
		assert_int_equal(pol_list_count(img), 2);
		if (PICKS[i] == CFG_PICK_PROXY)
			assert_int_equal(pol_match(img, &key), POL_NONE);
		else if (PICKS[i] == CFG_PICK_DROP)
			assert_int_equal(
				pol_policy_at(img, pol_match(img, &key))->action, POL_DROP);
		free(bytes);
	}
}

static void connections_to_the_host_are_taken_where_pickup_says_so(void **)
{
	struct cfg_pick_by by = {.ingress = "core", .local = true};
	struct cfg_address own = {.len = 128};
	static const struct {
		bool local;
		uint32_t nby;
		uint32_t records, access, core;
	} ROWS[] = {{false, 0, 0, 0, 0}, {true, 0, 2, 1, 1}, {false, 1, 2, 0, 1}};

	for (size_t i = 0; i < COUNT(ROWS); i++) {
		struct cfg cfg = sample_cfg();
		const struct pol_image *img;
		struct err_list err;
		uint8_t *bytes;
		size_t n;

		cfg.pickup.local = false;
		if (ROWS[i].local)
			cfg.pickup.local = true;
		cfg.pickup.by = &by;
		cfg.pickup.nby = ROWS[i].nby;
		cfg.dataplane.management =
			(struct cfg_management){.addresses = &own, .naddresses = 1};
		err_init(&err);
		assert_int_equal(
			compile_image(&(struct compile_input){.cfg = &cfg}, &bytes, &n, &err), 0);
		assert_int_equal(err.warnings, 0);
		img = sample_image(bytes, n);
		assert_int_equal(pol_count(img, POL_SEC_PICKS), ROWS[i].records);
		if (ROWS[i].records > 0) {
			assert_int_equal(pol_pick_at(img, 0)->local, ROWS[i].access);
			assert_int_equal(pol_pick_at(img, 1)->local, ROWS[i].core);
		}
		free(bytes);
	}
}

static void keys_of_pick_up_without_effect_are_warned_of(void **)
{
	static const struct {
		enum cfg_pick incoming, outgoing;
		bool local;
		const char *key; // NULL = no warning
	} ROWS[] = {
		{CFG_PICK_PROXY, CFG_PICK_PROXY, false, NULL},
		{CFG_PICK_DROP, CFG_PICK_DROP, false, NULL},
		{CFG_PICK_PASS, CFG_PICK_PROXY, false, "warning: pickup.incoming has no effect"},
		{CFG_PICK_PROXY, CFG_PICK_DROP, false, "warning: pickup.incoming has no effect"},
		{CFG_PICK_DROP, CFG_PICK_PROXY, false, NULL}, // as carriers write it
		{CFG_PICK_PROXY, CFG_PICK_PROXY, true, "warning: pickup.local has no effect"},
	};

	for (size_t i = 0; i < COUNT(ROWS); i++) {
		struct cfg cfg = sample_cfg();
		struct err_list err;
		uint8_t *bytes;
		size_t n;

		cfg.pickup.incoming = ROWS[i].incoming;
		cfg.pickup.outgoing = ROWS[i].outgoing;
		cfg.pickup.local = ROWS[i].local;
		err_init(&err);
		assert_int_equal(
			compile_image(&(struct compile_input){.cfg = &cfg}, &bytes, &n, &err), 0);
		assert_int_equal(err.warnings, ROWS[i].key != NULL);
		if (ROWS[i].key != NULL)
			assert_true(sample_has(&err, ROWS[i].key));
		free(bytes);
	}
}

// The two tables of the guide's examples 1 and 3, and a port that is not in a table.
static void each_port_and_direction_gets_its_own_word(void **)
{
	static struct cfg_pick_by by[] = {
		{.ingress = "access", .incoming = CFG_PICK_DROP, .outgoing = CFG_PICK_PASS},
		{.ingress = "core", .incoming = CFG_PICK_PROXY, .outgoing = CFG_PICK_DROP},
	};
	static struct cfg_port ports[] = {{.name = "access"}, {.name = "core"}, {.name = "third"}};
	static struct prefix servers[3];
	static struct cfg_domain domains[] = {
		{.name = "a.example", .servers = servers, .nservers = 2},
		{.name = "b.example", .servers = servers + 2, .nservers = 1},
		{.name = "none.example"},
	};
	static const struct {
		const char *server;
		uint16_t ingress;
		int action; // -1 = the list decides
	} ROWS[] = {
		{"192.0.2.25", 0, POL_DROP}, {"192.0.2.26", 0, POL_PASS},
		{"192.0.2.25", 1, -1}, {"192.0.2.26", 1, POL_DROP},
		{"198.51.100.0", 1, -1}, {"198.51.100.255", 1, -1}, {"198.51.101.0", 1, POL_DROP},
		{"198.51.99.255", 1, POL_DROP}, {"198.51.100.7", 1, -1},
		{"192.0.2.25", 2, -1}, {"192.0.2.26", 2, -1},
	};
	struct cfg cfg = sample_cfg();
	const struct pol_image *img;
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	assert_int_equal(prefix_parse("192.0.2.25", &servers[0]), 0);
	assert_int_equal(prefix_parse("198.51.100.0/24", &servers[1]), 0);
	assert_int_equal(prefix_parse("198.51.100.7", &servers[2]), 0); // inside the one before
	cfg.dataplane.ports = ports, cfg.dataplane.nports = COUNT(ports);
	cfg.pickup.by = by, cfg.pickup.nby = COUNT(by);
	cfg.domains = domains, cfg.ndomains = COUNT(domains);
	err_init(&err);
	assert_int_equal(compile_image(&(struct compile_input){.cfg = &cfg}, &bytes, &n, &err), 0);
	assert_int_equal(err.count + err.warnings, 0);
	img = sample_image(bytes, n);
	assert_int_equal(pol_list_count(img), 2);
	assert_int_equal(pol_count(img, POL_SEC_SERVERS), 2);
	for (size_t i = 0; i < COUNT(ROWS); i++) {
		struct pol_key key = {.ingress = ROWS[i].ingress, .port = 26};
		uint32_t found;

		assert_int_equal(addr_parse(ROWS[i].server, &key.destination), 0);
		found = pol_match(img, &key);
		assert_int_equal(found == POL_NONE ? -1 : (int)pol_policy_at(img, found)->action,
			ROWS[i].action);
	}
	free(bytes);
}

static void each_profile_blocks_its_own_servers(void **)
{
	static struct prefix first[4], second[1];
	static struct prefix own;
	static struct cfg_domain domain = {.name = "d", .servers = &own, .nservers = 1};
	static struct cfg_session sessions[] = {
		{.name = "first", .blocked = first, .nblocked = 4},
		{.name = "none"},
		{.name = "second", .blocked = second, .nblocked = 1},
	};
	static const struct {
		const char *server;
		bool blocked[3];
	} ROWS[] = {
		{"192.0.2.25", {true, false, false}},
		{"192.0.2.26", {false, false, false}},
		{"198.51.100.0", {true, false, false}},
		{"198.51.100.255", {true, false, false}},
		{"198.51.100.77", {false, false, false}}, // of a protected domain: incoming
		{"198.51.101.0", {false, false, false}},
		{"2001:db8::1", {true, false, false}},
		{"203.0.113.9", {false, false, true}},
	};
	struct cfg cfg = sample_cfg();
	const struct pol_image *img;
	struct addr server;
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	assert_int_equal(prefix_parse("198.51.100.7", &first[0]), 0); // inside the next
	assert_int_equal(prefix_parse("198.51.100.0/24", &first[1]), 0);
	assert_int_equal(prefix_parse("2001:db8::/32", &first[2]), 0);
	assert_int_equal(prefix_parse("192.0.2.25", &first[3]), 0);
	assert_int_equal(prefix_parse("203.0.113.0/24", &second[0]), 0);
	assert_int_equal(prefix_parse("198.51.100.77", &own), 0);
	cfg.sessions = sessions, cfg.nsessions = COUNT(sessions);
	cfg.domains = &domain, cfg.ndomains = 1;
	cfg.npolicies = 0;
	err_init(&err);
	assert_int_equal(compile_image(&(struct compile_input){.cfg = &cfg}, &bytes, &n, &err), 0);
	img = sample_image(bytes, n);
	assert_int_equal(pol_count(img, POL_SEC_BLOCKED), 4);
	for (size_t i = 0; i < COUNT(ROWS); i++) {
		assert_int_equal(addr_parse(ROWS[i].server, &server), 0);
		for (uint32_t s = 0; s < 3; s++)
			assert_int_equal(pol_is_blocked(img, s, &server), ROWS[i].blocked[s]);
		assert_false(pol_is_blocked(img, POL_NONE, &server));
	}
	free(bytes);
}

// The port tables and policies of the guide's three examples, from what ships.
static void the_examples_decide_as_the_guide_says(void **)
{
	static const struct {
		const char *example, *source, *destination;
		uint16_t ingress;
		const char *policy;
		int action;
	} ROWS[] = {
		// Incoming is scanned, outgoing passes, each on its side alone.
		{"server", "203.0.113.9", "192.0.2.25", 1, "inbound", POL_INSPECT},
		{"server", "2001:db8::9", "2001:db8:25::25", 1, "inbound", POL_INSPECT},
		{"server", "203.0.113.9", "192.0.2.26", 1, "pickup-drop", POL_DROP},
		{"server", "192.0.2.25", "203.0.113.9", 0, "pickup-pass", POL_PASS},
		{"server", "192.0.2.26", "192.0.2.25", 0, "pickup-drop", POL_DROP},
		{"hub", "203.0.113.99", "198.51.100.12", 1, "inbound", POL_INSPECT},
		{"hub", "203.0.113.9", "198.51.100.12", 1, "partners", POL_PASS},
		{"hub", "198.51.100.10", "203.0.113.9", 0, "pickup-pass", POL_PASS},
		// No protected domain: outgoing, whatever way; the subscribers' policy is first.
		{"carrier", "10.1.2.3", "203.0.113.9", 0, "internal", POL_INSPECT},
		{"carrier", "10.1.2.3", "10.9.9.9", 1, "internal", POL_INSPECT},
		{"carrier", "2001:db8::3", "2001:db8::4", 0, "internal6", POL_INSPECT},
		{"carrier", "203.0.113.9", "10.1.2.3", 1, "external", POL_INSPECT},
		{"carrier", "2a00::1", "2001:db8::4", 1, "external", POL_INSPECT},
		{"carrier-single-arm", "10.1.2.3", "203.0.113.9", 0, "internal", POL_INSPECT},
		{"carrier-single-arm", "2001:db8::3", "2001:db8::4", 0, "internal6", POL_INSPECT},
		{"carrier-single-arm", "203.0.113.9", "10.1.2.3", 0, "external", POL_INSPECT},
	};

	for (size_t i = 0; i < COUNT(ROWS); i++) {
		struct pol_key key = {.ingress = ROWS[i].ingress, .port = 25};
		const struct pol_image *img;
		struct err_list err;
		char path[512];
		struct cfg *cfg;
		uint8_t *bytes;
		uint32_t found;
		size_t n;

		(void)snprintf(path, sizeof(path), SOURCE_ROOT "/config/examples/%s.yaml",
			ROWS[i].example);
		err_init(&err);
		cfg = cfg_load(path, &err);
		assert_non_null(cfg);
		assert_int_equal(
			compile_image(&(struct compile_input){.cfg = cfg}, &bytes, &n, &err), 0);
		sample_print(&err);
		assert_int_equal(err.count + err.warnings, 0);
		img = sample_image(bytes, n);
		assert_int_equal(addr_parse(ROWS[i].source, &key.source), 0);
		assert_int_equal(addr_parse(ROWS[i].destination, &key.destination), 0);
		found = pol_match(img, &key);
		assert_int_not_equal(found, POL_NONE);
		assert_string_equal(
			pol_string(img, pol_policy_at(img, found)->name), ROWS[i].policy);
		assert_int_equal(pol_policy_at(img, found)->action, ROWS[i].action);
		free(bytes);
		cfg_free(cfg);
	}
}

static void what_an_image_cannot_hold_is_refused_with_its_place(void **)
{
	static const char *nowhere[] = {"nowhere"};
	static uint16_t zero[] = {0};
	struct cfg cfg = sample_cfg();
	struct cfg_policy policies[4];
	struct cfg_session session = cfg.sessions[0];
	struct cfg_content content = cfg.contents[0];
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	for (size_t i = 0; i < COUNT(policies); i++) {
		policies[i] = cfg.policies[0];
		policies[i].at =
			(struct cfg_place){.file = "test.yaml", .line = 10 + (unsigned)i, .col = 3};
	}
	policies[0].ingress = nowhere;
	policies[1].context = "nocontext";
	policies[2].session = "nosession";
	policies[3].content = "nocontent";
	session.idle_s = 86401;
	content.text = "two\r\n250 lines";
	cfg.policies = policies, cfg.npolicies = COUNT(policies);
	cfg.sessions = &session, cfg.contents = &content;
	cfg.pickup.ports = zero, cfg.pickup.nports = 1;
	err_init(&err);
	assert_int_equal(
		compile_image(&(struct compile_input){.cfg = &cfg}, &bytes, &n, &err), -EINVAL);
	assert_int_equal(err.count, 7);
	assert_true(sample_has(&err, "test.yaml:10:3: no port \"nowhere\""));
	assert_true(
		sample_has(&err, "test.yaml:11:3: policy \"inside\": no context \"nocontext\""));
	assert_true(sample_has(
		&err, "test.yaml:12:3: policy \"inside\": no session profile \"nosession\""));
	assert_true(sample_has(
		&err, "test.yaml:13:3: policy \"inside\": no content profile \"nocontent\""));
	assert_true(sample_has(&err, "at most a day"));
	assert_true(sample_has(&err, "text cannot be a reply"));
	assert_true(sample_has(&err, "number 0"));
}

static void too_many_of_anything_is_refused(void **)
{
	struct cfg cfg = sample_cfg();
	struct cfg_policy *policies = calloc(POL_POLICIES_MAX + 1, sizeof(*policies));
	struct cfg_context contexts[POL_CONTEXTS_MAX + 1] = {0};
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	for (unsigned i = 0; i <= POL_POLICIES_MAX; i++)
		policies[i].name = "p", policies[i].vlan_lo = 0xffff;
	for (size_t i = 0; i < COUNT(contexts); i++)
		contexts[i].name = "c";
	cfg.policies = policies, cfg.npolicies = POL_POLICIES_MAX;
	cfg.contexts = contexts, cfg.ncontexts = POL_CONTEXTS_MAX;
	err_init(&err);
	assert_int_equal(compile_image(&(struct compile_input){.cfg = &cfg}, &bytes, &n, &err), 0);
	free(bytes);
	cfg.npolicies++, cfg.ncontexts++;
	assert_int_equal(
		compile_image(&(struct compile_input){.cfg = &cfg}, &bytes, &n, &err), -EINVAL);
	assert_true(sample_has(&err, "policies are too many"));
	assert_true(sample_has(&err, "contexts are too many"));
	free(policies);
}

// A file of patterns, gone when `path` is unlinked.
static void patterns_write(char path[32], const char *text)
{
	int fd;

	(void)snprintf(path, 32, "/tmp/patterns-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static bool takes(const struct pol_image *img, uint32_t list, const char *address)
{
	struct pol_word w;

	pol_word_make(img, span_str(address), &w);
	return pol_list_takes(img, list, &w);
}

static void access_rules_and_lists_become_records(void **)
{
	static const char *senders[] = {"*@Example.org", "a?@example.net"};
	static struct cfg_access access[] = {
		{.name = "off", .action = POL_ACCESS_DISCARD},
		{.name = "closed", .enabled = true, .auth = POL_AUTH_NO, .action = POL_ACCESS_REJECT,
			.senders = senders, .nsenders = 2},
	};
	struct cfg cfg = sample_cfg();
	const struct pol_image *img;
	const struct pol_session *s;
	const struct pol_access *r;
	struct prefix clients[2];
	struct err_list err;
	uint8_t *bytes;
	char path[32];
	size_t n;

	patterns_write(path, "# ours\n\n  *@*.spam.example\t\r\nBad@example.org\nbad@EXAMPLE.org");
	assert_int_equal(prefix_parse("10.0.0.0/8", &clients[0]), 0);
	assert_int_equal(prefix_parse("fd77::1", &clients[1]), 0);
	access[1].clients = clients;
	access[1].nclients = 2;
	cfg.access = access;
	cfg.naccess = COUNT(access);
	cfg.sessions[0].lists[CFG_LIST_BLOCKED_SENDERS] =
		(struct cfg_list){.patterns = senders, .n = 1, .file = path};
	err_init(&err);
	assert_int_equal(compile_image(&(struct compile_input){.cfg = &cfg, .version = 9,
					       .made_s = 7}, &bytes, &n, &err), 0);
	img = sample_image(bytes, n);
	assert_int_equal(pol_count(img, POL_SEC_ACCESS), 2);
	r = pol_access_at(img, 0);
	assert_int_equal(r->enabled, 0);
	assert_int_equal(r->action, POL_ACCESS_DISCARD);
	assert_int_equal(r->sender, POL_NONE);
	r = pol_access_at(img, 1);
	assert_string_equal(pol_string(img, r->name), "closed");
	assert_int_equal(r->auth, POL_AUTH_NO);
	assert_int_equal(r->nclients, 2);
	assert_int_equal(pol_client_at(img, r->clients)->len, 104);
	assert_true(takes(img, r->sender, "x@example.ORG") && takes(img, r->sender, "ab@example.net"));
	assert_false(takes(img, r->sender, "x@example.com"));
	s = pol_session_at(img, 0);
	assert_int_equal(s->list[POL_LIST_SAFE_SENDERS], 0);
	assert_int_not_equal(s->list[POL_LIST_BLOCKED_SENDERS], 0);
	assert_true(takes(img, s->list[POL_LIST_BLOCKED_SENDERS] - 1, "x@a.b.spam.example"));
	assert_true(takes(img, s->list[POL_LIST_BLOCKED_SENDERS] - 1, "bad@example.org"));
	assert_true(takes(img, s->list[POL_LIST_BLOCKED_SENDERS] - 1, "x@example.org"));
	assert_false(takes(img, s->list[POL_LIST_BLOCKED_SENDERS] - 1, "x@spam.example"));
	assert_int_equal(unlink(path), 0);
	cfg.sessions[0].lists[CFG_LIST_BLOCKED_SENDERS] = (struct cfg_list){0};
	free(bytes);
}

static void a_bad_file_of_patterns_is_told_by_line_and_column(void **)
{
	struct cfg cfg = sample_cfg();
	struct err_list err;
	uint8_t *bytes;
	char path[32], want[128];
	size_t n;

	patterns_write(path, "a@b.example\n\n \tc d@e.example\n@f.example\n");
	cfg.sessions[0].lists[CFG_LIST_SAFE_SENDERS].file = path;
	err_init(&err);
	assert_int_equal(compile_image(&(struct compile_input){.cfg = &cfg}, &bytes, &n, &err), -EINVAL);
	(void)snprintf(want, sizeof(want), "%s:3:3: pattern byte 2 is 0x20", path);
	assert_true(sample_has(&err, want));
	(void)snprintf(want, sizeof(want), "%s:4:1: pattern \"@f.example\" begins with @", path);
	assert_true(sample_has(&err, want));
	assert_true(sample_has(&err, "session profile \"internal\": safe_senders_file cannot be used"));
	assert_int_equal(unlink(path), 0);
	err_init(&err);
	assert_int_equal(compile_image(&(struct compile_input){.cfg = &cfg}, &bytes, &n, &err), -EINVAL);
	assert_true(sample_has(&err, "cannot be opened"));
	cfg.sessions[0].lists[CFG_LIST_SAFE_SENDERS].file = NULL;
}

static void too_many_globs_are_refused_and_as_many_keys_are_not(void **)
{
	enum { N = CFG_GLOBS_MAX + 1 };
	static char text[N][32];
	static const char *patterns[N];
	struct cfg cfg = sample_cfg();
	struct cfg_list *list = &cfg.sessions[0].lists[CFG_LIST_SAFE_SENDERS];
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	for (int glob = 0; glob < 3; glob++) { // keys; as many globs as may be; one more
		for (int i = 0; i < N; i++) {
			(void)snprintf(text[i], sizeof(text[i]), glob ? "?%d@example.org" : "*@d%d.example", i);
			patterns[i] = text[i];
		}
		*list = (struct cfg_list){.patterns = patterns, .n = glob == 1 ? N - 1 : N};
		err_init(&err);
		assert_int_equal(compile_image(&(struct compile_input){.cfg = &cfg}, &bytes, &n, &err),
			glob == 2 ? -EINVAL : 0);
		if (glob == 2)
			assert_true(sample_has(&err, "safe_senders has 257 patterns with wildcards"));
		else
			free(bytes);
	}
	*list = (struct cfg_list){0};
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_become_indexes_and_ports_numbers),
		cmocka_unit_test(the_image_decides_as_the_configuration_says),
		cmocka_unit_test(the_empty_image_picks_up_nothing),
		cmocka_unit_test(pick_up_can_pass_or_drop_everything),
		cmocka_unit_test(connections_to_the_host_are_taken_where_pickup_says_so),
		cmocka_unit_test(keys_of_pick_up_without_effect_are_warned_of),
		cmocka_unit_test(each_port_and_direction_gets_its_own_word),
		cmocka_unit_test(each_profile_blocks_its_own_servers),
		cmocka_unit_test(the_examples_decide_as_the_guide_says),
		cmocka_unit_test(what_an_image_cannot_hold_is_refused_with_its_place),
		cmocka_unit_test(too_many_of_anything_is_refused),
		cmocka_unit_test(access_rules_and_lists_become_records),
		cmocka_unit_test(a_bad_file_of_patterns_is_told_by_line_and_column),
		cmocka_unit_test(too_many_globs_are_refused_and_as_many_keys_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
