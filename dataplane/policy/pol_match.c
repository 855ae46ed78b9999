// SPDX-License-Identifier: BSD-3-Clause
// The classifier: a walk over the flat records, first match wins. A record is 72 bytes, so a list of
// some hundred policies stays in the first-level cache and takes well under a microsecond; lists of
// thousands want an index (bit vectors a field) in a section of its own, with this walk as its
// judge. Cheap fields are compared first; the order of explanation is that of the list's columns.
// Thread: any, on a verified image.
#include "pol_match.h"

#include <endian.h>

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

uint32_t pol_match(const struct pol_image *img, const struct pol_key *key)
{
	const struct pol_policy *p =
		(const struct pol_policy *)pol_section(img, POL_SEC_POLICIES).p;
	const uint32_t n = pol_count(img, POL_SEC_POLICIES);
	const struct words source = words_of(&key->source);
	const struct words destination = words_of(&key->destination);

	for (uint32_t i = 0; i < n; i++, p++) {
		if (has(&p->source, source) && has(&p->destination, destination) &&
			p->enabled != 0 && has_context(p, key->context) &&
			has_ingress(p, key->ingress) && has_vlan(p, key->vlan) &&
			has_port(p, key->port))
			return i;
	}
	return POL_NONE;
}

enum pol_miss pol_explain(const struct pol_image *img, const struct pol_key *key, uint32_t i)
{
	const struct pol_policy *p = pol_policy_at(img, i);

	if (p->enabled == 0)
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
