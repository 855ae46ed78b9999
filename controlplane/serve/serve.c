// SPDX-License-Identifier: BSD-3-Clause
// Puts the parts together: which method answers what, what the link reports goes where, and the
// order of opening and closing. Thread: the loop's.
#include "serve.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "panic.h"
#include "serve_int.h"
#include "serve_known.h"
#include "serve_place.h"
#include "serve_rows.h"
#include "serve_services.h"

LOG_COMPONENT("serve");

static const serve_method_cb methods[API_RPC_COUNT] = {
	[API_RPC_SYSTEM_STATUS] = serve_system_status,
	[API_RPC_SYSTEM_DOCTOR] = serve_system_doctor,
	[API_RPC_SYSTEM_DRAIN] = serve_system_drain,
	[API_RPC_STATS_GET] = serve_stats_get,
	[API_RPC_PORTS_LIST] = serve_ports_list,
	[API_RPC_FLOWS_LIST] = serve_flows_list,
	[API_RPC_SESSIONS_TAIL] = serve_sessions_tail,
	[API_RPC_EXPLAIN_GET] = serve_explain_get,
	[API_RPC_POLICY_MATCH] = serve_policy_match,
	[API_RPC_CONFIG_CHECK] = serve_config_check,
	[API_RPC_CONFIG_COMMIT] = serve_config_commit,
	[API_RPC_CONFIG_GET] = serve_config_get,
	[API_RPC_CONFIG_REVISIONS] = serve_config_revisions,
	[API_RPC_CONFIG_DIFF] = serve_config_diff,
	[API_RPC_CONFIG_CONFIRM] = serve_config_confirm,
	[API_RPC_CONFIG_REVERT] = serve_config_revert,
	[API_RPC_CONFIG_EXPORT] = serve_config_export,
	[API_RPC_CONFIG_IMPORT] = serve_config_import,
	[API_RPC_CONFIG_SHADOW] = serve_config_shadow,
	[API_RPC_RADIUS_STATUS] = serve_radius_status,
	[API_RPC_RULES_CHECK] = serve_rules_check,
	[API_RPC_RULES_ADD] = serve_rules_add,
	[API_RPC_RULES_DEL] = serve_rules_del,
	[API_RPC_RULES_LIST] = serve_rules_list,
	[API_RPC_POLICIES_LIST] = serve_policies_list,
	[API_RPC_POLICIES_ADD] = serve_policies_add,
	[API_RPC_POLICIES_INSERT] = serve_policies_insert,
	[API_RPC_POLICIES_SET] = serve_policies_set,
	[API_RPC_POLICIES_DEL] = serve_policies_del,
	[API_RPC_POLICIES_ENABLE] = serve_policies_enable,
	[API_RPC_POLICIES_DISABLE] = serve_policies_disable,
	[API_RPC_POLICIES_MOVE] = serve_policies_move,
	[API_RPC_ENDPOINTS_LIST] = serve_endpoints_list,
	[API_RPC_ENDPOINTS_GET] = serve_endpoints_get,
	[API_RPC_ENDPOINTS_BLOCK] = serve_endpoints_block,
	[API_RPC_ENDPOINTS_UNBLOCK] = serve_endpoints_unblock,
	[API_RPC_ENDPOINTS_EXEMPT] = serve_endpoints_exempt,
	[API_RPC_ENDPOINTS_CLEAR] = serve_endpoints_clear,
	[API_RPC_ENDPOINTS_TOP] = serve_endpoints_top,
	[API_RPC_ENDPOINTS_IMPORT] = serve_endpoints_import,
	[API_RPC_ENDPOINTS_EXPORT] = serve_endpoints_export,
	[API_RPC_SENDERS_LIST] = serve_senders_list,
	[API_RPC_SENDERS_GET] = serve_senders_get,
	[API_RPC_SENDERS_BLOCK] = serve_senders_block,
	[API_RPC_SENDERS_UNBLOCK] = serve_senders_unblock,
	[API_RPC_SENDERS_EXEMPT] = serve_senders_exempt,
	[API_RPC_SENDERS_CLEAR] = serve_senders_clear,
	[API_RPC_SENDERS_TOP] = serve_senders_top,
	[API_RPC_SENDERS_IMPORT] = serve_senders_import,
	[API_RPC_SENDERS_EXPORT] = serve_senders_export,
	[API_RPC_AUDIT_LIST] = serve_audit_list,
};
_Static_assert(sizeof(methods) / sizeof(methods[0]) == API_RPC_COUNT, "a function each");

static void on_attached(void *arg, const struct api_hello *hello)
{
	struct serve *s = arg;

	serve_hits_attached(s, hello);
	serve_counts_attached(s->counts, hello); // before any image
	serve_changes_attached(s->changes, hello);
	serve_reputation_attached(s->reputation);
	if (s->radius != NULL)
		serve_radius_attached(s->radius);
	serve_doctor_attached(s->doctor, hello);
}

