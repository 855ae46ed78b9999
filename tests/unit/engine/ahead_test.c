// SPDX-License-Identifier: BSD-3-Clause
// What came ahead of its turn: inside a message and a chunk it leaves at once, unless the end may be in it,
// or a byte that was not kept; and no end reaches the server before it is judged.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "session_talk.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

// ---- inside a message

static void a_segment_that_came_early_inside_a_message_leaves_at_once(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	forget_seen();
	client_sends(c, 12, "the second part ");
	assert_int_equal(frames_seen(c, SERVER), 1);
	assert_int_equal(counter(ACT_AHEAD), 1);
	client_sends(c, 0, "first part, ");
	client_went(c, "first part, the second part ");
	says(c, CLIENT, "\r\n.\r\n");
	hears(c, SERVER, "first part, the second part \r\n.\r\n");
	says(c, SERVER, "250 queued\r\n");
	ends_like_friends(c);
}

static void what_left_early_leaves_again_when_it_is_repeated(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	client_sends(c, 12, "the second part ");
	forget_seen();
	client_sends(c, 12, "THE SECOND PART ");
	client_sends(c, 16, "SECOND");
	assert_int_equal(frames_seen(c, SERVER), 2); // the server may have lost the first
	client_sends(c, 16, "SECOND PART and more");
	assert_int_equal(frames_seen(c, SERVER), 2);
	client_sends(c, 0, "first part, ");
	client_went(c, "first part, the second part ");
	hears(c, SERVER, "first part, the second part and more");
}

// ---- inside a chunk

