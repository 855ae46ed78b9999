// SPDX-License-Identifier: BSD-3-Clause
// What the files of io/ share.
// Thread: struct io belongs to the manager; a struct io_worker to its core, but for what says else.
#pragma once

#include <stdatomic.h>
#include <time.h>

#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "io.h"

enum {
	IO_DEVARGS_MAX = 512,
	IO_DESC = 1024,        // descriptors a queue, where the device takes so many
	IO_TX_RING = 1024,     // frames on their way to the owner of a transmit queue
	IO_BEAT_MAX_MS = 1000, // a worker without a beat for so long has stalled
	IO_NAME_MAX = 64,
};

struct io_port {
	const struct io_port_conf *conf;
	char devargs[IO_DEVARGS_MAX]; // as given, with what we add
	char dev_name[IO_NAME_MAX];   // of the DPDK device
	char ifname[16];              // of the kernel's interface behind it, "" where none
	int lock_fd;                  // keeps a second instance off that interface; -1
	uint16_t id;                  // of ethdev
	uint16_t queues;              // both ways
	uint32_t mtu;
	bool probed, started, up;
	bool lowered;                 // we took the link down because the peer's is
	bool cannot_lower;            // the driver can't; logged once
	uint16_t tx_owner[ENG_WORKERS_MAX]; // worker that sends on a queue
	struct rte_ring *tx_ring[ENG_WORKERS_MAX]; // of a queue; NULL where no other worker uses it
	_Atomic uint64_t tx_full;     // w: workers, r: manager
	const char *driver;
};

struct io_rx { uint16_t port, id, queue; };
struct io_tx { uint16_t id, queue; struct rte_ring *ring; }; // ring: another worker sends
struct io_drain { uint16_t port, id, queue; struct rte_ring *ring; };

struct io_worker {
	struct io *io;
	struct eng_worker *eng;
	uint16_t nrx, ndrain, nports;
	struct io_rx rx[ENG_PORTS_MAX];
	struct io_tx tx[ENG_PORTS_MAX]; // by port
	struct io_drain drain[ENG_PORTS_MAX * 2];
	unsigned lcore;
	_Alignas(64) _Atomic uint64_t beat; // w: worker each turn, r: manager
	_Atomic clockid_t cpu_clock;        // of its CPU time; w: worker, before beat 1, r: manager
};

struct io {
	struct io_conf conf;
	struct eng *eng;
	struct io_port port[ENG_PORTS_MAX];
	struct io_worker *worker[ENG_WORKERS_MAX];
	struct rte_mempool *pool;
	char *argv_text[64];
	int argc;
	bool hugepages, eal_up, running;
	int start_fd; // while it starts: of the hugepages; -1
	int host_fd; // io_host.c; -1: the host is not reached through the ports
	int socket;
	_Atomic bool stop; // w: manager, r: workers
	uint64_t tsc_base, us_base, us_per_tsc_q32; // see io_now_us
};

// io_log.c: DPDK's own log goes through ours; while held, the first line is kept for an error
// instead.
void io_log_open(void);
void io_log_hold(bool hold);
const char *io_log_first(void); // "" where there was none

// io_mem.c: who starts looks how many hugepages are free, and takes them bit by bit until he is ready. So one at a
// time does, of all that see this machine's /run; it is waited for, for a minute, and without root there is no waiting.
// Descriptor that is closed by io_memory_taken; -1.
int io_memory_turn(void);
void io_memory_taken(struct io *io);

// io_netdev.c: the kernel's interface behind a device, where the driver has one.
void io_netdev_name(const char *dev, char *ifname, size_t cap);
uint32_t io_netdev_mtu(const char *ifname); // 0 = no such interface
int io_netdev_mtu_set(const char *ifname, uint32_t mtu);
bool io_netdev_is_running(const char *ifname);
// Takes the interface for this instance, within its network namespace; a descriptor or -errno.
int io_netdev_lock(const char *ifname);
bool io_dev_is_pci(const char *dev);
bool io_dev_is(const char *dev, const char *driver); // "net_tap" of "net_tap0,iface=x"

// io_eal.c
int io_eal_start(struct io *io, struct err_list *err);
// io_mem.c: sizes, from the configuration alone.
uint32_t io_pool_mbufs(const struct io *io);
uint32_t io_frame_room(uint32_t mtu); // a buffer that holds any frame of that MTU, in steps of 1 kB
uint16_t io_pool_room(const struct io *io); // data room of a buffer, headroom included
uint64_t io_memory_needed(const struct io *io, bool hugepages);
uint64_t io_hugepages_free(void); // bytes
struct rte_mempool *io_pool_new(const struct io *io);

// io_port.c
int io_port_find(struct io_port *p, struct err_list *err);
int io_port_probe(struct io_port *p, struct err_list *err);
int io_port_setup(struct io *io, struct io_port *p, struct err_list *err);
int io_port_start(struct io_port *p, bool routed, struct err_list *err);
void io_port_close(struct io_port *p);
// io_share.c: who receives and sends where.
int io_share_queues(struct io *io, struct err_list *err);
// io_link.c
void io_link_watch(struct io *io);

// io_host.c: the kernel's interface, if the engine has a use for one; what crosses, a bounded share.
int io_host_open(struct io *io, struct err_list *err);
void io_host_close(struct io *io);
void io_host_turn(struct io *io);

// io_loop.c: a worker's main function; arg: struct io_worker.
int io_loop(void *arg);

static inline uint64_t io_now_us(const struct io *io, uint64_t tsc)
{
	return io->us_base +
	       (uint64_t)((unsigned __int128)(tsc - io->tsc_base) * io->us_per_tsc_q32 >> 32);
}

// Nanoseconds of so many cycles, up to some seconds.
static inline uint64_t io_cycles_ns(const struct io *io, uint64_t cycles)
{
	return (uint64_t)((unsigned __int128)cycles * 1000 * io->us_per_tsc_q32 >> 32);
}
