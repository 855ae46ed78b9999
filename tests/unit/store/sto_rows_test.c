// SPDX-License-Identifier: BSD-3-Clause
// Rows of each kind come back as they were put; tickets, the queue's bounds, the audit, millions at once.
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "sto_int.h"
#include "sto_make.h"

static void rows_of_each_kind_come_back(void **)
{
	const struct sto_binding b = made_binding(7);
	const struct sto_nas nas = {.nas = UINT64_MAX - 1, .era = 3};
	const struct sto_endpoint e = made_endpoint(1);
	const struct sto_sender snd = made_sender(2);
	struct made_got got;
	struct sto *s = made_started();
	uint64_t t[4];

	assert_int_equal(sto_binding_put(s, &b, &t[0]), 0);
	assert_int_equal(sto_nas_put(s, &nas, &t[1]), 0);
	assert_int_equal(sto_endpoint_put(s, &e, &t[2]), 0);
	assert_int_equal(sto_sender_put(s, &snd, &t[3]), 0);
	assert_true(t[0] > 0 && t[1] > t[0] && t[2] > t[1] && t[3] > t[2]);
	made_settled(s, t[3]);
	sto_close(s);
	made_load(&got);
	assert_int_equal(got.bindings, 1);
	assert_int_equal(got.endpoints, 1);
	assert_int_equal(got.senders, 1);
	assert_int_equal(got.nas, 1);
	assert_int_equal(got.nas_last.nas, nas.nas);
	assert_int_equal(got.nas_last.era, 3);
	assert_true(got.endpoint[1] && got.sender[2]);
	assert_true(addr_eq(&got.last.prefix.addr, &b.prefix.addr));
	assert_int_equal(got.last.prefix.len, 128);
	assert_int_equal(got.last.port_first, 0);
	assert_int_equal(got.last.port_last, UINT16_MAX);
	assert_int_equal(got.last.context, 5);
	assert_int_equal(got.last.vlan, 9);
	assert_int_equal(got.last.session, 7);
	assert_int_equal(got.last.nas, UINT64_MAX - 1);
	assert_int_equal(got.last.nas_era, 3);
	assert_int_equal(got.last.before, 4);
	assert_int_equal(got.last.at_s, 1000000);
	assert_int_equal(got.last.seen_s, 1000001);
	assert_int_equal(got.last.has, STO_HAS_LIVE);
	assert_false(got.last.shared);
	assert_string_equal(got.last_id, "id7");
}

static void the_last_word_on_a_key_counts(void **)
{
	enum { MANY = 50 };
	struct made_got got;
	struct sto *s = made_started();
	uint64_t t = 0;

	for (uint32_t round = 0; round < 3; round++)
		for (uint32_t i = 0; i < MANY; i++) {
			struct sto_binding b = made_binding(i);

			b.seen_s = round * 100 + i;
			b.has = round < 2 || i % 3 == 0 ? STO_HAS_LIVE
				: i % 3 == 1            ? STO_HAS_ENDED
							: STO_HAS_GONE;
			assert_int_equal(sto_binding_put(s, &b, &t), 0);
			if (i % 7 == 0)
				made_settled(s, t); // in several groups
		}
	made_settled(s, t);
	sto_close(s);
	for (int twice = 0; twice < 2; twice++) { // folded by the first, as it was by the second
		made_load(&got);
		for (uint32_t i = 0; i < MANY; i++) {
			assert_int_equal(got.has[i],
				i % 3 == 0           ? 1 + STO_HAS_LIVE
					: i % 3 == 1 ? 1 + STO_HAS_ENDED
						     : 0);
			assert_int_equal(got.seen_s[i], i % 3 == 2 ? 0 : 200 + i);
		}
	}
}

static void the_last_word_counts_behind_four_thousand_million_rows_too(void **)
{
	struct sto_binding b = made_binding(1);
	struct made_got got;
	struct sto *s = made_store();
	uint64_t t = 0;

	s->file.fold.n = UINT32_MAX - 2; // days of a busy carrier later
	assert_int_equal(sto_start(s), 0);
	for (uint32_t i = 0; i < 6; i++) {
		b.seen_s = 100 + i;
		assert_int_equal(sto_binding_put(s, &b, &t), 0);
	}
	made_settled(s, t);
	sto_close(s);
	made_load(&got);
	assert_int_equal(got.seen_s[1], 105);
}

