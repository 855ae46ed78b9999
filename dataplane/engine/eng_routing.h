// SPDX-License-Identifier: BSD-3-Clause
// Routed mode as it is configured: interfaces of our own and static routes.
// Thread: filled by main, read by eng_new.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "net.h"

struct eng_route {
	struct prefix to;
	struct addr via;
	uint16_t iface; // by which `via` is reached
};

enum { ENG_HEALTH_FROM_MAX = 32 };

struct eng_health_conf { // the TCP port that says whether we are well
	uint16_t port;   // 0: none
	bool needs_policy, needs_control_plane, needs_ports;
	bool late;                 // with a drain: down only when that is over
	const struct prefix *from; // who may ask; borrowed for eng_new
	uint32_t nfrom;            // at most ENG_HEALTH_FROM_MAX; 0: anybody
};

struct eng_routing {
	// MAC and MTU are the port's: eng_new fills them in.
	struct net_iface iface[NET_IFACES_MAX];
	uint16_t nifaces;
	const struct eng_route *routes; // borrowed for eng_new
	uint32_t nroutes;
	bool ttl_keep; // TTL and hop limit are not lowered
	struct eng_health_conf health;
};
