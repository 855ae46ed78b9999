// SPDX-License-Identifier: BSD-3-Clause
// The schema: every key the configuration knows, with type, unit, range, default, whether a commit
// changes it, and one line of help. Loader, checker, printer and reference work from these tables;
// a new key is one row here and one member in cfg.h. What keys mean together is cfg_check.c.
#include "cfg_int.h"

#define AT(st, m) .off = offsetof(struct st, m), .size = sizeof(((struct st *)NULL)->m)
#define AT2(st, m, n) AT(st, m), .off2 = offsetof(struct st, n)
#define LIST(st, m, n) AT2(st, m, n), .item_size = sizeof(*((struct st *)NULL)->m)
#define SECTION(st, table) .fields = table, .nfields = sizeof(table) / sizeof((table)[0]), \
	.size = sizeof(struct st)

static const char *const mode_words[] = {"pair", "learn", NULL};
static const char *const idle_words[] = {"poll", "pause", "sleep", NULL};
static const char *const huge_words[] = {"auto", "on", "off", NULL};
static const char *const pick_words[] = {"proxy", "pass", "drop", NULL};
static const char *const refuse_words[] = {"pass", "refuse", NULL};
static const char *const action_words[] = {"pass", "inspect", "reject", "tempfail", "drop", NULL};
static const char *const verdict_words[] = {"reject", "tempfail", "discard", "monitor", NULL};

// 32 ports fit the bit set of a policy image. The list of workers ends at 64, as any list of
// values, which is what the link's head holds.
enum {
	PORTS_MAX = 32,
	CPU_MAX = 1023,
	POLICIES_MAX = 10000,
	PROFILES_MAX = 1000,
	SOCKET_PATH_MAX = 107, // bytes: sun_path without its NUL
};

static const struct cfg_field port_fields[] = {
	{.key = "name", .kind = CFG_KIND_NAME, AT(cfg_port, name), .min = 1, .max = 31,
	 .help = "name that pairs, contexts and policies use"},
	{.key = "dev", .kind = CFG_KIND_DEV, AT(cfg_port, dev), .min = 1, .max = 255,
	 .help = "DPDK device string: a PCI address or a virtual device"},
	{.key = "mtu", .kind = CFG_KIND_NUMBER, AT(cfg_port, mtu), .min = 68, .max = 65535,
	 .zero = true,
	 .preset = "0", .unit = "bytes", .help = "largest packet; 0 keeps the device's"},
};
static const struct cfg_section port_section = {.name = "dataplane.ports[]",
	SECTION(cfg_port, port_fields), .at_off = offsetof(struct cfg_port, at)};

static const struct cfg_field pair_fields[] = {
	{.key = "a", .kind = CFG_KIND_REF, AT(cfg_pair, a), .min = 1, .max = 31, .help = "a port"},
	{.key = "b", .kind = CFG_KIND_REF, AT(cfg_pair, b), .min = 1, .max = 31,
	 .help = "its peer"},
};
static const struct cfg_section pair_section = {.name = "dataplane.pairs[]",
	SECTION(cfg_pair, pair_fields), .at_off = offsetof(struct cfg_pair, at), .tuple = true};

