// SPDX-License-Identifier: BSD-3-Clause
// The stages of a packet's journey and what the engine does around them, with EAL in this process:
// which frames are picked up, who gets them, where the others leave, and that each frame ends once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_eal.h>

#include "eng_int.h"
#include "pol_build.h"
#include "suite_counters.h"
#include "wire_tcp.h"

enum { PORTS = 4, WORKERS = 4, ACCESS = 0, CORE = 1, FRAME_MAX = 2000, MBUFS = 16383 };

static struct rte_mempool *pool;
static struct eng *engine;
static struct eng_worker *worker; // the first
static uint64_t now_us = 1000000;

static void engine_make(enum eng_mode mode)
{
	struct eng_conf conf = {.mode = mode,
		.workers = WORKERS,
		.ports = PORTS,
		.flows = 64,
		.messages = 4,
		.slabs = 256,
		.pool = pool,
		.socket = SOCKET_ID_ANY};
	struct err_list err;

	err_init(&err);
	for (uint16_t i = 0; i < PORTS; i++)
		conf.port[i] = (struct eng_port){.peer = ENG_NO_PORT};
	conf.port[ACCESS].peer = CORE;
	conf.port[CORE].peer = ACCESS;
	conf.port[CORE].side = 1;
	engine = eng_new(&conf, &err);
	if (engine == NULL) {
		err_print(&err, stderr);
		fail_msg("no engine");
	}
	worker = eng_worker_at(engine, 0);
	for (uint16_t i = 0; i < WORKERS; i++)
		(void)eng_turn(eng_worker_at(engine, i), now_us);
}

// An image that picks up TCP port 25; port 0 and 1 are a context that goes by VLAN.
static struct eng_image *image_make(uint64_t version)
{
	struct pol_build *b = pol_build_new();
	struct eng_image *img;
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	err_init(&err);
	assert_non_null(b);
	(void)pol_build_add(b, POL_SEC_PICKUP, &(struct pol_pickup){.port = 25});
	(void)pol_build_add(b, POL_SEC_CONTEXTS,
		&(struct pol_context){
			.name = pol_build_string(b, "mobile"), .ports = 3, .by_vlan = 1});
	assert_int_equal(pol_build_finish(b, version, 0, &bytes, &n), 0);
	img = eng_image_new(engine, bytes, n, &err);
	if (img == NULL) {
		err_print(&err, stderr);
		fail_msg("no image");
	}
	free(bytes);
	pol_build_free(b);
	return img;
}

static void image_in_force(void)
{
	eng_image_swap(engine, image_make(1));
	for (uint16_t i = 0; i < WORKERS; i++)
		(void)eng_turn(eng_worker_at(engine, i), now_us);
}

static int pair_set_up(void **)
{
	engine_make(ENG_MODE_PAIR);
	return 0;
}

static int learn_set_up(void **)
{
	engine_make(ENG_MODE_LEARN);
	return 0;
}

static void outs_empty(void)
{
	for (uint16_t p = 0; p < PORTS; p++) {
		struct eng_out *out = eng_out_of(worker, p);

		rte_pktmbuf_free_bulk(out->pkts, out->n);
		out->n = 0;
	}
}

static void queues_empty(void)
{
	for (uint16_t i = 0; i < WORKERS; i++) {
		struct eng_worker *w = eng_worker_at(engine, i);
		void *m;

		while (w->smtpq_head != w->smtpq_tail)
			rte_pktmbuf_free(w->smtpq[w->smtpq_head++ & (ENG_SMTPQ_MAX - 1)]);
		while (rte_ring_dequeue(w->inbox, &m) == 0)
			rte_pktmbuf_free(m);
	}
}

// Each frame has ended once: the pool is whole again.
static int tear_down(void **)
{
	outs_empty();
	queues_empty();
	assert_int_equal(rte_mempool_avail_count(pool), MBUFS);
	for (uint16_t i = 0; i < WORKERS; i++)
		suite_counters_add(eng_worker_at(engine, i));
	eng_free(engine);
	return 0;
}

struct bytes { // a frame under construction
	uint8_t b[FRAME_MAX];
	uint16_t n;
};

static void put(struct bytes *f, const void *p, size_t n)
{
	assert_true(f->n + n <= sizeof(f->b));
	memcpy(f->b + f->n, p, n);
	f->n = (uint16_t)(f->n + n);
}

