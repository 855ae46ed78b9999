// SPDX-License-Identifier: BSD-3-Clause
// What a packet costs: in the mean of whole sessions, and stage by stage. JSON, one object a line, to standard
// output; perf/stage runs it and says what it means.
//   stage_bench mean FLOWS ROUNDS MEMORY_MB huge|pages
//   stage_bench stages FLOWS BURST ROUNDS MEMORY_MB huge|pages
// A stage's time is that of the engine's own functions over a whole burst, called here one stage after the
// other with a look at the clock between them, whose own time is taken off. Only the usual segment
// (stream_straight) goes that way; beside it, by turns, the same segments go the engine's own way, so what the
// cutting up adds or hides can be seen: `whole` beside `sum`.
// Thread: one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "bench_mix.h"
#include "eng_int.h"

enum {
	STAGE_BURST_MAX = 64, // two ports' frames in a turn
	ROUNDS_MAX = 100,
	TABLE = 1500000, // flows that there is room for, however many are held
	ROUND_FRAMES = 1 << 18,
	STOP_US = 50, // a burst takes 10: something else had the processor
	ROUND_BURSTS = 256,
	IN_MESSAGES = 100000, // connections in the midst of a message, at most
	SEGMENT = 1460,
	LINE_BYTES = 78,
};

static char text[SEGMENT];

static void text_fill(void)
{
	static const char words[] =
		"the quick brown fox jumps over a lazy dog. And so on, it says; ";

	for (size_t i = 0; i < SEGMENT; i++)
		text[i] = i % LINE_BYTES == LINE_BYTES - 2 ? '\r'
			: i % LINE_BYTES == LINE_BYTES - 1 ? '\n'
							   : words[i % (sizeof(words) - 1)];
}

static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((*state >> 32) * below >> 32);
}

// ---- the mean

struct counted { // of a round, bursts during which the worker was stopped left out
	double cycles;
	uint64_t bursts, stops;
};

static void count(const struct bench *b, struct counted *c)
{
	const uint64_t stop = rte_get_tsc_hz() / 1000000 * STOP_US;

	*c = (struct counted){0};
	for (uint32_t i = 0; i < b->neach; i++) {
		if (b->each[i] > stop) {
			c->stops++;
			continue;
		}
		c->cycles += (double)b->each[i];
		c->bursts++;
	}
}

static bool is_right(const struct bench *b)
{
	uint64_t dropped = 0;

	for (unsigned i = 0; i < eng_stat_count; i++)
		if (eng_stat_names[i].kind == ENG_STAT_DROP && b->w->counters[i] > 0) {
			fprintf(stderr, "stage: %s %llu\n", eng_stat_names[i].name,
				(unsigned long long)b->w->counters[i]);
			dropped += b->w->counters[i];
		}
	if (dropped == 0 && bench_counter(b, ACT_HALF_OPEN_OUT) == 0 &&
		bench_counter(b, ACT_ANSWERED) == 0)
		return true;
	fprintf(stderr, "stage: %llu dropped, %llu half-open ones pushed out\n",
		(unsigned long long)dropped,
		(unsigned long long)bench_counter(b, ACT_HALF_OPEN_OUT));
	return false;
}

static int mean(uint32_t flows, unsigned rounds)
{
	static uint64_t each[2 * ROUND_FRAMES];
	struct bench b;

	if (!bench_open(&b, &(struct bench_conf){TABLE, flows, 2 * flows, .touch = true}))
		return 1;
	b.csum_good = true;
	struct bench_mix *m = bench_mix_new(&b, flows, BENCH_READ);
	if (m == NULL)
		return 1;
	b.each = each;
	for (unsigned i = 0; i < rounds; i++) {
		const uint64_t ended = bench_mix_ended(m), frames = b.frames;
		struct counted c;

		b.neach = 0;
		bench_mix_run(m, ROUND_FRAMES, ENG_BURST);
		count(&b, &c);
		const double each_burst = (double)(b.frames - frames) / b.neach;
		printf("{\"what\": \"mean\", \"ns\": %.1f, \"cycles\": %.0f, \"held\": %llu, "
		       "\"sessions\": %llu, \"stops\": %llu, \"packets_a_session\": %u}\n",
			bench_ns((uint64_t)c.cycles, c.bursts) / each_burst,
			c.cycles / (double)c.bursts / each_burst,
			(unsigned long long)bench_counter(&b, GAUGE_FLOWS),
			(unsigned long long)(bench_mix_ended(m) - ended),
			(unsigned long long)c.stops, bench_mix_packets());
		(void)fflush(stdout);
	}
	const bool right = is_right(&b);
	bench_mix_free(m);
	bench_close(&b);
	return right ? 0 : 1;
}

// ---- the stages

