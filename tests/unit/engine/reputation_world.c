// SPDX-License-Identifier: BSD-3-Clause
// The world of tests of reputation: see reputation_world.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "reputation_world.h"
#include "tbl_clients.h"

enum { KNOWN_MAX = 64 };

#define SCORES "throttle_at: 20, tempfail_at: 50, reject_at: 80"
#define ASKS(action)                                                                      \
	"endpoint_reputation: {action: " action "}, sender_reputation: {action: " action  \
	", " SCORES ", throttle_messages: 1, throttle_percent: 10}, auth_reputation: {action: " \
	action "}"
#define THREES(action)                                                               \
	"sender_reputation: {action: " action ", throttle_at: 20, tempfail_at: 0, reject_at: 0, " \
	"throttle_messages: 3, throttle_percent: 50}"
#define NETWORK(name, net, content)                                                      \
	"- {name: " name ", source: " net ", action: inspect, session: " name ", content: " content \
	"}\n"

const char reputation_rules[] =
	"content_profiles: {spam: {threshold: 5, action: reject}, look: {threshold: 5, action: "
	"monitor}}\n"
	"session_profiles:\n"
	"  connect: {" ASKS("reject") ", refuse_at: connect, " NO_DELAY "}\n"
	"  mail: {" ASKS("reject") ", refuse_at: mail, " NO_DELAY "}\n"
	"  rcpt: {" ASKS("reject") ", refuse_at: rcpt, " NO_DELAY "}\n"
	"  monitor: {" ASKS("monitor") ", " NO_DELAY "}\n"
	"  free: {" NO_DELAY "}\n"
	"  threes: {" THREES("reject") ", " NO_DELAY "}\n"
	"  watched: {" THREES("monitor") ", " NO_DELAY "}\n"
	"access: [{name: closed, recipient: \"*@closed.example\", action: reject}]\n"
	"policies:\n"
	NETWORK("connect", "10.0.1.0/24", "spam") NETWORK("mail", "10.0.2.0/24", "spam")
	NETWORK("rcpt", "10.0.3.0/24", "spam") NETWORK("monitor", "10.0.4.0/24", "spam")
	NETWORK("free", "10.0.5.0/24", "spam") NETWORK("threes", "10.0.6.0/24", "spam")
	NETWORK("watched", "10.0.7.0/24", "look")
	"- {name: connect6, source: \"fd01::/16\", action: inspect, session: connect, content: spam}\n"
	"- {name: mail6, source: \"fd02::/16\", action: inspect, session: mail, content: spam}\n"
	"- {name: threes6, source: \"fd06::/16\", action: inspect, session: threes, content: spam}\n"
	"- {name: reject, source: 10.0.8.0/24, action: reject}\n";

int reputation_new(void **)
{
	int rc = world_new_knowing(KNOWN_MAX);

	world_use(reputation_rules, 2);
	eng_hour_set(world.eng, 1000, 0);
	return rc;
}

// ---- what is known

static uint32_t context(void)
{
	return eng_context_key(world.w, 0); // the only one
}