static const struct cfg_field dataplane_fields[] = {
	{.key = "mode", .kind = CFG_KIND_WORD, AT(cfg_dataplane, mode), .words = mode_words,
	 .preset = "pair", .help = "pair: frames leave by the peer port; learn: learning bridge"},
	{.key = "idle", .kind = CFG_KIND_WORD, AT(cfg_dataplane, idle), .words = idle_words,
	 .preset = "poll",
	 .help = "what a worker does when no frame waits; sleep suits small machines"},
	{.key = "hugepages", .kind = CFG_KIND_WORD, AT(cfg_dataplane, hugepages),
	 .words = huge_words,
	 .preset = "auto", .help = "auto: ordinary pages with one warning where none are free"},
	{.key = "main_core", .kind = CFG_KIND_NUMBER, AT(cfg_dataplane, main_core), .min = 0,
	 .max = CPU_MAX, .preset = "0", .unit = "CPU", .help = "CPU of the manager thread"},
	{.key = "workers", .kind = CFG_KIND_LIST, .item = CFG_KIND_NUMBER,
	 LIST(cfg_dataplane, workers, nworkers), .min = 0, .max = CPU_MAX, .unit = "CPU",
	 .help = "CPUs of the workers, one each"},
	{.key = "ports", .kind = CFG_KIND_MAPS, AT2(cfg_dataplane, ports, nports), .max = PORTS_MAX,
	 .sub = &port_section, .help = "the network ports"},
	{.key = "pairs", .kind = CFG_KIND_MAPS, AT2(cfg_dataplane, pairs, npairs),
	 .max = PORTS_MAX / 2,
	 .sub = &pair_section, .preset = "", .help = "mode pair: which two ports belong together"},
	{.key = "flows", .kind = CFG_KIND_NUMBER, AT(cfg_dataplane, flows), .min = 16,
	 .max = 100000000,
	 .preset = "1000000", .unit = "flows", .help = "inspected connections at most"},
	{.key = "messages", .kind = CFG_KIND_NUMBER, AT(cfg_dataplane, messages), .min = 1,
	 .max = 10000000, .preset = "10000", .unit = "messages", .help = "messages open at once"},
	{.key = "slabs", .kind = CFG_KIND_NUMBER, AT(cfg_dataplane, slabs), .min = 64,
	 .max = 16777216,
	 .preset = "65536", .unit = "2 kB slabs", .help = "memory for bytes not yet acknowledged"},
	{.key = "memory_mb", .kind = CFG_KIND_NUMBER, AT(cfg_dataplane, memory_mb), .min = 64,
	 .max = 1048576, .zero = true, .preset = "0", .unit = "MB",
	 .help = "for DPDK; 0 = computed"},
	{.key = "image_max_mb", .kind = CFG_KIND_NUMBER, AT(cfg_dataplane, image_max_mb), .min = 1,
	 .max = 2048, .preset = "64", .unit = "MB", .help = "largest compiled policy"},
	{.key = "file_prefix", .kind = CFG_KIND_NAME, AT(cfg_dataplane, file_prefix), .min = 1,
	 .max = 31,
	 .preset = "mailweir",
	 .help = "DPDK's name for this instance; two on one host differ here"},
	{.key = "eal_args", .kind = CFG_KIND_LIST, .item = CFG_KIND_TEXT,
	 LIST(cfg_dataplane, eal_args, neal_args), .min = 1, .max = 255, .preset = "",
	 .help = "handed to DPDK as they are"},
};
static const struct cfg_section dataplane_section = {.name = "dataplane",
	SECTION(cfg_dataplane, dataplane_fields), .at_off = offsetof(struct cfg_dataplane, at)};

static const struct cfg_field control_fields[] = {
	{.key = "link", .kind = CFG_KIND_PATH, AT(cfg_control, link), .min = 1,
	 .max = SOCKET_PATH_MAX,
	 .preset = "/run/mailweir/link.sock", .help = "socket between the two processes"},
	{.key = "rpc", .kind = CFG_KIND_PATH, AT(cfg_control, rpc), .min = 1,
	 .max = SOCKET_PATH_MAX,
	 .preset = "/run/mailweir/rpc.sock", .help = "socket of mailweirctl"},
	{.key = "state_dir", .kind = CFG_KIND_PATH, AT(cfg_control, state_dir), .min = 1,
	 .max = 1023,
	 .preset = "/var/lib/mailweir", .help = "rules added at run time, last good revision"},
	{.key = "event_log", .kind = CFG_KIND_PATH, AT(cfg_control, event_log), .min = 1,
	 .max = 1023,
	 .preset = "/var/log/mailweir/events.json", .help = "JSON lines; \"-\" = standard output"},
	{.key = "group", .kind = CFG_KIND_TEXT, AT(cfg_control, group), .max = 32, .preset = "",
	 .help = "group of the rpc socket; empty = unchanged"},
	{.key = "user_dataplane", .kind = CFG_KIND_TEXT, AT(cfg_control, user_dataplane), .max = 32,
	 .preset = "", .help = "user that the data plane drops to; empty = stays"},
	{.key = "user_controlplane", .kind = CFG_KIND_TEXT, AT(cfg_control, user_controlplane),
	 .max = 32, .preset = "", .help = "user that the control plane drops to; empty = stays"},
};
static const struct cfg_section control_section = {.name = "control",
	SECTION(cfg_control, control_fields), .at_off = CFG_NO_OFF};

