// SPDX-License-Identifier: BSD-3-Clause
// Senders: the formula as a table, windows, prefixes, lists, what is told and saved. Time is a number.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rep.h"

enum { HALF = 1800, NOW = 944444 * HALF };

struct world {
	struct rep_senders *s;
	struct rep_fact last;
	unsigned facts, room, gone, began[REP_EVT_COUNT];
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

	(void)number;
	w->began[event]++;
}

static void on_gone(void *arg, uint32_t number)
{
	struct world *w = arg;

	(void)number;
	w->gone++;
}

static const struct rep_senders_conf usual = {.most = 100,
	.lengths4 = {32},
	.lengths6 = {64},
	.windows_min = {720},
	.weights = {.percent = {0, 100, 50, 50}, .k = 4},
	.auth = {.failures = 5, .window_s = 1800, .block_s = 600}};

static void world_open(struct world *w, struct rep_senders_conf conf)
{
	*w = (struct world){.room = 1000000};
	conf.ops =
		(struct rep_ops){.tell = on_tell, .blocked = on_blocked, .gone = on_gone, .arg = w};
	w->s = rep_senders_new(&conf);
	assert_non_null(w->s);
}

static struct rep_client client(const char *text)
{
	struct rep_client c = {.context = 3};

	assert_int_equal(addr_parse(text, &c.addr), 0);
	return c;
}

static struct rep_sender_key key(const char *text)
{
	struct rep_sender_key k = {.context = 3};

	assert_int_equal(prefix_parse(text, &k.prefix), 0);
	return k;
}

static void mail(
	struct world *w, const char *from, enum rep_mail what, uint32_t count, uint32_t now)
{
	const struct rep_client c = client(from);

	rep_sender_mail(w->s, &c, what, count, now);
}

static struct rep_sender look(struct world *w, const char *prefix, uint32_t now)
{
	const struct rep_sender_key k = key(prefix);
	const uint32_t n = rep_sender_find(w->s, &k);
	struct rep_sender v;

	assert_int_not_equal(n, REP_NOBODY);
	rep_sender_get(w->s, n, now, &v);
	return v;
}

static bool is_known(struct world *w, const char *prefix)
{
	const struct rep_sender_key k = key(prefix);

	return rep_sender_find(w->s, &k) != REP_NOBODY;
}

