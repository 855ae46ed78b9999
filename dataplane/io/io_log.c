// SPDX-License-Identifier: BSD-3-Clause
// DPDK's log, led into ours: errors and worse, a few lines a second. While a device is opened its
// lines are held back, and the first one becomes the reason in our own single line.
// Thread: any; the stream's own lock serialises.
#include "io_int.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rte_log.h>

#include "log.h"

LOG_COMPONENT("dpdk");

enum { LINE_MAX_BYTES = 300, LINES_A_SECOND = 5 };

static struct {
	char line[LINE_MAX_BYTES]; // under way
	size_t n;
	char first[LINE_MAX_BYTES]; // since the hold
	bool hold;
	time_t second;
	unsigned lines, suppressed;
} state;

static void line_done(void)
{
	time_t now = time(NULL);

	state.line[state.n] = '\0';
	state.n = 0;
	if (state.line[0] == '\0')
		return;
	if (state.hold) {
		if (state.first[0] == '\0')
			memcpy(state.first, state.line, sizeof(state.first));
		return;
	}
	if (now != state.second) {
		if (state.suppressed > 0)
			LOG(WARNING, "%u lines suppressed", state.suppressed);
		state.second = now;
		state.lines = state.suppressed = 0;
	}
	if (state.lines++ < LINES_A_SECOND)
		LOG(WARNING, "%s", state.line);
	else
		state.suppressed++;
}

static ssize_t log_take(void *, const char *buf, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (buf[i] == '\n')
			line_done();
		else if (state.n < sizeof(state.line) - 1)
			state.line[state.n++] = buf[i];
	}
	return (ssize_t)n;
}

void io_log_open(void)
{
	const cookie_io_functions_t io = {.write = log_take};
	FILE *f = fopencookie(NULL, "w", io);

	if (f != NULL)
		(void)rte_openlog_stream(f);
	rte_log_set_global_level(RTE_LOG_ERR);
	(void)rte_log_set_level_regexp(".*", RTE_LOG_ERR);
}

void io_log_hold(bool hold)
{
	state.hold = hold;
	state.first[0] = '\0';
}

const char *io_log_first(void)
{
	return state.first;
}
