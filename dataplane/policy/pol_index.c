// SPDX-License-Identifier: BSD-3-Clause
// The proof of the index. Where everything lies follows from a few counts. That rows say what the
// policies say is shown by walking an axis from its first stretch to its last with the set of policies
// that take it: at an edge those join whose values begin there and those leave whose values have
// ended, in the order that the index claims and that is checked on the way. So it takes time by
// stretches times words of a row, not by policies times stretches.
// Thread: any; no state.
#include "pol_index.h"

struct set { // of policies: a bit each
	uint64_t word[POL_ROW_WORDS];
};

static void set_flip(struct set *s, uint32_t policy)
{
	s->word[policy / 64] ^= UINT64_C(1) << policy % 64;
}

uint64_t pol_index_lay_out(struct pol_index *x)
{
	uint64_t at = sizeof(*x);

	for (unsigned a = 0; a < POL_AXIS_COUNT; a++) {
		struct pol_axis *axis = &x->axis[a];
		const uint64_t ranged = a < POL_AXIS_RANGES;

		axis->edges = (uint32_t)at;
		at += ranged * axis->n * sizeof(struct pol_edge);
		axis->rows = (uint32_t)at;
		at += axis->n * sizeof(uint32_t);
		for (unsigned t = 0; t < POL_TABLES; t++) {
			axis->table[t].at = (uint32_t)at;
			at += ranged * (axis->table[t].n + 1) * sizeof(uint16_t);
		}
		axis->first = (uint32_t)at;
		at += ranged * x->policies * sizeof(uint16_t);
		axis->last = (uint32_t)at;
		at += ranged * x->policies * sizeof(uint16_t);
		at = (at + 7) & ~UINT64_C(7);
	}
	x->rows = (uint32_t)at;
	return at + (uint64_t)x->words * sizeof(uint64_t);
}

static struct pol_values values_prefix(const struct prefix *p)
{
	const unsigned __int128 lo = pol_value_of(&p->addr);
	// Shifting by 128 is undefined: the prefix of everything is a case of its own.
	const unsigned __int128 rest =
		p->len == 0 ? POL_VALUE_MAX : ~(POL_VALUE_MAX << (128 - p->len));

	return (struct pol_values){.lo = lo, .hi = p->len == 128 ? lo : lo | rest};
}

static struct pol_values values_16(uint16_t lo, uint16_t hi)
{
	return (struct pol_values){.lo = lo, .hi = hi == UINT16_MAX ? POL_VALUE_MAX : hi};
}

struct pol_values pol_values_of(const struct pol_policy *p, enum pol_axis_id axis)
{
	switch (axis) {
	case POL_AXIS_SOURCE:
		return values_prefix(&p->source);
	case POL_AXIS_DESTINATION:
		return values_prefix(&p->destination);
	case POL_AXIS_CONTEXT:
		return p->context == POL_ANY ? values_16(0, UINT16_MAX)
					     : values_16(p->context, p->context);
	case POL_AXIS_VLAN:
		return p->vlan_lo == POL_ANY ? values_16(0, UINT16_MAX)
					     : values_16(p->vlan_lo, p->vlan_hi);
	default:
		return values_16(p->port_lo, p->port_hi);
	}
}

bool pol_ingress_has(const struct pol_policy *p, uint32_t i, uint32_t n)
{
	if (p->ingress == 0)
		return true;
	return n > 1 && i < POL_INGRESS_REST && (p->ingress >> i & 1) != 0;
}

bool pol_is_listed(const struct pol_policy *p)
{
	return p->enabled != 0 && p->stand_in == 0;
}

// --- the proof ---------------------------------------------------------------------------------

// A row inside the rows, with bits for no other word than a list of `words` has.
static bool row_is_whole(const struct pol_index *x, uint32_t at, unsigned words)
{
	const struct pol_row *r;
	unsigned stored = 0;

	if (x->words < POL_ROW_HEAD || at > x->words - POL_ROW_HEAD)
		return false;
	r = pol_row_at(x, at);
	for (unsigned a = 0; a < POL_ROW_AGGS; a++) {
		const unsigned bits = words <= a * 64 ? 0 : words - a * 64;

		if (bits < 64 && r->agg[a] >> bits != 0)
			return false;
		if (r->before[a] != stored)
			return false;
		stored += pol_bits(r->agg[a]);
	}
	if (r->whole > 1)
		return false;
	return (r->whole ? words : stored) <= x->words - POL_ROW_HEAD - at;
}

