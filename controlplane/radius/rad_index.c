// SPDX-License-Identifier: BSD-3-Clause
// At most half of the places are taken, so that a walk ends soon.
// Thread: the owner's.
#include "rad_index.h"

#include <stdlib.h>

static uint64_t places(uint32_t most)
{
	uint64_t n = 16;

	while (n < 2 * (uint64_t)most)
		n *= 2;
	return n;
}

bool rad_index_open(struct rad_index *x, uint32_t most)
{
	const uint64_t n = places(most);

	x->mask = (uint32_t)(n - 1);
	x->place = calloc(n, sizeof(x->place[0]));
	return x->place != NULL;
}

void rad_index_close(struct rad_index *x)
{
	free(x->place);
	x->place = NULL;
}

uint64_t rad_index_bytes(uint32_t most)
{
	return places(most) * sizeof(uint32_t);
}

void rad_index_add(struct rad_index *x, uint32_t hash, uint32_t number)
{
	uint32_t at = hash & x->mask;

	while (x->place[at] != 0)
		at = (at + 1) & x->mask;
	x->place[at] = number + 1;
}

void rad_index_del(
	struct rad_index *x, uint32_t hash, uint32_t number, rad_hash_fn hash_of, const void *arg)
{
	uint32_t gap = hash & x->mask;

	while (x->place[gap] != number + 1)
		gap = (gap + 1) & x->mask;
	for (uint32_t at = (gap + 1) & x->mask; x->place[at] != 0; at = (at + 1) & x->mask) {
		const uint32_t home = hash_of(arg, x->place[at] - 1) & x->mask;

		if (((at - home) & x->mask) < ((at - gap) & x->mask))
			continue; // it is no further from its home than the gap
		x->place[gap] = x->place[at];
		gap = at;
	}
	x->place[gap] = 0;
}
