// SPDX-License-Identifier: BSD-3-Clause
// One seed from its begin to its end: what happens next, until nobody has anything to say; then all
// deadlines pass, and what is left is looked at.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eng_reason.h"
#include "sim.h"
#include "sim_noeal.h"

enum { STEPS_MAX = 3000000 };
static const uint64_t FOUR_HOURS_US = UINT64_C(4) * 3600 * 1000000;

void sim_fail(struct sim *s, const char *format, ...)
{
	va_list args;

	if (s->failed)
		return;
	s->failed = true;
	va_start(args, format);
	(void)vsnprintf(s->why, sizeof(s->why), format, args);
	va_end(args);
	sim_note(s, "!!! %s", s->why);
}

void sim_note(struct sim *s, const char *format, ...)
{
	va_list args;

	if (!s->trace)
		return;
	printf("%12.6f ", (double)s->now / 1e6);
	va_start(args, format);
	(void)vprintf(format, args);
	va_end(args);
	printf("\n");
}

// ---- what is seen of a segment

static void trace_segment(
	const struct conn *c, const char *where, enum sim_side from, const struct sim_seg *g)
{
	char flags[8], text[61], ts[40] = "";
	uint32_t n = 0, k = 0;

	if (!c->sim->trace)
		return;
	for (unsigned i = 0; i < 6; i++)
		if (g->flags >> i & 1)
			flags[k++] = "FSRPAU"[i];
	flags[k] = '\0';
	for (uint32_t i = 0; i < g->n && n + 4 < sizeof(text); i++) {
		uint8_t b = g->text[i];

		if (b == '\r' || b == '\n' || b == '\0') {
			text[n++] = '\\';
			text[n++] = b == '\r' ? 'r' : b == '\n' ? 'n' : '0';
		} else {
			text[n++] = (char)(b < 32 || b > 126 ? '?' : b);
		}
	}
	text[n] = '\0';
	if (g->ts)
		(void)snprintf(ts, sizeof(ts), " ts %u %u", g->ts_val - c->end[from].conf.ts_offset,
			g->ts_ecr - c->end[!from].conf.ts_offset);
	printf("%12.6f %u %s %s %-4s seq %d ack %d win %u len %u%s%s%s %s\n",
		(double)c->sim->now / 1e6, c->index, where, from == CLIENT ? "C>" : "<S", flags,
		(int32_t)(g->seq - c->end[from].conf.isn),
		(int32_t)(g->ack - c->end[!from].conf.isn), g->window, g->n, ts,
		g->bad_sum ? " badsum" : "", g->ttl < c->ttl_hops ? " lowttl" : "", text);
}

static void emit_client(void *arg, const struct sim_seg *seg)
{
	evil_send(arg, CLIENT, seg);
}

static void emit_server(void *arg, const struct sim_seg *seg)
{
	evil_send(arg, SERVER, seg);
}

// ---- the cuts of the box, by what its client was about

static const struct {
	enum eng_reason reason;
	int row; // -1: by the client's phase
} cuts[] = {
	{ACT_REFUSED_CONNECT, ROW_CUT_GREETING},
	{ACT_REJECTED, -1},
	{ACT_TEMPFAILED, -1},
	{ACT_DISCARDED, -1},
	{ACT_DESYNC, -1},
	{ACT_LINE_REFUSED, ROW_CUT_COMMAND},
	{ACT_POSSIBLE_END_CUT, ROW_CUT_BODY},
	{ACT_AHEAD_CUT, ROW_CUT_END},
	{ACT_SCAN_TAKEN, -1},
	{ACT_SUBSTITUTE_LIMIT, ROW_CUT_COMMAND},
	{ACT_CHANGE_REFUSED, ROW_CUT_COMMAND},
	{ACT_LIMIT_ERRORS, -1},
	{ACT_LIMIT_RECIPIENT_ERRORS, -1},
	{ACT_LIMIT_RSET, -1},
};

