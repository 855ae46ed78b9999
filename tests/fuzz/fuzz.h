// SPDX-License-Identifier: BSD-3-Clause
// What the fuzz targets share: the entry point, a check that ends the run, and a cursor that takes
// decisions from the input. A check is always on; it is what the target is for.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "panic.h"
#include "span.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			PANIC("broken: %s", #cond);                                                \
	} while (0)

// The next byte of the input, 0 behind its end.
static inline uint8_t take8(struct span *in)
{
	uint8_t v;

	if (in->n == 0)
		return 0;
	v = in->p[0];
	*in = span_from(*in, 1);
	return v;
}

static inline uint32_t take32(struct span *in)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 8 | take8(in);
	return v;
}

// Up to `n` bytes.
static inline struct span take(struct span *in, size_t n)
{
	struct span got = span_sub(*in, 0, n);

	*in = span_from(*in, got.n);
	return got;
}

// A heap copy of exactly the size, so that the sanitizer sees a read past it. `align` 0: any.
static inline uint8_t *copy_of(struct span s, size_t align)
{
	uint8_t *p = align == 0 ? malloc(s.n == 0 ? 1 : s.n)
				: aligned_alloc(align, (s.n + align) / align * align);

	if (p == NULL)
		abort();
	if (s.n != 0)
		memcpy(p, s.p, s.n);
	return p;
}

static inline bool span_is_inside(struct span part, struct span whole)
{
	return part.n == 0 || (part.p >= whole.p && part.n <= whole.n &&
			       (size_t)(part.p - whole.p) <= whole.n - part.n);
}
