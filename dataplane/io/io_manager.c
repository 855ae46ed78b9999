// SPDX-License-Identifier: BSD-3-Clause
// The manager loop: signals, the owner's chores (the link), the engine's tables, link states, and
// an eye on the workers. A worker that makes no turn for a second though it has the CPU is stuck:
// say which and end, so that the supervisor starts us again. One that merely does not get its CPU
// (a shared core, a stopped machine) is given ten seconds; under a debugger nothing ends.
// Thread: the main thread.
#include "io_int.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

LOG_COMPONENT("io");

enum {
	TURN_MAX_MS = 10,
	EAGER_TURN_MAX_MS =
		1, // learn mode: an address learnt late is a frame flooded; routed, host: a packet waits
	WATCH_MS = 100,
	LINK_MS = 500,
	STARVED_MAX_MS = 10 * IO_BEAT_MAX_MS,
};

struct watched {
	uint64_t beat, cpu_us;
	unsigned still_ms, busy_ms; // without a turn; of that with the CPU
	bool told;
};

static uint64_t clock_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t worker_cpu_us(struct io_worker *w)
{
	struct timespec ts = {0};

	(void)clock_gettime(atomic_load_explicit(&w->cpu_clock, memory_order_relaxed), &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static bool is_traced(void)
{
	char line[128];
	int pid = 0;
	FILE *f = fopen("/proc/self/status", "re");

	if (f == NULL)
		return false;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "TracerPid: %d", &pid) == 1)
			break;
	(void)fclose(f);
	return pid != 0;
}

// One look, `ms` after the last. True if the worker has to be given up.
static bool worker_is_lost(struct io_worker *w, struct watched *seen, unsigned ms)
{
	uint64_t beat = atomic_load_explicit(&w->beat, memory_order_relaxed);
	uint64_t cpu;
	unsigned id = w->lcore - 1;

	if (beat != seen->beat) {
		if (seen->told)
			LOG(WARNING, "worker %u: runs again after %u ms", id, seen->still_ms);
		*seen = (struct watched){.beat = beat};
		return false;
	}
	// A look that came late says that the machine was busy or stopped, not that the worker was.
	seen->still_ms += RTE_MIN(ms, 2u * WATCH_MS);
	if (beat == 0)
		return false; // not begun yet
	cpu = worker_cpu_us(w);
	if (seen->cpu_us != 0)
		seen->busy_ms += (unsigned)((cpu - seen->cpu_us) / 1000);
	seen->cpu_us = cpu;
	if (seen->still_ms >= IO_BEAT_MAX_MS && !seen->told) {
		LOG(WARNING, "worker %u: no turn for %u ms, %u ms of CPU in it", id, seen->still_ms,
			seen->busy_ms);
		seen->told = true;
	}
	if (seen->busy_ms < IO_BEAT_MAX_MS / 2 && seen->still_ms < STARVED_MAX_MS)
		return false;
	if (seen->still_ms < IO_BEAT_MAX_MS || is_traced())
		return false;
	LOG(ERR, "worker %u: stalled: no turn for %u ms (beat %llu, %u ms of CPU): ending", id,
		seen->still_ms, (unsigned long long)beat, seen->busy_ms);
	return true;
}

static bool workers_lost(struct io *io, struct watched *seen, unsigned ms)
{
	bool lost = false;

	for (uint16_t i = 0; i < io->conf.nworkers; i++)
		lost |= worker_is_lost(io->worker[i], &seen[i], ms);
	return lost;
}

int io_signals_open(void)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)signal(SIGPIPE, SIG_IGN);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static bool signal_came(int fd)
{
	struct signalfd_siginfo si;

	if (read(fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return false;
	LOG(NOTICE, "stopping: %s", si.ssi_signo == SIGINT ? "interrupted" : "asked to");
	return true;
}

static int events_open(int signal_fd, int chores_fd, int host_fd)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0)
		return -errno;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, signal_fd, &ev) < 0 ||
		(chores_fd >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, chores_fd, &ev) < 0) ||
		(host_fd >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, host_fd, &ev) < 0)) {
		int why = errno;

		(void)close(ep);
		return -why;
	}
	return ep;
}

static void hour_say(struct eng *e, uint64_t now_us)
{
	const time_t now_s = time(NULL); // UTC

	eng_hour_set(e, (uint32_t)(now_s / 3600),
		(uint32_t)(now_us / 1000000 + 3600 - (uint64_t)now_s % 3600));
}

int io_manage(struct io *io, int signal_fd, const struct io_chores *chores)
{
	const int most = io->conf.mode != ENG_MODE_PAIR || io->host_fd >= 0 ? EAGER_TURN_MAX_MS
									    : TURN_MAX_MS;
	struct watched seen[ENG_WORKERS_MAX] = {0};
	uint64_t watched_us = clock_us(), linked_us = 0;
	int ret = 0, ep = events_open(signal_fd, chores->fd, io->host_fd);

	if (ep < 0) {
		LOG(ERR, "manager: %s", strerror(-ep));
		return 1;
	}
	while (!signal_came(signal_fd)) {
		struct epoll_event ev;
		uint64_t now_us = clock_us();
		int wait_ms = chores->turn(chores->arg, now_us);

		eng_manage(io->eng, now_us);
		io_host_turn(io);
		hour_say(io->eng, now_us);
		if (now_us - watched_us >= WATCH_MS * 1000) {
			unsigned ms = (unsigned)((now_us - watched_us) / 1000);

			watched_us = now_us;
			if (workers_lost(io, seen, ms)) {
				ret = IO_EXIT_STALLED;
				break;
			}
		}
		if (now_us - linked_us >= LINK_MS * 1000) {
			linked_us = now_us;
			io_link_watch(io);
		}
		(void)epoll_wait(ep, &ev, 1, RTE_MIN(wait_ms, most));
	}
	(void)close(ep);
	return ret;
}