// Noted before what the cut says leaves.
void sim_cuts_note(struct conn *c)
{
	struct sim *s = c->sim;

	for (unsigned i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		uint64_t is = box_count(s, cuts[i].reason);

		if (is == s->cuts[i])
			continue;
		s->cuts[i] = is;
		c->box_cut = true;
		for (unsigned k = 0; k < s->nconns; k++) // it may have been another one's
			s->conn[k].box_cut |= s->plan.lazy || cuts[i].reason == ACT_SCAN_TAKEN;
		sim_row(s,
			cuts[i].row >= 0
				? (enum sim_row)cuts[i].row
				: (enum sim_row)(ROW_CUT_GREETING + client_phase(&c->client)));
	}
}

// ---- steps

static void conn_begin(struct conn *c)
{
	c->begun = true;
	c->end[CLIENT].emit = emit_client;
	c->end[SERVER].emit = emit_server;
	c->end[CLIENT].arg = c->end[SERVER].arg = c;
	client_begin(c);
	tcp_connect(&c->end[CLIENT], c->sim->now);
}

static void conn_poll(struct conn *c)
{
	bool open = c->end[SERVER].state == TCP_OPEN;

	if (open && !c->accepted) {
		c->accepted = true;
		server_begin(c);
	}
	client_poll(c);
	server_poll(c);
	if (!c->over && c->end[CLIENT].gone != GONE_NOT &&
		(c->end[SERVER].gone != GONE_NOT || c->end[SERVER].state == TCP_LISTEN)) {
		c->over = true;
		c->over_at = c->sim->now;
	}
}

static void arrive(struct sim *s, struct sim_event *e)
{
	struct conn *c = &s->conn[e->conn];
	enum sim_side from;
	uint16_t port;
	struct sim_seg seg;

	if (!sim_frame_read(e->frame->b, e->frame->n, &from, &port, &seg)) {
		sim_fail(s, "the simulator can't read its own frame");
	} else if (e->kind == TO_BOX) {
		trace_segment(c, "box <-", from, &seg);
		oracle_in(c, from, &seg);
		if (s->box.alive)
			box_rx(s, c, e->side, e->frame);
	} else if (seg.ttl >= c->ttl_hops || e->side == CLIENT) {
		trace_segment(c, "end <-", from, &seg);
		tcp_input(&c->end[e->side], s->now, &seg);
		conn_poll(c);
	}
	free(e->frame);
}

static uint64_t next_at(const struct sim *s)
{
	uint64_t at = net_next(s);

	if (s->box.wake_at < at)
		at = s->box.wake_at;
	if (s->plan.restart_at < at)
		at = s->plan.restart_at;
	if (s->plan.swap_at < at)
		at = s->plan.swap_at;
	for (unsigned i = 0; i < s->nconns; i++) {
		const struct conn *c = &s->conn[i];
		uint64_t t = c->begins_at;

		if (c->begun) {
			const uint64_t of[] = {tcp_deadline(&c->end[CLIENT]),
				tcp_deadline(&c->end[SERVER]), client_deadline(c),
				server_deadline(c)};

			t = TCP_NEVER;
			for (unsigned k = 0; k < 4; k++)
				t = of[k] < t ? of[k] : t;
		}
		at = t < at ? t : at;
	}
	return at > s->now ? at : s->now;
}

static void swap_when_due(struct sim *s)
{
	bool within = false;

	if (s->now < s->plan.swap_at)
		return;
	for (unsigned i = 0; i < s->nconns; i++)
		within |= s->conn[i].begun && client_phase(&s->conn[i].client) >= PHASE_BODY;
	if (s->plan.swap_in_body && !within && s->now < s->conn[0].begins_at + 60000000) {
		s->plan.swap_at = s->now + 2000;
		return;
	}
	if (within)
		sim_row(s, ROW_IMAGE_SWAP);
	box_swap(s);
	s->plan.swap_at = TCP_NEVER;
}

