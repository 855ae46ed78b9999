// SPDX-License-Identifier: BSD-3-Clause
// Start and stop of everything in io/, in order: EAL, devices, pool, queues, who serves what.
// Thread: the main thread.
#include "io_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

// Microseconds from the TSC that agree with CLOCK_MONOTONIC at the start.
static void clock_start(struct io *io)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	io->tsc_base = rte_rdtsc();
	io->us_base = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
	io->us_per_tsc_q32 = (UINT64_C(1000000) << 32) / rte_get_tsc_hz();
}

static int workers_new(struct io *io, struct err_list *err)
{
	for (uint16_t i = 0; i < io->conf.nworkers; i++) {
		struct io_worker *w = rte_zmalloc_socket(
			"io worker", sizeof(*w), RTE_CACHE_LINE_SIZE, io->socket);

		if (w == NULL) {
			err_add(err, "worker %u: no memory", i);
			return -ENOMEM;
		}
		w->io = io;
		w->lcore = i + 1u;
		w->nports = io->conf.nports;
		io->worker[i] = w;
	}
	return 0;
}

static int devices_new(struct io *io, struct err_list *err)
{
	int ret;

	for (uint16_t i = 0; i < io->conf.nports; i++)
		(void)io_port_probe(&io->port[i], err);
	if (err_any(err)) // each port's fault is told before we end
		return -ENODEV;
	io->pool = io_pool_new(io);
	if (io->pool == NULL) {
		err_add(err, "packet pool of %u buffers, %u bytes each: %s", io_pool_mbufs(io),
			io_pool_room(io), rte_strerror(rte_errno));
		return -ENOMEM;
	}
	for (uint16_t i = 0; i < io->conf.nports; i++) {
		ret = io_port_setup(io, &io->port[i], err);
		if (ret < 0)
			return ret;
	}
	ret = workers_new(io, err);
	return ret < 0 ? ret : io_share_queues(io, err);
}

struct io *io_new(const struct io_conf *conf, struct err_list *err)
{
	struct io *io = calloc(1, sizeof(*io));

	if (io == NULL) {
		errno = ENOMEM;
		err_add(err, "no memory");
		return NULL;
	}
	io->conf = *conf;
	io->host_fd = io->start_fd = -1;
	for (uint16_t i = 0; i < conf->nports; i++) {
		io->port[i].conf = &conf->ports[i];
		(void)io_port_find(&io->port[i], err);
	}
	if (err_any(err) || io_eal_start(io, err) < 0)
		goto free_io;
	io->socket = (int)rte_lcore_to_socket_id(1);
	clock_start(io);
	if (devices_new(io, err) < 0)
		goto free_io;
	return io;

free_io:
	io_free(io);
	errno = EIO;
	return NULL;
}

void io_describe(const struct io *io, struct eng_conf *conf)
{
	conf->mode = io->conf.mode;
	conf->workers = io->conf.nworkers;
	conf->ports = io->conf.nports;
	conf->pool = io->pool;
	conf->socket = io->socket;
	for (uint16_t i = 0; i < io->conf.nports; i++) {
		const struct io_port *p = &io->port[i];
		struct rte_ether_addr mac = {0};

		(void)rte_eth_macaddr_get(p->id, &mac); // fails for no port that is there
		conf->port[i] = (struct eng_port){
			.peer = p->conf->peer, .side = p->conf->side, .mtu = p->mtu};
		memcpy(conf->port[i].mac, mac.addr_bytes, sizeof(conf->port[i].mac));
	}
}

int io_start(struct io *io, struct eng *eng, struct err_list *err)
{
	io->eng = eng;
	for (uint16_t i = 0; i < io->conf.nworkers; i++)
		io->worker[i]->eng = eng_worker_at(eng, i);
	for (uint16_t i = 0; i < io->conf.nports; i++) {
		int ret = io_port_start(&io->port[i], io->conf.mode == ENG_MODE_ROUTED, err);

		if (ret < 0)
			return ret;
	}
	return io_host_open(io, err);
}

void io_run(struct io *io)
{
	io_memory_taken(io);
	for (uint16_t i = 0; i < io->conf.nworkers; i++)
		(void)rte_eal_remote_launch(io_loop, io->worker[i], io->worker[i]->lcore);
	io->running = true;
}

void io_stop(struct io *io)
{
	if (!io->running)
		return;
	atomic_store_explicit(&io->stop, true, memory_order_relaxed);
	for (uint16_t i = 0; i < io->conf.nworkers; i++)
		(void)rte_eal_wait_lcore(io->worker[i]->lcore);
	io->running = false;
	for (uint16_t i = 0; i < io->conf.nports; i++) {
		(void)rte_eth_dev_stop(io->port[i].id);
		io->port[i].started = false;
	}
}

void io_free(struct io *io)
{
	if (io == NULL)
		return;
	io_memory_taken(io);
	io_host_close(io);
	for (uint16_t i = 0; i < io->conf.nports; i++)
		io_port_close(&io->port[i]);
	for (uint16_t i = 0; i < io->conf.nworkers; i++)
		rte_free(io->worker[i]);
	if (io->pool != NULL)
		rte_mempool_free(io->pool);
	if (io->eal_up)
		(void)rte_eal_cleanup();
	for (int i = 0; i < io->argc; i++)
		free(io->argv_text[i]);
	free(io);
}

bool io_uses_hugepages(const struct io *io)
{
	return io->hugepages;
}

uint64_t io_clock_us(const struct io *io)
{
	return io_now_us(io, rte_rdtsc());
}

uint64_t io_memory_bytes(const struct io *io)
{
	struct rte_malloc_socket_stats st;

	if (rte_malloc_get_socket_stats(io->socket, &st) < 0)
		return 0;
	return st.heap_allocsz_bytes;
}
