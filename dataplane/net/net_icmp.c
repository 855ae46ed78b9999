// SPDX-License-Identifier: BSD-3-Clause
// Echo (RFC 792, RFC 4443 4) and errors. What is quoted is what came: as much of it as fits 576
// bytes of IPv4 (RFC 1812 4.3.2.3) and 1,280 of IPv6 (RFC 4443 2.4(c)).
// Thread: any; no state.
#include "net_icmp.h"

#include "wire_csum.h"
#include "wire_field.h"
#include "wire_icmp.h"
#include "wire_tcp.h"

enum {
	ECHO_REPLY = 0,
	ECHO_REQUEST = 8,
	ECHO6_REQUEST = 128,
	ECHO6_REPLY = 129,
	V4_MAX = 576,
	V6_MAX = 1280,
	TTL = 64,
	CODE_FRAG_NEEDED = 4,
	CODE_HOST = 1,      // IPv4: host unreachable
	CODE_ADDRESS = 3,   // IPv6: address unreachable
	FRAG_MASK = 0x3fff, // more to come, or not the first
	OFFSET_MASK = 0x1fff,
};

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t t = a[i];

		a[i] = b[i];
		b[i] = t;
	}
}

// The type is the upper half of a word of the sum, which is mended (RFC 1624).
static void type_set(uint8_t *icmp, uint8_t type)
{
	uint16_t before, after, csum;

	memcpy(&before, icmp, 2);
	icmp[0] = type;
	memcpy(&after, icmp, 2);
	memcpy(&csum, icmp + 2, 2);
	csum = wire_csum_update16(csum, before, after);
	memcpy(icmp + 2, &csum, 2);
}

static bool echo4(uint8_t *ip, size_t n)
{
	size_t head = n < WIRE_IP4_LEN ? 0 : (ip[0] & 15) * 4u;
	struct wire_view v = {.family = 4};

	// An answer with somebody's options, a source route among them, is not worth the trouble.
	if (head != WIRE_IP4_LEN || n < head + WIRE_ICMP_LEN || ip[9] != WIRE_IPPROTO_ICMP ||
		(wire_get16(ip + 6) & FRAG_MASK) != 0 || ip[head] != ECHO_REQUEST ||
		ip[head + 1] != 0)
		return false;
	swap(ip + 12, ip + 16, 4);
	ip[8] = TTL;
	wire_ip_csum_set(ip, n, &v);
	type_set(ip + head, ECHO_REPLY);
	return true;
}

static bool echo6(uint8_t *ip, size_t n)
{
	if (n < WIRE_IP6_LEN + WIRE_ICMP_LEN || ip[6] != WIRE_IPPROTO_ICMPV6 ||
		ip[WIRE_IP6_LEN] != ECHO6_REQUEST || ip[WIRE_IP6_LEN + 1] != 0)
		return false;
	swap(ip + 8, ip + 24, 16);
	ip[7] = TTL;
	type_set(ip + WIRE_IP6_LEN, ECHO6_REPLY);
	return true;
}

bool net_icmp_echo(uint8_t *frame, size_t n, size_t off)
{
	uint8_t *ip = frame + off;

	if (n <= off ||
		!(ip[0] >> 4 == 4 ? echo4(ip, n - off) : ip[0] >> 4 == 6 && echo6(ip, n - off)))
		return false;
	swap(frame, frame + NET_MAC_LEN, NET_MAC_LEN);
	return true;
}

static bool is_due4(const uint8_t *ip, size_t n)
{
	struct addr src = addr_from_v4(ip + 12), dst = addr_from_v4(ip + 16);
	size_t head = (ip[0] & 15) * 4u;

	if (head < WIRE_IP4_LEN || n < head + 1 || (wire_get16(ip + 6) & OFFSET_MASK) != 0 ||
		ip[12] == 0 || ip[12] == 127 || net_is_multicast(&src) || net_is_multicast(&dst))
		return false;
	return ip[9] != WIRE_IPPROTO_ICMP || !wire_icmp_is_error(ip[head]);
}

static bool is_due6(const uint8_t *ip, size_t n)
{
	static const uint8_t none[16];
	struct addr src = addr_from_v6(ip + 8), dst = addr_from_v6(ip + 24);

	if (n < WIRE_IP6_LEN + 1 || memcmp(src.b, none, sizeof(none)) == 0 ||
		net_is_multicast(&src) || net_is_multicast(&dst))
		return false;
	// Types below 128 are errors, known or not (RFC 4443 2.1).
	return ip[6] != WIRE_IPPROTO_ICMPV6 || ip[WIRE_IP6_LEN] >= 128;
}

bool net_icmp_is_due(struct span frame, size_t off)
{
	const uint8_t *ip = frame.p + off;

	if (frame.n < off + WIRE_IP4_LEN || net_mac_is_group(frame.p))
		return false;
	return ip[0] >> 4 == 4 ? is_due4(ip, frame.n - off)
			       : ip[0] >> 4 == 6 && is_due6(ip, frame.n - off);
}

