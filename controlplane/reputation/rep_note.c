// SPDX-License-Identifier: BSD-3-Clause
// Notes of entries on lists (rep_note.h): packed, found by a hash of the number. Thread: the owner's.
#include "rep_note.h"

#include <stdlib.h>
#include <string.h>

#include "rep_save.h"

enum { CAP_FIRST = 16 };

void rep_notes_close(struct rep_notes *t)
{
	for (uint32_t i = 0; i < t->used; i++)
		free(t->note[i].comment);
	free(t->note);
	free(t->head);
}

static uint32_t *head_of(const struct rep_notes *t, uint32_t number)
{
	return &t->head[number * UINT32_C(2654435761) & (t->cap - 1)]; // entries near each other spread
}

// The link that leads to its note; the one at the end where it has none.
static uint32_t *link_of(const struct rep_notes *t, uint32_t number)
{
	uint32_t *at = head_of(t, number);

	while (*at != REP_NOBODY && t->note[*at].number != number)
		at = &t->note[*at].next;
	return at;
}

const struct rep_note *rep_notes_find(const struct rep_notes *t, uint32_t number)
{
	const uint32_t at = t->cap == 0 ? REP_NOBODY : *link_of(t, number);

	return at == REP_NOBODY ? NULL : &t->note[at];
}

static bool grow(struct rep_notes *t)
{
	const uint32_t cap = t->cap == 0 ? CAP_FIRST : 2 * t->cap;
	uint32_t *head = malloc((size_t)cap * sizeof(*head));
	struct rep_note *note = head == NULL ? NULL : realloc(t->note, cap * sizeof(*note));

	if (note == NULL) {
		free(head);
		return false;
	}
	free(t->head);
	t->note = note;
	t->head = head;
	t->cap = cap;
	memset(head, 0xff, (size_t)cap * sizeof(*head)); // REP_NOBODY
	for (uint32_t i = 0; i < t->used; i++) {
		uint32_t *first = head_of(t, note[i].number);

		note[i].next = *first;
		*first = i;
	}
	return true;
}

bool rep_notes_put(
	struct rep_notes *t, uint32_t number, uint32_t since_s, uint32_t until_s, struct span comment)
{
	const size_t n = comment.n < REP_COMMENT_MAX ? comment.n : REP_COMMENT_MAX;
	char *copy = n == 0 ? NULL : malloc(n);
	struct rep_note *note;
	uint32_t at, *link;

	if ((n > 0 && copy == NULL) || (t->used == t->cap && !grow(t))) {
		free(copy);
		return false;
	}
	if (n > 0)
		memcpy(copy, comment.p, n);
	link = link_of(t, number);
	at = *link;
	if (at == REP_NOBODY) {
		at = *link = t->used++;
		t->note[at] = (struct rep_note){.number = number, .next = REP_NOBODY};
	}
	note = &t->note[at];
	free(note->comment);
	note->comment = copy;
	note->n = (uint16_t)n;
	note->since_s = since_s;
	note->until_s = until_s;
	return true;
}

void rep_notes_drop(struct rep_notes *t, uint32_t number)
{
	uint32_t *link = t->cap == 0 ? NULL : link_of(t, number);
	uint32_t at;

	if (link == NULL || *link == REP_NOBODY)
		return;
	at = *link;
	*link = t->note[at].next;
	free(t->note[at].comment);
	if (at != --t->used) { // the last one takes its place
		*link_of(t, t->note[t->used].number) = at;
		t->note[at] = t->note[t->used];
	}
}

uint32_t rep_notes_over(struct rep_notes *t, uint32_t *looks, uint32_t now_s)
{
	if (t->hand >= t->used)
		t->hand = 0;
	for (; *looks > 0 && t->hand < t->used; --*looks) {
		if (rep_note_is_over(&t->note[t->hand], now_s))
			return t->note[t->hand].number; // another one takes its place
		t->hand++;
	}
	return REP_NOBODY;
}

uint32_t rep_note_left(const struct rep_note *note, uint32_t now_s)
{
	return note == NULL || note->until_s <= now_s ? 0 : note->until_s - now_s;
}

struct span rep_note_comment(const struct rep_note *note)
{
	return (struct span){.p = (const uint8_t *)note->comment, .n = note->n};
}

bool rep_note_is_over(const struct rep_note *note, uint32_t now_s)
{
	return note != NULL && note->until_s != 0 && note->until_s <= now_s;
}

void rep_note_save(const struct rep_note *note, int64_t shift_s, struct rep_saved_note *out)
{
	*out = (struct rep_saved_note){0};
	if (note == NULL)
		return;
	out->since_s = rep_shifted(note->since_s, shift_s);
	out->until_s = rep_shifted(note->until_s, shift_s);
	out->comment = rep_note_comment(note);
}

bool rep_note_load(struct rep_notes *t, uint32_t number, const struct rep_saved_note *saved,
	uint32_t now_s, enum rep_state *state)
{
	const uint32_t for_s = saved->until_s > saved->since_s ? saved->until_s - saved->since_s : 0;
	uint32_t until_s = saved->until_s;

	if (*state != REP_MANUAL && *state != REP_EXEMPT) {
		rep_notes_drop(t, number);
		return true;
	}
	if (until_s > now_s && until_s - now_s > for_s)
		until_s = now_s + for_s;
	if (until_s != 0 && until_s <= now_s) {
		*state = REP_NONE;
		rep_notes_drop(t, number);
		return true;
	}
	return rep_notes_put(t, number, saved->since_s > now_s ? now_s : saved->since_s, until_s,
		saved->comment);
}
