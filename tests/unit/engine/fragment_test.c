// SPDX-License-Identifier: BSD-3-Clause
// IP fragments of TCP: mail in fragments is read and judged as mail in segments, whatever order they
// come in; what can not be put together for sure is refused, by reason; what is not of a picked-up
// port leaves as it came.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow_frag.h"
#include "session_world.h"
#include "wire_field.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { ACK = TCP_ACK, DATA = TCP_ACK | TCP_PSH, FRAME_MAX = 9000, ETH = WIRE_ETH_LEN };

static const char SPAM[] = "Subject: hi\r\n\r\nplease buy-now-cheap today\r\n.\r\n";
static const char HAM[] = "Subject: hi\r\n\r\nplease call me back today\r\n.\r\n";

static uint32_t next_id = 1;

struct whole { // a datagram that is going to be sent in fragments
	uint8_t b[FRAME_MAX];
	size_t n, head; // bytes of the frame, and before the part that fragments carry
	uint32_t id;
	uint8_t port;
};

static struct whole whole_of(struct conn *c, enum world_side side, const struct wire_tcp_out *o)
{
	struct whole d = {.id = next_id++, .port = (uint8_t)side};

	d.n = segment_frame(c, side, o, d.b, sizeof(d.b));
	d.head = ETH + (addr_is_v4(&c->client) ? WIRE_IP4_LEN : WIRE_IP6_LEN);
	return d;
}

static struct whole text_of(struct conn *c, enum world_side side, const char *text)
{
	struct end *e = &c->end[side];
	struct whole d = whole_of(c, side,
		&(struct wire_tcp_out){.seq = e->nxt,
			.ack = e->rcv,
			.flags = DATA,
			.window = e->window,
			.payload = span_str(text)});

	e->nxt += (uint32_t)strlen(text);
	return d;
}

// One of its fragments as a frame; any bytes where it has none.
static size_t cut(const struct whole *d, unsigned off, unsigned len, bool more, uint8_t *out)
{
	uint8_t *ip = out + ETH;
	size_t n = d->head;

	memcpy(out, d->b, d->head);
	if (ip[0] >> 4 == 4) {
		wire_put16(ip + 2, WIRE_IP4_LEN + len);
		wire_put16(ip + 4, d->id & 0xffff);
		wire_put16(ip + 6, (more ? 0x2000 : 0) | off / 8);
		wire_ip_csum_set(out, d->head, &(struct wire_view){.family = 4, .l3_off = ETH});
	} else {
		wire_put16(ip + 4, 8 + len);
		out[n] = ip[6];
		ip[6] = WIRE_IPPROTO_FRAGMENT;
		out[n + 1] = 0;
		wire_put16(out + n + 2, off | more);
		wire_put32(out + n + 4, d->id);
		n += 8;
	}
	memcpy(out + n, d->b + (d->head + off) % (FRAME_MAX - len), len);
	return n + len;
}

static void send_cut(const struct whole *d, unsigned off, unsigned len, bool more)
{
	uint8_t frame[FRAME_MAX + 8];

	inject_bytes(d->port, frame, cut(d, off, len, more, frame));
}

// The part from `off` to the end, or `len` bytes of it with more to follow.
static void send_from(const struct whole *d, unsigned off, unsigned len)
{
	unsigned end = (unsigned)(d->n - d->head);
	bool more = off + len < end;

	send_cut(d, off, more ? len : end - off, more);
}

static void send_all(const struct whole *d, unsigned size)
{
	for (unsigned off = 0; off < d->n - d->head; off += size)
		send_from(d, off, size);
	settle();
}

static void send_all_backwards(const struct whole *d, unsigned size)
{
	unsigned last = (unsigned)(d->n - d->head - 1) / size * size;

	for (unsigned off = last;; off -= size) {
		send_from(d, off, size);
		if (off == 0)
			break;
	}
	settle();
}

static struct conn *in_mail(const char *source)
{
	struct conn *c = dial(source, 2000);

	greets(c);
	begins_mail(c);
	forget_seen();
	return c;
}

