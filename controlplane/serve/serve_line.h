// SPDX-License-Identifier: BSD-3-Clause
// Writing one JSON object of known fields into a fixed buffer: for the event log, where a tree a
// line would cost more than the line. Bytes of peers become valid UTF-8: what is not a whole UTF-8
// sequence, and a NUL, is replaced by U+FFFD, a byte each.
// Thread: any; no state but the line.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

enum { SERVE_EVENT_MAX = 16384 }; // bytes of a line

struct serve_line {
	size_t n;  // bytes used
	bool cut;  // it did not fit: the line is worthless
	char text[SERVE_EVENT_MAX];
};

void serve_line_begin(struct serve_line *l);
void serve_line_end(struct serve_line *l); // closes the object; no newline, no NUL

void serve_line_str(struct serve_line *l, const char *key, const char *text); // NULL = null
void serve_line_bytes(struct serve_line *l, const char *key, struct span bytes);
void serve_line_u64(struct serve_line *l, const char *key, uint64_t v);
void serve_line_i64(struct serve_line *l, const char *key, int64_t v);
void serve_line_bool(struct serve_line *l, const char *key, bool v);
void serve_line_null(struct serve_line *l, const char *key);
// Numbers up to `n`, the first 0 ends them.
void serve_line_list(struct serve_line *l, const char *key, const uint32_t *v, size_t n);
// Texts, as many as `v` has numbers up to its first 0 or `n`; NULL = null.
void serve_line_texts(struct serve_line *l, const char *key, const char *const *texts,
	const uint32_t *v, size_t n);
// Microseconds since 1970 as RFC 3339 in UTC; null where that is no date of these centuries.
void serve_line_time(struct serve_line *l, const char *key, int64_t at_us);

enum { SERVE_TIME_MAX = 28 }; // "2026-01-31T12:34:56.123456Z" and a NUL
// 0, or -ERANGE before 1970 and from the year 10000 on.
int serve_time_format(int64_t at_us, char out[SERVE_TIME_MAX]);
