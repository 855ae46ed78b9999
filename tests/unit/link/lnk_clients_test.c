// SPDX-License-Identifier: BSD-3-Clause
// What the control plane says of clients: that it comes into force at once, in order, and once; durations; walks and
// sweeps; and that words which make no sense end the attachment.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lnk_peer.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { SLOT = 65536, RESTS_MS = 100, TURNS_MAX = 2000 };

static const struct addr ADDRESS = {.b = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}};

static struct api_binding binding_of(enum api_binding_kind kind)
{
	return (struct api_binding){.kind = kind,
		.addr = ADDRESS,
		.len = 128,
		.context = 9,
		.vlan = 5,
		.port_first = 100,
		.port_last = 199,
		.shared = 1,
		.endpoint = 77};
}

static struct api_fact sender_of(void)
{
	return (struct api_fact){.kind = API_FACT_SENDER,
		.addr = ADDRESS,
		.len = 128,
		.context = 9,
		.vlan = 5,
		.score = 55,
		.flags = API_FACT_LISTED,
		.auth_s = 20};
}

static struct bench b; // of the case
static struct peer p;

static int both_open(void **)
{
	bench_open(&b, SLOT);
	peer_attach(&b, &p);
	return 0;
}

static int both_close(void **)
{
	peer_close(&p); // nothing where it is closed already
	bench_close(&b);
	return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, both_open, both_close)

// Turns until there is nothing to do; how many.
static unsigned rest(void)
{
	unsigned turns = 0;

	while (turns < TURNS_MAX && bench_poll(&b) != RESTS_MS)
		turns++;
	return turns;
}

static void the_hello_says_how_many_there_is_room_for(void **)
{
	assert_int_equal(p.hello.bindings, DOUBLE_BINDINGS);
	assert_int_equal(p.hello.endpoints, DOUBLE_ENDPOINTS);
	assert_int_equal(p.hello.senders, DOUBLE_SENDERS);
	(void)both_close(NULL);
	bench_open(&b, SLOT);
	b.eng.unknowing = true;
	peer_attach(&b, &p);
	assert_int_equal(p.hello.bindings + p.hello.endpoints + p.hello.senders, 0);
}

static void a_binding_comes_into_force_at_the_next_turn(void **)
{
	const struct api_binding set = binding_of(API_BIND_SET), clear = binding_of(API_BIND_CLEAR);

	assert_int_equal(peer_bind(&p, &set), 0);
	(void)bench_poll(&b);
	const struct tbl_binding *got = &b.eng.clients.binding;
	assert_int_equal(b.eng.clients.set, 1);
	assert_true(addr_eq(&got->prefix.addr, &ADDRESS));
	assert_int_equal(got->prefix.len, 128);
	assert_int_equal(got->context, 9);
	assert_int_equal(got->vlan, 5);
	assert_int_equal(got->port_first, 100);
	assert_int_equal(got->port_last, 199);
	assert_true(got->shared);
	assert_int_equal(got->endpoint, 77);
	assert_int_equal(peer_bind(&p, &clear), 0);
	(void)bench_poll(&b);
	assert_int_equal(b.eng.clients.cleared, 1);
	assert_int_equal(rest(), 0);
}

static void durations_become_seconds_of_the_workers_clock(void **)
{
	static const struct {
		uint32_t blocked_s, auth_s, blocked_until_s, auth_until_s;
	} cases[] = {{10, 0, 510, 0}, {0, 20, 0, 520}, {0, 0, 0, 0}, {UINT32_MAX, UINT32_MAX - 501,
		UINT32_MAX, UINT32_MAX - 1}};
	struct api_fact f = {.kind = API_FACT_ENDPOINT, .endpoint = 77, .flags = API_FACT_EXEMPT};
	const struct api_fact sender = sender_of();

	for (size_t i = 0; i < COUNT(cases); i++) {
		f.blocked_s = cases[i].blocked_s;
		f.auth_s = cases[i].auth_s;
		b.now_us = 500 * UINT64_C(1000000);
		assert_int_equal(peer_tell(&p, &f), 0);
		(void)bench_poll(&b);
		assert_int_equal(b.eng.clients.endpoints, i + 1);
		assert_int_equal(b.eng.clients.endpoint.key, 77);
		assert_int_equal(b.eng.clients.endpoint.flags, TBL_EXEMPT);
		assert_int_equal(
			b.eng.clients.endpoint.blocked_until_s, cases[i].blocked_until_s);
		assert_int_equal(b.eng.clients.endpoint.auth_until_s, cases[i].auth_until_s);
	}
	b.now_us = 500 * UINT64_C(1000000);
	assert_int_equal(peer_tell(&p, &sender), 0);
	(void)bench_poll(&b);
	assert_int_equal(b.eng.clients.senders, 1);
	assert_int_equal(b.eng.clients.sender.auth_until_s, 520);
	assert_int_equal(b.eng.clients.sender.score, 55);
	assert_int_equal(b.eng.clients.sender.flags, TBL_LISTED);
	assert_int_equal(b.eng.clients.sender.context, 9);
	assert_int_equal(b.eng.clients.sender.vlan, 5);
}

