// SPDX-License-Identifier: BSD-3-Clause
// Endpoints: trigger, window, lists, expiry, what is told, saved and listed. Time is a number.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rep.h"

enum { MIN = 60, NOW = 1700000000 };

static const struct rep_trigger over5 = {.trigger = 5, .duration_s = 60 * MIN};

struct world {
	struct rep_endpoints *e;
	struct rep_fact last; // told
	unsigned facts, gone;
	unsigned room; // for facts
	unsigned began[REP_EVT_COUNT];
	uint32_t number;
};

static bool on_tell(void *arg, const struct rep_fact *f)
{
	struct world *w = arg;

	if (w->room == 0)
		return false;
	w->room--;
	w->last = *f;
	w->facts++;
	return true;
}

static void on_blocked(void *arg, enum rep_event event, uint32_t number)
{
	struct world *w = arg;

	w->began[event]++;
	w->number = number;
}

static void on_gone(void *arg, uint32_t number)
{
	struct world *w = arg;

	(void)number;
	w->gone++;
}

static void world_open(struct world *w, uint32_t most, uint32_t window_min)
{
	*w = (struct world){.room = 1000000};
	w->e = rep_endpoints_new(&(struct rep_endpoints_conf){.most = most,
		.window_min = window_min,
		.auth = {.failures = 5, .window_s = 1800, .block_s = 600},
		.ops = {.tell = on_tell, .blocked = on_blocked, .gone = on_gone, .arg = w}});
	assert_non_null(w->e);
}

static void spam(struct world *w, uint64_t key, uint32_t count, uint32_t now)
{
	char id[24];

	(void)snprintf(id, sizeof(id), "49151%llu", (unsigned long long)key);
	rep_endpoint_condemned(w->e, key, span_str(id), count, &over5, now);
}

static struct rep_endpoint look(struct world *w, uint64_t key, uint32_t now)
{
	const uint32_t n = rep_endpoint_find(w->e, key);
	struct rep_endpoint v;

	assert_int_not_equal(n, REP_NOBODY);
	rep_endpoint_get(w->e, n, now, &v);
	return v;
}

static void a_trigger_is_passed_strictly(void **)
{
	struct world w;

	world_open(&w, 10, 15);
	spam(&w, 7, 5, NOW);
	assert_int_equal(look(&w, 7, NOW).state, REP_NONE);
	assert_int_equal(w.facts, 0);
	spam(&w, 7, 1, NOW + 10);
	assert_int_equal(look(&w, 7, NOW + 10).state, REP_AUTO);
	assert_int_equal(look(&w, 7, NOW + 10).score, 6);
	assert_int_equal(look(&w, 7, NOW + 10).until_s, NOW + 10 + 60 * MIN);
	assert_int_equal(w.last.endpoint, 7);
	assert_int_equal(w.last.blocked_s, 60 * MIN);
	assert_int_equal(w.began[REP_EVT_AUTO], 1);
	rep_endpoints_free(w.e);
}

static void the_window_slides(void **)
{
	static const uint32_t windows[] = {15, 60, 1440};

	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		const uint32_t s = windows[i] * 60, cell = s / REP_CELLS;
		const uint32_t begin = NOW / cell * cell;
		struct world w;

		world_open(&w, 10, windows[i]);
		for (unsigned k = 0; k < 5; k++)
			spam(&w, 7, 1, begin + k * cell);
		assert_int_equal(look(&w, 7, begin + s - 1).score, 5);
		assert_int_equal(look(&w, 7, begin + s).score, 4);
		assert_int_equal(look(&w, 7, begin + s + 3 * cell).score, 1);
		spam(&w, 7, 3, begin + s + 3 * cell);
		assert_int_equal(look(&w, 7, begin + s + 3 * cell).score, 4);
		assert_int_equal(look(&w, 7, begin + s + 4 * cell).score, 3);
		assert_int_equal(look(&w, 7, begin + 3 * s).score, 0);
		assert_int_equal(look(&w, 7, NOW).state, REP_NONE);
		rep_endpoints_free(w.e);
	}
}

