// SPDX-License-Identifier: BSD-3-Clause
// A small image with every kind of record in it, and a seeded generator, for the tests of policy/.
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "pol_build.h"
#include "pol_match.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct sample {
	uint8_t *bytes;
	size_t n;
};

struct sample sample_new(void);
void sample_free(struct sample *s);
// Makes the checksum right again after a change.
void sample_seal(struct sample *s);
struct prefix sample_prefix(const char *text);
struct addr sample_addr(const char *text);

static inline uint32_t draw(uint64_t *state, uint32_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33) % below;
}
