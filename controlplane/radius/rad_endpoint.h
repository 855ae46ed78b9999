// SPDX-License-Identifier: BSD-3-Clause
// Subscribers by their ids ("endpoints"): each id has a number while somebody holds it.
// Thread: the owner's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rad_index.h"
#include "span.h"

enum { RAD_ENDPOINT_INLINE = 39 }; // octets of an id that need no memory of their own

struct rad_endpoint {
	uint32_t hash;
	uint32_t held; // times; 0 = free
	uint32_t next; // free
	uint8_t len;
	char text[RAD_ENDPOINT_INLINE]; // longer: the first octets are a pointer
};

struct rad_endpoints {
	struct rad_endpoint *cell;
	struct rad_index index;
	uint32_t most, used, fresh, free; // free: first of a list, RAD_INDEX_NONE = none
	uint8_t key[16];
};

bool rad_endpoints_open(struct rad_endpoints *e, uint32_t most, const uint8_t key[16]);
void rad_endpoints_close(struct rad_endpoints *e);
uint64_t rad_endpoints_bytes(uint32_t most);

uint32_t rad_endpoint_find(
	const struct rad_endpoints *e, struct span id); // RAD_INDEX_NONE: not there
// Finds or makes it, and holds it once more. RAD_INDEX_NONE: no room.
uint32_t rad_endpoint_hold(struct rad_endpoints *e, struct span id);
void rad_endpoint_drop(struct rad_endpoints *e, uint32_t number); // the last one frees it
struct span rad_endpoint_id(const struct rad_endpoints *e, uint32_t number);