static void on_outcome(void *arg, const struct api_outcome *o)
{
	struct serve *s = arg;

	serve_reputation_outcome(s->reputation, o);
}

// Index of the counter that says why, or one that there is not.
static uint32_t reason_of(const struct api_record *r)
{
	switch (r->kind) {
	case API_REC_SESSION:
		return r->session_end.reason;
	case API_REC_MESSAGE:
		return r->message.reason;
	case API_REC_REFUSAL:
		return r->refusal.reason;
	case API_REC_SHADOW:
		return r->shadow.live.reason;
	default:
		return UINT32_MAX;
	}
}

static const char *reason_name(const struct serve *s, uint32_t reason)
{
	const struct core_stats *stats = core_link_stats(s->link);
	const struct api_stat_name *name = stats == NULL ? NULL : core_stats_name(stats, reason);

	return name == NULL ? NULL : name->name;
}

static void shadow_names(
	const struct serve *s, const struct api_record *r, struct serve_event_names *names)
{
	const uint64_t version = r->shadow.candidate;

	names->candidate.policy = serve_names_policy(s->names, version, r->shadow.policy);
	names->candidate.session = serve_names_session(s->names, version, r->shadow.policy);
	names->candidate.content = serve_names_content(s->names, version, r->shadow.policy);
	names->candidate.reason = reason_name(s, r->shadow.shadow.reason);
	names->candidate.access =
		serve_names_access(s->names, version, (uint32_t)version, r->shadow.shadow.access);
	names->access = serve_names_access(
		s->names, r->image_version, (uint32_t)r->image_version, r->shadow.live.access);
}

static void on_record(void *arg, const struct api_record *r)
{
	struct serve *s = arg;
	uint64_t version = r->image_version;
	struct serve_event_names names = {
		.policy = serve_names_policy(s->names, version, r->policy),
		.context = serve_names_context(s->names, version, r->context),
		.session = serve_names_session(s->names, version, r->policy),
		.content = serve_names_content(s->names, version, r->policy),
		.hash = s->control->event_hash == CFG_HASH_SUBJECTS ? NULL : s->hash,
		.subject_hash = s->control->event_hash == CFG_HASH_ADDRESSES ? NULL : s->hash,
	};

	for (unsigned i = 0; r->kind == API_REC_MESSAGE && i < API_RULES_MAX; i++)
		names.rules[i] = serve_names_rule(s->names, version, r->message.rules[i]);
	if (r->kind == API_REC_MESSAGE)
		names.access = serve_names_access(
			s->names, version, r->message.access_image, r->message.access);
	else if (r->kind == API_REC_REFUSAL)
		names.access = serve_names_access(
			s->names, version, r->refusal.access_image, r->refusal.access);
	else if (r->kind == API_REC_SHADOW)
		shadow_names(s, r, &names);
	char endpoint[RAD_ID_MAX];
	if (s->radius != NULL && r->endpoint != 0)
		names.endpoint = (struct span){
			(const uint8_t *)endpoint, serve_radius_id(s->radius, r->endpoint, endpoint)};
	names.reason = reason_name(s, reason_of(r));
	serve_events_add(s->events, r, &names);
	serve_refused_note(s->refused, r, &names);
	if (r->kind == API_REC_SHADOW)
		serve_shadow_note(s->shadow, r, &names);
}

static void on_ask(void *arg, uint32_t worker, const struct api_ask *q)
{
	struct serve *s = arg;

	serve_asks_take(s->asks, worker, q);
}

static void on_revision(void *arg, const struct serve_revision *r)
{
	struct serve *s = arg;

	if (r->pol != NULL)
		serve_names_add(s->names, r->pol);
	if (r->cfg != NULL) {
		serve_asks_conf(s->asks, &r->cfg->dns);
		serve_reputation_change(s->reputation, &r->cfg->reputation);
		serve_place_change(&s->place, &r->cfg->reputation);
		serve_doctor_change(s->doctor, r->cfg);
	}
	if (r->cfg != NULL && s->radius != NULL)
		serve_radius_change(s->radius, r->cfg);
	serve_hits_begin(s);
	serve_shadow_over(s->shadow, "another revision came into force");
}

static void on_detached(void *arg, const char *why)
{
	struct serve *s = arg;

	(void)why; // the link has said it
	serve_shadow_over(s->shadow, "the data plane went");
	serve_counts_detached(s->counts);
	serve_reputation_detached(s->reputation);
}

static int on_fact(void *arg, const struct api_fact *f)
{
	const struct serve *s = arg;

	return core_link_fact_put(s->link, f);
}

