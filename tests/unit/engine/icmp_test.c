// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors that quote a segment of a picked-up port: believed where the quoted number is under way,
// forwarded with the numbers that their receiver knows, taken where the segment is ours to repeat.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "session_world.h"
#include "wire_field.h"
#include "wire_icmp.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { DATA = TCP_ACK | TCP_PSH, ETH = WIRE_ETH_LEN, FRAME_MAX = 2000 };

struct error {
	uint8_t b[FRAME_MAX];
	size_t n;
};

static uint16_t sum_of(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

// What a router behind the box says about a segment that `side` sent, or we in its name.
static struct error error_about(struct conn *c, enum world_side side, uint8_t type, uint8_t code,
	uint32_t mtu, const struct wire_tcp_out *o)
{
	static const uint8_t ROUTER[16] = {0xfd, 0x77, [15] = 0xfe}, ROUTER4[4] = {192, 0, 2, 1};
	bool v4 = addr_is_v4(&c->client);
	size_t ip_len = v4 ? WIRE_IP4_LEN : WIRE_IP6_LEN, quoted;
	uint8_t inner[FRAME_MAX], *ip, *icmp;
	struct error e = {.n = 0};
	uint32_t sum = 0;

	quoted = segment_frame(c, side, o, inner, sizeof(inner)) - ETH;
	quoted = quoted < 548 ? quoted : 548; // routers quote no more (RFC 1812 4.3.2.3)
	memcpy(e.b, inner + 6, 6);            // back to whom it came from
	memcpy(e.b + 6, inner, 6);
	memcpy(e.b + 12, inner + 12, 2);
	ip = e.b + ETH;
	icmp = ip + ip_len;
	e.n = ETH + ip_len + 8 + quoted;
	if (v4) {
		ip[0] = 0x45;
		wire_put16(ip + 2, (unsigned)(e.n - ETH));
		ip[8] = 60;
		ip[9] = WIRE_IPPROTO_ICMP;
		memcpy(ip + 12, ROUTER4, 4);
		memcpy(ip + 16, inner + ETH + 12, 4);
	} else {
		ip[0] = 0x60;
		wire_put16(ip + 4, (unsigned)(8 + quoted));
		ip[6] = WIRE_IPPROTO_ICMPV6;
		ip[7] = 60;
		memcpy(ip + 8, ROUTER, 16);
		memcpy(ip + 24, inner + ETH + 8, 16);
		sum = sum_of((uint32_t)(8 + quoted) + WIRE_IPPROTO_ICMPV6, ip + 8, 32);
	}
	icmp[0] = type;
	icmp[1] = code;
	wire_put32(icmp + 4, mtu);
	memcpy(icmp + 8, inner + ETH, quoted);
	wire_put16(icmp + 2, ~(unsigned)sum_of(sum, icmp, 8 + quoted) & 0xffff);
	return e;
}

static struct wire_tcp_out segment_at(struct conn *c, enum world_side side, uint32_t seq, size_t n)
{
	static const char text[1500];

	return (struct wire_tcp_out){.seq = seq,
		.ack = c->end[side].rcv,
		.flags = DATA,
		.payload = {.p = (const uint8_t *)text, .n = n}};
}

// Comes in from behind whom the segment was for.
static void arrives(enum world_side side, const struct error *e)
{
	inject_bytes((uint8_t)!side, e->b, e->n);
}

// Takes the frames for `port` away; true where there was one and it is this.
static bool forwarded(enum world_side port, const struct error *e)
{
	struct eng_out *out = eng_out_of(world.w, port);
	bool same = out->n == 1 && out->pkts[0]->data_len == e->n &&
		memcmp(rte_pktmbuf_mtod(out->pkts[0], uint8_t *), e->b, e->n) == 0;

	rte_pktmbuf_free_bulk(out->pkts, out->n);
	out->n = 0;
	return same;
}

static struct error unreachable_at(struct conn *c, enum world_side side, uint32_t seq)
{
	struct wire_tcp_out o = segment_at(c, side, seq, 20);

	return error_about(c, side,
		addr_is_v4(&c->client) ? WIRE_ICMP_UNREACHABLE : WIRE_ICMP6_UNREACHABLE, 1, 0, &o);
}

static struct error too_big_at(
	struct conn *c, enum world_side side, uint32_t seq, size_t n, uint32_t mtu)
{
	bool v4 = addr_is_v4(&c->client);
	struct wire_tcp_out o = segment_at(c, side, seq, n);

	return error_about(
		c, side, v4 ? WIRE_ICMP_UNREACHABLE : WIRE_ICMP6_TOO_BIG, v4 ? 4 : 0, mtu, &o);
}

static void an_error_about_what_is_under_way_is_forwarded(void **)
{
	static const char *const SOURCES[] = {"10.0.1.1", "fd77::5"};

	for (unsigned i = 0; i < 4; i++) {
		struct conn *c = dial(SOURCES[i / 2], (uint16_t)(2000 + i));
		enum world_side side = i % 2 == 0 ? CLIENT : SERVER;
		struct end *e = &c->end[side];
		struct error err;
		uint32_t seq = e->nxt;

		greets(c);
		seq = e->nxt;
		c->end[!side].mute = true; // what follows stays under way
		says(c, side, side == CLIENT ? "NOOP\r\n" : "421 bye\r\n");
		err = unreachable_at(c, side, seq);
		arrives(side, &err);
		assert_true(forwarded(side, &err));
		err = unreachable_at(c, side, e->nxt); // an acknowledgement without payload
		arrives(side, &err);
		assert_true(forwarded(side, &err));
	}
	assert_int_equal(counter(DROP_ICMP), 0);
	assert_int_equal(counter(ACT_ICMP_MAPPED), 0);
}

static void an_error_about_what_is_not_is_dropped(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *e = &c->end[CLIENT];
	struct error err;

	greets(c);
	err = unreachable_at(c, CLIENT, e->nxt - 1); // acknowledged
	arrives(CLIENT, &err);
	err = unreachable_at(c, CLIENT, e->nxt + 1); // not sent
	arrives(CLIENT, &err);
	err = unreachable_at(c, CLIENT, e->nxt); // by the wire of its own sender
	arrives(SERVER, &err);
	err.b[ETH + WIRE_IP4_LEN + 2] ^= 1;
	arrives(CLIENT, &err);
	assert_int_equal(counter(DROP_ICMP), 4);
	err.b[ETH + WIRE_IP4_LEN + 2] ^= 1;
	arrives(CLIENT, &err);
	assert_true(forwarded(CLIENT, &err));
	assert_int_equal(eng_out_of(world.w, SERVER)->n, 0);
	(void)forwarded(CLIENT, &err);
}

// What is held has not left, so nothing can have become of it.
static void an_error_about_what_is_held_is_dropped(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct error err;

	greets(c);
	uint32_t seq = c->end[CLIENT].nxt;
	says(c, CLIENT, "NOO");
	err = unreachable_at(c, CLIENT, seq + 1);
	arrives(CLIENT, &err);
	assert_int_equal(counter(DROP_ICMP), 1);
}

static void an_error_about_a_syn_is_forwarded(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct error err;

	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	settle();
	err = unreachable_at(c, CLIENT, c->end[CLIENT].isn);
	arrives(CLIENT, &err);
	assert_true(forwarded(CLIENT, &err));
	err = unreachable_at(c, CLIENT, c->end[CLIENT].isn - 1);
	arrives(CLIENT, &err);
	assert_int_equal(counter(DROP_ICMP), 1);
}

static void errors_about_what_is_not_read_pass_unchecked(void **)
{
	static const char *const SOURCES[] = {"10.0.5.1", "10.0.1.1"}; // passed; never seen

	for (unsigned i = 0; i < COUNT(SOURCES); i++) {
		struct conn *c = dial(SOURCES[i], (uint16_t)(2000 + i));
		struct error err;

		if (i == 0)
			handshake(c);
		err = unreachable_at(c, CLIENT, 12345);
		arrives(CLIENT, &err);
		assert_true(forwarded(CLIENT, &err));
	}
}

// What is no error, or is about something else, is not looked at.
static void other_icmp_passes(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct error err;

	greets(c);
	err = unreachable_at(c, CLIENT, 12345);
	err.b[ETH + WIRE_IP4_LEN] = 8; // an echo request
	arrives(CLIENT, &err);
	assert_true(forwarded(CLIENT, &err));
	err = unreachable_at(c, CLIENT, 12345);
	wire_put16(err.b + ETH + 2 * WIRE_IP4_LEN + 8 + 2, 80);
	arrives(CLIENT, &err);
	assert_true(forwarded(CLIENT, &err));
	assert_int_equal(counter(FWD_PACKETS), 2);
}

// ---- ours

static void an_error_about_what_we_repeat_is_taken(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct error err;
	uint32_t seq;

	greets(c);
	seq = c->end[CLIENT].nxt;
	says(c, CLIENT, "NOO");
	pass_ms(30); // we have acknowledged it
	assert_int_equal(counter(ACT_CUSTODY), 1);
	c->end[SERVER].mute = true;
	says(c, CLIENT, "P\r\n");
	err = unreachable_at(c, CLIENT, seq);
	arrives(CLIENT, &err);
	assert_int_equal(counter(ACT_ICMP_OURS), 1);
	assert_int_equal(eng_out_of(world.w, CLIENT)->n, 0);
	err = unreachable_at(c, CLIENT, seq + 3); // the rest is its sender's
	arrives(CLIENT, &err);
	assert_true(forwarded(CLIENT, &err));
}

static void an_error_about_our_own_answer_is_taken(void **)
{
	struct conn *c = dial("10.0.3.1", 2000);
	struct error err;

	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	settle();
	c->end[SERVER].isn = last_seen(c, CLIENT)->seq;
	err = unreachable_at(c, SERVER, c->end[SERVER].isn);
	arrives(SERVER, &err);
	assert_int_equal(counter(ACT_ICMP_OURS), 1);
	c->end[SERVER].nxt = c->end[CLIENT].rcv = c->end[SERVER].isn + 1;
	c->end[CLIENT].mute = true;
	segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, c->end[CLIENT].rcv, NULL, 0);
	settle();
	err = unreachable_at(c, SERVER, c->end[SERVER].nxt);
	arrives(SERVER, &err);
	assert_int_equal(counter(ACT_ICMP_OURS), 2);
	assert_int_equal(eng_out_of(world.w, SERVER)->n, 0);
}