static void the_score_is_the_share_of_the_bad(void **)
{
	static const struct {
		uint64_t good, bad_percent;
		uint32_t k;
		unsigned want;
	} rows[] = {
		// 100 * B / (B + G + k), halves upwards
		{0, 0, 4, 0},
		{0, 0, 0, 0},
		{100, 0, 4, 0},
		{0, 100, 4, 20},
		{0, 200, 4, 33},
		{0, 400, 4, 50},
		{0, 50, 4, 11},
		{0, 1600, 4, 80},
		{0, 1700, 4, 81},
		{0, 1000000, 4, 100},
		{96, 400, 0, 4},
		{96, 400, 4, 4},
		{1, 100, 0, 50},
		{199, 100, 0, 1},
		{200, 100, 0, 0},
		{7, 100, 0, 13},
		{10, 300, 4, 18},
		{10, 250, 4, 15},
		{UINT32_MAX, UINT32_MAX, 4, 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
			rep_score(rows[i].good, rows[i].bad_percent, rows[i].k), rows[i].want);
}

static void each_kind_has_its_weight(void **)
{
	static const struct {
		enum rep_mail what;
		uint32_t count;
		unsigned want;
	} rows[] = {
		{REP_CLEAN, 50, 0},
		{REP_SPAM, 4, 50},
		{REP_RECIPIENT, 8, 50},
		{REP_LOGIN, 8, 50},
		{REP_RECIPIENT, 1, 11},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;

		world_open(&w, usual);
		mail(&w, "192.0.2.1", rows[i].what, rows[i].count, NOW);
		assert_int_equal(look(&w, "192.0.2.1", NOW).score, rows[i].want);
		assert_int_equal(w.last.score, rows[i].want);
		assert_int_equal(w.facts, rows[i].want > 0);
		rep_senders_free(w.s);
	}
}

static void good_mail_lowers_the_score(void **)
{
	struct world w;

	world_open(&w, usual);
	mail(&w, "192.0.2.1", REP_SPAM, 6, NOW);
	assert_int_equal(w.last.score, 60);
	mail(&w, "192.0.2.1", REP_CLEAN, 10, NOW);
	assert_int_equal(w.last.score, 30);
	rep_senders_free(w.s);
}

static void a_score_falls_by_half_hours_and_is_told(void **)
{
	struct rep_fall falls[10];
	struct world w;

	world_open(&w, usual);
	mail(&w, "192.0.2.1", REP_SPAM, 4, NOW);             // 50
	mail(&w, "192.0.2.1", REP_SPAM, 12, NOW + 3 * HALF); // 16 in all: 80
	assert_int_equal(w.last.score, 80);
	assert_int_equal(rep_sender_falls(w.s, 0, NOW + 3 * HALF + 100, falls, 10), 2);
	assert_int_equal(falls[0].in_s, 21 * HALF - 100);
	assert_int_equal(falls[0].score, 75);
	assert_int_equal(falls[1].in_s, 24 * HALF - 100);
	assert_int_equal(falls[1].score, 0);
	w.facts = 0;
	rep_senders_tick(w.s, 10, NOW + 24 * HALF - 1);
	assert_int_equal(w.facts, 0);
	rep_senders_tick(w.s, 10, NOW + 24 * HALF);
	rep_senders_tick(w.s, 10, NOW + 24 * HALF);
	assert_int_equal(w.facts, 1);
	assert_int_equal(w.last.score, 75);
	rep_senders_tick(w.s, 10, NOW + 27 * HALF);
	rep_senders_tick(w.s, 10, NOW + 27 * HALF);
	assert_int_equal(w.last.score, 0);
	assert_false(is_known(&w, "192.0.2.1"));
	assert_int_equal(w.gone, 1);
	rep_senders_free(w.s);
}

static void the_worst_window_counts(void **)
{
	struct rep_senders_conf conf = usual;
	struct world w;

	conf.windows_min[0] = 1440; // slow attacks
	conf.windows_min[1] = 60;   // hailstorms
	conf.weights.k = 0;
	world_open(&w, conf);
	mail(&w, "192.0.2.1", REP_CLEAN, 300, NOW);
	mail(&w, "192.0.2.1", REP_SPAM, 30, NOW + 10 * HALF);
	mail(&w, "192.0.2.1", REP_CLEAN, 10, NOW + 11 * HALF);
	assert_int_equal(look(&w, "192.0.2.1", NOW + 11 * HALF).score, 75); // of the hour
	assert_int_equal(look(&w, "192.0.2.1", NOW + 12 * HALF).score, 9);  // of the day: 30 of 340
	assert_int_equal(look(&w, "192.0.2.1", NOW + 11 * HALF).good, 310);
	rep_senders_free(w.s);
}

static void every_configured_length_is_counted(void **)
{
	struct rep_senders_conf conf = usual;
	uint32_t numbers[2 * REP_LENGTHS_MAX];
	struct rep_client c = client("192.0.2.200");
	struct world w;

	conf.lengths4[0] = 24;
	conf.lengths4[1] = 32;
	conf.lengths6[0] = 48;
	world_open(&w, conf);
	mail(&w, "192.0.2.1", REP_SPAM, 4, NOW);
	mail(&w, "192.0.2.200", REP_SPAM, 2, NOW);
	mail(&w, "2001:db8:1:2::3", REP_SPAM, 4, NOW);
	assert_int_equal(look(&w, "192.0.2.1", NOW).score, 50);
	assert_int_equal(look(&w, "192.0.2.200", NOW).score, 33);
	assert_int_equal(look(&w, "192.0.2.0/24", NOW).score, 60);
	assert_int_equal(look(&w, "2001:db8:1::/48", NOW).score, 50);
	assert_int_equal(rep_sender_of(w.s, &c, numbers), 2);
	c.context = 5;
	assert_int_equal(rep_sender_of(w.s, &c, numbers), 0);
	rep_senders_free(w.s);
}

static void lists_of_an_operator(void **)
{
	static const struct {
		const char *prefix;
		enum rep_state to;
		int want;
	} rows[] = {
		{"192.0.2.1", REP_MANUAL, 0},
		{"192.0.2.1", REP_EXEMPT, 0},
		{"10.0.0.0/8", REP_MANUAL, 0},
		{"10.1.0.0/16", REP_MANUAL, 0},
		{"10.1.2.0/24", REP_MANUAL, 0},
		{"10.1.2.128/25", REP_MANUAL, -ERANGE}, // a fifth length
		{"11.0.0.0/8", REP_EXEMPT, 0},
		{"2001:db8::/32", REP_MANUAL, 0},
		{"192.0.2.2", REP_AUTO, -EINVAL},
		{"192.0.2.9", REP_NONE, 0},
	};
	struct rep_sender_key k, odd = {.context = 3};
	struct world w;

	world_open(&w, usual);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		k = key(rows[i].prefix);
		w.last = (struct rep_fact){0};
		assert_int_equal(
			rep_sender_set(w.s, &k, &(struct rep_listing){.state = rows[i].to}, NOW),
			rows[i].want);
		assert_int_equal(w.last.listed, rows[i].want == 0 && rows[i].to == REP_MANUAL);
		assert_int_equal(w.last.exempt, rows[i].want == 0 && rows[i].to == REP_EXEMPT);
	}
	assert_false(is_known(&w, "192.0.2.9"));
	assert_int_equal(w.began[REP_EVT_MANUAL], 5);
	assert_int_equal(prefix_parse("10.1.2.0/24", &odd.prefix), 0);
	odd.prefix.len = 104; // host bits
	assert_int_equal(rep_sender_set(w.s, &odd, &(struct rep_listing){.state = REP_MANUAL}, NOW),
		-EINVAL);
	k = key("10.1.0.0/16"); // its length is free again once nobody has it
	assert_int_equal(rep_sender_set(w.s, &k, &(struct rep_listing){.state = REP_NONE}, NOW), 0);
	assert_false(w.last.listed);
	rep_senders_tick(w.s, 100, NOW);
	rep_senders_tick(w.s, 100, NOW);
	k = key("10.1.2.128/25");
	assert_int_equal(
		rep_sender_set(w.s, &k, &(struct rep_listing){.state = REP_MANUAL}, NOW), 0);
	rep_senders_free(w.s);
}

