// SPDX-License-Identifier: BSD-3-Clause
// The spans that rates count in, both ways: of a minute and of half an hour. Behind the first everything is
// new, inside the second nothing is. What a client has sent before is forgotten or not by the span alone.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eng_session.h"
#include "session_world.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, spans_new, world_end)

static const char RULES[] =
	"session_profiles:\n"
	"  minute: {client_rate: 2, client_rate_min: 1, sender_messages: 2, sender_rate_min: 1, "
	"error_delay_s: 0, error_delay_step_s: 0}\n"
	"  half: {client_rate: 2, client_rate_min: 30, sender_messages: 2, sender_rate_min: 30, "
	"error_delay_s: 0, error_delay_step_s: 0}\n"
	"policies:\n"
	"- {name: minute, source: 10.0.1.0/24, action: inspect, session: minute}\n"
	"- {name: half, source: 10.0.2.0/24, action: inspect, session: half}\n";

static const struct {
	const char *client;
	bool anew; // behind a minute
} spans[] = {
	{"10.0.1.1", true},
	{"10.0.2.1", false},
};

enum { OVER_A_MINUTE_MS = 125 * 1000 };

static int spans_new(void **state)
{
	int rc = world_new(state);

	world_use(RULES, 2);
	return rc;
}

static void greeted(const char *client, uint16_t port, const char *greeting)
{
	struct conn *c = dial(client, port);

	handshake(c);
	says(c, SERVER, "220 mx\r\n");
	hears_begin(c, CLIENT, greeting);
}

static void client_rate_min_tells_when_connections_are_forgotten(void **)
{
	for (unsigned i = 0; i < 2; i++) {
		greeted(spans[i].client, 2000, "220 mx");
		greeted(spans[i].client, 2001, "220 mx");
		greeted(spans[i].client, 2002, "421 4.7.0 Too many connections of late");
	}
	pass_ms(OVER_A_MINUTE_MS);
	for (unsigned i = 0; i < 2; i++)
		greeted(spans[i].client, 2003,
			spans[i].anew ? "220 mx" : "421 4.7.0 Too many connections of late");
}

// The reply to a MAIL, whose message is taken.
static void sends(struct conn *c, const char *reply)
{
	hears_begin(c, SERVER, "");
	says(c, CLIENT, "MAIL FROM:<a@b>\r\n");
	says(c, SERVER, "250 ok\r\n");
	hears_begin(c, CLIENT, reply);
	if (reply[0] != '2')
		return;
	says(c, CLIENT, "RCPT TO:<c@d>\r\n");
	says(c, SERVER, "250 ok\r\n");
	says(c, CLIENT, "DATA\r\n");
	says(c, SERVER, "354 go\r\n");
	says(c, CLIENT, "x\r\n.\r\n");
	says(c, SERVER, "250 taken\r\n");
	hears_begin(c, CLIENT, "250 ok\r\n354 go\r\n250 taken\r\n");
}

static void sender_rate_min_tells_when_messages_are_forgotten(void **)
{
	struct conn *c[2];

	for (unsigned i = 0; i < 2; i++) {
		c[i] = dial(spans[i].client, 2000);
		greets(c[i]);
		sends(c[i], "250 ok\r\n");
		sends(c[i], "250 ok\r\n");
		sends(c[i], "450 4.7.1 Too many messages of this sender");
	}
	pass_ms(OVER_A_MINUTE_MS);
	for (unsigned i = 0; i < 2; i++)
		sends(c[i], spans[i].anew ? "250 ok\r\n"
					  : "450 4.7.1 Too many messages of this sender");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(client_rate_min_tells_when_connections_are_forgotten),
		CASE(sender_rate_min_tells_when_messages_are_forgotten),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
