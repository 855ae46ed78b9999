// SPDX-License-Identifier: BSD-3-Clause
// Where the packets of a burst go next: the route of each, then, where it leads to a link of our own, the
// neighbour. All of a kind together, so that their waits for memory overlap.
// Thread: any worker; only reads.
#include "eng_net.h"
#include "wire_field.h"

_Static_assert(ENG_BURST <= (int)TBL_ROUTES_BULK && ENG_BURST <= (int)TBL_HOPS_BULK,
	"a burst is looked up at once");

struct family { // the packets of one
	uint16_t n, at[ENG_BURST];
};

static void families(const uint8_t *const *ip, uint16_t n, struct family *v4, struct family *v6)
{
	v4->n = v6->n = 0;
	for (uint16_t i = 0; i < n; i++)
		if (ip[i][0] >> 4 == 4)
			v4->at[v4->n++] = i;
		else
			v6->at[v6->n++] = i;
}

static void routes4(const struct eng_net *n, const uint8_t *const *ip, const struct family *f,
	uint32_t *routes)
{
	uint32_t to[ENG_BURST], found[ENG_BURST];

	for (uint16_t i = 0; i < f->n; i++)
		to[i] = wire_get32(ip[f->at[i]] + 16);
	tbl_routes_v4(n->routes, to, found, f->n);
	for (uint16_t i = 0; i < f->n; i++)
		routes[f->at[i]] = found[i];
}

static void routes6(const struct eng_net *n, const uint8_t *const *ip, const struct family *f,
	uint32_t *routes)
{
	uint8_t to[ENG_BURST][16];
	uint32_t found[ENG_BURST];

	for (uint16_t i = 0; i < f->n; i++)
		memcpy(to[i], ip[f->at[i]] + 24, sizeof(to[i]));
	tbl_routes_v6(n->routes, to, found, f->n);
	for (uint16_t i = 0; i < f->n; i++)
		routes[f->at[i]] = found[i];
}

static struct addr destination(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? addr_from_v4(ip + 16) : addr_from_v6(ip + 24);
}

// Those whose destination is itself on the link.
static void neighbours(const struct eng_net *n, const struct family *f,
	const struct tbl_hop_key *key, struct eng_way *way)
{
	int32_t places[ENG_BURST];

	tbl_hops_find_bulk(n->hops, key, places, f->n);
	for (uint16_t i = 0; i < f->n; i++)
		way[f->at[i]] = (struct eng_way){.to = key[i].addr,
			.iface = key[i].iface,
			.hop = places[i] < 0 ? NULL : tbl_hops_at(n->hops, (uint32_t)places[i])};
}

void eng_ways_find(
	const struct eng_net *n, const uint8_t *const *ip, uint16_t count, struct eng_way *way)
{
	struct tbl_hop_key key[ENG_BURST];
	struct family v4, v6, on_link = {0};
	uint32_t routes[ENG_BURST];

	families(ip, count, &v4, &v6);
	if (v4.n > 0)
		routes4(n, ip, &v4, routes);
	if (v6.n > 0)
		routes6(n, ip, &v6, routes);
	for (uint16_t i = 0; i < count; i++) {
		if (routes[i] == TBL_ROUTE_NONE) {
			way[i] = (struct eng_way){.iface = NET_NO_IFACE};
		} else if ((routes[i] & ENG_ROUTE_ON_LINK) == 0) {
			struct tbl_hop *hop = tbl_hops_at(n->hops, routes[i]);

			way[i] = (struct eng_way){.to = hop->addr, .iface = hop->iface, .hop = hop};
		} else {
			key[on_link.n] = (struct tbl_hop_key){.addr = destination(ip[i]),
				.iface = (uint16_t)(routes[i] & ~(uint32_t)ENG_ROUTE_ON_LINK)};
			on_link.at[on_link.n++] = i;
		}
	}
	if (on_link.n > 0)
		neighbours(n, &on_link, key, way);
}
