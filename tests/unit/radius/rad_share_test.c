// SPDX-License-Identifier: BSD-3-Clause
// What one NAS cannot do to others: take all bindings, take all names. And what was recorded of it and is sent
// again later changes nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rad_bind.h"

enum { BINDINGS = 64, NAMES = 4, NOW = 1000000, KEEP_S = 60, THERE = 1700000000 };

static struct rad_bind *bind;
static struct rad_context here;
static uint32_t era[16]; // of NAS, as stored
static struct rad_row row[256];

static void change_none(void *, const struct rad_key *, struct rad_bound) {}

static void row_store(void *, const struct rad_row *r)
{
	row[r->key.prefix.addr.b[15]] = *r;
}

static void era_store(void *, uint64_t nas, uint32_t e)
{
	era[nas] = e;
}

static struct rad_bind *bind_make(void)
{
	const struct rad_bind_conf conf = {.bindings = BINDINGS,
		.endpoints = BINDINGS,
		.nas = NAMES,
		.keep_s = KEEP_S,
		.row = row_store,
		.nas_era = era_store,
		.key = "0123456789abcde",
		.id_key = "what ids go by"};
	struct rad_bind *b = rad_bind_new(&conf, change_none, NULL);

	assert_non_null(b);
	return b;
}

static int bind_open(void **)
{
	memset(era, 0, sizeof(era));
	memset(row, 0, sizeof(row));
	bind = bind_make();
	rad_bind_shares_begin(bind);
	here = (struct rad_context){.key = 5, .share = rad_bind_share(bind, 77), .most = 8};
	assert_int_not_equal(here.share, 0);
	return 0;
}

static int bind_close(void **)
{
	rad_bind_free(bind);
	return 0;
}

static struct prefix place(unsigned i)
{
	const uint8_t v4[4] = {10, 0, 0, (uint8_t)i};

	return (struct prefix){.addr = addr_from_v4(v4), .len = 128};
}

struct told {
	uint32_t status;
	unsigned nas, session, place;
	uint32_t at_s;
	uint32_t event_s, delay_s;
};

static enum rad_fate tell(const struct told *t, struct rad_context context)
{
	static const char *const ids[] = {"alice", "bob", "carol"};
	const bool session = t->status != RAD_ON && t->status != RAD_OFF;

	return rad_bind_take(bind,
		&(struct rad_account){.status = t->status,
			.nas = t->nas,
			.session = t->session,
			.event_s = t->event_s,
			.delay_s = t->delay_s,
			.id = session ? span_str(ids[t->session % 3]) : (struct span){0},
			.naddress = session,
			.address = {place(t->place)},
			.port_last = UINT16_MAX},
		context, t->at_s);
}
#define TELL(...) tell(&(struct told){__VA_ARGS__}, here)

static const char *who(unsigned at)
{
	static char id[RAD_ID_MAX + 1];
	const struct rad_key k = {
		.prefix = place(at), .port_last = UINT16_MAX, .context = here.key};
	const struct rad_bound now = rad_bind_find(bind, &k);

	if (now.endpoint == RAD_NONE)
		return "nobody";
	const struct span s = rad_bind_id(bind, now.endpoint);
	(void)snprintf(id, sizeof(id), "%.*s", (int)s.n, (const char *)s.p);
	return id;
}

// ---- shares

static void a_share_is_all_that_its_nas_get_together(void **)
{
	const struct rad_context other = {.key = 5, .share = rad_bind_share(bind, 78), .most = 4};
	unsigned n;

	for (n = 0; n < 20; n++)
		if (TELL(RAD_START, 1 + n % 2, n, n, NOW) != RAD_DONE)
			break;
	assert_int_equal(n, 8);
	assert_int_equal(TELL(RAD_START, 1, 30, 30, NOW), RAD_SHARE_FULL);
	assert_int_equal(TELL(RAD_INTERIM, 1, 0, 0, NOW + 1), RAD_DONE); // what it has goes on
	assert_int_equal(TELL(RAD_START, 1, 31, 0, NOW + 2), RAD_DONE);  // and changes hands
	assert_int_equal(rad_bind_counts(bind).share, 2);
	assert_int_equal(rad_bind_share_used(bind, here.share), 8);
	for (n = 0; n < 4; n++)
		assert_int_equal(
			tell(&(struct told){RAD_START, 3, n, 40 + n, NOW}, other), RAD_DONE);
	// Nor does it get another's.
	assert_int_equal(tell(&(struct told){RAD_START, 3, 9, 1, NOW + 3}, other), RAD_SHARE_FULL);
	assert_string_equal(who(1), "bob");
}

static void what_ended_long_ago_makes_room_in_its_share(void **)
{
	for (unsigned n = 0; n < 8; n++) {
		assert_int_equal(TELL(RAD_START, 1, n, n, NOW), RAD_DONE);
		assert_int_equal(TELL(RAD_STOP, 1, n, n, NOW), RAD_DONE);
	}
	assert_int_equal(TELL(RAD_START, 1, 20, 20, NOW), RAD_SHARE_FULL);
	rad_bind_tick(bind, NOW + KEEP_S + 1, BINDINGS);
	assert_int_equal(TELL(RAD_START, 1, 20, 20, NOW + KEEP_S + 1), RAD_DONE);
	assert_int_equal(rad_bind_share_used(bind, here.share), 1);
}

