// SPDX-License-Identifier: BSD-3-Clause
// Endpoints by filter, a page at a time; those with the highest scores; as they are saved.
// Thread: the owner's.
#include <errno.h>
#include <string.h>

#include "rep_endpoint_int.h"
#include "rep_save.h"

// A page looks at so many: some milliseconds where each of them is out of the caches.
enum { LOOKS = 50000, LOOKS_TOP = 50000, STEPS_TOP = 1000000 };

static bool fits(struct rep_endpoints *e, const struct rep_filter *f, uint32_t n, uint32_t now_s)
{
	const struct span id = rep_endpoint_id(&e->entry[n]);
	uint32_t score;

	if (f->id.n > 0 && !span_eq(span_sub(id, 0, f->id.n), f->id))
		return false;
	if (f->by_auth && rep_auth_left(&e->entry[n].auth, now_s) == 0)
		return false;
	if (f->by_state) {
		rep_endpoint_settle(e, n, now_s);
		if (rep_table_state(&e->t, n) != f->state)
			return false;
	}
	if (f->score_min == 0 && f->score_max == 0)
		return true;
	if (e->t.score[n] < f->score_min && e->t.score[n] < UINT16_MAX)
		return false; // scores do not grow by themselves
	score = rep_endpoint_score(e, n, now_s);
	return score >= f->score_min && (f->score_max == 0 || score <= f->score_max);
}

uint32_t rep_endpoints_page(struct rep_endpoints *e, const struct rep_filter *f, uint32_t *next,
	uint32_t *numbers, uint32_t cap, uint32_t now_s)
{
	const struct rep_bits *set = rep_table_set(&e->t, f);
	uint32_t n = *next, found = 0;

	for (uint32_t looks = 0; looks < LOOKS && found < cap; looks++) {
		n = rep_bits_next(set, n);
		if (n == REP_NOBODY)
			break;
		if (fits(e, f, n, now_s))
			numbers[found++] = n;
		n++;
	}
	*next = n == REP_NOBODY ? n : rep_bits_next(set, n);
	return found;
}

bool rep_endpoints_top(
	struct rep_endpoints *e, const struct rep_filter *f, struct rep_top *top, uint32_t now_s)
{
	const struct rep_bits *set = rep_table_set(&e->t, f);

	for (uint32_t looks = 0, steps = 0; looks < LOOKS_TOP && steps < STEPS_TOP; steps++) {
		const uint32_t n = rep_bits_next(set, top->next);

		if (n == REP_NOBODY) {
			rep_top_sort(top);
			return false;
		}
		top->next = n + 1;
		if (e->t.score[n] <= rep_top_floor(top) && e->t.score[n] < UINT16_MAX)
			continue;
		looks++;
		if (fits(e, f, n, now_s))
			rep_top_add(top, rep_endpoint_score(e, n, now_s), n);
	}
	return true;
}

void rep_endpoint_save(const struct rep_endpoints *e, uint32_t number, int64_t shift_s,
	struct rep_endpoint_saved *out)
{
	const struct entry *c = &e->entry[number];
	const struct span id = rep_endpoint_id(c);
	const uint32_t last = e->t.last[number];
	const uint32_t cell_s = rep_bits_has(&e->stale, number) ? e->before_s : e->cell_s;

	*out = (struct rep_endpoint_saved){.key = c->key,
		.id_len = (uint8_t)id.n,
		.state = (uint8_t)rep_table_state(&e->t, number),
		.trigger = c->trigger,
		.until_s = rep_shifted(c->until_s, shift_s),
		.for_s = c->for_s,
		.window_s = cell_s * REP_CELLS,
		.newest_s = rep_shifted(last * cell_s, shift_s)};
	rep_auth_save(&c->auth, shift_s, &out->auth);
	rep_note_save(rep_notes_find(&e->notes, number), shift_s, &out->note);
	if (id.n > 0)
		memcpy(out->id, id.p, id.n);
	for (unsigned i = 0; i < REP_CELLS && e->t.score[number] > 0; i++)
		out->cell[i] = e->window[number].cell[(last - i) % REP_CELLS];
}

void rep_endpoint_cells(
	struct rep_endpoints *e, uint32_t n, const struct rep_endpoint_saved *s, uint32_t now_s)
{
	const uint32_t now = now_s / e->cell_s, width = s->window_s / REP_CELLS;
	const uint32_t newest_s = s->newest_s > now_s ? now_s : s->newest_s;

	rep_bits_put(&e->stale, n, false);
	e->window[n] = (struct window){0};
	e->t.last[n] = now;
	e->t.score[n] = 0;
	for (uint32_t i = 0; i < REP_CELLS && newest_s >= i * width; i++) {
		const uint32_t at = (newest_s - i * width) / e->cell_s;
		uint16_t *cell = &e->window[n].cell[at % REP_CELLS];

		if (now - at >= REP_CELLS || s->cell[i] == 0)
			continue;
		*cell = s->cell[i] > UINT16_MAX - *cell ? UINT16_MAX
							: (uint16_t)(*cell + s->cell[i]);
		e->t.score[n] = 1;
	}
	(void)rep_endpoint_score(e, n, now_s);
}

int rep_endpoint_load(struct rep_endpoints *e, const struct rep_endpoint_saved *s, uint32_t now_s)
{
	const struct span id = {.p = s->id, .n = s->id_len};
	enum rep_state state = (enum rep_state)s->state;
	struct entry *c;
	uint32_t n;

	if (s->key == 0 || s->id_len > REP_ID_MAX || s->state >= REP_STATE_COUNT ||
		s->window_s < REP_CELLS || s->window_s > 86400)
		return -EINVAL;
	n = rep_endpoint_make(e, s->key, id);
	if (n == REP_NOBODY)
		return -ENOSPC;
	c = &e->entry[n];
	c->trigger = s->trigger;
	c->for_s = s->for_s;
	c->until_s =
		s->until_s > now_s && s->until_s - now_s > s->for_s ? now_s + s->for_s : s->until_s;
	if (state == REP_AUTO && c->until_s <= now_s) {
		state = REP_NONE;
		c->until_s = c->for_s = 0;
	}
	if (!rep_note_load(&e->notes, n, &s->note, now_s, &state))
		return -ENOMEM;
	rep_auth_load(&s->auth, now_s, &c->auth);
	rep_table_state_set(&e->t, n, state);
	rep_table_auth_set(&e->t, n, rep_auth_left(&c->auth, now_s) > 0);
	rep_endpoint_cells(e, n, s, now_s);
	return 0;
}
