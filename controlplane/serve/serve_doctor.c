// SPDX-License-Identifier: BSD-3-Clause
// Figures for the self-check: what counts went on by in the last minutes. Samples are kept for as long; with
// another data plane they begin anew. Thread: the loop's.
#include "serve_doctor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#include "log.h"
#include "serve_int.h"
#include "serve_probe.h"

LOG_COMPONENT("doctor");

enum {
	LOOK_MS = 10000,
	FIRST_MS = 4000, // behind an attachment: next hops are found, the policy is in force
	SAMPLES = 31,    // five minutes
};

enum count {
	COUNT_RX,
	COUNT_SMTP,
	COUNT_ENCAP,
	COUNT_TUNNEL,
	COUNT_BAD_SUM,
	COUNT_LOOP,
	COUNT_CAME_BACK,
	COUNT_CONFLICT,
	COUNTS
};
static const char *const count_names[COUNTS] = {"rx_packets", "smtp_packets",
	"not_scanned_encap_deep", "not_scanned_encap_tunnel", "drop_tcp_checksum", "drop_loop",
	"drop_came_back", "routed_address_conflicts"};

struct sample {
	uint64_t at_us;
	int64_t ahead_us; // the wall's clock of ours
	uint64_t n[COUNTS];
	uint64_t radius;
	struct api_sight_port port[API_SIGHT_PORTS];
	// Turns of what is told as a whole, of all workers together: it was told since where it differs.
	uint64_t one_way, alone;
	uint64_t hosts[API_SIGHT_HOSTS];
};

struct serve_doctor {
	struct serve *s;
	struct core_timer *timer;
	struct serve_probes *probes;
	uint32_t nsamples, next;
	struct sample sample[SAMPLES];
	bool looked, routed;
	uint64_t flows_max;
	int64_t at_s;
	uint32_t window_s;
	double one_way;
	enum serve_state worst;
	struct serve_check_row row[SERVE_CHECKS];
};

static void on_timer(void *arg);

struct serve_doctor *serve_doctor_new(struct serve *s)
{
	struct serve_doctor *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->s = s;
	d->routed = s->boot->dataplane.mode == CFG_MODE_ROUTED;
	d->flows_max = s->boot->dataplane.flows;
	d->one_way = NAN;
	d->timer = core_timer_new(s->loop, on_timer, d);
	d->probes = serve_probes_new(s->loop);
	if (d->timer != NULL && d->probes != NULL)
		return d;
	serve_doctor_free(d);
	return NULL;
}

void serve_doctor_free(struct serve_doctor *d)
{
	if (d == NULL)
		return;
	serve_probes_free(d->probes);
	core_timer_free(d->timer);
	free(d);
}

// ---- samples

static uint64_t told_turns(const struct core_stats *st, enum core_sight what, uint32_t i)
{
	struct api_sight_ends e;
	uint64_t sum = 0;

	for (uint32_t w = 0; w < core_stats_workers(st); w++)
		if (core_stats_sight_ends(st, w, what, i, &e) == 0)
			sum += e.turn;
	return sum;
}

static void ports_add(const struct core_stats *st, struct sample *x)
{
	for (uint32_t w = 0; w < core_stats_workers(st); w++)
		for (uint32_t p = 0; p < API_SIGHT_PORTS; p++) {
			struct api_sight_port one = {0};

			(void)core_stats_sight_port(st, w, p, &one); // both are in range
			x->port[p].client_segments += one.client_segments;
			x->port[p].server_segments += one.server_segments;
			x->port[p].opened += one.opened;
			x->port[p].answered += one.answered;
			x->port[p].one_way += one.one_way;
			x->port[p].alone += one.alone;
		}
}

static uint64_t radius_heard(const struct serve *s)
{
	struct serve_radius_nas nas;
	uint64_t sum = 0;

	for (uint32_t i = 0; s->radius != NULL && serve_radius_nas(s->radius, i, &nas); i++)
		for (unsigned k = 0; k < RAD_COUNT_DATAGRAMS; k++)
			sum += nas.counts.n[k];
	return sum;
}

