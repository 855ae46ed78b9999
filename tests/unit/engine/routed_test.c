// SPDX-License-Identifier: BSD-3-Clause
// Routed mode with EAL in this process: what is for us and what goes further, where it leaves and with which
// MACs, tags and TTL, what waits for its next hop, errors, and that each frame ends once.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_eal.h>

#include "eng_admin.h"
#include "eng_int.h"
#include "eng_net.h"
#include "net_arp.h"
#include "net_nd.h"
#include "suite_counters.h"
#include "wire_csum.h"
#include "wire_field.h"

enum { MBUFS = 4095, FRAME_MAX = 2000, A = 0, B = 1 };

static struct rte_mempool *pool;
static struct eng *engine;
static struct eng_worker *worker;
static uint64_t now_us = 10000000;

// The router on port A, the one on port B (VLAN 7), a host on A's link.
static const uint8_t mac_a[] = {2, 0xa, 0, 0, 0, 1}, mac_b[] = {2, 0xb, 0, 0, 0, 1};
static const struct net_iface router_a = {.mac = {2, 0, 0, 0, 0, 0xa},
	.naddrs = 2,
	.addr = {{.addr = {.b = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}}, .len = 120},
		{.addr = {.b = {0xfd, [15] = 1}}, .len = 64}}};
static const struct net_iface router_b = {.mac = {2, 0, 0, 0, 0, 0xb},
	.vlan = 7,
	.naddrs = 1,
	.addr = {{.addr = {.b = {[10] = 0xff, [11] = 0xff, 198, 51, 100, 1}}, .len = 120}}};

static struct addr at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct prefix net(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

// The host is reached by A, by an address of A's link and by one of its own.
static struct eng_admin_conf host(void)
{
	return (struct eng_admin_conf){.naddrs = 3,
		.addr = {at("192.0.2.9"), at("203.0.113.80"), at("fd00::9")},
		.from = 1};
}

static void engine_make(bool ttl_keep)
{
	const struct eng_admin_conf admin = host();
	const struct eng_route routes[] = {
		{.to = net("10.0.0.0/8"), .via = at("192.0.2.1"), .iface = 0},
		{.to = {.addr = {.b = {[10] = 0xff, [11] = 0xff}}, .len = 96},
			.via = at("198.51.100.1"),
			.iface = 1},
		{.to = net("fd77::/64"), .via = at("fd00::1"), .iface = 0}};
	const struct eng_routing routing = {.nifaces = 2,
		.routes = routes,
		.nroutes = 3,
		.ttl_keep = ttl_keep,
		.iface = {{.port = A,
				  .naddrs = 2,
				  .addr = {{.addr = at("192.0.2.2"), .len = 120},
					  {.addr = at("fd00::2"), .len = 64}}},
			{.port = B,
				.vlan = 7,
				.naddrs = 1,
				.addr = {{.addr = at("198.51.100.2"), .len = 120}}}}};
	struct eng_conf conf = {.mode = ENG_MODE_ROUTED,
		.workers = 1,
		.ports = 2,
		.flows = 64,
		.messages = 4,
		.slabs = 256,
		.pool = pool,
		.socket = SOCKET_ID_ANY,
		.routing = &routing,
		.admin = &admin};
	struct err_list err;

	err_init(&err);
	for (uint16_t i = 0; i < 2; i++) {
		conf.port[i] = (struct eng_port){.peer = ENG_NO_PORT, .mtu = 1500};
		memcpy(conf.port[i].mac, i == A ? mac_a : mac_b, 6);
	}
	engine = eng_new(&conf, &err);
	if (engine == NULL) {
		err_print(&err, stderr);
		fail_msg("no engine");
	}
	worker = eng_worker_at(engine, 0);
	(void)eng_turn(worker, now_us);
}

static void outs_empty(void)
{
	for (uint16_t p = 0; p < 2; p++) {
		struct eng_out *out = eng_out_of(worker, p);

		rte_pktmbuf_free_bulk(out->pkts, out->n);
		out->n = 0;
	}
}

static int set_up(void **)
{
	engine_make(false);
	return 0;
}

static int keep_set_up(void **)
{
	engine_make(true);
	return 0;
}

static int tear_down(void **)
{
	outs_empty();
	suite_counters_add(worker);
	eng_free(engine);
	assert_int_equal(rte_mempool_avail_count(pool), MBUFS); // each frame has ended once
	return 0;
}

// ---- frames

struct bytes {
	uint8_t b[FRAME_MAX];
	size_t n;
};

static void put(uint16_t port, const uint8_t *p, size_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)n), p, n);
	eng_rx(worker, port, &m, 1, now_us);
}

