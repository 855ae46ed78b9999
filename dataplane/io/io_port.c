// SPDX-License-Identifier: BSD-3-Clause
// One port: found, opened, configured, started. Any driver: what a device lacks (queues, RSS, MTU,
// promiscuous mode) is done without or, where frames could get lost unseen, refused with a reason.
// Thread: the manager.
#include "io_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_ether.h>

#include "log.h"
#include "text.h"

LOG_COMPONENT("io");

enum {
	AF_PACKET_RING = 4 << 20, // bytes each way, about
	AF_PACKET_BLOCK =
		4, // frames a block: the driver wants blocks without a rest, of whole pages
};

// Both directions of a flow meet on one queue: a key that repeats every 16 bits (Woo, Park 2012).
static uint8_t rss_key[64];

// af_packet cuts what does not fit its ring's frames, without a word, and its default is 2 kB: give
// it frames for the MTU, unless the operator has sized the ring.
static void af_packet_sizes(struct io_port *p)
{
	uint32_t frame = io_frame_room(p->mtu);
	uint32_t frames = RTE_ALIGN_FLOOR(AF_PACKET_RING / frame, (uint32_t)AF_PACKET_BLOCK);
	size_t n = strlen(p->devargs);

	if (strstr(p->devargs, "framesz=") != NULL || strstr(p->devargs, "blocksz=") != NULL ||
		strstr(p->devargs, "framecnt=") != NULL)
		return;
	(void)snprintf(p->devargs + n, sizeof(p->devargs) - n, ",framesz=%u,blocksz=%u,framecnt=%u",
		frame, frame * AF_PACKET_BLOCK, RTE_MAX(frames, 64u));
}

int io_port_find(struct io_port *p, struct err_list *err)
{
	static const char PCI[] = "pci:";
	const char *name = p->conf->name, *dev = p->conf->dev;
	size_t n = strcspn(dev, ",");

	p->lock_fd = -1;
	p->mtu = p->conf->mtu;
	if (text_copy(p->devargs, sizeof(p->devargs), dev) >= sizeof(p->devargs) ||
		n >= IO_NAME_MAX) {
		err_add(err, "port %s: device arguments too long", name);
		return -EINVAL;
	}
	if (strncmp(dev, PCI, strlen(PCI)) == 0) {
		dev += strlen(PCI);
		n -= strlen(PCI);
	}
	// "01:00.0" stands for "0000:01:00.0".
	(void)snprintf(p->dev_name, sizeof(p->dev_name), "%s%.*s",
		io_dev_is_pci(dev) && n == strlen("01:00.0") ? "0000:" : "", (int)n, dev);
	io_netdev_name(p->conf->dev, p->ifname, sizeof(p->ifname));
	if (p->ifname[0] != '\0') {
		uint32_t mtu = io_netdev_mtu(p->ifname);

		if (mtu == 0) {
			err_add(err, "port %s: %s: no such interface", name, p->ifname);
			return -ENODEV;
		}
		if (p->mtu == 0)
			p->mtu = mtu;
	}
	if (p->mtu == 0)
		p->mtu = RTE_ETHER_MTU;
	if (io_dev_is(p->devargs, "net_af_packet"))
		af_packet_sizes(p);
	return 0;
}

static int no_device(const struct io_port *p, int why, struct err_list *err)
{
	const char *said = io_log_first();

	err_add(err, "port %s: %s: %s%s%s", p->conf->name, p->conf->dev,
		why == -EBUSY || why == -EADDRINUSE ? "already in use" : "cannot be opened",
		said[0] != '\0' ? "; " : "", said);
	return why < 0 ? why : -ENODEV;
}

int io_port_probe(struct io_port *p, struct err_list *err)
{
	int ret;

	if (p->ifname[0] != '\0') {
		p->lock_fd = io_netdev_lock(p->ifname);
		if (p->lock_fd == -EBUSY) {
			err_add(err, "port %s: %s: already in use by another port or instance",
				p->conf->name, p->ifname);
			return -EBUSY;
		}
	}
	io_log_hold(true);
	ret = io_dev_is_pci(p->devargs) ? 0 : rte_dev_probe(p->devargs);
	if (ret < 0 || rte_eth_dev_get_port_by_name(p->dev_name, &p->id) != 0) {
		ret = no_device(p, ret, err);
	} else {
		p->probed = true;
	}
	io_log_hold(false);
	return ret;
}

static void rss_set(struct rte_eth_conf *conf, const struct rte_eth_dev_info *info)
{
	uint64_t types =
		info->flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);

	if (types == 0)
		return; // the steer stage computes owners anyway
	for (size_t i = 0; i < sizeof(rss_key); i++)
		rss_key[i] = (i & 1) == 0 ? 0x6d : 0x5a;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_hf = types;
	if (info->hash_key_size > 0 && info->hash_key_size <= sizeof(rss_key)) {
		conf->rx_adv_conf.rss_conf.rss_key = rss_key;
		conf->rx_adv_conf.rss_conf.rss_key_len = info->hash_key_size;
	}
}

// Checksums of received frames are not asked for: a driver that gets them unfinished from its
// peer then finishes them itself, and so every frame we see is whole.
static int configure(
	struct io *io, struct io_port *p, const struct rte_eth_dev_info *info, struct err_list *err)
{
	struct rte_eth_conf conf = {0};
	bool kernel_mtu = io_dev_is(p->devargs, "net_af_packet");
	int ret;

