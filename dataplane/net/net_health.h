// SPDX-License-Identifier: BSD-3-Clause
// A TCP port that says whether we are well, to routers and balancers: a connection is taken while we are, and
// refused by a reset while not (RFC 9293 3.10.7.1); who asks by HTTP/1.0 GET or HEAD (RFC 1945) is told in HTTP,
// who sends anything else in one line; then FIN. No state: our sequence numbers prove whom we speak to (RFC 4987
// 3.6) and how far the talk is. We speak only when spoken to and repeat nothing: the client's repeats bring ours.
// To a source that has proven nothing no answer is longer than the question.
// A request lies in one segment. How often answers may leave, and to whom, is the caller's.
// Thread: any; no state.
#pragma once

#include "net.h"
#include "wire_parse.h"

enum {
	NET_HEALTH_SECRET = 16,
	NET_HEALTH_TICK_S = 64, // of `age`: a number of ours holds for one to two of them
	NET_HEALTH_FRAME_MAX = NET_L2_MAX + 256,
};

enum net_health_seen {      // what an IP packet to an address of ours is
	NET_HEALTH_NOTHING, // not for this port
	NET_HEALTH_ODD, // for it, and to be dropped: a wrong checksum, IP options, flags that nobody sends
	NET_HEALTH_OPENS, // a SYN
	NET_HEALTH_STRAY, // of no connection of ours: a reset is due
	NET_HEALTH_OVER,  // a reset, of whatever: nothing is to be said
	NET_HEALTH_QUIET, // of ours, nothing is to be said
	NET_HEALTH_ASKS,  // of ours, its request
	NET_HEALTH_ENDS,  // of ours, behind our answer, or without a request: to be acknowledged
};

enum net_health_says {
	NET_HEALTH_YES, // to OPENS: taken; to ASKS: well
	NET_HEALTH_NO,  // to OPENS, STRAY: reset; to ASKS: not well
};

struct net_health {
	uint16_t port;
	uint8_t secret[NET_HEALTH_SECRET];
	uint32_t age; // seconds of any clock / NET_HEALTH_TICK_S
};

// Reads the IP packet at `off`. `proved`: its TCP checksum need not be looked at. *v and *src are filled but for
// NOTHING.
enum net_health_seen net_health_read(const struct net_health *h, struct span frame, size_t off,
	bool proved, struct wire_view *v, struct addr *src);
// Writes the answer to a packet that was read as `seen`, to its sender's MAC, into `buf` of
// NET_HEALTH_FRAME_MAX bytes; not for ODD, OVER and QUIET. Returns its length, not padded.
size_t net_health_answer(uint8_t *buf, const struct net_health *h, struct span frame,
	const struct wire_view *v, enum net_health_seen seen, enum net_health_says says);
// May a packet for us come from this address? Not where it is ours, one of many, nobody's, or the broadcast
// of a link of ours (RFC 1122 3.2.1.3).
bool net_health_is_somebody(const struct net_iface *ifaces, size_t n, const struct addr *src);
