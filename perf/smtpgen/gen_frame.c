// SPDX-License-Identifier: BSD-3-Clause
// Headers in and out, checksums (RFC 1071, 9293 3.1, 8200 8.1). Thread: any; pure.
#include "gen_frame.h"

#include <string.h>

enum { PROTO_TCP = 6, TTL = 64, MSS_KIND = 2, OPTION_END = 0, OPTION_NOP = 1 };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

// The one's complement sum of words as they lie in memory; folded by fold.
static uint64_t sum_of(const uint8_t *p, size_t n)
{
	uint64_t s[4] = {0};
	uint32_t v[8];

	for (; n >= sizeof(v); n -= sizeof(v), p += sizeof(v)) {
		memcpy(v, p, sizeof(v));
		for (unsigned i = 0; i < 4; i++)
			s[i] += (uint64_t)v[i] + v[i + 4];
	}
	for (; n >= 4; n -= 4, p += 4) {
		memcpy(v, p, 4);
		s[0] += v[0];
	}
	v[0] = 0;
	memcpy(v, p, n);
	return s[0] + s[1] + s[2] + s[3] + v[0];
}

static uint16_t fold(uint64_t s)
{
	s = (s >> 32) + (uint32_t)s;
	s = (s >> 32) + (uint32_t)s;
	s = (s >> 16) + (uint16_t)s;
	s = (s >> 16) + (uint16_t)s;
	return (uint16_t)((s >> 16) + s);
}

static void put_sum(uint8_t *p, uint64_t s)
{
	uint16_t v = (uint16_t)~fold(s);

	memcpy(p, &v, sizeof(v));
}

// Of addresses, protocol and length.
static uint64_t pseudo(const uint8_t *ip, unsigned family, uint32_t tcp_len)
{
	uint8_t tail[8] = {0, 0, (uint8_t)(tcp_len >> 8), (uint8_t)tcp_len, 0, 0, 0, PROTO_TCP};

	return sum_of(tail, sizeof(tail)) + (family == 4 ? sum_of(ip + 12, 8) : sum_of(ip + 8, 32));
}

static void options_read(const uint8_t *p, const uint8_t *end, struct gen_seg *seg)
{
	while (p < end && *p != OPTION_END) {
		if (*p == OPTION_NOP) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return;
		if (*p == MSS_KIND && p[1] == GEN_MSS_LEN)
			seg->mss = get16(p + 2);
		p += p[1];
	}
}

static enum gen_read tcp_read(
	const uint8_t *ip, const uint8_t *p, uint32_t n, bool verify, struct gen_seg *seg)
{
	if (n < GEN_TCP_LEN)
		return GEN_READ_BROKEN;
	uint32_t head = (p[12] >> 4) * 4u;
	if (head < GEN_TCP_LEN || head > n)
		return GEN_READ_BROKEN;
	if (verify && fold(pseudo(ip, seg->family, n) + sum_of(p, n)) != 0xffff)
		return GEN_READ_CHECKSUM;
	seg->sport = get16(p);
	seg->dport = get16(p + 2);
	seg->seq = get32(p + 4);
	seg->ack = get32(p + 8);
	seg->flags = p[13];
	seg->window = get16(p + 14);
	seg->mss = 0;
	if (head > GEN_TCP_LEN && (seg->flags & GEN_SYN) != 0)
		options_read(p + GEN_TCP_LEN, p + head, seg);
	seg->payload = p + head;
	seg->len = n - head;
	return GEN_READ_TCP;
}

enum gen_read gen_frame_read(const uint8_t *frame, size_t n, bool verify, struct gen_seg *seg)
{
	const uint8_t *ip = frame + GEN_ETH;

	if (n < GEN_ETH + GEN_IP4)
		return GEN_READ_OTHER;
	seg->frame = frame;
	uint16_t type = get16(frame + 12);
	if (type == 0x0800) {
		uint32_t head = (ip[0] & 15) * 4u, all = get16(ip + 2);

		if (ip[9] != PROTO_TCP)
			return GEN_READ_OTHER;
		if (ip[0] >> 4 != 4 || head < GEN_IP4 || all < head || all > n - GEN_ETH ||
			(get16(ip + 6) & 0x3fff) != 0)
			return GEN_READ_BROKEN;
		if (verify && fold(sum_of(ip, head)) != 0xffff)
			return GEN_READ_CHECKSUM;
		seg->family = 4;
		seg->src = get32(ip + 12);
		seg->dst = get32(ip + 16);
		return tcp_read(ip, ip + head, all - head, verify, seg);
	}
	if (type != 0x86dd || n < GEN_ETH + GEN_IP6 || ip[6] != PROTO_TCP)
		return GEN_READ_OTHER;
	uint32_t len = get16(ip + 4);
	if (len > n - GEN_ETH - GEN_IP6)
		return GEN_READ_BROKEN;
	seg->family = 6;
	seg->src = get32(ip + 20);
	seg->dst = get32(ip + 36);
	return tcp_read(ip, ip + GEN_IP6, len, verify, seg);
}

