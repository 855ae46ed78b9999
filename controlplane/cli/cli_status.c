// SPDX-License-Identifier: BSD-3-Clause
// `status`: the share of SMTP that is not scanned comes first, by reason.
// Thread: the program's only one.
#include <inttypes.h>
#include <string.h>

#include "cli.h"

static void share_print(const json_t *smtp, const json_t *reasons)
{
	const json_t *reason;
	size_t i;

	if (cli_int(smtp, "connections") == 0)
		(void)printf("SMTP not scanned: none of 0 connections");
	else
		(void)printf("SMTP not scanned: %.1f %% of %" PRId64 " connections",
			100 * cli_real(smtp, "unread_share"), cli_int(smtp, "connections"));
	json_array_foreach(reasons, i, reason)
	{
		(void)printf("%s %s %" PRId64, i == 0 ? ":" : ",", cli_text(reason, "reason"),
			cli_int(reason, "count"));
		if (json_is_number(json_object_get(reason, "share")))
			(void)printf(" (%.1f %% of %s)", 100 * cli_real(reason, "share"),
				cli_text(reason, "unit"));
	}
	(void)putchar('\n');
}

// What the self-check warns of.
static void alarms_print(const json_t *alarms)
{
	const json_t *row;
	size_t i;

	json_array_foreach(alarms, i, row)(void) printf("%-18s%s: %s (mailweirctl doctor)\n",
		strcmp(cli_text(row, "state"), "error") == 0 ? "ERROR:" : "WARNING:",
		cli_text(row, "check"), cli_text(row, "seen"));
}

static void dataplane_print(const json_t *r)
{
	const json_t *dp = json_object_get(r, "dataplane");
	char since[32];

	if (!cli_bool(r, "attached")) {
		(void)printf("data plane:       not attached: %s (%s)\n",
			cli_text(json_object_get(r, "link"), "why"),
			cli_text(json_object_get(r, "link"), "path"));
		return;
	}
	(void)printf("data plane:       attached for %s, pid %" PRId64 ", started %s, %" PRId64
		     " worker%s, turned %" PRId64 " ms ago, %s\n",
		cli_duration(1000 * cli_int(r, "attached_s"), since), cli_int(dp, "pid"),
		cli_text(dp, "boot"), cli_int(dp, "workers"),
		cli_int(dp, "workers") == 1 ? "" : "s", cli_int(dp, "heartbeat_ms"),
		cli_bool(dp, "hugepages") ? "hugepages" : "no hugepages");
}

static void drain_print(const json_t *dp)
{
	const json_t *drain = json_object_get(dp, "drain");

	if (json_is_string(json_object_get(dp, "health")))
		(void)printf("health port:      says %s\n", cli_text(dp, "health"));
	if (json_is_string(json_object_get(drain, "new"))) {
		(void)printf("DRAIN:            ");
		cli_drain_print(drain);
	}
}

static void policy_print(const json_t *r)
{
	const json_t *config = json_object_get(r, "config"), *dp = json_object_get(r, "dataplane");
	const char *state = cli_text(config, "state");
	int64_t ours = cli_int(config, "revision"), theirs = cli_int(dp, "image_version");

	if (json_is_null(json_object_get(config, "revision")))
		(void)printf("policy:           none yet");
	else
		(void)printf("policy:           revision %" PRId64 " of %s, %" PRId64
			     " policies, %" PRId64 " rules",
			ours, cli_text(config, "at"), cli_int(config, "policies"),
			cli_int(config, "rules"));
	if (strcmp(state, "last_good") == 0)
		(void)printf("; LAST GOOD REVISION: the configuration can't be used");
	else if (strcmp(state, "pass_everything") == 0)
		(void)printf("; PASSES EVERYTHING: no usable configuration");
	if (json_is_string(json_object_get(config, "confirm_until")))
		(void)printf("; TO BE CONFIRMED before %s", cli_text(config, "confirm_until"));
	if (cli_bool(config, "busy"))
		(void)printf("; a change is under way");
	(void)putchar('\n');
	if (cli_bool(r, "attached") && theirs == 0)
		(void)printf("in force:         no policy yet\n");
	else if (cli_bool(r, "attached"))
		(void)printf("in force:         revision %" PRId64 "%s, %" PRId64 " swaps, %" PRId64
			     " refused\n",
			theirs, theirs == ours ? "" : " (NOT the one above)",
			cli_int(dp, "image_swaps"), cli_int(dp, "image_refused"));
	if (json_is_integer(json_object_get(dp, "shadow_version")))
		(void)printf("beside it:        candidate %" PRId64
			     ", which changes nothing (mailweirctl config shadow)\n",
			cli_int(dp, "shadow_version"));
}

static void store_print(const json_t *store)
{
	const char *state = cli_text(store, "state");

	if (strcmp(state, "lost") == 0)
		(void)printf("store:            LOST: %s: bindings, lists and scores are in memory "
			     "alone since %s, %" PRId64 " rows unstored",
			cli_text(store, "why"), cli_text(store, "since"),
			cli_int(store, "unstored"));
	else if (strcmp(state, "memory") == 0)
		(void)printf("store:            none: bindings, lists and scores end with the "
			     "control plane");
	else
		(void)printf("store:            %" PRId64 " rows written, %" PRId64 " unstored",
			cli_int(store, "rows"), cli_int(store, "unstored"));
	if (cli_bool(store, "pickup_stopped"))
		(void)printf("; NEW CONNECTIONS PASS UNREAD (store.on_loss)");
	(void)putchar('\n');
}

void cli_status_show(const json_t *r, const json_t *params)
{
	const json_t *smtp = json_object_get(r, "smtp"), *log = json_object_get(r, "event_log");
	const json_t *line, *config = json_object_get(r, "config");
	char up[32];
	size_t i;

	(void)params; // has none
	if (json_is_object(smtp))
		share_print(smtp, json_object_get(r, "not_scanned"));
	else
		(void)printf("SMTP not scanned: not known, no data plane is attached\n");
	alarms_print(json_object_get(r, "alarms"));
	dataplane_print(r);
	drain_print(json_object_get(r, "dataplane"));
	policy_print(r);
	if (json_is_object(smtp))
		(void)printf("now:              %" PRId64 " flows; so far %" PRId64
			     " connections read, %" PRId64 " messages, %" PRId64
			     " refused as spam\n",
			cli_int(r, "flows"), cli_int(smtp, "inspected"), cli_int(smtp, "messages"),
			cli_int(smtp, "messages_rejected"));
	(void)printf("event log:        %s, %" PRId64 " lines, %" PRId64 " lost",
		cli_text(log, "path"), cli_int(log, "written"), cli_int(log, "lost"));
	if (json_is_string(json_object_get(log, "error")))
		(void)printf("; CANNOT WRITE: %s", cli_text(log, "error"));
	(void)putchar('\n');
	store_print(json_object_get(r, "store"));
	(void)printf("control plane:    version %s, pid %" PRId64 ", up %s, configuration %s\n",
		cli_text(r, "version"), cli_int(r, "pid"),
		cli_duration(1000 * cli_int(r, "uptime_s"), up), cli_text(config, "file"));
	json_array_foreach(json_object_get(config, "errors"), i, line)(void)
		printf("error:            %s\n", json_string_value(line));
}
