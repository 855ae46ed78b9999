// SPDX-License-Identifier: BSD-3-Clause
// What the methods share. Thread: the loop's.
#pragma once

#include <jansson.h>

#include "core_link.h"
#include "core_loop.h"
#include "serve.h"
#include "serve_ask.h"
#include "serve_change.h"
#include "serve_counts.h"
#include "serve_doctor.h"
#include "serve_events.h"
#include "serve_explain.h"
#include "serve_hash.h"
#include "serve_http.h"
#include "serve_memory.h"
#include "serve_names.h"
#include "serve_params.h"
#include "serve_radius.h"
#include "serve_refused.h"
#include "serve_reputation.h"
#include "serve_rpc.h"
#include "serve_shadow.h"
#include "serve_store.h"
#include "sto.h"

enum {
	SERVE_CHECKS_MAX = 2, // config.check and rules.check at the same time
	SERVE_TOPS_MAX = 4,   // endpoints.top and senders.top
	SERVE_AUDITS_MAX = 4, // audit.list
};

struct serve_check;
struct serve_place;
struct serve_top;
struct serve_audit_read;

struct serve_hits { // the data plane counts by place in the list, whatever image it has
	uint64_t boot;                            // of the data plane
	uint64_t before[API_STATS_POLICIES_MAX];  // what it had counted when that came into force
};

struct serve {
	struct core_loop *loop;
	const struct cfg *boot;                 // `start`
	struct cfg start;                       // what we run with until the end: that of the start, and
	struct cfg *services;                   // ... store: and radius: of this
	const struct cfg_control *control;
	const char *version;
	uint64_t started_us;
	int64_t started_s;                      // since 1970
	struct core_link *link;
	struct serve_rpc *rpc;
	struct serve_http *http;                // gives metrics
	struct serve_doctor *doctor;            // the self-check
	struct serve_shadow *shadow;            // a candidate beside the policy in force
	struct serve_asks *asks;                // what sessions want to know
	struct serve_events *events;
	struct serve_hash *hash;                // of mail addresses in events, NULL = none
	struct serve_store *store;
	struct sto *sto;                        // rows that outlive the process
	struct event *sto_turn;
	bool pickup_stopped;                    // for it is lost: store.on_loss
	struct sto_restore restore;             // who wants them back; arg is this
	struct serve_counts *counts;            // what limits counted
	struct serve_changes *changes;
	struct serve_names *names;              // of policies and contexts by image version
	struct serve_explain *explain;          // explain.get under way, NULL = none
	struct serve_hits hits;
	struct serve_refused *refused;          // by policy and reason
	struct serve_call *drain_call;          // system.drain under way, NULL = none
	struct serve_call *flows_call;          // flows.list under way, NULL = none
	json_t *flows_rows;
	uint32_t flows_max;
	struct serve_check *checks[SERVE_CHECKS_MAX];
	struct serve_radius *radius;            // NULL = no accounting server
	struct serve_reputation *reputation;
	struct serve_place *place;              // countries of senders, NULL = none
	uint32_t said_era;                      // sto_era that its rows were said for
	bool saying;                            // ... are being said
	struct serve_top *tops[SERVE_TOPS_MAX]; // under way
	struct serve_audit_read *audits[SERVE_AUDITS_MAX]; // likewise
};

// Methods, each answers its call once (serve_rpc.h); `arg` is the struct serve.
void serve_system_status(void *arg, struct serve_call *call, json_t *params);
void serve_system_doctor(void *arg, struct serve_call *call, json_t *params);
void serve_stats_get(void *arg, struct serve_call *call, json_t *params);
void serve_ports_list(void *arg, struct serve_call *call, json_t *params);
void serve_system_drain(void *arg, struct serve_call *call, json_t *params);
void serve_flows_list(void *arg, struct serve_call *call, json_t *params);
void serve_sessions_tail(void *arg, struct serve_call *call, json_t *params);
// What becomes of a recipient under a session profile (an index, or POL_NONE), as policy.match tells it.
struct serve_recipient {
	struct addr client, server;
	bool auth;
	const char *helo, *sender, *recipient; // the first two NULL: none
};
json_t *serve_policy_access(
	const struct pol_image *img, uint32_t profile, const struct serve_recipient *q);
void serve_policy_match(void *arg, struct serve_call *call, json_t *params);
void serve_config_check(void *arg, struct serve_call *call, json_t *params);
void serve_config_commit(void *arg, struct serve_call *call, json_t *params);
void serve_config_get(void *arg, struct serve_call *call, json_t *params);
void serve_config_revisions(void *arg, struct serve_call *call, json_t *params);
void serve_config_diff(void *arg, struct serve_call *call, json_t *params);
void serve_config_confirm(void *arg, struct serve_call *call, json_t *params);
void serve_config_revert(void *arg, struct serve_call *call, json_t *params);
void serve_config_export(void *arg, struct serve_call *call, json_t *params);
void serve_config_import(void *arg, struct serve_call *call, json_t *params);
void serve_radius_status(void *arg, struct serve_call *call, json_t *params);
void serve_rules_check(void *arg, struct serve_call *call, json_t *params);
void serve_rules_add(void *arg, struct serve_call *call, json_t *params);
void serve_rules_del(void *arg, struct serve_call *call, json_t *params);
void serve_rules_list(void *arg, struct serve_call *call, json_t *params);
void serve_policies_list(void *arg, struct serve_call *call, json_t *params);
void serve_policies_add(void *arg, struct serve_call *call, json_t *params);
void serve_policies_insert(void *arg, struct serve_call *call, json_t *params);
void serve_policies_set(void *arg, struct serve_call *call, json_t *params);
void serve_policies_del(void *arg, struct serve_call *call, json_t *params);
void serve_policies_enable(void *arg, struct serve_call *call, json_t *params);
void serve_policies_disable(void *arg, struct serve_call *call, json_t *params);
void serve_policies_move(void *arg, struct serve_call *call, json_t *params);

