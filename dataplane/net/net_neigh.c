// SPDX-License-Identifier: BSD-3-Clause
//
//           tick                 heard                    fresh time over, used
//     NEW --------> ASKED ------------------> REACHABLE ------------------------> PROBED
//                  |   ^  \                      ^  ^------------------------------/ |
//      3 questions |   |   \                     |           answer                  |
//                  v   |    \------- heard ------+                                   |
//                 LOST-+ <-----------------------------------------------------------+
//                  back-off: 1 s, 2 s, ... 60 s           3 probes without an answer
//
// RFC 4861's STALE and DELAY wait for traffic before they probe, so that hosts with hundreds of
// neighbours keep silent. A next hop is always used and must be noticed gone: here it is probed
// when its time is over, and what nobody used is forgotten.
// Thread: whoever has the struct.
#include "net_neigh.h"

enum { BACKOFF_FIRST_US = 1000000 };

static enum net_neigh_act ask(struct net_neigh *n, uint64_t now_us)
{
	n->state = NET_NEIGH_ASKED;
	n->tries = 1;
	n->due_us = now_us + NET_NEIGH_RETRY_US;
	return NET_NEIGH_ASK;
}

static enum net_neigh_act again(struct net_neigh *n, uint64_t now_us, enum net_neigh_act act)
{
	n->tries++;
	n->due_us = now_us + NET_NEIGH_RETRY_US;
	return act;
}

static enum net_neigh_act give_up(struct net_neigh *n, uint64_t now_us)
{
	n->state = NET_NEIGH_LOST;
	n->backoff_us = n->backoff_us == 0 ? BACKOFF_FIRST_US : n->backoff_us * 2;
	if (n->backoff_us > NET_NEIGH_BACKOFF_MAX_US)
		n->backoff_us = NET_NEIGH_BACKOFF_MAX_US;
	n->due_us = now_us + n->backoff_us;
	return NET_NEIGH_NOTHING;
}

enum net_neigh_act net_neigh_tick(struct net_neigh *n, uint64_t now_us, bool used)
{
	if (n->state == NET_NEIGH_NEW)
		return ask(n, now_us);
	if (now_us < n->due_us)
		return NET_NEIGH_NOTHING;
	switch ((enum net_neigh_state)n->state) {
	case NET_NEIGH_ASKED:
		return n->tries < NET_NEIGH_TRIES ? again(n, now_us, NET_NEIGH_ASK)
						  : give_up(n, now_us);
	case NET_NEIGH_REACHABLE:
		if (!used)
			return NET_NEIGH_FORGET;
		n->state = NET_NEIGH_PROBED;
		n->tries = 0;
		return again(n, now_us, NET_NEIGH_PROBE);
	case NET_NEIGH_PROBED:
		if (n->tries < NET_NEIGH_TRIES)
			return again(n, now_us, NET_NEIGH_PROBE);
		(void)ask(n, now_us); // its MAC may be another one by now
		return NET_NEIGH_LOSE;
	case NET_NEIGH_LOST:
		return used ? ask(n, now_us) : NET_NEIGH_FORGET;
	case NET_NEIGH_NEW:
	case NET_NEIGH_STATES:
		break;
	}
	return NET_NEIGH_NOTHING;
}

enum net_neigh_act net_neigh_heard(
	struct net_neigh *n, const struct net_news *news, uint64_t now_us)
{
	bool known = net_neigh_is_known(n), same = memcmp(n->mac, news->mac, NET_MAC_LEN) == 0;

	if (known && !same && !news->override)
		return NET_NEIGH_NOTHING; // RFC 4861 7.2.5 (I)
	// Who was known and only says so unasked is not proved to be reached (7.3.1).
	if (known && same && !news->solicited)
		return NET_NEIGH_NOTHING;
	// Who changes it again and again, or two who claim it, cost one change a second.
	if (known && !same && now_us - n->found_us < NET_NEIGH_SETTLE_US)
		return NET_NEIGH_IGNORE;
	if (!known || !same)
		n->found_us = now_us;
	memcpy(n->mac, news->mac, NET_MAC_LEN);
	n->state = NET_NEIGH_REACHABLE;
	n->tries = 0;
	n->backoff_us = 0;
	n->due_us = now_us + NET_NEIGH_FRESH_US;
	return known && same ? NET_NEIGH_NOTHING : NET_NEIGH_FOUND;
}
