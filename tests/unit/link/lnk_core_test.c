// SPDX-License-Identifier: BSD-3-Clause
// Both real ends together: the data plane's over a double of the engine, the control plane's on its
// loop, in one thread, turn by turn.
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core_link.h"
#include "lnk_peer.h"
#include "log.h"
#include "pol_image.h"

enum { SLOT = 65536, CYCLES = 100, TURNS_MAX = 3000 };

struct seen {
	unsigned attached, detached, outcomes, records, rows, done;
	int status;
	char text[API_TEXT_MAX];
	struct api_record record;
};

struct pair {
	struct bench b;
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

static void on_outcome(void *arg, const struct api_outcome *o)
{
	((struct seen *)arg)->outcomes += o->count;
}

static void on_record(void *arg, const struct api_record *r)
{
	((struct seen *)arg)->records++;
	((struct seen *)arg)->record = *r;
}

static void on_row(void *arg, const struct api_flow *)
{
	((struct seen *)arg)->rows++;
}

static void on_done(void *arg, int status, const char *text)
{
	struct seen *s = arg;

	s->done++;
	s->status = status;
	(void)snprintf(s->text, sizeof(s->text), "%s", text);
}

static struct core_link *link_open(struct pair *p)
{
	const struct core_link_conf conf = {.path = p->b.path,
		.arg = &p->seen,
		.ops = {on_attached, on_detached, on_outcome, on_record},
		.retry_ms = 1,
		.drain_ms = 1};

	return core_link_new(p->loop, &conf);
}

static void turn(struct pair *p)
{
	(void)bench_poll(&p->b);
	assert_int_equal(core_loop_turn(p->loop, 1), 0);
}

// Turns until `*count` is at least `want`.
static void turns_until(struct pair *p, const unsigned *count, unsigned want)
{
	for (unsigned i = 0; i < TURNS_MAX && *count < want; i++)
		turn(p);
	assert_true(*count >= want);
}

static void pair_open(struct pair *p)
{
	*p = (struct pair){0};
	bench_open(&p->b, SLOT);
	p->loop = core_loop_new();
	assert_non_null(p->loop);
	p->link = link_open(p);
	assert_non_null(p->link);
	turns_until(p, &p->seen.attached, 1);
}

static void pair_close(struct pair *p)
{
	core_link_free(p->link);
	core_loop_free(p->loop);
	bench_close(&p->b);
}

static void they_attach_and_the_statistics_can_be_read(void **state)
{
	const struct core_stats *s;
	struct api_port_stats port;
	struct api_stats head;
	struct pair p;

	(void)state;
	pair_open(&p);
	assert_true(core_link_is_attached(p.link));
	s = core_link_stats(p.link);
	assert_int_equal(core_stats_names(s), eng_stat_count);
	assert_string_equal(core_stats_name(s, 3)->name, "cut_spam");
	assert_int_equal(core_stats_find(s, "cut_spam"), 3);
	assert_int_equal(core_stats_find(s, "no_such"), eng_stat_count);
	assert_null(core_stats_name(s, eng_stat_count));
	for (unsigned w = 0; w < DOUBLE_WORKERS; w++) {
		p.b.eng.counters[w][3] = 10 + w;
		p.b.eng.hits[w][5] = 1;
	}
	assert_int_equal(core_stats_sum(s, 3), 33);
	assert_int_equal(core_stats_value(s, 2, 3), 12);
	assert_int_equal(core_stats_value(s, DOUBLE_WORKERS, 3), 0);
	assert_int_equal(core_stats_sum(s, UINT32_MAX), 0);
	assert_int_equal(core_stats_policy_hits(s, 5), DOUBLE_WORKERS);
	assert_int_equal(core_stats_policy_hits(s, UINT32_MAX), 0);
	assert_int_equal(core_stats_port(s, 1, &port), 0);
	assert_string_equal(port.name, "port1");
	assert_int_equal(core_stats_port(s, 2, &port), -ENOENT);
	core_stats_head(s, &head);
	assert_int_equal(head.link_attached, 1);
	assert_int_equal(head.heartbeat_us, p.b.now_us);
	pair_close(&p);
}

static void an_image_goes_over_and_its_answer_comes_back(void **state)
{
	struct pol_head head = {.version = 12};
	struct pair p;

	(void)state;
	pair_open(&p);
	assert_int_equal(
		core_link_image_push(p.link, &head, sizeof(head), 12, on_done, &p.seen), 0);
	assert_int_equal(
		core_link_image_push(p.link, &head, sizeof(head), 12, on_done, &p.seen), -EBUSY);
	turns_until(&p, &p.seen.done, 1);
	assert_int_equal(p.seen.status, 0);
	assert_int_equal(p.b.eng.version, 12);
	p.b.eng.refuse = "image: rule 7 is no pattern";
	head.version = 13;
	assert_int_equal(
		core_link_image_push(p.link, &head, sizeof(head), 13, on_done, &p.seen), 0);
	turns_until(&p, &p.seen.done, 2);
	assert_int_equal(p.seen.status, -EINVAL);
	assert_string_equal(p.seen.text, "image: rule 7 is no pattern");
	assert_int_equal(p.b.eng.version, 12);
	assert_int_equal(
		core_link_image_push(p.link, &head, SLOT + 1, 13, on_done, &p.seen), -EFBIG);
	pair_close(&p);
}

static void flows_and_a_ping_are_answered(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p);
	p.b.eng.rows[0] = 2500;
	p.b.eng.rows[1] = 1;
	assert_int_equal(core_link_flows_ask(p.link, 10000, on_row, on_done, &p.seen), 0);
	assert_int_equal(core_link_flows_ask(p.link, 1, on_row, on_done, &p.seen), -EBUSY);
	turns_until(&p, &p.seen.done, 1);
	assert_int_equal(p.seen.rows, 2501);
	assert_int_equal(p.seen.status, 0);
	assert_int_equal(core_link_ping(p.link, on_done, &p.seen), 0);
	turns_until(&p, &p.seen.done, 2);
	assert_int_equal(p.seen.status, 0);
	assert_int_equal(core_link_counts(p.link)->absurd, 0);
	pair_close(&p);
}

