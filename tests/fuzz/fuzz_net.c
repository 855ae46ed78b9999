// SPDX-License-Identifier: BSD-3-Clause
// Any frame to a port with addresses: what ARP and neighbour discovery read of it, and what is answered, is
// well-formed and of the right length; a ping turned round is no ping any more; an error about it can be sent; the health port gives nobody more than he sent.
// The input is the frame.
#include "fuzz.h"
#include "net_arp.h"
#include "net_health.h"
#include "net_icmp.h"
#include "net_nd.h"
#include "tcp_flags.h"
#include "wire_field.h"
#include "wire_tcp.h"

// Who adds what is read or said teaches the checks below.
_Static_assert((int)NET_HEALTH_ENDS == 7 && (int)NET_ICMP_NO_HOST == 3, "each is known here");

static const struct net_iface own = {.mac = {2, 0, 0, 0, 0, 1},
	.vlan = 7,
	.mtu = 1500,
	.naddrs = 2,
	.addr = {{.addr = {.b = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}}, .len = 120},
		{.addr = {.b = {0xfd, [15] = 1}}, .len = 64}}};

static void news_check(const struct net_news *news)
{
	CHECK(!net_mac_is_group(news->mac));
}

static void arp_check(struct span frame, size_t off)
{
	uint8_t answer[NET_ARP_FRAME_MAX];
	struct net_news news;
	struct addr asked;

	switch (net_arp_read(frame, off, &own, &news, &asked)) {
	case NET_ARP_ASKS:
		CHECK(net_owns(&own, &asked));
		CHECK(net_arp_answer(answer, &own, &asked, &news) <= sizeof(answer));
		return;
	case NET_ARP_TELLS:
		news_check(&news);
		CHECK(net_is_on_link(&own, &news.addr) && !net_owns(&own, &news.addr));
		return;
	case NET_ARP_CONFLICT:
		CHECK(net_owns(&own, &news.addr));
		return;
	case NET_ARP_NOTHING:
		return;
	}
}

static void nd_check(struct span frame, size_t off)
{
	uint8_t answer[NET_ND_FRAME_MAX];
	struct net_news news;
	struct addr asked;

	switch (net_nd_read(frame, off, &own, &news, &asked)) {
	case NET_ND_ASKS:
		CHECK(net_owns(&own, &asked));
		CHECK(net_nd_answer(answer, &own, &asked, &news) <= sizeof(answer));
		return;
	case NET_ND_TELLS:
		news_check(&news);
		CHECK(net_is_on_link(&own, &news.addr) && !net_owns(&own, &news.addr));
		return;
	case NET_ND_CONFLICT:
		CHECK(net_owns(&own, &news.addr));
		return;
	case NET_ND_NOTHING:
		return;
	}
}

static void icmp_check(struct span frame, size_t off)
{
	uint8_t error[NET_ICMP_FRAME_MAX];

	if (!net_icmp_is_due(frame, off))
		return;
	for (int why = NET_ICMP_TIME; why <= NET_ICMP_NO_HOST; why++) {
		size_t n = net_icmp_error(error, &own, frame, off, (enum net_icmp_why)why, 1400);

		CHECK(n <= sizeof(error));
		CHECK(n == 0 || !net_icmp_is_due((struct span){.p = error, .n = n}, NET_L2_MAX));
	}
}

// Who opened goes on with our number acknowledged, whatever else his next segment holds: it is of ours now.
static void proven_check(
	const struct net_health *h, struct span syn, size_t off, const struct wire_view *v)
{
	static const uint8_t flags[] = {TCP_ACK, TCP_ACK | TCP_PSH | TCP_FIN, TCP_ACK | TCP_RST};
	const bool asks = v->payload_len > 0;
	uint8_t answer[NET_HEALTH_FRAME_MAX], *next = copy_of(syn, 0), *tcp = next + v->l4_off;
	const size_t n = net_health_answer(answer, h, syn, v, NET_HEALTH_OPENS, NET_HEALTH_YES);
	struct wire_view ours, seen;
	struct addr src;

	wire_parse((struct span){answer, n}, &ours);
	CHECK(ours.proto == WIRE_TCP && ours.tcp_flags == (TCP_SYN | TCP_ACK));
	CHECK(ours.ack == v->seq + 1 && wire_tcp_csum_ok((struct span){answer, n}, &ours));
	wire_put32(tcp + 4, ours.ack);
	wire_put32(tcp + 8, ours.seq + 1);
	for (size_t i = 0; i < sizeof(flags); i++) {
		enum net_health_seen is;

		tcp[13] = flags[i];
		wire_tcp_csum_set(next, syn.n, v);
		is = net_health_read(h, (struct span){next, syn.n}, off, false, &seen, &src);
		if (flags[i] & TCP_RST)
			CHECK(is == NET_HEALTH_QUIET);
		else if (asks)
			CHECK(is == NET_HEALTH_ASKS);
		else
			CHECK(is == ((flags[i] & TCP_FIN) ? NET_HEALTH_ENDS : NET_HEALTH_QUIET));
		for (int says = NET_HEALTH_YES; is >= NET_HEALTH_ASKS && says <= NET_HEALTH_NO;
			says++)
			CHECK(net_health_answer(answer, h, (struct span){next, syn.n}, &seen, is,
				      (enum net_health_says)says) > 0);
	}
	free(next);
}

// Nobody proves himself by chance, so no answer is longer than the question, padded as frames are.
static void health_check(struct span frame, size_t off)
{
	const struct net_health h = {.port = 2526, .secret = "a fuzzer's key", .age = 3};
	uint8_t answer[NET_HEALTH_FRAME_MAX];
	struct wire_view v;
	struct addr src;
	enum net_health_seen seen = net_health_read(&h, frame, off, true, &v, &src);

	(void)net_health_read(&h, frame, off, false, &v, &src);
	if (seen != NET_HEALTH_OPENS && seen != NET_HEALTH_STRAY)
		return;
	(void)net_health_is_somebody(&own, 1, &src);
	for (int says = NET_HEALTH_YES; says <= NET_HEALTH_NO; says++) {
		size_t n = net_health_answer(
			answer, &h, frame, &v, seen, (enum net_health_says)says);

		CHECK(n > 0 && n <= frame.n && n <= sizeof(answer));
	}
	if (seen == NET_HEALTH_OPENS)
		proven_check(&h, frame, off, &v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t frame[2048];
	struct net_l2 l2;

	if (size > sizeof(frame))
		return 0;
	memcpy(frame, data, size);
	if (!net_l2_read((struct span){.p = frame, .n = size}, &l2))
		return 0;
	CHECK(l2.off <= size);
	arp_check((struct span){.p = frame, .n = size}, l2.off);
	nd_check((struct span){.p = frame, .n = size}, l2.off);
	icmp_check((struct span){.p = frame, .n = size}, l2.off);
	health_check((struct span){.p = frame, .n = size}, l2.off);
	if (net_icmp_echo(frame, size, l2.off))
		CHECK(!net_icmp_echo(frame, size, l2.off));
	return 0;
}