static void what_is_deleted_is_gone(void **)
{
	const struct sto_endpoint e = made_endpoint(1), f = made_endpoint(2);
	const struct sto_sender g = made_sender(1), h = made_sender(2);
	struct made_got got;
	struct sto *s = made_started();
	uint64_t t;

	assert_int_equal(sto_endpoint_put(s, &e, NULL), 0);
	assert_int_equal(sto_endpoint_put(s, &f, NULL), 0);
	assert_int_equal(sto_sender_put(s, &g, NULL), 0);
	assert_int_equal(sto_sender_put(s, &h, NULL), 0);
	assert_int_equal(sto_endpoint_del(s, e.key, NULL), 0);
	assert_int_equal(sto_sender_del(s, &g, &t), 0);
	made_settled(s, t);
	sto_close(s);
	made_load(&got);
	assert_int_equal(got.endpoints, 1);
	assert_int_equal(got.senders, 1);
	assert_true(got.endpoint[2] && got.sender[2]);
}

static void what_is_queued_when_it_closes_is_written(void **)
{
	const struct sto_binding b = made_binding(1);
	struct made_got got;

	for (int started = 0; started < 2; started++) {
		struct sto *s = started ? made_started() : made_store();
		struct sto_binding c = b;

		c.seen_s = 50 + started;
		assert_int_equal(sto_binding_put(s, &c, NULL), 0);
		sto_close(s);
		made_load(&got);
		assert_int_equal(got.seen_s[1], 50 + started);
	}
}

static void a_full_queue_takes_nothing_and_bindings_have_half_for_themselves(void **)
{
	struct sto *s = sto_open(&(struct sto_conf){.file = made_file, .queue_bytes = 1 << 20});
	struct sto_endpoint e = made_endpoint(1);
	const struct sto_binding b = made_binding(1);
	uint64_t t = 0;
	int rc;

	assert_non_null(s); // not started: nothing leaves the queue
	while ((rc = sto_endpoint_put(s, &e, &t)) == 0)
		e.key--;
	assert_int_equal(rc, -EAGAIN);
	const uint32_t room = sto_room(s);
	assert_true(room > 1000);
	for (uint32_t i = 0; i < room; i++)
		assert_int_equal(sto_binding_put(s, &b, &t), 0);
	while ((rc = sto_binding_put(s, &b, &t)) == 0)
		;
	assert_int_equal(rc, -EAGAIN);
	assert_int_equal(t, 0);
	assert_int_equal(sto_room(s), 0);
	assert_int_equal(sto_start(s), 0);
	struct pollfd p = {.fd = sto_settled_fd(s), .events = POLLIN};
	assert_int_equal(poll(&p, 1, 60000), 1);
	assert_true(sto_room(s) > room);
	sto_close(s);
}

struct audits {
	uint32_t n, ends;
	uint64_t number[64];
	char object[64][16];
};

static void audit_got(void *arg, const struct sto_audit *row)
{
	struct audits *a = arg;

	if (row == NULL) {
		a->ends++;
		return;
	}
	a->number[a->n] = row->number;
	(void)snprintf(
		a->object[a->n], sizeof(a->object[0]), "%.*s", (int)row->object.n, row->object.p);
	assert_true(span_eq(row->who, span_str("root")));
	assert_true(span_eq(row->verb, span_str("block")));
	assert_int_equal(row->comment.n, STO_TEXT_MAX); // cut
	assert_int_equal(row->at_s, 77);
	a->n++;
}

static void read_audit(struct sto *s, uint64_t before, uint32_t max, struct audits *a)
{
	struct pollfd p = {.fd = sto_fd(s), .events = POLLIN};

	*a = (struct audits){0};
	assert_int_equal(sto_audit_read(s, before, max, audit_got, a), 0);
	while (a->ends == 0) {
		assert_int_equal(poll(&p, 1, 60000), 1);
		sto_turn(s);
	}
}

