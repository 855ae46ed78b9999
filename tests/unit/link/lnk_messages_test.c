// SPDX-License-Identifier: BSD-3-Clause
// What crosses the link when both sides behave: hello, statistics, images, flow rows, records.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lnk_peer.h"
#include "pol_image.h"

enum { SLOT = 65536 };

static void a_control_plane_is_handed_memory_of_fixed_size(void **state)
{
	struct bench b;
	struct peer p;
	struct stat st;

	(void)state;
	bench_open(&b, SLOT);
	assert_int_equal(stat(b.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	b.eng.version = 17;
	peer_attach(&b, &p);
	assert_true(p.hello.magic == API_LINK_MAGIC);
	assert_int_equal(p.hello.version, API_LINK_VERSION);
	assert_int_equal(p.hello.workers, DOUBLE_WORKERS);
	assert_int_equal(p.hello.epoch, 1);
	assert_int_equal(p.hello.image_version, 17);
	assert_int_equal(p.hello.slot_bytes, SLOT);
	assert_int_equal(p.hello.pid, getpid());
	assert_int_equal(ftruncate(p.link_fd, 0), -1);
	assert_int_equal(ftruncate(p.link_fd, 1 << 30), -1);
	assert_int_equal(ftruncate(p.stats_fd, 0), -1);
	peer_close(&p);
	bench_close(&b);
}

static void statistics_can_be_read_and_not_written(void **state)
{
	const struct api_stat_name *names;
	const struct api_port_stats *ports;
	const struct api_stats *s;
	struct bench b;
	struct peer p;

	(void)state;
	bench_open(&b, SLOT);
	peer_attach(&b, &p);
	assert_true(
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, p.stats_fd, 0) == MAP_FAILED);
	assert_int_equal(write(p.stats_fd, "x", 1), -1);
	s = bench_stats(&p);
	assert_int_equal(mprotect((void *)(uintptr_t)s, 4096, PROT_READ | PROT_WRITE), -1);
	assert_true(s->magic == API_STATS_MAGIC);
	assert_int_equal(s->names, eng_stat_count);
	assert_int_equal(s->link_attached, 1);
	names = (const void *)((const uint8_t *)s + s->names_off);
	for (unsigned i = 0; i < eng_stat_count; i++) {
		assert_string_equal(names[i].name, eng_stat_names[i].name);
		assert_string_equal(names[i].help, eng_stat_names[i].help);
		assert_string_equal(names[i].unit, eng_stat_names[i].unit);
		assert_int_equal(names[i].kind, eng_stat_names[i].kind);
	}
	for (unsigned w = 0; w < DOUBLE_WORKERS; w++) {
		const uint64_t *v =
			(const void *)((const uint8_t *)s + s->workers_off + w * s->worker_stride);

		b.eng.counters[w][1] = 100 + w;
		assert_int_equal(v[1], 100 + w);
		assert_int_equal((uintptr_t)v % 64, 0);
	}
	ports = (const void *)((const uint8_t *)s + s->ports_off);
	assert_string_equal(ports[1].name, "port1");
	assert_int_equal(ports[1].mtu, 1500);
	assert_int_equal(s->heartbeat_us, b.now_us);
	(void)bench_poll(&b);
	assert_int_equal(s->heartbeat_us, b.now_us);
	stats_unmap(s);
	peer_close(&p);
	bench_close(&b);
}

// Writes an image's head into a slot and asks for it.
static void image_send(struct peer *p, uint32_t slot, uint64_t version, uint64_t said, uint32_t seq)
{
	struct pol_head head = {.magic = POL_MAGIC, .version = version};
	struct api_command c = {.kind = API_CMD_IMAGE, .seq = seq};

	memcpy(p->mem + p->hello.slot_off[slot], &head, sizeof(head));
	c.image.slot = slot;
	c.image.bytes = sizeof(head);
	c.image.version = said;
	peer_send(p, &c);
}

static void an_image_is_put_in_force_and_acknowledged(void **state)
{
	const struct api_stats *s;
	struct api_event e;
	struct bench b;
	struct peer p;

	(void)state;
	bench_open(&b, SLOT);
	peer_attach(&b, &p);
	s = bench_stats(&p);
	for (uint32_t i = 1; i <= 5; i++) {
		image_send(&p, i % API_SLOTS, 40 + i, 40 + i, i);
		assert_int_equal(peer_event(&b, &p, &e), 0);
		assert_int_equal(e.kind, API_EVT_ACK);
		assert_int_equal(e.seq, i);
		assert_int_equal(e.status, 0);
		assert_string_equal(e.text, "");
		assert_int_equal(b.eng.version, 40 + i);
		assert_int_equal(s->image_version, 40 + i);
		assert_int_equal(s->image_swaps, i);
	}
	assert_false(peer_is_closed(&p));
	stats_unmap(s);
	peer_close(&p);
	bench_close(&b);
}

static void a_refused_image_is_answered_with_the_reason_and_the_old_one_stays(void **state)
{
	static const struct {
		const char *refuse;
		uint64_t version, said;
		unsigned retired;
		int status;
		const char *text;
	} cases[] = {
		{"image: checksum is wrong", 2, 2, 0, -EINVAL, "image: checksum is wrong"},
		{NULL, 2, 3, 0, -EINVAL, "image: it is version 2, the command says 3"},
		{NULL, 2, 2, 64, -EBUSY, "too many earlier images are still in use"},
	};
	const struct api_stats *s;
	struct api_event e;
	struct bench b;
	struct peer p;

	(void)state;
	bench_open(&b, SLOT);
	peer_attach(&b, &p);
	s = bench_stats(&p);
	b.eng.version = 1;
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		b.eng.refuse = cases[i].refuse;
		b.eng.retired = cases[i].retired;
		image_send(&p, 0, cases[i].version, cases[i].said, 7 + i);
		assert_int_equal(peer_event(&b, &p, &e), 0);
		assert_int_equal(e.kind, API_EVT_ACK);
		assert_int_equal(e.seq, 7 + i);
		assert_int_equal(e.status, cases[i].status);
		assert_string_equal(e.text, cases[i].text);
		assert_int_equal(b.eng.version, 1);
		assert_int_equal(b.eng.swaps, 0);
	}
	assert_int_equal(s->image_refused, 2);
	assert_int_equal(s->link_refused, 0);
	assert_true(lnk_is_attached(b.lnk));
	stats_unmap(s);
	peer_close(&p);
	bench_close(&b);
}