static struct sample sample_take(const struct serve *s)
{
	const struct core_stats *st = core_link_stats(s->link);
	struct sample x = {.at_us = core_now_us(), .radius = radius_heard(s)};
	struct timespec wall = {0};

	(void)clock_gettime(CLOCK_REALTIME, &wall); // this clock always is
	x.ahead_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000 - (int64_t)x.at_us;
	if (st == NULL)
		return x;
	for (unsigned i = 0; i < COUNTS; i++)
		x.n[i] = core_stats_sum(st, core_stats_find(st, count_names[i]));
	ports_add(st, &x);
	x.one_way = told_turns(st, CORE_SIGHT_ONE_WAY, 0);
	x.alone = told_turns(st, CORE_SIGHT_ALONE, 0);
	for (uint32_t i = 0; i < API_SIGHT_HOSTS; i++)
		x.hosts[i] = told_turns(st, CORE_SIGHT_HOSTS, i);
	return x;
}

static void sample_keep(struct serve_doctor *d, const struct sample *x)
{
	d->sample[d->next] = *x;
	d->next = (d->next + 1) % SAMPLES;
	if (d->nsamples < SAMPLES)
		d->nsamples++;
}

static const struct sample *oldest(const struct serve_doctor *d)
{
	return &d->sample[(d->next + SAMPLES - d->nsamples) % SAMPLES];
}

// ---- figures

static struct api_sight_port less(const struct api_sight_port *a, const struct api_sight_port *b)
{
	return (struct api_sight_port){
		.client_segments = a->client_segments - b->client_segments,
		.server_segments = a->server_segments - b->server_segments,
		.opened = a->opened - b->opened,
		.answered = a->answered - b->answered,
		.one_way = a->one_way - b->one_way,
		.alone = a->alone - b->alone,
	};
}

static void ports_fill(struct serve_figures *f, const struct core_stats *st,
	const struct sample *now, const struct sample *was)
{
	f->nports = core_stats_ports(st) < API_SIGHT_PORTS ? core_stats_ports(st) : API_SIGHT_PORTS;
	for (uint32_t i = 0; i < f->nports; i++) {
		struct api_port_stats row = {0};

		(void)core_stats_port(st, i, &row); // it is in range
		memcpy(f->port[i].name, row.name, sizeof(f->port[i].name));
		f->port[i].up = row.up != 0;
		f->port[i].mtu = row.mtu;
		f->port[i].d = less(&now->port[i], &was->port[i]);
	}
}

// The last that any worker told; of several workers' any. `value`: the largest.
static void ends_fill(
	const struct core_stats *st, enum core_sight what, uint32_t i, struct api_sight_ends *out)
{
	struct api_sight_ends e;

	for (uint32_t w = 0; w < core_stats_workers(st); w++)
		if (core_stats_sight_ends(st, w, what, i, &e) == 0 && e.turn != 0 &&
			(out->turn == 0 || e.value > out->value))
			*out = e;
}

// An address once, with what is most.
static void hosts_add(struct serve_figures *f, const struct api_sight_ends *e)
{
	for (uint32_t i = 0; i < f->nhosts; i++)
		if (addr_eq(&f->hosts[i].client, &e->client)) {
			if (e->value > f->hosts[i].value)
				f->hosts[i] = *e;
			return;
		}
	if (f->nhosts < SERVE_HOSTS_MAX)
		f->hosts[f->nhosts++] = *e;
}

static void sights_fill(struct serve_figures *f, const struct core_stats *st,
	const struct sample *now, const struct sample *was)
{
	if (now->one_way != was->one_way)
		ends_fill(st, CORE_SIGHT_ONE_WAY, 0, &f->one_way);
	if (now->alone != was->alone)
		ends_fill(st, CORE_SIGHT_ALONE, 0, &f->alone);
	for (uint32_t i = 0; i < API_SIGHT_HOSTS; i++) {
		struct api_sight_ends e = {0};

		if (now->hosts[i] == was->hosts[i])
			continue;
		ends_fill(st, CORE_SIGHT_HOSTS, i, &e);
		if (e.turn != 0)
			hosts_add(f, &e);
	}
	core_stats_sight_net(st, &f->net);
}