void serve_endpoints_list(void *arg, struct serve_call *call, json_t *params);
void serve_endpoints_get(void *arg, struct serve_call *call, json_t *params);
void serve_endpoints_block(void *arg, struct serve_call *call, json_t *params);
void serve_endpoints_unblock(void *arg, struct serve_call *call, json_t *params);
void serve_endpoints_exempt(void *arg, struct serve_call *call, json_t *params);
void serve_endpoints_clear(void *arg, struct serve_call *call, json_t *params);
void serve_endpoints_top(void *arg, struct serve_call *call, json_t *params);
void serve_endpoints_import(void *arg, struct serve_call *call, json_t *params);
void serve_endpoints_export(void *arg, struct serve_call *call, json_t *params);
void serve_senders_list(void *arg, struct serve_call *call, json_t *params);
void serve_senders_get(void *arg, struct serve_call *call, json_t *params);
void serve_senders_block(void *arg, struct serve_call *call, json_t *params);
void serve_senders_unblock(void *arg, struct serve_call *call, json_t *params);
void serve_senders_exempt(void *arg, struct serve_call *call, json_t *params);
void serve_senders_clear(void *arg, struct serve_call *call, json_t *params);
void serve_senders_top(void *arg, struct serve_call *call, json_t *params);
void serve_senders_import(void *arg, struct serve_call *call, json_t *params);
void serve_senders_export(void *arg, struct serve_call *call, json_t *params);
void serve_audit_list(void *arg, struct serve_call *call, json_t *params);

// Queues a change that a call asks for; without an author it is the caller's user id. `done` answers the
// call (its argument) when the change has ended; where too many wait it is answered here.
void serve_call_submit(struct serve *s, struct serve_call *call, struct serve_change_req *req,
	serve_change_cb done);
// The same for one of the configuration as a whole.
void serve_config_submit(struct serve *s, struct serve_call *call, struct serve_change_req *req);
// A kept revision, 0 = the one in force; free it. NULL after the call was answered.
struct serve_revision *serve_config_load(struct serve *s, struct serve_call *call, int64_t number,
	struct err_list *err);
// Checks a whole configuration (taken) as config.check does a text, and answers the call.
void serve_check_whole(struct serve *s, struct serve_call *call, struct serve_revision *whole);

// A configuration of this text and name, with the rules added at run time; nothing parsed. NULL without
// memory.
struct serve_revision *serve_revision_of(struct serve *s, const char *text, const char *file);

// Ends what these have under way; for serve_free.
void serve_flows_stop(struct serve *s);
// serve_drain.c: a call under way is answered. The drain as JSON; "up", "down", or NULL where there is no health port.
void serve_drain_stop(struct serve *s);
json_t *serve_drain_json(const struct api_stats *head, uint64_t now_us);
const char *serve_health_name(const struct api_stats *head);
void serve_checks_stop(struct serve *s);

// What was not scanned: counter `i` (of kind pass) as a share of all that its unit counts, and all
// connections together. NaN where there was none.
double serve_reason_share(const struct core_stats *s, uint32_t i);
double serve_unread_share(const struct core_stats *s);

// Notes what policies were hit before: an image came into force; a data plane attached, perhaps with
// another image than ours, or with hits whose images nobody knows.
void serve_hits_begin(struct serve *s);
void serve_hits_attached(struct serve *s, const struct api_hello *hello);
// Connections that took policy `i` since its revision is in force, or since we run.
uint64_t serve_policy_hits(const struct serve *s, const struct core_stats *stats, uint32_t i);

// JSON of things that have none, or have no value.
json_t *serve_json_text(const char *text);          // NULL = null; any bytes
json_t *serve_json_bytes(const char *p, size_t n);  // any; where it is no UTF-8, with \xNN
json_t *serve_json_addr(const struct addr *a);
json_t *serve_json_id(uint64_t id);                 // 13 base32 characters; 0 = null
json_t *serve_json_time(int64_t at_s);              // 0 = null
json_t *serve_json_lines(const struct err_list *e, bool warnings); // errors, or warnings
json_t *serve_json_cfg(const struct cfg *cfg);      // canonical print; NULL without memory
json_t *serve_json_u64(uint64_t v);                 // cut to what JSON integers hold
// Answers with an error whose data is {"errors": [...], "warnings": [...]}.
void serve_call_errors(
	struct serve_call *call, int code, const struct err_list *e, const char *why);