static const char *row_judge(const struct pol_index *x, uint32_t at, const struct set *s)
{
	const unsigned words = (x->policies + 63) / 64;
	const struct pol_row *r;

	if (!row_is_whole(x, at, words))
		return "index: row is not where it belongs";
	r = pol_row_at(x, at);
	for (unsigned w = 0; w < words; w++) {
		const bool there = (r->agg[w / 64] >> w % 64 & 1) != 0;

		if (there != (s->word[w] != 0) || (there && pol_row_word(r, w) != s->word[w]) ||
			(!there && r->whole && r->word[w] != 0))
			return "index: row differs from the policies";
	}
	return NULL;
}

// Is it each policy once?
static bool order_is_whole(const uint16_t *order, uint32_t policies)
{
	struct set seen = {0};

	for (uint32_t i = 0; i < policies; i++) {
		if (order[i] >= policies || (seen.word[order[i] / 64] >> order[i] % 64 & 1) != 0)
			return false;
		set_flip(&seen, order[i]);
	}
	return true;
}

struct walk { // along an axis
	const struct pol_image *img;
	const struct pol_index *x;
	enum pol_axis_id axis;
	const uint16_t *first, *last;
	uint32_t begun, ended; // of the orders
	struct set set;
};

// Those whose values have ended before `edge` leave, those whose values begin there join. False where
// a policy begins or ends elsewhere than at an edge, or out of the order.
static bool walk_on(struct walk *k, unsigned __int128 edge)
{
	const uint32_t n = k->x->policies;

	for (; k->ended < k->begun; k->ended++) {
		const struct pol_policy *p = pol_policy_at(k->img, k->last[k->ended]);
		const unsigned __int128 hi = pol_values_of(p, k->axis).hi;

		if (hi == POL_VALUE_MAX || hi + 1 > edge)
			break;
		if (hi + 1 < edge)
			return false;
		if (pol_is_listed(p))
			set_flip(&k->set, k->last[k->ended]);
	}
	for (; k->begun < n; k->begun++) {
		const struct pol_policy *p = pol_policy_at(k->img, k->first[k->begun]);
		const unsigned __int128 lo = pol_values_of(p, k->axis).lo;

		if (lo > edge)
			break;
		if (lo < edge)
			return false;
		if (pol_is_listed(p))
			set_flip(&k->set, k->first[k->begun]);
	}
	return true;
}

// All have begun, and those that have not left end nowhere.
static bool walk_is_over(const struct walk *k)
{
	const uint32_t n = k->x->policies;

	if (k->begun != n)
		return false;
	for (uint32_t i = k->ended; i < n; i++) {
		const struct pol_policy *p = pol_policy_at(k->img, k->last[i]);

		if (pol_values_of(p, k->axis).hi != POL_VALUE_MAX)
			return false;
	}
	return true;
}

// Is the value in stretch `i`?
static bool stretch_has(const struct pol_edge *edge, uint32_t n, uint32_t i, unsigned __int128 v)
{
	return i < n && pol_value(edge[i].hi, edge[i].lo) <= v &&
		(i + 1 == n || pol_value(edge[i + 1].hi, edge[i + 1].lo) > v);
}

static const char *table_judge(const struct pol_index *x, unsigned axis, unsigned table)
{
	const struct pol_table *t = &x->axis[axis].table[table];
	const struct pol_edge *edge = pol_edges(x, axis);
	const uint16_t *step = pol_shorts(x, t->at);
	const unsigned up = table == POL_TABLE_HIGH ? 64 : 0;
	const unsigned __int128 lowest = (unsigned __int128)(up != 0) << up;
	const uint32_t n = x->axis[axis].n;

	if (t->shift > 63 || t->n - 1 > (UINT64_MAX - t->min) >> t->shift)
		return "index: table reaches too far";
	for (uint32_t i = 0; i < t->n; i++) {
		const uint64_t half = t->min + ((uint64_t)i << t->shift);

		if (!stretch_has(edge, n, step[i], i == 0 ? lowest : (unsigned __int128)half << up))
			return "index: table names a wrong stretch";
	}
	if (!stretch_has(edge, n, step[t->n], up != 0 ? POL_VALUE_MAX : UINT64_MAX))
		return "index: table ends in a wrong stretch";
	return NULL;
}