static void data_plane_fill(struct serve_figures *f, const struct serve *s,
	const struct core_stats *st, const struct sample *now, const struct sample *was)
{
	struct api_stats head;

	core_stats_head(st, &head);
	f->attached = true;
	f->heartbeat_ms = now->at_us > head.heartbeat_us ? (now->at_us - head.heartbeat_us) / 1000 : 0;
	f->image_version = head.image_version;
	f->conflicts = now->n[COUNT_CONFLICT] - was->n[COUNT_CONFLICT];
	f->loops = now->n[COUNT_LOOP] - was->n[COUNT_LOOP];
	f->came_back = now->n[COUNT_CAME_BACK] - was->n[COUNT_CAME_BACK];
	f->rx_frames = now->n[COUNT_RX] - was->n[COUNT_RX];
	f->smtp_segments = now->n[COUNT_SMTP] - was->n[COUNT_SMTP];
	f->encap = now->n[COUNT_ENCAP] + now->n[COUNT_TUNNEL] - was->n[COUNT_ENCAP] -
		was->n[COUNT_TUNNEL];
	f->bad_sums = now->n[COUNT_BAD_SUM] - was->n[COUNT_BAD_SUM];
	f->flows = core_stats_sum(st, core_stats_find(st, "flows"));
	ports_fill(f, st, now, was);
	sights_fill(f, st, now, was);
	(void)s;
}

static void figures_take(
	const struct serve_doctor *d, struct serve_figures *f, const struct sample *now)
{
	const struct serve *s = d->s;
	const struct serve_revision *r = serve_changes_current(s->changes);
	const enum serve_origin origin = serve_changes_origin(s->changes);
	const struct core_stats *st = core_link_stats(s->link);
	const struct sample *was = d->nsamples == 0 ? now : oldest(d);
	const int64_t clock_us = now->ahead_us + (int64_t)now->at_us;
	struct timex tx = {0};

	*f = (struct serve_figures){
		.window_s = (uint32_t)((now->at_us - was->at_us) / 1000000),
		.why = core_link_why(s->link),
		.revision = r == NULL ? 0 : r->version,
		.fallback = origin == SERVE_ORIGIN_LAST_GOOD || origin == SERVE_ORIGIN_PASS_ALL,
		.routed = d->routed,
		.flows_max = d->flows_max,
		.radius = s->radius != NULL,
		.radius_heard = now->radius - was->radius,
		.radius_ever = now->radius > 0,
		.clock_s = clock_us / 1000000,
		.clock_moved_s = (now->ahead_us - was->ahead_us) / 1000000,
		.clock_synced = adjtimex(&tx) != TIME_ERROR && (tx.status & STA_UNSYNC) == 0,
	};
	f->nprobes = serve_probes_told(d->probes, f->probe);
	if (st != NULL)
		data_plane_fill(f, s, st, now, was);
}

// ---- what changed

static void row_log(const struct serve_check_row *r, const char *name)
{
	if (r->state == SERVE_STATE_ERROR)
		LOG(ERR, "%s: %s: %s: %s", name, serve_state_names[r->state], r->seen, r->todo);
	else if (r->state == SERVE_STATE_WARNING)
		LOG(WARNING, "%s: %s: %s: %s", name, serve_state_names[r->state], r->seen, r->todo);
	else
		LOG(NOTICE, "%s: %s: %s", name, serve_state_names[r->state], r->seen);
}

static bool is_bad(const struct serve_check_row *r)
{
	return r->state >= SERVE_STATE_WARNING;
}