// The sink of worker 1 once a control plane is attached.
static const struct eng_sink *sink_of(struct bench *b, struct peer *p)
{
	bench_open(b, SLOT);
	assert_null(b->eng.sink[1]);
	peer_attach(b, p);
	assert_non_null(b->eng.sink[1]);
	assert_int_equal(b->eng.sink[1]->fill(b->eng.sink[1]->arg), 0);
	return b->eng.sink[1];
}

// What comes out of the ring of what the worker gave.
static struct api_record arrives(
	const struct eng_sink *sink, struct peer *p, const struct eng_record *r)
{
	struct api_record ar;

	assert_int_equal(sink->record(sink->arg, r), 0);
	assert_int_equal(api_ring_take(&p->record[1], &ar), 0);
	assert_int_equal(ar.worker, 1);
	assert_true(ar.at_us > INT64_C(1600000000) * 1000000);
	return ar;
}

static void an_outcome_arrives_as_the_worker_gave_it(void **)
{
	struct eng_outcome o = {.kind = ENG_OUTCOME_CONDEMNED,
		.count = 3,
		.context = 4,
		.session_profile = 5,
		.image_version = 6,
		.client = {.b = {1, 2, 3}}};
	struct api_outcome ao;
	struct bench b;
	struct peer p;
	const struct eng_sink *sink = sink_of(&b, &p);

	assert_int_equal(sink->outcome(sink->arg, &o), 0);
	assert_int_equal(api_ring_take(&p.outcome[1], &ao), 0);
	assert_int_equal(ao.kind, API_OUT_CONDEMNED);
	assert_int_equal(ao.count, 3);
	assert_int_equal(ao.context, 4);
	assert_int_equal(ao.session_profile, 5);
	assert_int_equal(ao.image_version, 6);
	assert_memory_equal(&ao.client, &o.client, sizeof(ao.client));
	peer_close(&p);
	bench_close(&b);
}

