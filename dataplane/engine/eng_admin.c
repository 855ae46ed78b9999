// SPDX-License-Identifier: BSD-3-Clause
// The host as a neighbour of the data plane, the manager's side: memory, what waits for the kernel, what the
// kernel sends. Where frames leave for somebody is known from the port he last spoke by.
// Thread: the manager.
#include "eng_admin.h"

#include <errno.h>

#include <rte_malloc.h>

#include "eng_int.h"
#include "net.h"
#include "wire_field.h"

enum { IN_MAX = 1024, OUT_MAX = 1024 };

uint64_t eng_admin_bytes(void)
{
	return sizeof(struct eng_admin) + (IN_MAX + OUT_MAX) * sizeof(void *);
}

struct eng_admin *eng_admin_new(const struct eng_conf *conf, uint64_t from, struct err_list *err)
{
	const struct eng_admin_conf *c = conf->admin;
	struct eng_admin *a =
		rte_zmalloc_socket("host", sizeof(*a), RTE_CACHE_LINE_SIZE, conf->socket);

	if (a == NULL)
		goto no_memory;
	a->routed = conf->mode == ENG_MODE_ROUTED;
	a->from = from;
	a->naddrs = c->naddrs;
	memcpy(a->addr, c->addr, sizeof(a->addr));
	a->a_second = ENG_ADMIN_A_SECOND / conf->workers + 1;
	a->mtu = conf->port[0].mtu;
	for (uint16_t p = 1; p < conf->ports; p++)
		a->mtu = RTE_MIN(a->mtu, conf->port[p].mtu);
	// Locally administered, and the same at each start, so that neighbours need not learn it anew.
	memcpy(a->mac, (const uint8_t[]){0x02, 'm', 'w'}, 3);
	memcpy(a->mac + 3, conf->port[0].mac + 3, 3);
	for (unsigned i = 0; i < ENG_ADMIN_STATIONS; i++)
		a->station[i].port = ENG_NO_PORT;
	a->in = rte_ring_create("host_in", IN_MAX, conf->socket, RING_F_SC_DEQ);
	a->out = rte_ring_create("host_out", OUT_MAX, conf->socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (a->in != NULL && a->out != NULL)
		return a;

no_memory:
	err_add(err, "management: no memory");
	eng_admin_free(a);
	errno = ENOMEM;
	return NULL;
}

static void packets_free(struct rte_ring *r)
{
	struct rte_mbuf *m;

	while (r != NULL && rte_ring_sc_dequeue(r, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(r);
}

void eng_admin_free(struct eng_admin *a)
{
	if (a == NULL)
		return;
	packets_free(a->in);
	packets_free(a->out);
	rte_free(a);
}

const struct eng_admin *eng_admin_of(const struct eng *e)
{
	return e->admin;
}

static struct eng_station *station_of(struct eng_admin *a, const uint8_t *mac)
{
	// The last bytes are what differs between the cards of one maker.
	return &a->station[(mac[3] ^ mac[4] ^ mac[5]) & (ENG_ADMIN_STATIONS - 1)];
}

struct rte_mbuf *eng_admin_take(struct eng *e)
{
	struct eng_admin *a = e->admin;
	struct rte_mbuf *m;

	if (rte_ring_sc_dequeue(a->in, (void **)&m) != 0)
		return NULL;
	if (!a->routed) {
		const uint8_t *from = rte_pktmbuf_mtod(m, const uint8_t *) + NET_MAC_LEN;
		struct eng_station *s = station_of(a, from);

		memcpy(s->mac, from, NET_MAC_LEN);
		s->port = eng_meta_of(m)->in_port;
	}
	return m;
}

// Where a frame of the host leaves; ENG_NO_PORT: by all ports that it is reached by.
static uint16_t port_to(struct eng_admin *a, const uint8_t *mac)
{
	const struct eng_station *s = station_of(a, mac);

	if (net_mac_is_group(mac) || memcmp(s->mac, mac, NET_MAC_LEN) != 0)
		return ENG_NO_PORT;
	return s->port;
}

// An IP packet gets a link header that names its family: the last stage makes it anew.
static bool dress(struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	bool four = m->data_len >= WIRE_IP4_LEN && ip[0] >> 4 == 4;
	uint8_t *head;

	if (!four && (m->data_len < WIRE_IP6_LEN || ip[0] >> 4 != 6))
		return false;
	head = (uint8_t *)rte_pktmbuf_prepend(m, WIRE_ETH_LEN);
	if (head == NULL)
		return false;
	memset(head, 0, WIRE_ETH_LEN);
	wire_put16(head + 2 * NET_MAC_LEN, four ? WIRE_TYPE_IP4 : WIRE_TYPE_IP6);
	return true;
}

bool eng_admin_give(struct eng *e, struct rte_mbuf *m)
{
	struct eng_admin *a = e->admin;
	bool good = a->routed ? dress(m) : m->data_len >= WIRE_ETH_LEN;

	if (good) {
		eng_meta_of(m)->in_port = a->routed
			? ENG_HOST_PORT
			: port_to(a, rte_pktmbuf_mtod(m, const uint8_t *));
		if (rte_ring_sp_enqueue(a->out, m) == 0)
			return true;
	}
	rte_pktmbuf_free(m);
	return false;
}
