// SPDX-License-Identifier: BSD-3-Clause
// Our own bugs: they end the process with file and line. Never for hostile input.
// ASSERT stays on in release builds; it is not used in per-packet code (HOT_ASSERT is off there).
#pragma once

#include <stdlib.h>

__attribute__((noreturn, format(printf, 3, 4))) void panic_at(const char *file, int line,
	const char *fmt, ...);

#define PANIC(...) panic_at(__FILE__, __LINE__, __VA_ARGS__)
#define ASSERT(cond)                                                                               \
	do {                                                                                       \
		if (__builtin_expect(!(cond), 0))                                                  \
			PANIC("assertion failed: %s", #cond);                                      \
	} while (0)
#ifdef NDEBUG
#define HOT_ASSERT(cond) ((void)sizeof(cond))
#else
#define HOT_ASSERT(cond) ASSERT(cond)
#endif
