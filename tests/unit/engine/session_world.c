// SPDX-License-Identifier: BSD-3-Clause
// The world of session tests: see session_world.h.
#include "session_world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include "addr.h"
#include "compile.h"
#include "seq.h"
#include "suite_counters.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { CONNS_MAX = 256, MBUFS = 4095, FRAME_ROOM = 10000 };

#define PORTS                                                                             \
	"dataplane: {mode: pair, main_core: 1, workers: [0], ports: [{name: access, dev: " \
	"net_null0}, {name: core, dev: net_null1}], pairs: [[access, core]]}\n"
#define PICKUP "pickup: {ports: [25]}\n"

// Errors cost nothing and end nothing.
#define NO_DELAY "max_errors: 0, error_delay_s: 0, error_delay_step_s: 0"

static const char CONFIG[] = PORTS PICKUP
	"session_profiles: {plain: {mask_unknown: false, " NO_DELAY
	"}, closed: {prevent_encryption: true, " NO_DELAY "}, "
	"strict: {strict_lines: refuse, " NO_DELAY "}, brief: {idle_s: 60, " NO_DELAY "}, "
	"counted: {max_helo: 2, max_mail: 2, max_noop: 2, max_rset: 2, max_errors: 3, "
	"max_recipient_errors: 8, error_delay_s: 0, error_delay_step_s: 0}, "
	"sized: {max_message_kb: 2, max_header_kb: 1, max_recipients: 2, " NO_DELAY "}, "
	"slow: {max_errors: 3, errors_free: 1, error_delay_s: 4, error_delay_step_s: 3}, "
	"checked: {syntax_check: true, helo_characters: true, prevent_encryption: true, "
	"prevent_open_relaying: always, " NO_DELAY "}, "
	"group: {prevent_open_relaying: if_offered, pipelining: strict, " NO_DELAY "}, "
	"single: {pipelining: no, " NO_DELAY "}, loose: {pipelining: loose, " NO_DELAY "}, "
	"asks: {mask_unknown: false, check_helo_domain: true, check_sender_domain: exists, "
	"check_recipient_domain: true, reject_empty_domain: true, " NO_DELAY "}, "
	"resolved: {mask_unknown: false, check_sender_domain: resolved, " NO_DELAY "}, "
	"blocks: {blocked_servers: [192.0.2.0/28, 192.0.2.25, \"2001:db8::/32\"]}, "
	"two: {client_connections: 2}, rate: {client_rate: 3, client_rate_min: 10}, total: "
	"{total_connections: 3}, both: {client_connections: 2, client_rate: 4, total_connections: "
	"3}, "
	"tight: {max_recipients: 1, max_errors: 2, errors_free: 7, error_delay_s: 30, "
	"error_delay_step_s: 0, idle_s: 10}}\n"
	"content_profiles: {spam: {threshold: 5, action: reject}, later: {threshold: 5, action: "
	"tempfail}, "
	"quiet: {threshold: 5, action: discard}, look: {threshold: 5, action: monitor}}\n"
	"policies:\n"
	"- {name: plain, source: 10.0.1.0/24, action: inspect, session: plain, content: spam}\n"
	"- {name: closed, source: 10.0.2.0/24, action: inspect, session: closed, content: spam}\n"
	"- {name: reject, source: 10.0.3.0/24, action: reject}\n"
	"- {name: later, source: 10.0.4.0/24, action: tempfail}\n"
	"- {name: pass, source: 10.0.5.0/24, action: pass}\n"
	"- {name: drop, source: 10.0.6.0/24, action: drop}\n"
	"- {name: tempfail, source: 10.0.7.0/24, action: inspect, session: plain, content: later}\n"
	"- {name: discard, source: 10.0.8.0/24, action: inspect, session: plain, content: quiet}\n"
	"- {name: monitor, source: 10.0.9.0/24, action: inspect, session: plain, content: look}\n"
	"- {name: strict, source: 10.0.10.0/24, action: inspect, session: strict, content: spam}\n"
	"- {name: unscanned, source: 10.0.11.0/24, action: inspect, session: plain}\n"
	"- {name: counted, source: 10.0.12.0/24, action: inspect, session: counted, content: spam}\n"
	"- {name: sized, source: 10.0.13.0/24, action: inspect, session: sized, content: spam}\n"
	"- {name: slow, source: 10.0.14.0/24, action: inspect, session: slow, content: spam}\n"
	"- {name: checked, source: 10.0.15.0/24, action: inspect, session: checked, content: spam}\n"
	"- {name: group, source: 10.0.16.0/24, action: inspect, session: group, content: spam}\n"
	"- {name: single, source: 10.0.17.0/24, action: inspect, session: single, content: spam}\n"
	"- {name: loose, source: 10.0.18.0/24, action: inspect, session: loose, content: spam}\n"
	"- {name: tight, source: 10.0.19.0/24, action: inspect, session: tight, content: spam}\n"
	"- {name: asks, source: 10.0.22.0/24, action: inspect, session: asks, content: spam}\n"
	"- {name: resolved, source: 10.0.23.0/24, action: inspect, session: resolved}\n"
	"- {name: blocks, source: 10.0.24.0/24, action: inspect, session: blocks}\n"
	"- {name: two, source: 10.0.40.0/24, action: inspect, session: two}\n"
	"- {name: rate, source: 10.0.41.0/24, action: inspect, session: rate}\n"
	"- {name: total, source: 10.0.42.0/24, action: inspect, session: total}\n"
	"- {name: both, source: 10.0.43.0/24, action: inspect, session: both}\n"
	"- {name: two-six, source: \"fd78::/16\", action: inspect, session: two}\n"
	"- {name: six, source: \"fd77::/16\", action: inspect, session: plain, content: spam}\n";