// ---- too big

// The client's bytes in our custody, on their way and lost: `n` of them in one segment.
static uint32_t in_custody(struct conn *c, size_t n)
{
	static char text[4000];
	uint32_t seq;

	c->mss = 1460;
	greets(c);
	begins_mail(c);
	memset(text, 'x', sizeof(text));
	memcpy(text + n - 4, "\r\n.\r", 4); // perhaps the end, so it waits: we take custody
	seq = c->end[CLIENT].nxt;
	segment(c, CLIENT, DATA, seq, c->end[CLIENT].rcv, text, n);
	c->end[CLIENT].nxt += (uint32_t)n;
	c->end[SERVER].mute = true;
	settle();
	pass_ms(30);
	return seq;
}

static void a_packet_too_big_of_the_sender_is_its_to_mend(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	uint32_t seq;
	struct error err;

	c->mss = 1460;
	greets(c);
	begins_mail(c);
	c->end[SERVER].mute = true;
	seq = c->end[CLIENT].nxt;
	segment(c, CLIENT, DATA, seq, c->end[CLIENT].rcv, memset((char[1460]){0}, 'x', 1460), 1460);
	settle();
	err = too_big_at(c, CLIENT, seq, 1460, 1280);
	arrives(CLIENT, &err);
	assert_true(forwarded(CLIENT, &err));
	assert_int_equal(counter(ACT_ICMP_OURS), 0);
	assert_int_equal(counter(ACT_PATH_MTU), 1);
}