static void one_sender_can_be_cleared(void **)
{
	const struct rep_sender_key k = key("192.0.2.1"), none = key("192.0.2.99");
	struct world w;

	world_open(&w, usual);
	mail(&w, "192.0.2.1", REP_SPAM, 40, NOW);
	mail(&w, "192.0.2.2", REP_SPAM, 40, NOW);
	assert_int_equal(rep_sender_clear(w.s, &k, NOW), 0);
	assert_int_equal(w.last.score, 0);
	assert_int_equal(look(&w, "192.0.2.1", NOW).score, 0);
	assert_int_equal(look(&w, "192.0.2.2", NOW).score, 91);
	assert_int_equal(rep_sender_clear(w.s, &none, NOW), -ENOENT);
	rep_senders_free(w.s);
}

static void failed_logins_block_the_longest_prefix(void **)
{
	struct rep_senders_conf conf = usual;
	struct rep_client c = client("2001:db8::1"), near = client("2001:db8::2");
	struct world w;

	conf.lengths6[0] = 48;
	conf.lengths6[1] = 64;
	world_open(&w, conf);
	rep_sender_login(w.s, &c, false, 4, NOW);
	rep_sender_login(w.s, &near, false, 2, NOW);
	assert_int_equal(w.began[REP_EVT_AUTH], 1);
	assert_int_equal(look(&w, "2001:db8::/64", NOW).auth_s, 600);
	rep_sender_login(w.s, &c, true, 1, NOW);
	assert_int_equal(look(&w, "2001:db8::/64", NOW).auth_s, 0);
	assert_int_equal(w.last.auth_s, 0);
	rep_senders_free(w.s);
}

