// SPDX-License-Identifier: BSD-3-Clause
// The verbs. Their one-line help is the method's (api_rpc.c). A noun by itself means the one of its
// verbs that only looks; `status` is short for `system status` (cli_args.c).
// Thread: any; constant.
#include "cli.h"

#define ARGS(table) .args = (table), .nargs = sizeof(table) / sizeof((table)[0])

// clang-format off: tables
static const struct cli_arg system_drain[] = {
	{"new", CLI_TEXT, .meta = "WHAT",
		.help = "new connections meanwhile: pass or refuse (control.drain_new)"},
	{"wait", CLI_SPAN, .meta = "TIME", .member = "wait_s",
		.help = "wait for the end; what still needs us then is ended (control.drain_wait_s)"},
	{"undo", CLI_FLAG, .help = "read new connections again"},
	{"show", CLI_FLAG, .help = "only say how it stands"},
};
static const struct cli_arg stats_get[] = {
	{"worker", CLI_NUMBER, .meta = "N", .help = "of this worker alone, from 0"},
	{"all", CLI_FLAG, .help = "also the counters that are 0"},
};
static const struct cli_arg flows_list[] = {
	{"max", CLI_NUMBER, .meta = "N", .help = "at most so many (1000; 10000 at most)"},
};
static const struct cli_arg sessions_tail[] = {
	{"count", CLI_NUMBER, .meta = "N",
		.help = "begin with the last N events (20; 1000 at most)"},
	{"limit", CLI_NUMBER, .meta = "N", .help = "end after N events in all"},
	{"no-follow", CLI_FLAG, .help = "don't wait for new ones"},
};
static const struct cli_arg explain_get[] = {
	{"id", CLI_TEXT, .required = true, .bare = true, .meta = "ID",
		.help = "of a session, or of a refusal as its client read it (mw-...)"},
};
static const struct cli_arg policy_match[] = {
	{"source", CLI_TEXT, .required = true, .bare = true, .meta = "CLIENT",
		.help = "address of the client"},
	{"destination", CLI_TEXT, .required = true, .bare = true, .meta = "SERVER",
		.help = "address of the server"},
	{"port", CLI_NUMBER, .meta = "N", .help = "TCP port of the server (25)"},
	{"vlan", CLI_NUMBER, .meta = "VID", .help = "outer VLAN (0 = untagged)"},
	{"context", CLI_TEXT, .meta = "NAME",
		.help = "context (that of the ingress port, else the first)"},
	{"ingress", CLI_TEXT, .meta = "PORT", .help = "port it comes in by (the context's first)"},
	{"recipient", CLI_TEXT, .meta = "ADDRESS", .help = "of RCPT: which access rule takes it"},
	{"sender", CLI_TEXT, .meta = "ADDRESS", .help = "of MAIL (the null sender)"},
	{"helo", CLI_TEXT, .meta = "NAME", .help = "the client's name in HELO or EHLO"},
	{"auth", CLI_FLAG, .help = "the client has authenticated"},
};
// What a policy may be given: the keys of policies[] in the configuration.
#define POLICY_VALUES \
	{"action", CLI_TEXT, .meta = "ACTION", .help = "pass, inspect, reject, tempfail or drop"}, \
	{"source", CLI_TEXT, .meta = "PREFIX", .help = "of the client: any, an address or a prefix"}, \
	{"destination", CLI_TEXT, .meta = "PREFIX", .help = "of the server"}, \
	{"context", CLI_TEXT, .meta = "NAME", .help = "a context, or any"}, \
	{"ingress", CLI_TEXT, .meta = "PORTS", .help = "ports it comes in by, with commas, or any"}, \
	{"vlan", CLI_TEXT, .meta = "RANGE", .help = "any, untagged, 10 or 10-20"}, \
	{"port", CLI_TEXT, .meta = "RANGE", .help = "server's TCP port: any, 25 or 25-30"}, \
	{"session", CLI_TEXT, .meta = "PROFILE", .help = "session profile, or none"}, \
	{"content", CLI_TEXT, .meta = "PROFILE", .help = "content profile, or none"}, \
	{"comment", CLI_TEXT, .meta = "TEXT", .help = "for people"}, \
	{"enabled", CLI_TEXT, .meta = "BOOL", .help = "false: as if it were not there"}
#define POLICY_NAME \
	{"name", CLI_TEXT, .required = true, .bare = true, .meta = "NAME", .help = "its name"}
