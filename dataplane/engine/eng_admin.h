// SPDX-License-Identifier: BSD-3-Clause
// The host itself, reached through the ports (dataplane.management): what workers have for its kernel, and
// what its kernel has for the wire. In mode routed these are IP packets, else frames. What the host is sent
// is bounded: by the second, and by what waits; forwarding never waits for it.
// Thread: made, filled and emptied by the manager (eng_admin.c); workers: stage_admin.c.
#pragma once

#include <rte_ring.h>

#include "addr.h"
#include "eng.h"

enum {
	ENG_ADMIN_ADDRS_MAX = 4,
	ENG_ADMIN_A_SECOND = 10000, // packets for the host, all workers together
	ENG_ADMIN_STATIONS = 64,    // power of two
};

struct net_iface;

struct eng_admin_conf {
	struct addr addr[ENG_ADMIN_ADDRS_MAX];
	uint8_t naddrs;
	uint64_t from; // bit set: interfaces in the order of eng_routing, else ports
};

struct eng_station { // who has spoken to the host: where frames for him leave
	uint8_t mac[6];
	uint16_t port; // data-plane port number
};

struct eng_admin {
	bool routed;
	uint8_t naddrs;
	uint8_t mac[6];    // not routed: the host's
	uint32_t mtu;      // bytes of an IP packet that fits all ports
	uint32_t a_second; // packets for the host, of a worker
	uint64_t from;     // bit set: places in eng_net.iface, else ports
	struct addr addr[ENG_ADMIN_ADDRS_MAX];
	struct rte_ring *in;  // packets, workers -> manager: eng_meta.in_port
	struct rte_ring *out; // manager -> worker 0: eng_meta.in_port says by which they leave
	struct eng_station station[ENG_ADMIN_STATIONS]; // the manager's
};

// eng_admin.c, manager. NULL with errno and *err. Mode routed: behind eng_net_new, which has put what `from` says
// into its own order.
struct eng_admin *eng_admin_new(const struct eng_conf *conf, uint64_t from, struct err_list *err);
void eng_admin_free(struct eng_admin *a); // NULL is fine
uint64_t eng_admin_bytes(void);
const struct eng_admin *eng_admin_of(const struct eng *e); // NULL: the host is not reached so
// The next packet for the host's kernel, to be freed by the caller; NULL: none waits.
struct rte_mbuf *eng_admin_take(struct eng *e);
// What the host's kernel sends, an IP packet in mode routed with room for a link header before it, else a frame.
// Consumes `m`; false: too much waits, `m` is freed.
bool eng_admin_give(struct eng *e, struct rte_mbuf *m);

// stage_admin.c, a worker's. Mode routed: a packet to an address of ours, its IP header at `off`: true where it was
// the host's, and is consumed.
bool eng_admin_packet_consume(
	struct eng_worker *w, struct rte_mbuf *m, size_t off, const struct net_iface *i);
// The other modes: frames for the host are taken out of a burst; what goes further stays at the front of `pkts`,
// its number is returned.
uint16_t eng_admin_frames(
	struct eng_worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n, uint64_t now_us);
// What the host sends, worker 0's. Returns how much.
uint32_t eng_admin_ready(struct eng_worker *w, uint64_t now_us);
