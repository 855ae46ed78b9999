// SPDX-License-Identifier: BSD-3-Clause
// Which segments count: each limit by one byte on either side, with numbers that go round as well.
#include "seq.h"
#include "stream_fixture.h"

enum { WINDOW = 1000 };

// A connection in which the client sent 100 bytes that left, of which 40 are acknowledged, and 20
// more that are held. `isn` is its first number.
static void open_at(struct fixture *f, uint32_t isn)
{
	static char text[121];
	struct stream_syn syn = {.mss = 1460, .has_ts = true};
	struct stream_half *c = &f->st.half[STREAM_CLIENT];
	memset(text, 'x', 120);
	stream_close(&f->st, &f->pool);
	stream_open(&f->st, isn - 1, WINDOW, &syn);
	assert_true(stream_accept(&f->st, SERVER_ISN, isn, WINDOW, &syn));
	struct stream_seg a = {.side = STREAM_CLIENT,
		.flags = F_ACK,
		.seq = isn,
		.window = WINDOW,
		.ack = SERVER_ISN + 1,
		.now_ms = f->now_ms,
		.payload = {(const uint8_t *)text, 100}};
	(void)pass(f, &a);
	a.seq += 100;
	a.payload.n = 20;
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
	struct stream_seg ack = {.side = STREAM_SERVER,
		.flags = F_ACK,
		.seq = SERVER_ISN + 1,
		.ack = isn + 40,
		.window = WINDOW,
		.now_ms = f->now_ms};
	assert_int_equal(stream_input(&f->st, &f->pool, &ack), STREAM_IN_OK);
	assert_int_equal(c->una - isn, 40);
	assert_int_equal(c->sent - isn, 100);
	assert_int_equal(c->nxt - isn, 120);
	assert_int_equal(c->edge - isn, 40 + WINDOW);
}

static const uint32_t isns[] = {1, 0x7fffff00, 0x7fffffff, 0xffffff80, 0xfffffff0};
#define EACH_ISN(isn)                                                                           \
	for (size_t k_ = 0, isn; k_ < sizeof(isns) / sizeof(isns[0]) && (isn = isns[k_], true); \
		k_++)

static void what_is_acknowledged_left_before_and_not_too_long_ago(void **state)
{
	static const struct {
		int64_t ack; // from the client's first number
		enum stream_in in;
	} rows[] = {
		{100, STREAM_IN_OK},
		{41, STREAM_IN_OK},
		{40, STREAM_IN_OK},
		{39, STREAM_IN_OK},
		{101, STREAM_IN_BYPASSED},
		{120, STREAM_IN_BYPASSED},
		{40 + WINDOW + 1, STREAM_IN_BYPASSED},
		{40 + WINDOW + 2, STREAM_IN_DROP_ACK},
		{40 - 65535, STREAM_IN_OK},
		{40 - 65536, STREAM_IN_DROP_ACK},
	};
	struct fixture *f = *state;
	EACH_ISN(isn)
	{
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			open_at(f, (uint32_t)isn);
			struct stream_seg ack = seg_of(f, STREAM_SERVER, 0, "");
			ack.ack = (uint32_t)((int64_t)isn + rows[i].ack);
			assert_int_equal(stream_input(&f->st, &f->pool, &ack), rows[i].in);
			bool moved = rows[i].in == STREAM_IN_OK && rows[i].ack > 40;
			assert_int_equal(f->st.half[STREAM_CLIENT].una - (uint32_t)isn,
				moved ? rows[i].ack : 40);
		}
	}
}

static void an_old_acknowledgement_says_nothing_about_the_window(void **state)
{
	struct fixture *f = *state;
	open_at(f, 1);
	struct stream_half *c = &f->st.half[STREAM_CLIENT];
	struct stream_seg ack = seg_of(f, STREAM_SERVER, 0, "");
	ack.ack = c->una - 1;
	ack.window = 60000;
	assert_int_equal(stream_input(&f->st, &f->pool, &ack), STREAM_IN_OK);
	assert_int_equal(c->edge, c->una + WINDOW);
	ack.ack = c->una;
	assert_int_equal(stream_input(&f->st, &f->pool, &ack), STREAM_IN_OK);
	assert_int_equal(c->edge, c->una + 60000);
	assert_int_equal(c->allow, c->una + 60000);
	ack.window = 10; // the right edge never moves left
	assert_int_equal(stream_input(&f->st, &f->pool, &ack), STREAM_IN_OK);
	assert_int_equal(c->edge, c->una + 60000);
}

