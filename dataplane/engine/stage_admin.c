// SPDX-License-Identifier: BSD-3-Clause
// What is for the host itself and what it sends (dataplane.management). By ports and interfaces that it may be
// reached by, and there alone, packets go to its kernel; connections to picked-up TCP ports go by the word
// of the policy (pickup.local). So many a second, no more: what is too much is dropped here, where it costs least.
// Thread: the worker.
#include "eng_admin.h"
#include "eng_int.h"
#include "eng_net.h"
#include "wire_field.h"

enum {
	READY_A_TURN = 32,
	ARP_LEN = 28, // of Ethernet and IPv4 (RFC 826)
	ARP_TARGET = 24,
	ND_ASKS = 135, // neighbour solicitation (RFC 4861 4.3)
	ND_LEN = 24,   // of it, its options apart
};

static bool takes_more(struct eng_worker *w)
{
	if (w->now_us - w->admin_at_us >= 1000000) {
		w->admin_at_us = w->now_us;
		w->admin_left = w->eng->admin->a_second;
	}
	if (w->admin_left == 0)
		return false;
	w->admin_left--;
	return true;
}

// May this packet reach the host? ENG_REASON_COUNT: yes.
static enum eng_reason judge(struct eng_worker *w, struct rte_mbuf *m, uint16_t port, bool from)
{
	struct wire_view *v = &eng_meta_of(m)->view;

	wire_parse(eng_frame_of(m), v);
	if (v->proto == WIRE_TCP && w->pick != NULL && eng_picks_up(w, v->dport)) {
		if (!w->pick->local[port])
			return DROP_ADMIN_LOCAL;
	} else if (!from) {
		return DROP_ADMIN_PORT;
	}
	return takes_more(w) ? ENG_REASON_COUNT : DROP_ADMIN_MANY;
}

// `off`: bytes before what the kernel is to see.
static void host_consume(
	struct eng_worker *w, struct rte_mbuf *m, uint16_t port, bool from, size_t off)
{
	enum eng_reason r = judge(w, m, port, from);

	if (r != ENG_REASON_COUNT) {
		eng_drop(w, m, r);
		return;
	}
	(void)rte_pktmbuf_adj(m, (uint16_t)off); // the frame holds it
	eng_meta_of(m)->in_port = port;
	if (rte_ring_mp_enqueue(w->eng->admin->in, m) == 0)
		eng_count(w, ACT_ADMIN_IN);
	else
		eng_drop(w, m, DROP_ADMIN_MANY);
}

// ---- mode routed

static bool is_ours(const struct eng_admin *a, const struct addr *x)
{
	for (uint8_t i = 0; i < a->naddrs; i++)
		if (addr_eq(&a->addr[i], x))
			return true;
	return false;
}

bool eng_admin_packet_consume(
	struct eng_worker *w, struct rte_mbuf *m, size_t off, const struct net_iface *i)
{
	const struct eng_admin *a = w->eng->admin;
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, off);
	struct addr to;

	if (a == NULL)
		return false;
	to = ip[0] >> 4 == 4 ? addr_from_v4(ip + 16) : addr_from_v6(ip + 24);
	if (!is_ours(a, &to))
		return false;
	host_consume(w, m, i->port, (a->from >> eng_net_index(w->eng->net, i) & 1) != 0, off);
	return true;
}

// From an address of ours, to one somewhere?
static bool may_leave(const struct eng_admin *a, const uint8_t *ip)
{
	bool four = ip[0] >> 4 == 4;
	struct addr from = four ? addr_from_v4(ip + 12) : addr_from_v6(ip + 8),
		    to = four ? addr_from_v4(ip + 16) : addr_from_v6(ip + 24);

	return is_ours(a, &from) && !net_is_multicast(&to) && !addr_is_link_local(&to);
}

// ---- the other modes

// Does a frame for a group ask where one of our addresses is?
static bool asks_for_us(const struct eng_admin *a, struct span frame)
{
	struct net_l2 l2;
	const uint8_t *p;
	struct addr to;
	size_t n;

	if (!net_l2_read(frame, &l2))
		return false;
	p = frame.p + l2.off;
	n = frame.n - l2.off;
	if (l2.type == WIRE_TYPE_ARP && n >= ARP_LEN) {
		to = addr_from_v4(p + ARP_TARGET);
		return is_ours(a, &to);
	}
	if (l2.type != WIRE_TYPE_IP6 || n < WIRE_IP6_LEN + ND_LEN || p[6] != WIRE_IPPROTO_ICMPV6 ||
		p[WIRE_IP6_LEN] != ND_ASKS)
		return false;
	to = addr_from_v6(p + WIRE_IP6_LEN + 8);
	return is_ours(a, &to);
}

// The question goes on as well: the wire is a wire.
static void copy_to_host(struct eng_worker *w, struct rte_mbuf *m, uint16_t port)
{
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, w->eng->conf.pool, 0, UINT32_MAX);

	if (copy == NULL)
		eng_count(w, DROP_NO_MBUF);
	else
		host_consume(w, copy, port, true, 0);
}

uint16_t eng_admin_frames(
	struct eng_worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n, uint64_t now_us)
{
	const struct eng_admin *a = w->eng->admin;
	const bool from = (a->from >> port & 1) != 0;
	uint16_t kept = 0;

	w->now_us = now_us;
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const uint8_t *to = rte_pktmbuf_mtod(m, const uint8_t *);

		if (m->nb_segs == 1 && m->data_len >= WIRE_ETH_LEN) {
			if (memcmp(to, a->mac, NET_MAC_LEN) == 0) {
				host_consume(w, m, port, from, 0);
				continue;
			}
			if (from && net_mac_is_group(to) && asks_for_us(a, eng_frame_of(m)))
				copy_to_host(w, m, port);
		}
		pkts[kept++] = m;
	}
	return kept;
}

static void everywhere_tx(struct eng_worker *w, struct rte_mbuf *m)
{
	const struct eng_admin *a = w->eng->admin;

	for (uint16_t p = 0; p < w->eng->conf.ports; p++) {
		struct rte_mbuf *copy;

		if ((a->from >> p & 1) == 0)
			continue;
		copy = rte_pktmbuf_copy(m, w->eng->conf.pool, 0, UINT32_MAX);
		if (copy != NULL)
			eng_out_tx(w, p, copy);
		else
			eng_count(w, DROP_NO_MBUF);
	}
	rte_pktmbuf_free(m);
}

// ---- what the host sends

static void host_tx(struct eng_worker *w, struct rte_mbuf *m)
{
	const struct eng_admin *a = w->eng->admin;
	uint16_t port = eng_meta_of(m)->in_port;

	if (a->routed && !may_leave(a, rte_pktmbuf_mtod_offset(m, const uint8_t *, WIRE_ETH_LEN))) {
		eng_drop(w, m, DROP_ADMIN_SOURCE);
		return;
	}
	eng_count(w, ACT_ADMIN_OUT);
	if (a->routed)
		eng_route_tx(w, port, m);
	else if (port != ENG_NO_PORT)
		eng_out_tx(w, port, m);
	else
		everywhere_tx(w, m);
}

uint32_t eng_admin_ready(struct eng_worker *w, uint64_t now_us)
{
	struct rte_mbuf *pkts[READY_A_TURN];
	unsigned n =
		rte_ring_sc_dequeue_burst(w->eng->admin->out, (void **)pkts, READY_A_TURN, NULL);

	w->now_us = now_us;
	for (unsigned i = 0; i < n; i++)
		host_tx(w, pkts[i]);
	return n;
}
