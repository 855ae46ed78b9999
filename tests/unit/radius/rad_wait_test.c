// SPDX-License-Identifier: BSD-3-Clause
// Answers leave in their order, not before their ticket, by their socket; what left makes room.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include <cmocka.h>

#include "rad_wait.h"

enum { MAX = 8 };

static struct mmsghdr out[MAX];
static struct iovec iov[MAX];

static void put(struct rad_wait *w, uint64_t ticket, unsigned sock, uint8_t c, size_t n)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(c)};
	const struct msghdr to = {.msg_name = &in, .msg_namelen = sizeof(in)};
	uint8_t octets[RAD_PACKET_MAX];

	memset(octets, c, n);
	rad_wait_put(w, ticket, sock, &to, (struct span){octets, n});
}

static void is(unsigned i, uint8_t c, size_t n)
{
	const struct sockaddr_in *in = out[i].msg_hdr.msg_name;

	assert_int_equal(in->sin_port, htons(c));
	assert_int_equal(out[i].msg_hdr.msg_iovlen, 1);
	assert_int_equal(iov[i].iov_len, n);
	assert_int_equal(((const uint8_t *)iov[i].iov_base)[0], c);
	assert_int_equal(((const uint8_t *)iov[i].iov_base)[n - 1], c);
}

static void answers_leave_in_order_when_their_ticket_is_settled(void **)
{
	struct rad_wait w;
	unsigned sock;

	assert_true(rad_wait_open(&w, 100000));
	put(&w, 0, 0, 1, 20);
	put(&w, 5, 0, 2, 33);
	put(&w, 5, 1, 3, 20);
	put(&w, 6, 1, 4, RAD_PACKET_MAX);
	assert_int_equal(rad_wait_take(&w, 4, out, iov, MAX, &sock), 1);
	is(0, 1, 20);
	assert_int_equal(rad_wait_take(&w, 4, out, iov, MAX, &sock), 0);
	assert_int_equal(rad_wait_take(&w, 6, out, iov, MAX, &sock), 1);
	assert_int_equal(sock, 0);
	is(0, 2, 33);
	assert_int_equal(rad_wait_take(&w, 6, out, iov, MAX, &sock), 2);
	assert_int_equal(sock, 1);
	is(0, 3, 20);
	is(1, 4, RAD_PACKET_MAX);
	assert_int_equal(rad_wait_take(&w, 6, out, iov, MAX, &sock), 0);
	rad_wait_close(&w);
}

static void what_left_makes_room(void **)
{
	struct rad_wait w;
	unsigned sock, next = 1, first = 1;

	assert_true(rad_wait_open(&w, 20000));
	srandom(3);
	for (unsigned i = 0; i < 3000; i++) {
		if (rad_wait_has_room(&w, 1)) {
			put(&w, next, 0, (uint8_t)(next % 200 + 1), 20 + next % 3000);
			next++;
		}
		if (random() % 3 != 0)
			continue;
		const uint64_t settled = first + (unsigned)random() % 3;
		const unsigned n = rad_wait_take(&w, settled, out, iov, MAX, &sock);
		for (unsigned k = 0; k < n; k++, first++)
			is(k, (uint8_t)(first % 200 + 1), 20 + first % 3000);
	}
	assert_true(first > 500);
	rad_wait_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_leave_in_order_when_their_ticket_is_settled),
		cmocka_unit_test(what_left_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
