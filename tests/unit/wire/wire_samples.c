// SPDX-License-Identifier: BSD-3-Clause
// See wire_samples.h.
#include "wire_samples.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint8_t *take(struct sample *s, size_t n)
{
	uint8_t *p = s->b + s->n;

	if (n > sizeof(s->b) - s->n)
		abort();
	memset(p, 0, n);
	s->n += n;
	return p;
}

void sample_bytes(struct sample *s, const void *bytes, size_t n)
{
	uint8_t *p = take(s, n);

	if (n != 0)
		memcpy(p, bytes, n);
}

void sample_eth(struct sample *s, uint16_t ethertype)
{
	uint8_t *p;

	memset(s, 0, sizeof(*s));
	p = take(s, 14);
	memcpy(p, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01", 12);
	put16(p + 12, ethertype);
}

void sample_tag(struct sample *s, uint16_t tci, uint16_t ethertype)
{
	uint8_t *p = take(s, 4);

	put16(p, tci);
	put16(p + 2, ethertype);
}

void sample_label(struct sample *s, uint32_t label, bool bottom)
{
	uint8_t *p = take(s, 4);

	put16(p, label >> 4);
	p[2] = (uint8_t)(label << 4 | bottom);
	p[3] = 64;
}

void sample_pppoe(struct sample *s, uint16_t ppp)
{
	uint8_t *p = take(s, 8);

	s->pppoe = s->n - 8;
	p[0] = 0x11;
	put16(p + 2, 0x1234);
	put16(p + 6, ppp);
}

void sample_ip4(struct sample *s, uint8_t proto, unsigned option_bytes, uint16_t frag)
{
	uint8_t *p = take(s, 20 + option_bytes);

	s->ip = s->n - 20 - option_bytes;
	s->l4 = s->n;
	s->family = 4;
	s->last = proto;
	p[0] = (uint8_t)(0x40 | (20 + option_bytes) / 4);
	p[1] = 0x28;
	put16(p + 4, 0xbeef);
	put16(p + 6, frag);
	p[8] = 57;
	p[9] = proto;
	memcpy(p + 12, "\x0a\x4d\x00\x01\x0a\x4d\x00\x02", 8);
	memset(p + 20, 1, option_bytes); // NOP
}

void sample_ip6(struct sample *s, uint8_t next)
{
	uint8_t *p = take(s, 40);

	s->ip = s->n - 40;
	s->l4 = s->n;
	s->family = 6;
	s->last = next;
	memcpy(p, "\x62\x8a\xbc\xde", 4); // class 0x28, label 0xabcde
	p[6] = next;
	p[7] = 57;
	memcpy(p + 8, "\xfd\x77\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	memcpy(p + 24, "\xfd\x77\0\0\0\0\0\0\0\0\0\0\0\0\0\x02", 16);
}

void sample_ext(struct sample *s, uint8_t next, unsigned bytes)
{
	uint8_t *p = take(s, bytes);

	p[0] = next;
	p[1] = (uint8_t)(s->last == 51 ? bytes / 4 - 2 : bytes / 8 - 1);
	s->last = next;
	s->l4 = s->n;
}

void sample_frag6(struct sample *s, uint8_t next, uint16_t offset_flags)
{
	uint8_t *p = take(s, 8);

	p[0] = next;
	p[1] = 0xff; // reserved: not a length
	put16(p + 2, offset_flags);
	s->last = next;
	s->l4 = s->n;
}

void sample_tcp(struct sample *s, uint8_t flags, const void *options, unsigned option_bytes)
{
	uint8_t *p = take(s, 20);

	put16(p, 40000);
	put16(p + 2, 25);
	memcpy(p + 4, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
	p[12] = (uint8_t)((20 + option_bytes) / 4 << 4);
	p[13] = flags;
	put16(p + 14, 0xfaf0);
	sample_bytes(s, options, option_bytes);
}

void sample_udp(struct sample *s, uint16_t dport, unsigned payload_bytes)
{
	uint8_t *p = take(s, 8 + payload_bytes);

	put16(p, 5353);
	put16(p + 2, dport);
	put16(p + 4, 8 + payload_bytes);
}

uint16_t slow_sum(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

uint16_t slow_tcp_csum(const uint8_t *frame, const struct wire_view *v)
{
	unsigned len = (unsigned)v->l3_off + v->l3_len - v->l4_off;
	const uint8_t *ip = frame + v->l3_off, *tcp = frame + v->l4_off;
	uint32_t sum = v->family == 4 ? slow_sum(6, ip + 12, 8) : slow_sum(6, ip + 8, 32);

	sum = (sum + len) % 0xffff; // one's complement addition, with the one zero that is 0
	sum = slow_sum(sum, tcp, 16);
	return (uint16_t)~slow_sum(sum, tcp + 18, len - 18);
}

void sample_close(struct sample *s)
{
	uint8_t *ip = s->b + s->ip;

	if (s->pppoe != 0)
		put16(s->b + s->pppoe + 4, (unsigned)(s->n - s->pppoe - 6));
	if (s->family == 4) {
		unsigned head = (unsigned)(ip[0] & 15) * 4;

		put16(ip + 2, (unsigned)(s->n - s->ip));
		put16(ip + 10, 0);
		put16(ip + 10, (uint16_t)~slow_sum(0, ip, head));
	} else if (s->family == 6) {
		put16(ip + 4, (unsigned)(s->n - s->ip - 40));
	}
	if (s->family != 0 && s->last == 6 && s->n >= s->l4 + 20) {
		struct wire_view v = {
			.family = (uint8_t)s->family,
			.l3_off = (uint16_t)s->ip,
			.l3_len = (uint16_t)(s->n - s->ip),
			.l4_off = (uint16_t)s->l4,
		};

		put16(s->b + s->l4 + 16, slow_tcp_csum(s->b, &v));
	}
}

uint8_t *sample_copy(const struct sample *s, size_t n)
{
	uint8_t *p = malloc(n == 0 ? 1 : n);

	if (p == NULL)
		abort();
	memcpy(p, s->b, n);
	return p;
}

static const char HELO[] = "HELO client.example.net\r\n";
static const uint8_t TS[12] = {1, 1, 8, 10, 0, 0, 1, 2, 0, 0, 3, 4};

static void data_tcp(struct sample *s)
{
	sample_tcp(s, TCP_ACK | TCP_PSH, TS, sizeof(TS));
	sample_bytes(s, HELO, sizeof(HELO) - 1);
}

static void plain_ip4(struct sample *s)
{
	sample_eth(s, 0x0800);
	sample_ip4(s, 6, 0, 0x4000);
	data_tcp(s);
}

static void plain_ip6(struct sample *s)
{
	sample_eth(s, 0x86dd);
	sample_ip6(s, 6);
	data_tcp(s);
}

static void bare_ack(struct sample *s)
{
	sample_eth(s, 0x0800);
	sample_ip4(s, 6, 0, 0x4000);
	sample_tcp(s, TCP_ACK, NULL, 0);
}

static void one_tag(struct sample *s)
{
	sample_eth(s, 0x8100);
	sample_tag(s, 0x6064, 0x0800);
	sample_ip4(s, 6, 0, 0);
	data_tcp(s);
}

static void three_tags(struct sample *s)
{
	sample_eth(s, 0x88a8);
	sample_tag(s, 100, 0x9100);
	sample_tag(s, 200, 0x8100);
	sample_tag(s, 300, 0x86dd);
	sample_ip6(s, 6);
	data_tcp(s);
}

static void four_tags(struct sample *s)
{
	sample_eth(s, 0x8100);
	for (unsigned i = 0; i < 3; i++)
		sample_tag(s, 1, 0x8100);
	sample_tag(s, 1, 0x0800);
	sample_ip4(s, 6, 0, 0);
	data_tcp(s);
}

static void mpls_ip4(struct sample *s)
{
	sample_eth(s, 0x8847);
	sample_label(s, 16, true);
	sample_ip4(s, 6, 0, 0);
	data_tcp(s);
}

static void mpls_four_ip6(struct sample *s)
{
	sample_eth(s, 0x8100);
	sample_tag(s, 7, 0x8848);
	for (unsigned i = 0; i < 4; i++)
		sample_label(s, 0xfffff, i == 3);
	sample_ip6(s, 6);
	data_tcp(s);
}

static void mpls_five(struct sample *s)
{
	sample_eth(s, 0x8847);
	for (unsigned i = 0; i < 5; i++)
		sample_label(s, 16, i == 4);
	sample_ip4(s, 6, 0, 0);
	data_tcp(s);
}

static void mpls_pseudowire(struct sample *s)
{
	sample_eth(s, 0x8847);
	sample_label(s, 16, true);
	sample_bytes(s, "\0\0\0\0", 4); // control word
	sample_bytes(s, HELO, sizeof(HELO));
}

static void pppoe_ip4(struct sample *s)
{
	sample_eth(s, 0x8864);
	sample_pppoe(s, 0x0021);
	sample_ip4(s, 6, 0, 0);
	data_tcp(s);
}

static void pppoe_ip6_tagged(struct sample *s)
{
	sample_eth(s, 0x8100);
	sample_tag(s, 7, 0x8864);
	sample_pppoe(s, 0x0057);
	sample_ip6(s, 6);
	data_tcp(s);
}

static void pppoe_lcp(struct sample *s)
{
	sample_eth(s, 0x8864);
	sample_pppoe(s, 0xc021);
	sample_bytes(s, "\x09\x01\0\x08\0\0\0\0", 8);
}

static void pppoe_short_protocol(struct sample *s)
{
	sample_eth(s, 0x8864);
	sample_pppoe(s, 0x2145); // 0x21 in one byte, then an IPv4 header
	sample_bytes(s, HELO, sizeof(HELO));
}

static void ip4_options(struct sample *s)
{
	sample_eth(s, 0x0800);
	sample_ip4(s, 6, 40, 0);
	data_tcp(s);
}

static void ip4_first_fragment(struct sample *s)
{
	sample_eth(s, 0x0800);
	sample_ip4(s, 6, 0, 0x2000);
	data_tcp(s);
}

static void ip4_later_fragment(struct sample *s)
{
	sample_eth(s, 0x0800);
	sample_ip4(s, 6, 0, 0x0003);
	sample_bytes(s, HELO, 16);
}

static void ip6_extensions(struct sample *s)
{
	static const uint8_t CHAIN[] = {60, 43, 60, 51};

	sample_eth(s, 0x86dd);
	sample_ip6(s, 0);
	for (unsigned i = 0; i < COUNT(CHAIN); i++)
		sample_ext(s, CHAIN[i], 8 * (i + 1));
	sample_ext(s, 6, 24); // authentication
	data_tcp(s);
}

static void ip6_eight_extensions(struct sample *s)
{
	sample_eth(s, 0x86dd);
	sample_ip6(s, 60);
	for (unsigned i = 0; i < 8; i++)
		sample_ext(s, i == 7 ? 6 : 60, 8);
	data_tcp(s);
}

static void ip6_nine_extensions(struct sample *s)
{
	sample_eth(s, 0x86dd);
	sample_ip6(s, 60);
	for (unsigned i = 0; i < 9; i++)
		sample_ext(s, i == 8 ? 6 : 60, 8);
	data_tcp(s);
}

static void ip6_first_fragment(struct sample *s)
{
	sample_eth(s, 0x86dd);
	sample_ip6(s, 0);
	sample_ext(s, 44, 8);
	sample_frag6(s, 6, 0x0001);
	data_tcp(s);
}

static void ip6_later_fragment(struct sample *s)
{
	sample_eth(s, 0x86dd);
	sample_ip6(s, 44);
	sample_frag6(s, 6, 0x0010);
	sample_bytes(s, HELO, 16);
}

static void ip6_atomic_fragment(struct sample *s)
{
	sample_eth(s, 0x86dd);
	sample_ip6(s, 44);
	sample_frag6(s, 6, 0x0006); // reserved bits don't make a fragment
	data_tcp(s);
}

static void udp_dns(struct sample *s)
{
	sample_eth(s, 0x0800);
	sample_ip4(s, 17, 0, 0);
	sample_udp(s, 53, 12);
}

static void udp_gtp(struct sample *s)
{
	sample_eth(s, 0x86dd);
	sample_ip6(s, 17);
	sample_udp(s, 2152, 20);
}

static void icmp4(struct sample *s)
{
	sample_eth(s, 0x0800);
	sample_ip4(s, 1, 0, 0);
	sample_bytes(s,
		"\x03\x04\0\0\0\0\x05\xdc"
		"quoted packet",
		21);
}

static void icmp6(struct sample *s)
{
	sample_eth(s, 0x86dd);
	sample_ip6(s, 58);
	sample_bytes(s, "\x02\0\0\0\0\0\x05\x00", 8);
}

static void gre(struct sample *s)
{
	sample_eth(s, 0x0800);
	sample_ip4(s, 47, 0, 0);
	sample_bytes(s, HELO, 16);
}

static void ip4_in_ip6(struct sample *s)
{
	sample_eth(s, 0x86dd);
	sample_ip6(s, 4);
	sample_bytes(s, HELO, 20);
}

static void sctp(struct sample *s)
{
	sample_eth(s, 0x0800);
	sample_ip4(s, 132, 0, 0);
	sample_bytes(s, HELO, 16);
}

static void arp(struct sample *s)
{
	static const uint8_t REQUEST[28] = {0, 1, 8, 0, 6, 4, 0, 1};

	sample_eth(s, 0x0806);
	sample_bytes(s, REQUEST, sizeof(REQUEST));
}

static void stp(struct sample *s)
{
	static const uint8_t BPDU[39] = {0x42, 0x42, 3};

	sample_eth(s, sizeof(BPDU));
	sample_bytes(s, BPDU, sizeof(BPDU));
}

static void snap_ip(struct sample *s)
{
	sample_eth(s, 28);
	sample_bytes(s, "\xaa\xaa\x03\0\0\0\x08\0", 8);
	sample_ip4(s, 1, 0, 0);
	s->family = 0; // not followed: nothing to close
}

#define M WIRE_F_MPLS
#define P WIRE_F_PPPOE
#define D WIRE_F_DEEP
#define F WIRE_F_FRAG_FIRST
#define T WIRE_F_TUNNEL

const struct sample_case SAMPLES[] = {
	{"TCP in IPv4", plain_ip4, WIRE_TCP, 0, 4, 6, 0},
	{"TCP in IPv6", plain_ip6, WIRE_TCP, 0, 6, 6, 0},
	{"a bare ACK", bare_ack, WIRE_TCP, 0, 4, 6, 0},
	{"one tag", one_tag, WIRE_TCP, 0, 4, 6, 1},
	{"three tags", three_tags, WIRE_TCP, 0, 6, 6, 3},
	{"four tags", four_tags, WIRE_OTHER, D, 0, 0, 3},
	{"one label, IPv4", mpls_ip4, WIRE_TCP, M, 4, 6, 0},
	{"a tag, four labels, IPv6", mpls_four_ip6, WIRE_TCP, M, 6, 6, 1},
	{"five labels", mpls_five, WIRE_OTHER, M | D, 0, 0, 0},
	{"a pseudowire", mpls_pseudowire, WIRE_OTHER, M | T, 0, 0, 0},
	{"PPPoE, IPv4", pppoe_ip4, WIRE_TCP, P, 4, 6, 0},
	{"a tag, PPPoE, IPv6", pppoe_ip6_tagged, WIRE_TCP, P, 6, 6, 1},
	{"PPPoE, LCP", pppoe_lcp, WIRE_OTHER, P, 0, 0, 0},
	{"PPPoE, compressed protocol", pppoe_short_protocol, WIRE_OTHER, P | T, 0, 0, 0},
	{"IPv4 with 40 bytes of options", ip4_options, WIRE_TCP, 0, 4, 6, 0},
	{"first fragment, IPv4", ip4_first_fragment, WIRE_FRAGMENT, F, 4, 6, 0},
	{"later fragment, IPv4", ip4_later_fragment, WIRE_FRAGMENT, 0, 4, 6, 0},
	{"IPv6, five extension headers", ip6_extensions, WIRE_TCP, 0, 6, 6, 0},
	{"IPv6, eight extension headers", ip6_eight_extensions, WIRE_TCP, 0, 6, 6, 0},
	{"IPv6, nine extension headers", ip6_nine_extensions, WIRE_OTHER, D, 6, 60, 0},
	{"first fragment, IPv6", ip6_first_fragment, WIRE_FRAGMENT, F, 6, 6, 0},
	{"later fragment, IPv6", ip6_later_fragment, WIRE_FRAGMENT, 0, 6, 6, 0},
	{"atomic fragment, IPv6", ip6_atomic_fragment, WIRE_TCP, 0, 6, 6, 0},
	{"DNS", udp_dns, WIRE_UDP, 0, 4, 17, 0},
	{"GTP-U", udp_gtp, WIRE_UDP, T, 6, 17, 0},
	{"ICMP error", icmp4, WIRE_ICMP, 0, 4, 1, 0},
	{"ICMPv6 error", icmp6, WIRE_ICMP, 0, 6, 58, 0},
	{"GRE", gre, WIRE_OTHER, T, 4, 47, 0},
	{"IPv4 in IPv6", ip4_in_ip6, WIRE_OTHER, T, 6, 4, 0},
	{"SCTP", sctp, WIRE_OTHER, 0, 4, 132, 0},
	{"ARP", arp, WIRE_OTHER, 0, 0, 0, 0},
	{"spanning tree", stp, WIRE_OTHER, 0, 0, 0, 0},
	{"IP in SNAP", snap_ip, WIRE_OTHER, T, 0, 0, 0},
};
const size_t SAMPLES_COUNT = COUNT(SAMPLES);

void sample_make(const struct sample_case *c, struct sample *s)
{
	c->make(s);
	sample_close(s);
}