#define POLICY_BESIDE \
	{"before", CLI_TEXT, .meta = "OTHER", .help = "in front of this policy: its name or number"}, \
	{"after", CLI_TEXT, .meta = "OTHER", .help = "behind this policy"}

static const struct cli_arg policies_add[] = {POLICY_NAME, POLICY_VALUES};
static const struct cli_arg policies_insert[] = {POLICY_NAME, POLICY_BESIDE, POLICY_VALUES};
static const struct cli_arg policies_name[] = {POLICY_NAME};
static const struct cli_arg policies_move[] = {
	POLICY_NAME,
	POLICY_BESIDE,
	{"up", CLI_FLAG, .help = "by one place"},
	{"down", CLI_FLAG, .help = "by one place"},
	{"first", CLI_FLAG, .help = "to the front"},
	{"last", CLI_FLAG, .help = "to the end"},
};
static const struct cli_arg config_check[] = {
	{"file", CLI_TEXT, .required = true, .bare = true, .meta = "FILE",
		.help = "configuration; - is standard input"},
	{"quiet", CLI_FLAG, .help = "don't print the canonical form"},
};
static const struct cli_arg config_commit[] = {
	{"file", CLI_TEXT, .bare = true, .meta = "FILE",
		.help = "configuration (the control plane's own file); - is standard input"},
	{"author", CLI_TEXT, .meta = "NAME", .help = "who changes it (the user id)"},
	{"comment", CLI_TEXT, .meta = "TEXT", .help = "why"},
	{"confirm", CLI_NUMBER, .meta = "MIN",
		.help = "go back after MIN minutes unless it is confirmed (1440 at most)"},
};
static const struct cli_arg config_get[] = {
	{"revision", CLI_NUMBER, .bare = true, .meta = "REVISION",
		.help = "this one (the one in force)"},
	{"written", CLI_FLAG, .help = "as it was written, not in canonical form"},
};
static const struct cli_arg config_revisions[] = {
	{"max", CLI_NUMBER, .meta = "N", .help = "the last N (100, which is all that are kept)"},
};
static const struct cli_arg config_diff[] = {
	{"from", CLI_NUMBER, .bare = true, .meta = "FROM",
		.help = "this revision (the one before TO)"},
	{"to", CLI_NUMBER, .bare = true, .meta = "TO", .help = "to this one (the one in force)"},
	{"file", CLI_TEXT, .meta = "FILE",
		.help = "to this configuration, from the one in force"},
};
static const struct cli_arg config_confirm[] = {
	{"revision", CLI_NUMBER, .bare = true, .meta = "REVISION",
		.help = "only if it is this one that waits"},
};
static const struct cli_arg config_revert[] = {
	{"revision", CLI_NUMBER, .bare = true, .meta = "REVISION",
		.help = "to this one (the one before)"},
	{"author", CLI_TEXT, .meta = "NAME", .help = "who changes it (the user id)"},
	{"comment", CLI_TEXT, .meta = "TEXT", .help = "why"},
	{"confirm", CLI_NUMBER, .meta = "MIN",
		.help = "go back after MIN minutes unless it is confirmed (1440 at most)"},
};
static const struct cli_arg config_export[] = {
	{"revision", CLI_NUMBER, .bare = true, .meta = "REVISION",
		.help = "this one (the one in force)"},
	{"output", CLI_TEXT, .meta = "FILE", .help = "write it there (standard output)"},
};
static const struct cli_arg config_import[] = {
	{"file", CLI_TEXT, .required = true, .bare = true, .meta = "FILE",
		.help = "archive; - is standard input"},
	{"check", CLI_FLAG, .help = "check it and change nothing"},
	{"author", CLI_TEXT, .meta = "NAME", .help = "who changes it (the user id)"},
	{"comment", CLI_TEXT, .meta = "TEXT", .help = "why"},
	{"confirm", CLI_NUMBER, .meta = "MIN",
		.help = "go back after MIN minutes unless it is confirmed (1440 at most)"},
};
static const struct cli_arg config_shadow[] = {
	{"file", CLI_TEXT, .bare = true, .meta = "FILE",
		.help = "configuration to run beside the one in force; - is standard input"},
	{"revision", CLI_NUMBER, .meta = "REVISION", .help = "or this revision"},
	{"minutes", CLI_NUMBER, .meta = "MIN", .help = "for so long (60; 10080 at most)"},
	{"author", CLI_TEXT, .meta = "NAME", .help = "who does it (the user id)"},
	{"stop", CLI_FLAG, .help = "end the one that runs"},
};
static const struct cli_arg rules_check[] = {
	{"file", CLI_TEXT, .required = true, .bare = true, .meta = "FILE",
		.help = "rules; - is standard input"},
	{"all", CLI_FLAG, .help = "the cost of every rule, not of the 20 dearest"},
};
static const struct cli_arg rules_add[] = {
	{"scope", CLI_TEXT, .required = true, .meta = "SCOPE",
		.help = "helo, mail, rcpt, header or body"},
	{"score", CLI_NUMBER, .required = true, .meta = "N", .help = "points, -10000..10000"},
	{"literal", CLI_TEXT, .meta = "TEXT", .help = "the bytes to find, as they are"},
	{"regex", CLI_TEXT, .meta = "REGEX",
		.help = "or a Hyperscan expression; one of the two is needed"},
	{"id", CLI_NUMBER, .meta = "N", .help = "its number (the next free one from 1000000 on)"},
	{"label", CLI_TEXT, .meta = "TEXT", .help = "its name"},
	{"caseless", CLI_FLAG, .help = "upper and lower case are the same"},
	{"dotall", CLI_FLAG, .help = "a dot also matches a line end"},
	{"multiline", CLI_FLAG, .help = "^ and $ also match at lines"},
	{"utf8", CLI_FLAG, .help = "the expression is UTF-8"},
};
static const struct cli_arg rules_del[] = {
	{"id", CLI_NUMBER, .required = true, .bare = true, .meta = "ID",
		.help = "number of the rule"},
};
static const struct cli_arg rules_list[] = {
	{"scope", CLI_TEXT, .meta = "SCOPE", .help = "only of this scope"},
	{"added", CLI_FLAG, .help = "only rules added at run time"},
};

