// SPDX-License-Identifier: BSD-3-Clause
// Ports by ethdev: one queue each way, buffers from one pool. Thread: one.
#include "gen_port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	POOL = 32767,
	POOL_CACHE = 512,
	SEND_BURST = 32, // frames that wait before they are sent within a turn
};

static int port_start(struct gen_port *port, struct rte_mempool *pool, uint16_t queue)
{
	struct rte_eth_conf conf = {0};
	uint16_t rx = queue, tx = queue;
	int rc = rte_eth_dev_configure(port->id, 1, 1, &conf);

	if (rc == 0)
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx, &tx);
	if (rc == 0)
		rc = rte_eth_rx_queue_setup(port->id, 0, rx, SOCKET_ID_ANY, NULL, pool);
	if (rc == 0)
		rc = rte_eth_tx_queue_setup(port->id, 0, tx, SOCKET_ID_ANY, NULL);
	if (rc == 0)
		rc = rte_eth_dev_start(port->id);
	if (rc != 0)
		return rc;
	(void)rte_eth_promiscuous_enable(port->id);
	return rte_pktmbuf_alloc_bulk(pool, port->pkts, GEN_PORT_ROOM);
}

int gen_ports_open(struct gen_ports *p, const struct gen_conf *conf, unsigned queue)
{
	uint16_t id;
	unsigned n = 0;

	memset(p, 0, sizeof(*p));
	if (rte_eth_dev_count_avail() != GEN_SIDES) {
		fprintf(stderr, "smtpgen: two ports are needed, %u are there\n",
			rte_eth_dev_count_avail());
		return -ENODEV;
	}
	p->pool = rte_pktmbuf_pool_create(
		"frames", POOL, POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (p->pool == NULL) {
		fprintf(stderr, "smtpgen: no memory for frames\n");
		return -ENOMEM;
	}
	RTE_ETH_FOREACH_DEV(id)
	{
		struct gen_port *port = &p->side[n];

		port->id = id;
		port->reorder = conf->reorder;
		port->rand = gen_rand_of(conf->seed, UINT64_MAX, n++);
		int rc = port_start(port, p->pool, (uint16_t)queue);
		if (rc != 0) {
			fprintf(stderr, "smtpgen: port %u does not start: %s\n", id, strerror(-rc));
			return rc;
		}
	}
	return 0;
}

void gen_ports_close(struct gen_ports *p)
{
	for (unsigned i = 0; i < GEN_SIDES; i++) {
		rte_pktmbuf_free_bulk(p->side[i].pkts, GEN_PORT_ROOM);
		(void)rte_eth_dev_stop(p->side[i].id);
		(void)rte_eth_dev_close(p->side[i].id);
	}
}

bool gen_ports_are_up(const struct gen_ports *p)
{
	for (unsigned i = 0; i < GEN_SIDES; i++) {
		struct rte_eth_link link;

		if (rte_eth_link_get_nowait(p->side[i].id, &link) != 0 ||
			link.link_status != RTE_ETH_LINK_UP)
			return false;
	}
	return true;
}

static void port_flush(struct gen_ports *p, struct gen_port *port)
{
	uint16_t sent = rte_eth_tx_burst(port->id, 0, port->pkts, port->n);
	struct rte_mbuf *fresh[GEN_PORT_ROOM];

	// Without buffers in their place the ones that were sent can't be given away.
	if (sent == 0 || rte_pktmbuf_alloc_bulk(p->pool, fresh, sent) != 0) {
		if (sent > 0)
			rte_panic("smtpgen: the pool is empty\n");
		return;
	}
	port->n -= sent;
	memmove(port->pkts, port->pkts + sent, (GEN_PORT_ROOM - sent) * sizeof(port->pkts[0]));
	memcpy(port->pkts + GEN_PORT_ROOM - sent, fresh, sent * sizeof(fresh[0]));
}

void gen_ports_flush(struct gen_ports *p)
{
	for (unsigned i = 0; i < GEN_SIDES; i++)
		if (p->side[i].n > 0)
			port_flush(p, &p->side[i]);
}

static uint8_t *take(void *arg, unsigned side)
{
	struct gen_ports *p = arg;
	struct gen_port *port = &p->side[side];

	if (port->n >= SEND_BURST)
		port_flush(p, port);
	if (port->n == GEN_PORT_ROOM)
		return NULL;
	return rte_pktmbuf_mtod(port->pkts[port->n], uint8_t *);
}

static void send_frame(void *arg, unsigned side, uint32_t len)
{
	struct gen_port *port = &((struct gen_ports *)arg)->side[side];
	struct rte_mbuf *m = port->pkts[port->n];

	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	if (port->n > 0 && gen_rand_hit(&port->rand, port->reorder)) {
		port->pkts[port->n] = port->pkts[port->n - 1];
		port->pkts[port->n - 1] = m;
	}
	port->n++;
}

struct gen_out gen_ports_out(struct gen_ports *p)
{
	return (struct gen_out){.take = take, .send = send_frame, .arg = p};
}

unsigned gen_ports_receive(struct gen_ports *p, unsigned side, struct gen_world *w)
{
	struct rte_mbuf *pkts[GEN_BURST];
	struct gen_in in[GEN_BURST];
	unsigned n = rte_eth_rx_burst(p->side[side].id, 0, pkts, GEN_BURST), whole = 0;

	for (unsigned i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (unsigned i = 0; i < n; i++) {
		// A virtual port may leave the checksum to whoever sends the frame on.
		uint64_t sum = pkts[i]->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

		if (pkts[i]->nb_segs != 1)
			continue;
		in[whole++] = (struct gen_in){.frame = rte_pktmbuf_mtod(pkts[i], uint8_t *),
			.len = pkts[i]->data_len,
			.trusted = sum == RTE_MBUF_F_RX_L4_CKSUM_NONE ||
				sum == RTE_MBUF_F_RX_L4_CKSUM_GOOD};
	}
	if (n > 0) {
		gen_world_input(w, side, in, whole);
		rte_pktmbuf_free_bulk(pkts, n);
	}
	return n;
}
