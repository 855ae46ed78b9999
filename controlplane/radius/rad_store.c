// SPDX-License-Identifier: BSD-3-Clause
// Room in the store's queue is looked for before anything makes a row, so a row that finds none is our bug's
// or a race's: then all is said again. So it is when the wall's clock, by which the rows say when, was set.
// Thread: the owner's.
#include "rad_store.h"

#include <errno.h>
#include <time.h>

enum { SAY_ROWS = 2000, SAY_SPARE = 4000, STEP_S = 30 };

void rad_store_open(struct rad_store *s, struct sto *sto)
{
	*s = (struct rad_store){.sto = sto, .era = sto_era(sto)};
}

void rad_store_clock(struct rad_store *s, uint32_t now_s)
{
	s->wall_s = (int64_t)time(NULL) - now_s;
	if (s->rows_s == 0)
		s->rows_s = s->wall_s;
	if (s->wall_s - s->rows_s < STEP_S && s->rows_s - s->wall_s < STEP_S)
		return;
	// Somebody has set the wall's clock: behind a restart the rows would be too old, or too new.
	s->rows_s = s->wall_s;
	s->saying = true;
	s->at = 0;
}

static void took(struct rad_store *s, int rc, uint64_t ticket)
{
	if (rc == 0 && ticket > s->ticket)
		s->ticket = ticket;
	if (rc != -EAGAIN)
		return; // lost: sto_era will ask for it
	s->lost++;
	s->saying = s->sweeps = true;
	s->at = 0;
}

void rad_store_row(void *arg, const struct rad_row *row)
{
	static const uint8_t has[] = {
		[RAD_ROW_LIVE] = STO_HAS_LIVE,
		[RAD_ROW_ENDED] = STO_HAS_ENDED,
		[RAD_ROW_GONE] = STO_HAS_GONE,
	};
	struct rad_store *s = arg;
	const struct sto_binding put = {
		.prefix = row->key.prefix,
		.port_first = row->key.port_first,
		.port_last = row->key.port_last,
		.context = row->key.context,
		.vlan = row->key.vlan,
		.has = has[row->has],
		.shared = row->shared,
		.session = row->session,
		.nas = row->nas,
		.nas_era = row->nas_era,
		.before = row->before,
		.before_over = row->before_over,
		.at_s = s->wall_s + row->at_s,
		.seen_s = s->wall_s + row->seen_s,
		.event_s = row->event_s,
		.id = row->id,
	};
	uint64_t ticket;

	const int rc = sto_binding_put(s->sto, &put, &ticket);
	took(s, rc, ticket);
}

void rad_store_nas(void *arg, uint64_t nas, uint32_t era)
{
	struct rad_store *s = arg;
	const struct sto_nas put = {.nas = nas, .era = era};
	uint64_t ticket;

	const int rc = sto_nas_put(s->sto, &put, &ticket);
	took(s, rc, ticket);
}

static uint32_t clock_of(const struct rad_store *s, int64_t wall_s, uint32_t now_s)
{
	const int64_t at_s = wall_s - s->wall_s;

	return at_s < 1 ? 1 : at_s > now_s ? now_s : (uint32_t)at_s; // the wall's clock may be set
}

bool rad_store_restore(struct rad_store *s, const struct sto_binding *row, uint32_t now_s)
{
	return rad_bind_restore(s->bind,
		&(struct rad_row){.key = {.prefix = row->prefix,
					  .port_first = row->port_first,
					  .port_last = row->port_last,
					  .context = row->context,
					  .vlan = row->vlan},
			.has = row->has == STO_HAS_LIVE ? RAD_ROW_LIVE : RAD_ROW_ENDED,
			.shared = row->shared,
			.session = row->session,
			.nas = row->nas,
			.nas_era = row->nas_era,
			.before = row->before,
			.before_over = row->before_over,
			.at_s = clock_of(s, row->at_s, now_s),
			.seen_s = clock_of(s, row->seen_s, now_s),
			.event_s = row->event_s,
			.id = row->id},
		now_s);
}

bool rad_store_turn(struct rad_store *s)
{
	const uint32_t era = sto_era(s->sto);

	if (era != s->era) {
		s->era = era;
		s->saying = s->sweeps = true;
		s->at = 0;
	}
	if (!s->saying || sto_state(s->sto) != STO_WELL)
		return false;
	if (sto_room(s->sto) < SAY_ROWS + SAY_SPARE)
		return true;
	const uint64_t lost = s->lost;
	const bool all = rad_bind_say(s->bind, &s->at, SAY_ROWS);
	if (s->lost != lost)
		s->at = 0;
	else if (all && (!s->sweeps || sto_said(s->sto, STO_BINDINGS, era) == 0))
		s->saying = s->sweeps = false;
	return s->saying;
}