static void a_packet_too_big_of_ours_is_repeated_in_smaller_ones(void **)
{
	static const struct {
		const char *source;
		uint32_t mtu;
		unsigned len;
	} CASES[] = {
		{"10.0.1.1", 1280, 1240},
		{"10.0.1.2", 600, 560},
		{"10.0.1.3", 68, 512}, // never smaller than every path takes
		{"10.0.1.4", 0, 512},  // a router that does not say
		{"fd77::5", 1400, 1340},
		{"fd77::6", 100, 1220},
	};

	for (unsigned i = 0; i < COUNT(CASES); i++) {
		struct conn *c = dial(CASES[i].source, (uint16_t)(2000 + i));
		uint32_t seq = in_custody(c, 1440);
		struct error err;

		forget_seen();
		err = too_big_at(c, CLIENT, seq, 1440, CASES[i].mtu);
		arrives(CLIENT, &err);
		assert_int_equal(counter(ACT_PATH_MTU), i + 1);
		settle();
		assert_int_equal(frames_seen(c, SERVER), 1);
		assert_int_equal(last_seen(c, SERVER)->seq, seq);
		assert_int_equal(last_seen(c, SERVER)->len, CASES[i].len);
		forget_seen();
		arrives(CLIENT, &err); // the same again makes no difference: no answer
		settle();
		assert_int_equal(frames_seen(c, SERVER), 0);
		assert_int_equal(counter(ACT_PATH_MTU), i + 1);
		assert_int_equal(counter(ACT_ICMP_OURS), 2 * (i + 1));
	}
}

