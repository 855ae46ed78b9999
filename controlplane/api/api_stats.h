// SPDX-License-Identifier: BSD-3-Clause
// The statistics memory: written by the data plane, mapped read-only by the control plane.
// Self-describing: names and meanings travel with it, so neither plane includes the other.
// Readers see racy but never torn values (aligned 64-bit). Never reset while the data plane lives.
#pragma once

#include <stdint.h>

#include "api_sight.h"

#define API_STATS_MAGIC UINT64_C(0x5354415453574d01)
#define API_STATS_VERSION 7

enum { API_STATS_NAMES_MAX = 256, API_STATS_PORTS_MAX = 32, API_STATS_POLICIES_MAX = 16384 };

enum api_stat_kind { // what a counter counts
	API_STAT_TRAFFIC,  // packets or bytes moved
	API_STAT_PASS,     // forwarded though picked up, unread: a named reason
	API_STAT_DROP,     // not forwarded: a named reason
	API_STAT_ACTION,   // we answered, cut, held or changed something: a named reason
	API_STAT_GAUGE,    // a level (flows, slabs in use)
	API_STAT_PEAK,     // the highest that was seen; of several workers the highest one's
	API_STAT_KIND_COUNT
};

struct api_stat_name {
	char name[48];  // metric name, lower case with underscores
	char help[127]; // one line
	char unit[16];  // what one count is one of: "connections", "messages", "segments", "frames"...
	uint8_t kind;   // enum api_stat_kind
};

struct api_port_stats {
	char name[32], device[96], driver[32];
	uint8_t mac[6];
	uint8_t up, spare8;
	uint32_t speed_mbps, mtu;
	uint64_t rx_packets, rx_bytes, rx_missed, rx_errors;
	uint64_t tx_packets, tx_bytes, tx_errors;
	uint64_t tx_full; // frames dropped because the port did not take them
};

struct api_stats { // head of the statistics memory
	uint64_t magic;
	uint32_t version, workers, names, ports;
	uint64_t boot;             // seconds since 1970
	uint64_t heartbeat_us;     // monotonic clock of the manager's last turn
	uint64_t image_version;    // in force
	uint64_t image_swaps, image_refused, link_attached, link_refused; // counts
	uint64_t names_off;        // struct api_stat_name[names]
	uint64_t ports_off;        // struct api_port_stats[ports]
	uint64_t workers_off;      // uint64_t[names] of worker w at workers_off + w * worker_stride
	uint64_t worker_stride;    // multiple of 64
	uint64_t policy_hits_off;  // uint64_t[API_STATS_POLICIES_MAX] a worker, one after another
	uint64_t bytes;            // of the whole memory
	uint64_t hugepages;        // 1 = memory comes from hugepages
	uint64_t shadow_version;   // of the candidate that runs beside the image in force, 0 = none
	uint64_t counts_taken;     // of limits, handed back by the control plane
	uint64_t counts_over, counts_full; // ... that were out of date, for which no cell was left
	uint64_t sights_off;    // struct api_sight a worker, at sights_off + w * sight_stride
	uint64_t sight_stride;  // multiple of 64
	uint64_t sight_net_off; // struct api_sight_net
	uint64_t drain_phase;              // enum api_drain
	uint64_t drain_refuse;             // 1: new connections get 421 meanwhile
	uint64_t drain_since_us,
		drain_until_us; // of the clock of heartbeat_us; drain_until_us 0: no deadline
	uint64_t drain_left;    // connections that need us, UINT64_MAX = not known yet
	uint64_t health;        // of the health port: enum api_health
};

enum api_drain { // lives with the data plane, whatever becomes of the control plane
	API_DRAIN_OFF,
	API_DRAIN_WAITS,  // for connections that need us
	API_DRAIN_LETS,   // the deadline is over: those that can go on unread do
	API_DRAIN_RESETS, // ... the others are reset
	API_DRAIN_OVER,   // no connection needs us
	API_DRAIN_COUNT
};

enum api_health {
	API_HEALTH_NONE,
	API_HEALTH_DOWN,
	API_HEALTH_UP,
	API_HEALTH_COUNT
}; // NONE: no port
