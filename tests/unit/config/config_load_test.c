// SPDX-License-Identifier: BSD-3-Clause
// What a good configuration becomes: defaults, every kind of value, limits, the canonical print,
// and the part that is needed at start.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cfg.h"

#define DP                                                                                        \
	"dataplane: {workers: [1], ports: [{name: a, dev: net_tap0}, {name: b, dev: net_tap1}], " \
	"pairs: [[a, b]]}\n"

static struct err_list err;

static struct cfg *load(const char *text)
{
	struct cfg *c;

	err_init(&err);
	c = cfg_load_text(text, strlen(text), "f", "/etc/mailweir", &err);
	if (c == NULL)
		err_print(&err, stderr);
	return c;
}

static char *print(const struct cfg *c)
{
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);

	assert_non_null(f);
	cfg_print(c, f);
	assert_int_equal(fclose(f), 0);
	return out;
}

static void what_is_left_out_has_its_default(void **)
{
	struct cfg *c = load(DP "session_profiles: {s: {}}\ncontent_profiles: {c: {}}\n"
				"policies: [{name: p, action: inspect}]\n");

	assert_non_null(c);
	assert_int_equal(c->dataplane.mode, CFG_MODE_PAIR);
	assert_int_equal(c->dataplane.idle, CFG_IDLE_POLL);
	assert_int_equal(c->dataplane.hugepages, CFG_HUGE_AUTO);
	assert_int_equal(c->dataplane.main_core, 0);
	assert_int_equal(c->dataplane.flows, 1000000);
	assert_int_equal(c->dataplane.messages, 10000);
	assert_int_equal(c->dataplane.slabs, 65536);
	assert_int_equal(c->dataplane.memory_mb, 0);
	assert_int_equal(c->dataplane.image_max_mb, 64);
	assert_string_equal(c->dataplane.file_prefix, "mailweir");
	assert_int_equal(c->dataplane.neal_args, 0);
	assert_int_equal(c->dataplane.ports[0].mtu, 0);
	assert_string_equal(c->control.link, "/run/mailweir/link.sock");
	assert_string_equal(c->control.rpc, "/run/mailweir/rpc.sock");
	assert_string_equal(c->control.state_dir, "/var/lib/mailweir");
	assert_string_equal(c->control.event_log, "/var/log/mailweir/events.json");
	assert_string_equal(c->control.group, "");
	assert_string_equal(c->control.user_dataplane, "");
	assert_int_equal(c->pickup.nports, 1);
	assert_int_equal(c->pickup.ports[0], 25);
	assert_int_equal(c->pickup.outgoing, CFG_PICK_PROXY);
	assert_false(c->pickup.local);
	assert_int_equal(c->ncontexts, 1);
	assert_string_equal(c->contexts[0].name, "default");
	assert_int_equal(c->contexts[0].nports, 2);
	assert_string_equal(c->contexts[0].ports[1], "b");
	assert_string_equal(c->rules.file, "");
	assert_true(c->sessions[0].mask_unknown);
	assert_false(c->sessions[0].prevent_encryption);
	assert_false(c->sessions[0].strict_lines);
	assert_int_equal(c->sessions[0].idle_s, 0);
	assert_int_equal(c->sessions[0].client_connections, 0);
	assert_int_equal(c->sessions[0].client_rate, 0);
	assert_int_equal(c->sessions[0].client_rate_min, 30);
	assert_int_equal(c->sessions[0].total_connections, 0);
	assert_int_equal(c->sessions[0].client_messages, 0);
	assert_int_equal(c->sessions[0].client_recipients, 0);
	assert_int_equal(c->sessions[0].sender_messages, 0);
	assert_int_equal(c->sessions[0].sender_recipients, 0);
	assert_int_equal(c->sessions[0].sender_rate_min, 30);
	assert_false(c->sessions[0].check_three_way);
	assert_int_equal(c->contents[0].threshold, 5);
	assert_int_equal(c->contents[0].action, 0);
	assert_true(c->policies[0].enabled);
	assert_int_equal(c->policies[0].source.len, 0);
	assert_null(c->policies[0].context);
	assert_null(c->policies[0].session);
	assert_null(c->policies[0].content);
	assert_int_equal(c->policies[0].ningress, 0);
	assert_int_equal(c->policies[0].vlan_lo, 0xffff);
	assert_int_equal(c->policies[0].port_lo, 0);
	assert_int_equal(c->policies[0].port_hi, 0xffff);
	cfg_free(c);
}