enum stage { PARSE, LOOKUP, STREAM, SMTP, ACT, STAGES };
static const char *const names[] = {"parse", "lookup", "stream", "smtp", "act"};

struct cuts { // cycles of each burst of a round
	double at[STAGES][ROUND_BURSTS];
	uint64_t clock; // of one look at it
	unsigned n;
};

struct world {
	struct bench b;
	struct bench_conn *conn; // in a message: the first `nmail`; the others idle
	uint32_t n, nmail;
	uint64_t seed;
	uint16_t burst;
};

struct burst { // what a stage hands to the next
	struct rte_mbuf *look[STAGE_BURST_MAX];
	struct eng_session *session[STAGE_BURST_MAX];
	struct stream_seg seg[STAGE_BURST_MAX];
	uint16_t n;
};

static uint64_t clock_cycles(void)
{
	double each[1001];

	for (unsigned i = 0; i < 1001; i++) {
		const uint64_t from = rte_rdtsc_precise();

		each[i] = (double)(rte_rdtsc_precise() - from);
	}
	return (uint64_t)bench_median(each, 1001);
}

static void parse(struct world *o, struct rte_mbuf **pkts, uint16_t n, struct burst *u)
{
	u->n = 0;
	for (uint16_t at = 0; at < n; at += ENG_BURST) {
		const uint16_t some = (uint16_t)RTE_MIN(n - at, (int)ENG_BURST);
		uint16_t nlook = 0;

		if (eng_parse(o->b.w, pkts + at, some, u->look + u->n, &nlook) > 0)
			abort(); // none of these is anything else
		u->n = (uint16_t)(u->n + nlook);
	}
}

// To the queue of its worker, which is this one, and from there: key, hash, bucket, flow.
static void lookup(struct world *o, struct burst *u)
{
	enum { AHEAD = 2 }; // as the engine's turn does
	struct eng_worker *w = o->b.w;

	for (uint16_t at = 0; at < u->n; at += ENG_BURST)
		eng_steer(w, BENCH_CLIENT, u->look + at,
			(uint16_t)RTE_MIN(u->n - at, (int)ENG_BURST), o->b.now_us);
	w->smtpq_head = w->smtpq_tail; // they are taken
	for (uint16_t i = 0; i < u->n; i++) {
		const struct eng_meta *meta = eng_meta_of(u->look[i]);

		if (i + AHEAD < u->n) {
			rte_prefetch0(rte_pktmbuf_mtod(u->look[i + AHEAD], const void *));
			eng_smtp_segment_prefetch(w, u->look[i + AHEAD]);
		}
		struct flow *f = flow_lookup_hashed(w->smtp->flows,
			(const struct flow_key *)(const void *)meta->key, meta->hash, meta->cell);
		if (f == NULL)
			abort();
		u->session[i] = eng_session_of(f);
	}
}

static void retain(struct world *o, struct burst *u)
{
	struct eng_smtp *p = o->b.w->smtp;

	for (uint16_t i = 0; i < u->n; i++) {
		const struct wire_view *v = &eng_meta_of(u->look[i])->view;
		struct stream_seg *seg = &u->seg[i];

		*seg = (struct stream_seg){.side = STREAM_CLIENT,
			.flags = v->tcp_flags,
			.window = v->window,
			.seq = v->seq,
			.ack = v->ack,
			.now_ms = p->now_ms,
			.payload =
				span_sub(eng_frame_of(u->look[i]), v->payload_off, v->payload_len)};
		if (!stream_straight(&u->session[i]->flow.stream, &p->pool, seg))
			abort();
		u->session[i]->flow.seen_ms = p->now_ms;
		(void)flow_note(p->flows, &u->session[i]->flow, STREAM_CLIENT,
			eng_frame_of(u->look[i]), v, BENCH_CLIENT);
	}
}

static void read_all(struct world *o, struct burst *u)
{
	for (uint16_t i = 0; i < u->n; i++)
		if (!eng_read_straight(o->b.w, u->session[i], &u->seg[i]))
			abort();
}

static void act(struct world *o, struct burst *u)
{
	struct eng_worker *w = o->b.w;

	for (uint16_t i = 0; i < u->n; i++) {
		struct eng_session *s = u->session[i];

		if (!stream_straight_on(&s->flow.stream, &u->seg[i]))
			abort();
		eng_count(w, SMTP_FORWARDED);
		flow_bytes_add(&s->flow, STREAM_CLIENT, (uint32_t)u->seg[i].payload.n);
		eng_forward_tx(w, BENCH_CLIENT, u->look[i]);
		eng_timer_update(w, s);
	}
}

