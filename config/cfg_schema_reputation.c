// SPDX-License-Identifier: BSD-3-Clause
// The schema of reputation:, and of what a session profile makes of it; what cfg_schema.c says holds here, too.
// Thread: any; constants.
#include "cfg_schema_int.h"

static const char *const action_words[] = {"off", "monitor", "reject", NULL};

enum { WEIGHT_MAX = 10000, MINUTES_MAX = 1440, DURATION_MAX = 525600 };

// clang-format off: tables
static const struct cfg_field endpoint_fields[] = {
	{.key = "window_min",
		.kind = CFG_KIND_NUMBER,
		AT(cfg_reputation, endpoint.window_min),
		.min = 15,
		.max = MINUTES_MAX,
		.preset = "15",
		.unit = "minutes",
		.reload = true,
		.help = "a subscriber's score is the spam messages of this span: 15, 30, 60, 90, "
			"120, 240, 360, 480 or 1440"},
};
static const struct cfg_section endpoint_section = {.name = "reputation.endpoint",
	SECTION(cfg_reputation, endpoint_fields),
	.at_off = CFG_NO_OFF};

static const struct cfg_field sender_fields[] = {
	{.key = "prefixes4",
		.kind = CFG_KIND_LIST,
		.item = CFG_KIND_NUMBER,
		LIST(cfg_reputation, sender.lengths4, sender.nlengths4),
		.min = 8,
		.max = 32,
		.preset = "32",
		.unit = "bits",
		.reload = true,
		.help = "lengths of IPv4 prefixes that have a score of their own, at most 4; a client has "
			"the worst of them"},
	{.key = "prefixes6",
		.kind = CFG_KIND_LIST,
		.item = CFG_KIND_NUMBER,
		LIST(cfg_reputation, sender.lengths6, sender.nlengths6),
		.min = 16,
		.max = 128,
		.preset = "64",
		.unit = "bits",
		.reload = true,
		.help = "the same of IPv6"},
	{.key = "windows_min",
		.kind = CFG_KIND_LIST,
		.item = CFG_KIND_NUMBER,
		LIST(cfg_reputation, sender.windows_min, sender.nwindows),
		.min = 30,
		.max = MINUTES_MAX,
		.preset = "720",
		.unit = "minutes",
		.reload = true,
		.help = "spans that are scored, each for itself, multiples of 30, at most 4; the worst "
			"counts"},
	{.key = "spam",
		.kind = CFG_KIND_NUMBER,
		AT(cfg_reputation, sender.spam),
		.min = 0,
		.max = WEIGHT_MAX,
		.preset = "100",
		.unit = "percent",
		.reload = true,
		.help = "what a spam message weighs; a clean one weighs 100"},
	{.key = "recipient",
		.kind = CFG_KIND_NUMBER,
		AT(cfg_reputation, sender.recipient),
		.min = 0,
		.max = WEIGHT_MAX,
		.preset = "50",
		.unit = "percent",
		.reload = true,
		.help = "what a recipient weighs that the server refused"},
	{.key = "auth",
		.kind = CFG_KIND_NUMBER,
		AT(cfg_reputation, sender.auth),
		.min = 0,
		.max = WEIGHT_MAX,
		.preset = "50",
		.unit = "percent",
		.reload = true,
		.help = "what a failed login weighs"},
	{.key = "k",
		.kind = CFG_KIND_NUMBER,
		AT(cfg_reputation, sender.k),
		.min = 1,
		.max = 1000,
		.preset = "4",
		.unit = "messages",
		.reload = true,
		.help = "clean messages that each sender begins with: score = 100 bad / (bad + good + k)"},
};
static const struct cfg_section sender_section = {.name = "reputation.sender",
	SECTION(cfg_reputation, sender_fields),
	.at_off = CFG_NO_OFF};

static const struct cfg_field auth_fields[] = {
	{.key = "failures",
		.kind = CFG_KIND_NUMBER,
		AT(cfg_reputation, auth.failures),
		.min = 1,
		.max = 200,
		.preset = "5",
		.unit = "logins",
		.reload = true,
		.help = "failed ones of a client or subscriber in window_min that block its AUTH"},
	{.key = "window_min",
		.kind = CFG_KIND_NUMBER,
		AT(cfg_reputation, auth.window_min),
		.min = 1,
		.max = MINUTES_MAX,
		.preset = "30",
		.unit = "minutes",
		.reload = true,
		.help = "span in which they count"},
	{.key = "block_min",
		.kind = CFG_KIND_NUMBER,
		AT(cfg_reputation, auth.block_min),
		.min = 1,
		.max = MINUTES_MAX,
		.preset = "10",
		.unit = "minutes",
		.reload = true,
		.help = "what the first block lasts; those that follow grow"},
};
static const struct cfg_section auth_section = {.name = "reputation.auth",
	SECTION(cfg_reputation, auth_fields),
	.at_off = CFG_NO_OFF};

