// SPDX-License-Identifier: BSD-3-Clause
// Which worker receives from which queue and who sends on which. A queue has one receiver and one
// sender. Where a port has fewer queues than there are workers, the others hand their frames to a
// queue's owner by a ring; the owner is by preference a worker that receives from the peer port, so
// that plain forwarding needs no ring.
// Thread: the manager, at start.
#include "io_int.h"

#include <errno.h>
#include <stdio.h>

#include <rte_errno.h>

static uint16_t rx_owner(const struct io *io, uint16_t port, uint16_t queue)
{
	const struct io_port *p = &io->port[port];
	uint32_t before = 0;

	if (p->queues == io->conf.nworkers)
		return queue;
	// Queues of small ports are dealt out in turn, port after port.
	for (uint16_t i = 0; i < port; i++)
		if (io->port[i].queues != io->conf.nworkers)
			before += io->port[i].queues;
	return (uint16_t)((before + queue) % io->conf.nworkers);
}

static void tx_owners(struct io *io, uint16_t port)
{
	struct io_port *p = &io->port[port];
	uint16_t peer = p->conf->peer, first = 0;

	if (p->queues < io->conf.nworkers && peer != ENG_NO_PORT)
		first = rx_owner(io, peer, 0);
	for (uint16_t q = 0; q < p->queues; q++)
		p->tx_owner[q] = (uint16_t)((first + q) % io->conf.nworkers);
}

static int tx_assign(struct io *io, uint16_t w, uint16_t port, struct err_list *err)
{
	struct io_port *p = &io->port[port];
	struct io_tx *tx = &io->worker[w]->tx[port];
	char name[RTE_RING_NAMESIZE];
	struct io_worker *owner;

	tx->id = p->id;
	for (uint16_t q = 0; q < p->queues; q++) {
		if (p->tx_owner[q] == w) {
			tx->queue = q;
			return 0;
		}
	}
	tx->queue = (uint16_t)(w % p->queues);
	if (p->tx_ring[tx->queue] == NULL) {
		(void)snprintf(name, sizeof(name), "tx_%u_%u", port, tx->queue);
		p->tx_ring[tx->queue] =
			rte_ring_create(name, IO_TX_RING, io->socket, RING_F_SC_DEQ);
		if (p->tx_ring[tx->queue] == NULL) {
			err_add(err, "port %s: transmit ring: %s", p->conf->name,
				rte_strerror(rte_errno));
			return -ENOMEM;
		}
		owner = io->worker[p->tx_owner[tx->queue]];
		owner->drain[owner->ndrain++] = (struct io_drain){.port = port,
			.id = p->id,
			.queue = tx->queue,
			.ring = p->tx_ring[tx->queue]};
	}
	tx->ring = p->tx_ring[tx->queue];
	return 0;
}

int io_share_queues(struct io *io, struct err_list *err)
{
	for (uint16_t i = 0; i < io->conf.nports; i++) {
		for (uint16_t q = 0; q < io->port[i].queues; q++) {
			struct io_worker *w = io->worker[rx_owner(io, i, q)];

			w->rx[w->nrx++] =
				(struct io_rx){.port = i, .id = io->port[i].id, .queue = q};
		}
		tx_owners(io, i);
	}
	for (uint16_t w = 0; w < io->conf.nworkers; w++) {
		for (uint16_t i = 0; i < io->conf.nports; i++) {
			int ret = tx_assign(io, w, i, err);

			if (ret < 0)
				return ret;
		}
	}
	return 0;
}
