// SPDX-License-Identifier: BSD-3-Clause
// store:, radius: and reputation:, and what a session profile makes of them: what is read, what is wrong word
// for word, what is told, and where names of attributes are.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cfg.h"

// Line 1 to 3 of most cases; what is looked at begins in line 4.
#define PORTS "ports: [{name: a, dev: net_tap0}, {name: b, dev: net_tap1}], pairs: [[a, b]]"
#define HEAD                                                                    \
	"dataplane: {workers: [1], " PORTS "}\n"                                \
	"rules: {file: r}\ncontent_profiles: {c: {}}\n"
#define TAIL "policies: [{name: p, action: inspect, content: c}]\n"
#define NAS "{prefix: 10.0.0.0/8, secret_file: k"

struct row {
	const char *name, *text, *want; // want: lines
};

static const struct row rows[] = {
	{"everything as it may be written",
		HEAD "store: {file: memory, on_loss: stop_pickup}\n"
		     "radius: {listen: [\"0.0.0.0:1813\", \"[::]:1813\"], dictionary: d, idle_min: 0, "
		     "nas: [" NAS ", byte_order: host, id: User-Name, address: [Framed-IP-Address, "
		     "Framed-IPv6-Prefix], port_first: A, port_last: B, respond: no}]}\n"
		     "reputation: {endpoint: {window_min: 1440}, sender: {prefixes4: [24, 32], prefixes6: "
		     "48, windows_min: [30, 720], spam: 0, k: 1}, auth: {failures: 1}, hook: {command: "
		     "/bin/true}}\n"
		     "session_profiles: {s: {endpoint_reputation: {action: reject, trigger: 0, "
		     "duration_min: 525600}, sender_reputation: {action: monitor, throttle_at: 0}, "
		     "auth_reputation: {action: reject}, refuse_at: rcpt}}\n" TAIL,
		""},
	{"a single socket in place of the list",
		HEAD "radius: {listen: 127.0.0.1:1813, nas: [" NAS "}]}\n" TAIL, ""},

	{"a socket without a port", HEAD "radius: {listen: 0.0.0.0}\n" TAIL,
		"f:4:18: \"0.0.0.0\" is no socket; IPv4:PORT as 0.0.0.0:1813 and [IPv6]:PORT as "
		"[::]:1813 are\n"},
	{"a socket of IPv6 without brackets", HEAD "radius: {listen: [\"::1:1813\"]}\n" TAIL,
		"f:4:19: \"::1:1813\" is no socket; IPv4:PORT as 0.0.0.0:1813 and [IPv6]:PORT as "
		"[::]:1813 are\n"},
	{"a socket twice",
		HEAD "radius: {listen: [\"[::]:1813\", \"[::]:1813\"], nas: [" NAS "}]}\n" TAIL,
		"f:4:32: \"[::]:1813\" is there twice; once will do\n"},
	{"a NAS needs prefix and secret", HEAD "radius: {listen: 0.0.0.0:1813, nas: [{}]}\n" TAIL,
		"f:4:38: key \"prefix\" is missing in radius.nas[]; it has no default\n"
		"f:4:38: key \"secret_file\" is missing in radius.nas[]; it has no default\n"},
	{"a key that is none names the nearest",
		HEAD "radius: {listen: 0.0.0.0:1813, nas: [" NAS ", secret: x}]}\n" TAIL,
		"f:4:75: unknown key \"secret\" in radius.nas[]; the nearest known one is "
		"\"secret_file\"\n"},
	{"a secret that is standard input",
		HEAD "radius: {listen: 0.0.0.0:1813, nas: [{prefix: 10.0.0.1, secret_file: \"-\"}]}\n" TAIL,
		"f:4:70: radius.nas[].secret_file: -: standard input cannot be read again; name a "
		"file\n"},
	{"two NAS of one prefix",
		HEAD "radius:\n  listen: 0.0.0.0:1813\n  nas:\n    - " NAS "}\n    - " NAS "}\n" TAIL,
		"f:8:16: 10.0.0.0/8 is there twice; it is already in line 7\n"},
	{"two NAS of one name",
		HEAD "radius:\n  listen: 0.0.0.0:1813\n  nas:\n"
		     "    - {name: g, prefix: 10.0.0.0/8, secret_file: k}\n"
		     "    - {prefix: 10.0.0.0/9, name: g, secret_file: k}\n" TAIL,
		"f:8:34: NAS \"g\" is there twice; the name is already in line 7\n"},
	{"a context that there is not",
		HEAD "radius: {listen: 0.0.0.0:1813, nas: [" NAS ", context: defualt}]}\n" TAIL,
		"f:4:84: there is no context \"defualt\"; the nearest is \"default\"\n"},
	{"the default context, where contexts have other names",
		HEAD "contexts: [{name: x, ports: [a, b]}]\n"
		     "radius: {listen: 0.0.0.0:1813, nas: [" NAS "}]}\n" TAIL,
		"f:5:38: there is no context \"default\"; the nearest is \"x\"\n"},
	{"a network of a context that is one",
		HEAD "radius: {listen: 0.0.0.0:1813, nas: [" NAS ", vlan: 7}]}\n" TAIL,
		"f:4:81: context \"default\" is one network; vlan needs one by_vlan\n"},
	{"a network of a context that has several",
		HEAD "contexts: [{name: x, ports: [a, b], by_vlan: true}]\n"
		     "radius: {listen: 0.0.0.0:1813, nas: [" NAS ", context: x, vlan: 7}]}\n" TAIL,
		""},
	{"a tag that is none",
		HEAD "radius: {listen: 0.0.0.0:1813, nas: [" NAS ", vlan: 4095}]}\n" TAIL,
		"f:4:81: radius.nas[].vlan: 4095 is out of range; 0 or 1..4094 is allowed (tag)\n"},
	{"a block of ports with one end",
		HEAD "radius: {listen: 0.0.0.0:1813, nas: [" NAS ", port_last: X}]}\n" TAIL,
		"f:4:86: port_first and port_last belong together; a block has both ends\n"},
	{"five attributes of addresses",
		HEAD "radius: {listen: 0.0.0.0:1813, nas: [" NAS ", address: [a, b, c, d, e]}]}\n" TAIL,
		"f:4:84: radius.nas[].address has 5 entries; 1 to 4 are needed\n"},
	{"no attribute of addresses",
		HEAD "radius: {listen: 0.0.0.0:1813, nas: [" NAS ", address: []}]}\n" TAIL,
		"f:4:84: radius.nas[].address has 0 entries; 1 to 4 are needed\n"},

	{"a window of subscribers that is none",
		HEAD "reputation: {endpoint: {window_min: 45}}\n" TAIL,
		"f:4:37: 45 is no window; 15, 30, 60, 90, 120, 240, 360, 480 and 1440 minutes are\n"},
	{"a window of subscribers that is too long is said once",
		HEAD "reputation: {endpoint: {window_min: 2000}}\n" TAIL,
		"f:4:37: reputation.endpoint.window_min: 2000 is out of range; 15..1440 is allowed "
		"(minutes)\n"},
	{"windows of senders",
		HEAD "reputation: {sender: {windows_min: [30, 45, 30, 60, 90]}}\n" TAIL,
		"f:4:36: reputation.sender.windows_min has 5 entries; 1 to 4 are needed\n"
		"f:4:41: 45 is no multiple of 30; events are counted by the half hour\n"
		"f:4:45: 30 is there twice; once will do\n"},
	{"lengths of prefixes",
		HEAD "reputation: {sender: {prefixes4: [24, 24], prefixes6: []}}\n" TAIL,
		"f:4:39: 24 is there twice; once will do\n"
		"f:4:55: reputation.sender.prefixes6 has 0 entries; 1 to 4 are needed\n"},
	{"a length that is none", HEAD "reputation: {sender: {prefixes4: [33]}}\n" TAIL,
		"f:4:35: reputation.sender.prefixes4: 33 is out of range; 8..32 is allowed (bits)\n"},
	{"trigger and duration out of range",
		HEAD "session_profiles: {s: {endpoint_reputation: {trigger: 10001, duration_min: 0}}}\n" TAIL,
		"f:4:55: session_profiles.*.endpoint_reputation.trigger: 10001 is out of range; "
		"0..10000 is allowed (messages)\n"
		"f:4:76: session_profiles.*.endpoint_reputation.duration_min: 0 is out of range; "
		"1..525600 is allowed (minutes)\n"},
	{"a score beyond the worst",
		HEAD "session_profiles: {s: {sender_reputation: {reject_at: 101}}}\n" TAIL,
		"f:4:55: session_profiles.*.sender_reputation.reject_at: 101 is out of range; 0 or "
		"1..100 is allowed (points)\n"},
	{"reputation that is no map", HEAD "session_profiles: {s: {auth_reputation: reject}}\n" TAIL,
		"f:4:41: session_profiles.*.auth_reputation must be a map; it is a single value\n"},
	{"an action that there is not",
		HEAD "session_profiles: {s: {auth_reputation: {action: deny}}}\n" TAIL,
		"f:4:50: session_profiles.*.auth_reputation.action: \"deny\" is not known; it is one "
		"of: off, monitor, reject\n"},

	{"who may send, where nobody listens", HEAD "radius: {nas: [" NAS "}]}\n" TAIL,
		"f:4:15: warning: radius.nas is not used; radius.listen has no socket\n"},
	{"nobody may send", HEAD "radius: {listen: 0.0.0.0:1813}\n" TAIL,
		"f:4:18: warning: radius.nas is empty; nobody may send accounting, all of it is "
		"dropped\n"},
	{"a server without room",
		"dataplane: {bindings: 0, workers: [1], " PORTS "}\n"
		"rules: {file: r}\ncontent_profiles: {c: {}}\n"
		"radius: {listen: 0.0.0.0:1813, nas: [" NAS "}]}\n"
		"session_profiles: {s: {endpoint_reputation: {action: reject}}}\n" TAIL,
		"f:4:18: warning: dataplane.bindings is 0; there is no accounting server then\n"
		"f:5:54: warning: endpoint_reputation has no effect; dataplane.bindings is 0, so no "
		"subscriber is known\n"},
	{"a NAS that proves nothing",
		HEAD "radius: {listen: 0.0.0.0:1813, nas: [" NAS ", validate: false}]}\n" TAIL,
		"f:4:85: warning: without validate whoever can send from this prefix says who has "
		"which address\n"},
	{"reputation that nothing feeds",
		"dataplane: {senders: 0, workers: [1], " PORTS "}\n"
		"rules: {file: r}\ncontent_profiles: {c: {}}\n"
		"session_profiles: {s: {endpoint_reputation: {action: monitor}, sender_reputation: "
		"{action: reject}, auth_reputation: {action: reject}}}\n" TAIL,
		"f:4:54: warning: endpoint_reputation has no effect; radius.listen has no socket, so "
		"no subscriber is known\n"
		"f:4:92: warning: sender_reputation has no effect; dataplane.senders is 0\n"
		"f:4:127: warning: auth_reputation has no effect; dataplane.senders is 0 and no "
		"subscriber is known\n"},
	{"steps that no score comes to",
		HEAD "session_profiles: {s: {sender_reputation: {action: reject, throttle_at: 50, "
		     "tempfail_at: 50, reject_at: 50}}}\n" TAIL,
		"f:4:90: warning: tempfail_at decides nothing; over 50 is rejected\n"
		"f:4:73: warning: throttle_at decides nothing; over 50 is refused\n"},
	{"steps that are off", HEAD "session_profiles: {s: {sender_reputation: {action: reject, throttle_at: "
				    "50, tempfail_at: 0, reject_at: 0}}}\n" TAIL,
		""},
};