static const struct cfg_field hook_fields[] = {
	{.key = "command",
		.kind = CFG_KIND_PATH,
		AT2(cfg_reputation, hook.command, hook.command_at),
		.max = 1023,
		.local = true,
		.preset = "",
		.reload = true,
		.help = "a program that is run once a block, without a shell or arguments, with the facts "
			"in its environment; empty = none"},
	{.key = "per_min",
		.kind = CFG_KIND_NUMBER,
		AT(cfg_reputation, hook.per_min),
		.min = 1,
		.max = 6000,
		.preset = "60",
		.unit = "runs a minute",
		.reload = true,
		.help = "at most; beyond it runs are left out, and counted"},
	{.key = "at_once",
		.kind = CFG_KIND_NUMBER,
		AT(cfg_reputation, hook.at_once),
		.min = 1,
		.max = 64,
		.preset = "4",
		.unit = "processes",
		.reload = true,
		.help = "at most; likewise"},
};
static const struct cfg_section hook_section = {
	.name = "reputation.hook", SECTION(cfg_reputation, hook_fields), .at_off = CFG_NO_OFF};

// The four lie side by side in one struct: their rows say from its beginning where.
#define PART(k, table, what) \
	{.key = k, .kind = CFG_KIND_MAP, .off = 0, .sub = &table, .preset = "", .reload = true, \
		.help = what}
static const struct cfg_field reputation_fields[] = {
	PART("endpoint", endpoint_section, "of subscribers"),
	PART("sender", sender_section, "of clients by address"),
	PART("auth", auth_section, "failed logins"),
	PART("hook", hook_section, "what is run at each block"),
	{.key = "geoip_database",
		.kind = CFG_KIND_PATH,
		AT2(cfg_reputation, geoip_database, geoip_at),
		.max = 1023,
		.local = true,
		.preset = "",
		.reload = true,
		.help = "a MaxMind DB file (.mmdb) that has countries by address: lists of senders tell where "
			"each is; read at a commit; empty = none"},
};
const struct cfg_section cfg_reputation_section = {.name = "reputation",
	SECTION(cfg_reputation, reputation_fields),
	.at_off = CFG_NO_OFF};

static const struct cfg_field endpoint_choice_fields[] = {
	{.key = "action",
		.kind = CFG_KIND_WORD,
		AT(cfg_endpoint_choice, action),
		.words = action_words,
		.preset = "off",
		.reload = true,
		.help = "on a subscriber who is blocked: monitor tells it in the log, reject refuses (5.7.1)"},
	{.key = "trigger",
		.kind = CFG_KIND_NUMBER,
		AT(cfg_endpoint_choice, trigger),
		.min = 0,
		.max = 10000,
		.preset = "5",
		.unit = "messages",
		.reload = true,
		.help = "a subscriber whose score is over this is blocked"},
	{.key = "duration_min",
		.kind = CFG_KIND_NUMBER,
		AT(cfg_endpoint_choice, duration_min),
		.min = 1,
		.max = DURATION_MAX,
		.preset = "60",
		.unit = "minutes",
		.reload = true,
		.help = "for so long, under every profile"},
};
const struct cfg_section cfg_endpoint_choice_section = {
	.name = "session_profiles.*.endpoint_reputation",
	SECTION(cfg_endpoint_choice, endpoint_choice_fields),
	.at_off = CFG_NO_OFF};

#define SCORE(k, m, value, what) \
	{.key = k, .kind = CFG_KIND_NUMBER, AT(cfg_sender_choice, m), .min = 1, .max = 100, .zero = true, \
		.preset = value, .unit = "points", .reload = true, .help = what}
static const struct cfg_field sender_choice_fields[] = {
	{.key = "action",
		.kind = CFG_KIND_WORD,
		AT(cfg_sender_choice, action),
		.words = action_words,
		.preset = "off",
		.reload = true,
		.help = "on a client that is blocked, or over one of the scores: monitor tells it in the "
			"log, reject does it"},
	SCORE("throttle_at", throttle_at, "15",
		"over this score a client's messages an hour are limited; 0 = never"),
	{.key = "throttle_messages",
		.kind = CFG_KIND_NUMBER,
		AT(cfg_sender_choice, throttle_messages),
		.min = 0,
		.max = 60000,
		.preset = "1",
		.unit = "messages",
		.reload = true,
		.help = "to so many in the clock hour,"},
	{.key = "throttle_percent",
		.kind = CFG_KIND_NUMBER,
		AT(cfg_sender_choice, throttle_percent),
		.min = 0,
		.max = 1000,
		.preset = "1",
		.unit = "percent",
		.reload = true,
		.help = "or this share of those in the clock hour before, whichever is more; the next MAIL "
			"is answered 450"},
	SCORE("tempfail_at", tempfail_at, "55", "over this it is put off (421, later 451); 0 = never"),
	SCORE("reject_at", reject_at, "80", "over this it is refused (554, later 550); 0 = never"),
};
const struct cfg_section cfg_sender_choice_section = {.name = "session_profiles.*.sender_reputation",
	SECTION(cfg_sender_choice, sender_choice_fields),
	.at_off = CFG_NO_OFF};

static const struct cfg_field auth_choice_fields[] = {
	{.key = "action",
		.kind = CFG_KIND_WORD,
		AT(cfg_auth_choice, action),
		.words = action_words,
		.preset = "off",
		.reload = true,
		.help = "on AUTH while it is blocked: monitor tells it in the log, reject answers 454"},
};
const struct cfg_section cfg_auth_choice_section = {.name = "session_profiles.*.auth_reputation",
	SECTION(cfg_auth_choice, auth_choice_fields),
	.at_off = CFG_NO_OFF};
// clang-format on
