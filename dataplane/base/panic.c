// SPDX-License-Identifier: BSD-3-Clause
// The end of a process that found a bug of ours: one line with the place, then abort(3), so
// that a core file is left. It does not use the log front end, whose sink may be the culprit.
// Thread: any.
#include "panic.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void panic_at(const char *file, int line, const char *fmt, ...)
{
	char out[512];
	va_list ap;
	int n, m;

	n = snprintf(out, sizeof(out), "panic: %s:%d: ", file, line);
	if (n < 0 || n >= (int)sizeof(out))
		abort();
	va_start(ap, fmt);
	m = vsnprintf(out + n, sizeof(out) - (size_t)n, fmt, ap);
	va_end(ap);
	if (m < 0)
		abort();
	n = m < (int)sizeof(out) - n ? n + m : (int)sizeof(out) - 1;
	out[n++] = '\n'; // over the NUL
	if (write(STDERR_FILENO, out, (size_t)n) < 0)
		abort(); // the same end, without the line
	abort();
}
