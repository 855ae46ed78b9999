// SPDX-License-Identifier: BSD-3-Clause
// stats.get and ports.list: the statistics memory as JSON. Thread: the loop's.
#include <stdio.h>

#include "api_names.h"
#include "serve_int.h"

// The statistics, or NULL after the call was answered: there is no data plane.
static const struct core_stats *stats_of(struct serve *s, struct serve_call *call)
{
	const struct core_stats *stats = core_link_stats(s->link);

	if (stats == NULL)
		serve_call_error(call, API_RPC_ERR_DETACHED, NULL, "not attached: %s",
			core_link_why(s->link));
	return stats;
}

static json_t *counters(const struct core_stats *s, int64_t worker)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < core_stats_names(s); i++) {
		const struct api_stat_name *name = core_stats_name(s, i);
		uint64_t v = worker < 0 ? core_stats_sum(s, i)
					: core_stats_value(s, (uint32_t)worker, i);

		(void)json_array_append_new(list,
			json_pack("{s:o,s:s,s:o,s:o}", "name", serve_json_text(name->name), "kind",
				api_stat_kind_name(name->kind), "help", serve_json_text(name->help),
				"value", serve_json_u64(v))); // else one less
	}
	return list;
}

void serve_hits_begin(struct serve *s)
{
	const struct core_stats *stats = s->link == NULL ? NULL : core_link_stats(s->link);

	for (uint32_t i = 0; stats != NULL && i < API_STATS_POLICIES_MAX; i++)
		s->hits.before[i] = core_stats_policy_hits(stats, i);
}

void serve_hits_attached(struct serve *s, const struct api_hello *hello)
{
	const struct serve_revision *r = serve_changes_current(s->changes);

	if (s->hits.boot != hello->boot || r == NULL || hello->image_version != r->version)
		serve_hits_begin(s);
	s->hits.boot = hello->boot;
}

uint64_t serve_policy_hits(const struct serve *s, const struct core_stats *stats, uint32_t i)
{
	uint64_t now = core_stats_policy_hits(stats, i), before;

	before = i < API_STATS_POLICIES_MAX ? s->hits.before[i] : 0;
	return now > before ? now - before : 0;
}

// Hits are by index in the image in force: without that image they have no names.
static json_t *policies(const struct serve *s, const struct core_stats *stats)
{
	const struct serve_revision *r = serve_changes_current(s->changes);
	json_t *list = json_array();
	struct api_stats head;

	core_stats_head(stats, &head);
	if (r == NULL || head.image_version != r->version)
		return list;
	for (uint32_t i = 0; i < pol_count(r->pol, POL_SEC_POLICIES); i++) {
		const char *name = pol_string(r->pol, pol_policy_at(r->pol, i)->name);

		(void)json_array_append_new(list,
			json_pack("{s:o,s:o,s:o}", "policy", serve_json_text(name), "hits",
				serve_json_u64(serve_policy_hits(s, stats, i)), "refused",
				serve_refused_of(s->refused, name))); // else one less
	}
	return list;
}

static json_t *lost(const struct core_stats *s)
{
	return json_pack("{s:o,s:o}", "outcomes",
		serve_json_u64(core_stats_sum(s, core_stats_find(s, "outcomes_lost"))), "records",
		serve_json_u64(core_stats_sum(s, core_stats_find(s, "records_lost"))));
}

void serve_stats_get(void *arg, struct serve_call *call, json_t *params)
{
	struct serve *s = arg;
	int64_t worker = -1;
	const struct serve_param table[] = {
		{"worker", SERVE_PARAM_INT, .lo = 0, .hi = API_WORKERS_MAX - 1, .out = &worker},
	};
	const struct core_stats *stats;

	if (!serve_params_take(call, params, table, 1))
		return;
	stats = stats_of(s, call);
	if (stats == NULL)
		return;
	if (worker >= core_stats_workers(stats)) {
		serve_call_error(call, API_RPC_ERR_NOT_FOUND, NULL, "no worker %d: there are %u",
			(int)worker, core_stats_workers(stats));
		return;
	}
	serve_call_result(call,
		json_pack("{s:i,s:o,s:o,s:o}", "workers", (int)core_stats_workers(stats),
			"counters", counters(stats, worker), "policies", policies(s, stats), "lost",
			lost(stats)));
}

static json_t *port_row(const struct api_port_stats *p)
{
	char mac[18];

	(void)snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", p->mac[0], p->mac[1],
		p->mac[2], p->mac[3], p->mac[4], p->mac[5]);
	return json_pack("{s:o,s:o,s:o,s:s,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "name",
		serve_json_text(p->name), "device", serve_json_text(p->device), "driver",
		serve_json_text(p->driver), "mac", mac, "up", p->up != 0, "speed_mbps",
		serve_json_u64(p->speed_mbps), "mtu", serve_json_u64(p->mtu), "rx_packets",
		serve_json_u64(p->rx_packets), "rx_bytes", serve_json_u64(p->rx_bytes), "rx_missed",
		serve_json_u64(p->rx_missed), "rx_errors", serve_json_u64(p->rx_errors),
		"tx_packets", serve_json_u64(p->tx_packets), "tx_bytes",
		serve_json_u64(p->tx_bytes), "tx_errors", serve_json_u64(p->tx_errors), "tx_full",
		serve_json_u64(p->tx_full));
}

void serve_ports_list(void *arg, struct serve_call *call, json_t *params)
{
	struct serve *s = arg;
	const struct core_stats *stats;
	struct api_port_stats port;
	json_t *list;

	if (!serve_params_take(call, params, NULL, 0))
		return;
	stats = stats_of(s, call);
	if (stats == NULL)
		return;
	list = json_array();
	for (uint32_t i = 0; i < core_stats_ports(stats); i++) {
		if (core_stats_port(stats, i, &port) == 0)
			(void)json_array_append_new(list, port_row(&port)); // else one less
	}
	serve_call_result(call, json_pack("{s:o}", "ports", list));
}
