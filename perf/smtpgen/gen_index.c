// SPDX-License-Identifier: BSD-3-Clause
// Linear probing in an array of which at most a quarter is taken; what is dropped leaves no mark, for
// those behind it move up. Thread: one.
#include "gen_index.h"

#include <errno.h>
#include <stdlib.h>

int gen_index_new(struct gen_index *x, uint32_t n)
{
	uint32_t places = 64;

	while (places < n * 4)
		places *= 2;
	x->mask = places - 1;
	x->place = calloc(places, sizeof(*x->place));
	return x->place == NULL ? -ENOMEM : 0;
}

void gen_index_free(struct gen_index *x)
{
	free(x->place);
	x->place = NULL;
}

static uint32_t find(const struct gen_index *x, uint64_t key)
{
	uint32_t i = gen_index_hash(key) & x->mask;

	while (x->place[i].key != 0 && x->place[i].key != key)
		i = (i + 1) & x->mask;
	return i;
}

uint32_t gen_index_get(const struct gen_index *x, uint64_t key)
{
	uint32_t i = find(x, key);

	return x->place[i].key == 0 ? GEN_INDEX_NONE : x->place[i].value;
}

void gen_index_put(struct gen_index *x, uint64_t key, uint32_t value)
{
	uint32_t i = find(x, key);

	x->place[i] = (struct gen_index_place){.key = key, .value = value};
}

void gen_index_drop(struct gen_index *x, uint64_t key)
{
	uint32_t hole = find(x, key);

	if (x->place[hole].key == 0)
		return;
	for (uint32_t i = (hole + 1) & x->mask; x->place[i].key != 0; i = (i + 1) & x->mask) {
		uint32_t home = gen_index_hash(x->place[i].key) & x->mask;

		if (((i - home) & x->mask) < ((i - hole) & x->mask))
			continue; // it would come to lie before its home
		x->place[hole] = x->place[i];
		hole = i;
	}
	x->place[hole].key = 0;
}