// The manager's and the worker's turns, until what one has for the other is done.
static void turns(void)
{
	for (unsigned i = 0; i < 40; i++) {
		eng_manage(engine, now_us);
		(void)eng_turn(worker, now_us);
	}
}

// What the port sends; 0: nothing. The oldest goes first.
static struct bytes sent(uint16_t port)
{
	struct eng_out *out = eng_out_of(worker, port);
	struct bytes f = {0};

	if (out->n == 0)
		return f;
	f.n = out->pkts[0]->data_len;
	memcpy(f.b, rte_pktmbuf_mtod(out->pkts[0], uint8_t *), f.n);
	rte_pktmbuf_free(out->pkts[0]);
	memmove(&out->pkts[0], &out->pkts[1], (out->n - 1u) * sizeof(out->pkts[0]));
	out->n--;
	return f;
}

static uint64_t count(enum eng_reason r)
{
	return worker->counters[r];
}

static void sum4(uint8_t *ip)
{
	uint16_t csum;

	memset(ip + 10, 0, 2);
	csum = (uint16_t)~wire_sum_fold(wire_sum(0, ip, 20));
	memcpy(ip + 10, &csum, 2);
}

// UDP from the router of an interface, to our MAC.
static struct bytes udp4(
	const struct net_iface *from, const char *src, const char *dst, uint8_t ttl, size_t data)
{
	struct bytes f = {0};
	struct addr s = at(src), d = at(dst);
	size_t off = net_l2_write(f.b, from, from == &router_a ? mac_a : mac_b, WIRE_TYPE_IP4);
	uint8_t *ip = f.b + off;

	ip[0] = 0x45;
	wire_put16(ip + 2, (unsigned)(28 + data));
	wire_put16(ip + 6, 0x4000);
	ip[8] = ttl;
	ip[9] = WIRE_IPPROTO_UDP;
	memcpy(ip + 12, s.b + 12, 4);
	memcpy(ip + 16, d.b + 12, 4);
	wire_put16(ip + 20, 1234);
	wire_put16(ip + 22, 5678);
	wire_put16(ip + 24, (unsigned)(8 + data));
	sum4(ip);
	f.n = off + 28 + data;
	return f;
}

static struct bytes udp6(const char *src, const char *dst, uint8_t hops)
{
	struct bytes f = {0};
	struct addr s = at(src), d = at(dst);
	size_t off = net_l2_write(f.b, &router_a, mac_a, WIRE_TYPE_IP6);
	uint8_t *ip = f.b + off;

	ip[0] = 0x60;
	wire_put16(ip + 4, 8);
	ip[6] = WIRE_IPPROTO_UDP;
	ip[7] = hops;
	memcpy(ip + 8, s.b, 16);
	memcpy(ip + 24, d.b, 16);
	wire_put16(ip + 44, 8);
	f.n = off + 48;
	return f;
}

// The router on B says where it is, as an answer to our question.
static void b_is_found(void)
{
	uint8_t frame[NET_ARP_FRAME_MAX];
	const struct net_news us = {.addr = at("198.51.100.2"), .mac = {2, 0xb, 0, 0, 0, 1}};
	struct addr own = at("198.51.100.1");

	turns();
	put(B, frame, net_arp_answer(frame, &router_b, &own, &us));
	turns();
	outs_empty();
}

// ---- cases

static void a_packet_leaves_by_its_route_with_macs_tag_and_ttl_of_the_next_link(void **)
{
	struct bytes f, out;

	b_is_found();
	f = udp4(&router_a, "10.1.2.3", "203.0.113.9", 64, 40);
	put(A, f.b, f.n);
	out = sent(B);
	assert_int_equal(out.n, f.n + WIRE_TAG_LEN);
	assert_memory_equal(out.b, router_b.mac, 6);
	assert_memory_equal(out.b + 6, mac_b, 6);
	assert_int_equal(wire_get16(out.b + 14), 7);
	assert_int_equal(out.b[18 + 8], 63);
	assert_int_equal(wire_sum_fold(wire_sum(0, out.b + 18, 20)), 0xffff);
	assert_memory_equal(out.b + 18 + 12, f.b + 14 + 12, f.n - 14 - 12);
	assert_int_equal(count(FWD_PACKETS), 1);
}

