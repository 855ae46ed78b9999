// SPDX-License-Identifier: BSD-3-Clause
// Sessions at random points of their course: see bench_mix.h.
#include "bench_mix.h"

#include <stdlib.h>
#include <string.h>

enum {
	LINE_BYTES = 64,
	HEADER_LINES = 12,
	SEGMENT_BYTES = 1460,
	TEXT_BYTES = 4096,
};

struct step {
	enum bench_side side;
	uint8_t flags;
	const char *text; // NULL: the next segment of the message
};

static const struct step steps[] = {
	{BENCH_CLIENT, TCP_SYN, ""},
	{BENCH_SERVER, TCP_SYN | TCP_ACK, ""},
	{BENCH_CLIENT, TCP_ACK, ""},
	{BENCH_SERVER, TCP_ACK | TCP_PSH, "220 mx.example.net ESMTP\r\n"},
	{BENCH_CLIENT, TCP_ACK | TCP_PSH, "EHLO mx-out17.isp.example.org\r\n"},
	{BENCH_SERVER, TCP_ACK | TCP_PSH,
		"250-mx.example.net\r\n250-PIPELINING\r\n250-SIZE 20480000\r\n250 8BITMIME\r\n"},
	{BENCH_CLIENT, TCP_ACK | TCP_PSH, "MAIL FROM:<a@example.org> SIZE=4096\r\n"},
	{BENCH_SERVER, TCP_ACK | TCP_PSH, "250 2.1.0 Ok\r\n"},
	{BENCH_CLIENT, TCP_ACK | TCP_PSH, "RCPT TO:<b@example.net>\r\n"},
	{BENCH_SERVER, TCP_ACK | TCP_PSH, "250 2.1.5 Ok\r\n"},
	{BENCH_CLIENT, TCP_ACK | TCP_PSH, "DATA\r\n"},
	{BENCH_SERVER, TCP_ACK | TCP_PSH, "354 Go on\r\n"},
	{BENCH_CLIENT, TCP_ACK, NULL},
	{BENCH_CLIENT, TCP_ACK, NULL},
	{BENCH_SERVER, TCP_ACK, ""},
	{BENCH_CLIENT, TCP_ACK | TCP_PSH, NULL}, // with the message's end
	{BENCH_SERVER, TCP_ACK, ""},
	{BENCH_SERVER, TCP_ACK | TCP_PSH, "250 2.0.0 Ok: queued as 4XyZ\r\n"},
	{BENCH_CLIENT, TCP_ACK | TCP_PSH, "QUIT\r\n"},
	{BENCH_SERVER, TCP_ACK | TCP_PSH | TCP_FIN, "221 2.0.0 Bye\r\n"},
	{BENCH_CLIENT, TCP_ACK | TCP_FIN, ""},
	{BENCH_SERVER, TCP_ACK, ""},
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]), OPEN = 3 }; // steps of a handshake

struct session {
	struct bench_conn conn;
	uint16_t step;
	uint16_t at; // of the text
};

struct bench_mix {
	struct bench *b;
	struct session *session;
	struct ready { // whose next packet comes from that side, in no order
		uint32_t *of;
		uint32_t n;
	} ready[BENCH_SIDES], opening[BENCH_SIDES];
	uint64_t seed, ended;
	char text[TEXT_BYTES + 3]; // and its end
};

static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((*state >> 32) * below >> 32);
}

static void text_fill(char *text)
{
	static const char words[] =
		"the quick brown fox jumps over a lazy dog. And so on, it says; ";

	for (size_t i = 0; i < TEXT_BYTES; i++)
		text[i] = i % LINE_BYTES == LINE_BYTES - 2 ? '\r'
			: i % LINE_BYTES == LINE_BYTES - 1 ? '\n'
							   : words[i % (sizeof(words) - 1)];
	for (size_t i = 0; i < HEADER_LINES; i++)
		memcpy(text + i * LINE_BYTES, "X-Name: ", 8);
	memcpy(text + HEADER_LINES * LINE_BYTES, "\r\n", 2);
	memcpy(text + TEXT_BYTES, ".\r\n", 3);
}

static struct rte_mbuf *next_segment(struct bench_mix *m, struct session *s)
{
	const struct step *step = &steps[s->step];
	struct rte_mbuf *pkt;

	if (step->text != NULL) {
		pkt = bench_segment(m->b, &s->conn, step->side, step->flags, step->text,
			(uint16_t)strlen(step->text));
	} else {
		const size_t left = sizeof(m->text) - s->at;
		const uint16_t n = (uint16_t)(left < SEGMENT_BYTES ? left : SEGMENT_BYTES);

		pkt = bench_segment(m->b, &s->conn, step->side, step->flags, m->text + s->at, n);
		s->at = (uint16_t)(s->at + n);
	}
	if ((step->flags & TCP_FIN) != 0)
		s->conn.nxt[step->side]++;
	return pkt;
}

