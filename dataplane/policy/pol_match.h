// SPDX-License-Identifier: BSD-3-Clause
// The classifier: which policy a connection takes. First what `pickup` says of the port it comes in
// by and of its direction, then the list: first match in its order; none = pass, not scanned. The
// same code runs in the workers and behind `policy.match`.
// Thread: any, on a verified image.
#pragma once

#include "pol_image.h"

struct pol_key {
	struct addr source, destination; // client, server
	uint16_t context;
	uint16_t ingress; // data-plane port number the SYN came in by
	uint16_t vlan;    // outer VID, 0 = untagged
	uint16_t port;    // server's TCP port
};

enum pol_miss { // why a policy did not match: the first field that differs
	POL_MISS_NONE, POL_MISS_DISABLED, POL_MISS_CONTEXT, POL_MISS_INGRESS, POL_MISS_VLAN,
	POL_MISS_SOURCE, POL_MISS_DESTINATION, POL_MISS_PORT, POL_MISS_COUNT
};

// Index of the policy that takes a connection: a stand-in where pickup decides, else the first of the
// list that matches, else POL_NONE.
uint32_t pol_match(const struct pol_image *img, const struct pol_key *key);
// The stand-in that pickup says, or POL_NONE where the list decides.
uint32_t pol_match_pick(const struct pol_image *img, const struct pol_key *key);
// Is the server one of a protected domain? Then the connection is incoming, else outgoing.
bool pol_is_incoming(const struct pol_image *img, const struct addr *server);
// Does the session profile of this index, or POL_NONE, block the server? Never one of a protected domain:
// it is outgoing connections that a profile blocks.
bool pol_is_blocked(const struct pol_image *img, uint32_t session, const struct addr *server);
// Why policy `i` of the list does not match `key`; POL_MISS_NONE where it does.
enum pol_miss pol_explain(const struct pol_image *img, const struct pol_key *key, uint32_t i);
const char *pol_miss_name(enum pol_miss m);

// Is this TCP port picked up?
bool pol_picks_up(const struct pol_image *img, uint16_t port);
// The context of a data-plane port; POL_ANY where none names it.
uint16_t pol_context_of(const struct pol_image *img, uint16_t ingress);