static const char RULES[] = "1 body 100 l buy-now-cheap\n"
			    "2 header 100 il x-spam: very\n"
			    "3 rcpt 100 l trap@\n"
			    "4 helo 100 l bad.example\n";

struct world world;

static struct rte_mempool *pool;
static uint8_t *image_bytes;
static size_t image_n;
static struct conn *conns[CONNS_MAX];
static unsigned nconns;

static void fail_errors(const struct err_list *err)
{
	err_print(err, stderr);
	fail_msg("%s", "see above");
}

int world_start(void **)
{
	char name[] = "session_test", huge[] = "--no-huge", alone[] = "--no-shconf", m[] = "-m",
	     size[] = "256", pci[] = "--no-pci", telemetry[] = "--no-telemetry",
	     log[] = "--log-level=error", l[] = "-l", core[] = "0";
	char *args[] = {name, huge, alone, m, size, pci, telemetry, log, l, core};
	const struct cfg_ruleset *set;
	struct err_list err;
	struct cfg *cfg;

	if (rte_eal_init(COUNT(args), args) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("frames", MBUFS, 0, (sizeof(struct eng_meta) + 7) & ~7u,
		RTE_PKTMBUF_HEADROOM + FRAME_ROOM, SOCKET_ID_ANY);
	if (pool == NULL)
		return -1;
	err_init(&err);
	cfg = cfg_load_text(CONFIG, strlen(CONFIG), "session_test", "/", &err);
	set = cfg_rules_load_text(RULES, strlen(RULES), "session_test.rules", &err);
	if (cfg == NULL || set == NULL ||
		compile_image(
			&(struct compile_input){
				.cfg = cfg, .rulesets = &set, .nrulesets = 1, .version = 1},
			&image_bytes, &image_n, &err) != 0) {
		err_print(&err, stderr);
		return -1;
	}
	cfg_rules_free((struct cfg_ruleset *)(uintptr_t)set);
	cfg_free(cfg);
	return 0;
}

static struct eng_image *image_of(const void *bytes, size_t n)
{
	struct err_list err;
	struct eng_image *img;

	err_init(&err);
	img = eng_image_new(world.eng, bytes, n, &err);
	if (img == NULL)
		fail_errors(&err);
	return img;
}

struct made { // an image's bytes
	uint8_t *bytes;
	size_t n;
};

static struct made make(const char *rest, const char *rules, uint64_t version)
{
	static char text[8192];
	const struct cfg_ruleset *set;
	struct err_list err;
	struct made made = {0};
	struct cfg *cfg;

	err_init(&err);
	(void)snprintf(text, sizeof(text), "%s%s%s", PORTS,
		strstr(rest, "pickup:") == NULL ? PICKUP : "", rest);
	cfg = cfg_load_text(text, strlen(text), "session_test", "/", &err);
	set = cfg_rules_load_text(rules, strlen(rules), "session_test.rules", &err);
	if (cfg == NULL || set == NULL ||
		compile_image(
			&(struct compile_input){
				.cfg = cfg, .rulesets = &set, .nrulesets = 1, .version = version},
			&made.bytes, &made.n, &err) != 0)
		fail_errors(&err);
	cfg_rules_free((struct cfg_ruleset *)(uintptr_t)set);
	cfg_free(cfg);
	return made;
}

void world_use_rules(const char *rest, const char *rules, uint64_t version)
{
	struct made made = make(rest, rules, version);

	eng_image_swap(world.eng, image_of(made.bytes, made.n));
	(void)eng_turn(world.w, world.now_us);
	free(made.bytes);
}

void world_shadow(const char *rest, const char *rules, uint64_t version)
{
	struct made made = make(rest, rules == NULL ? RULES : rules, version);
	struct err_list err;

	err_init(&err);
	if (eng_shadow_begin(world.eng, made.bytes, made.n, &err) != 0)
		fail_errors(&err);
	(void)eng_turn(world.w, world.now_us);
	free(made.bytes);
}

void world_use(const char *rest, uint64_t version)
{
	world_use_rules(rest, RULES, version);
}

int world_stop(void **)
{
	free(image_bytes);
	rte_mempool_free(pool);
	return rte_eal_cleanup();
}

static int take_record(void *, const struct eng_record *r)
{
	if (world.deaf)
		return -EAGAIN;
	if (r->kind == ENG_REC_SHADOW) {
		assert_true(world.nparted < RECORDS_MAX);
		world.parted[world.nparted] = *r->parted;
		world.parted_who[world.nparted++] = r->who;
		return 0;
	}
	world.helo_n = r->helo.n < sizeof(world.helo) ? r->helo.n : sizeof(world.helo);
	if (world.helo_n > 0)
		memcpy(world.helo, r->helo.p, world.helo_n);
	world.has_subject = r->subject.p != NULL;
	world.subject_n = span_sub(r->subject, 0, sizeof(world.subject)).n;
	if (world.subject_n > 0)
		memcpy(world.subject, r->subject.p, world.subject_n);
	if (world.nrecords < RECORDS_MAX)
		world.records[world.nrecords++] = *r;
	return 0;
}

static int take_outcome(void *, const struct eng_outcome *o)
{
	world.outcomes[o->kind % COUNT(world.outcomes)] += o->count;
	return 0;
}

static unsigned never_full(void *)
{
	return 0;
}

static const struct eng_sink sink = {
	.outcome = take_outcome, .record = take_record, .fill = never_full};

int world_new_sized(uint32_t flows, uint32_t messages, uint32_t slabs)
{
	struct eng_conf conf = {.mode = ENG_MODE_PAIR,
		.workers = 1,
		.ports = 2,
		.port = {{.peer = 1}, {.peer = 0, .side = 1}},
		.flows = flows,
		.messages = messages,
		.slabs = slabs,
		.limit_cells = 1, // a bucket of 31
		.pool = pool,
		.socket = SOCKET_ID_ANY};
	struct err_list err;

	memset(&world, 0, sizeof(world));
	world.now_us = 5000000;
	err_init(&err);
	world.eng = eng_new(&conf, &err);
	if (world.eng == NULL)
		fail_errors(&err);
	world.w = eng_worker_at(world.eng, 0);
	eng_image_swap(world.eng, image_of(image_bytes, image_n));
	eng_sink_set(world.eng, 0, &sink);
	(void)eng_turn(world.w, world.now_us);
	return 0;
}

int world_new(void **)
{
	return world_new_sized(63, 15, 2047);
}

struct conn *dial(const char *source, uint16_t client_port)
{
	struct conn *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	assert_true(nconns < CONNS_MAX);
	conns[nconns++] = c;
	assert_int_equal(addr_parse(source, &c->client), 0);
	assert_int_equal(
		addr_parse(addr_is_v4(&c->client) ? "192.0.2.25" : "2001:db8::25", &c->server), 0);
	c->client_port = client_port;
	c->ttl = 61;
	c->end[CLIENT] = (struct end){.isn = 0xfffff000u, .window = 60000}; // its numbers wrap soon
	c->end[SERVER] = (struct end){.isn = 0x7ffffe00u, .window = 60000};
	c->end[CLIENT].nxt = c->end[SERVER].rcv = c->end[CLIENT].isn + 1;
	c->end[SERVER].nxt = c->end[CLIENT].rcv = c->end[SERVER].isn + 1;
	return c;
}

static void template(const struct conn *c, enum world_side side, struct wire_tmpl *t)
{
	static const uint8_t MAC[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
	bool v4 = addr_is_v4(&c->client);

	*t = (struct wire_tmpl){.l2_len = 14,
		.family = v4 ? 4 : 6,
		.ttl = c->ttl,
		.src = side == CLIENT ? c->client : c->server,
		.dst = side == CLIENT ? c->server : c->client,
		.sport = side == CLIENT ? c->client_port : 25,
		.dport = side == CLIENT ? 25 : c->client_port};
	memcpy(t->l2, MAC[!side], 6);
	memcpy(t->l2 + 6, MAC[side], 6);
	t->l2[12] = v4 ? 0x08 : 0x86;
	t->l2[13] = v4 ? 0x00 : 0xdd;
}

static void inject(uint8_t port, struct rte_mbuf *m)
{
	if (world.spoil != NULL)
		world.spoil(m);
	world.spoil = NULL;
	world.now_us += 20;
	eng_rx(world.w, port, &m, 1, world.now_us);
	// A turn ends by the machine's own clock, too: on a busy one something may be left for the next.
	do
		world.done += eng_turn(world.w, world.now_us);
	while (world.w->smtpq_head != world.w->smtpq_tail);
}

size_t segment_frame(
	struct conn *c, enum world_side side, const struct wire_tcp_out *o, uint8_t *buf, size_t cap)
{
	struct wire_tcp_out out = *o;
	struct wire_tmpl t;
	size_t n;

	template(c, side, &t);
	if ((out.flags & TCP_SYN) != 0)
		out.mss = c->mss;
	if (c->ts != 0) {
		out.has_ts = true;
		out.ts_val = c->ts + (uint32_t)(world.now_us / 1000);
		out.ts_ecr = 1;
	}
	n = wire_tcp_build(buf, cap, &t, &out);
	assert_true(n > 0);
	return n;
}

void inject_bytes(uint8_t port, const uint8_t *frame, size_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)n), frame, n);
	inject(port, m);
}

