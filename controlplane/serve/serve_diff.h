// SPDX-License-Identifier: BSD-3-Clause
// What two texts differ in, line by line, as `diff -u` prints it.
// Thread: any.
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "serve_revision.h"

enum { SERVE_DIFF_MAX = 1000 }; // lines deleted and added, up to which the shortest way is found

struct serve_diff_lines {
	uint32_t plus, minus;
};

// Prints from `a` to `b` under the name `name`; nothing where they are equal (a text that is not
// there is empty). Adds the lines to *lines. `out` or `lines` may be NULL. Texts that differ in more
// than SERVE_DIFF_MAX lines get a true diff that need not be the shortest. 0 or -ENOMEM.
int serve_diff(FILE *out, const char *name, const struct serve_text *a, const struct serve_text *b,
	struct serve_diff_lines *lines);
// All texts of two revisions; `a` may be NULL. 0 or -ENOMEM.
int serve_diff_revisions(FILE *out, const struct serve_revision *a, const struct serve_revision *b,
	struct serve_diff_lines *lines);
