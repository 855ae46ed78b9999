// SPDX-License-Identifier: BSD-3-Clause
// What a seed is about: who talks, over which network, through a box of which size, and what happens
// to it meanwhile. Weights are such that each row of events.def occurs often in 10,000 seeds.
#include "sim.h"

enum { SECOND_US = 1000000, GRACE_US = 601 * SECOND_US };

static uint32_t pick(struct dice *d, const uint32_t *of, uint32_t n)
{
	return of[dice_below(d, n)];
}
#define PICK(d, ...)                             \
	pick(d, (const uint32_t[]){__VA_ARGS__}, \
		sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void plan_links(struct sim *s)
{
	struct dice *d = &s->dice;
	uint32_t weather = dice_below(d, 10);

	for (unsigned side = 0; side < 2; side++) {
		for (unsigned way = 0; way < 2; way++) {
			struct link_conf *l = &s->link[side][way];

			l->delay_us = PICK(d, 20, 200, 1000, 5000, 20000);
			if (weather < 3) // fine
				continue;
			l->jitter_us = PICK(d, 0, 50, 300, 2000);
			l->late_us = PICK(d, 300, 3000, 30000);
			l->loss = (uint16_t)PICK(d, 0, 10, 30, weather > 8 ? 120 : 60);
			l->dup = (uint16_t)PICK(d, 0, 0, 20, 100);
			l->late = (uint16_t)PICK(d, 0, 20, 100, 300);
			if (dice_is(d, 100)) {
				l->gap = 5;
				l->gap_us = dice_in(d, 10000, 3 * SECOND_US);
			}
		}
	}
}

void sim_plan(struct sim *s)
{
	struct dice *d = &s->dice;
	struct plan *p = &s->plan;

	p->nconns = (uint16_t)PICK(d, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4);
	p->flows = 63;
	p->messages = dice_is(d, 100) ? dice_in(d, 1, 2) : 15;
	p->slabs = dice_is(d, 120) ? dice_in(d, 16, 40) : 600;
	p->restart_at = p->swap_at = TCP_NEVER;
	p->lazy = dice_is(d, 300);
	p->limit_us = UINT64_C(3600) * SECOND_US;
	s->now = 5 * SECOND_US;
	uint64_t begin = s->now + GRACE_US;
	if (dice_is(d, 50)) {
		p->restart_at = begin + dice_in(d, 1000, 3 * SECOND_US);
		p->excused = true;
	}
	if (dice_is(d, 120)) {
		p->swap_at = begin + dice_in(d, 1000, SECOND_US);
		p->swap_in_body = dice_is(d, 800);
	}
	plan_links(s);
	s->nconns = p->nconns;
}

static void plan_end(struct conn *c, enum sim_side side)
{
	struct dice *d = &c->sim->dice;
	struct tcp_conf conf = {
		.isn = dice_is(d, 300) ? 0 - dice_in(d, 1, 3000) : (uint32_t)dice_next(d),
		.ts_offset = (uint32_t)dice_next(d),
		.rcvbuf = PICK(d, 400, 1500, 6000, 30000, 60000, 60000, 200000),
		.delack_us = PICK(d, 0, 40000, 40000, 200000),
		.rto_min_us = PICK(d, 200000, 200000, 1000000),
		.mss = (uint16_t)PICK(d, 88, 200, 536, 1200, 1440, 1440, 1440),
		.wscale = (int8_t)PICK(d, 0, 2, 5, 7),
		.ttl = 64,
		.ts = dice_is(d, 600),
		.sack = dice_is(d, 700),
		.nagle = dice_is(d, 600),
		.recut = dice_is(d, 400),
		.probe_byte = dice_is(d, 500),
		.strict_ts = dice_is(d, 500),
		.odd_options = dice_is(d, 100),
	};

	if (dice_is(d, 300))
		conf.wscale = -1;
	if (conf.wscale > 3 && conf.rcvbuf < 6000)
		conf.wscale = 0;
	if (dice_is(d, 120))
		conf.alive_us = dice_in(d, SECOND_US / 2, 10 * SECOND_US);
	if (c->kind == KIND_ATTACK && side == SERVER && dice_is(d, 400)) {
		conf.blind = dice_is(d, 500);
		conf.last_wins = true;
	}
	tcp_init(&c->end[side], &conf, d, NULL, NULL);
}

static void plan_client(struct conn *c)
{
	struct dice *d = &c->sim->dice;
	struct client_conf *cc = &c->client.conf;
	bool hostile = c->kind == KIND_ATTACK || c->kind == KIND_ODD;

	cc->messages = (uint8_t)PICK(d, 1, 1, 2, 3, 5);
	cc->chunk = PICK(d, 0, 0, 0, 0, 0, 1, 7, 100);
	cc->gap_us = cc->chunk == 0 ? 0 : PICK(d, 0, 100, 2000, 30000);
	cc->patience_us = hostile ? 30 * SECOND_US : 1200 * SECOND_US;
	if (dice_is(d, 150)) {
		cc->stop = 200;
		cc->stop_us = dice_in(d, 1000, 2 * SECOND_US);
	}
	if (dice_is(d, 200)) {
		cc->leave = (uint16_t)PICK(d, 30, 100, 300);
		cc->leaves_silently = dice_is(d, 150);
	}
	// Behind an end of data that not all servers see commands must not follow at once.
	cc->pipelines = dice_is(d, 500) && c->kind != KIND_BARE_LF;
	cc->resets = dice_is(d, 300);
	cc->tls = dice_is(d, 200);
	cc->auth = dice_is(d, 300);
	cc->wants_chunks = dice_is(d, 300);
	cc->many_recipients = c->path.client_net >= POLICY_FEW && dice_is(d, 700);
}

static void plan_server(struct conn *c)
{
	struct dice *d = &c->sim->dice;
	struct server_conf *sc = &c->server.conf;
	bool hostile = c->kind == KIND_ATTACK || c->kind == KIND_ODD;

	sc->ends = 1;
	if (dice_is(d, hostile ? 750 : 300))
		sc->ends |= dice_is(d, 500) ? 1u << dice_below(d, SERVER_FORMS)
					    : (uint32_t)dice_next(d) & ((1u << SERVER_FORMS) - 1);
	sc->lf_ends = dice_is(d, 500);
	if (c->kind == KIND_BARE_LF) {
		sc->lf_ends = true;
		sc->ends |= 2;
	}
	sc->greeting = (uint16_t)(dice_is(d, 950) ? 220 : dice_is(d, 500) ? 554 : 421);
	sc->banner_lines = (uint8_t)PICK(d, 1, 1, 1, 2, 4);
	sc->keywords = dice_is(d, 200) ? UINT64_MAX : dice_next(d);
	sc->delay_us = PICK(d, 0, 0, 100, 5000, 50000, dice_is(d, 200) ? 4 * SECOND_US : 0);
	sc->greet_us = PICK(d, 0, 0, 1000, 100000, 3 * SECOND_US);
	sc->chunk = PICK(d, 0, 0, 0, 0, 1, 9);
	sc->gap_us = sc->chunk == 0 ? 0 : PICK(d, 0, 100, 25000);
	sc->refuse = (uint16_t)PICK(d, 0, 0, 0, 50, 200);
	if (c->path.client_net >= POLICY_SLOW) // errors are what they are about
		sc->refuse = (uint16_t)PICK(d, 100, 200, 400);
	if (dice_is(d, 120))
		sc->leave = (uint16_t)PICK(d, 30, 120, 300);
	if (dice_is(d, 150)) {
		sc->stop = 200;
		sc->stop_us = dice_in(d, 1000, 2 * SECOND_US);
	}
	if (!hostile)
		return;
	sc->cr_ends = dice_is(d, 150);
	sc->skips_blanks = dice_is(d, 300);
	sc->drops_nul = dice_is(d, 300);
	sc->junk_ok = dice_is(d, 200);
	sc->wild = dice_is(d, 200) ? (uint16_t)PICK(d, 30, 100, 300) : 0;
}

void sim_plan_conn(struct sim *s, struct conn *c)
{
	static const uint8_t policies[] = {
		1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 8, 9, 9, 9,
		POLICY_FEW, POLICY_FEW, POLICY_SLOW, POLICY_SLOW, POLICY_SINGLE};
	struct dice *d = &s->dice;
	uint32_t kind = dice_below(d, 100);

	c->kind = kind < 48 ? KIND_HONEST
		: kind < 54 ? KIND_BARE_LF
		: kind < 62 ? KIND_ODD
			    : KIND_ATTACK;
	c->path.v6 = dice_is(d, 300);
	c->path.client_port = (uint16_t)(20000 + c->index);
	c->path.client_net = policies[dice_below(d, sizeof(policies))];
	if (c->kind == KIND_BARE_LF && c->path.client_net == 6)
		c->path.client_net = 1;
	c->begins_at = s->now + GRACE_US + (c->index == 0 ? 0 : dice_below(d, SECOND_US));
	c->ttl_hops = 10;
	plan_client(c);
	plan_server(c);
	plan_end(c, CLIENT);
	plan_end(c, SERVER);
	if (c->kind == KIND_ATTACK && dice_is(d, 600)) {
		c->evil[CLIENT] = (uint16_t)PICK(d, 20, 100, 300, 600);
		c->evil[SERVER] = dice_is(d, 300) ? (uint16_t)PICK(d, 20, 100, 300) : 0;
		c->evil_tile = (uint8_t)dice_next(d);
	}
}
