// SPDX-License-Identifier: BSD-3-Clause
// One neighbour: asked for, found, looked after, lost (RFC 4861 7.3; ARP likewise). Where a
// neighbour is written about, timed or used, this says what is to be done; frames and tables are
// others'. Thread: whoever has the struct; time is given.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net.h"

struct net_news { // what a message says of its sender
	struct addr addr;
	uint8_t mac[NET_MAC_LEN];
	bool solicited; // it answers a question of ours
	bool override;  // it may take the place of a MAC that is known (RFC 4861 4.4)
};

enum net_neigh_state {
	NET_NEIGH_NEW,       // never asked for
	NET_NEIGH_ASKED,     // asked for, not found yet
	NET_NEIGH_REACHABLE, // answered within the last NET_NEIGH_FRESH_US
	NET_NEIGH_PROBED,    // known, and asked whether he is still there
	NET_NEIGH_LOST,      // does not answer; asked for again later and later
	NET_NEIGH_STATES
};

enum {
	NET_NEIGH_FRESH_US = 30000000, // RFC 4861 10: REACHABLE_TIME
	NET_NEIGH_RETRY_US =
		500000, // between questions; half of RETRANS_TIMER: a router's next hop matters
	NET_NEIGH_TRIES = 3, // RFC 4861 10: MAX_UNICAST_SOLICIT, MAX_MULTICAST_SOLICIT
	NET_NEIGH_BACKOFF_MAX_US = 60000000,
	NET_NEIGH_SETTLE_US = 1000000, // behind a MAC that is new no other one is believed
};

struct net_neigh {
	uint64_t due_us;     // when to look at it again
	uint64_t found_us;   // when its MAC became what it is
	uint32_t backoff_us; // of the next question to one that is lost
	uint8_t state;       // enum net_neigh_state
	uint8_t tries;
	uint8_t mac[NET_MAC_LEN]; // of REACHABLE and PROBED
};

enum net_neigh_act {
	NET_NEIGH_NOTHING,
	NET_NEIGH_ASK,    // everybody on the link
	NET_NEIGH_PROBE,  // the one himself
	NET_NEIGH_FOUND,  // the MAC is new or another one
	NET_NEIGH_LOSE,   // the MAC is no good any more; and ask everybody
	NET_NEIGH_IGNORE, // what was heard is not believed: another MAC so soon
	NET_NEIGH_FORGET, // nobody used it since it was last looked at: its place may be given away
};

static inline bool net_neigh_is_known(const struct net_neigh *n)
{
	return n->state == NET_NEIGH_REACHABLE || n->state == NET_NEIGH_PROBED;
}

// Time has gone on to now_us. `used`: a frame went, or wanted to go, to the neighbour since the last call
// that was due, or it is one that is always wanted. Call when due_us has come, or at once for a NEW one.
enum net_neigh_act net_neigh_tick(struct net_neigh *n, uint64_t now_us, bool used);
// A message about the neighbour came. FOUND, NOTHING or IGNORE.
enum net_neigh_act net_neigh_heard(
	struct net_neigh *n, const struct net_news *news, uint64_t now_us);
