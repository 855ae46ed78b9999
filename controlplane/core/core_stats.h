// SPDX-License-Identifier: BSD-3-Clause
// The data plane's statistics memory as the control plane reads it: proved once when it is mapped,
// then read by index. Names are copied at that moment; numbers are read live, racy but never torn.
// An index out of range reads as 0 or NULL, for it often comes from a message.
// Thread: the loop's; valid while the link is attached.
#pragma once

#include <stdint.h>

#include "api_stats.h"
#include "err.h"

struct core_stats;

// Maps `fd` read-only and proves every offset in it. The descriptor stays the caller's.
// NULL with the reason in *err.
struct core_stats *core_stats_new(int fd, struct err_list *err);
void core_stats_free(struct core_stats *s); // NULL is fine

uint32_t core_stats_workers(const struct core_stats *s);
uint32_t core_stats_names(const struct core_stats *s);
uint32_t core_stats_ports(const struct core_stats *s);
// Name, help (both NUL-terminated) and kind of a counter; NULL out of range.
const struct api_stat_name *core_stats_name(const struct core_stats *s, uint32_t i);
// Index of a counter, or core_stats_names() where there is none of that name.
uint32_t core_stats_find(const struct core_stats *s, const char *name);
uint64_t core_stats_value(const struct core_stats *s, uint32_t worker, uint32_t i);
// Over all workers: their sum, of a peak the highest one's.
uint64_t core_stats_sum(const struct core_stats *s, uint32_t i);
// Connections that took policy `i` of the image in force, all workers together.
uint64_t core_stats_policy_hits(const struct core_stats *s, uint32_t i);
// A copy of a port's row, texts NUL-terminated. 0 or -ENOENT.
int core_stats_port(const struct core_stats *s, uint32_t i, struct api_port_stats *out);
// A copy of the head: boot, heartbeat_us (CLOCK_MONOTONIC), image_version, image_swaps, ...
void core_stats_head(const struct core_stats *s, struct api_stats *out);

// What the data plane notices of the network around it (api_sight.h): a port's counts of a worker; what has to be
// read as a whole, turn 0 where it was never written. 0 or -ENOENT.
enum core_sight {
	CORE_SIGHT_ONE_WAY,
	CORE_SIGHT_ALONE,
	CORE_SIGHT_HOSTS, // API_SIGHT_HOSTS of them
	CORE_SIGHT_PROBE, // API_SIGHT_PROBES
	CORE_SIGHT_COUNT
};
int core_stats_sight_port(
	const struct core_stats *s, uint32_t worker, uint32_t port, struct api_sight_port *out);
int core_stats_sight_ends(const struct core_stats *s, uint32_t worker, enum core_sight what,
	uint32_t i, struct api_sight_ends *out);
void core_stats_sight_net(const struct core_stats *s, struct api_sight_net *out);
