// SPDX-License-Identifier: BSD-3-Clause
// The wire of memory: see gen_memory.h.
#include "gen_memory.h"

#include <stdlib.h>
#include <string.h>

enum { STEP_US = 500 };

static uint8_t *take(void *arg, unsigned)
{
	struct memory *m = arg;

	if (m->tail - m->head == MEMORY_FRAMES) {
		m->full++;
		return NULL;
	}
	return m->frame[m->tail % MEMORY_FRAMES].octets;
}

static void send_frame(void *arg, unsigned side, uint32_t len)
{
	struct memory *m = arg;
	struct memory_frame *f = &m->frame[m->tail++ % MEMORY_FRAMES];

	f->side = (uint8_t)side;
	f->len = len;
	f->at_us = m->now_us + MEMORY_DELAY_US;
	// The run's reordering: it changes places with the one sent before it, their times stay.
	struct memory_frame *before = &m->frame[(m->tail - 2) % MEMORY_FRAMES];
	struct gen_rand r = {.s = m->tail};
	if (m->tail - m->head >= 2 && gen_rand_hit(&r, m->world.conf->reorder)) {
		struct memory_frame other = *before;
		uint64_t at = other.at_us;

		*before = *f;
		before->at_us = at;
		other.at_us = f->at_us;
		*f = other;
	}
}

void memory_inject(struct memory *m, unsigned side, const uint8_t *frame, uint32_t len)
{
	memcpy(take(m, side), frame, len);
	struct memory_frame *f = &m->frame[m->tail++ % MEMORY_FRAMES];
	f->side = (uint8_t)side;
	f->len = len;
	f->at_us = m->now_us;
}

static void deliver(struct memory *m)
{
	while (m->head != m->tail && m->frame[m->head % MEMORY_FRAMES].at_us <= m->now_us) {
		struct memory_frame f = m->frame[m->head++ % MEMORY_FRAMES];

		if (m->meddle != NULL && !m->meddle(m, f.side, f.octets, &f.len))
			continue;
		gen_world_input(
			&m->world, !f.side, &(struct gen_in){.frame = f.octets, .len = f.len}, 1);
	}
}

bool memory_run(struct memory *m, const struct gen_conf *conf, meddle_cb meddle, unsigned limit_s)
{
	struct gen_out out = {.take = take, .send = send_frame, .arg = m};
	const char *why = gen_conf_check(conf);

	*m = (struct memory){.meddle = meddle, .now_us = 1000000};
	m->frame = calloc(MEMORY_FRAMES, sizeof(*m->frame));
	if (why != NULL || m->frame == NULL || gen_world_new(&m->world, conf, &out) != 0)
		abort();
	gen_world_time(&m->world, m->now_us);
	while (!gen_world_is_done(&m->world) && m->now_us < (uint64_t)limit_s * 1000000) {
		(void)gen_world_turn(&m->world);
		m->now_us = m->head != m->tail ? m->frame[m->head % MEMORY_FRAMES].at_us
					       : m->now_us + STEP_US;
		gen_world_time(&m->world, m->now_us);
		deliver(m);
	}
	return gen_world_is_done(&m->world);
}

void memory_free(struct memory *m)
{
	gen_world_free(&m->world);
	free(m->frame);
}
