// SPDX-License-Identifier: BSD-3-Clause
// system.status: what an operator asks first. What is not scanned comes before everything else:
// each PASS counter by name, as a share of all that its unit counts.
// Thread: the loop's.
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "api_stats.h"
#include "pol_image.h"
#include "serve_int.h"
#include "serve_rows.h"

// Counters that the shares are of.
static const struct {
	const char *unit, *total;
} units[] = {
	{"connections", "connections"},
	{"messages", "messages"},
	{"segments", "smtp_packets"},
	{"frames", "rx_packets"},
};

static uint64_t counter(const struct core_stats *s, const char *name)
{
	return core_stats_sum(s, core_stats_find(s, name)); // 0 where there is none
}

// Which of the units a counter's is; their number where it is none of them.
static unsigned unit_of(const struct api_stat_name *name)
{
	unsigned u = 0;

	while (u < sizeof(units) / sizeof(units[0]) && strcmp(name->unit, units[u].unit) != 0)
		u++;
	return u;
}

static double ratio(uint64_t part, uint64_t whole)
{
	if (whole == 0)
		return NAN;
	return part >= whole ? 1.0 : (double)part / (double)whole;
}

static json_t *share(uint64_t part, uint64_t whole)
{
	return whole == 0 ? json_null() : json_real(ratio(part, whole));
}

double serve_reason_share(const struct core_stats *s, uint32_t i)
{
	const struct api_stat_name *name = core_stats_name(s, i);
	unsigned u = unit_of(name);

	if (u == sizeof(units) / sizeof(units[0]))
		return NAN;
	return ratio(core_stats_sum(s, i), counter(s, units[u].total));
}

double serve_unread_share(const struct core_stats *s)
{
	uint64_t unread = 0;

	for (uint32_t i = 0; i < core_stats_names(s); i++) {
		const struct api_stat_name *name = core_stats_name(s, i);

		if (name->kind == API_STAT_PASS && unit_of(name) == 0)
			unread += core_stats_sum(s, i);
	}
	return ratio(unread, counter(s, "connections"));
}

static json_t *reason(const struct core_stats *s, const struct api_stat_name *name, uint64_t count)
{
	unsigned u = unit_of(name);
	bool known = u < sizeof(units) / sizeof(units[0]);

	return json_pack("{s:o,s:o,s:o,s:s?,s:o}", "reason", serve_json_text(name->name), "count",
		serve_json_u64(count), "share",
		known ? share(count, counter(s, units[u].total)) : json_null(), "unit",
		known ? units[u].unit : NULL, "help", serve_json_text(name->help));
}

// All reasons that have happened, and in *unread the connections among them.
static json_t *not_scanned(const struct core_stats *s, uint64_t *unread)
{
	json_t *list = json_array();

	*unread = 0;
	for (uint32_t i = 0; i < core_stats_names(s); i++) {
		const struct api_stat_name *name = core_stats_name(s, i);
		uint64_t count = core_stats_sum(s, i);

		if (name->kind != API_STAT_PASS || count == 0)
			continue;
		if (unit_of(name) == 0)
			*unread += count;
		(void)json_array_append_new(list, reason(s, name, count)); // else one less
	}
	return list;
}

static json_t *smtp(const struct core_stats *s, uint64_t unread)
{
	uint64_t all = counter(s, "connections");

	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "connections", serve_json_u64(all),
		"inspected", serve_json_u64(counter(s, "connections_inspected")), "unread",
		serve_json_u64(unread), "unread_share", share(unread, all), "messages",
		serve_json_u64(counter(s, "messages")), "messages_rejected",
		serve_json_u64(counter(s, "messages_rejected")));
}

static json_t *dataplane(const struct serve *s)
{
	const struct api_hello *hello = core_link_hello(s->link);
	struct api_stats head;
	uint64_t now = core_now_us();

	if (hello == NULL)
		return json_null();
	core_stats_head(core_link_stats(s->link), &head);
	return json_pack("{s:i,s:o,s:o,s:i,s:o,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:s?}", "pid",
		(int)hello->pid, "boot", serve_json_time((int64_t)head.boot), "epoch",
		serve_json_u64(hello->epoch), "workers", (int)head.workers, "heartbeat_ms",
		serve_json_u64(now > head.heartbeat_us ? (now - head.heartbeat_us) / 1000 : 0),
		"hugepages", head.hugepages != 0, "image_version",
		serve_json_u64(head.image_version), "image_swaps", serve_json_u64(head.image_swaps),
		"shadow_version",
		head.shadow_version == 0 ? json_null() : serve_json_u64(head.shadow_version),
		"image_refused", serve_json_u64(head.image_refused), "link_attached",
		serve_json_u64(head.link_attached), "link_refused",
		serve_json_u64(head.link_refused), "drain", serve_drain_json(&head, now), "health",
		serve_health_name(&head));
}

