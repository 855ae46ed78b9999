// SPDX-License-Identifier: BSD-3-Clause
// Subscribers by their ids ("endpoints"): each id has a number while somebody holds it, and is remembered
// afterwards, as long as no other needs its place. Outside an endpoint is known by a key: a hash of its id
// under a secret.
// Thread: the owner's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rad_index.h"
#include "span.h"

enum { RAD_ENDPOINT_INLINE = 39 }; // octets of an id that need no memory of their own

struct rad_endpoint {
	uint32_t hash;                  // the key's lower half
	uint32_t held;                  // times; 0 = remembered, or none
	uint32_t next, prev;            // of those that nobody holds
	uint8_t len;                    // 0 = none
	char text[RAD_ENDPOINT_INLINE]; // longer: the first octets are a pointer
};

struct rad_endpoints {
	struct rad_endpoint *cell;
	struct rad_index index;
	uint32_t most, used, fresh;
	uint32_t oldest,
		newest; // that nobody holds, by when they were let go; RAD_INDEX_NONE = none
	uint8_t key[16];
};

bool rad_endpoints_open(struct rad_endpoints *e, uint32_t most, const uint8_t key[16]);
void rad_endpoints_close(struct rad_endpoints *e);
uint64_t rad_endpoints_bytes(uint32_t most);

uint32_t rad_endpoint_find(
	const struct rad_endpoints *e, struct span id); // RAD_INDEX_NONE: nobody holds it
// Finds or makes it, and holds it once more. RAD_INDEX_NONE: no room.
uint32_t rad_endpoint_hold(struct rad_endpoints *e, struct span id);
void rad_endpoint_drop(struct rad_endpoints *e, uint32_t number); // the last one lets it go
struct span rad_endpoint_id(const struct rad_endpoints *e, uint32_t number);
// By what stands for its id (hash_name) under the secret of rad_endpoints_open. RAD_INDEX_NONE: neither held nor remembered.
uint32_t rad_endpoint_keyed(const struct rad_endpoints *e, uint64_t key);
