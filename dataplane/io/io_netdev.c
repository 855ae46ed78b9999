// SPDX-License-Identifier: BSD-3-Clause
// The kernel's interface behind a device of af_packet or af_xdp: its name, MTU, carrier, and a
// lock that keeps two instances from forwarding the same frames. An abstract UNIX socket serves as
// the lock because such names are a network namespace's own, as interfaces are, and go with the
// process.
// Thread: the manager.
#include "io_int.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "text.h"

bool io_dev_is(const char *dev, const char *driver)
{
	size_t n = strlen(driver);

	return strncmp(dev, driver, n) == 0 &&
		(isdigit((unsigned char)dev[n]) || dev[n] == ',' || dev[n] == '\0');
}

// "0000:01:00.0", "01:00.0", "pci:..." with anything behind.
bool io_dev_is_pci(const char *dev)
{
	unsigned a, b, c, d;

	return strncmp(dev, "pci:", 4) == 0 ||
		sscanf(dev, "%4x:%2x:%2x.%1x", &a, &b, &c, &d) == 4 ||
		sscanf(dev, "%2x:%2x.%1x", &a, &b, &c) == 3;
}

void io_netdev_name(const char *dev, char *ifname, size_t cap)
{
	const char *p = NULL;
	size_t n;

	ifname[0] = '\0';
	if (!io_dev_is(dev, "net_af_packet") && !io_dev_is(dev, "net_af_xdp"))
		return;
	p = strstr(dev, ",iface=");
	if (p == NULL)
		return;
	p += strlen(",iface=");
	n = strcspn(p, ",");
	if (n < cap) {
		memcpy(ifname, p, n);
		ifname[n] = '\0';
	}
}

static int ask(const char *ifname, unsigned long request, struct ifreq *r)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret;

	if (fd < 0)
		return -errno;
	(void)text_copy(r->ifr_name, sizeof(r->ifr_name), ifname);
	ret = ioctl(fd, request, r) < 0 ? -errno : 0;
	(void)close(fd);
	return ret;
}

uint32_t io_netdev_mtu(const char *ifname)
{
	struct ifreq r = {0};

	return ask(ifname, SIOCGIFMTU, &r) == 0 ? (uint32_t)r.ifr_mtu : 0;
}

int io_netdev_mtu_set(const char *ifname, uint32_t mtu)
{
	struct ifreq r = {.ifr_mtu = (int)mtu};

	return ask(ifname, SIOCSIFMTU, &r);
}

bool io_netdev_is_running(const char *ifname)
{
	struct ifreq r = {0};

	return ask(ifname, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & IFF_UP) != 0 &&
		(r.ifr_flags & IFF_RUNNING) != 0;
}

int io_netdev_lock(const char *ifname)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int n, fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	n = snprintf(sa.sun_path + 1, sizeof(sa.sun_path) - 1, "mailweir/port/%s", ifname);
	if (bind(fd, (struct sockaddr *)&sa,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) < 0) {
		int why = errno;

		(void)close(fd);
		return why == EADDRINUSE ? -EBUSY : -why;
	}
	return fd;
}