// A transaction up to the line of a chunk.
static void begins_chunk(struct conn *c, const char *line)
{
	greets_with(c, "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	says(c, SERVER, "250 ok\r\n250 ok\r\n");
	says(c, CLIENT, line);
	forget_words(c);
	forget_seen();
}

static void a_segment_that_came_early_inside_a_chunk_leaves_at_once(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	begins_chunk(c, "BDAT 24 LAST\r\n");
	client_sends(c, 8, "ab.\r\n.\r\n"); // means nothing here
	client_sends(c, 16, "the last");    // up to the chunk's end
	assert_int_equal(frames_seen(c, SERVER), 2);
	assert_int_equal(counter(ACT_AHEAD), 2);
	client_sends(c, 0, "the hole");
	client_went(c, "the holeab.\r\n.\r\nthe last");
	hears(c, SERVER, "the holeab.\r\n.\r\nthe last");
	says(c, SERVER, "250 queued\r\n");
	ends_like_friends(c);
}

static void what_may_reach_past_a_chunk_waits(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	begins_chunk(c, "BDAT 24\r\n");
	client_sends(c, 16, "the lastB"); // one octet of the next command
	client_sends(c, 25, "DAT 3\r\nx");
	assert_int_equal(frames_seen(c, SERVER), 0);
	client_sends(c, 8, "ab.\r\n.\r\n");
	assert_int_equal(frames_seen(c, SERVER), 1);
	client_sends(c, 0, "the hole");
	hears(c, SERVER, "the holeab.\r\n.\r\nthe last");
	says(c, SERVER, "250 ok\r\n");
	hears(c, SERVER, "BDAT 3\r\nx");
}

static void a_condemned_chunk_is_not_completed_by_what_fills_its_hole(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	begins_chunk(c, "BDAT 26 LAST\r\n");
	client_sends(c, 6, "now-cheap and the end");
	assert_int_equal(frames_seen(c, SERVER), 0); // an octet too many
	client_sends(c, 6, "now-cheap and the en");
	assert_int_equal(counter(ACT_AHEAD), 0); // held already, as it came first
	client_sends(c, 0, "\r\nbuy-");
	hears(c, SERVER, "");
	assert_int_equal(counter(ACT_REJECTED), 1);
}

// ---- what may not leave

static void an_end_that_comes_late_is_not_released_before_what_left_already(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	client_sends(c, 6, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 3 LAST\r\nxyz");
	client_sends(c, 0, "x\r\n.\r\n");
	assert_null(strstr(c->end[SERVER].bytes, ".\r\n"));
	hears(c, SERVER, "");
	assert_int_equal(counter(ACT_AHEAD_CUT), 1);
	assert_true(c->end[SERVER].reset || c->end[SERVER].rst_odd);
	hears_begin(c, CLIENT, "451 ");
}

static void urgent_bytes_do_not_leave_ahead(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);
	struct end *client = &c->end[CLIENT];

	greets(c);
	begins_mail(c);
	forget_seen();
	segment(c, CLIENT, DATA | TCP_URG, client->nxt + 2, client->rcv, "\r\n.X\r\nRSET\r\n", 12);
	settle();
	for (unsigned i = 0; i < world.nseen; i++)
		assert_int_equal(world.seen[i].flags & TCP_URG, 0);
}

static void what_was_not_retained_does_not_leave_ahead(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	c->end[SERVER].window = 40;
	greets(c);
	begins_mail(c);
	client_sends(c, 30, "x buy-now-cheap x"); // 10 bytes in the window, 7 behind it
	c->end[SERVER].window = 60000;
	segment(c, SERVER, TCP_ACK, c->end[SERVER].nxt, c->end[SERVER].rcv, NULL, 0);
	settle();
	client_sends(c, 40, "x-ham!!");
	client_sends(c, 0, "Subject: 012345678\r\n\r\n90123456");
	client_sends(c, 47, "\r\n.\r\n");
	assert_false(server_has(c, "buy-now-cheap"));
}

// ---- ends of lines

// Sends a text `ahead` bytes early; whether it left.
static bool leaves_ahead(struct conn *c, uint32_t ahead, const char *text)
{
	const uint32_t seq = c->end[CLIENT].nxt + ahead;

	forget_seen();
	client_sends(c, ahead, text);
	for (unsigned i = 0; i < world.nseen; i++) {
		if (world.seen[i].seq == seq && world.seen[i].len == strlen(text))
			return true;
	}
	return false;
}

// A line end that comes early waits where it may stand behind a dot that ends the message.
static void a_line_end_leaves_ahead_where_the_byte_before_it_is_known(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	assert_false(leaves_ahead(c, 10, "\r\nfirst")); // before it anything may lie
	assert_true(leaves_ahead(c, 17, "\r\nsecond"));
	assert_false(leaves_ahead(c, 25, "\r\n."));
	assert_false(leaves_ahead(c, 28, "\r\nthird")); // ends the message
	assert_true(leaves_ahead(c, 35, "\r\nfourth"));
	assert_true(leaves_ahead(c, 43, "\r\n.stuffed"));
	assert_true(leaves_ahead(c, 60, "an island"));
	assert_true(leaves_ahead(c, 56, "x\r\n."));  // before the island
	assert_false(leaves_ahead(c, 80, "x\r\n.")); // behind it anything may lie
	// The line may begin with a dot and NUL.
	assert_false(leaves_ahead(c, 90, "a\r"));
	assert_true(leaves_ahead(c, 100, "a\r\nb\r"));
	assert_false(leaves_ahead(c, 112, "\nc"));
	assert_true(leaves_ahead(c, 110, "b\r")); // its end is known
	assert_false(leaves_ahead(c, 122, "\rc"));
	assert_false(leaves_ahead(c, 120, "b\r"));
}

static void what_left_ahead_behind_a_held_end_is_remembered(void **)
{
	static const char END[] = "\r\n.\r\n";
	static const char MORE[] =
		"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 13 LAST\r\nbuy-now-cheap";
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	client_sends(c, 10, END); // waits
	client_sends(c, 10 + sizeof(END) - 1, MORE);
	client_sends(c, 0, "0123456789");
	assert_false(server_has(c, "buy-now-cheap"));
}

// A CR behind a dot is read with what follows it, but it may have left ahead of the dot.
static void what_left_ahead_may_be_acknowledged_before_it_is_read(void **)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	client_sends(c, 4, "\r");
	client_sends(c, 3, ".");
	client_sends(c, 0, "x\r\n");
	assert_int_equal(counter(ACT_BYPASSED), 0);
	client_sends(c, 5, "\n");
	hears(c, SERVER, "x\r\n.\r\n");
	c->end[CLIENT].nxt += 6;
	says(c, SERVER, "250 stored\r\n");
	hears(c, CLIENT, "250 stored\r\n");
}

// Some servers end a message at CRLF . CR; the line end arrives before the dot.
static void a_line_end_behind_a_hole_waits_for_the_dot_that_may_be_in_it(void **)
{
	static const char *const ends[] = {"\r", "\n", "\r\n"};

	for (uint16_t i = 0; i < 3; i++) {
		struct conn *c = dial("10.0.1.1", (uint16_t)(2000 + i));

		greets(c);
		begins_mail(c);
		client_sends(c, 0, "\r\nbuy-now-cheap\r\n");
		forget_seen();
		client_sends(c, 18, ends[i]);
		assert_int_equal(frames_seen(c, SERVER), 0);
		client_sends(c, 17, ".");
		assert_false(server_has(c, "cheap\r\n.\r") || server_has(c, "cheap\r\n.\n"));
	}
}

// ---- ends of messages in pieces that arrive in every order

enum { LEAD = 3, TAIL = 4, PIECES_MAX = 3 };

struct pieces { // of a tail: piece i is [cut[i], cut[i + 1])
	char tail[TAIL];
	unsigned n, cut[PIECES_MAX + 1], order[PIECES_MAX];
};

