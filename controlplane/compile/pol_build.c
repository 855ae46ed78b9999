// SPDX-License-Identifier: BSD-3-Clause
// Growing arrays, one a section, and a hash of string offsets; the layout is decided in one place,
// pol_build_finish. Thread: one at a time.
#include "pol_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "pol_build_int.h"

enum { GROW_MIN = 256, SLOTS_MIN = 256 };

struct part {
	uint8_t *p;
	size_t n, cap; // bytes
};

struct pol_build {
	struct part sec[POL_SEC_COUNT];
	uint32_t *slots; // offsets of strings by hash, 0 = empty
	uint32_t nslots; // power of two
	uint32_t nstrings;
	bool failed; // out of memory
};

// Room for `n` more bytes at the end of a section; NULL once memory has run out.
static uint8_t *part_grow(struct pol_build *b, enum pol_section sec, size_t n)
{
	struct part *s = &b->sec[sec];
	size_t cap = s->cap < GROW_MIN ? GROW_MIN : s->cap;
	uint8_t *p;

	if (b->failed)
		return NULL;
	while (cap - s->n < n)
		cap *= 2;
	if (cap != s->cap) {
		p = realloc(s->p, cap);
		if (p == NULL) {
			b->failed = true;
			return NULL;
		}
		s->p = p;
		s->cap = cap;
	}
	p = s->p + s->n;
	s->n += n;
	return p;
}

struct pol_build *pol_build_new(void)
{
	struct pol_build *b = calloc(1, sizeof(*b));
	uint8_t *empty;

	if (b == NULL)
		return NULL;
	b->nslots = SLOTS_MIN;
	b->slots = calloc(b->nslots, sizeof(*b->slots));
	empty = part_grow(b, POL_SEC_STRINGS, 1);
	if (b->slots == NULL || empty == NULL) {
		pol_build_free(b);
		errno = ENOMEM;
		return NULL;
	}
	*empty = '\0';
	return b;
}

void pol_build_free(struct pol_build *b)
{
	if (b == NULL)
		return;
	for (unsigned i = 0; i < POL_SEC_COUNT; i++)
		free(b->sec[i].p);
	free(b->slots);
	free(b);
}

// The slot where `text` is or belongs.
static uint32_t *slot_of(
	const struct pol_build *b, uint32_t *slots, uint32_t nslots, const char *text)
{
	const char *strings = (const char *)b->sec[POL_SEC_STRINGS].p;
	uint32_t i = hash_crc32c(0, text, strlen(text)) & (nslots - 1);

	while (slots[i] != 0 && strcmp(strings + slots[i], text) != 0)
		i = (i + 1) & (nslots - 1);
	return &slots[i];
}

// Keeps the hash at most half full.
static bool slots_grow(struct pol_build *b)
{
	const char *strings = (const char *)b->sec[POL_SEC_STRINGS].p;
	uint32_t n = b->nslots * 2, *slots;

	if (b->nstrings * 2 < b->nslots)
		return true;
	slots = calloc(n, sizeof(*slots));
	if (slots == NULL) {
		b->failed = true;
		return false;
	}
	for (uint32_t i = 0; i < b->nslots; i++) {
		if (b->slots[i] != 0)
			*slot_of(b, slots, n, strings + b->slots[i]) = b->slots[i];
	}
	free(b->slots);
	b->slots = slots;
	b->nslots = n;
	return true;
}

uint32_t pol_build_string(struct pol_build *b, const char *text)
{
	uint32_t *slot, off;
	size_t n;
	uint8_t *p;

	if (text == NULL || text[0] == '\0' || !slots_grow(b))
		return 0;
	slot = slot_of(b, b->slots, b->nslots, text);
	if (*slot != 0)
		return *slot;
	off = (uint32_t)b->sec[POL_SEC_STRINGS].n;
	n = strlen(text) + 1;
	p = part_grow(b, POL_SEC_STRINGS, n);
	if (p == NULL)
		return 0;
	memcpy(p, text, n);
	*slot = off;
	b->nstrings++;
	return off;
}

uint32_t pol_build_add(struct pol_build *b, enum pol_section sec, const void *record)
{
	const uint32_t n = pol_record_bytes(sec);
	uint8_t *p = part_grow(b, sec, n);

	if (p != NULL)
		memcpy(p, record, n);
	return p == NULL ? 0 : (uint32_t)(b->sec[sec].n / n - 1);
}

uint32_t pol_build_count(const struct pol_build *b, enum pol_section sec)
{
	return (uint32_t)(b->sec[sec].n / pol_record_bytes(sec));
}

void pol_build_database(struct pol_build *b, enum pol_scope scope, const void *bytes, size_t n)
{
	enum pol_section sec = POL_SEC_DB_HELO + (int)scope;
	uint8_t *p;

	b->sec[sec].n = 0;
	p = n == 0 ? NULL : part_grow(b, sec, n);
	if (p != NULL)
		memcpy(p, bytes, n);
}

static size_t align_up(size_t n)
{
	return (n + (POL_ALIGN - 1)) & ~(size_t)(POL_ALIGN - 1);
}

int pol_build_finish(
	const struct pol_build *b, uint64_t version, int64_t made_s, uint8_t **bytes, size_t *n)
{
	size_t size = align_up(sizeof(struct pol_head)), at = size;
	const struct part *list = &b->sec[POL_SEC_POLICIES];
	struct part index = {0};
	struct pol_head *h;
	uint8_t *p;

	if (b->failed ||
		pol_build_index((const struct pol_policy *)(void *)list->p,
			(uint32_t)(list->n / sizeof(struct pol_policy)), &index.p, &index.n) != 0)
		return -ENOMEM;
	for (unsigned i = 0; i < POL_SEC_COUNT; i++)
		size += align_up(i == POL_SEC_INDEX ? index.n : b->sec[i].n);
	p = aligned_alloc(POL_ALIGN, size);
	if (p == NULL) {
		free(index.p);
		return -ENOMEM;
	}
	memset(p, 0, at);
	h = (struct pol_head *)p;
	*h = (struct pol_head){
		.magic = POL_MAGIC,
		.size = size,
		.format = POL_FORMAT,
		.build = POL_BUILD,
		.version = version,
		.made_s = made_s,
	};
	for (unsigned i = 0; i < POL_SEC_COUNT; i++) {
		const struct part *s = i == POL_SEC_INDEX ? &index : &b->sec[i];

		h->sec[i] = (struct pol_extent){.off = at, .len = s->n};
		if (s->n > 0)
			memcpy(p + at, s->p, s->n);
		memset(p + at + s->n, 0, align_up(s->n) - s->n);
		at += align_up(s->n);
	}
	free(index.p);
	h->crc = pol_checksum((struct span){.p = p, .n = size});
	*bytes = p;
	*n = size;
	return 0;
}
