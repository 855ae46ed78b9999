// SPDX-License-Identifier: BSD-3-Clause
// What the engine takes of DPDK, without EAL: see sim_noeal.c.
#pragma once

#include <stdint.h>

#include <rte_mempool.h>

// A pool of packet buffers each of which is one malloc(), with `priv` bytes of private area.
struct rte_mempool *sim_pool_new(uint16_t priv, uint16_t room);
void sim_pool_free(struct rte_mempool *mp);
// Buffers taken and not given back; what a pool gives at most.
unsigned sim_pool_used(const struct rte_mempool *mp);
void sim_pool_limit(struct rte_mempool *mp, unsigned limit);

// Everything that is random or says the time inside the engine, for this seed.
void sim_noeal_seed(uint64_t seed);
// Pieces of DPDK's memory that are taken now.
unsigned sim_memory_pieces(void);
