// SPDX-License-Identifier: BSD-3-Clause
// Interfaces and routes of mode routed: what is read, and what is wrong, word for word.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cfg.h"

// What is looked at begins in line 4, or in line 5 behind good interfaces.
#define HEAD                                                                               \
	"dataplane:\n  mode: routed\n  workers: [1]\n  ports: [{name: a, dev: net_tap0}, " \
	"{name: b, dev: net_tap1}]\n"
#define ARMS                                                                             \
	"  interfaces: [{name: x, port: a, addresses: [192.0.2.2/24, \"fd00::2/64\"]}, " \
	"{name: y, port: b, addresses: [198.51.100.2/24]}]\n"
#define POL "policies: [{name: p, action: pass}]\n"

struct row {
	const char *name, *text, *want; // want: lines
};

static const struct row rows[] = {
	{"two arms, routes of both families",
		HEAD ARMS
		"  routes: [{to: any, via: 198.51.100.1}, {to: 10.0.0.0/8, via: 192.0.2.1}, "
		"{to: \"fd77::/16\", via: \"fd00::1\"}, {to: \"fd78::/16\", via: \"fe80::1\", "
		"interface: x}]\n" POL,
		""},
	{"one port is enough",
		"dataplane:\n  mode: routed\n  workers: [1]\n  ports: [{name: a, dev: net_tap0}]\n"
		"  interfaces: [{name: x, port: a, addresses: [192.0.2.2/31]}]\n"
		"  routes: [{to: any, via: 192.0.2.3}]\n" POL,
		""},
	{"two VLANs of one port",
		HEAD
		"  interfaces: [{name: x, port: a, vlan: 5, addresses: [192.0.2.2/24]}, {name: y, port: a, "
		"vlan: 6, addresses: [192.0.3.2/24]}, {name: z, port: b, addresses: [192.0.4.2/24]}]\n" POL,
		""},
	{"no interfaces", HEAD POL,
		"f:2:9: mode routed needs dataplane.interfaces: who we are on which link\n"
		"f:4:18: \"a\" has no interface; in mode routed its frames would be dropped\n"
		"f:4:44: \"b\" has no interface; in mode routed its frames would be dropped\n"},
	{"interfaces in another mode",
		"dataplane:\n  mode: learn\n  workers: [1]\n  ports: [{name: a, dev: net_tap0}, {name: b, dev: "
		"net_tap1}]\n" ARMS POL,
		"f:5:16: warning: dataplane.interfaces is not used; mode is not routed\n"},
	{"a health port",
		HEAD ARMS
		"  health: {port: 2526, from: [192.0.2.0/24, \"fd00::/64\"], needs_policy: off, needs_ports: off, needs_control_plane: on, drain: when_done}\n" POL,
		""},
	{"a health port that is picked up",
		HEAD ARMS "  health: {port: 587}\npickup: {ports: [25, 587]}\n" POL,
		"f:6:18: port 587 is picked up (pickup.ports); the health port must be another\n"},
	{"a health port that is picked up, as ports are by themselves",
		HEAD ARMS "  health:\n    port: 25\n" POL,
		"f:7:11: port 25 is picked up (pickup.ports); the health port must be another\n"},
	{"a health port out of range", HEAD ARMS "  health: {port: 65536}\n" POL,
		"f:6:18: dataplane.health.port: 65536 is out of range; 0 or 1..65535 is allowed (TCP port)\n"},
	{"askers without a port", HEAD ARMS "  health: {from: [192.0.2.0/24]}\n" POL,
		"f:6:11: warning: dataplane.health is not used; its port is 0\n"},
	{"a health port in another mode",
		"dataplane:\n  mode: learn\n  workers: [1]\n  ports: [{name: a, dev: net_tap0}, {name: b, dev: "
		"net_tap1}]\n  health: {port: 2526}\n" POL,
		"f:5:11: warning: dataplane.health is not used; mode is not routed: we have no address\n"},
	{"an address without its prefix",
		HEAD "  interfaces: [{name: x, port: a, addresses: [192.0.2.2]}]\n" POL,
		"f:5:47: dataplane.interfaces[].addresses: \"192.0.2.2\" is no address with its prefix; write 192.0.2.2/24 or fd00::2/64\n"},
	{"a prefix that is too long",
		HEAD "  interfaces: [{name: x, port: a, addresses: [192.0.2.2/33]}]\n" POL,
		"f:5:47: dataplane.interfaces[].addresses: \"192.0.2.2/33\": a prefix of 1 to 32 bits is needed\n"},
	{"the name of a link",
		HEAD
		"  interfaces: [{name: x, port: a, addresses: [192.0.2.0/24]}, {name: y, port: b, addresses: "
		"[10.0.0.1/8]}]\n" POL,
		"f:5:47: 192.0.2.0 is the name of its link, or all of it; an interface needs an address in it\n"},
	{"a group",
		HEAD
		"  interfaces: [{name: x, port: a, addresses: [224.0.0.5/24]}, {name: y, port: b, addresses: "
		"[10.0.0.1/8]}]\n" POL,
		"f:5:47: 224.0.0.5 is no address of one machine\n"},
	{"one link twice",
		HEAD
		"  interfaces: [{name: x, port: a, addresses: [192.0.2.2/24]}, {name: y, port: b, addresses: "
		"[192.0.2.3/24]}]\n" POL,
		"f:5:94: 192.0.2.3 is on the link of interface \"x\"; no route could tell the two links apart\n"},
	{"a port that is not there, a name and a VLAN twice",
		HEAD
		"  interfaces: [{name: x, port: a, addresses: [192.0.2.2/24]}, {name: x, port: a, addresses: "
		"[192.0.3.3/24]}, {name: z, port: c, addresses: [192.0.4.3/24]}]\n" POL,
		"f:5:70: \"x\" is there twice; it is already in line 5\n"
		"f:5:79: \"a\" with VLAN 0 is interface \"x\" already\n"
		"f:5:126: there is no port \"c\"\n"
		"f:4:44: \"b\" has no interface; in mode routed its frames would be dropped\n"},
	{"a next hop on no link", HEAD ARMS "  routes: [{to: any, via: 203.0.113.1}]\n" POL,
		"f:6:27: 203.0.113.1 is on no link of ours; it must lie in the prefix of an interface\n"},
	{"a next hop that is ours", HEAD ARMS "  routes: [{to: any, via: 192.0.2.2}]\n" POL,
		"f:6:27: 192.0.2.2 is our own address; a route leads to somebody else\n"},
	{"a next hop of another family",
		HEAD ARMS "  routes: [{to: 10.0.0.0/8, via: \"fd00::1\"}]\n" POL,
		"f:6:34: fd00::1 is of another family than the destinations\n"},
	{"a link-local next hop says by which interface",
		HEAD ARMS "  routes: [{to: any, via: \"fe80::1\"}]\n" POL,
		"f:6:27: fe80::1 is on every link; say by which interface it is meant\n"},
	{"a next hop with a prefix", HEAD ARMS "  routes: [{to: any, via: 192.0.2.1/24}]\n" POL,
		"f:6:27: dataplane.routes[].via: \"192.0.2.1/24\" is no address; write 192.0.2.1 or fd00::1\n"},
	{"a route twice",
		HEAD ARMS
		"  routes: [{to: any, via: 192.0.2.1}, {to: 0.0.0.0/0, via: 192.0.2.7}]\n" POL,
		"f:6:44: there is a route to the same destinations already, in line 6\n"},
	{"any of both families is two routes",
		HEAD ARMS
		"  routes: [{to: any, via: 192.0.2.1}, {to: any, via: \"fd00::1\"}]\n" POL,
		""},
	{"an interface that is not there",
		HEAD ARMS "  routes: [{to: any, via: 192.0.2.1, interface: q}]\n" POL,
		"f:6:49: there is no interface \"q\"\n"},
	{"a second context",
		HEAD ARMS "contexts: [{name: c, ports: [a]}, {name: d, ports: [b]}]\n" POL,
		"f:6:42: \"d\" is a second context; in mode routed there is one, for there is one table of "
		"routes\n"},
	{"connections told apart by VLAN",
		HEAD ARMS "contexts: [{name: c, ports: [a, b], by_vlan: on}]\n" POL,
		"f:6:46: by_vlan is on; in mode routed the two directions of a connection may come by two "
		"VLANs\n"},
	{"the host by an interface",
		HEAD ARMS
		"  management: {addresses: [192.0.2.9/24, \"fd99::9/128\"], from: [x]}\n" POL,
		""},
	{"the host by a port",
		"dataplane:\n  mode: pair\n  workers: [1]\n  ports: [{name: a, dev: net_tap0}, {name: b, dev: "
		"net_tap1}]\n  pairs: [[a, b]]\n  management: {addresses: [192.0.2.9/24], from: [a, b]}\n" POL,
		""},
	{"the host by nothing that is there",
		HEAD ARMS "  management: {addresses: [192.0.2.9/24], from: [x, a]}\n" POL,
		"f:6:53: there is no interface \"a\"\n"},
	{"the host by ports that are not there",
		"dataplane:\n  mode: pair\n  workers: [1]\n  ports: [{name: a, dev: net_tap0}, {name: b, dev: "
		"net_tap1}]\n  pairs: [[a, b]]\n  management: {addresses: [192.0.2.9/24], from: [c]}\n" POL,
		"f:6:50: there is no port \"c\"\n"},
	{"the host with an interface's address",
		HEAD ARMS "  management: {addresses: [192.0.2.2/24], from: [x]}\n" POL,
		"f:6:28: 192.0.2.2 is there already; management needs one of its own\n"},
	{"the host with an address that nobody has",
		HEAD ARMS
		"  management: {addresses: [192.0.2.0/24, 127.0.0.1/8, \"fe80::1/64\"], from: [x]}\n" POL,
		"f:6:28: 192.0.2.0 is the name of its link, or all of it; an address in it is needed\n"
		"f:6:42: 127.0.0.1 is no address by which one machine is reached\n"
		"f:6:55: fe80::1 is no address by which one machine is reached\n"},
	{"the host with more addresses than there is room for",
		HEAD ARMS
		"  management: {addresses: [192.0.9.1/24, 192.0.9.2/24, 192.0.9.3/24, 192.0.9.4/24, "
		"192.0.9.5/24], from: [x]}\n" POL,
		"f:6:27: 5 addresses; at most 4 are possible\n"},
	{"the host without an address", HEAD ARMS "  management: {from: [x]}\n" POL,
		"f:6:15: warning: dataplane.management has no addresses; nothing is reached by it\n"},
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
	assert_int_equal(c == NULL, err_any(&err));
	cfg_free(c);
	free(out);
}

