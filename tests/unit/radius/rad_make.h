// SPDX-License-Identifier: BSD-3-Clause
// Packets for the tests of RADIUS, made attribute by attribute.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "rad_packet.h"

struct made {
	size_t n;
	uint8_t b[RAD_PACKET_MAX];
};

void made_begin(struct made *m, uint8_t code, uint8_t id); // an authenticator of zeros
void made_add(struct made *m, uint8_t type, const void *value, size_t n);
void made_text(struct made *m, uint8_t type, const char *text);
void made_number(struct made *m, uint8_t type, uint32_t value);
void made_v4(struct made *m, uint8_t type, const char *address);
void made_v6(struct made *m, uint8_t type, const char *address);
void made_prefix(struct made *m, uint8_t type, const char *prefix); // RFC 3162 2.3, all 16 octets
void made_vendor(struct made *m, uint32_t vendor, uint8_t type, const void *value, size_t n);
struct span made_span(const struct made *m);
void made_read(const struct made *m, struct rad_packet *out); // has to be good