static void cut_up(struct world *o, struct rte_mbuf **pkts, uint16_t n, struct cuts *c)
{
	static struct burst u;
	uint64_t t[STAGES + 1];

	o->b.now_us += 20;
	(void)eng_turn(o->b.w, o->b.now_us);
	eng_smtp_clock(o->b.w, o->b.now_us);
	t[PARSE] = rte_rdtsc_precise();
	parse(o, pkts, n, &u);
	t[LOOKUP] = rte_rdtsc_precise();
	lookup(o, &u);
	t[STREAM] = rte_rdtsc_precise();
	retain(o, &u);
	t[SMTP] = rte_rdtsc_precise();
	read_all(o, &u);
	t[ACT] = rte_rdtsc_precise();
	act(o, &u);
	t[STAGES] = rte_rdtsc_precise();
	for (unsigned i = 0; i < STAGES; i++) {
		const uint64_t spent = t[i + 1] - t[i];

		c->at[i][c->n] = spent > c->clock ? (double)(spent - c->clock) : 0;
	}
	c->n++;
	bench_out_drop(&o->b);
}

// The same frames by the engine's own way; more than a burst: as if of two ports.
static uint64_t whole(struct world *o, struct rte_mbuf **pkts, uint16_t n)
{
	o->b.now_us += 20;
	const uint64_t from = rte_rdtsc_precise();
	for (uint16_t at = 0; at < n; at += ENG_BURST)
		eng_rx(o->b.w, BENCH_CLIENT, pkts + at, (uint16_t)RTE_MIN(n - at, (int)ENG_BURST),
			o->b.now_us);
	do
		(void)eng_turn(o->b.w, o->b.now_us);
	while (o->b.w->smtpq_head != o->b.w->smtpq_tail);
	const uint64_t spent = rte_rdtsc_precise() - from;
	bench_out_drop(&o->b);
	return spent;
}

struct kind {
	const char *name, *says, *answer; // NULL: a segment of the message, an acknowledgement
};

// Connections without one twice: a step of its own for each round, from a place drawn.
static uint32_t pick(struct world *o, const struct kind *k, struct bench_conn **conn)
{
	const uint32_t from = k->says == NULL ? 0 : o->nmail;
	const uint32_t n = k->says == NULL ? o->nmail : o->n - o->nmail;
	uint32_t at = draw(&o->seed, n);

	for (uint16_t i = 0; i < o->burst; i++) {
		conn[i] = &o->conn[from + at];
		at = (at + n / STAGE_BURST_MAX + 1) % n; // far from one another
	}
	return o->burst;
}

// In stages where `c` is given, else by the engine's own way, which took *engine.
static void burst_of(struct world *o, const struct kind *k, struct cuts *c, double *engine)
{
	struct bench_conn *conn[STAGE_BURST_MAX];
	struct rte_mbuf *pkts[STAGE_BURST_MAX];
	const char *says = k->says == NULL ? text : k->says;
	const uint16_t bytes = (uint16_t)(k->says == NULL ? SEGMENT : strlen(says));
	const uint16_t n = (uint16_t)pick(o, k, conn);

	for (uint16_t i = 0; i < n; i++)
		pkts[i] = bench_segment(&o->b, conn[i], BENCH_CLIENT, TCP_ACK, says, bytes);
	if (c != NULL)
		cut_up(o, pkts, n, c);
	else
		*engine = (double)whole(o, pkts, n);
	for (uint16_t at = 0; at < n; at += ENG_BURST) { // what the server says, in no clock
		const uint16_t some = (uint16_t)RTE_MIN(n - at, (int)ENG_BURST);
		struct rte_mbuf *back[ENG_BURST];

		for (uint16_t i = 0; i < some; i++)
			back[i] = bench_segment(&o->b, conn[at + i], BENCH_SERVER, TCP_ACK,
				k->answer, (uint16_t)strlen(k->answer));
		bench_burst(&o->b, BENCH_SERVER, back, some);
		if (k->says == NULL)
			continue;
		for (uint16_t i = 0; i < some; i++)
			back[i] = bench_segment(&o->b, conn[at + i], BENCH_CLIENT, TCP_ACK, "", 0);
		bench_burst(&o->b, BENCH_CLIENT, back, some);
	}
}

// Frames of another port: read at their first line, and forwarded.
static double others(struct world *o)
{
	double spent[ROUND_BURSTS];

	for (unsigned r = 0; r < ROUND_BURSTS; r++) {
		struct rte_mbuf *pkts[STAGE_BURST_MAX];

		for (uint16_t i = 0; i < o->burst; i++)
			pkts[i] = bench_other(&o->b, &o->conn[draw(&o->seed, o->n)], SEGMENT);
		spent[r] = (double)whole(o, pkts, o->burst);
	}
	return bench_median(spent, ROUND_BURSTS) / o->burst;
}