static void what_is_printed_is_read_again_as_the_same(void **)
{
	struct err_list err;
	char *once = NULL, *twice = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&once, &n);

	err_init(&err);
	struct cfg *a =
		cfg_load_text(rows[0].text, strlen(rows[0].text), "f", "/etc/mailweir", &err);
	assert_non_null(a);
	cfg_print(a, f);
	assert_int_equal(fclose(f), 0);
	assert_non_null(strstr(once, "192.0.2.2/24"));
	struct cfg *b = cfg_load_text(once, n, "f", "/etc/mailweir", &err);
	assert_non_null(b);
	f = open_memstream(&twice, &n);
	cfg_print(b, f);
	assert_int_equal(fclose(f), 0);
	assert_string_equal(once, twice);
	cfg_free(a);
	cfg_free(b);
	free(once);
	free(twice);
}

static void a_route_goes_by_the_interface_on_whose_link_its_next_hop_is(void **)
{
	struct err_list err;

	err_init(&err);
	struct cfg *c =
		cfg_load_text(rows[0].text, strlen(rows[0].text), "f", "/etc/mailweir", &err);
	assert_non_null(c);
	const struct cfg_dataplane *d = &c->dataplane;
	static const char *const names[] = {"y", "x", "x", "x"};
	assert_int_equal(d->nroutes, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_string_equal(cfg_route_interface(d, &d->routes[i])->name, names[i]);
	assert_int_equal(d->interfaces[0].addresses[0].len, 120);
	cfg_free(c);
}

int main(void)
{
	enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
	static struct CMUnitTest tests[ROWS];
	const struct CMUnitTest others[] = {
		cmocka_unit_test(what_is_printed_is_read_again_as_the_same),
		cmocka_unit_test(a_route_goes_by_the_interface_on_whose_link_its_next_hop_is),
	};
	int failed;

	for (size_t i = 0; i < ROWS; i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
			.test_func = row_is_as_wanted,
			.initial_state = (void *)(uintptr_t)&rows[i]};
	failed = cmocka_run_group_tests_name("config routed rows", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("config routed", others, NULL, NULL);
}