static struct prefix prefix_of(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static uint32_t until(uint32_t seconds)
{
	return seconds == 0 ? 0 : (uint32_t)(world.now_us / 1000000) + seconds;
}

static void settled(void)
{
	struct tbl_clients *c = eng_clients(world.eng);

	tbl_clients_retire(c);
	tbl_clients_reclaim(c);
}

void bound(const char *prefix, uint16_t first, uint16_t last, uint64_t endpoint, bool shared)
{
	const struct tbl_binding b = {.prefix = prefix_of(prefix),
		.context = context(),
		.port_first = first,
		.port_last = last,
		.shared = shared,
		.endpoint = endpoint};

	assert_int_equal(tbl_binding_set(eng_clients(world.eng), &b), 0);
	settled();
}

void unbound(const char *prefix, uint16_t first, uint16_t last)
{
	const struct tbl_binding b = {.prefix = prefix_of(prefix),
		.context = context(),
		.port_first = first,
		.port_last = last};

	assert_int_equal(tbl_binding_clear(eng_clients(world.eng), &b), 0);
	settled();
}

void endpoint_is(uint64_t endpoint, uint8_t flags, uint32_t blocked_s, uint32_t auth_s)
{
	const struct tbl_endpoint e = {.key = endpoint,
		.flags = flags,
		.blocked_until_s = until(blocked_s),
		.auth_until_s = until(auth_s)};

	assert_int_equal(tbl_endpoint_set(eng_clients(world.eng), &e), 0);
	settled();
}

void sender_is(const char *prefix, uint8_t score, uint8_t flags, uint32_t auth_s)
{
	const struct tbl_sender s = {.prefix = prefix_of(prefix),
		.context = context(),
		.score = score,
		.flags = flags,
		.auth_until_s = until(auth_s)};

	assert_int_equal(tbl_sender_set(eng_clients(world.eng), &s), 0);
	settled();
}

// ---- words

#define OFFERS "250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 AUTH PLAIN LOGIN\r\n"

struct conn *meets(const char *source)
{
	return opened_with(source, OFFERS);
}

struct conn *meets_from(const char *source, uint16_t port)
{
	struct conn *c = dial(source, port);

	greets_with(c, OFFERS);
	hears(c, SERVER, "EHLO me\r\n");
	hears_begin(c, CLIENT, "220 mx\r\n250");
	return c;
}

static const struct eng_record *last_record(enum eng_record_kind kind)
{
	assert_true(world.nrecords > 0);
	assert_int_equal(world.records[world.nrecords - 1].kind, kind);
	return &world.records[world.nrecords - 1];
}

static void is_about(const struct eng_record *r, uint16_t code, enum eng_reason why, uint32_t limit,
	uint32_t value)
{
	assert_int_equal(r->code, code);
	assert_int_equal(r->reason, why);
	assert_int_equal(r->limit, limit);
	assert_int_equal(r->value, value);
	assert_int_not_equal(r->who.policy, POL_NONE);
}

static uint16_t code_of(const char *line)
{
	return (uint16_t)((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
}

static void dials_in(struct conn *c)
{
	segment(c, CLIENT, TCP_SYN, c->end[CLIENT].isn, 0, NULL, 0);
	settle();
	assert_int_equal(last_seen(c, CLIENT)->flags, TCP_SYN | TCP_ACK);
	c->end[SERVER].isn = last_seen(c, CLIENT)->seq;
	c->end[CLIENT].rcv = c->end[SERVER].isn + 1;
	forget_seen();
	segment(c, CLIENT, TCP_ACK, c->end[CLIENT].nxt, c->end[CLIENT].rcv, NULL, 0);
	settle();
}

void turned_away(const char *source, const char *line, enum eng_reason why, uint32_t limit,
	uint32_t value, uint64_t endpoint)
{
	static uint16_t port = 20000;
	const uint64_t before = counter(why);
	struct conn *c = dial(source, port++);

	world.nrecords = 0;
	dials_in(c);
	hears(c, CLIENT, line);
	assert_int_equal(frames_seen(c, SERVER), 0);
	assert_int_equal(counter(why), before + 1);
	assert_true(world.nrecords > 0);
	assert_int_equal(world.records[0].kind, ENG_REC_REFUSAL);
	is_about(&world.records[0], code_of(line), why, limit, value);
	assert_true(world.records[0].who.endpoint == endpoint);
	assert_int_not_equal(world.records[0].id, 0);
	if (!c->end[CLIENT].fin_got) {
		says(c, CLIENT, "QUIT\r\n");
		hears_begin(c, CLIENT, "221 ");
	}
	hangs_up(c, CLIENT);
}

void answers(struct conn *c, const char *command, const char *reply)
{
	char line[1200], back[200];

	(void)snprintf(line, sizeof(line), "%s\r\n", command);
	(void)snprintf(back, sizeof(back), "%s\r\n", reply);
	passes(c, line, back);
}

void takes(struct conn *c, const char *command)
{
	answers(c, command, "250 ok");
}

void refuses(struct conn *c, const char *command, const char *line, enum eng_reason why,
	uint32_t limit, uint32_t value)
{
	const uint64_t before = counter(why);
	char text[1200];

	world.nrecords = 0;
	(void)snprintf(text, sizeof(text), "%s\r\n", command);
	says(c, CLIENT, text);
	hears_begin(c, SERVER, "NOOP");
	says(c, SERVER, "250 noop\r\n");
	hears(c, CLIENT, line);
	assert_int_equal(counter(why), before + 1);
	is_about(last_record(ENG_REC_REFUSAL), code_of(line), why, limit, value);
}

void mails(struct conn *c, const char *text)
{
	takes(c, "MAIL FROM:<a@b>");
	takes(c, "RCPT TO:<c@d>");
	answers(c, "DATA", "354 go");
	passes(c, text, "250 taken\r\n");
}

void was_told(enum eng_reason why, uint32_t limit, uint32_t value)
{
	const struct eng_record *r = last_record(ENG_REC_REFUSAL);

	assert_int_equal(r->id, 0);
	is_about(r, 0, why, limit, value);
}
