// SPDX-License-Identifier: BSD-3-Clause
// The health port without state: a whole talk as a client's kernel has it, what an attacker sends instead, and
// that nobody gets more octets than he sent before he has proven that he is there.
#include "net_health.h"
#include "net_world.h"
#include "wire_field.h"
#include "wire_tcp.h"

enum { PORT = 2526, CLIENT_PORT = 40000, ISN = 1000000, L2 = 14 };

static const struct net_health well = {.port = PORT, .secret = "0123456789abcde", .age = 77};

struct packet {
	uint8_t b[2000];
	size_t n;
};

static struct packet segment(
	unsigned family, uint8_t flags, uint32_t seq, uint32_t ack, const char *text)
{
	struct packet p;
	struct wire_tmpl t = {.l2_len = L2,
		.family = (uint8_t)family,
		.ttl = 64,
		.src = at(family == 4 ? "192.0.2.2" : "fd00::2"),
		.dst = at(family == 4 ? "192.0.2.1" : "fd00::1"),
		.sport = CLIENT_PORT,
		.dport = PORT};
	struct wire_tcp_out o = {
		.seq = seq, .ack = ack, .flags = flags, .window = 1000, .payload = span_str(text)};

	(void)net_l2_write(
		t.l2, &far_iface, own_iface.mac, family == 4 ? WIRE_TYPE_IP4 : WIRE_TYPE_IP6);
	p.n = wire_tcp_build(p.b, sizeof(p.b), &t, &o);
	return p;
}

static enum net_health_seen seen_at(const struct net_health *h, const struct packet *p)
{
	struct wire_view v;
	struct addr src;

	return net_health_read(h, frame_of(p->b, p->n), L2, false, &v, &src);
}

static enum net_health_seen seen(const struct packet *p)
{
	return seen_at(&well, p);
}

// What is answered, whose link, addresses, ports and sums are right.
static struct wire_view answer(
	const struct packet *p, enum net_health_says says, struct packet *out)
{
	struct wire_view v, got;
	struct addr src, dst, from, to;
	enum net_health_seen as = net_health_read(&well, frame_of(p->b, p->n), L2, false, &v, &src);

	*out = (struct packet){0};
	out->n = net_health_answer(out->b, &well, frame_of(p->b, p->n), &v, as, says);
	assert_true(out->n > 0 && out->n <= NET_HEALTH_FRAME_MAX);
	wire_parse(frame_of(out->b, out->n), &got);
	assert_int_equal(got.proto, WIRE_TCP);
	assert_true(wire_tcp_csum_ok(frame_of(out->b, out->n), &got));
	wire_addrs(frame_of(p->b, p->n), &v, &src, &dst);
	wire_addrs(frame_of(out->b, out->n), &got, &from, &to);
	assert_true(addr_eq(&from, &dst) && addr_eq(&to, &src));
	assert_int_equal(got.sport, PORT);
	assert_int_equal(got.dport, CLIENT_PORT);
	assert_memory_equal(out->b, far_iface.mac, NET_MAC_LEN);
	assert_memory_equal(out->b + NET_MAC_LEN, own_iface.mac, NET_MAC_LEN);
	return got;
}

static uint32_t opened(unsigned family)
{
	struct packet syn = segment(family, TCP_SYN, ISN, 0, ""), out;
	struct wire_view v;

	assert_int_equal(seen(&syn), NET_HEALTH_OPENS);
	v = answer(&syn, NET_HEALTH_YES, &out);
	assert_int_equal(v.tcp_flags, TCP_SYN | TCP_ACK);
	assert_int_equal(v.ack, ISN + 1);
	return v.seq;
}