static void row_is_as_wanted(void **state)
{
	const struct row *row = *state;
	struct err_list err;
	struct cfg *c;
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);

	assert_non_null(f);
	err_init(&err);
	c = cfg_load_text(row->text, strlen(row->text), "f", "/etc/mailweir", &err);
	err_print(&err, f);
	assert_int_equal(fclose(f), 0);
	assert_string_equal(out, row->want);
	assert_int_equal(c == NULL, err_any(&err)); // warnings alone do not refuse
	cfg_free(c);
	free(out);
}

static struct cfg *load(const char *text)
{
	struct err_list err;
	struct cfg *c;

	err_init(&err);
	c = cfg_load_text(text, strlen(text), "f", "/etc/mailweir", &err);
	assert_non_null(c);
	return c;
}

static void what_is_written_is_what_is_read(void **state)
{
	struct cfg *c = load(rows[0].text);
	const struct cfg_nas *n = c->radius.nas;
	const struct cfg_session *p = c->sessions;

	(void)state;
	assert_string_equal(c->store.file, CFG_STORE_MEMORY);
	assert_int_equal(c->store.on_loss, CFG_LOSS_STOP_PICKUP);
	assert_int_equal(c->dataplane.bindings, 100000);
	assert_int_equal(c->radius.nlisten, 2);
	assert_string_equal(c->radius.dictionary, "/etc/mailweir/d");
	assert_int_equal(c->radius.idle_min, 0);
	assert_string_equal(n->secret_file, "/etc/mailweir/k");
	assert_string_equal(n->name, "");
	assert_true(n->validate && !n->respond && n->host_order);
	assert_string_equal(n->id, "User-Name");
	assert_string_equal(n->address[1], "Framed-IPv6-Prefix");
	assert_int_equal(c->reputation.endpoint.window_min, 1440);
	assert_int_equal(c->reputation.sender.lengths4[0], 24);
	assert_int_equal(c->reputation.sender.lengths6[0], 48);
	assert_int_equal(c->reputation.sender.windows_min[1], 720);
	assert_int_equal(c->reputation.sender.spam, 0);
	assert_int_equal(c->reputation.auth.window_min, 30);
	assert_string_equal(c->reputation.hook.command, "/bin/true");
	assert_int_equal(p->endpoint_reputation.action, CFG_REPUTATION_REJECT);
	assert_int_equal(p->endpoint_reputation.duration_min, 525600);
	assert_int_equal(p->sender_reputation.action, CFG_REPUTATION_MONITOR);
	assert_int_equal(p->sender_reputation.throttle_at, 0);
	assert_int_equal(p->sender_reputation.reject_at, 80);
	assert_int_equal(p->refuse_at, CFG_REFUSE_RCPT);
	cfg_free(c);
}