static void step(struct sim *s)
{
	struct sim_event e;

	s->now = next_at(s);
	if (s->now >= s->plan.restart_at) {
		s->plan.restart_at = TCP_NEVER;
		box_restart(s);
	}
	swap_when_due(s);
	if (net_due(s, s->now, &e))
		arrive(s, &e);
	if (s->box.wake_at <= s->now)
		box_turn(s);
	for (unsigned i = 0; i < s->nconns; i++) {
		struct conn *c = &s->conn[i];

		if (!c->begun && c->begins_at <= s->now)
			conn_begin(c);
		if (!c->begun)
			continue;
		for (unsigned side = 0; side < 2; side++)
			if (tcp_deadline(&c->end[side]) <= s->now)
				tcp_timer(&c->end[side], s->now);
		conn_poll(c);
	}
}

static bool all_over(const struct sim *s)
{
	for (unsigned i = 0; i < s->nconns; i++)
		if (!s->conn[i].over)
			return false;
	return s->nheap == 0;
}

// Nobody says anything any more: every deadline of the box passes.
static void drain(struct sim *s)
{
	uint64_t until = s->now + FOUR_HOURS_US;

	for (unsigned i = 0; i < s->nconns; i++)
		s->conn[i].begun = false;
	s->now += 1000;
	box_turn(s); // the gauges are as they are now
	while (s->now < until && s->box.counters[GAUGE_FLOWS] > 0) {
		struct sim_event e;

		s->now = s->box.wake_at;
		box_turn(s);
		while (net_due(s, TCP_NEVER, &e))
			free(e.frame);
	}
	s->now += 1000000;
	box_turn(s);
}

static void look_at_leftovers(struct sim *s)
{
	const uint64_t *n = s->box.counters;

	if (n[GAUGE_FLOWS] != 0 || n[GAUGE_SLABS] != 0 || n[GAUGE_MESSAGES] != 0)
		sim_fail(s, "left in the box: %lu flows, %lu slabs, %lu messages", n[GAUGE_FLOWS],
			n[GAUGE_SLABS], n[GAUGE_MESSAGES]);
	if (n[GAUGE_HOLDS] != 0)
		sim_fail(s, "left in the box: %lu holds", n[GAUGE_HOLDS]);
	for (unsigned port = 0; port < 2; port++) // what the last turn sent
		box_turn(s);
	if (sim_pool_used(s->box.pool) != 0)
		sim_fail(s, "left in the box: %u packet buffers", sim_pool_used(s->box.pool));
}

bool sim_run(struct sim *s, uint64_t seed, bool trace)
{
	unsigned pieces = sim_memory_pieces();

	memset(s, 0, sizeof(*s));
	s->seed = seed;
	s->trace = trace;
	s->dice.state = seed * UINT64_C(0xd1342543de82ef95) + 7;
	sim_noeal_seed(seed);
	sim_plan(s);
	for (unsigned i = 0; i < s->nconns; i++) {
		s->conn[i].sim = s;
		s->conn[i].index = i;
		sim_plan_conn(s, &s->conn[i]);
		oracle_begin(&s->conn[i]);
	}
	if (box_start(s)) {
		uint64_t limit = s->conn[0].begins_at + s->plan.limit_us;

		s->box.wake_at = s->conn[0].begins_at; // what began before the box is reset by then

		while (!s->failed && !all_over(s) && s->now < limit) {
			step(s);
			if (++s->steps > STEPS_MAX)
				sim_fail(s, "never ends: %lu frames in, %lu out, %lu turns",
					s->box.in, s->box.out, s->box.turns);
		}
		if (!s->failed)
			oracle_end(s);
		if (!s->failed) {
			drain(s);
			look_at_leftovers(s);
		}
	}
	box_fini(s);
	if (!s->failed && sim_memory_pieces() != pieces)
		sim_fail(s, "%d pieces of memory left", (int)(sim_memory_pieces() - pieces));
	net_fini(s);
	for (unsigned i = 0; i < s->nconns; i++) {
		struct conn *c = &s->conn[i];

		tcp_fini(&c->end[CLIENT]);
		tcp_fini(&c->end[SERVER]);
		client_fini(&c->client);
		server_fini(&c->server);
		oracle_fini(c);
	}
	return !s->failed;
}