void segment_by(struct conn *c, enum world_side side, uint8_t port, const struct wire_tcp_out *o)
{
	static uint8_t frame[FRAME_ROOM];

	inject_bytes(port, frame, segment_frame(c, side, o, frame, sizeof(frame)));
}

void segment(struct conn *c, enum world_side side, uint8_t flags, uint32_t seq, uint32_t ack,
	const void *bytes, size_t n)
{
	segment_by(c, side, (uint8_t)side,
		&(struct wire_tcp_out){.seq = seq,
			.ack = ack,
			.flags = flags,
			.window = c->end[side].window,
			.payload = {.p = bytes, .n = n}});
}

static void syn_of(struct conn *c, enum world_side side, const struct wire_tcp_out *o,
	const uint8_t *options, size_t n, const char *payload)
{
	struct wire_tcp_out out = *o;
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct wire_view v;
	struct wire_tmpl t;
	uint8_t text[200];
	size_t len = n + strlen(payload);
	uint8_t *frame;

	assert_non_null(m);
	assert_true(n % 4 == 0 && len <= sizeof(text));
	memcpy(text, options, n); // options are payload until the data offset says otherwise
	memcpy(text + n, payload, strlen(payload));
	template(c, side, &t);
	frame = rte_pktmbuf_mtod(m, uint8_t *);
	out.payload = (struct span){.p = text, .n = len};
	m->data_len = (uint16_t)wire_tcp_build(frame, rte_pktmbuf_tailroom(m), &t, &out);
	m->pkt_len = m->data_len;
	wire_parse((struct span){.p = frame, .n = m->data_len}, &v);
	frame[v.l4_off + 12] = (uint8_t)((20 + n) / 4 << 4);
	wire_parse((struct span){.p = frame, .n = m->data_len}, &v);
	wire_tcp_csum_set(frame, m->data_len, &v);
	inject((uint8_t)side, m);
}