static void error4_type(uint8_t *icmp, enum net_icmp_why why, uint32_t mtu)
{
	icmp[0] = why == NET_ICMP_TIME ? WIRE_ICMP_TIME : WIRE_ICMP_UNREACHABLE;
	if (why == NET_ICMP_TOO_BIG) {
		icmp[1] = CODE_FRAG_NEEDED;
		wire_put16(icmp + 6, mtu & 0xffff); // RFC 1191 4
	} else if (why == NET_ICMP_NO_HOST) {
		icmp[1] = CODE_HOST;
	}
}

static void error6_type(uint8_t *icmp, enum net_icmp_why why, uint32_t mtu)
{
	static const uint8_t types[] = {[NET_ICMP_TIME] = WIRE_ICMP6_TIME,
		[NET_ICMP_TOO_BIG] = WIRE_ICMP6_TOO_BIG,
		[NET_ICMP_NO_ROUTE] = WIRE_ICMP6_UNREACHABLE,
		[NET_ICMP_NO_HOST] = WIRE_ICMP6_UNREACHABLE};

	icmp[0] = types[why];
	if (why == NET_ICMP_TOO_BIG)
		wire_put32(icmp + 4, mtu);
	else if (why == NET_ICMP_NO_HOST)
		icmp[1] = CODE_ADDRESS;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t error4(uint8_t *ip, const struct addr *own, struct span packet, enum net_icmp_why why,
	uint32_t mtu)
{
	size_t head = WIRE_IP4_LEN + WIRE_ICMP_LEN, quoted = least(packet.n, V4_MAX - head);
	struct wire_view v = {.family = 4};
	uint8_t *icmp = ip + WIRE_IP4_LEN;
	uint16_t csum;

	memset(ip, 0, head);
	ip[0] = 0x45;
	wire_put16(ip + 2, (unsigned)(head + quoted));
	ip[8] = TTL;
	ip[9] = WIRE_IPPROTO_ICMP;
	memcpy(ip + 12, own->b + 12, 4);
	memcpy(ip + 16, packet.p + 12, 4);
	memcpy(ip + head, packet.p, quoted);
	error4_type(icmp, why, mtu);
	csum = (uint16_t)~wire_sum_fold(wire_sum(0, icmp, WIRE_ICMP_LEN + quoted));
	memcpy(icmp + 2, &csum, 2);
	wire_ip_csum_set(ip, head + quoted, &v);
	return head + quoted;
}

static size_t error6(uint8_t *ip, const struct addr *own, struct span packet, enum net_icmp_why why,
	uint32_t mtu)
{
	size_t head = WIRE_IP6_LEN + WIRE_ICMP_LEN, quoted = least(packet.n, V6_MAX - head);
	size_t len = WIRE_ICMP_LEN + quoted;
	const uint8_t tail[4] = {0, WIRE_IPPROTO_ICMPV6, (uint8_t)(len >> 8), (uint8_t)len};
	uint8_t *icmp = ip + WIRE_IP6_LEN;
	uint16_t csum;

	memset(ip, 0, head);
	ip[0] = 0x60;
	wire_put16(ip + 4, (unsigned)len);
	ip[6] = WIRE_IPPROTO_ICMPV6;
	ip[7] = TTL;
	memcpy(ip + 8, own->b, 16);
	memcpy(ip + 24, packet.p + 8, 16);
	memcpy(ip + head, packet.p, quoted);
	error6_type(icmp, why, mtu);
	csum = (uint16_t)~wire_sum_fold(
		wire_sum(wire_sum(wire_sum(0, tail, sizeof(tail)), ip + 8, 32), icmp, len));
	memcpy(icmp + 2, &csum, 2);
	return head + quoted;
}

// The packet alone: what pads a short frame is not quoted.
static struct span packet_of(struct span frame, size_t off)
{
	const uint8_t *ip = frame.p + off;
	size_t n = ip[0] >> 4 == 4 ? wire_get16(ip + 2) : WIRE_IP6_LEN + (size_t)wire_get16(ip + 4);

	return (struct span){.p = ip, .n = least(n, frame.n - off)};
}

size_t net_icmp_error(uint8_t *buf, const struct net_iface *i, struct span frame, size_t off,
	enum net_icmp_why why, uint32_t mtu)
{
	struct span packet = packet_of(frame, off);
	bool v4 = packet.p[0] >> 4 == 4;
	struct addr to = v4 ? addr_from_v4(packet.p + 12) : addr_from_v6(packet.p + 8);
	const struct addr *own = net_source(i, &to);
	size_t n;

	if (own == NULL)
		return 0;
	n = net_l2_write(buf, i, frame.p + NET_MAC_LEN, v4 ? WIRE_TYPE_IP4 : WIRE_TYPE_IP6);
	return n +
		(v4 ? error4(buf + n, own, packet, why, mtu)
		    : error6(buf + n, own, packet, why, mtu));
}
