// SPDX-License-Identifier: BSD-3-Clause
// The self-check's mind: from figures to a list of checks, each with what was seen and what to do about it. Pure:
// no clock, no link, no configuration. Thread: any; no state.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api_sight.h"

enum serve_state { SERVE_STATE_OK, SERVE_STATE_UNKNOWN, SERVE_STATE_WARNING, SERVE_STATE_ERROR };
extern const char *const serve_state_names[]; // "ok" ...

enum serve_check_id { // in the order that they are told
	SERVE_CHECK_DATA_PLANE,
	SERVE_CHECK_POLICY,
	SERVE_CHECK_DIRECTIONS, // both halves of connections come by us
	SERVE_CHECK_NAT,        // nothing in front of us makes one address of many
	SERVE_CHECK_PROBES,     // mail goes out by us
	SERVE_CHECK_NEXT_HOPS,  // these three: routed mode
	SERVE_CHECK_CONFLICTS,
	SERVE_CHECK_LOOPS,
	SERVE_CHECK_LINKS,
	SERVE_CHECK_MTU,
	SERVE_CHECK_RADIUS,
	SERVE_CHECK_ENCAPSULATION,
	SERVE_CHECK_CHECKSUMS,
	SERVE_CHECK_FLOW_TABLE,
	SERVE_CHECK_CLOCK,
	SERVE_CHECKS
};
extern const char *const serve_check_names[SERVE_CHECKS]; // "data_plane" ...

enum { SERVE_HOSTS_MAX = 16, SERVE_PROBES_MAX = 16, SERVE_SEEN_MAX = 400, SERVE_TODO_MAX = 400 };

struct serve_port_figures {
	char name[32];
	bool up;
	uint32_t mtu;
	struct api_sight_port d; // in the window
};

enum serve_probe_end {
	SERVE_PROBE_NONE,   // not yet
	SERVE_PROBE_SEEN,   // answered, and came by us
	SERVE_PROBE_PAST,   // answered, and did not
	SERVE_PROBE_SILENT, // came by us, and nobody answered
	SERVE_PROBE_LOST,   // neither
	SERVE_PROBE_FAILED, // could not be sent: error
};

struct serve_probe_figures {
	struct addr server;
	uint16_t port;
	enum serve_probe_end end;
	int error;
	struct addr own, client; // as it left here; SEEN, SILENT: as it came by
};

struct serve_figures {
	uint32_t window_s; // that counts are of
	bool attached;
	const char *why; // it is not
	uint64_t heartbeat_ms;
	uint64_t revision, image_version; // 0: none
	bool fallback;                    // the last good one, or passing everything
	bool routed;
	uint32_t nports;
	struct serve_port_figures port[API_SIGHT_PORTS];
	struct api_sight_ends one_way, alone; // the last of the window; turn 0: none
	uint32_t nhosts;
	struct api_sight_ends hosts[SERVE_HOSTS_MAX]; // told in the window
	uint32_t nprobes;
	struct serve_probe_figures probe[SERVE_PROBES_MAX];
	struct api_sight_net net;
	uint64_t conflicts, loops, came_back;        // in the window
	uint64_t rx_frames, smtp_segments, encap, bad_sums; // likewise
	uint64_t flows, flows_max;
	bool radius;                    // there is an accounting server
	uint64_t radius_heard;          // datagrams of its NAS in the window
	bool radius_ever;               // or before it
	int64_t clock_s;                // the wall's
	int64_t clock_moved_s;          // against the monotonic one, in the window
	bool clock_synced;              // the kernel says so
};

struct serve_check_row {
	bool there; // the check is one of this machine's
	enum serve_state state;
	char seen[SERVE_SEEN_MAX]; // a sentence; printable
	char todo[SERVE_TODO_MAX]; // likewise; "" where nothing is to be done
};

// One row a check. Returns the worst state.
enum serve_state serve_judge(const struct serve_figures *f, struct serve_check_row rows[SERVE_CHECKS]);
// one_way / (one_way + answered) of all ports in the window; NaN where there were none.
double serve_one_way_share(const struct serve_figures *f);
