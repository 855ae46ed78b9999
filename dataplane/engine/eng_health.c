// SPDX-License-Identifier: BSD-3-Clause
// Who asks whether we are well gets his answer in the frame that asked: no buffer, no state of a connection. What
// may leave in a second is bounded twice: for sources that have lately shown that they are there, by a number
// of ours that came back, and for all others. So a flood from forged addresses does not keep the router that
// asks each second from its answer.
// Thread: as the header says.
#include "eng_health.h"

#include <errno.h>
#include <unistd.h>

#include <rte_malloc.h>

#include "eng_drain.h"
#include "eng_net.h"
#include "hash.h"
#include "net_health.h"

enum {
	STRANGE_A_SECOND = 1000, // answers of a worker to sources that have shown nothing
	KNOWN_A_SECOND = 4000,   // ... and to those that have
	KNOWN_MAX = 64,          // power of two
	KNOWN_S = 600,
	PADDED = 60,
	CONTROL_FRESH_US = 5000000, // the control plane rings each half second
	US_A_S = 1000000,
};

struct known {
	struct addr addr;
	uint32_t until_s; // 0: nobody
};

struct own {                        // a worker's
	_Alignas(64) uint32_t at_s; // of what is left
	uint32_t strange_left, known_left;
	struct known known[KNOWN_MAX];
};

struct eng_health {
	struct net_health port; // its age is the worker's to fill in
	struct eng_health_conf conf;
	struct prefix from[ENG_HEALTH_FROM_MAX];
	_Atomic bool up; // w: manager, r: workers
	bool was_up;     // ever; the manager's
	struct own own[];
};

uint64_t eng_health_bytes(uint16_t workers)
{
	return sizeof(struct eng_health) + workers * sizeof(struct own);
}

struct eng_health *eng_health_new(
	const struct eng_health_conf *conf, uint16_t workers, int socket, struct err_list *err)
{
	struct eng_health *h;

	errno = 0;
	if (conf->port == 0)
		return NULL;
	if (conf->nfrom > ENG_HEALTH_FROM_MAX) {
		err_add(err, "health port: %u prefixes; at most %d", conf->nfrom,
			ENG_HEALTH_FROM_MAX);
		errno = EINVAL;
		return NULL;
	}
	h = rte_zmalloc_socket("health", eng_health_bytes(workers), RTE_CACHE_LINE_SIZE, socket);
	if (h == NULL || getentropy(h->port.secret, sizeof(h->port.secret)) != 0) {
		err_add(err, "health port: no memory");
		rte_free(h);
		errno = ENOMEM;
		return NULL;
	}
	h->conf = *conf;
	h->conf.from = h->from;
	h->port.port = conf->port;
	if (conf->nfrom > 0)
		memcpy(h->from, conf->from, conf->nfrom * sizeof(*conf->from));
	return h;
}

void eng_health_free(struct eng_health *h)
{
	rte_free(h);
}

// ---- the manager's

static bool is_well(const struct eng *e, uint64_t now_us)
{
	const struct eng_health_conf *conf = &e->health->conf;

	if (conf->needs_policy && eng_image_version(e) == 0)
		return false;
	if (conf->needs_control_plane &&
		(e->control_us == 0 || now_us > e->control_us + CONTROL_FRESH_US))
		return false;
	if (conf->needs_ports && e->ports_lost)
		return false;
	return e->drain.phase == ENG_DRAIN_OFF || (conf->late && e->drain.phase != ENG_DRAIN_OVER);
}

void eng_health_manage(struct eng *e, uint64_t now_us)
{
	struct eng_health *h = e->health;
	bool up;

	if (h == NULL)
		return;
	up = is_well(e, now_us);
	if (up == atomic_load_explicit(&h->up, memory_order_relaxed))
		return;
	// Before we say so: what began past us may come at once.
	if (up && h->was_up)
		eng_grace_renew(e);
	h->was_up |= up;
	atomic_store_explicit(&h->up, up, memory_order_release);
}

void eng_control_heard(struct eng *e, uint64_t now_us)
{
	e->control_us = now_us;
}

void eng_ports_set(struct eng *e, bool all_up)
{
	e->ports_lost = !all_up;
}

enum eng_health_state eng_health_state(const struct eng *e)
{
	if (e->health == NULL)
		return ENG_HEALTH_NONE;
	return atomic_load_explicit(&e->health->up, memory_order_relaxed) ? ENG_HEALTH_UP
									  : ENG_HEALTH_DOWN;
}

// ---- the worker's

static uint32_t now_s(const struct eng_worker *w)
{
	return (uint32_t)(w->now_us / US_A_S);
}

static struct known *place_of(struct eng_health *h, struct own *own, const struct addr *a)
{
	return &own->known[hash_siphash(h->port.secret, a, sizeof(*a)) & (KNOWN_MAX - 1)];
}