static void a_block_ends_by_itself_and_the_score_survives_it(void **)
{
	struct world w;

	world_open(&w, 10, 1440);
	spam(&w, 7, 6, NOW);
	assert_int_equal(look(&w, 7, NOW + 60 * MIN - 1).state, REP_AUTO);
	rep_endpoints_tick(w.e, 100, NOW + 60 * MIN);
	assert_int_equal(look(&w, 7, NOW + 60 * MIN).state, REP_NONE);
	assert_int_equal(look(&w, 7, NOW + 60 * MIN).score, 6);
	assert_int_equal(w.last.blocked_s, 0); // told: nothing is known of it any more
	spam(&w, 7, 1, NOW + 61 * MIN);
	assert_int_equal(look(&w, 7, NOW + 61 * MIN).state, REP_AUTO);
	assert_int_equal(w.began[REP_EVT_AUTO], 2);
	rep_endpoints_free(w.e);
}

static void more_of_it_under_a_block_prolongs_the_same_block(void **)
{
	struct world w;

	world_open(&w, 10, 60);
	spam(&w, 7, 6, NOW);
	spam(&w, 7, 1, NOW + 60);
	assert_int_equal(look(&w, 7, NOW + 60).until_s, NOW + 60 + 60 * MIN);
	assert_int_equal(w.began[REP_EVT_AUTO], 1);
	rep_endpoints_free(w.e);
}

static void an_exempt_endpoint_is_never_blocked_and_what_there_was_is_lifted(void **)
{
	struct world w;

	world_open(&w, 10, 60);
	spam(&w, 7, 6, NOW);
	rep_endpoint_login(w.e, 7, span_str("7"), false, 6, NOW);
	assert_int_equal(w.last.auth_s, 600);
	assert_int_equal(rep_endpoint_set(w.e, 7, span_str("7"),
				 &(struct rep_listing){.state = REP_EXEMPT}, NOW + 1),
		0);
	assert_true(w.last.exempt);
	assert_int_equal(w.last.blocked_s, 0);
	assert_int_equal(w.last.auth_s, 0);
	spam(&w, 7, 100, NOW + 2);
	rep_endpoint_login(w.e, 7, span_str("7"), false, 50, NOW + 2);
	assert_int_equal(look(&w, 7, NOW + 2).state, REP_EXEMPT);
	assert_int_equal(look(&w, 7, NOW + 2).score, 106);
	assert_int_equal(look(&w, 7, NOW + 2).auth_s, 0);
	rep_endpoints_free(w.e);
}

static void entries_move_between_the_lists(void **)
{
	static const struct {
		enum rep_state to;
		enum rep_state want;
		bool listed, exempt;
	} rows[] = {
		{REP_MANUAL, REP_MANUAL, true, false},
		{REP_EXEMPT, REP_EXEMPT, false, true},
		{REP_MANUAL, REP_MANUAL, true, false},
		{REP_NONE, REP_NONE, false, false},
		{REP_EXEMPT, REP_EXEMPT, false, true},
		{REP_NONE, REP_NONE, false, false},
		{REP_AUTO, REP_AUTO, false, false},
		{REP_MANUAL, REP_MANUAL, true, false},
	};
	struct world w;

	world_open(&w, 10, 60);
	spam(&w, 7, 6, NOW);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(rep_endpoint_set(w.e, 7, span_str("7"),
					 &(struct rep_listing){.state = rows[i].to,
						 .until_s = rows[i].to == REP_AUTO ? NOW + 50 : 0},
					 NOW),
			0);
		assert_int_equal(look(&w, 7, NOW).state, rows[i].want);
		assert_int_equal(w.last.listed, rows[i].listed);
		assert_int_equal(w.last.exempt, rows[i].exempt);
		assert_int_equal(w.last.blocked_s, rows[i].want == REP_AUTO ? 50 : 0);
		assert_int_equal(look(&w, 7, NOW).score, 6);
	}
	assert_int_equal(w.began[REP_EVT_MANUAL], 3);
	rep_endpoints_tick(w.e, 100, NOW + 1000000);
	assert_int_equal(look(&w, 7, NOW + 1000000).state, REP_MANUAL); // for good
	rep_endpoints_free(w.e);
}