#define STATE {"state", CLI_TEXT, .meta = "STATE", \
	.help = "auto, manual, exempt, none, login (its logins are blocked) or any (any)"}
#define SCORES \
	{"min", CLI_NUMBER, .meta = "N", .help = "of this score or more"}, \
	{"max", CLI_NUMBER, .meta = "N", .help = "of this score or less"}
#define PAGE \
	{"count", CLI_NUMBER, .meta = "N", .help = "at most so many (100; 100000 at most)"}, \
	{"cursor", CLI_TEXT, .meta = "CURSOR", .help = "go on where a list ended"}
#define COMMENT {"comment", CLI_TEXT, .meta = "TEXT", .help = "why, for the audit"}
#define LISTED                                                                               \
	{"comment", CLI_TEXT, .meta = "TEXT", .help = "why, for the list and the audit"},    \
	{                                                                                    \
		"for", CLI_SPAN,                                                             \
			.member = "for_s", .meta = "TIME",                                   \
			.help = "it ends by itself after so long: 90s, 30m, 12h, 7d (never)" \
	}
#define ENDPOINT \
	{"id", CLI_TEXT, .bare = true, .meta = "ID", .help = "of the subscriber"}, \
	{"key", CLI_TEXT, .meta = "KEY", .help = "or the 16 digits that stand for it"}
#define SENDER \
	{"sender", CLI_TEXT, .required = true, .bare = true, .meta = "PREFIX", \
		.help = "address or prefix"}, \
	{"context", CLI_TEXT, .meta = "NAME", .help = "context (the first)"}, \
	{"vlan", CLI_NUMBER, .meta = "VID", .help = "of a context by_vlan (0)"}
#define ROWS_FILE {"file", CLI_TEXT, .required = true, .bare = true, .meta = "FILE", \
	.help = "CSV; - is standard input"}
