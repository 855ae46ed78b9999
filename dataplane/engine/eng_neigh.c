// SPDX-License-Identifier: BSD-3-Clause
// Neighbours of routed mode: who is asked for, who answered, who is lost, and up to four packets that wait
// for each. Only who is asked for is listened to: nobody fills the table by talking (RFC 826 would have us
// add whoever asks for us; he is answered where his question came from).
// Frames leave by worker 0, which alone sends what the manager makes.
// Thread: the manager.
#include "eng_int.h"

#include <errno.h>

#include <rte_malloc.h>
#include <rte_ring_elem.h>

#include "eng_net.h"
#include "log.h"
#include "net_arp.h"
#include "net_nd.h"

LOG_COMPONENT("routing");

enum {
	WAITING_MAX = 4, // packets that wait for one neighbour
	SAID_A_TURN = 128,
	ASKED_A_TURN = 128,
	LOOKS_A_TURN = 512, // at neighbours, whether they are due
	NEW_A_SECOND = 200, // neighbours that traffic makes us ask for
	ANNOUNCEMENTS = 3,  // of our addresses, at start (RFC 5227 2.3 has 2)
	ANNOUNCE_US = 1000000,
	CONFLICT_US =
		10000000, // between two that are told and answered: DEFEND_INTERVAL (RFC 5227 1.1)
	FRAME_MAX = NET_ND_FRAME_MAX, // ARP's are shorter
};

struct neigh {
	struct net_neigh state;
	struct addr addr;
	uint16_t iface;
	bool used; // the place is a neighbour's
	bool fixed;
	uint8_t nwaiting;
	struct rte_mbuf *waiting[WAITING_MAX];
};

struct eng_neighs {
	struct rte_mempool *pool;
	struct neigh *at;      // by place
	uint32_t places, next; // next: where the look goes on
	uint32_t new_left;
	uint64_t second_us;
	uint64_t announce_us, conflict_us;
	unsigned announced, conflicts;
	bool may_forget; // no deletion waits for its grace period
};

struct eng_neighs *eng_neighs_new(struct eng_net *n, struct rte_mempool *pool, int socket)
{
	struct eng_neighs *s =
		rte_zmalloc_socket("neighbours", sizeof(*s), RTE_CACHE_LINE_SIZE, socket);

	if (s == NULL)
		return NULL;
	s->pool = pool;
	s->places = tbl_hops_places(n->hops);
	s->at = rte_zmalloc_socket(
		"neighbours", s->places * sizeof(*s->at), RTE_CACHE_LINE_SIZE, socket);
	if (s->at == NULL) {
		rte_free(s);
		return NULL;
	}
	return s;
}

void eng_neighs_free(struct eng_neighs *s)
{
	if (s == NULL)
		return;
	for (uint32_t i = 0; i < s->places; i++)
		rte_pktmbuf_free_bulk(s->at[i].waiting, s->at[i].nwaiting);
	rte_free(s->at);
	rte_free(s);
}

int32_t eng_neigh_add(struct eng_net *n, uint16_t iface, const struct addr *a, bool fixed)
{
	int32_t place = tbl_hops_add(n->hops, iface, a);
	struct neigh *b;

	if (place < 0)
		return place;
	b = &n->neighs->at[place];
	if (!b->used)
		*b = (struct neigh){.addr = *a, .iface = iface, .used = true};
	b->fixed = b->fixed || fixed;
	return place;
}

// ---- frames

static void give(struct eng_net *n, struct rte_mbuf *m, enum net_way way)
{
	eng_meta_of(m)->way = (uint8_t)way;
	if (rte_ring_sp_enqueue(n->ready, m) != 0)
		rte_pktmbuf_free(m); // worker 0 is far behind; questions are asked again
}

static void frame_give(struct eng_net *n, uint16_t iface, const uint8_t *frame, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(n->neighs->pool);

	if (m == NULL)
		return;
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), frame, len);
	m->data_len = (uint16_t)len;
	m->pkt_len = (uint32_t)len;
	eng_meta_of(m)->in_port = n->iface[iface].port;
	give(n, m, NET_WAY_READY);
}

static void ask(struct eng_net *n, const struct neigh *b, bool himself)
{
	const struct net_iface *i = &n->iface[b->iface];
	const struct addr *own = net_source(i, &b->addr);
	const uint8_t *mac = himself ? b->state.mac : NULL;
	uint8_t frame[FRAME_MAX];

	if (own == NULL)
		return;
	frame_give(n, b->iface, frame,
		addr_is_v4(&b->addr) ? net_arp_ask(frame, i, own, &b->addr, mac)
				     : net_nd_ask(frame, i, own, &b->addr, mac));
}

