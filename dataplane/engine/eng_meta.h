// SPDX-License-Identifier: BSD-3-Clause
// What the engine notes about a packet, in the mbuf's private area: every pool whose buffers reach
// it is made with that size. Thread: whoever has the packet.
#pragma once

#include <rte_mbuf.h>

#include "wire_parse.h"

enum { ENG_META_KEY_BYTES = 40 };

struct eng_meta {
	uint16_t in_port;
	uint16_t context;   // of the flow key, set by the steer stage (see eng_context_index)
	uint8_t to_client;  // picked up by its source port and not by the other: comes from the server
	uint8_t way;        // routed mode, between manager and a worker: enum net_way
	bool marked;        // `mark` is set
	uint8_t spare;
	struct wire_view view;
	// Of a TCP segment that waits for its worker to read it: its flow, as if its sender were who
	// to_client says.
	uint32_t cell;                        // flow_prefetch
	uint64_t hash;                        // flow_hash
	uint64_t mark;                        // flow_mark, where it is, or may be, half-open
	uint64_t key[ENG_META_KEY_BYTES / 8]; // struct flow_key (eng_smtp.c)
};

// Bytes of the private area, in whole cache lines: behind it and the headroom a frame begins a line. So the headers
// of the first look lie in one, and so does what the other end of a virtual port copies (NOTES.md, bridge).
enum { ENG_META_ROOM = RTE_ALIGN(sizeof(struct eng_meta), RTE_CACHE_LINE_SIZE) };
_Static_assert(
	(sizeof(struct rte_mbuf) + ENG_META_ROOM + RTE_PKTMBUF_HEADROOM) % RTE_CACHE_LINE_SIZE == 0,
	"a frame begins a cache line");
