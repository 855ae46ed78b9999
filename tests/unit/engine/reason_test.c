// SPDX-License-Identifier: BSD-3-Clause
// Rows of reasons.def that no story of a session brings about by itself: segments that are dropped,
// connections that are passed or reset for want of something, and what a full ring loses. And the
// list of flows, which must not hold up the worker.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "eng_session.h"
#include "session_talk.h"

// ---- the list of flows

static int wide_world(void **)
{
	return world_new_sized(4095, 15, 2047);
}

static void a_list_of_flows_looks_at_a_bounded_number_of_cells_a_turn(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct eng_flow_row row;
	unsigned turns = 0, rows = 0;
	int rc = -EAGAIN;

	greets(c);
	assert_int_equal(eng_flows_ask(world.eng, 0, 100), 0);
	assert_in_range(eng_wait_us(world.w, world.now_us), 0, 250);
	for (; rc != -ENOENT && turns < 1000; turns++) {
		world.now_us += 1000;
		(void)eng_turn(world.w, world.now_us);
		while ((rc = eng_flows_take(world.eng, 0, &row)) == 0)
			rows++;
	}
	assert_in_range(turns, 5, 6); // 4096 cells and one, 1024 of half-open ones; 1024 a turn
	assert_int_equal(rows, 1);
	assert_true(addr_eq(&row.who.client, &c->client));
}

// ---- segments that are dropped

// The byte is as good as any: the checksum covers it.
static void spoil_last_byte(struct rte_mbuf *m)
{
	rte_pktmbuf_mtod(m, uint8_t *)[m->data_len - 1] ^= 0x20;
}

static void spoil_checksum(struct rte_mbuf *m)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	struct wire_view v;

	wire_parse((struct span){.p = frame, .n = m->data_len}, &v);
	frame[v.l4_off + 16] ^= 0xff;
}

static void leave_checksum_to_the_device(struct rte_mbuf *m)
{
	spoil_checksum(m);
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
}

static void condemn_by_the_device(struct rte_mbuf *m)
{
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_BAD;
}

static void a_wrong_checksum_is_dropped_whoever_finds_it(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	void (*const spoils[])(struct rte_mbuf *) = {
		spoil_last_byte, spoil_checksum, condemn_by_the_device};

	greets(c);
	for (unsigned i = 0; i < COUNT(spoils); i++) {
		world.spoil = spoils[i];
		client_sends(c, 0, "NOOP\r\n");
		assert_int_equal(counter(DROP_TCP_CHECKSUM), i + 1);
		hears(c, SERVER, "");
	}
	says(c, CLIENT, "NOOP\r\n");
	hears(c, SERVER, "NOOP\r\n");
}

static void a_checksum_left_to_the_device_is_completed(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	world.spoil = leave_checksum_to_the_device;
	says(c, CLIENT, "NOOP\r\n");
	hears(c, SERVER, "NOOP\r\n"); // settle() looks at the checksum of all that leaves
	assert_int_equal(counter(DROP_TCP_CHECKSUM), 0);
	assert_true(counter(SMTP_FORWARDED) > 0);
}

static void a_segment_with_an_old_timestamp_is_dropped(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	c->ts = 1000;
	greets(c);
	c->ts = 100;
	client_sends(c, 0, "NOOP\r\n");
	assert_int_equal(counter(DROP_PAWS), 1);
	hears(c, SERVER, "");
	c->ts = 1000;
	says(c, CLIENT, "NOOP\r\n");
	hears(c, SERVER, "NOOP\r\n");
}

static int world_of_few_slabs(void **)
{
	return world_new_sized(63, 15, 3);
}

static void what_can_not_be_retained_does_not_leave(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	forget_seen();
	for (uint32_t i = 1; i <= 8; i++)
		client_sends(c, i * 10, "x");
	assert_true(counter(DROP_NO_SLAB) > 0);
	assert_int_equal(frames_seen(c, SERVER), 0);
}