static void talk(unsigned family, enum net_health_says says, const char *request, const char *told)
{
	uint32_t ours = opened(family);
	size_t len = strlen(request);
	struct packet p = segment(family, TCP_ACK, ISN + 1, ours + 1, ""), out;
	struct wire_view v;

	assert_int_equal(seen(&p), NET_HEALTH_QUIET);
	p = segment(family, TCP_ACK | TCP_PSH, ISN + 1, ours + 1, request);
	assert_int_equal(seen(&p), NET_HEALTH_ASKS);
	v = answer(&p, says, &out);
	assert_int_equal(v.tcp_flags, TCP_ACK | TCP_PSH | TCP_FIN);
	assert_int_equal(v.seq, ours + 1);
	assert_int_equal(v.ack, ISN + 1 + len);
	assert_true(v.payload_len >= strlen(told));
	assert_memory_equal(out.b + v.payload_off, told, strlen(told));
	// All of it is acknowledged, and then the client closes.
	p = segment(family, TCP_ACK, ISN + 1 + (uint32_t)len, ours + 2 + v.payload_len, "");
	assert_int_equal(seen(&p), NET_HEALTH_QUIET);
	p = segment(
		family, TCP_ACK | TCP_FIN, ISN + 1 + (uint32_t)len, ours + 2 + v.payload_len, "");
	assert_int_equal(seen(&p), NET_HEALTH_ENDS);
	v = answer(&p, says, &out);
	assert_int_equal(v.tcp_flags, TCP_ACK);
	assert_int_equal(v.ack, ISN + 2 + len);
	assert_int_equal(v.payload_len, 0);
}

static void who_asks_is_told_and_both_ends_close(void **)
{
	for (unsigned family = 4; family <= 6; family += 2) {
		talk(family, NET_HEALTH_YES, "GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n");
		talk(family, NET_HEALTH_NO, "GET / HTTP/1.0\r\n\r\n",
			"HTTP/1.0 503 Service Unavailable\r\n");
		talk(family, NET_HEALTH_YES, "HEAD /x HTTP/1.1\r\n\r\n",
			"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n");
		talk(family, NET_HEALTH_YES, "\r\n", "up\r\n");
		talk(family, NET_HEALTH_NO, "hello", "down\r\n");
	}
}

static void who_closes_without_asking_is_closed_too(void **)
{
	uint32_t ours = opened(4);
	struct packet p = segment(4, TCP_ACK | TCP_FIN, ISN + 1, ours + 1, ""), out;
	struct wire_view v;

	assert_int_equal(seen(&p), NET_HEALTH_ENDS);
	v = answer(&p, NET_HEALTH_YES, &out);
	assert_int_equal(v.tcp_flags, TCP_ACK | TCP_FIN);
	assert_int_equal(v.seq, ours + 1);
	assert_int_equal(v.ack, ISN + 2);
}

static void while_not_well_a_connection_is_refused(void **)
{
	struct packet syn = segment(6, TCP_SYN, ISN, 0, ""), out;
	struct wire_view v = answer(&syn, NET_HEALTH_NO, &out);

	assert_int_equal(v.tcp_flags, TCP_RST | TCP_ACK);
	assert_int_equal(v.ack, ISN + 1);
	assert_int_equal(v.seq, 0);
}

static void a_number_of_ours_holds_for_a_minute_and_not_for_ever(void **)
{
	struct packet p = segment(4, TCP_ACK, ISN + 1, opened(4) + 1, "x");
	struct net_health later = well;

	later.age++;
	assert_int_equal(seen_at(&later, &p), NET_HEALTH_ASKS);
	later.age++;
	assert_int_equal(seen_at(&later, &p), NET_HEALTH_STRAY);
	later = well;
	later.secret[3] ^= 1;
	assert_int_equal(seen_at(&later, &p), NET_HEALTH_STRAY);
}

static void a_number_is_good_for_its_own_ends_alone(void **)
{
	uint32_t ours = opened(4);
	struct packet p = segment(4, TCP_ACK, ISN + 1, ours + 1, "x");

	wire_put16(p.b + L2 + 20, CLIENT_PORT + 1);
	p.b[L2 + 20 + 17] = (uint8_t)(p.b[L2 + 20 + 17] - 1); // its sum
	assert_int_equal(seen(&p), NET_HEALTH_STRAY);
}

static void guesses_are_reset_and_hardly_ever_right(void **)
{
	unsigned right = 0;

	for (uint32_t i = 0; i < 100000; i++) {
		struct packet p = segment(4, TCP_ACK, ISN, i * 42949u, "GET / HTTP/1.0\r\n\r\n"),
			      out;
		struct wire_view v;

		right += seen(&p) != NET_HEALTH_STRAY;
		if (i % 1000 != 0 || seen(&p) != NET_HEALTH_STRAY)
			continue;
		v = answer(&p, NET_HEALTH_YES, &out);
		assert_int_equal(v.tcp_flags, TCP_RST);
		assert_int_equal(v.seq, i * 42949u);
		assert_int_equal(v.payload_len, 0);
	}
	assert_true(right <=
		20); // two minutes of 32 and their 162 places: less than one is to be expected
}

