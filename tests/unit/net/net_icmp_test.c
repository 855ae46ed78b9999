// SPDX-License-Identifier: BSD-3-Clause
// Echo answered in place; errors about packets, and the packets about which there is none.
#include "net_icmp.h"
#include "net_world.h"
#include "wire_field.h"
#include "wire_icmp.h"
#include "wire_parse.h"
#include "wire_tcp.h"

enum { PAYLOAD = 40 };

struct packet {
	uint8_t b[NET_ICMP_FRAME_MAX + 1600];
	size_t n;
};

static uint16_t slow_csum(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += (uint32_t)p[i] << (i % 2 == 0 ? 8 : 0);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static struct packet make(unsigned family, uint8_t proto, const uint8_t *payload, size_t n)
{
	struct packet p = {0};
	uint8_t *ip = p.b + 14;

	(void)net_l2_write(
		p.b, &far_iface, own_iface.mac, family == 4 ? WIRE_TYPE_IP4 : WIRE_TYPE_IP6);
	if (family == 4) {
		ip[0] = 0x45;
		wire_put16(ip + 2, (unsigned)(20 + n));
		ip[8] = 9;
		ip[9] = proto;
		memcpy(ip + 12, "\xc0\x00\x02\x02\xc0\x00\x02\x01", 8);
		wire_put16(ip + 10, slow_csum(0, ip, 20));
		memcpy(ip + 20, payload, n);
		p.n = 14 + 20 + n;
	} else {
		struct addr src = at("fd00::2"), dst = at("fd00::1");

		ip[0] = 0x60;
		wire_put16(ip + 4, (unsigned)n);
		ip[6] = proto;
		ip[7] = 9;
		memcpy(ip + 8, src.b, 16);
		memcpy(ip + 24, dst.b, 16);
		memcpy(ip + 40, payload, n);
		p.n = 14 + 40 + n;
	}
	return p;
}

static struct packet ping(unsigned family)
{
	uint8_t icmp[8 + PAYLOAD] = {family == 4 ? 8 : 128, 0, 0, 0, 0x12, 0x34, 0, 1};
	uint32_t pseudo = 0;
	struct packet p;

	memset(icmp + 8, 'p', PAYLOAD);
	p = make(family, family == 4 ? WIRE_IPPROTO_ICMP : WIRE_IPPROTO_ICMPV6, icmp, sizeof(icmp));
	for (unsigned i = 0; family == 6 && i < 32; i += 2)
		pseudo += wire_get16(p.b + 14 + 8 + i);
	if (family == 6)
		pseudo += sizeof(icmp) + WIRE_IPPROTO_ICMPV6;
	wire_put16(p.b + p.n - sizeof(icmp) + 2, slow_csum(pseudo, icmp, sizeof(icmp)));
	return p;
}

static void a_ping_is_turned_round_with_checksums_that_are_right(void **)
{
	for (unsigned family = 4; family <= 6; family += 2) {
		struct packet p = ping(family);
		struct wire_view v;
		struct addr src, dst, own = at(family == 4 ? "192.0.2.1" : "fd00::1");

		assert_true(net_icmp_echo(p.b, p.n, 14));
		wire_parse(frame_of(p.b, p.n), &v);
		assert_int_equal(v.proto, WIRE_ICMP);
		assert_true(wire_icmp_csum_ok(frame_of(p.b, p.n), &v));
		assert_int_equal(p.b[v.l4_off], family == 4 ? 0 : 129);
		wire_addrs(frame_of(p.b, p.n), &v, &src, &dst);
		assert_true(addr_eq(&src, &own));
		assert_memory_equal(p.b, far_iface.mac, NET_MAC_LEN);
		if (family == 4)
			assert_int_equal(slow_csum(0, p.b + 14, 20), 0);
	}
}

static void what_is_no_ping_is_left_as_it_is(void **)
{
	struct packet reply = ping(4), cut = ping(4), fragment = ping(4), udp;
	struct packet before;

	assert_true(net_icmp_echo(reply.b, reply.n, 14)); // now it is an answer
	cut.n = 14 + 20 + 7;
	wire_put16(fragment.b + 14 + 6, 0x2000);
	udp = make(4, WIRE_IPPROTO_UDP, (const uint8_t *)"12345678", 8);
	struct packet *const all[] = {&reply, &cut, &fragment, &udp};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		before = *all[i];
		assert_false(net_icmp_echo(all[i]->b, all[i]->n, 14));
		assert_memory_equal(&before, all[i], sizeof(before));
	}
}

