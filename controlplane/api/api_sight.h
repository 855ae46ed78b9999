// SPDX-License-Identifier: BSD-3-Clause
// What the data plane notices of the network around it, for the self-check: part of the statistics memory
// (api_stats.h), one api_sight a worker and one api_sight_net of the manager. Writer: that worker, or the
// manager; readers: any, racy. Counts stand for themselves; what has to be read as a whole has a turn, odd
// while it is being written.
#pragma once

#include <stdint.h>

#include "addr.h"

enum { API_SIGHT_PORTS = 32, API_SIGHT_HOSTS = 16, API_SIGHT_PROBES = 64 };
// A SYN whose MSS lies between these is looked at as a probe of the control plane's: no path of today is so
// small, and a router that lowers an MSS to that of a path (RFC 4459) leaves them alone.
enum { API_PROBE_MSS_MIN = 600, API_PROBE_MSS_MAX = 1199 };

struct api_sight_port { // of picked-up ports; a connection is its client's port's
	uint64_t client_segments, server_segments; // that came in here
	uint64_t opened;   // connections whose first segment came in here and went on to their server
	uint64_t answered; // ... whose server was heard
	uint64_t one_way;  // ... whose client went on, and no server was heard
	uint64_t alone;    // servers' first segments that came in here, of no connection that began here
};

struct api_sight_ends { // two ends, and what of them
	uint64_t turn; // 0: never written
	struct addr client, server;
	uint16_t client_port, server_port, vlan, in_port;
	uint32_t value; // what: see each
	uint32_t spare;
	uint8_t mac[8]; // of a conflict; the last two are 0
};

struct api_sight {
	struct api_sight_port port[API_SIGHT_PORTS];
	struct api_sight_ends one_way, alone;          // the last ones
	struct api_sight_ends hosts[API_SIGHT_HOSTS];  // clients that are several; value: how many, at least
	struct api_sight_ends probe[API_SIGHT_PROBES]; // SYNs marked as probes; value: their MSS
};

struct api_sight_net {  // routed mode
	uint64_t hops;  // next hops of routes
	uint64_t known; // ... whose MAC is known
	struct api_sight_ends lost;     // client: one that is not known
	struct api_sight_ends conflict; // client: our address that somebody else, mac, has; the last one
};