static const struct cli_arg endpoints_list[] = {
	STATE, {"id", CLI_TEXT, .bare = true, .meta = "ID", .help = "whose id begins so"}, SCORES, PAGE,
};
static const struct cli_arg endpoints_get[] = {ENDPOINT};
static const struct cli_arg endpoints_block[] = {ENDPOINT, LISTED};
static const struct cli_arg endpoints_change[] = {ENDPOINT, COMMENT};
static const struct cli_arg endpoints_exempt[] = {
	ENDPOINT,
	LISTED,
	{"off", CLI_FLAG, .help = "take it off the exempt list"},
};
static const struct cli_arg known_top[] = {
	{"count", CLI_NUMBER, .bare = true, .meta = "N", .help = "so many (20; 1000 at most)"}, STATE,
};
static const struct cli_arg known_import[] = {ROWS_FILE, COMMENT};
static const struct cli_arg known_export[] = {
	{"output", CLI_TEXT, .meta = "FILE", .help = "write it there (standard output)"},
};
static const struct cli_arg senders_list[] = {
	STATE,
	{"within", CLI_TEXT, .bare = true, .meta = "PREFIX", .help = "those in this prefix"},
	{"context", CLI_TEXT, .meta = "NAME", .help = "of this context"},
	{"location", CLI_TEXT, .meta = "COUNTRY", .help = "in this country, as DE"},
	SCORES,
	PAGE,
};
static const struct cli_arg senders_get[] = {SENDER};
static const struct cli_arg senders_block[] = {SENDER, LISTED};
static const struct cli_arg senders_change[] = {SENDER, COMMENT};
static const struct cli_arg senders_exempt[] = {
	SENDER,
	LISTED,
	{"off", CLI_FLAG, .help = "take it off the exempt list"},
};
static const struct cli_arg audit_list[] = {
	{"count", CLI_NUMBER, .meta = "N", .help = "the last N (20; 1000 at most)"},
	{"before", CLI_NUMBER, .meta = "NUMBER", .help = "of those before this number"},
};