static void many_are_taken_in_turns_that_follow_at_once(void **)
{
	enum { N = 3000 };
	const struct api_binding set = binding_of(API_BIND_SET);
	const struct api_fact fact = sender_of();
	unsigned before = 0, turns = 0;

	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(peer_bind(&p, &set), 0);
		assert_int_equal(peer_tell(&p, &fact), 0);
	}
	while (bench_poll(&b) == 0) {
		assert_in_range(b.eng.clients.set - before, 1, 500); // bounded
		before = b.eng.clients.set;
		turns++;
	}
	assert_int_equal(b.eng.clients.set, N);
	assert_int_equal(b.eng.clients.senders, N);
	assert_in_range(turns, 5, 100);
}

static void what_the_table_cannot_take_yet_waits_and_is_taken_once(void **)
{
	const struct api_binding set = binding_of(API_BIND_SET), clear = binding_of(API_BIND_CLEAR);
	const struct api_fact fact = sender_of();

	b.eng.clients.busy = 4;
	assert_int_equal(peer_bind(&p, &set), 0);
	assert_int_equal(peer_bind(&p, &clear), 0);
	assert_int_equal(peer_tell(&p, &fact), 0);
	assert_in_range(bench_poll(&b), 0, 1); // soon
	assert_int_equal(b.eng.clients.set + b.eng.clients.cleared + b.eng.clients.senders, 0);
	(void)rest();
	assert_int_equal(b.eng.clients.set, 1);
	assert_int_equal(b.eng.clients.cleared, 1);
	assert_int_equal(b.eng.clients.senders, 1);
	b.eng.clients.full = true; // no reason to wait, nor to detach
	assert_int_equal(peer_bind(&p, &set), 0);
	assert_int_equal(rest(), 0);
	assert_true(lnk_is_attached(b.lnk));
}

static void without_a_table_they_are_taken_and_forgotten(void **)
{
	const struct api_binding set = binding_of(API_BIND_SET), begin = {.kind = API_BIND_BEGIN},
				 sweep = {.kind = API_BIND_SWEEP};
	const struct api_fact fact = sender_of();

	bench_open(&b, SLOT);
	b.eng.unknowing = true;
	peer_attach(&b, &p);
	assert_int_equal(peer_bind(&p, &begin), 0);
	assert_int_equal(peer_bind(&p, &set), 0);
	assert_int_equal(peer_bind(&p, &sweep), 0);
	assert_int_equal(peer_tell(&p, &fact), 0);
	assert_int_equal(rest(), 0);
	assert_int_equal(api_ring_used(&p.binding) + api_ring_used(&p.fact), 0);
	assert_true(lnk_is_attached(b.lnk));
}

static void walk(enum api_binding_kind kind, uint32_t epoch)
{
	const struct api_binding m = {.kind = kind, .epoch = epoch};
	const struct api_fact f = {
		.kind = kind == API_BIND_BEGIN ? API_FACT_BEGIN : API_FACT_SWEEP, .epoch = epoch};

	assert_int_equal(peer_bind(&p, &m), 0);
	assert_int_equal(peer_tell(&p, &f), 0);
}

static void the_end_of_a_walk_is_swept_in_slices_without_a_rest(void **)
{
	enum { SLICES = 7 };

	walk(API_BIND_BEGIN, 1);
	assert_int_equal(rest(), 0);
	assert_int_equal(b.eng.clients.bindings_begun, 1);
	assert_int_equal(b.eng.clients.facts_begun, 1);
	assert_int_equal(b.eng.clients.bindings_slices + b.eng.clients.facts_slices, 0);
	b.eng.clients.bindings_left = b.eng.clients.facts_left = SLICES;
	walk(API_BIND_SWEEP, 1);
	for (unsigned i = 1; i < SLICES; i++)
		assert_int_equal(bench_poll(&b), 0);
	b.eng.clients.waiting = TBL_WAIT_MAX;
	assert_int_equal(rest(), 0);
	assert_int_equal(b.eng.clients.bindings_slices, SLICES);
	assert_int_equal(b.eng.clients.facts_slices, SLICES);
}

static void a_sweep_that_waits_for_workers_does_not_spin(void **)
{
	walk(API_BIND_BEGIN, 1);
	walk(API_BIND_SWEEP, 1);
	b.eng.clients.bindings_left = 3;
	b.eng.clients.waiting = TBL_WAIT_MAX;
	assert_int_equal(bench_poll(&b), 1);
}

static void a_sweep_of_another_walk_than_the_last_is_passed_over(void **)
{
	walk(API_BIND_SWEEP, 1); // none has begun
	walk(API_BIND_BEGIN, 2);
	walk(API_BIND_BEGIN, 3);
	walk(API_BIND_SWEEP, 2);
	(void)rest();
	assert_int_equal(b.eng.clients.bindings_slices + b.eng.clients.facts_slices, 0);
	walk(API_BIND_SWEEP, 3);
	(void)rest();
	assert_int_equal(b.eng.clients.bindings_slices, 1);
	walk(API_BIND_SWEEP, 3); // once
	(void)rest();
	assert_int_equal(b.eng.clients.bindings_slices, 1);
	walk(API_BIND_BEGIN, 4);
	(void)rest();
	peer_close(&p);
	(void)rest();
	peer_attach(&b, &p); // a walk ends in the attachment that it began in
	walk(API_BIND_SWEEP, 4);
	(void)rest();
	assert_int_equal(b.eng.clients.bindings_slices, 1);
	assert_true(lnk_is_attached(b.lnk));
}

