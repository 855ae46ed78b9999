// SPDX-License-Identifier: BSD-3-Clause
// Random sessions of both sides, made of pieces that matter; the server mostly answers what it is
// asked. How the client's bytes are cut must
// not change the events; cutting the server's may change their order only, so there the promises
// of smtp.h alone are checked: nothing outside the input, nothing after DESYNC, no byte consumed
// twice, no AUTH payload told.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smtp.h"

enum { RUNS = 24, RUN_BYTES = 400, LOG_BYTES = 1 << 16, SESSIONS = 30000 };

#define PIECE(s) {s, sizeof(s) - 1}
static const struct piece { const char *p; size_t n; } client_pieces[] = {
	PIECE("EHLO c\r\n"), PIECE("HELO c\r\n"), PIECE("MAIL FROM:<a@b>\r\n"), PIECE("RCPT TO:<c@d>\r\n"),
	PIECE("DATA\r\n"), PIECE("DATA\n"), PIECE("RSET\r\n"), PIECE("NOOP\r\n"), PIECE("QUIT\r\n"),
	PIECE("BDAT 3\r\nabc"), PIECE("BDAT 3 LAST\r\nabc"), PIECE("BDAT 0 LAST\r\n"), PIECE("BDAT 9\r\n"),
	PIECE("AUTH LOGIN\r\n"), PIECE("AUTH PLAIN s3cr3tpayload\r\n"), PIECE("s3cr3tpayload\r\n"),
	PIECE("STARTTLS\r\n"), PIECE("\r\n.\r\n"), PIECE(".\r\n"), PIECE("\n.\n"), PIECE("\r.\r"),
	PIECE(".\0x"), PIECE("text"), PIECE("\r\n"), PIECE("\n"), PIECE("\r"), PIECE("."), PIECE("\0"),
	PIECE(" "), PIECE("\xff"), PIECE("RSET\r"),
};
static const struct piece server_pieces[] = {
	PIECE("220 mx\r\n"), PIECE("250 ok\r\n"), PIECE("250 ok\r\n"), PIECE("250 ok\r\n"),
	PIECE("250-mx\r\n250-CHUNKING\r\n250 AUTH LOGIN\r\n"), PIECE("354 go\r\n"), PIECE("354 go\r\n"),
	PIECE("334 s3cr3tpayload\r\n"), PIECE("235 ok\r\n"), PIECE("550 no\r\n"), PIECE("421 bye\r\n"),
	PIECE("250-more\r\n"), PIECE("x"), PIECE("\r\n"),
};

struct run { enum smtp_side side; size_t n; uint8_t bytes[RUN_BYTES]; };

struct player {
	struct smtp smtp;
	uint8_t unread[2][RUNS * RUN_BYTES];
	size_t unread_n[2];
	char log[LOG_BYTES];
	size_t log_n;
	bool in_text; // the log ends in message text, which may go on
	bool stopped;
};

static uint64_t seed;

static size_t random_below(size_t n) // xorshift64 (Marsaglia 2003)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed % n);
}

static void log_bytes(struct player *p, const void *bytes, size_t n)
{
	assert_true(p->log_n + n <= LOG_BYTES);
	if (n > 0)
		memcpy(p->log + p->log_n, bytes, n);
	p->log_n += n;
}

static void check_event(struct player *p, const struct smtp_event *e, struct span in)
{
	assert_false(p->stopped);
	assert_true((uint64_t)e->off + e->len <= in.n);
	assert_true(e->text.n == 0 || (e->text.p >= in.p && e->text.p + e->text.n <= in.p + in.n));
	assert_true(e->path.n == 0 || (e->path.p >= in.p && e->path.p + e->path.n <= in.p + in.n));
	// As the argument of RSET it is no payload, nor in a message.
	bool may_be_payload = e->kind == SMTP_EV_COMMAND ?
		e->verb == SMTP_VERB_AUTH || e->verb == SMTP_VERB_UNKNOWN :
		e->kind != SMTP_EV_DATA && e->kind != SMTP_EV_DATA_LINE;

	if (may_be_payload && e->text.n > 0)
		assert_null(memmem(e->text.p, e->text.n, "s3cr3t", 6));
	p->stopped = e->kind == SMTP_EV_DESYNC;
	if (e->kind == SMTP_EV_DATA && p->in_text) {
		log_bytes(p, e->text.p, e->text.n);
		return;
	}
	char head[64];

	(void)snprintf(head, sizeof(head), "\n%u %u %u %x %u %llu ", e->kind, e->verb, e->code, e->flags,
		e->kind == SMTP_EV_POSSIBLE_END ? e->count : 0, (unsigned long long)e->octets);
	log_bytes(p, head, strlen(head));
	log_bytes(p, e->text.p, e->text.n);
	p->in_text = e->kind == SMTP_EV_DATA;
}

static void feed(struct player *p, enum smtp_side side)
{
	struct smtp_event ev[4];
	size_t used, count;

	do {
		struct span in = {p->unread[side], p->unread_n[side]};

		used = smtp_feed(&p->smtp, side, in, ev, 4, &count);
		assert_true(used <= in.n && count <= 4);
		for (size_t i = 0; i < count; i++)
			check_event(p, &ev[i], in);
		p->unread_n[side] -= used;
		memmove(p->unread[side], p->unread[side] + used, p->unread_n[side]);
	} while (used > 0);
}

