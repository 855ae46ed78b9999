// SPDX-License-Identifier: BSD-3-Clause
// What is wrong with a configuration, word for word: each row is a text and every line that the
// operator gets for it, errors and warnings.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cfg.h"

// Line 1 of most cases; what is looked at begins in line 2.
#define DP                                                                                        \
	"dataplane: {workers: [1], ports: [{name: a, dev: net_tap0}, {name: b, dev: net_tap1}], " \
	"pairs: [[a, b]]}\n"
// A policy that gives no warning, for cases about something else.
#define POL "policies: [{name: p, action: pass}]\n"
// One that reads, likewise.
#define POL_READ                                                                          \
	"rules: {file: r}\ncontent_profiles: {c: {}}\n"                                    \
	"policies: [{name: p, action: inspect, content: c}]\n"
#define SPLIT                                                              \
	"dataplane:\n  workers: [1]\n  ports: [{name: a, dev: net_tap0}, " \
	"{name: b, dev: net_tap1}]\n"

struct row {
	const char *name, *text, *want; // want: lines
};

static const struct row rows[] = {
	// Text that is not a configuration.
	{"an empty file says what is missing", "",
		"f: there is nothing in it; at least dataplane: must be given\n"},
	{"a comment alone is empty too", "# nothing\n",
		"f: there is nothing in it; at least dataplane: must be given\n"},
	{"a scalar is no configuration", "hello\n",
		"f:1:1: a configuration must be a map; it is a single value\n"},
	{"a list is no configuration", "- 1\n",
		"f:1:1: a configuration must be a map; it is a list\n"},
	{"a syntax error carries the parser's words and place", "dataplane: [a\npickup: b\n",
		"f:2:7: did not find expected ',' or ']'; while parsing a flow sequence that "
		"begins in line 1\n"},
	{"a tab for indentation is a syntax error", "dataplane:\n\tmode: pair\n",
		"f:2:1: found character that cannot start any token; while scanning for the next "
		"token that "
		"begins in line 2\n"},
	{"a control character is named with its byte", "a: \001\n",
		"f: control characters are not allowed at byte 3; the file must be UTF-8 text\n"},
	{"bytes that are no UTF-8 are named with their byte", "a: \xff\n",
		"f: invalid leading UTF-8 octet at byte 3; the file must be UTF-8 text\n"},
	{"a byte order mark is named", "\xef\xbb\xbf" DP POL,
		"f:1:1: begins with a byte order mark; save it as UTF-8 without one\n"},
	{"a file that a commit reads is none's standard input",
		DP POL "session_profiles: {a: {blocked_senders_file: \"-\"}}\n",
		"f:3:46: session_profiles.*.blocked_senders_file: -: standard input cannot be read "
		"again; name a file\n"},
	{"an alias without its anchor is an error", "dataplane: *x\n",
		"f:1:12: found undefined alias; the file must be YAML\n"},
	{"a second document is refused", DP POL "---\na: 1\n",
		"f:3:1: a second document begins here; a configuration is one document\n"},
	{"a tag is refused", DP "pickup: {ports: !!str 25}\n",
		"f:2:17: a tag is not taken here; types follow from the key\n"},
	{"nesting has a limit", "a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n",
		"f:1:19: nested too deep; the limit is 16 levels\n"},

	// Where metrics are given.
	{"a socket of loopback is taken", DP POL "control: {metrics: \"127.0.0.1:9725\"}\n", ""},
	{"so is IPv6's", DP POL "control: {metrics: \"[::1]:9725\"}\n", ""},
	{"so is a path", DP POL "control: {metrics: /run/mailweir/metrics.sock}\n", ""},
	{"so is no socket at all", DP POL "control: {metrics: \"\"}\n", ""},
	{"a socket that others can reach is refused",
		DP POL "control: {metrics: \"0.0.0.0:9725\"}\n",
		"f:3:20: control.metrics: \"0.0.0.0:9725\" is not of this machine alone; 127.0.0.1 "
		"and ::1 are\n"},
	{"an IPv6 address that others can reach is refused",
		DP POL "control: {metrics: \"[fd77::1]:9725\"}\n",
		"f:3:20: control.metrics: \"[fd77::1]:9725\" is not of this machine alone; "
		"127.0.0.1 and ::1 are\n"},
	{"a port that is none is refused", DP POL "control: {metrics: \"127.0.0.1:65536\"}\n",
		"f:3:20: control.metrics: \"127.0.0.1:65536\" is neither a path (with a /) nor "
		"ADDRESS:PORT, as 127.0.0.1:9725 or [::1]:9725\n"},
	{"a port alone is refused", DP POL "control: {metrics: 9725}\n",
		"f:3:20: control.metrics: \"9725\" is neither a path (with a /) nor ADDRESS:PORT, as "
		"127.0.0.1:9725 or [::1]:9725\n"},
	{"IPv6 without brackets is refused", DP POL "control: {metrics: \"::1:9725\"}\n",
		"f:3:20: control.metrics: \"::1:9725\" is neither a path (with a /) nor ADDRESS:PORT, "
		"as 127.0.0.1:9725 or [::1]:9725\n"},

	// Whom to ask for domains.
	{"addresses and ports of servers are taken",
		DP POL "dns: {servers: [192.0.2.1, \"2001:db8::1\", \"192.0.2.1:5300\", "
		       "\"[2001:db8::1]:53\"], timeout_ms: 100, cache_entries: 16}\n",
		""},
	{"a server with a name is refused", DP POL "dns: {servers: [192.0.2.1, ns.example]}\n",
		"f:3:28: \"ns.example\" is no server; an address, 192.0.2.1:53 or "
		"[2001:db8::1]:53\n"},
	{"a server with port 0 is refused", DP POL "dns: {servers: [\"192.0.2.1:0\"]}\n",
		"f:3:17: \"192.0.2.1:0\" is no server; an address, 192.0.2.1:53 or "
		"[2001:db8::1]:53\n"},
	{"to wait longer than a session does is refused", DP POL "dns: {timeout_ms: 2001}\n",
		"f:3:19: dns.timeout_ms: 2001 is out of range; 100..2000 is allowed (milliseconds)\n"},
	{"a profile that blocks every server is refused",
		DP POL "session_profiles: {p: {blocked_servers: [any]}}\n",
		"f:3:42: \"any\" would block every server; a policy that rejects does that\n"},
	{"a blocked server with a name is refused",
		DP POL "session_profiles: {p: {blocked_servers: [mx.example]}}\n",
		"f:3:42: session_profiles.*.blocked_servers: \"mx.example\" is no address; write any, "
		"10.0.0.1, 10.0.0.0/8 or fd00::/8\n"},

	// Keys.
	{"an unknown key at the top names the nearest", DP POL "raduis: {listen: x}\n",
		"f:3:1: unknown key \"raduis\"; the nearest known one is \"radius\"\n"},
	{"an unknown key in a section names the nearest of that section",
		DP POL "session_profiles: {s: {prevent_encription: true}}\n",
		"f:3:24: unknown key \"prevent_encription\" in session_profiles.*; the nearest "
		"known one is "
		"\"prevent_encryption\"\n"},
	{"a merge key is a key like others", DP POL "control: {<<: {rpc: /a}}\n",
		"f:3:11: unknown key \"<<\" in control; the nearest known one is \"rpc\"\n"},
	{"a key there twice names the first line",
		DP POL "pickup: {ports: 25}\npickup: {ports: 26}\n",
		"f:4:1: key \"pickup\" is there twice; it is already in line 3\n"},
	{"a key that is a list is refused", DP POL "[a]: 1\n",
		"f:3:1: a key must be a single value; it is a list\n"},
	{"a key in a wrong case is unknown", DP POL "Pickup: {}\n",
		"f:3:1: unknown key \"Pickup\"; the nearest known one is \"pickup\"\n"},
	{"bytes of an unknown key are escaped", DP POL "\"a\\n\\x07\": 1\n",
		"f:3:1: unknown key \"a\\x0a\\x07\"; the nearest known one is \"dns\"\n"},
	{"keys without a default must be there", "control: {}\n",
		"f:1:1: key \"dataplane\" is missing; it has no default\n"},
	{"keys of a list entry without a default must be there", DP "policies: [{}]\n",
		"f:2:12: key \"name\" is missing in policies[]; it has no default\n"
		"f:2:12: key \"action\" is missing in policies[]; it has no default\n"},

	// Types.
	{"a list where a value belongs", DP POL "control: {rpc: [a]}\n",
		"f:3:16: control.rpc must be a single value; it is a list\n"},
	{"a value where a map belongs", DP POL "control: 5\n",
		"f:3:10: control must be a map; it is a single value\n"},
	{"a map where a list belongs", DP "policies: {name: p}\n",
		"f:2:11: policies must be a list; it is a map\n"},
	{"a list where named profiles belong", DP POL "content_profiles: [a]\n",
		"f:3:19: content_profiles must be a map; it is a list\n"},
	{"a key without a value", DP POL "control:\n  rpc:\n",
		"f:4:7: control.rpc has no value; give one or leave the key out\n"},
	{"null is no value", DP POL "control: {rpc: ~, link: null}\n",
		"f:3:16: control.rpc has no value; give one or leave the key out\n"
		"f:3:25: control.link has no value; give one or leave the key out\n"},
	{"text where a number belongs", DP POL "content_profiles: {c: {threshold: high}}\n",
		"f:3:35: content_profiles.*.threshold: must be a whole number (points); \"high\" "
		"is not one\n"},
	{"a number with a unit is text", DP POL "content_profiles: {c: {threshold: 5k}}\n",
		"f:3:35: content_profiles.*.threshold: must be a whole number (points); \"5k\" is "
		"not one\n"},
	{"a fraction is no whole number", DP POL "content_profiles: {c: {threshold: 5.5}}\n",
		"f:3:35: content_profiles.*.threshold: must be a whole number (points); \"5.5\" is "
		"not one\n"},
	{"a quoted number is text", DP POL "content_profiles: {c: {threshold: \"5\"}}\n",
		"f:3:35: content_profiles.*.threshold: must be a whole number (points); \"5\" is "
		"not one\n"},
	{"a number where yes or no belongs", DP POL "pickup: {local: 2}\n",
		"f:3:17: pickup.local: must be true or false; \"2\" is neither\n"},
	{"a pair of three ports", SPLIT "  pairs: [[a, b, a]]\n" POL,
		"f:4:11: dataplane.pairs[] must be a list of 2 values; it is one of another "
		"length\n"},
	{"a pair that is one word", SPLIT "  pairs: [a]\n" POL,
		"f:4:11: dataplane.pairs[] must be a list of 2 values; it is a single value\n"},

	// Ranges.
	{"more contexts than a policy image holds",
		DP POL
		"contexts: [{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}]\n",
		"f:3:11: contexts has 16 entries; the limit is 15\n"},
	{"below the range", SPLIT "  pairs: [[a, b]]\n  flows: 15\n" POL,
		"f:5:10: dataplane.flows: 15 is out of range; 16..100000000 is allowed (flows)\n"},
	{"above the range", SPLIT "  pairs: [[a, b]]\n  flows: 100000001\n" POL,
		"f:5:10: dataplane.flows: 100000001 is out of range; 16..100000000 is allowed "
		"(flows)\n"},
	{"a number beyond 32 bits", SPLIT "  pairs: [[a, b]]\n  flows: 99999999999999999999\n" POL,
		"f:5:10: dataplane.flows: 99999999999999999999 is out of range; 16..100000000 is "
		"allowed "
		"(flows)\n"},
	{"a negative number", DP POL "content_profiles: {c: {threshold: -1}}\n",
		"f:3:35: content_profiles.*.threshold: -1 is out of range; 0..1000000 is allowed "
		"(points)\n"},
	{"0 beside a range that starts later",
		DP POL "session_profiles: {s: {idle_s: 9}, t: {idle_s: 0}}\n",
		"f:3:32: session_profiles.*.idle_s: 9 is out of range; 0 or 10..86400 is allowed "
		"(seconds)\n"},
	{"limits of connections that are not to be counted",
		DP POL "session_profiles: {s: {client_connections: 60001, client_rate_min: 0}}\n",
		"f:3:44: session_profiles.*.client_connections: 60001 is out of range; 0..60000 is "
		"allowed (connections)\n"
		"f:3:68: session_profiles.*.client_rate_min: 0 is out of range; 1..1440 is allowed "
		"(minutes)\n"},
	{"rates that are not to be counted",
		DP POL "session_profiles: {s: {sender_messages: 60001, sender_rate_min: 1441}}\n",
		"f:3:41: session_profiles.*.sender_messages: 60001 is out of range; 0..60000 is "
		"allowed (messages)\n"
		"f:3:65: session_profiles.*.sender_rate_min: 1441 is out of range; 1..1440 is "
		"allowed (minutes)\n"},
	{"TCP port 0 and 65536", DP POL "pickup: {ports: [0, 65536]}\n",
		"f:3:18: pickup.ports: 0 is out of range; 1..65535 is allowed (TCP port)\n"
		"f:3:21: pickup.ports: 65536 is out of range; 1..65535 is allowed (TCP port)\n"},
	{"a word that is none of the known", DP "policies: [{name: p, action: accept}]\n",
		"f:2:30: policies[].action: \"accept\" is not known; it is one of: pass, inspect, "
		"reject, "
		"tempfail, drop\n"},
	{"a VLAN beyond 4094", DP "policies: [{name: p, action: pass, vlan: 4095}]\n",
		"f:2:42: policies[].vlan: 4095 is out of range; 1..4094, the smaller one first, is "
		"allowed\n"},
	{"a VLAN that is a word", DP "policies: [{name: p, action: pass, vlan: tagged}]\n",
		"f:2:42: policies[].vlan: \"tagged\" is no range; write any, untagged, N or N-M\n"},
	{"a range the wrong way round", DP "policies: [{name: p, action: pass, port: 30-25}]\n",
		"f:2:42: policies[].port: 30-25 is out of range; 1..65535, the smaller one first, "
		"is allowed\n"},
	{"a range without an end", DP "policies: [{name: p, action: pass, port: 25-}]\n",
		"f:2:42: policies[].port: \"25-\" is no range; write any, N or N-M\n"},

	// Prefixes.
	{"host bits behind a prefix",
		DP "policies: [{name: p, action: pass, source: 10.0.0.1/8}]\n",
		"f:2:44: policies[].source: \"10.0.0.1/8\" has host bits set; behind the prefix "
		"all bits must "
		"be 0\n"},
	{"a prefix longer than an address",
		DP "policies: [{name: p, action: pass, source: 10.0.0.0/33, destination: "
		   "\"::/129\"}]\n",
		"f:2:44: policies[].source: \"10.0.0.0/33\" has too long a prefix; at most 32 bits "
		"(IPv4) or 128 "
		"(IPv6)\n"
		"f:2:70: policies[].destination: \"::/129\" has too long a prefix; at most 32 bits "
		"(IPv4) or 128 "
		"(IPv6)\n"},
	{"a host name is no address",
		DP "policies: [{name: p, action: pass, source: example.net}]\n",
		"f:2:44: policies[].source: \"example.net\" is no address; write any, 10.0.0.1, "
		"10.0.0.0/8 or "
		"fd00::/8\n"},

	// Names and texts.
	{"a name with a blank", DP "policies: [{name: a b, action: pass}]\n",
		"f:2:19: policies[].name: \"a b\" is no name; 1..63 letters, digits, _ . - are, "
		"but not any and "
		"none\n"},
	{"the words any and none are no names",
		DP POL "session_profiles: {any: {}}\ncontent_profiles: {none: {}}\n",
		"f:3:20: session_profiles.*: \"any\" is no name; 1..63 letters, digits, _ . - are, "
		"but not any "
		"and none\n"
		"f:4:20: content_profiles.*: \"none\" is no name; 1..63 letters, digits, _ . - "
		"are, but not any "
		"and none\n"},
	{"a reply text cannot begin a new line",
		DP POL "content_profiles: {c: {text: \"a\\r\\nb\"}}\n",
		"f:3:30: content_profiles.*.text: byte 2 is 0x0d; only printable ASCII is taken\n"},
	{"no value holds a NUL", DP POL "control: {group: \"a\\0b\"}\n",
		"f:3:18: control.group: holds a NUL; no value may\n"},
	{"a socket's path has the length that a socket takes",
		DP POL "control: {rpc: "
		       "/12345678901234567890123456789012345678901234567890123456789012345678901234"
		       "567890123456789012345678901234567}\n",
		"f:3:16: control.rpc: has 108 bytes; at most 107 are allowed\n"},

	// Devices.
	{"a kernel's interface name is no device",
		"dataplane:\n  workers: [1]\n  ports: [{name: a, dev: eth0}, {name: b, dev: "
		"net_tap1}]\n"
		"  pairs: [[a, b]]\n" POL,
		"f:3:26: dataplane.ports[].dev: \"eth0\" names no DPDK device; write a PCI address "
		"(0000:01:00.0) or a virtual device (net_af_packet0,iface=eth1)\n"},
	{"an argument without a value",
		"dataplane:\n  workers: [1]\n  ports: [{name: a, dev: \"net_tap0,iface\"}, {name: "
		"b, dev: "
		"net_tap1}]\n  pairs: [[a, b]]\n" POL,
		"f:3:26: dataplane.ports[].dev: \"net_tap0,iface\" is no DPDK device string; "
		"behind the device "
		"come key=value parts, each after a comma\n"},
	{"a PCI address with a function beyond 7",
		"dataplane:\n  workers: [1]\n  ports: [{name: a, dev: \"0000:01:00.8\"}, {name: b, "
		"dev: "
		"net_tap1}]\n  pairs: [[a, b]]\n" POL,
		"f:3:26: dataplane.ports[].dev: \"0000:01:00.8\" names no DPDK device; write a PCI "
		"address "
		"(0000:01:00.0) or a virtual device (net_af_packet0,iface=eth1)\n"},
	{"two ports of one virtual device",
		"dataplane:\n  workers: [1]\n  ports: [{name: a, dev: net_tap0}, {name: b, dev: "
		"\"net_tap0,iface=x\"}]\n  pairs: [[a, b]]\n" POL,
		"f:3:52: ports \"a\" and \"b\" have one device; each needs its own\n"},

	{"two ports of one PCI device, one written short",
		"dataplane:\n  workers: [1]\n  ports: [{name: a, dev: \"0000:3b:00.1\"}, "
		"{name: b, dev: \"3b:00.1\"}]\n  pairs: [[a, b]]\n" POL,
		"f:3:58: ports \"a\" and \"b\" have one device; each needs its own\n"},
	{"two representors of one PCI device are two ports",
		"dataplane:\n  workers: [1]\n"
		"  ports: [{name: a, dev: \"3b:00.1,representor=[0]\"}, "
		"{name: b, dev: \"3b:00.1,representor=[1]\"}]\n  pairs: [[a, b]]\n" POL,
		""},
	{"one virtual device with two hardware addresses is one device",
		"dataplane:\n  workers: [1]\n"
		"  ports: [{name: a, dev: \"net_tap0,mac=02:00:00:00:00:01\"}"
		", {name: b, dev: \"net_tap0,mac=02:00:00:00:00:02\"}]\n  pairs: [[a, b]]\n" POL,
		"f:3:76: ports \"a\" and \"b\" have one device; each needs its own\n"},

	// Cores, ports and pairs.
	{"no workers",
		"dataplane:\n  workers: []\n  ports: [{name: a, dev: net_tap0}, {name: b, dev: "
		"net_tap1}]\n  pairs: [[a, b]]\n" POL,
		"f:2:12: dataplane.workers is empty; at least one CPU must work\n"},
	{"a CPU twice, and the manager's",
		"dataplane:\n  main_core: 2\n  workers: [1, 1, 2]\n  ports: "
		"[{name: a, dev: net_tap0}, {name: b, dev: net_tap1}]\n  pairs: [[a, b]]\n" POL,
		"f:3:16: CPU 1 is there twice; one worker a CPU\n"
		"f:3:19: warning: CPU 2 is main_core too; the manager takes time from that "
		"worker\n"},
	{"one port alone",
		"dataplane:\n  mode: learn\n  workers: [1]\n  ports: [{name: a, dev: "
		"net_tap0}]\n" POL,
		"f:4:10: dataplane.ports has 1; at least two are needed but in mode routed\n"},
	{"a port's name twice",
		"dataplane:\n  mode: learn\n  workers: [1]\n  ports: [{name: a, dev: "
		"net_tap0}, {name: a, dev: net_tap1}]\n" POL,
		"f:4:44: port \"a\" is there twice; the name is already in line 4\n"},
	{"a pair with a port that is not there", SPLIT "  pairs: [[a, c]]\n" POL,
		"f:4:15: there is no port \"c\"; the nearest is \"a\"\n"
		"f:3:44: \"b\" is in no pair; in mode pair its frames would have nowhere to go\n"},
	{"a port paired with itself", SPLIT "  pairs: [[a, a]]\n" POL,
		"f:4:15: \"a\" is paired with itself; a pair is two ports\n"
		"f:3:44: \"b\" is in no pair; in mode pair its frames would have nowhere to go\n"},
	{"a port in two pairs", SPLIT "  pairs: [[a, b], [b, a]]\n" POL,
		"f:4:20: \"b\" is in another pair already; a port has one peer\n"
		"f:4:23: \"a\" is in another pair already; a port has one peer\n"},
	{"mode pair without pairs", SPLIT POL,
		"f:3:18: \"a\" is in no pair; in mode pair its frames would have nowhere to go\n"
		"f:3:44: \"b\" is in no pair; in mode pair its frames would have nowhere to go\n"},
	{"pairs in mode learn are a warning", SPLIT "  mode: learn\n  pairs: [[a, b]]\n" POL,
		"f:5:11: warning: dataplane.pairs is not used; mode is learn\n"},
	{"the two sockets are two", DP POL "control: {rpc: /x, link: /x}\n",
		"f:3:16: control.rpc and control.link are one path; each socket needs its own\n"},

	// Contexts.
	{"a context with a port that is not there, and one without a context",
		DP POL "contexts: [{name: c, ports: [a, x]}]\n",
		"f:3:33: there is no port \"x\"; the nearest is \"a\"\n"
		"f:1:68: \"b\" is in no context; every port is in one\n"},
	{"a port in two contexts, and a pair across them",
		DP POL "contexts: [{name: c, ports: [a]}, {name: d, ports: [a, b]}]\n",
		"f:3:53: \"a\" is in context \"c\" already; a port is in one\n"
		"f:1:97: \"a\" and \"b\" are in contexts \"c\" and \"d\"; the two directions of a "
		"connection must "
		"be in one\n"},
	{"a context's name twice", DP POL "contexts: [{name: c, ports: a}, {name: c, ports: b}]\n",
		"f:3:40: context \"c\" is there twice; the name is already in line 3\n"},
	{"a picked-up port twice", DP POL "pickup: {ports: [25, 26, 25]}\n",
		"f:3:26: port 25 is there twice; once will do\n"},

	// Pick-up by port.
	{"a port that is not there, one that is there twice, and what is missing",
		DP POL "pickup: {by_ingress: [{ingress: x, incoming: drop, outgoing: proxy},\n"
		       " {ingress: a, incoming: drop, outgoing: proxy},\n"
		       " {ingress: a, incoming: pass, outgoing: read}, {ingress: b}]}\n",
		"f:5:41: pickup.by_ingress[].outgoing: \"read\" is not known; it is one of: proxy, "
		"pass, drop\n"
		"f:5:48: key \"incoming\" is missing in pickup.by_ingress[]; it has no default\n"
		"f:5:48: key \"outgoing\" is missing in pickup.by_ingress[]; it has no default\n"
		"f:3:33: there is no port \"x\"; the nearest is \"a\"\n"
		"f:5:12: \"a\" is there twice; it is already in line 4\n"},
	{"a protected domain's servers are addresses",
		DP POL
		"protected_domains: {d.example: {servers: [192.0.2.1/24, any]}, e.example: {}}\n",
		"f:3:43: protected_domains.*.servers: \"192.0.2.1/24\" has host bits set; behind the "
		"prefix all bits must be 0\n"
		"f:3:75: key \"servers\" is missing in protected_domains.*; it has no default\n"
		"f:3:57: \"any\" is no server; every connection would be incoming\n"},

	// References of policies.
	{"profiles, contexts and ports that are not there",
		DP "session_profiles: {internal: {}}\npolicies:\n  - {name: p, action: inspect, "
		   "session: "
		   "intrenal, content: spam,\n     context: x, ingress: [a, z]}\n",
		"f:5:15: there is no context \"x\"; the nearest is \"default\"\n"
		"f:5:31: there is no port \"z\"; the nearest is \"a\"\n"
		"f:4:41: there is no session profile \"intrenal\"; the nearest is \"internal\"\n"
		"f:4:60: there is no content profile \"spam\"; none is configured\n"},
	{"a policy's name twice names the first line",
		DP "policies:\n  - {name: p, action: pass, port: 25}\n  - {name: p, action: pass, "
		   "port: 26}\n",
		"f:4:12: policy \"p\" is there twice; the name is already in line 3\n"},
	{"a profile's name twice", DP POL "session_profiles: {s: {}, s: {}}\n",
		"f:3:27: session_profiles.*: \"s\" is there twice; a name stands for one "
		"profile\n"},

	// Several kinds at once, none hidden by another and none that only follows from another.
	{"a value that can't be read does not hide a bad reference",
		DP
		"policies: [{name: p, action: inspect, vlan: x, session: s}]\ncontrol: {rpd: 1}\n",
		"f:2:45: policies[].vlan: \"x\" is no range; write any, untagged, N or N-M\n"
		"f:3:11: unknown key \"rpd\" in control; the nearest known one is \"rpc\"\n"
		"f:2:57: there is no session profile \"s\"; none is configured\n"},
	{"references to profiles that can't be read are left alone",
		DP "policies: [{name: p, action: inspect, session: s, content: "
		   "c}]\nsession_profiles: [s]\n",
		"f:3:19: session_profiles must be a map; it is a list\n"
		"f:2:60: there is no content profile \"c\"; none is configured\n"},
	{"a port whose name can't be read is not missed elsewhere",
		"dataplane:\n  workers: [1]\n  ports: [{name: a/, dev: net_tap0}, {name: b, dev: "
		"net_tap1}]\n"
		"  pairs: [[a/, b]]\n" POL,
		"f:3:18: dataplane.ports[].name: \"a/\" is no name; 1..31 letters, digits, _ . - "
		"are, but not any "
		"and none\n"
		"f:4:12: dataplane.pairs[].a: \"a/\" is no name; 1..31 letters, digits, _ . - are, "
		"but not any "
		"and none\n"},

	// Warnings.
	{"no policy at all", DP, "f: warning: there is no policy; all mail is forwarded unread\n"},
	{"inspection without a content profile", DP "policies: [{name: p, action: inspect}]\n",
		"f:2:12: warning: policy \"p\" inspects without a content profile; its mail is not "
		"scanned\n"},
	{"a content profile without rules",
		DP
		"policies: [{name: p, action: inspect, content: c}]\ncontent_profiles: {c: {}}\n",
		"f: warning: rules.file is not given; no message can be condemned\n"},
	{"a policy behind one that takes everything names it",
		DP
		"policies:\n  - {name: all, action: pass}\n  - {name: late, action: drop, source: "
		"10.0.0.0/8}\n",
		"f:4:5: warning: policy \"late\" can never match; policy \"all\" in line 3 takes "
		"all its "
		"connections\n"},
	{"a wider prefix, port range, VLAN range and list of ports shadow",
		DP "policies:\n"
		   "  - {name: w, action: pass, source: 10.0.0.0/8, port: 20-30, vlan: 10-20, "
		   "ingress: [a, b]}\n"
		   "  - {name: n, action: drop, source: 10.1.0.0/16, port: 25, vlan: 10, ingress: "
		   "a}\n",
		"f:4:5: warning: policy \"n\" can never match; policy \"w\" in line 3 takes all "
		"its connections\n"},
	{"a context shadows its ports, and ports a context",
		DP "contexts: [{name: x, ports: [a, b]}]\npolicies:\n"
		   "  - {name: c, action: pass, source: 10.0.0.0/8, context: x}\n"
		   "  - {name: p, action: drop, source: 10.0.0.0/8, ingress: b}\n"
		   "  - {name: q, action: pass, source: 11.0.0.0/8, ingress: [a, b]}\n"
		   "  - {name: d, action: drop, source: 11.0.0.0/8, context: x}\n",
		"f:5:5: warning: policy \"p\" can never match; policy \"c\" in line 4 takes all its "
		"connections\n"
		"f:7:5: warning: policy \"d\" can never match; policy \"q\" in line 6 takes all its "
		"connections\n"},
	{"a policy whose port is not picked up, or whose ingress is not in its context",
		"dataplane: {mode: learn, workers: [1], ports: [{name: a, dev: net_tap0}, "
		"{name: b, dev: net_tap1}]}\n"
		"contexts: [{name: x, ports: a}, {name: y, ports: b}]\npolicies:\n"
		"  - {name: p, action: pass, port: 26-30}\n"
		"  - {name: q, action: drop, context: x, ingress: b}\n",
		"f:4:5: warning: policy \"p\" can never match; pickup.ports has none of its ports\n"
		"f:5:5: warning: policy \"q\" can never match; no port of its ingress is in context "
		"\"x\"\n"},
	{"a policy that is switched off shadows nothing",
		DP "policies:\n  - {name: off, action: pass, enabled: false}\n  - {name: on, "
		   "action: drop}\n",
		""},
	{"policies that differ in one field do not shadow",
		DP "pickup: {ports: [25, 26]}\npolicies:\n"
		   "  - {name: p1, action: pass, source: 10.0.0.0/8}\n"
		   "  - {name: p2, action: pass, destination: 10.0.0.0/8}\n"
		   "  - {name: p3, action: pass, port: 25}\n"
		   "  - {name: p4, action: pass, vlan: untagged}\n"
		   "  - {name: p5, action: pass, ingress: a}\n"
		   "  - {name: p6, action: pass, ingress: b, destination: 10.0.0.0/7}\n"
		   "  - {name: p7, action: pass, source: \"fd00::/8\"}\n"
		   "  - {name: p8, action: pass, vlan: 10-20}\n"
		   "  - {name: p9, action: pass, vlan: 20-21}\n",
		""},
	{"several policies shadow one between them, field by field",
		DP
		"pickup: {ports: [25, 26, 27, 2525]}\npolicies:\n"
		"  - {name: s1, action: pass, source: 10.1.0.0/25}\n"
		"  - {name: s2, action: pass, source: 10.1.0.128/25}\n"
		"  - {name: s, action: drop, source: 10.1.0.0/24}\n"
		"  - {name: t1, action: pass, source: 10.2.0.0/24, port: 20-26}\n"
		"  - {name: t2, action: pass, source: 10.2.0.0/24, port: 27}\n"
		"  - {name: t3, action: pass, source: 10.2.0.0/24, port: 2000-3000, ingress: a}\n"
		"  - {name: t4, action: pass, source: 10.2.0.0/16, port: 2525, ingress: b}\n"
		"  - {name: t, action: drop, source: 10.2.0.7}\n"
		"  - {name: v1, action: pass, destination: 10.3.0.0/24, vlan: untagged}\n"
		"  - {name: v2, action: pass, destination: 10.3.0.0/24, vlan: 1-4094}\n"
		"  - {name: v, action: drop, destination: 10.3.0.0/24}\n"
		"  - {name: w1, action: pass, source: 10.4.0.0/16, destination: 10.5.0.0/17}\n"
		"  - {name: w2, action: pass, source: 10.4.0.0/17}\n"
		"  - {name: w3, action: pass, source: 10.4.128.0/18}\n"
		"  - {name: w4, action: pass, source: 10.4.192.0/19}\n"
		"  - {name: w5, action: pass, source: 10.4.224.0/20}\n"
		"  - {name: w6, action: pass, source: 10.4.240.0/20}\n"
		"  - {name: w, action: drop, source: 10.4.0.0/16}\n",
		"f:6:5: warning: policy \"s\" can never match; policies \"s1\" in line 4 and \"s2\" in "
		"line 5 take all its connections between them\n"
		"f:11:5: warning: policy \"t\" can never match; policies \"t1\" in line 7, \"t2\" in "
		"line 8, \"t3\" in line 9 and \"t4\" in line 10 take all its connections between "
		"them\n"
		"f:14:5: warning: policy \"v\" can never match; policies \"v1\" in line 12 and \"v2\" "
		"in line 13 take all its connections between them\n"
		"f:21:5: warning: policy \"w\" can never match; policies \"w2\" in line 16, \"w3\" in "
		"line 17, \"w4\" in line 18, \"w5\" in line 19 and 1 more take all its connections "
		"between them\n"},
	{"what several leave a little of is not shadowed",
		DP "pickup: {ports: [25, 26]}\npolicies:\n"
		   "  - {name: s1, action: pass, source: 10.1.0.0/25}\n"
		   "  - {name: s2, action: pass, source: 10.1.0.128/26}\n"
		   "  - {name: s3, action: pass, source: 10.1.0.192/26, enabled: false}\n"
		   "  - {name: s, action: drop, source: 10.1.0.0/24}\n"
		   "  - {name: t1, action: pass, source: 10.2.0.0/24, port: 25}\n"
		   "  - {name: t2, action: pass, source: 10.2.0.0/25, port: 26}\n"
		   "  - {name: t, action: drop, source: 10.2.0.0/24}\n"
		   "  - {name: v1, action: pass, source: 10.3.0.0/24, vlan: 1-4094}\n"
		   "  - {name: v, action: drop, source: 10.3.0.0/24}\n",
		""},
	{"no connection is of both families",
		DP "policies:\n"
		   "  - {name: a, action: pass, source: 10.0.0.0/8, destination: \"fd00::/8\"}\n"
		   "  - {name: b, action: pass, source: \"fd00::/8\", destination: 0.0.0.0/0}\n"
		   "  - {name: c, action: pass, source: \"fd00::/8\"}\n"
		   "  - {name: d, action: pass, destination: 0.0.0.0/0}\n",
		"f:3:5: warning: policy \"a\" can never match; one of source and destination is IPv4, "
		"the other IPv6\n"
		"f:4:5: warning: policy \"b\" can never match; one of source and destination is IPv4, "
		"the other IPv6\n"},
	{"policies that pickup asks nothing",
		DP
		"pickup: {incoming: drop, outgoing: proxy, by_ingress: [{ingress: b, incoming: proxy, "
		"outgoing: pass}]}\n"
		"protected_domains: {d: {servers: [10.0.0.0/24, 10.2.0.1]}}\npolicies:\n"
		"  - {name: a, action: drop, ingress: a, destination: 10.0.0.5}\n"
		"  - {name: b, action: drop, ingress: b, destination: 10.3.0.0/24}\n"
		"  - {name: c, action: drop, ingress: a, destination: 10.2.0.0/24}\n"
		"  - {name: d, action: drop, ingress: b, destination: 10.2.0.0/24}\n"
		"  - {name: e, action: drop, destination: 10.0.0.5}\n",
		"f:5:5: warning: policy \"a\" can never match; pickup passes or drops all its "
		"connections\n"
		"f:6:5: warning: policy \"b\" can never match; pickup passes or drops all its "
		"connections\n"},
	{"profiles of a policy that has no use for them",
		DP "content_profiles: {c: {}}\nsession_profiles: {s: {}}\npolicies:\n"
		   "  - {name: a, action: reject, source: 10.0.0.1, session: s}\n"
		   "  - {name: b, action: tempfail, source: 10.0.0.2, content: c}\n"
		   "  - {name: c, action: pass, source: 10.0.0.3, session: s, content: c}\n",
		"f:5:5: warning: policy \"a\" does not inspect; its session profile has no effect\n"
		"f:6:5: warning: policy \"b\" does not inspect; its content profile has no effect\n"
		"f:7:5: warning: policy \"c\" does not inspect; its profiles have no effect\n"},
	{"a protected domain without a server", DP POL "protected_domains: {d: {servers: []}}\n",
		"f:3:24: warning: protected domain \"d\" has no server; no connection is incoming to "
		"it\n"},
	{"true where a word is meant that has one for it",
		DP POL
		"session_profiles: {a: {prevent_open_relaying: true, check_sender_domain: on},\n"
		"  b: {prevent_open_relaying: no, check_sender_domain: off}}\n",
		""},
	{"and where it has none", DP POL "session_profiles: {a: {pipelining: true}}\n",
		"f:3:36: session_profiles.*.pipelining: \"true\" is not known; it is one of: pass, "
		"loose, strict, no\n"},

	// Access rules and lists.
	{"rules of every kind, one value or several",
		DP POL_READ
		"access:\n"
		"  - {name: a, action: relay, client: 10.0.0.0/8, auth: yes, helo: \"*.example.net\"}\n"
		"  - {name: b, action: reject, client: [10.0.0.1, \"fd00::/8\"], sender: <>}\n"
		"  - {name: c, action: tempfail, recipient: [a@b.example, \"*@c.example\"]}\n"
		"  - {name: d, action: discard, enabled: off, comment: later}\n",
		""},
	{"a rule needs name and action", DP POL_READ "access: [{sender: a@b.example}]\n",
		"f:5:10: key \"name\" is missing in access[]; it has no default\n"
		"f:5:10: key \"action\" is missing in access[]; it has no default\n"},
	{"an action of policies is none of rules",
		DP POL_READ "access: [{name: a, action: pass}]\n",
		"f:5:28: access[].action: \"pass\" is not known; it is one of: relay, reject, tempfail, "
		"discard, bypass\n"},
	{"a rule's name stands for one rule",
		DP POL_READ "access:\n  - {name: a, sender: a@b.c, action: relay}\n"
			    "  - {name: a, sender: b@b.c, action: relay}\n",
		"f:7:12: access rule \"a\" is there twice; the name is already in line 6\n"},
	{"a client that is no prefix",
		DP POL_READ "access: [{name: a, client: 10.0.0.1/8, action: relay}]\n",
		"f:5:28: access[].client: \"10.0.0.1/8\" has host bits set; behind the prefix all bits "
		"must be 0\n"},
	{"a pattern with a blank",
		DP POL_READ "access: [{name: a, sender: \"a b@c\", action: relay}]\n",
		"f:5:28: access[].sender: byte 2 is 0x20; a pattern has printable ASCII without blanks, ? "
		"takes any byte\n"},
	{"a pattern with quotes",
		DP POL_READ "access: [{name: a, sender: ['\"a\"@c'], action: relay}]\n",
		"f:5:29: access[].sender: byte 1 is \"; addresses are compared without quotes and "
		"backslashes\n"},
	{"a pattern in brackets",
		DP POL_READ "access: [{name: a, recipient: <a@b.c>, action: relay}]\n",
		"f:5:31: access[].recipient: \"<a@b.c>\" has a bracket; only <>, the null sender, has\n"},
	{"a domain with its @ alone",
		DP POL_READ "access: [{name: a, sender: \"@b.c\", action: relay}]\n",
		"f:5:28: access[].sender: \"@b.c\" begins with @; *@domain takes a whole domain\n"},
	{"a domain with a dot in front",
		DP POL_READ "access: [{name: a, sender: .b.c, action: relay}]\n",
		"f:5:28: access[].sender: \".b.c\" begins with a dot; *@*.domain takes the addresses "
		"below a domain\n"},
	{"a pattern that ends in a dot",
		DP POL_READ "access: [{name: a, sender: a@b.c., action: relay}]\n",
		"f:5:28: access[].sender: \"a@b.c.\" ends in a dot; addresses are compared without "
		"it\n"},
	{"any among other patterns",
		DP POL_READ "access: [{name: a, sender: [any, a@b], action: relay}]\n",
		"f:5:29: access[].sender: \"any\" is no pattern; it stands alone or not at all\n"},
	{"an empty pattern", DP POL_READ "access: [{name: a, sender: \"\", action: relay}]\n",
		"f:5:28: access[].sender: is empty; a pattern is needed, * takes everything\n"},
	{"a domain that takes no address",
		DP POL_READ "access: [{name: a, sender: example.org, action: relay}]\n"
			    "session_profiles: {s: {safe_recipients: [postmaster, b.example]}}\n",
		"f:5:28: warning: \"example.org\" has no @, so it takes no address of a domain; "
		"*@example.org does\n"
		"f:6:54: warning: \"b.example\" has no @, so it takes no address of a domain; "
		"*@b.example does\n"},
	{"a rule that bypasses the scans is told",
		DP POL_READ "access:\n"
			    "  - {name: a, recipient: a@b.c, action: bypass}\n"
			    "  - {name: b, action: bypass}\n",
		"f:6:5: warning: access rule \"a\" bypasses the scans; a message all of whose "
		"recipients it takes is not scanned\n"
		"f:7:5: warning: access rule \"b\" bypasses the scans; mail of any client, from and to "
		"any address, is not scanned\n"},
	{"a rule behind one that takes all of its recipients",
		DP POL_READ
		"access:\n"
		"  - {name: a, client: 10.0.0.0/8, sender: \"*@*.example\", action: reject}\n"
		"  - {name: b, client: [10.1.0.0/16, 10.2.0.1], sender: x@y.Example, action: relay}\n"
		"  - {name: c, client: 10.3.0.0/16, sender: \"?*@a.example\", auth: no, action: relay}\n"
		"  - {name: d, action: reject}\n"
		"  - {name: e, helo: x, action: relay}\n",
		"f:7:5: warning: access rule \"b\" can never match; access rule \"a\" in line 6 takes "
		"all it could take\n"
		"f:8:5: warning: access rule \"c\" can never match; access rule \"a\" in line 6 takes "
		"all it could take\n"
		"f:10:5: warning: access rule \"e\" can never match; access rule \"d\" in line 9 takes "
		"all it could take\n"},
	{"rules that differ in one field do not shadow",
		DP POL_READ "access:\n"
			    "  - {name: a, client: 10.0.0.0/8, action: reject}\n"
			    "  - {name: b, client: [10.0.0.0/8, 11.0.0.0/8], action: relay}\n"
			    "  - {name: c, auth: yes, action: relay}\n"
			    "  - {name: d, sender: \"*?@b.example\", action: relay}\n"
			    "  - {name: e, sender: \"*@b.example\", action: relay}\n"
			    "  - {name: f, sender: a@b.example, enabled: false, action: relay}\n"
			    "  - {name: g, recipient: \"?@b.example\", action: relay}\n"
			    "  - {name: h, recipient: \"*@b.example\", action: relay}\n",
		""},
	{"rules where nothing is read", DP POL "access: [{name: a, action: reject}]\n",
		"f:3:10: warning: access rules have no effect; no policy inspects\n"},
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

int main(void)
{
	enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
	static struct CMUnitTest tests[ROWS];

	for (size_t i = 0; i < ROWS; i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
			.test_func = row_is_as_wanted,
			.initial_state = (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests_name("config error", tests, NULL, NULL);
}