static void every_kind_of_value_arrives(void **)
{
	struct cfg *c = load(
		DP "pickup: {ports: [25, 587, 2525], incoming: pass, outgoing: drop, local: on}\n"
		   "contexts: [{name: x, ports: [a, b], by_vlan: yes}]\n"
		   "rules: {file: /r}\n"
		   "session_profiles: {s: {strict_lines: refuse, possible_end: refuse, "
		   "mask_unknown: no}}\n"
		   "content_profiles: {c: {threshold: 7, action: monitor, text: \"No \\\"spam\\\" "
		   "here\"}}\n"
		   "policies:\n"
		   "  - {name: p, action: tempfail, comment: why, source: 10.0.0.0/24, "
		   "destination: \"fd00::1\",\n"
		   "     context: x, ingress: b, vlan: 10-20, port: 25-30, session: s, content: c, "
		   "enabled: off}\n"
		   "  - {name: q, action: drop, vlan: untagged, port: 25, ingress: [a, b], "
		   "session: none}\n");
	const struct cfg_policy *p, *q;

	assert_non_null(c);
	p = &c->policies[0];
	q = &c->policies[1];
	assert_int_equal(c->pickup.nports, 3);
	assert_int_equal(c->pickup.ports[2], 2525);
	assert_int_equal(c->pickup.incoming, CFG_PICK_PASS);
	assert_int_equal(c->pickup.outgoing, CFG_PICK_DROP);
	assert_true(c->pickup.local);
	assert_true(c->contexts[0].by_vlan);
	assert_true(c->sessions[0].strict_lines);
	assert_true(c->sessions[0].refuse_possible_end);
	assert_false(c->sessions[0].mask_unknown);
	assert_int_equal(c->contents[0].action, 3);
	assert_string_equal(c->contents[0].text, "No \"spam\" here");
	assert_int_equal(p->action, 3);
	assert_int_equal(p->source.len, 120);
	assert_int_equal(p->destination.len, 128);
	assert_string_equal(p->context, "x");
	assert_int_equal(p->ningress, 1);
	assert_string_equal(p->ingress[0], "b");
	assert_int_equal(p->vlan_lo, 10);
	assert_int_equal(p->vlan_hi, 20);
	assert_int_equal(p->port_lo, 25);
	assert_int_equal(p->port_hi, 30);
	assert_false(p->enabled);
	assert_int_equal(p->at.line, 8);
	assert_int_equal(q->vlan_lo, 0);
	assert_int_equal(q->vlan_hi, 0);
	assert_int_equal(q->port_hi, 25);
	assert_int_equal(q->ningress, 2);
	assert_null(q->session);
	cfg_free(c);
}

static void access_rules_and_lists_arrive(void **)
{
	struct cfg *c = load(
		DP "session_profiles: {s: {safe_senders: a@b.c, blocked_recipients: [x@y.z, \"*@w\"], "
		   "blocked_senders_file: lists/bad}}\n"
		   "access:\n"
		   "  - {name: r, action: discard, comment: why, enabled: no, client: 10.0.0.0/8, "
		   "auth: yes,\n"
		   "     helo: [h, i], sender: <>, recipient: \"*@b.c\"}\n"
		   "  - {name: t, action: relay, client: any, sender: any}\n");
	const struct cfg_access *r, *t;
	const struct cfg_list *l;

	assert_non_null(c);
	r = &c->access[0];
	t = &c->access[1];
	l = c->sessions[0].lists;
	assert_int_equal(c->naccess, 2);
	assert_string_equal(r->name, "r");
	assert_string_equal(r->comment, "why");
	assert_false(r->enabled);
	assert_int_equal(r->action, CFG_ACCESS_DISCARD);
	assert_int_equal(r->auth, CFG_AUTH_YES);
	assert_int_equal(r->nclients, 1);
	assert_int_equal(r->clients[0].len, 104);
	assert_int_equal(r->nhelo, 2);
	assert_string_equal(r->helo[1], "i");
	assert_string_equal(r->senders[0], "<>");
	assert_string_equal(r->recipients[0], "*@b.c");
	assert_true(t->enabled);
	assert_int_equal(t->auth, CFG_AUTH_ANY);
	assert_int_equal(t->nclients + t->nhelo + t->nsenders + t->nrecipients, 0);
	assert_int_equal(l[CFG_LIST_SAFE_SENDERS].n, 1);
	assert_int_equal(l[CFG_LIST_BLOCKED_SENDERS].n, 0);
	assert_string_equal(l[CFG_LIST_BLOCKED_SENDERS].file, "/etc/mailweir/lists/bad");
	assert_int_equal(l[CFG_LIST_BLOCKED_RECIPIENTS].n, 2);
	assert_string_equal(l[CFG_LIST_SAFE_RECIPIENTS].file, "");
	cfg_free(c);
}