static void an_operators_list_may_end_by_itself(void **)
{
	static const enum rep_state lists[] = {REP_MANUAL, REP_EXEMPT};
	struct rep_filter f = {.by_state = true};
	struct rep_endpoint_saved saved;
	uint32_t next, number;
	struct world w;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct rep_listing to = {
			.state = lists[i], .until_s = NOW + 100, .comment = span_str("why")};

		world_open(&w, 10, 60);
		f.state = lists[i];
		assert_int_equal(rep_endpoint_set(w.e, 7, span_str("7"), &to, NOW), 0);
		assert_int_equal(w.last.blocked_s, lists[i] == REP_MANUAL ? 100 : 0);
		assert_false(w.last.listed); // it is known when it ends
		assert_int_equal(w.last.exempt, lists[i] == REP_EXEMPT);
		assert_int_equal(look(&w, 7, NOW + 99).state, lists[i]);
		assert_int_equal(look(&w, 7, NOW + 99).since_s, NOW);
		assert_true(span_eq(look(&w, 7, NOW + 99).comment, to.comment));
		rep_endpoint_save(w.e, rep_endpoint_find(w.e, 7), 1000, &saved);
		assert_int_equal(saved.note.until_s, NOW + 1100);
		saved.note.comment = span_str("why");
		rep_endpoints_tick(w.e, 100, NOW + 100);
		assert_int_equal(w.last.blocked_s, 0);
		assert_false(w.last.exempt);
		next = 0;
		assert_int_equal(rep_endpoints_page(w.e, &f, &next, &number, 1, NOW + 100), 0);
		rep_endpoints_free(w.e);
		// Saved by a clock that was ahead: no longer than it was meant to be.
		world_open(&w, 10, 60);
		assert_int_equal(rep_endpoint_load(w.e, &saved, NOW), 0);
		assert_int_equal(look(&w, 7, NOW).until_s, NOW + 100);
		assert_int_equal(look(&w, 7, NOW).state, lists[i]);
		assert_int_equal(rep_endpoint_load(w.e, &saved, NOW + 1100), 0);
		assert_int_equal(look(&w, 7, NOW + 1100).state, REP_NONE);
		assert_int_equal(look(&w, 7, NOW + 1100).comment.n, 0);
		rep_endpoints_free(w.e);
	}
}

static void many_lists_end_each_at_its_time(void **)
{
	enum { MANY = 1000 };
	struct rep_counts counts;
	struct world w;

	world_open(&w, MANY, 60);
	for (uint32_t k = 1; k <= MANY; k++) {
		char why[16];

		(void)snprintf(why, sizeof(why), "%u", k);
		assert_int_equal(rep_endpoint_set(w.e, k, span_str(why),
					 &(struct rep_listing){.state = REP_MANUAL,
						 .until_s = k % 10 == 0 ? 0 : NOW + k,
						 .comment = span_str(why)},
					 NOW),
			0);
	}
	for (uint32_t k = 1; k <= MANY; k += 7) {
		rep_endpoints_tick(w.e, 2000, NOW + k);
		rep_endpoints_counts(w.e, &counts);
		assert_int_equal(counts.state[REP_MANUAL], MANY - k + k / 10);
	}
	for (uint32_t k = 10; k <= MANY; k += 10) { // those stay, and each has its own
		char why[16];

		(void)snprintf(why, sizeof(why), "%u", k);
		assert_true(span_eq(look(&w, k, NOW + MANY).comment, span_str(why)));
	}
	rep_endpoints_free(w.e);
}

static void window(struct world *w, uint32_t minutes, uint32_t now)
{
	assert_int_equal(rep_endpoints_change(w->e,
				 &(struct rep_endpoints_conf){.window_min = minutes,
					 .auth = {.failures = 5, .window_s = 1800, .block_s = 600}},
				 now),
		0);
}