static void a_message_arrives_with_what_is_too_long_cut(void **)
{
	static const char longish[300] = {[0 ... 298] = 'x'};
	const struct eng_record r = {.kind = ENG_REC_MESSAGE,
		.who = {.client_port = 1025},
		.id = 77,
		.octets = 4096,
		.score = -2,
		.threshold = 5,
		.rules = {8, 9},
		.rules_total = 2,
		.code = 550,
		.verdict = ENG_VERDICT_REJECTED,
		.bdat = true,
		.helo = {.p = (const uint8_t *)longish, .n = 299},
		.from = span_str("a@example.net"),
		.to = {0},
		.subject = {.p = (const uint8_t *)longish, .n = 299}};
	struct bench b;
	struct peer p;
	const struct api_record ar = arrives(sink_of(&b, &p), &p, &r);

	assert_int_equal(ar.kind, API_REC_MESSAGE);
	assert_int_equal(ar.client_port, 1025);
	assert_int_equal(ar.message.id, 77);
	assert_int_equal(ar.message.score, -2);
	assert_int_equal(ar.message.rules[1], 9);
	assert_int_equal(ar.message.verdict, API_VERDICT_REJECTED);
	assert_int_equal(ar.message.bdat, 1);
	assert_int_equal(strnlen(ar.message.helo, API_HELO_MAX), API_HELO_MAX - 1);
	assert_string_equal(ar.message.from, "a@example.net");
	assert_string_equal(ar.message.to, "");
	assert_int_equal(ar.message.has_subject, 1);
	assert_int_equal(ar.message.subject_len, API_SUBJECT_MAX);
	assert_memory_equal(ar.message.subject, longish, API_SUBJECT_MAX);
	peer_close(&p);
	bench_close(&b);
}

static void the_end_of_a_session_and_a_refusal_arrive(void **)
{
	const struct eng_record session = {.kind = ENG_REC_SESSION,
					.lane = ENG_LANE_ANSWER,
					.tls = true,
					.reason = ENG_REASON_NONE},
				refusal = {.kind = ENG_REC_REFUSAL, .code = 550};
	struct bench b;
	struct peer p;
	const struct eng_sink *sink = sink_of(&b, &p);
	struct api_record ar = arrives(sink, &p, &session);

	assert_int_equal(ar.kind, API_REC_SESSION);
	assert_int_equal(ar.session_end.lane, API_LANE_ANSWER);
	assert_int_equal(ar.session_end.tls, 1);
	assert_int_equal(ar.session_end.reason, 0xffff);
	ar = arrives(sink, &p, &refusal);
	assert_int_equal(ar.kind, API_REC_REFUSAL);
	assert_int_equal(ar.refusal.code, 550);
	peer_close(&p);
	bench_close(&b);
}

static void what_a_candidate_would_have_done_arrives(void **)
{
	const struct eng_parted parted = {.stage = ENG_STAGE_CONNECTIONS,
		.candidate = 99,
		.policy = 4,
		.live = {.does = ENG_DOES_GO, .reason = ENG_REASON_NONE},
		.shadow = {.does = ENG_DOES_CUT, .code = 421, .reason = 7, .limit = 1, .value = 2}};
	const struct eng_record r = {.kind = ENG_REC_SHADOW, .parted = &parted};
	struct bench b;
	struct peer p;
	const struct api_record ar = arrives(sink_of(&b, &p), &p, &r);

	assert_int_equal(ar.kind, API_REC_SHADOW);
	assert_int_equal(ar.shadow.candidate, 99);
	assert_int_equal(ar.shadow.policy, 4);
	assert_int_equal(ar.shadow.stage, API_STAGE_CONNECTIONS);
	assert_int_equal(ar.shadow.live.reason, 0xffff);
	assert_int_equal(ar.shadow.shadow.does, API_DOES_CUT);
	assert_int_equal(ar.shadow.shadow.code, 421);
	assert_int_equal(ar.shadow.shadow.value, 2);
	peer_close(&p);
	bench_close(&b);
}

