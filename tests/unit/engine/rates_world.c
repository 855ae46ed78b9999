// SPDX-License-Identifier: BSD-3-Clause
// The world of tests of rates: see rates_world.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rates_world.h"

#define NETWORK(name, net, content)                                                             \
	"- {name: " name ", source: 10.0." net ".0/24, action: inspect, session: " name content \
	"}\n"

const char rates_rules[] =
	"content_profiles: {spam: {threshold: 5, action: reject}, put_off: {threshold: 5, action: "
	"tempfail}, quiet: {threshold: 5, action: discard}}\n"
	"session_profiles:\n"
	"  client_m: {client_messages: 3, client_rate_min: 10, " NO_DELAY "}\n"
	"  client_r: {client_recipients: 3, client_rate_min: 10, " NO_DELAY "}\n"
	"  sender_m: {sender_messages: 3, sender_rate_min: 20, " NO_DELAY "}\n"
	"  sender_r: {sender_recipients: 3, sender_rate_min: 20, " NO_DELAY "}\n"
	"  free: {" NO_DELAY "}\n"
	"  all: {client_messages: 9, client_recipients: 9, sender_messages: 9, sender_recipients: "
	"9, max_message_kb: 1, max_noop: 1, " NO_DELAY "}\n"
	"  fours: {client_messages: 4, client_recipients: 4, sender_messages: 3, "
	"sender_recipients: 2, " NO_DELAY "}\n"
	"access:\n"
	"- {name: trap, recipient: trap@example.org, action: discard}\n"
	"- {name: closed, recipient: \"*@closed.example\", action: reject}\n"
	"policies:\n" NETWORK("client_m", "1", "") NETWORK("client_r", "2", "") NETWORK(
		"sender_m", "3", "") NETWORK("sender_r", "4", "") NETWORK("free", "5",
		"") NETWORK("all", "6", ", content: spam") NETWORK("fours", "7",
		"") "- {name: put_off, source: 10.0.8.0/24, action: inspect, session: all, content: put_off}\n"
		    "- {name: quiet, source: 10.0.9.0/24, action: inspect, session: all, content: quiet}\n"
		    "- {name: six, source: \"fd01::/16\", action: inspect, session: client_m}\n";

const char *const rates_told[ENG_RATE_COUNT] = {
	"450 4.7.1 Too many messages of this client of late, try again later (mw-*)\r\n",
	"450 4.7.1 Too many recipients of this client of late, try again later (mw-*)\r\n",
	"450 4.7.1 Too many messages of this sender of late, try again later (mw-*)\r\n",
	"450 4.7.1 Too many recipients of this sender of late, try again later (mw-*)\r\n",
};
const enum eng_reason rates_reasons[ENG_RATE_COUNT] = {
	ACT_CLIENT_MESSAGES, ACT_CLIENT_RECIPIENTS, ACT_SENDER_MESSAGES, ACT_SENDER_RECIPIENTS};

int rates_new(void **state)
{
	int rc = world_new(state);

	world_use(rates_rules, 2);
	return rc;
}

struct conn *opened(const char *source)
{
	return opened_with(source,
		"250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-STARTTLS\r\n250-SMTPUTF8\r\n250 AUTH PLAIN\r\n");
}

void answered(struct conn *c, const char *command, const char *reply)
{
	char line[1200], back[200];

	(void)snprintf(line, sizeof(line), "%s\r\n", command);
	(void)snprintf(back, sizeof(back), "%s\r\n", reply);
	passes(c, line, back);
}

void taken(struct conn *c, const char *command)
{
	answered(c, command, "250 ok");
}

void refused(struct conn *c, const char *command, enum eng_rate rate)
{
	const uint64_t before = counter(rates_reasons[rate]);
	char line[1200];

	world.nrecords = 0;
	(void)snprintf(line, sizeof(line), "%s\r\n", command);
	says(c, CLIENT, line);
	hears_begin(c, SERVER, "NOOP");
	says(c, SERVER, "250 noop\r\n");
	hears(c, CLIENT, rates_told[rate]);
	assert_int_equal(counter(rates_reasons[rate]), before + 1);
	assert_int_equal(world.nrecords, 1);
	assert_int_equal(world.records[0].kind, ENG_REC_REFUSAL);
	assert_int_equal(world.records[0].code, 450);
	assert_int_equal(world.records[0].reason, rates_reasons[rate]);
	assert_int_equal(world.records[0].value, world.records[0].limit + 1);
}

void content_passes(struct conn *c)
{
	static const char text[] = "Subject: x\r\n\r\nall is well\r\n.\r\n";

	answered(c, "DATA", "354 go");
	passes(c, text, "250 taken\r\n");
}

void both_hang_up(struct conn *c)
{
	hangs_up(c, CLIENT);
	hangs_up(c, SERVER);
}

uint32_t counted(
	const char *profile, enum eng_rate rate, const char *source, const char *sender, bool auth)
{
	struct tbl_cell_key key = {.profile = pol_session_key(profile),
		.context = eng_context_key(world.w, 0), // the only one
		.kind = (uint16_t)(16 + rate)};
	struct addr client, server;
	uint8_t name[80];

	assert_int_equal(addr_parse(source, &client), 0);
	assert_int_equal(addr_parse("192.0.2.25", &server), 0);
	if (sender == NULL) {
		key.client = client;
	} else {
		const size_t both = sizeof(client) + sizeof(server);

		memset(name, 0, both);
		if (auth)
			memcpy(name + sizeof(client), &server, sizeof(server));
		else
			memcpy(name, &client, sizeof(client));
		memcpy(name + both, sender, strlen(sender));
		const uint64_t hash =
			tbl_cells_name(world.eng->cells, name, both + strlen(sender));
		memcpy(key.client.b, &hash, sizeof(hash));
	}
	return tbl_cells_read(world.eng->cells, &key, (uint32_t)(world.now_us / 1000000)).events;
}