static void an_error_quotes_what_it_is_about(void **)
{
	static const struct {
		enum net_icmp_why why;
		uint8_t type4, code4, type6, code6;
	} rows[] = {{NET_ICMP_TIME, 11, 0, 3, 0}, {NET_ICMP_TOO_BIG, 3, 4, 2, 0},
		{NET_ICMP_NO_ROUTE, 3, 0, 1, 0}, {NET_ICMP_NO_HOST, 3, 1, 1, 3}};

	for (unsigned family = 4; family <= 6; family += 2)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			uint8_t tcp[20] = {0x30, 0x39, 0, 25, [12] = 0x50, [13] = 0x02};
			struct packet p = make(family, WIRE_IPPROTO_TCP, tcp, sizeof(tcp));
			uint8_t out[NET_ICMP_FRAME_MAX];
			struct wire_quote q;
			struct wire_view v;
			size_t n;

			assert_true(net_icmp_is_due(frame_of(p.b, p.n), 14));
			n = net_icmp_error(
				out, &own_iface, frame_of(p.b, p.n), 14, rows[i].why, 1400);
			wire_parse(frame_of(out, n), &v);
			assert_int_equal(v.proto, WIRE_ICMP);
			assert_true(wire_icmp_csum_ok(frame_of(out, n), &v));
			assert_int_equal(
				out[v.l4_off], family == 4 ? rows[i].type4 : rows[i].type6);
			assert_int_equal(
				out[v.l4_off + 1], family == 4 ? rows[i].code4 : rows[i].code6);
			assert_true(wire_icmp_quote(frame_of(out, n), &v, &q));
			assert_int_equal(q.dport, 25);
			assert_int_equal(q.too_big, rows[i].why == NET_ICMP_TOO_BIG);
			if (q.too_big)
				assert_int_equal(q.mtu, 1400);
			assert_memory_equal(out, far_iface.mac, NET_MAC_LEN);
		}
}

static void an_error_is_as_long_as_it_may_be_and_no_longer(void **)
{
	static const uint8_t much[1500];
	uint8_t out[NET_ICMP_FRAME_MAX];
	struct packet p4 = make(4, WIRE_IPPROTO_UDP, much, 1400),
		      p6 = make(6, WIRE_IPPROTO_UDP, much, 1400);

	assert_int_equal(
		net_icmp_error(out, &own_iface, frame_of(p4.b, p4.n), 14, NET_ICMP_TIME, 0),
		14 + 576);
	assert_int_equal(
		net_icmp_error(out, &tag_iface, frame_of(p6.b, p6.n), 14, NET_ICMP_TIME, 0),
		18 + 1280);
}

static void there_is_no_error_about_errors_groups_or_later_fragments(void **)
{
	uint8_t error4[8] = {3, 1}, error6[8] = {1, 0};
	struct packet p = make(4, WIRE_IPPROTO_ICMP, error4, sizeof(error4));

	assert_false(net_icmp_is_due(frame_of(p.b, p.n), 14));
	p = make(6, WIRE_IPPROTO_ICMPV6, error6, sizeof(error6));
	assert_false(net_icmp_is_due(frame_of(p.b, p.n), 14));
	p = make(4, WIRE_IPPROTO_UDP, error4, sizeof(error4));
	assert_true(net_icmp_is_due(frame_of(p.b, p.n), 14));
	p.b[0] |= 1; // to a group of the link
	assert_false(net_icmp_is_due(frame_of(p.b, p.n), 14));
	p.b[0] &= 0xfe;
	wire_put16(p.b + 14 + 6, 5);
	assert_false(net_icmp_is_due(frame_of(p.b, p.n), 14));
	wire_put16(p.b + 14 + 6, 0);
	p.b[14 + 12] = 0; // from nobody
	assert_false(net_icmp_is_due(frame_of(p.b, p.n), 14));
	p = make(6, WIRE_IPPROTO_UDP, error4, sizeof(error4));
	memset(p.b + 14 + 8, 0, 16);
	assert_false(net_icmp_is_due(frame_of(p.b, p.n), 14));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ping_is_turned_round_with_checksums_that_are_right),
		cmocka_unit_test(what_is_no_ping_is_left_as_it_is),
		cmocka_unit_test(an_error_quotes_what_it_is_about),
		cmocka_unit_test(an_error_is_as_long_as_it_may_be_and_no_longer),
		cmocka_unit_test(there_is_no_error_about_errors_groups_or_later_fragments),
	};

	return cmocka_run_group_tests_name("net icmp", tests, NULL, NULL);
}
