// SPDX-License-Identifier: BSD-3-Clause
// The control plane's end against data planes that lie: a hello that leads outside is refused
// before anything is touched, a message that makes no sense is dropped and counted, a ring that
// makes none ends the attachment; each time it comes back by itself and nothing leaks.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core_dp.h"
#include "core_link.h"
#include "log.h"

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW, TURNS_MAX = 60000, CYCLES = 100 };

struct seen {
	unsigned attached, detached, outcomes, records, asks, rows, done;
	int status;
	struct api_record record;
	struct core_link *ping_again; // pings from within the answer
};

struct bench {
	struct dp dp;
	struct core_loop *loop;
	struct core_link *link;
	struct seen seen;
};

static void on_attached(void *arg, const struct api_hello *)
{
	((struct seen *)arg)->attached++;
}

static void on_detached(void *arg, const char *)
{
	((struct seen *)arg)->detached++;
}

static void on_outcome(void *arg, const struct api_outcome *)
{
	((struct seen *)arg)->outcomes++;
}

static void on_record(void *arg, const struct api_record *r)
{
	((struct seen *)arg)->records++;
	((struct seen *)arg)->record = *r;
}

static void on_ask(void *arg, uint32_t worker, const struct api_ask *q)
{
	assert_int_equal(worker, 1);
	assert_int_equal(q->name_len, 3);
	((struct seen *)arg)->asks++;
}

static void on_row(void *arg, const struct api_flow *)
{
	((struct seen *)arg)->rows++;
}

static void on_done(void *arg, int status, const char *)
{
	struct seen *s = arg;

	s->done++;
	s->status = status;
	if (s->ping_again != NULL)
		(void)core_link_ping(s->ping_again, on_done, s);
}

static void bench_open(struct bench *b)
{
	struct core_link_conf conf = {.arg = &b->seen,
		.retry_ms = 1,
		.drain_ms = 1,
		.answer_ms = 20,
		.image_ms = 20,
		.ops = {on_attached, on_detached, on_outcome, on_record, on_ask}};

	*b = (struct bench){0};
	dp_listen(&b->dp);
	conf.path = b->dp.path;
	b->loop = core_loop_new();
	assert_non_null(b->loop);
	b->link = core_link_new(b->loop, &conf);
	assert_non_null(b->link);
}

static void bench_close(struct bench *b)
{
	core_link_free(b->link);
	core_loop_free(b->loop);
	dp_close(&b->dp);
}

static void turn(struct bench *b)
{
	assert_int_equal(core_loop_turn(b->loop, 1), 0);
}

static void accept_wait(struct bench *b)
{
	for (unsigned i = 0; i < TURNS_MAX; i++) {
		turn(b);
		if (dp_accept(&b->dp))
			return;
	}
	fail_msg("nobody connected");
}

static void attach(struct bench *b)
{
	unsigned want = b->seen.attached + 1;

	accept_wait(b);
	dp_make(&b->dp);
	dp_seal(&b->dp, SEALS, SEALS);
	dp_send(&b->dp, sizeof(b->dp.hello), 2);
	for (unsigned i = 0; i < TURNS_MAX && b->seen.attached < want; i++)
		turn(b);
	assert_int_equal(b->seen.attached, want);
}

static void turns_until(struct bench *b, const unsigned *count, unsigned want)
{
	for (unsigned i = 0; i < TURNS_MAX && *count < want; i++)
		turn(b);
	assert_int_equal(*count, want);
}

static unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

static unsigned count_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, "memfd:") != NULL;
	(void)fclose(f);
	return n;
}

#define HELLO(f, v)                                                                                \
	{                                                                                          \
		"hello." #f, offsetof(struct api_hello, f), 0, sizeof(((struct api_hello *)0)->f), \
			v                                                                          \
	}
#define STATS(f, v)                                                                                \
	{                                                                                          \
		"stats." #f, offsetof(struct api_stats, f), 1, sizeof(((struct api_stats *)0)->f), \
			v                                                                          \
	}