static const struct cfg_field pickup_fields[] = {
	{.key = "ports", .kind = CFG_KIND_LIST, .item = CFG_KIND_NUMBER,
	 LIST(cfg_pickup, ports, nports), .min = 1, .max = 65535, .preset = "25", .reload = true,
	 .unit = "TCP port", .help = "server ports whose connections are looked at"},
	{.key = "incoming", .kind = CFG_KIND_WORD, AT(cfg_pickup, incoming), .words = pick_words,
	 .preset = "proxy", .reload = true, .help = "connections to protected domains' servers"},
	{.key = "outgoing", .kind = CFG_KIND_WORD, AT(cfg_pickup, outgoing), .words = pick_words,
	 .preset = "proxy", .reload = true, .help = "connections to any other server"},
	{.key = "local", .kind = CFG_KIND_BOOL, AT(cfg_pickup, local), .preset = "false",
	 .reload = true, .help = "connections to this machine itself"},
};
static const struct cfg_section pickup_section = {.name = "pickup",
	SECTION(cfg_pickup, pickup_fields), .at_off = offsetof(struct cfg_pickup, at)};

static const struct cfg_field context_fields[] = {
	{.key = "name", .kind = CFG_KIND_NAME, AT(cfg_context, name), .min = 1, .max = 63,
	 .reload = true, .help = "name that policies use"},
	{.key = "ports", .kind = CFG_KIND_LIST, .item = CFG_KIND_REF, LIST(cfg_context, ports,
	 nports),
	 .min = 1, .max = 31, .reload = true, .help = "the ports that belong to it"},
	{.key = "by_vlan", .kind = CFG_KIND_BOOL, AT(cfg_context, by_vlan), .preset = "false",
	 .reload = true, .help = "each tag is a network of its own"},
};
static const struct cfg_section context_section = {.name = "contexts[]",
	SECTION(cfg_context, context_fields), .at_off = offsetof(struct cfg_context, at)};

static const struct cfg_field rules_fields[] = {
	{.key = "file", .kind = CFG_KIND_PATH, AT(cfg_rules, file), .max = 1023, .preset = "",
	 .reload = true, .help = "the rules; empty = none"},
};
static const struct cfg_section rules_section = {.name = "rules",
	SECTION(cfg_rules, rules_fields), .at_off = offsetof(struct cfg_rules, at)};

static const struct cfg_field session_fields[] = {
	{.key = "prevent_encryption", .kind = CFG_KIND_BOOL, AT(cfg_session, prevent_encryption),
	 .preset = "false", .reload = true, .help = "mask STARTTLS so that mail can be read"},
	{.key = "mask_chunking", .kind = CFG_KIND_BOOL, AT(cfg_session, mask_chunking),
	 .preset = "false", .reload = true, .help = "mask CHUNKING, so that clients use DATA"},
	{.key = "mask_unknown", .kind = CFG_KIND_BOOL, AT(cfg_session, mask_unknown),
	 .preset = "true", .reload = true, .help = "mask EHLO keywords that are not known here"},
	{.key = "strict_lines", .kind = CFG_KIND_WORD, AT(cfg_session, strict_lines),
	 .words = refuse_words, .preset = "pass", .reload = true,
	 .help = "command lines with odd line ends: refuse answers 500"},
	{.key = "possible_end", .kind = CFG_KIND_WORD, AT(cfg_session, refuse_possible_end),
	 .words = refuse_words, .preset = "pass", .reload = true,
	 .help = "an end of data that only some servers see: refuse condemns the message"},
	{.key = "idle_s", .kind = CFG_KIND_NUMBER, AT(cfg_session, idle_s), .min = 10, .max = 86400,
	 .zero = true, .preset = "0", .unit = "seconds", .reload = true,
	 .help = "silence after which a session is reset; 0 = 900"},
};
static const struct cfg_section session_section = {.name = "session_profiles.*",
	SECTION(cfg_session, session_fields), .at_off = offsetof(struct cfg_session, at),
	.name_off = offsetof(struct cfg_session, name)};

static const struct cfg_field content_fields[] = {
	{.key = "threshold", .kind = CFG_KIND_NUMBER, AT(cfg_content, threshold), .min = 0,
	 .max = 1000000, .preset = "5", .unit = "points", .reload = true,
	 .help = "a message is spam when its score is over this"},
	{.key = "action", .kind = CFG_KIND_WORD, AT(cfg_content, action), .words = verdict_words,
	 .preset = "reject", .reload = true, .help = "what happens to a condemned message"},
	{.key = "text", .kind = CFG_KIND_TEXT, AT(cfg_content, text), .max = 200, .preset = "",
	 .reload = true, .help = "text of the refusal; empty = the usual one"},
};
static const struct cfg_section content_section = {.name = "content_profiles.*",
	SECTION(cfg_content, content_fields), .at_off = offsetof(struct cfg_content, at),
	.name_off = offsetof(struct cfg_content, name)};

