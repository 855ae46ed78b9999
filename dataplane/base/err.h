// SPDX-License-Identifier: BSD-3-Clause
// Errors of operator input: collected, returned, printed by whoever talks to the operator.
// Shape of a line: "file:line:col: what; because" (parts left out where unknown).
// Owned by the caller; fixed size, no allocation. Thread: one at a time.
#pragma once

#include <stdbool.h>
#include <stdio.h>

#define ERR_MAX 20        // messages kept; further ones are only counted
#define ERR_TEXT_MAX 320  // bytes a message, NUL included, cut beyond

struct err_list {
	unsigned count;     // errors reported (no warnings), may exceed ERR_MAX
	unsigned warnings;  // of those kept, how many are warnings (they do not fail a check)
	unsigned kept;
	bool is_warning[ERR_MAX];
	char text[ERR_MAX][ERR_TEXT_MAX];
};

void err_init(struct err_list *e);
// Adds one error at a place; `file` may be NULL, line and col 0 are left out.
__attribute__((format(printf, 5, 6))) void err_at(struct err_list *e, const char *file,
	unsigned line, unsigned col, const char *fmt, ...);
// Adds one error without a place.
__attribute__((format(printf, 2, 3))) void err_add(struct err_list *e, const char *fmt, ...);
// Adds a warning ("file:line:col: warning: ...").
__attribute__((format(printf, 5, 6))) void err_warn_at(struct err_list *e, const char *file,
	unsigned line, unsigned col, const char *fmt, ...);
// Adds what `src` has to the end of `dst`, warnings as warnings, at most what fits; what is only
// counted in `src` is counted in `dst`. `src` may come from another process: its numbers are
// bounded.
void err_append(struct err_list *dst, const struct err_list *src);
bool err_any(const struct err_list *e); // true if an error (not only warnings) was added
void err_print(const struct err_list *e, FILE *f); // one a line, then "N more" if cut