void syn_with(struct conn *c, const uint8_t *options, size_t n, const char *payload)
{
	const struct wire_tcp_out o = {
		.seq = c->end[CLIENT].isn, .flags = TCP_SYN, .window = 60000};

	syn_of(c, CLIENT, &o, options, n, payload);
}

void syn_ack_with(struct conn *c, const uint8_t *options, size_t n)
{
	const struct wire_tcp_out o = {.seq = c->end[SERVER].isn,
		.ack = c->end[CLIENT].isn + 1,
		.flags = TCP_SYN | TCP_ACK,
		.window = 60000};

	syn_of(c, SERVER, &o, options, n, "");
}

static struct conn *conn_of(const struct wire_view *v, uint8_t port, const struct addr *client)
{
	uint16_t client_port = port == SERVER ? v->sport : v->dport;

	for (unsigned i = nconns; i-- > 0;)
		if (conns[i]->client_port == client_port && addr_eq(&conns[i]->client, client))
			return conns[i];
	return NULL;
}

static void receive(
	struct conn *c, enum world_side side, const struct wire_view *v, const uint8_t *bytes)
{
	struct end *e = &c->end[side];
	uint32_t base = c->end[!side].isn + 1, at = v->seq - base;

	if ((v->tcp_flags & TCP_RST) != 0) {
		e->reset |= v->seq == e->rcv;
		e->rst_odd |= v->seq != e->rcv;
		return;
	}
	if (e->reset || (v->tcp_flags & TCP_SYN) != 0)
		return;
	e->owes_ack |=
		v->payload_len > 0 || (v->tcp_flags & TCP_FIN) != 0 || seq_lt(v->seq, e->rcv);
	for (uint32_t i = 0; i < v->payload_len && at + i < END_BYTES; i++) {
		if (!e->have[at + i])
			e->bytes[at + i] = (char)bytes[i];
		e->have[at + i] = 1;
	}
	while (!e->fin_got && e->rcv - base < END_BYTES && e->have[e->rcv - base])
		e->rcv++;
	if ((v->tcp_flags & TCP_FIN) != 0 && !e->fin_got && v->seq + v->payload_len == e->rcv) {
		e->fin_got = true;
		e->rcv++;
	}
}