static void a_segment_of_one_side_by_the_port_of_the_other_is_dropped(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	const struct end *e = &c->end[SERVER];

	greets(c);
	forget_seen();
	segment_by(c, SERVER, CLIENT,
		&(struct wire_tcp_out){.seq = e->nxt, .ack = e->rcv, .flags = TCP_ACK | TCP_RST});
	settle();
	assert_int_equal(counter(DROP_WRONG_PORT), 1);
	assert_int_equal(world.nseen, 0);
}

static void a_handshake_with_wrong_numbers_is_dropped(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	settle();
	forget_seen();
	segment(c, SERVER, TCP_SYN | TCP_ACK, server->isn, client->isn + 2, NULL, 0);
	settle();
	assert_int_equal(counter(DROP_HANDSHAKE), 1);
	segment(c, SERVER, TCP_SYN | TCP_ACK, server->isn, client->isn + 1, NULL, 0);
	settle();
	assert_int_equal(frames_seen(c, CLIENT), 1);
	segment(c, CLIENT, TCP_ACK, client->nxt, server->isn + 2, NULL, 0);
	settle();
	assert_int_equal(counter(DROP_ACK), 1);
	assert_int_equal(frames_seen(c, SERVER), 0);
}

static void without_packet_buffers_nothing_is_sent_and_nothing_breaks(void **)
{
	static struct rte_mbuf *taken[1 << 13];
	struct conn *c = dial("10.0.1.1", 2000);
	unsigned n = 0;

	pass_ms(11 * 60 * 1000); // what is unknown is reset now
	while (n < COUNT(taken) && (taken[n] = rte_pktmbuf_alloc(world.eng->conf.pool)) != NULL)
		n++;
	rte_pktmbuf_free(taken[--n]);
	client_sends(c, 0, "NOOP\r\n");
	assert_int_equal(counter(DROP_NO_MBUF), 2); // one reset for each end
	assert_int_equal(world.nseen, 0);
	while (n > 0)
		rte_pktmbuf_free(taken[--n]);
	client_sends(c, 0, "NOOP\r\n");
	assert_int_equal(counter(SMTP_BUILT), 2);
	assert_true(c->end[CLIENT].reset && c->end[SERVER].reset);
}

// ---- passed unread

static const uint8_t MD5[20] = {19, 18, [18] = 1, 1}; // RFC 2385, padded

static void a_connection_that_both_ends_sign_is_passed(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	syn_with(c, MD5, sizeof(MD5), "");
	syn_ack_with(c, MD5, sizeof(MD5));
	settle();
	assert_int_equal(counter(PASS_TCP_MD5), 1);
	segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, c->end[CLIENT].rcv, NULL, 0);
	begins_mail(c); // whatever an end says goes by
	says(c, CLIENT, SPAM);
	hears(c, SERVER, SPAM);
}

static void a_connection_that_one_end_signs_is_read(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	syn_with(c, MD5, sizeof(MD5), "");
	segment(c, SERVER, TCP_SYN | TCP_ACK, c->end[SERVER].isn, c->end[CLIENT].isn + 1, NULL, 0);
	settle();
	assert_int_equal(counter(PASS_TCP_MD5), 0);
	segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, c->end[CLIENT].rcv, NULL, 0);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	says(c, SERVER, "250 mx\r\n");
	c->end[CLIENT].told = c->end[CLIENT].rcv - c->end[SERVER].isn - 1;
	c->end[SERVER].told = c->end[SERVER].rcv - c->end[CLIENT].isn - 1;
	begins_mail(c);
	says(c, CLIENT, SPAM);
	hears(c, SERVER, "");
	assert_int_equal(counter(ACT_REJECTED), 1);
}

static void without_a_content_profile_messages_are_not_scanned(void **)
{
	struct conn *c = dial("10.0.11.1", 2000);

	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	hears(c, SERVER, SPAM);
	assert_int_equal(counter(PASS_NO_PROFILE), 1);
	assert_int_equal(counter(MESSAGES), 1);
}