	if (!kernel_mtu)
		conf.rxmode.mtu = p->mtu;
	if (p->queues > 1)
		rss_set(&conf, info);
	// One pool and no references to frames but where frames are flooded: the driver may free the short way.
	if (io->conf.mode != ENG_MODE_LEARN)
		conf.txmode.offloads = info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	ret = rte_eth_dev_configure(p->id, p->queues, p->queues, &conf);
	if (ret < 0) {
		err_add(err, "port %s: %s: %u queues, MTU %u: %s%s%s", p->conf->name, p->conf->dev,
			p->queues, p->mtu, strerror(-ret), io_log_first()[0] != '\0' ? "; " : "",
			io_log_first());
		return ret;
	}
	if (kernel_mtu && p->conf->mtu != 0)
		ret = io_netdev_mtu(p->ifname) == p->mtu ? 0 : io_netdev_mtu_set(p->ifname, p->mtu);
	else if (p->conf->mtu != 0)
		ret = rte_eth_dev_set_mtu(p->id, (uint16_t)p->mtu);
	if (ret < 0 && !(ret == -ENOTSUP && p->mtu <= RTE_ETHER_MTU)) {
		err_add(err, "port %s: %s: cannot set MTU %u: %s", p->conf->name, p->conf->dev,
			p->mtu, strerror(-ret));
		return ret;
	}
	return 0;
}

static int queues_setup(
	struct io *io, struct io_port *p, const struct rte_eth_dev_info *info, struct err_list *err)
{
	struct rte_eth_txconf txconf = info->default_txconf;
	struct rte_eth_rxconf rxconf = info->default_rxconf;
	uint16_t rxd = IO_DESC, txd = IO_DESC;
	int ret = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &rxd, &txd);

	if (ret == 0 && io->conf.mode != ENG_MODE_LEARN)
		txconf.offloads = info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	for (uint16_t q = 0; ret == 0 && q < p->queues; q++) {
		ret = rte_eth_rx_queue_setup(
			p->id, q, rxd, (unsigned)io->socket, &rxconf, io->pool);
		if (ret == 0)
			ret = rte_eth_tx_queue_setup(p->id, q, txd, (unsigned)io->socket, &txconf);
	}
	if (ret < 0)
		err_add(err, "port %s: %s: queues of %u and %u descriptors: %s%s%s", p->conf->name,
			p->conf->dev, rxd, txd, strerror(-ret),
			io_log_first()[0] != '\0' ? "; " : "", io_log_first());
	return ret;
}

int io_port_setup(struct io *io, struct io_port *p, struct err_list *err)
{
	struct rte_eth_dev_info info;
	uint16_t most;
	int ret;

	ret = rte_eth_dev_info_get(p->id, &info);
	if (ret < 0)
		return no_device(p, ret, err);
	most = RTE_MIN(info.max_rx_queues, info.max_tx_queues);
	p->queues = RTE_MAX(RTE_MIN(io->conf.nworkers, most), (uint16_t)1);
	p->driver = info.driver_name;
	io_log_hold(true);
	ret = configure(io, p, &info, err);
	if (ret == 0)
		ret = queues_setup(io, p, &info, err);
	io_log_hold(false);
	return ret;
}

int io_port_start(struct io_port *p, bool routed, struct err_list *err)
{
	int ret;

	io_log_hold(true);
	ret = rte_eth_dev_start(p->id);
	if (ret < 0) {
		ret = no_device(p, ret, err);
	} else {
		p->started = true;
		// A wire passes everything; a virtual port that has no such mode does so anyway. A router is sent
		// what it is to have, and groups.
		ret = routed ? 0 : rte_eth_promiscuous_enable(p->id);
		if (ret < 0 && ret != -ENOTSUP)
			LOG(WARNING, "port %s: promiscuous mode: %s", p->conf->name,
				strerror(-ret));
		ret = rte_eth_allmulticast_enable(p->id);
		if (ret < 0 && ret != -ENOTSUP && rte_eth_promiscuous_get(p->id) != 1)
			LOG(WARNING, "port %s: all multicast: %s", p->conf->name, strerror(-ret));
		ret = 0;
	}
	io_log_hold(false);
	return ret;
}

void io_port_close(struct io_port *p)
{
	if (p->started)
		(void)rte_eth_dev_stop(p->id);
	if (p->probed)
		(void)rte_eth_dev_close(p->id);
	for (unsigned q = 0; q < RTE_DIM(p->tx_ring); q++)
		rte_ring_free(p->tx_ring[q]);
	if (p->lock_fd >= 0)
		(void)close(p->lock_fd);
	p->started = p->probed = false;
	p->lock_fd = -1;
}

void io_port_stats(struct io *io, uint16_t port, struct io_port_stats *s)
{
	struct io_port *p = &io->port[port];
	struct rte_eth_stats st = {0};
	struct rte_eth_link link = {0};
	struct rte_ether_addr mac = {0};

	*s = (struct io_port_stats){0};
	(void)text_copy(s->name, sizeof(s->name), p->conf->name);
	(void)text_copy(s->device, sizeof(s->device), p->conf->dev);
	(void)text_copy(s->driver, sizeof(s->driver), p->driver != NULL ? p->driver : "");
	if (rte_eth_macaddr_get(p->id, &mac) == 0)
		memcpy(s->mac, mac.addr_bytes, sizeof(s->mac));
	(void)rte_eth_link_get_nowait(p->id, &link);
	s->up = p->up;
	s->speed_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
	s->mtu = p->mtu;
	(void)rte_eth_stats_get(p->id, &st);
	s->rx_packets = st.ipackets;
	s->rx_bytes = st.ibytes;
	s->rx_missed = st.imissed + st.rx_nombuf;
	s->rx_errors = st.ierrors;
	s->tx_packets = st.opackets;
	s->tx_bytes = st.obytes;
	s->tx_errors = st.oerrors;
	s->tx_full = atomic_load_explicit(&p->tx_full, memory_order_relaxed);
}
