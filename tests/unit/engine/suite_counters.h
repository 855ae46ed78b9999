// SPDX-License-Identifier: BSD-3-Clause
// What the engines of a test program have counted, all cases together, for scripts/counters: where
// MAILWEIR_TEST_COUNTERS names a folder, a file of it at the end of the program.
#pragma once

#include "eng_int.h"

// Levels as they stand now: the highest is kept. Within a case, before all is put away.
void suite_counters_look(const struct eng_worker *w);
// The counters of a worker whose engine ends.
void suite_counters_add(const struct eng_worker *w);
