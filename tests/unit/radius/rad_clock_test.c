// SPDX-License-Identifier: BSD-3-Clause
// Which records are too old by the clock of their NAS, whatever that clock shows.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "rad_clock.h"

enum { NOW = 1000000, THERE = 1700000000 }; // ours, the NAS's

static const char *const words[] = {
	[RAD_CLOCK_GOOD] = "good", [RAD_CLOCK_EARLY] = "early", [RAD_CLOCK_LATE] = "late"};

struct step {
	int32_t at_s, event_s; // from NOW and THERE
	uint32_t delay_s;
	enum rad_clock_says says;
};

static void follow(const struct step *steps, size_t n)
{
	struct rad_clock c = {0};

	for (size_t i = 0; i < n; i++) {
		const struct step *s = &steps[i];
		const enum rad_clock_says says = rad_clock_take(
			&c, (uint32_t)(THERE + s->event_s), s->delay_s, (uint32_t)(NOW + s->at_s));

		if (says != s->says)
			fail_msg("step %zu: %s, not %s", i, words[says], words[s->says]);
	}
}
#define FOLLOW(...)                                               \
	do {                                                      \
		static const struct step steps[] = {__VA_ARGS__}; \
		follow(steps, sizeof(steps) / sizeof(steps[0]));  \
	} while (0)
#define GOOD RAD_CLOCK_GOOD
#define EARLY RAD_CLOCK_EARLY
#define LATE RAD_CLOCK_LATE

static void what_somebody_sends_again_is_late(void **)
{
	FOLLOW({0, 0, 0, GOOD}, {250, 0, 0, GOOD}, {300, 0, 0, GOOD}, {301, 0, 0, LATE},
		{301, 300, 0, GOOD}, {900, 0, 0, LATE}, {900, 300, 0, LATE}, {86400, 300, 0, LATE},
		{86400, 86400, 0, GOOD});
}

static void a_record_that_says_how_long_it_was_under_way_is_not(void **)
{
	FOLLOW({0, 0, 0, GOOD}, {3600, 0, 3600, GOOD}, {3600, 0, 3300, GOOD}, {3600, 0, 3299, LATE},
		{3601, 3601, 0, GOOD});
}

// Of 100 seconds a day; and too fast.
static void a_clock_that_goes_wrong_is_followed(void **)
{
	static const int drifts[] = {-100, 100};

	for (size_t i = 0; i < sizeof(drifts) / sizeof(drifts[0]); i++) {
		struct rad_clock c = {0};

		for (int64_t s = 0; s < 30 * 86400; s += 60)
			assert_int_equal(
				rad_clock_take(&c, (uint32_t)(THERE + s + s * drifts[i] / 86400), 0,
					(uint32_t)(NOW + s)),
				GOOD);
		const int64_t end = 30 * 86400;
		assert_int_equal(
			rad_clock_take(&c, (uint32_t)(THERE + end + end * drifts[i] / 86400 - 400),
				0, (uint32_t)(NOW + end)),
			LATE);
	}
}

static void a_clock_that_was_set_back_is_believed_after_a_minute(void **)
{
	FOLLOW({0, 0, 0, GOOD}, {10, -9990, 0, LATE}, {40, -9960, 0, LATE}, {69, -9931, 0, LATE},
		{70, -9930, 0, GOOD}, {80, -9920, 0, GOOD});
}

static void one_that_was_set_on_is_taken_and_believed_after_a_minute(void **)
{
	FOLLOW({0, 0, 0, GOOD}, {10, 10000, 0, EARLY}, {11, 11, 0, GOOD}, {20, 10010, 0, EARLY},
		{79, 10069, 0, EARLY}, {80, 10070, 0, GOOD}, {80, 11, 0, LATE});
}

static void who_sends_an_old_record_again_and_again_sets_no_clock(void **)
{
	struct rad_clock c = {0};

	assert_int_equal(rad_clock_take(&c, THERE, 0, NOW), GOOD);
	for (unsigned s = 400; s < 4000; s++)
		assert_int_equal(rad_clock_take(&c, THERE, 0, NOW + s), LATE);
}

static void records_of_now_speak_against_others(void **)
{
	struct rad_clock c = {0};

	for (unsigned s = 0; s < 4000;
		s += 30) { // an old stream at its old pace beside the true one
		assert_int_equal(rad_clock_take(&c, THERE + s, 0, NOW + s), GOOD);
		assert_int_equal(rad_clock_take(&c, THERE + s - 90000, 0, NOW + s + 1), LATE);
	}
}

static void what_is_ahead_of_a_clock_is_not_of_its_past(void **)
{
	struct rad_clock c = {0};

	assert_false(rad_clock_has(&c, THERE, NOW));
	assert_int_equal(rad_clock_take(&c, THERE, 0, NOW), GOOD);
	assert_true(rad_clock_has(&c, THERE - 100000, NOW));
	assert_true(rad_clock_has(&c, THERE + 300, NOW));
	assert_false(rad_clock_has(&c, THERE + 301, NOW));
	assert_true(rad_clock_has(&c, THERE + 301, NOW + 1));
}

static void a_clock_outlives_a_process(void **)
{
	struct rad_clock c = {0};

	rad_clock_restore(&c, THERE - 50, NOW - 50, NOW);
	rad_clock_restore(&c, THERE - 900, NOW - 100, NOW); // an older one of it
	assert_int_equal(rad_clock_take(&c, THERE - 301, 0, NOW), LATE);
	assert_int_equal(rad_clock_take(&c, THERE, 0, NOW), GOOD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_somebody_sends_again_is_late),
		cmocka_unit_test(a_record_that_says_how_long_it_was_under_way_is_not),
		cmocka_unit_test(a_clock_that_goes_wrong_is_followed),
		cmocka_unit_test(a_clock_that_was_set_back_is_believed_after_a_minute),
		cmocka_unit_test(one_that_was_set_on_is_taken_and_believed_after_a_minute),
		cmocka_unit_test(who_sends_an_old_record_again_and_again_sets_no_clock),
		cmocka_unit_test(records_of_now_speak_against_others),
		cmocka_unit_test(what_is_ahead_of_a_clock_is_not_of_its_past),
		cmocka_unit_test(a_clock_outlives_a_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
