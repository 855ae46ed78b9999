// SPDX-License-Identifier: BSD-3-Clause
// The classifier: the stretch of each axis that the connection is in, their rows and-ed word by word,
// the first bit wins (pol_index.h). Words where a row is zero are never looked at, and axes where all
// policies take everything not at all. What a list of ten thousand costs at worst is that number of
// bits times the axes in use. pol_explain looks at a policy itself, field by field, and so is the
// judge of the index in the tests; the order of explanation is that of the list's columns.
// Thread: any, on a verified image.
#include "pol_match.h"

#include "pol_index.h"

// An address as two host-order words, so that a prefix is one mask each.
struct words {
	uint64_t hi, lo;
};

static struct words words_of(const struct addr *a)
{
	uint64_t w[2];

	memcpy(w, a->b, sizeof(w));
	return (struct words){.hi = be64toh(w[0]), .lo = be64toh(w[1])};
}

static bool has(const struct prefix *p, struct words a)
{
	const struct words w = words_of(&p->addr);
	const unsigned len = p->len;
	// Shifting by 64 is undefined: the empty mask is a case of its own.
	const uint64_t hi = len >= 64 ? UINT64_MAX : len == 0 ? 0 : UINT64_MAX << (64 - len);
	const uint64_t lo = len <= 64 ? 0 : UINT64_MAX << (128 - len);

	return (((w.hi ^ a.hi) & hi) | ((w.lo ^ a.lo) & lo)) == 0;
}

static bool has_ingress(const struct pol_policy *p, uint16_t ingress)
{
	return p->ingress == 0 || (ingress < POL_PORTS_MAX && (p->ingress >> ingress & 1) != 0);
}

static bool has_vlan(const struct pol_policy *p, uint16_t vlan)
{
	return p->vlan_lo == POL_ANY || (vlan >= p->vlan_lo && vlan <= p->vlan_hi);
}

static bool has_context(const struct pol_policy *p, uint16_t context)
{
	return p->context == POL_ANY || p->context == context;
}

static bool has_port(const struct pol_policy *p, uint16_t port)
{
	return port >= p->port_lo && port <= p->port_hi;
}

// The stretch of an axis that `v` is in: the table says between which two, the rest is halving. A step
// depends on no branch: where a search goes is anybody's guess.
static uint32_t stretch_find(const struct pol_index *x, unsigned axis, unsigned __int128 v)
{
	uint64_t half;
	const struct pol_table *t = &x->axis[axis].table[pol_table_of(v, &half)];
	const uint64_t far = half <= t->min ? 0 : (half - t->min) >> t->shift;
	const uint16_t *step = pol_shorts(x, t->at) + (far < t->n ? far : t->n - 1);
	const struct pol_edge *edge = pol_edges(x, axis), *at = edge + step[0];
	uint32_t n = (uint32_t)step[1] - step[0] + 1;

	while (n > 1) {
		const struct pol_edge *e = at + n / 2;

		at = pol_value(e->hi, e->lo) <= v ? e : at;
		n -= n / 2;
	}
	return (uint32_t)(at - edge);
}

struct rows {
	const struct pol_row *row[POL_AXIS_COUNT];
	unsigned n;
};

// Adds the row of the stretch that `v` is in; nothing where all policies take everything.
static void rows_add(struct rows *r, const struct pol_index *x, unsigned axis, unsigned __int128 v)
{
	const uint32_t n = x->axis[axis].n;

	if (n > 1)
		r->row[r->n++] = pol_row_at(x, pol_rows(x, axis)[stretch_find(x, axis, v)]);
}

static void rows_of(struct rows *r, const struct pol_index *x, const struct pol_key *key)
{
	const uint32_t ports = x->axis[POL_AXIS_INGRESS].n;
	const uint32_t port = key->ingress < POL_INGRESS_REST ? key->ingress : POL_INGRESS_REST;

	rows_add(r, x, POL_AXIS_SOURCE, pol_value_of(&key->source));
	rows_add(r, x, POL_AXIS_DESTINATION, pol_value_of(&key->destination));
	rows_add(r, x, POL_AXIS_CONTEXT, key->context);
	rows_add(r, x, POL_AXIS_VLAN, key->vlan);
	rows_add(r, x, POL_AXIS_PORT, key->port);
	if (ports > 1 || r->n == 0)
		r->row[r->n++] = pol_row_at(x, pol_rows(x, POL_AXIS_INGRESS)[ports > 1 ? port : 0]);
}