static void what_a_candidate_would_do_costs_no_line_about_what_was_done(void **state)
{
	const struct eng_parted parted = {.candidate = 99};
	struct eng_record shadow = {.kind = ENG_REC_SHADOW, .parted = &parted},
			  refusal = {.kind = ENG_REC_REFUSAL};
	const struct eng_sink *sink;
	unsigned n = 0;
	struct bench b;
	struct peer p;

	(void)state;
	bench_open(&b, SLOT);
	peer_attach(&b, &p);
	sink = b.eng.sink[1];
	while (sink->record(sink->arg, &shadow) == 0)
		n++;
	assert_int_equal(n, API_RING_RECORDS / 2);
	for (n = 0; sink->record(sink->arg, &refusal) == 0;)
		n++;
	assert_int_equal(n, API_RING_RECORDS / 2);
	peer_close(&p);
	bench_close(&b);
}

static void candidate_send(struct peer *p, uint64_t bytes, uint64_t version, uint32_t seq)
{
	const struct api_command c = {.kind = API_CMD_SHADOW,
		.seq = seq,
		.image = {.slot = API_SLOT_SHADOW, .bytes = bytes, .version = version}};
	const struct pol_head head = {.version = version};

	memcpy(p->mem + p->hello.slot_off[API_SLOT_SHADOW], &head, sizeof(head));
	peer_send(p, &c);
}

static void is_answered(struct bench *b, struct peer *p, uint32_t seq, int status)
{
	struct api_event e;

	(void)bench_poll(b);
	assert_int_equal(api_ring_take(&p->event, &e), 0);
	assert_int_equal(e.kind, API_EVT_ACK);
	assert_int_equal(e.seq, seq);
	assert_int_equal(e.status, status);
}

static void a_candidate_comes_and_ends_with_a_command_an_image_or_the_attachment(void **state)
{
	struct bench b;
	struct peer p;

	(void)state;
	bench_open(&b, SLOT);
	peer_attach(&b, &p);
	candidate_send(&p, SLOT, 70, 1);
	is_answered(&b, &p, 1, 0);
	assert_int_equal(b.eng.candidate, 70);
	assert_int_equal(b.eng.swaps, 0);
	candidate_send(&p, 0, 0, 2);
	is_answered(&b, &p, 2, 0);
	assert_int_equal(b.eng.candidate, 0);
	candidate_send(&p, 0, 0, 3); // none runs: fine
	is_answered(&b, &p, 3, 0);
	b.eng.refuse = "no room";
	candidate_send(&p, SLOT, 71, 4);
	is_answered(&b, &p, 4, -EINVAL);
	assert_int_equal(b.eng.candidate, 0);
	b.eng.refuse = NULL;
	candidate_send(&p, SLOT, 72, 5);
	is_answered(&b, &p, 5, 0);
	image_send(&p, 0, 40, 40, 6);
	is_answered(&b, &p, 6, 0);
	assert_int_equal(b.eng.candidate, 0);
	candidate_send(&p, SLOT, 73, 7);
	is_answered(&b, &p, 7, 0);
	assert_int_equal(b.eng.candidate, 73);
	peer_close(&p);
	(void)bench_poll(&b);
	assert_int_equal(b.eng.candidate, 0);
	bench_close(&b);
}