static void put16(struct bytes *f, unsigned v)
{
	put(f, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

static const uint8_t MAC_A[6] = {2, 0, 0, 0, 0, 0xa}, MAC_B[6] = {2, 0, 0, 0, 0, 0xb};

static struct bytes ethernet(const uint8_t *dst, const uint8_t *src)
{
	struct bytes f = {.n = 0};

	put(&f, dst, 6);
	put(&f, src, 6);
	return f;
}

// An IPv4 header and `n` bytes behind it, from 10.0.0.1 to 10.0.0.2 or back.
static void put_v4(
	struct bytes *f, uint8_t proto, unsigned fragment, bool back, const void *p, size_t n)
{
	uint8_t ip[20] = {0x45, 0, 0, 0, 0, 7, 0, 0, 64, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};

	ip[2] = (uint8_t)((20 + n) >> 8);
	ip[3] = (uint8_t)(20 + n);
	ip[6] = (uint8_t)(fragment >> 8);
	ip[7] = (uint8_t)fragment;
	if (back)
		ip[15] = 2, ip[19] = 1;
	put(f, ip, sizeof(ip));
	put(f, p, n);
}

static void put_tcp(struct bytes *f, uint16_t sport, uint16_t dport)
{
	uint8_t tcp[24] = {0};

	tcp[0] = (uint8_t)(sport >> 8), tcp[1] = (uint8_t)sport;
	tcp[2] = (uint8_t)(dport >> 8), tcp[3] = (uint8_t)dport;
	tcp[12] = 0x50, tcp[13] = 0x10;
	put_v4(f, 6, 0, dport > sport, tcp, sizeof(tcp));
}

static struct bytes tcp_frame(uint16_t sport, uint16_t dport)
{
	struct bytes f = ethernet(MAC_B, MAC_A);

	put16(&f, 0x0800);
	put_tcp(&f, sport, dport);
	return f;
}

static struct bytes tagged_frame(unsigned tags, uint16_t vid)
{
	struct bytes f = ethernet(MAC_B, MAC_A);

	for (unsigned i = 0; i < tags; i++) {
		put16(&f, i == 0 && tags > 1 ? 0x88a8 : 0x8100);
		put16(&f, vid + i);
	}
	put16(&f, 0x0800);
	put_tcp(&f, 40000, 25);
	return f;
}

static struct bytes v4_frame(uint8_t proto, unsigned fragment, const void *p, size_t n)
{
	struct bytes f = ethernet(MAC_B, MAC_A);

	put16(&f, 0x0800);
	put_v4(&f, proto, fragment, false, p, n);
	return f;
}

static struct bytes other_frame(uint16_t type)
{
	struct bytes f = ethernet(MAC_B, MAC_A);

	put16(&f, type);
	put(&f, "whatever there may be in it, 46 bytes or more", 46);
	return f;
}

static struct bytes v6_frame(uint8_t next, bool options, uint16_t dport)
{
	struct bytes f = ethernet(MAC_B, MAC_A);
	uint8_t ip[40] = {0x60, 0, 0, 0, 0, (uint8_t)(24 + (options ? 8 : 0)), options ? 60 : next,
		64, 0xfd, [23] = 1, 0xfd, [39] = 2};
	uint8_t opt[8] = {next, 0, 1, 4};
	uint8_t tcp[24] = {0x9c, 0x40, (uint8_t)(dport >> 8), (uint8_t)dport, [12] = 0x50, 0x10};

	put16(&f, 0x86dd);
	put(&f, ip, sizeof(ip));
	if (options)
		put(&f, opt, sizeof(opt));
	put(&f, tcp, sizeof(tcp));
	return f;
}

static struct rte_mbuf *mbuf_of(const struct bytes *f, uint16_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, n), f->b, n);
	return m;
}

static void receive(uint16_t port, const struct bytes *f)
{
	struct rte_mbuf *m = mbuf_of(f, f->n);

	eng_rx(worker, port, &m, 1, now_us);
}

static uint64_t counted(enum eng_reason r)
{
	return worker->counters[r];
}

static unsigned waiting(uint16_t id) // segments for a worker
{
	struct eng_worker *w = eng_worker_at(engine, id);

	return w->smtpq_tail - w->smtpq_head + rte_ring_count(w->inbox);
}