static void mail_in_fragments_is_read_whatever_their_order(void **)
{
	static const char *const SOURCES[] = {"10.0.1.1", "fd77::5"};

	for (unsigned i = 0; i < 4; i++) {
		struct conn *c = dial(SOURCES[i / 2], (uint16_t)(2000 + i));
		struct whole d;

		greets(c);
		begins_mail(c);
		d = text_of(c, CLIENT, HAM);
		(i % 2 == 0 ? send_all : send_all_backwards)(&d, 24);
		hears(c, SERVER, HAM);
	}
	assert_int_equal(counter(ACT_FRAG_JOINED), 4 * 3);
	assert_int_equal(counter(MESSAGES_CLEAN), 4);
}

static void spam_in_fragments_is_refused(void **)
{
	struct conn *c = in_mail("10.0.1.1");
	struct whole d = text_of(c, CLIENT, SPAM);

	send_all_backwards(&d, 32);
	hears(c, SERVER, "");
	hears_begin(c, CLIENT, "550 ");
	assert_int_equal(counter(ACT_REJECTED), 1);
}

static void a_server_may_send_in_fragments_too(void **)
{
	struct conn *c = dial("fd77::5", 2000);
	struct whole d;

	handshake(c);
	d = text_of(c, SERVER, "220 a host with a long name indeed\r\n");
	send_all(&d, 24);
	hears(c, CLIENT, "220 a host with a long name indeed\r\n");
}

// What leaves is cut to what the path takes: no packet is larger than the largest fragment.
static void a_large_segment_leaves_in_segments_no_larger_than_its_fragments(void **)
{
	static char text[2400];
	struct conn *c = in_mail("10.0.1.1");
	struct wire_tcp_out o = {.seq = c->end[CLIENT].nxt,
		.ack = c->end[CLIENT].rcv,
		.flags = DATA | TCP_FIN | TCP_CWR,
		.window = 60000,
		.payload = {.p = (const uint8_t *)text, .n = sizeof(text) - 1}};
	struct whole d;

	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "Subject: x\r\n\r\n", 14);
	for (unsigned i = 60; i < sizeof(text) - 8; i += 60)
		memcpy(text + i, "\r\n", 2);
	memcpy(text + sizeof(text) - 6, "\r\n.\r\n", 5);
	d = whole_of(c, CLIENT, &o);
	c->end[CLIENT].nxt += sizeof(text);
	send_all(&d, 1200);
	hears(c, SERVER, text);
	assert_true(c->end[SERVER].fin_got);
	assert_int_equal(world.seen[0].len, 1180);
	assert_int_equal(world.seen[0].flags, ACK | TCP_CWR);
	assert_int_equal(world.seen[1].len, 1180);
	assert_int_equal(world.seen[1].flags, ACK);
	assert_int_equal(world.seen[2].len, 39);
	assert_int_equal(world.seen[2].flags, DATA | TCP_FIN);
}

// ... nor smaller than every path takes.
static void tiny_fragments_leave_in_one_segment(void **)
{
	struct conn *c = in_mail("10.0.1.1");
	struct whole d = text_of(c, CLIENT, HAM);

	send_cut(&d, 24, 8, true);
	send_cut(&d, 0, 24, true);
	send_from(&d, 32, 1000);
	settle();
	hears(c, SERVER, HAM);
	assert_int_equal(frames_seen(c, SERVER), 1);
}

static void a_syn_in_fragments_opens_without_its_payload(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct whole d = whole_of(c, CLIENT,
		&(struct wire_tcp_out){.seq = c->end[CLIENT].isn,
			.flags = TCP_SYN,
			.window = 60000,
			.payload = span_str("EHLO too-early\r\n")});

	send_all(&d, 24);
	assert_int_equal(last_seen(c, SERVER)->flags, TCP_SYN);
	assert_int_equal(last_seen(c, SERVER)->len, 0);
	assert_int_equal(counter(ACT_SYN_PAYLOAD), 1);
}