static const struct lie {
	const char *what;
	size_t off;
	int in_stats;
	size_t bytes;
	uint64_t value;
} lies[] = {
	HELLO(magic, 1),
	HELLO(version, API_LINK_VERSION + 1),
	HELLO(workers, 0),
	HELLO(workers, API_WORKERS_MAX + 1),
	HELLO(workers, UINT32_MAX),
	HELLO(workers, 1),
	HELLO(link_bytes, 0),
	HELLO(link_bytes, 4096),
	HELLO(link_bytes, UINT64_MAX),
	HELLO(link_bytes, UINT64_C(1) << 40),
	HELLO(command_off, 1),
	HELLO(command_off, UINT64_MAX - 63),
	HELLO(command_off, UINT64_C(1) << 32),
	HELLO(event_off, UINT64_C(1) << 62),
	HELLO(binding_off, 8),
	HELLO(binding_off, UINT64_MAX - 63),
	HELLO(fact_off, UINT64_C(1) << 40),
	HELLO(outcome_off[0], 8),
	HELLO(outcome_off[1], UINT64_MAX & ~UINT64_C(63)),
	HELLO(record_off[1], UINT64_C(1) << 33),
	HELLO(ask_off[0], 16),
	HELLO(ask_off[1], UINT64_C(1) << 40),
	HELLO(answer_off[1], UINT64_MAX - 127),
	HELLO(slot_off[0], 32),
	HELLO(slot_off[1], UINT64_C(1) << 50),
	HELLO(slot_bytes, UINT64_MAX),
	HELLO(slot_bytes, UINT64_C(1) << 31),
	STATS(magic, 0),
	STATS(version, 9),
	STATS(bytes, 64),
	STATS(bytes, UINT64_MAX),
	STATS(workers, 0),
	STATS(workers, 65),
	STATS(names, 257),
	STATS(names, UINT32_MAX),
	STATS(names, 9),
	STATS(ports, 33),
	STATS(names_off, 0),
	STATS(names_off, 137),
	STATS(names_off, UINT64_MAX - 7),
	STATS(ports_off, UINT64_C(1) << 40),
	STATS(workers_off, UINT64_MAX - 63),
	STATS(worker_stride, 7),
	STATS(worker_stride, 0),
	STATS(worker_stride, UINT64_MAX - 7),
	STATS(policy_hits_off, UINT64_C(1) << 30),
	STATS(policy_hits_off, 4),
	STATS(sights_off, UINT64_C(1) << 30),
	STATS(sights_off, 4),
	STATS(sight_stride, 8),
	STATS(sight_net_off, UINT64_C(1) << 30),
	STATS(workers_off, 141),
	STATS(ports_off, 1001),
};

static void a_hello_that_leads_outside_is_refused_and_leaves_nothing(void **state)
{
	unsigned fds, maps;
	struct bench b;

	(void)state;
	bench_open(&b);
	attach(&b); // once right, so that what the loop takes for itself is there
	dp_drop(&b.dp);
	turns_until(&b, &b.seen.detached, 1);
	accept_wait(&b);
	dp_drop(&b.dp);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct api_hello honest;
		uint64_t refused = core_link_counts(b.link)->refused;

		accept_wait(&b);
		fds = count_fds();
		maps = count_maps();
		dp_make(&b.dp);
		dp_seal(&b.dp, SEALS, SEALS);
		honest = b.dp.hello;
		memcpy((lies[i].in_stats ? b.dp.stats : (uint8_t *)&b.dp.hello) + lies[i].off,
			&lies[i].value, lies[i].bytes);
		dp_send(&b.dp, sizeof(b.dp.hello), 2);
		b.dp.hello = honest; // what dp_drop unmaps by
		for (unsigned t = 0; t < TURNS_MAX && core_link_counts(b.link)->refused == refused;
			t++)
			turn(&b);
		if (core_link_counts(b.link)->refused != refused + 1)
			fail_msg("%s = %#llx was believed", lies[i].what,
				(unsigned long long)lies[i].value);
		assert_false(core_link_is_attached(b.link));
		assert_string_not_equal(core_link_why(b.link), "");
		dp_drop(&b.dp);
		assert_true(count_fds() <= fds); // its socket of this attempt may be gone
		assert_int_equal(count_maps(), maps);
	}
	assert_int_equal(b.seen.attached, 1);
	attach(&b); // an honest one is welcome
	bench_close(&b);
}