static unsigned picked_up(void)
{
	unsigned n = 0;

	for (uint16_t i = 0; i < WORKERS; i++)
		n += waiting(i);
	return n;
}

static struct rte_mbuf *first_waiting(void)
{
	for (uint16_t i = 0; i < WORKERS; i++) {
		struct eng_worker *w = eng_worker_at(engine, i);
		void *m;

		if (w->smtpq_tail != w->smtpq_head)
			return w->smtpq[w->smtpq_head & (ENG_SMTPQ_MAX - 1)];
		if (rte_ring_dequeue(w->inbox, &m) == 0) {
			eng_smtpq_push_consume(w, m);
			return m;
		}
	}
	fail_msg("nothing was picked up");
	return NULL;
}

// ---- pair mode

static void without_an_image_everything_is_forwarded_and_tcp_is_counted(void **)
{
	struct bytes frames[] = {tcp_frame(40000, 25), tagged_frame(1, 5), v6_frame(6, false, 25),
		v6_frame(6, true, 25), other_frame(0x0806)};

	for (unsigned i = 0; i < RTE_DIM(frames); i++)
		receive(ACCESS, &frames[i]);
	assert_int_equal(eng_out_of(worker, CORE)->n, RTE_DIM(frames));
	assert_int_equal(counted(PASS_NO_IMAGE), RTE_DIM(frames) - 1);
	assert_int_equal(picked_up(), 0);
}

static void what_is_not_of_a_picked_up_port_leaves_by_the_peer(void **)
{
	static const uint8_t udp[24] = {0, 25, 0, 25, 0, 24};
	struct bytes frames[] = {tcp_frame(40000, 80), tcp_frame(2525, 26),
		v4_frame(17, 0, udp, 24), v4_frame(1, 0, udp, 24), v4_frame(132, 0, udp, 24),
		other_frame(0x0806), other_frame(0x8809), other_frame(0x88cc), other_frame(0x0026),
		other_frame(0x88b5), v6_frame(6, false, 80), v6_frame(6, true, 80),
		v6_frame(17, false, 25)};

	image_in_force();
	for (unsigned i = 0; i < RTE_DIM(frames); i++)
		receive(CORE, &frames[i]);
	assert_int_equal(eng_out_of(worker, ACCESS)->n, RTE_DIM(frames));
	assert_int_equal(counted(FWD_PACKETS), RTE_DIM(frames));
	assert_int_equal(counted(RX_PACKETS), RTE_DIM(frames));
	assert_int_equal(picked_up(), 0);
	for (unsigned i = 0; i < RTE_DIM(frames); i++) {
		struct rte_mbuf *m = eng_out_of(worker, ACCESS)->pkts[i];

		assert_int_equal(m->data_len, frames[i].n);
		assert_memory_equal(rte_pktmbuf_mtod(m, void *), frames[i].b, frames[i].n);
	}
}

static void a_picked_up_port_is_found_in_every_encapsulation(void **)
{
	struct bytes frames[] = {tcp_frame(40000, 25), tcp_frame(25, 40000), tagged_frame(1, 5),
		tagged_frame(2, 5), tagged_frame(3, 5), v6_frame(6, false, 25),
		v6_frame(6, true, 25)};

	image_in_force();
	for (unsigned i = 0; i < RTE_DIM(frames); i++) {
		receive(ACCESS, &frames[i]);
		assert_int_equal(picked_up(), i + 1);
	}
	assert_int_equal(counted(SMTP_PACKETS), RTE_DIM(frames));
	assert_int_equal(eng_out_of(worker, CORE)->n, 0);
}

static void the_side_is_told_by_the_picked_up_port(void **)
{
	static const struct {
		uint16_t sport, dport;
		bool to_client;
	} cases[] = {{40000, 25, false}, {25, 40000, true}, {25, 25, false}};

	image_in_force();
	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		struct bytes f = tcp_frame(cases[i].sport, cases[i].dport);
		struct eng_meta *meta;

		receive(CORE, &f);
		meta = eng_meta_of(first_waiting());
		assert_int_equal(meta->to_client, cases[i].to_client);
		assert_int_equal(meta->in_port, CORE);
		assert_int_equal(meta->view.proto, WIRE_TCP);
		queues_empty();
	}
}