static uint32_t on_facts_waiting(void *arg)
{
	const struct serve *s = arg;

	return core_link_facts_waiting(s->link);
}

static uint32_t on_endpoint_id(void *arg, uint64_t key, uint8_t id[REP_ID_MAX])
{
	const struct serve *s = arg;

	_Static_assert((int)RAD_ID_MAX <= (int)REP_ID_MAX, "an id of accounting");
	return s->radius == NULL ? 0 : (uint32_t)serve_radius_id(s->radius, key, (char *)id);
}

static bool reputation_open(struct serve *s, const struct cfg_dataplane *sizes)
{
	struct serve_reputation_conf conf = {.loop = s->loop,
		.endpoints = sizes->bindings,
		.senders = sizes->senders,
		.names = s->names,
		.fact = on_fact,
		.waiting = on_facts_waiting,
		.id = on_endpoint_id,
		.arg = s,
		.save_endpoint = serve_memory_endpoint,
		.save_sender = serve_memory_sender,
		.saved = serve_memory_saved,
		.save_arg = s};

	if (sto_secret(s->sto, "endpoint_key", conf.secret) != 0)
		return false;
	s->restore.endpoint = serve_memory_endpoint_load;
	s->restore.sender = serve_memory_sender_load;
	s->reputation = serve_reputation_new(&conf);
	return s->reputation != NULL;
}

static bool services_take(struct serve *s, const char *file)
{
	s->services = serve_services_load(s->store, file);
	if (s->services == NULL)
		return false;
	// Whoever opens us may have said it; cfg_load_boot has not.
	if (*s->start.store.file == '\0' && s->start.store.on_loss == CFG_LOSS_CONTINUE)
		s->start.store = s->services->store;
	s->start.radius = s->services->radius;
	return true;
}

static int on_binding(void *arg, const struct api_binding *b)
{
	const struct serve *s = arg;

	return core_link_binding_put(s->link, b); // there before the server's thread, and behind it
}

static uint32_t on_bindings_waiting(void *arg)
{
	const struct serve *s = arg;

	return core_link_bindings_waiting(s->link); // likewise
}

static void on_nas_row(void *arg, const struct sto_nas *row)
{
	const struct serve *s = arg;

	serve_radius_nas_restore(s->radius, row);
}

static void on_binding_row(void *arg, const struct sto_binding *row)
{
	const struct serve *s = arg;

	serve_radius_restore(s->radius, row);
}

// Where radius.listen has a socket and there is room for bindings.
static bool radius_open(struct serve *s, struct err_list *err)
{
	struct serve_radius_conf conf = {.loop = s->loop,
		.radius = &s->start.radius,
		.bindings = s->start.dataplane.bindings,
		.store = s->sto,
		.put = on_binding,
		.waiting = on_bindings_waiting,
		.arg = s};

	if (s->start.radius.nlisten == 0 || conf.bindings == 0)
		return true;
	if (sto_secret(s->sto, "endpoint_key", conf.secret) != 0) {
		err_add(err, "radius: no randomness");
		return false;
	}
	s->radius = serve_radius_open(&conf, err);
	if (s->radius == NULL)
		return false;
	s->restore.nas = on_nas_row;
	s->restore.binding = on_binding_row;
	return true;
}

// Files made as root have to stay ours after the user is dropped.
static int owner_set(struct serve *s, struct err_list *err)
{
	const char *user = s->control->user_controlplane;
	struct passwd *pw;
	int rc;

	if (user == NULL || *user == '\0' || geteuid() != 0)
		return 0;
	pw = getpwnam(user);
	if (pw == NULL) {
		err_add(err, "control.user_controlplane: %s; no such user", user);
		return -ENOENT;
	}
	rc = serve_store_chown(s->store, pw->pw_uid, pw->pw_gid);
	if (rc == 0)
		rc = serve_rows_chown(s, pw->pw_uid, pw->pw_gid);
	if (rc == 0)
		rc = serve_events_chown(s->events, pw->pw_uid, pw->pw_gid);
	if (rc == 0 && chown(s->control->rpc, pw->pw_uid, (gid_t)-1) < 0)
		rc = -errno;
	if (rc != 0)
		err_add(err, "cannot hand state_dir, event_log and rpc to %s: %s", user,
			strerror(-rc));
	return rc;
}

struct serve *serve_open(const struct serve_conf *conf, struct err_list *err)
{
	struct serve *s = calloc(1, sizeof(*s));
	struct event_base *base = core_loop_base(conf->loop);