static void attributes_have_places_where_they_are_written_or_their_nas_is(void **state)
{
	struct cfg *c = load(HEAD "radius:\n  listen: 127.0.0.1:1813\n  nas:\n    - " NAS ", id: X,\n"
				  "       address: [Y, Z], port_first: P, port_last: Q}\n"
				  "    - {prefix: 10.0.0.1, secret_file: k}\n" TAIL);
	const struct cfg_nas *n = c->radius.nas;

	(void)state;
	assert_int_equal(n[0].id_at.line, 7);
	assert_int_equal(n[0].id_at.col, 48);
	assert_int_equal(n[0].address_at[1].line, 8);
	assert_int_equal(n[0].address_at[1].col, 21);
	assert_int_equal(n[0].port_first_at.col, 37);
	assert_int_equal(n[0].port_last_at.col, 51);
	assert_int_equal(n[1].id_at.line, 9);
	assert_int_equal(n[1].address_at[0].line, 9);
	assert_string_equal(n[1].id_at.file, "f");
	cfg_free(c);
}

// Keys of this machine: secrets and databases go into no revision and no export.
static void no_file_of_these_is_part_of_a_configuration(void **state)
{
	struct cfg *c = load(rows[0].text);
	const char **paths;
	uint32_t n;

	(void)state;
	assert_int_equal(cfg_files(c, &paths, &n), 0);
	assert_int_equal(n, 0);
	free(paths);
	cfg_free(c);
}

