// SPDX-License-Identifier: BSD-3-Clause
// The TCP ends of a test's world: see session_ends.h.
#include "session_ends.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_mbuf.h>

#include "seq.h"
#include "session_world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { CONNS_MAX = 256 };

static struct conn *conns[CONNS_MAX];
static unsigned nconns;

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
	c->vlan = world.vlan;
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
	if (c->vlan != 0) { // IEEE 802.1Q
		const uint8_t tag[4] = {0x81, 0x00, (uint8_t)(c->vlan >> 8), (uint8_t)c->vlan};

		memcpy(t->l2 + 12, tag, sizeof(tag));
		t->l2_len += sizeof(tag);
	}
	t->l2[t->l2_len - 2] = v4 ? 0x08 : 0x86;
	t->l2[t->l2_len - 1] = v4 ? 0x00 : 0xdd;
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

size_t segment_frame(struct conn *c, enum world_side side, const struct wire_tcp_out *o,
	uint8_t *buf, size_t cap)
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
	struct rte_mbuf *m = rte_pktmbuf_alloc(world_pool);

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
	struct rte_mbuf *m = rte_pktmbuf_alloc(world_pool);
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

void ends_mute(void)
{
	for (unsigned i = 0; i < nconns; i++) {
		conns[i]->end[CLIENT].mute = true;
		conns[i]->end[SERVER].mute = true;
	}
}

void ends_forget(void)
{
	while (nconns > 0)
		free(conns[--nconns]);
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
