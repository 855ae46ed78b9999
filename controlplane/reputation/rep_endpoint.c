// SPDX-License-Identifier: BSD-3-Clause
// Endpoints: messages that were condemned, in the cells of a sliding window, and what follows. A message
// counts for at least 59 and at most 60 of the window's 60 parts.
// Thread: the owner's.
#include "rep_endpoint_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

static bool is_sound(const struct rep_endpoints_conf *conf)
{
	return conf->window_min >= 15 && conf->window_min <= 1440 && rep_auth_is_sound(&conf->auth);
}

struct rep_endpoints *rep_endpoints_new(const struct rep_endpoints_conf *conf)
{
	struct rep_endpoints *e;

	if (conf->most == 0 || conf->most == REP_NOBODY || !is_sound(conf)) {
		errno = EINVAL;
		return NULL;
	}
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	e->auth = conf->auth;
	e->ops = conf->ops;
	e->cell_s = conf->window_min * 60 / REP_CELLS;
	e->entry = calloc(conf->most, sizeof(*e->entry));
	e->window = calloc(conf->most, sizeof(*e->window));
	if (rep_table_open(&e->t, conf->most) && rep_bits_open(&e->stale, conf->most) &&
		e->entry != NULL && e->window != NULL)
		return e;
	rep_endpoints_free(e);
	errno = ENOMEM;
	return NULL;
}

static void id_free(struct entry *c)
{
	char *p;

	if (c->id_len > ID_INLINE) {
		memcpy(&p, c->id, sizeof(p));
		free(p);
	}
	c->id_len = 0;
}

void rep_endpoints_free(struct rep_endpoints *e)
{
	if (e == NULL)
		return;
	for (uint32_t n = rep_bits_next(&e->t.used, 0); e->t.used.word != NULL && n != REP_NOBODY;
		n = rep_bits_next(&e->t.used, n + 1))
		id_free(&e->entry[n]);
	rep_table_close(&e->t);
	rep_notes_close(&e->notes);
	free(e->stale.word);
	free(e->entry);
	free(e->window);
	free(e);
}

uint64_t rep_endpoints_bytes(uint32_t most)
{
	return sizeof(struct rep_endpoints) + rep_table_bytes(most) +
		(uint64_t)most * (sizeof(struct entry) + sizeof(struct window)) + most / 8;
}

// Its cells become those of the window that there is now.
static void freshen(struct rep_endpoints *e, uint32_t n, uint32_t now_s)
{
	struct rep_endpoint_saved saved;

	if (!rep_bits_has(&e->stale, n))
		return;
	rep_endpoint_save(e, n, 0, &saved);
	for (uint32_t i = 0; i < REP_CELLS; i++) // as of the change, whenever it is looked at
		if (e->changed_s / e->before_s >= saved.newest_s / e->before_s - i + REP_CELLS)
			saved.cell[i] = 0;
	rep_endpoint_cells(e, n, &saved, now_s);
}

// The window that is wanted, once nobody has that before the one there is: each is taken over when it is looked
// at next.
static void window_change(struct rep_endpoints *e, uint32_t now_s)
{
	if (e->wanted_s == 0 || e->stale.set > 0)
		return;
	rep_bits_copy(&e->stale, &e->t.used);
	e->before_s = e->cell_s;
	e->changed_s = now_s;
	e->cell_s = e->wanted_s;
	e->wanted_s = 0;
}

int rep_endpoints_change(
	struct rep_endpoints *e, const struct rep_endpoints_conf *conf, uint32_t now_s)
{
	const uint32_t cell_s = conf->window_min * 60 / REP_CELLS;

	if (!is_sound(conf))
		return -EINVAL;
	e->auth = conf->auth;
	e->wanted_s = cell_s == e->cell_s ? 0 : cell_s;
	window_change(e, now_s);
	return 0;
}

void rep_endpoints_counts(const struct rep_endpoints *e, struct rep_counts *out)
{
	rep_table_counts(&e->t, out);
	out->bytes = rep_endpoints_bytes(e->t.most);
}

