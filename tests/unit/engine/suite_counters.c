// SPDX-License-Identifier: BSD-3-Clause
// Sums in memory, one file at the end, in the shape that `mailweirctl stats get --json` has.
#include "suite_counters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t totals[ENG_REASON_COUNT];
static bool noted;

static void totals_write(void)
{
	const char *dir = getenv("MAILWEIR_TEST_COUNTERS");
	char path[512];
	FILE *f;

	if (dir == NULL || *dir == 0)
		return;
	(void)snprintf(path, sizeof(path), "%s/%s.json", dir, program_invocation_short_name);
	f = fopen(path, "we");
	if (f == NULL) {
		perror(path);
		_Exit(1);
	}
	(void)fputs("{\"counters\": [", f);
	for (unsigned i = 0; i < eng_stat_count; i++)
		(void)fprintf(f, "%s\n{\"name\": \"%s\", \"value\": %llu}", i == 0 ? "" : ",",
			eng_stat_names[i].name, (unsigned long long)totals[i]);
	(void)fputs("]}\n", f);
	(void)fclose(f); // short of space the file doesn't parse
}

static void note(const struct eng_worker *w, bool levels)
{
	if (!noted)
		(void)atexit(totals_write); // fails for want of memory only
	noted = true;
	for (unsigned i = 0; i < eng_stat_count; i++) {
		if ((eng_stat_names[i].kind == ENG_STAT_GAUGE) != levels)
			continue;
		if (!levels)
			totals[i] += w->counters[i];
		else if (w->counters[i] > totals[i])
			totals[i] = w->counters[i];
	}
}

void suite_counters_look(const struct eng_worker *w)
{
	note(w, true);
}

void suite_counters_add(const struct eng_worker *w)
{
	note(w, false);
}