static void questions_and_findings_cross_as_they_were_put(void **state)
{
	static const struct api_answer answers[] = {
		{.kind = API_ASK_NONE, .finding = API_FIND_EXISTS},
		{.kind = API_ASK_COUNT, .finding = API_FIND_EXISTS},
		{.kind = API_ASK_SENDER, .finding = API_FIND_NONE},
		{.kind = API_ASK_SENDER, .finding = API_FIND_COUNT},
		{.session = 11,
			.key = 12,
			.flow = 13,
			.ttl_ms = 14,
			.kind = API_ASK_SENDER,
			.finding = API_FIND_ABSENT},
	};
	char name[ENG_DOMAIN_MAX + 1] = "a.b";
	struct eng_question q = {.session = 1,
		.key = 2,
		.asker = 5,
		.flow = 3,
		.deadline_ms = 2000,
		.kind = ENG_ASK_RECIPIENT,
		.otherwise = ENG_FIND_UNKNOWN,
		.name = {.p = (const uint8_t *)name, .n = ENG_DOMAIN_MAX}};
	const struct eng_sink *sink;
	struct eng_finding f;
	struct api_ask got;
	struct bench b;
	struct peer p;

	(void)state;
	bench_open(&b, SLOT);
	peer_attach(&b, &p);
	sink = b.eng.sink[1];
	assert_int_equal(sink->finding(sink->arg, &f), -EAGAIN);
	assert_int_equal(sink->ask(sink->arg, &q), 0);
	assert_int_equal(api_ring_take(&p.ask[1], &got), 0);
	assert_int_equal(got.session, 1);
	assert_int_equal(got.key, 2);
	assert_int_equal(got.asker, 5);
	assert_int_equal(got.flow, 3);
	assert_int_equal(got.deadline_ms, 2000);
	assert_int_equal(got.kind, API_ASK_RECIPIENT);
	assert_int_equal(got.otherwise, API_FIND_UNKNOWN);
	assert_int_equal(got.name_len, API_DOMAIN_MAX);
	assert_memory_equal(got.name, name, API_DOMAIN_MAX);
	q.name.n++; // no domain is that long
	assert_int_equal(sink->ask(sink->arg, &q), -EINVAL);
	q.name.n = 0;
	assert_int_equal(sink->ask(sink->arg, &q), -EINVAL);
	q.name.n = 3;
	for (unsigned i = 0; i < API_RING_ASKS; i++)
		assert_int_equal(sink->ask(sink->arg, &q), 0);
	assert_int_equal(sink->ask(sink->arg, &q), -EAGAIN);
	for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		assert_int_equal(api_ring_put(&p.answer[1], &answers[i]), 0);
	assert_int_equal(sink->finding(sink->arg, &f), 0); // what makes no sense was passed over
	assert_int_equal(f.session, 11);
	assert_int_equal(f.key, 12);
	assert_int_equal(f.flow, 13);
	assert_int_equal(f.ttl_ms, 14);
	assert_int_equal(f.kind, ENG_ASK_SENDER);
	assert_int_equal(f.found, ENG_FIND_ABSENT);
	assert_int_equal(sink->finding(sink->arg, &f), -EAGAIN);
	peer_close(&p);
	bench_close(&b);
}

static void a_full_ring_tells_the_worker_and_fills_up_to_100(void **state)
{
	const struct eng_outcome o = {.kind = ENG_OUTCOME_ACCEPTED, .count = 1};
	const struct eng_sink *sink;
	struct bench b;
	struct peer p;

	(void)state;
	bench_open(&b, SLOT);
	peer_attach(&b, &p);
	sink = b.eng.sink[0];
	for (unsigned i = 0; i < API_RING_OUTCOMES; i++) {
		assert_int_equal(sink->fill(sink->arg), i * 100 / API_RING_OUTCOMES);
		assert_int_equal(sink->outcome(sink->arg, &o), 0);
	}
	assert_int_equal(sink->fill(sink->arg), 100);
	assert_int_equal(sink->outcome(sink->arg, &o), -EAGAIN);
	(void)bench_poll(&b);
	assert_true(lnk_is_attached(b.lnk)); // slow is no fault
	peer_close(&p);
	bench_close(&b);
}

static unsigned flows_take(struct bench *b, struct peer *p, uint32_t max, uint32_t seq)
{
	struct api_command c = {.kind = API_CMD_FLOWS, .seq = seq};
	struct api_event e;
	unsigned n = 0;

	c.flows.max = max;
	peer_send(p, &c);
	for (;;) {
		assert_int_equal(peer_event(b, p, &e), 0);
		assert_int_equal(e.seq, seq);
		if (e.kind == API_EVT_FLOWS_END)
			break;
		assert_int_equal(e.kind, API_EVT_FLOW);
		assert_int_equal(e.flow.client.b[14], e.flow.worker);
		assert_int_equal(e.flow.client_port, e.flow.session);
		assert_int_equal(e.flow.age_ms, 100 + e.flow.session);
		assert_int_equal(e.flow.state, API_FLOW_OPEN);
		n++;
	}
	assert_int_equal(e.status, 0);
	return n;
}

static void flow_rows_of_all_workers_come_up_to_the_number_asked_for(void **state)
{
	struct bench b;
	struct peer p;

	(void)state;
	bench_open(&b, SLOT);
	peer_attach(&b, &p);
	assert_int_equal(flows_take(&b, &p, 100, 1), 0);
	b.eng.rows[0] = 3000; // more than the ring holds
	b.eng.rows[2] = 5;
	assert_int_equal(flows_take(&b, &p, 100000, 2), 3005);
	assert_int_equal(flows_take(&b, &p, 3002, 3), 3002);
	assert_int_equal(flows_take(&b, &p, 1, 4), 1);
	assert_int_equal(flows_take(&b, &p, 0, 5), 0);
	assert_int_equal(flows_take(&b, &p, UINT32_MAX, 6), 3005);
	peer_close(&p);
	bench_close(&b);
}