static void devices_of_every_bus_are_taken(void **)
{
	static const char *const devs[] = {"0000:3b:00.1", "3b:00.1",
		"pci:0000:3b:00.0,representor=[0-3,5]", "net_af_xdp0,iface=enp1s0,start_queue=0",
		"net_memif0,role=server,socket=/run/memif.sock",
		"virtio_user0,path=/dev/vhost-net,iface=v0", "auxiliary:mlx5_core.sf.2",
		"eth_af_packet0,iface=x", "vdev:net_null0"};
	char text[512];

	for (size_t i = 0; i < sizeof(devs) / sizeof(devs[0]); i++) {
		struct cfg *c;

		(void)snprintf(text, sizeof(text),
			"dataplane: {mode: learn, workers: 1, ports: [{name: a, "
			"dev: \"%s\"}, {name: b, dev: net_tap9}]}\n",
			devs[i]);
		c = load(text);
		assert_non_null(c);
		assert_string_equal(c->dataplane.ports[0].dev, devs[i]);
		cfg_free(c);
	}
}

static void relative_paths_start_at_the_file(void **)
{
	struct cfg *c = load(DP "rules: {file: rules/own.rules}\n"
				"control: {event_log: \"-\", state_dir: state, rpc: /abs}\n");

	assert_non_null(c);
	assert_string_equal(c->rules.file, "/etc/mailweir/rules/own.rules");
	assert_string_equal(c->control.state_dir, "/etc/mailweir/state");
	assert_string_equal(c->control.event_log, "-");
	assert_string_equal(c->control.rpc, "/abs");
	cfg_free(c);
	err_init(&err);
	c = cfg_load_text(DP "rules: {file: r}\n", strlen(DP "rules: {file: r}\n"), "f", "/", &err);
	assert_non_null(c);
	assert_string_equal(c->rules.file, "/r");
	cfg_free(c);
}

static void aliases_repeat_a_value(void **)
{
	struct cfg *c = load(DP "session_profiles: {s: &x {idle_s: 60}, t: *x}\n");

	assert_non_null(c);
	assert_int_equal(c->nsessions, 2);
	assert_int_equal(c->sessions[1].idle_s, 60);
	assert_string_equal(c->sessions[1].name, "t");
	cfg_free(c);
}

// 10,000 policies of 71 nodes and 1,000 profiles of 500, each written once. All of the profiles
// would give 249,000 errors (a key there twice); the walk stops at a million nodes, long before.
static void aliases_are_counted_each_time(void **)
{
	enum { CAP = 256 << 10 };
	char *text = malloc(CAP);
	size_t n;

	assert_non_null(text);
	n = (size_t)snprintf(text, CAP, DP "policies:\n  - &p {name: p, action: pass, ingress: [a");
	for (int i = 1; i < 64; i++)
		n += (size_t)snprintf(text + n, CAP - n, ",a");
	n += (size_t)snprintf(text + n, CAP - n, "]}\n");
	for (int i = 1; i < 10000; i++)
		n += (size_t)snprintf(text + n, CAP - n, "  - *p\n");
	n += (size_t)snprintf(text + n, CAP - n, "session_profiles:\n  p0: &x {idle_s: 60");
	for (int i = 1; i < 250; i++)
		n += (size_t)snprintf(text + n, CAP - n, ", idle_s: 60");
	n += (size_t)snprintf(text + n, CAP - n, "}\n");
	for (int i = 1; i < 1000; i++)
		n += (size_t)snprintf(text + n, CAP - n, "  p%d: *x\n", i);
	err_init(&err);
	assert_null(cfg_load_text(text, n, "f", NULL, &err));
	assert_in_range(err.count, 100000, 200000);
	free(text);
}

