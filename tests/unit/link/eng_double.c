// SPDX-License-Identifier: BSD-3-Clause
// The double's side of eng.h.
#include "eng_double.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "eng_sight.h"
#include "pol_image.h"

const struct eng_stat_name eng_stat_names[] = {
	{"rx_packets", "packets received", "frames", ENG_STAT_TRAFFIC},
	{"pass_no_policy", "no policy matched", "connections", ENG_STAT_PASS},
	{"drop_bad_checksum", "checksum was wrong", "segments", ENG_STAT_DROP},
	{"cut_spam", "cut after a verdict", "messages", ENG_STAT_ACTION},
	{"flows", "flows held", "connections", ENG_STAT_GAUGE},
};
const unsigned eng_stat_count = sizeof(eng_stat_names) / sizeof(eng_stat_names[0]);

struct eng_worker {
	struct eng *e;
	uint16_t id;
};
struct eng_image {
	uint64_t version;
};

static struct eng_worker workers[DOUBLE_WORKERS];

void eng_double_init(struct eng *e)
{
	*e = (struct eng){0};
	for (uint16_t w = 0; w < DOUBLE_WORKERS; w++)
		workers[w] = (struct eng_worker){.e = e, .id = w};
}

struct tbl_clients *eng_clients(struct eng *e)
{
	return e->unknowing ? NULL : &e->clients;
}

struct eng_worker *eng_worker_at(struct eng *, uint16_t id)
{
	return &workers[id];
}

void eng_stats_bind(struct eng_worker *w, uint64_t *counters, uint64_t *policy_hits, uint32_t)
{
	w->e->counters[w->id] = counters;
	w->e->hits[w->id] = policy_hits;
}

void eng_sight_bind(struct eng_worker *w, struct eng_sight *mem)
{
	w->e->sight[w->id] = mem;
}

void eng_sight_net_bind(struct eng *e, struct eng_sight_net *mem)
{
	e->sight_net = mem;
}

struct eng_image *eng_image_new(struct eng *e, const void *bytes, uint64_t n, struct err_list *err)
{
	struct eng_image *img = malloc(sizeof(*img));
	const struct pol_head *head = bytes;

	if (e->refuse != NULL || img == NULL || n < sizeof(*head)) {
		err_add(err, "%s", e->refuse == NULL ? "double: no image" : e->refuse);
		free(img);
		return NULL;
	}
	img->version = head->version;
	return img;
}

void eng_image_swap(struct eng *e, struct eng_image *img)
{
	e->version = img->version;
	e->swaps++;
	free(img);
}

unsigned eng_image_reap(struct eng *e)
{
	return e->retired;
}

uint64_t eng_image_version(const struct eng *e)
{
	return e->version;
}

int eng_shadow_begin(struct eng *e, const void *bytes, uint64_t n, struct err_list *err)
{
	const struct pol_head *head = bytes;

	if (e->refuse != NULL || n < sizeof(*head)) {
		err_add(err, "%s", e->refuse == NULL ? "double: no image" : e->refuse);
		return -EINVAL;
	}
	e->candidate = head->version;
	return 0;
}

void eng_shadow_end(struct eng *e)
{
	e->candidate = 0;
}

uint64_t eng_shadow_version(const struct eng *e)
{
	return e->candidate;
}

void eng_sink_set(struct eng *e, uint16_t worker, const struct eng_sink *sink)
{
	e->sink[worker] = sink;
}

bool eng_quiesced(struct eng *e)
{
	return !e->busy;
}

struct eng_flow_row eng_double_row(uint16_t worker, unsigned i)
{
	return (struct eng_flow_row){
		.who = {.client = {.b = {[0] = 0xfd, [14] = (uint8_t)worker, [15] = (uint8_t)i}},
			.client_port = (uint16_t)i,
			.server_port = 25,
			.vlan = 7,
			.context = 1,
			.policy = 2,
			.image_version = 3,
			.session = i},
		.lane = ENG_LANE_INSPECT,
		.state = ENG_FLOW_OPEN,
		.age_ms = 100 + i,
		.client_bytes = 4,
		.server_bytes = 5};
}

int eng_flows_ask(struct eng *e, uint16_t worker, uint32_t max)
{
	if (e->asked[worker])
		return -EBUSY;
	e->asked[worker] = true;
	e->given[worker] = e->rows[worker] < max ? 0 : e->rows[worker] - max;
	return 0;
}

int eng_flows_take(struct eng *e, uint16_t worker, struct eng_flow_row *row)
{
	if (e->asleep[worker])
		return -EAGAIN;
	if (!e->asked[worker] || e->given[worker] == e->rows[worker]) {
		e->asked[worker] = false;
		return -ENOENT;
	}
	*row = eng_double_row(worker, e->given[worker]++);
	return 0;
}

void eng_control_heard(struct eng *e, uint64_t now_us)
{
	e->control_us = now_us;
}

enum eng_health_state eng_health_state(const struct eng *e)
{
	return e->health;
}

void eng_drain_begin(struct eng *e, bool refuse, uint64_t wait_ms, uint64_t now_us)
{
	atomic_store(&e->drain.phase, ENG_DRAIN_WAITS);
	atomic_store(&e->drain.refuse, refuse);
	e->drain.since_us = now_us;
	e->drain.until_us = wait_ms == 0 ? 0 : now_us + 1000 * wait_ms;
	e->drain_wait_ms = wait_ms;
}

void eng_drain_end(struct eng *e)
{
	atomic_store(&e->drain.phase, ENG_DRAIN_OFF);
}

const struct eng_drain *eng_drain_of(const struct eng *e)
{
	return &e->drain;
}

bool eng_drain_left(const struct eng *e, uint64_t *left)
{
	*left = e->drain_left;
	return !e->drain_unknown;
}