// ---- ids

struct span rep_endpoint_id(const struct entry *c)
{
	const char *p = c->id;

	if (c->id_len > ID_INLINE)
		memcpy(&p, c->id, sizeof(p));
	return (struct span){.p = (const uint8_t *)p, .n = c->id_len};
}

// An id that finds no memory is unknown.
static void id_put(struct entry *c, struct span id)
{
	const size_t n = id.n < REP_ID_MAX ? id.n : REP_ID_MAX;
	char *p = c->id;

	if (n == 0 || c->id_len != 0)
		return;
	if (n > ID_INLINE) {
		p = malloc(n);
		if (p == NULL)
			return;
		memcpy(c->id, &p, sizeof(p));
	}
	memcpy(p, id.p, n);
	c->id_len = (uint8_t)n;
}

// ---- entries

uint32_t rep_endpoint_find(const struct rep_endpoints *e, uint64_t key)
{
	uint32_t n = rep_table_first(&e->t, key);

	while (n != REP_NOBODY && e->entry[n].key != key)
		n = e->t.next[n];
	return n;
}

static void forget(struct rep_endpoints *e, uint32_t n)
{
	if (e->ops.gone != NULL)
		e->ops.gone(e->ops.arg, n);
	id_free(&e->entry[n]);
	rep_notes_drop(&e->notes, n);
	rep_bits_put(&e->stale, n, false);
	rep_table_drop(&e->t, n, e->entry[n].key);
}

uint32_t rep_endpoint_make(struct rep_endpoints *e, uint64_t key, struct span id)
{
	uint32_t n = rep_endpoint_find(e, key);

	if (n == REP_NOBODY) {
		n = rep_table_take(&e->t, key);
		if (n == REP_NOBODY && (n = rep_table_victim(&e->t)) != REP_NOBODY) {
			forget(e, n);
			e->t.evicted++;
			n = rep_table_take(&e->t, key);
		}
		if (n == REP_NOBODY) {
			e->t.full++;
			return n;
		}
		e->entry[n] = (struct entry){.key = key};
		e->window[n] = (struct window){0};
	}
	id_put(&e->entry[n], id);
	return n;
}

uint32_t rep_endpoints_room(const struct rep_endpoints *e)
{
	return rep_table_room(&e->t);
}

// ---- scores

static uint32_t cell_of(const struct rep_endpoints *e, uint32_t now_s)
{
	return now_s / e->cell_s;
}

// Cell `i`, newest first, of those that the window has at `now`.
static uint16_t *cell_at(const struct rep_endpoints *e, uint32_t n, uint32_t i)
{
	return &e->window[n].cell[(e->t.last[n] - i) % REP_CELLS];
}

uint32_t rep_endpoint_score(struct rep_endpoints *e, uint32_t n, uint32_t now_s)
{
	uint32_t now, last, past, sum = 0;

	if (e->t.score[n] == 0)
		return 0;
	freshen(e, n, now_s);
	now = cell_of(e, now_s);
	last = e->t.last[n];
	past = now > last ? now - last : 0;
	for (uint32_t i = 0; past < REP_CELLS && i < REP_CELLS - past; i++)
		sum += *cell_at(e, n, i);
	e->t.score[n] = sum > UINT16_MAX ? UINT16_MAX : (uint16_t)sum;
	return sum;
}

static void count(struct rep_endpoints *e, uint32_t n, uint32_t by, uint32_t now_s)
{
	const uint32_t now = cell_of(e, now_s);
	uint32_t past;
	uint16_t *cell;

	freshen(e, n, now_s);
	past = now > e->t.last[n] ? now - e->t.last[n] : 0;
	if (past >= REP_CELLS) {
		e->window[n] = (struct window){0};
		past = 0;
		e->t.last[n] = now;
	}
	for (; past > 0; past--) {
		e->t.last[n]++;
		*cell_at(e, n, 0) = 0;
	}
	cell = cell_at(e, n, 0);
	*cell = by > (uint32_t)(UINT16_MAX - *cell) ? UINT16_MAX : (uint16_t)(*cell + by);
	e->t.score[n] = 1; // it is not 0
	(void)rep_endpoint_score(e, n, now_s);
}