static void a_hundred_thousand_nodes_load_and_a_million_do_not(void **)
{
	enum { POLICIES = 10001, CAP = 4 << 20 };
	char *text = malloc(CAP);
	size_t n;
	struct cfg *c;

	assert_non_null(text);
	n = (size_t)snprintf(text, CAP, DP "policies:\n");
	for (int i = 0; i < POLICIES - 1; i++)
		n += (size_t)snprintf(text + n, CAP - n,
			"- {name: p%d, action: pass, source: 10.%d.%d.0/24}\n", i, i / 256,
			i % 256);
	err_init(&err);
	c = cfg_load_text(text, n, "f", NULL, &err);
	assert_non_null(c);
	assert_int_equal(c->npolicies, POLICIES - 1);
	assert_int_equal(err.kept, 0);
	cfg_free(c);

	(void)snprintf(text + n, CAP - n, "- {name: last, action: pass}\n");
	assert_null(load(text));
	assert_string_equal(err.text[0], "f:3:1: policies has 10001 entries; the limit is 10000");

	n = (size_t)snprintf(text, CAP, "a: [");
	memset(text + n, 0, CAP - n);
	for (int i = 0; i < 1000000; i++)
		n += (size_t)snprintf(text + n, CAP - n, "1,");
	err_init(&err);
	assert_null(cfg_load_text(text, n, "f", NULL, &err));
	assert_non_null(strstr(err.text[0], "too many values; the limit is 1000000"));
	free(text);
}

static void more_than_64_megabytes_are_not_looked_at(void **)
{
	size_t n = (64u << 20) + 1;
	char *text = malloc(n);

	assert_non_null(text);
	memset(text, '#', n);
	err_init(&err);
	assert_null(cfg_load_text(text, n, "f", NULL, &err));
	assert_string_equal(err.text[0], "f: is too large; the limit is 64 MB");
	free(text);
}

static void errors_beyond_the_twentieth_are_counted(void **)
{
	enum { CAP = 4096 };
	char text[CAP];
	size_t n = (size_t)snprintf(text, CAP, DP);

	for (int i = 0; i < 25; i++)
		n += (size_t)snprintf(text + n, CAP - n, "bad%d: 1\n", i);
	err_init(&err);
	assert_null(cfg_load_text(text, n, "f", NULL, &err));
	assert_int_equal(err.count, 25);
	assert_int_equal(err.kept, ERR_MAX);
}

static void errors_from_before_do_not_fail_a_good_file(void **)
{
	struct cfg *c;

	err_init(&err);
	err_add(&err, "of something else");
	c = cfg_load_text(DP, strlen(DP), "f", NULL, &err);
	assert_non_null(c);
	cfg_free(c);
}

static void loading_the_print_prints_the_same(void **)
{
	struct cfg *c = load(DP "control: {group: \"a\\\\\\\"b\", event_log: \"-\"}\n"
				"contexts: [{name: x, ports: [a, b]}]\n"
				"session_profiles: {s: {idle_s: 60}, 17: {}, null: {}}\n"
				"content_profiles: {c: {text: \"it's 100% #spam: yes\"}}\n"
				"policies:\n"
				"  - {name: true, action: inspect, session: \"null\", source: "
				"\"::ffff:10.0.0.0/104\", comment: \"a: b # c\"}\n"
				"  - {name: q, action: drop, vlan: untagged, port: 1-65535, "
				"ingress: a, context: x}\n"
				"access:\n"
				"  - {name: r, action: bypass, client: [10.0.0.1, \"fd00::/8\"], "
				"auth: no, sender: [<>, \"*@b.c\", \"~\"]}\n"
				"  - {name: t, action: relay, recipient: \"null\", helo: \"#\"}\n"),
		   *d;
	char *first, *second;

	assert_non_null(c);
	first = print(c);
	d = load(first);
	assert_non_null(d);
	second = print(d);
	assert_string_equal(first, second);
	assert_string_equal(d->contents[0].text, "it's 100% #spam: yes");
	assert_string_equal(d->control.group, "a\\\"b");
	assert_string_equal(d->policies[0].name, "true");
	assert_int_equal(d->access[0].nsenders, 3);
	assert_string_equal(d->access[0].senders[2], "~");
	assert_string_equal(d->access[1].recipients[0], "null");
	cfg_free(c);
	cfg_free(d);
	free(first);
	free(second);
}

// Every prefix of a good text: an error or not, but never a fault (run under the sanitizers).
static void a_text_cut_anywhere_is_survived(void **)
{
	static const char text[] =
		DP "control: {rpc: /x}\nsession_profiles: {s: {idle_s: 60}}\n"
		   "policies:\n  - &p {name: p, action: inspect, session: s, vlan: 1-2}\n  - *p\n";

	for (size_t n = 0; n < sizeof(text); n++) {
		err_init(&err);
		cfg_free(cfg_load_text(text, n, "f", NULL, &err));
	}
}