static json_t *config(const struct serve *s)
{
	const struct serve_revision *r = serve_changes_current(s->changes);
	bool compiled = r != NULL && r->pol != NULL;

	return json_pack("{s:o,s:o,s:o,s:s,s:b,s:o,s:o,s:i,s:i}", "file",
		serve_json_text(serve_changes_file(s->changes)), "confirm_until",
		serve_json_time(serve_changes_head(s->changes)->until_s), "revision",
		r == NULL ? json_null() : serve_json_u64(r->version), "state",
		serve_origin_name(serve_changes_origin(s->changes)), "busy",
		serve_changes_busy(s->changes), "at",
		r == NULL ? json_null() : serve_json_time(r->made_s), "errors",
		serve_json_lines(serve_changes_errors(s->changes), false), "policies",
		compiled ? (int)pol_list_count(r->pol) : 0, "rules",
		compiled ? (int)pol_count(r->pol, POL_SEC_RULES) : 0);
}

static json_t *event_log(const struct serve *s)
{
	struct serve_events_state st;

	serve_events_state(s->events, &st);
	return json_pack("{s:o,s:o,s:o,s:o,s:i,s:o,s:o}", "path", serve_json_text(st.path),
		"written", serve_json_u64(st.written), "lost", serve_json_u64(st.lost), "error",
		st.error == 0 ? json_null() : json_string(strerror(st.error)), "followers",
		(int)st.followers, "syslog_sent",
		st.syslog ? serve_json_u64(st.syslog_sent) : json_null(), "syslog_lost",
		st.syslog ? serve_json_u64(st.syslog_lost) : json_null());
}

static json_t *link_state(const struct serve *s)
{
	const struct core_link_counts *n = core_link_counts(s->link);

	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "path", serve_json_text(s->control->link),
		"why", serve_json_text(core_link_why(s->link)), "attached",
		serve_json_u64(n->attached), "refused", serve_json_u64(n->refused), "records",
		serve_json_u64(n->records), "absurd", serve_json_u64(n->absurd));
}

// What limits count, as it is kept; taken and what follows: of the data plane.
static json_t *limits(const struct serve *s)
{
	const struct serve_counts_state n = serve_counts_state(s->counts);
	struct api_stats head = {0};

	if (core_link_stats(s->link) != NULL)
		core_stats_head(core_link_stats(s->link), &head);
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "kept", serve_json_u64(n.kept), "at",
		serve_json_time(n.at_s), "returned", serve_json_u64(n.returned), "lost",
		serve_json_u64(n.lost), "error",
		n.error == 0 ? json_null() : json_string(strerror(n.error)), "taken",
		serve_json_u64(head.counts_taken), "out_of_date", serve_json_u64(head.counts_over),
		"without_cell", serve_json_u64(head.counts_full));
}

static json_t *status(struct serve *s)
{
	const struct core_stats *stats = core_link_stats(s->link);
	uint64_t now = core_now_us(), since = core_link_attached_us(s->link), unread = 0;
	bool attached = stats != NULL;
	json_t *reasons = attached ? not_scanned(stats, &unread) : json_array();

	return json_pack("{s:o,s:o,s:o,s:s,s:i,s:o,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
		"not_scanned", reasons, "alarms", serve_doctor_alarms(s->doctor), "smtp",
		attached ? smtp(stats, unread) : json_null(), "version", s->version, "pid",
		(int)getpid(), "uptime_s", serve_json_u64((now - s->started_us) / 1000000),
		"attached", attached, "attached_s",
		attached ? serve_json_u64((now - since) / 1000000) : json_null(), "dataplane",
		dataplane(s), "config", config(s), "flows",
		attached ? serve_json_u64(counter(stats, "flows")) : json_null(), "event_log",
		event_log(s), "link", link_state(s), "limits", limits(s), "store",
		serve_rows_status(s));
}

void serve_system_status(void *arg, struct serve_call *call, json_t *params)
{
	if (serve_params_take(call, params, NULL, 0))
		serve_call_result(call, status(arg));
}