static void announce(struct eng_net *n, uint16_t iface, const struct addr *own)
{
	const struct net_iface *i = &n->iface[iface];
	uint8_t frame[FRAME_MAX];

	frame_give(n, iface, frame,
		addr_is_v4(own) ? net_arp_announce(frame, i, own) : net_nd_announce(frame, i, own));
}

static void announce_all(struct eng_net *n)
{
	for (uint16_t i = 0; i < n->nifaces; i++)
		for (unsigned k = 0; k < n->iface[i].naddrs; k++)
			announce(n, i, &n->iface[i].addr[k].addr);
}

// ---- what becomes of a neighbour

static void neigh_log(const struct eng_net *n, const struct neigh *b, const char *what)
{
	char text[ADDR_TEXT_MAX];

	LOG(NOTICE, "next hop %s by port %u, VLAN %u: %s",
		addr_format(&b->addr, text, sizeof(text)), n->iface[b->iface].port,
		n->iface[b->iface].vlan, what);
}

static void waiting_give(struct eng_net *n, struct neigh *b, enum net_way way)
{
	for (unsigned i = 0; i < b->nwaiting; i++)
		give(n, b->waiting[i], way);
	b->nwaiting = 0;
}

// It is in use no more. What was deleted behind the begin of a grace period would not be covered by it, so
// then it is for a later turn.
static void forget(struct eng_net *n, uint32_t place)
{
	struct neigh *b = &n->neighs->at[place];

	if (!n->neighs->may_forget || tbl_hops_del(n->hops, b->iface, &b->addr) < 0)
		return;
	waiting_give(n, b, NET_WAY_LOST);
	*b = (struct neigh){0};
}

static void act(struct eng_net *n, uint32_t place, enum net_neigh_act act)
{
	struct neigh *b = &n->neighs->at[place];

	switch (act) {
	case NET_NEIGH_FOUND:
		tbl_hops_set(n->hops, place, b->state.mac);
		waiting_give(n, b, NET_WAY_ROUTE);
		if (b->fixed)
			neigh_log(n, b, "found");
		break;
	case NET_NEIGH_LOSE:
		tbl_hops_set(n->hops, place, NULL);
		if (b->fixed)
			neigh_log(n, b, "does not answer any more");
		ask(n, b, false);
		break;
	case NET_NEIGH_ASK:
		ask(n, b, false);
		break;
	case NET_NEIGH_PROBE:
		ask(n, b, true);
		break;
	case NET_NEIGH_FORGET:
		forget(n, place);
		break;
	case NET_NEIGH_IGNORE:
		atomic_fetch_add_explicit(&n->unbelieved, 1, memory_order_relaxed);
		break;
	case NET_NEIGH_NOTHING:
		break;
	}
}

static void tick(struct eng_net *n, uint32_t place, uint64_t now_us)
{
	struct neigh *b = &n->neighs->at[place];
	struct tbl_hop *hop = tbl_hops_at(n->hops, place);
	uint8_t before = b->state.state;
	bool used;

	if (before != NET_NEIGH_NEW && now_us < b->state.due_us)
		return;
	used = b->fixed || b->nwaiting > 0 ||
		atomic_exchange_explicit(&hop->used, 0, memory_order_relaxed) != 0;
	act(n, place, net_neigh_tick(&b->state, now_us, used));
	if (b->used && b->state.state == NET_NEIGH_LOST && before == NET_NEIGH_ASKED)
		waiting_give(n, b, NET_WAY_LOST);
}

// ---- what workers brought

// For the self-check.
static void conflict_tell(const struct eng_net *n, const struct eng_said *said)
{
	struct eng_sight_ends what = {.client = said->news.addr,
		.in_port = n->iface[said->iface].port,
		.vlan = n->iface[said->iface].vlan};

	memcpy(what.mac, said->news.mac, NET_MAC_LEN);
	if (n->sight != NULL)
		eng_sight_tell(&n->sight->conflict, &what);
}

// Likewise how many next hops of routes there are, are known, and one that is not.
static void hops_tell(struct eng_net *n)
{
	const struct neigh *lost = NULL;
	uint64_t hops = 0, known = 0;

	for (uint32_t i = 0; i < n->neighs->places; i++) {
		const struct neigh *b = &n->neighs->at[i];

		if (!b->used || !b->fixed)
			continue;
		hops++;
		if (net_neigh_is_known(&b->state))
			known++;
		else
			lost = b;
	}
	n->sight->hops = hops;
	n->sight->known = known;
	if (lost != NULL)
		eng_sight_tell(&n->sight->lost,
			&(struct eng_sight_ends){.client = lost->addr,
				.in_port = n->iface[lost->iface].port,
				.vlan = n->iface[lost->iface].vlan});
}

