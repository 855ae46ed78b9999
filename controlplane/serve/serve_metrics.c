// SPDX-License-Identifier: BSD-3-Clause
// What the exporter tells: the rows of serve_metrics.def, and every counter of the data plane under
// the name that its statistics memory gives it, by worker. A name there that no scraper could read,
// that comes twice or that is one of ours is left out: one family spoilt spoils all.
// Thread: the loop's.
#include "serve_metrics.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "serve_expose.h"
#include "serve_int.h"

enum metric {
#define METRIC(symbol, kind, unit, name, label, help) METRIC_##symbol,
#include "serve_metrics.def"
#undef METRIC
	METRIC_COUNT
};

// clang-format off: tables
static const struct serve_metric metrics[METRIC_COUNT] = {
#define METRIC(symbol, kind, unit, name, label, help) \
	[METRIC_##symbol] = {SERVE_##kind, name, unit, help},
#include "serve_metrics.def"
#undef METRIC
};
static const char *const labels[METRIC_COUNT] = {
#define METRIC(symbol, kind, unit, name, label, help) [METRIC_##symbol] = label,
#include "serve_metrics.def"
#undef METRIC
};
// clang-format on

static void family(struct serve_exposition *x, enum metric m)
{
	serve_expose_family(x, &metrics[m]);
}

// One sample of a family that is begun; `value` is that of the family's label.
static void sample(struct serve_exposition *x, enum metric m, const char *value, uint64_t v)
{
	serve_expose_u64(x, &metrics[m], labels[m], value, v);
}

// A family of one sample.
static void one(struct serve_exposition *x, enum metric m, uint64_t v)
{
	family(x, m);
	sample(x, m, NULL, v);
}

static void control_plane(const struct serve *s, struct serve_exposition *x)
{
	const struct serve_revision *r = serve_changes_current(s->changes);
	enum serve_origin origin = serve_changes_origin(s->changes);
	struct serve_events_state events;

	family(x, METRIC_BUILD);
	sample(x, METRIC_BUILD, s->version, 1);
	one(x, METRIC_STARTED, (uint64_t)s->started_s);
	one(x, METRIC_CONFIG_REVISION, r == NULL ? 0 : r->version);
	one(x, METRIC_CONFIG_FALLBACK,
		origin == SERVE_ORIGIN_LAST_GOOD || origin == SERVE_ORIGIN_PASS_ALL);
	serve_events_state(s->events, &events);
	one(x, METRIC_EVENT_LINES, events.written);
	one(x, METRIC_EVENT_LOST, events.lost);
	one(x, METRIC_SYSLOG_LINES, events.syslog_sent);
	one(x, METRIC_SYSLOG_LOST, events.syslog_lost);
}

static void link_counts(const struct serve *s, struct serve_exposition *x)
{
	const struct core_link_counts *n = core_link_counts(s->link);

	one(x, METRIC_LINK_ATTACHED, core_link_is_attached(s->link));
	one(x, METRIC_LINK_ATTACHMENTS, n->attached);
	one(x, METRIC_LINK_REFUSED, n->refused);
	one(x, METRIC_LINK_RECORDS, n->records);
	one(x, METRIC_LINK_ABSURD, n->absurd);
}

static void checks(const struct serve *s, struct serve_exposition *x)
{
	family(x, METRIC_CHECK);
	for (unsigned i = 0; i < SERVE_CHECKS; i++)
		if (serve_doctor_has(s->doctor, i))
			sample(x, METRIC_CHECK, serve_check_names[i],
				serve_doctor_state(s->doctor, i));
	family(x, METRIC_ONE_WAY);
	serve_expose_real(x, &metrics[METRIC_ONE_WAY], NULL, NULL, serve_doctor_one_way(s->doctor));
}

static void limit_counts(const struct serve *s, struct serve_exposition *x)
{
	const struct serve_counts_state n = serve_counts_state(s->counts);

	one(x, METRIC_COUNTS_KEPT, n.kept);
	one(x, METRIC_COUNTS_AT, (uint64_t)n.at_s);
	one(x, METRIC_COUNTS_RETURNED, n.returned);
	one(x, METRIC_COUNTS_LOST, n.lost);
	one(x, METRIC_COUNTS_FAILED, n.error != 0);
}

static void store(const struct serve *s, struct serve_exposition *x)
{
	struct sto_status st;

	sto_status(s->sto, &st);
	one(x, METRIC_STORE_LOST, st.state == STO_LOST);
	one(x, METRIC_STORE_LOSSES, st.losses);
	one(x, METRIC_STORE_ROWS, st.rows);
	one(x, METRIC_STORE_COMMITS, st.commits);
	one(x, METRIC_STORE_UNSTORED, st.unstored);
	one(x, METRIC_STORE_QUEUED, st.queued);
	one(x, METRIC_STORE_SIZE, st.bytes);
}

static void lists(const struct rep_counts *n, enum metric list, struct serve_exposition *x)
{
	family(x, list);
	for (unsigned i = REP_AUTO; i < REP_STATE_COUNT; i++)
		if (i != REP_AUTO || list == METRIC_REP_ENDPOINT_LIST)
			sample(x, list, rep_state_names[i], n->state[i]);
	sample(x, list, "login", n->auth);
}

static void blocks(const struct rep_counts *n, enum metric m, struct serve_exposition *x)
{
	static const char *const causes[REP_EVT_COUNT] = {
		[REP_EVT_AUTO] = "auto", [REP_EVT_MANUAL] = "manual", [REP_EVT_AUTH] = "auth"};

	family(x, m);
	for (unsigned i = 0; i < REP_EVT_COUNT; i++)
		if (i != REP_EVT_AUTO || m == METRIC_REP_ENDPOINT_BLOCKS)
			sample(x, m, causes[i], n->blocks[i]);
}

static void reputation(const struct serve *s, struct serve_exposition *x)
{
	const struct serve_hook_counts *hook = serve_reputation_hook(s->reputation);
	struct rep_counts endpoints, senders;

	serve_reputation_counts(s->reputation, &endpoints, &senders);
	one(x, METRIC_REP_ENDPOINTS, endpoints.entries);
	one(x, METRIC_REP_SENDERS, senders.entries);
	lists(&endpoints, METRIC_REP_ENDPOINT_LIST, x);
	lists(&senders, METRIC_REP_SENDER_LIST, x);
	blocks(&endpoints, METRIC_REP_ENDPOINT_BLOCKS, x);
	blocks(&senders, METRIC_REP_SENDER_BLOCKS, x);
	one(x, METRIC_REP_EVICTED, endpoints.evicted + senders.evicted);
	one(x, METRIC_REP_FULL, endpoints.full + senders.full);
	one(x, METRIC_HOOK_RUNS, hook->runs);
	one(x, METRIC_HOOK_FAILED, hook->failed);
	one(x, METRIC_HOOK_LEFT_OUT, hook->left_out);
}

// Without a question there is no resolver, and nothing was counted.
static void domains(const struct serve *s, struct serve_exposition *x)
{
	static const char *const words[DNS_FOUND_COUNT] = {
		[DNS_EXISTS] = "exists",
		[DNS_NO_MAIL] = "no_mail",
		[DNS_ABSENT] = "absent",
		[DNS_UNKNOWN] = "unknown",
	};
	static const struct dns_counts none;
	const struct dns_counts *n = serve_asks_counts(s->asks);

	n = n == NULL ? &none : n;
	one(x, METRIC_DNS_QUESTIONS, n->questions);
	one(x, METRIC_DNS_HITS, n->hits);
	one(x, METRIC_DNS_JOINED, n->joined);
	one(x, METRIC_DNS_INVALID, n->invalid);
	one(x, METRIC_DNS_FULL, n->full);
	one(x, METRIC_DNS_QUERIES, n->queries);
	one(x, METRIC_DNS_TIMEOUTS, n->timeouts);
	family(x, METRIC_DNS_FOUND);
	for (unsigned i = DNS_EXISTS; i < DNS_FOUND_COUNT; i++)
		sample(x, METRIC_DNS_FOUND, words[i], n->found[i]);
	one(x, METRIC_DNS_ENTRIES, n->entries);
	one(x, METRIC_ASKS_LOST, core_link_counts(s->link)->answers_lost);
}

// A family of samples by NAS.
static void radius_datagrams(struct serve_radius *r, struct serve_exposition *x)
{
	static const char *const by[2] = {"nas", "what"};
	struct serve_radius_nas nas;

	family(x, METRIC_RADIUS_DATAGRAMS);
	for (uint32_t i = 0; serve_radius_nas(r, i, &nas); i++)
		for (unsigned k = 0; k < RAD_COUNT_DATAGRAMS; k++)
			serve_expose_by(x, &metrics[METRIC_RADIUS_DATAGRAMS], by,
				(const char *const[2]){nas.counts.name, rad_count_names[k]},
				nas.counts.n[k]);
	family(x, METRIC_RADIUS_ANSWERS);
	for (uint32_t i = 0; serve_radius_nas(r, i, &nas); i++)
		sample(x, METRIC_RADIUS_ANSWERS, nas.counts.name, nas.counts.n[RAD_COUNT_ANSWERS]);
}

static void radius_changes(const struct rad_bind_counts *b, struct serve_exposition *x)
{
	family(x, METRIC_RADIUS_CHANGES);
	sample(x, METRIC_RADIUS_CHANGES, "begun", b->begun);
	sample(x, METRIC_RADIUS_CHANGES, "moved", b->moved);
	sample(x, METRIC_RADIUS_CHANGES, "ended", b->ended);
	sample(x, METRIC_RADIUS_CHANGES, "idle", b->idle);
	sample(x, METRIC_RADIUS_CHANGES, "cleared", b->cleared);
	sample(x, METRIC_RADIUS_CHANGES, "displaced", b->displaced);
	one(x, METRIC_RADIUS_STALE, b->stale);
	one(x, METRIC_RADIUS_OLD, b->old);
	one(x, METRIC_RADIUS_SHARED, b->shared);
	one(x, METRIC_RADIUS_FULL, b->full);
}

static void radius(const struct serve *s, struct serve_exposition *x)
{
	struct serve_radius_state st;

	if (s->radius == NULL)
		return;
	serve_radius_state(s->radius, &st);
	one(x, METRIC_RADIUS_BINDINGS, st.server.bind.bindings);
	one(x, METRIC_RADIUS_ENDPOINTS, st.server.bind.endpoints);
	one(x, METRIC_RADIUS_MOST, st.bindings_max);
	one(x, METRIC_RADIUS_BYTES, st.memory_bytes);
	radius_datagrams(s->radius, x);
	one(x, METRIC_RADIUS_STRANGERS, st.server.strangers);
	radius_changes(&st.server.bind, x);
	family(x, METRIC_RADIUS_LAG);
	serve_expose_real(x, &metrics[METRIC_RADIUS_LAG], NULL, NULL, st.server.late_us / 1e6);
	one(x, METRIC_RADIUS_DROPPED, st.server.dropped);
	one(x, METRIC_RADIUS_UNHEARD, st.server.unheard);
	one(x, METRIC_RADIUS_UNSTORED, st.server.unstored);
	one(x, METRIC_RADIUS_WAITING, st.server.waiting);
	one(x, METRIC_RADIUS_TOLD, st.told);
	one(x, METRIC_RADIUS_LATER, st.later);
}

static void data_plane(const struct core_stats *stats, struct serve_exposition *x)
{
	uint64_t now = core_now_us();
	struct api_stats head;

	core_stats_head(stats, &head);
	one(x, METRIC_DP_STARTED, head.boot);
	family(x, METRIC_DP_HEARTBEAT);
	serve_expose_real(x, &metrics[METRIC_DP_HEARTBEAT], NULL, NULL,
		now > head.heartbeat_us ? (double)(now - head.heartbeat_us) / 1e6 : 0);
	one(x, METRIC_DP_WORKERS, head.workers);
	one(x, METRIC_IMAGE_VERSION, head.image_version);
	one(x, METRIC_IMAGE_SWAPS, head.image_swaps);
	one(x, METRIC_IMAGE_REFUSED, head.image_refused);
	one(x, METRIC_COUNTS_TAKEN, head.counts_taken);
	one(x, METRIC_COUNTS_OVER, head.counts_over);
	one(x, METRIC_COUNTS_FULL, head.counts_full);
}

static bool is_ours(const char *name)
{
	for (unsigned i = 0; i < METRIC_COUNT; i++)
		if (strcmp(metrics[i].name, name) == 0)
			return true;
	return false;
}

static bool is_sound(const struct core_stats *stats, uint32_t i)
{
	const char *name = core_stats_name(stats, i)->name;

	return serve_expose_is_name(name) && !is_ours(name) && core_stats_find(stats, name) == i;
}

static void not_scanned(const struct core_stats *stats, struct serve_exposition *x)
{
	family(x, METRIC_NOT_SCANNED);
	serve_expose_real(x, &metrics[METRIC_NOT_SCANNED], NULL, NULL, serve_unread_share(stats));
	family(x, METRIC_REASON_RATIO);
	for (uint32_t i = 0; i < core_stats_names(stats); i++) {
		const struct api_stat_name *name = core_stats_name(stats, i);

		if (name->kind == API_STAT_PASS && is_sound(stats, i))
			serve_expose_real(x, &metrics[METRIC_REASON_RATIO],
				labels[METRIC_REASON_RATIO], name->name,
				serve_reason_share(stats, i));
	}
}

// Hits are by index in the image in force: without that image they have no names.
static void policies(
	const struct serve *s, const struct core_stats *stats, struct serve_exposition *x)
{
	const struct serve_revision *r = serve_changes_current(s->changes);
	struct api_stats head;

	core_stats_head(stats, &head);
	if (r == NULL || r->pol == NULL || head.image_version != r->version)
		return;
	family(x, METRIC_POLICY_HITS);
	for (uint32_t i = 0; i < pol_count(r->pol, POL_SEC_POLICIES); i++)
		sample(x, METRIC_POLICY_HITS, pol_string(r->pol, pol_policy_at(r->pol, i)->name),
			serve_policy_hits(s, stats, i));
}

static void refusals(const struct serve *s, struct serve_exposition *x)
{
	static const char *const by[2] = {"policy", "reason"};
	json_t *all = (json_t *)(uintptr_t)serve_refused_all(s->refused), *row, *count;
	const char *policy, *reason;

	family(x, METRIC_POLICY_REFUSALS);
	json_object_foreach(all, policy, row) json_object_foreach(
		row, reason, count) serve_expose_by(x, &metrics[METRIC_POLICY_REFUSALS], by,
		(const char *const[2]){policy, reason}, (uint64_t)json_integer_value(count));
}

static uint64_t port_value(const struct api_port_stats *p, enum metric m)
{
	switch (m) {
	case METRIC_PORT_UP:
		return p->up != 0;
	case METRIC_PORT_RX:
		return p->rx_packets;
	case METRIC_PORT_RX_BYTES:
		return p->rx_bytes;
	case METRIC_PORT_RX_MISSED:
		return p->rx_missed;
	case METRIC_PORT_RX_ERRORS:
		return p->rx_errors;
	case METRIC_PORT_TX:
		return p->tx_packets;
	case METRIC_PORT_TX_BYTES:
		return p->tx_bytes;
	case METRIC_PORT_TX_ERRORS:
		return p->tx_errors;
	default:
		return p->tx_full;
	}
}

// The first port of its name.
static bool port_is_new(const struct core_stats *stats, uint32_t i, const struct api_port_stats *p)
{
	struct api_port_stats other;

	for (uint32_t k = 0; k < i; k++)
		if (core_stats_port(stats, k, &other) == 0 && strcmp(other.name, p->name) == 0)
			return false;
	return true;
}

static void ports(const struct core_stats *stats, struct serve_exposition *x)
{
	struct api_port_stats p;

	for (enum metric m = METRIC_PORT_UP; m <= METRIC_PORT_TX_FULL; m++) {
		family(x, m);
		for (uint32_t i = 0; i < core_stats_ports(stats); i++)
			if (core_stats_port(stats, i, &p) == 0 && port_is_new(stats, i, &p))
				sample(x, m, p.name, port_value(&p, m));
	}
}

// Prometheus takes times in seconds: x_nanoseconds is x_seconds there. false: it is no such counter.
static bool seconds_name(const struct api_stat_name *name, char out[sizeof(name->name)])
{
	static const char nano[] = "_nanoseconds";
	const size_t n = strnlen(name->name, sizeof(name->name)), tail = sizeof(nano) - 1;

	if (n <= tail || n == sizeof(name->name) || strcmp(name->name + n - tail, nano) != 0)
		return false;
	memcpy(out, name->name, n - tail);
	memcpy(out + n - tail, "_seconds", sizeof("_seconds"));
	return true;
}

static void counters(const struct core_stats *stats, struct serve_exposition *x)
{
	for (uint32_t i = 0; i < core_stats_names(stats); i++) {
		const struct api_stat_name *name = core_stats_name(stats, i);
		char worker[12], seconds[sizeof(name->name)];
		const bool time = seconds_name(name, seconds);
		const struct serve_metric m = {
			.kind = name->kind == API_STAT_GAUGE || name->kind == API_STAT_PEAK
				? SERVE_GAUGE
				: SERVE_COUNTER,
			.name = time ? seconds : name->name,
			.unit = time ? "seconds" : name->unit,
			.help = name->help};

		if (!is_sound(stats, i))
			continue;
		serve_expose_family(x, &m);
		for (uint32_t w = 0; w < core_stats_workers(stats); w++) {
			const uint64_t value = core_stats_value(stats, w, i);

			(void)snprintf(worker, sizeof(worker), "%u", w); // it fits
			if (time)
				serve_expose_real(x, &m, "worker", worker, (double)value / 1e9);
			else
				serve_expose_u64(x, &m, "worker", worker, value);
		}
	}
}

int serve_metrics_write(struct serve *s, bool openmetrics, struct evbuffer *out)
{
	struct serve_exposition x = {.out = out, .openmetrics = openmetrics};
	const struct core_stats *stats = core_link_stats(s->link);

	control_plane(s, &x);
	link_counts(s, &x);
	checks(s, &x);
	limit_counts(s, &x);
	store(s, &x);
	domains(s, &x);
	radius(s, &x);
	reputation(s, &x);
	refusals(s, &x);
	if (stats != NULL) {
		data_plane(stats, &x);
		not_scanned(stats, &x);
		policies(s, stats, &x);
		ports(stats, &x);
		counters(stats, &x);
	}
	serve_expose_end(&x);
	return x.failed ? -ENOMEM : 0;
}