static void session_put(struct bench_mix *m, uint32_t i)
{
	const uint16_t step = m->session[i].step % STEPS;
	struct ready *r = step > 0 && step < OPEN ? m->opening : m->ready;

	r += steps[step].side;
	r->of[r->n++] = i;
}

static void session_on(struct bench_mix *m, uint32_t i)
{
	struct session *s = &m->session[i];

	if (++s->step == STEPS) {
		m->ended++;
		s->step = s->at = 0;
		s->conn.nxt[BENCH_CLIENT] += 1u << 20; // another connection's number
		s->conn.nxt[BENCH_SERVER] += 1u << 20;
	}
	session_put(m, i);
}

// A handshake goes on as soon as a burst of them can: it is quicker than what a session does later, and few
// are half-open at a time.
static struct ready *next_ready(struct bench_mix *m, uint16_t burst, enum bench_side *side)
{
	const uint32_t all = m->ready[BENCH_CLIENT].n + m->ready[BENCH_SERVER].n;

	for (*side = BENCH_CLIENT; *side < BENCH_SIDES; (*side)++)
		if (m->opening[*side].n >= burst)
			return &m->opening[*side];
	*side = draw(&m->seed, all) < m->ready[BENCH_CLIENT].n ? BENCH_CLIENT : BENCH_SERVER;
	return &m->ready[*side];
}

static void burst_run(struct bench_mix *m, uint16_t burst)
{
	enum bench_side side;
	struct ready *r = next_ready(m, burst, &side);
	struct rte_mbuf *pkts[ENG_BURST];
	uint32_t drawn[ENG_BURST];
	uint16_t n = 0;

	for (; n < burst && r->n > 0; n++) {
		const uint32_t at = draw(&m->seed, r->n);

		drawn[n] = r->of[at];
		r->of[at] = r->of[--r->n];
		pkts[n] = next_segment(m, &m->session[drawn[n]]);
	}
	if (n > 0)
		bench_burst(m->b, side, pkts, n);
	for (uint16_t i = 0; i < n; i++)
		session_on(m, drawn[i]);
}

// Some more sessions, to a point of their course: never many at once are half-open.
static void group_begin(struct bench_mix *m, uint32_t from, uint16_t n)
{
	struct rte_mbuf *pkts[ENG_BURST];

	for (uint32_t until = OPEN + draw(&m->seed, STEPS - OPEN), step = 0; step < until; step++) {
		for (uint16_t i = 0; i < n; i++)
			pkts[i] = next_segment(m, &m->session[from + i]);
		bench_burst(m->b, steps[step].side, pkts, n);
		for (uint16_t i = 0; i < n; i++)
			m->session[from + i].step++;
	}
	for (uint16_t i = 0; i < n; i++)
		session_put(m, from + i);
}

void bench_mix_run(struct bench_mix *m, uint64_t frames, uint16_t burst)
{
	for (const uint64_t until = m->b->frames + frames; m->b->frames < until;)
		burst_run(m, burst);
}

struct bench_mix *bench_mix_new(struct bench *b, uint32_t n, enum bench_net net)
{
	return bench_mix_new_at(b, 0, n, net);
}

struct bench_mix *bench_mix_new_at(struct bench *b, uint32_t first, uint32_t n, enum bench_net net)
{
	struct bench_mix *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	*m = (struct bench_mix){.b = b, .seed = 1 + first};
	m->session = calloc(n, sizeof(m->session[0]));
	bool there = m->session != NULL;
	for (int side = 0; side < BENCH_SIDES; side++) {
		m->ready[side].of = calloc(n, sizeof(uint32_t));
		m->opening[side].of = calloc(n, sizeof(uint32_t));
		there = there && m->ready[side].of != NULL && m->opening[side].of != NULL;
	}
	if (!there) {
		bench_mix_free(m);
		return NULL;
	}
	text_fill(m->text);
	for (uint32_t i = 0; i < n; i++)
		bench_conn_init(&m->session[i].conn, first + i, net);
	for (uint32_t i = 0; i < n; i += ENG_BURST)
		group_begin(m, i, (uint16_t)(n - i < ENG_BURST ? n - i : ENG_BURST));
	bench_mix_run(m, (uint64_t)n * STEPS / 2, ENG_BURST);
	return m;
}

void bench_mix_free(struct bench_mix *m)
{
	if (m == NULL)
		return;
	for (int side = 0; side < BENCH_SIDES; side++) {
		free(m->ready[side].of);
		free(m->opening[side].of);
	}
	free(m->session);
	free(m);
}

uint64_t bench_mix_ended(const struct bench_mix *m)
{
	return m->ended;
}

unsigned bench_mix_packets(void)
{
	return STEPS;
}