static void an_exact_repeat_is_swallowed(void **)
{
	struct conn *c = in_mail("10.0.1.1");
	struct whole d = text_of(c, CLIENT, HAM);

	send_from(&d, 32, 1000); // before it is known whose it is
	send_from(&d, 32, 1000);
	assert_int_equal(counter(ACT_FRAG_REPEAT), 1);
	send_cut(&d, 0, 24, true); // and after
	send_cut(&d, 0, 24, true);
	send_from(&d, 32, 1000);
	assert_int_equal(counter(ACT_FRAG_REPEAT), 3);
	send_cut(&d, 24, 8, true);
	settle();
	hears(c, SERVER, HAM);
	assert_int_equal(frames_seen(c, SERVER), 1);
}

// ---- refused, the whole set

struct piece {
	unsigned off, len;
	bool more;
};

static const struct refusal {
	const char *name;
	struct piece piece[10];
	enum eng_reason reason;
} REFUSALS[] = {
	{"overlap in order", {{0, 32, true}, {24, 24, true}, {48, 8, false}}, DROP_FRAG_OVERLAP},
	{"overlap before the first", {{24, 24, true}, {40, 24, false}, {0, 24, true}},
		DROP_FRAG_OVERLAP},
	{"over the header", {{0, 24, true}, {8, 24, true}, {32, 24, false}}, DROP_FRAG_OVERLAP},
	{"another first", {{0, 24, true}, {0, 32, true}, {32, 8, false}}, DROP_FRAG_OVERLAP},
	{"half a header", {{0, 16, true}, {16, 24, false}}, DROP_FRAG_HEADER},
	{"half a header, at last", {{16, 24, false}, {0, 16, true}}, DROP_FRAG_HEADER},
	{"no ports", {{0, 3, true}, {8, 24, false}}, DROP_FRAG_HEADER},
	{"no whole units", {{0, 28, true}, {32, 24, false}}, DROP_FRAG_LENGTH},
	{"two ends", {{0, 24, true}, {32, 8, false}, {24, 8, false}}, DROP_FRAG_LENGTH},
	{"behind the end", {{32, 8, false}, {40, 8, true}, {0, 32, true}}, DROP_FRAG_LENGTH},
	{"too long", {{0, 24, true}, {65528, 16, false}}, DROP_FRAG_LONG},
	{"nine",
		{{0, 24, true}, {24, 8, true}, {32, 8, true}, {40, 8, true}, {48, 8, true},
			{56, 8, true}, {64, 8, true}, {72, 8, true}, {80, 8, true}},
		DROP_FRAG_MANY},
	{"nine without a first",
		{{24, 8, true}, {32, 8, true}, {40, 8, true}, {48, 8, true}, {56, 8, true},
			{64, 8, true}, {72, 8, true}, {80, 8, true}, {88, 8, true}},
		DROP_FRAG_MANY},
};

static void what_can_not_be_put_together_for_sure_is_refused(void **)
{
	static const char *const SOURCES[] = {"10.0.1.1", "fd77::5"};
	static const char LONG[] =
		"0123456789012345678901234567890123456789012345678901234567890"
		"12345678901234567890123456789012345678901234567890123456789\r\n";

	for (unsigned i = 0; i < 2 * COUNT(REFUSALS); i++) {
		const struct refusal *r = &REFUSALS[i / 2];
		struct conn *c = dial(SOURCES[i % 2], (uint16_t)(2000 + i));
		unsigned n = 0;
		uint64_t before;
		struct whole d;

		greets(c);
		d = text_of(c, CLIENT, LONG);
		before = counter(r->reason);
		for (const struct piece *p = r->piece; p < r->piece + 10 && p->len > 0; p++, n++)
			send_cut(&d, p->off, p->len, p->more);
		settle();
		if (counter(r->reason) != before + n)
			fail_msg("%s: %u of %u", r->name, (unsigned)(counter(r->reason) - before),
				n);
		send_cut(&d, 96, 8, true); // the rest of a refused set is dropped, too
		assert_int_equal(counter(r->reason), before + n + 1);
		hears(c, SERVER, "");
	}
	assert_int_equal(counter(ACT_FRAG_JOINED), 0);
}

