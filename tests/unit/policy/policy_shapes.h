// SPDX-License-Identifier: BSD-3-Clause
// Lists of policies that an index finds hard, or that carriers write: the same for the tests of the
// classifier and for its bench, with connections that aim at their edges.
// Thread: any; the state is the caller's.
#pragma once

#include <stdint.h>

#include "pol_match.h"

// A policy that takes every connection.
static inline struct pol_policy any_policy(void)
{
	return (struct pol_policy){.action = POL_INSPECT,
		.enabled = 1,
		.context = POL_ANY,
		.vlan_lo = POL_ANY,
		.vlan_hi = POL_ANY,
		.port_hi = UINT16_MAX,
		.session = POL_NONE,
		.content = POL_NONE};
}

enum shape {
	SHAPE_CLIENTS,   // each policy a client of its own, IPv4
	SHAPE_CLIENTS6,  // the same with IPv6, which differ in their first half alone
	SHAPE_HOSTS6,    // ... in their second half alone
	SHAPE_CARRIER,   // some hundred networks by site, port and VLAN, exceptions, a last policy for all
	SHAPE_NESTED,    // prefixes inside prefixes, the longest first
	SHAPE_GRID,      // each network to each server
	SHAPE_STAIRS,    // port ranges that end one behind the other: every row differs
	SHAPE_WEAVE,     // by turns any client to one server and one client to any server
	SHAPE_TANGLE,    // every field of every policy drawn
	SHAPE_COUNT
};

const char *shape_name(enum shape s);
// Policy `i` of a list of n.
struct pol_policy shape_policy(enum shape s, uint32_t i, uint32_t n, uint64_t *seed);
// A connection that policy `p` takes, or nearly: one value may be an edge, or one beyond it.
struct pol_key shape_key(const struct pol_policy *p, uint64_t *seed);
