// SPDX-License-Identifier: BSD-3-Clause
// The handshake: what is negotiated, and where each end's window begins.
#include "stream_fixture.h"

static const struct stream_syn full = {
	.mss = 1400, .has_wscale = true, .wscale = 3, .has_ts = true, .sack_ok = true};

static void an_option_counts_where_both_ends_have_it(void **state)
{
	struct fixture *f = *state;
	for (unsigned mask = 0; mask < 64; mask++) {
		struct stream_syn client = full, server = full;
		client.has_ts = mask & 1, server.has_ts = mask & 2;
		client.sack_ok = mask & 4, server.sack_ok = mask & 8;
		client.has_wscale = mask & 16, server.has_wscale = mask & 32;
		stream_open(&f->st, 10, 100, &client);
		assert_true(stream_accept(&f->st, 20, 11, 200, &server));
		assert_int_equal(f->st.ts_on, (mask & 3) == 3);
		assert_int_equal(f->st.sack_on, (mask & 12) == 12);
		assert_int_equal(f->st.scale_on, (mask & 48) == 48);
		assert_int_equal(f->st.half[STREAM_CLIENT].wscale, (mask & 48) == 48 ? 3 : 0);
		assert_int_equal(f->st.half[STREAM_SERVER].wscale, (mask & 48) == 48 ? 3 : 0);
	}
}

static void each_end_may_send_what_the_others_syn_allows_unscaled(void **state)
{
	struct fixture *f = *state;
	stream_open(&f->st, 10, 100, &full);
	assert_true(stream_accept(&f->st, 20, 11, 200, &full));
	assert_int_equal(f->st.half[STREAM_CLIENT].una, 11);
	assert_int_equal(f->st.half[STREAM_CLIENT].edge, 11 + 200);
	assert_int_equal(f->st.half[STREAM_CLIENT].allow, 11 + 200);
	assert_int_equal(f->st.half[STREAM_SERVER].una, 21);
	assert_int_equal(f->st.half[STREAM_SERVER].edge, 21 + 100);
	assert_int_equal(f->st.half[STREAM_SERVER].allow, 21 + 100);
	assert_true(f->st.half[STREAM_CLIENT].syn && f->st.half[STREAM_SERVER].syn);
	assert_false(f->st.answered);
}

static void a_segment_size_has_a_default_a_least_and_a_most(void **state)
{
	static const struct {
		uint16_t said, taken;
	} rows[] = {{0, 536}, {1, 64}, {63, 64}, {64, 64}, {65, 65}, {1460, 1460}, {16383, 16383},
		{16384, 16383}, {65535, 16383}};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stream_syn syn = {.mss = rows[i].said};
		stream_open(&f->st, 10, 100, &syn);
		assert_true(stream_accept(&f->st, 20, 11, 200, &full));
		assert_int_equal(f->st.half[STREAM_CLIENT].mss, rows[i].taken);
		assert_int_equal(f->st.half[STREAM_SERVER].mss, 1400);
	}
}

static void a_window_is_never_scaled_by_more_than_14(void **state)
{
	static const uint8_t said[] = {0, 1, 13, 14, 15, 255}, taken[] = {0, 1, 13, 14, 14, 14};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(said); i++) {
		struct stream_syn syn = {.mss = 1400, .has_wscale = true, .wscale = said[i]};
		stream_open(&f->st, 10, 100, &syn);
		assert_true(stream_accept(&f->st, 20, 11, 200, &full));
		assert_int_equal(f->st.half[STREAM_CLIENT].wscale, taken[i]);
	}
}

static void a_syn_ack_answers_this_syn_or_none(void **state)
{
	struct fixture *f = *state;
	static const uint32_t wrong[] = {10, 12, 0, 0x8000000b};
	stream_open(&f->st, 10, 100, &full);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(stream_accept(&f->st, 20, wrong[i], 200, &full));
	assert_false(f->st.half[STREAM_SERVER].syn);
	assert_true(stream_accept(&f->st, 20, 11, 200, &full));
	// Its repeat changes nothing, whatever it now says.
	assert_true(stream_accept(&f->st, 20, 11, 999, &full));
	assert_int_equal(f->st.half[STREAM_CLIENT].edge, 11 + 200);
	assert_false(stream_accept(&f->st, 19, 11, 200, &full));
	assert_false(stream_accept(&f->st, 21, 11, 200, &full));
}

static void we_answer_without_any_option_and_with_a_full_window(void **state)
{
	struct fixture *f = *state;
	stream_open(&f->st, 10, 100, &full);
	stream_answer(&f->st, 500, 1234);
	assert_true(f->st.answered);
	assert_false(f->st.ts_on || f->st.sack_on || f->st.scale_on);
	assert_int_equal(f->st.half[STREAM_SERVER].una, 501);
	assert_int_equal(f->st.half[STREAM_SERVER].mss, 1234);
	assert_int_equal(f->st.half[STREAM_SERVER].edge, 501 + 100);
	assert_int_equal(f->st.half[STREAM_SERVER].allow, 501 + 100);
	assert_true(f->st.half[STREAM_SERVER].syn);
	assert_int_equal(f->st.half[STREAM_CLIENT].wscale, 0);
	assert_int_equal(f->st.half[STREAM_CLIENT].edge, 11 + 65535);
	assert_int_equal(f->st.half[STREAM_CLIENT].allow, 11 + 65535);
}

static void the_acknowledgement_that_the_syn_ack_brought_needs_no_repeat(void **state)
{
	struct fixture *f = *state;
	struct stream_seg a = seg_of(f, STREAM_SERVER, 0, "22");
	struct stream_act act;
	stream_open(&f->st, CLIENT_ISN, 100, &full);
	assert_true(stream_accept(&f->st, SERVER_ISN, CLIENT_ISN + 1, 500, &full));
	f->st.half[STREAM_SERVER].win_out = a.window;
	enum stream_in in = stream_input(&f->st, &f->pool, &a); // held: nothing of it may leave
	stream_dispose(&f->st, &f->pool, &a, in, &act);
	assert_int_equal(act.kind, STREAM_SWALLOW);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_option_counts_where_both_ends_have_it),
		CASE(each_end_may_send_what_the_others_syn_allows_unscaled),
		CASE(a_segment_size_has_a_default_a_least_and_a_most),
		CASE(a_window_is_never_scaled_by_more_than_14),
		CASE(a_syn_ack_answers_this_syn_or_none),
		CASE(we_answer_without_any_option_and_with_a_full_window),
		CASE(the_acknowledgement_that_the_syn_ack_brought_needs_no_repeat),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