static void windows_and_lengths_can_be_changed(void **)
{
	struct rep_senders_conf conf = usual;
	struct rep_sender_key k = key("192.0.2.0/24");
	struct world w;

	world_open(&w, conf);
	mail(&w, "192.0.2.1", REP_SPAM, 4, NOW);
	mail(&w, "192.0.2.1", REP_SPAM, 12, NOW + 3 * HALF);
	conf.windows_min[0] = 60;
	assert_int_equal(rep_senders_change(w.s, &conf), 0);
	assert_int_equal(look(&w, "192.0.2.1", NOW + 3 * HALF).score, 75);
	conf.windows_min[0] = 1440;
	assert_int_equal(rep_senders_change(w.s, &conf), 0);
	assert_int_equal(look(&w, "192.0.2.1", NOW + 40 * HALF).score, 75);
	assert_int_equal(look(&w, "192.0.2.1", NOW + 51 * HALF).score, 0);
	mail(&w, "192.0.2.2", REP_SPAM, 4, NOW + 52 * HALF);
	assert_int_equal(rep_sender_set(w.s, &k, &(struct rep_listing){.state = REP_MANUAL},
				 NOW + 52 * HALF),
		0);
	conf.lengths4[0] = 24;
	assert_int_equal(rep_senders_change(w.s, &conf), 0);
	rep_senders_tick(w.s, 100, NOW + 52 * HALF);
	assert_int_equal(rep_senders_tell(w.s, 100, NOW + 52 * HALF), 0);
	assert_int_equal(w.last.score, 0);
	assert_int_equal(look(&w, "192.0.2.0/24", NOW + 52 * HALF).state, REP_MANUAL);
	rep_senders_tick(w.s, 100, NOW + 52 * HALF);
	rep_senders_tick(w.s, 100, NOW + 52 * HALF);
	assert_false(is_known(&w, "192.0.2.2"));
	mail(&w, "192.0.2.2", REP_SPAM, 4, NOW + 52 * HALF);
	assert_false(is_known(&w, "192.0.2.2"));
	assert_int_equal(look(&w, "192.0.2.0/24", NOW + 52 * HALF).score, 50);
	conf.windows_min[0] = 45;
	assert_int_equal(rep_senders_change(w.s, &conf), -EINVAL);
	rep_senders_free(w.s);
}

// So many senders, each with 4 of spam three half hours before NOW and 12 at NOW.
static void many_open(struct world *w, unsigned n)
{
	world_open(w, usual);
	for (unsigned i = 0; i < n; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "192.0.2.%u", i);
		mail(w, text, REP_SPAM, 4, NOW - 3 * HALF);
		mail(w, text, REP_SPAM, 12, NOW);
	}
}

static void windows_change(struct world *w, uint32_t minutes)
{
	struct rep_senders_conf conf = usual;

	conf.windows_min[0] = minutes;
	assert_int_equal(rep_senders_change(w->s, &conf), 0);
}

// Of each when it is looked at, however: by get, by more spam, by a save, by a tick, by a page it is the same.
static void other_windows_are_taken_over_whenever_one_is_looked_at(void **)
{
	const struct rep_filter high = {.score_min = 80};
	struct rep_sender_saved saved;
	uint32_t numbers[4], next = 0;
	struct rep_fall falls[4];
	struct rep_sender_key k;
	struct world w;

	many_open(&w, 6);
	k = key("192.0.2.1");
	assert_int_equal(look(&w, "192.0.2.0", NOW).score, 80);
	windows_change(&w, 60);
	rep_sender_save(w.s, rep_sender_find(w.s, &k), 0, &saved); // as it was
	assert_int_equal(saved.cells, 24);
	assert_int_equal(saved.cell[3].bad, 400);
	assert_int_equal(look(&w, "192.0.2.0", NOW).score, 75);
	mail(&w, "192.0.2.1", REP_SPAM, 4, NOW + HALF);
	assert_int_equal(w.last.score, 80);
	rep_sender_save(w.s, rep_sender_find(w.s, &k), 0, &saved);
	assert_int_equal(saved.cells, 2);
	k = key("192.0.2.2");
	assert_int_equal(rep_sender_falls(w.s, rep_sender_find(w.s, &k), NOW, falls, 4), 1);
	k = key("192.0.2.3");
	assert_int_equal(rep_sender_clear(w.s, &k, NOW), 0);
	assert_int_equal(look(&w, "192.0.2.3", NOW).score, 0);
	assert_int_equal(rep_senders_page(w.s, &high, &next, numbers, 4, NOW), 1); // .1
	rep_senders_tick(w.s, 10, NOW);
	assert_int_equal(look(&w, "192.0.2.5", NOW + HALF).score, 75);
	assert_int_equal(look(&w, "192.0.2.5", NOW + 2 * HALF).score, 0);
	rep_senders_free(w.s);
}

