// SPDX-License-Identifier: BSD-3-Clause
// Segments that lie or that no receiver takes: wrong sides, numbers and acknowledgements, bytes that went
// round us, headers that fit no cell. What is read stays what arrives.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "session_talk.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

// ---- odd segments

static void bytes_that_went_round_us_end_the_connection(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *server = &c->end[SERVER];

	greets(c);
	says(c, CLIENT, "NO"); // held
	segment(c, SERVER, TCP_ACK, server->nxt, server->rcv + 1, NULL, 0);
	settle();
	assert_true(c->end[CLIENT].reset);
	assert_int_equal(counter(ACT_BYPASSED), 1);
}

static void segments_that_no_receiver_takes_are_dropped(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	forget_seen();
	segment(c, CLIENT, TCP_PSH, client->nxt, client->rcv, "x", 1);
	segment(c, CLIENT, DATA | TCP_SYN, client->nxt, client->rcv, "x", 1);
	segment(c, CLIENT, DATA, client->nxt + 70000, client->rcv, "x", 1);
	settle();
	assert_int_equal(frames_seen(c, SERVER), 0);
	assert_int_equal(counter(DROP_TCP_FLAGS), 2);
	assert_int_equal(counter(DROP_WINDOW), 1);
	ends_like_friends(c);
}

static void urgent_data_is_ordinary_data(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	segment(c, CLIENT, DATA | TCP_URG, client->nxt, client->rcv, "NOOP\r\n", 6);
	settle();
	assert_int_equal(last_seen(c, SERVER)->flags & TCP_URG, 0);
	hears(c, SERVER, "NOOP\r\n");
}

static void bytes_that_went_round_us_from_ahead_end_the_connection(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *server = &c->end[SERVER];

	greets(c);
	segment(c, SERVER, TCP_ACK, server->nxt, server->rcv + 6, NULL,
		0); // "NOOP\r\n" by another way
	settle();
	assert_true(c->end[CLIENT].reset);
	assert_int_equal(counter(ACT_BYPASSED), 1);
}

// ---- sides and numbers

static void a_server_that_comes_from_the_wrong_side_is_not_heard(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *server = &c->end[SERVER];

	greets(c);
	says(c, CLIENT, "STARTTLS\r\n");
	segment_by(c, SERVER, CLIENT,
		&(struct wire_tcp_out){.seq = server->nxt,
			.ack = server->rcv,
			.flags = DATA,
			.window = 60000,
			.payload = span_str("220 go\r\n")});
	settle();
	says(c, SERVER, "502 no\r\n");
	says(c, CLIENT, "\x16\x03\r\n");
	says(c, SERVER, "500 what\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	says(c, SERVER, "250 ok\r\n250 ok\r\n354 go\r\n");
	says(c, CLIENT, SPAM);
	assert_false(server_has(c, "buy-now-cheap\r\n.\r\n"));
}

static void a_wrong_acknowledgement_does_not_open_a_connection(void **)
{
	for (uint16_t i = 0; i < 80; i++) {
		struct conn *c = dial("10.0.1.1", (uint16_t)(2000 + i));
		struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

		segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
		segment(c, SERVER, TCP_SYN | TCP_ACK, server->isn, client->nxt, NULL, 0);
		segment(c, CLIENT, TCP_ACK, client->nxt, server->isn - 1000, NULL, 0);
	}
	settle();
	assert_int_equal(counter(PASS_TABLE_FULL), 0);
}

static void a_stray_port_does_not_move_a_side(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *server = &c->end[SERVER];

	greets(c);
	begins_mail(c);
	segment_by(c, SERVER, CLIENT,
		&(struct wire_tcp_out){
			.seq = server->nxt + 1000000, .ack = 0, .flags = TCP_ACK, .window = 1});
	settle();
	says(c, CLIENT, SPAM);
	assert_true(server->reset);
}

static void a_wild_acknowledgement_is_dropped(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	segment(c, CLIENT, TCP_ACK, client->nxt, client->rcv + 0x30000000, NULL, 0);
	settle();
	assert_false(c->end[SERVER].reset || client->reset);
}

static void data_with_an_ancient_acknowledgement_is_dropped(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	segment(c, CLIENT, DATA, client->nxt, client->rcv - 0x30000000, "QUIT\r\n", 6);
	settle();
	hears(c, SERVER, "");
}

static void an_old_segment_does_not_move_the_timestamp(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	c->ts = 1000;
	greets(c);
	c->ts = 0x60000000;
	segment(c, CLIENT, DATA, client->nxt - 9, client->rcv, "EHLO me\r\n", 8);
	settle();
	c->ts = 1000;
	says(c, CLIENT, "NOOP\r\n");
	hears(c, SERVER, "NOOP\r\n");
}

static void a_server_that_chose_another_number_is_followed_while_half_open(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	segment(c, SERVER, TCP_SYN | TCP_ACK, server->isn - 64000, client->nxt, NULL,
		0); // lost behind us
	segment(c, CLIENT, TCP_SYN, client->isn, 0, NULL, 0);
	settle();
	forget_seen();
	segment(c, SERVER, TCP_SYN | TCP_ACK, server->isn, client->nxt, NULL, 0);
	settle();
	assert_int_equal(frames_seen(c, CLIENT), 1);
}

static void a_syn_ack_in_mid_session_changes_nothing(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT], *server = &c->end[SERVER];

	greets(c);
	segment(c, SERVER, TCP_SYN | TCP_ACK, server->nxt + 5000, client->nxt, NULL, 0);
	settle();
	says(c, CLIENT, "NOOP\r\n");
	hears(c, SERVER, "NOOP\r\n");
	says(c, SERVER, "250 ok\r\n");
	hears(c, CLIENT, "250 ok\r\n");
}

