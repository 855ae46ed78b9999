// SPDX-License-Identifier: BSD-3-Clause
// ARP and neighbour discovery between two ends: questions, answers, announcements, who claims what is
// another's, and messages that are none.
#include "net_arp.h"
#include "net_nd.h"
#include "net_world.h"
#include "wire_field.h"

static void a_question_is_answered_where_it_came_from(void **)
{
	uint8_t frame[NET_ARP_FRAME_MAX], back[NET_ARP_FRAME_MAX];
	struct addr own = at("192.0.2.1"), far = at("192.0.2.2"), asked;
	struct net_news news;
	size_t n = net_arp_ask(frame, &far_iface, &far, &own, NULL);

	assert_int_equal(frame[0], 0xff); // to everybody
	assert_int_equal(
		net_arp_read(frame_of(frame, n), off_of(frame, n), &own_iface, &news, &asked),
		NET_ARP_ASKS);
	assert_true(addr_eq(&asked, &own));
	assert_true(addr_eq(&news.addr, &far));
	n = net_arp_answer(back, &own_iface, &asked, &news);
	assert_memory_equal(back, far_iface.mac, NET_MAC_LEN);
	assert_int_equal(
		net_arp_read(frame_of(back, n), off_of(back, n), &far_iface, &news, &asked),
		NET_ARP_TELLS);
	assert_true(news.solicited);
	assert_memory_equal(news.mac, own_iface.mac, NET_MAC_LEN);
	assert_true(addr_eq(&news.addr, &own));
}

static void a_probe_of_one_neighbour_goes_to_him_alone(void **)
{
	uint8_t frame[NET_ARP_FRAME_MAX];
	struct addr own = at("192.0.2.1"), far = at("192.0.2.2");

	(void)net_arp_ask(frame, &own_iface, &own, &far, far_iface.mac);
	assert_memory_equal(frame, far_iface.mac, NET_MAC_LEN);
}

static void a_question_between_others_tells_where_its_sender_is(void **)
{
	uint8_t frame[NET_ARP_FRAME_MAX];
	struct addr third = at("192.0.2.9"), far = at("192.0.2.2"), asked;
	struct net_news news;
	size_t n = net_arp_ask(frame, &far_iface, &far, &third, NULL);

	assert_int_equal(
		net_arp_read(frame_of(frame, n), 14, &own_iface, &news, &asked), NET_ARP_TELLS);
	assert_false(news.solicited);
}

static void whoever_claims_our_address_is_a_conflict_and_we_ourselves_are_none(void **)
{
	uint8_t frame[NET_ARP_FRAME_MAX];
	struct addr own = at("192.0.2.1"), asked;
	struct net_news news;
	size_t n = net_arp_announce(frame, &far_iface, &own);

	assert_int_equal(
		net_arp_read(frame_of(frame, n), 14, &own_iface, &news, &asked), NET_ARP_CONFLICT);
	assert_true(addr_eq(&news.addr, &own));
	n = net_arp_announce(frame, &own_iface, &own);
	assert_int_equal(
		net_arp_read(frame_of(frame, n), 14, &own_iface, &news, &asked), NET_ARP_NOTHING);
}

static void who_only_looks_whether_our_address_is_free_is_answered(void **) // RFC 5227 1.1
{
	uint8_t frame[NET_ARP_FRAME_MAX];
	struct addr own = at("192.0.2.1"), none = at("0.0.0.0"), asked;
	struct net_news news;
	size_t n = net_arp_ask(frame, &far_iface, &none, &own, NULL);

	assert_int_equal(
		net_arp_read(frame_of(frame, n), 14, &own_iface, &news, &asked), NET_ARP_ASKS);
}

