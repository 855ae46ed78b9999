// SPDX-License-Identifier: BSD-3-Clause
// Patterns of addresses, and files of them: one pattern a line, blanks around it left out, '#' begins
// a comment line.
// A pattern is a glob over a whole address: `*` takes any number of bytes, `?` one, all else itself,
// letters of either case. 254 bytes of printable ASCII at most, without blanks, quotes and
// backslashes, which addresses are compared without. `<>` is the null sender.
#pragma once

#include <stdint.h>

#include "err.h"

enum {
	CFG_PATTERNS_MAX = 100000, // of one list, written in the configuration or in its file
	CFG_GLOBS_MAX = 256,       // of them, those with other wildcards than *@domain and *@*.domain
	CFG_LISTS_GLOBS_MAX = 10000, // of all lists
};

struct cfg_patterns {
	const char **list;
	uint32_t n;
	void *arena;
};

// Reads the text of a file of patterns. NULL with every error in *err, with file, line and column.
struct cfg_patterns *cfg_patterns_load_text(
	const char *text, size_t n, const char *name, struct err_list *err);
void cfg_patterns_free(struct cfg_patterns *p); // NULL is allowed
