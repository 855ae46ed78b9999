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
	return sizeof(struct rep_senders) + rep_table_bytes(most) +
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

// Half hours under the windows that are to come.
static bool cells_move(struct rep_senders *s, const struct shape *to)
{
	struct half_hour *cell = calloc(s->t.most, to->cells * sizeof(*cell));
	const uint32_t both = to->cells < s->shape.cells ? to->cells : s->shape.cells;

	if (cell == NULL)
		return false;
	for (uint32_t n = rep_bits_next(&s->t.used, 0); n != REP_NOBODY;
		n = rep_bits_next(&s->t.used, n + 1))
		for (uint32_t i = 0; i < both && i < s->t.last[n]; i++)
			cell[(size_t)n * to->cells + (s->t.last[n] - i) % to->cells] =
				*rep_sender_cell(s, n, s->t.last[n] - i);
	free(s->cell);
	s->cell = cell;
	return true;
}

// Entries of the lengths that stay in use. What was counted for one that is not configured any more goes.
static void lengths_move(struct rep_senders *s, uint32_t now_s)
{
	for (uint32_t n = rep_bits_next(&s->t.used, 0); n != REP_NOBODY;
		n = rep_bits_next(&s->t.used, n + 1)) {
		const struct prefix *p = &s->entry[n].key.prefix;
		struct lengths *l = rep_shape_lengths(&s->shape, p);

		l->used[p->len]++;
		if (!is_counted(l, p->len))
			(void)rep_sender_clear(s, &s->entry[n].key, now_s); // it is there
		else if (s->t.score[n] > 0)
			s->t.score[n] = REP_SENDER_SCORE_MAX; // until it is looked at
	}
}

int rep_senders_change(struct rep_senders *s, const struct rep_senders_conf *conf, uint32_t now_s)
{
	struct shape to;

	if (!rep_sender_auth_is_sound(&conf->auth) || !rep_shape_take(&to, conf))
		return -EINVAL;
	if (to.cells != s->shape.cells && !cells_move(s, &to))
		return -ENOMEM;
	s->shape = to;
	s->weights = conf->weights;
	s->auth = conf->auth;
	lengths_move(s, now_s);
	return 0;
}