static void what_is_no_arp_of_ethernet_and_ipv4_says_nothing(void **)
{
	static const struct {
		uint8_t off, value;
	} wrong[] = {
		{0, 1}, {1, 6}, {2, 0x86}, {3, 1}, {4, 8}, {5, 16}, {6, 1}, {7, 3}, {7, 0}, {8, 1}};
	struct addr own = at("192.0.2.1"), far = at("192.0.2.2"), asked;
	struct net_news news;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t frame[NET_ARP_FRAME_MAX];
		size_t n = net_arp_ask(frame, &far_iface, &far, &own, NULL);

		frame[14 + wrong[i].off] = wrong[i].value;
		assert_int_equal(net_arp_read(frame_of(frame, n), 14, &own_iface, &news, &asked),
			NET_ARP_NOTHING);
	}
	uint8_t frame[NET_ARP_FRAME_MAX];
	size_t n = net_arp_ask(frame, &far_iface, &far, &own, NULL);
	for (size_t cut = 14; cut < n; cut++)
		assert_int_equal(net_arp_read(frame_of(frame, cut), 14, &own_iface, &news, &asked),
			NET_ARP_NOTHING);
}

static void who_is_not_on_the_link_is_no_neighbour(void **)
{
	uint8_t frame[NET_ARP_FRAME_MAX];
	struct addr far = at("203.0.113.5"), third = at("192.0.2.9"), asked;
	struct net_news news;
	size_t n = net_arp_ask(frame, &far_iface, &far, &third, NULL);

	assert_int_equal(
		net_arp_read(frame_of(frame, n), 14, &own_iface, &news, &asked), NET_ARP_NOTHING);
}

static void a_solicitation_is_answered_by_unicast(void **)
{
	uint8_t frame[NET_ND_FRAME_MAX], back[NET_ND_FRAME_MAX];
	struct addr own = at("fd00::1"), far = at("fd00::2"), asked;
	struct net_news news;
	size_t n = net_nd_ask(frame, &far_iface, &far, &own, NULL);

	assert_memory_equal(
		frame, "\x33\x33\xff\x00\x00\x01", NET_MAC_LEN); // RFC 4291 2.7.1, RFC 2464 7
	assert_int_equal(
		net_nd_read(frame_of(frame, n), 14, &own_iface, &news, &asked), NET_ND_ASKS);
	assert_true(addr_eq(&asked, &own));
	n = net_nd_answer(back, &own_iface, &asked, &news);
	assert_memory_equal(back, far_iface.mac, NET_MAC_LEN);
	assert_int_equal(
		net_nd_read(frame_of(back, n), 14, &far_iface, &news, &asked), NET_ND_TELLS);
	assert_true(news.solicited && news.override);
	assert_memory_equal(news.mac, own_iface.mac, NET_MAC_LEN);
}

static void an_announcement_to_all_is_read_and_a_foreign_one_of_our_address_is_a_conflict(void **)
{
	uint8_t frame[NET_ND_FRAME_MAX];
	struct addr own = at("fd00::1"), far = at("fd00::2"), asked;
	struct net_news news;
	size_t n = net_nd_announce(frame, &far_iface, &far);

	assert_memory_equal(frame, "\x33\x33\x00\x00\x00\x01", NET_MAC_LEN);
	assert_int_equal(
		net_nd_read(frame_of(frame, n), 14, &own_iface, &news, &asked), NET_ND_TELLS);
	assert_false(news.solicited);
	n = net_nd_announce(frame, &far_iface, &own);
	assert_int_equal(
		net_nd_read(frame_of(frame, n), 14, &own_iface, &news, &asked), NET_ND_CONFLICT);
	n = net_nd_announce(frame, &own_iface, &own);
	assert_int_equal(
		net_nd_read(frame_of(frame, n), 14, &own_iface, &news, &asked), NET_ND_NOTHING);
}

static void who_asks_from_our_address_claims_it(void **) // RFC 4862 5.4.3: a probe has no address
{
	uint8_t frame[NET_ND_FRAME_MAX];
	struct addr own = at("fd00::1"), third = at("fd00::3"), asked;
	struct net_news news;
	size_t n = net_nd_ask(frame, &far_iface, &own, &third, NULL);

	assert_int_equal(
		net_nd_read(frame_of(frame, n), 14, &own_iface, &news, &asked), NET_ND_CONFLICT);
	assert_true(addr_eq(&news.addr, &own));
	assert_memory_equal(news.mac, far_iface.mac, NET_MAC_LEN);
	n = net_nd_ask(frame, &far_iface, &own, &own, NULL);
	assert_int_equal(
		net_nd_read(frame_of(frame, n), 14, &own_iface, &news, &asked), NET_ND_CONFLICT);
	n = net_nd_ask(frame, &own_iface, &own, &third, NULL);
	assert_int_equal(
		net_nd_read(frame_of(frame, n), 14, &own_iface, &news, &asked), NET_ND_NOTHING);
}

