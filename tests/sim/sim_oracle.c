// SPDX-License-Identifier: BSD-3-Clause
// What goes into the box and what comes out of it, byte by byte: the slow, obvious model. A byte that
// leaves for a number is the same one for ever, and it is one that came in for that number. What is
// asked at the end of a run is sim_verdict.c's.
#include <stdlib.h>
#include <string.h>

#include "eng_reason.h"
#include "sim.h"

enum { STREAM_BYTES_MAX = 1 << 20 };

void oracle_begin(struct conn *c)
{
	for (unsigned side = 0; side < 2; side++)
		c->track[side].base = c->end[side].conf.isn + 1;
}

void oracle_fini(struct conn *c)
{
	free(c->track[CLIENT].cell);
	free(c->track[SERVER].cell);
}

static struct track_cell *cell_at(struct sim_track *t, uint32_t off)
{
	if (off >= STREAM_BYTES_MAX)
		return NULL;
	if (off >= t->max) {
		uint32_t more = off * 2 + 4096;

		t->cell = realloc(t->cell, more * sizeof(*t->cell));
		if (t->cell == NULL)
			abort();
		memset(t->cell + t->max, 0, (more - t->max) * sizeof(*t->cell));
		t->max = more;
	}
	return &t->cell[off];
}

static void note_reset(struct conn *c, enum sim_side from, const struct sim_seg *g)
{
	const struct tcp_end *peer = &c->end[!from];
	uint32_t at = g->seq - peer->irs;

	if (peer->state != TCP_OPEN && peer->state != TCP_SYN_RCVD)
		return;
	if (at == peer->rnxt)
		sim_row(c->sim, ROW_RST_EXACT);
	else if (at - peer->rnxt < peer->adv - peer->rnxt)
		sim_row(c->sim, ROW_RST_IN_WINDOW);
	else
		sim_row(c->sim, ROW_RST_OUTSIDE);
}

static void note_end(struct conn *c, const struct sim_seg *g, uint32_t off, uint32_t contiguous)
{
	static const enum sim_row cut[] = {
		ROW_END_SPLIT_1, ROW_END_SPLIT_2, ROW_END_SPLIT_3, ROW_END_SPLIT_4};
	for (unsigned i = 0; i < c->client.nmessages; i++) {
		const struct sent_message *m = &c->client.message[i];
		uint32_t end = m->end_at + 5;

		if (!m->end_known || c->kind == KIND_BARE_LF)
			continue;
		if (off > m->end_at && off < end)
			sim_row(c->sim, cut[off - m->end_at - 1]);
		if (off < end && off + g->n >= end && off > contiguous)
			sim_row(c->sim, ROW_END_HOLE);
	}
}

// A hole is filled, and behind it wait an end of data and commands.
static void note_filled(struct conn *c, uint32_t was)
{
	const struct sim_track *t = &c->track[CLIENT];

	for (unsigned i = 0; i < c->client.nmessages; i++) {
		const struct sent_message *m = &c->client.message[i];

		if (m->end_known && was < m->end_at && t->contiguous > m->end_at + 5)
			sim_row(c->sim, ROW_END_FILLED);
	}
}

static void note_bytes(struct conn *c, enum sim_side from, const struct sim_seg *g)
{
	struct sim_track *t = &c->track[from];
	struct sim *s = c->sim;
	uint32_t off = g->seq - t->base, was = t->contiguous;
	bool again = false, other = false, lines = false;

	if (g->n == 0 || (off >= STREAM_BYTES_MAX && off + g->n >= STREAM_BYTES_MAX))
		return; // nothing of it lies in the stream
	if (off > was && off < STREAM_BYTES_MAX)
		sim_row(s, ROW_AHEAD_OF_HOLE);
	if (from == CLIENT)
		note_end(c, g, off, was);
	if (g->n == 1)
		sim_row(s, ROW_ONE_BYTE);
	if (g->seq + g->n < g->seq)
		sim_row(s, ROW_WRAP);
	for (uint32_t i = 0; i < g->n; i++) {
		struct track_cell *cell = cell_at(t, off + i);
		unsigned k = 0;

		if (cell == NULL)
			continue;
		while (k < cell->nin && cell->in[k] != g->text[i])
			k++;
		again |= cell->nin > 0;
		other |= cell->nin > 0 && k == cell->nin;
		if (k == cell->nin && k < sizeof(cell->in))
			cell->in[cell->nin++] = g->text[i];
		lines |= g->text[i] == '\n' && i + 1 < g->n;
	}
	while (t->contiguous < t->max && t->cell[t->contiguous].nin > 0)
		t->contiguous++;
	if (from == CLIENT && t->contiguous > off + g->n)
		note_filled(c, was);
	if (again)
		sim_row(s, ROW_LOST_AND_REPEATED);
	if (other)
		sim_row(s, ROW_OVERLAP);
	if (lines && from == CLIENT && client_phase(&c->client) == PHASE_COMMAND)
		sim_row(s, ROW_PIPELINED);
}

