// SPDX-License-Identifier: BSD-3-Clause
// Senders by filter, a page at a time; those with the highest scores; what becomes of a score by itself; as
// they are saved. Thread: the owner's.
#include <errno.h>
#include <string.h>

#include "rep_save.h"
#include "rep_sender_int.h"

enum { LOOKS = 50000, LOOKS_TOP = 50000 }; // as for endpoints

void rep_sender_get(struct rep_senders *s, uint32_t number, uint32_t now_s, struct rep_sender *out)
{
	const struct sender *c = &s->entry[number];
	const uint32_t now = now_s / REP_SENDER_CELL_S;
	const struct rep_note *said;
	uint32_t last, past;

	rep_sender_freshen(s, number);
	rep_sender_settle(s, number, now_s);
	last = s->t.last[number];
	past = now > last ? now - last : 0;
	said = rep_notes_find(&s->notes, number);
	*out = (struct rep_sender){.key = c->key,
		.state = rep_table_state(&s->t, number),
		.score = rep_sender_score(s, number, now_s),
		.last_s = last * REP_SENDER_CELL_S,
		.auth_s = rep_auth_left(&c->auth, now_s),
		.auth_failed = c->auth.failed};
	for (uint32_t i = past; last != 0 && i < s->shape.cells; i++) {
		const struct half_hour *h = rep_sender_cell(s, number, last - (i - past));

		out->good += h->good;
		out->bad_percent += h->bad;
	}
	if (said == NULL)
		return;
	out->since_s = said->since_s;
	out->until_s = said->until_s;
	out->comment = rep_note_comment(said);
}

uint32_t rep_sender_falls(
	struct rep_senders *s, uint32_t number, uint32_t now_s, struct rep_fall *out, uint32_t cap)
{
	const uint32_t now = now_s / REP_SENDER_CELL_S;
	unsigned score;
	uint32_t n = 0;

	rep_sender_freshen(s, number);
	score = rep_sender_score_at(s, number, now);
	for (uint32_t i = 1; i <= s->shape.cells && n < cap; i++) {
		const unsigned then = rep_sender_score_at(s, number, now + i);

		if (then == score)
			continue;
		score = then;
		out[n].in_s = (now + i) * REP_SENDER_CELL_S - now_s;
		out[n++].score = then;
	}
	return n;
}

static bool fits(struct rep_senders *s, const struct rep_filter *f, uint32_t n, uint32_t now_s)
{
	const struct sender *c = &s->entry[n];
	unsigned score;

	rep_sender_freshen(s, n);
	if (f->within.len > 0 &&
		(c->key.prefix.len < f->within.len || !prefix_has(&f->within, &c->key.prefix.addr)))
		return false;
	if (f->context != 0 && c->key.context != f->context)
		return false;
	if (f->by_auth && rep_auth_left(&c->auth, now_s) == 0)
		return false;
	if (f->by_state) {
		rep_sender_settle(s, n, now_s);
		if (rep_table_state(&s->t, n) != f->state)
			return false;
	}
	if (f->score_min == 0 && f->score_max == 0)
		return true;
	score = rep_sender_score(s, n, now_s);
	return score >= f->score_min && (f->score_max == 0 || score <= f->score_max);
}

uint32_t rep_senders_page(struct rep_senders *s, const struct rep_filter *f, uint32_t *next,
	uint32_t *numbers, uint32_t cap, uint32_t now_s)
{
	const struct rep_bits *set = rep_table_set(&s->t, f);
	uint32_t n = *next, found = 0;

	for (uint32_t looks = 0; looks < LOOKS && found < cap; looks++) {
		n = rep_bits_next(set, n);
		if (n == REP_NOBODY)
			break;
		if (fits(s, f, n, now_s))
			numbers[found++] = n;
		n++;
	}
	*next = n == REP_NOBODY ? n : rep_bits_next(set, n);
	return found;
}

bool rep_senders_top(
	struct rep_senders *s, const struct rep_filter *f, struct rep_top *top, uint32_t now_s)
{
	const struct rep_bits *set = rep_table_set(&s->t, f);

	for (uint32_t looks = 0; looks < LOOKS_TOP; looks++, top->next++) {
		const uint32_t n = rep_bits_next(set, top->next);

		if (n == REP_NOBODY) {
			rep_top_sort(top);
			return false;
		}
		top->next = n;
		if (s->t.score[n] > 0 && fits(s, f, n, now_s))
			rep_top_add(top, rep_sender_score(s, n, now_s), n);
	}
	return true;
}

void rep_sender_save(
	const struct rep_senders *s, uint32_t number, int64_t shift_s, struct rep_sender_saved *out)
{
	const struct sender *c = &s->entry[number];
	const uint32_t last = s->t.last[number];

	*out = (struct rep_sender_saved){.key = c->key,
		.state = (uint8_t)rep_table_state(&s->t, number),
		.newest_s = rep_shifted(last * REP_SENDER_CELL_S, shift_s),
		.cells = last == 0 ? 0 : rep_sender_cells(s, number)};
	rep_auth_save(&c->auth, shift_s, &out->auth);
	rep_note_save(rep_notes_find(&s->notes, number), shift_s, &out->note);
	for (uint32_t i = 0; i < out->cells; i++) {
		out->cell[i].good = rep_sender_cell(s, number, last - i)->good;
		out->cell[i].bad = rep_sender_cell(s, number, last - i)->bad;
	}
}

static void cells_load(
	struct rep_senders *s, uint32_t n, const struct rep_sender_saved *v, uint32_t now_s)
{
	const uint32_t now = now_s / REP_SENDER_CELL_S;
	const uint32_t newest_s = v->newest_s > now_s ? now_s : v->newest_s;
	uint32_t newest = (newest_s + REP_SENDER_CELL_S / 2) / REP_SENDER_CELL_S;

	// The clock may have been set meanwhile: the nearest cell of ours.
	newest = newest > now ? now : newest;
	memset(s->cell + (size_t)n * s->shape.cells, 0, s->shape.cells * sizeof(*s->cell));
	s->t.last[n] = v->cells == 0 ? 0 : newest;
	for (uint32_t i = 0; i < v->cells && i < s->shape.cells && i < newest; i++)
		*rep_sender_cell(s, n, newest - i) =
			(struct half_hour){.good = v->cell[i].good, .bad = v->cell[i].bad};
	s->t.score[n] = 1;
	(void)rep_sender_score(s, n, now_s);
}

int rep_sender_load(struct rep_senders *s, const struct rep_sender_saved *v, uint32_t now_s)
{
	enum rep_state state = (enum rep_state)v->state;
	uint32_t n;

	if (v->state >= REP_STATE_COUNT || v->state == REP_AUTO || v->key.prefix.len > 128 ||
		v->cells > REP_SENDER_CELLS_MAX)
		return -EINVAL;
	if (!rep_shape_fits(&s->shape, &v->key.prefix))
		return -ERANGE;
	n = rep_sender_make(s, &v->key);
	if (n == REP_NOBODY)
		return -ENOSPC;
	if (!rep_note_load(&s->notes, n, &v->note, now_s, &state))
		return -ENOMEM;
	rep_sender_fresh(s, n);
	rep_auth_load(&v->auth, now_s, &s->entry[n].auth);
	rep_table_state_set(&s->t, n, state);
	rep_table_auth_set(&s->t, n, rep_auth_left(&s->entry[n].auth, now_s) > 0);
	cells_load(s, n, v, now_s);
	s->entry[n].told = 0;
	return 0;
}