static void memory_that_may_change_its_size_is_refused(void **state)
{
	static const int seals[][2] = {
		{0, SEALS}, {SEALS, 0}, {F_SEAL_SHRINK, SEALS}, {SEALS, F_SEAL_GROW}};
	struct bench b;

	(void)state;
	bench_open(&b);
	for (unsigned i = 0; i < sizeof(seals) / sizeof(seals[0]); i++) {
		accept_wait(&b);
		dp_make(&b.dp);
		dp_seal(&b.dp, seals[i][0], seals[i][1]);
		dp_send(&b.dp, sizeof(b.dp.hello), 2);
		for (unsigned t = 0; t < TURNS_MAX && core_link_counts(b.link)->refused <= i; t++)
			turn(&b);
		assert_int_equal(core_link_counts(b.link)->refused, i + 1);
		dp_drop(&b.dp);
	}
	assert_int_equal(b.seen.attached, 0);
	bench_close(&b);
}

static void a_first_datagram_that_is_no_hello_is_refused_and_its_descriptors_closed(void **state)
{
	static const struct {
		size_t bytes;
		unsigned fds;
	} cases[] = {
		{1, 0},
		{1, 2},
		{sizeof(struct api_hello) - 1, 2},
		{sizeof(struct api_hello) + 1, 2},
		{sizeof(struct api_hello), 0},
		{sizeof(struct api_hello), 1},
		{sizeof(struct api_hello), 3},
		{sizeof(struct api_hello), 4},
	};
	struct bench b;
	unsigned fds;

	(void)state;
	bench_open(&b);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		accept_wait(&b);
		fds = count_fds();
		dp_make(&b.dp);
		dp_seal(&b.dp, SEALS, SEALS);
		dp_send(&b.dp, cases[i].bytes, cases[i].fds);
		for (unsigned t = 0; t < TURNS_MAX && core_link_counts(b.link)->refused <= i; t++)
			turn(&b);
		assert_int_equal(core_link_counts(b.link)->refused, i + 1);
		dp_drop(&b.dp);
		assert_true(count_fds() <= fds);
	}
	bench_close(&b);
}

static void a_ring_that_makes_no_sense_ends_the_attachment(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b);
	for (unsigned i = 0; i < 8; i++) {
		struct api_ring_mem *m;
		uint64_t off;

		attach(&b);
		off = i % 4 == 0     ? b.dp.hello.event_off
			: i % 4 == 1 ? b.dp.hello.outcome_off[1]
			: i % 4 == 2 ? b.dp.hello.record_off[0]
				     : b.dp.hello.ask_off[1];
		m = (void *)(b.dp.link + off);
		atomic_store(&m->head, i < 4 ? UINT32_MAX : 100000u);
		turns_until(&b, &b.seen.detached, i + 1);
		assert_int_equal(core_link_counts(b.link)->refused, i + 1);
		dp_drop(&b.dp);
	}
	// The ring that we write to: noticed by the command, told by the detach.
	attach(&b);
	atomic_store(
		&((struct api_ring_mem *)(void *)(b.dp.link + b.dp.hello.command_off))->tail, 7);
	assert_int_equal(core_link_ping(b.link, on_done, &b.seen), -ENOTCONN);
	turns_until(&b, &b.seen.detached, 9);
	assert_int_equal(b.seen.done, 0);
	bench_close(&b);
}

