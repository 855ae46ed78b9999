// SPDX-License-Identifier: BSD-3-Clause
// Short of slabs: messages go on with digests in the place of bytes, and repeats are told from lies.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "session_world.h"
#include "tcp_flags.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, sixty_slabs, world_end)

enum { SEGMENT = 1400 };

static char text[SEGMENT + 1];

static int sixty_slabs(void **)
{
	for (unsigned i = 0; i < SEGMENT; i++)
		text[i] = (char)(i % 70 == 69 ? '\n' : i % 70 == 68 ? '\r' : 'a' + i % 23);
	return world_new_sized(127, 127, 60);
}

// Others whose servers don't acknowledge hold nearly all there is; then one with an open message.
static struct conn *mails_under_pressure(void)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets(c);
	begins_mail(c);
	for (uint16_t i = 0; i < 60 && counter(GAUGE_SLABS) <= 54; i++) {
		struct conn *other = dial("10.0.1.2", (uint16_t)(3000 + i));
		greets(other);
		begins_mail(other);
		other->end[SERVER].mute = true;
		for (unsigned k = 0; k < 9; k++)
			says(other, CLIENT, text);
		pass_ms(1);
	}
	assert_true(counter(GAUGE_SLABS) > 54);
	c->end[SERVER].mute = true;
	return c;
}

static void a_message_goes_on_without_slabs_and_its_repeats_are_proven(void **)
{
	struct conn *c = mails_under_pressure();
	uint32_t begin = c->end[CLIENT].nxt;
	uint64_t before = counter(ACT_DIGESTED);

	for (unsigned i = 0; i < 30; i++)
		says(c, CLIENT, text);
	assert_int_equal(counter(ACT_DIGESTED), before + 30);
	forget_seen();
	segment(c, CLIENT, TCP_ACK, begin + SEGMENT, c->end[CLIENT].rcv, text, SEGMENT);
	settle();
	assert_int_equal(counter(ACT_DIGEST_REPEAT), 1);
	assert_int_equal(frames_seen(c, SERVER), 1);
	forget_seen();
	text[3] ^= 1; // other bytes over the same range
	segment(c, CLIENT, TCP_ACK, begin + SEGMENT, c->end[CLIENT].rcv, text, SEGMENT);
	settle();
	text[3] ^= 1;
	assert_int_equal(frames_seen(c, SERVER), 0);
	c->end[SERVER].mute = false;
	c->end[SERVER].owes_ack = true;
	settle();
	says(c, CLIENT, ".\r\n");
	says(c, SERVER, "250 queued\r\n");
	says(c, CLIENT, "QUIT\r\n");
	assert_false(c->end[CLIENT].reset);
}

static void repeats_that_are_never_whole_end_the_connection(void **)
{
	struct conn *c = mails_under_pressure();
	uint32_t begin = c->end[CLIENT].nxt;

	says(c, CLIENT, text);
	for (unsigned i = 0; i < 9; i++)
		segment(c, CLIENT, TCP_ACK, begin, c->end[CLIENT].rcv, text, 700);
	settle();
	assert_int_equal(counter(ACT_DIGEST_STUCK), 1);
	assert_true(c->end[CLIENT].reset);
}

static void a_new_connection_passes_while_hardly_a_slab_is_free(void **)
{
	struct conn *c = mails_under_pressure(), *late = dial("10.0.1.3", 2000);

	for (uint16_t i = 0; i < 30 && counter(GAUGE_SLABS) <= 58; i++) {
		struct conn *other = dial("10.0.1.4", (uint16_t)(4000 + i));
		handshake(other); // half a line takes one each
		says(other, CLIENT, "EH");
		pass_ms(1);
	}
	assert_int_equal(counter(PASS_SLABS_SHORT), 0);
	handshake(late);
	assert_int_equal(counter(PASS_SLABS_SHORT), 1);
	says(late, SERVER, "220 mx\r\n");
	says(late, CLIENT, "EHLO me\r\n");
	hears(late, SERVER, "EHLO me\r\n");
	says(c, CLIENT, text); // the one that is read goes on
	assert_false(c->end[CLIENT].reset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_message_goes_on_without_slabs_and_its_repeats_are_proven),
		CASE(repeats_that_are_never_whole_end_the_connection),
		CASE(a_new_connection_passes_while_hardly_a_slab_is_free),
	};
	return cmocka_run_group_tests(tests, world_start, world_stop);
}
