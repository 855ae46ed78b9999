// SPDX-License-Identifier: BSD-3-Clause
// Which connections a policy could take, and whether others take all of them.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"

struct cfg_region { // empty where a field has nothing
	struct prefix source, destination;
	uint64_t ports;            // a bit for each TCP port that is picked up
	uint32_t ingress;          // a bit for each data-plane port
	uint16_t vlan_lo, vlan_hi; // 0 = untagged
};

enum {
	CFG_COVER_MAX = 64,    // that take all of another's between them
	CFG_REGIONS_MAX = 256, // of what is left on the way
};

bool cfg_prefixes_meet(const struct prefix *a, const struct prefix *b);

// Does `by` take all of `r`? An empty one takes nothing.
bool cfg_region_within(const struct cfg_region *r, const struct cfg_region *by);
// Do the first n of `by` take all of `r` between them? How many of them it takes, their indices in `used`;
// 0 where they don't, or where it would take too long: *budget goes down with each look.
unsigned cfg_region_covered(const struct cfg_region *by, uint32_t n, const struct cfg_region *r,
	uint32_t used[CFG_COVER_MAX], uint64_t *budget);