static void services_are_read_whatever_the_rest_says(void **state)
{
	static const char text[] = "dataplane: {wrong: 1}\nnonsense: 7\n"
				   "store: {file: x.db}\n"
				   "radius: {listen: 127.0.0.1:1813, idle_min: 3, nas: [{nonsense: 1}]}\n";
	struct err_list err;
	struct cfg *c;

	(void)state;
	err_init(&err);
	c = cfg_load_services(text, sizeof(text) - 1, "f", "/d", &err);
	assert_non_null(c);
	assert_string_equal(c->store.file, "/d/x.db");
	assert_int_equal(c->radius.nlisten, 1);
	assert_int_equal(c->radius.idle_min, 3);
	assert_int_equal(c->radius.nnas, 0);
	cfg_free(c);
}

static void services_that_are_wrong_are_none(void **state)
{
	static const char text[] = "radius: {listen: 127.0.0.1}\nstore: {file: 7, on_loss: never}\n";
	struct err_list err;

	(void)state;
	err_init(&err);
	assert_null(cfg_load_services(text, sizeof(text) - 1, "f", "/d", &err));
	assert_int_equal(err.count, 2);
}

static void a_commit_brings_no_other_socket(void **state)
{
	struct cfg *a = load(HEAD "radius: {listen: 127.0.0.1:1813, nas: [" NAS "}]}\n" TAIL);
	struct cfg *b = load(HEAD "radius: {listen: 127.0.0.2:1813}\nstore: {file: memory}\n" TAIL);
	struct err_list err;

	(void)state;
	err_init(&err);
	cfg_warn_restart(a, b, &err);
	assert_int_equal(err.kept, 2); // of NAS it brings others
	assert_string_equal(err.text[0],
		"f: warning: store.file differs from what runs; it takes effect at the next start");
	assert_string_equal(err.text[1],
		"f: warning: radius.listen differs from what runs; it takes effect at the next start");
	cfg_free(a);
	cfg_free(b);
}