// Would some server take what is there for an ended message: one that ends lines at bare CR, or bare
// LF, skips NULs before a line, or reads a line up to a NUL?
static bool some_server_ends(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t begin = i, end = i + 1;

		while (begin > 0 && p[begin - 1] == 0)
			begin--;
		if (p[i] != '.' || (begin > 0 && p[begin - 1] != '\r' && p[begin - 1] != '\n'))
			continue;
		if (end < n && p[end] == 0) {
			while (end < n && p[end] != '\r' && p[end] != '\n')
				end++;
		}
		if (end < n && (p[end] == '\r' || p[end] == '\n'))
			return true;
	}
	return false;
}

// No server has an end of the message that was not judged, after any of the pieces.
static void arrives(struct conn *c, const struct pieces *t)
{
	const struct end *e = &c->end[CLIENT], *server = &c->end[SERVER];
	const uint64_t before = counter(ACT_POSSIBLE_END) + counter(MESSAGES);
	const uint32_t from = server->rcv - (e->isn + 1);

	segment(c, CLIENT, TCP_ACK, e->nxt, e->rcv, "x\r\n", LEAD);
	settle();
	for (unsigned i = 0; i < t->n; i++) {
		const unsigned at = t->cut[t->order[i]], to = t->cut[t->order[i] + 1];

		segment(c, CLIENT, TCP_ACK, e->nxt + LEAD + at, e->rcv, t->tail + at, to - at);
		settle();
		if (counter(ACT_POSSIBLE_END) + counter(MESSAGES) != before)
			return;
		assert_false(
			some_server_ends(server->bytes + from, server->rcv - (e->isn + 1) - from));
	}
}

static void arrives_anew(struct conn *c, const struct pieces *t)
{
	enum { FLOWS_FEW = 30, DIALOGS_END_MS = 600000 };

	if (counter(GAUGE_FLOWS) > FLOWS_FEW)
		pass_ms(DIALOGS_END_MS);
	greets(c);
	begins_mail(c);
	arrives(c, t);
	segment(c, CLIENT, TCP_RST, c->end[SERVER].rcv, 0, NULL, 0);
	settle();
	reboot(c);
	c->client_port = c->client_port == 60000 ? 2000 : c->client_port + 1;
}

static void in_every_order(struct conn *c, struct pieces *t)
{
	static const uint8_t ORDERS[][PIECES_MAX] = {
		{0, 1, 2}, {1, 0, 2}, {0, 2, 1}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	for (unsigned i = 0; i < (t->n == 2 ? 2 : COUNT(ORDERS)); i++) {
		for (unsigned k = 0; k < t->n; k++)
			t->order[k] = ORDERS[i][k];
		arrives_anew(c, t);
	}
}

static void no_end_in_pieces_reaches_the_server_before_it_is_judged(void **)
{
	static const char LETTERS[] = {'\r', '\n', '.', 0, 'x'};
	struct conn *c = dial("10.0.1.1", 2000);

	for (unsigned text = 0; text < 5 * 5 * 5 * 5; text++) {
		struct pieces t = {.n = 2, .cut = {0}};

		for (unsigned i = 0, rest = text; i < TAIL; i++, rest /= 5)
			t.tail[i] = LETTERS[rest % 5];
		for (t.cut[1] = 1; t.cut[1] < TAIL; t.cut[1]++) {
			t.n = 2;
			t.cut[2] = TAIL;
			in_every_order(c, &t);
			t.n = 3;
			t.cut[3] = TAIL;
			for (t.cut[2] = t.cut[1] + 1; t.cut[2] < TAIL; t.cut[2]++)
				in_every_order(c, &t);
		}
	}
	assert_int_equal(counter(PASS_TABLE_FULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_segment_that_came_early_inside_a_message_leaves_at_once),
		CASE(what_left_early_leaves_again_when_it_is_repeated),
		CASE(a_segment_that_came_early_inside_a_chunk_leaves_at_once),
		CASE(what_may_reach_past_a_chunk_waits),
		CASE(a_condemned_chunk_is_not_completed_by_what_fills_its_hole),
		CASE(an_end_that_comes_late_is_not_released_before_what_left_already),
		CASE(urgent_bytes_do_not_leave_ahead),
		CASE(what_was_not_retained_does_not_leave_ahead),
		CASE(a_line_end_leaves_ahead_where_the_byte_before_it_is_known),
		CASE(what_left_ahead_behind_a_held_end_is_remembered),
		CASE(what_left_ahead_may_be_acknowledged_before_it_is_read),
		CASE(a_line_end_behind_a_hole_waits_for_the_dot_that_may_be_in_it),
		CASE(no_end_in_pieces_reaches_the_server_before_it_is_judged),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