static void a_sweep_goes_on_behind_the_attachment(void **)
{
	walk(API_BIND_BEGIN, 1);
	walk(API_BIND_SWEEP, 1);
	b.eng.clients.bindings_left = 20;
	(void)bench_poll(&b);
	peer_close(&p);
	(void)rest();
	assert_false(lnk_is_attached(b.lnk));
	assert_int_equal(b.eng.clients.bindings_left, 0);
}

static void ends_the_attachment(const char *what)
{
	for (unsigned i = 0; i < 3 && lnk_is_attached(b.lnk); i++)
		(void)bench_poll(&b);
	if (lnk_is_attached(b.lnk))
		fail_msg("%s was taken", what);
	assert_true(peer_is_closed(&p));
	assert_int_equal(b.eng.clients.set + b.eng.clients.cleared + b.eng.clients.endpoints +
			b.eng.clients.senders,
		0);
}

static void bindings_that_make_no_sense_end_the_attachment(void **)
{
	struct api_binding wrong[9];
	const char *what[9];
	unsigned n = 0;

#define WRONG(of, change) \
	wrong[n] = binding_of(of); \
	wrong[n].change; \
	what[n++] = #of " with " #change
	WRONG(API_BIND_NONE, spare = 0);
	WRONG(API_BIND_COUNT, spare = 0);
	WRONG(API_BIND_SET, spare = 1);
	WRONG(API_BIND_SET, endpoint = 0);
	WRONG(API_BIND_SET, len = 129);
	WRONG(API_BIND_SET, len = 127);
	WRONG(API_BIND_CLEAR, len = 126);
	WRONG(API_BIND_SET, port_last = 99);
	WRONG(API_BIND_CLEAR, shared = 2);
#undef WRONG
	for (unsigned i = 0; i < n; i++) {
		(void)both_open(NULL);
		assert_int_equal(peer_bind(&p, &wrong[i]), 0);
		ends_the_attachment(what[i]);
		(void)both_close(NULL);
	}
}

static void facts_that_make_no_sense_end_the_attachment(void **)
{
	struct api_fact wrong[9];
	const char *what[9];
	unsigned n = 0;

#define WRONG(of, change) \
	wrong[n] = sender_of(); \
	wrong[n].kind = of; \
	wrong[n].change; \
	what[n++] = #of " with " #change
	WRONG(API_FACT_NONE, spare = 0);
	WRONG(API_FACT_COUNT, spare = 0);
	WRONG(API_FACT_SENDER, spare = 1);
	WRONG(API_FACT_ENDPOINT, endpoint = 0);
	WRONG(API_FACT_SENDER, flags = 4);
	WRONG(API_FACT_SENDER, len = 200);
	WRONG(API_FACT_SENDER, len = 127);
	WRONG(API_FACT_SENDER, score = 101);
	WRONG(API_FACT_SENDER, blocked_s = 1);
#undef WRONG
	for (unsigned i = 0; i < n; i++) {
		(void)both_open(NULL);
		assert_int_equal(peer_tell(&p, &wrong[i]), 0);
		ends_the_attachment(what[i]);
		(void)both_close(NULL);
	}
}

static void rings_whose_index_makes_no_sense_end_the_attachment(void **)
{
	for (unsigned i = 0; i < 2; i++) {
		(void)both_open(NULL);
		struct api_ring_mem *m =
			(void *)(p.mem + (i == 0 ? p.hello.binding_off : p.hello.fact_off));
		atomic_store(&m->head, UINT32_MAX / 2);
		ends_the_attachment(i == 0 ? "the ring of bindings" : "the ring of facts");
		(void)both_close(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_hello_says_how_many_there_is_room_for),
		CASE(a_binding_comes_into_force_at_the_next_turn),
		CASE(durations_become_seconds_of_the_workers_clock),
		CASE(many_are_taken_in_turns_that_follow_at_once),
		CASE(what_the_table_cannot_take_yet_waits_and_is_taken_once),
		cmocka_unit_test_teardown(without_a_table_they_are_taken_and_forgotten, both_close),
		CASE(the_end_of_a_walk_is_swept_in_slices_without_a_rest),
		CASE(a_sweep_that_waits_for_workers_does_not_spin),
		CASE(a_sweep_of_another_walk_than_the_last_is_passed_over),
		CASE(a_sweep_goes_on_behind_the_attachment),
		cmocka_unit_test(bindings_that_make_no_sense_end_the_attachment),
		cmocka_unit_test(facts_that_make_no_sense_end_the_attachment),
		cmocka_unit_test(rings_whose_index_makes_no_sense_end_the_attachment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
