// SPDX-License-Identifier: BSD-3-Clause
// Memory of one configuration: taken in pieces, given back at once. Chunks of 64 kB, larger ones
// where a piece asks for it. Thread: one at a time.
#include <stdlib.h>
#include <string.h>

#include "cfg_int.h"

enum { CHUNK_BYTES = 64 << 10 };

struct chunk {
	struct chunk *next;
	size_t used, cap; // of data
	max_align_t data[];
};

struct cfg_arena {
	struct chunk *chunks; // the newest first
};

struct cfg_arena *cfg_arena_new(void)
{
	return calloc(1, sizeof(struct cfg_arena));
}

void *cfg_arena_take(struct cfg_arena *a, size_t n)
{
	struct chunk *c = a->chunks;
	void *p;

	if (n > SIZE_MAX / 2)
		return NULL;
	n = (n + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	if (c == NULL || n > c->cap - c->used) {
		size_t cap = n > CHUNK_BYTES ? n : CHUNK_BYTES;

		c = calloc(1, sizeof(*c) + cap);
		if (c == NULL)
			return NULL;
		c->cap = cap;
		c->next = a->chunks;
		a->chunks = c;
	}
	p = (char *)c->data + c->used;
	c->used += n;
	return p;
}

char *cfg_arena_text(struct cfg_arena *a, const void *p, size_t n)
{
	char *t = cfg_arena_take(a, n + 1);

	if (t != NULL && n > 0)
		memcpy(t, p, n); // the NUL is there: pieces are zeroed
	return t;
}

void cfg_arena_free(struct cfg_arena *a)
{
	if (a == NULL)
		return;
	for (struct chunk *c = a->chunks, *next; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	free(a);
}