// We keep our address, and say so once in a while (RFC 5227 2.4 (c)).
static void conflict_say(struct eng_net *n, const struct eng_said *said, uint64_t now_us)
{
	struct eng_neighs *s = n->neighs;
	const uint8_t *m = said->news.mac;
	char text[ADDR_TEXT_MAX];

	s->conflicts++;
	conflict_tell(n, said);
	if (now_us - s->conflict_us < CONFLICT_US && s->conflict_us != 0)
		return;
	LOG(ERR,
		"%s by port %u, VLAN %u: somebody else has our address: %02x:%02x:%02x:%02x:%02x:%02x "
		"says so (%u times since last told)",
		addr_format(&said->news.addr, text, sizeof(text)), n->iface[said->iface].port,
		n->iface[said->iface].vlan, m[0], m[1], m[2], m[3], m[4], m[5], s->conflicts);
	announce(n, said->iface, &said->news.addr);
	s->conflict_us = now_us;
	s->conflicts = 0;
}

static void said_hear(struct eng_net *n, uint64_t now_us)
{
	struct eng_said said;

	for (unsigned k = 0;
		k < SAID_A_TURN && rte_ring_sc_dequeue_elem(n->said, &said, sizeof(said)) == 0;
		k++) {
		int32_t place;

		if (said.conflict != 0) {
			conflict_say(n, &said, now_us);
			continue;
		}
		place = tbl_hops_find(n->hops, said.iface, &said.news.addr);
		if (place >= 0)
			act(n, (uint32_t)place,
				net_neigh_heard(&n->neighs->at[place].state, &said.news, now_us));
	}
}

// A packet that needs a neighbour who is not known: he may have become so, may be asked for, may be lost.
static void packet_wait(struct eng_net *n, struct rte_mbuf *m, uint64_t now_us)
{
	const struct eng_wait *wait = (const struct eng_wait *)(const void *)eng_meta_of(m)->key;
	int32_t place = tbl_hops_find(n->hops, wait->iface, &wait->addr);
	struct neigh *b;

	if (place < 0 && n->neighs->new_left > 0) {
		n->neighs->new_left--;
		place = eng_neigh_add(n, wait->iface, &wait->addr, false);
	}
	if (place < 0) {
		give(n, m, NET_WAY_LOST);
		return;
	}
	b = &n->neighs->at[place];
	if (b->state.state == NET_NEIGH_NEW)
		act(n, (uint32_t)place, net_neigh_tick(&b->state, now_us, true));
	if (net_neigh_is_known(&b->state)) {
		give(n, m, NET_WAY_ROUTE);
	} else if (b->state.state == NET_NEIGH_LOST) {
		atomic_store_explicit(
			&tbl_hops_at(n->hops, (uint32_t)place)->used, 1, memory_order_relaxed);
		give(n, m, NET_WAY_LOST);
	} else if (b->nwaiting == WAITING_MAX) {
		give(n, m, NET_WAY_LOST);
	} else {
		b->waiting[b->nwaiting++] = m;
	}
}

void eng_neigh_manage(struct eng *e, uint64_t now_us)
{
	struct eng_net *n = e->net;
	struct eng_neighs *s = n->neighs;
	struct rte_mbuf *m;

	s->may_forget = !e->net_waits;
	if (now_us - s->second_us >= 1000000) {
		s->second_us = now_us;
		s->new_left = NEW_A_SECOND;
		if (n->sight != NULL)
			hops_tell(n);
	}
	if (s->announced < ANNOUNCEMENTS && now_us >= s->announce_us) {
		announce_all(n);
		s->announced++;
		s->announce_us = now_us + ANNOUNCE_US;
	}
	said_hear(n, now_us);
	for (unsigned k = 0; k < ASKED_A_TURN && rte_ring_sc_dequeue(n->asked, (void **)&m) == 0;
		k++)
		packet_wait(n, m, now_us);
	for (unsigned k = 0; k < LOOKS_A_TURN && k < s->places; k++) {
		if (s->at[s->next].used)
			tick(n, s->next, now_us);
		s->next = s->next + 1 == s->places ? 0 : s->next + 1;
	}
	if (!e->net_waits && tbl_hops_waiting(n->hops) > 0) {
		eng_grace_begin(e, &e->net_grace);
		e->net_waits = true;
	} else if (e->net_waits && eng_grace_is_over(e, &e->net_grace)) {
		tbl_hops_reclaim(n->hops);
		e->net_waits = false;
	}
}