// Of each stage the burst in the middle: another program that has the processor meanwhile is in few.
static void round_run(struct world *o, const struct kind *k)
{
	static struct cuts c;
	double engine[ROUND_BURSTS], sum = 0;

	c = (struct cuts){.clock = clock_cycles()};
	for (unsigned r = 0; r < ROUND_BURSTS; r++) {
		burst_of(o, k, &c, NULL);
		burst_of(o, k, NULL, &engine[r]);
	}
	printf("{\"what\": \"stages\", \"kind\": \"%s\", \"flows\": %u, \"burst\": %u", k->name,
		o->n, o->burst);
	for (unsigned i = 0; i < STAGES; i++) {
		const double middle = bench_median(c.at[i], ROUND_BURSTS) / o->burst;

		printf(", \"%s\": %.1f", names[i], middle);
		sum += middle;
	}
	printf(", \"sum\": %.1f, \"whole\": %.1f, \"forward\": %.1f, \"ghz\": %.3f}\n", sum,
		bench_median(engine, ROUND_BURSTS) / o->burst, others(o),
		(double)rte_get_tsc_hz() / 1e9);
	(void)fflush(stdout);
}

// `n` connections, the first of them in the midst of a message.
static bool connect_all(struct world *o, enum bench_net net)
{
	uint64_t handshake = 0;

	o->conn = calloc(o->n, sizeof(o->conn[0]));
	if (o->conn == NULL)
		return false;
	for (uint32_t i = 0; i < o->n; i++)
		bench_conn_init(&o->conn[i], i, net);
	for (uint32_t at = 0; at < o->nmail; at += ENG_BURST) {
		const uint16_t n = (uint16_t)RTE_MIN(o->nmail - at, (uint32_t)ENG_BURST);

		bench_greet(&o->b, o->conn + at, n, &handshake);
		bench_mail(&o->b, o->conn + at, n);
		bench_header(&o->b, o->conn + at, n);
	}
	struct bench_conn *model = &o->conn[o->nmail];
	bench_greet(&o->b, model, 1, &handshake);
	for (uint32_t i = o->nmail + 1; i < o->n; i++)
		memcpy(o->conn[i].nxt, model->nxt, sizeof(model->nxt));
	return bench_clones(&o->b, model, o->nmail + 1, o->n - o->nmail - 1);
}

static int stages(uint32_t flows, uint16_t burst, unsigned rounds, enum bench_net net)
{
	static const struct kind data = {"data", NULL, ""}, scanned = {"scanned", NULL, ""},
				 command = {"command", "NOOP\r\n", "250 Ok\r\n"};
	struct world o = {.n = flows, .seed = 1, .burst = burst};

	o.nmail = RTE_MIN(flows / 2, (uint32_t)IN_MESSAGES);
	if (!bench_open(&o.b, &(struct bench_conf){TABLE, o.nmail, o.nmail + 4096, .touch = true}))
		return 1;
	o.b.csum_good = true;
	if (!connect_all(&o, net)) {
		fprintf(stderr, "stage: no room for %u flows\n", flows);
		return 1;
	}
	for (unsigned i = 0; i < rounds; i++) {
		round_run(&o, net == BENCH_SCANNED ? &scanned : &data);
		if (net != BENCH_SCANNED)
			round_run(&o, &command);
	}
	free(o.conn);
	bench_close(&o.b);
	return 0;
}

int main(int argc, char **argv)
{
	const bool is_mean = argc == 6 && strcmp(argv[1], "mean") == 0;
	const bool is_stages =
		argc == 7 && (strcmp(argv[1], "stages") == 0 || strcmp(argv[1], "scanned") == 0);
	int rc;

	if (!is_mean && !is_stages) {
		fprintf(stderr,
			"usage: stage_bench mean FLOWS ROUNDS MEMORY_MB huge|pages\n"
			"       stage_bench stages|scanned FLOWS BURST ROUNDS MEMORY_MB "
			"huge|pages\n");
		return 2;
	}
	const uint32_t flows = (uint32_t)strtoul(argv[2], NULL, 10);
	const unsigned burst = is_mean ? 1 : (unsigned)strtoul(argv[3], NULL, 10);
	const unsigned rounds = (unsigned)strtoul(argv[argc - 3], NULL, 10);
	if (flows < 1000 || burst == 0 || burst > STAGE_BURST_MAX || rounds == 0 ||
		rounds > ROUNDS_MAX ||
		!bench_start((uint32_t)strtoul(argv[argc - 2], NULL, 10),
			strcmp(argv[argc - 1], "huge") == 0))
		return 2;
	text_fill();
	if (is_mean)
		rc = mean(flows, rounds);
	else
		rc = stages(flows, (uint16_t)burst, rounds,
			strcmp(argv[1], "scanned") == 0 ? BENCH_SCANNED : BENCH_READ);
	bench_stop();
	return rc;
}
