// SPDX-License-Identifier: BSD-3-Clause
// The dice of a faulty wire and the small reader that says which frames they are thrown for.
// Leaves time, queues and sockets to netfault.c. Thread: any.
#include "fault_plan.h"

enum { MILLION = 1000000 };

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static enum fault_kind tcp_kind(const uint8_t *tcp, size_t n, uint16_t port)
{
	size_t header;

	if (n < 20)
		return FAULT_OTHER;
	if (port && get16(tcp) != port && get16(tcp + 2) != port)
		return FAULT_OTHER;
	header = (size_t)(tcp[12] >> 4) * 4;
	return n > header ? FAULT_DATA : FAULT_TCP;
}

enum fault_kind fault_kind_of(const uint8_t *frame, size_t n, uint16_t port)
{
	size_t at = 12, length;
	unsigned type = 0;

	for (int tags = 0; tags <= 3 && at + 2 <= n; tags++, at += 4) {
		type = get16(frame + at);
		if (type != 0x8100 && type != 0x88a8 && type != 0x9100)
			break;
	}
	at += 2;
	if (type == 0x0800 && at + 20 <= n && frame[at + 9] == 6) {
		length = get16(frame + at + 2); // without the padding of small frames
		if (length < 20 || at + length > n || get16(frame + at + 6) & 0x1fff)
			return FAULT_OTHER;
		size_t header = (size_t)(frame[at] & 15) * 4;
		return header >= 20 && header <= length
			? tcp_kind(frame + at + header, length - header, port)
			: FAULT_OTHER;
	}
	if (type == 0x86dd && at + 40 <= n && frame[at + 6] == 6) {
		length = get16(frame + at + 4);
		return at + 40 + length <= n ? tcp_kind(frame + at + 40, length, port)
					     : FAULT_OTHER;
	}
	return FAULT_OTHER;
}

// splitmix64: every bit of the result hangs on every bit of the number.
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static bool hit(uint64_t dice, unsigned throw, uint32_t rate)
{
	return mix(dice + throw) % MILLION < rate;
}

struct fault_fate fault_next(struct fault_plan *plan, const uint8_t *frame, size_t n)
{
	struct fault_fate fate = {.kind = fault_kind_of(frame, n, plan->port)};
	uint64_t number = plan->seen[fate.kind]++;

	if ((plan->on == FAULT_ON_DATA && fate.kind != FAULT_DATA) ||
		((plan->on == FAULT_ON_TCP || plan->port) && fate.kind == FAULT_OTHER))
		return fate;
	fate.dice = mix(mix(plan->seed * 8 + plan->direction * 4 + fate.kind) ^ number);
	fate.drop = hit(fate.dice, 1, plan->rates.drop);
	fate.hold = hit(fate.dice, 2, plan->rates.hold);
	fate.duplicate = hit(fate.dice, 3, plan->rates.duplicate);
	fate.corrupt = hit(fate.dice, 4, plan->rates.corrupt);
	return fate;
}