static int world_of_one_message(void **)
{
	return world_new_sized(63, 0, 2047);
}

static void a_message_that_finds_no_memory_is_passed_and_counted(void **)
{
	struct conn *first = dial("10.0.1.1", 2000), *second = dial("10.0.1.2", 2001);

	greets(first);
	greets(second);
	begins_mail(first);
	begins_mail(second);
	says(second, CLIENT, SPAM);
	hears(second, SERVER, SPAM);
	assert_true(counter(PASS_NO_SCAN_MEMORY) > 0);
	says(first, CLIENT, SPAM);
	hears(first, SERVER, "");
	assert_int_equal(counter(ACT_REJECTED), 1);
}

static void a_message_that_stalls_gives_its_memory_to_one_that_does_not(void **)
{
	struct conn *first = dial("10.0.1.1", 2000), *second = dial("10.0.1.2", 2001);

	greets(first);
	greets(second);
	begins_mail(first);
	pass_ms(11 * 1000);
	begins_mail(second);
	assert_int_equal(counter(ACT_SCAN_TAKEN), 1);
	says(second, CLIENT, SPAM);
	hears_begin(second, CLIENT, "550 ");
	hears(first, SERVER, "");
	assert_true(first->end[SERVER].reset);
	says(first, CLIENT, HAM); // it is told behind its end
	hears_begin(first, CLIENT, "451 ");
	assert_int_equal(counter(PASS_NO_SCAN_MEMORY), 0);
}

// It has no scan, but a place.
static void a_message_that_is_not_scanned_and_stalls_gives_its_place(void **)
{
	struct conn *first = dial("10.0.11.1", 2000), *second = dial("10.0.1.2", 2001);

	greets(first);
	greets(second);
	begins_mail(first);
	says(first, CLIENT, "Subject: x\r\n");
	pass_ms(11 * 1000);
	begins_mail(second);
	assert_int_equal(counter(ACT_SCAN_TAKEN), 1);
	says(second, CLIENT, SPAM);
	hears_begin(second, CLIENT, "550 ");
	assert_true(first->end[SERVER].reset);
}

static void a_message_whose_server_takes_its_time_is_told_though_its_place_is_gone(void **)
{
	struct conn *first = dial("10.0.1.1", 2000), *second = dial("10.0.1.2", 2001);

	greets(first);
	greets(second);
	begins_mail(first);
	says(first, CLIENT, HAM);
	hears(first, SERVER, HAM);
	pass_ms(11 * 1000);
	begins_mail(second);
	assert_int_equal(counter(ACT_SCAN_TAKEN), 0);
	says(second, CLIENT, SPAM);
	hears_begin(second, CLIENT, "550 ");
	says(first, SERVER, "250 queued\r\n");
	hears(first, CLIENT, "250 queued\r\n");
	begins_mail(first);
	assert_false(first->end[SERVER].reset);
}

// ---- what we do

static void a_one_way_connection_whose_server_turns_up_is_reset(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	pass_ms(3500);
	for (unsigned i = 0; i < 3; i++)
		client_sends(c, 0, "NOOP\r\n");
	assert_int_equal(counter(PASS_ONE_WAY), 1);
	client->nxt += 6;
	segment(c, SERVER, DATA, server->nxt, client->nxt, "250 ok\r\n", 8);
	settle();
	assert_int_equal(counter(ACT_ONE_WAY_RESET), 1);
	assert_true(client->reset && server->reset);
}

static void a_fin_behind_half_a_command_resets_both(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	says(c, CLIENT, "QUI");
	hangs_up(c, CLIENT);
	hears(c, SERVER, "");
	assert_int_equal(counter(ACT_FIN_PARTIAL), 1);
	assert_true(c->end[CLIENT].reset && c->end[SERVER].reset);
}