static void a_ttl_is_lowered_rightly_whatever_the_checksum_is(void **)
{
	b_is_found();
	for (unsigned id = 0; id < 65536; id += 17) {
		struct bytes f = udp4(&router_a, "10.1.2.3", "203.0.113.9", 64, 0), out;

		wire_put16(f.b + 14 + 4, id);
		sum4(f.b + 14);
		put(A, f.b, f.n);
		out = sent(B);
		assert_int_equal(out.b[18 + 8], 63);
		assert_int_equal(wire_sum_fold(wire_sum(0, out.b + 18, 20)), 0xffff);
	}
}

static void a_packet_waits_while_its_next_hop_is_asked_for_and_then_leaves(void **)
{
	struct bytes f = udp4(&router_a, "10.1.2.3", "203.0.113.9", 64, 0), out;
	uint8_t answer[NET_ARP_FRAME_MAX];
	const struct net_news us = {.addr = at("198.51.100.2"), .mac = {2, 0xb, 0, 0, 0, 1}};
	struct addr own = at("198.51.100.1");

	put(A, f.b, f.n);
	assert_int_equal(count(ACT_NET_WAITED), 1);
	assert_int_equal(sent(B).n, 0);
	turns();
	out = sent(B);
	while (out.n != 0 && out.b[18 + 27] != 1) // past the announcements, to the question for .1
		out = sent(B);
	assert_int_equal(wire_get16(out.b + 16), WIRE_TYPE_ARP);
	outs_empty();
	put(B, answer, net_arp_answer(answer, &router_b, &own, &us));
	turns();
	assert_int_equal(sent(B).n, f.n + WIRE_TAG_LEN);
}

static void a_next_hop_that_does_not_answer_costs_its_packets_and_is_told(void **)
{
	struct bytes f = udp4(&router_a, "10.1.2.3", "203.0.113.9", 64, 0), out = {0};

	put(A, f.b, f.n);
	for (unsigned i = 0; i < 40 && count(DROP_NET_HOP) == 0; i++) {
		now_us += 100000;
		turns();
	}
	assert_int_equal(count(DROP_NET_HOP), 1);
	assert_int_equal(count(ACT_NET_ERROR), 1);
	for (struct bytes b = sent(A); b.n != 0; b = sent(A))
		out = b;
	assert_int_equal(out.b[14 + 20], 3); // host unreachable
	assert_int_equal(out.b[14 + 21], 1);
}

static void of_many_packets_for_one_hop_few_wait(void **)
{
	struct bytes f = udp4(&router_a, "10.1.2.3", "203.0.113.9", 64, 0);

	for (unsigned i = 0; i < 20; i++)
		put(A, f.b, f.n);
	turns();
	assert_int_equal(count(DROP_NET_HOP), 16);
}

static void destinations_on_our_own_links_are_asked_for_themselves(void **)
{
	struct bytes f = udp4(&router_b, "203.0.113.9", "192.0.2.77", 64, 0), out;

	put(B, f.b, f.n);
	turns();
	for (out = sent(A); out.n != 0 && out.b[14 + 27] != 77; out = sent(A))
		;
	assert_int_equal(out.n, 42);
	assert_int_equal(wire_get16(out.b + 12), WIRE_TYPE_ARP);
}

static void questions_for_our_addresses_are_answered(void **)
{
	uint8_t frame[NET_ND_FRAME_MAX];
	struct addr own = at("192.0.2.2"), far = at("192.0.2.1"), own6 = at("fd00::2"),
		    far6 = at("fd00::1"), asked;
	struct net_news news;
	struct bytes out;

	put(A, frame, net_arp_ask(frame, &router_a, &far, &own, NULL));
	out = sent(A);
	assert_int_equal(out.n, 60); // padded
	assert_int_equal(
		net_arp_read((struct span){.p = out.b, .n = out.n}, 14, &router_a, &news, &asked),
		NET_ARP_TELLS);
	assert_memory_equal(news.mac, mac_a, 6);
	put(A, frame, net_nd_ask(frame, &router_a, &far6, &own6, NULL));
	out = sent(A);
	assert_int_equal(
		net_nd_read((struct span){.p = out.b, .n = out.n}, 14, &router_a, &news, &asked),
		NET_ND_TELLS);
	assert_memory_equal(news.mac, mac_a, 6);
	assert_int_equal(count(ACT_NET_ANSWERED), 2);
}

static void a_ping_of_ours_is_answered_and_anything_else_to_us_dropped(void **)
{
	struct bytes f = udp4(&router_a, "192.0.2.1", "192.0.2.2", 1, 8), out;

	put(A, f.b, f.n);
	assert_int_equal(count(DROP_NET_OWN), 1);
	f.b[14 + 9] = WIRE_IPPROTO_ICMP;
	sum4(f.b + 14);
	memset(f.b + 34, 0, f.n - 34);
	f.b[34] = 8;
	f.b[36] = 0xf7; // the sum of a request without data
	f.b[37] = 0xff;
	put(A, f.b, f.n);
	out = sent(A);
	assert_int_equal(out.b[34], 0);
	assert_memory_equal(out.b, router_a.mac, 6);
	assert_int_equal(count(ACT_NET_ECHO), 1);
}

