// SPDX-License-Identifier: BSD-3-Clause
// Brings frames, time and new sessions to the ends. A client's address and port follow from its
// session's number, so none comes again before all others have had their turn. Thread: one.
#include "gen_world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	BEGIN_BURST = 16,    // sessions begun a turn, so that their frames don't come all at once
	SERVERS_MORE = 1024, // ends whose client has gone already
	HELD_LEAST = 4096,   // segments out of order, of all
	FIRST_PORT = 32768,
};

static void ends_make(struct gen_world *w, unsigned side, uint32_t first)
{
	w->free_end[side] = GEN_INDEX_NONE;
	for (uint32_t i = first + w->nends[side]; i-- > first;) {
		w->ends[i] = (struct gen_end){.id = i,
			.side = (uint8_t)side,
			.room = w->corpus.room + i * GEN_ROOM,
			.next_free = w->free_end[side]};
		w->free_end[side] = i;
	}
}

int gen_world_new(struct gen_world *w, const struct gen_conf *conf, const struct gen_out *out)
{
	memset(w, 0, sizeof(*w));
	w->conf = conf;
	w->out = *out;
	w->app[GEN_CLIENT] = &gen_client_app;
	w->app[GEN_SERVER] = &gen_server_app;
	w->nends[GEN_CLIENT] = conf->at_once;
	w->nends[GEN_SERVER] = conf->at_once + conf->at_once / 2 + SERVERS_MORE;
	uint32_t all = w->nends[0] + w->nends[1], held = HELD_LEAST + 2 * conf->at_once;

	w->ends = aligned_alloc(64, (all * sizeof(*w->ends) + 63) & ~(size_t)63);
	w->held = calloc(held, sizeof(*w->held));
	if (w->ends == NULL || w->held == NULL || gen_corpus_new(&w->corpus, conf, all) != 0 ||
		gen_wheel_new(&w->wheel, all) != 0 ||
		gen_index_new(&w->index[GEN_CLIENT], w->nends[0]) != 0 ||
		gen_index_new(&w->index[GEN_SERVER], w->nends[1]) != 0) {
		gen_world_free(w);
		return -ENOMEM;
	}
	ends_make(w, GEN_CLIENT, 0);
	ends_make(w, GEN_SERVER, w->nends[GEN_CLIENT]);
	for (uint32_t i = held - 1; i > GEN_HELD_NONE; i--) {
		w->held[i].next = w->free_held;
		w->free_held = i;
	}
	gen_plan_sizes(conf, w->sizes);
	return 0;
}

void gen_world_free(struct gen_world *w)
{
	free(w->ends);
	free(w->held);
	gen_corpus_free(&w->corpus);
	gen_wheel_free(&w->wheel);
	gen_index_free(&w->index[GEN_CLIENT]);
	gen_index_free(&w->index[GEN_SERVER]);
}

void gen_world_time(struct gen_world *w, uint64_t now_us)
{
	if (w->begin_us == 0) {
		w->begin_us = now_us;
		w->now_us = now_us;
	}
	w->now_us = now_us;
	w->now_ms = (uint32_t)((now_us - w->begin_us) / 1000) + 1;
}

static struct gen_end *end_take(struct gen_world *w, unsigned side, uint64_t key)
{
	uint32_t i = w->free_end[side];

	if (i == GEN_INDEX_NONE)
		return NULL;
	struct gen_end *e = &w->ends[i];
	w->free_end[side] = e->next_free;
	w->in_use[side]++;
	e->key = key;
	gen_index_put(&w->index[side], key, i);
	return e;
}

void gen_world_give_back(struct gen_world *w, struct gen_end *e)
{
	gen_index_drop(&w->index[e->side], e->key);
	e->next_free = w->free_end[e->side];
	w->free_end[e->side] = e->id;
	w->in_use[e->side]--;
}

struct who { // a session's client, by its number
	unsigned family;
	uint32_t addr; // last 32 bits
	uint16_t port;
};

static struct who who_is(const struct gen_conf *c, const struct gen_plan *p, uint64_t n)
{
	const uint8_t *b = (p->refused ? c->refused6 : c->client6) + 12;
	uint32_t base6 = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	uint32_t base = p->v6 ? base6 : p->refused ? c->refused4 : c->client4;

	return (struct who){.family = p->v6 ? 6 : 4,
		.addr = base + 1 + (uint32_t)(n & (c->clients - 1)),
		.port = (uint16_t)(FIRST_PORT + n / c->clients % GEN_PORTS)};
}

struct gen_end *gen_world_client(struct gen_world *w, uint64_t n)
{
	struct gen_plan plan;

	gen_plan_session(w->conf, n, &plan);
	struct who who = who_is(w->conf, &plan, n);
	uint32_t i =
		gen_index_get(&w->index[GEN_CLIENT], gen_index_key(who.family, who.addr, who.port));
	return i != GEN_INDEX_NONE && w->ends[i].talk.n == n ? &w->ends[i] : NULL;
}

static struct gen_addr addr_of(unsigned family, const uint8_t base6[16], uint32_t low)
{
	struct gen_addr a = {0};

	if (family == 6)
		memcpy(a.b, base6, 12);
	for (unsigned i = 0; i < 4; i++)
		a.b[12 + i] = (uint8_t)(low >> (24 - 8 * i));
	return a;
}