static void every_outcome_and_record_is_delivered_even_when_the_data_plane_goes(void **state)
{
	const struct eng_outcome o = {.kind = ENG_OUTCOME_CONDEMNED, .count = 1};
	const struct eng_record r = {.kind = ENG_REC_MESSAGE,
		.code = 550,
		.verdict = ENG_VERDICT_REJECTED,
		.from = span_str("a@b"),
		.who = {.session = 9}};
	struct pair p;

	(void)state;
	pair_open(&p);
	for (unsigned w = 0; w < DOUBLE_WORKERS; w++) {
		const struct eng_sink *sink = p.b.eng.sink[w];

		for (unsigned i = 0; i < API_RING_OUTCOMES; i++)
			assert_int_equal(sink->outcome(sink->arg, &o), 0);
		for (unsigned i = 0; i < API_RING_RECORDS; i++)
			assert_int_equal(sink->record(sink->arg, &r), 0);
	}
	lnk_free(p.b.lnk); // its mappings and socket go, ours stay
	for (unsigned i = 0; i < TURNS_MAX && p.seen.detached == 0; i++)
		assert_int_equal(core_loop_turn(p.loop, 1), 0);
	assert_int_equal(p.seen.outcomes, DOUBLE_WORKERS * API_RING_OUTCOMES);
	assert_int_equal(p.seen.records, DOUBLE_WORKERS * API_RING_RECORDS);
	assert_int_equal(p.seen.record.message.code, 550);
	assert_string_equal(p.seen.record.message.from, "a@b");
	assert_null(core_link_stats(p.link));
	assert_int_equal(core_link_ping(p.link, on_done, &p.seen), -ENOTCONN);
	p.b.lnk = NULL;
	pair_close(&p);
}