static void each_window_of_subscribers_is_taken(void **)
{
	static const uint16_t windows[] = {15, 30, 60, 90, 120, 240, 360, 480, 1440};
	char text[1024];

	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		(void)snprintf(text, sizeof(text),
			HEAD "reputation: {endpoint: {window_min: %u}}\n" TAIL, windows[i]);
		struct cfg *c = load(text);

		assert_int_equal(c->reputation.endpoint.window_min, windows[i]);
		cfg_free(c);
	}
}

int main(void)
{
	enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
	static struct CMUnitTest tests[ROWS];
	const struct CMUnitTest others[] = {
		cmocka_unit_test(what_is_written_is_what_is_read),
		cmocka_unit_test(each_window_of_subscribers_is_taken),
		cmocka_unit_test(attributes_have_places_where_they_are_written_or_their_nas_is),
		cmocka_unit_test(no_file_of_these_is_part_of_a_configuration),
		cmocka_unit_test(services_are_read_whatever_the_rest_says),
		cmocka_unit_test(services_that_are_wrong_are_none),
		cmocka_unit_test(a_commit_brings_no_other_socket),
	};
	int failed;

	for (size_t i = 0; i < ROWS; i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
			.test_func = row_is_as_wanted,
			.initial_state = (void *)(uintptr_t)&rows[i]};
	failed = cmocka_run_group_tests_name("config reputation rows", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("config reputation", others, NULL, NULL);
}
