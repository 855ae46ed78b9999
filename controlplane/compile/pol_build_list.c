// SPDX-License-Identifier: BSD-3-Clause
// Lists of patterns for an image: keys into a hash at most half full, in which none lies further from
// where its hash says than a reader looks; the other patterns behind one another. A pattern given twice
// is there once. Thread: one at a time.
#include <stdlib.h>
#include <string.h>

#include "pol_build.h"
#include "pol_word.h"

struct key {
	uint64_t hash;
	uint32_t text; // string offset
};

// Letters small, as words are.
static void pattern_write(const char *from, char to[POL_WORD_MAX + 1])
{
	size_t n = 0;

	for (; from[n] != '\0' && n < POL_WORD_MAX; n++)
		to[n] = from[n] >= 'A' && from[n] <= 'Z' ? (char)(from[n] - 'A' + 'a') : from[n];
	to[n] = '\0';
}

static int by_hash(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->text < y->text ? -1 : x->text > y->text;
}

// False where a key would lie too far away.
static bool slots_fill(struct pol_slot *slots, uint32_t nslots, const struct key *keys, uint32_t n)
{
	memset(slots, 0, nslots * sizeof(*slots));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = (uint32_t)keys[i].hash & (nslots - 1), way = 0;

		while (slots[at].text != 0 && way < POL_PROBES_MAX) {
			at = (at + 1) & (nslots - 1);
			way++;
		}
		if (way == POL_PROBES_MAX)
			return false;
		slots[at] = (struct pol_slot){
			.tag = (uint32_t)(keys[i].hash >> 32), .text = keys[i].text};
	}
	return true;
}

// The slots of n different keys, to be free()d; NULL where none do.
static struct pol_slot *slots_make(const struct key *keys, uint32_t n, uint32_t *nslots)
{
	struct pol_slot *slots;

	for (*nslots = 2; *nslots < 2 * n; *nslots *= 2)
		;
	for (; *nslots <= POL_SLOTS_MAX; *nslots *= 2) {
		slots = malloc(*nslots * sizeof(*slots));
		if (slots == NULL || slots_fill(slots, *nslots, keys, n))
			return slots;
		free(slots);
	}
	return NULL;
}

static uint32_t keys_unique(struct key *keys, uint32_t n)
{
	uint32_t kept = 0;

	qsort(keys, n, sizeof(*keys), by_hash);
	for (uint32_t i = 0; i < n; i++) {
		if (kept == 0 || keys[i].hash != keys[kept - 1].hash ||
			keys[i].text != keys[kept - 1].text)
			keys[kept++] = keys[i];
	}
	return kept;
}

uint32_t pol_build_list(struct pol_build *b, uint64_t version, int64_t made_s,
	const char *const *patterns, uint32_t n)
{
	struct pol_list list = {.slots = pol_build_count(b, POL_SEC_SLOTS),
		.globs = pol_build_count(b, POL_SEC_GLOBS)};
	struct key *keys = calloc(n + 1, sizeof(*keys));
	struct pol_slot *slots = NULL;
	uint32_t nkeys = 0, index = POL_NONE;
	char text[POL_WORD_MAX + 1];

	for (uint32_t i = 0; keys != NULL && i < n; i++) {
		int at;

		pattern_write(patterns[i], text);
		at = pol_pattern_key(text);
		if (at < 0) {
			struct pol_glob g = {.text = pol_build_string(b, text)};

			(void)pol_build_add(b, POL_SEC_GLOBS, &g); // found by its list
			list.nglobs++;
			continue;
		}
		keys[nkeys++] = (struct key){
			.hash = pol_key_hash(version, made_s, text + at, strlen(text + at)),
			.text = pol_build_string(b, text + at)};
	}
	nkeys = keys == NULL ? 0 : keys_unique(keys, nkeys);
	if (nkeys > 0)
		slots = slots_make(keys, nkeys, &list.nslots);
	if (keys == NULL || (nkeys > 0 && slots == NULL))
		goto free_all;
	for (uint32_t i = 0; i < list.nslots; i++)
		(void)pol_build_add(b, POL_SEC_SLOTS, &slots[i]); // found by its list
	index = pol_build_add(b, POL_SEC_LISTS, &list);
free_all:
	free(slots);
	free(keys);
	return index;
}
