// SPDX-License-Identifier: BSD-3-Clause
// Routed mode: interfaces, routes and next hops as workers read them, and what goes between workers
// and the manager: news of neighbours, packets whose next hop is not known yet, frames of ours.
// Thread: made and looked after by the manager (eng_net.c, eng_neigh.c); read by workers
// (stage_local.c, stage_route.c).
#pragma once

#include <rte_ring.h>

#include "eng.h"
#include "eng_admin.h"
#include "eng_routing.h"
#include "eng_sight.h"
#include "net_icmp.h"
#include "net_neigh.h"
#include "tbl_hops.h"
#include "tbl_routes.h"

struct eng_worker;
struct eng_neighs; // the manager's: who is asked for (eng_neigh.c)

enum {
	ENG_HOPS_MAX = 4096,
	ENG_OWN_MAX = NET_IFACES_MAX * NET_ADDRS_MAX + ENG_ADMIN_ADDRS_MAX,
	// What a route says is a hop's place, or this and an interface on which the destination is itself.
	ENG_ROUTE_ON_LINK = 1 << 19,
};

enum net_way {         // of a frame that the manager gives to a worker
	NET_WAY_READY, // leaves by port eng_meta.in_port as it is
	NET_WAY_ROUTE, // is routed, now that its next hop is known
	NET_WAY_LOST,  // its next hop does not answer
};

struct eng_said { // by a neighbour
	struct net_news news;
	uint16_t iface;
	uint16_t conflict; // 1: of an address of ours
	uint32_t zero;     // elements of a ring are words
};

struct eng_wait { // in eng_meta.key of a packet that waits for its next hop
	struct addr addr;
	uint16_t iface;
};

struct eng_net {
	struct net_iface iface[NET_IFACES_MAX];
	uint16_t nifaces;
	uint16_t first[ENG_PORTS_MAX + 1]; // a port's are first[port] up to first[port + 1]
	bool ttl_keep;
	uint64_t admin_from; // bit set: interfaces by which the host is reached (eng_admin.h)
	uint16_t nown4, nown6;
	uint32_t own4[ENG_OWN_MAX]; // our addresses and the host's, network order
	struct addr own6[ENG_OWN_MAX];
	struct tbl_routes *routes;
	struct tbl_hops *hops;
	struct rte_ring *said;  // struct eng_said, workers -> manager
	struct rte_ring *asked; // packets, likewise: eng_wait
	struct rte_ring *ready; // frames, manager -> worker 0: eng_meta.way
	struct eng_neighs *neighs;
	_Atomic uint64_t unbelieved; // w: manager, r: worker 0
	struct eng_sight_net *sight; // w: manager, r: any; NULL: nobody asks
};

// eng_net.c. All memory, routes filled in; NULL with errno and *err. Manager.
struct eng_net *eng_net_new(const struct eng_conf *conf, struct err_list *err);
void eng_net_free(struct eng_net *n); // NULL is fine
uint64_t eng_net_bytes(void);
// The interface of frames of a port with this VID; NULL: none.
static inline const struct net_iface *eng_net_iface(
	const struct eng_net *n, uint16_t port, uint16_t vlan)
{
	for (uint16_t i = n->first[port]; i < n->first[port + 1]; i++)
		if (n->iface[i].vlan == vlan)
			return &n->iface[i];
	return NULL;
}
static inline uint16_t eng_net_index(const struct eng_net *n, const struct net_iface *i)
{
	return (uint16_t)(i - n->iface);
}

// eng_neigh.c, the manager's. `fixed`: routes lead there, so it is always wanted; before workers run. The
// hop's place, or -ENOSPC.
struct eng_neighs *eng_neighs_new(struct eng_net *n, struct rte_mempool *pool, int socket);
void eng_neighs_free(struct eng_neighs *s);
int32_t eng_neigh_add(struct eng_net *n, uint16_t iface, const struct addr *a, bool fixed);
// A bounded slice: what was said is heard, what waits is sent or asked for, who is due is asked.
void eng_neigh_manage(struct eng *e, uint64_t now_us);

// stage_local.c. First of all: frames of a burst that go further stay at the front of `pkts`, their number
// is returned; what is for us is answered or said to the manager, all else dropped.
uint16_t eng_local(
	struct eng_worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n, uint64_t now_us);

// eng_ways.c. Where IP packets, ENG_BURST at most, go next.
struct eng_way {
	struct tbl_hop *hop; // NULL: nobody knows the neighbour yet
	struct addr to;      // the next hop's
	uint16_t iface;      // NET_NO_IFACE: there is no route
};
void eng_ways_find(
	const struct eng_net *n, const uint8_t *const *ip, uint16_t count, struct eng_way *way);

// stage_route.c. Last of all: a packet leaves by the route to its destination. `in_port`: by which it came, for
// errors about it; ENG_NO_PORT: it is ours; ENG_HOST_PORT: the host's, whose TTL stays. Consumes `m`.
void eng_route_tx(struct eng_worker *w, uint16_t in_port, struct rte_mbuf *m);
// The same for a burst.
void eng_route_burst_tx(struct eng_worker *w, uint16_t in_port, struct rte_mbuf **pkts, uint16_t n);
// Does this IP packet, `n` bytes of it, keep its TTL? Only TCP of a picked-up port does, so that what is not
// read, and loops, comes to an end.
bool eng_route_keeps_ttl(const struct eng_worker *w, const uint8_t *ip, size_t n);
// What the manager gave, worker 0's. Returns how much.
uint32_t eng_route_ready(struct eng_worker *w, uint64_t now_us);
// An ICMP error about a packet to who sent it, where one is due and not too many left. Borrows `m`.
void eng_route_error(struct eng_worker *w, const struct net_iface *i, const struct rte_mbuf *m,
	size_t off, enum net_icmp_why why, uint32_t mtu);