static void bytes_count_from_65535_before_the_window_up_to_its_edge(void **state)
{
	static const struct {
		int64_t seq;
		const char *text;
		enum stream_in in;
	} rows[] = {
		{120, "a", STREAM_IN_OK},
		{121, "a", STREAM_IN_ORDER_WAIT},
		{119, "ab", STREAM_IN_OK},
		{39, "a", STREAM_IN_OLD},
		{38, "ab", STREAM_IN_OLD},
		{39, "ab", STREAM_IN_OK},
		{39, "", STREAM_IN_OLD},
		{40, "", STREAM_IN_OK},
		{500, "", STREAM_IN_OK},
		{40 + WINDOW - 1, "a", STREAM_IN_ORDER_WAIT},
		{40 + WINDOW, "a", STREAM_IN_OLD},
		{40 + WINDOW, "", STREAM_IN_OK},
		{40 + WINDOW + 1, "", STREAM_IN_OK},
		{40 + WINDOW + 1, "a", STREAM_IN_DROP_WINDOW},
		{40 + WINDOW + 2, "", STREAM_IN_DROP_WINDOW},
		{40 - 65535, "a", STREAM_IN_OLD},
		{40 - 65536, "a", STREAM_IN_DROP_WINDOW},
		{40 - 65536, "", STREAM_IN_DROP_WINDOW},
	};
	struct fixture *f = *state;
	EACH_ISN(isn)
	{
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			open_at(f, (uint32_t)isn);
			struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, rows[i].text);
			a.seq = (uint32_t)((int64_t)isn + rows[i].seq);
			enum stream_in in = stream_input(&f->st, &f->pool, &a);
			if (in != rows[i].in)
				fail_msg("isn %zx, row %zu: %d, not %d", isn, i, in, rows[i].in);
		}
	}
}

static void a_reset_ends_the_connection_only_where_its_sender_could_be(void **state)
{
	static const struct {
		int64_t seq;
		enum stream_in in;
	} rows[] = {
		{40, STREAM_IN_RST},
		{39, STREAM_IN_DROP_WINDOW},
		{120, STREAM_IN_RST},
		{121, STREAM_IN_RST_ODD},
		{40 + WINDOW - 1, STREAM_IN_RST_ODD},
		{40 + WINDOW, STREAM_IN_DROP_WINDOW},
	};
	struct fixture *f = *state;
	EACH_ISN(isn)
	{
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			open_at(f, (uint32_t)isn);
			struct stream_seg r = seg_of(f, STREAM_CLIENT, 0, "");
			r.flags = i % 2 == 0 ? F_RST : F_RST | F_ACK;
			r.seq = (uint32_t)((int64_t)isn + rows[i].seq);
			assert_int_equal(stream_input(&f->st, &f->pool, &r), rows[i].in);
		}
	}
}

static void a_reset_behind_a_fin_counts_too(void **state)
{
	struct fixture *f = *state;
	open_at(f, 1);
	struct stream_seg fin = seg_of(f, STREAM_CLIENT, 0, "");
	fin.seq = 1 + 120;
	fin.flags |= F_FIN;
	assert_int_equal(stream_input(&f->st, &f->pool, &fin), STREAM_IN_OK);
	fin.flags = F_RST;
	fin.seq++;
	assert_int_equal(stream_input(&f->st, &f->pool, &fin), STREAM_IN_RST);
	fin.seq++;
	assert_int_equal(stream_input(&f->st, &f->pool, &fin), STREAM_IN_RST_ODD);
}

static void every_segment_has_the_ack_flag_and_none_a_syn(void **state)
{
	static const struct {
		uint8_t flags;
		enum stream_in in;
	} rows[] = {
		{F_ACK, STREAM_IN_OK},
		{F_ACK | F_PSH, STREAM_IN_OK},
		{F_PSH, STREAM_IN_DROP_FLAGS},
		{0, STREAM_IN_DROP_FLAGS},
		{F_SYN, STREAM_IN_DROP_FLAGS},
		{F_SYN | F_ACK, STREAM_IN_DROP_FLAGS},
		{F_FIN, STREAM_IN_DROP_FLAGS},
		{F_FIN | F_ACK, STREAM_IN_OK},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f = *state;
		open_at(f, 1);
		struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "a");
		a.seq = 1 + 120;
		a.flags = rows[i].flags;
		assert_int_equal(stream_input(&f->st, &f->pool, &a), rows[i].in);
	}
}

// {place, timestamp, what becomes of it, the latest that counts then}; the latest was 100.
static void a_timestamp_counts_where_it_is_neither_early_nor_old(void **state)
{
	static const struct {
		int64_t seq;
		uint32_t ts;
		const char *text;
		enum stream_in in;
		uint32_t last;
	} rows[] = {
		{120, 100, "a", STREAM_IN_OK, 100},
		{120, 99, "a", STREAM_IN_DROP_PAWS, 100},
		{120, 101, "a", STREAM_IN_OK, 100}, // not at the left edge: RFC 7323 4.3
		{40, 101, "a", STREAM_IN_OK, 101},
		{39, 101, "a", STREAM_IN_OLD, 101},
		{39, 101, "ab", STREAM_IN_OK, 101},
		{38, 101, "a", STREAM_IN_OLD, 100},
		{41, 101, "a", STREAM_IN_OK, 100},
		{40, 101, "", STREAM_IN_OK, 101},
		{40, 99, "", STREAM_IN_DROP_PAWS, 100},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_at(f, 1);
		f->st.half[STREAM_CLIENT].ts_last = 100;
		struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, rows[i].text);
		a.seq = (uint32_t)(1 + rows[i].seq);
		a.has_ts = true;
		a.ts_val = rows[i].ts;
		assert_int_equal(stream_input(&f->st, &f->pool, &a), rows[i].in);
		assert_int_equal(f->st.half[STREAM_CLIENT].ts_last, rows[i].last);
	}
}