static void a_repeat_with_other_bytes_is_an_overlap(void **)
{
	struct conn *c = in_mail("10.0.1.1");
	struct whole d = text_of(c, CLIENT, HAM), other = d;

	other.b[other.head + 30] ^= 1;
	send_cut(&d, 0, 24, true);
	send_cut(&d, 24, 16, true);
	send_cut(&other, 24, 16, true);
	assert_int_equal(counter(DROP_FRAG_OVERLAP), 3);
	other.id = d.id = next_id++;
	send_cut(&d, 24, 16, true);
	send_cut(&other, 24, 16, true); // before the first is known
	send_cut(&d, 0, 24, true);
	assert_int_equal(counter(DROP_FRAG_OVERLAP), 6);
	hears(c, SERVER, "");
}

static void a_whole_with_a_wrong_checksum_is_dropped(void **)
{
	struct conn *c = in_mail("10.0.1.1");
	struct whole d = text_of(c, CLIENT, HAM);

	d.b[d.n - 1] ^= 1;
	send_all(&d, 24);
	assert_int_equal(counter(ACT_FRAG_JOINED), 3);
	assert_int_equal(counter(DROP_TCP_CHECKSUM), 1);
	hears(c, SERVER, "");
}

static void a_set_that_is_not_whole_in_time_is_dropped(void **)
{
	struct conn *c = in_mail("10.0.1.1");
	struct whole d = text_of(c, CLIENT, HAM);

	send_cut(&d, 0, 24, true);
	send_cut(&d, 32, 8, true);
	assert_true(eng_wait_us(world.w, world.now_us) <= 1000000);
	pass_ms(900);
	assert_int_equal(counter(DROP_FRAG_LATE), 0);
	pass_ms(200);
	assert_int_equal(counter(DROP_FRAG_LATE), 2);
	send_all(&d, 24); // a new try is as good as the first
	hears(c, SERVER, HAM);
}

static void fragments_from_the_other_side_do_not_join(void **)
{
	struct conn *c = in_mail("10.0.1.1");
	struct whole d = text_of(c, CLIENT, HAM);

	send_cut(&d, 0, 24, true);
	d.port = SERVER;
	send_from(&d, 24, 1000);
	settle();
	hears(c, SERVER, "");
	pass_ms(1100);
	assert_int_equal(counter(DROP_FRAG_LATE), 2);
}

// ---- other ports

static struct whole web_of(const char *text)
{
	struct conn *c = dial("10.0.1.9", 3000);
	struct whole d = whole_of(
		c, CLIENT, &(struct wire_tcp_out){.flags = DATA, .payload = span_str(text)});

	wire_put16(d.b + d.head + 2, 80); // the checksum does not fit any more: not our business
	return d;
}

static void assert_left(unsigned i, const uint8_t *frame, size_t n)
{
	const struct eng_out *out = eng_out_of(world.w, SERVER);

	assert_true(i < out->n);
	assert_int_equal(out->pkts[i]->data_len, n);
	assert_int_equal(out->pkts[i]->pkt_len, n);
	assert_memory_equal(rte_pktmbuf_mtod(out->pkts[i], const uint8_t *), frame, n);
}

static unsigned left(void)
{
	struct eng_out *out = eng_out_of(world.w, SERVER);
	unsigned n = out->n;

	rte_pktmbuf_free_bulk(out->pkts, out->n);
	out->n = 0;
	return n;
}

