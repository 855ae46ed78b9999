// SPDX-License-Identifier: BSD-3-Clause
// The Internet checksum: whole (RFC 1071) and incremental (RFC 1624 equation 3, which has no
// trouble with the two zeros of one's complement). Sums are kept in memory order throughout.
// Thread: any; no state.
#include "panic.h"
#include "wire_int.h"
#include "wire_tcp.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { WIRE_SUM_BLOCK = 16 }; // bytes

// Four words of 32 bits at a time, summed up in 64.
static uint64_t sum_blocks(const uint8_t *p, size_t n)
{
	uint64_t half[2] = {0};
#ifdef __SSE2__
	const __m128i zero = _mm_setzero_si128();
	__m128i sum = zero, other = zero; // two chains, so that none waits for the other

	for (; n > 0; n -= WIRE_SUM_BLOCK, p += WIRE_SUM_BLOCK) {
		__m128i w = _mm_loadu_si128((const void *)p);

		sum = _mm_add_epi64(sum, _mm_unpacklo_epi32(w, zero));
		other = _mm_add_epi64(other, _mm_unpackhi_epi32(w, zero));
	}
	_mm_storeu_si128((void *)half, _mm_add_epi64(sum, other));
#else
	for (; n > 0; n -= WIRE_SUM_BLOCK, p += WIRE_SUM_BLOCK) {
		uint32_t w[4];

		memcpy(w, p, sizeof(w));
		half[0] += (uint64_t)w[0] + w[1];
		half[1] += (uint64_t)w[2] + w[3];
	}
#endif
	return half[0] + half[1];
}

uint64_t wire_sum(uint64_t sum, const uint8_t *p, size_t n)
{
	const size_t blocks = n & ~(size_t)(WIRE_SUM_BLOCK - 1);

	sum += sum_blocks(p, blocks);
	p += blocks;
	n -= blocks;
	for (; n >= 2; n -= 2, p += 2) {
		uint16_t w;

		memcpy(&w, p, sizeof(w));
		sum += w;
	}
	if (n != 0) { // the last odd byte is the first of a word whose second is zero
		uint8_t pair[2] = {*p, 0};
		uint16_t w;

		memcpy(&w, pair, sizeof(w));
		sum += w;
	}
	return sum;
}

uint16_t wire_sum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint64_t wire_sum_pseudo(const uint8_t *frame, const struct wire_view *v)
{
	const uint8_t *h = frame + v->l3_off;
	unsigned len = (unsigned)v->l3_off + v->l3_len - v->l4_off;
	uint8_t tail[4] = {0, WIRE_IPPROTO_TCP, (uint8_t)(len >> 8), (uint8_t)len};
	uint64_t sum = wire_sum(0, tail, sizeof(tail));

	return v->family == 4 ? wire_sum(sum, h + 12, 8) : wire_sum(sum, h + 8, 32);
}

static uint64_t sum_segment(const uint8_t *frame, const struct wire_view *v)
{
	size_t len = (size_t)v->l3_off + v->l3_len - v->l4_off;

	return wire_sum(wire_sum_pseudo(frame, v), frame + v->l4_off, len);
}

bool wire_tcp_csum_ok(struct span frame, const struct wire_view *v)
{
	HOT_ASSERT((size_t)v->l3_off + v->l3_len <= frame.n);
	return wire_sum_fold(sum_segment(frame.p, v)) == 0xffff;
}

void wire_tcp_csum_set(uint8_t *frame, size_t n, const struct wire_view *v)
{
	uint8_t *field = frame + v->l4_off + WIRE_TCP_CSUM;
	uint16_t csum;

	HOT_ASSERT((size_t)v->l3_off + v->l3_len <= n);
	memset(field, 0, sizeof(csum));
	csum = (uint16_t)~wire_sum_fold(sum_segment(frame, v));
	memcpy(field, &csum, sizeof(csum));
}

void wire_ip_csum_set(uint8_t *frame, size_t n, const struct wire_view *v)
{
	uint8_t *h = frame + v->l3_off;
	uint16_t csum;

	if (v->family != 4)
		return;
	HOT_ASSERT(v->l3_off + (size_t)(h[0] & 15) * 4 <= n);
	memset(h + 10, 0, sizeof(csum));
	csum = (uint16_t)~wire_sum_fold(wire_sum(0, h, (size_t)(h[0] & 15) * 4));
	memcpy(h + 10, &csum, sizeof(csum));
}

uint16_t wire_csum_update16(uint16_t csum_be, uint16_t old_be, uint16_t new_be)
{
	return (uint16_t)~wire_sum_fold((uint64_t)(uint16_t)~csum_be + (uint16_t)~old_be + new_be);
}

void wire_ttl_raise(uint8_t *frame, const struct wire_view *v, uint8_t ttl)
{
	uint8_t *h = frame + v->l3_off, *field = h + (v->family == 4 ? 8 : 7);
	uint16_t before, after, csum;

	if (*field >= ttl)
		return;
	memcpy(&before, h + 8, sizeof(before)); // TTL and protocol
	*field = ttl;
	if (v->family != 4)
		return;
	memcpy(&after, h + 8, sizeof(after));
	memcpy(&csum, h + 10, sizeof(csum));
	csum = wire_csum_update16(csum, before, after);
	memcpy(h + 10, &csum, sizeof(csum));
}
