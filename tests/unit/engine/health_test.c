// SPDX-License-Identifier: BSD-3-Clause
// The health port with EAL in this process: when it takes a connection and when it refuses one, whom it does not
// answer, what a flood leaves to him who asks rightly, and that each frame ends once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_eal.h>

#include "eng_health.h"
#include "eng_net.h"
#include "suite_counters.h"
#include "wire_field.h"
#include "wire_tcp.h"

enum { MBUFS = 4095, FRAME_MAX = 2000, PORT = 2526, L2 = 14 };

static struct rte_mempool *pool;
static struct eng *engine;
static struct eng_worker *worker;
static uint64_t now_us;
static const uint8_t own_mac[] = {2, 0xa, 0, 0, 0, 1}, far_mac[] = {2, 0, 0, 0, 0, 0xa};
static struct prefix permitted[2];

static struct addr at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void engine_make(struct eng_health_conf health)
{
	const struct eng_routing routing = {.nifaces = 1,
		.iface = {{.naddrs = 2,
			.addr = {{.addr = at("192.0.2.2"), .len = 120},
				{.addr = at("fd00::2"), .len = 64}}}},
		.health = health};
	struct eng_conf conf = {.mode = ENG_MODE_ROUTED,
		.workers = 1,
		.ports = 1,
		.flows = 64,
		.messages = 4,
		.slabs = 256,
		.pool = pool,
		.socket = SOCKET_ID_ANY,
		.routing = &routing};
	struct err_list err;

	err_init(&err);
	conf.port[0] = (struct eng_port){.peer = ENG_NO_PORT, .mtu = 1500};
	memcpy(conf.port[0].mac, own_mac, 6);
	now_us = 10000000;
	engine = eng_new(&conf, &err);
	if (engine == NULL) {
		err_print(&err, stderr);
		fail_msg("no engine");
	}
	worker = eng_worker_at(engine, 0);
}

static void turn(uint64_t us)
{
	now_us += us;
	eng_manage(engine, now_us);
	(void)eng_turn(worker, now_us);
}

static int set_up(void **)
{
	engine_make((struct eng_health_conf){.port = PORT});
	turn(1000);
	return 0;
}

static void outs_empty(void)
{
	struct eng_out *out = eng_out_of(worker, 0);

	rte_pktmbuf_free_bulk(out->pkts, out->n);
	out->n = 0;
}

static void end(void)
{
	outs_empty();
	suite_counters_add(worker);
	eng_free(engine);
	assert_int_equal(rte_mempool_avail_count(pool), MBUFS); // each frame has ended once
}

static int tear_down(void **)
{
	end();
	return 0;
}

// Another configuration than the set-up's.
static void again(struct eng_health_conf health)
{
	end();
	engine_make(health);
	turn(1000);
}

static uint64_t count(enum eng_reason r)
{
	return worker->counters[r];
}

// A segment to the port; the flags of the answer, 0: none. *ours is its number.
static uint8_t told(const char *src, uint16_t sport, uint8_t flags, uint32_t ack, const char *text,
	uint32_t *ours)
{
	const struct addr from = at(src);
	struct wire_tmpl t = {.l2_len = L2,
		.family = addr_is_v4(&from) ? 4 : 6,
		.ttl = 64,
		.src = from,
		.dst = at(addr_is_v4(&from) ? "192.0.2.2" : "fd00::2"),
		.sport = sport,
		.dport = PORT};
	const struct wire_tcp_out o = {
		.seq = 1, .ack = ack, .flags = flags, .payload = span_str(text)};
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct eng_out *out = eng_out_of(worker, 0);
	struct wire_view v;

	outs_empty();
	memcpy(t.l2, own_mac, 6);
	memcpy(t.l2 + 6, far_mac, 6);
	wire_put16(t.l2 + 12, t.family == 4 ? WIRE_TYPE_IP4 : WIRE_TYPE_IP6);
	m->data_len = (uint16_t)wire_tcp_build(rte_pktmbuf_mtod(m, uint8_t *), FRAME_MAX, &t, &o);
	m->pkt_len = m->data_len;
	eng_rx(worker, 0, &m, 1, now_us);
	if (out->n == 0)
		return 0;
	wire_parse(eng_frame_of(out->pkts[0]), &v);
	assert_int_equal(v.proto, WIRE_TCP);
	assert_memory_equal(eng_frame_of(out->pkts[0]).p, far_mac, 6);
	assert_true(out->pkts[0]->data_len >= 60);
	if (ours != NULL)
		*ours = v.seq;
	return v.tcp_flags;
}