static const char *range_judge(
	const struct pol_image *img, const struct pol_index *x, unsigned axis)
{
	const struct pol_axis *a = &x->axis[axis];
	const struct pol_edge *edge = pol_edges(x, axis);
	struct walk k = {.img = img,
		.x = x,
		.axis = axis,
		.first = pol_shorts(x, a->first),
		.last = pol_shorts(x, a->last)};
	unsigned __int128 before = 0;

	if (!order_is_whole(k.first, x->policies) || !order_is_whole(k.last, x->policies))
		return "index: order lacks a policy";
	for (uint32_t i = 0; i < a->n; i++) {
		const unsigned __int128 at = pol_value(edge[i].hi, edge[i].lo);
		const char *why;

		if (i == 0 ? at != 0 : at <= before)
			return "index: edges do not ascend from 0";
		if (!walk_on(&k, at))
			return "index: policy changes between edges";
		why = row_judge(x, pol_rows(x, axis)[i], &k.set);
		if (why != NULL)
			return why;
		before = at;
	}
	for (unsigned t = 0; t < POL_TABLES; t++) {
		const char *why = table_judge(x, axis, t);

		if (why != NULL)
			return why;
	}
	return walk_is_over(&k) ? NULL : "index: policy changes between edges";
}

static const char *ingress_judge(const struct pol_image *img, const struct pol_index *x)
{
	const uint32_t n = x->axis[POL_AXIS_INGRESS].n;

	if (n != 1 && n != POL_INGRESS_REST + 1)
		return "index: wrong number of ingress ports";
	for (uint32_t i = 0; i < n; i++) {
		struct set s = {0};
		const char *why;

		for (uint32_t k = 0; k < x->policies; k++) {
			const struct pol_policy *p = pol_policy_at(img, k);

			if (n == 1 && pol_is_listed(p) && p->ingress != 0)
				return "index: ingress ports are missing";
			if (pol_is_listed(p) && pol_ingress_has(p, i, n))
				set_flip(&s, k);
		}
		why = row_judge(x, pol_rows(x, POL_AXIS_INGRESS)[i], &s);
		if (why != NULL)
			return why;
	}
	return NULL;
}

// A table's head, before its place is known.
static bool table_is_fit(const struct pol_table *t, bool ranged)
{
	return t->spare == 0 &&
		(ranged ? t->n >= 1 && t->n <= POL_TABLE_MAX
			: t->n == 0 && t->min == 0 && t->shift == 0);
}

static const char *layout_judge(struct span section, uint32_t policies)
{
	const struct pol_index *x = (const struct pol_index *)section.p;
	struct pol_index right;

	if (section.n < sizeof(*x))
		return "index: shorter than its head";
	right = *x;
	if (x->policies != policies)
		return "index: of another list";
	for (unsigned a = 0; a < POL_AXIS_COUNT; a++) {
		// Twice as many edges as policies, and the first: nothing below overflows.
		if (x->axis[a].n == 0 || x->axis[a].n > 2 * policies + 1 + POL_PORTS_MAX)
			return "index: wrong number of stretches";
		if (x->axis[a].spare != 0)
			return "spare field in use";
		for (unsigned t = 0; t < POL_TABLES; t++) {
			if (!table_is_fit(&x->axis[a].table[t], a < POL_AXIS_RANGES))
				return "index: wrong number of steps";
		}
	}
	if (x->words > section.n / sizeof(uint64_t) || x->spare != 0)
		return "index: rows do not fit";
	if (pol_index_lay_out(&right) != section.n || memcmp(&right, x, sizeof(right)) != 0)
		return "index: parts are not where they belong";
	return NULL;
}

const char *pol_index_judge(const struct pol_image *img)
{
	const struct span section = pol_section(img, POL_SEC_INDEX);
	const struct pol_index *x = (const struct pol_index *)section.p;
	const uint32_t policies = pol_count(img, POL_SEC_POLICIES);
	const char *why;

	if (policies == 0)
		return section.n == 0 ? NULL : "index: of an empty list";
	why = layout_judge(section, policies);
	for (unsigned a = 0; a < POL_AXIS_RANGES && why == NULL; a++)
		why = range_judge(img, x, a);
	return why == NULL ? ingress_judge(img, x) : why;
}
