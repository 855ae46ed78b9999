// SPDX-License-Identifier: BSD-3-Clause
// An ICMP error quotes the packet that caused it: under IPv4 often no more than 8 bytes behind the
// IP header, which is just the ports and the sequence number. The quoted lengths are the packet's
// own and say nothing about how much is there.
// Thread: any; no state.
#include "wire_icmp.h"

#include "wire_int.h"
#include "wire_tcp.h"

enum {
	QUOTED_MIN = 8, // ports, sequence number
	QUOTED_ACK = 12,
	CODE_FRAG_NEEDED = 4,
	OFF_CSUM = 2, // in ICMP
	OFF_MTU = 4,
	OFF_MTU_V4 = 6,
};

static bool quoted_v4(struct span in, struct wire_quote *q, unsigned *head)
{
	if (in.n < WIRE_IP4_LEN || in.p[0] >> 4 != 4 || in.p[9] != WIRE_IPPROTO_TCP ||
		(wire_get16(in.p + 6) & 0x1fff) != 0)
		return false;
	*head = (unsigned)(in.p[0] & 15) * 4;
	q->packet_len = wire_get16(in.p + 2);
	q->src = addr_from_v4(in.p + 12);
	q->dst = addr_from_v4(in.p + 16);
	return *head >= WIRE_IP4_LEN;
}

static bool quoted_v6(struct span in, struct wire_quote *q, unsigned *head)
{
	uint8_t next;

	if (in.n < WIRE_IP6_LEN || in.p[0] >> 4 != 6)
		return false;
	next = in.p[6];
	*head = WIRE_IP6_LEN;
	for (unsigned i = 0; wire_is_extension(next); i++) {
		const uint8_t *h = in.p + *head;

		if (i == WIRE_EXT_MAX || in.n - *head < 8)
			return false;
		if (next == WIRE_IPPROTO_FRAGMENT && (wire_get16(h + 2) & 0xfff8) != 0)
			return false;
		*head += wire_extension_len(next, h);
		if (*head > in.n)
			return false;
		next = h[0];
	}
	q->packet_len = WIRE_IP6_LEN + wire_get16(in.p + 4);
	q->src = addr_from_v6(in.p + 8);
	q->dst = addr_from_v6(in.p + 24);
	return next == WIRE_IPPROTO_TCP;
}

static void too_big_read(const uint8_t *icmp, uint8_t family, struct wire_quote *q)
{
	if (family == 4) {
		q->too_big = icmp[0] == WIRE_ICMP_UNREACHABLE && icmp[1] == CODE_FRAG_NEEDED;
		q->mtu = q->too_big ? wire_get16(icmp + OFF_MTU_V4) : 0;
	} else {
		q->too_big = icmp[0] == WIRE_ICMP6_TOO_BIG;
		q->mtu = q->too_big ? wire_get32(icmp + OFF_MTU) : 0;
	}
}

bool wire_icmp_quote(struct span frame, const struct wire_view *v, struct wire_quote *q)
{
	const uint8_t *icmp = frame.p + v->l4_off;
	struct span in = span_sub(frame, v->payload_off, v->payload_len);
	unsigned head = 0;

	*q = (struct wire_quote){0};
	if (v->proto != WIRE_ICMP)
		return false;
	if (v->family == 4 ? !wire_icmp_is_error(icmp[0]) || !quoted_v4(in, q, &head)
			   : !wire_icmp6_is_error(icmp[0]) || !quoted_v6(in, q, &head))
		return false;
	if (head > in.n || in.n - head < QUOTED_MIN)
		return false;
	too_big_read(icmp, v->family, q);
	q->tcp_off = (uint16_t)(v->payload_off + head);
	q->tcp_len = (uint16_t)(in.n - head);
	q->sport = wire_get16(in.p + head);
	q->dport = wire_get16(in.p + head + 2);
	q->seq = wire_get32(in.p + head + 4);
	q->has_ack = q->tcp_len >= QUOTED_ACK;
	q->ack = q->has_ack ? wire_get32(in.p + head + 8) : 0;
	return true;
}

bool wire_icmp_csum_ok(struct span frame, const struct wire_view *v)
{
	const uint8_t *ip = frame.p + v->l3_off;
	unsigned len = (unsigned)v->l3_off + v->l3_len - v->l4_off;
	uint8_t tail[4] = {0, WIRE_IPPROTO_ICMPV6, (uint8_t)(len >> 8), (uint8_t)len};
	uint64_t sum = wire_sum(0, frame.p + v->l4_off, len);

	if (v->family == 6) // RFC 4443 2.3
		sum = wire_sum(wire_sum(sum, tail, sizeof(tail)), ip + 8, 32);
	return wire_sum_fold(sum) == 0xffff;
}

static void csum_mend(uint8_t *field, uint16_t before, uint16_t after)
{
	uint16_t csum;

	memcpy(&csum, field, sizeof(csum));
	csum = wire_csum_update16(csum, before, after);
	memcpy(field, &csum, sizeof(csum));
}

void wire_icmp_quote_set(uint8_t *frame, const struct wire_view *v, const struct wire_quote *q,
	uint32_t seq, uint32_t ack)
{
	uint8_t *tcp = frame + q->tcp_off;
	const unsigned numbers = q->has_ack ? QUOTED_ACK : QUOTED_MIN;
	const bool has_csum = q->tcp_len >= WIRE_TCP_CSUM + 2;
	const unsigned n = has_csum ? WIRE_TCP_CSUM + 2 : numbers;
	uint16_t all = wire_sum_fold(wire_sum(0, tcp, n));
	uint16_t before = wire_sum_fold(wire_sum(0, tcp, numbers));

	wire_put32(tcp + 4, seq);
	if (q->has_ack)
		wire_put32(tcp + 8, ack);
	if (has_csum)
		csum_mend(tcp + WIRE_TCP_CSUM, before, wire_sum_fold(wire_sum(0, tcp, numbers)));
	csum_mend(frame + v->l4_off + OFF_CSUM, all, wire_sum_fold(wire_sum(0, tcp, n)));
}