static void neighbours_that_nobody_asked_for_are_not_learnt(void **)
{
	uint8_t frame[NET_ARP_FRAME_MAX];
	uint32_t places = 0;

	turns();
	for (unsigned i = 3; i < 200; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "192.0.2.%u", i);
		struct addr liar = at(text);

		put(A, frame, net_arp_announce(frame, &router_a, &liar));
		turns();
		places += tbl_hops_find(engine->net->hops, 0, &liar) >= 0;
	}
	assert_int_equal(places, 0);
}

static void somebody_with_our_address_is_counted_and_changes_nothing(void **)
{
	uint8_t frame[NET_ARP_FRAME_MAX];
	struct addr own = at("192.0.2.2"), far = at("192.0.2.1");

	put(A, frame, net_arp_announce(frame, &router_a, &own));
	assert_int_equal(count(ACT_NET_CONFLICT), 1);
	turns();
	outs_empty();
	put(A, frame, net_arp_ask(frame, &router_a, &far, &own, NULL)); // we keep going
	assert_int_equal(sent(A).n, 60);
}

static void each_packet_of_a_burst_goes_its_own_way(void **)
{
	const struct bytes f[] = {udp4(&router_a, "10.1.2.3", "203.0.113.9", 64, 0),
		udp6("fd77::1", "2001:db8::1", 64),                     // no route
		udp4(&router_a, "10.1.2.3", "198.51.100.1", 64, 0),     // on B's link, found
		udp6("fd00::9", "fd77::1", 64),                         // waits for its router
		udp4(&router_a, "10.1.2.3", "198.51.100.77", 64, 0),    // waits to be found
		udp4(&router_a, "10.1.2.3", "203.0.113.10", 64, 0)};
	const uint8_t last[] = {9, 1, 10};
	struct rte_mbuf *m[RTE_DIM(f)];
	uint64_t waited;

	b_is_found();
	waited = count(ACT_NET_WAITED);
	for (size_t i = 0; i < RTE_DIM(f); i++) {
		m[i] = rte_pktmbuf_alloc(pool);
		assert_non_null(m[i]);
		memcpy(rte_pktmbuf_append(m[i], (uint16_t)f[i].n), f[i].b, f[i].n);
	}
	eng_rx(worker, A, m, RTE_DIM(f), now_us);
	for (size_t i = 0; i < RTE_DIM(last); i++) { // in the order in which they came
		struct bytes out = sent(B);

		assert_memory_equal(out.b, router_b.mac, 6);
		assert_int_equal(out.b[18 + 19], last[i]);
	}
	assert_int_equal(count(DROP_NET_ROUTE), 1);
	assert_int_equal(count(ACT_NET_WAITED), waited + 2);
}

// Who says that the router on B is elsewhere: nobody asked him.
static void b_is_claimed(uint8_t last)
{
	struct net_iface liar = router_b;
	uint8_t frame[NET_ARP_FRAME_MAX];
	struct addr own = at("198.51.100.1");

	liar.mac[5] = last;
	put(B, frame, net_arp_announce(frame, &liar, &own));
}

// Where a packet to the Internet goes, the last octet of its MAC.
static uint8_t b_is(void)
{
	struct bytes f = udp4(&router_a, "10.1.2.3", "203.0.113.9", 64, 0);

	outs_empty();
	put(A, f.b, f.n);
	return sent(B).b[5];
}

static void a_next_hop_whose_mac_goes_to_and_fro_changes_once_a_second(void **)
{
	unsigned changes = 0;
	uint8_t last = 0xb;

	b_is_found();
	for (unsigned i = 0; i < 40; i++) { // 4 s
		now_us += 100000;
		b_is_claimed(i % 2 == 0 ? 0xb0 : 0xb1);
		turns();
		changes += b_is() != last;
		last = b_is();
	}
	turns();
	assert_in_range(changes, 1, 4);
	assert_in_range(count(ACT_NET_UNBELIEVED), 10, 40 - changes);
}