static void a_second_change_waits_for_the_first(void **)
{
	enum { N = 50 };
	struct rep_sender_saved saved;
	struct rep_sender_key k;
	struct world w;

	many_open(&w, N);
	k = key("192.0.2.49");
	windows_change(&w, 60);
	windows_change(&w, 30); // in whose place the next one is
	windows_change(&w, 1440);
	for (unsigned i = 0; i < N; i++) {
		rep_sender_save(w.s, rep_sender_find(w.s, &k), 0, &saved);
		assert_int_equal(saved.cells, 24);
		rep_senders_tick(w.s, 1, NOW);
	}
	rep_sender_save(w.s, rep_sender_find(w.s, &k), 0, &saved);
	assert_int_equal(saved.cells, 2);
	rep_senders_tick(w.s, N, NOW);
	rep_senders_tick(w.s, N, NOW);
	rep_sender_save(w.s, rep_sender_find(w.s, &k), 0, &saved);
	assert_int_equal(saved.cells, 48);
	assert_int_equal(look(&w, "192.0.2.49", NOW + 47 * HALF).score, 75);
	assert_int_equal(look(&w, "192.0.2.49", NOW + 48 * HALF).score, 0);
	windows_change(&w, 60);
	windows_change(&w, 1440); // and back again: nothing waits
	windows_change(&w, 60);
	rep_senders_tick(w.s, N, NOW);
	rep_senders_tick(w.s, N, NOW);
	rep_sender_save(w.s, rep_sender_find(w.s, &k), 0, &saved);
	assert_int_equal(saved.cells, 2);
	rep_senders_free(w.s);
}

static void who_is_told_of_after_a_change_has_the_score_he_has(void **)
{
	struct world w;

	many_open(&w, 1);
	windows_change(&w, 60);
	rep_senders_tell_all(w.s);
	assert_int_equal(rep_senders_tell(w.s, 10, NOW), 0);
	assert_int_equal(w.last.score, 75);
	rep_senders_free(w.s);
}

static void the_full_table_lets_go_who_says_least(void **)
{
	struct rep_senders_conf conf = usual;
	struct rep_counts counts;
	struct world w;

	conf.most = 3;
	world_open(&w, conf);
	mail(&w, "192.0.2.1", REP_SPAM, 1, NOW);
	mail(&w, "192.0.2.2", REP_CLEAN, 9, NOW - HALF);
	mail(&w, "192.0.2.3", REP_CLEAN, 1, NOW);
	mail(&w, "192.0.2.4", REP_CLEAN, 1, NOW);
	assert_false(is_known(&w, "192.0.2.2"));
	mail(&w, "192.0.2.5", REP_SPAM, 2, NOW);
	mail(&w, "192.0.2.6", REP_SPAM, 2, NOW);
	assert_true(is_known(&w, "192.0.2.1"));
	w.last = (struct rep_fact){.score = 77};
	mail(&w, "192.0.2.7", REP_CLEAN, 2, NOW);
	assert_false(is_known(&w, "192.0.2.1"));
	assert_int_equal(w.last.score, 0); // taken back: it is not refused for ever
	w.room = 0;
	mail(&w, "192.0.2.8", REP_CLEAN, 2, NOW); // in place of a clean one
	assert_true(is_known(&w, "192.0.2.8"));
	rep_senders_counts(w.s, &counts);
	assert_int_equal(counts.entries, 3);
	assert_int_equal(counts.evicted, 5);
	rep_senders_free(w.s);
}