// Until the score is no more than `trigger`, without more of it.
static uint32_t calm_s(struct rep_endpoints *e, uint32_t n, uint32_t trigger, uint32_t now_s)
{
	uint32_t score = rep_endpoint_score(e, n, now_s); // first: it may change the cells
	const uint32_t now = cell_of(e, now_s), last = e->t.last[n];
	const uint32_t past = now > last ? now - last : 0;

	for (uint32_t i = REP_CELLS - past; past < REP_CELLS && score > trigger && i > 0; i--) {
		score -= *cell_at(e, n, i - 1);
		if (score <= trigger)
			return (last - (i - 1) + REP_CELLS) * e->cell_s - now_s;
	}
	return 0;
}

// ---- what follows

static uint32_t block_left(const struct entry *c, uint32_t now_s)
{
	return c->until_s > now_s ? c->until_s - now_s : 0;
}

static bool say(struct rep_endpoints *e, uint32_t n, uint32_t now_s)
{
	const struct entry *c = &e->entry[n];
	const enum rep_state state = rep_table_state(&e->t, n);
	// A list that ends is told as a block: who hears of it then ends it to the second.
	const uint32_t list_s =
		state == REP_MANUAL ? rep_note_left(rep_notes_find(&e->notes, n), now_s) : 0;
	const struct rep_fact fact = {.endpoint = c->key,
		.listed = state == REP_MANUAL && list_s == 0,
		.exempt = state == REP_EXEMPT,
		.blocked_s = state == REP_AUTO ? block_left(c, now_s) : list_s,
		.auth_s = rep_bits_has(&e->t.auth, n) ? rep_auth_left(&c->auth, now_s) : 0};

	return e->ops.tell == NULL || e->ops.tell(e->ops.arg, &fact);
}

// Its fact is another one: told now, or when there is room. Whatever waits is told first by its bit.
static void tell(struct rep_endpoints *e, uint32_t n, uint32_t now_s)
{
	rep_bits_put(&e->t.pending, n, !say(e, n, now_s));
}

static void dirty(struct rep_endpoints *e, uint32_t n)
{
	rep_bits_put(&e->t.dirty, n, true);
}

static void began(struct rep_endpoints *e, enum rep_event event, uint32_t n)
{
	e->t.blocks[event]++;
	if (e->ops.blocked != NULL)
		e->ops.blocked(e->ops.arg, event, n);
}

static bool list_is_over(const struct rep_endpoints *e, uint32_t n, uint32_t now_s)
{
	return (rep_bits_has(&e->t.state[REP_MANUAL], n) ||
		       rep_bits_has(&e->t.state[REP_EXEMPT], n)) &&
		rep_note_is_over(rep_notes_find(&e->notes, n), now_s);
}

// A block that is over goes, here and (where it is kept) elsewhere.
void rep_endpoint_settle(struct rep_endpoints *e, uint32_t n, uint32_t now_s)
{
	struct entry *c = &e->entry[n];
	const bool block = (rep_bits_has(&e->t.state[REP_AUTO], n) && block_left(c, now_s) == 0) ||
		list_is_over(e, n, now_s);
	const bool auth = rep_bits_has(&e->t.auth, n) && rep_auth_left(&c->auth, now_s) == 0;

	if (block) {
		rep_table_state_set(&e->t, n, REP_NONE);
		rep_notes_drop(&e->notes, n);
		c->until_s = c->for_s = 0;
	}
	if (auth)
		rep_table_auth_set(&e->t, n, false);
	if (!block && !auth)
		return;
	dirty(e, n);
	tell(e, n, now_s);
}