static void fragments_of_other_ports_leave_as_they_came(void **)
{
	static const struct piece ORDERS[][3] = {
		{{0, 24, true}, {24, 24, true}, {48, 9, false}},
		{{48, 9, false}, {24, 24, true}, {0, 24, true}},
		{{24, 24, true}, {0, 24, true}, {48, 9, false}},
		{{24, 24, true}, {32, 24, true}, {0, 8, true}}, // an overlap is not our business
		{{24, 24, true}, {40, 9, true}, {0, 24, true}},
	};
	struct whole d = web_of("GET / HTTP/1.0 and some more of that\r\n\r\n");

	for (unsigned i = 0; i < COUNT(ORDERS); i++) {
		uint8_t frame[3][200];
		size_t n[3];

		d.id = next_id++;
		for (unsigned k = 0; k < 3; k++) {
			const struct piece *p = &ORDERS[i][k];

			n[k] = cut(&d, p->off, p->len, p->more, frame[k]);
			memset(frame[k] + n[k], 0xa5, 3); // what a driver leaves behind the packet
			n[k] += 3;
			inject_bytes(CLIENT, frame[k], n[k]);
		}
		for (unsigned k = 0; k < 3; k++)
			assert_left(k, frame[k], n[k]);
		assert_int_equal(left(), 3);
	}
	assert_int_equal(counter(FWD_PACKETS), 3 * COUNT(ORDERS));
}

static void what_follows_a_passing_first_is_not_held(void **)
{
	struct whole d = web_of("GET / HTTP/1.0 and some more of that\r\n\r\n");

	send_cut(&d, 0, 24, true);
	assert_int_equal(left(), 1);
	for (unsigned i = 1; i < 12; i++) { // more than are held
		send_cut(&d, 24 * i, 24, true);
		assert_int_equal(left(), 1);
	}
}

// A receiver could join the rest to either.
static void a_second_first_that_shows_a_picked_up_port_is_refused(void **)
{
	struct whole d = web_of("GET / HTTP/1.0 and some more of that\r\n\r\n"), other = d;

	wire_put16(other.b + other.head + 2, 25);
	send_cut(&d, 0, 24, true);
	send_cut(&other, 0, 24, true);
	send_cut(&d, 24, 24, true);
	assert_int_equal(left(), 1);
	assert_int_equal(counter(DROP_FRAG_OVERLAP), 2);
	other.id = next_id++;
	send_cut(&d, 0, 24, true);
	send_cut(&other, 0, 3, true); // or may show one
	assert_int_equal(left(), 0);
}

static void jumbo_frames_are_held_whole(void **)
{
	static char text[8000];
	static uint8_t frame[FRAME_MAX + 8];
	struct whole d;
	size_t n;

	memset(text, 'j', sizeof(text) - 1);
	d = web_of(text);
	n = cut(&d, 24, 7000, true, frame);
	inject_bytes(CLIENT, frame, n);
	send_cut(&d, 0, 24, true);
	assert_left(0, frame, n);
	assert_int_equal(left(), 2);
}

// ---- memory

static void whoever_floods_pushes_out_the_oldest_and_holds_no_buffers(void **)
{
	enum { FLOOD = FLOW_FRAG_CHUNKS + 100 };
	struct conn *c = in_mail("10.0.1.1");
	struct whole d = web_of("GET / HTTP/1.0 and some more of that\r\n\r\n"), pass = d;
	struct whole mail = text_of(c, CLIENT, HAM);
	unsigned used = rte_mempool_in_use_count(world.eng->conf.pool);

	pass.id = next_id++;
	send_cut(&pass, 0, 24, true);
	assert_int_equal(left(), 1);
	for (unsigned i = 0; i < FLOOD; i++) {
		d.id = next_id++;
		send_cut(&d, 24, 24, true);
	}
	assert_int_equal(counter(DROP_FRAG_OUT), FLOOD - FLOW_FRAG_CHUNKS);
	assert_int_equal(rte_mempool_in_use_count(world.eng->conf.pool), used);
	send_cut(&pass, 24, 24, true); // known sets are not pushed out by what is held
	assert_int_equal(left(), 1);
	send_all(&mail, 24);
	hears(c, SERVER, HAM);
}

