// SPDX-License-Identifier: BSD-3-Clause
// The method table: what serve/ dispatches by and what cli/ prints as help.
// Thread: any; constant.
#include "api_rpc.h"

#include <string.h>

#define COUNTERS "[{name, kind, help, value}]"

// clang-format off: tables
const struct api_rpc_method api_rpc_methods[API_RPC_COUNT] = {
	[API_RPC_SYSTEM_STATUS] = {"system.status",
		"state of both planes, the policy in force and what is not scanned", "",
		"version, pid, uptime_s, attached, attached_s, "
		"dataplane{pid, boot, workers, heartbeat_ms, hugepages, image_version, "
		"image_swaps, image_refused, link_attached, link_refused}|null, "
		"config{file, revision, state, errors[]}, "
		"not_scanned[{reason, count}], flows"},
	[API_RPC_STATS_GET] = {"stats.get",
		"every counter of the data plane, summed or of one worker", "worker?",
		"workers, counters" COUNTERS ", policies[{policy, hits}]"},
	[API_RPC_PORTS_LIST] = {"ports.list",
		"the data plane's ports, their links and frame counters", "",
		"ports[{name, device, driver, mac, up, speed_mbps, mtu, rx_packets, rx_bytes, "
		"rx_missed, rx_errors, tx_packets, tx_bytes, tx_errors, tx_full}]"},
	[API_RPC_FLOWS_LIST] = {"flows.list", "connections the data plane holds now", "max?",
		"flows[{client, client_port, server, server_port, vlan, context, lane, state, "
		"worker, policy, policy_version, age_ms, idle_ms, client_bytes, server_bytes, "
		"session}], more"},
	[API_RPC_SESSIONS_TAIL] = {"sessions.tail",
		"the last session and message events, and new ones as they come", "count?, follow?",
		"events[]"},
	[API_RPC_POLICY_MATCH] = {"policy.match",
		"which policy a connection would take, and why not the others",
		"source, destination, port?, vlan?, context?, ingress?",
		"index, policy, action, session, content, context, picked_up, "
		"tried[{policy, miss}]"},
	[API_RPC_CONFIG_CHECK] = {"config.check", "check a configuration and change nothing",
		"text, file?", "canonical, warnings[]"},
	[API_RPC_CONFIG_COMMIT] = {"config.commit", "check a configuration and put it in force",
		"text?, author?, comment?", "revision, warnings[]"},
	[API_RPC_CONFIG_GET] = {"config.get", "the configuration in force in its canonical form",
		"", "revision, file, text, author, comment, at"},
	[API_RPC_RULES_CHECK] = {"rules.check", "check the text of a rules file and change nothing",
		"text, file?", "rules, scopes[{scope, rules, database_bytes}], warnings[]"},
	[API_RPC_RULES_ADD] = {"rules.add", "add one rule and put it in force",
		"scope, score, text, id?, literal?, caseless?, dotall?, multiline?, utf8?, label?",
		"id, revision"},
	[API_RPC_RULES_DEL] = {"rules.del",
		"delete one rule that was added and put the rest in force", "id", "id, revision"},
	[API_RPC_RULES_LIST] = {"rules.list", "the rules in force", "scope?, added?",
		"rules[{id, scope, score, flags, text, label, added}]"},
};
// clang-format on

enum api_rpc_id api_rpc_find(const char *name)
{
	for (unsigned i = 0; i < API_RPC_COUNT; i++)
		if (strcmp(api_rpc_methods[i].name, name) == 0)
			return (enum api_rpc_id)i;
	return API_RPC_COUNT;
}
