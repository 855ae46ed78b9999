// SPDX-License-Identifier: BSD-3-Clause
// The mapping of limit cells. Nothing in it is believed but its size, which is sealed: how many buckets
// there are is read once and has to fit into it.
// Thread: the loop's.
#include "core_cells.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct core_cells {
	const struct api_cells *mem;
	uint64_t bytes;
	uint32_t buckets;
};

static const char *memory_fault(int fd, uint64_t bytes)
{
	const int needed = F_SEAL_SHRINK | F_SEAL_GROW;
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & needed) != needed)
		return "their memory is not sealed to a fixed size";
	if (fstat(fd, &st) < 0 || st.st_size <= 0 || (uint64_t)st.st_size != bytes ||
		bytes < sizeof(struct api_cells))
		return "their memory has not the size that it says";
	return NULL;
}

struct core_cells *core_cells_new(int fd, uint64_t bytes, struct err_list *err)
{
	struct core_cells *c = calloc(1, sizeof(*c));
	const char *fault = memory_fault(fd, bytes);
	void *mem = MAP_FAILED;

	if (c != NULL && fault == NULL)
		mem = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED) {
		err_add(err, "limit cells: %s",
			c == NULL               ? "out of memory"
				: fault != NULL ? fault
						: strerror(errno));
		free(c);
		return NULL;
	}
	*c = (struct core_cells){.mem = mem, .bytes = bytes};
	c->buckets = c->mem->buckets;
	if (api_cells_bytes(c->buckets) <= bytes) // rounded up to pages
		return c;
	err_add(err, "limit cells: more than their memory has");
	core_cells_free(c);
	return NULL;
}

void core_cells_free(struct core_cells *c)
{
	if (c == NULL)
		return;
	(void)munmap((void *)(uintptr_t)c->mem, c->bytes); // fails only for a wrong range
	free(c);
}

void core_cells_secret(const struct core_cells *c, uint8_t secret[API_CELLS_SECRET])
{
	memcpy(secret, c->mem->secret, API_CELLS_SECRET);
}

bool core_cells_walk(const struct core_cells *c, uint32_t *bucket, uint32_t max, int64_t now_s,
	void (*each)(void *arg, const struct api_count *row), void *arg)
{
	struct api_count row;

	for (uint32_t n = 0; n < max && *bucket < c->buckets; n++, (*bucket)++) {
		for (unsigned i = 0; i < API_CELLS_SLOTS; i++) {
			if (api_cells_take(c->mem, *bucket, i, &row) && api_count_is_sound(&row) &&
				!api_count_is_over(&row, now_s))
				each(arg, &row);
		}
	}
	return *bucket < c->buckets;
}