// False: no end is free, or its address has not been given back.
static bool session_begin(struct gen_world *w)
{
	const struct gen_conf *c = w->conf;
	const uint64_t n = w->next_n;
	struct gen_plan plan;

	gen_plan_session(c, n, &plan);
	struct who who = who_is(c, &plan, n);
	uint64_t key = gen_index_key(who.family, who.addr, who.port);
	if (gen_index_get(&w->index[GEN_CLIENT], key) != GEN_INDEX_NONE)
		return false;
	struct gen_end *e = end_take(w, GEN_CLIENT, key);
	if (e == NULL)
		return false;
	const uint8_t *b = c->server6 + 12;
	uint32_t server6 = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	struct gen_addr src = addr_of(
				who.family, plan.refused ? c->refused6 : c->client6, who.addr),
			dst = addr_of(who.family, c->server6, plan.v6 ? server6 : c->server4);
	gen_head_make(&e->head, who.family, c->own_mac[GEN_CLIENT], c->far_mac[GEN_CLIENT], &src,
		&dst, who.port, c->port);
	e->fault = gen_rand_of(c->seed, n, UINT64_C(1) << 32);
	e->talk.plan = plan;
	w->next_n++;
	gen_client_begin(w, e, n);
	return true;
}

// A SYN at the servers' side.
static void server_accept(struct gen_world *w, const struct gen_seg *s, uint64_t key)
{
	struct gen_end *e = end_take(w, GEN_SERVER, key);

	if (e == NULL) {
		w->report.servers_full++;
		return;
	}
	gen_head_answer(&e->head, s);
	e->fault = gen_rand_of(w->conf->seed, key, s->seq);
	gen_server_begin(w, e);
	gen_tcp_accept(w, e, s);
}

static void stray(struct gen_world *w, const struct gen_seg *s, unsigned side)
{
	w->report.strays++;
	if ((s->flags & GEN_RST) == 0)
		gen_tcp_reset(w, s, side);
}

static uint64_t key_of(const struct gen_seg *s, unsigned side)
{
	return side == GEN_CLIENT ? gen_index_key(s->family, s->dst, s->dport)
				  : gen_index_key(s->family, s->src, s->sport);
}

static bool is_syn(const struct gen_seg *s)
{
	return (s->flags & (GEN_SYN | GEN_ACK | GEN_RST)) == GEN_SYN;
}

static void segment_take(struct gen_world *w, unsigned side, const struct gen_seg *s, uint64_t key)
{
	uint32_t i = gen_index_get(&w->index[side], key);
	struct gen_end *e = i == GEN_INDEX_NONE ? NULL : &w->ends[i];

	// The same client again, with another sequence number: its old connection is long over.
	if (e != NULL && side == GEN_SERVER && is_syn(s) && s->seq + 1 != e->tcp.rcv &&
		e->tcp.state == GEN_OPEN) {
		gen_tcp_over(w, e, GEN_GONE_RESET);
		e = NULL;
	}
	if (e == NULL && side == GEN_SERVER && is_syn(s))
		server_accept(w, s, key);
	else if (e == NULL)
		stray(w, s, side);
	else if (gen_rand_hit(&e->fault, w->conf->loss_got))
		w->report.lost_got++;
	else
		gen_tcp_input(w, e, s);
}

static bool frame_read(
	struct gen_world *w, unsigned side, const struct gen_in *in, struct gen_seg *s)
{
	switch (gen_frame_read(in->frame, in->len, w->conf->verify && !in->trusted, s)) {
	case GEN_READ_TCP:
		w->report.got[side]++;
		w->report.got_octets[side] += in->len;
		return true;
	case GEN_READ_OTHER:
		w->report.other_frames++;
		return false;
	case GEN_READ_BROKEN:
		gen_report_wrong(&w->report, GEN_W_BROKEN, 0, 0, 0, NULL, 0);
		return false;
	default:
		gen_report_wrong(&w->report, GEN_W_CHECKSUM, 0, 0, 0, NULL, 0);
		return false;
	}
}

static void end_prefetch(const struct gen_end *e)
{
	const char *p = (const char *)e;

	for (unsigned i = 0; i < 8; i++)
		__builtin_prefetch(p + i * 64);
}

void gen_world_input(struct gen_world *w, unsigned side, const struct gen_in *in, unsigned n)
{
	struct gen_seg seg[GEN_BURST];
	uint64_t key[GEN_BURST];
	unsigned got = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!frame_read(w, side, &in[i], &seg[got]))
			continue;
		key[got] = key_of(&seg[got], side);
		gen_index_prefetch(&w->index[side], key[got]);
		got++;
	}
	for (unsigned i = 0; i < got; i++) {
		uint32_t at = gen_index_get(&w->index[side], key[i]);

		if (at != GEN_INDEX_NONE)
			end_prefetch(&w->ends[at]);
	}
	for (unsigned i = 0; i < got; i++)
		segment_take(w, side, &seg[i], key[i]);
}

static uint64_t allowed(const struct gen_world *w) // sessions that may have begun by now
{
	uint64_t most = w->conf->sessions == 0 ? UINT64_MAX : w->conf->sessions;

	if (w->stop)
		return 0;
	if (w->conf->rate == 0)
		return most;
	uint64_t by_rate = (w->now_us - w->begin_us) * w->conf->rate / 1000000 + 1;
	return by_rate < most ? by_rate : most;
}

unsigned gen_world_turn(struct gen_world *w)
{
	unsigned done = 0;
	uint64_t most = allowed(w);

	for (uint32_t id; (id = gen_wheel_next(&w->wheel, w->now_ms)) != GEN_WHEEL_NONE; done++)
		gen_tcp_timer(w, &w->ends[id]);
	for (unsigned i = 0; i < BEGIN_BURST && w->next_n < most && session_begin(w); i++)
		done++;
	return done;
}

bool gen_world_is_done(const struct gen_world *w)
{
	return w->in_use[GEN_CLIENT] == 0 &&
		(w->stop || (w->conf->sessions != 0 && w->next_n == w->conf->sessions));
}
