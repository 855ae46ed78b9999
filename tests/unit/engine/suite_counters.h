// SPDX-License-Identifier: BSD-3-Clause
// What the engines of a test program have counted, all cases together, for scripts/counters: where
// MAILWEIR_TEST_COUNTERS names a folder, a file of it at the end of the program, in the shape that
// `mailweirctl stats get --json` has. Included by one file of a program: it holds the sums.
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "eng_int.h"

static uint64_t suite_totals[ENG_REASON_COUNT];
static bool suite_noted;

static inline void suite_totals_write(void)
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
			eng_stat_names[i].name, (unsigned long long)suite_totals[i]);
	(void)fputs("]}\n", f);
	(void)fclose(f); // short of space the file doesn't parse
}

static inline void suite_note(const struct eng_worker *w, bool levels)
{
	if (!suite_noted)
		(void)atexit(suite_totals_write); // fails for want of memory only
	suite_noted = true;
	for (unsigned i = 0; i < eng_stat_count; i++) {
		if ((eng_stat_names[i].kind >= ENG_STAT_GAUGE) != levels)
			continue;
		if (!levels)
			suite_totals[i] += w->counters[i];
		else if (w->counters[i] > suite_totals[i])
			suite_totals[i] = w->counters[i];
	}
}

// Levels as they stand now: the highest is kept. Within a case, before all is put away.
static inline void suite_counters_look(const struct eng_worker *w)
{
	suite_note(w, true);
}

// The counters of a worker whose engine ends.
static inline void suite_counters_add(const struct eng_worker *w)
{
	suite_note(w, false);
}