static void a_flood_of_claims_is_counted_and_does_not_hide_who_answers(void **)
{
	uint8_t frame[NET_ARP_FRAME_MAX];
	const struct net_news us = {.addr = at("198.51.100.2"), .mac = {2, 0xb, 0, 0, 0, 1}};
	struct addr own = at("198.51.100.1");

	b_is_found();
	now_us += 500000;
	for (unsigned i = 0; i < 3000; i++)
		b_is_claimed((uint8_t)(0x10 + i % 64));
	assert_in_range(
		count(ACT_NET_UNHEARD), 3000 - 400, 3000 - 400 + 10); // a few were found before
	// The router himself, asked whether he is still there.
	now_us += NET_NEIGH_FRESH_US;
	for (unsigned i = 0; i < 50; i++) {
		now_us += 100000;
		for (unsigned k = 0; k < 100; k++)
			b_is_claimed((uint8_t)(0x10 + k));
		turns();
		put(B, frame, net_arp_answer(frame, &router_b, &own, &us));
		turns();
		assert_int_not_equal(b_is(), 0);
	}
}

static void an_address_of_ours_that_is_claimed_is_defended_now_and_then(void **)
{
	uint8_t frame[NET_ARP_FRAME_MAX];
	struct addr own = at("192.0.2.2"), asked;
	unsigned defended = 0;

	for (unsigned i = 0; i < 4; i++) { // past the announcements of the start
		now_us += 1000000;
		turns();
		outs_empty();
	}
	for (unsigned i = 0; i < 100; i++) {
		struct net_news news;

		now_us += 200000; // 20 s in all
		put(A, frame, net_arp_announce(frame, &router_a, &own));
		turns();
		for (struct bytes out = sent(A); out.n != 0; out = sent(A))
			defended += net_arp_read((struct span){.p = out.b, .n = out.n}, 14,
					    &router_a, &news, &asked) == NET_ARP_TELLS &&
				addr_eq(&news.addr, &own) && addr_eq(&asked, &own);
	}
	assert_int_equal(count(ACT_NET_CONFLICT), 100);
	assert_int_equal(defended, 2);
}

// A message of neighbour discovery of a type, with a right checksum, from the router on A.
static struct bytes nd_of_type(uint8_t type)
{
	struct addr own = at("fd00::2"), far = at("fd00::1");
	struct bytes f = {0};
	uint16_t csum;
	uint8_t *icmp;
	size_t off;

	f.n = net_nd_ask(f.b, &router_a, &far, &own, mac_a);
	off = f.n - 32;
	icmp = f.b + off;
	icmp[0] = type;
	memset(icmp + 2, 0, 2);
	const uint8_t tail[4] = {0, WIRE_IPPROTO_ICMPV6, 0, 32};
	csum = (uint16_t)~wire_sum_fold(
		wire_sum(wire_sum(wire_sum(0, tail, sizeof(tail)), f.b + off - 32, 32), icmp, 32));
	memcpy(icmp + 2, &csum, 2);
	return f;
}

static void routers_advertisements_and_redirects_are_not_listened_to(void **)
{
	const uint8_t types[] = {133, 134, 137};

	turns();
	outs_empty();
	for (unsigned i = 0; i < 3; i++) {
		struct bytes f = nd_of_type(types[i]);

		put(A, f.b, f.n);
		assert_int_equal(count(DROP_NET_PROTO), i + 1);
		turns();
		assert_int_equal(sent(A).n, 0);
	}
	struct bytes f = nd_of_type(135); // the same as a question is one
	put(A, f.b, f.n);
	assert_int_not_equal(sent(A).n, 0);
}

static void a_scan_of_our_link_asks_for_few_and_keeps_nothing(void **)
{
	char text[32];
	unsigned asked = 0, held;

	turns();
	outs_empty();
	now_us += 1000000;
	for (unsigned i = 0; i < 2000; i++) {
		struct bytes f;

		(void)snprintf(text, sizeof(text), "192.0.2.%u", 10 + i % 200);
		f = udp4(&router_b, "203.0.113.9", text, 64, 0);
		put(B, f.b, f.n);
		if (i % 20 == 0)
			turns();
		outs_empty();
	}
	held = MBUFS - rte_mempool_avail_count(pool);
	assert_in_range(held, 0, 4 * 200 + 64);
	for (unsigned i = 0; i < 200; i++) {
		struct addr a;

		(void)snprintf(text, sizeof(text), "192.0.2.%u", 10 + i);
		a = at(text);
		asked += tbl_hops_find(engine->net->hops, 0, &a) >= 0;
	}
	assert_in_range(asked, 1, 200);
	for (unsigned i = 0; i < 200; i++) { // nobody answers
		now_us += 100000;
		turns();
		outs_empty();
	}
	for (unsigned i = 0; i < 200; i++) {
		struct addr a;

		(void)snprintf(text, sizeof(text), "192.0.2.%u", 10 + i);
		a = at(text);
		assert_int_equal(tbl_hops_find(engine->net->hops, 0, &a), -ENOENT);
	}
	assert_int_equal(rte_mempool_avail_count(pool), MBUFS);
	assert_int_equal(count(DROP_NET_HOP), 2000);
}