static void a_masked_keyword_rewrites_its_segment(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	hears(c, CLIENT, "220 mx\r\n");
	says(c, SERVER, "250-mx\r\n250-SIZE\r\n250 XCLIENT\r\n");
	hears(c, CLIENT, "250-mx\r\n250-SIZE\r\n250 XCLIENX\r\n");
	assert_int_equal(counter(ACT_MASKED), 1);
	assert_int_equal(counter(ACT_REWRITTEN), 1);
}

static void odd_lines_and_possible_ends_are_counted(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	says(c, CLIENT, " NOOP\r\n");
	hears(c, SERVER, " NOOP\r\n");
	says(c, SERVER, "250 ok\r\n");
	hears(c, CLIENT, "250 ok\r\n");
	assert_int_equal(counter(ACT_LINE_ODD), 1);
	begins_mail(c);
	says(c, CLIENT, "Subject: x\r\n\r\nhello\n.\nbye\r\n.\r\n");
	assert_int_equal(counter(ACT_POSSIBLE_END), 1);
	assert_int_equal(counter(MESSAGES_CLEAN), 1);
}

static void a_refused_connection_is_answered_by_us(void **)
{
	struct conn *c = dial("10.0.3.1", 2000);

	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	settle();
	assert_int_equal(counter(ACT_ANSWERED), 1);
	assert_int_equal(counter(SMTP_BUILT), 1);
	assert_int_equal(frames_seen(c, SERVER), 0);
}

// ---- what is lost, and told so

