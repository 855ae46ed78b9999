// SPDX-License-Identifier: BSD-3-Clause
// Senders of a middling reputation send less: in a clock hour (UTC) as many messages as their profile names, or
// so many percent of what their server took in the hour before, whichever is more. Messages are counted for
// every client of such a profile, so that there is an hour before; by all workers together, in cells
// (table/tbl_cells.h), one an hour and client, which is exact: within an hour nothing slides. A message is of
// the hour of its MAIL; it counts from then on and is given back unless its server takes it, as limits are
// (eng_rates.c). More than 60,000 of an hour are not counted. Where no cell is left nobody is throttled.
// Thread: the worker.
#include "eng_reputation.h"
#include "eng_session.h"

enum {
	CELLS_HOUR = 32, // tbl_cell_key.kind, behind those of eng_rates.c
	WINDOW_S = 7200, // as long as until the end of the hour behind it; the cell is free after twice that
};

bool eng_throttle_counts(const struct pol_session *p)
{
	return p->throttle_at != 0 && p->sender_reputation != POL_REPUTATION_OFF;
}

static struct tbl_cell_key key_of(const struct eng_worker *w, const struct eng_session *s,
	const struct pol_session *p, uint32_t hour)
{
	const uint64_t name[2] = {p->key, hour};

	return (struct tbl_cell_key){
		.client = eng_tickets_client(&s->flow.key.client),
		.profile = tbl_cells_name(w->eng->cells, name, sizeof(name)),
		.context = eng_context_key(w, s->flow.key.context),
		.vlan = eng_context_vlan(s->flow.key.context),
		.kind = CELLS_HOUR,
	};
}

static uint32_t hour_now(const struct eng_worker *w)
{
	return atomic_load_explicit(&w->eng->hour, memory_order_relaxed); // a number alone
}

static uint32_t limit_of(const struct eng_worker *w, const struct eng_session *s,
	const struct pol_session *p, uint32_t hour)
{
	const struct tbl_cell_key before = key_of(w, s, p, hour - 1);
	const uint32_t now_s = (uint32_t)(w->smtp->now_us / 1000000);
	const uint32_t taken = tbl_cells_read(w->eng->cells, &before, now_s).events;
	const uint32_t share = (uint32_t)((uint64_t)taken * p->throttle_percent / 100);
	const uint32_t limit = share > p->throttle_messages ? share : p->throttle_messages;

	return limit < TBL_CELLS_EVENTS_MAX ? limit : TBL_CELLS_EVENTS_MAX;
}

uint32_t eng_throttle_limit(struct eng_worker *w, struct eng_session *s, uint32_t *retry_s)
{
	const struct pol_session *p = eng_profile(w, s);
	const uint32_t hour = hour_now(w), now_s = (uint32_t)(w->smtp->now_us / 1000000);
	const uint32_t next_s =
		atomic_load_explicit(&w->eng->hour_next_s, memory_order_relaxed); // a number alone

	*retry_s = 0;
	if (w->eng->cells == NULL)
		return 0;
	if (next_s > now_s && limit_of(w, s, p, hour + 1) > 0)
		*retry_s = next_s - now_s;
	return limit_of(w, s, p, hour);
}

bool eng_throttle_mail(struct eng_worker *w, struct eng_session *s,
	const struct eng_reputation *rep, struct eng_rates *rates, enum eng_refusal *why)
{
	const struct pol_session *p = eng_profile(w, s);
	const uint32_t hour = hour_now(w), now_s = (uint32_t)(w->smtp->now_us / 1000000);
	uint32_t limit = TBL_CELLS_EVENTS_MAX, value;

	if (w->eng->cells == NULL || !eng_throttle_counts(p))
		return true;
	const struct tbl_cell_key key = key_of(w, s, p, hour);
	const bool refuses =
		rep->throttled && p->sender_reputation == POL_REPUTATION_REJECT;
	if (rep->throttled)
		limit = limit_of(w, s, p, hour);
	*why = ENG_REFUSE_THROTTLE;
	if (refuses && limit == 0)
		return false;
	const enum tbl_cells_answer answer = tbl_cells_hold(w->eng->cells, &key,
		refuses ? limit : TBL_CELLS_EVENTS_MAX, WINDOW_S, now_s, &rates->hour, &value);
	if (answer == TBL_CELLS_FULL) {
		eng_count(w, ACT_CELLS_FULL);
		return true;
	}
	if (answer == TBL_CELLS_OVER)
		return !refuses;
	if (value > limit) // monitored
		eng_reputation_tell(w, s, ENG_TOLD_SENDER, limit, value);
	return true;
}