static void full_of_known_sets_the_oldest_of_them_goes(void **)
{
	struct whole d = web_of("GET / HTTP/1.0 and some more of that\r\n\r\n");
	uint32_t first_id = next_id;

	for (unsigned i = 0; i < FLOW_FRAG_SETS + 1; i++) {
		d.id = next_id++;
		send_cut(&d, 0, 24, true);
		assert_int_equal(left(), 1);
	}
	d.id = first_id + 1;
	send_cut(&d, 24, 24, true);
	assert_int_equal(left(), 1);
	d.id = first_id;
	send_cut(&d, 24, 24, true);
	assert_int_equal(left(), 0);
}

static void without_packet_buffers_what_was_held_is_lost_and_counted(void **)
{
	static struct rte_mbuf *taken[1 << 13];
	struct rte_mempool *pool = world.eng->conf.pool;
	struct conn *c = in_mail("10.0.1.1");
	struct whole d = web_of("GET / HTTP/1.0 and some more of that\r\n\r\n");
	struct whole mail = text_of(c, CLIENT, HAM);
	unsigned n = 0;

	send_from(&d, 24, 1000);
	while (n < COUNT(taken) && (taken[n] = rte_pktmbuf_alloc(pool)) != NULL)
		n++;
	rte_pktmbuf_free(taken[--n]);
	send_cut(&d, 0, 24, true);
	assert_int_equal(left(), 1);
	assert_int_equal(counter(DROP_NO_MBUF), 1);
	send_cut(&mail, 0, 24, true);
	rte_pktmbuf_free(taken[--n]); // the frame itself is given back before
	struct rte_mbuf *last = rte_pktmbuf_alloc(pool);
	send_from(&mail, 24, 1000);
	rte_pktmbuf_free(last);
	while (n > 0)
		rte_pktmbuf_free(taken[--n]);
	settle();
	send_all(&mail, 24);
	hears(c, SERVER, HAM);
}

static void without_an_image_fragments_are_forwarded_and_counted(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct whole d = text_of(c, CLIENT, HAM);
	struct eng_image *img = world.w->image;

	world.w->image = NULL;
	uint8_t frame[200];
	size_t n = cut(&d, 0, 24, true, frame);
	struct rte_mbuf *m = rte_pktmbuf_alloc(world.eng->conf.pool);

	memcpy(rte_pktmbuf_append(m, (uint16_t)n), frame, n);
	wire_parse((struct span){.p = frame, .n = n}, &eng_meta_of(m)->view);
	eng_meta_of(m)->in_port = CLIENT;
	eng_fragment_consume(world.w, m, world.now_us); // as from another worker
	world.w->image = img;
	assert_left(0, frame, n);
	assert_int_equal(left(), 1);
	assert_int_equal(counter(PASS_NO_IMAGE), 1);
}

// ---- headers

// Destination options in front of TCP, as part of what is fragmented.
static struct whole behind_options(struct conn *c, const char *text, uint8_t upper)
{
	struct whole d = text_of(c, CLIENT, text);

	memmove(d.b + d.head + 8, d.b + d.head, d.n - d.head);
	memcpy(d.b + d.head, (uint8_t[8]){upper, 0, 1, 4}, 8);
	d.b[ETH + 6] = WIRE_IPPROTO_DSTOPTS;
	d.n += 8;
	return d;
}

static void extension_headers_do_not_hide_a_picked_up_port(void **)
{
	struct conn *c = in_mail("fd77::5");
	struct whole d = behind_options(c, HAM, WIRE_IPPROTO_TCP);

	send_all(&d, 32);
	hears(c, SERVER, HAM);
	assert_int_equal(counter(ACT_FRAG_JOINED), 3);
	d.id = next_id++;
	send_cut(&d, 0, 8, true); // nothing but the options
	send_cut(&d, 8, 24, true);
	assert_int_equal(counter(DROP_FRAG_HEADER), 2);
	d = behind_options(c, HAM, WIRE_IPPROTO_UDP);
	send_from(&d, 32, 1000);
	send_cut(&d, 0, 32, true);
	assert_int_equal(left(), 2);
}

