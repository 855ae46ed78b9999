// SPDX-License-Identifier: BSD-3-Clause
// The one's complement sum of the Internet checksum (RFC 1071), in memory order throughout.
// Thread: any; no state.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Adds `n` bytes, at most 128 kB, to a sum of 16-bit words in memory order (RFC 1071 2(B): the
// sum does not care which order, as long as all words have the same).
uint64_t wire_sum(uint64_t sum, const uint8_t *p, size_t n);

// Folds a sum to 16 bits, in memory order: to be compared or stored as it is.
uint16_t wire_sum_fold(uint64_t sum);
