// SPDX-License-Identifier: BSD-3-Clause
// Routed mode, behind all other stages: where a packet goes next is read from the packet itself, so
// it is all one whether it came so, was edited, or is ours. Its link header is made anew, its TTL
// lowered; a packet whose next hop is not known waits with the manager.
// Thread: the worker.
#include "eng_int.h"

#include "eng_net.h"
#include "wire_field.h"

enum {
	ICMP_A_SECOND = 100, // errors a worker (RFC 1812 4.3.2.8)
	READY_A_TURN = 32,
};

struct leaving { // a packet on its way out
	struct rte_mbuf *m;
	uint8_t *ip;
	uint16_t off;              // of the IP header
	uint16_t in_port,
		in_vlan; // by which it came; ENG_NO_PORT: it is ours, ENG_HOST_PORT: the host's
};

static uint32_t icmp_left(struct eng_worker *w)
{
	if (w->now_us - w->icmp_at_us >= 1000000) {
		w->icmp_at_us = w->now_us;
		w->icmp_left = ICMP_A_SECOND;
	}
	return w->icmp_left;
}

void eng_route_error(struct eng_worker *w, const struct net_iface *i, const struct rte_mbuf *m,
	size_t off, enum net_icmp_why why, uint32_t mtu)
{
	struct rte_mbuf *own;
	size_t n;

	if (!net_icmp_is_due(eng_frame_of(m), off))
		return;
	if (icmp_left(w) == 0) {
		eng_count(w, ACT_NET_ERROR_HELD);
		return;
	}
	own = rte_pktmbuf_alloc(w->eng->conf.pool);
	if (own == NULL) {
		eng_count(w, DROP_NO_MBUF);
		return;
	}
	if (rte_pktmbuf_tailroom(own) < NET_ICMP_FRAME_MAX) {
		eng_drop(w, own, DROP_NO_MBUF);
		return;
	}
	n = net_icmp_error(rte_pktmbuf_mtod(own, uint8_t *), i, eng_frame_of(m), off, why, mtu);
	if (n == 0) { // no address to say it from
		rte_pktmbuf_free(own);
		return;
	}
	w->icmp_left--;
	own->data_len = (uint16_t)n;
	own->pkt_len = (uint32_t)n;
	eng_count(w, ACT_NET_ERROR);
	eng_out_tx(w, i->port, own);
}

static void fail_consume(struct eng_worker *w, const struct leaving *p, enum eng_reason r,
	enum net_icmp_why why, uint32_t mtu)
{
	const struct net_iface *i = p->in_port >= w->eng->conf.ports
		? NULL
		: eng_net_iface(w->eng->net, p->in_port, p->in_vlan);

	if (i != NULL)
		eng_route_error(w, i, p->m, p->off, why, mtu);
	eng_drop(w, p->m, r);
}

bool eng_route_keeps_ttl(const struct eng_worker *w, const uint8_t *ip, size_t n)
{
	size_t head = ip[0] >> 4 == 4 ? (ip[0] & 15) * 4u : WIRE_IP6_LEN;
	uint8_t proto = ip[0] >> 4 == 4 ? ip[9] : ip[6];

	if (!w->eng->net->ttl_keep || w->image == NULL || proto != WIRE_IPPROTO_TCP || n < head + 4)
		return false;
	return eng_picks_up(w, wire_get16(ip + head)) || eng_picks_up(w, wire_get16(ip + head + 2));
}

// RFC 1624 eqn. 3 where only the upper half of one word goes down by one.
static void ttl_lower(uint8_t *ip)
{
	uint32_t sum;

	if (ip[0] >> 4 == 6) {
		ip[7]--;
		return;
	}
	ip[8]--;
	sum = wire_get16(ip + 10) + 0x0100u;
	wire_put16(ip + 10, (sum + (sum >> 16)) & 0xffff);
}

static uint32_t packet_len(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? wire_get16(ip + 2) : WIRE_IP6_LEN + (uint32_t)wire_get16(ip + 4);
}

static void wait_consume(
	struct eng_worker *w, const struct leaving *p, uint16_t iface, const struct addr *to)
{
	struct eng_meta *meta = eng_meta_of(p->m);
	const struct eng_wait wait = {.addr = *to, .iface = iface};

	memcpy(meta->key, &wait, sizeof(wait));
	meta->in_port = p->in_port;
	if (rte_ring_mp_enqueue(w->eng->net->asked, p->m) == 0)
		eng_count(w, ACT_NET_WAITED);
	else
		eng_drop(w, p->m, DROP_NET_HOP);
}

