// SPDX-License-Identifier: BSD-3-Clause
// Makes the index of a list of policies (pol_index.h says what it is; the verifier holds it against
// the list). An axis is cut at every value where a policy begins or has ended; a sweep from the first
// stretch to the last keeps the set of policies that take the stretch and writes it as a row, once for
// all stretches and axes that have the same. Prefixes nest, so an axis of addresses has at most as many
// different rows as policies; a row is 1,288 bytes at most and some 40 where few policies share a
// stretch.
// Thread: one at a time.
#include <errno.h>
#include <stdlib.h>

#include "hash.h"
#include "pol_build_int.h"
#include "pol_index.h"

enum {
	WHOLE_SHARE = 8, // a row is stored whole where an eighth of its words are not zero
	SLOTS_MIN = 1024,
};

struct set {
	uint64_t word[POL_ROW_WORDS];
};

struct bound { // where a policy begins or ends
	unsigned __int128 value;
	uint16_t policy;
};

struct cut { // an axis
	uint32_t n;
	struct pol_edge *edge; // NULL for ingress
	uint32_t *row;
	uint16_t *first, *last;
	struct pol_table table[POL_TABLES];
	uint16_t *step[POL_TABLES];
};

struct make {
	const struct pol_policy *list;
	uint32_t n;
	unsigned words; // of a row's bits
	struct cut cut[POL_AXIS_COUNT];
	uint64_t *rows;    // pol_row behind pol_row
	size_t nrows, cap; // in words
	uint32_t *slots;   // offset of a row + 1 by hash, 0 = empty
	uint32_t nslots, used;
};

static int bound_compare(const void *a, const void *b)
{
	const struct bound *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return (int)x->policy - (int)y->policy;
}

// --- rows --------------------------------------------------------------------------------------

static unsigned row_stored(const struct pol_row *r, unsigned words)
{
	unsigned n = 0;

	for (unsigned a = 0; a < POL_ROW_AGGS; a++)
		n += pol_bits(r->agg[a]);
	return r->whole ? words : n;
}

static struct pol_row *row_at(const struct make *m, uint32_t at)
{
	return (struct pol_row *)(void *)(m->rows + at);
}

// Writes a set as a row at the end of the rows, not counted yet. Its length in words.
static size_t row_write(struct make *m, const struct set *s)
{
	struct pol_row *r = row_at(m, (uint32_t)m->nrows);
	unsigned n = 0;

	*r = (struct pol_row){.whole = 0};
	for (unsigned w = 0; w < m->words; w++)
		r->agg[w / 64] |= (uint64_t)(s->word[w] != 0) << w % 64;
	for (unsigned a = 0; a < POL_ROW_AGGS; a++) {
		r->before[a] = (uint16_t)n;
		n += pol_bits(r->agg[a]);
	}
	r->whole = n * WHOLE_SHARE >= m->words;
	n = 0;
	for (unsigned w = 0; w < m->words; w++) {
		if (r->whole || s->word[w] != 0)
			r->word[n++] = s->word[w];
	}
	return POL_ROW_HEAD + n;
}

static uint32_t row_hash(const struct make *m, uint32_t at)
{
	const struct pol_row *r = row_at(m, at);

	return hash_crc32c(0, r, (POL_ROW_HEAD + row_stored(r, m->words)) * sizeof(uint64_t));
}

// The slot of a row like the one at `at`, or the empty one where it belongs.
static uint32_t *slot_of(const struct make *m, uint32_t *slots, uint32_t nslots, uint32_t at)
{
	const struct pol_row *r = row_at(m, at);
	const size_t bytes = (POL_ROW_HEAD + row_stored(r, m->words)) * sizeof(uint64_t);
	uint32_t i = row_hash(m, at) & (nslots - 1);

	// Rows whose heads are alike are as long as one another, so no comparison leaves them.
	while (slots[i] != 0 &&
		(memcmp(row_at(m, slots[i] - 1), r, sizeof(*r)) != 0 ||
			memcmp(row_at(m, slots[i] - 1), r, bytes) != 0))
		i = (i + 1) & (nslots - 1);
	return &slots[i];
}

static int slots_grow(struct make *m)
{
	uint32_t n = m->nslots == 0 ? SLOTS_MIN : m->nslots * 2, *slots;

	if (m->used * 2 < m->nslots)
		return 0;
	slots = calloc(n, sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->nslots; i++) {
		if (m->slots[i] != 0)
			*slot_of(m, slots, n, m->slots[i] - 1) = m->slots[i];
	}
	free(m->slots);
	m->slots = slots;
	m->nslots = n;
	return 0;
}