// All once, then what has another result. What is only not known any more, or again, is no news.
static void changes_say(struct serve_doctor *d, const struct serve_check_row *row)
{
	unsigned n[SERVE_STATE_ERROR + 1] = {0};

	for (unsigned i = 0; i < SERVE_CHECKS; i++) {
		const struct serve_check_row *was = &d->row[i];

		if (!row[i].there)
			continue;
		n[row[i].state]++;
		if (d->looked ? row[i].state == was->state || (!is_bad(&row[i]) && !is_bad(was))
			      : !is_bad(&row[i]))
			continue;
		row_log(&row[i], serve_check_names[i]);
		serve_events_check(d->s->events,
			&(struct serve_event_check){.check = serve_check_names[i],
				.state = serve_state_names[row[i].state],
				.was = d->looked ? serve_state_names[was->state] : NULL,
				.seen = row[i].seen,
				.todo = row[i].todo});
	}
	if (!d->looked)
		LOG(NOTICE, "self-check: %u ok, %u unknown, %u warnings, %u errors",
			n[SERVE_STATE_OK], n[SERVE_STATE_UNKNOWN], n[SERVE_STATE_WARNING],
			n[SERVE_STATE_ERROR]);
}

static void look(struct serve_doctor *d)
{
	const struct sample now = sample_take(d->s);
	struct serve_check_row row[SERVE_CHECKS];
	struct serve_figures f;

	figures_take(d, &f, &now);
	d->worst = serve_judge(&f, row);
	d->one_way = serve_one_way_share(&f);
	d->window_s = f.window_s;
	d->at_s = f.clock_s;
	changes_say(d, row);
	memcpy(d->row, row, sizeof(row));
	d->looked = true;
}

static void on_timer(void *arg)
{
	struct serve_doctor *d = arg;
	struct sample now;

	look(d);
	now = sample_take(d->s);
	sample_keep(d, &now);
	(void)core_timer_once(d->timer, LOOK_MS); // a timer that was begun once can be begun again
}

void serve_doctor_start(struct serve_doctor *d)
{
	serve_probes_link(d->probes, d->s->link);
	(void)core_timer_once(d->timer, LOOK_MS); // else no look by itself
}

void serve_doctor_attached(struct serve_doctor *d, const struct api_hello *hello)
{
	const struct sample now = sample_take(d->s);

	(void)hello;
	d->nsamples = 0;
	sample_keep(d, &now);
	(void)core_timer_once(d->timer, FIRST_MS); // likewise
}

void serve_doctor_change(struct serve_doctor *d, const struct cfg *c)
{
	serve_probes_change(d->probes, &c->doctor);
}

enum serve_state serve_doctor_state(const struct serve_doctor *d, enum serve_check_id check)
{
	return d->row[check].state;
}

bool serve_doctor_has(const struct serve_doctor *d, enum serve_check_id check)
{
	return d->row[check].there;
}

double serve_doctor_one_way(const struct serve_doctor *d)
{
	return d->one_way;
}

// ---- the method

static json_t *row_json(const struct serve_check_row *r, const char *name)
{
	return json_pack("{s:s,s:s,s:o,s:o}", "check", name, "state", serve_state_names[r->state],
		"seen", serve_json_text(r->seen), "todo",
		serve_json_text(*r->todo == '\0' ? NULL : r->todo));
}

static json_t *rows_json(const struct serve_doctor *d, enum serve_state least)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < SERVE_CHECKS; i++)
		if (d->row[i].there && d->row[i].state >= least)
			(void)json_array_append_new(
				list, row_json(&d->row[i], serve_check_names[i])); // else one less
	return list;
}

json_t *serve_doctor_alarms(const struct serve_doctor *d)
{
	return rows_json(d, SERVE_STATE_WARNING);
}

void serve_system_doctor(void *arg, struct serve_call *call, json_t *params)
{
	struct serve *s = arg;
	struct serve_doctor *d = s->doctor;

	if (!serve_params_take(call, params, NULL, 0))
		return;
	look(d);
	serve_call_result(call,
		json_pack("{s:s,s:o,s:i,s:o}", "state", serve_state_names[d->worst], "at",
			serve_json_time(d->at_s), "window_s", (int)d->window_s, "checks",
			rows_json(d, SERVE_STATE_OK)));
}