static void timestamps_that_were_not_agreed_on_do_not_count(void **state)
{
	struct fixture *f = *state;
	open_at(f, 1);
	f->st.half[STREAM_CLIENT].ts_last = 100;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "a");
	a.seq = 1 + 40;
	a.ts_val = 99; // has_ts is false
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
	a.ts_val = 200;
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
	assert_int_equal(f->st.half[STREAM_CLIENT].ts_last, 100);
	f->st.ts_on = false;
	a.has_ts = true;
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
	assert_int_equal(f->st.half[STREAM_CLIENT].ts_last, 100);
	a.ts_val = 1;
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
}

static void a_window_is_scaled_by_its_own_ends_shift(void **state)
{
	struct fixture *f = *state;
	struct stream_syn client = {.mss = 1460, .has_wscale = true, .wscale = 2};
	struct stream_syn server = {.mss = 1460, .has_wscale = true, .wscale = 5};
	stream_open(&f->st, CLIENT_ISN, 100, &client);
	assert_true(stream_accept(&f->st, SERVER_ISN, CLIENT_ISN + 1, 200, &server));
	struct stream_seg a = seg_of(f, STREAM_SERVER, 0, ""), b = seg_of(f, STREAM_CLIENT, 0, "");
	a.window = b.window = 1000;
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
	assert_int_equal(stream_input(&f->st, &f->pool, &b), STREAM_IN_OK);
	assert_int_equal(f->st.half[STREAM_CLIENT].edge, CLIENT_ISN + 1 + 32000);
	assert_int_equal(f->st.half[STREAM_SERVER].edge, SERVER_ISN + 1 + 4000);
}

static void a_fin_counts_once_and_where_its_text_ends(void **state)
{
	static const struct {
		int64_t seq; // of a second FIN
		const char *text;
		uint32_t fin;
	} rows[] = {{121, "", 122}, {121, "a", 122}, {122, "", 122}, {100, "", 122}};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_at(f, 0);
		struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "zz");
		a.seq = 120;
		a.flags |= F_FIN;
		assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
		a.seq = (uint32_t)rows[i].seq;
		a.payload = span_str(rows[i].text);
		(void)stream_input(&f->st, &f->pool, &a);
		assert_true(f->st.half[STREAM_CLIENT].has_fin);
		assert_int_equal(f->st.half[STREAM_CLIENT].fin, rows[i].fin);
		assert_int_equal(f->st.half[STREAM_CLIENT].nxt, 122);
	}
}

static void a_fin_before_what_is_retained_is_none(void **state)
{
	struct fixture *f = *state;
	open_at(f, 0);
	struct stream_seg fin = seg_of(f, STREAM_CLIENT, 0, "");
	fin.seq = 119;
	fin.flags |= F_FIN;
	(void)stream_input(&f->st, &f->pool, &fin);
	assert_false(f->st.half[STREAM_CLIENT].has_fin);
	fin.seq = 120;
	(void)stream_input(&f->st, &f->pool, &fin);
	assert_true(f->st.half[STREAM_CLIENT].has_fin);
}

static void a_fin_beyond_the_window_waits_for_its_repeat(void **state)
{
	struct fixture *f = *state;
	open_at(f, 0);
	struct stream_half *c = &f->st.half[STREAM_CLIENT];
	c->edge = c->allow = 123;
	struct stream_seg a = seg_of(f, STREAM_CLIENT, 0, "abcd");
	a.seq = 120;
	a.flags |= F_FIN;
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
	assert_int_equal(c->nxt, 123);
	assert_false(c->has_fin);
	a.payload.n = 3;
	assert_int_equal(stream_input(&f->st, &f->pool, &a), STREAM_IN_OK);
	assert_true(c->has_fin);
	assert_int_equal(c->fin, 123);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_acknowledged_left_before_and_not_too_long_ago),
		CASE(an_old_acknowledgement_says_nothing_about_the_window),
		CASE(bytes_count_from_65535_before_the_window_up_to_its_edge),
		CASE(a_reset_ends_the_connection_only_where_its_sender_could_be),
		CASE(a_reset_behind_a_fin_counts_too),
		CASE(every_segment_has_the_ack_flag_and_none_a_syn),
		CASE(a_timestamp_counts_where_it_is_neither_early_nor_old),
		CASE(timestamps_that_were_not_agreed_on_do_not_count),
		CASE(a_window_is_scaled_by_its_own_ends_shift),
		CASE(a_fin_counts_once_and_where_its_text_ends),
		CASE(a_fin_before_what_is_retained_is_none),
		CASE(a_fin_beyond_the_window_waits_for_its_repeat),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