// The offset of the row of a set in *out.
static int row_put(struct make *m, const struct set *s, uint32_t *out)
{
	const size_t most = POL_ROW_HEAD + POL_ROW_WORDS;
	uint32_t *slot;
	size_t n;

	if (m->cap - m->nrows < most) {
		const size_t cap = m->cap * 2 + 64 * most;
		uint64_t *rows = realloc(m->rows, cap * sizeof(*rows));

		if (rows == NULL)
			return -ENOMEM;
		m->rows = rows;
		m->cap = cap;
	}
	if (slots_grow(m) != 0)
		return -ENOMEM;
	n = row_write(m, s);
	slot = slot_of(m, m->slots, m->nslots, (uint32_t)m->nrows);
	if (*slot == 0) {
		*slot = (uint32_t)m->nrows + 1;
		m->nrows += n;
		m->used++;
	}
	*out = *slot - 1;
	return 0;
}

// --- axes --------------------------------------------------------------------------------------

static void set_flip(const struct make *m, struct set *s, uint16_t policy)
{
	if (pol_is_listed(&m->list[policy]))
		s->word[policy / 64] ^= UINT64_C(1) << policy % 64;
}

// Every value at which something begins or has ended, once, from 0 on; edges has room for them all.
static uint32_t edges_make(struct bound *all, uint32_t n, struct pol_edge *edge)
{
	unsigned __int128 before = 0;
	uint32_t count = 1;

	edge[0] = (struct pol_edge){0};
	qsort(all, n, sizeof(*all), bound_compare);
	for (uint32_t i = 0; i < n; i++) {
		if (all[i].value == before)
			continue;
		before = all[i].value;
		edge[count++] =
			(struct pol_edge){.hi = (uint64_t)(before >> 64), .lo = (uint64_t)before};
	}
	return count;
}

// Rows of all stretches of an axis whose edges and orders are there.
static int sweep(struct make *m, struct cut *c, unsigned axis)
{
	uint32_t begun = 0, ended = 0;
	struct set s = {0};

	for (uint32_t i = 0; i < c->n; i++) {
		const unsigned __int128 at = pol_value(c->edge[i].hi, c->edge[i].lo);
		int rc;

		for (; ended < m->n; ended++) {
			const unsigned __int128 hi =
				pol_values_of(&m->list[c->last[ended]], axis).hi;

			if (hi == POL_VALUE_MAX || hi >= at)
				break;
			set_flip(m, &s, c->last[ended]);
		}
		for (; begun < m->n && pol_values_of(&m->list[c->first[begun]], axis).lo <= at;
			begun++)
			set_flip(m, &s, c->first[begun]);
		rc = row_put(m, &s, &c->row[i]);
		if (rc != 0)
			return rc;
	}
	return 0;
}

// The policies in the order of their first or last values; adds those values to the bounds.
static uint32_t order_make(const struct make *m, unsigned axis, bool last, uint16_t *order,
	struct bound *own, struct bound *all)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n; i++) {
		const struct pol_values v = pol_values_of(&m->list[i], axis);

		own[i] = (struct bound){.value = last ? v.hi : v.lo, .policy = (uint16_t)i};
		if (!last || v.hi != POL_VALUE_MAX)
			all[n++].value = last ? v.hi + 1 : v.lo;
	}
	qsort(own, m->n, sizeof(*own), bound_compare);
	for (uint32_t i = 0; i < m->n; i++)
		order[i] = own[i].policy;
	return n;
}

