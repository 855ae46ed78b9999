// SPDX-License-Identifier: BSD-3-Clause
// The traffic generator as a program: EAL, ports, the loop, the report. Exit code 0: every reply was
// the expected one; 1: not every one, or not all sessions came to an end; 2: it could not begin.
// Thread: the main one does all.
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>

#include "gen_args.h"
#include "gen_port.h"
#include "gen_world.h"

enum { WAIT_STEP_US = 10000, LOOK_TURNS = 256, LAST_SECONDS = 5 };

static _Atomic bool told_to_stop;
static struct gen_world world;
static struct gen_ports ports;

static void on_signal(int)
{
	atomic_store_explicit(&told_to_stop, true, memory_order_relaxed);
}

static bool stopped(void)
{
	return atomic_load_explicit(&told_to_stop, memory_order_relaxed);
}

// Until both ports have a far end and, where it is so asked for, a line on standard input says go.
static void wait_for_start(bool hold)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	bool go = !hold;

	fprintf(stderr, "smtpgen: waiting\n");
	while (!stopped() && !(go && gen_ports_are_up(&ports))) {
		(void)usleep(WAIT_STEP_US);
		if (!go && poll(&in, 1, 0) > 0)
			go = true;
	}
}

struct clock {
	uint64_t hz, begin, busy, next_report, stopped;
};

static void report(const struct gen_args *a, const struct clock *c, uint64_t now)
{
	struct gen_run run = {.seconds = (double)(now - c->begin) / (double)c->hz,
		.load = (double)c->busy / (double)(now - c->begin + 1),
		.seed = a->conf.seed};

	gen_report_print(&world.report, &run, stdout);
}

// What need not be looked at every turn. False: over.
static bool look(const struct gen_args *a, struct clock *c, uint64_t now)
{
	double seconds = (double)(now - c->begin) / (double)c->hz;

	if (a->report_s > 0 && now >= c->next_report) {
		report(a, c, now);
		c->next_report += (uint64_t)(a->report_s * (double)c->hz);
	}
	if (a->seconds > 0 && seconds >= a->seconds)
		world.stop = true;
	if (stopped() && c->stopped == 0) {
		world.stop = true; // those that are open may still end
		c->stopped = now;
	}
	if (c->stopped != 0 && now - c->stopped > LAST_SECONDS * c->hz)
		return false;
	return !gen_world_is_done(&world);
}

static void run(const struct gen_args *a)
{
	struct clock c = {.hz = rte_get_tsc_hz(), .begin = rte_rdtsc()};
	uint64_t us_q32 = (uint64_t)(((unsigned __int128)1000000 << 32) / c.hz), now = c.begin;
	unsigned turns = 0;

	c.next_report = c.begin + (uint64_t)(a->report_s * (double)c.hz);
	do {
		unsigned done = 0;

		gen_world_time(
			&world, 1 + (uint64_t)((unsigned __int128)(now - c.begin) * us_q32 >> 32));
		for (unsigned side = 0; side < GEN_SIDES; side++)
			done += gen_ports_receive(&ports, side, &world);
		done += gen_world_turn(&world);
		gen_ports_flush(&ports);
		uint64_t end = rte_rdtsc();
		if (done > 0)
			c.busy += end - now;
		now = end;
	} while (++turns % LOOK_TURNS != 0 || look(a, &c, now));
	report(a, &c, now);
}

int main(int argc, char **argv)
{
	struct gen_args args;
	int code, eal = rte_eal_init(argc, argv);

	if (eal < 0) {
		fprintf(stderr, "smtpgen: EAL does not start\n");
		return 2;
	}
	if (gen_args_read(&args, argc - eal, argv + eal, &code) != 0)
		return code;
	struct sigaction act = {.sa_handler = on_signal};
	(void)sigaction(SIGINT, &act, NULL);
	(void)sigaction(SIGTERM, &act, NULL);
	struct gen_out out = gen_ports_out(&ports);
	if (gen_ports_open(&ports, &args.conf, args.queue) != 0 ||
		gen_world_new(&world, &args.conf, &out) != 0)
		return 2;
	wait_for_start(args.hold);
	if (!stopped())
		run(&args);
	gen_report_notes(&world.report, args.conf.seed, stderr);
	bool well = world.report.wrong_all == 0 && gen_world_is_done(&world);
	gen_ports_close(&ports);
	gen_world_free(&world);
	(void)rte_eal_cleanup();
	return well ? 0 : 1;
}