static void what_fitted_was_not_too_big(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	uint32_t seq = in_custody(c, 1440);
	struct error err = too_big_at(c, CLIENT, seq, 1440, 1480);

	forget_seen();
	arrives(CLIENT, &err);
	settle();
	assert_int_equal(counter(ACT_ICMP_OURS), 1);
	assert_int_equal(counter(ACT_PATH_MTU), 0);
	assert_int_equal(frames_seen(c, SERVER), 0);
}

// ---- edits

// A reply of the server's became ours, longer than its own: from there on the ends count differently.
static uint32_t shift(struct conn *c)
{
	static const char OWN[] = "250 2.0.0 Ok\r\n",
			  OURS[] = "502 5.5.1 Command not available (mw-0123456789abc)\r\n";

	greets(c);
	says(c, CLIENT, "BURL imap://x/1 LAST\r\n");
	says(c, SERVER, OWN);
	assert_true(counter(ACT_REPLY_REPLACED) > 0);
	return (uint32_t)(strlen(OURS) - strlen(OWN));
}

// The numbers that a forwarded error for `port` quotes; it is right otherwise.
static void quotes(enum world_side port, uint32_t seq, uint32_t ack)
{
	struct eng_out *out = eng_out_of(world.w, port);
	struct wire_quote q;
	struct wire_view v;

	assert_int_equal(out->n, 1);
	struct span frame = {
		.p = rte_pktmbuf_mtod(out->pkts[0], uint8_t *), .n = out->pkts[0]->data_len};
	wire_parse(frame, &v);
	assert_true(wire_icmp_quote(frame, &v, &q));
	assert_true(wire_icmp_csum_ok(frame, &v));
	assert_int_equal(q.seq, seq);
	assert_int_equal(q.ack, ack);
	rte_pktmbuf_free(out->pkts[0]);
	out->n = 0;
}

static void quoted_numbers_are_those_that_the_receiver_of_the_error_knows(void **)
{
	static const char *const SOURCES[] = {"10.0.1.1", "fd77::5"};

	for (unsigned i = 0; i < COUNT(SOURCES); i++) {
		struct conn *c = dial(SOURCES[i], (uint16_t)(2000 + i));
		struct wire_tcp_out o;
		struct error err;
		uint32_t grown, seq;

		grown = shift(c);
		c->end[CLIENT].mute = true;
		says(c, CLIENT, "NOOP\r\n");
		seq = c->end[SERVER].nxt;
		says(c, SERVER, "250 ok\r\n");
		// As the network behind us saw it: shifted, with the client's own acknowledgement.
		o = segment_at(c, SERVER, seq + grown, 8);
		err = error_about(c, SERVER, i == 0 ? 3 : 1, 0, 0, &o);
		arrives(SERVER, &err);
		quotes(SERVER, seq, o.ack);
		c->end[SERVER].mute = true;
		seq = c->end[CLIENT].nxt;
		says(c, CLIENT, "NOOP\r\n");
		// What the client sent went on with the server's own number as acknowledgement.
		o = segment_at(c, CLIENT, seq, 6);
		o.ack = c->end[SERVER].nxt;
		err = error_about(c, CLIENT, i == 0 ? 3 : 1, 0, 0, &o);
		arrives(CLIENT, &err);
		quotes(CLIENT, seq, c->end[SERVER].nxt + grown);
		assert_int_equal(counter(ACT_ICMP_MAPPED), 2 * (i + 1));
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_error_about_what_is_under_way_is_forwarded),
		CASE(an_error_about_what_is_not_is_dropped),
		CASE(an_error_about_what_is_held_is_dropped),
		CASE(an_error_about_a_syn_is_forwarded),
		CASE(errors_about_what_is_not_read_pass_unchecked),
		CASE(other_icmp_passes),
		CASE(an_error_about_what_we_repeat_is_taken),
		CASE(an_error_about_our_own_answer_is_taken),
		CASE(a_packet_too_big_of_the_sender_is_its_to_mend),
		CASE(a_packet_too_big_of_ours_is_repeated_in_smaller_ones),
		CASE(what_fitted_was_not_too_big),
		CASE(quoted_numbers_are_those_that_the_receiver_of_the_error_knows),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