// The first policy of word `w`, which is zero in no row; POL_NONE where they have none in common.
static uint32_t word_match(const struct rows *r, unsigned w)
{
	uint64_t all = pol_row_word(r->row[0], w);

	for (unsigned i = 1; i < r->n && all != 0; i++)
		all &= pol_row_word(r->row[i], w);
	return all == 0 ? POL_NONE : w * 64 + (unsigned)__builtin_ctzll(all);
}

static uint32_t list_match(const struct pol_image *img, const struct pol_key *key)
{
	const struct span section = pol_section(img, POL_SEC_INDEX);
	const struct pol_index *x = (const struct pol_index *)section.p;
	struct rows r = {.n = 0};

	if (section.n == 0)
		return POL_NONE;
	rows_of(&r, x, key);
	for (unsigned a = 0; a < POL_ROW_AGGS; a++) {
		uint64_t words = r.row[0]->agg[a];

		for (unsigned i = 1; i < r.n; i++)
			words &= r.row[i]->agg[a];
		for (; words != 0; words &= words - 1) {
			const uint32_t found =
				word_match(&r, a * 64 + (unsigned)__builtin_ctzll(words));

			if (found != POL_NONE)
				return found;
		}
	}
	return POL_NONE;
}

// Is the server in one of `hi` ranges from `r` on?
static bool is_inside(const struct pol_range *r, uint32_t hi, const struct addr *server)
{
	uint32_t lo = 0;

	while (lo < hi) { // ranges ascend and lie apart
		uint32_t mid = lo + (hi - lo) / 2;

		if (memcmp(server->b, r[mid].lo.b, sizeof(server->b)) < 0)
			hi = mid;
		else if (memcmp(server->b, r[mid].hi.b, sizeof(server->b)) <= 0)
			return true;
		else
			lo = mid + 1;
	}
	return false;
}

bool pol_is_incoming(const struct pol_image *img, const struct addr *server)
{
	return is_inside((const struct pol_range *)pol_section(img, POL_SEC_SERVERS).p,
		pol_count(img, POL_SEC_SERVERS), server);
}

bool pol_is_blocked(const struct pol_image *img, uint32_t session, const struct addr *server)
{
	if (session == POL_NONE)
		return false;
	const struct pol_session *s = pol_session_at(img, session);

	return s->nblocked > 0 && is_inside(pol_blocked_at(img, s->blocked), s->nblocked, server) &&
		!pol_is_incoming(img, server);
}

uint32_t pol_match_pick(const struct pol_image *img, const struct pol_key *key)
{
	const struct pol_pick *p;

	if (key->ingress >= pol_count(img, POL_SEC_PICKS))
		return POL_NONE;
	p = pol_pick_at(img, key->ingress);
	if (p->incoming != p->outgoing && pol_is_incoming(img, &key->destination))
		return p->incoming;
	return p->outgoing;
}

uint32_t pol_match(const struct pol_image *img, const struct pol_key *key)
{
	const uint32_t pick = pol_match_pick(img, key);

	return pick != POL_NONE ? pick : list_match(img, key);
}

enum pol_miss pol_explain(const struct pol_image *img, const struct pol_key *key, uint32_t i)
{
	const struct pol_policy *p = pol_policy_at(img, i);

	if (p->enabled == 0 || p->stand_in != 0) // a stand-in is pickup's, not the list's
		return POL_MISS_DISABLED;
	if (!has_context(p, key->context))
		return POL_MISS_CONTEXT;
	if (!has_ingress(p, key->ingress))
		return POL_MISS_INGRESS;
	if (!has_vlan(p, key->vlan))
		return POL_MISS_VLAN;
	if (!has(&p->source, words_of(&key->source)))
		return POL_MISS_SOURCE;
	if (!has(&p->destination, words_of(&key->destination)))
		return POL_MISS_DESTINATION;
	if (!has_port(p, key->port))
		return POL_MISS_PORT;
	return POL_MISS_NONE;
}

bool pol_picks_up(const struct pol_image *img, uint16_t port)
{
	const struct pol_pickup *r = (const struct pol_pickup *)pol_section(img, POL_SEC_PICKUP).p;
	uint32_t lo = 0, hi = pol_count(img, POL_SEC_PICKUP);

	while (lo < hi) { // records ascend
		uint32_t mid = lo + (hi - lo) / 2;

		if (r[mid].port == port)
			return true;
		if (r[mid].port < port)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

uint16_t pol_context_of(const struct pol_image *img, uint16_t ingress)
{
	const uint32_t n = pol_count(img, POL_SEC_CONTEXTS);

	if (ingress >= POL_PORTS_MAX)
		return POL_ANY;
	for (uint32_t i = 0; i < n; i++) {
		if ((pol_context_at(img, i)->ports >> ingress & 1) != 0)
			return (uint16_t)i;
	}
	return POL_ANY;
}