// ---- link headers that fit no cell

enum { TAGS_BYTES = 12, MACS_BYTES = 12 };

// A segment behind three tags, the last of them its sender's choice.
static void behind_tags(struct conn *c, enum world_side side, uint8_t flags, uint32_t seq,
	uint32_t ack, const char *text, uint16_t tag)
{
	const uint8_t tags[TAGS_BYTES] = {
		0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 0x81, 0, (uint8_t)(tag >> 8), (uint8_t)tag};
	uint8_t frame[300];
	size_t n = segment_frame(c, side,
		&(struct wire_tcp_out){.seq = seq,
			.ack = ack,
			.flags = flags,
			.window = 60000,
			.payload = span_str(text)},
		frame, sizeof(frame) - TAGS_BYTES);

	memmove(frame + MACS_BYTES + TAGS_BYTES, frame + MACS_BYTES, n - MACS_BYTES);
	memcpy(frame + MACS_BYTES, tags, TAGS_BYTES);
	inject_bytes((uint8_t)side, frame, n + TAGS_BYTES);
	settle();
}

// The handshakes of 40 connections whose servers, and perhaps clients, lie behind tags of their own.
static struct conn *tagged_handshakes(bool clients)
{
	struct conn *c = NULL;

	for (uint16_t i = 0; i < 40; i++) {
		c = dial("10.0.1.1", (uint16_t)(2000 + i));
		segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
		settle();
		behind_tags(c, SERVER, TCP_SYN | TCP_ACK, c->end[SERVER].isn, c->end[CLIENT].nxt,
			"", i);
		if (clients)
			behind_tags(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, c->end[CLIENT].rcv, "",
				(uint16_t)(100 + i));
		else
			segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, c->end[CLIENT].rcv, NULL,
				0);
		settle();
	}
	assert_int_equal(counter(PASS_TABLE_FULL), 0);
	assert_int_equal(counter(FLOWS_INSPECTED), 40);
	return c;
}

static void servers_behind_many_tags_do_not_make_the_table_full(void **)
{
	struct conn *c = tagged_handshakes(false);

	says(c, CLIENT, "MAIL"); // the rest of the line does not come: it is acknowledged by us
	pass_ms(50);
	assert_int_equal(last_seen(c, CLIENT)->ack, c->end[CLIENT].nxt);
}

static void where_no_side_has_a_header_we_are_silent(void **)
{
	struct conn *c = tagged_handshakes(true);
	struct end *client = &c->end[CLIENT];

	behind_tags(c, CLIENT, TCP_ACK, client->nxt, client->rcv, "MAIL", 139);
	forget_seen();
	pass_ms(50);
	assert_int_equal(frames_seen(c, CLIENT) + frames_seen(c, SERVER), 0);
	assert_true(counter(DROP_NO_HEADER) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(bytes_that_went_round_us_end_the_connection),
		CASE(segments_that_no_receiver_takes_are_dropped),
		CASE(urgent_data_is_ordinary_data),
		CASE(bytes_that_went_round_us_from_ahead_end_the_connection),
		CASE(a_server_that_comes_from_the_wrong_side_is_not_heard),
		CASE(a_wrong_acknowledgement_does_not_open_a_connection),
		CASE(a_stray_port_does_not_move_a_side),
		CASE(a_wild_acknowledgement_is_dropped),
		CASE(data_with_an_ancient_acknowledgement_is_dropped),
		CASE(an_old_segment_does_not_move_the_timestamp),
		CASE(a_server_that_chose_another_number_is_followed_while_half_open),
		CASE(a_syn_ack_in_mid_session_changes_nothing),
		CASE(servers_behind_many_tags_do_not_make_the_table_full),
		CASE(where_no_side_has_a_header_we_are_silent),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
