// SPDX-License-Identifier: BSD-3-Clause
// The traffic generator's two sides against one another: all sessions end well over a bad wire, and
// a middle that does wrong is noticed, whatever it does.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gen_memory.h"

static struct memory m;

static struct gen_conf mix(void)
{
	struct gen_conf c;

	gen_conf_default(&c);
	c.spam = 0; // nothing here refuses it
	c.at_once = 200;
	c.sessions = 2000;
	c.v6 = GEN_WHOLE / 4;
	return c;
}

static void well(const struct gen_conf *c)
{
	bool over = memory_run(&m, c, NULL, 3600);
	const struct gen_report *r = &m.world.report;

	gen_report_notes(r, c->seed, stderr);
	assert_true(over);
	assert_int_equal(r->wrong_all, 0);
	assert_int_equal(r->ended, c->sessions);
	assert_int_equal(r->well + r->aborted, c->sessions);
	assert_int_equal(m.full, 0);
}

static void sessions_end_well_over_a_good_wire(void **)
{
	struct gen_conf c = mix();

	well(&c);
	assert_int_equal(m.world.report.retransmitted, 0);
	assert_int_equal(m.world.report.resets_sent, 0);
	assert_true(m.world.report.accepted >= c.sessions);
	memory_free(&m);
}

static void sessions_end_well_over_wires_that_lose_and_mix(void **)
{
	static const struct {
		uint32_t sent, got, reorder;
	} WIRES[] = {{10000, 0, 0}, {0, 10000, 0}, {0, 0, 200000}, {50000, 50000, 0},
		{100000, 0, 300000}, {60000, 60000, 500000}};

	for (unsigned i = 0; i < sizeof(WIRES) / sizeof(WIRES[0]); i++) {
		for (uint64_t seed = 1; seed <= 3; seed++) {
			struct gen_conf c = mix();

			c.seed = seed;
			c.sessions = 500;
			c.loss_sent = WIRES[i].sent;
			c.loss_got = WIRES[i].got;
			c.reorder = WIRES[i].reorder;
			c.aborted = i % 2 == 0 ? GEN_WHOLE / 20 : 0;
			c.patience_ms = 3600000;
			well(&c);
			assert_true(m.world.report.retransmitted + c.reorder > 0);
			memory_free(&m);
		}
	}
}

static void large_messages_are_repeated_by_three_acknowledgements(void **)
{
	struct gen_conf c = mix();

	c.sessions = 100;
	c.at_once = 10;
	c.size = 200000;
	c.spread = 0;
	c.loss_sent = 20000;
	well(&c);
	assert_true(m.world.report.fast > 0);
	assert_true(m.world.report.out_of_order > 0);
	memory_free(&m);
}

static void the_same_seed_makes_the_same_frames(void **)
{
	uint64_t octets[2], packets[2];

	for (unsigned i = 0; i < 2; i++) {
		struct gen_conf c = mix();

		c.loss_sent = 10000;
		well(&c);
		octets[i] = m.world.report.sent_octets[0] + m.world.report.sent_octets[1];
		packets[i] = m.world.report.sent[0] + m.world.report.sent[1];
		memory_free(&m);
	}
	assert_int_equal(octets[0], octets[1]);
	assert_int_equal(packets[0], packets[1]);
}

// A middle sends on a repeat of what the server has already without its octets.
static bool empty_repeats(struct memory *mem, unsigned side, uint8_t *f, uint32_t *len)
{
	const struct gen_world *w = &mem->world;
	struct gen_seg seg;

	if (side != GEN_CLIENT || gen_frame_read(f, *len, false, &seg) != GEN_READ_TCP ||
		seg.len == 0)
		return true;
	uint32_t i =
		gen_index_get(&w->index[GEN_SERVER], gen_index_key(seg.family, seg.src, seg.sport));
	if (i == GEN_INDEX_NONE || (int32_t)(w->ends[i].tcp.rcv - seg.seq - seg.len) < 0)
		return true;
	struct gen_out_seg s = {
		.seq = seg.seq, .ack = seg.ack, .window = seg.window, .flags = GEN_ACK};
	*len = (uint32_t)gen_frame_make(f, &gen_world_client(&mem->world, 0)->head, &s);
	mem->meddled++;
	return true;
}

// The acknowledgement of a message's first segments is lost, and their repeats arrive without octets.
static void an_empty_repeat_is_answered(void **)
{
	unsigned met = 0;

	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct gen_conf c = mix();

		c.seed = seed;
		c.sessions = 1;
		c.v6 = 0;
		c.size = 20000;
		c.spread = 0;
		c.loss_got = 100000;
		assert_true(memory_run(&m, &c, empty_repeats, 3600));
		assert_int_equal(m.world.report.wrong_all, 0);
		met += m.meddled > 0;
		memory_free(&m);
	}
	assert_true(met > 0);
}