static void questions_are_taken_and_their_answers_wait_for_the_worker(void **state)
{
	static const struct api_ask absurd[] = {
		{.kind = API_ASK_NONE, .name_len = 3},
		{.kind = API_ASK_COUNT, .name_len = 3},
		{.kind = API_ASK_HELO, .name_len = 0},
		{.kind = API_ASK_HELO, .name_len = API_DOMAIN_MAX + 1},
		{.kind = API_ASK_HELO, .name_len = 3, .otherwise = API_FIND_COUNT},
	};
	const struct api_ask ask = {.kind = API_ASK_SENDER, .name_len = 3, .name = "a.b"};
	const struct api_answer answer = {.session = 7, .kind = API_ASK_SENDER, .finding = 1};
	struct api_answer got;
	struct bench b;

	(void)state;
	bench_open(&b);
	attach(&b);
	for (unsigned i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++)
		assert_int_equal(api_ring_put(&b.dp.ask[1], &absurd[i]), 0);
	assert_int_equal(api_ring_put(&b.dp.ask[1], &ask), 0);
	turns_until(&b, &b.seen.asks, 1);
	assert_int_equal(core_link_counts(b.link)->asks, 1);
	assert_int_equal(core_link_counts(b.link)->absurd, sizeof(absurd) / sizeof(absurd[0]));
	for (unsigned i = 0; i < API_RING_ANSWERS; i++)
		assert_int_equal(core_link_answer(b.link, 1, &answer), 0);
	assert_int_equal(core_link_answer(b.link, 1, &answer), -EAGAIN); // nobody takes them
	assert_int_equal(core_link_counts(b.link)->answers_lost, 1);
	assert_int_equal(core_link_answer(b.link, DP_WORKERS, &answer), -ENOTCONN);
	assert_int_equal(api_ring_take(&b.dp.answer[1], &got), 0);
	assert_int_equal(got.session, 7);
	assert_int_equal(core_link_answer(b.link, 1, &answer), 0);
	atomic_store(&((struct api_ring_mem *)(void *)(b.dp.link + b.dp.hello.answer_off[1]))->tail,
		99999);
	assert_int_equal(core_link_answer(b.link, 1, &answer), -ENOTCONN);
	turns_until(&b, &b.seen.detached, 1);
	assert_int_equal(core_link_answer(b.link, 1, &answer), -ENOTCONN);
	bench_close(&b);
}