static void all_is_told_again(void **)
{
	const struct rep_sender_key k = key("10.0.0.0/8");
	struct world w;

	world_open(&w, usual);
	mail(&w, "192.0.2.1", REP_SPAM, 1, NOW);
	mail(&w, "192.0.2.2", REP_CLEAN, 1, NOW);
	(void)rep_sender_set(w.s, &k, &(struct rep_listing){.state = REP_MANUAL}, NOW);
	w.facts = 0;
	rep_senders_tell_all(w.s);
	w.room = 1;
	assert_int_equal(rep_senders_tell(w.s, 100, NOW), 1);
	w.room = 100;
	assert_int_equal(rep_senders_tell(w.s, 100, NOW), 0);
	assert_int_equal(w.facts, 2);
	rep_senders_free(w.s);
}

static void what_is_saved_comes_back_as_it_was(void **)
{
	static struct rep_sender_saved saved;
	struct rep_client c = client("192.0.2.1");
	struct rep_sender v;
	struct world w, again;

	world_open(&w, usual);
	world_open(&again, usual);
	mail(&w, "192.0.2.1", REP_SPAM, 4, NOW);
	mail(&w, "192.0.2.1", REP_SPAM, 12, NOW + 3 * HALF);
	rep_sender_login(w.s, &c, false, 6, NOW + 3 * HALF);
	rep_sender_save(w.s, 0, 0, &saved);
	assert_int_equal(rep_sender_load(again.s, &saved, NOW + 3 * HALF), 0);
	v = look(&again, "192.0.2.1", NOW + 3 * HALF);
	assert_int_equal(v.score, look(&w, "192.0.2.1", NOW + 3 * HALF).score);
	assert_int_equal(v.auth_s, 600);
	rep_senders_tell_all(again.s);
	assert_int_equal(rep_senders_tell(again.s, 10, NOW + 3 * HALF), 0);
	assert_int_equal(again.last.score, v.score);
	assert_int_equal(again.last.auth_s, 600);
	assert_int_equal(look(&again, "192.0.2.1", NOW + 24 * HALF).score,
		look(&w, "192.0.2.1", NOW + 24 * HALF).score);
	rep_senders_free(again.s);
	world_open(&again, usual); // a clock that went back
	assert_int_equal(rep_sender_load(again.s, &saved, NOW - 1000 * HALF), 0);
	assert_int_equal(look(&again, "192.0.2.1", NOW - 1000 * HALF).score, v.score);
	assert_int_equal(look(&again, "192.0.2.1", NOW - 1000 * HALF).auth_s, 600);
	saved.cells = REP_SENDER_CELLS_MAX + 1;
	assert_int_equal(rep_sender_load(again.s, &saved, NOW), -EINVAL);
	rep_senders_free(w.s);
	rep_senders_free(again.s);
}

static void octets_are_what_was_saved(void **)
{
	static struct rep_sender_saved saved, again;
	uint8_t octets[REP_PACK_MAX];
	struct rep_client c = client("192.0.2.1");
	struct world w;
	uint32_t n;

	world_open(&w, usual);
	mail(&w, "192.0.2.1", REP_SPAM, 4, NOW);
	mail(&w, "192.0.2.1", REP_CLEAN, 70000, NOW + 3 * HALF);
	rep_sender_login(w.s, &c, false, 7, NOW + 3 * HALF);
	rep_sender_save(w.s, 0, 0, &saved);
	n = rep_sender_pack(&saved, octets);
	assert_int_equal(rep_sender_unpack((struct span){.p = octets, .n = n}, &again), 0);
	assert_int_equal(again.cells, 4);
	again.cells = saved.cells;
	again.key = saved.key;
	assert_memory_equal(&again.auth, &saved.auth, sizeof(saved.auth));
	assert_memory_equal(again.cell, saved.cell, sizeof(saved.cell));
	assert_int_equal(again.newest_s, saved.newest_s);
	octets[0] = 99;
	assert_int_equal(rep_sender_unpack((struct span){.p = octets, .n = n}, &again), -EINVAL);
	rep_senders_free(w.s);
}

