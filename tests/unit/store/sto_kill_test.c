// SPDX-License-Identifier: BSD-3-Clause
// A child writes and tells its parent of each row whose ticket is settled, until it is killed with SIGKILL:
// at some system call on the file (each kind in turn, the n-th one), for that is where it can be between two
// states. Whatever it has told of is there afterwards.
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sto_dying.h"
#include "sto_make.h"

// Puts rows 0.. with `round` in them in groups, tells their numbers as they are settled.
__attribute__((noreturn)) static void child_run(
	int told, enum dying_where w, long calls, uint32_t round)
{
	struct sto *s = made_started();
	uint32_t put = 0, sure = 0;
	uint64_t ticket[256];

	dying_arm(w, calls);
	for (;;) {
		while (put - sure < 200) {
			struct sto_binding b = made_binding(put % 2000);

			b.seen_s = (int64_t)round * 1000000 + put;
			if (sto_binding_put(s, &b, &ticket[put % 256]) != 0)
				_exit(1);
			put++;
		}
		made_settled(s, ticket[sure % 256]);
		if (sto_state(s) != STO_WELL)
			_exit(2);
		while (sure < put && sto_settled(s) >= ticket[sure % 256])
			sure++;
		if (write(told, &sure, sizeof(sure)) != sizeof(sure))
			_exit(3);
	}
}

static void killed_at(enum dying_where w, long calls, uint32_t round)
{
	static struct made_got got;
	uint32_t n, sure = 0;
	int pipes[2], status;

	assert_int_equal(pipe(pipes), 0);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		child_run(pipes[1], w, calls, round);
	assert_int_equal(close(pipes[1]), 0);
	while (read(pipes[0], &n, sizeof(n)) == sizeof(n))
		sure = n;
	assert_int_equal(close(pipes[0]), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	made_load(&got);
	for (uint32_t i = sure > 2000 ? sure - 2000 : 0; i < sure; i++)
		if (got.seen_s[i % 2000] < (int64_t)round * 1000000 + i)
			fail_msg("row %u of %u is not there: %lld", i, sure,
				(long long)got.seen_s[i % 2000]);
}

static void what_was_settled_is_there_wherever_it_was_killed(void **)
{
	static const long calls[] = {1, 2, 3, 5, 17, 60, 200};
	uint32_t round = 1;

	dying_put();
	for (int w = 0; w < DYING_FILE_COUNT; w++)
		for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
			killed_at(w, calls[i], round++);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_was_settled_is_there_wherever_it_was_killed, made_open, made_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