static void both_directions_have_one_owner_and_owners_differ(void **)
{
	unsigned owned[WORKERS] = {0};

	image_in_force();
	for (uint16_t port = 30000; port < 30256; port++) {
		struct bytes there = tcp_frame(port, 25), back = tcp_frame(25, port);
		unsigned before[WORKERS];

		for (uint16_t i = 0; i < WORKERS; i++)
			before[i] = waiting(i);
		receive(ACCESS, &there);
		receive(CORE, &back);
		for (uint16_t i = 0; i < WORKERS; i++) {
			unsigned more = waiting(i) - before[i];

			assert_true(more == 0 || more == 2);
			owned[i] += more / 2;
		}
	}
	for (uint16_t i = 0; i < WORKERS; i++)
		assert_in_range(owned[i], 256 / WORKERS / 2, 256 / WORKERS * 2);
	assert_int_equal(counted(SMTP_HANDED), 2 * (256 - owned[0]));
}

static void the_context_holds_the_vlan_where_it_goes_by_vlan(void **)
{
	struct bytes plain = tcp_frame(40000, 25), tagged = tagged_frame(2, 77);
	uint16_t context;

	image_in_force();
	receive(ACCESS, &plain);
	assert_int_equal(eng_meta_of(first_waiting())->context, 0);
	queues_empty();
	receive(ACCESS, &tagged);
	context = eng_meta_of(first_waiting())->context;
	assert_int_equal(context, 77 << ENG_CONTEXT_BITS);
	assert_int_equal(eng_context_index(worker, context), 0);
	queues_empty();
	receive(3, &tagged); // of no context
	assert_int_equal(eng_context_index(worker, eng_meta_of(first_waiting())->context), POL_ANY);
}

static void the_fragments_of_a_datagram_have_one_owner_and_owners_differ(void **)
{
	enum { IDS = 32 };
	static const uint8_t web[24] = {0x9c, 0x40, 0, 80, [12] = 0x50};
	unsigned left = 0, owners = 0;

	image_in_force();
	for (uint8_t id = 0; id < IDS; id++) {
		struct bytes first = v4_frame(6, 0x2000, web, 24),
			     later = v4_frame(6, 0x0003, web, 24);

		first.b[14 + 5] = later.b[14 + 5] = id;
		receive(ACCESS, &later);
		receive(ACCESS, &first);
	}
	for (uint16_t i = 0; i < WORKERS; i++) {
		struct eng_worker *w = eng_worker_at(engine, i);
		struct eng_out *out = eng_out_of(w, CORE);

		for (unsigned n = 0; n < 2 * IDS; n++)
			(void)eng_turn(w, now_us);
		for (unsigned n = 0; n < out->n; n++) // two by two, as they came
			assert_int_equal(rte_pktmbuf_mtod(out->pkts[n], uint8_t *)[14 + 7],
				n % 2 == 0 ? 3 : 0);
		left += out->n;
		owners += out->n > 0;
		rte_pktmbuf_free_bulk(out->pkts, out->n);
		out->n = 0;
	}
	assert_int_equal(left, 2 * IDS);
	assert_true(owners > 1);
}

static void fragments_of_what_is_no_tcp_are_not_looked_at(void **)
{
	static const uint8_t smtp[24] = {0x9c, 0x40, 0, 25, [12] = 0x50};
	struct bytes udp = v4_frame(17, 0x2000, smtp, 24), later = v4_frame(17, 0x0003, smtp, 24);

	image_in_force();
	receive(ACCESS, &later);
	receive(ACCESS, &udp);
	assert_int_equal(eng_out_of(worker, CORE)->n, 2);
}

static void what_may_hide_a_picked_up_port_is_forwarded_and_counted(void **)
{
	static const uint8_t gre[24] = {0, 0, 8, 0};
	static const uint8_t gtp[24] = {0x08, 0x68, 0x08, 0x68, 0, 24}; // UDP 2152
	struct bytes tunnel = v4_frame(47, 0, gre, 24), deep = tagged_frame(4, 5);
	struct bytes mobile = v4_frame(17, 0, gtp, 24);

	image_in_force();
	receive(ACCESS, &tunnel);
	assert_int_equal(counted(PASS_TUNNEL), 1);
	receive(ACCESS, &mobile);
	assert_int_equal(counted(PASS_TUNNEL), 2);
	receive(ACCESS, &deep);
	assert_int_equal(counted(PASS_ENCAP), 1);
	assert_int_equal(eng_out_of(worker, CORE)->n, 3);
}