struct edge {
	const char *name;
	enum eng_reason reason;
	struct bytes (*make)(void);
	uint16_t port;
};

static struct bytes plain(void)
{
	return udp4(&router_a, "10.1.2.3", "203.0.113.9", 64, 0);
}

static struct bytes from_ourselves(void)
{
	struct bytes f = plain();

	memcpy(f.b + 6, mac_a, 6);
	return f;
}

static struct bytes for_somebody_else(void)
{
	struct bytes f = plain();

	f.b[5] = 9;
	return f;
}

static struct bytes nested_tags(void)
{
	struct bytes f = udp4(&router_b, "10.1.2.3", "203.0.113.9", 64, 0);

	wire_put16(f.b + 16, WIRE_TYPE_TAG);
	return f;
}

static struct bytes mpls(void)
{
	struct bytes f = plain();

	wire_put16(f.b + 12, WIRE_TYPE_MPLS);
	return f;
}

static struct bytes wrong_checksum(void)
{
	struct bytes f = plain();

	f.b[14 + 4] ^= 1;
	return f;
}

static struct bytes cut_short(void)
{
	struct bytes f = plain();

	f.n = 14 + 19;
	return f;
}

static struct bytes longer_than_the_frame(void)
{
	struct bytes f = plain();

	wire_put16(f.b + 16, 1000);
	sum4(f.b + 14);
	return f;
}

static struct bytes from_loopback(void)
{
	return udp4(&router_a, "127.0.0.1", "203.0.113.9", 64, 0);
}

static struct bytes to_a_group(void)
{
	return udp4(&router_a, "10.1.2.3", "224.0.0.9", 64, 0);
}

static struct bytes to_link_local6(void)
{
	return udp6("fd77::1", "fe80::77", 64);
}

static struct bytes without_route6(void)
{
	return udp6("fd77::1", "2001:db8::1", 64);
}

static struct bytes ttl_used_up(void)
{
	return udp4(&router_a, "10.1.2.3", "203.0.113.9", 1, 0);
}

static struct bytes hops_used_up(void)
{
	return udp6("fd00::9", "fd77::1", 1);
}

static struct bytes untagged_on_the_tagged_port(void)
{
	return plain();
}

static const struct edge edges[] = {
	{"from a MAC of ours", DROP_NET_SELF, from_ourselves, A},
	{"for another MAC", DROP_NET_MAC, for_somebody_else, A},
	{"a VLAN without interface", DROP_NET_IFACE, untagged_on_the_tagged_port, B},
	{"nested tags", DROP_NET_IFACE, nested_tags, B},
	{"not IP", DROP_NET_PROTO, mpls, A},
	{"a wrong header checksum", DROP_NET_BROKEN, wrong_checksum, A},
	{"cut within its header", DROP_NET_BROKEN, cut_short, A},
	{"a length beyond its frame", DROP_NET_BROKEN, longer_than_the_frame, A},
	{"from loopback", DROP_NET_ADDRESS, from_loopback, A},
	{"to a group", DROP_NET_ADDRESS, to_a_group, A},
	{"to a link-local address", DROP_NET_ADDRESS, to_link_local6, A},
	{"no route", DROP_NET_ROUTE, without_route6, A},
	{"TTL used up", DROP_NET_TTL, ttl_used_up, A},
	{"hop limit used up", DROP_NET_TTL, hops_used_up, A},
};

static void what_does_not_go_on_is_counted_by_its_reason(void **)
{
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		uint64_t before = count(edges[i].reason);
		struct bytes f = edges[i].make();

		put(edges[i].port, f.b, f.n);
		if (count(edges[i].reason) != before + 1)
			fail_msg("%s: not counted", edges[i].name);
	}
}

static void a_packet_too_long_for_its_way_out_is_told(void **)
{
	struct bytes f, out;

	b_is_found();
	f = udp4(&router_a, "10.1.2.3", "203.0.113.9", 64, 1473);
	put(A, f.b, f.n);
	assert_int_equal(count(DROP_NET_BIG), 1);
	out = sent(A);
	assert_int_equal(out.b[34], 3);
	assert_int_equal(out.b[35], 4);
	assert_int_equal(wire_get16(out.b + 40), 1500);
}

