// SPDX-License-Identifier: BSD-3-Clause
// The one's complement sum. Internal to wire/. Thread: any.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "wire_field.h"

enum { // offsets inside the TCP header
	WIRE_TCP_CSUM = 16,
};

// Adds `n` bytes, at most 128 kB, to a sum of 16-bit words in memory order (RFC 1071 2(B): the
// sum does not care which order, as long as all words have the same).
uint64_t wire_sum(uint64_t sum, const uint8_t *p, size_t n);

// Folds a sum to 16 bits, in memory order: to be compared or stored as it is.
uint16_t wire_sum_fold(uint64_t sum);

// The sum of the pseudo header: addresses, protocol, TCP length (RFC 9293 3.1, RFC 8200 8.1).
struct wire_view;
uint64_t wire_sum_pseudo(const uint8_t *frame, const struct wire_view *v);