static void a_frame_in_two_buffers_is_made_one_before_it_is_read(void **)
{
	struct bytes f = tcp_frame(40000, 25);
	struct rte_mbuf *m, *tail;

	image_in_force();
	for (uint16_t cut = 1; cut < f.n; cut++) {
		struct bytes rest = {.n = (uint16_t)(f.n - cut)};

		memcpy(rest.b, f.b + cut, rest.n);
		m = mbuf_of(&f, cut);
		tail = mbuf_of(&rest, rest.n);
		assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
		eng_rx(worker, ACCESS, &m, 1, now_us);
		assert_int_equal(picked_up(), 1);
		queues_empty();
	}
}

static void a_frame_that_one_buffer_does_not_hold_is_dropped(void **)
{
	struct bytes f = tcp_frame(40000, 25);
	struct rte_mbuf *m = mbuf_of(&f, f.n), *tail = rte_pktmbuf_alloc(pool);

	image_in_force();
	f.b[14] = 0x46; // an option, so that it needs the whole look
	memcpy(rte_pktmbuf_mtod(m, void *), f.b, f.n);
	assert_non_null(rte_pktmbuf_append(tail, rte_pktmbuf_tailroom(tail)));
	assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
	eng_rx(worker, ACCESS, &m, 1, now_us);
	assert_int_equal(counted(DROP_CHAINED), 1);
}

static void frames_cut_anywhere_end_once(void **)
{
	struct bytes frames[] = {tcp_frame(40000, 25), tagged_frame(3, 5), v6_frame(6, true, 25),
		v4_frame(6, 0x2000, "\0\31\0\31....", 8), other_frame(0x8847), other_frame(0x8864)};

	image_in_force();
	for (unsigned i = 0; i < RTE_DIM(frames); i++) {
		for (uint16_t n = 0; n <= frames[i].n; n++) {
			struct rte_mbuf *m = mbuf_of(&frames[i], n);

			eng_rx(worker, ACCESS, &m, 1, now_us);
			outs_empty();
			queues_empty();
			assert_int_equal(rte_mempool_avail_count(pool), MBUFS);
		}
	}
}

static void a_port_without_a_peer_drops(void **)
{
	struct bytes f = tcp_frame(40000, 80);

	receive(2, &f);
	assert_int_equal(counted(DROP_NO_PEER), 1);
}

static void full_queues_drop_what_would_be_read(void **)
{
	enum { MANY = ENG_SMTPQ_MAX + 5 };
	struct bytes own = tcp_frame(40000, 25);
	uint16_t port = 40000;

	image_in_force();
	// One flow of this worker, one of another.
	for (; waiting(0) == 0; own = tcp_frame(++port, 25)) {
		queues_empty();
		receive(ACCESS, &own);
	}
	own = tcp_frame((uint16_t)(port - 1), 25);
	queues_empty();
	for (unsigned i = 0; i < MANY; i++)
		receive(ACCESS, &own);
	assert_int_equal(counted(DROP_SMTP_QUEUE), 5);
	queues_empty();
	for (; waiting(0) == picked_up(); own = tcp_frame(++port, 25)) {
		queues_empty();
		receive(ACCESS, &own);
	}
	own = tcp_frame((uint16_t)(port - 1), 25);
	queues_empty();
	for (unsigned i = 0; i < MANY; i++)
		receive(ACCESS, &own);
	// A ring of 4,096 places holds 4,095.
	assert_int_equal(counted(DROP_INBOX_FULL), MANY - ENG_SMTPQ_MAX + 1);
}

static void flush_all(void *arg, uint16_t port)
{
	(*(unsigned *)arg)++;
	rte_pktmbuf_free_bulk(eng_out_of(worker, port)->pkts, eng_out_of(worker, port)->n);
	eng_out_of(worker, port)->n = 0;
}

// What io/ does where the port takes three frames only.
static void flush_three(void *arg, uint16_t port)
{
	uint32_t n = eng_out_of(worker, port)->n;

	flush_all(arg, port);
	eng_tx_full(worker, n - 3);
}

