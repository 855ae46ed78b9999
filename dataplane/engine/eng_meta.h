// SPDX-License-Identifier: BSD-3-Clause
// What the engine notes about a packet, in the mbuf's private area: every pool whose buffers reach
// it is made with that size. Thread: whoever has the packet.
#pragma once

#include <rte_mbuf.h>

#include "wire_parse.h"

struct eng_meta {
	uint16_t in_port;
	uint16_t context;   // of the flow key, set by the steer stage (see eng_context_index)
	uint8_t to_client;  // picked up by its source port and not by the other: comes from the server
	uint8_t spare[3];
	struct wire_view view;
};
