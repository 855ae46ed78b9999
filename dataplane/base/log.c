// SPDX-License-Identifier: BSD-3-Clause
// The log front end: level, sink and ident. A line is built on the stack and handed over whole;
// the default sink makes one write(2) of it, so that lines of several threads never mix.
// The sink, level and ident are set by main before threads start; only the level may change later.
// Thread: any.
#include "log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

enum { LINE_MAX_BYTES = 1024 };

static const char *const LEVEL_NAMES[] = {
	[LOG_LEVEL_ERR] = "err",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_NOTICE] = "notice",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static const char *ident = "mailweir";
static atomic_int level_max = LOG_LEVEL_NOTICE;

static void stderr_sink(enum log_level level, const char *line, void *)
{
	char out[LINE_MAX_BYTES + 64];
	int n;

	n = snprintf(out, sizeof(out) - 1, "%s: %s: %s", ident, LEVEL_NAMES[level], line);
	if (n < 0)
		return;
	if (n > (int)sizeof(out) - 2)
		n = (int)sizeof(out) - 2;
	out[n++] = '\n';
	if (write(STDERR_FILENO, out, (size_t)n) < 0)
		return; // there is no other place to complain to
}

static log_sink_cb sink = stderr_sink;
static void *sink_arg;

void log_sink_set(log_sink_cb cb, void *arg)
{
	sink = cb != NULL ? cb : stderr_sink;
	sink_arg = arg;
}

void log_level_set(enum log_level max)
{
	atomic_store_explicit(&level_max, (int)max, memory_order_relaxed);
}

void log_ident_set(const char *name)
{
	ident = name;
}

bool log_level_parse(const char *text, enum log_level *out)
{
	for (unsigned i = 0; i < sizeof(LEVEL_NAMES) / sizeof(LEVEL_NAMES[0]); i++) {
		if (strcmp(text, LEVEL_NAMES[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

void log_write(enum log_level level, const char *component, const char *fmt, ...)
{
	int saved = errno;
	char line[LINE_MAX_BYTES];
	va_list ap;
	size_t n;

	if ((int)level > atomic_load_explicit(&level_max, memory_order_relaxed))
		return;
	n = text_copy(line, sizeof(line), component);
	if (n < sizeof(line))
		n += text_copy(line + n, sizeof(line) - n, ": ");
	if (n < sizeof(line)) {
		errno = saved; // for %m
		va_start(ap, fmt);
		(void)vsnprintf(line + n, sizeof(line) - n, fmt, ap); // a long line is cut
		va_end(ap);
	}
	sink(level, line, sink_arg);
	errno = saved;
}