static void pages_and_the_highest(void **)
{
	struct rep_filter within = {0}, scored = {.score_min = 50};
	static struct rep_top top;
	uint32_t next = 0, numbers[100];
	struct world w;

	world_open(&w, usual);
	for (unsigned i = 1; i <= 40; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "10.%u.0.%u", i % 2, i);
		mail(&w, text, REP_SPAM, i, NOW);
	}
	assert_int_equal(prefix_parse("10.1.0.0/16", &within.within), 0);
	assert_int_equal(rep_senders_page(w.s, &within, &next, numbers, 100, NOW), 20);
	assert_int_equal(next, REP_NOBODY);
	next = 0;
	assert_int_equal(rep_senders_page(w.s, &scored, &next, numbers, 30, NOW), 30);
	assert_int_equal(rep_senders_page(w.s, &scored, &next, numbers, 30, NOW), 7);
	top = (struct rep_top){.most = 3};
	assert_false(rep_senders_top(w.s, &(struct rep_filter){0}, &top, NOW));
	assert_int_equal(top.n, 3);
	assert_int_equal(top.row[0].score, 91);
	rep_senders_free(w.s);
}

static void an_operators_list_of_senders_may_end_by_itself(void **)
{
	struct rep_sender_key k = key("10.1.2.3/32");
	struct rep_sender_saved saved;
	struct rep_sender v;
	struct world w;

	world_open(&w, usual);
	assert_int_equal(rep_sender_set(w.s, &k,
				 &(struct rep_listing){.state = REP_MANUAL,
					 .until_s = NOW + 100,
					 .comment = span_str("why")},
				 NOW),
		0);
	assert_true(w.last.listed);
	rep_sender_get(w.s, rep_sender_find(w.s, &k), NOW + 99, &v);
	assert_int_equal(v.until_s, NOW + 100);
	assert_int_equal(v.since_s, NOW);
	assert_true(span_eq(v.comment, span_str("why")));
	rep_sender_save(w.s, rep_sender_find(w.s, &k), 0, &saved);
	rep_senders_tick(w.s, 100, NOW + 100); // looks at what is over first
	assert_false(w.last.listed);
	assert_int_equal(rep_sender_load(w.s, &saved, NOW + 101), 0);
	rep_sender_get(w.s, rep_sender_find(w.s, &k), NOW + 101, &v);
	assert_int_equal(v.state, REP_NONE);
	rep_senders_free(w.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_operators_list_of_senders_may_end_by_itself),
		cmocka_unit_test(the_score_is_the_share_of_the_bad),
		cmocka_unit_test(each_kind_has_its_weight),
		cmocka_unit_test(good_mail_lowers_the_score),
		cmocka_unit_test(a_score_falls_by_half_hours_and_is_told),
		cmocka_unit_test(the_worst_window_counts),
		cmocka_unit_test(every_configured_length_is_counted),
		cmocka_unit_test(lists_of_an_operator),
		cmocka_unit_test(one_sender_can_be_cleared),
		cmocka_unit_test(failed_logins_block_the_longest_prefix),
		cmocka_unit_test(windows_and_lengths_can_be_changed),
		cmocka_unit_test(other_windows_are_taken_over_whenever_one_is_looked_at),
		cmocka_unit_test(a_second_change_waits_for_the_first),
		cmocka_unit_test(who_is_told_of_after_a_change_has_the_score_he_has),
		cmocka_unit_test(the_full_table_lets_go_who_says_least),
		cmocka_unit_test(all_is_told_again),
		cmocka_unit_test(what_is_saved_comes_back_as_it_was),
		cmocka_unit_test(octets_are_what_was_saved),
		cmocka_unit_test(pages_and_the_highest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