static bool is_known(const struct known *k, const struct addr *a, uint32_t at_s)
{
	return k->until_s > at_s && addr_eq(&k->addr, a);
}

static bool is_permitted(const struct eng_worker *w, const struct addr *src)
{
	const struct eng_health *h = w->eng->health;
	const struct eng_net *n = w->eng->net;
	bool found = h->conf.nfrom == 0;

	for (uint32_t i = 0; i < h->conf.nfrom && !found; i++)
		found = prefix_has(&h->from[i], src);
	return found && net_health_is_somebody(n->iface, n->nifaces, src);
}

static void know(struct eng_worker *w, const struct addr *src)
{
	struct eng_health *h = w->eng->health;

	*place_of(h, &h->own[w->id], src) =
		(struct known){.addr = *src, .until_s = now_s(w) + KNOWN_S};
}

// Takes one answer from what is left of this second.
static bool may_answer(struct eng_worker *w, const struct addr *src, bool proven)
{
	struct eng_health *h = w->eng->health;
	struct own *own = &h->own[w->id];
	const uint32_t at_s = now_s(w);
	uint32_t *left;

	if (own->at_s != at_s) {
		own->at_s = at_s;
		own->strange_left = STRANGE_A_SECOND;
		own->known_left = KNOWN_A_SECOND;
	}
	if (proven)
		know(w, src);
	left = is_known(place_of(h, own, src), src, at_s) ? &own->known_left : &own->strange_left;
	if (*left == 0)
		return false;
	(*left)--;
	return true;
}

static bool sum_is_proved(const struct rte_mbuf *m)
{
	const uint64_t state = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

	// NONE by DPDK's definition: the bytes are right, the field is left to a device.
	return state == RTE_MBUF_F_RX_L4_CKSUM_GOOD || state == RTE_MBUF_F_RX_L4_CKSUM_NONE;
}

static void answer_consume(struct eng_worker *w, const struct net_iface *i, struct rte_mbuf *m,
	const struct wire_view *v, enum net_health_seen seen, const struct net_health *port)
{
	// Acquire: pairs with eng_health_manage: who is told yes finds the grace begun.
	const bool up = atomic_load_explicit(&w->eng->health->up, memory_order_acquire);
	uint8_t own[NET_HEALTH_FRAME_MAX];
	size_t n = net_health_answer(
		own, port, eng_frame_of(m), v, seen, up ? NET_HEALTH_YES : NET_HEALTH_NO);
	size_t padded = n < PADDED ? PADDED : n;

	if (n == 0 || m->data_len + (size_t)rte_pktmbuf_tailroom(m) < padded) {
		eng_drop(w, m, DROP_NO_MBUF);
		return;
	}
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), own, n);
	memset(rte_pktmbuf_mtod(m, uint8_t *) + n, 0, padded - n);
	m->data_len = (uint16_t)padded;
	m->pkt_len = (uint32_t)padded;
	eng_count(w,
		seen != NET_HEALTH_OPENS ? ACT_HEALTH_TALK
			: up             ? ACT_HEALTH_UP
					 : ACT_HEALTH_DOWN);
	eng_out_tx(w, i->port, m);
}

static void quiet_consume(
	struct eng_worker *w, struct rte_mbuf *m, const struct addr *src, bool proven)
{
	if (proven)
		know(w, src);
	eng_count(w, ACT_HEALTH_TALK);
	rte_pktmbuf_free(m);
}

bool eng_health_consume(
	struct eng_worker *w, const struct net_iface *i, struct rte_mbuf *m, uint16_t off)
{
	struct net_health port;
	enum net_health_seen seen;
	struct wire_view v;
	struct addr src;

	if (w->eng->health == NULL)
		return false;
	port = w->eng->health->port;
	port.age = now_s(w) / NET_HEALTH_TICK_S;
	seen = net_health_read(&port, eng_frame_of(m), off, sum_is_proved(m), &v, &src);
	if (seen == NET_HEALTH_NOTHING)
		return false;
	if (seen == NET_HEALTH_ODD)
		eng_drop(w, m, DROP_HEALTH_ODD);
	else if (!is_permitted(w, &src))
		eng_drop(w, m, DROP_HEALTH_FROM);
	else if (seen == NET_HEALTH_OVER || seen == NET_HEALTH_QUIET)
		quiet_consume(w, m, &src, seen == NET_HEALTH_QUIET);
	else if (!may_answer(w, &src, seen == NET_HEALTH_ASKS || seen == NET_HEALTH_ENDS))
		eng_drop(w, m, DROP_HEALTH_MANY);
	else
		answer_consume(w, i, m, &v, seen, &port);
	return true;
}