static void without_a_taker_records_are_lost_and_counted(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	eng_sink_set(world.eng, 0, NULL);
	greets(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	assert_int_equal(counter(RECORDS_LOST), 1); // the message's
	assert_int_equal(world.nrecords, 0);
}

static int told;

static int count_outcome(void *, const struct eng_outcome *o)
{
	told += (int)o->count;
	return 0;
}

static int take_record(void *, const struct eng_record *)
{
	return 0;
}

static unsigned never_full(void *)
{
	return 0;
}

static void outcomes_add_up_while_nobody_takes_them_and_some_are_lost(void **)
{
	enum { CLIENTS = 4 * ENG_SUMS_MAX };
	static const struct eng_sink sink = {
		.outcome = count_outcome, .record = take_record, .fill = never_full};
	struct eng_session s = {.policy = ENG_INDEX_NONE};

	eng_sink_set(world.eng, 0, NULL);
	for (unsigned i = 0; i < CLIENTS; i++) {
		s.flow.key.client.b[14] = (uint8_t)(i >> 8);
		s.flow.key.client.b[15] = (uint8_t)i;
		eng_outcome(world.w, &s, ENG_OUTCOME_ACCEPTED);
	}
	assert_in_range(counter(OUTCOMES_LOST), CLIENTS - ENG_SUMS_MAX, CLIENTS - 1);
	told = 0;
	eng_sink_set(world.eng, 0, &sink);
	for (unsigned i = 0; i < ENG_SUMS_MAX; i++)
		(void)eng_turn(world.w, world.now_us += 1000);
	assert_int_equal(told + counter(OUTCOMES_LOST), CLIENTS);
}

enum { NAME_BYTES = ENG_HELO_MAX, NAME_BLOCKS = 3, NAMES_KEPT = 2 * 64 / NAME_BLOCKS };

// Names that take all the room there is for them, and some more.
static void all_give_long_names(struct conn **conns, unsigned n)
{
	char hello[NAME_BYTES + 16];

	for (unsigned i = 0; i < n; i++) {
		conns[i] = dial("10.0.1.9", (uint16_t)(3000 + i));
		handshake(conns[i]);
		says(conns[i], SERVER, "220 mx\r\n");
		snprintf(hello, sizeof(hello), "HELO %02u%062u\r\n", i, i);
		says(conns[i], CLIENT, hello);
		says(conns[i], SERVER, "250 mx\r\n");
	}
}

static void names_that_find_no_room_are_counted_and_room_comes_back(void **)
{
	enum { CONNS = NAMES_KEPT + 10 };
	struct conn *conns[CONNS];

	all_give_long_names(conns, CONNS);
	assert_int_equal(counter(ACT_HELO_CUT), CONNS - NAMES_KEPT);
	says(conns[0], CLIENT, "HELO short\r\n"); // takes one block in the place of three
	says(conns[0], SERVER, "250 mx\r\n");
	assert_int_equal(counter(ACT_HELO_CUT), CONNS - NAMES_KEPT);
	for (unsigned i = 0; i < CONNS; i++) {
		hangs_up(conns[i], CLIENT);
		hangs_up(conns[i], SERVER);
	}
	pass_ms(ENG_CLOSING_MS + 1000);
	assert_int_equal(counter(GAUGE_FLOWS), 0);
	all_give_long_names(conns, NAMES_KEPT);
	assert_int_equal(counter(ACT_HELO_CUT), CONNS - NAMES_KEPT);
}

static void a_long_name_is_scanned_and_recorded_whole(void **)
{
	struct conn *c = dial("10.0.1.9", 2000);
	char name[NAME_BYTES + 1], hello[NAME_BYTES + 16];

	snprintf(name, sizeof(name), "%064u", 7u);
	memcpy(name + 52, "bad.example", 11); // over the edge of two blocks
	snprintf(hello, sizeof(hello), "HELO %s\r\n", name);
	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	hears(c, CLIENT, "220 mx\r\n");
	says(c, CLIENT, hello);
	hears(c, SERVER, hello);
	says(c, SERVER, "250 mx\r\n");
	hears(c, CLIENT, "250 mx\r\n");
	begins_mail(c);
	says(c, CLIENT, "Subject: x\r\n\r\ntext\r\n.\r\n");
	assert_int_equal(world.records[0].kind, ENG_REC_MESSAGE);
	assert_int_equal(world.records[0].verdict, ENG_VERDICT_REJECTED);
	assert_int_equal(world.helo_n, NAME_BYTES);
	assert_memory_equal(world.helo, name, NAME_BYTES);
}

#define CASE_IN(setup, f) cmocka_unit_test_setup_teardown(f, setup, world_end)
#define CASE(f) CASE_IN(world_new, f)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE_IN(wide_world, a_list_of_flows_looks_at_a_bounded_number_of_cells_a_turn),
		CASE(a_wrong_checksum_is_dropped_whoever_finds_it),
		CASE(a_checksum_left_to_the_device_is_completed),
		CASE(a_segment_with_an_old_timestamp_is_dropped),
		CASE_IN(world_of_few_slabs, what_can_not_be_retained_does_not_leave),
		CASE(a_segment_of_one_side_by_the_port_of_the_other_is_dropped),
		CASE(a_handshake_with_wrong_numbers_is_dropped),
		CASE(without_packet_buffers_nothing_is_sent_and_nothing_breaks),
		CASE(a_connection_that_both_ends_sign_is_passed),
		CASE(a_connection_that_one_end_signs_is_read),
		CASE(without_a_content_profile_messages_are_not_scanned),
		CASE_IN(world_of_one_message, a_message_that_finds_no_memory_is_passed_and_counted),
		CASE_IN(world_of_one_message,
			a_message_that_stalls_gives_its_memory_to_one_that_does_not),
		CASE_IN(world_of_one_message,
			a_message_that_is_not_scanned_and_stalls_gives_its_place),
		CASE_IN(world_of_one_message,
			a_message_whose_server_takes_its_time_is_told_though_its_place_is_gone),
		CASE(a_one_way_connection_whose_server_turns_up_is_reset),
		CASE(a_fin_behind_half_a_command_resets_both),
		CASE(a_masked_keyword_rewrites_its_segment),
		CASE(odd_lines_and_possible_ends_are_counted),
		CASE(a_refused_connection_is_answered_by_us),
		CASE(without_a_taker_records_are_lost_and_counted),
		CASE(names_that_find_no_room_are_counted_and_room_comes_back),
		CASE(a_long_name_is_scanned_and_recorded_whole),
		CASE(outcomes_add_up_while_nobody_takes_them_and_some_are_lost),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