static void each_octet_of_a_message_counts(void **)
{
	struct addr own = at("fd00::1"), far = at("fd00::2"), asked;
	struct net_news news;
	uint8_t good[NET_ND_FRAME_MAX];
	size_t n = net_nd_ask(good, &far_iface, &far, &own, NULL);

	// Whatever is changed behind the link header: the checksum tells, or the header is no good any more; but
	// for traffic class, flow label and the length's spare bytes, which it does not cover.
	for (size_t i = 14 + 6; i < n; i++) {
		uint8_t frame[NET_ND_FRAME_MAX];

		memcpy(frame, good, n);
		frame[i] ^= 0x15;
		assert_int_equal(net_nd_read(frame_of(frame, n), 14, &own_iface, &news, &asked),
			NET_ND_NOTHING);
	}
	for (size_t cut = 14; cut < n; cut++)
		assert_int_equal(net_nd_read(frame_of(good, cut), 14, &own_iface, &news, &asked),
			NET_ND_NOTHING);
}

static void frames_of_a_vlan_carry_its_tag(void **)
{
	uint8_t frame[NET_ND_FRAME_MAX];
	struct addr own = at("fd00::1"), far = at("fd00::2");
	size_t n = net_nd_ask(frame, &tag_iface, &own, &far, NULL);
	struct net_l2 l2;

	assert_true(net_l2_read(frame_of(frame, n), &l2));
	assert_int_equal(l2.vlan, 7);
	assert_int_equal(l2.off, 18);
	assert_int_equal(l2.type, WIRE_TYPE_IP6);
}

static void an_interface_speaks_to_its_link_by_the_address_of_that_link(void **)
{
	struct net_iface i = own_iface;
	struct addr far = at("fd00::9"), wide = at("2001:db8::1"), local = at("fe80::9"),
		    none = at("198.51.100.1");

	net_link_local_add(&i);
	assert_int_equal(i.naddrs, 3);
	assert_true(addr_is_link_local(&i.addr[2].addr));
	net_link_local_add(&i);
	assert_int_equal(i.naddrs, 3);
	assert_ptr_equal(net_source(&i, &far), &i.addr[1].addr);
	assert_ptr_equal(net_source(&i, &wide), &i.addr[1].addr);
	assert_ptr_equal(net_source(&i, &local), &i.addr[2].addr);
	assert_ptr_equal(net_source(&i, &none), &i.addr[0].addr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_answered_where_it_came_from),
		cmocka_unit_test(a_probe_of_one_neighbour_goes_to_him_alone),
		cmocka_unit_test(a_question_between_others_tells_where_its_sender_is),
		cmocka_unit_test(
			whoever_claims_our_address_is_a_conflict_and_we_ourselves_are_none),
		cmocka_unit_test(who_only_looks_whether_our_address_is_free_is_answered),
		cmocka_unit_test(what_is_no_arp_of_ethernet_and_ipv4_says_nothing),
		cmocka_unit_test(who_is_not_on_the_link_is_no_neighbour),
		cmocka_unit_test(a_solicitation_is_answered_by_unicast),
		cmocka_unit_test(
			an_announcement_to_all_is_read_and_a_foreign_one_of_our_address_is_a_conflict),
		cmocka_unit_test(who_asks_from_our_address_claims_it),
		cmocka_unit_test(each_octet_of_a_message_counts),
		cmocka_unit_test(frames_of_a_vlan_carry_its_tag),
		cmocka_unit_test(an_interface_speaks_to_its_link_by_the_address_of_that_link),
	};

	return cmocka_run_group_tests_name("net messages", tests, NULL, NULL);
}
