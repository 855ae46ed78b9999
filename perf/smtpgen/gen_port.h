// SPDX-License-Identifier: BSD-3-Clause
// The generator's two ports: bursts in, frames gathered and sent. What a port does not take stays and
// is tried again; only where GEN_PORT_ROOM frames wait is there no room for more. Thread: one.
#pragma once

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "gen_world.h"

enum { GEN_PORT_ROOM = 512 };

struct gen_port {
	uint16_t id;
	uint16_t n; // frames that wait, at the front; the rest of `pkts` is empty buffers
	uint32_t reorder;
	struct gen_rand rand;
	struct rte_mbuf *pkts[GEN_PORT_ROOM];
};

struct gen_ports {
	struct gen_port side[GEN_SIDES];
	struct rte_mempool *pool;
};

// Takes the first two ports of EAL and starts them. 0, or -errno with a line on standard error.
int gen_ports_open(struct gen_ports *p, const struct gen_conf *conf, unsigned queue);
void gen_ports_close(struct gen_ports *p);
bool gen_ports_are_up(const struct gen_ports *p);

struct gen_out gen_ports_out(struct gen_ports *p);
// A burst of one side into the world; returns the number of frames.
unsigned gen_ports_receive(struct gen_ports *p, unsigned side, struct gen_world *w);
void gen_ports_flush(struct gen_ports *p);
