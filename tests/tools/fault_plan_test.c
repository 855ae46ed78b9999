// SPDX-License-Identifier: BSD-3-Clause
// The faulty wire's pattern: the same for the same seed, near its rates, and only where it is meant.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fault_plan.h"

enum { THROWS = 100000 };

// An IPv4 frame with `tags` tags: TCP from `port` to 4000 with `n` octets of payload, padded to 60.
static size_t tcp_frame(uint8_t *b, unsigned tags, uint16_t port, size_t n)
{
	size_t at = 12;

	memset(b, 0, 128);
	for (unsigned i = 0; i < tags; i++, at += 4)
		b[at] = 0x81;
	b[at] = 8;
	at += 2;
	b[at] = 0x45;
	b[at + 3] = (uint8_t)(40 + n);
	b[at + 9] = 6;
	b[at + 20] = (uint8_t)(port >> 8);
	b[at + 21] = (uint8_t)port;
	b[at + 22] = 4000 >> 8;
	b[at + 23] = 4000 & 255;
	b[at + 32] = 5 << 4;
	return at + 40 + n < 60 ? 60 : at + 40 + n;
}

static void frames_are_told_apart(void **)
{
	uint8_t b[128];
	size_t n;

	for (unsigned tags = 0; tags <= 3; tags++) {
		n = tcp_frame(b, tags, 25, 0);
		assert_int_equal(fault_kind_of(b, n, 25), FAULT_TCP);
		n = tcp_frame(b, tags, 25, 1);
		assert_int_equal(fault_kind_of(b, n, 25), FAULT_DATA);
		assert_int_equal(fault_kind_of(b, n, 4000), FAULT_DATA);
		assert_int_equal(fault_kind_of(b, n, 0), FAULT_DATA);
		assert_int_equal(fault_kind_of(b, n, 26), FAULT_OTHER);
	}
	n = tcp_frame(b, 0, 25, 9);
	for (size_t cut = 0; cut < 54; cut++)
		assert_int_equal(fault_kind_of(b, cut, 0), FAULT_OTHER);
	memset(b, 0, sizeof(b));
	b[12] = 0x86;
	b[13] = 0xdd;
	b[14 + 5] = 30;
	b[14 + 6] = 6;
	b[54 + 12] = 5 << 4;
	assert_int_equal(fault_kind_of(b, 84, 0), FAULT_DATA);
	b[14 + 5] = 20;
	assert_int_equal(fault_kind_of(b, 84, 0), FAULT_TCP);
}

static unsigned throws(struct fault_plan plan, const uint8_t *frame, size_t n, uint8_t *lost)
{
	unsigned count = 0;

	for (unsigned i = 0; i < THROWS; i++) {
		lost[i] = fault_next(&plan, frame, n).drop;
		count += lost[i];
	}
	return count;
}

static void a_seed_loses_the_same_frames_and_another_seed_others(void **)
{
	static uint8_t first[THROWS], second[THROWS];
	struct fault_plan plan = {.seed = 7, .rates = {.drop = 30000}};
	uint8_t b[128];
	size_t n = tcp_frame(b, 0, 25, 9);
	unsigned lost = throws(plan, b, n, first);

	assert_in_range(lost, 2800, 3200);
	throws(plan, b, n, second);
	assert_memory_equal(first, second, THROWS);
	plan.direction = 1;
	throws(plan, b, n, second);
	assert_memory_not_equal(first, second, THROWS);
	plan.direction = 0;
	plan.seed = 8;
	throws(plan, b, n, second);
	assert_memory_not_equal(first, second, THROWS);
}

static void frames_of_another_kind_between_change_nothing(void **)
{
	struct fault_plan alone = {.seed = 3, .rates = {.drop = 100000}}, mixed = alone;
	uint8_t data[128], ack[128];
	size_t data_n = tcp_frame(data, 0, 25, 9), ack_n = tcp_frame(ack, 0, 25, 0);

	for (unsigned i = 0; i < 1000; i++) {
		for (unsigned j = 0; j < i % 3; j++)
			fault_next(&mixed, ack, ack_n);
		assert_int_equal(fault_next(&mixed, data, data_n).drop,
			fault_next(&alone, data, data_n).drop);
	}
}

static void only_what_is_meant_suffers(void **)
{
	struct fault_plan all = {.rates = {.drop = 1000000}}, data = all, port = all, tcp = all;
	uint8_t b[128], arp[60] = {[12] = 8, [13] = 6};
	size_t n;

	data.on = FAULT_ON_DATA;
	tcp.on = FAULT_ON_TCP;
	port.port = 25;
	n = tcp_frame(b, 1, 80, 0);
	assert_true(fault_next(&all, b, n).drop);
	assert_true(fault_next(&tcp, b, n).drop);
	assert_false(fault_next(&data, b, n).drop);
	assert_false(fault_next(&port, b, n).drop);
	assert_true(fault_next(&all, arp, sizeof(arp)).drop);
	assert_false(fault_next(&tcp, arp, sizeof(arp)).drop);
	assert_false(fault_next(&port, arp, sizeof(arp)).drop);
	n = tcp_frame(b, 1, 25, 5);
	assert_true(fault_next(&data, b, n).drop);
	assert_true(fault_next(&port, b, n).drop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_told_apart),
		cmocka_unit_test(a_seed_loses_the_same_frames_and_another_seed_others),
		cmocka_unit_test(frames_of_another_kind_between_change_nothing),
		cmocka_unit_test(only_what_is_meant_suffers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