void oracle_in(struct conn *c, enum sim_side from, const struct sim_seg *g)
{
	struct sim *s = c->sim;
	const struct tcp_end *e = &c->end[from];

	if (g->flags & SEG_RST)
		note_reset(c, from, g);
	else if (g->window == 0)
		sim_row(s, ROW_WINDOW_ZERO);
	if ((g->flags & (SEG_SYN | SEG_ACK)) == SEG_SYN && from == CLIENT && e->state == TCP_OPEN)
		sim_row(s, ROW_SYN_ON_LIVE);
	if (g->ts && e->ts_on && (int32_t)(g->ts_val - e->conf.ts_offset - s->now / 1000) < -50000)
		sim_row(s, ROW_OLD_STAMP);
	if (g->n <= 1 && (g->flags & (SEG_SYN | SEG_FIN | SEG_RST)) == 0 && e->state == TCP_OPEN &&
		g->seq == e->conf.isn + e->nxt - 1 && e->una == e->nxt)
		sim_row(s, ROW_KEEP_ALIVE);
	if (!g->bad_sum && !(g->flags & (SEG_SYN | SEG_RST)))
		note_bytes(c, from, g);
}

// May the box show this byte at this place? It may have come for it; a letter of a masked keyword is
// an X or a Z; and towards the client a cut session's replies are the box's.
static bool may_leave(
	const struct conn *c, enum sim_side from, const struct track_cell *cell, uint8_t b)
{
	for (unsigned k = 0; k < cell->nin; k++)
		if (cell->in[k] == b)
			return true;
	// Behind a command that the server got as NOOP, and a reply of ours, the two ends may count
	// differently.
	if (box_count(c->sim, ACT_SUBSTITUTED) > 0)
		return true;
	return from == SERVER && (c->box_cut || b == 'X' || b == 'Z');
}

void oracle_out(struct conn *c, enum sim_side from, const struct sim_seg *g)
{
	struct sim_track *t = &c->track[from];
	struct sim *s = c->sim;
	uint32_t off = g->seq - t->base;
	bool unread = s->plan.excused || c->server.at == AT_TLS || c->path.client_net == 7;
	bool again = false;

	if (g->bad_sum)
		sim_fail(s, "%u: a frame left with a wrong checksum", c->index);
	if ((g->flags & (SEG_URG | SEG_RST)) == SEG_URG && !unread)
		sim_fail(s, "%u: urgent data left", c->index);
	if (g->n == 0 || unread || (g->flags & (SEG_SYN | SEG_RST)))
		return;
	for (uint32_t i = 0; i < g->n; i++) {
		struct track_cell *cell = cell_at(t, off + i);

		if (cell == NULL) {
			sim_fail(s, "%u: bytes left outside of the stream", c->index);
			return;
		}
		if (cell->is_out && cell->out != g->text[i]) {
			sim_fail(s, "%u: byte %u of the %s left as %02x and as %02x", c->index,
				off + i, from == CLIENT ? "client" : "server", cell->out,
				g->text[i]);
			return;
		}
		if (!cell->is_out && !may_leave(c, from, cell, g->text[i])) {
			sim_fail(s, "%u: byte %u of the %s left as %02x, which never came",
				c->index, off + i, from == CLIENT ? "client" : "server",
				g->text[i]);
			return;
		}
		again |= cell->is_out && cell->nin > 0 && cell->in[0] != g->text[i];
		cell->out = g->text[i];
		cell->is_out = 1;
	}
	if (again && from == SERVER)
		sim_row(s, ROW_EDIT_LOSS);
}