static void frames_that_a_port_does_not_take_are_counted(void **)
{
	struct bytes f = tcp_frame(40000, 80);
	unsigned flushes = 0;

	eng_flush_set(worker, flush_three, &flushes);
	for (unsigned i = 0; i < ENG_OUT_MAX + 1; i++)
		receive(ACCESS, &f);
	assert_int_equal(flushes, 1);
	assert_int_equal(counted(DROP_TX_FULL), ENG_OUT_MAX - 3);
}

static void the_time_of_busy_turns_adds_up(void **)
{
	eng_busy(worker, 1500);
	eng_busy(worker, 250);
	assert_int_equal(counted(ACT_BUSY_NS), 1750);
}

static void a_full_list_is_sent_or_else_drops(void **)
{
	struct bytes f = tcp_frame(40000, 80);
	unsigned flushes = 0;

	for (unsigned i = 0; i < ENG_OUT_MAX + 3; i++)
		receive(ACCESS, &f);
	assert_int_equal(eng_out_of(worker, CORE)->n, ENG_OUT_MAX);
	assert_int_equal(counted(DROP_OUT_FULL), 3);
	eng_flush_set(worker, flush_all, &flushes);
	receive(ACCESS, &f);
	assert_int_equal(flushes, 1);
	assert_int_equal(eng_out_of(worker, CORE)->n, 1);
	assert_int_equal(counted(DROP_OUT_FULL), 3);
}

// ---- learn mode

static struct bytes frame_to(const uint8_t *dst, const uint8_t *src, uint16_t vid)
{
	struct bytes f = ethernet(dst, src);

	if (vid != 0) {
		put16(&f, 0x8100);
		put16(&f, vid);
	}
	put16(&f, 0x88b5);
	put(&f, "some bytes", 10);
	return f;
}

static void left_by(unsigned set) // bit set of ports
{
	for (uint16_t p = 0; p < PORTS; p++)
		assert_int_equal(eng_out_of(worker, p)->n, (set >> p) & 1);
	outs_empty();
}

static void an_unknown_destination_is_flooded_and_a_learnt_one_is_not(void **)
{
	struct bytes there = frame_to(MAC_B, MAC_A, 0), back = frame_to(MAC_A, MAC_B, 0);

	receive(0, &there);
	left_by(0xe);
	assert_int_equal(counted(FWD_FLOOD), 1);
	eng_manage(engine, now_us);
	receive(2, &back); // A is known behind port 0
	left_by(0x1);
	eng_manage(engine, now_us);
	receive(0, &there);
	left_by(0x4);
	receive(2, &there); // A has moved to port 2, where B is
	assert_int_equal(counted(DROP_SAME_PORT), 1);
	left_by(0);
	eng_manage(engine, now_us);
	receive(3, &back);
	left_by(0x4);
}

static void a_vlan_has_addresses_of_its_own(void **)
{
	struct bytes there = frame_to(MAC_B, MAC_A, 10), back = frame_to(MAC_A, MAC_B, 10),
		     other = frame_to(MAC_A, MAC_B, 11);

	receive(0, &there);
	eng_manage(engine, now_us);
	outs_empty();
	receive(1, &back);
	left_by(0x1);
	receive(1, &other);
	left_by(0xd);
}

static void group_addresses_go_everywhere_and_are_never_learnt(void **)
{
	static const uint8_t stp[6] = {1, 0x80, 0xc2, 0, 0, 0};
	struct bytes group = frame_to(stp, MAC_A, 0), odd = frame_to(MAC_B, stp, 0);

	receive(1, &group);
	left_by(0xd);
	receive(1, &odd);
	left_by(0xd);
	eng_manage(engine, now_us);
	assert_int_equal(tbl_fdb_entries(engine->fdb), 1); // MAC_A
}

static void an_address_not_seen_for_300_seconds_is_forgotten(void **)
{
	struct bytes there = frame_to(MAC_B, MAC_A, 0), back = frame_to(MAC_A, MAC_B, 0);

	receive(0, &there);
	eng_manage(engine, now_us);
	assert_int_equal(tbl_fdb_entries(engine->fdb), 1);
	eng_manage(engine, now_us + 299 * 1000000);
	assert_int_equal(tbl_fdb_entries(engine->fdb), 1);
	eng_manage(engine, now_us + 300 * 1000000);
	assert_int_equal(tbl_fdb_entries(engine->fdb), 0);
	outs_empty();
	receive(1, &back);
	left_by(0xd);
}

