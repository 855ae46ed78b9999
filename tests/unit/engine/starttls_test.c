// SPDX-License-Identifier: BSD-3-Clause
// Encryption: masked where the profile says so, passed once both sides speak TLS, cut where they don't.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "session_talk.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

static void masks_hide_starttls_and_survive_a_repeat(void **)
{
	static const char REPLY[] = "250-mx\r\n250-STARTTLS\r\n250-XEXCH50\r\n250 SIZE 1000\r\n";
	struct conn *c = dial("10.0.2.1", 2000);
	struct end *server = &c->end[SERVER];

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	says(c, CLIENT, "EHLO me\r\n");
	hears(c, CLIENT, "220 mx\r\n");
	c->end[CLIENT].mute = true;
	says(c, SERVER, REPLY);
	hears(c, CLIENT, "250-mx\r\n250-STARTTLX\r\n250-XEXCH5X\r\n250 SIZE 1000\r\n");
	memset(c->end[CLIENT].have, 0,
		sizeof(c->end[CLIENT].have)); // the client forgets, the server repeats
	c->end[CLIENT].rcv -= (uint32_t)strlen(REPLY);
	c->end[CLIENT].told -= (uint32_t)strlen(REPLY);
	for (size_t cut = 1; cut < strlen(REPLY); cut += 7) {
		segment(c, SERVER, DATA, server->nxt - (uint32_t)strlen(REPLY), server->rcv, REPLY,
			cut);
		segment(c, SERVER, DATA, server->nxt - (uint32_t)(strlen(REPLY) - cut), server->rcv,
			REPLY + cut, strlen(REPLY) - cut);
	}
	c->end[CLIENT].mute = false;
	settle();
	hears(c, CLIENT, "250-mx\r\n250-STARTTLX\r\n250-XEXCH5X\r\n250 SIZE 1000\r\n");
	assert_int_equal(counter(ACT_TLS_MASKED), 1);
	says(c, CLIENT, "StartTLS\r\n");
	hears_begin(c, SERVER, "EHLO me\r\nNOOP    \r\n");
	says(c, SERVER, "250 what\r\n");
	hears(c, CLIENT, "502 5.5.1 STARTTLS not available (mw-*)\r\n");
	forget_words(c);
	begins_mail(c);
	says(c, CLIENT, SPAM);
	hears_begin(c, CLIENT, "550 ");
}

static struct conn *starts_tls(void)
{
	struct conn *c = dial("10.0.1.1", 2000);

	greets_with(c, "250-mx\r\n250 STARTTLS\r\n");
	says(c, CLIENT, "STARTTLS\r\n");
	says(c, SERVER, "220 go\r\n");
	hears(c, CLIENT, "220 mx\r\n250-mx\r\n250 STARTTLS\r\n220 go\r\n");
	hears(c, SERVER, "EHLO me\r\nSTARTTLS\r\n");
	return c;
}

static void tls_behind_starttls_passes(void **)
{
	struct conn *c = starts_tls();

	says(c, CLIENT, "\x16\x03\x01 1\x01hello"); // a record with a ClientHello
	hears(c, SERVER, "\x16\x03\x01 1\x01hello");
	says(c, SERVER, "\x16\x03\x03 1\x02hello");
	says(c, CLIENT, SPAM);
	hears(c, SERVER, SPAM);
	assert_int_equal(counter(PASS_TLS), 1);
	pass_ms(5);
	assert_int_equal(counter(GAUGE_SLABS), 0);
	pass_ms(60 * 60 * 1000);
	nobody_was_reset(c);
	hangs_up(c, CLIENT);
	hangs_up(c, SERVER);
}

static void plain_text_behind_starttls_ends_the_connection(void **)
{
	struct conn *c = starts_tls();

	says(c, CLIENT, "MAIL FROM:<a@b>\r\n");
	hears(c, SERVER, "");
	assert_true(c->end[CLIENT].reset && c->end[SERVER].reset);
	assert_int_equal(counter(ACT_TLS_NOT_TLS), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(masks_hide_starttls_and_survive_a_repeat),
		CASE(tls_behind_starttls_passes),
		CASE(plain_text_behind_starttls_ends_the_connection),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