static void deliver(struct player *p, enum smtp_side side, const uint8_t *bytes, size_t n)
{
	memcpy(p->unread[side] + p->unread_n[side], bytes, n);
	p->unread_n[side] += n;
	feed(p, side);
	if (side == SMTP_SERVER)
		feed(p, SMTP_CLIENT);
}

static void player_begin(struct player *p)
{
	static const struct run ehlo = {SMTP_CLIENT, 8, "EHLO c\r\n"};
	static const struct run reply = {
		SMTP_SERVER, 41, "220 mx\r\n250-m\r\n250-CHUNKING\r\n250 AUTH A\r\n"};

	p->unread_n[0] = p->unread_n[1] = p->log_n = 0;
	p->in_text = p->stopped = false;
	smtp_init(&p->smtp, NULL);
	deliver(p, ehlo.side, ehlo.bytes, ehlo.n);
	deliver(p, reply.side, reply.bytes, reply.n);
	assert_int_equal(p->smtp.offered, SMTP_EXT_CHUNKING | SMTP_EXT_AUTH);
}

static void play_run(struct player *p, const struct run *run, bool cut)
{
	size_t at = 0;

	p->in_text = false;
	while (at < run->n) {
		size_t n = cut ? 1 + random_below(7) : run->n;

		if (n > run->n - at)
			n = run->n - at;
		deliver(p, run->side, run->bytes + at, n);
		at += n;
	}
}

static void run_add(struct run *run, const struct piece *pieces, size_t pieces_n)
{
	const struct piece *piece = &pieces[random_below(pieces_n)];

	memcpy(run->bytes + run->n, piece->p, piece->n);
	run->n += piece->n;
}

// What a server says to the oldest command; nothing where there is none.
static void run_answer(struct run *run, const struct smtp *s)
{
	static const struct piece to_ehlo[] = {PIECE("250-mx\r\n250-CHUNKING\r\n250 AUTH LOGIN\r\n")};
	static const struct piece to_auth[] = {
		PIECE("334 s3cr3tpayload\r\n"), PIECE("235 ok\r\n"), PIECE("535 no\r\n")};
	static const struct piece to_data[] = {
		PIECE("354 go\r\n"), PIECE("354 go\r\n"), PIECE("354-go\r\n354 on\r\n"), PIECE("554 no\r\n")};
	static const struct piece to_tls[] = {PIECE("454 no\r\n")};
	static const struct piece to_others[] = {
		PIECE("250 ok\r\n"), PIECE("250 ok\r\n"), PIECE("250-o\r\n250 k\r\n"), PIECE("550 no\r\n")};

	if (s->pending_count == 0)
		return;
	switch (s->pending[s->pending_head]) {
	case SMTP_VERB_EHLO:
		run_add(run, to_ehlo, 1);
		break;
	case SMTP_VERB_AUTH:
		run_add(run, to_auth, 3);
		break;
	case SMTP_VERB_DATA:
		run_add(run, to_data, 4);
		break;
	case SMTP_VERB_STARTTLS:
		run_add(run, to_tls, 1);
		break;
	default:
		run_add(run, to_others, 4);
	}
}

static void run_fill(struct run *run, const struct smtp *s)
{
	run->n = 0;
	if (run->side == SMTP_CLIENT) {
		for (size_t pieces = 1 + random_below(6); pieces > 0; pieces--)
			run_add(run, client_pieces, sizeof(client_pieces) / sizeof(client_pieces[0]));
	} else if (random_below(20) > 0) {
		run_answer(run, s);
	} else {
		run_add(run, server_pieces, sizeof(server_pieces) / sizeof(server_pieces[0]));
	}
}

static bool same(const struct player *a, const struct player *b)
{
	return a->log_n == b->log_n && memcmp(a->log, b->log, a->log_n) == 0 &&
	       a->unread_n[SMTP_CLIENT] == b->unread_n[SMTP_CLIENT];
}

static void random_sessions_read_the_same_however_they_are_cut(void **)
{
	struct player *whole = malloc(sizeof(*whole)), *cut = malloc(sizeof(*cut));
	struct run *runs = calloc(RUNS, sizeof(*runs));
	size_t depth = 0;

	assert_non_null(whole);
	assert_non_null(cut);
	assert_non_null(runs);
	seed = 0x2545f4914f6cdd1du;
	for (int k = 0; k < SESSIONS; k++) {
		player_begin(whole);
		for (size_t i = 0; i < RUNS; i++) {
			runs[i].side = random_below(2) == 0 ? SMTP_SERVER : SMTP_CLIENT;
			run_fill(&runs[i], &whole->smtp);
			play_run(whole, &runs[i], false);
		}
		for (int cut_server = 0; cut_server < 2; cut_server++) {
			player_begin(cut);
			for (size_t i = 0; i < RUNS; i++)
				play_run(cut, &runs[i], runs[i].side == SMTP_CLIENT || cut_server);
			if (!cut_server && !same(whole, cut))
				fail_msg("session %d: whole%.*s\n\ncut%.*s", k, (int)whole->log_n,
					whole->log, (int)cut->log_n, cut->log);
		}
		depth += whole->log_n;
	}
	assert_in_range(depth / SESSIONS, 200, 100000); // they don't all end at once
	free(runs);
	free(cut);
	free(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sessions_read_the_same_however_they_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