// Eight behind the Fragment header and one before it: more than are followed.
static void too_many_extension_headers_are_refused(void **)
{
	struct conn *c = in_mail("fd77::5");
	struct whole d = behind_options(c, HAM, WIRE_IPPROTO_TCP);

	for (unsigned i = 0; i < 7; i++) {
		memmove(d.b + d.head + 8, d.b + d.head, d.n - d.head);
		d.b[d.head] = WIRE_IPPROTO_DSTOPTS;
		d.n += 8;
	}
	for (unsigned off = 0; off < d.n - d.head; off += 96) {
		unsigned len = (unsigned)(d.n - d.head) - off;
		uint8_t frame[300];
		size_t n = cut(&d, off, len < 96 ? len : 96, len > 96, frame);

		memmove(frame + d.head + 8, frame + d.head, n - d.head);
		memcpy(frame + d.head, (uint8_t[8]){WIRE_IPPROTO_FRAGMENT, 0, 1, 4}, 8);
		frame[ETH + 6] = WIRE_IPPROTO_DSTOPTS;
		wire_put16(frame + ETH + 4, wire_get16(frame + ETH + 4) + 8u);
		inject_bytes(CLIENT, frame, n + 8);
	}
	settle();
	hears(c, SERVER, "");
	assert_int_equal(counter(ACT_FRAG_JOINED), 2);
	assert_int_equal(counter(DROP_FRAG_HEADER), 1);
}

static void congestion_met_by_one_fragment_is_met_by_the_whole(void **)
{
	static const char *const SOURCES[] = {"10.0.1.1", "fd77::5"};

	for (unsigned i = 0; i < 4; i++) {
		struct conn *c = dial(SOURCES[i / 2], (uint16_t)(2000 + i));
		bool v4 = i < 2, capable = i % 2 == 1;
		unsigned shift = v4 ? 0 : 4, ect = capable ? 2u << shift : 0, ce = 3u << shift;
		struct eng_out *out = eng_out_of(world.w, SERVER);
		struct whole d;

		greets(c);
		d = text_of(c, CLIENT, "NOOP\r\n");
		d.b[ETH + 1] |= (uint8_t)ect;
		send_cut(&d, 0, 24, true);
		d.b[ETH + 1] |= (uint8_t)ce;
		send_from(&d, 24, 1000);
		assert_int_equal(out->n, 1);
		assert_int_equal(
			rte_pktmbuf_mtod(out->pkts[0], uint8_t *)[ETH + 1] & ce, capable ? ce : 0);
		settle();
		hears(c, SERVER, "NOOP\r\n");
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(mail_in_fragments_is_read_whatever_their_order),
		CASE(spam_in_fragments_is_refused),
		CASE(a_server_may_send_in_fragments_too),
		CASE(a_large_segment_leaves_in_segments_no_larger_than_its_fragments),
		CASE(tiny_fragments_leave_in_one_segment),
		CASE(a_syn_in_fragments_opens_without_its_payload),
		CASE(an_exact_repeat_is_swallowed),
		CASE(what_can_not_be_put_together_for_sure_is_refused),
		CASE(a_repeat_with_other_bytes_is_an_overlap),
		CASE(a_whole_with_a_wrong_checksum_is_dropped),
		CASE(a_set_that_is_not_whole_in_time_is_dropped),
		CASE(fragments_from_the_other_side_do_not_join),
		CASE(fragments_of_other_ports_leave_as_they_came),
		CASE(what_follows_a_passing_first_is_not_held),
		CASE(a_second_first_that_shows_a_picked_up_port_is_refused),
		CASE(jumbo_frames_are_held_whole),
		CASE(whoever_floods_pushes_out_the_oldest_and_holds_no_buffers),
		CASE(full_of_known_sets_the_oldest_of_them_goes),
		CASE(without_packet_buffers_what_was_held_is_lost_and_counted),
		CASE(without_an_image_fragments_are_forwarded_and_counted),
		CASE(extension_headers_do_not_hide_a_picked_up_port),
		CASE(too_many_extension_headers_are_refused),
		CASE(congestion_met_by_one_fragment_is_met_by_the_whole),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