static void block(struct rep_endpoints *e, uint32_t n, uint32_t for_s, uint32_t now_s)
{
	struct entry *c = &e->entry[n];
	const bool first = rep_table_state(&e->t, n) == REP_NONE;

	if (!first && now_s + for_s <= c->until_s)
		return;
	c->until_s = now_s + for_s;
	c->for_s = for_s;
	rep_table_state_set(&e->t, n, REP_AUTO);
	tell(e, n, now_s);
	if (first)
		began(e, REP_EVT_AUTO, n);
}

void rep_endpoint_condemned(struct rep_endpoints *e, uint64_t key, struct span id, uint32_t by,
	const struct rep_trigger *t, uint32_t now_s)
{
	const uint32_t n = rep_endpoint_make(e, key, id);
	enum rep_state state;

	if (n == REP_NOBODY)
		return;
	rep_endpoint_settle(e, n, now_s);
	count(e, n, by, now_s);
	dirty(e, n);
	e->entry[n].trigger = t->duration_s == 0 ? e->entry[n].trigger
		: t->trigger > UINT16_MAX        ? UINT16_MAX
						 : (uint16_t)t->trigger;
	state = rep_table_state(&e->t, n);
	if (t->duration_s > 0 && (state == REP_NONE || state == REP_AUTO) &&
		rep_endpoint_score(e, n, now_s) > t->trigger)
		block(e, n, t->duration_s, now_s);
}

void rep_endpoint_login(struct rep_endpoints *e, uint64_t key, struct span id, bool passed,
	uint32_t by, uint32_t now_s)
{
	const uint32_t n = passed ? rep_endpoint_find(e, key) : rep_endpoint_make(e, key, id);
	bool was;

	if (n == REP_NOBODY)
		return;
	rep_endpoint_settle(e, n, now_s);
	was = rep_bits_has(&e->t.auth, n);
	if (passed && e->entry[n].auth.failed > 0) {
		e->entry[n].auth = (struct rep_auth){0};
		rep_table_auth_set(&e->t, n, false);
		dirty(e, n);
		if (was)
			tell(e, n, now_s);
	}
	if (passed || rep_bits_has(&e->t.state[REP_EXEMPT], n))
		return;
	dirty(e, n);
	if (!rep_auth_failed(&e->entry[n].auth, &e->auth, by, now_s))
		return;
	rep_table_auth_set(&e->t, n, true);
	tell(e, n, now_s);
	began(e, REP_EVT_AUTH, n);
}

// What was automatic is lifted; failed logins are forgotten.
static void lift(struct rep_endpoints *e, uint32_t n)
{
	e->entry[n].until_s = e->entry[n].for_s = 0;
	e->entry[n].auth = (struct rep_auth){0};
	rep_table_auth_set(&e->t, n, false);
}

// What an operator said with it. false: no memory.
static bool note(struct rep_endpoints *e, uint32_t n, const struct rep_listing *to, uint32_t now_s)
{
	if (to->state == REP_MANUAL || to->state == REP_EXEMPT)
		return rep_notes_put(&e->notes, n, now_s, to->until_s, to->comment);
	rep_notes_drop(&e->notes, n);
	return true;
}

int rep_endpoint_set(struct rep_endpoints *e, uint64_t key, struct span id,
	const struct rep_listing *to, uint32_t now_s)
{
	const enum rep_state state = to->state;
	uint32_t n = rep_endpoint_find(e, key);
	enum rep_state before;

	if (n == REP_NOBODY && state == REP_NONE)
		return 0;
	n = rep_endpoint_make(e, key, id);
	if (n == REP_NOBODY)
		return -ENOSPC;
	rep_endpoint_settle(e, n, now_s);
	if (!note(e, n, to, now_s))
		return -ENOMEM;
	before = rep_table_state(&e->t, n);
	if (state != REP_MANUAL)
		lift(e, n);
	e->entry[n].until_s = state == REP_AUTO ? to->until_s : 0;
	e->entry[n].for_s = block_left(&e->entry[n], now_s);
	rep_table_state_set(
		&e->t, n, state == REP_AUTO && e->entry[n].for_s == 0 ? REP_NONE : state);
	dirty(e, n);
	tell(e, n, now_s);
	if (state == REP_MANUAL && before != REP_MANUAL)
		began(e, REP_EVT_MANUAL, n);
	return 0;
}