// The last edge that is not behind `v`.
static uint32_t edge_find(const struct cut *c, unsigned __int128 v)
{
	uint32_t lo = 0, hi = c->n;

	while (hi - lo > 1) {
		const uint32_t mid = lo + (hi - lo) / 2;

		if (pol_value(c->edge[mid].hi, c->edge[mid].lo) <= v)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

// About as many equal steps as there are edges, from the first of them to the last.
static struct pol_table table_fit(const struct cut *c, unsigned table, uint32_t from, uint32_t to)
{
	struct pol_table t = {.n = 1};
	uint64_t far;

	if (from == to)
		return t;
	t.min = table == POL_TABLE_HIGH ? c->edge[from + 1].hi : c->edge[from + 1].lo;
	far = (table == POL_TABLE_HIGH ? c->edge[to].hi : c->edge[to].lo) - t.min;
	while (t.n < to - from && t.n < POL_TABLE_MAX)
		t.n *= 2;
	while (far >> t.shift >= t.n)
		t.shift++;
	t.n = (uint32_t)(far >> t.shift) + 1;
	return t;
}

static int table_make(struct cut *c, unsigned table)
{
	const unsigned up = table == POL_TABLE_HIGH ? 64 : 0;
	const uint32_t from = edge_find(c, (unsigned __int128)(up != 0) << up);
	const uint32_t to = edge_find(c, up != 0 ? POL_VALUE_MAX : UINT64_MAX);
	const struct pol_table t = c->table[table] = table_fit(c, table, from, to);

	c->step[table] = calloc(t.n + 1, sizeof(*c->step[table]));
	if (c->step[table] == NULL)
		return -ENOMEM;
	c->step[table][0] = (uint16_t)from;
	for (uint32_t i = 1; i < t.n; i++)
		c->step[table][i] = (uint16_t)edge_find(
			c, (unsigned __int128)(t.min + ((uint64_t)i << t.shift)) << up);
	c->step[table][t.n] = (uint16_t)to;
	return 0;
}

static int range_cut(struct make *m, unsigned axis)
{
	struct cut *c = &m->cut[axis];
	struct bound *own = calloc(m->n, sizeof(*own)), *all = calloc(2 * m->n, sizeof(*all));
	int rc = -ENOMEM;
	uint32_t n;

	c->edge = calloc(2 * m->n + 1, sizeof(*c->edge));
	c->row = calloc(2 * m->n + 1, sizeof(*c->row));
	c->first = calloc(m->n, sizeof(*c->first));
	c->last = calloc(m->n, sizeof(*c->last));
	if (own != NULL && all != NULL && c->edge != NULL && c->row != NULL && c->first != NULL &&
		c->last != NULL) {
		n = order_make(m, axis, false, c->first, own, all);
		n += order_make(m, axis, true, c->last, own, all + n);
		c->n = edges_make(all, n, c->edge);
		rc = sweep(m, c, axis);
	}
	for (unsigned t = 0; t < POL_TABLES && rc == 0; t++)
		rc = table_make(c, t);
	free(all);
	free(own);
	return rc;
}

static int ingress_cut(struct make *m)
{
	struct cut *c = &m->cut[POL_AXIS_INGRESS];
	int rc = 0;

	c->n = 1;
	for (uint32_t i = 0; i < m->n; i++) {
		if (pol_is_listed(&m->list[i]) && m->list[i].ingress != 0)
			c->n = POL_INGRESS_REST + 1;
	}
	c->row = calloc(c->n, sizeof(*c->row));
	if (c->row == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->n && rc == 0; i++) {
		struct set s = {0};

		for (uint32_t k = 0; k < m->n; k++) {
			if (pol_ingress_has(&m->list[k], i, c->n))
				set_flip(m, &s, (uint16_t)k);
		}
		rc = row_put(m, &s, &c->row[i]);
	}
	return rc;
}

// --- the section -------------------------------------------------------------------------------

static void bytes_put(uint8_t *section, uint32_t off, const void *from, size_t n)
{
	if (n > 0)
		memcpy(section + off, from, n);
}

static int section_write(const struct make *m, uint8_t **bytes, size_t *n)
{
	struct pol_index x = {.policies = m->n, .words = (uint32_t)m->nrows};
	uint8_t *p;

	for (unsigned a = 0; a < POL_AXIS_COUNT; a++) {
		x.axis[a].n = m->cut[a].n;
		memcpy(x.axis[a].table, m->cut[a].table, sizeof(x.axis[a].table));
	}
	*n = pol_index_lay_out(&x);
	*bytes = p = calloc(1, *n);
	if (p == NULL)
		return -ENOMEM;
	bytes_put(p, 0, &x, sizeof(x));
	for (unsigned a = 0; a < POL_AXIS_COUNT; a++) {
		const struct cut *c = &m->cut[a];
		const size_t orders = a < POL_AXIS_RANGES ? m->n * sizeof(uint16_t) : 0;

		bytes_put(p, x.axis[a].edges, c->edge,
			a < POL_AXIS_RANGES ? c->n * sizeof(*c->edge) : 0);
		bytes_put(p, x.axis[a].rows, c->row, c->n * sizeof(*c->row));
		for (unsigned t = 0; t < POL_TABLES; t++)
			bytes_put(p, x.axis[a].table[t].at, c->step[t],
				orders == 0 ? 0 : (c->table[t].n + 1) * sizeof(uint16_t));
		bytes_put(p, x.axis[a].first, c->first, orders);
		bytes_put(p, x.axis[a].last, c->last, orders);
	}
	bytes_put(p, x.rows, m->rows, m->nrows * sizeof(*m->rows));
	return 0;
}

int pol_build_index(const struct pol_policy *list, uint32_t n, uint8_t **bytes, size_t *len)
{
	struct make m = {.list = list, .n = n, .words = (n + 63) / 64};
	int rc = 0;

	*bytes = NULL;
	*len = 0;
	if (n == 0 || n > POL_POLICIES_MAX + POL_STAND_INS_MAX)
		return 0; // the verifier says that there are too many
	for (unsigned a = 0; a < POL_AXIS_RANGES && rc == 0; a++)
		rc = range_cut(&m, a);
	if (rc == 0)
		rc = ingress_cut(&m);
	if (rc == 0)
		rc = section_write(&m, bytes, len);
	for (unsigned a = 0; a < POL_AXIS_COUNT; a++) {
		free(m.cut[a].edge);
		free(m.cut[a].row);
		free(m.cut[a].first);
		free(m.cut[a].last);
		for (unsigned t = 0; t < POL_TABLES; t++)
			free(m.cut[a].step[t]);
	}
	free(m.rows);
	free(m.slots);
	return rc;
}