static void ip4_head(struct gen_head *h, const struct gen_addr *src, const struct gen_addr *dst)
{
	uint8_t *ip = h->octets + GEN_ETH;

	put16(h->octets + 12, 0x0800);
	ip[0] = 0x45;
	ip[6] = 0x40; // don't fragment
	ip[8] = TTL;
	ip[9] = PROTO_TCP;
	memcpy(ip + 12, src->b + 12, 4);
	memcpy(ip + 16, dst->b + 12, 4);
	h->ip_sum = fold(sum_of(ip, GEN_IP4));
	h->len = GEN_ETH + GEN_IP4 + GEN_TCP_LEN;
}

static void ip6_head(struct gen_head *h, const struct gen_addr *src, const struct gen_addr *dst)
{
	uint8_t *ip = h->octets + GEN_ETH;

	put16(h->octets + 12, 0x86dd);
	ip[0] = 0x60;
	ip[6] = PROTO_TCP;
	ip[7] = TTL;
	memcpy(ip + 8, src, 16);
	memcpy(ip + 24, dst, 16);
	h->len = GEN_ETH + GEN_IP6 + GEN_TCP_LEN;
}

void gen_head_make(struct gen_head *h, unsigned family, const uint8_t own_mac[6],
	const uint8_t far_mac[6], const struct gen_addr *src, const struct gen_addr *dst,
	uint16_t sport, uint16_t dport)
{
	*h = (struct gen_head){.family = (uint8_t)family};
	memcpy(h->octets, far_mac, 6);
	memcpy(h->octets + 6, own_mac, 6);
	if (family == 4)
		ip4_head(h, src, dst);
	else
		ip6_head(h, src, dst);
	uint8_t *tcp = h->octets + h->len - GEN_TCP_LEN;
	put16(tcp, sport);
	put16(tcp + 2, dport);
	h->sum = fold(pseudo(h->octets + GEN_ETH, family, 0) + sum_of(tcp, 4));
}

void gen_head_answer(struct gen_head *h, const struct gen_seg *seg)
{
	const uint8_t *ip = seg->frame + GEN_ETH;
	struct gen_addr src = {0}, dst = {0};

	if (seg->family == 4) {
		memcpy(src.b + 12, ip + 16, 4);
		memcpy(dst.b + 12, ip + 12, 4);
	} else {
		memcpy(src.b, ip + 24, 16);
		memcpy(dst.b, ip + 8, 16);
	}
	gen_head_make(
		h, seg->family, seg->frame, seg->frame + 6, &src, &dst, seg->dport, seg->sport);
}

size_t gen_frame_make(uint8_t *frame, const struct gen_head *h, const struct gen_out_seg *s)
{
	uint32_t option = s->mss != 0 ? GEN_MSS_LEN : 0;
	uint32_t tcp_len = GEN_TCP_LEN + option + s->len;
	uint8_t *ip = frame + GEN_ETH, *tcp = frame + h->len - GEN_TCP_LEN;

	memcpy(frame, h->octets, h->len);
	if (h->family == 4) {
		put16(ip + 2, GEN_IP4 + tcp_len);
		put16(ip + 4, s->id);
		put_sum(ip + 10, h->ip_sum + sum_of(ip + 2, 4));
	} else {
		put16(ip + 4, tcp_len);
	}
	put32(tcp + 4, s->seq);
	put32(tcp + 8, s->ack);
	tcp[12] = (uint8_t)((GEN_TCP_LEN + option) / 4 << 4);
	tcp[13] = s->flags;
	put16(tcp + 14, s->window);
	put32(tcp + 16, 0);
	if (option > 0) {
		tcp[GEN_TCP_LEN] = MSS_KIND;
		tcp[GEN_TCP_LEN + 1] = GEN_MSS_LEN;
		put16(tcp + GEN_TCP_LEN + 2, s->mss);
	}
	uint8_t len[2] = {(uint8_t)(tcp_len >> 8), (uint8_t)tcp_len};
	put_sum(tcp + 16, h->sum + sum_of(len, 2) + sum_of(tcp + 4, tcp_len - 4));
	return h->len + option + s->len;
}

void gen_frame_mend(uint8_t *frame, size_t n)
{
	struct gen_seg seg;

	if (gen_frame_read(frame, n, false, &seg) != GEN_READ_TCP)
		return;
	uint8_t *ip = frame + GEN_ETH, *tcp = ip + (seg.family == 4 ? GEN_IP4 : GEN_IP6);
	uint32_t tcp_len = (uint32_t)(seg.payload - tcp) + seg.len;
	put16(tcp + 16, 0);
	put_sum(tcp + 16, pseudo(ip, seg.family, tcp_len) + sum_of(tcp, tcp_len));
}
