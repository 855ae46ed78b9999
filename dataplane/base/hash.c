// SPDX-License-Identifier: BSD-3-Clause
// The two hashes of the product: CRC-32C against accidents (image, pattern database, slots of a
// table), SipHash-2-4 where 64 bits have to tell any two texts apart (revisions).
// CRC-32C runs on the processor's instruction where there is one (asked at run time on x86-64,
// at compile time on arm64), otherwise by slicing-by-8 with tables filled before main.
// Thread: any; no state but those tables.
#include "hash.h"

#include <stdbool.h>
#include <string.h>

static uint64_t load64le(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

#if defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

static uint32_t crc32c_hw(uint32_t crc, const uint8_t *p, size_t n)
{
	for (; n >= 8; n -= 8, p += 8)
		crc = __crc32cd(crc, load64le(p));
	for (; n > 0; n--)
		crc = __crc32cb(crc, *p++);
	return crc;
}

static bool has_crc32c_hw(void)
{
	return true;
}
#elif defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_hw(
	uint32_t crc, const uint8_t *p, size_t n)
{
	uint64_t wide = crc;

	for (; n >= 8; n -= 8, p += 8)
		wide = __builtin_ia32_crc32di(wide, load64le(p));
	crc = (uint32_t)wide;
	for (; n > 0; n--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}

static bool has_crc32c_hw(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#else
static uint32_t crc32c_hw(uint32_t crc, const uint8_t *, size_t)
{
	return crc;
}

static bool has_crc32c_hw(void)
{
	return false;
}
#endif

static uint32_t crc_table[8][256]; // [k][b]: the CRC of byte b followed by k zero bytes

__attribute__((constructor)) static void crc_table_fill(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t crc = b;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0); // the polynomial, reflected
		crc_table[0][b] = crc;
	}
	for (int k = 1; k < 8; k++) {
		for (int b = 0; b < 256; b++) {
			uint32_t crc = crc_table[k - 1][b];

			crc_table[k][b] = crc >> 8 ^ crc_table[0][crc & 255];
		}
	}
}

static uint32_t crc32c_table(uint32_t crc, const uint8_t *p, size_t n)
{
	for (; n >= 8; n -= 8, p += 8) {
		uint64_t v = load64le(p) ^ crc;

		crc = 0;
		for (int k = 0; k < 8; k++)
			crc ^= crc_table[7 - k][v >> 8 * k & 255];
	}
	for (; n > 0; n--)
		crc = crc >> 8 ^ crc_table[0][(crc ^ *p++) & 255];
	return crc;
}

uint32_t hash_crc32c(uint32_t crc, const void *p, size_t n)
{
	return ~(has_crc32c_hw() ? crc32c_hw(~crc, p, n) : crc32c_table(~crc, p, n));
}

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	sip_round(s);
	sip_round(s);
	s->v0 ^= m;
}

uint64_t hash_siphash(const uint8_t key[16], const void *data, size_t n)
{
	uint64_t k0 = load64le(key), k1 = load64le(key + 8);
	uint64_t last = (uint64_t)n << 56; // the length's low byte ends the last word
	const uint8_t *p = data;
	struct sip s = {
		.v0 = k0 ^ 0x736f6d6570736575, // "somepseudorandomlygeneratedbytes"
		.v1 = k1 ^ 0x646f72616e646f6d,
		.v2 = k0 ^ 0x6c7967656e657261,
		.v3 = k1 ^ 0x7465646279746573,
	};

	for (; n >= 8; n -= 8, p += 8)
		sip_word(&s, load64le(p));
	for (size_t i = 0; i < n; i++)
		last |= (uint64_t)p[i] << 8 * i;
	sip_word(&s, last);
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t hash_name(const uint8_t key[16], const void *p, size_t n)
{
	const uint64_t name = hash_siphash(key, p, n);

	return name == 0 ? 1 : name;
}