// ---- images and grace periods

static void an_image_is_freed_once_no_worker_can_hold_it(void **)
{
	image_in_force();
	eng_image_swap(engine, image_make(2));
	assert_int_equal(eng_image_version(engine), 2);
	assert_int_equal(eng_image_reap(engine), 1);
	for (uint16_t i = 0; i < WORKERS - 1; i++)
		(void)eng_turn(eng_worker_at(engine, i), now_us);
	assert_int_equal(eng_image_reap(engine), 1);
	assert_false(eng_quiesced(engine));
	eng_worker_offline(eng_worker_at(engine, WORKERS - 1)); // asleep: holds nothing
	assert_true(eng_quiesced(engine));
	assert_int_equal(eng_image_reap(engine), 0);
}

static void an_image_in_use_outlives_its_grace_period(void **)
{
	struct eng_image *old = image_make(1);

	eng_image_swap(engine, old);
	eng_image_use(old, 0);
	eng_image_swap(engine, image_make(2));
	for (uint16_t i = 0; i < WORKERS; i++)
		(void)eng_turn(eng_worker_at(engine, i), now_us);
	assert_int_equal(eng_image_reap(engine), 1);
	eng_image_unuse(old, 0);
	assert_int_equal(eng_image_reap(engine), 0);
}

static void the_question_for_flows_is_answered_to_its_end(void **)
{
	struct eng_flow_row row;

	assert_int_equal(eng_flows_ask(engine, 0, 100), 0);
	assert_int_equal(eng_flows_ask(engine, 0, 100), -EBUSY);
	assert_int_equal(eng_flows_take(engine, 0, &row), -EAGAIN);
	for (unsigned i = 1; i < 100; i++)
		(void)eng_turn(worker, now_us + i * 1000);
	assert_int_equal(eng_flows_take(engine, 0, &row), -ENOENT);
	assert_int_equal(eng_flows_ask(engine, 0, 100), 0);
}

#define PAIR(f) cmocka_unit_test_setup_teardown(f, pair_set_up, tear_down)
#define LEARN(f) cmocka_unit_test_setup_teardown(f, learn_set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAIR(without_an_image_everything_is_forwarded_and_tcp_is_counted),
		PAIR(what_is_not_of_a_picked_up_port_leaves_by_the_peer),
		PAIR(a_picked_up_port_is_found_in_every_encapsulation),
		PAIR(the_side_is_told_by_the_picked_up_port),
		PAIR(both_directions_have_one_owner_and_owners_differ),
		PAIR(the_context_holds_the_vlan_where_it_goes_by_vlan),
		PAIR(the_fragments_of_a_datagram_have_one_owner_and_owners_differ),
		PAIR(fragments_of_what_is_no_tcp_are_not_looked_at),
		PAIR(what_may_hide_a_picked_up_port_is_forwarded_and_counted),
		PAIR(a_frame_in_two_buffers_is_made_one_before_it_is_read),
		PAIR(a_frame_that_one_buffer_does_not_hold_is_dropped),
		PAIR(frames_cut_anywhere_end_once),
		PAIR(a_port_without_a_peer_drops),
		PAIR(full_queues_drop_what_would_be_read),
		PAIR(a_full_list_is_sent_or_else_drops),
		PAIR(frames_that_a_port_does_not_take_are_counted),
		PAIR(the_time_of_busy_turns_adds_up),
		LEARN(an_unknown_destination_is_flooded_and_a_learnt_one_is_not),
		LEARN(a_vlan_has_addresses_of_its_own),
		LEARN(group_addresses_go_everywhere_and_are_never_learnt),
		LEARN(an_address_not_seen_for_300_seconds_is_forgotten),
		PAIR(an_image_is_freed_once_no_worker_can_hold_it),
		PAIR(an_image_in_use_outlives_its_grace_period),
		PAIR(the_question_for_flows_is_answered_to_its_end),
	};
	static char args[][16] = {"stage_test", "--no-huge", "--no-pci", "--no-shconf",
		"--no-telemetry", "-m256", "--lcores=0@0", "--log-level=1"};
	char *argv[RTE_DIM(args)];

	for (unsigned i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init((int)RTE_DIM(argv), argv) < 0)
		return 1;
	pool = rte_pktmbuf_pool_create(
		"test", MBUFS, 0, ENG_META_ROOM, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