static void padding_of_one_link_does_not_go_on_to_the_next(void **)
{
	struct bytes f, out;

	b_is_found();
	f = udp4(&router_a, "10.1.2.3", "203.0.113.9", 64, 0);
	put(A, f.b, 60);
	out = sent(B);
	assert_int_equal(out.n, f.n + WIRE_TAG_LEN);
	put(A, f.b, 1900); // more than the MTU of the way out
	out = sent(B);
	assert_int_equal(out.n, f.n + WIRE_TAG_LEN);
}

static void no_more_than_a_hundred_errors_leave_in_a_second(void **)
{
	struct bytes f = ttl_used_up();

	now_us += 5000000;
	for (unsigned i = 0; i < 250; i++) {
		put(A, f.b, f.n);
		outs_empty();
	}
	assert_int_equal(count(ACT_NET_ERROR), 100);
	assert_int_equal(count(ACT_NET_ERROR_HELD), 150);
	now_us += 1000000;
	put(A, f.b, f.n);
	assert_int_equal(count(ACT_NET_ERROR), 101);
}

static void ttl_keep_is_for_what_is_read_alone(void **)
{
	struct bytes f = ttl_used_up(), out;

	b_is_found();
	put(A, f.b, f.n); // no policy yet, and UDP: it might loop
	assert_int_equal(count(DROP_NET_TTL), 1);
	outs_empty();
	f = plain();
	put(A, f.b, f.n);
	out = sent(B);
	assert_int_equal(out.b[18 + 8], 63);
}

// The next packet for the host's kernel is `f` behind its link header.
static void host_has(const struct bytes *f, size_t off)
{
	struct rte_mbuf *m = eng_admin_take(engine);

	assert_non_null(m);
	assert_int_equal(m->data_len, f->n - off);
	assert_memory_equal(rte_pktmbuf_mtod(m, uint8_t *), f->b + off, f->n - off);
	rte_pktmbuf_free(m);
}

static void the_host_is_reached_by_its_interface_and_by_no_other(void **)
{
	static const char *const own[] = {"192.0.2.9", "203.0.113.80"};
	struct bytes f;

	for (unsigned i = 0; i < 2; i++) {
		f = udp4(&router_a, "10.1.2.3", own[i], 64, 40);
		put(A, f.b, f.n);
		host_has(&f, 14);
		f = udp4(&router_b, "10.1.2.3", own[i], 64, 40);
		put(B, f.b, f.n);
		assert_null(eng_admin_take(engine));
		assert_int_equal(count(DROP_ADMIN_PORT), i + 1);
	}
	f = udp6("fd77::5", "fd00::9", 64);
	put(A, f.b, f.n);
	host_has(&f, 14);
	f = udp4(&router_a, "10.1.2.3", "192.0.2.2", 64, 40); // the interface's own
	put(A, f.b, f.n);
	assert_int_equal(count(DROP_NET_OWN), 1);
	assert_int_equal(count(ACT_ADMIN_IN), 3);
}

static void the_host_is_asked_for_where_its_link_is(void **)
{
	uint8_t frame[NET_ARP_FRAME_MAX];
	struct addr them = at("192.0.2.1"), own = at("192.0.2.9");

	turns();
	outs_empty();
	put(A, frame, net_arp_ask(frame, &router_a, &them, &own, NULL));
	assert_memory_equal(sent(A).b + 14 + 14, own.b + 12, 4);
	assert_int_equal(count(ACT_NET_ANSWERED), 1);
}

static void a_second_has_room_for_so_many_packets_to_the_host(void **)
{
	struct bytes f = udp4(&router_a, "10.1.2.3", "192.0.2.9", 64, 0);
	struct rte_mbuf *m;
	unsigned got = 0;

	for (unsigned i = 0; i < ENG_ADMIN_A_SECOND + 500; i++) {
		put(A, f.b, f.n);
		for (; (m = eng_admin_take(engine)) != NULL; got++)
			rte_pktmbuf_free(m);
	}
	assert_in_range(got, ENG_ADMIN_A_SECOND, ENG_ADMIN_A_SECOND + 1);
	assert_int_equal(count(DROP_ADMIN_MANY), ENG_ADMIN_A_SECOND + 500 - got);
	now_us += 1000000;
	put(A, f.b, f.n);
	host_has(&f, 14);
	for (unsigned i = 0; i < 2000; i++) // nobody takes them
		put(A, f.b, f.n);
	assert_true(count(DROP_ADMIN_MANY) > ENG_ADMIN_A_SECOND + 500 - got);
	while ((m = eng_admin_take(engine)) != NULL)
		rte_pktmbuf_free(m);
}

