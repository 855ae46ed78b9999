// SPDX-License-Identifier: BSD-3-Clause
// A borrowed run of bytes: the only way hostile input travels between layers.
// A span owns nothing; it is valid as long as what it points into.
// Thread: any; nothing here is shared.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *p;
	size_t n; // bytes
};

// A span over a C string, without its NUL.
static inline struct span span_str(const char *s)
{
	return (struct span){.p = (const uint8_t *)s, .n = strlen(s)};
}

// The part of `s` from `off` on, at most `n` bytes; empty where `off` lies past the end.
static inline struct span span_sub(struct span s, size_t off, size_t n)
{
	if (off > s.n)
		off = s.n;
	if (n > s.n - off)
		n = s.n - off;
	return (struct span){.p = s.p == NULL ? NULL : s.p + off, .n = n};
}

static inline struct span span_from(struct span s, size_t off)
{
	return span_sub(s, off, SIZE_MAX);
}

static inline bool span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
