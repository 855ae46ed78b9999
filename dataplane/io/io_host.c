// SPDX-License-Identifier: BSD-3-Clause
// The kernel's interface of dataplane.management: a tun device in mode routed, where IP packets cross, else a tap,
// where frames do. One that is there already is used as it is made; else it is made, and goes with the process.
// What crosses is a bounded share of each turn.
// Thread: the manager.
#include "io_int.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_ether.h>

#include "eng_admin.h"
#include "log.h"
#include "text.h"

LOG_COMPONENT("io");

enum { TO_HOST_A_TURN = 256, FROM_HOST_A_TURN = 128, V4_BITS = 96 };

// ---- set up

static int fault(const struct io *io, const char *what, struct err_list *err)
{
	int why = errno;

	err_add(err, "management: %s: %s: %s", io->conf.host_dev, what, strerror(why));
	return -why;
}

static int device_open(struct io *io, bool routed, struct err_list *err)
{
	struct ifreq r = {.ifr_flags = (short)(IFF_NO_PI | (routed ? IFF_TUN : IFF_TAP))};

	io->host_fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (io->host_fd < 0)
		return fault(io, "/dev/net/tun", err);
	(void)text_copy(r.ifr_name, sizeof(r.ifr_name), io->conf.host_dev);
	if (ioctl(io->host_fd, TUNSETIFF, &r) < 0)
		return fault(io, routed ? "cannot be a tun device" : "cannot be a tap device", err);
	return 0;
}

// One request about the device by a socket of the kernel.
static int device_ask(const struct io *io, unsigned long request, struct ifreq *r)
{
	int ret, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	(void)text_copy(r->ifr_name, sizeof(r->ifr_name), io->conf.host_dev);
	ret = ioctl(fd, request, r) < 0 ? -errno : 0;
	(void)close(fd);
	errno = -ret;
	return ret;
}

static int device_up(const struct io *io, const struct eng_admin *a, struct err_list *err)
{
	struct ifreq r = {.ifr_hwaddr.sa_family = ARPHRD_ETHER};

	memcpy(r.ifr_hwaddr.sa_data, a->mac, sizeof(a->mac));
	if (!a->routed && device_ask(io, SIOCSIFHWADDR, &r) < 0)
		return fault(io, "MAC", err);
	r = (struct ifreq){.ifr_mtu = (int)a->mtu};
	if (device_ask(io, SIOCSIFMTU, &r) < 0)
		return fault(io, "MTU", err);
	r = (struct ifreq){0};
	if (device_ask(io, SIOCGIFFLAGS, &r) == 0)
		r.ifr_flags |= IFF_UP;
	return device_ask(io, SIOCSIFFLAGS, &r) < 0 ? fault(io, "up", err) : 0;
}

// A switch of IPv6 of the device; a kernel without IPv6 has none.
static void device_switch(const struct io *io, const char *key, const char *value)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", io->conf.host_dev, key);
	f = fopen(path, "we");
	if (f == NULL)
		return;
	(void)fputs(value, f);
	(void)fclose(f); // what it did not take shows when the address is set
}

struct address_request { // RTM_NEWADDR with one attribute
	struct nlmsghdr head;
	struct ifaddrmsg msg;
	struct rtattr attr;
	uint8_t addr[16];
};

static int address_send(const struct address_request *q)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr err;
		char rest[512];
	} answer;
	int ret = -EIO, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (send(fd, q, q->head.nlmsg_len, 0) < 0)
		ret = -errno;
	else if (recv(fd, &answer, sizeof(answer), 0) >= (ssize_t)NLMSG_LENGTH(sizeof(int)) &&
		answer.head.nlmsg_type == NLMSG_ERROR)
		ret = answer.err.error;
	(void)close(fd);
	return ret;
}

static int address_add(const struct io *io, const struct prefix *p, struct err_list *err)
{
	const bool four = addr_is_v4(&p->addr);
	const unsigned n = four ? 4 : 16;
	struct address_request q = {
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(q.msg)) + RTA_LENGTH(n),
			.nlmsg_type = RTM_NEWADDR,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE},
		.msg = {.ifa_family = four ? AF_INET : AF_INET6,
			.ifa_prefixlen = (uint8_t)(four ? p->len - V4_BITS : p->len),
			.ifa_flags = four ? 0 : IFA_F_NODAD,
			.ifa_index = if_nametoindex(io->conf.host_dev)},
		.attr = {.rta_len = (unsigned short)RTA_LENGTH(n), .rta_type = IFA_LOCAL}};
	char text[ADDR_TEXT_MAX];
	int ret;

	memcpy(q.addr, p->addr.b + (16 - n), n);
	if (!four)
		device_switch(io, "disable_ipv6", "0");
	ret = address_send(&q);
	if (ret < 0)
		err_add(err, "management: %s: address %s: %s", io->conf.host_dev,
			addr_format(&p->addr, text, sizeof(text)), strerror(-ret));
	return ret;
}

int io_host_open(struct io *io, struct err_list *err)
{
	const struct eng_admin *a = eng_admin_of(io->eng);
	int ret;

	if (a == NULL)
		return 0;
	ret = device_open(io, a->routed, err);
	if (ret < 0)
		return ret;
	// Nothing that the kernel says of itself: it has the addresses that it was given.
	device_switch(io, "addr_gen_mode", "1");
	device_switch(io, "accept_ra", "0");
	ret = device_up(io, a, err);
	for (uint8_t i = 0; ret == 0 && i < io->conf.nhost_addrs; i++)
		ret = address_add(io, &io->conf.host_addrs[i], err);
	if (ret == 0)
		LOG(NOTICE, "management: %s: the host is reached by %u addresses",
			io->conf.host_dev, a->naddrs);
	return ret;
}

void io_host_close(struct io *io)
{
	if (io->host_fd >= 0)
		(void)close(io->host_fd);
	io->host_fd = -1;
}

// ---- what crosses

static void to_host(struct io *io)
{
	struct rte_mbuf *m;

	for (unsigned k = 0; k < TO_HOST_A_TURN && (m = eng_admin_take(io->eng)) != NULL; k++) {
		// What the kernel does not take is lost, as in any queue; its counters say so.
		(void)!write(io->host_fd, rte_pktmbuf_mtod(m, const void *), m->data_len);
		rte_pktmbuf_free(m);
	}
}

// One packet of the kernel's. false: there is none, or no room.
static bool from_host(struct io *io)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(io->pool);
	ssize_t n;

	if (m == NULL)
		return false;
	n = read(io->host_fd, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m));
	if (n <= 0) {
		rte_pktmbuf_free(m);
		return false;
	}
	m->data_len = (uint16_t)n;
	m->pkt_len = (uint32_t)n;
	return eng_admin_give(io->eng, m);
}

void io_host_turn(struct io *io)
{
	if (io->host_fd < 0)
		return;
	to_host(io);
	for (unsigned k = 0; k < FROM_HOST_A_TURN && from_host(io); k++)
		;
}
