// SPDX-License-Identifier: BSD-3-Clause
// Hashing. Thread: any; no state.
#pragma once

#include <stddef.h>
#include <stdint.h>

// CRC-32C (Castagnoli), as iSCSI uses it (RFC 3720 appendix B.4). Start with crc = 0.
uint32_t hash_crc32c(uint32_t crc, const void *p, size_t n);

// SipHash-2-4 (Aumasson, Bernstein 2012) with a 16-byte key.
uint64_t hash_siphash(const uint8_t key[16], const void *p, size_t n);
// The same as what stands for a name: never 0.
uint64_t hash_name(const uint8_t key[16], const void *p, size_t n);