static unsigned deliver(uint8_t port)
{
	struct eng_out *out = eng_out_of(world.w, port);
	unsigned n = out->n;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = out->pkts[i];
		struct span frame = {.p = rte_pktmbuf_mtod(m, const uint8_t *), .n = m->data_len};
		struct addr src, dst;
		struct wire_tcp_opts opts;
		struct wire_view v;

		wire_parse(frame, &v);
		assert_int_equal(v.proto, WIRE_TCP);
		assert_int_equal(m->pkt_len, m->data_len);
		assert_true(wire_tcp_csum_ok(frame, &v));
		wire_addrs(frame, &v, &src, &dst);
		struct conn *c = conn_of(&v, port, port == SERVER ? &src : &dst);

		wire_tcp_options(frame, &v, &opts);
		if (world.nseen < SEEN_MAX)
			world.seen[world.nseen++] = (struct seen){.port = port,
				.flags = v.tcp_flags,
				.ttl = frame.p[v.l3_off + (v.family == 4 ? 8 : 7)],
				.window = v.window,
				.len = v.payload_len,
				.seq = v.seq,
				.ack = v.ack,
				.ts_val = opts.ts_val,
				.client_port = port == SERVER ? v.sport : v.dport};
		if (c != NULL)
			receive(c, port, &v, frame.p + v.payload_off);
		rte_pktmbuf_free(m);
	}
	out->n = 0;
	return n;
}

