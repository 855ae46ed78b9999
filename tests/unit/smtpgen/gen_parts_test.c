// SPDX-License-Identifier: BSD-3-Clause
// The generator's parts by themselves: frames as the product reads them, the wheel, the index, plans.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen_frame.h"
#include "gen_index.h"
#include "gen_plan.h"
#include "gen_rand.h"
#include "gen_report.h"
#include "gen_wheel.h"
#include "wire_tcp.h"

static void a_frame_made_is_one_that_the_product_reads(void **)
{
	static const uint8_t OWN[6] = {2, 0, 0, 0, 0, 1}, FAR[6] = {2, 0, 0, 0, 0, 2};
	const struct gen_addr b = {{0xfd, 2, [12] = 192, 0, 2, 25}};

	for (unsigned family = 4; family <= 6; family += 2) {
		for (uint32_t n = 0; n <= 1400; n += 7) {
			uint8_t f[GEN_FRAME_MAX];
			struct gen_head h;
			struct gen_seg seg;
			struct wire_view v;
			bool mss = n == 0;
			struct gen_addr a = {{0xfd, 1, [12] = 10, (uint8_t)n, 3, (uint8_t)(n * 7)}};

			gen_head_make(&h, family, OWN, FAR, &a, &b, 40000, 25);
			memset(f + gen_frame_payload(&h, mss), (int)(n * 31), n);
			size_t len = gen_frame_make(f, &h,
				&(struct gen_out_seg){.seq = 1000 + n,
					.ack = 7,
					.window = 512,
					.mss = mss ? 1400 : 0,
					.flags = GEN_ACK | (mss ? GEN_SYN : 0),
					.len = n});
			wire_parse((struct span){f, len}, &v);
			assert_int_equal(v.proto, WIRE_TCP);
			assert_true(wire_tcp_csum_ok((struct span){f, len}, &v));
			assert_int_equal(v.payload_len, n);
			assert_int_equal(v.seq, 1000 + n);
			assert_int_equal(gen_frame_read(f, len, true, &seg), GEN_READ_TCP);
			assert_int_equal(seg.len, n);
			assert_int_equal(seg.sport, 40000);
			assert_int_equal(seg.mss, mss ? 1400 : 0);
			f[len - 1] ^= 4;
			assert_int_equal(gen_frame_read(f, len, true, &seg), GEN_READ_CHECKSUM);
			assert_int_equal(gen_frame_read(f, len - 1, true, &seg), GEN_READ_BROKEN);
		}
	}
}

static void the_wheel_never_calls_late_and_each_once(void **)
{
	enum { IDS = 500, END = 20000 };
	struct gen_wheel w;
	uint32_t due[IDS];
	struct gen_rand r = {.s = 5};

	assert_int_equal(gen_wheel_new(&w, IDS), 0);
	for (uint32_t i = 0; i < IDS; i++) {
		due[i] = 1 + gen_rand_below(&r, END);
		gen_wheel_arm(&w, i, due[i] + 100);
		gen_wheel_arm(&w, i, due[i]);
		gen_wheel_arm(&w, i, due[i] + 50); // it stays at the earlier time
	}
	for (uint32_t ms = 1; ms <= END; ms++) {
		for (uint32_t id; (id = gen_wheel_next(&w, ms)) != GEN_WHEEL_NONE;) {
			if (due[id] > ms)
				gen_wheel_arm(&w, id, due[id]);
			else
				due[id] = due[id] == ms ? 0 : UINT32_MAX;
		}
	}
	for (uint32_t i = 0; i < IDS; i++)
		assert_int_equal(due[i], 0);
	gen_wheel_free(&w);
}

static void the_index_finds_what_is_in_it_and_nothing_else(void **)
{
	enum { KEYS = 4096, STEPS = 200000 };
	static uint32_t in[KEYS];
	struct gen_index x;
	struct gen_rand r = {.s = 9};

	assert_int_equal(gen_index_new(&x, KEYS), 0);
	for (unsigned i = 0; i < STEPS; i++) {
		uint32_t k = gen_rand_below(&r, KEYS);
		uint64_t key = gen_index_key(4, k * 4099, 25);

		assert_int_equal(gen_index_get(&x, key), in[k] == 0 ? GEN_INDEX_NONE : in[k]);
		if (in[k] == 0)
			gen_index_put(&x, key, in[k] = i + 1);
		else if (gen_rand_below(&r, 2) == 0)
			gen_index_drop(&x, key), in[k] = 0;
	}
	gen_index_free(&x);
}

static uint32_t body_octets(const struct gen_mail *mail)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < mail->nbody; i++)
		n += mail->body[i].len;
	return n;
}

static void plans_are_as_asked_for_and_fit_their_room(void **)
{
	enum { N = 20000 };
	struct gen_conf conf;
	struct gen_corpus c;
	static uint32_t sizes[GEN_SIZES];
	unsigned spam = 0, small = 0, ended = 0, mails = 0, unknown = 0, piped = 0;
	uint32_t most = 0;

	gen_conf_default(&conf);
	conf.rcpt_max = GEN_RCPT_MAX;
	conf.mails_max = 1;
	assert_int_equal(gen_corpus_new(&c, &conf, 2), 0);
	gen_plan_sizes(&conf, sizes);
	for (uint64_t n = 0; n < N; n++) {
		struct gen_plan p;
		struct gen_mail mail;

		gen_plan_session(&conf, n * 7919 << 20, &p);
		gen_plan_mail(&conf, &c, sizes, c.room + GEN_ROOM, n * 7919 << 20, 0, &p, &mail);
		struct gen_piece head = mail.body[0], end = mail.body[mail.nbody - 1];
		assert_true(head.off + head.len <= c.room + 2 * GEN_ROOM - 256);
		assert_int_equal(memcmp(gen_octets(&c, end), ".\r\n", 3), 0);
		struct gen_piece last = mail.body[mail.nbody - 2];
		ended += memcmp(gen_octets(&c, last) + last.len - 2, "\r\n", 2) == 0;
		spam += mail.spam;
		mails++;
		unknown += mail.unknown != 0;
		piped += p.pipelining;
		small += body_octets(&mail) <= 4096;
		most = body_octets(&mail) > most ? body_octets(&mail) : most;
	}
	assert_int_equal(ended, N);
	assert_in_range(spam, N / 10 - N / 50, N / 10 + N / 50);
	assert_in_range(small, N * 45 / 100, N * 55 / 100);
	assert_in_range(piped, N * 48 / 100, N * 52 / 100);
	assert_in_range(unknown, 1, N / 50);
	assert_in_range(most, 40000, conf.size_max + 2000);
	gen_corpus_free(&c);
}

static void quantiles_are_those_of_what_was_counted(void **)
{
	static struct gen_report r;

	for (uint64_t us = 1; us <= 100000; us++)
		gen_report_latency(&r, us);
	assert_in_range(gen_report_quantile(&r, 0.5), 46000, 50000);
	assert_in_range(gen_report_quantile(&r, 0.99), 92000, 99000);
	assert_in_range(gen_report_quantile(&r, 0.0), 1, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_made_is_one_that_the_product_reads),
		cmocka_unit_test(the_wheel_never_calls_late_and_each_once),
		cmocka_unit_test(the_index_finds_what_is_in_it_and_nothing_else),
		cmocka_unit_test(plans_are_as_asked_for_and_fit_their_room),
		cmocka_unit_test(quantiles_are_those_of_what_was_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