	if (s == NULL) {
		err_add(err, "out of memory");
		return NULL;
	}
	s->loop = conf->loop;
	s->boot = &s->start;
	s->start = *conf->boot;
	s->control = &conf->boot->control;
	s->version = conf->version;
	s->started_us = core_now_us();
	s->started_s = time(NULL);
	s->names = serve_names_new();
	s->refused = serve_refused_new();
	s->asks = serve_asks_new(conf->loop);
	s->shadow = serve_shadow_new(s);
	s->doctor = serve_doctor_new(s);
	s->store = serve_store_open(s->control->state_dir, err);
	if (s->store != NULL && s->names != NULL && services_take(s, conf->file) &&
		serve_rows_open(s, err) == 0 && reputation_open(s, &conf->boot->dataplane) &&
		radius_open(s, err))
		s->counts = serve_counts_new(conf->loop, s->store);
	if (s->counts != NULL)
		s->changes = serve_changes_new(&(struct serve_changes_conf){.loop = conf->loop,
			.store = s->store,
			.file = conf->file,
			.boot = s->boot,
			.taken = on_revision,
			.arg = s});
	if (s->changes != NULL)
		s->events = serve_events_open(base, s->control->event_log, err);
	if (*s->control->event_hash_key != '\0')
		s->hash = serve_hash_open(s->control->event_hash_key, err);
	if (s->events != NULL && *s->control->event_syslog != '\0' &&
		serve_events_syslog(s->events, s->control->event_syslog) != 0)
		err_add(err, "control.event_syslog: out of memory");
	if (s->events != NULL && s->names != NULL && s->refused != NULL && s->asks != NULL &&
		s->shadow != NULL && s->doctor != NULL && !err_any(err))
		s->rpc = serve_rpc_open(&(struct serve_rpc_conf){.base = base,
						.path = s->control->rpc,
						.group = s->control->group,
						.run = methods,
						.arg = s},
			err);
	if (s->rpc != NULL && *s->control->metrics != '\0')
		s->http = serve_http_open(s, s->control->metrics, err);
	if (s->rpc != NULL && !err_any(err) && owner_set(s, err) == 0)
		s->link = core_link_new(conf->loop,
			&(struct core_link_conf){.path = s->control->link,
				.arg = s,
				.ops = {.attached = on_attached,
					.detached = on_detached,
					.outcome = on_outcome,
					.record = on_record,
					.ask = on_ask}});
	if (s->link != NULL) {
		serve_asks_link(s->asks, s->link);
		return s;
	}
	if (!err_any(err))
		err_add(err, "out of memory");
	serve_free(s);
	return NULL;
}

int serve_start(struct serve *s, struct err_list *err)
{
	int rc = serve_rows_start(s, err);

	if (rc == 0 && s->radius != NULL)
		rc = serve_radius_start(s->radius);
	if (rc != 0 && !err_any(err))
		err_add(err, "radius: no thread: %s", strerror(-rc));
	if (rc != 0)
		return rc;
	serve_counts_start(s->counts, s->link);
	serve_doctor_start(s->doctor);
	return serve_changes_start(s->changes, s->link, err);
}

static void on_reloaded(void *arg, const struct serve_change_result *res)
{
	(void)arg;
	for (unsigned i = 0; res->code == 0 && i < res->err->kept; i++)
		LOG(WARNING, "%s", res->err->text[i]); // errors were logged where they came up
}

void serve_reload(struct serve *s)
{
	LOG(NOTICE, "reload");
	(void)serve_events_reopen(s->events); // the log has said it
	if (serve_changes_submit(s->changes,
		    &(struct serve_change_req){
			    .kind = SERVE_CHANGE_CONFIG, .author = "reload", .comment = ""},
		    on_reloaded, s) != 0)
		LOG(WARNING, "reload: too many changes wait; try again");
}

void serve_free(struct serve *s)
{
	if (s == NULL)
		return;
	if (s->rpc != NULL) {
		serve_flows_stop(s);
		serve_drain_stop(s);
		serve_checks_stop(s);
		serve_explain_stop(s);
		serve_known_stop(s);
		serve_audit_stop(s);
	}
	serve_http_close(s->http);
	serve_doctor_free(s->doctor);
	s->doctor = NULL;
	serve_shadow_free(s->shadow);
	serve_changes_free(s->changes);
	serve_asks_free(s->asks); // tells the link
	serve_radius_free(s->radius); // it puts into link and rows
	s->radius = NULL;
	core_link_free(s->link);
	serve_reputation_free(s->reputation); // puts its last rows
	serve_counts_free(s->counts);
	serve_events_close(s->events);
	if (s->rpc != NULL)
		serve_rpc_close(s->rpc);
	serve_rows_close(s);
	serve_store_close(s->store);
	serve_names_free(s->names);
	serve_refused_free(s->refused);
	serve_hash_close(s->hash);
	serve_place_close(s->place);
	if (s->services != NULL)
		cfg_free(s->services);
	free(s);
}