static unsigned acknowledge(struct conn *c, enum world_side side)
{
	struct end *e = &c->end[side];

	if (!e->owes_ack || e->mute || e->reset)
		return 0;
	e->owes_ack = false;
	segment(c, side, TCP_ACK, e->nxt, e->rcv, NULL, 0);
	return 1;
}

void settle(void)
{
	unsigned moved = 1;

	for (unsigned round = 0; moved > 0; round++) {
		assert_true(round < 1000); // the ends talk in circles
		moved = deliver(CLIENT) + deliver(SERVER);
		for (unsigned i = 0; i < nconns; i++)
			moved += acknowledge(conns[i], CLIENT) + acknowledge(conns[i], SERVER);
	}
}

void pass_ms(uint64_t ms)
{
	uint64_t until = world.now_us + ms * 1000;

	while (world.now_us < until) {
		uint64_t step = eng_wait_us(world.w, world.now_us);

		step = step < 1000 ? 1000 : step;
		world.now_us = world.now_us + step < until ? world.now_us + step : until;
		world.done += eng_turn(world.w, world.now_us);
		settle();
	}
}

int world_end(void **)
{
	suite_counters_look(world.w);
	for (unsigned i = 0; i < nconns; i++) { // whoever is still there falls silent
		conns[i]->end[CLIENT].mute = true;
		conns[i]->end[SERVER].mute = true;
	}
	pass_ms(4 * 3600 * 1000); // longer than what passes may stay
	(void)eng_turn(world.w, world.now_us + 1000);
	uint64_t flows = counter(GAUGE_FLOWS) + counter(GAUGE_HALF_OPEN), slabs = counter(GAUGE_SLABS),
		 messages = counter(GAUGE_MESSAGES);

	suite_counters_add(world.w);
	eng_free(world.eng); // first: the next case needs its memory
	while (nconns > 0)
		free(conns[--nconns]);
	assert_int_equal(flows, 0);
	assert_int_equal(slabs, 0);
	assert_int_equal(messages, 0);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

void handshake(struct conn *c)
{
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	settle();
	assert_true((last_seen(c, SERVER)->flags & TCP_SYN) != 0);
	segment(c, SERVER, TCP_SYN | TCP_ACK, server->isn, client->isn + 1, NULL, 0);
	settle();
	assert_int_equal(last_seen(c, CLIENT)->flags, TCP_SYN | TCP_ACK);
	segment(c, CLIENT, TCP_ACK, client->nxt, client->rcv, NULL, 0);
	settle();
	forget_seen();
}

void says(struct conn *c, enum world_side side, const char *text)
{
	struct end *e = &c->end[side];

	segment(c, side, TCP_ACK | TCP_PSH, e->nxt, e->rcv, text, strlen(text));
	e->nxt += (uint32_t)strlen(text);
	settle();
}

void hangs_up(struct conn *c, enum world_side side)
{
	struct end *e = &c->end[side];

	segment(c, side, TCP_ACK | TCP_FIN, e->nxt, e->rcv, NULL, 0);
	e->nxt++;
	settle();
}

void reboot(struct conn *c)
{
	for (unsigned side = CLIENT; side <= SERVER; side++) {
		const uint32_t isn = c->end[side].isn + 100000;

		c->end[side] = (struct end){.isn = isn, .nxt = isn + 1, .window = 60000};
	}
	c->end[CLIENT].rcv = c->end[SERVER].nxt;
	c->end[SERVER].rcv = c->end[CLIENT].nxt;
}

static size_t heard(const struct conn *c, enum world_side side, const char **text)
{
	const struct end *e = &c->end[side];
	uint32_t n = e->rcv - (c->end[!side].isn + 1) - (e->fin_got ? 1 : 0);

	*text = e->bytes + e->told;
	return n - e->told;
}

// Does `got` begin with `text`, in which "(mw-*)" stands for any id of a refusal? How long that is.
static bool begins(const char *got, size_t n, const char *text, size_t *len)
{
	enum { ID_LEN = 13 };
	static const char mark[] = "(mw-*)";
	size_t at = 0;

	for (; *text != '\0'; text++, at++) {
		bool id = strncmp(text, mark, strlen(mark)) == 0;
		if (id && (n - at < strlen(mark) + ID_LEN - 1 || memcmp(got + at, mark, 4) != 0))
			return false;
		if (id) {
			at += 3 + ID_LEN;
			text += 4;
			continue;
		}
		if (at >= n || got[at] != *text)
			return false;
	}
	*len = at;
	return true;
}

void hears_begin(struct conn *c, enum world_side side, const char *text)
{
	const char *got;
	size_t n = heard(c, side, &got), len;

	if (!begins(got, n, text, &len))
		fail_msg("%s heard \"%.*s\", not \"%s\"", side == CLIENT ? "client" : "server",
			(int)n, got, text);
	c->end[side].told += (uint32_t)n;
}

void hears(struct conn *c, enum world_side side, const char *text)
{
	const char *got;
	size_t n = heard(c, side, &got), len;

	if (!begins(got, n, text, &len) || n != len)
		fail_msg("%s heard \"%.*s\", not \"%s\"", side == CLIENT ? "client" : "server",
			(int)n, got, text);
	hears_begin(c, side, text);
}

void greets(struct conn *c)
{
	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	hears(c, CLIENT, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	hears(c, SERVER, "EHLO me\r\n");
	says(c, SERVER, "250 mx\r\n");
	hears(c, CLIENT, "250 mx\r\n");
}

void begins_mail(struct conn *c)
{
	static const char *const LINES[][2] = {{"MAIL FROM:<a@b>\r\n", "250 ok\r\n"},
		{"RCPT TO:<c@d>\r\n", "250 ok\r\n"}, {"DATA\r\n", "354 go\r\n"}};

	for (unsigned i = 0; i < COUNT(LINES); i++) {
		says(c, CLIENT, LINES[i][0]);
		hears(c, SERVER, LINES[i][0]);
		says(c, SERVER, LINES[i][1]);
		hears(c, CLIENT, LINES[i][1]);
	}
}

uint64_t counter(enum eng_reason r)
{
	return world.w->counters[r];
}

const struct seen *last_seen(const struct conn *c, enum world_side side)
{
	for (unsigned i = world.nseen; i-- > 0;)
		if (world.seen[i].port == side && world.seen[i].client_port == c->client_port)
			return &world.seen[i];
	fail_msg("%s", "nothing came out");
	return NULL;
}

unsigned frames_seen(const struct conn *c, enum world_side side)
{
	unsigned n = 0;

	for (unsigned i = 0; i < world.nseen; i++)
		n += world.seen[i].port == side && world.seen[i].client_port == c->client_port;
	return n;
}

void forget_seen(void)
{
	world.nseen = 0;
}
