// SPDX-License-Identifier: BSD-3-Clause
// The method table: what serve/ dispatches by and what cli/ prints as help. Parameters and results
// are described in docs/json-rpc.md and nowhere else.
// Thread: any; constant.
#include "api_rpc.h"

#include <string.h>

// clang-format off: tables
const struct api_rpc_method api_rpc_methods[API_RPC_COUNT] = {
	[API_RPC_SYSTEM_STATUS] = {"system.status",
		"state of both planes, the policy in force and what is not scanned"},
	[API_RPC_SYSTEM_DOCTOR] = {"system.doctor",
		"checks of the network around, and of ourselves: what was seen, what to do"},
	[API_RPC_SYSTEM_DRAIN] = {"system.drain",
		"read no new connections and let the open ones end, or read them again"},
	[API_RPC_STATS_GET] = {"stats.get",
		"every counter of the data plane, summed or of one worker"},
	[API_RPC_PORTS_LIST] = {"ports.list",
		"the data plane's ports, their links and frame counters"},
	[API_RPC_FLOWS_LIST] = {"flows.list", "connections the data plane holds now"},
	[API_RPC_SESSIONS_TAIL] = {"sessions.tail",
		"the last session and message events, and new ones as they come"},
	[API_RPC_EXPLAIN_GET] = {"explain.get",
		"all that the event log tells about one session or refusal"},
	[API_RPC_POLICY_MATCH] = {"policy.match",
		"which policy a connection would take, and why not the others"},
	[API_RPC_CONFIG_CHECK] = {"config.check", "check a configuration and change nothing"},
	[API_RPC_CONFIG_COMMIT] = {"config.commit", "check a configuration and put it in force"},
	[API_RPC_CONFIG_GET] = {"config.get", "the configuration in force, or an earlier revision"},
	[API_RPC_CONFIG_REVISIONS] = {"config.revisions",
		"the revisions that are kept: who, when, why"},
	[API_RPC_CONFIG_DIFF] = {"config.diff",
		"what two revisions differ in, or a file from the one in force"},
	[API_RPC_CONFIG_CONFIRM] = {"config.confirm", "keep the revision that waits for it"},
	[API_RPC_CONFIG_REVERT] = {"config.revert", "put an earlier revision in force again"},
	[API_RPC_CONFIG_EXPORT] = {"config.export",
		"a revision with its rules and lists as an archive"},
	[API_RPC_CONFIG_IMPORT] = {"config.import", "check an archive and put it in force"},
	[API_RPC_CONFIG_SHADOW] = {"config.shadow",
		"run a configuration beside the one in force, and report what it would decide"},
	[API_RPC_RADIUS_STATUS] = {"radius.status",
		"the accounting server: bindings, what came of each NAS, and what was refused"},
	[API_RPC_RULES_CHECK] = {"rules.check",
		"check the text of a rules file and change nothing"},
	[API_RPC_RULES_ADD] = {"rules.add", "add one rule and put it in force"},
	[API_RPC_RULES_DEL] = {"rules.del",
		"delete one rule that was added and put the rest in force"},
	[API_RPC_RULES_LIST] = {"rules.list", "the rules in force"},
	[API_RPC_POLICIES_LIST] = {"policies.list", "the policies in force, in their order"},
	[API_RPC_POLICIES_ADD] = {"policies.add", "add a policy at the end of the list"},
	[API_RPC_POLICIES_INSERT] = {"policies.insert", "add a policy before or after another one"},
	[API_RPC_POLICIES_SET] = {"policies.set", "change values of a policy"},
	[API_RPC_POLICIES_DEL] = {"policies.del", "delete a policy"},
	[API_RPC_POLICIES_ENABLE] = {"policies.enable", "switch a policy on"},
	[API_RPC_POLICIES_DISABLE] = {"policies.disable",
		"switch a policy off; it keeps its place"},
	[API_RPC_POLICIES_MOVE] = {"policies.move",
		"move a policy: before or after another, up, down, first, last"},
	[API_RPC_ENDPOINTS_LIST] = {"endpoints.list", "subscribers by list, id or score"},
	[API_RPC_ENDPOINTS_GET] = {"endpoints.get",
		"what is known of a subscriber, and what would release it when"},
	[API_RPC_ENDPOINTS_BLOCK] = {"endpoints.block", "put a subscriber on the blocklist"},
	[API_RPC_ENDPOINTS_UNBLOCK] = {"endpoints.unblock",
		"lift a subscriber's blocks, automatic ones too"},
	[API_RPC_ENDPOINTS_EXEMPT] = {"endpoints.exempt",
		"never block a subscriber (or, with off, as others again)"},
	[API_RPC_ENDPOINTS_CLEAR] = {"endpoints.clear",
		"forget a subscriber's score, automatic block and failed logins"},
	[API_RPC_ENDPOINTS_TOP] = {"endpoints.top", "the subscribers with the highest scores"},
	[API_RPC_ENDPOINTS_IMPORT] = {"endpoints.import", "put subscribers of a CSV file on lists"},
	[API_RPC_ENDPOINTS_EXPORT] = {"endpoints.export", "the lists of subscribers as CSV"},
	[API_RPC_SENDERS_LIST] = {"senders.list", "client addresses by list, prefix or score"},
	[API_RPC_SENDERS_GET] = {"senders.get",
		"what is known of a client address, and how its score will fall"},
	[API_RPC_SENDERS_BLOCK] = {"senders.block", "put an address or prefix on the blocklist"},
	[API_RPC_SENDERS_UNBLOCK] = {"senders.unblock", "lift the block of an address or prefix"},
	[API_RPC_SENDERS_EXEMPT] = {"senders.exempt",
		"never refuse an address or prefix (or, with off, as others again)"},
	[API_RPC_SENDERS_CLEAR] = {"senders.clear",
		"forget the score and failed logins of one address or prefix"},
	[API_RPC_SENDERS_TOP] = {"senders.top", "the client addresses with the highest scores"},
	[API_RPC_SENDERS_IMPORT] = {"senders.import", "put prefixes of a CSV file on lists"},
	[API_RPC_SENDERS_EXPORT] = {"senders.export", "the lists of senders as CSV"},
	[API_RPC_AUDIT_LIST] = {"audit.list", "what operators did to lists and scores"},
};
// clang-format on

enum api_rpc_id api_rpc_find(const char *name)
{
	for (unsigned i = 0; i < API_RPC_COUNT; i++)
		if (strcmp(api_rpc_methods[i].name, name) == 0)
			return (enum api_rpc_id)i;
	return API_RPC_COUNT;
}
