// SPDX-License-Identifier: BSD-3-Clause
// Interfaces and routes of routed mode, from the configuration: sorted by port, their MACs and
// link-local addresses filled in; a place for each next hop, so that a route leads to it without
// a search. Nothing here changes once workers run.
// Thread: the manager, at start and end.
#include "eng_int.h"

#include <errno.h>

#include <rte_malloc.h>
#include <rte_ring_elem.h>

#include "eng_net.h"

enum { SAID_MAX = 1024, ASKED_MAX = 1024, READY_MAX = 1024 };

uint64_t eng_net_bytes(void)
{
	return sizeof(struct eng_net) + tbl_routes_bytes() + tbl_hops_bytes(ENG_HOPS_MAX) +
		SAID_MAX * sizeof(struct eng_said) + (ASKED_MAX + READY_MAX) * sizeof(void *);
}

// The interface's place among all, sorted by port; the configuration's order stays within a port.
static void ifaces_fill(struct eng_net *n, const struct eng_conf *conf, uint16_t *place)
{
	const struct eng_routing *r = conf->routing;

	for (uint16_t p = 0; p < conf->ports; p++) {
		n->first[p] = n->nifaces;
		for (uint16_t i = 0; i < r->nifaces; i++) {
			struct net_iface *own = &n->iface[n->nifaces];

			if (r->iface[i].port != p)
				continue;
			*own = r->iface[i];
			memcpy(own->mac, conf->port[p].mac, NET_MAC_LEN);
			own->mtu = conf->port[p].mtu;
			net_link_local_add(own);
			place[i] = n->nifaces++;
		}
	}
	for (uint16_t p = conf->ports; p <= ENG_PORTS_MAX; p++)
		n->first[p] = n->nifaces;
}

// The host's addresses are also an interface's, on whose link they lie, and so asked for there.
static void admin_fill(struct eng_net *n, const struct eng_admin_conf *c, const uint16_t *place)
{
	for (uint16_t i = 0; i < n->nifaces; i++)
		if ((c->from >> i & 1) != 0)
			n->admin_from |= UINT64_C(1) << place[i];
	for (uint8_t k = 0; k < c->naddrs; k++) {
		for (uint16_t i = 0; i < n->nifaces; i++) {
			struct net_iface *own = &n->iface[i];

			if (own->naddrs < NET_ADDRS_MAX && net_is_on_link(own, &c->addr[k]))
				own->addr[own->naddrs++] =
					(struct net_addr){.addr = c->addr[k], .len = 128};
		}
		if (addr_is_v4(&c->addr[k]))
			memcpy(&n->own4[n->nown4++], c->addr[k].b + 12, 4);
		else
			n->own6[n->nown6++] = c->addr[k];
	}
}

static void own_fill(struct eng_net *n)
{
	for (uint16_t i = 0; i < n->nifaces; i++)
		for (unsigned k = 0; k < n->iface[i].naddrs; k++) {
			const struct addr *a = &n->iface[i].addr[k].addr;

			if (addr_is_v4(a))
				memcpy(&n->own4[n->nown4++], a->b + 12, 4);
			else
				n->own6[n->nown6++] = *a;
		}
}

static int links_add(struct eng_net *n)
{
	for (uint16_t i = 0; i < n->nifaces; i++)
		for (unsigned k = 0; k < n->iface[i].naddrs; k++) {
			const struct net_addr *own = &n->iface[i].addr[k];
			struct prefix link = {.addr = own->addr, .len = own->len};
			unsigned whole = link.len / 8, rest = link.len % 8;
			int ret;

			if (addr_is_link_local(&own->addr))
				continue; // on every link the same: no route can say which one is meant
			if (rest != 0)
				link.addr.b[whole] &= (uint8_t)(0xff << (8 - rest));
			for (unsigned b = whole + (rest != 0); b < 16; b++)
				link.addr.b[b] = 0;
			ret = tbl_routes_add(n->routes, &link, ENG_ROUTE_ON_LINK | i);
			if (ret < 0)
				return ret;
		}
	return 0;
}

static int routes_add(struct eng_net *n, const struct eng_routing *r, const uint16_t *place)
{
	for (uint32_t i = 0; i < r->nroutes; i++) {
		const struct eng_route *route = &r->routes[i];
		int32_t hop = eng_neigh_add(n, place[route->iface], &route->via, true);
		int ret = hop < 0 ? hop : tbl_routes_add(n->routes, &route->to, (uint32_t)hop);

		if (ret < 0)
			return ret;
	}
	return 0;
}

static int rings_new(struct eng_net *n, int socket)
{
	n->said = rte_ring_create_elem(
		"net_said", sizeof(struct eng_said), SAID_MAX, socket, RING_F_SC_DEQ);
	n->asked = rte_ring_create("net_asked", ASKED_MAX, socket, RING_F_SC_DEQ);
	n->ready = rte_ring_create("net_ready", READY_MAX, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return n->said == NULL || n->asked == NULL || n->ready == NULL ? -ENOMEM : 0;
}

struct eng_net *eng_net_new(const struct eng_conf *conf, struct err_list *err)
{
	uint16_t place[NET_IFACES_MAX] = {0};
	struct eng_net *n =
		rte_zmalloc_socket("routing", sizeof(*n), RTE_CACHE_LINE_SIZE, conf->socket);
	int ret = -ENOMEM;

	_Static_assert(sizeof(struct eng_said) % 4 == 0, "elements of a ring are words");
	_Static_assert(sizeof(struct eng_wait) <= ENG_META_KEY_BYTES, "it waits in a packet's key");
	_Static_assert(ENG_HOPS_MAX * 2 < ENG_ROUTE_ON_LINK, "a place is not taken for a link");
	_Static_assert(
		(ENG_ROUTE_ON_LINK | NET_IFACES_MAX) <= TBL_ROUTE_VALUE_MAX, "a route holds both");
	if (n == NULL)
		goto fail;
	n->ttl_keep = conf->routing->ttl_keep;
	ifaces_fill(n, conf, place);
	own_fill(n);
	if (conf->admin != NULL)
		admin_fill(n, conf->admin, place);
	n->routes = tbl_routes_new("routes", conf->socket);
	n->hops = tbl_hops_new("hops", ENG_HOPS_MAX, conf->socket);
	n->neighs = n->hops == NULL ? NULL : eng_neighs_new(n, conf->pool, conf->socket);
	if (n->routes == NULL || n->neighs == NULL || rings_new(n, conf->socket) < 0)
		goto fail;
	ret = links_add(n);
	if (ret == 0)
		ret = routes_add(n, conf->routing, place);
	if (ret == 0)
		return n;

fail:
	err_add(err, "routes and next hops: %s", ret == -ENOMEM ? "no memory" : strerror(-ret));
	eng_net_free(n);
	errno = -ret;
	return NULL;
}

static void packets_free(struct rte_ring *r)
{
	struct rte_mbuf *m;

	while (r != NULL && rte_ring_sc_dequeue(r, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(r);
}

void eng_net_free(struct eng_net *n)
{
	if (n == NULL)
		return;
	eng_neighs_free(n->neighs);
	packets_free(n->asked);
	packets_free(n->ready);
	rte_ring_free(n->said);
	tbl_hops_free(n->hops);
	tbl_routes_free(n->routes);
	rte_free(n);
}
