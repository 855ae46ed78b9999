// SPDX-License-Identifier: BSD-3-Clause
// Routed mode, before all other stages: which frames of a burst go further. What asks where we are, or
// whether, is answered here, by the worker, in the frame that asked; what a neighbour says of himself goes to
// the manager; what is for nobody behind us is dropped, with its reason.
// Thread: the worker that received the frame.
#include "eng_int.h"

#include <rte_ring_elem.h>

#include "eng_health.h"
#include "eng_net.h"
#include "net_arp.h"
#include "net_nd.h"
#include "wire_csum.h"
#include "wire_field.h"

enum {
	PADDED = 60,         // bytes of the shortest frame, its checksum apart (IEEE 802.3 4.4.2)
	NEWS_A_SECOND = 400, // a worker: of neighbours' MACs; twice as many as we ask for
};

struct seen { // a frame under the eyes of this stage
	struct rte_mbuf *m;
	struct span frame;
	const struct net_iface *iface;
	size_t off; // of the IP header or the ARP message
};

// The frame becomes ours: `len` bytes of `own`, by the port it came in by.
static void answer_consume(
	struct eng_worker *w, const struct seen *s, const uint8_t *own, size_t len)
{
	struct rte_mbuf *m = s->m;
	size_t room = m->data_len + (size_t)rte_pktmbuf_tailroom(m);
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	size_t padded = len < PADDED ? PADDED : len;

	if (room < padded) {
		eng_drop(w, m, DROP_NO_MBUF);
		return;
	}
	memcpy(frame, own, len);
	memset(frame + len, 0, padded - len);
	m->data_len = (uint16_t)padded;
	m->pkt_len = (uint32_t)padded;
	eng_count(w, ACT_NET_ANSWERED);
	eng_out_tx(w, s->iface->port, m);
}

static bool may_say(struct eng_worker *w)
{
	if (w->now_us - w->news_at_us >= 1000000) {
		w->news_at_us = w->now_us;
		w->news_left = NEWS_A_SECOND;
	}
	if (w->news_left == 0)
		return false;
	w->news_left--;
	return true;
}

static bool is_known(const struct tbl_hop *hop, const uint8_t *mac)
{
	uint64_t value = TBL_HOP_KNOWN;

	for (unsigned i = 0; i < NET_MAC_LEN; i++)
		value |= (uint64_t)mac[i] << 8 * i;
	return atomic_load_explicit(&hop->mac, memory_order_relaxed) == value;
}

// To the manager, and not too often: that somebody who lies does not hide the others. Who is still where he was
// is always told: lies are not among that.
static void say(
	struct eng_worker *w, const struct seen *s, const struct net_news *news, bool conflict)
{
	struct eng_net *n = w->eng->net;
	struct eng_said said = {
		.news = *news, .iface = eng_net_index(n, s->iface), .conflict = conflict};
	int32_t place = conflict ? -1 : tbl_hops_find(n->hops, said.iface, &news->addr);
	bool still = place >= 0 && is_known(tbl_hops_at(n->hops, (uint32_t)place), news->mac);

	if (conflict)
		eng_count(w, ACT_NET_CONFLICT);
	else if (place < 0 || (still && !news->solicited))
		return; // nobody asked for it, or nothing new
	if ((still || may_say(w)) && rte_ring_mp_enqueue_elem(n->said, &said, sizeof(said)) == 0)
		return;
	if (!conflict)
		eng_count(w, ACT_NET_UNHEARD); // it is said again, or asked for
}

static void arp_consume(struct eng_worker *w, const struct seen *s)
{
	uint8_t own[NET_ARP_FRAME_MAX];
	struct net_news news;
	struct addr asked;

	switch (net_arp_read(s->frame, s->off, s->iface, &news, &asked)) {
	case NET_ARP_ASKS:
		say(w, s, &news, false); // who asks us says where he is
		answer_consume(w, s, own, net_arp_answer(own, s->iface, &asked, &news));
		return;
	case NET_ARP_TELLS:
		say(w, s, &news, false);
		rte_pktmbuf_free(s->m);
		return;
	case NET_ARP_CONFLICT:
		say(w, s, &news, true);
		rte_pktmbuf_free(s->m);
		return;
	case NET_ARP_NOTHING:
		break;
	}
	eng_drop(w, s->m, DROP_NET_PROTO);
}

// Neighbour discovery; false: it is none.
static bool nd_consume(struct eng_worker *w, const struct seen *s)
{
	const uint8_t *ip = s->frame.p + s->off;
	uint8_t own[NET_ND_FRAME_MAX];
	struct net_news news;
	struct addr asked;

	if (s->frame.n < s->off + WIRE_IP6_LEN + 1 || ip[0] >> 4 != 6 ||
		ip[6] != WIRE_IPPROTO_ICMPV6 || !net_nd_is(ip[WIRE_IP6_LEN]))
		return false;
	switch (net_nd_read(s->frame, s->off, s->iface, &news, &asked)) {
	case NET_ND_ASKS:
		say(w, s, &news, false);
		answer_consume(w, s, own, net_nd_answer(own, s->iface, &asked, &news));
		return true;
	case NET_ND_TELLS:
	case NET_ND_CONFLICT:
		say(w, s, &news, net_owns(s->iface, &news.addr));
		rte_pktmbuf_free(s->m);
		return true;
	case NET_ND_NOTHING:
		break;
	}
	eng_drop(w, s->m, DROP_NET_PROTO);
	return true;
}