static void nobody_gets_more_than_he_sent_before_he_has_proven_himself(void **)
{
	static const uint8_t flags[] = {TCP_SYN, TCP_ACK, TCP_SYN | TCP_ACK, TCP_ACK | TCP_FIN};

	for (unsigned family = 4; family <= 6; family += 2)
		for (size_t i = 0; i < sizeof(flags); i++) {
			struct packet p = segment(family, flags[i], ISN, 12345, ""), out;

			(void)answer(&p, NET_HEALTH_YES, &out);
			assert_true(out.n <= p.n);
			(void)answer(&p, NET_HEALTH_NO, &out);
			assert_true(out.n <= p.n);
		}
}

static void what_nobody_sends_gets_no_answer(void **)
{
	struct packet sum = segment(4, TCP_SYN, ISN, 0, ""),
		      fin = segment(4, TCP_SYN | TCP_FIN, ISN, 0, ""),
		      none = segment(4, 0, ISN, 0, ""), group = segment(4, TCP_SYN, ISN, 0, ""),
		      rst = segment(4, TCP_RST, ISN, 0, ""),
		      fragment = segment(4, TCP_SYN, ISN, 0, ""),
		      other = segment(4, TCP_SYN, ISN, 0, ""),
		      cut = segment(4, TCP_SYN, ISN, 0, "");

	sum.b[L2 + 20 + 16] ^= 1;
	assert_int_equal(seen(&sum), NET_HEALTH_ODD);
	assert_int_equal(seen(&fin), NET_HEALTH_ODD);
	assert_int_equal(seen(&none), NET_HEALTH_ODD);
	group.b[6] |= 1;
	assert_int_equal(seen(&group), NET_HEALTH_ODD);
	assert_int_equal(seen(&rst), NET_HEALTH_OVER);
	wire_put16(fragment.b + L2 + 6, 0x2000);
	assert_int_equal(seen(&fragment), NET_HEALTH_NOTHING);
	wire_put16(other.b + L2 + 22, PORT + 1);
	assert_int_equal(seen(&other), NET_HEALTH_NOTHING);
	cut.n = L2 + 20 + 12;
	assert_int_equal(seen(&cut), NET_HEALTH_ODD);
	cut.n = L2 + 20 + 3;
	assert_int_equal(seen(&cut), NET_HEALTH_NOTHING);
}

static void ourselves_groups_broadcasts_and_nobody_are_no_clients(void **)
{
	static const struct {
		const char *src;
		bool good;
	} rows[] = {{"192.0.2.2", true}, {"203.0.113.7", true}, {"fd00::2", true},
		{"fe80::2", true}, {"192.0.2.1", false}, {"fd00::1", false}, {"192.0.2.255", false},
		{"192.0.2.0", false}, {"255.255.255.255", false}, {"224.0.0.1", false},
		{"127.0.0.1", false}, {"0.0.0.0", false}, {"::", false}, {"::1", false},
		{"ff02::1", false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr src = at(rows[i].src);

		if (net_health_is_somebody(&own_iface, 1, &src) != rows[i].good)
			fail_msg("%s", rows[i].src);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_asks_is_told_and_both_ends_close),
		cmocka_unit_test(who_closes_without_asking_is_closed_too),
		cmocka_unit_test(while_not_well_a_connection_is_refused),
		cmocka_unit_test(a_number_of_ours_holds_for_a_minute_and_not_for_ever),
		cmocka_unit_test(a_number_is_good_for_its_own_ends_alone),
		cmocka_unit_test(guesses_are_reset_and_hardly_ever_right),
		cmocka_unit_test(nobody_gets_more_than_he_sent_before_he_has_proven_himself),
		cmocka_unit_test(what_nobody_sends_gets_no_answer),
		cmocka_unit_test(ourselves_groups_broadcasts_and_nobody_are_no_clients),
	};

	return cmocka_run_group_tests_name("net health", tests, NULL, NULL);
}