static void an_address_that_goes_to_another_nas_counts_there(void **)
{
	const struct rad_context other = {.key = 5, .share = rad_bind_share(bind, 78), .most = 4};

	assert_int_equal(TELL(RAD_START, 1, 1, 1, NOW), RAD_DONE);
	assert_int_equal(tell(&(struct told){RAD_START, 3, 2, 1, NOW + 1}, other), RAD_DONE);
	assert_int_equal(rad_bind_share_used(bind, here.share), 0);
	assert_int_equal(rad_bind_share_used(bind, other.share), 1);
}

static void shares_follow_the_configuration(void **)
{
	assert_int_equal(TELL(RAD_START, 1, 1, 1, NOW), RAD_DONE);
	for (uint64_t i = 1; i < 10000; i++) { // entries come and go
		rad_bind_shares_begin(bind);
		assert_int_not_equal(rad_bind_share(bind, 1000 + i), 0);
	}
	assert_int_equal(rad_bind_share(bind, 77), here.share); // it has bindings
	assert_int_equal(rad_bind_share_used(bind, here.share), 1);
	here.share = rad_bind_share(bind, 1000000); // renamed: all that its NAS have goes with it
	assert_int_equal(TELL(RAD_INTERIM, 1, 1, 1, NOW + 1), RAD_DONE);
	assert_int_equal(rad_bind_share_used(bind, here.share), 1);
}

// ---- names

static void who_has_no_bindings_makes_room_for_another_name(void **)
{
	assert_int_equal(TELL(RAD_START, 1, 1, 1, NOW), RAD_DONE);
	for (unsigned nas = 2; nas < 16; nas++) {
		assert_int_equal(TELL(RAD_ON, nas, 0, 0, NOW + nas), RAD_DONE);
		assert_int_equal(era[nas], 1);
	}
	assert_int_equal(rad_bind_counts(bind).nas, NAMES);
	assert_int_equal(rad_bind_counts(bind).nas_forgotten, 11);
	for (unsigned nas = 2; nas < 16; nas++)
		assert_int_equal(era[nas], nas > 12); // forgotten in the store, too
	assert_string_equal(who(1), "bob");
	assert_int_equal(TELL(RAD_ON, 1, 0, 0, NOW + 20), RAD_DONE); // it was never forgotten
	assert_string_equal(who(1), "nobody");
}

static void where_all_names_have_bindings_another_is_refused(void **)
{
	for (unsigned nas = 1; nas <= NAMES; nas++)
		assert_int_equal(TELL(RAD_START, nas, nas, nas, NOW), RAD_DONE);
	assert_int_equal(TELL(RAD_START, 9, 9, 9, NOW), RAD_FULL);
	assert_int_equal(TELL(RAD_STOP, 2, 2, 2, NOW), RAD_DONE);
	assert_int_equal(TELL(RAD_START, 9, 9, 9, NOW), RAD_FULL); // it is remembered that it ended
	rad_bind_tick(bind, NOW + KEEP_S + 1, BINDINGS);
	assert_int_equal(TELL(RAD_START, 9, 9, 9, NOW + KEEP_S + 1), RAD_DONE);
}

// ---- sent again

static void an_old_start_does_not_take_an_address_back(void **)
{
	assert_int_equal(TELL(RAD_START, 1, 1, 1, NOW, THERE), RAD_DONE);
	assert_int_equal(TELL(RAD_STOP, 1, 1, 1, NOW + 50, THERE + 50), RAD_DONE);
	assert_int_equal(TELL(RAD_START, 1, 2, 1, NOW + 100, THERE + 100), RAD_DONE);
	assert_int_equal(TELL(RAD_START, 1, 1, 1, NOW + 140, THERE), RAD_OLD);
	assert_int_equal(TELL(RAD_INTERIM, 1, 1, 1, NOW + 140, THERE + 98), RAD_OLD);
	assert_string_equal(who(1), "carol");
	assert_int_equal(TELL(RAD_START, 1, 1, 9, NOW + 140, THERE + 140), RAD_DONE);
	assert_int_equal(TELL(RAD_START, 1, 0, 2, NOW + 600, THERE), RAD_OLD); // free, but so late
	assert_string_equal(who(2), "nobody");
	assert_int_equal(rad_bind_counts(bind).old, 3);
}

static void an_old_stop_does_not_end_a_session_that_has_its_number_again(void **)
{
	assert_int_equal(TELL(RAD_START, 1, 1, 1, NOW, THERE), RAD_DONE);
	assert_int_equal(TELL(RAD_INTERIM, 1, 1, 1, NOW + 100, THERE + 100), RAD_DONE);
	assert_int_equal(TELL(RAD_STOP, 1, 1, 1, NOW + 100, THERE + 50), RAD_OLD);
	assert_string_equal(who(1), "bob");
	assert_int_equal(TELL(RAD_STOP, 1, 1, 1, NOW + 101, THERE + 101), RAD_DONE);
	assert_string_equal(who(1), "nobody");
}