// Of each when it is looked at, however: by get, by more spam, by a save and by a tick it is the same.
static void another_window_is_taken_over_whenever_it_is_looked_at(void **)
{
	struct rep_endpoint_saved saved;
	struct world w;

	world_open(&w, 10, 60);
	for (uint64_t k = 1; k <= 4; k++)
		spam(&w, k, 3, NOW);
	window(&w, 15, NOW + 600);
	assert_int_equal(look(&w, 1, NOW + 600).score, 3);
	spam(&w, 2, 1, NOW + 600);
	assert_int_equal(look(&w, 2, NOW + 600).score, 4);
	rep_endpoint_save(w.e, rep_endpoint_find(w.e, 3), 0, &saved); // as it was
	assert_int_equal(saved.window_s, 3600);
	assert_int_equal(saved.cell[0], 3);
	rep_endpoints_tick(w.e, 10, NOW + 700);
	rep_endpoint_save(w.e, rep_endpoint_find(w.e, 4), 0, &saved);
	assert_int_equal(saved.window_s, 900);
	window(&w, 120,
		NOW + 800); // twice at once: the second waits until all have the first, a tick each here
	window(&w, 60, NOW + 800);
	window(&w, 30, NOW + 800); // in place of that
	for (unsigned i = 0; i < 4; i++) {
		rep_endpoint_save(w.e, rep_endpoint_find(w.e, 4), 0, &saved);
		assert_int_equal(saved.window_s, 900);
		rep_endpoints_tick(w.e, 1, NOW + 800);
	}
	rep_endpoint_save(w.e, rep_endpoint_find(w.e, 4), 0, &saved);
	assert_int_equal(saved.window_s, 7200);
	rep_endpoints_tick(w.e, 10, NOW + 800);
	rep_endpoints_tick(w.e, 10, NOW + 800);
	rep_endpoint_save(w.e, rep_endpoint_find(w.e, 4), 0, &saved);
	assert_int_equal(saved.window_s, 1800);
	for (uint64_t k = 1; k <= 4; k++) {
		assert_int_equal(look(&w, k, NOW + 800).score, k == 2 ? 4 : 3);
		assert_int_equal(look(&w, k, NOW + 1860).score, k == 2 ? 1 : 0);
	}
	rep_endpoints_free(w.e);
}

// Its last cell is none of the new window: what comes now must not count for ever.
static void who_had_no_score_left_begins_anew_in_another_window(void **)
{
	struct world w;

	world_open(&w, 10, 15);
	spam(&w, 7, 3, NOW);
	assert_int_equal(rep_endpoint_set(w.e, 7, span_str("7"),
				 &(struct rep_listing){.state = REP_MANUAL}, NOW),
		0);
	assert_int_equal(look(&w, 7, NOW + 7200).score, 0);
	window(&w, 60, NOW + 7200);
	spam(&w, 7, 2, NOW + 7200);
	assert_int_equal(look(&w, 7, NOW + 7200).score, 2);
	assert_int_equal(look(&w, 7, NOW + 7200 + 3660).score, 0);
	rep_endpoints_free(w.e);
}

static void clearing_forgets_what_was_counted_and_keeps_an_operators_word(void **)
{
	struct world w;

	world_open(&w, 10, 60);
	spam(&w, 7, 6, NOW);
	assert_int_equal(rep_endpoint_clear(w.e, 7, NOW), 0);
	assert_int_equal(look(&w, 7, NOW).state, REP_NONE);
	assert_int_equal(look(&w, 7, NOW).score, 0);
	assert_int_equal(w.last.blocked_s, 0);
	spam(&w, 7, 5, NOW);
	assert_int_equal(look(&w, 7, NOW).state, REP_NONE);
	assert_int_equal(rep_endpoint_set(w.e, 7, span_str("7"),
				 &(struct rep_listing){.state = REP_MANUAL}, NOW),
		0);
	assert_int_equal(rep_endpoint_clear(w.e, 7, NOW), 0);
	assert_int_equal(look(&w, 7, NOW).state, REP_MANUAL);
	assert_int_equal(rep_endpoint_clear(w.e, 8, NOW), -ENOENT);
	rep_endpoints_free(w.e);
}