static void messages_that_make_no_sense_are_dropped_and_counted(void **state)
{
	static const struct api_outcome outcomes[] = {
		{.kind = API_OUT_NONE, .count = 1},
		{.kind = API_OUT_COUNT, .count = 1},
		{.kind = UINT32_MAX, .count = 1},
		{.kind = API_OUT_ACCEPTED, .count = 0},
	};
	static const struct api_record records[] = {
		{.kind = API_REC_NONE},
		{.kind = API_REC_COUNT},
		{.kind = 0xffff},
		{.kind = API_REC_SESSION, .worker = 1},
		{.kind = API_REC_SESSION, .session_end = {.lane = API_LANE_COUNT}},
		{.kind = API_REC_SESSION, .session_end = {.reason = DP_NAMES}},
		{.kind = API_REC_SESSION, .session_end = {.tls = 2}},
		{.kind = API_REC_SESSION, .session_end = {.auth = 2}},
		{.kind = API_REC_MESSAGE, .message = {.verdict = API_VERDICT_COUNT}},
		{.kind = API_REC_MESSAGE, .message = {.bdat = 2}},
		{.kind = API_REC_MESSAGE, .message = {.has_subject = 2}},
		{.kind = API_REC_MESSAGE, .message = {.subject_len = API_SUBJECT_MAX + 1}},
		{.kind = API_REC_REFUSAL, .refusal = {.reason = 0xfffe}},
		{.kind = API_REC_SHADOW, .shadow = {.stage = API_STAGE_COUNT}},
		{.kind = API_REC_SHADOW, .shadow = {.live = {.does = API_DOES_COUNT}}},
		{.kind = API_REC_SHADOW, .shadow = {.shadow = {.reason = DP_NAMES}}},
	};
	static const struct api_event events[] = {
		{.kind = API_EVT_NONE},
		{.kind = API_EVT_COUNT},
		{.kind = UINT32_MAX},
		{.kind = API_EVT_ACK, .status = 1},
		{.kind = API_EVT_ACK, .status = INT32_MIN},
		{.kind = API_EVT_FLOWS_END, .status = 5},
		{.kind = API_EVT_FLOW, .flow = {.lane = API_LANE_COUNT}},
		{.kind = API_EVT_FLOW, .flow = {.state = API_FLOW_STATE_COUNT}},
		{.kind = API_EVT_FLOW, .flow = {.worker = DP_WORKERS}},
	};
	struct api_outcome good_outcome = {.kind = API_OUT_CONDEMNED, .count = 2};
	struct api_record good_record = {.kind = API_REC_MESSAGE, .worker = 1};
	struct bench b;
	unsigned n = 0;

	(void)state;
	memset(good_record.message.helo, 'h', sizeof(good_record.message.helo));
	memset(good_record.message.to, 't', sizeof(good_record.message.to));
	bench_open(&b);
	attach(&b);
	for (unsigned i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++, n++)
		assert_int_equal(api_ring_put(&b.dp.outcome[0], &outcomes[i]), 0);
	for (unsigned i = 0; i < sizeof(records) / sizeof(records[0]); i++, n++)
		assert_int_equal(api_ring_put(&b.dp.record[0], &records[i]), 0);
	for (unsigned i = 0; i < sizeof(events) / sizeof(events[0]); i++, n++)
		assert_int_equal(api_ring_put(&b.dp.event, &events[i]), 0);
	assert_int_equal(api_ring_put(&b.dp.outcome[1], &good_outcome), 0);
	assert_int_equal(api_ring_put(&b.dp.record[1], &good_record), 0);
	turns_until(&b, &b.seen.records, 1);
	turns_until(&b, &b.seen.outcomes, 1);
	assert_int_equal(core_link_counts(b.link)->absurd, n);
	assert_true(core_link_is_attached(b.link));
	// Texts without an end get one.
	assert_int_equal(strlen(b.seen.record.message.helo), API_HELO_MAX - 1);
	assert_int_equal(strlen(b.seen.record.message.to), API_PATH_MAX - 1);
	bench_close(&b);
}

static void more_flow_rows_than_asked_for_are_not_delivered(void **state)
{
	struct api_event row = {.kind = API_EVT_FLOW}, end = {.kind = API_EVT_FLOWS_END};
	struct api_command c;
	struct bench b;

	(void)state;
	bench_open(&b);
	attach(&b);
	assert_int_equal(core_link_flows_ask(b.link, 3, on_row, on_done, &b.seen), 0);
	assert_int_equal(api_ring_take(&b.dp.command, &c), 0);
	assert_int_equal(c.kind, API_CMD_FLOWS);
	assert_int_equal(c.flows.max, 3);
	row.seq = end.seq = c.seq;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(api_ring_put(&b.dp.event, &row), 0);
	assert_int_equal(api_ring_put(&b.dp.event, &end), 0);
	turns_until(&b, &b.seen.done, 1);
	assert_int_equal(b.seen.rows, 3);
	assert_int_equal(b.seen.status, 0);
	assert_int_equal(core_link_counts(b.link)->absurd, 7);
	bench_close(&b);
}

static void a_question_without_an_answer_times_out_and_a_late_answer_is_harmless(void **state)
{
	struct api_event e = {.kind = API_EVT_ACK};
	struct api_command c;
	struct bench b;

	(void)state;
	bench_open(&b);
	attach(&b);
	assert_int_equal(core_link_ping(b.link, on_done, &b.seen), 0);
	turns_until(&b, &b.seen.done, 1);
	assert_int_equal(b.seen.status, -ETIMEDOUT);
	assert_true(core_link_is_attached(b.link));
	assert_int_equal(api_ring_take(&b.dp.command, &c), 0);
	e.seq = c.seq;
	assert_int_equal(api_ring_put(&b.dp.event, &e), 0);
	for (unsigned i = 0; i < 5; i++)
		turn(&b);
	assert_int_equal(b.seen.done, 1);
	assert_int_equal(core_link_counts(b.link)->absurd, 0);
	bench_close(&b);
}

