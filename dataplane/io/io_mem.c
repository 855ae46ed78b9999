// SPDX-License-Identifier: BSD-3-Clause
// How much memory: the packet pool from queues and waiting lists, the rest from the engine's sizes.
// One pool for all, so that a frame can leave by any port without a copy; no chained buffers, so a
// buffer holds the largest frame of any port.
// Thread: the manager, at start.
#include "eng_meta.h"
#include "io_int.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>

#include "log.h"

LOG_COMPONENT("io");

#define TURN_FILE "/run/mailweir-memory.lock"

enum {
	TURN_WAIT_MS = 60000,
	TURN_LOOK_MS = 20,
	POOL_CACHE = RTE_MEMPOOL_CACHE_MAX_SIZE, // 512: two bursts in, two out, rarely the ring
	POOL_SPARE = 8192,                       // frames of our own, floods, bursts under way
	WAITING = 3 * 4096, // a worker's inbox, its segments to read, its lists for ports
	ROOM_MIN = 2048,    // what drivers take for granted
	L2_MAX = RTE_ETHER_HDR_LEN + 4 * 3 + 4 * 4 + 8, // tags, labels, PPPoE: they add to the MTU
	RING_HEAD = 80, // what af_packet puts before a frame in its ring
	ROOM_STEP = 1024,
	MBUF_OVERHEAD = 64 + 192, // the object's head, padding that spreads objects over channels
	MEMORY_BASE_MB = 64,      // rings, tables, EAL itself
};

uint32_t io_frame_room(uint32_t mtu)
{
	uint32_t room = RTE_MAX(mtu + L2_MAX + RING_HEAD, (uint32_t)ROOM_MIN);

	return RTE_ALIGN_CEIL(room, (uint32_t)ROOM_STEP);
}

uint16_t io_pool_room(const struct io *io)
{
	uint32_t room = 0;

	for (uint16_t i = 0; i < io->conf.nports; i++)
		room = RTE_MAX(room, io_frame_room(io->port[i].mtu));
	return (uint16_t)RTE_MIN(room + RTE_PKTMBUF_HEADROOM, (uint32_t)UINT16_MAX);
}

uint32_t io_pool_mbufs(const struct io *io)
{
	uint32_t queues = (uint32_t)io->conf.nports * io->conf.nworkers;

	// Receive and transmit descriptors, the ring before a shared transmit queue.
	return queues * (2 * IO_DESC + IO_TX_RING) +
		io->conf.nworkers * (WAITING + 2 * POOL_CACHE) + POOL_SPARE;
}

// Ordinary pages need not lie one behind the other for the device, so a buffer that is smaller than
// a page lies within one, and a larger one begins with one.
static uint64_t mbuf_bytes(const struct io *io, bool hugepages)
{
	uint64_t bytes = sizeof(struct rte_mbuf) + ENG_META_ROOM + io_pool_room(io) + MBUF_OVERHEAD;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (hugepages)
		return bytes;
	return bytes <= page ? page / (page / bytes) : (bytes + page - 1) / page * page;
}

uint64_t io_memory_needed(const struct io *io, bool hugepages)
{
	return io_pool_mbufs(io) * mbuf_bytes(io, hugepages) + io->conf.engine_bytes +
		((uint64_t)MEMORY_BASE_MB << 20);
}

int io_memory_turn(void)
{
	const struct timespec look = {.tv_nsec = TURN_LOOK_MS * 1000000L};
	int fd = open(TURN_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -1; // not root, or no /run: then nobody is waited for
	for (unsigned waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited_ms += TURN_LOOK_MS) {
		if (waited_ms == 0)
			LOG(NOTICE,
				"memory: another data plane starts: it takes its hugepages first");
		if (waited_ms >= TURN_WAIT_MS) {
			LOG(WARNING,
				"memory: the other data plane is not ready after %d s: going on",
				TURN_WAIT_MS / 1000);
			break;
		}
		(void)nanosleep(&look, NULL); // woken early is as good
	}
	return fd;
}

void io_memory_taken(struct io *io)
{
	if (io->start_fd >= 0)
		(void)close(io->start_fd); // nothing is in it
	io->start_fd = -1;
}

uint64_t io_hugepages_free(void)
{
	DIR *d = opendir("/sys/kernel/mm/hugepages");
	struct dirent *de;
	uint64_t bytes = 0;

	if (d == NULL)
		return 0;
	while ((de = readdir(d)) != NULL) {
		char path[320];
		unsigned long long kb, pages;
		FILE *f;

		if (sscanf(de->d_name, "hugepages-%llukB", &kb) != 1)
			continue;
		(void)snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/%s/free_hugepages",
			de->d_name);
		f = fopen(path, "re");
		if (f == NULL)
			continue;
		if (fscanf(f, "%llu", &pages) == 1)
			bytes += (uint64_t)pages * kb << 10;
		(void)fclose(f);
	}
	(void)closedir(d);
	return bytes;
}

// Of ordinary pages a buffer smaller than a page has one to itself. net_af_xdp takes buffers to lie one behind the other
// without gaps, and tells the kernel of so much memory only: what lay behind it was given to the kernel to receive
// into, refused and lost, until the port received nothing any more. So such a buffer fills its page.
static struct rte_mempool *pool_of_pages(const struct io *io, uint32_t page)
{
	const uint32_t fixed = sizeof(struct rte_mbuf) + ENG_META_ROOM;
	struct rte_mempool_objsz parts;
	struct rte_mempool *mp;

	(void)rte_mempool_calc_obj_size(fixed, RTE_MEMPOOL_F_NO_SPREAD, &parts);
	const uint32_t around = parts.header_size + parts.trailer_size;
	struct rte_pktmbuf_pool_private priv = {
		.mbuf_data_room_size = (uint16_t)(page - around - fixed),
		.mbuf_priv_size = ENG_META_ROOM,
	};
	mp = rte_mempool_create_empty("packets", io_pool_mbufs(io), page - around, POOL_CACHE,
		sizeof(priv), io->socket, RTE_MEMPOOL_F_NO_SPREAD);
	if (mp == NULL)
		return NULL;
	if (rte_mempool_set_ops_byname(mp, rte_mbuf_best_mempool_ops(), NULL) != 0) {
		rte_mempool_free(mp);
		return NULL;
	}
	rte_pktmbuf_pool_init(mp, &priv);
	if (rte_mempool_populate_default(mp) < 0) {
		rte_mempool_free(mp);
		return NULL;
	}
	(void)rte_mempool_obj_iter(mp, rte_pktmbuf_init, NULL);
	return mp;
}

struct rte_mempool *io_pool_new(const struct io *io)
{
	const uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);

	if (!io->hugepages && mbuf_bytes(io, false) == page && page <= UINT16_MAX)
		return pool_of_pages(io, page);
	return rte_pktmbuf_pool_create("packets", io_pool_mbufs(io), POOL_CACHE, ENG_META_ROOM,
		io_pool_room(io), io->socket);
}