static void what_would_release_it_is_told(void **)
{
	struct world w;
	struct rep_endpoint v;
	const uint32_t begin = NOW / 60 * 60; // cells of a minute

	world_open(&w, 10, 60);
	spam(&w, 7, 2, begin);
	spam(&w, 7, 4, begin + 120);
	v = look(&w, 7, begin + 130);
	assert_int_equal(v.until_s, begin + 120 + 60 * MIN);
	assert_int_equal(v.trigger, 5);
	assert_int_equal(v.calm_s, 60 * MIN - 130); // then the first two are out of the window
	assert_int_equal(look(&w, 7, begin + 130 + v.calm_s - 1).score, 6);
	assert_int_equal(look(&w, 7, begin + 130 + v.calm_s).score, 4);
	assert_int_equal(look(&w, 7, begin + 130 + v.calm_s).calm_s, 0);
	rep_endpoints_free(w.e);
}

static void a_passed_login_ends_a_block_of_logins(void **)
{
	struct world w;

	world_open(&w, 10, 60);
	rep_endpoint_login(w.e, 7, span_str("7"), true, 1, NOW);
	assert_int_equal(rep_endpoint_find(w.e, 7), REP_NOBODY);
	rep_endpoint_login(w.e, 7, span_str("7"), false, 6, NOW);
	assert_int_equal(w.last.auth_s, 600);
	assert_int_equal(w.began[REP_EVT_AUTH], 1);
	rep_endpoint_login(w.e, 7, span_str("7"), true, 1, NOW + 10);
	assert_int_equal(w.last.auth_s, 0);
	assert_int_equal(look(&w, 7, NOW + 10).auth_failed, 0);
	rep_endpoint_login(w.e, 7, span_str("7"), false, 6, NOW + 20);
	assert_int_equal(look(&w, 7, NOW + 20).auth_s, 600);
	rep_endpoints_tick(w.e, 10, NOW + 620);
	assert_int_equal(look(&w, 7, NOW + 620).auth_s, 0);
	assert_int_equal(w.last.auth_s, 0);
	rep_endpoints_free(w.e);
}

static void the_full_table_lets_go_who_says_least(void **)
{
	struct rep_counts counts;
	struct world w;

	world_open(&w, 4, 60);
	spam(&w, 1, 3, NOW);
	spam(&w, 2, 1, NOW);
	spam(&w, 3, 6, NOW); // blocked
	spam(&w, 4, 1, NOW + 120);
	spam(&w, 5, 1, NOW + 130);
	assert_int_equal(rep_endpoint_find(w.e, 2), REP_NOBODY); // the least, the oldest
	assert_int_equal(w.gone, 1);
	for (uint64_t k = 10; k < 14; k++)
		assert_int_equal(rep_endpoint_set(w.e, k, span_str("x"),
					 &(struct rep_listing){.state = REP_MANUAL}, NOW + 130),
			k < 13 ? 0 : -ENOSPC);
	assert_int_equal(look(&w, 3, NOW + 130).state, REP_AUTO);
	rep_endpoints_counts(w.e, &counts);
	assert_int_equal(counts.entries, 4);
	assert_int_equal(counts.evicted, 4);
	assert_int_equal(counts.full, 1);
	assert_int_equal(counts.state[REP_MANUAL], 3);
	assert_int_equal(rep_endpoints_room(w.e), 0);
	rep_endpoints_free(w.e);
}