// --- a middle that does wrong -------------------------------------------------------------------

// The first occurrence of `text` in what `side` says becomes `other`, of the same length.
static bool change(struct memory *mem, unsigned from, unsigned side, uint8_t *frame, uint32_t len,
	const char *text, const char *other)
{
	uint8_t *p = memmem(frame, len, text, strlen(text));

	if (mem->done || from != side || p == NULL)
		return true;
	memcpy(p, other, strlen(other));
	gen_frame_mend(frame, len);
	mem->done = true;
	return true;
}

static bool change_body(struct memory *mem, unsigned side, uint8_t *f, uint32_t *len)
{
	return change(mem, side, GEN_CLIENT, f, *len, "Subject: Notes", "Subject: notes");
}
static bool change_rcpt(struct memory *mem, unsigned side, uint8_t *f, uint32_t *len)
{
	return change(mem, side, GEN_CLIENT, f, *len, "RCPT TO:<inbox", "RCPT TO:<inb0x");
}
static bool change_number(struct memory *mem, unsigned side, uint8_t *f, uint32_t *len)
{
	return change(mem, side, GEN_CLIENT, f, *len, "EHLO c00000000", "EHLO c00000001");
}
static bool change_greeting(struct memory *mem, unsigned side, uint8_t *f, uint32_t *len)
{
	return change(mem, side, GEN_SERVER, f, *len, "220 mx", "554 mx");
}
static bool change_start(struct memory *mem, unsigned side, uint8_t *f, uint32_t *len)
{
	return change(mem, side, GEN_SERVER, f, *len, "354 End", "451 End");
}
static bool change_queued(struct memory *mem, unsigned side, uint8_t *f, uint32_t *len)
{
	return change(mem, side, GEN_SERVER, f, *len, "250 2.0.0 Ok: queued as 0",
		"250 2.0.0 Ok: queued as 1");
}
static bool refuse_queued(struct memory *mem, unsigned side, uint8_t *f, uint32_t *len)
{
	return change(
		mem, side, GEN_SERVER, f, *len, "250 2.0.0 Ok: queued", "550 5.7.1 No: queued");
}
static bool change_bye(struct memory *mem, unsigned side, uint8_t *f, uint32_t *len)
{
	return change(mem, side, GEN_SERVER, f, *len, "221 2", "250 2");
}

static bool harm_checksum(struct memory *mem, unsigned, uint8_t *f, uint32_t *len)
{
	if (!mem->done)
		f[*len - 1] ^= 1;
	mem->done = true;
	return true;
}

// A segment of `side`'s with other flags goes on in its place.
static bool flags_become(struct memory *mem, unsigned from, unsigned side, uint8_t *f, uint32_t len,
	const char *text, uint8_t flags)
{
	struct gen_seg seg;

	if (mem->done || from != side || memmem(f, len, text, strlen(text)) == NULL ||
		gen_frame_read(f, len, false, &seg) != GEN_READ_TCP)
		return true;
	f[seg.payload - f - GEN_TCP_LEN + 13] = flags;
	gen_frame_mend(f, len);
	mem->done = true;
	return true;
}
static bool reset_client(struct memory *mem, unsigned side, uint8_t *f, uint32_t *len)
{
	return flags_become(mem, side, GEN_SERVER, f, *len, "250 2.1.0", GEN_RST | GEN_ACK);
}
static bool close_client(struct memory *mem, unsigned side, uint8_t *f, uint32_t *len)
{
	return flags_become(mem, side, GEN_SERVER, f, *len, "250 2.1.0", GEN_FIN | GEN_ACK);
}

static bool swallow_data(struct memory *, unsigned side, uint8_t *f, uint32_t *len)
{
	return side != GEN_CLIENT || memmem(f, *len, "DATA\r\n", 6) == NULL;
}

// Answers the end of the first message itself, with the very words; the server never sees it.
static bool take_message(struct memory *mem, unsigned side, uint8_t *f, uint32_t *len)
{
	struct gen_seg seg;
	struct gen_head head;
	uint8_t reply[GEN_FRAME_MAX];

	if (side != GEN_CLIENT || gen_frame_read(f, *len, false, &seg) != GEN_READ_TCP ||
		seg.len < 5 || memcmp(seg.payload + seg.len - 5, "\r\n.\r\n", 5) != 0)
		return true;
	if (mem->done)
		return false;
	mem->done = true;
	struct gen_end *e = gen_world_client(&mem->world, 0);
	struct gen_piece text = gen_plan_queued(&mem->world.corpus, e->room, 0, 0);
	gen_head_answer(&head, &seg);
	memcpy(reply + gen_frame_payload(&head, false), gen_octets(&mem->world.corpus, text),
		text.len);
	struct gen_out_seg s = {.seq = seg.ack,
		.ack = seg.seq + seg.len,
		.window = 65535,
		.flags = GEN_ACK,
		.len = text.len};
	memory_inject(mem, GEN_SERVER, reply, (uint32_t)gen_frame_make(reply, &head, &s));
	return false;
}