// A packet to an address of ours.
static void own_consume(struct eng_worker *w, const struct seen *s)
{
	if (nd_consume(w, s) || eng_admin_packet_consume(w, s->m, s->off, s->iface))
		return;
	if (eng_health_consume(w, s->iface, s->m, (uint16_t)s->off))
		return;
	if (net_icmp_echo(rte_pktmbuf_mtod(s->m, uint8_t *), s->frame.n, s->off)) {
		eng_count(w, ACT_NET_ECHO);
		eng_out_tx(w, s->iface->port, s->m);
		return;
	}
	eng_drop(w, s->m, DROP_NET_OWN);
}

static bool is_own4(const struct eng_net *n, const uint8_t *dst)
{
	uint32_t a;

	memcpy(&a, dst, sizeof(a));
	for (uint16_t i = 0; i < n->nown4; i++)
		if (n->own4[i] == a)
			return true;
	return false;
}

static bool is_own6(const struct eng_net *n, const uint8_t *dst)
{
	for (uint16_t i = 0; i < n->nown6; i++)
		if (memcmp(n->own6[i].b, dst, sizeof(n->own6[i].b)) == 0)
			return true;
	return false;
}

// What no router forwards: this network, loopback, link-local, groups (RFC 1812 5.3.7, 4.2.2.11).
static bool is_local4(const uint8_t *a)
{
	return a[0] == 0 || a[0] == 127 || a[0] >= 224 || (a[0] == 169 && a[1] == 254);
}

// Likewise unspecified and loopback, link-local, groups (RFC 4291 2.5.2, 2.5.3, 2.5.6, 2.7).
static bool is_local6(const uint8_t *a)
{
	static const uint8_t none[15];

	return a[0] == 0xff || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) ||
		(memcmp(a, none, sizeof(none)) == 0 && a[15] <= 1);
}

static bool may_pass(struct eng_worker *w, const struct seen *s, uint8_t ttl)
{
	if (ttl > 1 || eng_route_keeps_ttl(w, s->frame.p + s->off, s->frame.n - s->off))
		return true;
	eng_route_error(w, s->iface, s->m, s->off, NET_ICMP_TIME, 0);
	eng_drop(w, s->m, DROP_NET_TTL);
	return false;
}

// An IPv4 packet for our MAC: true where it goes further; else it is consumed.
static bool pass4(struct eng_worker *w, const struct seen *s)
{
	const uint8_t *ip = s->frame.p + s->off;
	size_t n = s->frame.n - s->off, head = n < WIRE_IP4_LEN ? 0 : (ip[0] & 15) * 4u;

	if (head < WIRE_IP4_LEN || ip[0] >> 4 != 4 || n < head || wire_get16(ip + 2) > n ||
		wire_sum_fold(wire_sum(0, ip, head)) != 0xffff) {
		eng_drop(w, s->m, DROP_NET_BROKEN);
		return false;
	}
	if (is_own4(w->eng->net, ip + 16)) {
		own_consume(w, s);
		return false;
	}
	if (is_local4(ip + 12) || is_local4(ip + 16)) {
		eng_drop(w, s->m, DROP_NET_ADDRESS);
		return false;
	}
	return may_pass(w, s, ip[8]);
}

static bool pass6(struct eng_worker *w, const struct seen *s)
{
	const uint8_t *ip = s->frame.p + s->off;
	size_t n = s->frame.n - s->off;

	if (n < WIRE_IP6_LEN || ip[0] >> 4 != 6 || WIRE_IP6_LEN + (size_t)wire_get16(ip + 4) > n) {
		eng_drop(w, s->m, DROP_NET_BROKEN);
		return false;
	}
	if (is_own6(w->eng->net, ip + 24)) {
		own_consume(w, s);
		return false;
	}
	if (is_local6(ip + 8) || is_local6(ip + 24)) {
		eng_drop(w, s->m, DROP_NET_ADDRESS);
		return false;
	}
	return may_pass(w, s, ip[7]);
}

static void group_consume(struct eng_worker *w, const struct seen *s, uint16_t type)
{
	if (type != WIRE_TYPE_IP6 || !nd_consume(w, s))
		eng_drop(w, s->m, DROP_NET_MAC);
}

static bool pass(struct eng_worker *w, uint16_t port, struct rte_mbuf *m)
{
	struct seen s = {.m = m};
	struct net_l2 l2;

	// One buffer for each frame: what reads and edits headers here relies on it.
	if (m->nb_segs > 1 && rte_pktmbuf_linearize(m) != 0) {
		eng_drop(w, m, DROP_CHAINED);
		return false;
	}
	s.frame = eng_frame_of(m);
	s.iface = net_l2_read(s.frame, &l2) ? eng_net_iface(w->eng->net, port, l2.vlan) : NULL;
	if (s.iface == NULL) {
		eng_drop(w, m, DROP_NET_IFACE);
		return false;
	}
	s.off = l2.off;
	if (memcmp(s.frame.p + NET_MAC_LEN, s.iface->mac, NET_MAC_LEN) == 0) {
		eng_drop(w, m, DROP_NET_SELF);
		return false;
	}
	if (l2.type == WIRE_TYPE_ARP) {
		arp_consume(w, &s);
		return false;
	}
	if (memcmp(s.frame.p, s.iface->mac, NET_MAC_LEN) != 0) {
		group_consume(w, &s, l2.type);
		return false;
	}
	if (l2.type == WIRE_TYPE_IP4)
		return pass4(w, &s);
	if (l2.type == WIRE_TYPE_IP6)
		return pass6(w, &s);
	eng_drop(w, m, DROP_NET_PROTO);
	return false;
}

uint16_t eng_local(
	struct eng_worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n, uint64_t now_us)
{
	uint16_t kept = 0;

	w->now_us = now_us;
	for (uint16_t i = 0; i < n; i++)
		if (pass(w, port, pkts[i]))
			pkts[kept++] = pkts[i];
	return kept;
}