static void what_says_nothing_any_more_is_forgotten(void **)
{
	struct rep_counts counts;
	struct world w;

	world_open(&w, 100, 15);
	for (uint64_t k = 1; k <= 50; k++)
		spam(&w, k, 1, NOW);
	rep_endpoints_tick(w.e, 1000, NOW + 14 * MIN);
	assert_int_equal(w.gone, 0);
	rep_endpoints_tick(w.e, 1000, NOW + 16 * MIN); // to the end, then from the beginning
	rep_endpoints_tick(w.e, 1000, NOW + 16 * MIN);
	rep_endpoints_counts(w.e, &counts);
	assert_int_equal(counts.entries, 0);
	assert_int_equal(w.gone, 50);
	rep_endpoints_free(w.e);
}

static void facts_without_room_are_told_later(void **)
{
	struct world w;

	world_open(&w, 100, 60);
	w.room = 1;
	for (uint64_t k = 1; k <= 5; k++)
		spam(&w, k, 6, NOW);
	assert_int_equal(w.facts, 1);
	assert_int_equal(rep_endpoints_tell(w.e, 10, NOW + 1), 4);
	w.room = 2;
	assert_int_equal(rep_endpoints_tell(w.e, 10, NOW + 2), 2);
	w.room = 100;
	assert_int_equal(rep_endpoints_tell(w.e, 1, NOW + 3), 1);
	assert_int_equal(rep_endpoints_tell(w.e, 10, NOW + 3), 0);
	assert_int_equal(w.last.blocked_s, 60 * MIN - 3);
	assert_int_equal(w.facts, 5);
	(void)rep_endpoint_set(
		w.e, 77, span_str("77"), &(struct rep_listing){.state = REP_EXEMPT}, NOW);
	spam(&w, 78, 1, NOW); // nothing to tell
	w.facts = 0;
	rep_endpoints_tell_all(w.e);
	assert_int_equal(rep_endpoints_tell(w.e, 100, NOW + 4), 0);
	assert_int_equal(w.facts, 6);
	rep_endpoints_free(w.e);
}

static void what_changed_is_taken_once(void **)
{
	uint32_t numbers[10];
	struct world w;

	world_open(&w, 100, 60);
	spam(&w, 1, 1, NOW);
	spam(&w, 2, 1, NOW);
	spam(&w, 1, 1, NOW);
	assert_int_equal(rep_endpoints_dirty(w.e, numbers, 1), 1);
	assert_int_equal(rep_endpoints_dirty(w.e, numbers, 10), 1);
	assert_int_equal(rep_endpoints_dirty(w.e, numbers, 10), 0);
	(void)rep_endpoint_clear(w.e, 2, NOW);
	assert_int_equal(rep_endpoints_dirty(w.e, numbers, 10), 1);
	assert_int_equal(numbers[0], rep_endpoint_find(w.e, 2));
	rep_endpoints_free(w.e);
}

static void pages_meet_each_entry_once(void **)
{
	struct rep_filter any = {0}, autos = {.by_state = true, .state = REP_AUTO},
			  prefix = {.id = span_str("4915199")},
			  some = {.score_min = 2, .score_max = 2};
	struct world w;
	const struct {
		const struct rep_filter *f;
		uint32_t want;
	} rows[] = {{&any, 1000}, {&autos, 100}, {&prefix, 11}, {&some, 100}};

	world_open(&w, 2000, 60);
	for (uint64_t k = 0; k < 1000; k++)
		spam(&w, k + 1, k % 10 == 0 ? 6 : k % 10 == 1 ? 2 : 1, NOW);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t next = 0, numbers[7], found = 0;
		uint8_t seen[2000] = {0};

		while (next != REP_NOBODY) {
			uint32_t n =
				rep_endpoints_page(w.e, rows[i].f, &next, numbers, 7, NOW + 60);

			for (; n > 0; n--, found++)
				assert_int_equal(seen[numbers[n - 1]]++, 0);
		}
		assert_int_equal(found, rows[i].want);
	}
	rep_endpoints_free(w.e);
}