int rep_endpoint_clear(struct rep_endpoints *e, uint64_t key, uint32_t now_s)
{
	const uint32_t n = rep_endpoint_find(e, key);

	if (n == REP_NOBODY)
		return -ENOENT;
	lift(e, n);
	if (rep_bits_has(&e->t.state[REP_AUTO], n))
		rep_table_state_set(&e->t, n, REP_NONE);
	e->window[n] = (struct window){0};
	e->t.score[n] = 0;
	e->entry[n].trigger = 0;
	dirty(e, n);
	tell(e, n, now_s);
	return 0;
}

void rep_endpoint_get(
	struct rep_endpoints *e, uint32_t number, uint32_t now_s, struct rep_endpoint *out)
{
	const struct entry *c = &e->entry[number];
	const struct rep_note *said;

	rep_endpoint_settle(e, number, now_s);
	said = rep_notes_find(&e->notes, number);
	*out = (struct rep_endpoint){.key = c->key,
		.id = rep_endpoint_id(c),
		.state = rep_table_state(&e->t, number),
		.score = rep_endpoint_score(e, number, now_s),
		.until_s = c->until_s,
		.for_s = c->for_s,
		.trigger = c->trigger,
		.auth_s = rep_auth_left(&c->auth, now_s),
		.auth_failed = c->auth.failed};
	if (c->trigger > 0)
		out->calm_s = calm_s(e, number, c->trigger, now_s);
	if (said == NULL)
		return;
	out->since_s = said->since_s;
	out->until_s = said->until_s;
	out->comment = rep_note_comment(said);
}

// ---- from time to time

uint32_t rep_endpoints_tell(struct rep_endpoints *e, uint32_t most, uint32_t now_s)
{
	for (uint32_t n = 0; most > 0; most--, n++) {
		n = rep_bits_next(&e->t.pending, n);
		if (n == REP_NOBODY || !say(e, n, now_s))
			break;
		rep_bits_put(&e->t.pending, n, false);
	}
	return e->t.pending.set;
}

void rep_endpoints_tell_all(struct rep_endpoints *e)
{
	rep_table_tell_all(&e->t);
}

static bool says_nothing(struct rep_endpoints *e, uint32_t n, uint32_t now_s)
{
	return rep_table_state(&e->t, n) == REP_NONE && !rep_bits_has(&e->t.pending, n) &&
		rep_auth_is_over(&e->entry[n].auth, &e->auth, now_s) &&
		rep_endpoint_score(e, n, now_s) == 0;
}

void rep_endpoints_tick(struct rep_endpoints *e, uint32_t most, uint32_t now_s)
{
	uint32_t looks = most, over;

	window_change(e, now_s);
	while ((over = rep_notes_over(&e->notes, &looks, now_s)) != REP_NOBODY)
		rep_endpoint_settle(e, over, now_s);
	for (; most > 0; most--) {
		const uint32_t n = rep_bits_next(&e->t.used, e->t.tick);

		if (n == REP_NOBODY) {
			e->t.tick = 0;
			return;
		}
		e->t.tick = n + 1;
		freshen(e, n, now_s);
		rep_endpoint_settle(e, n, now_s);
		if (says_nothing(e, n, now_s))
			forget(e, n);
	}
}

uint32_t rep_endpoints_dirty(struct rep_endpoints *e, uint32_t *numbers, uint32_t cap)
{
	return rep_table_dirty(&e->t, numbers, cap);
}

void rep_endpoint_dirty(struct rep_endpoints *e, uint32_t number)
{
	dirty(e, number);
}

void rep_endpoints_dirty_all(struct rep_endpoints *e)
{
	rep_table_dirty_all(&e->t);
}