static void an_image_without_an_answer_ends_the_attachment(void **state)
{
	static const char image[64] = "image";
	struct bench b;

	(void)state;
	bench_open(&b);
	attach(&b);
	assert_int_equal(
		core_link_image_push(b.link, image, sizeof(image), 1, on_done, &b.seen), 0);
	turns_until(&b, &b.seen.detached, 1);
	assert_int_equal(b.seen.done, 1);
	assert_int_equal(b.seen.status, -ETIMEDOUT);
	bench_close(&b);
}

static void an_image_lies_in_the_slot_that_its_command_names(void **state)
{
	static const char image[64] = "image";
	struct api_event e = {.kind = API_EVT_ACK};
	struct api_command c;
	struct bench b;
	char bell[4];

	(void)state;
	bench_open(&b);
	attach(&b);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(
			core_link_image_push(b.link, image, sizeof(image), i, on_done, &b.seen), 0);
		assert_int_equal(recv(b.dp.peer, bell, sizeof(bell), 0), 1);
		assert_int_equal(api_ring_take(&b.dp.command, &c), 0);
		assert_int_equal(c.kind, API_CMD_IMAGE);
		assert_true(c.image.slot < API_SLOTS);
		assert_int_equal(c.image.bytes, sizeof(image));
		assert_int_equal(c.image.version, i);
		assert_memory_equal(
			b.dp.link + b.dp.hello.slot_off[c.image.slot], image, sizeof(image));
		e.seq = c.seq;
		assert_int_equal(api_ring_put(&b.dp.event, &e), 0);
		turns_until(&b, &b.seen.done, i + 1);
	}
	bench_close(&b);
}

static void a_datagram_that_is_no_bell_ends_the_attachment(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b);
	attach(&b);
	assert_int_equal(send(b.dp.peer, "no bell", 7, MSG_NOSIGNAL), 7);
	turns_until(&b, &b.seen.detached, 1);
	assert_int_equal(core_link_counts(b.link)->refused, 1);
	bench_close(&b);
}

static void an_answer_may_ask_again_and_is_answered_when_the_data_plane_goes(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b);
	attach(&b);
	b.seen.ping_again = b.link;
	assert_int_equal(core_link_ping(b.link, on_done, &b.seen), 0);
	(void)shutdown(b.dp.peer, SHUT_RDWR);
	turns_until(&b, &b.seen.detached, 1);
	assert_int_equal(b.seen.done, 1);
	assert_int_equal(b.seen.status, -ENOTCONN);
	bench_close(&b);
}

static void a_flood_of_records_leaves_timers_their_turn(void **state)
{
	const struct api_record r = {.kind = API_REC_MESSAGE};
	struct bench b;

	(void)state;
	bench_open(&b);
	attach(&b);
	while (api_ring_put(&b.dp.record[0], &r) == 0)
		;
	turn(&b);
	assert_true(b.seen.records <= 1024); // a turn of the loop does not empty 4096
	turns_until(&b, &b.seen.records, API_RING_RECORDS);
	bench_close(&b);
}

static void after_100_data_planes_descriptors_and_mappings_are_as_before(void **state)
{
	unsigned fds = 0, maps = 0;
	struct bench b;

	(void)state;
	bench_open(&b);
	for (unsigned i = 0; i < CYCLES; i++) {
		attach(&b);
		if (i == 0) {
			fds = count_fds();
			maps = count_maps();
		}
		assert_int_equal(count_fds(), fds);
		assert_int_equal(count_maps(), maps);
		dp_drop(&b.dp);
		turns_until(&b, &b.seen.detached, i + 1);
	}
	bench_close(&b);
}

static void count_rings(void *arg)
{
	++*(unsigned *)arg;
}

static void count_signal(int signo, void *arg)
{
	assert_int_equal(signo, SIGUSR1);
	++*(unsigned *)arg;
}