static void the_highest_come_first(void **)
{
	static struct rep_top top;
	struct world w;

	world_open(&w, 2000, 60);
	for (uint64_t k = 1; k <= 1000; k++)
		spam(&w, k, (uint32_t)(k * 7919 % 1000) + 1, NOW);
	top = (struct rep_top){.most = 10};
	while (rep_endpoints_top(w.e, &(struct rep_filter){0}, &top, NOW))
		;
	assert_int_equal(top.n, 10);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(top.row[i].score, 1000 - i);
	top = (struct rep_top){.most = 10};
	while (rep_endpoints_top(
		w.e, &(struct rep_filter){0}, &top, NOW + 3700)) // out of the window
		;
	assert_int_equal(top.n, 0);
	rep_endpoints_free(w.e);
}

static void what_is_saved_comes_back_as_it_was(void **)
{
	static const int64_t shifts[] = {0, 3600, -86400};

	for (size_t i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
		struct rep_endpoint_saved saved;
		struct rep_endpoint v;
		struct world w, again;
		const uint32_t now = (uint32_t)(NOW + shifts[i]);
		const char *id = "a-login-name-that-is-longer-than-what-fits-in-a-cell@example.net";

		world_open(&w, 10, 60);
		world_open(&again, 10, 60);
		rep_endpoint_condemned(w.e, 9, span_str(id), 2, &over5, NOW - 600);
		rep_endpoint_condemned(w.e, 9, span_str(id), 4, &over5, NOW - 60);
		rep_endpoint_login(w.e, 9, span_str(id), false, 6, NOW - 60);
		rep_endpoint_save(w.e, 0, shifts[i], &saved);
		assert_int_equal(rep_endpoint_load(again.e, &saved, now), 0);
		v = look(&again, 9, now);
		assert_int_equal(v.state, REP_AUTO);
		assert_int_equal(v.score, 6);
		assert_int_equal(v.until_s, now - 60 + 60 * MIN);
		assert_int_equal(v.auth_s, 540);
		assert_int_equal(v.auth_failed, 6);
		assert_true(span_eq(v.id, span_str(id)));
		assert_int_equal(again.facts, 0);
		assert_int_equal(again.began[REP_EVT_AUTO], 0);
		assert_int_equal(look(&again, 9, now + 51 * MIN).score, 4);
		rep_endpoints_free(w.e);
		rep_endpoints_free(again.e);
	}
}

static void a_window_of_another_length_takes_the_scores_over(void **)
{
	struct rep_endpoint_saved saved;
	struct world w, again;

	world_open(&w, 10, 15);
	world_open(&again, 10, 120);
	spam(&w, 9, 2, NOW - 600);
	spam(&w, 9, 3, NOW - 300);
	rep_endpoint_save(w.e, 0, 0, &saved);
	assert_int_equal(rep_endpoint_load(again.e, &saved, NOW), 0);
	assert_int_equal(look(&again, 9, NOW).score, 5);
	assert_int_equal(look(&again, 9, NOW + 112 * MIN).score, 3);
	rep_endpoints_free(w.e);
	rep_endpoints_free(again.e);
}

static void the_window_can_be_changed(void **)
{
	struct rep_endpoints_conf conf = {
		.window_min = 120, .auth = {.failures = 5, .window_s = 1800, .block_s = 600}};
	struct world w;

	world_open(&w, 10, 15);
	spam(&w, 8, 4, NOW - 1200); // over by then
	spam(&w, 9, 2, NOW - 600);
	spam(&w, 9, 3, NOW - 300);
	assert_int_equal(rep_endpoints_change(w.e, &conf, NOW), 0);
	assert_int_equal(look(&w, 8, NOW).score, 0);
	assert_int_equal(look(&w, 9, NOW).score, 5);
	assert_int_equal(look(&w, 9, NOW + 112 * MIN).score, 3);
	conf.window_min = 15;
	spam(&w, 9, 1, NOW + 112 * MIN);
	assert_int_equal(rep_endpoints_change(w.e, &conf, NOW + 112 * MIN), 0);
	assert_int_equal(look(&w, 9, NOW + 112 * MIN).score, 1);
	conf.window_min = 14;
	assert_int_equal(rep_endpoints_change(w.e, &conf, NOW), -EINVAL);
	rep_endpoints_free(w.e);
}