static void the_audit_is_read_page_by_page_newest_first(void **)
{
	enum { MANY = 25 };
	struct sto *s = made_started();
	static char comment[2 * STO_TEXT_MAX];
	struct audits a;
	char object[16];
	uint64_t t;

	memset(comment, 'c', sizeof(comment));
	for (int i = 1; i <= MANY; i++) {
		(void)snprintf(object, sizeof(object), "o%d", i);
		const struct sto_audit row = {.at_s = 77,
			.who = span_str("root"),
			.verb = span_str("block"),
			.object = span_str(object),
			.comment = {(const uint8_t *)comment, sizeof(comment)}};

		assert_int_equal(sto_audit_put(s, &row, &t), 0);
	}
	made_settled(s, t);
	read_audit(s, 0, 10, &a);
	assert_int_equal(a.n, 10);
	assert_string_equal(a.object[0], "o25");
	read_audit(s, a.number[9], 10, &a);
	assert_string_equal(a.object[0], "o15");
	read_audit(s, a.number[9], 10, &a);
	assert_int_equal(a.n, 5);
	assert_string_equal(a.object[4], "o1");
	read_audit(s, a.number[4], 10, &a);
	assert_int_equal(a.n, 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(sto_audit_read(s, 0, 1, audit_got, &a), 0);
	const int rc = sto_audit_read(s, 0, 1, audit_got, &a);
	assert_true(rc == -EAGAIN);
	sto_close(s); // they are not called back
	assert_int_equal(a.ends, 1);
}

// Enough for several foldings, keys in no order; the times of the run tell whether it is fast.
static void many_news_are_folded_while_more_come(void **)
{
	enum { KEYS = 3000, NEWS = 900000 };
	static struct made_got got;
	struct sto *s = made_started();
	struct sto_status st;
	static int64_t want[KEYS];
	uint64_t t = 0;
	uint32_t x = 1;
	int rc;

	for (uint32_t i = 1; i <= NEWS; i++) {
		x = x * 1664525 + 1013904223;
		const uint32_t k = (x >> 8) % KEYS;
		struct sto_binding b = made_binding(k);

		b.seen_s = want[k] = i;
		while ((rc = sto_binding_put(s, &b, &t)) == -EAGAIN)
			made_settled(s, sto_settled(s) + 1);
		assert_int_equal(rc, 0);
	}
	made_settled(s, t);
	sto_status(s, &st);
	assert_int_equal(st.state, STO_WELL);
	assert_int_equal(st.rows, NEWS);
	assert_int_equal(st.unstored, 0);
	assert_true(st.commits < NEWS / 10);
	sto_close(s);
	assert_true(
		made_query("SELECT (SELECT count(*) FROM news0) + (SELECT count(*) FROM news1)") <
		NEWS);
	made_load(&got);
	assert_int_equal(got.bindings, KEYS);
	for (uint32_t i = 0; i < KEYS; i++)
		assert_int_equal(got.seen_s[i], want[i]);
}

static void without_a_file_by_choice_everything_is_fine_and_nothing_is_kept(void **)
{
	struct sto *s = sto_open(&(struct sto_conf){0});
	const struct sto_binding b = made_binding(1);
	const struct sto_audit a = {0};
	uint8_t x[STO_SECRET], y[STO_SECRET];
	struct sto_status st;
	uint64_t t = 5;

	assert_non_null(s);
	assert_int_equal(sto_secret(s, "a", x), 0);
	assert_int_equal(sto_secret(s, "b", y), 0);
	assert_memory_not_equal(x, y, sizeof(x));
	sto_load(s, &(struct sto_restore){0});
	assert_int_equal(sto_start(s), 0);
	assert_int_equal(sto_binding_put(s, &b, &t), 0);
	assert_int_equal(t, 0); // settled
	assert_int_equal(sto_audit_put(s, &a, NULL), 0);
	assert_int_equal(sto_audit_read(s, 0, 1, audit_got, NULL), -EIO);
	sto_status(s, &st);
	assert_int_equal(st.state, STO_NONE);
	assert_int_equal(st.unstored, 0);
	sto_close(s);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, made_open, made_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(rows_of_each_kind_come_back),
		CASE(the_last_word_on_a_key_counts),
		CASE(the_last_word_counts_behind_four_thousand_million_rows_too),
		CASE(what_is_deleted_is_gone),
		CASE(what_is_queued_when_it_closes_is_written),
		CASE(a_full_queue_takes_nothing_and_bindings_have_half_for_themselves),
		CASE(the_audit_is_read_page_by_page_newest_first),
		CASE(many_news_are_folded_while_more_come),
		CASE(without_a_file_by_choice_everything_is_fine_and_nothing_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