static uint8_t syn(const char *src)
{
	return told(src, 40000, TCP_SYN, 0, "", NULL);
}

static void it_takes_and_tells_by_both_families(void **)
{
	static const char *const clients[] = {"192.0.2.1", "fd00::1"};
	uint32_t ours;

	for (size_t i = 0; i < RTE_DIM(clients); i++) {
		assert_int_equal(told(clients[i], 40000, TCP_SYN, 0, "", &ours), TCP_SYN | TCP_ACK);
		assert_int_equal(told(clients[i], 40000, TCP_ACK, ours + 1, "", NULL), 0);
		assert_int_equal(told(clients[i], 40000, TCP_ACK | TCP_PSH, ours + 1,
					 "GET / HTTP/1.0\r\n\r\n", NULL),
			TCP_ACK | TCP_PSH | TCP_FIN);
	}
	assert_int_equal(count(ACT_HEALTH_UP), 2);
	assert_int_equal(count(ACT_HEALTH_TALK), 4);
	assert_int_equal(eng_health_state(engine), ENG_HEALTH_UP);
}

static void without_a_port_nothing_answers(void **)
{
	again((struct eng_health_conf){0});
	assert_int_equal(syn("192.0.2.1"), 0);
	assert_int_equal(count(DROP_NET_OWN), 1);
	assert_int_equal(eng_health_state(engine), ENG_HEALTH_NONE);
}

static void a_policy_is_needed_where_that_is_said(void **)
{
	again((struct eng_health_conf){.port = PORT, .needs_policy = true});
	assert_int_equal(syn("192.0.2.1"), TCP_RST | TCP_ACK);
	assert_int_equal(count(ACT_HEALTH_DOWN), 1);
	assert_int_equal(eng_health_state(engine), ENG_HEALTH_DOWN);
}

static void a_control_plane_is_needed_and_one_that_is_silent_does_not_count(void **)
{
	again((struct eng_health_conf){.port = PORT, .needs_control_plane = true});
	assert_int_equal(syn("192.0.2.1"), TCP_RST | TCP_ACK);
	eng_control_heard(engine, now_us);
	turn(1000);
	assert_int_equal(syn("192.0.2.1"), TCP_SYN | TCP_ACK);
	turn(6000000);
	assert_int_equal(syn("192.0.2.1"), TCP_RST | TCP_ACK);
	eng_control_heard(engine, now_us);
	turn(1000);
	assert_int_equal(syn("192.0.2.1"), TCP_SYN | TCP_ACK);
	eng_control_heard(engine, 0); // it went
	turn(1000);
	assert_int_equal(syn("192.0.2.1"), TCP_RST | TCP_ACK);
}

static void a_port_without_a_link_is_told(void **)
{
	again((struct eng_health_conf){.port = PORT, .needs_ports = true});
	assert_int_equal(syn("fd00::1"), TCP_SYN | TCP_ACK);
	eng_ports_set(engine, false);
	turn(1000);
	assert_int_equal(syn("fd00::1"), TCP_RST | TCP_ACK);
	eng_ports_set(engine, true);
	turn(1000);
	assert_int_equal(syn("fd00::1"), TCP_SYN | TCP_ACK);
}

static void a_drain_is_told_at_once_or_when_it_is_done(void **)
{
	for (int late = 0; late <= 1; late++) {
		again((struct eng_health_conf){.port = PORT, .late = late != 0});
		eng_drain_begin(engine, false, 0, now_us);
		eng_manage(engine, now_us); // no worker has looked yet who needs us
		assert_int_equal(syn("192.0.2.1"), late ? TCP_SYN | TCP_ACK : TCP_RST | TCP_ACK);
		for (unsigned i = 0; i < 10; i++)
			turn(1000);
		assert_int_equal(syn("192.0.2.1"), TCP_RST | TCP_ACK); // nobody does
		eng_drain_end(engine);
		turn(1000);
		assert_int_equal(syn("192.0.2.1"), TCP_SYN | TCP_ACK);
	}
}

