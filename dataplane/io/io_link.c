// SPDX-License-Identifier: BSD-3-Clause
// Link state of ports: what the kernel or the device says, told once a change, and carried over to
// the pair's other port, so that routers on both sides see a cut wire as cut. Where a driver cannot
// take its link down, that is said once. A link that we took down ourselves tells us nothing until
// we have put it up again.
// Thread: the manager.
#include "io_int.h"

#include <errno.h>

#include "log.h"

LOG_COMPONENT("io");

static bool is_up(const struct io_port *p)
{
	struct rte_eth_link link = {0};

	if (p->ifname[0] != '\0')
		return io_netdev_is_running(p->ifname);
	return rte_eth_link_get_nowait(p->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

static void peer_follow(struct io_port *peer, bool up)
{
	int ret;

	if (peer->cannot_lower || peer->lowered == !up)
		return;
	// These drivers report success but change nothing that anybody else sees.
	if (peer->ifname[0] != '\0')
		ret = -ENOTSUP;
	else
		ret = up ? rte_eth_dev_set_link_up(peer->id) : rte_eth_dev_set_link_down(peer->id);
	if (ret == 0) {
		peer->lowered = !up;
		LOG(NOTICE, "port %s: link taken %s: follows its pair", peer->conf->name,
			up ? "up" : "down");
		return;
	}
	peer->cannot_lower = true;
	LOG(NOTICE, "port %s: link cannot be taken down: its pair's state is not carried over",
		peer->conf->name);
}

void io_link_watch(struct io *io)
{
	bool all_up = true;

	for (uint16_t i = 0; i < io->conf.nports; i++) {
		struct io_port *p = &io->port[i];
		bool up;

		if (p->lowered)
			continue;
		up = is_up(p);
		if (up == p->up)
			continue;
		p->up = up;
		LOG(NOTICE, "port %s: link %s", p->conf->name, up ? "up" : "down");
		if (p->conf->peer != ENG_NO_PORT)
			peer_follow(&io->port[p->conf->peer], up);
	}
	for (uint16_t i = 0; i < io->conf.nports; i++)
		all_up = all_up && io->port[i].up;
	eng_ports_set(io->eng, all_up);
}