static void a_second_list_of_flows_has_to_wait_for_the_first(void **state)
{
	struct api_command c = {.kind = API_CMD_FLOWS, .seq = 1};
	struct api_event e;
	struct bench b;
	struct peer p;

	(void)state;
	bench_open(&b, SLOT);
	peer_attach(&b, &p);
	b.eng.asleep[1] = true;
	c.flows.max = 10;
	peer_send(&p, &c);
	assert_int_equal(peer_event(&b, &p, &e), -EAGAIN);
	c.seq = 2;
	peer_send(&p, &c);
	assert_int_equal(peer_event(&b, &p, &e), 0);
	assert_int_equal(e.kind, API_EVT_ACK);
	assert_int_equal(e.seq, 2);
	assert_int_equal(e.status, -EBUSY);
	b.eng.asleep[1] = false;
	assert_int_equal(peer_event(&b, &p, &e), 0);
	assert_int_equal(e.kind, API_EVT_FLOWS_END);
	assert_int_equal(e.seq, 1);
	peer_close(&p);
	bench_close(&b);
}

static void rows_of_an_asker_that_went_do_not_reach_the_next_one(void **state)
{
	struct api_command c = {.kind = API_CMD_FLOWS, .seq = 1};
	struct bench b;
	struct peer p;

	(void)state;
	bench_open(&b, SLOT);
	peer_attach(&b, &p);
	b.eng.rows[1] = 2000;
	c.flows.max = 2000;
	peer_send(&p, &c);
	(void)bench_poll(&b);
	peer_close(&p);
	for (unsigned i = 0; i < 10; i++)
		(void)bench_poll(&b);
	assert_false(b.eng.asked[1]); // taken to the end
	peer_attach(&b, &p);
	assert_int_equal(flows_take(&b, &p, 7, 1), 7);
	peer_close(&p);
	bench_close(&b);
}

static void a_ping_is_answered_and_the_bell_rings(void **state)
{
	const struct api_command c = {.kind = API_CMD_PING, .seq = 99};
	struct api_event e;
	struct bench b;
	struct peer p;
	char bell[8];

	(void)state;
	bench_open(&b, SLOT);
	peer_attach(&b, &p);
	peer_send(&p, &c);
	assert_int_equal(peer_event(&b, &p, &e), 0);
	assert_int_equal(e.seq, 99);
	assert_int_equal(recv(p.fd, bell, sizeof(bell), 0), 1);
	peer_close(&p);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_control_plane_is_handed_memory_of_fixed_size),
		cmocka_unit_test(statistics_can_be_read_and_not_written),
		cmocka_unit_test(an_image_is_put_in_force_and_acknowledged),
		cmocka_unit_test(a_refused_image_is_answered_with_the_reason_and_the_old_one_stays),
		cmocka_unit_test(an_outcome_arrives_as_the_worker_gave_it),
		cmocka_unit_test(a_message_arrives_with_what_is_too_long_cut),
		cmocka_unit_test(the_end_of_a_session_and_a_refusal_arrive),
		cmocka_unit_test(what_a_candidate_would_have_done_arrives),
		cmocka_unit_test(what_a_candidate_would_do_costs_no_line_about_what_was_done),
		cmocka_unit_test(
			a_candidate_comes_and_ends_with_a_command_an_image_or_the_attachment),
		cmocka_unit_test(questions_and_findings_cross_as_they_were_put),
		cmocka_unit_test(a_full_ring_tells_the_worker_and_fills_up_to_100),
		cmocka_unit_test(flow_rows_of_all_workers_come_up_to_the_number_asked_for),
		cmocka_unit_test(a_second_list_of_flows_has_to_wait_for_the_first),
		cmocka_unit_test(rows_of_an_asker_that_went_do_not_reach_the_next_one),
		cmocka_unit_test(a_ping_is_answered_and_the_bell_rings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