static void an_old_restart_clears_nothing(void **)
{
	static const uint32_t status[] = {RAD_ON, RAD_OFF};

	assert_int_equal(TELL(RAD_ON, 1, 0, 0, NOW, THERE), RAD_DONE);
	assert_int_equal(TELL(RAD_START, 1, 1, 1, NOW + 30, THERE + 30), RAD_DONE);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(TELL(status[i], 1, 0, 0, NOW + 40, THERE), RAD_OLD);
	assert_string_equal(who(1), "bob");
	// What it had before it restarted does not come again either.
	assert_int_equal(TELL(RAD_ON, 1, 0, 0, NOW + 60, THERE + 60), RAD_DONE);
	assert_int_equal(TELL(RAD_START, 1, 1, 1, NOW + 70, THERE + 30), RAD_OLD);
	assert_string_equal(who(1), "nobody");
}

static void a_record_that_was_long_under_way_is_taken(void **)
{
	assert_int_equal(TELL(RAD_START, 1, 1, 1, NOW, THERE), RAD_DONE);
	assert_int_equal(TELL(RAD_START, 1, 2, 2, NOW + 5000, THERE + 1000, 4000), RAD_DONE);
	assert_string_equal(who(2), "carol");
	assert_int_equal(TELL(RAD_START, 1, 2, 3, NOW + 5000, THERE + 1000), RAD_OLD);
}

static void a_nas_without_timestamps_goes_by_arrival(void **)
{
	assert_int_equal(TELL(RAD_START, 1, 1, 1, NOW), RAD_DONE);
	assert_int_equal(TELL(RAD_START, 1, 2, 1, NOW + 1), RAD_DONE);
	assert_string_equal(who(1), "carol");
	assert_int_equal(TELL(RAD_START, 1, 3, 1, NOW + 2), RAD_DONE);
	assert_string_equal(who(1), "alice");
}

static void another_nas_has_another_clock(void **)
{
	assert_int_equal(TELL(RAD_START, 1, 1, 1, NOW, THERE), RAD_DONE);
	assert_int_equal(TELL(RAD_START, 2, 2, 1, NOW + 1, THERE - 1000000), RAD_DONE);
	assert_string_equal(who(1), "carol");
}

static void a_clock_that_was_set_back_does_not_hold_bindings_up_for_ever(void **)
{
	assert_int_equal(TELL(RAD_START, 1, 1, 1, NOW, THERE), RAD_DONE);
	for (unsigned s = 1; s <= 60; s++)
		assert_int_equal(TELL(RAD_START, 1, 2, 1, NOW + s, THERE - 90000 + s), RAD_OLD);
	assert_int_equal(TELL(RAD_START, 1, 2, 1, NOW + 61, THERE - 90000 + 61), RAD_DONE);
	assert_string_equal(who(1), "carol");
}

static void what_was_known_of_a_clock_outlives_the_process(void **)
{
	assert_int_equal(TELL(RAD_START, 1, 1, 1, NOW, THERE), RAD_DONE);
	assert_int_equal(TELL(RAD_START, 1, 2, 1, NOW + 100, THERE + 100), RAD_DONE);
	const struct rad_row was = row[1];
	assert_int_equal(was.event_s, THERE + 100);
	struct rad_bind *before = bind;
	bind = bind_make();
	assert_true(rad_bind_restore(bind, &was, NOW + 500));
	rad_bind_free(before);
	here.share = 0;
	assert_int_equal(TELL(RAD_START, 1, 1, 1, NOW + 510, THERE), RAD_OLD);
	assert_int_equal(TELL(RAD_START, 1, 1, 5, NOW + 510, THERE), RAD_OLD);
	assert_string_equal(who(1), "carol");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, bind_open, bind_close)
	const struct CMUnitTest tests[] = {
		CASE(a_share_is_all_that_its_nas_get_together),
		CASE(what_ended_long_ago_makes_room_in_its_share),
		CASE(an_address_that_goes_to_another_nas_counts_there),
		CASE(shares_follow_the_configuration),
		CASE(who_has_no_bindings_makes_room_for_another_name),
		CASE(where_all_names_have_bindings_another_is_refused),
		CASE(an_old_start_does_not_take_an_address_back),
		CASE(an_old_stop_does_not_end_a_session_that_has_its_number_again),
		CASE(an_old_restart_clears_nothing),
		CASE(a_record_that_was_long_under_way_is_taken),
		CASE(a_nas_without_timestamps_goes_by_arrival),
		CASE(another_nas_has_another_clock),
		CASE(a_clock_that_was_set_back_does_not_hold_bindings_up_for_ever),
		CASE(what_was_known_of_a_clock_outlives_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
