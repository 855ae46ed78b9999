// SPDX-License-Identifier: BSD-3-Clause
// Comma-separated values (RFC 4180): a field that has a comma, a quote or a line end stands in quotes, a
// quote in it twice. Lines end with LF or CR LF. A spreadsheet takes a field that begins with = + - @, a tab or a
// line end for a formula: such a one is written with an apostrophe in front, and so is one that has such an
// apostrophe already; reading takes one away. Thread: any.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { SERVE_CSV_FIELDS = 16, SERVE_CSV_FIELD_MAX = 1100 };

struct serve_csv { // reading
	const char *p, *end;
	unsigned line;                                     // of the record read last, from 1
	unsigned next_line;                                // that comes
	unsigned n;                                        // its fields
	char field[SERVE_CSV_FIELDS][SERVE_CSV_FIELD_MAX]; // NUL-terminated
	char why[96];                                      // it is none
};

void serve_csv_begin(struct serve_csv *c, const char *text, size_t n);
// The next record that is not an empty line. 1; 0 at the end; -EINVAL: what stands at `line` is none.
int serve_csv_next(struct serve_csv *c);
// Writes a field; the stream remembers an error.
void serve_csv_put(FILE *f, const char *text, bool first);
