// SPDX-License-Identifier: BSD-3-Clause
// What is counted of senders: lengths of prefixes and windows; and how both change while there are scores.
// Thread: the owner's.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rep_sender_int.h"

static bool lengths_take(struct lengths *l, const uint8_t lengths[REP_LENGTHS_MAX], unsigned bits)
{
	for (; l->n < REP_LENGTHS_MAX && lengths[l->n] != 0; l->n++) {
		const uint8_t len = (uint8_t)(lengths[l->n] + 128 - bits);
		unsigned at = l->n;

		if (lengths[l->n] > bits)
			return false;
		for (; at > 0 && l->counted[at - 1] < len; at--)
			l->counted[at] = l->counted[at - 1];
		l->counted[at] = len;
	}
	return true;
}

static bool windows_take(struct shape *h, const uint32_t windows_min[REP_WINDOWS_MAX])
{
	for (unsigned i = 0; i < REP_WINDOWS_MAX && windows_min[i] != 0; i++) {
		const uint32_t cells = windows_min[i] * 60 / REP_SENDER_CELL_S;
		unsigned at = h->nwindows++;

		if (windows_min[i] * 60 % REP_SENDER_CELL_S != 0 || cells > REP_SENDER_CELLS_MAX)
			return false;
		for (; at > 0 && h->windows[at - 1] > cells; at--)
			h->windows[at] = h->windows[at - 1];
		h->windows[at] = cells;
	}
	h->cells = h->nwindows == 0 ? 0 : h->windows[h->nwindows - 1];
	return h->nwindows > 0;
}

bool rep_shape_take(struct shape *h, const struct rep_senders_conf *conf)
{
	*h = (struct shape){0};
	return lengths_take(&h->lengths[0], conf->lengths6, 128) &&
		lengths_take(&h->lengths[1], conf->lengths4, 32) &&
		windows_take(h, conf->windows_min);
}

uint64_t rep_shape_bytes(const struct shape *h, uint32_t most)
{
	return sizeof(struct rep_senders) + rep_table_bytes(most) + most / 8 +
		(uint64_t)most * (sizeof(struct sender) + h->cells * sizeof(struct half_hour));
}

uint64_t rep_senders_bytes(uint32_t most, const uint32_t windows_min[REP_WINDOWS_MAX])
{
	struct shape h = {0};

	(void)windows_take(&h, windows_min); // what is no window takes nothing
	return rep_shape_bytes(&h, most);
}

// ---- lengths

static unsigned family_of(const struct prefix *p)
{
	return addr_is_v4(&p->addr) && p->len >= 96 ? 1 : 0;
}

struct lengths *rep_shape_lengths(struct shape *h, const struct prefix *p)
{
	return &h->lengths[family_of(p)];
}

static bool is_counted(const struct lengths *l, uint8_t len)
{
	return memchr(l->counted, len, l->n) != NULL;
}

bool rep_shape_has(const struct shape *h, const struct prefix *p)
{
	const struct lengths *l = &h->lengths[family_of(p)];

	return l->used[p->len] > 0 || is_counted(l, p->len);
}

bool rep_shape_fits(const struct shape *h, const struct prefix *p)
{
	const struct lengths *l = &h->lengths[family_of(p)];
	unsigned n = l->n;

	for (unsigned i = 0; i < LENGTHS; i++)
		n += l->used[i] > 0 && !is_counted(l, (uint8_t)i);
	return rep_shape_has(h, p) || n < REP_LENGTHS_MAX;
}

void rep_sender_lengths(const struct rep_senders *s, bool v4, bool used[LENGTHS])
{
	const struct lengths *l = &s->shape.lengths[v4 ? 1 : 0];

	for (unsigned i = 0; i < LENGTHS; i++)
		used[i] = l->used[i] > 0 || is_counted(l, (uint8_t)i);
}

// ---- change

void rep_sender_fresh(struct rep_senders *s, uint32_t n)
{
	rep_bits_put(&s->stale, n, false);
	if (s->stale.set > 0)
		return;
	free(s->before);
	s->before = NULL;
}

// Its half hours under the windows that there are now: those of the array are still zero.
static void cells_move(struct rep_senders *s, uint32_t n)
{
	const uint32_t cells = s->shape.cells, last = s->t.last[n];
	const uint32_t both = cells < s->before_cells ? cells : s->before_cells;

	for (uint32_t i = 0; i < both && i < last; i++)
		s->cell[(size_t)n * cells + (last - i) % cells] = *rep_sender_cell(s, n, last - i);
}

// What was counted for a length that is not configured any more goes.
void rep_sender_freshen(struct rep_senders *s, uint32_t n)
{
	const struct prefix *p = &s->entry[n].key.prefix;

	if (!rep_bits_has(&s->stale, n))
		return;
	if (s->before != NULL)
		cells_move(s, n);
	rep_sender_fresh(s, n);
	if (is_counted(rep_shape_lengths(&s->shape, p), p->len))
		return;
	rep_sender_zero(s, n);
	rep_bits_put(&s->t.pending, n, true);
}

static bool shape_eq(const struct shape *a, const struct shape *b)
{
	for (unsigned i = 0; i < 2; i++)
		if (memcmp(a->lengths[i].counted, b->lengths[i].counted, REP_LENGTHS_MAX) != 0)
			return false;
	return memcmp(a->windows, b->windows, sizeof(a->windows)) == 0;
}

// Nobody is stale.
static int shape_set(struct rep_senders *s, const struct shape *to)
{
	struct shape next = *to;
	struct half_hour *cell;

	if (next.cells != s->shape.cells) {
		cell = calloc(s->t.most, next.cells * sizeof(*cell));
		if (cell == NULL)
			return -ENOMEM;
		s->before = s->cell;
		s->before_cells = s->shape.cells;
		s->cell = cell;
	}
	for (unsigned i = 0; i < 2; i++)
		memcpy(next.lengths[i].used, s->shape.lengths[i].used,
			sizeof(next.lengths[i].used));
	s->shape = next;
	rep_bits_copy(&s->stale, &s->t.used);
	if (s->stale.set > 0)
		return 0;
	free(s->before);
	s->before = NULL;
	return 0;
}

void rep_senders_change_on(struct rep_senders *s)
{
	struct shape to;

	// Without memory it is tried again by the next tick.
	if (s->waits && s->stale.set == 0 && rep_shape_take(&to, &s->wanted))
		s->waits = shape_set(s, &to) != 0;
}

int rep_senders_change(struct rep_senders *s, const struct rep_senders_conf *conf)
{
	struct shape to;
	int rc = 0;

	if (!rep_auth_is_sound(&conf->auth) || !rep_shape_take(&to, conf))
		return -EINVAL;
	const bool same = shape_eq(&s->shape, &to), waits = !same && s->stale.set > 0;
	if (!same && !waits)
		rc = shape_set(s, &to);
	if (rc != 0)
		return rc;
	s->waits = waits;
	s->wanted = *conf;
	s->weights = conf->weights;
	s->auth = conf->auth;
	return 0;
}