static void a_clock_that_went_back_keeps_nobody_blocked_for_longer(void **)
{
	struct rep_endpoint_saved saved;
	struct world w, again;

	world_open(&w, 10, 60);
	world_open(&again, 10, 60);
	spam(&w, 9, 6, NOW);
	rep_endpoint_login(w.e, 9, span_str("9"), false, 6, NOW);
	rep_endpoint_save(w.e, 0, 0, &saved);
	assert_int_equal(rep_endpoint_load(again.e, &saved, NOW - 1000000), 0);
	assert_int_equal(look(&again, 9, NOW - 1000000).until_s, NOW - 1000000 + 60 * MIN);
	assert_int_equal(look(&again, 9, NOW - 1000000).auth_s, 600);
	assert_int_equal(look(&again, 9, NOW - 1000000).score, 6);
	saved.state = 200;
	assert_int_equal(rep_endpoint_load(again.e, &saved, NOW), -EINVAL);
	rep_endpoints_free(w.e);
	rep_endpoints_free(again.e);
}

static void octets_are_what_was_saved(void **)
{
	struct rep_endpoint_saved saved, again = {0};
	uint8_t octets[REP_PACK_MAX];
	struct world w;
	uint32_t n;

	world_open(&w, 10, 60);
	spam(&w, 9, 4, NOW - 600);
	spam(&w, 9, 400, NOW - 60);
	rep_endpoint_login(w.e, 9, span_str("9"), false, 7, NOW);
	rep_endpoint_save(w.e, 0, 0, &saved);
	n = rep_endpoint_pack(&saved, octets);
	assert_int_equal(rep_endpoint_unpack((struct span){.p = octets, .n = n}, &again), 0);
	again.key = saved.key;
	again.state = saved.state;
	again.id_len = saved.id_len;
	memcpy(again.id, saved.id, sizeof(again.id));
	assert_memory_equal(&again, &saved, sizeof(saved));
	assert_true(n < 80); // cells that are empty at the end take none
	octets[0] = 99;
	assert_int_equal(rep_endpoint_unpack((struct span){.p = octets, .n = n}, &again), -EINVAL);
	assert_int_equal(rep_endpoint_unpack((struct span){0}, &again), -EINVAL);
	rep_endpoints_free(w.e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trigger_is_passed_strictly),
		cmocka_unit_test(the_window_slides),
		cmocka_unit_test(a_block_ends_by_itself_and_the_score_survives_it),
		cmocka_unit_test(more_of_it_under_a_block_prolongs_the_same_block),
		cmocka_unit_test(an_exempt_endpoint_is_never_blocked_and_what_there_was_is_lifted),
		cmocka_unit_test(entries_move_between_the_lists),
		cmocka_unit_test(an_operators_list_may_end_by_itself),
		cmocka_unit_test(many_lists_end_each_at_its_time),
		cmocka_unit_test(another_window_is_taken_over_whenever_it_is_looked_at),
		cmocka_unit_test(who_had_no_score_left_begins_anew_in_another_window),
		cmocka_unit_test(clearing_forgets_what_was_counted_and_keeps_an_operators_word),
		cmocka_unit_test(what_would_release_it_is_told),
		cmocka_unit_test(a_passed_login_ends_a_block_of_logins),
		cmocka_unit_test(the_full_table_lets_go_who_says_least),
		cmocka_unit_test(what_says_nothing_any_more_is_forgotten),
		cmocka_unit_test(facts_without_room_are_told_later),
		cmocka_unit_test(what_changed_is_taken_once),
		cmocka_unit_test(pages_meet_each_entry_once),
		cmocka_unit_test(the_highest_come_first),
		cmocka_unit_test(what_is_saved_comes_back_as_it_was),
		cmocka_unit_test(a_window_of_another_length_takes_the_scores_over),
		cmocka_unit_test(the_window_can_be_changed),
		cmocka_unit_test(a_clock_that_went_back_keeps_nobody_blocked_for_longer),
		cmocka_unit_test(octets_are_what_was_saved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