static void who_may_not_ask_gets_nothing(void **)
{
	again((struct eng_health_conf){.port = PORT, .from = permitted, .nfrom = 2});
	assert_int_equal(syn("192.0.2.1"), TCP_SYN | TCP_ACK);
	assert_int_equal(syn("fd00::1"), TCP_SYN | TCP_ACK);
	assert_int_equal(syn("192.0.2.129"), 0);
	assert_int_equal(syn("fd01::1"), 0);
	assert_int_equal(syn("192.0.2.2"), 0); // ourselves
	assert_int_equal(syn("192.0.2.0"), 0); // our link's own name
	assert_int_equal(count(DROP_HEALTH_FROM), 4);
}

static void flags_that_nobody_sends_are_dropped(void **)
{
	assert_int_equal(told("192.0.2.1", 40000, TCP_SYN | TCP_FIN, 0, "", NULL), 0);
	assert_int_equal(told("192.0.2.1", 40000, 0, 0, "", NULL), 0);
	assert_int_equal(count(DROP_HEALTH_ODD), 2);
}

static void a_flood_from_forged_addresses_leaves_him_who_asks_his_answer(void **)
{
	uint32_t ours;
	char text[32];

	assert_int_equal(told("192.0.2.1", 40000, TCP_SYN, 0, "", &ours), TCP_SYN | TCP_ACK);
	assert_int_equal(told("192.0.2.1", 40000, TCP_ACK, ours + 1, "", NULL), 0); // he is there
	for (unsigned i = 0; i < 3000; i++) {
		(void)snprintf(text, sizeof(text), "203.0.%u.%u", i / 250, i % 250 + 1);
		(void)told(text, 40000, i % 2 ? TCP_SYN : TCP_ACK, i, "", NULL);
	}
	assert_int_equal(count(DROP_HEALTH_MANY), 2001); // his was one of a thousand
	assert_int_equal(syn("203.0.113.7"), 0);
	assert_int_equal(syn("192.0.2.1"), TCP_SYN | TCP_ACK);
	turn(1000000);
	assert_int_equal(syn("203.0.113.7"), TCP_SYN | TCP_ACK);
}

static void one_who_is_known_is_not_answered_without_end(void **)
{
	uint32_t ours, answered = 0;

	(void)told("192.0.2.1", 40000, TCP_SYN, 0, "", &ours);
	(void)told("192.0.2.1", 40000, TCP_ACK, ours + 1, "", NULL);
	for (unsigned i = 0; i < 6000; i++)
		answered += syn("192.0.2.1") != 0;
	assert_int_equal(answered, 4000);
}

static void what_went_past_us_finds_its_grace_when_we_are_well_again(void **)
{
	const uint32_t before = atomic_load(&engine->graces);

	eng_ports_set(engine, false);
	again((struct eng_health_conf){.port = PORT, .needs_ports = true});
	assert_int_equal(atomic_load(&engine->graces), before); // the start has a grace of its own
	eng_ports_set(engine, false);
	turn(1000);
	eng_ports_set(engine, true);
	turn(1000);
	assert_int_equal(atomic_load(&engine->graces), before + 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(it_takes_and_tells_by_both_families),
		CASE(without_a_port_nothing_answers),
		CASE(a_policy_is_needed_where_that_is_said),
		CASE(a_control_plane_is_needed_and_one_that_is_silent_does_not_count),
		CASE(a_port_without_a_link_is_told),
		CASE(a_drain_is_told_at_once_or_when_it_is_done),
		CASE(who_may_not_ask_gets_nothing),
		CASE(flags_that_nobody_sends_are_dropped),
		CASE(a_flood_from_forged_addresses_leaves_him_who_asks_his_answer),
		CASE(one_who_is_known_is_not_answered_without_end),
		CASE(what_went_past_us_finds_its_grace_when_we_are_well_again),
	};
	static char args[][16] = {"health_test", "--no-huge", "--no-pci", "--no-shconf",
		"--no-telemetry", "-m1024", "--lcores=0@0", "--log-level=1"};
	char *argv[RTE_DIM(args)];

	for (unsigned i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init((int)RTE_DIM(argv), argv) < 0 ||
		prefix_parse("192.0.2.0/25", &permitted[0]) != 0 ||
		prefix_parse("fd00::/64", &permitted[1]) != 0)
		return 1;
	pool = rte_pktmbuf_pool_create("pool", MBUFS, 0,
		RTE_ALIGN(sizeof(struct eng_meta), RTE_MBUF_PRIV_ALIGN), 2176, SOCKET_ID_ANY);
	if (pool == NULL)
		return 1;
	return cmocka_run_group_tests_name("engine health", tests, NULL, NULL);
}