// The packet gets the link header of its way out, which may be longer or shorter by a tag. What lay behind
// it on its link was that link's padding and stays there: with it a frame could exceed the MTU.
static void header_set(const struct leaving *p, const struct net_iface *out, uint64_t mac)
{
	const uint16_t type = p->ip[0] >> 4 == 4 ? WIRE_TYPE_IP4 : WIRE_TYPE_IP6;
	uint16_t len = out->vlan == 0 ? WIRE_ETH_LEN : WIRE_ETH_LEN + WIRE_TAG_LEN;
	const uint32_t whole = packet_len(p->ip), held = p->m->data_len - (uint32_t)p->off;
	uint8_t to[NET_MAC_LEN];

	for (unsigned i = 0; i < NET_MAC_LEN; i++)
		to[i] = (uint8_t)(mac >> 8 * i);
	// The headroom holds far more than a tag.
	p->m->data_off = (uint16_t)(p->m->data_off + p->off - len);
	p->m->data_len = (uint16_t)(len + (whole < held ? whole : held));
	p->m->pkt_len = p->m->data_len;
	(void)net_l2_write(rte_pktmbuf_mtod(p->m, uint8_t *), out, to, type);
}

// false: nothing done, its MAC is not known.
static bool hop_tx(struct eng_worker *w, const struct leaving *p, struct tbl_hop *hop,
	const struct net_iface *out)
{
	uint64_t mac = atomic_load_explicit(&hop->mac, memory_order_relaxed);

	if ((mac & TBL_HOP_KNOWN) == 0)
		return false;
	if (packet_len(p->ip) > out->mtu) {
		fail_consume(w, p, DROP_NET_BIG, NET_ICMP_TOO_BIG, out->mtu);
		return true;
	}
	// So that the line stays shared while nothing changes.
	if (atomic_load_explicit(&hop->used, memory_order_relaxed) == 0)
		atomic_store_explicit(&hop->used, 1, memory_order_relaxed);
	if (p->in_port != ENG_HOST_PORT &&
		!eng_route_keeps_ttl(w, p->ip, p->m->data_len - (size_t)p->off))
		ttl_lower(p->ip);
	header_set(p, out, mac);
	eng_out_tx(w, out->port, p->m);
	return true;
}

static void packet_tx(struct eng_worker *w, const struct leaving *p, const struct eng_way *way)
{
	if (way->iface == NET_NO_IFACE)
		fail_consume(w, p, DROP_NET_ROUTE, NET_ICMP_NO_ROUTE, 0);
	else if (way->hop == NULL || !hop_tx(w, p, way->hop, &w->eng->net->iface[way->iface]))
		wait_consume(w, p, way->iface, &way->to);
}

void eng_route_burst_tx(struct eng_worker *w, uint16_t in_port, struct rte_mbuf **pkts, uint16_t n)
{
	struct leaving leaving[ENG_BURST];
	const uint8_t *ip[ENG_BURST];
	struct eng_way ways[ENG_BURST];
	uint16_t count = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct net_l2 l2;

		// Whatever came in went through stage_local; what we build has the clothes of such.
		if (!net_l2_read(eng_frame_of(pkts[i]), &l2) ||
			pkts[i]->data_len < l2.off + WIRE_IP4_LEN) {
			eng_drop(w, pkts[i], DROP_NET_BROKEN);
			continue;
		}
		leaving[count] = (struct leaving){.m = pkts[i],
			.ip = rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, l2.off),
			.off = l2.off,
			.in_port = in_port,
			.in_vlan = l2.vlan};
		ip[count] = leaving[count].ip;
		count++;
	}
	if (count == 0)
		return;
	eng_ways_find(w->eng->net, ip, count, ways);
	for (uint16_t i = 0; i < count; i++)
		packet_tx(w, &leaving[i], &ways[i]);
}

void eng_route_tx(struct eng_worker *w, uint16_t in_port, struct rte_mbuf *m)
{
	eng_route_burst_tx(w, in_port, &m, 1);
}

uint32_t eng_route_ready(struct eng_worker *w, uint64_t now_us)
{
	struct rte_mbuf *pkts[READY_A_TURN];
	unsigned n =
		rte_ring_sc_dequeue_burst(w->eng->net->ready, (void **)pkts, READY_A_TURN, NULL);

	w->now_us = now_us;
	w->counters[ACT_NET_UNBELIEVED] =
		atomic_load_explicit(&w->eng->net->unbelieved, memory_order_relaxed);
	for (unsigned i = 0; i < n; i++) {
		const struct eng_meta *meta = eng_meta_of(pkts[i]);

		if (meta->way == NET_WAY_READY) {
			eng_out_tx(w, meta->in_port, pkts[i]);
		} else if (meta->way == NET_WAY_ROUTE) {
			eng_route_tx(w, meta->in_port, pkts[i]);
		} else {
			struct net_l2 l2 = {0};

			(void)net_l2_read(eng_frame_of(pkts[i]), &l2);
			fail_consume(w,
				&(struct leaving){.m = pkts[i],
					.off = l2.off,
					.in_port = meta->in_port,
					.in_vlan = l2.vlan},
				DROP_NET_HOP, NET_ICMP_NO_HOST, 0);
		}
	}
	return n;
}