static void what_only_a_start_changes_is_named(void **)
{
	struct cfg *running = load(DP), *same = load(DP "policies: [{name: p, action: pass}]\n");
	struct cfg *other = load("dataplane: {workers: [1, 2], flows: 5000, mode: learn, ports: "
				 "[{name: a, dev: net_tap0}, {name: b, dev: net_tap7}]}\n"
				 "control: {rpc: /x}\npickup: {ports: 26}\n");
	static const char *const want[] = {"mode", "workers", "ports", "pairs", "flows", "rpc"};

	assert_true(running != NULL && same != NULL && other != NULL);
	err_init(&err);
	cfg_warn_restart(running, same, &err);
	assert_int_equal(err.kept, 0);
	cfg_warn_restart(running, other, &err);
	assert_false(err_any(&err));
	assert_int_equal(err.kept, sizeof(want) / sizeof(want[0]));
	for (unsigned i = 0; i < err.kept; i++)
		assert_non_null(strstr(err.text[i], want[i]));
	assert_string_equal(err.text[5],
		"f: warning: control.rpc differs from what runs; it takes effect at the next start");
	cfg_free(running);
	cfg_free(same);
	cfg_free(other);
}

static char path[] = "/tmp/config_load_test.XXXXXX";

static void file_write(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int file_make(void **)
{
	int fd;

	(void)snprintf(path, sizeof(path), "/tmp/config_load_test.XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	return close(fd);
}

static int file_remove(void **)
{
	return unlink(path);
}

static void the_start_needs_only_dataplane_and_control(void **)
{
	struct cfg *c;

	file_write(DP "control: {rpc: /x}\npolicies: [{bad: 1}]\nradius: {}\n");
	err_init(&err);
	assert_null(cfg_load(path, &err));
	assert_true(err_any(&err));
	err_init(&err);
	c = cfg_load_boot(path, &err);
	assert_non_null(c);
	assert_int_equal(err.kept, 0);
	assert_string_equal(c->control.rpc, "/x");
	assert_int_equal(c->dataplane.nports, 2);
	assert_int_equal(c->npolicies, 0);
	assert_int_equal(c->ncontexts, 0);
	assert_int_equal(c->pickup.nports, 0);
	cfg_free(c);
}

static void the_start_fails_on_a_bad_dataplane(void **)
{
	file_write("dataplane: {workers: [], ports: []}\n");
	err_init(&err);
	assert_null(cfg_load_boot(path, &err));
	assert_int_equal(err.count, 2);
}

static void a_file_that_is_not_there_is_one_error(void **)
{
	err_init(&err);
	assert_null(cfg_load("/nonexistent/f.yaml", &err));
	assert_string_equal(
		err.text[0], "/nonexistent/f.yaml: cannot be opened; No such file or directory");
	assert_int_equal(err.count, 1);
	err_init(&err);
	assert_null(cfg_load("/tmp", &err));
	assert_string_equal(err.text[0], "/tmp: is a folder; only a file can be read again when it is needed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_out_has_its_default),
		cmocka_unit_test(every_kind_of_value_arrives),
		cmocka_unit_test(access_rules_and_lists_arrive),
		cmocka_unit_test(devices_of_every_bus_are_taken),
		cmocka_unit_test(relative_paths_start_at_the_file),
		cmocka_unit_test(aliases_repeat_a_value),
		cmocka_unit_test(aliases_are_counted_each_time),
		cmocka_unit_test(a_hundred_thousand_nodes_load_and_a_million_do_not),
		cmocka_unit_test(more_than_64_megabytes_are_not_looked_at),
		cmocka_unit_test(errors_beyond_the_twentieth_are_counted),
		cmocka_unit_test(errors_from_before_do_not_fail_a_good_file),
		cmocka_unit_test(loading_the_print_prints_the_same),
		cmocka_unit_test(a_text_cut_anywhere_is_survived),
		cmocka_unit_test(what_only_a_start_changes_is_named),
		cmocka_unit_test_setup_teardown(
			the_start_needs_only_dataplane_and_control, file_make, file_remove),
		cmocka_unit_test_setup_teardown(
			the_start_fails_on_a_bad_dataplane, file_make, file_remove),
		cmocka_unit_test(a_file_that_is_not_there_is_one_error),
	};

	return cmocka_run_group_tests_name("config load", tests, NULL, NULL);
}