static const struct cfg_field policy_fields[] = {
	{.key = "name", .kind = CFG_KIND_NAME, AT(cfg_policy, name), .min = 1, .max = 63,
	 .reload = true, .help = "name in logs and commands"},
	{.key = "comment", .kind = CFG_KIND_TEXT, AT(cfg_policy, comment), .max = 255, .preset = "",
	 .reload = true, .help = "for people"},
	{.key = "enabled", .kind = CFG_KIND_BOOL, AT(cfg_policy, enabled), .preset = "true",
	 .reload = true, .help = "false: as if it were not there"},
	{.key = "source", .kind = CFG_KIND_PREFIX, AT(cfg_policy, source), .preset = "any",
	 .reload = true, .help = "the client's address: any, an address or a prefix"},
	{.key = "destination", .kind = CFG_KIND_PREFIX, AT(cfg_policy, destination),
	 .preset = "any",
	 .reload = true, .help = "the server's address"},
	{.key = "context", .kind = CFG_KIND_REF, AT(cfg_policy, context), .min = 1, .max = 63,
	 .preset = "any", .none_word = "any", .reload = true, .help = "a context"},
	{.key = "ingress", .kind = CFG_KIND_LIST, .item = CFG_KIND_REF,
	 LIST(cfg_policy, ingress, ningress), .min = 1, .max = 31, .preset = "any",
	 .none_word = "any",
	 .reload = true, .help = "ports that the client's first frame comes in by"},
	{.key = "vlan", .kind = CFG_KIND_VLAN, AT2(cfg_policy, vlan_lo, vlan_hi), .min = 1,
	 .max = 4094,
	 .preset = "any", .reload = true, .help = "outer tag: any, untagged, 10 or 10-20"},
	{.key = "port", .kind = CFG_KIND_PORTS, AT2(cfg_policy, port_lo, port_hi), .min = 1,
	 .max = 65535, .preset = "any", .reload = true, .help = "server's port: any, 25 or 25-30"},
	{.key = "action", .kind = CFG_KIND_WORD, AT(cfg_policy, action), .words = action_words,
	 .reload = true, .help = "what happens to the connection"},
	{.key = "session", .kind = CFG_KIND_REF, AT(cfg_policy, session), .min = 1, .max = 63,
	 .preset = "none", .none_word = "none", .reload = true, .help = "a session profile"},
	{.key = "content", .kind = CFG_KIND_REF, AT(cfg_policy, content), .min = 1, .max = 63,
	 .preset = "none", .none_word = "none", .reload = true, .help = "a content profile"},
};
static const struct cfg_section policy_section = {.name = "policies[]",
	SECTION(cfg_policy, policy_fields), .at_off = offsetof(struct cfg_policy, at)};

static const struct cfg_field root_fields[] = {
	{.key = "dataplane", .kind = CFG_KIND_MAP, AT(cfg, dataplane), .sub = &dataplane_section,
	 .help = "ports, cores and memory of the data plane"},
	{.key = "control", .kind = CFG_KIND_MAP, AT(cfg, control), .sub = &control_section,
	 .preset = "", .help = "names that tell instances apart"},
	{.key = "pickup", .kind = CFG_KIND_MAP, AT(cfg, pickup), .sub = &pickup_section,
	 .preset = "", .reload = true, .help = "which connections are looked at"},
	{.key = "contexts", .kind = CFG_KIND_MAPS, AT2(cfg, contexts, ncontexts), .max = PORTS_MAX,
	 .sub = &context_section, .preset = "", .reload = true,
	 .help = "networks that may use the same addresses; left out: one, of all ports"},
	{.key = "rules", .kind = CFG_KIND_MAP, AT(cfg, rules), .sub = &rules_section, .preset = "",
	 .reload = true, .help = "the patterns that score a message"},
	{.key = "session_profiles", .kind = CFG_KIND_NAMED, AT2(cfg, sessions, nsessions),
	 .max = PROFILES_MAX, .sub = &session_section, .preset = "", .reload = true,
	 .help = "how a session is treated, by name"},
	{.key = "content_profiles", .kind = CFG_KIND_NAMED, AT2(cfg, contents, ncontents),
	 .max = PROFILES_MAX, .sub = &content_section, .preset = "", .reload = true,
	 .help = "what condemns a message and what then happens, by name"},
	{.key = "policies", .kind = CFG_KIND_MAPS, AT2(cfg, policies, npolicies),
	 .max = POLICIES_MAX,
	 .sub = &policy_section, .preset = "", .reload = true,
	 .help = "in order: the first that matches decides; none = forwarded unread"},
};
const struct cfg_section cfg_root = {.name = "", SECTION(cfg, root_fields), .at_off = CFG_NO_OFF};
