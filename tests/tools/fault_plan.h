// SPDX-License-Identifier: BSD-3-Clause
// What a faulty wire does to a frame: a function of seed, direction, the frame's kind and its
// number among the frames of that kind, of nothing else. So the same seed loses the same frames,
// whatever the time of day and however fast they come. Pure. Thread: any.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_kind {    // what a frame carries
	FAULT_OTHER, // not TCP, or TCP of a port that is not meant
	FAULT_TCP,   // TCP without payload: SYN, ACK, FIN, RST
	FAULT_DATA,  // TCP with payload
	FAULT_KIND_COUNT
};

enum fault_on { // which frames suffer
	FAULT_ON_ALL,
	FAULT_ON_TCP,
	FAULT_ON_DATA,
};

struct fault_rates { // parts of a million
	uint32_t drop, hold, duplicate, corrupt;
};

struct fault_plan { // of one direction
	uint64_t seed;
	unsigned direction;
	enum fault_on on;
	uint16_t port; // only TCP from or to this port, 0: any
	struct fault_rates rates;
	uint64_t seen[FAULT_KIND_COUNT];
};

struct fault_fate {
	bool drop, hold, duplicate, corrupt;
	enum fault_kind kind;
	uint64_t dice; // for what else is left to chance
};

// What the frame carries, behind up to 3 tags, in IPv4 or IPv6 without extension headers.
enum fault_kind fault_kind_of(const uint8_t *frame, size_t n, uint16_t port);

// The fate of the next frame of this direction; counts it.
struct fault_fate fault_next(struct fault_plan *plan, const uint8_t *frame, size_t n);
