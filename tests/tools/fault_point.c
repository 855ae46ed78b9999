// SPDX-License-Identifier: BSD-3-Clause
// Preloaded into a program, kills it with SIGKILL at one of its system calls: what a crash or the kernel does at
// the worst moment, at a moment that a test chose. Calls count from the first datagrams that recvmmsg brings, so
// the start of the program is left alone. FAULT_POINT=CALL:before|behind:N, where CALL is recvmmsg, pwrite64,
// fdatasync or sendmmsg; calls that fail or bring nothing don't count behind. What the program starts has none of
// this. It decides nothing else, and passes each call on as it is.
// Thread: any.
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum call { RECVMMSG, PWRITE, FDATASYNC, SENDMMSG, CALLS };

static enum call call;
static bool behind;
static atomic_long left; // calls until then; 0 = never
static atomic_bool begun;

__attribute__((noreturn)) static void refuse(const char *text)
{
	(void)fprintf(
		stderr, "fault_point: FAULT_POINT: \"%s\" is no CALL:before|behind:N\n", text);
	_exit(2);
}

__attribute__((constructor)) static void arm(void)
{
	static const char *const names[CALLS] = {"recvmmsg", "pwrite64", "fdatasync", "sendmmsg"};
	const char *text = getenv("FAULT_POINT");
	char name[16], where[8];
	long calls;

	(void)unsetenv("LD_PRELOAD"); // a child is not to be killed
	if (text == NULL)
		return;
	if (sscanf(text, "%15[^:]:%7[^:]:%ld", name, where, &calls) != 3 || calls < 1)
		refuse(text);
	behind = strcmp(where, "behind") == 0;
	if (!behind && strcmp(where, "before") != 0)
		refuse(text);
	while (call < CALLS && strcmp(name, names[call]) != 0)
		call++;
	if (call == CALLS)
		refuse(text);
	atomic_store(&left, calls);
}

static void at(enum call here, bool is_behind)
{
	if (here == call && is_behind == behind && atomic_load(&begun) && atomic_load(&left) > 0 &&
		atomic_fetch_sub(&left, 1) == 1)
		(void)kill(getpid(), SIGKILL);
}

int recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags, struct timespec *t)
{
	at(RECVMMSG, false);
	const int got = (int)syscall(SYS_recvmmsg, fd, v, n, flags, t);

	if (got > 0) {
		atomic_store(&begun, true);
		at(RECVMMSG, true);
	}
	return got;
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t where)
{
	at(PWRITE, false);
	const ssize_t done = syscall(SYS_pwrite64, fd, p, n, where);

	if (done >= 0)
		at(PWRITE, true);
	return done;
}

int fdatasync(int fd)
{
	at(FDATASYNC, false);
	const int rc = (int)syscall(SYS_fdatasync, fd);

	if (rc == 0)
		at(FDATASYNC, true);
	return rc;
}

int sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags)
{
	at(SENDMMSG, false);
	const int sent = (int)syscall(SYS_sendmmsg, fd, v, n, flags);

	if (sent > 0)
		at(SENDMMSG, true);
	return sent;
}