static void a_command_in_flight_is_answered_when_the_data_plane_goes(void **state)
{
	const struct pol_head head = {.version = 1};
	struct pair p;

	(void)state;
	pair_open(&p);
	assert_int_equal(core_link_image_push(p.link, &head, sizeof(head), 1, on_done, &p.seen), 0);
	assert_int_equal(core_link_ping(p.link, on_done, &p.seen), 0);
	lnk_free(p.b.lnk); // before it looked
	for (unsigned i = 0; i < TURNS_MAX && p.seen.detached == 0; i++)
		assert_int_equal(core_loop_turn(p.loop, 1), 0);
	assert_int_equal(p.seen.done, 2);
	assert_int_equal(p.seen.status, -ENOTCONN);
	p.b.lnk = NULL;
	pair_close(&p);
}

static void after_100_attachments_descriptors_and_mappings_are_as_before(void **state)
{
	unsigned fds, maps;
	struct pair p;

	(void)state;
	pair_open(&p);
	fds = count_fds();
	maps = count_maps();
	for (unsigned i = 0; i < CYCLES; i++) {
		core_link_free(p.link);
		for (unsigned t = 0; t < 3; t++)
			(void)bench_poll(&p.b);
		assert_false(lnk_is_attached(p.b.lnk));
		p.link = link_open(&p);
		turns_until(&p, &p.seen.attached, i + 2);
		assert_int_equal(count_fds(), fds);
		assert_int_equal(count_maps(), maps);
	}
	pair_close(&p);
}

static void a_second_control_plane_waits_and_takes_over_when_the_first_goes(void **state)
{
	struct pair p, q;

	(void)state;
	pair_open(&p);
	q = (struct pair){.loop = p.loop, .b = p.b};
	q.link = link_open(&q);
	assert_non_null(q.link);
	for (unsigned i = 0; i < 20; i++)
		turn(&p);
	assert_int_equal(q.seen.attached, 0);
	assert_string_equal(core_link_why(q.link), "the data plane refuses us");
	assert_true(core_link_is_attached(p.link));
	core_link_free(p.link);
	p.link = NULL;
	for (unsigned i = 0; i < TURNS_MAX && q.seen.attached == 0; i++)
		turn(&p);
	assert_int_equal(q.seen.attached, 1);
	core_link_free(q.link);
	pair_close(&p);
}

static void bindings_and_facts_come_into_force_at_the_data_planes_next_turn(void **)
{
	const struct api_binding m = {.kind = API_BIND_SET,
		.addr = {.b = {[0] = 0xfd, [15] = 1}},
		.len = 128,
		.context = 3,
		.port_last = UINT16_MAX,
		.endpoint = 42};
	const struct api_fact f = {
		.kind = API_FACT_ENDPOINT, .endpoint = 42, .flags = API_FACT_LISTED};
	struct pair p;

	pair_open(&p);
	assert_int_equal(core_link_hello(p.link)->bindings, DOUBLE_BINDINGS);
	struct pollfd manager = {.fd = lnk_fd(p.b.lnk), .events = POLLIN};
	assert_int_equal(poll(&manager, 1, 0), 0);
	assert_int_equal(core_link_binding_put(p.link, &m), 0);
	assert_int_equal(poll(&manager, 1, 0), 1); // and wakes it
	assert_int_equal(core_link_fact_put(p.link, &f), 0);
	(void)bench_poll(&p.b);
	assert_int_equal(p.b.eng.clients.binding.endpoint, 42);
	assert_int_equal(p.b.eng.clients.endpoint.key, 42);
	assert_int_equal(p.b.eng.clients.endpoint.flags, TBL_LISTED);
	pair_close(&p);
}

static void quiet(enum log_level, const char *, void *)
{
	// Attachments and refusals are expected here.
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_attach_and_the_statistics_can_be_read),
		cmocka_unit_test(an_image_goes_over_and_its_answer_comes_back),
		cmocka_unit_test(flows_and_a_ping_are_answered),
		cmocka_unit_test(
			every_outcome_and_record_is_delivered_even_when_the_data_plane_goes),
		cmocka_unit_test(a_command_in_flight_is_answered_when_the_data_plane_goes),
		cmocka_unit_test(after_100_attachments_descriptors_and_mappings_are_as_before),
		cmocka_unit_test(
			bindings_and_facts_come_into_force_at_the_data_planes_next_turn),
		cmocka_unit_test(a_second_control_plane_waits_and_takes_over_when_the_first_goes),
	};

	log_sink_set(quiet, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
