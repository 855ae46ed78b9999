// SPDX-License-Identifier: BSD-3-Clause
// Silence: a candidate with a shorter idle time would have closed a session that is still open. A slice of
// the sessions compared is looked at in each tick, all of them in about a second however many there are; one
// that speaks again within that time behind the candidate's bound may not be noticed. Where only the one in
// force closes that is told, too; what its ends would have said later under a longer time nobody knows.
// Thread: the worker.
#include "eng_shadow.h"

enum {
	SLICE = 16, // entries, of each quarter of a millisecond that has passed
	SLICE_MOST = 1024,
};

static uint32_t idle_ms(const struct pol_session *profile)
{
	const uint32_t ms = profile->idle_ms == 0 ? ENG_IDLE_MS : profile->idle_ms;

	return (ms + ENG_IDLE_UNIT_MS - 1) / ENG_IDLE_UNIT_MS * ENG_IDLE_UNIT_MS; // as eng_idle_set
}

static struct eng_decision closes(uint32_t quiet_ms, uint32_t limit_ms)
{
	return (struct eng_decision){.does = ENG_DOES_CUT,
		.reason = ACT_IDLE_RESET,
		.limit = limit_ms / 1000,
		.value = quiet_ms / 1000};
}

static const struct eng_decision open_still = {.does = ENG_DOES_GO, .reason = ENG_REASON_NONE};

void eng_shadow_idle_begin(
	struct eng_worker *w, const struct eng_session *s, struct eng_shadow_entry *entry)
{
	const uint32_t would_ms = idle_ms(eng_shadow_profile(w, entry));

	entry->flow = flow_place(w->smtp->flows, &s->flow);
	entry->idle_ms = would_ms < (uint32_t)s->idle_units * ENG_IDLE_UNIT_MS ? would_ms : 0;
	w->shadow->own[w->id]->idles |= entry->idle_ms != 0;
}

static void look(struct eng_worker *w, struct eng_shadow_entry *entry)
{
	if (entry->over || entry->idle_ms == 0)
		return;
	struct flow *flow = flow_at(w->smtp->flows, entry->flow);
	struct eng_session *s = flow == NULL ? NULL : eng_session_of(flow);

	if (s == NULL || s->id != entry->session || flow->state != FLOW_OPEN ||
		flow->lane != ENG_LANE_INSPECT)
		return;
	// While a reply waits its client does, too: as eng_quiet_max_ms has it.
	const uint32_t quiet_ms = w->smtp->now_ms - flow->seen_ms,
		       bound_ms =
			       entry->idle_ms + (s->tarpit ? (uint32_t)POL_DELAY_MAX_S * 1000 : 0);
	if (quiet_ms < bound_ms)
		return;
	const struct eng_decision would = closes(quiet_ms, entry->idle_ms);
	eng_shadow_compare(w, s, entry, ENG_STAGE_IDLE, &open_still, &would);
}

void eng_shadow_idle_tick(struct eng_worker *w)
{
	enum { PART_US = 250 };
	struct eng_shadow_worker *own = w->shadow->own[w->id];
	const uint64_t parts = (w->smtp->now_us - own->idle_us) / PART_US;
	uint32_t n = parts < SLICE_MOST / SLICE ? (uint32_t)parts * SLICE : SLICE_MOST;

	if (!own->idles || n == 0)
		return;
	own->idle_us = w->smtp->now_us;
	for (n = n < own->fresh ? n : own->fresh; n > 0; n--) {
		own->idle_at = own->idle_at < own->fresh ? own->idle_at : 0;
		look(w, &own->entry[own->idle_at++]);
	}
}

void eng_shadow_idle_over(struct eng_worker *w, struct eng_session *s, uint32_t quiet_ms)
{
	struct eng_shadow_entry *entry = eng_shadow_find(w, s);

	if (entry == NULL || idle_ms(eng_shadow_profile(w, entry)) <= quiet_ms)
		return;
	const struct eng_decision live =
		closes(quiet_ms, (uint32_t)s->idle_units * ENG_IDLE_UNIT_MS);
	eng_shadow_compare(w, s, entry, ENG_STAGE_IDLE, &live, &open_still);
}