static bool say_more(struct memory *mem, unsigned side, uint8_t *f, uint32_t *len)
{
	struct gen_seg seg;
	uint8_t *bye = memmem(f, *len, "221 2.0.0 Bye\r\n", 15);

	if (mem->done || side != GEN_SERVER || bye == NULL)
		return true;
	// A reply more, in the same segment.
	memcpy(f + *len, "250 x\r\n", 7);
	*len += 7;
	f[GEN_ETH + 2] = (uint8_t)((*len - GEN_ETH) >> 8);
	f[GEN_ETH + 3] = (uint8_t)(*len - GEN_ETH);
	assert_int_equal(gen_frame_read(f, *len, false, &seg), GEN_READ_TCP);
	gen_frame_mend(f, *len);
	// The IPv4 header's checksum, by hand: 7 octets more.
	uint32_t sum = (uint32_t)((f[GEN_ETH + 10] << 8 | f[GEN_ETH + 11]) ^ 0xffff) + 7;
	sum = ((sum >> 16) + (sum & 0xffff)) ^ 0xffff;
	f[GEN_ETH + 10] = (uint8_t)(sum >> 8);
	f[GEN_ETH + 11] = (uint8_t)sum;
	mem->done = true;
	return true;
}

static void what_a_middle_does_wrong_is_noticed(void **)
{
	static const struct {
		const char *what;
		meddle_cb meddle;
		enum gen_wrong kind;
	} WRONGS[] = {
		{"an octet of a message changes", change_body, GEN_W_OCTETS},
		{"a recipient changes", change_rcpt, GEN_W_OCTETS},
		{"the name in EHLO changes", change_number, GEN_W_OCTETS},
		{"the greeting is another one", change_greeting, GEN_W_REPLY},
		{"DATA is answered by 451", change_start, GEN_W_REPLY},
		{"250 names another message", change_queued, GEN_W_REPLY},
		{"a clean message is refused", refuse_queued, GEN_W_REPLY},
		{"QUIT is answered by 250", change_bye, GEN_W_REPLY},
		{"a checksum is wrong", harm_checksum, GEN_W_CHECKSUM},
		{"the client is reset", reset_client, GEN_W_RESET},
		{"the client's connection is closed", close_client, GEN_W_CLOSED},
		{"DATA never arrives", swallow_data, GEN_W_NO_ANSWER},
		{"a message is answered and not delivered", take_message, GEN_W_LOST},
		{"a reply too many", say_more, GEN_W_EXTRA},
	};

	for (unsigned i = 0; i < sizeof(WRONGS) / sizeof(WRONGS[0]); i++) {
		struct gen_conf c = mix();

		c.sessions = 1;
		c.at_once = 1;
		c.v6 = 0;
		c.mails_max = 1;
		c.rcpt_max = 1;
		c.pipelining = 0;
		(void)memory_run(&m, &c, WRONGS[i].meddle, 3600);
		if (m.world.report.wrong[WRONGS[i].kind] == 0)
			print_message("not noticed: %s\n", WRONGS[i].what);
		assert_true(m.world.report.wrong[WRONGS[i].kind] > 0);
		assert_true(m.world.report.notes > 0);
		memory_free(&m);
	}
}

static void spam_that_arrives_is_noticed_and_so_is_its_250(void **)
{
	struct gen_conf c = mix();

	c.spam = GEN_WHOLE;
	c.sessions = 20;
	(void)memory_run(&m, &c, NULL, 3600);
	assert_int_equal(m.world.report.wrong[GEN_W_SPAM_ACCEPTED], 20);
	assert_int_equal(m.world.report.wrong[GEN_W_REPLY], 20);
	assert_int_equal(m.world.report.well, 0);
	memory_free(&m);
}

static void a_client_that_should_be_refused_and_is_not_is_noticed(void **)
{
	struct gen_conf c = mix();

	c.refused = GEN_WHOLE;
	c.sessions = 20;
	(void)memory_run(&m, &c, NULL, 3600);
	assert_int_equal(m.world.report.wrong[GEN_W_REPLY], 20);
	memory_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_end_well_over_a_good_wire),
		cmocka_unit_test(sessions_end_well_over_wires_that_lose_and_mix),
		cmocka_unit_test(large_messages_are_repeated_by_three_acknowledgements),
		cmocka_unit_test(the_same_seed_makes_the_same_frames),
		cmocka_unit_test(an_empty_repeat_is_answered),
		cmocka_unit_test(what_a_middle_does_wrong_is_noticed),
		cmocka_unit_test(spam_that_arrives_is_noticed_and_so_is_its_250),
		cmocka_unit_test(a_client_that_should_be_refused_and_is_not_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