const struct cli_verb cli_verbs[] = {
	{"system", "status", API_RPC_SYSTEM_STATUS, .alone = true, .show = cli_status_show},
	{"system", "doctor", API_RPC_SYSTEM_DOCTOR, .run = cli_doctor, .show = cli_doctor_show},
	{"system", "drain", API_RPC_SYSTEM_DRAIN, ARGS(system_drain), .run = cli_system_drain,
		.show = cli_drain_show},
	{"stats", "get", API_RPC_STATS_GET, .alone = true, ARGS(stats_get), .run = cli_stats_get,
		.show = cli_stats_show},
	{"ports", "list", API_RPC_PORTS_LIST, .alone = true, .show = cli_ports_show},
	{"flows", "list", API_RPC_FLOWS_LIST, .alone = true, ARGS(flows_list),
		.show = cli_flows_show},
	{"sessions", "tail", API_RPC_SESSIONS_TAIL, .alone = true, ARGS(sessions_tail),
		.run = cli_sessions_tail},
	{"explain", "get", API_RPC_EXPLAIN_GET, .alone = true, ARGS(explain_get),
		.show = cli_explain_show},
	{"policy", "match", API_RPC_POLICY_MATCH, ARGS(policy_match), .show = cli_match_show},
	{"config", "check", API_RPC_CONFIG_CHECK, ARGS(config_check), .run = cli_config_check},
	{"config", "commit", API_RPC_CONFIG_COMMIT, ARGS(config_commit), .run = cli_config_commit,
		.show = cli_commit_show},
	{"config", "confirm", API_RPC_CONFIG_CONFIRM, ARGS(config_confirm),
		.show = cli_confirm_show},
	{"config", "revert", API_RPC_CONFIG_REVERT, ARGS(config_revert), .run = cli_config_change,
		.show = cli_commit_show},
	{"config", "revisions", API_RPC_CONFIG_REVISIONS, ARGS(config_revisions),
		.show = cli_revisions_show},
	{"config", "list", API_RPC_CONFIG_REVISIONS, ARGS(config_revisions),
		.show = cli_revisions_show},
	{"config", "get", API_RPC_CONFIG_GET, ARGS(config_get), .run = cli_config_get},
	{"config", "show", API_RPC_CONFIG_GET, ARGS(config_get), .run = cli_config_get},
	{"config", "diff", API_RPC_CONFIG_DIFF, ARGS(config_diff), .run = cli_config_diff,
		.show = cli_diff_show},
	{"config", "export", API_RPC_CONFIG_EXPORT, ARGS(config_export), .run = cli_config_export},
	{"config", "import", API_RPC_CONFIG_IMPORT, ARGS(config_import), .run = cli_config_import,
		.show = cli_import_show},
	{"config", "shadow", API_RPC_CONFIG_SHADOW, ARGS(config_shadow), .run = cli_config_shadow,
		.show = cli_shadow_show},
	{"radius", "status", API_RPC_RADIUS_STATUS, .alone = true, .show = cli_radius_show},
	{"rules", "check", API_RPC_RULES_CHECK, ARGS(rules_check), .run = cli_rules_check,
		.show = cli_cost_show},
	{"rules", "add", API_RPC_RULES_ADD, ARGS(rules_add), .run = cli_rules_add,
		.show = cli_rule_show},
	{"rules", "del", API_RPC_RULES_DEL, ARGS(rules_del), .show = cli_rule_show},
	{"rules", "list", API_RPC_RULES_LIST, .alone = true, ARGS(rules_list),
		.show = cli_rules_show},
	{"policies", "list", API_RPC_POLICIES_LIST, .alone = true, .show = cli_policies_show},
	{"policies", "add", API_RPC_POLICIES_ADD, ARGS(policies_add), .show = cli_policy_show},
	{"policies", "insert", API_RPC_POLICIES_INSERT, ARGS(policies_insert),
		.show = cli_policy_show},
	{"policies", "set", API_RPC_POLICIES_SET, ARGS(policies_add), .show = cli_policy_show},
	{"policies", "del", API_RPC_POLICIES_DEL, ARGS(policies_name), .show = cli_policy_show},
	{"policies", "enable", API_RPC_POLICIES_ENABLE, ARGS(policies_name),
		.show = cli_policy_show},
	{"policies", "disable", API_RPC_POLICIES_DISABLE, ARGS(policies_name),
		.show = cli_policy_show},
	{"policies", "move", API_RPC_POLICIES_MOVE, ARGS(policies_move), .show = cli_policy_show},
	{"endpoints", "list", API_RPC_ENDPOINTS_LIST, .alone = true, ARGS(endpoints_list),
		.run = cli_known_list, .show = cli_endpoints_show},
	{"endpoints", "get", API_RPC_ENDPOINTS_GET, ARGS(endpoints_get),
		.show = cli_endpoint_get_show},
	{"endpoints", "block", API_RPC_ENDPOINTS_BLOCK, ARGS(endpoints_block),
		.show = cli_endpoint_show},
	{"endpoints", "unblock", API_RPC_ENDPOINTS_UNBLOCK, ARGS(endpoints_change),
		.show = cli_endpoint_show},
	{"endpoints", "exempt", API_RPC_ENDPOINTS_EXEMPT, ARGS(endpoints_exempt),
		.show = cli_endpoint_show},
	{"endpoints", "clear", API_RPC_ENDPOINTS_CLEAR, ARGS(endpoints_change),
		.show = cli_endpoint_show},
	{"endpoints", "top", API_RPC_ENDPOINTS_TOP, ARGS(known_top), .show = cli_endpoints_show},
	{"endpoints", "import", API_RPC_ENDPOINTS_IMPORT, ARGS(known_import),
		.run = cli_known_import, .show = cli_import_rows_show},
	{"endpoints", "export", API_RPC_ENDPOINTS_EXPORT, ARGS(known_export),
		.run = cli_known_export},
	{"senders", "list", API_RPC_SENDERS_LIST, .alone = true, ARGS(senders_list),
		.run = cli_known_list, .show = cli_senders_show},
	{"senders", "get", API_RPC_SENDERS_GET, ARGS(senders_get), .show = cli_sender_get_show},
	{"senders", "block", API_RPC_SENDERS_BLOCK, ARGS(senders_block), .show = cli_sender_show},
	{"senders", "unblock", API_RPC_SENDERS_UNBLOCK, ARGS(senders_change),
		.show = cli_sender_show},
	{"senders", "exempt", API_RPC_SENDERS_EXEMPT, ARGS(senders_exempt),
		.show = cli_sender_show},
	{"senders", "clear", API_RPC_SENDERS_CLEAR, ARGS(senders_change), .show = cli_sender_show},
	{"senders", "top", API_RPC_SENDERS_TOP, ARGS(known_top), .show = cli_senders_show},
	{"senders", "import", API_RPC_SENDERS_IMPORT, ARGS(known_import), .run = cli_known_import,
		.show = cli_import_rows_show},
	{"senders", "export", API_RPC_SENDERS_EXPORT, ARGS(known_export), .run = cli_known_export},
	{"audit", "list", API_RPC_AUDIT_LIST, .alone = true, ARGS(audit_list),
		.show = cli_audit_show},
};
// clang-format on
const unsigned cli_verb_count = sizeof(cli_verbs) / sizeof(cli_verbs[0]);
enum { SECOND_NAMES = 2 }; // `config list` and `config show`
_Static_assert(sizeof(cli_verbs) / sizeof(cli_verbs[0]) == API_RPC_COUNT + SECOND_NAMES,
	"a verb each");