static bool host_says(const char *src, const char *dst, uint8_t ttl)
{
	struct bytes f = udp4(&router_a, src, dst, ttl, 40);
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	bool given;

	memcpy(rte_pktmbuf_append(m, (uint16_t)(f.n - 14)), f.b + 14, f.n - 14);
	given = eng_admin_give(engine, m);
	(void)eng_turn(worker, now_us);
	return given;
}

static void what_the_host_says_leaves_by_routes_as_it_is(void **)
{
	struct bytes out;

	b_is_found();
	assert_true(host_says("203.0.113.80", "198.18.0.1", 1));
	out = sent(B);
	assert_memory_equal(out.b, router_b.mac, 6);
	assert_int_equal(out.b[18 + 8], 1); // TTL: no hop lies between it and us
	assert_int_equal(count(ACT_ADMIN_OUT), 1);
	assert_true(host_says(
		"198.18.0.2", "198.18.0.1", 64)); // an address of another interface of its
	assert_true(host_says("203.0.113.80", "224.0.0.251", 64));
	assert_int_equal(count(DROP_ADMIN_SOURCE), 2);
	assert_int_equal(sent(B).n, 0);
}

static void rubbish_of_the_host_goes_nowhere(void **)
{
	for (unsigned n = 0; n < 20; n++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		memset(rte_pktmbuf_append(m, (uint16_t)n), 0x45, n);
		assert_false(eng_admin_give(engine, m));
	}
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	memset(rte_pktmbuf_append(m, 60), 0x65, 39);
	rte_pktmbuf_trim(m, 21); // IPv6 by its first byte, too short for it
	assert_false(eng_admin_give(engine, m));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_packet_leaves_by_its_route_with_macs_tag_and_ttl_of_the_next_link),
		CASE(a_ttl_is_lowered_rightly_whatever_the_checksum_is),
		CASE(a_packet_waits_while_its_next_hop_is_asked_for_and_then_leaves),
		CASE(a_next_hop_that_does_not_answer_costs_its_packets_and_is_told),
		CASE(of_many_packets_for_one_hop_few_wait),
		CASE(destinations_on_our_own_links_are_asked_for_themselves),
		CASE(questions_for_our_addresses_are_answered),
		CASE(a_ping_of_ours_is_answered_and_anything_else_to_us_dropped),
		CASE(neighbours_that_nobody_asked_for_are_not_learnt),
		CASE(somebody_with_our_address_is_counted_and_changes_nothing),
		CASE(each_packet_of_a_burst_goes_its_own_way),
		CASE(a_next_hop_whose_mac_goes_to_and_fro_changes_once_a_second),
		CASE(a_flood_of_claims_is_counted_and_does_not_hide_who_answers),
		CASE(an_address_of_ours_that_is_claimed_is_defended_now_and_then),
		CASE(routers_advertisements_and_redirects_are_not_listened_to),
		CASE(a_scan_of_our_link_asks_for_few_and_keeps_nothing),
		CASE(what_does_not_go_on_is_counted_by_its_reason),
		CASE(a_packet_too_long_for_its_way_out_is_told),
		CASE(padding_of_one_link_does_not_go_on_to_the_next),
		CASE(no_more_than_a_hundred_errors_leave_in_a_second),
		CASE(the_host_is_reached_by_its_interface_and_by_no_other),
		CASE(the_host_is_asked_for_where_its_link_is),
		CASE(a_second_has_room_for_so_many_packets_to_the_host),
		CASE(what_the_host_says_leaves_by_routes_as_it_is),
		CASE(rubbish_of_the_host_goes_nowhere),
		cmocka_unit_test_setup_teardown(
			ttl_keep_is_for_what_is_read_alone, keep_set_up, tear_down),
	};
	static char args[][16] = {"routed_test", "--no-huge", "--no-pci", "--no-shconf",
		"--no-telemetry", "-m1024", "--lcores=0@0", "--log-level=1"};
	char *argv[RTE_DIM(args)];

	for (unsigned i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init((int)RTE_DIM(argv), argv) < 0)
		return 1;
	pool = rte_pktmbuf_pool_create("pool", MBUFS, 0,
		RTE_ALIGN(sizeof(struct eng_meta), RTE_MBUF_PRIV_ALIGN), 2176, SOCKET_ID_ANY);
	if (pool == NULL)
		return 1;
	return cmocka_run_group_tests_name("engine routed", tests, NULL, NULL);
}