static void timers_and_signals_come_on_the_loop(void **state)
{
	struct core_loop *l = core_loop_new();
	unsigned once = 0, freed = 0, signals = 0;
	struct core_timer *a = core_timer_new(l, count_rings, &once);
	struct core_timer *b = core_timer_new(l, count_rings, &freed);
	struct core_signal *s = core_signal_new(l, SIGUSR1, count_signal, &signals);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(s);
	assert_int_equal(core_timer_once(a, 0), 0);
	assert_int_equal(core_timer_once(b, 1), 0);
	core_timer_free(b);
	assert_int_equal(raise(SIGUSR1), 0);
	for (unsigned i = 0; i < TURNS_MAX && (once == 0 || signals == 0); i++)
		assert_int_equal(core_loop_turn(l, 5), 0);
	assert_int_equal(once, 1);
	assert_int_equal(signals, 1);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(core_loop_turn(l, 2), 0);
	assert_int_equal(once, 1);
	assert_int_equal(freed, 0);
	assert_int_equal(core_timer_once(a, 0), 0); // and again
	for (unsigned i = 0; i < TURNS_MAX && once == 1; i++)
		assert_int_equal(core_loop_turn(l, 5), 0);
	assert_int_equal(once, 2);
	core_signal_free(s);
	core_timer_free(a);
	core_loop_free(l);
}

static void quiet(enum log_level, const char *, void *)
{
	// Refusals are expected here.
}

static void number_set(struct dp *d, unsigned worker, unsigned i, uint64_t v)
{
	*(uint64_t *)(void *)(d->stats + d->head->workers_off + worker * d->head->worker_stride +
		i * sizeof(v)) = v;
}

static void workers_are_added_up_and_of_a_peak_the_highest_counts(void **)
{
	struct bench b;

	bench_open(&b);
	accept_wait(&b);
	dp_make(&b.dp);
	((struct api_stat_name *)(void *)(b.dp.stats + b.dp.head->names_off))[1].kind =
		API_STAT_PEAK;
	for (unsigned i = 0; i < 2; i++) {
		number_set(&b.dp, 0, i, 30);
		number_set(&b.dp, 1, i, 12);
	}
	dp_seal(&b.dp, SEALS, SEALS);
	dp_send(&b.dp, sizeof(b.dp.hello), 2);
	turns_until(&b, &b.seen.attached, 1);
	const struct core_stats *stats = core_link_stats(b.link);
	assert_int_equal(core_stats_sum(stats, 0), 42);
	assert_int_equal(core_stats_sum(stats, 1), 30);
	assert_int_equal(core_stats_sum(stats, DP_NAMES), 0);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hello_that_leads_outside_is_refused_and_leaves_nothing),
		cmocka_unit_test(memory_that_may_change_its_size_is_refused),
		cmocka_unit_test(
			a_first_datagram_that_is_no_hello_is_refused_and_its_descriptors_closed),
		cmocka_unit_test(workers_are_added_up_and_of_a_peak_the_highest_counts),
		cmocka_unit_test(a_ring_that_makes_no_sense_ends_the_attachment),
		cmocka_unit_test(questions_are_taken_and_their_answers_wait_for_the_worker),
		cmocka_unit_test(messages_that_make_no_sense_are_dropped_and_counted),
		cmocka_unit_test(more_flow_rows_than_asked_for_are_not_delivered),
		cmocka_unit_test(
			a_question_without_an_answer_times_out_and_a_late_answer_is_harmless),
		cmocka_unit_test(an_image_without_an_answer_ends_the_attachment),
		cmocka_unit_test(an_image_lies_in_the_slot_that_its_command_names),
		cmocka_unit_test(a_datagram_that_is_no_bell_ends_the_attachment),
		cmocka_unit_test(an_answer_may_ask_again_and_is_answered_when_the_data_plane_goes),
		cmocka_unit_test(a_flood_of_records_leaves_timers_their_turn),
		cmocka_unit_test(after_100_data_planes_descriptors_and_mappings_are_as_before),
		cmocka_unit_test(timers_and_signals_come_on_the_loop),
	};

	log_sink_set(quiet, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
